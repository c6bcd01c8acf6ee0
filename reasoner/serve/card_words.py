"""The words of an answer's entries as cards have them: short, and without what belongs on the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.conclusions import CERTAIN, Assumption, conclusions_of
from reasoner.engine.derivation import Derivation
from reasoner.engine.phrases import (
    annotation_words,
    assumption_words,
    best_strength_words,
    certainty_words,
    default_words,
    depending_words,
    rank_is_sure,
    strength_words,
)
from reasoner.engine.scores import score_words

__all__ = [
    "action_words",
    "brief_words",
    "exclusions",
    "leading_words",
    "merits",
    "option_words",
    "reasons",
    "standing",
    "supposes_untreated",
    "ways_out",
]

MOST_NAMED = 2
MOST_WAYS = 8

Entry = Recommendation | Exclusion


def merits(entry: Recommendation, derivation: Derivation) -> tuple[str, str, str, str]:
    """Word a recommendation: its regimen, rank, strength and certainty, which what has an open rank does not have."""
    model = derivation.model
    say, rank, sure = model.say, str(entry.rank), certainty_words(entry.certainty, entry.assuming, model)
    strength = best_strength_words(entry, derivation)
    if rank_is_sure(entry, derivation):
        return model.label("regimen", entry.regimen), say("rank", rank), strength, sure
    open_rank = say("card_rank_open") if entry.certainty == CERTAIN else sure
    return model.label("regimen", entry.regimen), say("card_rank_at_best", rank), strength, open_rank


def option_words(entry: Recommendation, derivation: Derivation) -> str:
    """Word a recommendation in one part of a line: regimen, rank, strength, certainty, and whether it hangs on a reading."""
    label, *about = merits(entry, derivation)
    about.append(depending_words(entry.depends_on_readings, derivation.model))
    return derivation.model.say("bracketed", label, derivation.model.say("comma").join(filter(None, about)))


def supposes_untreated(entry: Recommendation, model: GuidelineModel) -> bool:
    """Tell whether a regimen is recommended only if no therapy was given, of which nothing is known."""
    own = model.courses_fact
    return own is not None and any(given.fact == own.name and given.value == () for given in entry.assuming)


def certain_words(entry: Recommendation, derivation: Derivation) -> str:
    """Say briefly whether a recommendation, and its rank, is certain."""
    if entry.certainty != CERTAIN:
        untreated = supposes_untreated(entry, derivation.model)
        return derivation.model.say("card_untreated" if untreated else "card_conditional")
    return derivation.model.say("certain" if rank_is_sure(entry, derivation) else "card_rank_open")


def brief_words(entry: Recommendation, derivation: Derivation) -> str:
    """Word a recommendation that is not the first: regimen, strength, and whether it is certain."""
    model = derivation.model
    about = model.say("comma").join((strength_words(entry, model), certain_words(entry, derivation)))
    return model.say("bracketed", model.label("regimen", entry.regimen), about)


def leading_words(entries: Sequence[Recommendation], derivation: Derivation) -> str:
    """Name the recommendations of the best rank, the strongest first, and those of the same merits together.

    What is weaker than the answer's first is named only where something is stronger.
    """
    model, first = derivation.model, entries[0]
    leading = [entry for entry in entries if entry.rank == first.rank]
    leading.sort(key=lambda entry: model.strengths.index(entry.strength))
    if leading[0].strength == first.strength:
        leading = [entry for entry in leading if entry.strength == first.strength]
    if len(leading) == 1:
        label, _, strength, sure = merits(first, derivation)
        return model.say("bracketed", label, model.say("comma").join((strength, sure)))

    def merit(entry: Recommendation) -> tuple[str, str]:
        return strength_words(entry, model), "" if entry.certainty == CERTAIN else model.say("card_conditional")

    parts = [
        model.say(
            "bracketed",
            model.say("comma").join(model.label("regimen", entry.regimen) for entry in same),
            model.say("comma").join(filter(None, about)),
        )
        for about, same in groupby(leading, merit)
    ]
    return model.say("and").join(parts)


def ways_out(regimen: str, given: Sequence[Assumption], derivation: Derivation) -> tuple[str, ...]:
    """Word what excludes a regimen: every fact, or facts that do so only together, and what of the `given` that requires."""
    model = derivation.model
    found = tuple(conclusions_of(derivation).ways(derivation.truth(f"excluded({regimen})"), MOST_WAYS + 1))
    words = (together_words(way, given, model) for way in found[:MOST_WAYS])
    return (*dict.fromkeys(words), *([model.say("card_other_ways")] if len(found) > MOST_WAYS else ()))


def together_words(way: Sequence[Assumption], given: Sequence[Assumption], model: GuidelineModel) -> str:
    say, joined = model.say, model.say("and_condition")
    facts = joined.join(assumption_words(own, model) for own in way if own not in given)
    required = joined.join(assumption_words(own, model) for own in way if own in given)
    return say("card_if", facts, required) if facts and required else facts or required


def exclusions(entries: Iterable[Exclusion], model: GuidelineModel) -> tuple[str, ...]:
    """Word exclusions, those for the same reason together: regimens, why, certainty, and whether it hangs on a reading."""
    say = model.say
    found: dict[str, list[str]] = {}
    for entry in entries:
        why = say("and").join(dict.fromkeys(reason.words for reason in entry.reasons))
        sure = "" if entry.certainty == CERTAIN else say("card_conditional")
        about = filter(None, (why, sure, depending_words(entry.depends_on_readings, model)))
        found.setdefault(say("comma").join(about), []).append(model.label("regimen", entry.regimen))
    return tuple(say("bracketed", some_words(names, model), why) for why, names in found.items())


def some_words(names: Sequence[str], model: GuidelineModel) -> str:
    """Name the first of some regimens, and how many more there are."""
    more = [model.say("card_and_more", str(len(names) - MOST_NAMED))] if len(names) > MOST_NAMED + 1 else []
    return model.say("comma").join([*(names[:MOST_NAMED] if more else names), *more])


def action_words(call: ActionCall, model: GuidelineModel) -> str:
    """Word an action, and whether it depends on what is not recorded."""
    return call.text if call.certainty == CERTAIN else model.say("bracketed", call.text, model.say("card_depends"))


def standing(answer: Answer) -> tuple[str, ...]:
    """Say what else an answer stands on: defaults that matter, scores, its notes, and whether it hangs on a reading."""
    model = answer.derivation.model
    mattering = default_words([entry for entry in answer.assumed if entry.matters], model)
    assumed = [model.say("assumed_and_matters", mattering)] if mattering else []
    scores = [score_words(score, model) for score in answer.scores or ()]
    readings = [model.say("card_readings")] if answer.alternatives else []
    return (*assumed, *scores, *answer.notes, *readings)


def reasons(entry: Entry, model: GuidelineModel) -> tuple[str, ...]:
    """Word each reason: how it applies here, and the statement or reading."""
    say, found = model.say, []
    for reason in entry.reasons:
        annotation = model.annotations.get(reason.annotation)
        source = reason.annotation if annotation is None else annotation_words(annotation, model)
        here = "" if annotation is not None and reason.words == annotation.text else say("here", reason.words)
        found.append(f"{source} {here}")
    return (*found, *(say("overlays_used", name) for name in entry.overlays))
