"""Charts of which something is missing or cannot be read, and what must not follow from that."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from bundles import (
    BREAST_CANCER,
    FIRST_LINE,
    HER2,
    HORMONES,
    METASTASES,
    PROGRESSION,
    SECOND_LINE,
    Json,
    bundle,
    concept,
    condition,
    requested,
    stated,
)
from chart_cases import LEFT_OPEN
from coded_cases import CODED
from finding_cases import FINDINGS
from therapy_cases import THERAPY
from told_cases import TOLD

from reasoner import Guideline
from reasoner.engine.answer import Answer

KNOWN = [BREAST_CANCER, HER2, *HORMONES]
STOPPED = {"statusReason": [concept("sct:266721009")]}
CHARTS = {
    "after first line": [*KNOWN, METASTASES, *FIRST_LINE, PROGRESSION],
    "after second line": [*KNOWN, METASTASES, *FIRST_LINE, PROGRESSION, *SECOND_LINE],
    "statements": [
        *KNOWN,
        METASTASES,
        *(
            stated(drug, drug, "2020-02-01", "2020-09-01", "completed")
            for drug in ("trastuzumab", "pertuzumab", "docetaxel")
        ),
        PROGRESSION,
        stated("conjugate", "trastuzumab_deruxtecan", "2020-11-01", "2021-06-01", "stopped", **STOPPED),
    ],
    "orders": [
        *KNOWN,
        METASTASES,
        *(requested(drug, drug, "2020-02-01", "stopped", **STOPPED) for drug in ("trastuzumab", "pertuzumab", "docetaxel")),
        requested("conjugate", "trastuzumab_deruxtecan", "2020-11-01", "stopped", **STOPPED),
    ],
    "two metastases": [
        *KNOWN,
        METASTASES,
        condition("brain", "icd:C79.31", "2021-07-01"),
        *FIRST_LINE,
        PROGRESSION,
        *SECOND_LINE,
    ],
    "mixed kinds": [
        *KNOWN,
        METASTASES,
        *FIRST_LINE,
        PROGRESSION,
        stated("conjugate", "trastuzumab_deruxtecan", "2020-11-01", "2021-06-01", "completed"),
        SECOND_LINE[-1],
    ],
    "months": [
        *KNOWN,
        condition("liver", "sct:94381002", "2020"),
        *(stated(drug, drug, "2021-02", "2021-09", "completed") for drug in ("trastuzumab", "pertuzumab", "docetaxel")),
        stated("conjugate", "trastuzumab_deruxtecan", "2021-11", "2022-06", "stopped", **STOPPED),
    ],
    "found at once": [
        condition("breast", "icd:C50.9", "2020-01-02"),
        HER2,
        *HORMONES,
        METASTASES,
        *FIRST_LINE,
        PROGRESSION,
        *SECOND_LINE,
    ],
    "adjuvant before": [
        *KNOWN,
        METASTASES,
        stated("adjuvant", "trastuzumab", "2018-01-10", "2019-01-10", "completed"),
        *FIRST_LINE,
        PROGRESSION,
        *SECOND_LINE,
    ],
}
OTHERS = {name: [*KNOWN, *resources] for name, (resources, _) in (FINDINGS | THERAPY | LEFT_OPEN | CODED | TOLD).items()}
KINDS = ("Condition", "Observation", "MedicationAdministration", "MedicationStatement", "MedicationRequest")
ADDED = {
    "interstitial_lung_disease": False, "heart_failure": False, "lvef_decline": "none", "low_disease_burden": False,
    "significant_comorbidity": False, "long_disease_free_interval": False,
}  # fmt: skip
FIRST_CHOICE = "trastuzumab_pertuzumab_taxane"
METASTATIC = {"metastases", "liver", "brain"}
UNKNOWN_CODE = {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}


def telling(resources: list[Json]) -> list[Json]:
    """List the medications, diagnoses and ends of courses; a diagnosis that is "told" speaks of therapy alone."""
    return [
        own
        for own in resources
        if (own["resourceType"].startswith(("Medication", "Condition")) and own["id"] != "told")
        or own.get("code") == PROGRESSION["code"]
    ]


def without_code(own: Json, rng: random.Random) -> None:
    own["medicationCodeableConcept" if "medicationCodeableConcept" in own else "code"] = deepcopy(
        rng.choice([UNKNOWN_CODE, {"coding": [None]}, {"coding": []}, {}])
    )


def without_text(own: Json, rng: random.Random) -> None:
    own["medicationCodeableConcept" if "medicationCodeableConcept" in own else "code"] = {
        "text": rng.choice(["", "see letter", "metastatic disease, see letter", "chemotherapy", "trastuzumab as before?"])
    }
    if own["resourceType"] == "Condition":
        told = ["metastases?", "Secondary malignancy"] if own["id"] in METASTATIC else []
        own["code"] = {"text": rng.choice(["", *told])}


def without_date(own: Json, rng: random.Random) -> None:
    for field in ("onsetDateTime", "effectiveDateTime", "authoredOn"):
        if field in own:
            own[field] = rng.choice(["unknown", "", "20.10.2020"])
    if own.get("effectivePeriod"):
        del own["effectivePeriod"][rng.choice(list(own["effectivePeriod"]))]


def without_status(own: Json, rng: random.Random) -> None:
    if own["resourceType"] == "Condition":
        own["verificationStatus"] = rng.choice([{"coding": [{"code": "provisional"}]}, {"coding": [{}]}, {"text": "?"}])
    elif rng.random() < 0.5:
        own["status"] = "strange"
    else:
        own.pop("status", None)


def without_reference(own: Json, rng: random.Random) -> None:
    if "medicationCodeableConcept" in own and rng.random() < 0.5:
        del own["medicationCodeableConcept"]
        own["medicationReference"] = rng.choice([{"reference": "Medication/gone"}, {"reference": "#gone"}, {}])
    else:
        own["subject"] = {"reference": rng.choice(["Patient/other", "urn:uuid:gone", "?"])}


def without_shape(own: Json, rng: random.Random) -> None:
    field = rng.choice([name for name in own if name not in ("resourceType", "id")])
    own[field] = [[own[field]]] if rng.random() < 0.5 else 17


def without_type(own: Json, rng: random.Random) -> None:
    own["resourceType"] = rng.choice([None, [own["resourceType"]], 17])


def without_value(own: Json, rng: random.Random) -> None:
    for field in ("valueCodeableConcept", "statusReason"):
        if field in own:
            unread = rng.choice([UNKNOWN_CODE, {"text": "see letter"}])
            own[field] = [deepcopy(unread)] if field == "statusReason" else deepcopy(unread)


CHANGES: list[Callable[[Json, random.Random], None]] = [
    without_code, without_text, without_date, without_status, without_reference, without_shape, without_type,
    without_value,
]  # fmt: skip


def damaged(resources: list[Json], rng: random.Random) -> tuple[str, list[Json]]:
    """Take all resources of a kind out, or make one or several resources unreadable; say what was done."""
    if rng.random() < 0.1:
        kind = rng.choice(KINDS)
        return f"no {kind}", [own for own in resources if own["resourceType"] != kind]
    found = deepcopy(resources)
    change = rng.choice(CHANGES)
    places = telling(found)
    chosen = rng.sample(places, k=len(places) if rng.random() < 0.3 else 1)
    for own in chosen:
        change(own, rng)
    return f"{change.__name__}: {', '.join(str(own.get('id')) for own in chosen[:3])}", found


def faults(whole: Answer, read: Answer, known: bool = True) -> Iterator[str]:
    """Say what is wrong in the answer to what could be read of a chart, by the answer to the whole chart.

    Where its therapy is not `known`, the whole chart leaves more open than what is read, and only what it excludes counts.
    """
    excluded = {entry.regimen for entry in whole.excluded if entry.certainty == "certain"}
    wanted = {entry.regimen for entry in whole.recommended}
    for entry in read.recommended:
        if entry.certainty == "certain" and (entry.regimen in excluded or (known and entry.regimen not in wanted)):
            yield f"{entry.regimen} is certain, and the whole chart does not recommend it"
    for own in read.excluded:
        if own.certainty == "certain" and any(
            entry.regimen == own.regimen and entry.certainty == "certain" for entry in whole.recommended
        ):
            yield f"{own.regimen} is excluded, and certain by the whole chart"
    if known and read.setting not in (whole.setting, "undetermined"):
        yield f"the setting is {read.setting}, and by the whole chart {whole.setting}"
    first = next(iter(read.recommended), None)
    untold = {entry.fact for entry in read.missing} & {"metastatic_therapy", "one_of"}
    if first is not None and first.regimen == FIRST_CHOICE and FIRST_CHOICE not in wanted and not untold:
        yield "first line comes first, and nothing says that therapy is not known"


ANSWERS: dict[tuple[int, str], Answer] = {}
"""Answers to records, which many damaged charts have in common, by the guideline and the record."""


def answered(guideline: Guideline, resources: list[Json]) -> Answer:
    """Answer a chart, with what charts do not tell added, so that more is certain."""
    record = {**ADDED, **guideline.read_fhir(bundle(*resources)).record}
    key = id(guideline), json.dumps(record, sort_keys=True)
    if key not in ANSWERS:
        ANSWERS[key] = guideline.answer(record)
    return ANSWERS[key]


def try_one(guideline: Guideline, rng: random.Random, answers: dict[str, Answer]) -> tuple[str, list[str], Any]:
    """Damage one chart; give what was done, what is wrong in its answer, and the bundle."""
    chart = (charts := rng.choice((CHARTS, OTHERS)))[name := rng.choice(list(charts))]
    if name not in answers:
        answers[name] = answered(guideline, chart)
    done, resources = damaged(chart, rng)
    known = answers[name].setting != "undetermined" or not done.startswith("no ")
    return f"{name}, {done}", list(faults(answers[name], answered(guideline, resources), known)), bundle(*resources)
