"""The doses of a recommended option: what is given, to whom, and how much that is for this patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from reasoner.compiler.dosage import DOSAGE_PREDICATES, dose_of
from reasoner.compiler.model import Dose, GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import CERTAIN, CONDITIONAL, Assumption, Certainty, Conclusions, RankedRegimen
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import STEP_DONE, arguments_of
from reasoner.engine.ways import way_of
from reasoner.records.record import Record
from reasoner.records.shapes import Shape

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["Amount", "DoseGiven", "Doses", "Period", "dosage_atoms"]

Unit = Literal["hours", "days", "weeks", "months"]


class Period(Shape, frozen=True):
    """An interval between doses, or how long they are given."""

    value: int
    unit: Unit


class Amount(Shape, frozen=True):
    """So much of a unit of doses."""

    amount: float
    unit: str


class DoseGiven(Shape, frozen=True):
    """A dose as the guideline gives it to a drug, or to a regimen as a whole, whose name `drug` is then.

    `amount` is in `unit`, given `every` so often, once where that is null; `every_weeks` is the same where it is in weeks.
    `mg` is the dose of this patient, within its limits; null where it is no mass, or hangs on what the record does not
    hold, or the limits contradict each other for this patient, a minimum above a maximum, which `contradictory` tells.
    `minimum` and `maximum` limit one dose: of several the strictest, and where it hangs on an unrecorded weight or body
    surface which it is, `further_minima` and `further_maxima` hold the others. `certainty` tells whether the dose is given
    in every completion in which its regimen is recommended, or only in those that agree with `assuming`, from which what the
    regimen assumes is left out unless it is all there is. Where no dose of a drug hangs on anything, only the completions
    count in which the regimen is recommended as its entry says. `statement` gives it.
    """

    drug: str
    schedule: str
    step: str
    amount: float
    unit: str
    every: Period | None
    every_weeks: int | None
    route: str
    mg: float | None
    minimum: Amount | None
    maximum: Amount | None
    duration: Period | None
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    statement: str
    further_minima: tuple[Amount, ...] | UnsetType = UNSET
    further_maxima: tuple[Amount, ...] | UnsetType = UNSET
    contradictory: bool | UnsetType = UNSET

    def bounds(self) -> tuple[tuple[Amount, ...], tuple[Amount, ...]]:
        """Give all minima and all maxima that count."""
        least, most = (self.minimum, self.further_minima), (self.maximum, self.further_maxima)
        minima, maxima = (
            (() if first is None else (first,)) + (() if rest is UNSET else rest) for first, rest in (least, most)
        )
        return minima, maxima


class Placed(NamedTuple):
    """A dose, or a limit of one, with the completions in which it is given; None where it is in all."""

    dose: Dose
    truth: Truth | None


Stricter = Callable[["Decimal", "Decimal"], "Decimal"]
"""Of two limits the stricter one."""
Steps = Mapping[tuple[str, ...], Sequence[Placed]]
"""What is said of doses by kind and target, what limits them by kind, target, schedule and step, as it is written."""


class Size(NamedTuple):
    """What doses are multiplied by for one patient: weight and body surface, None where they are unknown."""

    kg: Decimal | None
    m2: Decimal | None

    def milligrams(self, dose: Dose, model: GuidelineModel) -> Decimal | None:
        """Give the milligrams of a dose; None where it is no mass, or is multiplied by what is unknown."""
        from decimal import Decimal

        unit = model.units[dose.unit]
        size = {"kg": self.kg, "m2": self.m2}.get(unit.per, Decimal(1))
        return None if not unit.milligrams or size is None else Decimal(dose.amount) * Decimal(unit.milligrams) * size

    def measured(self, limit: Dose, model: GuidelineModel) -> tuple[str, Decimal]:
        """Give a limit as a number and what it is a number of: mg for this patient, where they can be told."""
        from decimal import Decimal

        milligrams, unit = self.milligrams(limit, model), model.units[limit.unit]
        if milligrams is not None:
            return "mg", milligrams
        if unit.milligrams:
            return f"mg per {unit.per}", Decimal(limit.amount) * Decimal(unit.milligrams)
        return limit.unit, Decimal(limit.amount)


@lru_cache(maxsize=64)
def done_steps(program: Program) -> Mapping[tuple[str, str], int]:
    """List the numbers of the atoms that tell of a step of a drug's or a regimen's doses that it is done."""
    return {(target, step): number for target, rows in program.table.get(STEP_DONE, {}).items() for step, number in rows}


@lru_cache(maxsize=64)
def dosage_atoms(program: Program) -> tuple[tuple[str, int], ...]:
    """List the atoms about doses that rules conclude: each with its predicate and its number."""
    return tuple(
        (predicate, number)
        for predicate in DOSAGE_PREDICATES
        for rows in program.table.get(predicate, {}).values()
        for _, number in rows
    )


class Doses:
    """The doses of one answer's options."""

    def __init__(self, derivation: Derivation, conclusions: Conclusions, record: Record) -> None:
        self.derivation = derivation
        self.conclusions = conclusions
        self.model = derivation.model
        self.size = Size(number_in(record, self.model.weight), number_in(record, self.model.body_surface))
        conditional = [own for own in self.conditional() if said(own.dose) not in always_given(self.model)]
        self.varied = frozenset(own.dose.target for own in conditional)
        self.steps = by_steps([*map(always, self.model.doses), *conditional]) if conditional else steps_of(self.model)

    def conditional(self) -> Iterator[Placed]:
        """Yield what rules conclude on doses somewhere."""
        program = self.derivation.program
        for predicate, number in dosage_atoms(program):
            if self.derivation.holds(number):
                first = next(filter(self.derivation.fires, program.supports[number]))
                rule = self.model.rules[program.rules[first].rule]
                order = self.model.dosage_order[rule.id]
                dose = dose_of(predicate, arguments_of(program.atoms[number]), rule.annotation or "", order)
                yield Placed(dose, self.derivation.values[number])

    def given(self, entry: RankedRegimen) -> Iterator[DoseGiven]:
        """Yield the doses of a recommended option and of its drugs, but the steps that are done.

        Where some have conditions all are given as far as the option is recommended at all, also where that is so on another
        assumption than this entry's: who reads one must not take it for the only one.
        """
        values, completions = self.derivation.values, self.derivation.completions
        recommended, steps = values[entry.atom], done_steps(self.derivation.program)
        drugs = dict.fromkeys(drug for part in self.model.parts.get(entry.name, ()) for drug in part)
        for target in {**drugs, entry.name: None}:
            within = recommended if target in self.varied else entry.agree
            for dose, truth in self.steps.get(("dose", target), ()):
                where, done = within if truth is None else truth & within, steps.get((target, dose.step))
                if done is not None:
                    where = completions.outside(where, values[done])
                if where != completions.none:
                    yield from self.limited(dose, where, within, entry.assuming)

    def limited(self, dose: Dose, where: Truth, within: Truth, assuming: tuple[Assumption, ...]) -> Iterator[DoseGiven]:
        """Yield a dose with each combination of limits and duration that it has somewhere."""
        none = self.derivation.completions.none
        for minima, with_minima in self.limits("dose_minimum", dose, where, max):
            for maxima, with_maxima in self.limits("dose_maximum", dose, with_minima, min):
                for duration, there in self.durations(dose, with_maxima):
                    if there != none:
                        certainty = self.certainty(there, within, assuming)
                        yield dose_given(self.model, self.size, dose, minima, maxima, duration, certainty)

    def durations(self, dose: Dose, where: Truth) -> Iterator[tuple[Dose | None, Truth]]:
        """Yield how long a dose is given, with where it is; last that nothing is said of that."""
        left = where
        for own, truth in self.steps.get(("dose_duration", dose.target, dose.schedule, dose.step), ()):
            yield own, where if truth is None else where & truth
            left = self.derivation.completions.none if truth is None else self.derivation.completions.outside(left, truth)
        yield None, left

    def limits(self, kind: str, dose: Dose, where: Truth, stricter: Stricter) -> Iterator[tuple[tuple[Dose, ...], Truth]]:
        """Yield the limits of a dose in one direction that count together, with where they do: none of them, or some.

        Of limits that can be compared the strictest counts.
        """
        none, outside = self.derivation.completions.none, self.derivation.completions.outside
        limiting = self.steps.get((kind, dose.target, dose.schedule, dose.step))
        if limiting is None:
            yield (), where
            return
        together: dict[tuple[Dose, ...], Truth] = {(): where}
        for own, truth in limiting:
            divided: dict[tuple[Dose, ...], Truth] = {}
            for limits, held in together.items():
                there, elsewhere = (held, none) if truth is None else (held & truth, outside(held, truth))
                for counting, places in ((self.strictest((*limits, own), stricter), there), (limits, elsewhere)):
                    if places != none:
                        divided[counting] = divided.get(counting, none) | places
            together = divided
        yield from together.items()

    def strictest(self, limits: Sequence[Dose], stricter: Stricter) -> tuple[Dose, ...]:
        """Leave out the limits that a stricter one makes idle: of those in one measure, for this patient, all but one."""
        found: dict[str, tuple[Decimal, Dose]] = {}
        for limit in limits:
            measure, amount = self.size.measured(limit, self.model)
            first = found.get(measure)
            if first is None or (amount != first[0] and stricter(amount, first[0]) == amount):
                found[measure] = amount, limit
        return tuple(limit for _, limit in found.values())

    def certainty(
        self, there: Truth, within: Truth, assuming: tuple[Assumption, ...]
    ) -> tuple[Certainty, tuple[Assumption, ...]]:
        """Tell whether a dose is given wherever doses are listed, and what it assumes besides what its regimen does."""
        if there == within:
            return CERTAIN, ()
        conditions = self.conditions(there)
        return CONDITIONAL, tuple(own for own in conditions if own not in assuming) or conditions

    def conditions(self, there: Truth) -> tuple[Assumption, ...]:
        """Give what a dose assumes: a smallest set of values, a number's with the intervals beside it that do as well."""
        completions = self.conclusions.completions
        return tuple(own.assumption for own in way_of(completions.smallest_implicant(there), there, completions))


@lru_cache(maxsize=2**12)
def dose_given(
    model: GuidelineModel,
    size: Size,
    dose: Dose,
    minima: tuple[Dose, ...],
    maxima: tuple[Dose, ...],
    duration: Dose | None,
    certainty: tuple[Certainty, tuple[Assumption, ...]],
) -> DoseGiven:
    """Give a dose with its limits and its duration for a patient of some size."""
    lowest, highest = (dict(size.measured(limit, model) for limit in limits) for limits in (minima, maxima))
    contradictory = any(lowest[measure] > highest[measure] for measure in lowest.keys() & highest.keys())
    mg = None if contradictory else size.milligrams(dose, model)
    for limits, stricter in ((minima, max), (maxima, min)):
        for limit in limits:
            bound = size.milligrams(limit, model)
            mg = None if bound is None or mg is None else stricter(mg, bound)
    least, most = ([amount_in(limit, model) for limit in limits] for limits in (minima, maxima))
    every = period_of(dose)
    return DoseGiven(
        drug=dose.target,
        schedule=dose.schedule,
        step=dose.step,
        amount=amount_of(dose),
        unit=model.label("unit", dose.unit),
        every=every,
        every_weeks=every.value if every is not None and every.unit == "weeks" else None,
        route=model.step_routes.get((dose.target, dose.schedule, dose.step)) or model.routes.get(dose.target, ""),
        mg=None if mg is None else plain_number(mg),
        minimum=least[0] if least else None,
        maximum=most[0] if most else None,
        duration=None if duration is None else period_of(duration),
        certainty=certainty[0],
        assuming=certainty[1],
        statement=dose.statement,
        further_minima=tuple(least[1:]) or UNSET,
        further_maxima=tuple(most[1:]) or UNSET,
        contradictory=contradictory or UNSET,
    )


@lru_cache(maxsize=64)
def always_given(model: GuidelineModel) -> frozenset[Dose]:
    """Collect what is said of doses for every patient."""
    return frozenset(map(said, model.doses))


def said(dose: Dose) -> Dose:
    """Give what is said of a dose, whoever says it."""
    return replace(dose, statement="", order=0)


def always(dose: Dose) -> Placed:
    """Give a dose that is the same for every patient."""
    return Placed(dose, None)


@lru_cache(maxsize=64)
def steps_of(model: GuidelineModel) -> Steps:
    """Arrange the doses of a guideline that are the same for every patient."""
    return by_steps([*map(always, model.doses)])


def by_steps(placed: Sequence[Placed]) -> Steps:
    """Arrange what is said of doses, as it is written."""
    found: dict[tuple[str, ...], list[Placed]] = {}
    for own in sorted(placed, key=lambda own: own.dose.order):
        dose = own.dose
        key = (dose.kind, dose.target) if dose.kind == "dose" else (dose.kind, dose.target, dose.schedule, dose.step)
        found.setdefault(key, []).append(own)
    return found


def number_in(record: Record, fact: str) -> Decimal | None:
    """Give a number that a record holds, None where it is unknown."""
    value = record.data.get(fact)
    if not isinstance(value, int | float):
        return None
    from decimal import Decimal

    return Decimal(str(value))


def period_of(dose: Dose) -> Period | None:
    """Give the interval at which a dose is given, or the duration; None for once."""
    return None if dose.period is None else Period(dose.period[0], dose.period[1])  # type: ignore[arg-type]


def amount_of(dose: Dose) -> float:
    from decimal import Decimal

    return plain_number(Decimal(dose.amount))


def amount_in(limit: Dose, model: GuidelineModel) -> Amount:
    """Give the amount of a limit."""
    return Amount(amount_of(limit), model.label("unit", limit.unit))


def plain_number(value: Decimal) -> int | float:
    """Give a decimal as JSON shows it: whole numbers without a point."""
    return int(value) if value == value.to_integral_value() else float(value)
