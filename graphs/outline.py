"""The outline of a graph: what it answers, the steps that lead to each node, and the sources of each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphs.graph import SOURCES, ExplanationGraph

__all__ = ["Condition", "Step", "cited", "condition", "explains", "order", "sources", "starts", "steps"]

ORDER = (
    "recommended", "not_recommended", "excluded", "not_excluded", "setting", "not_setting", "action", "not_action",
    "cautioned", "score", "not_score",
)  # fmt: skip


class Condition(NamedTuple):
    """A condition of a rule: `words` is its caption, `mark` "+", "-", "?" or "x", and ">" on a pathway."""

    node: str
    mark: str
    words: str


class Step(NamedTuple):
    """A step to a node: by a rule, in an argument by a statement, or straight from other nodes where `by` is None.

    It is `against` the node where it would rule it out.
    """

    by: str | None
    conditions: tuple[Condition, ...]
    against: bool = False


def explains(graph: ExplanationGraph) -> bool:
    """Tell whether a graph explains conclusions; a pathway does not."""
    return any(kind in ("conclusion", "rule") for _, kind in graph.nodes(data="kind"))


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
    absent = role == "requires_absence" or data["state"] in ("fails", "recorded_absent")
    return Condition(node, "-" if absent else "+", words)


def steps(graph: ExplanationGraph, node: str) -> list[Step]:
    """List the steps to a node; a fact of the record has none."""
    found: list[Step] = []
    straight: list[Condition] = []
    for source, _, data in graph.in_edges(node, data=True):
        kind = graph.nodes[source]["kind"]
        if kind == "rule" or (kind in SOURCES and data["role"] in ("derives", "requires_absence")):
            into = graph.in_edges(source, data="role")
            conditions = (condition(graph, n, role) for n, _, role in into if graph.nodes[n]["kind"] not in SOURCES)
            found.append(Step(source, tuple(conditions), data["role"] == "requires_absence"))
        elif kind not in SOURCES and kind != "patient":
            reason = condition(graph, source, "" if data["role"] == "excludes" else data["role"])
            if data["role"] == "excludes":
                mark, words = "?" if reason.mark == "?" else "x", graph.say("graph_excludes_it", reason.words)
                reason = Condition(source, mark, words)
            straight.append(reason)
    return [*found, Step(None, tuple(straight))] if straight else found


def sources(graph: ExplanationGraph, by: str) -> list[str]:
    """List the statements, readings and overlays that a rule encodes, or the trials that a statement rests on."""
    return [node for node, _, role in graph.in_edges(by, data="role") if role in ("states", "rests_on", "cites")]


def cited(graph: ExplanationGraph, source: str) -> list[str]:
    """List the names of a statement, reading or overlay and of all that it cites, rests on or interprets."""
    found = dict.fromkeys([source])
    for node in found.copy():
        found.update(dict.fromkeys(graph.predecessors(node)))
    named = (graph.nodes[node] for node in found)
    return [data["name"] if data["kind"] in SOURCES[:3] and "name" in data else data["label"] for data in named]


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
