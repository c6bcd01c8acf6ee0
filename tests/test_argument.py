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
from reasoner.engine.argument import DENIED
from reasoner.engine.conclusions import Assumption, assumption_of
from reasoner.engine.examination import Examination
from reasoner.engine.managers import manager_of
from reasoner.engine.memory import CAPACITIES
from reasoner.engine.opened_record import Claim, OpenedRecord
from reasoner.engine.sufficient import sufficient_facts
from reasoner.queries.fields import field_of, with_values
from reasoner.queries.why import Why, why
from reasoner.records.encoding import value_for
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


def standing(answer: Answer, conclusion: str) -> tuple[Any, ...]:
    """Tell how an answer has a conclusion: as what, and with what certainty."""
    entries = (*((e.regimen, "recommended", e.certainty) for e in answer.recommended),)
    entries += (*((e.regimen, "excluded", e.certainty) for e in answer.excluded),)
    entries += (*((e.action, "action", e.certainty) for e in answer.actions),)
    derivation = answer.derivation
    truth = derivation.truth(f"setting({conclusion})")
    placed = truth == derivation.completions.all, truth == derivation.completions.none
    return (*(own[1:] for own in entries if own[0] == conclusion), *placed)


def changed(answer: Answer, parts: Sequence[Assumption]) -> dict[str, Any]:
    """Change exactly these parts of a record."""
    data, model = dict(answer.asked.record.data), answer.derivation.model
    variables = {variable.place[:4]: variable for variable in answer.derivation.program.variables}
    for one in parts:
        variable = variables.get(about(one))
        if one.fact == "one_of":
            data = with_values(data, {"one_of": one.value})
        elif one.member is not None:
            given = [*(data.get(one.fact) or ())]
            data[one.fact] = [*given, one.member] if one.value else [m for m in given if m != one.member]
        else:
            assert variable is not None
            number = next(n for n, (word, _) in enumerate(variable.values) if word == one.value)
            data = with_values(data, {field_of(variable): value_for(variable, number, model)})
    return data


def with_course(data: Mapping[str, Any], regimen: str, outcome: str, guideline: Guideline) -> dict[str, Any]:
    """Add a course of a regimen, before one that is under way."""
    courses = [*(data.get("metastatic_therapy") or ())]
    own = {"drugs": [drugs[0] for drugs in guideline.model.parts[regimen]], "outcome": outcome}
    place = len(courses) - (bool(courses) and courses[-1].get("outcome") in (None, "ongoing"))
    return {**data, "metastatic_therapy": [*courses[:place], own, *courses[place:]]}


def check_changes(result: Why, guideline: Guideline) -> int:
    """Each thing that could change a conclusion does, where exactly that of the record is otherwise."""
    answer, tried = result.answer, 0
    before = standing(answer, result.conclusion)
    for block in result.argument.ruled_out_by:
        first = Assumption(
            fact=block.fact,
            member=block.member,
            course=block.course,
            key=block.key,
            value=block.value,  # type: ignore[arg-type]
        )
        if block.value is None and not answer.asked.record.labels:
            outcomes = ("toxicity", "progression")
            data = answer.asked.record.data
            after = [
                standing(guideline.answer(with_course(data, result.conclusion, outcome, guideline)), result.conclusion)
                for outcome in outcomes
            ]
            gone = [not any(kind[0] == "recommended" for kind in own[:-2]) for own in after]
            assert any(gone), (answer.patient, result.conclusion, block)
        elif block.value is not None and (block.member is None or block.state != "unknown"):
            data = changed(answer, (first, *block.besides))
            assert standing(guideline.answer(data), result.conclusion) != before, (dict(answer.asked.record.data), block)
        tried += 1
    return tried


def concluded_names(answer: Answer) -> list[str]:
    named = [*(e.regimen for e in (*answer.recommended, *answer.excluded)), *(e.action for e in answer.actions)]
    return list(dict.fromkeys((*named, *([answer.setting] if answer.setting in answer.derivation.model.settings else []))))


def test_what_could_change_a_conclusion_changes_it_where_exactly_that_is_otherwise(curated: Guideline) -> None:
    rng, tried = random.Random(61), 0
    for case in curated.cases().values():
        guideline = curated.with_readings(case.readings)
        answer = guideline.answer(case.record)
        for name in concluded_names(answer):
            tried += check_changes(why(answer, name, depth=1), guideline)
    for answer in drawn(curated, 62, 100):
        for name in {*concluded_names(answer), rng.choice(curated.model.regimens)}:
            tried += check_changes(why(answer, name, depth=1), curated)
    assert tried > 1000


def reaches(answer: Answer, source: str, one: tuple[Any, ...]) -> bool:
    """Tell whether rules under a statement, reading or overlay read a fact, by themselves or through what is no position."""
    program, model = answer.derivation.program, answer.derivation.model
    own = {atom for v in program.variables if v.place[:4] == one for _, atoms in v.values for atom in atoms}
    name, _, course, _ = one
    starts = (f"drug_in({course},", f"course({course})", f"outcome({course},") if course is not None else ()
    pending = [rule.head for rule in program.rules if model.rules[rule.rule].annotation == source]
    first, seen = set(pending), set(pending)
    while pending:
        atom = pending.pop()
        text = program.atoms[atom]
        told = name in text and program.roles[atom] in ("patient", "record")
        if text in own or text.startswith(starts or ("-",)) or told:
            return True
        for number in program.supports[atom]:
            rule = model.rules[program.rules[number].rule]
            kind = model.annotations[rule.annotation].kind if rule.annotation is not None else ""
            passes = kind in ("", "reading", "alternative") or rule.role != "position"
            if rule.annotation == source if atom in first else passes:
                for condition, _ in program.rules[number].conditions:
                    if condition not in seen:
                        seen.add(condition)
                        pending.append(condition)
    return False


def test_each_fact_stands_under_what_reads_it(curated: Guideline) -> None:
    found = 0
    for answer in [*of_cases(curated), *drawn(curated, 63, 60)]:
        for name in concluded_names(answer):
            result = why(answer, name, depth=1)
            for ground in result.argument.because:
                for fact in ground.facts if ground.statement and result.status not in DENIED else ():
                    untreated = fact.value == ()
                    assert untreated or reaches(answer, ground.statement, about(fact)), (answer.patient, name, ground, fact)
                    found += 1
    assert found > 500


def test_whatever_changes_a_certain_conclusion_by_itself_is_named(curated: Guideline) -> None:
    rng, found = random.Random(64), 0
    for answer in [*rng.sample(list(of_cases(curated)), 20), *drawn(curated, 65, 20)]:
        if answer.guideline.readings or answer.asked.record.labels:
            continue
        names = list(certain_ones(answer))
        results = [why(answer, name, depth=1) for name in rng.sample(names, min(3, len(names)))]
        claim = Claim(tuple(f"recommended({name})" for name in curated.model.regimens))
        opened = OpenedRecord(answer.asked, claim, curated.model)
        for v, value in opened.recorded.items():
            variable = opened.evaluator.program.variables[v]
            for number in opened.options[v]:
                one = assumption_of(variable, number)
                try:
                    after = curated.answer(changed(answer, [one]))
                except RecordError:
                    continue
                for result in results:
                    if standing(after, result.conclusion) != standing(answer, result.conclusion):
                        named = {about(fact) for ground in result.argument.because for fact in ground.facts}
                        named |= {own for block in result.argument.ruled_out_by for own in block.abouts}
                        assert about(one) in named, (answer.asked.record.data, result.conclusion, one, value)
                        found += 1
    assert found > 200
