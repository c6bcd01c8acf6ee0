"""The service as its clients and its operators meet it: a real server on the loopback."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import charts
import httpx
import pytest
from conftest import ROOT
from running import Running, serving

from reasoner import Guideline
from reasoner.records.shapes import to_plain
from reasoner.serve.app import application
from reasoner.serve.log import JsonLines
from reasoner.serve.run import free_address
from reasoner.serve.settings import Settings

CASE = "lung_disease_not_recorded"
COURSE = b'{"drugs": ["docetaxel"], "outcome": "progression"}'
SLOW = {"patient": {"id": "p", "metastatic_therapy": []}, "lines": 4}


@pytest.fixture(scope="module")
def service(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    options = ("--workers", "2", "--body-timeout", "2", "--max-body", "1")
    with serving(tmp_path_factory.mktemp("service"), *options) as running:
        yield running


def command(environment: dict[str, str], *arguments: str | Path) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "reasoner", *map(str, arguments)], env=environment, capture_output=True, check=False
    )
    assert done.stderr == b""
    return done.stdout


def test_every_case_is_answered_byte_for_byte_as_on_the_command_line(
    service: Running, curated: Guideline, environment: dict[str, str], tmp_path: Path
) -> None:
    records = [case.record for case in curated.cases().values()]
    file = tmp_path / "cases.ndjson"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    answers = [service.client.post("/api/answer", json={"patient": record}) for record in records]
    assert {answer.status_code for answer in answers} == {200}
    assert b"".join(answer.content for answer in answers) == command(environment, "recommend", file, "--format", "json")


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
    path: str, body: dict[str, Any], arguments: list[str], service: Running, curated: Guideline,
    environment: dict[str, str], tmp_path: Path,
) -> None:  # fmt: skip
    record = curated.cases()[CASE].record
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(record))
    answer = service.client.post(f"/api/{path}", json={"patient": record, **body})
    name, *more = arguments
    assert answer.status_code == 200
    assert answer.content == command(environment, name, file, *more, "--format", "json")


def test_a_bundle_is_read_and_answered_as_on_the_command_line(
    service: Running, environment: dict[str, str], tmp_path: Path
) -> None:
    chart = charts.second_line(conditions=[("233703007", "2020-01-01")])
    resources = [chart["patient"], *(entry["resource"] for own in chart.values() if own for entry in own.get("entry", ()))]
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(charts.searchset(resources)))
    patient = {"patient": json.loads(file.read_text())}
    facts = service.client.post("/api/facts", json=patient)
    assert facts.content == command(environment, "facts", file, "--format", "json")
    assert facts.json()["record"]["interstitial_lung_disease"] is True
    answer = service.client.post("/api/answer", json=patient)
    assert answer.content == command(environment, "recommend", file, "--format", "json")


@pytest.mark.parametrize("form", ["json", "graphml", "dot", "mmd", "html", "ttl", "prov.json"])
def test_a_graph_is_that_of_the_command_line_and_is_offered_as_a_file(
    form: str, service: Running, curated: Guideline, environment: dict[str, str], tmp_path: Path
) -> None:
    record = curated.cases()[CASE].record
    file, drawn = tmp_path / "patient.json", tmp_path / f"graph.{form}"
    file.write_text(json.dumps(record))
    command(environment, "graph", file, "-o", drawn, "--focus", "trastuzumab_deruxtecan", "--depth", "2")
    body = {"patient": record, "format": form, "focus": "trastuzumab_deruxtecan", "depth": 2}
    answer = service.client.post("/api/graph", json=body)
    assert answer.content == drawn.read_bytes()
    assert answer.headers["content-disposition"] == f'attachment; filename="graph.{form}"'


def test_a_format_that_is_none_is_refused_with_those_there_are(service: Running) -> None:
    answer = service.client.post("/api/graph", json={"patient": {"id": "p"}, "format": "gephi"})
    assert (answer.status_code, answer.json()["field"]) == (422, "format")
    assert "did you mean" not in answer.json()["detail"]
    assert "allowed: html, svg, png" in answer.json()["detail"]


def test_defects_are_those_of_the_command_line_and_health_answers_while_they_are_looked_for(
    service: Running, environment: dict[str, str]
) -> None:
    found: list[httpx.Response] = []
    looking = threading.Thread(target=lambda: found.append(httpx.get(f"{service.url}/api/check", timeout=120)))
    looking.start()
    waits = []
    while looking.is_alive():
        start = time.perf_counter()
        assert service.client.get("/health").status_code == 200
        waits.append(time.perf_counter() - start)
        time.sleep(0.02)
    assert max(waits) < 2
    assert found[0].content == command(environment, "check", "--format", "json", "--fail-level", "error")


def test_the_guideline_is_described_by_its_own_declarations(service: Running, curated: Guideline) -> None:
    described = service.client.get("/api/guideline").json()
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
    assert (by_name["weight_kg"]["minimum"], by_name["weight_kg"]["above"]) == (0, True)
    assert (by_name["lvef_measured"]["default"], by_name["unavailable_drugs"]["default"]) == (False, [])
    assert (by_name["her2"]["default"], by_name["metastatic_therapy"]["required"]) == (None, True)
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
        (b'{"patient": {"id": "' + b"x" * 900_000 + b'"}}', 422, "metastatic_therapy", "missing"),
        (b'{"patient": {"id": "\\ud800", "metastatic_therapy": []}}', 400, "", "JSON"),
        (b'{"patient": {"id": "p", "metastatic_therapy": [' + b",".join([COURSE] * 21) + b"]}}",
         422, "", "21 courses; this service answers at most 20"),
        (b'{"patient": {"resourceType": "Bundle", "entry": [7]}}', 422, "", "no FHIR resource"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_place_and_the_service_goes_on(
    body: bytes, status: int, field: str, words: str, service: Running
) -> None:
    answer = service.client.post("/api/answer", content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem.get("field", "")) == (status, field)
    assert words.lower() in problem["detail"].lower()
    assert service.client.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["answer", "why", "why-not", "what-if", "ask", "pathway", "graph"])
def test_a_record_that_contradicts_itself_is_refused_by_every_question(path: str, service: Running) -> None:
    record = {"id": "p", "metastatic_therapy": [], "months_to_recurrence": 0, "adjuvant_drugs": []}
    more = {"why": {"conclusion": "rebiopsy"}, "why-not": {"regimen": "pertuzumab"}, "what-if": {"set": ["her2=positive"]}}
    answer = service.client.post(f"/api/{path}", json={"patient": record, **more.get(path, {})})
    assert (answer.status_code, "contradicts itself" in answer.json()["detail"]) == (422, True)


def test_paths_and_methods_that_are_not_there_are_refused(service: Running) -> None:
    missing = service.client.get("/api/answers")
    assert missing.status_code == 404
    assert missing.json()["detail"] == (
        'nothing is at "/api/answers"; did you mean "/api/answer"? /openapi.json lists all paths'
    )
    issue = service.client.post("/cds-services/order-sign").json()["issue"][0]
    assert 'did you mean "/cds-services/guideline-order-sign"?' in issue["diagnostics"]
    assert len(service.client.get("/" + 5_000 * "x").json()["detail"]) < 200
    assert service.client.get("/page/../app.py").status_code == 404
    assert service.client.get("/page/..%2fapp.py").status_code == 404
    wrong = service.client.get("/api/answer")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["detail"] == "GET is not allowed here; allowed: POST"
    assert wrong.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(service: Running) -> None:
    told = service.client.post("/api/answer", content=b"x" * (2**20 + 1))
    assert told.status_code == 413
    with service.connect() as connection:
        connection.sendall(b"POST /api/answer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            for _ in range(40):
                connection.sendall(chunk)
        except OSError:
            pass
        assert b" 413 " in connection.recv(4096)


def last_word(connection: socket.socket, dripping: bytes, most: float) -> tuple[bytes, float]:
    """Send a little again and again until the service answers or ends the connection; tell what it said, and when."""
    start = time.monotonic()
    connection.settimeout(0.2)
    said = b""
    while time.monotonic() - start < most:
        try:
            connection.sendall(dripping)
            part = connection.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            break
        said += part
        if not part or b"\r\n\r\n" in said:
            break
    return said, time.monotonic() - start


def test_slow_clients_are_sent_away(service: Running) -> None:
    with service.connect() as head, service.connect() as body:
        head.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        body.sendall(b"POST /api/answer HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
        said, after = last_word(body, b" ", 20)
        assert b" 408 " in said
        assert after < 5
        said, after = last_word(head, b"X-More: 1\r\n", 20)
        assert after < 10
        assert said == b"" or b" 408 " in said


def test_two_thousand_silent_connections_leave_it_answering(service: Running) -> None:
    silent = [service.connect() for _ in range(2_000)]
    try:
        for connection in silent[::2]:
            connection.sendall(b"POST /api/answer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        start = time.monotonic()
        with httpx.Client(base_url=service.url) as client:
            assert {client.get("/ready").status_code for _ in range(20)} == {200}
        assert time.monotonic() - start < 10
    finally:
        for connection in silent:
            connection.close()


def test_every_answer_forbids_what_a_browser_must_not_do_and_has_a_number(service: Running) -> None:
    answers = [service.client.get(path) for path in ("/api/guideline", "/nothing", "/openapi.json", "/metrics")]
    answers.append(service.client.post("/api/answer", content=b"{"))
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def test_counts_are_those_of_all_workers_together(service: Running) -> None:
    def count() -> float:
        text = service.client.get("/metrics").text
        wanted = 'reasoner_requests_total{method="GET",route="/api/guideline",status="200"} '
        return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))

    before = count()
    for _ in range(30):
        httpx.get(f"{service.url}/api/guideline")
    assert count() - before == 30


def test_logs_are_json_and_hold_nothing_of_a_patient(own_cache: None, tmp_path: Path) -> None:
    mark = "Ottilie-4711"
    chart = charts.second_line()
    chart["patient"]["id"] = mark
    call = charts.hook_call("patient-view", chart)
    with serving(tmp_path, "--answer-timeout", "0.01", "--log-level", "debug") as service:
        client = service.client
        client.headers["X-Request-Id"] = mark
        client.post("/api/answer", json={"patient": {"id": mark, "metastatic_therapy": []}})
        client.post("/api/answer", json={"patient": {"id": "p", mark: 1}})
        client.post("/api/why", json={"patient": {"id": mark, "metastatic_therapy": []}, "conclusion": mark})
        client.post("/api/ask", json={"patient": {"id": "p", "metastatic_therapy": [], mark: 1}, "all_paths": True})
        client.post(f"/cds-services/guideline-patient-view?patient={mark}", json=call)
        client.get(f"/Patient/{mark}")
        client.request(mark.upper().replace("-", ""), "/health")
        client.post("/cds-services/guideline-patient-view/feedback", json={"feedback": [
            {"card": mark, "outcome": "overridden", "outcomeTimestamp": "2024-01-01T00:00:00Z",
             "overrideReason": {"reason": {"code": mark, "system": mark}, "userComment": mark}}]})  # fmt: skip
        with service.connect() as connection:
            connection.sendall(f"{mark} nonsense\r\n\r\n".encode())
            connection.recv(1000)
        time.sleep(1)
        counts = client.get("/metrics").text
        assert service.stop() == 0
        lines = service.logged()
    assert mark.lower() not in (service.log.read_text() + counts).lower()
    assert "4711" not in service.log.read_text() + counts
    requests = [line for line in lines if line["message"] == "request"]
    assert {"time", "level", "request", "method", "route", "status", "milliseconds"} <= set(requests[0])
    assert {line["route"] for line in requests} >= {"/api/answer", "/api/why", "none"}
    assert 'reasoner_feedback_total{outcome="overridden",reason="other",service="guideline-patient-view"} 1.0' in counts


def test_an_error_of_the_service_is_told_by_its_number_and_logged_by_its_place_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("Ottilie")

    monkeypatch.setattr("reasoner.serve.api.Asker.record", broken)

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(application(Settings()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.post("/api/answer", json={"patient": {"id": "Ottilie"}})

    with caplog.at_level("INFO", "reasoner.serve"):
        answer = asyncio.run(post())
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "reasoner.serve"]
    failed, request = (json.loads(line) for line in lines)
    assert (failed["error"], failed["request"]) == ("ValueError", answer.headers["x-request-id"])
    assert failed["at"][-1].endswith(" broken")
    assert request["status"] == 500
    assert "Ottilie" not in answer.text + "".join(lines)


def test_what_is_too_much_is_told_to_come_back(own_cache: None, tmp_path: Path) -> None:
    with serving(tmp_path, "--max-waiting", "0", "--answer-timeout", "60") as service:
        answers: list[httpx.Response] = []
        asking = [
            threading.Thread(target=lambda: answers.append(httpx.post(f"{service.url}/api/pathway", json=SLOW, timeout=90)))
            for _ in range(5)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        busy = [answer for answer in answers if answer.status_code == 503]
        assert len(answers) == 5
        assert len(busy) >= 1
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in busy)
        assert sum(answer.status_code in (200, 422) for answer in answers) >= 2


def test_an_answer_that_takes_too_long_is_given_up(own_cache: None, tmp_path: Path) -> None:
    with serving(tmp_path, "--answer-timeout", "0.05") as service:
        answer = service.client.post("/api/pathway", json=SLOW)
        assert (answer.status_code, "not answered within 0.05 seconds" in answer.json()["detail"]) == (503, True)
        assert service.client.post("/api/answer", json={"patient": SLOW["patient"]}).status_code == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_under_way_is_answered_before_the_service_ends(
    workers: int, own_cache: None, tmp_path: Path, curated: Guideline
) -> None:
    with serving(tmp_path, "--workers", str(workers)) as service:
        answers: list[httpx.Response] = []
        asking = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{service.url}/api/pathway", json=SLOW, timeout=90))
        )
        asking.start()
        time.sleep(0.3)
        assert asking.is_alive()
        service.process.send_signal(signal.SIGTERM)
        asking.join()
        assert answers[0].status_code in (200, 422)
        assert answers[0].headers["content-type"].startswith("application/")
        assert service.process.wait(60) == 0
        with pytest.raises(OSError):  # noqa: PT011 (nobody listens)
            service.connect()


def test_another_guideline_is_served_without_a_line_of_python(own_cache: None, tmp_path: Path) -> None:
    with serving(tmp_path, "--guideline", ROOT / "tests/guidelines/river_cough", "--layer", "literal") as service:
        described = service.client.get("/api/guideline").json()
        assert (described["guideline"]["id"], described["guideline"]["layer"]) == ("river_cough", "literal")
        required = {fact["name"]: [] for fact in described["facts"] if fact["required"]}
        answer = service.client.post("/api/answer", json={"patient": {"id": "p", **required}})
        assert (answer.status_code, answer.json()["guideline"]["id"]) == (200, "river_cough")
        assert service.client.get("/cds-services").json() == {"services": []}


def test_a_host_may_be_given_by_its_name() -> None:
    assert ip_address(free_address("localhost", 0)).is_loopback


def test_what_cannot_be_served_is_said_before_anything_starts(environment: dict[str, str], tmp_path: Path) -> None:
    def refused(*options: str | int | Path, start: str = "") -> str:
        arguments = ["reasoner", "serve", *map(str, options)]
        program = f"import sys; {start}sys.argv = {arguments}; from reasoner.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        return done.stderr

    assert "pip install 'guideline-reasoner[serve]'" in refused(start="sys.modules['granian'] = None; ")
    keys = tmp_path / "keys.json"
    assert "not a JWK Set" in refused("--keys", keys)
    keys.write_text('{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}')
    assert "ES384 or RS384" in refused("--keys", keys)
    assert "no such folder" in refused("--guideline", tmp_path / "none")
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]
        assert f"--host 127.0.0.1 --port {port}: cannot listen there: Address already in use" in refused("--port", port)
    assert "cannot listen there" in refused("--host", "192.0.2.1")
    assert "cannot listen there" in refused("--host", "nowhere.invalid")


@pytest.mark.parametrize(
    ("guideline", "left_out"),
    [((), ("/api/pathway", "/api/ask")), (("--guideline", ROOT / "tests/guidelines/river_cough"), ())],
    ids=["all that is quick", "all of a small guideline"],
)
def test_the_openapi_document_holds_for_whatever_is_sent(
    guideline: tuple[str | Path, ...], left_out: tuple[str, ...], own_cache: None, tmp_path: Path
) -> None:
    with serving(tmp_path, "--answer-timeout", "120", *guideline) as service:
        document = service.client.get("/openapi.json").json()
        assert document["openapi"].startswith("3.1")
        checks = (
            "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
            "response_schema_conformance", "unsupported_method",
        )  # fmt: skip
        arguments = ["run", f"{service.url}/openapi.json", "--max-examples", "12", "--request-timeout", "150", "--seed", "7"]
        arguments += ["--no-color", "--checks", ",".join(checks)]
        arguments += [word for path in left_out for word in ("--exclude-path", path)]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", *arguments], capture_output=True, text=True, timeout=550, check=False
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
