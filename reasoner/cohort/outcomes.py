"""What answers list, without their reasons: read once for all records whose completions conclude the same."""

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

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["Entry", "Outcome", "Outcomes", "decisive", "missing_name"]

SUM = Completions((), 2, [])

Entry = tuple[str | tuple[str | int, ...], ...]


class Outcome(NamedTuple):
    """What an answer lists, without its reasons: of each kind the number of an entry in `Outcomes.entries`."""

    setting: int
    recommended: int
    excluded: int
    actions: int
    missing: int


class Aspect(NamedTuple):
    """Something that an outcome lists: the predicates that it is read from, and how."""

    predicates: tuple[str, ...]
    read: Callable[[Conclusions], Entry]


ASPECTS = {
    "setting": Aspect(("setting",), lambda verdicts: (verdicts.setting(),)),
    "recommended": Aspect(
        ("recommended", "rank", "strength"),
        lambda verdicts: tuple((entry.name, entry.rank, entry.certainty) for entry in verdicts.recommended()),
    ),
    "excluded": Aspect(
        ("excluded",), lambda verdicts: tuple((entry.name, entry.certainty) for entry in verdicts.excluded())
    ),
    "actions": Aspect(("action",), lambda verdicts: tuple((entry.name, entry.certainty) for entry in verdicts.actions())),
}


class Outcomes:
    """Numbers the conclusions of completions, and the outcomes of records from what each of their completions concludes.

    `components` are those that completions are laid out along; elsewhere they are told by their numbers. `listed` are the outcomes in
    the order of their numbers. `entries` number what they list: one setting; recommended regimens, each with rank and
    certainty ("certain" or "conditional"); excluded regimens, and actions, each with certainty; unknown facts, a member of a
    list as ``fact[member]``.
    """

    def __init__(self, model: GuidelineModel, components: Sequence[Component]) -> None:
        self.model = model
        self.components = components
        self.listed: list[Outcome] = []
        self.numbers: dict[Outcome, int] = {}
        self.entries: dict[str, dict[Entry, int]] = {name: {} for name in Outcome._fields}
        self.concluded: list[int] = []
        self.conclusions: dict[tuple[int, int], int] = {}
        self.known: dict[tuple[int, bytes], int] = {}
        self.summed: dict[tuple[int, str, int, int], int | None] = {}
        self.spread: dict[tuple[int, str, tuple[int, ...], tuple[tuple[int, int], ...]], int] = {}
        self.deciding: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        self.completions: dict[tuple[int, ...], Completions] = {}

    def conclusion(self, program: Program, held: int) -> int:
        """Give the number of what a completion concludes; `held` has a bit for each decisive conclusion of the program.

        The strengths of a regimen that has a better one are left out: an answer does not tell them.
        """
        number = self.conclusions.get((program.courses, held))
        if number is None:
            told = held
            for strength, weaker in weaker_strengths(program, self.model.strengths):
                if told & strength:
                    told &= ~weaker
            number = self.conclusions.setdefault((program.courses, told), len(self.concluded))
            if number == len(self.concluded):
                self.concluded.append(told)
            self.conclusions[program.courses, held] = number
        return number

    def number_all(self, program: Program, laid: Codes, told: Codes) -> list[int]:
        """Give the numbers of the outcomes of records: `laid` numbers the components of their completions, `told` what each concludes.

        Both have a row for each record; 0 is no component.
        """
        table = np.hstack([laid, told])
        content, size = table.tobytes(), table.itemsize * table.shape[1]
        found = []
        for row, start in enumerate(range(0, len(content), size)):
            key = (program.courses, content[start : start + size])
            number = self.known.get(key)
            if number is None:
                outcome = self.read(program, tuple(laid[row, laid[row] > 0].tolist()), told[row].tolist())
                number = self.known[key] = self.numbered(outcome)
            found.append(number)
        return found

    def of(self, derivation: Derivation) -> int:
        """Give the number of the outcome of a record that was answered by itself."""
        program = derivation.program
        truths = {n: derivation.values[n] for n in decisive(program) if derivation.values[n]}
        verdicts = Conclusions(derivation.completions, self.model, arranged(program, truths))
        listed = {name: self.entry(name, aspect.read(verdicts)) for name, aspect in ASPECTS.items()}
        missing = tuple(missing_name(entry.fact, entry.member) for entry in verdicts.missing())
        return self.numbered(Outcome(**listed, missing=self.entry("missing", missing)))

    def entry(self, kind: str, listed: Entry) -> int:
        own = self.entries[kind]
        return own.setdefault(listed, len(own))

    def numbered(self, outcome: Outcome) -> int:
        number = self.numbers.setdefault(outcome, len(self.listed))
        if number == len(self.listed):
            self.listed.append(outcome)
        return number

    def read(self, program: Program, laid: tuple[int, ...], told: Sequence[int]) -> Outcome:
        """Read an outcome from what each completion concludes."""
        where: dict[int, int] = {}
        for completion, number in enumerate(told):
            where[number] = where.get(number, 0) | 1 << completion
        held = {self.concluded[number]: truth for number, truth in where.items()}
        some, every = reduce(or_, held), reduce(and_, held)
        listed: dict[str, int] = {}
        for name, bits in bits_of(program).items():
            found = self.in_sum(program, name, some & bits, every & bits)
            listed[name] = self.in_worlds(program, name, held, laid) if found is None else found
        return Outcome(**listed, missing=self.missing(laid, tuple(where.values())))

    def laid_out(self, laid: tuple[int, ...]) -> Completions:
        """Lay out the completions of components."""
        completions = self.completions.get(laid)
        if completions is None:
            sizes = [len(variable.values) for variable in self.model.variables]
            completions = self.completions[laid] = build(
                tuple(self.components[number] for number in laid), len(sizes), (), sizes
            )
        return completions

    def missing(self, laid: tuple[int, ...], alike: tuple[int, ...]) -> int:
        """Find the unknown facts that can change what is concluded; `alike` are the completions of each conclusion."""
        found = self.deciding.get((laid, alike))
        if found is None:
            deciding = frozenset[int]().union(*map(self.laid_out(laid).relevant_variables, alike))
            variables = [self.model.variables[v] for v in sorted(deciding)]
            found = self.entry("missing", tuple(missing_name(known.fact, known.member) for known in variables))
            self.deciding[laid, alike] = found
        return found

    def in_sum(self, program: Program, name: str, some: int, every: int) -> int | None:
        """Read an aspect from what holds in some completion and what in all, None where this does not tell enough.

        It is read as that of two completions: all that holds in some completion holds in the first, what holds in all in both. Where
        a regimen has several ranks or strengths, those that it has where its assumptions hold count, and this is not told.
        """
        key = (program.courses, name, some, every)
        if key not in self.summed:
            truths = dict.fromkeys(atoms_of(program, some), 0b01) | dict.fromkeys(atoms_of(program, every), 0b11)
            holding = arranged(program, truths)
            several = any(len(rows) > 1 for graded in ("rank", "strength") for rows in holding.get(graded, {}).values())
            verdicts = Conclusions(SUM, self.model, holding)
            self.summed[key] = None if several else self.entry(name, ASPECTS[name].read(verdicts))
        return self.summed[key]

    def in_worlds(self, program: Program, name: str, held: Mapping[int, int], laid: tuple[int, ...]) -> int:
        """Read an aspect from what holds in which completions."""
        bits, told = bits_of(program)[name], dict[int, int]()
        for conclusion, truth in held.items():
            told[conclusion & bits] = told.get(conclusion & bits, 0) | truth
        key = (program.courses, name, laid, tuple(told.items()))
        if key not in self.spread:
            truths: dict[int, int] = {}
            for conclusion, truth in told.items():
                for atom in atoms_of(program, conclusion):
                    truths[atom] = truths.get(atom, 0) | truth
            verdicts = Conclusions(self.laid_out(laid), self.model, arranged(program, truths))
            self.spread[key] = self.entry(name, ASPECTS[name].read(verdicts))
        return self.spread[key]


@lru_cache
def decisive(program: Program) -> dict[int, tuple[str, str, str]]:
    """Find the conclusions that make an outcome, in the order of their numbers: predicate and arguments of each."""
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
    """Tell which bits of the decisive conclusions each aspect reads."""
    words = [predicate for predicate, *_ in decisive(program).values()]
    return {
        name: sum(1 << place for place, predicate in enumerate(words) if predicate in aspect.predicates)
        for name, aspect in ASPECTS.items()
    }


@lru_cache
def weaker_strengths(program: Program, strengths: tuple[str, ...]) -> list[tuple[int, int]]:
    """Give for the bit of each strength of a regimen those of its weaker ones, the best strengths first."""
    bits: dict[str, list[tuple[int, int]]] = {}
    for place, (predicate, regimen, strength) in enumerate(decisive(program).values()):
        if predicate == "strength":
            bits.setdefault(regimen, []).append((strengths.index(strength), 1 << place))
    return [
        (bit, sum(weaker for other, weaker in own if other > order))
        for _, own in sorted(bits.items())
        for order, bit in sorted(own)[:-1]
    ]


def atoms_of(program: Program, held: int) -> Iterator[int]:
    """Yield the decisive conclusions whose bits are set."""
    atoms = tuple(decisive(program))
    while held:
        lowest = held & -held
        yield atoms[lowest.bit_length() - 1]
        held ^= lowest


def arranged(program: Program, truths: Mapping[int, int]) -> Holding:
    """Arrange conclusions that hold somewhere, each with the completions in which it does."""
    words = decisive(program)
    found: dict[str, dict[str, list[tuple[str, int, int]]]] = {}
    for atom in sorted(truths):
        predicate, first, second = words[atom]
        found.setdefault(predicate, {}).setdefault(first, []).append((second, truths[atom], atom))
    return found


def missing_name(fact: str, member: str | None) -> str:
    return fact if member is None else f"{fact}[{member}]"
