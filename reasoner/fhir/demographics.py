"""Age and sex: what the Patient resource says, at the latest day that the chart tells of."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from reasoner.compiler.intervals import passed_cuts
from reasoner.fhir.dates import PartialDate, first_date, parse_date
from reasoner.fhir.provenance import Provenance, unique
from reasoner.fhir.resources import DAYS, PERIODS, WRITTEN, Resource

if TYPE_CHECKING:
    from reasoner.fhir.findings import FindingFacts
    from reasoner.fhir.tables import FactMapping

__all__ = ["age", "latest_day", "sex"]

UNTRUE = {
    "cancelled", "declined", "draft", "entered-in-error", "intended", "not-done", "not-taken", "planned", "preparation",
    "proposed", "registered",
}  # fmt: skip
"""Statuses of what has not happened, so that its date may be one to come."""
HAPPENED = {
    "active", "amended", "arrived", "completed", "corrected", "current", "final", "finished", "in-progress", "on-hold",
    "partial", "stopped", "triaged",
}  # fmt: skip
WITHOUT_STATUS = {"AdverseEvent", "AllergyIntolerance", "Condition"}
MOMENTS = ("effectiveInstant", "issued", "authoredOn", "whenHandedOver")
CODE = "administrative-gender"
FIELDS = {"birthDate": "fhir_birth_date", "gender": "fhir_gender"}


def latest_day(resources: Iterable[tuple[Resource, bool]]) -> PartialDate | None:
    """Give the latest day that resources tell of, as far as it is known; what is only planned, and ends, may be to come.

    One that is `doubted`, or has another status, may tell of it or not. None where they tell of none for certain, or of one
    that cannot be read.
    """
    sure: list[PartialDate] = []
    open_: list[PartialDate] = []
    for resource, doubted in resources:
        happened = resource.status in HAPPENED or (resource.status is None and resource.resourceType in WITHOUT_STATUS)
        for text in days_of(resource):
            own = parse_date(text)
            if own is None:
                return None
            (sure if happened and not doubted else open_).append(own)
    if not sure:
        return None
    return PartialDate(max(own.first for own in sure), max(own.last for own in (*sure, *open_)))


def days_of(resource: Resource) -> Iterator[str]:
    """Yield the days, as they are written, on which something that a resource tells had happened, or was written down."""
    if resource.status in UNTRUE:
        return
    fields = (*WRITTEN, *MOMENTS) if resource.intent is not None else (*DAYS, *MOMENTS)
    periods = () if resource.intent is not None else (getattr(resource, name) for name in PERIODS)
    texts = [*(getattr(resource, name) for name in fields), *(own.start for own in periods if own is not None)]
    yield from filter(None, texts)


def age(reader: FindingFacts, mapping: FactMapping) -> None:
    """Read the age at the latest day in the chart, or at death, in whole units."""
    say, (unit,) = reader.model.say, mapping.of
    born = {found for _, own in reader.chart.patients if (found := parse_date(own.birthDate)) is not None}
    sources = sources_of(reader, "birthDate")
    today = last_day_alive(reader)
    if not born:
        reader.leave_open(mapping.fact, say("fhir_not_born"), sources)
    elif len(born) > 1:
        dates = say("and").join(sorted(map(str, born)))
        reader.leave_open(mapping.fact, say("fhir_born_twice", dates), sources)
    elif today is None:
        reader.leave_open(mapping.fact, say("fhir_no_day"), sources)
    else:
        birth = born.pop()
        low, high = elapsed(birth.last, today.first, unit), elapsed(birth.first, today.last, unit)
        fact = reader.fact(mapping.fact)
        if low < 0:
            reader.leave_open(mapping.fact, say("fhir_born_later", str(birth), str(today)), sources)
        elif low == high or (passed_cuts(low, fact.cuts) == passed_cuts(high, fact.cuts) and reader.is_compared(fact)):
            if not reader.within_range(mapping.fact, low, mapping.fact, sources):
                return
            reader.record[mapping.fact] = low
            reader.sources[mapping.fact] = sources
            least, most, day = str(low), str(high), str(today)
            between = say("fhir_age_between", mapping.fact, least, day, most)
            told = say("fhir_age_at", mapping.fact, least, day) if low == high else between
            reader.assumed.append((mapping.fact, told))
        else:
            reader.leave_open(mapping.fact, say("fhir_age_open", str(low), str(high), str(birth), str(today)), sources)


def last_day_alive(reader: FindingFacts) -> PartialDate | None:
    """Give the latest day in the chart, or the day of death where that is earlier; None where it is not known."""
    today = reader.chart.latest_day
    for _, own in reader.chart.patients:
        if own.deceasedDateTime:
            died = first_date(own.deceasedDateTime)
            today = died if died is None or today is None else PartialDate(*map(min, died, today))
            if died is None:
                return None
    return today


def elapsed(start: int, end: int, unit: str) -> int:
    """Count the whole years, months or days from one day to another; a birthday on 29 February is on the last then."""
    if unit == "days":
        return end - start
    first, last = date.fromordinal(start), date.fromordinal(end)
    months = (last.year - first.year) * 12 + last.month - first.month
    months -= last.day < min(first.day, monthrange(last.year, last.month)[1])
    return months // 12 if unit == "years" else months


def sex(reader: FindingFacts, mapping: FactMapping) -> None:
    """Read what the administrative gender says by a set of values; one that the set has not leaves the fact unknown."""
    say, tables = reader.model.say, reader.chart.tables
    told = [own.gender.strip().lower() for _, own in reader.chart.patients if own.gender and own.gender.strip()]
    sources = sources_of(reader, "gender")
    said = {code: tables.sets.value_of(mapping.of[0], CODE, code) for code in told}
    values = {value for value in said.values() if value is not None}
    if len(values) == 1 and None not in said.values() and (value := values.pop()) != "undecided":
        reader.set_value(mapping.fact, value, sources)
    elif told:
        reader.leave_open(mapping.fact, say("fhir_sex_open", say("and").join(dict.fromkeys(told))), sources)
    else:
        reader.leave_open(mapping.fact, say("fhir_no_sex"), sources)


def sources_of(reader: FindingFacts, field: str) -> Sequence[Provenance]:
    """Cite a field of the Patient resources that have it."""
    own = [(name, getattr(resource, field)) for name, resource in reader.chart.patients]
    return unique(Provenance(name, display=reader.model.say(FIELDS[field], value)) for name, value in own if value)
