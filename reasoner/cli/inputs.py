"""What commands read: the guideline that the options choose, and patients' records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reasoner.errors import RecordError
from reasoner.guideline import Guideline, Selection

if TYPE_CHECKING:
    from reasoner.records.record import Record

__all__ = ["load", "one_record", "read", "records"]

STDIN = "standard input"


def load(selection: Selection, with_fhir: bool = False) -> Guideline:
    """Load a guideline and print its warnings; `with_fhir` loads its FHIR tables, if any, now rather than when needed."""
    guideline = Guideline(selection)
    if with_fhir and (guideline.folder / "fhir").is_dir():
        _ = guideline.tables
    for warning in guideline.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return guideline


def records(names: tuple[str, ...], guideline: Guideline) -> Iterator[Record]:
    """Read and validate the records of all files, ``-`` being standard input.

    Raises RecordError, naming file, line and field, for what cannot be used.
    """
    from reasoner.records.json_lines import read_records

    if names.count("-") > 1:
        raise RecordError("standard input can be read only once; give - once")
    for name in names:
        try:
            with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
                for place, data in read_records(stream, STDIN if name == "-" else name):
                    try:
                        yield guideline.record(data)
                    except RecordError as error:
                        raise RecordError(f"{place}: {error}") from None
        except OSError as error:
            raise RecordError(f"{name}: cannot be read: {error.strerror}") from None


def one_record(patient: str, guideline: Guideline) -> Record:
    """Read the one record that a question is about.

    Raises RecordError where there is none, several, or one that cannot be used.
    """
    found = list(records((patient,), guideline))
    if len(found) != 1:
        raise RecordError(f"{patient}: {len(found)} records; this command takes one")
    return found[0]


def read(name: str) -> tuple[str, bytes]:
    """Read a file, or standard input for ``-``; given back are what messages call it, and its content."""
    if name == "-":
        return STDIN, sys.stdin.buffer.read()
    try:
        return name, Path(name).read_bytes()
    except OSError as error:
        raise RecordError(f"{name}: cannot be read: {error.strerror}") from None
