"""Completions as decision diagrams, for records that leave much open.

A variable of *n* values is a tree of binary ones: the first tells whether it has one of the first half of its values, the
next which half of that half, and so on until one is left; every combination is then a value. The worlds are numbered in
binary at the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import NamedTuple

from oxidd.bdd import BDDFunction

from reasoner.compiler.model import Variable
from reasoner.compiler.program import Program
from reasoner.engine.completions import AtBase, Chosen, Completions, Inputs, choices_of
from reasoner.engine.managers import Manager, half_of
from reasoner.engine.relevance import Relevance
from reasoner.engine.worlds import Worlds
from reasoner.records.record import ONE_OF, OPEN, Record

__all__ = ["DiagramCompletions"]


def side(truth: BDDFunction, high: bool) -> BDDFunction:
    """Give what a diagram, which is no constant, is where its first variable is true, or else false."""
    found = truth.cofactor_true() if high else truth.cofactor_false()
    assert found is not None
    return found


class Smallest(NamedTuple):
    """A set of values: how many, of which variables, by their place in the order, and which; compared in this order."""

    size: int
    places: tuple[int, ...]
    values: tuple[int, ...]


class DiagramCompletions(Completions, Inputs):
    """The completions of a record in which many variables are open.

    Where it tells several sets of facts without labels, each of them is a world.
    """

    def __init__(self, record: Record, program: Program, adopted: tuple[int, ...], worlds: Worlds, manager: Manager) -> None:
        self.worlds = worlds
        self.capacity = manager.capacity
        self.none = manager.own.false()
        self.everything = self.true = manager.own.true()
        self.groups = tuple(program.constraint_components)
        self._selectors = (worlds.count - 1).bit_length()
        self.barred = [told.barred for told in record.told]
        self.choices = [choices_of(told, adopted) for told in record.told]
        sets = tuple((label, ()) for label in record.labels)
        self.variables = (*program.variables, Variable(sets, ONE_OF)) if sets else program.variables
        opened = [v for v, choices in enumerate(zip(*self.choices, strict=True)) if OPEN in choices]
        first = [v for v in opened if v < len(adopted)]
        self.order = [*first, *([len(program.variables)] if sets else []), *opened[len(first) :]]
        sizes = [len(self.variables[v].values) for v in self.order]
        depths = [(size - 1).bit_length() for size in sizes]
        needed = self._selectors + sum(depths)
        manager.extend(needed)
        self._binary = manager.binary
        self._bits: dict[int, range] = {}
        self.place: list[int] = [-1] * self._selectors
        values: dict[int, tuple[BDDFunction, ...]] = {}
        for place, (v, size, depth) in enumerate(zip(self.order, sizes, depths, strict=True)):
            start = len(self.place)
            self._bits[v] = range(start, start + depth)
            self.place += [place] * depth
            values[v] = manager.tree(start, size)
        self.values: Mapping[int, tuple[BDDFunction, ...]] = values
        self._leaves_of = values
        self._cubes: dict[tuple[int, ...], BDDFunction] = {}
        self._in_worlds: dict[tuple[int, int], BDDFunction] = {}
        self._worlds_of: dict[tuple[BDDFunction, int], int] = {}
        self._own_world = 0
        self._at_base: dict[BDDFunction, BDDFunction] = {}
        self._known_smallest: dict[tuple[BDDFunction, BDDFunction], Smallest | None] = {}
        self.sets: Sequence[BDDFunction] = (self.everything,)
        if sets:
            self.sets = values[len(program.variables)]
        elif len(record.told) > 1:
            self.sets = [self.in_worlds(1 << number) for number in range(len(record.told))]
        self._relevance = Relevance(self)
        self.untold = next((v for v in opened if program.variables[v].tells_therapy), None)
        self.set_place = len(first)
        self._facts = self.cube(self.order)
        self._unread = self.cube([v for v in self.order if v in worlds.unread])
        self._untold_therapy = self.none
        self.all = self.listed = self.everything

    def admit(self, admissible: BDDFunction) -> None:
        """Leave only the completions that are `admissible`, and of each set of facts only what it tells."""
        told = self.none
        for where, choices, barred in zip(self.sets, self.choices, self.barred, strict=True):
            own = self.true
            for v in reversed(self.order):
                if v < len(choices) and choices[v] != OPEN:
                    own = own & self.values[v][choices[v]]
            for v, value in barred:
                own = own & ~self.values[v][value]
            told = told | where & own
        self.everything = admissible = admissible & told
        self.all = self.listed = self.base(admissible)
        self.values = {v: tuple(truth & self.all for truth in own) for v, own in self.values.items()}
        self.read = [v for v in self.order if v not in self.worlds.unread]

    def value(self, variable: int, number: int) -> BDDFunction:
        return self.values[variable][number]

    def chosen(self, variable: int, number: int) -> BDDFunction:
        """Give where a variable has a value, whether or not that is admissible; everywhere where it is not open."""
        return self._leaves_of[variable][number] if variable in self._leaves_of else self.true

    def in_worlds(self, chosen: int) -> BDDFunction:
        return self._of_worlds(chosen, 0)

    def _of_worlds(self, chosen: int, level: int) -> BDDFunction:
        """Tell some worlds apart by the binary digits of their numbers from `level` on, the highest first."""
        half = 1 << self._selectors - level >> 1
        whole = (1 << (half << 1)) - 1 if half else 1
        if chosen in (0, whole):
            return self.true if chosen else self.none
        found = self._in_worlds.get((chosen, level))
        if found is None:
            bit = self._binary[level]
            high, low = chosen >> half, chosen & (1 << half) - 1
            found = bit & self._of_worlds(high, level + 1) | ~bit & self._of_worlds(low, level + 1)
            self._in_worlds[chosen, level] = found
        return found

    def of_set(self, number: int) -> BDDFunction:
        return self.sets[number]

    def base(self, truth: BDDFunction) -> BDDFunction:
        if truth.node_level() is None:
            return truth
        found = self._at_base.get(truth)
        if found is None:
            found = self._at_base[truth] = self.world(truth, self._own_world).exists(self._unread)
        return found

    def world(self, truth: BDDFunction, number: int) -> BDDFunction:
        level = truth.node_level()
        while level is not None and level < self._selectors:
            high = number >> self._selectors - level - 1 & 1
            truth = side(truth, bool(high))
            level = truth.node_level()
        return truth

    def of_world(self, number: int) -> DiagramCompletions:
        """Give the completions of another world as those of a record by itself, with the set of facts that is true there."""
        found = copy(self)
        found._own_world, found._at_base = number, {}
        found.choices, found.barred, found.sets = [self.choices[number]], [self.barred[number]], (self.true,)
        found.everything = found.all = found.listed = found.base(self.everything)
        found.values = {v: tuple(truth & found.all for truth in own) for v, own in self._leaves_of.items()}
        found._relevance = Relevance(found)
        return found

    def in_each_world(self, truth: BDDFunction) -> Iterator[tuple[int, BDDFunction]]:
        """Yield the worlds in which a truth holds somewhere, each with where it does."""
        pending = [(truth, 0, 0)]
        while pending:
            found, level, first = pending.pop()
            own = found.node_level()
            if level == self._selectors:
                if found != self.none:
                    yield first, found.exists(self._unread)
            elif own is not None or found.valid():
                half = 1 << self._selectors - level - 1
                high, low = (side(found, True), side(found, False)) if own == level else (found, found)
                pending += ((high, level + 1, first + half), (low, level + 1, first))

    def at_base(self, truths: Sequence[BDDFunction]) -> Sequence[BDDFunction]:
        return AtBase(truths, self)

    def varying(self, truths: Sequence[BDDFunction], numbers: Iterable[int]) -> dict[int, int]:
        found, every = {}, (1 << self.worlds.count) - 1
        for number in numbers:
            truth = truths[number]
            level = truth.node_level()
            if level is not None and level < self._selectors:
                worlds = self._worlds((truth ^ self.world(truth, 0)).exists(self._facts), 0) & every
                if worlds:
                    found[number] = worlds
        return found

    def _worlds(self, chosen: BDDFunction, level: int) -> int:
        """List the worlds that a diagram of their digits from `level` on holds in, a bit for each."""
        own = chosen.node_level()
        if own is None:
            return (1 << (1 << self._selectors - level)) - 1 if chosen.valid() else 0
        found = self._worlds_of.get((chosen, level))
        if found is None:
            sides = (chosen, chosen) if own > level else (side(chosen, False), side(chosen, True))
            low, high = (self._worlds(branch, level + 1) for branch in sides)
            found = self._worlds_of[chosen, level] = low | high << (1 << self._selectors - level - 1)
        return found

    def relevant_variables(self, truth: BDDFunction) -> frozenset[int]:
        return self._relevance.variables(truth)

    def by_therapy(self, truth: BDDFunction) -> bool:
        return self._relevance.by_therapy(truth)

    def owner(self, level: int) -> int:
        """Give the variable that a level belongs to."""
        return self.order[self.place[level]]

    def cube(self, variables: Iterable[int]) -> BDDFunction:
        """Give the conjunction of the binary variables of variables."""
        key = tuple(variables)
        found = self._cubes.get(key)
        if found is None:
            found = self.true
            for v in key:
                for bit in self._bits.get(v, ()):
                    found = found & self._binary[bit]
            self._cubes[key] = found
        return found

    def at(self, truth: BDDFunction, variable: int, value: int) -> BDDFunction:
        """Give what holds where a variable, of which no earlier one matters to `truth`, has a value."""
        size = len(self._leaves_of[variable])
        for bit in self._bits[variable]:
            half = half_of(size)
            if truth.node_level() == bit:
                truth = side(truth, value < half)
            size, value = (half, value) if value < half else (size - half, value - half)
            if size == 1:
                break
        return truth

    def _parts(self, truth: BDDFunction, variable: int) -> list[BDDFunction]:
        """Give what holds with each value of a variable of which no earlier one matters to `truth`."""
        bits = self._bits[variable]

        def parts(truth: BDDFunction, level: int, size: int) -> list[BDDFunction]:
            own = truth.node_level()
            if size == 1 or own is None or own >= bits.stop:
                return [truth] * size
            high, low = (side(truth, True), side(truth, False)) if own == level else (truth, truth)
            half = half_of(size)
            return parts(high, level + 1, half) + parts(low, level + 1, size - half)

        return parts(truth, bits.start, len(self._leaves_of[variable]))

    def list_untreated(self, untold: BDDFunction) -> None:
        """List only the completions but those of `untold`: some therapy was given there, and nothing of it is known.

        Where no patient can be untreated, all are listed.
        """
        self._untold_therapy = self.base(untold)
        untreated = self.all & ~self._untold_therapy
        self.listed = self.all if untreated == self.none else untreated

    def smallest_implicant(self, truth: BDDFunction) -> Chosen:
        found = self._smallest(self._in_any_history(truth), self._in_any_history(self.all), self._known_smallest)
        return () if found is None else self._chosen(found)

    def smallest_among(self, truth: BDDFunction, space: BDDFunction, offered: Mapping[int, int]) -> Chosen | None:
        """Find the smallest set of the `offered` values, one for each of some variables, that makes `truth` hold.

        It holds then in every completion of `space`, of which it is a part, that agrees with the set. Of equally small sets
        the first; None where no set does.
        """
        found = self._smallest(truth, space, {}, offered)
        return None if found is None else self._chosen(found)

    def _chosen(self, found: Smallest) -> Chosen:
        return tuple((self.order[place], value) for place, value in zip(found.places, found.values, strict=True))

    def _in_any_history(self, truth: BDDFunction) -> BDDFunction:
        """Let what is assumed of a course be so of therapy of which nothing is known, too."""
        untold = self._untold_therapy
        if untold == self.none:
            return truth
        courses = self.cube([v for v in self.order if v < len(self.choices[0]) and self.variables[v].course is not None])
        found: BDDFunction = truth & ~untold | (truth & untold).exists(courses)
        return found

    def _smallest(
        self,
        truth: BDDFunction,
        space: BDDFunction,
        memo: dict[tuple[BDDFunction, BDDFunction], Smallest | None],
        offered: Mapping[int, int] | None = None,
    ) -> Smallest | None:
        """Find the smallest set of values under which `truth` holds in all of `space`, of which it is a part.

        Values are `offered`: all that can be assumed where that is None.
        """
        if truth == space:
            return Smallest(0, (), ())
        if truth == self.none:
            return None
        key = (truth, space)
        if key in memo:
            return memo[key]
        levels = [level for f in key if (level := f.node_level()) is not None]
        place = self.place[min(levels)]
        options = []
        variable = self.order[place]
        known = self.variables[variable].values
        apart: dict[tuple[BDDFunction, BDDFunction], int | None] = {}
        for n, sides in enumerate(zip(self._parts(truth, variable), self._parts(space, variable), strict=True)):
            can_be_said = known[n][0] is not None if offered is None else offered.get(variable) == n
            if apart.get(sides) is None:
                apart[sides] = n if can_be_said else None
        left, whole = None, self.none
        for holds, admitted in apart:
            if admitted != self.none:
                kept = holds | ~admitted
                left = kept if left is None else left & kept
                whole = whole | admitted
        assert left is not None
        without = self._smallest(left & whole, whole, memo, offered)
        if without is not None:
            options.append(without)
        if without is None or without.size > 0:
            for (holds, admitted), number in apart.items():
                if holds != self.none and number is not None:
                    found = self._smallest(holds, admitted, memo, offered)
                    if found is not None:
                        options.append(Smallest(found.size + 1, (place, *found.places), (number, *found.values)))
        memo[key] = min(options, default=None)
        return memo[key]
