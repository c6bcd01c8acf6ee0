"""FHIR resources and bundles for tests: those of a patient with a history, and every kind of dirt."""

from __future__ import annotations

import random
from collections.abc import Iterable
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

SYSTEMS = {
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "rx": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "icd": "http://hl7.org/fhir/sid/icd-10-cm",
}
DRUGS = {
    "trastuzumab": "224905",
    "pertuzumab": "1298944",
    "docetaxel": "72962",
    "paclitaxel": "56946",
    "trastuzumab_deruxtecan": "2267582",
    "trastuzumab_emtansine": "1371041",
    "tucatinib": "2361285",
    "capecitabine": "194000",
    "letrozole": "72965",
}
POSITIVE, NEGATIVE, WORSENED, STABLE = "sct:10828004", "sct:260385009", "sct:271299001", "sct:359746009"
Json = dict[str, Any]


def concept(*codes: str, text: str | None = None) -> Json:
    """Write codes such as ``sct:10828004`` as one concept."""
    found: Json = {"coding": [{"system": SYSTEMS[c.partition(":")[0]], "code": c.partition(":")[2]} for c in codes]}
    return found if text is None else {**found, "text": text}


def resource(kind: str, name: str, **more: Any) -> Json:
    return {"resourceType": kind, "id": name, "subject": {"reference": "Patient/p"}, **more}


def condition(name: str, code: str, onset: str | None = None, verification: str = "confirmed", **more: Any) -> Json:
    found = resource("Condition", name, code=concept(code), verificationStatus={"coding": [{"code": verification}]}, **more)
    return found if onset is None else {**found, "onsetDateTime": onset}


def observation(name: str, code: str, day: str | None = None, status: str = "final", **value: Any) -> Json:
    """An observation; a value such as ``sct:10828004`` is coded."""
    told = {k: concept(v) if k == "valueCodeableConcept" and isinstance(v, str) else v for k, v in value.items()}
    found = resource("Observation", name, status=status, code=concept(code), **told)
    return found if day is None else {**found, "effectiveDateTime": day}


def given(name: str, drug: str, day: str | None, status: str = "completed", **more: Any) -> Json:
    found = resource("MedicationAdministration", name, status=status, medicationCodeableConcept=concept(f"rx:{DRUGS[drug]}"))
    return {**found, **({} if day is None else {"effectiveDateTime": day}), **more}


def doses(drug: str, start: str, count: int, every: int = 21, prefix: str = "") -> list[Json]:
    """Administrations of a drug, one every so many days."""
    first = date.fromisoformat(start)
    days = [(first + timedelta(days=every * n)).isoformat() for n in range(count)]
    return [given(f"{prefix}{drug}-{n}", drug, day) for n, day in enumerate(days)]


def requested(name: str, drug: str, start: str, status: str = "active", **more: Any) -> Json:
    found = resource("MedicationRequest", name, status=status, intent="order", authoredOn=start)
    return {**found, "medicationCodeableConcept": concept(f"rx:{DRUGS[drug]}"), **more}


def stated(name: str, drug: str, start: str | None, end: str | None = None, status: str = "active", **more: Any) -> Json:
    period = {key: value for key, value in (("start", start), ("end", end)) if value}
    found = resource("MedicationStatement", name, status=status, medicationCodeableConcept=concept(f"rx:{DRUGS[drug]}"))
    return {**found, **({"effectivePeriod": period} if period else {}), **more}


def bundle(*resources: Json, kind: str = "collection") -> Json:
    """A bundle of a patient with these resources."""
    everything: Iterable[Json] = ({"resourceType": "Patient", "id": "p"}, *resources)
    entries = [{"fullUrl": f"urn:uuid:{r.get('id')}", "resource": r} for r in everything]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


BREAST_CANCER = condition("breast", "icd:C50.9", "2017-01-10")
METASTASES = condition("liver", "sct:94381002", "2020-01-10")
HER2 = observation("her2", "loinc:85319-2", "2020-01-12", valueCodeableConcept=POSITIVE)
HORMONES = [
    observation("er", "loinc:85337-4", "2020-01-12", valueCodeableConcept=NEGATIVE),
    observation("pr", "loinc:85339-0", "2020-01-12", valueCodeableConcept=NEGATIVE),
]
FIRST_LINE = [
    *doses("trastuzumab", "2020-02-01", 12),
    *doses("pertuzumab", "2020-02-01", 12),
    *doses("docetaxel", "2020-02-01", 6),
]
PROGRESSION = observation("status-1", "loinc:97509-4", "2020-10-20", valueCodeableConcept=WORSENED)
SECOND_LINE = [
    *doses("trastuzumab_deruxtecan", "2020-11-01", 10),
    observation("status-2", "loinc:97509-4", "2021-06-20", valueCodeableConcept=WORSENED),
]
AFTER_FIRST_LINE = bundle(BREAST_CANCER, METASTASES, HER2, *HORMONES, *FIRST_LINE, PROGRESSION)
AFTER_SECOND_LINE = bundle(BREAST_CANCER, METASTASES, HER2, *HORMONES, *FIRST_LINE, PROGRESSION, *SECOND_LINE)

JUNK: list[Any] = [None, True, -1, 10**30, 1.5, "", "x", "é\u0000", "2020-13-45", [], [None], {}, {"coding": None}, [[[]]]]


def spoil(data: Any, rng: random.Random) -> Any:
    """Change one place of a JSON value, often to what FHIR does not allow there."""
    places: list[tuple[Any, Any]] = []
    pending = [data]
    while pending:
        own = pending.pop()
        keys = list(own) if isinstance(own, dict) else range(len(own))
        for key in keys:
            places.append((own, key))
            if isinstance(own[key], dict | list):
                pending.append(own[key])
    if not places:
        return rng.choice(JUNK)
    (own, key), (other, where) = rng.choice(places), rng.choice(places)
    change = rng.randrange(5)
    if change == 0:
        del own[key]
    elif change == 1:
        own[key] = deepcopy(rng.choice(JUNK))
    elif change == 2:
        own[key] = deepcopy(other[where]) if isinstance(other, list) or where in other else None
    elif change == 3 and isinstance(own, list):
        own.append(deepcopy(own[key]))
    else:
        own[key] = [own[key]] if rng.random() < 0.5 else {"coding": own[key]}
    return data
