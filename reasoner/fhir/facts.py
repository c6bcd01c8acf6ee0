"""The facts read from a patient's chart: a record, where each fact of it was read, and what stays unknown."""

from __future__ import annotations

from typing import Any

from reasoner.fhir.provenance import Located, Provenance
from reasoner.records.shapes import Shape

__all__ = ["ChartFacts", "Contradiction", "FactSource", "Side", "Undecided", "Unmapped"]


class FactSource(Located, Shape, frozen=True, omit_defaults=True):
    """Where a fact was read; `fact` is a place in the record, such as ``metastatic_therapy[0].drugs[docetaxel]``."""

    fact: str
    resource: str
    system: str = ""
    code: str = ""
    display: str = ""
    date: str = ""


class Undecided(Shape, frozen=True):
    """A fact that resources speak of without deciding it, and why."""

    fact: str
    why: str
    sources: tuple[Provenance, ...]


class Side(Located, Shape, frozen=True, omit_defaults=True):
    """A value that a resource gives for a fact on which the chart contradicts itself."""

    value: str
    resource: str
    system: str = ""
    code: str = ""
    display: str = ""
    date: str = ""


class Contradiction(Shape, frozen=True):
    """A fact to which resources give different values."""

    fact: str
    sides: tuple[Side, ...]


class Unmapped(Provenance, frozen=True, kw_only=True):
    """What was read without consequence, and why: no table has it, or it does not count."""

    why: str


class ChartFacts(Shape, frozen=True, tag_field="schema", tag="reasoner.facts/1"):
    """What was read from a patient's chart, the JSON object of schema ``reasoner.facts/1``.

    What `undecided` and `contradictions` name is unknown in the record; a course whose outcome nothing says has the
    outcome None. `assumed` is what was concluded from silence, `unreadable` what could not be read; `tables` is the digest
    of the tables.
    """

    record: dict[str, Any]
    sources: tuple[FactSource, ...]
    undecided: tuple[Undecided, ...]
    contradictions: tuple[Contradiction, ...]
    assumed: tuple[str, ...]
    unmapped: tuple[Unmapped, ...]
    unreadable: tuple[str, ...]
    tables: str
