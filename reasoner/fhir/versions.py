"""Several versions of one resource: which of them counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from reasoner.fhir.dates import instant
from reasoner.fhir.elements import Meta
from reasoner.fhir.resources import Located, Resource, unversioned

__all__ = ["Deleted", "Versions", "deletion", "latest_version", "versions_of"]

LONGEST_ID = 64
"""The most characters of an id in FHIR."""
EVERY_VERSION = {"Medication", "Patient"}
"""Resources that references may name by their version, or that say no more than who somebody is."""


class Deleted(Resource):
    """A version of a resource that says that it was deleted."""


class Versions(NamedTuple):
    """The positions of resources that do not count, and of those of which nobody can tell whether they do."""

    superseded: set[int]
    disputed: set[int]


def versions_of(located: Sequence[Located], newest_first: bool = False) -> Versions:
    """Find the resources of which there are several versions; `newest_first` says that their order tells the latest."""
    found = Versions(set(), set())
    ids = [str(resource.id) for _, resource in located]
    if len(set(ids)) == len(ids):
        return found
    by_name: dict[tuple[str | None, str], list[int]] = {}
    often = Counter(ids)
    for number, (name, (_, resource)) in enumerate(zip(ids, located, strict=True)):
        if often[name] > 1 and resource.id is not None:
            by_name.setdefault((resource.resourceType, name), []).append(number)
    for same in (own for own in by_name.values() if len(own) > 1):
        for versions in of_each_server(same, located):
            last = latest_version([located[number][1] for number in versions])
            if last is None and not newest_first:
                found.disputed.update(versions)
                continue
            gone = isinstance(located[versions[last or 0]][1], Deleted)
            if gone or located[versions[0]][1].resourceType not in EVERY_VERSION:
                found.superseded.update(versions if gone else {*versions} - {versions[last or 0]})
    return found


def of_each_server(numbers: list[int], located: Sequence[Located]) -> Iterable[list[int]]:
    """Part resources of one type and id by their servers, where all of them tell their server."""
    by_url: dict[str, list[int]] = {}
    for number in numbers:
        url = located[number][0] or ""
        by_url.setdefault(unversioned(url) if url.startswith("http") else "", []).append(number)
    return [numbers] if "" in by_url else by_url.values()


def latest_version(versions: Sequence[Resource]) -> int | None:
    """Give the position of the latest of several versions; None where nothing, or not everything, says which it is."""
    bare = [msgspec.structs.replace(own, meta=None) for own in versions]
    if all(type(own) is type(bare[0]) and own == bare[0] for own in bare):
        return 0
    candidates, ordered = set(range(len(versions))), False
    metas = [own.meta or Meta() for own in versions]
    for ranks in ([instant(own.lastUpdated) for own in metas], [number_of(own.versionId) for own in metas]):
        told = [rank for rank in ranks if rank is not None]
        if len(told) == len(ranks):
            candidates &= {number for number, rank in enumerate(told) if rank == max(told)}
            ordered = True
    same = ordered and candidates and all(bare[own] == bare[min(candidates)] for own in candidates)
    return min(candidates) if same else None


def number_of(version: str | int | None) -> int | None:
    text = str(version or "")
    return int(text) if text.isdecimal() and len(text) <= LONGEST_ID else None


def deletion(url: str | None, request: object, response: object) -> Deleted | None:
    """Read an entry of a history that says that a resource was deleted; None for any other."""
    if not isinstance(request, dict) or request.get("method") != "DELETE":
        return None
    told = [unversioned(own).rsplit("/", 2)[-2:] for own in (request.get("url"), url) if isinstance(own, str)]
    kind, name = next((own for own in told if len(own) == 2), ("", ""))
    answer = response if isinstance(response, dict) else {}
    when, tag = answer.get("lastModified"), answer.get("etag")
    meta = Meta(tag.strip('W/"') if isinstance(tag, str) else None, when if isinstance(when, str) else None)
    return Deleted(resourceType=kind, id=name, meta=meta)
