"""What outlines of answers are read from: the atoms that decide them, and what each part of an outline depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from reasoner.cohort.dosage import doses_given, targets_of
from reasoner.compiler.dosage import DOSAGE_PREDICATES
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.conclusions import Conclusions
from reasoner.engine.predicates import ACTION, EXCLUDED, RANK, RECOMMENDED, SCORE, SETTING, STEP_DONE, STRENGTH

__all__ = [
    "ASPECTS",
    "Entry",
    "atoms_of",
    "bits_besides_doses",
    "bits_of",
    "bits_of_doses",
    "decisive_atoms",
    "table_of",
    "truths_of",
    "weaker_strengths",
]

Entry = tuple[Any, ...]


class Aspect(NamedTuple):
    """A part of an outline: the predicates that it depends on, and how it is read from them."""

    predicates: tuple[str, ...]
    read: Callable[[Conclusions, Program], Entry]


ASPECTS = {
    "setting": Aspect((SETTING,), lambda found, _: (found.setting(),)),
    "recommended": Aspect(
        (RECOMMENDED, RANK, STRENGTH),
        lambda found, _: tuple((entry.name, entry.rank, entry.strength, entry.certainty) for entry in found.recommended()),
    ),
    "excluded": Aspect((EXCLUDED,), lambda found, _: tuple((entry.name, entry.certainty) for entry in found.excluded())),
    "actions": Aspect((ACTION,), lambda found, _: tuple((entry.name, entry.certainty) for entry in found.actions())),
    "scores": Aspect((SCORE,), lambda found, _: tuple(found.scores())),
    "doses": Aspect((RECOMMENDED, *DOSAGE_PREDICATES, STEP_DONE), doses_given),
}
OF_DOSES = (*DOSAGE_PREDICATES, STEP_DONE)
"""The predicates that tell of doses alone: what is unknown of these does not count as missing."""


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
def bits_of_doses(program: Program, model: GuidelineModel) -> list[tuple[int, int]]:
    """Give for each drug and regimen of which doses are concluded the bits of its recommendations and of its doses."""
    recommended: dict[str, int] = {}
    doses: dict[str, int] = {}
    for place, (predicate, first, _) in enumerate(decisive_atoms(program).values()):
        if predicate in OF_DOSES:
            doses[first] = doses.get(first, 0) | 1 << place
        for target in targets_of(first, model) if predicate == RECOMMENDED else ():
            recommended[target] = recommended.get(target, 0) | 1 << place
    return [(recommended.get(target, 0), own) for target, own in doses.items()]


@lru_cache
def bits_besides_doses(program: Program) -> int:
    """Tell which bits of the decisive atoms are about more than doses."""
    predicates = [predicate for predicate, *_ in decisive_atoms(program).values()]
    return sum(1 << place for place, predicate in enumerate(predicates) if predicate not in OF_DOSES)


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


def truths_of(program: Program, held: Mapping[int, int]) -> dict[int, int]:
    """Give for each decisive atom that holds somewhere the completions in which it does."""
    found: dict[int, int] = {}
    for conclusion, truth in held.items():
        for atom in atoms_of(program, conclusion):
            found[atom] = found.get(atom, 0) | truth
    return found


def table_of(program: Program, atoms: Iterable[int]) -> dict[str, dict[str, list[tuple[str, int]]]]:
    """Arrange decisive atoms as the table of a program does."""
    decisive = decisive_atoms(program)
    found: dict[str, dict[str, list[tuple[str, int]]]] = {}
    for atom in sorted(atoms):
        predicate, first, second = decisive[atom]
        found.setdefault(predicate, {}).setdefault(first, []).append((second, atom))
    return found
