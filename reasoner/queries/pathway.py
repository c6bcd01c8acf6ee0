"""Pathway: every sequence of lines of therapy that the guideline allows from a record onwards, as a graph.

A state stands for all histories that the guideline answers alike, now and ever after within the bound; so shared parts stand
once, and following the edges from the first state gives each history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import UNSET, UnsetType, field

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.conclusions import CERTAIN, Assumption
from reasoner.engine.memory import on_larger_diagrams
from reasoner.engine.phrases import setting_words
from reasoner.engine.trace import Edge
from reasoner.engine.way_phrases import assuming_words
from reasoner.errors import ReasonerError
from reasoner.guideline import Guideline
from reasoner.queries.exploration import NOTHING, SILENCE, Explorer, NextRegimen, Outcomes, Stop
from reasoner.records.record import Record
from reasoner.records.shapes import Carried, Result, Shape

__all__ = ["Pathway", "PathwayNode", "more_courses", "pathway"]


MOST_RECORDS = 15_000
"""So many records a pathway leads to at most."""


class PathwayNode(Shape, frozen=True, omit_defaults=True):
    """A node of a pathway; what does not apply to its kind is absent.

    `kind` is "state", "regimen", "outcome", "dead_end" or "silence". A state has its `setting`, and `cut` ("yes": lines end
    here) or `end` (why nothing follows); a regimen its `regimen`, `rank`, `strength`, `certainty`, `assuming`, `statements`
    and `cautions`, of which some can still be `ruled_out`; an outcome its `outcomes`; a dead end or a silence its
    `certainty` and `assuming`. All are texts.
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
    ruled_out: str = ""
    outcomes: str = ""


class PathwayInfo(Shape, frozen=True):
    """What a pathway is about: the guideline that was followed, the patient, and the most courses that are added.

    `assuming` says what is assumed throughout: that no therapy was given, where it is not known which was. `left_out` is
    there where fewer courses are added than were asked for: it says so, and why.
    """

    guideline: str
    digest: str
    layer: str
    overlays: str
    title: str
    disclaimer: str
    patient: str
    lines: int
    assuming: str
    left_out: str | UnsetType = UNSET


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


class PathwayBuilder:
    """Lays out the states that were found as nodes and edges, in the order in which a reader meets them."""

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
        """Add a state and all that follows; give its id."""
        if number in self.ids:
            return self.ids[number]
        state = self.states[number]
        self.named[state.setting] += 1
        count = self.named[state.setting]
        name = self.ids[number] = f"state:{state.setting}" + (f":{count}" if count > 1 else "")
        label = setting_words(state.setting, self.model)
        end = self.model.say("and").join(self.end(stop) for stop, _ in state.stops if stop.kind == NOTHING)
        self.node(PathwayNode(name, "state", label, setting=state.setting, cut="yes" if state.cut else "", end=end))
        for regimen, outcomes in state.regimens:
            self.link(name, self.regimen(name, regimen), "recommends", outcomes)
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

    def regimen(self, state: str, following: NextRegimen) -> str:
        node = PathwayNode(
            id=f"{state}/{following.regimen}",
            kind="regimen",
            label=self.model.label("regimen", following.regimen),
            regimen=following.regimen,
            rank=str(following.rank),
            strength=following.strength,
            certainty=following.certainty,
            assuming=self.assuming(following),
            statements=", ".join(following.statements),
            cautions=", ".join(following.cautions),
            ruled_out=", ".join(following.ruled_out),
        )
        return self.node(node)

    def stop(self, state: str, stop: Stop) -> str:
        if stop.kind == SILENCE:
            label = self.model.say("silence")
        else:
            names = self.model.say("and").join(self.model.label("regimen", name) for name in stop.indicated)
            label = self.model.say("dead_end", names)
        node = PathwayNode(
            id=f"{state}/{stop.kind}",
            kind=stop.kind,
            label=label,
            certainty=stop.certainty,
            assuming=self.assuming(stop),
        )
        return self.node(node)

    def end(self, stop: Stop) -> str:
        if stop.problem:
            return stop.problem
        words = self.assuming(stop)
        return self.model.say("nothing_here_if", words) if words else self.model.say("nothing_here")

    def assuming(self, found: NextRegimen | Stop) -> str:
        """Word what is assumed; an empty text for what is certain."""
        return "" if found.certainty == CERTAIN else assuming_words(found.assuming, self.model)


def untold_words(record: Record, model: GuidelineModel) -> str:
    """Word what is assumed of therapy where it is not known which was given; an empty text where it is."""
    if model.courses_fact is None or any(told.courses is not None for told in record.told):
        return ""
    return assuming_words([Assumption(fact=model.courses_fact.name, value=())], model)


def more_courses(number: int, model: GuidelineModel) -> str:
    """Word how many courses are added."""
    return model.say("one_more_course" if number == 1 else "many_more_courses", str(number))


def left_out_words(asked: int, followed: int, most: int, model: GuidelineModel) -> str:
    """Word that fewer courses are added than were asked for."""
    return model.say("pathway_left_out", str(asked), more_courses(followed, model), f"{most:,}")


@on_larger_diagrams
def pathway(guideline: Guideline, data: Record | Mapping[str, object], lines: int = 3, most: int = MOST_RECORDS) -> Pathway:
    """Follow a record through the guideline: each regimen recommended next, its outcomes, and so on.

    At most `lines` courses are added; ending the course under way adds none. A conditional regimen is followed with what it
    assumes recorded; where it is not known which therapy was given, what holds for the untreated is followed. Where that
    leads to more than `most` records, fewer courses are added, and the pathway says so. Raises RecordError for a record
    that cannot be used.
    """
    if lines < 0:
        raise ReasonerError(f"lines: {lines} is out of range; allowed: at least 0")
    record = data if isinstance(data, Record) else guideline.record(data)
    explorer = Explorer(guideline, lines, most)
    first = explorer.explore(record.data)
    builder = PathwayBuilder(explorer)
    builder.state(first)
    info = guideline.info
    about = PathwayInfo(
        guideline=info.id,
        digest=info.digest,
        layer=info.layer,
        overlays=", ".join(info.overlays),
        title=info.title,
        disclaimer=info.disclaimer,
        patient=record.id,
        lines=explorer.lines,
        assuming=untold_words(record, guideline.model),
        left_out=left_out_words(lines, explorer.lines, most, guideline.model) if explorer.lines < lines else UNSET,
    )
    records = {name: explorer.records[number] for number, name in builder.ids.items()}
    return Pathway(
        directed=True, multigraph=False, about=about, nodes=tuple(builder.nodes), edges=builder.ordered()
    ).carrying(records=records, info=info, model=guideline.model)
