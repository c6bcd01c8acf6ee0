"""The keys of a record under which changes and questions set values, and how a record has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reasoner.compiler.model import Variable
from reasoner.errors import RecordError, nearest
from reasoner.records.encoding import course_key
from reasoner.records.record import ONE_OF

__all__ = ["course_field", "field_of", "is_told", "resolved", "sets_of", "with_values"]

COURSE_FIELD = re.compile(r"(?P<fact>\w+)\[(?P<at>\d+)\]\.(?P<field>\w+)")


def field_of(variable: Variable) -> str:
    """Name the key that a variable is set by, such as ``her2`` or ``metastatic_therapy[0].outcome``."""
    return variable.fact if variable.course is None else course_key(variable.fact, variable.course, variable.key)


def course_field(key: str) -> tuple[str, int, str] | None:
    """Take a key apart that sets a field of a course: the fact, the course's place from 0, the field; None for others."""
    found = COURSE_FIELD.fullmatch(key)
    return None if found is None else (found["fact"], int(found["at"]), found["field"])


def is_told(key: str, data: Mapping[str, object]) -> bool:
    """Tell whether a record has a value for a key, or for a field of a course."""
    part = course_field(key)
    value = data.get(part[0] if part else key)
    if part is None or not isinstance(value, list | tuple):
        return value is not None
    return value[part[1]].get(part[2]) is not None


def sets_of(data: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """List the sets of facts of which exactly one is true; none where the record has no such sets."""
    sets = data.get(ONE_OF)
    return [own for own in sets if isinstance(own, Mapping)] if isinstance(sets, list | tuple) else []


def resolved(data: Mapping[str, object], label: object) -> dict[str, object]:
    """Give a record in which one of several sets of facts is told to be true.

    Raises RecordError, with the labels that there are, where no set has the label.
    """
    sets = {own["label"]: own for own in sets_of(data)}
    if label not in sets:
        shown = f'"{label}"' if isinstance(label, str) else label
        allowed = f"; allowed: {', '.join(map(str, sets))}" if sets else "; the record has no sets"
        raise RecordError(f"{ONE_OF}: {shown} is not the label of a set{nearest(str(label), list(map(str, sets)))}{allowed}")
    beside = {key: value for key, value in data.items() if key != ONE_OF}
    return beside | {key: value for key, value in sets[label].items() if key != "label"}


def with_values(data: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """Give a record in which keys have other values: its own keys, fields of courses, the label of a set of facts."""
    changed = resolved(data, values[ONE_OF]) if ONE_OF in values else dict(data)
    for key, value in values.items():
        part = course_field(key)
        if part is not None:
            fact, at, field = part
            courses = changed[fact]
            assert isinstance(courses, list | tuple)
            changed[fact] = [{**course, field: value} if n == at else course for n, course in enumerate(courses)]
        elif key != ONE_OF:
            changed[key] = value
    return changed
