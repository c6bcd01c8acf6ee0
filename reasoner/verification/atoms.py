"""The texts of atoms, taken apart, and what they are about."""

from __future__ import annotations

import re
from functools import lru_cache

import clingo

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.vocabulary import FACT_KINDS, GIVEN

__all__ = ["compares_number", "fact_of", "quoted", "split_atom"]

ATOM = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
PIECE = re.compile(r'"(?:\\.|[^"\\])*"|[^"]')


def quoted(text: str) -> str:
    """Write a text as a string of clingo's."""
    return str(clingo.String(text))


@lru_cache(maxsize=2**16)
def split_atom(atom: str) -> tuple[str, tuple[str, ...]]:
    """Split an atom into its predicate and its arguments."""
    found = ATOM.fullmatch(atom)
    if found is None or not found[2]:
        return atom, ()
    arguments, depth = [""], 0
    for piece in PIECE.findall(found[2]):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            arguments.append("")
        else:
            arguments[-1] += piece
    return found[1], tuple(argument.strip() for argument in arguments)


def fact_of(atom: str, model: GuidelineModel) -> str | None:
    """Name the fact of a record that an atom reads; None where it reads none, or any."""
    predicate, arguments = split_atom(atom)
    if model.roles.get(predicate) not in GIVEN:
        return None
    for kind, argument in zip(model.kinds[predicate], arguments, strict=True):
        if kind in FACT_KINDS:
            return argument if argument[:1].islower() else None
    return None


def compares_number(atom: str, model: GuidelineModel) -> bool:
    """Tell whether an atom compares a number that a record gives with a bound, its last argument."""
    predicate, _ = split_atom(atom)
    kinds = model.kinds[predicate]
    return model.roles[predicate] in GIVEN and len(kinds) > 1 and kinds[-1] == "bound"
