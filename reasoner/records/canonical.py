"""One value for all that say the same of a fact: to the rules of a guideline they are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.records.values import interval, representative

__all__ = ["canonical_course", "canonical_value"]


def canonical_value(fact: Fact, value: object, model: GuidelineModel) -> object:
    """Give the canonical form of a valid value.

    Members of a list are in order; a number represents the interval between the thresholds of the rules, and is None where
    no rule compares it; each course is canonical.
    """
    if fact.kind == "list" and isinstance(value, Sequence):
        return sorted(set(value))
    if fact.kind == "number" and isinstance(value, int | float):
        return representative(interval(value, fact.thresholds), fact.thresholds) if fact.thresholds else None
    if fact.kind == "courses" and isinstance(value, Sequence):
        return [canonical_course(course, model) for course in value]
    return value


def canonical_course(course: Mapping[str, object], model: GuidelineModel) -> dict[str, object]:
    """Give the canonical form of a valid course: only what rules tell apart, and what is unknown."""
    drugs = course["drugs"]
    assert isinstance(drugs, Sequence)
    found: dict[str, object] = {"drugs": sorted(set(drugs)), "outcome": course.get("outcome")}
    for name, fact in model.course_facts.items():
        value = course.get(name)
        if fact.kind == "boolean":
            if name in course and value is not False:
                found[name] = value
        elif isinstance(value, int | float) and fact.thresholds:
            found[name] = max((bound for bound in fact.thresholds if value >= bound), default=0)
    return found
