"""Was the guideline followed: each course that was given, held against what the guideline said at that time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.engine.answer import Answer, Exclusion, GuidelineInfo, Recommendation
from reasoner.engine.conclusions import CERTAIN, Conclusions, conclusions_of
from reasoner.engine.memory import on_larger_diagrams
from reasoner.engine.predicates import RECOMMENDED
from reasoner.engine.way_phrases import requirements_of
from reasoner.guideline import Guideline
from reasoner.records.record import Known, Record
from reasoner.records.shapes import Carried, Result

__all__ = ["VERDICTS", "Concordance", "CourseVerdict", "Verdict", "concordance"]

Verdict = Literal["out_of_scope", "first_choice", "recommended", "conditional", "excluded", "silent", "not_recommended"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""All verdicts; the first that applies counts."""


class CourseVerdict(Result, frozen=True):
    """What the guideline said of a course when it was given.

    `regimen` is the one that its drugs are, null where they are none of the catalogue. The `verdict` is the first that holds
    of "out_of_scope", "first_choice" (recommended with certainty, at rank 1), "recommended" (with certainty),
    "conditional" (recommended in some completions), "excluded" (with certainty), "silent" (nothing is recommended in any)
    and "not_recommended". `recommended` are the regimens that were with certainty, the best first; `because` are the reasons
    for the verdict as sentences, with the `statements` and readings that they rest on. `missing` are unknown facts that can
    change what is said of the regimen; `assumes_now` are the facts that are told without a date and taken to have been so
    then, without which the verdict would be another; `told_later` are those that were told only after the course began, and
    are unknown here.

    `answer`, not part of the JSON, is the answer at that time.
    """

    course: int
    drugs: tuple[str, ...]
    regimen: str | None
    verdict: Verdict
    recommended: tuple[str, ...]
    because: tuple[str, ...]
    statements: tuple[str, ...]
    missing: tuple[str, ...]
    assumes_now: tuple[str, ...]
    told_later: tuple[str, ...]

    answer = Carried[Answer]()


class Concordance(Result, frozen=True, tag_field="schema", tag="reasoner.concordance/1"):
    """The courses that a patient was given, oldest first, each with its verdict.

    Of what was read from a chart, `sources` tell for each fact, and each place of a course, the resources behind it. `notes`
    say why there are no courses, and what of the chart could not be put into the record. `model`, not part of
    the JSON, gives the words.
    """

    guideline: GuidelineInfo
    patient: str
    courses: tuple[CourseVerdict, ...]
    sources: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]

    model = Carried[GuidelineModel]()


@on_larger_diagrams
def concordance(guideline: Guideline, data: Record | Mapping[str, object]) -> Concordance:
    """Hold each course of a record against the answer to the record as it was before that course.

    Raises RecordError, naming the field, where the record cannot be used.
    """
    record = data if isinstance(data, Record) else guideline.record(data)
    own = guideline.model.courses_fact
    given = None if own is None else record.data.get(own.name)
    judged: list[CourseVerdict] = []
    if own is not None and isinstance(given, list | tuple):
        known = record.known() or (Known(),) * len(given)
        judged += (Judgement(guideline, own, record, given, n, then).verdict() for n, then in enumerate(known))
    notes = (*(() if judged else (why_none(guideline.model),)), *record.remarks)
    found = Concordance(guideline.info, record.id, tuple(judged), dict(record.sources), notes)
    return found.carrying(model=guideline.model)


def why_none(model: GuidelineModel) -> str:
    """Say why there are no courses to hold against the guideline."""
    own = model.courses_fact
    return model.say("concordance_no_courses") if own is None else model.say("concordance_none_told", own.label)


class Judgement:
    """Holds one course against the answer to the record with the courses before it.

    `own` is the fact that holds the courses, `given` are all of them and `number` is the place of this one; `known` is what
    was known when it began.
    """

    def __init__(
        self,
        guideline: Guideline,
        own: Fact,
        record: Record,
        given: Sequence[Mapping[str, object]],
        number: int,
        known: Known,
    ) -> None:
        self.guideline = guideline
        self.model = guideline.model
        self.number = number
        self.known = known
        drugs = given[number]["drugs"]
        assert isinstance(drugs, list | tuple)
        self.drugs: tuple[str, ...] = tuple(drugs)
        self.own = own.name
        self.facts = [fact for fact in self.model.facts if fact is not own]
        earlier = [self.as_known(course, f"{own.name}[{place}]") for place, course in enumerate(given[:number])]
        self.data = self.with_implied({**self.as_known(record.data), own.name: earlier})

    def as_known(self, data: Mapping[str, object], place: str = "") -> dict[str, object]:
        """Make what was told only after the course began unknown, in a record or in a course at a place of it."""
        return {key: None if (f"{place}.{key}" if place else key) in self.known.later else data[key] for key in data}

    def with_implied(self, data: Mapping[str, object]) -> dict[str, object]:
        """Add what is known because the course was given: the value of each unknown fact of which no other is possible."""
        earlier = data[self.own]
        assert isinstance(earlier, list)
        given = self.guideline.record({**data, self.own: [*earlier, {"drugs": list(self.drugs)}]})
        completions = self.guideline.derive(given, compared=False).completions
        found = dict(data)
        simple = {fact.name for fact in self.facts if fact.kind in ("boolean", "choice")}
        for variable, truths in completions.values.items():
            about = completions.variables[variable]
            if about.fact in simple and about.course is None and completions.all in truths:
                found[about.fact] = about.values[truths.index(completions.all)][0]
        return found

    def verdict(self) -> CourseVerdict:
        """Give the verdict with its reasons."""
        answer = self.guideline.answer(self.data)
        conclusions = conclusions_of(answer.derivation)
        regimen, verdict = self.judged(conclusions)
        asked = self.meant(regimen)
        because, statements = self.reasons(answer, asked, verdict)
        missing = (entry.fact for entry in answer.missing if not asked.isdisjoint(entry.decides))
        return CourseVerdict(
            course=self.number + 1,
            drugs=self.drugs,
            regimen=regimen,
            verdict=verdict,
            recommended=tuple(entry.name for entry in conclusions.recommended() if entry.certainty == CERTAIN),
            because=because,
            statements=statements,
            missing=tuple(dict.fromkeys(missing)),
            assumes_now=tuple(self.assumed(verdict)),
            told_later=tuple(fact.name for fact in self.facts if fact.name in self.known.later),
        ).carrying(answer=answer)

    def judged(self, conclusions: Conclusions) -> tuple[str | None, Verdict]:
        """Judge the course by what followed for the patient then: the regimen that it is, and the verdict.

        Of several regimens that its drugs are, the one with the first verdict counts.
        """
        own = [name for name in self.model.regimens if self.model.parts[name] and self.model.is_regimen(self.drugs, name)]
        if not own:
            return None, self.standing(None, conclusions)
        found = [(regimen, self.standing(regimen, conclusions)) for regimen in own]
        return min(found, key=lambda judged: VERDICTS.index(judged[1]))

    def standing(self, regimen: str | None, conclusions: Conclusions) -> Verdict:
        meant = self.meant(regimen)
        decisions = {self.model.option_of.get(name, "") for name in meant} or {""}
        if all(conclusions.setting(decision) in self.model.by_design for decision in decisions):
            return "out_of_scope"
        recommended = [own for own in conclusions.recommended() if self.model.option_of.get(own.name, "") in decisions]
        entry = next((own for own in recommended if own.name == regimen), None)
        if entry is not None:
            return "conditional" if entry.certainty != CERTAIN else "first_choice" if entry.rank == 1 else "recommended"
        if meant and meant <= {own.name for own in conclusions.excluded() if own.certainty == CERTAIN}:
            return "excluded"
        return "not_recommended" if recommended else "silent"

    def meant(self, regimen: str | None) -> set[str]:
        """Give the regimen; of a course that is none of the catalogue, those with a part that one of its drugs fills."""
        if regimen is not None:
            return {regimen}
        drugs = set(self.drugs)
        return {name for name, parts in self.model.parts.items() if not all(drugs.isdisjoint(part) for part in parts)}

    def reasons(self, answer: Answer, meant: set[str], verdict: Verdict) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the reasons for a verdict as sentences, and the statements, readings and overlays that they rest on.

        Of what is not recommended they are the reasons for what was the first choice, for certain or else on a condition.
        """
        entries: Sequence[Recommendation | Exclusion]
        if verdict == "not_recommended":
            first = [entry for entry in answer.recommended if entry.rank == 1]
            entries = [entry for entry in first if entry.certainty == CERTAIN] or first
        elif verdict == "excluded":
            entries = [entry for entry in answer.excluded if entry.regimen in meant]
        else:
            entries = [entry for entry in answer.recommended if entry.regimen in meant]
        if not entries:
            return (answer.bottom_line,), ()
        instead = verdict == "not_recommended"
        because = dict.fromkeys(
            self.instead(entry, text, answer) if instead else text for entry in entries for text in entry.because
        )
        sources = dict.fromkeys(name for own in entries for name in (*own.statements, *own.readings, *own.overlays))
        return tuple(because), tuple(sources)

    def instead(self, entry: Recommendation | Exclusion, reason: str, answer: Answer) -> str:
        """Name what was the first choice with a reason for it, and where it was so on a condition with that."""
        label, say = self.model.label("regimen", entry.regimen), self.model.say
        if entry.certainty != CERTAIN:
            label = say("page_if", label, requirements_of(RECOMMENDED, entry.regimen, answer.derivation))
        return say("labelled", label, reason)

    def assumed(self, verdict: Verdict) -> Iterator[str]:
        """Yield the facts that are told without a date, without which the verdict would be another.

        Who has today no trace of what is present or past had none then.
        """
        for fact in self.facts:
            value = self.data.get(fact.name)
            if value is None or fact.name in self.known.then or (fact.ever and value is False):
                continue
            record = self.guideline.record(self.with_implied({**self.data, fact.name: None}))
            if self.judged(conclusions_of(self.guideline.derive(record, compared=False)))[1] != verdict:
                yield fact.name
