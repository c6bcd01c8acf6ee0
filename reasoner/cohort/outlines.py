"""Outlines of answers: what an answer lists, without reasons, read once for all records that conclude the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from operator import and_, or_
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.completions import Completions, Component, build
from reasoner.engine.conclusions import Conclusions, Holding
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import ACTION, EXCLUDED, RANK, RECOMMENDED, SETTING, STRENGTH

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["Entry", "Outline", "Outlines", "decisive_atoms", "variable_name"]

SOME_AND_ALL = Completions((), 2, [])
"""Two completions: the first stands for what holds in some, the second for what holds in all."""

Entry = tuple[str | tuple[str | int, ...], ...]


class Outline(NamedTuple):
    """What an answer lists, without reasons: of each kind the number of an entry in `Outlines.entries`."""

    setting: int
    recommended: int
    excluded: int
    actions: int
    missing: int


class Aspect(NamedTuple):
    """A part of an outline: the predicates that it depends on, and how it is read from them."""

    predicates: tuple[str, ...]
    read: Callable[[Conclusions], Entry]


ASPECTS = {
    "setting": Aspect((SETTING,), lambda found: (found.setting(),)),
    "recommended": Aspect(
        (RECOMMENDED, RANK, STRENGTH),
        lambda found: tuple((entry.name, entry.rank, entry.certainty) for entry in found.recommended()),
    ),
    "excluded": Aspect((EXCLUDED,), lambda found: tuple((entry.name, entry.certainty) for entry in found.excluded())),
    "actions": Aspect((ACTION,), lambda found: tuple((entry.name, entry.certainty) for entry in found.actions())),
}


class Outlines:
    """Numbers the conclusions of completions, and the outlines of answers.

    `components` are those of the records' completions; elsewhere they go by their numbers. `outlines` are in the order of
    their numbers. `entries` number what they list: one setting; recommended regimens, each with rank and certainty
    ("certain" or "conditional"); excluded regimens, and actions, each with certainty; unknown facts, a member of a list as
    ``fact[member]``.
    """

    def __init__(self, model: GuidelineModel, components: Sequence[Component]) -> None:
        self.model = model
        self.components = components
        self.outlines: list[Outline] = []
        self.numbers: dict[Outline, int] = {}
        self.entries: dict[str, dict[Entry, int]] = {name: {} for name in Outline._fields}
        self.conclusions: list[int] = []
        self.conclusion_numbers: dict[tuple[int, int], int] = {}
        self.known: dict[tuple[int, bytes], int] = {}
        self.known_by_bounds: dict[tuple[int, str, int, int], int | None] = {}
        self.known_by_completions: dict[tuple[int, str, tuple[int, ...], tuple[tuple[int, int], ...]], int] = {}
        self.known_missing: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        self.completions: dict[tuple[int, ...], Completions] = {}

    def conclusion(self, program: Program, held: int) -> int:
        """Give the number of what a completion concludes; `held` has a bit for each decisive atom of the program.

        The strengths of a regimen that has a better one are left out: no answer shows them.
        """
        number = self.conclusion_numbers.get((program.courses, held))
        if number is None:
            shown = held
            for strength, weaker in weaker_strengths(program, self.model.strengths):
                if shown & strength:
                    shown &= ~weaker
            number = self.conclusion_numbers.setdefault((program.courses, shown), len(self.conclusions))
            if number == len(self.conclusions):
                self.conclusions.append(shown)
            self.conclusion_numbers[program.courses, held] = number
        return number

    def number_all(self, program: Program, layout: Codes, concluded: Codes) -> list[int]:
        """Give the numbers of records' outlines.

        `layout` has a row for each record with the numbers of the components of its completions, 0 for none; `concluded` a
        row with the number of what each completion concludes.
        """
        table = np.hstack([layout, concluded])
        content, size = table.tobytes(), table.itemsize * table.shape[1]
        found = []
        for row, start in enumerate(range(0, len(content), size)):
            key = (program.courses, content[start : start + size])
            number = self.known.get(key)
            if number is None:
                components = tuple(layout[row, layout[row] > 0].tolist())
                number = self.known[key] = self.number_of(self.read(program, components, concluded[row].tolist()))
            found.append(number)
        return found

    def of(self, derivation: Derivation) -> int:
        """Give the number of the outline of a record that was answered by itself."""
        program = derivation.program
        truths = {n: derivation.values[n] for n in decisive_atoms(program) if derivation.values[n]}
        conclusions = Conclusions(derivation.completions, self.model, arrange(program, truths))
        listed = {name: self.entry(name, aspect.read(conclusions)) for name, aspect in ASPECTS.items()}
        missing = tuple(variable_name(entry.fact, entry.member) for entry in conclusions.missing())
        return self.number_of(Outline(**listed, missing=self.entry("missing", missing)))

    def entry(self, kind: str, listed: Entry) -> int:
        own = self.entries[kind]
        return own.setdefault(listed, len(own))

    def number_of(self, outline: Outline) -> int:
        number = self.numbers.setdefault(outline, len(self.outlines))
        if number == len(self.outlines):
            self.outlines.append(outline)
        return number

    def read(self, program: Program, components: tuple[int, ...], concluded: Sequence[int]) -> Outline:
        """Read an outline from what each completion concludes."""
        where: dict[int, int] = {}
        for completion, number in enumerate(concluded):
            where[number] = where.get(number, 0) | 1 << completion
        held = {self.conclusions[number]: truth for number, truth in where.items()}
        some, every = reduce(or_, held), reduce(and_, held)
        listed: dict[str, int] = {}
        for name, bits in bits_of(program).items():
            found = self.read_by_bounds(program, name, some & bits, every & bits)
            listed[name] = self.read_by_completions(program, name, held, components) if found is None else found
        return Outline(**listed, missing=self.missing(components, tuple(where.values())))

    def lay_out(self, components: tuple[int, ...]) -> Completions:
        """Lay out the completions of components."""
        completions = self.completions.get(components)
        if completions is None:
            sizes = [len(variable.values) for variable in self.model.variables]
            completions = build(tuple(self.components[number] for number in components), len(sizes), (), sizes)
            self.completions[components] = completions
        return completions

    def missing(self, components: tuple[int, ...], partition: tuple[int, ...]) -> int:
        """Find the unknown facts that can change what is concluded; `partition` has the completions of each conclusion."""
        found = self.known_missing.get((components, partition))
        if found is None:
            relevant = frozenset[int]().union(*map(self.lay_out(components).relevant_variables, partition))
            variables = [self.model.variables[v] for v in sorted(relevant)]
            found = self.entry("missing", tuple(variable_name(known.fact, known.member) for known in variables))
            self.known_missing[components, partition] = found
        return found

    def read_by_bounds(self, program: Program, name: str, some: int, every: int) -> int | None:
        """Read an aspect from what holds in some completion and what holds in all; None where this does not suffice.

        A regimen with several ranks or strengths has those of the completions that agree with its assumptions.
        """
        key = (program.courses, name, some, every)
        if key not in self.known_by_bounds:
            truths = dict.fromkeys(atoms_of(program, some), 0b01) | dict.fromkeys(atoms_of(program, every), 0b11)
            holding = arrange(program, truths)
            several = any(len(rows) > 1 for graded in (RANK, STRENGTH) for rows in holding.get(graded, {}).values())
            conclusions = Conclusions(SOME_AND_ALL, self.model, holding)
            self.known_by_bounds[key] = None if several else self.entry(name, ASPECTS[name].read(conclusions))
        return self.known_by_bounds[key]

    def read_by_completions(self, program: Program, name: str, held: Mapping[int, int], components: tuple[int, ...]) -> int:
        """Read an aspect from what holds in which completions."""
        bits, own = bits_of(program)[name], dict[int, int]()
        for conclusion, truth in held.items():
            own[conclusion & bits] = own.get(conclusion & bits, 0) | truth
        key = (program.courses, name, components, tuple(own.items()))
        if key not in self.known_by_completions:
            truths: dict[int, int] = {}
            for conclusion, truth in own.items():
                for atom in atoms_of(program, conclusion):
                    truths[atom] = truths.get(atom, 0) | truth
            conclusions = Conclusions(self.lay_out(components), self.model, arrange(program, truths))
            self.known_by_completions[key] = self.entry(name, ASPECTS[name].read(conclusions))
        return self.known_by_completions[key]


@lru_cache
def decisive_atoms(program: Program) -> dict[int, tuple[str, str, str]]:
    """Find the atoms that decide an outline, in the order of their numbers: predicate and arguments of each."""
    return dict(
        sorted(
            (number, (name, first, second))
            for aspect in ASPECTS.values()
            for name in aspect.predicates
            for first, atoms in program.table.get(name, {}).items()
            for second, number in atoms
        )
    )


@lru_cache
def bits_of(program: Program) -> dict[str, int]:
    """Tell which bits of the decisive atoms each aspect depends on."""
    predicates = [predicate for predicate, *_ in decisive_atoms(program).values()]
    return {
        name: sum(1 << place for place, predicate in enumerate(predicates) if predicate in aspect.predicates)
        for name, aspect in ASPECTS.items()
    }


@lru_cache
def weaker_strengths(program: Program, strengths: tuple[str, ...]) -> list[tuple[int, int]]:
    """Give for the bit of each strength of a regimen those of its weaker ones, the best strengths first."""
    bits: dict[str, list[tuple[int, int]]] = {}
    for place, (predicate, regimen, strength) in enumerate(decisive_atoms(program).values()):
        if predicate == STRENGTH:
            bits.setdefault(regimen, []).append((strengths.index(strength), 1 << place))
    return [
        (bit, sum(weaker for other, weaker in own if other > order))
        for _, own in sorted(bits.items())
        for order, bit in sorted(own)[:-1]
    ]


def atoms_of(program: Program, held: int) -> Iterator[int]:
    """Yield the decisive atoms whose bits are set."""
    atoms = tuple(decisive_atoms(program))
    while held:
        lowest = held & -held
        yield atoms[lowest.bit_length() - 1]
        held ^= lowest


def arrange(program: Program, truths: Mapping[int, int]) -> Holding:
    """Arrange atoms that hold somewhere, each with the completions in which it does, as conclusions are read from them."""
    decisive = decisive_atoms(program)
    found: dict[str, dict[str, list[tuple[str, int, int]]]] = {}
    for atom in sorted(truths):
        predicate, first, second = decisive[atom]
        found.setdefault(predicate, {}).setdefault(first, []).append((second, truths[atom], atom))
    return found


def variable_name(fact: str, member: str | None) -> str:
    """Name an unknown fact, or a member of an unknown list."""
    return fact if member is None else f"{fact}[{member}]"
