"""From a guideline without a patient to the graph of its statements: by section, what each of them recommends, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import msgspec

from graphs.build import about_guideline
from graphs.graph import ExplanationGraph
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.dose_phrases import said_words
from reasoner.engine.predicates import (
    CALLS_FOR,
    CAUTION,
    CONTRAINDICATED,
    INDICATED,
    PLACES,
    PREFERS,
    SCORE,
    arguments_of,
    ground_atom,
    predicate_of,
)
from reasoner.engine.trace import SourceTracer, labelled

__all__ = ["statements_graph"]


def statements_graph(model: GuidelineModel, info: GuidelineInfo) -> ExplanationGraph:
    """Build the graph of a guideline's statements, readings and overlays, in their order, with what they recommend.

    What they say of regimens or actions that they do not name is in their own words alone.
    """
    graph = ExplanationGraph(wording=model.wording, **about_guideline(info, model), shows="statements")
    tracer = SourceTracer(model)
    for annotation in model.annotations.values():
        tracer.annotation(annotation)
    for trial in model.trials:
        tracer.trial(trial)
    for source in tracer.nodes.values():
        if source.kind != "citation":
            attributes = msgspec.to_builtins(source)
            graph.add_node(attributes.pop("id"), **attributes)
    for annotation in model.annotations.values():
        node = tracer.annotation(annotation)
        section = PurePath(annotation.place.partition(":")[0]).stem.replace("_", " ")
        own = labelled(annotation, model)
        own["label"] = model.say("comma").join((section, own["label"]))
        graph.nodes[node].update(own, section=section)
    for edge in tracer.edges:
        if edge.role != "cites":
            graph.add_edge(edge.source, edge.target, role=edge.role)
    add_conclusions(graph, model, tracer)
    return graph


def add_conclusions(graph: ExplanationGraph, model: GuidelineModel, tracer: SourceTracer) -> None:
    """Add what the rules of each statement conclude, and the doses that it gives: for each drug one node."""
    for rule in model.rules:
        head = rule.head.replace(" ", "")
        names = arguments_of(head)
        if predicate_of(head) == SCORE:
            names = names[:1]
            head = ground_atom(SCORE, *names)
        if rule.annotation is None or not names or any(name[:1].isupper() or name[:1] == "_" for name in names):
            continue
        if words := conclusion_words(predicate_of(head), names, model):
            add_conclusion(graph, tracer.annotation(model.annotations[rule.annotation]), head, words)
    doses: dict[tuple[str, str], list[str]] = {}
    for dose in model.doses:
        step = model.label("step", dose.step)
        doses.setdefault((dose.statement, dose.target), []).append(f"{step} {said_words(dose, model)}")
    for (statement, target), steps in doses.items():
        label = model.label("drug" if target in model.drugs else "regimen", target)
        words = model.say("labelled", label, model.say("and").join(dict.fromkeys(steps)))
        add_conclusion(graph, tracer.annotation(model.annotations[statement]), ground_atom("dose", target, statement), words)


def add_conclusion(graph: ExplanationGraph, source: str, name: str, words: str) -> None:
    """Add what a statement says, once, with an edge to it."""
    if name not in graph:
        graph.add_node(name, kind="conclusion", label=words, state="holds", section=graph.nodes[source]["section"])
    if not graph.has_edge(source, name):
        graph.add_edge(source, name, role="derives")


def conclusion_words(predicate: str, names: Sequence[str], model: GuidelineModel) -> str:
    """Word what a rule concludes; nothing where that is a definition, or no recommendation of its own."""
    say, label, first, last = model.say, model.label, names[0], names[-1]
    words = ""
    if predicate == PLACES:
        words = say("graph_places", label("setting", first), label("ground", last))
    elif predicate == INDICATED:
        words = say("with_strength", label("regimen", first), label("strength", last))
    elif predicate == CONTRAINDICATED:
        words = say("graph_excluded", label("regimen", first))
    elif predicate == CALLS_FOR:
        words = say("graph_action", label("action_name", first))
    elif predicate == PREFERS:
        words = say("graph_prefers", label("regimen", first), label("regimen", last))
    elif predicate == SCORE:
        words = say("graph_score", label("score", first))
    elif predicate == CAUTION:
        words = say("labelled", label("regimen", first), label("caution", last))
    return words
