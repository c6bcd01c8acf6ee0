"""What can be changed in a record: facts that are recorded otherwise, and what can be found out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import structs

from reasoner.compiler.model import Fact, Variable
from reasoner.compiler.program import Program
from reasoner.engine.evaluator import Evaluator
from reasoner.engine.predicates import ground_atom
from reasoner.guideline import Guideline
from reasoner.queries.fields import sets_of
from reasoner.records.encoding import value_for
from reasoner.records.record import OPEN, Record, Told

__all__ = ["ABSENT", "Freed", "Point", "free"]

ABSENT = 1
"""The number of the value of a list's member that is not in the list."""


class Point(NamedTuple):
    """A variable that can be changed.

    `place` says what it is about, as steps do. `kept` is the number of its value in the record, None where that is unknown;
    `options` are the values that it can be given. With `whole` it is a member of a list that is unknown as a whole: telling
    one member tells the others.
    """

    place: tuple[int, int, int, int]
    kept: int | None
    options: tuple[int, ...]
    whole: bool


class Freed(NamedTuple):
    """A record with all open that can be changed, by the numbers of variables, and the evaluator of its program."""

    record: Record
    evaluator: Evaluator
    points: Mapping[int, Point]


def free(record: Record, guideline: Guideline, anything: bool) -> Freed:
    """Open all of a record that can be changed.

    What is recorded of what is over, courses of therapy included, can be changed only where `anything` is true. What stands
    in one of several sets of facts cannot be changed while it is open which of them is true.
    """
    return Freer(record, guideline, anything).freed()


class Freer:
    """Opens one record."""

    def __init__(self, record: Record, guideline: Guideline, anything: bool) -> None:
        self.record = record
        self.data = record.data
        self.guideline = guideline
        self.model = guideline.model
        self.anything = anything
        self.facts = {fact.name: fact for fact in self.model.facts}
        self.places = {name: n for n, name in enumerate(self.facts)}
        self.keys = {name: n for n, name in enumerate((None, *self.model.course_facts))}
        self.in_sets = {key for own in sets_of(record.data) for key in own}

    def freed(self) -> Freed:
        evaluator = self.guideline.evaluator(self.record.courses, self.record.fewer)
        members = list(self.closed_members(evaluator.program))
        record = self.record
        if members:
            program, record = self.extended(evaluator.program, members)
            evaluator = Evaluator(program)
        variables = evaluator.program.variables
        points = {v: point for v, variable in enumerate(variables) for point in self.points(v, variable, record.told[0])}
        told = (
            own._replace(choices=tuple(OPEN if v in points else choice for v, choice in enumerate(own.choices)))
            for own in record.told
        )
        return Freed(record._replace(told=tuple(told)), evaluator, points)

    def closed_members(self, program: Program) -> Iterator[tuple[str, str]]:
        """Yield the members of lists that no completion leaves open but a change can add or remove."""
        for fact in self.model.facts:
            told = self.data.get(fact.name) is not None or (fact.default is not None and fact.name not in self.data)
            if fact.open_members and told and self.changeable(fact):
                for member in fact.values:
                    if member not in fact.open_members and ground_atom("includes", fact.name, member) in program.inputs:
                        yield fact.name, member

    def extended(self, program: Program, members: list[tuple[str, str]]) -> tuple[Program, Record]:
        """Add variables for members of lists, in the places of these; give the record that goes with them."""
        added = [Variable(((True, (ground_atom("includes", *own),)), (False, ())), *own) for own in members]
        order = [*enumerate(program.variables), *((None, variable) for variable in added)]
        order.sort(key=lambda item: -1 if item[1].reading else self.places[item[1].fact])
        numbers = {n: place for place, (n, _) in enumerate(order) if n is not None}
        listed = {place: v.values[0][1][0] for place, (n, v) in enumerate(order) if n is None}
        told = []
        for own in self.record.told:
            missing = {place: int(atom not in own.atoms) for place, atom in listed.items()}
            kept = tuple(atom for atom in own.atoms if atom not in listed.values())
            told.append(own.renumbered(numbers, missing)._replace(atoms=kept))
        variables = tuple(variable for _, variable in order)
        program = structs.replace(program, variables=variables, constraint_components={})
        return program, self.record._replace(told=tuple(told))

    def changeable(self, fact: Fact) -> bool:
        """Tell whether a fact that the record tells, or a default stands for, can be changed."""
        if fact.name in self.in_sets:
            return False
        return self.anything or not fact.immutable or self.data.get(fact.name) is None

    def points(self, number: int, variable: Variable, told: Told) -> Iterator[Point]:
        """Yield the point of a variable if it can be changed."""
        if variable.reading is not None or variable.fact in self.in_sets:
            return
        fact, choice = self.facts[variable.fact], told.choices[number]
        if fact.kind == "courses" and choice != OPEN and not self.course_changeable(number, variable, told):
            return
        if fact.kind != "courses" and choice != OPEN and not self.changeable(fact):
            return
        options = tuple(
            n
            for n, (word, _) in enumerate(variable.values)
            if n != choice
            and value_for(variable, n, self.model) is not None
            and not (variable.course and word in self.model.under_way and variable.course != told.courses)
        )
        member = 0 if variable.member is None else fact.values.index(variable.member)
        place = (self.places[fact.name], variable.course or 0, self.keys[variable.key], member)
        whole = variable.member is not None and choice == OPEN
        yield Point(place, None if choice == OPEN else choice, options, whole)

    def course_changeable(self, number: int, variable: Variable, told: Told) -> bool:
        """Tell whether what is told of a course, or a default stands for, can be changed."""
        if number in told.defaulted:
            return True
        courses = self.data.get(variable.fact)
        if not self.anything or variable.course is None or not isinstance(courses, list | tuple):
            return False
        if variable.course > len(courses):
            return False
        known = self.model.course_facts.get(variable.key or "")
        course = courses[variable.course - 1]
        applies = known is None or not known.needs or any(drug in known.needs for drug in course["drugs"])
        return applies and course.get(variable.key or "outcome") is not None
