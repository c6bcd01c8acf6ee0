"""What a completion of a record decides: the variables of a guideline, in the order in which assumptions are listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import structs

from reasoner.compiler.intervals import Cut, interval_names
from reasoner.compiler.model import CourseFact, Fact, GuidelineModel, Variable

__all__ = ["DEFAULT_ALTERNATIVE", "Values", "fact_variables", "reading_atom", "variables_of"]

DEFAULT_ALTERNATIVE = "a"

Values = tuple[tuple[bool | str | tuple[()] | None, tuple[str, ...]], ...]


@lru_cache(maxsize=64)
def variables_of(model: GuidelineModel, courses: int, fewer: bool) -> tuple[Variable, ...]:
    """List the variables of a guideline's records with `courses` courses: those of its ground program for them."""
    outcomes = (model.endings, model.under_way)
    return fact_variables(model.facts, model.course_facts, outcomes, model.alternatives, courses, fewer)


def fact_variables(
    facts: Sequence[Fact],
    course_facts: Mapping[str, CourseFact],
    outcomes: tuple[Sequence[str], Sequence[str]],
    alternatives: Mapping[str, Sequence[str]],
    courses: int,
    fewer: bool,
) -> tuple[Variable, ...]:
    """List the variables of records with `courses` courses: first the readings, then the facts in their order.

    `outcomes` are those that end a course and those that leave it open. With `fewer` the records can have fewer courses,
    whose variables have no value where there is no such course, or not tell which therapy was given at all.
    """
    found = [
        Variable(tuple((name, (reading_atom(reading, name),)) for name in names), reading=reading)
        for reading, names in alternatives.items()
    ]
    for fact in facts:
        if fact.kind == "courses":
            if fewer:
                found.append(Variable((((), ()), (None, ("course(1)",))), fact.name))
            for course in range(1, courses + 1):
                own = course_variables(fact.name, course, course_facts, outcomes, last=fewer or course == courses)
                found += (structs.replace(v, values=(*v.values, (None, ()))) for v in own) if fewer else own
        else:
            found += variables_of_fact(fact)
    return tuple(found)


def reading_atom(reading: str, alternative: str) -> str:
    """Write the atom that says in which alternative a reading is taken."""
    return f"reading({reading.lower()},{alternative})"


def variables_of_fact(fact: Fact) -> Iterator[Variable]:
    name = fact.name
    if fact.kind == "boolean":
        yield Variable(((True, (f"has({name})",)), (False, ())), name)
    elif fact.kind == "choice":
        yield Variable(tuple((v, (f"is({name},{v})",)) for v in fact.values), name)
    elif fact.kind == "list":
        for member in fact.open_members or fact.values:
            yield Variable(((True, (f"includes({name},{member})",)), (False, ())), name, member)
    elif fact.kind == "number" and fact.cuts:
        yield Variable(number_values(name, fact.cuts), name)


def number_values(fact: str, cuts: tuple[Cut, ...]) -> Values:
    """List the intervals that a number is cut into, and last that it has no value."""
    intervals = (
        (name, tuple(f"{cut.relation(n > place)}({fact},{cut.term})" for place, cut in enumerate(cuts)))
        for n, name in enumerate(interval_names(cuts))
    )
    return (*intervals, (None, ()))


def course_variables(
    fact: str,
    course: int,
    course_facts: Mapping[str, CourseFact],
    outcomes: tuple[Sequence[str], Sequence[str]],
    last: bool,
) -> Iterator[Variable]:
    """Yield how a course ended, and then its facts."""
    endings, under_way = outcomes
    yield Variable(
        tuple((outcome, (f"outcome({course},{outcome})",)) for outcome in (*endings, *(under_way if last else ()))),
        fact,
        course=course,
    )
    for name, known in course_facts.items():
        if known.kind == "boolean":
            yield Variable(((True, (f"course_has({course},{name})",)), (False, ())), fact, course=course, key=name)
        elif known.cuts:
            reached = (
                (stretch, tuple(f"course_at_least({course},{name},{cut.term})" for cut in known.cuts[:n]))
                for n, stretch in enumerate(interval_names(known.cuts))
            )
            yield Variable(tuple(reached), fact, course=course, key=name)
