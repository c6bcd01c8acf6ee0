"""CDS Hooks as the specification has it: the cards that charts in FHIR get, asked without a server."""

from __future__ import annotations

import base64
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import charts
import pytest
from hook_calls import LUNG_DISEASE, SANDBOX, SITE, call, cards, check_outcome, nothing_empty
from in_process import Client, asking
from records import random_record

from reasoner import Guideline, RecordError
from reasoner.serve.drafts import about_patient
from reasoner.serve.markdown import markdown
from reasoner.serve.settings import Settings


@pytest.fixture(scope="module")
def service(own_cache: None) -> Iterator[Client]:
    with asking(Settings(public_url=SITE, origins=(SANDBOX,))) as client:
        yield client


def test_discovery_lists_each_service_once_with_what_it_needs(service: Client, curated: Guideline) -> None:
    services = service.get("/cds-services").json()["services"]
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


def test_a_patient_gets_what_is_recommended_and_what_to_record(service: Client) -> None:
    advice, missing = cards(service, "patient-view", charts.second_line())
    assert advice["indicator"] == missing["indicator"] == "info"
    assert advice["summary"].startswith("second line: trastuzumab deruxtecan (T-DXd) (preferred, certain if no interstitial")
    assert "T-DXd is the preferred treatment (DESTINY-Breast03)." in advice["detail"]
    assert "No medical advice." in advice["detail"]
    action = missing["suggestions"][0]["actions"][0]
    task = {"resourceType": "Task", "status": "draft", "intent": "proposal", "description": action["description"]}
    assert action["resource"] == {**task, "for": {"reference": f"Patient/{charts.PATIENT}"}}


def suggested(card: dict[str, Any]) -> list[str]:
    return [suggestion["label"] for suggestion in card["suggestions"]]


def test_the_link_opens_the_record_that_was_read(service: Client, curated: Guideline) -> None:
    (advice, _) = cards(service, "patient-view", charts.second_line())
    fragment = advice["links"][0]["url"].partition("#record=")[2]
    record = json.loads(base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4)))
    assert (record["id"], record["her2"], record["metastatic"]) == (charts.PATIENT, "positive", True)
    answer = curated.answer(record)
    assert (answer.setting, answer.recommended[0].regimen) == ("second_line", "trastuzumab_deruxtecan")


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_order_of_an_excluded_regimen_is_warned_of_with_the_answers_reason(
    hook: str, service: Client, curated: Guideline
) -> None:
    chart = charts.second_line(conditions=[LUNG_DISEASE])
    (warning,) = cards(service, hook, chart, "trastuzumab_deruxtecan")
    fragment, _, why = warning["links"][0]["url"].partition("#record=")[2].partition("&why=")
    record = json.loads(base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4)))
    (against,) = [e for e in curated.answer(record).excluded if e.regimen == "trastuzumab_deruxtecan"]
    assert why == "trastuzumab_deruxtecan"
    assert warning["indicator"] == "warning"
    label = curated.model.label("regimen", "trastuzumab_deruxtecan")
    assert warning["summary"] == f"{label} is excluded: {against.reasons[0].words}"
    for reason in against.reasons:
        assert markdown(reason.words) in warning["detail"]
        assert markdown(curated.model.annotations[reason.annotation].text) in warning["detail"]
        assert not re.search(rf"\b{reason.annotation}\b", warning["detail"])
    (suggestion,) = warning["suggestions"]
    assert [(action["type"], action["resourceId"]) for action in suggestion["actions"]] == [
        ("delete", "MedicationRequest/draft-trastuzumab_deruxtecan")
    ]
    assert len(warning["overrideReasons"]) >= 3


def test_an_order_of_what_is_recommended_gets_no_warning_but_its_rank_and_what_to_rule_out_first(service: Client) -> None:
    advice, missing = cards(service, "order-sign", charts.second_line(), "trastuzumab_deruxtecan")
    assert (advice["indicator"], "overrideReasons" in advice, "suggestions" in advice) == ("info", False, False)
    assert "is recommended (rank 1 at best, preferred, certain if no interstitial lung disease" in advice["summary"]
    assert "**Rule out first:** interstitial lung disease, present or past" in advice["detail"]
    assert "Find out: Has there ever been interstitial lung disease?" in suggested(missing)
    assert not any("re-biopsied" in label for label in suggested(missing))


def test_an_order_of_what_is_excluded_names_what_is_recommended_instead(service: Client) -> None:
    ill = charts.second_line(conditions=[LUNG_DISEASE])
    for ordered in (["trastuzumab_deruxtecan"], ["trastuzumab", "pertuzumab", "docetaxel"], ["docetaxel"]):
        warning = cards(service, "order-sign", ill, *ordered)[0]
        assert warning["indicator"] == "warning"
        assert "**Recommended instead:** trastuzumab emtansine (T-DM1) (rank 1 at best, alternative" in warning["detail"]


def test_every_fact_to_record_has_its_suggestion_or_is_named_as_having_none(service: Client) -> None:
    chart = charts.second_line() | {"observations": charts.searchset([])}
    chart["conditions"]["entry"] = chart["conditions"]["entry"][:1]
    for own in (charts.second_line(), chart):
        _, missing = cards(service, "patient-view", own)
        without = re.search(r"\*\*Without a suggestion here:\*\* (.*)", missing["detail"])
        named = [] if without is None else without[1].split("; ")
        count = int(re.search(r"(\d+) unrecorded facts", missing["summary"])[1])  # type: ignore[index]
        assert len(named) + len(missing["suggestions"]) == count
        assert all(question.endswith("?") for question in named)


def test_an_order_where_the_chart_leaves_therapy_open_is_not_judged_and_gets_what_the_chart_tells_of_it(
    service: Client,
) -> None:
    chart = charts.second_line()
    del chart["observations"]
    (card, *_) = cards(service, "order-sign", chart, "trastuzumab_deruxtecan")
    assert card["summary"].endswith("cannot be judged until it is known which therapy was given")
    assert "the chart tells: trastuzumab + pertuzumab + docetaxel (2023-03-01 to 2023-06-14)" in card["detail"]
    assert "recommended" not in card["summary"] + card["detail"]


def test_a_card_says_that_what_untreated_patients_are_told_does_not_apply_to_one_who_was_treated(service: Client) -> None:
    chart = charts.second_line()
    unread = {"status": "unknown", "medicationCodeableConcept": {"text": "not legible"}, "effectiveDateTime": "2024-01-05"}
    chart["medicationStatements"] = charts.searchset([charts.about("MedicationStatement", "x", charts.PATIENT, **unread)])
    (card, *_) = cards(service, "patient-view", chart)
    assert "as the chart reads, therapy for metastatic disease was given: what is said of untreated" in card["detail"]
    assert "the chart tells: trastuzumab + pertuzumab + docetaxel (2023-03-01 to 2023-06-14)" in card["detail"]


def test_a_course_in_parts_is_the_regimen_that_it_makes_up(service: Client, curated: Guideline) -> None:
    def of(*drugs: str) -> list[str]:
        return [regimen for regimen in curated.model.regimens if curated.model.is_regimen(drugs, regimen)]

    assert of("trastuzumab", "pertuzumab", "docetaxel") == ["trastuzumab_pertuzumab_taxane"]
    assert of("trastuzumab", "pertuzumab", "docetaxel", "paclitaxel") == ["trastuzumab_pertuzumab_taxane"]
    assert of("trastuzumab", "pertuzumab") == ["trastuzumab_pertuzumab"]
    assert (
        of("trastuzumab", "pertuzumab", "carboplatin") == of("trastuzumab") == of("trastuzumab", "docetaxel") == of() == []
    )
    (warning, *_) = cards(service, "order-sign", charts.second_line(), "trastuzumab", "pertuzumab", "docetaxel")
    assert "excluded: progression in a course that contained it" in warning["summary"]
    assert len(warning["suggestions"][0]["actions"]) == 3


def test_a_drug_of_excluded_regimens_alone_is_warned_of_and_another_is_not(service: Client) -> None:
    ordered = ("docetaxel", "trastuzumab_emtansine", "trastuzumab")
    (warning,) = cards(service, "order-sign", charts.second_line(conditions=[LUNG_DISEASE]), *ordered)[:-1]
    assert warning["summary"] == "Every regimen with docetaxel is excluded"
    assert [a["resourceId"] for a in warning["suggestions"][0]["actions"]] == ["MedicationRequest/draft-docetaxel"]
    _, missing = cards(service, "order-sign", charts.second_line(), "docetaxel", "trastuzumab_deruxtecan")
    assert (missing["indicator"], "Find out: Has there ever been interstitial lung disease?" in suggested(missing)) == (
        "info",
        True,
    )


def test_an_order_that_the_guideline_has_nothing_against_gets_no_warning(service: Client) -> None:
    chart = charts.second_line(conditions=[LUNG_DISEASE])
    (card, *_) = cards(service, "order-sign", chart, "trastuzumab_emtansine")
    assert (card["indicator"], "is recommended (rank 1 at best, alternative" in card["summary"]) == ("info", True)


def drafted(concept: object, patient: str = charts.PATIENT) -> dict[str, Any]:
    """Make a call about one draft order; without a concept it has no medication yet."""
    draft = charts.about("MedicationRequest", "d", patient, status="draft", intent="order")
    if concept is not None:
        draft["medicationCodeableConcept"] = concept
    body = charts.hook_call("order-sign", charts.second_line())
    return body | {"context": body["context"] | {"draftOrders": charts.searchset([draft]), "selections": None}}


def test_orders_of_other_drugs_of_none_yet_or_that_were_not_selected_get_no_cards(service: Client) -> None:
    other = drafted(charts.coded("http://www.whocc.no/atc", "L01EF03"))
    assert service.post("/cds-services/guideline-order-sign", json=other).json() == {"cards": []}
    body = charts.hook_call("order-select", charts.second_line(), ["trastuzumab_deruxtecan", "abemaciclib"])
    body["context"]["selections"] = ["MedicationRequest/another"]
    assert service.post("/cds-services/guideline-order-sign", json=drafted(None)).json() == {"cards": []}
    assert service.post("/cds-services/guideline-order-select", json=body).json() == {"cards": []}


@pytest.mark.parametrize(
    ("concept", "words"),
    [
        (charts.coded("http://hl7.org/fhir/sid/ndc", "99999-999-99"), "99999-999-99"),
        ({"text": "Study medication 17"}, "Study medication 17"),
        ({}, "MedicationRequest/d"),
        (7, "MedicationRequest/d"),
    ],
    ids=["a code", "a text", "nothing", "what is no concept"],
)
def test_an_order_whose_medication_no_table_knows_is_said_not_to_be_judged(
    concept: object, words: str, service: Client
) -> None:
    (card,) = service.post("/cds-services/guideline-order-sign", json=drafted(concept)).json()["cards"]
    assert (card["indicator"], card["summary"]) == (
        "info",
        "The medication of an order was not recognised, so the order was not judged",
    )
    assert f"**Not judged:** {words}" in card["detail"]


def test_an_order_about_another_patient_is_not_judged_as_this_ones(service: Client) -> None:
    body = drafted(charts.drug("trastuzumab_deruxtecan"), "somebody-else")
    (card,) = service.post("/cds-services/guideline-order-sign", json=body).json()["cards"]
    assert card["summary"] == "An order is about another patient, so it was not judged"


@pytest.mark.parametrize(
    "conditions", [[], [("94381002", "2022-01-01"), ("84114007", "2021-01-01")]], ids=["healthy", "another cancer"]
)
def test_a_chart_that_does_not_concern_the_guideline_gets_no_cards(
    conditions: list[tuple[str, str]], service: Client
) -> None:
    chart = dict.fromkeys(charts.second_line(), charts.searchset([]))
    chart["patient"] = {"resourceType": "Patient", "id": charts.PATIENT}
    chart["conditions"] = charts.searchset([charts.condition(f"c{n}", *row) for n, row in enumerate(conditions)])
    assert cards(service, "patient-view", chart) == []


def test_a_breast_cancer_whose_her2_status_is_in_doubt_gets_cards(service: Client) -> None:
    chart = dict.fromkeys(charts.second_line(), charts.searchset([]))
    chart |= {key: charts.second_line()[key] for key in ("patient", "conditions")}
    assert cards(service, "patient-view", chart) == []
    chart["observations"] = charts.searchset([charts.observation("her2", "18474-7", "419984006", "2023-02-03")])
    assert "HER2 status: the latest result of HER2 is inconclusive" in cards(service, "patient-view", chart)[0]["detail"]


def test_a_patient_out_of_scope_gets_no_cards(service: Client) -> None:
    chart = charts.second_line()
    negative = charts.observation("her2-again", "18474-7", "260385009", "2023-08-01")
    chart["observations"]["entry"].append({"resource": negative})
    assert cards(service, "patient-view", chart) == []


def test_a_chart_that_leaves_therapy_open_is_answered_conditionally_and_asks_for_it_first(service: Client) -> None:
    chart = charts.second_line()
    del chart["conditions"]["entry"][0]["resource"]["onsetDateTime"]
    advice, missing = cards(service, "patient-view", chart)
    assert advice["summary"].startswith("undetermined: the advice depends first on this: Which courses were given")
    assert "only if no therapy was given" in advice["detail"]
    assert "one of these is so: given since metastases: docetaxel, pertuzumab, trastuzumab (from " in advice["detail"]
    assert missing["suggestions"][0]["label"].startswith("Find out: Which courses were given for metastatic disease")


def test_a_chart_that_leaves_the_end_of_a_course_open_asks_for_it(service: Client) -> None:
    chart = charts.second_line()
    trend = next(e["resource"] for e in chart["observations"]["entry"] if e["resource"]["id"] == "trend")
    trend["code"]["coding"][0]["code"] = "16112-5"  # a later test of something else
    trend["effectiveDateTime"] = "2024-07-01"
    advice, missing = cards(service, "patient-view", chart)
    assert advice["summary"] == "undetermined: the advice depends first on this: How did course 1 end?"
    assert "Find out: How did course 1 end?" in [suggestion["label"] for suggestion in missing["suggestions"]]


def test_cards_have_no_codes_or_names_of_fields_and_cautions_come_first(service: Client) -> None:
    chart = charts.second_line()
    del chart["observations"]["entry"][-1]
    for card in (*cards(service, "patient-view", chart), *cards(service, "order-sign", chart, "trastuzumab_emtansine")):
        assert not re.search(r"\w\\_\w|rxnorm|MedicationAdministration/|Under R\d+ =", card["detail"]), card["detail"]
        assert max(map(len, card["detail"].splitlines())) < 600
    detail = cards(service, "patient-view", charts.second_line())[0]["detail"]
    assert "**To note:** CAUTION" in detail


def test_a_warning_tells_every_fact_that_stands_against_the_order_before_the_rules(service: Client) -> None:
    chart = charts.second_line(conditions=[("84114007", "2024-01-01")])
    (warning, *_) = cards(service, "order-sign", chart, "trastuzumab", "pertuzumab", "docetaxel")
    (why,) = re.findall(r"\*\*Why:\*\* (.*)", warning["detail"])
    assert why.startswith("Because of: progression in a course that contained it")
    assert "Because of: heart failure" in why


def test_what_contradicts_itself_in_the_chart_is_said_on_the_card(service: Client) -> None:
    chart = charts.second_line()
    negative = charts.observation("her2-also", "18474-7", "260385009", "2023-02-03")
    chart["observations"]["entry"].append({"resource": negative})
    advice = cards(service, "patient-view", chart)[0]
    assert "**To note:**" in advice["detail"]
    assert "the record contradicts itself, so this stays unknown: positive" in advice["detail"]


def test_text_of_a_chart_is_shown_and_never_read_as_markdown(service: Client) -> None:
    chart = charts.second_line()
    negative = charts.observation("her2-also", "18474-7", "260385009", "2023-02-03")
    negative["code"]["coding"][0]["display"] = "<img src=x onerror=f()> [p](http://a.example) **n**\n# h"
    chart["observations"]["entry"].append({"resource": negative})
    detail = cards(service, "patient-view", chart)[0]["detail"]
    assert r"\<img src=x onerror=f()\> \[p\](http\://a.example) \*\*n\*\*" in detail
    assert re.search(r"(?m)^#|[^\\]#", detail) is None


def test_calls_differ_in_their_ids_alone(service: Client) -> None:
    chart = charts.second_line()
    first, again = (call(service, "patient-view", chart).content for _ in range(2))
    assert first == again
    other = call(service, "patient-view", chart, hookInstance="11111111-dfbe-44ad-ba6d-3e05e953b2ea").json()["cards"]
    for one, two in zip(json.loads(first)["cards"], other, strict=True):
        assert one["uuid"] != two["uuid"]
        assert (one["summary"], one["detail"], one["links"]) == (two["summary"], two["detail"], two["links"])


def test_patients_with_the_same_facts_each_get_their_own_cards(service: Client) -> None:
    own = cards(service, "patient-view", charts.second_line())
    body = charts.hook_call("patient-view", charts.second_line("another"))
    body["context"]["patientId"] = "another"
    answer = service.post("/cds-services/guideline-patient-view", json=body).json()["cards"]
    assert [card["summary"] for card in answer] == [card["summary"] for card in own]
    assert charts.PATIENT not in json.dumps(answer)
    assert answer[1]["suggestions"][0]["actions"][0]["resource"]["for"] == {"reference": "Patient/another"}


def counted(service: Client) -> Counter[tuple[str, str]]:
    """Read how often each outcome and reason was fed back."""
    line = r'feedback_total\{outcome="(\w+)",reason="([\w-]+)",service="guideline-order-sign"\} (\d+)'
    return Counter({(o, r): int(n) for o, r, n in re.findall(line, service.get("/metrics").text)})


def test_feedback_is_taken_and_only_counted(service: Client) -> None:
    (warning,) = cards(service, "order-sign", charts.second_line(conditions=[LUNG_DISEASE]), "trastuzumab_deruxtecan")
    path, when = "/cds-services/guideline-order-sign/feedback", "2024-01-01T10:00:00Z"
    accepted = {"card": warning["uuid"], "outcome": "accepted", "outcomeTimestamp": when,
                "acceptedSuggestions": [{"id": warning["suggestions"][0]["uuid"]}]}  # fmt: skip
    reason = warning["overrideReasons"][0]
    overridden = {"card": warning["uuid"], "outcome": "overridden", "outcomeTimestamp": when,
                  "overrideReason": {"reason": reason, "userComment": "for Ottilie"}}  # fmt: skip
    before = counted(service)
    assert service.post(path, json={"feedback": [accepted, overridden]}).status_code == 200
    assert counted(service) - before == {("accepted", "none"): 1, ("overridden", reason["code"]): 1}
    del accepted["acceptedSuggestions"]
    check_outcome(service.post(path, json={"feedback": [accepted]}), 400, "acceptedSuggestions")
    check_outcome(service.post(path, json={"feedback": [{"card": "x", "outcome": "ignored"}]}), 400, "outcome")


def test_the_same_cards_are_for_all_records_that_tell_the_same(curated: Guideline) -> None:
    rng, found = random.Random(5), 0
    while found < 60:
        data = random_record(rng, curated, 0.2)
        other = {k: v + 1 if isinstance(v, int | float) and not isinstance(v, bool) else v for k, v in data.items()}
        try:
            one, two = curated.record(data), curated.record(other)
        except RecordError:
            continue
        if data != other and one.told == two.told:
            found += 1
            assert about_patient(curated.answer(one)) == about_patient(curated.answer(two))
