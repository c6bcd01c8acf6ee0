"""The answer to one record: typed and immutable, with the complete derivation it was drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import NONE, Assumption, Conclusion, Conclusions, Missing, RankedRegimen, holding
from reasoner.engine.derivation import Derivation
from reasoner.engine.grounds import grounds_of
from reasoner.engine.notes import notes_on
from reasoner.records.record import Record

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "ActionCall",
    "Answer",
    "Assumption",
    "DoseGiven",
    "Exclusion",
    "GuidelineInfo",
    "Missing",
    "Reason",
    "Recommendation",
    "build_answer",
]

SCHEMA = "reasoner.answer/1"
UNWORDED = {"catalogue", "position", "conclusion"}


class GuidelineInfo(NamedTuple):
    """Which guideline answered: its id, the digest of its files, the layer and the overlays laid on top."""

    id: str
    title: str
    digest: str
    layer: str
    overlays: tuple[str, ...]
    disclaimer: str

    def to_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "digest": self.digest,
            "layer": self.layer,
            "overlays": list(self.overlays),
            "title": self.title,
            "disclaimer": self.disclaimer,
        }


class DoseGiven(NamedTuple):
    """A dose as the guideline gives it; `mg` for this patient, None where the weight is not recorded."""

    drug: str
    schedule: str
    step: str
    amount: Decimal
    unit: str
    every_weeks: int | None
    route: str
    mg: Decimal | None
    statement: str

    def to_dict(self) -> dict[str, object]:
        return {
            "drug": self.drug,
            "schedule": self.schedule,
            "step": self.step,
            "amount": plain(self.amount),
            "unit": self.unit,
            "every_weeks": self.every_weeks,
            "route": self.route,
            "mg": None if self.mg is None else plain(self.mg),
            "statement": self.statement,
        }


class Reason(NamedTuple):
    """One rule's reason: what holds of the patient, and the statement, reading or overlay that makes it count."""

    words: str
    annotation: str

    def __str__(self) -> str:
        return f"{self.words} [{self.annotation}]"


class Recommendation(NamedTuple):
    """A regimen that is recommended, in every completion ("certain") or in some ("conditional").

    `because` names, for each rule that speaks for it, the statement or reading with what holds of the patient.
    """

    regimen: str
    rank: int
    strength: str
    certainty: str
    assuming: tuple[Assumption, ...]
    rules: tuple[str, ...]
    statements: tuple[str, ...]
    readings: tuple[str, ...]
    overlays: tuple[str, ...]
    trials: tuple[str, ...]
    citations: tuple[int, ...]
    doses: tuple[DoseGiven, ...]
    cautions: tuple[str, ...]
    because: tuple[Reason, ...]

    def to_dict(self) -> dict[str, object]:
        return {
            "regimen": self.regimen,
            "rank": self.rank,
            "strength": self.strength,
            "certainty": self.certainty,
            "assuming": [a.to_dict() for a in self.assuming],
            "rules": list(self.rules),
            "statements": list(self.statements),
            "readings": list(self.readings),
            "overlays": list(self.overlays),
            "trials": list(self.trials),
            "citations": list(self.citations),
            "doses": [dose.to_dict() for dose in self.doses],
            "cautions": list(self.cautions),
            "because": [str(reason) for reason in self.because],
        }


class Exclusion(NamedTuple):
    """A regimen that the record speaks against, with a sentence for each reason."""

    regimen: str
    certainty: str
    assuming: tuple[Assumption, ...]
    rules: tuple[str, ...]
    statements: tuple[str, ...]
    readings: tuple[str, ...]
    overlays: tuple[str, ...]
    because: tuple[Reason, ...]

    def to_dict(self) -> dict[str, object]:
        return {
            "regimen": self.regimen,
            "certainty": self.certainty,
            "assuming": [a.to_dict() for a in self.assuming],
            "rules": list(self.rules),
            "statements": list(self.statements),
            "readings": list(self.readings),
            "overlays": list(self.overlays),
            "because": [str(reason) for reason in self.because],
        }


class ActionCall(NamedTuple):
    """Something that the guideline calls for."""

    action: str
    certainty: str
    assuming: tuple[Assumption, ...]
    text: str
    rules: tuple[str, ...]
    statements: tuple[str, ...]
    readings: tuple[str, ...]
    overlays: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        return {
            "action": self.action,
            "certainty": self.certainty,
            "assuming": [a.to_dict() for a in self.assuming],
            "text": self.text,
            "rules": list(self.rules),
            "statements": list(self.statements),
            "readings": list(self.readings),
            "overlays": list(self.overlays),
        }


class Answer(NamedTuple):
    """What a guideline says of one record. `derivation` holds every support and every blocked rule."""

    guideline: GuidelineInfo
    patient: str
    setting: str
    recommended: tuple[Recommendation, ...]
    excluded: tuple[Exclusion, ...]
    actions: tuple[ActionCall, ...]
    missing: tuple[Missing, ...]
    notes: tuple[str, ...]
    derivation: Derivation

    def to_dict(self) -> dict[str, object]:
        """Give the answer as the JSON object of schema ``reasoner.answer/1``."""
        return {
            "schema": SCHEMA,
            "guideline": self.guideline.to_dict(),
            "patient": self.patient,
            "setting": self.setting,
            "recommended": [entry.to_dict() for entry in self.recommended],
            "excluded": [entry.to_dict() for entry in self.excluded],
            "actions": [entry.to_dict() for entry in self.actions],
            "missing": [entry.to_dict() for entry in self.missing],
            "notes": list(self.notes),
        }


def arguments(atom: str) -> set[str]:
    return set(atom.partition("(")[2].removesuffix(")").split(",")) - {""}


def plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


class AnswerBuilder:
    """Draws the answer to one record from its derivation."""

    def __init__(self, derivation: Derivation, record: Record) -> None:
        self.derivation = derivation
        self.model = derivation.model
        self.record = record
        self.verdicts = Conclusions(
            derivation.completions, derivation.model, holding(derivation.program.table, derivation.values)
        )
        self.held = self.verdicts.held
        self.worded: dict[tuple[int, int], str] = {}

    def recommended(self) -> list[Recommendation]:
        return [self.recommendation(entry) for entry in self.verdicts.recommended()]

    def recommendation(self, entry: RankedRegimen) -> Recommendation:
        regimen, agree = entry.name, entry.agree
        cautions = {name for name, held, _ in self.held("cautioned", regimen) if held & agree}
        grounds = self.derivation.grounds(entry.atom, agree, self.preferences(regimen, agree))
        return Recommendation(
            regimen=regimen,
            rank=entry.rank,
            strength=entry.strength,
            certainty=entry.certainty,
            assuming=entry.assuming,
            rules=grounds.rules,
            statements=grounds.statements,
            readings=grounds.readings,
            overlays=grounds.overlays,
            trials=grounds.trials,
            citations=grounds.citations,
            doses=doses_of(regimen, self.model, self.record.data),
            cautions=tuple(sorted(cautions)),
            because=self.reasons("indicated", regimen, agree),
        )

    def excluded(self) -> list[Exclusion]:
        return [self.exclusion(entry) for entry in self.verdicts.excluded()]

    def exclusion(self, entry: Conclusion) -> Exclusion:
        grounds = self.derivation.grounds(entry.atom, entry.agree)
        return Exclusion(
            regimen=entry.name,
            certainty=entry.certainty,
            assuming=entry.assuming,
            rules=grounds.rules,
            statements=grounds.statements,
            readings=grounds.readings,
            overlays=grounds.overlays,
            because=self.reasons("contraindicated", entry.name, entry.agree),
        )

    def preferences(self, regimen: str, agree: int) -> set[int]:
        """Find the source's rules that prefer another recommended regimen to this one."""
        rules = self.derivation.program.rules
        return {
            rules[support].rule
            for first in self.verdicts.holding.get("before", NONE)
            if any(name == regimen and truth & agree for name, truth, _ in self.held("before", first))
            for name, _, atom in self.held("prefers", first)
            if name == regimen
            for support in self.derivation.program.supports[atom]
            if self.derivation.fired[support] & agree
        }

    def reasons(self, predicate: str, first: str, agree: int) -> tuple[Reason, ...]:
        """Word each rule that fires for a position by its conditions; the catalogue and other positions are left out."""
        program, joint = self.derivation.program, self.model.say("and")
        reasons: dict[Reason, None] = {}
        for support in self.fired(predicate, first, agree):
            ground = program.rules[support]
            rule = self.model.rules[ground.rule]
            words = [
                self.without(c) if negated else self.with_facts(c, agree)
                for c, negated in ground.conditions
                if program.roles[c] not in UNWORDED
            ]
            annotation = rule.annotation or rule.id
            text = joint.join(words) or (self.model.annotations[annotation].text if rule.annotation else rule.head)
            reasons[Reason(text, annotation)] = None
        return tuple(reasons)

    def without(self, atom: int) -> str:
        """Word an atom's absence: what is recorded as absent is told from what no record speaks of."""
        recorded = self.derivation.state(atom) == "recorded_absent"
        return self.model.say("without" if recorded else "no_record", self.derivation.program.phrases[atom])

    def with_facts(self, atom: int, agree: int) -> str:
        """Word an atom, followed by what of the record its rules rest on directly; its own arguments are not repeated."""
        found = self.worded.get((atom, agree))
        if found is None:
            found = self.worded[atom, agree] = self.word_with_facts(atom, agree)
        return found

    def word_with_facts(self, atom: int, agree: int) -> str:
        program, first = self.derivation.program, len(self.derivation.program.inputs)
        if atom < first:
            return program.phrases[atom]
        own = arguments(program.atoms[atom])
        supports = self.derivation.firing(atom, agree)
        sure = all(self.derivation.fired[support] & agree == agree for support in supports)
        facts = dict.fromkeys(
            program.phrases[c]
            for support in supports
            for c, negated in program.rules[support].conditions
            if c < first and not negated and own.isdisjoint(arguments(program.atoms[c]))
        )
        joint = self.model.say("and" if sure else "or")
        return program.phrases[atom] + (f" ({joint.join(facts)})" if facts else "")

    def fired(self, predicate: str, first: str, agree: int) -> list[int]:
        """List the ground rules that conclude a position in all completions that `agree`, or else in some."""
        rules = [rule for _, _, atom in self.held(predicate, first) for rule in self.derivation.firing(atom, agree)]
        fired = self.derivation.fired
        return [rule for rule in rules if fired[rule] & agree == agree] or rules

    def actions(self) -> list[ActionCall]:
        return [self.call(entry) for entry in self.verdicts.actions()]

    def call(self, entry: Conclusion) -> ActionCall:
        rules = self.derivation.program.rules
        fired = self.fired("calls_for", entry.name, entry.agree)
        grounds = grounds_of(self.model, frozenset(rules[rule].rule for rule in fired))
        return ActionCall(
            action=entry.name,
            certainty=entry.certainty,
            assuming=entry.assuming,
            text=self.model.label("action", entry.name),
            rules=grounds.rules,
            statements=grounds.statements,
            readings=grounds.readings,
            overlays=grounds.overlays,
        )


def doses_of(regimen: str, model: GuidelineModel, data: Mapping[str, object]) -> tuple[DoseGiven, ...]:
    """List the doses of a regimen's drugs, in mg where the record holds a weight."""
    from decimal import Decimal

    weight = data.get(model.weight)
    kilograms = Decimal(str(weight)) if isinstance(weight, int | float) else None
    doses = []
    for drug in dict.fromkeys(drug for part in model.parts.get(regimen, ()) for drug in part):
        for dose in model.doses:
            if dose.drug == drug:
                per_kg = dose.unit == "mg/kg"
                amount = Decimal(dose.amount)
                mg = amount * kilograms if per_kg and kilograms is not None else None if per_kg else amount
                doses.append(
                    DoseGiven(
                        drug, dose.schedule, dose.step, amount, dose.unit, dose.every_weeks, dose.route, mg, dose.statement
                    )
                )
    return tuple(doses)


def build_answer(derivation: Derivation, record: Record, info: GuidelineInfo, warnings: Sequence[str] = ()) -> Answer:
    """Draw the answer to `record` from its derivation."""
    drawer = AnswerBuilder(derivation, record)
    setting = drawer.verdicts.setting()
    recommended = tuple(drawer.recommended())
    excluded = tuple(drawer.excluded())
    return Answer(
        guideline=info,
        patient=record.id,
        setting=setting,
        recommended=recommended,
        excluded=excluded,
        actions=tuple(drawer.actions()),
        missing=tuple(drawer.verdicts.missing()),
        notes=(*notes_on(derivation, setting, bool(recommended)), *record.remarks, *warnings),
        derivation=derivation,
    )
