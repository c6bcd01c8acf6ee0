"""The doses that a list of completions demands, worked out by brute force: what is given, within which limits, if what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from expected import assumption, smallest
from plain import Completion

from reasoner.compiler.model import GuidelineModel

Limits = tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]
Given = tuple[str, str, str, str, str, str, Limits, str]
"""Target, schedule, step, amount, unit and interval of a dose, its least and greatest amounts, and its duration."""


def parts_of(argument: str) -> list[str]:
    """Take the arguments of an atom about doses apart."""
    return [part.strip('"') for part in argument.split(",")]


def given_in(completion: Completion, target: str, model: GuidelineModel, record: Mapping[str, Any]) -> Iterator[Given]:
    """Yield the doses of a target in one completion, once for each duration, within the limits that count."""
    limits: dict[tuple[str, ...], list[list[str]]] = {}
    for name in ("dose_minimum", "dose_maximum", "dose_duration"):
        for argument in completion.arguments(name):
            own, schedule, step, *rest = parts_of(argument)
            limits.setdefault((name, own, schedule, step), []).append(rest)
    for argument in completion.arguments("dose"):
        own, schedule, step, amount, unit, every = parts_of(argument)
        if own == target and f"{target},{step}" not in completion.arguments("step_done"):
            low, high, lasting = (limits.get((name, own, schedule, step), []) for name in
                                  ("dose_minimum", "dose_maximum", "dose_duration"))  # fmt: skip
            limited = ((low, max), (high, min))
            least, most = (
                frozenset(strictest([(a, u) for a, u in own], stricter, model, record)) for own, stricter in limited
            )
            both = least, most
            for duration in [text for (text,) in lasting] or [""]:
                yield own, schedule, step, amount, unit, every, both, duration


def expected_doses(
    regimen: str,
    entry: Mapping[str, Any],
    completions: Sequence[Completion],
    model: GuidelineModel,
    record: Mapping[str, Any],
    labels: Sequence[str],
) -> dict[Given, tuple[str, Any]]:
    """Give the doses of a recommended regimen, each with its certainty and what it assumes besides its regimen."""
    true = [regimen in completion.arguments("recommended") for completion in completions]
    _, agree = smallest(true, list(completions))
    found: dict[Given, tuple[str, Any]] = {}
    data = {(dose.kind, dose.target, dose.schedule, dose.step, dose.amount, dose.unit, dose.period) for dose in model.doses}
    for target in {**dict.fromkeys(drug for part in model.parts.get(regimen, ()) for drug in part), regimen: None}:
        own = {(name, argument) for c in completions for name in
               ("dose", "dose_minimum", "dose_maximum", "dose_duration") for argument in c.arguments(name)
               if argument.partition(",")[0] == target}  # fmt: skip
        within = set(agree) if all(told(*atom) in data for atom in own) else {n for n, held in enumerate(true) if held}
        where: dict[Given, set[int]] = {}
        for n in within:
            for given in given_in(completions[n], target, model, record):
                where.setdefault(given, set()).add(n)
        for given, places in where.items():
            if places == within:
                found[given] = "certain", []
                continue
            cube, _ = smallest([n in places for n in range(len(completions))], list(completions))
            assumed = widened(cube, assumption(cube, completions, labels), places, completions)
            found[given] = "conditional", [a for a in assumed if a not in entry["assuming"]] or assumed
    return found


def widened(
    cube: Sequence[tuple[int, int]], assumed: list[dict[str, Any]], places: set[int], completions: Sequence[Completion]
) -> list[dict[str, Any]]:
    """Let numbers be in all intervals beside each other under which a dose is given as well; not in one that cannot be."""
    spans = {variable: {value} for variable, value in cube}
    found = []
    for (variable, value), own in zip(cube, assumed, strict=True):
        names = [str(name) for name, _ in completions[0].variables[variable].values]
        for beside in (range(value - 1, -1, -1), range(value + 1, len(names))):
            for other in beside:
                among = {**spans, variable: {other}}
                agree = {n for n, c in enumerate(completions) if all(w in among[v] for v, w in c.choices if v in among)}
                if names[value][0] not in "<>" or names[other][0] not in "<>" or not agree or not agree <= places:
                    break
                spans[variable].add(other)
        lower, upper = names[min(spans[variable])].split(",")[0], names[max(spans[variable])].split(",")[-1]
        joined = ",".join(part for part, sign in ((lower, ">"), (upper, "<")) if part[0] == sign)
        found.append(own if spans[variable] == {value} else {**own, "value": joined})
    return found


def told(name: str, argument: str) -> tuple[Any, ...]:
    """Give an atom about doses as the model holds data about them."""
    target, schedule, step, *rest = parts_of(argument)
    amount, unit = ("", "") if name == "dose_duration" else rest[:2]
    text = rest[-1] if name in ("dose", "dose_duration") else ""
    interval = re.fullmatch(r"(\w+)\((\d+)\)", text)
    return name, target, schedule, step, amount, unit, (int(interval[2]), interval[1]) if interval else None


def milligrams(amount: str, unit: str, model: GuidelineModel, record: Mapping[str, Any]) -> Decimal | None:
    """Give so much of a unit in mg for this patient; None where it is no mass or the patient's size is unknown."""
    known = model.units[unit]
    size = {"kg": record.get(model.weight), "m2": record.get(model.body_surface)}.get(known.per, 1)
    return (
        Decimal(amount) * Decimal(known.milligrams) * Decimal(str(size)) if known.milligrams and size is not None else None
    )


def shown(given: Given, certainty: tuple[str, Any], model: GuidelineModel, record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give a dose as an answer shows it: of several limits that count at once all, and the dose within them."""
    target, schedule, step, amount, unit, every, (low, high), duration = given
    mg = milligrams(amount, unit, model, record)
    for limits, stricter in ((low, max), (high, min)):
        for limit in limits:
            bound = milligrams(*limit, model, record)
            mg = None if mg is None or bound is None else stricter(mg, bound)
    crossed = any(
        max([a, b], key=lambda own: Decimal(own[0]) * Decimal(model.units[own[1]].milligrams or 1)) == a != b
        for a in low
        for b in high
        if model.units[a[1]].per == model.units[b[1]].per
    )
    sized = [(milligrams(*a, model, record), milligrams(*b, model, record)) for a in low for b in high]
    if crossed or any(a is not None and b is not None and a > b for a, b in sized):
        mg = None
    words = (frozenset((float(a), model.label("unit", u)) for a, u in limits) for limits in (low, high))
    return (target, schedule, step, float(amount), model.label("unit", unit), "" if every == "once" else every, *words,
            duration, None if mg is None else float(mg), certainty[0], repr(certainty[1]))  # fmt: skip


def strictest(
    limits: Iterable[tuple[str, str]],
    stricter: Any,
    model: GuidelineModel,
    record: Mapping[str, Any],
) -> Iterator[tuple[str, str]]:
    """Yield the limits that no other in the same measure makes idle."""
    groups: dict[str, list[tuple[Decimal, tuple[str, str]]]] = {}
    for amount, unit in sorted(limits):
        mg = milligrams(amount, unit, model, record)
        groups.setdefault(unit if mg is None else "mg", []).append((Decimal(amount) if mg is None else mg, (amount, unit)))
    for own in groups.values():
        yield stricter(own)[1]


def shown_by(dose: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give a dose of an answer's JSON in the form of `shown`."""

    def period(value: Any) -> str:
        return "" if value is None else f"{value['unit']}({value['value']})"

    first = [[dose[name]] if dose[name] else [] for name in ("minimum", "maximum")]
    further = [dose.get(name, []) for name in ("further_minima", "further_maxima")]
    limits = [frozenset((own["amount"], own["unit"]) for own in (*a, *b)) for a, b in zip(first, further, strict=True)]
    return (dose["drug"], dose["schedule"], dose["step"], float(dose["amount"]), dose["unit"], period(dose["every"]),
            *limits, period(dose["duration"]), None if dose["mg"] is None else float(dose["mg"]), dose["certainty"],
            repr(dose["assuming"]))  # fmt: skip
