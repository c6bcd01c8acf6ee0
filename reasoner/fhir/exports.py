"""Bulk exports, which hold one resource a line: the resources of each patient put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from reasoner.fhir.bundles import NOT_READ
from reasoner.fhir.chart import READ
from reasoner.fhir.elements import CodeableReference, HumanName, Identifier, Reference
from reasoner.fhir.resources import Link
from reasoner.fhir.subjects import Persons, id_of, is_patient, subject_of

__all__ = ["PatientBundle", "bundles_by_patient"]

Json = Mapping[str, object]


class PatientBundle(NamedTuple):
    """The bundle of a patient, with the id, None where no resource says whose it is, and where the first resource stood."""

    patient: str | None
    place: str
    bundle: dict[str, object]


class Peek(msgspec.Struct, gc=False):
    """A resource as far as it says what it is, whom it is about, and which medication it names."""

    resourceType: str | None = None  # noqa: N815 (FHIR's name, and below)
    id: str | int | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    link: list[Link | None] | None = None
    identifier: list[Identifier | None] | Identifier | None = None
    name: list[HumanName | None] | HumanName | str | None = None
    birthDate: str | None = None  # noqa: N815
    gender: str | None = None
    medicationReference: Reference | None = None  # noqa: N815
    medication: CodeableReference | None = None


def peek(resource: Json) -> Peek:
    """Read what a resource is, and whom it is about; what has the wrong shape is left out."""
    found = Peek()
    for field in Peek.__struct_fields__:
        if field in resource:
            try:
                own = msgspec.convert({field: resource[field]}, Peek)
            except msgspec.ValidationError:
                continue
            setattr(found, field, getattr(own, field))
    return found


def bundles_by_patient(located: Iterable[tuple[str, Json]]) -> list[PatientBundle]:
    """Make a bundle of the resources of each patient, in the order of their first ones, with the medications they refer to.

    The resources are given with the places where they stand, which messages name.

    What matters and does not say whose it is stands in all bundles, as such where there are several; where nothing is
    about a patient, one bundle has it all.
    """
    peeked: list[tuple[Peek, Json]] = []
    places: list[str] = []
    for place, resource in located:
        peeked.append((peek(resource), resource))
        places.append(place)
    persons = Persons()
    for own, _ in peeked:
        persons.meet(subject_of(own))
    for own, _ in peeked:
        if own.resourceType == "Patient":
            persons.add(own)
    groups: dict[str, list[tuple[Peek, Json]]] = {}
    first: dict[str, str] = {}
    medications: dict[str, list[Json]] = {}
    shared: list[tuple[Peek, Json]] = []
    for place, (own, resource) in zip(places, peeked, strict=True):
        name = str(own.id) if own.resourceType == "Patient" and own.id is not None else subject_of(own)
        if name is not None and is_patient(name) and not persons.is_shared(name):
            groups.setdefault(persons.of(name), []).append((own, resource))
            first.setdefault(persons.of(name), place)
        elif own.resourceType == "Medication" and own.id is not None:
            medications.setdefault(str(own.id), []).append(resource)
        else:
            shared.append((own, resource))
    if not groups:
        return [PatientBundle(None, places[0], bundle([resource for _, resource in peeked]))] if peeked else []
    unclear = [
        told(resource, len(groups) > 1) for own, resource in shared if own.resourceType in {*READ, "OperationOutcome"}
    ]
    return [
        PatientBundle(name, first[name], bundle([*(own for _, own in group), *referred(group, medications), *unclear]))
        for name, group in groups.items()
    ]


def told(resource: Json, doubted: bool) -> Json:
    """Give a resource that says nobody; where it is doubted, as one whose subject cannot be read."""
    return {**resource, "subject": {"reference": NOT_READ}} if doubted else resource


def referred(group: Iterable[tuple[Peek, Json]], medications: Mapping[str, list[Json]]) -> Iterator[Json]:
    """Give the medications that resources refer to, each once, in all their versions."""
    either = (own.medicationReference or (own.medication.reference if own.medication else None) for own, _ in group)
    names = dict.fromkeys(
        (id_of(reference.reference) or "").rpartition("/")[2] for reference in either if reference is not None
    )
    return (own for name in names for own in medications.get(name, ()))


def bundle(resources: Iterable[Json]) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": own} for own in resources]}
