"""The classes of defects and differences as ``asp/core`` defines them, and the words of the forms that each can have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import clingo

from reasoner.compiler.annotations import read_fields
from reasoner.compiler.model import GuidelineModel, with_arguments
from reasoner.engine.way_phrases import ending_words
from reasoner.verification.dosage import dose_term_words

__all__ = ["DefectTemplate", "Definition", "definitions", "templates", "text_of", "word"]

DEFINITION = re.compile(r"%\*\s*@(?:defect|difference)\s+(?P<name>\w+)\n(?P<text>.*?)\*%", re.DOTALL)
PLACE = re.compile(r"\{(\d+)\}")
VERBATIM = ("annotation", "rule", "text")
LABELS = {
    "target": ("drug", "regimen"),
    "any": ("regimen", "drug"),
    "action": ("action_name", "action"),
    "fact": ("fact", "course_fact", "measure"),
}


class Definition(NamedTuple):
    """A class: what it is; of defects also why it matters, an example, and the usual repairs."""

    name: str
    text: str
    why: str
    example: str
    repair: str


class DefectTemplate(NamedTuple):
    """A form of a defect or difference: the kinds of its arguments, its severity, and the texts of message and repair.

    `cause` names the kind of its cause: that of several forms, or its own name.
    """

    kinds: tuple[str, ...]
    severity: str
    message: str
    repair: str
    cause: str

    def words(self, arguments: Sequence[clingo.Symbol], model: GuidelineModel) -> dict[int, str]:
        """Word the arguments, by the numbers of their places."""
        return {n: word(k, a, model) for n, (k, a) in enumerate(zip(self.kinds, arguments, strict=True), start=1)}

    def fill(self, words: Mapping[int, str]) -> tuple[str, str]:
        """Give message and repair with `words` in their places."""
        message, repair = (PLACE.sub(lambda place: words[int(place[1])], text) for text in (self.message, self.repair))
        return message, repair


def core_text(file: str) -> str:
    return (resources.files("asp") / "core" / f"{file}.lp").read_text("utf-8")


@cache
def definitions(file: str = "defects") -> dict[str, Definition]:
    """Read the definitions of "defects" or of "differences", in their order."""
    found = {}
    for comment in DEFINITION.finditer(core_text(file)):
        fields = read_fields(comment["text"].splitlines(), {"why", "example", "repair"}, f"{file}.lp", "class")
        more = (fields.get(name, "") for name in ("why", "example", "repair"))
        found[comment["name"]] = Definition(comment["name"], fields["text"], *more)
    return found


@cache
def templates(file: str = "defects") -> dict[str, DefectTemplate]:
    """Read the templates of "defects" or of "differences", by the names of the forms, in their order."""
    control = clingo.Control(["--warn=none"])
    control.add("base", [], core_text(file))
    control.ground()
    found = {}
    causes = {}
    for atom in control.symbolic_atoms.by_signature("alike", 2):
        form, cause = atom.symbol.arguments
        causes[form.name] = cause.name
    for atom in control.symbolic_atoms.by_signature("template", 4):
        form, severity, message, repair = atom.symbol.arguments
        kinds = tuple(str(kind) for kind in form.arguments)
        found[form.name] = DefectTemplate(
            kinds, str(severity), message.string, repair.string, causes.get(form.name, form.name)
        )
    return found


def text_of(symbol: clingo.Symbol) -> str:
    return symbol.string if symbol.type == clingo.SymbolType.String else str(symbol)


def word(kind: str, argument: clingo.Symbol, model: GuidelineModel) -> str:
    """Word an argument of a form by its label."""
    name = text_of(argument)
    if kind in VERBATIM:
        return name
    if kind == "unformalised":
        return model.say("bracketed", name, model.annotations[name].unformalised.removesuffix("."))
    if kind == "dose":
        return dose_term_words(argument, model)
    if kind == "ending":
        return ending_words((name,), model)
    if kind == "any" and argument.arguments:
        return with_arguments(
            model.label("action_name", argument.name), (word("any", part, model) for part in argument.arguments)
        )
    if kind == "trial":
        return model.trials[name].label
    labels = (model.labels.get(kind, {}) for kind in LABELS.get(kind, (kind,)))
    return next((known[name] for known in labels if name in known), name.replace("_", " "))
