"""Which of clingo's constructs a guideline may use, and what to write in the place of the others.

The table of them is in ``asp/README.md``; what a message advises stands there in the last column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NoReturn

import clingo
from clingo import ast

from reasoner.compiler.syntax import SyntaxTree, split_term
from reasoner.errors import GuidelineError

__all__ = [
    "atoms_in",
    "check_conditions",
    "check_head",
    "check_statement",
    "check_terms_of",
    "predicates_of",
    "with_elements",
]

Kind = ast.ASTType
READ = {Kind.Comment, Kind.Rule, Kind.Program, Kind.Defined, Kind.ShowSignature, Kind.Definition}

STATEMENTS = {
    Kind.Program: ("a program part", "leave it out; all of a guideline is read together"),
    Kind.Script: ("code", "leave it out; a guideline is data that anybody can load safely"),
    Kind.External: ("an external atom", "declare what a record can say as a fact: fact(N, F, boolean)."),
    Kind.ShowTerm: ("a term that is shown", "write #show NAME/N., which is for plain clingo alone"),
    Kind.Minimize: ("an optimisation", "write prefers(R, Q) for what ranks ahead; answers hold all that follows"),
    Kind.Heuristic: ("a heuristic", "leave it out; it changes no conclusion"),
    Kind.Edge: ("an edge of a graph", "derive a predicate of your own for what follows what"),
    Kind.ProjectAtom: ("a projection", "leave it out; it changes no conclusion"),
    Kind.ProjectSignature: ("a projection", "leave it out; it changes no conclusion"),
    Kind.TheoryDefinition: ("a theory", "compare numbers with thresholds: at_most(F, T), more_than(F, T)"),
}
CHOICE = "a rule concludes one thing; what is unknown of a patient is a fact of the record"
ALTERNATIVES = "write one rule for each, with the condition that decides between them"
CONSTRAINT = "write inconsistent(WHY) :- ... for what no patient can be, contraindicated or suppressed for what is not done"
HEADS = {
    Kind.Aggregate: ("a choice", CHOICE),
    Kind.HeadAggregate: ("a choice", CHOICE),
    Kind.Disjunction: ("a disjunction", ALTERNATIVES),
    Kind.TheoryAtom: ("an atom of a theory", "conclude a predicate that is declared"),
    Kind.BooleanConstant: ("a constraint", CONSTRAINT),
    Kind.Comparison: ("a comparison before :-", "write :- between a conclusion and its conditions"),
}
NEGATED_HEAD = (
    "a negated conclusion",
    "write suppressed, exclusion_defeated, waived, withdrawn or defeated to take one back",
)
CONDITIONS = {
    Kind.ConditionalLiteral: (
        "a conditional literal",
        "derive a predicate for the exception, and ask that there is none: not NAME",
    ),
    Kind.Aggregate: ("a choice", "count with #count { X : CONDITION } >= N"),
    Kind.TheoryAtom: ("an atom of a theory", "compare numbers with thresholds: at_most(F, T), more_than(F, T)"),
    Kind.BooleanConstant: ("a condition that holds always or never", "leave it out, or the rule"),
}
DOUBLE_NEGATION = ("a double negation", "ask for the atom itself, without not not")
NEGATED_COMPARISON = ("a negated comparison", "write the opposite comparison: X >= N for not X < N")
TERMS = {
    "call": ("a call of a function", "write the value itself; a guideline is data that anybody can load safely"),
    "bound": ("the end of clingo's order", "write a number or a name"),
    "sign": (
        "a name with a minus sign",
        "declare a predicate of its own for what is known to be false, or ask with not",
    ),
}


def refuse(here: str, node: ast.AST, words: tuple[str, str]) -> NoReturn:
    """Refuse a construct: say what it is and what to write."""
    found, instead = words
    text = str(node).partition("\n")[0]
    raise GuidelineError(f"{here}: {text}: {found} is not allowed; {instead.removesuffix('.')}.")


def check_statement(tree: SyntaxTree) -> None:
    """Check that a statement of clingo's is one of those that a guideline may hold."""
    kind = tree.node.ast_type
    if kind in STATEMENTS and not (kind == Kind.Program and tree.node.name == "base" and not tree.node.parameters):
        refuse(tree.place, tree.node, STATEMENTS[kind])
    if kind not in READ:
        refuse(tree.place, tree.node, ("it", "a guideline holds rules, facts, #const, #include, #show and #defined"))


def check_head(tree: SyntaxTree) -> None:
    """Check that a rule concludes one atom."""
    head = tree.node.head
    kind = head.atom.ast_type if head.ast_type == Kind.Literal else head.ast_type
    if kind in HEADS:
        refuse(tree.place, tree.node, HEADS[kind])
    if head.sign != ast.Sign.NoSign:
        refuse(tree.place, tree.node, NEGATED_HEAD)


def check_conditions(tree: SyntaxTree) -> None:
    """Check that the conditions of a rule are of the kinds that answers explain."""
    for condition in with_elements(tree.node.body):
        kind = condition.atom.ast_type if condition.ast_type == Kind.Literal else condition.ast_type
        if kind in CONDITIONS:
            refuse(tree.place, condition, CONDITIONS[kind])
        if condition.sign == ast.Sign.DoubleNegation:
            refuse(tree.place, condition, DOUBLE_NEGATION)
        if condition.sign == ast.Sign.Negation and kind == Kind.Comparison:
            refuse(tree.place, condition, NEGATED_COMPARISON)


def with_elements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the conditions of a rule, and those of what its aggregates count."""
    for condition in body:
        yield condition
        if condition.ast_type == Kind.Literal and condition.atom.ast_type == Kind.BodyAggregate:
            for element in condition.atom.elements:
                yield from element.condition


class TermChecker(ast.Transformer):
    """Refuses the terms that no part of a rule may have."""

    def __init__(self, here: str) -> None:
        self.here = here

    def visit_Function(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        if node.external:
            refuse(self.here, node, TERMS["call"])
        self.visit_children(node)
        return node

    def visit_SymbolicTerm(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        if node.symbol.type in (clingo.SymbolType.Infimum, clingo.SymbolType.Supremum):
            refuse(self.here, node, TERMS["bound"])
        return node

    def visit_UnaryOperation(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        argument = node.argument
        name = argument.ast_type in (Kind.Function, Kind.Pool) or (
            argument.ast_type == Kind.SymbolicTerm and argument.symbol.type != clingo.SymbolType.Number
        )
        if name and node.operator_type == ast.UnaryOperator.Minus:
            refuse(self.here, node, TERMS["sign"])
        self.visit_children(node)
        return node


def check_terms_of(tree: SyntaxTree) -> None:
    """Check that a rule has no term that a guideline may not use."""
    text = tree.text.replace(":-", "")
    if any(mark in text for mark in "@#-"):
        TermChecker(tree.place)(tree.node)


class AtomCollector(ast.Transformer):
    """Collects the atoms in a part of a rule, wherever in it they stand."""

    def __init__(self) -> None:
        self.atoms: list[ast.AST] = []

    def visit_SymbolicAtom(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        self.atoms.append(node.symbol)
        return node


def atoms_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the atoms in a condition, those within aggregates included."""
    collector = AtomCollector()
    collector(node)
    yield from collector.atoms


def predicates_of(tree: SyntaxTree) -> Iterator[str]:
    """Yield the names of the predicates that a statement is about."""
    if tree.node.ast_type == Kind.Defined:
        yield tree.node.name
    else:
        yield from (split_term(atom)[0] for atom in atoms_in(tree.node))
