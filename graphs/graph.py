"""The explanation graph: a NetworkX graph that carries the words in which it is shown."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from reasoner.compiler.model import fill

__all__ = ["KINDS", "SOURCES", "ExplanationGraph"]

SOURCES = ("statement", "reading", "overlay", "citation", "trial")
KINDS = {
    "patient": "graph_kind_patient", "fact": "graph_kind_fact", "conclusion": "graph_kind_conclusion",
    "rule": "graph_kind_rule", "statement": "graph_kind_statement", "reading": "graph_kind_reading",
    "overlay": "graph_kind_overlay", "citation": "graph_kind_citation", "trial": "graph_kind_trial",
    "state": "graph_kind_state", "regimen": "graph_kind_regimen", "outcome": "graph_kind_outcome",
    "dead_end": "graph_kind_dead_end", "silence": "graph_kind_silence",
}  # fmt: skip
REASONS = {
    "derives": "graph_reason_derives", "requires": "graph_reason_requires",
    "requires_absence": "graph_reason_requires_absence", "blocks": "graph_reason_blocks",
    "excludes": "graph_reason_excludes",
    "states": "graph_reason_states", "cites": "graph_reason_cites", "rests_on": "graph_reason_rests_on",
    "recommends": "graph_reason_recommends", "ends_in": "graph_reason_ends_in", "leads_to": "graph_reason_leads_to",
    "stops_at": "graph_reason_stops_at",
}  # fmt: skip
RESULTS = {
    "derives": "graph_result_derives", "requires": "graph_result_requires",
    "requires_absence": "graph_result_requires_absence", "blocks": "graph_result_blocks",
    "excludes": "graph_result_excludes",
    "states": "graph_result_states", "cites": "graph_result_cites", "rests_on": "graph_result_rests_on",
    "recommends": "graph_result_recommends", "ends_in": "graph_result_ends_in", "leads_to": "graph_result_leads_to",
    "stops_at": "graph_result_stops_at",
}  # fmt: skip
CAPTIONS = {
    ("fact", "unknown"): "graph_fact_unknown",
    ("fact", "recorded_absent"): "graph_fact_absent",
    ("fact", "fails"): "graph_fact_fails",
    ("conclusion", "unknown"): "graph_conditional",
    ("conclusion", "fails"): "graph_not_derived",
    ("rule", "unknown"): "graph_conditional",
    ("rule", "fails"): "graph_does_not_fire",
    ("reading", "unknown"): "graph_reading_open",
    ("reading", "fails"): "graph_reading_not_chosen",
}


class ExplanationGraph(nx.MultiDiGraph):  # type: ignore[misc]  # networkx ships no types
    """A graph of reasons: edges run from a reason to what follows from it. `graphs.schema` declares all attributes.

    `wording` gives the texts of its guideline by key, for everything that draws the graph; it is not exported. A graph that
    was read back from a file, or a copy that networkx made, gets it by ``ExplanationGraph(copy, wording=graph.wording)``.
    """

    def __init__(self, data: object = None, *, wording: Mapping[str, str] | None = None, **about: str) -> None:
        super().__init__(data, **about)
        self.wording = wording or {}

    def say(self, key: str, *words: str) -> str:
        """Give the text of a key with `words` in its places."""
        return fill(self.wording[key], *words)

    def title(self) -> str:
        """Name what the graph is about: the patient, and the guideline with its layer and overlays."""
        return " - ".join(self.graph[name] for name in ("patient", "basis") if name in self.graph)

    def stands_in_columns(self) -> bool:
        """Tell whether statements stand for their rules, as in an argument, so that there are columns to read it by."""
        return "shows" in self.graph

    def caption(self, node: str) -> str:
        """Give a node's label with its state in words, so that it shows without colour, and a mark where it was cut."""
        data = self.nodes[node]
        kind, state, label = data["kind"], data.get("state"), str(data["label"])
        worded = kind == "conclusion" and self.stands_in_columns()
        if (kind, state) in CAPTIONS and not worded:
            label = self.say(CAPTIONS[kind, state], label)
        return self.say("graph_cut", label) if "cut" in data else label

    def kind(self, kind: str) -> str:
        """Name a kind of nodes."""
        return self.say(KINDS[kind])

    def role(self, source: str, role: str) -> str:
        """Word an edge from `source` in its direction, such as "required by"."""
        could = role == "derives" and self.nodes[source]["state"] == "fails"
        return self.say("graph_result_could_derive" if could else RESULTS[role])

    def reversed_role(self, source: str, role: str) -> str:
        """Word an edge from `source` against its direction, such as "requires"."""
        could = role == "derives" and self.nodes[source]["state"] == "fails"
        return self.say("graph_reason_could_derive" if could else REASONS[role])
