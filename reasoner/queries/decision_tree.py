"""Decision trees: which questions lead to an answer without conditions, for each way in which they can be answered.

The guideline is evaluated once, on diagrams. What is still open after some answers is one diagram: all that conclusions hold
in, each under a number of its own, and the completions that are left. Where two ways lead to the same diagram nothing tells
them apart any more, and the tree goes on from there as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec import Struct
from msgspec.structs import replace

from reasoner.engine.answer import Answer
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import SILENT, Conclusions
from reasoner.engine.opened import evaluate, open_as_diagram
from reasoner.engine.predicates import ACTION, EXCLUDED, RANK, RECOMMENDED, SETTING, STRENGTH
from reasoner.engine.worlds import NO_OTHER
from reasoner.guideline import Guideline
from reasoner.queries.asking import Asked, Option, options
from reasoner.queries.fields import with_values
from reasoner.queries.levels import Levels
from reasoner.queries.questions import Leaf, RankedName, Value
from reasoner.queries.told import telling
from reasoner.records.record import Record

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["Fork", "Grown", "Stop", "TreeGrower", "fork", "leaf_of"]

MOST_STATES = 1_500
"""A tree that would ask in more different situations is cut."""
TOLD = (SETTING, RECOMMENDED, RANK, STRENGTH, EXCLUDED, ACTION)
LISTED = (RECOMMENDED, EXCLUDED, ACTION)


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


def fork(asked: Asked, branches: Sequence[tuple[tuple[Value, ...], Grown]]) -> Fork:
    """Make a question of its branches, every value being equally likely."""
    count = sum(len(values) for values, _ in branches)
    cost = 1 + sum((then.cost * Fraction(len(values), count) for values, then in branches), Fraction(0))
    return Fork(asked, tuple(branches), cost, 1 + max((then.depth for _, then in branches), default=0))


class Entry(NamedTuple):
    """Something that an answer can say: a predicate with its arguments."""

    predicate: str
    first: str
    second: str


class Way(NamedTuple):
    """Where a question leads: the values that lead there, with one of them as a record tells it, and the state."""

    values: tuple[Value, ...]
    told: Mapping[str, object]
    state: Truth


class TreeGrower:
    """Grows the decision tree of one record, whose therapy is known and which has no several sets of facts.

    `asked` are the questions that matter, in the order of facts. A state is a diagram: number 0 of its worlds are the
    completions that are left, the others where each entry holds.
    """

    def __init__(self, guideline: Guideline, record: Record, asked: Sequence[Asked], capacity: int) -> None:
        self.guideline = guideline
        self.model = guideline.model
        self.record = record
        ground = guideline.evaluator(record.courses, record.fewer)
        told = telling(ground, record, [question.entry.fact for question in asked], None, self.model)
        evaluator, table = told.evaluator, ground.program.table
        worlds = replace(NO_OTHER, count=1 + sum(len(rows) for p in TOLD for rows in table.get(p, {}).values()))
        opened = open_as_diagram(told.opened(record), evaluator, guideline.adopted, worlds, capacity)
        self.completions = completions = cast("DiagramCompletions", opened.completions)
        told.tell(opened.inputs, completions, {v: range(len(own)) for v, own in completions.values.items()})
        values = evaluate(opened, evaluator).values
        self.told = told.variables
        self.levels = Levels(completions)
        self.none = completions.none
        self.entries: list[Entry] = []
        self.start = completions.in_worlds(1) & completions.all
        for entry, truth in entries_of(Conclusions(completions, self.model, table, values)):
            self.entries.append(entry)
            self.start = self.start | completions.in_worlds(1 << len(self.entries)) & truth
        self.numbers = told.numbers
        self.groups = [own for group in evaluator.program.constraint_components if (own := self.open_of(group))]
        self.fields = list(self.fields_of(asked))
        untold = self.levels.true
        for v in self.told.values():
            untold = untold & self.levels.chosen(v, 1)
        self.untold = untold, self.levels.cube(self.told.values())
        self.views: dict[Truth, Truth] = {}
        self.states: dict[Truth, Grown] = {}
        self.counted: dict[Truth, int] = {}

    def open_of(self, variables: Sequence[int]) -> list[int]:
        return [v for v in variables if v in self.completions.values]

    def fields_of(self, asked: Sequence[Asked]) -> Iterator[tuple[Asked, list[int], list[Option]]]:
        """Yield what can be asked, with the variables that it settles and its options."""
        variables, values = self.completions.variables, self.completions.values
        old = {number: v for v, number in self.numbers.items()}
        implied = frozenset(old[v] for v in self.completions.order if v in old and values[v][0] == self.completions.all)
        for question in asked:
            own = [
                v
                for v in self.completions.order
                if (variables[v].fact, variables[v].course, variables[v].key) == question.place
            ]
            yield question, own, list(options(question, self.record, self.model, implied))

    def view(self, state: Truth) -> Truth:
        """Give what is concluded in a state while nothing more is told."""
        if not self.told:
            return state
        found = self.views.get(state)
        if found is None:
            untold, cube = self.untold
            found = self.views[state] = (state & untold).exists(cube)
        return found

    def matters(self, state: Truth, among: Sequence[int]) -> bool:
        """Tell whether some variables matter in a state."""
        view = self.view(state)
        return bool(view.exists(self.levels.cube(among)) != view)

    def grow(self, exact: bool) -> Grown:
        """Grow the tree with the fewest questions on average, or else that which asks the most decisive first."""
        start = self.start
        for v in self.completions.order:
            if v not in self.told.values() and not any(v in own for _, own, _ in self.fields):
                without = start.exists(self.levels.cube([v]))
                start = without if without & self.completions.world(start, 0) == start else start
        start = self.simplified(start, self.completions.order)
        return self.smallest(start, {}) if exact else self.greedy(start, {})

    def simplified(self, state: Truth, variables: Sequence[int]) -> Truth:
        """Leave out of a state variables that constrain each other and nothing else."""
        for group in self.groups:
            if not set(group).isdisjoint(variables):
                without = state.exists(self.levels.cube(group))
                if without & self.completions.world(state, 0) == state:
                    state = without
        return state

    def ways(self, state: Truth, own: Sequence[int], values: Sequence[Option]) -> list[Way]:
        """List where the options of a question lead; those that contradict what is known are left out."""
        found: dict[Truth, Way] = {}
        tied = [v for group in self.groups if not set(group).isdisjoint(own) for v in group]
        for option in values:
            then = state
            for v, n in option.choices.items():
                own_number = self.numbers[v]
                then = (then & self.levels.chosen(own_number, n)).exists(self.levels.cube([own_number]))
            if option.key in self.told and then != self.none:
                told = self.told[option.key]
                then = (then & self.levels.chosen(told, 0)).exists(self.levels.cube([told]))
            if self.completions.world(then, 0) != self.none:
                then = self.simplified(then, tied)
                way = found.get(then, Way((), option.told, then))
                found[then] = way._replace(values=(*way.values, option.value))
        return list(found.values())

    def questions(self, state: Truth) -> list[tuple[Asked, list[Way]]]:
        """List what can be asked in a state, with where that leads.

        A number that may have no value waits, if there is anything else to ask.
        """
        found: list[tuple[Asked, list[Way]]] = []
        waiting: list[tuple[Asked, list[Way]]] = []
        for asked, own, values in self.fields:
            if self.matters(state, own):
                ways = self.ways(state, own, values)
                (waiting if self.may_lack_value(state, own) else found).append((asked, ways))
        questions = found or waiting
        apart = [(asked, ways) for asked, ways in questions if len({self.view(way.state) for way in ways}) > 1]
        return apart or [(asked, ways) for asked, ways in questions if ways and ways[0].state != state]

    def may_lack_value(self, state: Truth, own: Sequence[int]) -> bool:
        space = self.completions.world(state, 0)
        return any(
            word is None and space & self.levels.chosen(v, n) != self.none
            for v in own
            for n, (word, _) in enumerate(self.completions.variables[v].values)
        )

    def conditions(self, state: Truth) -> int:
        """Count what is open in a state: entries of the lists that are conditional, and an undetermined setting."""
        found = self.counted.get(state)
        if found is None:
            space = self.completions.world(state, 0)
            opened = [entry for entry, truth in self.held(state) if truth != space]
            undetermined = any(entry.predicate == SETTING for entry in opened)
            found = self.counted[state] = undetermined + sum(entry.predicate in LISTED for entry in opened)
        return found

    def held(self, state: Truth) -> list[tuple[Entry, Truth]]:
        """List what holds somewhere in a state."""
        view = self.view(state)
        truths = ((entry, self.completions.world(view, n)) for n, entry in enumerate(self.entries, start=1))
        return [(entry, truth) for entry, truth in truths if truth != self.none]

    def is_settled(self, state: Truth) -> bool:
        space = self.completions.world(state, 0)
        return all(truth == space for _, truth in self.held(state))

    def greedy(self, state: Truth, told: Mapping[str, object]) -> Grown:
        """Grow the tree that asks the most decisive question first."""
        if state not in self.states:
            questions = [] if self.is_settled(state) else self.questions(state)
            if questions and len(self.states) >= MOST_STATES:
                return Stop(None, tuple(asked for asked, _ in questions))
            self.states[state] = self.leaf(state, told) if not questions else Stop(None)
            if questions:
                asked, ways = min(questions, key=lambda question: self.decisiveness(question[1]))
                self.states[state] = self.follow(asked, ways, told, self.greedy)
        return self.states[state]

    def decisiveness(self, ways: Sequence[Way]) -> tuple[int, Fraction]:
        left = [self.conditions(way.state) for way in ways for _ in way.values]
        return max(left), Fraction(sum(left), len(left))

    def follow(self, asked: Asked, ways: Sequence[Way], told: Mapping[str, object], then: Follow) -> Fork:
        return fork(asked, [(way.values, then(way.state, {**told, **way.told})) for way in ways])

    def smallest(self, state: Truth, told: Mapping[str, object]) -> Grown:
        """Find the tree with the fewest questions on average, by trying every question everywhere."""
        if state not in self.states:
            best: Grown | None = None
            for asked, ways in [] if self.is_settled(state) else self.questions(state):
                count = sum(len(way.values) for way in ways)
                cost, branches = Fraction(1), []
                for way in ways:
                    then = self.smallest(way.state, {**told, **way.told})
                    branches.append((way.values, then))
                    cost += then.cost * Fraction(len(way.values), count)
                    if best is not None and cost >= best.cost:
                        break
                else:
                    best = fork(asked, branches)
            self.states[state] = best or self.leaf(state, told)
        return self.states[state]

    def leaf(self, state: Truth, told: Mapping[str, object]) -> Stop:
        """End a way: in the answer that every completion gives, or where readings are left open in that of a record."""
        if not self.is_settled(state):
            answer = self.guideline.answer(with_values(self.record.data, told))
            return Stop(leaf_of(answer).carrying(answer=answer))
        held: dict[str, list[Entry]] = {}
        for entry, _ in self.held(state):
            held.setdefault(entry.predicate, []).append(entry)
        ranks: dict[str, int] = {}
        for entry in held.get(RANK, ()):
            ranks[entry.first] = min(int(entry.second), ranks.get(entry.first, int(entry.second)))
        strengths = {entry.first: entry.second for entry in held.get(STRENGTH, ())}
        order = self.model.strengths.index
        named = [RankedName(e.first, ranks[e.first], strengths.get(e.first, "")) for e in held.get(RECOMMENDED, ())]
        named.sort(key=lambda entry: (entry.rank, order(entry.strength)))
        return Stop(
            Leaf(
                setting=next((entry.first for entry in held.get(SETTING, ())), SILENT),
                recommended=tuple(named),
                excluded=tuple(entry.first for entry in held.get(EXCLUDED, ())),
                actions=tuple(entry.first for entry in held.get(ACTION, ())),
            )
        )


Follow = Callable[[Truth, Mapping[str, object]], Grown]


def entries_of(conclusions: Conclusions) -> Iterator[tuple[Entry, Truth]]:
    """Yield all by which the answers of a record differ, with the completions in which it holds."""
    model = conclusions.model
    for predicate, names in (
        (SETTING, model.settings),
        (RECOMMENDED, model.regimens),
        (RANK, model.regimens),
        (EXCLUDED, model.regimens),
        (ACTION, model.actions),
    ):
        for name in names:
            for second, truth, _ in conclusions.held(predicate, name):
                yield Entry(predicate, name, second), truth
    for name in model.regimens:
        strengths = sorted(conclusions.held(STRENGTH, name), key=lambda row: model.strengths.index(row[0]))
        for (second, _, _), truth in zip(strengths, conclusions.best_strengths(name), strict=True):
            yield Entry(STRENGTH, name, second), truth


def leaf_of(answer: Answer) -> Leaf:
    """Give an answer as the end of a path."""
    return Leaf(
        setting=answer.setting,
        recommended=tuple(RankedName(entry.regimen, entry.rank, entry.strength) for entry in answer.recommended),
        excluded=tuple(entry.regimen for entry in answer.excluded),
        actions=tuple(entry.action for entry in answer.actions),
    )
