"""What outgrows its diagrams is done again on larger ones, and at last without any."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["OutgrownError", "capacities", "on_larger_diagrams", "too_small"]

CAPACITIES = (2**18, 2**20, 2**22)
"""The nodes that diagrams can have: at first, and where these are not enough."""

HOPE = 4
"""Larger diagrams are tried where the last ones came so far that those left are at most so many times as many rules."""


class OutgrownError(MemoryError):
    """The diagrams of a conclusion do not fit: those of `done` rules, or lines of code, do, and `left` are not tried."""

    def __init__(self, done: int, left: int) -> None:
        super().__init__()
        self.done = done
        self.left = left

    def hopeless_after(self, earlier: OutgrownError | None) -> bool:
        """Tell whether larger diagrams brought so little further than smaller ones that larger ones yet will not suffice."""
        return earlier is not None and self.left > HOPE * (self.done - earlier.done)


left: ContextVar[tuple[int, ...] | None] = ContextVar("left", default=None)
"""The capacities that have not been too small for what is being done; None where nothing has been tried."""


def too_small(capacity: int | None) -> bool:
    """Tell whether diagrams of a capacity, None for none, have been too small for what is being done."""
    return capacity is not None and (not capacities() or capacity < capacities()[0])


Asked = ParamSpec("Asked")
Found = TypeVar("Found")


def capacities() -> tuple[int, ...]:
    """List the nodes that diagrams can have, to be tried one after the other; none where clingo is to answer."""
    found = left.get()
    return CAPACITIES if found is None else found


def on_larger_diagrams(work: Callable[Asked, Found]) -> Callable[Asked, Found]:
    """Let some work start again on larger diagrams, and at last without any, where it runs out of their memory.

    It has to be done when it returns: nothing may be left that is evaluated later. Where it is given an answer, it takes
    that `anew`.
    """

    @wraps(work)
    def done(*args: Asked.args, **named: Asked.kwargs) -> Found:
        known = capacities()
        for first in range(len(known)):
            before = left.set(known[first:])
            try:
                return work(*args, **named)
            except MemoryError:
                continue
            finally:
                left.reset(before)
        before = left.set(())
        try:
            return work(*args, **named)
        finally:
            left.reset(before)

    return done
