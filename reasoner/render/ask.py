"""Questions and decision trees as text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import Answer
from reasoner.engine.missing_phrases import decided_words
from reasoner.engine.notes import of_decision
from reasoner.engine.phrases import interval_words, member_name, setting_words, value_words
from reasoner.engine.reading_phrases import regimens_words
from reasoner.errors import printable
from reasoner.queries.questions import Choice, DecisionTree, Leaf, Open, Question, Questions, See, Summary, TreeNode, Value
from reasoner.records.record import ONE_OF
from reasoner.render.layout import TextLayout
from reasoner.render.short_names import ShortNames

__all__ = ["render", "render_tree"]


class Said(NamedTuple):
    """One thing that an answer says of a regimen or an action; `rank` is 0 where it is excluded, or an action."""

    kind: str
    name: str
    certain: bool
    rank: int = 0


def said_by(summary: Summary) -> list[Said]:
    """List what an answer says: the recommended regimens, the exclusions, the actions."""
    ranked = [Said("regimen", own.regimen, own.certain, own.rank) for own in summary.ranked]
    excluded = [Said("regimen", name, certain) for name, certain in summary.excluded]
    return ranked + excluded + [Said("action_name", name, certain) for name, certain in summary.actions]


def common_to(answers: Iterable[Summary]) -> frozenset[Said]:
    """Find what all answers say: it does not distinguish any of them."""
    found = [frozenset(said_by(answer)) for answer in answers]
    return frozenset.intersection(*found) if found else frozenset()


def ranked_words(entries: Sequence[Said], model: GuidelineModel, setting: str = "") -> Iterator[str]:
    """Word recommended regimens, those of each of several decisions by themselves; a `setting` is that of the first."""
    for number, decision in enumerate(model.decisions or ("",)):
        own = [entry for entry in entries if entry.rank and model.option_of.get(entry.name, "") == decision]
        names = (f"{own.rank}{'.' if own.certain else '?'} {model.label('regimen', own.name)}" for own in own)
        text = model.say("and").join(names)
        if setting and not number:
            text = model.say("labelled", setting, text) if text else setting
        if text:
            yield of_decision(decision, text, model)


def short_answer(answer: Summary, start: str, common: Collection[Said], model: GuidelineModel) -> str:
    """Word an answer in short: its setting where that is not `start`, and what it says that is not `common`."""
    say, entries = model.say, [own for own in said_by(answer) if own not in common]
    setting = "" if answer.setting == start else setting_words(answer.setting, model)
    parts = list(ranked_words(entries, model, setting if model.decisions else ""))
    if not answer.ranked:
        parts.append(say("nothing_recommended"))
    for certain in (True, False):
        own = [entry.name for entry in entries if not entry.rank and entry.kind == "regimen" and entry.certain == certain]
        parts += [say("against" if certain else "perhaps_against", regimens_words(own, model))] if own else []
    for certain in (True, False):
        called = [model.label(own.kind, own.name) for own in entries if own.kind == "action_name" and own.certain == certain]
        named = say("comma").join(called)
        parts += [say("actions_called" if certain else "actions_perhaps_called", named)] if called else []
    text = say("and").join(parts) or say("nothing_else")
    return say("labelled", setting, text) if setting and not model.decisions else text


def choice_words(asked: Question | Choice, values: Iterable[Value], model: GuidelineModel) -> str:
    """Word the values that answer a question alike."""
    return model.say("or").join(answer_words(asked, value, model) for value in values)


def answer_words(asked: Question | Choice, value: Value, model: GuidelineModel) -> str:
    """Word a value that answers a question; a number stands for all that rules do not tell from it."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if asked.fact == ONE_OF:
        return printable(str(value))
    if isinstance(value, tuple) and value:
        return model.say("plus").join(member_name(member, model) for member in value)
    if asked.course is UNSET:
        return interval_words(model.interval(asked.fact, value), model) if number else value_words(value, model)  # type: ignore[arg-type]
    if isinstance(asked.key, str):
        stretch = model.course_facts[asked.key].stretch
        return interval_words(stretch(value), model) if number else value_words(value, model)  # type: ignore[arg-type]
    return model.label("outcome", str(value))


def opening(answer: Answer, page: TextLayout) -> GuidelineModel:
    """Start a page with the patient, the guideline and the setting."""
    model = answer.derivation.model
    page.opening(answer.patient, answer.guideline, model)
    for placed in answer.decisions or ():
        page.item("", of_decision(placed.decision, setting_words(placed.setting, model), model), "heading", indent=0)
    if not answer.decisions:
        page.item("", model.say("setting_is", setting_words(answer.setting, model)), "heading", indent=0)
    return model


def render(result: Questions, width: int = 80, colour: bool = False) -> str:
    """Render questions as text of at most `width` columns, with ANSI colours where `colour` is true.

    Where all paths are laid out the text is their tree.
    """
    if result.tree:
        return render_tree(result.tree, width, colour)
    page = TextLayout(width, colour, ShortNames(result.answer.derivation.model))
    model = opening(result.answer, page)
    say = model.say
    told = dict[str, str]()
    page.heading(say("heading_ask"))
    if not result.questions:
        page.item("  -", say("nothing_to_ask"))
    for number, question in enumerate(result.questions, start=1):
        page.item(f" {number:2}.", question.text, "heading")
        page.item("", say("decides", decided_words(question.decides, model)), "faint")
        common = common_to(given.summary for given in question.answers)
        together: dict[str, list[Value]] = {}
        for given in question.answers:
            text = short_answer(given.summary, result.answer.setting, common, model)
            together.setdefault(text, []).append(given.value)
        for text, values in together.items():
            page.item("     -", say("labelled", choice_words(question, values, model), text), indent=7)
        shared = [own for own in said_by(question.answers[0].summary) if own in common]
        if words := say("and").join(ranked_words(shared, model)):
            text = say("whatever_as_for", told[words]) if words in told else say("whatever", words)
            page.item("     -", text, "faint", indent=7)
            told.setdefault(words, str(number))
        if isinstance(question.otherwise, str):
            page.item("     -", question.otherwise, "faint", indent=7)
        elif len(together) == 1 and not set(question.decides) & set(model.labels.get("score", ())):
            page.item("", say("decides_together"), "faint")
    return page.closing(result.answer.guideline)


def leaves(node: TreeNode) -> Iterator[Leaf]:
    """Yield the ends of all paths."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Choice):
        for branch in node.branches:
            yield from leaves(branch.then)


class TreeText:
    """A decision tree as nested lines."""

    def __init__(self, tree: DecisionTree, page: TextLayout, model: GuidelineModel) -> None:
        self.page = page
        self.model = model
        self.start = tree.answer.setting
        self.common = common_to(leaf.summary for leaf in leaves(tree.root))

    def add(self, node: TreeNode, value: str, level: int) -> None:
        """Add a part of the tree, to which a value leads."""
        indent = min(2 + 2 * level, self.page.width - 24)
        text = self.model.say("labelled", value, self.words(node)) if value else self.words(node)
        self.page.item(" " * indent + "-", text, "certain" if isinstance(node, Leaf) else "", indent=indent + 2)
        if isinstance(node, Choice):
            for branch in node.branches:
                self.add(branch.then, choice_words(node, branch.values, self.model), level + 1)
            if isinstance(node.otherwise, str):
                inner = min(indent + 2, self.page.width - 24)
                self.page.item(" " * inner + "-", node.otherwise, "faint", indent=inner + 2)

    def words(self, node: TreeNode) -> str:
        say = self.model.say
        if isinstance(node, Leaf):
            return short_answer(node.summary, self.start, self.common, self.model)
        if isinstance(node, See):
            return say("see_question", str(node.see))
        if isinstance(node, Open):
            return say("ask_again", say("and").join(node.open))
        return node.text if node.number is UNSET else say("numbered_question", str(node.number), node.text)


def render_tree(tree: DecisionTree, width: int = 80, colour: bool = False) -> str:
    """Render a decision tree as text of at most `width` columns, with ANSI colours where `colour` is true."""
    page = TextLayout(width, colour, ShortNames(tree.answer.derivation.model))
    model = opening(tree.answer, page)
    say = model.say
    page.heading(say("heading_all_paths"))
    mean, most = f"{tree.expected:.3g}", str(tree.deepest)
    page.item("", say("fewest_questions" if tree.exact else "decisive_questions", mean, most), "faint", indent=0)
    if tree.cut:
        page.item("", say("tree_cut"), "faint", indent=0)
    TreeText(tree, page, model).add(tree.root, "", 0)
    return page.closing(tree.answer.guideline)
