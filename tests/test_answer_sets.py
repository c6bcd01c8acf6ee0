"""Rules that depend on themselves through `not`: several answers for a patient, or none, one by one or by their bounds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import clingo
import pytest
from conftest import ROOT
from random_guidelines import CATALOGUE
from records import untold_records

from reasoner import Answer, Guideline, GuidelineError
from reasoner.engine import memory, stable_models
from reasoner.queries import ask
from reasoner.queries.ask import decision_tree
from reasoner.queries.questions import Open
from reasoner.queries.why import why
from reasoner.records.shapes import to_plain

RULES = """
predicate(way(any), derived, "the way {1}").
predicate(wet(any), derived, "water {1}").
%* @statement L1 [1] sha256:000000000000
Statement 1.
*%
places(acute, fever) :- has(confirmed).
way(north) :- not way(south).
way(south) :- not way(north).
indicated(watch, standard) :- setting(acute), way(south).
dose(belosol, daily, every_dose, "2", mg, hours(8)) :- has(confirmed).
calls_for(measure_again) :- way(south), not includes(signs, cough).
"""


def held(answer: Answer) -> dict[str, bool]:
    """Give what an answer lists, each with whether it is certain."""
    listed = [(f"recommended {entry.regimen}", entry.certainty) for entry in answer.recommended]
    listed += [(f"excluded {entry.regimen}", entry.certainty) for entry in answer.excluded]
    listed += [(f"called for {entry.action}", entry.certainty) for entry in answer.actions]
    return {name: certainty == "certain" for name, certainty in listed}


FEW = {"id": "a", "confirmed": True, "earlier_therapy": [], "temperature": 39, "body_weight": 60}


def load(folder: Path, rules: str = RULES) -> Guideline:
    (folder / "guideline.lp").write_text(CATALOGUE + rules, "utf-8")
    return Guideline.load(folder)


@pytest.fixture
def by_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find what holds in some and in all completions, and no more."""
    monkeypatch.setattr(stable_models, "LIMIT", 0)


def test_a_fact_matters_where_it_changes_what_the_answer_sets_say_in_whatever_order_they_come(
    own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guideline, given = load(tmp_path), stable_models.answer_sets
    for seed in range(5):
        rng = random.Random(seed)

        def shuffled(*arguments: Any, rng: random.Random = rng) -> list[frozenset[str]]:
            found = list(given(*arguments))
            return rng.sample(found, len(found))

        monkeypatch.setattr(stable_models, "answer_sets", shuffled)
        answer = to_plain(guideline.answer(FEW))
        assert answer["missing"] == [{"fact": "signs", "has": "cough", "decides": ["measure_again"]}]


def test_a_dose_is_certain_where_it_is_given_in_each_answer_set_that_recommends_its_regimen(
    own_cache: None, tmp_path: Path
) -> None:
    (entry,) = to_plain(load(tmp_path).answer(FEW))["recommended"]
    assert (entry["certainty"], [dose["certainty"] for dose in entry["doses"]]) == ("conditional", ["certain"])


def test_of_thousands_of_answer_sets_it_is_told_what_conclusions_assume(own_cache: None, tmp_path: Path) -> None:
    forks = "".join(
        f"way({n}{side}) :- not way({n}{other}).\n" for n in "abcdef" for side, other in (("e", "w"), ("w", "e"))
    )
    answer = load(tmp_path, RULES + forks + "contraindicated(watch) :- includes(signs, cough).\n").answer(FEW)
    assert len(answer.derivation.completions.values) > 2
    assert answer.derivation.completions.all.bit_length() > 1000
    assert to_plain(answer)["excluded"][0]["assuming"] == [{"fact": "signs", "has": "cough", "value": True}]


def test_a_tree_of_questions_ends_where_its_time_does_and_begins_all_the_same(
    own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guideline = load(tmp_path, RULES + "contraindicated(watch) :- includes(signs, cough), is(kidney_function, failing).\n")
    record = guideline.record({key: value for key, value in FEW.items() if key != "temperature"})
    whole = decision_tree(guideline, record)
    assert (whole.exact, whole.cut) == (False, False)
    monkeypatch.setattr(ask, "SECONDS", -1)
    tree = decision_tree(guideline, record)
    assert (tree.exact, tree.cut, tree.deepest) == (False, True, 1)
    assert {type(branch.then) for branch in tree.root.branches} == {Open}


@pytest.mark.parametrize(
    ("rules", "contradicting"),
    [
        ("way(coast) :- includes(signs, cough), is(kidney_function, failing), not way(coast).", True),
        ("way(coast) :- includes(signs, cough), not includes(signs, cough), not way(coast).", False),
    ],
    ids=["some completion has no answer set", "each has one"],
)
def test_a_completion_without_an_answer_set_is_noticed_also_where_only_bounds_are_found(
    rules: str, contradicting: bool, by_bounds: None, own_cache: None, tmp_path: Path
) -> None:
    guideline = load(tmp_path, RULES + rules)
    if contradicting:
        with pytest.raises(GuidelineError, match="contradict each other for this record"):
            guideline.answer(FEW)
        assert guideline.answer({**FEW, "kidney_function": "normal"}).notes
    else:
        answer = guideline.answer(FEW)
        assert {entry.regimen: entry.certainty for entry in answer.recommended} == {"watch": "conditional"}


def test_what_is_not_found_out_in_time_is_said(
    by_bounds: None, own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stable_models, "MOST_TRIED", 0)
    assert any("could not be found out in time" in note for note in load(tmp_path).answer(FEW).notes)


@pytest.mark.parametrize("seed", range(12))
def test_where_time_ends_what_is_certain_is_so_and_nothing_that_is_possible_is_left_out(
    seed: int, by_bounds: None, curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for guideline in (curated, Guideline.load(ROOT / "tests" / "guidelines" / "marsh_fever")):
        for record in untold_records(guideline, seed, 2, unknown=0.5):
            exact = held(guideline.answer(record))
            with monkeypatch.context() as without_time:
                without_time.setattr(memory, "CAPACITIES", ())
                without_time.setattr(stable_models, "SECONDS", 0)
                answer = guideline.answer(record)
            found = held(answer)
            if not answer.derivation.completions.in_time:
                assert any("There was not enough time for this record." in note for note in answer.notes)
            assert found.keys() >= exact.keys(), record
            assert {name for name, certain in found.items() if certain} <= {
                name for name, certain in exact.items() if certain
            }


def test_what_the_record_settles_by_itself_is_certain_where_time_ends(
    by_bounds: None, own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = (
        RULES + "contraindicated(watch) :- has(pregnant).\nindicated(amarin, standard) :- setting(acute), has(pregnant).\n"
    )
    guideline = load(tmp_path, rules)
    monkeypatch.setattr(clingo.SolveHandle, "wait", lambda *_: False)
    answer = guideline.answer({**FEW, "pregnant": True})
    assert not answer.derivation.completions.in_time
    certain, open_both_ways = ("recommended amarin", "excluded watch"), ("recommended watch", "called for measure_again")
    expected = dict.fromkeys(certain, True) | dict.fromkeys(open_both_ways, False)
    assert (answer.setting, held(answer)) == ("acute", expected)


def test_bounds_of_a_score_list_as_counting_what_counts_in_any_case(
    by_bounds: None, own_cache: None, tmp_path: Path
) -> None:
    rule = "score(burden, N) :- way(south), N = #sum { W,F : weighs(F, W), has(F); W,S : weighs(S, W), includes(signs, S) }."
    (score,) = to_plain(load(tmp_path, f"{RULES}{rule}\n").answer({**FEW, "pregnant": True}))["scores"]
    assert {(part["fact"], part["points"]) for part in score["parts"]} == {("confirmed", 1), ("pregnant", 2)}
    assert {part["points"] for part in score["possible_parts"]} == {-1, 2}


@pytest.mark.parametrize("limit", [0, stable_models.LIMIT], ids=["by bounds", "one by one"])
def test_nothing_is_its_own_reason(limit: int, own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable_models, "LIMIT", limit)
    rules = "wet(a) :- wet(b).\nwet(b) :- wet(a).\nwet(b) :- has(confirmed).\ncontraindicated(amarin) :- wet(a).\n"
    guideline = load(tmp_path, RULES + rules)
    derivation = guideline.answer(FEW).derivation
    supports = {atom: [use.rule.head for use in derivation.explain(atom).supports] for atom in ("wet(a)", "wet(b)")}
    assert supports == {"wet(a)": ["wet(a)"], "wet(b)": ["wet(b)"]}
    (use,) = derivation.explain("wet(b)").supports
    assert [condition.atom for condition in use.conditions] == ["has(confirmed)"]
    assert why(guideline.answer(FEW), "amarin")
