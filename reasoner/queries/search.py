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
from reasoner.queries.levels import Levels
from reasoner.queries.points import ABSENT, free
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
        self.variables = program.variables
        self.points = freed.points
        self.numbers = {point.place: v for v, point in self.points.items()}
        opened = open_as_diagram(freed.record, freed.evaluator, guideline.adopted, NO_OTHER, capacity)
        completions = cast("DiagramCompletions", opened.completions)
        self.none = completions.none
        self.levels = Levels(completions)
        self.lay_out()
        truth = evaluate(opened, freed.evaluator).values[program.index[target]] if target in program.index else self.none
        unchangeable = [v for v in completions.order if v not in self.points]
        self.start = self.left_open(truth, completions.all, unchangeable)
        self.steps = 0
        self.memo: dict[tuple[Truth, Truth, Field | None, int | None], Family] = {}

    def lay_out(self) -> None:
        """Find what is kept where nothing is changed, and what lists are where they are told."""
        self.kept = self.levels.true
        self.empty: dict[Field, Truth] = {}
        self.members: dict[Field, list[int]] = {}
        self.lists = {v for v in self.points if self.variables[v].member is not None}
        for v, point in self.points.items():
            if point.kept is not None:
                self.kept = self.kept & self.levels.chosen(v, point.kept)
            elif point.whole:
                self.members.setdefault(point.place[:3], []).append(v)
                empty = self.empty.get(point.place[:3], self.levels.true)
                self.empty[point.place[:3]] = empty & self.levels.chosen(v, ABSENT)

    def at(self, truth: Truth, variable: int, number: int) -> Truth:
        """Give what holds where a variable, of which no earlier one matters to `truth`, has a value."""
        for place, level in enumerate(self.levels.levels[variable]):
            if place > number:
                break
            if truth.node_level() == level:
                truth = truth.cofactor_true() if place == number else truth.cofactor_false()
        return truth

    def left_open(self, truth: Truth, space: Truth, variables: Collection[int]) -> tuple[Truth, Truth]:
        """Give where `truth` holds whatever the value of some variables is, and where they have one at all."""
        cube = self.levels.cube(variables)
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
        kept = self.kept if field is None else self.kept & self.empty.get(field, self.levels.true)
        unchanged = space & kept
        if unchanged != self.none and unchanged & ~truth == self.none:
            return UNIT
        levels = [level for f in (truth, space) if (level := f.node_level()) is not None]
        if not levels:
            return NONE
        variable = self.levels.owner[min(levels)]
        point = self.points[variable]
        if point.place[:3] != field:
            field = None
            if left == 0:
                return NONE
        key = (truth, space, field, left)
        found = self.memo.get(key)
        if found is None:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TooManyError
            found = self.memo[key] = self.split(variable, *key)
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
            found = without = self.search(self.at(truth, variable, kept), self.at(space, variable, kept), field, left)
        for number in reversed(point.options):
            holds = self.at(truth, variable, number)
            if number != kept and holds != self.none:
                within = self.search(holds, self.at(space, variable, number), own, fewer)
                found = families.either(Step(*point.place, number), found, families.apart(within, without))
        return found
