"""The words of doses: how much, how often, within which limits, for how long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reasoner.compiler.model import Dose, GuidelineModel
from reasoner.engine.conclusions import CERTAIN
from reasoner.engine.doses import DoseGiven, Period
from reasoner.engine.way_phrases import assuming_words

if TYPE_CHECKING:
    from decimal import Decimal

    from reasoner.engine.answer import Recommendation
    from reasoner.engine.derivation import Derivation

__all__ = ["dose_words", "duration_words", "no_dose_words", "number_words", "period_words", "said_words"]

EVERY_ONE = {"hours": "every_hour", "days": "every_day", "weeks": "every_week", "months": "every_month"}
EVERY = {"hours": "every_hours", "days": "every_days", "weeks": "every_weeks", "months": "every_months"}
FOR_ONE = {"hours": "for_hour", "days": "for_day", "weeks": "for_week", "months": "for_month"}
FOR = {"hours": "for_hours", "days": "for_days", "weeks": "for_weeks", "months": "for_months"}


def dose_words(doses: Sequence[DoseGiven], model: GuidelineModel) -> Iterator[str]:
    """Yield doses: for each drug its schedules as alternatives."""
    say = model.say
    by_drug: dict[str, dict[str, dict[str, list[DoseGiven]]]] = {}
    for dose in doses:
        by_drug.setdefault(dose.drug, {}).setdefault(dose.schedule, {}).setdefault(dose.step, []).append(dose)
    for drug, schedules in by_drug.items():
        alternatives = (
            say("then_step").join(say("or_dose").join(step_words(dose, model) for dose in own) for own in steps.values())
            for steps in schedules.values()
        )
        text = say("or_schedule").join(alternatives)
        statements = say("comma").join(dict.fromkeys(dose.statement for dose in doses if dose.drug == drug))
        label = model.label("drug" if drug in model.drugs else "regimen", drug)
        yield say("dose_of", label, text, statements)


def no_dose_words(entries: Sequence[Recommendation], derivation: Derivation) -> Iterator[str]:
    """Name the drugs of recommended regimens for which there is no dose: none at all, or none for this patient."""
    model, drugs = derivation.model, dict[str, None]()
    known = {dose.target for dose in model.doses} | derivation.program.table.get("dose", {}).keys()
    for entry in entries:
        given = {dose.drug for dose in entry.doses} | model.titrated.keys()
        if entry.regimen not in given:
            drugs |= dict.fromkeys(d for part in model.parts.get(entry.regimen, ()) for d in part if d not in given)
    if own := [model.label("drug", drug) for drug in drugs if drug in known]:
        yield model.say("no_dose_here", model.say("comma").join(own))
    if others := [model.label("drug", drug) for drug in drugs if drug not in known]:
        yield model.say("no_dose", model.say("comma").join(others))


def step_words(dose: DoseGiven, model: GuidelineModel) -> str:
    """Word one step of a schedule: how much, by which route, how often, within which limits, for how long."""
    say = model.say
    amount = f"{number_words(dose.amount)} {dose.unit}"
    if dose.mg is not None and dose.mg != fixed_milligrams(dose, model):
        amount = say("dose_by_weight", number_words(dose.mg, rounded=True), amount)
    rhythm = say("once") if dose.every is None else period_words(dose.every, model)
    words = " ".join(part for part in (model.label("step", dose.step), amount, dose.route, rhythm) if part)
    parts = [words]
    minima, maxima = dose.bounds()
    parts += [say("dose_at_least", f"{number_words(limit.amount)} {limit.unit}") for limit in minima]
    parts += [say("dose_at_most", f"{number_words(limit.amount)} {limit.unit}") for limit in maxima]
    if dose.contradictory is True:
        parts.append(say("limits_contradict"))
    if dose.duration is not None:
        parts.append(duration_words(dose.duration, model))
    words = say("comma").join(parts)
    return words if dose.certainty == CERTAIN else say("dose_if", words, assuming_words(dose.assuming, model))


def period_words(period: Period, model: GuidelineModel) -> str:
    """Word an interval between doses."""
    if period.value == 1:
        return model.say(EVERY_ONE[period.unit])
    return model.say(EVERY[period.unit], str(period.value))


def duration_words(period: Period, model: GuidelineModel) -> str:
    """Word how long doses are given."""
    if period.value == 1:
        return model.say(FOR_ONE[period.unit])
    return model.say(FOR[period.unit], str(period.value))


def fixed_milligrams(dose: DoseGiven, model: GuidelineModel) -> float | None:
    """Give the milligrams of an amount that is the same for every patient; None for one per kg or m², or no mass."""
    from decimal import Decimal

    unit = next(unit for name, unit in model.units.items() if model.label("unit", name) == dose.unit)
    return (
        None if unit.per != "whole" or not unit.milligrams else float(Decimal(str(dose.amount)) * Decimal(unit.milligrams))
    )


def number_words(number: float | Decimal, rounded: bool = False) -> str:
    """Write a number as it was given or, `rounded`, to three digits, or one decimal place where that is more."""
    from decimal import Context, Decimal

    exact = Decimal(str(number))
    if rounded and exact:
        exact = exact.quantize(Decimal(1).scaleb(-max(1, 2 - exact.adjusted())), context=Context(prec=400))
    return f"{exact.normalize(Context(prec=400)):f}"


def said_words(dose: Dose, model: GuidelineModel) -> str:
    """Word what is said of a step: how much and how often, a limit, or for how long."""
    from decimal import Decimal

    period = None if dose.period is None else Period(dose.period[0], dose.period[1])  # type: ignore[arg-type]
    if dose.kind == "dose_duration":
        assert period is not None
        return duration_words(period, model)
    amount = f"{number_words(Decimal(dose.amount))} {model.label('unit', dose.unit)}"
    if dose.kind == "dose":
        return f"{amount} {model.say('once') if period is None else period_words(period, model)}"
    return model.say("dose_at_most", amount) if dose.kind == "dose_maximum" else model.say("dose_at_least", amount)
