"""The declaration of a graph's attributes, and its JSON Schema for node-link files.

``python -m graphs.schema > graphs/graph.schema.json`` writes the schema that ships.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = ["About", "Edge", "Node", "NodeLink", "json_schema"]

ExplanationKind = Literal["conclusion", "rule", "fact", "statement", "reading", "overlay", "citation", "trial", "patient"]
PathwayKind = Literal["state", "regimen", "outcome", "dead_end", "silence"]
State = Literal["holds", "fails", "recorded", "recorded_absent", "unknown"]
Role = Literal[
    "derives", "requires", "requires_absence", "blocks", "excludes", "states", "cites", "rests_on",
    "recommends", "ends_in", "leads_to", "stops_at",
]  # fmt: skip
Answers = Literal[
    "setting", "recommended", "excluded", "action", "cautioned", "score",
    "not_setting", "not_recommended", "not_excluded", "not_action", "not_cautioned", "not_score",
]  # fmt: skip
Always = Annotated[bool, Meta(extra_json_schema={"const": True})]
STATE_IN_EXPLANATIONS = {
    "if": {"properties": {"kind": {"enum": list(get_args(ExplanationKind))}}},
    "then": {"required": ["state"]},
}


class About(Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What the graph is about."""

    guideline: str
    title: str
    digest: str
    layer: Literal["literal", "curated"]
    overlays: Annotated[str, Meta(description="Names, separated by commas.")]
    readings: Annotated[
        str, Meta(description="Alternatives of readings that are chosen or left open, such as R5=b, separated by commas.")
    ] = ""
    basis: Annotated[str, Meta(description="The guideline, its layer, overlays and chosen readings in words.")]
    disclaimer: str
    patient: Annotated[str, Meta(description="The id of the record; absent in the graph of a guideline.")] = ""
    setting: Annotated[str, Meta(description="The setting of the answer.")] = ""
    shows: Annotated[
        Literal["argument", "statements"] | UnsetType,
        Meta(description="The argument for an answer, or the statements of a guideline; absent where it is all rules."),
    ] = UNSET
    left_out: Annotated[str, Meta(description="Conclusions left out for the sake of legibility, a line each.")] = ""
    missing: Annotated[str, Meta(description="Unrecorded facts that matter, a line each.")] = ""
    assumed: Annotated[str, Meta(description="What stands in the answer by default.")] = ""
    alternatives: Annotated[str, Meta(description="What other alternatives of readings would change, a line each.")] = ""
    notes: Annotated[str, Meta(description="Notes on the answer, a line each.")] = ""
    doubts: Annotated[str, Meta(description="Caveats on the evidence, a line each.")] = ""
    lines: Annotated[str, Meta(pattern="^[0-9]+$", description="The most courses that a pathway adds to the record.")] = ""


class Node(Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A node. Every node of an explanation has a state; those of a pathway have none."""

    id: Annotated[str, Meta(min_length=1, description="Readable; the same for the same guideline and record.")]
    kind: ExplanationKind | PathwayKind
    label: str
    state: State | UnsetType = UNSET
    text: Annotated[
        str,
        Meta(description="A statement's restatement, a rule as written, or a trial's register entry; a line each."),
    ] = ""
    place: Annotated[str, Meta(pattern=":[0-9]+$", description="file:line of a rule or statement.")] = ""
    origin: Annotated[str, Meta(description="Where a fact was read: resource, code, date; a line each.")] = ""
    cut: Annotated[Literal["yes"] | UnsetType, Meta(description="The graph was cut off at this node.")] = UNSET
    answers: Annotated[
        Answers | UnsetType, Meta(description="How the answer lists it; not_... for a focus that the answer does not list.")
    ] = UNSET
    name: Annotated[str, Meta(description="The name of what the answer lists, or of a statement in an argument.")] = ""
    summary: Annotated[str, Meta(description="The answer's strength and assumptions in words.")] = ""
    certainty: Literal["certain", "conditional"] | UnsetType = UNSET
    assuming: Annotated[str, Meta(description="What makes a conditional entry certain.")] = ""
    rank: Annotated[str, Meta(pattern="^[1-9][0-9]*$")] = ""
    strength: str = ""
    doses: Annotated[str, Meta(description="Doses of a recommended regimen, a line for each drug.")] = ""
    setting: Annotated[str, Meta(description="The setting of a pathway's state.")] = ""
    end: Annotated[str, Meta(description="Why a pathway ends in this state.")] = ""
    regimen: Annotated[str, Meta(description="The regimen of a pathway's node.")] = ""
    section: Annotated[str, Meta(description="The section of a guideline that has a statement.")] = ""
    statements: Annotated[str, Meta(description="Statements behind it, separated by commas.")] = ""
    cautions: Annotated[str, Meta(description="Cautions on a regimen, separated by commas.")] = ""
    outcomes: Annotated[str, Meta(description="Outcomes of a course, separated by commas.")] = ""


class Edge(Struct, forbid_unknown_fields=True, kw_only=True):
    """An edge from a reason to what follows from it, or from one step of a pathway to the next."""

    source: str
    target: str
    key: Annotated[int, Meta(ge=0, description="Distinguishes edges between the same nodes.")]
    role: Role


class NodeLink(Struct, forbid_unknown_fields=True, kw_only=True):
    """A graph as networkx's node-link data. All attributes are text; what is not recorded is never a missing value."""

    schema: Literal["reasoner.graph/1"]
    directed: Always
    multigraph: Always
    graph: About
    nodes: list[Annotated[Node, Meta(extra_json_schema=STATE_IN_EXPLANATIONS)]]
    edges: list[Edge]


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of node-link files."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:guideline-reasoner:schema:reasoner.graph/1",
        **msgspec.json.schema(NodeLink),
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1))
