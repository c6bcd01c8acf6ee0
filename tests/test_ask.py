"""What to ask next: nothing that cannot matter, everything that can, and always an end without conditions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from conftest import ROOT
from records import random_record

from reasoner import Answer, Guideline, RecordError
from reasoner.errors import ReasonerError
from reasoner.queries import ask as module
from reasoner.queries.ask import (
    Asker,
    Choice,
    DecisionTree,
    Leaf,
    ask,
    conditions,
    decision_tree,
    leaf_of,
    values_of,
)
from reasoner.records.shapes import to_json, to_plain
from reasoner.render.ask import render, render_tree

Record = dict[str, Any]


@pytest.fixture(scope="module")
def marsh_fever(own_cache: None) -> Guideline:
    return Guideline.load(ROOT / "tests" / "guidelines" / "marsh_fever")


def valid_records(guideline: Guideline, seed: int, count: int, unknown: float) -> Iterator[Record]:
    rng = random.Random(seed)
    while count:
        record = random_record(rng, guideline, unknown)
        try:
            guideline.record(record)
        except RecordError:
            continue
        count -= 1
        yield record


def told(answer: Answer) -> dict[str, Any]:
    """Give what an answer concludes, without the reasons."""
    kept = ("regimen", "action", "rank", "strength", "certainty", "assuming")
    full: dict[str, Any] = to_plain(answer)
    lists = {
        name: [{key: entry[key] for key in kept if key in entry} for entry in full[name]]
        for name in ("recommended", "excluded", "actions")
    }
    return {"setting": full["setting"], "missing": full["missing"], **lists}


def full(answer: Answer) -> dict[str, Any]:
    everything: dict[str, Any] = to_plain(answer)
    return {key: everything[key] for key in ("setting", "recommended", "excluded", "actions", "missing")}


def answers_to(guideline: Guideline, record: Record, fact: str) -> list[tuple[Any, Answer]]:
    """Answer the record with every value of a fact that does not contradict it."""
    (known,) = (f for f in guideline.model.facts if f.name == fact)
    found = []
    for value in values_of(known):
        try:
            found.append((value, guideline.answer({**record, fact: value})))
        except RecordError:
            continue
    return found


def test_a_question_is_an_unrecorded_fact_whose_values_differ_each_answered_anew(curated: Guideline) -> None:
    for unknown, count in ((0.3, 40), (0.7, 25), (1.0, 6)):
        for record in valid_records(curated, 1, count, unknown):
            for question in ask(curated, record).questions:
                assert question.fact not in record
                expected = answers_to(curated, record, question.fact)
                assert [(given.value, given.answer) for given in question.answers] == expected, record
                first, *others = (full(answer) for _, answer in expected)
                assert any(other != first for other in others), (record, question.fact)
                decides = {what for m in curated.answer(record).missing if m.fact == question.fact for what in m.decides}
                assert set(question.decides) == decides


def test_what_is_not_asked_changes_nothing_or_waits_for_another_fact(curated: Guideline) -> None:
    facts = {f.name: f for f in curated.model.facts if f.default is None and not f.required}
    waited = 0
    for unknown, count in ((0.3, 40), (0.7, 25), (1.0, 6)):
        for record in valid_records(curated, 2, count, unknown):
            asked = [question.fact for question in ask(curated, record).questions]
            for name in facts.keys() - set(asked) - record.keys():
                answers = [told(answer) for _, answer in answers_to(curated, record, name)]
                if any(answer != answers[0] for answer in answers):
                    assert facts[name].kind == "number", (record, name)
                    assert "adjuvant_drugs" in asked
                    waited += 1
    assert waited > 0


def test_the_most_decisive_question_comes_first(curated: Guideline) -> None:
    order = [fact.name for fact in curated.model.facts]
    for record in valid_records(curated, 3, 60, 0.6):
        keys = []
        for question in ask(curated, record).questions:
            left = [conditions(answer) for _, answer in answers_to(curated, record, question.fact)]
            keys.append((max(left), sum(left) / len(left), order.index(question.fact)))
        assert keys == sorted(keys), record


def loop(guideline: Guideline, record: Record, rng: random.Random) -> int:
    """Answer the first question with a random value until none is left; count the questions."""
    facts = {fact.name: fact for fact in guideline.model.facts}
    for asked in range(len(facts) + 1):
        questions = ask(guideline, record).questions
        if not questions:
            answer = guideline.answer(record)
            assert conditions(answer) == 0, record
            assert answer.missing == ()
            assert "conditional" not in to_json(answer).decode()
            return asked
        fact = facts[questions[0].fact]
        assert fact.name not in record
        value = rng.choice(questions[0].answers).value
        if fact.kind == "list" and rng.random() < 0.5:
            value = (*value, rng.choice(fact.values))
        record = {**record, fact.name: value}
    raise AssertionError("it never ends")


@pytest.mark.parametrize(("unknown", "count"), [(0.3, 60), (0.7, 60), (1.0, 12)])
def test_asking_until_nothing_is_left_ends_without_conditions(curated: Guideline, unknown: float, count: int) -> None:
    rng = random.Random(4)
    longest = max(loop(curated, record, rng) for record in valid_records(curated, 4, count, unknown))
    assert longest > 2


def test_asking_ends_in_the_literal_layer_and_in_another_guideline(literal: Guideline, marsh_fever: Guideline) -> None:
    rng = random.Random(5)
    for record in valid_records(literal, 5, 20, 0.6):
        loop(literal, record, rng)
    assert max(loop(marsh_fever, record, rng) for record in valid_records(marsh_fever, 5, 60, 0.8)) > 1


def test_a_number_waits_until_it_is_sure_to_have_a_value(curated: Guideline) -> None:
    record = {**curated.cases()["recurrence_month_not_recorded"].record}
    (question,) = ask(curated, record).questions
    assert question.fact == "months_to_recurrence"
    assert [(given.value, given.interval) for given in question.answers] == [(12, "<=12"), (13, ">12")]
    del record["adjuvant_drugs"]
    facts = [question.fact for question in ask(curated, record).questions]
    assert "adjuvant_drugs" in facts
    assert "months_to_recurrence" not in facts


def test_values_that_contradict_the_record_are_left_out(curated: Guideline) -> None:
    record: Record = {**curated.cases()["third_line"].record, "months_to_recurrence": 20, "adjuvant_drugs": None}
    (question,) = ask(curated, record).questions
    assert question.fact == "adjuvant_drugs"
    assert len(question.answers) == 4
    assert all("trastuzumab" in given.value for given in question.answers if isinstance(given.value, tuple))


def test_the_json_is_that_of_the_contract(curated: Guideline) -> None:
    result: Record = to_plain(ask(curated, curated.cases()["lung_disease_not_recorded"].record))
    assert json.loads(json.dumps(result)) == result
    assert (result["schema"], [q["fact"] for q in result["questions"]]) == ("reasoner.ask/1", ["interstitial_lung_disease"])
    (question,) = result["questions"]
    assert question["text"] == "Has there ever been interstitial lung disease?"
    assert question["decides"] == ["trastuzumab_deruxtecan", "trastuzumab_emtansine"]
    told = [(given["value"], given["setting"], given["recommended"], given["conditional"]) for given in question["answers"]]
    assert told == [
        (True, "second_line", ["trastuzumab_emtansine"], []),
        (False, "second_line", ["trastuzumab_deruxtecan"], []),
    ]


def paths(node: Choice | Leaf, record: Record) -> Iterator[tuple[Record, Leaf]]:
    """Yield each record that a tree leads to, with where it ends."""
    if isinstance(node, Leaf):
        yield record, node
        return
    assert node.fact not in record
    for branch in node.branches:
        for value in branch.values:
            yield from paths(branch.then, {**record, node.fact: value})


def mean(node: Choice | Leaf) -> Fraction:
    if isinstance(node, Leaf):
        return Fraction(0)
    count = sum(len(branch.values) for branch in node.branches)
    return 1 + sum((mean(branch.then) * Fraction(len(branch.values), count) for branch in node.branches), Fraction(0))


def check_tree(guideline: Guideline, record: Record, tree: DecisionTree) -> int:
    ends = 0
    assert float(mean(tree.root)) == tree.expected
    for reached, leaf in paths(tree.root, record):
        answer = guideline.answer(reached)
        assert conditions(answer) == 0, reached
        assert answer.missing == ()
        assert leaf_of(answer) == leaf, reached
        ends += 1
    return ends


def check_values(guideline: Guideline, record: Record, node: Choice | Leaf) -> None:
    """Check that each question has a branch for every value that does not contradict the record, and no other."""
    if isinstance(node, Choice):
        held = [value for branch in node.branches for value in branch.values]
        assert sorted(held, key=repr) == sorted((v for v, _ in answers_to(guideline, record, node.fact)), key=repr)
        for branch in node.branches:
            check_values(guideline, {**record, node.fact: branch.values[0]}, branch.then)


@pytest.mark.parametrize("unknown", [0.4, 0.8])
def test_every_path_of_a_tree_ends_in_the_answer_without_conditions(curated: Guideline, unknown: float) -> None:
    ends = 0
    for record in valid_records(curated, 6, 25, unknown):
        if len({entry.fact for entry in curated.answer(record).missing}) > 8:
            continue
        exact = decision_tree(curated, record, limit=5)
        greedy = decision_tree(curated, record, limit=-1)
        assert not greedy.exact
        assert exact.exact == (len({entry.fact for entry in exact.answer.missing}) <= 5)
        assert exact.expected <= greedy.expected, record
        if greedy.deepest < 5:
            for tree in (exact, greedy):
                ends += check_tree(curated, record, tree)
                check_values(curated, record, tree.root)
    assert ends > 100


def fewest(guideline: Guideline, record: Record, asker: Asker) -> Fraction:
    """Work out the fewest questions on average by brute force."""
    answer = guideline.answer(record)
    best = None
    for name in asker.unknown(answer):
        costs = [fewest(guideline, {**record, name: value}, asker) for value, _ in answers_to(guideline, record, name)]
        cost = 1 + sum(costs, Fraction(0)) / len(costs)
        best = cost if best is None else min(best, cost)
    return best or Fraction(0)


def test_no_tree_asks_fewer_questions_than_the_exact_one(curated: Guideline) -> None:
    compared = better = 0
    for record in valid_records(curated, 7, 60, 0.5):
        if len({entry.fact for entry in curated.answer(record).missing}) in (2, 3):
            tree = decision_tree(curated, record)
            assert tree.exact
            assert tree.expected == fewest(curated, record, Asker(curated, record)), record
            better += tree.expected < decision_tree(curated, record, limit=0).expected
            compared += 1
    assert compared > 10
    case = {"id": "x", "her2": "positive", "hr": "negative", "metastatic_therapy": [], "adjuvant_drugs": ["pertuzumab"]}
    assert decision_tree(curated, case).expected <= decision_tree(curated, case, limit=0).expected


def test_a_tree_with_very_many_paths_is_refused(curated: Guideline, monkeypatch: pytest.MonkeyPatch) -> None:
    record = curated.cases()["nothing_recorded"].record
    monkeypatch.setattr(module, "MOST", 100)
    with pytest.raises(ReasonerError, match=r"too much is unknown to lay out all paths; record some of .*her2"):
        decision_tree(curated, record)


def test_a_complete_record_is_asked_nothing(curated: Guideline) -> None:
    record = curated.cases()["second_line"].record
    result, tree = ask(curated, record), decision_tree(curated, record)
    assert result.questions == ()
    assert (tree.exact, tree.expected, tree.deepest) == (True, 0, 0)
    assert "No unrecorded fact can change the answer." in render(result)
    assert "0 on average" in render_tree(tree)


def test_the_text_says_what_each_value_would_give(curated: Guideline) -> None:
    record = curated.cases()["lung_disease_not_recorded"].record
    for text in (render(ask(curated, record)), render_tree(decision_tree(curated, record))):
        assert "Has there ever been interstitial lung disease?" in text
        assert "yes: 1. trastuzumab emtansine (T-DM1); excluded: trastuzumab deruxtecan" in text
        assert "no: 1. trastuzumab deruxtecan (T-DXd); excluded: trastuzumab emtansine" in text
        assert text.rstrip().endswith("No medical advice.")
    record = curated.cases()["recurrence_month_not_recorded"].record
    text = render(ask(curated, record))
    assert "- at most 12: second line: 1. trastuzumab deruxtecan" in text
    assert "- more than 12: first line: 1. trastuzumab + pertuzumab" in text


def test_texts_keep_their_width(curated: Guideline) -> None:
    for record in valid_records(curated, 8, 10, 0.5):
        result, tree = ask(curated, record), decision_tree(curated, record, limit=0)
        for width in (40, 80):
            for line in (render(result, width) + render_tree(tree, width)).splitlines():
                assert len(line) <= width, line
        assert "\x1b" not in render(result)
        assert "\x1b" in render(result, colour=True)


def test_a_record_that_cannot_be_used_is_refused(curated: Guideline) -> None:
    for function in (ask, decision_tree):
        with pytest.raises(RecordError, match="heart_failur: unknown key"):
            function(curated, {"id": "p", "metastatic_therapy": [], "heart_failur": True})
