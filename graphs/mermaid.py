"""Mermaid, for pages that draw it."""

from __future__ import annotations

from graphs.graph import ExplanationGraph
from graphs.labels import label_lines

__all__ = ["to_mermaid"]

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
    """Write a text so that Mermaid shows it and interprets nothing in it."""
    return "".join(c if c.isalnum() or c in " -+,.;:()=/'" else f"#{ord(c)};" for c in text)


def to_mermaid(graph: ExplanationGraph) -> str:
    """Write a graph as a Mermaid flowchart."""
    names = {node: f"n{number}" for number, node in enumerate(graph)}
    about = (graph.title(), graph.graph.get("disclaimer", ""))
    lines = ["flowchart LR", "%% " + " - ".join(quoted(text) for text in about if text)]
    for node, kind in graph.nodes(data="kind"):
        opening, closing = SHAPES.get(kind, ("[", "]"))
        text = "<br/>".join(map(quoted, label_lines(graph, node)))
        lines.append(f'  {names[node]}{opening}"{text}"{closing}')
    for source, target, role in graph.edges(data="role"):
        lines.append(f"  {names[source]} {ARROWS.get(role, '-->')} {names[target]}")
    return "\n".join(lines) + "\n"
