"""Evaluate distinct records together: their completions side by side in the bits of the same integers.

It is the evaluator that answers one record. Records with about as many worlds go together: first comes the first world of
each, then the second of each, and so on, a record with fewer starting again from its first. What the worlds of a record
conclude becomes an outcome; records that differ only in what no conclusion tells apart share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.columns import Columns, distinct, distinct_rows
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.knowledge import Knowledge
from reasoner.program import Program
from reasoner.record import OPEN, Record
from reasoner.verdicts import Verdicts
from reasoner.worlds import Axis, Worlds, admissible, build

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reasoner.cohort.columns import Bits, Codes

    Bytes = NDArray[np.uint8]

__all__ = ["Evaluated", "Evaluator", "Outcome", "missing_name"]

TOGETHER = 2**18
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

    `outcome` numbers for each record an outcome, -1 where the record cannot be answered; `fired` tells for each record
    which rules of the source fire in some completion, eight rules a byte.
    """

    outcome: Codes
    fired: Bytes


class Open(NamedTuple):
    """An axis of some of the records of a batch: `members` are their places.

    `stride` is the distance between two of its steps in the worlds of each, `step` the one at which each world stands.
    """

    slot: int
    axis: Axis
    members: Codes
    stride: Codes
    step: Codes


class Batch(NamedTuple):
    """Records whose worlds are evaluated side by side, `width` of each: `members` are their numbers.

    `laid` numbers for each slot and record the axis that its worlds have there, 0 for none; `opened` are these axes.
    """

    width: int
    members: Codes
    laid: Codes
    opened: list[Open]


class Evaluator:
    """Evaluates columns of distinct records; keeps axes, conclusions of worlds, and outcomes from call to call."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.knowledge = guideline.knowledge
        self.outcomes: list[Outcome] = []
        self.numbers: dict[Outcome, int] = {}
        self.axes = [Axis((), ((),))]
        self.axis_numbers = {self.axes[0]: 0}
        self.conclusions: list[list[int]] = []
        self.conclusion_numbers: dict[tuple[int, bytes], int] = {}
        self.seen: dict[tuple[int, tuple[int, ...], tuple[int, ...]], int] = {}

    def evaluate(self, records: Columns) -> Evaluated:
        """Evaluate distinct records."""
        courses = sum(np.array([told.courses for told in own.values.told])[own.codes] for own in records.columns)
        found = Evaluated(
            np.full(len(records), -1, dtype=np.int64),
            np.zeros((len(records), -(-len(self.knowledge.rules) // 8)), dtype=np.uint8),
        )
        choices = choices_of(records)
        for number in np.unique(courses):
            members = np.flatnonzero(courses == number)
            program = self.guideline.program(int(number))
            if program.recursive is not None:
                self.one_by_one(records, members, found)
                continue
            laid = self.lay_out(records, program, choices, members)
            valid = (laid >= 0).all(axis=0)
            members, laid = members[valid], laid[:, valid]
            worlds = np.array([len(axis.steps) for axis in self.axes])[laid].prod(axis=0, dtype=np.float64)
            self.one_by_one(records, members[worlds > ALONE], found)
            widths = np.exp2(np.ceil(np.log2(worlds)))
            for width in map(int, np.unique(widths[worlds <= ALONE])):
                alike = np.flatnonzero(widths == width)
                for start in range(0, len(alike), TOGETHER // width):
                    chosen = alike[start : start + TOGETHER // width]
                    self.together(records, program, choices, self.batch(width, members[chosen], laid[:, chosen]), found)
        return found

    def lay_out(self, records: Columns, program: Program, choices: Codes, members: Codes) -> Codes:
        """Give the numbers of the axes of records' worlds, for each set of tied variables and for each other variable.

        0 stands for none, -1 where the record contradicts itself.
        """
        laid = []
        for group in program.groups:
            own = choices[np.ix_(np.array(group), members)]
            if group in program.pure:
                first, which = distinct([*(own.astype(np.int64) + 1)])
            else:
                first = which = np.arange(len(members))
            axes = [
                admissible(open_record(records, int(n), choices, group, program), program, self.knowledge, group)
                for n in members[first]
            ]
            laid.append(np.array([self.axis_number(axis) if axis.steps else -1 for axis in axes], dtype=np.int64)[which])
        tied = {variable for group in program.groups for variable in group}
        for variable, known in enumerate(self.knowledge.variables):
            if variable not in tied:
                every = self.axis_number(Axis((variable,), tuple((n,) for n in range(len(known.values)))))
                laid.append(np.where(choices[variable, members] == OPEN, every, 0))
        return np.stack(laid)

    def axis_number(self, axis: Axis) -> int:
        found = self.axis_numbers.setdefault(axis, len(self.axes))
        if found == len(self.axes):
            self.axes.append(axis)
        return found

    def batch(self, width: int, members: Codes, laid: Codes) -> Batch:
        """Lay the worlds of records side by side."""
        lengths = np.array([len(axis.steps) for axis in self.axes])[laid]
        strides = lengths.cumprod(axis=0) // lengths
        worlds = np.arange(width)[:, None]
        opened = []
        for slot, own in enumerate(laid):
            for number in np.unique(own[own > 0]):
                axis = self.axes[number]
                having = np.flatnonzero(own == number)
                stride = strides[slot, having]
                opened.append(Open(slot, axis, having, stride, worlds // stride % len(axis.steps)))
        return Batch(width, members, laid, opened)

    def together(self, records: Columns, program: Program, choices: Codes, batch: Batch, found: Evaluated) -> None:
        """Evaluate a batch."""
        rows, width = len(batch.members), batch.width
        wide = -(-rows // 8)
        inputs = inputs_of(records, program, choices, batch)
        values, fired = program.evaluate([int.from_bytes(row, "little") for row in inputs], (1 << 8 * width * wide) - 1)

        def worlds_in(truths: Sequence[int]) -> Bytes:
            whole = b"".join(truth.to_bytes(width * wide, "little") for truth in truths)
            return np.frombuffer(whole, dtype=np.uint8).reshape(len(truths), width, wide)

        sources = [0] * len(self.knowledge.rules)
        for ground, truth in zip(program.rules, fired, strict=True):
            sources[ground.rule] |= truth
        some = np.bitwise_or.reduce(worlds_in(sources), axis=1)
        marks = np.unpackbits(some, axis=1, count=rows, bitorder="little")
        found.fired[batch.members] = np.packbits(marks, axis=0, bitorder="little").T
        some_hold = [n for n in decisive(program) if values[n]]
        held = np.unpackbits(worlds_in([values[n] for n in some_hold]), axis=2, count=rows, bitorder="little")
        concluded = self.concluded(program, some_hold, held.reshape(len(some_hold), -1)).reshape(width, rows)
        found.outcome[batch.members] = self.conclude(program, batch, concluded)

    def concluded(self, program: Program, atoms: Sequence[int], held: Bytes) -> Codes:
        """Give numbers to what worlds conclude; `held` has for each atom the worlds in which it holds."""
        first, which = distinct_rows(np.packbits(held, axis=0, bitorder="little").T)
        every = list(decisive(program))
        whole = np.zeros((len(every), len(first)), dtype=np.uint8)
        whole[np.searchsorted(every, atoms)] = held[:, first]
        numbers = []
        for row in np.ascontiguousarray(np.packbits(whole, axis=0, bitorder="little").T):
            number = self.conclusion_numbers.setdefault((program.courses, row.tobytes()), len(self.conclusions))
            if number == len(self.conclusions):
                marks = np.unpackbits(row, count=len(every), bitorder="little")
                self.conclusions.append([every[n] for n in np.flatnonzero(marks)])
            numbers.append(number)
        return np.array(numbers)[which]

    def conclude(self, program: Program, batch: Batch, concluded: Codes) -> Codes:
        """Give the number of each record's outcome, from what each of its worlds concludes.

        Axes along which a record's conclusions do not change are left out before, so that more records share an outcome.
        """
        kept = np.zeros_like(batch.laid)
        strides = np.ones_like(batch.laid)
        worlds = np.arange(batch.width)[:, None]
        for own in batch.opened:
            base = worlds - own.step * own.stride
            matters = (concluded[:, own.members] != concluded[base, own.members]).any(axis=0)
            needed = own.members[matters]
            kept[own.slot, needed] = batch.laid[own.slot, needed]
            strides[own.slot, needed] = own.stride[matters]
        lengths = np.array([len(axis.steps) for axis in self.axes])[kept]
        counts = lengths.prod(axis=0)
        _, pattern = distinct([*kept])
        found = np.empty(len(batch.members), dtype=np.int64)
        for count in np.unique(counts):
            members = np.flatnonzero(counts == count)
            rest = np.arange(count)[:, None]
            world = np.zeros((count, len(members)), dtype=np.int64)
            for slot in np.flatnonzero(kept[:, members].any(axis=1)):
                rest, step = np.divmod(rest, lengths[slot, members])
                world += step * strides[slot, members]
            told = concluded[world, members]
            first, which = distinct([pattern[members], *told])
            outcomes = [self.outcome_number(program, kept[:, members[n]], told[:, n]) for n in first]
            found[members] = np.array(outcomes)[which]
        return found

    def outcome_number(self, program: Program, laid: Codes, told: Codes) -> int:
        """Give the number of the outcome of a record from the axes of its worlds and what each concludes."""
        key = (program.courses, tuple(laid[laid > 0].tolist()), tuple(told.tolist()))
        known = self.seen.get(key)
        if known is None:
            values: dict[int, int] = {}
            for world, number in enumerate(key[2]):
                for atom in self.conclusions[number]:
                    values[atom] = values.get(atom, 0) | 1 << world
            axes = tuple(self.axes[number] for number in key[1])
            sizes = [len(variable.values) for variable in self.knowledge.variables]
            outcome = outcome_of(program, build(axes, len(sizes), (), sizes), values, self.knowledge)
            known = self.seen[key] = self.numbered(outcome)
        return known

    def one_by_one(self, records: Columns, members: Codes, found: Evaluated) -> None:
        """Answer records by themselves: those with very many completions, and all where rules depend on themselves."""
        for number in members:
            try:
                answer = self.guideline.answer(records.record(int(number)))
            except RecordError:
                continue
            derivation = answer.derivation
            values = {n: derivation.values[n] for n in decisive(derivation.program) if derivation.values[n]}
            outcome = outcome_of(derivation.program, derivation.worlds, values, self.knowledge)
            found.outcome[number] = self.numbered(outcome)
            marks = np.zeros(len(self.knowledge.rules), dtype=bool)
            for ground, truth in zip(derivation.program.rules, derivation.fired, strict=True):
                marks[ground.rule] |= bool(truth)
            found.fired[number] = np.packbits(marks, bitorder="little")

    def numbered(self, outcome: Outcome) -> int:
        known = self.numbers.setdefault(outcome, len(self.outcomes))
        if known == len(self.outcomes):
            self.outcomes.append(outcome)
        return known


@lru_cache
def decisive(program: Program) -> dict[int, tuple[str, str, str]]:
    """Find the conclusions that make an outcome, in the order of their numbers: predicate and arguments of each."""
    return dict(
        sorted(
            (number, (name, first, second))
            for name in DECISIVE
            for first, atoms in program.table.get(name, {}).items()
            for second, number in atoms
        )
    )


def outcome_of(program: Program, worlds: Worlds, values: Mapping[int, int], knowledge: Knowledge) -> Outcome:
    """Read the outcome of one record from what its worlds conclude, each conclusion with the worlds in which it holds."""
    held: dict[str, dict[str, list[tuple[str, int, int]]]] = {}
    words = decisive(program)
    for atom in sorted(values):
        predicate, first, second = words[atom]
        held.setdefault(predicate, {}).setdefault(first, []).append((second, values[atom], atom))
    verdicts = Verdicts(worlds, knowledge, held)
    return Outcome(
        setting=verdicts.setting(),
        recommended=tuple((entry.name, entry.rank, entry.certainty) for entry in verdicts.recommended()),
        excluded=tuple((entry.name, entry.certainty) for entry in verdicts.excluded()),
        actions=tuple((entry.name, entry.certainty) for entry in verdicts.actions()),
        missing=tuple(missing_name(entry.fact, entry.member) for entry in verdicts.missing()),
    )


def missing_name(fact: str, member: str | None) -> str:
    return fact if member is None else f"{fact}[{member}]"


def choices_of(records: Columns) -> Codes:
    """Give for each variable and each record the number of its recorded value, or `OPEN`."""
    found = np.full((len(records.knowledge.variables), len(records)), OPEN, dtype=np.int64)
    for own in records.columns:
        chosen = own.values.choices()
        for variable in np.flatnonzero((chosen != OPEN).any(axis=1)):
            found[variable] = chosen[variable][own.codes]
    return found


def open_record(records: Columns, number: int, choices: Codes, group: tuple[int, ...], program: Program) -> Record:
    """Give what a group's constraints need of a record: its choices, and the rest where something else touches them."""
    if group not in program.pure:
        return records.record(number)
    return Record("", {}, program.courses, tuple(map(int, choices[:, number])), (), "")


def inputs_of(records: Columns, program: Program, choices: Codes, batch: Batch) -> Iterator[bytes]:
    """Yield for each input atom the bits of the worlds in which it holds."""
    rows = len(batch.members)
    told = np.zeros((len(program.inputs), rows), dtype=bool)
    for own in records.columns:
        atoms = own.values.atoms(program)
        places = np.flatnonzero(atoms.any(axis=1))
        told[places] |= atoms[places].take(own.codes[batch.members], axis=1)
    for variable, known in enumerate(records.knowledge.variables):
        chosen = choices[variable, batch.members]
        for value, (_, atoms_of_value) in enumerate(known.values):
            for atom in atoms_of_value:
                told[program.inputs[atom]] |= chosen == value
    held: dict[int, Bits] = {}
    for axis, members, step in ((own.axis, own.members, own.step) for own in batch.opened):
        for position, variable in enumerate(axis.variables):
            stands = np.array([values[position] for values in axis.steps])[step]
            for value, (_, atoms_of_value) in enumerate(records.knowledge.variables[variable].values):
                for atom in atoms_of_value:
                    place = program.inputs[atom]
                    if place not in held:
                        held[place] = np.repeat(told[place][None], batch.width, axis=0)
                    held[place][:, members] |= stands == value
    packed = np.packbits(told, axis=1, bitorder="little")
    for place, row in enumerate(packed):
        if place in held:
            yield np.packbits(held[place], axis=1, bitorder="little").tobytes()
        else:
            yield row.tobytes() * batch.width
