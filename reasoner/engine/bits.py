"""Completions as the bits of integers, for records that leave little open.

Facts that constrain each other share a component, whose assignments are their admissible combinations; the completions are
the product of the components, so every completion is admissible. The worlds follow one another in the bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import combinations, product
from math import prod

import msgspec

from reasoner.compiler.model import Variable
from reasoner.engine.completions import Chosen, Completions, Inputs, lay_inputs
from reasoner.engine.evaluator import Evaluator
from reasoner.engine.worlds import NO_OTHER, Worlds
from reasoner.records.record import OPEN, Record

__all__ = ["BitCompletions", "Component", "admissible", "flips", "pattern"]


class Component(msgspec.Struct, frozen=True):
    """Open variables that are decided together: `assignments` are their admissible values, a number for each variable."""

    variables: tuple[int, ...]
    assignments: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=4096)
def pattern(chosen: frozenset[int], assignments: int, stride: int, count: int) -> int:
    """Set the bits of the completions in which a component stands at one of the `chosen` of its `assignments`."""
    block = sum(((1 << stride) - 1) << (assignment * stride) for assignment in chosen)
    width = assignments * stride
    while width < count:
        block |= block << width
        width *= 2
    return block & ((1 << count) - 1)


@lru_cache(maxsize=256)
def patterns(components: tuple[Component, ...], sizes: tuple[int, ...], count: int) -> Mapping[int, tuple[int, ...]]:
    """Give for each variable of some components, and each of its values, the completions that agree, of so many.

    `sizes` are the numbers of values of the variables.
    """
    found: dict[int, tuple[int, ...]] = {}
    left, stride = iter(sizes), 1
    for component in components:
        for position, variable in enumerate(component.variables):
            held = [assignment[position] for assignment in component.assignments]
            chosen = [frozenset(s for s, value in enumerate(held) if value == n) for n in range(next(left))]
            found[variable] = tuple(pattern(own, len(held), stride, count) for own in chosen)
        stride *= len(component.assignments)
    return found


@lru_cache(maxsize=2**14)
def spread(chosen: int, count: int) -> int:
    """Set the bits of all completions, so many in each, of some worlds."""
    return sum(((1 << count) - 1) << world * count for world in range(chosen.bit_length()) if chosen >> world & 1)


class BitCompletions(Completions, Inputs):
    """The product of `components`, once for each world."""

    none = 0

    def __init__(self, components: Sequence[Component], variables: tuple[Variable, ...], worlds: Worlds) -> None:
        self.components = tuple(components)
        self.variables = variables
        self.worlds = worlds
        self.count = prod(len(component.assignments) for component in components)
        self.total = self.count * worlds.count
        self.all: int = (1 << self.count) - 1
        self.listed = self.all
        self.everything: int = (1 << self.total) - 1
        sizes = tuple([len(variables[v].values) for component in components for v in component.variables])
        self._wide = patterns(self.components, sizes, self.total)
        self.values: Mapping[int, tuple[int, ...]] = (
            self._wide if worlds.count == 1 else patterns(self.components, sizes, self.count)
        )
        self.order = sorted(self.values)

    def value(self, variable: int, number: int) -> int:
        return self._wide[variable][number]

    def in_worlds(self, chosen: int) -> int:
        return spread(chosen, self.count) if self.count > 1 else chosen

    def of_set(self, number: int) -> int:  # noqa: ARG002 (there is one)
        return self.everything

    def base(self, truth: int) -> int:
        return truth & self.all

    def world(self, truth: int, number: int) -> int:
        return truth >> number * self.count & self.all

    def at_base(self, truths: Sequence[int]) -> list[int]:
        every = self.all
        return [truth & every for truth in truths]

    def varying(self, truths: Sequence[int], numbers: Iterable[int]) -> dict[int, int]:
        every, everything, first = self.all, self.everything, self._every_world
        found = {}
        for number in numbers:
            truth = truths[number]
            if truth and truth != everything:
                rest = truth ^ (truth & every) * first
                if rest:
                    found[number] = rest if self.count == 1 else self._worlds_of(rest)
        return found

    def _worlds_of(self, rest: int) -> int:
        """List the worlds that have a completion among some."""
        found = 0
        while rest:
            world = (rest.bit_length() - 1) // self.count
            found |= 1 << world
            rest &= (1 << world * self.count) - 1
        return found

    @cached_property
    def _every_world(self) -> int:
        """The first completion of each world."""
        return pattern(frozenset({0}), self.count, 1, self.total) if self.count > 1 else self.everything

    @cached_property
    def layout(self) -> list[tuple[Component, int, int]]:
        """Each component with the distance between two of its assignments and the completions at its first assignment."""
        found, stride = [], 1
        for component in self.components:
            found.append((component, stride, pattern(frozenset({0}), len(component.assignments), stride, self.count)))
            stride *= len(component.assignments)
        return found

    def relevant_variables(self, truth: int) -> frozenset[int]:
        found: list[int] = []
        for component, stride, first in self.layout:
            if len(component.assignments) == 2 and len(component.variables) == 1:
                if (truth >> stride ^ truth) & first:
                    found += component.variables
                continue
            cofactors = [truth >> assignment * stride & first for assignment in range(len(component.assignments))]
            if cofactors.count(cofactors[0]) < len(cofactors):
                read = [position for position, v in enumerate(component.variables) if v not in self.worlds.unread]
                told_apart = {
                    tuple(assignment[position] for position in read): cofactor
                    for assignment, cofactor in zip(component.assignments, cofactors, strict=True)
                }
                assignments, cofactors = tuple(told_apart), list(told_apart.values())
                for position, own in enumerate(read):
                    if any(cofactors[a] != cofactors[b] for a, b in flips(assignments, position)):
                        found.append(component.variables[own])
        return frozenset(found) - self.worlds.unread

    def by_therapy(self, truth: int) -> bool:  # noqa: ARG002 (it is known)
        return False

    def smallest_implicant(self, truth: int) -> Chosen:
        against = self.all & ~truth
        if not against:
            return ()
        relevant = self.relevant_variables(truth)
        options = {
            v: [(v, n) for n, agree in enumerate(self.values[v]) if agree and self.variables[v].values[n][0] is not None]
            for v in sorted(relevant)
        }
        for size in range(1, len(relevant) + 1):
            for facts in combinations(options, size):
                for chosen in product(*(options[v] for v in facts)):
                    agree = self.agreeing(chosen)
                    if agree and not agree & against:
                        return chosen
        return ()


@lru_cache(maxsize=256)
def flips(assignments: tuple[tuple[int, ...], ...], position: int) -> tuple[tuple[int, int], ...]:
    """List the pairs of assignments that differ in one variable and otherwise in no more than that forces."""
    found = []
    for a, old in enumerate(assignments):
        changes = [
            (b, frozenset(n for n, (x, y) in enumerate(zip(old, new, strict=True)) if x != y), new[position])
            for b, new in enumerate(assignments)
            if new[position] != old[position]
        ]
        found += [
            (a, b)
            for b, changed, value in changes
            if not any(other < changed for _, other, other_value in changes if other_value == value)
        ]
    return tuple(found)


def admissible(record: Record, evaluator: Evaluator, group: tuple[int, ...], choices: tuple[int, ...]) -> Component:
    """List the combinations of a group's open variables that break no constraint of the group.

    `choices` are those of the record, those of the readings included.
    """
    program = evaluator.program
    told = program.constraint_inputs[group].intersection(record.told[0].atoms)
    key = (group, tuple(choices[v] for v in group), told)
    found: Component | None = evaluator.memo.get(key)
    if found is None:
        tried, broken = enumerate_component(record, evaluator, group, choices)
        bad = 0
        for holds in broken:
            bad |= holds
        found = Component(
            tried.variables, tuple(assignment for n, assignment in enumerate(tried.assignments) if not bad >> n & 1)
        )
        evaluator.memo[key] = found
    return found


def enumerate_component(
    record: Record, evaluator: Evaluator, group: tuple[int, ...], choices: tuple[int, ...]
) -> tuple[Component, list[int]]:
    """Try all combinations of a group's open variables.

    Returned are the component of all, and for each rule that constrains the group the assignments that it forbids.
    """
    program = evaluator.program
    members = tuple(v for v in group if choices[v] == OPEN)
    sizes = [len(program.variables[v].values) for v in members]
    tried = Component(members, tuple(product(*map(range, sizes))))
    completions = BitCompletions((tried,), program.variables, NO_OTHER)
    told = record.told[0]
    alone = record._replace(
        told=(told._replace(choices=tuple(c if c != OPEN or v in members else 0 for v, c in enumerate(choices))),)
    )
    inputs, _ = lay_inputs(alone, program, (), completions.worlds, completions)
    broken = evaluator.violations(inputs, completions.all)
    return tried, [broken[n] for n in program.constraint_components[group]]
