"""The viewer's text: the list of conclusions, and the derivation in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from graphs.graph import KINDS, ExplanationGraph
from graphs.outline import Condition, Step, cited, explains, order, sources, starts, steps

__all__ = ["Sentences", "conclusions"]

HEADINGS = {
    "setting": "heading_setting", "not_setting": "viewer_heading_not_setting", "recommended": "heading_recommended",
    "not_recommended": "viewer_heading_not_recommended", "excluded": "heading_excluded", "action": "heading_actions",
    "not_action": "viewer_heading_not_action", "cautioned": "viewer_heading_cautions", "score": "heading_scores",
    "not_score": "heading_scores",
    "dead_end": "viewer_heading_dead_ends", "silence": "viewer_heading_silences", "state": "viewer_heading_cut",
    "statement": "viewer_heading_statements", "reading": "viewer_heading_readings",
}  # fmt: skip
BESIDE = {
    "missing": "heading_missing", "assumed": "heading_assumed", "alternatives": "heading_alternatives",
    "notes": "heading_notes", "doubts": "heading_doubts",
}  # fmt: skip


def conclusions(graph: ExplanationGraph, numbers: dict[str, int]) -> Iterator[str]:
    """Yield the list of what the graph answers, by kind, and what the answer says beside it; `numbers` are the nodes'."""
    groups: dict[str, list[str]] = {kind: [] for kind in HEADINGS}
    for node in starts(graph):
        data = graph.nodes[node]
        groups.setdefault(data.get("answers") or data.get("section") or data["kind"], []).append(node)
    for kind, own in groups.items():
        if own:
            heading = heading_of(graph, kind)
            yield f"<h2>{escape(heading)}</h2>\n<ul>"
            yield from (conclusion(graph, node, numbers[node], kind) for node in own)
            yield "</ul>"
    for name in BESIDE:
        if name in graph.graph:
            yield f"<h2>{escape(graph.say(BESIDE[name]))}</h2>\n<ul>"
            yield from (f"<li>{escape(line)}</li>" for line in graph.graph[name].split("\n"))
            yield "</ul>"


def heading_of(graph: ExplanationGraph, group: str) -> str:
    if group in HEADINGS:
        return graph.say(HEADINGS[group])
    return graph.kind(group) if group in KINDS else group


def conclusion(graph: ExplanationGraph, node: str, number: int, kind: str) -> str:
    """Write an entry of the list of conclusions."""
    data = graph.nodes[node]
    words = data.get("name", graph.caption(node)) if "answers" in data else graph.caption(node)
    conditional = data.get("certainty") == "conditional" or data.get("state") == "unknown"
    if "answers" in data and "rank" in data:
        words = graph.say("viewer_conditional_choice" if conditional else "viewer_choice", data["rank"], words)
    elif conditional:
        words = graph.say("viewer_conditional", words)
    small = f"<small>{escape(data['summary'])}</small>" if "summary" in data else ""
    look = f"answers-{kind} conditional" if conditional else f"answers-{kind}"
    return f'<li class="{escape(look)}"><a href="#p{number}" data-node="{number}">{escape(words)}{small}</a></li>'


class Sentences:
    """Writes the derivation: a part for each conclusion, each once, with the steps to it.

    A pathway is written from its first state on: the other way round.
    """

    def __init__(self, graph: ExplanationGraph, numbers: dict[str, int]) -> None:
        self.graph = graph if explains(graph) else ExplanationGraph(graph.reverse(copy=False), wording=graph.wording)
        self.numbers = numbers
        self.parts = dict.fromkeys(order(self.graph))

    def write(self) -> str:
        return "\n".join(map(self.part, self.parts))

    def part(self, node: str) -> str:
        number, state = self.numbers[node], self.graph.nodes[node].get("state", "")
        found = "\n".join(map(self.step, steps(self.graph, node)))
        return (
            f'<details class="part {escape(state)}" id="p{number}" data-node="{number}" open>\n'
            f"<summary>{escape(self.graph.caption(node))}</summary>\n{found}\n</details>"
        )

    def step(self, step: Step) -> str:
        """Write the rule of a step with its sources, and its conditions."""
        conditions = "<ul>\n" + "\n".join(map(self.condition, step.conditions)) + "\n</ul>"
        if step.by is None:
            return conditions
        data = self.graph.nodes[step.by]
        label = data["label"]
        if data["state"] == "fails":
            label = self.graph.say("graph_by_rule_that_fails", label)
        if step.against:
            label = self.graph.say("graph_unless", label)
        place = f'<span class="place">({escape(data["place"])})</span>' if "place" in data else ""
        stated = " ".join(map(self.source, sources(self.graph, step.by)))
        return (
            f'<div data-rule="{self.numbers[step.by]}"><p>{self.button(step.by, label)}'
            f" {place} {stated}</p>\n{conditions}</div>"
        )

    def source(self, source: str) -> str:
        """Write a source's first sentence, and what it cites; a click shows the rest."""
        first, stop, _ = self.graph.nodes[source].get("text", "").partition("\n")[0].partition(". ")
        labels = self.graph.say("and").join(cited(self.graph, source))
        return f'{escape(first + stop.strip())} <span class="source">[{escape(labels)}]</span>'

    def condition(self, reason: Condition) -> str:
        """Write a condition, with a link to its own part where it has one."""
        number = self.numbers[reason.node]
        words = self.button(reason.node, reason.words)
        if reason.node in self.parts:
            words = f'<a href="#p{number}" data-node="{number}">{escape(reason.words)}</a>'
        return f'<li><span class="mark">{escape(reason.mark)}</span>{words}</li>'

    def button(self, node: str, words: str) -> str:
        return f'<button type="button" class="node" data-node="{self.numbers[node]}">{escape(words)}</button>'
