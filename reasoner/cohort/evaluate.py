"""Evaluate distinct records together: their completions side by side in the bits of the same integers.

It is the evaluator that answers one record. The completions of a record follow each other, and then come those of the next. What
the completions of a record conclude becomes an outcome; records that differ only in what no conclusion tells apart share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.bits import WORD, distinct, distinct_rows, packed, transposed, words_for
from reasoner.cohort.columns import Columns
from reasoner.cohort.outcomes import Outcomes, decisive
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.engine import evaluator as engine
from reasoner.engine.completions import Component, admissible
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.records.record import OPEN, Record

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


class Batch(NamedTuple):
    """Records whose completions are evaluated together: `members` are their numbers.

    `laid` numbers for each slot and record the component that its completions have there, 0 for none; `strides` are the distances
    between two steps of these components. `first` is the place of the first completion of each record, `owner` the record of each
    completion. `opened` has for each slot with components the completions that have one there, and the step at which each stands.
    """

    members: Codes
    laid: Codes
    strides: Codes
    first: Codes
    owner: Codes
    opened: list[tuple[int, Codes, Codes]]


class Evaluator:
    """Evaluates columns of distinct records; keeps components, conclusions of completions, and outcomes from call to call."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.model = guideline.model
        self.components = [Component((), ((),))]
        self.component_numbers = {self.components[0]: 0}
        self.said: dict[int, Words] = {}
        self.outcomes = Outcomes(guideline.model, self.components)

    def evaluate(self, records: Columns) -> Evaluated:
        """Evaluate distinct records."""
        courses = np.zeros(len(records), dtype=np.int64)
        for own in records.columns:
            if own.values.fact.kind == "courses":
                courses += np.array([told.courses for told in own.values.told], dtype=np.int64)[own.codes]
        found = Evaluated(
            np.full(len(records), -1, dtype=np.int64),
            np.zeros((len(records), words_for(len(self.model.rules))), dtype=np.uint64),
        )
        choices = choices_of(records)
        for number in np.unique(courses):
            members = np.flatnonzero(courses == number)
            evaluator = self.guideline.evaluator(int(number))
            evaluator.compile()
            program = evaluator.program
            if program.recursive is not None:
                self.one_by_one(records, members, found)
                continue
            laid = self.lay_out(records, evaluator, choices, members)
            valid = (laid >= 0).all(axis=0)
            members, laid = members[valid], laid[:, valid]
            completions = self.lengths()[laid].prod(axis=0, dtype=np.float64)
            self.one_by_one(records, members[completions > ALONE], found)
            few = np.flatnonzero(completions <= ALONE)
            share = completions[few].cumsum() // TOGETHER
            for chosen in np.split(few, np.flatnonzero(np.diff(share)) + 1):
                if len(chosen):
                    self.together(records, evaluator, self.batch(members[chosen], laid[:, chosen]), found)
        return found

    def lengths(self) -> Codes:
        """Give the number of steps of each component."""
        return np.array([len(component.assignments) for component in self.components])

    def lay_out(self, records: Columns, evaluator: engine.Evaluator, choices: Codes, members: Codes) -> Codes:
        """Give the numbers of the components of records' completions, for each set of tied variables and for each other variable.

        0 stands for none, -1 where the record contradicts itself.
        """
        laid = []
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
            laid.append(
                np.array(
                    [self.component_number(component) if component.assignments else -1 for component in components],
                    dtype=np.int64,
                )[which]
            )
        tied = {variable for group in program.constraint_components for variable in group}
        for variable, known in enumerate(self.model.variables):
            if variable not in tied:
                every = self.component_number(Component((variable,), tuple((n,) for n in range(len(known.values)))))
                laid.append(np.where(choices[variable, members] == OPEN, every, 0))
        return np.array(laid, dtype=np.int64).reshape(len(laid), len(members))

    def component_number(self, component: Component) -> int:
        found = self.component_numbers.setdefault(component, len(self.components))
        if found == len(self.components):
            self.components.append(component)
        return found

    def batch(self, members: Codes, laid: Codes) -> Batch:
        """Lay the completions of records one after another."""
        lengths = self.lengths()[laid]
        counts, strides = lengths.prod(axis=0), lengths.cumprod(axis=0) // lengths
        first = counts.cumsum() - counts
        owner = np.repeat(np.arange(len(members)), counts)
        completion = np.arange(len(owner)) - first[owner]
        opened = []
        for slot in np.flatnonzero(laid.any(axis=1)):
            having = np.flatnonzero(laid[slot][owner])
            whose = owner[having]
            opened.append((int(slot), having, completion[having] // strides[slot, whose] % lengths[slot, whose]))
        return Batch(members, laid, strides, first, owner, opened)

    def together(self, records: Columns, evaluator: engine.Evaluator, batch: Batch, found: Evaluated) -> None:
        """Evaluate a batch."""
        program = evaluator.program
        inputs = self.inputs_of(records, program, batch)
        words = inputs.shape[1]
        values, fired = evaluator.evaluate([int.from_bytes(row, "little") for row in inputs], (1 << WORD * words) - 1)

        def by_completion(truths: Sequence[int]) -> Words:
            whole = b"".join(truth.to_bytes(8 * words, "little") for truth in truths)
            table = np.frombuffer(whole, dtype="<u8").reshape(len(truths), words)
            return transposed(table)[: len(batch.owner)]

        sources = [0] * len(self.model.rules)
        for ground, truth in zip(program.rules, fired, strict=True):
            sources[ground.rule] |= truth
        found.fired[batch.members] = np.bitwise_or.reduceat(by_completion(sources), batch.first, axis=0)
        concluded = self.concluded(program, by_completion([values[n] for n in decisive(program)]))
        found.outcome[batch.members] = self.conclude(program, batch, concluded)

    def inputs_of(self, records: Columns, program: Program, batch: Batch) -> Words:
        """Give for each input atom the completions in which it holds, a bit each."""
        told = np.zeros((len(batch.members), words_for(len(program.inputs))), dtype=np.uint64)
        for own in records.columns:
            words = own.values.words(program)
            if words.any():
                told |= words.take(own.codes[batch.members], axis=0)
        completions = told.take(batch.owner, axis=0)
        start, said = self.said_by_steps(program)
        for slot, having, step in batch.opened:
            completions[having] |= said[start[batch.laid[slot, batch.owner[having]]] + step]
        return transposed(completions)[: len(program.inputs)]

    def said_by_steps(self, program: Program) -> tuple[Codes, Words]:
        """Give for each step of each component the input atoms of a program that hold there, and where each component starts."""
        known = self.said.get(program.courses, np.zeros((0, words_for(len(program.inputs))), dtype=np.uint64))
        ends = self.lengths().cumsum()
        if len(known) < ends[-1]:
            new = self.components[int(np.searchsorted(ends, len(known), side="right")) :]
            known = np.vstack([known, *(words_of(component, program, self.model) for component in new)])
            self.said[program.courses] = known
        return ends - self.lengths(), known

    def concluded(self, program: Program, held: Words) -> Codes:
        """Give numbers to what completions conclude; `held` has for each completion a bit for each decisive conclusion."""
        first, which = distinct_rows(held)
        numbers = [self.outcomes.conclusion(program, int.from_bytes(row, "little")) for row in held[first].astype("<u8")]
        return np.array(numbers)[which]

    def conclude(self, program: Program, batch: Batch, concluded: Codes) -> Codes:
        """Give the number of each record's outcome, from what each of its completions concludes.

        Axes along which a record's conclusions do not change are left out before, so that more records share an outcome.
        """
        kept = np.zeros_like(batch.laid)
        for slot, having, step in batch.opened:
            whose = batch.owner[having]
            base = having - step * batch.strides[slot, whose]
            needed = whose[concluded[having] != concluded[base]]
            kept[slot, needed] = batch.laid[slot, needed]
        lengths = self.lengths()[kept]
        counts = lengths.prod(axis=0)
        _, pattern = distinct([counts, *kept])
        found = np.empty(len(batch.members), dtype=np.int64)
        for count in map(int, np.unique(counts)):
            members = np.flatnonzero(counts == count)
            steps = np.arange(count)[:, None]
            completion = np.broadcast_to(batch.first[members], (count, len(members))).copy()
            for own in np.flatnonzero(kept[:, members].any(axis=1)):
                completion += steps % lengths[own, members] * batch.strides[own, members]
                steps = steps // lengths[own, members]
            told = concluded[completion]
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
            marks = np.zeros(len(self.model.rules), dtype=bool)
            for ground, truth in zip(derivation.program.rules, derivation.fired, strict=True):
                marks[ground.rule] |= bool(truth)
            found.fired[number] = packed(marks[None])


def choices_of(records: Columns) -> Codes:
    """Give for each variable and each record the number of its recorded value, or `OPEN`."""
    found = np.full((len(records.model.variables), len(records)), OPEN, dtype=np.int64)
    for own in records.columns:
        chosen = own.values.choices()
        for variable in np.flatnonzero((chosen != OPEN).any(axis=1)):
            found[variable] = chosen[variable][own.codes]
    return found


def open_record(records: Columns, number: int, choices: Codes, group: tuple[int, ...], program: Program) -> Record:
    """Give what a group's constraints need of a record: its choices, and the rest where something else touches them."""
    if group not in program.independent_components:
        return records.record(number)
    return Record("", {}, program.courses, tuple(map(int, choices[:, number])), (), "")


def words_of(component: Component, program: Program, model: GuidelineModel) -> Words:
    """Give for each step of an component the input atoms that hold there, a bit each."""
    marks = np.zeros((len(component.assignments), len(program.inputs)), dtype=bool)
    for number, step in enumerate(component.assignments):
        for variable, value in zip(component.variables, step, strict=True):
            _, atoms = model.variables[variable].values[value]
            marks[number, [program.inputs[atom] for atom in atoms if atom in program.inputs]] = True
    return packed(marks)
