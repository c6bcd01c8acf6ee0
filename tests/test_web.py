"""The service's page in a real Chromium, against a running service: what is entered, what is sent, and what is shown."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bundles import (
    AFTER_FIRST_LINE,
    FIRST_LINE,
    HER2,
    METASTASES,
    NEGATIVE,
    POSITIVE,
    PROGRESSION,
    bundle,
    condition,
    observation,
    requested,
)
from running import Running, serving

from reasoner import Guideline
from reasoner.render.answer import render

AXE = Path(__file__).parent / "readers/node_modules/axe-core/axe.min.js"
PAGE = Path(__file__).parent.parent / "reasoner/serve/page"
MARSH_FEVER = Path(__file__).parent / "guidelines/marsh_fever"
AFTER_TWO = {"drugs": ["trastuzumab", "paclitaxel"], "outcome": "progression"}
PROGRESSED = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "progression"}
SECOND_LINE = {"id": "p", "her2": "positive", "metastatic_therapy": [PROGRESSED]}
IHC = "loinc:85319-2"
PASTE = """text => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text", text);
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""
SECRET = "Ottilie Quandt"
EVERY_STEP = "Every step of the derivation"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


@contextmanager
def opened(browser: Any, service: Running, record: object = None, **options: Any) -> Iterator[Any]:
    """Open the page; in the end all requests went to the service, none says a thing of the patient in its address, nothing
    is stored, and the console is silent but for records that were refused.
    """
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    context.set_default_timeout(30_000)
    page = context.new_page()
    said: list[str] = []
    asked: list[Any] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request))
    page.goto(address(service, record))
    page.locator("fieldset.field").first.wait_for()
    page.asked = asked
    yield page
    refused = "Failed to load resource: the server responded with a status of 422"
    assert [text for text in said if not text.startswith(refused)] == []
    paths = {request.url.removeprefix(service.url).partition("#")[0] for request in asked if request.url != "about:srcdoc"}
    known = r"/(\?readings=\w+=\w+)?|/page/[a-z]+\.(js|css|svg)|/api/(guideline|answer|why|why-not|ask|graph|facts)|blob:.*"
    assert [path for path in paths if not re.fullmatch(known, path)] == []
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert page.url in (f"{service.url}/", f"{service.url}/#answer")
    context.close()


def address(service: Running, record: object = None, more: str = "") -> str:
    if record is None:
        return f"{service.url}/"
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return f"{service.url}/#record={urlsafe_b64encode(text.encode()).decode().rstrip('=')}{more}"


def settled(page: Any) -> str:
    """Wait for the answer to what is entered, and read it."""
    page.wait_for_timeout(300)
    page.locator('#answers[aria-busy="false"]').wait_for()
    text: str = page.locator("#answers").inner_text()
    return text


def sent(page: Any) -> dict[str, Any]:
    """Read the record that was sent last for an answer."""
    settled(page)
    last = [request for request in page.asked if request.url.endswith("/api/answer")][-1]
    patient: dict[str, Any] = last.post_data_json["patient"]
    return patient


def field(page: Any, name: str) -> Any:
    return page.locator(f'fieldset[data-fact="{name}"]')


def choose(page: Any, name: str, value: str) -> None:
    """Choose one of a field's radio buttons by its label."""
    field(page, name).get_by_role("radio", name=value, exact=True).first.click()


def loaded(page: Any, chart: object) -> None:
    """Load a chart from a file, and wait until it is there to be checked."""
    page.set_input_files("#file", {"name": "b.json", "mimeType": "", "buffer": json.dumps(chart).encode()})
    page.locator(".review").wait_for()


def taken(page: Any, button: str, within: str) -> str:
    """Press a button that offers a file, and read the file."""
    with page.expect_download() as offered:
        page.locator(within).get_by_role("button", name=button, exact=True).click()
    return Path(offered.value.path()).read_text("utf-8")


def test_an_empty_form_leads_to_an_answer_its_reasons_and_its_graph(
    browser: Any, service: Running, curated: Guideline
) -> None:
    with opened(browser, service) as page:
        assert page.locator("#form .field").count() == page.locator("#form .field.unknown").count() == 23
        checked = page.locator("#form input[type=radio]:checked")
        assert Counter(checked.evaluate_all("all => all.map(one => one.parentElement.textContent)")) == {
            "not known whether any was given": 1,
            "unknown": 14,
            "not entered: taken as no": 1,
            "not entered: taken as none": 2,
            "not entered: taken as yes": 1,
        }
        assert page.locator("#disclaimer").text_content() == curated.info.disclaimer
        answer = settled(page)
        assert "Setting\nUndetermined" in answer
        assert "no therapy for metastatic disease was given" in answer
        assert "which therapy for metastatic disease was given, if any" in answer
        page.get_by_role("button", name="which therapy for metastatic disease was given, if any").click()
        assert page.evaluate("document.activeElement.closest('fieldset').dataset.fact") == "metastatic_therapy"
        choose(page, "metastatic_therapy", "none given yet")
        choose(page, "metastatic", "yes")
        choose(page, "her2", "positive")
        choose(page, "hr", "negative")
        choose(page, "adjuvant_drugs", "none")
        assert "Setting\nFirst line" in settled(page)
        assert "Setting: first line" in page.locator("#said").text_content()
        best = page.locator(".recommendation").first
        assert "trastuzumab + pertuzumab + a taxane" in best.inner_text()
        assert "certain if no heart failure, present or past; LVEF decline is none or transient" in best.inner_text()
        best.get_by_role("button", name="Why").click()
        best.get_by_text(EVERY_STEP).click()
        best.get_by_text("The standard of care for HER2-positive metastatic breast cancer").first.wait_for()
        assert "not recorded: heart failure" not in best.inner_text()
        while "not recorded: heart failure" not in best.inner_text():
            best.locator("details:not([open]) > summary", has_text="depends").first.click()
        page.get_by_role("button", name="Explanation graph").click()
        drawn = page.frame_locator("#drawn iframe")
        drawn.locator("#drawing canvas").first.wait_for()
        assert page.locator("#drawn iframe").get_attribute("sandbox") == "allow-scripts"
        assert "trastuzumab + pertuzumab + a taxane" in drawn.locator("#conclusions").inner_text()
        assert 'id="data"' in taken(page, "Download", "#drawing")


def test_what_is_unknown_is_never_sent(browser: Any, service: Running) -> None:
    with opened(browser, service) as page:
        assert sent(page) == {"id": "patient"}
        choose(page, "metastatic_therapy", "none given yet")
        assert sent(page) == {"id": "patient", "metastatic_therapy": []}
        choose(page, "heart_failure", "no")
        choose(page, "unavailable_drugs", "none")
        choose(page, "adjuvant_drugs", "these")
        field(page, "weight_kg").get_by_role("textbox").fill("61,5")
        known = {"heart_failure": False, "unavailable_drugs": [], "weight_kg": 61.5}
        assert sent(page) == {"id": "patient", "metastatic_therapy": [], **known}
        assert "unknown" in field(page, "adjuvant_drugs").get_attribute("class").split()
        assert "Unknown until one is chosen." in field(page, "adjuvant_drugs").inner_text()
        choose(page, "heart_failure", "unknown")
        choose(page, "unavailable_drugs", "not entered: taken as none")
        field(page, "weight_kg").get_by_role("textbox").fill("")
        assert sent(page) == {"id": "patient", "metastatic_therapy": []}


def test_what_is_taken_as_true_is_said_and_can_be_left_open(browser: Any, service: Running) -> None:
    with opened(browser, service, SECOND_LINE) as page:
        line = "Assumed: no LVEF measurement before treatment"
        assert line in settled(page)
        says = "What is not entered stays unknown, except where a field says what it is then taken for"
        assert says in page.locator("#patient").inner_text()
        default = page.locator(".choices:visible", has_text="not entered: taken as")
        assert default.count() == default.filter(has=page.get_by_role("radio", name="unknown", exact=True)).count() == 7
        assert "Left empty, this is taken as: no." in field(page, "lvef_measured").inner_text()
        choose(page, "lvef_measured", "unknown")
        choose(page, "unavailable_drugs", "unknown")
        assert (sent(page)["lvef_measured"], sent(page)["unavailable_drugs"]) == (None, None)
        assert line not in settled(page)
        assert "trastuzumab deruxtecan (T-DXd) among the unavailable drugs" in page.locator(".missing").inner_text()
        choose(page, "unavailable_drugs", "these")
        assert sent(page)["unavailable_drugs"] is None
        page.get_by_role("button", name="Save or share").click()
        assert json.loads(taken(page, "Record", "#sharing"))["lvef_measured"] is None


def test_a_recommendation_has_the_words_of_the_command_line_where_its_rank_or_a_caution_is_not_certain(
    browser: Any, service: Running, curated: Guideline
) -> None:
    after = {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"}
    record = {"id": "p", "her2": "positive", "metastatic": True, "metastatic_therapy": [PROGRESSED, after]}
    lines = render(curated.answer(record), 1000).splitlines()
    caution = next(line.strip() for line in lines if "CAUTION, unless ruled out: for heart failure" in line)
    name = "lapatinib + capecitabine (rank 1 to 2, depending on what is not recorded)"
    assert any(name in line for line in lines)
    with opened(browser, service, record) as page:
        settled(page)
        shown = page.locator(".recommendation.certain.varies").first.inner_text()
        assert f"\n{name}\n" in shown
        assert caution in shown
        page.get_by_role("button", name="Save or share").click()
        answer = json.loads(taken(page, "Answer", "#sharing"))
        assert answer == service.client.post("/api/answer", json={"patient": {**record}}).json()


def test_how_a_course_ended_can_be_unknown(browser: Any, service: Running) -> None:
    record = {"id": "p", "her2": "positive", "metastatic_therapy": [{"drugs": ["trastuzumab", "docetaxel", "pertuzumab"]}]}
    with opened(browser, service, record) as page:
        answer = settled(page)
        assert "certain if course 1 ended in progression; no interstitial lung disease" in answer
        assert "taxane cycles in course 1" in answer
        page.get_by_role("button", name="how course 1 ended").click()
        assert page.evaluate("document.activeElement.parentElement.className") == "timeline"
        course = page.locator(".timeline > li")
        course.get_by_role("group", name="discontinuation of chemotherapy").get_by_role("radio", name="unknown").click()
        assert sent(page)["metastatic_therapy"][0]["chemotherapy_stopped"] is None
        course.get_by_label("How it ended").select_option("progression")
        assert "Setting\nSecond line" in settled(page)


def test_one_of_several_sets_of_facts_is_entered_as_json(browser: Any, service: Running) -> None:
    sets = [{"label": "before", "metastatic_therapy": []}, {"label": "since", "metastatic_therapy": [PROGRESSED]}]
    with opened(browser, service, {"id": "p", "her2": "positive", "one_of": sets}) as page:
        assert 'certain if "before" is the case' in settled(page)
        page.get_by_role("button", name="which of the possibilities in the record is the case").click()
        assert page.evaluate("document.activeElement.parentElement.textContent") == "not known which"
        told = field(page, "one_of").locator(".reading").inner_text()
        assert "therapy for metastatic disease: none" in told
        assert "therapy for metastatic disease: trastuzumab + pertuzumab + docetaxel, progression" in told
        page.keyboard.press("ArrowUp")
        settled(page)
        assert sent(page) == {"id": "p", "her2": "positive", "metastatic_therapy": [PROGRESSED]}
        page.keyboard.press("ArrowDown")
        assert sent(page)["one_of"] == sets
        field(page, "one_of").get_by_text("Enter as JSON").click()
        page.locator("textarea").fill("nothing")
        settled(page)
        assert "is not a list of sets of facts" in field(page, "one_of").locator(".problem").inner_text()
        page.locator("textarea").fill(json.dumps(sets[:1]))
        assert sent(page)["one_of"] == sets[:1]


def test_readings_are_taken_as_chosen_and_the_address_keeps_the_choice(browser: Any, service: Running) -> None:
    with opened(browser, service, {"id": "p", "her2": "positive", "metastatic_therapy": [AFTER_TWO]}) as page:
        assert "Under R5 = b: Setting: second line" in settled(page)
        page.locator("#readings > summary").click()
        page.locator('[data-reading="R5"]').get_by_role("radio").nth(1).click()
        answer = settled(page)
        assert answer.startswith("with R5 = b\n\n")
        assert "Setting\nSecond line" in answer
        assert "Another alternative of R5 would change this." in answer
        assert page.url == f"{service.url}/?readings=R5=b"
        page.locator(".recommendation").first.get_by_role("button", name="Why").click()
        page.locator(".recommendation").first.get_by_text(EVERY_STEP).click()
        page.get_by_text("pertuzumab may be missing").last.wait_for()
        page.locator('[data-reading="R5"]').get_by_role("radio").nth(2).click()
        assert "certain if reading R5 is taken as its alternative b" in settled(page)
        page.reload()
        assert page.locator('[data-reading="R5"] input:checked').get_attribute("value") == "any"
        assert settled(page).startswith("with R5 left open")
        page.locator('[data-reading="R5"]').get_by_role("radio").first.click()
        assert "with R5" not in settled(page)


def test_the_timeline_is_built_by_keyboard_alone(browser: Any, service: Running) -> None:
    with opened(browser, service) as page:

        def press(*keys: str) -> None:
            for key in keys:
                page.keyboard.press(key)

        def focused() -> str:
            text: str = page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent")
            return text

        page.locator("#reset").focus()
        press("Tab", "ArrowLeft")
        assert page.evaluate("document.activeElement.value") == "these"
        while "Drugs of this course" not in focused():
            press("Tab")
        for typed in ("pertu", "T-DM1", "doce"):
            page.keyboard.type(typed)
            press("Enter")
        page.keyboard.type("trastuzumab")
        press("ArrowDown", "ArrowUp", "Enter", "Tab")
        page.keyboard.type("prog")
        assert field(page, "metastatic_therapy").get_by_text("taxane cycles").is_visible()
        press("Tab")
        page.keyboard.type("6")
        while "Add a course" not in focused():
            press("Tab")
        press("Enter")
        assert focused() == "Drugs of this course"
        page.keyboard.type("deruxtecan")
        press("Enter", "Tab")
        page.keyboard.type("ongo")
        assert page.locator(".timeline > li").nth(1).get_by_text("taxane cycles").is_hidden()
        first = {"drugs": ["pertuzumab", "trastuzumab_emtansine", "docetaxel", "trastuzumab"], "outcome": "progression"}
        second = {"drugs": ["trastuzumab_deruxtecan"], "outcome": "ongoing"}
        assert sent(page)["metastatic_therapy"] == [{**first, "taxane_cycles": 6}, second]
        while focused() != "Move course 2 earlier":
            press("Shift+Tab")
        press("Enter")
        assert "Now course 1 of 2." in page.locator("#said").text_content()
        assert focused() == "Move course 1 later"
        assert sent(page)["metastatic_therapy"] == [second, {**first, "taxane_cycles": 6}]
        assert (
            "how course 1 ended: only the last course can be ongoing"
            in page.locator(".timeline > li").first.locator(".problem").inner_text()
        )
        press("Tab", "Enter")
        assert sent(page)["metastatic_therapy"] == [{**first, "taxane_cycles": 6}]
        assert "second line, or out of scope" in settled(page)


def test_what_the_service_refuses_is_shown_at_its_field_and_the_old_answer_is_gone(
    browser: Any, service: Running, curated: Guideline
) -> None:
    with opened(browser, service, SECOND_LINE) as page:
        assert "T-DXd" in settled(page)
        field(page, "months_to_recurrence").get_by_role("textbox").fill("-1")
        assert "T-DXd" not in settled(page)
        problem = field(page, "months_to_recurrence").locator(".problem")
        label = curated.model.label("fact", "months_to_recurrence")
        assert problem.text_content() == f"{label}: -1 is out of range; allowed: at least 0, at most 600"
        assert "out of range" in page.locator("#said").text_content()
        field(page, "months_to_recurrence").get_by_role("textbox").fill("")
        choose(page, "metastatic", "no")
        assert "metastatic is false, but therapy for metastatic disease lists courses" in settled(page)
        page.get_by_role("button", name="Go to: metastatic disease").click()
        assert page.evaluate("document.activeElement.closest('fieldset').dataset.fact") == "metastatic"
        choose(page, "metastatic", "unknown")
        assert "T-DXd" in settled(page)
        assert page.locator(".problem:visible").count() == 0


def test_a_regimen_fills_a_course_and_nothing_is_red_before_its_drugs_are_entered(browser: Any, service: Running) -> None:
    with opened(browser, service) as page:
        choose(page, "metastatic_therapy", "these")
        assert settled(page) == "Enter the drugs of course 1 to get an answer."
        assert page.locator(".problem:visible").count() == 0
        page.get_by_label("Fill in a regimen").select_option(label="trastuzumab + pertuzumab + docetaxel")
        page.get_by_label("How it ended").select_option("progression")
        choose(page, "her2", "positive")  # six clicks, with two for each choice from a list
        assert "Setting\nSecond line" in settled(page)
        assert sent(page) == {**SECOND_LINE, "id": "patient"}
        page.get_by_role("button", name="Add a course").click()
        page.get_by_role("button", name="Enter the drugs of course 2").click()
        assert page.evaluate("document.activeElement.querySelector('h3').textContent") == "Course 2"
        page.get_by_label("Fill in a regimen").last.select_option(label="trastuzumab deruxtecan (T-DXd)")
        assert sent(page)["metastatic_therapy"][1]["drugs"] == ["trastuzumab_deruxtecan"]


@pytest.mark.parametrize("content", ["not JSON", "[1]", '{"resourceType": "Bundle", "entry": 7}'])
def test_a_file_that_cannot_be_opened_leaves_nothing_of_the_patient_before(
    content: str, browser: Any, service: Running
) -> None:
    with opened(browser, service, SECOND_LINE) as page:
        assert "T-DXd" in settled(page)
        page.set_input_files("#file", {"name": "b.json", "mimeType": "", "buffer": content.encode()})
        page.get_by_role("alert").wait_for()
        assert settled(page).startswith("Nothing was opened, so there is no answer.")
        assert page.locator("#form .field").count() == page.locator("#form .field.unknown").count()
        assert not page.locator("#queries, #draw, #chart").locator("visible=true").count()


def test_the_argument_is_shown_first_and_every_step_one_click_deeper(browser: Any, service: Running) -> None:
    argument = {
        "verdict": "first choice", "because": [{"statement": "L17", "text": "after", "facts": [{"words": "a course"}]}],
        "ruled_out_by": [{"block": "L57", "fact": "f", "state": "unknown", "words": "lungs"}], "readings": ["R5"],
        "evidence": [{"trial": "t", "words": "a trial", "caveat": "of others"}], "alternatives_considered": ["another"],
        "sufficient": [], "changed_by": ["R9"],
    }  # fmt: skip
    with opened(browser, service, SECOND_LINE) as page:
        page.route(
            "**/api/why",
            lambda route: route.fulfill(json={**(reply := route.fetch()).json(), "argument": argument}, response=reply),
        )
        settled(page)
        best = page.locator(".recommendation").first
        best.get_by_role("button", name="Why").click()
        best.locator(".argument").wait_for()
        told = best.locator(".argument").inner_text()
        for words in (
            "first choice",
            "after [L17]",
            "a course",
            "lungs: not recorded [L57]",
            "R5",
            "R9",
            "a trial",
            "another",
        ):
            assert words in told
        assert best.locator(".derivation").count() == 0
        best.get_by_text(EVERY_STEP).click()
        best.locator(".derivation").wait_for()


def test_a_choice_is_asked_about_at_once_and_once(browser: Any, service: Running) -> None:
    chosen = """() => {
      document.querySelector('fieldset[data-fact="her2"] input:not(:checked)').click();
      return document.getElementById("answers").ariaBusy;
    }"""
    with opened(browser, service, SECOND_LINE) as page:
        settled(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        assert page.evaluate(chosen) == "true"
        settled(page)
        assert [url.rpartition("/")[2] for url in asked] == ["answer"]


def test_a_late_reply_to_an_older_record_is_dropped(browser: Any, service: Running) -> None:
    with opened(browser, service, SECOND_LINE) as page:
        settled(page)
        held: list[Any] = []
        page.route("**/api/answer", lambda route: held.append(route) if not held else route.continue_())
        choose(page, "her2", "negative")
        for _ in range(200):
            if held:
                break
            page.wait_for_timeout(50)
        assert (len(held), page.locator("#answers").get_attribute("aria-busy")) == (1, "true")
        choose(page, "her2", "positive")
        assert "Setting\nSecond line" in settled(page)
        held[0].continue_()
        page.wait_for_timeout(300)
        assert "Setting\nSecond line" in settled(page)


@pytest.mark.parametrize("then", ["another chart", "a record", "an empty form"])
def test_a_chart_that_is_read_late_does_not_take_the_place_of_what_was_opened_after_it(
    then: str, browser: Any, service: Running
) -> None:
    with opened(browser, service) as page:
        settled(page)
        held: list[Any] = []
        page.route("**/api/facts", lambda route: held.append(route) if not held else route.continue_())
        page.set_input_files("#file", {"name": "a.json", "mimeType": "", "buffer": json.dumps(AFTER_FIRST_LINE).encode()})
        for _ in range(200):
            if held:
                break
            page.wait_for_timeout(50)
        if then == "another chart":
            loaded(page, {"resourceType": "Patient", "id": "second"})
        elif then == "a record":
            page.set_input_files("#file", {"name": "r.json", "mimeType": "", "buffer": b'{"id": "second"}'})
            page.get_by_text("The file was read.").wait_for(state="attached")
        else:
            page.get_by_role("button", name="Reset").click()
        held[0].continue_()
        page.wait_for_timeout(500)
        assert page.locator("#form .field.unknown").count() >= 22
        assert "trastuzumab" not in page.locator("#chart").inner_text()


def test_why_not_offers_changes_that_fill_in_the_form_and_ask_leads_to_the_field(browser: Any, service: Running) -> None:
    with opened(browser, service, SECOND_LINE) as page:
        settled(page)
        page.get_by_role("button", name="List the questions").click()
        page.get_by_role("button", name="Has there ever been interstitial lung disease?").click()
        assert page.evaluate("document.activeElement.closest('fieldset').dataset.fact") == "interstitial_lung_disease"
        page.get_by_label("Regimen", exact=True).select_option("lapatinib_capecitabine")
        page.get_by_role("button", name="Show why not").click()
        nearest = page.locator(".query .argument section", has_text="What comes nearest")
        assert "An alternative in third line is lapatinib with capecitabine" in nearest.inner_text()
        assert "third line (progression on T-DXd)" in nearest.locator(".unmet").inner_text()
        assert page.locator(".query .steps ul").count() == 0
        page.locator(".query .steps summary").click()
        page.locator(".query .steps", has_text="What could recommend it, and what blocks that").wait_for()
        page.get_by_label("Regimen", exact=True).select_option("trastuzumab_deruxtecan")
        page.get_by_role("button", name="no interstitial lung disease, present or past", exact=True).click()
        assert sent(page)["interstitial_lung_disease"] is False
        best = page.locator(".recommendation.certain").first
        assert "trastuzumab deruxtecan (T-DXd)" in best.inner_text()
        assert "trastuzumab_deruxtecan" not in page.get_by_label("Regimen", exact=True).locator("option").evaluate_all(
            "all => all.map(one => one.value)"
        )
        assert "Recommended: trastuzumab deruxtecan (T-DXd)" in page.locator("#said").text_content()


def test_a_hostile_record_in_the_address_is_shown_as_text(browser: Any, service: Running) -> None:
    image = "<img src=x onerror=alert(1)>"
    record = {
        "id": f"</title><script>alert(1)</script>{image}", image: image, "__proto__": {"her2": "positive"}, "her2": image,
        "constructor": 1, "adjuvant_drugs": [image], "metastatic_therapy": [{"drugs": [image], "outcome": image}],
    }  # fmt: skip
    with opened(browser, service, record) as page:
        settled(page)
        told = page.locator("#read").inner_text()
        assert f"{image}: not a fact of this guideline" in told
        assert f'HER2 status: "{image}" is not a value of this fact; left unknown' in told
        assert page.locator("#form .field.unknown").count() == 23
        assert page.locator("img, body script").count() == 0
        choose(page, "metastatic_therapy", "none given yet")
        settled(page)
        page.get_by_role("button", name="Explanation graph").click()
        drawn = page.frame_locator("#drawn iframe")
        drawn.locator("#drawing canvas").first.wait_for()
        assert drawn.locator("h1").inner_text().startswith("</title><script>alert(1)</script><img")
        assert page.locator("img").count() == 0
    with opened(browser, service) as page:
        for broken in ("%%%", "bnVsbA", "WzFd", ""):
            page.goto(f"{service.url}/#record={broken}")
            page.get_by_text(re.compile("does not hold a readable record|neither a patient record")).wait_for()
            page.get_by_role("button", name="Reset").click()
            assert page.locator("#read").inner_text() == ""


def test_a_link_opens_the_explanation_and_is_made_again(browser: Any, service: Running) -> None:
    record = {**SECOND_LINE, "id": f"{SECRET} ü€😀"}
    with opened(browser, service) as page:
        page.goto(address(service, record, "&why=lapatinib_capecitabine"))
        page.get_by_role("heading", name="lapatinib + capecitabine: not recommended").wait_for()
        assert page.locator("#read").inner_text() == ""
        page.goto(address(service, record, "&partial=1"))
        page.get_by_text("This record was read from a chart of which some lists were not there").wait_for()
        page.goto(address(service, record, "&why=trastuzumab_deruxtecan"))
        page.locator(".recommendation .argument").wait_for()
        page.get_by_role("button", name="Save or share").click()
        assert page.get_by_label("Link with the record").input_value() == address(service, sent(page))
        assert json.loads(taken(page, "Record", "#sharing")) == record
        answer = json.loads(taken(page, "Answer", "#sharing"))
        assert answer == service.client.post("/api/answer", json={"patient": record}).json()
    assert SECRET.split()[0] not in service.log.read_text()


def test_a_bundle_is_read_and_each_field_says_from_where(browser: Any, service: Running) -> None:
    unsure = bundle(METASTASES, HER2, observation("her2-b", IHC, "2020-01-12", valueCodeableConcept=NEGATIVE))
    with opened(browser, service) as page:
        loaded(page, AFTER_FIRST_LINE)
        page.get_by_role("button", name="Show the answer").click()
        page.locator("#answers").get_by_text("second line").first.wait_for()
        assert "Setting\nSecond line" in settled(page)
        assert "Observation/her2, loinc 85319-2, 2020-01-12" in field(page, "her2").inner_text()
        page.locator(".timeline .sources summary").click()
        course = page.locator(".timeline > li").first.inner_text()
        assert "outcome: Observation/status-1, loinc 97509-4, 2020-10-20" in course
        reading = service.client.post("/api/facts", json={"patient": AFTER_FIRST_LINE}).json()
        assert sent(page) == reading["record"]
        loaded(page, unsure)
        page.get_by_text("Contradictory, so left unknown (1)").wait_for()
        assert "Observation/her2-b, loinc 85319-2" in page.locator("#read").inner_text()
        assert "unknown" in field(page, "her2").get_attribute("class").split()
        wrong = b'{"id": "w", "heart_failur": true, "her2": "positve", "one_of": {}}'
        page.set_input_files("#file", {"name": "w.json", "mimeType": "", "buffer": wrong})
        page.locator("#read li").get_by_text("not a fact of this guideline; did you mean heart_failure?").wait_for()
        told = page.locator("#read").inner_text()
        assert 'HER2 status: "positve" is not a value of this fact (did you mean positive?); left unknown' in told
        assert "not known which?: cannot be used as it stands; left unknown" in told
        page.set_input_files("#file", {"name": "b.json", "mimeType": "", "buffer": b"not JSON"})
        page.get_by_text("This is not JSON").wait_for()
        page.get_by_label("Example").select_option(label="Progression on trastuzumab with an anthracycline")
        settled(page)
        assert sent(page)["id"] == "anthracycline_given_earlier"
        page.set_input_files("#file", {"name": "r.json", "mimeType": "", "buffer": b'{"id": "r", "her2": "pos"}'})
        page.locator("#read").get_by_text('HER2 status: "pos" is not a value of this fact; left unknown').wait_for()
        assert page.locator("#form .field.unknown").count() == 23
        choose(page, "heart_failure", "yes")
        page.get_by_role("button", name="Reset").click()
        assert page.locator("#form .field.unknown").count() == 23
        assert page.locator(".sources:visible").count() == 0


def test_a_chart_is_laid_out_in_time_and_corrected_before_it_is_answered(browser: Any, service: Running) -> None:
    with opened(browser, service) as page:
        settled(page)
        before = len([request for request in page.asked if request.url.endswith("/api/answer")])
        loaded(page, AFTER_FIRST_LINE)
        rows = [" ".join(row.split()) for row in page.locator("#chart li .words").all_inner_texts()]
        assert rows[0].endswith("breast cancer")
        assert "2020-02-01 to 2020-09-19 course 1: trastuzumab + pertuzumab + docetaxel, progression" in rows
        assert page.locator("#chart li.therapy rect").count() == 3
        assert page.locator("#chart li.disease .worse").count() == 2
        assert page.locator("#chart li.therapy svg.track > text").all_text_contents() == [
            "trastuzumab",
            "pertuzumab",
            "docetaxel",
        ]
        name, bar = page.locator("#chart li.therapy svg.track > text").first, page.locator("#chart li.therapy rect").first
        end = sum(float(bar.get_attribute(own).rstrip("%")) for own in ("x", "width"))
        assert float(name.get_attribute("x").rstrip("%")) == pytest.approx(end, abs=0.05)
        told = page.locator("#chart li.therapy button").get_attribute("title")
        assert told.startswith("MedicationAdministration/docetaxel-0, rxnorm 72962, 2020-02-01; Medication")
        page.locator("#chart li.therapy button").press("Enter")
        assert page.evaluate("document.activeElement.parentElement.className") == "timeline"
        page.locator(".timeline").get_by_label("How it ended").select_option("ongoing")
        choose(page, "her2", "negative")
        page.wait_for_timeout(400)
        assert len([request for request in page.asked if request.url.endswith("/api/answer")]) == before
        corrected = page.locator(".corrections li")
        assert corrected.first.inner_text() == "HER2 status: negative (in the chart: positive) Take back"
        assert corrected.nth(1).inner_text().startswith("Course 1: trastuzumab + pertuzumab + docetaxel, ongoing")
        page.get_by_role("button", name="Show the answer").click()
        assert "Out of scope" in settled(page)
        assert "HER2 status: negative (in the chart: positive)" in settled(page)
        assert "HER2 status: negative (in the chart: positive)" in field(page, "her2").inner_text()
        field(page, "her2").get_by_role("button", name="Take back").click()
        answer = settled(page)
        assert "Corrected by you" in page.locator(".corrections h3").text_content()
        assert "Setting\nMaintenance" in answer
        assert (sent(page)["her2"], corrected.count()) == ("positive", 1)
        page.locator(".corrections").get_by_role("button", name="Take back").click()
        assert "Setting\nSecond line" in settled(page)
        assert sent(page) == service.client.post("/api/facts", json={"patient": AFTER_FIRST_LINE}).json()["record"]
        assert page.locator(".edited, .correction:visible").count() == 0


def test_what_a_chart_leaves_open_is_entered_where_it_is_shown(browser: Any, service: Running) -> None:
    either = json.loads(json.dumps(AFTER_FIRST_LINE).replace('"2020-01-10"', '"2020"'))
    unknown = bundle(METASTASES, *FIRST_LINE, PROGRESSION, requested("x", "tucatinib", "2020-06-01", "unknown"))
    with opened(browser, service) as page:
        loaded(page, either)
        page.get_by_role("button", name="Go to: Is one of several").click()
        field(page, "one_of").get_by_role("radio", name=re.compile("^given since metastases")).click()
        page.get_by_role("button", name="Show the answer").click()
        assert settled(page).startswith("CORRECTED BY YOU\nOf several possibilities this one: given since metastases")
        assert "Setting\nSecond line" in settled(page)
        assert "one_of" not in sent(page)
        assert sent(page)["metastatic_therapy"][0]["outcome"] == "progression"
        page.locator(".timeline").get_by_label("How it ended").select_option("ongoing")
        settled(page)
        assert page.locator(".corrections li").count() == 2
        field(page, "one_of").get_by_role("button", name="Take back").click()
        reading = service.client.post("/api/facts", json={"patient": either}).json()
        assert sent(page) == reading["record"]
        page.evaluate(PASTE, json.dumps(unknown))
        page.locator(".review").wait_for()
        assert page.locator(".edited").count() == 0
        page.get_by_role("button", name="Enter under: therapy for metastatic disease").click()
        page.get_by_role("button", name="Show the answer").click()
        assert "therapy for metastatic disease: trastuzumab" in settled(page)
        told = {"taxane_cycles": 6, "chemotherapy_months": 3.48, "chemotherapy_stopped": True}
        unknown = {"maximal_response": None, "chemotherapy_toxicity": None}
        drugs = ["trastuzumab", "pertuzumab", "docetaxel"]
        assert sent(page)["metastatic_therapy"] == [{"drugs": drugs, "outcome": "progression", **told, **unknown}]


def test_a_hostile_chart_stays_text_and_bounded(browser: Any, service: Running) -> None:
    image = "<img src=x onerror=alert(1)>\u202e" + "w" * 500
    liver = {**METASTASES, "code": {**METASTASES["code"], "text": image}}
    other = [condition(f"c{n}", "sct:999999999", "2020") for n in range(5)]
    for own in other:
        own["code"]["text"] = image
    values = (POSITIVE, NEGATIVE)
    results = [observation(f"h{n}", IHC, f"{1700 + n}", valueCodeableConcept=values[n % 2]) for n in range(300)]
    phone = {"viewport": {"width": 400, "height": 800}}
    with opened(browser, service, **phone) as page:
        odd = requested("odd\u202e", "tucatinib", "2020-06-01", f"\u202e{image}")
        loaded(page, bundle(liver, *other, *results, *FIRST_LINE, odd))
        assert "does not say whether it was given" in page.locator("#read").inner_text()
        assert "\u202e" not in page.locator("body").inner_text()
        assert page.locator("img, body script").count() == 0
        assert page.locator("#chart li").count() == 200
        assert "more are not drawn." in page.locator("#chart").inner_text()
        assert page.locator("#chart li.therapy").count() == 1
        assert (
            "Therapy that is told only in words, and so without a bar, is entered in the form."
            in page.locator("figcaption").inner_text()
        )
        shown = page.locator("#chart").inner_text()
        assert "<img src=x onerror=alert(1)>\\u202e" in shown
        assert "\u202e" not in shown
        assert page.evaluate("document.documentElement.scrollWidth") == 400


@pytest.mark.skipif(not AXE.exists(), reason="axe-core looks for barriers: npm install --prefix tests/readers")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_no_barrier_that_axe_knows(browser: Any, service: Running, scheme: str) -> None:
    record = {**SECOND_LINE, "unavailable_drugs": ["lapatinib"], "infusion_symptoms": ["dyspnea"], "junk": 1}
    with opened(browser, service, record, color_scheme=scheme, bypass_csp=True) as page:
        settled(page)
        page.add_script_tag(content=AXE.read_text("utf-8"))
        run = "async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])"
        for button in page.locator(".why").all():
            button.click()
        page.get_by_label("Regimen", exact=True).select_option("trastuzumab_deruxtecan")
        for name in ("Show why not", "List the questions"):
            page.get_by_role("button", name=name).click()
        page.locator(".questions").wait_for()
        page.locator(".changes").wait_for()
        page.get_by_role("combobox", name="Drugs of this course").fill("tras")
        assert page.evaluate(run) == []
        page.get_by_role("button", name="Save or share").click()
        assert page.evaluate(run) == []
        page.keyboard.press("Escape")
        loaded(page, bundle(METASTASES, *FIRST_LINE, requested("x", "tucatinib", "2020-06-01", "unknown")))
        choose(page, "her2", "negative")
        assert page.evaluate(run) == []


def test_a_phone_shows_all_without_scrolling_sideways_and_keeps_the_disclaimer(browser: Any, service: Running) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
    with opened(browser, service, SECOND_LINE, **phone) as page:
        settled(page)
        page.get_by_role("button", name="Why").first.tap()
        page.get_by_role("button", name="List the questions").tap()
        page.locator(".questions").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        wide = "all => all.filter(one => one.getBoundingClientRect().right > 360).map(one => one.outerHTML)"
        assert page.locator("main *:visible").evaluate_all(wide) == []
        page.locator("#summary").tap()
        shown = page.locator("#disclaimer").bounding_box()
        assert 0 < shown["y"] < shown["y"] + shown["height"] <= 740
        page.emulate_media(media="print")
        assert page.locator("#disclaimer").is_visible()
        assert not page.locator("#tools").is_visible()


def test_another_guideline_has_its_own_form_and_the_page_knows_none(
    browser: Any, tmp_path: Path, curated: Guideline
) -> None:
    with serving(tmp_path, "--guideline", MARSH_FEVER) as other, opened(browser, other) as page:
        assert page.title() == "Marsh fever"
        choose(page, "earlier_therapy", "none given yet")
        assert "temperature more than 38 and at most 40" in settled(page)
        choose(page, "kidney_function", "failing")
        choose(page, "signs", "these")
        field(page, "signs").get_by_role("checkbox", name="rash").check()
        record = {"id": "patient", "kidney_function": "failing", "signs": ["rash"], "earlier_therapy": []}
        assert sent(page) == record
    model = curated.model
    names = [*(fact.name for fact in model.facts), *model.course_facts, *model.drugs, *model.regimens]
    code = "\n".join(file.read_text("utf-8") for file in PAGE.iterdir())
    assert [name for name in names if re.search(rf"\b{name}\b", code)] == []
