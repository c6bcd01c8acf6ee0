"""What was read of one patient: a record, where each fact of it was read, and what stays open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reasoner.fhir.findings import Source

__all__ = ["Contradiction", "Reading", "Undecided", "some"]

SCHEMA = "reasoner.facts/1"


def some(sources: Sequence[Source]) -> str:
    """Name the first sources, and count the others."""
    return "; ".join([*map(str, sources[:3]), *([f"and {len(sources) - 3} more"] if len(sources) > 3 else [])])


class Undecided(NamedTuple):
    """A fact that the resources speak of and do not decide."""

    fact: str
    why: str
    sources: tuple[Source, ...]

    def to_dict(self) -> dict[str, object]:
        return {"fact": self.fact, "why": self.why, "sources": [source.to_dict() for source in self.sources]}


class Contradiction(NamedTuple):
    """A fact of which resources say different things; each value with where it is said."""

    fact: str
    sides: tuple[tuple[str, Source], ...]

    def to_dict(self) -> dict[str, object]:
        return {"fact": self.fact, "sides": [{"value": value, **source.to_dict()} for value, source in self.sides]}


class Reading(NamedTuple):
    """What was read from FHIR resources: a record, and how it came about.

    `sources` gives for each fact, such as ``her2``, ``adjuvant_drugs[trastuzumab]`` or ``metastatic_therapy[0].outcome``,
    where it was read. What `undecided` and `contradictions` name is unknown in the record; a course whose outcome is not
    told has the outcome None. `assumed` is what was read from silence, `unmapped` what no table knows or what does not
    count, `unreadable` what is not read.
    """

    record: dict[str, object]
    sources: dict[str, tuple[Source, ...]]
    undecided: tuple[Undecided, ...]
    contradictions: tuple[Contradiction, ...]
    assumed: tuple[str, ...]
    unmapped: tuple[tuple[Source, str], ...]
    unreadable: tuple[str, ...]
    tables: str

    def words(self) -> dict[str, tuple[str, ...]]:
        """Word where each fact was read."""
        return {fact: tuple(map(str, sources)) for fact, sources in self.sources.items()}

    def remarks(self) -> Iterator[str]:
        """Yield what a reader of the answer has to know: what contradicts itself, is undecided, or was read from silence."""
        for entry in self.contradictions:
            sides = "; ".join(f"{value} ({source})" for value, source in dict(entry.sides).items())
            yield f"{entry.fact}: the record contradicts itself, so it is left open: {sides}."
        for undecided in self.undecided:
            sources = f" ({some(undecided.sources)})" if undecided.sources else ""
            yield f"{undecided.fact}: left open: {undecided.why}{sources}."
        yield from (f"{text}." for text in self.assumed)
        if self.unreadable:
            yield f"Of {len(self.unreadable)} resources something is not read: {'; '.join(self.unreadable[:3])}."

    def report(self) -> Iterator[str]:
        """Yield lines that say where each fact was read, and all that was not read or left open."""
        for fact, sources in self.sources.items():
            for source in sources:
                yield f"{fact}: {source}"
        yield from self.remarks()
        for source, why in self.unmapped:
            yield f"not read: {source}: {why}"

    def explain(self, problem: str) -> str:
        """Add to what keeps the record from being answered what the resources say of it, and the next step."""
        said = [f"{entry.why} ({some(entry.sources)})" for entry in self.undecided if entry.fact in problem]
        told = f" In the FHIR resources: {' '.join(dict.fromkeys(said))}." if said else ""
        return f"{problem}.{told} Complete the record that reasoner facts prints, and answer that."

    def to_dict(self) -> dict[str, object]:
        """Give the reading as the JSON object of schema ``reasoner.facts/1``."""
        return {
            "schema": SCHEMA,
            "record": self.record,
            "sources": [{"fact": fact, **source.to_dict()} for fact, sources in self.sources.items() for source in sources],
            "undecided": [entry.to_dict() for entry in self.undecided],
            "contradictions": [entry.to_dict() for entry in self.contradictions],
            "assumed": list(self.assumed),
            "unmapped": [{**source.to_dict(), "why": why} for source, why in self.unmapped],
            "unreadable": list(self.unreadable),
            "tables": self.tables,
        }
