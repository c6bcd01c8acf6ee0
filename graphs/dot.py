"""DOT, for Graphviz: each kind and state of a node has a look of its own that does without colour."""

from __future__ import annotations

from html import escape

from graphs.graph import ExplanationGraph
from graphs.labels import label_lines

__all__ = ["to_dot"]

SHAPES = {
    "patient": "component", "rule": "ellipse", "statement": "note", "reading": "note", "overlay": "note",
    "citation": "plaintext", "trial": "folder", "outcome": "ellipse", "dead_end": "octagon", "silence": "octagon",
}  # fmt: skip
FILLS = {
    "patient": "#dfe7f5", "fact": "#eef3fb", "conclusion": "#e6f4e6", "rule": "#ffffff", "statement": "#fff7dc",
    "reading": "#f6e9fb", "overlay": "#fde2d5", "citation": "#ffffff", "trial": "#eeeeee", "state": "#dfe7f5",
    "regimen": "#e6f4e6", "outcome": "#ffffff", "dead_end": "#fde2d5", "silence": "#fde2d5",
}  # fmt: skip
BORDERS = {"fails": "dashed", "recorded_absent": "dashed", "unknown": "dotted"}
ARROWS = {
    "requires_absence": ("dashed", "odot"), "blocks": ("dashed", "tee"), "excludes": ("bold", "tee"),
    "states": ("dotted", "vee"), "cites": ("dotted", "none"), "rests_on": ("dotted", "none"),
}  # fmt: skip


def quoted(text: str) -> str:
    """Write a text as a DOT string; what DOT would interpret is written as character references."""
    return '"' + text.replace("&", "&amp;").replace("\\", "&#92;").replace('"', "&quot;") + '"'


def attributes(pairs: dict[str, str]) -> str:
    return "[" + ", ".join(f"{name}={value}" for name, value in pairs.items()) + "]"


def to_dot(graph: ExplanationGraph) -> str:
    """Write a graph as DOT; each node has the graph's id as `key`, and all attributes but `label` under their names."""
    names = {node: f"n{number}" for number, node in enumerate(graph)}
    lines = [
        "digraph explanation {",
        f"  rankdir=LR; ranksep=0.55; nodesep=0.14; labelloc=t; labeljust=l; label=<{caption(graph)}>;",
        '  fontname="Helvetica"; node [fontname="Helvetica", fontsize=11, margin="0.12,0.05"]; edge [color="#444444"];',
        *(f"  {names[node]} {attributes(node_attributes(graph, node))};" for node in graph),
    ]
    for source, target, role in graph.edges(data="role"):
        lines.append(f"  {names[source]} -> {names[target]} {attributes(edge_attributes(graph, source, role))};")
    lines += ranks(graph, names)
    return "\n".join([*lines, "}"]) + "\n"


def node_attributes(graph: ExplanationGraph, node: str) -> dict[str, str]:
    data = graph.nodes[node]
    looks = {
        "key": quoted(node),
        "label": '"' + "\\n".join(quoted(line)[1:-1] for line in label_lines(graph, node)) + '"',
        "shape": SHAPES.get(data["kind"], "box"),
        "style": f'"filled,{BORDERS.get(data.get("state", ""), "solid")}"',
        "fillcolor": f'"{FILLS[data["kind"]]}"',
        "tooltip": quoted(data.get("text") or data["label"]),
    }
    if "answers" in data:
        looks["penwidth"] = "2.5"
    return looks | {name: quoted(value) for name, value in data.items() if name != "label"}


def edge_attributes(graph: ExplanationGraph, source: str, role: str) -> dict[str, str]:
    data = graph.nodes[source]
    style, head = ARROWS.get(role, ("solid", "normal"))
    if role == "derives" and data["state"] == "fails":
        style = "dashed"
    looks = {"style": style, "arrowhead": head, "tooltip": quoted(graph.role(source, role)), "role": quoted(role)}
    if style == "dotted":
        looks["color"] = '"#888888"'
    if data["kind"] == "patient":
        looks["weight"] = "0"
    return looks


def ranks(graph: ExplanationGraph, names: dict[str, str]) -> list[str]:
    """Put the facts of the record into the first column, and what the graph answers into the last."""
    facts = [names[node] for node, kind in graph.nodes(data="kind") if kind == "fact"]
    last = [names[node] for node, data in graph.nodes(data=True) if "answers" in data and not graph.out_degree(node)]
    columns = (("same", facts), ("max", last))
    return [f"  {{ rank={rank}; {'; '.join(column)} }}" for rank, column in columns if column]


def caption(graph: ExplanationGraph) -> str:
    """Say what the graph shows and what it rests on, over a legend of the kinds in it."""
    kinds = dict.fromkeys(kind for _, kind in graph.nodes(data="kind"))
    legend = "".join(f'<td bgcolor="{FILLS[kind]}" border="1">{printed(graph.kind(kind))}</td>' for kind in kinds)
    title = f'<font point-size="18"><b>{printed(graph.title())}</b></font>'
    texts = (graph.graph.get("disclaimer", ""), graph.say("graph_lines"), graph.say("graph_arrows"))
    rows = (title, *map(printed, texts))
    wide = "".join(f'<tr><td align="left" colspan="{len(kinds) + 1}">{row}</td></tr>' for row in rows if row)
    return f'<table border="0" cellspacing="4">{wide}<tr>{legend}<td></td></tr></table>'


def printed(text: str) -> str:
    """Write a text for a label in Graphviz's own markup."""
    return escape(" ".join(text.split()))
