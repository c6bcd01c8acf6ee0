"""What doses mean, however they are written, and the words of a dose in a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import permutations

import clingo

from reasoner.compiler.dosage import DOSAGE_PREDICATES, comparable_amount, dose_of, meaning_of
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.dose_phrases import said_words
from reasoner.verification.atoms import quoted, split_atom

__all__ = ["constant_limits", "dosage_words", "dose_meanings", "dose_term_words"]

TERMS = {"dose": "dose", "dose_maximum": "most", "dose_minimum": "least", "dose_duration": "for"}
"""What a predicate about doses says of a step, as the rules about findings name it."""


def dose_meanings(atoms: Iterable[str], model: GuidelineModel) -> Iterator[str]:
    """Yield for each of the atoms that is about doses what it says, with a text that is the same for what means the same.

    Of doses and limits of one step that can be compared, those in one measure per the same, it is said which is the larger.
    """
    steps: dict[tuple[str, ...], dict[str, tuple[Decimal, str, str]]] = {}
    for atom in atoms:
        predicate, arguments = split_atom(atom) if atom.startswith("dose") else ("", ())
        if predicate in DOSAGE_PREDICATES:
            dose = dose_of(predicate, arguments, "", 0)
            term = f"{TERMS[predicate]}({','.join(arguments[3:])})"
            yield f"_means({term},{TERMS[predicate]},{quoted(meaning_of(dose, model.units))})"
            if dose.unit:
                steps.setdefault(tuple(arguments[:3]), {})[term] = comparable_amount(dose, model.units)
    pairs = (pair for terms in steps.values() for pair in permutations(terms.items(), 2))
    for (term, (amount, *measure)), (other, (second, *measured)) in pairs:
        if measure == measured and amount > second:
            yield f"_above({term},{other})"


def constant_limits(supports: Mapping[str, Collection[Collection[tuple[int, bool]]]]) -> Iterator[str]:
    """Yield which limits hold wherever a dose of their step does, given the conditions under which atoms are concluded."""
    steps: dict[tuple[str, ...], list[tuple[str, Sequence[str], str]]] = {}
    for atom in supports:
        predicate, arguments = split_atom(atom) if atom.startswith("dose") else ("", ())
        if predicate in DOSAGE_PREDICATES:
            steps.setdefault(tuple(arguments[:3]), []).append((predicate, arguments, atom))
    for (predicate, _, dose), (kind, said, limit) in (p for own in steps.values() for p in permutations(own, 2)):
        if predicate == "dose" and kind in ("dose_maximum", "dose_minimum"):
            ways = [set(way) for way in supports[limit]]
            if all(any(way <= set(own) for way in ways) for own in supports[dose]):
                yield f"_always_limited({dose},{TERMS[kind]}({','.join(said[3:])}))"


def dose_term_words(term: clingo.Symbol, model: GuidelineModel) -> str:
    """Word a dose, a limit of one or a duration, as the rules about findings name it."""
    predicate = next(name for name, own in TERMS.items() if own == term.name)
    return said_words(dose_of(predicate, ["", "", "", *map(str, term.arguments)], "", 0), model)


def dosage_words(atom: str, model: GuidelineModel) -> str:
    """Word an atom about doses: of which drug or regimen, and what it says; "" for any other."""
    predicate, arguments = split_atom(atom)
    if predicate not in DOSAGE_PREDICATES:
        return ""
    dose = dose_of(predicate, arguments, "", 0)
    return model.say(
        "value", model.label("drug" if dose.target in model.drugs else "regimen", dose.target), said_words(dose, model)
    )
