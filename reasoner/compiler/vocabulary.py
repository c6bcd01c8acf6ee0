"""The predicates that a guideline's rules may use, as the guideline and the shared core declare them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from clingo import ast

from reasoner.compiler.syntax import SyntaxTree, head_of, split_term
from reasoner.errors import GuidelineError, nearest

__all__ = ["FACT_KINDS", "GENERATED", "GIVEN", "NEEDS_ANNOTATION", "Predicate", "Vocabulary", "read_vocabulary"]

GIVEN = {"record", "patient", "history", "reading"}
NEEDS_ANNOTATION = {"derived", "position", "conclusion"}
ROLES = GIVEN | NEEDS_ANNOTATION | {"space", "catalogue"}
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
    """All predicates that are declared, and the names that replaced old ones."""

    predicates: dict[str, Predicate]
    renamed: dict[str, str]

    def predicate(self, term: ast.AST, here: str) -> Predicate:
        """Give the predicate of an atom; raises GuidelineError for one that is not declared so."""
        name, arguments = split_term(term)
        found = self.predicates.get(name)
        if found is None:
            if name in self.renamed:
                raise GuidelineError(f"{here}: {name} is now called {self.renamed[name]}; use the new name.")
            raise GuidelineError(
                f'{here}: predicate "{name}" is not declared{nearest(name, self.predicates)}. '
                'Declare it: predicate(name(kind, ...), role, "phrase").'
            )
        if len(found.kinds) != len(arguments):
            raise GuidelineError(
                f"{here}: {term}: {name} takes {len(found.kinds)} argument(s): {name}({', '.join(found.kinds)})."
            )
        return found


def read_vocabulary(rules: Sequence[SyntaxTree]) -> Vocabulary:
    """Read the declarations among a guideline's rules; raises GuidelineError for one that is not as it must be."""
    predicates: dict[str, Predicate] = {}
    for tree, arguments in facts_of("predicate", rules):
        try:
            signature, role, phrase = arguments
            name, kinds = split_term(signature)
            predicates[name] = Predicate(tuple(str(kind) for kind in kinds), str(role), phrase.symbol.string)
        except (ValueError, AttributeError, RuntimeError):
            raise GuidelineError(f'{tree.place}: write predicate(name(kind, ...), role, "phrase").') from None
        if str(role) not in ROLES:
            raise GuidelineError(
                f'{tree.place}: "{role}" is not a role{nearest(str(role), ROLES)}; allowed: {", ".join(sorted(ROLES))}'
            )
    predicates["predicate"] = Predicate(("any", "any", "any"), "catalogue", "")
    renamed = [list(map(str, arguments)) for _, arguments in facts_of("renamed", rules)]
    return Vocabulary(predicates, {names[0]: names[-1] for names in renamed if names})


def facts_of(name: str, rules: Sequence[SyntaxTree]) -> Iterator[tuple[SyntaxTree, list[ast.AST]]]:
    """Yield the facts of a predicate, each with its arguments."""
    for tree in rules:
        found, arguments = split_term(head_of(tree))
        if found == name and not tree.node.body:
            yield tree, arguments
