"""Read a guideline's files into rules with what they encode, checked before anything is answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import clingo
from clingo import ast

from reasoner.compiler import checks, rule_checks
from reasoner.compiler.aggregates import check_assigned, read_body, stand_ins
from reasoner.compiler.annotations import read_annotation
from reasoner.compiler.constructs import (
    atoms_in,
    check_conditions,
    check_head,
    check_statement,
    check_terms_of,
    predicates_of,
)
from reasoner.compiler.dosage import DOSAGE_PREDICATES
from reasoner.compiler.lexer import check_text
from reasoner.compiler.model import SCOPE, Annotation, Condition, Rule
from reasoner.compiler.sources import GuidelineFiles, SourceFile, place_name
from reasoner.compiler.syntax import (
    PlacedTerm,
    SyntaxTree,
    datum,
    name_anonymous,
    parse,
    undefined,
    variable_counts,
)
from reasoner.compiler.thresholds import with_cuts
from reasoner.compiler.vocabulary import GENERATED, GIVEN, Predicate, Vocabulary
from reasoner.compiler.writing_out import name_intervals, read_constants, written_out
from reasoner.errors import GuidelineError

__all__ = ["ParsedGuideline", "parse_guideline", "parsed_files", "placed_rules", "read_rules"]

CORE_RULES = ("vocabulary.lp", "units.lp", "possible.lp", "history.lp", "conclusions.lp", "wording.lp", "lexicon.lp")

CORE_OWN = ("from_record.lp", "open.lp", "space.lp", "defects.lp", "differences.lp")

DECLARING = {"alternative", "predicate", "term", "fact"}
NAME = re.compile(r"\b([a-z]\w*)\(")

Catalogue = dict[str, list[tuple[clingo.Symbol, ...]]]


@dataclass(frozen=True, eq=False)
class ParsedGuideline:
    """A guideline as read.

    `rules` are those that answers explain, `annotations` stand in the order of the text. `data` are the facts and rules of
    the catalogue as clingo text, with what is made of its thresholds, and `catalogue` holds the facts that they give, by
    predicate; `places` tells for such a fact, as clingo text, where it is written, and `supports` the annotation that it
    stands under. `dosage_order` has
    for each rule about doses its place among them: by its id, or by the fact that it is.
    """

    rules: tuple[Rule, ...]
    annotations: dict[str, Annotation]
    predicates: dict[str, Predicate]
    data: tuple[str, ...]
    catalogue: Catalogue
    places: dict[str, str]
    supports: dict[str, str]
    dosage_order: dict[str, int]

    def facts(self) -> Iterator[tuple[str, str | None]]:
        """Yield the catalogue as clingo facts, each with the annotation that it stands under."""
        for name, rows in self.catalogue.items():
            for row in rows:
                fact = str(clingo.Function(name, row))
                yield fact, self.supports.get(fact)

    def conditions(self) -> Iterator[str]:
        """Yield what data and rules depend on, as clingo text."""
        yield from (text.partition(":-")[2] for text in self.data if ":-" in text)
        yield from (condition.text for rule in self.rules for condition in rule.body)

    def reading_of(self, annotation: str | None) -> str | None:
        """Give the reading that an annotation is, or is an alternative of; None for any other."""
        known = None if annotation is None else self.annotations[annotation]
        if known is None or known.kind not in ("reading", "alternative"):
            return None
        return known.id.partition("=")[0]

    def data_under_readings(self) -> dict[str, str]:
        """Map the facts under readings to these, but for those from which other data follow or that declare something."""
        bodies = {name for text in self.data for name in NAME.findall(text.partition(":-")[2])} | DECLARING
        found = {fact: self.reading_of(annotation) for fact, annotation in self.supports.items()}
        return {
            fact: reading for fact, reading in found.items() if reading is not None and fact.partition("(")[0] not in bodies
        }


class WrittenRule(NamedTuple):
    """A rule as written, with its normalised head, its role, the conditions that explain it and all its atoms.

    A rule of the catalogue is data, which no answer explains: it has no conditions here.
    """

    tree: SyntaxTree
    annotation: str | None
    head: PlacedTerm
    role: str
    body: tuple[Condition, ...]
    atoms: tuple[PlacedTerm, ...]


def parsed_files(files: GuidelineFiles) -> list[SourceFile]:
    """List the files that are parsed, in their order: of the core only those with rules about every patient."""
    core = [file for name in CORE_RULES for file in files.core if file.path.name == name]
    return list({file.path: file for file in (*core, *files.own, *files.overlays)}.values())


def read_rules(
    files: GuidelineFiles, begin: Callable[[SyntaxTree], None] = lambda _: None
) -> tuple[list[WrittenRule], dict[str, Annotation], Vocabulary]:
    """Parse a guideline's files into rules, each by itself in order, with the annotations and the vocabulary.

    `begin` is called with each rule of its own before it is written out, and before it is read.
    """
    shared = shared_rules(files.core)
    origins = rule_checks.Origins(shared.paths, frozenset(file.path for file in files.overlays))
    for file in (*files.own, *files.overlays):
        check_text(file.text, place_name(file.path))
    trees = [tree for file in parsed_files(files) if file.path not in shared.read for tree in parse(file)]
    annotations, placed = collect(trees, origins)
    constants = read_constants(trees, files.core)
    placed = written_out(each(placed, begin), constants)
    vocabulary = shared.vocabulary.extended([tree for tree, _ in placed], shared.paths)
    rules = [read_rule(tree, own, vocabulary, annotations, origins) for tree, own in each(placed, begin)]
    return [*shared.rules, *rules], annotations, vocabulary


class SharedRules(NamedTuple):
    """The rules that all guidelines share, with what they declare: of all `paths` of the core those that are `read`."""

    paths: frozenset[Path]
    read: frozenset[Path]
    rules: tuple[WrittenRule, ...]
    vocabulary: Vocabulary


@lru_cache(maxsize=2)
def shared_rules(core: tuple[SourceFile, ...]) -> SharedRules:
    """Read the core's rules, which mean the same beside any guideline: none may declare their names otherwise."""
    read = [file for name in CORE_RULES for file in core if file.path.name == name]
    origins = rule_checks.Origins(frozenset(file.path for file in core), frozenset())
    annotations, placed = collect([tree for file in read for tree in parse(file)], origins)
    placed = written_out(placed, {})
    vocabulary = Vocabulary.reserving(names_beside(core)).extended([tree for tree, _ in placed], origins.core)
    rules = tuple(read_rule(tree, own, vocabulary, annotations, origins) for tree, own in placed)
    return SharedRules(origins.core, frozenset(file.path for file in read), rules, vocabulary)


def each(
    placed: Sequence[tuple[SyntaxTree, str | None]], begin: Callable[[SyntaxTree], None]
) -> Iterator[tuple[SyntaxTree, str | None]]:
    for tree, annotation in placed:
        begin(tree)
        yield tree, annotation


def names_beside(core: Sequence[SourceFile]) -> dict[str, str]:
    """Name the predicates that the core's other files speak of, with what is said where a guideline uses them."""
    return {
        name: f"{name} is a predicate of {place_name(file.path)}, which rules cannot ask for."
        for file in core
        if file.path.name in CORE_OWN
        for tree in parse(file)
        for name in predicates_of(tree)
        if name != SCOPE
    }


def parse_guideline(files: GuidelineFiles) -> ParsedGuideline:
    """Parse a guideline and check it.

    Raises GuidelineError, with file and line, for what cannot be parsed, rules without a statement, reading or overlay,
    undeclared predicates, misspelt terms, unknown trials and citations.
    """
    rules, annotations, vocabulary = read_rules(files)
    explained = tuple(numbered([rule for rule in rules if rule.role != "catalogue"]))
    check_assigned(explained)
    data = [rule for rule in rules if rule.role == "catalogue"]
    facts = [rule for rule in data if not rule.tree.node.body]
    catalogue = ground_catalogue(data, facts)
    shared = {file.path for file in files.core}
    made = with_cuts(catalogue, (rule.tree.text for rule in rules if rule.tree.path not in shared))
    parsed = ParsedGuideline(
        rules=(*explained, *stand_ins(explained)),
        annotations=annotations,
        predicates={**vocabulary.predicates, **GENERATED},
        data=(
            *(rule.tree.text for rule in data),
            *(f"{clingo.Function(name, row)}." for name, rows in made.items() for row in rows),
        ),
        catalogue={**catalogue, **made},
        places={str(rule.head): rule.tree.place for rule in facts},
        supports={str(rule.head): rule.annotation for rule in facts if rule.annotation is not None},
        dosage_order=dosage_order(rules, explained),
    )
    checks.check(
        checks.Written(
            tuple(atom for rule in rules for atom in rule.atoms),
            tuple(rule.head for rule in data),
            vocabulary.predicates,
            parsed.catalogue,
            parsed.rules,
            annotations,
            vocabulary.shared,
        ),
        [rule.tree for rule in rules if rule.tree.path not in shared],
        files.overlays,
    )
    return parsed


def collect(
    trees: Sequence[SyntaxTree], origins: rule_checks.Origins
) -> tuple[dict[str, Annotation], list[tuple[SyntaxTree, str | None]]]:
    """Sort syntax trees into annotations and rules, each rule with the annotation that it stands under."""
    annotations: dict[str, Annotation] = {}
    rules: list[tuple[SyntaxTree, str | None]] = []
    current: dict[Path, str] = {}
    opened: dict[Path, ast.Location] = {}
    for tree in trees:
        kind = tree.node.ast_type
        if kind == ast.ASTType.Comment:
            annotation = read_annotation(tree.node.value, tree.place)
            if annotation is not None:
                rule_checks.check_annotation(annotation, annotations, tree.path, origins)
                rule_checks.check_alternative(annotation, annotations)
                annotations[annotation.id] = annotation
                current[tree.path], opened[tree.path] = annotation.id, tree.node.location
        elif kind == ast.ASTType.Rule:
            check_head(tree)
            if tree.path in opened and tree.node.location.begin < opened[tree.path].begin:
                raise GuidelineError(
                    f"{tree.place}: {current[tree.path]} stands within this rule; write its block above it."
                )
            rules.append((tree, current.get(tree.path)))
        else:
            check_statement(tree)
    return annotations, rules


def read_rule(
    tree: SyntaxTree,
    annotation: str | None,
    vocabulary: Vocabulary,
    annotations: Mapping[str, Annotation],
    origins: rule_checks.Origins,
) -> WrittenRule:
    """Read a rule: as data, or as a rule that answers will explain."""
    here = tree.place
    check_terms_of(tree)
    check_conditions(tree)
    node = name_anonymous(tree)
    role = vocabulary.role(node, here)
    node = node if role == "catalogue" else name_intervals(node)
    head = node.head.atom.symbol
    own = PlacedTerm(head, here)
    if role == "catalogue":
        asked = [PlacedTerm(atom, here) for condition in tree.node.body for atom in atoms_in(condition)]
        rule_checks.check_data(own, asked, vocabulary)
        return WrittenRule(tree, annotation, own, role, (), (own, *asked))
    rule_checks.check_right_to_conclude(tree, role, annotation, annotations, vocabulary, origins)
    body, positive, read = read_body(node, here)
    atoms = [PlacedTerm(atom, here) for atom in read]
    for atom in atoms:
        vocabulary.predicate(atom.term, here)
    rule_checks.check_reading(annotation, annotations, tree.place, positive, atoms)
    given = [atom for atom in positive if vocabulary.predicate(atom, here).role in GIVEN | {"catalogue"}]
    rule_checks.check_variables(tree, head, positive, given, body, tree.path in origins.core)
    return WrittenRule(tree, annotation, own, role, body, (own, *atoms))


def placed_rules(files: GuidelineFiles) -> Iterator[tuple[str, SyntaxTree]]:
    """Yield the rules that answers explain as they are written out, by their ids; those of one pool have one location."""
    rules, _, _ = read_rules(files)
    explained = [rule for rule in rules if rule.role != "catalogue"]
    yield from ((rule.id, written.tree) for rule, written in zip(numbered(explained), explained, strict=True))


def dosage_order(rules: Sequence[WrittenRule], explained: Sequence[Rule]) -> dict[str, int]:
    """Give each rule about doses its place among them as they are written: by its id, or by its head where it is data."""
    ids = iter(explained)
    names = (str(rule.head) if rule.role == "catalogue" else next(ids).id for rule in rules)
    about_doses = (name for name, rule in zip(names, rules, strict=True) if rule.head.name in DOSAGE_PREDICATES)
    return {name: number for number, name in enumerate(about_doses)}


def numbered(rules: Sequence[WrittenRule]) -> Iterator[Rule]:
    """Give each rule its id: the statement, reading or overlay that it stands under, or else its file, and a number."""
    numbers: dict[str, int] = {}
    for rule in rules:
        owner = rule.annotation if rule.annotation is not None else rule.tree.path.stem
        numbers[owner] = numbers.get(owner, 0) + 1
        yield Rule(f"{owner}.{numbers[owner]}", str(rule.head), rule.body, rule.tree.place, rule.annotation, rule.role)


def explain_unsafe_data(data: Sequence[WrittenRule], messages: Sequence[str]) -> str:
    """Say which rule of the catalogue clingo refused, or left instances of out."""
    for rule in data:
        for name in variable_counts(rule.tree.text) if not rule.tree.node.body else ():
            return (
                f"{rule.tree.place}: {rule.head}: {name} begins with a capital letter and is a variable; "
                "a name begins with a small letter, a text stands in quotes."
            )
    for message in messages:
        found = re.match(r"<block>:(\d+):", message)
        if found is None:
            continue
        rule = data[int(found[1]) - 1]
        names = ", ".join(sorted(set(re.findall(r"note: '(\w+)' is unsafe", message))))
        problem = f"{names} stands in no positive condition of the rule; bind it there." if names else undefined(message)
        return f"{rule.tree.place}: {rule.head}: {problem}"
    return "\n".join(messages).strip()


def ground_catalogue(data: Sequence[WrittenRule], facts: Sequence[WrittenRule]) -> Catalogue:
    """Ground the catalogue alone, so that its terms are known; what is written as a fact comes first, as it is written."""
    order: dict[str, int] = {}
    for fact in facts:
        order.setdefault(str(fact.head), len(order))
    messages: list[str] = []
    control = clingo.Control(
        ["--warn=no-atom-undefined", "--warn=no-global-variable"], logger=lambda _, text: messages.append(text)
    )
    with suppress(RuntimeError):
        control.add("base", [], "\n".join(rule.tree.text for rule in data))
        control.ground()
    if messages:
        raise GuidelineError(explain_unsafe_data(data, messages))
    found: dict[str, list[tuple[int, tuple[clingo.Symbol, ...]]]] = {}
    for atom in control.symbolic_atoms:
        own = datum(atom.symbol)
        if not atom.is_fact:
            place = next(rule.tree.place for rule in data if rule.head.name == own.name)
            raise GuidelineError(
                f"{place}: {own.text} is data, and depends on itself through a negation; data are so or not so, "
                "whatever else is."
            )
        found.setdefault(own.name, []).append((order.get(own.text, len(order)), own.arguments))
    return {name: [row for _, row in sorted(rows)] for name, rows in found.items()}
