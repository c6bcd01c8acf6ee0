"""The shapes of questions about unrecorded facts, and of decision trees that ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from reasoner.engine.answer import Answer
from reasoner.engine.conclusions import CERTAIN, UNDETERMINED
from reasoner.records.shapes import Carried, Result, Shape

__all__ = [
    "Branch",
    "Choice",
    "DecisionTree",
    "Given",
    "Leaf",
    "Open",
    "Question",
    "Questions",
    "Ranked",
    "RankedName",
    "See",
    "Summary",
    "TreeNode",
    "Value",
    "leaf_of",
    "summary_of",
]

Value = bool | str | int | float | tuple[str, ...]


class Ranked(NamedTuple):
    """A regimen that is recommended in some completion: the best rank that it has in any, and its best strength there."""

    regimen: str
    rank: int
    strength: str
    certain: bool


class Summary(NamedTuple):
    """What an answer says in short: its lists without the reasons and conditions, each entry with whether it is certain."""

    setting: str
    ranked: tuple[Ranked, ...]
    excluded: tuple[tuple[str, bool], ...]
    actions: tuple[tuple[str, bool], ...]

    @property
    def conditions(self) -> int:
        """How much is left open: the conditional entries, and an undetermined setting."""
        uncertain = [not entry.certain for entry in self.ranked]
        uncertain += [not certain for _, certain in (*self.excluded, *self.actions)]
        return sum(uncertain) + (self.setting == UNDETERMINED)


def summary_of(answer: Answer) -> Summary:
    """Say in short what an answer says."""
    return Summary(
        answer.setting,
        tuple(Ranked(e.regimen, e.rank, e.strength, e.certainty == CERTAIN) for e in answer.recommended),
        tuple((entry.regimen, entry.certainty == CERTAIN) for entry in answer.excluded),
        tuple((entry.action, entry.certainty == CERTAIN) for entry in answer.actions),
    )


class Given(Result, frozen=True, kw_only=True):
    """The answer that one value of a fact gives, by the names of what it says.

    Of a number, `value` stands for the interval between thresholds that `stretch` names; of several sets of facts it is the
    label of the one that is true. `recommended`, `excluded` and `actions` are certain, `conditional` are the regimens that
    are recommended under conditions.

    `summary`, not part of the JSON, says the same with more of the conditions.
    """

    value: Value
    interval: str | UnsetType = field(default=UNSET, name="stretch")
    setting: str
    recommended: tuple[str, ...]
    conditional: tuple[str, ...]
    excluded: tuple[str, ...]
    actions: tuple[str, ...]

    summary = Carried[Summary]()


class Question(Shape, frozen=True, kw_only=True):
    """An unrecorded fact that can change the answer, with what each of its values gives.

    Of what is asked of a course, `course` is its number, and `key` is there where it is not about the outcome. `otherwise`
    says what to record where other values than those of `answers` are possible: of therapy, and of a list in which many
    members matter.
    """

    fact: str
    course: int | UnsetType = UNSET
    key: str | UnsetType = UNSET
    text: str
    decides: tuple[str, ...]
    answers: tuple[Given, ...]
    otherwise: str | UnsetType = UNSET


class RankedName(Shape, frozen=True):
    """A recommended regimen with its rank and strength."""

    regimen: str
    rank: int
    strength: str


class Leaf(Result, frozen=True):
    """The end of a path: an answer that no unknown fact can change.

    `summary`, not part of the JSON, tells what is not certain all the same: where readings are left open.
    """

    setting: str
    recommended: tuple[RankedName, ...]
    excluded: tuple[str, ...]
    actions: tuple[str, ...]

    summary = Carried[Summary]()


def leaf_of(summary: Summary) -> Leaf:
    """Give what an answer says as the end of a path."""
    return Leaf(
        setting=summary.setting,
        recommended=tuple(RankedName(entry.regimen, entry.rank, entry.strength) for entry in summary.ranked),
        excluded=tuple(name for name, _ in summary.excluded),
        actions=tuple(name for name, _ in summary.actions),
    ).carrying(summary=summary)


class Open(Shape, frozen=True):
    """Where a tree that would be too large is cut: `open` are the questions that matter there, to be asked anew."""

    open: tuple[str, ...]


class See(Shape, frozen=True):
    """A part of a tree that stands elsewhere in it: `see` is the number of the question that it begins with."""

    see: int


if TYPE_CHECKING:
    TreeNode: TypeAlias = "Choice | Leaf | Open | See"
else:
    NODES = [{"$ref": f"#/components/schemas/{name}"} for name in ("Choice", "Leaf", "Open", "See")]
    TreeNode = Annotated[Any, Meta(extra_json_schema={"anyOf": NODES})]


class Branch(Shape, frozen=True):
    """Where values of a question lead; several values lead to the same place."""

    values: tuple[Value, ...]
    then: TreeNode


class Choice(Shape, frozen=True, kw_only=True):
    """A question in a decision tree; `number` is there where the tree refers to it elsewhere.

    `course`, `key` and `otherwise` are as in a list of questions.
    """

    number: int | UnsetType = UNSET
    fact: str
    course: int | UnsetType = UNSET
    key: str | UnsetType = UNSET
    text: str
    branches: tuple[Branch, ...] = field(name="answers")
    otherwise: str | UnsetType = UNSET


class DecisionTree(Result, frozen=True):
    """A decision tree down to answers that nothing unknown can change.

    `expected_questions` is the mean number of questions, every answer to a question being equally likely, and
    `most_questions` the largest number on a path; `exact` tells whether no tree has fewer, otherwise the most decisive
    question was asked first everywhere. `cut` tells whether parts are left out because the tree would be too large.

    `answer`, not part of the JSON, is the answer as the record stands.
    """

    exact: bool
    cut: bool
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
