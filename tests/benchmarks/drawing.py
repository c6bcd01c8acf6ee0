"""Measure what the graph of an answer costs, against the answer, and the process that writes it, against its imports.

Run as `python tests/benchmarks/drawing.py [--quick]`. Both sides of each ratio are measured in the same run, in rounds that
alternate; figures are medians. No time fails the run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from answering import alternate, explained_to_the_record, median_of, ms, show, show_ratios

from graphs.build import answer_graph
from reasoner.guideline import Guideline

CASE = "second_line"


def compare_with_answer(guideline: Guideline, rounds: int) -> None:
    """Build graphs of every case's answer: whole, what carried it, and what carried its first conclusion."""
    records = {name: case.record for name, case in guideline.cases().items()}
    answers = {name: guideline.answer(data) for name, data in records.items()}
    first = {
        name: [f"recommended({answer.recommended[0].regimen})"]
        if answer.recommended
        else list(answer.derivation.conclusions()[:1])
        for name, answer in answers.items()
    }
    bare, explained, whole, carrying, one = alternate(
        rounds,
        list(records),
        lambda name: guideline.answer(records[name]),
        lambda name: explained_to_the_record(guideline, records[name]),
        lambda name: answer_graph(answers[name]),
        lambda name: answer_graph(answers[name], blocked=False),
        lambda name: answer_graph(answers[name], first[name], blocked=False),
    )
    sizes = [len(answer_graph(answer)) for answer in answers.values()]
    print(f"1. Graphs of {len(records)} cases, {rounds} rounds; {statistics.median(sizes):.0f} nodes, at most {max(sizes)}")
    for words, times in (("the answer", bare), ("the answer, explained down to the record", explained)):
        show(words, ms(statistics.median(median_of(times).values())))
    for words, times in (("the whole graph", whole), ("what carried it", carrying), ("what carried one regimen", one)):
        show(words, ms(statistics.median(median_of(times).values())))
        print("    against the answer, explained down to the record")
        show_ratios(times, explained, 1)
        print("    against the answer")
        show_ratios(times, bare)


def compare_process(scratch: Path, guideline: Guideline, rounds: int) -> None:
    """Run `reasoner graph FILE -o FILE.dot` against an interpreter that imports clingo, click and networkx."""
    record = scratch / "record.json"
    record.write_text(json.dumps(guideline.cases()[CASE].record), "utf-8")
    command = [str(Path(sys.executable).with_name("reasoner")), "graph", str(record), "-o", str(scratch / "record.dot")]
    imports = [sys.executable, "-c", "import clingo, click, networkx"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def run(command: Sequence[str]) -> object:
        return subprocess.run(command, env=environment, check=True, capture_output=True)

    ours, theirs = alternate(rounds, ["process"], lambda _: run(command), lambda _: run(imports))
    print(f"\n2. The whole process, after one warming run, {rounds} rounds")
    show("reasoner graph FILE -o FILE.dot", ms(median_of(ours)["process"]))
    show('python -c "import clingo, click, networkx"', ms(median_of(theirs)["process"]))
    ratio = median_of(ours)["process"] / median_of(theirs)["process"]
    show("ratio", f"{ratio:.3f}", "<= 1.3", ratio <= 1.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        os.environ.pop("REASONER_CACHE", None)
        guideline = Guideline.load()
        compare_with_answer(guideline, 5 if options.quick else 25)
        compare_process(Path(folder), guideline, 15 if options.quick else 31)


if __name__ == "__main__":
    main()
