"""Evaluate distinct records together: their completions side by side in the bits of the same integers.

It is the evaluator that answers one record. What completions conclude becomes the outline of an answer, which records share
that differ only in what no conclusion depends on. Records that this does not suit are answered one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.aspects import truths_told
from reasoner.cohort.batches import (
    COMPLETIONS_OF_BATCH,
    CONTRADICTORY,
    MANY,
    Batch,
    Batches,
    Group,
    by_completion,
)
from reasoner.cohort.bits import distinct, distinct_rows, pack, words_for
from reasoner.cohort.columns import RecordColumns
from reasoner.cohort.deviations import Deviation, changed_by, counting_rules, deviations_of
from reasoner.cohort.outlines import Outlines
from reasoner.compiler.program import Program
from reasoner.engine.memory import on_larger_diagrams
from reasoner.errors import ReasonerError
from reasoner.guideline import Guideline
from reasoner.records.record import OPEN

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes, Words

__all__ = ["CohortEvaluator", "Evaluated"]

MANY_BATCHES = 8
"""From so many batches on generated code pays for being generated."""
MOST_COMPLETIONS = 2**12
"""A record with more completions is answered by itself."""


class Evaluated(NamedTuple):
    """The evaluation of distinct records.

    `outline` is for each record the number of its answer's outline, -1 where the record contradicts itself; `fired` tells
    for each record which rules of the source fire in some completion, a bit each, but for those that cannot change an answer
    while readings are taken as they are.
    """

    outline: Codes
    fired: Words


class Single(NamedTuple):
    """The evaluation of one record by itself."""

    outline: int
    fired: Words


class CohortEvaluator:
    """Evaluates columns of distinct records; keeps what it finds from call to call."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.model = guideline.model
        self.batches: dict[int, Batches] = {}
        self.outlines = Outlines(guideline.model)
        self.singles: dict[bytes, Single] = {}

    @property
    def size(self) -> int:
        """How much is remembered."""
        return len(self.outlines.known) + len(self.singles)

    def evaluate(self, records: RecordColumns) -> Evaluated:
        """Evaluate distinct records."""
        found = Evaluated(
            np.full(len(records), -1, dtype=np.int64),
            np.zeros((len(records), words_for(len(self.model.rules))), dtype=np.uint64),
        )
        courses = records.courses()
        for count in (np.flatnonzero(np.bincount(courses + 1)) - 1).tolist():
            members = np.flatnonzero(courses == count)
            if count < 0 or self.guideline.program(count).recursive is not None:
                self.evaluate_singly(records, members, found)
                continue
            batches = self.batches.get(count)
            if batches is None:
                batches = self.batches[count] = Batches(self.guideline.evaluator(count))
            own, left = self.evaluate_together(batches, batches.group(records.take(members), self.guideline.adopted))
            found.outline[members], found.fired[members] = own
            self.evaluate_singly(records, members[left], found)
        return found

    def evaluate_together(self, batches: Batches, group: Group) -> tuple[Evaluated, Codes]:
        """Evaluate records with the same number of courses; give what is found, and the records that are left over."""
        adopted = self.guideline.adopted
        deviations = deviations_of(batches.program, adopted)
        layout, chosen, left = self.suited(batches, group)
        outline = np.full(len(group.records), -1, dtype=np.int64)
        fired = np.zeros((len(outline), words_for(len(self.model.rules))), dtype=np.uint64)
        concerned: list[list[Codes]] = [[np.zeros(0, dtype=np.int64)] for _ in deviations]
        for batch in batches.divided(chosen, layout):
            inputs, everything = batches.inputs(group, batch)
            evaluated = batches.evaluator.evaluate(inputs, everything)
            outline[batch.members] = self.number_outlines(batches, batch, evaluated)
            fired[batch.members] = self.rules_fired(batches.program, batch, evaluated[1])
            for own, deviation in zip(concerned, deviations, strict=True):
                opened = open_to(group, batch, deviation)
                changed = changed_by(batches.program, adopted, deviation, opened, evaluated, everything)
                own.append(batch.members[batch.owners(changed)])
        others = np.repeat(outline[None], len(deviations), axis=0)
        for unread in dict.fromkeys(deviation.unread for deviation in deviations):
            which = [place for place, deviation in enumerate(deviations) if deviation.unread == unread]
            members = [np.concatenate(concerned[place]) for place in which]
            world = np.repeat(which, [len(own) for own in members])
            readings = np.array([deviation.adopted for deviation in deviations], dtype=np.int16).T[:, world]
            other = group.taking(np.concatenate(members), readings, unread)
            others[world, np.concatenate(members)], more = self.outlines_in(batches, other)
            left = np.concatenate([left, np.concatenate(members)[more]])
        named = tuple((deviation.reading, deviation.alternative) for deviation in deviations)
        return Evaluated(self.outlines.compared(outline, others, named), fired), left

    def outlines_in(self, batches: Batches, group: Group) -> tuple[Codes, Codes]:
        """Give the numbers of the outlines of records that contradict nothing, and the records that are left over."""
        layout, chosen, left = self.suited(batches, group)
        found = np.full(len(group.records), -1, dtype=np.int64)
        for batch in batches.divided(chosen, layout):
            evaluated = batches.evaluator.evaluate(*batches.inputs(group, batch))
            found[batch.members] = self.number_outlines(batches, batch, evaluated)
        return found, left

    def suited(self, batches: Batches, group: Group) -> tuple[Codes, Codes, Codes]:
        """Give the layout of the records that can be evaluated together, which these are, and which are left over."""
        layout = batches.lay_out(group)
        many = (layout == MANY).any(axis=0)
        valid = ~many & (layout != CONTRADICTORY).all(axis=0)
        completions = batches.lengths()[np.maximum(layout, 0)].prod(axis=0, dtype=np.float64)
        many |= valid & (completions > MOST_COMPLETIONS)
        valid &= ~many
        if completions[valid].sum() >= COMPLETIONS_OF_BATCH * MANY_BATCHES:
            batches.evaluator.compile()
        return layout[:, valid], np.flatnonzero(valid), np.flatnonzero(many)

    def rules_fired(self, program: Program, batch: Batch, fired: Sequence[int]) -> Words:
        """Tell for each record which rules of the source fire in some completion and count, a bit each."""
        rules = [0] * len(self.model.rules)
        for number, rule in counting_rules(program, self.guideline.adopted):
            rules[rule] |= fired[number]
        return np.bitwise_or.reduceat(by_completion(rules, batch), batch.first, axis=0)

    def number_outlines(self, batches: Batches, batch: Batch, evaluated: tuple[Sequence[int], Sequence[int]]) -> Codes:
        """Give the number of each record's outline, from where the atoms of the program hold and its rules fire.

        Components that change nothing of a record's conclusions are left out first, so that more records share an outline.
        """
        concluded = self.number_conclusions(batches.program, batch, evaluated)
        kept = np.zeros_like(batch.layout)
        for slot, concerned, assignment in batch.open_slots:
            whose = batch.owner[concerned]
            base = concerned - assignment * batch.strides[slot, whose]
            needed = whose[concluded[concerned] != concluded[base]]
            kept[slot, needed] = batch.layout[slot, needed]
        lengths = batches.lengths()[kept]
        counts = lengths.prod(axis=0)
        _, pattern = distinct([counts, *kept])
        found = np.empty(len(batch.members), dtype=np.int64)
        for count in np.flatnonzero(np.bincount(counts)).tolist():
            members = np.flatnonzero(counts == count)
            rest = np.arange(count)[:, None]
            completion = np.broadcast_to(batch.first[members], (count, len(members))).copy()
            for slot in map(int, np.flatnonzero(kept[:, members].any(axis=1))):
                completion += rest % lengths[slot, members] * batch.strides[slot, members]
                rest = rest // lengths[slot, members]
            conclusions = concluded[completion]
            first, which = distinct([pattern[members], *conclusions])
            numbers = self.outlines.number_all(batches, kept[:, members[first]].T, conclusions[:, first].T)
            found[members] = np.array(numbers)[which]
        return found

    def number_conclusions(self, program: Program, batch: Batch, evaluated: tuple[Sequence[int], Sequence[int]]) -> Codes:
        """Give the number of what each completion concludes."""
        held = by_completion(list(truths_told(program, self.model, evaluated)), batch)
        first, which = distinct_rows(held)
        numbers = [self.outlines.conclusion(program, int.from_bytes(row, "little")) for row in held[first].astype("<u8")]
        return np.array(numbers)[which]

    def evaluate_singly(self, records: RecordColumns, members: Codes, found: Evaluated) -> None:
        """Answer records by themselves: those that leave much open, or of whom it is not known which therapy was given."""
        codes = np.stack([own[members] for own in records.codes], axis=1) if len(members) else ()
        for member, row in zip(members, codes, strict=True):
            key = row.tobytes()
            if key not in self.singles:
                self.singles[key] = self.single(records, int(member))
            found.outline[member], found.fired[member] = self.singles[key]

    @on_larger_diagrams
    def single(self, records: RecordColumns, member: int) -> Single:
        marks = np.zeros((1, len(self.model.rules)), dtype=bool)
        try:
            answer = self.guideline.answer(records.record(member))
        except ReasonerError:
            return Single(-1, pack(marks)[0])
        derivation = answer.derivation
        counting = counting_rules(derivation.program, self.guideline.adopted)
        marks[0, [rule for number, rule in counting if derivation.fires(number)]] = True
        return Single(self.outlines.of(answer), pack(marks)[0])


def open_to(group: Group, batch: Batch, deviation: Deviation) -> dict[int, int]:
    """Give for each variable that is read only under another alternative where it is open."""
    found = {v: batch.truth(group.choices[v, batch.members] == OPEN) for v in deviation.read}
    return {variable: truth for variable, truth in found.items() if truth}
