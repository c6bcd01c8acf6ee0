"""asp/README.md: its guideline loads and answers, and its reference names every predicate."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import ROOT

from reasoner import Guideline
from reasoner.render.answer import render

README = (ROOT / "asp/README.md").read_text("utf-8")
FOLDER = ROOT / "tests/guidelines/hill_ague"
TUTORIAL, _, REFERENCE = README.partition("\n## Reference\n")
DECLARED = re.compile(r"^predicate\((\w+)", re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_tutorial_shows_the_whole_guideline() -> None:
    files = [(FOLDER / name).read_text("utf-8") for name in ("guideline.lp", "readings.lp")]
    assert "\n".join(blocks(TUTORIAL, "prolog")) == "\n".join(files)
    assert blocks(TUTORIAL, "json") == [(FOLDER / "cases/kidney_failure.json").read_text("utf-8")]


def test_the_tutorials_guideline_answers_its_cases() -> None:
    from reasoner.verification.case_runs import run_cases

    guideline = Guideline.load(FOLDER)
    report = run_cases(list(guideline.cases().values()), guideline)
    assert (report.passed, report.failed) == (2, 0)


def test_the_statements_of_the_reference_are_those_that_ship() -> None:
    shipped = "".join(path.read_text("utf-8") for path in (ROOT / "asp/her2_mbc").glob("*.lp"))
    shown = [block for block in blocks(REFERENCE, "prolog") if block.startswith("%* @statement")]
    assert shown
    assert all(block in shipped for block in shown)


def test_the_reference_names_the_predicates_of_the_core_and_no_others() -> None:
    core = "".join((ROOT / "asp/core" / name).read_text("utf-8") for name in ("vocabulary.lp", "wording.lp"))
    declared = set(DECLARED.findall(core))
    assert declared <= set(re.findall(r"`(\w+)(?:\([^`]*?\))?(?:\.| :- \.\.\.)?`", REFERENCE))
    tables = REFERENCE.partition("### Predicates of your own")[0]
    assert set(re.findall(r"^\| `(\w+)\(", tables, re.MULTILINE)) <= declared


def test_a_regimen_without_drugs_is_shown_like_any_other(tmp_path: Path) -> None:
    added = (
        'term(regimen, watch, "watchful waiting").\nwithout_drugs(watch).\n'
        "%* @statement L6 [1] sha256:000000000000\nWithout fever, watchful waiting is an alternative.\n*%\n"
        "indicated(watch, alternative) :- setting(treatment), not has(fever).\n"
    )
    (tmp_path / "guideline.lp").write_text((FOLDER / "guideline.lp").read_text("utf-8") + added, "utf-8")
    (tmp_path / "readings.lp").write_text((FOLDER / "readings.lp").read_text("utf-8"), "utf-8")
    answer = Guideline.load(tmp_path).answer({"id": "p1", "confirmed": True, "fever": False, "kidney_failure": True})
    assert [entry.regimen for entry in answer.recommended] == ["beracin", "watch"]
    assert "1. watchful waiting - alternative\n" in render(answer)
