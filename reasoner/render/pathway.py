"""A pathway as a tree of text."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from string import ascii_lowercase

from reasoner.engine.conclusions import CERTAIN
from reasoner.engine.notes import of_decision
from reasoner.queries.pathway import Pathway, PathwayNode, more_courses
from reasoner.render.layout import TextLayout
from reasoner.render.short_names import ShortNames

__all__ = ["render"]

MARKS = {"dead_end": "marked_dead_end", "silence": "marked_silence"}
ONE = {"dead_end": "one_dead_end", "silence": "one_silence", "end": "one_end", "cut": "one_cut"}
MANY = {"dead_end": "many_dead_ends", "silence": "many_silences", "end": "many_ends", "cut": "many_cuts"}


class PathwayText:
    """A pathway as a tree; a part that occurs twice is written once, and what would be too deep further below."""

    def __init__(self, pathway: Pathway, page: TextLayout) -> None:
        self.model = pathway.model
        self.say = self.model.say
        self.page = page
        self.deepest = max(10, page.width - 45)
        self.nodes = {node.id: node for node in pathway.nodes}
        self.following = following(pathway)
        self.numbers: dict[str, int] = {}
        self.letters: dict[str, str] = {}
        self.shown: set[str] = set()
        self.later: list[str] = []

    def write(self, first: str) -> None:
        self.later.append(first)
        for state in self.later:
            self.page.blank()
            self.page.item("", self.name(state) + self.ending(state), "heading", indent=0)
            self.body(state, 2)

    def name(self, state: str) -> str:
        number = self.numbers.setdefault(state, len(self.numbers) + 1)
        return f"[{number}] {self.nodes[state].label}"

    def is_leaf(self, state: str) -> bool:
        return all(self.nodes[name].kind in MARKS and not self.following[name] for name in self.following[state])

    def ending(self, state: str) -> str:
        """Word how a state ends that leads no further."""
        if not self.is_leaf(state):
            return ""
        stops = [self.stop_words(self.nodes[name]) for name in self.following[state]]
        return ": " + ". ".join((*stops, *self.limits(self.nodes[state])))

    def limits(self, state: PathwayNode) -> list[str]:
        """Word where a state leads no further although the text is not silent."""
        words = [state.end] if state.end else []
        if state.cut:
            words.append(self.say("continues"))
        return words

    def stop_words(self, stop: PathwayNode) -> str:
        mark = self.say(MARKS[stop.kind])
        if stop.assuming:
            return self.say("stop_if", mark, stop.assuming, stop.label)
        return self.say("stop", mark, stop.label)

    def body(self, state: str, indent: int) -> None:
        """Write what can come next in a state, unless its own line says it all."""
        self.shown.add(state)
        if self.is_leaf(state):
            return
        for words in self.limits(self.nodes[state]):
            self.page.item(" " * indent + "-", words, "faint", indent + 3)
        decision = ""
        for after, names in groupby(self.following[state], key=self.what_follows):
            alike = list(names)
            for name in alike:
                node = self.nodes[name]
                if node.kind in MARKS:
                    self.page.item(" " * indent + "x", self.stop_words(node), "against", indent + 3)
                    continue
                own = self.model.option_of.get(node.regimen, "")
                if own != decision:
                    decision = own
                    self.page.item(" " * indent, of_decision(own, "", self.model).rstrip(": "), "faint", indent)
                self.regimen(node, indent)
            if after and alike[1:]:
                self.page.item("", self.say("after_each"), "faint", indent + 3)
            for outcome in self.following[alike[-1]]:
                self.outcome(outcome, indent + 3)

    def what_follows(self, name: str) -> tuple[tuple[str, str], ...]:
        """Give the outcomes of a regimen with the states that they lead to."""
        found = ((self.nodes[outcome].label, state) for outcome in self.following[name] for state in self.following[outcome])
        return tuple(found)

    def regimen(self, node: PathwayNode, indent: int) -> None:
        label, say = self.model.label, self.say
        certain = node.certainty == CERTAIN
        mark = "certain" if certain else "conditional"
        text = say("with_strength", node.label, label("strength", node.strength))
        if node.statements:
            text = say("with_source", text, node.statements)
        cautions = [caution for caution in node.cautions.split(", ") if caution]
        unless = node.ruled_out.split(", ")
        for caution in (own for own in cautions if own in self.letters):
            text = say("comma").join((text, self.marked(caution, caution in unless)))
        self.page.item(f"{' ' * indent}{node.rank}{'.' if certain else '?'}", text, mark, indent + 3)
        if not certain:
            self.page.item("", say("marked_certain_if", node.assuming), mark, indent + 3)
        for caution in (own for own in cautions if own not in self.letters):
            words = say("labelled", self.marked(caution, caution in unless), label("caution", caution))
            self.page.item("", words, "against", indent + 3)

    def marked(self, caution: str, unless: bool) -> str:
        """Mark a caution by a letter, under which it stands in its words once."""
        letter = self.letters.setdefault(caution, ascii_lowercase[len(self.letters) % len(ascii_lowercase)])
        return self.say("caution_lettered_unless" if unless else "caution_lettered", letter)

    def outcome(self, name: str, indent: int) -> None:
        (state,) = self.following[name]
        lead, words = " " * indent + ">", f"{self.nodes[name].label}: {self.name(state)}"
        if state in self.shown:
            self.page.item(lead, self.say("above", f"{words}{self.short(state)}"), "faint", indent + 2)
        elif state in self.later or (indent > self.deepest and not self.is_leaf(state)):
            self.later += [state] if state not in self.later else []
            self.page.item(lead, self.say("below", words), "faint", indent + 2)
        else:
            self.page.item(lead, words + self.ending(state), "against" if self.short(state) else "", indent + 2)
            self.body(state, indent + 2)

    def short(self, state: str) -> str:
        """Mark a state that leads no further."""
        ends = [self.nodes[name] for name in self.following[state]] if self.is_leaf(state) else []
        marks = [self.say(MARKS[end.kind]) for end in ends]
        return "".join(
            f": {self.say('marked_in_part', mark) if end.assuming else mark}" for mark, end in zip(marks, ends, strict=True)
        )


def following(pathway: Pathway) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {node.id: [] for node in pathway.nodes}
    for edge in pathway.edges:
        found[edge.source].append(edge.target)
    return found


def routes(pathway: Pathway) -> Counter[str]:
    """Count the ways from the first state to each kind of end, each outcome by itself."""
    nodes, after = {node.id: node for node in pathway.nodes}, following(pathway)
    counts: dict[str, Counter[str]] = {}

    def count(name: str) -> Counter[str]:
        if name not in counts:
            node = nodes[name]
            ends = Counter(mark for mark in ("cut", "end") if getattr(node, mark))
            if node.kind in MARKS and not after[name]:
                ends[node.kind] += 1
            for target in after[name]:
                ends.update(count(target))
            times = len(node.outcomes.split(", ")) if node.kind == "outcome" else 1
            counts[name] = Counter({kind: number * times for kind, number in ends.items()})
        return counts[name]

    return count(pathway.nodes[0].id)


def summary(page: TextLayout, pathway: Pathway) -> None:
    """Add how many dead ends, silences and other ends there are, and how many ways lead into them."""
    found = Counter(node.kind for node in pathway.nodes)
    found.update(mark for node in pathway.nodes for mark in ("cut", "end") if getattr(node, mark))
    ways = routes(pathway)
    say = pathway.model.say
    page.heading(say("heading_ends"))
    for kind in ONE:
        number = found[kind]
        if number or kind in MARKS:
            text = say(ONE[kind] if number == 1 else MANY[kind], str(number))
            if number:
                text = say("one_way_there" if ways[kind] == 1 else "many_ways_there", text, str(ways[kind]))
            page.item("  -", text, "against" if number and kind in MARKS else "")


def render(pathway: Pathway, width: int = 80, colour: bool = False) -> str:
    """Render the pathways as a tree of at most `width` columns, with ANSI colours where `colour` is true."""
    model = pathway.model
    page = TextLayout(width, colour, ShortNames(model))
    page.opening(pathway.about.patient, pathway.info, model)
    completed = model.label("outcome", model.as_planned[0])
    scope = model.say("pathway_scope", more_courses(pathway.about.lines, model), completed)
    page.item("", scope, "faint", indent=0)
    if pathway.about.assuming:
        page.item("", model.say("pathway_assuming", pathway.about.assuming), "conditional", indent=0)
    if pathway.about.left_out:
        page.item("", pathway.about.left_out, "conditional", indent=0)
    PathwayText(pathway, page).write(pathway.nodes[0].id)
    summary(page, pathway)
    return page.closing(pathway.info)
