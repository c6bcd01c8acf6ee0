"""Measure how long a check of all patients takes, against one plain clingo answer, and how it grows with the rules.

Run as `python tests/benchmarks/checking.py [--quick] [--copies N ...]`. Both sides of each ratio are measured in the same
run; figures are medians. The targets are printed beside them; no time fails the run, a different report does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import clingo
from copies import write_copies

from reasoner.guideline import LAYERS, Guideline, default_folder
from reasoner.verification.check import Report, check
from reasoner.verification.diff import diff

CORE = default_folder().parent / "core"
CASE = "second_line"
PER_ANSWER, GROWTH = 200, {10: 15, 100: 300}


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Give the median time of some rounds, after one that does not count."""
    times = []
    for number in range(rounds + 1):
        start = time.perf_counter()
        work()
        if number:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def plain(folder: Path, layer: str, facts: str) -> None:
    """Answer one record with clingo by itself: load, ground and solve."""
    control = clingo.Control(["--warn=none"])
    readings = [folder / "readings.lp"] if layer == "curated" else []
    for path in (CORE / "core.lp", folder / "guideline.lp", *readings):
        control.load(str(path))
    control.add("base", [], facts)
    control.ground()
    control.solve()


def show(words: str, figure: str, target: float | None = None, ratio: float = 0.0) -> None:
    met = "" if target is None else f"   target <= {target:g}: {'met' if ratio <= target else 'MISSED'}"
    print(f"  {words:64} {figure:>12}{met}", flush=True)


def essence(report: Report) -> set[tuple[str, str]]:
    """Give what a report finds about patients, without what copies repeat."""
    kinds = ("conflict", "gap", "dead_end", "pointer", "boundary")
    return {(f.kind, f.message) for f in report.findings if f.witness is not None and f.kind in kinds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and copies up to 10")
    parser.add_argument("--copies", type=int, nargs="*", default=None)
    options = parser.parse_args()
    rounds = 2 if options.quick else 5
    own: dict[str, float] = {}
    for layer in LAYERS:
        guideline = Guideline.load(layer=layer)
        facts = guideline.record(guideline.cases()[CASE].record).facts
        answer = seconds(lambda f=facts, at=layer: plain(default_folder(), at, f), rounds * 10)  # type: ignore[misc]
        own[layer] = seconds(lambda g=guideline: check(g), rounds)  # type: ignore[misc]
        print(f"{layer} layer: {len(check(guideline).findings)} findings")
        show("one plain clingo answer", f"{answer * 1000:.1f} ms")
        show("the complete check", f"{own[layer]:.2f} s")
        ratio = own[layer] / answer
        show("ratio", f"{ratio:.0f}", PER_ANSWER if layer == "curated" else None, ratio)
        same = seconds(lambda g=guideline: diff(g, g), rounds)  # type: ignore[misc]
        show("equivalence with itself proved", f"{same:.2f} s")
    wanted = options.copies if options.copies is not None else [10] if options.quick else [10, 100]
    expected = essence(check(Guideline.load()))
    for copies in wanted:
        with tempfile.TemporaryDirectory() as scratch:
            folder = write_copies(default_folder(), CORE, Path(scratch) / "her2_mbc", copies)
            copied = Guideline.load(folder)
            copied.space(3)
            few = rounds if copies <= 10 else 1
            taken = seconds(lambda g=copied: check(g), few)  # type: ignore[misc]
            report = check(copied)
        print(f"curated layer, the rules {copies} times: {len(copied.model.rules)} rules, {len(report.findings)} findings")
        show("the complete check", f"{taken:.2f} s")
        ratio = taken / own["curated"]
        show("ratio to the guideline itself", f"{ratio:.1f}", GROWTH.get(copies), ratio)
        if essence(report) != expected:
            print(sorted(essence(report) ^ expected)[:5])
            sys.exit("the copies show other defects than the guideline itself")


if __name__ == "__main__":
    main()
