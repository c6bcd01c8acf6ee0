"""Questions and decision trees as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.engine.answer import Answer
from reasoner.engine.phrases import decided_words, interval_words, setting_words, value_words
from reasoner.queries.ask import Choice, DecisionTree, Leaf, Questions, Value, interval_of
from reasoner.render.layout import TextLayout

__all__ = ["render", "render_tree"]


def choice_words(fact: Fact, values: Iterable[Value], model: GuidelineModel) -> str:
    """Word the values that answer a question alike; a number stands for the interval between thresholds that it is in."""
    intervals = ((value, interval_of(fact, value, model)) for value in values)
    return model.say("or").join(
        value_words(value, model) if interval is None else interval_words(interval, model) for value, interval in intervals
    )


def other_conclusions(answer: Answer) -> list[tuple[str, str, str]]:
    """List exclusions and actions, each as a kind of the glossary, a name, and how certain it is."""
    against: list[tuple[str, str, str]] = [("regimen", entry.regimen, entry.certainty) for entry in answer.excluded]
    return against + [("action", entry.action, entry.certainty) for entry in answer.actions]


def common_to(answers: Iterable[Answer]) -> frozenset[tuple[str, str, str]]:
    """Find the exclusions and actions of all answers: they do not distinguish any of them."""
    found = [frozenset(other_conclusions(answer)) for answer in answers]
    return frozenset.intersection(*found) if found else frozenset()


AGAINST = {"certain": "against", "conditional": "perhaps_against"}


def short_answer(answer: Answer, start: Answer, common: frozenset[tuple[str, str, str]], model: GuidelineModel) -> str:
    """Word an answer in short: its setting where `start` has another, what is recommended, and what is not `common`."""
    say = model.say
    ranked = [
        f"{entry.rank}{'.' if entry.certainty == 'certain' else '?'} {model.label('regimen', entry.regimen)}"
        for entry in answer.recommended
    ]
    parts = ranked or [say("nothing_recommended")]
    distinctive = [entry for entry in other_conclusions(answer) if entry not in common]
    for certainty in AGAINST:
        against = [model.label(kind, name) for kind, name, how in distinctive if kind == "regimen" and how == certainty]
        parts += [say(AGAINST[certainty], say("comma").join(against))] if against else []
    for kind, name, how in distinctive:
        if kind == "action":
            call = model.label(kind, name).rstrip(".")
            parts.append(say("action_called" if how == "certain" else "action_perhaps_called", call))
    text = say("and").join(parts)
    return text if answer.setting == start.setting else say("labelled", setting_words(answer.setting, model), text)


def opening(answer: Answer, page: TextLayout) -> GuidelineModel:
    """Start a page with the patient, the guideline and the setting."""
    model = answer.derivation.model
    page.opening(answer.patient, answer.guideline, model)
    page.item("", model.say("setting_is", setting_words(answer.setting, model)), "heading", indent=0)
    return model


def render(result: Questions, width: int = 80, colour: bool = False) -> str:
    """Render questions as text of at most `width` columns, with ANSI colours where `colour` is true."""
    page = TextLayout(width, colour)
    model = opening(result.answer, page)
    say = model.say
    facts = {fact.name: fact for fact in model.facts}
    page.heading(say("heading_ask"))
    if not result.questions:
        page.item("  -", say("nothing_to_ask"))
    for number, question in enumerate(result.questions, start=1):
        page.item(f" {number:2}.", question.text, "heading")
        page.item("", say("decides", decided_words(question.decides, model)), "faint")
        common = common_to(given.answer for given in question.answers)
        together: dict[str, list[Value]] = {}
        for given in question.answers:
            together.setdefault(short_answer(given.answer, result.answer, common, model), []).append(given.value)
        for text, values in together.items():
            page.item("     -", say("labelled", choice_words(facts[question.fact], values, model), text), indent=7)
        if len(together) == 1:
            page.item("", say("decides_together"), "faint")
    return page.closing(result.answer.guideline)


def leaves(node: Choice | Leaf) -> Iterator[Leaf]:
    """Yield the ends of all paths."""
    if isinstance(node, Leaf):
        yield node
    else:
        for branch in node.branches:
            yield from leaves(branch.then)


def render_tree(tree: DecisionTree, width: int = 80, colour: bool = False) -> str:
    """Render a decision tree as text of at most `width` columns, with ANSI colours where `colour` is true."""
    page = TextLayout(width, colour)
    model = opening(tree.answer, page)
    say = model.say
    facts = {fact.name: fact for fact in model.facts}
    common = common_to(leaf.answer for leaf in leaves(tree.root))

    def add(node: Choice | Leaf, value: str, level: int) -> None:
        indent = min(2 + 2 * level, width - 24)
        text = short_answer(node.answer, tree.answer, common, model) if isinstance(node, Leaf) else node.text
        text = say("labelled", value, text) if value else text
        page.item(" " * indent + "-", text, "certain" if isinstance(node, Leaf) else "", indent=indent + 2)
        if isinstance(node, Choice):
            for branch in node.branches:
                add(branch.then, choice_words(facts[node.fact], branch.values, model), level + 1)

    page.heading(say("heading_all_paths"))
    mean, most = f"{tree.expected:.3g}", str(tree.deepest)
    page.item("", say("fewest_questions" if tree.exact else "decisive_questions", mean, most), "faint", indent=0)
    add(tree.root, "", 0)
    return page.closing(tree.answer.guideline)
