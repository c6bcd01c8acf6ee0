"""Findings in the formats that other programs read."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from conftest import ROOT
from random_guidelines import CATALOGUE, load
from records import random_record

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.cli import cli
from reasoner.cohort.distinct_records import distinct_records
from reasoner.render.findings import ordered_groups, render
from reasoner.render.html.findings import render_findings_page
from reasoner.verification.affected import count_affected
from reasoner.verification.check import Report, check
from reasoner.verification.diff import diff
from reasoner.verification.reports import FindingsReport, readings_named

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
COMMANDS = {
    "check": ("check", "--layer", "literal"),
    "diff": ("diff", "curated", "asp/overlays/formulary_without_tdxd.lp"),
    "coverage": ("coverage",),
}
KEYS = {"id", "class", "severity", "certain", "message", "statements", "rules", "places", "witness", "resolved_by", "repair"}


def once(work: Callable[..., Any]) -> Callable[..., Any]:
    """Work out the same of the same guidelines once."""
    found: dict[tuple[Any, ...], Any] = {}

    def known(*given: Any) -> Any:
        own = ((one.digest, one.layer) if isinstance(one, Guideline) else one for one in given)
        key = tuple(one for one in own if not callable(one))
        if key not in found:
            found[key] = work(*given)
        return found[key]

    return known


@pytest.fixture(scope="module", autouse=True)
def checked_once(own_cache: None) -> Iterator[Callable[..., Report]]:
    """Here it matters how commands write what they find: what that is they work out once for all formats."""
    checked = once(check)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr("reasoner.verification.check.check", checked)
        patch.setattr("reasoner.verification.diff.diff", once(diff))
        yield checked


def written(*arguments: str) -> str:
    """Run a command that finds something, and give what it prints."""
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (1, "")
    return done.stdout


def run(name: str, form: str, *more: str) -> Any:
    return json.loads(written(*COMMANDS[name], "--format", form, "--fail-level", "info", *more))


@pytest.fixture(scope="module")
def findings(checked_once: Callable[..., Report]) -> dict[str, Any]:
    return {name: run(name, "json") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_has_the_keys_of_the_contract(name: str, findings: dict[str, Any]) -> None:
    report = findings[name]
    assert report["schema"] == "reasoner.findings/1"
    assert report["guideline"]["id"] == "her2_mbc"
    assert report["findings"]
    for found in report["findings"]:
        assert set(found) >= KEYS
        assert found["certain"] is True
        assert found["id"].startswith(f"{found['class']}-")
    ids = [found["id"] for found in report["findings"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", COMMANDS)
def test_sarif_is_valid_and_its_places_point_into_the_files(name: str, findings: dict[str, Any], tmp_path: Path) -> None:
    first = next(found["id"] for found in findings[name]["findings"])
    accepted = tmp_path / "accepted.txt"
    accepted.write_text(f"{first} known & <kept>\n", "utf-8")
    more = () if name == "coverage" else ("--accept", str(accepted))
    sarif = run(name, "sarif", *more)
    jsonschema.Draft4Validator(SCHEMA).validate(sarif)
    (job,) = sarif["runs"]
    rules = [rule["id"] for rule in job["tool"]["driver"]["rules"]]
    known = {found["id"]: found for found in findings[name]["findings"]}
    assert {result["properties"]["id"] for result in job["results"]} == set(known)
    for result in job["results"]:
        found = known[result["properties"]["id"]]
        assert rules[result["ruleIndex"]] == result["ruleId"] == found["class"]
        assert result["message"]["text"].startswith(found["message"])
        assert result["level"] == {"error": "error", "warning": "warning", "info": "note"}[found["severity"]]
        assert ("suppressions" in result) == (bool(more) and found["id"] == first)
        for place in (*result["locations"], *result["relatedLocations"]):
            physical = place["physicalLocation"]
            path = ROOT / physical["artifactLocation"]["uri"]
            line = path.read_text("utf-8").splitlines()[physical["region"]["startLine"] - 1]
            assert line.strip(), (path, physical)


def test_a_sarif_report_of_a_cut_search_says_that_it_did_not_succeed() -> None:
    sarif = run("check", "sarif", "--timeout", "0.000001")
    jsonschema.Draft4Validator(SCHEMA).validate(sarif)
    (invocation,) = sarif["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert {"level": "error", "message": {"text": "undecided: gap"}} in invocation["toolExecutionNotifications"]


@pytest.mark.parametrize("seed", range(40, 46))
def test_the_patients_who_show_a_finding_are_those_whose_answers_do(seed: int, own_cache: None, tmp_path: Path) -> None:
    """A complete record is counted for conflicts and gaps as its answer reads, an incomplete one where that is certain."""
    folder = tmp_path / "fever"
    folder.mkdir()
    rng, guideline = load(folder, seed)
    courses = guideline.model.courses_fact
    assert courses is not None
    try:
        checked = check(guideline, 2)
    except GuidelineError as error:
        assert "leaves no patient" in str(error)
        return
    records, contradicting = list[dict[str, Any]](), 0
    for number in range(120):
        record = {**random_record(rng, guideline, rng.choice((0.0, 0.0, 0.4))), "id": str(number)}
        record[courses.name] = record[courses.name][:2]
        records.append(record)
    source = tmp_path / "in.ndjson"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    known = distinct_records(source, guideline)
    report = FindingsReport(guideline=guideline.info, courses=2, findings=checked.findings)
    counted = count_affected(report, guideline, known.records, known.rejected)
    for place, (record, count) in enumerate(known.records):
        showing = [found for found in counted.findings if place in found.patients]
        assert all(found.patients[place] == count for found in showing)
        try:
            answer = guideline.answer({**record.data, "id": "one"})
        except RecordError:
            contradicting += count
            assert not showing
            continue
        complete = not answer.derivation.completions.open
        excluded = {entry.regimen for entry in answer.excluded if complete or entry.certainty == "certain"}
        both = {e.regimen for e in answer.recommended if (complete or e.certainty == "certain") and e.regimen in excluded}
        conflicts = [found for found in showing if "excluded by" in found.message and found.kind == "conflict"]
        assert bool(both) == bool(conflicts) if complete else bool(both) >= bool(conflicts), record.data
        gaps = [found for found in showing if found.kind in ("gap", "dead_end")]
        silent = not answer.recommended and answer.setting != "out_of_scope"
        assert silent == bool(gaps) if complete else silent >= bool(gaps), record.data
    assert counted.cohort.patients == 120 - contradicting - known.rejected
    assert counted.cohort.rejected == contradicting + known.rejected
    for found in counted.findings:
        assert (found.affected is None) == (found.witness is None), found.message


@pytest.mark.parametrize(
    ("name", "layer"),
    [("hill_ague", "literal"), ("marsh_fever", "literal"), ("marsh_fever", "curated"), ("river_cough", "curated")],
)
def test_the_smallest_patient_of_a_finding_counts_among_those_who_show_it(name: str, layer: str, own_cache: None) -> None:
    guideline = Guideline.load(ROOT / "tests/guidelines" / name, layer)
    checked = check(guideline)
    report = FindingsReport(guideline=guideline.info, courses=3, findings=checked.findings)
    witnesses = [found for found in checked.findings if found.witness is not None]
    assert witnesses
    for found in witnesses:
        counted = count_affected(report, guideline, [(guideline.record(found.witness), 1)])
        (own,) = (other for other in counted.findings if other.id == found.id)
        assert own.affected == 1, found.message


STATEMENTS = (
    """%* @statement L1 [1] sha256:000000000000
Amarin is standard in acute fever.
*%
places(acute, fever) :- has(confirmed), more_than(temperature, 38).
indicated(amarin, standard) :- setting(acute), not is(kidney_function, reduced).
indicated(amarin_salt, standard) :- setting(acute), includes(signs, rash).
""",
    """%* @statement L2 [1] sha256:000000000000
Pregnancy and failing kidneys are contraindications to amarin.
*%
contraindicated(amarin) :- has(pregnant), is(kidney_function, failing).
contraindicated(amarin) :- has(pregnant), not has(pregnant).
""",
)


def test_an_id_stays_while_the_defect_does(own_cache: None, tmp_path: Path) -> None:
    """Conditions, rules and statements in another order, and a statement in other words, leave the ids as they are."""
    turned = []
    for statement in reversed(STATEMENTS):
        annotation, _, rules = statement.replace("Amarin is standard", "The standard is amarin").partition("*%\n")
        lines = (line.removesuffix(".").split(" :- ") for line in reversed(rules.splitlines()))
        swapped = (f"{head} :- {', '.join(reversed(re.split(r', (?![^(]*[)])', body)))}.\n" for head, body in lines)
        turned.append(f"{annotation}*%\n{''.join(swapped)}")
    ids = []
    for name, statements in (("one", STATEMENTS), ("two", turned)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "guideline.lp").write_text(CATALOGUE + "".join(statements))
        ids.append({found.id for found in check(Guideline.load(tmp_path / name), 1).findings})
    assert ids[0] == ids[1]
    assert {name.partition("-")[0] for name in ids[0]} >= {"conflict", "gap", "unfirable"}


def test_the_text_shows_what_is_to_be_decided_on_the_first_screen(
    findings: dict[str, Any],
) -> None:
    every = findings["check"]["findings"]
    texts = [written(*COMMANDS["check"], *more) for more in ((), ("--all",))]
    assert all(found["affected"] is None and found["group"].startswith(f"{found['class']}.") for found in every)
    assert {found["id"] for found in every} == set(re.findall(r"[a-z_]+-[0-9a-f]{6}(?=:)", texts[1]))
    groups = {found["group"] for found in every}
    screen = texts[0].splitlines()[:24]
    assert f"TO DECIDE: THE FIRST 10 OF {len(groups)} GROUPS (all: --all)" in screen
    assert sum(line.lstrip()[:2] in ("1.", "2.", "3.", "4.", "5.") for line in screen) == 5
    assert all(len(line) <= 80 for line in texts[0].splitlines())
    shown = re.findall(r"^\d+\. [A-Z]", texts[0], re.MULTILINE)
    assert (len(shown), len(re.findall(r"^\d+\. [A-Z]", texts[1], re.MULTILINE))) == (10, len(groups))
    severities = re.findall(r"^ *\d+\. (error|warning|info) ", texts[1], re.MULTILINE)
    assert severities == sorted(severities, key=("error", "warning", "info").index)
    grave = [found for found in every if found["severity"] == "error"]
    settled = {found["group"] for found in grave if not found["resolved_by"]}
    listed = re.findall(r"^ {2}-  error ([a-z_]+-\w+):", texts[1], re.MULTILINE)
    open_groups = [next(found["group"] for found in grave if found["id"] == name) in settled for name in listed]
    assert open_groups == sorted(open_groups, reverse=True)
    columns = {len(lead) for lead in re.findall(r"^ *\d+\. (?:error|warning|info) +", texts[1], re.MULTILINE)}
    assert len(columns) == 1


@pytest.mark.parametrize("layer", ["literal", "curated"])
def test_readings_are_said_in_words_where_findings_name_them(
    layer: str, curated: Guideline, checked_once: Callable[..., Report]
) -> None:
    """Under the list of what is to be decided, those that settle most first; on the page beside each finding."""
    guideline = Guideline.load(layer=layer)
    findings = checked_once(guideline, None, None).findings
    report = FindingsReport(
        guideline=guideline.info, courses=3, findings=findings, readings=readings_named(findings, guideline)
    )
    text = render(report, guideline.model, 10_000)
    screen = text.partition("\nWHAT THE READINGS SAY\n")[2].partition("\n\n")[0]
    said = {line.split()[0]: line for line in screen.splitlines()}
    shown = [group[0] for group in ordered_groups(report, guideline.model)[:10]]
    named = {name for found in shown for name in (*found.readings, *found.settling)}
    settling = Counter(name for found in findings for name in found.resolved_by)
    assert said.keys() == named | settling.keys()
    for name, line in said.items():
        assert curated.model.annotations[name].first_sentence in line
        assert (f"(settles {settling[name]})" in line) == (settling[name] > 0)
    counts = [settling[name] for name in said]
    assert counts == sorted(counts, reverse=True)
    page = render_findings_page(report, guideline.model)
    for name in {name for found in findings for name in found.settling}:
        assert escape(curated.model.annotations[name].first_sentence) in page
    assert_statements_are_said(text, page, report, guideline)


def assert_statements_are_said(text: str, page: str, report: FindingsReport, guideline: Guideline) -> None:
    """In the report each that a group shown names stands in words once, on the page each in every finding that names it."""
    known = {name: own for name, own in guideline.model.annotations.items() if own.kind == "statement"}
    said = text.partition("\nWHAT THE STATEMENTS SAY\n")[2].partition("\n\n")[0].splitlines()
    named = [name for name in known if any(f" {name} {known[name].first_sentence}" in line for line in said)]
    assert len(said) == len(named)
    shown = [group[0] for group in ordered_groups(report, guideline.model)[:10]]
    told = {word for found in shown for word in re.findall(r"\bL\d+", f"{found.message} {found.repair} {found.sides}")}
    assert told
    assert set(named) == told | {name for found in shown for name in found.statements}
    articles = re.findall(r'<article.*? id="([^"]+)".*?</article>', page, re.DOTALL)
    whole = dict(zip(articles, re.findall(r"<article.*?</article>", page, re.DOTALL), strict=True))
    for found in report.findings:
        for name in re.findall(r"\bL\d+", found.message):
            assert escape(known[name].text) in whole[found.id], (found.message, name)


def test_a_cohort_orders_the_groups_by_the_patients_concerned(tmp_path: Path) -> None:
    """Of three patients it is certain, of the one whose course may have ended it is not."""
    known = {"metastatic": True, "her2": "positive", "adjuvant_drugs": [], "lvef_decline": "persistent"}
    under_way = {**known, "metastatic_therapy": [{"drugs": ["trastuzumab"], "outcome": "ongoing"}]}
    perhaps = {**known, "metastatic_therapy": [{"drugs": ["trastuzumab"]}]}
    lines: list[dict[str, Any]] = [{"id": "p", **perhaps}, *({"id": f"h{n}", **under_way} for n in range(3))]
    lines.append({"id": "x", "her2": "maybe"})
    cohort = tmp_path / "cohort.ndjson"
    cohort.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = run("check", "json", "--cohort", str(cohort))
    assert report["cohort"] == {"patients": 4, "unanswered": 0, "rejected": 1, "more_courses": 0}
    affected = {found["message"]: found["affected"] for found in report["findings"]}
    key = "trastuzumab + pertuzumab + a taxane (docetaxel or paclitaxel) is recommended by L3 and excluded by L54."
    assert affected[key] == 3
    folder = tmp_path / "export"
    folder.mkdir()
    shutil.copy(cohort, folder / "records.ndjson")
    assert run("check", "json", "--cohort", str(folder)) == report
    text = written(*COMMANDS["check"], "--cohort", str(cohort))
    shown = [int(count) for count in re.findall(r"\[(\d+) of 4\s+patients\]", text)]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] >= 3
