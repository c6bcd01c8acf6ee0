"""What conditions and observations say of the findings that the tables name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.codes import WHOLE
from reasoner.fhir.dates import PartialDate, bound_above, first_date, instant, parse_date
from reasoner.fhir.elements import Coding, Concept, as_list, first_code, texts_of
from reasoner.fhir.onsets import ACTIVE, AGAIN, onset_of, period_of, whether_active
from reasoner.fhir.provenance import Provenance, provenance_of
from reasoner.fhir.resources import Component, Resource
from reasoner.fhir.systems import DISEASES, system_of
from reasoner.fhir.tables import UNDECIDED, Diagnosis, Tables, Test
from reasoner.fhir.values import Value, ValueReader
from reasoner.fhir.words import normalise

__all__ = ["UNDECIDED", "Evidence", "EvidenceCollector", "latest"]

FINAL = {"final", "amended", "corrected"}
NOT_FINAL = {"preliminary", "registered", "cancelled", "entered-in-error"}
LONGEST = 80
DAY = len("2020-01-31")
REFUTED, ERROR = "refuted", "entered-in-error"
REGIONAL = "regional"
WEIGHT = (UNDECIDED, REGIONAL)
DONE = {"completed": "true", "not-done": "not_then"}
NOT_DONE_YET = {"preparation", ERROR}
PROCEDURES = "procedures"
PRESENT = {"true", REGIONAL}


Named = list[tuple[Diagnosis, Coding | None]]
"""What a diagnosis says, each with the code that says it."""


class Evidence(NamedTuple):
    """What one resource says of a finding; `lasting` where it speaks of the present, whenever it was written.

    `again` says that it came back on its date; `at` is its time, in seconds from 1970, where that and its zone are told.
    `by` is the set of values that a result came in; `equivocal` says that the result itself is that it is undecided,
    `shown` is the result as it is written. `loose` says that it is told of a cancer without saying of which. `active` says
    of a diagnosis that it is there now, or that it ended, by `until` where that is told; None where neither is told.
    `unread` says that a result is in a unit that no table has.
    """

    value: Value
    date: PartialDate | None
    source: Provenance
    lasting: bool = False
    by: str = ""
    equivocal: bool = False
    shown: str = ""
    again: bool = False
    at: float | None = None
    loose: bool = False
    active: bool | None = None
    until: PartialDate | None = None
    unread: bool = False


class EvidenceCollector:
    """Collects the evidence for each finding, and why other resources say nothing.

    `born` is when the patient was born, `doubtful` are the diagnoses of which nobody can tell whether they are a finding of
    the tables, `regional` those of nodes near a cancer, each with its finding, `parts` results that say something only with
    others of the same day.
    """

    def __init__(self, model: GuidelineModel, tables: Tables) -> None:
        self.model = model
        self.tables = tables
        self.values = ValueReader(tables)
        self.found: dict[str, list[Evidence]] = {}
        self.unmapped: dict[Provenance, str] = {}
        self.born: PartialDate | None = None
        self.doubtful: list[Evidence] = []
        self.regional: list[tuple[str, Evidence]] = []
        self.parts: dict[tuple[str, PartialDate | str], list[Evidence]] = {}
        self.unmapped_test = model.say("fhir_unmapped_test")

    def of(self, finding: str) -> list[Evidence]:
        return self.found.get(finding, [])

    def add(self, finding: str, evidence: Evidence) -> None:
        self.found.setdefault(finding, []).append(evidence)

    def add_finding(self, resource: Resource, name: str, doubted: bool, tied: bool) -> None:
        """Read what a resource says of findings by its kind; `tied` says that it names the guideline's cancer as its own."""
        if resource.resourceType == "Condition":
            self.add_condition(resource, name, doubted, tied)
        elif resource.resourceType == "Observation":
            self.add_observation(resource, name, doubted)
        elif resource.resourceType == "AdverseEvent":
            self.add_event(resource, name, doubted)
        elif resource.resourceType == "Procedure":
            self.add_procedure(resource, name, doubted)

    def add_condition(self, resource: Resource, name: str, doubted: bool = False, tied: bool = False) -> None:
        """Read a diagnosis: undecided where it is not confirmed or `doubted`, nothing where it is refuted or an error.

        `tied` says that it names the guideline's cancer as the one that it is of.
        """
        statuses = self.tables.certainties_of(resource)
        if resource.verificationStatus is not None:
            statuses.add(first_code(resource.verificationStatus) or UNDECIDED)
        if ERROR in statuses:
            return
        date = onset_of(resource, self.born)
        if statuses == {REFUTED}:
            self.add_refuted(resource, name, date, doubted)
            return
        confirmed = not doubted and statuses <= {"confirmed"}
        clinical = first_code(resource.clinicalStatus)
        lasting, again = clinical in ACTIVE or clinical is None, clinical in AGAIN
        active, until = whether_active(resource)
        said, worded = self.named(resource.code, as_list(resource.bodySite))
        loose = not tied and self.tables.cancer not in {own.finding for own, _ in (*said, *worded)}
        for diagnosis, coding in decisive((*said, *worded)):
            source = provenance_of(name, coding, resource.code, date)
            value = diagnosis.value if confirmed or diagnosis.value == REGIONAL else UNDECIDED
            value = "true" if value == WHOLE else UNDECIDED if active is False and value not in PRESENT else value
            own = Evidence(value, date, source, lasting, again=again, loose=loose, active=active, until=until)
            if value == REGIONAL:
                self.regional.append((diagnosis.finding, own))
            else:
                self.add(diagnosis.finding, own)
        unreadable = not said and not worded and not self.is_another(resource.code)
        if not said and not worded:
            self.leave_out(name, resource.code, resource.onsetDateTime, self.model.say("fhir_unmapped_diagnosis"))
            if unreadable:
                coding = resource.code.first() if resource.code else None
                self.doubtful.append(Evidence(UNDECIDED, date, provenance_of(name, coding, resource.code, date), lasting))
        if unreadable or self.may_be_staged(diagnosis for diagnosis, _ in (*said, *worded)):
            sure = confirmed and Diagnosis(self.tables.cancer, "true") in (diagnosis for diagnosis, _ in said)
            self.add_stages(resource, name, date, sure)

    def add_refuted(self, resource: Resource, name: str, date: PartialDate | None, doubted: bool) -> None:
        """Read a refuted diagnosis: the findings that it is as a whole are not there; of others it says nothing."""
        said, _ = self.named(resource.code, as_list(resource.bodySite))
        whole = [(own, coding) for own, coding in decisive(said) if own.value == WHOLE and not doubted]
        for own, coding in whole:
            told = parse_date(resource.recordedDate) or date
            self.add(own.finding, Evidence("false", told, provenance_of(name, coding, resource.code, told)))
        if not whole:
            self.leave_out(name, resource.code, resource.onsetDateTime, self.model.say("fhir_refuted"))

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
                stage, read = self.values.coded_value(own.summary, (test,))
                known = own.type is None or any(named.finding == test.finding for named in self.tests_named(own.type))
                if stage is not None or any(self.tables.sets.hints(test.values, text) for text in texts_of(own.summary)):
                    value = stage if stage is not None and sure and known else UNDECIDED
                    self.add(test.finding, Evidence(value, date, provenance_of(name, read, own.summary, date)))

    def add_unknown(self, name: str) -> None:
        """Add what may be a diagnosis of anything."""
        self.doubtful.append(Evidence(UNDECIDED, None, Provenance(name)))

    def add_event(self, resource: Resource, name: str, doubted: bool) -> None:
        """Read an adverse event that is a finding of the tables; undecided where it is not told as one that occurred."""
        event = resource.event if isinstance(resource.event, Concept) else resource.code
        if event is None or resource.status == ERROR:
            return
        sure = not doubted and resource.actuality == "actual"
        date = first_date(resource.occurrenceDateTime, resource.date) or bound_above(first_date(resource.detected))
        said, worded = self.named(event, ())
        for diagnosis, coding in decisive((*said, *worded)):
            value = diagnosis.value if sure and diagnosis.value != REGIONAL else UNDECIDED
            self.add(diagnosis.finding, Evidence(value, date, provenance_of(name, coding, event, date)))

    def add_procedure(self, resource: Resource, name: str, doubted: bool) -> None:
        """Read a procedure: done, or not on its day; undecided where the status does not say which, or only a text tells."""
        status, table = resource.status, self.tables.procedures
        if status in NOT_DONE_YET or resource.code is None:
            return
        said: Named = [(own, coding) for coding in resource.code.codings() for own in table.said_by(coding)]
        said = said or [(own._replace(value=UNDECIDED), None) for t in texts_of(resource.code) for own in table.described(t)]
        date = first_date(resource.performedDateTime, resource.occurrenceDateTime) or period_of(
            resource.performedPeriod or resource.occurrencePeriod
        )
        for own, coding in decisive([pair for pair in said if pair[0].finding]):
            told = UNDECIDED if doubted or own.value == UNDECIDED else DONE.get(status or "", UNDECIDED)
            source = provenance_of(name, coding, resource.code, date)
            self.add(own.finding, Evidence(told, date, source, by=PROCEDURES, shown=source.display))
        if not said and table.rows:
            self.leave_out(name, resource.code, "" if date is None else str(date), self.model.say("fhir_unmapped_procedure"))

    def named(self, concept: Concept | None, sites: Iterable[Concept]) -> tuple[Named, Named]:
        """List what the codes of a diagnosis at body sites say, and what its words say beyond; a text is never certain."""
        if concept is None:
            return [], []
        places = [coding for own in (concept, *sites) for coding in own.codings()]
        said: Named = [(own, coding) for coding in concept.codings() for own in self.tables.diagnoses(coding, places)]
        known, coding = {diagnosis.finding for diagnosis, _ in said}, concept.first()
        regional = any(own.value == REGIONAL for own, _ in said)
        if regional and any(self.tables.conditions.far.search(normalise(text)) for text in texts_of(concept)):
            said = [(own._replace(value=UNDECIDED) if own.value == REGIONAL else own, code) for own, code in said]
        named = dict.fromkeys(own.finding for text in texts_of(concept) for own in self.tables.conditions.described(text))
        return said, [(Diagnosis(finding, UNDECIDED), coding) for finding in named if finding and finding not in known]

    def is_another(self, concept: Concept | None) -> bool:
        """Tell whether a diagnosis that no table has is readable as another: by its words, or by a system in order."""
        if concept is None:
            return False
        if any(coding.code and system_of(coding.system) in DISEASES for coding in concept.codings()):
            return True
        texts = texts_of(concept)
        return bool(texts) and not any(self.tables.conditions.described(text) for text in texts)

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
        parts = getattr(part, "component", None)
        for finding in dict.fromkeys(test.finding for test in tests):
            own = {test: read for test, read in tests.items() if test.finding == finding}
            source = provenance_of(name, next(iter(own.values())), part.code, date)
            values = self.values.values_of(part, tuple(own))
            if values is None and parts:
                continue
            single = self.tables.sets.together_say(values) if values else None
            told = UNDECIDED if single is None or doubted else single
            equivocal = not doubted and (single == UNDECIDED or single in self.tables.sets.partial)
            kind, shown = next(iter(own)).values, stated_words(part)
            unread = single is None and self.values.lacks_unit(part, own)
            evidence = Evidence(
                told, date, source, by=kind, equivocal=equivocal, shown=shown, at=at, loose=loose, unread=unread
            )
            if told in self.tables.sets.partial:
                self.parts.setdefault((finding, date or name), []).append(evidence)
            else:
                self.add(finding, evidence)
                self.note_undecided(evidence)

    def put_together(self) -> None:
        """Take the results of one day that say something only together."""
        for (finding, _), parts in self.parts.items():
            told = self.tables.sets.together_say({own.value for own in parts}) if len(parts) > 1 else None
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

    def settle_regional(self, others: Iterable[str]) -> None:
        """Take nodes near the guideline's cancer for neither told nor excluded metastases, where it is the only cancer."""
        own = any(own.value == "true" for own in self.of(self.tables.cancer))
        alone = own and not any(self.of(other) for other in others)
        for finding, evidence in self.regional:
            if alone:
                label = self.model.label("finding", self.tables.cancer)
                self.unmapped.setdefault(evidence.source, self.model.say("fhir_regional", label))
            else:
                self.add(finding, evidence._replace(value=UNDECIDED))

    def note_undecided(self, evidence: Evidence) -> None:
        """Note a result that decides nothing."""
        if evidence.value == UNDECIDED:
            why = (
                self.model.say("fhir_unknown_unit", evidence.shown)
                if evidence.unread
                else self.model.say("fhir_inconclusive")
            )
            self.unmapped.setdefault(evidence.source, why)

    def leave_out(self, name: str, concept: Concept | None, written: str | None, why: str) -> None:
        """Note why a resource says nothing here."""
        coding = concept.first() if concept is not None else None
        self.unmapped[provenance_of(name, coding, concept, (written or "")[:DAY])] = why


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


def may_precede(date: PartialDate | None, own: Evidence) -> bool:
    """Tell whether what has a date may have been there when something else was told."""
    return date is None or own.date is None or date.first <= own.date.last


def decisive(said: Iterable[tuple[Diagnosis, Coding | None]]) -> list[tuple[Diagnosis, Coding | None]]:
    """Keep of what the codes of one diagnosis say of a finding the first that decides it, or else the first."""
    found: dict[str, tuple[Diagnosis, Coding | None]] = {}
    for own in said:
        known = found.get(own[0].finding)
        if known is None or weight(own[0].value) > weight(known[0].value):
            found[own[0].finding] = own
    return list(found.values())


def weight(value: str) -> int:
    """Rank what codes say of a finding by how much it decides."""
    return WEIGHT.index(value) if value in WEIGHT else len(WEIGHT)


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
