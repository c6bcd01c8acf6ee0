"""From the resources of one patient to a record: each fact by the method that the tables name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import GuidelineError, RecordError, nearest
from reasoner.fhir.dates import When, months
from reasoner.fhir.findings import UNDECIDED, Evidence, Findings, Source, latest
from reasoner.fhir.reading import Contradiction, Reading, Undecided, some
from reasoner.fhir.resources import Concept, Parsed, Resource
from reasoner.fhir.tables import FactRow, Tables
from reasoner.fhir.therapy import GIVEN, Course, Dose, courses_of, doses_of, drugs_mentioned, drugs_named, medication_of
from reasoner.records.record import interval

__all__ = ["orders", "read"]

READ = {"Condition", "Observation", *GIVEN}


class Reader:
    """Draws the facts of one patient, each by the method that the tables name."""

    def __init__(self, parsed: Parsed, model: GuidelineModel, tables: Tables) -> None:
        if not any(resource.resourceType for _, resource in parsed.resources):
            raise RecordError(f"no FHIR resource that can be read{''.join(f'; {text}' for text in parsed.unreadable[:1])}")
        self.model = model
        self.tables = tables
        self.findings = Findings(tables)
        self.record: dict[str, object] = {}
        self.sources: dict[str, tuple[Source, ...]] = {}
        self.undecided: list[Undecided] = []
        self.contradictions: list[Contradiction] = []
        self.assumed: list[str] = []
        self.unreadable = list(parsed.unreadable)
        self.medications = medications(parsed)
        given: list[tuple[str, Resource]] = []
        self.patient = self.one_patient(parsed)
        own = self.patient
        for number, (url, resource) in enumerate(parsed.resources, start=1):
            kind = resource.resourceType
            if kind not in READ:
                continue
            name, subject = name_of(url, resource, number), subject_of(resource)
            if subject is not None and own is not None and subject != own:
                self.unreadable.append(f"{name}: not read: it is about {subject}, the record about {own}")
            elif kind == "Condition":
                self.findings.condition(resource, name)
            elif kind == "Observation":
                self.findings.observation(resource, name)
            else:
                given.append((name, resource))
        self.doses = doses_of(given, self.medications, self.findings)
        self.courses: list[Course] = []

    def one_patient(self, parsed: Parsed) -> str | None:
        """Find whom the resources are about.

        Raises RecordError where they hold several patients.
        """
        patients = {str(r.id): None for _, r in parsed.resources if r.resourceType == "Patient" and r.id is not None}
        if len(patients) > 1:
            raise RecordError(f"{len(patients)} patients ({', '.join(patients)}); a record is about one")
        if patients:
            return next(iter(patients))
        subjects = {subject: None for _, r in parsed.resources if (subject := subject_of(r)) is not None}
        if len(subjects) > 1:
            raise RecordError(f"resources of {len(subjects)} patients ({', '.join(subjects)}); a record is about one")
        return next(iter(subjects), None)

    def read(self) -> Reading:
        for row in self.tables.facts:
            method = METHODS.get(row.method)
            if method is None:
                raise GuidelineError(
                    f'{self.tables.folder}/facts.csv: "{row.method}" is no method{nearest(row.method, METHODS)}.'
                )
            method(self, row)
        order = [fact.name for fact in self.model.facts if fact.name in self.record]
        return Reading(
            {"id": self.patient or "unnamed", **{name: self.record[name] for name in order}},
            self.sources,
            tuple(self.undecided),
            tuple(self.contradictions),
            tuple(self.assumed),
            tuple(self.findings.unmapped.items()),
            tuple(self.unreadable),
            self.tables.digest,
        )

    def tell(self, fact: str, value: object, evidence: Sequence[Evidence]) -> None:
        self.record[fact] = value
        self.sources[fact] = tuple(dict.fromkeys(own.source for own in evidence))

    def leave_open(self, fact: str, why: str, sources: Sequence[Source] = ()) -> None:
        self.undecided.append(Undecided(fact, why, tuple(dict.fromkeys(sources))))

    def contradict(self, fact: str, evidence: Sequence[Evidence]) -> None:
        sides = dict.fromkeys((str(own.value), own.source) for own in evidence)
        self.contradictions.append(Contradiction(fact, tuple(sides)))

    def newest(self, fact: str, finding: str) -> Evidence | None:
        """Give the latest result of a finding that decides; say where the latest decide nothing or contradict each other."""
        found = latest(self.findings.of(finding))
        told = [own for own in found if own.value != UNDECIDED]
        if len({own.value for own in told}) > 1:
            self.contradict(fact, told)
        elif not told and found:
            self.leave_open(fact, f"the latest result of {words(finding)} decides nothing", [own.source for own in found])
        elif told:
            return told[-1]
        return None

    def latest(self, row: FactRow) -> None:
        """Tell the value of the latest result."""
        found = self.newest(row.fact, row.of[0])
        if found is not None:
            own = [e for e in latest(self.findings.of(row.of[0])) if e.value == found.value]
            self.tell(row.fact, found.value, own)

    def any_positive(self, row: FactRow) -> None:
        """Tell "positive" where the latest result of any finding is, "negative" where that of all is."""
        found = [own for finding in row.of if (own := self.newest(row.fact, finding)) is not None]
        positive = [own for own in found if own.value == "positive"]
        if positive:
            self.tell(row.fact, "positive", positive)
        elif len(found) == len(row.of):
            self.tell(row.fact, "negative", found)
        elif found:
            lacking = [words(f) for f in row.of if not self.findings.of(f)]
            if lacking:
                self.leave_open(
                    row.fact, f"negative as far as told; no result of {' and '.join(lacking)}", [own.source for own in found]
                )

    def ever(self, row: FactRow) -> None:
        """Tell what is present or past; what says otherwise, and is not older, contradicts it."""
        evidence = self.findings.of(row.of[0])
        true, against = self.sides(row.of[0])
        false = [own for own in evidence if own.value == "false"]
        if true and against:
            self.contradict(row.fact, [*true, *against])
        elif true:
            self.tell(row.fact, True, true)
        elif false:
            self.tell(row.fact, False, false)
        elif any(own.value == UNDECIDED for own in evidence):
            self.leave_open(row.fact, f"{words(row.of[0])} is not told for certain", [own.source for own in evidence])

    def sides(self, finding: str) -> tuple[list[Evidence], list[Evidence]]:
        """Give what speaks for a finding, and what speaks against it and is not older than all that speaks for it."""
        true = [own for own in self.findings.of(finding) if own.value == "true"]
        against = [own for own in self.findings.of(finding) if own.value in ("false", "not_then")]
        present = any(own.when is None and own.lasting for own in true)
        newest = max((own.when.first for own in true if own.when is not None), default=0)
        return true, [own for own in against if own.when is None or not (present or own.when.last < newest)]

    def latest_number(self, row: FactRow) -> None:
        """Tell the latest number."""
        found = self.newest(row.fact, row.of[0])
        if found is not None and isinstance(found.value, float) and self.allowed(row.fact, found.value):
            self.tell(row.fact, found.value, [found])

    def allowed(self, fact: str, value: float) -> bool:
        low, strict = self.model.bounds.get(fact, (None, False))
        return low is None or value > low or (value == low and not strict)

    def placement(self, finding: str) -> Placement:
        """Sort the doses into those before a finding and those since."""
        true, against = self.sides(finding)
        doses, undated = self.doses.dated, self.doses.undated
        dates = [own.when for own in true if own.when is not None]
        since = When(min(date.first for date in dates), min(date.last for date in dates)) if dates else None
        if self.doses.unclear:
            said = dict.fromkeys(f"{own.drug}: {own.why}" for own in self.doses.unclear)
            return Placement([], [], since, "; ".join(said), tuple(own.source for own in self.doses.unclear))
        if not true or not (doses or undated):
            return Placement(doses, [], since, "", ())
        if undated or against or since is None:
            lack = "they have no exact date" if undated else f"{words(finding)} is {'disputed' if against else 'undated'}"
            unclear = [*([] if undated else doses)]
        else:
            lack = f"{words(finding)} is of {since}"
            ended = since.last + self.tables.periods["stopped"]
            early = [dose for dose in doses if dose.start < since.last]
            unclear = [dose for dose in early if dose.start >= since.first or dose.open or dose.end > ended]
        sources = (*(source for _, source in undated), *(dose.source for dose in unclear))
        if sources:
            names = dict.fromkeys((*(drug for drug, _ in undated), *(dose.drug for dose in unclear)))
            return Placement([], [], since, f"{', '.join(names)}: given before {words(finding)}, or since? {lack}", sources)
        assert since is not None
        before = [dose for dose in doses if dose.start < since.first]
        return Placement(before, doses[len(before) :], since, "", ())

    def drugs_before(self, row: FactRow) -> None:
        """Tell the drugs given before a finding."""
        placed = self.placement(row.of[0])
        if placed.unclear:
            self.leave_open(row.fact, placed.unclear, placed.sources)
        elif placed.before:
            self.record[row.fact] = self.drugs_of(placed.before)
            self.drugs_read(row.fact, placed.before)

    def drugs_of(self, doses: Iterable[Dose]) -> list[str]:
        """List the drugs of doses, in the order of the guideline."""
        found = {dose.drug for dose in doses}
        return [drug for drug in self.model.drugs if drug in found]

    def drugs_read(self, place: str, doses: Iterable[Dose]) -> None:
        """Tell where each drug of a list was read: its first and its last dose."""
        found: dict[str, list[Dose]] = {}
        for dose in doses:
            found.setdefault(dose.drug, []).append(dose)
        for drug, own in found.items():
            self.sources[f"{place}[{drug}]"] = ends(own)

    def months_between(self, row: FactRow) -> None:
        """Tell the months from the last dose of a drug before a finding until the finding."""
        drug, finding = row.of
        placed = self.placement(finding)
        own = [dose for dose in placed.before if dose.drug == drug]
        if placed.unclear or placed.since is None or not own:
            return
        last = max(own, key=lambda dose: dose.end)
        thresholds = next(fact.thresholds for fact in self.model.facts if fact.name == row.fact)
        spans = [max(0.0, months(last.end, day)) for day in placed.since]
        if interval(spans[0], thresholds) == interval(spans[1], thresholds):
            self.record[row.fact] = spans[0]
            self.sources[row.fact] = (last.source, *ends_of(self.sides(finding)[0]))
        else:
            why = f"{spans[0]} to {spans[1]} months: {words(finding)} is of {placed.since}"
            self.leave_open(row.fact, why, [last.source])

    def courses_from(self, row: FactRow) -> None:
        """Tell the courses given since a finding, and how each ended."""
        finding, trend = row.of
        placed = self.placement(finding)
        if placed.unclear:
            self.leave_open(row.fact, placed.unclear, placed.sources)
            return
        self.courses = courses_of(placed.since_then, self.findings.of(trend), self.today(), self.tables.periods)
        doubtful = [dose for course in self.courses for dose in course.doubtful]
        if doubtful:
            names = ", ".join(dict.fromkeys(dose.drug for dose in doubtful))
            why = f"{names}: under way by what is written, through a progression and into the next course"
            self.leave_open(row.fact, why, [dose.source for dose in doubtful])
            return
        told = []
        for number, course in enumerate(self.courses):
            place = f"{row.fact}[{number}]"
            self.drugs_read(f"{place}.drugs", course.doses)
            if course.why:
                self.sources[f"{place}.outcome"] = course.why
            found: dict[str, object] = {"drugs": self.drugs_of(course.doses), "outcome": course.outcome}
            if course.outcome is None:
                self.leave_open(f"{place}.outcome", "nothing tells how the course ended", ends(course.doses))
            for own in self.tables.course_facts:
                drugs = self.model.course_facts[own.fact].needs
                value = COURSE_METHODS[own.method](self, course, f"{place}.{own.fact}", drugs)
                if value:
                    found[own.fact] = value
                    self.sources[f"{place}.{own.fact}"] = ends(dose for dose in course.doses if dose.drug in drugs)
            told.append(found)
        self.record[row.fact] = told
        if not told:
            since = words(finding) if self.sides(finding)[0] else "metastases, which no resource tells of"
            self.assumed.append(f"{row.fact}: no drug of the guideline is told since {since}: read as none given")
        if unknown := self.doses.unknown:
            why = "read as no drug of the guideline, having no code that tells"
            self.assumed.append(f"{row.fact}: {why}: {len(unknown)} ({some(unknown)})")

    def today(self) -> int:
        """Give the latest day that the resources speak of."""
        days = [own.when.last for found in self.findings.found.values() for own in found if own.when is not None]
        return max([*days, *(dose.end for dose in self.doses.dated)], default=0)

    def cycles(self, course: Course, place: str, drugs: Sequence[str]) -> int | None:
        """Count the doses of drugs in a course, where each is a cycle by itself."""
        days = sorted({dose.start for dose in course.doses if dose.drug in drugs and dose.single})
        if all(b - a >= self.tables.periods["cycle"] for a, b in pairwise(days)):
            return len(days)
        self.leave_open(
            place, f"{len(days)} doses, some less than a cycle apart", ends(d for d in course.doses if d.drug in drugs)
        )
        return None

    def months(self, course: Course, place: str, drugs: Sequence[str]) -> float | None:  # noqa: ARG002 (a method's signature)
        """Count the months from the first to the last dose of drugs in a course."""
        own = [dose for dose in course.doses if dose.drug in drugs]
        if not own:
            return None
        return months(min(dose.start for dose in own), max(course.end if dose.open else dose.end for dose in own))

    def stopped_alone(self, course: Course, place: str, drugs: Sequence[str]) -> bool:  # noqa: ARG002 (a method's signature)
        """Tell whether drugs of a course ended while others went on."""
        own = [dose for dose in course.doses if dose.drug in drugs]
        others = [dose for dose in course.doses if dose.drug not in drugs]
        if not own or any(dose.open for dose in own):
            return False
        last = max(own, key=lambda dose: dose.end)
        later_on = max((course.end if dose.open else dose.end for dose in others), default=0) - last.end
        return later_on > (0 if last.ended else self.tables.periods["under_way"])

    def stopped_for_toxicity(self, course: Course, place: str, drugs: Sequence[str]) -> bool:  # noqa: ARG002 (a method's signature)
        """Tell whether drugs of a course ended for toxicity."""
        own = [dose for dose in course.doses if dose.drug in drugs]
        return bool(own) and max(own, key=lambda dose: dose.end).ended == "toxicity"

    def measured_since_therapy(self, row: FactRow) -> None:
        """Tell that something was measured since the last course ended, or began where it is under way."""
        evidence = self.findings.of(row.of[0])
        measured = [own for own in evidence if own.value != UNDECIDED]
        boundary = self.boundary()
        since = [own for own in measured if own.when is not None and own.when.first >= boundary]
        if since:
            self.tell(row.fact, True, since)
        elif measured:
            self.leave_open(
                row.fact, "measured, but not for certain since the last therapy", [own.source for own in measured]
            )

    def boundary(self) -> int:
        """Give the day since which a measurement is of the treatment now in question."""
        if self.courses:
            last = self.courses[-1]
            return last.start if last.outcome == "ongoing" else last.end
        return max((dose.end for dose in self.doses.dated), default=0)


class Placement(NamedTuple):
    """Doses before a finding and since then; or what is unclear about that, and where."""

    before: list[Dose]
    since_then: list[Dose]
    since: When | None
    unclear: str
    sources: tuple[Source, ...]


METHODS: dict[str, Callable[[Reader, FactRow], None]] = {
    "latest": Reader.latest,
    "any_positive": Reader.any_positive,
    "ever": Reader.ever,
    "latest_number": Reader.latest_number,
    "drugs_before": Reader.drugs_before,
    "months_between": Reader.months_between,
    "courses_from": Reader.courses_from,
    "measured_since_therapy": Reader.measured_since_therapy,
}
COURSE_METHODS: dict[str, Callable[[Reader, Course, str, Sequence[str]], float | None]] = {
    "cycles": Reader.cycles,
    "months": Reader.months,
    "stopped_alone": Reader.stopped_alone,
    "stopped_for_toxicity": Reader.stopped_for_toxicity,
}


def read(parsed: Parsed, model: GuidelineModel, tables: Tables) -> Reading:
    """Read the facts of a guideline from the resources of one patient.

    Raises RecordError where there are none, and where they are of several patients.
    """
    return Reader(parsed, model, tables).read()


def orders(parsed: Parsed, tables: Tables) -> dict[str, str]:
    """List the drugs that requests order, drafts included, or mention, each with the first request that names it."""
    named = medications(parsed)
    found: dict[str, str] = {}
    for number, (url, resource) in enumerate(parsed.resources, start=1):
        if resource.resourceType == "MedicationRequest" and not resource.doNotPerform:
            concept = medication_of(resource, named)
            for drug in dict(drugs_named(concept, tables)) or drugs_mentioned(concept, tables):
                found.setdefault(drug, name_of(url, resource, number))
    return found


def medications(parsed: Parsed) -> Mapping[str, Concept]:
    """Index medications by what refers to them."""
    found: dict[str, Concept] = {}
    for url, resource in parsed.resources:
        if resource.resourceType == "Medication" and resource.code is not None:
            for name in (url, f"Medication/{resource.id}", f"urn:uuid:{resource.id}"):
                if name is not None:
                    found.setdefault(name, resource.code)
    return found


def name_of(url: str | None, resource: Resource, number: int) -> str:
    """Name a resource as references do, by its URL or its place where it has no id."""
    return (
        f"{resource.resourceType}/{resource.id}" if resource.id is not None else url or f"{resource.resourceType} {number}"
    )


def subject_of(resource: Resource) -> str | None:
    """Give the id of the patient that a resource is about."""
    reference = resource.subject or resource.patient
    return id_of(reference.reference) if reference is not None else None


@lru_cache(maxsize=2**10)
def id_of(reference: str | None) -> str | None:
    """Give the id at the end of a reference."""
    return reference.rpartition("/")[2].rpartition(":")[2].removeprefix("#") or None if reference else None


def ends(doses: Iterable[Dose]) -> tuple[Source, ...]:
    """Give the sources of the first and the last of doses."""
    own = [dose.source for dose in doses]
    return tuple(dict.fromkeys((own[0], own[-1]))) if own else ()


def ends_of(evidence: Sequence[Evidence]) -> tuple[Source, ...]:
    """Give the source of the earliest dated evidence."""
    dated = [own for own in evidence if own.when is not None]
    return (min(dated, key=lambda own: own.when or When(0, 0)).source,) if dated else ()


def words(finding: str) -> str:
    return finding.replace("_", " ")
