"""Pictures, drawn by Graphviz where it is installed."""

from __future__ import annotations

import shutil
import subprocess

import networkx as nx

from graphs.dot import to_dot
from reasoner.errors import ReasonerError

__all__ = ["to_png", "to_svg"]


def to_svg(graph: nx.MultiDiGraph) -> bytes:
    """Draw a graph as SVG.

    Raises ReasonerError where Graphviz is not installed or does not draw it.
    """
    return draw(graph, "svg")


def to_png(graph: nx.MultiDiGraph) -> bytes:
    """Draw a graph as PNG.

    Raises ReasonerError where Graphviz is not installed or does not draw it.
    """
    return draw(graph, "png")


def draw(graph: nx.MultiDiGraph, form: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise ReasonerError(f".{form}: Graphviz draws it, and dot is not installed; install graphviz, or write .dot or .mmd")
    kept = ("-Kneato", "-n2") if graph.stands_in_columns() else ()
    run = subprocess.run([program, *kept, f"-T{form}"], input=to_dot(graph).encode(), capture_output=True, check=False)  # noqa: S603
    if run.returncode or run.stderr:
        raise ReasonerError(f".{form}: dot: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout
