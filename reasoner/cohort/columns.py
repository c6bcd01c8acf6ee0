"""Records in columns: for each fact the distinct values that are told, and which of them each record tells."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.errors import RecordError
from reasoner.knowledge import Fact, Knowledge
from reasoner.record import Record, Told, parse_record, region, tell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]

__all__ = ["BAD", "Column", "Columns", "Values", "distinct"]

BAD = -1


class Values:
    """The distinct values of one fact: what each tells, and how it stands in a record."""

    def __init__(self, fact: Fact, knowledge: Knowledge) -> None:
        self.fact = fact
        self.knowledge = knowledge
        self.told: list[Told] = []
        self.written: list[str] = []
        self.numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, value: object) -> int:
        """Give the number of a value, the same for all that tell the same; `BAD` for what no record may hold."""
        found = self.numbers.get(key)
        if found is None:
            try:
                found = self.add(value)
            except RecordError:
                found = BAD
            self.numbers[key] = found
        return found

    def add(self, value: object) -> int:
        told = tell(self.fact, value, self.knowledge)
        same = ("told", frozenset(told.atoms), told.choices, told.courses)
        found = self.numbers.get(same)
        if found is None:
            found = self.numbers[same] = len(self.told)
            self.told.append(told)
            self.written.append(written(self.fact, value, self.knowledge))
        return found


def written(fact: Fact, value: object, knowledge: Knowledge) -> str:
    """Write a value as JSON, the same for all values that tell the same; empty where nothing is told."""
    plainest = plain(fact, value, knowledge)
    return "" if plainest is None else json.dumps(plainest, separators=(",", ":"))


def plain(fact: Fact, value: object, knowledge: Knowledge) -> object:
    """Give the plainest of the values that tell the same; a number that no rule compares tells nothing."""
    if fact.kind == "list" and isinstance(value, Sequence):
        return sorted(set(value))
    if fact.kind == "number" and isinstance(value, int | float):
        place = region(value, fact.thresholds)
        return None if not fact.thresholds else (*fact.thresholds, fact.thresholds[-1] + 1)[place]
    if fact.kind == "courses" and isinstance(value, Sequence):
        return [plain_course(course, knowledge) for course in value]
    return value


def plain_course(course: Mapping[str, object], knowledge: Knowledge) -> dict[str, object]:
    drugs = course["drugs"]
    assert isinstance(drugs, Sequence)
    found: dict[str, object] = {"drugs": sorted(set(drugs)), "outcome": course["outcome"]}
    for name, fact in knowledge.course_facts.items():
        given = course.get(name)
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

    knowledge: Knowledge
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0].codes)

    def take(self, chosen: Codes) -> Columns:
        """Keep some of the records."""
        return Columns(self.knowledge, tuple(Column(own.values, own.codes[chosen]) for own in self.columns))

    def record(self, number: int) -> Record:
        """Give one record, as the evaluation of one record takes it."""
        data = json.loads("{" + self.text(number) + "}")
        return parse_record({"id": "", **data}, self.knowledge)

    def text(self, number: int) -> str:
        """Write what a record tells as the members of a JSON object."""
        pairs = ((own.values.fact.name, own.values.written[own.codes[number]]) for own in self.columns)
        return ",".join(f'"{name}":{text}' for name, text in pairs if text)

    def texts(self) -> list[str]:
        """Write all records."""
        joined = np.full(len(self.columns[0].codes), "", dtype=object)
        for own in self.columns:
            pieces = [f'"{own.values.fact.name}":{text},' if text else "" for text in own.values.written]
            joined = joined + np.array(pieces, dtype=object)[own.codes]
        return ["{" + text[:-1] + "}" for text in joined]


def distinct(codes: Sequence[Codes]) -> tuple[Codes, Codes]:
    """Find the distinct combinations of codes: where each first stands, and which of them each place holds."""
    key = np.zeros(len(codes[0]), dtype=np.int64)
    room = 1
    for own in codes:
        size = int(own.max(initial=0)) + 1
        if room * size >= 2**62:
            _, key = np.unique(key, return_inverse=True)
            room = int(key.max(initial=0)) + 1
        key = key * size + own
        room *= size
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which
