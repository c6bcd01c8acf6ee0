"""From an answer to the graph of its arguments: the patient's facts, the statements that they meet, the conclusions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import networkx as nx

from graphs.build import about_answer, answer_graph, answered, concluded_atoms, entries_of
from graphs.graph import ExplanationGraph
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.argument import DENIED
from reasoner.engine.argument_blocks import Block
from reasoner.engine.argument_facts import About, ArgumentFact
from reasoner.engine.conclusions import CONDITIONAL, Assumption
from reasoner.engine.phrases import assumption_words, member_name, recommendation_words
from reasoner.engine.predicates import ACTION, EXCLUDED, RECOMMENDED, SCORE, predicate_of
from reasoner.engine.trace import SourceTracer, labelled
from reasoner.queries.why import Argued, argued

__all__ = ["MOST_NODES", "argument_graph", "explained", "legible"]

MOST_NODES = 40
"""So many nodes are legible on a slide."""
ANSWERED = ("setting", "recommended", "excluded", "action")
ARGUED = (*ANSWERED, "score")
MOST_MEMBERS = 3
STATES = {"recorded": "recorded", "recorded_absent": "recorded_absent", "unknown": "unknown", "assumed": "unknown"}


Entry = Recommendation | Exclusion | ActionCall


class Use(NamedTuple):
    """A statement, reading or overlay in the argument for a conclusion, with its facts and the roles of these."""

    name: str
    conclusion: str
    role: str
    facts: Mapping[str, str]


@dataclass
class Applied:
    """A statement, reading or overlay as it is applied to some facts, for all conclusions that rest on it in that way."""

    facts: dict[str, str] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def takes(self, use: Use, behind: Mapping[str, set[str]]) -> bool:
        """Tell whether a use joins the others without any conclusion seeming to rest on a fact that its argument lacks."""
        if any(self.facts.get(fact, role) != role for fact, role in use.facts.items()):
            return False
        return self.facts.keys() <= behind[use.conclusion] and all(
            use.facts.keys() <= behind[other.conclusion] for other in self.uses
        )


def explained(
    answer: Answer, focus: Iterable[str] = (), full: bool = False, blocked: bool = True, depth: int | None = None
) -> ExplanationGraph:
    """Build the graph that explains an answer: its arguments, or the derivation where anything of that is asked for."""
    if full or not blocked or depth is not None:
        return answer_graph(answer, focus, blocked, depth)
    return argument_graph(answer, focus)


def legible(graph: ExplanationGraph, most: int = MOST_NODES) -> ExplanationGraph:
    """Keep the graph of arguments within `most` nodes; any other graph is given back as it is.

    Conclusions that have no room, in the order of the answer, are left out with what leads to them alone. The graph's
    attribute `left_out` names them. The first is kept, whatever its size.
    """
    if graph.graph.get("shows") != "argument" or len(graph) <= most:
        return graph
    kept: set[str] = set()
    left_out = []
    for conclusion in [node for node, kind in graph.nodes(data="kind") if kind == "conclusion"]:
        grown = kept | {conclusion} | nx.ancestors(graph, conclusion)
        if kept and len(grown) > most:
            left_out.append(graph.nodes[conclusion]["name"])
        else:
            kept = grown
    found = ExplanationGraph(graph, wording=graph.wording, left_out="\n".join(left_out))
    found.remove_nodes_from([node for node in graph if node not in kept])
    return found


def argument_graph(answer: Answer, focus: Iterable[str] = ()) -> ExplanationGraph:
    """Build the graph of the arguments of an answer: the patient's facts, the statements that they meet, the conclusions.

    What every guideline shares is passed through to what it rests on. `focus` narrows it to conclusions, named as clingo
    text. Exclusions with the same argument are one node, and so are recorded facts that lead to the same. A conclusion is
    reached from the facts of its argument and, but for actions that follow from a recommendation, from no others.
    """
    entries = entries_of(answer)
    return graph_of(list(conclusions(answer, entries, focus)), entries, answer)


def graph_of(groups: Sequence[list[Argued]], entries: Mapping[str, Entry], answer: Answer) -> ExplanationGraph:
    model = answer.derivation.model
    graph = ExplanationGraph(wording=model.wording, **about_answer(answer), shows="argument")
    builder = ArgumentGraphBuilder(graph, model, entries)
    for together in groups:
        builder.grounds.update(fact.about for ground in together[0].argument.because for fact in ground.facts)
    for together in groups:
        node = ", ".join(own.atom for own in together)
        graph.add_node(node, **concluded(together, entries, answer))
        builder.read(node, together[0], answer)
    builder.write()
    return graph


def excluded_by(own: Argued, entries: Mapping[str, Entry], answer: Answer) -> dict[str, list[ArgumentFact]]:
    """Give what excludes a regimen of the answer under a condition and its argument lacks, with the facts of that."""
    exclusion = own.atom.replace(RECOMMENDED, EXCLUDED, 1)
    entry = entries.get(exclusion) if exclusion != own.atom and own.atom in entries else None
    if not isinstance(entry, Exclusion) or entry.certainty == "certain":
        return {}
    named = {block.block for block in own.argument.ruled_out_by}
    lacking = [reason.annotation for reason in entry.reasons if reason.annotation not in named]
    grounds = argued(answer, exclusion).argument.because if lacking else ()
    facts = {ground.statement: [fact for fact in ground.facts if fact.state == "unknown"] for ground in grounds}
    return {name: facts.get(name, []) for name in lacking}


def behind_action(atom: str, graph: ExplanationGraph, answer: Answer) -> list[str]:
    """List the recommendations in a graph that an action depends on."""
    if predicate_of(atom) != ACTION:
        return []
    program = answer.derivation.program
    cone = {program.atoms[number] for number in program.cone([program.index[atom]])}
    return [node for node in graph if predicate_of(node) == RECOMMENDED and node in cone]


def conclusions(answer: Answer, entries: Mapping[str, Entry], focus: Iterable[str]) -> Iterator[list[Argued]]:
    """Yield what is argued for, in the order of the answer; exclusions with the same argument together."""
    named = [atom for atom in focus if atom.partition("(")[0] in ARGUED]
    shown = {entry.regimen for entry in answer.recommended}
    twice = {f"excluded({own.regimen})" for own in answer.excluded if own.certainty != "certain" and own.regimen in shown}
    wanted = named or [atom for atom in concluded_atoms(answer, ANSWERED) if atom not in twice]
    listed = [*(atom for atom in wanted if atom not in entries), *(atom for atom in entries if atom in wanted)]
    alike: dict[object, list[Argued]] = {}
    for own in (argued(answer, atom) for atom in listed):
        entry, argument = entries.get(own.atom), own.argument
        same: object = own.atom
        if isinstance(entry, Exclusion):
            same = (entry.certainty, entry.assuming, argument.because, argument.ruled_out_by, argument.readings)
        alike.setdefault(same, []).append(own)
    yield from alike.values()


def concluded(together: Sequence[Argued], entries: Mapping[str, Entry], answer: Answer) -> dict[str, str]:
    """Give the attributes of what is argued for: all that the answer says of it, and a label that says it in words."""
    atom, status = together[0].atom, together[0].status
    entry = entries.get(atom)
    attributes = answered(atom, entry, answer)
    attributes["name"] = answer.derivation.model.say("and").join(
        answered(own.atom, None, answer)["name"] for own in together
    )
    if isinstance(entry, Recommendation):
        cautions = recommendation_words(entry, answer.derivation).cautions
        attributes["summary"] = answer.derivation.model.say("and").join((attributes["summary"], *cautions))
    state = "fails" if status in DENIED else "unknown" if status == CONDITIONAL else "holds"
    worded = status not in DENIED and not atom.startswith(SCORE)
    words = conclusion_words(attributes, entry, answer) if worded else together[0].argument.verdict
    return {"kind": "conclusion", "label": words, "state": state, **attributes}


def conclusion_words(attributes: Mapping[str, str], entry: Entry | None, answer: Answer) -> str:
    """Word a conclusion as the answer does, with what it hangs on."""
    say, name, assuming = answer.derivation.model.say, attributes["name"], attributes.get("assuming", "")
    if isinstance(entry, Recommendation):
        worded = recommendation_words(entry, answer.derivation)
        words = say("graph_choice", str(entry.rank), name, worded.strength)
        if assuming:
            words = say("graph_conditional_choice", str(entry.rank), name, worded.strength, assuming)
        return say("and").join((words, *worded.cautions))
    if isinstance(entry, Exclusion):
        return say("graph_excluded_if", name, assuming) if assuming else say("graph_excluded", name)
    if entry is not None:
        return say("graph_action_if", name, assuming) if assuming else say("graph_action", name)
    words = say("setting_is", name)
    sure = answer.derivation.truth(f"setting({answer.setting})") == answer.derivation.completions.all
    return words if sure else say("graph_conditional", words)


class ArgumentGraphBuilder:
    """Collects what arguments have in common, and adds it to a graph."""

    def __init__(self, graph: ExplanationGraph, model: GuidelineModel, entries: Mapping[str, Entry]) -> None:
        self.graph = graph
        self.entries = entries
        self.model = model
        self.facts: dict[str, dict[str, str]] = {}
        self.grounds: set[About] = set()
        self.members: dict[str, dict[str, None]] = {}
        self.behind: dict[str, set[str]] = {}
        self.uses: list[Use] = []
        self.trials: dict[str, None] = {}
        self.tracer = SourceTracer(model)

    def read(self, conclusion: str, own: Argued, answer: Answer) -> None:
        """Read an argument: what carries a conclusion, what would rule it out, and the trials.

        What already stands before other conclusions, which it depends on, is left to them.
        """
        argument, after = own.argument, behind_action(own.atom, self.graph, answer)
        before = set().union(*(self.behind[other] for other in after))
        self.behind[conclusion] = set()
        uses = [Use(own.statement, conclusion, "derives", dict(map(self.fact, own.facts))) for own in argument.because]
        blocks: dict[str, dict[str, str]] = {}
        for block in argument.ruled_out_by:
            role = "requires_absence" if block.state == "recorded" else "requires"
            blocks.setdefault(block.block, {})[self.block(block)] = role
        for name, excluding in excluded_by(own, self.entries, answer).items():
            blocks[name] = dict(map(self.fact, excluding))
        uses += [Use(name, conclusion, "requires_absence", facts) for name, facts in blocks.items()]
        known = {use.name for use in self.uses if use.conclusion in after}
        if self.graph.nodes[conclusion]["state"] == "fails":
            uses = [use._replace(facts=dict.fromkeys(use.facts, "blocks")) for use in uses]
        for use in uses:
            facts = {fact: role for fact, role in use.facts.items() if fact not in before}
            if use is not uses[0] and (facts or use.name not in known):
                facts = dict(use.facts)
            if facts or use is uses[0] or use.name not in known:
                self.behind[conclusion].update(facts)
                self.uses.append(use._replace(facts=facts))
        for other in after:
            self.graph.add_edge(other, conclusion, role="requires")
        self.trials.update(dict.fromkeys(entry.trial for entry in argument.evidence))

    def fact(self, fact: ArgumentFact) -> tuple[str, str]:
        """Add a fact that carries a conclusion; give its id and its role."""
        words, absent = fact.words, fact.value is False
        if absent:
            own = Assumption(fact=fact.fact, member=fact.member, course=fact.course, key=fact.key, value=True)
            words = assumption_words(own, self.model)
        state = "recorded_absent" if absent and fact.state == "recorded" else STATES[fact.state]
        if fact.state == "assumed":
            words = self.model.say("taken_as_absent" if absent else "graph_taken_as_present", words)
            state = state if absent else "holds"
        return self.add(id_of(fact.about), words, state, fact.origin), "requires_absence" if absent else "requires"

    def block(self, block: Block) -> str:
        """Add a fact that would rule a conclusion out; give its id.

        Members of a list that stand alike and carry nothing are one.
        """
        if len(block.abouts) > 1:
            return self.add(" with ".join(map(id_of, block.abouts)), block.words, STATES[block.state])
        about = block.abouts[0]
        if block.member is not None and block.state != "recorded" and about not in self.grounds:
            name = f"fact {block.fact}: {block.state}"
            self.members.setdefault(name, {})[member_name(block.member, self.model)] = None
            words = self.members_words(block.fact, list(self.members[name]))
            label = self.model.say("taken_as_absent", words) if block.state == "assumed" else words
            self.facts[name] = {"kind": "fact", "label": label, "state": STATES[block.state]}
            return name
        words = self.model.say("taken_as_absent", block.words) if block.state == "assumed" else block.words
        return self.add(id_of(about), words, STATES[block.state])

    def members_words(self, fact: str, members: list[str]) -> str:
        say, rest = self.model.say, len(members) - MOST_MEMBERS
        named = say("comma").join(members[:MOST_MEMBERS])
        return say("member", say("and_more", named, str(rest)) if rest > 0 else named, self.model.label("fact", fact))

    def add(self, name: str, words: str, state: str, origin: str = "") -> str:
        """Add a fact under its name, with its words behind that where the name is another's; give its id."""
        if self.facts.get(name, {"label": words})["label"] != words:
            name = f"{name}: {words}"
        self.facts[name] = {"kind": "fact", "label": words, "state": state} | ({"origin": origin} if origin else {})
        return name

    def write(self) -> None:
        """Add facts, then trials, then statements as they are applied, with all edges."""
        for name, attributes in self.facts.items():
            self.graph.add_node(name, **attributes)
        applied: dict[str, list[Applied]] = {}
        for use in self.uses:
            if not use.name:
                for fact, role in use.facts.items():
                    self.graph.add_edge(fact, use.conclusion, role=role)
                continue
            known = applied.setdefault(use.name, [])
            own = next((one for one in known if one.takes(use, self.behind)), None)
            if own is None:
                own = Applied()
                known.append(own)
            own.facts.update(use.facts)
            own.uses.append(use)
        for name, ways in applied.items():
            for number, way in enumerate(ways, start=1):
                self.applied(name, number, way, len(ways) > 1)
        self.merge_facts()

    def merge_facts(self) -> None:
        """Make one node of recorded facts that lead to the same."""
        alike: dict[object, list[str]] = {}
        for fact, attributes in self.facts.items():
            if attributes["state"] in ("recorded", "holds"):
                leads = frozenset((target, role) for _, target, role in self.graph.out_edges(fact, data="role"))
                alike.setdefault(leads, []).append(fact)
        for first, *others in alike.values():
            nodes = [self.graph.nodes[fact] for fact in (first, *others)]
            for key in ("label", "origin"):
                joint = "; " if key == "label" else "\n"
                if words := joint.join(node[key] for node in nodes if key in node):
                    nodes[0][key] = words
            self.graph.remove_nodes_from(others)

    def applied(self, name: str, number: int, way: Applied, several: bool) -> None:
        """Add a statement, reading or overlay as it is applied in one way, and the trials that it rests on.

        Where it is applied in several, each says to what, and the first alone has its sentence.
        """
        annotation = self.model.annotations[name]
        attributes = msgspec.to_builtins(self.tracer.nodes[self.tracer.annotation(annotation)])
        node = attributes.pop("id") + (f" #{number}" if number > 1 else "")
        self.graph.add_node(node, **attributes | labelled(annotation, self.model))
        if several:
            first = self.graph.nodes[node]["label"] if number == 1 else name
            self.graph.nodes[node]["label"] = self.model.say("graph_applied", first, self.purpose(way.uses))
        for fact, role in way.facts.items():
            self.graph.add_edge(fact, node, role=role)
        for use in dict.fromkeys((use.conclusion, use.role) for use in way.uses):
            self.graph.add_edge(node, use[0], role=use[1])
        for trial in self.trials_of(name, way.uses):
            attributes = msgspec.to_builtins(self.tracer.nodes[self.tracer.trial(trial)])
            self.graph.add_node(source := attributes.pop("id"), **attributes)
            self.graph.add_edge(source, node, role="rests_on")

    def purpose(self, uses: Iterable[Use]) -> str:
        """Name what a statement is applied to: some of what it speaks for, and of what it speaks against."""
        say, speaks = self.model.say, dict[bool, dict[str, None]]()
        for use in uses:
            against = (use.role == "derives") == (predicate_of(use.conclusion) == EXCLUDED)
            speaks.setdefault(against, {})[self.graph.nodes[use.conclusion]["name"]] = None
        found = []
        for against, names in speaks.items():
            first, *others = names
            named = say("and_more", first, str(len(others))) if others else first
            found.append(say("graph_applied_against" if against else "graph_applied_for", named))
        return say("comma").join(found)

    def trials_of(self, name: str, uses: Iterable[Use]) -> Iterator[str]:
        """Yield the trials of arguments that a statement rests on; of a reading also those of what it interprets.

        These are left out where what it interprets stands beside it.
        """
        annotations = self.model.annotations
        found: dict[str, None] = {}
        for use in uses:
            beside = {other.name for other in self.uses if other.conclusion == use.conclusion}
            own = name.partition("=")[0]
            read = (own, *(other for other in annotations[own].reads if other not in beside))
            found |= {trial: None for known in read for trial in annotations[known].trials}
        yield from (trial for trial in found if trial in self.trials)


def id_of(about: About) -> str:
    return " ".join(("fact", *(str(part) for part in about if part is not None)))
