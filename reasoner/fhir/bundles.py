"""Bundles and single resources from JSON to typed resources.

A field of the wrong shape is left out and reported. Where it decides whether the resource counts, the resource is kept with
a value there that is none of FHIR's, so that what it says is in doubt.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from reasoner.errors import RecordError
from reasoner.fhir.kinds import BUNDLE
from reasoner.fhir.pages import page_of, why_not_whole
from reasoner.fhir.resources import ABATEMENTS, DAYS, PERIODS, Located, Resource
from reasoner.fhir.versions import Deleted, deletion, versions_of

__all__ = ["NOT_READ", "ParsedResources", "Unreadable", "convert", "merge", "parse"]

DEEPEST = 8
HOLDING = {"Bundle", "Parameters"}
NOT_READ = "unreadable"
STAND_INS: dict[str, dict[str, object]] = {
    "status": {"status": NOT_READ},
    "doNotPerform": {"status": NOT_READ},
    "intent": {"status": NOT_READ},
    "taken": {"status": NOT_READ},
    "focus": {"focus": [{"reference": NOT_READ}]},
    "modifierExtension": {"modifierExtension": [{"url": NOT_READ}]},
    "verificationStatus": {"verificationStatus": {"text": NOT_READ}},
    "subject": {"subject": {"reference": NOT_READ}},
    "patient": {"subject": {"reference": NOT_READ}},
    "deceasedDateTime": {"deceasedDateTime": NOT_READ},
    **{day: {day: NOT_READ} for day in DAYS},
    **{field: {"abatementString": NOT_READ} for field in ABATEMENTS},
    **{period: {period: {"start": NOT_READ}} for period in PERIODS},
}
FIELD = re.compile(r"\$\.(?:resource\.)?(\w+)")


class RawEntry(msgspec.Struct, gc=False):
    """An entry of a bundle whose resource is not decoded yet."""

    fullUrl: object = None  # noqa: N815 (FHIR's name)
    resource: msgspec.Raw = msgspec.Raw(b"null")
    request: object = None
    response: object = None


class RawBundle(msgspec.Struct, gc=False):
    """A bundle whose entries are not decoded yet."""

    type: object = None
    entry: list[msgspec.Raw] | None = None
    parameter: list[msgspec.Raw] | None = None


class Unreadable(NamedTuple):
    """A resource that could not be read, or was read without `field`; an entry that is not a resource has no name."""

    resource: str = ""
    field: str = ""
    error: str = ""


class ParsedResources(NamedTuple):
    """The resources of a bundle, each with its full URL, and what could not be read.

    `partial` says why they are not all that there are: an "error", "incomplete", or "unreadable" where that cannot be read;
    `lacking` names lists of the chart that could not be had.
    """

    resources: list[Located]
    unreadable: list[Unreadable]
    partial: str = ""
    lacking: tuple[str, ...] = ()


KNOWN = msgspec.json.Decoder(BUNDLE)
WHOLE = msgspec.json.Decoder(Resource)
RAW = msgspec.json.Decoder(RawBundle)
RAW_ENTRY = msgspec.json.Decoder(RawEntry | None)


def parse(content: bytes) -> ParsedResources:
    """Parse a bundle of any type, a single resource, or resources one a line, from JSON.

    Raises RecordError for what is not JSON or nested too deeply.
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    if not content.strip():
        raise RecordError("empty; FHIR is a bundle or resources in JSON")
    try:
        return parse_one(content)
    except RecordError:
        lines = [line for line in content.splitlines() if line.strip()]
        if len(lines) < 2 or not is_resource(lines[0]):
            raise
    return merge(map(parse_one, lines))


def is_resource(line: bytes) -> bool:
    """Tell whether a line is a resource by itself."""
    try:
        return kind_of(line) is not None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def parse_one(content: bytes) -> ParsedResources:
    try:
        try:
            resource = decode(content)
            if resource.resourceType is None and not resource.entry:
                raise RecordError(
                    "no FHIR resource: it has no resourceType; a record is answered as it is (reasoner recommend)"
                )
            return flattened(resource)
        except msgspec.ValidationError:
            return salvage_bundle(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"not a FHIR resource in JSON: {error}") from None
    except RecursionError:
        raise RecordError("nested too deeply for a FHIR resource") from None


def decode(content: bytes) -> Resource:
    """Decode a bundle or a resource; raises ValidationError for what does not have the shape that FHIR gives it."""
    try:
        return KNOWN.decode(content)
    except msgspec.ValidationError:
        return WHOLE.decode(content)


def convert(data: Mapping[str, object]) -> ParsedResources:
    """Take a bundle, or a single resource, that was parsed from JSON already.

    Raises RecordError for what JSON cannot hold.
    """
    for shape in (BUNDLE, Resource):
        try:
            return flattened(msgspec.convert(data, shape))
        except (msgspec.ValidationError, RecursionError):
            continue
    try:
        return parse(msgspec.json.encode(data))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"not a FHIR resource: {error}") from None


def merge(parts: Iterable[ParsedResources]) -> ParsedResources:
    """Put the resources of several bundles together."""
    whole, partial = ParsedResources([], []), ""
    for part in parts:
        whole.resources.extend(part.resources)
        whole.unreadable.extend(part.unreadable)
        partial = partial or part.partial
    return whole._replace(partial=partial)


def flattened(resource: Resource) -> ParsedResources:
    """Give the resources of a bundle, or a single one; one page of several leaves the whole partial."""
    found = ParsedResources([], [])
    return found._replace(partial=flatten(None, resource, found.resources))


def flatten(url: str | None, resource: Resource, found: list[Located], depth: int = 0) -> str:
    """Add the resources of a bundle or of parameters, those of bundles within it included; say why one is not whole."""
    if resource.resourceType not in HOLDING:
        found.append((url, resource))
        return ""
    if depth >= DEEPEST:
        return ""
    history, before = resource.type == "history", len(found)
    given = [own for own in resource.entry or resource.parameter or () if own is not None]
    held = [(own.fullUrl, own.resource) for own in given if own.resource is not None]
    kinds = {own.resourceType for _, own in held}
    partial = why_not_whole(resource, kinds)
    if len(held) == len(given) and HOLDING.isdisjoint(kinds):
        found.extend(held)
    else:
        for entry in given:
            own = entry.resource or (deletion(entry.fullUrl, entry.request, entry.response) if history else None)
            if own is not None:
                within = flatten(entry.fullUrl, own, found, depth + 1)
                partial = partial or within
    if history:
        found[before:] = current(found[before:])
    return partial


def current(versions: list[Located]) -> list[Located]:
    """Leave out what other entries of a history supersede, which has the newest version first, and what was deleted."""
    old = versions_of(versions, newest_first=True).superseded
    return [own for number, own in enumerate(versions) if number not in old and not isinstance(own[1], Deleted)]


def salvage_bundle(content: bytes | msgspec.Raw, url: str | None = None, depth: int = 0) -> ParsedResources:
    """Parse a bundle resource by resource, leaving out what does not have the shape that FHIR gives it."""
    if kind_of(content) not in HOLDING:
        unreadable: list[Unreadable] = []
        resource = salvage(content, unreadable)
        return ParsedResources([] if resource is None else [(url, resource)], unreadable)
    try:
        bundle = RAW.decode(content)
    except msgspec.ValidationError as error:
        return ParsedResources([], [Unreadable("Bundle", error=str(error))])
    history = bundle.type == "history"
    entries = bundle.entry or bundle.parameter or ()
    found = merge(salvage_entry(entry, depth, history) for entry in entries if depth < DEEPEST)
    if history:
        found.resources[:] = current(found.resources)
    page = page_of(bytes(content))
    return found._replace(partial=found.partial or (NOT_READ if page is None else page.why_not_whole()))


def salvage_entry(content: msgspec.Raw, depth: int, history: bool) -> ParsedResources:
    """Parse what an entry of a bundle holds, or one of a history says to be deleted."""
    try:
        entry = RAW_ENTRY.decode(content) or RawEntry()
    except msgspec.ValidationError:
        return ParsedResources([], [Unreadable()])
    url = entry.fullUrl if isinstance(entry.fullUrl, str) else None
    if bytes(entry.resource) != b"null":
        return salvage_bundle(entry.resource, url, depth + 1)
    gone = deletion(url, entry.request, entry.response) if history else None
    return ParsedResources([] if gone is None else [(url, gone)], [])


def kind_of(content: bytes | msgspec.Raw) -> str | None:
    """Give the type of a resource; None for what is none."""
    found = msgspec.json.decode(content)
    kind = found.get("resourceType") if isinstance(found, dict) else None
    return kind if isinstance(kind, str) else None


def salvage(content: bytes | msgspec.Raw, unreadable: list[Unreadable]) -> Resource | None:
    """Parse one resource without the fields that have the wrong shape, and add to `unreadable` what was left out."""
    data = msgspec.json.decode(content)
    if not isinstance(data, dict):
        unreadable.append(Unreadable())
        return None
    if not isinstance(data.get("resourceType"), str):
        unreadable.append(Unreadable())
        return None
    name = f"{data['resourceType']}/{data.get('id')}"
    while True:
        try:
            return msgspec.convert(data, Resource)
        except msgspec.ValidationError as error:
            place = FIELD.search(str(error))
            field = place[1] if place else ""
            if field not in data:
                unreadable.append(Unreadable(name, error=str(error)))
                return None
            del data[field]
            data.update(STAND_INS.get(field, {}))
            unreadable.append(Unreadable(name, field, str(error)))
