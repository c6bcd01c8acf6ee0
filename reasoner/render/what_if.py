"""The difference of two answers as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reasoner.compiler.model import GuidelineModel
from reasoner.phrases import (
    condition_words,
    course_words,
    setting_words,
    source_words,
)
from reasoner.queries.what_if import Difference, Standing, WhatIf
from reasoner.render.layout import TextLayout

__all__ = ["render"]


def value_words(value: object, other: object, model: GuidelineModel) -> str:
    """Word the value of a fact; of courses, those that the `other` value does not have."""
    say = model.say
    if value is None:
        return say("unknown")
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, str):
        return model.label("value", value)
    if not isinstance(value, list | tuple):
        return str(value)
    if any(isinstance(item, Mapping) for item in value):
        others = list(other) if isinstance(other, list | tuple) else []
        pairs = enumerate(value, start=1)
        courses = [
            say("course_numbered", str(n), course_words(item, model)) for n, item in pairs if others[n - 1 : n] != [item]
        ]
        return say("and").join(courses) or say("many_courses" if len(value) > 1 else "one_course", str(len(value)))
    names = [model.label("drug" if item in model.drugs else "value", item) for item in value]
    return say("comma").join(names) or say("none")


def certainty_words(entry: Standing, model: GuidelineModel) -> str:
    if entry.certainty == "certain":
        return model.say("certain")
    return model.say("certain_if", condition_words(entry.assuming, model))


def entry_words(entry: Standing, model: GuidelineModel) -> list[str]:
    """Word what an entry says, a part for each thing that can change."""
    say = model.say
    if not isinstance(entry.strength, str) or not isinstance(entry.cautions, tuple):
        return [certainty_words(entry, model)]
    cautions = say("comma").join(model.label("caution", caution) for caution in entry.cautions)
    return [
        say("rank", str(entry.rank)),
        model.label("strength", entry.strength),
        certainty_words(entry, model),
        say("caution", cautions) if cautions else say("no_caution"),
    ]


def change_words(before: Standing, after: Standing, model: GuidelineModel) -> str:
    """Word how an entry changes."""
    pairs = zip(entry_words(before, model), entry_words(after, model), strict=True)
    return model.say("and").join(model.say("from_to", old, new) for old, new in pairs if old != new)


HEADINGS = {
    "setting": "heading_setting",
    "recommended": "heading_recommended",
    "excluded": "heading_excluded",
    "action": "heading_actions",
}


def difference_item(page: TextLayout, difference: Difference, model: GuidelineModel) -> None:
    """Add one difference: what appears, disappears or changes."""
    say, before, after = model.say, difference.before, difference.after
    if isinstance(before, str) and isinstance(after, str):
        text = say("from_to", setting_words(before, model), setting_words(after, model))
        page.item("  ~", text, "conditional")
        return
    name = model.label("action_name" if difference.what == "action" else "regimen", difference.id)
    if not isinstance(before, str) and not isinstance(after, str):
        if before is not None and after is not None:
            page.item("  ~", say("changes", name, change_words(before, after, model)), "conditional")
        elif after is not None:
            page.item("  +", say("appears", name, appearing(after, model)), "certain")
        elif before is not None:
            page.item("  -", say("disappears", name, appearing(before, model)), "against")


def appearing(entry: Standing, model: GuidelineModel) -> str:
    say = model.say
    return say("comma").join(part for part in entry_words(entry, model) if part != say("no_caution"))


def carriers(page: TextLayout, ids: Iterable[str], seen: set[str], model: GuidelineModel) -> None:
    """Add what the rules of a difference rest on: what takes a position in words, once on a page, the rest by its name."""
    chosen = set(ids)
    rules = [rule for rule in model.rules if rule.id in chosen and rule.annotation is not None]
    annotations = dict.fromkeys(str(rule.annotation) for rule in rules)
    positions = dict.fromkeys(str(rule.annotation) for rule in rules if rule.role == "position") or annotations
    worded = [name for name in positions if model.annotations[name].kind != "reading"] or list(positions)
    for name in worded:
        if name not in seen:
            annotation = model.annotations[name]
            page.item("", f"{annotation.text} [{source_words(annotation, model)}]", "faint")
    others = [name for name in annotations if name not in worded or name in seen]
    if others:
        page.item("", model.say("by_sources", model.say("comma").join(others)), "faint")
    seen.update(worded)


def render(result: WhatIf, width: int = 80, colour: bool = False) -> str:
    """Render the differences as text of at most `width` columns, with ANSI colours where `colour` is true."""
    model, info = result.after.derivation.model, result.after.guideline
    say = model.say
    page = TextLayout(width, colour)
    page.opening(result.before.patient, info, model)
    page.heading(say("heading_what_if"))
    for key, value in result.set.items():
        old, new = value_words(result.was[key], value, model), value_words(value, result.was[key], model)
        page.item("  =", say("fact_set", model.label("fact", key), new, old))
    if not result.differences:
        page.heading(say("heading_nothing_changes"))
        page.item("  -", say("nothing_changes"))
    shown = ""
    seen: set[str] = set()
    for difference in result.differences:
        if difference.what != shown:
            page.heading(say(HEADINGS[difference.what]))
            shown = difference.what
        difference_item(page, difference, model)
        carriers(page, difference.rules, seen, model)
    return page.closing(info)
