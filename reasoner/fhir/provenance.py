"""Where something was read: the resource, the code that was read there, and the date."""

from __future__ import annotations

from collections.abc import Iterable

from reasoner.errors import printable
from reasoner.fhir.dates import PartialDate
from reasoner.fhir.elements import NO_CODING, Coding, Concept
from reasoner.fhir.systems import system_of
from reasoner.records.shapes import Shape

__all__ = ["Located", "Provenance", "provenance_of", "shortened", "unique"]

LONGEST = 120


class Located:
    """Writes the fields of a provenance in one line."""

    __slots__ = ()
    resource: str
    system: str
    code: str
    display: str
    date: str

    def __str__(self) -> str:
        parts = (self.resource, f"{system_of(self.system)} {self.code}".strip(), self.display, self.date)
        return ", ".join(shortened(part) for part in parts if part)


class Provenance(Located, Shape, frozen=True, order=True, omit_defaults=True, cache_hash=True):
    """The resource (``Observation/her2``) and the code read in it, as displayed there; what it lacks is empty."""

    resource: str
    system: str = ""
    code: str = ""
    display: str = ""
    date: str = ""


def shortened(text: str) -> str:
    """Make a text of a chart no longer than a line or two, and harmless to show."""
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}")


def provenance_of(
    resource: str, coding: Coding | None, concept: Concept | None, date: PartialDate | str | None
) -> Provenance:
    """Give the provenance of what a coding of a concept says; the concept's text stands in for a missing display."""
    if coding is None:
        coding = NO_CODING
    display = coding.display or (concept.text if concept is not None else "")
    return Provenance(resource, coding.system or "", coding.code or "", display or "", "" if date is None else str(date))


def unique(sources: Iterable[Provenance]) -> tuple[Provenance, ...]:
    """Drop repeated sources, and keep the order."""
    return tuple(dict.fromkeys(sources))
