"""Which facts can be asked for a record, and with which values they can be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.variables import variables_of
from reasoner.engine.answer import Answer, Missing
from reasoner.engine.completions import Completions
from reasoner.queries.fields import field_of, sets_of
from reasoner.queries.questions import Value
from reasoner.records.encoding import value_for
from reasoner.records.record import ONE_OF, OPEN, Record

__all__ = ["Asked", "Option", "askable", "may_lack_value", "options", "otherwise_words"]

MOST_COMBINED = 6
"""Of a list in which more members matter not every combination is tried, but none and each alone."""
FEW = 3
"""Of a list with so few unknown members all are asked for, whether or not all matter."""


class Asked(NamedTuple):
    """What a question is about: a fact, a course's outcome or another key of it, or which of several sets is true.

    `entry` is the first of the unknown facts that it settles, and `decides` what they can change. Of a list `members` are
    those that matter.
    """

    entry: Missing
    decides: tuple[str, ...]
    members: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, int | None, str | None]:
        """What tells one question from another."""
        return self.entry.fact, self.entry.course, self.entry.key


class Option(NamedTuple):
    """A value that can answer a question, for the key of a record that it is told by.

    `choices` are the values of variables that it stands for, by their numbers; `interval` names that of a number.
    """

    key: str
    value: Value
    choices: Mapping[int, int]
    interval: str | UnsetType = UNSET

    @property
    def told(self) -> dict[str, object]:
        """The value as a record tells it, by its key."""
        return {self.key: list(self.value) if isinstance(self.value, tuple) else self.value}


def askable(answer: Answer, data: Mapping[str, object]) -> list[Asked]:
    """List what can be asked, in the order of the facts.

    Where an unknown fact stands in one of several sets of facts, it is asked which of them is true.
    """
    told = {key for own in sets_of(data) for key in own}
    found: dict[tuple[str, int | None, str | None], list[Missing]] = {}
    for entry in answer.missing:
        asked = Missing(fact=ONE_OF, decides=entry.decides) if entry.fact in told else entry
        found.setdefault((asked.fact, asked.course, asked.key), []).append(asked)
    return [
        Asked(
            own[0],
            tuple(dict.fromkeys(what for entry in own for what in entry.decides)),
            tuple(entry.member for entry in own if entry.member is not None),
        )
        for own in found.values()
    ]


def may_lack_value(entry: Missing, completions: Completions) -> bool:
    """Tell whether what is unknown may turn out to have no value."""
    return any(
        word is None and completions.values[v][n] != completions.none
        for v in completions.order
        if (variable := completions.variables[v]).place == (entry.fact, None, entry.course, entry.key, None)
        and v != completions.untold
        for n, (word, _) in enumerate(variable.values)
    )


def options(asked: Asked, record: Record, model: GuidelineModel, implied: frozenset[int] = frozenset()) -> Iterator[Option]:
    """Yield the values that can answer a question; some may contradict the record.

    `implied` numbers the members of lists that are there in any case.
    """
    entry = asked.entry
    if entry.fact == ONE_OF:
        yield from (Option(ONE_OF, str(own["label"]), {}) for own in sets_of(record.data))
        return
    variables = variables_of(model, record.courses, record.fewer)
    own = [v for v, known in enumerate(variables) if (known.fact, known.course, known.key) == asked.place]
    if variables[own[0]].member is None:
        for n, (word, _) in enumerate(variables[own[0]].values):
            value = value_for(variables[own[0]], n, model)
            if value is not None:
                named = isinstance(word, str) and value != word
                stretch = str(word) if named else UNSET
                yield Option(field_of(variables[own[0]]), () if isinstance(value, list) else value, {own[0]: n}, stretch)
        return
    opened = [v for v in own if record.told[0].choices[v] == OPEN]
    varied = opened if len(opened) <= FEW else [v for v in opened if variables[v].member in asked.members]
    for held in subsets(varied):
        members = [v for v in own if v in held or (v in implied and v not in varied)]
        yield Option(entry.fact, tuple(str(variables[v].member) for v in members), {v: int(v not in members) for v in own})


def subsets(members: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield the subsets of a list's members: all, or of many none and each alone."""
    for size in range(1 + (1 if len(members) > MOST_COMBINED else len(members))):
        yield from combinations(members, size)


def otherwise_words(asked: Asked, model: GuidelineModel) -> str | UnsetType:
    """Say what to record where the options are not all; nothing where they are."""
    courses = model.courses_fact
    if courses is not None and asked.entry.fact == courses.name and asked.entry.course is None:
        return model.say("otherwise_courses", courses.label)
    return model.say("otherwise_list") if len(asked.members) > MOST_COMBINED else UNSET
