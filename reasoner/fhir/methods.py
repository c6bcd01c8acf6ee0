"""From a patient's chart to a record: each fact by the method that the tables name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reasoner.compiler.intervals import passed_cuts
from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.bundles import ParsedResources
from reasoner.fhir.chart import Chart
from reasoner.fhir.course_facts import COURSE_METHODS, CourseQuestion
from reasoner.fhir.courses import Course, Endings, build_courses
from reasoner.fhir.dates import months_between
from reasoner.fhir.doses import Dose
from reasoner.fhir.evidence import UNDECIDED, Evidence, latest
from reasoner.fhir.facts import ChartFacts, Contradiction, FactSource, Side, Undecided, Unmapped, name_some
from reasoner.fhir.provenance import Provenance, unique
from reasoner.fhir.tables import FactMapping, Tables

__all__ = ["read_facts"]


def read_facts(parsed: ParsedResources, model: GuidelineModel, tables: Tables) -> ChartFacts:
    """Read the facts of a guideline from the resources of one patient.

    Raises RecordError where there are none, and where they are about several patients.
    """
    reader = FactReader(Chart(parsed, model, tables))
    for mapping in tables.facts:
        METHODS[mapping.method](reader, mapping)
    return reader.result()


class FactReader:
    """Reads the facts of one chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.model = chart.model
        self.record: dict[str, object] = {}
        self.sources: dict[str, tuple[Provenance, ...]] = {}
        self.undecided: list[Undecided] = []
        self.contradictions: list[Contradiction] = []
        self.assumed: list[str] = []
        self.courses: list[Course] = []

    def result(self) -> ChartFacts:
        order = [fact.name for fact in self.model.facts if fact.name in self.record]
        return ChartFacts(
            {"id": self.chart.patient or "unnamed", **{name: self.record[name] for name in order}},
            tuple(FactSource(fact, *fields_of(own)) for fact, sources in self.sources.items() for own in sources),
            tuple(self.undecided),
            tuple(self.contradictions),
            tuple(self.assumed),
            tuple(Unmapped(*fields_of(own), why=why) for own, why in self.chart.evidence.unmapped.items()),
            tuple(self.chart.unreadable),
            self.chart.tables.digest,
        ).carrying(model=self.model)

    def set(self, fact: str, value: object, evidence: Iterable[Evidence]) -> None:
        self.record[fact] = value
        self.sources[fact] = unique(own.source for own in evidence)

    def leave_open(self, fact: str, why: str, sources: Iterable[Provenance]) -> None:
        self.undecided.append(Undecided(fact, why, unique(sources)))

    def contradict(self, fact: str, evidence: Iterable[Evidence]) -> None:
        sides = dict.fromkeys((str(own.value), own.source) for own in evidence)
        self.contradictions.append(Contradiction(fact, tuple(Side(value, *fields_of(own)) for value, own in sides)))

    def label(self, finding: str) -> str:
        return self.model.label("finding", finding)

    def decisive(self, fact: str, finding: str) -> list[Evidence]:
        """Give the latest results of a finding that agree on its value; note where they decide nothing or disagree."""
        found = latest(self.chart.evidence.of(finding))
        decided = [own for own in found if own.value != UNDECIDED]
        if len({own.value for own in decided}) > 1:
            self.contradict(fact, decided)
            return []
        if found and not decided:
            why = self.model.say("fhir_latest_inconclusive", self.label(finding))
            self.leave_open(fact, why, [own.source for own in found])
        return decided

    def latest(self, mapping: FactMapping) -> None:
        """Read the value of the latest result."""
        found = self.decisive(mapping.fact, mapping.of[0])
        if found:
            self.set(mapping.fact, found[-1].value, found)

    def latest_number(self, mapping: FactMapping) -> None:
        """Read the latest number; one out of the fact's bounds is left out."""
        found = self.decisive(mapping.fact, mapping.of[0])
        low, strict = self.model.bounds.get(mapping.fact, (None, False))
        for own in found[-1:]:
            if isinstance(own.value, float) and (low is None or own.value > low or (own.value == low and not strict)):
                self.set(mapping.fact, own.value, [own])

    def any_positive(self, mapping: FactMapping) -> None:
        """Read the first value of a choice where the latest result of any finding has it, the second where none has."""
        positive, negative = next(fact.values for fact in self.model.facts if fact.name == mapping.fact)
        found = [own[-1] for finding in mapping.of if (own := self.decisive(mapping.fact, finding))]
        telling = [own for own in found if own.value == positive]
        if telling:
            self.set(mapping.fact, positive, telling)
        elif len(found) == len(mapping.of):
            self.set(mapping.fact, negative, found)
        elif found:
            lacking = [self.label(finding) for finding in mapping.of if not self.chart.evidence.of(finding)]
            if lacking:
                say = self.model.say
                why = say("fhir_results_missing", self.model.label("value", negative), say("and_condition").join(lacking))
                self.leave_open(mapping.fact, why, [own.source for own in found])

    def ever(self, mapping: FactMapping) -> None:
        """Read what is present or past; evidence against it that is not older contradicts it."""
        evidence = self.chart.evidence.of(mapping.of[0])
        present, against = self.chart.sides(mapping.of[0])
        absent = [own for own in evidence if own.value == "false"]
        if present and against:
            self.contradict(mapping.fact, [*present, *against])
        elif present:
            self.set(mapping.fact, True, present)
        elif absent:
            self.set(mapping.fact, False, absent)
        elif any(own.value == UNDECIDED for own in evidence):
            why = self.model.say("fhir_uncertain", self.label(mapping.of[0]))
            self.leave_open(mapping.fact, why, [own.source for own in evidence])

    def drugs_before(self, mapping: FactMapping) -> None:
        """Read the drugs given before a finding."""
        placed = self.chart.place(mapping.of[0])
        if placed.unclear:
            self.leave_open(mapping.fact, placed.unclear, placed.sources)
        elif placed.before:
            self.record[mapping.fact] = self.drugs_of(placed.before)
            self.cite_drugs(mapping.fact, placed.before)

    def drugs_of(self, doses: Iterable[Dose]) -> list[str]:
        """List the drugs of doses, in the order of the guideline."""
        found = {dose.drug for dose in doses}
        return [drug for drug in self.model.drugs if drug in found]

    def cite_drugs(self, place: str, doses: Iterable[Dose]) -> None:
        """Note where each drug of a list was read: its first and its last dose."""
        found: dict[str, list[Dose]] = {}
        for dose in doses:
            found.setdefault(dose.drug, []).append(dose)
        for drug, own in found.items():
            self.sources[f"{place}[{drug}]"] = ends(own)

    def months_between(self, mapping: FactMapping) -> None:
        """Read the months from the last dose of a drug before a finding until the finding."""
        drug, finding = mapping.of
        placed = self.chart.place(finding)
        own = [dose for dose in placed.before if dose.drug == drug]
        if placed.unclear or placed.date is None or not own:
            return
        last = max(own, key=lambda dose: dose.end)
        cuts = next(fact.cuts for fact in self.model.facts if fact.name == mapping.fact)
        low, high = (max(0.0, months_between(last.end, day)) for day in placed.date)
        if passed_cuts(low, cuts) == passed_cuts(high, cuts):
            self.record[mapping.fact] = low
            dated = [(own.date, own.source) for own in self.chart.sides(finding)[0] if own.date is not None]
            self.sources[mapping.fact] = (last.source, min(dated, key=lambda entry: entry[0])[1])
        else:
            why = self.model.say("fhir_months", str(low), str(high), self.label(finding), str(placed.date))
            self.leave_open(mapping.fact, why, [last.source])

    def courses_from(self, mapping: FactMapping) -> None:
        """Read the courses given since a finding, and how each ended by another finding."""
        finding, trend = mapping.of
        placed = self.chart.place(finding)
        if placed.unclear:
            self.leave_open(mapping.fact, placed.unclear, placed.sources)
            return
        trends, today = self.chart.evidence.of(trend), self.chart.today()
        endings = Endings(
            next(iter(self.model.under_way), None),
            next(iter(self.model.as_planned), None),
            self.chart.tables.values_of(trend) & set(self.model.outcomes),
        )
        self.courses = build_courses(placed.since, trends, today, self.chart.tables.periods, endings)
        doubtful = [dose for course in self.courses for dose in course.doubtful]
        if doubtful:
            why = self.model.say("fhir_open_through_progression", self.chart.labels(dose.drug for dose in doubtful))
            self.leave_open(mapping.fact, why, [dose.source for dose in doubtful])
            return
        courses = [self.course(course, f"{mapping.fact}[{number}]") for number, course in enumerate(self.courses)]
        self.record[mapping.fact] = courses
        self.assume(mapping.fact, finding)

    def course(self, course: Course, place: str) -> dict[str, object]:
        """Read one course with its facts; `place` is its place in the record."""
        self.cite_drugs(f"{place}.drugs", course.doses)
        if course.why:
            self.sources[f"{place}.outcome"] = course.why
        if course.outcome is None:
            self.leave_open(f"{place}.outcome", self.model.say("fhir_no_outcome"), ends(course.doses))
        found: dict[str, object] = {"drugs": self.drugs_of(course.doses), "outcome": course.outcome}
        for mapping in self.chart.tables.course_facts:
            needs = self.model.course_facts[mapping.fact].needs
            doses = [dose for dose in course.doses if dose.drug in needs]
            if doses:
                asked = CourseQuestion(course, doses, mapping.of, self.chart.tables.periods)
                value = COURSE_METHODS[mapping.method](asked)
                if value is None:
                    days = len({dose.start for dose in doses if dose.single})
                    self.leave_open(f"{place}.{mapping.fact}", self.model.say("fhir_cycles", str(days)), ends(doses))
                elif value:
                    found[mapping.fact] = value
                    self.sources[f"{place}.{mapping.fact}"] = ends(doses)
        return found

    def assume(self, fact: str, finding: str) -> None:
        """Note what is concluded from silence about the courses since a finding."""
        say = self.model.say
        if not self.courses:
            found = self.chart.sides(finding)[0]
            self.assumed.append(say("fhir_none_since" if found else "fhir_none_recorded", fact, self.label(finding)))
        if uncoded := self.chart.doses.uncoded:
            self.assumed.append(say("fhir_uncoded", fact, str(len(uncoded)), name_some(uncoded, self.model)))

    def measured_since_therapy(self, mapping: FactMapping) -> None:
        """Read that something was measured since the last course ended, or began where it is under way."""
        measured = [own for own in self.chart.evidence.of(mapping.of[0]) if own.value != UNDECIDED]
        boundary = self.therapy_boundary()
        since = [own for own in measured if own.date is not None and own.date.first >= boundary]
        if since:
            self.set(mapping.fact, True, since)
        elif measured:
            why = self.model.say("fhir_measured_before")
            self.leave_open(mapping.fact, why, [own.source for own in measured])

    def therapy_boundary(self) -> int:
        """Give the day from which on a measurement is of the treatment now in question."""
        if self.courses:
            last = self.courses[-1]
            return last.start if last.outcome in self.model.under_way else last.end
        return max((dose.end for dose in self.chart.doses.dated), default=0)


METHODS: dict[str, Callable[[FactReader, FactMapping], None]] = {
    "latest": FactReader.latest,
    "latest_number": FactReader.latest_number,
    "any_positive": FactReader.any_positive,
    "ever": FactReader.ever,
    "drugs_before": FactReader.drugs_before,
    "months_between": FactReader.months_between,
    "courses_from": FactReader.courses_from,
    "measured_since_therapy": FactReader.measured_since_therapy,
}


def fields_of(source: Provenance) -> tuple[str, str, str, str, str]:
    return source.resource, source.system, source.code, source.display, source.date


def ends(doses: Sequence[Dose]) -> tuple[Provenance, ...]:
    """Give the sources of the first and the last of doses."""
    return unique((doses[0].source, doses[-1].source))
