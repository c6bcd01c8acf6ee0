"""From a patient that the solver found to a record that can be answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reasoner.compiler.model import CourseFact, Fact, GuidelineModel
from reasoner.engine.phrases import course_words, fact_words
from reasoner.errors import GuidelineError
from reasoner.verification.atoms import split_atom
from reasoner.verification.patients import Patients

__all__ = ["default_record", "departures", "record_of"]

Atoms = Mapping[str, set[tuple[str, ...]]]


def default_record(patients: Patients, model: GuidelineModel) -> dict[str, object]:
    """Find the default patient, however long it takes; raise GuidelineError where nobody can be a patient."""
    unhurried = replace(patients, deadline=None)
    if not unhurried.ask([]):
        raise GuidelineError(f"{model.id}: what it declares inconsistent leaves no patient at all; correct these rules.")
    return record_of(unhurried.smallest([]).inputs, model)


def record_of(inputs: Iterable[str], model: GuidelineModel) -> dict[str, object]:
    """Write the whole record of a patient, given the inputs that hold: each fact that is recorded, and no other."""
    held: dict[str, set[tuple[str, ...]]] = {}
    for atom in inputs:
        predicate, arguments = split_atom(atom)
        held.setdefault(predicate, set()).add(tuple(arguments))
    record: dict[str, object] = {"id": "witness"}
    for fact in model.facts:
        if fact.kind == "courses":
            count = max((int(number) for (number,) in held.get("course", ())), default=0)
            record[fact.name] = [course_of(str(number), held, model) for number in range(1, count + 1)]
        elif (fact.name,) in held.get("known", ()):
            record[fact.name] = value_of(fact, held)
    return record


def value_of(fact: Fact, held: Atoms) -> object:
    if fact.kind == "boolean":
        return (fact.name,) in held.get("has", ())
    if fact.kind == "choice":
        return next(value for value in fact.values if (fact.name, value) in held.get("is", ()))
    if fact.kind == "list":
        return [member for member in fact.values if (fact.name, member) in held.get("includes", ())]
    within = [bound for bound in fact.thresholds if (fact.name, str(bound)) in held.get("at_most", ())]
    return within[0] if within else fact.thresholds[-1] + 1


def course_of(number: str, held: Atoms, model: GuidelineModel) -> dict[str, object]:
    course: dict[str, object] = {
        "drugs": [drug for drug in model.drugs if (number, drug) in held.get("drug_in", ())],
        "outcome": next(outcome for outcome in model.outcomes if (number, outcome) in held.get("outcome", ())),
    }
    for name, fact in model.course_facts.items():
        value = course_value(number, fact, held)
        if value:
            course[name] = value
    return course


def course_value(number: str, fact: CourseFact, held: Atoms) -> bool | int:
    if fact.kind == "boolean":
        return (number, fact.name) in held.get("course_has", ())
    reached = held.get("course_at_least", ())
    return max((bound for bound in fact.thresholds if (number, fact.name, str(bound)) in reached), default=0)


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
