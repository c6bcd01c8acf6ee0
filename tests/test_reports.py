"""Findings in the formats that other programs read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import ROOT

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
COMMANDS = {
    "check": ("check", "--layer", "literal"),
    "diff": ("diff", "curated", "asp/overlays/formulary_without_tdxd.lp"),
    "coverage": ("coverage",),
}
KEYS = {"id", "class", "severity", "certain", "message", "statements", "rules", "places", "witness", "resolved_by", "repair"}


def run(name: str, form: str, environment: dict[str, str], *more: str, status: int = 1) -> Any:
    arguments = [sys.executable, "-m", "reasoner", *COMMANDS[name], "--format", form, "--fail-level", "info", *more]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert (done.returncode, done.stderr) == (status, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def findings(environment: dict[str, str]) -> dict[str, Any]:
    return {name: run(name, "json", environment) for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_has_the_keys_of_the_contract(name: str, findings: dict[str, Any]) -> None:
    report = findings[name]
    assert report["schema"] == "reasoner.findings/1"
    assert report["guideline"]["id"] == "her2_mbc"
    assert report["findings"]
    for found in report["findings"]:
        assert set(found) >= KEYS
        assert found["certain"] is True
        assert found["id"].startswith(f"{found['class']}-")
    ids = [found["id"] for found in report["findings"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", COMMANDS)
def test_sarif_is_valid_and_its_places_point_into_the_files(
    name: str, findings: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    first = next(found["id"] for found in findings[name]["findings"])
    accepted = tmp_path / "accepted.txt"
    accepted.write_text(f"{first} known & <kept>\n", "utf-8")
    more = () if name == "coverage" else ("--accept", str(accepted))
    sarif = run(name, "sarif", environment, *more)
    jsonschema.Draft4Validator(SCHEMA).validate(sarif)
    (job,) = sarif["runs"]
    rules = [rule["id"] for rule in job["tool"]["driver"]["rules"]]
    known = {found["id"]: found for found in findings[name]["findings"]}
    assert {result["properties"]["id"] for result in job["results"]} == set(known)
    for result in job["results"]:
        found = known[result["properties"]["id"]]
        assert rules[result["ruleIndex"]] == result["ruleId"] == found["class"]
        assert result["message"]["text"].startswith(found["message"])
        assert result["level"] == {"error": "error", "warning": "warning", "info": "note"}[found["severity"]]
        assert ("suppressions" in result) == (bool(more) and found["id"] == first)
        for place in (*result["locations"], *result["relatedLocations"]):
            physical = place["physicalLocation"]
            path = ROOT / physical["artifactLocation"]["uri"]
            line = path.read_text("utf-8").splitlines()[physical["region"]["startLine"] - 1]
            assert line.strip(), (path, physical)


def test_a_sarif_report_of_a_cut_search_says_that_it_did_not_succeed(environment: dict[str, str]) -> None:
    sarif = run("check", "sarif", environment, "--timeout", "0.000001")
    jsonschema.Draft4Validator(SCHEMA).validate(sarif)
    (invocation,) = sarif["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert {"level": "error", "message": {"text": "undecided: gap"}} in invocation["toolExecutionNotifications"]
