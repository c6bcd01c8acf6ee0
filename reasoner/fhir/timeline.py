"""The timeline of a chart: what was read and what was not, by date, and where a picture of it draws each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any

from reasoner.fhir.dates import PartialDate, parse_date
from reasoner.fhir.provenance import Provenance
from reasoner.records.shapes import Shape, one_of

__all__ = ["Axis", "Day", "DrugGiven", "Tick", "Timeline", "TimelineEvent", "axis_of"]

LONG_GAP = 730
FOLDED = 180
SHORT = 600
LETTER = 0.043
AT_END = 0.85
YEAR = 4


class Day(Shape, frozen=True, omit_defaults=True):
    """A date as far as it is known: the first and the last day it can be, or only the last one."""

    last: str
    first: str = ""

    @property
    def date(self) -> PartialDate:
        """The date that this is."""
        first, last = (parse_date(text) for text in (self.first, self.last))
        assert last is not None
        return PartialDate(first.first if first else 0, last.last)


class DrugGiven(Shape, frozen=True, omit_defaults=True):
    """A drug of a therapy: its name and its label, when it was given, and in how many resources that is told.

    `at` is the part of the axis that it takes, from 0 to 1.
    """

    drug: str
    label: str
    when: str
    count: int
    at: tuple[float, float]
    ongoing: bool = False


class TimelineEvent(Shape, frozen=True, omit_defaults=True):
    """Something that the chart tells at a time, or over one.

    A "diagnosis" and a "result" say something of a finding, "disease" how the disease went; "therapy" was given; what
    is "unclear" may be one of these, and "not_read" is without consequence. `words` say what it is, `when` the dates, `why`
    what keeps it from being certain or read. `certainty` is "told", "assumed" where a convention completes what is told, or
    "open". `places` are where the record has it, `facts` those that it bears on; `course` is what a record can have of a
    therapy that has no place, null for what is not told. `count` resources tell it, of which
    `sources` are the first and the last; `at` is the part of the axis that it takes, from 0 to 1.
    """

    kind: Annotated[str, one_of("diagnosis", "result", "disease", "therapy", "unclear", "not_read")]
    words: str
    when: str
    certainty: Annotated[str, one_of("told", "assumed", "open")]
    sources: tuple[Provenance, ...]
    finding: str = ""
    value: str | float | None = None
    outcome: str = ""
    start: Day | None = None
    end: Day | None = None
    ongoing: bool = False
    drugs: tuple[DrugGiven, ...] = ()
    why: str = ""
    places: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    course: dict[str, Any] | None = None
    count: int = 1
    at: tuple[float, float] | None = None


class Tick(Shape, frozen=True):
    """A year, or a month, at its place on the axis; its label is empty where there is no room for it."""

    label: str
    at: float


class Timeline(Shape, frozen=True):
    """All events by their dates, those without one last; `ticks` and `gaps`, time left out, are places on the axis."""

    events: tuple[TimelineEvent, ...]
    ticks: tuple[Tick, ...]
    gaps: tuple[float, ...]


class Axis:
    """Where days lie on an axis from 0 to 1, on which long times without any of them are folded."""

    def __init__(self, days: Iterable[int]) -> None:
        self.days = sorted({day for day in days if day > 0})
        lengths = [FOLDED if later - earlier > LONG_GAP else later - earlier for earlier, later in pairwise(self.days)]
        whole = sum(lengths) or 1
        self.places = {day: round(sum_ / whole, 4) for day, sum_ in zip(self.days, running(lengths), strict=False)}
        if len(self.days) == 1:
            self.places = dict.fromkeys(self.days, 0.5)

    def between(self, first: int, last: int) -> tuple[float, float]:
        """Give the part of the axis from one of its days to another; from its beginning where the first is not known."""
        return (self.places[first] if first > 0 else 0.0), self.places[last]

    def gaps(self) -> tuple[float, ...]:
        """Give the middle of each time that is folded."""
        return tuple(
            round((self.places[earlier] + self.places[later]) / 2, 4)
            for earlier, later in pairwise(self.days)
            if later - earlier > LONG_GAP
        )

    def ticks(self) -> tuple[Tick, ...]:
        """Give the dates that stand at the axis: all years, with labels that do not crowd, and months between them."""
        found: list[tuple[float, Tick]] = []
        for label, at in sorted(self.labels(), key=lambda own: (len(own[0]), own[1])):
            width = LETTER * len(label)
            start = at - width if at > AT_END else at
            free = all(start + width <= other or other + LETTER * len(tick.label) <= start for other, tick in found)
            if free or len(label) == YEAR:
                found.append((start, Tick(label if free else "", round(at, 4))))
        return tuple(sorted((tick for _, tick in found), key=lambda tick: tick.at))

    def labels(self) -> Iterator[tuple[str, float]]:
        """Yield where the axis begins, and the years that begin on it; on a short axis the quarters."""
        months = (1, 4, 7, 10) if self.days and self.days[-1] - self.days[0] < SHORT else (1,)
        if self.days:
            yield str(date.fromordinal(self.days[0]).year), self.places[self.days[0]]
        for earlier, later in pairwise(self.days):
            here, there = self.places[earlier], self.places[later]
            first, last = date.fromordinal(earlier), date.fromordinal(later)
            if later - earlier > LONG_GAP:
                yield str(last.year), there
                continue
            begins = (date(year, month, 1) for year in range(first.year, last.year + 1) for month in months)
            for day in begins:
                if first < day <= last:
                    label = str(day.year) if day.month == 1 else f"{day.year}-{day.month:02}"
                    yield label, here + (day.toordinal() - earlier) / (later - earlier) * (there - here)


def running(lengths: Sequence[int]) -> Iterator[int]:
    """Yield 0 and the sums of the first lengths."""
    whole = 0
    yield whole
    for length in lengths:
        whole += length
        yield whole


def axis_of(dates: Iterable[PartialDate | None]) -> Axis:
    """Make the axis of dates."""
    return Axis(day for own in dates if own is not None for day in own)
