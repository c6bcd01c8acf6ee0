"""The search for changes: all that can be changed is opened at once, with what is unknown, and evaluated on diagrams.

A change is a set of steps: of what is recorded it moves the record elsewhere, of what is unknown it narrows the completions.
It works where some completion is left and the target holds in all that are left.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, cast

from reasoner.engine.completions import Truth
from reasoner.engine.opened import evaluate, open_as_diagram
from reasoner.engine.worlds import NO_OTHER
from reasoner.guideline import Guideline
from reasoner.queries.families import NONE, UNIT, Families, Family, Field, Step
from reasoner.queries.points import ABSENT, free
from reasoner.queries.told import telling
from reasoner.records.record import Record

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["Search", "TooManyError"]

MOST_STEPS = 20_000
"""A search that takes more steps is given up."""


class TooManyError(Exception):
    """A search takes too many steps."""


class Search:
    """Searches one record for the changes that make an atom certain and of which no part does.

    `variables` are all that a completion decides, `numbers` finds those that can be changed by their places in steps.
    """

    def __init__(
        self, record: Record, guideline: Guideline, target: str, anything: bool, capacity: int, families: Families
    ) -> None:
        self.record = record
        self.families = families
        freed = free(record, guideline, anything)
        program = freed.evaluator.program
        targets = [program.index[target]] if target in program.index else []
        facts = {program.variables[v].fact for v in freed.points}
        told = telling(freed.evaluator, record, facts, targets, guideline.model)
        self.told = told.variables
        self.points = {told.numbers[v]: point for v, point in freed.points.items()}
        self.numbers = {point.place: v for v, point in self.points.items()}
        self.variables = told.evaluator.program.variables
        opened = open_as_diagram(told.opened(freed.record), told.evaluator, guideline.adopted, NO_OTHER, capacity)
        completions = cast("DiagramCompletions", opened.completions)
        told.tell(opened)
        self.none = completions.none
        self.completions = completions
        self.lay_out()
        truth = evaluate(opened, told.evaluator).values[program.index[target]] if target in program.index else self.none
        unchangeable = [v for v in completions.order if v not in self.points and v not in self.told.values()]
        self.start = self.left_open(truth, completions.all, unchangeable)
        self.steps = 0
        self.memo: dict[tuple[Truth, Truth, Field | None, int | None], Family] = {}

    def lay_out(self) -> None:
        """Find what is kept where nothing is changed, and what lists are where they are told."""
        self.kept = self.completions.true
        self.empty: dict[Field, Truth] = {}
        self.members: dict[Field, list[int]] = {}
        self.lists = {v for v in self.points if self.variables[v].member is not None}
        for v in self.told.values():
            self.kept = self.kept & self.completions.chosen(v, ABSENT)
        for v, point in self.points.items():
            if point.kept is not None:
                self.kept = self.kept & self.completions.chosen(v, point.kept)
            elif point.whole:
                self.members.setdefault(point.place[:3], []).append(v)
                empty = self.empty.get(point.place[:3], self.completions.true)
                self.empty[point.place[:3]] = empty & self.completions.chosen(v, ABSENT)

    def left_open(self, truth: Truth, space: Truth, variables: Collection[int]) -> tuple[Truth, Truth]:
        """Give where `truth` holds whatever the value of some variables is, and where they have one at all."""
        cube = self.completions.cube(variables)
        whole = space.exists(cube)
        return (truth | ~space).forall(cube) & whole, whole

    def changes(self, most: int | None) -> Family:
        """Find the changes of at most so many keys; of any number where that is None.

        Raises TooManyError where that takes too many steps.
        """
        self.steps = 0
        return self.search(*self.start, None, most)

    def search(self, truth: Truth, space: Truth, field: Field | None, left: int | None) -> Family:
        """Find the changes that make `truth` hold in all that is left of `space`, of which it is a part.

        `field` is the list that steps have changed last. `left` keys can be changed yet.
        """
        if truth == self.none:
            return NONE
        kept = self.kept if field is None else self.kept & self.empty.get(field, self.completions.true)
        unchanged = space & kept
        if unchanged != self.none and unchanged & ~truth == self.none:
            return UNIT
        levels = [level for f in (truth, space) if (level := f.node_level()) is not None]
        if not levels:
            return NONE
        variable = self.completions.owner(min(levels))
        own = self.variables[variable].key if variable in self.told.values() else None
        if own is not None or self.points[variable].place[:3] != field:
            field = None
            if left == 0:
                return NONE
        key = (truth, space, field, left)
        found = self.memo.get(key)
        if found is None:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TooManyError
            found = self.split(variable, *key) if own is None else self.split_told(variable, truth, space, left)
            self.memo[key] = found
        return found

    def split(self, variable: int, truth: Truth, space: Truth, field: Field | None, left: int | None) -> Family:
        """Find the changes where the first variable that matters is left as it is, and where it is changed."""
        families, point = self.families, self.points[variable]
        own = point.place[:3] if variable in self.lists else None
        fewer = left if left is None or field is not None else left - 1
        if point.whole and field is None:
            without = self.search(*self.left_open(truth, space, self.members[point.place[:3]]), None, left)
            within = self.search(truth, space, own, fewer)
            return families.either(Step(*point.place[:3], -1, 0), without, families.apart(within, without))
        kept = ABSENT if point.whole else point.kept
        if kept is None:
            found = without = self.search(*self.left_open(truth, space, [variable]), None, left)
        else:
            found = without = self.search(
                self.completions.at(truth, variable, kept), self.completions.at(space, variable, kept), field, left
            )
        for number in reversed(point.options):
            holds = self.completions.at(truth, variable, number)
            if number != kept and holds != self.none:
                within = self.search(holds, self.completions.at(space, variable, number), own, fewer)
                found = families.either(Step(*point.place, number), found, families.apart(within, without))
        return found

    def split_told(self, told: int, truth: Truth, space: Truth, left: int | None) -> Family:
        """Find the changes where a record is left without a fact, and where it tells it: with any value that it can have."""
        variables = [v for v in self.points if self.variables[v].fact == self.variables[told].key]
        first = self.points[variables[0]]
        missing = self.completions.at(truth, told, ABSENT), self.completions.at(space, told, ABSENT)
        for v in variables:
            kept = self.points[v].kept
            if kept is None:
                missing = self.left_open(*missing, [v])
            else:
                missing = self.completions.at(missing[0], v, kept), self.completions.at(missing[1], v, kept)
        found = without = self.search(*missing, None, left)
        fewer = None if left is None else left - 1
        holds, admitted = self.completions.at(truth, told, 0), self.completions.at(space, told, 0)
        if variables[0] in self.lists:
            own = first.place[:3]
            within = self.search(holds, admitted, own, fewer)
            return self.families.either(Step(*own, -1, 0), without, self.families.apart(within, without))
        recorded = () if first.kept is None else (first.kept,)
        for number in sorted((*first.options, *recorded), reverse=True):
            then = self.completions.at(holds, variables[0], number)
            if then != self.none:
                within = self.search(then, self.completions.at(admitted, variables[0], number), None, fewer)
                step = Step(*first.place, number)
                found = self.families.either(step, found, self.families.apart(within, without))
        return found
