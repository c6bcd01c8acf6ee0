"""What authors get wrong most often: each mistake is refused, or found by check, with its place and what to write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import ROOT

from reasoner import Guideline
from reasoner.cli import cli
from reasoner.verification.slips import slips

TEMPLATE = ROOT / "asp/template"
RULE = "contraindicated(calorin) :- is(kidney_function, reduced)."
TEXT = (TEMPLATE / "guideline.lp").read_text("utf-8")


UNFORMALISED = "@unformalised General advice, from which no choice between drugs follows.\n*%"


def line_of(words: str) -> int:
    return TEXT[: TEXT.index(words)].count("\n") + 1


def at(words: str, column: str = "") -> str:
    return f"own/guideline.lp:{line_of(words)}{column}:"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    shutil.copytree(TEMPLATE, tmp_path / "own")
    return tmp_path / "own"


def change(folder: Path, before: str, after: str) -> None:
    file = folder / "guideline.lp"
    text = file.read_text("utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), "utf-8")


def checked(folder: Path) -> Result:
    return CliRunner().invoke(cli, ["check", "--guideline", str(folder)])


REFUSED = {
    "a rule without its full stop": (
        RULE, RULE[:-1],
        f"{at(RULE)} no full stop ends the rule; write {RULE}",
    ),
    "a fact without its full stop": (
        "first_choice(standard).", "first_choice(standard)",
        f"{at('first_choice(standard)')} no full stop ends the rule; write first_choice(standard).",
    ),
    "typographic quotes": (
        '"How is the kidney function?"', "“How is the kidney function?”",
        f"{at('question(kidney_function', ':27')} U+201C LEFT DOUBLE QUOTATION MARK stands outside a text in quotes and "
        'outside a comment; write ".',
    ),
    "German quotes": (
        '"Is there a rash?"', "„Is there a rash?“",
        f"{at('question(rash', ':16')} U+201E DOUBLE LOW-9 QUOTATION MARK stands outside",
    ),
    "a comment that is not closed": (
        "Reduced kidney function is a contraindication to calorin.\n*%",
        "Reduced kidney function is a contraindication to calorin.",
        f"{at('%* @statement L6', ':1')} the comment that opens here with %* has no end; close it with *%",
    ),
    "or between conditions": (
        RULE, f"{RULE[:-1]} or has(rash).",
        f"{at(RULE, ':58')} or cannot stand here; write a rule of its own for each alternative.",
    ),
    "arithmetic before the conditions": (
        "score(dune_score, N) :- N = #sum", "score(dune_score, N+1) :- N = #sum",
        f"{at('score(dune_score, N) :- N')} score(dune_score,(N+1)): no arithmetic before :-; name the "
        "result in a condition, as in J = I+1.",
    ),
    "a rule under a statement that is not formalised": (
        UNFORMALISED, f"{UNFORMALISED}\n\ncontraindicated(dorevan) :- has(rash).",
        "L9 is marked @unformalised and has a rule; drop one or the other.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "message"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_that_is_certain_is_refused(before: str, after: str, message: str, own: Path) -> None:
    change(own, before, after)
    done = checked(own)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_semicolon_between_conditions_is_found_as_the_and_that_it_is(own: Path) -> None:
    change(own, RULE, "contraindicated(calorin) :-\n    is(kidney_function, reduced);\n    has(rash).")
    (found,) = slips(Guideline.load(own))
    assert (found.severity, found.statements, found.rules) == ("warning", ("L6",), ("L6.1",))
    assert found.places == (f"own/guideline.lp:{line_of(RULE) + 1}",)
    assert found.message == "L6.1 has a ; between conditions, which asks for both of them, as a comma does."
    assert found.repair == 'Write a comma where both are meant; for "or" write a rule of its own for each.'
    assert checked(own).exit_code == 1


def test_a_semicolon_within_brackets_is_none(own: Path) -> None:
    counted = "1 <= #count { 1 : has(rash); 2 : has(confusion) }"
    change(own, RULE, f"contraindicated(calorin) :- is(kidney_function, (reduced; failing)), {counted}.")
    assert list(slips(Guideline.load(own))) == []


def test_a_rule_that_ends_a_file_under_a_statement_of_something_else_is_found(own: Path) -> None:
    start = TEXT.index("%* @statement L9")
    change(own, TEXT[start:], "\ncontraindicated(dorevan) :- at_least(temperature, 39).\n")
    (found,) = slips(Guideline.load(own))
    assert (found.statements, found.places) == (("L8",), (f"own/guideline.lp:{line_of('%* @statement L9') + 1}",))
    assert found.message == "L8.2 ends its file and so falls under L8, though L8 mentions nothing that it names."
    assert "of its own above it" in found.repair


def test_a_rule_that_names_what_its_statement_mentions_is_none(own: Path) -> None:
    start = TEXT.index("%* @statement L9")
    change(own, TEXT[start:], "calls_for(weigh) :- setting(home), recommended(calorin), not known(weight_kg).\n")
    assert list(slips(Guideline.load(own))) == []


def test_a_file_that_nothing_includes_is_found(own: Path) -> None:
    (own / "more").mkdir()
    (own / "more/rules.lp").write_text("contraindicated(dorevan) :- has(rash).\n")
    (own / "local.lp").write_text(
        "%* @overlay local\nNo dorevan here.\n@why It is not on the list.\n*%\nunavailable_drug(dorevan).\n"
    )
    for layer in ("literal", "curated"):
        (found,) = slips(Guideline.load(own, layer))
        assert found.places == ("more/rules.lp:1",)
        assert (
            found.message
            == "more/rules.lp is in the guideline's folder, but nothing includes it: its rules count for nothing."
        )
        assert found.repair == 'Write #include "more/rules.lp". into guideline.lp, or move the file out of the folder.'
    change(own, "guideline(id, dune_fever).", '#include "more/rules.lp".\nguideline(id, dune_fever).')
    assert checked(own).stderr.startswith("Error: more/rules.lp:1: ")


@pytest.mark.parametrize("folder", [ROOT / "asp/her2_mbc", TEMPLATE, *sorted((ROOT / "tests/guidelines").iterdir())])
@pytest.mark.parametrize("layer", ["literal", "curated"])
def test_no_slip_is_found_where_there_is_none(folder: Path, layer: str) -> None:
    assert list(slips(Guideline.load(folder, layer))) == []
