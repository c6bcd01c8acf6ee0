"""Conditions and observations with the facts that they say; None where a fact stays unknown."""

from __future__ import annotations

from typing import Any

from bundles import (
    BREAST_CANCER,
    HER2,
    METASTASES,
    NEGATIVE,
    POSITIVE,
    concept,
    condition,
    observation,
    resource,
    stated,
)

RATIO, COPIES, PANEL, PRESENCE = "loinc:49683-6", "loinc:74860-8", "loinc:74885-5", "loinc:48676-1"
IHC, FISH, SERUM, ER, PR = "loinc:85319-2", "loinc:85318-4", "loinc:32996-1", "loinc:85337-4", "loinc:85339-0"
TUCATINIB = stated("t", "tucatinib", "2020-02-01", "2020-10-01", "completed")


def copies(name: str, count: float, day: str) -> dict[str, Any]:
    return observation(name, COPIES, day, valueQuantity={"value": count, "unit": "{copies}/{cell}"})


def german(name: str, code: str, **more: Any) -> dict[str, Any]:
    """A diagnosis in ICD-10-GM, which has no status of its own."""
    coding = {"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": code, **more}
    return resource("Condition", name, code={"coding": [coding]}, recordedDate="2019-01-10")


def with_certainty(name: str, code: str, letter: str) -> dict[str, Any]:
    url = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
    return german(name, code, extension=[{"url": url, "valueCoding": {"code": letter}}])


FINDINGS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "the latest HER2 result counts": (
        [observation("old", IHC, "2018-01-01", valueCodeableConcept=NEGATIVE), HER2],
        {"her2": "positive"},
    ),
    "HER2 by immunohistochemistry 2+ alone stays unknown": (
        [observation("ihc", IHC, "2020-01-01", valueString="2+")],
        {"her2": None},
    ),
    "a later 2+ overrides an older result": (
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
    "a later 2+ does not withdraw in situ hybridisation of about the same day": (
        [
            observation("fish", FISH, "2020-01-12", valueCodeableConcept=POSITIVE),
            observation("ihc", IHC, "2020-01-20", valueString="2+"),
        ],
        {"her2": "positive"},
    ),
    "a 2+ of another year is not decided by in situ hybridisation before": (
        [
            observation("fish", FISH, "2018-01-12", valueCodeableConcept=POSITIVE),
            observation("ihc", IHC, "2020-01-20", valueString="2+"),
        ],
        {"her2": None},
    ),
    "a result that cannot be read is not decided by an older one": (
        [
            observation("fish", FISH, "2020-01-12", valueCodeableConcept=POSITIVE),
            observation("ihc", IHC, "2020-01-20", valueString="see report"),
        ],
        {"her2": None},
    ),
    "a receptor may be written with its percentage": (
        [
            observation("er", ER, "2020-01-01", valueString="80-90 %"),
            observation(
                "pr", PR, "2020-01-01", valueRange={"low": {"value": 5, "unit": "%"}, "high": {"value": 9, "unit": "%"}}
            ),
        ],
        {"hr": "positive"},
    ),
    "a percentage about the threshold is inconclusive": (
        [observation("er", ER, "2020-01-01", valueString="0-5%"), observation("pr", PR, "2020-01-01", valueString="0%")],
        {"hr": None},
    ),
    "an ejection fraction may be a range or a text": (
        [observation("lvef", "loinc:8806-2", "2020-01-01", valueString="60-65%")],
        {"lvef_measured": True},
    ),
    "an ejection fraction that was not obtained is none": (
        [observation("lvef", "loinc:8806-2", "2020-01-01", valueString="not obtained")],
        {"lvef_measured": None},
    ),
    "HER2-low is negative": ([observation("ihc", IHC, "2020-01-01", valueString="HER2-low (1+)")], {"her2": "negative"}),
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
    "contradictory results of one day leave the fact unknown": (
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
    "less than 10 percent is inconclusive, less than 1 percent is not": (
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
    "a provisional diagnosis leaves the fact unknown": (
        [condition("hf", "icd:I50", verification="provisional")],
        {"heart_failure": None},
    ),
    "an ICD-10 code says what the codes above it say": (
        [condition("brain", "icd:C79.31"), condition("hf", "icd:I50.22")],
        {"metastatic": True, "brain_metastases": True, "heart_failure": True},
    ),
    "the body site says that metastases are in the brain": (
        [condition("m", "sct:128462008", bodySite=[concept("sct:12738006")])],
        {"metastatic": True, "brain_metastases": True},
    ),
    "an axillary node is not metastatic disease": ([condition("node", "sct:94181007")], {"metastatic": None}),
    "a stage of the diagnosis says that there are metastases": (
        [condition("c", "icd:C50.9", stage=[{"summary": concept("sct:258228008")}])],
        {"metastatic": True},
    ),
    "an opposite stage of the same day contradicts": (
        [METASTASES, observation("m0", "loinc:21907-1", "2020-01-10", valueCodeableConcept="sct:1229901006")],
        {"metastatic": None},
    ),
    "an older stage does not contradict": (
        [METASTASES, observation("m0", "loinc:21907-1", "2018-01-10", valueCodeableConcept="sct:1229901006")],
        {"metastatic": True},
    ),
    "metastases can be ruled out": (
        [observation("none", "sct:1287652008", "2020-01-01", valueBoolean=False)],
        {"metastatic": False, "metastatic_therapy": []},
    ),
    "weight is converted to kilograms": (
        [observation("w", "loinc:29463-7", "2020-01-01", valueQuantity={"value": 150, "unit": "lb", "code": "[lb_av]"})],
        {"weight_kg": 68.039},
    ),
    "a weight in grams that the chart calls kilograms stays unknown": (
        [observation("w", "loinc:29463-7", "2020-01-01", valueQuantity={"value": 68039, "code": "kg"})],
        {"weight_kg": None},
    ),
    "a weight of nothing stays unknown": (
        [observation("w", "loinc:29463-7", "2020-01-01", valueQuantity={"value": 0, "code": "kg"})],
        {"weight_kg": None},
    ),
    "what is about another patient is not read": (
        [{**HER2, "subject": {"reference": "Patient/other"}}],
        {"her2": None},
    ),
    "a field of the wrong shape is left out, the rest is read": (
        [{**HER2, "valueQuantity": "ten", "bodySite": 7}],
        {"her2": "positive"},
    ),
    "a verification of the wrong shape keeps the diagnosis out": (
        [{**METASTASES, "verificationStatus": "refuted"}],
        {"metastatic": None},
    ),
    "a status of the wrong shape keeps the resource out": ([{**HER2, "status": ["final"]}], {"her2": None}),
    "a stain and in situ hybridisation may stand in one text": (
        [observation("ihc", IHC, "2020-01-01", valueString="IHC 2+ / FISH negative")],
        {"her2": "negative"},
    ),
    "a German report is read": (
        [observation("ihc", IHC, "2020-01-01", valueString="HER2 positiv (Score 3+, FISH amplifiziert)")],
        {"her2": "positive"},
    ),
    "a text that contradicts itself decides nothing": (
        [observation("er", ER, "2020-01-01", valueString="positive (<1%)"), observation("pr", PR, valueString="positive")],
        {"hr": "positive"},
    ),
    "ratio and copies of in situ hybridisation decide together": (
        [observation("r", RATIO, "2020-01-01", valueQuantity={"value": 4.1}), copies("c", 8.2, "2020-01-01")],
        {"her2": "positive"},
    ),
    "ratio and copies may be components, and written": (
        [
            observation(
                "panel",
                PANEL,
                "2020-01-01",
                component=[
                    {"code": concept(RATIO), "valueString": "greater than 2.2"},
                    {"code": concept(COPIES), "valueString": "8,1"},
                ],
            )
        ],
        {"her2": "positive"},
    ),
    "a low ratio with few copies is negative": (
        [observation("r", RATIO, "2020-01-01", valueQuantity={"value": 1.2}), copies("c", 2.2, "2020-01-01")],
        {"her2": "negative"},
    ),
    "a ratio alone, and one against the copies, decides nothing": (
        [
            observation("r", RATIO, "2020-01-01", valueQuantity={"value": 4.1}),
            copies("c", 3.2, "2020-01-01"),
            observation("other", RATIO, "2019-01-01", valueQuantity={"value": 4.1}),
        ],
        {"her2": None},
    ),
    "what the pathologist concludes from a ratio counts": (
        [observation("r", RATIO, "2020-01-01", valueQuantity={"value": 4.1}, interpretation=[concept(text="Positive")])],
        {"her2": "positive"},
    ),
    "a conclusion against the ratio leaves it unknown": (
        [observation("r", RATIO, "2020-01-01", valueQuantity={"value": 1.1}, interpretation=[concept(text="Positive")])],
        {"her2": None},
    ),
    "an ejection fraction above a number was measured": (
        [observation("lvef", "sct:250908004", "2020-01-01", valueQuantity={"value": 50, "comparator": ">", "unit": "%"})],
        {"lvef_measured": True},
    ),
    "a code without its point, and of another edition, is the same": (
        [{**METASTASES, "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-nl", "code": "C793"}]}}],
        {"metastatic": True, "brain_metastases": True},
    ),
    "the nearest code above decides": (
        [condition("breast-2", "icd:C79.81"), condition("node", "icd:C77.3")],
        {"metastatic": None},
    ),
    "nodes that are never regional are metastases": ([condition("node", "icd:C77.2")], {"metastatic": True}),
    "drug-induced lung disease is interstitial lung disease": (
        [condition("ild", "icd:J70.2"), condition("hf", "sct:441481004")],
        {"interstitial_lung_disease": True, "heart_failure": True},
    ),
    "a stage group of UICC or AJCC is read": (
        [
            condition(
                "c",
                "icd:C50.9",
                stage=[{"summary": {"coding": [{"system": "https://www.uicc.org/resources/tnm", "code": "IV"}]}}],
            )
        ],
        {"metastatic": True},
    ),
    "a diagnosis that is excluded, in the extension or the letter of ICD-10-GM, is not there": (
        [METASTASES, with_certainty("ild", "J84.1", "A"), german("hf", "I50.9A")],
        {"metastatic": True, "interstitial_lung_disease": None, "heart_failure": None},
    ),
    "metastases that are excluded do not bear on the drugs": (
        [BREAST_CANCER, HER2, with_certainty("liver", "C78.7", "A")],
        {"metastatic": None, "breast_cancer": True},
    ),
    "a diagnosis that is suspected, or a state after one, is not certain": (
        [with_certainty("liver", "C78.7", "V"), german("ild", "J84.1 V"), german("hf", "I50.9Z")],
        {"metastatic": None, "interstitial_lung_disease": None, "heart_failure": None},
    ),
    "a confirmed diagnosis is there, with its letter too": (
        [with_certainty("liver", "C78.7", "G"), german("ild", "J84.1G"), german("c", "C50.9 G"), german("hf", "I50.-")],
        {"metastatic": True, "interstitial_lung_disease": True, "breast_cancer": True, "heart_failure": True},
    ),
    "where certainties differ, or one is not known, the diagnosis is not certain": (
        [
            {**with_certainty("liver", "C78.7", "A"), "verificationStatus": {"coding": [{"code": "confirmed"}]}},
            with_certainty("ild", "J84.1", "X"),
        ],
        {"metastatic": None, "interstitial_lung_disease": None},
    ),
    "letters after a code that no table has leave the diagnosis uncertain": (
        [german("liver", "C78.7Q"), german("ild", "J84.1XY"), condition("c", "icd:C50.A1")],
        {"metastatic": None, "interstitial_lung_disease": None, "breast_cancer": True},
    ),
    "a stage of another disease, or of another cancer, says nothing of metastases": (
        [
            BREAST_CANCER,
            observation("none", "sct:1287652008", "2020-01-10", valueBoolean=False),
            condition("hf", "icd:I50.9", "2020-01-10", stage=[{"summary": {"text": "IV"}}]),
            condition("colon", "icd:C18.9", "2020-01-10", stage=[{"summary": {"text": "Stage IV"}}]),
            condition("copd", "icd:J44.9", "2020-01-10", stage=[{"summary": concept("sct:258228008")}]),
        ],
        {"metastatic": False},
    ),
    "a stage of what may be the breast cancer is not certain": (
        [resource("Condition", "c", code={"text": "Mammakarzinom"}, stage=[{"summary": concept("sct:258228008")}])],
        {"metastatic": None},
    ),
    "a stage is read if its kind is one of tumours": (
        [condition("c", "icd:C50.9", stage=[{"summary": {"text": "Stage IV"}, "type": concept("sct:399537006")}])],
        {"metastatic": True},
    ),
    "a stage of another kind is not certain": (
        [condition("c", "icd:C50.9", stage=[{"summary": {"text": "IV"}, "type": {"text": "NYHA"}}])],
        {"metastatic": None},
    ),
    "metastases of the skin may be local": ([condition("skin", "icd:C79.2")], {"metastatic": None}),
    "a number in a unit that the test does not have is not known": (
        [
            observation("ihc", IHC, "2020-01-01", valueQuantity={"value": 3, "unit": "%"}),
            observation("lvef", "loinc:8806-2", "2020-01-01", valueQuantity={"value": 60, "unit": "mL"}),
        ],
        {"her2": None, "lvef_measured": None},
    ),
    "a number in a unit that the test does not have is not known in a text": (
        [observation("ihc", IHC, "2020-01-01", valueString="HER2: 3%")],
        {"her2": None},
    ),
    "a percentage is no ratio": (
        [
            observation("ratio", RATIO, "2020-01-01", valueQuantity={"value": 30, "unit": "%"}),
            copies("copies", 6.2, "2020-01-01"),
        ],
        {"her2": None},
    ),
    "an error stays one whatever its certainty": (
        [
            METASTASES,
            {**with_certainty("ild", "J84.1", "G"), "verificationStatus": {"coding": [{"code": "entered-in-error"}]}},
        ],
        {"metastatic": True, "interstitial_lung_disease": None},
    ),
    "a number without a unit, or in the unit of the test, is": (
        [
            observation("ihc", IHC, "2020-01-01", valueQuantity={"value": 3}),
            observation("lvef", "loinc:8806-2", "2020-01-01", valueQuantity={"value": 60, "unit": "percent", "code": "%"}),
        ],
        {"her2": "positive", "lvef_measured": True},
    ),
    **{
        f"a number that the test does not know beside a result leaves it unknown: {text}": (
            [observation("r", code, "2020-01-12", valueString=text)],
            {"her2": None},
        )
        for code, text in (
            (PRESENCE, "HER2 0/3+"),
            (PRESENCE, "1/3+"),
            (PRESENCE, "HER2 0 % 3+"),
            (PRESENCE, "positive 0 %"),
            (FISH, "amplified 0 %"),
        )
    },
    "a receptor with a number of another kind, or of the tumour's cells, is not known": (
        [
            observation("er", ER, "2020-01-12", valueString="Positive 0"),
            observation("pr", PR, "2020-01-12", valueString="Tumor cells: 90%"),
        ],
        {"hr": None},
    ),
    "a receptor is known by the part of the tumour's cells that are positive": (
        [observation("er", ER, "2020-01-12", valueString="positive (90% of tumor cells)")],
        {"hr": "positive"},
    ),
    "a part of the nuclei is that of the receptor": (
        [
            observation("er", ER, "2020-01-12", valueString="0 % der Tumorzellen"),
            observation("pr", PR, "2020-01-12", valueString="85% of nuclei positive"),
        ],
        {"hr": "positive"},
    ),
    "a spread with a number beside it is not known": (
        [observation("m", "loinc:21907-1", "2020-01-12", valueString="M1: 0%")],
        {"metastatic": None},
    ),
    **{
        f"a progression with a number beside it leaves how the course ended unknown: {text}": (
            [METASTASES, TUCATINIB, observation("status", "loinc:97509-4", "2020-10-20", valueString=text)],
            {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": None}]},
        )
        for text in ("Progression: 0%", "PD 0")
    },
    **{
        f"a metastasis in the skin of no known place may be local: {code}": (
            [BREAST_CANCER, condition("skin", code, "2020-01-10")],
            {"metastatic": None},
        )
        for code in ("sct:94579000", "sct:404092006", "icd:C79.2")
    },
    "a diagnosis that one of its codes decides is decided": (
        [condition("skin", "icd:C79.2", "2020-01-10"), {**METASTASES, "code": concept("icd:C79.2", "sct:94381002")}],
        {"metastatic": True},
    ),
    "a stage in other words is not certain": (
        [{**BREAST_CANCER, "stage": [{"summary": {"text": "UICC IV (cT2 cN1 cM1)"}}]}],
        {"metastatic": None},
    ),
}
