"""From a patient that the solver found to a record that can be answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from reasoner.compiler.intervals import Cut, number_in
from reasoner.compiler.model import CourseFact, Fact, GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.phrases import course_words, fact_words
from reasoner.engine.predicates import arguments_of
from reasoner.engine.worlds import read_variables
from reasoner.errors import GuidelineError
from reasoner.guideline import Guideline
from reasoner.verification.atoms import split_atom
from reasoner.verification.patients import Patients

__all__ = ["default_record", "departures", "record_of", "telling_apart", "witness_of"]

Atoms = Mapping[str, set[tuple[str, ...]]]

VALUED = "valued"
"""What has a value, on whichever side of a threshold."""

CourseNumber = tuple[int, str]
"""A number of a course: the place of the course in the record, from 0, and its key."""


def default_record(patients: Patients, model: GuidelineModel) -> dict[str, object]:
    """Find the default patient, however long it takes; raise GuidelineError where nobody can be a patient."""
    unhurried = replace(patients, deadline=None)
    if not unhurried.ask([]):
        raise GuidelineError(f"{model.id}: what it declares inconsistent leaves no patient at all; correct these rules.")
    return record_of(unhurried.smallest([]).inputs, model)


def witness_of(inputs: Iterable[str], guidelines: Sequence[Guideline]) -> dict[str, object]:
    """Write the record of a patient as far as an answer of one of the guidelines depends on it.

    It tells each number of a course that decides whether some rule fires, and no other; of the other numbers none that
    not every patient has and that no rule reads.
    """
    whole = record_of(inputs, guidelines[0].model)
    record = {key: value for key, value in whole.items() if not all(is_idle(key, whole, own) for own in guidelines)}
    numbers = sorted({place for guideline in guidelines for place in numbers_of(record, guideline.model)})
    if not numbers:
        return record
    untold = without(record, numbers)
    needed = {place for guideline in guidelines for place in deciding_numbers(untold, guideline)}
    return without(record, [place for place in numbers if place not in needed])


def is_idle(key: str, record: Mapping[str, Any], guideline: Guideline) -> bool:
    """Tell whether a fact is a number that not every patient has, and that no rule reads while readings are as they are."""
    therapy = guideline.model.courses_fact
    courses = len(record.get(therapy.name) or ()) if therapy is not None else 0
    return key in idle_numbers(guideline.program(courses), guideline.adopted)


@lru_cache(maxsize=64)
def idle_numbers(program: Program, adopted: tuple[int, ...]) -> frozenset[str]:
    """Name the numbers that not every patient has, and of which rules read neither the value nor whether it is told."""
    read, atoms = read_variables(program, adopted)
    asked = {number: atom for atom, number in program.inputs.items() if atom.startswith(("known(", "recorded("))}
    telling = {program.variables[v].fact for v in read}
    telling |= {arguments_of(atom)[0] for number, atom in asked.items() if number in atoms}
    partial = {v.fact for v in program.variables if v.course is None and None in (value for value, _ in v.values)}
    return frozenset(partial - telling)


def numbers_of(record: Mapping[str, Any], model: GuidelineModel) -> Iterator[CourseNumber]:
    """Yield the numbers that the courses of a record tell."""
    therapy = model.courses_fact
    for number, course in enumerate(record.get(therapy.name) or () if therapy is not None else ()):
        yield from ((number, key) for key in course if key in model.course_facts and model.course_facts[key].cuts)


def without(record: Mapping[str, Any], numbers: Sequence[CourseNumber]) -> dict[str, Any]:
    """Give a record without some numbers of its courses."""
    left_out = set(numbers)

    def told(value: Any) -> Any:  # noqa: ANN401 (what a record holds)
        if not isinstance(value, list) or not all(isinstance(course, dict) for course in value):
            return value
        return [{k: v for k, v in course.items() if (n, k) not in left_out} for n, course in enumerate(value)]

    return {key: told(value) for key, value in record.items()}


def deciding_numbers(record: Mapping[str, object], guideline: Guideline) -> Iterator[CourseNumber]:
    """Yield the numbers, unknown in a record, that decide whether some rule fires."""
    derivation = guideline.answer(record).derivation
    completions, rules = derivation.completions, derivation.model.rules
    for ground, fired in zip(derivation.program.rules, derivation.fired, strict=True):
        if rules[ground.rule].annotation is not None and fired not in (completions.none, completions.all):
            for variable in map(completions.variables.__getitem__, completions.relevant_variables(fired)):
                if variable.course is not None and variable.key is not None:
                    yield variable.course - 1, variable.key


def record_of(inputs: Iterable[str], model: GuidelineModel) -> dict[str, object]:
    """Write the whole record of a patient, given the inputs that hold.

    It holds each fact that is recorded, null for one that is known to be unknown, and all numbers of courses.
    """
    held: dict[str, set[tuple[str, ...]]] = {}
    for atom in inputs:
        predicate, arguments = split_atom(atom)
        held.setdefault(predicate, set()).add(tuple(arguments))
    record: dict[str, object] = {"id": "witness"}
    for fact in model.facts:
        known = (fact.name,) in held.get("known", ())
        if fact.kind == "courses" and known:
            count = max((int(number) for (number,) in held.get("course", ())), default=0)
            record[fact.name] = [course_of(str(number), held, model) for number in range(1, count + 1)]
        elif known:
            record[fact.name] = value_of(fact, held, model)
        elif fact.default is not None and differs_from_default(fact, held):
            record[fact.name] = None
    return record


def differs_from_default(fact: Fact, held: Atoms) -> bool:
    """Tell whether what is true of the patient is not what a fact that is left out is taken to be."""
    if fact.kind == "boolean":
        return ((fact.name,) in held.get("has", ())) != (fact.default == "true")
    return any(name == fact.name for name, *_ in held.get("includes", ()))


def value_of(fact: Fact, held: Atoms, model: GuidelineModel) -> object:
    if fact.kind == "boolean":
        return (fact.name,) in held.get("has", ())
    if fact.kind == "choice":
        return next(value for value in fact.values if (fact.name, value) in held.get("is", ()))
    if fact.kind == "list":
        return [member for member in fact.values if (fact.name, member) in held.get("includes", ())]
    passed = sum((fact.name, cut.term) in held.get(cut.relation(passed=True), ()) for cut in fact.cuts)
    return number_in(passed, fact.cuts, model.range_of(fact.name))


def course_of(number: str, held: Atoms, model: GuidelineModel) -> dict[str, object]:
    course: dict[str, object] = {
        "drugs": [drug for drug in model.drugs if (number, drug) in held.get("drug_in", ())],
        "outcome": next(outcome for outcome in model.outcomes if (number, outcome) in held.get("outcome", ())),
    }
    for name, fact in model.course_facts.items():
        suits = not fact.needs or any((number, drug) in held.get("drug_in", ()) for drug in fact.needs)
        if fact.kind == "boolean" and (number, name) in held.get("course_has", ()):
            course[name] = True
        elif fact.cuts and suits:
            value = course_number(number, fact, held, model)
            if value is not None:
                course[name] = value
    return course


def course_number(number: str, fact: CourseFact, held: Atoms, model: GuidelineModel) -> float | None:
    """Give a number in the stretch between thresholds that a course reaches."""
    reached = held.get("course_at_least", ())
    passed = sum((number, fact.name, cut.term) in reached for cut in fact.cuts)
    return number_in(passed, fact.cuts, model.range_of(fact.name))


def telling_apart(sides: Sequence[tuple[GuidelineModel, Program]]) -> GuidelineModel:
    """Give the first of several guidelines with its numbers cut where a rule of any of them compares them.

    Where none compares a number, it is cut as it was.
    """
    model = sides[0][0]
    rules = ((program, rule) for _, program in sides for rule in program.rules)
    rules = ((program, rule) for program, rule in rules if split_atom(program.atoms[rule.head])[0] != VALUED)
    read = {program.atoms[atom] for program, rule in rules for atom, _ in rule.conditions}
    known: dict[str, set[Cut]] = {}
    for fact in (fact for own, _ in sides for fact in own.facts):
        for cut in fact.cuts:
            if any(f"{cut.relation(passed)}({fact.name},{cut.term})" in read for passed in (False, True)):
                known.setdefault(fact.name, set()).add(cut)
    facts = (msgspec.structs.replace(f, cuts=tuple(sorted(known[f.name]))) if f.name in known else f for f in model.facts)
    return msgspec.structs.replace(model, facts=tuple(facts))


def departures(record: Mapping[str, object], default: Mapping[str, object], model: GuidelineModel) -> tuple[str, ...]:
    """Word in what a record departs from the default patient's record."""
    found = []
    for fact in model.facts:
        value, usual = record.get(fact.name), default.get(fact.name)
        if value == usual:
            continue
        if value is None:
            found.append(model.say("value", model.label("fact", fact.name), model.say("unknown")))
        elif fact.kind == "courses" and isinstance(value, list):
            found += [
                model.say("course_numbered", str(number), course_words(course, model))
                for number, course in enumerate(value, start=1)
            ]
        else:
            found.append(fact_words(fact.name, value, model))
    return tuple(found)
