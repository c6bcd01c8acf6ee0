"""Write a graph to a file; the format follows the suffix."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import networkx as nx

from reasoner.errors import ReasonerError, nearest

__all__ = ["FORMATS", "write_graph"]

FORMATS = {
    ".json": ("graphs.node_link", "to_json"),
    ".graphml": ("graphs.graphml", "to_graphml"),
    ".gexf": ("graphs.gexf", "to_gexf"),
    ".dot": ("graphs.dot", "to_dot"),
    ".mmd": ("graphs.mermaid", "to_mermaid"),
    ".cyjs": ("graphs.cytoscape", "to_cytoscape"),
    ".svg": ("graphs.image", "draw"),
    ".png": ("graphs.image", "draw"),
}


def write_graph(graph: nx.MultiDiGraph, path: Path) -> None:
    """Write `graph` to `path`, whole or not at all.

    Raises ReasonerError for a suffix of no format, and where the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ReasonerError(
            f'{path}: "{suffix}" is no format of graphs{nearest(suffix, FORMATS)}; the format follows the suffix: '
            + ", ".join(FORMATS)
        )
    module, name = FORMATS[suffix]
    to_text: Callable[..., str | bytes] = getattr(import_module(module), name)
    found = to_text(graph, suffix[1:]) if name == "draw" else to_text(graph)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(found.encode() if isinstance(found, str) else found)
        os.replace(scratch, path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise ReasonerError(f"{path}: cannot be written: {error.strerror}") from None
