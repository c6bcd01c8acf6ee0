"""Check single values of a record; what cannot be used is refused with its field, what was found and what is allowed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import NoReturn

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError, article, nearest, printable

__all__ = [
    "among",
    "boolean",
    "fail",
    "number",
    "show",
    "string_list",
]


def fail(field: str, problem: str) -> NoReturn:
    """Refuse what a field of a record holds."""
    raise RecordError(f"{printable(field)}: {problem}")


def show(value: object) -> str:
    """Word a value that was found, shortened, as JSON."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value).__name__)
    return text if len(text) <= 60 else text[:57] + "..."


def among(field: str, value: object, allowed: Sequence[str], noun: str, labels: Mapping[str, str] | None = None) -> str:
    """Check that a value is one of the `allowed` names; `labels` are what the names are shown as, for hints."""
    if not isinstance(value, str) or value not in allowed:
        hint = nearest(value, allowed, labels) if isinstance(value, str) else ""
        fail(field, f"{show(value)} is not {article(noun)}{hint}; allowed: {', '.join(allowed)}")
    return value


def boolean(field: str, value: object) -> bool:
    """Check that a value is true or false."""
    if not isinstance(value, bool):
        fail(field, f"{show(value)} is neither true nor false (write null where it is unknown)")
    return value


def number(field: str, value: object, model: GuidelineModel, whole: bool = False) -> float:
    """Check that a value is a finite number, within the range that the guideline declares for the field's name."""
    noun = "whole number" if whole else "number"
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != value // 1):
        fail(field, f"{show(value)} is not a {noun}")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        fail(field, f"{show(value)} is not finite")
    name = field.rpartition(".")[2]
    if not model.range_of(name).holds(value):
        fail(field, f"{show(value)} is out of range; allowed: {model.range_words(name)}")
    return value


def string_list(
    field: str, value: object, allowed: Sequence[str], noun: str, labels: Mapping[str, str] | None = None
) -> list[str]:
    """Check that a value is a list of `allowed` names."""
    if not isinstance(value, list | tuple):
        fail(field, f"{show(value)} is not a list")
    for n, item in enumerate(value):
        if item not in allowed:
            among(f"{field}[{n}]", item, allowed, noun, labels)
    return list(value)
