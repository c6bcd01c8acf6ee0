"""Say in the guideline's atoms what the values of a record tell.

A fact that a record leaves out, or gives as null, is unknown. It is never taken for false: it is open, and each of its
values is a completion of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from reasoner.compiler.model import CourseFact, Fact, GuidelineModel
from reasoner.errors import article, nearest
from reasoner.records.values import among, boolean, fail, interval, number, show, string_list

__all__ = ["COURSE_FIELDS", "EncodedValue", "encode_value", "read_course", "thresholds_reached"]

COURSE_FIELDS = {"drugs": "list", "outcome": "choice"}
"""What every course has, with its kind; the facts of a course are the guideline's."""

CourseReader = Callable[[object, int, str, GuidelineModel], tuple[str, ...]]


def read_course(course: object, place: int, field: str, model: GuidelineModel) -> tuple[str, ...]:
    """Read a course of therapy into atoms; `place` is its place among the courses, from 1."""
    where, noun = f"{field}[{place - 1}]", model.say("course_noun")
    if not isinstance(course, Mapping):
        fail(where, f'{show(course)} is not {article(noun)}; write {{"drugs": [...], "outcome": "..."}}')
    allowed = (*COURSE_FIELDS, *model.course_facts)
    for key in course:
        if key not in allowed:
            fail(
                f"{where}.{key}" if isinstance(key, str) else where,
                f"unknown key{nearest(str(key), allowed)}; allowed: {', '.join(allowed)}",
            )
    drugs = string_list(f"{where}.drugs", course.get("drugs"), model.drugs, model.say("drug_noun"), model.labels.get("drug"))
    if not drugs:
        fail(f"{where}.drugs", f"{article(noun)} has at least one drug")
    outcome = among(f"{where}.outcome", course.get("outcome"), model.outcomes, model.say("outcome_noun"))
    atoms = [f"course({place})", f"outcome({place},{outcome})"]
    atoms += [f"drug_in({place},{drug})" for drug in dict.fromkeys(drugs)]
    for name, fact in model.course_facts.items():
        if course.get(name) is not None:
            atoms += read_course_fact(fact, course[name], place, f"{where}.{name}", drugs, model)
    return tuple(atoms)


def read_course_fact(
    fact: CourseFact, value: object, place: int, field: str, drugs: Sequence[str], model: GuidelineModel
) -> list[str]:
    """Read a fact about a course into atoms; `drugs` are those of the course."""
    if fact.kind == "boolean":
        held = boolean(field, value)
        atoms = [f"course_has({place},{fact.name})"] if held else []
    else:
        given = number(field, value, model, whole=fact.kind == "integer")
        held = given > 0
        atoms = [f"course_at_least({place},{fact.name},{t})" for t in thresholds_reached(fact, given)]
    if held and fact.needs and not any(drug in fact.needs for drug in drugs):
        fail(field, f"only where the {model.say('course_noun')} has one of {', '.join(fact.needs)}")
    return atoms


def thresholds_reached(fact: CourseFact, value: float) -> list[int]:
    """List the thresholds of a fact of a course that its value reaches."""
    return [threshold for threshold in fact.thresholds if value >= threshold]


def read_courses(value: object, field: str, model: GuidelineModel, read: CourseReader) -> tuple[int, list[str]]:
    """Read the courses of therapy into atoms."""
    if not isinstance(value, list | tuple):
        fail(field, f"{show(value)} is not a list, one entry for each {model.say('course_noun')}")
    atoms: list[str] = []
    for place, course in enumerate(value, start=1):
        own = read(course, place, field, model)
        for outcome in model.under_way if place < len(value) else ():
            if f"outcome({place},{outcome})" in own:
                fail(f"{field}[{place - 1}].outcome", f"only the last {model.say('course_noun')} can be {outcome}")
        atoms += own
    return len(value), atoms


class EncodedValue(msgspec.Struct, frozen=True):
    """What one value of a fact says, or its absence: choices of variables, other atoms it makes true, its clingo facts."""

    choices: tuple[tuple[tuple[str, str | None], int], ...] = ()
    atoms: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    courses: int = 0


def encode_value(fact: Fact, value: object, model: GuidelineModel, read: CourseReader = read_course) -> EncodedValue:
    """Read the value that a record gives for a fact, None where it gives none; `read` reads one course.

    Raises RecordError naming the field, what was found and what is allowed.
    """
    if value is None:
        return encode_absence(fact)
    name = fact.name
    known = f"known({name})"
    if fact.kind == "courses":
        courses, atoms = read_courses(value, name, model, read)
        return EncodedValue((), (known, *atoms), (known, *atoms), courses)
    if fact.kind == "boolean":
        truth = boolean(name, value)
        said = f"recorded({name},{str(truth).lower()})"
        return EncodedValue((((name, None), 0 if truth else 1),), (known, said), (known, said))
    if fact.kind == "choice":
        chosen = among(name, value, fact.values, f"value of {name}")
        said = f"recorded({name},{chosen})"
        return EncodedValue((((name, None), fact.values.index(chosen)),), (known, said), (known, said))
    if fact.kind == "list":
        noun = model.say("drug_noun") if fact.of_drugs else f"value of {name}"
        members = string_list(name, value, fact.values, noun, model.labels.get("drug" if fact.of_drugs else "value"))
        listed = dict.fromkeys(members)
        facts = (known, f"recorded({name},list)", *(f"lists({name},{m})" for m in listed))
        closed = (f"includes({name},{m})" for m in listed if m not in fact.open_members)
        choices = tuple(((name, m), 0 if m in listed else 1) for m in fact.open_members)
        return EncodedValue(choices, (*facts, *closed), facts)
    given = number(name, value, model)
    bounds = tuple(f"recorded({name},{'at_most' if given <= t else 'more_than'}({t}))" for t in fact.thresholds)
    return EncodedValue((((name, None), interval(given, fact.thresholds)),), (known, *bounds), (known, *bounds))


def encode_absence(fact: Fact) -> EncodedValue:
    """Say what it means that a record leaves a fact out: it is open, but where the guideline gives it a default."""
    if fact.required:
        more = " ([] where there was none)" if fact.kind == "courses" else ""
        fail(fact.name, f"missing; it is required{more}")
    if fact.default is None:
        return EncodedValue()
    if fact.kind == "boolean":
        held = fact.default == "true"
        return EncodedValue((((fact.name, None), 0 if held else 1),), (), (f"has({fact.name})",) if held else ())
    return EncodedValue(tuple(((fact.name, member), 1) for member in fact.open_members))
