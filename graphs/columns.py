"""The layout of an argument: facts and trials, statements, conclusions, and what these lead to, each a column.

Conclusions stand in the order of the answer, and all others near to what they lead to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from graphs.graph import ExplanationGraph
from graphs.labels import label_lines

__all__ = ["ARROW", "Box", "boxes", "routes"]

WIDTHS = {"fact": 220.0, "trial": 220.0, "statement": 372.0, "reading": 372.0, "overlay": 372.0, "conclusion": 235.0}
BETWEEN, APART = 62.0, 12.0
LINE, MARGIN, ARROW = 13.5, 13.0, 7.0
STATEMENTS = ("statement", "reading", "overlay")


class Box(NamedTuple):
    """The place of a node in points: its middle, from the left and from the bottom, its width and its height."""

    x: float
    y: float
    width: float
    height: float


def boxes(graph: ExplanationGraph) -> dict[str, Box]:
    """Give every node of the graph of an argument its place."""
    columns = [[node for node in graph if column_of(graph, node) == number] for number in range(4)]
    heights = {node: height(graph, node) for node in graph}
    rows = {node: float(row) for row, node in enumerate((*columns[2], *columns[3]))}
    if graph.graph["shows"] == "argument":
        columns[1].sort(key=lambda node: nearness(graph.successors(node), rows))
    rows |= {node: float(row) for row, node in enumerate(columns[1])}
    columns[0].sort(key=lambda node: nearness(graph.successors(node), rows))
    middles = stacked(columns[1], dict.fromkeys(columns[1], 0.0), heights)
    for column, near in ((columns[2], graph.predecessors), (columns[3], graph.predecessors), (columns[0], graph.successors)):
        wanted = {node: nearness(near(node), middles) for node in column}
        if graph.graph["shows"] == "statements":
            column.sort(key=lambda node: wanted[node])
        middles |= stacked(column, wanted, heights)
    left, bottom = 0.0, max(middles.values(), default=0.0)
    found = {}
    for column in columns:
        width = max((WIDTHS[graph.nodes[node]["kind"]] for node in column), default=0.0)
        for node in column:
            found[node] = Box(left + width / 2, bottom - middles[node], width, heights[node])
        left += width + BETWEEN if column else 0.0
    return {node: found[node] for node in graph}


def height(graph: ExplanationGraph, node: str) -> float:
    frame = 8.0 if graph.nodes[node].get("answers") == "excluded" else 0.0
    return LINE * len(label_lines(graph, node)) + MARGIN + frame


def routes(graph: ExplanationGraph, places: dict[str, Box]) -> list[tuple[tuple[float, float], ...]]:
    """Give each edge, in their order, the four points of a curve from the right of its source to the left of its target.

    Those that meet at a side are spread over it, in the order of their other ends.
    """
    edges = list(enumerate(graph.edges()))
    heights: dict[tuple[int, int], float] = {}
    for end in (0, 1):
        for node, box in places.items():
            own = [(number, edge) for number, edge in edges if edge[end] == node]
            own.sort(key=lambda found: places[found[1][1 - end]].y)
            for row, (number, _) in enumerate(own, start=1):
                heights[number, end] = box.y + box.height * (row / (len(own) + 1) - 0.5)
    found: list[tuple[tuple[float, float], ...]] = []
    for number, (source, target) in edges:
        left = places[source].x + places[source].width / 2
        right = places[target].x - places[target].width / 2 - ARROW
        bend = max(BETWEEN, right - left) / 2
        begin, finish = heights[number, 0], heights[number, 1]
        found.append(((left, begin), (left + bend, begin), (right - bend, finish), (right, finish)))
    return found


def column_of(graph: ExplanationGraph, node: str) -> int:
    kind = graph.nodes[node]["kind"]
    if graph.graph["shows"] == "statements" and kind in ("reading", "conclusion"):
        interprets = any(graph.nodes[other]["kind"] in STATEMENTS for other in graph.predecessors(node))
        return 3 if kind == "conclusion" else 2 if interprets else 1
    if kind == "conclusion":
        return 3 if any(graph.nodes[other]["kind"] == kind for other in graph.predecessors(node)) else 2
    return 1 if kind in STATEMENTS else 0


def nearness(others: Iterable[str], places: dict[str, float]) -> float:
    """Give the mean place of nodes, as far as they have one."""
    known = [places[other] for other in others if other in places]
    return sum(known) / len(known) if known else 0.0


def stacked(column: list[str], wanted: dict[str, float], heights: dict[str, float]) -> dict[str, float]:
    """Give the middles of a column's nodes from the top: as near to those wanted as their order and room allow."""
    blocks: list[tuple[list[str], float, float]] = []
    for node in column:
        nodes, top, height = [node], wanted[node] - heights[node] / 2, heights[node]
        while blocks and blocks[-1][1] + blocks[-1][2] + APART > top:
            above, start, size = blocks.pop()
            joint = size + APART + height
            start = (start * len(above) + (top - size - APART) * len(nodes)) / (len(above) + len(nodes))
            nodes, top, height = [*above, *nodes], start, joint
        blocks.append((nodes, top, height))
    found = {}
    for nodes, top, _ in blocks:
        for node in nodes:
            found[node] = top + heights[node] / 2
            top += heights[node] + APART
    return found
