"""A derivation as a graph: nodes and edges from the patient's facts and the guideline's sources to a conclusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reasoner.compiler.model import Annotation, GuidelineModel, Rule
from reasoner.compiler.selection import ANY
from reasoner.engine.derivation import Derivation, State
from reasoner.engine.predicates import EXCLUDED, READING, RECOMMENDED, arguments_of, ground_atom, predicate_of
from reasoner.records.shapes import Carried, Result, Shape

__all__ = ["Edge", "Node", "SourceTracer", "Trace", "annotation_trace", "labelled", "trace"]

INPUT_ROLES = ("record", "patient", "history", "catalogue", "reading")
UNEXPLAINED = ("catalogue", "reading")


class Node(Shape, frozen=True, omit_defaults=True):
    """A node of an explanation.

    `kind` is "conclusion", "rule", "fact", "statement", "reading", "overlay", "citation", "trial" or "patient". `text` is
    what else there is to say of it, `place` the ``file:line`` of a rule or an annotation, `origin` where a fact was read.
    """

    id: str
    kind: str
    label: str
    state: State
    text: str = ""
    place: str = ""
    origin: str = ""


class Edge(Shape, frozen=True):
    """An edge from a reason to what follows from it; `role` says how, such as "requires", "derives" or "blocks"."""

    source: str
    target: str
    role: str


class Trace(Result, frozen=True):
    """A derivation as a graph without cycles: every conclusion is reached from all that it rests on.

    `cut`, not part of the JSON, names the conclusions that are not followed further.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    cut = Carried[frozenset[str]](frozenset())


class SourceTracer:
    """Collects statements, readings and overlays, with what they cite, rest on and interpret.

    `states` are those of alternatives of readings, by their ids: chosen, left open or not.
    """

    def __init__(self, model: GuidelineModel) -> None:
        self.model = model
        self.states: dict[str, State] = {}
        self.nodes: dict[str, Node] = {}
        self.edges: dict[Edge, None] = {}

    def annotation(self, annotation: Annotation) -> str:
        """Add a statement, reading or overlay with what it cites, rests on or interprets; give its id.

        An alternative of a reading is a reading of its own.
        """
        kind = "reading" if annotation.kind == "alternative" else annotation.kind
        name = f"{kind} {annotation.id}"
        if name not in self.nodes:
            text = "\n".join(part for part in (annotation.text, annotation.why, annotation.unformalised) if part)
            state = self.states.get(annotation.id, "holds")
            self.nodes[name] = Node(name, kind, annotation.id, state, text, annotation.place)
            for number in annotation.citations:
                cited = f"citation {number}"
                self.nodes.setdefault(
                    cited, Node(cited, "citation", self.model.say("graph_reference", str(number)), "holds")
                )
                self.edges[Edge(cited, name, "cites")] = None
            for trial in annotation.trials:
                self.edges[Edge(self.trial(trial), name, "rests_on")] = None
            for statement in annotation.reads:
                self.edges[Edge(self.annotation(self.model.annotations[statement]), name, "states")] = None
        return name

    def trial(self, name: str) -> str:
        """Add a trial with what the register says of it; give its id."""
        node = f"trial {name}"
        if node not in self.nodes:
            trial = self.model.trials[name]
            label = self.model.label
            figures = [f"{label('measure', m)}: {value} ({cut}, {date})" for m, value, cut, date in trial.published]
            self.nodes[node] = Node(
                node, "trial", trial.label, "holds", "\n".join((trial.registry, *trial.publications, *figures))
            )
        return node


def labelled(annotation: Annotation, model: GuidelineModel) -> dict[str, str]:
    """Give the label of a statement, reading or overlay that stands for its rules: its id with its first sentence."""
    return {"label": model.say("labelled", annotation.id, annotation.first_sentence), "name": annotation.id}


class Tracer(SourceTracer):
    """Follows atoms back to the record: rules that fire to what they require, absent atoms to what blocks their rules.

    What the guideline's own data says, such as the parts of a regimen, is not followed: it is the same for all patients.
    """

    def __init__(self, derivation: Derivation, patient: str) -> None:
        super().__init__(derivation.model)
        self.derivation = derivation
        self.program = derivation.program
        for reading, names in derivation.model.alternatives.items():
            for name in names[1:]:
                number = self.program.index.get(ground_atom(READING, reading.lower(), name))
                self.states[f"{reading}={name}"] = "fails" if number is None else derivation.state(number)
        self.nodes["patient"] = Node("patient", "patient", patient, "recorded")
        self.pending: list[int] = []

    def follow(self, atoms: Iterable[int], depth: int | None, blocked: bool) -> None:
        """Add atoms and all that they rest on, `depth` rules deep; with what keeps others from holding where `blocked`."""
        for atom in atoms:
            self.atom(atom)
        level = 0
        while self.pending and (depth is None or level < depth):
            reached, self.pending = self.pending, []
            level += 1
            for atom in reached:
                if atom in self.program.aggregates:
                    self.counted(atom, blocked)
                elif self.derivation.holds(atom):
                    self.supports(atom)
                elif blocked:
                    self.obstacles(atom)

    def atom(self, number: int) -> str:
        """Add an atom as a conclusion or a fact; give its id."""
        name = self.program.atoms[number]
        if name not in self.nodes:
            kind = "fact" if self.program.roles[number] in INPUT_ROLES else "conclusion"
            state = self.derivation.state(number)
            label = self.derivation.phrase(number)
            if (
                kind == "fact"
                and state == "unknown"
                and self.derivation.possible is None
                and not self.derivation.holds(number)
            ):
                label = self.model.say("taken_as_absent", label)
            self.nodes[name] = Node(name, kind, label, state, origin="\n".join(self.derivation.sources(number)))
            if kind == "fact" and state.startswith("recorded"):
                self.edges[Edge("patient", name, "states")] = None
            self.pending.append(number)
        return name

    def counted(self, atom: int, blocked: bool) -> None:
        """Add what a count or sum that holds is made up of, or with `blocked` what does not count towards one that fails."""
        holds = self.derivation.holds(atom)
        for condition, negated in self.derivation.counted_conditions(atom, holds) if holds or blocked else ():
            role = "blocks" if not holds else "requires_absence" if negated else "requires"
            self.edges[Edge(self.atom(condition), self.program.atoms[atom], role)] = None

    def supports(self, atom: int) -> None:
        """Add the instances of rules that conclude an atom in some completion, with all their conditions."""
        fired, values = self.derivation.fired, self.derivation.values
        every, none = self.derivation.completions.all, self.derivation.completions.none
        firing = [number for number in self.program.supports[atom] if fired[number] != none]
        written: Counter[int] = Counter()
        for number in firing:
            ground = self.program.rules[number]
            written[ground.rule] += 1
            name = self.rule(ground.rule, atom, written[ground.rule], "holds" if fired[number] == every else "unknown")
            for condition, negated in self.conditions(number):
                if values[condition] != (every if negated else none):
                    self.edges[Edge(self.atom(condition), name, "requires_absence" if negated else "requires")] = None
            if fired[number] != every:
                self.other_readings(ground.rule, name)

    def obstacles(self, atom: int) -> None:
        """Add the rules that could conclude an atom and never certainly fire, each once, with what blocks it.

        Of a rule with several instances that is what blocks them all, and where nothing does, all that blocks one. A rule
        that fires after some therapy, where it is not known which was given, is not known to fail.
        """
        every, values = self.derivation.completions.all, self.derivation.values
        possible = values if self.derivation.possible is None else self.derivation.possible
        unmet: dict[int, list[dict[int, None]]] = {}
        open_rules: set[int] = set()
        for number in self.program.supports[atom]:
            conditions = self.conditions(number)
            met = {c: every & ~possible[c] if negated else values[c] for c, negated in conditions}
            unmet.setdefault(self.program.rules[number].rule, []).append({c: None for c in met if met[c] != every})
            if self.derivation.possible is not None and self.may_fire(number):
                open_rules.add(self.program.rules[number].rule)
        for rule, ways in unmet.items():
            name = self.rule(rule, atom, 1, "unknown" if rule in open_rules else "fails")
            common = [c for c in ways[0] if all(c in way for way in ways[1:])]
            for condition in common or {c: None for way in ways for c in way}:
                self.edges[Edge(self.atom(condition), name, "blocks")] = None
            self.other_readings(rule, name)

    def other_readings(self, rule: int, name: str) -> None:
        """Add the alternatives of readings that keep a rule from firing, chosen or left open instead of what it asks."""
        for reading, names in self.model.alternatives.items():
            default = ground_atom(READING, reading.lower(), names[0])
            if reading in self.derivation.alternatives and any(c.text == default for c in self.model.rules[rule].body):
                chosen = self.derivation.alternatives[reading]
                for other in names[1:] if chosen == ANY else (chosen,):
                    node = self.annotation(self.model.annotations[f"{reading}={other}"])
                    self.edges[Edge(node, name, "blocks")] = None

    def may_fire(self, number: int) -> bool:
        """Tell whether a ground rule possibly fires in some completion."""
        completions, possible = self.derivation.completions, self.derivation.possible
        assert possible is not None
        found = completions.all
        for condition, negated in self.program.rules[number].conditions:
            found = found & (~self.derivation.values[condition] if negated else possible[condition])
        return bool(found != completions.none)

    def conditions(self, number: int) -> list[tuple[int, bool]]:
        """List the conditions of a ground rule but those on the guideline's own data and its readings."""
        roles = self.program.roles
        return [c for c in self.program.rules[number].conditions if roles[c[0]] not in UNEXPLAINED]

    def rule(self, number: int, atom: int, instance: int, state: State) -> str:
        """Add a rule that concludes an atom, with what it rests on; give its id."""
        rule = self.model.rules[number]
        name = f"{rule.id} for {self.program.atoms[atom]}" + (f" #{instance}" if instance > 1 else "")
        self.nodes[name] = Node(name, "rule", rule.id, state, rule_text(rule), rule.place)
        self.edges[Edge(name, self.program.atoms[atom], "derives")] = None
        if rule.annotation is not None:
            self.edges[Edge(self.annotation(self.model.annotations[rule.annotation]), name, "states")] = None
        return name


def trace(
    derivation: Derivation, patient: str, atoms: Iterable[str], depth: int | None = None, blocked: bool = True
) -> Trace:
    """Trace atoms, as clingo text, back to the record and the guideline's sources.

    With `depth` only so many rules deep; without `blocked` what is absent stands without the rules that could have
    concluded it. Atoms that the guideline does not have are left out.
    """
    tracer = Tracer(derivation, patient)
    program = derivation.program
    wanted = [program.index[text] for text in atoms if text in program.index]
    tracer.follow(wanted, depth, blocked)
    for number in wanted:
        text = program.atoms[number]
        if predicate_of(text) == EXCLUDED and derivation.holds(number):
            target = ground_atom(RECOMMENDED, *arguments_of(text))
            if target in tracer.nodes:
                tracer.edges[Edge(text, target, "excludes")] = None
    cut = frozenset(program.atoms[number] for number in tracer.pending if program.supports[number])
    used = {edge.source for edge in tracer.edges}
    nodes = (node for node in tracer.nodes.values() if node.kind != "patient" or node.id in used)
    return Trace(tuple(nodes), tuple(tracer.edges)).carrying(cut=cut)


def annotation_trace(model: GuidelineModel) -> Trace:
    """Trace a guideline without a patient: each rule from what it rests on to the predicate that it concludes."""
    tracer = SourceTracer(model)
    for annotation in model.annotations.values():
        tracer.annotation(annotation)
    for rule in model.rules:
        if rule.annotation is not None:
            name = f"rule {rule.id}"
            tracer.nodes[name] = Node(name, "rule", rule.id, "holds", rule_text(rule), rule.place)
            tracer.edges[Edge(tracer.annotation(model.annotations[rule.annotation]), name, "states")] = None
            tracer.nodes.setdefault(rule.head, Node(rule.head, "conclusion", rule.head.replace(",", ", "), "holds"))
            tracer.edges[Edge(name, rule.head, "derives")] = None
    for trial in model.trials:
        tracer.trial(trial)
    return Trace(tuple(tracer.nodes.values()), tuple(tracer.edges))


def rule_text(rule: Rule) -> str:
    """Write a rule as it stands in its file."""
    conditions = ", ".join(("not " if c.negated else "") + c.text for c in rule.body)
    return f"{rule.head} :- {conditions}." if conditions else f"{rule.head}."
