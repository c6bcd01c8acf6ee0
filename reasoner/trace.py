"""A derivation as a graph: nodes and edges from the patient's facts and the guideline's sources to a conclusion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reasoner.derivation import Derivation
from reasoner.knowledge import Block, Knowledge, Rule

__all__ = ["Edge", "Node", "Trace", "block_trace", "trace"]

INPUT_ROLES = ("record", "patient", "history", "catalogue")


class Node(NamedTuple):
    """A node of the graph; `text` is what else there is to say of it, `place` ``file:line`` of a rule or a block."""

    id: str
    kind: str
    label: str
    state: str
    text: str = ""
    place: str = ""

    def to_dict(self) -> dict[str, str]:
        extra = {key: value for key, value in (("text", self.text), ("place", self.place)) if value}
        return {"id": self.id, "kind": self.kind, "label": self.label, "state": self.state, **extra}


class Edge(NamedTuple):
    """An edge from a reason to what follows from it."""

    source: str
    target: str
    role: str

    def to_dict(self) -> dict[str, str]:
        return {"source": self.source, "target": self.target, "role": self.role}


class Trace(NamedTuple):
    """A graph without cycles; every conclusion is reached from all that it rests on."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def carrying(self, conclusions: Iterable[str]) -> Trace:
        """Keep what carries some conclusions: the rules that fire for them, and all that those rest on."""
        failed = {node.id for node in self.nodes if node.kind == "rule" and node.state == "fails"}
        into: dict[str, list[Edge]] = {}
        for edge in self.edges:
            if edge.role != "blocks" and edge.source not in failed:
                into.setdefault(edge.target, []).append(edge)
        seen = dict.fromkeys(conclusions)
        pending = list(seen)
        while pending:
            for edge in into.get(pending.pop(), ()):
                if edge.source not in seen:
                    seen[edge.source] = None
                    pending.append(edge.source)
        edges = tuple(e for e in self.edges if e.target in seen and e in into.get(e.target, ()))
        return Trace(tuple(node for node in self.nodes if node.id in seen), edges)

    def to_dict(self) -> dict[str, object]:
        return {"nodes": [node.to_dict() for node in self.nodes], "edges": [edge.to_dict() for edge in self.edges]}


class Sources:
    """Collects statements, readings and overlays, with what they cite, rest on and interpret."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.nodes: dict[str, Node] = {}
        self.edges: dict[Edge, None] = {}

    def block(self, block: Block) -> str:
        """Add a statement, reading or overlay with what it cites, rests on or interprets; give its id."""
        name = f"{block.kind} {block.id}"
        if name not in self.nodes:
            self.nodes[name] = Node(name, block.kind, block.id, "holds", block.text, block.place)
            for number in block.citations:
                cited = f"citation {number}"
                self.nodes.setdefault(cited, Node(cited, "citation", f"reference {number}", "holds"))
                self.edges[Edge(cited, name, "cites")] = None
            for trial in block.trials:
                self.edges[Edge(self.trial(trial), name, "rests_on")] = None
            for statement in block.reads:
                self.edges[Edge(self.block(self.knowledge.blocks[statement]), name, "states")] = None
        return name

    def trial(self, name: str) -> str:
        """Add a trial with what the register says of it; give its id."""
        trial = self.knowledge.trials[name]
        label = self.knowledge.label
        figures = [f"{label('measure', m)}: {value} ({cut}, {date})" for m, value, cut, date in trial.published]
        self.nodes.setdefault(
            f"trial {name}", Node(f"trial {name}", "trial", trial.label, "holds", "; ".join((trial.registry, *figures)))
        )
        return f"trial {name}"


class Tracer(Sources):
    """Follows atoms back to the record: rules that fire to what they require, absent atoms to what blocks their rules."""

    def __init__(self, derivation: Derivation, patient: str) -> None:
        super().__init__(derivation.knowledge)
        self.derivation = derivation
        self.program = derivation.program
        self.nodes["patient"] = Node("patient", "patient", patient, "recorded")
        self.pending: list[int] = []

    def follow(self, atoms: Iterable[int], depth: int | None) -> None:
        """Add atoms and all that they rest on, `depth` rules deep."""
        for atom in atoms:
            self.atom(atom)
        level = 0
        while self.pending and (depth is None or level < depth):
            reached, self.pending = self.pending, []
            level += 1
            for atom in reached:
                holds = bool(self.derivation.values[atom])
                for number in self.program.supports[atom]:
                    if not holds or self.derivation.fired[number]:
                        self.rule(number, atom, holds)

    def atom(self, number: int) -> str:
        """Add an atom as a conclusion or a fact; give its id."""
        name = self.program.atoms[number]
        if name not in self.nodes:
            role = self.knowledge.roles[name.partition("(")[0]]
            kind = "fact" if role in INPUT_ROLES else "conclusion"
            state = self.derivation.state(number)
            self.nodes[name] = Node(name, kind, self.program.phrases[number], state)
            if kind == "fact" and state.startswith("recorded"):
                self.edges[Edge("patient", name, "states")] = None
            self.pending.append(number)
        return name

    def rule(self, number: int, atom: int, holds: bool) -> None:
        """Add a rule with its conditions: all where it fires, those that block it where it does not."""
        ground = self.program.rules[number]
        rule = self.knowledge.rules[ground.rule]
        same = [n for n in self.program.supports[atom] if self.program.rules[n].rule == ground.rule]
        suffix = f" #{same.index(number) + 1}" if len(same) > 1 else ""
        name = f"{rule.id} for {self.program.atoms[atom]}{suffix}"
        fired = self.derivation.fired[number]
        state = "holds" if fired == self.derivation.worlds.all else "unknown" if fired else "fails"
        self.nodes[name] = Node(name, "rule", rule.id, state, "", rule.place)
        self.edges[Edge(name, self.program.atoms[atom], "derives")] = None
        if rule.block is not None:
            self.edges[Edge(self.block(self.knowledge.blocks[rule.block]), name, "states")] = None
        for (condition, negated), seen in zip(ground.conditions, self.derivation.use(number).conditions, strict=True):
            if holds and seen.met != "never":
                self.edges[Edge(self.atom(condition), name, "requires_absence" if negated else "requires")] = None
            elif not holds and seen.met != "always":
                self.edges[Edge(self.atom(condition), name, "blocks")] = None


def trace(derivation: Derivation, patient: str, atoms: Iterable[str], depth: int | None = None) -> Trace:
    """Trace atoms, as clingo text, back to the record and the guideline's sources.

    With `depth` only so many rules deep. Atoms that the guideline does not have are left out.
    """
    tracer = Tracer(derivation, patient)
    index = derivation.program.index
    wanted = [index[atom] for atom in atoms if atom in index]
    tracer.follow(wanted, depth)
    for number in wanted:
        excluded = derivation.program.atoms[number]
        target = excluded.replace("excluded(", "recommended(", 1)
        if excluded.startswith("excluded(") and target in tracer.nodes and derivation.values[number]:
            tracer.edges[Edge(excluded, target, "excludes")] = None
    return Trace(tuple(tracer.nodes.values()), tuple(tracer.edges))


def block_trace(knowledge: Knowledge) -> Trace:
    """Trace a guideline without a patient: each rule from what it rests on to the predicate that it concludes."""
    sources = Sources(knowledge)
    for block in knowledge.blocks.values():
        sources.block(block)
    for rule in knowledge.rules:
        if rule.block is not None:
            name = f"rule {rule.id}"
            sources.nodes[name] = Node(name, "rule", rule.id, "holds", rule_text(rule), rule.place)
            sources.edges[Edge(sources.block(knowledge.blocks[rule.block]), name, "states")] = None
            sources.nodes.setdefault(rule.head, Node(rule.head, "conclusion", rule.head, "holds"))
            sources.edges[Edge(name, rule.head, "derives")] = None
    for trial in knowledge.trials:
        sources.trial(trial)
    return Trace(tuple(sources.nodes.values()), tuple(sources.edges))


def rule_text(rule: Rule) -> str:
    """Write a rule as it stands in its file."""
    conditions = ", ".join(("not " if c.negated else "") + c.text for c in rule.body)
    return f"{rule.head} :- {conditions}." if conditions else f"{rule.head}."
