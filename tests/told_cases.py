"""Charts in which therapy, or a finding, stands where few look for it, with the facts that they say; None where unknown."""

from __future__ import annotations

from typing import Any

from bundles import BREAST_CANCER, METASTASES, Json, concept, condition, observation, requested, resource, stated

ICD_O = "http://terminology.hl7.org/CodeSystem/icd-o-3"
ICD_O_OID = "urn:oid:2.16.840.1.113883.6.43.1"
THP = ("trastuzumab", "pertuzumab", "docetaxel")
ADJUVANT = [stated("adjuvant", "trastuzumab", "2017-03-01", "2018-02-28", "completed")]
TREATED = [METASTASES, *(stated(drug, drug, "2020-02-01", "2020-09-01", "completed") for drug in THP)]
UNKNOWN = {"metastatic_therapy": None}
KNOWN = {"metastatic_therapy": [{"drugs": [*THP], "outcome": "completed", "chemotherapy_months": 7.0}]}
PNEUMONITIS = concept("icd:J84.89", text="Pneumonitis")


def answered(*items: Json) -> Json:
    return resource("QuestionnaireResponse", "form", status="completed", authored="2021-01-01", item=[*items])


def asked(question: str, **answer: Any) -> Json:
    return {"linkId": "1", "text": question, "answer": [answer]}


def event(**more: Any) -> Json:
    return resource("AdverseEvent", "event", actuality="actual", date="2021-01-01", **more)


def written(**more: Any) -> Json:
    section = {"title": "Therapy", "text": {"div": "<div>Trastuzumab was given.</div>"}}
    return resource("Composition", "letter", status="final", section=[section], **more)


def tumour(system: str, *codes: str, site: str | None = None) -> Json:
    own = {"coding": [{"system": system, "code": code} for code in codes]}
    found = {**condition("tumour", "icd:C50", "2019-01-10"), "code": own}
    return found if site is None else {**found, "bodySite": [{"coding": [{"system": system, "code": site}]}]}


def in_words(day: str, stage: str) -> Json:
    return observation("tnm", "loinc:21908-9", day, valueString=stage)


TOLD: dict[str, tuple[list[Json], dict[str, Any]]] = {
    "a letter about drugs that the medications tell adds nothing": ([*TREATED, written(date="2020-10-01")], KNOWN),
    "one whose date cannot be read may be about others of the same name": ([*TREATED, written(date="in autumn")], UNKNOWN),
    "so may one whose date has the wrong shape": ([*TREATED, written(date={"year": 2021})], UNKNOWN),
    **{
        f"so may what was done on a day that is told in another way: {field}": (
            [*TREATED, resource("Procedure", "p", status="completed", code={"text": "Trastuzumab"}, **{field: day})],
            UNKNOWN,
        )
        for field, day in (
            ("performedString", "last year"),
            ("performedAge", {"value": 52, "unit": "a"}),
            ("occurrencePeriod", {"start": "?"}),
            ("occurrencePeriod", {"start": "2022-03-01"}),
        )
    },
    "a diagnosis that tells of therapy in a period that cannot be read may be of any time": (
        [*TREATED, {**condition("told", "icd:Z92.21"), "onsetPeriod": [1]}],
        UNKNOWN,
    ),
    "an answer that names a drug": ([*TREATED, answered(asked("Which drugs?", valueString="Enhertu"))], UNKNOWN),
    "a coded answer within a group": (
        [
            *TREATED,
            answered({"linkId": "g", "item": [asked("Drug", valueCoding={**concept("rx:2267582")["coding"][0]})]}),
        ],
        UNKNOWN,
    ),
    "a question about a drug that is answered": (
        [*TREATED, answered(asked("When was Kadcyla given last?", valueDate="2021-05-01"))],
        UNKNOWN,
    ),
    "a question about a drug that is answered with yes": ([*TREATED, answered(asked("T-DM1?", valueBoolean=True))], UNKNOWN),
    "one that is answered with no": ([*TREATED, answered(asked("T-DM1?", valueBoolean=False))], KNOWN),
    "one that is answered with a code for no": (
        [*TREATED, answered(asked("T-DM1?", valueCoding={"system": "http://loinc.org", "code": "LA32-8"}))],
        KNOWN,
    ),
    "one that is answered with a word for no": ([*TREATED, answered(asked("Kadcyla?", valueString="Nein"))], KNOWN),
    "one that is not answered": ([*TREATED, answered({"linkId": "1", "text": "Kadcyla?"})], KNOWN),
    "answers that cannot be read": ([*TREATED, answered() | {"item": {"linkId": "1"}}], UNKNOWN),
    "an adverse event that names a drug": ([*TREATED, event(event={"text": "Diarrhoea on tucatinib"})], UNKNOWN),
    "an adverse event that suspects a drug": (
        [*TREATED, event(suspectEntity=[{"instance": {"display": "Enhertu 100 mg"}}])],
        UNKNOWN,
    ),
    "an adverse event that refers to a drug": (
        [
            *TREATED,
            {"resourceType": "Medication", "id": "d", "code": concept("rx:2267582")},
            event(suspectEntity=[{"instance": {"reference": "Medication/d"}}]),
        ],
        UNKNOWN,
    ),
    "an adverse event that refers to a drug that is not there": (
        [*TREATED, event(suspectEntity=[{"instance": {"reference": "Medication/gone"}}])],
        UNKNOWN,
    ),
    "an adverse event that refers to a drug that no table knows": (
        [
            *TREATED,
            {"resourceType": "Medication", "id": "d", "code": {"text": "see letter"}},
            event(suspectEntity=[{"instance": {"reference": "Medication/d"}}]),
        ],
        UNKNOWN,
    ),
    "an adverse event of a drug that the medications tell": (
        [*TREATED, event(suspectEntity=[{"instance": {"display": "Trastuzumab"}}], event=PNEUMONITIS)],
        KNOWN | {"interstitial_lung_disease": True},
    ),
    "an adverse event that may yet come is none": (
        [*TREATED, event(event=PNEUMONITIS) | {"actuality": "potential"}],
        {"interstitial_lung_disease": None},
    ),
    "an adverse event in words is not certain": (
        [*TREATED, event(event={"text": "Pneumonitis"})],
        {"interstitial_lung_disease": None},
    ),
    "an item of a bill by itself": (
        [
            *TREATED,
            resource("ChargeItem", "c", status="billed", occurrenceDateTime="2021-03-01", code={"text": "Inj. Enhertu"}),
        ],
        UNKNOWN,
    ),
    "axillary nodes of a breast cancer are not where metastases began": (
        [BREAST_CANCER, condition("node", "icd:C77.3", "2017-01-10"), *ADJUVANT, METASTASES],
        {"metastatic": True, "adjuvant_drugs": ["trastuzumab"]},
    ),
    "nor are they metastases": ([BREAST_CANCER, condition("node", "icd:C77.3", "2017-01-10")], {"metastatic": None}),
    "axillary nodes of no known cancer may be metastases": (
        [condition("node", "icd:C77.3", "2017-01-10"), *ADJUVANT, METASTASES],
        {"adjuvant_drugs": None},
    ),
    "axillary nodes beside another cancer may be its metastases": (
        [
            BREAST_CANCER,
            condition("skin", "icd:C43.6", "2016-01-10"),
            condition("node", "icd:C77.3", "2017-01-10"),
            *ADJUVANT,
        ],
        {"metastatic": None, "adjuvant_drugs": None},
    ),
    "axillary nodes of the other side may be metastases": (
        [
            BREAST_CANCER,
            {**condition("node", "icd:C77.3", "2017-01-10"), "code": concept("icd:C77.3", text="contralateral axilla")},
            *ADJUVANT,
            METASTASES,
        ],
        {"adjuvant_drugs": None},
    ),
    "nodes that are regional and metastases in one diagnosis are metastases": (
        [BREAST_CANCER, {**METASTASES, "code": concept("icd:C77.3", "icd:C78.7")}],
        {"metastatic": True},
    ),
    "a carcinoma of the breast by morphology and site": ([tumour(ICD_O, "8500/3", site="C50.4")], {"breast_cancer": True}),
    "one by both as codes of one diagnosis": ([tumour(ICD_O_OID, "C50.9", "8520/3")], {"breast_cancer": True}),
    "one with its grade": ([tumour(ICD_O, "M-8500/32", site="C504")], {"breast_cancer": True}),
    "a sarcoma of the breast is not certainly the guideline's cancer": (
        [tumour(ICD_O, "8800/3", site="C50.4")],
        {"breast_cancer": None},
    ),
    "a site alone is not certainly a cancer": ([tumour(ICD_O, "C50.4")], {"breast_cancer": None}),
    "a metastasis by its behaviour and site": ([BREAST_CANCER, tumour(ICD_O, "8500/6", site="C22.0")], {"metastatic": True}),
    "one in the brain": ([BREAST_CANCER, tumour(ICD_O, "8500/6", site="C71.1")], {"brain_metastases": True}),
    "one in nodes may be regional": ([BREAST_CANCER, tumour(ICD_O, "8500/6", site="C77.3")], {"metastatic": None}),
    "the M of a TNM in words tells that there were no metastases": (
        [BREAST_CANCER, in_words("2017-01-20", "pT2 pN1a (sn) cM0 G2 R0"), *ADJUVANT, METASTASES],
        {"metastatic": True, "adjuvant_drugs": ["trastuzumab"]},
    ),
    "and that there are": ([BREAST_CANCER, in_words("2020-01-10", "cT4b cN1 cM1 (HEP, OSS)")], {"metastatic": True}),
    "a drug that R5 says was given when it occurred": (
        [
            METASTASES,
            {
                **resource("MedicationAdministration", "t", status="completed", occurrenceDateTime="2020-03-01"),
                "medication": {"concept": {"text": "Zercepac ED 420 mg tgl."}},
            },
        ],
        {"metastatic_therapy": [{"drugs": ["trastuzumab"], "outcome": "ongoing"}]},
    ),
    "a morphology that no table has may be anything": (
        [BREAST_CANCER, tumour(ICD_O, "8140/3"), *ADJUVANT, requested("t", "tucatinib", "2022-02-01")],
        {"metastatic": None, "metastatic_therapy": None},
    ),
}
