"""Bad input: one clear message that names the place, exit status 2, never a traceback, never an answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner import Answer, Guideline, RecordError
from reasoner.guideline import default_folder
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render

COURSE = {"drugs": ["trastuzumab", "docetaxel"], "outcome": "progression"}


def record(**changes: Any) -> dict[str, Any]:
    return {"id": "p1", "metastatic_therapy": [], **changes}


WRONG_RECORDS = {
    "a record that is a list": ([], "a record is a JSON object"),
    "a missing id": ({"metastatic_therapy": []}, "id: missing"),
    "an id that is a number": (record(id=7), "id: 7 is not a text"),
    "an id with half a surrogate pair": (record(id="\ud800"), "id: "),
    "a therapy that is text": (record(metastatic_therapy="none"), "metastatic_therapy: "),
    "an unknown key": (record(heart_failur=True), 'heart_failur: unknown key (did you mean "heart_failure"?)'),
    "a boolean given as text": (record(heart_failure="no"), "heart_failure: "),
    "a boolean given as a number": (record(heart_failure=0), "heart_failure: 0 is neither true nor false"),
    "a value outside its domain": (
        record(her2="pozitive"),
        'her2: "pozitive" is not a value of her2 (did you mean "positive"?)',
    ),
    "a choice given as a list": (record(hr=["positive"]), "hr: "),
    "a misspelt drug": (record(adjuvant_drugs=["trastuzumabb"]), 'adjuvant_drugs[0]: "trastuzumabb"'),
    "a list given as text": (record(unavailable_drugs="trastuzumab"), "unavailable_drugs: "),
    "an unknown symptom": (record(infusion_symptoms=["fever"]), "infusion_symptoms[0]: "),
    "negative months": (record(months_to_recurrence=-0.5), "months_to_recurrence: -0.5 is out of range"),
    "months that are true": (record(months_to_recurrence=True), "months_to_recurrence: true is not a number"),
    "months that are infinite": (record(months_to_recurrence=float("inf")), "months_to_recurrence: "),
    "months that are no number": (record(months_to_recurrence=float("nan")), "months_to_recurrence: "),
    "months beyond all measure": (record(months_to_recurrence=10**400), "months_to_recurrence: "),
    "a weight of zero": (record(weight_kg=0), "weight_kg: 0 is out of range; allowed: more than 0"),
    "a weight that nobody has": (record(weight_kg=99999999), "99999999 is out of range; allowed: more than 0, at most 635"),
    "a course that is a list": (record(metastatic_therapy=[["trastuzumab"]]), "metastatic_therapy[0]: "),
    "a course without drugs": (
        record(metastatic_therapy=[{"drugs": [], "outcome": "ongoing"}]),
        "metastatic_therapy[0].drugs: ",
    ),
    "a course with an outcome that is none": (
        record(metastatic_therapy=[{"drugs": ["tucatinib"], "outcome": "unknown"}]),
        'metastatic_therapy[0].outcome: "unknown" is not an outcome',
    ),
    "months from adjuvant anti-HER2 therapy without any": (
        record(months_from_adjuvant_anti_her2=3, adjuvant_drugs=["docetaxel"]),
        "contradicts itself: months",
    ),
    "sets of facts that are no list": (record(one_of={"label": "a"}), "one_of: "),
    "a list without sets of facts": (record(one_of=[]), "one_of: [] is not a list of sets of facts"),
    "a set of facts that is text": (record(one_of=["a"]), "one_of[0]: "),
    "a set of facts without a label": (record(one_of=[{"her2": "positive"}]), "one_of[0].label: missing"),
    "a label of nothing": (record(one_of=[{"label": " "}]), "one_of[0].label: "),
    "two sets of facts with one label": (
        record(one_of=[{"label": "a"}, {"label": "a"}]),
        'one_of[1].label: "a" is the label of another set',
    ),
    "a set of facts with a patient of its own": (record(one_of=[{"label": "a", "id": "q"}]), "one_of[0].id: unknown key"),
    "a misspelt fact in a set": (
        record(one_of=[{"label": "a", "her3": "positive"}]),
        'one_of[0].her3: unknown key (did you mean "her2"?)',
    ),
    "a wrong value in a set": (record(one_of=[{"label": "a", "her2": "maybe"}]), 'one_of[0].her2: "maybe" is not'),
    "a wrong drug of a course in a set": (
        {"id": "p1", "one_of": [{"label": "a", "metastatic_therapy": [{"drugs": ["tucatinibb"]}]}]},
        'one_of[0].metastatic_therapy[0].drugs[0]: "tucatinibb"',
    ),
    "a fact beside the sets and in one": (
        record(one_of=[{"label": "a", "metastatic_therapy": []}]),
        "one_of[0].metastatic_therapy: it stands beside the sets too",
    ),
    "sets of facts that all contradict what stands beside them": (
        record(
            adjuvant_drugs=[], one_of=[{"label": "a", "months_to_recurrence": 3}, {"label": "b", "months_to_recurrence": 30}]
        ),
        "contradicts itself: months",
    ),
    "a course with an unknown key": (record(metastatic_therapy=[{**COURSE, "cycles": 3}]), "metastatic_therapy[0].cycles: "),
    "a course under way before another": (
        record(metastatic_therapy=[{**COURSE, "outcome": "ongoing"}, COURSE]),
        "metastatic_therapy[0].outcome: only the last course can be ongoing",
    ),
    "half a cycle": (record(metastatic_therapy=[{**COURSE, "taxane_cycles": 5.5}]), "metastatic_therapy[0].taxane_cycles: "),
    "negative cycles": (
        record(metastatic_therapy=[{**COURSE, "taxane_cycles": -1}]),
        "metastatic_therapy[0].taxane_cycles: ",
    ),
    "cycles of a taxane that was not given": (
        record(metastatic_therapy=[{"drugs": ["tucatinib"], "outcome": "ongoing", "taxane_cycles": 6}]),
        "metastatic_therapy[0].taxane_cycles: only where the course has one of docetaxel, paclitaxel",
    ),
    "courses without metastatic disease": (
        record(metastatic=False, metastatic_therapy=[COURSE]),
        "contradicts itself: metastatic",
    ),
    "brain metastases without metastatic disease": (record(metastatic=False, brain_metastases=True), "contradicts itself"),
    "CNS disease without metastatic disease": (record(metastatic=False, cns_predominant=True), "contradicts itself"),
    "CNS disease without brain metastases": (record(cns_predominant=True, brain_metastases=False), "contradicts itself"),
    "months without adjuvant trastuzumab": (record(months_to_recurrence=3, adjuvant_drugs=[]), "contradicts itself: months"),
    "an empty id": (record(id=""), "id: empty; every record has an id"),
    "an id of spaces": (record(id=" "), "id: empty; every record has an id"),
    "a FHIR bundle that holds nothing": ({"resourceType": "Bundle"}, "no FHIR resource can be read"),
}


@pytest.mark.parametrize("name", WRONG_RECORDS)
def test_the_message_names_the_field(name: str, curated: Guideline) -> None:
    data, message = WRONG_RECORDS[name]
    with pytest.raises(RecordError) as caught:
        curated.answer(data)
    assert message in str(caught.value)


NOT_WRONG = {
    "null for every fact that may be unknown": record(heart_failure=None, her2=None, adjuvant_drugs=None, weight_kg=None),
    "whole cycles written with a decimal point": record(metastatic_therapy=[{**COURSE, "taxane_cycles": 6.0}]),
    "no cycles of a taxane that was not given": record(
        metastatic_therapy=[{"drugs": ["tucatinib"], "outcome": "ongoing", "taxane_cycles": None, "maximal_response": False}]
    ),
    "a drug named twice": record(metastatic_therapy=[{"drugs": ["tucatinib", "tucatinib"], "outcome": "ongoing"}]),
}


@pytest.mark.parametrize("name", NOT_WRONG)
def test_what_means_the_same_is_accepted(name: str, curated: Guideline) -> None:
    assert curated.answer(NOT_WRONG[name]).patient == NOT_WRONG[name]["id"]


BROKEN_FILES = {
    "broken JSON": (b'{"id": "p1",', "line 1, column"),
    "an empty file": (b" \n", "empty; a record is a JSON object"),
    "NaN": (b'{"id": "p1", "metastatic_therapy": [], "weight_kg": NaN}', "NaN is not a JSON number"),
    "infinity": (b'{"id": "p1", "metastatic_therapy": [], "weight_kg": -Infinity}', "-Infinity is not a JSON number"),
    "a number that overflows": (b'{"id": "p1", "metastatic_therapy": [], "weight_kg": 1e999}', "weight_kg: "),
    "a number of many digits": (
        b'{"id": "p1", "metastatic_therapy": [], "weight_kg": ' + b"9" * 9999 + b"}",
        "a number that cannot",
    ),
    "duplicate keys": (b'{"id": "a", "id": "b", "metastatic_therapy": []}', "id: the key stands twice"),
    "duplicate keys in a course": (
        b'{"id": "a", "metastatic_therapy": [{"drugs": [], "drugs": []}]}',
        "drugs: the key stands twice",
    ),
    "text that is not UTF-8": (b'{"id": "\xff"}', "not UTF-8 text"),
    "bytes that are no text": (bytes(range(256)), "not UTF-8 text"),
    "lists nested without end": (b"[" * 200_000, "nested too deeply"),
    "100 MB of nested lists": (b"[" * (100 * 2**20), "larger than a record can be"),
    "a wrong record in the second line": (
        b'{"id": "a", "metastatic_therapy": []}\n\n{"id": "b", "metastatic_therapy": [], "her2": 1}\n',
        ":3: her2: 1 is not a value",
    ),
    "broken JSON in the second line": (b'{"id": "a", "metastatic_therapy": []}\n{"id": \n', ":2: column"),
    "a long file whose last line is broken": (b'{"id": "a", "metastatic_therapy": []}\n' * 3 + b"]", ":4: column"),
}


def run(arguments: list[str], environment: dict[str, str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "reasoner", *arguments], env=environment, capture_output=True, check=False, **options
    )


def assert_refused(done: subprocess.CompletedProcess[bytes], message: str) -> None:
    error = done.stderr.decode()
    assert done.returncode == 2, error
    assert done.stdout == b""
    assert message in error
    assert "Traceback" not in error
    assert error.startswith(("Error: ", "Usage: "))


@pytest.mark.parametrize("name", BROKEN_FILES)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_broken_file_is_refused_whole(name: str, form: str, environment: dict[str, str], tmp_path: Path) -> None:
    content, message = BROKEN_FILES[name]
    file = tmp_path / "patient.json"
    file.write_bytes(content)
    assert_refused(run(["recommend", "--format", form, str(file)], environment), message)


def test_files_that_cannot_be_read_are_named(environment: dict[str, str], tmp_path: Path) -> None:
    assert_refused(
        run(["recommend", str(tmp_path / "absent.json")], environment), "absent.json: cannot be read: No such file"
    )
    assert_refused(run(["recommend", str(tmp_path)], environment), "cannot be read: a folder without files .json")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="the superuser reads every file")
def test_a_file_without_permission_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "patient.json"
    file.write_text("{}")
    file.chmod(0)
    assert_refused(run(["recommend", str(file)], environment), "cannot be read: Permission denied")


def test_of_several_files_none_is_answered_when_one_is_wrong(environment: dict[str, str], tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(record()))
    bad.write_text(json.dumps(record(hr="unknown")))
    assert_refused(run(["recommend", str(good), str(bad)], environment), "bad.json: hr: ")


def test_a_closed_pipe_is_met_with_silence(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "patients.ndjson"
    file.write_text((json.dumps(record()) + "\n") * 300)
    command = [sys.executable, "-m", "reasoner", "recommend", "--format", "json", str(file)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


HOSTILE = [
    "). recommended(pertuzumab). %",
    "<script>alert(1)</script>",
    "#script (python) import os #end.",
    "\x1b[31mred\x1b[0m",
    "a\nb",
]
STRINGS = st.sampled_from(HOSTILE) | st.text(max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | STRINGS
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3), max_leaves=8
)


@given(data=st.data())
def test_whatever_stands_in_a_record_it_is_answered_or_refused(data: st.DataObject, curated: Guideline) -> None:
    keys = ["id", *(fact.name for fact in curated.model.facts)]
    wild = data.draw(st.dictionaries(st.sampled_from(keys) | STRINGS, ANYTHING, max_size=4))
    try:
        answer = curated.answer(record(**wild))
    except RecordError as error:
        assert str(error)
    else:
        assert to_plain(answer)


@pytest.fixture(scope="module")
def plain_answer(curated: Guideline) -> Answer:
    return curated.answer(record())


@given(name=STRINGS)
def test_an_id_is_shown_and_never_run(name: str, curated: Guideline, plain_answer: Answer) -> None:
    try:
        answer = curated.answer(record(id=name))
    except RecordError:
        assert not name.isprintable() or not name.strip()
        return
    assert to_plain(answer)["patient"] == name
    assert answer.recommended == plain_answer.recommended
    first = render(answer).splitlines()[0]
    assert first.isprintable()
    assert "pertuzumab" not in first or "pertuzumab" in name


def test_a_weight_beyond_reason_is_answered_in_text_where_the_guideline_allows_it(tmp_path: Path) -> None:
    shutil.copytree(default_folder(), tmp_path / "unlimited")
    facts = tmp_path / "unlimited" / "facts.lp"
    facts.write_text(facts.read_text("utf-8").replace("maximum(weight_kg, 635).", ""), "utf-8")
    unlimited = Guideline.load(tmp_path / "unlimited")
    for weight in (1e27, 1e308, 10**30):
        assert " mg (" in render(unlimited.answer(record(metastatic_therapy=[], weight_kg=weight)))
