"""The ways in which something that depends on what is not recorded comes about, each fact with all values that will do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import NamedTuple

from msgspec.structs import replace

from reasoner.compiler.intervals import is_interval, joined
from reasoner.engine.completions import Chosen, Completions, Truth
from reasoner.engine.conclusions import Assumption, assumption_of

__all__ = ["Condition", "Way", "way_of", "ways_of"]

Spans = Mapping[int, Sequence[int]]
"""By the number of each variable those of its values that will do."""


class Condition(NamedTuple):
    """What is assumed of an unknown fact, and all values of which any will do."""

    assumption: Assumption
    values: tuple[bool | str | tuple[str, ...], ...]


Way = tuple[Condition, ...]
"""What together makes something hold."""


def ways_of(truth: Truth, completions: Completions) -> Iterator[Way]:
    """Yield the ways in which something can hold, the shortest first; all of them are all that make it hold.

    There are none where it cannot be told which facts decide it.
    """
    left, none = truth, completions.none
    while left != none and (chosen := needed(completions.smallest_implicant(left), truth, completions)):
        spans = widened(chosen, truth, left, completions)
        yield way_with(chosen, spans, completions)
        left = completions.outside(left, agreeing(spans, completions))


def needed(chosen: Chosen, truth: Truth, completions: Completions) -> Chosen:
    """Leave out of what makes a part of a truth hold what the whole of it does not need."""
    for one in chosen:
        fewer = tuple(other for other in chosen if other != one)
        if fewer and completions.outside(completions.agreeing(fewer), truth) == completions.none:
            chosen = fewer
    return chosen


def way_of(chosen: Chosen, truth: Truth, completions: Completions) -> Way:
    """Give what is chosen to make a truth hold with all values that will do; of numbers one interval."""
    return way_with(chosen, widened(chosen, truth, truth, completions), completions)


def way_with(chosen: Chosen, spans: Spans, completions: Completions) -> Way:
    return tuple(condition(completions, variable, value, spans[variable]) for variable, value in chosen)


def widened(chosen: Chosen, truth: Truth, left: Truth, completions: Completions) -> Spans:
    """Add to each value that makes a truth hold those that do as well, and make it hold where it is `left`.

    First to an interval those beside it.
    """
    spans = {variable: [value] for variable, value in chosen}

    def known(variable: int, value: int) -> object:
        values = completions.variables[variable].values
        return values[value][0] if 0 <= value < len(values) else None

    def will_do(variable: int, value: int) -> bool:
        agree, none = agreeing({**spans, variable: [value]}, completions), completions.none
        return bool(known(variable, value) is not None and completions.outside(agree, truth) == none != agree & left)

    numbers = {variable: span for variable, span in spans.items() if is_interval(known(variable, span[0]))}
    for variable, span in numbers.items():
        while is_interval(known(variable, span[0] - 1)) and will_do(variable, span[0] - 1):
            span.insert(0, span[0] - 1)
        while is_interval(known(variable, span[-1] + 1)) and will_do(variable, span[-1] + 1):
            span.append(span[-1] + 1)
    for variable, value in chosen:
        if variable not in numbers:
            values = range(len(completions.variables[variable].values))
            spans[variable] = [own for own in values if own == value or will_do(variable, own)]
    return spans


def agreeing(spans: Spans, completions: Completions) -> Truth:
    """Give the completions in which each variable has one of its values."""
    values = completions.values
    return reduce(and_, (reduce(or_, (values[v][n] for n in span)) for v, span in spans.items()), completions.all)


def condition(completions: Completions, variable: int, value: int, span: Sequence[int]) -> Condition:
    own = completions.variables[variable]
    assumed = assumption_of(own, value)
    if is_interval(assumed.value):
        lowest, highest = (str(own.values[n][0]) for n in (span[0], span[-1]))
        assumed = replace(assumed, value=joined(lowest, highest))
        return Condition(assumed, (assumed.value,))
    return Condition(assumed, tuple(assumption_of(own, n).value for n in span))
