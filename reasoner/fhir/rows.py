"""The rows of the tables by which a guideline reads FHIR: CSV files, checked, each row with its place."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from reasoner.errors import GuidelineError, nearest
from reasoner.fhir.systems import SYSTEMS
from reasoner.fhir.words import normalise

__all__ = ["COLUMNS", "TEXT", "Row", "check_systems", "number", "one_of", "read_tables", "refuse_repeated"]

CODED = ("system", "code", "name", "finding", "value", "provenance")
COLUMNS = {
    "drugs": ("system", "code", "name", "drug", "level", "provenance"),
    "conditions": ("system", "code", "site", "name", "finding", "value", "provenance"),
    "tests": ("system", "code", "name", "finding", "values", "provenance"),
    "values": ("values", "system", "code", "name", "value", "provenance"),
    "facts": ("fact", "method", "of", "meaning"),
    "periods": ("period", "length", "unit", "meaning", "provenance"),
    "allergies": CODED,
    "procedures": CODED,
}
TEXT = "text"
FEW = 20
URLS = ("://", "urn:")
Row = dict[str, str]


def read_tables(folder: Path) -> tuple[dict[str, list[Row]], str]:
    """Read the tables in a folder, each by its name, and give the digest of the files; those that are not there are empty.

    Raises GuidelineError with file and line for a table that cannot be read, a row that is not whole, and a file that is no
    table.
    """
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in COLUMNS:
            names = ", ".join(f"{name}.csv" for name in sorted(COLUMNS))
            raise GuidelineError(f"{path}: not a table; allowed: {names}{nearest(path.stem, COLUMNS)}.")
    total = hashlib.sha256()
    found = {
        name: read_rows(folder / f"{name}.csv", columns, total) if (folder / f"{name}.csv").exists() else []
        for name, columns in COLUMNS.items()
    }
    if not found["facts"]:
        raise GuidelineError(f"{folder / 'facts.csv'}: missing or without rows; it says how each fact is read from FHIR.")
    return found, f"sha256:{total.hexdigest()}"


def read_rows(path: Path, columns: tuple[str, ...], total: hashlib._Hash) -> list[Row]:
    """Read one table, each row with its place, and add the file to a digest."""
    try:
        content = path.read_bytes()
        lines = list(csv.reader(content.decode("utf-8").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise GuidelineError(f"{path}: cannot be read as CSV: {error}; FHIR is read only with this table.") from None
    total.update(f"{path.stem} {len(content)}\n".encode() + content)
    check_columns(path, tuple(lines[0]) if lines else (), columns)
    rows: list[Row] = []
    for line, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(columns):
            raise GuidelineError(f"{path}:{line}: {len(cells)} columns; expected {len(columns)}: {', '.join(columns)}.")
        odd = next((c for c in "".join(cells) if not c.isprintable()), None)
        if odd is not None:
            raise GuidelineError(f"{path}:{line}: a cell holds U+{ord(odd):04X}, which cannot be printed; leave it out.")
        row = {"place": f"{path}:{line}", **dict(zip(columns, cells, strict=True))}
        if row.get("system") == TEXT and row["code"] != normalise(row["code"]):
            raise GuidelineError(
                f'{row["place"]}: "{row["code"]}": texts are compared in lower case; write "{normalise(row["code"])}".'
            )
        rows.append(row)
    return rows


def check_columns(path: Path, found: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Refuse a table with other columns than its own."""
    if found != columns:
        other = next((name for name in found if name not in columns), None)
        meant = "" if other is None else f'"{other}" is not a column{nearest(other, columns)}; '
        raise GuidelineError(f"{path}:1: {meant}the columns must be {', '.join(columns)}, in this order.")


def check_systems(rows: Iterable[Row], *others: str) -> None:
    """Refuse rows of a code system that has no name and no URL; `others` can stand there too, before a colon."""
    for row in rows:
        system = row["system"]
        if not any(mark in system for mark in URLS):
            one_of(row, "code system", system.partition(":")[0], {*SYSTEMS.values(), TEXT, *others})


def refuse_repeated(rows: Iterable[Row], *columns: str) -> None:
    """Refuse a row that says again, or otherwise, what a row before it says, by the columns that tell rows apart."""
    first: dict[tuple[str, ...], str] = {}
    for row in rows:
        key = tuple(row[column] for column in columns)
        if key in first:
            told = ", ".join(f'{column} "{row[column]}"' for column in columns)
            raise GuidelineError(f"{row['place']}: {told}: stands in {first[key].rpartition(':')[2]} too; leave one out.")
        first[key] = row["place"]


def one_of(row: Mapping[str, str], kind: str, value: str, allowed: Collection[str]) -> str:
    """Give a value back; raises GuidelineError where it is not one of those allowed."""
    if value not in allowed:
        names = f"; allowed: {', '.join(sorted(allowed))}" if len(allowed) <= FEW else ""
        raise GuidelineError(f'{row["place"]}: "{value}" is not a known {kind}{names}{nearest(value, allowed)}.')
    return value


def number(row: Mapping[str, str], value: str) -> float:
    """Convert a value to a finite number; raises GuidelineError where it is none."""
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise GuidelineError(f'{row["place"]}: "{value}" is not a number.')
    return found
