"""How a graph reads as sentences: from what it answers back over rules to what each rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import networkx as nx

from graphs.text import marked

__all__ = ["Condition", "Step", "cited", "condition", "order", "sources", "starts", "steps"]

SOURCES = ("statement", "reading", "overlay", "citation", "trial")


class Condition(NamedTuple):
    """What a rule asks for: `words` is its label with its state, `mark` "+", "-", "?" or "x", and ">" on a pathway."""

    node: str
    mark: str
    words: str


class Step(NamedTuple):
    """A way to a node: over a rule, or straight from other nodes where `rule` is None."""

    rule: str | None
    conditions: tuple[Condition, ...]


ORDER = ("recommended", "not_recommended", "excluded", "setting", "not_setting", "action", "not_action", "cautioned")


def starts(graph: nx.MultiDiGraph) -> list[str]:
    """List what a graph answers, as an answer does; where it says nothing of that, the nodes that nothing follows from."""
    answers = [node for node, data in graph.nodes(data=True) if data.get("answers") in ORDER]
    answers.sort(key=lambda node: (ORDER.index(graph.nodes[node]["answers"]), int(graph.nodes[node].get("rank", 0))))
    ends = [node for node in graph if not graph.out_degree(node)]
    return answers or sorted(ends, key=lambda node: graph.nodes[node].get("kind") in SOURCES)


def condition(graph: nx.MultiDiGraph, node: str, role: str) -> Condition:
    """Read an edge into a rule as a condition."""
    data = graph.nodes[node]
    words = marked(data, node) + (f" (read from {'; '.join(data['origin'].splitlines())})" if data.get("origin") else "")
    if role == "blocks":
        return Condition(node, "x", words)
    if data.get("state") == "unknown":
        return Condition(node, "?", f"unless {data.get('label', node)}" if role == "requires_absence" else words)
    if "state" not in data:
        return Condition(node, ">", words)
    return Condition(node, "-" if role == "requires_absence" or data["state"] == "fails" else "+", words)


def steps(graph: nx.MultiDiGraph, node: str) -> list[Step]:
    """List the ways to a node; a fact of the record has none."""
    found: list[Step] = []
    straight: list[Condition] = []
    for source, _, data in graph.in_edges(node, data=True):
        kind = graph.nodes[source].get("kind")
        if kind == "rule":
            into = graph.in_edges(source, data="role")
            conditions = (condition(graph, n, role) for n, _, role in into if graph.nodes[n].get("kind") not in SOURCES)
            found.append(Step(source, tuple(conditions)))
        elif kind not in SOURCES and kind != "patient":
            reason = condition(graph, source, "")
            if data.get("role") == "excludes":
                reason = reason._replace(mark="?" if reason.mark == "?" else "x", words=f"{reason.words} (excludes it)")
            straight.append(reason)
    return [*found, Step(None, tuple(straight))] if straight else found


def sources(graph: nx.MultiDiGraph, rule: str) -> list[str]:
    """List the statements, readings and overlays that a rule encodes."""
    return [node for node in graph.predecessors(rule) if graph.nodes[node].get("kind") in SOURCES]


def cited(graph: nx.MultiDiGraph, source: str) -> list[str]:
    """List the labels of a statement, reading or overlay and of all that it cites, rests on or interprets."""
    found = dict.fromkeys([source])
    for node in found.copy():
        found.update(dict.fromkeys(graph.predecessors(node)))
    return [graph.nodes[node].get("label", node) for node in found]


def order(graph: nx.MultiDiGraph) -> Iterator[str]:
    """Yield the nodes that there is a way to, those that a graph answers first, then what they rest on, each once."""
    seen = dict.fromkeys(starts(graph))
    pending = list(seen)
    for node in pending:
        ways = steps(graph, node)
        if ways:
            yield node
        for way in ways:
            for reason in way.conditions:
                if reason.node not in seen:
                    seen[reason.node] = None
                    pending.append(reason.node)
