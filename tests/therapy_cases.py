"""Medications with the facts of therapy that they say; None where a fact stays unknown."""

from __future__ import annotations

from typing import Any

from bundles import (
    FIRST_LINE,
    METASTASES,
    PROGRESSION,
    STABLE,
    WORSENED,
    concept,
    condition,
    doses,
    given,
    observation,
    requested,
    stated,
)

TOXIC = [concept("sct:407563006")]
THP = ["trastuzumab", "pertuzumab", "docetaxel"]
LATE_HP = [*doses("trastuzumab", "2020-02-01", 14), *doses("pertuzumab", "2020-02-01", 14)]

TUCATINIB_ALONE = [requested("t", "tucatinib", "2020-02-01")]


def without(resource: dict[str, Any], **instead: Any) -> dict[str, Any]:
    """Write a medication in another way than by its concept."""
    return {key: value for key, value in resource.items() if key != "medicationCodeableConcept"} | instead


def in_words(name: str, text: str) -> dict[str, Any]:
    return without(requested(name, "trastuzumab", "2020-02-01"), medicationCodeableConcept={"text": text})


def coded_elsewhere(name: str, display: str, system: str = "urn:oid:1.2.3", text: str | None = None) -> dict[str, Any]:
    """Code a medication as no table does."""
    told = {"coding": [{"system": system, "code": "17", "display": display}], **({"text": text} if text else {})}
    return without(requested(name, "trastuzumab", "2020-02-01"), medicationCodeableConcept=told)


THERAPY: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
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
    "drugs that go on belong to the course that a new drug opens": (
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
    "an unclosed order ends with the last dose": (
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
    "a drug recorded as going on through a progression makes the therapy history unknown": (
        [METASTASES, requested("d", "docetaxel", "2020-02-01"), PROGRESSION, requested("t", "tucatinib", "2020-11-01")],
        {"metastatic_therapy": None},
    ),
    "a drug stopped for toxicity ends the course in toxicity": (
        [METASTASES, stated("x", "trastuzumab_deruxtecan", "2020-02-01", "2020-04-01", "stopped", statusReason=TOXIC)],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_deruxtecan"], "outcome": "toxicity"}]},
    ),
    "a course whose end is not recorded has no outcome": (
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
        {"metastatic_therapy": None, "adjuvant_drugs": None},
    ),
    "a drug of unknown status makes the therapy history unknown": (
        [METASTASES, requested("x", "tucatinib", "2020-02-01", "unknown")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a drug without a status makes the therapy history unknown": (
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
    "a drug may be written as text, by one of its names": (
        [METASTASES, in_words("c", "Trastuzumab  Deruxtecan"), in_words("d", "Phesgo")],
        {"metastatic_therapy": [{"drugs": ["trastuzumab", "pertuzumab", "trastuzumab_deruxtecan"], "outcome": "ongoing"}]},
    ),
    "a code of another system counts by its display": (
        [METASTASES, coded_elsewhere("c", "ado-trastuzumab emtansine")],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_emtansine"], "outcome": "ongoing"}]},
    ),
    "a drug mentioned among other words makes the therapy history unknown": (
        [METASTASES, in_words("c", "Enhertu after Kadcyla")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a harmless name among amounts and what it is given as is no therapy": (
        [
            METASTASES,
            *TUCATINIB_ALONE,
            in_words("c", "Dexamethasone 8 mg in Glucose 5 % IV"),
            in_words("d", "Ondansetron, premedication"),
        ],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "ongoing"}]},
    ),
    **{
        f"a harmless name does not hide the drug beside it: {text}": (
            [METASTASES, *TUCATINIB_ALONE, in_words("c", text)],
            {"adjuvant_drugs": None, "metastatic_therapy": None},
        )
        for text in (
            "Docetaxolum in Glucose 5 %",
            "Pertuzumabum 420 mg in sodium chloride 0.9%",
            "CMF x6, premedication dexamethasone",
            "Herceptine + Paracetamol",
            "XELIRI (Ondansetron)",
        )
    },
    "an unlisted product is not taken for another drug": (
        [METASTASES, coded_elsewhere("c", "trastuzumab-zzzz 420 mg", system="http://www.nlm.nih.gov/research/umls/rxnorm")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "texts that name different drugs make the therapy history unknown": (
        [METASTASES, coded_elsewhere("c", "trastuzumab", text="trastuzumab deruxtecan")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a medication outside the bundle is known by the reference's display": (
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
        {"adjuvant_drugs": ["trastuzumab", "docetaxel"], "months_to_recurrence": 12.94, "metastatic_therapy": None},
    ),
    "a recurrence on the same day a year later is at 12 months": (
        [METASTASES, given("last", "trastuzumab", "2019-01-10")],
        {"adjuvant_drugs": ["trastuzumab"], "months_to_recurrence": 12.0},
    ),
    "a recurrence during adjuvant trastuzumab is at month 0": (
        [METASTASES, stated("t", "trastuzumab", "2019-06-01", "2020-01-24", "stopped")],
        {"adjuvant_drugs": ["trastuzumab"], "months_to_recurrence": 0, "metastatic_therapy": None},
    ),
    "a drug that goes on from before the metastases makes the therapy history unknown": (
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
    "a drug given at an uncertain time makes the therapy history unknown": (
        [condition("liver", "sct:94381002", "2020"), given("x", "tucatinib", "2020-06-10")],
        {"adjuvant_drugs": None, "metastatic_therapy": None},
    ),
    "a drug without a date makes the therapy history unknown": (
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
    "drugs with a later end go on as well": (
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
    "a drug that ended on a day that is not told may belong to the next course as well": (
        [
            METASTASES,
            stated("t", "trastuzumab", "2020-02-01", status="completed"),
            stated("l", "letrozole", "2020-08-01"),
        ],
        {"metastatic_therapy": None},
    ),
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
