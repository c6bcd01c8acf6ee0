"""Numbers of a record against thresholds, whole and decimal: exact at the boundary, and open in their intervals."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from cohorts import cohort, expected_row, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import PlainClingo

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.compiler.intervals import Cut, Range, interval_names, number_in, order_key, passed_cuts
from reasoner.queries.ask import ask
from reasoner.queries.what_if import what_if
from reasoner.queries.why_not import why_not
from reasoner.render.answer import render
from reasoner.serve.describe import describe
from reasoner.serve.openapi import document
from reasoner.serve.settings import Settings
from reasoner.verification.check import check

HOLDS = {
    "at_most": lambda value, bound: value <= bound,
    "more_than": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "less_than": lambda value, bound: value < bound,
}
DECIMALS = st.decimals(min_value=-1000, max_value=1000, allow_nan=False, places=3)


def cut_of(relation: str, bound: Decimal) -> Cut:
    whole = bound == bound.to_integral_value()
    return Cut(int(bound) if whole else float(bound), relation in ("at_most", "more_than"))


LIMITS = st.builds(
    lambda low, above, high: Range(None if low is None else float(low), above, None if high is None else float(high)),
    st.none() | DECIMALS,
    st.booleans(),
    st.none() | DECIMALS,
)


@given(st.lists(st.tuples(st.sampled_from(sorted(HOLDS)), DECIMALS), min_size=1, max_size=5), DECIMALS, LIMITS, st.data())
@settings(max_examples=400, deadline=None)
def test_a_number_meets_a_relation_exactly_where_the_decimals_do(
    compared: list[tuple[str, Decimal]], value: Decimal, allowed: Range, data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from([value, *(bound + step for _, bound in compared for step in (0, Decimal("0.001")))]))
    for relation, bound in compared:
        cut = cut_of(relation, bound)
        passed = cut.is_passed(float(value))
        assert HOLDS[cut.relation(passed)](value, bound)
        assert (cut.relation(passed) == relation) == HOLDS[relation](value, bound)
    cuts = tuple(sorted({cut_of(relation, bound) for relation, bound in compared}))
    assert len(set(interval_names(cuts))) == len(cuts) + 1
    for place in range(len(cuts) + 1):
        assert number_in(place, cuts, Range()) is not None
        number = number_in(place, cuts, allowed)
        assert number is None or (passed_cuts(number, cuts), allowed.holds(number)) == (place, True)
    if allowed.holds(float(value)):
        assert number_in(passed_cuts(float(value), cuts), cuts, allowed) is not None


TEXT = """
guideline(id, tarn_fever). guideline(title, "Tarn fever"). guideline(disclaimer, "Invented.").
fact(1, age, number). term(fact, age, "age"). minimum(age, 0). maximum(age, 130). applies(age).
fact(2, sex, choice). value(sex, 1, female). value(sex, 2, male). term(fact, sex, "sex").
fact(3, marker, number). term(fact, marker, "marker"). above(marker, 0). applies(marker).
threshold(age, 18). threshold(age, 65). threshold(age, 75).
threshold(marker, "7.5"). threshold(marker, "10.25"). threshold(marker, 9).
term(setting, any_age, "any age"). term(ground, tarn, "tarn fever"). citation(1). reference(1, "The tarn").
term(strength, advised, "advised"). strength_order(1, advised).
term(regimen, rest, "rest"). without_drugs(rest).
term(regimen, referral, "referral to the tarn clinic"). without_drugs(referral).
term(regimen, waiting, "watchful waiting"). without_drugs(waiting).
term(action, test_marker, "Measure the marker.").
%* @statement L1 [1] sha256:000000000000
Rest is advised from 65 to 75 years, and to women below 18; referral above a marker of 7.5, from 10.25 on at once.
*%
places(any_age, tarn).
indicated(rest, advised) :- setting(any_age), at_least(age, 65), at_most(age, 75).
indicated(rest, advised) :- less_than(age, 18), is(sex, female).
indicated(referral, advised) :- more_than(marker, "7.5"), less_than(marker, "10.25").
indicated(waiting, advised) :- at_most(marker, "7.5").
calls_for(test_marker) :- at_least(marker, "10.25").
calls_for(test_marker) :- more_than(marker, 9), not known(age).
"""


@pytest.fixture(scope="module")
def tarn_fever(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Guideline:
    folder = tmp_path_factory.mktemp("tarn_fever")
    (folder / "guideline.lp").write_text(TEXT, "utf-8")
    return Guideline.load(folder)


AGES = [0, 17.999, 18, 64.9, 65, 65.1, 75, 75.001, None]
MARKERS = [0.1, 7.499999999, 7.5, 7.500000001, 9, 9.0001, 10.25, 10.24999, 11, None]


def test_complete_and_incomplete_numbers_are_answered_as_plain_clingo_answers_them(tarn_fever: Guideline) -> None:
    plain = PlainClingo(tarn_fever)
    for age in AGES:
        for marker in MARKERS:
            for sex in ("female", None):
                record = {"id": "a", "age": age, "marker": marker, "sex": sex}
                answer = tarn_fever.answer(record)
                certain, possible = plain.consequences(tarn_fever.record(record).facts)
                for entries, key, name in (
                    (answer.recommended, "regimen", "recommended"),
                    (answer.actions, "action", "action"),
                ):
                    own = {f"{name}({getattr(entry, key)})": entry.certainty for entry in entries}
                    listed = [atom for atom in possible if atom.startswith(f"{name}(")]
                    assert own == {atom: "certain" if atom in certain else "conditional" for atom in listed}, record


@pytest.mark.parametrize("form", ["ndjson", "csv", "float32", "float64"])
def test_a_cohort_compares_numbers_as_its_records_do(form: str, tarn_fever: Guideline, tmp_path: Path) -> None:
    markers = [marker for marker in MARKERS if form != "float32" or marker in (None, 0.1, 7.5, 9, 10.25, 11)]
    records = [{"id": f"p{n}-{m}", "age": age, "marker": marker, "sex": "female"}
               for n, age in enumerate(AGES) for m, marker in enumerate(markers)]  # fmt: skip
    frame = pl.DataFrame(records, schema_overrides={"age": pl.Float64, "marker": pl.Float64}, infer_schema_length=None)
    if form == "ndjson":
        frame.write_ndjson(tmp_path / "in.ndjson")
    elif form == "csv":
        frame.write_csv(tmp_path / "in.csv")
    else:
        kept = pl.Float32 if form == "float32" else pl.Float64
        frame.with_columns(pl.col("marker").cast(kept)).write_parquet(tmp_path / "in.parquet")
    (path,) = tmp_path.iterdir()
    done = cohort(path.name, "-o", "out", "--guideline", tarn_fever.folder, cwd=tmp_path)
    assert done.exit_code == 0, done.output
    told = [{fact: value for fact, value in record.items() if value is not None} for record in records]
    assert rows_of(tmp_path / "out") == [expected_row(tarn_fever, record) for record in told]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"age": 130.001}, "age: 130.001 is out of range; allowed: at least 0, at most 130"),
        ({"age": -0.001}, "age: -0.001 is out of range; allowed: at least 0, at most 130"),
        ({"marker": 0}, "marker: 0 is out of range; allowed: more than 0"),
    ],
)
def test_a_number_out_of_its_range_is_refused_in_a_record_and_in_a_cohort(
    told: dict[str, float], message: str, tarn_fever: Guideline, tmp_path: Path
) -> None:
    with pytest.raises(RecordError, match=re.escape(message)):
        tarn_fever.answer({"id": "a", **told})
    with pytest.raises(RecordError, match=re.escape(message)):
        what_if(tarn_fever, tarn_fever.record({"id": "a"}), [f"{fact}={value}" for fact, value in told.items()])
    frame = pl.DataFrame([{"id": "a", **told}, {"id": "b", **dict.fromkeys(told, 130)}], strict=False)
    frame.write_ndjson(tmp_path / "in.ndjson")
    frame.write_csv(tmp_path / "in.csv")
    frame.write_parquet(tmp_path / "in.parquet")
    for form in ("ndjson", "csv", "parquet"):
        cohort(f"in.{form}", "-o", form, "--guideline", tarn_fever.folder, cwd=tmp_path)
        assert message in (tmp_path / form / "rejects.ndjson").read_text()
        assert [row["id"] for row in rows_of(tmp_path / form)] == ["b"]


def test_a_number_of_a_course_has_a_range_too(tmp_path: Path, own_cache: None) -> None:
    added = """
    fact(9, therapy, courses). term(fact, therapy, "therapy"). term(drug, tarnol, "tarnol").
    course_fact(1, cycles, integer). term(course_fact, cycles, "cycles"). course_threshold(cycles, 6).
    above(cycles, 2). minimum(cycles, 1). maximum(cycles, 8). maximum(cycles, 6).
    """
    (tmp_path / "guideline.lp").write_text(TEXT + added, "utf-8")
    guideline = Guideline.load(tmp_path)
    assert guideline.model.range_of("cycles") == Range(3, maximum=6)
    schema = json.dumps(document(guideline, Settings()))
    assert '"type": "integer", "minimum": 3, "maximum": 6' in schema
    assert [(own.minimum, own.maximum) for own in describe(guideline).course.facts] == [(3, 6)]
    assert [(own.minimum, own.above, own.maximum) for own in describe(guideline).facts if own.kind == "number"] == [
        (0, False, 130), (0, True, None)
    ]  # fmt: skip
    course = {"drugs": ["tarnol"], "outcome": "completed"}
    assert guideline.answer({"id": "a", "therapy": [{**course, "cycles": 6}]})
    with pytest.raises(RecordError, match=r"therapy\[0\].cycles: 7 is out of range; allowed: at least 3, at most 6"):
        guideline.answer({"id": "a", "therapy": [{**course, "cycles": 7}]})


def test_intervals_are_named_by_the_relations_that_rules_use(tarn_fever: Guideline) -> None:
    age, _, marker = tarn_fever.model.facts
    assert interval_names(age.cuts) == ("<18", ">=18,<65", ">=65,<=75", ">75")
    assert interval_names(marker.cuts) == ("<=7.5", ">7.5,<=9", ">9,<10.25", ">=10.25")
    answer = tarn_fever.answer({"id": "a", "marker": 8})
    assumed = {entry.regimen: [(a.fact, a.value) for a in entry.assuming] for entry in answer.recommended}
    assert assumed == {"referral": [], "rest": [("age", ">=65,<=75")]}
    assert "CERTAIN IF age at least 65 and at most 75" in render(answer)
    (question, *_) = ask(tarn_fever, tarn_fever.record({"id": "a", "age": 70})).questions
    assert [(given.value, given.interval) for given in question.answers] == [
        (7.5, "<=7.5"), (9, ">7.5,<=9"), (10, ">9,<10.25"), (10.25, ">=10.25")
    ]  # fmt: skip
    (change,) = why_not(tarn_fever, tarn_fever.record({"id": "a", "age": 80, "marker": 11}), "waiting", True).changes
    assert change.set == {"marker": 7.5}


def test_a_witness_has_a_number_inside_the_interval_that_shows_the_defect(tarn_fever: Guideline) -> None:
    gaps = [found for found in check(tarn_fever).findings if found.kind == "gap"]
    assert gaps
    for found in gaps:
        assert found.witness is not None
        answer = tarn_fever.answer(found.witness)
        assert not [entry for entry in answer.recommended if entry.certainty == "certain"], found.witness
    assert any(float(found.witness.get("marker", 0)) >= 10.25 for found in gaps if found.witness)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'threshold(marker, "8.50").',
            r'threshold\(marker,"8.50"\): "8.50" is not a number; write an integer, or a decimal',
        ),
        ('threshold(marker, "8").', r'"8" is not a number'),
        ("threshold(marker, high).", r"high is not a number"),
        ('threshold(age, "130.5").', r"no value of age is beyond the threshold 130.5, since age is at most 130; drop"),
        ("maximum(marker, 0).", r"maximum\(marker,0\): no number is that and more than 0; mend one of the two"),
        ("maximum(marker, most).", r"most is not a number"),
        ("maximum(sex, 2).", r'"sex" is not a number; allowed: age, marker'),
        ("threshold(marker, 0).", r"no value of marker is below the threshold 0, since marker is more than 0"),
        (
            "calls_for(test_marker) :- at_least(marker, 8).",
            r'"8" is not a threshold of marker; allowed: "10.25", "7.5", 9',
        ),
    ],
)
def test_what_cannot_be_a_threshold_is_refused(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "guideline.lp").write_text(TEXT + line, "utf-8")
    with pytest.raises(GuidelineError, match=message):
        Guideline.load(tmp_path)


def test_the_usual_value_of_one_fact_cuts_no_other(tmp_path: Path, own_cache: None) -> None:
    added = (
        'fact(9, weight, number). term(fact, weight, "weight"). applies(weight). threshold(weight, 65).\n'
        "typical(age, at_least(65)). calls_for(test_marker) :- at_most(weight, 65).\n"
    )
    (tmp_path / "guideline.lp").write_text(TEXT + added, "utf-8")
    guideline = Guideline.load(tmp_path)
    names = {fact.name: interval_names(fact.cuts) for fact in guideline.model.facts if fact.cuts}
    assert names["weight"] == ("<=65", ">65")


@given(st.lists(st.decimals(-(10**6), 10**6, allow_nan=False, places=3), min_size=2, max_size=2))
def test_texts_for_clingo_stand_in_the_order_of_their_numbers(numbers: list[Decimal]) -> None:
    first, second = map(float, numbers)
    assert (order_key(first) < order_key(second)) == (first < second)
