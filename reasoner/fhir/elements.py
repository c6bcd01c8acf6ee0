"""FHIR's data types as far as they are read; fields are named as FHIR names them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = [
    "NO_CODING",
    "Annotation",
    "CodeableReference",
    "Coding",
    "Concept",
    "Extension",
    "HumanName",
    "Identifier",
    "Meta",
    "Narrative",
    "Period",
    "Quantity",
    "Range",
    "Reference",
    "as_list",
    "first_code",
    "texts_of",
]


class Coding(msgspec.Struct, gc=False):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None
    extension: list[Extension | None] | None = None


NO_CODING = Coding()


class Concept(msgspec.Struct, gc=False):
    """A concept: codings that mean the same, and a text."""

    coding: list[Coding | None] | None = None
    text: str | None = None

    def codings(self) -> Sequence[Coding]:
        """Give the codings that are there."""
        return [coding for coding in self.coding if coding is not None] if self.coding else ()

    def first(self) -> Coding | None:
        """Give the first coding; None where there is none."""
        for coding in self.coding or ():
            if coding is not None:
                return coding
        return None


class Identifier(msgspec.Struct, gc=False):
    """A name that a system gives something."""

    system: str | None = None
    value: str | int | None = None


class Reference(msgspec.Struct, gc=False):
    """A reference to another resource."""

    reference: str | None = None
    type: str | None = None
    display: str | None = None
    identifier: Identifier | None = None


class HumanName(msgspec.Struct, gc=False):
    """A name of a person; in DSTU2, family names are a list."""

    family: list[str | None] | str | None = None
    given: list[str | None] | str | None = None


class Quantity(msgspec.Struct, gc=False):
    """A measured amount in a unit, of UCUM where `code` is given."""

    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    code: str | None = None


class Range(msgspec.Struct, gc=False):
    """An amount between two others."""

    low: Quantity | None = None
    high: Quantity | None = None


class Period(msgspec.Struct, gc=False):
    """An interval of time."""

    start: str | None = None
    end: str | None = None


class Extension(msgspec.Struct, gc=False):
    """An extension; of its values, dates, codings, concepts and references are read."""

    url: str | None = None
    valueDateTime: str | None = None  # noqa: N815 (FHIR's name, and below)
    valueCoding: Coding | None = None  # noqa: N815
    valueCodeableConcept: Concept | None = None  # noqa: N815
    valueReference: Reference | None = None  # noqa: N815


class Annotation(msgspec.Struct, gc=False):
    """A note."""

    text: str | None = None


class CodeableReference(msgspec.Struct, gc=False):
    """A concept or a reference, as R5 has them."""

    concept: Concept | None = None
    reference: Reference | None = None


class Narrative(msgspec.Struct, gc=False):
    """A text with its marks."""

    div: str | None = None


class Meta(msgspec.Struct, gc=False):
    """Which version of a resource this is, and when it came about."""

    versionId: str | int | None = None  # noqa: N815 (FHIR's name, and below)
    lastUpdated: str | None = None  # noqa: N815


def as_list(concepts: list[Concept] | Concept | None) -> list[Concept]:
    """Give the concepts of a field that is a list in some resources and not in others."""
    return concepts if isinstance(concepts, list) else [] if concepts is None else [concepts]


def first_code(concept: Concept | str | None) -> str | None:
    """Give the code of a status in lower case, or its text; None where it has neither."""
    if isinstance(concept, str):
        return concept.lower() or None
    code = next((coding.code for coding in concept.codings() if coding.code), concept.text) if concept else None
    return code.lower() if code else None


def texts_of(concept: Concept) -> list[str]:
    """Give the texts of a concept and of its codings."""
    return [text for text in (concept.text, *[coding.display for coding in concept.codings()]) if text]
