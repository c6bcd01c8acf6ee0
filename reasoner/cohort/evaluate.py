"""Evaluate distinct records together: their completions side by side in the bits of the same integers.

It is the evaluator that answers one record; here the worlds of record after record follow each other. What the worlds of a
record conclude becomes an outcome; records that differ only in what no conclusion tells apart share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.columns import Columns, distinct
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.knowledge import Knowledge
from reasoner.program import Program
from reasoner.record import OPEN, Record
from reasoner.verdicts import Verdicts, holding
from reasoner.worlds import Axis, Worlds, admissible, build

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reasoner.cohort.columns import Codes

    Bits = NDArray[np.bool_]

__all__ = ["Evaluated", "Evaluator", "Outcome"]

TOGETHER = 2**16
ALONE = 2**12
DECISIVE = ("setting", "recommended", "rank", "strength", "excluded", "action")


class Outcome(NamedTuple):
    """What an answer lists, without its reasons: certainty is "certain" or "conditional".

    `recommended` holds regimen, rank and certainty; `excluded` and `actions` name and certainty; `missing` unknown facts, a
    member of a list as ``fact[member]``.
    """

    setting: str
    recommended: tuple[tuple[str, int, str], ...]
    excluded: tuple[tuple[str, str], ...]
    actions: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


class Evaluated(NamedTuple):
    """The evaluation of distinct records.

    `outcome` numbers for each record one of `outcomes`, -1 where the record cannot be answered; `fired` tells for each
    record and each rule of the source whether the rule fires in some completion.
    """

    outcomes: list[Outcome]
    outcome: Codes
    fired: Bits


class Layout(NamedTuple):
    """Records whose unknown facts are open in the same way, so that their worlds lie alike."""

    axes: tuple[Axis, ...]
    worlds: int
    members: Codes


class Evaluator:
    """Evaluates columns of distinct records; keeps outcomes from call to call."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.knowledge = guideline.knowledge
        self.outcomes: list[Outcome] = []
        self.numbers: dict[Outcome, int] = {}
        self.seen: dict[tuple[int, tuple[Axis, ...], bytes], int] = {}

    def evaluate(self, records: Columns) -> Evaluated:
        """Evaluate distinct records."""
        courses = sum(
            np.array([told.courses for told in own.values.told], dtype=np.int64)[own.codes] for own in records.columns
        )
        found = Evaluated(
            self.outcomes,
            np.full(len(records), -1, dtype=np.int64),
            np.zeros((len(records), len(self.knowledge.rules)), dtype=bool),
        )
        for number in np.unique(courses):
            members = np.flatnonzero(courses == number)
            program = self.guideline.program(int(number))
            if program.recursive is not None:
                self.one_by_one(records, members, found)
                continue
            laid = list(layouts(records.take(members), program, members))
            for layout in laid:
                if layout.worlds > ALONE:
                    self.one_by_one(records, layout.members, found)
            for batch in batches([layout for layout in laid if layout.worlds <= ALONE]):
                self.together(records, program, batch, found)
        return found

    def together(self, records: Columns, program: Program, batch: Sequence[Layout], found: Evaluated) -> None:
        """Evaluate the records of several layouts side by side."""
        members = np.concatenate([layout.members for layout in batch])
        sizes = np.concatenate([np.full(len(layout.members), layout.worlds) for layout in batch])
        starts = np.cumsum(sizes) - sizes
        total = int(sizes.sum())
        inputs = inputs_of(records.take(members), program, batch, sizes)
        values, fired = program.evaluate(inputs, (1 << total) - 1)
        each = np.zeros((len(self.knowledge.rules), len(members)), dtype=bool)
        single = bool(sizes.max(initial=1) == 1)
        for ground, truth in zip(program.rules, fired, strict=True):
            if truth:
                holds = unpack(truth, total)
                each[ground.rule] |= holds if single else np.logical_or.reduceat(holds, starts)
        found.fired[members] = each.T
        atoms = [n for name in DECISIVE for rows in program.table.get(name, {}).values() for _, n in rows]
        held = np.stack([unpack(values[n], total) for n in atoms])
        at = 0
        for layout in batch:
            wide = len(layout.members) * layout.worlds
            found.outcome[layout.members] = self.conclude(program, layout, atoms, held[:, at : at + wide])
            at += wide

    def conclude(self, program: Program, layout: Layout, atoms: Sequence[int], held: Bits) -> Codes:
        """Give the number of each record's outcome; records whose conclusions hold in the same worlds share one.

        Facts that change no conclusion of a record are left out before.
        """
        lengths = [len(axis.steps) for axis in layout.axes]
        shaped = held.reshape(len(atoms), len(layout.members), *reversed(lengths))
        matters = np.zeros((len(layout.members), len(lengths)), dtype=bool)
        for number in range(len(lengths)):
            dimension = shaped.ndim - 1 - number
            other = tuple(n for n in range(shaped.ndim) if n != 1)
            matters[:, number] = (shaped != shaped.take([0], axis=dimension)).any(axis=other)
        found = np.empty(len(layout.members), dtype=np.int64)
        for pattern in np.unique(matters, axis=0):
            members = np.flatnonzero((matters == pattern).all(axis=1))
            kept = shaped[:, members]
            for idle in np.flatnonzero(~pattern):
                kept = kept.take([0], axis=kept.ndim - 1 - int(idle))
            axes = tuple(axis for axis, needed in zip(layout.axes, pattern, strict=True) if needed)
            found[members] = self.number_of(program, axes, atoms, kept.reshape(len(atoms), len(members), -1))
        return found

    def number_of(self, program: Program, axes: tuple[Axis, ...], atoms: Sequence[int], held: Bits) -> Codes:
        """Give the number of each record's outcome; `held` has for each atom and record the worlds in which it holds."""
        rows = held.transpose(1, 0, 2)
        packed = np.ascontiguousarray(np.packbits(rows.reshape(len(rows), -1), axis=1, bitorder="little"))
        keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        outcomes = np.empty(len(first), dtype=np.int64)
        for place, number in enumerate(first):
            key = (program.courses, axes, packed[number].tobytes())
            known = self.seen.get(key)
            if known is None:
                some = np.flatnonzero(rows[number].any(axis=1))
                truths = np.packbits(rows[number][some], axis=1, bitorder="little")
                held_in = {atoms[int(n)]: int.from_bytes(t.tobytes(), "little") for n, t in zip(some, truths, strict=True)}
                own = {n: held_in.get(n, 0) for n in atoms}
                outcome = outcome_of(program, worlds_of(axes, self.knowledge), own, self.knowledge)
                known = self.seen[key] = self.numbered(outcome)
            outcomes[place] = known
        return outcomes[which]

    def one_by_one(self, records: Columns, members: Codes, found: Evaluated) -> None:
        """Answer records by themselves: those with very many completions, and all where rules depend on themselves."""
        for number in members:
            try:
                answer = self.guideline.answer(records.record(int(number)))
            except RecordError:
                continue
            derivation = answer.derivation
            values = dict(enumerate(derivation.values))
            outcome = outcome_of(derivation.program, derivation.worlds, values, self.knowledge)
            found.outcome[number] = self.numbered(outcome)
            for ground, truth in zip(derivation.program.rules, derivation.fired, strict=True):
                found.fired[number, ground.rule] |= bool(truth)

    def numbered(self, outcome: Outcome) -> int:
        known = self.numbers.setdefault(outcome, len(self.outcomes))
        if known == len(self.outcomes):
            self.outcomes.append(outcome)
        return known


def unpack(truth: int, worlds: int) -> Bits:
    """Give the bits of an integer, world 0 first."""
    packed = np.frombuffer(truth.to_bytes(-(-worlds // 8), "little"), dtype=np.uint8)
    return np.unpackbits(packed, count=worlds, bitorder="little").view(bool)


def outcome_of(program: Program, worlds: Worlds, values: Mapping[int, int], knowledge: Knowledge) -> Outcome:
    """Read the outcome of one record from what its worlds conclude."""
    table = {name: program.table[name] for name in DECISIVE if name in program.table}
    verdicts = Verdicts(worlds, knowledge, holding(table, values))
    return Outcome(
        setting=verdicts.setting(),
        recommended=tuple((entry.name, entry.rank, entry.certainty) for entry in verdicts.recommended()),
        excluded=tuple((entry.name, entry.certainty) for entry in verdicts.excluded()),
        actions=tuple((entry.name, entry.certainty) for entry in verdicts.actions()),
        missing=tuple(
            entry.fact if entry.member is None else f"{entry.fact}[{entry.member}]" for entry in verdicts.missing()
        ),
    )


def choices_of(records: Columns) -> Codes:
    """Give for each record and each variable the number of its recorded value, or `OPEN`."""
    places = {(variable.fact, variable.member): n for n, variable in enumerate(records.knowledge.variables)}
    found = np.full((len(records), len(places)), OPEN, dtype=np.int64)
    for own in records.columns:
        chosen = np.full((len(own.values.told), len(places)), OPEN, dtype=np.int64)
        for number, told in enumerate(own.values.told):
            for key, choice in told.choices:
                if key in places:
                    chosen[number, places[key]] = choice
        found = np.maximum(found, chosen[own.codes])
    return found


def layouts(records: Columns, program: Program, members: Codes) -> Iterator[Layout]:
    """Sort records by how their worlds lie; those that contradict themselves are left out.

    `members` are their numbers in the whole.
    """
    choices = choices_of(records)
    axes: list[list[Axis]] = []
    codes: list[Codes] = []
    valid = np.ones(len(records), dtype=bool)
    for group in program.groups:
        own = choices[:, group]
        first, which = (
            distinct([*(own + 1).T]) if group in program.pure else (np.arange(len(records)), np.arange(len(records)))
        )
        found = [
            admissible(open_record(records, int(n), choices, group, program), program, records.knowledge, group)
            for n in first
        ]
        valid &= np.array([bool(axis.steps) for axis in found], dtype=bool)[which]
        known = {axis: place for place, axis in enumerate(dict.fromkeys(found))}
        axes.append(list(known))
        codes.append(np.array([known[axis] for axis in found], dtype=np.int64)[which])
    tied = {variable for group in program.groups for variable in group}
    for variable, known_as in enumerate(records.knowledge.variables):
        if variable not in tied:
            every = Axis((variable,), tuple((n,) for n in range(len(known_as.values))))
            axes.append([Axis((), ()), every])
            codes.append((choices[:, variable] == OPEN).astype(np.int64))
    kept = np.flatnonzero(valid)
    if not len(kept):
        return
    first, which = distinct([own[kept] for own in codes])
    alike = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
    for number, own_members in zip(first, alike, strict=True):
        chosen = (own[code[kept[number]]] for own, code in zip(axes, codes, strict=True))
        laid = tuple(axis for axis in chosen if axis.variables)
        yield Layout(laid, prod(len(axis.steps) for axis in laid), members[kept[own_members]])


def open_record(records: Columns, number: int, choices: Codes, group: tuple[int, ...], program: Program) -> Record:
    """Give what a group's constraints need of a record: its choices, and the rest where something else touches them."""
    if group not in program.pure:
        return records.record(number)
    return Record("", {}, program.courses, tuple(map(int, choices[number])), (), "")


def batches(laid: Sequence[Layout]) -> Iterator[list[Layout]]:
    """Put layouts together, as many as fit; one with many records is cut."""
    batch: list[Layout] = []
    room = TOGETHER
    for layout in laid:
        members = layout.members
        while len(members):
            wide = room // layout.worlds
            if wide:
                batch.append(layout._replace(members=members[:wide]))
                members = members[wide:]
                room -= len(batch[-1].members) * layout.worlds
            if len(members):
                yield batch
                batch, room = [], TOGETHER
    if batch:
        yield batch


def worlds_of(axes: tuple[Axis, ...], knowledge: Knowledge) -> Worlds:
    return build(axes, len(knowledge.variables), (), [len(variable.values) for variable in knowledge.variables])


def inputs_of(records: Columns, program: Program, batch: Sequence[Layout], sizes: Codes) -> list[int]:
    """Give each input atom the integer of the worlds in which it holds, those of record after record."""
    owner = np.repeat(np.arange(len(records)), sizes)
    held = np.zeros((len(program.inputs), len(owner)), dtype=bool)
    for own in records.columns:
        said: dict[int, list[int]] = {}
        for number, told in enumerate(own.values.told):
            for atom in told.atoms:
                if atom in program.inputs:
                    said.setdefault(program.inputs[atom], []).append(number)
        codes = own.codes[owner]
        for place, numbers in said.items():
            tells = np.zeros(len(own.values.told), dtype=bool)
            tells[numbers] = True
            held[place] |= tells[codes]
    choices = choices_of(records)
    for n, variable in enumerate(records.knowledge.variables):
        chosen = choices[owner, n]
        for value, (_, atoms) in enumerate(variable.values):
            for atom in atoms:
                held[program.inputs[atom]] |= chosen == value
    at = 0
    for layout in batch:
        wide = len(layout.members) * layout.worlds
        worlds = worlds_of(layout.axes, records.knowledge)
        for n in {variable for axis in layout.axes for variable in axis.variables}:
            for value, (_, atoms) in enumerate(records.knowledge.variables[n].values):
                if atoms:
                    holds = np.tile(unpack(worlds.values[n][value], layout.worlds), len(layout.members))
                    for atom in atoms:
                        held[program.inputs[atom], at : at + wide] |= holds
        at += wide
    packed = np.packbits(held, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]
