"""What a FHIR server says of its own answer: whether a searchset is whole, where it goes on, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

__all__ = ["Page", "is_whole", "page_of"]

HARMLESS = {"warning", "information", "success"}
# FHIR's issue types (http://hl7.org/fhir/ValueSet/issue-type) by which something of what was asked for may not be there
WITHHELD = {"security", "login", "unknown", "expired", "forbidden", "suppressed"}
NOT_REACHED = {"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "too-costly"}
NOT_ALL = WITHHELD | NOT_REACHED
SOUGHT = (None, "match")


class Issue(msgspec.Struct):
    """One issue of an OperationOutcome."""

    severity: object = None
    code: object = None


class Inner(msgspec.Struct):
    """A resource in a searchset."""

    resourceType: object = None  # noqa: N815 (FHIR's name)
    id: object = None
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

    `failed` says that it is, or holds, an error, `not_all` that by its own words something may not be there; `goes_on` that
    another page follows, `next` where. `named` are the resources asked for, by type and id, `nameless` counts those without
    an id, `total` all that there are, where that is told.
    """

    kind: str = ""
    failed: bool = False
    not_all: bool = False
    goes_on: bool = False
    next: str = ""
    named: frozenset[str] = frozenset()
    nameless: int = 0
    total: int = 0

    def why_not_whole(self) -> str:
        """Say why this answer alone does not hold all that there is, or nothing where it does."""
        if self.failed:
            return "error"
        return "incomplete" if self.goes_on or not is_whole((self,)) else ""


def is_whole(pages: Sequence[Page]) -> bool:
    """Tell whether pages together hold as many resources as they say there are, and none says that some may lack."""
    named = frozenset[str]().union(*(page.named for page in pages))
    total = max(page.total for page in pages)
    return len(named) + sum(page.nameless for page in pages) >= total and not any(page.not_all for page in pages)


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
    issues = [issue for outcome in outcomes for issue in outcome.issue or ()]
    matches = [f"{own.resourceType}/{own.id}" if isinstance(own.id, str) else "" for own in matching(entries)]
    following = next((link for link in found.link or () if link is not None and link.relation == "next"), None)
    return Page(
        kind=found.resourceType,
        failed=found.resourceType == "OperationOutcome" or any(map(is_error, outcomes)) or any(map(is_refused, entries)),
        not_all=any(isinstance(issue.code, str) and issue.code in NOT_ALL for issue in issues),
        goes_on=following is not None,
        next=following.url if following is not None and isinstance(following.url, str) else "",
        named=frozenset(filter(None, matches)),
        nameless=matches.count(""),
        total=found.total if isinstance(found.total, int) else 0,
    )


def is_error(outcome: Inner) -> bool:
    """Tell whether an OperationOutcome reports an error, and not only warnings and information."""
    return not outcome.issue or any(issue.severity not in HARMLESS for issue in outcome.issue)


def is_refused(entry: Entry) -> bool:
    """Tell whether an entry holds the answer to a request that failed."""
    return entry.response is not None and isinstance(entry.response.status, str) and entry.response.status[:1] in "45"


def matching(entries: Iterable[Entry]) -> Iterator[Inner]:
    """Give the resources that were asked for, not those included with them, nor outcomes."""
    for entry in entries:
        own = entry.resource
        if (
            own is not None
            and own.resourceType != "OperationOutcome"
            and (entry.search is None or entry.search.mode in SOUGHT)
        ):
            yield own
