"""How facts of the record are read: the rows of ``facts.csv``, each a method and what it reads the fact from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import GuidelineError
from reasoner.fhir.rows import Row, one_of, refuse_repeated

__all__ = ["COURSE_METHODS", "METHODS", "FactMapping", "Method", "fact_mappings"]

SET = "set of values"
FINDINGS = ("findings",)
MEMBERS = ("members",)
EACH = "*"


class Method(NamedTuple):
    """What a method reads a fact from, in order, and the kinds of facts that it reads; `therapy` where it reads courses."""

    of: tuple[str, ...]
    kinds: tuple[str, ...]
    therapy: bool = False


METHODS = {
    "latest": Method(("finding",), ("choice", "boolean")),
    "latest_number": Method(("finding",), ("number",)),
    "any_positive": Method(FINDINGS, ("choice",)),
    "ever": Method(("finding",), ("boolean",)),
    "current": Method(("finding",), ("boolean",)),
    "each": Method(MEMBERS, ("list",)),
    "age": Method(("unit of age",), ("number",)),
    "sex": Method((SET,), ("choice", "boolean")),
    "this_cancer": Method(("finding", "finding"), ("boolean",)),
    "drugs_before": Method(("finding", "finding"), ("list",), therapy=True),
    "months_between": Method(("drug", "finding"), ("number",), therapy=True),
    "courses_from": Method(("finding", "finding"), ("courses",), therapy=True),
    "measured_since_therapy": Method(("finding",), ("boolean",), therapy=True),
}
NUMBERS = ("integer", "number")
COURSE_METHODS = {
    "cycles": Method((), NUMBERS),
    "months": Method((), NUMBERS),
    "stopped_alone": Method((), ("boolean",)),
    "stopped_for": Method(("outcome",), ("boolean",)),
}


class FactMapping(NamedTuple):
    """How a fact is read: by a method, from the findings, drugs or outcomes that `of` names; of a list, one a member."""

    fact: str
    method: str
    of: tuple[str, ...]


def fact_mappings(
    rows: Iterable[Row], model: GuidelineModel, known: Mapping[str, Collection[str]]
) -> tuple[list[FactMapping], list[FactMapping]]:
    """Sort the rows of ``facts.csv`` into facts of the patient and of a course; `known` are the names of each kind.

    Raises GuidelineError with file and line for a row that cannot be used.
    """
    rows = list(rows)
    own = {fact.name: fact for fact in model.facts}
    found: tuple[list[FactMapping], list[FactMapping]] = [], []
    refuse_repeated(rows, "fact")
    for row in rows:
        name = one_of(row, "fact", row["fact"], (*own, *model.course_facts))
        methods = METHODS if name in own else COURSE_METHODS
        method = methods[one_of(row, "method", row["method"], methods)]
        kind = (own.get(name) or model.course_facts[name]).kind
        if kind not in method.kinds:
            fitting = ", ".join(sorted(other for other in methods if kind in methods[other].kinds)) or "none"
            raise GuidelineError(
                f"{row['place']}: the method {row['method']} reads facts of the kind {' or '.join(method.kinds)}, "
                f"and {name} is of the kind {kind}; its methods: {fitting}."
            )
        names = tuple(row["of"].split())
        if method.of == MEMBERS:
            names = member_findings(row, names, own[name])
        kinds = ("finding",) * max(len(names), 1) if method.of in (FINDINGS, MEMBERS) else method.of
        if len(names) != len(kinds):
            wanted = " and ".join(kinds) or "nothing"
            raise GuidelineError(f'{row["place"]}: of: "{row["of"]}": the method {row["method"]} takes {wanted}.')
        for wanted, named in zip(kinds, names, strict=True):
            one_of(row, wanted, named, known[wanted])
        found[name not in own].append(FactMapping(name, row["method"], names))
    return found


def member_findings(row: Row, names: Sequence[str], fact: Fact) -> tuple[str, ...]:
    """List the findings of the members of a list, in their order: ``rash``, ``rash=exanthem``, ``allergy_*`` for all others.

    Raises GuidelineError with file and line where one is no member, or a member has none.
    """
    found: dict[str, str] = {}
    for name in names:
        member, _, finding = name.partition("=")
        if EACH in name:
            found = {own: name.replace(EACH, own) for own in fact.values} | found
        else:
            found[one_of(row, f"value of {fact.name}", member, fact.values)] = finding or member
    if lacking := [member for member in fact.values if member not in found]:
        raise GuidelineError(f"{row['place']}: of: {', '.join(lacking)}: the method each takes a finding for each member.")
    return tuple(found[member] for member in fact.values)
