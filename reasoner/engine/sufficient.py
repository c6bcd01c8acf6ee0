"""What a conclusion hangs on: which facts make it certain whatever the rest is, and which changes overturn it.

All that the record tells is opened at once, besides what it leaves open anyway, and evaluated on decision diagrams. The
drugs of recorded courses stay given. What rules conclude from a record's telling a fact at all holds where the fact is in
the set, or where the record tells it as it does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.completions import Chosen
from reasoner.engine.conclusions import Assumption, assumption_of
from reasoner.engine.evaluator import Evaluator, settle
from reasoner.engine.examination import Examination
from reasoner.engine.memory import capacities
from reasoner.engine.opened_record import Asked, Claim, OpenedRecord, without_therapy
from reasoner.engine.overturning import Overturning, Sought, overturnings
from reasoner.engine.untold import Side, after_untold_therapy
from reasoner.records.record import Record

__all__ = ["Examined", "examine", "sufficient_facts"]


def unknown(atom: int) -> None:
    """Tell of nothing whether it can hold."""


class Examined(NamedTuple):
    """What a claim hangs on.

    `sufficient` is a smallest set of what the record tells that makes it certain; None where it is not certain, or where
    that could not be worked out. `overturned_by` are the smallest changes of the record after which it is another.
    `can_hold` tells of an atom whether it can hold for courses of the same drugs, None where that is not known.
    """

    sufficient: tuple[Assumption, ...] | None = None
    overturned_by: tuple[Overturning, ...] = ()
    can_hold: Callable[[int], bool | None] = unknown


def sufficient_facts(asked: Asked, claim: Claim, model: GuidelineModel) -> tuple[Assumption, ...] | None:
    """Find a smallest set of what the record tells that makes a claim certain; of equally small sets the first."""
    return examine(asked, claim, model, None).sufficient


def examine(asked: Asked, claim: Claim, model: GuidelineModel, sought: Sought | None, certain: bool = True) -> Examined:
    """Find what a claim hangs on, which is `certain` or not, and where changes are `sought` what overturns it.

    Nothing is found where the guideline depends on itself through negation, or where diagrams outgrow their capacity.
    """
    if model.recursive is not None:
        return Examined()
    told = without_therapy(asked.record, model)
    for capacity in capacities():
        try:
            examination = Examination(OpenedRecord(asked, claim, model, asked.record), capacity)
            needed: Assumption | None = None
            found = examination.sufficient() if certain else None
            if certain and told is not asked.record and not suffices(found, asked, claim, told):
                needed = untreated(asked, claim, told)
                if needed is None:
                    examination = Examination(OpenedRecord(asked, claim, model, told), capacity)
                    found = examination.sufficient()
            changes = () if sought is None else overturnings(examination, found, sought, certain)
        except MemoryError:
            continue
        if found is not None and needed is not None:
            places = {fact.name: place for place, fact in enumerate(model.facts)}
            found = tuple(sorted((*found, needed), key=lambda one: places[one.fact]))
        return Examined(found, changes, examination.can_hold)
    return Examined()


def suffices(facts: tuple[Assumption, ...] | None, asked: Asked, claim: Claim, told: Record) -> bool:
    """Tell whether it is plain that facts suffice whatever therapy was given; `told` leaves that open."""
    (own, *others), evaluator = told.told, asked.evaluator(told.courses, told.fewer)
    defaults = tuple((v, own.choices[v]) for v in own.defaulted)
    return facts is not None and not others and plainly_suffices(evaluator, asked.adopted, claim, facts, defaults)


@lru_cache(maxsize=1024)
def plainly_suffices(
    evaluator: Evaluator, adopted: tuple[int, ...], claim: Claim, facts: tuple[Assumption, ...], defaults: Chosen
) -> bool:
    """Tell whether a claim is settled where only facts and defaults, as numbers of values, are known."""
    program = evaluator.program
    inputs: list[bool | None] = [None] * len(program.inputs)
    for number in program.removable:
        inputs[number] = True
    known = {(one.fact, one.member, one.course, one.key): one.value for one in facts}
    chosen = {
        v: n
        for v, variable in enumerate(program.variables)
        for n, (word, _) in enumerate(variable.values)
        if variable.place[:4] in known and known[variable.place[:4]] == word
    }
    for v, choice in {**dict(enumerate(adopted)), **dict(defaults), **chosen}.items():
        for n, (_, atoms) in enumerate(program.variables[v].values):
            for atom in atoms:
                if atom in program.inputs:
                    inputs[program.inputs[atom]] = inputs[program.inputs[atom]] or n == choice
    wanted = tuple(program.index[atom] for atom in claim.atoms if atom in program.index)
    holds = settle(program, wanted, tuple(inputs)).known
    return all(holds[a] is False for a in wanted) if claim.denied else any(holds[a] is True for a in wanted)


def untreated(asked: Asked, claim: Claim, told: Record) -> Assumption | None:
    """Give that no therapy was given where a claim cannot be certain without that; `told` leaves it open."""
    program = asked.evaluator(told.courses, told.fewer).program
    sides = tuple(Side(program.index[atom], claim.denied) for atom in claim.atoms if atom in program.index)
    held = after_untold_therapy(program, sides, told, asked.adopted)
    if held is None:
        return None
    certain = any(held) is not claim.denied
    therapy = next(variable for variable in program.variables if variable.tells_therapy)
    return None if certain else assumption_of(therapy, 0)
