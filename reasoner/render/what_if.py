"""The difference of two answers as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.dose_phrases import dose_words
from reasoner.engine.doses import DoseGiven
from reasoner.engine.phrases import (
    annotation_words,
    certainty_words,
    changed_value_words,
    setting_words,
    value_words,
)
from reasoner.errors import printable
from reasoner.queries.fields import sets_of
from reasoner.queries.what_if import Difference, Standing, WhatIf
from reasoner.records.record import ONE_OF
from reasoner.render.layout import TextLayout

__all__ = ["render"]


def entry_words(entry: Standing, model: GuidelineModel) -> list[str]:
    """Word what an entry says, a part for each thing that can change."""
    say = model.say
    if not isinstance(entry.strength, str) or not isinstance(entry.cautions, tuple):
        return [certainty_words(entry.certainty, entry.assuming, model)]
    cautions = say("comma").join(model.label("caution", caution) for caution in entry.cautions)
    return [
        say("rank", str(entry.rank)),
        model.label("strength", entry.strength),
        certainty_words(entry.certainty, entry.assuming, model),
        say("caution", cautions) if cautions else say("no_caution"),
    ]


def change_words(before: Standing, after: Standing, model: GuidelineModel) -> str:
    """Word how an entry changes."""
    pairs = [*zip(entry_words(before, model), entry_words(after, model), strict=True)]
    if isinstance(before.doses, tuple) and isinstance(after.doses, tuple):
        pairs += [doses_in_words(before.doses, after.doses, model)]
    return model.say("and").join(model.say("from_to", old, new) for old, new in pairs if old != new)


def doses_in_words(before: Sequence[DoseGiven], after: Sequence[DoseGiven], model: GuidelineModel) -> tuple[str, str]:
    """Word the doses that only one of two entries has."""
    old, new = ([dose for dose in own if dose not in other] for own, other in ((before, after), (after, before)))
    return only_doses(old, model), only_doses(new, model)


def only_doses(doses: Sequence[DoseGiven], model: GuidelineModel) -> str:
    return " ".join(dose_words(doses, model)) if doses else model.say("dose_not_given")


HEADINGS = {
    "setting": "heading_setting",
    "recommended": "heading_recommended",
    "excluded": "heading_excluded",
    "action": "heading_actions",
    "score": "heading_scores",
}


def difference_item(page: TextLayout, difference: Difference, model: GuidelineModel) -> None:
    """Add one difference: what is added, removed or changed."""
    say, before, after = model.say, difference.before, difference.after
    if difference.what == "score":
        old, new = (side if isinstance(side, str) else say("none") for side in (before, after))
        page.item("  ~", say("labelled", model.label("score", difference.id), say("from_to", old, new)), "conditional")
        return
    if isinstance(before, str) and isinstance(after, str):
        text = say("from_to", setting_words(before, model), setting_words(after, model))
        page.item("  ~", text, "conditional")
        return
    name = model.label("action_name" if difference.what == "action" else "regimen", difference.id)
    if not isinstance(before, str) and not isinstance(after, str):
        if before is not None and after is not None:
            page.item("  ~", say("changes", name, change_words(before, after, model)), "conditional")
        elif after is not None:
            page.item("  +", say("appears", name, entry_summary(after, model)), "certain")
        elif before is not None:
            page.item("  -", say("disappears", name, entry_summary(before, model)), "against")


def entry_summary(entry: Standing, model: GuidelineModel) -> str:
    """Word an entry that stands on one side only."""
    say = model.say
    return say("comma").join(part for part in entry_words(entry, model) if part != say("no_caution"))


def source_items(page: TextLayout, ids: Iterable[str], seen: set[str], model: GuidelineModel) -> None:
    """Add what the rules of a difference rest on: each position in words, once on a page; everything else by its id."""
    chosen = set(ids)
    rules = [rule for rule in model.rules if rule.id in chosen and rule.annotation is not None]
    annotations = dict.fromkeys(str(rule.annotation) for rule in rules)
    positions = dict.fromkeys(str(rule.annotation) for rule in rules if rule.role == "position") or annotations
    worded = [name for name in positions if model.annotations[name].kind != "reading"] or list(positions)
    for name in worded:
        if name not in seen:
            page.item("", annotation_words(model.annotations[name], model), "faint")
    others = [name for name in annotations if name not in worded or name in seen]
    if others:
        page.item("", model.say("by_sources", model.say("comma").join(others)), "faint")
    seen.update(worded)


def fact_set_words(key: str, value: object, was: Mapping[str, object], model: GuidelineModel) -> str:
    """Word that a fact has another value than it had, by default perhaps."""
    default = next(fact.default_value for fact in model.facts if fact.name == key)
    old, new = changed_value_words(was.get(key), value, model), changed_value_words(value, was.get(key), model)
    if key not in was and default is not None:
        old = model.say("by_default", value_words(default, model))
    return model.say("fact_set", model.label("fact", key), new, old)


def one_of_words(result: WhatIf, model: GuidelineModel) -> Iterator[str]:
    """Word which of several sets of facts is told to be true, or what each of them says otherwise."""
    if isinstance(result.set[ONE_OF], str):
        yield model.say("set_true", printable(result.set[ONE_OF]))
    elif result.set[ONE_OF] is None:
        yield model.say("none_of_set")
    else:
        before = {own["label"]: own for own in sets_of(result.was)}
        for own in sets_of(result.set):
            was = before.get(own["label"], {})
            for key, value in own.items():
                if key != "label" and value != was.get(key):
                    words = fact_set_words(key, value, was, model)
                    yield model.say("labelled", printable(str(own["label"])), words)


def render(result: WhatIf, width: int = 80, colour: bool = False) -> str:
    """Render the differences as text of at most `width` columns, with ANSI colours where `colour` is true."""
    model, info = result.after.derivation.model, result.after.guideline
    say = model.say
    page = TextLayout(width, colour)
    page.opening(result.before.patient, info, model)
    page.heading(say("heading_what_if"))
    for key, value in result.set.items():
        words = one_of_words(result, model) if key == ONE_OF else [fact_set_words(key, value, result.was, model)]
        for text in words:
            page.item("  =", text)
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
        source_items(page, difference.rules, seen, model)
    return page.closing(info)
