"""The outline of a graph: what it answers, the steps that lead to each node, and the sources of each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphs.graph import SOURCES, ExplanationGraph

__all__ = ["Condition", "Step", "cited", "condition", "order", "sources", "starts", "steps"]

ORDER = ("recommended", "not_recommended", "excluded", "setting", "not_setting", "action", "not_action", "cautioned")


class Condition(NamedTuple):
    """A condition of a rule: `words` is its caption, `mark` "+", "-", "?" or "x", and ">" on a pathway."""

    node: str
    mark: str
    words: str


class Step(NamedTuple):
    """A step to a node: by a rule, or straight from other nodes where `rule` is None."""

    rule: str | None
    conditions: tuple[Condition, ...]


def starts(graph: ExplanationGraph) -> list[str]:
    """List what a graph answers, in the order of an answer; in a graph without an answer, the nodes that lead nowhere."""
    answers = [node for node, data in graph.nodes(data=True) if data.get("answers") in ORDER]
    answers.sort(key=lambda node: (ORDER.index(graph.nodes[node]["answers"]), int(graph.nodes[node].get("rank", 0))))
    ends = [node for node in graph if not graph.out_degree(node)]
    return answers or sorted(ends, key=lambda node: graph.nodes[node]["kind"] in SOURCES)


def condition(graph: ExplanationGraph, node: str, role: str) -> Condition:
    """Read a node as a condition; `role` is that of its edge into a rule, "" where there is none."""
    data = graph.nodes[node]
    words = graph.caption(node)
    if "origin" in data:
        words = graph.say("graph_read_from", words, graph.say("and").join(data["origin"].splitlines()))
    if role == "blocks":
        return Condition(node, "x", words)
    if "state" not in data:
        return Condition(node, ">", words)
    if data["state"] == "unknown":
        return Condition(node, "?", graph.say("graph_unless", data["label"]) if role == "requires_absence" else words)
    return Condition(node, "-" if role == "requires_absence" or data["state"] == "fails" else "+", words)


def steps(graph: ExplanationGraph, node: str) -> list[Step]:
    """List the steps to a node; a fact of the record has none."""
    found: list[Step] = []
    straight: list[Condition] = []
    for source, _, data in graph.in_edges(node, data=True):
        kind = graph.nodes[source]["kind"]
        if kind == "rule":
            into = graph.in_edges(source, data="role")
            conditions = (condition(graph, n, role) for n, _, role in into if role != "states")
            found.append(Step(source, tuple(conditions)))
        elif kind not in SOURCES and kind != "patient":
            reason = condition(graph, source, "" if data["role"] == "excludes" else data["role"])
            if data["role"] == "excludes":
                mark, words = "?" if reason.mark == "?" else "x", graph.say("graph_excludes_it", reason.words)
                reason = Condition(source, mark, words)
            straight.append(reason)
    return [*found, Step(None, tuple(straight))] if straight else found


def sources(graph: ExplanationGraph, rule: str) -> list[str]:
    """List the statements, readings and overlays that a rule encodes."""
    return [node for node, _, role in graph.in_edges(rule, data="role") if role == "states"]


def cited(graph: ExplanationGraph, source: str) -> list[str]:
    """List the labels of a statement, reading or overlay and of all that it cites, rests on or interprets."""
    found = dict.fromkeys([source])
    for node in found.copy():
        found.update(dict.fromkeys(graph.predecessors(node)))
    return [graph.nodes[node]["label"] for node in found]


def order(graph: ExplanationGraph) -> Iterator[str]:
    """Yield the nodes that have steps, each once: those that a graph answers first, then what they rest on."""
    seen = dict.fromkeys(starts(graph))
    pending = list(seen)
    for node in pending:
        found = steps(graph, node)
        if found:
            yield node
        for step in found:
            for reason in step.conditions:
                if reason.node not in seen:
                    seen[reason.node] = None
                    pending.append(reason.node)
