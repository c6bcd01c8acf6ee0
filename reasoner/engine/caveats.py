"""What the register of trials holds against the recommendations, whom the trials enrolled, and what was reported besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from reasoner.compiler.program import Program
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import ground_atom, predicate_of

if TYPE_CHECKING:
    from reasoner.engine.answer import ActionCall, Recommendation

__all__ = ["atoms_of", "caveats_on"]

CAVEAT_VOID = "caveat_void"
LATER_FOR = "later_for"
OUTSIDE = "outside"


def caveats_on(
    derivation: Derivation, recommended: Sequence[Recommendation], actions: Sequence[ActionCall]
) -> Iterator[str]:
    """Yield caveats of the evidence: of what is recommended or called for, never of an excluded regimen."""
    model, say = derivation.model, derivation.model.say
    indicating = statements_behind(derivation, recommended)
    calling = {name for entry in actions for name in entry.statements}
    for statement, date, text in model.discrepancies:
        concerned = statement in indicating or statement in calling
        if concerned and derivation.truth(ground_atom(CAVEAT_VOID, statement.lower())) != derivation.completions.all:
            yield say("doubt", statement, text, date)
    yield from dict.fromkeys(populations(derivation, indicating))
    studied = {study for study, _ in certain_of(derivation, LATER_FOR)}
    later = dict.fromkeys(
        say("labelled", study, words)
        for statement, study, words in model.later
        if statement in indicating or f'"{study}"' in studied
    )
    if later:
        yield say("later", say("and").join(later))


def statements_behind(derivation: Derivation, recommended: Sequence[Recommendation]) -> list[str]:
    """List the statements that indicate what is recommended, those that a reading interprets included."""
    annotations = derivation.model.annotations
    found = {reason.annotation.partition("=")[0] for entry in recommended for reason in entry.reasons}
    found |= {statement for name in found if name in annotations for statement in annotations[name].reads}
    return [name for name in annotations if name in found]


def populations(derivation: Derivation, statements: Sequence[str]) -> Iterator[str]:
    """Yield for each statement the trials that did not enrol such a patient, unless another trial behind it did."""
    model = derivation.model
    outside: dict[str, list[str]] = {}
    for trial, words in certain_of(derivation, OUTSIDE):
        outside.setdefault(trial, []).append(words.strip('"'))
    for statement in statements:
        trials = model.annotations[statement].trials
        if all(trial in outside for trial in trials):
            for trial in trials:
                enrolled = model.say("and_also").join(outside[trial])
                yield model.say("not_enrolled", statement, model.trials[trial].label, enrolled)


def certain_of(derivation: Derivation, predicate: str) -> Iterator[tuple[str, str]]:
    """Yield the arguments of the atoms of a predicate that hold in every completion: the first, and the rest."""
    values, every = derivation.values, derivation.completions.all
    for number, first, rest in atoms_of(derivation.program, predicate):
        if values[number] == every:
            yield first, rest


@lru_cache(maxsize=1024)
def atoms_of(program: Program, predicate: str) -> tuple[tuple[int, str, str], ...]:
    """List the atoms of a predicate by number, each with its first argument and the rest as text."""
    found = []
    for number, atom in enumerate(program.atoms):
        if predicate_of(atom) == predicate:
            first, _, rest = atom.partition("(")[2].removesuffix(")").partition(",")
            found.append((number, first, rest))
    return tuple(found)
