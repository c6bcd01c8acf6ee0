"""Bulk exports, which hold one resource a line: the resources of each patient put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reasoner.fhir.subjects import id_of

__all__ = ["bundles_by_patient"]

Json = Mapping[str, object]


def bundles_by_patient(resources: Iterable[Json]) -> list[dict[str, object]]:
    """Make a bundle of the resources of each patient, in the order of their first ones.

    What is about nobody, such as a medication, is in all bundles; where nothing is about a patient, one bundle has it all.
    """
    own: dict[str, list[Json]] = {}
    shared: list[Json] = []
    for resource in resources:
        patient = patient_of(resource)
        (shared if patient is None else own.setdefault(patient, [])).append(resource)
    parts = list(own.values()) or [[]]
    return [
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in (*part, *shared)]}
        for part in parts
    ]


def patient_of(resource: Json) -> str | None:
    """Give the id of the patient that a resource is, or is about."""
    if resource.get("resourceType") == "Patient":
        found = resource.get("id")
        return found if isinstance(found, str) else None
    for field in ("subject", "patient"):
        reference = resource.get(field)
        if isinstance(reference, Mapping) and isinstance(written := reference.get("reference"), str):
            return id_of(written)
    return None
