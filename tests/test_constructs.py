"""The constructs of clingo in the table of asp/README.md: each example is answered as by clingo, or refused as it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import ROOT
from expected import expected_answer, given_answer, without
from plain import PlainClingo

from reasoner import Guideline, GuidelineError
from reasoner.records.record import parse_record
from reasoner.records.shapes import to_plain

HILL_AGUE = ROOT / "tests/guidelines/hill_ague"
FACTS = ("confirmed", "fever", "kidney_failure")
RECORDS = [
    {"id": "p1"} | {fact: value for fact, value in zip(FACTS, values, strict=True) if value is not None}
    for values in product((True, None), (True, False, None), (True, False, None))
]


class Row(NamedTuple):
    """A row of the table: its example as a guideline has it, whether that is supported, and what is said of it."""

    example: str
    kind: str
    note: str


def rows() -> dict[str, Row]:
    section = (ROOT / "asp/README.md").read_text("utf-8").partition("\n### Constructs of clingo's language\n")[2]
    table = re.findall(r"^\| (.*) \|$", section.partition("\n### ")[0], re.MULTILINE)[1:]
    cells = [re.split(r"(?<!\\) \| ", line) for line in table]
    return {name: Row(example.strip("`").replace("\\|", "|"), kind, note.strip()) for name, example, kind, note in cells}


ROWS = rows()


def write(folder: Path, added: str) -> int:
    """Write the tutorial's guideline with an example under a statement of its own, and give the line of the example."""
    text = (HILL_AGUE / "guideline.lp").read_text("utf-8") + "%* @statement L9 [1] sha256:000000000000\nAn example.\n*%\n"
    (folder / "guideline.lp").write_text(f"{text}{added}\n", "utf-8")
    (folder / "readings.lp").write_text((HILL_AGUE / "readings.lp").read_text("utf-8"), "utf-8")
    return text.count("\n") + 1


def assert_answered_as_by_clingo(folder: Path, records: Sequence[dict[str, Any]]) -> None:
    guideline = Guideline.load(folder)
    plain = PlainClingo(guideline)
    for data in records:
        record = parse_record(data, guideline.model)
        answer = guideline.answer(record)
        completions = without(plain.solve(record.facts), answer.derivation.completions.worlds.unread)
        assert given_answer(to_plain(answer)) == expected_answer(completions, guideline.model, record.labels), data


def test_every_row_says_whether_its_construct_is_supported() -> None:
    assert {row.kind for row in ROWS.values()} == {"supported", "refused"}
    assert all(row.note for row in ROWS.values() if row.kind == "refused")


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.kind == "supported"])
def test_what_is_supported_means_what_it_means_to_clingo(name: str, own_cache: None, tmp_path: Path) -> None:
    write(tmp_path, ROWS[name].example)
    assert_answered_as_by_clingo(tmp_path, RECORDS)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.kind == "refused"])
def test_what_is_refused_is_answered_with_its_line_and_what_to_write(name: str, tmp_path: Path) -> None:
    line = write(tmp_path, ROWS[name].example)
    with pytest.raises(GuidelineError) as caught:
        Guideline.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path.name}/guideline.lp:{line}:")
    assert ROWS[name].note.replace("`", "") in str(caught.value)


def test_the_members_of_a_list_are_terms_of_any_kind(own_cache: None, tmp_path: Path) -> None:
    write(
        tmp_path,
        'term(class, salts, "salts"). class_of(amolin, salts). fact(4, allergies, list). members(allergies, class). '
        "open_member(allergies, salts). "
        "contraindicated(beracin) :- includes(allergies, salts), not lists(allergies, salts). "
        "contraindicated(amolin) :- includes(allergies, C), class_of(amolin, C).",
    )
    told = {"confirmed": True, "fever": True, "kidney_failure": False}
    records = [{"id": "p1", **told, **own} for own in ({}, {"allergies": []}, {"allergies": ["salts"]}, {"allergies": None})]
    assert_answered_as_by_clingo(tmp_path, records)
