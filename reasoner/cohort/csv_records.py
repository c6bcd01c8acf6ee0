"""Records in CSV files: an empty cell is nothing recorded; lists and courses are JSON, or names separated by semicolons."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.columns import Dictionaries, Dictionary
from reasoner.cohort.parquet import parse_text
from reasoner.cohort.rows import Part, Rows, as_float, valid_text
from reasoner.errors import RecordError

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["parse_cell", "parse_row", "read_csv"]

NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


def read_csv(part: Part, header: Sequence[str], content: bytes, dictionaries: Dictionaries) -> Rows:
    """Read the rows of a part, of which `content` are the bytes."""
    text = content.decode("utf-8", errors="surrogateescape")
    rows = [(part.line + n, cells) for n, cells in enumerate(csv.reader(io.StringIO(text, newline=""))) if cells]
    kinds = {name: own.fact.kind for name, own in dictionaries.facts.items()}

    def data(row: int) -> object:
        return parse_row(header, rows[row][1], {"id": "text", **kinds}, dictionaries.empty_is_unknown)

    def cells_of(name: str) -> list[str]:
        place = header.index(name)
        return [cells[place] if len(cells) > place else "" for _, cells in rows]

    codes = {name: codes_of(cells_of(name), own) for name, own in dictionaries.facts.items() if name in header}
    numbers = {
        name: pl.Series([as_float(as_number(cell)) for cell in cells_of(name)], dtype=pl.Float64)
        for name, kind in kinds.items()
        if kind == "number" and name in header
    }
    whole = [len(cells) == len(header) for _, cells in rows]
    ids = [valid_text(name) if own else None for name, own in zip(cells_of("id"), whole, strict=True)]
    broken = np.array([name is None or not name.strip() for name in ids], dtype=bool)
    columns = dictionaries.columns(len(rows), codes)
    return Rows(columns, pl.Series(ids, dtype=pl.String), numbers, broken, [line for line, _ in rows], data)


def codes_of(cells: Sequence[str], dictionary: Dictionary) -> Codes:
    """Give the codes of the values in cells, each looked at once."""
    known: dict[str, int] = {"": dictionary.empty()}
    for cell in cells:
        if cell not in known:
            known[cell] = dictionary.code_of(parse_cell(dictionary.fact.kind, cell))
    return np.array([known[cell] for cell in cells], dtype=np.int64)


def parse_row(
    header: Sequence[str], cells: Sequence[str], kinds: Mapping[str, str], empty_is_unknown: bool
) -> dict[str, object]:
    """Read the cells of a row, each as a value of the kind of its column; an empty one is left out, or null.

    Raises RecordError for a row that is longer or shorter than the header, or not UTF-8 text.
    """
    if None in map(valid_text, cells):
        raise RecordError("not UTF-8 text")
    if len(cells) != len(header):
        raise RecordError(f"{len(cells)} cells, but the header has {len(header)}")
    told = {name: parse_cell(kinds[name], cell) for name, cell in zip(header, cells, strict=True) if cell}
    return dict.fromkeys((name for name in header if name != "id"), None) | told if empty_is_unknown else told


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
    """Read a number as JSON writes it, with a sign or zeros before it as spreadsheets do; anything else stays text."""
    if not NUMBER.fullmatch(cell.strip()):
        return cell
    try:
        return int(cell)
    except ValueError:
        return float(cell)
