"""Courses of therapy, built from doses by their dates, and how each course ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from reasoner.fhir.dates import PartialDate, days_between
from reasoner.fhir.doses import Dose, Reach
from reasoner.fhir.evidence import UNDECIDED, Evidence, latest
from reasoner.fhir.provenance import Provenance

__all__ = ["Course", "Endings", "build_courses", "group", "taken_alone", "unexplained"]


class Endings(NamedTuple):
    """The guideline's outcomes by what they say of a course.

    It has not ended (`under_way`), it ended `as_planned`, or the disease itself ended it (`by_disease`).
    """

    under_way: str | None
    as_planned: str | None
    by_disease: frozenset[str]


class Course(NamedTuple):
    """Drugs given together.

    `end` is the last day on which one of them is known to be given; `outcome` is None where nothing says it, `why` says
    where it was read, or what leaves open how the disease went. `doubtful` are doses recorded as under way from a course
    that the disease ended, or may have, into this one.
    """

    doses: tuple[Dose, ...]
    start: PartialDate
    end: int
    outcome: str | None
    why: tuple[Provenance, ...]
    doubtful: tuple[Dose, ...]


class CourseBuilder:
    """A course being built: the day it began, its doses, and of each drug the dose that ends last."""

    def __init__(self, start: PartialDate, carried: list[Dose], periods: Mapping[str, int], endings: Endings) -> None:
        self.start = start
        self.endings = endings
        self.carried = carried
        self.periods = periods
        self.doses: list[Dose] = []
        self.last: dict[str, Dose] = {}
        for dose in carried:
            self.add(dose)

    def add(self, dose: Dose) -> None:
        self.doses.append(dose)
        before = self.last.get(dose.drug)
        if before is None or (before.open, before.end) <= (dose.open, dose.end):
            self.last[dose.drug] = dose

    def takes(self, dose: Dose) -> bool | None:
        """Tell whether a later dose belongs to this course; None where its date is not known well enough."""
        before = self.last.get(dose.drug)
        if before is None:
            apart, most = days_between(self.start, dose.start), self.periods["starts_together"]
        elif before.open:
            return True
        else:
            end = max(before.end, before.start.last)
            apart, most = PartialDate(dose.start.first - end, dose.start.last - end), self.periods["pause"]
        return None if apart.first <= most < apart.last else apart.last <= most

    def followed_by(self, dose: Dose) -> CourseBuilder:
        """Begin the course that a dose opens; drugs that go on then belong to both."""
        soon = dose.start.last + self.periods["starts_together"]
        return CourseBuilder(
            dose.start, [own for own in self.doses if own.open or own.end > soon], self.periods, self.endings
        )

    def outcome(
        self, following: CourseBuilder | None, trend: Sequence[Evidence], today: int
    ) -> tuple[str | None, tuple[Provenance, ...]]:
        """Tell how the course ended and where that was read; the outcome is None where nothing decides it.

        In this order: the disease ended it; it is under way; a drug that was not carried on ended for a reason; its drugs
        ended as planned; the disease was under control after it.
        """
        horizon = PartialDate(today, today) if following is None else following.start
        possible = [
            own for own in trend
            if own.date is None or (self.start.first < own.date.last and own.date.first <= horizon.last)
        ]  # fmt: skip
        certain = [
            own for own in possible if own.date and self.start.last < own.date.first and own.date.last <= horizon.first
        ]
        seen = latest(certain)
        sure = set(certain)
        others = [own for own in latest(possible) if own not in sure]
        trends = {own.value for own in seen}
        if not self.endings.by_disease.isdisjoint(trends):
            agree = len(trends) == 1 and {own.value for own in others} <= {*trends, UNDECIDED}
            return (str(trends.pop()) if agree else None), tuple(own.source for own in seen)
        if UNDECIDED in trends or others:
            return None, tuple(own.source for own in (*seen, *others))
        ended = [dose for drug, dose in self.last.items() if following is None or drug not in following.last]
        if following is None and any(self.is_under_way(dose, today) for dose in ended):
            return self.endings.under_way, tuple(dose.source for dose in ended)
        reasons = {dose.ended for dose in ended}
        planned = self.endings.as_planned
        known = reasons - {None, planned} or reasons - {None}
        if len(known) == 1 and UNDECIDED not in known and (None not in reasons or known != {planned}):
            return known.pop(), tuple(dose.source for dose in ended if dose.ended)
        if trends == {"controlled"} and all(own.date and own.date.last >= dose.end for own in seen for dose in ended):
            return planned, tuple(own.source for own in seen)
        return None, ()

    def is_under_way(self, dose: Dose, today: int) -> bool:
        return dose.open or (dose.ended is None and today - dose.end <= self.periods["under_way"])


def build_courses(
    doses: Iterable[Dose], trend: Sequence[Evidence], today: int, periods: Mapping[str, int], endings: Endings
) -> tuple[list[Course], list[Dose]]:
    """Build the courses from doses in the order of their dates; give also the doses that cannot be assigned by their dates.

    A drug that starts later than the first ones, or comes back after a pause, begins a new course; one of which nobody
    tells when it ended may go on into that, unless the disease ended the course. `trend` is how the disease went,
    `today` the latest day that the chart speaks of.
    """
    builders: list[CourseBuilder] = []
    unsure: list[Dose] = []
    for dose in doses:
        taken = builders[-1].takes(dose) if builders else False
        if taken is None:
            unsure.append(dose)
        if not builders:
            builders.append(CourseBuilder(dose.start, [], periods, endings))
        elif not taken:
            builders.append(builders[-1].followed_by(dose))
        builders[-1].add(dose)
    courses: list[Course] = []
    for number, builder in enumerate(builders):
        following = builders[number + 1] if number + 1 < len(builders) else None
        outcome, why = builder.outcome(following, trend, today)
        end = max(today if dose.open else dose.end for dose in builder.doses)
        until = end if following is None else min(end, following.start.last)
        before = courses[-1] if courses else None
        worse = before is not None and (before.outcome in endings.by_disease or (before.outcome is None and before.why))
        doubtful = tuple(dose for dose in builder.carried if worse and dose.open)
        if before is not None and before.outcome not in endings.by_disease:
            unsure += [dose for dose in before.doses if dose.endless and dose.drug not in builder.last]
        courses.append(Course(tuple(builder.doses), builder.start, until, outcome, why, doubtful))
    return courses, unsure


def unexplained(courses: Sequence[Course], progressions: Sequence[Evidence], pause: int) -> tuple[Evidence, ...]:
    """Give two progressions that may be further apart than a pause with no therapy between, so that some may be missing.

    One without a date may be apart from any other; one of the two may be undecided.
    """
    dated = sorted((own for own in progressions if own.date is not None), key=lambda own: own.date or ())
    reach = Reach(dose for course in courses for dose in course.doses)
    began = min((course.start for course in courses), default=None)
    for earlier, later in pairwise(dated):
        assert earlier.date is not None
        assert later.date is not None
        treated = reach.before(later.date) > earlier.date.first
        before = began is not None and began < earlier.date
        told = earlier.value != UNDECIDED or later.value != UNDECIDED
        if told and before and not treated and later.date.first - earlier.date.last > pause:
            return earlier, later
    undated = [own for own in progressions if own.date is None]
    told = any(own.value != UNDECIDED for own in progressions)
    return (dated[-1], undated[0]) if told and courses and dated and undated else ()


def group(doses: Iterable[Dose], periods: Mapping[str, int]) -> list[list[Dose]] | None:
    """Group doses, in the order of their dates, as they belong to courses; None where that cannot be told by their dates."""
    courses, unsure = build_courses(doses, (), 0, periods, Endings(None, None, frozenset()))
    return None if unsure else [list(begun(number, courses)) for number in range(len(courses))]


def begun(number: int, courses: Sequence[Course]) -> tuple[Dose, ...]:
    """Give the doses of one of the courses that are not carried on from the one before."""
    carried = {*courses[number - 1].doses} if number else set()
    return tuple(dose for dose in courses[number].doses if dose not in carried)


def taken_alone(number: int, courses: Sequence[Course], endings: Endings) -> Course:
    """Give one of the courses without the doses that are carried on into it.

    Its outcome is None where nothing but doses that belong to another course as well may say it.
    """
    own, doses = courses[number], begun(number, courses)
    shared = {*own.doses} - {*doses} or (number + 1 < len(courses) and not {*doses}.isdisjoint(courses[number + 1].doses))
    known = not own.doubtful and (own.outcome in endings.by_disease or not shared)
    return own._replace(doses=doses, outcome=own.outcome if known else None)
