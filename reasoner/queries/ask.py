"""What to ask next: the unrecorded facts that can still change an answer, the most decisive first.

A question is a key of the record, or of one of its courses; or which of several sets of facts is true. It stands in the list
only if the answer depends on which value it gets. Asking the first one until none is left ends in an answer without
conditions; `decision_tree` lays out all the ways there. Readings are not asked: they are no facts of the patient.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import islice, takewhile

from msgspec import UNSET

from reasoner.engine.answer import Answer, Missing
from reasoner.engine.memory import capacities, on_larger_diagrams
from reasoner.engine.missing_phrases import question_words
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.queries.asking import Asked, Option, askable, may_lack_value, options, otherwise_words
from reasoner.queries.decision_tree import Fork, Grown, Stop, TreeGrower, fork
from reasoner.queries.fields import with_values
from reasoner.queries.questions import (
    Branch,
    Choice,
    DecisionTree,
    Given,
    Leaf,
    Open,
    Question,
    Questions,
    See,
    Summary,
    leaf_of,
    summary_of,
)
from reasoner.queries.states import Field, States
from reasoner.records.record import ONE_OF, Record

__all__ = ["EXACT", "Questions", "ask", "decision_tree", "with_all_paths"]

EXACT = 6
"""Where at most so many facts matter the tree with the fewest questions is found."""
MOST_ASKED = 60
SECONDS = 10
"""So many questions, found in so long, a tree has at most in a guideline that cannot be evaluated on diagrams."""
MOST_WRITTEN = 600
"""A tree of more questions and leaves is written with each part once."""


@on_larger_diagrams
def ask(guideline: Guideline, data: Record | Mapping[str, object]) -> Questions:
    """List the unrecorded facts that can still change the answer, the most decisive first.

    Which of several sets of facts is true comes before what else is not known, and whether therapy was given before all
    facts of the patient. Most decisive is otherwise what leaves the fewest conditional conclusions in the worst case over
    its values, then on average. Raises RecordError, naming the field, where the record is malformed or contradicts itself.
    """
    record = data if isinstance(data, Record) else guideline.record(data)
    answer = guideline.answer(record)
    return Questions(tuple(question for _, question in questions(guideline, record, answer))).carrying(answer=answer)


def with_all_paths(guideline: Guideline, record: Record) -> Questions:
    """List the unrecorded facts that can still change the answer, with the decision tree; see `ask` and `decision_tree`."""
    return ask(guideline, record).with_tree(decision_tree(guideline, record))


def questions(guideline: Guideline, record: Record, answer: Answer, end: float = math.inf) -> list[tuple[Asked, Question]]:
    """List what can be asked with what each value gives, the most decisive first.

    A number that may have no value at all waits until other facts settle whether it has one. After the `end`, on the
    monotonic clock, no more than the first is tried.
    """
    asked = askable(answer, record.data)
    completions = answer.derivation.completions
    sure = [own for own in asked if not may_lack_value(own.entry, completions)] or asked
    order = {own.place: n for n, own in enumerate(asked)}

    def decisiveness(item: tuple[Asked, Question]) -> tuple[bool, bool, int, Fraction, int]:
        own, question = item
        left = [given.summary.conditions for given in question.answers]
        untold = question.otherwise is not UNSET and not own.members
        return own.entry.fact != ONE_OF, not untold, max(left), Fraction(sum(left), len(left)), order[own.place]

    tried = answers_to(sure, asked, record, guideline)
    found = [*islice(tried, 1), *takewhile(lambda _: time.monotonic() < end, tried)]
    return sorted(((own, question_on(own, given, guideline)) for own, given in found), key=decisiveness)


def answers_to(
    sure: Sequence[Asked], asked: Sequence[Asked], record: Record, guideline: Guideline
) -> Iterator[tuple[Asked, list[Given]]]:
    """Yield what each value of what is asked gives that does not contradict the record.

    All is read from the states that the record can come to. Where these cannot be had, and for what decides which facts
    there are at all, the record is answered anew.
    """
    read: dict[tuple[str, int | None, str | None], list[Given]] = {}
    for capacity in capacities() if guideline.model.recursive is None else ():
        with suppress(MemoryError):
            states = States(guideline, record, [own for own in asked if not decides_all(own, guideline)], capacity)
            read = {field.asked.place: list(given_in(states, field)) for field in states.fields}
            break
    for own in sure:
        found = read.get(own.place)
        yield own, list(given_anew(own, record, guideline)) if found is None else found


def decides_all(asked: Asked, guideline: Guideline) -> bool:
    """Tell whether a question is which of several sets of facts is true, or whether any therapy was given."""
    courses = guideline.model.courses_fact
    return asked.entry.fact == ONE_OF or (courses is not None and asked.place == (courses.name, None, None))


def given_in(states: States, field: Field) -> Iterator[Given]:
    """Yield what the values of a field give in the state of a record."""
    for option in field.options:
        then = states.after(states.start, option)
        if then is not None:
            yield given(option, states.summary(then))


def given_anew(asked: Asked, record: Record, guideline: Guideline) -> Iterator[Given]:
    """Yield what the answers to a question give, each record answered anew."""
    for option in options(asked, record, guideline.model):
        with suppress(RecordError):
            yield given(option, summary_of(guideline.answer(with_values(record.data, option.told))))


def given(option: Option, summary: Summary) -> Given:
    return Given(
        value=option.value,
        interval=option.interval,
        setting=summary.setting,
        recommended=tuple(entry.regimen for entry in summary.ranked if entry.certain),
        conditional=tuple(entry.regimen for entry in summary.ranked if not entry.certain),
        excluded=tuple(name for name, certain in summary.excluded if certain),
        actions=tuple(name for name, certain in summary.actions if certain),
    ).carrying(summary=summary)


def question_on(asked: Asked, answers: Sequence[Given], guideline: Guideline) -> Question:
    entry = asked.entry
    return Question(
        fact=entry.fact,
        course=UNSET if entry.course is None else entry.course,
        key=UNSET if entry.key is None else entry.key,
        text=question_words(entry, guideline.model),
        decides=asked.decides,
        answers=tuple(answers),
        otherwise=otherwise_words(asked, guideline.model),
    )


@on_larger_diagrams
def decision_tree(guideline: Guideline, data: Record | Mapping[str, object], limit: int = EXACT) -> DecisionTree:
    """Lay out which questions lead to an answer without conditions, for each way in which they can be answered.

    Where at most `limit` facts matter it is a tree with the fewest questions on average, every answer to a question being
    equally likely. Where more matter, the most decisive question comes first everywhere. Which of several sets of facts is
    true is asked first, then whether any therapy was given. Raises RecordError, naming the field, where the record is
    malformed or contradicts itself.
    """
    record = data if isinstance(data, Record) else guideline.record(data)
    answer = guideline.answer(record)
    asked = askable(answer, record.data)
    exact = len(asked) <= limit and not record.fewer and guideline.model.recursive is None
    grown = grow(guideline, record, answer, exact)
    writer = TreeWriter(guideline, grown)
    root = writer.write(grown)
    return DecisionTree(exact, writer.cut, float(grown.cost), grown.depth, root).carrying(answer=answer)


def grow(guideline: Guideline, record: Record, answer: Answer, exact: bool) -> Grown:
    """Grow a tree: first which of several sets of facts is true, then whether any therapy was given, then all facts."""
    asked = askable(answer, record.data)
    if not asked:
        return Stop(leaf_of(summary_of(answer)))
    courses = guideline.model.courses_fact
    if record.labels:
        return grown_from(Asked(Missing(fact=ONE_OF, decides=()), ()), guideline, record, exact)
    if record.fewer and courses is not None:
        first = asked[0]
        if first.place == (courses.name, None, None):
            return grown_from(first, guideline, record, exact)
        untreated = guideline.record({**record.data, courses.name: []})
        return grow(guideline, untreated, guideline.answer(untreated), exact)
    for capacity in capacities() if guideline.model.recursive is None else ():
        try:
            return TreeGrower(guideline, record, asked, capacity).grow(exact)
        except MemoryError:
            continue
    return grown_anew(guideline, record, [MOST_ASKED], time.monotonic() + SECONDS)


def grown_anew(guideline: Guideline, record: Record, left: list[int], end: float) -> Grown:
    """Grow a tree by asking the most decisive question everywhere, record by record, as long as asking is `left`.

    After the `end`, on the monotonic clock, no more than the first question is asked.
    """
    answer = guideline.answer(record)
    if left[0] == 0 or (left[0] < MOST_ASKED and time.monotonic() > end):
        return Stop(None, tuple(askable(answer, record.data)))
    left[0] -= 1
    asked = questions(guideline, record, answer, end)
    if not asked:
        return Stop(leaf_of(summary_of(answer)))
    first, question = asked[0]
    branches = []
    for option in options(first, record, guideline.model):
        if option.value in [given.value for given in question.answers]:
            told = guideline.record(with_values(record.data, option.told))
            branches.append(((option.value,), grown_anew(guideline, told, left, end)))
    return fork(first, branches)


def grown_from(asked: Asked, guideline: Guideline, record: Record, exact: bool) -> Grown:
    """Grow a tree from a question whose values are told before anything else is looked at."""
    branches = []
    for option in options(asked, record, guideline.model):
        try:
            told = guideline.record(with_values(record.data, option.told))
        except RecordError:
            continue
        branches.append(((option.value,), grow(guideline, told, guideline.answer(told), exact)))
    return fork(asked, branches)


class TreeWriter:
    """Writes a grown tree: in full, or where that would be very long each part once."""

    def __init__(self, guideline: Guideline, root: Grown) -> None:
        self.model = guideline.model
        self.cut = False
        self.sizes: dict[int, int] = {}
        self.numbers: dict[int, int] = {}
        self.written: set[int] = set()
        if self.size(root) > MOST_WRITTEN:
            seen = Counter(id(node) for node in every(root, set()) if isinstance(node, Fork))
            self.numbers = {node: n for n, node in enumerate((own for own, times in seen.items() if times > 1), start=1)}

    def size(self, node: Grown) -> int:
        """Count the questions and leaves of a tree that is written in full."""
        if isinstance(node, Stop):
            return 1
        if id(node) not in self.sizes:
            self.sizes[id(node)] = 1 + sum(self.size(then) for _, then in node.branches)
        return self.sizes[id(node)]

    def write(self, node: Grown) -> Choice | Leaf | Open | See:
        if isinstance(node, Stop):
            self.cut = self.cut or node.leaf is None
            return node.leaf or Open(tuple(question_words(asked.entry, self.model) for asked in node.open))
        number = self.numbers.get(id(node))
        if number is not None and id(node) in self.written:
            return See(number)
        self.written.add(id(node))
        entry = node.asked.entry
        return Choice(
            number=UNSET if number is None else number,
            fact=entry.fact,
            course=UNSET if entry.course is None else entry.course,
            key=UNSET if entry.key is None else entry.key,
            text=question_words(entry, self.model),
            branches=tuple(Branch(values, self.write(then)) for values, then in node.branches),
            otherwise=otherwise_words(node.asked, self.model),
        )


def every(node: Grown, seen: set[int]) -> Iterator[Grown]:
    """Yield the parts of a tree in the order in which they are written, each as often as it is referred to."""
    yield node
    if isinstance(node, Fork) and id(node) not in seen:
        seen.add(id(node))
        for _, then in node.branches:
            yield from every(then, seen)
