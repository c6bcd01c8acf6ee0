"""What is to be known of how a chart was read, in the words of a card: without codes, and the harmless last."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import printable
from reasoner.fhir import ChartFacts
from reasoner.records.record import ONE_OF

__all__ = ["assumed_remarks", "brief_remarks"]

PLACE = re.compile(r"(\w+)(?:\[(\d+)\]\.(\w+))?")


def brief_remarks(facts: ChartFacts, model: GuidelineModel) -> Iterator[str]:
    """Yield what a chart contradicts itself on, what it leaves undecided, and how much of it could not be read."""
    say = model.say
    yield from facts.corrected
    for entry in facts.contradictions:
        sides = {
            side.value: say(
                "bracketed", side.value, say("comma").join(filter(None, (side.display, side.date))) or side.resource
            )
            for side in entry.sides
        }
        yield printable(say("fhir_contradiction", place_words(entry.fact, model), say("and").join(sides.values())))
    open_by: dict[str, list[str]] = {}
    for undecided in facts.undecided:
        open_by.setdefault(undecided.why, []).append(place_words(undecided.fact, model))
    for why, places in open_by.items():
        yield printable(say("value", say("comma").join(places), why))
    if facts.unreadable:
        yield say("card_unreadable", str(len(facts.unreadable)))


def assumed_remarks(facts: ChartFacts, model: GuidelineModel) -> Iterator[str]:
    """Yield what was concluded from silence, or from the dates."""
    for text in facts.assumed:
        fact, colon, why = text.partition(":")
        known = any(own.name == fact for own in model.facts)
        yield printable(model.say("sentence", f"{place_words(fact, model)}{colon}{why}" if known else text))


def place_words(place: str, model: GuidelineModel) -> str:
    """Name a place in a record, such as ``metastatic_therapy[0].outcome``."""
    if place == ONE_OF:
        return model.say("which_of_several")
    found = PLACE.fullmatch(place)
    if found is None:
        return place
    fact, number, key = found.groups()
    if number is None:
        return model.label("fact", fact)
    course = str(int(number) + 1)
    if key == "outcome":
        return model.say("how_course_ended", course)
    return model.say("of_course", model.label("course_fact", key), course)
