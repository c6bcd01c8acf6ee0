"""What conditions and observations tell: findings, each with its date and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import NamedTuple

from reasoner.fhir.dates import When, when
from reasoner.fhir.resources import Coding, Component, Concept, Quantity, Resource
from reasoner.fhir.tables import TEXT, Tables, Test, plain, system_of

__all__ = ["UNDECIDED", "Evidence", "Findings", "Source", "latest"]

UNDECIDED = "undecided"
FINAL = {"final", "amended", "corrected"}
COUNTED = {"confirmed", None}
ACTIVE = {"active", "recurrence", "relapse", None}
NO_CODE = Coding()
ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


class Source(NamedTuple):
    """Where something was read: the resource, the code that was read, as displayed there, and the date."""

    resource: str
    system: str
    code: str
    display: str
    date: str

    def __str__(self) -> str:
        parts = (self.resource, f"{system_of(self.system)} {self.code}".strip(), self.display, self.date)
        return ", ".join(part for part in parts if part)

    def to_dict(self) -> dict[str, str]:
        return {name: value for name, value in self._asdict().items() if value}


class Evidence(NamedTuple):
    """What one resource tells of a finding; `lasting` where it is told of the present, whenever it was written."""

    value: str | float
    when: When | None
    source: Source
    lasting: bool = False


class Findings:
    """Collects findings from resources, and what of them says nothing."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.found: dict[str, list[Evidence]] = {}
        self.unmapped: dict[Source, str] = {}

    def of(self, finding: str) -> list[Evidence]:
        return self.found.get(finding, [])

    def add(self, finding: str, evidence: Evidence) -> None:
        self.found.setdefault(finding, []).append(evidence)

    def condition(self, resource: Resource, name: str) -> None:
        """Read a diagnosis; one that is not confirmed is undecided, one that is refuted or in error says nothing."""
        status = first_code(resource.verificationStatus)
        if status in ("refuted", "entered-in-error"):
            return
        period = resource.onsetPeriod.start if resource.onsetPeriod else None
        asserted = (e.valueDateTime for e in resource.extension or () if e.url == ASSERTED)
        date = first_date(resource.onsetDateTime, period, *asserted, resource.recordedDate)
        lasting = first_code(resource.clinicalStatus) in ACTIVE
        sites = [coding for concept in as_list(resource.bodySite) for coding in concept.codings()]
        codings = list(resource.code.codings()) if resource.code else []
        mapped = False
        for coding in codings:
            source = source_of(name, coding, resource.code, date)
            for finding, value in self.tables.diagnoses(coding, sites):
                mapped = True
                self.add(finding, Evidence(value if status in COUNTED else UNDECIDED, date, source, lasting))
        if not mapped:
            self.leave_out(name, resource.code, resource.onsetDateTime, "a diagnosis that the tables do not know")
        for stage in resource.stage or ():
            if stage.summary is not None:
                for test in self.tables.stages:
                    told, coding = self.coded(stage.summary, (test,))
                    if told is not None:
                        self.add(test.finding, Evidence(told, date, source_of(name, coding, stage.summary, date)))

    def observation(self, resource: Resource, name: str) -> None:
        """Read a result, and those of its components; one that is not final says nothing."""
        if resource.status not in FINAL:
            return
        self.result(resource, resource, name)
        for part in resource.component or ():
            self.result(part, resource, name)

    def result(self, part: Component, resource: Resource, name: str) -> None:
        codings = part.code.coding or () if part.code is not None else ()
        tests: dict[Test, Coding] = {}
        for coding in codings:
            if coding is not None:
                test = self.tables.tests.get((system_of(coding.system), coding.code or ""))
                if test is not None:
                    tests.setdefault(test, coding)
        if not tests:
            self.leave_out(name, part.code, resource.effectiveDateTime, "a test that the tables do not know")
            return
        period = resource.effectivePeriod
        date = first_date(
            resource.effectiveDateTime,
            *((period.end, period.start) if period else ()),
            resource.effectiveInstant,
            resource.issued,
        )
        for test, coding in tests.items():
            if not test.finding:
                self.unmapped.setdefault(source_of(name, coding, part.code, date), test.name)
                return
        for finding in dict.fromkeys(test.finding for test in tests):
            own = {test: coding for test, coding in tests.items() if test.finding == finding}
            source = source_of(name, next(iter(own.values())), part.code, date)
            value = self.value(part, tuple(own))
            if value is not None:
                self.add(finding, Evidence(value, date, source))
                if value == UNDECIDED:
                    self.unmapped.setdefault(source, "a result that decides nothing")

    def value(self, part: Component, tests: tuple[Test, ...]) -> str | float | None:
        """Read the value of a result; None where it has none, undecided where it is not known or says two things."""
        found: set[str | float] = set()
        present = False
        if part.valueCodeableConcept is not None:
            present = True
            value, _ = self.coded(part.valueCodeableConcept, tests)
            found |= {value} if value is not None else set()
        if part.valueQuantity is not None and part.valueQuantity.value is not None:
            present = True
            found.update(self.measured(part.valueQuantity, tests))
        if part.valueInteger is not None:
            present = True
            found.update(self.measured(Quantity(float(part.valueInteger)), tests))
        said = [] if part.valueBoolean is None else [("boolean", str(part.valueBoolean).lower())]
        said += [] if part.valueString is None else [(TEXT, plain(part.valueString))]
        for system, code in said:
            present = True
            found.update(self.listed(system, code, tests))
        if not present:
            for concept in part.interpretation or ():
                value, _ = self.coded(concept, tests)
                if value is not None:
                    present = True
                    found.add(value)
        if not present:
            return None
        return found.pop() if len(found) == 1 else UNDECIDED

    def coded(self, concept: Concept, tests: tuple[Test, ...]) -> tuple[str | None, Coding]:
        """Read a coded value by its codes, and where no code is known by its texts, word for word."""
        by_code = {
            value: coding
            for coding in concept.codings()
            for value in self.listed(system_of(coding.system), coding.code or "", tests)
        }
        if not by_code:
            said = [(coding.display, coding) for coding in concept.codings()] + [(concept.text, Coding())]
            by_code = {v: coding for text, coding in said if text for v in self.listed(TEXT, plain(text), tests)}
        if len(by_code) == 1:
            return next(iter(by_code.items()))
        return (UNDECIDED if by_code else None), next(concept.codings(), Coding())

    def listed(self, system: str, code: str, tests: tuple[Test, ...]) -> Iterator[str]:
        """Look a value up in the sets of values that tests come in."""
        for test in tests:
            value = self.tables.values.get((test.values, system, code))
            if value is not None:
                yield value

    def measured(self, quantity: Quantity, tests: tuple[Test, ...]) -> Iterator[str | float]:
        """Compare an amount with the ranges of its unit, or turn it into the unit that a set of values is in."""
        assert quantity.value is not None
        for test in tests:
            for unit in dict.fromkeys((quantity.code or "", quantity.unit or "")):
                factor = self.tables.units.get((test.values, unit))
                if factor is not None and quantity.comparator is None:
                    yield round(quantity.value * factor, 3)
                    break
                within = [
                    v for sign, bound, v in self.tables.ranges.get((test.values, unit), ()) if inside(quantity, sign, bound)
                ]
                if within:
                    yield within[0]
                    break

    def leave_out(self, name: str, concept: Concept | None, day: str | None, why: str) -> None:
        """Note what says nothing here."""
        coding = next(concept.codings(), NO_CODE) if concept is not None else NO_CODE
        display = coding.display or (concept.text if concept is not None else None) or ""
        self.unmapped[Source(name, coding.system or "", coding.code or "", display, (day or "")[:10])] = why


def inside(quantity: Quantity, sign: str, bound: float) -> bool:
    """Tell whether an amount, exact or known to one side, lies within a range for certain."""
    value = quantity.value
    assert value is not None
    low = value if quantity.comparator in (None, ">", ">=") else -inf
    high = value if quantity.comparator in (None, "<", "<=") else inf
    if sign == "=":
        return low == high == bound
    if sign == ">=":
        return low >= bound
    return high < bound or (high == bound and quantity.comparator == "<")


def latest(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Keep what no other evidence is later than for certain: what has no date is as late as anything."""
    found = list(evidence)
    newest = max((own.when.first for own in found if own.when is not None), default=0)
    return [own for own in found if own.when is None or own.when.last >= newest]


def first_date(*texts: str | None) -> When | None:
    """Read the first of the dates that is one."""
    return next((date for text in texts if (date := when(text)) is not None), None)


def first_code(concept: Concept | None) -> str | None:
    """Give the code of a status, None where there is none."""
    code = next((coding.code for coding in concept.codings() if coding.code), concept.text) if concept else None
    return code.lower() if code else None


def as_list(concepts: list[Concept] | Concept | None) -> list[Concept]:
    return concepts if isinstance(concepts, list) else [] if concepts is None else [concepts]


def source_of(name: str, coding: Coding, concept: Concept | None, date: When | None) -> Source:
    display = coding.display or (concept.text if concept else None) or ""
    return Source(name, coding.system or "", coding.code or "", display, "" if date is None else str(date))
