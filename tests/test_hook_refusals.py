"""Calls of CDS services that are refused, and who may call from a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import charts
import pytest
from hook_calls import EHR, SANDBOX, SITE, call, cards, check_outcome
from in_process import Client, asking

from reasoner.compiler.selection import Selection, default_folder
from reasoner.serve.settings import Settings


@pytest.fixture(scope="module")
def service(own_cache: None) -> Iterator[Client]:
    with asking(Settings(public_url=SITE, origins=(SANDBOX,))) as client:
        yield client


FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
TOLD = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]}
SECOND = "second line: trastuzumab deruxtecan"
THERAPY = ("medicationRequests", "medicationStatements", "medicationAdministrations")


@pytest.mark.parametrize(
    ("prefetch", "words"),
    [
        (None, "prefetch.patient, prefetch.conditions: The patient's record could not be read"),
        ({"patient": None}, "prefetch.patient: "),
        ({"conditions": FAILED}, "Missing: the diagnoses (the health record reported an error)"),
        ({"conditions": charts.searchset([FAILED])}, "Missing: the diagnoses (the health record reported an error)"),
    ],
)
def test_without_the_patient_or_the_diagnoses_a_precondition_fails(
    prefetch: dict[str, Any] | None, words: str, service: Client
) -> None:
    chart = None if prefetch is None else charts.second_line() | prefetch
    check_outcome(call(service, "patient-view", chart), 412, words)


def paged(key: str, **more: object) -> dict[str, Any]:
    return {key: charts.second_line()[key] | more}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *[({key: None}, "sent empty, which does not say that there are none") for key in (*THERAPY, "observations")],
        *[({key: FAILED}, "the health record reported an error") for key in THERAPY],
        *[({key: charts.searchset([FAILED])}, "the health record reported an error") for key in THERAPY],
        *[(paged(key, total=99), "only some of them were sent") for key in (*THERAPY, "observations")],
        *[(paged(key, link=[{"relation": "next", "url": f"{EHR}/2"}]), "only some of them were sent") for key in THERAPY],
        ({"conditions": None}, "the diagnoses (sent empty"),
        (paged("conditions", total=3), "the diagnoses (only some"),
        (
            {"conditions": {"resourceType": "Bundle", "link": 5, "entry": [3, {"next": 1}]}},
            "the diagnoses (the health record's",
        ),
        ({"medicationRequests": {**charts.searchset([]), "entry": [{"response": {"status": "403"}}]}}, "reported an error"),
    ],
)
def test_a_list_that_is_not_whole_leaves_therapy_unknown_and_is_named(
    change: dict[str, Any], words: str, service: Client
) -> None:
    advice = cards(service, "patient-view", charts.second_line() | change)[0]
    assert advice["summary"].startswith("undetermined: ")
    assert words in advice["detail"]


def test_a_list_that_was_not_sent_leaves_therapy_unknown(service: Client) -> None:
    for key in (*THERAPY, "observations"):
        chart = charts.second_line()
        del chart[key]
        advice = cards(service, "patient-view", chart)[0]
        assert advice["summary"].startswith("undetermined: ")
        assert "&partial=1" in advice["links"][0]["url"]
    assert "&partial" not in cards(service, "patient-view", charts.second_line())[0]["links"][0]["url"]


def test_information_in_a_searchset_is_no_error_and_what_is_included_with_it_is_not_counted(service: Client) -> None:
    chart = charts.second_line()
    for key, value in chart.items():
        if key != "patient":
            count = len(value["entry"])
            included = {"resource": {"resourceType": "Medication", "id": f"{key}-1"}, "search": {"mode": "include"}}
            value["entry"] += [{"resource": TOLD, "search": {"mode": "outcome"}}, included]
            value["total"] = count
    assert cards(service, "patient-view", chart)[0]["summary"].startswith(SECOND)
    lost = chart["medicationAdministrations"]
    lost["total"] += 1
    assert cards(service, "patient-view", chart)[0]["summary"].startswith("undetermined: ")


def test_a_site_that_knows_its_data_takes_null_for_none_and_nothing_else(own_cache: None) -> None:
    settings = Settings(public_url=SITE, selection=Selection(default_folder(), no_record_means_none=True))
    with asking(settings) as client:
        chart = charts.second_line() | dict.fromkeys(("medicationRequests", "medicationStatements", "procedures"))
        assert cards(client, "patient-view", chart)[0]["summary"].startswith(SECOND)
        del chart["medicationStatements"]
        assert cards(client, "patient-view", chart)[0]["summary"].startswith("undetermined: ")


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
    for hook in ("order-select", "order-sign"):
        body = charts.hook_call(hook, charts.second_line(), ["docetaxel"])
        body["context"]["draftOrders"] = None
        check_outcome(service.post(f"/cds-services/guideline-{hook}", json=body), 400, "context.draftOrders: missing")
        for no_bundle in ({}, [], "x", {"resourceType": "Patient", "id": "x"}):
            body["context"]["draftOrders"] = no_bundle
            check_outcome(service.post(f"/cds-services/guideline-{hook}", json=body), 400, "draftOrders: not a Bundle")
        del body["context"]["draftOrders"]
        check_outcome(service.post(f"/cds-services/guideline-{hook}", json=body), 400, "context.draftOrders: missing")
    check_outcome(service.post("/cds-services/guideline-order-sign", content=b"{"), 400, "not valid JSON")
    check_outcome(service.post("/cds-services/nothing", json=body), 404, 'nothing is at "/cds-services/nothing"')


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


def dispensed(name: str, patient: str = charts.PATIENT) -> dict[str, Any]:
    """A dispense of a drug before the progression of `charts.second_line`, which then is not its only therapy."""
    code = charts.drug(name)
    return charts.about("MedicationDispense", name, patient, status="completed", medicationCodeableConcept=code,
                        whenHandedOver="2023-08-01")  # fmt: skip


NOT_READ = "Not read, or only in part: "


def test_dispenses_and_documents_that_are_not_there_are_said_not_to_be_read_and_leave_nothing_else_open(
    service: Client,
) -> None:
    chart = charts.second_line()
    del chart["medicationDispenses"], chart["documents"]
    advice = cards(service, "patient-view", chart)[0]
    assert advice["summary"].startswith(SECOND)
    assert f"{NOT_READ}the medications dispensed, documents such as letters" in advice["detail"]
    none = {"medicationDispenses": charts.searchset([]), "letters": charts.searchset([letter()])}
    assert NOT_READ not in cards(service, "patient-view", charts.second_line() | none)[0]["detail"]
    half = {"medicationDispenses": charts.searchset([]) | {"total": 9}}
    advice = cards(service, "patient-view", charts.second_line() | half)[0]
    assert advice["summary"].startswith("undetermined: ")
    assert "the medications dispensed (only some of them were sent)" in advice["detail"]


@pytest.mark.parametrize(
    "sent",
    [None, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}],
    ids=["an EHR that has none", "an EHR that refuses them"],
)
def test_documents_that_cannot_be_had_are_named_and_no_error(sent: object, service: Client) -> None:
    advice = cards(service, "patient-view", charts.second_line() | {"documents": sent})[0]
    assert advice["summary"].startswith(SECOND)
    assert f"{NOT_READ}documents such as letters" in advice["detail"]


def test_documents_of_which_only_a_page_came_are_read_as_far_and_named(service: Client) -> None:
    told = letter() | {"description": "Letter: had T-DM1 elsewhere"}
    some = charts.searchset([told]) | {"total": 9}
    advice = cards(service, "patient-view", charts.second_line() | {"documents": some})[0]
    assert advice["summary"].startswith("undetermined: ")
    assert f"{NOT_READ}documents such as letters" in advice["detail"]


def letter() -> dict[str, Any]:
    return charts.about("DocumentReference", "letter", charts.PATIENT, status="current", description="Mammography")


@pytest.mark.parametrize("key", ["medicationDispenses", "pharmacy"])
def test_dispenses_are_read_under_their_key_or_another(key: str, service: Client) -> None:
    given = {key: charts.searchset([dispensed("trastuzumab_deruxtecan")])}
    (before, *_), (after, *_) = (
        cards(service, "order-sign", charts.second_line() | more, "trastuzumab_deruxtecan") for more in ({}, given)
    )
    assert before["summary"] != after["summary"]


def test_what_is_sent_again_under_another_key_counts_once_and_what_is_no_resource_is_ignored(service: Client) -> None:
    chart = charts.second_line()
    again = {"again": chart["medicationAdministrations"], "user": {"name": "x"}, "count": 5, "who": chart["patient"]}
    one, two = (cards(service, "patient-view", own)[0] for own in (chart, chart | again))
    assert (one["summary"], one["detail"]) == (two["summary"], two["detail"])


def test_a_server_that_is_not_allowed_is_named_as_the_reason(own_cache: None, caplog: pytest.LogCaptureFixture) -> None:
    chart = charts.second_line()
    del chart["medicationStatements"]
    with asking(Settings(public_url=SITE, fhir_servers=(f"{EHR}/fhir",))) as client:
        answer = call(client, "patient-view", chart, fhirServer="https://other.example.org/fhir")
    assert "the health record's server is not an allowed server" in answer.json()["cards"][0]["detail"]
    assert "is not an allowed server" in caplog.text
