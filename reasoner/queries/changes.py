"""All smallest changes to a record after which a regimen is recommended with certainty.

All that can be changed is opened at once, together with what is unknown, and the guideline is evaluated once over the whole
product. A change is a set of edits: of what is recorded it moves the record elsewhere, of what is unknown it narrows the
completions. It works where the regimen is recommended in every completion that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Literal, NamedTuple

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.compiler.program import Program, reachable
from reasoner.engine.completions import LIMIT, Completions, Component, admissible, build, inputs_of
from reasoner.engine.evaluator import Evaluator
from reasoner.errors import RecordError
from reasoner.records.record import OPEN, Record
from reasoner.records.shapes import Shape

__all__ = ["Change", "smallest_changes"]

Value = bool | str | int | list[str]


class Edit(NamedTuple):
    """One edit of a record: a key and its new value; for a recorded list, a `member` that joins or leaves it."""

    key: str
    member: str | None
    value: Value | tuple[str, ...]


class Point(NamedTuple):
    """Something that can be edited.

    `kept` are the completions in which it is as the record says, None where the record does not say; `options` are the edits
    with the completions that each leaves.
    """

    kept: int | None
    options: tuple[tuple[Edit, int], ...]


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
    points: tuple[Point, ...]


def smallest_changes(
    record: Record, evaluator: Evaluator, model: GuidelineModel, target: str, anything: bool
) -> list[Change]:
    """Find all changes that make `target`, an atom, certain, and of which no part does.

    Recorded facts that are over are changed only where `anything` is true; courses of therapy never are. Raises RecordError
    where so much is open that the changes cannot be told.
    """
    if target not in evaluator.program.index:
        return []
    opened = open_up(record, evaluator, model, evaluator.program.index[target], anything)
    found = minimal(search(opened))
    changes = [word(edits, record.data) for edits in found]
    order = {fact.name: n for n, fact in enumerate(model.facts)}
    return sorted(changes, key=lambda change: (len(change.set), [order[key] for key in change.set], repr(change.set)))


def open_up(record: Record, evaluator: Evaluator, model: GuidelineModel, target: int, anything: bool) -> Opened:
    """Open what can be changed and matters to the target, and evaluate the target there."""
    program = evaluator.program
    facts = {fact.name: fact for fact in model.facts}
    free = [
        choice == OPEN or anything or not facts[v.fact].immutable
        for v, choice in zip(model.variables, record.choices, strict=True)
    ]
    members = closed_members(program, model, anything)
    matters = relevant(record, program, model, target, free, members)
    tied = {v: group for group in program.constraint_components for v in group}
    wanted = {v for v in matters if isinstance(v, int)}
    wanted |= {u for v in wanted if v in tied for u in tied[v] if free[u]}
    loose = record._replace(choices=tuple(OPEN if v in wanted else choice for v, choice in enumerate(record.choices)))
    components: list[Component] = []
    for group in program.constraint_components:
        component = admissible(loose, evaluator, model, group)
        if not wanted.isdisjoint(component.variables):
            components.append(component)
        elif component.variables:
            settled = dict(zip(component.variables, component.assignments[0], strict=True))
            loose = loose._replace(choices=tuple(settled.get(v, c) for v, c in enumerate(loose.choices)))
    open_in_axes = {v for component in components for v in component.variables}
    components += [
        Component((v,), tuple((n,) for n in range(len(model.variables[v].values)))) for v in sorted(wanted - set(tied))
    ]
    loose = loose._replace(
        choices=tuple(0 if c == OPEN and v not in wanted | open_in_axes else c for v, c in enumerate(loose.choices))
    )
    first = len(model.variables)
    kept_members = [member for member in members if member in matters]
    components += [Component((first + n,), ((0,), (1,))) for n in range(len(kept_members))]
    count = 1
    for component in components:
        count *= len(component.assignments)
    if count > LIMIT:
        raise RecordError(f"too much is open to tell all changes: {count} combinations, at most {LIMIT}; record more facts")
    sizes = [*(len(v.values) for v in model.variables), *(2 for _ in kept_members)]
    completions = build(tuple(components), len(sizes), [*loose.choices, *(OPEN for _ in kept_members)], sizes)
    own = Completions(completions.components, completions.count, completions.values[:first])
    inputs = inputs_of(loose, program, model, own)
    for n, (fact, member) in enumerate(kept_members):
        inputs[program.inputs[f"includes({fact},{member})"]] = completions.values[first + n][0]
    values, _ = evaluator.evaluate(inputs, completions.all)
    implied = implied_members(record, evaluator, model)
    points = tuple(editable(record, model, completions, facts, wanted, kept_members, implied, anything))
    return Opened(completions, values[target], points)


def closed_members(program: Program, model: GuidelineModel, anything: bool) -> list[tuple[str, str]]:
    """List the members of lists that no completion leaves open but an edit can change."""
    return [
        (fact.name, member)
        for fact in model.facts
        if fact.kind == "list" and (anything or not fact.immutable)
        for member in fact.values
        if member not in fact.open_members and f"includes({fact.name},{member})" in program.inputs
    ]


def relevant(
    record: Record,
    program: Program,
    model: GuidelineModel,
    target: int,
    free: Sequence[bool],
    members: Sequence[tuple[str, str]],
) -> set[int | tuple[str, str]]:
    """Find what the target can depend on once all that is free is open: variables by number, list members by name."""
    settled = {program.inputs[atom] for atom in record.atoms if atom in program.inputs}
    owner: dict[int, int | tuple[str, str]] = {program.inputs[f"includes({f},{m})"]: (f, m) for f, m in members}
    for v, variable in enumerate(model.variables):
        for n, (_, atoms) in enumerate(variable.values):
            if free[v]:
                owner.update((program.inputs[atom], v) for atom in atoms)
            elif n == record.choices[v]:
                settled.update(program.inputs[atom] for atom in atoms)
    can, must = bounds(program, settled - set(owner), owner)

    def undecided(atom: int) -> Iterator[int]:
        return (condition for condition in program.conditions(atom) if can[condition] and not must[condition])

    return {owner[atom] for atom in reachable([target], undecided) if atom in owner}


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


def editable(
    record: Record,
    model: GuidelineModel,
    completions: Completions,
    facts: Mapping[str, Fact],
    wanted: set[int],
    members: Sequence[tuple[str, str]],
    implied: Sequence[tuple[str, str]],
    anything: bool,
) -> Iterator[Point]:
    """Yield what can be edited, with the completions that each edit leaves."""
    lists: dict[str, list[tuple[str, int]]] = {}
    for v in sorted(wanted):
        variable, choice = model.variables[v], record.choices[v]
        fact = facts[variable.fact]
        if fact.immutable and not anything and record.data.get(fact.name) is not None:
            continue
        if variable.member is not None and record.data.get(fact.name) is None and fact.default is None:
            lists.setdefault(fact.name, []).append((variable.member, v))
            continue
        kept = None if choice == OPEN else completions.values[v][choice]
        options = [
            (Edit(fact.name, variable.member, representative(fact, n, value)), completions.values[v][n])
            for n, (value, _) in enumerate(variable.values)
            if n != choice and value is not None
        ]
        yield Point(kept, tuple(options))
    for name, own in lists.items():
        yield Point(
            None, tuple(whole_lists(name, own, [m for f, m in implied if f == name and m not in dict(own)], completions))
        )
    for n, (name, member) in enumerate(members):
        given = record.data.get(name)
        held = isinstance(given, list | tuple) and member in given
        within, without = completions.values[len(model.variables) + n]
        edit = Edit(name, member, not held)
        yield Point(within if held else without, ((edit, without if held else within),))


def implied_members(record: Record, evaluator: Evaluator, model: GuidelineModel) -> list[tuple[str, str]]:
    """List the members of unrecorded lists that the rest of the record implies."""
    found = []
    for group in evaluator.program.constraint_components:
        component = admissible(record, evaluator, model, group)
        for position, v in enumerate(component.variables):
            variable = model.variables[v]
            if variable.member is not None and all(step[position] == 0 for step in component.assignments):
                found.append((variable.fact, variable.member))
    return found


def whole_lists(
    name: str, members: Sequence[tuple[str, int]], implied: Sequence[str], completions: Completions
) -> Iterator[tuple[Edit, int]]:
    """Yield each list that an unrecorded list can turn out to be, with the members that are implied in any case."""
    for held in product((0, 1), repeat=len(members)):
        mask = completions.all
        for (_, v), absent in zip(members, held, strict=True):
            mask &= completions.values[v][absent]
        given = tuple(member for (member, _), absent in zip(members, held, strict=True) if not absent)
        yield Edit(name, None, (*implied, *given)), mask


def representative(fact: Fact, number: int, value: bool | str | None) -> Value:
    """Give a value of the record that stands for a value of a completion: of a interval of numbers its upper threshold."""
    if fact.kind == "number":
        return fact.thresholds[number] if number < len(fact.thresholds) else fact.thresholds[-1] + 1
    assert value is not None
    return value


def search(opened: Opened) -> list[frozenset[Edit]]:
    """Find sets of edits that work, all minimal ones among them."""
    recorded = [point for point in opened.points if point.kept is not None]
    unknown = [option for point in opened.points if point.kept is None for option in point.options]
    found: list[frozenset[Edit]] = []
    alone: list[frozenset[Edit]] = []

    def move(position: int, completions: int, edits: frozenset[Edit]) -> None:
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

    def narrow(completions: int, edits: frozenset[Edit], tried: set[frozenset[Edit]]) -> None:
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


def minimal(sets: Sequence[frozenset[Edit]]) -> list[frozenset[Edit]]:
    """Keep the sets of which no other is a part."""
    kept: list[frozenset[Edit]] = []
    for edits in sorted(set(sets), key=len):
        if not any(smaller <= edits for smaller in kept):
            kept.append(edits)
    return kept


def word(edits: frozenset[Edit], data: Mapping[str, object]) -> Change:
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
