"""Records in CSV files: an empty cell is not recorded; lists and courses are JSON, or names separated by semicolons."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.columns import Column, Dictionary, RecordColumns
from reasoner.cohort.parquet import parse_text
from reasoner.cohort.rows import Part, Rows, as_float, unrecorded, valid_text
from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["parse_cell", "parse_row", "read_csv"]


def read_csv(
    part: Part, header: Sequence[str], content: bytes, dictionaries: Mapping[str, Dictionary], model: GuidelineModel
) -> Rows:
    """Read the rows of a part, of which `content` are the bytes."""
    text = content.decode("utf-8", errors="surrogateescape")
    rows = [(part.line + n, cells) for n, cells in enumerate(csv.reader(io.StringIO(text, newline=""))) if cells]
    kinds = {fact.name: fact.kind for fact in model.facts}

    def data(row: int) -> object:
        return parse_row(header, rows[row][1], {"id": "text", **kinds})

    def cells_of(name: str) -> list[str]:
        place = header.index(name)
        return [cells[place] if len(cells) > place else "" for _, cells in rows]

    columns = tuple(
        Column(own, codes_of(cells_of(name), own)) if name in header else unrecorded(own, len(rows))
        for name, own in dictionaries.items()
    )
    numbers = {
        name: pl.Series([as_float(as_number(cell)) for cell in cells_of(name)], dtype=pl.Float64)
        for name, kind in kinds.items()
        if kind == "number" and name in header
    }
    whole = [len(cells) == len(header) for _, cells in rows]
    ids = [valid_text(name) if own else None for name, own in zip(cells_of("id"), whole, strict=True)]
    broken = np.array([not name for name in ids], dtype=bool)
    lines = [line for line, _ in rows]
    return Rows(RecordColumns(model, columns), pl.Series(ids, dtype=pl.String), numbers, broken, lines, data)


def codes_of(cells: Sequence[str], dictionary: Dictionary) -> Codes:
    """Give the codes of the values in cells, each looked at once."""
    known: dict[str, int] = {"": dictionary.unrecorded()}
    for cell in cells:
        if cell not in known:
            known[cell] = dictionary.code_of(parse_cell(dictionary.fact.kind, cell))
    return np.array([known[cell] for cell in cells], dtype=np.int64)


def parse_row(header: Sequence[str], cells: Sequence[str], kinds: Mapping[str, str]) -> dict[str, object]:
    """Read the cells of a row that are not empty, each as a value of the kind of its column.

    Raises RecordError for a row that is longer or shorter than the header, or not UTF-8 text.
    """
    if None in map(valid_text, cells):
        raise RecordError("not UTF-8 text")
    if len(cells) != len(header):
        raise RecordError(f"{len(cells)} cells, but the header has {len(header)}")
    return {name: parse_cell(kinds[name], cell) for name, cell in zip(header, cells, strict=True) if cell}


def parse_cell(kind: str, cell: str) -> object:
    """Read a cell as the value of a fact of a kind; what is none stays text, and is refused as such."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(cell.lower(), cell)
    if kind in ("number", "integer"):
        return as_number(cell)
    if kind == "courses" or (kind == "list" and cell.lstrip().startswith("[")):
        return parse_text(cell)
    if kind == "list":
        return [item.strip() for item in cell.split(";")]
    return cell


def as_number(cell: str) -> object:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell
