"""Records in columns: for each fact the distinct values that are told, and which of them each record tells."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.bits import packed, words_for
from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import RecordError
from reasoner.records.record import OPEN, EncodedValue, Record, encode_value, interval, parse_record, read_course

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reasoner.cohort.bits import Codes, Words
    from reasoner.compiler.program import Program

    Bits = NDArray[np.bool_]

__all__ = ["BAD", "Column", "Columns", "Values"]

BAD = -1
COMPACT = json.JSONEncoder(separators=(",", ":"))


class Values:
    """The distinct values of one fact: what each tells, and the plainest way to tell it.

    What they tell is also held in tables, which grow with the values.
    """

    def __init__(self, fact: Fact, model: GuidelineModel) -> None:
        self.fact = fact
        self.model = model
        self.told: list[EncodedValue] = []
        self.plain: list[object] = []
        self.numbers: dict[Hashable, int] = {}
        self.courses: dict[tuple[int, str], tuple[str, ...]] = {}
        self.plain_courses: dict[str, str] = {}
        self.places = {(known.fact, known.member): n for n, known in enumerate(model.variables)}
        self.chosen = np.full((len(self.places), 0), OPEN, dtype=np.int16)
        self.said: dict[int, Words] = {}

    def number(self, key: Hashable, value: object) -> int:
        """Give the number of a value, the same for all that tell the same; `BAD` for what no record may hold."""
        found = self.numbers.get(key)
        if found is None:
            try:
                found = self.add(value)
            except (RecordError, RecursionError):
                found = BAD
            self.numbers[key] = found
        return found

    def add(self, value: object) -> int:
        told = encode_value(self.fact, value, self.model, self.read_course)
        same = ("told", frozenset(told.atoms), told.choices, told.courses)
        found = self.numbers.get(same)
        if found is None:
            found = self.numbers[same] = len(self.told)
            self.told.append(told)
            self.plain.append(self.plainest(value))
        return found

    def read_course(self, course: object, place: int, field: str, model: GuidelineModel) -> tuple[str, ...]:
        """Read a course, once for each place among the courses that it has."""
        key = (place, repr(course))
        found = self.courses.get(key)
        if found is None:
            found = self.courses[key] = read_course(course, place, field, model)
        return found

    def plainest(self, value: object) -> object:
        """Give the plainest of the values that tell the same, courses as JSON; a number that no rule compares is none."""
        if self.fact.kind == "list" and isinstance(value, Sequence):
            return sorted(set(value))
        if self.fact.kind == "number" and isinstance(value, int | float):
            place, thresholds = interval(value, self.fact.thresholds), self.fact.thresholds
            return None if not thresholds else (*thresholds, thresholds[-1] + 1)[place]
        if self.fact.kind == "courses" and isinstance(value, Sequence):
            return f"[{','.join(map(self.plain_course, value))}]"
        return value

    def plain_course(self, course: Mapping[str, object]) -> str:
        key = repr(course)
        found = self.plain_courses.get(key)
        if found is None:
            found = self.plain_courses[key] = COMPACT.encode(plain_course(course, self.model))
        return found

    def choices(self) -> NDArray[np.int16]:
        """Give for each variable of the guideline and each value the number that the value chooses, or `OPEN`."""
        new = self.told[self.chosen.shape[1] :]
        if new:
            chosen = np.full((len(self.places), len(new)), OPEN, dtype=np.int16)
            for number, told in enumerate(new):
                for key, choice in told.choices:
                    if key in self.places:
                        chosen[self.places[key], number] = choice
            self.chosen = np.hstack([self.chosen, chosen])
        return self.chosen

    def words(self, program: Program) -> Words:
        """Give for each value the input atoms of a program that it makes true, a bit each."""
        known = self.said.get(program.courses, np.zeros((0, words_for(len(program.inputs))), dtype=np.uint64))
        new = self.told[len(known) :]
        if new:
            said = np.zeros((len(new), len(program.inputs)), dtype=bool)
            for number, told in enumerate(new):
                if self.fact.kind == "courses" and told.courses != program.courses:
                    continue
                atoms = list(told.atoms)
                for key, choice in told.choices:
                    if key in self.places:
                        atoms += self.model.variables[self.places[key]].values[choice][1]
                said[number, [program.inputs[atom] for atom in atoms if atom in program.inputs]] = True
            known = self.said[program.courses] = np.vstack([known, packed(said)])
        return known


def plain_course(course: Mapping[str, object], model: GuidelineModel) -> dict[str, object]:
    drugs = course["drugs"]
    assert isinstance(drugs, Sequence)
    found: dict[str, object] = {"drugs": sorted(set(drugs)), "outcome": course["outcome"]}
    for name, fact in model.course_facts.items():
        given = course.get(name)
        if given is None:
            continue
        if fact.kind == "boolean" and given:
            found[name] = True
        elif isinstance(given, int | float) and not isinstance(given, bool):
            reached = [t for t in fact.thresholds if given >= t]
            if reached:
                found[name] = max(reached)
    return found


class Column(NamedTuple):
    """What the records tell of one fact: the numbers of its values, one for each record."""

    values: Values
    codes: Codes


@dataclass(frozen=True)
class Columns:
    """Records, a column for each fact of the guideline."""

    model: GuidelineModel
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0].codes)

    def take(self, chosen: Codes) -> Columns:
        """Keep some of the records."""
        return Columns(self.model, tuple(Column(own.values, own.codes[chosen]) for own in self.columns))

    def bad(self) -> Bits:
        """Mark the records of which a value is none that a record may hold."""
        found = np.zeros(len(self), dtype=bool)
        for own in self.columns:
            found |= own.codes == BAD
        return found

    def record(self, number: int) -> Record:
        """Give one record, as the evaluation of one record takes it."""
        told = {own.values.fact: own.values.plain[own.codes[number]] for own in self.columns}
        data = {
            fact.name: json.loads(value) if fact.kind == "courses" and isinstance(value, str) else value
            for fact, value in told.items()
        }
        return parse_record({"id": "", **data}, self.model)
