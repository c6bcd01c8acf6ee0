"""Guidelines of random rules are answered as plain clingo answers them, one record at a time and in cohorts.

They keep the catalogue of the invented marsh fever; their statements, contradictions and defaults are drawn.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
import test_check
import test_diff
from cohorts import expected_row, rows_of
from conftest import ROOT
from plain import solve
from records import random_record
from test_plain_clingo import expected_answer, given_answer

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.cohort.part import Job
from reasoner.cohort.run import Progress, run
from reasoner.cohort.source import plan
from reasoner.records.record import parse_record
from reasoner.records.shapes import to_plain
from reasoner.verification.check import check
from reasoner.verification.diff import diff

CATALOGUE = (ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8").partition("%* @statement")[0] + (
    'term(action_name, measure_again, "measuring again").\n'
)
CONDITIONS = (
    *(f"has({fact})" for fact in ("confirmed", "pregnant")),
    *(f"is(kidney_function, {value})" for value in ("normal", "reduced", "failing")),
    *(f"{side}(temperature, {bound})" for side in ("at_most", "more_than") for bound in (38, 40)),
    *(f"includes(signs, {sign})" for sign in ("rash", "cough")),
    *(f"includes(allergies, {drug})" for drug in ("amarin", "belosol")),
    *(f"course({place})" for place in (1, 2)),
    "drug_in(_, amarin)",
    "course_at_least(_, days, 7)",
)
REGIMENS = ("amarin", "amarin_salt", "watch")


def body(rng: Random, most: int, given: str = "") -> str:
    conditions = [given] if given else []
    for _ in range(rng.randint(0 if given else 1, most)):
        condition = rng.choice(CONDITIONS)
        conditions.append(f"not {condition}" if "_," not in condition and rng.random() < 0.35 else condition)
    return ", ".join(rng.sample(conditions, len(conditions)))


def rule(rng: Random) -> str:
    first, second = rng.sample(REGIMENS, 2)
    strength = rng.choice(("standard", "alternative"))
    occasion = rng.choice(("recommended(_)", "setting(acute)", "excluded(watch)"))
    rules = {
        f"places(acute, fever) :- {body(rng, 2)}.": 2,
        f"indicated({first}, {strength}) :- {body(rng, 2, 'setting(acute)')}.": 8,
        f"prefers({first}, {second}) :- {body(rng, 2, 'setting(acute)')}.": 2,
        f"contraindicated({first}) :- {body(rng, 2)}.": 3,
        f"calls_for(measure_again) :- {body(rng, 2, occasion)}.": 2,
        "suppressed(R) :- excluded(R).": 1,
    }
    (chosen,) = rng.choices(list(rules), list(rules.values()))
    return chosen


def random_guideline(rng: Random) -> str:
    """Draw a guideline; its last line is a rule."""
    text = re.sub(r"^(inconsistent|term\(contradiction|default\(pregnant).*\n", "", CATALOGUE, flags=re.MULTILINE)
    for number in range(rng.choice((0, 0, 1, 2))):
        text += f'term(contradiction, odd_{number}, "odd {number}").\ninconsistent(odd_{number}) :- {body(rng, 2)}.\n'
    if rng.random() < 0.4:
        text += "default(pregnant, false).\n"
    for number in range(1, 4):
        text += f"%* @statement L{number} [1] sha256:000000000000\nStatement {number}.\n*%\n"
        text += "".join(f"{rule(rng)}\n" for _ in range(rng.randint(3, 7)))
    return text + f"places(acute, fever) :- {body(rng, 1)}.\n"


def load(folder: Path, seed: int) -> tuple[Random, Guideline]:
    rng = Random(seed)
    (folder / "guideline.lp").write_text(random_guideline(rng))
    return rng, Guideline.load(folder)


def contradicting(error: RecordError) -> bool:
    return "the record contradicts itself" in str(error)


@pytest.mark.parametrize("seed", range(36))
def test_a_record_is_answered_as_plain_clingo_answers_it(seed: int, own_cache: None, tmp_path: Path) -> None:
    rng, guideline = load(tmp_path, seed)
    answered = 0
    while answered < 12:
        record = random_record(rng, guideline, rng.choice((0.0, 0.2, 0.4)))
        facts = parse_record(record, guideline.model).facts
        completions = solve(facts, tmp_path, guideline.layer, guideline.model)
        answered += 1
        try:
            answer = guideline.answer(record)
        except RecordError as error:
            assert (contradicting(error), completions) == (True, []), record
            continue
        assert len(completions) == answer.derivation.completions.count, record
        if len(completions) <= 60:
            assert given_answer(to_plain(answer)) == expected_answer(completions, guideline.model), record


@pytest.mark.parametrize("seed", range(100, 124))
def test_a_cohort_is_answered_as_its_records_one_by_one(seed: int, own_cache: None, tmp_path: Path) -> None:
    folder = tmp_path / "random_fever"
    folder.mkdir()
    rng, guideline = load(folder, seed)
    records: list[dict[str, Any]] = [
        {**random_record(rng, guideline, rng.choice((0.0, 0.3, 0.6, 0.9))), "id": str(number)} for number in range(100)
    ]
    answers, refusals = [], {}
    for record in records:
        try:
            answers.append(expected_row(guideline, record))
        except RecordError as error:
            assert contradicting(error)
            refusals[record["id"]] = str(error)
    source, output = tmp_path / "in.ndjson", tmp_path / "out"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    parts = tuple(plan(source, rng.choice((7, 40, 1000)), guideline.model))
    job = Job(guideline.selection, guideline.digest, output, "parquet", parts)
    run(job, workers=1, resume=False, scheduler=None, dask=False, report=list[Progress]().append)
    assert rows_of(output) == answers
    rejected = (output / "rejects.ndjson").read_text().splitlines() if refusals else []
    assert {row["id"]: row["reason"] for row in map(json.loads, rejected)} == refusals


@pytest.mark.parametrize("seed", range(330, 346))
def test_a_check_and_a_comparison_miss_nothing_and_show_what_they_find(seed: int, own_cache: None, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    rng, old = load(tmp_path / "old", seed)
    lines = (tmp_path / "old/guideline.lp").read_text().splitlines()
    place = rng.choice([n for n, line in enumerate(lines) if ":-" in line and not line.startswith("inconsistent")])
    lines[place] = rule(rng)
    (tmp_path / "new/guideline.lp").write_text("\n".join(lines) + "\n")
    new = Guideline.load(tmp_path / "new")
    try:
        findings, comparison = check(old).findings, diff(old, new)
    except GuidelineError as error:
        assert "leaves no patient" in str(error)
        return
    for found in findings:
        if found.witness is not None:
            test_check.shows(found, old)
    for found in comparison.findings:
        if found.witness is not None:
            test_diff.shows(found, old, new)
    kinds = {found.kind for found in findings}
    for _ in range(80):
        record = random_record(rng, old, rng.choice((0.0, 0.0, 0.3)))
        try:
            answer = old.answer(record)
        except RecordError as error:
            assert contradicting(error)
            continue
        if len(record["earlier_therapy"]) <= comparison.courses:
            assert not comparison.equivalent or test_diff.essence(answer) == test_diff.essence(new.answer(record)), record
        if answer.derivation.completions.count == 1:
            recommended = {entry.regimen for entry in answer.recommended}
            assert "conflict" in kinds or recommended.isdisjoint(entry.regimen for entry in answer.excluded), record
            assert kinds & {"gap", "dead_end"} or answer.setting != "acute" or recommended, record
