"""Facts of one course of therapy, each by the method that the tables name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.courses import Course
from reasoner.fhir.dates import months_between
from reasoner.fhir.doses import Dose
from reasoner.fhir.evidence import UNDECIDED
from reasoner.fhir.tables import Tables

__all__ = ["COURSE_METHODS", "CourseQuestion", "Open", "course_values", "words_of"]


class Open(NamedTuple):
    """Why a fact stays unknown, a key of `OPENINGS`, and what that speaks of where it is not the drugs."""

    why: str
    words: str = ""


OPENINGS = {
    "left_out": "fhir_left_out",
    "end_not_told": "fhir_end_not_told",
    "stop_unread": "fhir_stop_unread",
    "stop_unexplained": "fhir_stop_unexplained",
}


def words_of(own: Open, drugs: str, model: GuidelineModel) -> str:
    """Word why a fact of a course stays unknown."""
    return model.say(OPENINGS[own.why], own.words or drugs)


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

    def telling(self) -> Dose:
        """Give what tells how the last dose ended: itself, or the latest order or statement that is not older."""
        last = self.last()
        whole = [dose for dose in self.doses if not dose.single and dose.drug == last.drug]
        own = max(whole, key=lambda dose: (dose.end, dose.start), default=last)
        older = own.end > own.start.last and own.end < last.start.first
        return last if last.ended is not None or older else own

    def rhythm(self) -> float:
        """Give the days after which these drugs are due again: a cycle, or less where they are given more often."""
        days = sorted({dose.start.first for dose in self.doses if dose.single})
        return min([self.periods["cycle"], *(median(apart) for apart in [[b - a for a, b in pairwise(days)]] if apart)])


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


def stopped_alone(asked: CourseQuestion) -> bool | Open:
    """Tell whether these drugs ended while others went on; open where nothing says when they ended.

    Open too where others were given when these were due again, and not so much later that these have ended.
    """
    if any(dose.open for dose in asked.doses):
        return False
    last, ended = asked.last(), asked.telling().ended
    drugs = {dose.drug for dose in asked.doses}
    others = [dose for dose in asked.course.doses if dose.drug not in drugs]
    if not last.single and last.end <= last.start.last:
        return True if ended is not None and any(dose.open for dose in others) else Open("end_not_told")
    went_on = max((asked.course.end if dose.open else dose.end for dose in others), default=0) - last.end
    due = went_on >= asked.rhythm()
    if went_on > asked.periods["under_way"] or (due and ended is not None) or (went_on > 0 and last.ended is not None):
        return True
    return Open("left_out") if due else False


def stopped_for(asked: CourseQuestion) -> bool | Open:
    """Tell whether the last of these drugs ended for the reason that the table names; open where the reason is not known."""
    telling = asked.telling()
    if telling.ended != UNDECIDED:
        return telling.ended in asked.of
    return Open("stop_unread", telling.reason) if telling.reason else Open("stop_unexplained")


COURSE_METHODS: dict[str, Callable[[CourseQuestion], float | Open | None]] = {
    "cycles": cycles,
    "months": months,
    "stopped_alone": stopped_alone,
    "stopped_for": stopped_for,
}


def course_values(
    course: Course, tables: Tables, model: GuidelineModel
) -> Iterator[tuple[str, Sequence[Dose], float | Open | None]]:
    """Yield the facts about a course, each with its doses and its value; open, or None, where it is not told."""
    for mapping in tables.course_facts:
        needs = model.course_facts[mapping.fact].needs
        if doses := [dose for dose in course.doses if not needs or dose.drug in needs]:
            asked = CourseQuestion(course, doses, mapping.of, tables.periods)
            yield mapping.fact, doses, COURSE_METHODS[mapping.method](asked)
