"""What a single rule or annotation of a guideline is refused for, each with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clingo import ast

from reasoner.compiler.model import Annotation, Condition
from reasoner.compiler.selection import ANY
from reasoner.compiler.syntax import PlacedTerm, SyntaxTree, variable_counts, variables
from reasoner.compiler.variables import DEFAULT_ALTERNATIVE, reading_atom
from reasoner.compiler.vocabulary import GIVEN, NEEDS_ANNOTATION, Vocabulary
from reasoner.compiler.writing_out import name_intervals
from reasoner.errors import GuidelineError, nearest

__all__ = [
    "Origins",
    "check_alternative",
    "check_annotation",
    "check_data",
    "check_reading",
    "check_right_to_conclude",
    "check_variables",
]

INTERVAL = re.compile(r"(\w+) = \(-?\d+\.\.-?\d+\)")


class Origins(NamedTuple):
    """Which files are the shared core's, and which are overlays; all others are the guideline's own."""

    core: frozenset[Path]
    overlays: frozenset[Path]


def check_annotation(annotation: Annotation, known: Mapping[str, Annotation], file: Path, origins: Origins) -> None:
    """Check that an annotation is the only one with its id, and stands where it may."""
    if annotation.id in known:
        raise GuidelineError(
            f"{annotation.place}: {annotation.kind} {annotation.id} already stands at {known[annotation.id].place}; "
            "give it one annotation."
        )
    if (annotation.kind == "overlay") != (file in origins.overlays):
        where = "an overlay's file" if file in origins.overlays else "the guideline's folder"
        raise GuidelineError(
            f"{annotation.place}: @{annotation.kind} in {where}; local rules stand under @overlay in a file of their own."
        )


def check_alternative(annotation: Annotation, known: Mapping[str, Annotation]) -> None:
    """Check that an alternative belongs to a reading that stands above it, and is not its default."""
    reading, _, name = annotation.id.partition("=")
    if annotation.kind != "alternative":
        return
    if reading not in known or known[reading].kind != "reading":
        readings = [other for other, own in known.items() if own.kind == "reading"]
        raise GuidelineError(
            f"{annotation.place}: no reading {reading} stands above its alternative {name}{nearest(reading, readings)}."
        )
    if name == DEFAULT_ALTERNATIVE:
        raise GuidelineError(
            f"{annotation.place}: {name} is the default; its rules stand under @reading {reading} "
            f"and ask reading({reading.lower()}, {name})."
        )
    if name == ANY:
        raise GuidelineError(
            f"{annotation.place}: {name} leaves the choice open; call the alternative otherwise, such as b."
        )


def check_reading(
    annotation: str | None,
    annotations: Mapping[str, Annotation],
    here: str,
    positive: Sequence[ast.AST],
    atoms: Sequence[PlacedTerm],
) -> None:
    """Check that a rule asks for an alternative only of its own reading, and under an alternative for that one."""
    kind = annotations[annotation].kind if annotation is not None else ""
    own, _, name = (annotation or "").partition("=")
    for atom in (atom for atom in atoms if atom.name == "reading"):
        if kind not in ("reading", "alternative") or str(atom.arguments[0]) != own.lower():
            raise GuidelineError(f"{here}: {atom}: only rules under a reading ask for one of its alternatives.")
    if kind == "alternative" and reading_atom(own, name) not in map(str, positive):
        raise GuidelineError(
            f"{here}: the rule stands under {annotation} and holds without it; add the condition "
            f"reading({own.lower()}, {name})."
        )


def check_right_to_conclude(
    tree: SyntaxTree,
    role: str,
    annotation: str | None,
    annotations: Mapping[str, Annotation],
    vocabulary: Vocabulary,
    origins: Origins,
) -> None:
    """Check that a rule may conclude what it does where it stands."""
    here, head = tree.place, tree.node.head
    if role == "reading":
        raise GuidelineError(
            f"{here}: {head}: how a reading is taken is chosen with the guideline; a rule can ask for it alone."
        )
    if role in GIVEN:
        raise GuidelineError(
            f"{here}: {head} comes from the record; a rule cannot conclude it. Derive a predicate of your own."
        )
    if tree.path not in origins.core:
        if role == "conclusion":
            positions = ", ".join(name for name, own in vocabulary.predicates.items() if own.role == "position")
            raise GuidelineError(f"{here}: {head} is drawn from positions; conclude a position ({positions}) instead.")
        if annotation is None and (role in NEEDS_ANNOTATION or tree.path in origins.overlays):
            raise GuidelineError(
                f"{here}: {head} is concluded without a statement, a reading or an overlay; "
                "put the rule under the annotation that it encodes."
            )
    if annotation is not None and annotations[annotation].unformalised:
        raise GuidelineError(f"{here}: {annotation} is marked @unformalised and has a rule; drop one or the other.")


def check_data(head: PlacedTerm, asked: Sequence[PlacedTerm], vocabulary: Vocabulary) -> None:
    """Check that what is the same for every patient follows from nothing else."""
    name = head.name
    for atom in asked:
        role = vocabulary.predicate(atom.term, atom.place).role
        if role != "catalogue":
            advice = (
                f"write {name} without conditions on the patient, and put {atom} into the rules that conclude from it"
                if name in vocabulary.shared
                else f"declare {name} as derived, under the statement that it encodes, or as space, for a definition"
            )
            raise GuidelineError(
                f"{atom.place}: {head} is data, the same for every patient, and {atom} ({role}) is not; {advice}."
            )


def check_variables(
    tree: SyntaxTree,
    head: ast.AST,
    positive: Sequence[ast.AST],
    given: Sequence[ast.AST],
    body: Sequence[Condition],
    core: bool,
) -> None:
    """Check that each variable is bound: by an atom of the `positive` conditions, an interval, a count or a sum.

    What is calculated from the atoms of `given`, which no rule adds to without end, is bound, too.
    """
    here = tree.place
    for name, count in variable_counts(tree.text).items():
        if count == 1:
            raise GuidelineError(
                f"{here}: {name} stands once in {tree.text} A name that begins with a capital letter is a variable; "
                "write _ where any will do."
            )
    if core or not tree.node.body:
        return
    bound = {name for atom in positive for name in variables(atom, arithmetic=False)}
    bound |= {name for condition in body for name in named_by(condition)}
    if variables(head, arithmetic=True) != variables(head, arithmetic=False):
        raise GuidelineError(f"{here}: {head}: no arithmetic before :-; name the result in a condition, as in J = I+1.")
    known = {name for atom in given for name in variables(atom, arithmetic=False)}
    bound |= calculated(name_intervals(tree.node).body, known)
    loose = variables(head, arithmetic=False) - bound
    if loose:
        raise GuidelineError(
            f"{here}: {min(loose)} of {head} stands in no positive condition, or only in arithmetic; bind it in one, or "
            "calculate it from what conditions on data or the record bind, which cannot count without end."
        )


def calculated(body: Sequence[ast.AST], known: set[str]) -> set[str]:
    """Find the variables that conditions give the value of a calculation with `known` ones."""
    equal = [
        (node.atom.term, node.atom.guards[0].term)
        for node in body
        if node.ast_type == ast.ASTType.Literal
        and node.atom.ast_type == ast.ASTType.Comparison
        and len(node.atom.guards) == 1
        and node.atom.guards[0].comparison == ast.ComparisonOperator.Equal
    ]
    found: set[str] = set()
    while True:
        new = {
            named.name
            for pair in equal
            for named, other in (pair, pair[::-1])
            if named.ast_type == ast.ASTType.Variable and variables(other, arithmetic=True) <= known | found
        }
        if new <= found:
            return found
        found |= new


def named_by(condition: Condition) -> Iterator[str]:
    """Yield the variables that a condition gives the values of an interval, or of a count or sum."""
    if condition.aggregate is not None and not condition.negated:
        yield from condition.aggregate.assigned
    elif condition.comparison and (found := INTERVAL.fullmatch(condition.text)) is not None:
        yield found[1]
