"""The JSON API: every question as its command answers it, and what is refused, asked without a server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import charts
import pytest
from conftest import ROOT
from in_process import Client, Gate, asking, command

from reasoner import Guideline
from reasoner.compiler.selection import Selection, default_folder
from reasoner.records.shapes import to_plain
from reasoner.serve.limits import AT_ONCE
from reasoner.serve.log import JsonLines
from reasoner.serve.settings import Settings

CASE = "lung_disease_not_recorded"
COURSE = b'{"drugs": ["docetaxel"], "outcome": "progression"}'
QUESTION = {"patient": {"id": "p", "metastatic_therapy": []}}
RIVER_COUGH = ROOT / "tests/guidelines/river_cough"


@pytest.fixture(scope="module")
def service(own_cache: None) -> Iterator[Client]:
    with asking(Settings(largest_body=2**20)) as client:
        yield client


def test_every_case_is_answered_byte_for_byte_as_on_the_command_line(
    service: Client, curated: Guideline, tmp_path: Path
) -> None:
    records = [case.record for case in curated.cases().values()]
    file = tmp_path / "cases.ndjson"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    answers = [service.post("/api/answer", json={"patient": record}) for record in records]
    assert {answer.status_code for answer in answers} == {200}
    assert b"".join(answer.content for answer in answers) == command("recommend", file, "--format", "json")


@pytest.mark.parametrize(
    ("path", "body", "arguments"),
    [
        ("why", {"conclusion": "trastuzumab_deruxtecan"}, ["why", "trastuzumab_deruxtecan"]),
        ("why-not", {"regimen": "trastuzumab_emtansine"}, ["why-not", "trastuzumab_emtansine"]),
        ("why-not", {"regimen": "pertuzumab", "any": True}, ["why-not", "pertuzumab", "--include-past"]),
        ("what-if", {"set": ["heart_failure=true"]}, ["what-if", "--set", "heart_failure=true"]),
        ("ask", {"all_paths": True}, ["ask", "--all-paths"]),
        ("pathway", {"lines": 1}, ["pathway", "--lines", "1"]),
    ],
)
def test_every_question_is_answered_as_on_the_command_line(
    path: str, body: dict[str, Any], arguments: list[str], service: Client, curated: Guideline, tmp_path: Path,
) -> None:  # fmt: skip
    record = curated.cases()[CASE].record
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(record))
    answer = service.post(f"/api/{path}", json={"patient": record, **body})
    name, *more = arguments
    assert answer.status_code == 200
    assert answer.content == command(name, file, *more, "--format", "json")


def test_readings_are_taken_as_on_the_command_line(service: Client, tmp_path: Path) -> None:
    course = {"drugs": ["trastuzumab", "paclitaxel"], "outcome": "progression"}
    record = {"id": "p", "her2": "positive", "metastatic_therapy": [course]}
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(record))
    for readings in ([], ["R5=b"], ["any"], ["R9=any", "R5=b"]):
        answer = service.post("/api/answer", json={"patient": record, "readings": readings})
        options = [part for reading in readings for part in ("--reading", reading)]
        assert answer.content == command("recommend", file, *options, "--format", "json")
    chosen = {"patient": record, "readings": ["R5=b"]}
    why = service.post("/api/why", json={**chosen, "conclusion": "trastuzumab_deruxtecan"}).json()
    assert why["status"] == "conditional"
    assert "reading R5=b" in {node["id"] for node in why["derivation"]["nodes"]}
    assert service.post("/api/answer", json={"patient": record}).json()["setting"] == "not_addressed"


def test_a_service_answers_by_the_readings_that_it_was_started_with(own_cache: None) -> None:
    with asking(Settings(selection=Selection(default_folder(), readings=("R5=b",)))) as client:
        described = client.get("/api/guideline").json()
        assert described["guideline"]["readings"] == ["R5=b"]
        assert {reading["name"]: reading["chosen"] for reading in described["readings"]}["R5"] == "b"
        own = client.post("/api/answer", json={"patient": {"id": "p"}}).json()
        assert own["guideline"]["readings"] == ["R5=b"]
        other = client.post("/api/answer", json={"patient": {"id": "p"}, "readings": ["R9=b"]}).json()
        assert other["guideline"]["readings"] == ["R9=b"]


def test_incomplete_records_are_answered_beside_the_loop_within_a_second_of_processor_time(service: Client) -> None:
    taxane = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "chemotherapy_stopped": None}
    for patient in (
        {"id": "p"},
        {"id": "p", "lvef_measured": None, "unavailable_drugs": None, "breast_cancer": None, "infusion_symptoms": None},
        {"id": "p", "metastatic_therapy": [taxane] * 20},
        {"id": "p", "one_of": [{"label": str(n), "metastatic_therapy": [taxane] * n} for n in range(5)]},
    ):
        service.post("/api/answer", json={"patient": patient})
        began = time.process_time()
        answer = service.post("/api/answer", json={"patient": patient, "readings": ["any"]})
        assert (answer.status_code, answer.json()["setting"]) == (200, "undetermined")
        assert time.process_time() - began < 1


def test_a_length_of_thousands_of_digits_is_too_large(service: Client) -> None:
    answer = service.post("/api/answer", content=b"{}", headers={"Content-Length": "9" * 5_000})
    assert answer.status_code == 413


def test_a_bundle_is_read_and_answered_as_on_the_command_line(service: Client, tmp_path: Path) -> None:
    chart = charts.second_line(conditions=[("233703007", "2020-01-01")])
    resources = [chart["patient"], *(entry["resource"] for own in chart.values() if own for entry in own.get("entry", ()))]
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(charts.searchset(resources)))
    patient = {"patient": json.loads(file.read_text())}
    facts = service.post("/api/facts", json=patient)
    assert facts.content == command("facts", file, "--format", "json")
    assert facts.json()["record"]["interstitial_lung_disease"] is True
    answer = service.post("/api/answer", json=patient)
    assert answer.content == command("recommend", file, "--format", "json")


@pytest.mark.parametrize("form", ["json", "graphml", "dot", "mmd", "html", "ttl", "prov.json"])
def test_a_graph_is_that_of_the_command_line_and_is_offered_as_a_file(
    form: str, service: Client, curated: Guideline, tmp_path: Path
) -> None:
    record = curated.cases()[CASE].record
    file, drawn = tmp_path / "patient.json", tmp_path / f"graph.{form}"
    file.write_text(json.dumps(record))
    command("graph", file, "-o", drawn, "--focus", "trastuzumab_deruxtecan", "--depth", "2")
    body = {"patient": record, "format": form, "focus": "trastuzumab_deruxtecan", "depth": 2}
    answer = service.post("/api/graph", json=body)
    assert answer.content == drawn.read_bytes()
    assert answer.headers["content-disposition"] == f'attachment; filename="graph.{form}"'


def test_a_format_that_is_none_is_refused_with_those_there_are(service: Client) -> None:
    answer = service.post("/api/graph", json={"patient": {"id": "p"}, "format": "gephi"})
    assert (answer.status_code, answer.json()["field"]) == (422, "format")
    assert "did you mean" not in answer.json()["detail"]
    assert "allowed: html, svg, png" in answer.json()["detail"]


def test_the_guideline_is_described_by_its_own_declarations(service: Client, curated: Guideline) -> None:
    described = service.get("/api/guideline").json()
    model = curated.model
    assert described["schema"] == "reasoner.guideline/1"
    assert described["guideline"] == to_plain(curated.info)
    assert [(f["name"], f["kind"], f["question"]) for f in described["facts"]] == [
        (fact.name, fact.kind, fact.question) for fact in model.facts
    ]
    by_name = {fact["name"]: fact for fact in described["facts"]}
    assert (
        by_name["months_to_recurrence"] | {"thresholds": [12], "minimum": 0, "above": False}
        == by_name["months_to_recurrence"]
    )
    assert [by_name["weight_kg"][limit] for limit in ("minimum", "above", "maximum")] == [0, True, 635]
    assert (by_name["lvef_measured"]["default"], by_name["unavailable_drugs"]["default"]) == (False, [])
    assert (by_name["her2"]["default"], by_name["breast_cancer"]["default"]) == (None, True)
    assert [value["name"] for value in by_name["lvef_decline"]["values"]] == ["none", "transient", "persistent", "recurrent"]
    assert {"name": "docetaxel", "label": "docetaxel"} in described["course"]["drugs"]
    assert [fact["needs"] for fact in described["course"]["facts"]] == [["docetaxel", "paclitaxel"]] * 5
    assert {e["name"]: e["record"] for e in described["examples"]} == {n: c.record for n, c in curated.cases().items()}


@pytest.mark.parametrize(
    ("body", "status", "field", "words"),
    [
        (b"", 400, "", "truncated"),
        (b"{'patient': 1}", 400, "", "malformed"),
        (b'{"patient": "\xff"}', 400, "patient", "utf-8"),
        (b'{"patient": {"id": "\xff"}}', 400, "patient", "utf-8"),
        (b'{"patient": ' + b'{"a": ' * 9000 + b"1" + b"}" * 9000 + b"}", 400, "", "recursion"),
        (b'{"patient": ' + b"[" * 90000, 400, "", "recursion"),
        (b"[" * 90000, 422, "", "object"),
        (b"{}", 422, "patient", "missing required field"),
        (b'{"patient": {"id": "p"}, "more": 1}', 422, "more", "unknown field `more`; allowed: patient"),
        (b'{"pateint": {"id": "p"}}', 422, "pateint", 'did you mean "patient"?'),
        (b'{"patient": 7}', 422, "", "a record is a JSON object"),
        (b'{"patient": {"id": "p", "her3": 1}}', 422, "her3", 'did you mean "her2"'),
        (b'{"patient": {"id": "p", "id": "q"}}', 422, "id", "twice"),
        (b'{"patient": {"id": "p", "months_to_recurrence": 1e999}}', 422, "months_to_recurrence", "finite"),
        (b'{"patient": {"id": "' + b"x" * 900_000 + b'", "hr": 1}}', 422, "hr", "not a value of hr"),
        (b'{"patient": {"id": "p"}, "readings": ["R5=any", "R5=b"]}', 422, "readings", "R5 is taken as any already"),
        (b'{"patient": {"id": "p"}, "readings": ["R5=c"]}', 422, "readings", "R5=c: no such alternative"),
        (b'{"patient": {"id": "p"}, "readings": ["R5=b", "R5=any", "R5=a"]}', 422, "readings", "choose one"),
        (b'{"patient": {"id": "p"}, "readings": "any"}', 422, "readings", "expected `array"),
        (b'{"patient": {"id": "\\ud800", "metastatic_therapy": []}}', 400, "", "JSON"),
        (b'{"patient": {"id": "p", "metastatic_therapy": [' + b",".join([COURSE] * 21) + b"]}}",
         422, "", "21 courses; this service answers at most 20"),
        (b'{"patient": {"resourceType": "Bundle", "entry": [7]}}', 422, "", "no FHIR resource"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_place_and_the_service_goes_on(
    body: bytes, status: int, field: str, words: str, service: Client
) -> None:
    answer = service.post("/api/answer", content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem.get("field", "")) == (status, field)
    assert words.lower() in problem["detail"].lower()
    assert service.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["answer", "why", "why-not", "what-if", "ask", "pathway", "graph"])
def test_a_record_that_contradicts_itself_is_refused_by_every_question(path: str, service: Client) -> None:
    record = {"id": "p", "metastatic_therapy": [], "months_to_recurrence": 0, "adjuvant_drugs": []}
    more: dict[str, dict[str, Any]] = {
        "why": {"conclusion": "rebiopsy"}, "why-not": {"regimen": "pertuzumab"}, "what-if": {"set": ["her2=positive"]},
    }  # fmt: skip
    answer = service.post(f"/api/{path}", json={"patient": record, **more.get(path, {})})
    assert (answer.status_code, "contradicts itself" in answer.json()["detail"]) == (422, True)


def test_paths_and_methods_that_are_not_there_are_refused(service: Client) -> None:
    missing = service.get("/api/answers")
    assert missing.status_code == 404
    assert missing.json()["detail"] == (
        'nothing is at "/api/answers" (did you mean "/api/answer"?); /openapi.json lists all paths'
    )
    issue = service.post("/cds-services/order-sign").json()["issue"][0]
    assert 'did you mean "/cds-services/guideline-order-sign"?' in issue["diagnostics"]
    assert len(service.get("/" + 5_000 * "x").json()["detail"]) < 200
    assert service.get("/page/../app.py").status_code == 404
    assert service.get("/page/..%2fapp.py").status_code == 404
    wrong = service.get("/api/answer")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["detail"] == "GET is not allowed here; allowed: POST"
    assert wrong.headers["content-type"] == "application/problem+json"


def test_every_answer_forbids_what_a_browser_must_not_do_and_has_a_number(service: Client) -> None:
    answers = [service.get(path) for path in ("/api/guideline", "/nothing", "/openapi.json", "/metrics")]
    answers.append(service.post("/api/answer", content=b"{"))
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def test_an_error_of_the_service_is_told_by_its_number_and_logged_by_its_place_alone(
    service: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("Ottilie")

    monkeypatch.setattr("reasoner.serve.api.Asker.parsed", broken)
    with caplog.at_level("INFO", "reasoner.serve"):
        answer = service.post("/api/answer", json={"patient": {"id": "Ottilie"}})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "reasoner.serve"]
    failed, request = (json.loads(line) for line in lines)
    assert (failed["error"], failed["request"]) == ("ValueError", answer.headers["x-request-id"])
    assert failed["at"][-1].endswith(" broken")
    assert request["status"] == 500
    assert "Ottilie" not in answer.text + "".join(lines)


def test_defects_are_those_of_the_command_line_and_are_searched_for_once(own_cache: None) -> None:
    with asking(Settings(selection=Selection(RIVER_COUGH))) as client:
        found = [client.get("/api/check").content for _ in range(2)]
    done = command("check", "--guideline", RIVER_COUGH, "--format", "json", "--fail-level", "error")
    assert found == [done, done]


def test_health_answers_while_a_long_question_is_under_way(own_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with asking(Settings()) as client, ThreadPoolExecutor() as others:
        under_way = others.submit(client.post, "/api/ask", json=QUESTION)
        gate.await_questions(1)
        assert client.get("/health").status_code == 200
        assert not under_way.done()
        gate.opened.set()
        assert under_way.result().status_code == 200


def test_what_is_too_much_is_told_to_come_back(own_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with asking(Settings(waiting=0)) as client, ThreadPoolExecutor() as others:
        under_way = [others.submit(client.post, "/api/ask", json=QUESTION) for _ in range(AT_ONCE)]
        gate.await_questions(AT_ONCE)
        busy = client.post("/api/ask", json=QUESTION)
        gate.opened.set()
        assert (busy.status_code, int(busy.headers["retry-after"]) >= 1) == (503, True)
        assert [answer.result().status_code for answer in under_way] == [200] * AT_ONCE


def test_an_answer_that_takes_too_long_is_given_up(own_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with asking(Settings(answer_seconds=0.75)) as client:
        answer = client.post("/api/ask", json=QUESTION)
        gate.opened.set()
        assert (answer.status_code, "not answered within 0.75 seconds" in answer.json()["detail"]) == (503, True)
        assert client.post("/api/answer", json=QUESTION).status_code == 200


def test_another_guideline_is_served_without_a_line_of_python(own_cache: None) -> None:
    with asking(Settings(selection=Selection(RIVER_COUGH, "literal"))) as client:
        described = client.get("/api/guideline").json()
        assert (described["guideline"]["id"], described["guideline"]["layer"]) == ("river_cough", "literal")
        answer = client.post("/api/answer", json={"patient": {"id": "p"}})
        assert (answer.status_code, answer.json()["guideline"]["id"]) == (200, "river_cough")
        assert client.get("/cds-services").json() == {"services": []}
