"""Counts, sums and scores: what they amount to and what makes them up, in answers, explanations and findings."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from conftest import ROOT
from plain import solve

from reasoner import Guideline, GuidelineError
from reasoner.compiler.aggregates import RELATIONS, allowed_values
from reasoner.queries.ask import ask
from reasoner.queries.what_if import what_if
from reasoner.queries.why import why
from reasoner.queries.why_not import why_not
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render
from reasoner.render.derivation import render_full as render_why
from reasoner.render.why_not import render as render_why_not
from reasoner.verification.check import check

CATALOGUE = (
    (ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8").partition("%* @statement")[0]
    + """
#const grave = 3.
term(score, gravity, "gravity").
term(action_name, measure_again, "measuring again").
predicate(points(fact, whole), catalogue, "{2} points for {1}").
points((confirmed; pregnant), 1).
%* @statement L1 [1] sha256:000000000000
Gravity: a point for confirmed disease, pregnancy and each sign, two for a temperature above 40.
*%
score(gravity, N) :-
    N = #sum { W, F : points(F, W), has(F); 1, S : includes(signs, S); 2, hot : more_than(temperature, 40) }.
places(acute, fever) :- not is(kidney_function, failing).
%* @statement L2 [1] sha256:000000000000
From a gravity of three on, amarin with a salt; below, amarin.
*%
indicated(amarin_salt, standard) :- setting(acute), score(gravity, N), N >= grave.
indicated(amarin, standard) :- setting(acute), score(gravity, 0..2).
%* @statement L3 [1] sha256:000000000000
The temperature is measured again where both signs are there, or the drugs were at most one.
*%
calls_for(measure_again) :- #count { S : includes(signs, S) } >= 2.
contraindicated(watch) :- not #count { D : drug_in(_, D) } < 2.
"""
)
RECORD = {
    "id": "p",
    "confirmed": True,
    "temperature": 41,
    "signs": ["rash"],
    "earlier_therapy": [],
    "kidney_function": "normal",
}


@pytest.fixture
def guideline(tmp_path: Path, own_cache: None) -> Guideline:
    (tmp_path / "guideline.lp").write_text(CATALOGUE)
    return Guideline.load(tmp_path)


@pytest.mark.parametrize("negated", [False, True])
def test_what_an_aggregate_is_compared_with_allows_the_values_that_it_says(negated: bool) -> None:
    single = [(relation, bound) for relation in RELATIONS for bound in (-1, 0, 2)]
    for guards in [*([one] for one in single), *map(list, product(single, single))]:
        allowed = allowed_values(guards, negated)
        for value in range(-4, 6):
            meets = all(RELATIONS[relation](value, bound) for relation, bound in guards)
            inside = any((low is None or low <= value) and (high is None or value < high) for low, high in allowed)
            assert inside == (meets != negated), (guards, value)


def test_an_answer_lists_a_score_with_what_makes_it_up(guideline: Guideline) -> None:
    answer = guideline.answer({**RECORD, "pregnant": None})
    assert to_plain(answer)["scores"] == [
        {
            "score": "gravity",
            "value": 4,
            "at_most": 5,
            "parts": [
                {"fact": "temperature", "words": "temperature: more than 40", "points": 2},
                {"fact": "confirmed", "words": "confirmed marsh fever", "points": 1},
                {"fact": "signs", "words": "rash among the signs", "points": 1},
            ],
            "possible_parts": [{"fact": "pregnant", "words": "pregnancy", "points": 1}],
        }
    ]
    text = " ".join(render(answer).split())
    assert "gravity: 4 to 5, made up of temperature: more than 40 (2), confirmed marsh fever (1)" in text
    assert "Because of: gravity of 4 to 5 (temperature: more than 40 (2)" in text
    assert [(entry.fact, entry.decides) for entry in answer.missing] == [("pregnant", ("gravity",))]


def test_what_decides_a_score_is_asked_for_and_a_change_of_it_is_told(guideline: Guideline) -> None:
    record = guideline.record({**RECORD, "pregnant": None})
    assert [question.decides for question in ask(guideline, record).questions] == [("gravity",)]
    found = what_if(guideline, record, ["pregnant=true"]).differences
    assert [(entry.what, entry.id, entry.before, entry.after) for entry in found] == [("score", "gravity", "4 to 5", "5")]


def test_an_explanation_shows_what_counts_and_never_the_partial_sums(guideline: Guideline) -> None:
    answer = guideline.answer({**RECORD, "signs": ["rash", "cough"]})
    for conclusion in ("amarin_salt", "measure_again", "gravity"):
        result = why(answer, conclusion)
        assert not [node.id for node in result.trace.nodes if node.id.startswith(("_reaches", "_counts"))]
        assert "_reaches" not in render_why(result)
    (count,) = [node for node in why(answer, "measure_again").trace.nodes if node.id.startswith("_count")]
    assert (count.kind, count.state) == ("conclusion", "holds")
    signs = "rash among the signs, cough among the signs"
    assert count.label == f"at least 2 of {signs}: 2, made up of {signs}"
    edges = {(e.source, e.role) for e in why(answer, "measure_again").trace.edges if e.target == count.id}
    assert edges == {("includes(signs,cough)", "requires"), ("includes(signs,rash)", "requires")}


def test_what_does_not_count_blocks_what_needs_it(guideline: Guideline) -> None:
    trace = why(guideline.answer(RECORD), "measure_again").trace
    (count,) = [node for node in trace.nodes if node.id.startswith("_count")]
    assert {(e.source, e.role) for e in trace.edges if e.target == count.id} == {("includes(signs,cough)", "blocks")}
    (rule,) = why_not(guideline, guideline.record({**RECORD, "temperature": 39}), "amarin_salt").rules[:1]
    assert {own.condition for own in rule.blocked_by} == {"gravity of 3"}


@pytest.mark.parametrize("therapy", [{}, {"earlier_therapy": [{"drugs": ["amarin"]}]}])
def test_a_guideline_that_depends_on_itself_counts_as_plain_clingo_does(
    therapy: dict[str, object], tmp_path: Path, own_cache: None
) -> None:
    text = "".join(f'predicate({name}, derived, "{name}").\n' for name in ("ill", "weak", "well"))
    rules = "ill :- weak.\nweak :- ill, not well.\nwell :- has(pregnant), not ill.\n"
    rules += "weak :- #sum { 1, S : includes(signs, S); -1, p : has(pregnant) } = 1.\n"
    (tmp_path / "guideline.lp").write_text(CATALOGUE + text + rules + "contraindicated(amarin) :- ill.\n")
    guideline = Guideline.load(tmp_path)
    assert guideline.model.recursive is not None
    record = guideline.record(
        {"id": "p", "confirmed": True, "temperature": 41, "pregnant": None, "earlier_therapy": [], **therapy}
    )
    completions = solve(record.facts, tmp_path, guideline.layer, guideline.model)
    answer = guideline.answer(record)
    found = {entry.regimen: entry.certainty for entry in answer.excluded}
    held = [completion.arguments("excluded") for completion in completions]
    assert found == {
        name: "certain" if all(name in own for own in held) else "conditional" for name in frozenset().union(*held)
    }
    values = [int(text.partition(",")[2]) for completion in completions for text in completion.arguments("score")]
    assert [(score.value, score.at_most) for score in answer.scores or ()] == [(min(values), max(values))]


REFUSED = {
    "a value named by what counts it": (
        "score(gravity, N) :- N = #sum { M, s : score(gravity, M); 1, c : has(confirmed) }.",
        "what #sum counts depends on score, which the rule concludes",
    ),
    "a count of what depends on the count": (
        "contraindicated(amarin) :- #count { R : excluded(R) } >= 1.",
        "what it counts depends on the count",
    ),
    "a name that is added": (
        "calls_for(measure_again) :- #sum { rash : has(confirmed) } > 1.",
        "it adds rash, which is not",
    ),
    "a count compared with a name": (
        "calls_for(measure_again) :- #count { 1 : has(confirmed) } > rash.",
        "compared with rash",
    ),
    "a sum without a comparison": ("calls_for(measure_again) :- #sum { 1 : has(confirmed) }.", "compared with nothing"),
    "a misspelt name in what is counted": (
        "calls_for(measure_again) :- #count { 1 : has(confirmd) } >= 1.",
        'did you mean "confirmed"?',
    ),
    "a constant with two values": ("#const grave = 4.", "#const grave is already 3"),
    "a constant that has the name of a term": ("#const acute = 4.", "acute is declared by term(setting,acute"),
    "a constant that has a name of the core": ("#const reading = 4.", "reading is a name of the rules"),
    "a constant that is defined by itself": ("#const one = other. #const other = one.", "is defined by itself"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_counted_is_refused(name: str, tmp_path: Path, own_cache: None) -> None:
    text, message = REFUSED[name]
    (tmp_path / "guideline.lp").write_text(f"{CATALOGUE}{text}\n")
    with pytest.raises(GuidelineError) as caught:
        Guideline.load(tmp_path)
    assert message in str(caught.value)
    assert f"/guideline.lp:{(CATALOGUE + text).count(chr(10)) + 1}:" in str(caught.value)


def test_of_very_many_totals_the_least_and_the_greatest_are_told(tmp_path: Path, own_cache: None) -> None:
    text = (ROOT / "tests/guidelines/hill_ague/guideline.lp").read_text("utf-8")
    text += 'predicate(weighs(fact, whole), catalogue, "{1} as {2}").\nterm(score, load, "load").\n'
    for number in range(9):
        text += f'fact({50 + number}, sign_{number}, boolean). term(fact, sign_{number}, "sign {number}").\n'
        text += f"weighs(sign_{number}, {2**number}).\n"
    text += "%* @statement L9 [1] sha256:000000000000\nThe load.\n*%\n"
    text += "score(load, N) :- N = #sum { W, F : weighs(F, W), has(F) }.\n"
    (tmp_path / "guideline.lp").write_text(text)
    guideline = Guideline.load(tmp_path)
    (score,) = guideline.answer({"id": "p", "sign_2": True}).scores or ()
    assert (score.value, score.at_most) == (4, 511)
    assert [found.message for found in check(guideline).findings if "used nowhere" in found.message] == []


def test_what_keeps_a_regimen_off_is_the_range_of_the_score_that_its_rule_asks_for(guideline: Guideline) -> None:
    record = {**RECORD, "pregnant": False}
    for changed, regimen, says in (
        ({}, "amarin", "x Not met: gravity: less than 3."),
        ({"temperature": None}, "amarin", "? Not known: gravity: less than 3."),
        ({"temperature": 38, "signs": []}, "amarin_salt", "x Not met: gravity: at least 3."),
    ):
        result = why_not(guideline, guideline.record({**record, **changed}), regimen)
        assert says in " ".join(render_why_not(result).split()), (changed, regimen)


def test_what_counts_only_under_the_condition_of_an_entry_is_an_assumption(guideline: Guideline) -> None:
    record = {**RECORD, "pregnant": False, "temperature": None}
    text = " ".join(render(guideline.answer(record)).split())
    assert re.search(r"gravity of 4 \([^()]*confirmed[^()]* \(1\), [^()]*\(1\), assuming [^()]*40 \(2\)\)", text), text
    assert "assuming" not in " ".join(render(guideline.answer({**record, "temperature": 41})).split())
