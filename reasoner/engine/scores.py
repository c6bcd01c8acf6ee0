"""The scores of a patient: their values, and what makes them up."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Counted
from reasoner.engine.conclusions import Conclusions
from reasoner.engine.counting import amount, range_words
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import SCORE, arguments_of
from reasoner.records.shapes import Shape

__all__ = ["Part", "Score", "score_phrase", "score_words", "scores"]


class Part(Shape, frozen=True):
    """What a score counts: the fact of the record that it is, null for something else, in words, and its points."""

    fact: str | None
    words: str
    points: int


class Score(Shape, frozen=True):
    """A score of the patient.

    `value` is the least possible, `at_most` the greatest: the same unless unknown facts decide it. `parts` are what counts
    in any case, `possible_parts` what may count as well.
    """

    score: str
    value: int
    at_most: int
    parts: tuple[Part, ...]
    possible_parts: tuple[Part, ...]


def scores(derivation: Derivation, conclusions: Conclusions) -> Iterator[Score]:
    """Yield the scores that the patient can have, in the order in which the guideline declares them."""
    for name, least, greatest in conclusions.scores():
        parts, possible = made_up_of(derivation, name)
        yield Score(name, least, greatest, tuple(map(part_of, parts)), tuple(map(part_of, possible)))


def made_up_of(derivation: Derivation, name: str) -> tuple[list[Counted], list[Counted]]:
    """List what counts towards a score in any case where it has a value, and what may count as well."""
    program, completions = derivation.program, derivation.completions
    possible = derivation.values if derivation.possible is None else derivation.possible
    where, rows = completions.none, program.table.get(SCORE, {}).get(name, ())
    for _, atom in rows:
        where = where | possible[atom]
    parts: dict[int, tuple[tuple[Counted, ...], tuple[Counted, ...]]] = {}
    for _, atom in rows:
        for support in program.supports[atom] if possible[atom] != completions.none else ():
            for aggregate in assigned(derivation, support):
                place = program.aggregates[aggregate]
                if place not in parts:
                    found = amount(derivation, aggregate, where)
                    parts[place] = found.certain, found.perhaps
    return [part for own, _ in parts.values() for part in own], [part for _, own in parts.values() for part in own]


def assigned(derivation: Derivation, support: int) -> Iterator[int]:
    """Yield the counts and sums that give an instance of a rule the value in its head."""
    ground = derivation.program.rules[support]
    rule = derivation.model.rules[ground.rule]
    written = [condition for condition in rule.body if not condition.comparison]
    for (atom, _), condition in zip(ground.conditions, written, strict=True):
        if condition.aggregate is not None and set(condition.aggregate.assigned) & set(arguments_of(rule.head)):
            yield atom


def part_of(counted: Counted) -> Part:
    return Part(counted.fact, counted.words, counted.weight)


def score_words(score: Score, model: GuidelineModel) -> str:
    """Word a score: its value, and what makes it up."""
    say = model.say
    parts = [say("counted", part.words, str(part.points)) for part in score.parts]
    parts += [say("perhaps_counted", say("counted", part.words, str(part.points))) for part in score.possible_parts]
    words = say("labelled", model.label(SCORE, score.score), range_words(score.value, score.at_most, model))
    return say("score_made_up_of", words, say("comma").join(parts)) if parts else words


def score_phrase(name: str, values: Collection[int], model: GuidelineModel) -> str:
    """Word that a score has one of some values."""
    return model.say("score_of", model.label(SCORE, name), range_words(min(values), max(values), model))
