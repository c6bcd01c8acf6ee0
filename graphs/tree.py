"""A compact tree for the terminal: each conclusion over what it rests on, rules and sources beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import networkx as nx

from graphs.reading import Condition, Step, cited, condition, sources, starts, steps

__all__ = ["to_tree"]

NARROWEST = 24
LEGEND = "+ holds or recorded, - absent, ? depends on what is not recorded, x stands in the way, <- by which rule"


def to_tree(graph: nx.MultiDiGraph, width: int = 80) -> str:
    """Draw a graph as a tree of at most `width` columns, as far as its depth allows; what was shown stands as "above"."""
    seen: set[str] = set()
    about = graph.graph
    head = (" - ".join(part for part in (about.get("patient"), about.get("title"), about.get("layer")) if part), LEGEND)
    lines = [line for text in head for line in textwrap.wrap(text, width)]
    for start in starts(graph):
        if start not in seen:
            lines += branch(graph, condition(graph, start, ""), "", "", width, seen)
    lines += textwrap.wrap(about.get("disclaimer", ""), width)
    return "\n".join(lines) + "\n"


def branch(graph: nx.MultiDiGraph, reason: Condition, lead: str, indent: str, width: int, seen: set[str]) -> Iterator[str]:
    """Yield the lines of a node and of all below it; a rule that is the only way to it stands on its line."""
    ways = steps(graph, reason.node)
    repeated = bool(ways) and reason.node in seen
    seen.add(reason.node)
    words = f"{reason.mark} {reason.words}"
    below: list[Condition | Step] = []
    if repeated:
        words += " (above)"
    else:
        rules = [way for way in ways if way.rule is not None]
        below += [condition for way in ways if way.rule is None or len(rules) == 1 for condition in way.conditions]
        if len(rules) == 1:
            words += f" {rule_words(graph, rules[0])}"
        else:
            below += rules
    yield from fold(words, lead, indent + ("│ " if below else "  "), width)
    yield from branches(graph, below, indent, width, seen)


def branches(
    graph: nx.MultiDiGraph, below: Sequence[Condition | Step], indent: str, width: int, seen: set[str]
) -> Iterator[str]:
    """Yield the lines of conditions, and of rules with theirs."""
    for place, child in enumerate(below, 1):
        turn, on = ("└─", "  ") if place == len(below) else ("├─", "│ ")
        if isinstance(child, Condition):
            yield from branch(graph, child, indent + turn, indent + on, width, seen)
        else:
            bar = "│ " if child.conditions else "  "
            yield from fold(rule_words(graph, child), indent + turn, indent + on + bar, width)
            yield from branches(graph, child.conditions, indent + on, width, seen)


def rule_words(graph: nx.MultiDiGraph, step: Step) -> str:
    """Name a rule with what it rests on, and say where it does not fire."""
    rule = step.rule or ""
    found = dict.fromkeys(label for source in sources(graph, rule) for label in cited(graph, source))
    data = graph.nodes[rule]
    words = f"<- {data.get('label', rule)}" + (f" [{'; '.join(found)}]" if found else "")
    return words + (" does not fire" if data.get("state") == "fails" else "")


def fold(words: str, lead: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        words, max(width, len(indent) + NARROWEST), initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False
    )
