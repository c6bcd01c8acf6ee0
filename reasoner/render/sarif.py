"""Findings as SARIF, the format that code review reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reasoner.compiler.model import GuidelineModel
from reasoner.render.findings import known_classes
from reasoner.verification.findings import Finding
from reasoner.verification.reports import FindingsReport

__all__ = ["render"]

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(found: FindingsReport, model: GuidelineModel, files: Mapping[str, Path], version: str) -> str:
    """Render findings as SARIF 2.1.0; `files` tells where the file of a place is, `version` is this package's."""
    classes = known_classes()
    kinds = sorted({entry.kind for entry in found.findings})
    rules = [
        {
            "id": kind,
            "shortDescription": {"text": model.label("finding_class", kind)},
            "fullDescription": {"text": classes[kind].text if kind in classes else model.label("finding_class", kind)},
        }
        for kind in kinds
    ]
    driver = {"name": "guideline-reasoner", "semanticVersion": version, "rules": rules}
    notices = [{"level": "error", "message": {"text": model.say("undecided_class", name)}} for name in found.undecided]
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not found.undecided, "toolExecutionNotifications": notices}],
        "columnKind": "utf16CodeUnits",
        "results": [result_of(entry, kinds, files, model) for entry in found.findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def result_of(entry: Finding, kinds: Sequence[str], files: Mapping[str, Path], model: GuidelineModel) -> dict[str, object]:
    places = [location(place, files) for place in entry.places] or [location(next(iter(files)) + ":1", files)]
    sides = [
        {**location(place, files), "id": number, "message": {"text": f"{annotation}: {derives}"}}
        for number, (annotation, derives, place) in enumerate(of_sides(entry), start=1)
    ]
    patient = model.say("smallest_patient", model.say("and").join(entry.departures)) if entry.departures else ""
    result: dict[str, object] = {
        "ruleId": entry.kind,
        "ruleIndex": kinds.index(entry.kind),
        "level": LEVELS[entry.severity],
        "message": {"text": " ".join(text for text in (entry.message, patient, entry.repair) if text)},
        "locations": places[:1],
        "relatedLocations": sides,
        "partialFingerprints": {"finding/v1": entry.id},
        "properties": {
            "id": entry.id,
            "group": entry.group,
            "affected": entry.affected,
            "witness": entry.witness,
            "under_readings": list(entry.under),
            "resolved_by": list(entry.resolved_by),
            "settled_by_alternatives": list(entry.settled_by_alternatives),
            "eased_by_alternatives": list(entry.eased_by_alternatives),
        },
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
