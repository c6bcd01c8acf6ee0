"""Pathway: every sequence of lines of therapy that the guideline allows from a record onwards, as a graph.

A state stands for all histories that the guideline answers alike, now and ever after within the bound; so shared parts stand
once, and following the edges from the first state gives each history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import field

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import Answer, GuidelineInfo, Recommendation
from reasoner.engine.conclusions import CERTAIN, CONDITIONAL, SILENT, Assumption, Certainty, Conclusions
from reasoner.engine.trace import Edge
from reasoner.errors import ReasonerError, RecordError
from reasoner.guideline import Guideline
from reasoner.phrases import assuming_words, setting_words
from reasoner.records.record import OPEN, Record, parse_record
from reasoner.records.shapes import Carried, Result, Shape

__all__ = ["LIMIT", "Pathway", "PathwayNode", "pathway"]

LIMIT = 5_000
NOTHING = "nothing"
STOPS = ("dead_end", "silence")


class PathwayNode(Shape, frozen=True, omit_defaults=True):
    """A node of a pathway; what does not apply to its kind is absent.

    `kind` is "state", "regimen", "outcome", "dead_end" or "silence". A state has its `setting`, and `cut` ("yes": lines end
    here) or `end` (why nothing follows); a regimen its `regimen`, `rank`, `strength`, `certainty`, `assuming`, `statements`
    and `cautions`; an outcome its `outcomes`; a dead end or a silence its `certainty` and `assuming`. All are texts.
    """

    id: str
    kind: str
    label: str
    setting: str = ""
    cut: str = ""
    end: str = ""
    regimen: str = ""
    rank: str = ""
    strength: str = ""
    certainty: str = ""
    assuming: str = ""
    statements: str = ""
    cautions: str = ""
    outcomes: str = ""


class PathwayInfo(Shape, frozen=True):
    """What a pathway is about: the guideline that was followed, the patient, and the most courses that are added."""

    guideline: str
    digest: str
    layer: str
    overlays: str
    title: str
    disclaimer: str
    patient: str
    lines: int


class Pathway(Result, frozen=True, tag_field="schema", tag="reasoner.pathway/1"):
    """The pathways from one record as networkx's node-link data, the first node the record's own state.

    Edges have the role "recommends", "ends_in", "leads_to" or "stops_at".

    Not part of the JSON: `records` gives for each state one record that is in it, of all that are in it the first that was
    found; `info` and `model` are the guideline's.
    """

    directed: bool
    multigraph: bool
    about: PathwayInfo = field(name="graph")
    nodes: tuple[PathwayNode, ...]
    edges: tuple[Edge, ...]

    records = Carried[Mapping[str, Record]]()
    info = Carried[GuidelineInfo]()
    model = Carried[GuidelineModel]()


class Point(NamedTuple):
    """A record on the way: its data, and what is assumed beside it that no key of a record can say."""

    data: Mapping[str, object]
    assumed: tuple[Assumption, ...] = ()


class Choice(NamedTuple):
    """A regimen that can come next, as the answer words it."""

    regimen: str
    rank: int
    strength: str
    assuming: tuple[Assumption, ...]
    statements: tuple[str, ...]
    cautions: tuple[str, ...]


class Stop(NamedTuple):
    """Where nothing is recommended: `kind` is "dead_end", "silence" or "nothing"; `indicated` is excluded there."""

    kind: str
    assuming: tuple[Assumption, ...]
    indicated: tuple[str, ...] = ()
    problem: str = ""


Outcomes = tuple[tuple[str, int], ...]


class State(NamedTuple):
    """A state: what can come next, each with the outcomes and the numbers of the states that they lead to."""

    setting: str
    choices: tuple[tuple[Choice, Outcomes], ...]
    stops: tuple[tuple[Stop, Outcomes], ...]
    cut: bool


class Explorer:
    """Follows one record through the guideline, and numbers the states that it finds."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.model: GuidelineModel = guideline.model
        self.courses_fact = self.model.courses_fact
        self.kinds = {fact.name: fact.kind for fact in self.model.facts}
        self.endings = self.model.endings
        self.states: dict[State, int] = {}
        self.records: list[Record] = []
        self.reached: dict[object, tuple[int, frozenset[str]]] = {}

    def explore(self, point: Point, left: int) -> tuple[int, frozenset[str]]:
        """Find the state of a record with `left` courses to go: its number, and the regimens recommended in it."""
        record = self.record(point)
        key = (frozenset(record.atoms), record.choices, left)
        found = self.reached.get(key)
        if found is None:
            if len(self.reached) >= LIMIT:
                raise ReasonerError(
                    f"lines: more than {LIMIT} records on the way; ask for fewer lines, or record more facts"
                )
            found = self.reached[key] = self.state(point, record, left)
        return found

    def state(self, point: Point, record: Record, left: int) -> tuple[int, frozenset[str]]:
        answer = self.guideline.answer(record)
        choices = []
        cut = False
        for entry in answer.recommended:
            if left or not self.adds_course(entry.regimen) or self.continues(point, entry.regimen):
                choices.append((choice_of(entry), self.outcomes(point, answer, entry.assuming, entry.regimen, left)))
            else:
                cut = True
        stops = [
            (stop, self.outcomes(point, answer, stop.assuming, None, left) if self.can_end(point, stop) else ())
            for stop in self.stops(answer)
        ]
        state = State(answer.setting, tuple(choices), tuple(stops), cut)
        return self.number(state, record), frozenset(entry.regimen for entry in answer.recommended)

    def number(self, state: State, record: Record) -> int:
        if state not in self.states:
            self.states[state] = len(self.records)
            self.records.append(record)
        return self.states[state]

    def record(self, point: Point) -> Record:
        """Give a point's record, in which what no key can say is chosen all the same."""
        record = parse_record(point.data, self.model)
        choices, facts = list(record.choices), record.facts
        for assumption in point.assumed:
            for number, variable in enumerate(self.model.variables):
                if (variable.fact, variable.member) == (assumption.fact, assumption.member) and choices[number] == OPEN:
                    choices[number] = [value for value, _ in variable.values].index(assumption.value)
                    facts += constraints(variable.values, choices[number])
        return record._replace(choices=tuple(choices), facts=facts)

    def courses(self, point: Point) -> list[Mapping[str, object]]:
        recorded = None if self.courses_fact is None else point.data.get(self.courses_fact.name)
        return list(recorded) if isinstance(recorded, list | tuple) else []

    def under_way(self, point: Point) -> bool:
        courses = self.courses(point)
        return bool(courses) and courses[-1]["outcome"] in self.model.under_way

    def continues(self, point: Point, regimen: str) -> bool:
        """Tell whether the course under way is the regimen."""
        if not self.under_way(point):
            return False
        drugs = self.courses(point)[-1]["drugs"]
        assert isinstance(drugs, list | tuple)
        return self.model.is_regimen(drugs, regimen)

    def adds_course(self, regimen: str) -> bool:
        """Tell whether to follow a regimen is to give a course of drugs that a record can hold."""
        return self.courses_fact is not None and bool(self.model.parts[regimen])

    def can_end(self, point: Point, stop: Stop) -> bool:
        return stop.kind in STOPS and self.under_way(point)

    def outcomes(
        self, point: Point, answer: Answer, assuming: Sequence[Assumption], regimen: str | None, left: int
    ) -> Outcomes:
        """Follow each outcome of a regimen, or of the course under way where that is None.

        An outcome as planned counts only where not just the same regimen is recommended after it. Nothing follows where
        no course is given: by a regimen without drugs, or in a guideline without courses.
        """
        if regimen is not None and not self.adds_course(regimen):
            return ()
        assumed = self.assume(point, assuming)
        found = []
        for outcome in self.endings:
            after = self.after(assumed, answer, regimen, outcome)
            added = len(self.courses(after)) - len(self.courses(point))
            try:
                state, following = self.explore(after, left - added)
            except RecordError as error:
                stop = Stop(NOTHING, (), problem=str(error))
                state, following = self.number(State(SILENT, (), ((stop, ()),), False), self.record(after)), frozenset()
            if outcome not in self.model.as_planned or following != {regimen}:
                found.append((outcome, state))
        return tuple(found)

    def assume(self, point: Point, assuming: Sequence[Assumption]) -> Point:
        """Record what is assumed."""
        said = {a.fact: a.value for a in assuming if self.kinds[a.fact] in ("boolean", "choice")}
        return Point({**point.data, **said}, (*point.assumed, *(a for a in assuming if a.fact not in said)))

    def after(self, point: Point, answer: Answer, regimen: str | None, outcome: str) -> Point:
        """Let the course under way, or else a course of the regimen, come to an outcome.

        A course that the regimen takes the place of counts as ended as planned.
        """
        courses = self.courses(point)
        if regimen is None or self.continues(point, regimen):
            courses[-1] = {**courses[-1], "outcome": outcome}
        else:
            if self.under_way(point):
                courses[-1] = {**courses[-1], "outcome": self.model.as_planned[0]}
            drugs = list(dict.fromkeys(self.choice(part, answer) for part in self.model.parts[regimen]))
            courses.append({"drugs": drugs, "outcome": outcome})
        assert self.courses_fact is not None
        return point._replace(data={**point.data, self.courses_fact.name: courses})

    def choice(self, part: Sequence[str], answer: Answer) -> str:
        """Choose the first drug for a part that cannot be unavailable, or else the first."""
        return min(part, key=lambda drug: answer.derivation.truth(f"unavailable_drug({drug})") != 0)

    def stops(self, answer: Answer) -> list[Stop]:
        """List how the completions in which nothing is recommended end: in silence, in a dead end, or with nothing."""
        derivation, model = answer.derivation, self.model
        rest = derivation.completions.all
        for entry in answer.recommended:
            rest &= ~derivation.truth(f"recommended({entry.regimen})")
        if not rest:
            return []
        settled = indicated = 0
        for name in model.settings:
            settled |= derivation.truth(f"setting({name})") if name != SILENT else 0
        cases: dict[str, int] = {}
        for regimen in model.regimens:
            for strength in model.strengths:
                case = derivation.truth(f"indicated({regimen},{strength})") & rest & settled
                if case:
                    cases[regimen] = cases.get(regimen, 0) | case
                    indicated |= case
        verdicts = Conclusions(derivation.completions, derivation.model, {})
        found = []
        for kind, truth in (
            ("dead_end", indicated),
            ("silence", rest & ~settled),
            (NOTHING, rest & settled & ~indicated),
        ):
            if truth:
                _, assuming, agree = verdicts.certainty(truth)
                names = tuple(name for name, case in cases.items() if case & agree) if kind == "dead_end" else ()
                found.append(Stop(kind, assuming, names))
        return found


def choice_of(entry: Recommendation) -> Choice:
    return Choice(entry.regimen, entry.rank, entry.strength, entry.assuming, entry.statements, entry.cautions)


def constraints(values: Sequence[tuple[object, tuple[str, ...]]], chosen: int) -> str:
    """Say in clingo's words that a variable has one of its values."""
    held = values[chosen][1]
    others = dict.fromkeys(atom for _, atoms in values for atom in atoms if atom not in held)
    return "".join(f":- not {atom}.\n" for atom in held) + "".join(f":- {atom}.\n" for atom in others)


class Drawing:
    """Draws the states that were found as nodes and edges, in the order in which a reader meets them."""

    def __init__(self, explorer: Explorer) -> None:
        self.model = explorer.model
        self.states = list(explorer.states)
        self.ids: dict[int, str] = {}
        self.named: Counter[str] = Counter()
        self.nodes: list[PathwayNode] = []
        self.edges: list[Edge] = []

    def node(self, node: PathwayNode) -> str:
        self.nodes.append(node)
        return node.id

    def state(self, number: int) -> str:
        """Draw a state and all that follows, and give its id."""
        if number in self.ids:
            return self.ids[number]
        state = self.states[number]
        self.named[state.setting] += 1
        count = self.named[state.setting]
        name = self.ids[number] = f"state:{state.setting}" + (f":{count}" if count > 1 else "")
        label = setting_words(state.setting, self.model)
        end = self.model.say("and").join(self.end(stop) for stop, _ in state.stops if stop.kind == NOTHING)
        self.node(PathwayNode(name, "state", label, setting=state.setting, cut="yes" if state.cut else "", end=end))
        for choice, outcomes in state.choices:
            self.link(name, self.regimen(name, choice), "recommends", outcomes)
        for stop, outcomes in state.stops:
            if stop.kind != NOTHING:
                self.link(name, self.stop(name, stop), "stops_at", outcomes)
        return name

    def link(self, source: str, target: str, role: str, outcomes: Outcomes) -> None:
        self.edges.append(Edge(source, target, role))
        together: dict[int, list[str]] = {}
        for outcome, state in outcomes:
            together.setdefault(state, []).append(outcome)
        for state, names in together.items():
            label = self.model.say("or").join(self.model.label("outcome", name) for name in names)
            label = self.model.say("outcome_under_way", label) if role == "stops_at" else label
            outcome = self.node(PathwayNode(f"{target}/{'+'.join(names)}", "outcome", label, outcomes=", ".join(names)))
            self.edges.append(Edge(target, outcome, "ends_in"))
            self.edges.append(Edge(outcome, self.state(state), "leads_to"))

    def ordered(self) -> tuple[Edge, ...]:
        """Give the edges in the order of the nodes that they leave, as networkx lists them."""
        places = {node.id: place for place, node in enumerate(self.nodes)}
        return tuple(sorted(self.edges, key=lambda edge: places[edge.source]))

    def regimen(self, state: str, choice: Choice) -> str:
        node = PathwayNode(
            id=f"{state}/{choice.regimen}",
            kind="regimen",
            label=self.model.label("regimen", choice.regimen),
            regimen=choice.regimen,
            rank=str(choice.rank),
            strength=choice.strength,
            certainty=certainty_of(choice.assuming),
            assuming=assuming_words(choice.assuming, self.model),
            statements=", ".join(choice.statements),
            cautions=", ".join(choice.cautions),
        )
        return self.node(node)

    def stop(self, state: str, stop: Stop) -> str:
        if stop.kind == "silence":
            label = self.model.say("silence")
        else:
            names = self.model.say("and").join(self.model.label("regimen", name) for name in stop.indicated)
            label = self.model.say("dead_end", names)
        node = PathwayNode(
            id=f"{state}/{stop.kind}",
            kind=stop.kind,
            label=label,
            certainty=certainty_of(stop.assuming),
            assuming=assuming_words(stop.assuming, self.model),
        )
        return self.node(node)

    def end(self, stop: Stop) -> str:
        if stop.problem:
            return stop.problem
        words = assuming_words(stop.assuming, self.model)
        return self.model.say("nothing_here_if", words) if words else self.model.say("nothing_here")


def certainty_of(assuming: Sequence[Assumption]) -> Certainty:
    return CONDITIONAL if assuming else CERTAIN


def pathway(guideline: Guideline, data: Record | Mapping[str, object], lines: int = 3) -> Pathway:
    """Follow a record through the guideline: each regimen recommended next, its outcomes, and so on.

    At most `lines` courses are added; ending the course under way adds none. A conditional regimen is followed with what it
    assumes recorded. Raises RecordError for a record that cannot be used, and ReasonerError where more than `LIMIT` records would have to be answered.
    """
    if lines < 0:
        raise ReasonerError(f"lines: {lines} is out of range; allowed: at least 0")
    record = data if isinstance(data, Record) else guideline.record(data)
    explorer = Explorer(guideline)
    first, _ = explorer.explore(Point(record.data), lines)
    drawing = Drawing(explorer)
    drawing.state(first)
    info = guideline.info
    about = PathwayInfo(
        guideline=info.id,
        digest=info.digest,
        layer=info.layer,
        overlays=", ".join(info.overlays),
        title=info.title,
        disclaimer=info.disclaimer,
        patient=record.id,
        lines=lines,
    )
    records = {name: explorer.records[number] for number, name in drawing.ids.items()}
    return Pathway(
        directed=True, multigraph=False, about=about, nodes=tuple(drawing.nodes), edges=drawing.ordered()
    ).carrying(records=records, info=info, model=guideline.model)
