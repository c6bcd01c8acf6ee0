"""The intervals of a number between which a guideline's rules tell: their names, and which one holds a value.

A rule compares a number with a threshold by one of four relations. ``at_most`` and ``more_than`` cut the numbers behind
the threshold, ``at_least`` and ``less_than`` before it. Thresholds are integers or decimals of at most 15 digits, so that a
number that a record gives compares with them as the decimals compare that were written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

__all__ = [
    "ANY_NUMBER",
    "MOST_DIGITS",
    "Cut",
    "Range",
    "interval_names",
    "is_interval",
    "joined",
    "number_in",
    "order_key",
    "passed_cuts",
    "thresholds_of",
]

MOST_DIGITS = 15
KEY = 5 * 10**16


class Range(msgspec.Struct, frozen=True, array_like=True):
    """The values that a number can have: from `minimum`, which itself is too low where `above`, up to `maximum`."""

    minimum: int | float | None = None
    above: bool = False
    maximum: int | float | None = None

    def holds(self, value: float) -> bool:
        """Tell whether a number is within the range."""
        low_enough = self.maximum is None or value <= self.maximum
        return low_enough and (self.minimum is None or (value > self.minimum if self.above else value >= self.minimum))


ANY_NUMBER = Range()


class Cut(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A place where the values of a number are told apart; `threshold` itself is below the cut where it is `included`."""

    threshold: int | float
    included: bool

    def __str__(self) -> str:
        """Write the threshold as a decimal."""
        text = str(self.threshold)
        return text if "e" not in text else f"{self.threshold:.{MOST_DIGITS}f}".rstrip("0")

    @property
    def term(self) -> str:
        """The threshold as rules write it."""
        return str(self) if isinstance(self.threshold, int) else f'"{self}"'

    def relation(self, passed: bool) -> str:
        """Name the relation of a number that is beyond the cut, or is not, to the threshold."""
        if self.included:
            return "more_than" if passed else "at_most"
        return "at_least" if passed else "less_than"

    def is_passed(self, value: float) -> bool:
        """Tell whether a number is beyond the cut."""
        return value > self.threshold if self.included else value >= self.threshold


def passed_cuts(value: float, cuts: Sequence[Cut]) -> int:
    """Count the cuts that a number is beyond: this is the number of the interval that holds it."""
    return sum(cut.is_passed(value) for cut in cuts)


@lru_cache(maxsize=1024)
def interval_names(cuts: tuple[Cut, ...]) -> tuple[str, ...]:
    """Name the intervals between cuts, such as ``<=12`` and ``>12``, or ``>=65,<80``."""
    lower = ["", *(f"{'>' if cut.included else '>='}{cut}" for cut in cuts)]
    upper = [*(f"{'<=' if cut.included else '<'}{cut}" for cut in cuts), ""]
    return tuple(",".join(part for part in pair if part) for pair in zip(lower, upper, strict=True))


def is_interval(value: object) -> bool:
    """Tell whether a value names an interval."""
    return isinstance(value, str) and value.startswith(("<", ">"))


def joined(first: str, last: str) -> str:
    """Name the interval that reaches from one to another above it, or the same: ``<80`` from ``<65`` to ``>=65,<80``."""
    lower, upper = first.split(",")[0], last.split(",")[-1]
    return ",".join([lower] * lower.startswith(">") + [upper] * upper.startswith("<"))


def thresholds_of(cuts: Sequence[Cut]) -> tuple[int | float, ...]:
    """List the thresholds of cuts, each once."""
    return tuple(dict.fromkeys(cut.threshold for cut in cuts))


def order_key(number: float) -> str:
    """Write a number so that clingo, which compares texts letter by letter, puts it in its order."""
    from decimal import Context, Decimal

    return f"{Context(prec=40).add(Decimal(str(number)), KEY):.{MOST_DIGITS}f}"


def number_in(place: int, cuts: Sequence[Cut], allowed: Range) -> int | float | None:
    """Give a number within a range in the interval between cuts that has a number; None where there is none.

    It is a threshold where the interval includes one, and else a whole number if there is one.
    """
    lower, upper = (cuts[place - 1] if place else None), (cuts[place] if place < len(cuts) else None)
    for value in candidates(lower, upper, allowed) if cuts else ():
        inside = (lower is None or lower.is_passed(value)) and (upper is None or not upper.is_passed(value))
        if inside and allowed.holds(value):
            return value
    return None


def candidates(lower: Cut | None, upper: Cut | None, allowed: Range) -> Iterator[int | float]:
    """Yield numbers of which one is in the interval and the range if any number is, the plainest first."""
    yield from (cut.threshold for cut in (upper, lower) if cut is not None)
    if lower is not None:
        yield math.floor(lower.threshold) + 1
    if upper is not None:
        yield math.ceil(upper.threshold) - 1
    lows = [lower.threshold if lower is not None else None, allowed.minimum]
    highs = [upper.threshold if upper is not None else None, allowed.maximum]
    low = max((end for end in lows if end is not None), default=None)
    high = min((end for end in highs if end is not None), default=None)
    if low is not None:
        yield from (low, math.floor(low) + 1)
    if high is not None:
        yield from (high, math.ceil(high) - 1)
    if low is not None and high is not None:
        yield between(low, high)


def between(low: float, high: float) -> float:
    """Give the number halfway between two, with few digits where that is enough."""
    middle = (low + high) / 2
    rounded = (round(middle, digits) for digits in range(1, MOST_DIGITS))
    return next((number for number in rounded if low < number < high), middle)
