"""The classes of defects and differences as ``asp/core`` defines them, and the forms that each can have."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

import clingo

from reasoner.compiler.annotations import read_fields

__all__ = ["DefectTemplate", "Definition", "definitions", "template_of"]

BLOCK = re.compile(r"%\*\s*@(?:defect|difference)\s+(?P<name>\w+)\n(?P<text>.*?)\*%", re.DOTALL)


class Definition(NamedTuple):
    """A class of defects: what it is, why it matters, an example, the usual repairs; of differences what it is alone."""

    name: str
    text: str
    why: str
    example: str
    repair: str


class DefectTemplate(NamedTuple):
    """A form of a defect: the kinds of its arguments, its severity, and the templates of message and repair."""

    kinds: tuple[str, ...]
    severity: str
    message: str
    repair: str


@cache
def definitions(file: str = "defects") -> dict[str, Definition]:
    """Read the definitions of "defects" or of "differences", in the order in which they stand."""
    text = (resources.files("asp") / "core" / f"{file}.lp").read_text("utf-8")
    found = {}
    for annotation in BLOCK.finditer(text):
        fields = read_fields(annotation["text"].splitlines(), {"why", "example", "repair"}, f"{file}.lp", "class")
        more = (fields.get(name, "") for name in ("why", "example", "repair"))
        found[annotation["name"]] = Definition(annotation["name"], fields["text"], *more)
    return found


def template_of(template: clingo.Symbol) -> tuple[str, DefectTemplate]:
    """Read an atom ``template(form(kind, ...), severity, message, repair)``."""
    shape, severity, message, repair = template.arguments
    kinds = tuple(str(kind) for kind in shape.arguments)
    return shape.name, DefectTemplate(kinds, str(severity), message.string, repair.string)
