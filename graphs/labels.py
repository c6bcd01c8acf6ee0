"""Labels of nodes, broken into lines for formats that do not break them."""

from __future__ import annotations

import textwrap

from graphs.graph import ExplanationGraph

__all__ = ["label_lines"]

WIDTH = 34


def label_lines(graph: ExplanationGraph, node: str) -> list[str]:
    """Break the caption of a node into lines; there is at least one."""
    return textwrap.wrap(graph.caption(node), WIDTH, break_on_hyphens=False) or [""]
