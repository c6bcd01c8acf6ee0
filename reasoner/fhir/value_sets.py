"""The sets of values by which results are read: codes, texts, ranges of numbers, and units with their conversion."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from reasoner.errors import GuidelineError
from reasoner.fhir.codes import UNDECIDED
from reasoner.fhir.rows import TEXT, Row, check_systems, one_of, refuse_repeated
from reasoner.fhir.words import ANY, Words

__all__ = ["CERTAINTY", "Between", "Unit", "ValueSets"]

WORD = "word"
TOGETHER = "together"
NUMBER = "number"
UNIT = "unit"
CERTAINTY = "certainty"
BOUND = re.compile(r"(=|>=|<=|>|<)(-?\d+(?:\.\d+)?)")
RATIO = re.compile(r"(-?\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?")
DIGITS = 12


class Between(NamedTuple):
    """A number that lies between two others, themselves included or not; one that is not told is infinite."""

    low: float
    high: float
    low_in: bool = True
    high_in: bool = True

    def points(self, bounds: Iterable[float]) -> list[float]:
        """List numbers between the two that tell all apart that the bounds tell apart."""
        inside = sorted({own for own in bounds if self.low < own < self.high})
        low, high = self.low, self.high
        edges = [low] * self.low_in + [high] * self.high_in
        cuts = [low, *inside, high] if low < high else []
        middles = [middle(first, last) for first, last in pairwise(cuts)]
        return [own for own in (*edges, *inside, *middles) if math.isfinite(own)]


class Unit(NamedTuple):
    """A unit: what an amount in it is multiplied by, and what is added then, for the amount in the unit of its set."""

    factor: Fraction
    offset: Fraction

    def convert(self, amount: float) -> float:
        """Give an amount in the unit of the set; infinite where it is too large for a number."""
        try:
            return float(f"{float(Fraction(repr(amount)) * self.factor + self.offset):.{DIGITS}g}")
        except OverflowError:
            return math.copysign(math.inf, amount)


class Bound(NamedTuple):
    """A range of a set of values: a sign and a number, and what an amount in it says."""

    sign: str
    number: float
    value: str

    def holds(self, amount: float) -> bool:
        """Tell whether an amount is in the range."""
        own = self.number
        signs = {
            "=": amount == own,
            "<": amount < own,
            ">": amount > own,
            "<=": amount <= own,
            ">=": amount >= own,
        }
        return signs[self.sign]


class ValueSets:
    """The rows of ``values.csv``.

    Attributes: `names` of the sets, `values` by set, system and code, `ranges` and `units` by set and unit, `texts` the
    words that texts are compared by, `together` what several values say, `partial` those of them that say nothing alone,
    `certainties` the systems of how certain a diagnosis is. Raises GuidelineError with file and line for a row that cannot
    be used.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        check_systems(rows, WORD, TOGETHER, NUMBER, UNIT, "boolean")
        refuse_repeated(rows, "values", "system", "code")
        self.rows = [row for row in rows if row["system"] not in (WORD, UNIT)]
        self.names = dict.fromkeys(row["values"] for row in rows)
        self.values: dict[tuple[str, str, str], str] = {}
        self.texts = Words((row["values"], row["code"], row["value"]) for row in rows if row["system"] == WORD)
        self.certainties = {row["system"] for row in rows if row["values"] == CERTAINTY}
        self.together: dict[frozenset[str], str] = {}
        self.ranges: dict[tuple[str, str], list[Bound]] = defaultdict(list)
        self.units: dict[tuple[str, str], Unit] = {}
        for row in rows:
            self.add(row)
        self.partial = frozenset(part for parts in self.together for part in parts) - set(self.values.values())

    def add(self, row: Row) -> None:
        """Sort a row into ranges of numbers, units, texts, and coded values."""
        kind, _, unit = row["system"].partition(":")
        name, code = row["values"], row["code"]
        if row["system"] == TOGETHER:
            self.together[frozenset(code.split())] = row["value"]
        elif row["system"] == TEXT:
            self.values[name, TEXT, self.texts.phrase(name, code)] = row["value"]
        elif kind == NUMBER:
            self.ranges[name, unit].append(bound(row))
        elif row["system"] == UNIT:
            self.units[name, code] = unit_of(row)
        elif row["system"] != WORD:
            self.values[name, row["system"], code] = row["value"]

    def value_of(self, name: str, system: str, code: str) -> str | None:
        """Give what a code or a text of a set of values says."""
        return self.values.get((name, system, self.texts.phrase(name, code) if system == TEXT else code))

    def together_say(self, values: Collection[str | float | Between]) -> str | float | Between | None:
        """Give what values say together: a single one what it is, several what the tables say of them, or nothing."""
        return next(iter(values)) if len(values) == 1 else self.together.get(frozenset(map(str, values)))

    def hints(self, name: str, text: str) -> bool:
        """Tell whether a word of a text is by itself a text of a set of values, one that says that the finding is there."""
        words = self.texts.phrase(name, text).split()
        return any(not word.isdigit() and self.values.get((name, TEXT, word)) == "true" for word in words)

    def within(self, name: str, unit: str, between: Between) -> str | None:
        """Give what an amount in a unit says by the ranges of a set; nothing where it may say one thing or another."""
        ranges = self.ranges.get((name, unit)) or self.ranges.get((name, ANY), [])
        said = {
            next((own.value for own in ranges if own.holds(point)), None)
            for point in between.points(own.number for own in ranges)
        }
        return said.pop() if len(said) == 1 else None

    def has_unit(self, name: str) -> bool:
        """Tell whether amounts of a set of values are converted to a unit."""
        return any(own == name for own, _ in self.units)

    def refuse_others(self, name: str, fact: str, allowed: Collection[str]) -> None:
        """Refuse a row of a set of values that says what is no value of a fact that is read by it."""
        for row in self.rows:
            if row["values"] == name and row["value"] not in self.partial:
                one_of(row, f"value of {fact}", row["value"], {*allowed, UNDECIDED})


def middle(first: float, last: float) -> float:
    """Give a number between two, of which one may be infinite."""
    if math.isinf(first):
        return 0.0 if math.isinf(last) else last - 1
    return first + 1 if math.isinf(last) else (first + last) / 2


def bound(row: Mapping[str, str]) -> Bound:
    """Read a range of numbers; raises GuidelineError where it is none."""
    found = BOUND.fullmatch(row["code"])
    if found is None:
        raise GuidelineError(f'{row["place"]}: "{row["code"]}" is not a range; write =, <, <=, > or >= and a number.')
    return Bound(found[1], float(found[2]), row["value"])


def unit_of(row: Mapping[str, str]) -> Unit:
    """Read how a unit is converted; raises GuidelineError where that is not told."""
    parts = [RATIO.fullmatch(part) for part in row["value"].split()]
    numbers = [Fraction(part[1]) / Fraction(part[2] or 1) for part in parts if part is not None]
    if len(numbers) < len(parts) or len(numbers) not in (1, 2) or numbers[0] <= 0:
        raise GuidelineError(
            f'{row["place"]}: "{row["value"]}" is not a number; write what the amount is multiplied by (a decimal or 5/9), '
            "and after a space what is added then, if anything."
        )
    return Unit(numbers[0], numbers[1] if len(numbers) > 1 else Fraction(0))
