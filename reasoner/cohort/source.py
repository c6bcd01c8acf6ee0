"""Where the records of a cohort come from: Parquet, CSV or NDJSON, divided into parts that are read independently."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.columns import Dictionaries
from reasoner.cohort.csv_records import read_csv
from reasoner.cohort.csv_text import BLOCK, read_header, row_ends
from reasoner.cohort.ndjson import read_ndjson
from reasoner.cohort.parquet import parquet_parts, read_parquet
from reasoner.cohort.rows import Part, Rows, summary_line
from reasoner.cohort.schema import check_columns
from reasoner.compiler.model import GuidelineModel
from reasoner.errors import ReasonerError, nearest
from reasoner.guideline import Guideline

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["FORMATS", "plan", "read"]

FORMATS = (".parquet", ".csv", ".ndjson", ".jsonl")
TABLES = (".csv", ".parquet")


def plan(path: Path, size: int, model: GuidelineModel, courses_apart: bool = False) -> list[Part]:
    """Divide a file, or a folder of Parquet files, into parts of at most `size` rows.

    `courses_apart` tells that the courses are in a file of their own. Raises ReasonerError for what is not a cohort, and
    for columns that are not facts.
    """
    files = files_of(path)
    if not model.facts:
        raise ReasonerError("the guideline declares no fact, so all patients are alike; reasoner recommend answers for one")
    if courses_apart and files[0].suffix.lower() not in TABLES:
        raise ReasonerError(f"{path}: these records hold their courses; --courses goes with {' and '.join(TABLES)}")
    return [
        part for file in files for part in (parquet_parts if file.suffix == ".parquet" else text_parts)(file, size, model)
    ]


def files_of(path: Path) -> list[Path]:
    """List the files of a cohort: one file, or the Parquet files of a folder, in the order of their names."""
    if path.is_dir():
        found = sorted(path.glob("*.parquet"))
        for below in path.glob("*/**/*.parquet"):
            place = below.relative_to(path)
            if not (path / place.parts[0] / "run.json").exists():
                raise ReasonerError(f"{path}: {place} is in a subfolder; put all files into one folder")
        if not found:
            raise ReasonerError(f"{path}: no .parquet, .ndjson or .json file in this folder")
        return found
    if not path.is_file():
        raise ReasonerError(f"{path}: no such file")
    if path.suffix.lower() not in FORMATS:
        raise ReasonerError(
            f'{path}: "{path.suffix}" is not a format of cohorts{nearest(path.suffix, FORMATS)}; allowed: '
            f"{', '.join(FORMATS)}, a folder of .parquet files, or an export of FHIR: a folder of .ndjson files, .ndjson.gz"
        )
    return [path]


def text_parts(file: Path, size: int, model: GuidelineModel) -> Iterator[Part]:
    """Divide a text at ends of lines, a CSV file at ends of rows: a line can end inside quotes."""
    is_csv = file.suffix.lower() == ".csv"
    with file.open("rb") as stream:
        if not any(map(bytes.strip, stream)):
            raise ReasonerError(f"{file}: empty; a cohort has one patient a line")
        stream.seek(0)
        if is_csv:
            check_columns(file, read_header(stream.readline(), file), model)
        start = at = stream.tell()
        line, rows = 2 if is_csv else 1, 0
        for length, ends in row_ends(stream, file) if is_csv else line_ends(stream):
            while len(ends) >= size - rows:
                cut = at + int(ends[size - rows - 1]) + 1
                yield Part(str(file), start, cut, line, size)
                start, line, ends, rows = cut, line + size, ends[size - rows :], 0
            rows += len(ends)
            at += length
        if at > start:
            yield Part(str(file), start, at, line, rows + 1)


def line_ends(stream: IO[bytes]) -> Iterator[tuple[int, Codes]]:
    """Yield the length of each block of a text, and the places in it where a line ends."""
    while block := stream.read(BLOCK):
        yield len(block), np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n"))


def read(part: Part, dictionaries: Dictionaries, guideline: Guideline) -> Rows:
    """Read a part.

    Raises ReasonerError where the file cannot be read as what it was.
    """
    file = Path(part.file)
    try:
        if file.suffix == ".parquet":
            return read_parquet(part, dictionaries)
        with file.open("rb") as stream:
            head = stream.readline()
            stream.seek(part.start)
            content = stream.read(part.stop - part.start)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReasonerError(f"{file}: cannot be read: {summary_line(error)}") from None
    if file.suffix.lower() == ".csv":
        return read_csv(part, read_header(head, file), content, dictionaries)
    return read_ndjson(part, content, dictionaries, guideline)
