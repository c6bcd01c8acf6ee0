"""The answer to one record: typed and immutable, with the complete derivation it was drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import UNSET, UnsetType

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.bottom_line import BottomLine
from reasoner.engine.caveats import caveats_on
from reasoner.engine.comparison import Alternative, Assumed, Comparison
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import (
    Assumption,
    Certainty,
    Conclusion,
    DecisionSetting,
    Missing,
    RankedRegimen,
    conclusions_of,
)
from reasoner.engine.derivation import Derivation
from reasoner.engine.doses import DoseGiven, Doses
from reasoner.engine.grounds import grounds_of
from reasoner.engine.memory import too_small
from reasoner.engine.notes import not_asked_for, notes_on
from reasoner.engine.opened_record import Asked
from reasoner.engine.phrases import RecommendationWords
from reasoner.engine.predicates import (
    BEFORE,
    CALLS_FOR,
    CAUTIONED,
    CONTRAINDICATED,
    INDICATED,
    PREFERS,
    SCORE,
)
from reasoner.engine.reasons import FINDING, Reason, ReasonWriter
from reasoner.engine.scores import Score, scores
from reasoner.records.record import Record
from reasoner.records.shapes import Carried, Result, Shape

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
    "RecommendationWords",
    "build_answer",
    "highest_certainty",
]


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


class Recommendation(Result, frozen=True):
    """A regimen that is recommended.

    `certainty` tells whether in every completion of what the record leaves open, or only in those that agree with
    `assuming`. `rank` is its position in the order of preference, from 1. `rules` to `citations` are what it rests on;
    `readings` are those without whose rules it would not stand so, `depends_on_readings` those of which another alternative
    changes whether it is recommended, or how certainly. `because` has a sentence for each rule that speaks for it, with the
    statement or reading in brackets. `evidence_certainty` is the highest of the statements that indicate it with `strength`,
    null where they say none. `decision` is there where the guideline answers several, and ranks are within it.

    `reasons`, not part of the JSON, are the same with words and source apart.
    """

    regimen: str
    rank: int
    strength: str
    evidence_certainty: str | None
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
    decision: str | UnsetType = UNSET

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


class AnswerWords(Shape, frozen=True):
    """The words for each recommended regimen, and what the conditional entries of each list require."""

    recommended: dict[str, RecommendationWords]
    required: dict[Literal["recommended", "excluded", "actions"], dict[str, str]]


class Answer(Result, frozen=True, tag_field="schema", tag="reasoner.answer/1"):
    """What a guideline says of one record.

    `setting` is "undetermined" where an unknown fact decides it; of several `decisions`, which are there with their
    settings where a guideline declares them, it is that of the first. `missing` lists the unknown facts that can change the
    answer, `assumed` the facts that a default stands for, and `alternatives` what another reading would change. `scores` is
    there where the guideline declares any, `bottom_line` one sentence to act on, `not_considered` what the text does not
    speak of, `caveats` what the register of trials holds against the recommendations or reports besides, and `worded`, the
    words for its entries, where it was asked for.

    `derivation`, not part of the JSON, holds every rule that supports a conclusion and every one that is blocked; `asked` is
    what was asked; `warning` is the note by which what holds for a patient without therapy does not apply, if any.
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
    bottom_line: str
    not_considered: tuple[str, ...]
    caveats: tuple[str, ...]
    scores: tuple[Score, ...] | UnsetType = UNSET
    decisions: tuple[DecisionSetting, ...] | UnsetType = UNSET
    worded: AnswerWords | UnsetType = UNSET

    derivation = Carried[Derivation]()
    asked = Carried[Asked]()
    warning = Carried[str]("")

    def anew(self) -> Answer:
        """Give this answer, or where its diagrams have been too small for what is being done the same on larger ones."""
        return self.asked.again(self.asked.record) if too_small(self.derivation.completions.capacity) else self


def build_answer(derivation: Derivation, record: Record, info: GuidelineInfo, warnings: Sequence[str] = ()) -> Answer:
    """Build the answer to `record` from its derivation."""
    builder = AnswerBuilder(derivation, record)
    setting = builder.conclusions.setting()
    recommended, actions = tuple(builder.recommended()), tuple(builder.actions())
    alternatives = tuple(builder.comparison.alternatives(setting))
    missing = tuple(builder.conclusions.missing())
    notes = notes_on(derivation, builder.conclusions)
    points = tuple(scores(derivation, builder.conclusions)) if derivation.model.labels.get(SCORE) else UNSET
    counted = {part.fact for score in points or () for part in (*score.parts, *score.possible_parts)}
    unasked = not_asked_for(derivation, builder.conclusions, record, counted)
    told = BottomLine(builder.comparison, record, recommended, actions, alternatives, missing)
    return Answer(
        guideline=info,
        patient=record.id,
        setting=setting,
        recommended=recommended,
        excluded=tuple(builder.excluded()),
        actions=actions,
        missing=missing,
        assumed=tuple(builder.comparison.assumed(record)),
        alternatives=alternatives,
        notes=tuple(filter(None, dict.fromkeys((record.warning, *notes, *record.remarks, *warnings, *unasked)))),
        bottom_line=told.text(),
        not_considered=derivation.model.not_considered,
        caveats=tuple(caveats_on(derivation, recommended, actions)),
        scores=points,
        decisions=builder.conclusions.settings() or UNSET,
    ).carrying(derivation=derivation, warning=record.warning)


class AnswerBuilder:
    """Builds the entries of the answer to one record from its derivation."""

    def __init__(self, derivation: Derivation, record: Record) -> None:
        self.derivation = derivation
        self.program = derivation.program
        self.model = derivation.model
        self.record = record
        self.conclusions = conclusions_of(derivation)
        self.comparison = Comparison(derivation, self.conclusions)
        self.held = self.conclusions.held
        self.written = ReasonWriter(derivation, self.conclusions)
        self.doses = Doses(derivation, self.conclusions, record)

    def recommended(self) -> Iterator[Recommendation]:
        for entry in self.conclusions.recommended():
            yield self.recommendation(entry)

    def recommendation(self, entry: RankedRegimen) -> Recommendation:
        regimen, agree = entry.name, entry.agree
        none = self.derivation.completions.none
        cautions = {name for name, truth, _ in self.held(CAUTIONED, regimen) if truth & agree != none}
        grounds = self.derivation.grounds(entry.atom, agree, self.preferences(regimen, agree))
        reasons = self.written.reasons(INDICATED, regimen, agree)
        return Recommendation(
            regimen=regimen,
            rank=entry.rank,
            strength=entry.strength,
            evidence_certainty=self.evidence_certainty(entry),
            certainty=entry.certainty,
            assuming=entry.assuming,
            rules=grounds.rules,
            statements=grounds.statements,
            readings=self.comparison.readings_of_recommendation(entry, cautions, grounds),
            depends_on_readings=self.comparison.deciding_readings(entry.atom),
            overlays=grounds.overlays,
            trials=grounds.trials,
            citations=grounds.citations,
            doses=tuple(self.doses.given(entry)),
            cautions=tuple(sorted(cautions)),
            because=tuple(map(str, reasons)),
            decision=self.model.option_of.get(regimen, UNSET),
        ).carrying(reasons=reasons)

    def evidence_certainty(self, entry: RankedRegimen) -> str | None:
        if not self.model.certainties:
            return None
        agree, none = entry.agree, self.derivation.completions.none
        said: dict[str, Truth] = {}
        for atom in (atom for strength, _, atom in self.held(INDICATED, entry.name) if strength == entry.strength):
            for rule in self.program.supports[atom]:
                name = self.model.rules[self.program.rules[rule].rule].annotation
                if name is not None:
                    said[name] = said.get(name, none) | self.derivation.fired[rule] & agree
        return highest_certainty(said, agree, none, self.model)

    def excluded(self) -> Iterator[Exclusion]:
        for entry in self.conclusions.excluded():
            yield self.exclusion(entry)

    def exclusion(self, entry: Conclusion) -> Exclusion:
        grounds = self.derivation.grounds(entry.atom, entry.agree)
        reasons = self.written.reasons(CONTRAINDICATED, entry.name, entry.agree)
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
        fired = self.written.fired(CALLS_FOR, entry.name, entry.agree)
        grounds = grounds_of(self.model, frozenset(self.program.rules[rule].rule for rule in fired))
        return ActionCall(
            action=entry.name,
            certainty=entry.certainty,
            assuming=entry.assuming,
            text=" ".join(self.texts(entry.name, fired, entry.agree)),
            rules=grounds.rules,
            statements=grounds.statements,
            readings=self.comparison.readings_of(entry, grounds),
            depends_on_readings=self.comparison.deciding_readings(entry.atom),
            overlays=grounds.overlays,
        )

    def texts(self, action: str, fired: Iterable[int], agree: Truth) -> tuple[str, ...]:
        """Word an action by each statement or reading that calls for it, with what of the patient it does so for."""
        usual, found = self.model.label("action", action), dict[str, None]()
        for rule in fired:
            source = self.model.rules[self.program.rules[rule].rule].annotation or ""
            text = self.model.action_texts.get((action, source), usual)
            found[text.replace(FINDING, self.written.finding(rule, agree)) if FINDING in text else text] = None
        return tuple(found) or (usual,)

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


def highest_certainty(said: Mapping[str, Truth], agree: Truth, none: Truth, model: GuidelineModel) -> str | None:
    """Find the highest certainty of evidence among the statements and readings that indicate a regimen, with where they do.

    Of those that do so in some of the completions that `agree` alone, one counts only where none does so in all of them.
    What a reading indicates rests on the statements that it interprets.
    """
    annotations = model.annotations
    always = [name for name, truth in said.items() if truth == agree]
    own = {annotations[name.partition("=")[0]] for name in always or [n for n, truth in said.items() if truth != none]}
    found = {a.certainty for a in own} | {annotations[name].certainty for a in own for name in a.reads}
    return next((level for level in model.certainties if level in found), None)
