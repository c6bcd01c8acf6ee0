"""The order in which atoms can be evaluated, each after those that it depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import clingo

from reasoner.compiler.model import Rule
from reasoner.compiler.program import reachable
from reasoner.compiler.sums import Instances
from reasoner.errors import GuidelineError

__all__ = ["Loop", "in_dependency_order", "refuse_recursion"]

Loop = tuple[clingo.Symbol, ...]
"""Atoms each of which depends on all of them."""
Required = Mapping[clingo.Symbol, Sequence[clingo.Symbol]]
"""For each atom those that its rules require, or whose absence they require."""


def in_dependency_order(instances: Instances, rules: Sequence[Rule]) -> tuple[list[clingo.Symbol], list[Loop], str | None]:
    """Put the derived atoms in dependency order, those of a loop together.

    Returned with them are the loops, and where atoms depend on themselves through negation, and so have no order, a place
    that says where.
    """
    required = {head: [s for _, body in own for s, _ in body if s in instances] for head, own in instances.items()}
    try:
        return sorted_by(required, {}), [], None
    except CycleError:
        pass
    loops = [loop for loop in strongly_connected(required) if len(loop) > 1 or loop[0] in required[loop[0]]]
    loop_of = {symbol: loop for loop in loops for symbol in loop}
    ordered = sorted_by(required, loop_of)
    through_negation = next((loop for loop in loops if is_negated(loop, instances)), None)
    if through_negation is not None:
        return ordered, [], describe_cycle(cycle_in(through_negation, instances), instances, rules)
    return ordered, loops, None


def refuse_recursion(aggregates: Iterable[clingo.Symbol], instances: Instances, rules: Sequence[Rule]) -> None:
    """Refuse a guideline in which what an aggregate counts depends on the aggregate."""
    for symbol in aggregates:
        behind = reachable(
            (s for _, body in instances.get(symbol, ()) for s, _ in body),
            lambda atom: (s for _, body in instances.get(atom, ()) for s, _ in body),
        )
        if symbol in behind:
            rule = rules[instances[symbol][0][0]]
            raise GuidelineError(f"{rule.place}: {rule.head}: what it counts depends on the count; count something else.")


def sorted_by(required: Required, loop_of: Mapping[clingo.Symbol, Loop]) -> list[clingo.Symbol]:
    """Sort atoms by what each requires; those of a loop count as one. Raises CycleError where that is no order."""
    sorter = TopologicalSorter(dict.fromkeys((loop_of.get(head, (head,))[0] for head in required), ()))
    for head, symbols in required.items():
        place = loop_of.get(head, (head,))[0]
        sorter.add(place, *(first for s in symbols if (first := loop_of.get(s, (s,))[0]) != place or place not in loop_of))
    sorter.prepare()
    ordered: list[clingo.Symbol] = []
    ready = list(sorter.get_ready())
    while ready:
        place = ready.pop()
        ordered += loop_of.get(place, (place,))
        sorter.done(place)
        ready += sorter.get_ready()
    return ordered


def strongly_connected(required: Required) -> list[Loop]:
    """Find the sets of atoms that depend on each other, by Tarjan's algorithm."""
    found: list[Loop] = []
    number: dict[clingo.Symbol, int] = {}
    lowest: dict[clingo.Symbol, int] = {}
    path: dict[clingo.Symbol, None] = {}
    for root in required:
        pending = [(root, iter(required[root]))] if root not in number else []
        while pending:
            symbol, following = pending[-1]
            if symbol not in number:
                number[symbol] = lowest[symbol] = len(number)
                path[symbol] = None
            for other in following:
                if other not in number:
                    pending.append((other, iter(required[other])))
                    break
                if other in path:
                    lowest[symbol] = min(lowest[symbol], number[other])
            else:
                pending.pop()
                if pending:
                    before = pending[-1][0]
                    lowest[before] = min(lowest[before], lowest[symbol])
                if lowest[symbol] == number[symbol]:
                    loop: list[clingo.Symbol] = []
                    while not loop or loop[-1] != symbol:
                        loop.append(path.popitem()[0])
                    found.append(tuple(reversed(loop)))
    return found


def is_negated(loop: Loop, instances: Instances) -> bool:
    """Tell whether the atoms of a loop depend on each other's absence."""
    members = set(loop)
    return any(negated and symbol in members for head in loop for _, body in instances[head] for symbol, negated in body)


def cycle_in(loop: Loop, instances: Instances) -> list[clingo.Symbol]:
    """Give a shortest way from an atom of a loop through a negated condition back to it."""
    members = set(loop)
    start, first = next(
        (head, symbol)
        for head in loop
        for _, body in instances[head]
        for symbol, negated in body
        if negated and symbol in members
    )
    before: dict[clingo.Symbol, clingo.Symbol] = {first: start}
    pending = [first]
    while start not in before and pending:
        head = pending.pop(0)
        for _, body in instances[head]:
            for symbol, _ in body:
                if symbol in members and symbol not in before:
                    before[symbol] = head
                    pending.append(symbol)
    cycle = [start]
    while len(cycle) == 1 or cycle[-1] != start:
        cycle.append(before[cycle[-1]])
    return cycle[:0:-1]


def describe_cycle(cycle: Sequence[clingo.Symbol], instances: Instances, rules: Sequence[Rule]) -> str:
    """Say where atoms depend on themselves, in the order in which each depends on the next."""
    on_it = [
        rules[number]
        for head, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True)
        for number, body in instances[head]
        if following in [symbol for symbol, _ in body]
    ]
    rule = next((rule for rule in on_it if rule.annotation is not None), on_it[0])
    names = " -> ".join(map(str, (*cycle, cycle[0])))
    return f"{rule.place}: {cycle[0].name} depends on itself through negation: {names}"
