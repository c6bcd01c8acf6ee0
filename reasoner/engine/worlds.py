"""What an answer is compared with: the same record under one deviation at a time.

A world is the record with another alternative of one reading, without the rules of one reading, or with another value of
one fact that a default stands for. World 0 is the record as it stands. All worlds are evaluated together, as further
completions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from reasoner.compiler.model import Variable
from reasoner.compiler.program import Program, reachable
from reasoner.records.record import OPEN

__all__ = ["NO_OTHER", "Worlds", "as_recorded", "assumable", "own_world", "read_variables", "worlds_of"]


class Worlds(msgspec.Struct, frozen=True, eq=False):
    """The worlds of a record, numbered from 1.

    `unread` are the variables that no rule reads while the readings are as they are. `alternatives` are those in which
    one reading is taken otherwise: reading, alternative, world. `without` has for each reading the world in which its
    rules are left out, and `others` for each variable that a default stands for the worlds in which it has another value,
    0 where no rule reads it. `changed` tells for each variable that differs anywhere by how many values, by world.
    `taken` are the worlds in `alternatives`, and `removed` those in `without`; of several worlds each is a bit.
    """

    count: int
    unread: frozenset[int]
    alternatives: tuple[tuple[str, str, int], ...]
    without: Mapping[str, int]
    others: Mapping[int, int]
    changed: Mapping[int, Mapping[int, int]]
    taken: int = 0
    removed: int = 0


NO_OTHER = Worlds(1, frozenset(), (), {}, {}, {})


@lru_cache(maxsize=64)
def own_world(program: Program, adopted: tuple[int, ...]) -> Worlds:
    """Give the record's own world alone, where nothing is compared; `adopted` are the choices of the readings."""
    read, _ = read_variables(program, adopted)
    return msgspec.structs.replace(NO_OTHER, unread=frozenset(range(len(program.variables))) - read)


@lru_cache(maxsize=1024)
def worlds_of(program: Program, adopted: tuple[int, ...], defaulted: frozenset[int], removed: bool = True) -> Worlds:
    """Lay out the worlds of a record.

    `adopted` are the choices of the readings, the first variables of a program, -1 for one that is left open; `defaulted`
    are the variables that a default stands for. Where `removed` is true readings are left out too.
    """
    count = 1
    alternatives: list[tuple[str, str, int]] = []
    changed: dict[int, dict[int, int]] = {}
    for number, choice in enumerate(adopted):
        variable = program.variables[number]
        for value, (name, _) in enumerate(variable.values):
            if choice != OPEN and value != choice:
                alternatives.append((str(variable.reading), str(name), count))
                changed.setdefault(number, {})[count] = (value - choice) % len(variable.values)
                count += 1
    without = {reading: count + n for n, reading in enumerate(deciding_readings(program) if removed else ())}
    taken, left_out = (1 << count) - 2, (1 << count + len(without)) - (1 << count)
    count += len(without)
    read, atoms = read_variables(program, adopted)
    told = {v for v in defaulted if v in read or any(atoms.intersection(as_recorded(program, v, n)) for n in (0, 1))}
    others = dict.fromkeys(defaulted - told, 0)
    for together in together_changed(program.variables, sorted(told)):
        for shift in range(1, min(assumable(program.variables[number]) for number in together)):
            for number in together:
                others[number] = others.get(number, 0) | 1 << count
                changed.setdefault(number, {})[count] = shift
            count += 1
    unread = frozenset(range(len(program.variables))) - read
    return Worlds(count, unread, tuple(alternatives), without, others, changed, taken, left_out)


def deciding_readings(program: Program) -> list[str]:
    """List the readings whose rules or data conclusions depend on."""
    cone = program.cone(program.compared)
    numbers = {program.under[rule] for atom in cone for rule in program.supports[atom]}
    numbers |= {reading for atom, reading in program.removable.items() if atom in cone}
    return [reading for number, reading in enumerate(program.readings) if number in numbers]


def read_variables(program: Program, adopted: Sequence[int]) -> tuple[set[int], set[int]]:
    """Find what conclusions depend on, by rules that do not ask for an alternative that is not chosen: variables, and atoms.

    Whether any therapy was given always counts: all that is read of courses depends on it. All that an aggregate counts is
    read, even where it cannot change what the aggregate is compared with: answers tell what it amounts to.
    """
    refused, owner = set(), {}
    for v, variable in enumerate(program.variables):
        for value, (_, atoms) in enumerate(variable.values):
            own = [program.inputs[atom] for atom in atoms if atom in program.inputs]
            owner.update(dict.fromkeys(own, v))
            if v < len(adopted) and adopted[v] not in (OPEN, value):
                refused.update(own)

    def required(atom: int) -> Iterator[int]:
        if atom in program.aggregates:
            counted = program.counted[program.aggregates[atom]]
            yield from (c for own in counted for way in own.ways for c, _ in way)
        for support in program.supports[atom]:
            conditions = program.rules[support].conditions
            if not any(c in refused and not negated for c, negated in conditions):
                yield from (c for c, _ in conditions)

    therapy = {v for v, variable in enumerate(program.variables) if variable.tells_therapy}
    reached = reachable(program.compared, required)
    return therapy | {owner[atom] for atom in reached if atom in owner}, reached


def together_changed(variables: Sequence[Variable], defaulted: Sequence[int]) -> Iterator[list[int]]:
    """Yield what is changed at once: each variable by itself, then all members of each list."""
    lists: dict[str, list[int]] = {}
    for number in defaulted:
        yield [number]
        if variables[number].member is not None:
            lists.setdefault(variables[number].fact, []).append(number)
    yield from (members for members in lists.values() if len(members) > 1)


def assumable(variable: Variable) -> int:
    """Count the values that a variable can be assumed to have; they come first."""
    return sum(value is not None for value, _ in variable.values)


def as_recorded(program: Program, variable: int, value: int) -> tuple[int, ...]:
    """Give the numbers of the input atoms by which a record would tell a value in place of a default."""
    known, told = program.variables[variable], program.variables[variable].values[value][0]
    if known.course is not None or known.reading is not None:
        return ()
    said = f"recorded({known.fact},{'list' if known.member is not None else str(told).lower()})"
    listed = (f"lists({known.fact},{known.member})",) if known.member is not None and told else ()
    return tuple(program.inputs[atom] for atom in (f"known({known.fact})", said, *listed) if atom in program.inputs)
