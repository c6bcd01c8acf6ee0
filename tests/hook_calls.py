"""Calls of CDS services, and the rules that the specification has for their cards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import charts
import httpx
from in_process import Client

SITE = "https://reasoner.example.org/cds"
EHR = "https://ehr.example.org"
SANDBOX = "https://sandbox.example.org"
LUNG_DISEASE = ("233703007", "2020-01-01")


def call(service: Client, hook: str, prefetch: dict[str, Any] | None, *ordered: str, **more: object) -> httpx.Response:
    body = charts.hook_call(hook, prefetch, ordered) | more
    return service.post(f"/cds-services/guideline-{hook}", json=body)


def cards(service: Client, hook: str, prefetch: dict[str, Any], *ordered: str) -> list[dict[str, Any]]:
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
    assert len(card["detail"]) < 1200
    assert len(card["detail"].splitlines()) <= 5
    assert len(card["links"]) == 1
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


def check_outcome(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert (issue["severity"], words in issue["diagnostics"]) == ("error", True), issue
