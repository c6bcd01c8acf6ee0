"""Write a guideline's folder with its rules several times over, to measure how answering grows with the rules.

Every copy has annotations of its own, and predicates of its own where the glossary declares them `derived`. Positions and
conclusions are shared, and the catalogue stands once: every copy concludes what the original does, over again, so the
answers stay what they were.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from clingo import ast

__all__ = ["write_copies"]

GLOSSARY = "glossary.lp"
HEAD = re.compile(r"(%\*\s*@(?:statement|reading)\s+)(\w+)")
READS = re.compile(r"(?m)^(\s*@reads\s+)(.*)$")


class Tree(NamedTuple):
    """A syntax tree and the line that it starts on."""

    line: int
    node: ast.AST


def parse(path: Path) -> list[Tree]:
    """Parse a file, comments included, in the order of its lines."""
    trees: list[Tree] = []
    text = re.sub(r"(?m)^#include.*$", "", path.read_text("utf-8"))
    ast.parse_string(text, lambda node: trees.append(Tree(node.location.begin.line, node)))
    return sorted(trees, key=lambda tree: tree.line)


def declarations(path: Path) -> Iterator[tuple[str, str, ast.AST]]:
    """Yield the predicates that a file declares, each with its role and the rule that declares it."""
    for _, node in parse(path):
        if node.ast_type == ast.ASTType.Rule and name_of(node.head.atom.symbol) == "predicate":
            signature, role, _ = node.head.atom.symbol.arguments
            yield name_of(signature), str(role), node


def name_of(term: ast.AST) -> str:
    return term.name if term.ast_type == ast.ASTType.Function else str(term)


class Rename(ast.Transformer):
    """Adds a suffix, after an underscore, to the predicates of atoms; terms of the same name stay."""

    def __init__(self, names: frozenset[str], suffix: str) -> None:
        self.names = names
        self.suffix = suffix

    def visit_SymbolicAtom(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        return node.update(symbol=self.term(node.symbol))

    def term(self, term: ast.AST) -> ast.AST:
        """Add the suffix to a term that is an atom's, or that stands for one in a declaration."""
        if name_of(term) not in self.names:
            return term
        arguments = term.arguments if term.ast_type == ast.ASTType.Function else []
        return ast.Function(term.location, f"{name_of(term)}_{self.suffix}", arguments, 0)


def rename_annotation(comment: str, suffix: str) -> str:
    """Give an annotation, and the statements that it reads, the ids of a copy."""
    comment = HEAD.sub(rf"\g<1>\g<2>{suffix}", comment)
    return READS.sub(lambda found: found[1] + re.sub(r"\w+", rf"\g<0>{suffix}", found[2]), comment)


def copy_of(trees: list[Tree], rename: Rename, catalogue: frozenset[str]) -> Iterator[str]:
    """Yield the lines of one copy of a file: its annotations and its rules, without catalogue data."""
    for _, node in trees:
        if node.ast_type == ast.ASTType.Comment and HEAD.match(node.value):
            yield rename_annotation(node.value, rename.suffix)
        elif node.ast_type == ast.ASTType.Rule and name_of(node.head.atom.symbol) not in catalogue:
            yield str(rename(node))


def write_copies(guideline: Path, core: Path, target: Path, copies: int) -> Path:
    """Write the guideline's folder to `target` with its rules `copies` times over; return `target`.

    `core` is the folder of the shared rules, which declare the roles of the other predicates.
    """
    shutil.copytree(guideline, target)
    declared = list(declarations(guideline / GLOSSARY))
    own = frozenset(name for name, role, _ in declared if role == "derived")
    roles = [*declared, *declarations(core / "vocabulary.lp")]
    catalogue = frozenset(name for name, role, _ in roles if role == "catalogue") | {"predicate"}
    sections = {path.name: parse(path) for path in sorted(guideline.glob("*.lp")) if HEAD.search(path.read_text("utf-8"))}
    added: dict[str, list[str]] = {name: [] for name in (GLOSSARY, *sections)}
    for number in range(2, copies + 1):
        rename = Rename(own, f"c{number}")
        for name, _, node in declared:
            if name in own:
                symbol = node.head.atom.symbol
                signature, *rest = symbol.arguments
                added[GLOSSARY].append(f"predicate({rename.term(signature)},{','.join(map(str, rest))}).")
        for name, trees in sections.items():
            added[name] += copy_of(trees, rename, catalogue)
    for name, lines in added.items():
        with (target / name).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
    return target
