"""Measure how long cohorts take and how much memory, by size, against polars reading the same input and writing as much.

Run as `python tests/benchmarks/many.py [--sizes N ...] [--check N]`. First the evaluator is measured against the bare
decisions by hand (`by_hand.py`), on the same complete records. `--check` compares the answers to N records with those
to each alone, and every hundredth complete one with plain clingo. Both sides of each ratio are measured in the same run.
No time fails the run, a different answer does.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

sys.path.append(str(Path(__file__).resolve().parent.parent))

from by_hand import decide
from cohorts import make_cohort
from plain import summary, worlds_of

from reasoner.cohort.columns import Values
from reasoner.cohort.evaluate import Batch, choices_of, inputs_of
from reasoner.cohort.source import plan, read
from reasoner.guideline import Guideline

BATCH = 1_000_000


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make(folder: Path, rows: int) -> Path:
    """Write a cohort as a folder of Parquet files."""
    made = folder / f"in-{rows}"
    made.mkdir()
    for start in range(0, rows, BATCH):
        make_cohort(2, min(BATCH, rows - start), start=start).write_parquet(made / f"{start:010}.parquet")
    return made


def run(source: Path, output: Path) -> tuple[float, float]:
    """Run the command; give its time in seconds and its peak of memory, all processes, in MiB."""
    command = [str(Path(sys.executable).with_name("reasoner")), "cohort", str(source), "-o", str(output)]
    start = time.perf_counter()
    peak = 0.0
    process = os.posix_spawn(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ])  # fmt: skip
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        peak = max(peak, memory_of(process))
        time.sleep(0.05)
    return time.perf_counter() - start, peak


def memory_of(process: int) -> float:
    """Add up the resident memory of a process and of those that it started, in MiB."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if str(process) in (status.parent.name, lines.get("PPid", "").strip()):
            total += int(lines.get("VmRSS", "0").split()[0]) / 1024
    return total


def read_and_write(source: Path, output: Path, scratch: Path) -> float:
    """Time polars: read the input, and write a table as large as the output."""
    answers = pl.concat([pl.read_parquet(path) for path in sorted((output / "answers").iterdir())])
    explained = pl.concat([pl.read_parquet(path) for path in sorted((output / "explanations").iterdir())])

    def work() -> None:
        pl.read_parquet(sorted(source.iterdir()))
        answers.write_parquet(scratch / "a.parquet")
        explained.write_parquet(scratch / "b.parquet")

    return statistics.median(seconds(work) for _ in range(3))


def compare_with_hand(rows: int) -> None:
    """Time the evaluator, every rule fired or blocked, against the bare decisions by hand, on the same complete records."""
    guideline = Guideline.load()
    knowledge = guideline.knowledge
    values = {fact.name: Values(fact, knowledge) for fact in knowledge.facts}
    evaluated = by_hand = 0.0
    with tempfile.TemporaryDirectory() as folder:
        make_cohort(4, rows, unknown=0).write_parquet(f"{folder}/in.parquet")
        (part,) = plan(Path(folder) / "in.parquet", rows, knowledge)
        records = read(part, values, knowledge).columns
    choices = choices_of(records)
    courses = np.array([told.courses for told in values["metastatic_therapy"].told])[
        next(own.codes for own in records.columns if own.values.fact.kind == "courses")
    ]
    for number in map(int, np.unique(courses)):
        program = guideline.program(number)
        members = np.flatnonzero(courses == number)
        batch = Batch(1, members, np.zeros((0, len(members)), dtype=np.int64), [])
        told = np.stack([
            np.unpackbits(np.frombuffer(row, dtype=np.uint8), count=len(members), bitorder="little").view(bool)
            for row in inputs_of(records, program, choices, batch)
        ])  # fmt: skip
        decided = [f"{kind}({name})" for kind, names in (
            ("setting", knowledge.settings), ("recommended", knowledge.regimens), ("excluded", knowledge.regimens)
        ) for name in names]  # fmt: skip
        places = [program.index.get(name) for name in decided]

        def by_evaluator() -> dict[str, np.ndarray]:
            worlds = 8 * -(-len(members) // 8)
            packed = np.packbits(told, axis=1, bitorder="little")
            atoms, _ = program.evaluate([int.from_bytes(row, "little") for row in packed], (1 << worlds) - 1)
            found = ((0 if place is None else atoms[place]).to_bytes(worlds // 8, "little") for place in places)
            return {
                name: np.unpackbits(np.frombuffer(truth, np.uint8), count=len(members), bitorder="little").view(bool)
                for name, truth in zip(decided, found, strict=True)
            }

        absent = np.zeros(len(members), dtype=bool)

        def alone() -> dict[str, np.ndarray]:
            return decide(
                len(members), number, lambda atom: told[program.inputs[atom]] if atom in program.inputs else absent
            )

        one, other = by_evaluator(), alone()
        assert set(other) >= set(one)
        for name, holds in one.items():
            assert (holds == other[name]).all(), (number, name)
        evaluated += statistics.median(seconds(by_evaluator) for _ in range(7))
        by_hand += statistics.median(seconds(alone) for _ in range(7))
    print(f"evaluator, all rules, {rows} complete records: {1e6 * evaluated / rows:.3f} us each, by hand in numpy the")
    print(
        f"          bare decisions: {1e6 * by_hand / rows:.3f} us each, ratio {evaluated / by_hand:.2f} (target 10)",
        flush=True,
    )


def check(rows: int, folder: Path) -> None:
    """Compare a cohort's answers with those to its records alone, and with plain clingo."""
    guideline = Guideline.load()
    source, output = make(folder, rows), folder / "checked"
    run(source, output)
    answers = pl.concat([pl.read_parquet(path) for path in sorted((output / "answers").iterdir())])
    assert len(answers) == rows
    frame = pl.read_parquet(sorted(source.iterdir()))
    plainly = 0
    for number, (told, found) in enumerate(zip(frame.iter_rows(named=True), answers.iter_rows(named=True), strict=True)):
        record = {key: value for key, value in told.items() if value is not None}
        record["metastatic_therapy"] = json.loads(record["metastatic_therapy"])
        answer = guideline.answer(record)
        alone = (
            answer.patient,
            answer.setting,
            [(e.regimen, e.rank, e.certainty) for e in answer.recommended],
            [(e.regimen, e.certainty) for e in answer.excluded],
            [(e.action, e.certainty) for e in answer.actions],
            [m.fact if m.member is None else f"{m.fact}[{m.member}]" for m in answer.missing],
        )
        together = (
            found["id"],
            found["setting"],
            [(e["regimen"], e["rank"], e["certainty"]) for e in found["recommended"]],
            [(e["regimen"], e["certainty"]) for e in found["excluded"]],
            [(e["action"], e["certainty"]) for e in found["actions"]],
            found["missing"],
        )
        assert alone == together, record
        if number % 100 == 0 and answer.derivation.worlds.count == 1:
            (world,) = worlds_of(guideline.record(record).facts, guideline.folder, guideline.layer, guideline.knowledge)
            said = summary(world)
            assert said["recommended"] == sorted(e["regimen"] for e in found["recommended"]), record
            assert said["excluded"] == sorted(e["regimen"] for e in found["excluded"]), record
            assert said["action"] == sorted(e["action"] for e in found["actions"]), record
            plainly += 1
    print(f"{rows} answers are those to the records alone, {plainly} of them compared with plain clingo")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="how many rows")
    parser.add_argument("--check", type=int, metavar="N", help="compare N answers with those to the records alone")
    options = parser.parse_args()
    compare_with_hand(100_000)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        measured: dict[int, tuple[float, float]] = {}
        for rows in options.sizes:
            source, output = make(scratch, rows), scratch / f"out-{rows}"
            taken, peak = measured[rows] = run(source, output)
            distinct = json.loads((output / "summary.json").read_text())["distinct_explanations"]
            each = 1e6 * taken / rows
            print(f"{rows:>9} rows: {taken:6.2f} s, {each:6.1f} us a row, peak {peak:5.0f} MiB, {distinct} explanations")
            if rows <= BATCH:
                bare = read_and_write(source, output, scratch)
                print(f"          polars alone: {bare:.2f} s, ratio {taken / bare:.2f} (target 4)", flush=True)
            shutil.rmtree(source)
            shutil.rmtree(output)
        for small, large in itertools.pairwise(sorted(measured)):
            slower = measured[large][0] / measured[small][0] / (large / small)
            wider = measured[large][1] / measured[small][1]
            print(f"{small} to {large} rows: time a row times {slower:.2f}, peak of memory times {wider:.2f}")
        if options.check:
            check(options.check, scratch)


if __name__ == "__main__":
    main()
