"""Ground counts and sums as ground rules: for each sum that is compared, what it takes to reach a number.

Elements are taken one after the other. That those from the i-th on reach ``v`` is an atom of its own: they do where the i-th
counts and the others reach the rest, and where the others reach ``v`` by themselves. Only numbers that are needed get an
atom, and sums with the same elements share theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import clingo

from reasoner.compiler.aggregates import Interval, allowed_values, ground_guards
from reasoner.compiler.model import Rule
from reasoner.errors import GuidelineError

__all__ = ["COUNTS", "REACHES", "Definitions", "GroundAggregate", "aggregate_name"]

COUNTS, REACHES = "_counts", "_reaches"
LARGEST = 2**31 - 1
MOST_SUMS = 20_000
"""So many partial sums one aggregate can have."""

Literal = tuple[clingo.Symbol, bool]
Body = tuple[Literal, ...]
Instances = dict[clingo.Symbol, list[tuple[int, Body]]]
Elements = dict[tuple[clingo.Symbol, ...], list[Body]]
"""The ground elements of an aggregate: for each tuple the ways in which it counts."""


class GroundAggregate(NamedTuple):
    """A ground aggregate as a rule compares it: its number and bindings, which find its elements, and what it can be."""

    number: int
    bindings: clingo.Symbol
    allowed: tuple[Interval, ...]


class Known(NamedTuple):
    """What is known of atoms: those that always hold, and those that hold for some patients."""

    always: Collection[clingo.Symbol]
    open: Collection[clingo.Symbol]


def aggregate_name(function: str) -> str:
    """Name the predicate of the atoms of an aggregate's function."""
    return "_count" if function == "#count" else "_sum"


def ground_aggregate(term: clingo.Symbol, names: Sequence[str], rule: Rule) -> tuple[clingo.Symbol, GroundAggregate]:
    """Read an aggregate of an instance of a rule; give the atom that stands for it as well.

    `names` are the predicates of the aggregates' atoms by their numbers. Raises GuidelineError where it is compared with
    something that is no number.
    """
    number, bindings, negated, guards = term.arguments
    found = ground_guards(guards)
    if found is None:
        raise GuidelineError(f"{rule.place}: {rule.head}: a count or a sum is compared with something that is not a number.")
    allowed = allowed_values(found, bool(negated.number))
    values = [interval_symbol(*interval) for interval in allowed]
    symbol = clingo.Function(names[number.number], [number, bindings, clingo.Tuple_(values)])
    return symbol, GroundAggregate(number.number, bindings, allowed)


def interval_symbol(low: int | None, high: int | None) -> clingo.Symbol:
    """Write an interval as a term."""
    bounds = [clingo.Number(bound) for bound in (low, None if high is None else high - 1) if bound is not None]
    if low is None or high is None:
        return clingo.Function("any" if not bounds else "at_most" if low is None else "at_least", bounds)
    return clingo.Function("exactly", bounds[:1]) if bounds[0] == bounds[1] else clingo.Function("between", bounds)


class Definitions:
    """Collects the ground rules that define aggregates; `first` is the number of the rule that stands for the first one."""

    def __init__(self, known: Known, rules: Sequence[Rule], first: int) -> None:
        self.known = known
        self.rules = rules
        self.first = first
        self.instances: Instances = {}
        self.sums: dict[tuple[tuple[tuple[int, Literal], ...], int], clingo.Symbol] = {}

    def define(self, symbol: clingo.Symbol, aggregate: GroundAggregate, elements: Elements, positive: bool) -> None:
        """Define the atom of an aggregate; with `positive` only numbers above 0 are added (as ``#sum+`` does)."""
        rule = self.first + aggregate.number
        offset, items = 0, list[tuple[int, Literal]]()
        for terms, ways in elements.items():
            weight = weight_of(symbol, terms, self.rules[rule])
            counts = self.counting(clingo.Function(COUNTS, [*symbol.arguments[:2], clingo.Tuple_(terms)]), ways, rule)
            if counts is True:
                offset += max(weight, 0) if positive else weight
            elif counts is not False and weight > 0:
                items.append((weight, counts))
            elif counts is not False and weight < 0 and not positive:
                offset += weight
                items.append((-weight, (counts[0], not counts[1])))
        if sum(weight for weight, _ in items) + abs(offset) > LARGEST:
            raise GuidelineError(f"{self.rules[rule].place}: {self.rules[rule].head}: the sum can pass {LARGEST}.")
        items.sort(key=lambda item: -item[0])
        bodies = []
        for low, high in aggregate.allowed:
            above = True if low is None else self.reach(tuple(items), low - offset, rule)
            below = False if high is None else self.reach(tuple(items), high - offset, rule)
            if above is not False and below is not True:
                own = [(above, False)] if above is not True else []
                bodies.append((*own, (below, True)) if below is not False else tuple(own))
        if bodies:
            self.instances[symbol] = [(rule, body) for body in bodies]

    def counting(self, name: clingo.Symbol, ways: Sequence[Body], rule: int) -> Literal | bool:
        """Give the literal that says that a tuple counts: in any of several ways; or that it always or never does."""
        bodies = dict.fromkeys(body for way in ways if (body := self.simplified(way)) is not None)
        if not bodies or () in bodies:
            return bool(bodies)
        if len(bodies) == 1 and len(next(iter(bodies))) == 1:
            return next(iter(bodies))[0]
        self.instances[name] = [(rule, body) for body in bodies]
        return name, False

    def simplified(self, way: Body) -> Body | None:
        """Leave out conditions that are met in any case; None where one of them never is."""
        left = []
        for symbol, negated in way:
            if symbol in self.known.open:
                left.append((symbol, negated))
            elif (symbol in self.known.always) == negated:
                return None
        return tuple(left)

    def reach(self, items: tuple[tuple[int, Literal], ...], wanted: int, rule: int) -> clingo.Symbol | bool:
        """Give the atom that says that items add up to `wanted` or more; or that they always or never do."""
        rest = [sum(weight for weight, _ in items[place:]) for place in range(len(items) + 1)]
        if wanted <= 0 or wanted > rest[0]:
            return wanted <= 0
        level = {wanted: self.sum(items, wanted)}
        top, made = level[wanted], 0
        for place, (weight, counts) in enumerate(items):
            following: dict[int, clingo.Symbol] = {}

            def left(value: int, place: int = place, following: dict[int, clingo.Symbol] = following) -> Body | None:
                if value <= 0 or value > rest[place + 1]:
                    return () if value <= 0 else None
                if value not in following:
                    following[value] = self.sum(items[place + 1 :], value)
                return ((following[value], False),)

            for value, symbol in level.items():
                if symbol not in self.instances:
                    with_it, without_it = left(value - weight), left(value)
                    bodies = [] if with_it is None else [(counts, *with_it)]
                    self.instances[symbol] = [(rule, b) for b in (*bodies, *([] if without_it is None else [without_it]))]
            level = following
            made += len(level)
            if made > MOST_SUMS:
                raise GuidelineError(
                    f"{self.rules[rule].place}: {self.rules[rule].head}: it can have too many partial sums (more than "
                    f"{MOST_SUMS}); give it fewer elements, or smaller numbers to add."
                )
        return top

    def sum(self, items: tuple[tuple[int, Literal], ...], value: int) -> clingo.Symbol:
        """Name the atom that says that items reach a value."""
        key = (items, value)
        if key not in self.sums:
            self.sums[key] = clingo.Function(REACHES, [clingo.Number(len(self.sums) + 1)])
        return self.sums[key]


def weight_of(symbol: clingo.Symbol, terms: Sequence[clingo.Symbol], rule: Rule) -> int:
    """Give what a tuple adds to an aggregate. Raises GuidelineError where that is no number."""
    if symbol.name == aggregate_name("#count"):
        return 1
    if terms[0].type != clingo.SymbolType.Number:
        raise GuidelineError(f"{rule.place}: {rule.head}: it adds {terms[0]}, which is not a whole number.")
    return terms[0].number
