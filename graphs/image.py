"""Pictures, drawn by Graphviz where it is installed."""

from __future__ import annotations

import shutil
import subprocess

import networkx as nx

from graphs.dot import to_dot
from reasoner.errors import ReasonerError

__all__ = ["draw"]


def draw(graph: nx.MultiDiGraph, form: str) -> bytes:
    """Draw a graph as "svg" or "png".

    Raises ReasonerError where Graphviz is not installed or does not draw it.
    """
    program = shutil.which("dot")
    if program is None:
        raise ReasonerError(f"{form}: Graphviz draws it, and no dot is installed; install graphviz, or write .dot or .mmd.")
    run = subprocess.run([program, f"-T{form}"], input=to_dot(graph).encode(), capture_output=True, check=False)  # noqa: S603
    if run.returncode or run.stderr:
        raise ReasonerError(f"{form}: dot: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout
