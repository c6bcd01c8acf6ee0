"""DOT, for Graphviz: nodes with looks of their own for each kind and state, which do without colour."""

from __future__ import annotations

from html import escape

import networkx as nx

from graphs.text import marked, wrapped

__all__ = ["to_dot"]

WIDTH = 34
SHAPES = {
    "patient": "component", "fact": "box", "conclusion": "box", "rule": "ellipse", "statement": "note", "reading": "note",
    "overlay": "note", "citation": "plaintext", "trial": "folder", "outcome": "ellipse", "dead_end": "octagon",
    "silence": "octagon",
}  # fmt: skip
FILLS = {
    "patient": "#dfe7f5", "fact": "#eef3fb", "conclusion": "#e6f4e6", "rule": "#ffffff", "statement": "#fff7dc",
    "reading": "#f6e9fb", "overlay": "#fde2d5", "citation": "#ffffff", "trial": "#eeeeee", "state": "#dfe7f5",
    "regimen": "#e6f4e6", "outcome": "#ffffff", "dead_end": "#fde2d5", "silence": "#fde2d5",
}  # fmt: skip
STYLES = {"fails": "dashed", "recorded_absent": "dashed", "unknown": "dotted"}
LINES = "solid: holds, recorded; dashed: absent, does not fire; dotted: not recorded, or depends on it; ...: cut here"
ARROWS = "arrow: carries; ring: asks for its absence; bar: stands in the way, excludes; dotted: where it comes from"
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
        f"  rankdir=LR; ranksep=0.55; nodesep=0.14; labelloc=t; labeljust=l; label=<{caption(graph)}>;",
        '  fontname="Helvetica"; node [fontname="Helvetica", fontsize=11, margin="0.12,0.05"]; edge [color="#444444"];',
    ]
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
        if "answers" in data:
            looks["penwidth"] = "2.5"
        lines.append(f"  {names[node]} {attributes({**looks, **own})};")
    for source, target, data in graph.edges(data=True):
        style, head = ROLES.get(data.get("role", ""), ("solid", "normal"))
        own = {name: quoted(value) for name, value in data.items()}
        if data.get("role") == "derives" and graph.nodes[source].get("state") == "fails":
            style = "dashed"
        looks = {"style": style, "arrowhead": head, "tooltip": quoted(data.get("role", "").replace("_", " "))}
        if style == "dotted":
            looks["color"] = '"#888888"'
        if graph.nodes[source].get("kind") == "patient":
            looks["weight"] = "0"
        lines.append(f"  {names[source]} -> {names[target]} {attributes({**looks, **own})};")
    lines += ranks(graph, names)
    return "\n".join([*lines, "}"]) + "\n"


def ranks(graph: nx.MultiDiGraph, names: dict[str, str]) -> list[str]:
    """Put the facts of the record into the first column, and what the graph answers into the last."""
    facts = [names[node] for node, data in graph.nodes(data=True) if data.get("kind") == "fact"]
    last = [names[node] for node, data in graph.nodes(data=True) if "answers" in data and not graph.out_degree(node)]
    columns = (("same", facts), ("max", last))
    return [f"  {{ rank={rank}; {'; '.join(column)} }}" for rank, column in columns if column]


def caption(graph: nx.MultiDiGraph) -> str:
    """Say what the graph shows and what it rests on, over a legend of the kinds in it."""
    about = graph.graph
    title = " - ".join(part for part in (about.get("patient", ""), about.get("title", ""), about.get("layer", "")) if part)
    kinds = dict.fromkeys(data.get("kind", "") for _, data in graph.nodes(data=True))
    legend = "".join(f'<td bgcolor="{FILLS.get(kind, "#ffffff")}" border="1">{printed(kind)}</td>' for kind in kinds)
    rows = [
        f'<font point-size="18"><b>{escape(title) or "Explanation graph"}</b></font>',
        printed(about.get("disclaimer", "")),
    ]
    rows += [LINES, ARROWS]
    wide = "".join(f'<tr><td align="left" colspan="{len(kinds) + 1}">{row}</td></tr>' for row in rows if row)
    return f'<table border="0" cellspacing="4">{wide}<tr>{legend}<td></td></tr></table>'


def printed(text: str) -> str:
    """Write a text for a label in Graphviz's own markup."""
    return escape(" ".join(text.replace("_", " ").split()))
