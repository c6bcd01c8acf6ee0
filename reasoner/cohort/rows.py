"""A part of a cohort's file, and its rows in columns, whatever format they are read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from reasoner.cohort.columns import RecordColumns

if TYPE_CHECKING:
    from reasoner.cohort.columns import Bits

__all__ = ["Part", "Rows", "as_float", "summary_line", "valid_text"]


class Part(NamedTuple):
    """A part of a file: from `start` to `stop`, in rows of a Parquet file, in bytes of a text.

    `line` is its first row, or line, counted from 1; `rows` is how many it has, blank lines of a text included.
    """

    file: str
    start: int
    stop: int
    line: int
    rows: int


class Rows(NamedTuple):
    """The rows of a part in columns.

    `broken` marks those that are no record whatever their values; `data` gives the record in a row, by the row's number, or
    raises RecordError; `lines` are their places in the file. `numbers` holds the values of each fact that is a number.
    `remarks` are those on how a row was read from FHIR, `warnings` say what was given of therapy that is unknown there, as
    `ChartFacts.warning` does, and `without_courses` marks patients of whom neither this file nor
    that of the courses tells a course, where there is one.
    """

    columns: RecordColumns
    ids: pl.Series
    numbers: Mapping[str, pl.Series]
    broken: Bits
    lines: Sequence[int]
    data: Callable[[int], object]
    remarks: Sequence[Sequence[str]] = ()
    warnings: Sequence[str] = ()
    without_courses: Bits | None = None


def valid_text(name: object) -> str | None:
    """Give a text that can be written as UTF-8, None for all else."""
    if isinstance(name, str) and (name.isascii() or not any("\ud800" <= c <= "\udfff" for c in name)):
        return name
    return None


def as_float(value: object) -> float | None:
    """Give a number that a float can hold, None for all else."""
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def summary_line(error: Exception) -> str:
    """Give what an error says, without its details."""
    return str(error).partition("\n")[0]
