"""Charts that name code systems, drugs, days and bills in the ways of other EHRs, with the facts that they say."""

from __future__ import annotations

from typing import Any

from bundles import METASTASES, resource, stated
from therapy_cases import in_words

TUCATINIB = stated("t", "tucatinib", "2020-02-01", "2020-10-01", "completed")
COURSE = [{"drugs": ["tucatinib"], "outcome": "completed"}]


def coded(kind: str, name: str, system: str, code: str, **more: Any) -> dict[str, Any]:
    return resource(kind, name, code={"coding": [{"system": system, "code": code}]}, **more)


def beside(*texts: str) -> list[dict[str, Any]]:
    """Tucatinib for metastases, and medications by their names."""
    return [METASTASES, TUCATINIB, *(in_words(f"m{number}", text) for number, text in enumerate(texts))]


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
}
