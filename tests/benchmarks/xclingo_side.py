"""Explain a patient with xclingo 2, once for each line on standard input.

Run as `PYTHON xclingo_side.py RULES FACTS` by an interpreter that has xclingo. Each answer is a line of JSON: the seconds
taken, the explained atoms and the explanations found. Nothing but loading the modules stands outside the time.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path

from xclingo import XclingoControl


def explain(rules: Path, facts: Path) -> tuple[list[str], int, int]:
    """Solve and explain; return the explained atoms, the number of explanations and the length of their text."""
    control = XclingoControl(["1"], n_explanations="1")
    control.add("base", [], rules.read_text("utf-8") + facts.read_text("utf-8"))
    control.ground([("base", [])])
    atoms: list[str] = []
    trees: list[str] = []
    for model in control.solve():
        for graph in model.explain_model():
            atoms += map(str, graph.show_trace)
            trees += [graph.explain(symbol).ascii_tree() for symbol in graph.show_trace]
    return sorted(atoms), len(trees), sum(map(len, trees))


def main() -> None:
    rules, facts = map(Path, sys.argv[1:])
    for _ in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            start = time.perf_counter()
            atoms, trees, length = explain(rules, facts)
            seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "atoms": atoms, "trees": trees, "length": length}), flush=True)


if __name__ == "__main__":
    main()
