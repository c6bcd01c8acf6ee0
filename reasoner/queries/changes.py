"""All smallest changes to a record after which a regimen is recommended with certainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.memory import capacities
from reasoner.engine.predicates import RECOMMENDED, ground_atom
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.queries.families import NONE, Families, Family, Step
from reasoner.queries.fields import field_of, is_told, resolved, sets_of
from reasoner.queries.points import ABSENT
from reasoner.queries.search import Search, TooManyError
from reasoner.queries.tried import tried_changes
from reasoner.records.encoding import Value, value_for
from reasoner.records.record import ONE_OF, Record
from reasoner.records.shapes import Shape

__all__ = ["Change", "Changes", "smallest_changes"]

Kind = Literal["find_out", "contrary"]

SETS = -1
"""The place of the sets of facts of which one is true: before all facts."""


class Change(Shape, frozen=True):
    """A smallest change to the record that makes the regimen certain.

    `set` gives keys their new values: keys of the record, fields of courses such as "metastatic_therapy[0].outcome", and of
    several sets of facts the label of the one that is true. `kind` tells of each whether it is to find out, or contrary to
    what is recorded.
    """

    set: dict[str, Value]
    kind: dict[str, Kind]


class Changes(NamedTuple):
    """The smallest of the smallest changes, and how many others there are: None where they could not be counted."""

    first: tuple[Change, ...]
    others: int | None


def smallest_changes(guideline: Guideline, record: Record, regimen: str, anything: bool, most: int) -> Changes:
    """Find the changes that make a regimen certain, and of which no part does: the first `most`.

    Those with fewer keys come first, then the order is that of facts, then that of their values. What is recorded of what is
    over is changed only where `anything` is true.
    """
    target = ground_atom(RECOMMENDED, regimen)
    for capacity in capacities() if guideline.model.recursive is None else ():
        families = Families()
        try:
            searches = list(searches_in(guideline, record, target, anything, capacity, families))
            try:
                family = together(searches, families, None)
                others: int | None = max(families.count(family) - most, 0)
            except TooManyError:
                family, others = bounded(searches, families, most), None
        except MemoryError:
            continue
        first = islice(families.in_order(family), most)
        return Changes(tuple(change_of(steps, searches, guideline.model) for steps in first), others)
    found = islice(tried_changes(guideline, record, regimen, anything), most)
    return Changes(tuple(Change(change, kinds_of(change, record.data)) for change in found), None)


Told = tuple[str | None, Search]
"""A search, with the label of the set of facts that is told to be true in its record."""


def searches_in(
    guideline: Guideline, record: Record, target: str, anything: bool, capacity: int, families: Families
) -> Iterator[Told]:
    """Yield a search in the record, and one in it with each of its several sets of facts told."""
    yield None, Search(record, guideline, target, anything, capacity, families)
    for own in sets_of(record.data):
        label = str(own["label"])
        try:
            told = guideline.record(resolved(record.data, label))
        except RecordError:
            continue
        yield label, Search(told, guideline, target, anything, capacity, families)


def together(searches: Sequence[Told], families: Families, most: int | None) -> Family:
    """Find the changes that work, with at most so many keys: those of the record, then those that say which set is true."""
    (_, first), *others = searches
    family = found = first.changes(most)
    for place, (_, search) in reversed(list(enumerate(others))):
        within = search.changes(None if most is None else most - 1)
        found = families.either(Step(SETS, 0, 0, 0, place), found, families.apart(within, family))
    return found


def bounded(searches: Sequence[Told], families: Families, enough: int) -> Family:
    """Find the changes with the fewest keys: at least `enough`, or as many as can be found."""
    found = NONE
    for most in range(1 + max(len(search.points) for _, search in searches)):
        try:
            found = together(searches, families, most)
        except TooManyError:
            break
        if families.count(found) >= enough:
            break
    return found


def change_of(steps: Sequence[Step], searches: Sequence[Told], model: GuidelineModel) -> Change:
    """Give steps as new values of a record's keys, in the order of facts."""
    label, search = searches[steps[0].value + 1 if steps and steps[0].fact == SETS else 0]
    data = search.record.data
    values: dict[str, Value] = {} if label is None else {ONE_OF: label}
    for step in steps[label is not None :]:
        if step.member < 0:
            values[model.facts[step.fact].name] = []
        else:
            variable = search.variables[search.numbers[step.place]]
            key = field_of(variable)
            if variable.member is None:
                value = value_for(variable, step.value, model)
                assert value is not None
                values[key] = value
            else:
                given = values.get(key, data.get(key))
                held = [*given] if isinstance(given, list | tuple) else []
                joins = step.value != ABSENT
                values[key] = [*held, variable.member] if joins else [m for m in held if m != variable.member]
    return Change(values, kinds_of(values, data))


def kinds_of(change: Mapping[str, Value], data: Mapping[str, object]) -> dict[str, Kind]:
    """Tell of each key of a change whether a record has a value for it."""
    return {key: "contrary" if key != ONE_OF and is_told(key, data) else "find_out" for key in change}
