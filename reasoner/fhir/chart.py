"""A patient's chart: the evidence and the doses in the resources of one patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError
from reasoner.fhir.allergies import ALLERGY, AllergyReader
from reasoner.fhir.bundles import NOT_READ, ParsedResources, Unreadable
from reasoner.fhir.dates import PartialDate
from reasoner.fhir.demographics import latest_day
from reasoner.fhir.doses import GIVEN, DoseReader, drugs_coded, medications_of
from reasoner.fhir.elements import texts_of
from reasoner.fhir.elsewhere import TELLING_FIELDS, is_silent
from reasoner.fhir.evidence import Evidence, EvidenceCollector
from reasoner.fhir.kinds import TOLD
from reasoner.fhir.matters import Matters
from reasoner.fhir.medications import Medications
from reasoner.fhir.pages import OUTCOME, reports_failure
from reasoner.fhir.resources import Located, Resource, base_of
from reasoner.fhir.subjects import Subjects, subject_of
from reasoner.fhir.systems import system_of
from reasoner.fhir.tables import UNKNOWN, Tables
from reasoner.fhir.versions import versions_of
from reasoner.fhir.words import normalise

__all__ = ["READ", "Chart", "Orders", "orders_of", "without_silent"]

TELLING = {*TOLD, "Condition", "Observation"}
"""Resources that can tell of therapy without being a medication event."""
PATIENT = "Patient"
UNREAD = {
    "MedicationOrder": "fhir_other_version",
    "MedicationPrescription": "fhir_other_version",
    "MedicationUsage": "fhir_other_version",
    None: "fhir_part_unread",
}
"""Medication events of other versions of FHIR, and what does not say what it is: none of them is read."""
READ = {*TELLING, *GIVEN, *UNREAD, ALLERGY}
MATTERING = {*READ, "Bundle", "Medication", PATIENT}
ADMINISTRATIVE = {
    "Coverage", "Endpoint", "HealthcareService", "Location", "OperationOutcome", "Organization", "Practitioner",
    "PractitionerRole", "Provenance", "RelatedPerson",
}  # fmt: skip
"""Resources that say nothing of how a patient is, or what was done."""
UNCOUNTED = MATTERING | ADMINISTRATIVE
PARTIAL = {"error": "fhir_reported_failure", "incomplete": "fhir_one_page", NOT_READ: "fhir_part_unread"}
"""Why a bundle is not all that there is."""


class Chart:
    """The evidence and the doses in the resources of one patient.

    With `silent_is_none`, what is not recorded is read as not there. `unreadable` says what could not be read, `other_kinds`
    counts the resources of each kind that is not read.

    Raises RecordError where no resource can be read, or where they are about several patients.
    """

    def __init__(self, parsed: ParsedResources, model: GuidelineModel, tables: Tables, silent_is_none: bool = False) -> None:
        self.model = model
        self.tables = tables
        self.silent_is_none = silent_is_none
        self.evidence = EvidenceCollector(model, tables)
        mattering = [own for own in parsed.unreadable if own.resource.partition("/")[0] in MATTERING or not own.resource]
        self.unreadable = [unreadable_words(own, model) for own in mattering]
        kinds = Counter([resource.resourceType for _, resource in parsed.resources])
        if not any(kinds):
            raise RecordError("; ".join([model.say("fhir_no_resource"), *self.unreadable[:1]]))
        self.kinds = kinds_read(tables)
        known = self.kinds | (UNCOUNTED - READ)
        self.other_kinds = {kind: kinds[kind] for kind in sorted(filter(None, kinds)) if kind not in known}
        subjects = Subjects(parsed, model)
        self.patient = subjects.patient and subjects.patient.rpartition("/")[2]
        self.evidence.born = subjects.born
        matters = Matters(parsed.resources, tables, subjects)
        reader = DoseReader(Medications(parsed.resources), matters, self.evidence, silent_is_none)
        allergies = AllergyReader(self.evidence)
        superseded, disputed = versions_of(parsed.resources)
        numbered = enumerate(zip(parsed.resources, subjects.others, strict=True))
        self.counting = [(number, own, other) for number, (own, other) in numbered if number not in superseded]
        for number, (url, resource), other in self.counting:
            kind, why = resource.resourceType, ""
            if kind not in self.kinds:
                continue
            if other or number in disputed or resource.focus or resource.extension or resource.modifierExtension:
                name = name_of(url, resource, number + 1)
                why = self.doubt(name, (url, resource), other, matters, number in disputed)
            elif kind in TOLD and is_silent(resource):
                continue
            else:
                name = name_of(url, resource, number + 1)
            if kind in UNREAD:
                reader.add_unclear(name, model.say(UNREAD[kind]))
                if kind is None:
                    self.unreadable.append(model.say("fhir_not_a_resource"))
                    self.evidence.add_unknown(name)
                    allergies.add_doubt(name)
            elif kind in GIVEN:
                reader.add_medication(name, url, resource, why)
            elif kind == ALLERGY:
                allergies.add(resource, name, bool(why))
            else:
                tied = kind == "Condition" and matters.is_tied(resource, url)
                self.evidence.add_finding(resource, name, bool(why), tied)
                if tables.therapy and (kind != "Observation" or is_worded(resource)):
                    reader.add_told(name, resource, why)
        self.add_gaps(parsed, reader, allergies)
        self.evidence.put_together()
        self.evidence.settle_regional(matters.others)
        self.evidence.doubt_of_which(matters.others)
        allergies.settle()
        self.doses = reader.doses()

    def add_gaps(self, parsed: ParsedResources, reader: DoseReader, allergies: AllergyReader) -> None:
        """Add what may be therapy, a diagnosis or an allergy among what could not be read or had."""
        say = self.model.say
        for own in parsed.unreadable:
            name = own.resource or "Bundle"
            if may_tell(own):
                reader.add_unclear(name, say("fhir_part_unread"))
            if not own.field and own.resource.partition("/")[0] in ("", "Condition"):
                self.evidence.add_unknown(name)
            if not own.field and own.resource.partition("/")[0] in ("", ALLERGY):
                allergies.add_doubt(name)
        outcomes = [own for _, own in parsed.resources if own.resourceType == OUTCOME]
        failed = parsed.partial == "error" or any(map(reports_failure, outcomes))
        if failed or parsed.partial:
            why = "error" if failed else parsed.partial
            reader.add_unclear("Bundle", say(PARTIAL[why]))
            allergies.add_doubt("Bundle")
        for name in parsed.lacking:
            reader.add_unclear(name, say("fhir_not_obtained", name))

    @cached_property
    def patients(self) -> list[tuple[str, Resource]]:
        """The Patient resources of the patient, each with its name."""
        return [(name_of(url, own, n + 1), own) for n, (url, own), _ in self.counting if own.resourceType == PATIENT]

    @cached_property
    def latest_day(self) -> PartialDate | None:
        """The latest day that the resources about the patient tell of, as far as it is known."""
        return latest_day((own, bool(other)) for _, (_, own), other in self.counting)

    def doubt(self, name: str, located: Located, other: str, matters: Matters, disputed: bool) -> str:
        """Say briefly why nobody can tell whether a resource counts, or nothing where it does, and note it as unreadable.

        `other` is whom it is about if not certainly the patient; a `disputed` one has several versions, the latest unknown.
        """
        (url, resource), say = located, self.model.say
        if other:
            doubted, why = say("fhir_other_patient", name, other, self.patient or ""), say("fhir_not_about_the_patient")
        elif resource.modifierExtension:
            doubted, why = say("fhir_modified", name), say("fhir_may_be_denied")
        elif matters.is_another(resource, url):
            doubted, why = say("fhir_other_matter", name), say("fhir_about_another")
        elif disputed:
            doubted, why = say("fhir_several_versions", name), say("fhir_unknown_version")
        else:
            return ""
        self.unreadable.append(doubted)
        return why

    def today(self) -> int:
        """Give the latest day that the resources speak of."""
        days = [own.date.last for found in self.evidence.found.values() for own in found if own.date is not None]
        return max([*days, *(dose.end for dose in self.doses.dated)], default=0)

    def sides(self, finding: str) -> tuple[list[Evidence], list[Evidence]]:
        """Give the evidence for a finding, and the evidence that contradicts it.

        That it was never there contradicts it unless it is older; that it was not there at a time, only at the same time.
        """
        evidence = self.evidence.of(finding)
        present = [own for own in evidence if own.value == "true"]
        if not present:
            return present, [own for own in evidence if own.value in ("false", "not_then")]
        dates = [own.date for own in present if own.date is not None]
        undated = len(dates) < len(present)
        first, last = min((own.first for own in dates), default=0), min((own.last for own in dates), default=0)
        newest = max((own.first for own in dates), default=0)
        lasting = any(own.date is None and own.lasting for own in present)
        return present, [
            own
            for own in evidence
            if (own.value == "false" and (own.date is None or not (lasting or own.date.last < newest)))
            or (own.value == "not_then" and not (own.date and dates) and undated == (own.date is None))
            or (own.value == "not_then" and own.date and dates and first <= own.date.last and own.date.first <= last)
        ]

    def labels(self, drugs: Iterable[str]) -> str:
        """Name drugs, each once."""
        return self.model.say("comma").join(self.model.label("drug", drug) for drug in dict.fromkeys(drugs))


def kinds_read(tables: Tables) -> set[str | None]:
    """List the kinds of resources that tables read: medications, and what else may tell of therapy, for courses alone."""
    if tables.therapy:
        found: set[str | None] = READ - {ALLERGY}
    else:
        found = {None, "Condition", "Observation", "AdverseEvent", *(["Procedure"] if tables.procedures.rows else [])}
    return found | ({ALLERGY} if tables.allergies.rows else set())


def without_silent(resources: Iterable[Located], tables: Tables) -> list[Located]:
    """Leave out results by whose code, and without whose words, nothing can be read from them but their day."""
    if any(mapping.method == "age" for mapping in tables.facts):
        return list(resources)
    found, tests = [], tables.tests
    for pair in resources:
        own = pair[1]
        code = own.code
        if own.resourceType != "Observation" or code is None or is_worded(own):
            found.append(pair)
            continue
        for coding in code.coding or ():
            if coding is not None and (system_of(coding.system), coding.code or "") in tests:
                found.append(pair)
                break
    return found


def is_worded(result: Resource) -> bool:
    """Tell whether a result has a value or a note in words, or several results, by which it can tell more than its code."""
    return (
        result.valueCodeableConcept is not None
        or result.valueString is not None
        or result.component is not None
        or result.note is not None
    )


def may_tell(own: Unreadable) -> bool:
    """Tell whether what could not be read may be, or tell of, therapy; what else a resource lacks is in doubt by itself."""
    kind = own.resource.partition("/")[0]
    return kind in {*READ, ""} if not own.field else kind in TOLD and own.field in TELLING_FIELDS


def unreadable_words(own: Unreadable, model: GuidelineModel) -> str:
    """Say what could not be read."""
    if not own.resource:
        return model.say("fhir_not_a_resource")
    if not own.field:
        return model.say("fhir_resource_left_out", own.resource, own.error)
    return model.say("fhir_field_left_out", own.resource, own.field, own.error)


class Orders(NamedTuple):
    """What requests order, drafts included: the guideline's drugs, each with the first request that names it.

    `unknown` are requests whose medication no table knows, `others` those about somebody else, each with what it orders.
    """

    drugs: dict[str, str]
    unknown: dict[str, str]
    others: dict[str, str]


def orders_of(parsed: ParsedResources, tables: Tables, patient: str) -> Orders:
    """Read what requests order for a patient, by the id; a draft without a medication orders nothing yet."""
    medications = Medications(parsed.resources)
    spoilt = {own.resource for own in parsed.unreadable}
    found = Orders({}, {}, {})
    for number, (url, resource) in enumerate(parsed.resources, start=1):
        if resource.resourceType != "MedicationRequest" or resource.doNotPerform:
            continue
        name = name_of(url, resource, number)
        concepts = medications_of(resource, url, medications, tables)
        if not concepts and name not in spoilt:
            continue
        codes = (coding.code for concept in concepts for coding in concept.codings() if coding.code)
        words = next((text for concept in concepts for text in texts_of(concept)), None) or next(codes, name)
        subject = subject_of(resource)
        if subject is not None and subject not in (patient, f"{base_of(subject)}/Patient/{patient}"):
            found.others[name] = words
            continue
        coded = [drug for concept in concepts for drug in drugs_coded(concept, tables)]
        named = [drug for concept in concepts for text in texts_of(concept) for drug in tables.mentioned(normalise(text))]
        for drug in (*coded, *named):
            if drug not in ("", UNKNOWN):
                found.drugs.setdefault(drug, name)
        others = (text for concept in concepts for text in texts_of(concept) if tables.names_another(normalise(text)))
        if all(drug == UNKNOWN for drug in (*coded, *named)) and not any(others):
            found.unknown[name] = words
    return found


def name_of(url: str | None, resource: Resource, number: int) -> str:
    """Name a resource as references do, or without an id by its URL or its position."""
    if resource.id is not None and resource.resourceType is not None:
        return f"{resource.resourceType}/{resource.id}"
    return url or f"{resource.resourceType or 'Bundle.entry'} {number}"
