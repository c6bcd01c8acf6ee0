"""All smallest changes to a record after which a regimen is recommended with certainty.

All that can be changed is opened at once, together with what is unknown, and the guideline is evaluated once over the whole
product. A change is a set of edits: of what is recorded it moves the record elsewhere, of what is unknown it narrows the
completions. It works where the regimen is recommended in every completion that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Literal, NamedTuple

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.compiler.program import Program, reachable
from reasoner.engine.completions import LIMIT, Completions, Component, admissible, build, inputs_of
from reasoner.engine.evaluator import Evaluator
from reasoner.engine.predicates import ground_atom
from reasoner.errors import RecordError
from reasoner.records.record import OPEN, Record
from reasoner.records.shapes import Shape

__all__ = ["Change", "smallest_changes"]

Value = bool | str | int | list[str]
Member = tuple[str, str]


class KeyEdit(NamedTuple):
    """One edit of a record: a key and its new value; for a recorded list, a `member` that joins or leaves it."""

    key: str
    member: str | None
    value: Value | tuple[str, ...]


class EditPoint(NamedTuple):
    """Something that can be edited.

    `kept` are the completions in which it is as the record says, None where the record does not say; `options` are the edits
    with the completions that each leaves.
    """

    kept: int | None
    options: tuple[tuple[KeyEdit, int], ...]


class Change(Shape, frozen=True):
    """A smallest change to the record that makes the regimen certain.

    `set` gives keys their new values; `kind` tells of each whether it is to find out, or contrary to what is recorded.
    """

    set: dict[str, Value]
    kind: dict[str, Literal["find_out", "contrary"]]


class Opened(NamedTuple):
    """A record with all that can be changed opened: its completions, the target's truth there, what can be edited."""

    completions: Completions
    truth: int
    points: tuple[EditPoint, ...]


def smallest_changes(
    record: Record, evaluator: Evaluator, model: GuidelineModel, target: str, anything: bool
) -> list[Change]:
    """Find all changes that make `target`, an atom, certain, and of which no part does.

    Immutable facts that are recorded are changed only where `anything` is true; courses of therapy never are. Raises
    RecordError where too much is open.
    """
    if target not in evaluator.program.index:
        return []
    opened = RecordOpener(record, evaluator, model, anything).open(evaluator.program.index[target])
    found = minimal(search(opened))
    changes = [change_of(edits, record.data) for edits in found]
    order = {fact.name: n for n, fact in enumerate(model.facts)}
    return sorted(changes, key=lambda change: (len(change.set), [order[key] for key in change.set], repr(change.set)))


class RecordOpener:
    """Opens all of a record that can be changed and matters to an atom."""

    def __init__(self, record: Record, evaluator: Evaluator, model: GuidelineModel, anything: bool) -> None:
        self.record = record
        self.evaluator = evaluator
        self.program = evaluator.program
        self.model = model
        self.anything = anything
        self.facts = {fact.name: fact for fact in model.facts}
        self.free = [
            choice == OPEN or anything or not self.facts[variable.fact].immutable
            for variable, choice in zip(model.variables, record.choices, strict=True)
        ]

    def open(self, target: int) -> Opened:
        """Open what matters to the target, and evaluate the target there."""
        matters = self.relevant(target)
        variables = {v for v in matters if isinstance(v, int)}
        tied = {v: group for group in self.program.constraint_components for v in group}
        variables |= {u for v in variables if v in tied for u in tied[v] if self.free[u]}
        members = [member for member in self.closed_members() if member in matters]
        completions, record = self.completions(variables, members)
        first = len(self.model.variables)
        own = Completions(completions.components, completions.count, completions.values[:first])
        inputs = inputs_of(record, self.program, self.model, own)
        for n, (fact, member) in enumerate(members, start=first):
            inputs[self.program.inputs[includes(fact, member)]] = completions.values[n][0]
        values, _ = self.evaluator.evaluate(inputs, completions.all)
        points = (*self.points(completions, variables), *self.member_points(completions, members))
        return Opened(completions, values[target], points)

    def closed_members(self) -> list[Member]:
        """List the members of lists that no completion leaves open but an edit can change."""
        return [
            (fact.name, member)
            for fact in self.model.facts
            if fact.kind == "list" and (self.anything or not fact.immutable)
            for member in fact.values
            if member not in fact.open_members and includes(fact.name, member) in self.program.inputs
        ]

    def relevant(self, target: int) -> set[int | Member]:
        """Find what the target can depend on once all that is free is open: variables by number, list members by name."""
        program = self.program
        settled = {program.inputs[atom] for atom in self.record.atoms if atom in program.inputs}
        owner: dict[int, int | Member] = {program.inputs[includes(*member)]: member for member in self.closed_members()}
        for v, variable in enumerate(self.model.variables):
            for n, (_, atoms) in enumerate(variable.values):
                if self.free[v]:
                    owner.update((program.inputs[atom], v) for atom in atoms)
                elif n == self.record.choices[v]:
                    settled.update(program.inputs[atom] for atom in atoms)
        can, must = bounds(program, settled - set(owner), owner)

        def undecided(atom: int) -> Iterator[int]:
            return (condition for condition in program.conditions(atom) if can[condition] and not must[condition])

        return {owner[atom] for atom in reachable([target], undecided) if atom in owner}

    def completions(self, variables: set[int], members: Sequence[Member]) -> tuple[Completions, Record]:
        """Lay out all combinations of what is opened, list members last; with the record that has them open.

        Whatever else the record leaves open is settled in some admissible way: it does not matter.
        """
        every = self.model.variables
        record = self.record._replace(
            choices=tuple(OPEN if v in variables else choice for v, choice in enumerate(self.record.choices))
        )
        components: list[Component] = []
        for group in self.program.constraint_components:
            component = admissible(record, self.evaluator, self.model, group)
            if not variables.isdisjoint(component.variables):
                components.append(component)
            elif component.variables:
                settled = dict(zip(component.variables, component.assignments[0], strict=True))
                record = record._replace(choices=tuple(settled.get(v, c) for v, c in enumerate(record.choices)))
        tied = {v for group in self.program.constraint_components for v in group}
        components += [Component((v,), tuple((n,) for n in range(len(every[v].values)))) for v in sorted(variables - tied)]
        opened = variables.union(*(component.variables for component in components))
        record = record._replace(
            choices=tuple(0 if c == OPEN and v not in opened else c for v, c in enumerate(record.choices))
        )
        components += [Component((len(every) + n,), ((0,), (1,))) for n in range(len(members))]
        count = prod(len(component.assignments) for component in components)
        if count > LIMIT:
            raise RecordError(f"too much is open: {count} combinations, at most {LIMIT} can be tried; record more facts")
        sizes = [*(len(v.values) for v in every), *(2 for _ in members)]
        choices = [*record.choices, *(OPEN for _ in members)]
        return build(tuple(components), len(sizes), choices, sizes), record

    def points(self, completions: Completions, variables: set[int]) -> Iterator[EditPoint]:
        """Yield what can be edited of variables, with the completions that each edit leaves."""
        data = self.record.data
        lists: dict[str, list[tuple[str, int]]] = {}
        for v in sorted(variables):
            variable, choice = self.model.variables[v], self.record.choices[v]
            fact = self.facts[variable.fact]
            if fact.immutable and not self.anything and data.get(fact.name) is not None:
                continue
            if variable.member is not None and data.get(fact.name) is None and fact.default is None:
                lists.setdefault(fact.name, []).append((variable.member, v))
                continue
            kept = None if choice == OPEN else completions.values[v][choice]
            options = [
                (KeyEdit(fact.name, variable.member, representative(fact, n, value)), completions.values[v][n])
                for n, (value, _) in enumerate(variable.values)
                if n != choice and value is not None
            ]
            yield EditPoint(kept, tuple(options))
        implied = self.implied_members() if lists else []
        for name, own in lists.items():
            known = [member for fact, member in implied if fact == name and member not in dict(own)]
            yield EditPoint(None, tuple(whole_lists(name, own, known, completions)))

    def member_points(self, completions: Completions, members: Sequence[Member]) -> Iterator[EditPoint]:
        """Yield the list members that can join or leave, with the completions in which they do."""
        for n, (name, member) in enumerate(members, start=len(self.model.variables)):
            given = self.record.data.get(name)
            held = isinstance(given, list | tuple) and member in given
            within, without = completions.values[n]
            edit = KeyEdit(name, member, not held)
            yield EditPoint(within if held else without, ((edit, without if held else within),))

    def implied_members(self) -> list[Member]:
        """List the members of unrecorded lists that the rest of the record implies."""
        found = []
        for group in self.program.constraint_components:
            component = admissible(self.record, self.evaluator, self.model, group)
            for position, v in enumerate(component.variables):
                variable = self.model.variables[v]
                if variable.member is not None and all(step[position] == 0 for step in component.assignments):
                    found.append((variable.fact, variable.member))
        return found


def includes(fact: str, member: str) -> str:
    """Write the input atom that says that a list holds a member."""
    return ground_atom("includes", fact, member)


def bounds(program: Program, settled: Iterable[int], opened: Iterable[int]) -> tuple[bytearray, bytearray]:
    """Tell for every atom whether it can hold and whether it must, given input atoms that hold and that are open."""
    first, last = len(program.inputs), len(program.inputs) + program.derived
    can, must = bytearray(len(program.atoms)), bytearray(len(program.atoms))
    for number in (*settled, *range(last, last + program.always)):
        can[number] = must[number] = 1
    for number in opened:
        can[number] = 1
    for number in range(first, last):
        for support in program.supports[number]:
            conditions = program.rules[support].conditions
            if all(not must[c] if negated else can[c] for c, negated in conditions):
                can[number] = 1
                if all(not can[c] if negated else must[c] for c, negated in conditions):
                    must[number] = 1
                    break
    return can, must


def whole_lists(
    name: str, members: Sequence[tuple[str, int]], implied: Sequence[str], completions: Completions
) -> Iterator[tuple[KeyEdit, int]]:
    """Yield each list that an unrecorded list can turn out to be, with the members that are implied in any case."""
    for held in product((0, 1), repeat=len(members)):
        mask = completions.all
        for (_, v), absent in zip(members, held, strict=True):
            mask &= completions.values[v][absent]
        given = tuple(member for (member, _), absent in zip(members, held, strict=True) if not absent)
        yield KeyEdit(name, None, (*implied, *given)), mask


def representative(fact: Fact, number: int, value: bool | str | None) -> Value:
    """Give a value of the record that stands for a value of a completion: of an interval of numbers its upper threshold."""
    if fact.kind == "number":
        return fact.thresholds[number] if number < len(fact.thresholds) else fact.thresholds[-1] + 1
    assert value is not None
    return value


def search(opened: Opened) -> list[frozenset[KeyEdit]]:
    """Find sets of edits that work, all minimal ones among them."""
    recorded = [point for point in opened.points if point.kept is not None]
    unknown = [option for point in opened.points if point.kept is None for option in point.options]
    found: list[frozenset[KeyEdit]] = []
    alone: list[frozenset[KeyEdit]] = []

    def move(position: int, completions: int, edits: frozenset[KeyEdit]) -> None:
        if not completions & opened.truth or any(done <= edits for done in alone):
            return
        if position == len(recorded):
            if not completions & ~opened.truth:
                alone.append(edits)
            narrow(completions, edits, set())
            return
        point = recorded[position]
        assert point.kept is not None
        move(position + 1, completions & point.kept, edits)
        for edit, left in point.options:
            move(position + 1, completions & left, edits | {edit})

    def narrow(completions: int, edits: frozenset[KeyEdit], tried: set[frozenset[KeyEdit]]) -> None:
        against = completions & ~opened.truth
        if not against:
            found.append(edits)
            return
        counterexample = against & -against
        for edit, left in unknown:
            further = edits | {edit}
            if not left & counterexample and completions & left & opened.truth and further not in tried:
                tried.add(further)
                narrow(completions & left, further, tried)

    move(0, opened.completions.all, frozenset())
    return found


def minimal(sets: Sequence[frozenset[KeyEdit]]) -> list[frozenset[KeyEdit]]:
    """Keep the sets of which no other is a part."""
    kept: list[frozenset[KeyEdit]] = []
    for edits in sorted(set(sets), key=len):
        if not any(smaller <= edits for smaller in kept):
            kept.append(edits)
    return kept


def change_of(edits: frozenset[KeyEdit], data: Mapping[str, object]) -> Change:
    """Give a set of edits as new values of a record's keys, in the order of the keys' names."""
    values: dict[str, Value] = {}
    for edit in sorted(edits, key=lambda edit: (edit.key, edit.member or "", str(edit.value))):
        if edit.member is None:
            values[edit.key] = list(edit.value) if isinstance(edit.value, tuple) else edit.value
            continue
        given = values.get(edit.key, data.get(edit.key))
        held = list(given) if isinstance(given, list | tuple) else []
        values[edit.key] = [*held, edit.member] if edit.value else [m for m in held if m != edit.member]
    return Change(values, {key: "find_out" if data.get(key) is None else "contrary" for key in values})
