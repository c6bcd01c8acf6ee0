"""What a FHIR server says of its own answer: whether a searchset is whole, where it goes on, and what went wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from reasoner.fhir.resources import Entry as InBundle
from reasoner.fhir.resources import Resource

__all__ = ["OUTCOME", "Inner", "Page", "is_whole", "page_of", "reports_failure", "why_not_whole"]

OUTCOME = "OperationOutcome"
HARMLESS = {"warning", "information", "success"}
UNREADABLE = "unreadable"
# FHIR's issue types (http://hl7.org/fhir/ValueSet/issue-type) by which something of what was asked for may not be there
WITHHELD = {"security", "login", "unknown", UNREADABLE, "expired", "forbidden", "suppressed"}
NOT_REACHED = {"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "too-costly"}
NOT_ALL = WITHHELD | NOT_REACHED
SOUGHT = (None, "match")
LONGEST_TOTAL = 12


class Inner(msgspec.Struct):
    """A resource in a searchset."""

    resourceType: object = None  # noqa: N815 (FHIR's name)
    id: object = None
    issue: object = None


class Entry(msgspec.Struct):
    """An entry of a bundle."""

    resource: Inner | None = None
    search: object = None
    response: object = None

    @property
    def mode(self) -> object:
        """Why the entry is in the result of a search."""
        return self.search.get("mode") if isinstance(self.search, dict) else None


class Link(msgspec.Struct):
    """A link of a bundle."""

    relation: object = None
    url: object = None


class Whole(Inner):
    """A resource, or a bundle with its links and entries."""

    link: list[Link | None] | None = None
    type: object = None
    total: object = None
    entry: list[Entry | None] | None = None


class Page(msgspec.Struct, frozen=True):
    """An answer of a FHIR server, or one page of it.

    `failed` says that it is, or holds, an error, `not_all` that by its own words something may not be there; `goes_on` that
    another page follows, `next` where, `is_part` that there are others before or after. `named` are the resources asked for,
    by type and id, `nameless` counts those without an id, `total` all that there are, where that is told.
    """

    kind: str = ""
    failed: bool = False
    not_all: bool = False
    goes_on: bool = False
    is_part: bool = False
    next: str = ""
    named: frozenset[str] = frozenset()
    nameless: int = 0
    total: int = 0

    def why_not_whole(self) -> str:
        """Say why this answer alone does not hold all that there is, or nothing where it does."""
        if self.failed:
            return "error"
        return "incomplete" if self.goes_on or self.is_part or not is_whole((self,)) else ""


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
    return page_told(found) if isinstance(found.resourceType, str) else None


def why_not_whole(bundle: Resource, kinds: Collection[str | None]) -> str:
    """Say why a bundle, which holds resources of some kinds, is not all that there is, or nothing where it is."""
    told = bundle.total is not None or bundle.link is not None or OUTCOME in kinds
    if told or any(own is not None and own.response is not None for own in bundle.entry or ()):
        return page_told(bundle).why_not_whole()
    return ""


def page_told(found: Whole | Resource) -> Page:
    """Take what a bundle, or a resource, says of itself as an answer."""
    history, refused, nameless = found.type == "history", False, 0
    named: set[str] = set()
    outcomes: list[Inner | Resource] = [found] if found.resourceType == OUTCOME else []
    for entry in found.entry or ():
        if entry is None:
            continue
        refused = refused or (entry.response is not None and is_refused(entry))
        own = entry.resource
        if own is not None and own.resourceType == OUTCOME:
            outcomes.append(own)
            nameless += history
        elif history:
            nameless += 1
        elif own is not None and (entry.search is None or entry.mode in SOUGHT):
            if isinstance(own.id, str):
                named.add(f"{own.resourceType}/{own.id}")
            else:
                nameless += 1
    links = {str(own.relation).strip().lower(): own.url for own in reversed(found.link or ()) if own is not None}
    total = str(found.total or 0)
    counted = total.isdecimal() and len(total) < LONGEST_TOTAL
    following = links.get("next")
    return Page(
        kind=str(found.resourceType),
        failed=found.resourceType == OUTCOME or any(map(is_error, outcomes)) or (refused and not history),
        not_all=not counted or any(code in NOT_ALL for outcome in outcomes for code in told(outcome, "code")),
        goes_on="next" in links,
        is_part=not {"previous", "prev"}.isdisjoint(links)
        or any(end in links and "self" in links and links[end] != links["self"] for end in ("first", "last")),
        next=following if isinstance(following, str) else "",
        named=frozenset(named),
        nameless=nameless,
        total=int(total) if counted else 0,
    )


def told(outcome: Inner | Resource, field: str) -> list[str | None]:
    """List the words that the issues of an OperationOutcome have in a field; what is no word may say anything."""
    issues = outcome.issue if isinstance(outcome.issue, list) else []
    found = [issue.get(field) if isinstance(issue, dict) else None for issue in issues]
    return [own if own is None or isinstance(own, str) else UNREADABLE for own in found]


def is_error(outcome: Inner | Resource) -> bool:
    """Tell whether an OperationOutcome reports an error, and not only warnings and information."""
    severities = told(outcome, "severity")
    return not severities or any(severity not in HARMLESS for severity in severities)


def reports_failure(outcome: Resource) -> bool:
    """Tell whether a resource is an OperationOutcome by which something failed, or may not be there."""
    if outcome.resourceType != OUTCOME:
        return False
    return is_error(outcome) or any(code in NOT_ALL for code in told(outcome, "code"))


def is_refused(entry: Entry | InBundle) -> bool:
    """Tell whether an entry holds the answer to a request that did not succeed."""
    status = entry.response.get("status") if isinstance(entry.response, dict) else None
    return status is not None and not str(status).startswith("2")
