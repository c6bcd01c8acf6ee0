"""From an answer, a pathway or a guideline to its graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from graphs.graph import ExplanationGraph
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, GuidelineInfo, Recommendation
from reasoner.engine.dose_phrases import dose_words, no_dose_words
from reasoner.engine.missing_phrases import missing_words
from reasoner.engine.phrases import assumed_words, course_words, guideline_words, is_history, strength_words
from reasoner.engine.reading_phrases import alternative_words
from reasoner.engine.trace import Trace, annotation_trace, trace
from reasoner.engine.way_phrases import assuming_words

if TYPE_CHECKING:
    from reasoner.queries.pathway import Pathway, PathwayNode
    from reasoner.records.record import Record

__all__ = [
    "about_answer",
    "about_guideline",
    "answer_graph",
    "answered",
    "concluded_atoms",
    "entries_of",
    "explanation_graph",
    "guideline_graph",
    "pathway_graph",
]

ANSWERED = ("setting", "recommended", "excluded", "action", "cautioned")
NAMED = {"recommended": "regimen", "excluded": "regimen", "action": "action_name", "setting": "setting", "score": "score"}


def explanation_graph(trace: Trace, model: GuidelineModel, about: Mapping[str, str]) -> ExplanationGraph:
    """Build the graph of a trace, whose nodes and edges keep their order; `about` are the attributes of the graph."""
    graph = ExplanationGraph(wording=model.wording, **about)
    for node in trace.nodes:
        attributes = msgspec.to_builtins(node)
        graph.add_node(attributes.pop("id"), **attributes)
    for edge in trace.edges:
        graph.add_edge(edge.source, edge.target, role=edge.role)
    for name in trace.cut:
        graph.nodes[name]["cut"] = "yes"
    return graph


def about_guideline(info: GuidelineInfo, model: GuidelineModel) -> dict[str, str]:
    """Give the attributes of a graph of a guideline."""
    return {
        "guideline": info.id,
        "title": info.title,
        "digest": info.digest,
        "layer": info.layer,
        "overlays": ", ".join(info.overlays),
        **({"readings": ", ".join(info.readings)} if info.readings else {}),
        "basis": guideline_words(info, model),
        "disclaimer": info.disclaimer,
    }


def about_answer(answer: Answer) -> dict[str, str]:
    """Give the attributes of the graph of an answer."""
    model = answer.derivation.model
    about = {**about_guideline(answer.guideline, model), "patient": answer.patient, "setting": answer.setting}
    beside = {
        "missing": missing_words(answer),
        "assumed": [text] if (text := assumed_words(answer)) else [],
        "alternatives": [alternative_words(entry, answer) for entry in answer.alternatives],
        "notes": answer.notes,
        "doubts": answer.caveats,
    }
    return about | {name: text for name, lines in beside.items() if (text := "\n".join(lines))}


def concluded_atoms(answer: Answer, predicates: tuple[str, ...]) -> list[str]:
    """List what an answer concludes with some predicates, as clingo text."""
    return [atom for atom in answer.derivation.conclusions() if atom.partition("(")[0] in predicates]


def entries_of(answer: Answer) -> dict[str, Recommendation | Exclusion | ActionCall]:
    """Give what an answer lists, in its order, by what it concludes, as clingo text."""
    return {
        **{f"recommended({entry.regimen})": entry for entry in answer.recommended},
        **{f"excluded({entry.regimen})": entry for entry in answer.excluded},
        **{f"action({entry.action})": entry for entry in answer.actions},
    }


def answer_graph(
    answer: Answer, focus: Iterable[str] = (), blocked: bool = True, depth: int | None = None
) -> ExplanationGraph:
    """Build the graph of an answer: all that it concludes, down to the patient's facts and the guideline's sources.

    `focus` narrows it to conclusions, named as clingo text; without `blocked` it leaves out the rules that do not fire and
    what keeps them from firing; with `depth` it goes only so many rules deep.
    """
    derivation = answer.derivation
    wanted = list(focus) or concluded_atoms(answer, ANSWERED)
    graph = explanation_graph(
        trace(derivation, answer.patient, wanted, depth, blocked), derivation.model, about_answer(answer)
    )
    entries = entries_of(answer)
    for atom in wanted:
        if atom in graph:
            graph.nodes[atom].update(answered(atom, entries.get(atom), answer))
    return graph


def answered(atom: str, entry: Recommendation | Exclusion | ActionCall | None, answer: Answer) -> dict[str, str]:
    """Give the attributes of a conclusion that an answer lists."""
    model = answer.derivation.model
    predicate, _, argument = atom.rstrip(")").partition("(")
    holds = answer.derivation.truth(atom) != answer.derivation.completions.none
    found = {"answers": predicate if holds else f"not_{predicate}"}
    if predicate in NAMED:
        found["name"] = model.label(NAMED[predicate], argument)
    if entry is None:
        return found
    found["certainty"] = entry.certainty
    summary = []
    if isinstance(entry, Recommendation):
        doses = (*dose_words(entry.doses, model), *no_dose_words((entry,), answer.derivation))
        found |= {"rank": str(entry.rank), "strength": entry.strength, "doses": "\n".join(doses)}
        summary.append(strength_words(entry, model))
    if entry.certainty == "conditional":
        found["assuming"] = assuming_words(entry.assuming, model)
        summary.append(model.say("certain_if", found["assuming"]))
    if summary:
        found["summary"] = model.say("comma").join(summary)
    return found


def pathway_graph(pathway: Pathway) -> ExplanationGraph:
    """Build the graph of a pathway: states, regimens, outcomes, and where it ends."""
    model = pathway.model
    about = {**about_guideline(pathway.info, model), "patient": pathway.about.patient, "lines": str(pathway.about.lines)}
    if pathway.about.left_out:
        about["notes"] = pathway.about.left_out
    graph = ExplanationGraph(wording=model.wording, **about)
    labels = {node.id: pathway_label(node, model) for node in pathway.nodes} | state_labels(pathway)
    regimens = {node.id: node.label for node in pathway.nodes}
    for node in pathway.nodes:
        attributes = {**msgspec.to_builtins(node), "label": labels[node.id]}
        graph.add_node(attributes.pop("id"), **attributes)
    for edge in pathway.edges:
        graph.add_edge(edge.source, edge.target, role=edge.role)
        if edge.role == "ends_in":
            graph.nodes[edge.target]["label"] = model.say("graph_outcome_of", labels[edge.target], regimens[edge.source])
    return graph


def state_labels(pathway: Pathway) -> dict[str, str]:
    """Word the states of a pathway by what happened since its first one, and where other ways lead there."""
    model, say = pathway.model, pathway.model.say
    courses = {name: courses_of(record) for name, record in pathway.records.items()}
    first = next(iter(courses.values()), [])
    ways = Counter(edge.target for edge in pathway.edges if edge.role == "leads_to")
    found = {}
    for node in pathway.nodes:
        if node.id in courses:
            since = [course for place, course in enumerate(courses[node.id]) if course not in first[place : place + 1]]
            told = ({"drugs": course["drugs"], "outcome": course.get("outcome")} for course in since)
            words = say("and").join(course_words(course, model) for course in told)
            label = say("graph_state_after", node.label, words) if words else node.label
            found[node.id] = say("graph_other_ways", label) if words and ways[node.id] > 1 else label
    return found


def courses_of(record: Record) -> list[Mapping[str, object]]:
    values = (value for value in record.data.values() if isinstance(value, list | tuple))
    return next((list(value) for value in values if is_history(value)), [])


def pathway_label(node: PathwayNode, model: GuidelineModel) -> str:
    """Word a node of a pathway: a regimen with its rank, its strength and what makes it certain."""
    assuming = node.assuming
    if node.kind == "regimen":
        rank, strength = node.rank, model.label("strength", node.strength)
        if assuming:
            return model.say("graph_conditional_choice", rank, node.label, strength, assuming)
        return model.say("graph_choice", rank, node.label, strength)
    return model.say("graph_stop_if", node.label, assuming) if assuming else node.label


def guideline_graph(model: GuidelineModel, info: GuidelineInfo) -> ExplanationGraph:
    """Build the whole graph of a guideline without a patient: statements, readings, rules, trials and citations."""
    return explanation_graph(annotation_trace(model), model, about_guideline(info, model))
