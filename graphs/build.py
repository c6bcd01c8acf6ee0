"""From a derivation, or from a guideline, to a NetworkX graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import networkx as nx

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, GuidelineInfo, Recommendation
from reasoner.engine.trace import Trace, annotation_trace, trace
from reasoner.phrases import condition_words
from reasoner.render.answer import doses, evidence, missing

if TYPE_CHECKING:
    from reasoner.queries.pathway import Pathway

__all__ = ["answer_graph", "explanation_graph", "guideline_graph", "pathway_graph"]

ANSWERED = ("setting", "recommended", "excluded", "action", "cautioned")
NAMED = {"recommended": "regimen", "excluded": "regimen", "action": "action_name", "setting": "setting"}


def explanation_graph(trace: Trace, about: Mapping[str, str] | None = None) -> nx.MultiDiGraph:
    """Build the explanation graph of a trace; the trace stays as it is.

    Nodes have `kind`, `label` and `state`, `text`, `place` and `origin` where there is something to say, and `cut` where the
    depth ended the trace; edges run from a reason to what follows from it and have `role`. All attributes are strings,
    those of the graph (`about`) too; nodes and edges keep the order of the trace.
    """
    graph = nx.MultiDiGraph(**(about or {}))
    for node in trace.nodes:
        graph.add_node(node.id, **node.attributes())
    for edge in trace.edges:
        graph.add_edge(edge.source, edge.target, role=edge.role)
    for name in trace.cut:
        graph.nodes[name]["cut"] = "yes"
    return graph


def about_guideline(info: GuidelineInfo) -> dict[str, str]:
    return {
        "guideline": info.id,
        "title": info.title,
        "digest": info.digest,
        "layer": info.layer,
        "overlays": ", ".join(info.overlays),
        "disclaimer": info.disclaimer,
    }


def answer_graph(
    answer: Answer, focus: Iterable[str] = (), blocked: bool = True, depth: int | None = None
) -> nx.MultiDiGraph:
    """Build the graph of an answer: all that it concludes, down to the patient's facts and the guideline's sources.

    `focus` names conclusions, as clingo text, to which it is narrowed; without `blocked` it leaves out the rules that do not
    fire and what keeps them from firing; with `depth` it goes only so many rules deep. What the answer names says so in
    `answers` ("recommended", "excluded", "action", "setting" or "cautioned"), and has its `name`, `certainty`, `assuming`
    and, if recommended, `rank` and `strength`.
    """
    derivation = answer.derivation
    wanted = list(focus) or [atom for atom in derivation.conclusions() if atom.partition("(")[0] in ANSWERED]
    about = {**about_guideline(answer.guideline), "patient": answer.patient, "setting": answer.setting, **beside(answer)}
    graph = explanation_graph(trace(derivation, answer.patient, wanted, depth, blocked), about)
    entries: dict[str, Recommendation | Exclusion | ActionCall] = {
        **{f"recommended({entry.regimen})": entry for entry in answer.recommended},
        **{f"excluded({entry.regimen})": entry for entry in answer.excluded},
        **{f"action({entry.action})": entry for entry in answer.actions},
    }
    for atom in wanted:
        if atom in graph:
            graph.nodes[atom].update(answered(atom, entries.get(atom), answer))
    return graph


def beside(answer: Answer) -> dict[str, str]:
    """Say what an answer says beside its conclusions, a line each."""
    model = answer.derivation.model
    said = {"missing": missing(answer, model), "notes": answer.notes, "doubts": evidence(answer, model)}
    return {name: text for name, lines in said.items() if (text := "\n".join(lines))}


def answered(atom: str, entry: Recommendation | Exclusion | ActionCall | None, answer: Answer) -> dict[str, str]:
    """Say what a conclusion is to an answer, and under which name and assumptions it stands there."""
    model = answer.derivation.model
    predicate, _, argument = atom.rstrip(")").partition("(")
    found = {"answers": predicate if answer.derivation.truth(atom) else f"not_{predicate}"}
    if predicate in NAMED:
        found["name"] = model.label(NAMED[predicate], argument)
    if isinstance(entry, Recommendation):
        found |= {"rank": str(entry.rank), "strength": entry.strength, "doses": "\n".join(doses(entry, model))}
    if entry is not None:
        found["certainty"] = entry.certainty
        if entry.assuming:
            found["assuming"] = condition_words(entry.assuming, model)
    return found


def pathway_graph(pathway: Pathway) -> nx.MultiDiGraph:
    """Build the graph of a pathway: states, regimens, outcomes, and where it ends.

    A regimen's label says its rank, its strength and what makes it certain; an outcome's label whose it is.
    """
    about = {**about_guideline(pathway.guideline), "patient": pathway.patient, "lines": str(pathway.lines)}
    graph = nx.MultiDiGraph(**about)
    labels = {node.id: node.label for node in pathway.nodes}
    for node in pathway.nodes:
        label = node.label
        if node.kind == "regimen":
            mark = "?" if node.about["certainty"] == "conditional" else "."
            label = f"{node.about['rank']}{mark} {label} - {node.about['strength'].replace('_', ' ')}"
        if node.about.get("assuming"):
            label = f"{label} - if {node.about['assuming']}"
        graph.add_node(node.id, kind=node.kind, label=label, **node.about)
    for edge in pathway.edges:
        graph.add_edge(edge.source, edge.target, role=edge.role)
        if edge.role == "ends_in":
            graph.nodes[edge.target]["label"] = f"{labels[edge.target]} ({labels[edge.source]})"
    return graph


def guideline_graph(model: GuidelineModel, info: GuidelineInfo) -> nx.MultiDiGraph:
    """Build the graph of a guideline without a patient: statements, readings, rules, trials and citations."""
    return explanation_graph(annotation_trace(model), about_guideline(info))
