"""Cohorts: the same answers as one by one, from every format, whatever happens to the machine in between."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest.mock
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from bundles import AFTER_SECOND_LINE, METASTASES, NEGATIVE, bundle, observation, stated
from cohorts import make_cohort
from hypothesis import given, settings
from hypothesis import strategies as st
from records import random_record

from reasoner import Guideline, RecordError
from reasoner.cohort.csv_text import row_ends
from reasoner.errors import ReasonerError

ROWS = 400
GUIDELINES = Path(__file__).parent / "guidelines"
FEVER = GUIDELINES / "marsh_fever"
WAY_BACK = {"explanation", "record", "remarks"}


def cohort(*arguments: object, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reasoner", "cohort", *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, env=environment, check=False,
    )  # fmt: skip


def record_of(row: dict[str, Any]) -> dict[str, Any]:
    """Write a row of a generated cohort as a record."""
    found = {key: value for key, value in row.items() if value is not None}
    return {**found, "metastatic_therapy": json.loads(found["metastatic_therapy"])}


def essence(guideline: Guideline, record: dict[str, Any]) -> dict[str, Any]:
    """Answer a record alone, and give what a cohort's row has of it."""
    answer = guideline.answer(record)
    return {
        "id": answer.patient,
        "setting": answer.setting,
        "recommended": [{"regimen": e.regimen, "rank": e.rank, "certainty": e.certainty} for e in answer.recommended],
        "excluded": [{"regimen": e.regimen, "certainty": e.certainty} for e in answer.excluded],
        "actions": [{"action": e.action, "certainty": e.certainty} for e in answer.actions],
        "missing": [m.fact if m.member is None else f"{m.fact}[{m.member}]" for m in answer.missing],
    }


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Read the answers of a folder, without the way back."""
    frame = pl.concat([pl.read_parquet(path) for path in sorted((folder / "answers").iterdir())])
    return [{key: value for key, value in row.items() if key not in WAY_BACK} for row in frame.to_dicts()]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def records(curated: Guideline) -> list[dict[str, Any]]:
    """Records as registries have them, and random ones of every kind that can be answered."""
    made = [record_of(row) for row in make_cohort(1, ROWS, unknown=0.15).to_dicts()]
    rng = random.Random(3)
    for _ in range(2 * ROWS):
        record = random_record(rng, curated, rng.choice([0.0, 0.1, 0.3]))
        try:
            curated.record(record)
        except RecordError:
            continue
        made.append({**record, "id": f"r{len(made)}"})
    return made


@pytest.fixture(scope="module")
def folder(records: list[dict[str, Any]], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on these records."""
    found = tmp_path_factory.mktemp("cohort")
    (found / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    done = cohort("in.ndjson", "-o", "out", "--rows", 300, environment=environment, cwd=found)
    assert (done.returncode, "answered" in done.stdout) == (0, True), done.stderr
    return found


def test_a_cohort_is_answered_as_its_records_one_by_one(
    folder: Path, records: list[dict[str, Any]], curated: Guideline
) -> None:
    expected = [essence(curated, record) for record in records]
    assert rows_of(folder / "out") == expected
    summary = json.loads((folder / "out/summary.json").read_text())
    assert summary["answered"] == len(records)
    for setting in {row["setting"] for row in expected}:
        assert summary["settings"][setting] == sum(row["setting"] == setting for row in expected)
    page = (folder / "out/summary.html").read_text()
    assert "<script" not in page
    assert str(len(records)) in page


def test_every_answer_can_be_explained_with_the_bytes_that_recommend_gives(
    folder: Path, records: list[dict[str, Any]], environment: dict[str, str], curated: Guideline
) -> None:
    from reasoner.cohort.explain import explain

    for record in records[::9]:
        (found,) = explain(folder / "out", record["id"])
        assert json.dumps(found.to_dict()) == json.dumps(curated.answer(record).to_dict())
    for form in ("text", "json"):
        (folder / "one.json").write_text(json.dumps(records[7]))
        alone = [sys.executable, "-m", "reasoner", "recommend", "one.json", "--format", form]
        expected = subprocess.run(alone, capture_output=True, text=True, cwd=folder, env=environment, check=True).stdout
        done = cohort("explain", "out", records[7]["id"], "--format", form, environment=environment, cwd=folder)
        assert (done.stdout, done.stderr) == (expected, "")


def test_fhir_bundles_are_answered_as_by_recommend(environment: dict[str, str], tmp_path: Path) -> None:
    open_end = bundle(METASTASES, stated("x", "tucatinib", "2020-02-01", "2020-04-01", "stopped"))
    doubtful = bundle(
        *(entry["resource"] for entry in AFTER_SECOND_LINE["entry"][1:]),
        observation("other", "loinc:85318-4", "2020-01-12", valueCodeableConcept=NEGATIVE),
    )
    named = [
        json.loads(json.dumps(data).replace('"id": "p"', f'"id": "p{n}"').replace("Patient/p", f"Patient/p{n}"))
        for n, data in enumerate([AFTER_SECOND_LINE, open_end, doubtful])
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(data) + "\n" for data in named))
    assert cohort("in.ndjson", "-o", "out", environment=environment, cwd=tmp_path).returncode == 1
    (reject,) = (json.loads(line) for line in (tmp_path / "out" / "rejects.ndjson").read_text().splitlines())
    assert reject["line"] == 2
    assert "nothing tells how the course ended" in reject["reason"]
    for number in (0, 2):
        (tmp_path / "one.json").write_text(json.dumps(named[number]))
        alone = subprocess.run(
            [sys.executable, "-m", "reasoner", "recommend", "one.json", "--format", "json"],
            cwd=tmp_path, env=environment, capture_output=True, check=True,
        )  # fmt: skip
        done = cohort("explain", "out", f"p{number}", "--format", "json", environment=environment, cwd=tmp_path)
        assert done.stdout.encode() == alone.stdout
    assert "contradicts itself" in done.stdout


def test_an_explanation_holds_the_rules_that_fire_and_what_they_rest_on(
    folder: Path, records: list[dict[str, Any]], environment: dict[str, str], curated: Guideline
) -> None:
    explained = pl.concat([pl.read_parquet(path) for path in sorted((folder / "out/explanations").iterdir())])
    assert explained["explanation"].is_unique().all()
    answers = pl.concat([pl.read_parquet(path) for path in sorted((folder / "out/answers").iterdir())])
    known = {row["explanation"]: row for row in explained.to_dicts()}
    assert set(answers["explanation"]) == set(known)
    for record, name in list(zip(records, answers["explanation"], strict=True))[::5]:
        derivation = curated.answer(record).derivation
        fired = {derivation.program.rules[n].rule for n, truth in enumerate(derivation.fired) if truth}
        rules = [rule for n, rule in enumerate(curated.model.rules) if n in fired]
        annotations = {rule.annotation for rule in rules}
        row = known[name]
        assert row["rules"] == [rule.id for rule in rules]
        for kind in ("statement", "reading", "overlay"):
            assert set(row[f"{kind}s"]) == {b for b in annotations if b and curated.model.annotations[b].kind == kind}
        assert set(row["trials"]) == {trial for b in annotations if b for trial in curated.model.annotations[b].trials}
    assert len({tuple(row["rules"]) for row in known.values()}) == len(known)
    name = answers["explanation"][0]
    for form in ("json", "text"):
        done = cohort("explain", "out", name, "--format", form, environment=environment, cwd=folder)
        assert done.returncode == 0, done.stderr
        if form == "json":
            found = json.loads(done.stdout)
            assert {kind: found[kind] for kind in known[name]} == known[name]
            assert found["patients"] == answers["explanation"].to_list().count(name)
        else:
            words = " ".join(done.stdout.split())
            assert all(rule in words for rule in known[name]["rules"])
            assert all(f"{b}: {curated.model.annotations[b].text[:20]}" in words for b in known[name]["statements"])


def written(form: str, folder: Path) -> Path:
    """Write one generated cohort in a format."""
    frame = make_cohort(5, 120)
    path = folder / f"in.{form.rpartition(' ')[2]}"
    if form == "parquet":
        frame.write_parquet(path)
    elif form == "structs as parquet":
        courses = pl.Series("metastatic_therapy", [json.loads(text) for text in frame["metastatic_therapy"]], strict=False)
        frame.with_columns(courses).write_parquet(path)
    elif form == "folder of parquet":
        path = folder / "parts"
        path.mkdir()
        frame[:50].write_parquet(path / "a.parquet")
        frame[50:].write_parquet(path / "b.parquet")
    elif form == "ndjson":
        path.write_text("\n".join(json.dumps(record_of(row)) for row in frame.to_dicts()))
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, frame.columns)
        writer.writeheader()
        for row in frame.to_dicts():
            cells = {key: str(value).lower() if isinstance(value, bool) else value for key, value in row.items()}
            drugs = row["adjuvant_drugs"]
            writer.writerow({**cells, "adjuvant_drugs": "[]" if drugs == [] else ";".join(drugs or [])})
        path.write_text(text.getvalue())
    return path


def courses_apart(folder: Path, frame: pl.DataFrame, seed: int) -> list[str]:
    """Write a cohort and its courses as two files of CSV; the patients of the second stand in another order."""
    courses = [
        {"id": row["id"], **course, "drugs": ";".join(course["drugs"])}
        for row in frame.to_dicts()
        for course in json.loads(row["metastatic_therapy"])
    ]
    ids = list({course["id"]: None for course in courses})
    random.Random(seed).shuffle(ids)
    written = ""
    for turn in range(3):  # the first courses of all patients, then the second ones, then the rest
        turns = {name: [c for c in courses if c["id"] == name] for name in ids}
        chosen = [c for own in turns.values() for c in (own[turn : turn + 1] if turn < 2 else own[2:])]
        written += pl.DataFrame(chosen, schema=COURSE).write_csv(include_header=turn == 0)
    (folder / "courses.csv").write_text(written)
    frame.drop("metastatic_therapy", "adjuvant_drugs").write_csv(folder / "patients.csv")
    return ["patients.csv", "--courses", "courses.csv"]


COURSE = {
    "drugs": pl.String,
    "outcome": pl.String,
    "id": pl.String,
    "taxane_cycles": pl.Int64,
    "chemotherapy_months": pl.Float64,
    "maximal_response": pl.Boolean,
    "chemotherapy_toxicity": pl.Boolean,
    "chemotherapy_stopped": pl.Boolean,
}


def test_courses_can_stand_in_a_second_file_in_any_order_of_patients(
    environment: dict[str, str], tmp_path: Path, curated: Guideline
) -> None:
    frame = make_cohort(6, 150)
    files = courses_apart(tmp_path, frame, 2)
    done = cohort(*files, "-o", "out", "--rows", 40, environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = [record_of(row) for row in frame.drop("adjuvant_drugs").to_dicts()]
    assert rows_of(tmp_path / "out") == [essence(curated, record) for record in expected]
    assert sum(len(record["metastatic_therapy"]) > 1 for record in expected) > 20
    before = files_of(tmp_path / "out")
    done = cohort(*files, "-o", "out", "--rows", 40, "--resume", environment=environment, cwd=tmp_path)
    assert (done.returncode, files_of(tmp_path / "out")) == (0, before), done.stderr
    (tmp_path / "courses.csv").write_text((tmp_path / "courses.csv").read_text() + "trastuzumab,progression,x,,,,,\n")
    done = cohort(*files, "-o", "out", "--rows", 40, "--resume", environment=environment, cwd=tmp_path)
    assert (done.returncode, "differs in the input (its path, size or time of change)" in done.stderr) == (2, True)


def test_courses_of_nobody_and_damaged_ones_are_set_aside(environment: dict[str, str], tmp_path: Path) -> None:
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
    options = ("--courses", "courses.csv", "--rows", 2)
    done = cohort("patients.csv", "-o", "out", *options, environment=environment, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "6 rows are no records: out/rejects.ndjson" in done.stderr
    assert [row["id"] for row in rows_of(tmp_path / "out")] == ["a", "d"]
    rejects = [json.loads(line) for line in (tmp_path / "out/rejects.ndjson").read_text().splitlines()]
    courses = str(tmp_path / "courses.csv")
    found = [(Path(reject["file"]).name, reject["line"], reject["id"]) for reject in rejects]
    assert found == [
        ("patients.csv", 3, "b"), ("patients.csv", 4, "c"), ("patients.csv", 6, None),
        ("courses.csv", 4, "x"), ("courses.csv", 8, "trastuzumab"), ("courses.csv", 9, None),
    ]  # fmt: skip
    assert rejects[0]["reason"].startswith(f'{courses}, line 3: drugs[0]: "trastuzumba" is no drug of the catalogue')
    assert rejects[1]["reason"] == f"{courses}, line 6: 3 cells, and the header has 4"
    assert rejects[3]["reason"] == "no patient has this id"
    assert json.loads((tmp_path / "out/summary.json").read_text())["rejects"] == 6
    (tmp_path / "outcomes.csv").write_text("id,drugs,outcomes\n")
    (tmp_path / "drugs.csv").write_text("id,drugs\n")
    (tmp_path / "told.csv").write_text("id,metastatic_therapy\n")
    (tmp_path / "in.ndjson").write_text(json.dumps(GOOD))
    for source, name, message in (
        ("patients.csv", "outcomes.csv", 'outcomes.csv: column outcomes: unknown; did you mean "outcome"?'),
        ("patients.csv", "drugs.csv", "drugs.csv: column outcome: missing; every course has it"),
        ("patients.csv", "none.csv", "none.csv: no such file"),
        ("told.csv", "courses.csv", "told.csv: column metastatic_therapy: here, and in --courses, too; leave one out"),
        ("in.ndjson", "courses.csv", "in.ndjson: its records hold their courses; --courses goes with .csv and .parquet"),
    ):
        done = cohort(source, "-o", "never", "--courses", name, environment=environment, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), name
        assert message in done.stderr
        assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("form", ["parquet", "structs as parquet", "folder of parquet", "csv", "ndjson"])
def test_every_format_gives_the_same_answers(
    form: str, environment: dict[str, str], tmp_path: Path, curated: Guideline
) -> None:
    path = written(form, tmp_path)
    done = cohort(path, "-o", "out", "--rows", 40, "--workers", 1, environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "out") == [essence(curated, record_of(row)) for row in make_cohort(5, 120).to_dicts()]


def test_ndjson_out_holds_the_same_as_parquet(
    folder: Path, environment: dict[str, str], records: list[dict[str, Any]]
) -> None:
    done = cohort("in.ndjson", "-o", "lines", "--to", "ndjson", "--workers", 1, environment=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (folder / "lines/answers/part-00000.ndjson").read_text().splitlines()]
    kept = [{key: value for key, value in row.items() if key not in WAY_BACK} for row in lines]
    assert kept == rows_of(folder / "out")
    done = cohort("explain", "lines", records[3]["id"], environment=environment, cwd=folder)
    assert done.stdout == cohort("explain", "out", records[3]["id"], environment=environment, cwd=folder).stdout


GOOD = {"id": "good", "metastatic_therapy": []}
DAMAGED = [
    (json.dumps({**GOOD, "her2": "maybe"}), 'her2: "maybe" is no value of her2'),
    (json.dumps({**GOOD, "hr2": "positive"}), "hr2: unknown key"),
    (json.dumps({"id": "x"}), "metastatic_therapy: missing"),
    (json.dumps({"metastatic_therapy": []}), "id: missing"),
    (json.dumps({**GOOD, "id": 7}), "id: 7 is no text"),
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


@pytest.mark.parametrize("name", ["in.ndjson", "in.csv", "in.parquet"])
def test_an_empty_cohort_is_answered_and_holds_nothing(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    make_cohort(5, 1).head(0).write_parquet(tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_text("id,metastatic_therapy\n")
    (tmp_path / "in.ndjson").write_text("")
    done = cohort(name, "-o", "out", "--format", "json", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["answered"], found["rejects"], found["settings"], found["recommended"]) == (0, 0, {}, {})
    for arguments in (("explain", "out", "p1"), ("diff", "out", "out")):
        done = cohort(*arguments, environment=environment, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "out: holds the answers of an empty cohort" in done.stderr


def test_damaged_rows_are_set_aside_each_with_its_line_and_reason(environment: dict[str, str], tmp_path: Path) -> None:
    lines = []
    for number, (line, _) in enumerate(DAMAGED):
        lines += [json.dumps({**GOOD, "id": f"good-{number}"}), line]
    (tmp_path / "in.ndjson").write_bytes("\n".join(lines).encode("latin-1"))
    done = cohort("in.ndjson", "-o", "out", "--rows", 7, environment=environment, cwd=tmp_path)
    assert done.returncode == 1
    assert f"{len(DAMAGED)} rows are no records: out/rejects.ndjson" in done.stderr
    assert "Traceback" not in done.stderr
    rejects = [json.loads(line) for line in (tmp_path / "out/rejects.ndjson").read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == [2 * n + 2 for n in range(len(DAMAGED))]
    for reject, (_, reason) in zip(rejects, DAMAGED, strict=True):
        assert reason in reject["reason"]
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [f"good-{n}" for n in range(len(DAMAGED))]


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_no_depth_of_nesting_stops_a_run_and_none_of_its_rows_need_be_a_record(
    form: str, environment: dict[str, str], tmp_path: Path
) -> None:
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
    done = cohort(f"in.{form}", "-o", "out", environment=environment, cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    rejects = [json.loads(line) for line in (tmp_path / "out/rejects.ndjson").read_text().splitlines()]
    assert len(rejects) == len(histories)
    assert {reject["reason"][:15] for reject in rejects} == {"metastatic_ther", "nested too deep"}
    assert json.loads((tmp_path / "out/summary.json").read_text())["answered"] == 0


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(st.text('ab,"\n'), min_size=2, max_size=3), max_size=6), st.integers(1, 9), st.randoms())
def test_rows_end_where_a_reader_of_csv_ends_them(table: list[list[str]], annotation: int, chance: Random) -> None:
    """Blocks of any size give the rows of a strict reader; text that is spoilt is refused, or read as the reader does."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(table)
    text = written.getvalue()
    spoilt = "".join(c for c in text if chance.random() > 0.1)
    for content, whole in ((text, True), (spoilt, False)):
        with unittest.mock.patch("reasoner.cohort.csv_text.BLOCK", annotation):
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


def test_quotes_that_stand_around_no_whole_cell_are_refused_with_their_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    rows = [f"p{n},positive,[]\n" for n in range(20)]
    for name, spoilt, message in (
        ("open", {4: 'p4,"positive,[]\n'}, "line 6: a quote begins a cell, and none ends it"),
        ("amid", {4: 'p4,posi"tive,[]\n'}, "line 6: a quote amid a cell"),
        ("after", {4: 'p4,"posi"tive,[]\n'}, "line 6: text follows the quote that ends the cell begun in line 6"),
        ("later", {4: 'p4,"positive,[]\n', 9: 'p9,"positive",[]\n'}, "line 11: text follows the quote that ends the cell"),
        ("cut", {19: 'p19,positive,"[]'}, "line 21: a quote begins a cell, and none ends it"),
    ):  # fmt: skip
        (tmp_path / f"{name}.csv").write_text(
            "id,hr,metastatic_therapy\n" + "".join({**dict(enumerate(rows)), **spoilt}.values())
        )
        done = cohort(f"{name}.csv", "-o", "never", environment=environment, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), name
        assert f"{name}.csv: {message}" in done.stderr
        (tmp_path / "in.csv").write_text("id\np1\n")
        courses = (tmp_path / f"{name}.csv").read_text().replace("id,hr,metastatic_therapy", "id,outcome,drugs")
        (tmp_path / "courses.csv").write_text(courses)
        done = cohort("in.csv", "-o", "never", "--courses", "courses.csv", environment=environment, cwd=tmp_path)
        assert (done.returncode, f"courses.csv: {message}" in done.stderr) == (2, True), name
        assert not (tmp_path / "never").exists()


def test_damaged_tables_are_refused_or_their_rows_set_aside(environment: dict[str, str], tmp_path: Path) -> None:
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
    done = cohort("in.parquet", "-o", "out", environment=environment, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    rejects = [json.loads(line) for line in (tmp_path / "out/rejects.ndjson").read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == [4, 5, 6, 7, 8, 9]
    (tmp_path / "in.csv").write_text("id,metastatic_therapy,hr\na,[],positive\nb,[]\nc,[],1\n,[],\nd,[],\n")
    done = cohort("in.csv", "-o", "rows", environment=environment, cwd=tmp_path)
    rejects = [json.loads(line) for line in (tmp_path / "rows/rejects.ndjson").read_text().splitlines()]
    assert [(reject["line"], reject["reason"][:18]) for reject in rejects] == [
        (3, "2 cells, and the h"), (4, 'hr: "1" is no valu'), (5, "id: missing; every"),
    ]  # fmt: skip
    done = cohort("explain", "rows", "c", environment=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f'c was rejected: {tmp_path / "in.csv"}, line 4: hr: "1" is no value of hr' in done.stderr
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    frame.rename({"hr": "hrr"}).write_parquet(tmp_path / "unknown.parquet")
    frame.drop("metastatic_therapy").write_parquet(tmp_path / "untreated.parquet")
    frame.with_columns(hr=pl.lit(1)).write_parquet(tmp_path / "kinds.parquet")
    (tmp_path / "twice.csv").write_text("id,hr,hr,metastatic_therapy\n")
    (tmp_path / "in.txt").write_text("")
    for name, message in (
        ("broken.parquet", "broken.parquet: cannot be read as Parquet"),
        ("unknown.parquet", 'column hrr: unknown; did you mean "hr"?'),
        ("untreated.parquet", "column metastatic_therapy: missing"),
        ("kinds.parquet", "column hr: Int32 cannot hold it; allowed: text"),
        ("twice.csv", "column hr: it stands twice"),
        ("in.txt", '".txt" is no format of cohorts'),
        ("none.csv", "none.csv: no such file"),
        (".", "cannot be read as Parquet"),
    ):
        done = cohort(name, "-o", "never", environment=environment, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), name
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "never").exists()
    (tmp_path / "above/sub").mkdir(parents=True)
    frame.write_parquet(tmp_path / "above/in.parquet")
    frame.write_parquet(tmp_path / "above/sub/in.parquet")
    done = cohort("above", "-o", "never", environment=environment, cwd=tmp_path)
    assert (done.returncode, "sub/in.parquet is in a folder below" in done.stderr) == (2, True)


def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(environment: dict[str, str], tmp_path: Path) -> None:
    make_cohort(7, 60_000).write_parquet(tmp_path / "in.parquet")
    options = ["in.parquet", "-o", "out", "--rows", "150"]
    whole = cohort("in.parquet", "-o", "whole", "--rows", 150, environment=environment, cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    (tmp_path / "out").mkdir()
    (tmp_path / "out/run.json.1.partial").write_text("half")
    rng = random.Random(11)
    killed = 0
    for turn in range(60):
        command = [sys.executable, "-m", "reasoner", "cohort", *options, *(["--resume"] if turn else [])]
        running = subprocess.Popen(
            command, cwd=tmp_path, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            running.communicate(timeout=rng.uniform(0.2, 1.5))
        except subprocess.TimeoutExpired:
            (os.killpg if turn % 2 else os.kill)(running.pid, signal.SIGKILL)
            running.communicate()
            killed += 1
            for path in (tmp_path / "out").rglob("part-*.parquet"):
                assert pl.read_parquet(path) is not None
        if killed >= 20 or running.returncode == 0:
            break
    for name in ("run.json", "summary.json", "summary.html", "rejects.ndjson", "answers/part-00000.parquet"):
        (tmp_path / f"out/{name}.1.partial").write_text("half")
    done = cohort(*options, "--resume", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert killed >= 10
    found, expected = files_of(tmp_path / "out"), files_of(tmp_path / "whole")
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


def test_another_run_is_never_mixed_in(folder: Path, environment: dict[str, str], tmp_path: Path) -> None:
    overlay = Path(__file__).parent.parent / "asp/overlays/formulary_without_tdxd.lp"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    (tmp_path / "file").write_text("")
    for arguments, message in (
        (("out", "--rows", 300), "holds a run already; --resume continues it"),
        (
            ("out", "--rows", 300, "--resume", "--overlay", overlay),
            "differs in the guideline, its layer or its overlays, the files",
        ),
        (("out", "--rows", 299, "--resume"), "holds a run that differs in how it is cut into parts (--rows);"),
        ((tmp_path / "full",), "is not empty and holds no run"),
        ((tmp_path / "file/out",), "cannot be written: Not a directory"),
        ((tmp_path / "file",), "is a file; give a folder"),
        (("new", "--scheduler", "tcp://127.0.0.1:1"), "--scheduler goes with --engine dask"),
        (("new", "--scheduler", "nonsense", "--engine", "dask"), "--scheduler nonsense: no Dask scheduler answers there"),
    ):
        before = files_of(folder / "out")
        done = cohort("in.ndjson", "-o", *arguments, environment=environment, cwd=folder)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert files_of(folder / "out") == before
        assert not (folder / "new").exists()
    done = cohort("in.ndjson", "-o", "out", "--rows", 300, "--resume", environment=environment, cwd=folder)
    assert done.returncode == 0
    for arguments, message in (
        (("explain", "out", "nobody"), "no patient and no explanation has the id nobody"),
        (("explain", "nowhere", "r1"), "holds no answers of a cohort"),
        (("diff", "out", "nowhere"), "holds no answers of a cohort"),
    ):
        done = cohort(*arguments, environment=environment, cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr


def test_what_reads_odd_in_a_cohort_is_counted_and_the_overlay_named(environment: dict[str, str], tmp_path: Path) -> None:
    overlay = Path(__file__).parent.parent / "asp/overlays/formulary_without_tdxd.lp"
    (tmp_path / "in.csv").write_text("id,hr\na,positive\nb,\na,negative\nc,\n")
    (tmp_path / "courses.csv").write_text("id,drugs,outcome\nb,trastuzumab,progression\n")
    arguments = ("in.csv", "--courses", "courses.csv", "--overlay", overlay, "--rows", 2, "-o", "out")
    done = cohort(*arguments, environment=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["answered"], summary["repeated_ids"], summary["without_courses"]) == (4, 1, 2)
    for shown in (done.stdout, (tmp_path / "out/summary.html").read_text()):
        assert "curated layer, LOCAL overlay formulary_without_tdxd" in " ".join(shown.split())
        assert "1 of the answered have the id of an earlier one" in shown
        assert "2 of the answered have no row in the file of courses" in shown
    done = cohort("explain", "out", "a", environment=environment, cwd=tmp_path)
    assert done.stdout.count("Patient a\n") == 2


def test_answers_can_be_explained_after_the_guideline_is_edited(environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(FEVER, tmp_path / "marsh_fever")
    (tmp_path / "in.ndjson").write_text('{"id": "a", "signs": ["rash"]}\n{"id": "b", "signs": []}\n')
    guideline = ("--guideline", "marsh_fever")
    assert cohort("in.ndjson", "-o", "out", *guideline, environment=environment, cwd=tmp_path).returncode == 0
    before = cohort("explain", "out", "a", environment=environment, cwd=tmp_path)
    assert (before.returncode, before.stderr) == (0, "")
    inside = cohort("in.ndjson", "-o", "marsh_fever/out", *guideline, environment=environment, cwd=tmp_path)
    assert (inside.returncode, "marsh_fever/out: is in the guideline's folder" in inside.stderr) == (2, True)
    assert not (tmp_path / "marsh_fever/out").exists()
    with (tmp_path / "marsh_fever/guideline.lp").open("a") as file:
        file.write(STATEMENT_4)
    assert cohort("in.ndjson", "-o", "new", *guideline, environment=environment, cwd=tmp_path).returncode == 0
    changes = cohort("diff", "out", "new", "--format", "json", environment=environment, cwd=tmp_path)
    assert json.loads(changes.stdout)["compared"] == 2
    shutil.rmtree(tmp_path / "marsh_fever")
    after = cohort("explain", "out", "a", environment=environment, cwd=tmp_path)
    assert (after.returncode, after.stdout) == (0, before.stdout)
    with (tmp_path / "out/guideline/marsh_fever/guideline.lp").open("a") as file:
        file.write("% edited\n")
    done = cohort("explain", "out", "a", environment=environment, cwd=tmp_path)
    assert (done.returncode, "out: answered by the guideline sha256:" in done.stderr) == (2, True)


def test_ids_and_texts_can_have_the_types_that_other_tools_write(environment: dict[str, str], tmp_path: Path) -> None:
    frame = make_cohort(6, 40)
    frame.with_columns(id=pl.int_range(40).cast(pl.String)).write_parquet(tmp_path / "text.parquet")
    frame.with_columns(
        pl.int_range(40, dtype=pl.Int32).alias("id"),
        pl.col("hr", "lvef_decline", "metastatic_therapy").cast(pl.Categorical),
        pl.col("her2").cast(pl.Enum(["positive", "negative"])),
        pl.col("adjuvant_drugs").cast(pl.List(pl.Categorical)),
    ).write_parquet(tmp_path / "kinds.parquet")
    for name in ("text", "kinds"):
        done = cohort(f"{name}.parquet", "-o", name, environment=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "text") == rows_of(tmp_path / "kinds")


def test_a_terminal_shows_how_far_a_run_is_how_fast_and_what_is_left(environment: dict[str, str], tmp_path: Path) -> None:
    make_cohort(8, 3_000).write_parquet(tmp_path / "in.parquet")
    command = [sys.executable, "-m", "reasoner", "cohort", "in.parquet", "-o", "out", "--rows", "25", "--workers", "1"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=theirs) as running:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):
            while read := os.read(ours, 65536):
                said += read
    os.close(ours)
    assert running.returncode == 0
    assert re.search(rb"rows .* 1400/3000 .*[\d,]+ a second, 0 rejected", said), said.decode()
    assert re.search(rb"rows .* \d+/3000  00:00:\d\d  [\d,]+ a second, 0 rejected", said), said.decode()


def test_a_run_keeps_others_away_and_says_how_to_go_on_when_it_is_interrupted(
    environment: dict[str, str], tmp_path: Path
) -> None:
    make_cohort(8, 20_000).write_parquet(tmp_path / "in.parquet")
    command = [sys.executable, "-m", "reasoner", "cohort", "in.parquet", "-o", "out", "--rows", "200"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    until(lambda: len(list((tmp_path / "out/answers").glob("*"))) >= 3)
    done = cohort("in.parquet", "-o", "out", "--rows", 200, "--resume", environment=environment, cwd=tmp_path)
    assert (done.returncode, "out: another run is at work there" in done.stderr) == (2, True), done.stderr
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "interrupted; --resume goes on with out\n")
    (tmp_path / "out/answers/part-00001.parquet").write_bytes(b"")
    done = cohort("explain", "out", "p000000000", environment=environment, cwd=tmp_path)
    assert (done.returncode, "out: the run is not complete" in done.stderr) == (2, True)
    options = ("in.parquet", "--rows", 200, "--resume")
    done = cohort(*options, "-o", "out", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert cohort(*options, "-o", "whole", environment=environment, cwd=tmp_path).returncode == 0
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    (tmp_path / "out/answers/part-00001.parquet").write_bytes(b"")
    done = cohort("explain", "out", "p000000000", environment=environment, cwd=tmp_path)
    assert (done.returncode, "a table of answers is damaged" in done.stderr) == (2, True)
    done = cohort("expalin", "out", "p000000000", environment=environment, cwd=tmp_path)
    assert (done.returncode, 'did you mean "explain"?' in done.stderr) == (2, True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for very little, where one can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here: it takes the superuser")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    small_disk: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    make_cohort(9, 4_000).write_parquet(tmp_path / "in.parquet")
    done = cohort("in.parquet", "-o", small_disk / "out", "--rows", 400, environment=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    for path in (small_disk / "out").rglob("*"):
        assert path.is_dir() or path.suffix in (".parquet", ".json", ".npy", ".lp"), path
        if path.suffix == ".parquet":
            pl.read_parquet(path)
        if path.suffix == ".npy":
            assert len(np.load(path))


def test_a_read_only_folder_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    make_cohort(9, 10).write_parquet(tmp_path / "in.parquet")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", locked], capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip("the superuser writes everywhere, and no read-only disk can be mounted here")
    done = cohort("in.parquet", "-o", locked / "out", environment=environment, cwd=tmp_path)
    subprocess.run(["umount", locked], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written: " in done.stderr


def test_dask_survives_a_worker_that_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    make_cohort(8, 12_000).write_parquet(tmp_path / "in.parquet")
    assert cohort("in.parquet", "-o", "whole", "--rows", 400, environment=environment, cwd=tmp_path).returncode == 0
    python = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    scheduler = subprocess.Popen(
        [*python, "--no-dashboard", "--scheduler-file", "s.json"], cwd=tmp_path, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    workers = []
    try:
        until(lambda: (tmp_path / "s.json").exists())
        address = json.loads((tmp_path / "s.json").read_text())["address"]
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--no-nanny",
        ]
        workers = [
            subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        run = [sys.executable, "-m", "reasoner", "cohort", "in.parquet", "-o", "out", "--rows", "400", "--engine", "dask"]
        running = subprocess.Popen(
            [*run, "--scheduler", address],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: len(list((tmp_path / "out/answers").glob("*"))) >= 3)
        workers[0].kill()
        _, said = running.communicate(timeout=120)
        assert running.returncode == 0, said
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
    assert {n: c for n, c in files_of(tmp_path / "out").items() if n.endswith(".parquet")} == {
        n: c for n, c in files_of(tmp_path / "whole").items() if n.endswith(".parquet")
    }


def until(happened: Any) -> None:
    for _ in range(600):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen within a minute")


def test_two_runs_are_compared_patient_by_patient(
    folder: Path, environment: dict[str, str], curated: Guideline, records: list[dict[str, Any]]
) -> None:
    overlay = Path(__file__).parent.parent / "asp/overlays/formulary_without_tdxd.lp"
    local = Guideline.load(overlays=overlay)
    done = cohort("in.ndjson", "-o", "local", "--overlay", overlay, "--to", "ndjson", environment=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    done = cohort("diff", "out", "local", "--format", "json", environment=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    differing = 0
    for record in records:
        before, after = essence(curated, record), essence(local, record)
        differing += any(before[key] != after[key] for key in ("setting", "recommended", "excluded", "actions"))
    assert (found["compared"], found["only_old"], found["only_new"]) == (len(records), 0, 0)
    assert found["changed"] == differing > 0
    assert all("formulary_without_tdxd.1" in change["rules_after"] for change in found["changes"])
    examples = {record["id"]: record for record in records}
    for change in found["changes"]:
        before, after = (essence(guideline, examples[change["example"]]) for guideline in (curated, local))
        assert change["before"] == {key: before[key] for key in change["before"]}
        assert change["after"] == {key: after[key] for key in change["after"]}
    done = cohort("diff", "out", "local", "-o", "changed.ndjson", environment=environment, cwd=folder)
    kinds = len(found["changes"])
    shown = re.findall(r"^ +(\d+)  such as", done.stdout, re.MULTILINE)
    assert len(shown) == 20 < kinds
    rest = differing - sum(map(int, shown))
    assert f"And {rest} more patients in {kinds - 20} other ways" in " ".join(done.stdout.split())
    changed = [json.loads(line) for line in (folder / "changed.ndjson").read_text().splitlines()]
    assert len(changed) == len({row["id"] for row in changed}) == differing
    for row in changed:
        after = essence(local, examples[row["id"]])
        assert all(row[f"{key}_new"] in (None, after[key]) for key in ("setting", "recommended", "excluded", "actions"))
    done = cohort("diff", "out", "local", "-o", "changed.txt", environment=environment, cwd=folder)
    assert (done.returncode, '".txt" is no format of tables' in done.stderr) == (2, True)
    same = cohort("diff", "out", "out", environment=environment, cwd=folder)
    assert "0 answered differently" in same.stdout


STATEMENT_4 = """
%* @statement L4 [1] sha256:000000000000
A cough alone calls for waiting, too; without a rash waiting comes after amarin.
*%
indicated(watch, standard) :- setting(acute), includes(signs, cough).
prefers(amarin, watch) :- setting(acute), not includes(signs, rash).
"""


def test_a_rank_and_a_strength_are_those_where_what_is_assumed_holds(environment: dict[str, str], tmp_path: Path) -> None:
    """Waiting is first where there is rash and cough, but what is assumed of it first is that there is no rash."""
    text = (FEVER / "guideline.lp").read_text().replace("prefers(amarin, watch) :- setting(acute).", "") + STATEMENT_4
    own = tmp_path / "fever"
    own.mkdir()
    (own / "guideline.lp").write_text(text)
    fever = Guideline.load(str(own))
    told: dict[str, list[Any]] = {
        "temperature": [39, 41],
        "signs": [None, [], ["rash"], ["cough"]],
        "allergies": [None, [], ["amarin"]],
        "kidney_function": [None, "normal", "failing"],
    }
    rows = [dict(zip(told, values, strict=True)) for values in itertools.product(*told.values())]
    records = [
        {"id": str(number), "confirmed": True} | {key: value for key, value in row.items() if value is not None}
        for number, row in enumerate(rows)
    ]
    answer = fever.answer({**records[0], "allergies": [], "kidney_function": "normal"})
    assert {entry.regimen: entry.rank for entry in answer.recommended} == {"amarin": 1, "watch": 2}
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    done = cohort("in.ndjson", "-o", "out", "--guideline", "fever", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "out") == [essence(fever, record) for record in records]


def test_a_guideline_without_trials_courses_or_actions_is_enough(environment: dict[str, str], tmp_path: Path) -> None:
    cough = Guideline.load(str(GUIDELINES / "river_cough"))
    told = {"confirmed": [None, True, False], "fever": [None, True, False], "pregnant": [None, True, False]}
    rows = [dict(zip(told, values, strict=True)) for values in itertools.product(*told.values())]
    records = [
        {"id": str(number)} | {fact: value for fact, value in row.items() if value is not None}
        for number, row in enumerate(rows)
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    done = cohort("in.ndjson", "-o", "out", "--guideline", cough.folder, environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "out") == [essence(cough, record) for record in records]


def test_a_guideline_of_therapy_alone_is_enough_and_one_without_facts_is_refused(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """No fact can be open, and of a patient never treated no rule concludes anything."""
    text = (GUIDELINES / "river_cough" / "guideline.lp").read_text()
    bare = re.sub(r"^(fact|term\(fact|typical)\(.*\n", "", text, flags=re.MULTILINE)
    bare = bare.replace("has(confirmed)", "course(1)").replace("has(fever)", "course(2)")
    without = bare.replace("has(pregnant)", "course(3)")
    treated = 'fact(1, therapy, courses).\nterm(fact, therapy, "therapy").\n' + without
    for name, content in (("treated", treated), ("without", without)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "guideline.lp").write_text(content)
    course = {"drugs": ["oralin"], "outcome": "progression"}
    records = [{"id": str(count), "therapy": [course] * count} for count in range(5)]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    done = cohort("in.ndjson", "-o", "out", "--guideline", "treated", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = Guideline.load(str(tmp_path / "treated"))
    assert rows_of(tmp_path / "out") == [essence(found, record) for record in records]
    assert {row["setting"] for row in rows_of(tmp_path / "out")} == {"not_addressed", "acute"}
    done = cohort("in.ndjson", "-o", "none", "--guideline", "without", environment=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "declares no fact" in done.stderr
    assert not (tmp_path / "none").exists()
