"""The service as operators run it: a real server on the loopback, its limits, its logs, its end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import charts
import httpx
import pytest
from conftest import ROOT
from running import Running, serving

from reasoner.serve.run import free_address

RECORD = b'{"patient": {"id": "p", "metastatic_therapy": []}}'


@pytest.fixture(scope="module")
def service(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    options = ("--workers", "2", "--body-timeout", "2", "--max-body", "1")
    with serving(tmp_path_factory.mktemp("service"), *options) as running:
        yield running


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
        said, after = last_word(body, b" ", 60)
        assert (b" 408 " in said, after < 60) == (True, True)
        said, after = last_word(head, b"X-More: 1\r\n", 60)
        assert (said == b"" or b" 408 " in said, after < 60) == (True, True)


def test_two_thousand_silent_connections_leave_it_answering(service: Running) -> None:
    silent = [service.connect() for _ in range(2_000)]
    try:
        for connection in silent[::2]:
            connection.sendall(b"POST /api/answer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        with httpx.Client(base_url=service.url, timeout=30) as client:
            assert {client.get("/ready").status_code for _ in range(20)} == {200}
    finally:
        for connection in silent:
            connection.close()


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
    mark = "Ottilie-Quux"
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
    told = (service.log.read_text() + counts).lower()
    assert not [part for part in mark.lower().split("-") if part in told]
    requests = [line for line in lines if line["message"] == "request"]
    assert {"time", "level", "request", "method", "route", "status", "milliseconds"} <= set(requests[0])
    assert {line["route"] for line in requests} >= {"/api/answer", "/api/why", "none"}
    assert 'reasoner_feedback_total{outcome="overridden",reason="other",service="guideline-patient-view"} 1.0' in counts


def test_a_request_under_way_is_answered_before_the_service_ends(own_cache: None, tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", "--body-timeout", "60") as service, service.connect(60) as client:
        head = f"POST /api/answer HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(RECORD)}\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 100 ")
        service.process.send_signal(signal.SIGTERM)
        for _ in range(600):
            try:
                service.connect(1).close()
            except OSError:
                break
            time.sleep(0.1)
        else:
            raise AssertionError("it goes on listening")
        client.sendall(RECORD)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert service.process.wait(60) == 0


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
    assert "--keys: needs --public-url" in refused("--keys", keys)
    known = ("--keys", keys, "--public-url", "https://cds.example.org")
    assert "not a JWK Set" in refused(*known)
    keys.write_text('{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}')
    assert "ES384 or RS384" in refused(*known)
    assert "--public-url cds.example.org: not a whole URL" in refused("--public-url", "cds.example.org")
    assert "use https" in refused("--fhir-server", "http://ehr.example.org/fhir")
    for odd in (
        "ehr.example.org/fhir",
        "ftp://ehr.example.org",
        "https://a@ehr.example.org",
        "https://ehr.example.org/?a=b",
    ):
        assert f"--fhir-server {odd}: not a base URL" in refused("--fhir-server", odd)
    assert "write a network such as 10.20.0.0/16" in refused("--fhir-network", "10.20/99")
    assert "no such folder" in refused("--guideline", tmp_path / "none")
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]
        assert f"--host 127.0.0.1 --port {port}: cannot listen there: Address already in use" in refused("--port", port)
    assert "cannot listen there" in refused("--host", "192.0.2.1")
    assert "cannot listen there" in refused("--host", "nowhere.invalid")


def test_the_questions_shown_to_operators_are_answered(
    service: Running, environment: dict[str, str], tmp_path: Path
) -> None:
    page = (ROOT / "reasoner/serve/README.md").read_text("utf-8")
    (shown,) = (block for block in re.findall(r"^```sh\n(.*?)```$", page, re.MULTILINE | re.DOTALL) if "curl" in block)
    command = tmp_path / "reasoner"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reasoner "$@"\n')
    command.chmod(0o755)
    script = shown.replace("http://127.0.0.1:8000", service.url).replace("--silent", "--silent --show-error --fail")
    script = script.replace('"$(mktemp -d)"', f'"{tmp_path}"')
    shell = {**environment, "PATH": f"{tmp_path}{os.pathsep}{environment['PATH']}"}
    done = subprocess.run(["bash", "-euc", script], env=shell, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    found = set(re.findall(r'"schema": ?"reasoner\.(\w+)/1"', done.stdout))
    assert found == {"answer", "why", "what_if", "ask", "pathway", "concordance", "guideline", "findings", "facts"}
    assert '"openapi":"3.1.0"' in done.stdout
    assert "<svg" in (tmp_path / "graph.svg").read_text()
