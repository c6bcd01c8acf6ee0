"""Dates of FHIR, which may give no more than the year or the month; times of day are not read."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

__all__ = ["PartialDate", "bound_above", "days_between", "first_date", "instant", "months_between", "parse_date", "spanned"]

MONTH = 31
DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T.*)?)?)?", re.ASCII | re.DOTALL)


class PartialDate(NamedTuple):
    """A date as far as it is known: the first and the last day it can be, as `date.toordinal` counts them.

    A first day of 0 says that only the last one is known.
    """

    first: int
    last: int

    def __str__(self) -> str:
        """Write the date as exactly as it is known."""
        return written(self.first, self.last)


@lru_cache(maxsize=2**14)
def parse_date(text: str | None) -> PartialDate | None:
    """Parse a FHIR date or date and time; None where the text is neither."""
    found = DATE.fullmatch(text) if text else None
    if found is None:
        return None
    year, month, day = found.groups()
    try:
        if day:
            exact = date(int(year), int(month), int(day)).toordinal()
            return PartialDate(exact, exact)
        first, last = (int(month), int(month)) if month else (1, 12)
        end = date(int(year), last, monthrange(int(year), last)[1])
        return PartialDate(date(int(year), first, 1).toordinal(), end.toordinal())
    except ValueError:
        return None


@lru_cache(maxsize=2**14)
def instant(text: str | None) -> float | None:
    """Give the seconds from 1970 until a FHIR date and time; None where it does not tell the time and its zone."""
    try:
        found = datetime.fromisoformat(text) if text else None
        return None if found is None or found.tzinfo is None else found.timestamp()
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=2**14)
def written(first: int, last: int) -> str:
    """Write a date as exactly as it is known; what is neither a day, a month nor a year as its first and last day."""
    start, end = date.fromordinal(first or last), date.fromordinal(last)
    if start == end:
        return start.isoformat()
    if start.day == 1 and end == date(end.year, end.month, monthrange(end.year, end.month)[1]):
        if (start.year, start.month) == (end.year, end.month):
            return f"{start.year:04}-{start.month:02}"
        if (start.year, start.month, end.month) == (end.year, 1, 12):
            return f"{start.year:04}"
    return f"{start.isoformat()}/{end.isoformat()}"


def bound_above(found: PartialDate | None) -> PartialDate | None:
    """Say of what was recorded on a date that it came about then or at any time before."""
    return None if found is None else PartialDate(0, found.last)


def spanned(start: PartialDate | None, end: PartialDate | None) -> PartialDate | None:
    """Give the days from one date to another as one date; where there is no start, only the last day is known."""
    if start is None or end is None:
        return start or bound_above(end)
    return PartialDate(start.first, max(start.last, end.last))


def days_between(start: PartialDate, end: PartialDate) -> PartialDate:
    """Give the fewest and the most days from one date to another; what is dated to the same month is of one day."""
    if start == end and start.last - start.first < MONTH:
        return PartialDate(0, 0)
    return PartialDate(end.first - start.last, end.last - start.first)


def first_date(*texts: str | None) -> PartialDate | None:
    """Parse the first of the texts that is a date."""
    for text in texts:
        if text is not None and (found := parse_date(text)) is not None:
            return found
    return None


def months_between(start: int, end: int) -> float:
    """Count the months from one day to another by the calendar: the same day of the next month is 1."""
    first, last = date.fromordinal(start), date.fromordinal(end)
    whole = (last.year - first.year) * 12 + last.month - first.month
    day = min(first.day, monthrange(last.year, last.month)[1])
    return round(whole + (last.day - day) / monthrange(last.year, last.month)[1], 2)
