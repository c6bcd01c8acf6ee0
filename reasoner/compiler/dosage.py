"""Doses as a guideline's rules write them: their units, their intervals, and what cannot be ordered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from reasoner.compiler.intervals import MOST_DIGITS
from reasoner.compiler.model import Dose, DoseUnit
from reasoner.errors import nearest

__all__ = [
    "DOSAGE_PREDICATES",
    "arguments_of",
    "comparable_amount",
    "dosage_problem",
    "dose_listed",
    "dose_of",
    "dose_units",
    "interval_of",
    "is_amount",
    "meaning_of",
]

DOSAGE_PREDICATES = {
    "dose": ("amount", "unit", "interval"),
    "dose_maximum": ("amount", "unit"),
    "dose_minimum": ("amount", "unit"),
    "dose_duration": ("interval",),
}
"""What the arguments after the target, the schedule and the step are."""

AMOUNT = re.compile(r'"(?=.*[1-9])[0-9]+(\.[0-9]+)?"')
INTERVAL = re.compile(r"(hours|days|weeks|months)\(([1-9]\d*)\)")

HOURS = {"hours": 1, "days": 24, "weeks": 168}


def dose_units(catalogue: Mapping[str, Sequence[Sequence[object]]]) -> dict[str, DoseUnit]:
    """Read the units of doses that the core declares."""
    rows = ([str(argument).strip('"') for argument in row] for row in catalogue.get("dose_unit", ()))
    return {unit: DoseUnit(measure, milligrams, per) for unit, measure, milligrams, per in rows}


def arguments_of(head: str) -> list[str]:
    """Give the arguments of a rule's head about a dose; no text in it holds a comma."""
    return [argument.strip() for argument in head.partition("(")[2].removesuffix(")").split(",")]


def is_amount(text: str) -> bool:
    """Tell whether a term is a decimal number above 0, in quotes, with no more digits than are told apart."""
    return AMOUNT.fullmatch(text) is not None and sum(map(str.isdigit, text)) <= MOST_DIGITS


def dosage_problem(predicate: str, arguments: Sequence[str], units: Mapping[str, DoseUnit]) -> str:
    """Say why a dose cannot be worded or ordered, and what is allowed; an empty text where it can."""
    for kind, text in zip(DOSAGE_PREDICATES[predicate], arguments[3:], strict=True):
        if kind == "amount" and not is_amount(text):
            return f'{text} is not an amount; write a number above 0 of at most {MOST_DIGITS} digits in quotes, as in "5.4".'
        if kind == "unit" and text not in units:
            return f'"{text}" is not a unit of doses{nearest(text, units)}; allowed: {", ".join(units)}'
        if kind == "interval" and not INTERVAL.fullmatch(text) and (text != "once" or predicate != "dose"):
            once = "once, " if predicate == "dose" else ""
            noun = "an interval" if predicate == "dose" else "a duration"
            return f"{text} is not {noun}; write {once}hours(N), days(N), weeks(N) or months(N), N a whole number from 1."
    return ""


def dose_of(predicate: str, arguments: Sequence[str], statement: str, order: int) -> Dose:
    """Read a dose, or what limits it, from the arguments of an atom."""
    target, schedule, step, *others = arguments
    found = dict(zip(DOSAGE_PREDICATES[predicate], others, strict=True))
    interval = INTERVAL.fullmatch(found.get("interval", ""))
    return Dose(
        kind=predicate,
        target=target,
        schedule=schedule,
        step=step,
        amount=found.get("amount", "").strip('"'),
        unit=found.get("unit", ""),
        period=None if interval is None else (int(interval[2]), interval[1]),
        statement=statement,
        order=order,
    )


def interval_of(dose: Dose) -> str:
    """Write the interval of a dose, or its duration, as rules do; nothing where it has none, and for what is given once."""
    return "" if dose.period is None else f"{dose.period[1]}({dose.period[0]})"


def comparable_amount(dose: Dose, units: Mapping[str, DoseUnit]) -> tuple[Decimal, str, str]:
    """Give how much a dose is, in milligrams where it is a mass, with what is measured and per what it is given."""
    unit = units[dose.unit]
    return Decimal(dose.amount) * Decimal(unit.milligrams or 1), unit.measure, unit.per


def meaning_of(dose: Dose, units: Mapping[str, DoseUnit]) -> str:
    """Write a dose in milligrams where it is a mass, and its period in hours but for months."""
    parts = []
    if dose.unit:
        amount, *measure = comparable_amount(dose, units)
        parts += [f"{amount.normalize():f}", *measure]
    if dose.period is not None:
        value, unit_of_time = dose.period
        parts.append(f"{value * HOURS[unit_of_time]} hours" if unit_of_time in HOURS else f"{value} {unit_of_time}")
    return " ".join(parts)


def dose_listed(listed: Mapping[str, str]) -> Dose:
    """Read a dose from its parts by their names, as tables list them."""
    parts = {"amount": f'"{listed["amount"]}"', "unit": listed["unit"], "interval": listed["interval"] or "once"}
    said = [parts[part] for part in DOSAGE_PREDICATES[listed["kind"]]]
    return dose_of(listed["kind"], [listed["drug"], listed["schedule"], listed["step"], *said], "", 0)
