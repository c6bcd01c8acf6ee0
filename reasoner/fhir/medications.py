"""The medications that resources name or refer to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reasoner.fhir.elements import Reference
from reasoner.fhir.resources import Located, Resource, base_of, unversioned
from reasoner.fhir.versions import latest_version

__all__ = ["Medications"]


class Named(NamedTuple):
    """A Medication, with its full URL without a version and the base of that."""

    url: str
    base: str
    resource: Resource


class Medications:
    """The Medication resources of a chart, by the references to them."""

    def __init__(self, located: Iterable[Located]) -> None:
        self.by_name: dict[str, list[Named]] = {}
        for given, resource in located:
            if resource.resourceType == "Medication":
                url = unversioned(given or "")
                named = Named(url, base_of(url), resource)
                for name in {url, f"Medication/{resource.id}", f"urn:uuid:{resource.id}"} - {""}:
                    self.by_name.setdefault(name, []).append(named)

    def of(self, reference: Reference, resource: Resource, url: str | None) -> Resource | None:
        """Give the Medication that a resource with a full URL refers to; None where it is not there, or may be several.

        A relative reference means one of the same server, a reference with a version that version.
        """
        contained = (own for own in resource.contained or () if reference.reference == f"#{own.id}")
        if (known := next(contained, None)) is not None:
            return known
        name, _, version = (reference.reference or "").partition("/_history/")
        base = base_of(name) or base_of(unversioned(url or ""))
        found = self.by_name.get(name) or self.by_name.get("/".join(name.rsplit("/", 2)[-2:])) or []
        found = [own for own in found if not (base and own.base) or own.base == base]
        found = [own for own in found if own.base == base] or found
        if version:
            told = [own for own in found if own.resource.meta is not None and str(own.resource.meta.versionId) == version]
            found = told or [own for own in found if own.resource.meta is None or own.resource.meta.versionId is None]
        if not found:
            return None
        several = len({own.url for own in found if own.base}) > 1
        if several and any(own.resource != found[0].resource for own in found):
            return None
        last = latest_version([own.resource for own in found])
        return None if last is None else found[last].resource
