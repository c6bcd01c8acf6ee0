"""Which facts matter to a truth that is a decision diagram, constraints between facts included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import combinations, permutations
from math import comb
from typing import TYPE_CHECKING

from oxidd.bdd import BDDFunction

from reasoner.engine.bits import flips
from reasoner.records.record import OPEN

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["Relevance"]

LISTED = 64
"""Variables that constrain each other are told apart combination by combination up to so many; beyond, change by change."""
TRIED = 1000
"""So many changes of variables together are told apart by what each forces; beyond, whatever can change counts."""

Listed = list[tuple[tuple[int, ...], BDDFunction]]


class Relevance:
    """Finds the variables that can change truths of one record's completions."""

    def __init__(self, own: DiagramCompletions) -> None:
        self.own = own
        self._found: dict[BDDFunction, frozenset[int]] = {}
        self._supports: dict[BDDFunction, frozenset[int]] = {}
        self._listed: dict[tuple[BDDFunction, tuple[int, ...]], Listed | None] = {}

    def variables(self, truth: BDDFunction) -> frozenset[int]:
        """Find the variables that can change a truth; see `Completions.relevant_variables`."""
        found = self._found.get(truth)
        if found is None:
            found = self._found[truth] = frozenset(self._find(truth))
        return found

    def _find(self, truth: BDDFunction) -> Iterator[int]:
        """Find the variables that can change a truth: which set of facts is true, and what is open in one of the sets."""
        seen = set()
        different: dict[tuple[BDDFunction, BDDFunction, tuple[int, ...]], int] = {}
        for number, (space, opened, alike) in enumerate(self._sets):
            holds = truth & space
            key = (holds.exists(self._which), alike)
            different.setdefault((key[0], space.exists(self._which), self.own.choices[number]), number)
            if key not in seen:
                seen.add(key)
                yield from self._within(holds, space, opened)
        if any(self._between(truth, *pair) for pair in permutations(different.values(), 2)):
            yield self.own.order[self.own.set_place]

    @cached_property
    def _which(self) -> BDDFunction:
        """What tells which set of facts is true."""
        return self.own.cube([v for v in self.own.order if v == len(self.own.choices[0])])

    @cached_property
    def _sets(self) -> list[tuple[BDDFunction, list[int], int]]:
        """Each set of facts: its listed completions, what is open in it, and a number that it shares with those alike."""
        own, found = self.own, []
        numbers: dict[tuple[BDDFunction, tuple[int, ...]], int] = {}
        for where, choices in zip(own.sets, own.choices, strict=True):
            opened = [v for v in own.read if v < len(choices) and choices[v] == OPEN and v != own.untold]
            space = own.listed & where
            alike = numbers.setdefault((space.exists(self._which), tuple(opened)), len(numbers))
            found.append((space, opened, alike))
        return found

    def _within(self, truth: BDDFunction, space: BDDFunction, opened: Sequence[int]) -> Iterator[int]:
        """Find which of the open variables can change a truth within the completions of one set of facts."""
        if truth in (self.own.none, space):
            return
        inside = self._support(truth)
        groups = [own for group in self.own.groups if (own := [v for v in group if v in opened])]
        for v in inside.intersection(opened) - {v for group in groups for v in group}:
            if self.own.variables[v].course is None or self._told_apart(truth, space, v):
                yield v
        for group in groups:
            if not inside.isdisjoint(group):
                listed = self._assignments(space, tuple(group))
                if listed is None:
                    yield from self._by_change(truth, space, group)
                else:
                    yield from self._by_assignment(truth, group, listed)

    def _told_apart(self, truth: BDDFunction, space: BDDFunction, v: int) -> bool:
        """Tell whether two of the values that a variable can have make a difference."""
        cube = self.own.cube([v])
        values = [own for own in self.own.values[v] if space & own != self.own.none]
        return len({(truth & own).exists(cube) for own in values}) > 1

    def _between(self, truth: BDDFunction, one: int, other: int) -> bool:
        """Tell whether a truth changes from one set of facts to another, where what is open in both stays if it can."""
        choices, others = self.own.choices[one], self.own.choices[other]
        told = {v for v, (here, there) in enumerate(zip(choices, others, strict=True)) if here != there}
        here, there = (self.own.listed & self.own.sets[n] for n in (one, other))
        return self._crosses(truth, here, there, {*told, self.own.order[self.own.set_place]})

    def by_therapy(self, truth: BDDFunction) -> bool:
        """Tell whether therapy, of which nothing is known, can change a truth."""
        own = self.own
        here, there = own.listed, own.all & ~own.listed
        told = set() if own.untold is None else {own.untold}
        return self._crosses(truth, here, there, told) or self._crosses(truth, there, here, told)

    def _crosses(self, truth: BDDFunction, here: BDDFunction, there: BDDFunction, told: set[int]) -> bool:
        """Tell whether a truth changes where some variables change, and with them no more than they force."""
        tied = {v for group in self.own.groups if not told.isdisjoint(group) for v in group}
        tied |= {v for barred in self.own.barred for v, _ in barred}
        forced = sorted(tied.intersection(self.own.order) - told)
        cube = self.own.cube(told)
        reached = there.exists(cube)
        for one, other in ((here & truth, there & ~truth), (here & ~truth, there & truth)):
            left, met = one.exists(cube), other.exists(cube)
            if self._changes(left, left, reached & ~met, reached, forced):
                return True
        return False

    def _support(self, truth: BDDFunction) -> frozenset[int]:
        """Find the variables that a diagram tells apart."""
        found = self._supports.get(truth)
        if found is None:
            seen: set[BDDFunction] = set()
            variables: set[int] = set()
            stack = [truth]
            while stack:
                node = stack.pop()
                level = node.node_level()
                if level is not None and node not in seen:
                    seen.add(node)
                    variables.add(self.own.owner(level))
                    stack += node.cofactors() or ()
            found = self._supports[truth] = frozenset(variables)
        return found

    def _assignments(self, space: BDDFunction, group: tuple[int, ...]) -> Listed | None:
        """List the admissible combinations of a group's values, each with its truth; None where there are very many."""
        key = (space, group)
        if key not in self._listed:
            found: Listed = [((), space)]
            for v in group:
                found = [
                    ((*held, n), both)
                    for held, truth in found
                    for n, own in enumerate(self.own.values[v])
                    if (both := truth & own) != self.own.none
                ]
                if len(found) > LISTED:
                    break
            self._listed[key] = None if len(found) > LISTED else found
        return self._listed[key]

    def _by_assignment(self, truth: BDDFunction, group: Sequence[int], listed: Listed) -> Iterator[int]:
        assignments, truths = zip(*listed, strict=True)
        bits = self.own.cube(group)
        cofactors = [(truth & own).exists(bits) for own in truths]
        for position, v in enumerate(group):
            if any(cofactors[a] != cofactors[b] for a, b in flips(assignments, position)):
                yield v

    def _by_change(self, truth: BDDFunction, space: BDDFunction, group: Sequence[int]) -> Iterator[int]:
        """Find the variables of a large group that matter, by what a change of each forces."""
        for v in group:
            cube = self.own.cube([v])
            sides = [((truth & own).exists(cube), (space & own).exists(cube)) for own in self.own.values[v]]
            others = [u for u in group if u != v]
            if any(
                self._changes(holds, space, there, other, others)
                for a, (holds, space) in enumerate(sides)
                for b, (there, other) in enumerate(sides)
                if a != b
            ):
                yield v

    def _changes(
        self, holds: BDDFunction, space: BDDFunction, there: BDDFunction, other: BDDFunction, variables: Sequence[int]
    ) -> bool:
        """Tell whether a truth changes from one value of a variable to another, where others change as far as that forces.

        `holds` and `there` are where the truth holds with the one and the other value, `space` and `other` where each is
        admissible. More than two others are changed only where no fewer will do.
        """
        if (holds ^ there) & space & other != self.own.none:
            return True
        left, tried = space & ~other, 0
        reached: dict[tuple[int, ...], BDDFunction] = {}
        for size in range(1, len(variables) + 1):
            region = left if size > 2 else space & ~other
            tried += comb(len(variables), size)
            if region == self.own.none or tried > TRIED:
                break
            smaller, reached = reached, {}
            for changed in combinations(variables, size):
                cube = self.own.cube(changed)
                found = reached[changed] = other.exists(cube)
                forced = region & found
                for n in range(size if size > 1 else 0):
                    forced = forced & ~smaller[changed[:n] + changed[n + 1 :]]
                if self._differs(forced, holds, there, other, cube):
                    return True
                left = left & ~found
        return self._differs(left, holds, there, other, self.own.cube(variables))

    def _differs(
        self, where: BDDFunction, holds: BDDFunction, there: BDDFunction, other: BDDFunction, cube: BDDFunction
    ) -> bool:
        """Tell whether a truth is another one somewhere, once the variables of `cube` change."""
        if where == self.own.none:
            return False
        return bool(where & (holds & (other & ~there).exists(cube) | ~holds & there.exists(cube)) != self.own.none)
