"""What doses mean, however they are written, and the words of a dose in a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import permutations

import clingo

from reasoner.compiler.dosage import DOSAGE_PREDICATES, dose_of
from reasoner.compiler.model import Dose, GuidelineModel
from reasoner.engine.dose_phrases import duration_words, number_words, period_words
from reasoner.engine.doses import Period
from reasoner.verification.atoms import quoted, split_atom

__all__ = ["constant_limits", "dosage_words", "dose_meanings", "dose_term_words"]

TERMS = {"dose": "dose", "dose_maximum": "most", "dose_minimum": "least", "dose_duration": "for"}
"""What a predicate about doses says of a step, as the rules about findings name it."""

HOURS = {"hours": 1, "days": 24, "weeks": 168}


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
            yield f"_means({term},{TERMS[predicate]},{quoted(meaning_of(dose, model))})"
            if dose.unit:
                steps.setdefault(tuple(arguments[:3]), {})[term] = amount_of(dose, model)
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


def amount_of(dose: Dose, model: GuidelineModel) -> tuple[Decimal, str, str]:
    """Give how much a dose is, in milligrams where it is a mass, with what is measured and per what it is given."""
    unit = model.units[dose.unit]
    return Decimal(dose.amount) * Decimal(unit.milligrams or 1), unit.measure, unit.per


def meaning_of(dose: Dose, model: GuidelineModel) -> str:
    """Write a dose in milligrams where it is a mass, and its period in hours but for months."""
    parts = []
    if dose.unit:
        amount, *measure = amount_of(dose, model)
        parts += [f"{amount.normalize():f}", *measure]
    if dose.period is not None:
        value, unit_of_time = dose.period
        parts.append(f"{value * HOURS[unit_of_time]} hours" if unit_of_time in HOURS else f"{value} {unit_of_time}")
    return " ".join(parts)


def dose_term_words(term: clingo.Symbol, model: GuidelineModel) -> str:
    """Word a dose, a limit of one or a duration, as the rules about findings name it."""
    predicate = next(name for name, own in TERMS.items() if own == term.name)
    return words_of(dose_of(predicate, ["", "", "", *map(str, term.arguments)], "", 0), model)


def dosage_words(atom: str, model: GuidelineModel) -> str:
    """Word an atom about doses: of which drug or regimen, and what it says; "" for any other."""
    predicate, arguments = split_atom(atom)
    if predicate not in DOSAGE_PREDICATES:
        return ""
    dose = dose_of(predicate, arguments, "", 0)
    return model.say(
        "value", model.label("drug" if dose.target in model.drugs else "regimen", dose.target), words_of(dose, model)
    )


def words_of(dose: Dose, model: GuidelineModel) -> str:
    """Word what is said of a step: how much and how often, a limit, or for how long."""
    period = None if dose.period is None else Period(dose.period[0], dose.period[1])  # type: ignore[arg-type]
    if dose.kind == "dose_duration":
        assert period is not None
        return duration_words(period, model)
    amount = f"{number_words(Decimal(dose.amount))} {model.label('unit', dose.unit)}"
    if dose.kind == "dose":
        return f"{amount} {model.say('once') if period is None else period_words(period, model)}"
    return model.say("dose_at_most", amount) if dose.kind == "dose_maximum" else model.say("dose_at_least", amount)
