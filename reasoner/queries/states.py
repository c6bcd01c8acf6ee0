"""What an answer still leaves open, as one diagram: what becomes of it when more is told needs no new answer.

A state is a diagram over numbered worlds: in number 0 are the completions that are left, in the others where each thing that
the answer can say holds. Two ways that lead to the same state are told apart by nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec.structs import replace

from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import SILENT, UNDETERMINED, Conclusions
from reasoner.engine.opened import evaluate, open_as_diagram
from reasoner.engine.predicates import ACTION, EXCLUDED, RANK, RECOMMENDED, SETTING, STRENGTH
from reasoner.engine.worlds import NO_OTHER
from reasoner.guideline import Guideline
from reasoner.queries.asking import Asked, Option, options
from reasoner.queries.questions import Ranked, Summary, Value
from reasoner.queries.told import telling
from reasoner.records.record import Record

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["Field", "States", "Way"]

TOLD = (SETTING, RECOMMENDED, RANK, STRENGTH, EXCLUDED, ACTION)
EACH = 100
"""Each diagram that is made counts as so many nodes more."""
LEFT, LISTED, PLACED, FIRST = range(4)
"""The worlds of what is left, of what entries are listed from, of where some setting is possible, and of the first entry."""


class Entry(NamedTuple):
    """Something that an answer can say: a predicate with its arguments."""

    predicate: str
    first: str
    second: str


class Field(NamedTuple):
    """Something that can be asked, with the numbers of the variables that it settles, and its options."""

    asked: Asked
    variables: tuple[int, ...]
    options: tuple[Option, ...]


class Way(NamedTuple):
    """Where answers to a question lead: their values, one of them as a record tells it, and the state."""

    values: tuple[Value, ...]
    told: Mapping[str, object]
    state: Truth


@lru_cache(maxsize=64)
def most_entries(program: Program) -> int:
    return sum(len(rows) for predicate in TOLD for rows in program.table.get(predicate, {}).values())


class States:
    """The states that one record can come to when `asked` are answered.

    `start` is the state of the record as it stands; `work` counts the nodes of the diagrams that were made since.
    """

    def __init__(self, guideline: Guideline, record: Record, asked: Sequence[Asked], capacity: int) -> None:
        self.model = guideline.model
        self.capacity = capacity
        ground = guideline.evaluator(record.courses, record.fewer)
        told = telling(ground, record, [question.entry.fact for question in asked], ground.program.concluding, self.model)
        self.told, self.numbers = told.variables, told.numbers
        program = told.evaluator.program
        worlds = replace(NO_OTHER, count=FIRST + most_entries(ground.program))
        opened = open_as_diagram(told.opened(record), told.evaluator, guideline.adopted, worlds, capacity)
        self.completions = completions = cast("DiagramCompletions", opened.completions)
        told.tell(opened)
        values, _, possible = evaluate(opened, told.evaluator)
        self.none = completions.none
        self.work = 0
        self.entries: list[Entry] = []
        self.start = (
            completions.in_worlds(1 << LEFT) & completions.all | completions.in_worlds(1 << LISTED) & completions.listed
        )
        for name in self.model.settings_in():
            for _, number in program.table.get(SETTING, {}).get(name, ()) if possible is not None else ():
                self.start = self.start | completions.in_worlds(1 << PLACED) & possible[number]  # type: ignore[index]
        for entry, truth in entries_of(Conclusions(completions, self.model, program.table, values, possible)):
            self.start = self.start | completions.in_worlds(1 << FIRST + len(self.entries)) & truth
            self.entries.append(entry)
        groups = ([v for v in group if v in completions.values] for group in program.constraint_components)
        self.groups = [group for group in groups if group]
        self.fields = [self.field(question, record) for question in asked]
        self.views: dict[Truth, Truth] = {}
        self.summaries: dict[Truth, Summary] = {}
        self.start = self.simplified(self.without_unread(self.start), completions.order)

    def field(self, asked: Asked, record: Record) -> Field:
        """Find what a question settles, and its options."""
        variables, values = self.completions.variables, self.completions.values
        old = {number: v for v, number in self.numbers.items()}
        implied = frozenset(old[v] for v in values if v in old and values[v][0] == self.completions.all)
        own = (v for v in values if (variables[v].fact, variables[v].course, variables[v].key) == asked.place)
        return Field(asked, tuple(own), tuple(options(asked, record, self.model, implied)))

    def without_unread(self, state: Truth) -> Truth:
        """Leave out of a state what nothing that can be asked settles, where that decides nothing."""
        settled = {v for field in self.fields for v in field.variables}.union(self.told.values())
        for v in self.completions.order:
            if v not in settled:
                without = state.exists(self.completions.cube((v,)))
                state = without if without & self.left(state) == state else state
        return state

    @cached_property
    def untold(self) -> tuple[Truth, Truth]:
        """Where nothing more is told, and what tells so."""
        found = self.completions.true
        for v in self.told.values():
            found = found & self.completions.chosen(v, 1)
        return found, self.completions.cube(self.told.values())

    def view(self, state: Truth) -> Truth:
        """Give what is concluded in a state while nothing more is told."""
        if not self.told:
            return state
        found = self.views.get(state)
        if found is None:
            found = self.views[state] = (state & self.untold[0]).exists(self.untold[1])
        return found

    def left(self, state: Truth) -> Truth:
        """Give the completions that are left in a state."""
        return self.completions.world(state, LEFT)

    def matters(self, state: Truth, field: Field) -> bool:
        """Tell whether what can be asked matters in a state."""
        view = self.view(state)
        return bool(view.exists(self.completions.cube(field.variables)) != view)

    def simplified(self, state: Truth, variables: Collection[int]) -> Truth:
        """Leave out of a state variables that constrain each other and nothing else."""
        for group in self.groups:
            if not set(group).isdisjoint(variables):
                without = state.exists(self.completions.cube(group))
                if without & self.left(state) == state:
                    state = without
        return state

    def after(self, state: Truth, option: Option) -> Truth | None:
        """Give the state that an option leads to; None where it contradicts what is known."""
        own = [(self.numbers[v], n) for v, n in option.choices.items()]
        own += [(self.told[option.key], 0)] if option.key in self.told else []
        for v, n in own:
            state = (state & self.completions.chosen(v, n)).exists(self.completions.cube((v,)))
        return None if self.left(state) == self.none else self.simplified(state, [v for v, _ in own])

    def ways(self, state: Truth, field: Field) -> list[Way]:
        """List where the answers to a question lead."""
        if self.none.manager.approx_num_inner_nodes() > self.capacity // 2:
            self.none.manager.gc()
        found: dict[Truth, Way] = {}
        for option in field.options:
            then = self.after(state, option)
            if then is not None:
                way = found.get(then, Way((), option.told, then))
                found[then] = way._replace(values=(*way.values, option.value))
        return list(found.values())

    def questions(self, state: Truth) -> list[tuple[Asked, list[Way]]]:
        """List what can be asked in a state, with where that leads.

        A number that may have no value waits, if there is anything else to ask.
        """
        mattering = [field for field in self.fields if self.matters(state, field)]
        sure = [field for field in mattering if not self.may_lack_value(state, field)]
        size = EACH + self.view(state).node_count()
        self.work += size * sum(len(field.options) for field in sure or mattering)
        found = [(field.asked, self.ways(state, field)) for field in sure or mattering]
        apart = [(asked, ways) for asked, ways in found if len({self.view(way.state) for way in ways}) > 1]
        return apart or [(asked, ways) for asked, ways in found if ways and ways[0].state != state]

    def may_lack_value(self, state: Truth, field: Field) -> bool:
        """Tell whether a number may have no value at all."""
        space = self.left(state)
        return any(
            word is None and space & self.completions.chosen(v, n) != self.none
            for v in field.variables
            for n, (word, _) in enumerate(self.completions.variables[v].values)
        )

    def held(self, state: Truth) -> Iterator[tuple[Entry, Truth]]:
        """Yield what holds somewhere in a state, among the completions that entries are listed from."""
        view, world = self.view(state), self.completions.world
        listed = world(view, LISTED)
        for number, entry in enumerate(self.entries, start=FIRST):
            truth = world(view, number)
            if truth != self.none and truth & listed != self.none:
                yield entry, truth

    def is_settled(self, state: Truth) -> bool:
        """Tell whether an answer says nothing conditional any more."""
        space = self.left(state)
        return all(truth == space for _, truth in self.held(state))

    def summary(self, state: Truth) -> Summary:
        """Say in short what an answer says in a state."""
        found = self.summaries.get(state)
        if found is None:
            found = self.summaries[state] = self.summarise(state)
        return found

    def summarise(self, state: Truth) -> Summary:
        space = self.left(state)
        held: dict[str, list[tuple[Entry, Truth]]] = {}
        for entry, truth in self.held(state):
            held.setdefault(entry.predicate, []).append((entry, truth))
        setting = SILENT if self.completions.world(state, PLACED) == self.none else UNDETERMINED
        first = self.model.settings_in()
        for entry, truth in [(entry, truth) for entry, truth in held.get(SETTING, ()) if entry.first in first][:1]:
            setting = entry.first if truth == space else UNDETERMINED
        ranks: dict[str, dict[int, Truth]] = {}
        for entry, truth in held.get(RANK, ()):
            ranks.setdefault(entry.first, {})[int(entry.second)] = truth
        ranked = []
        for entry, truth in held.get(RECOMMENDED, ()):
            rank, best = min(ranks[entry.first].items())
            strength = next(
                (e.second for e, t in held.get(STRENGTH, ()) if e.first == entry.first and t & best != self.none), ""
            )
            ranked.append(Ranked(entry.first, rank, strength, bool(truth == space)))
        place, strengths = self.model.place, self.model.strengths
        ranked.sort(key=lambda own: (place(own.regimen), own.rank, not own.certain, strengths.index(own.strength)))
        return Summary(
            setting,
            tuple(ranked),
            tuple((entry.first, bool(truth == space)) for entry, truth in held.get(EXCLUDED, ())),
            tuple((entry.first, bool(truth == space)) for entry, truth in held.get(ACTION, ())),
        )


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
