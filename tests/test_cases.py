"""The guideline's own cases: records with the answers expected, each named by a sentence."""

from __future__ import annotations

import pytest

from reasoner import Guideline
from reasoner.verification.case_runs import CaseResult, check_cases, run_cases
from reasoner.verification.expectations import complete


@pytest.fixture(scope="module")
def results(curated: Guideline) -> tuple[CaseResult, ...]:
    cases = list(curated.cases().values())
    check_cases(cases, curated)
    return run_cases(cases, curated).cases


def test_every_answer_is_the_one_expected_and_holds_nothing_besides(results: tuple[CaseResult, ...]) -> None:
    assert [result for result in results if result.differences] == []
    assert [result.file for result in results if complete(result.case.expected, result.answer) != result.case.expected] == []


def test_there_is_a_case_for_every_rule(curated: Guideline) -> None:
    from reasoner.verification.coverage import cover

    assert [finding.message for finding in cover(curated).findings if finding.severity != "info"] == []


def test_every_conclusion_rests_on_a_statement_a_reading_or_an_overlay(curated: Guideline, literal: Guideline) -> None:
    for guideline in (curated, literal):
        for case in curated.cases().values():
            answer = guideline.answer(case.record)
            for entry in (*answer.recommended, *answer.excluded, *answer.actions):
                assert entry.statements or entry.readings or entry.overlays, (case.name, entry)
                assert entry.rules, (case.name, entry)


def test_a_drug_under_way_gets_its_maintenance_dose_alone(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()["maintenance_after_completed_first_line"].record)
    assert {dose.step for entry in answer.recommended for dose in entry.doses} == {"maintenance"}


def test_the_cardiac_caution_goes_with_every_anti_her2_regimen_that_is_left(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()["heart_failure_third_line_without_pertuzumab"].record)
    assert {entry.regimen: entry.cautions for entry in answer.recommended} == {
        "pertuzumab": ("cardiac_anti_her2",),
        "lapatinib_capecitabine": ("cardiac_anti_her2",),
        "trastuzumab_emtansine": ("cardiac_conjugate",),
    }


def test_what_defaults_stand_for_is_said_with_whether_it_matters(curated: Guideline) -> None:
    told = {**curated.cases()["second_line"].record}
    del told["lvef_measured"]
    assumed = {entry.fact: (entry.value, entry.matters) for entry in curated.answer(told).assumed if entry.course is None}
    assert assumed == {
        "lvef_measured": (False, True),
        "unavailable_drugs": ((), True),
        "infusion_symptoms": ((), True),
        "breast_cancer": (True, True),
    }
