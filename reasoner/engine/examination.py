"""A claim, laid out over all that a record could tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from reasoner.engine.completions import Chosen, Truth, choices_of, input_numbers
from reasoner.engine.conclusions import Assumption, assumption_of
from reasoner.engine.opened import open_as_diagram
from reasoner.engine.opened_record import OpenedRecord
from reasoner.engine.worlds import NO_OTHER
from reasoner.records.record import OPEN

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["Assigned", "Change", "Examination"]

Assigned = dict[int, int]
"""Variables with the numbers of their values."""
Change = tuple[tuple[int, int], ...]
"""Variables with the numbers of other values than a record gives them."""


class Examination:
    """A claim and an opened record, as diagrams of at most `capacity` nodes.

    `certain` is where the claim certainly holds, `possible` where it possibly does; `kept` are the values that the record
    gives, and defaults.
    """

    def __init__(self, opened: OpenedRecord, capacity: int) -> None:
        self.opened = opened
        self.model = opened.model
        self.variables = opened.evaluator.program.variables
        laid = open_as_diagram(opened.record, opened.evaluator, opened.adopted, NO_OTHER, capacity)
        self.completions = cast("DiagramCompletions", laid.completions)
        self.settled = opened.settled(laid)
        self.certain, self.possible = opened.bounds(laid, self.settled)
        self.kept = {**opened.recorded, **opened.assumed}

    def can_hold(self, atom: int) -> bool | None:
        """Tell whether an atom can hold for courses of the same drugs; None where these are not known."""
        values = self.opened.values
        return None if self.opened.untreated or not values else bool(values[atom] != self.completions.none)

    def sufficient(self) -> tuple[Assumption, ...] | None:
        """Find a smallest set of what the record tells that makes the claim certain; of equally small sets the first."""
        space = self.untold()
        chosen = self.completions.smallest_among(self.certain & space, space, self.opened.recorded)
        if chosen is None:
            return None
        assert self.decides(chosen)
        return tuple(assumption_of(self.variables[v], value) for v, value in chosen)

    def untold(self) -> Truth:
        """Give where defaults are as they are, and nothing is told otherwise than the record tells it."""
        found = self.completions.all & self.agreeing(self.opened.assumed)
        for v in self.opened.apart:
            for other in self.opened.options[v]:
                found = found & ~self.completions.chosen(v, other)
        return found

    def decides(self, chosen: Chosen) -> bool:
        """Tell whether the claim is certain where no more is told than what is chosen."""
        return bool(self.untold() & self.agreeing(dict(chosen)) & ~self.certain == self.completions.none)

    def agreeing(self, values: Mapping[int, int]) -> Truth:
        """Give where variables have these values, whether or not that is admissible."""
        found = self.completions.true
        for v in reversed(self.completions.order):
            if v in values:
                found = found & self.completions.chosen(v, values[v])
        return found

    def smallest_in(self, works: Truth, most: int) -> tuple[Change, ...]:
        """Find the changes of at most `most` parts that lead to where something `works`, and of which no part does.

        What works depends only on variables that have values.
        """
        memo: dict[tuple[Truth, int], tuple[Change, ...]] = {}

        def search(works: Truth, left: int) -> tuple[Change, ...]:
            if works == self.completions.none:
                return ()
            level = works.node_level()
            if level is None:
                return ((),)
            found = memo.get((works, left))
            if found is None:
                v = self.completions.owner(level)
                found = search(self.completions.at(works, v, self.kept[v]), left)
                for n in self.opened.options[v] if left and found != ((),) else ():
                    within = search(self.completions.at(works, v, n), left - 1)
                    found += tuple(((v, n), *own) for own in within if not any(set(o) <= set(own) for o in found))
                memo[works, left] = found
            return found

        return search(works, most)

    def one_in(self, region: Truth, preferred: Mapping[int, int]) -> Assigned:
        """Choose a completion of a region, as far as possible with values that are preferred."""
        found: Assigned = {}
        for v in self.completions.order:
            first = preferred.get(v, 0)
            level = region.node_level()
            if level is None or self.completions.owner(level) != v:
                found[v] = first
                continue
            values = (first, *(n for n in range(len(self.completions.variables[v].values)) if n != first))
            found[v] = next(n for n in values if self.completions.at(region, v, n) != self.completions.none)
            region = self.completions.at(region, v, found[v])
        return found

    def values_in(self, assigned: list[Assigned]) -> list[int]:
        """Evaluate the claim, and all that it depends on, in some completions: a bit for each."""
        program, record = self.opened.evaluator.program, self.opened.record
        numbers, every = input_numbers(program), (1 << len(assigned)) - 1
        inputs = [0] * len(program.inputs)
        for number in program.removable:
            inputs[number] = every
        for place, told in enumerate(record.told):
            own = {i: one for i, one in enumerate(assigned) if one.get(len(program.variables), 0) == place}
            where = sum(1 << i for i in own)
            for atom in told.atoms:
                if atom in program.inputs:
                    inputs[program.inputs[atom]] |= where
            for v, choice in enumerate(choices_of(told, self.opened.adopted)):
                for i, one in own.items() if choice == OPEN else ():
                    for number in numbers[v][one[v]]:
                        inputs[number] |= 1 << i
                for number in numbers[v][choice] if choice != OPEN else ():
                    inputs[number] |= where
            for i in self.treated(own) if told.courses is None else ():
                for number, role in enumerate(program.roles[: len(inputs)]):
                    inputs[number] |= (role == "history") << i
        return self.opened.answering.behind(self.settled, inputs, every)

    def treated(self, assigned: Mapping[int, Assigned]) -> Iterator[int]:
        """Yield the completions in which some therapy was given and nothing of it is known."""
        therapy = next(v for v, variable in enumerate(self.variables) if variable.tells_therapy)
        yield from (i for i, one in assigned.items() if one.get(therapy) == 1)
