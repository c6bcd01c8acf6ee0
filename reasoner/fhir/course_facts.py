"""Facts of one course of therapy, each by the method that the tables name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.courses import Course
from reasoner.fhir.dates import months_between
from reasoner.fhir.doses import Dose
from reasoner.fhir.evidence import UNDECIDED
from reasoner.fhir.tables import Tables

__all__ = ["COURSE_METHODS", "CourseQuestion", "course_values"]


class CourseQuestion(NamedTuple):
    """What a method is asked: the course, its doses of the drugs that the fact is about, and what the tables say.

    `of` are the names that the table gives the method, `periods` lengths in days.
    """

    course: Course
    doses: Sequence[Dose]
    of: Sequence[str]
    periods: Mapping[str, int]

    def last(self) -> Dose:
        return max(self.doses, key=lambda dose: dose.end)


def cycles(asked: CourseQuestion) -> int | None:
    """Count the doses where each is a cycle by itself; None where some are too close together or not dated to the day."""
    days = sorted({dose.start for dose in asked.doses if dose.single})
    exact = all(day.first == day.last for day in days)
    apart = all(later.first - earlier.first >= asked.periods["cycle"] for earlier, later in pairwise(days))
    return len(days) if apart and exact else None


def months(asked: CourseQuestion) -> float | None:
    """Count the months from the first to the last dose; None where only an order says when they began."""
    end = max(asked.course.end if dose.open else dose.end for dose in asked.doses)
    start = min(dose.start for dose in asked.doses)
    told = any(dose.open or dose.single or dose.end > dose.start.last for dose in asked.doses)
    return months_between(start.first, end) if start.first == start.last and told else None


def stopped_alone(asked: CourseQuestion) -> bool | None:
    """Tell whether these drugs ended while others went on; None where nothing says when they ended."""
    if any(dose.open for dose in asked.doses):
        return False
    last = asked.last()
    if not last.single and last.end <= last.start.last:
        return None
    drugs = {dose.drug for dose in asked.doses}
    others = (dose for dose in asked.course.doses if dose.drug not in drugs)
    went_on = max((asked.course.end if dose.open else dose.end for dose in others), default=0) - last.end
    return went_on > (0 if last.ended else asked.periods["under_way"])


def stopped_for(asked: CourseQuestion) -> bool | None:
    """Tell whether the last of these drugs ended for the reason that the table names; None where the reason is not known."""
    last = asked.last()
    return None if last.ended == UNDECIDED else last.ended in asked.of


COURSE_METHODS: dict[str, Callable[[CourseQuestion], float | None]] = {
    "cycles": cycles,
    "months": months,
    "stopped_alone": stopped_alone,
    "stopped_for": stopped_for,
}


def course_values(
    course: Course, tables: Tables, model: GuidelineModel
) -> Iterator[tuple[str, Sequence[Dose], float | None]]:
    """Yield the facts about a course, each with the doses that it is about and its value, None where it is not told."""
    for mapping in tables.course_facts:
        needs = model.course_facts[mapping.fact].needs
        if doses := [dose for dose in course.doses if dose.drug in needs]:
            asked = CourseQuestion(course, doses, mapping.of, tables.periods)
            yield mapping.fact, doses, COURSE_METHODS[mapping.method](asked)
