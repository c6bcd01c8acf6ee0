"""Courses of therapy in a file of their own, a row each, oldest first: an index on disk finds those of each patient.

The rows of a patient need not be adjacent, and the patients can be in any order.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from reasoner.cohort.columns import INVALID, Column, Dictionary, RecordColumns
from reasoner.cohort.csv_records import parse_row
from reasoner.cohort.csv_text import read_header, row_ends
from reasoner.cohort.rows import Rows, valid_text
from reasoner.cohort.schema import check_header
from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import ReasonerError, RecordError
from reasoner.records.encoding import COURSE_FIELDS, encode_value

__all__ = ["check_courses", "count_untreated", "index_courses", "join_courses", "orphaned_courses"]


def check_courses(file: Path, model: GuidelineModel) -> None:
    """Check that a file can hold courses.

    Raises ReasonerError naming the file and the column that is unknown, missing or there twice, or the line with a
    misplaced quote.
    """
    if not file.is_file():
        raise ReasonerError(f"{file}: no such file")
    needed = dict.fromkeys(("id", *COURSE_FIELDS), "every course has it")
    with file.open("rb") as stream:
        check_header(file, read_header(stream.readline(), file), (*needed, *model.course_facts), needed)
        for _ in row_ends(stream, file):
            pass


def header_of(file: Path) -> list[str]:
    with file.open("rb") as stream:
        return read_header(stream.readline(), file)


def index_courses(file: Path, index: Path) -> None:
    """Index the courses of a file by patient.

    Raises ReasonerError where the index cannot be written, and for what is not CSV.
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
    place = header_of(file).index("id")
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream)
        line = 1
        try:
            for cells in reader:
                if cells and line > 1:
                    yield valid_text(cells[place] or None) if len(cells) > place else None, line, json.dumps(cells)
                line = reader.line_num + 1
        except csv.Error as error:
            raise ReasonerError(f"{file}: line {line}: cannot be read as CSV: {error}") from None


@contextmanager
def selecting(index: Path, ids: Iterable[str | None]) -> Iterator[sqlite3.Connection]:
    """Open an index, with some ids of patients in a table `selected`."""
    with closing(sqlite3.connect(f"{index.as_uri()}?immutable=1", uri=True)) as base:
        base.execute("CREATE TEMP TABLE selected (id TEXT PRIMARY KEY) WITHOUT ROWID")
        base.executemany("INSERT OR IGNORE INTO selected VALUES (?)", ((name,) for name in ids if name is not None))
        yield base


def join_courses(rows: Rows, file: Path, index: Path, dictionary: Dictionary, model: GuidelineModel) -> Rows:
    """Give patients their courses; those without a row in the file are untreated."""
    fact = dictionary.fact
    header, ids = header_of(file), rows.ids.to_list()
    found: dict[str | None, list[tuple[int, str]]] = {}
    with selecting(index, ids) as base:
        query = "SELECT id, line, cells FROM selected CROSS JOIN courses USING (id) ORDER BY courses.rowid"
        for name, line, cells in base.execute(query):
            found.setdefault(name, []).append((line, cells))

    def courses(row: int) -> list[dict[str, object]]:
        return [parse_course(header, line, cells, file, fact, model) for line, cells in found.get(ids[row], [])]

    def data(row: int) -> object:
        record = rows.data(row)
        return {**record, fact.name: courses(row)} if isinstance(record, Mapping) else record

    known: dict[str, int] = {}
    codes = np.empty(len(ids), dtype=np.int64)
    for row, name in enumerate(ids):
        text = "\n".join(cells for _, cells in found.get(name, []))
        if text not in known:
            try:
                known[text] = dictionary.code_of(courses(row))
            except RecordError:
                known[text] = INVALID
        codes[row] = known[text]
    joined = Column(dictionary, codes)
    columns = tuple(joined if own.dictionary is dictionary else own for own in rows.columns.columns)
    return rows._replace(columns=RecordColumns(model, columns), data=data)


def parse_course(
    header: Sequence[str], line: int, text: str, file: Path, fact: Fact, model: GuidelineModel
) -> dict[str, object]:
    """Read a row as a course.

    Raises RecordError with the file and the line where it is not one.
    """
    kinds = {"id": "text", **COURSE_FIELDS, **{name: known.kind for name, known in model.course_facts.items()}}
    try:
        course = parse_row(header, json.loads(text), kinds)
        course.pop("id", None)
        encode_value(fact, [course], model)
    except RecordError as error:
        raise RecordError(f"{file}, line {line}: {str(error).removeprefix(f'{fact.name}[0].')}") from None
    return course


def count_untreated(index: Path, ids: Iterable[str | None]) -> int:
    """Count the patients among `ids` who have no course."""
    with selecting(index, ids) as base:
        query = "SELECT count(*) FROM selected WHERE id NOT IN (SELECT id FROM courses WHERE id IS NOT NULL)"
        return int(base.execute(query).fetchone()[0])


def orphaned_courses(file: Path, index: Path, ids: Iterable[str | None]) -> Iterator[dict[str, object]]:
    """Yield the courses whose patient id is unknown, each as a rejected row; `ids` are those of all patients."""
    with selecting(index, ids) as base:
        query = "SELECT line, id FROM courses WHERE id IS NULL OR id NOT IN (SELECT id FROM selected) ORDER BY rowid"
        for line, name in base.execute(query):
            reason = (
                "id: missing, or not UTF-8 text; every course has the id of its patient"
                if name is None
                else "id: no patient has this id"
            )
            yield {"file": str(file), "line": line, "id": name, "reason": reason}
