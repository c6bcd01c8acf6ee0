"""Checking against brute force: over every record of small random guidelines no defect is missed and none is made up."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from defects import DECISIONS, FACTS, Defect, Defects, Rule, differences, draw, scored, write

from reasoner import Guideline
from reasoner.verification.check import check
from reasoner.verification.diff import diff
from reasoner.verification.findings import Finding, finding_id
from reasoner.verification.trials import with_trials

CLASSES = {
    "both": "conflict", "rivals": "conflict", "unordered": "conflict", "placed": "conflict", "cycle": "preference_cycle",
    "nowhere": "pointer", "nearest": "gap", "unplaced_untreated": "gap", "unplaced_for": "gap", "empty": "gap",
    "exhausted": "gap", "exhausted_by_two": "gap", "exhausted_by_more": "gap", "unsafe": "unknown_unsafe",
    "overlooked": "unknown_unsafe", "never": "unfirable", "no_dose": "dose", "two_doses": "dose",
}  # fmt: skip
UNANSWERED = {"no_answer": "gets no answer", "several_answers": "gets several answers"}


def id_of(defect: Defect, guideline: Guideline) -> str:
    """Give the id of a defect's finding: a rule is named in it by what it says."""
    form, *arguments = defect
    if form in ("nearest", "never"):
        rule = next(rule for rule in guideline.model.rules if rule.id == arguments[0])
        arguments[0] = f"{rule.annotation} {rule.head} {sorted((c.negated, c.text) for c in rule.body)}"
    return finding_id(CLASSES[form], " | ".join((form, *arguments)))


@pytest.mark.parametrize("recursive", [False, True], ids=["stratified", "recursive"])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_found_is_what_some_record_shows(seed: int, recursive: bool, own_cache: None, tmp_path: Path) -> None:
    rng = Random(seed)
    rules = draw(rng, recursive)
    extra = rng.choice(("", "no_order(x, y).\n", DECISIONS)) + scored(rng)
    (tmp_path / "guideline.lp").write_text(write(rules, extra))
    guideline = Guideline.load(tmp_path)
    report = check(guideline)
    assert not report.undecided
    defects = Defects(rules, guideline, extra)
    shown, found = defects.shown().smallest, {found.id: found for found in report.findings}
    answerless, several = (((form,) in shown) for form in UNANSWERED)
    for form, words in UNANSWERED.items():
        told = [finding for finding in report.findings if words in finding.message]
        assert len(told) == ((form,) in shown), (form, shown)
        smallest = shown.pop((form,), None)
        if smallest is not None:
            assert tried(told[0].witness) in map(tried, smallest[1])
    expected = {id_of(defect, guideline): defect for defect in (*shown, *defects.never())}
    if answerless:
        expected = {key: defect for key, defect in expected.items() if defect[0] != "never" or key in found}
    given = {f.id: f for f in report.findings if f.kind in CLASSES.values() and f.id not in expected}
    given = {key: f for key, f in given.items() if not (several and "its default is assumed" in f.message)}
    given = {key: f for key, f in given.items() if not any(words in f.message for words in UNANSWERED.values())}
    assert (set(expected) - set(found), {f.message for f in given.values()}) == (set(), set()), [
        expected[key] for key in set(expected) - set(found)
    ]
    for key, defect in expected.items():
        if defect in shown:
            assert tried(found[key].witness) in map(tried, shown[defect][1]), (defect, shown[defect])


def tried(record: object) -> tuple[object, ...]:
    assert isinstance(record, dict)
    return tuple(record.get(fact, "absent") for fact in FACTS)


@pytest.mark.parametrize("recursive", [False, True], ids=["stratified", "recursive"])
@pytest.mark.parametrize("seed", range(100, 102))
def test_what_is_called_redundant_can_be_dropped_and_nothing_else_can(
    seed: int, recursive: bool, own_cache: None, tmp_path: Path
) -> None:
    rng = Random(seed)
    rules, extra = draw(rng, recursive), scored(rng)
    (tmp_path / "guideline.lp").write_text(write(rules, extra))
    guideline = Guideline.load(tmp_path)
    defects = Defects(rules, guideline, extra)
    told = {
        f.rules[0] for f in check(guideline).findings if f.kind == "redundant" and "is concluded without it" in f.message
    }
    redundant = [rule for rule in rules if rule.id in told]
    assert defects.stays_without(redundant, tmp_path / "without")
    never = {defect[1] for defect in defects.never()}
    if not any(defect[0] in UNANSWERED for defect in defects.shown().smallest):
        for rule in rng.sample(rules, 6):
            if rule.id not in told | never:
                assert not defects.stays_without([*redundant, rule], tmp_path / "without"), rule


def changed(rules: list[Rule], rng: Random) -> list[Rule]:
    """Give the rules of another version: some are left out, some have another condition, some are of another guideline."""
    others = draw(rng, recursive=False)
    found = []
    for rule in rules:
        kind = rng.choice(("same", "same", "same", "gone", "other", "without"))
        if kind in ("same", "without"):
            body = rule.body[:-1] if kind == "without" and len(rule.body) > 1 else rule.body
            found.append(Rule(rule.annotation, rule.id, rule.head, body))
        elif kind == "other":
            other = rng.choice(others)
            found.append(Rule(rule.annotation, rule.id, other.head, other.body))
    distinct = {(rule.head, rule.body): rule for rule in found}.values()
    return sorted(distinct, key=lambda rule: rule.annotation)


@pytest.mark.parametrize("seed", range(300, 303))
def test_differences_are_those_that_some_record_shows(seed: int, own_cache: None, tmp_path: Path) -> None:
    """Over every record of two random versions none is missed and none is made up; each witness shows its own."""
    rng = Random(seed)
    rules = draw(rng, recursive=False)
    sides = []
    for name, own in (("old", rules), ("new", changed(rules, rng))):
        extra = scored(rng)
        (tmp_path / name).mkdir()
        (tmp_path / name / "guideline.lp").write_text(write(own, extra))
        sides.append(Defects(own, Guideline.load(tmp_path / name), extra))
    known = [{(tuple(p.record.items()), p.values): p for p in side.patients} for side in sides]
    assert known[0].keys() == known[1].keys()
    shown: dict[str, set[tuple[object, ...]]] = {}
    for key, old in known[0].items():
        for words in differences(old, known[1][key]):
            shown.setdefault(words, set()).add(tried(old.record))
    kinds = {"gained", "lost", "exclusion", "order", "setting", "dosage", "score"}
    found = [f for f in diff(*(side.guideline for side in sides)).findings if f.kind in kinds]
    assert {message_of(finding) for finding in found} == shown.keys()
    for finding in found:
        assert tried(finding.witness) in shown[message_of(finding)], finding.message


def message_of(found: Finding) -> str:
    """Give the message of a finding, of one about a score without the values."""
    return "Points" if found.kind == "score" else found.message


@pytest.mark.parametrize("seed", range(200, 203))
def test_a_repair_that_is_certain_removes_its_finding(seed: int, own_cache: None, tmp_path: Path) -> None:
    """It is made in a copy; what is worded as advice makes no edit."""
    rng = Random(seed)
    folder = tmp_path / "small"
    folder.mkdir()
    text = write(draw(rng, recursive=False), scored(rng))
    (folder / "guideline.lp").write_text(text)
    guideline = Guideline.load(folder)
    tried = with_trials(guideline, check(guideline))
    assert (folder / "guideline.lp").read_text() == text
    assert all((found.trial is None) == (found.edits == ()) for found in tried)
    for found in tried:
        if found.trial is not None:
            assert (found.trial.refused, found.trial.gone) == ("", True), (found.message, found.repair)
            new = [text for text in found.trial.new if not text.endswith(" is used nowhere.")]
            assert found.kind != "redundant" or (new, found.trial.changes) == ([], ()), found.message
