"""What is missing from a chart, or cannot be read in it, makes nothing certain that the whole chart does not say."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from bundles import METASTASES, bundle, doses, observation, requested, stated
from doubts import CHANGES, CHARTS, KNOWN, OTHERS, answered, faults, try_one

from reasoner import Guideline
from reasoner.engine.answer import Answer
from reasoner.fhir import convert, read_facts, without_silent
from reasoner.records.shapes import to_plain


def test_what_is_not_read_is_never_taken_for_none(curated: Guideline) -> None:
    rng, answers = random.Random(3), dict[str, Answer]()
    for _ in range(1000):
        done, wrong, data = try_one(curated, rng, answers)
        assert not wrong, (done, wrong, data)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_without_medications_does_not_put_first_line_first_silently(name: str, curated: Guideline) -> None:
    whole = answered(curated, CHARTS[name])
    kept = [own for own in CHARTS[name] if not own["resourceType"].startswith("Medication")]
    assert not list(faults(whole, answered(curated, kept)))


def test_taking_silence_for_none_is_what_the_faults_are_about(curated: Guideline) -> None:
    silent, rng = Guideline.load(no_record_means_none=True), random.Random(3)
    answers = {name: answered(curated, resources) for name, resources in CHARTS.items()}
    assert any(try_one(silent, rng, answers)[1] for _ in range(100))
    assert len(CHANGES) == len({change.__name__ for change in CHANGES})


def test_results_that_say_nothing_can_be_left_out_before_a_chart_is_read(curated: Guideline) -> None:
    rate = observation("rate", "loinc:8867-4", "2030-01-01", valueQuantity={"value": 70, "unit": "/min"})
    for name, resources in (CHARTS | OTHERS).items():
        whole = convert(bundle(*resources, rate))
        fewer = whole._replace(resources=without_silent(whole.resources, curated.tables))
        assert len(fewer.resources) < len(whole.resources)
        read, again = (read_facts(parsed, curated.model, curated.tables) for parsed in (whole, fewer))
        assert (again.record, list(again.remarks())) == (read.record, list(read.remarks())), name
        assert again.sources == read.sources


ANTIBODIES = [*doses("trastuzumab", "2020-02-01", 6), *doses("pertuzumab", "2020-02-01", 6)]
TAXANE = doses("docetaxel", "2020-02-01", 6)
LATEST = "2020-05-16"
MAINTENANCE = doses("trastuzumab", "2020-06-06", 1, prefix="alone-")
EJECTION = {"valueQuantity": {"value": 60, "unit": "%"}}
UNREADABLE = {"coding": [{"system": "urn:local", "code": "R7", "display": "six cycles done"}]}
KEY = "chemotherapy_stopped"
COURSE_DEFAULTS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "drugs that were left out once may have been stopped": (MAINTENANCE, {KEY: None}, "without docetaxel"),
    "so may drugs that were left out twice": (
        doses("trastuzumab", "2020-06-06", 2, prefix="alone-"),
        {KEY: None},
        "without docetaxel",
    ),
    "drugs that were given with the others to the last go on": ([], {KEY: "left out"}, ""),
    "others between two cycles leave nothing out": (
        doses("trastuzumab", "2020-05-23", 2, 7, prefix="weekly-"),
        {KEY: "left out"},
        "",
    ),
    "drugs that were left out for long have ended": (
        doses("trastuzumab", "2020-06-06", 3, prefix="alone-"),
        {KEY: True, "chemotherapy_toxicity": "left out"},
        "",
    ),
    "an order that is stopped tells that they have ended, and its reason is named": (
        [*MAINTENANCE, requested("order", "docetaxel", "2020-01-30", "stopped", statusReason=UNREADABLE)],
        {KEY: True, "chemotherapy_toxicity": None},
        "six cycles done",
    ),
    "an order that is stopped without a reason says so": (
        [*MAINTENANCE, requested("order", "docetaxel", "2020-01-30", "stopped")],
        {KEY: True, "chemotherapy_toxicity": None},
        "for what reason docetaxel was stopped",
    ),
    "a statement that they are completed tells it": (
        [*MAINTENANCE, stated("whole", "docetaxel", "2020-02-01", LATEST, "completed")],
        {KEY: True, "chemotherapy_toxicity": "left out"},
        "",
    ),
    "one that ended before the last dose does not": (
        [*MAINTENANCE, stated("whole", "docetaxel", "2020-02-01", "2020-04-01", "completed")],
        {KEY: None},
        "without docetaxel",
    ),
    "an order under way is no dose": ([*MAINTENANCE, requested("order", "docetaxel", "2020-01-30")], {KEY: None}, "without"),
}


@pytest.mark.parametrize("name", COURSE_DEFAULTS)
def test_no_default_stands_for_what_a_chart_leaves_open_of_a_course(name: str, curated: Guideline) -> None:
    resources, expected, why = COURSE_DEFAULTS[name]
    chart = bundle(*KNOWN, METASTASES, *ANTIBODIES, *TAXANE, *resources)
    found = curated.read_fhir(json.dumps(chart).encode())
    (course,) = found.record["metastatic_therapy"]
    assert {key: course.get(key, "left out") for key in expected} == expected
    remarks = " ".join(found.remarks())
    assert why in remarks
    assert (KEY in remarks) == (expected[KEY] is None)


FACT_DEFAULTS: dict[str, tuple[list[dict[str, Any]], object]] = {
    "nothing was measured": ([], "left out"),
    "measured before the last therapy ended": ([observation("lvef", "loinc:10230-1", "2020-01-20", **EJECTION)], None),
    "measured nobody knows when": ([observation("lvef", "loinc:10230-1", **EJECTION)], None),
    "measured since, with a result that cannot be read": (
        [observation("lvef", "loinc:10230-1", LATEST, valueString="see letter")],
        None,
    ),
    "measured in a result that is not final": ([observation("lvef", "loinc:10230-1", LATEST, "preliminary")], "left out"),
    "measured since": ([observation("lvef", "loinc:10230-1", "2020-02-20", **EJECTION)], True),
}


@pytest.mark.parametrize("name", FACT_DEFAULTS)
def test_no_default_stands_for_what_a_chart_leaves_open(name: str, curated: Guideline) -> None:
    resources, expected = FACT_DEFAULTS[name]
    found = curated.read_fhir(json.dumps(bundle(*KNOWN, METASTASES, *ANTIBODIES, *TAXANE, *resources)).encode())
    assert found.record.get("lvef_measured", "left out") == expected
    defaults = {fact.name for fact in curated.model.facts if fact.default is not None}
    assert all(found.record[own.fact] is None for own in found.undecided if own.fact in defaults)
    answer = curated.answer(curated.record(found.record))
    assert ("lvef_measured" in {own["fact"] for own in to_plain(answer)["assumed"]}) == (expected == "left out")
