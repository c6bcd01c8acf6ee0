"""Write a graph to a file; the format follows the suffix."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import networkx as nx

from reasoner.errors import ReasonerError, nearest
from reasoner.files import write_whole

__all__ = ["FORMATS", "format_of", "to_bytes", "write_graph"]

FORMATS = {
    ".prov.json": ("graphs.prov", "to_prov_json"),
    ".ttl": ("graphs.prov", "to_turtle"),
    ".jsonld": ("graphs.prov", "to_jsonld"),
    ".json": ("graphs.node_link", "to_json"),
    ".graphml": ("graphs.graphml", "to_graphml"),
    ".gexf": ("graphs.gexf", "to_gexf"),
    ".dot": ("graphs.dot", "to_dot"),
    ".mmd": ("graphs.mermaid", "to_mermaid"),
    ".cyjs": ("graphs.cytoscape", "to_cytoscape"),
    ".html": ("graphs.html", "to_html"),
    ".svg": ("graphs.image", "draw"),
    ".png": ("graphs.image", "draw"),
}


def format_of(path: Path) -> str:
    """Give the format of a file: its suffix, as `FORMATS` lists them.

    Raises ReasonerError, with the nearest, for a suffix of no format.
    """
    found = next((suffix for suffix in FORMATS if path.name.lower().endswith(suffix)), None)
    if found is None:
        raise ReasonerError(
            f'{path}: "{path.suffix}" is no format of graphs{nearest(path.suffix, FORMATS)}; the format follows the suffix: '
            + ", ".join(FORMATS)
        )
    return found


def to_bytes(graph: nx.MultiDiGraph, suffix: str) -> bytes:
    """Write `graph` in the format of a suffix of `FORMATS`.

    Raises ReasonerError where what writes it is not installed.
    """
    module, name = FORMATS[suffix]
    to_text: Callable[..., str | bytes] = getattr(import_module(module), name)
    found = to_text(graph, suffix[1:]) if name == "draw" else to_text(graph)
    return found.encode() if isinstance(found, str) else found


def write_graph(graph: nx.MultiDiGraph, path: Path) -> None:
    """Write `graph` to `path`, whole or not at all.

    Raises ReasonerError for a suffix of no format, where what writes it is not installed, and where the file cannot be
    written.
    """
    write_whole(path, to_bytes(graph, format_of(path)))
