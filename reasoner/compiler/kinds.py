"""What names, numbers and texts stand for: arguments are of the kinds that predicates declare, and rules use them so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from clingo import ast

from reasoner.compiler.constructs import with_elements
from reasoner.compiler.syntax import NUMBER, OPERATIONS, SyntaxTree, constant, split_term, variable_counts
from reasoner.compiler.value_checks import RELATIONS
from reasoner.errors import GuidelineError, article, nearest

if TYPE_CHECKING:
    from reasoner.compiler.checks import Written

__all__ = ["check_kinds"]

COMPARED = (*RELATIONS, "course_at_least")
DECLARED_BY = {**dict.fromkeys(RELATIONS, "threshold"), "course_at_least": "course_threshold"}
ASKED_BY = {
    "boolean": "has({0})",
    "choice": "is({0}, VALUE)",
    "list": "includes({0}, MEMBER)",
    "number": "at_least({0}, THRESHOLD)",
}
"""How rules ask for a fact of each kind."""
ASKING = ("has", "is", "includes", *RELATIONS)
NAME, TEXT = re.compile(r"[a-z]\w*"), re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
WRITTEN_AS = {
    "whole": (NUMBER, "a whole number"),
    "name": (NAME, "a name, which begins with a small letter"),
    "text": (TEXT, "a text in double quotes"),
}
FREE = {"any", "bound", *WRITTEN_AS}
LABELLED = {"fact", "value", "course_fact", "action_name", "measure", "finding", "finding_class"}
"""The kinds of terms that are words for something alone: no argument of a predicate need be one."""
SORTS = ((NUMBER, "a number"), (NAME, "a name"), (TEXT, "a text"))


class Allowed(NamedTuple):
    """What an argument or a variable can be: how it is called, and which names, numbers or texts."""

    noun: str
    names: frozenset[str]


class Domain:
    """What the constants of a guideline can be: the terms of each kind, the values and the thresholds of each fact."""

    def __init__(self, written: Written) -> None:
        self.terms = {kind: set(names) for kind, names in written.grouped("term", value=1).items()}
        for kind, names in written.grouped("fact", key=2, value=1).items():
            self.terms.setdefault(kind, set()).update(names)
            self.terms.setdefault("fact", set()).update(names)
        self.terms["part"] = self.terms.get("drug", set()) | self.terms.get("class", set())
        self.terms["target"] = self.terms.get("drug", set()) | self.terms.get("regimen", set())
        self.terms["statement"] = {f"{name[:1].lower()}{name[1:]}" for name in written.annotations}
        self.values = {fact: set(values) for fact, values in written.grouped("value").items()}
        for fact, members in written.rows("members"):
            self.values.setdefault(fact, set()).update(self.terms.get(members, set()))
        self.thresholds = written.grouped("threshold", "course_threshold")

    def allowed(self, predicate: str, kind: str, before: str) -> Allowed | None:
        """Say what a constant of a kind is called and can be, after the constant `before` it; None where anything goes."""
        if kind == "value":
            return Allowed(f"value of {before}", frozenset(self.values.get(before, ()))) if before else None
        if kind == "bound":
            if predicate not in COMPARED or not before:
                return None
            return Allowed(f"threshold of {before}", frozenset(self.thresholds.get(before, ())))
        return None if kind in FREE else Allowed(kind, frozenset(self.terms.get(kind, ())))


def check_kinds(written: Written, trees: Sequence[SyntaxTree]) -> None:
    """Check the arguments of all atoms, and what the rules `trees` compare."""
    domain = Domain(written)
    check_declarations(written, domain)
    for atom in written.atoms:
        if atom.name != "predicate":
            check_arguments(f"{atom.place}: {atom}", atom.name, atom.constants, written, domain)
    for name, rows in written.texts.items():
        if name in written.predicates and name != "predicate":
            for term, row in ((f"{name}({','.join(row)})", row) for row in rows):
                if term not in written.facts_at:
                    check_arguments(f"{written.place_of(name, term, row)}: {term}", name, row, written, domain)
    for tree in trees:
        check_variables_of(tree, written, domain)


def check_declarations(written: Written, domain: Domain) -> None:
    """Check that the kinds of arguments and of terms are known."""
    used = {kind for predicate in written.predicates.values() for kind in predicate.kinds}
    shared = {kind for name in written.shared for kind in written.predicates[name].kinds}
    known = shared | set(domain.terms) | FREE
    for (term, here), (signature, *_) in written.placed("predicate"):
        for kind in re.findall(r"\w+", signature.partition("(")[2]):
            if kind not in known:
                raise GuidelineError(
                    f'{here}: {term}: "{kind}" is not a kind of argument{nearest(kind, known)}; '
                    f'write any, or declare what it can be: term({kind}, NAME, "words").'
                )
    for (term, here), (kind, *_) in written.placed("term"):
        if kind not in used | LABELLED:
            raise GuidelineError(
                f'{here}: {term}: "{kind}" is not a kind of term{nearest(kind, used | LABELLED)}; '
                "no predicate has an argument of it."
            )


def check_arguments(here: str, name: str, arguments: Sequence[str | None], written: Written, domain: Domain) -> None:
    """Check the constants among the arguments of an atom against the kinds that its predicate declares."""
    before = ""
    for kind, found in zip(written.predicates[name].kinds, arguments, strict=True):
        if found is None:
            before = ""
            continue
        if kind in WRITTEN_AS and not WRITTEN_AS[kind][0].fullmatch(found):
            raise GuidelineError(f"{here}: {found} is not {WRITTEN_AS[kind][1]}.")
        expected = domain.allowed(name, kind, before)
        if expected is not None and found not in expected.names:
            others = sorted((other for other, names in domain.terms.items() if found in names), key="fact".__eq__)
            if others:
                asked = ASKED_BY.get(others[0], "").format(found) if name in ASKING else ""
                advice = f"; ask for it by {asked}" if asked else ""
                raise GuidelineError(f'{here}: "{found}" is {article(others[0])}, not {article(expected.noun)}{advice}.')
            allowed = ", ".join(sorted(expected.names)) or "none is declared"
            if name in DECLARED_BY and kind == "bound":
                allowed += f"; to compare with it, declare {DECLARED_BY[name]}({before}, {found})."
            bare = found.strip('"')
            if bare != found and bare in expected.names:
                raise GuidelineError(
                    f"{here}: {found} is a text, not {article(expected.noun)}; write {bare}, without quotes."
                )
            raise GuidelineError(
                f'{here}: "{bare}" is not {article(expected.noun)}{nearest(found, expected.names)}; allowed: {allowed}'
            )
        if expected is not None or kind != "value":
            before = found


def check_variables_of(tree: SyntaxTree, written: Written, domain: Domain) -> None:
    """Check that each variable of a rule can stand for something, and is compared with what it can be."""
    literals = [node for node in tree.node.body if node.ast_type == ast.ASTType.Literal]
    atoms = [node.atom.symbol for node in literals if node.atom.ast_type == ast.ASTType.SymbolicAtom]
    known: dict[str, Allowed] = {}
    for variable, allowed in (
        pair for atom in (tree.node.head.atom.symbol, *atoms) for pair in stood_for(atom, written, domain)
    ):
        before = known.setdefault(variable, allowed)
        names = before.names & allowed.names if before.noun != allowed.noun else before.names
        if not names and before.names and allowed.names:
            raise GuidelineError(
                f"{tree.place}: {tree.node.head}: {variable} stands for {article(before.noun)} and for "
                f"{article(allowed.noun)}, and nothing is both; use two variables."
            )
        known[variable] = Allowed(before.noun, names)
    for node in with_elements(tree.node.body):
        if node.ast_type == ast.ASTType.Literal and node.atom.ast_type == ast.ASTType.Comparison:
            terms = [node.atom.term, *(guard.term for guard in node.atom.guards)]
            for left, right in pairwise(terms):
                check_comparison(f"{tree.place}: {node}", left, right, known, domain)


def stood_for(atom: ast.AST, written: Written, domain: Domain) -> Iterator[tuple[str, Allowed]]:
    """Yield the variables of an atom with what they can stand for; of numbers no more is said than that they are some."""
    name, arguments = split_term(atom)
    predicate = written.predicates[name]
    before = ""
    for place, (kind, argument) in enumerate(zip(predicate.kinds, arguments, strict=True)):
        if argument.ast_type == ast.ASTType.Variable and argument.name != "_":
            allowed = domain.allowed(name, kind, before)
            if kind == "whole":
                yield argument.name, Allowed("number", frozenset(["0"]))
            elif allowed is not None:
                yield argument.name, allowed
            elif kind == "any" and predicate.role == "catalogue" and name in written.catalogue:
                column = frozenset(str(row[place]) for row in written.catalogue[name])
                if all(NUMBER.fullmatch(text) for text in column):
                    yield argument.name, Allowed("number", frozenset(["0"]))
        before = constant(argument) or ""


def sort_of(term: ast.AST, known: Mapping[str, Allowed]) -> str:
    """Say whether a term of a comparison is a number, a name or a text; empty where that is not known."""
    if term.ast_type == ast.ASTType.Variable:
        names = known[term.name].names if term.name in known else frozenset()
        return next((sort for pattern, sort in SORTS if names and all(map(pattern.fullmatch, names))), "")
    if term.ast_type in OPERATIONS:
        return "a number"
    return next((sort for pattern, sort in SORTS if pattern.fullmatch(str(term))), "")


def check_comparison(here: str, left: ast.AST, right: ast.AST, known: Mapping[str, Allowed], domain: Domain) -> None:
    """Check that a comparison can be so for some and not for others."""
    facts = domain.terms.get("number", set())
    asked = next((str(term) for term in (left, right) if str(term) in facts), None)
    advice = f"ask for a number of the record by a condition, as in at_least({asked or 'FACT'}, N)"
    if not variable_counts(left) and not variable_counts(right):
        raise GuidelineError(f"{here}: it compares two constants and says nothing of a patient; {advice}.")
    if str(left) == str(right):
        raise GuidelineError(f"{here}: it compares {left} with itself, and is so for everybody or nobody.")
    sorts = sort_of(left, known), sort_of(right, known)
    if all(sorts) and sorts[0] != sorts[1]:
        raise GuidelineError(
            f"{here}: {left} is {sorts[0]} and {right} is {sorts[1]}, so that this is so for everybody or nobody; "
            f"{advice if asked else 'compare like with like'}."
        )
    for variable, other in ((left, right), (right, left)):
        if variable.ast_type == ast.ASTType.Variable and variable.name in known and sort_of(other, known) == "a name":
            allowed = known[variable.name]
            if NAME.fullmatch(str(other)) and allowed.noun != "number" and str(other) not in allowed.names:
                raise GuidelineError(
                    f'{here}: "{other}" is not {article(allowed.noun)}{nearest(str(other), allowed.names)}; '
                    f"allowed: {', '.join(sorted(allowed.names))}"
                )
