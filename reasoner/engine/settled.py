"""What can be settled of a record rule by rule, whatever it leaves open, where nothing else finds an end.

Each open value holds or not by itself here, whatever constraints tie it to others. So all that is certain is so in every
completion, and what is not possible is so in none; but not all that is certain is found, nor all that is impossible.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, or_

from reasoner.compiler.program import Program
from reasoner.engine.completions import Inputs, lay_inputs
from reasoner.engine.untold import ALWAYS, NEVER, OPEN_BOUNDS, Bounds
from reasoner.engine.worlds import NO_OTHER
from reasoner.records.record import Record

__all__ = ["settled_bounds"]


class OpenValues(Inputs):
    """Every value of what is open possibly holds, and none certainly."""

    everything, none = ALWAYS, NEVER

    def value(self, variable: int, number: int) -> Bounds:  # noqa: ARG002 (all alike)
        return OPEN_BOUNDS

    def in_worlds(self, chosen: int) -> Bounds:  # noqa: ARG002 (there is one)
        return ALWAYS

    def of_set(self, number: int) -> Bounds:  # noqa: ARG002 (there is one)
        return ALWAYS


def settled_bounds(record: Record, program: Program, adopted: tuple[int, ...], untreated: bool) -> list[Bounds]:
    """Tell of each atom of a program whether it certainly holds for a record, and whether it possibly does.

    Where it is not known which therapy was given, any may have been, or with `untreated` none.
    """
    found = [concluded(inputs_of(record, place, program, adopted, untreated), program) for place in range(len(record.told))]
    return [
        Bounds(reduce(and_, (own.certain for own in each)), reduce(or_, (own.possible for own in each)))
        for each in zip(*found, strict=True)
    ]


def inputs_of(record: Record, place: int, program: Program, adopted: tuple[int, ...], untreated: bool) -> list[Bounds]:
    """Give the bounds of the input atoms in one of a record's sets of facts."""
    told = record.told[place]
    inputs, _ = lay_inputs(record._replace(told=(told,)), program, adopted, NO_OTHER, OpenValues())
    if told.courses is None:
        history = NEVER if untreated else OPEN_BOUNDS
        return [history if program.roles[n] == "history" else own for n, own in enumerate(inputs)]
    return inputs


def concluded(inputs: Sequence[Bounds], program: Program) -> list[Bounds]:
    """Apply the rules as long as more is settled; at first nothing that they conclude is."""
    first, absent = len(inputs), len(program.atoms) - len(inputs) - program.derived - program.always
    values = [*inputs, *([OPEN_BOUNDS] * program.derived), *([ALWAYS] * program.always), *([NEVER] * absent)]
    before: list[Bounds] = []
    while values != before:
        before = list(values)
        for atom in range(first, first + program.derived):
            values[atom] = NEVER
            for support in program.supports[atom]:
                holds = ALWAYS
                for condition, negated in program.rules[support].conditions:
                    own = before[condition] if condition == atom else values[condition]
                    holds = holds & ~own if negated else holds & own
                values[atom] = values[atom] | holds
    return values
