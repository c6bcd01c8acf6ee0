"""What is written as JSON: every answer, of the command line and of the service alike, keeps to the published schema."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import charts
import jsonschema
import pytest

from reasoner import Answer, Guideline
from reasoner.queries.ask import ask, decision_tree
from reasoner.queries.pathway import pathway
from reasoner.queries.what_if import what_if
from reasoner.queries.why import why
from reasoner.queries.why_not import why_not
from reasoner.records.shapes import Carried, Result, Shape, to_json, to_plain
from reasoner.serve.api import QUESTIONS
from reasoner.serve.cards import Call, CardBuilder
from reasoner.serve.describe import describe
from reasoner.serve.drafts import about_orders, about_patient
from reasoner.serve.openapi import document
from reasoner.serve.settings import Settings
from reasoner.serve.shapes import Cards
from reasoner.verification.coverage import cover

CASE = "lung_disease_not_recorded"


@pytest.fixture(scope="module")
def components(curated: Guideline) -> dict[str, Any]:
    found: dict[str, Any] = document(curated, Settings())["components"]
    return found


def problems(shape: Shape, components: dict[str, Any]) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{type(shape).__name__}", "components": components}
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(to_plain(shape))]


def results(guideline: Guideline, record: dict[str, Any]) -> Iterator[Shape]:
    parsed = guideline.record(record)
    answer = guideline.answer(parsed)
    yield answer
    for name in (guideline.model.regimens[0], guideline.model.actions[0], guideline.model.settings[0]):
        yield why(answer, name)
    yield why_not(guideline, parsed, guideline.model.regimens[1])
    yield what_if(guideline, parsed, ["heart_failure=true", "hr="])
    yield ask(guideline, parsed)
    yield pathway(guideline, parsed, 1)


def test_every_answer_to_every_case_keeps_to_the_schema(curated: Guideline, components: dict[str, Any]) -> None:
    for case in curated.cases().values():
        for result in results(curated, case.record):
            assert problems(result, components) == [], (case.name, type(result).__name__)


def test_what_is_not_about_a_patient_keeps_to_the_schema(curated: Guideline, components: dict[str, Any]) -> None:
    assert problems(describe(curated), components) == []
    assert problems(cover(curated), components) == []


def test_what_the_service_reads_and_shows_besides_keeps_to_the_schema(
    curated: Guideline, components: dict[str, Any]
) -> None:
    chart = charts.second_line(conditions=[("233703007", "2020-01-01")])
    resources = [chart["patient"], *(entry["resource"] for own in chart.values() if own for entry in own.get("entry", ()))]
    facts = curated.read_fhir(charts.searchset(resources))
    assert facts.sources
    assert problems(facts, components) == []
    builder = CardBuilder(curated.info, curated.model)
    call = Call("4711", "https://example.org", "eyJ9", "Patient/p", ())
    for case in curated.cases().values():
        answer = curated.answer(case.record)
        drafts = (*about_patient(answer), *about_orders(answer, {"trastuzumab_deruxtecan": "MedicationRequest/1"}))
        assert problems(Cards(tuple(builder.card(draft, call) for draft in drafts)), components) == []


def test_a_decision_tree_keeps_to_the_schema(curated: Guideline, components: dict[str, Any]) -> None:
    record = curated.cases()[CASE].record
    result = ask(curated, record).with_tree(decision_tree(curated, record))
    assert to_plain(result)["tree"]["root"]["answers"]
    assert problems(result, components) == []


def test_the_schema_takes_no_key_that_is_not_declared(curated: Guideline, components: dict[str, Any]) -> None:
    """Whatever object of a result gets one more key does not keep to the schema any more."""
    record = curated.cases()[CASE].record
    for result in (*results(curated, record), ask(curated, record).with_tree(decision_tree(curated, record))):
        schema = {"$ref": f"#/components/schemas/{type(result).__name__}", "components": components}
        validator = jsonschema.Draft202012Validator(schema)
        data = to_plain(result)
        for place in objects(data):
            place["surprise"] = 1
            assert not validator.is_valid(data), (type(result).__name__, place)
            del place["surprise"]


def objects(data: object, free: tuple[str, ...] = ("set", "kind", "record", "labels")) -> Iterator[dict[str, Any]]:
    """Yield the objects in data, but those whose keys are a guideline's or a record's."""
    if isinstance(data, dict):
        yield data
        for key, value in data.items():
            yield from objects(value, free) if key not in free else ()
    elif isinstance(data, list):
        for value in data:
            yield from objects(value, free)


def test_each_question_of_the_service_names_the_shape_that_answers_it(components: dict[str, Any]) -> None:
    for question in QUESTIONS:
        if question.shape is not None:
            assert question.shape.__name__ in components["schemas"]


def test_what_a_result_carries_is_not_in_its_json_and_cannot_be_changed(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()[CASE].record)
    assert answer.derivation.completions.count > 1
    assert "derivation" not in to_plain(answer)
    with pytest.raises(AttributeError):
        answer.derivation = answer.derivation  # type: ignore[misc]
    copy = answer.replace(notes=("a",))
    assert isinstance(copy, Answer)
    assert (copy.notes, copy.derivation) == (("a",), answer.derivation)
    assert copy != answer


def test_no_json_writes_to_a_terminal_what_controls_it_and_reads_the_same() -> None:
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    unseen = [c for c in map(chr, range(0x10000)) if unicodedata.category(c) in ("Cc", "Zl", "Zp")
              or unicodedata.bidirectional(c) in turning or c in "\u061c\u200b\u200e\u200f\ufeff"]  # fmt: skip
    data = {"".join(unseen): [*unseen, "µg/m² — \\u202e \U0001f600"]}
    written = to_json(data).decode()
    assert not [hex(ord(c)) for c in written.rstrip("\n") if c in unseen]
    assert "µg/m² —" in written
    assert json.loads(written) == data


def test_what_is_not_carried_is_said() -> None:
    class Sample(Result, frozen=True):
        name: str
        more = Carried[int]()
        with_default = Carried[int](7)

    sample = Sample("a")
    assert sample.with_default == 7
    with pytest.raises(AttributeError, match="more: not carried"):
        _ = sample.more
    assert json.loads(to_json(sample.carrying(more=3))) == {"name": "a"}
    assert (sample.more, sample.replace(name="b", more=4).more) == (3, 4)
