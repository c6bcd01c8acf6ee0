"""What keeps a regimen from being recommended, as text."""

from __future__ import annotations

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import Assumption
from reasoner.engine.derivation import RuleUse, SeenCondition
from reasoner.engine.phrases import (
    annotation_words,
    assumption_words,
    fact_words,
    requirement_words,
    source_words,
    state_words,
)
from reasoner.queries.changes import Change
from reasoner.queries.fields import Value, course_field
from reasoner.queries.why_not import WhyNot, is_recorded
from reasoner.records.record import ONE_OF
from reasoner.render.layout import TextLayout

__all__ = ["render"]


def condition_state(condition: SeenCondition, model: GuidelineModel) -> str:
    """Word the state of what a rule asks for."""
    depends = condition.met == "sometimes" and not is_recorded(condition, model)
    return model.say("depends") if depends else state_words(condition, model)


def rule(page: TextLayout, use: RuleUse, model: GuidelineModel) -> None:
    annotation = model.annotations[use.rule.annotation] if use.rule.annotation is not None else None
    page.item("  -", annotation_words(annotation, model) if annotation is not None else use.rule.id)
    for condition in use.blocked_by:
        mark = "conditional" if condition.met == "sometimes" else "against"
        lead = "     ? " if condition.met == "sometimes" else "     x "
        required = model.say("asks_for", requirement_words(condition, model))
        page.item(lead, model.say("in_state", required, condition_state(condition, model)), mark, indent=7)


KINDS = {"find_out": "change_to_find_out", "contrary": "change_contrary"}


def change_words(change: Change, model: GuidelineModel) -> str:
    """Word a change: each key with its new value, and whether that is to find out or contrary to the record."""
    say = model.say
    return say("and").join(say(KINDS[change.kind[key]], set_words(key, value, model)) for key, value in change.set.items())


def set_words(key: str, value: Value, model: GuidelineModel) -> str:
    """Word that a key of a record, or of one of its courses, has a value."""
    part = course_field(key)
    if part is None:
        assumed = Assumption(fact=key, value=str(value)) if key == ONE_OF else None
        return fact_words(key, value, model) if assumed is None else assumption_words(assumed, model)
    fact, at, field = part
    known = model.course_facts.get(field)
    if known is None:
        return assumption_words(Assumption(fact=fact, course=at + 1, value=str(value)), model)
    worded = value if isinstance(value, bool) or not isinstance(value, int | float) else known.stretch(value)
    assert not isinstance(worded, list | int | float) or isinstance(worded, bool)
    return assumption_words(Assumption(fact=fact, course=at + 1, key=field, value=worded), model)


def render(result: WhyNot, width: int = 80, colour: bool = False) -> str:
    """Render the result as text of at most `width` columns."""
    answer = result.answer
    model = answer.derivation.model
    say = model.say
    page = TextLayout(width, colour)
    page.opening(answer.patient, answer.guideline, model)
    page.item("", result.argument.verdict, "heading", indent=0)
    if result.excluded_by:
        page.heading(say("heading_excluded_by"))
        for entry in result.excluded_by:
            for reason in entry.reasons:
                source = source_words(model.annotations[reason.annotation], model)
                page.item("  x", say("with_source", reason.words, source), "against")
    if result.outranked_by:
        page.heading(say("heading_ahead"))
        for other in result.outranked_by:
            texts = " ".join(annotation_words(model.annotations[name], model) for name in other.annotations)
            page.item(f"  {other.rank}.", say("labelled", model.label("regimen", other.regimen), texts))
    if result.rules:
        page.heading(say("heading_rules"))
        for use in result.uses:
            rule(page, use, model)
    page.heading(say("heading_smallest_changes"))
    for number, change in enumerate(result.changes, start=1):
        page.item(f"  {number}.", change_words(change, model))
    if result.status == "recommended":
        page.item("  -", say("no_change_needed"))
    elif not result.changes:
        page.item("  -", say("no_change_possible" if result.others == 0 else "no_change_found"))
    elif result.others != 0:
        page.item("", say("other_changes", str(result.others)) if result.others else say("perhaps_other_changes"), "faint")
    if answer.derivation.possible is not None and model.courses_fact is not None:
        page.item("  -", say("otherwise_courses", model.courses_fact.label))
    return page.closing(answer.guideline)
