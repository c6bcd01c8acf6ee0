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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reasoner.cohort.columns import INVALID, Column, Dictionaries, Dictionary
from reasoner.cohort.csv_records import parse_row
from reasoner.cohort.csv_text import read_header, row_ends
from reasoner.cohort.rows import Rows, valid_text
from reasoner.cohort.schema import check_header
from reasoner.compiler.model import GuidelineModel
from reasoner.errors import ReasonerError, RecordError
from reasoner.records.encoding import COURSE_FIELDS, encode_value

__all__ = ["CoursesFile", "check_courses", "index_courses", "join_courses", "orphaned_courses"]


def check_courses(file: Path, model: GuidelineModel) -> None:
    """Check that a file can hold courses.

    Raises ReasonerError naming the file and the column that is unknown, missing or there twice, or the line with a
    misplaced quote.
    """
    if not file.is_file():
        raise ReasonerError(f"{file}: no such file")
    if model.courses_fact is None:
        raise ReasonerError(f"{file}: the guideline has no courses of therapy; leave out --courses")
    needed = dict.fromkeys(("id", "drugs"), "every course has it")
    with file.open("rb") as stream:
        check_header(file, read_header(stream.readline(), file), ("id", *COURSE_FIELDS, *model.course_facts), needed)
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


@dataclass(frozen=True)
class CoursesFile:
    """A file of courses and its index."""

    file: Path
    index: Path

    def of(self, ids: Iterable[str | None]) -> dict[str | None, list[tuple[int, str]]]:
        """Look up the courses of patients: for each the lines and their cells, the oldest first."""
        found: dict[str | None, list[tuple[int, str]]] = {}
        with selecting(self.index, ids) as base:
            query = "SELECT id, line, cells FROM selected CROSS JOIN courses USING (id) ORDER BY courses.rowid"
            for name, line, cells in base.execute(query):
                found.setdefault(name, []).append((line, cells))
        return found


def join_courses(rows: Rows, apart: CoursesFile, dictionaries: Dictionaries, untreated: bool) -> Rows:
    """Give patients the courses of a file of their own.

    What their own file tells of their therapy stands, and goes with no row in the other. Of those with neither it is not
    known which therapy was given, unless they are `untreated`.
    """
    column = next(n for n, own in enumerate(rows.columns.columns) if own.dictionary.fact.kind == "courses")
    dictionary, told = rows.columns.columns[column]
    fact, header, ids = dictionary.fact.name, header_of(apart.file), rows.ids.to_list()
    found = apart.of(ids)
    reader = CourseRows(apart.file, header, dictionary, dictionaries.empty_is_unknown)

    def data(row: int) -> object:
        record, own = rows.data(row), found.get(ids[row], [])
        if not isinstance(record, Mapping):
            return record
        courses = reader.courses(own)
        if record.get(fact) is not None and own:
            raise RecordError(f"{fact}: {apart.file} holds courses of this patient too; keep them in one place")
        return {**record, fact: courses} if own or (untreated and record.get(fact) is None) else record

    known: dict[str, int] = {}
    codes, without = told.copy(), np.zeros(len(ids), dtype=bool)
    for row, name in enumerate(ids):
        own = found.get(name, [])
        recorded = told[row] == INVALID or dictionary.canonical[told[row]] is not None
        without[row] = not own and not recorded
        if recorded:
            codes[row] = INVALID if own else told[row]
        elif own or untreated:
            text = "\n".join(cells for _, cells in own)
            if text not in known:
                known[text] = reader.code(own)
            codes[row] = known[text]
    columns = list(rows.columns.columns)
    columns[column] = Column(dictionary, codes)
    return rows._replace(columns=replace(rows.columns, columns=tuple(columns)), data=data, without_courses=without)


class CourseRows(NamedTuple):
    """Reads the rows of a file of courses."""

    file: Path
    header: Sequence[str]
    dictionary: Dictionary
    empty_is_unknown: bool

    def code(self, rows: Sequence[tuple[int, str]]) -> int:
        """Give the code of a patient's courses, `INVALID` where one of them is not one."""
        try:
            return self.dictionary.code_of(self.courses(rows))
        except RecordError:
            return INVALID

    def courses(self, rows: Sequence[tuple[int, str]]) -> list[dict[str, object]]:
        """Read rows, each a line and its cells, as courses.

        Raises RecordError with the file and the line where one is not.
        """
        fact, model = self.dictionary.fact, self.dictionary.model
        kinds = {"id": "text", **COURSE_FIELDS, **{name: known.kind for name, known in model.course_facts.items()}}
        found = []
        for line, text in rows:
            try:
                course = parse_row(self.header, json.loads(text), kinds, self.empty_is_unknown)
                course.pop("id", None)
                encode_value(fact, [course], True, model)
            except RecordError as error:
                raise RecordError(f"{self.file}, line {line}: {str(error).removeprefix(f'{fact.name}[0].')}") from None
            found.append(course)
        return found


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
