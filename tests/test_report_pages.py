"""The pages that are files, in a real Chromium, without a network: what check found, and a cohort's summary."""

from __future__ import annotations

import json
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from test_viewer import AXE, opened

from reasoner import Guideline
from reasoner.render.html.findings import render_findings_page
from reasoner.verification.findings import Finding, Side, Trial
from reasoner.verification.reports import FindingsReport

FEVER = Path(__file__).parent / "guidelines/marsh_fever"
BARRIERS = "async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"


def run(*arguments: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reasoner", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def report(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The page of a check, as the command writes it, and what its JSON says."""
    folder = tmp_path_factory.mktemp("report")
    chosen = ("check", "--guideline", str(FEVER), "--courses", "1", "--fail-level", "info")
    done = run(*chosen, "-o", "found.html", folder=folder, environment=environment)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    found = run(*chosen, "--format", "json", folder=folder, environment=environment)
    return folder / "found.html", json.loads(found.stdout)


@pytest.fixture
def pages(report: tuple[Path, dict[str, Any]], cohort_run: Path) -> dict[str, Path]:
    return {"check": report[0], "summary": cohort_run / "out/summary.html"}


def test_without_scripts_the_page_of_a_check_holds_every_finding_in_words(
    browser: Any, report: tuple[Path, dict[str, Any]]
) -> None:
    file, found = report
    with opened(browser, file, java_script_enabled=False) as page:
        assert not page.locator("#filter").is_visible()
        assert page.locator(".finding:visible").count() == len(found["findings"])
        assert page.locator(".groups > li").count() == len({own["group"] for own in found["findings"]})
        for own in found["findings"]:
            shown = page.locator(f"#{own['id']}")
            text = shown.text_content()
            sides = [word for side in own["sides"] for word in (side["block"], side["derives"], *side["places"])]
            told = [own["message"], own["repair"], *sides, *own["shared"], *([] if sides else own["places"])]
            assert [word for word in told if word not in text] == []
            if own["witness"] is not None:
                record = json.loads(shown.locator("pre").text_content())
                assert record == {**own["witness"], "id": own["id"]}


def test_the_filter_shows_the_findings_of_a_severity_and_a_class(browser: Any, report: tuple[Path, dict[str, Any]]) -> None:
    file, found = report
    kinds = [(own["severity"], own["class"]) for own in found["findings"]]
    severity, kind = kinds[0]
    with opened(browser, file) as page:
        for other in {"error", "warning", "info"} - {severity}:
            if page.locator(f'#filter input[value="{other}"]').count():
                page.locator(f'#filter input[value="{other}"]').focus()
                page.keyboard.press("Space")
        page.get_by_label("Class").select_option(kind)
        wanted = kinds.count((severity, kind))
        assert page.locator(".finding:visible").count() == wanted
        assert page.get_by_role("status").text_content() == f"{wanted} of {len(kinds)} findings are shown."
        assert page.locator(".groups > li:visible").count() == page.locator(".group:visible").count()
        page.get_by_role("button", name="Show all").click()
        page.wait_for_function(f"document.querySelectorAll('.finding:not([hidden])').length === {len(kinds)}")
        page.locator(".groups a").last.click()
        assert page.url.endswith(f"#group-{page.locator('.group').count()}")


def test_what_a_finding_says_stays_text(browser: Any, curated: Guideline, tmp_path: Path) -> None:
    sides = (Side(HOSTILE, HOSTILE, (HOSTILE,), (HOSTILE,)),)
    odd = Finding(
        id="gap-1", kind="gap", severity="error", message=HOSTILE, sides=sides, witness={"id": HOSTILE}, repair=HOSTILE,
        shared=(HOSTILE,), resolved_by=(HOSTILE,), trial=Trial(gone=True, new=(HOSTILE,)), accepted=HOSTILE, cause=HOSTILE,
    )  # fmt: skip
    info = replace(curated.info, title=HOSTILE, disclaimer=HOSTILE)
    found = FindingsReport(guideline=info, courses=2, findings=(odd,), undecided=(HOSTILE,), gone=(HOSTILE,))
    text = render_findings_page(found, curated.model)
    assert text.count(escape(HOSTILE)) > 8
    (tmp_path / "a.html").write_text(text, "utf-8")
    with opened(browser, tmp_path / "a.html") as page:
        assert page.locator("img").count() == 0
        assert page.locator(".finding h4").text_content() == HOSTILE
        assert page.locator("body script").count() == 1


@pytest.mark.parametrize("name", ["check", "summary"])
def test_nothing_is_wider_than_the_screen_in_light_dark_and_print(
    name: str, browser: Any, pages: dict[str, Path], tmp_path: Path
) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        with opened(browser, pages[name], color_scheme=scheme, bypass_csp=True) as page:
            colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            if AXE.exists():
                page.add_script_tag(content=AXE.read_text("utf-8"))
            for width in (1400, 800, 360):
                page.set_viewport_size({"width": width, "height": 900})
                wide = f"all => all.filter(one => one.getBoundingClientRect().right > {width}).map(one => one.outerHTML)"
                assert page.locator("body *:visible").evaluate_all(wide) == [], width
                if AXE.exists():
                    assert page.evaluate(BARRIERS) == [], width
            page.emulate_media(media="print")
            assert page.locator(".disclaimer").is_visible()
            assert not page.locator("#filter button").is_visible()
            assert page.pdf(path=tmp_path / "a.pdf")[:4] == b"%PDF"
    assert len(colours) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-o", "found.pdf"), 'found.pdf: ".pdf" is not a format of this report; allowed: .html'),
        (("-o", "found.html", "--format", "json"), "-o writes a page; omit --format and --witness, or omit -o."),
        (("-o", "nowhere/found.html", "--guideline", str(FEVER), "--courses", "0"), "nowhere/found.html: cannot be written"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused(
    arguments: tuple[str, ...], says: str, environment: dict[str, str], tmp_path: Path
) -> None:
    done = run("check", *arguments, folder=tmp_path, environment=environment)
    assert (done.returncode, done.stdout, says in done.stderr) == (2, "", True), done.stderr
    assert list(tmp_path.iterdir()) == []
