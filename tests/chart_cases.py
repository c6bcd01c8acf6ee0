"""Charts that leave something open, or tell it otherwise, with the facts that they say; None where one stays unknown."""

from __future__ import annotations

from typing import Any

from bundles import (
    BREAST_CANCER,
    FIRST_LINE,
    METASTASES,
    POSITIVE,
    PROGRESSION,
    SECOND_LINE,
    WORSENED,
    concept,
    condition,
    doses,
    given,
    observation,
    requested,
    resource,
    stated,
)
from therapy_cases import coded_elsewhere, in_words, without

THP = ["trastuzumab", "pertuzumab", "docetaxel"]
RECORDED = {**condition("liver", "sct:94381002"), "recordedDate": "2021-08-01"}
EARLY = [stated(drug, drug, "2018-02-01", "2018-07-01", "completed") for drug in THP]
CONJUGATE = stated("conjugate", "trastuzumab_deruxtecan", "2018-10-01", "2019-03-01", "completed")
WORSE = [
    observation("worse-1", "loinc:97509-4", "2018-09-01", valueCodeableConcept=WORSENED),
    observation("worse-2", "loinc:97509-4", "2019-04-01", valueCodeableConcept=WORSENED),
]
COURSES = [
    {"drugs": THP, "outcome": "progression", "chemotherapy_months": 5.0},
    {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"},
]
SINCE = "given since metastases: docetaxel, pertuzumab, trastuzumab (from 2018-02-01)"
BEFORE = "given before metastases: docetaxel, pertuzumab, trastuzumab (from 2018-02-01)"
LATE = "trastuzumab deruxtecan (T-DXd) (from 2018-10-01)"
UNCODED = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1"}]}
RELATED = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-primary-cancer-condition"
OPS = "http://fhir.de/CodeSystem/bfarm/ops"
ENDS = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-therapie-grund-ende"
PROCEDURE = resource("Procedure", "infusion", status="completed", code={"text": "Docetaxel + Herceptin, six cycles"})
PERFORMED = {"status": "completed", "performedDateTime": "2020-03-01"}


def with_reason(**reason: Any) -> dict[str, Any]:
    return stated("x", "tucatinib", "2020-02-01", "2020-04-01", "stopped", **reason)


def coded(system: str, *codes: str) -> dict[str, Any]:
    told = {"coding": [{"system": system, "code": code} for code in codes]}
    return {**requested(codes[0], "tucatinib", "2020-02-01"), "medicationCodeableConcept": told}


LEFT_OPEN: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "the day on which metastases were recorded bounds their onset from above, and what follows a progression is since": (
        [RECORDED, *EARLY, CONJUGATE, *WORSE],
        {
            "adjuvant_drugs": None,
            "metastatic_therapy": None,
            "one_of": [
                {"label": f"{SINCE}, {LATE}", "metastatic_therapy": COURSES},
                {
                    "label": f"{BEFORE}; given since metastases: {LATE}",
                    "adjuvant_drugs": THP,
                    "months_to_recurrence": 0.0,
                    "metastatic_therapy": COURSES[1:],
                },
            ],
        },
    ),
    "where metastases are only suspected, the drugs are open and what follows a progression is never adjuvant": (
        [condition("liver", "sct:94381002", "2018-01-10", verification="provisional"), *EARLY, CONJUGATE, *WORSE],
        {
            "metastatic": None,
            "one_of": [
                {"label": f"{SINCE}, {LATE}", "metastatic_therapy": COURSES},
                {
                    "label": f"{BEFORE}; given since metastases: {LATE}",
                    "adjuvant_drugs": THP,
                    "months_to_recurrence": 0.0,
                    "metastatic_therapy": COURSES[1:],
                },
                {
                    "label": "no metastases so far, or found after all of these: "
                    f"docetaxel, pertuzumab, trastuzumab (from 2018-02-01), {LATE}"
                },
            ],
        },
    ),
    **{
        f"therapy that only a procedure or an encounter tells makes the history unknown: {told.get('text') or told}": (
            [METASTASES, resource(kind, "told", code=told, **dated), requested("t", "tucatinib", "2022-02-01")],
            {"metastatic_therapy": None},
        )
        for kind, dated, told in (
            *(
                ("Procedure", PERFORMED, {"text": text})
                for text in (
                    "Polychemotherapie nach TCbHP",
                    "Immunchemotherapie",
                    "Radiochemotherapie",
                    "Zytostatikatherapie, 3. Zyklus",
                    "Antikörpertherapie ambulant",
                    "Paclitaxelgabe",
                    "Kadcylatherapie",
                    "Chemoinfusion",
                    "Chemoimmunotherapy",
                )
            ),
            ("Procedure", PERFORMED, {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "96413"}]}),
            (
                "Procedure",
                PERFORMED,
                {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/ICD10", "code": "3E03305"}]},
            ),
            ("Procedure", PERFORMED, concept("sct:716872004")),
            ("Condition", {"onsetDateTime": "2020-03-01"}, concept("icd:Z51.11")),
            (
                "Condition",
                {"recordedDate": "2020-03-01"},
                {"coding": [{"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": "Z51.1 G"}]},
            ),
        )
    },
    "metastases found with the breast cancer leave nothing adjuvant, by month as well": (
        [condition("breast", "icd:C50.9", "2020-02"), condition("liver", "sct:94381002", "2020-04")],
        {"adjuvant_drugs": []},
    ),
    "what is known to the year was not certainly found at once": (
        [condition("breast", "icd:C50.9", "2020"), condition("liver", "sct:94381002", "2020")],
        {"metastatic": True, "adjuvant_drugs": None},
    ),
    "a breast cancer that came back was there before": (
        [
            condition("breast", "icd:C50.9", "2020-01-10", clinicalStatus={"coding": [{"code": "recurrence"}]}),
            METASTASES,
        ],
        {"adjuvant_drugs": None},
    ),
    "an older breast cancer that is not dated may have been treated": (
        [condition("breast", "icd:C50.9", "2020-01-02"), condition("other", "icd:Z85.3"), METASTASES],
        {"adjuvant_drugs": None},
    ),
    "metastases that only a text tells are not certain": (
        [resource("Condition", "text", code={"text": "Mammakarzinom mit Lebermetastasen"}, onsetDateTime="2018-01-10")],
        {"metastatic": None, "breast_cancer": None},
    ),
    "without a word of metastases, drugs may be adjuvant or not": (
        [given("a", "letrozole", "2019-01-10")],
        {
            "one_of": [
                {
                    "label": "given since metastases: letrozole (from 2019-01-10)",
                    "metastatic_therapy": [{"drugs": ["letrozole"], "outcome": "ongoing"}],
                },
                {
                    "label": "no metastases so far, or found after all of these: letrozole (from 2019-01-10)",
                    "adjuvant_drugs": ["letrozole"],
                },
            ]
        },
    ),
    "a restaging without metastases does not undo them": (
        [METASTASES, observation("m0", "loinc:21907-1", "2021-01-10", valueCodeableConcept="sct:1229901006")],
        {"metastatic": True},
    ),
    "a month that is wholly since the metastases is since": (
        [METASTASES, stated("t", "tucatinib", "2020-02", "2020-06", "completed"), PROGRESSION],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "progression"}]},
    ),
    "drugs of one year that may belong to one course or two leave therapy unknown": (
        [METASTASES, stated("t", "tucatinib", "2021", "2021", "completed"), given("l", "letrozole", "2021-05-10")],
        {"metastatic_therapy": None},
    ),
    "a progression without a date leaves how a course ended unknown": (
        [
            METASTASES,
            stated("t", "tucatinib", "2020-02-01", "2020-06-01", "completed"),
            observation("w", "loinc:97509-4", valueCodeableConcept=WORSENED),
        ],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": None}]},
    ),
    "a result that cannot be read leaves the fact unknown": (
        [
            observation("old", "loinc:85319-2", "2019-01-12", valueCodeableConcept=POSITIVE),
            observation("new", "loinc:85319-2", "2020-01-12", valueString="see letter"),
        ],
        {"her2": None},
    ),
    "an interpretation against the value leaves the fact unknown": (
        [observation("her2", "loinc:85319-2", "2020-01-12", valueString="3+", interpretation=[concept(text="Negative")])],
        {"her2": None},
    ),
    "a text against the code leaves the drug unknown": (
        [
            METASTASES,
            {
                **requested("c", "trastuzumab", "2020-02-01"),
                "medicationCodeableConcept": concept("rx:224905", text="Kadcyla 160 mg"),
            },
        ],
        {"metastatic_therapy": None},
    ),
    "an unknown code without a word leaves therapy unknown": (
        [METASTASES, *FIRST_LINE, {**requested("c", "trastuzumab", "2020-11-01"), "medicationCodeableConcept": UNCODED}],
        {"metastatic_therapy": None},
    ),
    "what is unknown before the metastases does not touch what was given since": (
        [METASTASES, *doses("tucatinib", "2020-02-01", 2), in_words("c", "own mixture") | {"authoredOn": "2018-02-01"}],
        {"adjuvant_drugs": None, "metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "ongoing"}]},
    ),
    "a medication of another kind is none of the guideline's drugs": (
        [METASTASES, *doses("tucatinib", "2020-02-01", 2), in_words("c", "Ondansetron 8 MG Oral Tablet [Zofran]")],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "ongoing"}]},
    ),
    "strength, route and brand around a drug's name do not matter": (
        [METASTASES, in_words("c", "trastuzumab-anns (KANJINTI) 6 mg/kg IV every 3 weeks")],
        {"metastatic_therapy": [{"drugs": ["trastuzumab"], "outcome": "ongoing"}]},
    ),
    "how often, in what and by which area it is given do not matter either": (
        [METASTASES, in_words("c", "fam-trastuzumab deruxtecan-nxki (ENHERTU) IVPB 400 mg in D5W 100 mL q3w, 80 mg/m2")],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_deruxtecan"], "outcome": "ongoing"}]},
    ),
    "a drug that may be a placebo leaves therapy unknown": (
        [METASTASES, in_words("c", "Trastuzumab vs placebo (study drug)")],
        {"metastatic_therapy": None},
    ),
    "a drug of a class that has no name in the guideline is a nameless one": (
        [METASTASES, in_words("c", "Cisplatin"), in_words("d", "pyrotinib 400 mg")],
        {"metastatic_therapy": [{"drugs": ["other_anti_her2", "other_chemotherapy"], "outcome": "ongoing"}]},
    ),
    "ATC names drugs, and groups of drugs": (
        [
            METASTASES,
            coded("http://www.whocc.no/atc", "L01FY01"),
            coded("http://fhir.de/CodeSystem/bfarm/atc", "L01XA01"),
            coded("http://www.whocc.no/atc", "A10BA02"),
        ],
        {"metastatic_therapy": [{"drugs": ["trastuzumab", "pertuzumab", "other_chemotherapy"], "outcome": "ongoing"}]},
    ),
    "billing codes, product codes and substances are drugs": (
        [
            METASTASES,
            coded("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "J9355"),
            coded("http://hl7.org/fhir/sid/ndc", "50242-145-01"),
            coded("http://hl7.org/fhir/sid/ndc", "51144000160"),
            coded("http://snomed.info/sct", "386918005"),
        ],
        {"metastatic_therapy": [{"drugs": [*THP, "tucatinib"], "outcome": "ongoing"}]},
    ),
    "therapy of a procedure's code leaves therapy unknown": (
        [
            METASTASES,
            resource("Procedure", "p", status="completed", code={"coding": [{"system": OPS, "code": "8-544.0"}]}),
        ],
        {"metastatic_therapy": None},
    ),
    "a German registry's reason for the end is read": (
        [METASTASES, with_reason(statusReason=[{"coding": [{"system": ENDS, "code": "P"}]}])],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "progression"}]},
    ),
    "the ingredients of a medication are its drugs": (
        [
            METASTASES,
            {
                "resourceType": "Medication",
                "id": "m",
                "ingredient": [{"itemCodeableConcept": concept(code)} for code in ("rx:224905", "rx:1298944")],
            },
            without(requested("c", "tucatinib", "2020-02-01"), medicationReference={"reference": "Medication/m/_history/2"}),
        ],
        {"metastatic_therapy": [{"drugs": ["trastuzumab", "pertuzumab"], "outcome": "ongoing"}]},
    ),
    "a medication whose code says nothing is known by its ingredients, in R5 as well": (
        [
            METASTASES,
            {
                "resourceType": "Medication",
                "id": "m",
                "code": {"text": "infusion of the day"},
                "ingredient": [{"item": {"concept": concept("rx:224905")}}],
            },
            without(
                requested("c", "tucatinib", "2020-02-01"), medicationReference={"reference": "http://ehr.org/Medication/m"}
            ),
        ],
        {"metastatic_therapy": [{"drugs": ["trastuzumab"], "outcome": "ongoing"}]},
    ),
    "an ingredient that only a reference names leaves therapy unknown": (
        [
            METASTASES,
            {
                "resourceType": "Medication",
                "id": "m",
                "ingredient": [
                    {"itemCodeableConcept": concept("rx:224905")},
                    {"itemReference": {"reference": "Medication/x"}},
                ],
            },
            without(requested("c", "tucatinib", "2020-02-01"), medicationReference={"reference": "Medication/m"}),
        ],
        {"metastatic_therapy": None},
    ),
    "a medication that cannot be found leaves therapy unknown": (
        [METASTASES, without(requested("c", "tucatinib", "2020-02-01"), medicationReference={"reference": "Medication/m"})],
        {"metastatic_therapy": None},
    ),
    "therapy that a procedure tells leaves therapy unknown": (
        [METASTASES, PROCEDURE],
        {"metastatic_therapy": None, "adjuvant_drugs": None},
    ),
    "a procedure that tells what medications tell adds nothing": (
        [METASTASES, *FIRST_LINE, {**PROCEDURE, "performedDateTime": "2020-02-22"}, PROGRESSION, *SECOND_LINE],
        {
            "metastatic_therapy": [
                {
                    "drugs": THP,
                    "outcome": "progression",
                    "taxane_cycles": 6,
                    "chemotherapy_months": 3.48,
                    "chemotherapy_stopped": True,
                },
                {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"},
            ]
        },
    ),
    "a note that names another drug leaves therapy unknown": (
        [METASTASES, *FIRST_LINE, {**PROGRESSION, "note": [{"text": "now on Enhertu"}]}],
        {"metastatic_therapy": None},
    ),
    "the reason for stopping may stand in an extension": (
        [
            METASTASES,
            with_reason(
                extension=[
                    {
                        "url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-treatment-termination-reason",
                        "valueCodeableConcept": concept("sct:266721009"),
                    }
                ]
            ),
        ],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "progression"}]},
    ),
    "the reason for stopping may be a text": (
        [METASTASES, with_reason(statusReason=[{"text": "Unacceptable toxicity"}])],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "toxicity"}]},
    ),
    "the words around a reason do not matter, but a denial does": (
        [
            METASTASES,
            with_reason(statusReason=[{"text": "Abbruch wegen Progression der Erkrankung (PD)"}]),
            stated("l", "letrozole", "2021-02-01", "2021-04-01", "stopped", statusReason=[{"text": "no progression"}]),
        ],
        {
            "metastatic_therapy": [
                {"drugs": ["tucatinib"], "outcome": "progression"},
                {"drugs": ["letrozole"], "outcome": None},
            ]
        },
    ),
    "a reason that no table knows leaves the outcome unknown": (
        [
            METASTASES,
            stated("x", "tucatinib", "2020-02-01", "2020-04-01", "completed", statusReason=[{"text": "moved away"}]),
        ],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": None}]},
    ),
    "two progressions without therapy between leave therapy unknown": (
        [METASTASES, *FIRST_LINE, PROGRESSION, SECOND_LINE[-1]],
        {"metastatic_therapy": None},
    ),
    "a second progression without a date leaves therapy unknown as well": (
        [METASTASES, *FIRST_LINE, PROGRESSION, observation("w", "loinc:97509-4", valueCodeableConcept=WORSENED)],
        {"metastatic_therapy": None},
    ),
    "one of two progressions without therapy between may be uncertain": (
        [METASTASES, *FIRST_LINE, {**PROGRESSION, "status": "unknown"}, SECOND_LINE[-1]],
        {"metastatic_therapy": None},
    ),
    "a progression without a date that may be of somebody else leaves therapy unknown, too": (
        [
            METASTASES,
            *FIRST_LINE,
            PROGRESSION,
            {
                **observation("w", "loinc:97509-4", valueCodeableConcept=WORSENED),
                "subject": {"reference": "Patient/q"},
            },
        ],
        {"metastatic_therapy": None},
    ),
    "a breast cancer is told": ([BREAST_CANCER, METASTASES], {"breast_cancer": True}),
    "another cancer and no word of the breast is out of scope": (
        [condition("stomach", "icd:C16.9", "2019-01-10"), METASTASES],
        {"breast_cancer": False},
    ),
    "a diagnosis of another organ that no table has may not be of the breast": (
        [
            condition("stomach", "icd:C16.9", "2019-01-10"),
            resource("Condition", "again", code={"text": "Malignant tumour of the stomach"}),
        ],
        {"breast_cancer": False},
    ),
    "a cancer of no known organ may be of the breast": (
        [condition("stomach", "icd:C16.9", "2019-01-10"), resource("Condition", "again", code={"text": "Carcinoma"})],
        {"breast_cancer": None},
    ),
    "another cancer beside a breast cancer does not put it out of scope": (
        [condition("stomach", "icd:C16.9", "2019-01-10"), BREAST_CANCER],
        {"breast_cancer": True},
    ),
    "metastases may be of another cancer that is there already, whatever that leaves open": (
        [condition("stomach", "icd:C16.9", "2019-01-10"), BREAST_CANCER, METASTASES],
        {"breast_cancer": True, "metastatic": None, "metastatic_therapy": None},
    ),
    "metastases in the brain may be of another cancer as well": (
        [condition("lung", "icd:C34.9"), BREAST_CANCER, condition("brain", "icd:C79.31", "2020-01-10")],
        {"metastatic": None, "brain_metastases": None},
    ),
    "a stage of no cancer in particular may be of another": (
        [
            condition("stomach", "icd:C16.9"),
            BREAST_CANCER,
            observation("m", "loinc:21907-1", "2020-01-12", valueString="M1"),
        ],
        {"metastatic": None},
    ),
    "metastases before another cancer are not of it": (
        [condition("stomach", "icd:C16.9", "2021-01-10"), BREAST_CANCER, METASTASES],
        {"metastatic": True},
    ),
    "metastases that name the breast cancer as theirs are of it": (
        [
            condition("stomach", "icd:C16.9", "2019-01-10"),
            BREAST_CANCER,
            {**METASTASES, "extension": [{"url": RELATED, "valueReference": {"reference": "Condition/breast"}}]},
        ],
        {"metastatic": True},
    ),
    "metastases whose words name the breast are of its cancer": (
        [
            condition("stomach", "icd:C16.9", "2019-01-10"),
            BREAST_CANCER,
            {**METASTASES, "code": concept("sct:94381002", text="Liver metastasis of breast cancer")},
        ],
        {"metastatic": True},
    ),
    "a stage in focus of the breast cancer is of it": (
        [
            condition("stomach", "icd:C16.9"),
            BREAST_CANCER,
            {
                **observation("m", "loinc:21907-1", "2020-01-12", valueString="M1"),
                "focus": [{"reference": "Condition/breast"}],
            },
        ],
        {"metastatic": True},
    ),
    **{
        f"a German word with metastases in it leaves them, and therapy, open: {text}": (
            [BREAST_CANCER, resource("Condition", "word", code={"text": text}), *EARLY],
            {"metastatic": None, "adjuvant_drugs": None, "metastatic_therapy": None},
        )
        for text in ("Lebermetastasen", "Knochenmetastase LWK 3", "Lungenfiliae")
    },
    "a German word with breast cancer in it leaves open which cancer it is": (
        [condition("stomach", "icd:C16.9", "2019-01-10"), resource("Condition", "word", code={"text": "Brustkrebs"})],
        {"breast_cancer": None},
    ),
    **{
        f"therapy told by a personal history is not known: {code}": (
            [METASTASES, condition("history", f"icd:{code}", "2021-01-10")],
            {"metastatic_therapy": None},
        )
        for code in ("Z92.21", "Z92.22", "Z79.811")
    },
    "another cancer beside a breast cancer that is not certain leaves it open": (
        [condition("stomach", "icd:C16.9"), condition("c", "icd:C50.9", verification="provisional")],
        {"breast_cancer": None},
    ),
    "a German diagnosis code counts as any of ICD-10": (
        [{**METASTASES, "code": {"coding": [{"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": "C79.3"}]}}],
        {"metastatic": True, "brain_metastases": True},
    ),
    "a drug of an unknown system counts by its display, with strength and form": (
        [METASTASES, coded_elsewhere("c", "Tucatinib 150 MG Oral Tablet")],
        {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "ongoing"}]},
    ),
    "who a resource is about may be said with a version": (
        [{**METASTASES, "subject": {"reference": "http://example.org/fhir/Patient/p/_history/3"}}],
        {"metastatic": True},
    ),
    "what is not certainly about the patient makes nothing certain": (
        [METASTASES, *FIRST_LINE, {**given("x", "tucatinib", "2020-11-10"), "subject": {"reference": "Patient/q"}}],
        {"metastatic_therapy": None},
    ),
}
