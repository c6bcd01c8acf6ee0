"""A record is corrected before it is answered: what a chart says of it then no longer stands, and the answer says so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bundles import (
    AFTER_FIRST_LINE,
    AFTER_SECOND_LINE,
    FIRST_LINE,
    HER2,
    METASTASES,
    NEGATIVE,
    bundle,
    condition,
    doses,
    observation,
    requested,
)
from test_command_line import REASONER

from reasoner import Guideline, RecordError
from reasoner.queries.corrections import corrected_facts, corrected_record

UNCLEAR = requested("x", "tucatinib", "2020-06-01", "unknown")
EITHER = bundle(condition("liver", "sct:94381002", "2020"), HER2, *doses("trastuzumab", "2020-03-01", 3))
AT_ONCE = bundle(condition("breast", "icd:C50.9", "2020-01-02"), METASTASES, HER2)
SINCE = "given since metastases: trastuzumab (from 2020-03-01)"

CORRECTED: dict[str, tuple[dict[str, Any], list[str], dict[str, Any], str, list[str]]] = {
    "a fact has the value that was set and no source": (
        AFTER_FIRST_LINE,
        ["her2=negative"],
        {"her2": "negative"},
        "Corrected by hand: HER2 status: negative (recorded: positive).",
        ["her2"],
    ),
    "a fact that the chart contradicts itself on is known": (
        bundle(HER2, observation("b", "loinc:85319-2", "2020-01-12", valueCodeableConcept=NEGATIVE)),
        ["her2=positive"],
        {"her2": "positive"},
        "Corrected by hand: HER2 status: positive (not recorded).",
        ["her2"],
    ),
    "an outcome is corrected and the rest of its course stays as it was read": (
        AFTER_FIRST_LINE,
        ["metastatic_therapy[-1].outcome=toxicity"],
        {},
        "Corrected by hand: therapy for metastatic disease: course 1: trastuzumab + pertuzumab + docetaxel, toxicity",
        ["metastatic_therapy[0].outcome"],
    ),
    "unknown therapy becomes known, and what made it unknown is no longer noted": (
        bundle(METASTASES, HER2, *FIRST_LINE, UNCLEAR),
        ["metastatic_therapy=[]", "metastatic_therapy+=trastuzumab+pertuzumab+docetaxel:progression"],
        {"metastatic_therapy": [{"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "progression"}]},
        "course 1: trastuzumab + pertuzumab + docetaxel, progression (not recorded).",
        ["metastatic_therapy"],
    ),
    "one of several possibilities is told, and its facts are where they were read": (
        EITHER,
        [f"one_of={SINCE}"],
        {"metastatic_therapy": [{"drugs": ["trastuzumab"], "outcome": None}]},
        f"Corrected by hand: of several possibilities this one: {SINCE}.",
        ["one_of"],
    ),
    "a course is corrected in one of several possibilities": (
        EITHER,
        ["one_of[-2].metastatic_therapy[0].outcome=progression"],
        {},
        f"Corrected by hand in one of several possibilities ({SINCE}): therapy for metastatic disease.",
        ["one_of[0].metastatic_therapy[0].outcome"],
    ),
    "possibilities of which no fact is left are none": (
        bundle(condition("liver", "sct:94381002", "2020"), *doses("pertuzumab", "2020-03-01", 3)),
        ["adjuvant_drugs=[]", "metastatic_therapy=[]"],
        {"adjuvant_drugs": [], "metastatic_therapy": [], "one_of": None},
        "Corrected by hand: adjuvant drugs: none (not recorded).",
        ["one_of"],
    ),
    "what was concluded of a fact that is corrected": (
        AT_ONCE,
        ["adjuvant_drugs=trastuzumab"],
        {"adjuvant_drugs": ["trastuzumab"]},
        "Corrected by hand: adjuvant drugs: trastuzumab (recorded: none).",
        ["adjuvant_drugs"],
    ),
    "a fact that each possibility has another value of stands beside them": (
        EITHER,
        ["adjuvant_drugs=trastuzumab", "metastatic_therapy=[]"],
        {"adjuvant_drugs": ["trastuzumab"], "metastatic_therapy": []},
        "Corrected by hand: adjuvant drugs: trastuzumab (not recorded).",
        ["adjuvant_drugs", "metastatic_therapy"],
    ),
}


@pytest.mark.parametrize("name", CORRECTED)
def test_what_is_corrected_stands_and_the_answer_says_so(name: str, curated: Guideline) -> None:
    chart, edits, expected, note, gone = CORRECTED[name]
    facts = corrected_facts(curated, curated.read_fhir(chart), edits)
    assert {key: facts.record.get(key) for key in expected} == expected
    assert not [own.fact for own in facts.sources if own.fact.startswith(tuple(gone))]
    named = [own.fact for own in (*facts.undecided, *facts.contradictions)]
    named += [text.partition(":")[0] for text in facts.assumed]
    assert not [place for place in named if place.startswith(tuple(gone))]
    record = corrected_record(curated, chart, edits)
    assert any(note in own for own in record.remarks)
    assert record.data == facts.record
    notes = curated.answer(record).notes
    assert [own for own in notes if own.startswith("Corrected by hand")] == list(facts.corrected)
    told = curated.answer(record)
    by_hand = curated.answer(dict(facts.record))
    assert (told.setting, told.recommended, told.excluded) == (by_hand.setting, by_hand.recommended, by_hand.excluded)


def test_a_possibility_that_is_told_leaves_the_sources_of_the_others_out(curated: Guideline) -> None:
    read = curated.read_fhir(EITHER)
    facts = corrected_facts(curated, read, [f"one_of={SINCE}"])
    assert "one_of" in read.record
    assert "one_of" not in facts.record
    places = {own.fact for own in facts.sources}
    assert "metastatic_therapy[0].drugs[trastuzumab]" in places
    assert not [place for place in places if place.startswith("adjuvant_drugs")]


def test_a_record_that_contradicts_itself_is_mended_and_one_that_is_not_is_refused(curated: Guideline) -> None:
    record = {"id": "p", "metastatic": False, "brain_metastases": True}
    assert corrected_record(curated, record, ["metastatic=true"]).data["metastatic"] is True
    for edits in (["her2=positive"], ["her3=positive"], ["her2=maybe"]):
        with pytest.raises(RecordError):
            corrected_record(curated, record, edits)


@pytest.mark.parametrize(
    "command",
    [
        ("recommend", "PATIENT"),
        ("why", "PATIENT", "out_of_scope"),
        ("why-not", "PATIENT", "trastuzumab_deruxtecan"),
        ("ask", "PATIENT"),
        ("pathway", "PATIENT"),
        ("graph", "PATIENT", "-o", "out.json"),
        ("facts", "PATIENT"),
    ],
)
def test_every_question_takes_corrections(command: tuple[str, ...], tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "chart.json").write_text(json.dumps(AFTER_FIRST_LINE))

    def output(*more: str) -> str:
        words = ["chart.json" if word == "PATIENT" else word for word in command]
        done = subprocess.run(
            [*REASONER, *words, *more], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout + ((tmp_path / "out.json").read_text() if "-o" in words else "")

    assert output("--set", "her2=negative") != output()


def test_a_correction_is_of_one_patient(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "two.ndjson").write_text('{"id": "a"}\n{"id": "b"}\n')
    done = subprocess.run(
        [*REASONER, "recommend", "two.ndjson", "--set", "her2=negative"],
        cwd=tmp_path, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "Error: --set corrects the record of one patient, and there are 2; answer this one by itself\n"


def test_the_timeline_marks_what_was_corrected(curated: Guideline) -> None:
    facts = curated.read_fhir(AFTER_SECOND_LINE).with_timeline()
    edits = ["metastatic_therapy[1].outcome=toxicity", "her2=negative", "heart_failure=null", "hr=negative"]
    found = corrected_facts(curated, facts, edits)
    assert facts.timeline
    assert found.timeline
    by_hand = curated.model.say("timeline_corrected")
    changed = [own for own in found.timeline.events if own.why == by_hand]
    assert {place for own in facts.timeline.events for place in own.places if own.why != by_hand} >= {"her2", "hr"}
    assert [(own.kind, own.places) for own in changed if own.kind == "therapy"] == [("therapy", ("metastatic_therapy[1]",))]
    assert {own.finding for own in changed if own.kind == "result"} == {
        "her2",
        "oestrogen_receptor",
        "progesterone_receptor",
    }
    assert not [place for own in changed if own.kind == "result" for place in own.places]
    assert len(found.timeline.events) == len(facts.timeline.events)
    assert found.corrected[-2:] == (
        "Entered by hand, unchanged: heart failure, present or past: not recorded.",
        "Entered by hand, unchanged: hormone receptor status: negative.",
    )
