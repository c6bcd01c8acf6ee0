"""Bulk exports, which hold one resource a line: the resources of each patient put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from reasoner.fhir.bundles import NOT_READ
from reasoner.fhir.chart import READ
from reasoner.fhir.resources import CodeableReference, HumanName, Identifier, Link, Reference
from reasoner.fhir.subjects import Persons, id_of, is_patient, subject_of

__all__ = ["bundles_by_patient"]

Json = Mapping[str, object]


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


def bundles_by_patient(resources: Iterable[Json]) -> list[dict[str, object]]:
    """Make a bundle of the resources of each patient, in the order of their first ones, with the medications they refer to.

    What matters and does not say whose it is stands in all bundles, as such where there are several; where nothing is
    about a patient, one bundle has it all.
    """
    peeked = [(peek(resource), resource) for resource in resources]
    persons = Persons()
    for own, _ in peeked:
        if own.resourceType == "Patient":
            persons.add(own)
    groups: dict[str, list[tuple[Peek, Json]]] = {}
    medications: dict[str, list[Json]] = {}
    shared: list[tuple[Peek, Json]] = []
    for own, resource in peeked:
        name = str(own.id) if own.resourceType == "Patient" and own.id is not None else subject_of(own)
        if name is not None and is_patient(name) and not persons.is_shared(name):
            groups.setdefault(persons.of(name), []).append((own, resource))
        elif own.resourceType == "Medication" and own.id is not None:
            medications.setdefault(str(own.id), []).append(resource)
        else:
            shared.append((own, resource))
    if not groups:
        return [bundle([resource for _, resource in peeked])]
    unclear = [
        told(resource, len(groups) > 1) for own, resource in shared if own.resourceType in {*READ, "OperationOutcome"}
    ]
    return [bundle([*(own for _, own in group), *referred(group, medications), *unclear]) for group in groups.values()]


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
