"""Findings as text, JSON and SARIF, the same for every command that finds something."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from reasoner.engine.answer import GuidelineInfo
from reasoner.verification.findings import SCHEMA, Finding

__all__ = ["Found", "to_json", "to_sarif"]

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Found(NamedTuple):
    """What a command found, ready to be reported.

    `title` names what was looked at and `scope` says how far; `undecided` names the classes of which a question was cut off,
    `gone` the accepted ids that no longer occur; `conclusion` is said at the end; `about` are further entries
    of the JSON.
    """

    guideline: GuidelineInfo
    title: str
    scope: str
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    conclusion: str = ""
    about: Mapping[str, object] = {}


def to_json(found: Found) -> str:
    """Give the findings as JSON of schema ``reasoner.findings/1``."""
    data = {
        "schema": SCHEMA,
        "guideline": found.guideline.to_dict(),
        **found.about,
        "findings": [entry.to_dict() for entry in found.findings],
        "unknown": list(found.undecided),
        "accepted_gone": list(found.gone),
    }
    return json.dumps(data) + "\n"


def to_sarif(found: Found, definitions: Mapping[str, str], files: Mapping[str, Path], version: str) -> str:
    """Give the findings as SARIF 2.1.0; `files` tells where the file of a place is."""
    kinds = sorted({entry.kind for entry in found.findings})
    rules = [
        {
            "id": kind,
            "shortDescription": {"text": kind.replace("_", " ")},
            "fullDescription": {"text": definitions.get(kind) or kind.replace("_", " ")},
        }
        for kind in kinds
    ]
    driver = {"name": "guideline-reasoner", "semanticVersion": version, "rules": rules}
    notices = [{"level": "error", "message": {"text": f"undecided: {name}"}} for name in found.undecided]
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not found.undecided, "toolExecutionNotifications": notices}],
        "columnKind": "utf16CodeUnits",
        "results": [result_of(entry, kinds, files) for entry in found.findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def result_of(entry: Finding, kinds: Sequence[str], files: Mapping[str, Path]) -> dict[str, object]:
    places = [location(place, files) for place in entry.places] or [location(next(iter(files)) + ":1", files)]
    sides = [
        {**location(place, files), "id": number, "message": {"text": f"{annotation}: {derives}"}}
        for number, (annotation, derives, place) in enumerate(of_sides(entry), start=1)
    ]
    words = [entry.message, *([f"Witness: {'; '.join(entry.departures)}."] if entry.departures else []), entry.repair]
    result: dict[str, object] = {
        "ruleId": entry.kind,
        "ruleIndex": kinds.index(entry.kind),
        "level": LEVELS[entry.severity],
        "message": {"text": " ".join(word for word in words if word)},
        "locations": places[:1],
        "relatedLocations": sides,
        "partialFingerprints": {"finding/v1": entry.id},
        "properties": {"id": entry.id, "witness": entry.witness, "resolved_by": list(entry.resolved_by)},
    }
    if entry.accepted:
        result["suppressions"] = [{"kind": "external", "justification": entry.accepted}]
    return result


def of_sides(entry: Finding) -> Iterable[tuple[str, str, str]]:
    return ((side.annotation, side.derives, place) for side in entry.sides for place in side.places)


def location(place: str, files: Mapping[str, Path]) -> dict[str, object]:
    """Give a place as SARIF has it, relative to the working directory where it lies in it."""
    name, _, line = place.rpartition(":")
    path = files.get(name, Path(name))
    here = Path.cwd()
    uri = path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_uri() if path.is_absolute() else name
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": int(line)}}}
