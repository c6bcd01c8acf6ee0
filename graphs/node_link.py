"""Node-link JSON, as ``networkx.node_link_graph(data, edges="edges")`` reads it, by the schema in ``graph.schema.json``."""

from __future__ import annotations

import json

import networkx as nx

__all__ = ["to_json"]


def to_json(graph: nx.MultiDiGraph) -> str:
    """Write a graph as node-link JSON."""
    return json.dumps({"schema": "reasoner.graph/1", **nx.node_link_data(graph, edges="edges")}, indent=1) + "\n"
