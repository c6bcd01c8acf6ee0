"""Where the charts of a cohort are from that were put together from the resources of an export."""

from __future__ import annotations

from pathlib import Path

import msgspec

__all__ = ["CHARTS", "ORIGINS", "Origin", "origin", "origins"]

CHARTS = "charts.ndjson"
"""The bundles of the patients of a bulk export, which are put together before they are answered."""
ORIGINS = "charts.origins.ndjson"
"""For each of these bundles the file, the line and the patient that it is from."""


class Origin(msgspec.Struct, frozen=True):
    """The file and the line where the first resource of a patient stands, and the patient's id, None where none is told."""

    file: str
    line: int
    id: str | None


def origin(place: str, patient: str | None) -> Origin:
    """Give where a patient is from, by the place of the first resource: a file, with a line where it has several."""
    file, _, line = place.rpartition(":")
    several = bool(file) and line.isdecimal()
    return Origin(str(Path(file if several else place).resolve()), int(line) if several else 1, patient)


def origins(charts: Path) -> list[Origin]:
    """Give for each line of a cohort's file where it is from; none where the file was not put together."""
    index = charts.with_name(ORIGINS)
    if charts.name != CHARTS or not index.exists():
        return []
    return [msgspec.json.decode(line, type=Origin) for line in index.read_bytes().splitlines()]
