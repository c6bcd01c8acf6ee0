"""Charts of patients as CDS clients prefetch them, and the calls that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

Resource = dict[str, Any]

PATIENT = "patient-7"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
DRUGS = {
    "trastuzumab": "224905",
    "pertuzumab": "1298944",
    "docetaxel": "72962",
    "trastuzumab_deruxtecan": "2267582",
    "trastuzumab_emtansine": "1371041",
    "abemaciclib": "1946825",
}
CYCLES = [date(2023, 3, 1) + timedelta(days=21 * n) for n in range(6)]


def coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def drug(name: str) -> Resource:
    return coded("http://www.nlm.nih.gov/research/umls/rxnorm", DRUGS[name])


def searchset(resources: Iterable[Resource]) -> Resource:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in resources]}


def about(kind: str, name: str, patient: str, **more: object) -> Resource:
    return {"resourceType": kind, "id": name, "subject": {"reference": f"Patient/{patient}"}, **more}


def condition(name: str, code: str, since: str, patient: str = PATIENT) -> Resource:
    status = coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed")
    return about("Condition", name, patient, code=coded(SNOMED, code), onsetDateTime=since, verificationStatus=status)


def observation(name: str, code: str, value: str, when: str, patient: str = PATIENT) -> Resource:
    what = {"code": coded(LOINC, code), "valueCodeableConcept": coded(SNOMED, value)}
    return about("Observation", name, patient, status="final", effectiveDateTime=when, **what)


def second_line(patient: str = PATIENT, conditions: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    """Prefetch the chart of a patient after progression on the first line, with more conditions: codes, dates."""
    given = [
        about("MedicationAdministration", f"{name}-{day}", patient, status="completed",
              medicationCodeableConcept=drug(name), effectiveDateTime=day.isoformat())
        for day in CYCLES for name in ("trastuzumab", "pertuzumab", "docetaxel")
    ]  # fmt: skip
    return {
        "patient": {"resourceType": "Patient", "id": patient},
        "conditions": searchset(
            [
                condition("liver", "94381002", "2023-02-01", patient),
                condition("breast", "254837009", "2020-02-01", patient),
                *(condition(f"c{number}", *row, patient) for number, row in enumerate(conditions)),
            ]
        ),
        "observations": searchset(
            [
                observation("her2", "18474-7", "10828004", "2023-02-03", patient),
                observation("er", "16112-5", "260385009", "2023-02-03", patient),
                observation("pr", "16113-3", "260385009", "2023-02-03", patient),
                observation("trend", "97509-4", "271299001", "2023-07-01", patient),
            ]
        ),
        "medicationRequests": searchset([]),
        "medicationStatements": searchset([]),
        "medicationAdministrations": searchset(given),
        "medicationDispenses": searchset([]),
        "procedures": searchset([]),
        "documents": searchset([]),
    }


def hook_call(hook: str, prefetch: Mapping[str, object] | None, ordered: Iterable[str] = ()) -> dict[str, Any]:
    """Make the body of a call; what is `ordered` is drafted, a request for each drug."""
    context: dict[str, Any] = {"userId": "Practitioner/1", "patientId": PATIENT}
    if hook != "patient-view":
        drafts = [
            about("MedicationRequest", f"draft-{name}", PATIENT, status="draft", intent="order",
                  medicationCodeableConcept=drug(name))
            for name in ordered
        ]  # fmt: skip
        context["draftOrders"] = searchset(drafts)
        context["selections"] = [f"MedicationRequest/{draft['id']}" for draft in drafts]
    call: dict[str, Any] = {"hook": hook, "hookInstance": INSTANCE, "context": context}
    return call if prefetch is None else {**call, "prefetch": prefetch}
