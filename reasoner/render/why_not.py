"""What keeps a regimen from being recommended, as text."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import CERTAIN, Assumption
from reasoner.engine.derivation import RuleUse, SeenCondition
from reasoner.engine.phrases import (
    annotation_words,
    assumption_words,
    fact_words,
    member_words,
    requirement_words,
    source_words,
    state_words,
)
from reasoner.engine.predicates import EXCLUDED
from reasoner.engine.way_phrases import assuming_words, requirements_of
from reasoner.queries.changes import Change
from reasoner.queries.fields import course_field
from reasoner.queries.why_not import WhyNot, is_recorded
from reasoner.records.encoding import Value
from reasoner.records.record import ONE_OF
from reasoner.render.layout import TextLayout
from reasoner.render.short_names import ShortNames
from reasoner.render.why import LEAD, evidence, near

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


def change_words(change: Change, data: Mapping[str, object], model: GuidelineModel) -> str:
    """Word a change of a record: each key with its new value, and whether that is to find out or contrary to the record."""
    say = model.say
    words = (say(KINDS[change.kind[key]], new_words(key, value, data.get(key), model)) for key, value in change.set.items())
    return say("and").join(words)


def new_words(key: str, value: Value, old: object, model: GuidelineModel) -> str:
    """Word the new value of a key: of a list what joins it and what leaves it, where the record tells it."""
    if (
        not isinstance(value, list)
        or not isinstance(old, list | tuple)
        or any(isinstance(m, Mapping) for m in (*value, *old))
    ):
        return set_words(key, value, model)
    joins = [member_words(key, str(member), model) for member in value if member not in old]
    leaves = [model.say("without", member_words(key, str(member), model)) for member in old if member not in value]
    return model.say("and").join([*joins, *leaves])


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


HEADINGS = {
    "near": "heading_nearest",
    "otherwise": "heading_otherwise_by",
    "otherwise_all": "heading_otherwise_by_all",
    "recommended": "heading_recommended_by",
}


def render(result: WhyNot, width: int = 80, colour: bool = False, full: bool = False) -> str:
    """Render the result as text of at most `width` columns; where `full`, with every rule that could recommend it."""
    answer, model = result.answer, result.answer.derivation.model
    say = model.say
    page = TextLayout(width, colour, ShortNames(model))
    page.opening(answer.patient, answer.guideline, model)
    page.item("", result.argument.verdict, "heading", indent=0)
    obstacles(page, result, model)
    if result.nearest is not None:
        reasons = sum(len(entry.reasons) for entry in result.excluded_by)
        met = "otherwise" if reasons == 1 else "otherwise_all" if reasons else "recommended"
        near(page, result.nearest, say(HEADINGS["near" if result.nearest.lacks else met]), model)
    changes(page, result, model)
    for other in answer.alternatives:
        if result.conclusion in other.recommended.adds:
            page.item("", say("read_otherwise", f"{other.reading}={other.alternative}"), indent=0)
    evidence(page, result.argument, result.status == "not_recommended", model)
    if full and result.uses:
        page.heading(say("heading_rules"))
        for use in result.uses:
            rule(page, use, model)
        return page.closing(answer.guideline)
    page.item("", f"{say('see_full')} {answer.guideline.disclaimer}", "faint", indent=0)
    return page.text()


def obstacles(page: TextLayout, result: WhyNot, model: GuidelineModel) -> None:
    """Write what excludes a regimen, and what is ranked ahead of it."""
    say = model.say
    for entry in result.excluded_by:
        sources = [source_words(model.annotations[reason.annotation], model) for reason in entry.reasons]
        if entry.certainty != CERTAIN:
            words = say("also_excluded_if", requirements_of(EXCLUDED, entry.regimen, result.answer.derivation))
            page.item("", say("with_source", words, say("and").join(dict.fromkeys(sources))), "conditional", indent=0)
            continue
        page.item("", say("heading_excluded_by"), "heading", indent=0)
        for reason, source in zip(entry.reasons, sources, strict=True):
            page.item("  x", say("with_source", reason.words, source), "against", indent=LEAD + 2)
    if result.outranked_by:
        page.item("", say("heading_ahead"), "heading", indent=0)
        for other in result.outranked_by:
            texts = " ".join(annotation_words(model.annotations[name], model) for name in other.annotations)
            named = model.label("regimen", other.regimen)
            if other.assuming is UNSET:
                page.item(f"  {other.rank}.", say("labelled", named, texts))
            else:
                under = say("page_if", named, assuming_words(other.assuming, model))
                page.item(f"  {other.rank}?", say("labelled", under, texts), "conditional")


def changes(page: TextLayout, result: WhyNot, model: GuidelineModel) -> None:
    """Write the smallest changes after which a regimen is recommended with certainty."""
    say = model.say
    if result.status == "recommended":
        page.item("", say("no_change_needed"), indent=0)
        return
    if not result.changes and result.otherwise is not UNSET:
        page.item("", result.otherwise, indent=0)
    elif not result.changes:
        page.item("", say("no_change_possible" if result.others == 0 else "no_change_found"), indent=0)
    else:
        page.item("", say("heading_smallest_changes"), "heading", indent=0)
    for number, change in enumerate(result.changes, start=1):
        page.item(f"  {number}.", change_words(change, result.answer.asked.record.data, model))
    if result.changes and result.others != 0:
        page.item("", say("other_changes", str(result.others)) if result.others else say("perhaps_other_changes"), "faint")
    if result.changes and result.otherwise is not UNSET:
        page.item("  -", result.otherwise)
