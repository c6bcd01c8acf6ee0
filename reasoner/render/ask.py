"""Questions and decision trees as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.engine.answer import Answer
from reasoner.phrases import (
    interval_words,
    setting_words,
)
from reasoner.queries.ask import Choice, DecisionTree, Leaf, Questions, Value, interval_of
from reasoner.render.answer import listed
from reasoner.render.layout import TextLayout

__all__ = ["render", "render_tree"]


def value_words(fact: Fact, value: Value, model: GuidelineModel) -> str:
    """Word a value as the answer to a question."""
    if isinstance(value, bool):
        return model.say("yes" if value else "no")
    if isinstance(value, tuple):
        kind = "drug" if fact.of_drugs else "value"
        return model.say("comma").join(model.label(kind, member) for member in value) or model.say("none")
    return interval_words(interval_of(fact, value, model) or str(value), model)


def beside(answer: Answer) -> list[tuple[str, str, str]]:
    """List what an answer says beside its recommendations: a kind of the glossary, a name, how certain it is."""
    against: list[tuple[str, str, str]] = [("regimen", entry.regimen, entry.certainty) for entry in answer.excluded]
    return against + [("action", entry.action, entry.certainty) for entry in answer.actions]


def common_to(answers: Iterable[Answer]) -> frozenset[tuple[str, str, str]]:
    """Find what all answers say beside their recommendations: it tells none of them apart."""
    found = [frozenset(beside(answer)) for answer in answers]
    return frozenset.intersection(*found) if found else frozenset()


AGAINST = {"certain": "against", "conditional": "perhaps_against"}


def outcome(answer: Answer, start: Answer, common: frozenset[tuple[str, str, str]], model: GuidelineModel) -> str:
    """Word an answer in short: its setting where `start` has another, what is recommended, and what is not `common`."""
    say = model.say
    ranked = [
        f"{entry.rank}{'.' if entry.certainty == 'certain' else '?'} {model.label('regimen', entry.regimen)}"
        for entry in answer.recommended
    ]
    parts = ranked or [say("nothing_recommended")]
    told = [entry for entry in beside(answer) if entry not in common]
    for certainty in AGAINST:
        against = [model.label(kind, name) for kind, name, how in told if kind == "regimen" and how == certainty]
        parts += [say(AGAINST[certainty], say("comma").join(against))] if against else []
    for kind, name, how in told:
        if kind == "action":
            call = model.label(kind, name).rstrip(".")
            parts.append(say("action_called" if how == "certain" else "action_perhaps_called", call))
    setting = f"{setting_words(answer.setting, model)}: " if answer.setting != start.setting else ""
    return setting + say("and").join(parts)


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
        page.item("", say("decides", listed(question.decides, model)), "faint")
        common = common_to(given.answer for given in question.answers)
        together: dict[str, list[str]] = {}
        for given in question.answers:
            value = value_words(facts[question.fact], given.value, model)
            together.setdefault(outcome(given.answer, result.answer, common, model), []).append(value)
        for told, values in together.items():
            page.item("     -", f"{say('or').join(values)}: {told}", indent=7)
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

    def add(node: Choice | Leaf, lead: str, level: int) -> None:
        indent = min(2 + 2 * level, width - 24)
        text = outcome(node.answer, tree.answer, common, model) if isinstance(node, Leaf) else node.text
        page.item(" " * indent + "-", lead + text, "certain" if isinstance(node, Leaf) else "", indent=indent + 2)
        if isinstance(node, Choice):
            for branch in node.branches:
                values = [value_words(facts[node.fact], value, model) for value in branch.values]
                add(branch.then, f"{say('or').join(values)}: ", level + 1)

    page.heading(say("heading_all_paths"))
    mean, most = f"{tree.expected:.3g}", str(tree.deepest)
    page.item("", say("fewest_questions" if tree.exact else "decisive_questions", mean, most), "faint", indent=0)
    add(tree.root, "", 0)
    return page.closing(tree.answer.guideline)
