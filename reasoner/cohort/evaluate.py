"""Evaluate distinct records together: their completions side by side in the bits of the same integers.

It is the evaluator that answers one record. The completions of one record follow those of another. What they conclude
becomes the outline of an answer, which records share that differ only in what no conclusion depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.bits import WORD, distinct, distinct_rows, pack, transpose, words_for
from reasoner.cohort.columns import RecordColumns
from reasoner.cohort.outlines import Outlines, decisive_atoms
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine.completions import Component, admissible
from reasoner.engine.evaluator import Evaluator
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.records.record import OPEN, Record

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes, Words

__all__ = ["CohortEvaluator", "Evaluated"]

COMPLETIONS_OF_BATCH = 2**15
MANY_BATCHES = 8
"""From so many batches on generated code pays for being generated."""
MOST_COMPLETIONS = 2**12
"""A record with more completions is answered by itself."""


class Evaluated(NamedTuple):
    """The evaluation of distinct records.

    `outline` is for each record the number of its answer's outline, -1 where the record contradicts itself; `fired` tells
    for each record which rules of the source fire in some completion, a bit each.
    """

    outline: Codes
    fired: Words


class Batch(NamedTuple):
    """Records whose completions are evaluated together: `members` are their numbers.

    A slot is a set of variables that are decided together. `layout` has for each slot and record the number of a component,
    0 where nothing is open; `strides` are the distances between two assignments of these. `first` is the place of each
    record's first completion, `owner` the record of each completion. `open_slots` has, for each slot where something is
    open, the completions concerned and the assignment in each.
    """

    members: Codes
    layout: Codes
    strides: Codes
    first: Codes
    owner: Codes
    open_slots: list[tuple[int, Codes, Codes]]


class CohortEvaluator:
    """Evaluates columns of distinct records; keeps components, conclusions and outlines from call to call."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.model = guideline.model
        self.components = [Component((), ((),))]
        self.component_numbers = {self.components[0]: 0}
        self.assignment_inputs: dict[int, Words] = {}
        self.outlines = Outlines(guideline.model, self.components)

    def evaluate(self, records: RecordColumns) -> Evaluated:
        """Evaluate distinct records."""
        courses = np.zeros(len(records), dtype=np.int64)
        for own in records.columns:
            if own.dictionary.fact.kind == "courses":
                courses += np.array([value.courses for value in own.dictionary.encoded], dtype=np.int64)[own.codes]
        found = Evaluated(
            np.full(len(records), -1, dtype=np.int64),
            np.zeros((len(records), words_for(len(self.model.rules))), dtype=np.uint64),
        )
        choices = choices_of(records)
        for number in np.unique(courses):
            members = np.flatnonzero(courses == number)
            evaluator = self.guideline.evaluator(int(number))
            program = evaluator.program
            if program.recursive is not None:
                self.evaluate_singly(records, members, found)
                continue
            layout = self.lay_out(records, evaluator, choices, members)
            valid = (layout >= 0).all(axis=0)
            members, layout = members[valid], layout[:, valid]
            completions = self.lengths()[layout].prod(axis=0, dtype=np.float64)
            self.evaluate_singly(records, members[completions > MOST_COMPLETIONS], found)
            few = np.flatnonzero(completions <= MOST_COMPLETIONS)
            share = completions[few].cumsum() // COMPLETIONS_OF_BATCH
            batches = np.split(few, np.flatnonzero(np.diff(share)) + 1)
            if len(batches) >= MANY_BATCHES:
                evaluator.compile()
            for chosen in batches:
                if len(chosen):
                    self.evaluate_batch(records, evaluator, self.batch(members[chosen], layout[:, chosen]), found)
        return found

    def lengths(self) -> Codes:
        """Give the number of assignments of each component."""
        return np.array([len(component.assignments) for component in self.components])

    def lay_out(self, records: RecordColumns, evaluator: Evaluator, choices: Codes, members: Codes) -> Codes:
        """Give for each slot and record the number of a component, 0 where nothing is open.

        The slots are the sets of variables that constraints tie together, then every other variable. The number is -1 where
        the record contradicts itself.
        """
        layout = []
        program = evaluator.program
        for group in program.constraint_components:
            own = choices[np.ix_(np.array(group, dtype=np.int64), members)]
            if group in program.independent_components:
                first, which = distinct([*(own.astype(np.int64) + 1)])
            else:
                first = which = np.arange(len(members))
            components = [
                admissible(open_record(records, int(n), choices, group, program), evaluator, self.model, group)
                for n in members[first]
            ]
            numbers = [self.component_number(component) if component.assignments else -1 for component in components]
            layout.append(np.array(numbers, dtype=np.int64)[which])
        tied = {variable for group in program.constraint_components for variable in group}
        for variable, known in enumerate(self.model.variables):
            if variable not in tied:
                every = self.component_number(Component((variable,), tuple((n,) for n in range(len(known.values)))))
                layout.append(np.where(choices[variable, members] == OPEN, every, 0))
        return np.array(layout, dtype=np.int64).reshape(len(layout), len(members))

    def component_number(self, component: Component) -> int:
        found = self.component_numbers.setdefault(component, len(self.components))
        if found == len(self.components):
            self.components.append(component)
        return found

    def batch(self, members: Codes, layout: Codes) -> Batch:
        """Lay the completions of records out one after another."""
        lengths = self.lengths()[layout]
        counts, strides = lengths.prod(axis=0), lengths.cumprod(axis=0) // lengths
        first = counts.cumsum() - counts
        owner = np.repeat(np.arange(len(members)), counts)
        completion = np.arange(len(owner)) - first[owner]
        open_slots = []
        for slot in np.flatnonzero(layout.any(axis=1)):
            concerned = np.flatnonzero(layout[slot][owner])
            whose = owner[concerned]
            open_slots.append((int(slot), concerned, completion[concerned] // strides[slot, whose] % lengths[slot, whose]))
        return Batch(members, layout, strides, first, owner, open_slots)

    def evaluate_batch(self, records: RecordColumns, evaluator: Evaluator, batch: Batch, found: Evaluated) -> None:
        """Evaluate a batch, and enter what is found."""
        program = evaluator.program
        inputs = self.inputs_of(records, program, batch)
        words = inputs.shape[1]
        values, fired = evaluator.evaluate([int.from_bytes(row, "little") for row in inputs], (1 << WORD * words) - 1)

        def by_completion(truths: Sequence[int]) -> Words:
            whole = b"".join(truth.to_bytes(8 * words, "little") for truth in truths)
            table = np.frombuffer(whole, dtype="<u8").reshape(len(truths), words)
            return transpose(table)[: len(batch.owner)]

        rules = [0] * len(self.model.rules)
        for ground, truth in zip(program.rules, fired, strict=True):
            rules[ground.rule] |= truth
        found.fired[batch.members] = np.bitwise_or.reduceat(by_completion(rules), batch.first, axis=0)
        concluded = self.number_conclusions(program, by_completion([values[n] for n in decisive_atoms(program)]))
        found.outline[batch.members] = self.number_outlines(program, batch, concluded)

    def inputs_of(self, records: RecordColumns, program: Program, batch: Batch) -> Words:
        """Give for each input atom the completions in which it holds, a bit each."""
        recorded = np.zeros((len(batch.members), words_for(len(program.inputs))), dtype=np.uint64)
        for own in records.columns:
            table = own.dictionary.input_table(program)
            if table.any():
                recorded |= table.take(own.codes[batch.members], axis=0)
        completions = recorded.take(batch.owner, axis=0)
        start, table = self.inputs_of_assignments(program)
        for slot, concerned, assignment in batch.open_slots:
            completions[concerned] |= table[start[batch.layout[slot, batch.owner[concerned]]] + assignment]
        return transpose(completions)[: len(program.inputs)]

    def inputs_of_assignments(self, program: Program) -> tuple[Codes, Words]:
        """Give a table of the input atoms that hold in each assignment, a bit each; and where components start in it."""
        known = self.assignment_inputs.get(program.courses, np.zeros((0, words_for(len(program.inputs))), dtype=np.uint64))
        ends = self.lengths().cumsum()
        if len(known) < ends[-1]:
            new = self.components[int(np.searchsorted(ends, len(known), side="right")) :]
            known = np.vstack([known, *(input_table(component, program, self.model) for component in new)])
            self.assignment_inputs[program.courses] = known
        return ends - self.lengths(), known

    def number_conclusions(self, program: Program, held: Words) -> Codes:
        """Give the number of what each completion concludes; `held` has for each completion a bit for each decisive atom."""
        first, which = distinct_rows(held)
        numbers = [self.outlines.conclusion(program, int.from_bytes(row, "little")) for row in held[first].astype("<u8")]
        return np.array(numbers)[which]

    def number_outlines(self, program: Program, batch: Batch, concluded: Codes) -> Codes:
        """Give the number of each record's outline, from what each of its completions concludes.

        Components that change nothing of a record's conclusions are left out first, so that more records share an outline.
        """
        kept = np.zeros_like(batch.layout)
        for slot, concerned, assignment in batch.open_slots:
            whose = batch.owner[concerned]
            base = concerned - assignment * batch.strides[slot, whose]
            needed = whose[concluded[concerned] != concluded[base]]
            kept[slot, needed] = batch.layout[slot, needed]
        lengths = self.lengths()[kept]
        counts = lengths.prod(axis=0)
        _, pattern = distinct([counts, *kept])
        found = np.empty(len(batch.members), dtype=np.int64)
        for count in map(int, np.unique(counts)):
            members = np.flatnonzero(counts == count)
            rest = np.arange(count)[:, None]
            completion = np.broadcast_to(batch.first[members], (count, len(members))).copy()
            for slot in map(int, np.flatnonzero(kept[:, members].any(axis=1))):
                completion += rest % lengths[slot, members] * batch.strides[slot, members]
                rest = rest // lengths[slot, members]
            conclusions = concluded[completion]
            first, which = distinct([pattern[members], *conclusions])
            numbers = self.outlines.number_all(program, kept[:, members[first]].T, conclusions[:, first].T)
            found[members] = np.array(numbers)[which]
        return found

    def evaluate_singly(self, records: RecordColumns, members: Codes, found: Evaluated) -> None:
        """Answer records by themselves: those with very many completions, and all by a guideline with recursion."""
        for number in members:
            try:
                answer = self.guideline.answer(records.record(int(number)))
            except RecordError:
                continue
            derivation = answer.derivation
            found.outline[number] = self.outlines.of(derivation)
            marks = np.zeros(len(self.model.rules), dtype=bool)
            for ground, truth in zip(derivation.program.rules, derivation.fired, strict=True):
                marks[ground.rule] |= bool(truth)
            found.fired[number] = pack(marks[None])


def choices_of(records: RecordColumns) -> Codes:
    """Give for each variable and each record the number of its recorded value, or `OPEN`."""
    found = np.full((len(records.model.variables), len(records)), OPEN, dtype=np.int64)
    for own in records.columns:
        chosen = own.dictionary.choice_table()
        for variable in np.flatnonzero((chosen != OPEN).any(axis=1)):
            found[variable] = chosen[variable][own.codes]
    return found


def open_record(records: RecordColumns, number: int, choices: Codes, group: tuple[int, ...], program: Program) -> Record:
    """Give what a group's constraints need of a record: its choices, and the rest where the group is not independent."""
    if group not in program.independent_components:
        return records.record(number)
    return Record("", {}, program.courses, tuple(map(int, choices[:, number])), (), "")


def input_table(component: Component, program: Program, model: GuidelineModel) -> Words:
    """Give for each assignment of a component the input atoms that hold there, a bit each."""
    marks = np.zeros((len(component.assignments), len(program.inputs)), dtype=bool)
    for number, assignment in enumerate(component.assignments):
        for variable, value in zip(component.variables, assignment, strict=True):
            _, atoms = model.variables[variable].values[value]
            marks[number, [program.inputs[atom] for atom in atoms if atom in program.inputs]] = True
    return pack(marks)
