"""GEXF, for Gephi, by networkx."""

from __future__ import annotations

import re

import networkx as nx

from graphs.xml import printable

__all__ = ["to_gexf"]

WHEN = re.compile(r' lastmodifieddate="[^"]*"')


def to_gexf(graph: nx.MultiDiGraph) -> str:
    """Write a graph as GEXF, without the date of writing: two runs give the same text."""
    return WHEN.sub("", "\n".join(nx.generate_gexf(printable(graph)))) + "\n"
