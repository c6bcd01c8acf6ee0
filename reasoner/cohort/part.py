"""Answer one part of a cohort: a function from a part of the input to files in the output folder.

Each file is written whole or not at all; the answers are written last and mark the part as done.
"""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import polars as pl

from reasoner.cohort.bits import distinct, distinct_rows, hash_words
from reasoner.cohort.columns import Dictionaries
from reasoner.cohort.courses import CoursesFile, join_courses
from reasoner.cohort.evaluate import CohortEvaluator
from reasoner.cohort.origins import origins
from reasoner.cohort.rows import Part, Rows
from reasoner.cohort.source import read
from reasoner.cohort.tables import answers_table, assumed, counts, explanations_table
from reasoner.errors import ReasonerError
from reasoner.files import write_whole
from reasoner.guideline import Guideline, Selection

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes, Words

__all__ = ["Job", "answer_part", "explain_new", "read_table", "worker", "write_table"]

REMEMBERED = 200_000
"""How many values, or sets of conclusions, a process remembers before it forgets all."""


class Job(NamedTuple):
    """What is answered, by which guideline, into which folder and in which format ("parquet" or "ndjson").

    `digest` is the guideline's: processes that loaded it before it was edited load it again. `courses` is the file that
    holds the courses, where the records do not, and `untreated` tells whether patients without a row there had none. With
    `empty_is_unknown` no default stands for an empty cell of a table. All paths are absolute.
    """

    selection: Selection
    digest: str
    output: Path
    form: str
    parts: tuple[Part, ...]
    courses: Path | None = None
    untreated: bool = False
    empty_is_unknown: bool = False

    @property
    def course_index(self) -> Path:
        """The index of the courses that stand in a file of their own."""
        return self.output / "courses" / "index.sqlite"

    def path(self, kind: str, number: int) -> Path:
        """Name the file of a part."""
        suffix = {"counts": "json", "rejects": "ndjson", "fired": "npy"}.get(kind, self.form)
        return self.output / kind / f"part-{number:05}.{suffix}"


class Worker:
    """A guideline with what a process remembers from part to part, within bounds."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.forget(empty_is_unknown=False)

    def forget(self, empty_is_unknown: bool) -> None:
        self.evaluator = CohortEvaluator(self.guideline)
        self.dictionaries = Dictionaries(self.guideline.model, empty_is_unknown)

    def prepare(self, job: Job) -> None:
        """Forget what has become too much, or was read otherwise."""
        much = self.dictionaries.size > REMEMBERED or self.evaluator.size > REMEMBERED
        if much or self.dictionaries.empty_is_unknown != job.empty_is_unknown:
            self.forget(job.empty_is_unknown)

    def read(self, job: Job, part: Part) -> Rows:
        """Read a part, with the courses of its patients where they are in a file of their own."""
        rows = read(part, self.dictionaries, self.guideline)
        if job.courses is None:
            return rows
        return join_courses(rows, CoursesFile(job.courses, job.course_index), self.dictionaries, job.untreated)


@lru_cache(maxsize=4)
def worker(selection: Selection, digest: str) -> Worker:
    """Load a guideline once in each process.

    Raises ReasonerError where it is no longer the one that is meant.
    """
    guideline = Guideline(selection)
    if guideline.digest != digest:
        raise ReasonerError(f"{selection.folder}: the guideline was edited during the run; run the cohort again")
    return Worker(guideline)


def answer_part(job: Job, number: int) -> int:
    """Answer a part, unless it is done; give its number."""
    if not is_whole(job.path("answers", number)):
        with uncollected():
            write_part(job, number)
    return number


def is_whole(path: Path) -> bool:
    """Tell whether a table is there and undamaged."""
    try:
        return path.exists() and (path.suffix != ".parquet" or bool(pl.read_parquet_schema(path)))
    except (pl.exceptions.PolarsError, OSError):
        return False


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the collection of cyclic garbage: looking for it among the many objects of a part takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def write_part(job: Job, number: int) -> None:
    """Answer a part and write what is found, the answers last: they mark it as done."""
    own = worker(job.selection, job.digest)
    own.prepare(job)
    guideline, outlines = own.guideline, own.evaluator.outlines
    rows = own.read(job, job.parts[number])
    valid = ~(rows.broken | rows.columns.invalid())
    kept = np.flatnonzero(valid)
    columns = rows.columns.take(kept)
    first, which = distinct(columns.codes)
    evaluated = own.evaluator.evaluate(columns.take(first))
    consistent = evaluated.outline[which] >= 0
    kept, which = kept[consistent], which[consistent]
    valid[:] = False
    valid[kept] = True
    rejected = np.flatnonzero(~valid)
    chosen, explained = distinct_rows(evaluated.fired[which])
    fired = evaluated.fired[which[chosen]]
    ids = explanation_ids(guideline, fired)
    order = np.argsort(ids)
    write_array(np.column_stack([ids, fired])[order], job.path("fired", number))
    rejects = list(rejections(rows, rejected, job.parts[number].file, guideline))
    write_lines(rejects, job.path("rejects", number))
    answered = evaluated.outline[which]
    counted = {"answered": len(kept), "rejects": len(rejected), "assumed": assumed(rows.columns, kept)}
    counted |= {"without_courses": int(rows.without_courses[kept].sum())} if rows.without_courses is not None else {}
    counted |= counts(outlines, answered)
    write_whole(job.path("counts", number), json.dumps(counted, sort_keys=True).encode())
    table = answers_table(rows, kept, outlines, answered, id_texts(ids)[explained])
    write_table(table, job.path("answers", number))


def rejections(rows: Rows, rejected: Codes, file: str, guideline: Guideline) -> Iterator[dict[str, object]]:
    """Tell for each rejected row why, and where it stands: in the file that was given, where charts were put together."""
    known = origins(Path(file)) if len(rejected) else []
    for row in rejected.tolist():
        own = {"file": file, **rejection(rows, row, guideline)}
        yield own | msgspec.structs.asdict(known[rows.lines[row] - 1]) if known else own


def rejection(rows: Rows, row: int, guideline: Guideline) -> dict[str, object]:
    """Tell why a row is rejected: for the reason for which its record is, alone."""
    name = rows.ids[row]
    try:
        guideline.answer(guideline.record(rows.data(row)))
    except ReasonerError as error:
        return {"line": rows.lines[row], "id": name, "reason": str(error)}
    raise ReasonerError(
        f"line {rows.lines[row]}: {name}: rejected in the cohort, but reasoner recommend answers it; please report this"
    )


def explanation_ids(guideline: Guideline, fired: Words) -> Words:
    """Give ids to sets of rules that fire, a bit for each rule: with the same guideline the same everywhere."""
    seed = blake2b("\n".join((guideline.digest, guideline.layer, *guideline.overlays)).encode(), digest_size=8)
    return hash_words(list(fired.T), int.from_bytes(seed.digest(), "big"))


def id_texts(ids: Words) -> pl.Series:
    """Write explanation ids as text."""
    digits = np.frombuffer(ids.astype(">u8").tobytes().hex().encode(), dtype="S16")
    return pl.Series("explanation", digits).cast(pl.String)


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as Parquet or NDJSON, whole or not at all."""
    buffer = io.BytesIO()
    if path.suffix == ".parquet":
        frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    else:
        frame.write_ndjson(buffer)
    write_whole(path, buffer.getvalue())


def write_array(array: Words, path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_whole(path, buffer.getvalue())


def write_lines(rows: list[dict[str, object]], path: Path) -> None:
    if rows:
        write_whole(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def explain_new(job: Job, number: int, seen: Words) -> Words:
    """Write those of a part's explanations that no earlier part has, unless that is done; give the ids of all so far.

    `seen` are the ids of the earlier parts, in order.
    """
    path, fired = job.path("explanations", number), job.path("fired", number)
    if path.exists():
        names = read_table(path, ["explanation"])["explanation"]
        ids = np.array([int(name, 16) for name in names], dtype=np.uint64)
        place = np.searchsorted(seen, ids)
    else:
        found = np.load(fired)
        ids = found[:, 0]
        place = np.searchsorted(seen, ids)
        new = np.append(seen, np.uint64(0))[place] != ids
        new |= place == len(seen)
        place, ids = place[new], ids[new]
        model = worker(job.selection, job.digest).guideline.model
        write_table(explanations_table(model, id_texts(ids), found[new, 1:]), path)
    fired.unlink(missing_ok=True)
    return np.insert(seen, place, ids)


def read_table(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read some text columns of a table."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path, columns=columns)
    return pl.read_ndjson(path, schema=dict.fromkeys(columns, pl.String))
