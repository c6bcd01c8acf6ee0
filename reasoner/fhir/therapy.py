"""Courses of therapy from medication administrations, requests, statements and dispenses, by their dates.

What was only planned, not done or entered in error is no therapy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reasoner.fhir.dates import when
from reasoner.fhir.findings import UNDECIDED, Evidence, Findings, Source, as_list, first_date, latest, source_of
from reasoner.fhir.resources import Coding, Concept, Resource
from reasoner.fhir.tables import TEXT, Tables, Test, plain, system_of

__all__ = ["Course", "Dose", "courses_of", "doses_of", "drugs_mentioned", "drugs_named", "medication_of"]

GIVEN = {
    "MedicationAdministration": {"completed", "in-progress", "on-hold", "stopped"},
    "MedicationStatement": {"active", "completed", "stopped", "on-hold"},
    "MedicationRequest": {"active", "completed", "stopped", "on-hold"},
    "MedicationDispense": {"in-progress", "completed", "on-hold", "stopped"},
}
NOT_GIVEN = {"cancelled", "declined", "draft", "entered-in-error", "intended", "not-done", "not-taken", "preparation"}
UNDER_WAY = {"active", "in-progress", "on-hold"}
PLANS = {"proposal", "plan", "option"}
ORDER = "MedicationRequest"
SINGLE = ("MedicationAdministration", "MedicationDispense")
ENDED = Test("", "ended", "")


class Dose(NamedTuple):
    """A drug given at a time, or over a time: from `start` to `end`, days; `open` where it has not ended.

    `ended` is a value of the set "ended", or "undecided" where it ended and the reason is open; "completed" too where a
    statement or a request is completed. `single` is one dose, `ordered` what is only an order.
    """

    drug: str
    start: int
    end: int
    open: bool
    ended: str | None
    single: bool
    ordered: bool
    source: Source


class Course(NamedTuple):
    """Drugs given together.

    `end` is the last day on which one is known to be given, `outcome` None where it is not told. `doubtful` are doses that
    are under way by what is written, from a course that ended in progression into this one.
    """

    doses: tuple[Dose, ...]
    start: int
    end: int
    outcome: str | None
    why: tuple[Source, ...]
    doubtful: tuple[Dose, ...]


class Unclear(NamedTuple):
    """A drug of which it is not clear that it was given, and why."""

    drug: str
    why: str
    source: Source


class Doses(NamedTuple):
    """The doses read, and what leaves the therapy open: drugs without a date that can be used, and those that are unclear.

    `unknown` are medications that may be drugs of the guideline: they have no code of a system that tells.
    """

    dated: list[Dose]
    undated: list[tuple[str, Source]]
    unclear: list[Unclear]
    unknown: list[Source]


def drugs_named(concept: Concept | None, tables: Tables) -> list[tuple[str, Coding]]:
    """List the drugs that the codes of a medication name, or all its texts, word for word, where no code is known."""
    if concept is None:
        return []
    found: dict[str, Coding] = {}
    for coding in concept.codings():
        for drug in tables.drugs.get((system_of(coding.system), coding.code or ""), ()):
            found.setdefault(drug, coding)
    if not found:
        said = {text: tables.drugs.get((TEXT, text), []) for text in texts_of(concept)}
        drugs = [drug for named in said.values() for drug in named]
        if all(set(tables.mentioned(text)) == set(drugs) == set(said[text]) for text in said):
            found = dict.fromkeys(drugs, next(concept.codings(), Coding()))
    return list(found.items())


def drugs_mentioned(concept: Concept | None, tables: Tables) -> list[str]:
    """List the drugs whose names stand in the texts of a medication."""
    texts = texts_of(concept) if concept is not None else ()
    return list(dict.fromkeys(drug for text in texts for drug in tables.mentioned(text)))


def texts_of(concept: Concept) -> list[str]:
    """Give the texts of a concept and of its codings, written as the tables do."""
    return [plain(text) for text in (concept.text, *(coding.display for coding in concept.codings())) if text]


def can_be_told(concept: Concept | None, tables: Tables) -> bool:
    """Tell whether a medication has a code of a system in which the tables have all drugs."""
    return concept is not None and any(c.code and system_of(c.system) in tables.drug_systems for c in concept.codings())


def medication_of(resource: Resource, medications: Mapping[str, Concept]) -> Concept | None:
    """Find the medication that a resource names, or the one that it refers to, if only by what the reference says."""
    if resource.medicationCodeableConcept is not None:
        return resource.medicationCodeableConcept
    reference = resource.medicationReference
    if reference is None:
        return None
    contained = (own.code for own in resource.contained or () if reference.reference == f"#{own.id}")
    known = next(contained, None) or medications.get(reference.reference or "")
    return known or Concept(text=reference.display)


def doses_of(resources: Iterable[tuple[str, Resource]], medications: Mapping[str, Concept], findings: Findings) -> Doses:
    """Read the drugs that were given; other medications are noted.

    Where single doses of a drug are told, they tell how long it was given, and orders do not.
    """
    found = Doses([], [], [], [])
    tables = findings.tables
    for name, resource in resources:
        kind = resource.resourceType or ""
        if resource.status in NOT_GIVEN or resource.intent in PLANS or resource.doNotPerform:
            continue
        concept = medication_of(resource, medications)
        named = drugs_named(concept, tables)
        period = resource.effectivePeriod
        start = first_date(
            resource.effectiveDateTime, period.start if period else None, resource.whenHandedOver, resource.authoredOn
        )
        if not named:
            source = source_of(name, next(concept.codings(), Coding()) if concept else Coding(), concept, start)
            mentioned = drugs_mentioned(concept, tables)
            found.unclear.extend(
                Unclear(drug, "named among other words, without a known code", source) for drug in mentioned
            )
            if not (mentioned or can_be_told(concept, tables)):
                found.unknown.append(source)
            findings.unmapped[source] = "a drug that the tables do not know"
            continue
        if resource.status not in GIVEN[kind]:
            why = f"whether it was given is not told by the status {resource.status or '(none)'}"
            found.unclear.extend(Unclear(drug, why, source_of(name, coding, concept, start)) for drug, coding in named)
            continue
        end = when(period.end) if period else None
        single = kind in SINGLE
        ended = end_of(resource, single, findings)
        for drug, coding in named:
            source = source_of(name, coding, concept, start)
            if start is None or start.first != start.last:
                found.undated.append((drug, source))
                continue
            last = max(end.last, start.last) if end is not None else start.last
            running = resource.status in UNDER_WAY and end is None and not single
            found.dated.append(Dose(drug, start.first, last, running, ended, single, kind == ORDER, source))
    given = {dose.drug for dose in found.dated if dose.single}
    found.dated[:] = [d._replace(open=False) if d.ordered and d.drug in given else d for d in found.dated]
    found.dated.sort(key=lambda dose: (dose.start, dose.end, dose.drug, dose.source))
    return found


def end_of(resource: Resource, single: bool, findings: Findings) -> str | None:
    """Tell how what a resource gives ended: None where it tells of no end, undecided where the reason is open."""
    reasons = {findings.coded(reason, (ENDED,))[0] for reason in as_list(resource.statusReason)} - {None, UNDECIDED}
    if len(reasons) == 1:
        return reasons.pop()
    if reasons or resource.status == "stopped":
        return UNDECIDED
    return "completed" if resource.status == "completed" and not single else None


class Line:
    """A course being built: the day it began, its doses, and of each drug the one that ends last."""

    def __init__(self, start: int, carried: list[Dose]) -> None:
        self.start = start
        self.carried = carried
        self.doses: list[Dose] = []
        self.last: dict[str, Dose] = {}
        for dose in self.carried:
            self.add(dose)

    def add(self, dose: Dose) -> None:
        self.doses.append(dose)
        before = self.last.get(dose.drug)
        if before is None or (before.open, before.end) <= (dose.open, dose.end):
            self.last[dose.drug] = dose


def courses_of(doses: Iterable[Dose], trend: Sequence[Evidence], today: int, periods: Mapping[str, int]) -> list[Course]:
    """Build the courses from doses in the order of their dates.

    A drug that starts later than the first ones, or comes back after a pause, begins a new course; drugs that go on then
    belong to both. `trend` is how the disease went, `today` the latest day that the record speaks of.
    """
    lines: list[Line] = []
    for dose in doses:
        if lines and belongs(dose, lines[-1], periods):
            lines[-1].add(dose)
        else:
            soon = dose.start + periods["starts_together"]
            before = lines[-1].doses if lines else []
            lines.append(Line(dose.start, [own for own in before if own.open or own.end > soon]))
            lines[-1].add(dose)
    courses: list[Course] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else None
        outcome, why = outcome_of(line, following, trend, today, periods)
        end = max(today if dose.open else dose.end for dose in line.doses)
        until = end if following is None else min(end, following.start)
        progressed = bool(courses) and courses[-1].outcome == "progression"
        doubtful = tuple(dose for dose in line.carried if progressed and dose.open)
        courses.append(Course(tuple(line.doses), line.start, until, outcome, why, doubtful))
    return courses


def belongs(dose: Dose, line: Line, periods: Mapping[str, int]) -> bool:
    """Tell whether a dose belongs to the course under way."""
    before = line.last.get(dose.drug)
    if before is not None:
        return before.open or dose.start - before.end <= periods["pause"]
    return dose.start - line.start <= periods["starts_together"]


def outcome_of(
    line: Line, following: Line | None, trend: Sequence[Evidence], today: int, periods: Mapping[str, int]
) -> tuple[str | None, tuple[Source, ...]]:
    """Tell how a course ended, and where that is said; None where nothing says so, or two things are said.

    In this order: the disease progressed; a drug that was not carried on ended for a reason; the course is under way; its
    drugs were completed; the disease was under control after it.
    """
    horizon = today if following is None else following.start
    seen = latest(own for own in trend if own.when and line.start < own.when.first and own.when.last <= horizon)
    said = {own.value for own in seen}
    if "progression" in said:
        return ("progression" if len(said) == 1 else None), tuple(own.source for own in seen)
    last = {drug: dose for drug, dose in line.last.items() if following is None or drug not in following.last}
    under_way = following is None and any(
        dose.open or (dose.ended is None and today - dose.end <= periods["under_way"]) for dose in last.values()
    )
    if under_way:
        return "ongoing", tuple(dose.source for dose in last.values())
    reasons = {dose.ended for dose in last.values()}
    told = reasons - {None, "completed"} or reasons - {None}
    if len(told) == 1 and not told & {UNDECIDED} and (None not in reasons or told != {"completed"}):
        return told.pop(), tuple(dose.source for dose in last.values() if dose.ended)
    if said == {"controlled"} and all(own.when and own.when.last >= dose.end for own in seen for dose in last.values()):
        return "completed", tuple(own.source for own in seen)
    return None, ()
