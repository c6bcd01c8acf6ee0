"""Records in columns: for each fact a dictionary of the distinct values, and the code of each record's value in it."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.bits import pack, words_for
from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import RecordError
from reasoner.records.canonical import canonical_course, canonical_value
from reasoner.records.encoding import EncodedValue, encode_value, read_course
from reasoner.records.record import OPEN, Record, parse_record
from reasoner.records.values import interval, number, representative

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reasoner.cohort.bits import Codes, Words
    from reasoner.compiler.program import Program

    Bits = NDArray[np.bool_]

__all__ = ["INVALID", "Column", "Dictionary", "RecordColumns"]

INVALID = -1
COMPACT = json.JSONEncoder(separators=(",", ":"))


class Dictionary:
    """The distinct values of one fact, by their codes.

    `encoded` holds what each value says, `canonical` its canonical form, courses as JSON. Tables of what the values say are
    kept, and grow with the values.
    """

    def __init__(self, fact: Fact, model: GuidelineModel) -> None:
        self.fact = fact
        self.model = model
        self.encoded: list[EncodedValue] = []
        self.canonical: list[object] = []
        self.codes: dict[Hashable, int] = {}
        self.courses: dict[tuple[int, str], tuple[str, ...]] = {}
        self.course_texts: dict[str, str] = {}
        self.variables = {(known.fact, known.member): n for n, known in enumerate(model.variables)}
        self.choices = np.full((len(self.variables), 0), OPEN, dtype=np.int16)
        self.inputs: dict[int, Words] = {}

    def code(self, key: Hashable, value: object) -> int:
        """Give the code of a value, the same for all that say the same; `INVALID` for what no record may hold.

        `key` stands for the value: it is looked at once.
        """
        found = self.codes.get(key)
        if found is None:
            try:
                found = self.add(value)
            except (RecordError, RecursionError):
                found = INVALID
            self.codes[key] = found
        return found

    def code_of(self, value: object) -> int:
        """Give the code of a value as parsed from JSON, None where it is not recorded."""
        if value is None:
            return self.unrecorded()
        try:
            if self.fact.kind == "number":
                return self.code_of_interval(interval(number(self.fact.name, value, self.model), self.fact.thresholds))
            key: Hashable = (type(value), value) if isinstance(value, str | bool) else json.dumps(value)
        except (RecordError, RecursionError):
            return INVALID
        return self.code(key, value)

    def unrecorded(self) -> int:
        """Give the code of a fact that a record leaves out."""
        return self.code(None, None)

    def code_of_interval(self, place: int) -> int:
        """Give the code of the numbers in an interval between thresholds; where no rule compares them, they say nothing."""
        if not self.fact.thresholds:
            return self.unrecorded()
        return self.code(("interval", place), representative(place, self.fact.thresholds))

    def add(self, value: object) -> int:
        encoded = encode_value(self.fact, value, self.model, self.read_course)
        same = ("encoded", frozenset(encoded.atoms), encoded.choices, encoded.courses)
        found = self.codes.get(same)
        if found is None:
            found = self.codes[same] = len(self.encoded)
            self.encoded.append(encoded)
            self.canonical.append(self.canonical_form(value))
        return found

    def read_course(self, course: object, place: int, field: str, model: GuidelineModel) -> tuple[str, ...]:
        """Read a course, once for each place among the courses that it has."""
        key = (place, repr(course))
        found = self.courses.get(key)
        if found is None:
            found = self.courses[key] = read_course(course, place, field, model)
        return found

    def canonical_form(self, value: object) -> object:
        if self.fact.kind == "courses" and isinstance(value, list | tuple):
            return f"[{','.join(map(self.course_text, value))}]"
        return canonical_value(self.fact, value, self.model)

    def course_text(self, course: Mapping[str, object]) -> str:
        key = repr(course)
        found = self.course_texts.get(key)
        if found is None:
            found = self.course_texts[key] = COMPACT.encode(canonical_course(course, self.model))
        return found

    def choice_table(self) -> NDArray[np.int16]:
        """Give for each variable of the guideline and each value the choice that the value makes, or `OPEN`."""
        new = self.encoded[self.choices.shape[1] :]
        if new:
            chosen = np.full((len(self.variables), len(new)), OPEN, dtype=np.int16)
            for place, encoded in enumerate(new):
                for key, choice in encoded.choices:
                    if key in self.variables:
                        chosen[self.variables[key], place] = choice
            self.choices = np.hstack([self.choices, chosen])
        return self.choices

    def input_table(self, program: Program) -> Words:
        """Give for each value the input atoms of a program that it makes true, a bit each."""
        known = self.inputs.get(program.courses, np.zeros((0, words_for(len(program.inputs))), dtype=np.uint64))
        new = self.encoded[len(known) :]
        if new:
            marks = np.zeros((len(new), len(program.inputs)), dtype=bool)
            for place, encoded in enumerate(new):
                if self.fact.kind == "courses" and encoded.courses != program.courses:
                    continue
                atoms = list(encoded.atoms)
                for key, choice in encoded.choices:
                    if key in self.variables:
                        atoms += self.model.variables[self.variables[key]].values[choice][1]
                marks[place, [program.inputs[atom] for atom in atoms if atom in program.inputs]] = True
            known = self.inputs[program.courses] = np.vstack([known, pack(marks)])
        return known


class Column(NamedTuple):
    """The values of one fact: a dictionary, and the code of each record's value."""

    dictionary: Dictionary
    codes: Codes


@dataclass(frozen=True)
class RecordColumns:
    """Records, a column for each fact of the guideline."""

    model: GuidelineModel
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0].codes)

    def take(self, chosen: Codes) -> RecordColumns:
        """Keep some of the records."""
        return RecordColumns(self.model, tuple(Column(own.dictionary, own.codes[chosen]) for own in self.columns))

    def invalid(self) -> Bits:
        """Mark the records that hold an invalid value."""
        found = np.zeros(len(self), dtype=bool)
        for own in self.columns:
            found |= own.codes == INVALID
        return found

    def record(self, row: int) -> Record:
        """Give one record, as the evaluation of one record takes it."""
        data: dict[str, object] = {"id": ""}
        for dictionary, codes in self.columns:
            value = dictionary.canonical[codes[row]]
            is_text = dictionary.fact.kind == "courses" and isinstance(value, str)
            data[dictionary.fact.name] = json.loads(value) if is_text else value
        return parse_record(data, self.model)
