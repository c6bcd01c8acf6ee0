"""The thresholds that a guideline declares, and by which relations its rules compare numbers with them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import clingo
import msgspec

from reasoner.compiler.intervals import ANY_NUMBER, MOST_DIGITS, Cut, Range, order_key

__all__ = ["COURSE_CUT", "CUT", "LIMITS", "ORDER", "cuts_of", "number_of", "ranges_of", "threshold_problem", "with_cuts"]

CUT, COURSE_CUT, ORDER = "_cut", "_course_cut", "_order"
"""The data that are made of the thresholds: where they cut a number, and by what clingo puts them in order."""

LIMITS = ("minimum", "above", "maximum")
"""The predicates that limit the values of a number."""

INCLUDED = {"at_most": True, "more_than": True, "at_least": False, "less_than": False}
"""Of each relation, whether the threshold itself is with the lower numbers."""

RELATION = f"({'|'.join(INCLUDED)})"
COMPARISON = re.compile(rf"\b{RELATION}\(([^()]*)(\)?)")
OF_FACT = re.compile(rf"\b(?:typical|recorded)\(\s*(\w+)\s*,\s*{RELATION}\(")
"""A value of a fact that says where a number lies, as in `typical(age, at_least(65))`."""
DECIMAL = re.compile(r'"-?(0|[1-9]\d*)\.\d*[1-9]"')

Rows = Sequence[tuple[clingo.Symbol, ...]]


def threshold_problem(text: str) -> str:
    """Say why a term cannot be a threshold; an empty text where it can."""
    digits = sum(c.isdigit() for c in text)
    if (re.fullmatch(r"-?\d+", text) or DECIMAL.fullmatch(text)) and digits <= MOST_DIGITS:
        return ""
    return (
        f"{text} is not a number; write an integer, or a decimal of at most {MOST_DIGITS} digits in quotes "
        'and without zeros at its end, as in "7.5"'
    )


def number_of(text: str) -> int | float:
    """Read an integer or a decimal."""
    return float(text) if "." in text else int(text)


def cuts_of(rows: Iterable[Sequence[str]]) -> dict[str, tuple[Cut, ...]]:
    """Map facts to their cuts, which are given with the fact, the threshold, and whether that is included."""
    found: dict[str, set[Cut]] = {}
    for fact, threshold, included in rows:
        found.setdefault(fact, set()).add(Cut(number_of(threshold), included == "true"))
    return {fact: tuple(sorted(cuts)) for fact, cuts in found.items()}


def ranges_of(rows: Callable[[str], Iterable[Sequence[str]]]) -> dict[str, Range]:
    """Map numbers to the values that they can have; of what is declared of one, the strictest counts.

    `rows` gives the facts of a predicate.
    """
    whole = {name for _, name, kind in rows("course_fact") if kind == "integer"}
    low: dict[str, tuple[int | float, bool]] = {}
    high: dict[str, int | float] = {}
    for predicate in ("minimum", "above"):
        for fact, text in rows(predicate):
            least, above = number_of(text.strip('"')), predicate == "above"
            least, above = (least + 1, False) if above and fact in whole else (least, above)
            low[fact] = max(low.get(fact, (-math.inf, False)), (least, above))
    for fact, text in rows("maximum"):
        high[fact] = min(high.get(fact, math.inf), number_of(text.strip('"')))
    found = {fact: Range(least, above) for fact, (least, above) in low.items()}
    return found | {fact: msgspec.structs.replace(found.get(fact, ANY_NUMBER), maximum=most) for fact, most in high.items()}


def with_cuts(catalogue: Mapping[str, Rows], rules: Iterable[str]) -> dict[str, list[tuple[clingo.Symbol, ...]]]:
    """Give the data that are made of a catalogue's thresholds, by the relations that `rules` compare numbers by.

    What cannot be a threshold counts for nothing.
    """
    thresholds, of_courses = (
        [row for row in catalogue.get(name, ()) if not threshold_problem(str(row[1]))]
        for name in ("threshold", "course_threshold")
    )
    compared = list(comparisons(rules))
    own = dict.fromkeys(row[1] for row in (*thresholds, *of_courses))
    decimals = any(threshold.type == clingo.SymbolType.String for threshold in own)
    made: dict[str, list[tuple[clingo.Symbol, ...]]] = {CUT: [], COURSE_CUT: [], ORDER: []}
    for fact, threshold in thresholds:
        for included in sides(str(fact), str(threshold), compared):
            made[CUT].append((fact, threshold, clingo.Function(str(included).lower())))
    made[COURSE_CUT] += ((fact, threshold, clingo.Function("false")) for fact, threshold in of_courses)
    for threshold in own if decimals else ():
        key = order_key(number_of(str(threshold).strip('"')))
        made[ORDER].append((threshold, clingo.String(key)))
    return made


def comparisons(rules: Iterable[str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the relations that rules use, each with the fact and the threshold where these are constants."""
    for rule in rules:
        for relation, inner, closed in COMPARISON.findall(OF_FACT.sub(r"\2(\1,", rule)):
            arguments = [argument.strip() for argument in inner.split(",")] if closed else []
            fact = arguments[0] if len(arguments) == 2 and arguments[0][:1].islower() else None
            threshold = arguments[-1] if arguments and not threshold_problem(arguments[-1]) else None
            yield relation, fact, threshold


def sides(fact: str, threshold: str, compared: Sequence[tuple[str, str | None, str | None]]) -> list[bool]:
    """Tell on which sides of a threshold rules tell numbers apart; where none does, the threshold is included."""
    used = {INCLUDED[relation] for relation, name, bound in compared if name in (None, fact) and bound in (None, threshold)}
    return sorted(used) or [True]
