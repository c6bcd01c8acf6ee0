"""reasoner test: cases with as much of an answer as they expect, what differs and why, and cases that cannot be used."""

from __future__ import annotations

import json
import shutil
from itertools import permutations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner import Guideline
from reasoner.cli import cli
from reasoner.records.shapes import to_plain
from reasoner.verification import expectations
from reasoner.verification.case_files import rewritten
from reasoner.verification.expectations import complete, normalised

AGUE = ROOT / "tests/guidelines/hill_ague"
KIDNEY_FAILURE = {"id": "p1", "confirmed": True, "fever": True, "kidney_failure": True}
NOT_RECORDED = {"id": "p1", "confirmed": True, "fever": True}


@pytest.fixture(scope="module")
def ague(own_cache: None) -> Guideline:
    return Guideline.load(AGUE)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["test", "--guideline", str(AGUE), *map(str, arguments)])


def case(folder: Path, expected: Any, name: str = "own.json", **others: Any) -> Path:
    folder.mkdir(exist_ok=True)
    made = {"title": f"A case in {name}", "record": KIDNEY_FAILURE, "expected": expected, **others}
    (folder / name).write_text(json.dumps(made, indent=2))
    return folder / name


MET: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a setting alone": (KIDNEY_FAILURE, {"setting": "treatment"}),
    "names of what is certain": (KIDNEY_FAILURE, {"recommended": ["beracin"], "excluded": ["amolin"], "actions": []}),
    "no name where nothing is certain": (NOT_RECORDED, {"recommended": [], "excluded": []}),
    "names of what is conditional": (NOT_RECORDED, {"conditional": ["beracin", "amolin"]}),
    "an entry without its rank": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin", "strength": "alternative"}]}),
    "an entry with nothing but its name": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin"}]}),
    "statements in any order": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin", "statements": ["L4", "L3", "L2"]}]}),
    "a part of a dose": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin", "doses": [{"amount": 50, "unit": "mg"}]}]}),
    "its interval": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin", "doses": [{"every": {"value": 1}}]}]}),
    "entries of both certainties": (
        NOT_RECORDED,
        {
            "recommended": [
                {"regimen": "beracin", "certainty": "conditional"},
                {"regimen": "amolin", "certainty": "conditional"},
            ]
        },
    ),
    "what one regimen assumes": (NOT_RECORDED, {"assuming": {"amolin": [{"fact": "kidney_failure", "value": False}]}}),
    "facts that are missing": (NOT_RECORDED, {"missing": ["kidney_failure"]}),
    "what a missing fact decides": (
        NOT_RECORDED,
        {"missing": [{"fact": "kidney_failure", "decides": ["beracin", "amolin", "check_kidneys"]}]},
    ),
}


@pytest.mark.parametrize(("record", "expected"), MET.values(), ids=MET)
def test_what_an_answer_says_is_as_expected(record: dict[str, Any], expected: dict[str, Any], ague: Guideline) -> None:
    wanted = normalised(expected)
    if "decides" in str(expected):
        wanted["missing"][0]["decides"] = list(ague.answer(record).missing[0].decides)
    assert expectations.given(wanted, ague.answer(record)) == wanted


NOT_MET: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another setting": (KIDNEY_FAILURE, {"setting": "not_addressed"}),
    "a regimen that is not recommended": (KIDNEY_FAILURE, {"recommended": ["amolin", "beracin"]}),
    "nothing, where something is recommended": (KIDNEY_FAILURE, {"recommended": []}),
    "for certain, what is conditional": (NOT_RECORDED, {"recommended": ["amolin"]}),
    "for certain, what is conditional beside what is so": (
        NOT_RECORDED,
        {"recommended": ["beracin", {"regimen": "amolin", "certainty": "conditional"}]},
    ),
    "another rank": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin", "rank": 2}]}),
    "one statement too few": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin", "statements": ["L4"]}]}),
    "another dose": (KIDNEY_FAILURE, {"recommended": [{"regimen": "beracin", "doses": [{"amount": 60}]}]}),
    "two doses where there is one": (
        KIDNEY_FAILURE,
        {"recommended": [{"regimen": "beracin", "doses": [{"amount": 50}, {"amount": 50}]}]},
    ),
    "another assumption": (NOT_RECORDED, {"assuming": {"amolin": [{"fact": "kidney_failure", "value": True}]}}),
    "no missing fact": (NOT_RECORDED, {"missing": []}),
}


@pytest.mark.parametrize(("record", "expected"), NOT_MET.values(), ids=NOT_MET)
def test_what_an_answer_does_not_say_differs(record: dict[str, Any], expected: dict[str, Any], ague: Guideline) -> None:
    wanted = normalised(expected)
    assert expectations.given(wanted, ague.answer(record)) != wanted


def test_what_is_recommended_is_compared_in_its_order(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()["low_disease_burden"].record)
    ranks = {entry.regimen: entry.rank for entry in answer.recommended}
    assert sorted(ranks.values()) == [1, 2, 2, 3]
    for names in permutations(ranks):
        wanted = normalised({"recommended": names})
        in_order = [ranks[name] for name in names] == [1, 2, 2, 3]
        assert (expectations.given(wanted, answer) == wanted) == in_order
        ranked = {"recommended": [{"regimen": name, "rank": ranks[name]} for name in names]}
        assert expectations.given(ranked, answer) == ranked


@settings(max_examples=60)
@given(st.data())
def test_any_part_of_an_answer_is_as_expected_and_any_other_value_is_not(ague: Guideline, data: st.DataObject) -> None:
    answer = ague.answer(data.draw(st.sampled_from([KIDNEY_FAILURE, NOT_RECORDED])))
    told = to_plain(answer)
    key = data.draw(st.sampled_from([name for name in ("recommended", "excluded") if told[name]]))
    kept = {"regimen", "certainty", *data.draw(st.sets(st.sampled_from(sorted(told[key][0]))))}
    wanted = {key: [{name: own for name, own in entry.items() if name in kept} for entry in told[key]]}
    assert expectations.given(wanted, answer) == wanted
    changed = wanted[key][0]
    changed["certainty"] = "conditional" if changed["certainty"] == "certain" else "certain"
    assert expectations.given(wanted, answer) != wanted


def test_a_difference_tells_what_is_behind_the_answer(tmp_path: Path) -> None:
    done = run(case(tmp_path, {"recommended": ["amolin"], "actions": ["check_kidneys"]}))
    assert done.exit_code == 1
    told = done.stdout
    assert "DIFFERS: A case in own.json" in told
    assert "    expected amolin\n    found    beracin\n" in told
    assert "- amolin: excluded, by L3 [hill_ague/guideline.lp:58]" in told
    assert "L3: Kidney failure is a contraindication to amolin." in told
    assert "- check_kidneys: nowhere in the answer" in told
    assert told.endswith("1 case, not as expected.\n")


def test_the_reports_for_programs_tell_the_same(tmp_path: Path) -> None:
    path = case(tmp_path, {"setting": "not_addressed", "excluded": ["amolin"]})
    told = json.loads(run(path, "--format", "json").stdout)
    assert (told["schema"], told["passed"], told["failed"]) == ("reasoner.test/1", 0, 1)
    (difference,) = told["cases"][0]["differences"]
    assert (difference["key"], difference["expected"], difference["found"]) == ("setting", "not_addressed", "treatment")
    assert difference["behind"][0] == {
        "name": "treatment", "listed": "placed", "certainty": "", "grounds": ["L2"], "places": ["hill_ague/guideline.lp:51"],
    }  # fmt: skip
    suite = ElementTree.fromstring(run(path, "--format", "junit").stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert "found treatment" in suite.find("testcase/failure").text  # type: ignore[union-attr, operator]


def test_cases_that_are_met_are_counted() -> None:
    done = run()
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("\n2 cases, all as expected.\n")
    assert "1 case, as expected." in run(AGUE / "cases/kidney_failure.json").stdout


def test_a_case_is_answered_under_its_own_readings(curated: Guideline, tmp_path: Path) -> None:
    shipped = curated.cases()["emtansine_failed_lung_disease_r9b"]
    path = case(tmp_path, {"setting": shipped.expected["setting"]}, record=shipped.record)
    assert CliRunner().invoke(cli, ["test", str(path)]).exit_code == 1
    path = case(tmp_path, {"setting": shipped.expected["setting"]}, record=shipped.record, readings=["R9=b"])
    assert CliRunner().invoke(cli, ["test", str(path)]).exit_code == 0


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing expected": ({"expected": {}}, "nothing is expected"),
    "a key that no expectation has": (
        {"expected": {"recomended": []}},
        '"recomended" is not something to expect (did you mean "recommended"?)',
    ),
    "a regimen that there is not": (
        {"expected": {"excluded": ["amolen"]}},
        'expected.excluded[0]: "amolen" is not a regimen of the guideline (did you mean "amolin"?)',
    ),
    "an action that there is not": ({"expected": {"actions": ["check_kidney"]}}, '(did you mean "check_kidneys"?)'),
    "a setting that there is not": (
        {"expected": {"setting": "cure"}},
        '"cure" is not a setting of the guideline; allowed: treatment',
    ),
    "a statement that there is not": (
        {"expected": {"recommended": [{"regimen": "beracin", "statements": ["L9"]}]}},
        'expected.recommended[0].statements[0]: "L9" is not a statement',
    ),
    "a fact that there is not": ({"expected": {"missing": ["kidneys"]}}, 'expected.missing[0]: "kidneys" is not a fact'),
    "a strength that there is not": (
        {"expected": {"recommended": [{"regimen": "beracin", "strength": "strong"}]}},
        '"strong" is not a strength',
    ),
    "a step that there is not": (
        {"expected": {"recommended": [{"regimen": "beracin", "doses": [{"step": "first"}]}]}},
        'doses[0].step: "first" is not a step',
    ),
    "a key that no entry has": (
        {"expected": {"recommended": [{"regimen": "beracin", "rnk": 1}]}},
        'expected.recommended[0]: "rnk" is not a key of it (did you mean "rank"?)',
    ),
    "an entry without a name": ({"expected": {"recommended": [{"rank": 1}]}}, "an entry names its regimen"),
    "a rank in quotes": (
        {"expected": {"recommended": [{"regimen": "beracin", "rank": "1"}]}},
        'expected.recommended[0].rank: a whole number is expected; found: "1"',
    ),
    "a name for a list": ({"expected": {"recommended": "beracin"}}, "expected.recommended: a list is expected"),
    "a name twice": ({"expected": {"excluded": ["amolin", "amolin"]}}, "amolin stands twice"),
    "a score that there is not": (
        {"expected": {"scores": {"fever": 1}}},
        '"fever" is not a score of the guideline; allowed: none',
    ),
    "an alternative that there is not": (
        {"expected": {"alternatives": ["A1=b"]}},
        '"A1=b" is not an alternative of a reading',
    ),
    "a certainty that there is not": (
        {"expected": {"recommended": [{"regimen": "beracin", "certainty": "sure"}]}},
        '"sure" is not allowed; allowed: certain, conditional',
    ),
    "a key that no case has": ({"expected": {"setting": "treatment"}, "comment": "?"}, '"comment" is not a key of a case'),
    "a record for a title": (
        {"expected": {"setting": "treatment"}, "title": {}},
        '"title" is a sentence, a text; found: an object',
    ),
    "a record that cannot be used": ({"expected": {"setting": "treatment"}, "record": {"id": "p", "feber": True}}, "feber"),
    "readings that there are not": (
        {"expected": {"setting": "treatment"}, "readings": ["R1=b"]},
        "no such alternative of a reading",
    ),
}


@pytest.mark.parametrize(("others", "message"), REFUSED.values(), ids=REFUSED)
def test_a_case_that_no_answer_can_meet_is_refused(others: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = case(tmp_path, **others)
    done = run(path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {path}: ")
    assert message in done.stderr


UNUSABLE = {
    "no JSON": ('{"title": "a",\n "record": }', ":2:12: not JSON"),
    "a list": ("[]", ": a list is no case"),
    "a record alone": ('{"id": "p1"}', ': "id" is not a key of a case'),
    "no expectation": ('{"title": "a", "record": {}}', ': the case lacks "expected"'),
    "a key twice": ('{"title": "a", "title": "b", "record": {}, "expected": {}}', '"title" stands twice'),
    "no UTF-8": ("\udcff", ": not UTF-8 text"),
}


@pytest.mark.parametrize(("text", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_is_no_case_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = run(tmp_path / "own.json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{tmp_path / 'own.json'}{message}" in done.stderr or message in done.stderr


def test_two_cases_of_one_title_and_a_folder_without_cases_are_refused(tmp_path: Path) -> None:
    one = case(tmp_path, {"setting": "treatment"}, title="Twins")
    two = case(tmp_path, {"setting": "treatment"}, "two.json", title="Twins")
    assert f'{two}: {one} has the title "Twins", too' in run(tmp_path).stderr
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path / 'empty'}: no cases there" in run(tmp_path / "empty").stderr
    done = CliRunner().invoke(cli, ["test", "--guideline", str(ROOT / "tests/guidelines/hill_ache")])
    assert (done.exit_code, "hill_ache/cases: no cases there" in done.stderr) == (2, True)
    assert "cannot be read: No such file" in run(tmp_path / "none.json").stderr


def test_an_update_writes_the_answers_in_the_form_in_which_they_were_expected(tmp_path: Path) -> None:
    wrong = {"recommended": [{"regimen": "amolin", "strength": "preferred"}], "actions": [], "setting": "treatment"}
    path = case(tmp_path, wrong)
    before = path.read_text()
    done = run(path, "--update")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 of 1 cases written anew" in done.stdout
    right = {**wrong, "recommended": [{"regimen": "beracin", "strength": "alternative"}]}
    assert path.read_text() == before.replace('"amolin"', '"beracin"').replace('"preferred"', '"alternative"')
    assert json.loads(path.read_text())["expected"] == right
    assert run(path).exit_code == 0
    assert "none to write anew" in run(path, "--update").stdout


def test_an_update_of_a_case_that_expects_nothing_records_all_that_there_is(ague: Guideline, tmp_path: Path) -> None:
    path = case(tmp_path, {}, record=NOT_RECORDED)
    assert run(path, "--update").exit_code == 0
    written = json.loads(path.read_text())["expected"]
    assert written == complete({}, ague.answer(NOT_RECORDED))
    assert written["conditional"] == ["amolin", "beracin"]
    assert run(path).exit_code == 0


def test_an_update_leaves_what_is_as_expected_alone(tmp_path: Path) -> None:
    shutil.copytree(AGUE / "cases", tmp_path / "cases")
    case(tmp_path / "cases", {"setting": "not_addressed"}, "wrong.json")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cases").iterdir()}
    assert run(tmp_path / "cases", "--update").exit_code == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cases").iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"wrong.json"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('a"\\{}[],:\n\té', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\,:', max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text('ab"\\}', max_size=4), JSON_VALUES, max_size=3), JSON_VALUES, st.sampled_from([None, 1, 2, "\t"])
)
def test_a_file_keeps_all_but_what_is_expected(others: dict[str, Any], value: Any, indent: int | str | None) -> None:
    made = {**others, "expected": {"setting": value}, "readings": []}
    text = json.dumps(made, indent=indent)
    changed = rewritten(text, {"setting": "é"})
    assert json.loads(changed) == {**made, "expected": {"setting": "é"}}
    assert rewritten(changed, {"setting": value}).encode() == json.dumps(
        made, indent=indent, ensure_ascii=False
    ).encode() or (text.partition('"expected"')[0] == changed.partition('"expected"')[0])
