"""Mermaid, for pages that draw it."""

from __future__ import annotations

import networkx as nx

from graphs.text import marked, wrapped

__all__ = ["to_mermaid"]

WIDTH = 34
SHAPES = {"patient": ("[/", "/]"), "rule": ("([", "])"), "statement": ("[[", "]]"), "trial": ("[(", ")]")}
ARROWS = {
    "requires_absence": "-.->",
    "blocks": "-.-x",
    "excludes": "==x",
    "states": "-.->",
    "cites": "-.-",
    "rests_on": "-.-",
}


def quoted(text: str) -> str:
    """Write a text so that Mermaid shows it and reads nothing in it."""
    return "".join(c if c.isalnum() or c in " -+,.;:()=/'" else f"#{ord(c)};" for c in text)


def to_mermaid(graph: nx.MultiDiGraph) -> str:
    """Write a graph as a Mermaid flowchart."""
    names = {node: f"n{number}" for number, node in enumerate(graph)}
    about = (graph.graph.get(name, "") for name in ("patient", "title", "layer", "disclaimer"))
    lines = ["flowchart LR", "%% " + " - ".join(quoted(text) for text in about if text)]
    for node, data in graph.nodes(data=True):
        opening, closing = SHAPES.get(data.get("kind", ""), ("[", "]"))
        text = "<br/>".join(quoted(line) for line in wrapped(marked(data, node), WIDTH))
        lines.append(f'  {names[node]}{opening}"{text}"{closing}')
    for source, target, data in graph.edges(data=True):
        lines.append(f"  {names[source]} {ARROWS.get(data.get('role', ''), '-->')} {names[target]}")
    return "\n".join(lines) + "\n"
