"""What the formats share: the words of states, the wrapping of labels, and the characters that XML can hold."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

import networkx as nx

__all__ = ["marked", "printable", "wrapped"]

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


MARKS = {
    ("fact", "unknown"): "not recorded: ",
    ("fact", "recorded_absent"): "recorded as absent: ",
    ("fact", "fails"): "not so: ",
    ("conclusion", "unknown"): "depends: ",
    ("conclusion", "fails"): "not derived: ",
    ("rule", "unknown"): "depends: ",
    ("rule", "fails"): "does not fire: ",
}


def marked(data: Mapping[str, str], node: str) -> str:
    """Give a node's label with its state in words, so that it shows without colour."""
    return MARKS.get((data.get("kind", ""), data.get("state", "")), "") + data.get("label", node)


def wrapped(label: str, width: int) -> list[str]:
    """Break a label into lines."""
    return textwrap.wrap(label, width, break_on_hyphens=False) or [""]


def escape(value: str) -> str:
    return FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), value)


def printable(graph: nx.MultiDiGraph) -> nx.MultiDiGraph:
    """Copy a graph, with the characters that XML cannot hold written as escapes."""
    copy = nx.MultiDiGraph(**{key: escape(value) for key, value in graph.graph.items()})
    for node, data in graph.nodes(data=True):
        copy.add_node(escape(node), **{key: escape(value) for key, value in data.items()})
    for source, target, data in graph.edges(data=True):
        copy.add_edge(escape(source), escape(target), **data)
    return copy
