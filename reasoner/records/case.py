"""A case: a record with a title and the answer expected of it, in a file of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from reasoner.errors import RecordError, article, nearest

__all__ = ["Case", "read_case"]

KEYS: Mapping[str, tuple[type, str]] = {
    "title": (str, "a sentence"),
    "record": (dict, "a patient's record"),
    "expected": (dict, "what the answer is expected to say"),
    "readings": (list, "the alternatives of readings under which that is so"),
}
OPTIONAL = {"readings"}
FORM = "a case is a JSON object with " + ", ".join(f'"{key}" ({words})' for key, (_, words) in KEYS.items())
JSON_TYPES = {str: "text", dict: "object", list: "list", bool: "boolean", int: "number", float: "number", type(None): "null"}


class Case(NamedTuple):
    """A record with the answer expected of it.

    `path` is its file, `title` the sentence that names it; `readings` are the alternatives of readings under which the
    answer is expected, as `Guideline.load` takes them.
    """

    path: Path
    title: str
    record: dict[str, Any]
    expected: dict[str, Any]
    readings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its file, without the suffix."""
        return self.path.stem


def read_case(path: Path) -> Case:
    """Read a case from its file.

    Raises RecordError, naming the file and the key or the line, for what is no case.
    """
    try:
        data = json.loads(path.read_text("utf-8"), object_pairs_hook=without_repetition)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RecordError(f"{path}: not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise RecordError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}; {FORM}") from None
    except (RecursionError, ValueError) as error:
        raise RecordError(f"{path}: not JSON that can be read: {error}; {FORM}") from None
    if not isinstance(data, dict):
        raise RecordError(f"{path}: {article(JSON_TYPES[type(data)])} is no case; {FORM}")
    for key in data:
        if key not in KEYS:
            raise RecordError(f'{path}: "{key}" is not a key of a case{nearest(key, KEYS)}; {FORM}')
    for key, (kind, words) in KEYS.items():
        if key not in data and key not in OPTIONAL:
            raise RecordError(f'{path}: the case lacks "{key}", {words}; {FORM}')
        if key in data and not isinstance(data[key], kind):
            found = JSON_TYPES[type(data[key])]
            raise RecordError(f'{path}: "{key}" is {words}, {article(JSON_TYPES[kind])}; found: {article(found)}')
    if not data["title"].strip():
        raise RecordError(f"{path}: the title is empty; name the case by a sentence")
    readings = data.get("readings", [])
    if not all(isinstance(reading, str) for reading in readings):
        raise RecordError(f'{path}: "readings" are texts such as "R5=b"; found: {json.dumps(readings)}')
    return Case(path, data["title"], data["record"], data["expected"], tuple(readings))


def without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its keys and values; raises ValueError for a key that stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f'"{next(name for name in names if names.count(name) > 1)}" stands twice in one object')
    return made
