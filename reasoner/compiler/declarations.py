"""What a guideline declares of records: its facts, their values and defaults, and what is refused of that."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from reasoner.compiler.syntax import is_variable
from reasoner.compiler.thresholds import LIMITS
from reasoner.errors import GuidelineError, nearest

if TYPE_CHECKING:
    from reasoner.compiler.checks import Written

__all__ = ["check_declared"]

FACT_KINDS = ("boolean", "choice", "list", "number", "courses")
COURSE_FACT_KINDS = ("boolean", "integer", "number")
OUTCOME_KINDS = ("under_way", "as_planned", "failed", "not_tolerated")
SAID = ("id", "title", "disclaimer")
RECORD_KEYS, COURSE_KEYS = ("id", "one_of"), ("drugs", "outcome")
DEFAULTS = {"boolean": ("true", "false"), "list": ("empty",)}
UNDETERMINED = "undetermined"
PLACE = re.compile(r"\{\d+\}")
NAME = re.compile(r"[a-z]\w*|-?\d+")


def check_declared(written: Written) -> None:
    """Check the facts that a record can hold, what is said of each, and the names of terms."""
    check_facts(written)
    check_values(written)
    check_defaults(written)
    check_courses(written)
    said: dict[str, str] = {}
    for (term, here), (key, _) in written.placed("guideline"):
        one_of(f"{here}: {term}", key, SAID, "what a guideline says of itself")
        if key in said:
            raise GuidelineError(f"{here}: {term}: the {key} is said already at {said[key]}; say it once.")
        said[key] = here
    check_wording(written)
    trials = {name for name, _, _ in written.rows("trial")}
    for (term, here), (kind, name, _) in written.placed("term"):
        if (kind, name) == ("setting", UNDETERMINED):
            raise GuidelineError(f"{here}: {term}: {name} is what answers say of an open setting; call yours otherwise.")
        if not NAME.fullmatch(name) and name not in trials:
            raise GuidelineError(f"{here}: {term}: {name} is not a name, which begins with a small letter.")


def check_wording(written: Written) -> None:
    """Check that texts which a guideline words anew are known, and have no other places to fill."""
    places: dict[str, set[str]] = {}
    for (term, here), (key, text) in written.placed("wording"):
        own = set(PLACE.findall(text))
        if here.startswith("core/wording.lp:"):
            places[key] = own
        elif key not in places:
            raise GuidelineError(f'{here}: {term}: "{key}" is not a key of the wording{nearest(key, places)}')
        elif own - places[key]:
            known = ", ".join(sorted(places[key])) or "none"
            raise GuidelineError(f"{here}: {term}: {min(own - places[key])} is filled by nothing there; places: {known}.")


def one_of(where: str, found: str, allowed: Collection[str], noun: str) -> None:
    """Check that what was found is one of the allowed names."""
    if found not in allowed:
        names = ", ".join(allowed) or "none is declared"
        raise GuidelineError(f'{where}: "{found}" is not {noun}{nearest(found, allowed)}; allowed: {names}')


def check_facts(written: Written) -> None:
    """Check that each fact is declared once, and that what an unrecorded list and a number mean is said."""
    said = {row[0] for name in ("default", "open_member") for row in written.rows(name)}
    meant = {argument for rule in written.rules for argument in re.findall(r"^applies\((.*)\)$", rule.head)}
    thresholds = {fact for fact, _ in written.rows("threshold")}
    numbers: dict[str, str] = {}
    places: dict[str, str] = {}
    for (term, here), (number, name, kind) in written.placed("fact"):
        if kind not in FACT_KINDS:
            raise GuidelineError(
                f'{here}: "{kind}" is not a kind of fact{nearest(kind, FACT_KINDS)}; allowed: {", ".join(FACT_KINDS)}'
            )
        if numbers.setdefault(number, name) != name:
            raise GuidelineError(f"{here}: {name} has the number of {numbers[number]}; number the facts in order.")
        if name in places:
            raise GuidelineError(f"{here}: {term}: {name} is a fact already at {places[name]}; declare it once.")
        if name in RECORD_KEYS:
            raise GuidelineError(f"{here}: {term}: every record has a key {name} that is no fact; call the fact otherwise.")
        places[name] = here
        if kind == "list" and name not in said:
            raise GuidelineError(
                f"{here}: what {name} holds while it is not recorded is not said; write open_member({name}, V) for each "
                f"member that is then unknown, or default({name}, empty)."
            )
        if name in thresholds and name not in meant and not any(is_variable(argument) for argument in meant):
            raise GuidelineError(
                f"{here}: when {name} has a value is not said; write applies({name}) with its conditions, or as a fact."
            )


def check_values(written: Written) -> None:
    """Check that choices and lists have values, each a name, and no other fact."""
    kinds = {name: kind for _, name, kind in written.rows("fact")}
    values, members = written.grouped("value"), written.grouped("members")
    terms = written.grouped("term", value=1)
    for (term, here), (fact, _, value) in written.placed("value"):
        if kinds.get(fact) not in ("choice", "list"):
            raise GuidelineError(f"{here}: {term}: {fact} is no choice and no list, and has no values.")
        if not NAME.fullmatch(value):
            raise GuidelineError(
                f'{here}: {term}: {value} is not a name; write one, and its words as term(value, NAME, "words").'
            )
    for (term, here), (fact, kind) in written.placed("members"):
        if kinds.get(fact) != "list" or fact in values:
            raise GuidelineError(f"{here}: {term}: members are those of a list without values of its own.")
        if kind not in terms:
            raise GuidelineError(f'{here}: {term}: there is no term of the kind "{kind}"{nearest(kind, terms)}')
    for (term, here), (_, name, kind) in written.placed("fact"):
        if kind in ("choice", "list") and name not in values and name not in members:
            raise GuidelineError(f"{here}: {term}: {name} has no values; write value({name}, N, V) for each.")


def check_defaults(written: Written) -> None:
    """Check that only booleans and lists have a default, and one."""
    kinds = {name: kind for _, name, kind in written.rows("fact")}
    given: dict[str, str] = {}
    for (term, here), (fact, value) in written.placed("default"):
        if fact not in kinds:
            continue
        kind = kinds[fact]
        if kind not in DEFAULTS:
            raise GuidelineError(
                f"{here}: {term}: a {kind} has no default; ask not known({fact}) in rules for patients without it."
            )
        one_of(f"{here}: {term}", value, DEFAULTS[kind], f"a default of a {kind}")
        if given.setdefault(fact, value) != value:
            raise GuidelineError(f"{here}: {term}: the default of {fact} is {given[fact]} already; write one.")


def check_courses(written: Written) -> None:
    """Check the facts about courses, their outcomes and numbers."""
    courses = [(row.place, arguments[1]) for row, arguments in written.placed("fact") if arguments[2] == "courses"]
    if len(courses) > 1:
        raise GuidelineError(f"{courses[1][0]}: {courses[1][1]}: {courses[0][1]} holds the courses already; one fact does.")
    numbers = {name for _, name, kind in written.rows("fact") if kind == "number"}
    known: dict[str, str] = {}
    for (term, here), (_, name, kind) in written.placed("course_fact"):
        one_of(f"{here}: {term}", kind, COURSE_FACT_KINDS, "a kind of fact about a course")
        if name in COURSE_KEYS:
            raise GuidelineError(f"{here}: {term}: every course has a key {name} that is no fact; call the fact otherwise.")
        if name in known:
            raise GuidelineError(
                f"{here}: {term}: {name} is a fact about courses already at {known[name]}; declare it once."
            )
        known[name] = here
        if kind != "boolean":
            numbers.add(name)
    for (term, here), (_, kind) in written.placed("outcome_kind"):
        one_of(f"{here}: {term}", kind, OUTCOME_KINDS, "a kind of outcome")
    for predicate in LIMITS:
        for (term, here), (fact, _) in written.placed(predicate):
            one_of(f"{here}: {term}", fact, sorted(numbers), "a number")
