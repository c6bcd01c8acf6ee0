"""Evaluate distinct records together: their completions side by side in the bits of the same integers.

It is the evaluator that answers one record. Records with about as many worlds go together: first comes the first world of
each, then the second of each, and so on, a record with fewer starting again from its first. What the worlds of a record
conclude becomes an outcome; records that differ only in what no conclusion tells apart share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.bits import WORD, distinct, distinct_rows, packed, transposed, words_for
from reasoner.cohort.columns import Columns
from reasoner.cohort.outcomes import Outcomes, decisive
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.knowledge import Knowledge
from reasoner.program import Program
from reasoner.record import OPEN, Record
from reasoner.worlds import Axis, admissible

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes, Words

__all__ = ["Evaluated", "Evaluator"]

TOGETHER = 2**15
ALONE = 2**12


class Evaluated(NamedTuple):
    """The evaluation of distinct records.

    `outcome` numbers for each record an outcome, -1 where the record cannot be answered; `fired` tells for each record
    which rules of the source fire in some completion, a bit each.
    """

    outcome: Codes
    fired: Words


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
        self.axes = [Axis((), ((),))]
        self.axis_numbers = {self.axes[0]: 0}
        self.outcomes = Outcomes(guideline.knowledge, self.axes)

    def evaluate(self, records: Columns) -> Evaluated:
        """Evaluate distinct records."""
        courses = sum(np.array([told.courses for told in own.values.told])[own.codes] for own in records.columns)
        found = Evaluated(
            np.full(len(records), -1, dtype=np.int64),
            np.zeros((len(records), words_for(len(self.knowledge.rules))), dtype=np.uint64),
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
                    self.together(records, program, self.batch(width, members[chosen], laid[:, chosen]), found)
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
        strides = np.vstack([np.ones_like(lengths[:1]), lengths[:-1].cumprod(axis=0)])
        worlds = np.arange(width)[:, None]
        opened = []
        for slot, own in enumerate(laid):
            for number in np.unique(own[own > 0]):
                axis = self.axes[number]
                having = np.flatnonzero(own == number)
                stride = strides[slot, having]
                opened.append(Open(slot, axis, having, stride, worlds // stride % len(axis.steps)))
        return Batch(width, members, laid, opened)

    def together(self, records: Columns, program: Program, batch: Batch, found: Evaluated) -> None:
        """Evaluate a batch."""
        rows = len(batch.members)
        inputs = inputs_of(records, program, batch)
        words = inputs.shape[1]
        values, fired = program.evaluate([int.from_bytes(row, "little") for row in inputs], (1 << WORD * words) - 1)

        def by_world(truths: Sequence[int]) -> Words:
            whole = b"".join(truth.to_bytes(8 * words, "little") for truth in truths)
            table = transposed(np.frombuffer(whole, dtype="<u8").reshape(len(truths), words))
            return table.reshape(batch.width, -1, table.shape[1])[:, :rows]

        sources = [0] * len(self.knowledge.rules)
        for ground, truth in zip(program.rules, fired, strict=True):
            sources[ground.rule] |= truth
        found.fired[batch.members] = np.bitwise_or.reduce(by_world(sources), axis=0)
        held = by_world([values[n] for n in decisive(program)])
        concluded = self.concluded(program, held.reshape(batch.width * rows, -1)).reshape(batch.width, rows)
        found.outcome[batch.members] = self.conclude(program, batch, concluded)

    def concluded(self, program: Program, held: Words) -> Codes:
        """Give numbers to what worlds conclude; `held` has for each world a bit for each decisive conclusion."""
        first, which = distinct_rows(held)
        numbers = [self.outcomes.conclusion(program, int.from_bytes(row, "little")) for row in held[first].astype("<u8")]
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
            outcomes = self.outcomes.number_all(program, kept[:, members[first]].T, told[:, first].T)
            found[members] = np.array(outcomes)[which]
        return found

    def one_by_one(self, records: Columns, members: Codes, found: Evaluated) -> None:
        """Answer records by themselves: those with very many completions, and all where rules depend on themselves."""
        for number in members:
            try:
                answer = self.guideline.answer(records.record(int(number)))
            except RecordError:
                continue
            derivation = answer.derivation
            found.outcome[number] = self.outcomes.of(derivation)
            marks = np.zeros(len(self.knowledge.rules), dtype=bool)
            for ground, truth in zip(derivation.program.rules, derivation.fired, strict=True):
                marks[ground.rule] |= bool(truth)
            found.fired[number] = packed(marks[None])


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


def inputs_of(records: Columns, program: Program, batch: Batch) -> Words:
    """Give for each input atom the worlds in which it holds, a bit each: all first worlds, filled up to words, and so on."""
    rows = len(batch.members)
    told = np.zeros((WORD * words_for(rows), words_for(len(program.inputs))), dtype=np.uint64)
    for own in records.columns:
        words = own.values.words(program)
        if words.any():
            told[:rows] |= words.take(own.codes[batch.members], axis=0)
    worlds = np.repeat(told[None], batch.width, axis=0)
    for opened in batch.opened:
        worlds[:, opened.members] |= words_of(opened.axis, program, records.knowledge)[opened.step]
    return transposed(worlds.reshape(batch.width * len(told), -1))[: len(program.inputs)]


def words_of(axis: Axis, program: Program, knowledge: Knowledge) -> Words:
    """Give for each step of an axis the input atoms that hold there, a bit each."""
    marks = np.zeros((len(axis.steps), len(program.inputs)), dtype=bool)
    for number, step in enumerate(axis.steps):
        for variable, value in zip(axis.variables, step, strict=True):
            _, atoms = knowledge.variables[variable].values[value]
            marks[number, [program.inputs[atom] for atom in atoms]] = True
    return packed(marks)
