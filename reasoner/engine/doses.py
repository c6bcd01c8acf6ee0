"""The doses of a recommended option: what is given, to whom, and how much that is for this patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from reasoner.compiler.dosage import DOSAGE_PREDICATES, dose_of
from reasoner.compiler.model import Dose, GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import CERTAIN, CONDITIONAL, Assumption, Certainty, Conclusions, RankedRegimen
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import STEP_DONE, arguments_of, ground_atom
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
    hold. `minimum` and `maximum` limit one dose. `certainty` tells whether the dose is to be given in every completion in
    which its regimen is recommended as this entry says, or only in those that agree with `assuming`. `statement` gives it.
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


class Placed(NamedTuple):
    """A dose, or a limit of one, with the completions in which it is given; None where it is in all."""

    dose: Dose
    truth: Truth | None


Steps = Mapping[tuple[str, ...], Sequence[Placed]]
"""What is said of doses by kind and target, what limits them by kind, target, schedule and step, as it is written."""


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
        self.sizes = {
            "kg": number_in(record, self.model.weight),
            "m2": number_in(record, self.model.body_surface),
        }
        conditional = list(self.conditional())
        self.varied = frozenset(own.dose.target for own in conditional)
        self.steps = by_steps([*map(always, self.model.doses), *conditional]) if conditional else steps_of(self.model)

    def conditional(self) -> Iterator[Placed]:
        """Yield what rules conclude on doses somewhere."""
        program = self.derivation.program
        for predicate, number in dosage_atoms(program):
            supports = [rule for rule in program.supports[number] if self.derivation.fires(rule)]
            if supports:
                rule = self.model.rules[program.rules[supports[0]].rule]
                order = self.model.dosage_order[rule.id]
                dose = dose_of(predicate, arguments_of(program.atoms[number]), rule.annotation or "", order)
                yield Placed(dose, self.derivation.values[number])

    def given(self, entry: RankedRegimen) -> Iterator[DoseGiven]:
        """Yield the doses of a recommended option and of its drugs, but the steps that are done.

        Where some have conditions all are given as far as the option is recommended at all, also where that is so on another
        assumption than this entry's: who reads one must not take it for the only one.
        """
        none, recommended = self.derivation.completions.none, self.derivation.values[entry.atom]
        drugs = dict.fromkeys(drug for part in self.model.parts.get(entry.name, ()) for drug in part)
        for target in {**drugs, entry.name: None}:
            within = recommended if target in self.varied else entry.agree
            for dose, truth in self.steps.get(("dose", target), ()):
                done = self.derivation.truth(ground_atom(STEP_DONE, target, dose.step))
                where = self.derivation.completions.outside(within if truth is None else truth & within, done)
                if where != none:
                    yield from self.limited(dose, where, entry)

    def limited(self, dose: Dose, where: Truth, entry: RankedRegimen) -> Iterator[DoseGiven]:
        """Yield a dose with each combination of limits and duration that it has somewhere."""
        none = self.derivation.completions.none
        for minimum, with_minimum in self.limits("dose_minimum", dose, where):
            for maximum, with_maximum in self.limits("dose_maximum", dose, with_minimum):
                for duration, there in self.limits("dose_duration", dose, with_maximum):
                    if there != none:
                        yield self.dose_given(dose, (minimum, maximum, duration), self.certainty(there, entry))

    def limits(self, kind: str, dose: Dose, where: Truth) -> Iterator[tuple[Dose | None, Truth]]:
        """Yield what limits a dose in one way, with where it does; last that nothing does."""
        left = where
        for own, truth in self.steps.get((kind, dose.target, dose.schedule, dose.step), ()):
            yield own, where if truth is None else where & truth
            left = self.derivation.completions.none if truth is None else self.derivation.completions.outside(left, truth)
        yield None, left

    def certainty(self, there: Truth, entry: RankedRegimen) -> tuple[Certainty, tuple[Assumption, ...]]:
        """Tell how certain a dose is, and what it assumes: besides what its regimen does, or instead of that."""
        inside = there & entry.agree
        if inside == entry.agree:
            return CERTAIN, ()
        if inside == self.derivation.completions.none:
            return CONDITIONAL, self.conclusions.certainty(there)[1]
        _, assuming, _ = self.conclusions.certainty(inside)
        return CONDITIONAL, tuple(assumed for assumed in assuming if assumed not in entry.assuming)

    def dose_given(
        self,
        dose: Dose,
        limits: Sequence[Dose | None],
        certainty: tuple[Certainty, tuple[Assumption, ...]],
    ) -> DoseGiven:
        """Give a dose with its limits and its duration."""
        minimum, maximum, duration = limits
        mg = self.milligrams(dose)
        for limit, stricter in ((minimum, max), (maximum, min)):
            if limit is not None and mg is not None:
                bound = self.milligrams(limit)
                mg = None if bound is None else stricter(mg, bound)
        every = period_of(dose)
        return DoseGiven(
            drug=dose.target,
            schedule=dose.schedule,
            step=dose.step,
            amount=amount_of(dose),
            unit=self.model.label("unit", dose.unit),
            every=every,
            every_weeks=every.value if every is not None and every.unit == "weeks" else None,
            route=self.model.routes.get(dose.target, ""),
            mg=None if mg is None else plain_number(mg),
            minimum=amount_in(minimum, self.model),
            maximum=amount_in(maximum, self.model),
            duration=None if duration is None else period_of(duration),
            certainty=certainty[0],
            assuming=certainty[1],
            statement=dose.statement,
        )

    def milligrams(self, dose: Dose) -> Decimal | None:
        """Give the milligrams of a dose for this patient; None where it is no mass, or is multiplied by what is unknown."""
        from decimal import Decimal

        unit = self.model.units[dose.unit]
        size = self.sizes.get(unit.per, Decimal(1))
        return None if not unit.milligrams or size is None else Decimal(dose.amount) * Decimal(unit.milligrams) * size


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
    from decimal import Decimal

    value = record.data.get(fact)
    return Decimal(str(value)) if isinstance(value, int | float) else None


def period_of(dose: Dose) -> Period | None:
    """Give the interval at which a dose is given, or the duration; None for once."""
    return None if dose.period is None else Period(dose.period[0], dose.period[1])  # type: ignore[arg-type]


def amount_of(dose: Dose) -> float:
    from decimal import Decimal

    return plain_number(Decimal(dose.amount))


def amount_in(limit: Dose | None, model: GuidelineModel) -> Amount | None:
    """Give the amount of a limit."""
    return None if limit is None else Amount(amount_of(limit), model.label("unit", limit.unit))


def plain_number(value: Decimal) -> int | float:
    """Give a decimal as JSON shows it: whole numbers without a point."""
    return int(value) if value == value.to_integral_value() else float(value)
