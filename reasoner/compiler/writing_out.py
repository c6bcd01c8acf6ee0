"""What stands for several, written out: constants by their values, pools by a rule for each, intervals by a variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from clingo import ast

from reasoner.compiler.sources import SourceFile
from reasoner.compiler.syntax import SyntaxTree, split_term
from reasoner.errors import GuidelineError

__all__ = ["name_intervals", "read_constants", "written_out"]

NAMING = {"term": 1, "fact": 1, "value": 2, "course_fact": 1}
"""The facts by which a guideline declares names, with the place of the name."""
NAME = re.compile(r"\b[a-z]\w*\b")
COMMENT = re.compile(r'%\*.*?\*%|%[^\n]*|"(?:\\.|[^"\\])*"', re.DOTALL)

Placed = list[tuple[SyntaxTree, str | None]]


def read_constants(trees: Sequence[SyntaxTree], core: Sequence[SourceFile]) -> dict[str, ast.AST]:
    """Read the constants that a guideline defines, each with its value written out.

    Raises GuidelineError for one that is defined twice, or that the core or a declaration uses as a name.
    """
    defined: dict[str, SyntaxTree] = {}
    for tree in trees:
        if tree.node.ast_type == ast.ASTType.Definition:
            first = defined.setdefault(tree.node.name, tree)
            if str(first.node.value) != str(tree.node.value):
                raise GuidelineError(
                    f"{tree.place}: #const {tree.node.name} is already {first.node.value} at {first.place}; define it once."
                )
    if not defined:
        return {}
    refuse_names(defined, trees, core)
    needed = {name: set(NAME.findall(str(tree.node.value))) & set(defined) for name, tree in defined.items()}
    values: dict[str, ast.AST] = {}
    try:
        for name in TopologicalSorter(needed).static_order():
            values[name] = Constants(values)(defined[name].node.value)
    except CycleError as error:
        tree = defined[error.args[1][0]]
        raise GuidelineError(f"{tree.place}: #const {tree.node.name} is defined by itself; give it a value.") from None
    return values


def refuse_names(defined: Mapping[str, SyntaxTree], trees: Sequence[SyntaxTree], core: Sequence[SourceFile]) -> None:
    """Refuse a constant whose name means something already: clingo would put its value there, too."""
    used = {name: "a name of the rules that all guidelines share" for file in core for name in names_in(file.text)}
    for tree in trees:
        if tree.node.ast_type == ast.ASTType.Rule and tree.node.head.ast_type == ast.ASTType.Literal:
            name, arguments = split_term(getattr(tree.node.head.atom, "symbol", tree.node.head))
            if name in NAMING and len(arguments) > NAMING[name]:
                used[str(arguments[NAMING[name]])] = f"declared by {tree.node.head}"
    for name, tree in defined.items():
        if name in used:
            raise GuidelineError(f"{tree.place}: #const {name}: {name} is {used[name]}; give the constant another name.")


def names_in(text: str) -> set[str]:
    return set(NAME.findall(COMMENT.sub(" ", text)))


def written_out(placed: Iterable[tuple[SyntaxTree, str | None]], constants: Mapping[str, ast.AST]) -> Placed:
    """Put the values of constants in their places, and give each choice that pools leave as a rule of its own."""
    insert = Constants(constants)
    found: Placed = []
    for tree, annotation in placed:
        if not constants.keys().isdisjoint(NAME.findall(tree.text)):
            tree = SyntaxTree(insert(tree.node), tree.path)
        rules = [SyntaxTree(rule, tree.path) for rule in tree.node.unpool()] if ";" in tree.text else [tree]
        found += ((rule, annotation) for rule in rules)
    return found


class Constants(ast.Transformer):
    """Puts the values of constants in their places: in terms, not in the names of predicates."""

    def __init__(self, values: Mapping[str, ast.AST]) -> None:
        self.values = values

    def visit_SymbolicAtom(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        symbol = node.symbol
        if symbol.ast_type != ast.ASTType.Function:
            return node
        return node.update(symbol=symbol.update(arguments=self.visit_sequence(symbol.arguments)))

    def visit_SymbolicTerm(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        return self.values.get(str(node.symbol), node)

    def visit_Function(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        if not node.arguments and node.name in self.values:
            return self.values[node.name]
        return node.update(**self.visit_children(node))


class Intervals(ast.Transformer):
    """Puts a variable of its own in the place of each interval of a rule's atoms; `named` says what each stands for."""

    def __init__(self) -> None:
        self.named: list[ast.AST] = []
        self.count = 0

    def visit_Interval(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        self.count += 1
        variable = ast.Variable(node.location, f"_I{self.count}")
        guard = ast.Guard(ast.ComparisonOperator.Equal, node)
        comparison = ast.Comparison(variable, [guard])
        self.named.append(ast.Literal(node.location, ast.Sign.NoSign, comparison))
        return variable

    def visit_BodyAggregateElement(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        outside, self.named = self.named, []
        terms, condition = self.visit_sequence(node.terms), self.visit_sequence(node.condition)
        inside, self.named = self.named, outside
        return node.update(terms=terms, condition=[*condition, *inside])

    def visit_Comparison(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        return node


def name_intervals(rule: ast.AST) -> ast.AST:
    """Give a rule in which the intervals of atoms are variables, with conditions that say what each can be."""
    if ".." not in str(rule):
        return rule
    naming = Intervals()
    named = naming(rule)
    return named.update(body=[*named.body, *naming.named])
