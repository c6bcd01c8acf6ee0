"""The doses of what is recommended, in which completions of a record they are given: what tables of answers list of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from reasoner.compiler.dosage import DOSAGE_PREDICATES, comparable_amount, dose_of, interval_of
from reasoner.compiler.model import Dose, GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import CERTAIN, CONDITIONAL, Conclusions
from reasoner.engine.predicates import RECOMMENDED, STEP_DONE, arguments_of

__all__ = ["DoseListed", "doses_given", "targets_of"]

STRICTER = {"dose_minimum": max, "dose_maximum": min}
"""Of two limits of a kind the stricter one."""


class DoseListed(NamedTuple):
    """What is said of a step of a dose: how much and how often (`kind` "dose"), a limit of that, or for how long.

    It is certain where it holds in every completion in which the drug is recommended, or the regimen.
    """

    drug: str
    schedule: str
    step: str
    kind: str
    amount: str
    unit: str
    interval: str
    certainty: str


@lru_cache(maxsize=1024)
def targets_of(regimen: str, model: GuidelineModel) -> tuple[str, ...]:
    """List what a regimen's doses can be said of: itself, and every drug that can be in it."""
    return tuple(dict.fromkeys((regimen, *(drug for part in model.parts.get(regimen, ()) for drug in part))))


def doses_given(found: Conclusions, program: Program) -> tuple[DoseListed, ...]:
    """List the doses of what is recommended in some completion, without the steps that are done.

    A limit is left out where a stricter one of the same measure holds.
    """
    return tuple(listed for target, taken in taken_in(found) for listed in doses_of(target, taken, found, program))


def taken_in(found: Conclusions) -> Iterator[tuple[str, Truth]]:
    """Yield each drug and regimen that is recommended somewhere, with where it is."""
    taken: dict[str, Truth] = {}
    for regimen in found.model.regimens:
        truth = found.truth(RECOMMENDED, regimen)
        for target in targets_of(regimen, found.model) if truth != found.completions.none else ():
            taken[target] = taken.get(target, found.completions.none) | truth
    for target in dict.fromkeys((*found.model.drugs, *found.model.regimens)):
        if target in taken:
            yield target, taken[target]


def doses_of(target: str, taken: Truth, found: Conclusions, program: Program) -> Iterator[DoseListed]:
    """Yield the doses of a drug or a regimen, which is recommended where `taken` holds."""
    none, outside = found.completions.none, found.completions.outside
    said = said_of(target, found, program)
    given: dict[tuple[str, str], Truth] = {}
    for dose, truth in said.items():
        if dose.kind == "dose":
            step, where = (dose.schedule, dose.step), truth & taken
            for done in (held for name, held, _ in found.held(STEP_DONE, target) if name == dose.step):
                where = outside(where, done)
            given[step] = given.get(step, none) | where
    for dose, truth in said.items():
        where = truth & given.get((dose.schedule, dose.step), none)
        for other, there in said.items() if dose.kind in STRICTER else ():
            if is_stricter(other, dose, found.model):
                where = outside(where, there)
        if where != none:
            certainty = CERTAIN if where == taken else CONDITIONAL
            yield DoseListed(
                *(target, dose.schedule, dose.step, dose.kind), dose.amount, dose.unit, interval_of(dose), certainty
            )


def said_of(target: str, found: Conclusions, program: Program) -> dict[Dose, Truth]:
    """Give all that is said of the doses of a drug or a regimen, whoever says it, with where it holds."""
    model, said = found.model, dict[tuple[object, ...], tuple[Dose, Truth]]()
    always = [(dose, found.completions.all) for dose in model.doses if dose.target == target]
    concluded = [
        (dose_of(predicate, arguments_of(program.atoms[number]), "", order_of(number, model, program)), truth)
        for predicate in DOSAGE_PREDICATES
        for _, truth, number in found.held(predicate, target)
    ]
    for dose, truth in sorted((*always, *concluded), key=lambda own: own[0].order):
        key = (dose.kind, dose.schedule, dose.step, dose.amount, dose.unit, dose.period)
        first, before = said.get(key, (dose, found.completions.none))
        said[key] = first, before | truth
    return dict(said.values())


def order_of(number: int, model: GuidelineModel, program: Program) -> int:
    """Give the place of the first rule that concludes an atom about doses among all that is written of them."""
    return model.dosage_order[model.rules[program.rules[program.supports[number][0]].rule].id]


def is_stricter(one: Dose, other: Dose, model: GuidelineModel) -> bool:
    """Tell whether a limit makes another of the same step idle, whatever the patient's size."""
    if (one.kind, one.schedule, one.step) != (other.kind, other.schedule, other.step):
        return False
    (amount, *measure), (least, *measured) = (comparable_amount(dose, model.units) for dose in (one, other))
    return measure == measured and amount != least and STRICTER[one.kind](amount, least) == amount
