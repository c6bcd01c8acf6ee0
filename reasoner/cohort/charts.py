"""Bulk exports of FHIR as a cohort: the resources of each patient put into one bundle, one a line."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from reasoner.errors import ReasonerError
from reasoner.fhir import bundles_by_patient
from reasoner.files import write_whole

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
    return is_resource(next(lines_of(source), b""))


def is_resource(line: bytes) -> bool:
    """Tell whether a line is a resource, and no bundle."""
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("resourceType") not in (None, "Bundle")


def files_of(source: Path) -> list[Path]:
    """List the files of an export."""
    if not source.is_dir():
        return [source]
    return [path for path in sorted(source.iterdir()) if path.is_file() and set(path.suffixes) & {*LINES, WHOLE}]


def lines_of(file: Path) -> Iterator[bytes]:
    """Yield the lines of a file that are not blank; a file of one resource is one line.

    Raises ReasonerError where it cannot be read.
    """
    try:
        with gzip.open(file) if file.suffix == GZIP else file.open("rb") as stream:
            for number, line in enumerate([stream.read()] if WHOLE in file.suffixes else stream):
                own = line.removeprefix(codecs.BOM_UTF8) if number == 0 else line
                if own.strip():
                    yield own.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise ReasonerError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def gather(source: Path, target: Path) -> None:
    """Write the bundles of an export's patients, one a line; what is no resource by itself keeps its line.

    Raises ReasonerError where a file cannot be read or written.
    """
    resources, others = [], []
    for file in files_of(source):
        for line in lines_of(file):
            if is_resource(line):
                resources.append(json.loads(line))
            else:
                others.append(b" ".join(line.splitlines()))
    bundles = [json.dumps(own, ensure_ascii=False).encode() for own in bundles_by_patient(resources)] if resources else []
    write_whole(target, b"".join(line + b"\n" for line in (*bundles, *others)))
