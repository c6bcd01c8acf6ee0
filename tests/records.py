"""Random records, drawn from the facts that a guideline declares: whole histories, near misses and boundaries."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from reasoner.engine.conclusions import conclusions_of
from reasoner.errors import RecordError
from reasoner.guideline import Guideline

ANTI_HER2 = frozenset(
    [
        "trastuzumab",
        "pertuzumab",
        "trastuzumab_deruxtecan",
        "trastuzumab_emtansine",
        "tucatinib",
        "lapatinib",
        "neratinib",
        "margetuximab",
        "other_anti_her2",
    ]
)


def random_course(rng: random.Random, guideline: Guideline, last: bool, unknown: float = 0.0) -> dict[str, Any]:
    """Draw a course: mostly a regimen of the catalogue, sometimes with a drug more, less or other.

    Its outcome and its numbers are unknown with probability `unknown`.
    """
    model = guideline.model
    parts = rng.choice([parts for parts in model.parts.values() if parts])
    drugs = [rng.choice(part) for part in parts]
    kind = rng.random()
    if kind < 0.12:
        drugs.append(rng.choice(model.drugs))
    elif kind < 0.2 and len(drugs) > 1:
        drugs.remove(rng.choice(drugs))
    elif kind < 0.25:
        drugs = rng.sample(model.drugs, min(rng.randint(1, 3), len(model.drugs)))
    outcomes = [o for o in model.outcomes if last or o not in model.under_way]
    course: dict[str, Any] = {"drugs": drugs}
    if rng.random() >= unknown:
        course["outcome"] = rng.choice([*outcomes, *(o for o in outcomes if o == "progression")])
    elif rng.random() < 0.5:
        course["outcome"] = None
    for fact in model.course_facts.values():
        if fact.needs and not set(fact.needs) & set(drugs):
            continue
        near = [t + d for t in fact.thresholds for d in (-1, 0, 1)]
        if fact.kind == "boolean":
            if rng.random() < 0.6:
                course[fact.name] = None if rng.random() < unknown else rng.random() < 0.4
        elif rng.random() >= unknown:
            whole = fact.kind == "integer" or rng.random() < 0.7
            course[fact.name] = max(0, rng.choice(near)) if near and whole else rng.randint(0, 9)
    return course


def random_record(rng: random.Random, guideline: Guideline, unknown: float) -> dict[str, Any]:
    """Draw a record in which each fact is left out with probability `unknown`; it may contradict itself."""
    model = guideline.model
    count = rng.choice([0, 0, 1, 1, 1, 2, 2, 3, 4])
    record: dict[str, Any] = {"id": f"random-{rng.randrange(10**6)}"}
    for fact in model.facts:
        if fact.kind == "courses":
            record[fact.name] = [random_course(rng, guideline, n == count - 1, unknown) for n in range(count)]
        elif rng.random() < unknown:
            continue
        elif fact.kind == "boolean":
            record[fact.name] = rng.random() < 0.4
        elif fact.kind == "choice":
            record[fact.name] = rng.choice(fact.values)
        elif fact.kind == "list" and rng.random() < 0.5:
            record[fact.name] = rng.sample(fact.values, rng.randint(0, 2)) + [
                m for m in fact.open_members if rng.random() < 0.5
            ]
        elif fact.kind == "list":
            record[fact.name] = []
        elif fact.kind == "number":
            near = [t + d for t in fact.thresholds for d in (-12, -0.001, 0, 0.001, 12)]
            record[fact.name] = rng.choice(near) if near else rng.randint(40, 120)
    return usual(record, rng)


def usual(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Make most records ones that can be answered: in scope, without the commonest contradictions."""
    for key, value in (("metastatic", True), ("her2", "positive")):
        if key in record and rng.random() < 0.85:
            record[key] = value
    if record.get("cns_predominant") and record.get("brain_metastases") is False:
        record["brain_metastases"] = True
    if "months_to_recurrence" in record and "trastuzumab" not in record.get("adjuvant_drugs", ["trastuzumab"]):
        del record["months_to_recurrence"]
    if "months_from_adjuvant_anti_her2" in record and ANTI_HER2.isdisjoint(record.get("adjuvant_drugs", ANTI_HER2)):
        del record["months_from_adjuvant_anti_her2"]
    return record


def untold_record(rng: random.Random, guideline: Guideline, unknown: float) -> dict[str, Any]:
    """Draw a record in which, besides, defaults are told to be unknown, therapy is, or one of two sets of facts is true."""
    record = random_record(rng, guideline, unknown)
    for fact in guideline.model.facts:
        if fact.default is not None and rng.random() < unknown:
            record[fact.name] = None
        if fact.kind == "courses" and rng.random() < unknown / 2:
            record.pop(fact.name) if rng.random() < 0.5 else record.update({fact.name: None})
    if rng.random() < unknown:
        other = random_record(rng, guideline, unknown)
        keys = [fact.name for fact in guideline.model.facts if rng.random() < 0.2 and fact.name in {**record, **other}]
        own = {key: record.pop(key) for key in keys if key in record}
        others = {key: other[key] for key in keys if key in other and rng.random() < 0.8}
        record["one_of"] = [{"label": "before", **own}, {"label": "since", **others}]
    return record


def untold_records(guideline: Guideline, seed: int, count: int, unknown: float) -> Iterator[dict[str, Any]]:
    """Draw so many such records that do not contradict themselves."""
    rng = random.Random(seed)
    while count:
        record = untold_record(rng, guideline, unknown)
        try:
            guideline.record(record)
        except RecordError:
            continue
        count -= 1
        yield record


def facts_of(record: Mapping[str, Any]) -> str:
    """Name a record for a failure message."""
    return repr(dict(record))


def surely_recommended(guideline: Guideline, data: Mapping[str, Any]) -> set[str]:
    """Name the regimens that an answer recommends with certainty, without building it; none where the record is refused."""
    try:
        derivation = guideline.derive(guideline.parsed(data), compared=False)
    except RecordError:
        return set()
    return {entry.name for entry in conclusions_of(derivation).recommended() if entry.certainty == "certain"}
