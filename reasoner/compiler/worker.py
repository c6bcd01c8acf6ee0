"""The process that compiles: a guideline's text can end it, or use up what it may use, and nothing else.

It takes tasks from its standard input, one after another, and ends where that is closed.
"""

from __future__ import annotations

import faulthandler
import math
import os
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, Literal

import msgspec

from reasoner.compiler.compiler import Compiler
from reasoner.compiler.parser import ParsedGuideline
from reasoner.compiler.program import Program, Space
from reasoner.compiler.protocol import OUT_OF_MEMORY, TASKS, Failed, Made, Ready, Refused, Reply, Task, receive, send
from reasoner.errors import GuidelineError

if sys.platform != "win32":
    import resource

__all__ = ["main"]

WALL = 10
"""How many times the processor time a task may take on the clock."""


def main() -> None:
    """Compile until nobody asks any more."""
    replies = private(1, "wb")
    tasks: SimpleQueue[Task | None] = SimpleQueue()
    threading.Thread(target=listen, args=(private(0, "rb"), tasks), daemon=True).start()
    send(Ready(), replies)
    compiler: Compiler | None = None
    while (task := tasks.get()) is not None:
        if compiler is None or compiler.files != task.files:
            compiler = Compiler(task.files)
        try:
            with limited(task):
                reply = perform(task, compiler, replies)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        send(reply, replies)
        if isinstance(reply, Made) and reply.last:
            return


def private(number: int, mode: Literal["rb", "wb"]) -> BinaryIO:
    """Take a standard stream over: whatever else is read from it or written to it is nothing."""
    stream = os.fdopen(os.dup(number), mode)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, number)
    os.close(nothing)
    return stream


def listen(stream: BinaryIO, tasks: SimpleQueue[Task | None]) -> None:
    """Pass tasks on; where nobody can ask any more, end the process, in the middle of a task too."""
    while (task := receive(stream, TASKS)) is not None:
        tasks.put(task)
    tasks.put(None)
    time.sleep(1)
    os._exit(0)


@contextmanager
def limited(task: Task) -> Iterator[None]:
    """Limit time and memory for a task, as far as the system can; beyond them the process ends."""
    faulthandler.dump_traceback_later(task.seconds * (1 if sys.platform == "win32" else WALL), exit=True)
    if sys.platform == "win32":
        yield
        faulthandler.cancel_dump_traceback_later()
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {
        resource.RLIMIT_CPU: math.ceil(used.ru_utime + used.ru_stime + task.seconds),
        resource.RLIMIT_AS: task.memory,
        resource.RLIMIT_CORE: 0,
    }
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    for kind, most in wanted.items():
        soft, hard = before[kind]
        known = [limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY]
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (min(known), hard))
    try:
        yield
    finally:
        for kind, limits in before.items():
            resource.setrlimit(kind, limits)
        faulthandler.cancel_dump_traceback_later()


def perform(task: Task, compiler: Compiler, replies: BinaryIO) -> Reply:
    """Make what a task asks for; raises MemoryError where that takes more than there is."""
    try:
        if task.in_steps:
            from reasoner.compiler.growth import Growth

            growth = Growth(task, lambda step: send(step, replies))
            growth.read()
            with limited(msgspec.structs.replace(task, seconds=max(1, task.seconds / 4))):
                growth.ground()
            return Made(b"")
        made = compiler.make(task.part)
        content = msgspec.msgpack.encode(made)
        if len(content) > task.largest:
            return Refused(most_instances(made, compiler.parsed, len(content)))
        return Made(content, grown(task))
    except MemoryError:
        raise
    except GuidelineError as error:
        return Refused(str(error))
    except Exception:  # noqa: BLE001 (told to who asked)
        return Failed(traceback.format_exc())


def grown(task: Task) -> bool:
    """Tell whether this process holds a good part of the memory that a task may take: it does not give it back."""
    if sys.platform == "win32":
        return False
    try:
        held = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes, as macOS counts
    return held > task.memory / 4


def most_instances(made: object, parsed: ParsedGuideline, size: int) -> str:
    """Say that a guideline is too large when it is ground, with the rule that has the most instances."""
    if isinstance(made, Space):
        made = made.program
    words = f"the guideline takes {size / 2**20:.1f} MiB when it is ground"
    if isinstance(made, Program) and made.rules:
        number, count = Counter(rule.rule for rule in made.rules).most_common(1)[0]
        rule = parsed.rules[number]
        return f"{rule.place}: {rule.head}: {words}, and this rule has {count:,} instances; narrow its conditions."
    return f"{words}; shorten it."
