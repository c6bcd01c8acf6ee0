"""What is certain where some therapy was given and nothing of it is known.

Every condition on the history of therapy is open there, so that most of a program is the same for all records: it is worked
out once for a program, and only the rest of it for a record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from reasoner.compiler.program import GroundRule, Program
from reasoner.engine.completions import Truth as Completion
from reasoner.engine.completions import choices_of, input_numbers
from reasoner.engine.evaluator import Between
from reasoner.records.record import OPEN, Record

__all__ = ["ALWAYS", "FIRST_COURSE", "NEVER", "OPEN_BOUNDS", "Bounds", "after_untold_therapy", "bounds_by_therapy"]

FIRST_COURSE = "course(1)"
Truth = bool | None
"""None where it hangs on what is not looked at."""


class Bounds(NamedTuple):
    """Whether something certainly holds, and whether it possibly does."""

    certain: Truth
    possible: Truth

    def __and__(self, other: Bounds) -> Bounds:
        return Bounds(both(self.certain, other.certain), both(self.possible, other.possible))

    def __or__(self, other: Bounds) -> Bounds:
        return Bounds(either(self.certain, other.certain), either(self.possible, other.possible))

    def __invert__(self) -> Bounds:
        return Bounds(opposite(self.possible), opposite(self.certain))


NEVER, OPEN_BOUNDS, VARIES, ALWAYS = Bounds(False, False), Bounds(False, True), Bounds(None, None), Bounds(True, True)


class Side(NamedTuple):
    """An atom, and whether it is asked where it possibly holds, or else where it certainly does."""

    atom: int
    possible: bool


class SidedRule(NamedTuple):
    """A ground rule as far as one side of its head goes: each condition, and whether it is negated."""

    head: Side
    conditions: tuple[tuple[Side, bool], ...]


class Unsettled(NamedTuple):
    """What is left of a program to be worked out for one record.

    `settled` tells of what is the same for every record whether it is so. `rules` conclude what varies, in dependency order,
    without the conditions that are always met, and without the rules that never fire. `read` are the inputs asked for.
    """

    settled: dict[Side, bool]
    rules: list[SidedRule]
    read: list[Side]


def after_untold_therapy(
    program: Program, sides: tuple[Side, ...], record: Record, adopted: tuple[int, ...]
) -> list[bool] | None:
    """Tell of atoms whether they certainly or possibly hold in one completion of what a record leaves open besides therapy.

    None where that completion is inconsistent, or where the program has loops.
    """
    if program.loops or len(record.told) != 1:
        return None
    broken = tuple(Side(program.rules[rule].head, False) for rule in program.inconsistent)
    held = held_inputs(program, record, adopted)
    values = worked_out(unsettled(program, (*sides, *broken), OPEN_BOUNDS), lambda number: int(number in held), 0, 1)
    return None if any(values[side] for side in broken) else [bool(values[side]) for side in sides]


def bounds_by_therapy(
    program: Program, atoms: tuple[int, ...], inputs: Sequence[Completion], everything: Completion
) -> list[Between]:
    """Give where some atoms certainly and possibly hold, where nothing is known of a history but that it has a course.

    `inputs` are where the input atoms certainly hold: of the history that is where there is a course.
    """
    given, none = inputs[program.inputs[FIRST_COURSE]], everything & ~everything
    sides = tuple(Side(atom, possible) for atom in atoms for possible in (False, True))
    after, before = (
        worked_out(unsettled(program, sides, history), inputs.__getitem__, none, everything)
        for history in (OPEN_BOUNDS, NEVER)
    )
    found = {side: given & after[side] | ~given & before[side] for side in sides}
    return [Between(found[Side(atom, False)], found[Side(atom, True)]) for atom in atoms]


Known = TypeVar("Known", int, Completion)


def worked_out(left: Unsettled, of_input: Callable[[int], Known], none: Known, everything: Known) -> dict[Side, Known]:
    """Work out what is left of a program; `of_input` gives where an input holds."""
    values = {side: everything if holds else none for side, holds in left.settled.items()}
    values.update((side, of_input(side.atom)) for side in left.read)
    for rule in left.rules:
        holds = everything
        for side, negated in rule.conditions:
            holds = holds & ~values[side] if negated else holds & values[side]
            if holds == none:
                break
        values[rule.head] = values.get(rule.head, none) | holds
    return values


def held_inputs(program: Program, record: Record, adopted: tuple[int, ...]) -> set[int]:
    """List the input atoms that a record makes true; what is open has the last of its values."""
    (told,), numbers = record.told, input_numbers(program)
    held = {program.inputs[atom] for atom in told.atoms if atom in program.inputs}
    for variable, choice in enumerate(choices_of(told, adopted)):
        held.update(numbers[variable][-1 if choice == OPEN else choice])
    return held


@lru_cache(maxsize=512)
def unsettled(program: Program, sides: tuple[Side, ...], history: Bounds) -> Unsettled:
    """Find what is to be worked out for one record to tell of some atoms; `history` are the bounds of what it holds.

    A condition that is negated is met certainly where what it denies is not even possible, and possibly where that is not
    certain.
    """
    bounds = settled_values(program, history)
    asked, found, read = dict.fromkeys(sides), list[tuple[int, SidedRule]](), list[Side]()
    settled: dict[Side, bool] = {}
    waiting = list(asked)
    while waiting:
        head = waiting.pop()
        known = bounds[head.atom].possible if head.possible else bounds[head.atom].certain
        if known is not None:
            settled[head] = known
        elif head.atom < len(program.inputs):
            read.append(head)
        else:
            settled[head] = False
            for number in program.supports[head.atom]:
                left = conditions_left(program.rules[number], head.possible, bounds)
                if left is not None:
                    found.append((number, SidedRule(head, left)))
                    waiting += (side for side, _ in left if side not in asked)
                    asked.update(dict.fromkeys(side for side, _ in left))
    return Unsettled(settled, [rule for _, rule in sorted(found)], read)


def conditions_left(rule: GroundRule, possible: bool, bounds: list[Bounds]) -> tuple[tuple[Side, bool], ...] | None:
    """List the conditions of a rule that are not always met; None where one never is."""
    left = []
    for atom, negated in rule.conditions:
        side = Side(atom, possible is not negated)
        known = bounds[atom].possible if side.possible else bounds[atom].certain
        if known is negated:
            return None
        if known is None:
            left.append((side, negated))
    return tuple(left)


@lru_cache(maxsize=32)
def settled_values(program: Program, history: Bounds) -> list[Bounds]:
    """Give the bounds that all atoms have for every record, where of the history they are these."""
    inputs = [history if role == "history" else VARIES for role in program.roles[: len(program.inputs)]]
    inputs[program.inputs[FIRST_COURSE]] = ALWAYS if history == OPEN_BOUNDS else NEVER
    for number in program.removable:
        inputs[number] = ALWAYS
    rest = len(program.atoms) - len(inputs) - program.derived - program.always
    values = [*inputs, *([NEVER] * program.derived), *([ALWAYS] * program.always), *([NEVER] * rest)]
    for rule in program.rules:
        holds = ALWAYS
        for atom, negated in rule.conditions:
            holds = holds & ~values[atom] if negated else holds & values[atom]
            if holds == NEVER:
                break
        values[rule.head] = values[rule.head] | holds
    return values


def opposite(one: Truth) -> Truth:
    return None if one is None else not one


def both(one: Truth, other: Truth) -> Truth:
    return False if one is False or other is False else None if one is None or other is None else True


def either(one: Truth, other: Truth) -> Truth:
    return True if one is True or other is True else None if one is None or other is None else False
