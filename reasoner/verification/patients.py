"""All patients that can exist, as one clingo program, to be asked for one who shows something, or for a proof of none.

The ground rules of the guideline go to clingo as they are; who can be a patient, who the smallest is, and what is asked
about patients stand in ``asp/core`` and are ground on top. Questions are put as assumptions, so that one program answers
all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from importlib import resources

import clingo

from reasoner.compiler.model import GuidelineModel, Rule
from reasoner.compiler.program import GroundRule, Space
from reasoner.verification.reified import fact_of

__all__ = ["Patients", "SolveTimeout", "Writer", "distinct"]

Value = int | bool
HISTORY = {"drug_in", "outcome", "course_has", "course_at_least", "course"}
RECORD = {"known", "recorded", "lists", "has", "includes"}
NUMBERS = {"at_most", "more_than", "course_at_least"}
POSITIONS = {"course", "last_course"}
ADVICE = ("recommended(", "excluded(")
SET_BY = "position"


class SolveTimeout(Exception):  # noqa: N818 (no error: an answer that did not come in time)
    """A question was not answered in the time given."""


def distinct(space: Space, model: GuidelineModel, guarded: frozenset[str] = frozenset()) -> tuple[list[int], dict[int, int]]:
    """Find the rules that say the same as an earlier one, once helpers of equal definition are taken for one.

    Returned are for each atom the number of the atom that representative for it, and for each source rule that repeats another the
    earlier one. Rules of `guarded` annotations are told apart by their annotation.
    """
    program = space.program
    representative = list(range(len(program.atoms)))
    if program.recursive is not None:
        return representative, {}
    sources = model.rules

    def guard(rule: GroundRule) -> str | None:
        annotation = sources[rule.rule].annotation
        return annotation if annotation in guarded else None

    def body(rule: GroundRule) -> frozenset[tuple[int, bool]]:
        return frozenset((representative[atom], negated) for atom, negated in rule.conditions)

    first, last = len(program.inputs), len(program.inputs) + program.derived
    known: dict[frozenset[tuple[str | None, frozenset[tuple[int, bool]]]], int] = {}
    for atom in range(first, last):
        own = [program.rules[number] for number in program.supports[atom]]
        if program.roles[atom] == "derived" and all(sources[rule.rule].annotation is not None for rule in own):
            representative[atom] = known.setdefault(frozenset((guard(rule), body(rule)) for rule in own), atom)
    seen: dict[tuple[int, str | None, frozenset[tuple[int, bool]]], int] = {}
    repeats: dict[int, set[int]] = {}
    for rule in sorted(program.rules, key=lambda rule: rule.rule):
        if sources[rule.rule].annotation is not None:
            earlier = seen.setdefault((representative[rule.head], guard(rule), body(rule)), rule.rule)
            repeats.setdefault(rule.rule, set()).add(earlier)
    return representative, {rule: min(found) for rule, found in repeats.items() if len(found) == 1 and rule not in found}


class Patients:
    """The patients of one guideline, or of two side by side.

    Rules are written with `atom` and `rule`, then `load` grounds who can be a patient and what is asked on top of them.
    `ask` finds a patient of whom given atoms hold, or tells that there is none.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.control = clingo.Control(["--warn=none", "--opt-strategy=usc", "--heuristic=Domain"])
        self.deadline = deadline
        self.names: dict[str, int] = {}
        self.rules: list[tuple[int, Sequence[int], bool]] = []
        self.count = 0
        self.literals: dict[str, int] = {}
        self.inputs: dict[str, int] = {}

    def atom(self, name: str | None = None) -> int:
        """Give the number of the atom of a name, a new one where none is given."""
        if name is not None and name in self.names:
            return self.names[name]
        self.count += 1
        if name is not None:
            self.names[name] = self.count
        return self.count

    def rule(self, head: int, body: Sequence[int], choice: bool = False) -> None:
        """Add a ground rule; a negative number in the body representative for the atom's absence."""
        self.rules.append((head, body, choice))

    def given(self, name: str) -> int:
        """Give an atom that a record says or that is true of the patient: it is open."""
        if name not in self.inputs:
            self.inputs[name] = self.atom(name)
            self.rule(self.inputs[name], [], choice=True)
        return self.inputs[name]

    def load(self, files: Sequence[str], parts: Sequence[str], facts: Iterable[str]) -> None:
        """Ground who can be a patient and what is asked, from files of ``asp/core``, with the catalogue and further facts.

        Atoms are declared as external first: only so do the rules in ``asp/core`` see all of them.
        """
        control = self.control
        control.add("given", [], "".join(f"#external {name}.\n" for name in self.names))
        control.ground([("given", [])])
        known = {str(atom.symbol): atom.literal for atom in control.symbolic_atoms}
        with control.backend() as backend:
            literals = [0] * (self.count + 1)
            for name, number in self.names.items():
                literals[number] = known[name]
            for number in range(1, self.count + 1):
                literals[number] = literals[number] or backend.add_atom()
            for head, body, choice in self.rules:
                own = [literals[n] if n > 0 else -literals[-n] for n in body]
                backend.add_rule([literals[head]], own, choice)
        control.add("base", [], "".join(f"{fact}.\n" for fact in facts))
        folder = resources.files("asp") / "core"
        for file in files:
            control.add("base", [], (folder / file).read_text("utf-8"))
        control.ground([("base", []), *((part, []) for part in parts)])
        self.literals = {str(atom.symbol): 0 if atom.is_fact else atom.literal for atom in control.symbolic_atoms}

    def value(self, atom: str, answer_set: clingo.Model) -> bool:
        """Tell whether an atom holds in a answer_set."""
        literal = self.literals.get(atom)
        return literal is not None and (literal == 0 or answer_set.is_true(literal))

    def assume(self, atoms: Iterable[tuple[str, bool]]) -> list[int] | None:
        """Turn atoms into assumptions; None where one cannot be so."""
        found = []
        for atom, wanted in atoms:
            literal = self.literals.get(atom)
            if literal is None or literal == 0:
                if wanted != (literal == 0):
                    return None
            else:
                found.append(literal if wanted else -literal)
        return found

    def ask(
        self,
        atoms: Iterable[tuple[str, bool]],
        read: Callable[[clingo.Model], None] = lambda _: None,
        best: bool = False,
    ) -> bool:
        """Tell whether there is a patient of whom the atoms hold, or do not, as given; `read` sees such a patient.

        With `best` it sees smaller and smaller ones, the smallest last. Raises SolveTimeout where the time is over.
        """
        assumptions = self.assume(atoms)
        if assumptions is None:
            return False
        self.control.configuration.solve.opt_mode = "opt" if best else "ignore"  # type: ignore[union-attr]
        found = False

        def take(answer_set: clingo.Model) -> bool:
            nonlocal found
            found = True
            read(answer_set)
            return best

        if self.deadline is None:
            self.control.solve(assumptions, on_model=take)
            return found
        with self.control.solve(assumptions, on_model=take, async_=True) as handle:
            if not handle.wait(max(0.0, self.deadline - time.monotonic())):
                handle.cancel()
                raise SolveTimeout
            handle.get()
        return found

    def unsat_core(self, atoms: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
        """Find some of the atoms that no patient has together, as given; none where one has all."""
        literals = {
            self.literals[atom] if wanted else -self.literals[atom]: (atom, wanted)
            for atom, wanted in atoms
            if self.literals.get(atom)
        }
        needed = list(literals)
        with self.control.solve(needed, yield_=True) as handle:
            if handle.get().satisfiable:
                return []
        for literal in list(needed):
            rest = [other for other in needed if other != literal]
            with self.control.solve(rest, yield_=True) as handle:
                if not handle.get().satisfiable:
                    needed = rest
        return [literals[literal] for literal in needed]

    def true_inputs(self, answer_set: clingo.Model) -> frozenset[str]:
        """Collect what a answer_set's patient is."""
        return frozenset(text for text, atom in self.inputs.items() if answer_set.is_true(self.literals[text]))


class Writer:
    """Writes a guideline's ground rules into the program of all patients, once or several times over.

    With `side`, what the guideline concludes is named ``side(atom)``, so that two can stand beside each other. `adopted`
    are the readings that can be adopted or not.
    """

    def __init__(
        self, patients: Patients, space: Space, model: GuidelineModel, adopted: frozenset[str] = frozenset(), side: str = ""
    ) -> None:
        self.patients = patients
        self.program = space.program
        self.sources = model.rules
        self.statements = {name for name, annotation in model.annotations.items() if annotation.kind == "statement"}
        self.side = side
        self.representative, self.repeated = distinct(space, model, adopted)
        self.selectors = {name: patients.atom(f'adopted("{name}")') for name in sorted(adopted)}
        for guard in self.selectors.values():
            patients.rule(guard, [], choice=True)
        self.data = [text for text, annotation in space.data if annotation not in self.selectors]
        self.own: dict[str, int] = {}
        for text, annotation in space.data:
            if annotation in self.selectors:
                self.own[text] = patients.atom(text)
                patients.rule(self.own[text], [self.selectors[annotation]])
        self.inputs = [patients.given(text) for text in self.program.atoms[: len(self.program.inputs)]]

    def start(self, inputs: Sequence[Value]) -> list[Value]:
        """Give the values of all atoms before any rule: the inputs', true for what always holds, else false."""
        program = self.program
        first = len(inputs) + program.derived
        always = [self.own.get(text, True) for text in program.atoms[first : first + program.always]]
        never = len(program.atoms) - first - program.always
        return [*inputs, *([False] * program.derived), *always, *([False] * never)]

    def derived(self, inputs: Sequence[Value], name: Callable[[str], str | None]) -> list[Value]:
        """Give the values of all atoms; a derived one is an atom of the program by its name, where `name` gives it one."""
        values = self.start(inputs)
        for number in range(len(inputs), len(inputs) + self.program.derived):
            if self.representative[number] == number:
                values[number] = self.patients.atom(name(self.program.atoms[number]))
        return [values[other] for other in self.representative]

    def atoms_of(self, rule: GroundRule, values: Sequence[Value]) -> tuple[int, list[int]] | None:
        """Give a ground rule as head and body; None for one that cannot fire or repeats another."""
        body = None if rule.rule in self.repeated else self.body(rule.conditions, values)
        if body is None:
            return None
        annotation, head = self.sources[rule.rule].annotation, values[rule.head]
        assert not isinstance(head, bool)
        return head, [*body, self.selectors[annotation]] if annotation in self.selectors else body

    def explained(self) -> None:
        """Write each rule with what it says of itself: that it fires, for which annotation, what alone keeps it from firing."""
        patients, atoms, named = self.patients, self.program.atoms, self.named
        values = self.derived(self.inputs, named)
        for rule in self.program.rules:
            kept, source = self.atoms_of(rule, values), self.sources[rule.rule]
            if kept is None:
                continue
            head, body = kept
            if source.annotation is None:
                patients.rule(head, body)
                continue
            fires = patients.atom(named(f'fires("{source.id}",{atoms[rule.head]})'))
            patients.rule(fires, body)
            patients.rule(head, [fires])
            if source.role == SET_BY:
                patients.rule(patients.atom(named(f'says("{source.annotation}",{atoms[rule.head]})')), [fires])
        for rule in self.program.rules:
            source = self.sources[rule.rule]
            if source.annotation is not None and rule.rule not in self.repeated:
                self.nearly(rule, source, values)

    def named(self, text: str) -> str:
        """Name an atom of this guideline, apart from those of another."""
        return f"{self.side}({text})" if self.side else text

    def nearly(self, rule: GroundRule, source: Rule, values: Sequence[Value]) -> None:
        """Write for each condition that may be asked about that all others hold and it does not."""
        roles, atoms, conditions = self.program.roles, self.program.atoms, rule.conditions
        without = [(atom, negated) for atom, negated in conditions if not (negated and roles[atom] == SET_BY)]
        if len(without) < len(conditions):
            self.note(f'otherwise("{source.id}")', without, values)
        statement = source.annotation in self.statements
        own = [c for c in conditions if not c[1] and roles[c[0]] in ("patient", "history", "derived")]
        texts = [condition.text for condition in source.body if not condition.comparison]
        for (atom, negated), text in zip(conditions, texts, strict=True):
            others = [c for c in conditions if c[0] != atom] + [(atom, not negated)]
            predicate = atoms[atom].partition("(")[0]
            if predicate in NUMBERS:
                self.note(f'nearly("{source.id}",{"no" if negated else "yes"}({atoms[atom]}))', others, values)
            if (
                statement
                and source.head.startswith("places(")
                and len(own) > 1
                and (atom, negated) in own
                and predicate not in POSITIONS
            ):
                self.note(f'misses("{source.id}","{text}")', others, values)

    def note(self, name: str, conditions: Sequence[tuple[int, bool]], values: Sequence[Value]) -> None:
        """Write that a named atom holds under conditions."""
        body = self.body(conditions, values)
        if body is not None:
            self.patients.rule(self.patients.atom(self.named(name)), body)

    @cached_property
    def behind_advice(self) -> frozenset[int]:
        """The atoms that decide what is recommended and excluded."""
        atoms = self.program.atoms
        return frozenset(self.program.cone(number for number, text in enumerate(atoms) if text.startswith(ADVICE)))

    def copy(self, inputs: Sequence[Value], wrap: Callable[[str], str]) -> None:
        """Write the rules of advice once more, over other inputs; what they recommend and exclude is named by `wrap`."""
        values = self.derived(inputs, lambda text: wrap(text) if text.startswith(ADVICE) else None)
        for rule in self.program.rules:
            if rule.head in self.behind_advice and (kept := self.atoms_of(rule, values)) is not None:
                self.patients.rule(*kept)

    def advises_by(self, fact: str) -> bool:
        """Tell whether a fact can change what is recommended or excluded."""
        return any(fact_of(self.program.atoms[atom]) == fact for atom in self.behind_advice if atom < len(self.inputs))

    @staticmethod
    def body(conditions: Sequence[tuple[int, bool]], values: Sequence[Value]) -> list[int] | None:
        """Give conditions as atoms; None where one cannot hold."""
        literals: list[int] = []
        for atom, negated in conditions:
            value = values[atom]
            if isinstance(value, bool):
                if value == negated:
                    return None
            else:
                literals.append(-value if negated else value)
        return literals

    def after(self, courses: int) -> list[Value]:
        """Give the inputs as they were after the first `courses` courses."""
        found: list[Value] = []
        for text, value in zip(self.program.atoms, self.inputs, strict=False):
            name, _, rest = text.partition("(")
            if name in HISTORY:
                number = int(rest.partition(",")[0].rstrip(")"))
                found.append(value if number <= courses and name != "course" else number <= courses)
            else:
                found.append(value)
        return found

    def unrecorded(self, fact: str, default: str) -> list[Value]:
        """Give the inputs as they are where nothing is recorded of a fact that has a default."""
        found: list[Value] = []
        for text, value in zip(self.program.atoms, self.inputs, strict=False):
            name, _, rest = text.partition("(")
            left_out = name in RECORD and rest.partition(",")[0].rstrip(")") == fact
            found.append((name == "has" and default == "true") if left_out else value)
        return found
