"""What answers the parts of a cohort: the cores of this machine, or a Dask cluster."""

from __future__ import annotations

import atexit
import gc
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from reasoner.cohort.part import Job, answer_part
from reasoner.errors import ReasonerError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import FrameType

    from distributed import Client

__all__ = ["cluster", "in_order", "interrupts_deferred", "on_cores", "on_dask", "processes"]

WAIT = 30
"""How many seconds a scheduler, and its first worker, may take to answer."""


def in_order(numbers: Iterator[int], total: int) -> Iterator[int]:
    """Yield the numbers of finished parts in ascending order, each as soon as all before it are finished."""
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
def interrupts_blocked() -> Iterator[None]:
    """Block interrupts here for a while, and for good in threads and processes that start meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Put an interrupt off until a step is done: inside compiled code it could turn into another error.

    A second interrupt is not put off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    deferred = False

    def defer(number: int, frame: FrameType | None) -> None:
        nonlocal deferred
        if deferred and callable(before):
            before(number, frame)
        deferred = True

    before = signal.signal(signal.SIGINT, defer)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if deferred and callable(before):
        before(signal.SIGINT, None)


def answer_here(job: Job, number: int) -> int:
    with interrupts_deferred():
        return answer_part(job, number)


def on_cores(job: Job, pool: ProcessPoolExecutor | None, others: int) -> Iterator[int]:
    """Answer parts here and in `others` processes; whoever is free takes the next."""
    numbers = iter(range(len(job.parts)))
    if pool is None:
        yield from (answer_here(job, number) for number in numbers)
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

    with interrupts_blocked():
        for _ in range(others):
            hand_out()
    try:
        left = len(job.parts)
        for number in numbers:
            yield answer_here(job, number)
            left -= 1
            while not finished.empty():
                yield finished.get().result()
                left -= 1
        for _ in range(left):
            yield finished.get().result()
    except BrokenProcessPool:
        raise ReasonerError("a worker died (killed, or out of memory); continue with --resume") from None


@contextmanager
def cluster(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to a Dask scheduler that has a worker, or start one on the cores of this machine."""
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
                f"--scheduler {scheduler}: no Dask scheduler answers ({error}); write tcp://HOST:PORT"
            ) from None
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            raise ReasonerError(f"--scheduler {scheduler}: no worker has joined it in {WAIT} seconds") from None
        yield client


def on_dask(job: Job, client: Client) -> Iterator[int]:
    """Answer parts on a Dask cluster, which tries again where a worker dies."""
    from distributed import as_completed

    futures = client.map(lambda number: answer_part(job, number), range(len(job.parts)), pure=False, retries=5)
    for future in as_completed(futures):
        yield future.result()
        future.release()
