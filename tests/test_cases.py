"""The guideline's own cases: records with the answers expected, each named by a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from reasoner import Guideline
from reasoner.guideline import Case, default_folder

CASES = [Case(path) for path in sorted((default_folder() / "cases").glob("*.json"))]


def certain(entries: list[dict[str, Any]], key: str) -> list[str]:
    return sorted(entry[key] for entry in entries if entry["certainty"] == "certain")


def conditional(entries: list[dict[str, Any]], key: str) -> list[str]:
    return sorted(entry[key] for entry in entries if entry["certainty"] == "conditional")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_answer_is_the_one_expected(case: Case, curated: Guideline) -> None:
    answer: dict[str, Any] = curated.answer(case.record).to_dict()
    recommended = [
        {key: entry[key] for key in ("regimen", "rank", "strength")}
        for entry in answer["recommended"]
        if entry["certainty"] == "certain"
    ]
    found = {
        "setting": answer["setting"],
        "recommended": sorted(recommended, key=lambda entry: entry["regimen"]),
        "conditional": conditional(answer["recommended"], "regimen"),
        "excluded": certain(answer["excluded"], "regimen"),
        "excluded_conditional": conditional(answer["excluded"], "regimen"),
        "actions": certain(answer["actions"], "action"),
        "actions_conditional": conditional(answer["actions"], "action"),
        "missing": sorted({entry["fact"] for entry in answer["missing"]}),
    }
    blank: dict[str, Any] = {"conditional": [], "excluded_conditional": [], "actions_conditional": []}
    expected = {**blank, **case.expected}
    if "missing" not in expected:
        del found["missing"]
    assert found == expected


def test_there_is_a_case_for_every_rule(curated: Guideline) -> None:
    from reasoner.verification.coverage import cover

    assert [finding.message for finding in cover(curated).findings if finding.severity != "info"] == []


def test_every_conclusion_rests_on_a_statement_a_reading_or_an_overlay(curated: Guideline, literal: Guideline) -> None:
    for guideline in (curated, literal):
        for case in CASES:
            answer = guideline.answer(case.record)
            for entry in (*answer.recommended, *answer.excluded, *answer.actions):
                assert entry.statements or entry.readings or entry.overlays, (case.name, entry)
                assert entry.rules, (case.name, entry)
