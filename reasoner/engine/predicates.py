"""The predicates from which answers are read, as ``asp/core`` names them, and the atoms that are written with them."""

from __future__ import annotations

__all__ = [
    "ACTION",
    "BEFORE",
    "CALLS_FOR",
    "CAUTION",
    "CAUTIONED",
    "CONTRAINDICATED",
    "EXCLUDED",
    "INDICATED",
    "KNOWN",
    "PLACES",
    "PREFERS",
    "RANK",
    "READING",
    "RECOMMENDED",
    "SCORE",
    "SETTING",
    "STEP_DONE",
    "STRENGTH",
    "UNAVAILABLE_DRUG",
    "arguments_of",
    "ground_atom",
    "predicate_of",
]

ACTION = "action"
BEFORE = "before"
CALLS_FOR = "calls_for"
CAUTION = "caution"
CAUTIONED = "cautioned"
CONTRAINDICATED = "contraindicated"
EXCLUDED = "excluded"
INDICATED = "indicated"
KNOWN = "known"
PLACES = "places"
PREFERS = "prefers"
RANK = "rank"
READING = "reading"
RECOMMENDED = "recommended"
SCORE = "score"
SETTING = "setting"
STEP_DONE = "step_done"
STRENGTH = "strength"
UNAVAILABLE_DRUG = "unavailable_drug"


def ground_atom(predicate: str, *arguments: object) -> str:
    """Write an atom as clingo does."""
    return f"{predicate}({','.join(map(str, arguments))})"


def predicate_of(text: str) -> str:
    """Give the predicate of an atom, or of a rule's head."""
    return text.partition("(")[0]


def arguments_of(text: str) -> list[str]:
    """Give the arguments of an atom; terms with arguments of their own do not occur."""
    return [argument for argument in text.partition("(")[2].removesuffix(")").split(",") if argument]
