"""From a patient of the solver's to a record that answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reasoner.compiler.model import CourseFact, Fact, GuidelineModel
from reasoner.phrases import course_words, fact_words
from reasoner.verification.reified import split

__all__ = ["departures", "record_of"]


def record_of(inputs: Iterable[str], model: GuidelineModel, name: str = "witness") -> dict[str, object]:
    """Write the whole record of a patient, given the open atoms that hold: each known fact, none that is not recorded."""
    held: dict[str, set[tuple[str, ...]]] = {}
    for atom in inputs:
        predicate, arguments = split(atom)
        held.setdefault(predicate, set()).add(tuple(arguments))
    record: dict[str, object] = {"id": name}
    for fact in model.facts:
        if fact.kind == "courses":
            count = max((int(number) for (number,) in held.get("course", ())), default=0)
            record[fact.name] = [course_of(number, held, model) for number in range(1, count + 1)]
        elif (fact.name,) in held.get("known", ()):
            record[fact.name] = value_of(fact, held)
    return record


def value_of(fact: Fact, held: Mapping[str, set[tuple[str, ...]]]) -> object:
    if fact.kind == "boolean":
        return (fact.name,) in held.get("has", ())
    if fact.kind == "choice":
        return next(value for value in fact.values if (fact.name, value) in held.get("is", ()))
    if fact.kind == "list":
        return [member for member in fact.values if (fact.name, member) in held.get("includes", ())]
    within = [bound for bound in fact.thresholds if (fact.name, str(bound)) in held.get("at_most", ())]
    return within[0] if within else fact.thresholds[-1] + 1


def course_of(number: int, held: Mapping[str, set[tuple[str, ...]]], model: GuidelineModel) -> dict[str, object]:
    own = str(number)
    course: dict[str, object] = {
        "drugs": [drug for drug in model.drugs if (own, drug) in held.get("drug_in", ())],
        "outcome": next(outcome for outcome in model.outcomes if (own, outcome) in held.get("outcome", ())),
    }
    for name, fact in model.course_facts.items():
        value = course_value(own, fact, held)
        if value:
            course[name] = value
    return course


def course_value(own: str, fact: CourseFact, held: Mapping[str, set[tuple[str, ...]]]) -> bool | int:
    if fact.kind == "boolean":
        return (own, fact.name) in held.get("course_has", ())
    return max(
        (bound for bound in fact.thresholds if (own, fact.name, str(bound)) in held.get("course_at_least", ())), default=0
    )


def departures(record: Mapping[str, object], default: Mapping[str, object], model: GuidelineModel) -> tuple[str, ...]:
    """Word in what a record departs from the default patient's."""
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
