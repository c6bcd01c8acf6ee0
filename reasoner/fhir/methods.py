"""From a patient's chart to a record: each fact by the method that the tables name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from reasoner.compiler.intervals import passed_cuts
from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.bundles import ParsedResources
from reasoner.fhir.chart import Chart
from reasoner.fhir.course_facts import Open, course_values, words_of
from reasoner.fhir.courses import Course, Endings, build_courses, unexplained
from reasoner.fhir.dates import months_between
from reasoner.fhir.demographics import age, sex
from reasoner.fhir.doses import Dose
from reasoner.fhir.events import timeline_of, uncounted_therapy
from reasoner.fhir.evidence import UNDECIDED, Evidence
from reasoner.fhir.facts import ChartFacts, FactSource, Unmapped, name_some
from reasoner.fhir.findings import FindingFacts, fields_of
from reasoner.fhir.mappings import METHODS as DECLARED
from reasoner.fhir.mappings import FactMapping
from reasoner.fhir.placement import Placed, Way, found_with, place_doses
from reasoner.fhir.provenance import Provenance, unique
from reasoner.fhir.tables import Tables
from reasoner.records.record import ONE_OF

__all__ = ["read_facts"]


def read_facts(
    parsed: ParsedResources, model: GuidelineModel, tables: Tables, no_record_means_none: bool = False
) -> ChartFacts:
    """Read the facts of a guideline from the resources of one patient.

    With `no_record_means_none`, therapy and metastases that are not recorded are read as not there. Raises RecordError where
    there are no resources, and where they are about several patients.
    """
    chart = Chart(parsed, model, tables, no_record_means_none)
    placed, endings = place_doses(chart)
    reader = FactReader(chart, placed, placed.ways[0], endings)
    if no_record_means_none:
        begun = [model.label("finding", own.of[0]) for own in tables.facts if own.method == "courses_from"]
        words = model.say("fhir_no_record_means_none", begun[0]) if begun else model.say("fhir_no_record_no_member")
        reader.assumed.append(("", words))
    for mapping in tables.facts:
        if mapping.method not in PLACED:
            METHODS[mapping.method](reader, mapping)
    readers = [FactReader(chart, placed, way, endings) for way in placed.ways]
    for own in readers:
        for mapping in tables.facts:
            if mapping.method in PLACED:
                METHODS[mapping.method](own, mapping)
    reader.take(readers)
    if doubtful := chart.evidence.doubtful:
        reader.assumed.append(("", model.say("fhir_doubtful", name_some([own.source for own in doubtful], model))))
    return reader.result().carrying(
        model=model,
        draw=lambda f: timeline_of(f, readers),
        uncounted=cache(lambda: uncounted_therapy(readers)),
        assumed_of=tuple(fact for fact, _ in reader.assumed),
    )


CANCERS = {"another": "fhir_another_cancer", "second": "fhir_second_cancer"}


class FactReader(FindingFacts):
    """Reads the facts of one chart, the doses being placed in one way."""

    def __init__(self, chart: Chart, placed: Placed, way: Way, endings: Endings) -> None:
        super().__init__(chart)
        self.placed = placed
        self.way = way
        self.endings = endings
        self.courses: list[Course] = []

    def result(self) -> ChartFacts:
        order = [name for name in (*(fact.name for fact in self.model.facts), ONE_OF) if name in self.record]
        return ChartFacts(
            {"id": self.chart.patient or "unnamed", **{name: self.record[name] for name in order}},
            tuple(FactSource(fact, *fields_of(own)) for fact, sources in self.sources.items() for own in sources),
            tuple(self.undecided),
            tuple(self.contradictions),
            tuple(text for _, text in self.assumed),
            tuple(
                Unmapped(own.resource, own.system, own.code, own.display, own.date, why=why)
                for own, why in self.chart.evidence.unmapped.items()
            ),
            tuple(self.chart.unreadable),
            self.chart.tables.digest,
            self.chart.other_kinds,
        )

    def take(self, readers: Sequence[FactReader]) -> None:
        """Take what was read with the doses placed in each way: what all agree on, and the rest as one of several."""
        names = [fact.name for fact in self.model.facts]
        told = [{name: own.record[name] for name in names if name in own.record} for own in readers]
        same = [name for name in names if all(own.get(name, self) == told[0].get(name, self) for own in told)]
        agreed = {name: told[0][name] for name in same if name in told[0]}
        self.record |= agreed
        first = readers[0]
        self.sources |= {place: own for place, own in first.sources.items() if place.partition("[")[0] in agreed}
        self.undecided += dict.fromkeys(entry for own in readers for entry in own.undecided)
        self.contradictions += first.contradictions
        self.assumed += dict.fromkeys(told for own in readers for told in own.assumed)
        if len(readers) == 1:
            return
        sets = [{name: own[name] for name in own if name not in agreed} for own in told]
        self.record[ONE_OF] = [{"label": own.way.label, **facts} for own, facts in zip(readers, sets, strict=True)]
        for number, own in enumerate(readers):
            self.sources |= {
                f"{ONE_OF}[{number}].{place}": sources
                for place, sources in own.sources.items()
                if place.partition("[")[0] not in agreed
            }
        doses = [dose.source for own in readers for dose in (*own.way.before, *own.way.since)]
        self.leave_open(
            ONE_OF, self.model.say("fhir_one_of", self.model.say("or").join(own.way.label for own in readers)), doses
        )

    def this_cancer(self, mapping: FactMapping) -> None:
        """Read whether the cancer is the guideline's: false where another is told and this one is not spoken of."""
        own, other = mapping.of
        present, against = self.chart.sides(own)
        say, uncertain = self.model.say, [e for e in self.chart.evidence.of(own) if e.value == UNDECIDED]
        others = [e for e in self.chart.evidence.of(other) if e.value == "true"]
        if present and not against:
            self.set(mapping.fact, True, present)
            if others:
                self.remark("second", mapping, others)
        elif others and not (present or against or uncertain or self.chart.evidence.doubtful):
            self.set(mapping.fact, False, others)
            self.remark("another", mapping, others)
        else:
            why = say("fhir_uncertain", self.label(own)) if present or uncertain else say("fhir_no_cancer", self.label(own))
            self.leave_open(mapping.fact, why, [e.source for e in (*present, *against, *uncertain, *others)])

    def remark(self, kind: str, mapping: FactMapping, evidence: Sequence[Evidence]) -> None:
        own, other = mapping.of
        named = name_some([e.source for e in evidence], self.model)
        words = self.model.say(CANCERS[kind], mapping.fact, named, self.label(other), self.label(own))
        self.assumed.append((mapping.fact, words))

    def drugs_before(self, mapping: FactMapping) -> None:
        """Read the drugs given before a finding: none where it was found with the first of another."""
        finding, first = mapping.of
        if self.placed.before.why:
            self.leave_open(mapping.fact, *self.placed.before)
        elif self.way.before and self.way.before_known:
            self.record[mapping.fact] = self.drugs_of(self.way.before)
            self.cite_drugs(mapping.fact, self.way.before)
        elif not self.way.before and (told := found_with(self.chart, self.way.date, finding, first)):
            self.set(mapping.fact, [], told)
            words = self.model.say("fhir_at_once", mapping.fact, self.label(finding), self.label(first))
            self.assumed.append((mapping.fact, words))

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
        date = self.way.date
        own = [dose for dose in self.way.before if dose.drug == drug]
        if self.placed.before.why or date is None or not own or not self.way.before_known:
            return
        last = max(own, key=lambda dose: dose.end)
        if not last.single and last.end <= last.start.last:
            return
        cuts = next(fact.cuts for fact in self.model.facts if fact.name == mapping.fact)
        ended = (last.until.last, last.until.first)
        low, high = (max(0.0, months_between(end, day)) for end, day in zip(ended, date, strict=True))
        if not self.within_range(mapping.fact, low, mapping.fact, [last.source]):
            return
        if passed_cuts(low, cuts) == passed_cuts(high, cuts):
            self.record[mapping.fact] = low
            dated = [(own.date, own.source) for own in self.chart.sides(finding)[0] if own.date is not None]
            self.sources[mapping.fact] = (last.source, *(source for _, source in sorted(dated)[:1]))
        else:
            why = self.model.say("fhir_months", str(low), str(high), self.label(finding), str(date))
            self.leave_open(mapping.fact, why, [last.source])

    def courses_from(self, mapping: FactMapping) -> None:
        """Read the courses given since a finding, and how each ended by another finding."""
        finding, trend = mapping.of
        if self.placed.since.why:
            self.leave_open(mapping.fact, *self.placed.since)
            return
        trends, today = self.chart.evidence.of(trend), self.chart.today()
        courses, unsure = build_courses(self.way.since, trends, today, self.chart.tables.periods, self.endings)
        doubtful = [dose for course in courses for dose in course.doubtful]
        if unsure or doubtful:
            labels = self.chart.labels(dose.drug for dose in unsure or doubtful)
            why = self.model.say("fhir_unsure_course" if unsure else "fhir_open_through_progression", labels)
            self.leave_open(mapping.fact, why, [dose.source for dose in unsure or doubtful])
            return
        worse = [own for own in trends if own.value in {UNDECIDED, *self.endings.by_disease}]
        if between := unexplained(courses, worse, self.chart.tables.periods["pause"]):
            first, second = (str(own.date or self.model.say("fhir_unknown_day")) for own in between)
            why = self.model.say("fhir_between", first, second)
            self.leave_open(mapping.fact, why, [own.source for own in between])
            return
        self.courses = courses
        if self.way.since:
            read = [self.course(course, f"{mapping.fact}[{number}]") for number, course in enumerate(courses)]
            self.record[mapping.fact] = read
        else:
            self.without_courses(mapping.fact, finding)
        if others := self.chart.doses.others:
            words = self.model.say("fhir_uncoded", mapping.fact, str(len(others)), name_some(others, self.model))
            self.assumed.append((mapping.fact, words))

    def without_courses(self, fact: str, finding: str) -> None:
        """Read that no drug is recorded since a finding: none was given where the chart, or the site, says so."""
        say, label = self.model.say, self.label(finding)
        if self.placed.never:
            self.set(fact, [], self.chart.sides(finding)[1])
        elif self.chart.silent_is_none:
            self.record[fact] = []
            words = say("fhir_none_since" if self.placed.told else "fhir_none_recorded", fact, label)
            self.assumed.append((fact, words))
        elif len(self.placed.ways) == 1:
            why = say("fhir_silent_since" if self.placed.told else "fhir_silent", label)
            self.leave_open(fact, why, [own.source for own in self.chart.sides(finding)[0]])

    def course(self, course: Course, place: str) -> dict[str, object]:
        """Read one course with its facts; `place` is its place in the record."""
        self.cite_drugs(f"{place}.drugs", course.doses)
        if course.outcome is not None:
            self.sources[f"{place}.outcome"] = course.why
        if course.outcome is None:
            reasons = self.model.say("comma").join(dict.fromkeys(dose.reason for dose in course.doses if dose.reason))
            why = self.model.say("fhir_unknown_reason", reasons) if reasons else self.model.say("fhir_no_outcome")
            self.leave_open(f"{place}.outcome", why, ends(course.doses))
        found: dict[str, object] = {"drugs": self.drugs_of(course.doses), "outcome": course.outcome}
        for fact, doses, value in course_values(course, self.chart.tables, self.model):
            if isinstance(value, Open):
                found[fact] = None
                why = words_of(value, self.chart.labels(dose.drug for dose in doses), self.model)
                self.leave_open(f"{place}.{fact}", why, ends(doses))
            elif value is None:
                if days := len({dose.start for dose in doses if dose.single}):
                    self.leave_open(f"{place}.{fact}", self.model.say("fhir_cycles", str(days)), ends(doses))
            elif value and self.within_range(fact, value, f"{place}.{fact}", ends(doses)):
                found[fact] = value
                self.sources[f"{place}.{fact}"] = ends(doses)
        return found

    def measured_since_therapy(self, mapping: FactMapping) -> None:
        """Read that something was measured since the last course ended, or began where it is under way."""
        measured = self.chart.evidence.of(mapping.of[0])
        boundary = self.therapy_boundary()
        since = [own for own in measured if own.value != UNDECIDED and own.date is not None and own.date.first >= boundary]
        if since:
            self.set(mapping.fact, True, since)
        elif measured:
            self.leave_open(mapping.fact, self.model.say("fhir_measured_before"), [own.source for own in measured])

    def therapy_boundary(self) -> int:
        """Give the day from which on a measurement is of the treatment now in question."""
        if self.courses:
            last = self.courses[-1]
            return last.start.last if last.outcome in self.model.under_way else last.end
        return max((dose.end for dose in self.chart.doses.dated), default=0)


PLACED = {name for name, method in DECLARED.items() if method.therapy}
"""The methods that read by how the doses are placed."""

METHODS: dict[str, Callable[[FactReader, FactMapping], None]] = {
    "latest": FactReader.latest,
    "latest_number": FactReader.latest_number,
    "any_positive": FactReader.any_positive,
    "ever": FactReader.ever,
    "current": FactReader.current,
    "each": FactReader.each,
    "age": age,
    "sex": sex,
    "this_cancer": FactReader.this_cancer,
    "drugs_before": FactReader.drugs_before,
    "months_between": FactReader.months_between,
    "courses_from": FactReader.courses_from,
    "measured_since_therapy": FactReader.measured_since_therapy,
}


def ends(doses: Sequence[Dose]) -> tuple[Provenance, ...]:
    """Give the sources of the first and the last of doses."""
    return unique((doses[0].source, doses[-1].source))
