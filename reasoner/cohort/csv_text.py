"""The text of a CSV file: its header, and where its rows end."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from reasoner.errors import ReasonerError

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["BLOCK", "read_header", "row_ends"]

BLOCK = 2**24
LINE_END, QUOTE = ord("\n"), ord('"')
BETWEEN = tuple(b",\r\n")


def read_header(head: bytes, file: Path) -> list[str]:
    """Read the names of the columns from the first line.

    Raises ReasonerError for what is not CSV with commas.
    """
    try:
        names = next(csv.reader([head.decode("utf-8-sig").rstrip("\r\n")]), [])
    except UnicodeDecodeError:
        raise ReasonerError(f"{file}: line 1: not UTF-8 text") from None
    except csv.Error as error:
        raise ReasonerError(f"{file}: line 1: cannot be read as CSV: {error}") from None
    if len(names) == 1 and (between := next((c for c in ";\t|" if c in names[0]), None)):
        raise ReasonerError(f"{file}: line 1: one column only; separate columns by commas, not by {between!r}")
    return names


def row_ends(stream: IO[bytes], file: Path) -> Iterator[tuple[int, Codes]]:
    """Read on after the header: yield the length of each block, and the places in it where a row ends, not inside quotes.

    Raises ReasonerError for misplaced quotes: where rows end is not known then.
    """
    quoted, before, line, opened = False, LINE_END, 2, 2
    while block := stream.read(BLOCK):
        while block.endswith(b'"') and (more := stream.read(1)):
            block += more
        data = np.frombuffer(block, dtype=np.uint8)
        around = np.concatenate([[before], data, [LINE_END]])
        ends, quotes = np.flatnonzero(data == LINE_END), np.flatnonzero(data == QUOTE)
        opening, closing = quotes[quoted::2], quotes[not quoted :: 2]
        first = opening[around[opening] != QUOTE]
        inside = first[~np.isin(around[first], BETWEEN)]
        amid = closing[~np.isin(around[closing + 2], (*BETWEEN, QUOTE))]
        if len(inside) and (not len(amid) or inside[0] < amid[0]):
            place = line + int(np.searchsorted(ends, inside[0]))
            raise ReasonerError(
                f"{file}: line {place}: a quote inside an unquoted cell; quote the whole cell and double the quotes in it"
            )
        begun = first[: np.searchsorted(first, amid[0])] if len(amid) else first
        if len(begun):
            opened = line + int(np.searchsorted(ends, begun[-1]))
        if len(amid):
            place = line + int(np.searchsorted(ends, amid[0]))
            raise ReasonerError(
                f"{file}: line {place}: text after the closing quote of the cell that begins in line {opened}"
            )
        yield len(block), ends[(np.searchsorted(quotes, ends) + quoted) % 2 == 0]
        quoted ^= bool(len(quotes) % 2)
        before, line = block[-1], line + len(ends)
    if quoted:
        raise ReasonerError(f"{file}: line {opened}: a quoted cell begins here and is never closed")
