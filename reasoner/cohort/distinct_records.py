"""The distinct records of a cohort, each with the number of its patients."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from reasoner.cohort.charts import gather, is_export
from reasoner.cohort.columns import Dictionaries
from reasoner.cohort.source import plan, read
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.records.record import Record

__all__ = ["DistinctRecords", "distinct_records"]

ROWS = 125_000


class DistinctRecords(NamedTuple):
    """Records that tell different things, each with the number of patients who have it; `rejected` counts invalid ones."""

    records: tuple[tuple[Record, int], ...]
    rejected: int


def distinct_records(path: Path, guideline: Guideline) -> DistinctRecords:
    """Read a cohort: Parquet, CSV, NDJSON or an export of FHIR, as `reasoner cohort` reads it.

    Raises ReasonerError where it cannot be read.
    """
    if is_export(path):
        with TemporaryDirectory() as folder:
            return distinct_records(gather(path, Path(folder)), guideline)
    dictionaries = Dictionaries(guideline.model)
    counts: dict[tuple[int, ...], int] = {}
    found: dict[tuple[int, ...], Record] = {}
    rejected = 0
    for part in plan(path, ROWS, guideline.model):
        rows = read(part, dictionaries, guideline)
        invalid = rows.broken | rows.columns.invalid()
        rejected += int(invalid.sum())
        valid = np.flatnonzero(~invalid)
        keys, first, counted = np.unique(
            np.stack(rows.columns.codes, axis=1)[valid], axis=0, return_index=True, return_counts=True
        )
        for key, row, count in zip(map(tuple, keys.tolist()), valid[first], counted.tolist(), strict=True):
            try:
                found.setdefault(key, rows.columns.record(int(row)))
                counts[key] = counts.get(key, 0) + count
            except RecordError:
                rejected += count
    return DistinctRecords(tuple((record, counts[key]) for key, record in found.items()), rejected)
