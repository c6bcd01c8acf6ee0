"""What is missing from a chart, or cannot be read in it, makes nothing certain that the whole chart does not say."""

from __future__ import annotations

import random

import pytest
from bundles import bundle, observation
from doubts import CHANGES, CHARTS, OTHERS, answered, faults, try_one

from reasoner import Guideline
from reasoner.engine.answer import Answer
from reasoner.fhir import convert, read_facts, without_silent


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
