"""Labels of nodes, broken into lines for formats that do not break them."""

from __future__ import annotations

import textwrap

from graphs.graph import ExplanationGraph

__all__ = ["label_lines"]

WIDTH = 34
WIDER = {"fact": 32, "statement": 58, "reading": 58, "overlay": 58, "conclusion": 36}
"""Of the graph of an argument."""


def label_lines(graph: ExplanationGraph, node: str) -> list[str]:
    """Break the caption of a node into lines; there is at least one."""
    argued = graph.stands_in_columns()
    width = WIDER.get(graph.nodes[node]["kind"], WIDTH) if argued else WIDTH
    return textwrap.wrap(graph.caption(node), width, break_on_hyphens=False) or [""]
