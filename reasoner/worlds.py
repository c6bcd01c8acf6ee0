"""The completions of a record: every way in which its unknown facts can turn out, as worlds.

World *i* is bit *i* of an integer. Facts that constrain each other share an axis, whose steps are their admissible
combinations; the worlds are the product of the axes, so every world is admissible.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import combinations, product
from math import prod
from typing import NamedTuple, NoReturn

from reasoner.errors import RecordError
from reasoner.knowledge import Knowledge
from reasoner.program import Program
from reasoner.record import OPEN, Record

__all__ = ["LIMIT", "Axis", "Worlds", "complete"]

LIMIT = 2**18


class Axis(NamedTuple):
    """Open variables that are decided together: `steps` are their admissible values, a number for each variable."""

    variables: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=4096)
def pattern(chosen: frozenset[int], steps: int, stride: int, count: int) -> int:
    """Set the bits of the worlds in which an axis stands at one of the `chosen` of its `steps`."""
    block = sum(((1 << stride) - 1) << (step * stride) for step in chosen)
    width = steps * stride
    while width < count:
        block |= block << width
        width *= 2
    return block & ((1 << count) - 1)


class Worlds:
    """All completions of one record.

    `all` has a bit for each of the `count` worlds. `values` gives for each variable and each of its values the worlds that
    agree.
    """

    def __init__(self, axes: tuple[Axis, ...], count: int, values: list[tuple[int, ...]]) -> None:
        self.axes = axes
        self.count = count
        self.all = (1 << count) - 1
        self.values = values

    @property
    def open(self) -> tuple[int, ...]:
        """The variables that are not the same in all worlds."""
        return tuple(v for v, agree in enumerate(self.values) if agree and self.all not in agree)

    @cached_property
    def layout(self) -> list[tuple[Axis, int, int]]:
        """Each axis with the distance between two of its steps and the worlds at its first step."""
        found, stride = [], 1
        for axis in self.axes:
            found.append((axis, stride, pattern(frozenset({0}), len(axis.steps), stride, self.count)))
            stride *= len(axis.steps)
        return found

    def deciders(self, truth: int) -> frozenset[int]:
        """Find the variables that can change `truth`.

        A variable can when changing it in some world, and with it no more than it forces, changes the truth there.
        """
        found: list[int] = []
        for axis, stride, first in self.layout:
            if len(axis.steps) == 2 and len(axis.variables) == 1:
                if (truth >> stride ^ truth) & first:
                    found += axis.variables
                continue
            cofactors = [truth >> step * stride & first for step in range(len(axis.steps))]
            if cofactors.count(cofactors[0]) < len(cofactors):
                for position, variable in enumerate(axis.variables):
                    if any(cofactors[a] != cofactors[b] for a, b in flips(axis.steps, position)):
                        found.append(variable)
        return frozenset(found)

    def smallest(self, truth: int, deciders: frozenset[int], knowledge: Knowledge) -> tuple[tuple[int, int], ...]:
        """Find the smallest set of values that makes `truth` hold in every world that agrees with it.

        Of equally small sets the first by the order of the variables, then of their values. Returned are pairs of a
        variable and the number of its value; none where no facts decide it, in a guideline with several answers to one
        completion.
        """
        truth, worlds, values = self.project(truth, deciders)
        against = worlds & ~truth
        if not against:
            return ()
        options = {
            v: [(v, n) for n, agree in enumerate(values[v]) if agree and knowledge.variables[v].values[n][0] is not None]
            for v in sorted(deciders)
        }
        for size in range(1, len(deciders) + 1):
            for facts in combinations(options, size):
                for chosen in product(*(options[v] for v in facts)):
                    agree = worlds
                    for variable, value in chosen:
                        agree &= values[variable][value]
                    if agree and not agree & against:
                        return chosen
        return ()

    def agreeing(self, chosen: Sequence[tuple[int, int]]) -> int:
        """Give the worlds that agree with the chosen values."""
        agree = self.all
        for variable, value in chosen:
            agree &= self.values[variable][value]
        return agree

    def project(self, truth: int, deciders: frozenset[int]) -> tuple[int, int, dict[int, tuple[int, ...]]]:
        """Reduce the worlds to the axes that decide `truth`, where there are many."""
        if self.count <= 4096:
            return truth, self.all, {v: self.values[v] for v in deciders}
        kept = [(axis, stride) for axis, stride, _ in self.layout if deciders & set(axis.variables)]
        offsets = [0]
        for axis, stride in kept:
            offsets = [base + step * stride for step in range(len(axis.steps)) for base in offsets]
        digits = format(truth, f"0{self.count}b")
        small = sum(1 << n for n, world in enumerate(offsets) if digits[self.count - 1 - world] == "1")
        part = build(tuple(axis for axis, _ in kept), len(self.values), (), ())
        return small, part.all, {v: part.values[v] for v in deciders}


@lru_cache(maxsize=256)
def flips(steps: tuple[tuple[int, ...], ...], position: int) -> tuple[tuple[int, int], ...]:
    """List the pairs of steps that differ in one variable and otherwise in no more than that forces."""
    found = []
    for a, old in enumerate(steps):
        changes = [
            (b, frozenset(n for n, (x, y) in enumerate(zip(old, new, strict=True)) if x != y), new[position])
            for b, new in enumerate(steps)
            if new[position] != old[position]
        ]
        found += [
            (a, b)
            for b, changed, value in changes
            if not any(other < changed for _, other, other_value in changes if other_value == value)
        ]
    return tuple(found)


def build(axes: tuple[Axis, ...], variables: int, fixed: Sequence[int], sizes: Sequence[int]) -> Worlds:
    """Lay out the worlds of `axes`; `fixed` holds the value of each variable that no axis decides."""
    count = 1
    for axis in axes:
        count *= len(axis.steps)
    every = (1 << count) - 1
    values: list[tuple[int, ...]] = [()] * variables
    for variable, value in enumerate(fixed):
        if value != OPEN:
            values[variable] = tuple(every if n == value else 0 for n in range(sizes[variable]))
    stride = 1
    for axis in axes:
        for position, variable in enumerate(axis.variables):
            held = [step[position] for step in axis.steps]
            values[variable] = tuple(
                pattern(frozenset(s for s, value in enumerate(held) if value == n), len(held), stride, count)
                for n in range(max(sizes[variable] if sizes else 0, max(held) + 1))
            )
        stride *= len(axis.steps)
    return Worlds(axes, count, values)


def inputs_of(record: Record, program: Program, knowledge: Knowledge, worlds: Worlds) -> list[int]:
    """Give each input atom the integer of the worlds in which it holds."""
    inputs = [0] * len(program.inputs)
    index = program.inputs
    for atom in record.atoms:
        number = index.get(atom)
        if number is not None:
            inputs[number] = worlds.all
    for variable, agree in zip(knowledge.variables, worlds.values, strict=True):
        for (_, atoms), holds in zip(variable.values, agree, strict=True):
            for atom in atoms:
                inputs[index[atom]] |= holds
    return inputs


def complete(record: Record, program: Program, knowledge: Knowledge) -> tuple[Worlds, list[int]]:
    """Lay out the completions of `record` and the input integers of `program` for them.

    Where there are very many, facts that no conclusion depends on are settled at their first value. Raises RecordError where
    the record contradicts itself (it has no admissible completion), and where more than `LIMIT` completions are left.
    """
    sizes = [len(variable.values) for variable in knowledge.variables]
    axes: list[Axis] = []
    tied: set[int] = set()
    for group in program.groups:
        tied.update(group)
        axis = admissible(record, program, knowledge, group)
        if not axis.steps:
            refuse(record, program, knowledge, group)
        if axis.variables:
            axes.append(axis)
    for variable, choice in enumerate(record.choices):
        if choice == OPEN and variable not in tied:
            axes.append(Axis((variable,), tuple((n,) for n in range(sizes[variable]))))
    if prod(len(axis.steps) for axis in axes) > LIMIT:
        idle = [axis for axis in axes if program.relevant.isdisjoint(axis.variables)]
        axes = [axis for axis in axes if axis not in idle]
        settled = {variable: axis.steps[0][n] for axis in idle for n, variable in enumerate(axis.variables)}
        record = record._replace(choices=tuple(settled.get(v, choice) for v, choice in enumerate(record.choices)))
    count = prod(len(axis.steps) for axis in axes)
    if count > LIMIT:
        unknown = dict.fromkeys(knowledge.variables[v].fact for axis in axes for v in axis.variables)
        raise RecordError(
            f"too much is unknown: {count} completions, at most {LIMIT} can be answered; record some of {', '.join(unknown)}"
        )
    worlds = build(tuple(axes), len(sizes), record.choices, sizes)
    return worlds, inputs_of(record, program, knowledge, worlds)


def trial(record: Record, program: Program, knowledge: Knowledge, group: tuple[int, ...]) -> tuple[Axis, list[int]]:
    """Try all combinations of a group's open variables.

    Returned are the axis of all, and for each rule that constrains the group the steps that it forbids.
    """
    members = tuple(v for v in group if record.choices[v] == OPEN)
    sizes = [len(variable.values) for variable in knowledge.variables]
    tried = Axis(members, tuple(product(*(range(sizes[v]) for v in members))))
    fixed = [OPEN if v in members else max(choice, 0) for v, choice in enumerate(record.choices)]
    worlds = build((tried,), len(sizes), fixed, sizes)
    broken = program.violations(inputs_of(record, program, knowledge, worlds), worlds.all)
    return tried, [broken[n] for n in program.groups[group]]


def admissible(record: Record, program: Program, knowledge: Knowledge, group: tuple[int, ...]) -> Axis:
    """List the combinations of a group's open variables that break no constraint of the group."""
    key = (group, tuple(record.choices[v] for v in group))
    found = program.memo.get(key) if group in program.pure else None
    if found is None:
        tried, broken = trial(record, program, knowledge, group)
        bad = 0
        for holds in broken:
            bad |= holds
        found = (tried.variables, tuple(step for n, step in enumerate(tried.steps) if not bad >> n & 1))
        program.memo[key] = found
    return Axis(*found)


def refuse(record: Record, program: Program, knowledge: Knowledge, group: tuple[int, ...]) -> NoReturn:
    """Say what in the record contradicts itself: what every combination breaks, or else what the best one breaks."""
    tried, broken = trial(record, program, knowledge, group)
    every = (1 << len(tried.steps)) - 1
    least = min(range(len(tried.steps)), key=lambda world: sum(holds >> world & 1 for holds in broken))
    always = [holds == every for holds in broken]
    chosen = always if any(always) else [bool(holds >> least & 1) for holds in broken]
    rules = [program.impossible[n] for n, broke in zip(program.groups[group], chosen, strict=True) if broke]
    reasons = dict.fromkeys(program.phrases[program.rules[rule].head] for rule in rules)
    raise RecordError("the record contradicts itself: " + "; ".join(reasons))
