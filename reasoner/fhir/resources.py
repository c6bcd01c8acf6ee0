"""FHIR R4 resources as far as they are read: typed, and nothing that is not read can refuse them.

A field of the wrong shape is left out and said; where it decides whether the resource counts at all, the resource is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from reasoner.errors import RecordError

__all__ = ["Coding", "Concept", "Parsed", "Quantity", "Reference", "Resource", "convert", "parse"]

NESTED = 8
GUARDS = ("resourceType", "status", "intent", "doNotPerform", "verificationStatus", "subject", "patient")
FIELD = re.compile(r"\$\.(?:resource\.)?(\w+)")


class Coding(msgspec.Struct, gc=False):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(msgspec.Struct, gc=False):
    """A concept: codings that mean the same, and a text."""

    coding: list[Coding | None] | None = None
    text: str | None = None

    def codings(self) -> Iterator[Coding]:
        """Yield the codings that are there."""
        return (coding for coding in self.coding or () if coding is not None)


class Reference(msgspec.Struct, gc=False):
    """A reference to another resource."""

    reference: str | None = None
    display: str | None = None


class Quantity(msgspec.Struct, gc=False):
    """A measured amount in a unit, of UCUM where `code` is given."""

    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    code: str | None = None


class Period(msgspec.Struct, gc=False):
    """A interval of time."""

    start: str | None = None
    end: str | None = None


class Extension(msgspec.Struct, gc=False):
    """An extension, of which dates alone are read."""

    url: str | None = None
    valueDateTime: str | None = None  # noqa: N815 (FHIR's name)


class Stage(msgspec.Struct, gc=False):
    """A stage of a condition."""

    summary: Concept | None = None


class Component(msgspec.Struct, gc=False):
    """One of several results of an observation."""

    code: Concept | None = None
    valueCodeableConcept: Concept | None = None  # noqa: N815 (FHIR's name, and below)
    valueQuantity: Quantity | None = None  # noqa: N815
    valueString: str | None = None  # noqa: N815
    valueBoolean: bool | None = None  # noqa: N815
    valueInteger: int | None = None  # noqa: N815
    interpretation: list[Concept] | None = None
    dataAbsentReason: Concept | None = None  # noqa: N815


class Resource(Component, gc=False):
    """Any resource; a bundle too."""

    resourceType: str | None = None  # noqa: N815
    id: str | int | None = None
    entry: list[Entry | None] | None = None
    contained: list[Resource] | None = None
    extension: list[Extension] | None = None
    status: str | None = None
    intent: str | None = None
    doNotPerform: bool | None = None  # noqa: N815
    subject: Reference | None = None
    patient: Reference | None = None
    clinicalStatus: Concept | None = None  # noqa: N815
    verificationStatus: Concept | None = None  # noqa: N815
    statusReason: list[Concept] | Concept | None = None  # noqa: N815
    bodySite: list[Concept] | Concept | None = None  # noqa: N815
    stage: list[Stage] | None = None
    component: list[Component] | None = None
    onsetDateTime: str | None = None  # noqa: N815
    onsetPeriod: Period | None = None  # noqa: N815
    recordedDate: str | None = None  # noqa: N815
    effectiveDateTime: str | None = None  # noqa: N815
    effectivePeriod: Period | None = None  # noqa: N815
    effectiveInstant: str | None = None  # noqa: N815
    issued: str | None = None
    authoredOn: str | None = None  # noqa: N815
    whenHandedOver: str | None = None  # noqa: N815
    medicationCodeableConcept: Concept | None = None  # noqa: N815
    medicationReference: Reference | None = None  # noqa: N815


class Entry(msgspec.Struct, gc=False):
    """An entry of a bundle."""

    fullUrl: str | None = None  # noqa: N815
    resource: Resource | None = None


class RawEntry(msgspec.Struct, gc=False):
    """An entry of a bundle whose resource is not read yet."""

    fullUrl: object = None  # noqa: N815
    resource: msgspec.Raw = msgspec.Raw(b"null")


class RawBundle(msgspec.Struct, gc=False):
    """A bundle whose resources are not read yet."""

    entry: list[RawEntry | None] | None = None


class Parsed(NamedTuple):
    """The resources of a bundle, each with its full URL, and what of them could not be read."""

    resources: list[tuple[str | None, Resource]]
    unreadable: list[str]


WHOLE = msgspec.json.Decoder(Resource)
RAW = msgspec.json.Decoder(RawBundle)


def parse(content: bytes) -> Parsed:
    """Read a bundle of any type, or a single resource, from JSON.

    Raises RecordError for what is no JSON object or nested too deeply.
    """
    try:
        try:
            return Parsed(list(flat(None, WHOLE.decode(content))), [])
        except msgspec.ValidationError:
            return salvaged(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"not a FHIR resource in JSON: {error}") from None
    except RecursionError:
        raise RecordError("nested too deeply for a FHIR resource") from None


def convert(data: Mapping[str, object]) -> Parsed:
    """Take a bundle, or a single resource, as parsed from JSON.

    Raises RecordError for what JSON cannot hold.
    """
    try:
        return Parsed(list(flat(None, msgspec.convert(data, Resource))), [])
    except (msgspec.ValidationError, RecursionError):
        pass
    try:
        return parse(msgspec.json.encode(data))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"not a FHIR resource: {error}") from None


def flat(url: str | None, resource: Resource, depth: int = 0) -> Iterator[tuple[str | None, Resource]]:
    """Yield the resources of bundles, those of bundles within them too."""
    if resource.resourceType != "Bundle":
        yield url, resource
    elif depth < NESTED:
        for entry in resource.entry or ():
            if entry is not None and entry.resource is not None:
                yield from flat(entry.fullUrl, entry.resource, depth + 1)


def salvaged(content: bytes | msgspec.Raw, depth: int = 0) -> Parsed:
    """Read a bundle resource by resource, leaving out what has not the shape that FHIR gives it."""
    found = Parsed([], [])
    if kind_of(content) != "Bundle":
        resource = salvage(content, found.unreadable)
        return Parsed([] if resource is None else [(None, resource)], found.unreadable)
    try:
        bundle = RAW.decode(content)
    except msgspec.ValidationError as error:
        return Parsed([], [f"Bundle: {error}"])
    for entry in bundle.entry or ():
        if entry is not None and bytes(entry.resource) != b"null" and depth < NESTED:
            if kind_of(entry.resource) == "Bundle":
                inner = salvaged(entry.resource, depth + 1)
                found.resources.extend(inner.resources)
                found.unreadable.extend(inner.unreadable)
            else:
                resource = salvage(entry.resource, found.unreadable)
                if resource is not None:
                    found.resources.append((entry.fullUrl if isinstance(entry.fullUrl, str) else None, resource))
    return found


def kind_of(content: bytes | msgspec.Raw) -> object:
    found = msgspec.json.decode(content)
    return found.get("resourceType") if isinstance(found, dict) else None


def salvage(content: bytes | msgspec.Raw, unreadable: list[str]) -> Resource | None:
    """Read one resource without its fields that have not the shape that FHIR gives them; say what is left out."""
    data = msgspec.json.decode(content)
    if not isinstance(data, dict):
        unreadable.append("an entry that is no resource")
        return None
    name = f"{data.get('resourceType')}/{data.get('id')}"
    while True:
        try:
            return msgspec.convert(data, Resource)
        except msgspec.ValidationError as error:
            place = FIELD.search(str(error))
            field = place[1] if place else ""
            if field in GUARDS or field not in data:
                unreadable.append(f"{name}: not read ({error})")
                return None
            del data[field]
            unreadable.append(f"{name}: {field} is left out ({error})")
