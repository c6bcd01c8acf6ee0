"""The argument: short, free of definitions, and what it calls sufficient decides, which nothing smaller does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import clingo
import pytest
from plain import files_of
from records import random_record

from reasoner import Guideline, RecordError
from reasoner.engine.answer import Answer
from reasoner.engine.conclusions import Assumption, assumption_of
from reasoner.engine.examination import Examination
from reasoner.engine.managers import manager_of
from reasoner.engine.memory import CAPACITIES
from reasoner.engine.opened_record import Claim, OpenedRecord
from reasoner.engine.sufficient import sufficient_facts
from reasoner.queries.why import Why, why
from reasoner.render.why import render

MACHINERY = (
    "a reason against",
    "a reason to set aside",
    "a reason to exclude",
    "a reason to disregard",
    "a reason not to",
    "a ground that takes precedence",
    "does not fire",
    "By definition",
    "no record of",
    ".lp",
    "as the setting",
    "an indication for",
)


def certain_ones(answer: Answer) -> Iterator[str]:
    """Name the regimens and actions of which something is certain."""
    yield from (entry.regimen for entry in answer.recommended if entry.certainty == "certain")
    yield from (entry.regimen for entry in answer.excluded if entry.certainty == "certain")
    yield from (entry.action for entry in answer.actions if entry.certainty == "certain")


def drawn(guideline: Guideline, seed: int, count: int) -> Iterator[Answer]:
    rng = random.Random(seed)
    while count:
        try:
            yield guideline.answer(random_record(rng, guideline, rng.choice([0.0, 0.2])))
        except RecordError:
            continue
        count -= 1


def of_cases(guideline: Guideline) -> Iterator[Answer]:
    for case in guideline.cases().values():
        yield guideline.with_readings(case.readings if guideline.layer == "curated" else ()).answer(case.record)


def about(one: Any) -> tuple[Any, ...]:
    return one.fact, one.member, one.course, one.key


def check_text(result: Why) -> int:
    text = render(result)
    lines = text.splitlines()
    assert len(lines) <= 25, text
    assert max(map(len, lines)) <= 80, text
    assert not [phrase for phrase in MACHINERY if phrase in " ".join(text.split())], text
    return len(lines)


def check_contains_sufficient(result: Why) -> None:
    argument = result.argument
    named = {about(fact) for ground in argument.because for fact in ground.facts}
    named |= {one for block in argument.ruled_out_by for one in block.abouts}
    assert {about(one) for one in argument.sufficient or ()} <= named, (result.patient, result.conclusion)


@pytest.mark.parametrize("layer", ["curated", "literal"])
def test_every_argument_of_a_case_is_short_names_no_machinery_and_all_that_is_sufficient(
    layer: str, request: pytest.FixtureRequest
) -> None:
    guideline: Guideline = request.getfixturevalue(layer)
    lengths = []
    for answer in of_cases(guideline):
        for name in (*guideline.model.regimens, *certain_ones(answer)):
            result = why(answer, name, depth=1)
            length = check_text(result)
            check_contains_sufficient(result)
            if result.status == "recommended":
                lengths.append(length)
    assert sorted(lengths)[len(lengths) // 2] <= 18


def test_arguments_for_random_records_are_short_and_contain_what_is_sufficient(curated: Guideline) -> None:
    for answer in drawn(curated, 51, 150):
        for name in certain_ones(answer):
            result = why(answer, name, depth=1)
            check_text(result)
            check_contains_sufficient(result)


def exclusions_by_history(answer: Answer, regimen: str) -> set[str]:
    """Name what excludes a regimen by its failure, or by its toxicity, where the rule stands in the program at all."""
    program, model = answer.derivation.program, answer.derivation.model
    rows = program.table.get("contraindicated", {}).get(regimen, ())
    found = set()
    for rule in (rule for _, atom in rows for rule in program.supports[atom]):
        name = model.rules[program.rules[rule].rule].annotation or ""
        asked = [program.atoms[c] for c, negated in program.rules[rule].conditions if not negated]
        if any(atom.startswith(("progressed_on_regimen(", "ended_in_toxicity(")) for atom in asked):
            found.add(name)
    return found


def test_what_is_recommended_would_be_ruled_out_by_its_own_failure_and_toxicity(curated: Guideline) -> None:
    named = Counter[bool]()
    for answer in of_cases(curated):
        if any(
            course.get("outcome") != "progression" for course in answer.asked.record.data.get("metastatic_therapy") or ()
        ):
            continue
        for entry in (entry for entry in answer.recommended if entry.certainty == "certain"):
            blocks = {block.block for block in why(answer, entry.regimen, depth=1).argument.ruled_out_by}
            named[exclusions_by_history(answer, entry.regimen) <= blocks] += 1
    assert named[True] > 20
    assert named[False] == 0, named


def reduced(data: Mapping[str, Any], kept: Sequence[Assumption], guideline: Guideline) -> str:
    """Write for clingo a record that tells only some facts; what it tells of a list is a constraint."""
    record: dict[str, Any] = {"id": data["id"]}
    told = [one for one in kept if one.member is None and one.course is None]
    facts = {fact.name: fact for fact in guideline.model.facts}
    for name in data:
        if name in facts and facts[name].default is not None:
            record[name] = None
    record |= {one.fact: data[one.fact] for one in told}
    therapy = guideline.model.courses_fact
    assert therapy is not None
    courses = data.get(therapy.name)
    if courses:
        record[therapy.name] = [
            {"drugs": course["drugs"]}
            | {key: None for key in course if key not in ("drugs", "outcome")}
            | {
                one.key or "outcome": course[one.key or "outcome"]
                for one in kept
                if one.course == number and course.get(one.key or "outcome") is not None
            }
            for number, course in enumerate(courses, start=1)
        ]
    return guideline.parsed(record).facts


def decides(guideline: Guideline, data: Mapping[str, Any], kept: Sequence[Assumption], atom: str) -> bool:
    """Tell whether plain clingo concludes an atom in every answer set of a record that tells only what is kept."""
    control = clingo.Control(["--enum-mode=cautious", "0"], logger=lambda *_: None)
    for file in files_of(guideline.folder, guideline.layer):
        control.load(file)
    rules = [reduced(data, kept, guideline)]
    for fact in guideline.model.facts:
        for member in data.get(fact.name) or () if fact.open_members else ():
            rules.append(f"{{ includes({fact.name},{member}) }}.")
    for one in kept:
        if one.member is not None:
            rules.append(f":- {'not ' if one.value else ''}includes({one.fact},{one.member}).")
    control.add("base", [], "\n".join(rules))
    control.ground([("base", [])])
    found: frozenset[str] = frozenset()
    with control.solve(yield_=True) as handle:
        for model in handle:
            found = frozenset(map(str, model.symbols(shown=True)))
    return atom in found


def told_facts(answer: Answer, claim: Claim) -> list[Assumption]:
    """List all that a record tells that a claim can depend on."""
    opened = OpenedRecord(answer.asked, claim, answer.derivation.model)
    variables = opened.evaluator.program.variables
    return [assumption_of(variables[v], value) for v, value in opened.recorded.items()]


def claims(answer: Answer) -> Iterator[tuple[str, str]]:
    yield from ((e.regimen, f"recommended({e.regimen})") for e in answer.recommended if e.certainty == "certain")
    yield from ((e.regimen, f"excluded({e.regimen})") for e in answer.excluded if e.certainty == "certain")
    yield from ((e.action, f"action({e.action})") for e in answer.actions if e.certainty == "certain")


def test_what_is_sufficient_decides_in_plain_clingo_and_nothing_smaller_does(curated: Guideline) -> None:
    rng = random.Random(7)
    answers = [answer for answer in of_cases(curated) if not answer.guideline.readings and not answer.asked.record.labels]
    for answer in [*rng.sample(answers, 25), *drawn(curated, 52, 40)]:
        data = answer.asked.record.data
        _, atom = rng.choice([*claims(answer), ("", "")])
        if not atom:
            continue
        claim = Claim((atom,))
        found = sufficient_facts(answer.asked, claim, curated.model)
        assert found is not None, (data, atom)
        assert decides(curated, data, found, atom), (data, atom, found)
        told = told_facts(answer, claim)
        assert set(found) <= set(told)
        smaller = [tuple(one for one in found if one != left) for left in found]
        if 0 < len(found) <= 3:
            others = list(combinations(told, len(found) - 1))
            smaller += rng.sample(others, min(5, len(others)))
        for fewer in smaller:
            assert not decides(curated, data, fewer, atom), (data, atom, found, fewer)


def test_no_smaller_set_is_sufficient_by_exhaustive_search(curated: Guideline) -> None:
    rng = random.Random(8)
    for answer in [*of_cases(curated), *drawn(curated, 53, 100)]:
        for _, atom in rng.sample(list(claims(answer)), min(2, len(list(claims(answer))))):
            claim = Claim((atom,))
            opened = OpenedRecord(answer.asked, claim, curated.model)
            examination = Examination(opened, CAPACITIES[0])
            found = sufficient_facts(answer.asked, claim, curated.model)
            assert found is not None
            for size in range(min(len(found), 4)):
                every = list(combinations(opened.recorded.items(), size))
                for chosen in every if size < 3 else rng.sample(every, min(200, len(every))):
                    assert not examination.decides(chosen), (answer.patient, atom, chosen)
            manager_of(CAPACITIES[0])
