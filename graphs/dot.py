"""DOT, for Graphviz: nodes with looks of their own for each kind and state, which do without colour."""

from __future__ import annotations

import networkx as nx

from graphs.text import marked, wrapped

__all__ = ["to_dot"]

WIDTH = 34
SHAPES = {
    "patient": "house", "fact": "box", "conclusion": "box", "rule": "ellipse", "statement": "note", "reading": "note",
    "overlay": "note", "citation": "plaintext", "trial": "folder",
}  # fmt: skip
FILLS = {
    "patient": "#dfe7f5", "fact": "#eef3fb", "conclusion": "#e6f4e6", "rule": "#ffffff", "statement": "#fff7dc",
    "reading": "#f6e9fb", "overlay": "#fde2d5", "citation": "#ffffff", "trial": "#eeeeee",
}  # fmt: skip
STYLES = {"fails": "dashed", "recorded_absent": "dashed", "unknown": "dotted"}
LEGEND = "boxes: facts, conclusions; round: rules; notes: what they rest on; dashed: absent; dotted: depends on the unknown"
ROLES = {
    "derives": ("solid", "normal"), "requires": ("solid", "normal"), "requires_absence": ("dashed", "odot"),
    "blocks": ("dashed", "tee"), "excludes": ("bold", "tee"), "states": ("dotted", "vee"), "cites": ("dotted", "none"),
    "rests_on": ("dotted", "none"),
}  # fmt: skip


def quoted(text: str) -> str:
    """Write a text as a DOT string; what DOT would interpret is written as character references."""
    return '"' + text.replace("&", "&amp;").replace("\\", "&#92;").replace('"', "&quot;") + '"'


def label(lines: list[str]) -> str:
    return '"' + "\\n".join(quoted(line)[1:-1] for line in lines) + '"'


def attributes(pairs: dict[str, str]) -> str:
    return "[" + ", ".join(f"{name}={value}" for name, value in pairs.items()) + "]"


def to_dot(graph: nx.MultiDiGraph) -> str:
    """Write a graph as DOT; each node has the graph's id as `key`, and all attributes but `label` under their names."""
    lines = [
        "digraph explanation {",
        f"  rankdir=LR; ranksep=0.6; nodesep=0.18; label={label([caption(graph), LEGEND])}; labelloc=t;",
    ]
    lines += ['  node [fontname="Helvetica", fontsize=11]; edge [fontname="Helvetica", fontsize=9];']
    names = {node: f"n{number}" for number, node in enumerate(graph)}
    for node, data in graph.nodes(data=True):
        own = {name: quoted(value) for name, value in data.items() if name != "label"}
        looks = {
            "key": quoted(node),
            "label": label(wrapped(marked(data, node), WIDTH)),
            "shape": SHAPES.get(data.get("kind", ""), "box"),
            "style": f'"filled,{STYLES.get(data.get("state", ""), "solid")}"',
            "fillcolor": f'"{FILLS.get(data.get("kind", ""), "#ffffff")}"',
            "tooltip": quoted(data.get("text") or data.get("label", node)),
        }
        lines.append(f"  {names[node]} {attributes({**looks, **own})};")
    for source, target, data in graph.edges(data=True):
        style, head = ROLES.get(data.get("role", ""), ("solid", "normal"))
        own = {name: quoted(value) for name, value in data.items()}
        looks = {"style": style, "arrowhead": head, "tooltip": quoted(data.get("role", "").replace("_", " "))}
        lines.append(f"  {names[source]} -> {names[target]} {attributes({**looks, **own})};")
    return "\n".join([*lines, "}"]) + "\n"


def caption(graph: nx.MultiDiGraph) -> str:
    """Say what the graph shows, and what it rests on."""
    about = graph.graph
    parts = (about.get("title", ""), about.get("layer", ""), about.get("patient", ""), about.get("disclaimer", ""))
    return " - ".join(part for part in parts if part)
