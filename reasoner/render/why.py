"""The argument for a conclusion as text, on half a page."""

from __future__ import annotations

from collections.abc import Iterator

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.argument import Argument, Block, Ground
from reasoner.engine.phrases import member_name, source_words
from reasoner.queries.why import Why
from reasoner.render.layout import TextLayout

__all__ = ["blocks", "render"]

AIM = 18
"""So many lines are aimed at."""
LEAD = 2
MOST_NAMED = 3
STANDINGS = {
    "recorded": "stands_recorded",
    "recorded_absent": "stands_absent",
    "unknown": "stands_unknown",
    "assumed": "stands_assumed",
}


def grounds(page: TextLayout, because: tuple[Ground, ...], whole: int, model: GuidelineModel) -> None:
    """Write what carries a conclusion, the sentences of the first `whole` in full, and the patient's facts."""
    say = model.say
    for number, ground in enumerate(because):
        source = source_words(model.annotations[ground.statement], model) if ground.statement else ""
        if number < whole and source:
            page.item("", say("with_source", ground.text, source), indent=LEAD)
        facts = [fact for fact in ground.facts if fact.state != "assumed"]
        words = [say(STANDINGS["unknown"], fact.words) if fact.state == "unknown" else fact.words for fact in facts]
        if number >= whole and source:
            page.item("", say("with_source", say("and").join(words) or say("also_carried"), source), indent=LEAD)
        elif words:
            page.item("  -", say("and").join(words), indent=LEAD + 2)


def blocks(found: tuple[Block, ...], model: GuidelineModel) -> Iterator[str]:
    """Word each fact that could rule something out once, with how it stands; those that stand alike together."""
    sources: dict[tuple[str, str | None, str], tuple[Block, list[str]]] = {}
    for block in found:
        sources.setdefault((block.fact, block.member, block.words), (block, []))[1].append(block.block)
    lists: dict[tuple[str, str, str], list[str]] = {}
    others: dict[tuple[str, str], list[str]] = {}
    for block, own in sources.values():
        named = model.say("comma").join(dict.fromkeys(own))
        if block.member is not None:
            lists.setdefault((block.state, named, block.fact), []).append(member_name(block.member, model))
        else:
            others.setdefault((block.state, named), []).append(block.words)
    for (state, named, fact), members in lists.items():
        words = model.say("member", model.say("or").join(members), model.label("fact", fact))
        yield model.say("with_source", model.say(STANDINGS[state], words), named)
    for (state, named), words_of in others.items():
        yield model.say("with_source", model.say(STANDINGS[state], model.say("or").join(words_of)), named)


def argued(page: TextLayout, argument: Argument, whole: int, figures: bool, model: GuidelineModel) -> None:
    """Write an argument, with the sentences of so many statements, with the figures of trials or without."""
    say = model.say
    if argument.because:
        page.item("", say("heading_because"), "heading", indent=0)
        grounds(page, argument.because, whole, model)
    if argument.ruled_out_by:
        page.item("", say("heading_overturned"), "heading", indent=0)
        for words in blocks(argument.ruled_out_by, model):
            page.item("  -", words, indent=LEAD + 2)
    if argument.readings:
        page.item("", say("heading_rests_on", say("comma").join(argument.readings)), indent=0)
    trials = [entry.words if figures else model.trials[entry.trial].label for entry in argument.evidence]
    if trials:
        caveats = " ".join(entry.caveat for entry in argument.evidence if entry.caveat)
        text = say("evidence_entry", say("and").join(trials))
        page.item("", f"{text} {caveats}".rstrip(), indent=0)
    if argument.alternatives_considered and (whole or not argument.because):
        named, rest = argument.alternatives_considered[:MOST_NAMED], len(argument.alternatives_considered) - MOST_NAMED
        words = say("and").join(named)
        page.item("", say("also_considered", say("and_more", words, str(rest)) if rest > 0 else words), indent=0)


def render(result: Why, width: int = 80, colour: bool = False) -> str:
    """Render the argument as text of at most `width` columns; what is shown of it is what fits half a page."""
    model, argument = result.answer.derivation.model, result.argument
    shapes = ((len(argument.because), True), (1, True), (len(argument.because), False), (1, False), (0, False))
    pages = []
    for whole, figures in shapes:
        page = TextLayout(width, colour)
        page.opening(result.answer.patient, result.answer.guideline, model)
        page.item("", argument.verdict, "heading", indent=0)
        argued(page, argument, whole, figures, model)
        page.item("", f"{model.say('see_full')} {result.answer.guideline.disclaimer}", "faint", indent=0)
        pages.append(page)
    fitting = (page for page in pages if len(page.lines) <= AIM)
    return next(fitting, min(pages, key=lambda page: len(page.lines))).text()
