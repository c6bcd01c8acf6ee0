"""The way back from a row of a cohort's answers to the whole answer, with its reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from msgspec import field

from reasoner.cohort.folder import guideline_copy
from reasoner.cohort.summary import SCHEMA
from reasoner.engine.answer import Answer, GuidelineInfo
from reasoner.errors import ReasonerError
from reasoner.guideline import Guideline, Selection, default_folder
from reasoner.records.record import ONE_OF, Record
from reasoner.records.shapes import Shape, to_plain

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

__all__ = ["Explanation", "explain", "explanation", "guideline_of", "manifest_of", "scan"]

KINDS = ("rules", "statements", "readings", "overlays", "trials")


def manifest_of(folder: Path) -> Mapping[str, object]:
    """Read the manifest of a folder of answers.

    Raises ReasonerError for a folder that holds no answers.
    """
    try:
        found = json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise ReasonerError(
            f"{folder}: holds no answers of a cohort (there is no run.json); give the folder that was given with -o"
        ) from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ReasonerError(f"{folder}: run.json is not of the schema {SCHEMA}")
    return found


def guideline_of(folder: Path) -> Guideline:
    """Load the guideline that answered, as the folder keeps it.

    Raises ReasonerError where it would no longer give the same answers: with other shared rules, or when edited there.
    """
    manifest = manifest_of(folder)
    info, own, overlays = manifest["guideline"], manifest["folder"], manifest["overlay_files"]
    assert isinstance(info, dict)
    assert isinstance(overlays, list)
    selection = Selection(
        Path(own) if isinstance(own, str) else default_folder(),
        str(info["layer"]),
        tuple(map(Path, overlays)),
        tuple(info["readings"]),
        bool(manifest.get("no_record_means_none")),
    )
    guideline = Guideline(guideline_copy(folder.resolve(), selection))
    if to_plain(guideline.info) != info:
        raise ReasonerError(
            f"{folder}: the answers are from the guideline {info['digest']}, but with this version of the package its copy "
            f"in guideline/ is {guideline.digest}; use the version that answered, or run the cohort again"
        )
    return guideline


def scan(folder: Path, kind: str) -> pl.LazyFrame:
    """Open the tables of a kind, "answers" or "explanations", in a folder.

    Raises ReasonerError where they are not complete.
    """
    manifest = manifest_of(folder)
    form, parts = manifest["format"], manifest["parts"]
    assert isinstance(parts, list)
    if not parts:
        raise ReasonerError(f"{folder}: holds the answers to an empty cohort; there is nothing to look up")
    paths = [folder / kind / f"part-{number:05}.{form}" for number in range(len(parts))]
    if not all(path.exists() for path in paths):
        raise ReasonerError(f"{folder}: the run is not complete; continue it with --resume")
    frame = pl.scan_parquet(paths) if form == "parquet" else pl.scan_ndjson(paths, infer_schema_length=None)
    return frame.cast({name: widest(kind) for name, kind in frame.collect_schema().items()})


def widest(kind: PolarsDataType) -> PolarsDataType:
    """Give the type in which columns of different runs can be compared: names are text, and ranks are whole numbers."""
    if isinstance(kind, pl.List):
        return pl.List(widest(kind.inner))
    if isinstance(kind, pl.Struct):
        return pl.Struct([pl.Field(field.name, widest(field.dtype)) for field in kind.fields])
    return pl.String() if isinstance(kind, pl.Enum) else pl.Int64() if kind.is_integer() else kind


def explain(folder: Path, name: str) -> Iterator[Answer]:
    """Answer again each patient who has an id, as `recommend` answers the record."""
    guideline = guideline_of(folder)
    return map(guideline.answer, records_of(folder, name, guideline))


def records_of(folder: Path, name: str, guideline: Guideline) -> Iterator[Record]:
    """Yield the records of the patients who have an id."""
    courses = {ONE_OF, *(fact.name for fact in guideline.model.facts if fact.kind == "courses")}
    rows = scan(folder, "answers").filter(pl.col("id") == name).select("record", "nulls", "remarks", "warning").collect()
    for row in rows.iter_rows(named=True):
        recorded = {key: value for key, value in row["record"].items() if value is not None}
        data = {key: json.loads(value) if key in courses else value for key, value in recorded.items()}
        data |= dict.fromkeys(row["nulls"] or ())
        record = guideline.parsed({"id": name, **data})
        yield record._replace(remarks=tuple(row["remarks"] or ()), warning=row["warning"] or "")


class Explanation(Shape, frozen=True, tag_field="schema", tag="reasoner.explanation/1"):
    """Rules that fire together and what they rest on, each kind in the order of the guideline, and for how many patients."""

    guideline: GuidelineInfo
    id: str = field(name="explanation")
    patients: int
    rules: tuple[str, ...]
    statements: tuple[str, ...]
    readings: tuple[str, ...]
    overlays: tuple[str, ...]
    trials: tuple[str, ...]


def explanation(folder: Path, name: str) -> Explanation:
    """Look an explanation up.

    Raises ReasonerError where the folder has none of this name.
    """
    guideline = guideline_of(folder)
    found = scan(folder, "explanations").filter(pl.col("explanation") == name).collect()
    if not len(found):
        raise ReasonerError(f"{folder}: {rejected(folder, name) or f'no patient and no explanation has the id {name}'}")
    patients = scan(folder, "answers").filter(pl.col("explanation") == name).select(pl.len()).collect().item()
    holds = {kind: tuple(names) for kind, names in found.row(0, named=True).items() if kind in KINDS}
    return Explanation(guideline=guideline.info, id=name, patients=patients, **holds)


def rejected(folder: Path, name: str) -> str:
    """Tell why the first rejected row with an id was rejected; an empty text where none was."""
    path = folder / "rejects.ndjson"
    for line in path.read_bytes().splitlines() if path.exists() else ():
        row = json.loads(line)
        if row["id"] == name:
            return f"{name} was rejected: {row['file']}, line {row['line']}: {row['reason']}"
    return ""
