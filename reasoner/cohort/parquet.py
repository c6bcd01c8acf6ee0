"""Records in Parquet files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.columns import INVALID, Dictionaries, Dictionary
from reasoner.cohort.rows import Part, Rows, summary_line
from reasoner.cohort.schema import check_columns
from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import ReasonerError, RecordError
from reasoner.records.json_lines import parse_json

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

    from reasoner.cohort.bits import Codes

__all__ = ["parquet_parts", "read_parquet"]

TYPES = {
    "boolean": "booleans",
    "choice": "text",
    "number": "numbers",
    "list": "lists of text",
    "courses": "JSON text, or lists of structs with drugs and outcome",
}


def parquet_parts(file: Path, size: int, model: GuidelineModel) -> Iterator[Part]:
    """Divide a file into parts of at most `size` rows.

    Raises ReasonerError for what is not Parquet, and for columns that cannot hold their facts.
    """
    try:
        frame = pl.scan_parquet(file)
        schema = frame.collect_schema()
        rows = int(frame.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReasonerError(f"{file}: cannot be read as Parquet: {summary_line(error)}") from None
    check_columns(file, list(schema), model)
    for fact in model.facts:
        if fact.name in schema and not can_hold(fact, schema[fact.name]):
            raise ReasonerError(
                f"{file}: column {fact.name}: {schema[fact.name]} cannot hold it; allowed: {TYPES[fact.kind]}"
            )
    if not (is_text(schema["id"]) or schema["id"].is_integer()):
        raise ReasonerError(f"{file}: column id: {schema['id']} cannot hold it; allowed: text, whole numbers")
    for start in range(0, rows, size):
        stop = min(start + size, rows)
        yield Part(str(file), start, stop, start + 1, stop - start)


def can_hold(fact: Fact, kind: pl.DataType) -> bool:
    """Tell whether a column of a type can hold a fact."""
    if kind == pl.Null:
        return True
    if fact.kind == "courses":
        return is_text(kind) or (isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct))
    if fact.kind == "list":
        return isinstance(kind, pl.List) and (kind.inner == pl.Null or is_text(kind.inner))
    if fact.kind == "number":
        return kind.is_numeric()
    return kind == pl.Boolean if fact.kind == "boolean" else is_text(kind)


def is_text(kind: PolarsDataType) -> bool:
    return kind == pl.String or isinstance(kind, pl.Categorical | pl.Enum)


def read_parquet(part: Part, dictionaries: Dictionaries) -> Rows:
    """Read the rows of a part."""
    frame = pl.scan_parquet(part.file).slice(part.start, part.rows).collect()
    frame = frame.cast({name: pl.String for name, kind in frame.schema.items() if name == "id" or is_text(kind)})
    facts, told = dictionaries.facts, dictionaries.empty_is_unknown
    codes = {name: codes_of(frame[name], own) for name, own in facts.items() if name in frame.columns}

    def data(row: int) -> object:
        cells = frame.row(row, named=True)
        return {
            name: in_json(value, name in facts and facts[name].fact.kind == "courses", told)
            for name, value in cells.items()
            if value is not None or (told and name != "id")
        }

    numbers = {
        name: frame[name].cast(pl.Float64)
        for name, own in facts.items()
        if own.fact.kind == "number" and name in frame.columns
    }
    lines = range(part.line, part.line + len(frame))
    columns = dictionaries.columns(len(frame), codes)
    broken = (frame["id"].fill_null("").str.strip_chars() == "").to_numpy()
    return Rows(columns, frame["id"], numbers, broken, lines, data)


def in_json(value: object, of_courses: bool, told: bool) -> object:
    """Give a value of a table as a record holds it; `told` where what is null there is null in a record."""
    if isinstance(value, str) and of_courses:
        try:
            return parse_json(value)
        except ValueError:
            return value
    if isinstance(value, list):
        return [item if told else without_nulls(item) for item in value]
    return value


def without_nulls(item: object) -> object:
    return {key: value for key, value in item.items() if value is not None} if isinstance(item, dict) else item


def codes_of(series: pl.Series, dictionary: Dictionary) -> Codes:
    """Give the codes of the values in a column."""
    kind = dictionary.fact.kind
    if series.dtype == pl.Null:
        return np.full(len(series), dictionary.empty(), dtype=np.int64)
    if kind == "number":
        return codes_of_numbers(series, dictionary)
    if kind == "boolean":
        codes = [*(dictionary.code_of(truth) for truth in (False, True)), dictionary.empty()]
        return np.array(codes, dtype=np.int64).take(series.cast(pl.UInt8).fill_null(2).to_numpy())
    if kind == "courses" and series.dtype != pl.String:
        texts = series.list.eval(pl.element().struct.json_encode()).list.join(",")
        read = partial(structs_as_courses, told=dictionary.empty_is_unknown)
        return codes_of_texts("[" + texts + "]", dictionary, read)
    if kind == "courses":
        return codes_of_texts(series, dictionary, parse_text)
    return codes_of_texts(series.cast(pl.List(pl.String)) if kind == "list" else series, dictionary)


def structs_as_courses(text: str, told: bool) -> object:
    return in_json(json.loads(text), of_courses=True, told=told)


def parse_text(text: str) -> object:
    """Parse JSON; what is not JSON stays text, and is refused as such."""
    try:
        return parse_json(text)
    except (ValueError, RecordError):
        return text


def codes_of_texts(series: pl.Series, dictionary: Dictionary, read: Callable[[str], object] | None = None) -> Codes:
    """Give the codes of texts or lists of texts, each looked at once; `read` makes of a text what a record would hold."""
    rows_of = series.to_frame("value").with_row_index("row").group_by("value").agg("row")
    codes = []
    for value in rows_of["value"].to_list():
        if value is None:
            codes.append(dictionary.empty())
            continue
        key = ("list", *value) if isinstance(value, list) else ("text", value)
        code = dictionary.codes.get(key)
        codes.append(dictionary.code(key, read(value) if read else value) if code is None else code)
    rows = rows_of["row"]
    found = np.empty(len(series), dtype=np.int64)
    found[rows.explode().to_numpy()] = np.repeat(np.array(codes, dtype=np.int64), rows.list.len().to_numpy())
    return found


def codes_of_numbers(series: pl.Series, dictionary: Dictionary) -> Codes:
    """Give the codes of numbers: those of the intervals between thresholds that they are in."""
    exact = series.cast(pl.String) if series.dtype == pl.Float32 else series
    values = exact.cast(pl.Float64).to_numpy()
    fact, allowed = dictionary.fact, dictionary.model.range_of(dictionary.fact.name)
    invalid = ~np.isfinite(values)
    if allowed.minimum is not None:
        invalid |= values <= allowed.minimum if allowed.above else values < allowed.minimum
    if allowed.maximum is not None:
        invalid |= values > allowed.maximum
    codes = np.array([dictionary.code_of_interval(n) for n in range(len(fact.cuts) + 1)], dtype=np.int64)
    passed = np.zeros(len(values), dtype=np.int64)
    for cut in fact.cuts:
        passed += values > cut.threshold if cut.included else values >= cut.threshold
    found = codes[passed]
    return np.where(series.is_null().to_numpy(), dictionary.empty(), np.where(invalid, INVALID, found))
