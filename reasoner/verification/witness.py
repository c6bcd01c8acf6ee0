"""From a patient that the solver found to a record that can be answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from reasoner.errors import GuidelineError, RecordError
from reasoner.guideline import Guideline
from reasoner.verification.atoms import split_atom
from reasoner.verification.patients import Patients

__all__ = ["default_record", "departures", "knows_values", "record_of", "telling_apart", "witness_of"]

Atoms = Mapping[str, set[tuple[str, ...]]]

VALUED = "valued"
"""What has a value, on whichever side of a threshold."""

Number = tuple[int | None, str]
"""A key in a record, mostly of a number: the place of its course, from 0, or None for one of the patient, and the key."""


def default_record(patients: Patients, *models: GuidelineModel) -> dict[str, object]:
    """Find the default patient, in the facts of several guidelines, however long it takes; what the last one tells counts.

    Raises GuidelineError where nobody can be a patient.
    """
    unhurried = replace(patients, deadline=None)
    if not unhurried.ask([]):
        raise GuidelineError(
            f"{models[-1].id}: what it declares inconsistent leaves no patient at all; correct these rules."
        )
    inputs = unhurried.smallest([]).inputs
    return {key: value for model in cut_alike(models) for key, value in record_of(inputs, model).items()}


def witness_of(inputs: Iterable[str], guidelines: Sequence[Guideline]) -> dict[str, object]:
    """Write the record of a patient as far as what one of the guidelines says of it depends on it.

    It is a record of the first guideline that knows all values of the patient. It tells each number of a course that decides
    whether some rule fires, and no other; of the other numbers none that not every patient has and that no rule reads. Where
    a guideline refuses the record, it tells the numbers for which it does.
    """
    held = tuple(inputs)
    models = cut_alike([guideline.model for guideline in guidelines])
    records = [(record_of(held, model), guideline) for model, guideline in zip(models, guidelines, strict=True)]
    knowing = [record for record, guideline in records if knows_values(held, guideline.model)]
    whole = (knowing or [records[0][0]])[0]
    if len(knowing) < len(records):
        return whole
    needed = set[Number]().union(*(needed_by(guideline, record) for record, guideline in records))
    return without(whole, set(numbers_of(whole, guidelines[0])) - needed)


def knows_values(inputs: Iterable[str], model: GuidelineModel) -> bool:
    """Tell whether a guideline asks for what is true of a patient, and knows each value of the facts that it asks for."""
    values = {fact.name: fact.values for fact in model.facts}
    for predicate, arguments in map(split_atom, inputs):
        fact, value = arguments[0], arguments[-1]
        known = {
            "has": fact in values,
            "is": fact not in values or value in values[fact],
            "includes": value in values.get(fact, ()),
            "drug_in": value in model.drugs,
            "outcome": value in model.outcomes,
            "course_has": value in model.course_facts,
            "course_at_least": model.course_facts.keys() >= {*arguments[1:2]},
        }
        if not known.get(predicate, True):
            return False
    return True


def needed_by(guideline: Guideline, record: Mapping[str, Any]) -> set[Number]:
    """Collect the keys of a record without which a guideline would say something else of it, or no longer refuse it."""
    numbers = list(numbers_of(record, guideline))
    needed: set[Number] = {(None, key) for key in record if (None, key) not in numbers}
    if not numbers:
        return needed
    if not refuses(record, guideline):
        return needed.union(deciding_numbers(without(record, numbers), guideline))
    left_out: set[Number] = set()
    for number in numbers:
        if refuses(without(record, {*left_out, number}), guideline):
            left_out.add(number)
    return needed.union(numbers) - left_out


def refuses(record: Mapping[str, object], guideline: Guideline) -> bool:
    """Tell whether a record contradicts itself in a guideline."""
    try:
        guideline.record(record)
    except RecordError:
        return True
    return False


def numbers_of(record: Mapping[str, Any], guideline: Guideline) -> Iterator[Number]:
    """Yield the numbers of courses, and of the others those that not every patient has and that no rule reads."""
    model = guideline.model
    therapy = model.courses_fact
    courses = record.get(therapy.name) or () if therapy is not None else ()
    idle = idle_numbers(guideline.program(len(courses)), guideline.adopted)
    yield from ((None, key) for key in record if key in idle)
    for place, course in enumerate(courses):
        yield from ((place, key) for key in course if key in model.course_facts and model.course_facts[key].cuts)


@lru_cache(maxsize=64)
def idle_numbers(program: Program, adopted: tuple[int, ...]) -> frozenset[str]:
    """Name the numbers that not every patient has, and of which rules read neither the value nor whether it is told."""
    read, atoms = read_variables(program, adopted)
    asked = {number: atom for atom, number in program.inputs.items() if atom.startswith(("known(", "recorded("))}
    telling = {program.variables[v].fact for v in read}
    telling |= {arguments_of(atom)[0] for number, atom in asked.items() if number in atoms}
    partial = {v.fact for v in program.variables if v.course is None and None in (value for value, _ in v.values)}
    return frozenset(partial - telling)


def without(record: Mapping[str, Any], numbers: Collection[Number]) -> dict[str, Any]:
    """Give a record without some of its numbers."""

    def told(value: Any) -> Any:  # noqa: ANN401 (what a record holds)
        if not isinstance(value, list) or not all(isinstance(course, dict) for course in value):
            return value
        return [{k: v for k, v in course.items() if (n, k) not in numbers} for n, course in enumerate(value)]

    return {key: told(value) for key, value in record.items() if (None, key) not in numbers}


def deciding_numbers(record: Mapping[str, object], guideline: Guideline) -> Iterator[Number]:
    """Yield the numbers of courses, unknown in a record, that decide whether some rule fires."""
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
        return next((value for value in fact.values if (fact.name, value) in held.get("is", ())), None)
    if fact.kind == "list":
        return [member for member in fact.values if (fact.name, member) in held.get("includes", ())]
    passed = sum((fact.name, cut.term) in held.get(cut.relation(passed=True), ()) for cut in fact.cuts)
    return number_in(passed, fact.cuts, model.range_of(fact.name))


def course_of(number: str, held: Atoms, model: GuidelineModel) -> dict[str, object]:
    course: dict[str, object] = {
        "drugs": [drug for drug in model.drugs if (number, drug) in held.get("drug_in", ())],
        "outcome": next((outcome for outcome in model.outcomes if (number, outcome) in held.get("outcome", ())), None),
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


def cut_alike(models: Sequence[GuidelineModel]) -> list[GuidelineModel]:
    """Give guidelines with each number cut wherever one of them cuts it, so that all know on which side it is."""
    known: dict[str, set[Cut]] = {}
    for model in models:
        cut = {fact.name: fact.cuts for fact in model.facts} | {name: own.cuts for name, own in model.course_facts.items()}
        for name, own in cut.items():
            known.setdefault(name, set()).update(own)
    cuts = {name: tuple(sorted(own)) for name, own in known.items()}
    replace = msgspec.structs.replace
    return [
        replace(
            model,
            facts=tuple(replace(own, cuts=cuts[own.name]) for own in model.facts),
            course_facts={name: replace(own, cuts=cuts[name]) for name, own in model.course_facts.items()},
        )
        for model in models
    ]


def telling_apart(sides: Sequence[tuple[GuidelineModel, Program]]) -> GuidelineModel:
    """Give the first of several guidelines with facts and words of the others too, numbers cut where a rule compares them.

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
    facts: dict[str, Fact] = {}
    course_facts: dict[str, CourseFact] = {}
    labels: dict[str, dict[str, str]] = {}
    for own, _ in sides:
        for name, of_course in own.course_facts.items():
            course_facts.setdefault(name, of_course)
        for fact in own.facts:
            cuts = tuple(sorted(known.get(fact.name, fact.cuts)))
            facts.setdefault(fact.name, msgspec.structs.replace(fact, cuts=cuts))
        for kind, words in own.labels.items():
            labels[kind] = {**words, **labels.get(kind, {})}
    return msgspec.structs.replace(model, facts=tuple(facts.values()), course_facts=course_facts, labels=labels)


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
