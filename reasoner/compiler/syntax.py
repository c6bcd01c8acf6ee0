"""Clingo's syntax trees of a guideline's files, and what can be told from them before anything is grounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import clingo
from clingo import ast

from reasoner.compiler.model import Condition
from reasoner.compiler.sources import SourceFile, place_name
from reasoner.compiler.syntax_errors import explain_syntax
from reasoner.errors import GuidelineError

__all__ = [
    "NUMBER",
    "OPERATIONS",
    "PlacedTerm",
    "SyntaxTree",
    "constant",
    "datum",
    "head_of",
    "is_variable",
    "name_anonymous",
    "parse",
    "read_condition",
    "split_term",
    "undefined",
    "variable_counts",
    "variables",
]


NUMBER = re.compile(r"-?\d+")
ANONYMOUS = re.compile(r"\b_\b")
VARIABLE = re.compile(r"\b_*[A-Z]\w*|\b_\b")
OPERATIONS = {ast.ASTType.BinaryOperation, ast.ASTType.UnaryOperation, ast.ASTType.Interval}
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, eq=False)
class SyntaxTree:
    """A syntax tree with the file that it stands in."""

    node: ast.AST
    path: Path

    @cached_property
    def place(self) -> str:
        """The ``file:line`` where it begins."""
        return f"{place_name(self.path)}:{self.node.location.begin.line}"

    @cached_property
    def text(self) -> str:
        """The tree as clingo text: asking for this is much faster than asking the tree for its parts."""
        return str(self.node)


class PlacedTerm:
    """An atom as written, without its sign, and its ``file:line``."""

    def __init__(self, term: ast.AST, place: str) -> None:
        self.term = term
        self.place = place

    def __str__(self) -> str:
        return self.text

    @cached_property
    def text(self) -> str:
        """The atom as clingo text."""
        return str(self.term)

    @property
    def name(self) -> str:
        """The predicate's name."""
        return self._split[0]

    @property
    def arguments(self) -> list[ast.AST]:
        return self._split[1]

    @cached_property
    def constants(self) -> list[str | None]:
        """The arguments as text; None for one that stands for several, or is to be calculated."""
        return [constant(argument) for argument in self.arguments]

    @cached_property
    def _split(self) -> tuple[str, list[ast.AST]]:
        return split_term(self.term)


class Datum(NamedTuple):
    """A fact of a catalogue: its predicate, its arguments, and itself as clingo text."""

    name: str
    arguments: tuple[clingo.Symbol, ...]
    text: str


@lru_cache(maxsize=2**14)
def datum(symbol: clingo.Symbol) -> Datum:
    """Take a fact apart; most facts are those that all guidelines share."""
    return Datum(symbol.name, tuple(symbol.arguments), str(symbol))


def parse(file: SourceFile) -> list[SyntaxTree]:
    """Parse a file into syntax trees, in the order of their lines.

    Raises GuidelineError, with the place, for a syntax error.
    """
    messages: list[str] = []
    trees: list[SyntaxTree] = []

    def take(node: ast.AST) -> None:
        if node.ast_type != ast.ASTType.Program or node.name != "base" or node.parameters:
            trees.append(SyntaxTree(node, file.path))

    try:
        ast.parse_string(file.text, take, logger=lambda _, message: messages.append(message))
    except RuntimeError:
        raise GuidelineError(explain_syntax(messages[0], file.text, place_name(file.path))) from None
    trees.sort(key=lambda tree: tree.node.location.begin.line)
    return trees


class VariableNormaliser(ast.Transformer):
    """Names the anonymous variables of positive conditions, so that an instance says what they stood for."""

    def __init__(self) -> None:
        self.positive = True
        self.count = 0

    def visit_Literal(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        outside, self.positive = self.positive, node.sign == ast.Sign.NoSign
        normalised = node.update(**self.visit_children(node))
        self.positive = outside
        return normalised

    def visit_Variable(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        if node.name != "_" or not self.positive:
            return node
        self.count += 1
        return node.update(name=f"_Any{self.count}")


def name_anonymous(tree: SyntaxTree) -> ast.AST:
    """Give a rule's tree with a name for each anonymous variable of its positive conditions."""
    return VariableNormaliser()(tree.node) if ANONYMOUS.search(tree.text) else tree.node


def head_of(tree: SyntaxTree) -> ast.AST:
    """Give the atom that a rule concludes."""
    symbol: ast.AST = tree.node.head.atom.symbol
    return symbol


def read_condition(node: ast.AST, here: str) -> tuple[Condition, ast.AST | None]:
    """Read one condition of a body and its atom, refusing what could not be explained condition by condition."""
    if node.ast_type == ast.ASTType.Literal:
        atom = node.atom
        if atom.ast_type == ast.ASTType.Comparison and node.sign == ast.Sign.NoSign:
            return Condition(str(node), comparison=True), None
        if atom.ast_type == ast.ASTType.SymbolicAtom and node.sign != ast.Sign.DoubleNegation:
            negated = node.sign == ast.Sign.Negation
            if negated and ANONYMOUS.search(str(atom)):
                raise GuidelineError(
                    f"{here}: {node}: a negated condition names no anonymous variable; derive a helper without it first."
                )
            return Condition(str(atom), negated), atom.symbol
    raise GuidelineError(
        f"{here}: {node}: a condition is an atom, a negated atom, a comparison, a #count or a #sum; "
        "derive anything else by rules of their own."
    )


def split_term(term: ast.AST) -> tuple[str, list[ast.AST]]:
    """Split an atom into its name and arguments."""
    if term.ast_type == ast.ASTType.Function and not term.external:
        return term.name, list(term.arguments)
    if term.ast_type == ast.ASTType.SymbolicTerm and term.symbol.type == clingo.SymbolType.Function:
        return term.symbol.name, []
    return str(term), []


def is_variable(text: str) -> bool:
    """Tell whether a term as written is a variable."""
    return text.lstrip("_")[:1].isupper()


def constant(term: ast.AST) -> str | None:
    """Give a term as text; None for one that stands for several, or is to be calculated."""
    text = str(term)
    if VARIABLE.search(without_strings(text)) or (term.ast_type in OPERATIONS and not NUMBER.fullmatch(text)):
        return None
    return text


def without_strings(text: str) -> str:
    return STRING.sub("", text)


def variable_counts(written: ast.AST | str) -> dict[str, int]:
    """Count how often each named variable stands in what is written."""
    counts: dict[str, int] = {}
    for name in re.findall(r"\b_*[A-Z]\w*", without_strings(str(written))):
        counts[name] = counts.get(name, 0) + 1
    return counts


def variables(term: ast.AST, arithmetic: bool) -> set[str]:
    """Collect the variables of a term, with those in arithmetic or without; what bounds an interval is in none."""
    if term.ast_type == ast.ASTType.Variable:
        return {term.name}
    if term.ast_type == ast.ASTType.Function:
        return {name for argument in term.arguments for name in variables(argument, arithmetic)}
    if arithmetic and term.ast_type == ast.ASTType.Interval:
        ends = (end for end in (term.left, term.right) if end.ast_type in OPERATIONS)
        return {name for end in ends for name in variables(end, arithmetic)}
    if arithmetic and term.ast_type == ast.ASTType.BinaryOperation:
        return variables(term.left, arithmetic) | variables(term.right, arithmetic)
    return variables(term.argument, arithmetic) if arithmetic and term.ast_type == ast.ASTType.UnaryOperation else set()


def undefined(message: str) -> str:
    """Word clingo's message that it leaves out instances of a rule because of a calculation without a result."""
    what = message.strip().rpartition("\n")[2].strip()
    return (
        f"{what} has no value for some of what it stands for, and clingo would leave these out; calculate with numbers only."
    )
