"""The graphs that every format is tested with: of answers, of a pathway, of the guideline, and of hostile text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx

from graphs.argument import argument_graph
from graphs.build import answer_graph, explanation_graph, guideline_graph, pathway_graph
from graphs.graph import ExplanationGraph
from graphs.statements import statements_graph
from reasoner import Guideline
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.trace import Edge, Node, Trace
from reasoner.queries.pathway import pathway

HOSTILE = [
    'a:b "c" <script>document.title="owned"</script> ≤ & \\', "end", "two\nlines", "x" * 500, "(a) [b] {c} | #",
    "é\U0001f600", "</script><img src=x onerror=alert(1)>", "%%{init}%% ;graph", "a b", "a%20b", "-->", "$title",
]  # fmt: skip
NAMES = [
    "lung_disease_not_recorded", "hr_positive_untreated_heart_failure", "nothing_recorded", "hostile", "guideline",
    "pathway", "argument", "statements",
]  # fmt: skip

Content = tuple[dict[str, dict[str, Any]], list[tuple[str, str, dict[str, Any]]]]


def content(graph: nx.MultiDiGraph) -> Content:
    """Give a graph's nodes and edges, with their attributes, for comparison."""
    edges = [(s, t, dict(sorted(data.items()))) for s, t, data in graph.edges(data=True)]
    return {node: dict(data) for node, data in graph.nodes(data=True)}, sorted(edges, key=repr)


def hostile_graph(model: GuidelineModel) -> ExplanationGraph:
    kinds = ["fact", "rule", "conclusion"] * len(HOSTILE)
    nodes = [Node(name, kind, name, "unknown", name) for name, kind in zip(HOSTILE, kinds, strict=False)]
    edges = [Edge(a, b, "requires") for a, b in pairwise(HOSTILE)]
    trace = Trace(tuple(nodes), (*edges, Edge(HOSTILE[0], HOSTILE[1], "blocks")))
    about = dict.fromkeys(("guideline", "title", "digest", "overlays", "disclaimer"), HOSTILE[6])
    return explanation_graph(trace, model, {**about, "layer": "curated", "patient": HOSTILE[0], "basis": HOSTILE[6]})


def make_sample_graphs(guideline: Guideline) -> dict[str, ExplanationGraph]:
    cases = {name: case.record for name, case in guideline.cases().items()}
    return {
        **{name: answer_graph(guideline.answer(cases[name])) for name in NAMES[:3]},
        "argument": argument_graph(guideline.answer(cases["lung_disease_not_recorded"])),
        "statements": statements_graph(guideline.model, guideline.info),
        "hostile": hostile_graph(guideline.model),
        "guideline": guideline_graph(guideline.model, guideline.info),
        "pathway": pathway_graph(pathway(guideline, cases["second_line"], 2)),
    }
