"""Records of one program whose completions are evaluated side by side, in the bits of the same integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.bits import WORD, distinct, distinct_rows, pack, transpose, unpack, words_for
from reasoner.cohort.columns import RecordColumns, variables_of_fact
from reasoner.engine.bits import BitCompletions, Component, admissible
from reasoner.engine.completions import input_numbers
from reasoner.engine.evaluator import Evaluator
from reasoner.engine.opened import MOST_TRIED
from reasoner.engine.worlds import NO_OTHER, worlds_of
from reasoner.records.record import OPEN, Record, Told

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reasoner.cohort.bits import Codes, Words
    from reasoner.cohort.columns import Bits
    from reasoner.compiler.program import Program

__all__ = ["COMPLETIONS_OF_BATCH", "CONTRADICTORY", "MANY", "Batch", "Batches", "Group", "by_completion"]

COMPLETIONS_OF_BATCH = 2**15
CONTRADICTORY = -1
"""In a layout: no combination of values is admissible."""
MANY = -2
"""In a layout: there are too many combinations of values to try."""


class Group(NamedTuple):
    """Records with the same number of courses.

    `choices` has for each variable, those of the readings first, and each record the number of its value. `unread` are the
    variables that no rule reads while the readings are taken so.
    """

    records: RecordColumns
    choices: NDArray[np.int16]
    unread: frozenset[int]

    def taking(self, members: Codes, readings: NDArray[np.int16], unread: frozenset[int]) -> Group:
        """Gather some of the records, which can be there several times, with the readings taken otherwise."""
        choices = self.choices[:, members]
        choices[: len(readings)] = readings
        return Group(self.records.take(members), choices, unread)


class Batch(NamedTuple):
    """Records whose completions are evaluated together: `members` are their numbers in the group.

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

    def truth(self, marks: Bits) -> int:
        """Give the completions of the members that have a mark."""
        return int.from_bytes(np.packbits(marks[self.owner], bitorder="little").tobytes(), "little")

    def owners(self, truth: int) -> Codes:
        """Give the members that have one of some completions."""
        found = np.zeros(len(self.members), dtype=bool)
        if truth:
            held = np.frombuffer(truth.to_bytes(8 * words_for(len(self.owner)), "little"), dtype="<u8")
            found[self.owner[unpack(held[None], len(self.owner))[0]]] = True
        return np.flatnonzero(found)


class Batches:
    """Lays the completions of records out for one program; keeps components from call to call."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.program = evaluator.program
        self.components = [Component((), ((),))]
        self.numbers = {self.components[0]: 0}
        self.admissible: dict[tuple[object, ...], Component | int] = {}
        self.assignment_inputs = np.zeros((0, words_for(len(self.program.inputs))), dtype=np.uint64)
        self.completions: dict[tuple[int, ...], BitCompletions] = {}

    def group(self, records: RecordColumns, adopted: tuple[int, ...]) -> Group:
        """Gather records with as many courses as the program is for, with the choices of the readings."""
        choices = np.full((len(self.program.variables), len(records)), OPEN, dtype=np.int16)
        for own in records.columns:
            table, _ = own.dictionary.tables(self.program)
            for number, chosen in zip(variables_of_fact(self.program, own.dictionary.fact.name), table, strict=True):
                choices[number] = chosen[own.codes]
        choices[: len(adopted)] = np.array(adopted, dtype=np.int16)[:, None]
        return Group(records, choices, worlds_of(self.program, adopted, frozenset(), removed=False).unread)

    def completions_of(self, components: tuple[int, ...]) -> BitCompletions:
        """Give the completions of components, by their numbers."""
        found = self.completions.get(components)
        if found is None:
            own = [self.components[number] for number in components]
            found = self.completions[components] = BitCompletions(own, self.program.variables, NO_OTHER)
        return found

    def lengths(self) -> Codes:
        """Give the number of assignments of each component."""
        return np.array([len(component.assignments) for component in self.components])

    def number(self, component: Component) -> int:
        found = self.numbers.setdefault(component, len(self.components))
        if found == len(self.components):
            self.components.append(component)
        return found

    def lay_out(self, group: Group) -> Codes:
        """Give for each slot and record the number of a component, 0 where nothing is open.

        The slots are the sets of variables that constraints tie together, then every other variable; what no rule reads is
        left out. The number is `CONTRADICTORY` where the record contradicts itself, `MANY` where it is left to diagrams.
        """
        layout = []
        program = self.program
        for tied in program.constraint_components:
            own = group.choices[np.array(tied, dtype=np.int64)]
            beside = self.beside(group, tied)
            same = np.zeros(own.shape[1], dtype=np.int64)
            first, which = distinct([*(own.astype(np.int64) + 1), *beside] or [same])
            numbers = [
                self.tied_number(group, tied, int(place), tuple(int(numbers[place]) for numbers in beside))
                for place in first
            ]
            layout.append(np.array(numbers, dtype=np.int64)[which])
        known = {variable for tied in program.constraint_components for variable in tied} | group.unread
        opened = group.choices == OPEN
        for variable, values in enumerate(len(own.values) for own in program.variables):
            if variable not in known and opened[variable].any():
                every = self.number(Component((variable,), tuple((n,) for n in range(values))))
                layout.append(np.where(opened[variable], every, 0))
        return np.array(layout, dtype=np.int64).reshape(len(layout), len(group.records))

    def beside(self, group: Group, tied: tuple[int, ...]) -> list[Codes]:
        """Give numbers to what else in records the constraints on tied variables depend on, fact by fact."""
        program = self.program
        if not program.constraint_inputs[tied]:
            return []
        needed = np.zeros((1, len(program.inputs)), dtype=bool)
        needed[0, [program.inputs[atom] for atom in program.constraint_inputs[tied]]] = True
        mask, found = pack(needed)[0], []
        for own in group.records.columns:
            said = own.dictionary.tables(program)[1] & mask
            if said.any():
                found.append(distinct_rows(said)[1][own.codes])
        return found

    def tied_number(self, group: Group, tied: tuple[int, ...], member: int, beside: tuple[int, ...]) -> int:
        """Give the number of the component of tied variables in a record, without those that no rule reads."""
        own = tuple(map(int, group.choices[:, member][np.array(tied, dtype=np.int64)]))
        key = (tied, own, beside)
        found = self.admissible.get(key)
        if found is None:
            found = self.admissible[key] = self.admissible_of(group, tied, member)
        if isinstance(found, int):
            return found
        kept = [place for place, variable in enumerate(found.variables) if variable not in group.unread]
        if not kept:
            return 0
        told_apart = dict.fromkeys(tuple(assignment[place] for place in kept) for assignment in found.assignments)
        return self.number(Component(tuple(found.variables[place] for place in kept), tuple(told_apart)))

    def admissible_of(self, group: Group, tied: tuple[int, ...], member: int) -> Component | int:
        program = self.program
        if prod(len(program.variables[v].values) for v in tied if group.choices[v, member] == OPEN) > MOST_TRIED:
            return MANY
        choices = tuple(map(int, group.choices[:, member]))
        record = Record("", {}, program.courses, False, (Told(choices, (), (), (), frozenset(), program.courses),), (), "")
        if program.constraint_inputs[tied]:
            record = group.records.record(member)
        found = admissible(record, self.evaluator, tied, choices)
        return found if found.assignments else CONTRADICTORY

    def divided(self, members: Codes, layout: Codes) -> Iterator[Batch]:
        """Divide records with their layouts into batches of limited size."""
        share = self.lengths()[layout].prod(axis=0).cumsum() // COMPLETIONS_OF_BATCH
        for chosen in np.split(np.arange(len(members)), np.flatnonzero(np.diff(share)) + 1):
            if len(chosen):
                yield self.batch(members[chosen], layout[:, chosen])

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

    def inputs(self, group: Group, batch: Batch) -> tuple[list[int], int]:
        """Give for each input atom the completions in which it holds, a bit each; and what always holds."""
        program = self.program
        completions = recorded_inputs(group, batch.members, program)
        if batch.open_slots:
            completions = completions.take(batch.owner, axis=0)
        start, table = self.inputs_of_assignments()
        for slot, concerned, assignment in batch.open_slots:
            completions[concerned] |= table[start[batch.layout[slot, batch.owner[concerned]]] + assignment]
        rows = transpose(completions)[: len(program.inputs)]
        found, everything = [int.from_bytes(row, "little") for row in rows], (1 << WORD * rows.shape[1]) - 1
        for atom in program.removable:
            found[atom] = everything
        for variable, known in enumerate(program.variables):
            chosen = group.choices[variable, batch.members]
            for value, atoms in enumerate(input_numbers(program)[variable] if known.reading is not None else ()):
                if (marks := chosen == value).any():
                    for atom in atoms:
                        found[atom] |= everything if marks.all() else batch.truth(marks)
        return found, everything

    def inputs_of_assignments(self) -> tuple[Codes, Words]:
        """Give a table of the input atoms that hold in each assignment, a bit each; and where components start in it."""
        ends = self.lengths().cumsum()
        known = self.assignment_inputs
        if len(known) < ends[-1]:
            numbers, tables = input_numbers(self.program), [known]
            for component in self.components[int(np.searchsorted(ends, len(known), side="right")) :]:
                marks = np.zeros((len(component.assignments), len(self.program.inputs)), dtype=bool)
                for place, assignment in enumerate(component.assignments):
                    for variable, value in zip(component.variables, assignment, strict=True):
                        marks[place, list(numbers[variable][value])] = True
                tables.append(pack(marks))
            known = self.assignment_inputs = np.vstack(tables)
        return ends - self.lengths(), known


def recorded_inputs(group: Group, members: Codes, program: Program) -> Words:
    """Give for each record the input atoms that hold in all of its completions, a bit each."""
    found = np.zeros((len(members), words_for(len(program.inputs))), dtype=np.uint64)
    for own in group.records.columns:
        _, table = own.dictionary.tables(program)
        if table.any():
            found |= table.take(own.codes[members], axis=0)
    return found


def by_completion(truths: Sequence[int], batch: Batch) -> Words:
    """Give for each completion which of some truths hold in it, a bit each."""
    words = words_for(len(batch.owner))
    whole = b"".join(truth.to_bytes(8 * words, "little") for truth in truths)
    return transpose(np.frombuffer(whole, dtype="<u8").reshape(len(truths), words))[: len(batch.owner)]
