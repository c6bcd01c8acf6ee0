"""Cytoscape JSON, as cytoscape.js loads it with ``cytoscape({elements})``."""

from __future__ import annotations

import json

import networkx as nx

__all__ = ["to_cytoscape"]


def to_cytoscape(graph: nx.MultiDiGraph) -> str:
    """Write a graph as Cytoscape JSON; every edge has an id."""
    nodes = [{"data": {**data, "id": node}} for node, data in graph.nodes(data=True)]
    edges = [
        {"data": {**data, "id": f"edge {number}", "source": source, "target": target}}
        for number, (source, target, data) in enumerate(graph.edges(data=True))
    ]
    return json.dumps({"data": dict(graph.graph), "elements": {"nodes": nodes, "edges": edges}}, indent=1) + "\n"
