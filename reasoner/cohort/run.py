"""Answer a cohort part by part and sum it up; what is done stays done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from reasoner.cohort.courses import orphaned_courses
from reasoner.cohort.engines import cluster, in_order, interrupts_deferred, on_cores, on_dask, processes
from reasoner.cohort.folder import SCRATCH, about, locked, prepare
from reasoner.cohort.part import Job, explain_new, read_table, worker
from reasoner.cohort.summary import SCHEMA, Summary, add
from reasoner.cohort.tables import COUNTED
from reasoner.engine.answer import GuidelineInfo
from reasoner.errors import ReasonerError
from reasoner.files import write_whole
from reasoner.records.shapes import to_json, to_plain

__all__ = ["Progress", "run"]

IDS = 2**23
"""How many ids are compared at once."""


class Progress(NamedTuple):
    """How far a run is, after a part: rows done and to do, rejects so far."""

    done: int
    total: int
    rejects: int


def run(
    job: Job, workers: int, resume: bool, scheduler: str | None, dask: bool, report: Callable[[Progress], None]
) -> Summary:
    """Answer all parts and sum them up; `report` is called after each part. Give the summary.

    With `resume` parts that are done are kept. Raises ReasonerError where the folder holds something else, where a file
    cannot be written or read, and where workers die; what is done then stays, for `resume`.
    """
    if job.output.is_relative_to(job.selection.folder):
        raise ReasonerError(f"{job.output}: is in the guideline's folder, where files are its rules; give another folder")
    with ExitStack() as held:
        client = held.enter_context(cluster(scheduler, workers)) if dask else None
        info = worker(job.selection, job.digest).guideline.info
        manifest = about(job, info)
        held.enter_context(locked(job.output))
        prepare(job, manifest, resume)
        others = min(workers, len(job.parts)) - 1
        numbers = on_dask(job, client) if client else on_cores(job, held.enter_context(processes(others)), others)
        counts, explanations = sum_up(job, numbers, report)
        with interrupts_deferred():
            return finish(job, info, counts, explanations)


def sum_up(job: Job, numbers: Iterator[int], report: Callable[[Progress], None]) -> tuple[Mapping[str, object], int]:
    """Add the counts of the parts as they are answered; give them with the number of distinct explanations."""
    done = rejects = 0
    total = sum(part.rows for part in job.parts)
    seen = np.zeros(0, dtype=np.uint64)
    counts = add({"answered": 0, "rejects": 0}, {kind: {} for kind in ("assumed", *COUNTED)})
    for number in in_order(numbers, len(job.parts)):
        own = json.loads(job.path("counts", number).read_bytes())
        counts = add(counts, own)
        with interrupts_deferred():
            seen = explain_new(job, number, seen)
        done, rejects = done + job.parts[number].rows, rejects + own["rejects"]
        report(Progress(done, total, rejects))
    return counts, len(seen)


def finish(job: Job, info: GuidelineInfo, counts: Mapping[str, object], explanations: int) -> Summary:
    """Write the summary and the rejected rows, and remove what only the run needed."""
    rejects = b"".join(path.read_bytes() for n in range(len(job.parts)) if (path := job.path("rejects", n)).exists())
    known: dict[str, object] = {"distinct_explanations": explanations, "repeated_ids": repeated(job)}
    if job.courses is not None:
        orphans = list(orphaned_courses(job.courses, job.course_index, patients(job)))
        rejects += "".join(json.dumps(row) + "\n" for row in orphans).encode()
        counts = add(counts, {"rejects": len(orphans)})
        known["without_courses_means"] = "untreated" if job.untreated else "unknown"
    summary = msgspec.convert({"schema": SCHEMA, "guideline": to_plain(info), **known, **counts}, Summary)
    write_whole(job.output / "summary.json", msgspec.json.format(to_json(summary), indent=1) + b"\n")
    if rejects:
        write_whole(job.output / "rejects.ndjson", rejects)
    for kind in SCRATCH:
        shutil.rmtree(job.output / kind, ignore_errors=True)
    return summary


def ids_of(job: Job, number: int) -> pl.Series:
    """Give the ids of a part's answered rows."""
    return read_table(job.path("answers", number), ["id"])["id"]


def repeated(job: Job) -> int:
    """Count the answered rows whose id an earlier one has, by hashes of the ids, as many at once as memory holds."""
    turns = 1 + sum(part.rows for part in job.parts) // IDS
    found = 0
    for turn in range(turns):
        hashed = [pl.Series(dtype=pl.UInt64)]
        for number in range(len(job.parts)):
            own = ids_of(job, number).hash()
            hashed.append(own.filter(own % turns == turn))
        ids = pl.concat(hashed)
        found += len(ids) - ids.n_unique()
    return found


def patients(job: Job) -> Iterator[str]:
    """Yield the ids of all patients, answered or rejected."""
    for number in range(len(job.parts)):
        yield from ids_of(job, number)
        if (path := job.path("rejects", number)).exists():
            yield from (json.loads(line)["id"] for line in path.read_bytes().splitlines())
