"""One value for all that say the same of a fact: to the rules of a guideline they are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reasoner.compiler.intervals import number_in, passed_cuts
from reasoner.compiler.model import Fact, GuidelineModel

__all__ = ["canonical_course", "canonical_value"]


def canonical_value(fact: Fact, value: object, model: GuidelineModel) -> object:
    """Give the canonical form of a valid value.

    Members of a list are in order; a number represents the interval between the cuts of the rules, and is None where no
    rule compares it; each course is canonical.
    """
    if fact.kind == "list" and isinstance(value, Sequence):
        return sorted(set(value))
    if fact.kind == "number" and isinstance(value, int | float):
        return number_in(passed_cuts(value, fact.cuts), fact.cuts, model.range_of(fact.name)) if fact.cuts else None
    if fact.kind == "courses" and isinstance(value, Sequence):
        return [canonical_course(course, model) for course in value]
    return value


def canonical_course(course: Mapping[str, object], model: GuidelineModel) -> dict[str, object]:
    """Give the canonical form of a valid course: only what rules tell apart, and whether it is recorded, or null."""
    drugs = course["drugs"]
    assert isinstance(drugs, Sequence)
    found: dict[str, object] = {"drugs": sorted(set(drugs))}
    if course.get("outcome") is not None:
        found["outcome"] = course["outcome"]
    for name, fact in model.course_facts.items():
        value = course.get(name)
        if fact.kind == "boolean":
            if name in course and (not fact.needs or any(drug in fact.needs for drug in drugs)):
                found[name] = value
        elif isinstance(value, int | float) and fact.cuts:
            found[name] = number_in(passed_cuts(value, fact.cuts), fact.cuts, model.range_of(fact.name))
    return found
