"""Bulk exports of FHIR as a cohort: the resources of each patient put into one bundle, one a line."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from reasoner.errors import ReasonerError, RecordError
from reasoner.fhir import bundles_by_patient
from reasoner.files import write_whole
from reasoner.records.json_lines import is_resource, read_records
from reasoner.records.values import show

__all__ = ["gather", "is_export"]

LINES = {".ndjson", ".jsonl"}
WHOLE = ".json"
GZIP = ".gz"


def is_export(source: Path) -> bool:
    """Tell whether a source is a bulk export: a folder of JSON, a compressed file, or a file whose lines are resources."""
    if source.is_dir():
        return bool(files_of(source)) and not any(source.glob("*.parquet"))
    if source.suffix == GZIP:
        return True
    if source.suffix.lower() not in LINES or not source.is_file():
        return False
    return is_resource(first_object(source))


def first_object(source: Path) -> object:
    """Give what the first line holds that is a JSON object; None where no line is one."""
    with source.open("rb") as stream:
        for line in stream:
            with suppress(ValueError, RecursionError):
                if isinstance(found := json.loads(line.removeprefix(codecs.BOM_UTF8)), dict):
                    return found
    return None


def files_of(source: Path) -> list[Path]:
    """List the files of an export."""
    if not source.is_dir():
        return [source]
    return [path for path in sorted(source.iterdir()) if path.is_file() and set(path.suffixes) & {*LINES, WHOLE}]


def read_file(file: Path) -> Iterator[Mapping[str, object]]:
    """Yield what a file holds, one object or one a line.

    Raises ReasonerError, naming the line, where it cannot be read.
    """
    try:
        with gzip.open(file) if file.suffix == GZIP else file.open("rb") as stream:
            for place, data in read_records(cast("IO[bytes]", stream), str(file)):
                if not isinstance(data, dict):
                    raise RecordError(f"{place}: a record is a JSON object, not {show(data)}")
                yield data
    except (OSError, EOFError, zlib.error) as error:
        raise ReasonerError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def gather(source: Path, target: Path) -> None:
    """Write the bundles of an export's patients, one a line; what is no resource by itself keeps its line.

    Raises ReasonerError where a file cannot be read or written. A line that cannot be read may be about any patient, so
    nothing is written then.
    """
    resources: list[Mapping[str, object]] = []
    others: list[Mapping[str, object]] = []
    for file in files_of(source):
        for data in read_file(file):
            (resources if is_resource(data) else others).append(data)
    gathered = [*(bundles_by_patient(resources) if resources else ()), *others]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReasonerError(f"{target.parent}: cannot be written: {error.strerror}") from None
    write_whole(target, b"".join(json.dumps(own).encode() + b"\n" for own in gathered))
