"""When diagnoses began, as far as that is told: by a date, a period, an age or a text; and whether they have ended."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

from reasoner.fhir.dates import PartialDate, bound_above, first_date, parse_date, spanned
from reasoner.fhir.elements import Period, Quantity, first_code
from reasoner.fhir.resources import ABATEMENTS, Resource

__all__ = ["ACTIVE", "AGAIN", "ENDED", "onset_of", "period_of", "whether_active"]

ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
YEARS = {"a", "yr", "years", "year", "jahre", "jahr"}
MOST_YEARS = 150
AGAIN = {"recurrence", "relapse"}
ACTIVE = {"active", *AGAIN}
ENDED = {"inactive", "remission", "resolved"}
IN_TEXT = re.compile(r"(?:(?P<day>\d{1,2})\.)?(?P<month>\d{1,2})[./](?P<year>\d{4})")


def onset_of(resource: Resource, born: PartialDate | None) -> PartialDate | None:
    """Give the days between which a diagnosis began.

    An age counts from the date of birth. That it was recorded on a date, or that its onset ended then, says that it was
    there by then; a text counts where it is nothing but a date of which the day and the month cannot be confused.
    """
    asserted = (e.valueDateTime for e in resource.extension or () if e.url == ASSERTED)
    recorded = bound_above(parse_date(resource.recordedDate))
    told = (
        first_date(resource.onsetDateTime)
        or period_of(resource.onsetPeriod)
        or aged(resource, born)
        or (written(resource.onsetString) if resource.onsetString else None)
        or first_date(*asserted)
    )
    if told is None or recorded is None or not told.first <= recorded.last < told.last:
        return told or recorded
    return PartialDate(told.first, recorded.last)


def aged(resource: Resource, born: PartialDate | None) -> PartialDate | None:
    """Give the days on which the patient was of the age, or between the ages, of the onset."""
    within = resource.onsetRange
    low, high = (within.low, within.high) if within is not None else (resource.onsetAge, resource.onsetAge)
    first, last = years(low), years(high)
    if born is None or first is None or last is None or first > last:
        return None
    return PartialDate(birthday(born.first, first), birthday(born.last, last + 1) - 1)


def years(age: Quantity | None) -> int | None:
    """Give the whole years of an age; None where it is told in another unit, or not exactly."""
    if age is None or age.value is None or age.comparator is not None or not 0 <= age.value <= MOST_YEARS:
        return None
    return int(age.value) if (age.code or age.unit or "").lower() in YEARS else None


def birthday(born: int, age: int) -> int:
    """Give the day on which somebody born on a day reaches an age."""
    day = date.fromordinal(born)
    year = min(day.year + age, date.max.year)
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1])).toordinal()


def written(text: str) -> PartialDate | None:
    """Read a text that is nothing but a date: as FHIR writes it, with the day before the month and points, or a month."""
    found = IN_TEXT.fullmatch(text.strip())
    if found is None:
        return parse_date(text.strip())
    day = f"-{int(found['day']):02}" if found["day"] else ""
    if day and "/" in text:
        return None
    return parse_date(f"{found['year']}-{int(found['month']):02}{day}")


def whether_active(resource: Resource) -> tuple[bool | None, PartialDate | None]:
    """Tell whether a diagnosis is there now, by its status and its end, or neither, and when it ended."""
    until = first_date(resource.abatementDateTime) or period_of(resource.abatementPeriod)
    ended = any(getattr(resource, field) not in (None, False) for field in ABATEMENTS)
    clinical = first_code(resource.clinicalStatus)
    if clinical in ENDED or (clinical is None and ended):
        return False, until
    return (True if clinical in ACTIVE and not ended else None), until


def period_of(period: Period | None) -> PartialDate | None:
    """Give the days from the start of a period to its end as one date."""
    return None if period is None else spanned(first_date(period.start), first_date(period.end))
