"""What is written as JSON: each shape is declared once, as a frozen struct that gives both the text and its schema."""

from __future__ import annotations

import re
from typing import Any, Generic, Self, TypeVar

import msgspec
from msgspec.structs import replace

__all__ = ["Carried", "Result", "Shape", "one_of", "to_json", "to_plain"]

T = TypeVar("T")
UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
"""The characters that control a terminal or the direction of text, or are not seen, and that JSON allows as they are."""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON object: its fields are the keys, in the order in which they are written.

    A key that may be absent has the default `msgspec.UNSET`, or its shape is declared with `omit_defaults`.
    """


class Result(Shape, frozen=True, dict=True):
    """A JSON object that carries what it was made from: for the text and the graph of it, but not in the JSON."""

    def carrying(self, **things: object) -> Self:
        """Add what the new object carries, by the names of its `Carried` attributes; give the object back."""
        self.__dict__.update(things)
        return self

    def replace(self, **changes: object) -> Self:
        """Give a copy with other values of keys, and of what it carries."""
        keys = {name: value for name, value in changes.items() if name in self.__struct_fields__}
        carried = {name: value for name, value in changes.items() if name not in keys}
        return replace(self, **keys).carrying(**{**self.__dict__, **carried})


class Carried(Generic[T]):
    """An attribute of a `Result` that its JSON does not show, with the value that it has where nothing is carried."""

    def __init__(self, *default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, result: object, owner: type | None = None) -> T:
        for value in self.default:
            return value
        raise AttributeError(f"{self.name}: not carried; make the object with .carrying({self.name}=...)")


def one_of(*words: str) -> msgspec.Meta:
    """Say in the schema which texts a key has, where types do not tell."""
    return msgspec.Meta(extra_json_schema={"enum": list(words)})


def to_json(data: object) -> bytes:
    """Write a shape, or plain data, as one line of JSON, the same for the command line and the service.

    What controls a terminal or the direction of text, or is not seen, is escaped; what is read from the JSON is the same.
    """
    return UNSEEN.sub(escaped, msgspec.json.encode(data).decode()).encode() + b"\n"


def escaped(found: re.Match[str]) -> str:
    """Write a character of JSON by its number."""
    return f"\\u{ord(found[0]):04x}"


def to_plain(shape: Shape) -> Any:  # noqa: ANN401 (what JSON holds)
    """Give a shape as its JSON reads: dictionaries, lists, texts, numbers."""
    return msgspec.json.decode(msgspec.json.encode(shape))
