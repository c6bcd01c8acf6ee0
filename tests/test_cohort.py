"""Cohorts: the same answers as one by one, from every format and by every guideline."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bundles import AFTER_SECOND_LINE, METASTASES, NEGATIVE, bundle, observation, resource, stated
from cohorts import ALONE, WAY_BACK, cohort, expected_row, files_of, make_cohort, reasoner, record_of, rows_of
from conftest import ROOT
from records import untold_records

from reasoner import Answer, Guideline
from reasoner.cohort.explain import explain
from reasoner.records.shapes import to_json

GUIDELINES = ROOT / "tests/guidelines"


def test_a_cohort_is_answered_as_its_records_one_by_one(
    cohort_run: Path, cohort_records: list[dict[str, Any]], curated: Guideline
) -> None:
    expected = [expected_row(curated, record) for record in cohort_records]
    assert rows_of(cohort_run / "out") == expected
    summary = json.loads((cohort_run / "out/summary.json").read_text())
    assert summary["answered"] == len(cohort_records)
    for setting in {row["setting"] for row in expected}:
        assert summary["settings"][setting] == sum(row["setting"] == setting for row in expected)
    page = (cohort_run / "out/summary.html").read_text()
    assert "<script" not in page
    assert str(len(cohort_records)) in page


def test_fhir_bundles_are_answered_as_by_recommend(tmp_path: Path) -> None:
    open_end = bundle(METASTASES, stated("x", "tucatinib", "2020-02-01", "2020-04-01", "stopped"))
    doubtful = bundle(
        *(entry["resource"] for entry in AFTER_SECOND_LINE["entry"][1:]),
        observation("other", "loinc:85318-4", "2020-01-12", valueCodeableConcept=NEGATIVE),
    )
    letter = resource("Procedure", "infusion", status="completed", code={"text": "Enhertu"}, performedDateTime="2020-03-01")
    uncounted = bundle(METASTASES, stated("x", "tucatinib", "2020-02-01", "2020-04-01", "stopped"), letter)
    named = [
        json.loads(json.dumps(data).replace('"id": "p"', f'"id": "p{n}"').replace("Patient/p", f"Patient/p{n}"))
        for n, data in enumerate([AFTER_SECOND_LINE, open_end, uncounted, doubtful])
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(data) + "\n" for data in named))
    done = cohort("in.ndjson", "-o", "out", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "metastatic_therapy[0].outcome" in rows_of(tmp_path / "out")[1]["missing"]
    for number in range(4):
        (tmp_path / f"p{number}.json").write_text(json.dumps(named[number]))
        alone = reasoner("recommend", f"p{number}.json", "--format", "json", cwd=tmp_path)
        done = cohort("explain", "out", f"p{number}", "--format", "json", cwd=tmp_path)
        assert done.stdout == alone.stdout
    assert "contradicts itself" in done.stdout
    said = cohort("explain", "out", "p2", cwd=tmp_path).stdout
    assert said == reasoner("recommend", "p2.json", cwd=tmp_path).stdout
    assert "could not be counted" in said


def write_cohort(form: str, folder: Path) -> Path:
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


@pytest.mark.parametrize("form", ["parquet", "structs as parquet", "folder of parquet", "csv", "ndjson"])
def test_every_format_gives_the_same_answers(form: str, tmp_path: Path, curated: Guideline) -> None:
    path = write_cohort(form, tmp_path)
    done = cohort(path, "-o", "out", "--rows", 40, *ALONE, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert rows_of(tmp_path / "out") == [expected_row(curated, record_of(row)) for row in make_cohort(5, 120).to_dicts()]


def test_ndjson_out_holds_the_same_as_parquet(
    cohort_run: Path, environment: dict[str, str], cohort_records: list[dict[str, Any]]
) -> None:
    done = cohort("in.ndjson", "-o", "lines", "--to", "ndjson", *ALONE, cwd=cohort_run)
    assert done.exit_code == 0, done.stderr
    lines = [json.loads(line) for line in (cohort_run / "lines/answers/part-00000.ndjson").read_text().splitlines()]
    kept = [{key: value for key, value in row.items() if key not in WAY_BACK} for row in lines]
    assert kept == rows_of(cohort_run / "out")
    done = cohort("explain", "lines", cohort_records[3]["id"], cwd=cohort_run)
    assert done.stdout == cohort("explain", "out", cohort_records[3]["id"], cwd=cohort_run).stdout


def test_ids_and_texts_can_have_the_types_that_other_tools_write(tmp_path: Path) -> None:
    frame = make_cohort(6, 40)
    frame.with_columns(id=pl.int_range(40).cast(pl.String)).write_parquet(tmp_path / "text.parquet")
    frame.with_columns(
        pl.int_range(40, dtype=pl.Int32).alias("id"),
        pl.col("hr", "lvef_decline", "metastatic_therapy").cast(pl.Categorical),
        pl.col("her2").cast(pl.Enum(["positive", "negative"])),
        pl.col("adjuvant_drugs").cast(pl.List(pl.Categorical)),
    ).write_parquet(tmp_path / "kinds.parquet")
    for name in ("text", "kinds"):
        done = cohort(f"{name}.parquet", "-o", name, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
    assert rows_of(tmp_path / "text") == rows_of(tmp_path / "kinds")


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


def write_courses_apart(folder: Path, frame: pl.DataFrame, seed: int) -> list[str]:
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


def test_courses_can_stand_in_a_second_file_in_any_order_of_patients(tmp_path: Path, curated: Guideline) -> None:
    frame = make_cohort(6, 150)
    files = write_courses_apart(tmp_path, frame, 2)
    files.append("--no-course-means-untreated")
    done = cohort(*files, "-o", "out", "--rows", 40, *ALONE, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    expected = [record_of(row) for row in frame.drop("adjuvant_drugs").to_dicts()]
    assert rows_of(tmp_path / "out") == [expected_row(curated, record) for record in expected]
    assert sum(len(record["metastatic_therapy"]) > 1 for record in expected) > 20
    before = files_of(tmp_path / "out")
    done = cohort(*files, "-o", "out", "--rows", 40, *ALONE, "--resume", cwd=tmp_path)
    assert (done.exit_code, files_of(tmp_path / "out")) == (0, before), done.stderr
    (tmp_path / "courses.csv").write_text((tmp_path / "courses.csv").read_text() + "trastuzumab,progression,x,,,,,\n")
    done = cohort(*files, "-o", "out", "--rows", 40, *ALONE, "--resume", cwd=tmp_path)
    assert (done.exit_code, "differs in the input (its path, size or time of change)" in done.stderr) == (2, True)


def test_without_a_row_in_the_file_of_courses_therapy_is_unknown_unless_it_is_told(
    tmp_path: Path, curated: Guideline
) -> None:
    """The patients' own file can tell that there was none, or which there was; an outcome can be unknown."""
    course = '"[{""drugs"": [""trastuzumab_deruxtecan""]}]"'
    (tmp_path / "in.csv").write_text(f"id,her2,metastatic_therapy\na,positive,\nb,positive,[]\nc,positive,\nd,,{course}\n")
    (tmp_path / "courses.csv").write_text("id,drugs,outcome,chemotherapy_months\nc,lapatinib;capecitabine,,\n")
    positive = {"her2": "positive"}
    given = [{"drugs": ["lapatinib", "capecitabine"]}]
    told: list[dict[str, Any]] = [
        {"id": "a", **positive},
        {"id": "b", **positive, "metastatic_therapy": []},
        {"id": "c", **positive, "metastatic_therapy": given},
        {"id": "d", "metastatic_therapy": [{"drugs": ["trastuzumab_deruxtecan"]}]},
    ]
    for output, options, means in (
        ("out", [], "their therapy is unknown"),
        ("untreated", ["--no-course-means-untreated"], "they count as untreated"),
    ):
        done = cohort("in.csv", "--courses", "courses.csv", "-o", output, *options, *ALONE, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        words = f"Answered records without a row in the file of courses: 1; {means}"
        assert words in " ".join(done.stdout.split())
        assert rows_of(tmp_path / output) == [expected_row(curated, record) for record in told]
        assert json.loads((tmp_path / output / "summary.json").read_text())["without_courses"] == 1
        told[0]["metastatic_therapy"] = []
    done = cohort("in.csv", "-o", "never", "--no-course-means-untreated", cwd=tmp_path)
    assert (done.exit_code, "requires --courses" in done.stderr) == (2, True)


@pytest.mark.parametrize("readings", [[], ["R1=b"], ["any"], ["R5=any", "R11=b"]], ids=" ".join)
def test_whatever_is_unknown_is_answered_as_alone(readings: list[str], tmp_path: Path) -> None:
    """Outcomes, numbers and therapy, defaults that are set aside, one of several sets, alternatives of readings."""
    guideline = Guideline.load(readings=readings)
    records = [
        {**record, "id": f"p{number}"}
        for seed, unknown in enumerate((0.05, 0.2, 0.5))
        for number, record in enumerate(untold_records(guideline, seed, 30, unknown), start=30 * seed)
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    options = [word for reading in readings for word in ("--reading", reading)]
    done = cohort("in.ndjson", "-o", "out", "--rows", 50, *options, *ALONE, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    expected = [expected_row(guideline, record) for record in records]
    assert rows_of(tmp_path / "out") == expected
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    for reading in guideline.model.alternatives:
        times = sum(reading in row["depends_on_readings"] for row in expected)
        assert summary["depends_on_readings"].get(reading, 0) == times
    for record in records[::40]:
        (found,) = explain(tmp_path / "out", record["id"])
        assert to_json(found) == to_json(guideline.answer(record))


def test_tables_leave_outcomes_numbers_and_therapy_unknown(tmp_path: Path, curated: Guideline) -> None:
    course = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "taxane_cycles": 6}
    told: list[dict[str, Any]] = [
        {"metastatic_therapy": [course]},
        {"metastatic_therapy": [{**course, "outcome": "ongoing"}]},
        {"metastatic_therapy": [{"drugs": ["trastuzumab_emtansine"], "outcome": "progression"}]},
        {"lvef_measured": True},
        {"metastatic_therapy": []},
    ]
    records = [{"id": str(n), "her2": "positive", "metastatic": True, **own} for n, own in enumerate(told)]
    frame = pl.DataFrame(records, infer_schema_length=None)
    frame.write_parquet(tmp_path / "structs.parquet")
    texts = [json.dumps(own["metastatic_therapy"]) if "metastatic_therapy" in own else None for own in told]
    flat = frame.with_columns(metastatic_therapy=pl.Series(texts, dtype=pl.String))
    flat.write_parquet(tmp_path / "text.parquet")
    flat.write_csv(tmp_path / "text.csv")
    expected = [expected_row(curated, record) for record in records]
    assert {"metastatic_therapy[0].outcome", "metastatic_therapy"} <= {name for row in expected for name in row["missing"]}
    for name in ("structs.parquet", "text.parquet", "text.csv"):
        done = cohort(name, "-o", f"{name}.out", cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        assert rows_of(tmp_path / f"{name}.out") == expected


def test_an_empty_cell_is_left_out_or_unknown_although_there_is_a_default(tmp_path: Path, curated: Guideline) -> None:
    """By default what stands by default does; both are counted, and the way back tells one from the other."""
    given: list[dict[str, Any]] = [{"drugs": ["docetaxel"], "maximal_response": True}]
    frame = pl.DataFrame({"id": ["a", "b"], "breast_cancer": [None, True], "metastatic_therapy": [given, given]})
    frame.write_parquet(tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_text("id,breast_cancer,metastatic_therapy\na,,[]\nb,true,[]\n")
    for name, history in (("in.parquet", given), ("in.csv", [])):
        records: list[dict[str, Any]] = [
            {"id": "a", "metastatic_therapy": history},
            {"id": "b", "breast_cancer": True, "metastatic_therapy": history},
        ]
        assert cohort(name, "-o", f"{name}.left", cwd=tmp_path).exit_code == 0
        assert rows_of(tmp_path / f"{name}.left") == [expected_row(curated, record) for record in records]
        assert json.loads((tmp_path / f"{name}.left/summary.json").read_text())["assumed"]["breast_cancer"] == 1
        records[0]["breast_cancer"] = None
        assert cohort(name, "-o", f"{name}.null", "--empty-is-unknown", cwd=tmp_path).exit_code == 0
        assert rows_of(tmp_path / f"{name}.null") == [expected_row(curated, record) for record in records]
        assert "breast_cancer" not in json.loads((tmp_path / f"{name}.null/summary.json").read_text())["assumed"]
        (found,) = explain(tmp_path / f"{name}.null", "a")
        assert to_json(found) == to_json(curated.answer(records[0]))


def test_a_record_that_is_answered_by_itself_is_answered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = []
    answer = Guideline.answer

    def counted(guideline: Guideline, record: Any) -> Answer:
        answered.append(record)
        return answer(guideline, record)

    monkeypatch.setattr(Guideline, "answer", counted)
    records = [{"id": str(number), "weight_kg": 61 + number, "hr": "positive"} for number in range(6)]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert cohort("in.ndjson", "-o", "out", "--rows", 2, *ALONE, cwd=tmp_path).exit_code == 0
    assert len(answered) <= 1
    assert len({json.dumps({**row, "id": ""}) for row in rows_of(tmp_path / "out")}) == 1


def test_repeated_ids_and_untreated_patients_are_counted_and_the_overlay_named(tmp_path: Path) -> None:
    overlay = ROOT / "asp/overlays/formulary_without_tdxd.lp"
    (tmp_path / "in.csv").write_text("id,hr\na,positive\nb,\na,negative\nc,\n")
    (tmp_path / "courses.csv").write_text("id,drugs,outcome\nb,trastuzumab,progression\n")
    arguments = ("in.csv", "--courses", "courses.csv", "--overlay", overlay, "--rows", 2, *ALONE, "-o", "out")
    done = cohort(*arguments, cwd=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["answered"], summary["repeated_ids"], summary["without_courses"]) == (4, 1, 3)
    for shown in (done.stdout, (tmp_path / "out/summary.html").read_text()):
        assert "curated layer, LOCAL overlay formulary_without_tdxd" in " ".join(shown.split())
        assert "Answered records that repeat the id of an earlier one: 1" in shown
        assert "Answered records without a row in the file of courses: 3" in shown
    done = cohort("explain", "out", "a", cwd=tmp_path)
    assert done.stdout.count("Patient a\n") == 2


STATEMENT_4 = """
%* @statement L4 [1] sha256:000000000000
A cough alone calls for waiting, too; without a rash waiting comes after amarin.
*%
indicated(watch, standard) :- setting(acute), includes(signs, cough).
prefers(amarin, watch) :- setting(acute), not includes(signs, rash).
"""


def test_a_rank_and_a_strength_are_those_where_what_is_assumed_holds(tmp_path: Path) -> None:
    """Waiting is first where there is rash and cough, but what is assumed of it first is that there is no rash."""
    text = (GUIDELINES / "marsh_fever/guideline.lp").read_text().replace(
        "prefers(amarin, watch) :- setting(acute).", ""
    ) + STATEMENT_4
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
    done = cohort("in.ndjson", "-o", "out", "--guideline", "fever", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert rows_of(tmp_path / "out") == [expected_row(fever, record) for record in records]


def test_a_guideline_without_trials_courses_or_actions_is_enough(tmp_path: Path) -> None:
    cough = Guideline.load(str(GUIDELINES / "river_cough"))
    told = {"confirmed": [None, True, False], "fever": [None, True, False], "pregnant": [None, True, False]}
    rows = [dict(zip(told, values, strict=True)) for values in itertools.product(*told.values())]
    records = [
        {"id": str(number)} | {fact: value for fact, value in row.items() if value is not None}
        for number, row in enumerate(rows)
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    done = cohort("in.ndjson", "-o", "out", "--guideline", cough.folder, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert rows_of(tmp_path / "out") == [expected_row(cough, record) for record in records]


def test_a_guideline_of_therapy_alone_is_enough_and_one_without_facts_is_refused(tmp_path: Path) -> None:
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
    done = cohort("in.ndjson", "-o", "out", "--guideline", "treated", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    found = Guideline.load(str(tmp_path / "treated"))
    assert rows_of(tmp_path / "out") == [expected_row(found, record) for record in records]
    assert {row["setting"] for row in rows_of(tmp_path / "out")} == {"not_addressed", "acute"}
    done = cohort("in.ndjson", "-o", "none", "--guideline", "without", cwd=tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "declares no fact" in done.stderr
    assert not (tmp_path / "none").exists()
