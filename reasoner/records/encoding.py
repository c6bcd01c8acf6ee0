"""Say in the guideline's atoms what the values of a record tell.

A fact that a record leaves out, or gives as null, is unknown. It is never taken for false: it is open, and each of its
values is a completion of the record. So is how a course ended, and a number of a course. Only where the guideline gives a
fact a default, that stands for what is left out; null says that it is unknown all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

import msgspec

from reasoner.compiler.intervals import Cut, interval_names, number_in, passed_cuts, thresholds_of
from reasoner.compiler.model import CourseFact, Fact, GuidelineModel, Variable
from reasoner.errors import article, nearest
from reasoner.records.values import among, boolean, fail, number, show, string_list

__all__ = [
    "COURSE_FIELDS",
    "Choice",
    "CourseMemo",
    "EncodedCourse",
    "EncodedValue",
    "Place",
    "Value",
    "ValueReader",
    "course_key",
    "encode_value",
    "read_course",
    "value_for",
]

COURSE_FIELDS = {"drugs": "list", "outcome": "choice"}
"""What every course has, with its kind; the facts of a course are the guideline's."""

Place = tuple[str, str | None, int | None, str | None]
"""What a variable is about: a fact, a member of a list, the number of a course, another key of the course."""

Value: TypeAlias = "bool | str | int | float | list[str]"

Choice = tuple[Place, bool | str]
"""A variable with the value that a record gives it, worded as an assumption."""


class EncodedCourse(msgspec.Struct, frozen=True):
    """What one course says.

    `choices` are the values of its variables, `atoms` what else it makes true, `facts` all of it as clingo facts, but for
    the atoms; `open` are its variables that are unknown, `defaulted` those that are taken to be false without being told.
    """

    choices: tuple[Choice, ...]
    atoms: tuple[str, ...]
    facts: tuple[str, ...]
    open: tuple[Place, ...]
    defaulted: tuple[Place, ...]


CourseReader = Callable[[object, int, str, GuidelineModel], EncodedCourse]


def course_key(fact: str, course: int, key: str | None) -> str:
    """Name what a record holds of a course, counted from 1: its outcome where `key` is None."""
    return f"{fact}[{course - 1}].{key or 'outcome'}"


def read_course(course: object, place: int, field: str, model: GuidelineModel) -> EncodedCourse:
    """Read a course of therapy; `place` is its place among the courses, from 1."""
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
    outcome = course.get("outcome")
    choices: list[Choice] = []
    opened, defaulted = [], []
    if outcome is None:
        opened.append("outcome")
    else:
        among(f"{where}.outcome", outcome, model.outcomes, model.say("outcome_noun"))
        choices.append(((field, None, place, None), outcome))
    for name, fact in model.course_facts.items():
        applies = not fact.needs or any(drug in fact.needs for drug in drugs)
        if course.get(name) is not None:
            choices += read_course_fact(fact, course[name], (field, None, place, name), applies, model)
        elif applies and (fact.kind != "boolean" or name in course):
            opened.append(name)
        elif fact.kind == "boolean":
            choices.append(((field, None, place, name), False))
            defaulted += [name] if applies else []
    atoms = (f"course({place})", *(f"drug_in({place},{drug})" for drug in dict.fromkeys(drugs)))
    told = (atom for choice in choices for atom in atoms_of(choice, model))
    untold = (f"untold({place},{key})" for key in opened)
    unknown, assumed = (tuple(place_of(field, place, key) for key in keys) for keys in (opened, defaulted))
    return EncodedCourse(tuple(choices), atoms, (*told, *untold), unknown, assumed)


class CourseMemo:
    """Reads courses, the same one at the same place among the courses once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], EncodedCourse] = {}

    def __call__(self, course: object, place: int, field: str, model: GuidelineModel) -> EncodedCourse:
        key = (place, repr(course))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = read_course(course, place, field, model)
        return found


def read_course_fact(
    fact: CourseFact, value: object, place: Place, applies: bool, model: GuidelineModel
) -> Iterator[Choice]:
    """Read a fact about a course; it `applies` where the course has what the fact is about."""
    field = course_key(place[0], place[2] or 1, fact.name)
    if fact.kind == "boolean":
        held = boolean(field, value)
        yield place, held
    else:
        given = number(field, value, model, whole=fact.kind == "integer")
        held = given > 0
        if fact.cuts:
            yield place, fact.stretch(given)
    if held and not applies:
        fail(field, f"only where the {model.say('course_noun')} has one of {', '.join(fact.needs)}")


class EncodedValue(msgspec.Struct, frozen=True):
    """What one value of a fact says, or its absence.

    `choices` are the values of variables, `atoms` what else it makes true, `facts` the whole as clingo facts. `open` are the
    variables of its courses that are unknown, `defaulted` those that have a default's value without being told. `known` is
    the fact's name where it has a value. `courses` counts its courses, None where which therapy was given is unknown.
    """

    choices: tuple[Choice, ...] = ()
    atoms: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    known: str = ""
    open: tuple[Place, ...] = ()
    defaulted: tuple[Place, ...] = ()
    courses: int | None = 0


ValueReader = Callable[[Fact, object, bool, GuidelineModel], EncodedValue]


def encode_value(
    fact: Fact, value: object, told: bool, model: GuidelineModel, read: CourseReader = read_course
) -> EncodedValue:
    """Read the value that a record gives for a fact; `told` where the record has the key, if only as null.

    `read` reads one course. Raises RecordError naming the field, what was found and what is allowed.
    """
    if value is None:
        return encode_absence(fact, told)
    name = fact.name
    if fact.kind == "courses":
        return encode_courses(fact, value, model, read)
    if fact.kind == "boolean":
        return encode_chosen(name, boolean(name, value))
    if fact.kind == "choice":
        return encode_chosen(name, among(name, value, fact.values, f"value of {name}"))
    known = f"known({name})"
    if fact.kind == "list":
        noun = model.say("drug_noun") if fact.of_drugs else f"value of {name}"
        members = string_list(name, value, fact.values, noun, model.labels.get("drug" if fact.of_drugs else "value"))
        listed = dict.fromkeys(members)
        facts = (known, f"recorded({name},list)", *(f"lists({name},{m})" for m in listed))
        variable = fact.open_members or fact.values
        closed = (f"includes({name},{m})" for m in listed if m not in variable)
        choices = tuple(((name, m, None, None), m in listed) for m in variable)
        return EncodedValue(choices, (*facts, *closed), facts, name)
    given = number(name, value, model)
    if not fact.cuts:
        return EncodedValue((), (known,), (known,), name)
    compared = (
        known,
        *(f"recorded({name},{cut.relation(cut.is_passed(given))}({cut.term}))" for cut in both_sides(fact.cuts)),
    )
    held = ((name, None, None, None), interval_names(fact.cuts)[passed_cuts(given, fact.cuts)])
    return EncodedValue((held,), compared, compared, name)


@lru_cache(maxsize=2**10)
def encode_chosen(name: str, value: bool | str) -> EncodedValue:
    """Say that a fact has one of a few values."""
    said = (f"known({name})", f"recorded({name},{str(value).lower() if isinstance(value, bool) else value})")
    return EncodedValue((((name, None, None, None), value),), said, said, name)


def both_sides(cuts: Sequence[Cut]) -> Iterator[Cut]:
    """Yield both cuts of each threshold: a record tells on which side of it a number is, or that it is the threshold."""
    for threshold in thresholds_of(cuts):
        yield from (Cut(threshold, included) for included in (True, False))


def encode_courses(fact: Fact, value: object, model: GuidelineModel, read: CourseReader) -> EncodedValue:
    """Read the courses of therapy."""
    field, known = fact.name, f"known({fact.name})"
    if not isinstance(value, list | tuple):
        fail(field, f"{show(value)} is not a list, one entry for each {model.say('course_noun')}")
    own = [read(course, place, field, model) for place, course in enumerate(value, start=1)]
    for place, course in enumerate(own[:-1]):
        for (*_, key), value in course.choices[:1]:
            if key is None and value in model.under_way:
                fail(f"{field}[{place}].outcome", f"only the last {model.say('course_noun')} can be {value}")
    atoms = (known, *chain.from_iterable([course.atoms for course in own]))
    return EncodedValue(
        choices=tuple(chain.from_iterable([course.choices for course in own])),
        atoms=atoms,
        facts=(*atoms, *chain.from_iterable([course.facts for course in own])),
        known=field,
        open=tuple(chain.from_iterable([course.open for course in own])),
        defaulted=tuple(chain.from_iterable([course.defaulted for course in own])),
        courses=len(own),
    )


def place_of(field: str, course: int, key: str) -> Place:
    """Give the variable of a key of a course; the outcome is the course's own."""
    return field, None, course, None if key == "outcome" else key


def atoms_of(choice: Choice, model: GuidelineModel) -> Iterator[str]:
    """Yield what the value of a variable of a course makes true."""
    (_, _, course, key), value = choice
    if key is None:
        yield f"outcome({course},{value})"
    elif isinstance(value, bool):
        if value:
            yield f"course_has({course},{key})"
    else:
        yield from (f"course_at_least({course},{key},{cut.term})" for cut in model.course_facts[key].reached(value))


def encode_absence(fact: Fact, told: bool) -> EncodedValue:
    """Say what it means that a record gives no value: the fact is open, but where a default stands for what is left out."""
    if fact.kind == "courses":
        return EncodedValue(courses=None)
    if fact.default is None:
        return EncodedValue()
    if told:
        return EncodedValue(facts=(f"unknown({fact.name})",))
    members = (None,) if fact.kind == "boolean" else fact.open_members or fact.values
    return encode_default(fact.name, members, fact.default == "true")


@lru_cache(maxsize=2**10)
def encode_default(name: str, members: tuple[str | None, ...], value: bool) -> EncodedValue:
    """Say what a default stands for: a fact, or each member of a list."""
    places = tuple((name, member, None, None) for member in members)
    return EncodedValue(tuple((place, value) for place in places), defaulted=places)


def value_for(variable: Variable, number: int, model: GuidelineModel) -> Value | None:
    """Give a value of a record that stands for a value of a variable, None where there is none.

    Of an interval of numbers that is a threshold, where it includes one.
    """
    word = variable.values[number][0]
    if word is None or isinstance(word, bool):
        return word
    if word == ():
        return []
    if variable.course is not None and variable.key is not None:
        return number_in(number, model.course_facts[variable.key].cuts, model.range_of(variable.key))
    kind, cuts = next((fact.kind, fact.cuts) for fact in model.facts if fact.name == variable.fact)
    if kind != "number":
        return str(word) if variable.course is None or word in model.outcomes else None
    return number_in(number, cuts, model.range_of(variable.fact))
