"""What to ask next: the unrecorded facts that can still change an answer, the most decisive first.

A question is a key of the record. It stands in the list only if the answer depends on which value it gets. Asking the first
one until none is left ends in an answer without conditions; `decision_tree` lays out all the ways there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.conclusions import CERTAIN, UNDETERMINED
from reasoner.errors import ReasonerError, RecordError
from reasoner.guideline import Guideline
from reasoner.records.record import Record
from reasoner.records.shapes import Carried, Result, Shape

__all__ = [
    "EXACT",
    "Branch",
    "Choice",
    "DecisionTree",
    "Given",
    "Leaf",
    "Question",
    "Questions",
    "RankedName",
    "ask",
    "conditions",
    "decision_tree",
    "leaf_of",
]

EXACT = 6
MOST = 50_000

Value = bool | str | int | tuple[str, ...]
State = dict[str, Value]
Entry = Recommendation | Exclusion | ActionCall


class Given(Result, frozen=True, kw_only=True):
    """The answer that one value of a fact gives, by the names of what it says.

    Of a number, `value` stands for the interval between thresholds that `stretch` names. `recommended`, `excluded` and
    `actions` are certain, `conditional` are the regimens that are recommended under conditions.

    `answer`, not part of the JSON, is the whole answer.
    """

    value: Value
    interval: str | UnsetType = field(default=UNSET, name="stretch")
    setting: str
    recommended: tuple[str, ...]
    conditional: tuple[str, ...]
    excluded: tuple[str, ...]
    actions: tuple[str, ...]

    answer = Carried[Answer]()


class Question(Shape, frozen=True):
    """An unrecorded fact that can change the answer, with what each of its values gives."""

    fact: str
    text: str
    decides: tuple[str, ...]
    answers: tuple[Given, ...]


class RankedName(Shape, frozen=True):
    """A recommended regimen with its rank and strength."""

    regimen: str
    rank: int
    strength: str


class Leaf(Result, frozen=True):
    """The end of a path: an answer that nothing unknown can change.

    `answer`, not part of the JSON, is the whole answer.
    """

    setting: str
    recommended: tuple[RankedName, ...]
    excluded: tuple[str, ...]
    actions: tuple[str, ...]

    answer = Carried[Answer]()


if TYPE_CHECKING:
    TreeNode: TypeAlias = "Choice | Leaf"
else:
    CHOICE_OR_LEAF = [{"$ref": "#/components/schemas/Choice"}, {"$ref": "#/components/schemas/Leaf"}]
    TreeNode = Annotated[Any, Meta(extra_json_schema={"anyOf": CHOICE_OR_LEAF})]


class Branch(Shape, frozen=True):
    """Where values of a question lead; several values lead to the same place."""

    values: tuple[Value, ...]
    then: TreeNode


class Choice(Shape, frozen=True):
    """A question in a decision tree."""

    fact: str
    text: str
    branches: tuple[Branch, ...] = field(name="answers")


class DecisionTree(Result, frozen=True):
    """A decision tree down to answers that nothing unknown can change.

    `expected_questions` is the mean number of questions, every answer to a question being equally likely, and
    `most_questions` the largest number on a path; `exact` tells whether no tree has fewer, otherwise the most decisive
    question was asked first everywhere.

    `answer`, not part of the JSON, is the answer as the record stands.
    """

    exact: bool
    expected: float = field(name="expected_questions")
    deepest: int = field(name="most_questions")
    root: TreeNode

    answer = Carried[Answer]()


class Questions(Result, frozen=True, tag_field="schema", tag="reasoner.ask/1"):
    """What can still change an answer, the most decisive question first; none where nothing unknown matters.

    `tree` is there where all paths were asked for. `answer`, not part of the JSON, is the answer as the record stands.
    """

    questions: tuple[Question, ...]
    tree: DecisionTree | UnsetType = UNSET

    answer = Carried[Answer]()

    def with_tree(self, tree: DecisionTree) -> Questions:
        """Give the questions with all paths laid out."""
        return Questions(self.questions, tree).carrying(answer=self.answer)


def conclusions(answer: Answer) -> tuple[Entry, ...]:
    return (*answer.recommended, *answer.excluded, *answer.actions)


def conditions(answer: Answer) -> int:
    """Count what an answer leaves open: its conditional entries, and an undetermined setting."""
    return sum(entry.certainty != CERTAIN for entry in conclusions(answer)) + (answer.setting == UNDETERMINED)


def shown(answer: Answer) -> tuple[object, ...]:
    """Give the parts of an answer by which two values of a fact are told apart."""
    return answer.setting, answer.recommended, answer.excluded, answer.actions, answer.missing


def given_answer(value: Value, interval: str | None, answer: Answer) -> Given:
    return Given(
        value=value,
        interval=UNSET if interval is None else interval,
        setting=answer.setting,
        recommended=tuple(entry.regimen for entry in answer.recommended if entry.certainty == CERTAIN),
        conditional=tuple(entry.regimen for entry in answer.recommended if entry.certainty != CERTAIN),
        excluded=tuple(entry.regimen for entry in answer.excluded if entry.certainty == CERTAIN),
        actions=tuple(entry.action for entry in answer.actions if entry.certainty == CERTAIN),
    ).carrying(answer=answer)


def leaf_of(answer: Answer) -> Leaf:
    return Leaf(
        setting=answer.setting,
        recommended=tuple(RankedName(entry.regimen, entry.rank, entry.strength) for entry in answer.recommended),
        excluded=tuple(entry.regimen for entry in answer.excluded),
        actions=tuple(entry.action for entry in answer.actions),
    ).carrying(answer=answer)


def depth(node: Choice | Leaf) -> int:
    """Count the questions on the longest path."""
    return 0 if isinstance(node, Leaf) else 1 + max(depth(branch.then) for branch in node.branches)


def values_of(fact: Fact) -> Iterator[Value]:
    """Yield the values that a fact can be asked to have: of a number one for each interval between thresholds."""
    if fact.kind == "boolean":
        yield from (True, False)
    elif fact.kind == "choice":
        yield from fact.values
    elif fact.kind == "list":
        for size in range(len(fact.open_members) + 1):
            yield from combinations(fact.open_members, size)
    elif fact.kind == "number" and fact.thresholds:
        yield from (*fact.thresholds, fact.thresholds[-1] + 1)


def interval_of(fact: Fact, value: Value, model: GuidelineModel) -> str | None:
    """Name the interval between thresholds that a number stands for."""
    if fact.kind != "number" or not isinstance(value, int):
        return None
    return model.interval(fact.name, value)


class Asker:
    """Answers one record with values put in for its unknown facts, each combination once."""

    def __init__(self, guideline: Guideline, data: Record | Mapping[str, object]) -> None:
        self.guideline = guideline
        self.model = guideline.model
        self.data = dict(data.data if isinstance(data, Record) else guideline.record(data).data)
        self.facts = {fact.name: fact for fact in self.model.facts}
        self.order = {name: n for n, name in enumerate(self.facts)}
        self.answers: dict[frozenset[tuple[str, Value]], Answer | None] = {}
        self.best_of: dict[frozenset[tuple[str, Value]], tuple[Fraction, Choice | Leaf]] = {}

    def answer(self, state: State) -> Answer | None:
        """Answer the record with the values of `state`; None where they contradict it."""
        key = frozenset(state.items())
        if key not in self.answers:
            if len(self.answers) >= MOST:
                unknown = dict.fromkeys(entry.fact for entry in self.settled({}).missing)
                raise ReasonerError(f"too much is unknown to lay out all paths; record some of {', '.join(unknown)}")
            try:
                self.answers[key] = self.guideline.answer({**self.data, **state})
            except RecordError:
                self.answers[key] = None
        return self.answers[key]

    def consistent(self, state: State) -> bool:
        try:
            self.guideline.record({**self.data, **state})
        except RecordError:
            return False
        return True

    def settled(self, state: State) -> Answer:
        answer = self.answer(state)
        assert answer is not None
        return answer

    def unknown(self, answer: Answer) -> dict[str, list[str | None]]:
        """Find the facts that can be asked now, each with the members that matter.

        A number that may have no value at all waits until other facts settle whether it has one.
        """
        found: dict[str, list[str | None]] = {}
        for entry in answer.missing:
            found.setdefault(entry.fact, []).append(entry.member)
        return {name: found[name] for name in found if not self.may_lack_value(name, answer)} or found

    def may_lack_value(self, name: str, answer: Answer) -> bool:
        return any(
            holds and variable.values[n][0] is None
            for variable, agree in zip(self.model.variables, answer.derivation.completions.values, strict=True)
            if variable.fact == name
            for n, holds in enumerate(agree)
        )

    def question(self, name: str, state: State, answer: Answer) -> Question:
        answers = []
        for value in values_of(self.facts[name]):
            then = self.answer({**state, name: value})
            if then is not None:
                answers.append(given_answer(value, interval_of(self.facts[name], value, self.model), then))
        decides = dict.fromkeys(what for entry in answer.missing if entry.fact == name for what in entry.decides)
        return Question(name, self.facts[name].question, tuple(decides), tuple(answers))

    def questions(self, state: State) -> list[Question]:
        """List what can be asked, the most decisive question first."""
        answer = self.settled(state)
        asked = [self.question(name, state, answer) for name in self.unknown(answer)]
        differing = [q for q in asked if any(shown(given.answer) != shown(q.answers[0].answer) for given in q.answers)]
        return sorted(differing or asked, key=self.decisiveness)

    def decisiveness(self, question: Question) -> tuple[int, Fraction, int]:
        left = [conditions(given.answer) for given in question.answers]
        return max(left), Fraction(sum(left), len(left)), self.order[question.fact]

    def groups(self, name: str, members: Sequence[str | None], state: State) -> list[list[Value]]:
        """Group the values that do not contradict the record: lists alike in all members that matter go together."""
        groups: dict[Value, list[Value]] = {}
        for value in values_of(self.facts[name]):
            if self.consistent({**state, name: value}):
                alike = tuple(m for m in value if m in members) if isinstance(value, tuple) else value
                groups.setdefault(alike, []).append(value)
        return list(groups.values())

    def smallest(self, state: State) -> tuple[Fraction, Choice | Leaf]:
        """Find the tree with the fewest questions on average, by trying every question everywhere."""
        key = frozenset(state.items())
        if key not in self.best_of:
            answer = self.settled(state)
            best: tuple[Fraction, Choice | Leaf] | None = None
            for name, members in self.unknown(answer).items():
                found = self.choice(name, members, state, self.smallest, None if best is None else best[0])
                best = found or best
            self.best_of[key] = best or (Fraction(0), leaf_of(answer))
        return self.best_of[key]

    def greedy(self, state: State) -> tuple[Fraction, Choice | Leaf]:
        """Build the tree that asks the most decisive question first."""
        questions = self.questions(state)
        answer = self.settled(state)
        if not questions:
            return Fraction(0), leaf_of(answer)
        name = questions[0].fact
        found = self.choice(name, self.unknown(answer)[name], state, self.greedy, None)
        assert found is not None
        return found

    def choice(
        self, name: str, members: Sequence[str | None], state: State, follow: Follow, beat: Fraction | None
    ) -> tuple[Fraction, Choice | Leaf] | None:
        """Ask a question and follow each group of its values; None once that takes no fewer questions than `beat`."""
        groups = self.groups(name, members, state)
        cost, count = Fraction(1), sum(map(len, groups))
        branches: dict[Choice | Leaf, Branch] = {}
        for values in groups:
            further, then = follow({**state, name: values[0]})
            cost += further * Fraction(len(values), count)
            if beat is not None and cost >= beat:
                return None
            earlier = branches.get(then, Branch((), then))
            branches[then] = Branch((*earlier.values, *values), earlier.then)
        return cost, Choice(name, self.facts[name].question, tuple(branches.values()))


Follow = Callable[[State], tuple[Fraction, "Choice | Leaf"]]


def ask(guideline: Guideline, data: Record | Mapping[str, object]) -> Questions:
    """List the unrecorded facts that can still change the answer, the most decisive first.

    Most decisive is what leaves the fewest conditional conclusions in the worst case over its values, then on average.
    Raises RecordError, naming the field, where the record is malformed or contradicts itself.
    """
    asker = Asker(guideline, data)
    return Questions(tuple(asker.questions({}))).carrying(answer=asker.settled({}))


def decision_tree(guideline: Guideline, data: Record | Mapping[str, object], limit: int = EXACT) -> DecisionTree:
    """Lay out which questions lead to an answer without conditions, for each way in which they can be answered.

    Where at most `limit` facts matter it is a tree with the fewest questions on average, every answer to a question being
    equally likely. Where more matter, the most decisive question comes first everywhere.
    Raises RecordError, naming the field, where the record is malformed or contradicts itself, and ReasonerError where more
    than `MOST` records would have to be answered.
    """
    asker = Asker(guideline, data)
    answer = asker.settled({})
    exact = len({entry.fact for entry in answer.missing}) <= limit
    expected, root = asker.smallest({}) if exact else asker.greedy({})
    return DecisionTree(exact, float(expected), depth(root), root).carrying(answer=answer)
