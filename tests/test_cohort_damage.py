"""Cohorts whose files are damaged: rows are set aside with line and reason, tables that cannot be read are refused."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import unittest.mock
from pathlib import Path
from random import Random

import polars as pl
import pytest
from cohorts import ALONE, cohort, make_cohort, rejects_of, rows_of
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.cohort.csv_text import row_ends
from reasoner.errors import ReasonerError

GOOD = {"id": "good", "metastatic_therapy": []}


DAMAGED = [
    (json.dumps({**GOOD, "her2": "maybe"}), 'her2: "maybe" is not a value of her2'),
    (json.dumps({**GOOD, "hr2": "positive"}), "hr2: unknown key"),
    (json.dumps({"id": "x", "one_of": []}), "one_of: [] is not a list of sets of facts"),
    (json.dumps({"id": "x", "one_of": [{"hr": "positive"}]}), "one_of[0].label: missing"),
    (json.dumps({**GOOD, "one_of": [{"label": "a", "metastatic_therapy": []}]}), "a fact stands in one place"),
    (
        json.dumps({"id": "x", "metastatic": False, "one_of": [{"label": "a", "brain_metastases": True}]}),
        "contradicts itself",
    ),
    (json.dumps({"metastatic_therapy": []}), "id: missing"),
    (json.dumps({**GOOD, "id": ""}), "id: empty; every record has an id"),
    (json.dumps({**GOOD, "id": 7}), "id: 7 is not a text"),
    (json.dumps({**GOOD, "weight_kg": -1}), "weight_kg: -1 is out of range"),
    ('{"id": "x", "metastatic_therapy": [], "weight_kg": 1e999}', "weight_kg: Infinity is not finite"),
    ('{"id": "x", "metastatic_therapy": [], "weight_kg": 1' + "0" * 400 + "}", "weight_kg:"),
    (json.dumps({**GOOD, "metastatic": False, "brain_metastases": True}), "contradicts itself"),
    (json.dumps({**GOOD, "metastatic_therapy": [{"drugs": ["trastuzumba"], "outcome": "progression"}]}), "did you mean"),
    ('{"id": "x", "id": "y", "metastatic_therapy": []}', "the key stands twice"),
    ('{"id": "x", "metastatic_therapy": [}', "not JSON"),
    ("[" * 100_000, "nested too deeply"),
    ("[]", "a record is a JSON object"),
    ('{"id": "\\ud800", "metastatic_therapy": []}', "half a surrogate pair"),
    ('{"id": "x", "metastatic_therapy": [], "hr": "\xff"}', "not UTF-8"),
]


@pytest.mark.parametrize("content", ["", " \n\n"])
@pytest.mark.parametrize("name", ["in.ndjson", "in.csv"])
def test_a_file_with_nothing_in_it_is_refused(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    done = cohort(name, "-o", "out", cwd=tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{name}: empty; a cohort has one patient a line" in done.stderr


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_an_empty_cohort_is_answered_and_holds_nothing(name: str, tmp_path: Path) -> None:
    make_cohort(5, 1).head(0).write_parquet(tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_text("id,metastatic_therapy\n")
    done = cohort(name, "-o", "out", "--format", "json", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["answered"], found["rejects"], found["settings"], found["recommended"]) == (0, 0, {}, {})
    for arguments in (("explain", "out", "p1"), ("diff", "out", "out")):
        done = cohort(*arguments, cwd=tmp_path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "out: holds the answers to an empty cohort" in done.stderr


def test_damaged_rows_are_set_aside_each_with_its_line_and_reason(tmp_path: Path) -> None:
    lines = []
    for number, (line, _) in enumerate(DAMAGED):
        lines += [json.dumps({**GOOD, "id": f"good-{number}"}), line]
    (tmp_path / "in.ndjson").write_bytes("\n".join(lines).encode("latin-1"))
    done = cohort("in.ndjson", "-o", "out", "--rows", 7, *ALONE, cwd=tmp_path)
    assert done.exit_code == 1
    assert f"{len(DAMAGED)} rows were rejected: out/rejects.ndjson" in done.stderr
    rejects = rejects_of(tmp_path / "out")
    assert [reject["line"] for reject in rejects] == [2 * n + 2 for n in range(len(DAMAGED))]
    for reject, (_, reason) in zip(rejects, DAMAGED, strict=True):
        assert reason in reject["reason"]
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [f"good-{n}" for n in range(len(DAMAGED))]


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_no_depth_of_nesting_stops_a_run_and_none_of_its_rows_need_be_a_record(form: str, tmp_path: Path) -> None:
    histories = ['[{"drugs": ["trastuzumab"], "more": ' + "[" * n + "]" * n + "}]" for n in range(900, 1000)]
    if form == "ndjson":
        rows = [
            json.dumps({**GOOD, "id": f"{n}"}).replace('"metastatic_therapy": []', f'"metastatic_therapy": {history}')
            for n, history in enumerate(histories)
        ]
        (tmp_path / "in.ndjson").write_text("\n".join(rows))
    else:
        ids = [f"{n}" for n in range(len(histories))]
        pl.DataFrame({"id": ids, "metastatic_therapy": histories}).write_parquet(tmp_path / "in.parquet")
    done = cohort(f"in.{form}", "-o", "out", cwd=tmp_path)
    assert done.exit_code == 1, done.stderr
    rejects = rejects_of(tmp_path / "out")
    assert len(rejects) == len(histories)
    assert {reject["reason"][:15] for reject in rejects} == {"metastatic_ther", "nested too deep"}
    assert json.loads((tmp_path / "out/summary.json").read_text())["answered"] == 0


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(st.text('ab,"\n'), min_size=2, max_size=3), max_size=6), st.integers(1, 9), st.randoms())
def test_rows_end_where_a_reader_of_csv_ends_them(table: list[list[str]], block: int, chance: Random) -> None:
    """Blocks of any size give the rows of a strict reader; text that is spoilt is refused, or read as the reader does."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(table)
    text = written.getvalue()
    spoilt = "".join(c for c in text if chance.random() > 0.1)
    for content, whole in ((text, True), (spoilt, False)):
        with unittest.mock.patch("reasoner.cohort.csv_text.BLOCK", block):
            try:
                found = list(row_ends(io.BytesIO(content.encode()), Path("in.csv")))
            except ReasonerError:
                assert not whole
                continue
        starts = itertools.accumulate((length for length, _ in found), initial=0)
        cuts = [int(start + end) + 1 for start, (_, ends) in zip(starts, found, strict=False) for end in ends]
        rows = [content[a:b] for a, b in itertools.pairwise([0, *cuts, len(content)]) if content[a:b]]
        with contextlib.suppress(csv.Error):
            read = list(csv.reader(io.StringIO(content, newline=""), strict=True))
            assert [list(csv.reader([row], strict=True)) for row in rows] == [[cells] for cells in read]


def test_quotes_that_stand_around_no_whole_cell_are_refused_with_their_line(tmp_path: Path) -> None:
    rows = [f"p{n},positive,[]\n" for n in range(20)]
    for name, spoilt, message in (
        ("open", {4: 'p4,"positive,[]\n'}, "line 6: a quoted cell begins here and is never closed"),
        ("amid", {4: 'p4,posi"tive,[]\n'}, "line 6: a quote inside an unquoted cell"),
        ("after", {4: 'p4,"posi"tive,[]\n'}, "line 6: text after the closing quote of the cell that begins in line 6"),
        ("later", {4: 'p4,"positive,[]\n', 9: 'p9,"positive",[]\n'}, "line 11: text after the closing quote of the cell"),
        ("cut", {19: 'p19,positive,"[]'}, "line 21: a quoted cell begins here and is never closed"),
    ):  # fmt: skip
        (tmp_path / f"{name}.csv").write_text(
            "id,hr,metastatic_therapy\n" + "".join({**dict(enumerate(rows)), **spoilt}.values())
        )
        done = cohort(f"{name}.csv", "-o", "never", cwd=tmp_path)
        assert (done.exit_code, done.stdout) == (2, ""), name
        assert f"{name}.csv: {message}" in done.stderr
        (tmp_path / "in.csv").write_text("id\np1\n")
        courses = (tmp_path / f"{name}.csv").read_text().replace("id,hr,metastatic_therapy", "id,outcome,drugs")
        (tmp_path / "courses.csv").write_text(courses)
        done = cohort("in.csv", "-o", "never", "--courses", "courses.csv", cwd=tmp_path)
        assert (done.exit_code, f"courses.csv: {message}" in done.stderr) == (2, True), name
        assert not (tmp_path / "never").exists()


def test_damaged_tables_are_refused_or_their_rows_set_aside(tmp_path: Path) -> None:
    frame = make_cohort(5, 30)
    damaged = frame.with_columns(
        her2=pl.when(pl.int_range(30) == 3).then(pl.lit("maybe")).otherwise("her2"),
        weight_kg=pl.when(pl.int_range(30) == 4).then(float("nan")).otherwise("weight_kg"),
        metastatic_therapy=pl.when(pl.int_range(30) == 5).then(pl.lit("{")).otherwise("metastatic_therapy"),
        months_to_recurrence=pl.when(pl.int_range(30) == 6).then(-3.0).otherwise(None),
        id=pl.when(pl.int_range(30) == 7).then(None).otherwise("id"),
        adjuvant_drugs=pl.when(pl.int_range(30) == 8)
        .then(pl.lit([None], dtype=pl.List(pl.String)))
        .otherwise("adjuvant_drugs"),
    )
    damaged.write_parquet(tmp_path / "in.parquet")
    done = cohort("in.parquet", "-o", "out", cwd=tmp_path)
    assert done.exit_code == 1, done.stderr
    rejects = rejects_of(tmp_path / "out")
    assert [reject["line"] for reject in rejects] == [4, 5, 6, 7, 8, 9]
    (tmp_path / "in.csv").write_text("id,metastatic_therapy,hr\na,[],positive\nb,[]\nc,[],1\n,[],\nd,[],\n")
    done = cohort("in.csv", "-o", "rows", cwd=tmp_path)
    rejects = rejects_of(tmp_path / "rows")
    assert [(reject["line"], reject["reason"][:18]) for reject in rejects] == [
        (3, "2 cells, but the h"), (4, 'hr: "1" is not a v'), (5, "id: missing; every"),
    ]  # fmt: skip
    (tmp_path / "numbers.csv").write_text(
        "id,metastatic_therapy,weight_kg\na,[],7_0\nb,[],\uff17\uff10\nc,[],0x46\nd,[], 070.50\n"
    )
    assert cohort("numbers.csv", "-o", "numbers", cwd=tmp_path).exit_code == 1
    assert [reject["line"] for reject in rejects_of(tmp_path / "numbers")] == [2, 3, 4]
    done = cohort("explain", "rows", "c", cwd=tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f'c was rejected: {tmp_path / "in.csv"}, line 4: hr: "1" is not a value of hr' in done.stderr
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    frame.rename({"hr": "hrr"}).write_parquet(tmp_path / "unknown.parquet")
    frame.with_columns(hr=pl.lit(1)).write_parquet(tmp_path / "kinds.parquet")
    (tmp_path / "twice.csv").write_text("id,hr,hr,metastatic_therapy\n")
    (tmp_path / "in.txt").write_text("")
    for name, message in (
        ("broken.parquet", "broken.parquet: cannot be read as Parquet"),
        ("unknown.parquet", 'column hrr: unknown (did you mean "hr"?)'),
        ("kinds.parquet", "column hr: Int32 cannot hold it; allowed: text"),
        ("twice.csv", "column hr: it is there twice"),
        ("in.txt", '".txt" is not a format of cohorts'),
        ("none.csv", "none.csv: no such file"),
        (".", "cannot be read as Parquet"),
    ):
        done = cohort(name, "-o", "never", cwd=tmp_path)
        assert (done.exit_code, done.stdout) == (2, ""), name
        assert message in done.stderr
        assert not (tmp_path / "never").exists()
    (tmp_path / "above/sub").mkdir(parents=True)
    frame.write_parquet(tmp_path / "above/in.parquet")
    frame.write_parquet(tmp_path / "above/sub/in.parquet")
    done = cohort("above", "-o", "never", cwd=tmp_path)
    assert (done.exit_code, "sub/in.parquet is in a subfolder" in done.stderr) == (2, True)


def test_courses_without_a_patient_and_damaged_ones_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("id,hr\na,positive\nb,\nc,\nd,\ne\n")
    (tmp_path / "courses.csv").write_text(
        "id,drugs,outcome,taxane_cycles\n"
        "a,trastuzumab;docetaxel,progression,6\n"
        "b,trastuzumba,progression,\n"
        "x,trastuzumab,progression,\n"
        "c,trastuzumab,ongoing,\n"
        '"c","trastuzumab\n",progression\n'
        "trastuzumab\n"
        ",trastuzumab,progression,\n"
        "a,trastuzumab,ongoing,\n"
    )
    options = ("--courses", "courses.csv", "--rows", 2, *ALONE)
    done = cohort("patients.csv", "-o", "out", *options, cwd=tmp_path)
    assert done.exit_code == 1, done.stderr
    assert "6 rows were rejected: out/rejects.ndjson" in done.stderr
    assert [row["id"] for row in rows_of(tmp_path / "out")] == ["a", "d"]
    rejects = rejects_of(tmp_path / "out")
    courses = str(tmp_path / "courses.csv")
    found = [(Path(reject["file"]).name, reject["line"], reject["id"]) for reject in rejects]
    assert found == [
        ("patients.csv", 3, "b"), ("patients.csv", 4, "c"), ("patients.csv", 6, None),
        ("courses.csv", 4, "x"), ("courses.csv", 8, "trastuzumab"), ("courses.csv", 9, None),
    ]  # fmt: skip
    assert rejects[0]["reason"].startswith(f'{courses}, line 3: drugs[0]: "trastuzumba" is not a drug of the catalogue')
    assert rejects[1]["reason"] == f"{courses}, line 6: 3 cells, but the header has 4"
    assert rejects[3]["reason"] == "id: no patient has this id"
    assert json.loads((tmp_path / "out/summary.json").read_text())["rejects"] == 6
    (tmp_path / "outcomes.csv").write_text("id,drugs,outcomes\n")
    (tmp_path / "drugs.csv").write_text("id,outcome\n")
    (tmp_path / "told.csv").write_text("id,metastatic_therapy\na,[]\nd,[\n")
    (tmp_path / "in.ndjson").write_text(json.dumps(GOOD))
    for source, name, message in (
        ("patients.csv", "outcomes.csv", 'outcomes.csv: column outcomes: unknown (did you mean "outcome"?)'),
        ("patients.csv", "drugs.csv", "drugs.csv: column drugs: missing; every course has it"),
        ("patients.csv", "none.csv", "none.csv: no such file"),
        ("in.ndjson", "courses.csv", "in.ndjson: these records hold their courses; --courses goes with .csv and .parquet"),
    ):
        done = cohort(source, "-o", "never", "--courses", name, cwd=tmp_path)
        assert (done.exit_code, done.stdout) == (2, ""), name
        assert message in done.stderr
        assert not (tmp_path / "never").exists()
    done = cohort("told.csv", "-o", "told", *options, cwd=tmp_path)
    reasons = [reject["reason"] for reject in rejects_of(tmp_path / "told")[:2]]
    assert reasons[0] == f"metastatic_therapy: {courses} holds courses of this patient too; keep them in one place"
    assert reasons[1] == 'metastatic_therapy: "[" is not a list, one entry for each course'


def test_a_patient_for_whom_the_rules_contradict_each_other_is_rejected_and_ends_no_run(tmp_path: Path) -> None:
    text = (ROOT / "tests/guidelines/hill_ague/guideline.lp").read_text("utf-8")
    text += 'predicate(odd, derived, "oddity").\n%* @statement L9 [1] sha256:000000000000\nOdd.\n*%\n'
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/guideline.lp").write_text(text + "odd :- has(fever), has(kidney_failure), not odd.\n")
    rows = [{"id": str(n), "confirmed": True, "fever": bool(n % 2), "kidney_failure": n > 1} for n in range(4)]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cohort("in.ndjson", "-o", "out", "--guideline", "odd", cwd=tmp_path)
    assert done.exit_code == 1, done.stderr
    (reject,) = rejects_of(tmp_path / "out")
    assert (reject["id"], reject["line"]) == ("3", 4)
    assert "the guideline's rules contradict each other for this record" in reject["reason"]
