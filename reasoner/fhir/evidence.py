"""What conditions and observations say of the findings that the tables name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import inf
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.dates import PartialDate, first_date, instant, parse_date
from reasoner.fhir.onsets import onset_of
from reasoner.fhir.provenance import Provenance, provenance_of
from reasoner.fhir.resources import Coding, Component, Concept, Quantity, Resource, as_list, first_code, texts_of
from reasoner.fhir.systems import HIERARCHIES, system_of
from reasoner.fhir.tables import TEXT, UNDECIDED, Diagnosis, Tables, Test
from reasoner.fhir.words import amount_in

__all__ = ["UNDECIDED", "Evidence", "EvidenceCollector", "latest"]

FINAL = {"final", "amended", "corrected"}
NOT_FINAL = {"preliminary", "registered", "cancelled", "entered-in-error"}
LONGEST = 80
REFUTED, ERROR = "refuted", "entered-in-error"
AGAIN = {"recurrence", "relapse"}
ACTIVE = {"active", *AGAIN, None}


class Evidence(NamedTuple):
    """What one resource says of a finding; `lasting` where it speaks of the present, whenever it was written.

    `again` says that it came back on its date; `at` is its time, in seconds from 1970, where that and its zone are told.
    `by` is the set of values that a result came in; `equivocal` says that the result itself is that it is undecided,
    `shown` is the result as it is written. `loose` says that it is told of a cancer without saying of which.
    """

    value: str | float
    date: PartialDate | None
    source: Provenance
    lasting: bool = False
    by: str = ""
    equivocal: bool = False
    shown: str = ""
    again: bool = False
    at: float | None = None
    loose: bool = False


class EvidenceCollector:
    """Collects the evidence for each finding, and why other resources say nothing.

    `born` is when the patient was born, `doubtful` are the diagnoses of which nobody can tell whether they are a finding of
    the tables, `parts` results that say something only with others of the same day.
    """

    def __init__(self, model: GuidelineModel, tables: Tables) -> None:
        self.model = model
        self.tables = tables
        self.found: dict[str, list[Evidence]] = {}
        self.unmapped: dict[Provenance, str] = {}
        self.born: PartialDate | None = None
        self.doubtful: list[Evidence] = []
        self.parts: dict[tuple[str, PartialDate | str], list[Evidence]] = {}
        self.unmapped_test = model.say("fhir_unmapped_test")

    def of(self, finding: str) -> list[Evidence]:
        return self.found.get(finding, [])

    def add(self, finding: str, evidence: Evidence) -> None:
        self.found.setdefault(finding, []).append(evidence)

    def add_condition(self, resource: Resource, name: str, doubted: bool = False, tied: bool = False) -> None:
        """Read a diagnosis: undecided where it is not confirmed or `doubted`, nothing where it is refuted or an error.

        `tied` says that it names the guideline's cancer as the one that it is of.
        """
        statuses = self.tables.certainties_of(resource)
        if resource.verificationStatus is not None:
            statuses.add(first_code(resource.verificationStatus) or UNDECIDED)
        if ERROR in statuses:
            return
        if statuses == {REFUTED}:
            self.leave_out(name, resource.code, resource.onsetDateTime, self.model.say("fhir_refuted"))
            return
        confirmed = not doubted and statuses <= {"confirmed"}
        date = onset_of(resource, self.born)
        clinical = first_code(resource.clinicalStatus)
        lasting, again = clinical in ACTIVE, clinical in AGAIN
        sites = [coding for concept in as_list(resource.bodySite) for coding in concept.codings()]
        said = [
            (diagnosis, coding)
            for coding in (resource.code.codings() if resource.code else ())
            for diagnosis in self.tables.diagnoses(coding, sites)
        ]
        findings = {diagnosis.finding for diagnosis, _ in said}
        worded = self.worded(resource, findings) if resource.code else []
        loose = not tied and self.tables.cancer not in {own.finding for own, _ in (*said, *worded)}
        for diagnosis, coding in decisive((*said, *worded)):
            source = provenance_of(name, coding, resource.code, date)
            value = diagnosis.value if confirmed else UNDECIDED
            self.add(diagnosis.finding, Evidence(value, date, source, lasting, again=again, loose=loose))
        unreadable = not said and not worded and not self.is_another(resource.code)
        if not said and not worded:
            self.leave_out(name, resource.code, resource.onsetDateTime, self.model.say("fhir_unmapped_diagnosis"))
            if unreadable:
                coding = resource.code.first() if resource.code else None
                self.doubtful.append(Evidence(UNDECIDED, date, provenance_of(name, coding, resource.code, date), lasting))
        if unreadable or self.may_be_staged(diagnosis for diagnosis, _ in (*said, *worded)):
            sure = confirmed and Diagnosis(self.tables.cancer, "true") in (diagnosis for diagnosis, _ in said)
            self.add_stages(resource, name, date, sure)

    def may_be_staged(self, diagnoses: Iterable[Diagnosis]) -> bool:
        """Tell whether a diagnosis is the guideline's cancer, or says that it spread; stages of others are other stages."""
        staged = {self.tables.cancer, *(test.finding for test in self.tables.stages)}
        return any(diagnosis.finding in staged for diagnosis in diagnoses)

    def add_stages(self, resource: Resource, name: str, date: PartialDate | None, sure: bool) -> None:
        """Read the stages of a diagnosis; undecided where the diagnosis is not `sure`, or the staging is not known."""
        for own in resource.stage or ():
            if own.summary is None:
                continue
            for test in self.tables.stages:
                stage, read = self.coded_value(own.summary, (test,))
                known = own.type is None or any(named.finding == test.finding for named in self.tests_named(own.type))
                if stage is not None or any(self.tables.hints(test.values, text) for text in texts_of(own.summary)):
                    value = stage if stage is not None and sure and known else UNDECIDED
                    self.add(test.finding, Evidence(value, date, provenance_of(name, read, own.summary, date)))

    def worded(self, resource: Resource, known: set[str]) -> list[tuple[Diagnosis, Coding | None]]:
        """List what the words of a diagnosis say beyond its codes; a text alone is never certain."""
        assert resource.code is not None
        described = (own.finding for text in texts_of(resource.code) for own in self.tables.described(text))
        coding = resource.code.first()
        named = [finding for finding in dict.fromkeys(described) if finding and finding not in known]
        return [(Diagnosis(finding, UNDECIDED), coding) for finding in named]

    def is_another(self, concept: Concept | None) -> bool:
        """Tell whether a diagnosis that no table has is readable as another: by its words, or by a system in order."""
        if concept is None:
            return False
        if any(coding.code and system_of(coding.system) in HIERARCHIES for coding in concept.codings()):
            return True
        texts = texts_of(concept)
        return bool(texts) and not any(self.tables.described(text) for text in texts)

    def add_observation(self, resource: Resource, name: str, doubted: bool = False) -> None:
        """Read a result and those of its components; one that is not final says nothing, an unclear one is undecided."""
        if resource.status in NOT_FINAL:
            return
        doubted = doubted or resource.status not in FINAL
        date, at = None, None
        for part in (resource, *resource.component) if resource.component else (resource,):
            tests = self.tests_named(part.code)
            if not tests:
                written = resource.effectiveDateTime or next(dates_written(resource), "")
                self.leave_out(name, part.code, written, self.unmapped_test)
            if tests or part.valueCodeableConcept is not None:
                if date is None:
                    date = first_date(*dates_written(resource))
                    at = next((instant(text) for text in dates_written(resource) if parse_date(text) is not None), None)
                self.add_result(part, tests, name, date, doubted or bool(part.modifierExtension), at, not resource.focus)

    def tests_named(self, concept: Concept | None) -> dict[Test, Coding | None]:
        """List the tests that a concept names by its codes, each with the coding."""
        tests: dict[Test, Coding | None] = {}
        for coding in (concept.coding or ()) if concept is not None else ():
            test = self.tables.tests.get((system_of(coding.system), coding.code or "")) if coding is not None else None
            if test is not None:
                tests.setdefault(test, coding)
        return tests

    def add_result(
        self,
        part: Component,
        tests: dict[Test, Coding | None],
        name: str,
        date: PartialDate | None,
        doubted: bool,
        at: float | None,
        loose: bool,
    ) -> None:
        """Read one result of tests; undecided where it is `doubted` or cannot be read, or only its value tells the test."""
        if not tests and part.valueCodeableConcept is not None:
            doubted = True
            coded = [(system_of(own.system), own.code or "") for own in part.valueCodeableConcept.codings()]
            tests = {test: None for value in coded for test in self.tables.told_by(value)}
        for test, read in tests.items():
            if not test.finding:
                self.unmapped.setdefault(provenance_of(name, read, part.code, date), test.name)
                return
        parts = part.component if isinstance(part, Resource) else None
        for finding in dict.fromkeys(test.finding for test in tests):
            own = {test: read for test, read in tests.items() if test.finding == finding}
            source = provenance_of(name, next(iter(own.values())), part.code, date)
            values = self.values_of(part, tuple(own))
            if values is None and parts:
                continue
            single = self.tables.together_say(values) if values else None
            told = UNDECIDED if single is None or doubted else single
            equivocal = not doubted and (single == UNDECIDED or single in self.tables.partial)
            kind, shown = next(iter(own)).values, stated_words(part)
            evidence = Evidence(told, date, source, by=kind, equivocal=equivocal, shown=shown, at=at, loose=loose)
            if told in self.tables.partial:
                self.parts.setdefault((finding, date or name), []).append(evidence)
            else:
                self.add(finding, evidence)
                self.note_undecided(evidence)

    def put_together(self) -> None:
        """Take the results of one day that say something only together."""
        for (finding, _), parts in self.parts.items():
            told = self.tables.together_say({own.value for own in parts}) if len(parts) > 1 else None
            for own in parts:
                whole = (
                    own._replace(value=UNDECIDED) if told is None else own._replace(value=told, equivocal=told == UNDECIDED)
                )
                self.add(finding, whole)
                self.note_undecided(whole)

    def doubt_of_which(self, others: Iterable[str]) -> None:
        """Leave open what is told of a cancer, such as metastases, without saying of which, where it may be of another."""
        dates = [own.date for other in others for own in self.of(other) if own.value == "true"]
        if not self.of(self.tables.cancer):
            return
        staged = {test.finding for test in self.tables.stages}
        spread = {own.source.resource for finding in staged for own in self.of(finding)}
        for found in self.found.values():
            for number, own in enumerate(found):
                if (
                    own.loose
                    and own.value == "true"
                    and own.source.resource in spread
                    and any(may_precede(d, own) for d in dates)
                ):
                    found[number] = own._replace(value=UNDECIDED)

    def note_undecided(self, evidence: Evidence) -> None:
        """Note a result that decides nothing."""
        if evidence.value == UNDECIDED:
            self.unmapped.setdefault(evidence.source, self.model.say("fhir_inconclusive"))

    def values_of(self, part: Component, tests: Sequence[Test]) -> set[str | float] | None:
        """Read what a result and its interpretation say: None where it has no value, nothing where no table knows it."""
        found = self.stated_values(part, tests)
        interpreted = {self.coded_value(concept, tests)[0] for concept in part.interpretation or ()} - {None}
        if found is None and not interpreted:
            return None
        return (found or set()) | {value for value in interpreted if value is not None}

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
        if part.valueRange is not None:
            stated.append(self.values_between(part.valueRange.low, part.valueRange.high, tests))
        if part.valueString is not None:
            stated.append(self.written_values(part.valueString, tests))
        return set(chain.from_iterable(stated)) if stated else None

    def coded_value(self, concept: Concept, tests: Sequence[Test]) -> tuple[str | None, Coding | None]:
        """Read a coded value by its codes, or word for word by its texts where no code is known; with the coding read.

        Where codes and texts give different values, it is undecided.
        """
        by_code: dict[str, Coding | None] = {
            value: coding
            for coding in concept.codings()
            for value in self.listed_values(system_of(coding.system), coding.code or "", tests)
        }
        texts = [(coding.display, coding) for coding in concept.codings()] + [(concept.text, None)]
        for text, read in texts:
            for value in self.listed_values(TEXT, text, tests) if text else ():
                by_code.setdefault(value, read)
        if len(by_code) == 1:
            return next(iter(by_code.items()))
        return (UNDECIDED if by_code else None), concept.first()

    def listed_values(self, system: str, code: str, tests: Sequence[Test]) -> Iterator[str]:
        """Look a value up in the sets of values that tests come in."""
        found = (self.tables.value_of(test.values, system, code) for test in tests)
        return (value for value in found if value is not None)

    def measured_values(self, amount: float, quantity: Quantity, tests: Sequence[Test]) -> Iterator[str | float]:
        """Compare an amount with the ranges of its unit, or convert it to the unit that a set of values is in."""
        for test in tests:
            for unit in dict.fromkeys(filter(None, (quantity.code, quantity.unit))) or ("",):
                factor = self.tables.units.get((test.values, unit))
                if factor is not None and quantity.comparator is None:
                    yield round(amount * factor, 3)
                    break
                ranges = self.tables.range_of(test.values, unit)
                within = [value for sign, bound, value in ranges if is_within(amount, quantity.comparator, sign, bound)]
                if within:
                    yield within[0]
                    break

    def written_values(self, text: str, tests: Sequence[Test]) -> Iterator[str | float]:
        """Read a text that the tables have, or an amount, or two with a dash between, with no other words beside it.

        Words beside an amount say nothing where the amount says nothing: it may be one of something else.
        """
        listed = list(self.listed_values(TEXT, text, tests))
        yield from listed
        found = None if listed else amount_in(text)
        if found is None:
            return
        said = list(self.listed_values(TEXT, found.rest, tests))
        if said or not any(self.tables.texts.phrase(test.values, found.rest) for test in tests):
            low, high = (Quantity(own, comparator=found.sign, unit=found.unit) for own in (found.low, found.high))
            amounts = list(self.values_between(low, high, tests))
            yield from chain(said, amounts) if amounts else ()

    def values_between(self, low: Quantity | None, high: Quantity | None, tests: Sequence[Test]) -> Iterator[str | float]:
        """Read what amounts between two others say: the middle, or all that the two say; nothing where one is missing."""
        if low is None or high is None or low.value is None or high.value is None:
            return
        ends = [*self.measured_values(low.value, low, tests), *self.measured_values(high.value, high, tests)]
        numbers = [own for own in ends if isinstance(own, float)]
        yield from (own for own in ends if not isinstance(own, float))
        if numbers:
            yield sum(numbers) / len(numbers)

    def leave_out(self, name: str, concept: Concept | None, written: str | None, why: str) -> None:
        """Note why a resource says nothing here."""
        coding = concept.first() if concept is not None else None
        self.unmapped[provenance_of(name, coding, concept, (written or "")[:10])] = why


def dates_written(resource: Resource) -> Iterator[str]:
    """Yield when a result is said to be of, what tells it best first."""
    period = resource.effectivePeriod
    whole = (period.end, period.start) if period is not None else ()
    return filter(None, (resource.effectiveDateTime, *whole, resource.effectiveInstant, resource.issued))


def stated_words(part: Component) -> str:
    """Write the value of a result as it is told."""
    if part.valueQuantity is not None and part.valueQuantity.value is not None:
        own = part.valueQuantity
        return " ".join(filter(None, (own.comparator, f"{own.value:g}", own.unit or own.code)))
    if part.valueString is not None:
        return part.valueString[:LONGEST]
    if part.valueInteger is not None:
        return str(part.valueInteger)
    return next((text[:LONGEST] for text in texts_of(part.valueCodeableConcept)), "") if part.valueCodeableConcept else ""


def is_within(amount: float, comparator: str | None, sign: str, bound: float) -> bool:
    """Tell whether an amount, exact or known to one side, certainly lies within the range that a sign and a bound give."""
    low = amount if comparator in (None, ">", ">=") else -inf
    high = amount if comparator in (None, "<", "<=") else inf
    if sign == "=":
        return low == high == bound
    if sign == ">=":
        return low >= bound
    return high < bound or (high == bound and comparator == "<")


def may_precede(date: PartialDate | None, own: Evidence) -> bool:
    """Tell whether what has a date may have been there when something else was told."""
    return date is None or own.date is None or date.first <= own.date.last


def decisive(said: Iterable[tuple[Diagnosis, Coding | None]]) -> list[tuple[Diagnosis, Coding | None]]:
    """Keep of what the codes of one diagnosis say of a finding the first that decides it, or else the first."""
    found: dict[str, tuple[Diagnosis, Coding | None]] = {}
    for own in said:
        known = found.get(own[0].finding)
        if known is None or (known[0].value == UNDECIDED and own[0].value != UNDECIDED):
            found[own[0].finding] = own
    return list(found.values())


def latest(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Keep the evidence that no other is certainly later than; what has no date is as late as anything.

    A later day in another time zone may not be later.
    """
    found = list(evidence)
    newest = max((own.date.first for own in found if own.date is not None), default=0)
    return [own for own in found if own.date is None or own.date.last >= newest or not is_passed(own, found)]


def is_passed(own: Evidence, found: Iterable[Evidence]) -> bool:
    """Tell whether any evidence is of a later day, and not earlier by the times that both tell."""
    later = (
        other for other in found if other.date is not None and own.date is not None and other.date.first > own.date.last
    )
    return any(other.at is None or own.at is None or other.at > own.at for other in later)
