"""What a conclusion hangs on: which facts make it certain whatever the rest is, and which changes overturn it.

All that the record tells is opened at once, besides what it leaves open anyway, and evaluated on decision diagrams. The
drugs of recorded courses stay given. What rules conclude from a record's telling a fact at all holds where the fact is in
the set, or where the record tells it as it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import Assumption, assumption_of
from reasoner.engine.examination import Examination
from reasoner.engine.memory import capacities
from reasoner.engine.opened_record import Asked, Claim, OpenedRecord, without_therapy
from reasoner.engine.overturning import Overturning, Sought, overturnings
from reasoner.engine.untold import after_untold_therapy

__all__ = ["Examined", "examine", "sufficient_facts"]


class Examined(NamedTuple):
    """What a claim hangs on.

    `sufficient` is a smallest set of what the record tells that makes it certain; None where it is not certain, or where
    that could not be worked out. `overturned_by` are the smallest changes of the record after which it is another. `ever`
    tells of each atom whether it can hold for courses of the same drugs, and nothing where these are not known.
    """

    sufficient: tuple[Assumption, ...] | None = None
    overturned_by: tuple[Overturning, ...] = ()
    ever: Sequence[bool] = ()


def sufficient_facts(asked: Asked, claim: Claim, model: GuidelineModel) -> tuple[Assumption, ...] | None:
    """Find a smallest set of what the record tells that makes a claim certain; of equally small sets the first."""
    return examine(asked, claim, model, None).sufficient


def examine(asked: Asked, claim: Claim, model: GuidelineModel, sought: Sought | None, certain: bool = True) -> Examined:
    """Find what a claim hangs on, which is `certain` or not, and where changes are `sought` what overturns it.

    Nothing is found where the guideline depends on itself through negation, or where diagrams outgrow their capacity.
    """
    if model.recursive is not None:
        return Examined()
    needed = untreated(asked, claim, model)
    for capacity in capacities():
        try:
            examination = Examination(OpenedRecord(asked, claim, model, given=needed is not None), capacity)
            found = examination.sufficient() if certain else None
            changes = () if sought is None else overturnings(examination, found, sought, certain)
        except MemoryError:
            continue
        if found is not None and needed is not None:
            places = {fact.name: place for place, fact in enumerate(model.facts)}
            found = tuple(sorted((*found, needed), key=lambda one: places[one.fact]))
        return Examined(found, changes, examination.ever())
    return Examined()


def untreated(asked: Asked, claim: Claim, model: GuidelineModel) -> Assumption | None:
    """Give that no therapy was given, where a record tells it and a claim cannot be certain without that."""
    told = without_therapy(asked.record, model)
    if told is asked.record:
        return None
    program = asked.evaluator(told.courses, told.fewer).program
    atoms = [program.index[atom] for atom in claim.atoms if atom in program.index]
    bounds = after_untold_therapy(program, atoms, told, asked.adopted)
    if bounds is None:
        return None
    certain = not any(own.possible for own in bounds) if claim.denied else any(own.certain for own in bounds)
    therapy = next(variable for variable in program.variables if variable.tells_therapy)
    return None if certain else assumption_of(therapy, 0)
