"""From a trace to a NetworkX graph."""

from __future__ import annotations

import networkx as nx

from reasoner.trace import Trace

__all__ = ["explanation_graph"]


def explanation_graph(trace: Trace) -> nx.MultiDiGraph:
    """Build the explanation graph of a trace; the trace stays as it is.

    Nodes have `kind`, `label` and `state`, and `text` and `place` where there is something to say; edges run from a reason
    to what follows from it and have `role`. All attributes are strings; nodes and edges keep the order of the trace.
    """
    graph = nx.MultiDiGraph()
    for node in trace.nodes:
        graph.add_node(node.id, **{name: value for name, value in node.to_dict().items() if name != "id"})
    for edge in trace.edges:
        graph.add_edge(edge.source, edge.target, role=edge.role)
    return graph
