"""What the answers to a cohort add up to."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from reasoner.engine.answer import GuidelineInfo
from reasoner.records.shapes import Shape

__all__ = ["SCHEMA", "Summary", "add"]

SCHEMA = "reasoner.cohort/1"


class Summary(Shape, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """The answers to a cohort, counted.

    `distinct_explanations` counts sets of rules that fire together, `repeated_ids` answered rows whose id an earlier row
    has, and `without_courses`, where the courses are in a file of their own, patients of whom neither file tells a course:
    `without_courses_means` that they are "untreated", or that their therapy is "unknown". `answered` and `rejects` count
    rows. The others count patients by name: the name of a setting, a missing fact, a reading that matters, a fact that a
    default stands for, or a finding; where there are several decisions the decision
    followed by its setting; the alternative of a reading that changes something, such as "R9=b"; that of a regimen
    or an action followed by "certain" or "conditional", and that of a regimen followed by "first".
    """

    guideline: GuidelineInfo
    distinct_explanations: int
    repeated_ids: int
    without_courses: int | UnsetType = UNSET
    without_courses_means: str | UnsetType = UNSET
    actions: dict[str, int]
    alternatives: dict[str, int]
    answered: int
    assumed: dict[str, int]
    depends_on_readings: dict[str, int]
    excluded: dict[str, int]
    findings: dict[str, int]
    missing: dict[str, int]
    recommended: dict[str, int]
    rejects: int
    settings: dict[str, int]


def add(total: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """Add counts to counts."""
    found: dict[str, object] = dict(total)
    for name, value in more.items():
        own = found.get(name)
        if isinstance(value, dict):
            found[name] = add(own if isinstance(own, dict) else {}, value)
        else:
            found[name] = (own if isinstance(own, int) else 0) + (value if isinstance(value, int) else 0)
    return dict(sorted(found.items()))
