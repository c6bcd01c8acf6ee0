"""What is certain where some therapy was given and nothing of it is known.

Every condition on the history of therapy is open there, so that most of a program is the same for all records: it is worked
out once for a program, and only the rest of it for a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth as Completion
from reasoner.engine.completions import choices_of, input_numbers
from reasoner.engine.evaluator import Between, Evaluator
from reasoner.records.record import OPEN, Record

__all__ = ["FIRST_COURSE", "Bounds", "after_untold_therapy", "bounds_after_therapy"]

FIRST_COURSE = "course(1)"
Truth = bool | None
"""None where it hangs on what is not looked at."""


class Bounds(NamedTuple):
    """Whether something certainly holds, and whether it possibly does."""

    certain: Truth
    possible: Truth


NEVER, OPEN_BOUNDS, VARIES, ALWAYS = Bounds(False, False), Bounds(False, True), Bounds(None, None), Bounds(True, True)


def after_untold_therapy(
    program: Program, atoms: Sequence[int], record: Record, adopted: tuple[int, ...]
) -> list[Bounds] | None:
    """Give the bounds of some atoms in one completion of what a record leaves open besides therapy.

    None where that completion is inconsistent, or where the program has loops.
    """
    if program.loops or len(record.told) != 1:
        return None
    inconsistent = [program.rules[rule].head for rule in program.inconsistent]
    settled, rules = unsettled_rules(program, (*atoms, *inconsistent))
    if all(None not in settled[atom] for atom in (*atoms, *inconsistent)):
        return [settled[atom] for atom in atoms]
    values = [*inputs_of(program, record, adopted), *settled[len(program.inputs) :]]
    apply(program, rules, values)
    if any(values[atom].certain for atom in inconsistent):
        return None
    return [values[atom] for atom in atoms]


def bounds_after_therapy(
    evaluator: Evaluator, atoms: Sequence[int], inputs: Sequence[Between], everything: Completion
) -> list[Between]:
    """Give where some atoms certainly and possibly hold, as far as some therapy was given and nothing of it is known."""
    settled, rules = unsettled_rules(evaluator.program, tuple(atoms))
    constants = {False: everything & ~everything, True: everything, None: everything & ~everything}
    values = [*inputs, *(Between(constants[own.certain], constants[own.possible]) for own in settled[len(inputs) :])]
    evaluator.apply(rules, values, Between(everything, everything))
    return [values[atom] for atom in atoms]


def inputs_of(program: Program, record: Record, adopted: tuple[int, ...]) -> list[Bounds]:
    """Give the bounds of the input atoms; what is open has the last of its values."""
    (told,), numbers = record.told, input_numbers(program)
    held = {program.inputs[atom] for atom in told.atoms if atom in program.inputs} | program.removable.keys()
    for variable, choice in enumerate(choices_of(told, adopted)):
        held.update(numbers[variable][-1 if choice == OPEN else choice])
    return [history_or(program, n, ALWAYS if n in held else NEVER) for n in range(len(program.inputs))]


def history_or(program: Program, number: int, otherwise: Bounds) -> Bounds:
    """Give the bounds of an input atom: of the history of therapy only that there is a course is certain."""
    if program.roles[number] != "history":
        return otherwise
    return ALWAYS if program.atoms[number] == FIRST_COURSE else OPEN_BOUNDS


@lru_cache(maxsize=256)
def unsettled_rules(program: Program, atoms: tuple[int, ...]) -> tuple[list[Bounds], list[int]]:
    """Give the bounds that atoms have for every record, and the rules by which those that vary have them for one."""
    values = settled_values(program)
    heads = (atom for atom in program.cone(atoms) if None in values[atom])
    return values, sorted(rule for atom in heads for rule in program.supports[atom])


@lru_cache(maxsize=16)
def settled_values(program: Program) -> list[Bounds]:
    inputs = [ALWAYS if n in program.removable else history_or(program, n, VARIES) for n in range(len(program.inputs))]
    rest = len(program.atoms) - len(inputs) - program.derived - program.always
    values = [*inputs, *([NEVER] * program.derived), *([ALWAYS] * program.always), *([NEVER] * rest)]
    apply(program, range(len(program.rules)), values)
    return values


def apply(program: Program, rules: Iterable[int], values: list[Bounds]) -> None:
    """Apply rules in their order; `values` is filled with what they conclude."""
    begun: set[int] = set()
    for number in rules:
        rule = program.rules[number]
        certain: Truth = True
        possible: Truth = True
        for atom, negated in rule.conditions:
            own = values[atom]
            certain = both(certain, opposite(own.possible) if negated else own.certain)
            possible = both(possible, opposite(own.certain) if negated else own.possible)
            if possible is False:
                break
        else:
            before = values[rule.head] if rule.head in begun else NEVER
            values[rule.head] = Bounds(either(before.certain, certain), either(before.possible, possible))
            begun.add(rule.head)
            continue
        if rule.head not in begun:
            values[rule.head] = NEVER
            begun.add(rule.head)


def opposite(one: Truth) -> Truth:
    return None if one is None else not one


def both(one: Truth, other: Truth) -> Truth:
    return False if one is False or other is False else None if one is None or other is None else True


def either(one: Truth, other: Truth) -> Truth:
    return True if one is True or other is True else None if one is None or other is None else False
