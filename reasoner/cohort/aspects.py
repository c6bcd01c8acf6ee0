"""What outlines of answers are read from: the atoms that decide them, and what each part of an outline depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import Any, NamedTuple

from reasoner.cohort.dosage import doses_given, targets_of
from reasoner.compiler.dosage import DOSAGE_PREDICATES
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.answer import highest_certainty
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import Conclusions, RankedRegimen
from reasoner.engine.predicates import ACTION, EXCLUDED, INDICATED, RANK, RECOMMENDED, SCORE, SETTING, STEP_DONE, STRENGTH

__all__ = [
    "ASPECTS",
    "Entry",
    "atoms_of",
    "bits_besides_doses",
    "bits_of",
    "bits_of_doses",
    "bits_of_evidence",
    "decisive_atoms",
    "table_of",
    "told_atoms",
    "truths_of",
    "truths_told",
    "weaker_strengths",
    "with_evidence",
]

Entry = tuple[Any, ...]


class Aspect(NamedTuple):
    """A part of an outline: the predicates that it depends on, and how it is read from them."""

    predicates: tuple[str, ...]
    read: Callable[[Conclusions, Program], Entry]


INDICATED_BY = "indicated by"
"""What no rule concludes: that a statement or a reading indicates a regimen with a strength."""


def ranked(found: Conclusions, _: Program) -> Entry:
    entries = [(own, evidence_certainty(own, found)) for own in found.recommended()]
    return tuple(
        with_evidence(evidence, found.model, (own.name, own.rank, own.strength, own.certainty)) for own, evidence in entries
    )


def with_evidence(evidence: str | None, model: GuidelineModel, entry: Entry) -> Entry:
    """Put the certainty of evidence before the last of what is listed of a regimen, where the guideline tells it at all."""
    return (*entry[:-1], evidence, entry[-1]) if model.certainties else entry


def evidence_certainty(entry: RankedRegimen, found: Conclusions) -> str | None:
    """Find the certainty of the evidence for a regimen that is recommended."""
    said: dict[str, Truth] = {}
    for how, truth, _ in found.held(INDICATED_BY, entry.name):
        strength, _, name = how.partition(" ")
        if strength == entry.strength:
            said[name] = truth & entry.agree
    return highest_certainty(said, entry.agree, found.completions.none, found.model)


ASPECTS = {
    "setting": Aspect((SETTING,), lambda found, _: tuple(map(found.setting, found.model.decisions or ("",)))),
    "recommended": Aspect(
        (RECOMMENDED, RANK, STRENGTH, INDICATED_BY),
        ranked,
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
def indications(program: Program, model: GuidelineModel) -> dict[tuple[str, str], list[int]]:
    """Give for each regimen, and the strength with which an annotation indicates it, the ground rules that do.

    There are none where the guideline tells of no certainty of evidence.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for regimen, rows in program.table.get(INDICATED, {}).items() if model.certainties else ():
        for strength, atom in rows:
            for rule in program.supports[atom]:
                name = model.rules[program.rules[rule].rule].annotation
                if name is not None:
                    found.setdefault((regimen, f"{strength} {name}"), []).append(rule)
    return found


@lru_cache
def told_atoms(program: Program, model: GuidelineModel) -> dict[int, tuple[str, str, str]]:
    """Give the atoms that decide an outline, and behind them, numbered on, who indicates what with which strength."""
    further = enumerate(indications(program, model), start=len(program.atoms))
    return decisive_atoms(program) | {number: (INDICATED_BY, *named) for number, named in further}


def truths_told(program: Program, model: GuidelineModel, evaluated: tuple[Sequence[int], Sequence[int]]) -> Iterator[int]:
    """Yield where each of what an outline is told by holds; `evaluated` are the truths of all atoms and all rules."""
    values, fired = evaluated
    yield from (values[number] for number in decisive_atoms(program))
    yield from (reduce(or_, (fired[rule] for rule in rules)) for rules in indications(program, model).values())


@lru_cache
def bits_of_evidence(program: Program, model: GuidelineModel) -> int:
    """Tell which bits of what an outline is told by say who indicates what."""
    first = len(decisive_atoms(program))
    return (1 << first + len(indications(program, model))) - (1 << first)


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
def bits_of(program: Program, model: GuidelineModel) -> dict[str, int]:
    """Tell which bits of what an outline is told by each aspect depends on."""
    predicates = [predicate for predicate, *_ in told_atoms(program, model).values()]
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


def atoms_of(program: Program, model: GuidelineModel, held: int) -> Iterator[int]:
    """Yield what an outline is told by whose bits are set."""
    atoms = tuple(told_atoms(program, model))
    while held:
        lowest = held & -held
        yield atoms[lowest.bit_length() - 1]
        held ^= lowest


def truths_of(program: Program, model: GuidelineModel, held: Mapping[int, int]) -> dict[int, int]:
    """Give for each of what an outline is told by that holds somewhere the completions in which it does."""
    found: dict[int, int] = {}
    for conclusion, truth in held.items():
        for atom in atoms_of(program, model, conclusion):
            found[atom] = found.get(atom, 0) | truth
    return found


def table_of(program: Program, model: GuidelineModel, atoms: Iterable[int]) -> dict[str, dict[str, list[tuple[str, int]]]]:
    """Arrange what an outline is told by as the table of a program does."""
    told = told_atoms(program, model)
    found: dict[str, dict[str, list[tuple[str, int]]]] = {}
    for atom in sorted(atoms):
        predicate, first, second = told[atom]
        found.setdefault(predicate, {}).setdefault(first, []).append((second, atom))
    return found
