"""Charts that name code systems, drugs, days and bills in the ways of other EHRs, with the facts that they say."""

from __future__ import annotations

from typing import Any

from bundles import METASTASES, NEGATIVE, concept, condition, observation, resource, stated
from therapy_cases import in_words

TUCATINIB = stated("t", "tucatinib", "2020-02-01", "2020-10-01", "completed")
COURSE = [{"drugs": ["tucatinib"], "outcome": "completed"}]


def coded(kind: str, name: str, system: str, code: str, **more: Any) -> dict[str, Any]:
    return resource(kind, name, code={"coding": [{"system": system, "code": code}]}, **more)


def beside(*texts: str) -> list[dict[str, Any]]:
    """Tucatinib for metastases, and medications by their names."""
    return [METASTASES, TUCATINIB, *(in_words(f"m{number}", text) for number, text in enumerate(texts))]


HERCEPTIN = {"coding": [{"system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J9355"}]}
CPT = "http://www.ama-assn.org/go/cpt"
INFUSION = {"coding": [{"system": CPT, "code": "96413"}]}
ATC = "http://fhir.de/CodeSystem/bfarm/atc"
ENDS = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-therapie-ende-grund"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
OPS = "http://fhir.de/CodeSystem/bfarm/ops"
NEGATIVE_PR = observation("pr", "loinc:85339-0", "2020-01-12", valueCodeableConcept=NEGATIVE)
DIV = {"section": [{"text": {"div": "<p>Progress on <b>Kadcyla</b></p>"}}]}
VISIT = {"start": "2021-02-01", "end": "2021-02-01"}
IN_CLAIM = concept("rx:2361285")


def billed(kind: str, **more: Any) -> dict[str, Any]:
    """A bill for the patient."""
    return {
        "resourceType": kind,
        "id": "bill",
        "status": "active",
        "use": "claim",
        "patient": {"reference": "Patient/p"},
        **more,
    }


CODED: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    **{
        f"a code system is known by its URL: {system}": (
            [coded("Condition", "c", system, code, recordedDate="2020-01-10")],
            expected,
        )
        for system, code, expected in (
            ("https://snomed.info/sct/", "94381002", {"metastatic": True}),
            ("http://snomed.info/sct/11000274103/version/20231115", "94381002", {"metastatic": True}),
            ("urn:oid:2.16.840.1.113883.6.3", "C78.7", {"metastatic": True}),
            ("HTTP://fhir.de/CodeSystem/bfarm/icd-10-gm|2024", "C78.7", {"metastatic": True}),
            ("urn:oid:2.16.840.1.113883.6.42", "197.7", {"metastatic": True}),
            ("http://hl7.org/fhir/sid/icd-10-pcs", "C78.7", {"metastatic": None}),
            ("urn:oid:2.16.840.1.113883.6.43.1", "C78.7", {"metastatic": None}),
        )
    },
    "usual drugs are none of the guideline's, by their names, with salts, makers and amounts": (
        beside(
            "Rosuvastatin 20 MG Oral Tablet",
            "Metoprololsuccinat-ratiopharm 47,5 mg Retardtabletten",
            "Candesartan cilexetil 8 mg / Hydrochlorothiazid 12,5 mg",
            "Pantozol 40 mg",
            "Ibandronsäure 6 mg i.v.",
            "Levothyroxin-Natrium 75 µg",
            "Bisoprolol HEXAL 5 mg 1-0-0",
            "24 HR venlafaxine 75 MG Extended Release Oral Capsule",
            "Clonazepam [Klonopin]",
            "NDA020800 0.3 ML Epinephrine 1 MG/ML Auto-Injector",
        ),
        {"metastatic_therapy": COURSE},
    ),
    "a maker in the name of a product says nothing of its drug": (
        [METASTASES, in_words("l", "Letrozol-ratiopharm 2,5 mg"), in_words("c", "Capecitabin Accord 500 mg Filmtabletten")],
        {"metastatic_therapy": [{"drugs": ["capecitabine", "letrozole"], "outcome": "ongoing"}]},
    ),
    **{
        f"names that end like those of usual drugs, and others, stay unknown: {text}": (
            beside(text),
            {"metastatic_therapy": None},
        )
        for text in (
            "Pentostatin 10 mg",
            "Anthracycline, dose as before",
            "Azacitidin 100 mg",
            "Omacetaxine",
            "Simvastatin stopped for Kadcyla",
            "Zolbetuximab 100 mg",
            "non-pantoprazole",
            "Pack [Simvastatin]",
            "Pantoprazole [Trodelvy], then as before",
        )
    },
    "an antineoplastic drug of HCPCS that no table has is unknown therapy": (
        [
            METASTASES,
            TUCATINIB,
            {
                **in_words("x", ""),
                "medicationCodeableConcept": {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.285", "code": "J9999"}]},
            },
        ],
        {"metastatic_therapy": None},
    ),
    **{
        f"a bill tells therapy, which stays unknown unless medications tell it: {what}": (
            [METASTASES, TUCATINIB, bill],
            {"metastatic_therapy": COURSE if known else None},
        )
        for what, known, bill in (
            ("a drug", False, billed("Claim", item=[{"productOrService": HERCEPTIN, "servicedDate": "2020-12-01"}])),
            (
                "a drug that is told",
                True,
                billed("Claim", item=[{"productOrService": IN_CLAIM, "servicedDate": "2020-03-01"}]),
            ),
            (
                "a drug without a date of its own",
                False,
                billed(
                    "ExplanationOfBenefit", item=[{"productOrService": HERCEPTIN}], billablePeriod={"start": "2021-02-01"}
                ),
            ),
            (
                "a part of an item",
                False,
                billed("Claim", item=[{"detail": [{"productOrService": HERCEPTIN}]}], created="2021-02-01"),
            ),
            ("an item that was added", False, billed("ExplanationOfBenefit", addItem=[{"productOrService": HERCEPTIN}])),
            ("an infusion", False, billed("Claim", item=[{"productOrService": INFUSION, "servicedDate": "2021-02-01"}])),
            (
                "a procedure",
                False,
                billed("Claim", procedure=[{"procedureCodeableConcept": INFUSION, "date": "2021-02-01"}]),
            ),
            (
                "a diagnosis",
                False,
                billed("Claim", diagnosis=[{"diagnosisCodeableConcept": concept("icd:Z51.11")}], billablePeriod=VISIT),
            ),
            ("words", False, billed("Claim", item=[{"productOrService": {"text": "Kadcyla 160 mg"}}])),
            ("STU3", False, billed("Claim", item=[{"service": HERCEPTIN, "servicedDate": "2020-12-01"}])),
            (
                "what was asked for in advance",
                True,
                billed("Claim", item=[{"productOrService": HERCEPTIN}], use="preauthorization"),
            ),
            ("what was cancelled", True, billed("Claim", item=[{"productOrService": HERCEPTIN}], status="cancelled")),
            ("a visit", True, billed("Claim", item=[{"productOrService": {"text": "Encounter for check up"}}])),
        )
    },
    **{
        f"an onset is told in any of FHIR's types: {onset}": (
            [
                {"resourceType": "Patient", "id": "p", "birthDate": "1970-03-05"},
                {**condition("liver", "sct:94381002"), **onset},
                stated("t", "tucatinib", "2020-02-01", "2020-10-01", "completed"),
            ],
            {"metastatic_therapy": [{"drugs": ["tucatinib"], "outcome": "completed"}] if since else None},
        )
        for onset, since in (
            ({"onsetAge": {"value": 48, "unit": "a", "code": "a"}}, True),
            ({"onsetAge": {"value": 49, "unit": "years"}}, None),
            ({"onsetAge": {"value": 49, "code": "a"}, "recordedDate": "2020-01-10"}, True),
            ({"onsetAge": {"value": 48, "code": "a", "comparator": ">"}}, None),
            ({"onsetAge": {"value": 600, "code": "mo"}}, None),
            ({"onsetRange": {"low": {"value": 46, "code": "a"}, "high": {"value": 48, "code": "a"}}}, True),
            ({"onsetRange": {"low": {"value": 46, "code": "a"}, "high": {"value": 50, "code": "a"}}}, None),
            ({"onsetPeriod": {"start": "2019-02-01", "end": "2019-04-01"}}, True),
            ({"onsetPeriod": {"start": "2019-02-01", "end": "2020-06-01"}}, None),
            ({"onsetPeriod": {"end": "2020-01-10"}}, True),
            ({"onsetString": "15.01.2020"}, True),
            ({"onsetString": "01/2020"}, True),
            ({"onsetString": "2019"}, True),
            ({"onsetString": "01/15/2020"}, None),
            ({"onsetString": "vor einem Jahr"}, None),
            ({"onsetString": "vor einem Jahr", "recordedDate": "2020-01-10"}, True),
        )
    },
    **{
        f"a text of several medications one after the other, or of doubt, names none for certain: {text}": (
            [METASTASES, TUCATINIB, in_words("x", text)],
            {"metastatic_therapy": None},
        )
        for text in (
            "Herceptin -> Kadcyla",
            "Trastuzumab \N{RIGHTWARDS ARROW} T-DM1",
            "Herceptin?",
            "Docetaxel > Paclitaxel",
            "TCHP",
        )
    },
    **{
        f"days of a cycle and numbers of tablets are amounts: {text}": (
            [METASTASES, in_words("x", text)],
            {"metastatic_therapy": [{"drugs": [drug], "outcome": "ongoing"}]},
        )
        for text, drug in (
            ("Capecitabin 2x1500mg d1-14", "capecitabine"),
            ("Tukysa 150 mg 2x2", "tucatinib"),
            ("nab-Paclitaxel 125 mg/m² d1,8,15", "paclitaxel"),
            ("Paclitaxel albumingebunden C1D8", "paclitaxel"),
            ("Docetaxel 75 mg/m2 i.v.", "docetaxel"),
            ("Letrozol AL 2,5 mg p.o.", "letrozole"),
            ("Endoxan 500 mg i. v.", "cyclophosphamide"),
        )
    },
    "codes of ATC are compared without regard to capitals": (
        [
            METASTASES,
            {
                **in_words("x", ""),
                "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "l01fd04"}]},
            },
        ],
        {"metastatic_therapy": [{"drugs": ["trastuzumab_deruxtecan"], "outcome": "ongoing"}]},
    ),
    **{
        f"a result or a procedure can tell of therapy by its code or its value: {own['id']}": (
            [METASTASES, TUCATINIB, own],
            {"metastatic_therapy": None},
        )
        for own in (
            observation("value in words", "loinc:11111-1", "2021-02-01", valueCodeableConcept={"text": "Kadcyla since May"}),
            observation("value by a code", "loinc:11111-1", "2021-02-01", valueCodeableConcept="rx:1371041"),
            observation(
                "part", "loinc:11111-1", "2021-02-01", component=[{"code": {}, "valueString": "Enhertu, six cycles"}]
            ),
            coded("Procedure", "OPS of a drug", OPS, "6-001.k0", status="completed", performedDateTime="2021-02-01"),
            coded("Procedure", "OPS of another drug", OPS, "6-002.a", status="completed", performedDateTime="2021-02-01"),
            {**resource("CarePlan", "name of a regimen"), "status": "active", "title": "TCHP"},
        )
    },
    **{
        f"scores of hormone receptors are read: {text}": (
            [observation("er", "loinc:85337-4", "2020-01-12", valueString=text), NEGATIVE_PR],
            {"hr": value},
        )
        for text, value in (
            ("IRS 12/12", "positive"),
            ("IRS 0", "negative"),
            ("IRS 2", None),
            ("Allred 8/8", "positive"),
            ("Allred 2", "negative"),
        )
    },
    **{
        f"a letter for the side after a code of ICD-10-GM says nothing of its certainty: {code}": (
            [coded("Condition", "c", GM, code, recordedDate="2020-01-10")],
            {"breast_cancer": value},
        )
        for code, value in (
            ("C50.4 L", True),
            ("C50.4GR", True),
            ("C50.4 V B", None),
            ("C50.4 L A", None),
            ("C50.4 G V", None),
            ("C50.4 X", None),
        )
    },
    "a German chart of a first line, with usual drugs beside it": (
        [
            coded("Condition", "breast", GM, "C50.4 G L", onsetDateTime="2017-03-01"),
            coded("Condition", "liver", GM, "C78.7 G", onsetDateTime="2020-01-10"),
            observation("her2", "loinc:85319-2", "2020-01-15", valueString="positiv (3+)"),
            observation("er", "loinc:85337-4", "2020-01-15", valueString="negativ (0 %)"),
            observation("pr", "loinc:85339-0", "2020-01-15", valueString="IRS 0/12"),
            *(
                {**stated(name, "trastuzumab", "2020-02-01", end, "completed"), "medicationCodeableConcept": {"text": text}}
                for name, text, end in (
                    ("phesgo", "Phesgo 600 mg/600 mg s.c.", "2020-10-01"),
                    ("docetaxel", "Docetaxel-ratiopharm 20 mg/ml Konzentrat", "2020-06-01"),
                    ("pain", "Novaminsulfon 500 mg Tropfen bei Bedarf", "2020-10-01"),
                    ("sickness", "Ondansetron 8 mg Filmtabletten", "2020-06-01"),
                    ("bones", "Zoledronsäure 4 mg i.v.", "2020-10-01"),
                    ("stomach", "Pantozol 40 mg magensaftresistente Tabletten", "2020-10-01"),
                )
            ),
            observation("status", "loinc:97509-4", "2020-10-20", valueCodeableConcept={"text": "Progredienz"}),
        ],
        {
            "metastatic": True,
            "her2": "positive",
            "hr": "negative",
            "metastatic_therapy": [
                {
                    "drugs": ["trastuzumab", "pertuzumab", "docetaxel"],
                    "outcome": "progression",
                    "chemotherapy_months": 4.0,
                    "chemotherapy_stopped": True,
                }
            ],
        },
    ),
    **{
        f"a stage of a kind of staging that is known says whether there were metastases then: {text}": (
            [
                {
                    **condition("breast", "icd:C50.9", "2020-01-10"),
                    "stage": [{"summary": {"text": text}, "type": concept(kind)}],
                },
                stated("t", "trastuzumab", "2020-02-01", "2020-10-01", "completed"),
            ],
            expected,
        )
        for text, kind, expected in (
            ("cM1", "sct:385349001", {"metastatic": True, "adjuvant_drugs": []}),
            ("cM0", "sct:254292007", {"metastatic": None, "adjuvant_drugs": None}),
            ("cM1", "sct:1", {"metastatic": None}),
        )
    },
    **{
        f"therapy that is told on a day that cannot be read is not that of the medications: {day}": (
            [METASTASES, TUCATINIB, {**coded("Procedure", "x", CPT, "96413", status="completed"), "performedDateTime": day}],
            {"metastatic_therapy": None if unread else COURSE},
        )
        for day, unread in (("20.10.2020", True), ("", False), (17, True), ("2020-03-01", False))
    },
    **{
        f"documents, messages, lists and visits tell of therapy by their words: {own['resourceType']}": (
            [METASTASES, TUCATINIB, own],
            {"metastatic_therapy": None},
        )
        for own in (
            resource(
                "Composition",
                "x",
                date="2021-02-01",
                section=[DIV],
            ),
            resource("Communication", "x", payload=[{"contentString": "Kadcyla until May"}]),
            resource("List", "x", entry=[{"item": {"display": "Enhertu 100 mg"}}]),
            resource("Encounter", "x", reasonCode=[{"text": "Docetaxel, third cycle"}], period={"start": "2021-02-01"}),
        )
    },
    "a document that tells what the medications tell adds nothing": (
        [
            METASTASES,
            TUCATINIB,
            resource("Composition", "x", date="2021-02-01", section=[{"title": "Tukysa"}]),
            resource("Encounter", "y", reasonCode=[{"text": "Check-up"}]),
        ],
        {"metastatic_therapy": COURSE},
    ),
    "a German chart of two lines, as registries tell it: ingredients, procedures by OPS, a code for the reason of the end": (
        [
            coded("Condition", "breast", GM, "C50.9", onsetDateTime="2020-01-05"),
            coded("Condition", "lung", GM, "C78.0", onsetDateTime="2020-01-10"),
            coded("Condition", "brain", GM, "C79.3", onsetDateTime="2021-03-01"),
            observation("her2", "loinc:85318-4", "2020-01-15", valueString="amplifiziert"),
            observation("er", "loinc:16112-5", "2020-01-15", valueString="80 %"),
            resource(
                "MedicationStatement",
                "antibodies",
                status="completed",
                contained=[
                    {
                        "resourceType": "Medication",
                        "id": "both",
                        "ingredient": [
                            {"itemCodeableConcept": {"coding": [{"system": ATC, "code": code}]}}
                            for code in ("L01FD01", "L01FD02")
                        ],
                    }
                ],
                medicationReference={"reference": "#both"},
                effectivePeriod={"start": "2020-02-01", "end": "2020-12-01"},
            ),
            {
                **stated("taxane", "paclitaxel", "2020-02-01", "2020-06-01", "completed"),
                "medicationCodeableConcept": {"text": "Paclitaxel wöchentlich 80 mg/m²"},
            },
            observation("status", "loinc:97509-4", "2020-12-20", valueCodeableConcept={"text": "Tumorprogredienz"}),
            {
                **stated("conjugate", "trastuzumab_deruxtecan", "2021-01-10", "2021-09-01", "stopped"),
                "medicationCodeableConcept": {"text": "Enhertu 5,4 mg/kg alle 3 Wochen"},
                "statusReason": [{"coding": [{"system": ENDS, "code": "P"}]}],
            },
            coded("Procedure", "infusion", OPS, "8-543.31", status="completed", performedDateTime="2021-01-10"),
            coded("Procedure", "surgery", OPS, "5-870.a1", status="completed", performedDateTime="2017-05-01"),
        ],
        {
            "metastatic": True,
            "brain_metastases": True,
            "her2": "positive",
            "hr": "positive",
            "metastatic_therapy": [
                {
                    "drugs": ["trastuzumab", "pertuzumab", "paclitaxel"],
                    "outcome": "progression",
                    "chemotherapy_months": 4.0,
                    "chemotherapy_stopped": True,
                },
                {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"},
            ],
        },
    ),
    "a German chart with suspected and former diagnoses leaves open whether there are metastases": (
        [
            coded("Condition", "breast", GM, "C50.9 G", onsetDateTime="2018-01-01"),
            coded("Condition", "liver", GM, "C78.7 V", onsetDateTime="2021-01-01"),
            coded("Condition", "bone", GM, "C79.5 Z", onsetDateTime="2021-02-01"),
            coded("Condition", "heart", GM, "I50.9 A"),
            {
                **stated("h", "trastuzumab", "2018-03-01", "2019-03-01", "completed"),
                "medicationCodeableConcept": {"text": "Herceptin"},
            },
        ],
        {
            "metastatic": None,
            "heart_failure": None,
            "adjuvant_drugs": None,
            "metastatic_therapy": None,
            "breast_cancer": True,
        },
    ),
    "a German chart in words alone leaves all open": (
        [
            resource("Condition", "breast", code={"text": "Mammakarzinom rechts, ED 03/2018, HER2 positiv"}),
            resource("Condition", "bone", code={"text": "Ossäre Metastasierung"}),
            resource(
                "DocumentReference", "letter", status="current", description="Unter TCHP partielle Remission, dann Progress"
            ),
            in_words("m", "Kadcyla 3,6 mg/kg"),
        ],
        {"metastatic": None, "her2": None, "adjuvant_drugs": None, "metastatic_therapy": None, "breast_cancer": None},
    ),
    "a German chart of therapy before the metastases, and of therapy since that only a procedure tells": (
        [
            coded("Condition", "breast", GM, "C50.8 L", onsetDateTime="2016-02-01"),
            coded("Condition", "bone", GM, "C79.5 G", onsetDateTime="2022-05-01"),
            observation("her2", "loinc:48676-1", "2022-05-10", valueString="positiv"),
            {
                **stated("h", "trastuzumab", "2016-06-01", "2017-06-01", "completed"),
                "medicationCodeableConcept": {"text": "Herzuma 150 mg"},
            },
            coded("Procedure", "x", OPS, "8-547.0", status="completed", performedDateTime="2022-06-01"),
            in_words("y", "L-Thyroxin 75 µg 1-0-0"),
        ],
        {"metastatic": True, "her2": "positive", "adjuvant_drugs": ["trastuzumab"], "metastatic_therapy": None},
    ),
}
