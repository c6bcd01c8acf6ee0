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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

sys.path.append(str(Path(__file__).resolve().parent.parent))

from by_hand import Bits, decide
from cohorts import WAY_BACK, expected_row, make_cohort
from plain import solve, summary

from reasoner.cohort.batches import Batches
from reasoner.cohort.bits import unpack, words_for
from reasoner.cohort.columns import Dictionaries
from reasoner.cohort.source import plan, read
from reasoner.engine.evaluator import Evaluator
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


class Run(NamedTuple):
    """A run of the command: seconds by the clock and of processors, and the peak of memory in MiB, of all its processes."""

    taken: float
    processors: float
    peak: float


class Bare(NamedTuple):
    """What polars alone takes: seconds by the clock of a process that does it once, and of doing it again in it.

    `processors` are the seconds of processors of doing it again.
    """

    process: float
    again: float
    processors: float


def run(source: Path, output: Path) -> Run:
    """Run the command."""
    command = [str(Path(sys.executable).with_name("reasoner")), "cohort", str(source), "-o", str(output)]
    start = time.perf_counter()
    peak = 0.0
    process = os.posix_spawn(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ])  # fmt: skip
    while not (ended := os.wait4(process, os.WNOHANG))[0]:
        peak = max(peak, memory_of(process))
        time.sleep(0.05)
    return Run(time.perf_counter() - start, ended[2].ru_utime + ended[2].ru_stime, peak)


def memory_of(process: int) -> float:
    """Add up the resident memory of a process and of those that it started, in MiB."""
    total = 0.0
    try:
        started = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children")]
        for number in (process, *itertools.chain.from_iterable(started)):
            lines = dict(line.split(":", 1) for line in Path(f"/proc/{number}/status").read_text().splitlines())
            total += int(lines.get("VmRSS", "0").split()[0]) / 1024
    except OSError:
        pass  # one of them has just ended
    return total


ALONE = """
import os, sys, time
from pathlib import Path
import polars as pl

source, output, scratch = map(Path, sys.argv[1:])
begun = time.perf_counter()
kinds = ("answers", "explanations")
tables = [pl.concat([pl.read_parquet(path) for path in sorted((output / kind).iterdir())]) for kind in kinds]
print(time.perf_counter() - begun)
for _ in range(3):
    begun, busy = time.perf_counter(), time.process_time()
    pl.read_parquet(sorted(source.iterdir()))
    for kind, table in zip(kinds, tables, strict=True):
        table.write_parquet(scratch / f"{kind}.parquet")
    print(time.perf_counter() - begun, time.process_time() - busy, flush=True)
os._exit(0)
"""


def read_and_write(source: Path, output: Path, scratch: Path) -> Bare:
    """Let polars read the input and write tables as large as the output; loading these tables first does not count."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", ALONE, source, output, scratch], check=True, capture_output=True, text=True)
    whole = time.perf_counter() - begun
    loading, _, *again = [[float(number) for number in line.split()] for line in done.stdout.splitlines()]
    taken, processors = (statistics.median(numbers) for numbers in zip(*again, strict=True))
    return Bare(whole - loading[0] - sum(took for took, _ in again), taken, processors)


class Task(NamedTuple):
    """Complete records with the same number of courses: `held` has for each input atom the records in which it holds."""

    evaluator: Evaluator
    held: Bits

    def by_evaluator(self) -> dict[str, Bits]:
        """Evaluate all rules, from packing the records to unpacking the decisions."""
        rows = self.held.shape[1]
        packed = np.packbits(self.held, axis=1, bitorder="little")
        values, _ = self.evaluator.evaluate(
            [int.from_bytes(row, "little") for row in packed], (1 << 8 * packed.shape[1]) - 1
        )
        found = {}
        for kind in ("setting", "recommended", "excluded"):
            for name, atoms in self.evaluator.program.table.get(kind, {}).items():
                truth = np.frombuffer(values[atoms[0][1]].to_bytes(packed.shape[1], "little"), dtype=np.uint8)
                found[f"{kind}({name})"] = np.unpackbits(truth, count=rows, bitorder="little").view(bool)
        return found

    def by_hand(self) -> dict[str, Bits]:
        program, absent = self.evaluator.program, np.zeros(self.held.shape[1], dtype=bool)
        return decide(
            len(absent), program.courses, lambda atom: self.held[program.inputs[atom]] if atom in program.inputs else absent
        )


def tasks(rows: int, folder: Path) -> Iterator[Task]:
    """Make complete records, and sort them by the number of their courses."""
    guideline = Guideline.load()
    make_cohort(4, rows, unknown=0).write_parquet(folder / "complete.parquet")
    (part,) = plan(folder / "complete.parquet", rows, guideline.model)
    records = read(part, Dictionaries(guideline.model), guideline).columns
    courses = records.courses()
    for number in map(int, np.unique(courses)):
        members = np.flatnonzero(courses == number)
        batches = Batches(guideline.evaluator(number))
        batches.evaluator.compile()
        group = batches.group(records.take(members), guideline.adopted)
        batch = batches.batch(np.arange(len(members)), np.zeros((0, len(members)), dtype=np.int64))
        inputs, _ = batches.inputs(group, batch)
        held = np.stack([np.frombuffer(truth.to_bytes(8 * words_for(len(members)), "little"), "<u8") for truth in inputs])
        yield Task(batches.evaluator, unpack(held, len(members)))


def compare_with_hand(rows: int, folder: Path) -> None:
    """Time the evaluator, every rule fired or blocked, against the bare decisions by hand, on the same complete records."""
    evaluated = by_hand = 0.0
    for task in tasks(rows, folder):
        one, other = task.by_evaluator(), task.by_hand()
        for name, holds in other.items():
            assert (holds == one.get(name, False)).all(), (task.evaluator.program.courses, name)
        assert set(one) <= set(other)
        evaluated += statistics.median(seconds(task.by_evaluator) for _ in range(7))
        by_hand += statistics.median(seconds(task.by_hand) for _ in range(7))
    print(f"{rows} complete records: evaluator, all rules, {1e6 * evaluated / rows:.3f} us each;", end=" ")
    print(
        f"bare decisions by hand in numpy, {1e6 * by_hand / rows:.3f} us each; ratio {evaluated / by_hand:.2f} (target 10)"
    )


def check(rows: int, folder: Path) -> None:
    """Compare a cohort's answers with those to its records alone, and with plain clingo."""
    guideline = Guideline.load()
    source, output = make(folder, rows), folder / "checked"
    run(source, output)
    answers = pl.concat([pl.read_parquet(path) for path in sorted((output / "answers").iterdir())])
    assert len(answers) == rows
    frame = pl.read_parquet(sorted(source.iterdir()))
    compared = 0
    for number, (row, found) in enumerate(zip(frame.iter_rows(named=True), answers.iter_rows(named=True), strict=True)):
        record = {key: value for key, value in row.items() if value is not None}
        record["metastatic_therapy"] = json.loads(record["metastatic_therapy"])
        assert expected_row(guideline, record) == {key: value for key, value in found.items() if key not in WAY_BACK}, record
        if number % 100 == 0 and not guideline.answer(record).derivation.completions.open:
            (completion,) = solve(guideline.record(record).facts, guideline.folder, guideline.layer, guideline.model)
            said = summary(completion)
            assert said["recommended"] == sorted(e["regimen"] for e in found["recommended"]), record
            assert said["excluded"] == sorted(e["regimen"] for e in found["excluded"]), record
            assert said["action"] == sorted(e["action"] for e in found["actions"]), record
            compared += 1
    print(f"{rows} answers are those to the records alone, {compared} of them compared with plain clingo")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="how many rows")
    parser.add_argument("--times", type=int, default=5, help="how often each is measured; medians are shown")
    parser.add_argument("--check", type=int, metavar="N", help="compare N answers with those to the records alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        compare_with_hand(100_000, scratch)
        measured: dict[int, Run] = {}
        for rows in options.sizes:
            source, output = make(scratch, rows), scratch / f"out-{rows}"
            runs, alone = [], []
            for _ in range(options.times):
                shutil.rmtree(output, ignore_errors=True)
                runs.append(run(source, output))
                alone.append(read_and_write(source, output, scratch))
            found = measured[rows] = Run(*(statistics.median(numbers) for numbers in zip(*runs, strict=True)))
            bare = Bare(*(statistics.median(numbers) for numbers in zip(*alone, strict=True)))
            distinct = json.loads((output / "summary.json").read_text())["distinct_explanations"]
            each = 1e6 * found.taken / rows
            print(f"{rows:>9} rows: {found.taken:6.2f} s, {each:5.1f} us a row, {distinct} explanations;", end=" ")
            print(f"{found.processors:6.2f} s of processors, peak {found.peak:5.0f} MiB", flush=True)
            print(
                f"          polars alone: {bare.process:.2f} s, ratio {found.taken / bare.process:.2f} (target 4);", end=" "
            )
            print(f"again in the same process {bare.again:.2f} s, ratio {found.taken / bare.again:.2f};", end=" ")
            print(f"{bare.processors:.2f} s of processors, ratio {found.processors / bare.processors:.2f}", flush=True)
            shutil.rmtree(source)
            shutil.rmtree(output)
        for small, large in itertools.pairwise(sorted(measured)):
            slower = measured[large].processors / measured[small].processors / (large / small)
            wider = measured[large].peak / measured[small].peak
            print(f"{small} to {large} rows: time of processors a row times {slower:.2f}, peak of memory times {wider:.2f}")
        if options.check:
            check(options.check, scratch)


if __name__ == "__main__":
    main()
