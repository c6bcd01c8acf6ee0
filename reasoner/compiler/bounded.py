"""Compile in a process of its own, so that no guideline's text can end this one, hang it or fill its memory.

clingo can crash, ground without end, and take all memory, and nothing stops it from inside. The process is started when
something is compiled for the first time and serves until this one ends; one that was lost is replaced. A guideline may take
60 seconds of processor time and 2048 MiB of memory: ``REASONER_COMPILE_SECONDS`` and ``REASONER_COMPILE_MEMORY`` set other
limits. With ``REASONER_COMPILE_SECONDS=off``, and where Python cannot be started, everything is compiled here, without.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from reasoner.compiler.program import Part
from reasoner.compiler.protocol import (
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    REPLIES,
    Failed,
    Made,
    Ready,
    Refused,
    Reply,
    Step,
    Task,
    receive,
    send,
)
from reasoner.compiler.selection import shared_folder
from reasoner.compiler.sources import GuidelineFiles, place_name
from reasoner.errors import GuidelineError

if TYPE_CHECKING:
    from reasoner.compiler.compiler import Compiler

__all__ = ["Limits", "make"]

SECONDS, MEMORY = "REASONER_COMPILE_SECONDS", "REASONER_COMPILE_MEMORY"
MIB = 2**20
SHARE = 16
"""What is made may take this part of the memory that making it may: decoded, it takes up to ten times that."""
READING = 5
"""How many seconds more steps may take: what is read is read twice."""
WAITING = 2
"""The most processes that are kept waiting."""
SHOWN = 160
"""The most characters of a rule in a message."""
START = """
import importlib.util, json, sys, types
about = json.loads(sys.argv[1])
sys.path += [folder for folder in about["path"] if folder not in sys.path]
sys.dont_write_bytecode, sys.pycache_prefix = about["bytecode"]
asp = sys.modules["asp"] = types.ModuleType("asp")
asp.__path__ = [about["asp"]]
spec = importlib.util.spec_from_file_location("reasoner", about["reasoner"])
package = sys.modules["reasoner"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from reasoner.compiler.worker import main
main()
"""
"""Imports this very package, and nothing from the working directory."""


class Limits(NamedTuple):
    """What compiling a guideline may take: seconds of processor time and bytes of memory."""

    seconds: float = 60
    memory: int = 2048 * MIB

    @classmethod
    def from_environment(cls) -> Limits | None:
        """Read the limits that are set; None where there are none. Raises GuidelineError for what is no number."""
        seconds = os.environ.get(SECONDS) or str(cls().seconds)
        if seconds == "off" or not sys.executable or getattr(sys, "frozen", False) or sys.platform in ("emscripten", "wasi"):
            return None
        memory = os.environ.get(MEMORY) or str(cls().memory // MIB)
        limits = []
        for name, text, unit in ((SECONDS, seconds, "seconds, or off"), (MEMORY, memory, "MiB")):
            if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 10**6:
                raise GuidelineError(f'{name}: "{text}" is no limit; give a whole number of {unit}')
            limits.append(int(text))
        return cls(limits[0], limits[1] * MIB)


class Lost(Exception):  # noqa: N818 (not an error: what became of a process)
    """The process ended in the middle of a task, with a status as `subprocess` gives it."""

    def __init__(self, status: int) -> None:
        self.status = status


class Worker:
    """A process that compiles, and the two ends to speak to it."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-c", START, json.dumps(imports())]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}  # each thread would set memory aside
        try:
            self.process = subprocess.Popen(  # noqa: S603 (this Python)
                command, stdin=pipe, stdout=pipe, stderr=nothing, start_new_session=True, env=environment
            )
        except OSError as error:
            raise GuidelineError(f"{sys.executable} cannot be started to compile: {error.strerror}; {WITHOUT}") from None
        self.tasks: BinaryIO = self.process.stdin  # type: ignore[assignment]
        self.replies: BinaryIO = self.process.stdout  # type: ignore[assignment]
        self.used = False
        WORKERS.add(self)

    def begin(self, task: Task) -> None:
        """Send a task; raises GuidelineError where the process has not started."""
        if not self.used and receive(self.replies, REPLIES, MIB) != Ready():
            raise GuidelineError(f"{sys.executable} does not start to compile (status {self.end()}); {WITHOUT}")
        self.used = True
        with suppress(BrokenPipeError):
            send(task, self.tasks)

    def reply(self, task: Task) -> Reply:
        """Take the next reply to a task; raises Lost where the process ends before that."""
        reply = None
        with suppress(msgspec.DecodeError):
            reply = receive(self.replies, REPLIES, task.largest + MIB)
        if reply is None:
            raise Lost(self.end())
        return reply

    def end(self, patience: float = 1) -> int:
        """Let the process end, which it does by itself where it has no task, and give its status."""
        WORKERS.discard(self)
        self.leave()
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def leave(self) -> None:
        """Close this side of the pipes."""
        for stream in (self.tasks, self.replies):
            with suppress(OSError):
                stream.close()


WITHOUT = f"{SECONDS}=off compiles without a process of its own, and without limits."
WORKERS: set[Worker] = set()
IDLE: list[Worker] = []


def imports() -> dict[str, object]:
    """Say from where the process imports: from where this one does, but for the working directory."""
    package = Path(__file__).resolve().parent.parent
    here = os.getcwd()
    own = [folder for folder in sys.path if os.path.isabs(folder) and os.path.realpath(folder) != os.path.realpath(here)]
    found = (PathFinder.find_spec(name) for name in ("clingo", "msgspec", "networkx", "_cffi_backend"))
    needed = (os.path.abspath(os.path.join(s.origin, *[".."] * (1 + bool(s.parent)))) for s in found if s and s.origin)
    return {
        "path": [*own, *needed],
        "asp": str(shared_folder()),
        "reasoner": str(package / "__init__.py"),
        "bytecode": [sys.dont_write_bytecode, sys.pycache_prefix],
    }


def make(files: GuidelineFiles, part: Part) -> bytes:
    """Make a part of a guideline, as encoded data.

    Raises GuidelineError where its files cannot be used, or compiling them goes beyond the limits.
    """
    limits = Limits.from_environment()
    if limits is None:
        return msgspec.msgpack.encode(here(files).make(part))
    task = Task(files, part, limits.seconds, limits.memory, limits.memory // SHARE)
    try:
        reply = perform(task)
    except Lost as lost:
        raise GuidelineError(explain(task, lost.status)) from None
    if isinstance(reply, Made):
        return reply.content
    if isinstance(reply, Refused):
        raise GuidelineError(reply.message)
    assert isinstance(reply, Failed)
    raise RuntimeError(reply.traceback)


@lru_cache(maxsize=4)
def here(files: GuidelineFiles) -> Compiler:
    from reasoner.compiler.compiler import Compiler

    return Compiler(files)


def perform(task: Task) -> Reply:
    """Let some process perform a task; raises Lost where it does not survive that."""
    while True:
        worker = idle_worker() or Worker()
        fresh = not worker.used
        try:
            worker.begin(task)
            reply = worker.reply(task)
        except Lost as lost:
            if fresh or lost.status in TOO_LONG:
                raise
            continue  # what it did before may have filled its memory, or something else ended it
        except BaseException:
            worker.end(0)
            raise
        if (isinstance(reply, Made) and reply.last) or len(IDLE) >= WAITING:
            worker.end()
        else:
            IDLE.append(worker)
        return reply


def idle_worker() -> Worker | None:
    """Take a process that waits for a task."""
    with suppress(IndexError):
        while True:
            worker = IDLE.pop()
            if worker.process.poll() is None:
                return worker
            worker.end()
    return None


TOO_LONG = (OUT_OF_TIME, -getattr(signal, "SIGXCPU", 24))


def explain(task: Task, status: int) -> str:
    """Say why a task ended the process, and of which rule."""
    step = growing(task)
    part = task.part
    histories = f" for histories of length {part.courses}" if part.what in ("program", "space") else ""
    work = f"compiling the guideline{histories}"
    memory = f"{task.memory // MIB} MiB of memory"
    if status in TOO_LONG:
        cause = f"{work} takes more than {task.seconds:g} s of processor time"
        remedy = f"{SECONDS} sets another limit"
    elif status == OUT_OF_MEMORY or (step is not None and step.rule):
        cause = f"{work} takes more than {memory}"
        remedy = f"{MEMORY} sets another limit"
    else:
        cause = f"clingo ends ({name_of(status)}): what it reads nests too deeply, or takes more than {memory}"
        remedy = "write it in another way"
    if step is None:
        return f"{place_name(task.files.own[0].path)}: {cause}, and no single rule stands out; {remedy}."
    if not step.rule:
        return f"{step.place}: {cause}, at what stands behind this place; {remedy}."
    rule = step.rule if len(step.rule) <= SHOWN else f"{step.rule[:SHOWN]}…"
    return f"{step.place}: {rule}: {cause}, because of this rule; let it range over less ({remedy})."


def name_of(status: int) -> str:
    """Name a status: a signal's name, or the number."""
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"status {status}"


def growing(task: Task) -> Step | None:
    """Take the steps of a task in another process, to find the one that does not end.

    Found is the last one where it ends the process otherwise, else one that takes most of the time, beyond what a step of
    its kind usually takes, whether at once or time and again.
    """
    stepwise = msgspec.structs.replace(task, in_steps=True, seconds=task.seconds + READING)
    worker = Worker()
    taken: list[tuple[float, Step]] = []
    try:
        worker.begin(stepwise)
        since = time.monotonic()
        reply: Reply = Step("")
        while isinstance(reply, Step):
            step = reply
            try:
                reply = worker.reply(stepwise)
            except Lost as lost:
                if lost.status not in TOO_LONG:
                    return step if step.place else None
                reply = Refused("")
            now = time.monotonic()
            taken.append((now - since, step))
            since = now
    finally:
        worker.end(0)
    alike: dict[Step, float] = {}
    for seconds, step in taken:
        if bool(step.rule) == bool(taken[-1][1].rule):
            alike[step] = alike.get(step, 0) + seconds
    usual = sorted(alike.values())[len(alike) // 2]
    beyond = {step: max(seconds - usual, 0) for step, seconds in alike.items()}
    step = max(beyond, key=beyond.__getitem__)
    return step if step.place and beyond[step] > sum(beyond.values()) / 2 else None


def end_all() -> None:
    """End all processes, without waiting for what they do."""
    for worker in list(WORKERS):
        worker.end(0.2)


def forget_all() -> None:
    """Leave the processes to the process that this one was forked from."""
    for worker in WORKERS:
        worker.leave()
        worker.process.returncode = 0
    WORKERS.clear()
    IDLE.clear()


atexit.register(end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_all)
