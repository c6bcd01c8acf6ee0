"""The predicates that a guideline's rules may use, as the guideline and the shared core declare them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from clingo import ast

from reasoner.compiler.syntax import SyntaxTree, head_of, split_term
from reasoner.errors import GuidelineError, nearest

__all__ = ["DOSAGE", "FACT_KINDS", "GENERATED", "GIVEN", "NEEDS_ANNOTATION", "Predicate", "Vocabulary"]

QUOTE = '"'
GIVEN = {"record", "patient", "history", "reading"}
NEEDS_ANNOTATION = {"derived", "position", "conclusion"}
DOSAGE = "dosage"
ROLES = GIVEN | NEEDS_ANNOTATION | {"space", "catalogue", DOSAGE}
FACT_KINDS = {"boolean", "choice", "list", "number", "fact", "course_fact"}
"""The kinds of arguments that name a fact of the record."""


class Predicate(NamedTuple):
    """A predicate: the kinds of its arguments, its role, and the phrase that words it."""

    kinds: tuple[str, ...]
    role: str
    phrase: str


GENERATED = {
    name: Predicate(("any",) * arity, "derived", "")
    for name, arity in (("_count", 3), ("_sum", 3), ("_counts", 3), ("_reaches", 1))
}
"""The predicates of the atoms that stand for counts and sums."""


class Vocabulary(NamedTuple):
    """All predicates that are declared, the names that replaced old ones, and for reserved names what is said of them.

    `places` tells where a predicate is declared, `shared` are those of the core.
    """

    predicates: dict[str, Predicate]
    places: dict[str, str]
    renamed: dict[str, str]
    reserved: dict[str, str]
    shared: set[str]

    @classmethod
    def reserving(cls, reserved: Mapping[str, str]) -> Vocabulary:
        """Begin a vocabulary in which names are reserved, each with what is said where a guideline uses it."""
        return cls(
            {"predicate": Predicate(("any", "any", "any"), "catalogue", "")},
            {"predicate": "core/vocabulary.lp"},
            {},
            dict(reserved),
            {"predicate"},
        )

    def extended(self, rules: Sequence[SyntaxTree], core: Collection[Path]) -> Vocabulary:
        """Add the declarations among rules, those in the files of the `core` as shared ones.

        Raises GuidelineError for a declaration that is not as it must be, or that changes what a name means.
        """
        names = self.predicates.copy(), self.places.copy(), self.renamed.copy(), self.reserved.copy()
        found = Vocabulary(*names, self.shared.copy())
        facts = facts_of(("predicate", "renamed", "reserved"), rules)
        pairs = {
            kind: [(str(own[0]), str(own[1])) for _, own in facts[kind] if len(own) == 2] for kind in ("renamed", "reserved")
        }
        found.renamed.update(pairs["renamed"])
        for name, advice in pairs["reserved"]:
            found.reserved[name] = f"{name} is for plain clingo alone; {advice.strip(QUOTE)}."
        for tree, arguments in facts["predicate"]:
            declare(tree, arguments, found, core)
            if tree.path in core:
                found.shared.add(split_term(arguments[0])[0])
                found.reserved.pop(split_term(arguments[0])[0], None)
        return found

    def predicate(self, term: ast.AST, here: str) -> Predicate:
        """Give the predicate of an atom; raises GuidelineError for one that is not declared so."""
        name, arguments = split_term(term)
        found = self.predicates.get(name)
        if found is None:
            if name in self.renamed:
                raise GuidelineError(f"{here}: {name} is now called {self.renamed[name]}; use the new name.")
            if name in self.reserved:
                raise GuidelineError(f"{here}: {term}: {self.reserved[name]}")
            raise GuidelineError(
                f'{here}: predicate "{name}" is not declared{nearest(name, self.predicates)}. '
                'Declare it: predicate(name(kind, ...), role, "phrase").'
            )
        if len(found.kinds) != len(arguments):
            count = f"{len(found.kinds) or 'no'} argument{'' if len(found.kinds) == 1 else 's'}"
            form = f"{name}({', '.join(found.kinds)})" if found.kinds else name
            raise GuidelineError(f"{here}: {term}: {name} takes {count}: {form}.")
        return found

    def role(self, rule: ast.AST, here: str) -> str:
        """Give the role of a rule: its head's, but that a dosage is data or a position, by whether it has conditions."""
        role = self.predicate(rule.head.atom.symbol, here).role
        if role != DOSAGE:
            return role
        return "catalogue" if all(self.is_datum(condition) for condition in rule.body) else "position"

    def is_datum(self, condition: ast.AST) -> bool:
        """Tell whether a condition is the same for every patient."""
        if condition.ast_type != ast.ASTType.Literal:
            return False
        if condition.atom.ast_type == ast.ASTType.SymbolicAtom:
            asked = self.predicates.get(split_term(condition.atom.symbol)[0])
            return asked is not None and asked.role == "catalogue"
        return bool(condition.atom.ast_type == ast.ASTType.Comparison)


def declare(tree: SyntaxTree, arguments: Sequence[ast.AST], found: Vocabulary, core: Collection[Path]) -> None:
    """Add the predicate that a fact declares."""
    here = tree.place
    name, predicate = "", None
    with suppress(ValueError, AttributeError, RuntimeError):
        signature, role, phrase = arguments
        name, kinds = split_term(signature)
        predicate = Predicate(tuple(str(kind) for kind in kinds), str(role), phrase.symbol.string)
    if name.startswith("-"):
        raise GuidelineError(f"{here}: {name} has a minus sign; declare what is known to be false under a name of its own.")
    if predicate is None or not re.fullmatch(r"[a-z]\w*", name):
        raise GuidelineError(
            f'{here}: write predicate(name(kind, ...), role, "phrase"), with a name that begins with a small letter.'
        )
    if predicate.role not in ROLES:
        raise GuidelineError(
            f'{here}: "{predicate.role}" is not a role{nearest(predicate.role, ROLES)}; allowed: {", ".join(sorted(ROLES))}'
        )
    for place in re.findall(r"\{(\d+)\}", predicate.phrase):
        if not 1 <= int(place) <= len(predicate.kinds):
            raise GuidelineError(f"{here}: {{{place}}} stands for no argument of {arguments[0]}; write {{1}} for the first.")
    if name in found.reserved and tree.path not in core:
        raise GuidelineError(f"{here}: {arguments[0]}: {found.reserved[name]} Call yours otherwise.")
    before = found.predicates.setdefault(name, predicate)
    if before[:2] != predicate[:2]:
        raise GuidelineError(
            f"{here}: {name} is declared already at {found.places[name]}, as {name}({', '.join(before.kinds)}) with the "
            f"role {before.role}; call yours otherwise. Only its phrase can be given anew."
        )
    found.predicates[name] = predicate
    found.places.setdefault(name, here)


def facts_of(names: Sequence[str], rules: Sequence[SyntaxTree]) -> dict[str, list[tuple[SyntaxTree, list[ast.AST]]]]:
    """List the facts of some predicates, each with its arguments; raises GuidelineError for one with conditions."""
    facts: dict[str, list[tuple[SyntaxTree, list[ast.AST]]]] = {name: [] for name in names}
    for tree in rules:
        head = head_of(tree)
        name, arguments = split_term(head)
        if name not in facts:
            continue
        if tree.node.body:
            raise GuidelineError(f"{tree.place}: {head} holds in any case; write it as a fact, without conditions.")
        facts[name].append((tree, arguments))
    return facts
