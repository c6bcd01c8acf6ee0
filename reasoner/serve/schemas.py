"""The shapes of what the service answers, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

Certainty = Literal["certain", "conditional"]


class GuidelineInfo(TypedDict):
    """Which guideline answered."""

    id: str
    digest: str
    layer: Literal["literal", "curated"]
    overlays: list[str]
    title: str
    disclaimer: str


class Assumption(TypedDict):
    """A value of an unknown fact; for a list `has` says whose membership it tells."""

    fact: str
    has: NotRequired[str]
    value: bool | str


class Missing(TypedDict):
    """An unknown fact that can change the answer."""

    fact: str
    has: NotRequired[str]
    decides: list[str]


class Dose(TypedDict):
    """A dose as the guideline gives it."""

    drug: str
    schedule: str
    step: str
    amount: float
    unit: str
    every_weeks: int | None
    route: str
    mg: float | None
    statement: str


class Recommendation(TypedDict):
    """A regimen that is recommended."""

    regimen: str
    rank: int
    strength: str
    certainty: Certainty
    assuming: list[Assumption]
    rules: list[str]
    statements: list[str]
    readings: list[str]
    overlays: list[str]
    trials: list[str]
    citations: list[int]
    doses: list[Dose]
    cautions: list[str]
    because: list[str]


class Exclusion(TypedDict):
    """A regimen that the record speaks against."""

    regimen: str
    certainty: Certainty
    assuming: list[Assumption]
    rules: list[str]
    statements: list[str]
    readings: list[str]
    overlays: list[str]
    because: list[str]


class ActionCall(TypedDict):
    """Something that the guideline calls for."""

    action: str
    certainty: Certainty
    assuming: list[Assumption]
    text: str
    rules: list[str]
    statements: list[str]
    readings: list[str]
    overlays: list[str]


class Answer(TypedDict):
    """What the guideline says of one record."""

    schema: Literal["reasoner.answer/1"]
    guideline: GuidelineInfo
    patient: str
    setting: str
    recommended: list[Recommendation]
    excluded: list[Exclusion]
    actions: list[ActionCall]
    missing: list[Missing]
    notes: list[str]


class Node(TypedDict):
    """A node of an explanation."""

    id: str
    kind: str
    label: str
    state: Literal["holds", "fails", "recorded", "recorded_absent", "unknown"]
    text: NotRequired[str]
    place: NotRequired[str]


class Edge(TypedDict):
    """An edge from a reason to what follows from it."""

    source: str
    target: str
    role: str


class Derivation(TypedDict):
    """A derivation as a graph."""

    nodes: list[Node]
    edges: list[Edge]


class Why(TypedDict):
    """The derivation of a conclusion."""

    schema: Literal["reasoner.why/1"]
    guideline: GuidelineInfo
    patient: str
    conclusion: str
    status: str
    derivation: Derivation


class Obstacle(TypedDict):
    """A condition that keeps a rule from firing."""

    condition: str
    atom: str
    negated: bool
    state: Literal["recorded", "recorded_absent", "unknown", "derived"]


class BlockedRule(TypedDict):
    """A rule that could have recommended the regimen, and what blocks it."""

    rule: str
    statements: list[str]
    blocked_by: list[Obstacle]


class Change(TypedDict):
    """A smallest change to the record that makes the regimen certain."""

    set: dict[str, Any]
    kind: dict[str, Literal["find_out", "contrary"]]


class Outranking(TypedDict):
    """A regimen that comes before."""

    regimen: str
    rank: int
    rules: list[str]
    by: list[str]


class WhyNot(Why):
    """What keeps a regimen from being recommended."""

    rules: list[BlockedRule]
    excluded_by: list[Exclusion]
    outranked_by: list[Outranking]
    changes: list[Change]


class Difference(TypedDict):
    """One thing that two answers say differently."""

    what: Literal["setting", "recommended", "excluded", "action"]
    id: str
    before: dict[str, Any] | str | None
    after: dict[str, Any] | str | None
    rules: list[str]


class WhatIf(TypedDict):
    """What an edit of the record changes."""

    schema: Literal["reasoner.what_if/1"]
    set: dict[str, Any]
    before: Answer
    after: Answer
    differences: list[Difference]


class Given(TypedDict):
    """What one value of a fact gives."""

    value: bool | str | int | list[str]
    stretch: NotRequired[str]
    setting: str
    recommended: list[str]
    conditional: list[str]
    excluded: list[str]
    actions: list[str]


class Asking(TypedDict):
    """An unrecorded fact that can change the answer."""

    fact: str
    text: str
    decides: list[str]
    answers: list[Given]


class Ask(TypedDict):
    """What to find out, the most decisive first; `tree` where all paths were asked for."""

    schema: Literal["reasoner.ask/1"]
    questions: list[Asking]
    tree: NotRequired[dict[str, Any]]


class Facts(TypedDict):
    """What was read from FHIR resources: the record, and where each fact was read."""

    schema: Literal["reasoner.facts/1"]
    record: dict[str, Any]
    sources: list[dict[str, str]]
    undecided: list[dict[str, Any]]
    contradictions: list[dict[str, Any]]
    assumed: list[str]
    unmapped: list[dict[str, str]]
    unreadable: list[str]
    tables: str


class Pathway(TypedDict):
    """The pathways from a record as node-link data."""

    schema: Literal["reasoner.pathway/1"]
    directed: bool
    multigraph: bool
    graph: dict[str, Any]
    nodes: list[dict[str, str]]
    edges: list[Edge]


class Findings(TypedDict):
    """The guideline's defects."""

    schema: Literal["reasoner.findings/1"]
    guideline: GuidelineInfo
    courses: int
    findings: list[dict[str, Any]]
    unknown: list[str]
    accepted_gone: list[str]


class Term(TypedDict):
    """A name with its label."""

    name: str
    label: str


class FactForm(TypedDict):
    """A fact with its domain; `default` is what its absence is treated as, null where absent means unknown."""

    name: str
    kind: Literal["boolean", "choice", "list", "number", "courses"]
    label: str
    question: str
    values: list[Term]
    thresholds: list[int]
    minimum: int | None
    above: bool
    required: bool
    default: bool | list[str] | None
    immutable: bool


class CourseFactForm(TypedDict):
    """A fact about one course; where `needs` is not empty the course has one of these drugs."""

    name: str
    kind: Literal["boolean", "integer", "number"]
    label: str
    needs: list[str]
    minimum: int | None
    above: bool


class CourseForm(TypedDict):
    """What a course of therapy holds."""

    outcomes: list[Term]
    drugs: list[Term]
    facts: list[CourseFactForm]


class Example(TypedDict):
    """A record that ships with the guideline."""

    name: str
    title: str
    record: dict[str, Any]


class GuidelineForm(TypedDict):
    """A guideline as a form needs it."""

    schema: Literal["reasoner.guideline/1"]
    guideline: GuidelineInfo
    facts: list[FactForm]
    course: CourseForm
    regimens: list[Term]
    actions: list[Term]
    settings: list[Term]
    labels: dict[str, dict[str, str]]
    examples: list[Example]


class ServiceEntry(TypedDict):
    """A CDS service, as discovery lists it."""

    hook: str
    title: str
    description: str
    id: str
    prefetch: dict[str, str]
    usageRequirements: str
    version: str


class Services(TypedDict):
    """The answer of the discovery endpoint."""

    services: list[ServiceEntry]


class Coding(TypedDict):
    """A code with its system and what it is shown as."""

    code: str
    system: str
    display: str


class Source(TypedDict):
    """What a card rests on."""

    label: str
    url: str
    topic: Coding


class Action(TypedDict):
    """What a suggestion does."""

    type: Literal["create", "delete"]
    description: str
    resource: NotRequired[dict[str, Any]]
    resourceId: NotRequired[str]


class Offer(TypedDict):
    """A suggestion of a card."""

    label: str
    uuid: str
    actions: list[Action]


class Link(TypedDict):
    """A link of a card."""

    label: str
    url: str
    type: Literal["absolute"]


class Card(TypedDict):
    """A card of CDS Hooks."""

    uuid: str
    summary: Annotated[str, Meta(min_length=1, max_length=139)]
    indicator: Literal["info", "warning", "critical"]
    detail: str
    source: Source
    suggestions: NotRequired[list[Offer]]
    selectionBehavior: NotRequired[Literal["at-most-one", "any"]]
    overrideReasons: NotRequired[list[Coding]]
    links: list[Link]


class Cards(TypedDict):
    """The answer of a CDS service."""

    cards: list[Card]


class Details(TypedDict):
    """Why a request is not answered (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    field: NotRequired[str]


class Text(TypedDict):
    """A text."""

    text: str


class Issue(TypedDict):
    """What went wrong."""

    severity: Literal["error"]
    code: str
    details: Text
    diagnostics: str


class OperationOutcome(TypedDict):
    """Why a CDS client's call is not answered."""

    resourceType: Literal["OperationOutcome"]
    issue: list[Issue]


class Status(TypedDict):
    """That the service lives, or is ready."""

    status: Literal["alive", "ready"]
