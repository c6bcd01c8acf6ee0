"""Records, or FHIR resources, in NDJSON: one a line; blank lines are skipped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.columns import Dictionaries
from reasoner.cohort.rows import Part, Rows, as_float, valid_text
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.records.json_lines import parse_json
from reasoner.records.record import ONE_OF

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["read_ndjson"]


def read_ndjson(part: Part, content: bytes, dictionaries: Dictionaries, guideline: Guideline) -> Rows:
    """Read the lines of a part."""
    model = guideline.model
    lines = [(part.line + n, line) for n, line in enumerate(content.split(b"\n")) if line.strip()]

    def data(row: int) -> object:
        return parse_line(*lines[row])

    records: list[Mapping[str, object]] = []
    remarks: list[Sequence[str]] = []
    warnings: list[str] = []
    broken = np.zeros(len(lines), dtype=bool)
    allowed = {"id", ONE_OF, *dictionaries.facts}
    for row in range(len(lines)):
        try:
            found, own, warning = data(row), list[str](), ""
            if isinstance(found, Mapping) and "resourceType" in found:
                facts = guideline.read_fhir(found)
                found, own, warning = facts.record, list(facts.remarks()), facts.warning()
            if isinstance(found, Mapping) and found.get(ONE_OF) is not None:
                guideline.parsed(found)
        except RecordError:
            found, own, warning = None, list[str](), ""
        remarks.append(own)
        warnings.append(warning)
        broken[row] = not isinstance(found, Mapping) or not allowed.issuperset(found)
        records.append(found if isinstance(found, Mapping) else {})
    codes = {
        name: codes_of([own.code_of(record[name]) if name in record else absent for record in records])
        for name, own in dictionaries.facts.items()
        for absent in [own.absent(told=False)]
    }
    sets = codes_of([dictionaries.sets.code_of(record.get(ONE_OF)) for record in records])
    numbers = {
        fact.name: pl.Series([as_float(record.get(fact.name)) for record in records], dtype=pl.Float64)
        for fact in model.facts
        if fact.kind == "number"
    }
    ids = [valid_text(record.get("id")) for record in records]
    broken |= np.array([name is None or not name.strip() for name in ids], dtype=bool)
    columns = dictionaries.columns(len(records), codes, sets)
    places = [number for number, _ in lines]
    return Rows(columns, pl.Series(ids, dtype=pl.String), numbers, broken, places, data, remarks, warnings)


def codes_of(codes: Sequence[int]) -> Codes:
    return np.array(codes, dtype=np.int64)


def parse_line(number: int, line: bytes) -> object:
    """Parse a line of a file, by its number.

    Raises RecordError for what is not JSON in UTF-8.
    """
    try:
        return parse_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except json.JSONDecodeError as error:
        raise RecordError(f"column {error.colno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise RecordError("not UTF-8 text") from None
