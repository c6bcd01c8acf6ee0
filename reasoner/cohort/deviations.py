"""Where another alternative of a reading changes anything: found for whole batches, so that few are evaluated twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

from reasoner.cohort.aspects import decisive_atoms
from reasoner.compiler.program import Program, reachable
from reasoner.engine.completions import input_numbers
from reasoner.engine.worlds import worlds_of
from reasoner.records.record import OPEN

__all__ = ["Deviation", "changed_by", "counting_rules", "deviations_of"]

MOST_TRIED = 64


class Deviation(NamedTuple):
    """Another alternative of one reading.

    `adopted` are the choices of all readings then, `read` the variables that rules read only then, and `unread` those that
    they read neither then nor otherwise.
    """

    reading: str
    alternative: str
    adopted: tuple[int, ...]
    unread: frozenset[int]
    read: tuple[int, ...]


@lru_cache(maxsize=64)
def deviations_of(program: Program, adopted: tuple[int, ...]) -> tuple[Deviation, ...]:
    """List the other alternatives of readings, one at a time."""
    worlds, gates = worlds_of(program, adopted, frozenset(), removed=False), idle_of(program, adopted).gates
    found = []
    for reading, name, world in worlds.alternatives:
        choices = list(adopted)
        for variable, shifts in worlds.changed.items():
            choices[variable] = (choices[variable] + shifts.get(world, 0)) % len(program.variables[variable].values)
        read = frozenset[int]()
        if reading in gates:
            read = worlds.unread - worlds_of(program, tuple(choices), frozenset(), removed=False).unread
            read -= {variable for variable, choice in enumerate(choices) if choice != OPEN}
        found.append(Deviation(reading, name, tuple(choices), worlds.unread - read, tuple(sorted(read))))
    return tuple(found)


class Idle(NamedTuple):
    """The atoms that only unread variables decide, and the readings of which another alternative may ask for them."""

    atoms: frozenset[int]
    gates: frozenset[str]


@lru_cache(maxsize=64)
def idle_of(program: Program, adopted: tuple[int, ...]) -> Idle:
    numbers = input_numbers(program)
    refused = {
        atom: str(program.variables[variable].reading)
        for variable, choice in enumerate(adopted)
        for value, atoms in enumerate(numbers[variable])
        if choice not in (OPEN, value)
        for atom in atoms
    }
    unread = worlds_of(program, adopted, frozenset(), removed=False).unread
    left = [atom for variable in unread for atoms in numbers[variable] for atom in atoms]
    found, gates = set(left), set[str]()
    while left:
        for number in rules_asking(program)[left.pop()]:
            rule = program.rules[number]
            asked = {refused[atom] for atom, negated in rule.conditions if not negated and atom in refused}
            gates |= asked
            if not asked and rule.head not in found:
                found.add(rule.head)
                left.append(rule.head)
    return Idle(frozenset(found), frozenset(gates))


@lru_cache(maxsize=64)
def counting_rules(program: Program, adopted: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """List ground rules, each with the rule that it is an instance of, but those of what only unread variables decide.

    Such rules change no conclusion: only rules for an alternative that is not adopted ask for what they conclude. Left out,
    too, is what works out counts and sums: it belongs to no rule of the guideline.
    """
    idle = idle_of(program, adopted).atoms
    idle |= {number for number, atom in enumerate(program.atoms) if atom.startswith("_")}
    return tuple((number, rule.rule) for number, rule in enumerate(program.rules) if rule.head not in idle)


@lru_cache(maxsize=64)
def rules_asking(program: Program) -> list[list[int]]:
    """List for each atom the ground rules that have it among their conditions."""
    found: list[list[int]] = [[] for _ in program.atoms]
    for number, rule in enumerate(program.rules):
        for atom, _ in rule.conditions:
            found[atom].append(number)
    return found


class Affected(NamedTuple):
    """An atom that depends on others: `reads` are those in the conditions of its rules, which `rules` numbers."""

    atom: int
    reads: frozenset[int]
    rules: tuple[int, ...]


@lru_cache(maxsize=1024)
def affected_by(program: Program, atoms: frozenset[int]) -> tuple[Affected, ...]:
    """List the atoms that depend on input atoms, each after those that it depends on."""
    asking, rules = rules_asking(program), program.rules
    found = reachable(atoms, lambda atom: [rules[number].head for number in asking[atom]]) - atoms
    return tuple(Affected(atom, frozenset(program.conditions(atom)), program.supports[atom]) for atom in sorted(found))


def changed_by(
    program: Program,
    adopted: tuple[int, ...],
    deviation: Deviation,
    opened: Mapping[int, int],
    evaluated: tuple[Sequence[int], Sequence[int]],
    everything: int,
) -> int:
    """Find the completions in which another alternative of a reading changes what an answer lists, or may change it.

    `evaluated` are the truths of all atoms and all rules, with the readings `adopted`. `opened` tells where the
    variables are open that are read under the other alternative alone: of these all values are tried, if they are few.
    """
    numbers = input_numbers(program)
    changed: dict[int, int] = {}
    for variable, (old, new) in enumerate(zip(adopted, deviation.adopted, strict=True)):
        if old != new:
            changed |= dict.fromkeys(numbers[variable][old], 0) | dict.fromkeys(numbers[variable][new], everything)
    tried = [[(v, value) for value in range(len(program.variables[v].values))] for v in opened]
    if prod(map(len, tried)) > MOST_TRIED:
        return everything
    found = 0
    for combination in product(*tried):
        told = dict(changed)
        for variable, value in combination:
            for atom in numbers[variable][value]:
                told[atom] = told.get(atom, evaluated[0][atom]) | opened[variable]
        found |= deviating(program, evaluated, everything, told)
    return found


def deviating(
    program: Program, evaluated: tuple[Sequence[int], Sequence[int]], everything: int, changed: Mapping[int, int]
) -> int:
    """Find the completions in which a decisive atom holds otherwise once input atoms hold as `changed` says.

    Only what a change reaches is evaluated again.
    """
    values, fired = evaluated
    new = {atom: truth for atom, truth in changed.items() if truth != values[atom]}
    reached = set(new)
    for atom, reads, rules in affected_by(program, frozenset(changed)):
        if reads.isdisjoint(reached):
            continue
        truth = 0
        for number in rules:
            conditions = program.rules[number].conditions
            if not any(condition in reached for condition, _ in conditions):
                truth |= fired[number]
                continue
            holds = everything
            for condition, negated in conditions:
                value = new[condition] if condition in reached else values[condition]
                holds = holds & ~value if negated else holds & value
            truth |= holds
        if truth != values[atom]:
            new[atom] = truth
            reached.add(atom)
    found = 0
    for atom in reached.intersection(decisive_atoms(program)):
        found |= new[atom] ^ values[atom]
    return found
