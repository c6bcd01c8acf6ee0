"""The pages that are files, in a real Chromium, without a network: what check found, a cohort's summary, a guideline."""

from __future__ import annotations

import json
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from in_process import command
from msgspec.structs import replace
from test_viewer import AXE, opened

from reasoner import Guideline
from reasoner.cli import cli
from reasoner.render.html.findings import render_findings_page
from reasoner.render.rule_words import rule_words
from reasoner.verification.check import check
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


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Guideline]:
    """The page of the guideline that `reasoner new` writes, as the command writes it, with a case that is not met."""
    folder = tmp_path_factory.mktemp("documented") / "own"
    command("new", folder)
    case = folder / "cases/failing_kidneys_a2b.json"
    case.write_text(case.read_text("utf-8").replace('"hospital"', '"home"'), "utf-8")
    command("document", "--guideline", folder, "--source", folder / "source.txt", "-o", folder / "own.html")
    return folder / "own.html", Guideline.load(folder)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of concordance for two patients, one of them a chart, as the command writes it."""
    folder = tmp_path_factory.mktemp("judged")
    course = {"drugs": ["trastuzumab_deruxtecan", "capecitabine"], "outcome": "progression"}
    record = {"id": HOSTILE, "her2": "positive", "metastatic_therapy": [course, {"drugs": ["pertuzumab"]}]}
    (folder / "record.json").write_text(json.dumps(record), "utf-8")
    (folder / "chart.json").write_bytes(command("example", "fhir_bundle"))
    command("concordance", folder / "record.json", folder / "chart.json", "-o", folder / "judged.html")
    return folder / "judged.html"


@pytest.fixture
def pages(
    report: tuple[Path, dict[str, Any]], documented: tuple[Path, Guideline], judged: Path, cohort_run: Path
) -> dict[str, Path]:
    summary = cohort_run / "out/summary.html"
    return {"check": report[0], "summary": summary, "document": documented[0], "concordance": judged}


def test_the_page_of_concordance_says_what_the_text_says(browser: Any, judged: Path) -> None:
    text = command("concordance", judged.parent / "record.json", judged.parent / "chart.json").decode()
    with opened(browser, judged, java_script_enabled=False) as page:
        assert page.locator("img").count() == 0
        shown = [own.strip(" .") for own in page.locator("article li, article p, article h3").all_text_contents()]
        assert page.locator("article").count() == text.count("\nCourse ") == 3
        assert page.locator("h2").first.text_content() == f"Patient {HOSTILE}"
    full, short = "trastuzumab deruxtecan (T-DXd)", "T-DXd"
    told = " ".join(text.split()).replace(full, short)
    assert [own for own in shown if own.replace(full, short) not in told] == []


def test_the_page_of_a_guideline_holds_all_that_a_board_reviews(browser: Any, documented: tuple[Path, Guideline]) -> None:
    file, guideline = documented
    model = guideline.model
    with opened(browser, file, java_script_enabled=False) as page:
        for own in model.annotations.values():
            shown = page.locator(f"article#{own.id.replace('=', '-')}").text_content()
            told = [own.text, own.why, own.settles, own.unformalised, *map(str, own.citations)]
            told += [model.trials[trial].label for trial in own.trials]
            assert [words for words in told if words not in shown] == []
            for rule in (rule for rule in model.rules if rule.annotation == own.id):
                head, conditions = rule_words(rule, model)
                assert [words for words in (head, *conditions) if words not in shown] == []
                assert (
                    guideline.sources[rule.place.partition(":")[0]].split("\n")[int(rule.place.partition(":")[2]) - 1]
                    in shown
                )
        text = page.locator("main").text_content()
        assert "Patients should rest. 1" in page.locator("article#L9").text_content()
        assert "2 mg/kg every day" in page.locator("#doses").text_content()
        assert "400 mg every 12 hours (if treatment in hospital as the setting)" in page.locator("#doses").text_content()
        assert "4 against 8" in page.locator("#evidence").text_content()
        assert "differs: setting" in page.locator("#cases").text_content()
        assert page.locator("#cases tbody tr").count() == 3
        assert [
            own.message for own in check(guideline).findings if own.message not in page.locator("#findings").text_content()
        ] == []
        assert "pregnancy" in page.locator("#silent").text_content()
        assert [own.question for own in model.facts if own.question not in text] == []
        targets = page.locator("main a").evaluate_all("all => all.map(one => one.getAttribute('href').slice(1))")
        assert [target for target in targets if page.locator(f"[id='{target}']").count() != 1] == []


def test_the_page_of_a_guideline_is_the_same_each_time_and_all_that_it_says_stays_text(
    browser: Any, curated: Guideline, tmp_path: Path
) -> None:
    odd = HOSTILE.replace('"', "'")
    (tmp_path / "own").mkdir()
    text = (FEVER / "guideline.lp").read_text("utf-8")
    for words in ('"Marsh fever"', '"fever"', '"amarin"', '"temperature"', '"MARSH-1"', '"Invented for the tests."'):
        text = text.replace(words, f'"{odd}"')
    text = text.replace("Measure the temperature again in the course", f"Measure {odd} again in the course")
    (tmp_path / "own/guideline.lp").write_text(text, "utf-8")
    case = {"title": HOSTILE, "record": {"id": HOSTILE, "confirmed": True}, "expected": {"recommended": []}}
    (tmp_path / "own/cases").mkdir()
    (tmp_path / "own/cases/a.json").write_text(json.dumps(case), "utf-8")
    written = []
    for name in ("one.html", "two.html"):
        command("document", "--guideline", tmp_path / "own", "-o", tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    with opened(browser, tmp_path / "one.html") as page:
        assert page.locator("img").count() == 0
        assert page.locator("h1").text_content().startswith(odd)
        assert HOSTILE in page.locator("#cases").text_content()


def test_a_document_is_a_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["document", "-o", str(tmp_path / "a.pdf")])
    assert (done.exit_code, "is not a format of this report; allowed: .html" in done.stderr) == (2, True)


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


@pytest.mark.parametrize("name", ["check", "summary", "document", "concordance"])
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
