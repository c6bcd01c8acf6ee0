"""Calls of CDS services that are refused, and who may call from a browser."""

from __future__ import annotations

from collections.abc import Iterator

import charts
import pytest
from hook_calls import SANDBOX, SITE, call, check_outcome
from in_process import Client, asking

from reasoner.serve.settings import Settings


@pytest.fixture(scope="module")
def service(own_cache: None) -> Iterator[Client]:
    with asking(Settings(public_url=SITE, origins=(SANDBOX,))) as client:
        yield client


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        (["observations"], "lacks observations"),
        (["patient", "conditions"], "lacks patient, conditions"),
        (["medicationRequests", "medicationStatements", "medicationAdministrations"], "lacks medicationRequests or"),
    ],
)
def test_prefetch_that_lacks_what_is_needed_fails_a_precondition(lacking: list[str], words: str, service: Client) -> None:
    chart = charts.second_line()
    for key in lacking:
        del chart[key]
    check_outcome(call(service, "patient-view", chart), 412, words)


def test_what_could_not_be_obtained_or_is_one_page_of_several_fails_a_precondition(service: Client) -> None:
    check_outcome(call(service, "patient-view", None), 412, "lacks patient, conditions, observations, medicationRequests or")
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    for value in (failed, charts.searchset([failed])):
        chart = charts.second_line() | {"conditions": value}
        check_outcome(call(service, "patient-view", chart), 412, "prefetch.conditions holds an OperationOutcome")
    chart = charts.second_line()
    chart["medicationAdministrations"]["link"] = [{"relation": "next", "url": "https://ehr.example.org/2"}]
    check_outcome(call(service, "patient-view", chart), 412, "one page of several")


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"hook": "order-sign"}, 400, "is not the hook of guideline-patient-view"),
        ({"hook": 7}, 400, "$.hook"),
        ({"hookInstance": None}, 400, "$.hookInstance"),
        ({"context": {}}, 400, "patientId"),
        ({"context": {"patientId": ""}}, 400, "$.context.patientId"),
        ({"context": {"patientId": "another"}}, 422, "prefetch is about another patient than context.patientId"),
        ({"prefetch": []}, 400, "$.prefetch"),
    ],
)
def test_a_malformed_call_is_refused(change: dict[str, object], status: int, words: str, service: Client) -> None:
    body = charts.hook_call("patient-view", charts.second_line()) | change
    check_outcome(service.post("/cds-services/guideline-patient-view", json=body), status, words)


def test_a_call_without_its_drafts_or_that_is_no_json_is_refused(service: Client) -> None:
    body = charts.hook_call("order-sign", charts.second_line(), ["docetaxel"])
    del body["context"]["draftOrders"]
    check_outcome(service.post("/cds-services/guideline-order-sign", json=body), 400, "missing")
    check_outcome(service.post("/cds-services/guideline-order-sign", content=b"{"), 400, "not valid JSON")
    check_outcome(service.post("/cds-services/nothing", json=body), 404, 'nothing is at "/cds-services/nothing"')
    odd = charts.second_line() | {"conditions": {"resourceType": "Bundle", "link": 5, "entry": [3, {"next": 1}]}}
    assert call(service, "patient-view", odd).status_code == 200


def test_browsers_may_call_from_where_it_was_allowed_and_from_nowhere_else(service: Client) -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    path = "/cds-services/guideline-patient-view"
    allowed = service.request("OPTIONS", path, headers={"Origin": SANDBOX, **ask})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, SANDBOX)
    assert {"authorization", "content-type"} <= set(allowed.headers["access-control-allow-headers"].lower().split(", "))
    assert service.get("/cds-services", headers={"Origin": SANDBOX}).headers["access-control-allow-origin"] == SANDBOX
    refused = service.request("OPTIONS", path, headers={"Origin": "https://evil.example", **ask})
    assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (400, False)
    stranger = service.get("/cds-services", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers
