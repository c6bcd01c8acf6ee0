"""What a guideline is refused for, each with file and line: unexplainable rules, undeclared names, gaps in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import clingo
from clingo import ast

from reasoner.compiler.model import Annotation, Condition, Rule
from reasoner.compiler.selection import ANY
from reasoner.compiler.sources import MASTER, SourceFile, place_name
from reasoner.compiler.syntax import PlacedTerm, SyntaxTree, is_variable, split_term, variable_counts, variables
from reasoner.compiler.value_checks import RELATIONS, check_doses, check_thresholds, check_typical
from reasoner.compiler.variables import DEFAULT_ALTERNATIVE, reading_atom
from reasoner.compiler.vocabulary import GIVEN, NEEDS_ANNOTATION, Predicate, Vocabulary
from reasoner.errors import GuidelineError, article, nearest

__all__ = [
    "Origins",
    "Written",
    "check",
    "check_alternative",
    "check_annotation",
    "check_reading",
    "check_right_to_conclude",
    "check_variables",
]

FACT_KINDS = ("boolean", "choice", "list", "number", "courses")
COMPARED = (*RELATIONS, "course_at_least")
INTERVAL = re.compile(r"(\w+) = \(-?\d+\.\.-?\d+\)")


class Origins(NamedTuple):
    """Which files are the shared core's, and which are overlays; all others are the guideline's own."""

    core: frozenset[Path]
    overlays: frozenset[Path]


class Written(NamedTuple):
    """What was read of a guideline: all atoms as written, and what they were read into."""

    atoms: tuple[PlacedTerm, ...]
    predicates: Mapping[str, Predicate]
    catalogue: Mapping[str, Sequence[tuple[clingo.Symbol, ...]]]
    rules: tuple[Rule, ...]
    annotations: Mapping[str, Annotation]

    def rows(self, name: str) -> list[tuple[str, ...]]:
        """Give the facts of a predicate of the catalogue, their arguments as text."""
        return [tuple(map(str, row)) for row in self.catalogue.get(name, ())]

    def grouped(self, *names: str, key: int = 0, value: int = -1) -> dict[str, list[str]]:
        """Group an argument of the facts of predicates by another."""
        found: dict[str, list[str]] = {}
        for name in names:
            for row in self.rows(name):
                found.setdefault(row[key], []).append(row[value])
        return found

    def placed(self, name: str) -> Iterator[tuple[PlacedTerm, list[str]]]:
        """Yield the atoms of a predicate with their arguments as text."""
        for atom in self.atoms:
            found, arguments = split_term(atom.term)
            if found == name:
                yield atom, [str(argument) for argument in arguments]


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
    for term in (atom.term for atom in atoms if split_term(atom.term)[0] == "reading"):
        if kind not in ("reading", "alternative") or str(split_term(term)[1][0]) != own.lower():
            raise GuidelineError(f"{here}: {term}: only rules under a reading ask for one of its alternatives.")
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


def check_variables(
    tree: SyntaxTree, head: ast.AST, positive: Sequence[ast.AST], body: Sequence[Condition], core: bool
) -> None:
    """Check that each variable is bound, by an atom of the `positive` conditions, an interval, or a count or sum."""
    here = tree.place
    for name, count in variable_counts(tree.node).items():
        if count == 1:
            raise GuidelineError(
                f"{here}: {name} stands once in {tree.node} A name that begins with a capital letter is a variable; "
                "write _ where any will do."
            )
    if core or not tree.node.body:
        return
    bound = {name for atom in positive for name in variables(atom, arithmetic=False)}
    bound |= {name for condition in body for name in named_by(condition)}
    if variables(head, arithmetic=True) != variables(head, arithmetic=False):
        raise GuidelineError(f"{here}: {head}: no arithmetic before :-; name the result in a condition, as in J = I+1.")
    loose = variables(head, arithmetic=False) - bound
    if loose:
        raise GuidelineError(
            f"{here}: {min(loose)} of {head} stands in no positive condition, or only in arithmetic; bind it in one."
        )


def named_by(condition: Condition) -> Iterator[str]:
    """Yield the variables that a condition gives the values of an interval, or of a count or sum."""
    if condition.aggregate is not None and not condition.negated:
        yield from condition.aggregate.assigned
    elif condition.comparison and (found := INTERVAL.fullmatch(condition.text)) is not None:
        yield found[1]


def check(written: Written, overlays: Sequence[SourceFile]) -> None:
    """Check what the whole guideline says against what it declares."""
    check_thresholds(written)
    check_facts(written)
    check_typical(written)
    check_terms(written)
    check_members(written)
    check_doses(written)
    check_evidence(written)
    check_readings(written)
    check_overlays(written, overlays)


def check_facts(written: Written) -> None:
    """Check that what an unrecorded list and a number mean is said for each."""
    places = {arguments[1]: atom.place for atom, arguments in written.placed("fact")}
    said = {row[0] for name in ("default", "open_member") for row in written.rows(name)}
    meant = {argument for rule in written.rules for argument in re.findall(r"^applies\((.*)\)$", rule.head)}
    thresholds = {fact for fact, _ in written.rows("threshold")}
    numbers: dict[str, str] = {}
    for number, name, kind in written.rows("fact"):
        here = places.get(name, MASTER)
        if kind not in FACT_KINDS:
            raise GuidelineError(
                f'{here}: "{kind}" is not a kind of fact{nearest(kind, FACT_KINDS)}; allowed: {", ".join(FACT_KINDS)}'
            )
        if numbers.setdefault(number, name) != name:
            raise GuidelineError(f"{here}: {name} has the number of {numbers[number]}; number the facts in order.")
        if kind == "list" and name not in said:
            raise GuidelineError(
                f"{here}: what {name} holds while it is not recorded is not said; write open_member({name}, V) for each "
                f"member that is then unknown, or default({name}, empty)."
            )
        if name in thresholds and name not in meant and not any(is_variable(argument) for argument in meant):
            raise GuidelineError(
                f"{here}: when {name} has a value is not said; write applies({name}) with its conditions, or as a fact."
            )


def check_readings(written: Written) -> None:
    """Check that the alternatives of readings are declared, and that only those are asked for."""
    declared = {(reading, name) for reading, name in written.rows("alternative")}
    for annotation in written.annotations.values():
        reading, _, name = annotation.id.partition("=")
        if annotation.kind == "alternative" and (reading.lower(), name) not in declared:
            raise GuidelineError(
                f"{annotation.place}: {annotation.id}: write alternative({reading.lower()}, {name}). under it."
            )
    for (term, here), (reading, name) in written.placed("alternative"):
        if f"{reading}={name}" not in {other.lower() for other in written.annotations}:
            raise GuidelineError(
                f"{here}: {term}: no annotation says what it is; write @alternative {reading.upper()}={name}."
            )
    with_default = declared | {(reading, DEFAULT_ALTERNATIVE) for reading, _ in declared}
    for (term, here), pair in written.placed("reading"):
        if tuple(pair) not in with_default:
            allowed = ", ".join(f"reading({reading}, {name})" for reading, name in sorted(with_default))
            raise GuidelineError(f"{here}: {term} is never so; allowed: {allowed or 'none: no alternative is declared'}.")


class Domain:
    """What the constants of a guideline can be: the terms of each kind, the values and the thresholds of each fact."""

    def __init__(self, written: Written) -> None:
        self.terms = {kind: set(names) for kind, names in written.grouped("term", value=1).items()}
        for kind, names in written.grouped("fact", key=2, value=1).items():
            self.terms.setdefault(kind, set()).update(names)
            self.terms.setdefault("fact", set()).update(names)
        self.terms["part"] = self.terms.get("drug", set()) | self.terms.get("class", set())
        self.values = {fact: set(values) for fact, values in written.grouped("value").items()}
        self.values |= {fact: self.terms.get(members, set()) for fact, members in written.rows("members")}
        self.thresholds = written.grouped("threshold", "course_threshold")

    def allowed(self, predicate: str, kind: str, before: str) -> tuple[str, set[str]] | None:
        """Say what a constant of a kind is called and can be, after the constant `before` it; None where anything goes."""
        if kind in ("any", "whole"):
            return None
        if kind == "value":
            return (f"value of {before}", self.values.get(before, set())) if before else None
        if kind == "bound":
            bounds = self.thresholds.get(before) if predicate in COMPARED else None
            return None if bounds is None else (f"threshold of {before}", set(bounds))
        return kind, self.terms.get(kind, set())


def check_terms(written: Written) -> None:
    """Check the constants in every atom against the kinds that its predicate declares."""
    domain = Domain(written)
    for term, here in written.atoms:
        name, arguments = split_term(term)
        before = ""
        for kind, argument in zip(written.predicates[name].kinds, arguments, strict=True):
            if name == "predicate" or argument.ast_type != ast.ASTType.SymbolicTerm:
                before = ""
                continue
            found, expected = str(argument), domain.allowed(name, kind, before)
            if expected is not None and found not in expected[1]:
                noun, allowed = expected
                others = [other for other, names in domain.terms.items() if found in names]
                if others:
                    raise GuidelineError(f'{here}: {term}: "{found}" is {article(others[0])}, not {article(noun)}.')
                raise GuidelineError(
                    f'{here}: {term}: "{found}" is not {article(noun)}{nearest(found, allowed)}; '
                    f"allowed: {', '.join(sorted(allowed)) or 'none is declared'}"
                )
            if expected is not None or kind != "value":
                before = found


def check_members(written: Written) -> None:
    """Check that every regimen has its parts or says that it has none, every class its members, every strength its place."""
    parts, without = set(written.grouped("part")), {regimen for (regimen,) in written.rows("without_drugs")}
    needed = {
        "regimen": (
            parts | without,
            "has no part; write part({0}, D) for each drug or class in it, or without_drugs({0}).",
        ),
        "class": (
            {row[1] for row in written.rows("class_of")},
            "has no member; write class_of(D, {0}) for each drug of it.",
        ),
        "strength": (
            {row[1] for row in written.rows("strength_order")},
            "has no place among the others; write strength_order(N, {0}).",
        ),
    }
    for atom, (kind, own, _) in written.placed("term"):
        if kind in needed and own not in needed[kind][0]:
            raise GuidelineError(f"{atom.place}: the {kind} {own} {needed[kind][1].format(own)}")
    for atom, (own,) in written.placed("without_drugs"):
        if own in parts:
            raise GuidelineError(f"{atom.place}: {atom.term}: the regimen {own} has parts; drop one or the other.")


def check_evidence(written: Written) -> None:
    """Check that the trials, citations and statements which the annotations name exist."""
    trials = {row[0] for row in written.rows("trial")}
    citations = {row[0].number for row in written.catalogue.get("citation", ())}
    for annotation in written.annotations.values():
        here = f"{annotation.place}: {annotation.id}"
        for trial in annotation.trials:
            if trial not in trials:
                raise GuidelineError(f'{here} names the trial "{trial}", which is not declared{nearest(trial, trials)}')
        for number in annotation.citations:
            if number not in citations:
                raise GuidelineError(f"{here} cites [{number}]; declared citations: {sorted(citations)}.")
        for statement in annotation.reads:
            if statement not in written.annotations:
                raise GuidelineError(
                    f'{here} reads "{statement}", which is not a statement{nearest(statement, written.annotations)}'
                )


def check_overlays(written: Written, overlays: Sequence[SourceFile]) -> None:
    """Check that every overlay says what it is for."""
    for file in overlays:
        name = place_name(file.path)
        if not any(
            annotation.kind == "overlay" and annotation.place.startswith(f"{name}:")
            for annotation in written.annotations.values()
        ):
            raise GuidelineError(f"{name}: no @overlay annotation in it; say in one what the local rules are for.")
