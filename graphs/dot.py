"""DOT, for Graphviz: each kind and state of a node has a look of its own that does without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from html import escape

from graphs.columns import ARROW, Box, boxes, routes
from graphs.graph import ExplanationGraph
from graphs.labels import label_lines
from graphs.palette import BORDERS, FILLS, LINES, colour

__all__ = ["to_dot"]

SHAPES = {"rule": "ellipse", "trial": "plaintext", "citation": "plaintext", "dead_end": "octagon", "silence": "octagon"}
TEXT, SMALL, TITLE = 11, 10, 15
LONGEST, MOST_LINES = 170, 2
ROOM, LETTER, BOX = 16, 5, 4
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
    """Write a graph as DOT; each node has the graph's id as `key`, and all attributes but `label` under their names.

    The nodes of an argument have places, which ``neato -n2`` keeps to.
    """
    names = {node: f"n{number}" for number, node in enumerate(graph)}
    argued = graph.stands_in_columns()
    places = boxes(graph) if argued else {}
    font = f'fontname="Helvetica", fontcolor="{colour("ink")}"'
    lines = [
        "digraph explanation {",
        "  rankdir=LR; outputorder=edgesfirst; ranksep=0.6; nodesep=0.14; labelloc=t; labeljust=l; pad=0.2;",
        f"  label=<{caption(graph)}>;",
        f'  {font.replace(", ", "; ")}; node [{font}, fontsize={TEXT}, margin="0.14,0.07"];',
        f'  edge [color="{colour("edge")}", arrowsize=0.7];',
        *(f"  {names[node]} {attributes(node_attributes(graph, node) | placed(graph, node, places))};" for node in graph),
    ]
    curves = routes(graph, places) if argued else []
    for number, (source, target, role) in enumerate(graph.edges(data="role")):
        looks = edge_attributes(graph, source, role) | (routed(curves[number]) if curves else {})
        lines.append(f"  {names[source]} -> {names[target]} {attributes(looks)};")
    lines += [] if argued else ranks(graph, names)
    return "\n".join([*lines, "}"]) + "\n"


def node_attributes(graph: ExplanationGraph, node: str) -> dict[str, str]:
    data = graph.nodes[node]
    kind, listed = data["kind"], data.get("answers", "")
    argued = graph.stands_in_columns()
    end = "\\l" if argued else "\\n"
    looks = {
        "key": quoted(node),
        "label": '"' + "".join(quoted(line)[1:-1] + end for line in label_lines(graph, node)) + '"',
        "shape": SHAPES.get(kind, "box"),
        "style": f'"filled,{"rounded," if kind in ("fact", "outcome") else ""}{LINES.get(data.get("state", ""), "solid")}"',
        "fillcolor": f'"{colour(FILLS[kind])}"',
        "color": f'"{colour(BORDERS.get(listed) or BORDERS.get(kind, "edge"))}"',
        "tooltip": quoted(data.get("text") or data["label"]),
    }
    if kind in ("trial", "citation"):
        looks |= {"fontsize": str(SMALL), "fontcolor": f'"{colour("faint")}"'}
    if listed:
        looks["penwidth"] = "2"
    if listed == "excluded":
        looks["peripheries"] = "2"
    return looks | {name: quoted(value) for name, value in data.items() if name != "label"}


def placed(graph: ExplanationGraph, node: str, places: Mapping[str, Box]) -> dict[str, str]:
    """Write the place of a node as Graphviz takes it: in points, its size in inches, without a second frame."""
    if node not in places:
        return {}
    box, frame = places[node], 8 if graph.nodes[node].get("answers") == "excluded" else 0
    inches = {"width": (box.width - frame) / 72, "height": (box.height - frame) / 72}
    return {"pos": f'"{box.x:.1f},{box.y:.1f}"', **{name: f"{size:.2f}" for name, size in inches.items()}}


def routed(curve: tuple[tuple[float, float], ...]) -> dict[str, str]:
    """Write the curve of an edge as Graphviz takes it, with the tip of the arrow first."""
    x, y = curve[-1]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in curve)
    return {"pos": f'"e,{x + ARROW:.1f},{y:.1f} {points}"'}


def edge_attributes(graph: ExplanationGraph, source: str, role: str) -> dict[str, str]:
    data = graph.nodes[source]
    style, head = ARROWS.get(role, ("solid", "normal"))
    if role == "derives" and data["state"] == "fails":
        style = "dashed"
    looks = {"style": style, "arrowhead": head, "tooltip": quoted(graph.role(source, role)), "role": quoted(role)}
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
    argued = graph.stands_in_columns()
    lines = graph.say("graph_lines_of_argument" if argued else "graph_lines")
    arrows = graph.say("graph_arrows_of_argument" if argued else "graph_arrows")
    small = [text for text in (*left_out_lines(graph), graph.graph.get("disclaimer", ""), lines, arrows) if text]
    rows = (sized(TITLE, f"<b>{printed(graph.title())}</b>"), *(sized(SMALL, printed(text)) for text in small))
    there = {kind for _, kind in graph.nodes(data="kind")}
    kinds = {kind: graph.kind(kind) for kind in FILLS if kind in there}
    columns = 2 * len(kinds) + 1
    wide = "".join(f'<tr><td align="left" colspan="{columns}">{row}</td></tr>' for row in rows)
    rest = LETTER * (max(map(len, small)) - sum(len(name) + BOX for name in kinds.values()))
    room = f'<tr><td colspan="{columns}" height="{ROOM}"></td></tr>'
    return f'<table border="0" cellspacing="3">{wide}<tr>{legend(kinds)}<td width="{max(rest, 1)}"></td></tr>{room}</table>'


def left_out_lines(graph: ExplanationGraph) -> list[str]:
    """Name what was left out, the first in the order of the answer, in two lines at most, with how many more there are."""
    between = graph.say("and")
    names = [name for name in graph.graph.get("left_out", "").replace("\n", between).split(between) if name]
    for shown in range(len(names), 0, -1):
        words = between.join(names[:shown])
        rest = len(names) - shown
        told = graph.say("graph_left_out", graph.say("and_more", words, str(rest)) if rest else words)
        found = textwrap.wrap(told, LONGEST)
        if len(found) <= MOST_LINES or shown == 1:
            return found
    return []


def legend(kinds: Mapping[str, str]) -> str:
    """Write kinds with their names, each as two cells: a small box of its colour, and the name."""
    box = f'width="16" height="11" fixedsize="true" border="1" color="{colour("edge")}"'
    return "".join(
        f'<td {box} bgcolor="{colour(FILLS[kind])}"></td><td align="left">{sized(SMALL, printed(name) + 2 * " ")}</td>'
        for kind, name in kinds.items()
    )


def sized(size: int, text: str) -> str:
    return f'<font point-size="{size}">{text}</font>'


def printed(text: str) -> str:
    """Write a text for a label in Graphviz's own markup."""
    return escape(" ".join(text.split()))
