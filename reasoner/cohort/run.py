"""Answer a cohort part by part, on the cores of this machine or on Dask; what is done stays done."""

from __future__ import annotations

import atexit
import gc
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from reasoner.cohort.courses import index_courses, orphans, without_courses
from reasoner.cohort.part import Job, answer_part, explain_new, read_table
from reasoner.cohort.tables import COUNTED
from reasoner.errors import ReasonerError
from reasoner.files import UNFINISHED, write_whole
from reasoner.guideline import Guideline, default_folder

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from distributed import Client

__all__ = ["SCHEMA", "Progress", "kept", "run"]

SCHEMA = "reasoner.cohort/1"
SCRATCH = ("fired", "courses")
IDS = 2**23
WAIT = 30
PARTS_OF_A_RUN = {
    "guideline": "the guideline, its layer or its overlays",
    "folder": "the folder of the guideline",
    "overlay_files": "the files of overlays",
    "format": "--to",
    "courses": "--courses",
    "files": "the input (its path, size or time of change)",
    "parts": "how it is cut into parts (--rows)",
}


class Progress(NamedTuple):
    """How far a run is, after a part: rows done and to do, rejects so far."""

    done: int
    total: int
    rejects: int


def run(
    job: Job, workers: int, resume: bool, scheduler: str | None, dask: bool, report: Callable[[Progress], None]
) -> dict[str, object]:
    """Answer all parts and sum them up; `report` is told after each part. Give the summary.

    With `resume` parts that are done are kept. Raises ReasonerError where the folder holds something else, where a file
    cannot be written or read, and where workers die; what is done then stays, for `resume`.
    """
    if job.folder is not None and Path(job.output).is_relative_to(job.folder):
        raise ReasonerError(f"{job.output}: is in the guideline's folder, where files are its rules; give another folder")
    with ExitStack() as held:
        client = held.enter_context(cluster(scheduler, workers)) if dask else None
        described = about(job)
        held.enter_context(alone(Path(job.output)))
        start(job, described, resume)
        others = min(workers, len(job.parts)) - 1
        numbers = on_dask(job, client) if client else on_cores(job, held.enter_context(processes(others)), others)
        return summed_up(job, described, numbers, report)


def summed_up(
    job: Job, described: Mapping[str, object], numbers: Iterator[int], report: Callable[[Progress], None]
) -> dict[str, object]:
    """Sum the parts up as they are answered."""
    done = rejects = 0
    total = sum(part.rows for part in job.parts)
    seen = np.zeros(0, dtype=np.uint64)
    summed = add({"answered": 0, "rejects": 0}, {kind: {} for kind in COUNTED})
    for number in topological_order(numbers, len(job.parts)):
        counted = json.loads(job.path("counts", number).read_bytes())
        summed = add(summed, counted)
        seen = explain_new(job, number, seen)
        done, rejects = done + job.parts[number].rows, rejects + counted["rejects"]
        report(Progress(done, total, rejects))
    lines = b"".join(path.read_bytes() for n in range(len(job.parts)) if (path := job.path("rejects", n)).exists())
    if job.courses is not None:
        lost = [json.dumps(row) + "\n" for row in orphans(Path(job.courses), job.course_index, patients(job))]
        lines += "".join(lost).encode()
        summed = add(summed, {"rejects": len(lost)})
    known = {"distinct_explanations": len(seen), "repeated_ids": repeated(job)}
    if job.courses is not None:
        answered = itertools.chain.from_iterable(ids_of(job, number) for number in range(len(job.parts)))
        known["without_courses"] = without_courses(job.course_index, answered)
    summary = {"schema": SCHEMA, "guideline": described["guideline"], **known, **summed}
    write_whole(Path(job.output) / "summary.json", (json.dumps(summary, indent=1) + "\n").encode())
    if lines:
        write_whole(Path(job.output) / "rejects.ndjson", lines)
    for kind in SCRATCH:
        shutil.rmtree(Path(job.output) / kind, ignore_errors=True)
    return summary


def ids_of(job: Job, number: int) -> pl.Series:
    """Give the ids of a part's answered rows."""
    return read_table(job.path("answers", number), ["id"])["id"]


def repeated(job: Job) -> int:
    """Count the answered rows whose id an earlier one has: as many hashes of ids are compared at once as memory holds."""
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


def about(job: Job) -> dict[str, object]:
    """Say what a run is about: the guideline, and the input."""
    guideline = Guideline.load(job.folder, job.layer, job.overlays)
    files = dict.fromkeys([part.file for part in job.parts] + ([job.courses] if job.courses else []))
    return {
        "guideline": guideline.info.to_dict(),
        "folder": job.folder,
        "overlay_files": list(job.overlays),
        "format": job.form,
        "courses": job.courses,
        "files": [[name, (found := os.stat(name)).st_size, found.st_mtime_ns] for name in files],
        "parts": [list(part) for part in job.parts],
    }


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Keep other runs away from an output folder, on systems that lock."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ReasonerError(f"{output}: is a file; give a folder") from None
    except OSError as error:
        raise ReasonerError(f"{output}: cannot be written: {error.strerror}") from None
    handle = os.open(output, os.O_RDONLY)
    try:
        lock(handle, output)
        yield
    finally:
        os.close(handle)


def lock(handle: int, output: Path) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ReasonerError(f"{output}: another run is at work there; wait for it, or give another folder") from None


def start(job: Job, described: Mapping[str, object], resume: bool) -> None:
    """Prepare the output folder, or check that it holds the same run."""
    output = Path(job.output)
    manifest = output / "run.json"
    content = (json.dumps({"schema": SCHEMA, **described}, indent=1) + "\n").encode()
    try:
        if manifest.exists():
            if not resume:
                raise ReasonerError(f"{output}: holds a run already; --resume continues it, another folder starts anew")
            if manifest.read_bytes() != content:
                raise ReasonerError(
                    f"{output}: holds a run that differs in {difference(manifest, described)}; give what it was started "
                    "with, or another folder"
                )
        elif not all(path.match(manifest.name + UNFINISHED) for path in output.iterdir()):
            raise ReasonerError(f"{output}: is not empty and holds no run; give another folder")
        for path in output.rglob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)
        if not manifest.exists():
            write_whole(manifest, content)
        for kind in ("answers", "explanations", "rejects", "counts", *SCRATCH):
            (output / kind).mkdir(exist_ok=True)
        keep(job)
    except OSError as error:
        raise ReasonerError(f"{output}: cannot be written: {error.strerror}") from None
    if job.courses is not None and not job.course_index.exists():
        index_courses(Path(job.courses), job.course_index)


def keep(job: Job) -> None:
    """Copy the guideline into the output folder, unless it is there."""
    own, overlays = default_folder() if job.folder is None else Path(job.folder), [Path(path) for path in job.overlays]
    folder, layers = kept(Path(job.output), own, overlays)
    files = {path: folder / path.relative_to(own) for path in sorted(own.rglob("*.lp"))}
    for path, copy in (*files.items(), *zip(overlays, layers, strict=True)):
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_whole(copy, path.read_bytes())


def kept(output: Path, folder: Path, overlays: Sequence[Path]) -> tuple[Path, list[Path]]:
    """Say where an output folder keeps a guideline's folder and its overlays, so that answers can be explained later."""
    own = output / "guideline"
    return own / folder.name, [own / f"overlay-{n}" / path.parent.name / path.name for n, path in enumerate(overlays)]


def difference(manifest: Path, described: Mapping[str, object]) -> str:
    """Name what of a run is not as described."""
    with suppress(ValueError):
        was = json.loads(manifest.read_bytes())
        if isinstance(was, dict) and was.get("schema") == SCHEMA:
            return ", ".join(words for name, words in PARTS_OF_A_RUN.items() if was.get(name) != described[name])
    return "all (run.json is not readable)"


def topological_order(numbers: Iterator[int], total: int) -> Iterator[int]:
    """Yield the numbers of parts in their order, each as soon as all before it are done."""
    done: set[int] = set()
    following = 0
    for number in numbers:
        done.add(number)
        while following in done:
            done.remove(following)
            yield following
            following += 1
    assert following == total


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor | None]:
    """Keep processes at work, none where `count` is 0.

    They end their parts where a run fails, and leave at once where it is interrupted or gone: another may go on with it.
    """
    if count < 1:
        yield None
        return
    os.environ["POLARS_MAX_THREADS"] = "1"  # of each process: there is one for each core
    spawn = multiprocessing.get_context("spawn")
    lifeline, end = spawn.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=leave_with, initargs=(lifeline,))
    try:
        yield pool
    except KeyboardInterrupt:
        end.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        end.close()


def leave_with(lifeline: Connection) -> None:
    """End this process as soon as the other end of a pipe is closed."""
    atexit.register(gc.freeze)

    def watch() -> None:
        with suppress(EOFError):
            lifeline.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold interrupts back here for a while, and for good in threads and processes that start meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def on_cores(job: Job, pool: ProcessPoolExecutor | None, others: int) -> Iterator[int]:
    """Answer parts here and in `others` processes; whoever is free takes the next."""
    numbers = iter(range(len(job.parts)))
    if pool is None:
        yield from (answer_part(job, number) for number in numbers)
        return
    finished: SimpleQueue[Future[int]] = SimpleQueue()

    def hand_out() -> None:
        for number in itertools.islice(numbers, 1):
            try:
                pool.submit(answer_part, job, number).add_done_callback(take_in)
            except RuntimeError as error:  # the pool broke, or was shut down, in between
                failed = Future[int]()
                failed.set_exception(error)
                finished.put(failed)

    def take_in(future: Future[int]) -> None:
        finished.put(future)
        if not future.cancelled() and future.exception() is None:
            hand_out()

    with uninterrupted():
        for _ in range(others):
            hand_out()
    try:
        left = len(job.parts)
        for number in numbers:
            yield answer_part(job, number)
            left -= 1
            while not finished.empty():
                yield finished.get().result()
                left -= 1
        for _ in range(left):
            yield finished.get().result()
    except BrokenProcessPool:
        raise ReasonerError("a worker died (killed, or out of memory); --resume continues with what is done") from None


@contextmanager
def cluster(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to a Dask scheduler that has a worker, or start one with this machine's cores."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ReasonerError("--engine dask: Dask is not installed; pip install 'guideline-reasoner[cohort]'") from None
    with ExitStack() as held:
        try:
            own = scheduler or held.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            )
            client = held.enter_context(Client(own, timeout=WAIT))
        except (OSError, ValueError) as error:
            raise ReasonerError(
                f"--scheduler {scheduler}: no Dask scheduler answers there ({error}); write tcp://HOST:PORT"
            ) from None
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            raise ReasonerError(f"--scheduler {scheduler}: no worker has joined it in {WAIT} seconds") from None
        yield client


def on_dask(job: Job, client: Client) -> Iterator[int]:
    """Answer parts on a Dask cluster, which retries what dies."""
    from distributed import as_completed

    futures = client.map(lambda number: answer_part(job, number), range(len(job.parts)), pure=False, retries=5)
    for future in as_completed(futures):
        yield future.result()
        future.release()


def add(total: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """Add counts to counts."""
    found: dict[str, object] = dict(total)
    for name, value in more.items():
        own = found.get(name)
        if isinstance(value, dict):
            found[name] = add(own if isinstance(own, dict) else {}, value)
        else:
            found[name] = (own if isinstance(own, int) else 0) + (value if isinstance(value, int) else 0)
    return dict(sorted(found.items()))
