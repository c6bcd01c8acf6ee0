"""What conditions and observations say of the findings that the tables name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import inf
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.dates import PartialDate, first_date
from reasoner.fhir.provenance import Provenance, provenance_of
from reasoner.fhir.resources import Coding, Component, Concept, Quantity, Resource, as_list, first_code
from reasoner.fhir.tables import TEXT, Tables, Test, normalise, system_of

__all__ = ["UNDECIDED", "Evidence", "EvidenceCollector", "latest"]

UNDECIDED = "undecided"
FINAL = {"final", "amended", "corrected"}
CONFIRMED = {"confirmed", None}
NEVER_THERE = {"refuted", "entered-in-error"}
ACTIVE = {"active", "recurrence", "relapse", None}
ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


class Evidence(NamedTuple):
    """What one resource says of a finding; `lasting` where it speaks of the present, whenever it was written."""

    value: str | float
    date: PartialDate | None
    source: Provenance
    lasting: bool = False


class EvidenceCollector:
    """Collects the evidence for each finding, and why other resources say nothing."""

    def __init__(self, model: GuidelineModel, tables: Tables) -> None:
        self.model = model
        self.tables = tables
        self.found: dict[str, list[Evidence]] = {}
        self.unmapped: dict[Provenance, str] = {}

    def of(self, finding: str) -> list[Evidence]:
        return self.found.get(finding, [])

    def add(self, finding: str, evidence: Evidence) -> None:
        self.found.setdefault(finding, []).append(evidence)

    def add_condition(self, resource: Resource, name: str) -> None:
        """Read a diagnosis: undecided where it is not confirmed, nothing where it is refuted or entered in error."""
        status = first_code(resource.verificationStatus)
        if status in NEVER_THERE:
            return
        period = resource.onsetPeriod.start if resource.onsetPeriod else None
        asserted = (e.valueDateTime for e in resource.extension or () if e.url == ASSERTED)
        date = first_date(resource.onsetDateTime, period, *asserted, resource.recordedDate)
        lasting = first_code(resource.clinicalStatus) in ACTIVE
        sites = [coding for concept in as_list(resource.bodySite) for coding in concept.codings()]
        codings = list(resource.code.codings()) if resource.code else []
        mapped = False
        for coding in codings:
            source = provenance_of(name, coding, resource.code, date)
            for finding, value in self.tables.diagnoses(coding, sites):
                mapped = True
                self.add(finding, Evidence(value if status in CONFIRMED else UNDECIDED, date, source, lasting))
        if not mapped:
            self.leave_out(name, resource.code, resource.onsetDateTime, self.model.say("fhir_unmapped_diagnosis"))
        for summary in (own.summary for own in resource.stage or () if own.summary is not None):
            for test in self.tables.stages:
                stage, read = self.coded_value(summary, (test,))
                if stage is not None:
                    self.add(test.finding, Evidence(stage, date, provenance_of(name, read, summary, date)))

    def add_observation(self, resource: Resource, name: str) -> None:
        """Read a result and those of its components; one that is not final says nothing."""
        if resource.status in FINAL:
            period = resource.effectivePeriod
            date = first_date(
                resource.effectiveDateTime,
                *((period.end, period.start) if period else ()),
                resource.effectiveInstant,
                resource.issued,
            )
            for part in (resource, *(resource.component or ())):
                self.add_result(part, name, date, resource.effectiveDateTime)

    def add_result(self, part: Component, name: str, date: PartialDate | None, written: str | None) -> None:
        """Read one result; `written` is its date as the resource has it."""
        tests: dict[Test, Coding] = {}
        for coding in part.code.codings() if part.code is not None else ():
            test = self.tables.tests.get((system_of(coding.system), coding.code or ""))
            if test is not None:
                tests.setdefault(test, coding)
        if not tests:
            self.leave_out(name, part.code, written, self.model.say("fhir_unmapped_test"))
            return
        for test, coding in tests.items():
            if not test.finding:
                self.unmapped.setdefault(provenance_of(name, coding, part.code, date), test.name)
                return
        for finding in dict.fromkeys(test.finding for test in tests):
            own = {test: coding for test, coding in tests.items() if test.finding == finding}
            source = provenance_of(name, next(iter(own.values())), part.code, date)
            value = self.value_of(part, tuple(own))
            if value is not None:
                self.add(finding, Evidence(value, date, source))
                if value == UNDECIDED:
                    self.unmapped.setdefault(source, self.model.say("fhir_inconclusive"))

    def value_of(self, part: Component, tests: Sequence[Test]) -> str | float | None:
        """Read the value of a result: None where it has none, undecided where no table knows it or values differ."""
        found = self.stated_values(part, tests)
        if found is None:
            interpreted = (self.coded_value(concept, tests)[0] for concept in part.interpretation or ())
            found = {value for value in interpreted if value is not None}
            if not found:
                return None
        return found.pop() if len(found) == 1 else UNDECIDED

    def stated_values(self, part: Component, tests: Sequence[Test]) -> set[str | float] | None:
        """Read the values that a result states, in any of FHIR's types; None where it states none."""
        stated: list[Iterable[str | float]] = []
        if part.valueCodeableConcept is not None:
            value, _ = self.coded_value(part.valueCodeableConcept, tests)
            stated.append([] if value is None else [value])
        if part.valueQuantity is not None and part.valueQuantity.value is not None:
            stated.append(self.measured_values(part.valueQuantity.value, part.valueQuantity, tests))
        if part.valueInteger is not None:
            stated.append(self.measured_values(float(part.valueInteger), Quantity(), tests))
        if part.valueBoolean is not None:
            stated.append(self.listed_values("boolean", str(part.valueBoolean).lower(), tests))
        if part.valueString is not None:
            stated.append(self.listed_values(TEXT, normalise(part.valueString), tests))
        return set(chain.from_iterable(stated)) if stated else None

    def coded_value(self, concept: Concept, tests: Sequence[Test]) -> tuple[str | None, Coding | None]:
        """Read a coded value by its codes, or word for word by its texts where no code is known; with the coding read."""
        by_code: dict[str, Coding | None] = {
            value: coding
            for coding in concept.codings()
            for value in self.listed_values(system_of(coding.system), coding.code or "", tests)
        }
        if not by_code:
            texts = [(coding.display, coding) for coding in concept.codings()] + [(concept.text, None)]
            by_code = {
                value: coding for text, coding in texts if text for value in self.listed_values(TEXT, normalise(text), tests)
            }
        if len(by_code) == 1:
            return next(iter(by_code.items()))
        return (UNDECIDED if by_code else None), next(concept.codings(), None)

    def listed_values(self, system: str, code: str, tests: Sequence[Test]) -> Iterator[str]:
        """Look a value up in the sets of values that tests come in."""
        found = (self.tables.values.get((test.values, system, code)) for test in tests)
        return (value for value in found if value is not None)

    def measured_values(self, amount: float, quantity: Quantity, tests: Sequence[Test]) -> Iterator[str | float]:
        """Compare an amount with the ranges of its unit, or convert it to the unit that a set of values is in."""
        for test in tests:
            for unit in dict.fromkeys((quantity.code or "", quantity.unit or "")):
                factor = self.tables.units.get((test.values, unit))
                if factor is not None and quantity.comparator is None:
                    yield round(amount * factor, 3)
                    break
                ranges = self.tables.ranges.get((test.values, unit), ())
                within = [value for sign, bound, value in ranges if is_within(amount, quantity.comparator, sign, bound)]
                if within:
                    yield within[0]
                    break

    def leave_out(self, name: str, concept: Concept | None, written: str | None, why: str) -> None:
        """Note why a resource says nothing here."""
        coding = next(concept.codings(), None) if concept is not None else None
        self.unmapped[provenance_of(name, coding, concept, (written or "")[:10])] = why


def is_within(amount: float, comparator: str | None, sign: str, bound: float) -> bool:
    """Tell whether an amount, exact or known to one side, certainly lies within the range that a sign and a bound give."""
    low = amount if comparator in (None, ">", ">=") else -inf
    high = amount if comparator in (None, "<", "<=") else inf
    if sign == "=":
        return low == high == bound
    if sign == ">=":
        return low >= bound
    return high < bound or (high == bound and comparator == "<")


def latest(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Keep the evidence that no other is certainly later than; what has no date is as late as anything."""
    found = list(evidence)
    newest = max((own.date.first for own in found if own.date is not None), default=0)
    return [own for own in found if own.date is None or own.date.last >= newest]
