"""A patient's chart: the evidence and the doses in the resources of one patient, placed in time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError
from reasoner.fhir.bundles import ParsedResources, Unreadable
from reasoner.fhir.dates import PartialDate
from reasoner.fhir.doses import GIVEN, Dose, drugs_mentioned, drugs_named, index_medications, medication_of, read_doses
from reasoner.fhir.evidence import Evidence, EvidenceCollector
from reasoner.fhir.provenance import Provenance
from reasoner.fhir.resources import Resource
from reasoner.fhir.tables import Tables

__all__ = ["Chart", "Placement", "ordered_drugs"]


class Placement(NamedTuple):
    """The doses before a finding and those since; or, where that is unclear, why and by which sources."""

    before: list[Dose]
    since: list[Dose]
    date: PartialDate | None
    unclear: str = ""
    sources: tuple[Provenance, ...] = ()


class Chart:
    """The evidence and the doses in the resources of one patient.

    Raises RecordError where no resource can be read, or where they are about several patients.
    """

    def __init__(self, parsed: ParsedResources, model: GuidelineModel, tables: Tables) -> None:
        self.model = model
        self.tables = tables
        self.evidence = EvidenceCollector(model, tables)
        self.unreadable = [unreadable_words(own, model) for own in parsed.unreadable]
        if not any(resource.resourceType for _, resource in parsed.resources):
            raise RecordError("; ".join([model.say("fhir_no_resource"), *self.unreadable[:1]]))
        self.patient = patient_of(parsed, model)
        given: list[tuple[str, Resource]] = []
        for number, (url, resource) in enumerate(parsed.resources, start=1):
            kind = resource.resourceType
            if kind not in ("Condition", "Observation", *GIVEN):
                continue
            name, subject = name_of(url, resource, number), subject_of(resource)
            if subject is not None and self.patient is not None and subject != self.patient:
                self.unreadable.append(model.say("fhir_other_patient", name, subject, self.patient))
            elif kind == "Condition":
                self.evidence.add_condition(resource, name)
            elif kind == "Observation":
                self.evidence.add_observation(resource, name)
            else:
                given.append((name, resource))
        self.doses = read_doses(given, index_medications(parsed), self.evidence)

    def today(self) -> int:
        """Give the latest day that the resources speak of."""
        days = [own.date.last for found in self.evidence.found.values() for own in found if own.date is not None]
        return max([*days, *(dose.end for dose in self.doses.dated)], default=0)

    def sides(self, finding: str) -> tuple[list[Evidence], list[Evidence]]:
        """Give the evidence for a finding, and the evidence against it that is not older than all evidence for it."""
        evidence = self.evidence.of(finding)
        present = [own for own in evidence if own.value == "true"]
        absent = [own for own in evidence if own.value in ("false", "not_then")]
        lasting = any(own.date is None and own.lasting for own in present)
        newest = max((own.date.first for own in present if own.date is not None), default=0)
        return present, [own for own in absent if own.date is None or not (lasting or own.date.last < newest)]

    def place(self, finding: str) -> Placement:
        """Sort the doses into those before a finding and those since."""
        say, label = self.model.say, self.model.label("finding", finding)
        present, absent = self.sides(finding)
        doses, undated = self.doses.dated, self.doses.undated
        dates = [own.date for own in present if own.date is not None]
        date = PartialDate(min(own.first for own in dates), min(own.last for own in dates)) if dates else None
        if self.doses.unclear:
            drugs = dict.fromkeys(say("value", self.label(own.drug), own.why) for own in self.doses.unclear)
            return Placement([], [], date, say("and").join(drugs), tuple(own.source for own in self.doses.unclear))
        if not present or not (doses or undated):
            return Placement(doses, [], date)
        if undated:
            why, unclear = say("fhir_undated_doses"), []
        elif absent:
            why, unclear = say("fhir_disputed", label), doses
        elif date is None:
            why, unclear = say("fhir_undated_finding", label), doses
        else:
            why, ended = say("fhir_dated_finding", label, str(date)), date.last + self.tables.periods["stopped"]
            early = [dose for dose in doses if dose.start < date.last]
            unclear = [dose for dose in early if dose.start >= date.first or dose.open or dose.end > ended]
        if undated or unclear:
            names = self.labels([*(drug for drug, _ in undated), *(dose.drug for dose in unclear)])
            sources = (*(source for _, source in undated), *(dose.source for dose in unclear))
            return Placement([], [], date, say("fhir_before_or_since", names, label, why), sources)
        assert date is not None
        before = [dose for dose in doses if dose.start < date.first]
        return Placement(before, doses[len(before) :], date)

    def label(self, drug: str) -> str:
        return self.model.label("drug", drug)

    def labels(self, drugs: Iterable[str]) -> str:
        """Name drugs, each once."""
        return self.model.say("comma").join(map(self.label, dict.fromkeys(drugs)))


def unreadable_words(own: Unreadable, model: GuidelineModel) -> str:
    """Say what could not be read."""
    if not own.resource:
        return model.say("fhir_not_a_resource")
    if not own.field:
        return model.say("fhir_resource_left_out", own.resource, own.error)
    return model.say("fhir_field_left_out", own.resource, own.field, own.error)


def ordered_drugs(parsed: ParsedResources, tables: Tables) -> dict[str, str]:
    """List the drugs that requests order or mention, drafts included, each with the first request that names it."""
    medications = index_medications(parsed)
    found: dict[str, str] = {}
    for number, (url, resource) in enumerate(parsed.resources, start=1):
        if resource.resourceType == "MedicationRequest" and not resource.doNotPerform:
            concept = medication_of(resource, medications)
            for drug in drugs_named(concept, tables) or drugs_mentioned(concept, tables):
                found.setdefault(drug, name_of(url, resource, number))
    return found


def patient_of(parsed: ParsedResources, model: GuidelineModel) -> str | None:
    """Find the id of the patient that the resources are about; raises RecordError where there are several."""
    patients = {str(r.id): None for _, r in parsed.resources if r.resourceType == "Patient" and r.id is not None}
    patients = patients or {subject: None for _, r in parsed.resources if (subject := subject_of(r)) is not None}
    if len(patients) > 1:
        raise RecordError(model.say("fhir_several_patients", str(len(patients)), model.say("comma").join(patients)))
    return next(iter(patients), None)


def name_of(url: str | None, resource: Resource, number: int) -> str:
    """Name a resource as references do, or without an id by its URL or its position."""
    if resource.id is not None:
        return f"{resource.resourceType}/{resource.id}"
    return url or f"{resource.resourceType} {number}"


def subject_of(resource: Resource) -> str | None:
    """Give the id of the patient that a resource is about."""
    reference = resource.subject or resource.patient
    return id_of(reference.reference) if reference is not None else None


@lru_cache(maxsize=2**10)
def id_of(reference: str | None) -> str | None:
    """Give the id at the end of a reference."""
    return reference.rpartition("/")[2].rpartition(":")[2].removeprefix("#") or None if reference else None
