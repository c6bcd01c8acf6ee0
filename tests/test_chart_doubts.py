"""What is missing from a chart, or cannot be read in it, makes nothing certain that the whole chart does not say."""

from __future__ import annotations

import random

import pytest
from doubts import CHANGES, CHARTS, answered, faults, try_one

from reasoner import Guideline
from reasoner.engine.answer import Answer


def test_what_is_not_read_is_never_taken_for_none(curated: Guideline) -> None:
    rng, answers = random.Random(3), dict[str, Answer]()
    for _ in range(250):
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
