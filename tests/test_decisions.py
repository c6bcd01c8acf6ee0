"""Several decisions for one patient side by side, and how certain the evidence for each recommendation is."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cohorts import cohort, expected_row, rows_of
from plain import PlainClingo
from test_plain_clingo import compare

from reasoner import Guideline, GuidelineError
from reasoner.queries.ask import ask
from reasoner.queries.pathway import pathway
from reasoner.queries.what_if import what_if
from reasoner.queries.why import why
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render
from reasoner.render.ask import render as render_questions
from reasoner.render.pathway import render as render_pathway
from reasoner.verification.check import check
from reasoner.verification.diff import diff

TEXT = """
guideline(id, moor_flutter). guideline(title, "Moor flutter"). guideline(disclaimer, "Invented.").
fact(1, flutter, boolean). term(fact, flutter, "moor flutter"). typical(flutter, true).
fact(2, age, number). term(fact, age, "age"). minimum(age, 0). applies(age). threshold(age, 65). typical(age, at_least(65)).
fact(3, sex, choice). value(sex, 1, female). value(sex, 2, male). term(fact, sex, "sex").
fact(4, fast, boolean). term(fact, fast, "a fast pulse"). typical(fast, true).
fact(5, faint, boolean). term(fact, faint, "fainting").
predicate(in_scope, space, "moor flutter").
in_scope :- has(flutter).
term(drug, clotless, "clotless"). term(drug, slowol, "slowol").
term(decision, clots, "preventing clots").
term(decision, rate, "slowing the pulse").
term(setting, high_risk, "high risk of clots"). setting_of(high_risk, clots).
term(setting, low_risk, "low risk of clots"). setting_of(low_risk, clots).
term(setting, racing, "racing pulse"). setting_of(racing, rate).
term(setting, calm, "calm pulse"). setting_of(calm, rate). by_design(calm).
term(ground, by_age, "age"). term(ground, by_rest, "no reason to be at risk"). term(ground, by_pulse, "the pulse").
ground_priority(by_pulse, 1). ground_priority(by_age, 2). ground_priority(by_rest, 3).
term(regimen, clotless, "clotless"). part(clotless, clotless). option_of(clotless, clots).
term(regimen, nothing, "no treatment against clots"). without_drugs(nothing). option_of(nothing, clots).
term(regimen, slowol, "slowol"). part(slowol, slowol). option_of(slowol, rate).
term(regimen, ablation, "ablation"). without_drugs(ablation). option_of(ablation, rate).
term(regimen, referral, "referral to a moor clinic"). without_drugs(referral). option_of(referral, rate).
term(strength, strong, "strong recommendation"). term(strength, weak, "weak recommendation").
strength_order(1, strong). strength_order(2, weak). first_choice(strong).
term(evidence_certainty, high, "high certainty"). term(evidence_certainty, moderate, "moderate certainty").
term(evidence_certainty, low, "low certainty").
certainty_order(1, high). certainty_order(2, moderate). certainty_order(3, low).
term(schedule, usual, "usual"). term(step, each, "each dose").
citation(1). reference(1, "The moor").
suppressed(R) :- excluded(R), in_scope.
%* @statement L1 [1] sha256:000000000000
From 65 years on the risk of clots is high and clotless is recommended.
@certainty moderate
*%
places(high_risk, by_age) :- in_scope, at_least(age, 65).
indicated(clotless, strong) :- setting(high_risk).
dose(clotless, usual, each, "5", mg, hours(12)).
%* @statement L2 [1] sha256:000000000000
All others are at low risk and need nothing; clotless may be given to women.
@certainty low
*%
places(low_risk, by_rest) :- in_scope.
indicated(nothing, strong) :- setting(low_risk).
indicated(clotless, weak) :- setting(low_risk), is(sex, female).
prefers(nothing, clotless) :- setting(low_risk).
%* @statement L3 [1] sha256:000000000000
A fast pulse is slowed with slowol; where that fails to do, ablation.
@certainty high
*%
places(racing, by_pulse) :- in_scope, has(fast).
places(calm, by_pulse) :- in_scope, not has(fast).
indicated(slowol, strong) :- setting(racing).
indicated(ablation, weak) :- setting(racing).
prefers(slowol, ablation) :- setting(racing).
prefers(slowol, clotless) :- setting(racing).
dose(slowol, usual, each, "10", mg, days(1)).
%* @statement L4 [1] sha256:000000000000
Slowol is not given to those who faint; they are referred.
*%
contraindicated(slowol) :- has(faint).
indicated(referral, strong) :- setting(racing), has(faint).
prefers(referral, ablation) :- setting(racing).
"""
OLD = {"id": "a", "flutter": True, "age": 70, "sex": "male", "fast": True, "faint": False}


def load(folder: Path, text: str = TEXT) -> Guideline:
    (folder / "guideline.lp").write_text(text.replace("suppressed(R) :- excluded(R), in_scope.\n", "") + READING, "utf-8")
    return Guideline.load(folder)


READING = """
%* @reading A1
What is excluded is not recommended.
*%
suppressed(R) :- excluded(R).
"""


@pytest.fixture(scope="module")
def moor_flutter(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Guideline:
    return load(tmp_path_factory.mktemp("moor_flutter"))


def entries(answer: dict[str, Any], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(entry[key] for key in keys) for entry in answer["recommended"]]


def test_a_pathway_tells_the_decisions_apart(moor_flutter: Guideline) -> None:
    shown = render_pathway(pathway(moor_flutter, OLD))
    assert "\n  Preventing clots\n  1. clotless" in shown
    assert "\n  Slowing the pulse\n  1. slowol" in shown


def test_questions_tell_the_decisions_apart(moor_flutter: Guideline) -> None:
    shown = " ".join(render_questions(ask(moor_flutter, {"id": "a", "flutter": True})).split())
    assert "Preventing clots: undetermined Slowing the pulse: undetermined" in shown
    assert "- less than 65: Preventing clots: low risk of clots: 1. no treatment against clots; 2? clotless" in shown
    assert "- whatever the answer: Slowing the pulse: 1? slowol; 1? referral to a moor clinic; 2? ablation" in shown
    assert (
        "whatever the answer: Preventing clots: 1? clotless; 1? no treatment against clots; Slowing the pulse: 2?" in shown
    )


def test_each_decision_has_its_setting_and_its_own_ranks(moor_flutter: Guideline) -> None:
    answer = to_plain(moor_flutter.answer(OLD))
    assert answer["setting"] == "high_risk"
    assert answer["decisions"] == [
        {"decision": "clots", "setting": "high_risk"},
        {"decision": "rate", "setting": "racing"},
    ]
    assert entries(answer, "decision", "regimen", "rank", "strength", "evidence_certainty") == [
        ("clots", "clotless", 1, "strong", "moderate"),
        ("rate", "slowol", 1, "strong", "high"),
        ("rate", "ablation", 2, "weak", "high"),
    ]


def test_the_text_has_a_part_for_each_decision_and_both_strength_and_certainty(moor_flutter: Guideline) -> None:
    shown = render(moor_flutter.answer({**OLD, "faint": True}))
    parts = ["Preventing clots: high risk of clots - age [L1]", "Slowing the pulse: racing pulse - the pulse [L3]"]
    parts += ["RECOMMENDED: preventing clots", "1. clotless - strong recommendation, moderate certainty"]
    parts += ["RECOMMENDED: slowing the pulse", "1. referral to a moor clinic - strong recommendation", "2. ablation - weak"]
    places = [shown.index(part) for part in parts]
    assert places == sorted(places), shown


def test_a_certainty_is_that_of_the_statement_behind_the_strength_shown(moor_flutter: Guideline) -> None:
    young = to_plain(moor_flutter.answer({**OLD, "age": 64.9, "sex": "female", "faint": True}))
    assert entries(young, "regimen", "rank", "strength", "evidence_certainty") == [
        ("nothing", 1, "strong", "low"),
        ("clotless", 2, "weak", "low"),
        ("referral", 1, "strong", None),
        ("ablation", 2, "weak", "high"),
    ]


def test_what_is_not_known_leaves_each_decision_open_by_itself(moor_flutter: Guideline) -> None:
    answer = moor_flutter.answer({"id": "a", "flutter": True, "fast": True, "faint": False})
    plain = to_plain(answer)
    assert (plain["setting"], plain["decisions"][1]["setting"]) == ("undetermined", "racing")
    assert "Preventing clots: The setting depends on facts that are not recorded: high risk of clots, or low" in " ".join(
        plain["notes"]
    )
    questions = ask(moor_flutter, moor_flutter.record({"id": "a", "flutter": True})).questions
    assert {question.fact for question in questions} == {"age", "sex", "fast", "faint"}


BOTTOM_LINES: dict[str, tuple[dict[str, Any], str]] = {
    "the decision, its setting, then what comes first": (
        {}, "Preventing clots, high risk of clots: clotless, strong recommendation. Slowing the pulse, racing pulse: slo",
    ),
    "for each decision its first regimen and what that hangs on, where there is no room for more": (
        {"faint": None, "age": None, "sex": None},
        "Preventing clots, not decided by the record: clotless, strong recommendation, depending on age; or 1 more. "
        "Slowing the pulse, racing pulse: slowol, strong recommendation, if no fainting; or 1 more.",
    ),
    "nothing": ({"age": 60, "fast": False}, "Slowing the pulse: Calm pulse; nothing is recommended."),
}  # fmt: skip


@pytest.mark.parametrize("title", BOTTOM_LINES)
def test_the_bottom_line_names_each_decision(title: str, moor_flutter: Guideline) -> None:
    told, words = BOTTOM_LINES[title]
    line = moor_flutter.answer({**OLD, **told}).bottom_line
    assert words in line
    assert "1 regimens" not in line
    assert len(line) <= 200


LONG = "excessively strong recommendation that is worded at such a length that two of it have no room in the line"
SAME = 'term(setting, racing, "racing pulse")', 'term(setting, racing, "pulse")'


def alone(text: str) -> str:
    """Leave a fast pulse nothing but slowol."""
    text = text.replace("indicated(referral, strong) :- setting(racing), has(faint).\n", "")
    return text.replace("indicated(ablation, weak) :- setting(racing).\n", "")


def test_one_regimen_is_named_where_there_is_no_room_for_its_strength(own_cache: None, tmp_path: Path) -> None:
    text = alone(TEXT).replace(*SAME).replace('"strong recommendation"', f'"{LONG}"')
    guideline = load(tmp_path, text)
    line = guideline.answer(OLD).bottom_line
    assert line == "Preventing clots, high risk of clots: clotless. Slowing the pulse: slowol."
    line = guideline.answer({**OLD, "faint": None}).bottom_line
    assert line.endswith("clotless. Slowing the pulse: slowol, under conditions.")


def test_what_a_text_excludes_on_a_condition_is_not_said_to_be_excluded(own_cache: None, tmp_path: Path) -> None:
    text = alone(TEXT).replace("suppressed(R) :- excluded(R), in_scope.\n", "")
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    literal = Guideline.load(tmp_path)
    assert "slowol, strong recommendation (the text also excludes it)" in literal.answer({**OLD, "faint": True}).bottom_line
    line = literal.answer({**OLD, "faint": None, "age": 60}).bottom_line
    assert "slowol, strong recommendation (the text may also exclude it, if fainting)" in line


def test_a_drug_with_doses_for_others_has_none_for_this_patient(own_cache: None, tmp_path: Path) -> None:
    text = TEXT.replace('"10", mg, days(1)).', '"10", mg, days(1)) :- at_least(age, 65).')
    shown = " ".join(render(load(tmp_path, text).answer({**OLD, "age": 60})).split())
    assert "The text gives no dose for this patient for slowol." in shown
    (tmp_path / "none").mkdir()
    none = TEXT.replace('dose(slowol, usual, each, "10", mg, days(1)).', "")
    assert "The text gives no dose for slowol." in " ".join(render(load(tmp_path / "none", none).answer(OLD)).split())


def test_what_changes_one_decision_is_said_of_that_one(moor_flutter: Guideline) -> None:
    found = what_if(moor_flutter, moor_flutter.record(OLD), ["fast=false"]).differences
    assert [(own.what, own.id, own.before, own.after) for own in found if own.what == "setting"] == [
        ("setting", "rate", "racing", "calm")
    ]
    assert why(moor_flutter.answer(OLD), "racing").status == "holds"


def test_decisions_are_those_of_plain_clingo(moor_flutter: Guideline) -> None:
    plain, rng = PlainClingo(moor_flutter), random.Random(3)
    for _ in range(60):
        told = {"flutter": True, "age": rng.choice([64, 65, 80]), "sex": rng.choice(["male", "female"]),
                "fast": rng.random() < 0.7, "faint": rng.random() < 0.3}  # fmt: skip
        record = {"id": "a", **{fact: value for fact, value in told.items() if rng.random() < 0.7}}
        derivation = moor_flutter.answer(record).derivation
        completions = [completion.atoms for completion in plain.solve(moor_flutter.record(record).facts)]
        for atom in derivation.program.index:
            if atom.startswith(("setting(", "rank(", "recommended(", "strength(", "excluded(")):
                held = [atom in atoms for atoms in completions]
                assert (derivation.truth(atom) == derivation.completions.all) == all(held), (record, atom)
                assert (derivation.truth(atom) != derivation.completions.none) == any(held), (record, atom)


def test_a_cohort_is_answered_as_its_records(moor_flutter: Guideline, tmp_path: Path) -> None:
    rng, records = random.Random(5), []
    for number in range(40):
        told = {
            "flutter": True,
            "age": rng.choice([64.999, 65, 80]),
            "sex": "female",
            "fast": rng.random() < 0.7,
            "faint": True,
        }
        records.append({"id": f"p{number}", **{fact: value for fact, value in told.items() if rng.random() < 0.7}})
    (tmp_path / "in.ndjson").write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
    done = cohort("in.ndjson", "-o", "out", "--guideline", moor_flutter.folder, cwd=tmp_path)
    assert done.exit_code == 0, done.output
    assert "SETTINGS: preventing clots" in done.output
    assert "SETTINGS: slowing the pulse" in done.output
    rows = [expected_row(moor_flutter, record) for record in records]
    assert rows_of(tmp_path / "out") == rows
    told = Counter(f"{own['decision']} {own['setting']}" for row in rows for own in row["decisions"])
    assert json.loads((tmp_path / "out/summary.json").read_text("utf-8"))["settings"] == told


def test_a_check_finds_no_conflict_between_decisions_and_gaps_within_each(moor_flutter: Guideline, tmp_path: Path) -> None:
    kinds = {found.kind for found in check(moor_flutter).findings if found.severity == "error"}
    assert "conflict" not in kinds
    assert "gap" not in kinds
    assert "dead_end" not in kinds
    silent = load(tmp_path, TEXT.replace("places(calm, by_pulse) :- in_scope, not has(fast).\n", ""))
    (gap,) = [found for found in check(silent).findings if found.kind == "gap"]
    assert gap.witness is not None
    answer = to_plain(silent.answer(gap.witness))
    assert answer["decisions"][1] == {"decision": "rate", "setting": "not_addressed"}
    assert any(note.startswith("Slowing the pulse: ") for note in answer["notes"])
    assert {found.kind for found in diff(silent, moor_flutter).findings}


def test_a_gap_of_one_decision_tells_nothing_of_what_another_one_is_indicated(tmp_path: Path) -> None:
    """Nothing is left against clots; slowol, which is indicated for the pulse, and excluded too, has no part in that."""
    ruled_out = "contraindicated(clotless) :- has(faint).\ncontraindicated(slowol) :- has(faint).\n"
    text = TEXT.replace("contraindicated(slowol) :- has(faint).\n", ruled_out)
    gaps = [found for found in check(load(tmp_path, text)).findings if found.kind == "gap"]
    (gap,) = [found for found in gaps if "In high risk of clots nothing is left" in found.message]
    assert [(side.annotation, side.derives) for side in gap.sides] == [
        ("L1", "an indication for clotless (strong recommendation)"),
        ("L4", "a contraindication to clotless"),
    ]
    assert gap.statements == ("L1", "L4")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("option_of(ablation, rate).", "", "the regimen ablation belongs to no decision; write option_of(ablation, D)."),
        (
            "setting_of(calm, rate).",
            "setting_of(calm, rate). setting_of(calm, clots).",
            "the setting calm belongs to rate and clots; write setting_of(calm, D). for exactly one of clots, rate.",
        ),
        ("@certainty high", "@certainty hihg", 'L3: "hihg" is not a certainty of evidence (did you mean "high"'),
        ("option_of(ablation, rate).", "option_of(ablation, rates).", '"rates" is not a decision'),
    ],
)
def test_what_belongs_to_no_decision_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(GuidelineError) as caught:
        load(tmp_path, TEXT.replace(old, new))
    assert message in str(caught.value)
    assert "guideline.lp:" in str(caught.value)


def test_without_several_decisions_an_answer_names_none(tmp_path: Path) -> None:
    hill_ague = Guideline.load(Path(__file__).parent / "guidelines" / "hill_ague")
    answer = to_plain(hill_ague.answer({"id": "a", "confirmed": True, "fever": True}))
    assert "decisions" not in answer
    assert all("decision" not in entry and entry["evidence_certainty"] is None for entry in answer["recommended"])
    compare(hill_ague, PlainClingo(hill_ague), seed=2, count=10, unknown=0.3, most=20)


def test_a_statement_that_indicates_by_one_rule_or_by_another_counts_for_the_certainty_of_evidence(
    own_cache: None, tmp_path: Path
) -> None:
    two = "indicated(clotless, strong) :- setting(high_risk), has(faint).\n"
    two += "indicated(clotless, strong) :- setting(high_risk), not has(faint).\n"
    guideline = load(tmp_path, f"{TEXT}%* @statement L5 [1] sha256:000000000000\nStatement 5.\n@certainty high\n*%\n{two}")
    for told in ({}, {"faint": True}):
        answer = to_plain(guideline.answer({"id": "a", "flutter": True, "age": 70, "fast": False, **told}))
        assert entries(answer, "regimen", "certainty", "evidence_certainty") == [("clotless", "certain", "high")]
