"""What only the service answers with: the cards of CDS Hooks, the services it offers, refused requests, its own state."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from reasoner.records.shapes import Shape

__all__ = [
    "Action",
    "Card",
    "Cards",
    "Coding",
    "Details",
    "Issue",
    "IssueText",
    "Link",
    "Offer",
    "OperationOutcome",
    "ServiceEntry",
    "Services",
    "Source",
    "Status",
]

LONGEST_SUMMARY = 139


class ServiceEntry(Shape, frozen=True, rename="camel"):
    """A CDS service, as discovery lists it; `prefetch` are FHIR queries by the keys that calls hold their results under."""

    hook: str
    title: str
    description: str
    id: str
    prefetch: dict[str, str]
    usage_requirements: str
    version: str


class Services(Shape, frozen=True):
    """The answer of the discovery endpoint."""

    services: tuple[ServiceEntry, ...]


class Coding(Shape, frozen=True):
    """A code with its system and what it is shown as."""

    code: str
    system: str
    display: str


class Source(Shape, frozen=True):
    """What a card rests on: the guideline."""

    label: str
    url: str
    topic: Coding


class Action(Shape, frozen=True, rename={"resource_id": "resourceId"}):
    """What a suggestion does: delete the draft order with `resourceId`, or create a `resource`."""

    type: Literal["create", "delete"]
    description: str
    resource_id: str | UnsetType = UNSET
    resource: dict[str, Any] | UnsetType = UNSET


class Offer(Shape, frozen=True):
    """A suggestion of a card."""

    label: str
    uuid: str
    actions: tuple[Action, ...]


class Link(Shape, frozen=True):
    """A link of a card, to the service's own page."""

    label: str
    url: str
    type: Literal["absolute"] = "absolute"


class Card(Shape, frozen=True, rename="camel"):
    """A card of CDS Hooks; `detail` is Markdown."""

    uuid: str
    summary: Annotated[str, Meta(min_length=1, max_length=LONGEST_SUMMARY)]
    indicator: Literal["info", "warning", "critical"]
    detail: str
    source: Source
    links: tuple[Link, ...]
    suggestions: tuple[Offer, ...] | UnsetType = UNSET
    selection_behavior: Literal["at-most-one", "any"] | UnsetType = UNSET
    override_reasons: tuple[Coding, ...] | UnsetType = UNSET


class Cards(Shape, frozen=True):
    """The answer of a CDS service."""

    cards: tuple[Card, ...]


class Details(Shape, frozen=True, omit_defaults=True, tag_field="type", tag="about:blank"):
    """Why a request is not answered (RFC 9457); `field` is the part of the body that is at fault, where one is."""

    title: str
    status: int
    detail: str
    field: str = ""


class IssueText(Shape, frozen=True):
    """A text."""

    text: str


class Issue(Shape, frozen=True):
    """What went wrong."""

    severity: Literal["error"]
    code: str
    details: IssueText
    diagnostics: str


class OperationOutcome(Shape, frozen=True, tag_field="resourceType", tag="OperationOutcome"):
    """Why a CDS client's call is not answered."""

    issue: tuple[Issue, ...]


class Status(Shape, frozen=True):
    """That the service is alive, or ready to answer."""

    status: Literal["alive", "ready"]
