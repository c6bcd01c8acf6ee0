"""Outlines of answers: what an answer lists, without reasons, read once for all records that conclude the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reasoner.cohort.aspects import (
    ASPECTS,
    Entry,
    atoms_of,
    bits_besides_doses,
    bits_of,
    bits_of_doses,
    bits_of_evidence,
    table_of,
    told_atoms,
    truths_of,
    weaker_strengths,
    with_evidence,
)
from reasoner.cohort.batches import Batches
from reasoner.cohort.bits import distinct
from reasoner.cohort.dosage import doses_given
from reasoner.compiler.model import GuidelineModel, Variable
from reasoner.compiler.program import Program
from reasoner.engine.answer import ActionCall, Alternative, Answer, Exclusion, Missing, Recommendation
from reasoner.engine.bits import BitCompletions, Component
from reasoner.engine.conclusions import Conclusions, conclusions_of
from reasoner.engine.predicates import ACTION, EXCLUDED, RANK, RECOMMENDED, STRENGTH
from reasoner.engine.worlds import NO_OTHER
from reasoner.records.encoding import course_key

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes

__all__ = ["Outline", "Outlines"]

SOME_AND_ALL = BitCompletions([Component((), ((), ()))], (), NO_OTHER)
"""Two completions: the first stands for what holds in some, the second for what holds in all."""

Listed = tuple[str, ...]


class Outline(NamedTuple):
    """What an answer lists, without reasons: of each kind the number of an entry in `Outlines.entries`."""

    setting: int
    recommended: int
    excluded: int
    actions: int
    missing: int
    depends_on_readings: int
    alternatives: int
    scores: int
    doses: int


class Outlines:
    """Numbers the conclusions of completions, and the outlines of answers.

    `outlines` are in the order of their numbers. `entries` number what they list: the setting of each decision; recommended
    regimens, each with rank, strength, certainty of the evidence if the guideline tells any, and certainty ("certain" or
    "conditional"); excluded regimens, and actions, each with certainty;
    unknown facts, a member of a list as ``fact[member]``, what is unknown of a course as ``fact[0].outcome``; readings of
    which another alternative changes something; and for each such alternative the other setting, None where it is the same,
    and the regimens that are recommended or excluded then and not now, and now and not then; scores, each with its least
    and its greatest value; and the doses of what is recommended.
    """

    def __init__(self, model: GuidelineModel) -> None:
        self.model = model
        self.outlines: list[Outline] = []
        self.numbers: dict[Outline, int] = {}
        self.entries: dict[str, dict[Entry, int]] = {name: {} for name in Outline._fields}
        self.listed: dict[str, list[Entry]] = {name: [] for name in Outline._fields}
        self.conclusions: list[int] = []
        self.conclusion_numbers: dict[tuple[int, int], int] = {}
        self.known: dict[tuple[int, int, bytes], int] = {}
        self.known_by_bounds: dict[tuple[int, str, int, int], int | None] = {}
        self.known_by_completions: dict[tuple[int, str, tuple[int, ...], tuple[tuple[int, int], ...]], int] = {}
        self.known_missing: dict[tuple[int, tuple[int, ...], tuple[int, ...]], int] = {}
        self.known_shifts: dict[tuple[int, ...], Shift] = {}
        self.known_compared: dict[tuple[int, ...], int] = {}

    def conclusion(self, program: Program, held: int) -> int:
        """Give the number of what a completion concludes; `held` has a bit for each decisive atom of the program.

        The strengths of a regimen that has a better one are left out, and doses of what is not recommended: no answer shows
        them.
        """
        number = self.conclusion_numbers.get((program.courses, held))
        if number is None:
            shown = held
            for strength, weaker in weaker_strengths(program, self.model.strengths):
                if shown & strength:
                    shown &= ~weaker
            for recommended, doses in bits_of_doses(program, self.model):
                if not shown & recommended:
                    shown &= ~doses
            number = self.conclusion_numbers.setdefault((program.courses, shown), len(self.conclusions))
            if number == len(self.conclusions):
                self.conclusions.append(shown)
            self.conclusion_numbers[program.courses, held] = number
        return number

    def number_all(self, batches: Batches, layout: Codes, concluded: Codes) -> list[int]:
        """Give the numbers of records' outlines.

        `layout` has a row for each record with the numbers of the components of its completions, 0 for none; `concluded` a
        row with the number of what each completion concludes.
        """
        table = np.hstack([layout, concluded])
        content, size = table.tobytes(), table.itemsize * table.shape[1]
        found = []
        for row, start in enumerate(range(0, len(content), size)):
            key = (batches.program.courses, layout.shape[1], content[start : start + size])
            number = self.known.get(key)
            if number is None:
                components = tuple(layout[row, layout[row] > 0].tolist())
                number = self.known[key] = self.number_of(self.read(batches, components, concluded[row].tolist()))
            found.append(number)
        return found

    def of(self, answer: Answer) -> int:
        """Give the number of the outline of a whole answer."""
        entries: list[Recommendation | Exclusion | ActionCall] = [*answer.recommended, *answer.excluded, *answer.actions]
        dependent = {name for entry in entries for name in entry.depends_on_readings}
        dependent |= {found.reading for found in answer.alternatives}
        listed: dict[str, Entry] = {
            "setting": tuple(own.setting for own in answer.decisions or ()) or (answer.setting,),
            "recommended": tuple(
                with_evidence(own.evidence_certainty, self.model, (own.regimen, own.rank, own.strength, own.certainty))
                for own in answer.recommended
            ),
            "excluded": tuple((entry.regimen, entry.certainty) for entry in answer.excluded),
            "actions": tuple((entry.action, entry.certainty) for entry in answer.actions),
            "missing": tuple(map(unknown_name, answer.missing)),
            "depends_on_readings": tuple(name for name in self.model.alternatives if name in dependent),
            "alternatives": tuple(
                (
                    *(found.reading, found.alternative, found.setting or None),
                    *(regimens for shift in (found.recommended, found.excluded) for regimens in (shift.adds, shift.removes)),
                )
                for found in answer.alternatives
                if found.setting or changed_lists(found)
            ),
            "scores": tuple((entry.score, entry.value, entry.at_most) for entry in answer.scores or ()),
            "doses": doses_given(conclusions_of(answer.derivation), answer.derivation.program),
        }
        return self.number_of(Outline(**{kind: self.entry(kind, entry) for kind, entry in listed.items()}))

    def entry(self, kind: str, listed: Entry) -> int:
        own = self.entries[kind]
        found = own.setdefault(listed, len(own))
        if found == len(self.listed[kind]):
            self.listed[kind].append(listed)
        return found

    def number_of(self, outline: Outline) -> int:
        number = self.numbers.setdefault(outline, len(self.outlines))
        if number == len(self.outlines):
            self.outlines.append(outline)
        return number

    def read(self, batches: Batches, components: tuple[int, ...], concluded: Sequence[int]) -> Outline:
        """Read an outline from what each completion concludes, with the readings whose choice is open and changes it."""
        program = batches.program
        where: dict[int, int] = {}
        for completion, number in enumerate(concluded):
            where[number] = where.get(number, 0) | 1 << completion
        held = {self.conclusions[number]: truth for number, truth in where.items()}
        some, every = reduce(or_, held), reduce(and_, held)
        listed: dict[str, int] = {}
        for name, bits in bits_of(program, self.model).items():
            found = self.read_by_bounds(program, name, some & bits, every & bits)
            listed[name] = self.read_by_completions(batches, name, held, components) if found is None else found
        return Outline(
            **listed,
            missing=self.missing(batches, components, self.partition(program, where)),
            depends_on_readings=self.entry("depends_on_readings", self.open_readings(batches, held, components)),
            alternatives=self.entry("alternatives", ()),
        )

    def partition(self, program: Program, where: Mapping[int, int]) -> tuple[int, ...]:
        """Divide completions by what they conclude, doses aside."""
        bits, found = bits_besides_doses(program), dict[int, int]()
        for number, truth in where.items():
            shown = self.conclusions[number] & bits
            found[shown] = found.get(shown, 0) | truth
        return tuple(found.values())

    def missing(self, batches: Batches, components: tuple[int, ...], partition: tuple[int, ...]) -> int:
        """Find the unknown facts that can change what is concluded; `partition` has the completions of each conclusion."""
        key = (batches.program.courses, components, partition)
        found = self.known_missing.get(key)
        if found is None:
            relevant = frozenset[int]().union(*map(batches.completions_of(components).relevant_variables, partition))
            variables = [batches.program.variables[v] for v in sorted(relevant)]
            names = tuple(unknown_name(variable) for variable in variables if variable.reading is None)
            found = self.known_missing[key] = self.entry("missing", names)
        return found

    def open_readings(self, batches: Batches, held: Mapping[int, int], components: tuple[int, ...]) -> tuple[str, ...]:
        """List the readings whose choice is open and can change what is recommended, excluded or called for."""
        variables = batches.program.variables
        completions = batches.completions_of(components)
        readings = {v: str(variables[v].reading) for v in completions.values if variables[v].reading is not None}
        if not readings:
            return ()
        found = frozenset[int]()
        for atom, truth in truths_of(batches.program, self.model, held).items():
            if told_atoms(batches.program, self.model)[atom][0] in (RECOMMENDED, EXCLUDED, ACTION):
                found |= completions.relevant_variables(truth)
        return tuple(name for v, name in readings.items() if v in found)

    def read_by_bounds(self, program: Program, name: str, some: int, every: int) -> int | None:
        """Read an aspect from what holds in some completion and what holds in all; None where this does not suffice.

        A regimen with several ranks or strengths has those of the completions that agree with its assumptions.
        """
        key = (program.courses, name, some, every)
        if key not in self.known_by_bounds:
            held_some, held_all = (atoms_of(program, self.model, held) for held in (some, every))
            truths = dict.fromkeys(held_some, 0b01) | dict.fromkeys(held_all, 0b11)
            table = table_of(program, self.model, truths)
            several = any(len(rows) > 1 for graded in (RANK, STRENGTH) for rows in table.get(graded, {}).values())
            together = (name == "doses" and some != every) or bool((some ^ every) & bits_of_evidence(program, self.model))
            conclusions = Conclusions(SOME_AND_ALL, self.model, table, truths)
            read = ASPECTS[name].read
            self.known_by_bounds[key] = None if several or together else self.entry(name, read(conclusions, program))
        return self.known_by_bounds[key]

    def read_by_completions(self, batches: Batches, name: str, held: Mapping[int, int], components: tuple[int, ...]) -> int:
        """Read an aspect from what holds in which completions."""
        program = batches.program
        bits, own = bits_of(program, self.model)[name], dict[int, int]()
        for conclusion, truth in held.items():
            own[conclusion & bits] = own.get(conclusion & bits, 0) | truth
        key = (program.courses, name, components, tuple(own.items()))
        if key not in self.known_by_completions:
            truths = truths_of(program, self.model, own)
            completions, table = batches.completions_of(components), table_of(program, self.model, truths)
            conclusions = Conclusions(completions, self.model, table, truths)
            self.known_by_completions[key] = self.entry(name, ASPECTS[name].read(conclusions, program))
        return self.known_by_completions[key]

    def compared(self, base: Codes, others: Codes, alternatives: tuple[tuple[str, str], ...]) -> Codes:
        """Give the numbers of outlines that tell what other alternatives change.

        `base` are the outlines of records without that, and `others` their outlines under each of the `alternatives`, a
        reading and its alternative.
        """
        found = base.copy()
        rows = np.flatnonzero((others != base).any(axis=0))
        first, which = distinct([base[rows], *others[:, rows]])
        numbers = []
        for place in rows[first]:
            key = (int(base[place]), *others[:, place].tolist())
            number = self.known_compared.get(key)
            if number is None:
                number = self.known_compared[key] = self.with_alternatives(key, alternatives)
            numbers.append(number)
        found[rows] = np.array(numbers, dtype=np.int64)[which]
        return found

    def with_alternatives(self, outlines: tuple[int, ...], alternatives: tuple[tuple[str, str], ...]) -> int:
        """Give the number of the first of some outlines with what the others change of it."""
        base = self.outlines[outlines[0]]
        dependent = set(self.listed["depends_on_readings"][base.depends_on_readings])
        changes = []
        for (reading, name), number in zip(alternatives, outlines[1:], strict=True):
            if number == outlines[0]:
                continue
            shift = self.shift(base, self.outlines[number])
            if shift.alters:
                dependent.add(reading)
            if shift.setting is not None or any(shift.lists):
                changes.append((reading, name, shift.setting, *shift.lists))
        depends = tuple(name for name in self.model.alternatives if name in dependent)
        return self.number_of(
            base._replace(
                depends_on_readings=self.entry("depends_on_readings", depends),
                alternatives=self.entry("alternatives", tuple(changes)),
            )
        )

    def shift(self, base: Outline, other: Outline) -> Shift:
        """Compare what two outlines list."""
        key = (*base[:4], *other[:4])
        found = self.known_shifts.get(key)
        if found is None:
            listed = [
                [{entry[0]: entry[-1] for entry in self.listed[kind][getattr(own, kind)]} for own in (base, other)]
                for kind in ("recommended", "excluded", "actions")
            ]
            order = self.model.regimens.index
            lists = tuple(
                tuple(sorted(set(one) - set(two), key=order))
                for here, there in listed[:2]
                for one, two in ((there, here), (here, there))
            )
            first, moved = (str(self.listed["setting"][own.setting][0]) for own in (base, other))
            setting = None if first == moved else moved
            kept = all(there.get(name) == certainty for here, there in listed for name, certainty in here.items())
            found = self.known_shifts[key] = Shift(setting, lists, not kept or setting is not None or any(lists))
        return found


class Shift(NamedTuple):
    """What differs in another outline.

    `setting` is the other one, None where it is the same. `lists` are the regimens that are recommended there and not here,
    here and not there, and those that are excluded. It `alters` the first where that or the certainty of an entry differs.
    """

    setting: str | None
    lists: tuple[Listed, ...]
    alters: bool


def changed_lists(found: Alternative) -> bool:
    """Tell whether an alternative changes which regimens are recommended or excluded."""
    return any((*shift.adds, *shift.removes) for shift in (found.recommended, found.excluded))


def unknown_name(unknown: Variable | Missing) -> str:
    """Name an unknown fact, a member of an unknown list, or what is unknown of a course."""
    if unknown.course is not None:
        return course_key(unknown.fact, unknown.course, unknown.key)
    return unknown.fact if unknown.member is None else f"{unknown.fact}[{unknown.member}]"
