"""FHIR in: what is read from resources, from where, and what stays open."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bundles import (
    AFTER_FIRST_LINE,
    AFTER_SECOND_LINE,
    FIRST_LINE,
    HER2,
    METASTASES,
    NEGATIVE,
    POSITIVE,
    PROGRESSION,
    STABLE,
    WORSENED,
    bundle,
    concept,
    condition,
    doses,
    given,
    observation,
    requested,
    spoil,
    stated,
)
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.fhir import convert, orders, parse

REASONER = [sys.executable, "-m", "reasoner"]
IHC, FISH, SERUM, ER, PR = "loinc:85319-2", "loinc:85318-4", "loinc:32996-1", "loinc:85337-4", "loinc:85339-0"
TOXIC = [concept("sct:407563006")]
THP = ["trastuzumab", "pertuzumab", "docetaxel"]
LATE_HP = [*doses("trastuzumab", "2020-02-01", 14), *doses("pertuzumab", "2020-02-01", 14)]


def without(resource: dict[str, Any], **instead: Any) -> dict[str, Any]:
    """Write a medication in another way than by its concept."""
    return {key: value for key, value in resource.items() if key != "medicationCodeableConcept"} | instead


def in_words(name: str, text: str) -> dict[str, Any]:
    return without(requested(name, "trastuzumab", "2020-02-01"), medicationCodeableConcept={"text": text})


def coded_elsewhere(name: str, display: str, system: str = "urn:oid:1.2.3", text: str | None = None) -> dict[str, Any]:
    """Code a medication as no table does."""
    told = {"coding": [{"system": system, "code": "17", "display": display}], **({"text": text} if text else {})}
    return without(requested(name, "trastuzumab", "2020-02-01"), medicationCodeableConcept=told)


READ: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "the latest HER2 result counts": (
        [observation("old", IHC, "2018-01-01", valueCodeableConcept=NEGATIVE), HER2],
        {"her2": "positive"},
    ),
    "HER2 by immunohistochemistry 2+ alone stays unknown": (
        [observation("ihc", IHC, "2020-01-01", valueString="2+")],
        {"her2": None},
    ),
    "a later 2+ does not leave an older result standing": (
        [HER2, observation("ihc", IHC, "2021-01-01", valueInteger=2)],
        {"her2": None},
    ),
    "in situ hybridisation of the same day decides 2+": (
        [
            observation("ihc", IHC, "2020-01-01", valueString="2+"),
            observation("fish", FISH, "2020-01-01", valueCodeableConcept="sct:431396003"),
        ],
        {"her2": "positive"},
    ),
    "a score is compared": ([observation("ihc", IHC, "2020-01-01", valueInteger=3)], {"her2": "positive"}),
    "HER2 in serum never counts": (
        [observation("serum", SERUM, "2020-01-01", valueCodeableConcept=POSITIVE)],
        {"her2": None},
    ),
    "a preliminary result does not count": (
        [observation("her2", IHC, "2020-01-01", status="preliminary", valueCodeableConcept=POSITIVE)],
        {"her2": None},
    ),
    "a result entered in error does not count": (
        [HER2, observation("wrong", IHC, "2021-01-01", status="entered-in-error", valueCodeableConcept=NEGATIVE)],
        {"her2": "positive"},
    ),
    "the interpretation counts where there is no value": (
        [observation("her2", IHC, "2020-01-01", interpretation=[concept(text="Positive")])],
        {"her2": "positive"},
    ),
    "results of one day that contradict each other leave the fact open": (
        [HER2, observation("other", FISH, "2020-01-12", valueCodeableConcept=NEGATIVE)],
        {"her2": None},
    ),
    "a result without a date contradicts one with a date": (
        [HER2, observation("other", FISH, valueCodeableConcept=NEGATIVE)],
        {"her2": None},
    ),
    "a component is a result": (
        [observation("panel", "loinc:1-8", "2020-01-01", component=[{"code": concept(IHC), "valueString": "3+"}])],
        {"her2": "positive"},
    ),
    "one positive receptor is enough": (
        [
            observation("er", ER, "2020-01-01", valueQuantity={"value": 90, "unit": "%"}),
            observation("pr", PR, "2020-01-01", valueCodeableConcept=NEGATIVE),
        ],
        {"hr": "positive"},
    ),
    "one negative receptor is not enough": (
        [observation("er", ER, "2020-01-01", valueCodeableConcept=NEGATIVE)],
        {"hr": None},
    ),
    "less than 10 percent decides nothing, less than 1 percent does": (
        [
            observation("er", ER, "2020-01-01", valueQuantity={"value": 1, "comparator": "<", "unit": "%"}),
            observation("pr", PR, "2020-01-01", valueQuantity={"value": 10, "comparator": "<", "unit": "%"}),
        ],
        {"hr": None},
    ),
    "a refuted diagnosis does not count": (
        [condition("ild", "icd:J84.9", verification="refuted")],
        {"interstitial_lung_disease": None},
    ),
    "a provisional diagnosis leaves the fact open": (
        [condition("hf", "icd:I50", verification="provisional")],
        {"heart_failure": None},
    ),
    "a code of ICD-10 says what those above it say": (
        [condition("brain", "icd:C79.31"), condition("hf", "icd:I50.22")],
        {"metastatic": True, "brain_metastases": True, "heart_failure": True},
    ),
    "the site of the body tells brain metastases": (
        [condition("m", "sct:128462008", bodySite=[concept("sct:12738006")])],
        {"metastatic": True, "brain_metastases": True},
    ),
    "an axillary node is not metastatic disease": ([condition("node", "sct:94181007")], {"metastatic": None}),
    "a stage of the diagnosis tells metastases": (
        [condition("c", "icd:C50.9", stage=[{"summary": concept("sct:258228008")}])],
        {"metastatic": True},
    ),
    "a stage that says otherwise on the same day contradicts": (
        [METASTASES, observation("m0", "loinc:21907-1", "2020-01-10", valueCodeableConcept="sct:1229901006")],
        {"metastatic": None},
    ),
    "an older stage does not contradict": (
        [METASTASES, observation("m0", "loinc:21907-1", "2018-01-10", valueCodeableConcept="sct:1229901006")],
        {"metastatic": True},
    ),
    "that there never were metastases can be said": (
        [observation("none", "sct:1287652008", "2020-01-01", valueBoolean=False)],
        {"metastatic": False, "metastatic_therapy": []},
    ),
    "weight is turned into kilograms": (
        [observation("w", "loinc:29463-7", "2020-01-01", valueQuantity={"value": 150, "unit": "lb", "code": "[lb_av]"})],
        {"weight_kg": 68.039},
    ),
    "a weight of nothing is left out": (
        [observation("w", "loinc:29463-7", "2020-01-01", valueQuantity={"value": 0, "code": "kg"})],
        {"weight_kg": None},
    ),
    "three drugs given together and progression make one course": (
        [METASTASES, *FIRST_LINE, PROGRESSION],
        {
            "metastatic_therapy": [
                {
                    "drugs": THP,
                    "outcome": "progression",
                    "taxane_cycles": 6,
                    "chemotherapy_months": 3.48,
                    "chemotherapy_stopped": True,
                }
            ]
        },
    ),
    "what starts after progression is the next course": (
        [METASTASES, *FIRST_LINE, PROGRESSION, *doses("trastuzumab_deruxtecan", "2020-11-01", 3)],
        {
            "metastatic_therapy": [
                {
                    "drugs": THP,
                    "outcome": "progression",
                    "taxane_cycles": 6,
                    "chemotherapy_months": 3.48,
                    "chemotherapy_stopped": True,
                },
                {"drugs": ["trastuzumab_deruxtecan"], "outcome": "ongoing"},
            ]
        },
    ),
    "drugs that go on belong to the course that a new drug begins": (
        [
            METASTASES,
            stated("t", "trastuzumab", "2020-02-01"),
            stated("p", "pertuzumab", "2020-02-01"),
            stated("d", "docetaxel", "2020-02-01", "2020-06-01", status="completed"),
            stated("l", "letrozole", "2020-08-01"),
        ],
        {
            "metastatic_therapy": [
                {"drugs": THP, "outcome": "completed", "chemotherapy_months": 4.0, "chemotherapy_stopped": True},
                {"drugs": ["trastuzumab", "pertuzumab", "letrozole"], "outcome": "ongoing"},
            ]
        },
    ),
    "an order that nobody closed does not outlive the doses": (
        [
            METASTASES,
            *FIRST_LINE,
            requested("d", "docetaxel", "2020-01-30"),
            PROGRESSION,
            *doses("tucatinib", "2020-11-01", 2),
        ],
        {
            "metastatic_therapy": [
                {
                    "drugs": THP,
                    "outcome": "progression",
                    "taxane_cycles": 6,
                    "chemotherapy_months": 3.55,
                    "chemotherapy_stopped": True,
                },
                {"drugs": ["tucatinib"], "outcome": "ongoing"},
            ]
        },
    ),
    "a drug that is written to go on through a progression leaves the therapy open": (
        [METASTASES, requested("d", "docetaxel", "2020-02-01"), PROGRESSION, requested("t", "tucatinib", "2020-11-01")],
        {"metastatic_therapy": None},
    ),
    "a drug that is stopped for toxicity ends the course so": (
        [METASTASES, stated("x", "trastuzumab_deruxtecan", "2020-02-01", "2020-04-01", "stopped", statusReason=TOXIC)],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_deruxtecan"], "outcome": "toxicity"}]},
    ),
    "a course of which nothing tells the end has no outcome": (
        [METASTASES, stated("x", "tucatinib", "2020-02-01", "2020-04-01", "stopped")],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": None}]},
    ),
    "a course that left the disease stable was completed": (
        [
            METASTASES,
            *doses("trastuzumab_emtansine", "2020-02-01", 3),
            observation("s", "loinc:97509-4", "2021-02-01", valueCodeableConcept=STABLE),
        ],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_emtansine"], "outcome": "completed"}]},
    ),
    "a drug that comes back after a long pause starts a new course": (
        [
            METASTASES,
            *doses("tucatinib", "2020-02-01", 2),
            observation("s", "loinc:97509-4", "2020-05-01", valueCodeableConcept=WORSENED),
            *doses("tucatinib", "2021-02-01", 2, prefix="again-"),
        ],
        {
            "metastatic_therapy": [
                {"drugs": ["tucatinib"], "outcome": "progression"},
                {"drugs": ["tucatinib"], "outcome": "ongoing"},
            ]
        },
    ),
    "weekly doses are not counted as cycles": (
        [METASTASES, *doses("paclitaxel", "2020-02-01", 6, every=7), requested("t", "trastuzumab", "2020-02-01")],
        {
            "metastatic_therapy": [
                {"drugs": ["trastuzumab", "paclitaxel"], "outcome": "ongoing", "chemotherapy_months": 1.19}
            ]
        },
    ),
    "what was planned, not done, or refused is no therapy": (
        [
            METASTASES,
            requested("plan", "tucatinib", "2020-02-01", intent="plan"),
            requested("draft", "tucatinib", "2020-02-01", "draft"),
            requested("no", "tucatinib", "2020-02-01", doNotPerform=True),
            given("not", "tucatinib", "2020-02-01", "not-done"),
            stated("never", "tucatinib", "2020-02-01", status="not-taken"),
            given("error", "tucatinib", "2020-02-01", "entered-in-error"),
        ],
        {"metastatic_therapy": []},
    ),
    "a drug of unknown status leaves the therapy open": (
        [METASTASES, requested("x", "tucatinib", "2020-02-01", "unknown")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a drug without a status leaves the therapy open": (
        [
            METASTASES,
            without(given("x", "tucatinib", "2020-02-01"), status=None, medicationCodeableConcept=concept("rx:2361285")),
        ],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a conjugate is never trastuzumab": (
        [METASTASES, requested("c", "trastuzumab_emtansine", "2020-02-01")],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_emtansine"], "outcome": "ongoing"}]},
    ),
    "a drug may be written in words, by one of its names": (
        [METASTASES, in_words("c", "Trastuzumab  Deruxtecan"), in_words("d", "Phesgo")],
        {"metastatic_therapy": [{"drugs": ["trastuzumab", "pertuzumab", "trastuzumab_deruxtecan"], "outcome": "ongoing"}]},
    ),
    "a code of another system counts by its display": (
        [METASTASES, coded_elsewhere("c", "ado-trastuzumab emtansine")],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_emtansine"], "outcome": "ongoing"}]},
    ),
    "a drug that is mentioned among other words leaves the therapy open": (
        [METASTASES, in_words("c", "Enhertu 5.4 mg/kg, cycle 1")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a product that the tables do not know is not taken for another drug": (
        [METASTASES, coded_elsewhere("c", "trastuzumab-zzzz 420 mg", system="http://www.nlm.nih.gov/research/umls/rxnorm")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "words that name different drugs leave the therapy open": (
        [METASTASES, coded_elsewhere("c", "trastuzumab", text="trastuzumab deruxtecan")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a medication outside the bundle is known by what the reference says": (
        [
            METASTASES,
            without(
                requested("c", "tucatinib", "2020-02-01"),
                medicationReference={"reference": "Medication/x", "display": "Tukysa"},
            ),
        ],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "ongoing"}]},
    ),
    "a product of two drugs is both": (
        [METASTASES, {**requested("c", "trastuzumab", "2020-02-01"), "medicationCodeableConcept": concept("rx:2382603")}],
        {"metastatic_therapy": [{"drugs": ["trastuzumab", "pertuzumab"], "outcome": "ongoing"}]},
    ),
    "drugs given before the metastases were adjuvant, and months count from the last dose": (
        [METASTASES, *doses("trastuzumab", "2018-01-10", 17), *doses("docetaxel", "2018-01-10", 4)],
        {"adjuvant_drugs": ["trastuzumab", "docetaxel"], "months_to_recurrence": 12.94, "metastatic_therapy": []},
    ),
    "a recurrence on the same day a year later is at 12 months": (
        [METASTASES, given("last", "trastuzumab", "2019-01-10")],
        {"adjuvant_drugs": ["trastuzumab"], "months_to_recurrence": 12.0},
    ),
    "a recurrence during adjuvant trastuzumab is at month 0": (
        [METASTASES, stated("t", "trastuzumab", "2019-06-01", "2020-01-24", "stopped")],
        {"adjuvant_drugs": ["trastuzumab"], "months_to_recurrence": 0, "metastatic_therapy": []},
    ),
    "a drug that goes on from before the metastases leaves the therapy open": (
        [METASTASES, stated("t", "trastuzumab", "2019-06-01")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a recurrence known to the year is not compared with a month": (
        [condition("liver", "sct:94381002", "2020"), given("last", "trastuzumab", "2019-06-10")],
        {"adjuvant_drugs": ["trastuzumab"], "months_to_recurrence": None},
    ),
    "a recurrence known to the year is compared where every day of it agrees": (
        [condition("liver", "sct:94381002", "2020"), given("last", "trastuzumab", "2017-06-10")],
        {"months_to_recurrence": 30.71},
    ),
    "a drug whose time against the metastases is open leaves the therapy open": (
        [condition("liver", "sct:94381002", "2020"), given("x", "tucatinib", "2020-06-10")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a drug without a date leaves the therapy open": (
        [METASTASES, given("x", "tucatinib", None)],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "an ejection fraction of the present treatment counts": (
        [METASTASES, *LATE_HP, observation("lvef", "loinc:10230-1", "2020-03-01", valueQuantity={"value": 60, "unit": "%"})],
        {"lvef_measured": True},
    ),
    "an ejection fraction of an earlier treatment does not": (
        [
            METASTASES,
            *FIRST_LINE,
            PROGRESSION,
            observation("lvef", "loinc:10230-1", "2020-03-01", valueQuantity={"value": 60, "unit": "%"}),
        ],
        {"lvef_measured": None},
    ),
    "what is about another patient is not read": (
        [{**HER2, "subject": {"reference": "Patient/other"}}],
        {"her2": None},
    ),
    "a field of the wrong shape is left out, the rest is read": (
        [{**HER2, "valueQuantity": "ten", "bodySite": 7}],
        {"her2": "positive"},
    ),
    "drugs that were to end later go on, too": (
        [
            METASTASES,
            stated("t", "trastuzumab", "2020-02-01", "2021-02-01", "completed"),
            stated("d", "docetaxel", "2020-02-01", "2020-06-01", "completed"),
            stated("l", "letrozole", "2020-08-01"),
        ],
        {
            "metastatic_therapy": [
                {
                    "drugs": ["trastuzumab", "docetaxel"],
                    "outcome": "completed",
                    "chemotherapy_months": 4.0,
                    "chemotherapy_stopped": True,
                },
                {"drugs": ["trastuzumab", "letrozole"], "outcome": "ongoing"},
            ]
        },
    ),
    "a verification of the wrong shape keeps the diagnosis out": (
        [{**METASTASES, "verificationStatus": "refuted"}],
        {"metastatic": None},
    ),
    "a status of the wrong shape keeps the resource out": ([{**HER2, "status": ["final"]}], {"her2": None}),
    "a medication may be contained": (
        [
            METASTASES,
            {
                **requested("c", "tucatinib", "2020-02-01"),
                "medicationCodeableConcept": None,
                "medicationReference": {"reference": "#m"},
                "contained": [{"resourceType": "Medication", "id": "m", "code": concept("rx:2361285")}],
            },
        ],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "ongoing"}]},
    ),
    "a medication may be a resource of the bundle": (
        [
            METASTASES,
            {"resourceType": "Medication", "id": "m", "code": concept("rx:2361285")},
            {
                **requested("c", "tucatinib", "2020-02-01"),
                "medicationCodeableConcept": None,
                "medicationReference": {"reference": "Medication/m"},
            },
        ],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "ongoing"}]},
    ),
}


@pytest.mark.parametrize("name", READ)
def test_facts_are_read_as_a_reader_of_the_bundle_would(name: str, curated: Guideline) -> None:
    resources, expected = READ[name]
    for kind in ("collection", "searchset", "transaction", "document"):
        found = curated.reading(json.dumps(bundle(*resources, kind=kind)).encode())
        assert {fact: found.record.get(fact) for fact in expected} == expected


def test_every_fact_has_its_source_and_what_is_open_its_reason(curated: Guideline) -> None:
    for resources, _ in READ.values():
        found = curated.reading(bundle(*resources))
        read_from = {place.partition("[")[0] for place in found.sources}
        silent = {"metastatic_therapy"} if not found.record.get("metastatic_therapy") else set()
        assert {fact for fact in found.record if fact != "id"} - silent == read_from - silent
        if not found.record.get("metastatic_therapy"):
            assert found.assumed or any(entry.fact == "metastatic_therapy" for entry in found.undecided)


def test_medications_without_a_code_that_tells_are_told_where_they_are_not_counted(curated: Guideline) -> None:
    others = [in_words(f"m{number}", f"own mixture {number}") for number in range(5)]
    (none, said) = curated.reading(bundle(METASTASES, *others)).assumed
    assert "read as none given" in none
    assert "no code that tells: 5 (MedicationRequest/m0, own mixture 0, 2020-02-01; " in said
    assert said.endswith("own mixture 2, 2020-02-01; and 2 more)")
    metformin = without(requested("m", "trastuzumab", "2020-02-01"), medicationCodeableConcept=concept("rx:6809"))
    assert len(curated.reading(bundle(METASTASES, metformin)).assumed) == 1


def test_the_words_of_what_is_open_name_both_resources(curated: Guideline) -> None:
    said = curated.reading(bundle(*READ["results of one day that contradict each other leave the fact open"][0]))
    assert [source.resource for entry in said.contradictions for _, source in entry.sides] == [
        "Observation/her2",
        "Observation/other",
    ]
    notes = " ".join(
        curated.answer(bundle(HER2, observation("other", FISH, "2020-01-12", valueCodeableConcept=NEGATIVE))).notes
    )
    assert "her2: the record contradicts itself" in notes
    assert "Observation/her2" in notes
    assert "Observation/other" in notes


def test_what_does_not_count_is_not_spoken_of_and_what_says_nothing_is_listed(curated: Guideline) -> None:
    found = curated.reading(
        bundle(
            condition("ild", "icd:J84.9", verification="refuted"),
            observation("wrong", IHC, "2021-01-01", status="entered-in-error", valueCodeableConcept=NEGATIVE),
            observation("serum", SERUM, "2020-01-01", valueCodeableConcept=POSITIVE),
            observation("ecog", "loinc:89247-1", "2020-01-01", valueInteger=1),
        )
    )
    assert (found.undecided, found.contradictions, found.sources) == ((), (), {})
    assert {source.resource: why for source, why in found.unmapped} == {
        "Observation/serum": "HER2 in serum or plasma: says nothing of the tumour",
        "Observation/ecog": "a test that the tables do not know",
    }


def test_bundles_are_answered_as_second_and_third_line(curated: Guideline) -> None:
    second, third = curated.answer(AFTER_FIRST_LINE), curated.answer(AFTER_SECOND_LINE)
    assert (second.setting, second.recommended[0].regimen) == ("second_line", "trastuzumab_deruxtecan")
    assert third.setting == "third_line"
    assert "tucatinib_trastuzumab_capecitabine" in {entry.regimen for entry in third.recommended}


def test_a_record_that_was_printed_is_answered_as_its_bundle(curated: Guideline) -> None:
    for data in (AFTER_FIRST_LINE, AFTER_SECOND_LINE):
        own, printed = curated.answer(data).to_dict(), curated.answer(curated.reading(data).record).to_dict()
        assert {k: v for k, v in own.items() if k != "notes"} == {k: v for k, v in printed.items() if k != "notes"}


def test_the_order_of_the_entries_changes_no_fact(curated: Guideline) -> None:
    rng = random.Random(1)
    for resources, _ in READ.values():
        data = bundle(*resources)
        first = curated.reading(data).record
        for _ in range(3):
            rng.shuffle(data["entry"])
            assert curated.reading(data).record == first


REFUSED = {
    "two patients": (
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": n}} for n in "ab"]},
        "2 patients",
    ),
    "resources of two patients without a Patient": (
        {
            "resourceType": "Bundle",
            "entry": [{"resource": HER2}, {"resource": {**HER2, "subject": {"reference": "Patient/q"}}}],
        },
        "2 patients (p, q)",
    ),
    "a course whose end nobody tells": (
        bundle(METASTASES, stated("x", "tucatinib", "2020-02-01", "2020-04-01", "stopped")),
        "nothing tells how the course ended (MedicationStatement/x",
    ),
    "a drug that cannot be placed": (bundle(METASTASES, given("x", "tucatinib", None)), "MedicationAdministration/x"),
    "nothing at all": ({"resourceType": "Bundle", "entry": "many"}, "no FHIR resource that can be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused_with_the_resource(name: str, curated: Guideline) -> None:
    data, message = REFUSED[name]
    with pytest.raises(RecordError) as caught:
        curated.answer(data)
    assert message in str(caught.value)


def test_drugs_that_are_ordered_are_known_from_drafts(curated: Guideline) -> None:
    drafts = bundle(requested("order-1", "trastuzumab_deruxtecan", "2020-02-01", "draft"))
    assert orders(convert(drafts), curated.tables) == {"trastuzumab_deruxtecan": "MedicationRequest/order-1"}
    mentioned = bundle({**in_words("order-2", "Enhertu 5.4 mg/kg"), "status": "draft"})
    assert orders(convert(mentioned), curated.tables) == {"trastuzumab_deruxtecan": "MedicationRequest/order-2"}


def test_tables_name_drugs_and_facts_of_their_guideline(curated: Guideline, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(curated.folder), str(folder)], check=True)
    table = folder / "fhir" / "drugs.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:4], lines[4].replace(",trastuzumab,", ",trastuzumap,"), *lines[5:]]) + "\n")
    with pytest.raises(GuidelineError, match=r'drugs\.csv:5: "trastuzumap" is no drug of the guideline.*trastuzumab'):
        Guideline.load(folder).answer(AFTER_FIRST_LINE)
    for command in ("check", "serve"):
        done = subprocess.run([*REASONER, command, "--guideline", folder], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert 'drugs.csv:5: "trastuzumap" is no drug of the guideline' in done.stderr
    table.write_text("\n".join([*lines, "text,Zytiga,Zytiga,tamoxifen,name,none"]) + "\n")
    with pytest.raises(GuidelineError, match=rf'drugs\.csv:{len(lines) + 1}: "Zytiga": .* write "zytiga"'):
        Guideline.load(folder).answer(AFTER_FIRST_LINE)
    table.unlink()
    with pytest.raises(GuidelineError, match="cannot be read as CSV"):
        Guideline.load(folder).answer(AFTER_FIRST_LINE)


def test_the_explanation_shows_where_a_fact_was_read(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text(json.dumps(AFTER_FIRST_LINE))

    def run(*command: str) -> str:
        return subprocess.run(
            [*REASONER, *command], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout

    read = "Observation/status-1, loinc 97509-4, 2020-10-20"
    assert read in " ".join(run("why", "patient.json", "trastuzumab_deruxtecan", "--depth", "9").split())
    run("graph", "patient.json", "-o", "graph.json")
    nodes = {node["id"]: node for node in json.loads((tmp_path / "graph.json").read_text())["nodes"]}
    assert nodes["outcome(1,progression)"]["origin"] == read
    assert nodes["drug_in(1,docetaxel)"]["origin"].startswith(
        "MedicationAdministration/docetaxel-0, rxnorm 72962, 2020-02-01"
    )
    assert read in " ".join(run("graph", "patient.json").split())


def test_the_record_goes_to_standard_output_and_its_sources_beside_it(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "patient.json").write_text(json.dumps(AFTER_FIRST_LINE))
    done = subprocess.run(
        [*REASONER, "facts", "patient.json"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout)["her2"] == "positive"
    assert "her2: Observation/her2, loinc 85319-2, 2020-01-12" in done.stderr
    whole = subprocess.run(
        [*REASONER, "facts", "-", "--format", "json"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, input=json.dumps(AFTER_FIRST_LINE),
    )  # fmt: skip
    assert json.loads(whole.stdout)["record"] == json.loads(done.stdout)


def read_or_refuse(guideline: Guideline, content: bytes) -> None:
    """Read what may be no FHIR at all; an answer or one message."""
    try:
        found = guideline.reading(content)
    except RecordError as error:
        assert "\n" not in str(error)
        return
    json.dumps(found.to_dict())
    try:
        guideline.record(found.record)
    except RecordError as error:
        assert "contradicts itself" not in str(error)


@settings(max_examples=400)
@drawn(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
def test_spoilt_bundles_are_read_or_refused(curated: Guideline, seed: int, changes: int) -> None:
    rng = random.Random(seed)
    data: Any = copy.deepcopy(rng.choice([AFTER_SECOND_LINE, *(bundle(*resources) for resources, _ in READ.values())]))
    for _ in range(changes):
        if isinstance(data, dict | list):
            data = spoil(data, rng)
    content = bytearray(json.dumps(data).encode())
    if rng.random() < 0.2:
        content[rng.randrange(len(content))] = rng.randrange(256)
    read_or_refuse(curated, bytes(content))


@settings(max_examples=200)
@drawn(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_any_json_is_read_or_refused(curated: Guideline, data: Any) -> None:
    read_or_refuse(curated, json.dumps(data).encode())
    read_or_refuse(curated, json.dumps({"resourceType": "Bundle", "entry": data}).encode())


def test_deep_nesting_is_refused(curated: Guideline) -> None:
    for content in (b'{"a":' * 100_000, b"[" * 100_000, b'{"resourceType":"Bundle","entry":[{"resource":' * 5000):
        with pytest.raises(RecordError):
            parse(content)
    deep: Any = {"resourceType": "Patient", "id": "p"}
    for _ in range(20):
        deep = {"resourceType": "Bundle", "entry": [{"resource": deep}]}
    with pytest.raises(RecordError, match="no FHIR resource"):
        curated.reading(deep)
