"""What a FHIR server says of its own answer: whether a searchset is whole, where it goes on, and what went wrong."""

from __future__ import annotations

import msgspec

__all__ = ["Page", "page_of"]

HARMLESS = {"warning", "information", "success"}


class Issue(msgspec.Struct):
    """One issue of an OperationOutcome."""

    severity: object = None


class Inner(msgspec.Struct):
    """A resource in a searchset."""

    resourceType: object = None  # noqa: N815 (FHIR's name)
    issue: list[Issue] | None = None


class Search(msgspec.Struct):
    """Why an entry is in a searchset."""

    mode: object = None


class Response(msgspec.Struct):
    """How the request that an entry answers was processed."""

    status: object = None


class Entry(msgspec.Struct):
    """An entry of a bundle."""

    resource: Inner | None = None
    search: Search | None = None
    response: Response | None = None


class Link(msgspec.Struct):
    """A link of a bundle."""

    relation: object = None
    url: object = None


class Whole(Inner):
    """A resource, or a bundle with its links and entries."""

    link: list[Link | None] | None = None
    total: object = None
    entry: list[Entry | None] | None = None


class Page(msgspec.Struct, frozen=True):
    """An answer of a FHIR server, or one page of it.

    `failed` says that it is, or holds, an error; `goes_on` that another page follows, `next` where. `matches` counts the
    resources asked for, `total` all that there are, where that is told.
    """

    kind: str = ""
    failed: bool = False
    goes_on: bool = False
    next: str = ""
    matches: int = 0
    total: int = 0

    def why_not_whole(self) -> str:
        """Say why this answer alone does not hold all that there is, or nothing where it does."""
        if self.failed:
            return "error"
        return "incomplete" if self.goes_on or self.total > self.matches else ""


DECODER = msgspec.json.Decoder(Whole)


def page_of(content: bytes) -> Page | None:
    """Read what a server says of its answer; None where the answer does not have the form of a resource."""
    try:
        found = DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(found.resourceType, str):
        return None
    entries = [entry for entry in found.entry or () if entry is not None]
    inner = [entry.resource for entry in entries if entry.resource is not None]
    outcomes = [own for own in (found, *inner) if own.resourceType == "OperationOutcome"]
    following = next((link for link in found.link or () if link is not None and link.relation == "next"), None)
    return Page(
        kind=found.resourceType,
        failed=found.resourceType == "OperationOutcome" or any(map(is_error, outcomes)) or any(map(is_refused, entries)),
        goes_on=following is not None,
        next=following.url if following is not None and isinstance(following.url, str) else "",
        matches=sum(map(is_match, entries)),
        total=found.total if isinstance(found.total, int) else 0,
    )


def is_error(outcome: Inner) -> bool:
    """Tell whether an OperationOutcome reports an error, and not only warnings and information."""
    return not outcome.issue or any(issue.severity not in HARMLESS for issue in outcome.issue)


def is_refused(entry: Entry) -> bool:
    """Tell whether an entry holds the answer to a request that failed."""
    return entry.response is not None and isinstance(entry.response.status, str) and entry.response.status[:1] in "45"


def is_match(entry: Entry) -> bool:
    """Tell whether an entry is what was asked for, and not included with it or an outcome."""
    if entry.resource is None or entry.resource.resourceType == "OperationOutcome":
        return False
    return entry.search is None or entry.search.mode in (None, "match")
