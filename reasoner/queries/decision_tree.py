"""Decision trees: which questions lead to an answer without conditions, for each way in which they can be answered.

Where two ways lead to the same state the tree goes on from there as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from msgspec import Struct

from reasoner.engine.completions import Truth
from reasoner.guideline import Guideline
from reasoner.queries.asking import Asked
from reasoner.queries.fields import with_values
from reasoner.queries.questions import Leaf, Value, leaf_of, summary_of
from reasoner.queries.states import States, Way
from reasoner.records.record import Record

__all__ = ["Fork", "Grown", "Stop", "TreeGrower", "fork"]

MOST_WORK = 1_000_000
"""A tree for which more nodes of diagrams have to be made is cut."""


class Stop(Struct, frozen=True, eq=False):
    """The end of a way: a leaf, or None where the tree is cut before `open` are asked."""

    leaf: Leaf | None
    open: tuple[Asked, ...] = ()
    cost: Fraction = Fraction(0)
    depth: int = 0


class Fork(Struct, frozen=True, eq=False):
    """A question with where each of its values leads; `cost` is the mean number of questions, `depth` the largest."""

    asked: Asked
    branches: tuple[tuple[tuple[Value, ...], Stop | Fork], ...]
    cost: Fraction
    depth: int


Grown = Stop | Fork
Decided = tuple[Asked, list[Way]] | None
"""The question of a state with where it leads; None where there is nothing to ask."""


def fork(asked: Asked, branches: Sequence[tuple[tuple[Value, ...], Grown]]) -> Fork:
    """Make a question of its branches, every value being equally likely."""
    count = sum(len(values) for values, _ in branches)
    cost = 1 + sum((then.cost * Fraction(len(values), count) for values, then in branches), Fraction(0))
    return Fork(asked, tuple(branches), cost, 1 + max((then.depth for _, then in branches), default=0))


class TreeGrower:
    """Grows the decision tree of one record, whose therapy is known and which has no several sets of facts.

    `asked` are the questions that matter, in the order of facts.
    """

    def __init__(self, guideline: Guideline, record: Record, asked: Sequence[Asked], capacity: int) -> None:
        self.guideline = guideline
        self.record = record
        self.states = States(guideline, record, asked, capacity)
        self.grown: dict[Truth, Grown] = {}

    def grow(self, exact: bool) -> Grown:
        """Grow the tree with the fewest questions on average, or else that which asks the most decisive first."""
        return self.smallest(self.states.start, {}) if exact else self.greedy()

    def greedy(self) -> Grown:
        """Grow the tree that asks the most decisive question first, all ways alike far."""
        decided: dict[Truth, Decided] = {}
        told: dict[Truth, Mapping[str, object]] = {self.states.start: {}}
        level = [self.states.start]
        while level:
            further: dict[Truth, None] = {}
            for state in level:
                if self.states.work > MOST_WORK and not self.states.is_settled(state):
                    continue
                decided[state] = decision = self.decision(state)
                for way in decision[1] if decision else ():
                    if way.state not in told:
                        told[way.state] = {**told[state], **way.told}
                        further[way.state] = None
            level = list(further)
        return self.built(self.states.start, decided, told)

    def decision(self, state: Truth) -> Decided:
        """Choose the most decisive question."""
        questions = [] if self.states.is_settled(state) else self.states.questions(state)
        return min(questions, key=lambda question: self.decisiveness(question[1]), default=None)

    def decisiveness(self, ways: Sequence[Way]) -> tuple[int, Fraction]:
        left = [self.states.summary(way.state).conditions for way in ways for _ in way.values]
        return max(left), Fraction(sum(left), len(left))

    def built(self, state: Truth, decided: Mapping[Truth, Decided], told: Mapping[Truth, Mapping[str, object]]) -> Grown:
        """Build a tree from what was decided in its states."""
        if state not in self.grown:
            decision = decided.get(state)
            if state not in decided:
                mattering = (field.asked for field in self.states.fields if self.states.matters(state, field))
                self.grown[state] = Stop(None, tuple(mattering))
            elif decision is None:
                self.grown[state] = self.leaf(state, told[state])
            else:
                asked, ways = decision
                branches = [(way.values, self.built(way.state, decided, told)) for way in ways]
                self.grown[state] = fork(asked, branches)
        return self.grown[state]

    def smallest(self, state: Truth, told: Mapping[str, object]) -> Grown:
        """Find the tree with the fewest questions on average, by trying every question everywhere."""
        if state not in self.grown:
            best: Grown | None = None
            for asked, ways in [] if self.states.is_settled(state) else self.states.questions(state):
                best = self.fewer(asked, ways, told, best) or best
            self.grown[state] = best or self.leaf(state, told)
        return self.grown[state]

    def fewer(self, asked: Asked, ways: Sequence[Way], told: Mapping[str, object], best: Grown | None) -> Fork | None:
        """Ask a question first; None where that takes no fewer questions than the best that was found."""
        count = sum(len(way.values) for way in ways)
        cost, branches = Fraction(1), []
        for way in ways:
            then = self.smallest(way.state, {**told, **way.told})
            branches.append((way.values, then))
            cost += then.cost * Fraction(len(way.values), count)
            if best is not None and cost >= best.cost:
                return None
        return fork(asked, branches)

    def leaf(self, state: Truth, told: Mapping[str, object]) -> Stop:
        """End a way: in what every completion gives, or where readings are left open in the answer to a record."""
        if self.states.is_settled(state):
            return Stop(leaf_of(self.states.summary(state)))
        return Stop(leaf_of(summary_of(self.guideline.answer(with_values(self.record.data, told)))))
