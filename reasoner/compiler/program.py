"""A ground guideline as plain data: its atoms, and its rules in the order in which they can be evaluated."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

import msgspec

from reasoner.compiler.model import Rule, Variable

__all__ = ["Counted", "GroundRule", "Part", "Program", "Space", "Text", "reachable"]


class GroundRule(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An instance of a rule: `rule` numbers it in the guideline, `head` and the conditions number atoms of the program.

    Each condition is ``(atom, negated)``.
    """

    rule: int
    head: int
    conditions: tuple[tuple[int, bool], ...]


Item = TypeVar("Item", bound=Hashable)


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """What an aggregate counts, or adds as often as its `weight` says, where one of several `ways` is met.

    Each way holds conditions as those of a ground rule. `words` say what it is, `fact` names the fact of the record that it
    is, None for something else.
    """

    weight: int
    ways: tuple[tuple[tuple[int, bool], ...], ...]
    words: str
    fact: str | None


class Program(msgspec.Struct, frozen=True, eq=False):
    """A guideline, ground for a number of courses.

    `atoms` holds the texts of all atoms: first the `inputs` that a record decides, then the `derived` ones in dependency
    order, then those that hold `always` (the catalogue), then those that never hold; `phrases` and `roles` go with them,
    and `index` finds their numbers. `variables` are what a completion decides. `rules` are sorted by their heads, so that
    each comes after the rules that it depends on; `supports` lists for each atom the rules that conclude it.
    `inconsistent` numbers the rules that say what no patient can be; `constraint_components` maps the sets of variables
    that they tie together to positions in `inconsistent`; `constraint_inputs` has for each set what else of a record
    these rules read. `relevant` are the variables
    that a conclusion depends on. `loops` are the stretches of atoms that depend on each other, none through negation.
    `recursive` names, where atoms depend on themselves through negation, a place and these atoms: such a program cannot be
    evaluated rule by rule. `concluding` numbers the conclusions, `compared` those by which answers are
    compared, and `table` finds them and the positions: predicate, first argument, then second argument and number.

    `aggregates` maps the atoms that stand for counts and sums to their place in `counted`, where what each counts stands;
    the ground rules that conclude them have the numbers of rules with the role "aggregate".

    `readings` are those whose rules or data count in any way, and `under` has for each rule its reading's number there, -1
    for a rule under none. `removable` maps input atoms that are a reading's data to its number: they hold where it is in
    force.
    """

    courses: int
    variables: tuple[Variable, ...]
    atoms: tuple[str, ...]
    phrases: tuple[str, ...]
    roles: tuple[str, ...]
    inputs: dict[str, int]
    derived: int
    always: int
    index: dict[str, int]
    rules: tuple[GroundRule, ...]
    supports: tuple[tuple[int, ...], ...]
    inconsistent: tuple[int, ...]
    constraint_components: dict[tuple[int, ...], tuple[int, ...]]
    constraint_inputs: dict[tuple[int, ...], frozenset[str]]
    relevant: frozenset[int]
    concluding: tuple[int, ...]
    compared: tuple[int, ...]
    table: dict[str, dict[str, tuple[tuple[str, int], ...]]]
    aggregates: dict[int, int]
    counted: tuple[tuple[Counted, ...], ...]
    loops: tuple[tuple[int, int], ...]
    recursive: str | None
    readings: tuple[str, ...]
    under: tuple[int, ...]
    removable: dict[int, int]

    def cone(self, atoms: Iterable[int]) -> set[int]:
        """Collect atoms and all that they depend on, directly or through other atoms."""
        required, seen = required_by(self), set(atoms)
        pending = list(seen)
        while pending:
            more = required[pending.pop()] - seen
            seen |= more
            pending += more
        return seen

    def conditions(self, atom: int) -> Iterator[int]:
        """Yield the atoms in the conditions of all rules that conclude `atom`."""
        return (condition for rule in self.supports[atom] for condition, _ in self.rules[rule].conditions)


@lru_cache(maxsize=32)
def required_by(program: Program) -> list[frozenset[int]]:
    """Give for each atom those in the conditions of the rules that conclude it."""
    return [frozenset(program.conditions(atom)) for atom in range(len(program.atoms))]


class Space(msgspec.Struct, frozen=True, eq=False):
    """What a question about all patients starts from: a guideline ground for every record that can be.

    `program` is ground with everything open, the number of courses included. `data` holds the catalogue as clingo facts,
    each with the reading, statement or overlay that it stands under, None for those under none; `places` tells of those that
    are written as they are the ``file:line``.
    """

    program: Program
    data: tuple[tuple[str, str | None], ...]
    places: dict[str, str]


class Part(msgspec.Struct, frozen=True):
    """A part of a compiled guideline: "model", "text", "program" or "space"; these two for a number of courses, or fewer."""

    what: str
    courses: int = 0
    fewer: bool = False

    @property
    def name(self) -> str:
        """What it is kept as."""
        if self.what == "program":
            return f"{'up-to' if self.fewer else 'courses'}-{self.courses}"
        return f"{self.what}-{self.courses}" if self.what == "space" else self.what


class Text(msgspec.Struct, frozen=True, eq=False):
    """A guideline as clingo text, for its own solving: the rules that answers explain, and the data."""

    rules: tuple[Rule, ...]
    data: tuple[str, ...]


def reachable(start: Iterable[Item], follow: Callable[[Item], Iterable[Item]]) -> set[Item]:
    """Collect what is reached from `start`, itself included; `follow` gives what one item leads to."""
    seen = set(start)
    stack = list(seen)
    while stack:
        for item in follow(stack.pop()):
            if item not in seen:
                seen.add(item)
                stack.append(item)
    return seen
