"""Changes and decision trees where a guideline cannot be evaluated on diagrams: records are answered anew, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

from reasoner.engine.conclusions import CERTAIN
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.queries.fields import field_of, with_values
from reasoner.queries.points import ABSENT, free
from reasoner.records.encoding import Value, value_for
from reasoner.records.record import Record

__all__ = ["tried_changes"]

MOST_TRIED = 100
"""So many records are answered."""


def tried_changes(guideline: Guideline, record: Record, regimen: str, anything: bool) -> list[dict[str, Value]]:
    """Find changes that make a regimen certain, and of which no part does: those with the fewest keys first.

    Of a list one member joins or leaves. Not all are found.
    """
    keys = alternatives(guideline, record, anything)
    found: list[dict[str, Value]] = []
    tried = 0
    for size in range(len(keys) + 1):
        for chosen in combinations(keys, size):
            for values in product(*(keys[key] for key in chosen)):
                change = dict(zip(chosen, values, strict=True))
                if any(part.items() <= change.items() for part in found):
                    continue
                if tried == MOST_TRIED:
                    return found
                tried += 1
                if is_certain(guideline, with_values(record.data, change), regimen):
                    found.append(change)
    return found


def alternatives(guideline: Guideline, record: Record, anything: bool) -> dict[str, list[Value]]:
    """List for each key that can be changed the values that it can have instead."""
    freed = free(record, guideline, anything)
    found: dict[str, list[Value]] = {}
    for v, point in freed.points.items():
        variable = freed.evaluator.program.variables[v]
        values = found.setdefault(field_of(variable), [])
        if variable.member is None:
            told = (value_for(variable, number, guideline.model) for number in point.options)
            values += (value for value in told if value is not None)
            continue
        given = record.data.get(variable.fact)
        held = [*given] if isinstance(given, list | tuple) else []
        if point.whole and not values:
            values.append([])
        values.append(
            [m for m in held if m != variable.member] if point.kept not in (None, ABSENT) else [*held, variable.member]
        )
    return found


def is_certain(guideline: Guideline, data: Mapping[str, object], regimen: str) -> bool:
    """Tell whether a regimen is recommended with certainty."""
    try:
        answer = guideline.answer(data)
    except RecordError:
        return False
    return any(entry.regimen == regimen and entry.certainty == CERTAIN for entry in answer.recommended)
