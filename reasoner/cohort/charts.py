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

import msgspec

from reasoner.cohort.origins import CHARTS, ORIGINS, origin
from reasoner.errors import ReasonerError, RecordError
from reasoner.fhir import bundles_by_patient
from reasoner.files import write_whole
from reasoner.records.json_lines import is_resource, read_records
from reasoner.records.values import show

__all__ = ["gather", "is_export"]

LINES = {".ndjson", ".jsonl"}
WHOLE = ".json"
GZIP = ".gz"


class Kind(msgspec.Struct):
    """A line as far as it says what it is."""

    resourceType: str | None = None  # noqa: N815 (FHIR's name)


def is_export(source: Path) -> bool:
    """Tell whether a source is a bulk export: a folder of JSON, a compressed file, or a file where a line is a resource."""
    if source.is_dir():
        return bool(files_of(source)) and not any(source.glob("*.parquet"))
    if source.suffix == GZIP:
        return True
    if source.suffix.lower() not in LINES or not source.is_file():
        return False
    with source.open("rb") as stream:
        return any(map(may_be_resource, stream))


def may_be_resource(line: bytes) -> bool:
    """Tell whether a line is a resource by itself, as far as it can be told before the line is read."""
    if b"resourceType" not in line:
        return False
    with suppress(msgspec.MsgspecError, RecursionError):
        return is_resource(msgspec.structs.asdict(msgspec.json.decode(line.removeprefix(codecs.BOM_UTF8), type=Kind)))
    return False


def files_of(source: Path) -> list[Path]:
    """List the files of an export."""
    if not source.is_dir():
        return [source]
    return [path for path in sorted(source.iterdir()) if path.is_file() and set(path.suffixes) & {*LINES, WHOLE}]


def read_file(file: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield what a file holds, one object or one a line, each with its place.

    Raises ReasonerError, naming the line, where it cannot be read.
    """
    try:
        with gzip.open(file) if file.suffix == GZIP else file.open("rb") as stream:
            for place, data in read_records(cast("IO[bytes]", stream), str(file)):
                if not isinstance(data, dict):
                    raise RecordError(f"{place}: a record is a JSON object, not {show(data)}")
                yield place, data
    except (OSError, EOFError, zlib.error) as error:
        raise ReasonerError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def gather(source: Path, output: Path) -> Path:
    """Write the bundles of an export's patients, one a line, and where each is from; give the file of the bundles.

    Records and bundles, of which each is a patient, are written as they are. Raises ReasonerError where a file cannot be
    read or written, and where resources and what is a patient by itself are mixed. A line that cannot be read may be about
    any patient, so nothing is written then.
    """
    resources: list[tuple[str, Mapping[str, object]]] = []
    whole: list[tuple[str, Mapping[str, object]]] = []
    for file in files_of(source):
        for place, data in read_file(file):
            (resources if is_resource(data) else whole).append((place, data))
            if resources and whole:
                raise mixed(resources[0][0], *whole[0])
    patients = bundles_by_patient(resources)
    gathered = [*(own.bundle for own in patients), *(data for _, data in whole)]
    found = [origin(own.place, own.patient) for own in patients]
    found += [origin(place, None if (name := data.get("id")) is None else str(name)) for place, data in whole]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReasonerError(f"{output}: cannot be written: {error.strerror}") from None
    write_whole(output / ORIGINS, b"".join(msgspec.json.encode(own) + b"\n" for own in found))
    write_whole(output / CHARTS, b"".join(json.dumps(own).encode() + b"\n" for own in gathered))
    return output / CHARTS


def mixed(resource: str, place: str, data: Mapping[str, object]) -> RecordError:
    """Say that a record or a bundle stands among resources, by the first of each."""
    kind = "a bundle" if "resourceType" in data else "a record"
    return RecordError(
        f"{place}: {kind}, which is a patient by itself, and at {resource} a FHIR resource, which is a part of one; "
        "allowed: one or the other; put the resources into a file of their own"
    )
