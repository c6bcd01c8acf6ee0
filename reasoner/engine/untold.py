"""What is certain where some therapy was given and nothing of it is known.

Every condition on the history of therapy is open there, so that most of a program is the same for all records: it is worked
out once for a program, and only the rest of it for a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


class Unsettled(NamedTuple):
    """What is left of a program to be worked out for one record.

    `settled` are the bounds that atoms have for every record. `rules` conclude those that vary: without the conditions that
    are always met, and without the rules that never fire. `read` are the inputs that they ask for, and `known` what else
    is asked for and is settled.
    """

    settled: list[Bounds]
    rules: list[GroundRule]
    read: list[int]
    known: list[int]


def after_untold_therapy(
    program: Program, atoms: Sequence[int], record: Record, adopted: tuple[int, ...]
) -> list[Bounds] | None:
    """Give the bounds of some atoms in one completion of what a record leaves open besides therapy.

    None where that completion is inconsistent, or where the program has loops.
    """
    if program.loops or len(record.told) != 1:
        return None
    inconsistent = [program.rules[rule].head for rule in program.inconsistent]
    settled, rules, read, known = unsettled(program, (*atoms, *inconsistent), OPEN_BOUNDS)
    held = held_inputs(program, record, adopted)
    values = {number: settled[number] for number in known}
    values |= {number: ALWAYS if number in held else NEVER for number in read}
    conclude(rules, values, NEVER, ALWAYS)
    if any(values[atom].certain for atom in inconsistent):
        return None
    return [values[atom] for atom in atoms]


def bounds_by_therapy(
    program: Program, atoms: tuple[int, ...], inputs: Sequence[Completion], everything: Completion
) -> list[Between]:
    """Give where some atoms certainly and possibly hold, where nothing is known of a history but that it has a course.

    `inputs` are where the input atoms certainly hold: of the history that is where there is a course.
    """
    given, none = inputs[program.inputs[FIRST_COURSE]], everything & ~everything
    never, always = Between(none, none), Between(everything, everything)
    fixed = {NEVER: never, OPEN_BOUNDS: Between(none, everything), ALWAYS: always}
    found = []
    for history in (OPEN_BOUNDS, NEVER):
        settled, rules, read, known = unsettled(program, atoms, history)
        values = {number: fixed[settled[number]] for number in known}
        values |= {number: Between(inputs[number], inputs[number]) for number in read}
        conclude(rules, values, never, always)
        found.append([values[atom] for atom in atoms])
    here, elsewhere = Between(given, given), Between(~given, ~given)
    return [here & after | elsewhere & before for after, before in zip(*found, strict=True)]


def held_inputs(program: Program, record: Record, adopted: tuple[int, ...]) -> set[int]:
    """List the input atoms that a record makes true; what is open has the last of its values."""
    (told,), numbers = record.told, input_numbers(program)
    held = {program.inputs[atom] for atom in told.atoms if atom in program.inputs}
    for variable, choice in enumerate(choices_of(told, adopted)):
        held.update(numbers[variable][-1 if choice == OPEN else choice])
    return held


@lru_cache(maxsize=512)
def unsettled(program: Program, atoms: tuple[int, ...], history: Bounds) -> Unsettled:
    """Find what is to be worked out for one record to tell of some atoms; `history` are the bounds of what it holds."""
    settled = settled_values(program, history)
    varying = sorted(rule for atom in program.cone(atoms) if None in settled[atom] for rule in program.supports[atom])
    met = {(True, NEVER), (False, ALWAYS)}
    rules = []
    for rule in (program.rules[number] for number in varying):
        if any((not negated, settled[atom]) in met for atom, negated in rule.conditions):
            continue
        left = tuple((atom, negated) for atom, negated in rule.conditions if (negated, settled[atom]) not in met)
        rules.append(GroundRule(rule.rule, rule.head, left))
    asked = {atom for rule in rules for atom, _ in rule.conditions}.union(atoms)
    read = [n for n in asked if n < len(program.inputs) and None in settled[n]]
    return Unsettled(settled, rules, read, [n for n in asked if None not in settled[n]])


@lru_cache(maxsize=32)
def settled_values(program: Program, history: Bounds) -> list[Bounds]:
    """Give the bounds that all atoms have for every record, where of the history they are these."""
    inputs = [history if role == "history" else VARIES for role in program.roles[: len(program.inputs)]]
    inputs[program.inputs[FIRST_COURSE]] = ALWAYS if history == OPEN_BOUNDS else NEVER
    for number in program.removable:
        inputs[number] = ALWAYS
    rest = len(program.atoms) - len(inputs) - program.derived - program.always
    before = [*inputs, *([NEVER] * program.derived), *([ALWAYS] * program.always), *([NEVER] * rest)]
    values = dict(enumerate(before))
    conclude(program.rules, values, NEVER, ALWAYS)
    return list(values.values())


Known = TypeVar("Known", Bounds, Between)


def conclude(rules: Iterable[GroundRule], values: dict[int, Known], never: Known, always: Known) -> None:
    """Apply rules in their order; `values` is filled with what they conclude."""
    for rule in rules:
        holds = always
        for atom, negated in rule.conditions:
            holds = holds & ~values[atom] if negated else holds & values[atom]
            if holds == never:
                break
        values[rule.head] = values.get(rule.head, never) | holds


def opposite(one: Truth) -> Truth:
    return None if one is None else not one


def both(one: Truth, other: Truth) -> Truth:
    return False if one is False or other is False else None if one is None or other is None else True


def either(one: Truth, other: Truth) -> Truth:
    return True if one is True or other is True else None if one is None or other is None else False
