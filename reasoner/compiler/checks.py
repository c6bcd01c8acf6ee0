"""What a guideline is refused for, each with file and line: unexplainable rules, undeclared names, gaps in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import clingo

from reasoner.compiler.declarations import check_declared
from reasoner.compiler.kinds import check_kinds
from reasoner.compiler.model import Annotation, Rule
from reasoner.compiler.sources import MASTER, SourceFile, place_name
from reasoner.compiler.syntax import PlacedTerm, SyntaxTree
from reasoner.compiler.value_checks import check_doses, check_thresholds, check_typical
from reasoner.compiler.variables import DEFAULT_ALTERNATIVE
from reasoner.compiler.vocabulary import Predicate
from reasoner.errors import GuidelineError, nearest

__all__ = ["Written", "check"]

CONSTANT = re.compile(r'[a-z]\w*|-?\d+|"(?:[^"\\]|\\.)*"')


@lru_cache(maxsize=2**14)
def quoted(symbol: clingo.Symbol) -> str:
    """Give a symbol as clingo writes it."""
    return str(symbol)


class PlacedRow(NamedTuple):
    """A fact of the catalogue as text, and the ``file:line`` of what gives it."""

    term: str
    place: str


@dataclass(frozen=True)
class Written:
    """What was read of a guideline: all atoms as written, those of the catalogue's heads, and what they were read into."""

    atoms: Sequence[PlacedTerm]
    heads: Sequence[PlacedTerm]
    predicates: Mapping[str, Predicate]
    catalogue: Mapping[str, Sequence[tuple[clingo.Symbol, ...]]]
    rules: Sequence[Rule]
    annotations: Mapping[str, Annotation]
    shared: Collection[str]
    """The names of the core's own predicates."""

    def rows(self, name: str) -> list[tuple[str, ...]]:
        """Give the facts of a predicate of the catalogue, their arguments as text."""
        return self.texts.get(name, [])

    @cached_property
    def texts(self) -> dict[str, list[tuple[str, ...]]]:
        """The facts of the catalogue, by predicate, their arguments as text."""
        return {name: [tuple(map(quoted, row)) for row in rows] for name, rows in self.catalogue.items()}

    def grouped(self, *names: str, key: int = 0, value: int = -1) -> dict[str, list[str]]:
        """Group an argument of the facts of predicates by another."""
        found: dict[str, list[str]] = {}
        for name in names:
            for row in self.rows(name):
                found.setdefault(row[key], []).append(row[value])
        return found

    def placed(self, name: str) -> Iterator[tuple[PlacedRow, list[str]]]:
        """Yield the facts of a predicate of the catalogue, with their arguments as text."""
        for row in self.rows(name):
            term = f"{name}({','.join(row)})" if row else name
            yield PlacedRow(term, self.place_of(name, term, row)), list(row)

    def place_of(self, name: str, term: str, row: Sequence[str]) -> str:
        """Find where a fact of the catalogue is written, or a rule that gives it."""
        if term in self.facts_at:
            return self.facts_at[term]
        for head in self.heads_of.get(name, ()):
            arguments = zip(map(str, head.arguments), row, strict=False)
            if all(value == found or not CONSTANT.fullmatch(found) for found, value in arguments):
                return head.place
        return MASTER

    @cached_property
    def facts_at(self) -> dict[str, str]:
        """The places of the facts that are written as they are."""
        found: dict[str, str] = {}
        for head in self.heads:
            found.setdefault(head.text, head.place)
        return found

    @cached_property
    def heads_of(self) -> dict[str, list[PlacedTerm]]:
        """The heads of the catalogue, by predicate."""
        found: dict[str, list[PlacedTerm]] = {}
        for head in self.heads:
            found.setdefault(head.name, []).append(head)
        return found


def check(written: Written, trees: Sequence[SyntaxTree], overlays: Sequence[SourceFile]) -> None:
    """Check what the whole guideline says, in its rules `trees`, against what it declares."""
    check_thresholds(written)
    check_declared(written)
    check_typical(written)
    check_kinds(written, trees)
    check_members(written)
    check_decisions(written)
    check_doses(written)
    check_evidence(written)
    check_readings(written)
    check_overlays(written, overlays)


def check_readings(written: Written) -> None:
    """Check that the alternatives of readings are declared, and that only those are asked for."""
    declared = {(reading, name) for reading, name in written.rows("alternative")}
    for annotation in written.annotations.values():
        reading, _, name = annotation.id.partition("=")
        if annotation.kind == "alternative" and (reading.lower(), name) not in declared:
            raise GuidelineError(
                f"{annotation.place}: {annotation.id}: write alternative({reading.lower()}, {name}). under it."
            )
    for (term, here), (reading, name) in written.placed("alternative"):
        if f"{reading}={name}" not in {other.lower() for other in written.annotations}:
            raise GuidelineError(
                f"{here}: {term}: no annotation says what it is; write @alternative {reading.upper()}={name}."
            )
    with_default = declared | {(reading, DEFAULT_ALTERNATIVE) for reading, _ in declared}
    for atom in written.atoms:
        if atom.name == "reading" and tuple(map(str, atom.arguments)) not in with_default:
            allowed = ", ".join(f"reading({reading}, {name})" for reading, name in sorted(with_default))
            raise GuidelineError(
                f"{atom.place}: {atom} is never so; allowed: {allowed or 'none: no alternative is declared'}."
            )


def check_members(written: Written) -> None:
    """Check that every regimen has its parts or says that it has none, every class its members, every strength its place."""
    parts, without = set(written.grouped("part")), {regimen for (regimen,) in written.rows("without_drugs")}
    needed = {
        "regimen": (
            parts | without,
            "has no part; write part({0}, D) for each drug or class in it, or without_drugs({0}).",
        ),
        "class": (
            {row[1] for row in written.rows("class_of")},
            "has no member; write class_of(D, {0}) for each drug of it.",
        ),
        "strength": (
            {row[1] for row in written.rows("strength_order")},
            "has no place among the others; write strength_order(N, {0}).",
        ),
    }
    for atom, (kind, own, _) in written.placed("term"):
        if kind in needed and own not in needed[kind][0]:
            raise GuidelineError(f"{atom.place}: the {kind} {own} {needed[kind][1].format(own)}")
    for atom, (own,) in written.placed("without_drugs"):
        if own in parts:
            raise GuidelineError(f"{atom.place}: {atom.term}: the regimen {own} has parts; drop one or the other.")


def check_decisions(written: Written) -> None:
    """Check that each setting and each regimen belongs to exactly one decision, where decisions are declared."""
    decisions = [name for kind, name, _ in written.rows("term") if kind == "decision"]
    for kind, predicate in (("setting", "setting_of"), ("regimen", "option_of")) if decisions else ():
        own = written.grouped(predicate, key=0, value=1)
        for atom, (found, name, _) in written.placed("term"):
            if found == kind and len(own.get(name, ())) != 1:
                belongs = f"belongs to {' and '.join(own[name])}" if name in own else "belongs to no decision"
                raise GuidelineError(
                    f"{atom.place}: the {kind} {name} {belongs}; write {predicate}({name}, D). for exactly one of "
                    f"{', '.join(decisions)}."
                )


def check_evidence(written: Written) -> None:
    """Check that the trials, citations and statements which the annotations name exist."""
    trials = {row[0] for row in written.rows("trial")}
    certainties = [level for _, level in written.rows("certainty_order")]
    citations = {row[0].number for row in written.catalogue.get("citation", ())}
    for annotation in written.annotations.values():
        here = f"{annotation.place}: {annotation.id}"
        for trial in annotation.trials:
            if trial not in trials:
                raise GuidelineError(f'{here} names the trial "{trial}", which is not declared{nearest(trial, trials)}')
        if annotation.certainty and annotation.certainty not in certainties:
            raise GuidelineError(
                f'{here}: "{annotation.certainty}" is not a certainty of evidence'
                f"{nearest(annotation.certainty, certainties)}; declared with certainty_order: "
                f"{', '.join(certainties) or 'none'}"
            )
        for number in annotation.citations:
            if number not in citations:
                raise GuidelineError(f"{here} cites [{number}]; declared citations: {sorted(citations)}.")
        for statement in annotation.reads:
            if statement not in written.annotations:
                raise GuidelineError(
                    f'{here} reads "{statement}", which is not a statement{nearest(statement, written.annotations)}'
                )


def check_overlays(written: Written, overlays: Sequence[SourceFile]) -> None:
    """Check that every overlay says what it is for."""
    for file in overlays:
        name = place_name(file.path)
        if not any(
            annotation.kind == "overlay" and annotation.place.startswith(f"{name}:")
            for annotation in written.annotations.values()
        ):
            raise GuidelineError(f"{name}: no @overlay annotation in it; say in one what the local rules are for.")
