"""From a derivation, or from a guideline, to a NetworkX graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import networkx as nx

from reasoner.answer import Answer, GuidelineInfo
from reasoner.knowledge import Knowledge
from reasoner.trace import Trace, block_trace, trace

__all__ = ["answer_graph", "explanation_graph", "guideline_graph"]

ANSWERED = ("setting", "recommended", "excluded", "action", "cautioned")


def explanation_graph(trace: Trace, about: Mapping[str, str] | None = None) -> nx.MultiDiGraph:
    """Build the explanation graph of a trace; the trace stays as it is.

    Nodes have `kind`, `label` and `state`, and `text` and `place` where there is something to say; edges run from a reason
    to what follows from it and have `role`. All attributes are strings, those of the graph (`about`) too; nodes and edges
    keep the order of the trace.
    """
    graph = nx.MultiDiGraph(**(about or {}))
    for node in trace.nodes:
        graph.add_node(node.id, **{name: value for name, value in node.to_dict().items() if name != "id"})
    for edge in trace.edges:
        graph.add_edge(edge.source, edge.target, role=edge.role)
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


def answer_graph(answer: Answer, focus: Iterable[str] = (), blocked: bool = True) -> nx.MultiDiGraph:
    """Build the graph of an answer: all that it concludes, down to the patient's facts and the guideline's sources.

    `focus` names conclusions, as clingo text, to which it is narrowed; without `blocked` it leaves out the rules that do not
    fire and what keeps them from firing. Recommended regimens also have `rank`, `strength`, `certainty` and `assuming`.
    """
    derivation = answer.derivation
    wanted = list(focus) or [atom for atom in derivation.conclusions() if atom.partition("(")[0] in ANSWERED]
    about = {**about_guideline(answer.guideline), "patient": answer.patient, "setting": answer.setting}
    found = trace(derivation, answer.patient, wanted)
    graph = explanation_graph(found if blocked else found.carrying(wanted), about)
    for entry in answer.recommended:
        name = f"recommended({entry.regimen})"
        if name in graph:
            assumed = (" ".join(map(str, assumption.to_dict().values())) for assumption in entry.assuming)
            more = {"assuming": "; ".join(assumed)} if entry.assuming else {}
            graph.nodes[name].update(rank=str(entry.rank), strength=entry.strength, certainty=entry.certainty, **more)
    return graph


def guideline_graph(knowledge: Knowledge, info: GuidelineInfo) -> nx.MultiDiGraph:
    """Build the graph of a guideline without a patient: statements, readings, rules, trials and citations."""
    return explanation_graph(block_trace(knowledge), about_guideline(info))
