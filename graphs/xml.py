"""What XML requires of the formats that are written in it."""

from __future__ import annotations

import re

import networkx as nx

__all__ = ["printable"]

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
