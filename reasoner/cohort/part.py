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

import numpy as np
import polars as pl

from reasoner.cohort.bits import distinct, distinct_rows, hashed
from reasoner.cohort.columns import Values
from reasoner.cohort.courses import with_courses
from reasoner.cohort.evaluate import Evaluator
from reasoner.cohort.source import Part, Rows, read
from reasoner.cohort.tables import answers, counts, explanations
from reasoner.errors import ReasonerError, RecordError
from reasoner.files import write_whole
from reasoner.guideline import Guideline

if TYPE_CHECKING:
    from reasoner.cohort.bits import Words

__all__ = ["Job", "answer_part", "explain_new", "read_table", "write_table"]

MEMORY = 200_000


class Job(NamedTuple):
    """What is answered, by which guideline, into which folder and in which format ("parquet" or "ndjson").

    `courses` is the file that holds the courses, where the records do not.
    """

    folder: str | None
    layer: str
    overlays: tuple[str, ...]
    output: str
    form: str
    parts: tuple[Part, ...]
    courses: str | None = None

    @property
    def course_index(self) -> Path:
        """The index of the courses that stand in a file of their own."""
        return Path(self.output) / "courses" / "index.sqlite"

    def path(self, kind: str, number: int) -> Path:
        """Name the file of a part."""
        suffix = {"counts": "json", "rejects": "ndjson", "fired": "npy"}.get(kind, self.form)
        return Path(self.output) / kind / f"part-{number:05}.{suffix}"


class Worker:
    """A guideline at work: what it keeps from part to part, within bounds."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.evaluator = Evaluator(guideline)
        self.values: dict[str, Values] = {}

    def prepare(self) -> None:
        """Forget what has become too much."""
        facts = self.guideline.model.facts
        if not self.values or sum(len(own.numbers) for own in self.values.values()) > MEMORY:
            self.values = {fact.name: Values(fact, self.guideline.model) for fact in facts}
        if len(self.evaluator.outcomes.known) > MEMORY:
            self.evaluator = Evaluator(self.guideline)


@lru_cache(maxsize=4)
def worker(folder: str | None, layer: str, overlays: tuple[str, ...]) -> Worker:
    """Load a guideline once in each process."""
    return Worker(Guideline.load(folder, layer, overlays))


def answer_part(job: Job, number: int) -> int:
    """Answer a part, unless it is done; give its number."""
    if not is_whole(job.path("answers", number)):
        with uncollected():
            work(job, number)
    return number


def is_whole(path: Path) -> bool:
    """Tell whether a table is there, and not damaged since it was written."""
    try:
        return path.exists() and (path.suffix != ".parquet" or bool(pl.read_parquet_schema(path)))
    except (pl.exceptions.PolarsError, OSError):
        return False


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave cycles of garbage alone for a while: looking for them among the many objects of a part takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def work(job: Job, number: int) -> None:
    """Answer a part."""
    own = worker(job.folder, job.layer, job.overlays)
    own.prepare()
    guideline, model = own.guideline, own.guideline.model
    rows = read(job.parts[number], own.values, guideline)
    if job.courses is not None:
        rows = with_courses(rows, Path(job.courses), job.course_index, own.values, model)
    bad = rows.broken | rows.columns.bad()
    kept = np.flatnonzero(~bad)
    codes = rows.columns.take(kept)
    first, which = distinct([column.codes for column in codes.columns])
    evaluated = own.evaluator.evaluate(codes.take(first))
    answered = evaluated.outcome[which] >= 0
    rejected = np.sort(np.concatenate([np.flatnonzero(bad), kept[~answered]]))
    kept, which = kept[answered], which[answered]
    reject = [{"file": job.parts[number].file, **rejection(rows, int(row), guideline)} for row in rejected]
    outcomes = evaluated.outcome[which]
    chosen, explained = distinct_rows(evaluated.fired[which])
    sets = evaluated.fired[which[chosen]]
    ids = explanation_ids(guideline, sets)
    order = np.argsort(ids)
    write_array(np.column_stack([ids, sets])[order], job.path("fired", number))
    write_lines(reject, job.path("rejects", number))
    counted = {"answered": len(kept), "rejects": len(rejected), **counts(own.evaluator.outcomes, outcomes)}
    write_whole(job.path("counts", number), json.dumps(counted, sort_keys=True).encode())
    table = answers(rows, kept, own.evaluator.outcomes, outcomes, named(ids)[explained])
    write_table(table, job.path("answers", number))


def rejection(rows: Rows, row: int, guideline: Guideline) -> dict[str, object]:
    """Say why a row is not answered, as the answer to it alone would."""
    name = rows.ids[row]
    try:
        guideline.answer(guideline.record(rows.data(row)))
    except RecordError as error:
        return {"line": rows.lines[row], "id": name, "reason": str(error)}
    raise ReasonerError(f"line {rows.lines[row]}: {name}: refused here, and answered alone; please report it")


def explanation_ids(guideline: Guideline, fired: Words) -> Words:
    """Give numbers to sets of rules that fire, a bit for each rule: under the same guideline the same everywhere."""
    under = blake2b("\n".join((guideline.digest, guideline.layer, *guideline.overlays)).encode(), digest_size=8)
    return hashed(list(fired.T), int.from_bytes(under.digest(), "big"))


def named(ids: Words) -> pl.Series:
    """Write explanation ids as text."""
    digits = np.frombuffer(ids.astype(">u8").tobytes().hex().encode(), dtype="S16")
    return pl.Series("explanation", digits).cast(pl.String)


def write_table(frame: pl.DataFrame, path: Path) -> None:
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
    """Table those of a part's explanations that no part before it has, unless that is done; give the ids of all so far.

    `seen` are those of the parts before, in order.
    """
    path, fired = job.path("explanations", number), job.path("fired", number)
    if path.exists():
        told = read_table(path, ["explanation"])["explanation"]
        ids = np.array([int(name, 16) for name in told], dtype=np.uint64)
        place = np.searchsorted(seen, ids)
    else:
        found = np.load(fired)
        ids = found[:, 0]
        place = np.searchsorted(seen, ids)
        new = np.append(seen, np.uint64(0))[place] != ids
        new |= place == len(seen)
        place, ids = place[new], ids[new]
        model = worker(job.folder, job.layer, job.overlays).guideline.model
        write_table(explanations(model, named(ids), found[new, 1:]), path)
    fired.unlink(missing_ok=True)
    return np.insert(seen, place, ids)


def read_table(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read some columns of text of a table."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path, columns=columns)
    return pl.read_ndjson(path, schema=dict.fromkeys(columns, pl.String))
