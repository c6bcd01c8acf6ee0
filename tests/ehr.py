"""A FHIR server on the loopback that behaves as those of large vendors do, and others that mean harm."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import charts

PAGE = 20
TOKEN = "a-token.of~the+EHR/77=="
SAID = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "warning",
            "code": "processing",
            "details": {"text": "This holds what the user may see, which may not be all that there is."},
        }
    ],
}
Resource = dict[str, Any]


def failure(code: str, text: str) -> Resource:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": code, "details": {"text": text}}]}


class Request(BaseHTTPRequestHandler):
    """One request to a server of the tests, answered as the server is told to."""

    protocol_version = "HTTP/1.1"
    server: Ehr

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        self.server.answer(self)

    def give(self, resource: object, status: int = 200, **headers: str) -> None:
        body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
        self.send_response(status)
        kind = headers.pop("Content_Type", "application/fhir+json; charset=utf-8")
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Ehr(ThreadingHTTPServer):
    """A server that notes what it is asked, each with the token that came along."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Request], None]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer = answer
        self.asked: list[tuple[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/fhir/r4"

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def serving_fhir(answer: Callable[[Request], None]) -> Iterator[Ehr]:
    server = Ehr(answer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def as_vendors_do(resources: Mapping[str, list[Resource]]) -> Callable[[Request], None]:
    """Answer as large vendors do: a token is needed, pages have twenty entries whatever is asked for, included resources do
    not come, and each searchset has an outcome that only informs. There are no medication statements.
    """

    def answer(request: Request) -> None:
        url = urlsplit(request.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        kind = url.path.removeprefix("/fhir/r4").strip("/")
        base = request.server.url
        if kind == "metadata":
            types = [{"type": name, "interaction": [{"code": "read"}, {"code": "search-type"}]} for name in resources]
            request.give({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": types}]})
            return
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            request.give(failure("login", "no token"), 401)
            return
        if kind.startswith("Patient/"):
            (patient,) = resources["Patient"]
            found = patient["id"] == kind.removeprefix("Patient/")
            request.give(patient if found else failure("not-found", "no such patient"), 200 if found else 404)
            return
        if "_getpages" in asked:
            kind, start = asked["_getpages"], int(asked["_getpagesoffset"])
        else:
            start = 0
        if kind not in resources:
            request.give(failure("not-supported", f"Unknown resource type {kind}"), 404)
            return
        if kind == "Observation" and not {"code", "_getpages"} & set(asked):
            request.give(failure("required", "a code or a category is needed"), 400)
            return
        own = resources[kind]
        if codes := asked.get("code"):
            wanted = {tuple(code.split("|")) for code in codes.split(",")}
            own = [one for one in own if any((c["system"], c["code"]) in wanted for c in one["code"]["coding"])]
        entries = [
            {"fullUrl": f"{base}/{kind}/{one['id']}", "resource": one, "search": {"mode": "match"}}
            for one in own[start : start + PAGE]
        ]
        entries.append({"resource": SAID, "search": {"mode": "outcome"}})
        links = [{"relation": "self", "url": f"{base}{request.path.removeprefix('/fhir/r4')}"}]
        if start + PAGE < len(own):
            links.append({"relation": "next", "url": f"{base}?_getpages={kind}&_getpagesoffset={start + PAGE}"})
        request.give({"resourceType": "Bundle", "type": "searchset", "total": len(own), "link": links, "entry": entries})

    return answer


def named_only(order: Resource) -> Resource:
    """Give a medication event whose drug stands only in the display of a reference to a medication that is not there."""
    drugs = {code: name for name, code in charts.DRUGS.items()}
    code = order.pop("medicationCodeableConcept")["coding"][0]["code"]
    return {**order, "medicationReference": {"reference": f"Medication/e{code}", "display": f"{drugs[code]} 150 mg IV"}}


def second_line() -> dict[str, list[Resource]]:
    """Give the chart of a patient after progression on the first line by types, medications by names alone.

    Many heart rates are there too, and more administrations than a page holds.
    """
    chart = charts.second_line()
    entries = {key: [entry["resource"] for entry in own.get("entry", ())] for key, own in chart.items()}
    rates = [charts.observation(f"rate-{n}", "8867-4", "260385009", "2023-07-02") for n in range(60)]
    given = [named_only(dict(one)) for one in entries["medicationAdministrations"]]
    again = [{**one, "id": f"{one['id']}-b"} for one in given]
    return {
        "Patient": [chart["patient"]],
        "Condition": entries["conditions"],
        "Observation": [*rates, *entries["observations"]],
        "MedicationRequest": [],
        "MedicationAdministration": [*given, *again],
        "Procedure": [],
    }
