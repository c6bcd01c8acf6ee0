"""The way back from a row of a cohort's answers to the whole answer, with its reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from reasoner.answer import Answer
from reasoner.cohort.run import SCHEMA
from reasoner.errors import ReasonerError
from reasoner.guideline import Guideline

__all__ = ["explain", "guideline_of", "manifest_of", "scan"]


def manifest_of(folder: Path) -> Mapping[str, object]:
    """Read what a folder of answers is about.

    Raises ReasonerError for a folder that holds none.
    """
    try:
        found = json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise ReasonerError(f"{folder}: holds no answers of a cohort (no run.json); give the folder that -o named") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ReasonerError(f"{folder}: run.json is not of the schema {SCHEMA}")
    return found


def guideline_of(folder: Path) -> Guideline:
    """Load the guideline that answered.

    Raises ReasonerError where it has changed since, so that it would not give the same answers.
    """
    manifest = manifest_of(folder)
    info, own, overlays = manifest["guideline"], manifest["folder"], manifest["overlay_files"]
    assert isinstance(info, dict)
    assert isinstance(overlays, list)
    guideline = Guideline.load(own if isinstance(own, str) else None, str(info["layer"]), overlays)
    if guideline.info.to_dict() != info:
        raise ReasonerError(
            f"{folder}: the guideline has changed since ({guideline.digest}, then {info['digest']}); run the cohort again"
        )
    return guideline


def scan(folder: Path, kind: str) -> pl.LazyFrame:
    """Open the answers, or the explanations, of a folder.

    Raises ReasonerError where they are not complete.
    """
    manifest = manifest_of(folder)
    form, parts = manifest["format"], manifest["parts"]
    assert isinstance(parts, list)
    paths = [folder / kind / f"part-{number:05}.{form}" for number in range(len(parts))]
    if not all(path.exists() for path in paths):
        raise ReasonerError(f"{folder}: the run is not complete; --resume continues it")
    return pl.scan_parquet(paths) if form == "parquet" else pl.scan_ndjson(paths, infer_schema_length=None)


def explain(folder: Path, name: str) -> Iterator[Answer]:
    """Answer again whoever has an id, of a patient or of an explanation, as `recommend` answers the record.

    Raises ReasonerError where nobody has it.
    """
    guideline = guideline_of(folder)
    weight = guideline.knowledge.weight
    rows = scan(folder, "answers").filter(pl.col("id") == name).collect()
    wanted = list(rows["explanation"]) if len(rows) else [name]
    told = scan(folder, "explanations").filter(pl.col("explanation").is_in(wanted)).select("explanation", "record").collect()
    records = dict(zip(told["explanation"], told["record"], strict=True))
    if not records:
        raise ReasonerError(f"{folder}: nobody has the id {name}, and no explanation")
    if not len(rows):
        yield guideline.answer({"id": name, **json.loads(records[name])})
    for row in rows.iter_rows(named=True):
        more = {weight: row[weight]} if weight and row.get(weight) is not None else {}
        yield guideline.answer({"id": name, **json.loads(records[row["explanation"]]), **more})
