"""A guideline's ground rules, written into the program of all patients: as they are, and over again for other inputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import product
from math import prod

from reasoner.compiler.model import GuidelineModel, Rule
from reasoner.compiler.program import GroundRule, Program, Space, reachable
from reasoner.compiler.selection import ANY
from reasoner.engine.circles import contradicting_atoms, dependents_of
from reasoner.verification.alternatives import fixed_atoms, rules_set_aside
from reasoner.verification.atoms import compares_number, fact_of, quoted, split_atom
from reasoner.verification.duplicates import find_duplicates
from reasoner.verification.patients import ProgramBuilder

__all__ = ["RuleWriter", "Value", "body_of", "completions_of"]

Value = int | bool
Conditions = Sequence[tuple[int, bool]]
ADVICE = ("recommended", "excluded")
POSITIONS = ("indicated", "contraindicated")
MOST_COMPLETIONS = 256
PICKS_COURSE = ("course", "last_course")


class RuleWriter:
    """Writes the rules of one guideline.

    `taken` gives for each reading with alternatives the one that it is taken in, or "any". With `side` the conclusions are
    named ``side(atom)``, so that two guidelines can stand beside each other. `adoptable` are the readings that can be
    adopted or not; the others always are. What is `free` holds or not, whatever rules conclude.
    """

    def __init__(
        self,
        builder: ProgramBuilder,
        space: Space,
        model: GuidelineModel,
        taken: Mapping[str, str],
        adoptable: frozenset[str] = frozenset(),
        side: str = "",
        free: frozenset[int] = frozenset(),
    ) -> None:
        self.builder = builder
        self.program = space.program
        self.model = model
        self.side = side
        self.free = free
        self.duplicates = find_duplicates(space, model, adoptable)
        self.selectors = {name: builder.choice(f"adopted({quoted(name)})") for name in sorted(adoptable)}
        self.data = [text for text, annotation in space.data if annotation not in self.selectors]
        self.adoptable_data: dict[str, int] = {}
        for text, annotation in space.data:
            if annotation in self.selectors:
                self.adoptable_data[text] = builder.atom(text)
                builder.rule(self.adoptable_data[text], [self.selectors[annotation]])
        self.data += (f"undecided({reading.lower()})" for reading, name in taken.items() if name == ANY)
        self.data += (f"set_aside({quoted(rule)})" for rule in rules_set_aside(model, taken))
        fixed = fixed_atoms(model, taken)
        self.inputs: list[Value] = [fixed[text] if text in fixed else builder.input(text) for text in self.program.inputs]

    def write(self) -> None:
        """Write each rule, that it fires, the position it takes, and what alone keeps it from firing."""
        values = self.values
        for atom in self.free:
            self.builder.rule_of_choice(self.number(atom))
        for rule in self.program.rules:
            clause = self.clause(rule, values)
            if clause is not None:
                self.write_rule(rule, *clause)
        for rule in self.program.rules:
            source = self.model.rules[rule.rule]
            if source.annotation is not None and rule.rule not in self.duplicates.repeated:
                for name, conditions in near_misses(rule, source, self.program, self.model):
                    body = body_of(conditions, values)
                    if body is not None:
                        self.builder.rule(self.builder.atom(self.named(name)), body)

    def write_rule(self, rule: GroundRule, head: int, body: Sequence[int]) -> None:
        builder, source = self.builder, self.model.rules[rule.rule]
        if source.annotation is None:
            if rule.head not in self.free:
                builder.rule(head, body)
            return
        conclusion = self.program.atoms[rule.head]
        fires = builder.atom(self.named(f"fires({quoted(source.id)},{conclusion})"))
        builder.rule(fires, body)
        if rule.head not in self.free:
            builder.rule(head, [fires])
        if source.role == "position":
            builder.rule(builder.atom(self.named(f"derives({quoted(source.annotation)},{conclusion})")), [fires])

    def write_advice(self, inputs: Sequence[Value], name: Callable[[str], str]) -> None:
        """Write the rules of advice once more, over other inputs; what they recommend and exclude is named by `name`.

        What does not depend on an input that is another one stays as it is.
        """
        advice, values, program = frozenset(advice_of(self.program)), self.values, self.program
        changed = [n for n, (own, other) in enumerate(zip(self.inputs, inputs, strict=True)) if repr(own) != repr(other)]
        affected = frozenset(reachable(changed, self.dependents.__getitem__)) & self.behind_advice
        values[: len(inputs)] = inputs
        for atom in sorted(affected.difference(range(len(inputs)))):
            values[atom] = self.builder.atom(name(program.atoms[atom]) if atom in advice else None)
            if atom in self.circle:
                self.leave_open(values[atom])
        for rule in program.rules:
            if rule.head in affected - self.circle and (clause := self.clause(rule, values)) is not None:
                self.builder.rule(*clause)
        for atom in sorted(advice - affected):
            body = body_of([(atom, False)], values)
            if body is not None:
                self.builder.rule(self.builder.atom(name(program.atoms[atom])), body)

    def leave_open(self, value: Value) -> None:
        """Let an atom hold or not of a circle written once more: the patient is one even where it has no solution."""
        if not isinstance(value, bool):
            self.builder.rule_of_choice(value)

    def write_unrecorded(self, asked: Collection[str]) -> None:
        """Write, for each fact without default that can exclude some regimens, the advice in each of its completions.

        ``unrecorded(F, V, X)`` says that X holds in completion V of a record that tells all but F. Facts of more completions
        than can be gone through are ``unexplored``.
        """
        base = self.values
        recommendable = dict(self.entries("recommended")).keys() & set(asked)
        for fact in self.model.facts:
            own = {n for n, text in enumerate(self.program.inputs) if fact_of(text, self.model) == fact.name}
            affected = self.affected_by(own)
            regimens = [r for r, n in self.entries("excluded") if n in affected and r in recommendable]
            if fact.default is not None or fact.kind == "courses" or not regimens:
                continue
            completions = completions_of(fact.name, self.program, self.behind_advice)
            if completions is None:
                self.data.append(f"unexplored({fact.name})")
                continue
            self.data += (f"excludable({fact.name},{regimen})" for regimen in regimens)
            explored = self.builder.choice(f"explored({fact.name})")
            for number, held in enumerate(completions):
                self.data.append(f"completion({fact.name},{number})")
                values: list[Value] = list(base)
                for atom in own:
                    values[atom] = self.program.atoms[atom] in held
                for atom in affected:
                    if atom >= len(self.inputs):
                        values[atom] = self.builder.atom()
                name = partial("unrecorded({},{},{})".format, fact.name, number)
                self.write_completion(values, affected, regimens, explored, name)

    def write_completion(
        self,
        values: list[Value],
        affected: frozenset[int],
        regimens: Sequence[str],
        explored: int,
        name: Callable[[str], str],
    ) -> None:
        """Write the rules about what is `affected` over other values, and `name` what they say of some regimens.

        Those of circles through "not" count only where it is `explored`: a patient is one even where they have no solution.
        """
        program, atom, rule = self.program, self.builder.atom, self.builder.rule
        wanted = {n for p in (*ADVICE, *POSITIONS) for r, n in self.entries(p) if r in regimens}
        for ground in program.rules:
            body = None if ground.rule in self.duplicates.repeated else body_of(ground.conditions, values)
            source = self.model.rules[ground.rule]
            if body is None or (ground.head not in wanted and ground.head not in affected):
                continue
            head, text = values[ground.head], program.atoms[ground.head]
            if ground.head in wanted and source.role == "position":
                rule(atom(name(f"derives({quoted(str(source.annotation))},{text})")), body)
            if ground.head in affected:
                assert not isinstance(head, bool)
                rule(head, [*body, explored] if ground.head in self.circle else body)
                if split_atom(text)[0] == "inconsistent":
                    rule(atom(name(text)), [head])
        for predicate in ADVICE:
            for regimen, number in self.entries(predicate):
                value = values[number]
                if regimen in regimens and not isinstance(value, bool):
                    rule(atom(name(program.atoms[number])), [value])

    def entries(self, predicate: str) -> list[tuple[str, int]]:
        """List the first arguments of a predicate with the numbers of its atoms."""
        table = self.program.table.get(predicate, {})
        return [(first, number) for first, found in table.items() for _, number in found]

    def affected_by(self, inputs: Collection[int]) -> frozenset[int]:
        """Collect what depends on some inputs, of all that decides advice or who can be a patient."""
        needed = self.behind_advice | self.program.cone(self.program.rules[n].head for n in self.program.inconsistent)
        return frozenset(reachable(inputs, self.dependents.__getitem__)) & needed

    @cached_property
    def dependents(self) -> list[list[int]]:
        return dependents_of(self.program)

    def write_again(
        self,
        atoms: Collection[int],
        name: Callable[[str], str],
        without: int | None = None,
        gone: Mapping[int, int] | None = None,
        reduct: bool = False,
    ) -> dict[int, int]:
        """Write the rules of some atoms once more, and give what numbers these have then; the others stay as they are.

        Rule `without` is left out, and those of `gone` where the atoms hold that it maps them to. With `reduct` negated
        conditions are about the atoms as they are.
        """
        copied = {atom: self.builder.atom(name(self.program.atoms[atom])) for atom in sorted(atoms)}
        known = self.values
        values = [copied.get(atom, value) for atom, value in enumerate(known)]
        for rule in self.program.rules:
            if rule.head not in copied or rule.rule == without:
                continue
            required, absent = ([c for c in rule.conditions if c[1] == negated] for negated in (False, True))
            bodies = body_of(required, values), body_of(absent, known if reduct else values)
            if bodies[0] is not None and bodies[1] is not None:
                left_out = [-gone[rule.rule]] if gone is not None and rule.rule in gone else []
                self.builder.rule(copied[rule.head], [*bodies[0], *bodies[1], *left_out])
        return copied

    @property
    def values(self) -> list[Value]:
        """The values of all atoms of the guideline as it is written."""
        return self.valuation(self.inputs, self.named)

    def write_without(self, circular: Collection[int]) -> None:
        """Write, for each rule that concludes what depends on itself, what follows without it.

        ``changed_without(N)`` says that something does not stay as it is; rules of which ``gone(N)`` holds are left out too.
        All stays where what follows has its reasons without the rule, and nothing else follows without it: a circle through
        "not" can have several answers, so that its conditions could hold in one that its conclusion is missing in.
        """
        heads: dict[int, set[int]] = {}
        for rule in self.program.rules:
            if rule.head in circular and self.model.rules[rule.rule].annotation is not None:
                heads.setdefault(rule.rule, set()).add(rule.head)
        names = {number: quoted(self.model.rules[number].id) for number in heads if number not in self.duplicates.repeated}
        gone = {number: self.builder.choice(f"_gone({name})") for number, name in names.items()}
        for number, name in names.items():
            behind = reachable(heads[number], self.dependents.__getitem__)
            changed = self.builder.atom(f"_changed_without({name})")
            founded = self.write_again(behind, f"_founded({name},{{}})".format, number, gone, reduct=True)
            for atom, own in founded.items():
                self.builder.rule(changed, [self.number(atom), -own])
            if not self.circle.isdisjoint(behind):
                self.write_missed(changed, number, self.write_again(behind, f"_without({name},{{}})".format, number, gone))

    def write_missed(self, changed: int, number: int, copied: Mapping[int, int]) -> None:
        """Write that the conditions of a rule hold among rules that are `copied`, and its conclusion does not."""
        values = [copied.get(atom, value) for atom, value in enumerate(self.values)]
        for rule in self.program.rules:
            body = body_of(rule.conditions, values) if rule.rule == number else None
            if body is not None:
                self.builder.rule(changed, [*body, -copied[rule.head]])

    def number(self, atom: int) -> int:
        """Give the builder's number of a derived atom."""
        return self.builder.atom(self.named(self.program.atoms[self.duplicates.representative[atom]]))

    def decides_advice(self, fact: str) -> bool:
        """Tell whether a fact can change what is recommended or excluded, and by no rules that contradict each other."""
        own = {n for n, text in enumerate(self.program.inputs) if fact_of(text, self.model) == fact}
        return not own.isdisjoint(self.behind_advice) and self.circle.isdisjoint(self.affected_by(own))

    @cached_property
    def circle(self) -> frozenset[int]:
        """The atoms that depend on themselves through "not"."""
        return contradicting_atoms(self.program)

    @cached_property
    def behind_advice(self) -> frozenset[int]:
        """The atoms that decide what is recommended and excluded."""
        return frozenset(self.program.cone(advice_of(self.program)))

    def inputs_after(self, courses: int) -> list[Value]:
        """Give the inputs as they were after the first `courses` courses."""
        found: list[Value] = []
        for text, role, value in zip(self.program.atoms, self.program.roles, self.inputs, strict=False):
            predicate, arguments = split_atom(text)
            if role == "history":
                given = int(arguments[0]) <= courses
                found.append(given if predicate == "course" else value if given else False)
            else:
                found.append(value)
        return found

    def inputs_without(self, fact: str, default: str) -> list[Value]:
        """Give the inputs as they are where nothing is recorded of a fact that has a default."""
        found: list[Value] = []
        for text, value in zip(self.program.atoms, self.inputs, strict=False):
            assumed = default == "true" and split_atom(text)[0] == "has"
            found.append(assumed if fact_of(text, self.model) == fact else value)
        return found

    def named(self, atom: str) -> str:
        """Name an atom of this guideline, apart from those of another."""
        return f"{self.side}({atom})" if self.side else atom

    def valuation(self, inputs: Sequence[Value], name: Callable[[str], str | None]) -> list[Value]:
        """Give every atom its value: inputs as given, a derived one as an atom with a name where `name` gives it one."""
        program, representative = self.program, self.duplicates.representative
        first, last = len(inputs), len(inputs) + program.derived
        always = [self.adoptable_data.get(text, True) for text in program.atoms[last : last + program.always]]
        never = [False] * (len(program.atoms) - last - program.always)
        values = [*inputs, *([False] * program.derived), *always, *never]
        for number in range(first, last):
            if representative[number] == number:
                values[number] = self.builder.atom(name(program.atoms[number]))
        return [values[number] for number in representative]

    def clause(self, rule: GroundRule, values: Sequence[Value]) -> tuple[int, list[int]] | None:
        """Give a ground rule as head and body; None for one that cannot fire or repeats another."""
        body = None if rule.rule in self.duplicates.repeated else body_of(rule.conditions, values)
        if body is None:
            return None
        annotation, head = self.model.rules[rule.rule].annotation, values[rule.head]
        assert not isinstance(head, bool)
        return head, [*body, self.selectors[annotation]] if annotation in self.selectors else body


def completions_of(fact: str, program: Program, behind: Collection[int]) -> list[frozenset[str]] | None:
    """List the completions of an unrecorded fact by the atoms that hold in them; None where there are too many.

    Of a list only those members count that decide something.
    """
    values = [
        [atoms for _, atoms in variable.values]
        for variable in program.variables
        if variable.fact == fact and any(program.inputs.get(a) in behind for _, atoms in variable.values for a in atoms)
    ]
    if prod(map(len, values)) > MOST_COMPLETIONS:
        return None
    return [frozenset(atom for atoms in chosen for atom in atoms) for chosen in product(*values)]


def body_of(conditions: Conditions, values: Sequence[Value]) -> list[int] | None:
    """Give conditions as atoms; None where one of them cannot hold."""
    literals: list[int] = []
    for atom, negated in conditions:
        value = values[atom]
        if isinstance(value, bool):
            if value == negated:
                return None
        else:
            literals.append(-value if negated else value)
    return literals


def advice_of(program: Program) -> Iterator[int]:
    """Yield the atoms that say what is recommended and what is excluded."""
    for predicate in ADVICE:
        for entries in program.table.get(predicate, {}).values():
            yield from (number for _, number in entries)


def near_misses(rule: GroundRule, source: Rule, program: Program, model: GuidelineModel) -> Iterator[tuple[str, Conditions]]:
    """Yield the atoms of ``defects.lp`` about a rule that all but fires, each with the conditions under which it holds."""
    roles, atoms, conditions, name = program.roles, program.atoms, rule.conditions, quoted(source.id)
    without = [(atom, negated) for atom, negated in conditions if not (negated and roles[atom] == "position")]
    if len(without) < len(conditions):
        yield f"would_fire({name})", without
    positive = [c for c in conditions if not c[1] and roles[c[0]] in ("patient", "history", "derived")]
    places = split_atom(source.head)[0] == "places" and len(positive) > 1
    stated = model.annotations[source.annotation].kind == "statement" if source.annotation is not None else False
    written = [condition for condition in source.body if not condition.comparison]
    texts = [atoms[c[0]] if own.aggregate is not None else own.text for c, own in zip(conditions, written, strict=True)]
    for (atom, negated), text in zip(conditions, texts, strict=True):
        others = [c for c in conditions if c[0] != atom] + [(atom, not negated)]
        if compares_number(atoms[atom], model):
            yield f"blocked_by_bound({name},{'no' if negated else 'yes'}({atoms[atom]}))", others
        if stated and places and (atom, negated) in positive and split_atom(text)[0] not in PICKS_COURSE:
            yield f"blocked_by({name},{quoted(text)})", others
