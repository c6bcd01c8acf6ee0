"""A compact tree for the terminal: each conclusion over what it rests on, rules and sources beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from graphs.graph import SOURCES, ExplanationGraph
from graphs.outline import Condition, Step, cited, condition, sources, starts, steps

__all__ = ["to_tree"]

NARROWEST = 24
SENTENCES = SOURCES[:3]


def to_tree(graph: ExplanationGraph, width: int = 80) -> str:
    """Draw a graph as a tree of at most `width` columns, as far as its depth allows; each part is shown once."""
    seen: set[str] = set()
    head = (graph.title(), graph.say("graph_marks_of_the_tree", graph.say("graph_marks")))
    lines = [line for text in head for line in textwrap.wrap(text, width)]
    for start in starts(graph):
        if start not in seen:
            lines += branch(graph, condition(graph, start, ""), "", "", width, seen)
    lines += textwrap.wrap(graph.graph.get("disclaimer", ""), width)
    return "\n".join(lines) + "\n"


def branch(graph: ExplanationGraph, reason: Condition, lead: str, indent: str, width: int, seen: set[str]) -> Iterator[str]:
    """Yield the lines of a node and of all below it; a rule that alone leads to it is put on its line."""
    ways = steps(graph, reason.node)
    words = f"{reason.mark} {reason.words}"
    below: list[Condition | Step] = []
    if ways and reason.node in seen:
        words = graph.say("above", words)
    else:
        rules = [way for way in ways if way.by is not None]
        alone = len(rules) == 1 and not rules[0].against
        below += [condition for way in ways if way.by is None or alone for condition in way.conditions]
        if alone:
            words += f" {rule_words(graph, rules[0], seen)}"
        else:
            below += rules
    seen.add(reason.node)
    yield from fold(words, lead, indent + ("│ " if below else "  "), width)
    yield from branches(graph, below, indent, width, seen)


def branches(
    graph: ExplanationGraph, below: Sequence[Condition | Step], indent: str, width: int, seen: set[str]
) -> Iterator[str]:
    """Yield the lines of conditions, and of rules with theirs."""
    for place, child in enumerate(below, 1):
        turn, on = ("└─", "  ") if place == len(below) else ("├─", "│ ")
        if isinstance(child, Condition):
            yield from branch(graph, child, indent + turn, indent + on, width, seen)
        else:
            conditions = () if is_told(graph, child, seen) else child.conditions
            bar = "│ " if conditions else "  "
            yield from fold(rule_words(graph, child, seen), indent + turn, indent + on + bar, width)
            yield from branches(graph, conditions, indent + on, width, seen)


def is_told(graph: ExplanationGraph, step: Step, seen: set[str]) -> bool:
    """Tell whether a step is by a statement, reading or overlay that stands above, with its conditions."""
    return step.by in seen and graph.nodes[step.by]["kind"] in SENTENCES


def rule_words(graph: ExplanationGraph, step: Step, seen: set[str]) -> str:
    """Name the rule of a step with its sources, and say where it does not fire; the sentence of a statement stands once."""
    assert step.by is not None
    data = graph.nodes[step.by]
    if is_told(graph, step, seen):
        return graph.say("graph_unless" if step.against else "graph_by_rule", graph.say("above", data["name"]))
    seen.add(step.by)
    found = dict.fromkeys(label for source in sources(graph, step.by) for label in cited(graph, source))
    if step.against:
        return graph.say("graph_unless", data["label"])
    words = graph.say("graph_by_rule", data["label"])
    if found:
        words = graph.say("graph_by_rule_of", data["label"], graph.say("and").join(found))
    return graph.say("graph_by_rule_that_fails", words) if data["state"] == "fails" else words


def fold(words: str, lead: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        words, max(width, len(indent) + NARROWEST), initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False
    )
