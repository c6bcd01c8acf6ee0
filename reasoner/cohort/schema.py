"""The columns that a table of records, or of courses, can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import ReasonerError, nearest

__all__ = ["check_columns", "check_header"]


def check_columns(file: Path, names: Sequence[str], model: GuidelineModel) -> None:
    """Refuse columns that are no facts, and a table without that of the ids."""
    check_header(file, names, ("id", *(fact.name for fact in model.facts)), {"id": "every record has it"})


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
