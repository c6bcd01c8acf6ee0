"""From a guideline without a patient to the graph of its statements: by section, what each of them recommends, in words."""

from __future__ import annotations

from pathlib import PurePath

import msgspec

from graphs.build import about_guideline
from graphs.graph import ExplanationGraph
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.predicates import (
    ACTION,
    CALLS_FOR,
    CAUTION,
    CONTRAINDICATED,
    INDICATED,
    PLACES,
    PREFERS,
    arguments_of,
    predicate_of,
)
from reasoner.engine.trace import SourceTracer, labelled

__all__ = ["statements_graph"]

WORDS = {
    PLACES: ("graph_places", ("setting", "ground")),
    INDICATED: ("with_strength", ("regimen", "strength")),
    CONTRAINDICATED: ("graph_excluded", ("regimen",)),
    CALLS_FOR: ("graph_action", (f"{ACTION}_name",)),
    PREFERS: ("graph_prefers", ("regimen", "regimen")),
    CAUTION: ("labelled", ("regimen", "caution")),
}
"""What statements conclude: the key of its words, and the kinds of its arguments."""


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
    for node in tracer.nodes.values():
        if node.kind != "citation":
            attributes = msgspec.to_builtins(node)
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
    for rule in model.rules:
        head = rule.head.replace(" ", "")
        key, kinds = WORDS.get(predicate_of(head), ("", ()))
        names = arguments_of(head) if key else []
        if not names or rule.annotation is None or any(name[:1].isupper() or name[:1] == "_" for name in names):
            continue
        source = tracer.annotation(model.annotations[rule.annotation])
        words = model.say(key, *(model.label(kind, name) for kind, name in zip(kinds, names, strict=True)))
        if head not in graph:
            graph.add_node(head, kind="conclusion", label=words, state="holds", section=graph.nodes[source]["section"])
        if not graph.has_edge(source, head):
            graph.add_edge(source, head, role="derives")
