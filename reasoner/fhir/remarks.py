"""The words about what was read from a chart: remarks for whoever reads the answer, and a report of every source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir.facts import ChartFacts
from reasoner.fhir.provenance import Provenance

__all__ = ["explain", "name_some", "remarks", "report", "source_words"]

FEW = 3


def name_some(sources: Sequence[Provenance], model: GuidelineModel) -> str:
    """Name the first sources, and count the others."""
    more = [model.say("fhir_more", str(len(sources) - FEW))] if len(sources) > FEW else []
    return model.say("and").join([*map(str, sources[:FEW]), *more])


def source_words(facts: ChartFacts) -> dict[str, tuple[str, ...]]:
    """Say for each fact where it was read."""
    found: dict[str, tuple[str, ...]] = {}
    for source in facts.sources:
        found[source.fact] = (*found.get(source.fact, ()), str(source))
    return found


def remarks(facts: ChartFacts, model: GuidelineModel) -> Iterator[str]:
    """Yield what a reader of the answer has to know: contradictions, what is undecided, what was concluded from silence."""
    say = model.say
    for entry in facts.contradictions:
        sides = {side.value: say("bracketed", side.value, str(side)) for side in entry.sides}
        yield say("fhir_contradiction", entry.fact, say("and").join(sides.values()))
    for undecided in facts.undecided:
        why = undecided.why
        if undecided.sources:
            why = say("bracketed", why, name_some(undecided.sources, model))
        yield say("fhir_undecided", undecided.fact, why)
    yield from (say("sentence", text) for text in facts.assumed)
    if count := len(facts.unreadable):
        named = say("and").join(facts.unreadable[:FEW])
        yield say("fhir_one_unreadable", named) if count == 1 else say("fhir_unreadable", str(count), named)


def report(facts: ChartFacts, model: GuidelineModel) -> Iterator[str]:
    """Yield lines that say where each fact was read, then all that stays unknown or was not read."""
    for source in facts.sources:
        yield model.say("value", source.fact, str(source))
    yield from remarks(facts, model)
    for own in facts.unmapped:
        yield model.say("fhir_not_read", str(own), own.why)


def explain(problem: str, facts: ChartFacts, model: GuidelineModel) -> str:
    """Add to what keeps a record from being answered what the resources say of it, and the next step."""
    say = model.say
    why = dict.fromkeys(
        say("bracketed", entry.why, name_some(entry.sources, model)) for entry in facts.undecided if entry.fact in problem
    )
    parts = [say("sentence", problem), *([say("fhir_in_chart", say("and").join(why))] if why else []), say("fhir_next_step")]
    return " ".join(parts)
