"""GraphML, by networkx; every attribute is a string, so that no reader takes what is unknown for false."""

from __future__ import annotations

import networkx as nx

from graphs.xml import printable

__all__ = ["to_graphml"]


def to_graphml(graph: nx.MultiDiGraph) -> str:
    """Write a graph as GraphML; characters that XML cannot hold are written as escapes."""
    return "\n".join(nx.generate_graphml(printable(graph), named_key_ids=True)) + "\n"
