"""Where the records of a cohort come from: Parquet, CSV or NDJSON, cut into parts that are each read by themselves.

A line of NDJSON holds a record or a FHIR bundle.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from reasoner.cohort.columns import BAD, Column, Columns, Values
from reasoner.cohort.csv_text import BLOCK, header, row_ends
from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import ReasonerError, RecordError, nearest
from reasoner.fhir import remarks as remarks_of
from reasoner.guideline import Guideline
from reasoner.records.record import interval, number, parse_json

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

    from reasoner.cohort.bits import Codes
    from reasoner.cohort.columns import Bits

__all__ = ["FORMATS", "Part", "Rows", "plan", "read"]

FORMATS = (".parquet", ".csv", ".ndjson", ".jsonl")
TABLES = (".csv", ".parquet")


class Part(NamedTuple):
    """A interval of a file: rows of a Parquet file, bytes of a text. `line` is its first row, or line, counted from 1."""

    file: str
    start: int
    stop: int
    line: int
    rows: int


class Rows(NamedTuple):
    """The rows of a part in columns.

    `broken` marks those that are no record of any values; `data` gives a row as the record that it is, by its number, or
    raises RecordError; `lines` are their places in the file. `numbers` are the numbers themselves, of each fact that is one.
    `remarks` say of each row what a reader of its answer has to know of how it was read, where it was read from FHIR.
    """

    columns: Columns
    ids: pl.Series
    numbers: Mapping[str, pl.Series]
    broken: Bits
    lines: Sequence[int]
    data: Callable[[int], object]
    remarks: Sequence[Sequence[str]] = ()


def plan(path: Path, size: int, model: GuidelineModel, apart: bool = False) -> list[Part]:
    """SolveTimeout a file, or a folder of Parquet files, into parts of at most `size` rows; courses can stand `apart`.

    Raises ReasonerError for what is no cohort, and for columns that are no facts.
    """
    files = files_of(path)
    if not model.facts:
        raise ReasonerError("the guideline declares no fact, so all patients are alike; reasoner recommend answers for one")
    if apart and files[0].suffix.lower() not in TABLES:
        raise ReasonerError(f"{path}: its records hold their courses; --courses goes with {' and '.join(TABLES)}")
    return [
        part
        for file in files
        for part in (parquet_parts if file.suffix == ".parquet" else text_parts)(file, size, model, apart)
    ]


def files_of(path: Path) -> list[Path]:
    """List the files of a cohort: one file, or the Parquet files of a folder, in the order of their names."""
    if path.is_dir():
        found = sorted(path.glob("*.parquet"))
        for below in path.glob("*/**/*.parquet"):
            place = below.relative_to(path)
            if not (path / place.parts[0] / "run.json").exists():
                raise ReasonerError(f"{path}: {place} is in a folder below; put all parts into one folder")
        if not found:
            raise ReasonerError(f"{path}: no .parquet file in this folder")
        return found
    if not path.is_file():
        raise ReasonerError(f"{path}: no such file")
    if path.suffix.lower() not in FORMATS:
        raise ReasonerError(
            f'{path}: "{path.suffix}" is no format of cohorts{nearest(path.suffix, FORMATS)}; allowed: '
            f"{', '.join(FORMATS)}, or a folder of .parquet files"
        )
    return [path]


def check_columns(file: Path, names: Sequence[str], model: GuidelineModel, apart: bool) -> None:
    """Refuse columns that are no facts, and a table without those that every record has.

    Courses have no column where they stand `apart`, in a file of their own.
    """
    facts = [fact for fact in model.facts if not (apart and fact.kind == "courses")]
    for fact in model.facts:
        if fact not in facts and fact.name in names:
            raise ReasonerError(f"{file}: column {fact.name}: here, and in --courses, too; leave one out")
    allowed = ("id", *(fact.name for fact in facts))
    needed = {"id": "every record has it"} | {
        fact.name: f"every record has it{', or --courses FILE' if fact.kind == 'courses' else ''}"
        for fact in facts
        if fact.required
    }
    check_names(file, names, allowed, needed)


def check_names(file: Path, names: Sequence[str], allowed: Sequence[str], needed: Mapping[str, str]) -> None:
    """Refuse a header with a name that is not allowed, one that stands twice, or without one that is needed: it says why."""
    for place, name in enumerate(names):
        if name not in allowed:
            raise ReasonerError(f"{file}: column {name}: unknown{nearest(name, allowed)}; allowed: {', '.join(allowed)}")
        if name in names[:place]:
            raise ReasonerError(f"{file}: column {name}: it stands twice; keep one")
    for name, why in needed.items():
        if name not in names:
            raise ReasonerError(f"{file}: column {name}: missing; {why}")


def parquet_parts(file: Path, size: int, model: GuidelineModel, apart: bool) -> Iterator[Part]:
    try:
        frame = pl.scan_parquet(file)
        schema = frame.collect_schema()
        rows = int(frame.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReasonerError(f"{file}: cannot be read as Parquet: {first_line(error)}") from None
    check_columns(file, list(schema), model, apart)
    for fact in model.facts:
        if fact.name in schema and not fits(fact, schema[fact.name]):
            raise ReasonerError(
                f"{file}: column {fact.name}: {schema[fact.name]} cannot hold it; allowed: {KINDS[fact.kind]}"
            )
    if not (is_text(schema["id"]) or schema["id"].is_integer()):
        raise ReasonerError(f"{file}: column id: {schema['id']} cannot hold it; allowed: text, whole numbers")
    for start in range(0, rows, size):
        stop = min(start + size, rows)
        yield Part(str(file), start, stop, start + 1, stop - start)


KINDS = {
    "boolean": "booleans",
    "choice": "text",
    "number": "numbers",
    "list": "lists of text",
    "courses": "JSON text, or lists of structs with drugs and outcome",
}


def fits(fact: Fact, kind: pl.DataType) -> bool:
    """Tell whether a Parquet column of a type can hold a fact."""
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


def text_parts(file: Path, size: int, model: GuidelineModel, apart: bool) -> Iterator[Part]:
    """SolveTimeout a text at ends of lines; in CSV not at those inside quotes."""
    table = file.suffix.lower() == ".csv"
    with file.open("rb") as stream:
        if table:
            check_columns(file, header(stream.readline(), file), model, apart)
        start = at = stream.tell()
        line, rows = 2 if table else 1, 0
        for length, ends in row_ends(stream, file) if table else line_ends(stream):
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


def read(part: Part, values: Mapping[str, Values], guideline: Guideline) -> Rows:
    """Read a part.

    Raises ReasonerError where the file cannot be read as what it was.
    """
    file, model = Path(part.file), guideline.model
    try:
        if file.suffix == ".parquet":
            return read_parquet(part, values, model)
        with file.open("rb") as stream:
            stream.seek(part.start)
            content = stream.read(part.stop - part.start)
            if file.suffix.lower() != ".csv":
                return read_ndjson(part, content, values, guideline)
            stream.seek(0)
            names = header(stream.readline(), file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ReasonerError(f"{file}: cannot be read: {first_line(error)}") from None
    return read_csv(part, names, content, values, model)


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def read_parquet(part: Part, values: Mapping[str, Values], model: GuidelineModel) -> Rows:
    frame = pl.scan_parquet(part.file).slice(part.start, part.rows).collect()
    frame = frame.cast({name: pl.String for name, kind in frame.schema.items() if name == "id" or is_text(kind)})
    columns = tuple(
        Column(values[fact.name], codes_of(frame[fact.name], fact, values[fact.name]))
        if fact.name in frame.columns
        else absent(values[fact.name], len(frame))
        for fact in model.facts
    )

    def data(row: int) -> object:
        told = frame.row(row, named=True)
        return {name: in_json(name, value, model) for name, value in told.items() if value is not None}

    numbers = {
        fact.name: frame[fact.name].cast(pl.Float64)
        for fact in model.facts
        if fact.kind == "number" and fact.name in frame.columns
    }
    lines = range(part.line, part.line + len(frame))
    return Rows(Columns(model, columns), frame["id"], numbers, frame["id"].is_null().to_numpy(), lines, data)


def in_json(name: str, value: object, model: GuidelineModel) -> object:
    """Give a value of a table as a record holds it."""
    if isinstance(value, str) and any(fact.name == name and fact.kind == "courses" for fact in model.facts):
        try:
            return parse_json(value)
        except ValueError:
            return value
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def without_nulls(item: object) -> object:
    return {key: value for key, value in item.items() if value is not None} if isinstance(item, dict) else item


def absent(values: Values, rows: int) -> Column:
    return Column(values, np.full(rows, values.number(None, None), dtype=np.int64))


def codes_of(series: pl.Series, fact: Fact, values: Values) -> Codes:
    """Give the numbers of the values in a Parquet column."""
    if series.dtype == pl.Null:
        return absent(values, len(series)).codes
    if fact.kind == "number":
        return intervals(series, fact, values)
    if fact.kind == "courses" and series.dtype != pl.String:
        texts = series.list.eval(pl.element().struct.json_encode()).list.join(",")
        return by_value("[" + texts + "]", values, lambda text: [without_nulls(course) for course in json.loads(text)])
    if fact.kind == "courses":
        return by_value(series, values, parse_text)
    if fact.kind == "boolean":
        numbers = [*(values.number((bool, truth), truth) for truth in (False, True)), values.number(None, None)]
        return np.array(numbers, dtype=np.int64).take(series.cast(pl.UInt8).fill_null(2).to_numpy())
    return by_value(series.cast(pl.List(pl.String)) if fact.kind == "list" else series, values)


def parse_text(text: str) -> object:
    try:
        return parse_json(text)
    except (ValueError, RecordError):
        return text


def by_value(series: pl.Series, values: Values, read: Callable[[str], object] | None = None) -> Codes:
    """Give the numbers of a column's values, each looked at once; `read` makes of a text what a record would hold."""
    held = series.to_frame("value").with_row_index("row").group_by("value").agg("row")
    numbers = []
    for value in held["value"].to_list():
        key = ("list", *value) if isinstance(value, list) else value if value is None else ("text", value)
        known = values.numbers.get(key)
        numbers.append(values.number(key, read(value) if read and value is not None else value) if known is None else known)
    rows = held["row"]
    found = np.empty(len(series), dtype=np.int64)
    found[rows.explode().to_numpy()] = np.repeat(np.array(numbers, dtype=np.int64), rows.list.len().to_numpy())
    return found


def intervals(series: pl.Series, fact: Fact, values: Values) -> Codes:
    """Give the numbers of the intervals between thresholds; a number that no rule compares only has to be valid."""
    given = series.cast(pl.Float64).to_numpy()
    nothing = series.is_null().to_numpy()
    low, strict = values.model.bounds.get(fact.name, (None, False))
    bad = ~np.isfinite(given)
    if low is not None:
        bad |= (given <= low) if strict else (given < low)
    if fact.thresholds:
        ends = (*fact.thresholds, fact.thresholds[-1] + 1)
        numbers = np.array([values.number(("interval", place), end) for place, end in enumerate(ends)], dtype=np.int64)
        codes = numbers[np.searchsorted(np.array(fact.thresholds), given, side="left")]
    else:
        codes = absent(values, len(series)).codes
    codes = np.where(bad, BAD, codes)
    return np.where(nothing, values.number(None, None), codes)


def read_ndjson(part: Part, content: bytes, values: Mapping[str, Values], guideline: Guideline) -> Rows:
    """Read a record, or a FHIR bundle, a line; blank lines are none."""
    model = guideline.model
    lines = [(part.line + n, line) for n, line in enumerate(content.split(b"\n")) if line.strip()]

    def data(row: int) -> object:
        number, line = lines[row]
        try:
            return parse_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except json.JSONDecodeError as error:
            raise RecordError(f"column {error.colno}: not JSON: {error.msg}") from None
        except UnicodeDecodeError:
            raise RecordError("not UTF-8 text") from None

    records: list[Mapping[str, object]] = []
    remarks: list[Sequence[str]] = []
    broken = np.zeros(len(lines), dtype=bool)
    allowed = {"id", *values}
    for row in range(len(lines)):
        try:
            found, said = data(row), list[str]()
            if isinstance(found, Mapping) and "resourceType" in found:
                facts = guideline.read_fhir(found)
                found, said = facts.record, list(remarks_of(facts, guideline.model))
        except RecordError:
            found, said = None, list[str]()
        remarks.append(said)
        broken[row] = not isinstance(found, Mapping) or not allowed.issuperset(found)
        records.append(found if isinstance(found, Mapping) else {})
    columns = tuple(
        Column(
            values[fact.name],
            np.array([coded(record.get(fact.name), fact, values[fact.name]) for record in records], dtype=np.int64),
        )
        for fact in model.facts
    )
    numbers = {
        fact.name: pl.Series([as_float(record.get(fact.name)) for record in records], dtype=pl.Float64)
        for fact in model.facts
        if fact.kind == "number"
    }
    ids = [valid_text(record.get("id")) for record in records]
    broken |= np.array([name is None for name in ids], dtype=bool)
    named = pl.Series(ids, dtype=pl.String)
    return Rows(Columns(model, columns), named, numbers, broken, [number for number, _ in lines], data, remarks)


def valid_text(name: object) -> str | None:
    """Give a text that can be written as UTF-8, None for all else."""
    if isinstance(name, str) and (name.isascii() or not any("\ud800" <= c <= "\udfff" for c in name)):
        return name
    return None


def coded(value: object, fact: Fact, values: Values) -> int:
    """Give the number of a record's value."""
    if value is None:
        return values.number(None, None)
    if fact.kind == "number":
        try:
            given = number(fact.name, value, values.model)
        except RecordError:
            return BAD
        if not fact.thresholds:
            return values.number(None, None)
        place = interval(given, fact.thresholds)
        return values.number(("interval", place), (*fact.thresholds, fact.thresholds[-1] + 1)[place])
    try:
        key: Hashable = (type(value), value) if isinstance(value, str | bool) else json.dumps(value)
    except RecursionError:
        return BAD
    return values.number(key, value)


def read_csv(part: Part, names: Sequence[str], content: bytes, values: Mapping[str, Values], model: GuidelineModel) -> Rows:
    """Read rows of CSV: an empty cell is not recorded; lists and courses are JSON, or names with ; between them."""
    text = content.decode("utf-8", errors="surrogateescape")
    table = list(csv.reader(io.StringIO(text, newline="")))
    rows = [(part.line + n, row) for n, row in enumerate(table) if row]
    facts = {fact.name: fact for fact in model.facts}

    def data(row: int) -> object:
        cells = rows[row][1]
        if len(cells) != len(names):
            raise RecordError(f"{len(cells)} cells, and the header has {len(names)}")
        if None in map(valid_text, cells):
            raise RecordError("not UTF-8 text")
        told = zip(names, cells, strict=True)
        return {name: cell if name == "id" else in_cell(facts[name].kind, cell) for name, cell in told if cell}

    fitting = np.array([len(cells) == len(names) for _, cells in rows], dtype=bool)
    columns = []
    for fact in model.facts:
        if fact.name not in names:
            columns.append(absent(values[fact.name], len(rows)))
            continue
        at = names.index(fact.name)
        known: dict[str, int] = {"": values[fact.name].number(None, None)}
        codes = []
        for _, cells in rows:
            cell = cells[at] if len(cells) > at else ""
            if cell not in known:
                known[cell] = coded(in_cell(fact.kind, cell), fact, values[fact.name])
            codes.append(known[cell])
        columns.append(Column(values[fact.name], np.array(codes, dtype=np.int64)))
    numbers = {}
    for fact in model.facts:
        if fact.kind == "number" and fact.name in names:
            at = names.index(fact.name)
            given = [as_float(as_number(cells[at])) if len(cells) > at else None for _, cells in rows]
            numbers[fact.name] = pl.Series(given, dtype=pl.Float64)
    ids = [valid_text(cells[names.index("id")]) if len(cells) == len(names) else None for _, cells in rows]
    broken = ~fitting | np.array([not name for name in ids], dtype=bool)
    named = pl.Series(ids, dtype=pl.String)
    return Rows(Columns(model, tuple(columns)), named, numbers, broken, [line for line, _ in rows], data)


def as_float(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def as_number(cell: str) -> object:
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        return float(cell)
    except ValueError:
        return cell


def in_cell(kind: str, cell: str) -> object:
    """Read a cell as the value of a fact of a kind; what is none stays text, and is refused as such."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(cell.lower(), cell)
    if kind in ("number", "integer"):
        return as_number(cell)
    if kind == "courses" or (kind == "list" and cell.lstrip().startswith("[")):
        return parse_text(cell)
    if kind == "list":
        return [item.strip() for item in cell.split(";")]
    return cell
