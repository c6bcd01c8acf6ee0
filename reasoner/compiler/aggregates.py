"""Counts and sums over conditions: how rules write them, and how clingo is asked for their ground elements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import eq, ge, gt, le, lt, ne

import clingo
from clingo import ast
from msgspec.structs import replace

from reasoner.compiler.model import Aggregate, Condition, Element, Rule
from reasoner.compiler.program import reachable
from reasoner.compiler.syntax import read_condition, variable_counts
from reasoner.errors import GuidelineError

__all__ = [
    "AGGREGATE",
    "Interval",
    "allowed_values",
    "check_assigned",
    "distinct_aggregates",
    "element_rules",
    "ground_guards",
    "literal_text",
    "read_body",
    "seen_term",
    "stand_ins",
    "without_guards",
]

AGGREGATE = "aggregate"
"""The role of a rule that stands for an aggregate."""

FUNCTIONS = {
    ast.AggregateFunction.Count: "#count",
    ast.AggregateFunction.Sum: "#sum",
    ast.AggregateFunction.SumPlus: "#sum+",
}
COMPARISONS = {
    ast.ComparisonOperator.Equal: "=",
    ast.ComparisonOperator.NotEqual: "!=",
    ast.ComparisonOperator.LessThan: "<",
    ast.ComparisonOperator.LessEqual: "<=",
    ast.ComparisonOperator.GreaterThan: ">",
    ast.ComparisonOperator.GreaterEqual: ">=",
}
MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
RELATIONS = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}

Interval = tuple[int | None, int | None]
"""Whole numbers from the first on, up to but without the second; None where there is no bound."""


def read_body(rule: ast.AST, here: str) -> tuple[tuple[Condition, ...], list[ast.AST], list[ast.AST]]:
    """Read the conditions of a rule: with them the atoms of the positive ones, and all atoms, those in aggregates included.

    Raises GuidelineError for what could not be explained condition by condition.
    """
    parts = [rule.head, *(guard for node in rule.body for guard in guards_of(node))]
    outer = {name for part in (*parts, *(n for n in rule.body if not is_aggregate(n))) for name in variable_counts(part)}
    conditions: list[Condition] = []
    positive: list[ast.AST] = []
    atoms: list[ast.AST] = []
    for node in rule.body:
        if is_aggregate(node):
            condition, own = read_aggregate(node, here, outer)
            atoms += own
        else:
            condition, atom = read_condition(node, here)
            if atom is not None:
                atoms.append(atom)
                positive += [] if condition.negated else [atom]
        conditions.append(condition)
    return tuple(conditions), positive, atoms


def is_aggregate(node: ast.AST) -> bool:
    return node.ast_type == ast.ASTType.Literal and node.atom.ast_type == ast.ASTType.BodyAggregate


def guards_of(node: ast.AST) -> list[ast.AST]:
    """Give what an aggregate is compared with; nothing for another condition."""
    if not is_aggregate(node):
        return []
    return [guard for guard in (node.atom.left_guard, node.atom.right_guard) if guard is not None]


def read_aggregate(node: ast.AST, here: str, outer: set[str]) -> tuple[Condition, list[ast.AST]]:
    """Read an aggregate of a rule with the variables `outer` outside of aggregates; give all its atoms as well."""
    atom = node.atom
    function = FUNCTIONS.get(atom.function)
    if function is None or node.sign == ast.Sign.DoubleNegation:
        raise GuidelineError(
            f"{here}: {node}: only #count, #sum and #sum+ are explained, as they are or with one not; "
            "ask for a smallest or greatest value by the conditions that it stands for."
        )
    if atom.left_guard is None and atom.right_guard is None:
        raise GuidelineError(f"{here}: {node}: it is compared with nothing; write, say, {function} {{ ... }} >= 2.")
    for guard in guards_of(node):
        if is_name(guard.term):
            raise GuidelineError(f"{here}: {node}: it is compared with {guard.term}, which is not a whole number.")
    guards = [(COMPARISONS[guard.comparison], str(guard.term)) for guard in guards_of(node)]
    if atom.left_guard is not None:
        guards[0] = (MIRRORED[guards[0][0]], guards[0][1])
    elements: list[Element] = []
    atoms: list[ast.AST] = []
    for element in atom.elements:
        read = [read_condition(literal, here) for literal in element.condition]
        if function != "#count" and not element.terms:
            raise GuidelineError(f"{here}: {node}: the first term of each element of a {function} is the number to add.")
        if function != "#count" and is_name(element.terms[0]):
            raise GuidelineError(f"{here}: {node}: it adds {element.terms[0]}, which is not a whole number.")
        elements.append(Element(tuple(map(str, element.terms)), tuple(condition for condition, _ in read)))
        atoms += [own for _, own in read if own is not None]
    inner = {name for element in atom.elements for name in variable_counts(element)}
    aggregate = Aggregate(function, tuple(elements), tuple(sorted(inner & outer)), tuple(guards))
    return Condition(str(atom), node.sign == ast.Sign.Negation, aggregate=aggregate), atoms


def is_name(term: ast.AST) -> bool:
    """Tell whether a term is a constant, and no number."""
    return term.ast_type == ast.ASTType.SymbolicTerm and term.symbol.type != clingo.SymbolType.Number


def without_guards(aggregate: Aggregate) -> Aggregate:
    """Give what an aggregate counts or adds, whatever it is compared with."""
    return replace(aggregate, guards=())


def distinct_aggregates(rules: Iterable[Rule]) -> dict[Aggregate, str]:
    """List the aggregates of rules, each once whatever it is compared with, with an id after its first rule."""
    found: dict[Aggregate, str] = {}
    for rule in rules:
        own = [condition.aggregate for condition in rule.body if condition.aggregate is not None]
        for number, aggregate in enumerate(own, start=1):
            found.setdefault(without_guards(aggregate), f"{rule.id}.{number}")
    return found


def stand_ins(rules: Sequence[Rule]) -> Iterator[Rule]:
    """Yield for each aggregate of `rules` the rule that stands for its ground rules."""
    places = {rule.id: rule.place for rule in rules}
    for aggregate, name in distinct_aggregates(rules).items():
        elements = "; ".join(
            f"{', '.join(e.terms)}: {', '.join(map(literal_text, e.conditions))}" for e in aggregate.elements
        )
        yield Rule(name, f"{aggregate.function} {{ {elements} }}", (), places[name.rpartition(".")[0]], None, AGGREGATE)


def check_assigned(rules: Sequence[Rule]) -> None:
    """Refuse a rule that names the value of an aggregate and counts what it concludes: its values would never end."""
    read: dict[str, set[str]] = {}
    for rule in rules:
        read.setdefault(rule.head.partition("(")[0], set()).update(c.text.partition("(")[0] for c in rule.tested)
    for rule in rules:
        head = rule.head.partition("(")[0]
        for aggregate in (c.aggregate for c in rule.body if c.aggregate is not None and c.aggregate.assigned):
            counted = (c.text.partition("(")[0] for element in aggregate.elements for c in element.conditions)
            if head in reachable(counted, lambda name: read.get(name, ())):
                raise GuidelineError(
                    f"{rule.place}: {rule.head}: what {aggregate.function} counts depends on {head}, which the rule "
                    "concludes; count something else."
                )


def literal_text(condition: Condition) -> str:
    """Write a condition with its sign."""
    return f"not {condition.text}" if condition.negated else condition.text


def tuple_text(terms: Iterable[str]) -> str:
    return f"({''.join(f'{term},' for term in terms)})"


def seen_term(condition: Condition, numbers: dict[Aggregate, int]) -> str:
    """Write a condition as a term that says which one an instance of its rule has: an aggregate by its number."""
    aggregate = condition.aggregate
    if aggregate is None:
        return f"{'no' if condition.negated else 'yes'}({condition.text})"
    guards = tuple_text(f'("{relation}",{term})' for relation, term in aggregate.guards)
    variables = tuple_text(aggregate.variables)
    return f"of({numbers[without_guards(aggregate)]},{variables},{int(condition.negated)},{guards})"


def element_rules(rule: Rule, numbers: dict[Aggregate, int]) -> Iterator[str]:
    """Yield rules for clingo by which each ground element of a rule's aggregates becomes an atom ``_element``."""
    for condition in rule.body:
        aggregate = condition.aggregate
        if aggregate is None:
            continue
        binding = [literal_text(c) for c in rule.body if c is not condition] if aggregate.variables else []
        known = f"{numbers[without_guards(aggregate)]},{tuple_text(aggregate.variables)}"
        for number, element in enumerate(aggregate.elements):
            seen = tuple_text(seen_term(c, numbers) for c in element.conditions if not c.comparison)
            own = f"{known},{number},{tuple_text(element.terms)},{seen}"
            body = ", ".join((*binding, *map(literal_text, element.conditions)))
            yield f"_element({own}) :- {body}." if body else f"_element({own})."


def allowed_values(guards: Sequence[tuple[str, int]], negated: bool) -> tuple[Interval, ...]:
    """Give the values with which an aggregate meets what it is compared with; or with `negated` does not."""
    cuts = sorted({bound + step for _, bound in guards for step in (0, 1)})
    found: list[Interval] = []
    for low, high in zip((None, *cuts), (*cuts, None), strict=True):
        inside = low if low is not None else cuts[0] - 1
        if all(RELATIONS[relation](inside, bound) for relation, bound in guards) != negated:
            if found and found[-1][1] == low:
                found[-1] = (found[-1][0], high)
            else:
                found.append((low, high))
    return tuple(found)


def ground_guards(guards: clingo.Symbol) -> list[tuple[str, int]] | None:
    """Read what a ground aggregate is compared with; None where that is no number."""
    pairs = [(pair.arguments[0].string, pair.arguments[1]) for pair in guards.arguments]
    if any(bound.type != clingo.SymbolType.Number for _, bound in pairs):
        return None
    return [(relation, bound.number) for relation, bound in pairs]
