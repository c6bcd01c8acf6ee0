"""Courses of therapy in a second file, a row each, oldest first: an index on disk finds those of each patient.

The rows of a patient need not stand together, and the patients stand in any order.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from reasoner.cohort.columns import BAD, Column, Columns, Values
from reasoner.cohort.csv_text import header, row_ends
from reasoner.cohort.source import Rows, check_names, in_cell, valid_text
from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import ReasonerError, RecordError
from reasoner.records.record import encode_value

__all__ = ["check_courses", "index_courses", "orphans", "with_courses", "without_courses"]

KINDS = {"drugs": "list", "outcome": "choice"}


def check_courses(file: Path, model: GuidelineModel) -> None:
    """Refuse a file that holds no courses.

    Raises ReasonerError naming the file, the column where one is unknown, missing or there twice, and the line where quotes
    do not stand around a whole cell.
    """
    if not file.is_file():
        raise ReasonerError(f"{file}: no such file")
    needed = ("id", *KINDS)
    with file.open("rb") as stream:
        names = header(stream.readline(), file)
        check_names(file, names, (*needed, *model.course_facts), dict.fromkeys(needed, "every course has it"))
        for _ in row_ends(stream, file):
            pass


def header_of(file: Path) -> list[str]:
    with file.open("rb") as stream:
        return header(stream.readline(), file)


def index_courses(file: Path, index: Path) -> None:
    """Index the courses of a file by patient.

    Raises ReasonerError where the index cannot be written, and for what is no CSV.
    """
    scratch = index.with_name(f"{index.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(scratch, isolation_level=None)) as base:
            base.execute("PRAGMA journal_mode = OFF")
            base.execute("PRAGMA synchronous = OFF")
            base.execute("CREATE TABLE courses (id TEXT, line INTEGER, cells TEXT)")
            base.execute("BEGIN")
            base.executemany("INSERT INTO courses VALUES (?, ?, ?)", rows_of(file))
            base.execute("CREATE INDEX of_patient ON courses (id)")
            base.execute("COMMIT")
        os.replace(scratch, index)
    except (OSError, sqlite3.Error) as error:
        scratch.unlink(missing_ok=True)
        raise ReasonerError(f"{index}: cannot be written: {error}") from None


def rows_of(file: Path) -> Iterator[tuple[str | None, int, str]]:
    """Yield the rows of a file: the patient's id, None where there is none, the line, and all cells as JSON."""
    at = header_of(file).index("id")
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream)
        line = 1
        try:
            for cells in reader:
                if cells and line > 1:
                    yield valid_text(cells[at] or None) if len(cells) > at else None, line, json.dumps(cells)
                line = reader.line_num + 1
        except csv.Error as error:
            raise ReasonerError(f"{file}: line {line}: cannot be read as CSV: {error}") from None


def with_courses(rows: Rows, file: Path, index: Path, values: Mapping[str, Values], model: GuidelineModel) -> Rows:
    """Give patients their courses; who has no row in the file has had none."""
    place, fact = next((n, fact) for n, fact in enumerate(model.facts) if fact.kind == "courses")
    names = header_of(file)
    ids = rows.ids.to_list()
    found = courses_of(index, ids)

    def courses(row: int) -> list[dict[str, object]]:
        return [course_of(names, line, cells, file, fact, model) for line, cells in found.get(ids[row], [])]

    def data(row: int) -> object:
        told = rows.data(row)
        return {**told, fact.name: courses(row)} if isinstance(told, Mapping) else told

    known: dict[str, int] = {}
    codes = np.empty(len(ids), dtype=np.int64)
    for row, name in enumerate(ids):
        text = "\n".join(cells for _, cells in found.get(name, []))
        if text not in known:
            try:
                told = courses(row)
                known[text] = values[fact.name].number(json.dumps(told), told)
            except RecordError:
                known[text] = BAD
        codes[row] = known[text]
    columns = list(rows.columns.columns)
    columns[place] = Column(values[fact.name], codes)
    return rows._replace(columns=Columns(model, tuple(columns)), data=data)


def courses_of(index: Path, ids: Iterable[str | None]) -> dict[str | None, list[tuple[int, str]]]:
    """Look patients up: the lines and the cells of the courses of each who has one."""
    found: dict[str | None, list[tuple[int, str]]] = {}
    with closing(sqlite3.connect(f"{index.as_uri()}?immutable=1", uri=True)) as base:
        wanted(base, ids)
        asked = "SELECT id, line, cells FROM wanted CROSS JOIN courses USING (id) ORDER BY courses.rowid"
        for name, line, cells in base.execute(asked):
            found.setdefault(name, []).append((line, cells))
    return found


def wanted(base: sqlite3.Connection, ids: Iterable[str | None]) -> None:
    """Put ids into a table beside the index."""
    base.execute("CREATE TEMP TABLE wanted (id TEXT PRIMARY KEY) WITHOUT ROWID")
    base.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((name,) for name in ids if name is not None))


def course_of(
    names: Sequence[str], line: int, text: str, file: Path, fact: Fact, model: GuidelineModel
) -> dict[str, object]:
    """Read a row as a course.

    Raises RecordError with the file and the line where it is none.
    """
    kinds = KINDS | {name: known.kind for name, known in model.course_facts.items()}
    cells = json.loads(text)
    try:
        if None in map(valid_text, cells):
            raise RecordError("not UTF-8 text")
        if len(cells) != len(names):
            raise RecordError(f"{len(cells)} cells, and the header has {len(names)}")
        course = {name: in_cell(kinds[name], cell) for name, cell in zip(names, cells, strict=True) if cell and name != "id"}
        encode_value(fact, [course], model)
    except RecordError as error:
        raise RecordError(f"{file}, line {line}: {str(error).removeprefix(f'{fact.name}[0].')}") from None
    return course


def without_courses(index: Path, ids: Iterable[str | None]) -> int:
    """Count the patients who have no course; `ids` are those of the patients in question."""
    with closing(sqlite3.connect(f"{index.as_uri()}?immutable=1", uri=True)) as base:
        wanted(base, ids)
        asked = "SELECT count(*) FROM wanted WHERE id NOT IN (SELECT id FROM courses WHERE id IS NOT NULL)"
        return int(base.execute(asked).fetchone()[0])


def orphans(file: Path, index: Path, ids: Iterable[str | None]) -> Iterator[dict[str, object]]:
    """Yield the courses of nobody, each as a row of rejects; `ids` are those of all patients."""
    with closing(sqlite3.connect(f"{index.as_uri()}?immutable=1", uri=True)) as base:
        wanted(base, ids)
        asked = "SELECT line, id FROM courses WHERE id IS NULL OR id NOT IN (SELECT id FROM wanted) ORDER BY rowid"
        for line, name in base.execute(asked):
            reason = (
                "id: missing, or not UTF-8 text; every course has the id of its patient"
                if name is None
                else "no patient has this id"
            )
            yield {"file": str(file), "line": line, "id": name, "reason": reason}
