"""The answer to one record: typed and immutable, with the complete derivation it was drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType

from reasoner.compiler.model import Dose
from reasoner.engine.comparison import Alternative, Assumed, Comparison
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import Assumption, Certainty, Conclusion, Conclusions, Missing, RankedRegimen
from reasoner.engine.counting import amount_words
from reasoner.engine.derivation import Derivation
from reasoner.engine.grounds import grounds_of
from reasoner.engine.notes import notes_on
from reasoner.engine.predicates import (
    BEFORE,
    CALLS_FOR,
    CAUTIONED,
    CONTRAINDICATED,
    INDICATED,
    PREFERS,
    SCORE,
    STEP_DONE,
    arguments_of,
    ground_atom,
    predicate_of,
)
from reasoner.engine.scores import Score, score_phrase, scores
from reasoner.records.record import Record
from reasoner.records.shapes import Carried, Result, Shape

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "ActionCall",
    "Alternative",
    "Answer",
    "Assumed",
    "Assumption",
    "DoseGiven",
    "Exclusion",
    "GuidelineInfo",
    "Missing",
    "Reason",
    "Recommendation",
    "build_answer",
]

UNWORDED = {"catalogue", "position", "conclusion", "reading"}


class GuidelineInfo(Shape, frozen=True):
    """Which guideline answered: its id, the digest of its files, the layer and the overlays laid on top.

    `readings` are those that are taken otherwise than by default, such as "R5=b", or left open, such as "R5=any".
    """

    id: str
    digest: str
    layer: str
    overlays: tuple[str, ...]
    readings: tuple[str, ...]
    title: str
    disclaimer: str


class DoseGiven(Shape, frozen=True):
    """A dose as the guideline gives it.

    `amount` is in `unit` ("mg" or "mg/kg"), given every `every_weeks` weeks, once where that is null; `mg` is the dose of
    this patient, null where the record holds no weight; `statement` is the statement that gives it. `certainty` tells
    whether the dose is still to be given in every completion, or only in those that agree with `assuming`.
    """

    drug: str
    schedule: str
    step: str
    amount: float
    unit: str
    every_weeks: int | None
    route: str
    mg: float | None
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    statement: str


class Reason(Struct, frozen=True):
    """One rule's reason: what holds of the patient, and the statement, reading or overlay that makes it count."""

    words: str
    annotation: str

    def __str__(self) -> str:
        return f"{self.words} [{self.annotation}]"


class Recommendation(Result, frozen=True):
    """A regimen that is recommended.

    `certainty` tells whether in every completion of what the record leaves open, or only in those that agree with
    `assuming`. `rank` is its position in the order of preference, from 1. `rules` to `citations` are what it rests on;
    `readings` are those without whose rules it would not stand so, `depends_on_readings` those of which another alternative
    changes whether it is recommended, or how certainly. `because` has a sentence for each rule that speaks for it, with the
    statement or reading in brackets.

    `reasons`, not part of the JSON, are the same with words and source apart.
    """

    regimen: str
    rank: int
    strength: str
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    rules: tuple[str, ...]
    statements: tuple[str, ...]
    readings: tuple[str, ...]
    depends_on_readings: tuple[str, ...]
    overlays: tuple[str, ...]
    trials: tuple[str, ...]
    citations: tuple[int, ...]
    doses: tuple[DoseGiven, ...]
    cautions: tuple[str, ...]
    because: tuple[str, ...]

    reasons = Carried[tuple[Reason, ...]]()


class Exclusion(Result, frozen=True):
    """A regimen that the record speaks against; `because` has a sentence for each reason, with its source in brackets.

    `readings` and `depends_on_readings` are as for a recommendation.

    `reasons`, not part of the JSON, are the same with words and source apart.
    """

    regimen: str
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    rules: tuple[str, ...]
    statements: tuple[str, ...]
    readings: tuple[str, ...]
    depends_on_readings: tuple[str, ...]
    overlays: tuple[str, ...]
    because: tuple[str, ...]

    reasons = Carried[tuple[Reason, ...]]()


class ActionCall(Shape, frozen=True):
    """Something that the guideline calls for, and what it rests on; the readings are as for a recommendation."""

    action: str
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    text: str
    rules: tuple[str, ...]
    statements: tuple[str, ...]
    readings: tuple[str, ...]
    depends_on_readings: tuple[str, ...]
    overlays: tuple[str, ...]


class Answer(Result, frozen=True, tag_field="schema", tag="reasoner.answer/1"):
    """What a guideline says of one record.

    `setting` is "undetermined" where an unknown fact decides it. `missing` lists the unknown facts that can change the
    answer, `assumed` the facts that a default stands for, and `alternatives` what another reading would change. `scores` is
    there where the guideline declares any.

    `derivation`, not part of the JSON, holds every rule that supports a conclusion and every one that is blocked.
    """

    guideline: GuidelineInfo
    patient: str
    setting: str
    recommended: tuple[Recommendation, ...]
    excluded: tuple[Exclusion, ...]
    actions: tuple[ActionCall, ...]
    missing: tuple[Missing, ...]
    assumed: tuple[Assumed, ...]
    alternatives: tuple[Alternative, ...]
    notes: tuple[str, ...]
    scores: tuple[Score, ...] | UnsetType = UNSET

    derivation = Carried[Derivation]()


def build_answer(derivation: Derivation, record: Record, info: GuidelineInfo, warnings: Sequence[str] = ()) -> Answer:
    """Build the answer to `record` from its derivation."""
    builder = AnswerBuilder(derivation, record)
    setting = builder.conclusions.setting()
    recommended = tuple(builder.recommended())
    return Answer(
        guideline=info,
        patient=record.id,
        setting=setting,
        recommended=recommended,
        excluded=tuple(builder.excluded()),
        actions=tuple(builder.actions()),
        missing=tuple(builder.conclusions.missing()),
        assumed=tuple(builder.comparison.assumed(record)),
        alternatives=tuple(builder.comparison.alternatives(setting)),
        notes=(*notes_on(derivation, builder.conclusions, setting), *record.remarks, *warnings),
        scores=tuple(scores(derivation, builder.conclusions)) if derivation.model.labels.get(SCORE) else UNSET,
    ).carrying(derivation=derivation)


class AnswerBuilder:
    """Builds the entries of the answer to one record from its derivation."""

    def __init__(self, derivation: Derivation, record: Record) -> None:
        self.derivation = derivation
        self.program = derivation.program
        self.model = derivation.model
        self.record = record
        self.conclusions = Conclusions(
            derivation.completions, derivation.model, derivation.program.table, derivation.values, derivation.possible
        )
        self.comparison = Comparison(derivation, self.conclusions)
        self.held = self.conclusions.held
        self.phrases: dict[tuple[int, Truth], str] = {}

    def recommended(self) -> Iterator[Recommendation]:
        for entry in self.conclusions.recommended():
            yield self.recommendation(entry)

    def recommendation(self, entry: RankedRegimen) -> Recommendation:
        regimen, agree = entry.name, entry.agree
        none = self.derivation.completions.none
        cautions = {name for name, truth, _ in self.held(CAUTIONED, regimen) if truth & agree != none}
        grounds = self.derivation.grounds(entry.atom, agree, self.preferences(regimen, agree))
        reasons = self.reasons(INDICATED, regimen, agree)
        return Recommendation(
            regimen=regimen,
            rank=entry.rank,
            strength=entry.strength,
            certainty=entry.certainty,
            assuming=entry.assuming,
            rules=grounds.rules,
            statements=grounds.statements,
            readings=self.comparison.readings_of_recommendation(entry, cautions, grounds),
            depends_on_readings=self.comparison.deciding_readings(entry.atom),
            overlays=grounds.overlays,
            trials=grounds.trials,
            citations=grounds.citations,
            doses=tuple(self.doses(regimen, agree)),
            cautions=tuple(sorted(cautions)),
            because=tuple(map(str, reasons)),
        ).carrying(reasons=reasons)

    def excluded(self) -> Iterator[Exclusion]:
        for entry in self.conclusions.excluded():
            yield self.exclusion(entry)

    def exclusion(self, entry: Conclusion) -> Exclusion:
        grounds = self.derivation.grounds(entry.atom, entry.agree)
        reasons = self.reasons(CONTRAINDICATED, entry.name, entry.agree)
        return Exclusion(
            regimen=entry.name,
            certainty=entry.certainty,
            assuming=entry.assuming,
            rules=grounds.rules,
            statements=grounds.statements,
            readings=self.comparison.readings_of(entry, grounds),
            depends_on_readings=self.comparison.deciding_readings(entry.atom),
            overlays=grounds.overlays,
            because=tuple(map(str, reasons)),
        ).carrying(reasons=reasons)

    def actions(self) -> Iterator[ActionCall]:
        for entry in self.conclusions.actions():
            yield self.call(entry)

    def call(self, entry: Conclusion) -> ActionCall:
        fired = self.fired(CALLS_FOR, entry.name, entry.agree)
        grounds = grounds_of(self.model, frozenset(self.program.rules[rule].rule for rule in fired))
        return ActionCall(
            action=entry.name,
            certainty=entry.certainty,
            assuming=entry.assuming,
            text=self.model.label("action", entry.name),
            rules=grounds.rules,
            statements=grounds.statements,
            readings=self.comparison.readings_of(entry, grounds),
            depends_on_readings=self.comparison.deciding_readings(entry.atom),
            overlays=grounds.overlays,
        )

    def doses(self, regimen: str, agree: Truth) -> Iterator[DoseGiven]:
        """Yield the doses of a regimen's drugs but the steps that are done, in mg where the record holds a weight."""
        for drug in dict.fromkeys(drug for part in self.model.parts.get(regimen, ()) for drug in part):
            for dose in (dose for dose in self.model.doses if dose.drug == drug):
                done = self.derivation.truth(ground_atom(STEP_DONE, drug, dose.step)) & agree
                if done != agree:
                    certainty, assuming, _ = self.conclusions.certainty(self.derivation.completions.all & ~done)
                    yield dose_of(dose, self.weight, certainty, assuming)

    @cached_property
    def weight(self) -> Decimal | None:
        """The patient's weight in kg, None where it is unknown."""
        from decimal import Decimal

        weight = self.record.data.get(self.model.weight)
        return Decimal(str(weight)) if isinstance(weight, int | float) else None

    def preferences(self, regimen: str, agree: Truth) -> set[int]:
        """Find the source's rules that prefer another recommended regimen to this one."""
        none = self.derivation.completions.none
        return {
            self.program.rules[support].rule
            for first in self.conclusions.holding.get(BEFORE, ())
            if any(name == regimen and truth & agree != none for name, truth, _ in self.held(BEFORE, first))
            for name, _, atom in self.held(PREFERS, first)
            if name == regimen
            for support in self.program.supports[atom]
            if self.derivation.fired[support] & agree != none
        }

    def reasons(self, predicate: str, first: str, agree: Truth) -> tuple[Reason, ...]:
        """Word each rule that fires for a position by its conditions; the catalogue and other positions are left out."""
        program, joint = self.program, self.model.say("and")
        reasons: dict[Reason, None] = {}
        for support in self.fired(predicate, first, agree):
            ground = program.rules[support]
            rule = self.model.rules[ground.rule]
            words = [
                self.absence(c) if negated else self.with_facts(c, agree)
                for c, negated in ground.conditions
                if program.roles[c] not in UNWORDED
            ]
            annotation = rule.annotation or rule.id
            text = joint.join(words) or (self.model.annotations[annotation].text if rule.annotation else rule.head)
            reasons[Reason(text, annotation)] = None
        return tuple(reasons)

    def absence(self, atom: int) -> str:
        """Word an atom's absence: recorded as absent, or merely not on record."""
        recorded = self.derivation.state(atom) == "recorded_absent"
        return self.model.say("without" if recorded else "no_record", self.program.phrases[atom])

    def with_facts(self, atom: int, agree: Truth) -> str:
        """Word an atom, followed by what of the record its rules rest on directly; its own arguments are not repeated."""
        found = self.phrases.get((atom, agree))
        if found is None:
            facts = self.facts_behind(atom, agree)
            found = self.phrases[atom, agree] = self.words(atom, agree) + (f" ({facts})" if facts else "")
        return found

    def words(self, atom: int, agree: Truth) -> str:
        """Word an atom in the completions of `agree`; a score by all values that it has there."""
        text = self.program.atoms[atom]
        if predicate_of(text) != SCORE:
            return self.derivation.phrase(atom, agree)
        name, none = arguments_of(text)[0], self.derivation.completions.none
        values = [int(value) for value, truth, _ in self.held(SCORE, name) if truth & agree != none]
        return score_phrase(name, values, self.model)

    def facts_behind(self, atom: int, agree: Truth) -> str:
        """Word the recorded facts that the rules of a derived atom rest on directly; an empty text where there are none."""
        program, first = self.program, len(self.program.inputs)
        if atom < first:
            return ""
        own = set(arguments_of(program.atoms[atom]))
        supports = self.derivation.firing(atom, agree)
        facts = dict.fromkeys(
            program.phrases[c]
            for support in supports
            for c, negated in program.rules[support].conditions
            if c < first
            and not negated
            and program.roles[c] not in UNWORDED
            and own.isdisjoint(arguments_of(program.atoms[c]))
        )
        amounts = {c: None for support in supports for c, _ in program.rules[support].conditions if c in program.aggregates}
        facts |= dict.fromkeys(parts for c in amounts if (parts := amount_words(self.derivation, c, agree)[1]))
        together = all(self.derivation.fired[support] & agree == agree for support in supports)
        return self.model.say("and" if together else "or").join(facts)

    def fired(self, predicate: str, first: str, agree: Truth) -> list[int]:
        """List the ground rules that conclude a position in all completions that `agree`, or else in some."""
        rules = [rule for _, _, atom in self.held(predicate, first) for rule in self.derivation.firing(atom, agree)]
        fired = self.derivation.fired
        return [rule for rule in rules if fired[rule] & agree == agree] or rules


def dose_of(dose: Dose, kilograms: Decimal | None, certainty: Certainty, assuming: tuple[Assumption, ...]) -> DoseGiven:
    """Give a dose for a patient of so many kilograms, None where the weight is unknown."""
    from decimal import Decimal

    amount = Decimal(dose.amount)
    by_weight = None if kilograms is None else amount * kilograms
    mg = by_weight if dose.unit == "mg/kg" else amount
    return DoseGiven(
        drug=dose.drug,
        schedule=dose.schedule,
        step=dose.step,
        amount=number(amount),
        unit=dose.unit,
        every_weeks=dose.every_weeks,
        route=dose.route,
        mg=None if mg is None else number(mg),
        certainty=certainty,
        assuming=assuming,
        statement=dose.statement,
    )


def number(value: Decimal) -> int | float:
    """Give a decimal as JSON shows it: whole numbers without a point."""
    return int(value) if value == value.to_integral_value() else float(value)
