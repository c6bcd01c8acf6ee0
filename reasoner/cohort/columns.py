"""Records in columns: for each fact a dictionary of the distinct values, and the code of each record's value in it."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.bits import pack, words_for
from reasoner.compiler.intervals import number_in, passed_cuts
from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.engine.completions import input_numbers
from reasoner.errors import RecordError
from reasoner.records.canonical import canonical_course, canonical_value
from reasoner.records.encoding import CourseMemo, EncodedValue, encode_value
from reasoner.records.record import ONE_OF, OPEN, Record, layout_of, parse_record, told_by
from reasoner.records.values import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reasoner.cohort.bits import Codes, Words
    from reasoner.compiler.program import Program

    Bits = NDArray[np.bool_]

__all__ = ["INVALID", "Column", "Dictionaries", "Dictionary", "RecordColumns", "Sets", "variables_of_fact"]

INVALID = -1
COMPACT = json.JSONEncoder(separators=(",", ":"))


class Dictionary:
    """The distinct values of one fact, by their codes.

    `encoded` holds what each value says, `canonical` its canonical form, courses as JSON, None where the fact is unknown;
    `nulls` tells which are null where a default would stand for what is left out, and `defaults` numbers for each value
    the names in `default_sets` for which a default stands, a fact or ``fact[].key`` of courses. An empty cell of a table is
    left out, or null where `empty_is_unknown`. Tables of what the values say are kept, and grow with the values.
    """

    def __init__(self, fact: Fact, model: GuidelineModel, empty_is_unknown: bool = False) -> None:
        self.fact = fact
        self.model = model
        self.empty_is_unknown = empty_is_unknown
        self.encoded: list[EncodedValue] = []
        self.canonical: list[object] = []
        self.nulls: list[bool] = []
        self.defaults: list[int] = []
        self.default_sets: dict[frozenset[str], int] = {}
        self.codes: dict[Hashable, int] = {}
        self.read_course = CourseMemo()
        self.course_texts: dict[str, str] = {}
        self.known_tables: dict[int, tuple[NDArray[np.int16], Words]] = {}

    def code(self, key: Hashable, value: object, told: bool = True) -> int:
        """Give the code of a value, the same for all that say the same; `INVALID` for what no record may hold.

        `key` stands for the value: it is looked at once. `told` tells whether a record has the fact, if only as null.
        """
        found = self.codes.get(key)
        if found is None:
            try:
                found = self.add(value, told)
            except (RecordError, RecursionError):
                found = INVALID
            self.codes[key] = found
        return found

    def code_of(self, value: object) -> int:
        """Give the code of a value as parsed from JSON."""
        if value is None:
            return self.absent(told=True)
        try:
            if self.fact.kind == "number":
                return self.code_of_interval(passed_cuts(number(self.fact.name, value, self.model), self.fact.cuts))
            key: Hashable = (type(value), value) if isinstance(value, str | bool) else json.dumps(value)
        except (RecordError, RecursionError):
            return INVALID
        return self.code(key, value)

    def absent(self, told: bool) -> int:
        """Give the code of a fact that has no value; `told` where it is null, and not left out."""
        return self.code(("absent", told), None, told)

    def empty(self) -> int:
        """Give the code of an empty cell of a table."""
        return self.absent(told=self.empty_is_unknown)

    def code_of_interval(self, place: int) -> int:
        """Give the code of the numbers in an interval between cuts; where no rule compares them, they say nothing."""
        if not self.fact.cuts:
            return self.absent(told=False)
        return self.code(("interval", place), number_in(place, self.fact.cuts, self.model.range_of(self.fact.name)))

    def add(self, value: object, told: bool) -> int:
        encoded = encode_value(self.fact, value, told, self.model, self.read_course)
        said = (encoded.choices, encoded.known, encoded.open, encoded.defaulted, encoded.courses)
        same = ("encoded", frozenset(encoded.atoms), *said)
        found = self.codes.get(same)
        if found is None:
            found = self.codes[same] = len(self.encoded)
            self.encoded.append(encoded)
            self.canonical.append(None if value is None else self.canonical_form(value))
            named = frozenset(name if key is None else f"{name}[].{key}" for name, _, _, key in encoded.defaulted)
            self.defaults.append(self.default_sets.setdefault(named, len(self.default_sets)))
            self.nulls.append(value is None and told and self.fact.default is not None)
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

    def value(self, code: int) -> object:
        """Give a value as a record holds it."""
        canonical = self.canonical[code]
        return json.loads(canonical) if self.fact.kind == "courses" and isinstance(canonical, str) else canonical

    @property
    def course_counts(self) -> Codes:
        """The number of courses that each value holds, -1 where it is unknown."""
        return np.array([-1 if own.courses is None else own.courses for own in self.encoded], dtype=np.int64)

    def tables(self, program: Program) -> tuple[NDArray[np.int16], Words]:
        """Give what the values decide of a program, in two tables.

        The first has for each variable of the fact the choice of each value, or `OPEN`, the second for each value the input
        atoms that it makes true, a bit each. Values with another number of courses than the program's decide nothing.
        """
        own, inputs = variables_of_fact(program, self.fact.name), len(program.inputs)
        known = self.known_tables.get(program.courses)
        if known is None:
            known = np.zeros((len(own), 0), dtype=np.int16), np.zeros((0, words_for(inputs)), dtype=np.uint64)
        choices, atoms = known
        new = self.encoded[len(atoms) :]
        if new:
            layout, numbers = layout_of(self.model, program.courses, False), input_numbers(program)
            chosen = np.zeros((len(new), len(own)), dtype=np.int16)
            marks = np.zeros((len(new), inputs), dtype=bool)
            for place, encoded in enumerate(new):
                if self.fact.kind != "courses" or encoded.courses == program.courses:
                    every = told_by([encoded], layout, encoded.courses).choices
                    told = [every[v] for v in own]
                    held = [program.inputs[atom] for atom in encoded.atoms if atom in program.inputs]
                    for v, choice in zip(own, told, strict=True):
                        if choice != OPEN:
                            held += numbers[v][choice]
                    chosen[place], marks[place, held] = told, True
            known = np.hstack([choices, chosen.T]), np.vstack([atoms, pack(marks)])
            self.known_tables[program.courses] = known
        return known


@lru_cache(maxsize=1024)
def variables_of_fact(program: Program, fact: str) -> tuple[int, ...]:
    """List the variables of a program that are about a fact."""
    return tuple(number for number, variable in enumerate(program.variables) if variable.fact == fact)


class Sets:
    """The distinct sets of facts of which one is true (`one_of`), by their codes; 0 is that of records without such sets."""

    def __init__(self) -> None:
        self.texts = [""]
        self.codes: dict[str, int] = {"": 0}

    def code_of(self, value: object) -> int:
        text = "" if value is None else json.dumps(value)
        found = self.codes.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found


class Dictionaries:
    """The dictionaries of all facts by their names, in the order of the guideline, and the sets of facts."""

    def __init__(self, model: GuidelineModel, empty_is_unknown: bool = False) -> None:
        self.model = model
        self.facts = {fact.name: Dictionary(fact, model, empty_is_unknown) for fact in model.facts}
        self.sets = Sets()
        self.empty_is_unknown = empty_is_unknown

    @property
    def size(self) -> int:
        """How many values are remembered."""
        return sum(len(own.codes) for own in self.facts.values()) + len(self.sets.codes)

    def columns(self, rows: int, codes: Mapping[str, Codes], sets: Codes | None = None) -> RecordColumns:
        """Make columns of the codes of rows; a fact without codes is one that they leave out."""
        columns = tuple(
            Column(own, codes[name] if name in codes else np.full(rows, own.absent(told=False), dtype=np.int64))
            for name, own in self.facts.items()
        )
        return RecordColumns(self.model, columns, self.sets, np.zeros(rows, dtype=np.int64) if sets is None else sets)


class Column(NamedTuple):
    """The values of one fact: a dictionary, and the code of each record's value."""

    dictionary: Dictionary
    codes: Codes


@dataclass(frozen=True)
class RecordColumns:
    """Records, a column for each fact of the guideline; `sets` has for each the code of its sets of facts."""

    model: GuidelineModel
    columns: tuple[Column, ...]
    known_sets: Sets
    sets: Codes

    def __len__(self) -> int:
        return len(self.columns[0].codes)

    @property
    def codes(self) -> list[Codes]:
        """The codes that tell records apart."""
        return [*(own.codes for own in self.columns), self.sets]

    def take(self, chosen: Codes) -> RecordColumns:
        """Keep some of the records."""
        columns = tuple(Column(own.dictionary, own.codes[chosen]) for own in self.columns)
        return RecordColumns(self.model, columns, self.known_sets, self.sets[chosen])

    def invalid(self) -> Bits:
        """Mark the records that hold an invalid value."""
        found = np.zeros(len(self), dtype=bool)
        for own in self.columns:
            found |= own.codes == INVALID
        return found

    def courses(self) -> Codes:
        """Give the number of courses of each record, -1 where it is not known, or differs from set to set."""
        found = np.where(self.sets > 0, -1, 0)
        for own in self.columns:
            if own.dictionary.fact.kind == "courses":
                counts = own.dictionary.course_counts[own.codes]
                found = np.where((found < 0) | (counts < 0), -1, found + counts)
        return found

    def record(self, row: int) -> Record:
        """Give one record, as the evaluation of one record takes it."""
        data: dict[str, object] = {"id": "row"}
        for dictionary, codes in self.columns:
            value = dictionary.value(codes[row])
            if value is not None or dictionary.nulls[codes[row]]:
                data[dictionary.fact.name] = value
        if self.sets[row]:
            data[ONE_OF] = json.loads(self.known_sets.texts[self.sets[row]])
        return parse_record(data, self.model)
