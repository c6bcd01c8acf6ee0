"""CDS Hooks as the specification has it, asked of a real service with charts in FHIR."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import charts
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from running import Running, serving

from reasoner import Guideline
from reasoner.serve.cards import markdown, regimens_of

SITE = "https://reasoner.example.org/cds"
EHR = "https://ehr.example.org"
PAGE = "https://sandbox.example.org"
LUNG_DISEASE = ("233703007", "2020-01-01")


@pytest.fixture(scope="module")
def service(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("hooks"), "--public-url", f"{SITE}/", "--allow-origin", PAGE) as running:
        yield running


def call(service: Running, hook: str, prefetch: dict[str, Any] | None, *ordered: str, **more: object) -> httpx.Response:
    body = charts.hook_call(hook, prefetch, ordered) | more
    return service.client.post(f"/cds-services/guideline-{hook}", json=body)


def cards(service: Running, hook: str, prefetch: dict[str, Any], *ordered: str) -> list[dict[str, Any]]:
    answer = call(service, hook, prefetch, *ordered)
    assert answer.status_code == 200, answer.text
    found = answer.json()["cards"]
    for card in found:
        check_card(card)
    assert len({card["uuid"] for card in found}) == len(found)
    return found


def nothing_empty(value: object) -> bool:
    """Tell that no value within is null or empty, as the specification asks."""
    if isinstance(value, dict):
        return bool(value) and all(map(nothing_empty, value.values()))
    if isinstance(value, list):
        return bool(value) and all(map(nothing_empty, value))
    return value is not None and value != ""


def check_card(card: dict[str, Any]) -> None:
    """Check a card by every rule that the specification has for it."""
    assert {"summary", "indicator", "source"} <= set(card)
    assert nothing_empty(card)
    UUID(card["uuid"])
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"]
    assert {"code", "system"} <= set(card["source"]["topic"])
    assert ("suggestions" in card) == ("selectionBehavior" in card)
    assert card.get("selectionBehavior", "any") in ("any", "at-most-one")
    for suggestion in card.get("suggestions", ()):
        UUID(suggestion["uuid"])
        assert suggestion["label"]
        for action in suggestion["actions"]:
            assert action["type"] in ("create", "update", "delete")
            assert action["description"]
            assert ("resource" in action) == (action["type"] != "delete")
            assert ("resourceId" in action) == (action["type"] == "delete")
    assert all(reason["code"] and reason["system"] and reason["display"] for reason in card.get("overrideReasons", ()))
    for link in card["links"]:
        assert link["label"]
        assert link["type"] == "absolute"
        assert link["url"].startswith(f"{SITE}/#record=")
    assert card["source"]["url"] == f"{SITE}/"


def test_discovery_lists_each_service_once_with_what_it_needs(service: Running, curated: Guideline) -> None:
    services = service.client.get("/cds-services").json()["services"]
    assert nothing_empty(services)
    assert len({found["id"] for found in services}) == len(services) == 3
    assert {found["hook"] for found in services} == {"patient-view", "order-select", "order-sign"}
    for found in services:
        assert {"hook", "title", "description", "id", "prefetch"} <= set(found)
        assert curated.model.disclaimer in found["description"]
        for template in found["prefetch"].values():
            assert re.fullmatch(
                r"Patient/\{\{context\.patientId\}\}|[A-Z]\w+\?patient=\{\{context\.patientId\}\}.*", template
            )
        kinds = {re.match(r"\w+", template)[0] for template in found["prefetch"].values()}  # type: ignore[index]
        assert kinds >= {"Patient", "Condition", "Observation", "MedicationRequest", "MedicationAdministration"}


def test_a_patient_gets_what_is_recommended_and_what_to_record(service: Running) -> None:
    advice, missing = cards(service, "patient-view", charts.second_line())
    assert advice["indicator"] == missing["indicator"] == "info"
    assert advice["summary"].startswith("second line: trastuzumab deruxtecan (T-DXd) (preferred, certain if no interstitial")
    assert "L17; ref. 1, 2, 5; DESTINY-Breast03" in advice["detail"]
    assert "No medical advice." in advice["detail"]
    assert "Has there ever been interstitial lung disease?" in missing["detail"]
    assert len(missing["suggestions"]) == 6
    action = missing["suggestions"][0]["actions"][0]
    task = {"resourceType": "Task", "status": "draft", "intent": "proposal", "description": action["description"]}
    assert action["resource"] == {**task, "for": {"reference": f"Patient/{charts.PATIENT}"}}


def test_the_link_opens_the_record_that_was_read(service: Running, curated: Guideline) -> None:
    (advice, _) = cards(service, "patient-view", charts.second_line())
    fragment = advice["links"][0]["url"].partition("#record=")[2]
    record = json.loads(base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4)))
    assert (record["id"], record["her2"], record["metastatic"]) == (charts.PATIENT, "positive", True)
    answer = curated.answer(record)
    assert (answer.setting, answer.recommended[0].regimen) == ("second_line", "trastuzumab_deruxtecan")


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_order_of_an_excluded_regimen_is_warned_of_with_the_answers_reason(
    hook: str, service: Running, curated: Guideline
) -> None:
    chart = charts.second_line(conditions=[LUNG_DISEASE])
    (warning,) = cards(service, hook, chart, "trastuzumab_deruxtecan")
    fragment, _, why = warning["links"][0]["url"].partition("#record=")[2].partition("&why=")
    record = json.loads(base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4)))
    (against,) = [e for e in curated.answer(record).excluded if e.regimen == "trastuzumab_deruxtecan"]
    assert why == "trastuzumab_deruxtecan"
    assert warning["indicator"] == "warning"
    label = curated.model.label("regimen", "trastuzumab_deruxtecan")
    assert warning["summary"] == f"{label} is excluded: {against.because[0].words}"
    for reason in against.because:
        assert markdown(reason.words) in warning["detail"]
        assert markdown(curated.model.annotations[reason.annotation].text) in warning["detail"]
        assert f"\\[{reason.annotation};" in warning["detail"]
    (suggestion,) = warning["suggestions"]
    assert [(action["type"], action["resourceId"]) for action in suggestion["actions"]] == [
        ("delete", "MedicationRequest/draft-trastuzumab_deruxtecan")
    ]
    assert len(warning["overrideReasons"]) >= 3


def test_what_is_not_recorded_makes_a_warning_conditional_and_says_what_to_record(service: Running) -> None:
    warning, missing = cards(service, "order-sign", charts.second_line(), "trastuzumab_deruxtecan")
    assert warning["indicator"] == "warning"
    assert warning["summary"].endswith("is excluded if interstitial lung disease, present or past")
    assert "**Recommended**" in warning["detail"]
    assert "Has there ever been interstitial lung disease?" in missing["detail"]
    assert "re-biopsied" not in missing["detail"]


def test_a_course_in_parts_is_the_regimen_that_it_makes_up(service: Running, curated: Guideline) -> None:
    def of(*drugs: str) -> list[str]:
        return regimens_of(drugs, curated.model)

    assert of("trastuzumab", "pertuzumab", "docetaxel") == ["trastuzumab_pertuzumab_taxane"]
    assert of("trastuzumab", "pertuzumab", "docetaxel", "paclitaxel") == ["trastuzumab_pertuzumab_taxane"]
    assert of("trastuzumab", "pertuzumab") == ["trastuzumab_pertuzumab"]
    assert (
        of("trastuzumab", "pertuzumab", "carboplatin") == of("trastuzumab") == of("trastuzumab", "docetaxel") == of() == []
    )
    (warning, *_) = cards(service, "order-sign", charts.second_line(), "trastuzumab", "pertuzumab", "docetaxel")
    assert "excluded: progression on all parts of the regimen" in warning["summary"]
    assert len(warning["suggestions"][0]["actions"]) == 3


def test_a_drug_of_excluded_regimens_alone_is_warned_of_and_another_is_not(service: Running) -> None:
    ordered = ("docetaxel", "trastuzumab_emtansine", "trastuzumab")
    (warning,) = cards(service, "order-sign", charts.second_line(conditions=[LUNG_DISEASE]), *ordered)[:-1]
    assert warning["summary"] == "Every regimen with docetaxel is excluded"
    assert [a["resourceId"] for a in warning["suggestions"][0]["actions"]] == ["MedicationRequest/draft-docetaxel"]
    _, missing = cards(service, "order-sign", charts.second_line(), "docetaxel", "trastuzumab_deruxtecan")
    assert (missing["indicator"], "interstitial lung disease?" in missing["detail"]) == ("info", True)


def test_an_order_that_the_guideline_has_nothing_against_gets_no_warning(service: Running) -> None:
    chart = charts.second_line(conditions=[LUNG_DISEASE])
    (card, *_) = cards(service, "order-sign", chart, "trastuzumab_emtansine")
    assert (card["indicator"], "is recommended (rank 1, alternative" in card["summary"]) == ("info", True)


def test_orders_of_other_drugs_or_that_were_not_selected_get_no_cards(service: Running) -> None:
    assert call(service, "order-sign", charts.second_line(), "abemaciclib").content == b'{"cards":[]}'
    body = charts.hook_call("order-select", charts.second_line(), ["trastuzumab_deruxtecan", "abemaciclib"])
    body["context"]["selections"] = ["MedicationRequest/draft-abemaciclib"]
    assert service.client.post("/cds-services/guideline-order-select", json=body).json() == {"cards": []}


@pytest.mark.parametrize(
    "conditions", [[], [("94381002", "2022-01-01"), ("84114007", "2021-01-01")]], ids=["healthy", "another cancer"]
)
def test_a_chart_that_does_not_concern_the_guideline_gets_no_cards(
    conditions: list[tuple[str, str]], service: Running
) -> None:
    chart = dict.fromkeys(charts.second_line())
    chart["patient"] = {"resourceType": "Patient", "id": charts.PATIENT}
    chart["conditions"] = charts.searchset([charts.condition(f"c{n}", *row) for n, row in enumerate(conditions)])
    assert cards(service, "patient-view", chart) == []


def test_a_patient_out_of_scope_gets_no_cards(service: Running) -> None:
    chart = charts.second_line()
    negative = charts.observation("her2-again", "18474-7", "260385009", "2023-08-01")
    chart["observations"]["entry"].append({"resource": negative})
    assert cards(service, "patient-view", chart) == []


def test_a_chart_that_leaves_open_what_is_required_gets_a_card_that_says_so(service: Running) -> None:
    chart = charts.second_line()
    del chart["conditions"]["entry"][0]["resource"]["onsetDateTime"]
    (card,) = cards(service, "patient-view", chart)
    assert card["summary"].startswith("The record cannot be answered as it is: metastatic\\_therapy".replace("\\", ""))
    assert "given before metastasis or since?" in card["detail"]


def test_what_contradicts_itself_in_the_chart_is_said_on_the_card(service: Running) -> None:
    chart = charts.second_line()
    negative = charts.observation("her2-also", "18474-7", "260385009", "2023-02-03")
    chart["observations"]["entry"].append({"resource": negative})
    advice = cards(service, "patient-view", chart)[0]
    assert "**How the record was read**" in advice["detail"]
    assert "the record contradicts itself, so this stays unknown: positive" in advice["detail"]


def test_text_of_a_chart_is_shown_and_never_read_as_markdown(service: Running) -> None:
    chart = charts.second_line()
    negative = charts.observation("her2-also", "18474-7", "260385009", "2023-02-03")
    negative["code"]["coding"][0]["display"] = "<img src=x onerror=alert(1)> [pay](http://evil.example) **now**\n# here"
    chart["observations"]["entry"].append({"resource": negative})
    detail = cards(service, "patient-view", chart)[0]["detail"]
    assert r"\<img src=x onerror=alert(1)\> \[pay\](http\://evil.example) \*\*now\*\* \# here" in detail


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        (["observations"], "lacks observations"),
        (["patient", "conditions"], "lacks patient, conditions"),
        (["medicationRequests", "medicationStatements", "medicationAdministrations"], "lacks medicationRequests or"),
    ],
)
def test_prefetch_that_lacks_what_is_needed_fails_a_precondition(lacking: list[str], words: str, service: Running) -> None:
    chart = charts.second_line()
    for key in lacking:
        del chart[key]
    check_outcome(call(service, "patient-view", chart), 412, words)


def check_outcome(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert (issue["severity"], words in issue["diagnostics"]) == ("error", True), issue


def test_what_could_not_be_obtained_or_is_one_page_of_several_fails_a_precondition(service: Running) -> None:
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
def test_a_malformed_call_is_refused(change: dict[str, object], status: int, words: str, service: Running) -> None:
    body = charts.hook_call("patient-view", charts.second_line()) | change
    check_outcome(service.client.post("/cds-services/guideline-patient-view", json=body), status, words)


def test_a_call_without_its_drafts_or_that_is_no_json_is_refused(service: Running) -> None:
    body = charts.hook_call("order-sign", charts.second_line(), ["docetaxel"])
    del body["context"]["draftOrders"]
    check_outcome(service.client.post("/cds-services/guideline-order-sign", json=body), 400, "missing")
    check_outcome(service.client.post("/cds-services/guideline-order-sign", content=b"{"), 400, "not valid JSON")
    check_outcome(service.client.post("/cds-services/nothing", json=body), 404, 'nothing is at "/cds-services/nothing"')
    odd = charts.second_line() | {"conditions": {"resourceType": "Bundle", "link": 5, "entry": [3, {"next": 1}]}}
    assert call(service, "patient-view", odd).status_code == 200


def test_calls_differ_in_their_ids_alone(service: Running) -> None:
    chart = charts.second_line()
    first, again = (call(service, "patient-view", chart).content for _ in range(2))
    assert first == again
    other = call(service, "patient-view", chart, hookInstance="11111111-dfbe-44ad-ba6d-3e05e953b2ea").json()["cards"]
    for one, two in zip(json.loads(first)["cards"], other, strict=True):
        assert one["uuid"] != two["uuid"]
        assert (one["summary"], one["detail"], one["links"]) == (two["summary"], two["detail"], two["links"])


def test_patients_with_the_same_facts_each_get_their_own_cards(service: Running) -> None:
    own = cards(service, "patient-view", charts.second_line())
    body = charts.hook_call("patient-view", charts.second_line("another"))
    body["context"]["patientId"] = "another"
    answer = service.client.post("/cds-services/guideline-patient-view", json=body).json()["cards"]
    assert [card["summary"] for card in answer] == [card["summary"] for card in own]
    assert charts.PATIENT not in json.dumps(answer)
    assert answer[1]["suggestions"][0]["actions"][0]["resource"]["for"] == {"reference": "Patient/another"}


def test_feedback_is_taken_and_only_counted(service: Running) -> None:
    (warning,) = cards(service, "order-sign", charts.second_line(conditions=[LUNG_DISEASE]), "trastuzumab_deruxtecan")
    path, when = "/cds-services/guideline-order-sign/feedback", "2024-01-01T10:00:00Z"
    accepted = {"card": warning["uuid"], "outcome": "accepted", "outcomeTimestamp": when,
                "acceptedSuggestions": [{"id": warning["suggestions"][0]["uuid"]}]}  # fmt: skip
    reason = warning["overrideReasons"][0]
    overridden = {"card": warning["uuid"], "outcome": "overridden", "outcomeTimestamp": when,
                  "overrideReason": {"reason": reason, "userComment": "for Ottilie"}}  # fmt: skip
    assert service.client.post(path, json={"feedback": [accepted, overridden]}).status_code == 200
    counts = service.client.get("/metrics").text
    assert 'feedback_total{outcome="accepted",reason="none",service="guideline-order-sign"} 1.0' in counts
    assert f'outcome="overridden",reason="{reason["code"]}",service="guideline-order-sign"}} 1.0' in counts
    del accepted["acceptedSuggestions"]
    check_outcome(service.client.post(path, json={"feedback": [accepted]}), 400, "acceptedSuggestions")
    check_outcome(service.client.post(path, json={"feedback": [{"card": "x", "outcome": "ignored"}]}), 400, "outcome")


def test_browsers_may_call_from_where_it_was_allowed_and_from_nowhere_else(service: Running) -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    path = "/cds-services/guideline-patient-view"
    allowed = service.client.options(path, headers={"Origin": PAGE, **ask})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, PAGE)
    assert {"authorization", "content-type"} <= set(allowed.headers["access-control-allow-headers"].lower().split(", "))
    assert service.client.get("/cds-services", headers={"Origin": PAGE}).headers["access-control-allow-origin"] == PAGE
    refused = service.client.options(path, headers={"Origin": "https://evil.example", **ask})
    assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (400, False)
    stranger = service.client.get("/cds-services", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = ec.generate_private_key(ec.SECP384R1())


@pytest.fixture(scope="module")
def guarded(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("guarded")
    own = [
        {**jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ec", "alg": "ES384"},
        {**jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa", "alg": "RS384"},
    ]
    (folder / "keys.json").write_text(json.dumps({"keys": own}))
    options = ("--keys", folder / "keys.json", "--issuer", EHR, "--public-url", SITE, "--workers", "2")
    with serving(folder, *options) as running:
        yield running


def token(key: Any = EC_KEY, algorithm: str = "ES384", kid: str = "ec", typ: str = "JWT", **changes: object) -> str:
    token.made = getattr(token, "made", 0) + 1  # type: ignore[attr-defined]
    now = int(time.time())
    claims = {"iss": EHR, "aud": f"{SITE}/cds-services", "exp": now + 300, "iat": now, "jti": f"t{token.made}"}  # type: ignore[attr-defined]
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, key, algorithm, {"kid": kid, "typ": typ})


def discover(service: Running, bearer: str | None) -> httpx.Response:
    return httpx.get(f"{service.url}/cds-services", headers={} if bearer is None else {"Authorization": f"Bearer {bearer}"})


def test_a_clients_token_opens_discovery_services_and_feedback(guarded: Running) -> None:
    assert discover(guarded, token()).status_code == 200
    assert discover(guarded, token(RSA_KEY, "RS384", "rsa", aud=[f"{SITE}/cds-services"])).status_code == 200
    path = "/cds-services/guideline-patient-view"
    body = charts.hook_call("patient-view", charts.second_line())
    mine = {"Authorization": f"Bearer {token(aud=SITE + path)}"}
    assert len(guarded.client.post(path, json=body, headers=mine).json()["cards"]) == 2
    mine = {"Authorization": f"Bearer {token(aud=f'{SITE}{path}/feedback')}"}
    assert guarded.client.post(f"{path}/feedback", json={"feedback": []}, headers=mine).status_code == 200
    assert guarded.client.post("/api/answer", json={"patient": {"id": "p", "metastatic_therapy": []}}).status_code == 200


@pytest.mark.parametrize(
    "bad",
    [
        lambda: None,
        lambda: "Bearer",
        lambda: "nonsense",
        lambda: token(OTHER_KEY),
        lambda: token(kid="other"),
        lambda: token(RSA_KEY, "RS384", kid="ec"),
        lambda: token(RSA_KEY, "RS256", kid="rsa"),
        lambda: token("a secret of thirty-two characters", "HS256"),
        lambda: jwt.encode({"iss": EHR}, None, "none", {"kid": "ec"}),
        lambda: token(typ="at+jwt"),
        lambda: token(aud=f"{SITE}/cds-services/guideline-order-sign"),
        lambda: token(aud="https://other.example/cds-services"),
        lambda: token(iss="https://other.example"),
        lambda: token(exp=int(time.time()) - 60),
        lambda: token(exp=int(time.time()) + 86_400),
        lambda: token(iat=int(time.time()) + 600),
        *(lambda name=name: token(**{name: None}) for name in ("iss", "aud", "exp", "iat", "jti")),
        lambda: token()[:-8] + "AAAAAAAA",
    ],
)  # fmt: skip
def test_every_kind_of_wrong_token_is_refused(bad: Any, guarded: Running) -> None:
    answer = discover(guarded, bad())
    check_outcome(answer, 401, "token")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_is_good_once_in_all_workers(guarded: Running) -> None:
    once = token()
    statuses = [discover(guarded, once).status_code for _ in range(12)]
    assert statuses == [200] + [401] * 11


def test_without_a_token_nothing_of_a_call_is_read(guarded: Running) -> None:
    path: Path | str = "/cds-services/guideline-patient-view"
    check_outcome(guarded.client.post(path, content=b"{"), 401, "no bearer token")
    check_outcome(guarded.client.post(f"{path}/feedback", content=b"{"), 401, "no bearer token")
