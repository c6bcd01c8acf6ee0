"""The viewer in a real Chromium: what a reader clicks, searches, folds and reads, with no network and a silent console."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sample_graphs import HOSTILE

from graphs.argument import argument_graph
from graphs.build import answer_graph
from graphs.formats import write_graph
from graphs.graph import ExplanationGraph
from graphs.viewer.document import to_html
from reasoner import Guideline

AXE = Path(__file__).parent / "readers/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def viewer_file(curated: Guideline, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The viewer of the derivation of a conditional answer, as the command writes it."""
    return written_viewer(curated, environment, tmp_path_factory.mktemp("viewer"), "--full")


@pytest.fixture(scope="module")
def argument_file(curated: Guideline, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The viewer of the argument for it."""
    return written_viewer(curated, environment, tmp_path_factory.mktemp("viewer"))


@pytest.fixture(params=["viewer_file", "argument_file"])
def either_file(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def written_viewer(curated: Guideline, environment: dict[str, str], folder: Path, *more: str) -> Path:
    (folder / "p.json").write_text(json.dumps(curated.cases()["lung_disease_not_recorded"].record))
    command = [sys.executable, "-m", "reasoner", "graph", "p.json", "-o", "answer.html", *more]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return folder / "answer.html"


@contextmanager
def opened(browser: Any, file: Path, **options: Any) -> Iterator[Any]:
    """Open a page from disk; in the end nothing was asked of the network, and nothing was said on the console."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: None if request.url == file.as_uri() else said.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert said == []
    context.close()


def drawn_nodes(page: Any) -> int:
    """Read how many nodes are drawn, as the page tells a screen reader."""
    page.locator("#fold").focus()
    return int(page.locator("#status").text_content().split()[0])


def data_of(page: Any) -> dict[str, Any]:
    """Read the graph that the page holds."""
    found: dict[str, Any] = json.loads(page.locator("#data").text_content())
    return found


def test_a_conclusion_is_clicked_and_only_its_reasons_stay(browser: Any, viewer_file: Path) -> None:
    with opened(browser, viewer_file) as page:
        names = page.locator("#conclusions a").all_text_contents()
        assert any(
            name.startswith("1? trastuzumab deruxtecan (T-DXd)preferred, certain if no interstitial") for name in names
        )
        assert page.locator('#conclusions [aria-current="true"]').count() == 1
        page.get_by_role("link", name="pertuzumab", exact=True).click()
        parts = page.locator("details.part:visible summary").all_text_contents()
        assert parts[0] == "exclusion of pertuzumab"
        assert "progression in a course that contained it" in parts
        assert not any("trastuzumab deruxtecan" in part for part in parts)
        assert page.locator("#details h2").text_content() == "exclusion of pertuzumab"


def test_a_rule_shows_its_statement_citations_and_trials_with_population_and_data_cut(
    browser: Any, viewer_file: Path
) -> None:
    with opened(browser, viewer_file) as page:
        page.get_by_role("button", name="L17.2").first.click()
        about = page.locator("#details")
        text = about.inner_text()
        assert "her2_mbc/second_line.lp:9" in text
        assert "T-DXd is the preferred treatment" in text
        assert "reference 5" in text.lower()
        assert "destiny-breast03" in text.lower()
        assert "population: after trastuzumab and a taxane" in text
        assert "median progression-free survival in months: 28.8 vs 6.8 (second analysis, 2026-11-22)" in text
        about.get_by_role("button", name="progression on a taxane").click()
        assert page.locator("#details h2").text_content() == "progression on a taxane"


def test_search_finds_what_is_folded_or_did_not_fire(browser: Any, viewer_file: Path) -> None:
    with opened(browser, viewer_file) as page:
        page.fill("#search", "placement in not addressed")
        assert page.locator("#status").text_content() == "1 found"
        page.keyboard.press("Enter")
        assert (
            page.locator("#details h2").text_content()
            == "not derived: placement in not addressed (the text does not speak of the course under way)"
        )
        assert page.locator("#blocked").is_checked()
        page.fill("#search", "no such thing anywhere")
        assert page.locator("#status").text_content() == "0 found"
        page.keyboard.press("Escape")
        assert page.locator("#found li").count() == 0


def test_folding_takes_nodes_out_of_the_graph_and_the_sentences(browser: Any, viewer_file: Path) -> None:
    with opened(browser, viewer_file) as page:
        sizes = []
        for button in ("#fold", "#unfold"):
            page.click(button)
            sizes.append((drawn_nodes(page), page.locator("details.part[open]:visible").count()))
        assert sizes[0] == (1, 0)
        assert sizes[1][0] > 40
        assert sizes[1][1] > 10
        page.check("#blocked")
        page.click("#everything")
        page.click("#unfold")
        shown, total = page.locator("#status").text_content().split()[0::2]
        assert int(shown) == int(total) - [node["kind"] for node in data_of(page)["nodes"]].count("citation")
        page.get_by_role("button", name="citation").click()
        assert page.locator("#status").text_content() == f"{total} of {total} nodes"


def test_recorded_absent_and_not_recorded_differ_in_words_and_lines(browser: Any, viewer_file: Path) -> None:
    with opened(browser, viewer_file) as page:
        page.check("#blocked")
        page.click("#unfold")
        assert "not recorded: interstitial lung disease, present or past" in page.locator("#derivation").inner_text()
        assert "recorded as absent: course 1 with the outcome ongoing" in page.locator("#derivation").inner_text()
        style = "part => getComputedStyle(part).borderLeftStyle"
        looks = {state: page.locator(f"details.{state}").first.evaluate(style) for state in ("holds", "fails", "unknown")}
        assert looks == {"holds": "solid", "fails": "dashed", "unknown": "dotted"}


def test_the_keyboard_goes_from_a_conclusion_to_its_reasons(browser: Any, viewer_file: Path) -> None:
    with opened(browser, viewer_file) as page:
        page.locator("#drawing").focus()
        said = [page.locator("#status").text_content()]
        for key in ("ArrowLeft", "ArrowLeft", "ArrowRight"):
            page.keyboard.press(key)
            said.append(page.locator("#status").text_content())
        assert len(set(said[:3])) == 3
        assert said[3] == said[1] == page.locator("#details h2").text_content()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#kinds') !== null")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core looks for barriers: npm install --prefix tests/readers")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_no_barrier_that_axe_knows(browser: Any, either_file: Path, scheme: str) -> None:
    with opened(browser, either_file, color_scheme=scheme, bypass_csp=True) as page:
        page.add_script_tag(content=AXE.read_text("utf-8"))
        found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
        assert found == []


def test_light_dark_a_phone_and_print_all_show_the_derivation(browser: Any, either_file: Path, tmp_path: Path) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        with opened(browser, either_file, color_scheme=scheme) as page:
            colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
    with opened(browser, either_file) as page:
        for width in (800, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(media="print")
        assert not page.locator("#tools").is_visible()
        assert page.pdf(path=tmp_path / "a.pdf")[:4] == b"%PDF"


def test_on_a_phone_an_argument_begins_at_its_facts(browser: Any, argument_file: Path) -> None:
    with opened(browser, argument_file, bypass_csp=True) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        page.wait_for_function("viewer.drawing.container.clientWidth <= 360")
        boxes = "viewer.drawing.cytoscape.nodes('[kind = \"fact\"]').map(n => n.renderedBoundingBox())"
        page.wait_for_function(f"{boxes}.every(box => box.x1 >= 0 && box.x2 <= 360)")
        assert page.evaluate(f"Math.min(...{boxes}.map(box => box.y1)) >= 0")


def test_without_scripts_the_sentences_are_all_there(browser: Any, viewer_file: Path) -> None:
    with opened(browser, viewer_file, java_script_enabled=False) as page:
        text = page.locator("#derivation").inner_text()
        assert "T-DXd is the preferred treatment" in text
        assert "not recorded: interstitial lung disease, present or past" in text
        assert not page.locator("#explorer").is_visible()


def test_the_argument_opens_at_the_first_choice_in_the_order_of_the_answer(browser: Any, argument_file: Path) -> None:
    with opened(browser, argument_file) as page:
        listed = page.locator("#conclusions a").all_text_contents()
        assert [text.partition("preferred")[0].partition("alternative")[0] for text in listed[:3]] == [
            "second line",
            "1? trastuzumab deruxtecan (T-DXd)",
            "1? trastuzumab emtansine (T-DM1)",
        ]
        assert page.locator('#conclusions [aria-current="true"]').text_content() == listed[1]
        assert not page.locator("#blocked").is_visible()
        places = page.evaluate("""viewer.drawing.cytoscape.nodes().map(n => [n.data('kind'), n.position().x])""")
        middles = {kind: {x for other, x in places if other == kind} for kind in ("fact", "statement", "conclusion")}
        assert [len(own) for own in middles.values()] == [1, 1, 1]
        assert max(middles["fact"]) < max(middles["statement"]) < max(middles["conclusion"])
        text = page.locator("#derivation details:visible").first.inner_text()
        assert "unless L57: Pre-existing interstitial lung disease is a contraindication to T-DXd." in text
        page.click("#everything")
        assert page.evaluate("viewer.drawing.cytoscape.nodes().length") == len(data_of(page)["nodes"])


def test_a_long_argument_opens_whole_in_the_middle_of_its_place(browser: Any, curated: Guideline, tmp_path: Path) -> None:
    given = [{"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]}]
    record = {"id": "p", "metastatic": True, "her2": "positive", "hr": "negative", "metastatic_therapy": given}
    write_graph(argument_graph(curated.answer(record)), tmp_path / "a.html")
    with opened(browser, tmp_path / "a.html") as page:
        page.set_viewport_size({"width": 1250, "height": 720})
        page.reload()
        box = page.evaluate("viewer.drawing.cytoscape.elements().renderedBoundingBox()")
        width, height = page.evaluate("[viewer.drawing.container.clientWidth, viewer.drawing.container.clientHeight]")
        assert 0 <= box["x1"] < box["x2"] <= width
        assert 0 <= box["y1"] < box["y2"] <= height
        assert abs(box["x1"] + box["x2"] - width) < 4


def test_hostile_text_is_shown_and_never_run(
    browser: Any, sample_graphs: dict[str, ExplanationGraph], tmp_path: Path
) -> None:
    write_graph(sample_graphs["hostile"], tmp_path / "a.html")
    with opened(browser, tmp_path / "a.html") as page:
        assert page.title() == f"{HOSTILE[0]} - {HOSTILE[6]}"
        assert page.locator("h1").text_content() == f"{HOSTILE[0]} - {HOSTILE[6]}"
        assert [node["id"] for node in data_of(page)["nodes"]] == HOSTILE
        page.click("#everything")
        page.click("#unfold")
        for text in HOSTILE:
            page.fill("#search", text.partition("\n")[0])
            page.locator("#found button").first.click()
        assert page.locator("img:not(#printed)").count() == 0


def test_the_policy_lets_nothing_in(browser: Any, viewer_file: Path) -> None:
    """Scripts that are not the page's own do not run, and nothing is fetched."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(viewer_file.as_uri())
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'owned = 1'}))")
    assert page.evaluate("window.owned") is None
    assert page.evaluate("fetch('https://example.org/').then(() => 'fetched', () => 'refused')") == "refused"
    context.close()


def test_pathways_and_guidelines_are_viewed_too(
    browser: Any, sample_graphs: dict[str, ExplanationGraph], tmp_path: Path
) -> None:
    wanted = {"pathway": "1. trastuzumab deruxtecan", "guideline": "places(second_line, progression_on_standard)"}
    for name, text in wanted.items():
        write_graph(sample_graphs[name], tmp_path / "a.html")
        with opened(browser, tmp_path / "a.html") as page:
            page.fill("#search", text)
            page.locator("#found button").first.click()
            assert page.locator("#details h2").text_content().startswith(text)


def test_the_viewer_holds_every_node_and_edge_of_every_case(curated: Guideline) -> None:
    for case in curated.cases().values():
        graph = answer_graph(curated.answer(case.record))
        before, _, after = to_html(graph).partition('<script id="data" type="application/json">')
        data = json.loads(after.partition("</script>")[0])
        assert before.startswith("<!DOCTYPE html>")
        ids = [node["id"] for node in data["nodes"]]
        assert {node.pop("id"): node for node in data["nodes"]} == dict(graph.nodes(data=True))
        edges = sorted((ids[source], ids[target], role) for source, target, role, *_ in data["edges"])
        assert edges == sorted(graph.edges(data="role"))
