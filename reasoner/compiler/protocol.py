"""What a process and the one that compiles for it say to each other: messages as data, each after its length."""

from __future__ import annotations

import struct
from typing import BinaryIO, TypeVar

import msgspec

from reasoner.compiler.program import Part
from reasoner.compiler.sources import GuidelineFiles

__all__ = [
    "OUT_OF_MEMORY",
    "OUT_OF_TIME",
    "REPLIES",
    "TASKS",
    "Failed",
    "Made",
    "Ready",
    "Refused",
    "Reply",
    "Step",
    "Task",
    "receive",
    "send",
]

OUT_OF_TIME, OUT_OF_MEMORY = 1, 3
"""With which status a compiling process ends; 1 is what `faulthandler` gives it."""
LENGTH = struct.Struct(">Q")

Message = TypeVar("Message")


class Task(msgspec.Struct, frozen=True):
    """A part to be made of files, in `seconds` of processor time and `memory` bytes; it may be `largest` bytes itself.

    With `in_steps` nothing is made: each step is told before it is taken, so that it is known which one does not end.
    """

    files: GuidelineFiles
    part: Part
    seconds: float
    memory: int
    largest: int
    in_steps: bool = False


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process has started."""


class Step(msgspec.Struct, frozen=True, tag=True):
    """What is compiled from now on: the rule at a place, or what follows the place; or the whole, where there is none."""

    place: str
    rule: str = ""


class Made(msgspec.Struct, frozen=True, tag=True):
    """A part, encoded; with `last` the process that made it has grown and ends."""

    content: bytes
    last: bool = False


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The guideline cannot be used."""

    message: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The compiler has a fault: its traceback."""

    traceback: str


Reply = Ready | Step | Made | Refused | Failed
TASKS = msgspec.msgpack.Decoder(Task, dec_hook=lambda kind, text: kind(text))
REPLIES: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def send(message: object, stream: BinaryIO) -> None:
    """Write a message; raises OSError where nobody reads."""
    content = msgspec.msgpack.encode(message, enc_hook=str)
    stream.write(LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO, decoder: msgspec.msgpack.Decoder[Message], largest: int | None = None) -> Message | None:
    """Read a message; None at the end of the stream, or where one is cut off or larger than `largest` bytes."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if largest is not None and length > largest:
        return None
    content = stream.read(length)
    if len(content) < length:
        return None
    return decoder.decode(content)
