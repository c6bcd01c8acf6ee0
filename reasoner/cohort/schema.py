"""The columns that a table of records, or of courses, can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import ReasonerError, nearest

__all__ = ["check_columns", "check_header"]


def check_columns(file: Path, names: Sequence[str], model: GuidelineModel, courses_apart: bool) -> None:
    """Refuse columns that are no facts, and a table without those that every record has.

    The courses have no column where they are in a file of their own.
    """
    facts = [fact for fact in model.facts if not (courses_apart and fact.kind == "courses")]
    for fact in model.facts:
        if fact not in facts and fact.name in names:
            raise ReasonerError(f"{file}: column {fact.name}: --courses gives the courses, too; leave one of them out")
    needed = {"id": "every record has it"} | {
        fact.name: f"every record has it{', or --courses FILE' if fact.kind == 'courses' else ''}"
        for fact in facts
        if fact.required
    }
    check_header(file, names, ("id", *(fact.name for fact in facts)), needed)


def check_header(file: Path, names: Sequence[str], allowed: Sequence[str], needed: Mapping[str, str]) -> None:
    """Refuse a column that is not allowed or is there twice, and a table without one that is needed, saying why it is."""
    for place, name in enumerate(names):
        if name not in allowed:
            raise ReasonerError(f"{file}: column {name}: unknown{nearest(name, allowed)}; allowed: {', '.join(allowed)}")
        if name in names[:place]:
            raise ReasonerError(f"{file}: column {name}: it is there twice; keep one")
    for name, why in needed.items():
        if name not in names:
            raise ReasonerError(f"{file}: column {name}: missing; {why}")
