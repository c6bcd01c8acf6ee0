"""Three guidelines of other fields, written from publicly known facts: their cases, answers, checks and words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from compared import Reference, differences
from conftest import ROOT
from in_process import command
from records import untold_records

from reasoner import Guideline
from reasoner.render.answer import render
from reasoner.render.findings import ordered_groups
from reasoner.verification.case_runs import check_cases, run_cases
from reasoner.verification.check import check
from reasoner.verification.coverage import cover

GUIDELINES = ROOT / "tests" / "guidelines"
WRITTEN = ("atrial_fibrillation", "gonorrhoea_chlamydia", "community_acquired_pneumonia")


@pytest.fixture(scope="module", params=WRITTEN)
def written(own_cache: None, request: pytest.FixtureRequest) -> Guideline:
    return Guideline.load(GUIDELINES / request.param)


def test_its_cases_are_answered_as_their_author_derived_from_the_text(written: Guideline) -> None:
    cases = list(written.cases().values())
    check_cases(cases, written)
    results = run_cases(cases, written).cases
    assert len(results) >= 20
    assert {result.case.title: result.differences for result in results if result.differences} == {}


def test_random_records_are_answered_as_plain_clingo_answers_them(written: Guideline) -> None:
    reference = Reference(written, "")
    records = (*untold_records(written, 1, 8, 0.0), *untold_records(written, 2, 6, 0.1))
    assert [difference for record in records for difference in differences(written, reference, record)[1]] == []


def test_every_statement_is_a_line_of_its_text_and_every_line_is_encoded(written: Guideline) -> None:
    report = cover(written, written.folder / "source.txt")
    assert [own.message for own in report.findings if own.kind != "unexercised"] == []


def test_a_check_finds_nothing_but_what_defaults_stand_for(written: Guideline) -> None:
    found = check(written).findings
    assert [own.message for own in found if (own.kind, own.severity) != ("unknown_unsafe", "info")] == []


class Planted(NamedTuple):
    """A change of one file that plants a defect, and how a check tells it."""

    guideline: str
    file: str
    old: str
    new: str
    kind: str
    told: str


PLANTED = {
    "an exclusion that no longer wins": Planted(
        "atrial_fibrillation", "readings.lp", "suppressed(R) :- excluded(R).", "suppressed(aspirin) :- excluded(aspirin).",
        "unknown_unsafe", "recommended by L5 with certainty",
    ),
    "a score that falls between two statements": Planted(
        "atrial_fibrillation", "stroke_prevention.lp", "score(cha2ds2_va, N), N >= 2, not",
        "score(cha2ds2_va, N), N > 2, not", "gap", "No statement places this patient",
    ),
    "a dose that overlaps with another": Planted(
        "atrial_fibrillation", "rate_control.lp", '"0.0625", mg, days(1)) :- less_than(creatinine_clearance, 30)',
        '"0.0625", mg, days(1)) :- less_than(creatinine_clearance, 50)', "dose", "digoxin",
    ),
    "a treatment that is forgotten where chlamydia is not excluded": Planted(
        "gonorrhoea_chlamydia", "chlamydia.lp", "indicated(doxycycline, recommended) :- setting(chlamydia_not_excluded).\n"
        "indicated((azithromycin_alone; levofloxacin), alternative) :- setting(chlamydia_not_excluded).", "",
        "dead_end", "In chlamydia not excluded nothing",
    ),
    "a preference that was dropped": Planted(
        "gonorrhoea_chlamydia", "chlamydia.lp", "prefers(azithromycin_alone, amoxicillin) :- has(pregnant).\n", "",
        "conflict", "azithromycin",
    ),
    "a condition that cannot be met": Planted(
        "gonorrhoea_chlamydia", "gonorrhoea.lp", "calls_for(admit) :- setting(disseminated).",
        "calls_for(admit) :- setting(disseminated), setting(uncomplicated).", "unfirable", "L8",
    ),
    "an order that is missing": Planted(
        "community_acquired_pneumonia", "catalogue.lp", "no_order(vancomycin, linezolid).\n", "", "conflict", "vancomycin",
    ),
    "a score that nobody belongs to": Planted(
        "community_acquired_pneumonia", "severity.lp", "places(moderate, score) :- in_scope, score(curb_65, 2).",
        "places(moderate, score) :- in_scope, score(curb_65, 6).", "gap", "No statement places this patient",
    ),
    "a dose without a lower bound": Planted(
        "community_acquired_pneumonia", "antibiotics.lp",
        "at_least(creatinine_clearance, 20), less_than(creatinine_clearance, 50).\n"
        'dose(levofloxacin, by_mouth, each, "125"', "less_than(creatinine_clearance, 50).\n"
        'dose(levofloxacin, by_mouth, each, "125"', "dose", "levofloxacin",
    ),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_defect_is_at_the_top_of_the_report(planted: Planted, own_cache: None, tmp_path: Path) -> None:
    folder = tmp_path / planted.guideline
    shutil.copytree(GUIDELINES / planted.guideline, folder)
    text = (folder / planted.file).read_text("utf-8")
    assert text.count(planted.old) == 1
    (folder / planted.file).write_text(text.replace(planted.old, planted.new), "utf-8")
    guideline = Guideline.load(folder)
    first = [group[0] for group in ordered_groups(check(guideline), guideline.model)[:3]]
    assert any(own.kind == planted.kind and planted.told in own.message for own in first), first


def told(guideline: str, case: str, **changes: object) -> str:
    own = Guideline.load(GUIDELINES / guideline)
    return " ".join(render(own.answer({**own.cases()[case].record, **changes})).split())


def test_scores_are_shown_item_by_item_and_doses_by_weight_and_kidneys(own_cache: None) -> None:
    text = told("atrial_fibrillation", "lower_doses_by_age_and_weight")
    assert "CHA₂DS₂-VA: 3, made up of age in years: at least 75 (2), hypertension (1)" in text
    assert "each dose 2.5 mg PO every 12 hours [L17]" in text
    text = told("community_acquired_pneumonia", "recent_intravenous_antibiotics")
    assert "each dose 2000 mg (15 mg/kg) IV every 12 hours, at most 2 g" in text
    assert "each dose 4.5 g IV every 8 hours, for 7 days" in text
    text = told("gonorrhoea_chlamydia", "weight_not_recorded")
    assert "500 mg IM once (if weight in kg less than 150) or 1 g IM once (if weight in kg at least 150)" in text


def test_a_setting_in_which_nothing_is_meant_to_be_given_is_not_called_out_of_scope(own_cache: None) -> None:
    assert "Rate control: Heart rate at its target; nothing is recommended." in told("atrial_fibrillation", "no_points")


def test_a_drug_whose_dose_is_titrated_says_to_what(own_cache: None) -> None:
    text = told("atrial_fibrillation", "mechanical_valve")
    assert "Dose of warfarin: adjusted to an INR of 2 to 3, and to a higher one with some mechanical valves." in text
    assert "gives no dose" not in text


def test_courses_end_as_the_guideline_says_and_in_no_other_way(own_cache: None, tmp_path: Path) -> None:
    folder = GUIDELINES / "gonorrhoea_chlamydia"
    record = tmp_path / "record.json"
    record.write_text(json.dumps(Guideline.load(folder).cases()["uncomplicated"].record), "utf-8")
    text = command("pathway", record, "--guideline", folder).decode()
    assert "progression" not in text
    assert "persistence of the infection" in text


def test_what_counts_in_a_score_is_asked_for(own_cache: None) -> None:
    guideline = Guideline.load(GUIDELINES / "atrial_fibrillation")
    answer = guideline.answer({"id": "a", "sex": "female", "medication": ["verapamil"], "rate_symptoms": True})
    (note,) = (note for note in answer.notes if "no rule that applies here asks for it" in note)
    assert "verapamil" in note
    assert "female" not in note
