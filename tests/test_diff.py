"""Comparing two guidelines: every difference is shown by its witness, and where none is found random records agree."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from records import random_record

from reasoner import Answer, Guideline, RecordError
from reasoner.verification.diff import Comparison, diff
from reasoner.verification.findings import Finding

OVERLAY = ROOT / "asp" / "overlays" / "formulary_without_tdxd.lp"
EQUIVALENT = ("provenance", "data")


def copy_of(guideline: Guideline, target: Path, **changes: tuple[str, str]) -> Guideline:
    """Load a copy of a guideline's folder in which a text of a file is replaced."""
    folder = target / "her2_mbc"
    shutil.copytree(guideline.folder, folder, ignore=shutil.ignore_patterns("cases"))
    for file, (old, new) in changes.items():
        path = folder / f"{file}.lp"
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")
    return Guideline.load(folder, guideline.layer)


def essence(answer: Answer) -> dict[str, Any]:
    return {
        "setting": answer.setting,
        "recommended": {
            e.regimen: (e.rank, e.strength, e.certainty, e.cautions, e.evidence_certainty) for e in answer.recommended
        },
        "excluded": {e.regimen: e.certainty for e in answer.excluded},
        "actions": {e.action: e.certainty for e in answer.actions},
    }


def dosed(guideline: Guideline, witness: Mapping[str, object]) -> set[tuple[object, ...]]:
    """List the doses that a witness is answered with."""
    entries = guideline.answer(witness).recommended
    return {(d.drug, d.schedule, d.step, d.amount, d.unit, str(d.every), str(d.minimum), str(d.maximum), str(d.duration))
            for entry in entries for d in entry.doses}  # fmt: skip


def shows(found: Finding, old: Guideline, new: Guideline) -> None:
    """Assert that the two guidelines answer a finding's witness differently, in what the finding names."""
    assert found.witness is not None
    before, after = essence(old.answer(found.witness)), essence(new.answer(found.witness))
    if found.kind == "dosage":
        assert dosed(old, found.witness) != dosed(new, found.witness), found.message
        return
    if found.kind == "score":
        assert old.answer(found.witness).scores != new.answer(found.witness).scores, found.message
        return
    labels = {label: name for kind in ("regimen", "action_name") for name, label in new.model.labels.get(kind, {}).items()}
    named = [name for label, name in labels.items() if label in found.message]
    part = {
        "gained": "recommended", "lost": "recommended", "order": "recommended", "caution": "recommended",
        "certainty": "recommended", "evidence": "recommended", "exclusion": "excluded", "action": "actions",
    }.get(found.kind, "setting")  # fmt: skip
    if part == "setting":
        assert found.kind == "position" or before["setting"] != after["setting"] or old.layer != new.layer, found.message
    else:
        assert any(before[part].get(name) != after[part].get(name) for name in named), found.message


def test_a_guideline_is_equivalent_to_itself(curated: Guideline, literal: Guideline) -> None:
    for guideline in (curated, literal):
        comparison = diff(guideline, guideline)
        assert (comparison.findings, comparison.equivalent, comparison.courses) == ((), True, 3)


@pytest.mark.parametrize("reading", ["R1=b", "R5=b", "R9=b", "R11=b", "R13=b", "R14=b", "R17=b"])
def test_another_alternative_of_a_reading_is_another_guideline(reading: str, curated: Guideline) -> None:
    """Its differences lie in the rules that ask for an alternative, and every witness is answered differently."""
    other = Guideline.load(readings=reading)
    comparison = diff(curated, other)
    assert not comparison.equivalent
    own = {rule.id for rule in curated.model.rules if any("reading(" in c.text for c in rule.body)}
    for found in comparison.findings:
        assert found.witness is not None
        shows(found, curated, other)
        assert {rule.partition(":")[2] for rule in found.rules} <= own


@pytest.fixture(scope="module")
def layers(literal: Guideline, curated: Guideline) -> Comparison:
    return diff(literal, curated)


def test_every_witness_is_answered_differently(literal: Guideline, curated: Guideline, layers: Comparison) -> None:
    local = Guideline.load(overlays=OVERLAY)
    for comparison, old, new in ((layers, literal, curated), (diff(curated, local), curated, local)):
        with_witness = [found for found in comparison.findings if found.witness is not None]
        assert len(with_witness) > 8
        for found in with_witness:
            shows(found, old, new)
        assert not comparison.equivalent


def test_what_a_formulary_changes_is_told_with_the_rule_that_carries_it(curated: Guideline) -> None:
    comparison = diff(curated, Guideline.load(overlays=OVERLAY))
    (lost,) = [found for found in comparison.findings if found.kind == "lost"]
    gained, since = [found for found in comparison.findings if found.kind == "gained"]
    assert "trastuzumab deruxtecan" in lost.message
    assert "trastuzumab emtansine" in gained.message
    assert "tucatinib" in since.message
    assert "trastuzumab deruxtecan (T-DXd) as the last course" in since.shared
    for found in (lost, gained, since):
        assert (found.rules, found.overlays) == (("new:formulary_without_tdxd.1",), ("formulary_without_tdxd",))
        assert found.places == ("overlays/formulary_without_tdxd.lp:7",)
    certainty = next(f for f in comparison.findings if f.kind == "certainty" and "trastuzumab emtansine" in f.message)
    assert "depended on interstitial lung disease" in certainty.message
    assert certainty.witness is not None
    assert "interstitial_lung_disease" not in certainty.witness


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("principles", "contraindicated(trastuzumab_deruxtecan) :- has(interstitial_lung_disease).\n", "", "gained"),
        ("third_line", "indicated(pertuzumab, limited)", "indicated(pertuzumab, alternative)", "order"),
        ("second_line", "[1, 2, 5] sha256:92045e4556ad", "[1, 2] sha256:92045e4556ad", "provenance"),
        ("second_line", 'each_dose, "5.4"', 'each_dose, "5.6"', "dosage"),
        ("pitfalls", "calls_for(do_not_interchange_trastuzumab_products)", "calls_for(monitor_lvef)", "action"),
        ("readings", "caution(R, cardiac_conjugate) :- contains_class(R, conjugate), cardiac_dysfunction.\n", "", "caution"),
    ],
)
def test_a_change_is_told_in_its_class(
    file: str, old: str, new: str, expected: str, curated: Guideline, tmp_path: Path
) -> None:
    old, new = old.replace("each_dose", "every_dose"), new.replace("each_dose", "every_dose")
    changed = copy_of(curated, tmp_path, **{file: (old, new)})
    comparison = diff(curated, changed)
    assert expected in {found.kind for found in comparison.findings}
    assert comparison.equivalent == (expected in EQUIVALENT)
    for found in comparison.findings:
        if found.witness is not None:
            shows(found, curated, changed)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("open_member(adjuvant_drugs, pertuzumab).\n", "", "No longer declared: open_member(adjuvant_drugs,pertuzumab)"),
        (
            "default(unavailable_drugs, empty).\n",
            "open_member(unavailable_drugs, lapatinib).\n",
            "default(unavailable_drugs",
        ),
        (
            "applies(months_to_recurrence) :- includes",
            "applies(months_to_recurrence) :- has(metastatic), includes",
            "cannot",
        ),
        ("inconsistent(cns_without_brain) :- has(cns_predominant), not has(brain_metastases).\n", "", "can in the new one"),
    ],
)
def test_guidelines_with_other_records_are_never_called_equivalent(
    old: str, new: str, message: str, curated: Guideline, tmp_path: Path
) -> None:
    comparison = diff(curated, copy_of(curated, tmp_path, facts=(old, new)))
    assert not comparison.equivalent
    assert [found for found in comparison.findings if found.kind == "space" and message in found.message]


def test_patients_of_a_class_share_the_conditions_it_names(curated: Guideline, tmp_path: Path) -> None:
    """Random records that lose the regimen have every condition that the class is said to share."""
    old = "indicated(tucatinib_trastuzumab_capecitabine, consider) :- setting(second_line), has(cns_predominant)."
    changed = copy_of(curated, tmp_path, second_line=(old, ""))
    (lost,) = [found for found in diff(curated, changed).findings if found.kind == "lost"]
    assert lost.shared == ("brain metastases", "predominantly CNS disease")
    regimen, rng, met = "tucatinib_trastuzumab_capecitabine", random.Random(4), 0
    for _ in range(4000):
        record = random_record(rng, curated, 0.0)
        try:
            before = {entry.regimen for entry in curated.answer(record).recommended}
        except RecordError:
            continue
        if regimen in before and regimen not in {entry.regimen for entry in changed.answer(record).recommended}:
            met += 1
            assert record["brain_metastases"]
            assert record["cns_predominant"]
    assert met > 8


def test_guidelines_proved_equivalent_answer_random_records_alike(curated: Guideline, tmp_path: Path) -> None:
    old = "prefers(trastuzumab_deruxtecan, trastuzumab_emtansine) :- setting(second_line), has(cns_predominant).\n"
    changed = copy_of(curated, tmp_path, readings=(old, ""))
    assert diff(curated, changed).equivalent
    rng = random.Random(5)
    answered = 0
    for _ in range(600):
        record = random_record(rng, curated, 0.2)
        try:
            before = curated.answer(record)
        except RecordError:
            continue
        answered += 1
        assert essence(before) == essence(changed.answer(record)), record
    assert answered > 300


RIVER_COUGH = Path(__file__).parent / "guidelines" / "river_cough"
DOSE = 'dose(oralin, daily, every_dose, "50", mg, weeks(1)).\n'
LEVELS = """term(evidence_certainty, high, "high certainty"). term(evidence_certainty, low, "low certainty").
certainty_order(1, high). certainty_order(2, low).
"""
POINTS = 'term(score, points, "Points").\nscore(points, N) :- N = #count { 1 : has(fever); 2 : has(pregnant) }.\n'


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        pytest.param((), ((DOSE, DOSE.replace("50", "60")),),
                     {"Dose of oralin (daily, each dose): now 60 mg every week, before 50 mg every week."},
                     id="a dose that is the same for everybody"),
        pytest.param((), ((DOSE, DOSE.replace('"50", mg', '"0.0500", g').replace("weeks(1)", "days(7)")),), set(),
                     id="a dose that is written in another way"),
        pytest.param((), ((DOSE, DOSE.replace(").", ") :- has(fever).") + DOSE.replace(").", ") :- not has(fever).")),),
                     set(),
                     id="conditions of which one is always met"),
        pytest.param((), ((DOSE, DOSE.replace(").", ") :- has(fever).") + DOSE.replace("50", "40").replace(
                     ").", ") :- not has(fever).")),), set(), id="a dose of those who do not get the drug"),
        pytest.param((), ((DOSE, DOSE + 'dose_maximum(oralin, daily, every_dose, "90", mg) :- has(pregnant).\n'),),
                     {"Dose of oralin (daily, each dose): at most 90 mg is new."}, id="a limit with a condition"),
        pytest.param((), ((DOSE, DOSE + "step_done(oralin, every_dose) :- has(pregnant).\n"),),
                     {"Dose of oralin (daily, each dose): 50 mg every week is gone."}, id="a step that is finished"),
        pytest.param(((DOSE, DOSE + POINTS),), ((DOSE, DOSE + POINTS.replace("2 :", "1 :")),),
                     {"Points: now 1, before 2."}, id="a score"),
        pytest.param(((DOSE, DOSE + LEVELS),), ((DOSE, DOSE + LEVELS), ("oralin, 50 mg a week.", "oralin.\n@certainty low")),
                     {"Certainty of the evidence for oralin: now low certainty, before not stated."},
                     id="the certainty of evidence"),
    ],
)  # fmt: skip
def test_doses_scores_and_evidence_are_compared_as_patients_get_them(
    old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...], messages: set[str], tmp_path: Path
) -> None:
    sides = []
    for name, changes in (("old", old), ("new", new)):
        text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
        for before, after in changes:
            assert text.count(before) == 1
            text = text.replace(before, after)
        folder = tmp_path / name / "river_cough"
        folder.mkdir(parents=True)
        (folder / "guideline.lp").write_text(text, "utf-8")
        sides.append(Guideline.load(folder))
    comparison = diff(*sides)
    found = [f for f in comparison.findings if f.kind in ("dosage", "score", "evidence")]
    assert {f.message for f in found} == messages
    assert comparison.equivalent == (not messages)
    for finding in found:
        assert finding.statements == ("L1",)
        shows(finding, *sides)


def test_what_is_gone_is_placed_in_the_old_guideline(tmp_path: Path) -> None:
    """Files of both sides that have the same name are told apart, in SARIF too."""
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    for name, content in (("old", text), ("new", "\n\n" + text.replace(DOSE, ""))):
        (tmp_path / name / "river_cough").mkdir(parents=True)
        (tmp_path / name / "river_cough" / "guideline.lp").write_text(content, "utf-8")
    sides = [Guideline.load(tmp_path / name / "river_cough") for name in ("old", "new")]
    comparison = diff(*sides)
    gone = [found for found in comparison.findings if "gone" in found.message.lower()]
    line = text.splitlines().index(DOSE.strip()) + 1
    assert [(found.kind, found.places) for found in gone] == [("dosage", (f"old:river_cough/guideline.lp:{line}",))]
    assert comparison.files["old:river_cough/guideline.lp"] == sides[0].files["river_cough/guideline.lp"]
    assert comparison.files["new:river_cough/guideline.lp"] == sides[1].files["river_cough/guideline.lp"]


CLEARANCE = """fact(4, clearance, number). term(fact, clearance, "clearance"). applies(clearance). minimum(clearance, 0).
threshold(clearance, 15). threshold(clearance, 50). typical(clearance, at_least(50)).
"""
EXCLUSION = "contraindicated(oralin) :- less_than(clearance, 15).\n"


def test_a_difference_stands_where_it_comes_from_and_once(tmp_path: Path) -> None:
    """Other rules that fire for the same patients are no places of it; thresholds are those that rules ask for."""
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8").replace(DOSE, CLEARANCE + DOSE) + EXCLUSION
    other = text.replace(DOSE, DOSE.replace("50", "60")).replace("less_than(clearance, 15)", "less_than(clearance, 50)")
    other = other.replace(":- setting(acute).", ":- setting(acute), in_scope.")
    sides = []
    for name, content in (("old", text), ("new", other)):
        (tmp_path / name / "river_cough").mkdir(parents=True)
        (tmp_path / name / "river_cough" / "guideline.lp").write_text(content, "utf-8")
        sides.append(Guideline.load(tmp_path / name / "river_cough"))
    found = {own.kind: own for own in diff(*sides).findings}
    assert set(found) == {"dosage", "exclusion"}
    dosed, excluded = (text.splitlines().index(own.strip()) + 1 for own in (DOSE, EXCLUSION))
    assert found["dosage"].places == tuple(f"{side}:river_cough/guideline.lp:{dosed}" for side in ("old", "new"))
    assert found["exclusion"].places == (f"new:river_cough/guideline.lp:{excluded}",)
    assert found["exclusion"].departures == ("clearance: at least 15 and less than 50",)


def command(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reasoner", "diff", *arguments],
        capture_output=True, text=True, cwd=ROOT, env=environment, check=False,
    )  # fmt: skip


def test_sides_are_folders_layers_overlays_or_several_of_them(environment: dict[str, str]) -> None:
    same = command("asp/her2_mbc+curated", "curated", environment=environment)
    assert (same.returncode, same.stderr) == (0, "")
    assert "Equivalent: every patient gets the same setting" in " ".join(same.stdout.split())
    local = str(OVERLAY.relative_to(ROOT))
    same = command(f"literal+{local}", local, "--layer", "literal", environment=environment)
    assert same.returncode == 0
    different = command("curated", local, environment=environment)
    assert different.returncode == 1
    assert "is no longer recommended" in different.stdout
    cut = command("curated", local, "--timeout", "0.000001", "--fail-level", "error", environment=environment)
    assert cut.returncode == 1
    assert "UNKNOWN" in cut.stdout
    assert "Equivalent" not in cut.stdout


@pytest.mark.parametrize(
    ("side", "message"),
    [
        ("curatd", '"curatd" is not a folder, a file, a layer or a reading (did you mean "curated"'),
        ("tests", "no guideline.lp there"),
        ("R5=c", "--reading R5=c: no such alternative of a reading; allowed: R1=a"),
        ("r5=b", '--reading r5=b: no such alternative of a reading (did you mean "R5=b"?); allowed: R1=a'),
        ("R99=b", "--reading R99=b: no such alternative of a reading; allowed: R1=a"),
    ],
)
def test_a_side_that_cannot_be_used_is_refused(side: str, message: str, environment: dict[str, str]) -> None:
    done = command("curated", side, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
