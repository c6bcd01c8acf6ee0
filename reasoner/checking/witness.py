"""From a patient of the solver's to a record that answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reasoner.checking.written import split
from reasoner.knowledge import CourseFact, Fact, Knowledge
from reasoner.page import course_words, value_words

__all__ = ["departures", "record_of"]


def record_of(inputs: Iterable[str], knowledge: Knowledge, name: str = "witness") -> dict[str, object]:
    """Write the whole record of a patient, given the open atoms that hold: each known fact, none that is not recorded."""
    held: dict[str, set[tuple[str, ...]]] = {}
    for atom in inputs:
        predicate, arguments = split(atom)
        held.setdefault(predicate, set()).add(tuple(arguments))
    record: dict[str, object] = {"id": name}
    for fact in knowledge.facts:
        if fact.kind == "courses":
            count = max((int(number) for (number,) in held.get("course", ())), default=0)
            record[fact.name] = [course_of(number, held, knowledge) for number in range(1, count + 1)]
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


def course_of(number: int, held: Mapping[str, set[tuple[str, ...]]], knowledge: Knowledge) -> dict[str, object]:
    own = str(number)
    course: dict[str, object] = {
        "drugs": [drug for drug in knowledge.drugs if (own, drug) in held.get("drug_in", ())],
        "outcome": next(outcome for outcome in knowledge.outcomes if (own, outcome) in held.get("outcome", ())),
    }
    for name, fact in knowledge.course_facts.items():
        value = course_value(own, fact, held)
        if value:
            course[name] = value
    return course


def course_value(own: str, fact: CourseFact, held: Mapping[str, set[tuple[str, ...]]]) -> bool | int:
    if fact.kind == "boolean":
        return (own, fact.name) in held.get("noted", ())
    return max((bound for bound in fact.thresholds if (own, fact.name, str(bound)) in held.get("reached", ())), default=0)


def departures(record: Mapping[str, object], default: Mapping[str, object], knowledge: Knowledge) -> tuple[str, ...]:
    """Word in what a record departs from the default patient's."""
    found = []
    for fact in knowledge.facts:
        value, usual = record.get(fact.name), default.get(fact.name)
        if value == usual:
            continue
        if value is None:
            found.append(knowledge.say("value", knowledge.label("fact", fact.name), knowledge.say("unknown")))
        elif fact.kind == "courses" and isinstance(value, list):
            found += [
                knowledge.say("course_numbered", str(number), course_words(course, knowledge))
                for number, course in enumerate(value, start=1)
            ]
        else:
            found.append(value_words(fact.name, value, knowledge))
    return tuple(found)
