"""What commands read: the guideline that the options choose, and patients' records."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import click

from reasoner.errors import ReasonerError, RecordError
from reasoner.guideline import Guideline, Selection

if TYPE_CHECKING:
    from reasoner.records.record import Record

__all__ = ["accepted_reasons", "load", "one_record", "read", "records"]

STDIN = "standard input"
GZIP = b"\x1f\x8b"
LIMIT = 512 * 2**20


def load(selection: Selection, with_fhir: bool = False) -> Guideline:
    """Load a guideline and print its warnings; `with_fhir` loads its FHIR tables, if any, now rather than when needed."""
    guideline = Guideline(selection)
    if with_fhir and (guideline.folder / "fhir").is_dir():
        _ = guideline.tables
    for warning in guideline.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return guideline


def accepted_reasons(path: Path | None) -> dict[str, str]:
    """Read a file of accepted findings, if one is given: the reason of each by its id."""
    from reasoner.verification.findings import read_accepted

    if path is None:
        return {}
    try:
        return read_accepted(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ReasonerError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ReasonerError(f"{path}: not UTF-8 text") from None


def records(names: tuple[str, ...], guideline: Guideline, edits: Sequence[str] = ()) -> Iterator[Record]:
    """Read and validate the records of all files and folders, ``-`` being standard input, each as `edits` correct it.

    Resources that are no bundles, as bulk exports hold them one a line, are put together for each patient.

    Raises RecordError, naming file, line and field, for what cannot be used.
    """
    from reasoner.records.json_lines import is_resource, read_records

    if names.count("-") > 1:
        raise RecordError("standard input can be read only once; give - once")
    exported: dict[str, Mapping[str, object]] = {}
    for name in [own for given in names for own in files_of(given)]:
        try:
            with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
                for place, data in read_records(unzipped(stream), STDIN if name == "-" else name):
                    if is_resource(data):
                        exported[place] = data
                    else:
                        yield record_at(place, data, guideline, edits)
        except (OSError, EOFError, zlib.error) as error:
            raise RecordError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if exported:
        from reasoner.fhir import bundles_by_patient

        for own in bundles_by_patient(exported.items()):
            yield record_at(own.place, own.bundle, guideline, edits)


def record_at(place: str, data: object, guideline: Guideline, edits: Sequence[str]) -> Record:
    """Validate a record as `edits` correct it; raises RecordError with its place."""
    try:
        if not edits:
            return guideline.record(data)
        from reasoner.queries.corrections import corrected_record

        return corrected_record(guideline, data, edits)
    except RecordError as error:
        raise RecordError(f"{place}: {error}") from None


def files_of(name: str) -> list[str]:
    """List the files of a folder; a file is its own.

    Raises RecordError for a folder without any.
    """
    if name == "-" or not Path(name).is_dir():
        return [name]
    found = [str(path) for path in sorted(Path(name).iterdir()) if set(path.suffixes) & {".json", ".ndjson"}]
    if not found:
        raise RecordError(f"{name}: cannot be read: a folder without files .json or .ndjson")
    return found


def unzipped(stream: IO[bytes]) -> IO[bytes]:
    """Give what a stream holds, which may be compressed with gzip."""
    start = stream.peek(2)[:2] if isinstance(stream, io.BufferedReader) else b""
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if start == GZIP else stream


def one_record(patient: str, guideline: Guideline, edits: Sequence[str] = ()) -> Record:
    """Read the one record that a question is about, as `edits` correct it.

    Raises RecordError where there is none, several, or one that cannot be used.
    """
    found = list(records((patient,), guideline, edits))
    if len(found) != 1:
        raise RecordError(f"{patient}: {len(found)} records; this command takes one")
    return found[0]


def read(name: str) -> tuple[str, bytes]:
    """Read a file, or standard input for ``-``; given back are what messages call it, and its content."""
    if name != "-" and Path(name).is_dir():
        raise RecordError(f"{name}: a folder; give one file: a bundle, or the resources of one patient, one a line")
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
            content = unzipped(stream).read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > LIMIT:
        raise RecordError(f"{name}: larger than a chart can be ({LIMIT // 2**20} MiB)")
    return (STDIN if name == "-" else name), content
