"""What to ask next: nothing that cannot matter, everything that can, and always an end without conditions."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from records import untold_records
from test_changes import told, with_signs

from reasoner import Answer, Guideline, RecordError
from reasoner.queries.ask import ask, decision_tree
from reasoner.queries.questions import (
    Choice,
    DecisionTree,
    Leaf,
    Open,
    Question,
    See,
    Summary,
    TreeNode,
    leaf_of,
    summary_of,
)
from reasoner.records.shapes import to_json, to_plain
from reasoner.render.ask import render, render_tree
from reasoner.serve.describe import describe

Record = dict[str, Any]
COURSES = "metastatic_therapy"
MIXED = ((0.1, 25), (0.3, 25), (0.6, 12))


@pytest.fixture(scope="module")
def marsh_fever(own_cache: None) -> Guideline:
    return Guideline.load(ROOT / "tests" / "guidelines" / "marsh_fever")


def key_of(question: Question | Choice) -> str:
    """Name the key of a record that answers a question."""
    if not isinstance(question.course, int):
        return question.fact
    key = question.key if isinstance(question.key, str) else "outcome"
    return f"{question.fact}[{question.course - 1}].{key}"


def answered(data: Record, question: Question | Choice, value: Any) -> Record:
    return told(data, {key_of(question): list(value) if isinstance(value, tuple) else value})


def told_of(answer: Answer) -> dict[str, Any]:
    """Give what an answer concludes, without the reasons."""
    kept = ("regimen", "action", "rank", "strength", "certainty", "assuming")
    full: dict[str, Any] = to_plain(answer)
    lists = {
        name: [{key: entry[key] for key in kept if key in entry} for entry in full[name]]
        for name in ("recommended", "excluded", "actions")
    }
    return {"setting": full["setting"], "missing": full["missing"], **lists}


def values_of(guideline: Guideline, question: Question) -> list[Any]:
    """List the values that a question can be answered by, one for each stretch of a number."""
    if question.fact == "one_of":
        return []
    (fact,) = (fact for fact in guideline.model.facts if fact.name == question.fact)
    if isinstance(question.key, str):
        known = guideline.model.course_facts[question.key]
        return [True, False] if known.kind == "boolean" else [known.thresholds[0] - 1, *known.thresholds]
    if isinstance(question.course, int):
        return [*guideline.model.endings, *guideline.model.under_way]
    if fact.kind == "number":
        return [*fact.thresholds, fact.thresholds[-1] + 1]
    if fact.kind == "list":
        members = fact.open_members or fact.values
        return [own for size in range(len(members) + 1) for own in combinations(members, size)] if len(members) <= 3 else []
    return {"boolean": [True, False], "choice": list(fact.values), "courses": [()]}[fact.kind]


def test_the_answers_to_a_question_are_those_of_the_records_that_tell_it(curated: Guideline) -> None:
    asked: set[str] = set()
    for unknown, count in MIXED:
        for data in untold_records(curated, 1, count, unknown):
            missing = curated.answer(data).missing
            questions = ask(curated, data).questions
            assert bool(questions) == bool(missing)
            for question in questions:
                answers = [curated.answer(answered(data, question, given.value)) for given in question.answers]
                for given, answer in zip(question.answers, answers, strict=True):
                    told = summary_of(answer)
                    assert in_any_order(given.summary) == in_any_order(told), (data, question.fact, given.value)
                for value in values_of(curated, question):
                    try:
                        curated.record(answered(data, question, value))
                    except RecordError:
                        assert value not in [given.value for given in question.answers]
                    else:
                        assert value in [given.value for given in question.answers], (data, question.fact, value)
                if question.fact != "one_of":
                    own = [m for m in missing if (m.fact, m.course, m.key) == place_of(question)]
                    assert {what for m in own for what in m.decides} == set(question.decides)
                if not isinstance(question.otherwise, str) and question.fact != "one_of":
                    first, *others = map(told_of, answers)
                    assert any(other != first for other in others), (data, question.fact)
                asked.add(key_of(question).partition("[")[0] + key_of(question).partition(".")[2])
    assert {"one_of", COURSES, f"{COURSES}outcome", "unavailable_drugs", "adjuvant_drugs"} < asked


def in_any_order(summary: Summary) -> tuple[Any, ...]:
    """Give what does not depend on what the conditional entries assume: their ranks do."""
    ranked = {entry if entry.certain else entry.regimen for entry in summary.ranked}
    return summary.setting, ranked, set(summary.excluded), set(summary.actions)


def place_of(question: Question) -> tuple[str, int | None, str | None]:
    course, key = question.course, question.key
    return question.fact, course if isinstance(course, int) else None, key if isinstance(key, str) else None


def test_what_is_missing_is_asked_or_waits_for_another_fact(curated: Guideline) -> None:
    waited = 0
    for unknown, count in MIXED:
        for data in untold_records(curated, 2, count, unknown):
            questions = ask(curated, data).questions
            places = {place_of(question) for question in questions}
            in_sets = {key for own in data.get("one_of") or () for key in own}
            for entry in curated.answer(data).missing:
                if (entry.fact, entry.course, entry.key) not in places:
                    assert entry.fact.startswith("months_") or questions[0].fact == "one_of"
                    assert entry.fact.startswith("months_") or entry.fact in in_sets
                    waited += 1
            assert not places & {(fact, None, None) for fact in in_sets}
    assert waited > 0


def test_the_most_decisive_question_comes_first(curated: Guideline) -> None:
    order = [fact.name for fact in curated.model.facts]
    for data in untold_records(curated, 3, 30, 0.4):
        keys = []
        for question in ask(curated, data).questions:
            left = [given.summary.conditions for given in question.answers]
            first = question.fact != "one_of", question.fact != COURSES or isinstance(question.course, int)
            fact = order.index(question.fact) if question.fact in order else -1
            keys.append((*first, max(left), sum(left) / len(left), fact))
        assert keys == sorted(keys), data


def loop(guideline: Guideline, data: Record, rng: random.Random) -> int:
    """Answer the first question with a random value until none is left; count the questions."""
    for asked in range(60):
        questions = ask(guideline, data).questions
        if not questions:
            answer = guideline.answer(data)
            assert summary_of(answer).conditions == 0, data
            assert answer.missing == ()
            assert "conditional" not in to_json(answer.recommended + answer.excluded + answer.actions).decode()
            return asked
        data = answered(data, questions[0], rng.choice(questions[0].answers).value)
    raise AssertionError("it never ends")


@pytest.mark.parametrize(("unknown", "count"), [(0.2, 20), (0.5, 20), (1.0, 3)])
def test_asking_until_nothing_is_left_ends_without_conditions(curated: Guideline, unknown: float, count: int) -> None:
    rng = random.Random(4)
    longest = max(loop(curated, data, rng) for data in untold_records(curated, 4, count, unknown))
    assert longest > 2


def test_asking_ends_in_the_literal_layer_and_in_another_guideline(literal: Guideline, marsh_fever: Guideline) -> None:
    rng = random.Random(5)
    for data in untold_records(literal, 5, 10, 0.4):
        loop(literal, data, rng)
    assert max(loop(marsh_fever, data, rng) for data in untold_records(marsh_fever, 5, 40, 0.6)) > 1


def test_readings_are_never_asked(curated: Guideline) -> None:
    anyhow = curated.with_readings(["any"])
    data = curated.cases()["progression_without_pertuzumab"].record
    assert ask(anyhow, data).questions == ()
    (leaf,) = ends(decision_tree(anyhow, data), data)
    assert leaf[1] == leaf_of(summary_of(anyhow.answer(data)))
    assert any(entry.certainty == "conditional" for entry in anyhow.answer(data).recommended)
    asked = {question.fact for question in ask(anyhow, {"id": "p", COURSES: []}).questions}
    assert asked
    assert asked <= {fact.name for fact in anyhow.model.facts}


def test_therapy_that_is_not_known_is_asked_first_and_can_be_more_than_is_listed(curated: Guideline) -> None:
    first, *_ = ask(curated, {"id": "p"}).questions
    assert (first.fact, [given.value for given in first.answers]) == (COURSES, [()])
    assert first.otherwise == "if any was given, record the courses of therapy for metastatic disease and ask again"
    tree = decision_tree(curated, {"id": "p"})
    assert isinstance(tree.root, Choice)
    assert (tree.root.fact, tree.root.otherwise) == (COURSES, first.otherwise)
    assert not tree.exact


def test_the_members_of_a_list_that_answers_a_question_stand_together(curated: Guideline) -> None:
    text = " ".join(render(ask(curated, {"id": "p", "metastatic": True, "her2": "positive", "hr": "negative"})).split())
    assert "trastuzumab, or trastuzumab + pertuzumab, or" in text
    assert "or trastuzumab, pertuzumab" not in text


def test_of_a_list_in_which_many_members_matter_each_alone_is_tried(tmp_path: Path, own_cache: None) -> None:
    text = (ROOT / "tests/guidelines/hill_ache/guideline.lp").read_text("utf-8")
    names = [f"plant_{n}" for n in range(12)]
    text = text.replace("fact(3, weeks", "fact(9, plants, list).\nfact(3, weeks")
    text = text.replace("term(fact, severe", 'term(fact, plants, "plants").\nterm(fact, severe')
    text += "".join(f"open_member(plants, {name}).\n" for name in names)
    text += "".join(f'value(plants, {n}, {name}).\nterm(value, {name}, "{name}").\n' for n, name in enumerate(names, 1))
    text += "".join(f"contraindicated(watchful_waiting) :- includes(plants, {name}).\n" for name in names)
    (tmp_path / "guideline.lp").write_text(text)
    guideline = Guideline.load(tmp_path)
    data = {"id": "p", "weeks": 2, "severe": False, "frail": False}
    (question,) = ask(guideline, data).questions
    assert [given.value for given in question.answers] == [(), *((name,) for name in names)]
    assert question.otherwise == "if several are, record them and ask again"
    tree = decision_tree(guideline, data)
    assert isinstance(tree.root, Choice)
    assert [branch.values for branch in tree.root.branches] == [((),), tuple((name,) for name in names)]


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


def numbered(node: TreeNode) -> dict[int, Choice]:
    """Find the questions that a tree refers to elsewhere."""
    if not isinstance(node, Choice):
        return {}
    own = {node.number: node} if isinstance(node.number, int) else {}
    return own | {n: found for branch in node.branches for n, found in numbered(branch.then).items()}


def paths(node: TreeNode, data: Record, known: Mapping[int, Choice]) -> Iterator[tuple[Record, Leaf | Open]]:
    """Yield each record that a tree leads to, with where it ends."""
    node = known[node.see] if isinstance(node, See) else node
    if not isinstance(node, Choice):
        yield data, node
        return
    assert data.get(node.fact) is None or isinstance(node.course, int) or node.fact == "one_of"
    for branch in node.branches:
        for value in branch.values:
            yield from paths(branch.then, answered(data, node, value), known)


def ends(tree: DecisionTree, data: Record) -> Iterator[tuple[Record, Leaf | Open]]:
    return paths(tree.root, data, numbered(tree.root))


def mean(node: TreeNode, known: Mapping[int, Choice]) -> Fraction:
    node = known[node.see] if isinstance(node, See) else node
    if not isinstance(node, Choice):
        return Fraction(0)
    count = sum(len(branch.values) for branch in node.branches)
    branches = (mean(branch.then, known) * Fraction(len(branch.values), count) for branch in node.branches)
    return 1 + sum(branches, Fraction(0))


def check_tree(guideline: Guideline, data: Record, tree: DecisionTree, rng: random.Random) -> int:
    assert float(mean(tree.root, numbered(tree.root))) == tree.expected
    found = list(ends(tree, data))
    for reached, leaf in rng.sample(found, min(len(found), 25)):
        answer = guideline.answer(reached)
        assert summary_of(answer).conditions == 0, reached
        assert answer.missing == ()
        assert leaf_of(summary_of(answer)) == leaf, reached
    return len(found)


def check_values(guideline: Guideline, data: Record, node: TreeNode) -> None:
    """Check that each question of a tree in full has a branch for every value that does not contradict, and no other."""
    if isinstance(node, Choice):
        held = [value for branch in node.branches for value in branch.values]
        question = Question(
            fact=node.fact,
            course=node.course,
            key=node.key,
            text=node.text,
            decides=(),
            answers=(),
            otherwise=node.otherwise,
        )
        expected = [value for value in values_of(guideline, question) if usable(guideline, answered(data, node, value))]
        if expected and not isinstance(node.otherwise, str):
            assert sorted(held, key=repr) == sorted(expected, key=repr)
        for branch in node.branches:
            check_values(guideline, answered(data, node, branch.values[0]), branch.then)


def usable(guideline: Guideline, data: Record) -> bool:
    try:
        guideline.record(data)
    except RecordError:
        return False
    return True


@pytest.mark.parametrize("unknown", [0.2, 0.5])
def test_every_path_of_a_tree_ends_in_the_answer_without_conditions(curated: Guideline, unknown: float) -> None:
    rng = random.Random(6)
    ended = 0
    for data in untold_records(curated, 6, 30, unknown):
        exact, greedy = decision_tree(curated, data), decision_tree(curated, data, limit=-1)
        assert not greedy.exact
        assert not greedy.cut
        assert exact.expected <= greedy.expected or not exact.exact, data
        for tree in (exact, greedy):
            ended += check_tree(curated, data, tree, rng)
        if greedy.deepest < 4:
            check_values(curated, data, greedy.root)
    assert ended > 200


def fewest(guideline: Guideline, data: Record) -> Fraction:
    """Work out the fewest questions on average by brute force."""
    best = None
    for question in ask(guideline, data).questions:
        costs = [fewest(guideline, answered(data, question, given.value)) for given in question.answers]
        cost = 1 + sum(costs, Fraction(0)) / len(costs)
        best = cost if best is None else min(best, cost)
    return best or Fraction(0)


def test_no_tree_asks_fewer_questions_than_the_exact_one(curated: Guideline) -> None:
    compared = better = 0
    for data in untold_records(curated, 7, 60, 0.25):
        questions = ask(curated, data).questions
        if len(questions) in (2, 3):
            tree = decision_tree(curated, data)
            if tree.exact:
                assert tree.expected == float(fewest(curated, data)), data
                better += tree.expected < decision_tree(curated, data, limit=0).expected
                compared += 1
    assert compared > 5


def test_the_record_that_tells_nothing_has_a_tree(curated: Guideline) -> None:
    data = {"id": "p"}
    tree = decision_tree(curated, data)
    assert not tree.exact
    assert not tree.cut
    assert tree.deepest > 8
    assert check_tree(curated, data, tree, random.Random(8)) > 300


def test_a_tree_that_is_long_in_full_has_each_part_once(curated: Guideline, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"id": "p", COURSES: [], "her2": "positive", "metastatic": True}
    whole = decision_tree(curated, data)
    monkeypatch.setattr("reasoner.queries.ask.MOST_WRITTEN", 10)
    short = decision_tree(curated, data)
    assert numbered(whole.root) == {} != numbered(short.root)
    assert sorted(map(repr, ends(short, data))) == sorted(map(repr, ends(whole, data)))
    assert (short.expected, short.deepest) == (whole.expected, whole.deepest)
    text = render_tree(short)
    for number in numbered(short.root):
        assert f"[{number}] " in text
        assert f"go on at [{number}]" in " ".join(text.split())


def test_a_tree_that_would_be_too_large_is_cut_and_says_so(curated: Guideline, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"id": "p", COURSES: []}
    monkeypatch.setattr("reasoner.queries.decision_tree.MOST_WORK", 20_000)
    tree = decision_tree(curated, data)
    assert tree.cut
    assert any(isinstance(end, Open) and end.open for _, end in ends(tree, data))
    assert "The tree is cut where it would be too large or take too long." in render_tree(tree)
    assert "ask again" in render_tree(tree)
    assert any("open" in to_plain(end) for _, end in ends(tree, data))


def test_forty_facts_are_laid_out_too(tmp_path: Path, own_cache: None) -> None:
    guideline = with_signs(tmp_path, 40)
    tree = decision_tree(guideline, {"id": "p"})
    assert tree.cut or tree.deepest >= 40
    assert len(ask(guideline, {"id": "p"}).questions) > 40


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
        flat = " ".join(text.split()).replace("trastuzumab deruxtecan (T-DXd)", "T-DXd")
        flat = flat.replace("trastuzumab emtansine (T-DM1)", "T-DM1")
        assert "yes: 1. T-DM1; excluded: T-DXd" in flat
        assert "no: 1. T-DXd; excluded: T-DM1" in flat
        assert text.rstrip().endswith("No medical advice.")
    record = curated.cases()["recurrence_month_not_recorded"].record
    flat = " ".join(render(ask(curated, record)).split())
    conjugates = "trastuzumab deruxtecan (T-DXd); excluded: trastuzumab emtansine (T-DM1)"
    assert f"- at most 12: second line: 1. {conjugates}" in flat
    assert "- more than 12: first line: 1. trastuzumab + pertuzumab" in flat


def test_what_every_answer_gives_is_said_once(curated: Guideline) -> None:
    course = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]}
    record = {"id": "p", "metastatic": True, "her2": "positive", COURSES: [course]}
    text = " ".join(render(ask(curated, record)).split())
    lung = text.partition("Has there ever been interstitial lung disease?")[2].partition("3. ")[0]
    assert "- yes: 1? T-DM1; excluded: T-DXd - no: 1? T-DXd; possibly excluded: T-DM1" in lung
    assert "- whatever the answer: 1? trastuzumab + pertuzumab; 1? " in lung
    assert "no: nothing else" in text
    assert re.search(r"whatever the answer: as for question \d", text)
    assert "excluded: every regimen with trastuzumab" in text


KINDS = """fact(4, colour, choice). value(colour, 1, red). value(colour, 2, blue).
contraindicated(oralin) :- is(colour, red).
fact(5, age, number). applies(age). threshold(age, 65). term(fact, age, "age in years").
contraindicated(oralin) :- at_least(age, 65).
fact(6, allergies, list). members(allergies, drug). open_member(allergies, oralin).
contraindicated(oralin) :- includes(allergies, oralin).
"""


def test_a_fact_without_a_question_of_its_own_is_asked_for_by_its_words(own_cache: None, tmp_path: Path) -> None:
    """The form asks by the same words."""
    text = (ROOT / "tests" / "guidelines" / "river_cough" / "guideline.lp").read_text("utf-8")
    (tmp_path / "guideline.lp").write_text(text + KINDS)
    guideline = Guideline.load(tmp_path)
    asked = {question.fact: question.text for question in ask(guideline, {"id": "p"}).questions}
    assert asked == {
        "confirmed": "Confirmed river cough: yes or no?",
        "fever": "Fever: yes or no?",
        "pregnant": "Pregnancy: yes or no?",
        "colour": "Colour: which of these?",
        "age": "Age in years: what is the number?",
        "allergies": "Allergies: which of these, if any?",
    }
    assert {form.name: form.question for form in describe(guideline).facts} == asked


def test_texts_keep_their_width(curated: Guideline) -> None:
    for record in untold_records(curated, 8, 10, 0.4):
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
