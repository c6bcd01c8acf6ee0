"""A compact tree for the terminal: each conclusion over what it rests on, rules and sources beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import networkx as nx

from graphs.reading import Condition, cited, condition, sources, starts, steps

__all__ = ["to_tree"]

NARROWEST = 24


def to_tree(graph: nx.MultiDiGraph, width: int = 80) -> str:
    """Draw a graph as a tree of at most `width` columns, as far as its depth allows; what was shown stands as "above"."""
    seen: set[str] = set()
    lines = [line for start in starts(graph) for line in branch(graph, condition(graph, start, ""), "", "", width, seen)]
    return "\n".join(lines) + "\n"


def branch(
    graph: nx.MultiDiGraph, reason: Condition, lead: str, indent: str, width: int, seen: set[str]
) -> Iterator[str]:
    """Yield the lines of a node and of all below it."""
    ways = steps(graph, reason.node)
    repeated = bool(ways) and reason.node in seen
    seen.add(reason.node)
    by = [rule_words(graph, way.rule) for way in ways if way.rule is not None]
    words = f"{reason.mark} {reason.words}"
    if repeated:
        words += " (above)"
    elif len(ways) == 1 and by:
        words += f" {by[0]}"
    bar = "│ " if ways and not repeated else "  "
    yield from fold(words, lead, indent + bar, width)
    if repeated:
        return
    below = [c for way in ways for c in way.conditions] if len(ways) == 1 else []
    for place, child in enumerate(below, 1):
        turn, on = ("└─", "  ") if place == len(below) else ("├─", "│ ")
        yield from branch(graph, child, indent + turn, indent + on, width, seen)
    if len(ways) > 1:
        for place, way in enumerate(ways, 1):
            turn, on = ("└─", "  ") if place == len(ways) else ("├─", "│ ")
            title = rule_words(graph, way.rule) if way.rule is not None else "="
            yield from fold(title, indent + turn, indent + on + ("│ " if way.conditions else "  "), width)
            for number, child in enumerate(way.conditions, 1):
                inner, last = ("└─", "  ") if number == len(way.conditions) else ("├─", "│ ")
                yield from branch(graph, child, indent + on + inner, indent + on + last, width, seen)


def rule_words(graph: nx.MultiDiGraph, rule: str) -> str:
    """Name a rule with what it rests on, and say where it does not fire."""
    found = dict.fromkeys(label for source in sources(graph, rule) for label in cited(graph, source))
    data = graph.nodes[rule]
    words = f"<- {data.get('label', rule)}" + (f" [{'; '.join(found)}]" if found else "")
    return words + (" does not fire" if data.get("state") == "fails" else "")


def fold(words: str, lead: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        words, max(width, len(indent) + NARROWEST), initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False
    )
