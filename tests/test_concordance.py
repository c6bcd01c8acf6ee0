"""Concordance: each course held against the answer to the record as it was before that course."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from charts import second_line
from in_process import command
from records import random_record, untold_records

from reasoner import Guideline, RecordError
from reasoner.compiler.model import GuidelineModel
from reasoner.queries.concordance import VERDICTS, Concordance, concordance
from reasoner.queries.pathway import pathway
from reasoner.records.shapes import to_json, to_plain
from reasoner.render.concordance import render

Record = dict[str, Any]
FIRST = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "progression"}
TOLD = {
    "id": "p", "her2": "positive", "hr": "negative", "adjuvant_drugs": [], "lvef_decline": "none", "lvef_measured": True,
    "heart_failure": False, "interstitial_lung_disease": False, "brain_metastases": False, "cns_predominant": False,
}  # fmt: skip
CASES: dict[str, tuple[Record, dict[str, Any]]] = {
    "the standard of first line": (
        {"metastatic_therapy": [FIRST]},
        {"verdict": "first_choice", "regimen": "trastuzumab_pertuzumab_taxane", "missing": []},
    ),
    "a later choice of third line": (
        {
            "metastatic_therapy": [
                FIRST,
                {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"},
                {"drugs": ["lapatinib", "capecitabine"]},
            ]
        },
        {"verdict": "recommended", "regimen": "lapatinib_capecitabine"},
    ),
    "an exclusion that is not recorded": (
        {
            "interstitial_lung_disease": None,
            "metastatic_therapy": [FIRST, {"drugs": ["trastuzumab_deruxtecan"]}],
        },
        {"verdict": "conditional", "regimen": "trastuzumab_deruxtecan", "missing": ["interstitial_lung_disease"]},
    ),
    "a regimen that is excluded": (
        {"interstitial_lung_disease": True, "metastatic_therapy": [FIRST, {"drugs": ["trastuzumab_deruxtecan"]}]},
        {
            "verdict": "excluded",
            "recommended": ["trastuzumab_emtansine"],
            "statements": ["L57"],
            "assumes_now": ["her2", "interstitial_lung_disease"],
        },
    ),
    "drugs of which each regimen is excluded": (
        {"heart_failure": True, "metastatic_therapy": [{"drugs": ["trastuzumab", "carboplatin"]}]},
        {"verdict": "excluded", "regimen": None},
    ),
    "a regimen of the second line in the first": (
        {"metastatic_therapy": [{"drugs": ["trastuzumab_deruxtecan"]}]},
        {"verdict": "not_recommended", "recommended": ["trastuzumab_pertuzumab_taxane"]},
    ),
    "a history of which the text says nothing": (
        {
            "metastatic_therapy": [
                {"drugs": ["trastuzumab", "docetaxel"], "outcome": "progression"},
                {"drugs": ["trastuzumab_deruxtecan"]},
            ]
        },
        {"verdict": "silent", "recommended": [], "assumes_now": []},
    ),
    "HER2-negative disease": (
        {"her2": "negative", "metastatic_therapy": [{"drugs": ["fulvestrant"]}]},
        {"verdict": "out_of_scope", "assumes_now": ["her2"]},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_last_course_has_the_verdict_that_the_guideline_gave_then(name: str, curated: Guideline) -> None:
    record, expected = CASES[name]
    last = to_plain(concordance(curated, {**TOLD, **record}))["courses"][-1]
    assert {key: last[key] for key in expected} == expected
    assert last["because"]


def regimens_of(drugs: list[str], model: GuidelineModel) -> list[str]:
    return [
        name
        for name, parts in model.parts.items()
        if parts and all(set(part) & set(drugs) for part in parts) and all(any(d in p for p in parts) for d in drugs)
    ]


def replayed(guideline: Guideline, record: Mapping[str, Any], number: int) -> tuple[str, str | None, Record]:
    """Judge a course by the answer to the record with the courses before it, word for word as the contract has it."""
    course, model = record["metastatic_therapy"][number], guideline.model
    before = {**record, "metastatic": True, "metastatic_therapy": record["metastatic_therapy"][:number]}
    answer = to_plain(guideline.answer(before))
    recommended = {entry["regimen"]: entry for entry in answer["recommended"]}
    excluded = {entry["regimen"] for entry in answer["excluded"] if entry["certainty"] == "certain"}
    own = next(iter(regimens_of(course["drugs"], model)), None)
    entry = recommended.get(own)
    touched = {name for name, parts in model.parts.items() if any(set(part) & set(course["drugs"]) for part in parts)}
    against = {own} if own else touched
    if answer["setting"] == "out_of_scope":
        verdict = "out_of_scope"
    elif entry and entry["certainty"] == "certain":
        verdict = "first_choice" if entry["rank"] == 1 else "recommended"
    elif entry:
        verdict = "conditional"
    elif against and against <= excluded:
        verdict = "excluded"
    elif not recommended:
        verdict = "silent"
    else:
        verdict = "not_recommended"
    return verdict, own, answer


def check_replay(guideline: Guideline, record: Record) -> None:
    """Compare each course with the replay, and what is assumed of the present with the replay without it."""
    ever = {fact.name for fact in guideline.model.facts if fact.ever}
    for number, told in enumerate(to_plain(concordance(guideline, record))["courses"]):
        verdict, own, answer = replayed(guideline, record, number)
        certain = [entry["regimen"] for entry in answer["recommended"] if entry["certainty"] == "certain"]
        assert (told["verdict"], told["regimen"], told["recommended"]) == (verdict, own, certain)
        if own is not None:
            assert set(told["missing"]) == {own_["fact"] for own_ in answer["missing"] if own in own_["decides"]}
        asked = [
            key
            for key, value in record.items()
            if key not in ("id", "one_of", "metastatic", "metastatic_therapy") and value is not None
            and not (key in ever and value is False)
        ]  # fmt: skip
        others = {key: replayed(guideline, {**record, key: None}, number)[0] for key in asked}
        assert set(told["assumes_now"]) == {key for key, other in others.items() if other != verdict}


def test_every_course_is_judged_as_its_record_before_it_is_answered(curated: Guideline) -> None:
    rng, tried = random.Random(5), 0
    while tried < 25:
        record = random_record(rng, curated, rng.choice((0, 0, 0.3)))
        with suppress(RecordError):
            curated.record(record)
            check_replay(curated, record)
            tried += bool(record["metastatic_therapy"])


def test_every_record_that_is_answered_is_judged(curated: Guideline) -> None:
    """Unknown therapy, and several sets of facts of which one is true, included: what has no certain courses says so."""
    for record in untold_records(curated, 6, 25, 0.4):
        found = concordance(curated, record)
        given = record.get("metastatic_therapy") or []
        assert [course.drugs for course in found.courses] == [tuple(course["drugs"]) for course in given]
        assert bool(found.notes) == (not given)
        assert all(course.verdict in VERDICTS for course in found.courses)
        assert found.patient in render(found)


def test_what_a_pathway_proposes_is_concordant(curated: Guideline) -> None:
    record = {**TOLD, "metastatic_therapy": []}
    graph = to_plain(pathway(curated, record, 3))
    nodes = {node["id"]: node for node in graph["nodes"]}
    nexts: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        nexts.setdefault(edge["source"], []).append(edge["target"])
    rng = random.Random(1)
    for _ in range(12):
        at, given = next(name for name, node in nodes.items() if node["kind"] == "state"), list[Record]()
        while at in nexts:
            at = rng.choice(nexts[at])
            node = nodes[at]
            if node["kind"] == "regimen":
                given.append({"drugs": [rng.choice(part) for part in curated.model.parts[node["regimen"]]]})
            elif node["kind"] == "outcome":
                given[-1]["outcome"] = rng.choice(node["outcomes"].split(", "))
        found = concordance(curated, {**record, "metastatic_therapy": given})
        assert {course.verdict for course in found.courses} <= {"first_choice", "recommended", "conditional"}, given


def chart(*conditions: tuple[str, str]) -> Record:
    entries = [
        entry
        for part in second_line(conditions=conditions).values()
        for entry in (part.get("entry", [{"resource": part}] if part["resourceType"] == "Patient" else []))
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.mark.parametrize(
    ("since", "verdict", "later"),
    [("2022-05-01", "excluded", []), ("2023-06-30", "conditional", ["heart_failure"])],
    ids=["before the course began", "after the course began"],
)
def test_what_a_chart_tells_counts_from_its_date_on(
    since: str, verdict: str, later: list[str], curated: Guideline, tmp_path: Path
) -> None:
    bundle = chart(("84114007", since))
    assert curated.read_fhir(bundle).record["heart_failure"] is True
    (tmp_path / "chart.json").write_text(json.dumps(bundle))
    (course,) = json.loads(command("concordance", tmp_path / "chart.json", "--format", "json"))["courses"]
    assert (course["verdict"], course["told_later"], course["assumes_now"]) == (verdict, later, [])
    text = " ".join(command("concordance", tmp_path / "chart.json").decode().split())
    assert "MedicationAdministration/trastuzumab-2023-03-01, rxnorm 224905, 2023-03-01." in text
    corrected = command("concordance", tmp_path / "chart.json", "--format", "json", "--set", "heart_failure=true")
    (course,) = json.loads(corrected)["courses"]
    assert (course["verdict"], course["assumes_now"]) == ("excluded", ["heart_failure"])


def test_the_text_says_what_the_json_says(curated: Guideline, tmp_path: Path) -> None:
    results: list[Concordance] = []
    for number, (record, _) in enumerate(CASES.values()):
        data = {**TOLD, "id": f"p{number}", **record}
        results.append(concordance(curated, data))
        with (tmp_path / "all.ndjson").open("ab") as file:
            file.write(json.dumps(data).encode() + b"\n")
    assert command("concordance", tmp_path / "all.ndjson", "--format", "json") == b"".join(map(to_json, results))
    text = command("concordance", tmp_path / "all.ndjson").decode()
    assert text == "\n\n".join(map(render, results))
    words = " ".join(text.split())
    for expected in (
        "Course 1, trastuzumab + pertuzumab + docetaxel: the first choice",
        "Course 3, lapatinib + capecitabine: recommended, not the first choice",
        "Course 2, trastuzumab deruxtecan (T-DXd): recommended if no interstitial lung disease, present or past",
        "Told without a date, taken as it is now, and decisive here: HER2 status; interstitial lung disease",
        "Course 2, trastuzumab deruxtecan (T-DXd): the text is silent on it",
        "Course 1, fulvestrant: the guideline did not apply",
    ):
        assert expected in words
    assert "None of the guideline's regimens. - heart failure, present or past [R11]" in words


def test_a_guideline_without_courses_says_so(own_cache: None) -> None:
    river_cough = Guideline.load(Path(__file__).parent / "guidelines" / "river_cough")
    found = concordance(river_cough, {"id": "a"})
    assert (found.courses, found.notes) == ((), ("This guideline has no courses of therapy to hold it against.",))
