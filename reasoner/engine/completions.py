"""The completions of a record: every way in which its unknown facts can turn out.

Completion *i* is bit *i* of an integer. Facts that constrain each other share a component, whose assignments are their
admissible combinations; the completions are the product of the components, so every completion is admissible.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import combinations, product
from math import prod
from typing import NoReturn

import msgspec

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.evaluator import Evaluator
from reasoner.errors import RecordError
from reasoner.records.record import OPEN, Record

__all__ = ["LIMIT", "Completions", "Component", "complete"]

LIMIT = 2**18


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


class Completions:
    """All completions of one record.

    `all` has a bit for each of the `count` completions. `values` gives for each variable and each of its values the
    completions that agree.
    """

    def __init__(self, components: tuple[Component, ...], count: int, values: list[tuple[int, ...]]) -> None:
        self.components = components
        self.count = count
        self.all = (1 << count) - 1
        self.values = values

    @property
    def open(self) -> tuple[int, ...]:
        """The variables that are not the same in all completions."""
        return tuple(v for v, agree in enumerate(self.values) if agree and self.all not in agree)

    @cached_property
    def layout(self) -> list[tuple[Component, int, int]]:
        """Each component with the distance between two of its assignments and the completions at its first assignment."""
        found, stride = [], 1
        for component in self.components:
            found.append((component, stride, pattern(frozenset({0}), len(component.assignments), stride, self.count)))
            stride *= len(component.assignments)
        return found

    def relevant_variables(self, truth: int) -> frozenset[int]:
        """Find the variables that can change `truth`.

        A variable can when changing it in some completion, and with it no more than it forces, changes the truth there.
        """
        found: list[int] = []
        for component, stride, first in self.layout:
            if len(component.assignments) == 2 and len(component.variables) == 1:
                if (truth >> stride ^ truth) & first:
                    found += component.variables
                continue
            cofactors = [truth >> assignment * stride & first for assignment in range(len(component.assignments))]
            if cofactors.count(cofactors[0]) < len(cofactors):
                for position, variable in enumerate(component.variables):
                    if any(cofactors[a] != cofactors[b] for a, b in flips(component.assignments, position)):
                        found.append(variable)
        return frozenset(found)

    def smallest_implicant(
        self, truth: int, relevant_variables: frozenset[int], model: GuidelineModel
    ) -> tuple[tuple[int, int], ...]:
        """Find the smallest set of values that makes `truth` hold in every completion that agrees with it.

        Of equally small sets the first by the order of the variables, then of their values. Returned are pairs of a
        variable and the number of its value; none where no facts decide it, in a guideline with several answers to one
        completion.
        """
        truth, completions, values = self.project(truth, relevant_variables)
        against = completions & ~truth
        if not against:
            return ()
        options = {
            v: [(v, n) for n, agree in enumerate(values[v]) if agree and model.variables[v].values[n][0] is not None]
            for v in sorted(relevant_variables)
        }
        for size in range(1, len(relevant_variables) + 1):
            for facts in combinations(options, size):
                for chosen in product(*(options[v] for v in facts)):
                    agree = completions
                    for variable, value in chosen:
                        agree &= values[variable][value]
                    if agree and not agree & against:
                        return chosen
        return ()

    def agreeing(self, chosen: Sequence[tuple[int, int]]) -> int:
        """Give the completions that agree with the chosen values."""
        agree = self.all
        for variable, value in chosen:
            agree &= self.values[variable][value]
        return agree

    def project(self, truth: int, relevant_variables: frozenset[int]) -> tuple[int, int, dict[int, tuple[int, ...]]]:
        """Reduce the completions to the components that decide `truth`, where there are many."""
        if self.count <= 4096:
            return truth, self.all, {v: self.values[v] for v in relevant_variables}
        kept = [(component, stride) for component, stride, _ in self.layout if relevant_variables & set(component.variables)]
        offsets = [0]
        for component, stride in kept:
            offsets = [base + assignment * stride for assignment in range(len(component.assignments)) for base in offsets]
        digits = format(truth, f"0{self.count}b")
        small = sum(1 << n for n, completion in enumerate(offsets) if digits[self.count - 1 - completion] == "1")
        part = build(tuple(component for component, _ in kept), len(self.values), (), ())
        return small, part.all, {v: part.values[v] for v in relevant_variables}


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


def build(components: tuple[Component, ...], variables: int, fixed: Sequence[int], sizes: Sequence[int]) -> Completions:
    """Lay out the completions of `components`; `fixed` holds the value of each variable that no component decides."""
    count = 1
    for component in components:
        count *= len(component.assignments)
    every = (1 << count) - 1
    values: list[tuple[int, ...]] = [()] * variables
    for variable, value in enumerate(fixed):
        if value != OPEN:
            values[variable] = tuple(every if n == value else 0 for n in range(sizes[variable]))
    stride = 1
    for component in components:
        for position, variable in enumerate(component.variables):
            held = [assignment[position] for assignment in component.assignments]
            values[variable] = tuple(
                pattern(frozenset(s for s, value in enumerate(held) if value == n), len(held), stride, count)
                for n in range(max(sizes[variable] if sizes else 0, max(held) + 1))
            )
        stride *= len(component.assignments)
    return Completions(components, count, values)


def inputs_of(record: Record, program: Program, model: GuidelineModel, completions: Completions) -> list[int]:
    """Give each input atom the integer of the completions in which it holds."""
    inputs = [0] * len(program.inputs)
    index = program.inputs
    for atom in record.atoms:
        number = index.get(atom)
        if number is not None:
            inputs[number] = completions.all
    for variable, agree in zip(model.variables, completions.values, strict=True):
        for (_, atoms), holds in zip(variable.values, agree, strict=True):
            for atom in atoms:
                inputs[index[atom]] |= holds
    return inputs


def complete(record: Record, evaluator: Evaluator, model: GuidelineModel) -> tuple[Completions, list[int]]:
    """Lay out the completions of `record` and the input integers of the evaluator's program for them.

    Where there are very many, facts that no conclusion depends on are settled at their first value. Raises RecordError where
    the record contradicts itself (it has no admissible completion), and where more than `LIMIT` completions are left.
    """
    sizes = [len(variable.values) for variable in model.variables]
    components: list[Component] = []
    tied: set[int] = set()
    for group in evaluator.program.constraint_components:
        tied.update(group)
        component = admissible(record, evaluator, model, group)
        if not component.assignments:
            refuse(record, evaluator, model, group)
        if component.variables:
            components.append(component)
    for variable, choice in enumerate(record.choices):
        if choice == OPEN and variable not in tied:
            components.append(Component((variable,), tuple((n,) for n in range(sizes[variable]))))
    if prod(len(component.assignments) for component in components) > LIMIT:
        idle = [component for component in components if evaluator.program.relevant.isdisjoint(component.variables)]
        components = [component for component in components if component not in idle]
        settled = {
            variable: component.assignments[0][n] for component in idle for n, variable in enumerate(component.variables)
        }
        record = record._replace(choices=tuple(settled.get(v, choice) for v, choice in enumerate(record.choices)))
    count = prod(len(component.assignments) for component in components)
    if count > LIMIT:
        unknown = dict.fromkeys(model.variables[v].fact for component in components for v in component.variables)
        raise RecordError(
            f"too much is unknown: {count} completions, at most {LIMIT} can be answered; record some of {', '.join(unknown)}"
        )
    completions = build(tuple(components), len(sizes), record.choices, sizes)
    return completions, inputs_of(record, evaluator.program, model, completions)


def enumerate_component(
    record: Record, evaluator: Evaluator, model: GuidelineModel, group: tuple[int, ...]
) -> tuple[Component, list[int]]:
    """Try all combinations of a group's open variables.

    Returned are the component of all, and for each rule that constrains the group the assignments that it forbids.
    """
    members = tuple(v for v in group if record.choices[v] == OPEN)
    sizes = [len(variable.values) for variable in model.variables]
    tried = Component(members, tuple(product(*(range(sizes[v]) for v in members))))
    fixed = [OPEN if v in members else max(choice, 0) for v, choice in enumerate(record.choices)]
    completions = build((tried,), len(sizes), fixed, sizes)
    broken = evaluator.violations(inputs_of(record, evaluator.program, model, completions), completions.all)
    return tried, [broken[n] for n in evaluator.program.constraint_components[group]]


def admissible(record: Record, evaluator: Evaluator, model: GuidelineModel, group: tuple[int, ...]) -> Component:
    """List the combinations of a group's open variables that break no constraint of the group."""
    key = (group, tuple(record.choices[v] for v in group))
    found = evaluator.memo.get(key) if group in evaluator.program.independent_components else None
    if found is None:
        tried, broken = enumerate_component(record, evaluator, model, group)
        bad = 0
        for holds in broken:
            bad |= holds
        found = (tried.variables, tuple(assignment for n, assignment in enumerate(tried.assignments) if not bad >> n & 1))
        evaluator.memo[key] = found
    return Component(*found)


def refuse(record: Record, evaluator: Evaluator, model: GuidelineModel, group: tuple[int, ...]) -> NoReturn:
    """Say what in the record contradicts itself: what every combination breaks, or else what the best one breaks."""
    program = evaluator.program
    tried, broken = enumerate_component(record, evaluator, model, group)
    every = (1 << len(tried.assignments)) - 1
    least = min(range(len(tried.assignments)), key=lambda completion: sum(holds >> completion & 1 for holds in broken))
    always = [holds == every for holds in broken]
    chosen = always if any(always) else [bool(holds >> least & 1) for holds in broken]
    rules = [program.inconsistent[n] for n, broke in zip(program.constraint_components[group], chosen, strict=True) if broke]
    reasons = dict.fromkeys(program.phrases[program.rules[rule].head] for rule in rules)
    raise RecordError("the record contradicts itself: " + "; ".join(reasons))
