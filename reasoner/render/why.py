"""The argument for a conclusion as text, on half a page."""

from __future__ import annotations

from collections.abc import Iterator

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.argument import Argument, Ground
from reasoner.engine.argument_blocks import Block
from reasoner.engine.argument_facts import About
from reasoner.engine.nearest import KINDS, Nearest
from reasoner.engine.phrases import member_name, opening_sentence, source_words
from reasoner.queries.why import Why
from reasoner.render.layout import TextLayout
from reasoner.render.short_names import ShortNames

__all__ = ["LEAD", "blocks", "evidence", "near", "render"]

AIM = 18
"""So many lines are aimed at."""
SHAPES = (
    (None, True, True),
    (None, False, True),
    (None, False, False),
    (2, False, False),
    (1, False, False),
    (0, False, False),
)
"""What can be shown, the most first: how many statements are quoted, the figures of trials, what was considered too."""
MOST_QUOTING = 21
"""Where more lines than are aimed at are needed anyway, so many are used to quote statements."""
LEAD = 2
MOST_NAMED = 3
STANDINGS = {
    "recorded": "stands_recorded",
    "unknown": "stands_unknown",
    "assumed": "stands_assumed",
    "recorded_absent": "stands_absent",
}
"""How facts stand that could rule something out, in the order in which they are shown."""


def grounds(page: TextLayout, because: tuple[Ground, ...], whole: int, model: GuidelineModel) -> None:
    """Write what carries a conclusion, with the patient's facts; the first `whole` are quoted, readings in a sentence."""
    say, besides, quotable = model.say, list[str](), [ground.statement for ground in because if ground.statement][:whole]
    courses = {fact.course for ground in because for fact in ground.facts if fact.key is None}
    for ground in because:
        annotation, quoted = model.annotations.get(ground.statement), ground.statement in quotable
        source = source_words(annotation, model) if annotation is not None else ""
        if annotation is not None and quoted:
            page.item("", say("with_source", opening_sentence(annotation), source), indent=LEAD)
        facts = [
            fact for fact in ground.facts if fact.state != "assumed" and (fact.key is None or fact.course not in courses)
        ]
        words = say("and").join(say("fact_unknown", f.words) if f.state == "unknown" else f.words for f in facts)
        if words and (quoted or not source):
            page.item("  -", words, indent=LEAD + 2)
        elif words:
            page.item("", say("with_source", words, source), indent=LEAD)
        elif not quoted:
            besides.append(ground.statement)
    if besides:
        page.item("", say("also_carried", say("comma").join(besides)), indent=LEAD)


def blocks(found: tuple[Block, ...], model: GuidelineModel) -> Iterator[str]:
    """Word the facts that could rule something out, each once; those that stand alike in the record together."""
    sources: dict[tuple[tuple[About, ...], str], tuple[Block, list[str]]] = {}
    for block in found:
        sources.setdefault((block.abouts, block.words), (block, []))[1].append(block.block)
    lists: dict[tuple[str, str, str], list[str]] = {}
    worded: dict[str, dict[str, list[str]]] = {}
    for block, own in sources.values():
        named = model.say("comma").join(dict.fromkeys(own))
        members = [member for fact, member, *_ in block.abouts if member is not None and fact == block.fact]
        if len(members) == len(block.abouts):
            names = model.say("and_condition").join(member_name(member, model) for member in members)
            lists.setdefault((block.state, named, block.fact), []).append(names)
        else:
            worded.setdefault(block.state, {}).setdefault(named, []).append(block.words)
    for (state, named, fact), listed in lists.items():
        words = model.say("member", model.say("or").join(listed), model.label("fact", fact))
        worded.setdefault(state, {}).setdefault(named, []).append(words)
    for state, key in STANDINGS.items():
        if state in worded:
            parts = (model.say("with_source", model.say("or").join(own), named) for named, own in worded[state].items())
            yield model.say(key, model.say("and").join(parts))


LACKS = {"missing": "nearest_missing", "against": "nearest_against", "open": "nearest_open"}


def near(page: TextLayout, nearest: Nearest, heading: str, model: GuidelineModel) -> None:
    """Write the rule that came nearest to recommending a regimen, with what of it is met and what is not."""
    say, annotation = model.say, model.annotations[nearest.annotation]
    page.item("", heading, "heading", indent=0)
    page.item("", say("with_source", opening_sentence(annotation), source_words(annotation, model)), indent=LEAD)
    if nearest.met:
        page.item("  +", say("nearest_met", say("and").join(nearest.met)), indent=LEAD + 2)
    for kind in KINDS:
        if words := nearest.words(kind):
            mark = "conditional" if kind == "open" else "against"
            page.item("  ?" if kind == "open" else "  x", say(LACKS[kind], say("and").join(words)), mark, indent=LEAD + 2)


def evidence(page: TextLayout, argument: Argument, figures: bool, model: GuidelineModel) -> None:
    """Write the trials behind an argument, with their figures or without, and the caveats on how the text reports them."""
    say = model.say
    trials = [entry.words if figures else model.trials[entry.trial].label for entry in argument.evidence]
    if trials:
        caveats = " ".join(entry.caveat for entry in argument.evidence if entry.caveat)
        text = say("evidence_entry", say("and").join(trials))
        page.item("", f"{text} {caveats}".rstrip(), indent=0)


def argued(page: TextLayout, result: Why, whole: int, figures: bool, others: bool, model: GuidelineModel) -> None:
    """Write an argument: so many statements in full, the figures of trials or not, what was considered too or not."""
    say, argument = model.say, result.argument
    denied = result.status == "not_recommended"
    if denied and result.nearest is not None:
        near(page, result.nearest, say("heading_nearest"), model)
    elif argument.because:
        page.item("", say("heading_because"), "heading", indent=0)
        grounds(page, argument.because, whole, model)
    changing = tuple(block for block in argument.ruled_out_by if not block.excludes)
    if changing:
        page.item("", say("heading_overturned"), "heading", indent=0)
        for words in blocks(changing, model):
            page.item("  -", words, indent=LEAD + 2)
    rests = [name for name in argument.readings if name not in argument.changed_by]
    parts = [say("heading_rests_on", say("comma").join(rests))] if rests else []
    parts += [say("heading_otherwise", say("or").join(argument.changed_by))] if argument.changed_by else []
    if parts:
        page.item("", " ".join(parts), indent=0)
    evidence(page, argument, figures, model)
    if argument.alternatives_considered and others:
        named, rest = argument.alternatives_considered[:MOST_NAMED], len(argument.alternatives_considered) - MOST_NAMED
        words = say("and").join(named)
        page.item("", say("also_considered", say("and_more", words, str(rest)) if rest > 0 else words), indent=0)


def render(result: Why, width: int = 80, colour: bool = False) -> str:
    """Render the argument as text of at most `width` columns; what is shown of it is what fits half a page."""
    model, number, pages = result.answer.derivation.model, len(result.argument.because), []
    for whole, figures, others in SHAPES:
        page = TextLayout(width, colour, ShortNames(model))
        page.opening(result.answer.patient, result.answer.guideline, model)
        page.item("", result.argument.verdict, "heading", indent=0)
        argued(page, result, number if whole is None else whole, figures, others, model)
        page.item("", f"{model.say('see_full')} {result.answer.guideline.disclaimer}", "faint", indent=0)
        pages.append(page)
        if len(page.lines) <= AIM:
            return page.text()
    return next((page for page in pages if len(page.lines) <= MOST_QUOTING), pages[-1]).text()
