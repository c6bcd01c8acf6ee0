"""Dates of FHIR: to the year, the month or the day; what is finer is not read."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from functools import lru_cache
from typing import NamedTuple

__all__ = ["When", "months", "when"]

DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T.*)?)?)?", re.ASCII | re.DOTALL)


class When(NamedTuple):
    """A date as far as it is known: the first and the last day that it can be, as `date.toordinal` counts them."""

    first: int
    last: int

    def __str__(self) -> str:
        """Write the date as exactly as it is known."""
        start, end = date.fromordinal(self.first), date.fromordinal(self.last)
        if self.first == self.last:
            return start.isoformat()
        if (start.year, start.month) == (end.year, end.month):
            return f"{start.year:04}-{start.month:02}"
        return f"{start.year:04}"


@lru_cache(maxsize=2**14)
def when(text: str | None) -> When | None:
    """Read a FHIR date or date and time; None for what is none."""
    found = DATE.fullmatch(text) if text else None
    if found is None:
        return None
    year, month, day = found.groups()
    try:
        if day:
            exact = date(int(year), int(month), int(day)).toordinal()
            return When(exact, exact)
        first, last = (int(month), int(month)) if month else (1, 12)
        return When(date(int(year), first, 1).toordinal(), date(int(year), last, monthrange(int(year), last)[1]).toordinal())
    except ValueError:
        return None


def months(start: int, end: int) -> float:
    """Count the months from one day to another, by the calendar: the same day of the next month is 1."""
    first, last = date.fromordinal(start), date.fromordinal(end)
    whole = (last.year - first.year) * 12 + last.month - first.month
    day = min(first.day, monthrange(last.year, last.month)[1])
    return round(whole + (last.day - day) / monthrange(last.year, last.month)[1], 2)
