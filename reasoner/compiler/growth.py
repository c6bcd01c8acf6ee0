"""Which rule of a guideline grows beyond all limits: it is compiled step by step, each step told before it is taken.

Rules are ground in the order of what they read, each by itself: where one does not end, all that it reads is ground.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import clingo
import networkx as nx
from clingo import ast

from reasoner.compiler.parser import WrittenRule, ground_catalogue, parsed_files, read_rules
from reasoner.compiler.protocol import Step, Task
from reasoner.compiler.selection import shared_folder
from reasoner.compiler.sources import SourceFile, place_name
from reasoner.compiler.syntax import split_term
from reasoner.compiler.thresholds import with_cuts

__all__ = ["Growth"]


class Growth:
    """Takes the steps of a task's compilation one by one."""

    def __init__(self, task: Task, report: Callable[[Step], None]) -> None:
        self.task = task
        self.report = report
        self.control = clingo.Control(["--warn=none"], logger=lambda *_: None)
        self.parts = 0
        self.rules: Sequence[WrittenRule] = ()

    def read(self) -> None:
        """Read every statement by itself, then all together."""
        for file in parsed_files(self.task.files):
            self.parse(file)
        self.report(Step(""))
        self.rules, _, _ = read_rules(self.task.files, lambda tree: self.report(Step(tree.place, tree.text)))
        self.report(Step(""))

    def parse(self, file: SourceFile) -> None:
        """Parse a file; when a statement is read, what follows it is reported."""
        self.report(Step(f"{place_name(file.path)}:1"))

        def take(node: ast.AST) -> None:
            self.report(Step(f"{place_name(file.path)}:{node.location.end.line}"))

        ast.parse_string(file.text, take, logger=lambda *_: None)

    def ground(self) -> None:
        """Ground every rule that was read."""
        courses, fewer = self.task.part.courses or 2, self.task.part.fewer or self.task.part.what == "space"
        data = [rule for rule in self.rules if rule.role == "catalogue"]
        self.ground_groups(data)
        self.report(Step(""))
        catalogue = ground_catalogue(data, ())
        made = with_cuts(catalogue, (rule.tree.text for rule in self.rules))
        self.add("".join(f"{clingo.Function(name, row)}." for name, rows in made.items() for row in rows))
        self.add(f"#const _courses = {courses}. #const _open_courses = {int(fewer)}.")
        self.add((shared_folder() / "core" / "open.lp").read_text("utf-8"))
        self.ground_groups([rule for rule in self.rules if rule.role != "catalogue"])

    def ground_groups(self, rules: Sequence[WrittenRule]) -> None:
        """Ground all rules of one instance, then of those that conclude the same the instances of each, by themselves."""
        ranging: list[WrittenRule] = []
        facts = ""
        for rule in rules:
            if has_one_instance(rule):
                facts += "".join(text_of(rule))
            else:
                ranging.append(rule)
        self.add(facts)
        for group, recursive in in_order(ranging):
            for rule in group:
                head, body = text_of(rule)
                self.report(Step(rule.tree.place, f"{head}{body}"))
                self.add(f"_instance({self.parts},{head}){body}")
            self.report(Step(recursive.tree.place, "".join(text_of(recursive))))
            self.add("\n".join(f"{{ {head} }}{body}" for head, body in map(text_of, group)))

    def add(self, text: str) -> None:
        """Ground a text on top of what is ground."""
        self.parts += 1
        name = f"_part{self.parts}"
        self.control.add(name, [], text)
        self.control.ground([(name, [])])


def has_one_instance(rule: WrittenRule) -> bool:
    """Tell whether a rule is a fact without intervals and pools."""
    ranging = False

    class Finder(ast.Transformer):
        def visit_Interval(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
            nonlocal ranging
            ranging = True
            return node

        visit_Pool = visit_Interval  # noqa: N815

    Finder().visit(rule.tree.node.head)
    return not (rule.tree.node.body or ranging)


def text_of(rule: WrittenRule) -> tuple[str, str]:
    """Write a rule in two parts, as it stands: its head, and its body with the point."""
    node = rule.tree.node
    body = "; ".join(map(str, node.body))
    return str(node.head), f" :- {body}." if body else "."


def in_order(rules: Sequence[WrittenRule]) -> Iterator[tuple[list[WrittenRule], WrittenRule]]:
    """Yield the rules in groups, each after those that it reads; a group concludes one predicate, or several in a circle.

    With each group comes its first rule that reads what the group concludes, or its first.
    """
    concluding: dict[str, list[WrittenRule]] = {}
    for rule in rules:
        concluding.setdefault(rule.head.name, []).append(rule)
    read = {name: [read_by(rule) for rule in own] for name, own in concluding.items()}
    reads = nx.DiGraph()
    reads.add_nodes_from(concluding)
    reads.add_edges_from((name, o) for name, own in read.items() for names in own for o in names if o in concluding)
    for names in nx.strongly_connected_components(reads):
        group = [(rule, own) for name in sorted(names) for rule, own in zip(concluding[name], read[name], strict=True)]
        yield [rule for rule, _ in group], next((rule for rule, own in group if own & names), group[0][0])


def read_by(rule: WrittenRule) -> set[str]:
    """Name the predicates that a rule reads, however deep they stand in its conditions."""
    found: set[str] = set()

    class Reader(ast.Transformer):
        def visit_SymbolicAtom(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
            found.add(split_term(node.symbol)[0])
            return node

    Reader().visit_sequence(rule.tree.node.body)
    return found
