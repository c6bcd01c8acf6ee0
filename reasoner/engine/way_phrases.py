"""The words of what must be so for something to hold that depends on what is not recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from msgspec.structs import replace

from reasoner.compiler.intervals import is_interval
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import CERTAIN, Assumption, conclusions_of
from reasoner.engine.derivation import Derivation
from reasoner.engine.joined_names import either_words
from reasoner.engine.phrases import assumption_words, course_fact_words, interval_words
from reasoner.engine.ways import Condition, Way, ways_of
from reasoner.records.record import ONE_OF

__all__ = ["assuming_words", "certainty_words", "ending_words", "requirements_of", "way_words"]

MOST_WAYS = 4


def requirements_of(
    predicate: str, name: str, derivation: Derivation, said: Sequence[Assumption] = (), most: int = MOST_WAYS
) -> str:
    """Word what must be so for a conclusion to hold, besides what is `said`: all ways there are, or the first of many."""
    model, conclusions = derivation.model, conclusions_of(derivation)
    found = tuple(islice(ways_of(conclusions.truth(predicate, name), derivation.completions), most + 1))
    if not found:
        return model.say("assuming_left_out")
    unsaid = [tuple(own for own in way if own.assumption not in said) for way in found[:most]]
    words = either_way_words(unsaid, model)
    return model.say("ways_and_more", words) if len(found) > most else words


def either_way_words(ways: Sequence[Way], model: GuidelineModel) -> str:
    """Word several ways, what is common to them first."""
    say = model.say
    common = tuple(own for own in ways[0] if all(own in way for way in ways))
    if len(ways) == 1:
        return say("and").join(way_words(common, model))
    rest = [tuple(own for own in way if own not in common) for way in ways]
    others = say("or").join(say("and_condition").join(way_words(way, model)) for way in rest)
    return say("common_and_ways", say("and").join(way_words(common, model)), others) if common else others


def way_words(way: Sequence[Condition], model: GuidelineModel) -> Iterator[str]:
    """Yield the words for each fact of a way as they read after "if", those of one course together."""
    for course, own in groupby(way, key=lambda one: one.assumption.course):
        if course is None:
            yield from (condition_words(one, model) for one in own)
        else:
            yield course_words(course, list(own), model)


def condition_words(condition: Condition, model: GuidelineModel) -> str:
    """Word that a fact has one of some values, as it reads after "if"."""
    assumed, values = condition
    if assumed.member is None and not assumed.reading and assumed.fact != ONE_OF and isinstance(values[0], str):
        return being_words(model.label("fact", assumed.fact), values, model)
    return either_words([assumption_words(replace(assumed, value=value), model) for value in values], model)


def course_words(course: int, conditions: Sequence[Condition], model: GuidelineModel) -> str:
    """Word what must be so of one course."""
    say, ended = model.say, [ending_words(values, model) for one, values in conditions if one.key is None]
    rest = [
        being_words(model.label("course_fact", one.key), values, model)
        if isinstance(values[0], str)
        else course_fact_words(one.key, values[0], model)
        for one, values in conditions
        if one.key is not None
    ]
    return say("course_that" if ended else "course_numbered", str(course), say("comma").join((*ended, *rest)))


def ending_words(outcomes: Sequence[object], model: GuidelineModel) -> str:
    """Say how a course ended, or that it is under way; of several outcomes that it is one of them."""
    say, parts = model.say, list[str]()
    if set(outcomes) & set(model.as_planned):
        parts.append(say("course_as_planned"))
    if set(outcomes) & set(model.under_way):
        parts.append(say("course_under_way"))
    others = [model.label("outcome", str(own)) for own in outcomes if own not in (*model.as_planned, *model.under_way)]
    if others:
        parts.append(say("ended_in", either_words(others, model)))
    return either_words(parts, model)


def being_words(label: str, values: Sequence[object], model: GuidelineModel) -> str:
    """Word that something is so, or is within an interval."""
    words = either_words([interval_words(str(value), model) for value in values], model)
    return model.say("is_within" if is_interval(values[0]) else "is_so", label, words)


def assuming_words(assuming: Sequence[Assumption], model: GuidelineModel) -> str:
    """Word all that a conditional entry of an answer assumes; there is nothing where that could not be worked out."""
    words = way_words([Condition(one, (one.value,)) for one in assuming], model)
    return model.say("and").join(words) or model.say("assuming_left_out")


def certainty_words(certainty: str, assuming: Sequence[Assumption], model: GuidelineModel) -> str:
    """Say that an entry of an answer is certain, or what would make it so."""
    return model.say("certain") if certainty == CERTAIN else model.say("certain_if", assuming_words(assuming, model))
