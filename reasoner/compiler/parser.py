"""Read a guideline's files: rules with what they encode, checked before anything is answered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import clingo
from clingo import ast

from reasoner.compiler.annotations import read_annotation
from reasoner.compiler.model import Annotation, Condition, Rule
from reasoner.errors import GuidelineError, nearest

__all__ = ["GIVEN", "Source", "core_files", "read_source"]

MASTER = "guideline.lp"
READINGS = "readings.lp"
CORE_RULES = ("vocabulary.lp", "possible.lp", "history.lp", "conclusions.lp", "wording.lp", "lexicon.lp")

FACTS = ("boolean", "choice", "list", "number", "courses")
GROUNDED = {"space", "derived", "position", "conclusion"}
NEEDS_ANNOTATION = {"derived", "position", "conclusion"}
GIVEN = {"record", "patient", "history"}


@dataclass(slots=True)
class Source:
    """A guideline as read: its rules, its annotations in the order of the text, its data, its warnings."""

    rules: list[Rule] = field(default_factory=list)
    annotations: dict[str, Annotation] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    order: dict[str, int] = field(default_factory=dict)
    supports: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    phrases: dict[str, str] = field(default_factory=dict)
    catalogue: dict[str, list[tuple[clingo.Symbol, ...]]] = field(default_factory=dict)

    def facts(self) -> Iterator[tuple[str, str | None]]:
        """Yield the ground catalogue as clingo facts, each with the annotation that it stands under."""
        for name, rows in self.catalogue.items():
            for row in rows:
                head = str(clingo.Function(name, row))
                yield head, self.supports.get(head)


def core_files() -> list[Path]:
    """Give the core's files that a guideline is read with, in order."""
    folder = Path(str(resources.files("asp"))) / "core"
    return [(folder / name).resolve() for name in CORE_RULES]


TOKEN = re.compile(
    r"""%\*(?P<annotation>.*?)\*%|%[^\n]*|"(?:\\.|[^"\\\n])*"|\#include\s*(?P<path><[^>\n]*>|"[^"\n]*")?\s*\.?|(?P<script>\#script\b)""",
    re.DOTALL | re.VERBOSE,
)


def reachable(master: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield `master` and what it includes, in reading order, each with its text.

    Included files are read here and not by clingo, which would look for them in the working directory first. Raises
    GuidelineError for files outside `folder`, files that cannot be read, and code.
    """
    seen: set[Path] = set()

    def walk(path: Path, via: str) -> Iterator[tuple[Path, str]]:
        real = path.resolve()
        if real in seen:
            return
        seen.add(real)
        if not real.is_relative_to(folder):
            raise GuidelineError(f'{via}: #include of "{path}" leaves the folder {folder}; move the file into it.')
        try:
            text = real.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise GuidelineError(f"{via}: {path} cannot be read: {reason}.") from None
        included: list[tuple[str, str]] = []

        def take(token: re.Match[str]) -> str:
            here = f"{name_of(real)}:{text.count(chr(10), 0, token.start()) + 1}"
            if token["script"]:
                raise GuidelineError(f"{here}: #script would run code; a guideline holds rules and facts only.")
            if not token[0].startswith("#include"):
                return token[0]
            if not token["path"] or token["path"].startswith("<"):
                raise GuidelineError(f'{here}: #include takes a file of the guideline\'s folder: #include "NAME.lp".')
            included.append((token["path"][1:-1], here))
            return ""

        own = TOKEN.sub(take, text)
        yield real, own
        for name, here in included:
            yield from walk(real.parent / name, here)

    yield from walk(master, str(folder))


def alone(overlay: Path) -> list[tuple[Path, str]]:
    """Read an overlay, which is one file."""
    files = list(reachable(overlay, overlay.parent))
    if len(files) > 1:
        raise GuidelineError(
            f"{name_of(overlay)}: an overlay is one file; lay {files[1][0].name} on top by its own --overlay."
        )
    return files


class Tree(NamedTuple):
    """A syntax tree with the file that it stands in."""

    node: ast.AST
    path: Path

    @property
    def place(self) -> str:
        return f"{name_of(self.path)}:{self.node.location.begin.line}"


def name_of(path: Path) -> str:
    """Name a file for messages: its folder and its name."""
    return f"{path.parent.name}/{path.name}"


def parse(path: Path, text: str) -> list[Tree]:
    """Parse a file into clingo's syntax trees, in the order of their lines; a syntax error names its place."""
    messages: list[str] = []
    trees: list[Tree] = []

    def take(node: ast.AST) -> None:
        if node.ast_type != ast.ASTType.Program or node.name != "base" or node.parameters:
            trees.append(Tree(node, path))

    try:
        ast.parse_string(text, take, logger=lambda _, message: messages.append(message))
    except RuntimeError:
        raise GuidelineError("\n".join(messages).replace("<string>", name_of(path)).strip()) from None
    trees.sort(key=lambda tree: tree.node.location.begin.line)
    return trees


class VariableNormaliser(ast.Transformer):
    """Names the anonymous variables of positive conditions, so that an instance says what they stood for; refuses calls."""

    def __init__(self, here: str) -> None:
        self.here = here
        self.positive = True
        self.count = 0

    def visit_Literal(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        self.positive = node.sign == ast.Sign.NoSign
        tidy = node.update(**self.visit_children(node))
        self.positive = True
        return tidy

    def visit_Variable(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        if node.name != "_" or not self.positive:
            return node
        self.count += 1
        return node.update(name=f"Any{self.count}")

    def visit_Function(self, node: ast.AST) -> ast.AST:  # noqa: N802 (clingo's name)
        if node.external:
            raise GuidelineError(f"{self.here}: {node} calls a function; a guideline holds rules and facts only.")
        return node.update(**self.visit_children(node))


def read_condition(node: ast.AST, here: str) -> tuple[Condition, ast.AST | None]:
    """Read one condition of a body, refusing what could not be explained condition by condition."""
    if node.ast_type == ast.ASTType.Literal:
        atom = node.atom
        if atom.ast_type == ast.ASTType.Comparison and node.sign == ast.Sign.NoSign:
            return Condition(str(node), comparison=True), None
        if atom.ast_type == ast.ASTType.SymbolicAtom and node.sign != ast.Sign.DoubleNegation:
            negated = node.sign == ast.Sign.Negation
            if negated and "_" in re.findall(r"\b_\b", str(atom)):
                raise GuidelineError(
                    f"{here}: {node}: a negated condition names no anonymous variable; derive a helper without it first."
                )
            return Condition(str(atom), negated), atom.symbol
    raise GuidelineError(
        f"{here}: {node}: a condition is an atom, a negated atom or a comparison; "
        "derive anything else by rules of their own."
    )


def constants(term: ast.AST) -> tuple[str, list[ast.AST]]:
    """Split an atom's syntax tree into its name and arguments."""
    if term.ast_type == ast.ASTType.Function and not term.external:
        return term.name, list(term.arguments)
    if term.ast_type == ast.ASTType.SymbolicTerm and term.symbol.type == clingo.SymbolType.Function:
        return term.symbol.name, []
    return str(term), []


def without_strings(text: str) -> str:
    return re.sub(r'"[^"]*"', "", text)


def has_alternatives(text: str) -> bool:
    """Tell whether an atom stands for several: by an interval or a pool."""
    return bool(re.search(r"\.\.|\(.*;", without_strings(text)))


def variables(term: ast.AST, arithmetic: bool) -> set[str]:
    """Collect the variables of a term, with those in arithmetic or without."""
    if term.ast_type == ast.ASTType.Variable:
        return {term.name}
    if term.ast_type == ast.ASTType.Function:
        return {name for argument in term.arguments for name in variables(argument, arithmetic)}
    if arithmetic and term.ast_type == ast.ASTType.BinaryOperation:
        return variables(term.left, arithmetic) | variables(term.right, arithmetic)
    return variables(term.argument, arithmetic) if arithmetic and term.ast_type == ast.ASTType.UnaryOperation else set()


class Reader:
    """Reads the parsed files into a `Source`, with every check that needs the places of the text."""

    def __init__(self, local: set[Path], core: set[Path]) -> None:
        self.source = Source()
        self.kinds = self.source.kinds
        self.local = local
        self.core = core
        self.atoms: list[tuple[ast.AST, str]] = []
        self.pending: list[tuple[Tree, str | None]] = []
        self.numbers: dict[str, int] = {}

    def collect(self, trees: Sequence[Tree]) -> None:
        """Sort the trees into annotations and rules, each rule with the annotation it stands under."""
        current: dict[Path, str] = {}
        for tree in trees:
            kind = tree.node.ast_type
            if kind == ast.ASTType.Comment:
                annotation = read_annotation(tree.node.value, tree.place)
                if annotation is not None:
                    self.add_annotation(annotation, tree.path)
                    current[tree.path] = annotation.id
            elif kind == ast.ASTType.Rule:
                self.pending.append((tree, current.get(tree.path)))
            elif kind not in (ast.ASTType.Defined, ast.ASTType.ShowSignature):
                raise GuidelineError(
                    f"{tree.place}: {str(tree.node).splitlines()[0]}: not allowed; "
                    "a guideline holds rules, facts, #include, #show and #defined."
                )

    def add_annotation(self, annotation: Annotation, file: Path) -> None:
        known = self.source.annotations.get(annotation.id)
        if known is not None:
            raise GuidelineError(
                f"{annotation.place}: {annotation.kind} {annotation.id} stands already at {known.place}; give it one annotation."
            )
        if (annotation.kind == "overlay") != (file in self.local):
            where = "an overlay's file" if file in self.local else "the guideline's folder"
            raise GuidelineError(
                f"{annotation.place}: @{annotation.kind} in {where}; local rules stand under @overlay in a file of their own."
            )
        self.source.annotations[annotation.id] = annotation

    def sort(self) -> None:
        """Turn the rules into data and explained rules, once the vocabulary is known."""
        self.vocabulary()
        for tree, annotation in self.pending:
            self.rule(tree, annotation)

    def vocabulary(self) -> None:
        for tree, _ in self.pending:
            name, arguments = self.head(tree)
            if name != "predicate" or tree.node.body:
                continue
            try:
                signature, role, phrase = arguments
                predicate, kinds = constants(signature)
                self.kinds[predicate] = tuple(str(k) for k in kinds)
                self.source.roles[predicate] = str(role)
                self.source.phrases[predicate] = phrase.symbol.string
            except (ValueError, AttributeError, RuntimeError):
                raise GuidelineError(f'{tree.place}: write predicate(name(kind, ...), role, "phrase").') from None
            allowed = GROUNDED | GIVEN | {"catalogue"}
            if str(role) not in allowed:
                raise GuidelineError(
                    f'{tree.place}: "{role}" is no role{nearest(str(role), allowed)}; allowed: {", ".join(sorted(allowed))}'
                )
        self.kinds["predicate"] = ("any", "any", "any")
        self.source.roles["predicate"] = "catalogue"

    def head(self, tree: Tree) -> tuple[str, list[ast.AST]]:
        head = tree.node.head
        plain = head.ast_type == ast.ASTType.Literal and head.sign == ast.Sign.NoSign
        if plain and head.atom.ast_type == ast.ASTType.SymbolicAtom:
            return constants(head.atom.symbol)
        raise GuidelineError(
            f"{tree.place}: {tree.node}: a rule of a guideline has one atom before :-; "
            "choices, constraints and alternatives have no place in it."
        )

    def check_name(self, term: ast.AST, here: str) -> str:
        name, arguments = constants(term)
        kinds = self.kinds.get(name)
        if kinds is None:
            raise GuidelineError(
                f'{here}: predicate "{name}" is not declared{nearest(name, self.kinds)}. '
                'Declare it: predicate(name(kind, ...), role, "phrase").'
            )
        if len(kinds) != len(arguments):
            raise GuidelineError(f"{here}: {term}: {name} takes {len(kinds)} argument(s): {name}({', '.join(kinds)}).")
        self.atoms.append((term, here))
        return name

    def rule(self, tree: Tree, annotation: str | None) -> None:
        """Keep a rule: as data, or as a rule that answers will explain."""
        node = VariableNormaliser(tree.place)(tree.node)
        self.head(tree)
        head = node.head.atom.symbol
        role = self.source.roles[self.check_name(head, tree.place)]
        if role == "catalogue":
            self.source.data.append(str(tree.node))
            if not node.body:
                self.source.order.setdefault(str(head), len(self.source.order))
                if annotation is not None:
                    self.source.supports[str(head)] = annotation
            return
        self.check_right_to_conclude(tree, role, annotation)
        body = self.body(node, tree)
        owner = annotation if annotation is not None else tree.path.stem
        self.numbers[owner] = self.numbers.get(owner, 0) + 1
        rule_id = f"{owner}.{self.numbers[owner]}"
        self.source.rules.append(Rule(rule_id, str(node.head), body, tree.place, annotation, role))

    def check_right_to_conclude(self, tree: Tree, role: str, annotation: str | None) -> None:
        """Check that a rule may conclude what it does where it stands."""
        here, head = tree.place, tree.node.head
        if role in GIVEN:
            raise GuidelineError(
                f"{here}: {head} comes from the record; a rule cannot conclude it. Derive a predicate of your own."
            )
        if tree.path not in self.core:
            if role == "conclusion":
                positions = ", ".join(name for name, own in self.source.roles.items() if own == "position")
                raise GuidelineError(f"{here}: {head} is drawn from positions; conclude a position ({positions}) instead.")
            if annotation is None and (role in NEEDS_ANNOTATION or tree.path in self.local):
                raise GuidelineError(
                    f"{here}: {head} is concluded without a statement, a reading or an overlay; "
                    "put the rule under the annotation that it encodes."
                )
        if annotation is not None and self.source.annotations[annotation].unformalised:
            raise GuidelineError(f"{here}: {annotation} is marked @unformalised and has a rule; drop the one or the other.")

    def body(self, node: ast.AST, tree: Tree) -> tuple[Condition, ...]:
        """Read a rule's body, refusing what could not be explained condition by condition or would never end."""
        here, head = tree.place, node.head.atom.symbol
        if has_alternatives(str(head)):
            raise GuidelineError(f"{here}: {head}: write one rule for each alternative, so that each can be explained.")
        bound: set[str] = set()
        conditions = []
        for literal in node.body:
            condition, atom = read_condition(literal, here)
            if has_alternatives(condition.text):
                raise GuidelineError(
                    f"{here}: {literal}: write one rule for each alternative, so that each can be explained."
                )
            if atom is not None:
                self.check_name(atom, here)
                bound |= set() if condition.negated else variables(atom, arithmetic=False)
            conditions.append(condition)
        counts = Counter(re.findall(r"\b_*[A-Z]\w*", without_strings(str(tree.node))))
        for name, count in counts.items():
            if count == 1:
                raise GuidelineError(
                    f"{here}: {name} stands once in {tree.node} A name that begins with a capital letter is a variable; "
                    "write _ where any will do."
                )
        if tree.path in self.core or not node.body:
            return tuple(conditions)
        if variables(head, arithmetic=True) != variables(head, arithmetic=False):
            raise GuidelineError(f"{here}: {head}: no arithmetic before :-; name the result in a condition, as in J = I+1.")
        loose = variables(head, arithmetic=False) - bound
        if loose:
            raise GuidelineError(
                f"{here}: {min(loose)} of {head} stands in no positive condition, or only in arithmetic; bind it in one."
            )
        return tuple(conditions)

    def ground_data(self) -> None:
        """Ground the catalogue alone, so that its terms are known."""
        control = clingo.Control(["--warn=none"])
        control.add("base", [], "\n".join(self.source.data))
        control.ground()
        for atom in control.symbolic_atoms:
            symbol = atom.symbol
            self.source.catalogue.setdefault(symbol.name, []).append(tuple(symbol.arguments))
        for name, rows in self.source.catalogue.items():
            rows.sort(key=lambda row: (self.source.order.get(str(clingo.Function(name, row)), len(self.source.order)), row))

    def check_facts(self) -> None:
        """Check that what an unrecorded list and a number mean is said for each, and that the usual values exist."""
        table = self.source.catalogue
        places = {str(constants(term)[1][1]): here for term, here in self.atoms if constants(term)[0] == "fact"}
        said = {str(row[0]) for name in ("default", "open_member") for row in table.get(name, [])}
        meant = {argument for rule in self.source.rules for argument in re.findall(r"^applies\((.*)\)$", rule.head)}
        thresholds: dict[str, list[str]] = {}
        for fact, bound in table.get("threshold", []):
            thresholds.setdefault(str(fact), []).append(str(bound))
        numbers: dict[int, str] = {}
        for number, fact, kind in table.get("fact", []):
            name, here = str(fact), places.get(str(fact), MASTER)
            if str(kind) not in FACTS:
                raise GuidelineError(
                    f'{here}: "{kind}" is no kind of fact{nearest(str(kind), FACTS)}; allowed: {", ".join(FACTS)}'
                )
            if numbers.setdefault(number.number, name) != name:
                raise GuidelineError(
                    f"{here}: {name} has the number of {numbers[number.number]}; number the facts in order."
                )
            if str(kind) == "list" and name not in said:
                raise GuidelineError(
                    f"{here}: what {name} holds while it is not recorded is not said; write open_member({name}, V) for each "
                    f"member that is then unknown, or default({name}, empty)."
                )
            if name in thresholds and name not in meant and not any(argument[:1].isupper() for argument in meant):
                raise GuidelineError(
                    f"{here}: when {name} has a value is not said; write applies({name}) with its conditions, or as a fact."
                )
        self.check_usual({str(fact): str(kind) for _, fact, kind in table.get("fact", [])}, thresholds)

    def check_catalogue(self) -> None:
        """Check that every regimen has its parts, every class its members, and every strength its place."""
        needed = {
            "regimen": ("part", 0, "has no part; write part({0}, D) for each drug or class in it"),
            "class": ("class_of", 1, "has no member; write class_of(D, {0}) for each drug of it"),
            "strength": ("strength_order", 1, "has no place among the others; write strength_order(N, {0})"),
        }
        for term, here in self.atoms:
            name, arguments = constants(term)
            kind, own = (str(argument) for argument in arguments[:2]) if name == "term" else ("", "")
            if kind not in needed:
                continue
            predicate, place, advice = needed[kind]
            if own not in {str(row[place]) for row in self.source.catalogue.get(predicate, [])}:
                raise GuidelineError(f"{here}: the {kind} {own} {advice.format(own)}.")

    def check_usual(self, kinds: dict[str, str], thresholds: dict[str, list[str]]) -> None:
        """Check the values of the default patient."""
        values: dict[str, list[str]] = {}
        for owner, _, allowed_value in self.source.catalogue.get("value", []):
            values.setdefault(str(owner), []).append(str(allowed_value))
        for term, here in self.atoms:
            name, arguments = constants(term)
            if name != "typical" or str(arguments[0]) == "outcome":
                continue
            fact, value = map(str, arguments)
            if fact not in kinds:
                raise GuidelineError(f'{here}: {term}: "{fact}" is no fact{nearest(fact, kinds)}')
            bounds = [f"{relation}({bound})" for bound in thresholds.get(fact, ()) for relation in ("at_most", "more_than")]
            by_kind = {"boolean": ["true", "false"], "number": bounds}
            allowed = by_kind.get(kinds[fact]) or values.get(fact, [value])
            if value not in allowed:
                raise GuidelineError(f'{here}: {term}: "{value}" is no value of {fact}; allowed: {", ".join(allowed)}')

    def check_terms(self) -> None:
        """Check the constants in every atom against the kinds that its predicate declares."""
        terms: dict[str, set[str]] = {}
        for row in self.source.catalogue.get("term", []):
            terms.setdefault(str(row[0]), set()).add(str(row[1]))
        for row in self.source.catalogue.get("fact", []):
            terms.setdefault(str(row[2]), set()).add(str(row[1]))
            terms.setdefault("fact", set()).add(str(row[1]))
        terms["part"] = terms.get("drug", set()) | terms.get("class", set())
        values: dict[str, set[str]] = {}
        for fact, _, value in self.source.catalogue.get("value", []):
            values.setdefault(str(fact), set()).add(str(value))
        for fact, members in self.source.catalogue.get("members", []):
            values[str(fact)] = terms.get(str(members), set())
        thresholds: dict[str, set[str]] = {}
        for relation in ("threshold", "course_threshold"):
            for fact, bound in self.source.catalogue.get(relation, []):
                thresholds.setdefault(str(fact), set()).add(str(bound))
        for term, here in self.atoms:
            name, arguments = constants(term)
            if name == "predicate":
                continue
            before = ""
            for kind, argument in zip(self.kinds[name], arguments, strict=True):
                if argument.ast_type != ast.ASTType.SymbolicTerm:
                    before = ""
                    continue
                found = str(argument)
                if kind == "value":
                    allowed = values.get(before, set())
                    kind = f"value of {before}"
                    if not before:
                        continue
                elif kind == "whole":
                    allowed = (
                        thresholds.get(before, {found}) if name in ("at_most", "more_than", "course_at_least") else {found}
                    )
                    kind = f"threshold of {before}"
                elif kind == "any":
                    allowed = {found}
                else:
                    allowed = terms.get(kind, set())
                if found not in allowed:
                    others = [other for other, names in terms.items() if found in names]
                    if others:
                        raise GuidelineError(f'{here}: {term}: "{found}" is a {others[0]}, no {kind}.')
                    raise GuidelineError(
                        f'{here}: {term}: "{found}" is no {kind}{nearest(found, allowed)}; '
                        f"allowed: {', '.join(sorted(allowed)) or 'none is declared'}"
                    )
                before = found

    def check_evidence(self) -> None:
        """Check that the trials, citations and statements which the annotations name exist."""
        trials = {str(row[0]) for row in self.source.catalogue.get("trial", [])}
        citations = {row[0].number for row in self.source.catalogue.get("citation", [])}
        for annotation in self.source.annotations.values():
            for trial in annotation.trials:
                if trial not in trials:
                    raise GuidelineError(
                        f'{annotation.place}: {annotation.id} names the trial "{trial}", which is not declared{nearest(trial, trials)}'
                    )
            for number in annotation.citations:
                if number not in citations:
                    raise GuidelineError(
                        f"{annotation.place}: {annotation.id} cites [{number}]; declared citations: {sorted(citations)}."
                    )
            for statement in annotation.reads:
                if statement not in self.source.annotations:
                    raise GuidelineError(
                        f'{annotation.place}: {annotation.id} reads "{statement}", no statement'
                        f"{nearest(statement, self.source.annotations)}"
                    )


def read_source(folder: Path, layer: str, overlays: Sequence[Path] = ()) -> Source:
    """Read the guideline in `folder`, in `layer` ("literal" or "curated"), under `overlays`.

    Raises GuidelineError, with file and line, for files that cannot be read or parsed, code and includes that leave the
    folder, rules without a statement, reading or overlay, undeclared predicates, misspelt terms, unknown trials and
    citations.
    """
    folder = folder.resolve()
    overlays = [overlay.resolve() for overlay in overlays]
    masters = [folder / MASTER]
    if not masters[0].is_file():
        raise GuidelineError(f"{folder}: no {MASTER} there; a guideline is a folder with that file.")
    if layer == "curated" and (folder / READINGS).is_file():
        masters.append(folder / READINGS)
    own = [file for master in masters for file in reachable(master, folder)]
    local = [file for overlay in overlays for file in alone(overlay)]
    core = [(path, path.read_text("utf-8")) for path in core_files()]
    trees = [tree for path, text in dict([*core, *own, *local]).items() for tree in parse(path, text)]
    reader = Reader(local={path for path, _ in local}, core={path for path, _ in core})
    reader.collect(trees)
    reader.sort()
    reader.ground_data()
    reader.check_facts()
    reader.check_terms()
    reader.check_catalogue()
    reader.check_evidence()
    for path in overlays:
        if not any(
            annotation.kind == "overlay" and annotation.place.startswith(f"{name_of(path)}:")
            for annotation in reader.source.annotations.values()
        ):
            raise GuidelineError(f"{name_of(path)}: no @overlay annotation in it; say in one what the local rules are for.")
    return reader.source
