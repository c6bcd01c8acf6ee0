"""Checking over all patients: every finding is shown by its witness, no smaller one shows it, nothing planted is missed."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clingo
import pytest
from click.testing import CliRunner
from conftest import ROOT
from records import untold_record
from test_lost_phrases import LOST

from reasoner import Answer, Guideline, GuidelineError, ReasonerError, RecordError
from reasoner.cli import cli
from reasoner.engine.bits import BitCompletions
from reasoner.verification.check import Report, check, load_patients
from reasoner.verification.definitions import definitions
from reasoner.verification.findings import Finding, accept, at_least, read_accepted
from reasoner.verification.trials import with_trials

RIVER_COUGH = Path(__file__).parent / "guidelines" / "river_cough"
CLASSES = [
    "conflict", "dead_end", "gap", "unfirable", "redundant", "preference_cycle", "pointer", "boundary", "vague",
    "unknown_unsafe", "no_action", "dose", "unsupported", "orphan_evidence", "dangling_citation", "evidence_mismatch",
    "unformalised",
]  # fmt: skip


@pytest.fixture(scope="module")
def reports(literal: Guideline, curated: Guideline) -> dict[str, Report]:
    return {"literal": check(literal), "curated": check(curated)}


@pytest.fixture(scope="module")
def river_cough(own_cache: None) -> Report:
    return check(Guideline.load(RIVER_COUGH))


@pytest.fixture(scope="module")
def layers(literal: Guideline, curated: Guideline) -> dict[str, Guideline]:
    return {"literal": literal, "curated": curated}


def fired(answer: Answer, certainly: bool = False) -> set[str]:
    """Name the rules that fire in some completion, or `certainly` in every one."""
    derivation, found = answer.derivation, set[str]()
    for ground, truth in zip(derivation.program.rules, derivation.fired, strict=True):
        if truth == derivation.completions.all if certainly else truth != derivation.completions.none:
            found.add(derivation.model.rules[ground.rule].id)
    return found


def shows(found: Finding, guideline: Guideline) -> None:
    """Assert that answering a finding's witness shows the defect."""
    assert found.witness is not None
    answer = guideline.answer(found.witness)
    rules, always = fired(answer), fired(answer, certainly=found.kind != "unknown_unsafe")
    for side in found.sides:
        assert set(side.rules) <= always, (found.id, side)
    none = answer.derivation.completions.none
    recommended = {entry.regimen: entry for entry in answer.recommended}
    excluded = {entry.regimen: entry for entry in answer.excluded}
    if found.kind in ("gap", "dead_end"):
        assert not recommended
    if found.kind == "dead_end":
        assert all(led(found.witness, number, guideline) for number in range(len(found.witness[therapy(guideline)])))
    if found.kind == "conflict" and "recommended by" in found.message and "excluded by" in found.message:
        assert set(recommended) & set(excluded)
    if found.kind == "conflict" and "placed in" in found.message:
        held = [name for name in guideline.model.settings if answer.derivation.truth(f"setting({name})") != none]
        assert len(held) > 1
    if found.kind == "conflict" and "come first" in found.message:
        assert sum(entry.rank == 1 for entry in answer.recommended) > 1
    if found.kind == "unknown_unsafe" and len(found.statements) == 2:
        both = [name for name in recommended if name in excluded]
        assert any((recommended[n].certainty, excluded[n].certainty) == ("certain", "conditional") for n in both), (
            found.message
        )
    if found.kind == "unfirable":
        assert not set(found.rules) & rules


@pytest.mark.parametrize("layer", ["literal", "curated"])
def test_every_random_record_is_a_patient_of_whom_the_same_holds_as_in_its_answer(
    layer: str, layers: dict[str, Guideline]
) -> None:
    """The space of patients holds every completion of every record, and its program concludes what answers conclude."""
    guideline = layers[layer]
    patients = load_patients(guideline, 4)
    rng = random.Random(11)
    asked = 0
    while asked < 150:
        record = untold_record(rng, guideline, rng.choice([0.0, 0.15]))
        try:
            derivation = guideline.answer(record).derivation
        except RecordError:
            continue
        if not isinstance(derivation.completions, BitCompletions):
            continue
        asked += 1
        completion = 1 << rng.randrange(derivation.completions.count)
        program = derivation.program
        held = {atom for atom, value in zip(program.atoms, derivation.values, strict=True) if value & completion}
        held |= {f"course({number + 1})" for number in range(program.courses)}
        assumed = [
            (atom, atom in held) for atom in patients.inputs if not atom.startswith(("known(weight", "recorded(weight"))
        ]
        derived = [a for a, role in zip(program.atoms, program.roles, strict=True) if role in ("position", "conclusion")]
        told: set[str] = set()

        def read(model: clingo.Model, told: set[str] = told, derived: list[str] = derived) -> None:
            told.update(atom for atom in derived if patients.holds(atom, model))

        assert patients.ask(assumed, read), record
        assert told == held & set(derived), record


def therapy(guideline: Guideline) -> str:
    return next(fact.name for fact in guideline.model.facts if fact.kind == "courses")


def led(record: Any, number: int, guideline: Guideline) -> bool:
    """Tell whether a course was recommended after those before it."""
    given = record[therapy(guideline)]
    before = guideline.answer({**record, therapy(guideline): given[:number]})
    parts = {entry.regimen: guideline.model.parts[entry.regimen] for entry in before.recommended}
    drugs = set(given[number]["drugs"])
    return any(
        all(drugs & set(part) for part in own) and drugs <= {drug for part in own for drug in part} for own in parts.values()
    )


@pytest.mark.parametrize("layer", ["literal", "curated"])
def test_every_witness_shows_its_defect_when_it_is_answered(
    layer: str, reports: dict[str, Report], layers: dict[str, Guideline]
) -> None:
    with_witness = [found for found in reports[layer].findings if found.witness is not None]
    assert len(with_witness) > 40
    for found in with_witness:
        shows(found, layers[layer])


def test_a_witness_tells_no_number_that_no_rule_reads_and_says_how_the_last_course_ended(
    reports: dict[str, Report],
) -> None:
    """What counts from the last adjuvant drug of any kind is read by R1=b alone."""
    for layer, report in reports.items():
        told = {key for found in report.findings for key in found.witness or ()}
        assert "months_to_recurrence" in told
        assert "months_from_adjuvant_anti_her2" not in told, layer
    messages = " ".join(found.message for found in reports["curated"].findings)
    for ending in ("ended in progression", "ended in toxicity", "was completed as planned", "is still under way"):
        assert f"No statement speaks of such a patient, whose last course {ending}." in messages
    other = check(Guideline.load(readings="R1=b"), known=())
    assert "months_from_adjuvant_anti_her2" in {key for found in other.findings for key in found.witness or ()}


def test_the_text_itself_holds_well_over_fifty_errors_and_the_readings_settle_its_conflicts(
    reports: dict[str, Report],
) -> None:
    literal, curated = reports["literal"].findings, reports["curated"].findings
    assert sum(found.severity == "error" for found in literal) > 50
    assert not [found for found in curated if found.kind in ("conflict", "pointer", "boundary", "unfirable")]
    for found in literal:
        if found.kind in ("conflict", "pointer", "boundary"):
            assert found.resolved_by, found.message
    known = {found.id for found in curated}
    assert not [found.id for found in literal if found.resolved_by and found.id in known]


def test_readings_named_as_settling_a_finding_settle_it(
    reports: dict[str, Report], layers: dict[str, Guideline], tmp_path: Path
) -> None:
    """A guideline with those readings alone, as its whole curated layer, does not show the finding for its witness."""
    source = (layers["curated"].folder / "readings.lp").read_text("utf-8")
    head, *annotations = source.split("%* @reading ")
    texts = {annotation.split("\n", 1)[0]: f"%* @reading {annotation}" for annotation in annotations}
    both = [f for f in reports["literal"].findings if f.kind == "conflict" and f.resolved_by and "excluded by" in f.message]
    alone: dict[tuple[str, ...], Guideline] = {}
    for found in both:
        if found.resolved_by not in alone:
            folder = tmp_path / "_".join(found.resolved_by) / "her2_mbc"
            folder.mkdir(parents=True)
            for path in layers["curated"].folder.glob("*.lp"):
                (folder / path.name).write_bytes(path.read_bytes())
            (folder / "readings.lp").write_text(head + "".join(texts[name] for name in found.resolved_by), "utf-8")
            alone[found.resolved_by] = Guideline.load(folder)
        assert found.witness is not None
        answer = alone[found.resolved_by].answer(found.witness)
        regimens = {entry.regimen for entry in answer.recommended} & {entry.regimen for entry in answer.excluded}
        both_fire = all(set(side.rules) <= fired(answer) for side in found.sides)
        assert not (regimens and both_fire), found.message


def test_alternatives_named_as_settling_a_finding_settle_it(reports: dict[str, Report], curated: Guideline) -> None:
    """With the reading taken otherwise nobody shows the finding; where it is eased, the witness is recommended something."""
    findings = reports["curated"].findings
    named = {name for found in findings for name in (*found.settled_by_alternatives, *found.eased_by_alternatives)}
    assert {"R5=b", "R9=b", "R11=b", "R13=b"} <= named
    for name in sorted(named):
        otherwise = Guideline.load(readings=name)
        left = {found.id for found in check(otherwise, known=()).findings}
        for found in findings:
            assert name not in found.settled_by_alternatives or found.id not in left, found.message
            if name in (*found.settled_by_alternatives, *found.eased_by_alternatives) and found.kind in ("gap", "dead_end"):
                assert found.witness is not None
                assert not curated.answer(found.witness).recommended
                assert otherwise.answer(found.witness).recommended, found.message
    lung_disease = [f for f in findings if f.kind == "dead_end" and f.settled_by_alternatives == ("R9=b",)]
    assert any({"L57"} <= set(found.statements) for found in lung_disease)


def test_a_reading_left_open_is_checked_under_all_of_its_alternatives() -> None:
    guideline = Guideline.load(readings="R13=any")
    under = [found for found in check(guideline, known=()).findings if found.under]
    assert {found.under for found in under} == {("R13=b",)}
    for found in under:
        shows(found, Guideline.load(readings="R13=b"))


def test_right_things_that_look_like_defects_are_not_reported_as_errors(reports: dict[str, Report]) -> None:
    literal = reports["literal"].findings
    assert not [f for f in literal if f.kind == "dose" and "Two doses" in f.message]
    assert not [f for f in literal if f.kind == "boundary" and {"L13", "L14"} <= set(f.statements)]
    answered = [f for f in literal if f.kind == "conflict" and {"L17", "L57"} <= set(f.statements)]
    assert [f.severity for f in answered] == ["info"]


def test_a_guideline_of_another_disease_shows_its_two_planted_defects(river_cough: Report) -> None:
    assert [(f.kind, f.statements, f.witness) for f in river_cough.findings] == [
        (
            "conflict",
            ("L1", "L2"),
            {"id": "witness", "confirmed": True, "fever": True, "pregnant": True},
        ),
        ("gap", ("L1",), {"id": "witness", "confirmed": True, "fever": False, "pregnant": False}),
        ("unknown_unsafe", ("L1", "L2"), {"id": "witness", "confirmed": True, "fever": True}),
    ]
    conflict, gap, _ = river_cough.findings
    assert conflict.repair == "Add to L1.2: not has(pregnant)."
    assert gap.repair.endswith("Nearest: L1, which requires fever.")
    assert conflict.places == ("river_cough/guideline.lp:39", "river_cough/guideline.lp:45")


SMALL = """
fact(4, severe, boolean).
fact(5, kidney, choice).
fact(6, earlier_therapy, courses).
value(kidney, 1, normal).
value(kidney, 2, failing).
typical(kidney, normal).
longest_history(2).
term(fact, severe, "severity").
term(fact, kidney, "kidney function").
term(value, normal, "normal").
term(value, failing, "failing").
term(drug, belsol, "belsol").
term(regimen, belsol, "belsol").
part(belsol, belsol).
%* @statement L3 [1] sha256:77b1d4c4f0ab
After progression on oralin, or where it is severe, belsol; not where the kidneys fail, nor twice.
*%
indicated(belsol, standard) :- setting(acute), progressed_on(oralin).
indicated(belsol, standard) :- setting(acute), has(severe).
contraindicated(belsol) :- is(kidney, failing).
contraindicated(belsol) :- progressed_on(belsol), progressed_on(oralin).
"""


def every_record(guideline: Guideline) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Yield every complete record of the small guideline with its size: courses, then departures."""
    drugs = [["oralin"], ["belsol"], ["oralin", "belsol"]]
    outcomes = [("progression", 0), ("completed", 1), ("toxicity", 1), ("ongoing", 1)]
    histories: list[tuple[tuple[int, int], list[dict[str, Any]]]] = [((0, 0), [])]
    for count in (1, 2):
        for chosen in itertools.product(itertools.product(drugs, outcomes), repeat=count):
            if any(outcome == "ongoing" for _, (outcome, _) in chosen[:-1]):
                continue
            size = sum(len(own) + cost for own, (_, cost) in chosen)
            histories.append(((count, size), [{"drugs": own, "outcome": outcome} for own, (outcome, _) in chosen]))
    facts = [("confirmed", True), ("fever", True), ("pregnant", False), ("severe", False)]
    for (count, size), history in histories:
        for values in itertools.product([True, False], repeat=4):
            for kidney in ("normal", "failing"):
                departures = sum(value != usual for value, (_, usual) in zip(values, facts, strict=True))
                record = dict(zip((name for name, _ in facts), values, strict=True))
                full = {"id": "a", **record, "kidney": kidney, "earlier_therapy": history}
                yield (count, size + departures + (kidney == "failing")), full


def size_of(found: Finding) -> tuple[int, int]:
    assert found.witness is not None
    wanted = {key: value for key, value in found.witness.items() if key != "id"}
    own = Guideline.load(RIVER_COUGH)
    return next(size for size, record in every_record(own) if {k: v for k, v in record.items() if k != "id"} == wanted)


def test_no_smaller_patient_shows_a_conflict_or_a_gap(tmp_path: Path) -> None:
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "guideline.lp").write_text(text + SMALL, "utf-8")
    guideline = Guideline.load(folder)
    smallest: dict[str, tuple[int, int]] = {}
    for size, record in every_record(guideline):
        answer = guideline.answer(record)
        recommended = {entry.regimen for entry in answer.recommended}
        excluded = {entry.regimen for entry in answer.excluded}
        defects = [f"both {name}" for name in recommended & excluded]
        if record["confirmed"] and not recommended:
            last = record["earlier_therapy"][-1:] or [{"outcome": "none"}]
            defects.append(f"gap {last[0]['outcome']}")
        for defect in defects:
            smallest[defect] = min(size, smallest.get(defect, size))
    findings = check(guideline).findings
    sizes = {}
    for found in findings:
        if found.kind == "conflict" and "excluded by" in found.message:
            name = f"both {found.message.split()[0]}"
            sizes[name] = min(size_of(found), sizes.get(name, (9, 9)))
        elif found.kind == "gap":
            assert found.witness is not None
            history: Any = found.witness["earlier_therapy"]
            sizes[f"gap {(history[-1:] or [{'outcome': 'none'}])[0]['outcome']}"] = size_of(found)
    assert sizes == smallest
    assert len(smallest) == 7


# ruff: noqa: E501 (the planted rules, each on a line as it is written)
@pytest.mark.parametrize(
    ("added", "kind", "severity", "words"),
    [
        ("contraindicated(oralin) :- has(fever), not has(fever).\n",
         "unfirable", "error", "L2.2 never fires: no patient can have this: fever; the absence of fever"),
        ("contraindicated(oralin) :- has(pregnant), has(fever).\n", "redundant", "info", "Whatever L2.2 concludes"),
        ("contraindicated(oralin) :- has(pregnant).\n", "redundant", "info", "L2.2 says the same as L2.1"),
        ('dose(oralin, daily, every_dose, "60", mg, weeks(1)).\n', "dose", "error", "Two doses of oralin"),
        ('dose(oralin, weekly, loading, "60", mg, once).\nterm(schedule, weekly, "weekly").\nterm(step, loading, "loading").\n',
         "dose", "warning", "loading dose"),
        ('trial(wet, "WET", "none").\n', "orphan_evidence", "warning", "No statement rests on WET"),
        ("%* @statement L9 [] sha256:000000000000\nNothing is cited here.\n*%\ncontraindicated(oralin) :- has(fever).\n",
         "unsupported", "error", "L9 cites nothing"),
        ("citation(2).\n%* @statement L9 [2] sha256:000000000000\nOralin again.\n*%\nindicated(oralin, standard) :- has(fever).\n",
         "dangling_citation", "warning", "Reference 2 is cited"),
        ("%* @statement L9 [1] sha256:000000000000\nOnly in severe cases.\n@unformalised It names no case.\n*%\n",
         "vague", "info", 'L9 says "severe"'),
        ("%* @statement L9 [1] sha256:000000000000\nOnly for some.\n@unformalised It names nobody.\n*%\n",
         "unformalised", "info", "Not formalised: L9 (It names nobody)."),
        ("%* @statement L9 [1] sha256:000000000000\nNobody encoded this.\n*%\n", "unformalised", "error", "L9 has neither"),
        ('term(action, swab, "Take a swab.").\ninforms(swab, germ).\n'
         "%* @statement L9 [1] sha256:000000000000\nA swab is taken.\n*%\ncalls_for(swab) :- has(fever).\n",
         "no_action", "warning", "L9 calls for Take a swab"),
        ('term(regimen, twice, "oralin twice").\npart(twice, oralin).\n'
         "%* @statement L9 [1] sha256:000000000000\nEach before the other.\n*%\nindicated(twice, standard) :- has(fever).\n"
         "prefers(twice, oralin) :- has(fever).\nprefers(oralin, twice) :- has(fever).\n",
         "preference_cycle", "error", "is preferred to"),
        ('term(setting, chronic, "chronic cough").\nterm(ground, long, "a long cough").\n'
         "%* @statement L9 [1] sha256:000000000000\nCough without fever is treated as chronic.\n*%\n"
         "places(chronic, long) :- not has(fever).\nindicated(oralin, standard) :- setting(chronic), has(pregnant), has(fever).\n",
         "pointer", "error", "L9 sends the patient to chronic cough"),
        ('fact(4, days, number).\nterm(fact, days, "days of cough").\nthreshold(days, 3).\nthreshold(days, 7).\napplies(days).\n'
         'term(action, wait, "Wait.").\nterm(action, act, "Act.").\n'
         "%* @statement L9 [1] sha256:000000000000\nUp to three days one waits, after seven one acts.\n*%\n"
         "calls_for(wait) :- at_most(days, 3), has(fever).\ncalls_for(act) :- more_than(days, 7), has(fever).\n",
         "boundary", "error", "days of cough: between 3 and 7 neither L9.1 nor L9.2 applies"),
        ('term(regimen, sip, "a sip").\nterm(regimen, gulp, "a gulp").\npart((sip; gulp), oralin).\n'
         "%* @statement L9 [1] sha256:000000000000\nA sip or a gulp.\n*%\n"
         "indicated(sip, standard) :- has(pregnant), not has(fever).\nindicated(gulp, standard) :- has(pregnant), not has(fever).\n",
         "conflict", "error", "a gulp (by L9) and a sip (by L9) both come first"),
        ('predicate(odd, derived, "oddity").\n'
         "%* @statement L9 [1] sha256:000000000000\nOdd in pregnancy unless odd.\n*%\nodd :- has(pregnant), not odd.\n",
         "conflict", "error", "This patient gets no answer: in the circle of L9.1"),
        ('predicate((even; odd), derived, "one of two").\n'
         "%* @statement L9 [1] sha256:000000000000\nEven or odd in pregnancy.\n*%\nodd :- has(pregnant), not even.\n"
         "even :- has(pregnant), not odd.\nsuppressed(oralin) :- odd.\n",
         "conflict", "error", "This patient gets several answers: L9.1; L9.2"),
        ('predicate(days(whole), catalogue, "{1} days").\ndays((1; 2)).\n'
         "%* @statement L9 [1] sha256:000000000000\nNot for more than five days.\n*%\ncontraindicated(oralin) :- has(fever), days(N), N > 5.\n",
         "unfirable", "error", "L9.1 never fires: no value meets days(N); N > 5"),
        ("suppressed(oralin) :- has(pregnant).\n", "gap", "error", "everything indicated is ruled out by L2"),
        ("%* @statement L9 [1] sha256:000000000000\nOralin in pregnancy, whatever the fever.\n*%\n"
         "indicated(oralin, standard) :- in_scope, has(pregnant).\nindicated(oralin, standard) :- in_scope, not has(fever).\n",
         "unknown_unsafe", "error", "oralin is recommended by L9 with certainty although L2 could exclude it; not recorded: pregnancy"),
        ("suppressed(R) :- excluded(R).\n", "gap", "error", "everything indicated is ruled out by L2"),
        ('fact(4, bad, boolean).\nterm(fact, bad, "severe cough").\n'
         "%* @statement L9 [1] sha256:000000000000\nOralin then, too.\n*%\nindicated(oralin, standard) :- has(bad).\n",
         "vague", "info", 'Nothing gives a criterion for "severe" in severe cough'),
        ('fact(4, days, number).\nterm(fact, days, "days of cough").\nthreshold(days, 3).\napplies(days).\n'
         'term(action, wait, "Wait.").\nterm(action, act, "Act.").\n'
         "%* @statement L9 [1] sha256:000000000000\nBefore three days one waits, after three one acts.\n*%\n"
         "calls_for(wait) :- less_than(days, 3), has(fever).\ncalls_for(act) :- more_than(days, 3), has(fever).\n",
         "boundary", "error", "days of cough: at exactly 3 neither L9.1 nor L9.2 applies"),
        ('fact(4, days, number).\nterm(fact, days, "days of cough").\nthreshold(days, 3).\napplies(days).\n'
         'term(action, wait, "Wait.").\nterm(action, act, "Act.").\nopposed(wait, act).\n'
         "%* @statement L9 [1] sha256:000000000000\nUntil day three one waits, from day three one acts.\n*%\n"
         "calls_for(wait) :- at_most(days, 3), has(fever).\ncalls_for(act) :- at_least(days, 3), has(fever).\n",
         "boundary", "error", "days of cough: at exactly 3 both L9.1 and L9.2 apply"),
        ('predicate((odd; even), derived, "oddity").\n'
         "%* @statement L9 [1] sha256:000000000000\nOdd in pregnancy, odd or even in fever.\n*%\nodd :- has(pregnant).\n"
         "odd :- has(pregnant), has(confirmed).\nodd :- has(fever), not even.\neven :- has(fever), not odd.\n",
         "redundant", "info", "Whatever L9.2 concludes is concluded without it"),
        ('predicate((odd; even), derived, "oddity").\n'
         "%* @statement L9 [1] sha256:000000000000\nOdd is even.\n*%\nodd :- has(fever).\neven :- odd.\n",
         "redundant", "warning", "What L9.1 concludes is used nowhere"),
        ('%* @statement L9 [1] sha256:000000000000\nOr 60 mg.\n*%\ndose(oralin, daily, every_dose, "60", mg, weeks(1)).\n',
         "dose", "error",
         "Two doses of oralin are given for the same step (daily, each dose): 50 mg every week, and 60 mg every week."),
        ("%* @statement L9 [1] sha256:000000000000\nFor a week or two.\n*%\n"
         "dose_duration(oralin, daily, every_dose, weeks(1)).\ndose_duration(oralin, daily, every_dose, days(14)).\n",
         "dose", "error", "Two durations are given for the same dose of oralin (daily, each dose): for 1 week, and for 14 days."),
        ('term(step, loading, "loading dose").\n%* @statement L9 [1] sha256:000000000000\nFirst 100 mg.\n*%\n'
         'dose(oralin, daily, loading, "100", mg, once).\n',
         "dose", "warning", "The loading dose of oralin (daily) is written after each dose"),
    ],
)  # fmt: skip
def test_a_planted_defect_is_found_in_its_class(
    added: str, kind: str, severity: str, words: str, river_cough: Report, tmp_path: Path
) -> None:
    folder = tmp_path / "river_cough"
    folder.mkdir()
    (folder / "guideline.lp").write_text((RIVER_COUGH / "guideline.lp").read_text("utf-8") + added, "utf-8")
    before = {found.id for found in river_cough.findings}
    new = [f for f in check(Guideline.load(folder)).findings if f.id not in before]
    assert [f.severity for f in new if f.kind == kind and words in f.message] == [severity], [f.message for f in new]


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        pytest.param(
            {"% Whom": 'term(setting, watch, "watching").\nterm(ground, cool, "no fever").\nby_design(watch).\n% Whom',
             "\nindicated(oralin": "\nplaces(watch, cool) :- in_scope, not has(fever).\nindicated(oralin"},
            {"conflict", "unknown_unsafe"}, id="a patient in a setting by design is no gap, nor sent nowhere"),
        pytest.param(
            {"setting(acute)": "has(fever)", "in_scope, has(fever)": "in_scope"}, {"conflict", "gap", "unknown_unsafe"},
            id="a statement sends nobody nowhere where advice is given whatever the setting"),
        pytest.param(
            {"% Whom": 'predicate((ill; sick), derived, "illness").\n% Whom', "setting(acute).": "setting(acute), ill.\nill :- has(fever).",
             "has(pregnant).": "has(pregnant), sick.\nsick :- has(fever)."}, {"conflict", "gap", "unknown_unsafe"},
            id="two helpers of equal conditions are two things"),
        pytest.param(
            {"% Whom": 'predicate((ill; sick), derived, "illness").\n% Whom',
             "setting(acute).": "setting(acute), ill.\nill :- sick.\nsick :- ill, has(pregnant).\nsick :- has(fever)."},
            {"conflict", "gap", "unknown_unsafe", "redundant"}, id="of a circle only the rule that adds nothing is redundant"),
        pytest.param(
            {"weeks(1)).": 'weeks(1)).\ndose(oralin, daily, every_dose, "0.050", g, days(7)) :- has(fever).'},
            {"conflict", "gap", "unknown_unsafe"}, id="one dose written in two ways is no two doses"),
        pytest.param(
            {"weeks(1)).": 'weeks(1)).\ndose_maximum(oralin, daily, every_dose, ("90"; "80"), mg).'},
            {"conflict", "gap", "unknown_unsafe"}, id="of two limits the stricter counts"),
        pytest.param(
            {"weeks(1)).": 'weeks(1)).\ndose(oralin, daily, every_dose, "60", mg, weeks(1)) :- has(pregnant).\n'
                           "step_done(oralin, every_dose) :- has(pregnant)."},
            {"conflict", "gap", "unknown_unsafe"}, id="a step that is finished has no two doses"),
        pytest.param(
            {"% Whom": 'fact(4, kidneys, boolean).\nterm(fact, kidneys, "weak kidneys").\nterm(action, test, "Test the kidneys.").\n'
                       "informs(test, kidneys).\n% Whom",
             "has(pregnant).": 'has(pregnant).\ncalls_for(test) :- recommended(oralin).\n'
                               'dose_maximum(oralin, daily, every_dose, "40", mg) :- has(kidneys).'},
            {"conflict", "gap", "unknown_unsafe"}, id="what limits a dose is acted on"),
        pytest.param(
            {"% Whom": 'fact(4, kidneys, boolean).\nterm(fact, kidneys, "weak kidneys").\nterm(action, test, "Test the kidneys.").\n'
                       'informs(test, kidneys).\npredicate(risk(fact), catalogue, "{1} as a risk").\nrisk((pregnant; kidneys)).\n% Whom',
             "has(pregnant).": "risk(F), has(F).\n%* @statement L3 [1] sha256:000000000000\nTest the kidneys.\n*%\n"
                               "calls_for(test) :- setting(acute)."},
            {"conflict", "gap", "unknown_unsafe"}, id="a fact that data name is read"),
    ],
)  # fmt: skip
def test_what_is_right_is_not_reported(changed: dict[str, str], kinds: set[str], tmp_path: Path) -> None:
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    findings = check(Guideline.load(tmp_path)).findings
    assert {found.kind for found in findings} == kinds, [found.message for found in findings]
    assert {found.rules[0] for found in findings if found.kind == "redundant"} <= {"L1.4"}


def test_two_doses_have_the_places_of_both(tmp_path: Path) -> None:
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    text += "%* @statement L9 [1] sha256:000000000000\nOr 60 mg.\n*%\n"
    text += 'dose(oralin, daily, every_dose, "60", mg, weeks(1)) :- has(fever).\n'
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    (found,) = [f for f in check(Guideline.load(tmp_path)).findings if f.kind == "dose"]
    lines = text.splitlines()
    assert [side.annotation for side in found.sides] == ["L1", "L9"]
    places = [lines[int(place.rpartition(":")[2]) - 1] for side in found.sides for place in side.places]
    assert places == ["%* @statement L1 [1] sha256:3f0c1a5f8f0e", lines[-1]]
    assert [side.derives for side in found.sides] == ["oralin: 50 mg every week", "oralin: 60 mg every week"]


def test_a_gap_of_one_decision_names_statements_on_that_decision(tmp_path: Path) -> None:
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    text = text.replace(
        "% Whom",
        """term(decision, drug, "drug"). term(decision, ward, "ward").
setting_of(acute, drug). setting_of(bed, ward). option_of(oralin, drug). option_of(stay, ward).
term(setting, bed, "bed"). term(regimen, stay, "a bed"). without_drugs(stay). term(ground, frail, "frailty").
% Whom""",
    )
    text += (
        "%* @statement L9 [1] sha256:000000000000\nA bed in pregnancy.\n*%\nplaces(bed, frail) :- in_scope, has(pregnant).\n"
    )
    text += "indicated(stay, standard) :- setting(bed).\n"
    (tmp_path / "guideline.lp").write_text(text.replace("in_scope, has(pregnant)", "has(pregnant)"), "utf-8")
    (found,) = [f for f in check(Guideline.load(tmp_path)).findings if "places this patient for ward" in f.message]
    assert found.statements == ("L9",)
    assert "L1" not in found.repair


@pytest.mark.parametrize("layer", ["curated", "literal"])
def test_a_group_has_the_same_kind_of_cause_and_the_same_statements(layer: str, reports: dict[str, Report]) -> None:
    """Where no statement has part in a finding its readings and overlays do, and several reasons that leave nothing are one."""
    groups: dict[str, set[tuple[object, ...]]] = {}
    for found in reports[layer].findings:
        about = found.statements or (*found.readings, *found.overlays)
        groups.setdefault(found.group, set()).add((found.kind, found.cause, about))
    assert all(len(about) == 1 for about in groups.values())
    assert len(set.union(*groups.values())) == len(groups) < len(reports[layer].findings)
    exhausted = [found for found in reports[layer].findings if "nothing is left to recommend" in found.message]
    assert {found.cause for found in exhausted} <= {"exhausted"}


def test_what_is_permitted_is_worded(reports: dict[str, Report]) -> None:
    disputed = [found for found in reports["literal"].findings if "permits and" in found.message]
    assert disputed
    assert all("forbids: adding endocrine therapy (" in found.message for found in disputed)
    assert all("adding endocrine therapy (" in side.derives for found in disputed for side in found.sides)


def test_a_rule_that_readings_need_is_not_to_be_dropped(reports: dict[str, Report]) -> None:
    literal = [found for found in reports["literal"].findings if found.kind == "redundant" and found.resolved_by]
    assert {found.rules[0] for found in literal} == {"L5.2", "L6.2"}
    assert not [found for found in literal if found.edits or not found.repair.startswith("Keep ")]


def test_repairs_are_made_in_a_copy(environment: dict[str, str]) -> None:
    """Each is certain; what is found then besides, and whose answers change, is said."""
    run = command("check", "--guideline", str(RIVER_COUGH), "--verify", environment=environment)
    text = " ".join(run.stdout.split())
    assert (run.returncode, run.stderr) == (1, "")
    assert text.count("Repair: Add to L1.2: not has(pregnant). Made in a copy, the repair removes the finding.") == 2
    assert "Then found besides: In acute river cough nothing is indicated for such a patient." in text
    assert "Then answered otherwise: oralin is no longer recommended. Smallest patient: pregnancy" in text
    assert "Advice: Add a statement for such patients" in text
    assert "not has(pregnant)" not in (RIVER_COUGH / "guideline.lp").read_text("utf-8")


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("indicated((oralin; sip), standard) :- setting(acute).", id="a pool"),
        pytest.param("indicated(oralin, standard) :- setting(acute) % for all\n  .", id="a comment before the full stop"),
        pytest.param("indicated(oralin, standard) :- setting(acute); in_scope. places(acute, fever) :- in_scope, has(pregnant).",
                     id="two rules on a line, a semicolon"),
        pytest.param('#include "more.lp". %* é *% indicated(oralin, standard) :- setting(acute).', id="behind #include"),
        pytest.param("#const how = standard.\nindicated(oralin, how) :- setting(acute), has(_).", id="a constant, an anonymous variable"),
    ],
)  # fmt: skip
def test_a_repair_is_made_however_the_rule_is_written(rule: str, tmp_path: Path) -> None:
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    declared = 'term(regimen, sip, "a sip").\npart(sip, oralin).\n% Whom'
    text = text.replace("indicated(oralin, standard) :- setting(acute).", rule).replace("% Whom", declared)
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    (tmp_path / "more.lp").write_text("% nothing\n", "utf-8")
    guideline = Guideline.load(tmp_path)
    tried = [found.trial for found in with_trials(guideline, check(guideline)) if found.edits]
    assert tried
    assert {(trial.refused, trial.gone) for trial in tried if trial is not None} == {("", True)}


def test_that_no_repair_is_certain_is_said(environment: dict[str, str], tmp_path: Path) -> None:
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    (tmp_path / "guideline.lp").write_text(text.replace("contraindicated(oralin) :- has(pregnant).", ""), "utf-8")
    run = command("check", "--guideline", str(tmp_path), "--verify", environment=environment)
    assert "No repair of these findings is certain" in " ".join(run.stdout.split())


@pytest.mark.parametrize(
    ("rules", "finding", "unanswered"),
    [
        ("odd :- has(pregnant), not odd.\n", "gets no answer", 2),
        (
            "odd :- has(pregnant), not even.\neven :- has(pregnant), not odd.\nsuppressed(oralin) :- odd.\n",
            "several answers",
            0,
        ),
    ],
    ids=["without an answer", "with several"],
)
def test_patients_without_an_answer_are_counted_in_a_cohort(
    rules: str, finding: str, unanswered: int, environment: dict[str, str], tmp_path: Path
) -> None:
    """Of whom it is not known whether she is pregnant, some completion has an answer; who has several is not counted."""
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    text += f"%* @statement L9 [1] sha256:000000000000\nOdd in pregnancy.\n*%\n{rules}"
    text += "inconsistent(weather) :- has(pregnant), known(confirmed), not has(confirmed).\n"
    declared = f'predicate(({"odd; even" if "even" in rules else "odd"}), derived, "oddity").\n'
    declared += 'term(contradiction, weather, "the weather").\n'
    text = text.replace("% Whom", f"{declared}% Whom")
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    records: list[dict[str, object]] = [{"confirmed": True, "pregnant": value} for value in (True, True, False, None)]
    records += [{"confirmed": False, "pregnant": True}, {"confirmed": 7}]
    lines = (json.dumps({"id": str(n), "fever": True, **record}) + "\n" for n, record in enumerate(records))
    (tmp_path / "cohort.ndjson").write_text("".join(lines), "utf-8")
    arguments = ("check", "--guideline", str(tmp_path), "--cohort", str(tmp_path / "cohort.ndjson"))
    report = json.loads(command(*arguments, "--format", "json", environment=environment).stdout)
    assert report["cohort"] == {"patients": 4, "unanswered": unanswered, "rejected": 2, "more_courses": 0}
    (found,) = (found for found in report["findings"] if finding in found["message"])
    assert found["affected"] == (unanswered or None)
    text = " ".join(command(*arguments, environment=environment).stdout.split())
    assert ("For 2 of these patients the guideline has no answer" in text) == bool(unanswered)


def test_a_dead_end_is_a_gap_to_which_the_guidelines_own_advice_led(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    rule = "contraindicated(R) :- failed(R).\nfailed(oralin) :- progressed_on(oralin).\nsuppressed(R) :- excluded(R).\n"
    declared = 'fact(4, earlier_therapy, courses).\npredicate(failed(regimen), derived, "failure of {1}").\n'
    annotation = "%* @statement L3 [1] sha256:77b1d4c4f0ab\nWhat failed is not given again.\n*%\n"
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    (folder / "guideline.lp").write_text(text + declared + annotation + rule, "utf-8")
    (dead_end,) = [found for found in check(Guideline.load(folder)).findings if found.kind == "dead_end"]
    assert dead_end.witness is not None
    assert dead_end.witness["earlier_therapy"] == [{"drugs": ["oralin"], "outcome": "progression"}]


def test_a_gap_to_which_no_statement_comes_near_is_told_without_one(tmp_path: Path) -> None:
    text = (ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8")
    (tmp_path / "guideline.lp").write_text(re.sub(r"^places\(.*\n", "", text, flags=re.MULTILINE), "utf-8")
    gaps = [found for found in check(Guideline.load(tmp_path)).findings if found.kind == "gap"]
    assert len(gaps) == 5
    assert {found.statements for found in gaps} == {()}


def test_what_is_overlooked_is_blamed_on_the_statement_that_excludes(tmp_path: Path) -> None:
    text = (
        (ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8").replace("suppressed(R) :- excluded(R).", "")
    )
    text += "%* @statement L4 [1] sha256:000000000000\nNo amarin for a rash with reduced kidneys.\n*%\n"
    text += "contraindicated(amarin) :- includes(signs, rash), is(kidney_function, reduced).\n"
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    guideline = Guideline.load(tmp_path)
    overlooked = [found for found in check(guideline).findings if found.kind == "unknown_unsafe"]
    for found in overlooked:
        shows(found, guideline)
    unasked = {
        (fact.name, found.sides[1].annotation)
        for found in overlooked
        for fact in guideline.model.facts
        if found.witness and found.message.endswith(f"not recorded: {fact.label}.")
    }
    of_both = {("allergies", "L2"), ("kidney_function", "L2"), ("kidney_function", "L4"), ("signs", "L4")}
    assert unasked == of_both


def test_a_guideline_that_leaves_no_patient_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "nobody"
    folder.mkdir()
    nobody = 'inconsistent(all) :- not has(nothing).\nfact(4, nothing, boolean).\nterm(contradiction, all, "nobody").\n'
    nobody += "inconsistent(all) :- has(nothing).\n"
    (folder / "guideline.lp").write_text((RIVER_COUGH / "guideline.lp").read_text("utf-8") + nobody, "utf-8")
    with pytest.raises(GuidelineError, match="leaves no patient at all"):
        check(Guideline.load(folder))


def test_what_is_cut_off_is_unknown_and_does_not_pass(curated: Guideline, environment: dict[str, str]) -> None:
    report = check(curated, timeout=1e-6)
    assert {"conflict", "gap"} <= set(report.undecided)
    assert not [found for found in report.findings if found.kind in ("conflict", "gap", "unfirable")]
    run = command("check", "--timeout", "0.000001", "--fail-level", "error", environment=environment)
    assert (run.returncode, run.stderr) == (1, "")
    assert "UNKNOWN: queries of these classes timed out: " in run.stdout


def command(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reasoner", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )


def test_two_runs_give_the_same_bytes_whatever_the_order_of_hashes(
    environment: dict[str, str], reports: dict[str, Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in a process of its own, and the one that was made here, whose order of hashes is another."""
    text = command("check", "--format", "json", environment={**environment, "PYTHONHASHSEED": "1"}).stdout
    monkeypatch.setattr("reasoner.verification.check.check", lambda *_: reports["curated"])
    assert os.environ.get("PYTHONHASHSEED") != "1"
    assert CliRunner().invoke(cli, ["check", "--format", "json"]).stdout == text
    data = json.loads(text)
    assert data["schema"] == "reasoner.findings/1"
    assert (data["courses"], data["unknown"]) == (3, [])


def test_every_class_of_the_contract_is_defined_and_explained(environment: dict[str, str]) -> None:
    assert list(definitions()) == [*CLASSES, "unexercised", "slip"]
    for definition in definitions().values():
        assert all((definition.text, definition.why, definition.example, definition.repair)), definition.name
    run = command("check", "--explain", "gap", environment=environment)
    assert run.returncode == 0
    assert "Why it matters" in run.stdout
    run = command("check", "--explain", "gapp", environment=environment)
    assert (run.returncode, run.stdout) == (2, "")
    assert 'did you mean "gap"' in run.stderr


def test_a_witness_is_printed_as_a_record_that_answers(environment: dict[str, str], river_cough: Report) -> None:
    options, first = ("--guideline", str(RIVER_COUGH)), river_cough.findings[0].id
    run = command("check", *options, "--witness", first, environment=environment)
    assert json.loads(run.stdout) == {"id": first, "confirmed": True, "fever": True, "pregnant": True}
    run = command("check", *options, "--witness", "conflict-000000", environment=environment)
    assert (run.returncode, run.stdout) == (2, "")
    assert "is not the id of a finding with a witness" in run.stderr


def test_accepted_findings_do_not_count_and_those_gone_are_reported(
    environment: dict[str, str], river_cough: Report, tmp_path: Path
) -> None:
    findings = river_cough.findings
    file = tmp_path / "accepted.txt"
    file.write_text("# known\n" + "".join(f"{f.id} we know\n" for f in findings) + "gap-000000 closed since\n", "utf-8")
    run = command("check", "--guideline", str(RIVER_COUGH), "--accept", str(file), environment=environment)
    assert run.returncode == 0
    assert "Accepted: we know" in run.stdout
    assert "no longer found: gap-000000" in " ".join(run.stdout.split())
    marked, gone = accept(findings, read_accepted(file.read_text("utf-8"), "accepted.txt"))
    assert (gone, at_least(marked, "info"), at_least(findings, "error")) == (("gap-000000",), False, True)
    with pytest.raises(ReasonerError, match=r"accepted.txt:1: gap-111111 is accepted without a reason"):
        read_accepted("gap-111111\n", "accepted.txt")
    with pytest.raises(ReasonerError, match=r"accepted.txt:2: gap-111111 occurs twice"):
        read_accepted("gap-111111 a\ngap-111111 b\n", "accepted.txt")
    with pytest.raises(ReasonerError, match=r'accepted.txt:1: "rubbish" is not the id of a finding'):
        read_accepted("rubbish here\n", "accepted.txt")
    run = command("check", "--accept", str(tmp_path / "none.txt"), environment=environment)
    assert (run.returncode, run.stdout) == (2, "")


def test_a_finding_keeps_its_id_when_rules_are_added_before_it(tmp_path: Path) -> None:
    folder = tmp_path / "river_cough"
    folder.mkdir()
    text = (RIVER_COUGH / "guideline.lp").read_text("utf-8")
    marked = text.replace(
        "contraindicated(oralin)", "contraindicated(oralin) :- has(fever), not has(fever).\ncontraindicated(oralin)"
    )
    (folder / "guideline.lp").write_text(marked, "utf-8")
    before, after = check(Guideline.load(RIVER_COUGH)), check(Guideline.load(folder))
    assert {found.id for found in before.findings} < {found.id for found in after.findings}


def test_no_finding_has_a_lost_phrase(reports: dict[str, Report]) -> None:
    for found in reports["curated"].findings:
        shown = " ".join((found.message, found.repair, *found.shared, *(side.derives for side in found.sides)))
        assert [phrase for phrase in LOST if phrase in shown] == [], found.id
