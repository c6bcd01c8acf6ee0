"""The words of an answer's entries as cards have them: short, and without what belongs on the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby, islice

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.conclusions import CERTAIN, Assumption, untreated_assumed
from reasoner.engine.derivation import Derivation
from reasoner.engine.phrases import best_strength_words, caution_words, default_words, rank_is_sure, strength_words
from reasoner.engine.scores import score_words
from reasoner.engine.way_phrases import certainty_words, way_words
from reasoner.engine.ways import Way, ways_of
from reasoner.serve.markdown import LONGEST_OPTION, LONGEST_REASON, LONGEST_WHY

__all__ = [
    "action_words",
    "brief_words",
    "cautions_of",
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
NAMES = re.compile(r"[\w=]+")
MOST_WAYS = 8

Entry = Recommendation | Exclusion


def as_read(entry: Entry, model: GuidelineModel) -> str:
    return model.say("card_as_read") if entry.depends_on_readings else ""


def cautions_of(entry: Recommendation, derivation: Derivation) -> tuple[str, ...]:
    """Word the cautions about a recommendation, without the ids of what they rest on."""
    return tuple(without_ids(caution_words(entry, name, derivation), derivation.model) for name in entry.cautions)


def names_ids(text: str, model: GuidelineModel) -> bool:
    return not model.annotations.keys().isdisjoint(NAMES.findall(text))


def without_ids(text: str, model: GuidelineModel) -> str:
    """Leave out brackets that hold nothing but ids of statements and readings."""
    return re.sub(
        r" \(([^()]+)\)", lambda found: "" if set(NAMES.findall(found[1])) <= set(model.annotations) else found[0], text
    )


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
    about.append(as_read(entry, derivation.model))
    words = derivation.model.say("bracketed", label, derivation.model.say("comma").join(filter(None, about)))
    return words if len(words) <= LONGEST_OPTION else brief_words(entry, derivation)


def supposes_untreated(entry: Recommendation, model: GuidelineModel) -> bool:
    """Tell whether a regimen is recommended only if no therapy was given, of which nothing is known."""
    return bool(untreated_assumed(entry.assuming, model))


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
    """Word what excludes a regimen: every fact, or facts that do so only together, and what of the `given` that requires.

    That something assumed to be so is not is told as the condition of the recommendation already.
    """
    model = derivation.model
    found = tuple(islice(ways_of(derivation.truth(f"excluded({regimen})"), derivation.completions), MOST_WAYS + 1))
    assumed = {own.fact for own in given if own.value is True}
    told = (way for way in found[:MOST_WAYS] if not any(own.value is False and own.fact in assumed for own, _ in way))
    words = (together_words(way, given, model) for way in told)
    return (*dict.fromkeys(words), *([model.say("card_other_ways")] if len(found) > MOST_WAYS else ()))


def together_words(way: Way, given: Sequence[Assumption], model: GuidelineModel) -> str:
    say, joined = model.say, model.say("and_condition")
    facts = joined.join(way_words([own for own in way if own.assumption not in given], model))
    required = joined.join(way_words([own for own in way if own.assumption in given], model))
    return say("card_if", facts, required) if facts and required else facts or required


def exclusions(entries: Iterable[Exclusion], model: GuidelineModel) -> tuple[str, ...]:
    """Word exclusions, those for the same reason together: regimens, why, certainty, and whether it hangs on a reading."""
    say = model.say
    found: dict[str, list[str]] = {}
    for entry in entries:
        why = say("and").join(dict.fromkeys(reason.words for reason in entry.reasons))
        sure = "" if entry.certainty == CERTAIN else say("card_conditional")
        about = (why if len(why) <= LONGEST_WHY else "", sure, as_read(entry, model))
        found.setdefault(say("comma").join(filter(None, about)), []).append(model.label("regimen", entry.regimen))
    named = ((some_words(names, model), why) for why, names in found.items())
    return tuple(say("bracketed", names, why) if why else names for names, why in named)


def some_words(names: Sequence[str], model: GuidelineModel) -> str:
    """Name the first of some regimens, and how many more there are."""
    more = [model.say("card_and_more", str(len(names) - MOST_NAMED))] if len(names) > MOST_NAMED + 1 else []
    return model.say("comma").join([*(names[:MOST_NAMED] if more else names), *more])


def action_words(call: ActionCall, model: GuidelineModel) -> str:
    """Word an action, and whether it depends on what is not recorded."""
    return (
        call.text
        if call.certainty == CERTAIN
        else model.say("bracketed", call.text.removesuffix("."), model.say("card_depends"))
    )


def standing(answer: Answer) -> tuple[str, ...]:
    """Say what else an answer stands on: defaults that matter, scores, its notes, and whether it hangs on a reading."""
    model = answer.derivation.model
    mattering = default_words([entry for entry in answer.assumed if entry.matters], model)
    assumed = [model.say("assumed_and_matters", mattering)] if mattering else []
    scores = [score_words(score, model) for score in answer.scores or ()]
    readings = [model.say("card_readings")] if answer.alternatives else []
    notes = (text for note in answer.notes if not names_ids(text := without_ids(note, model), model))
    return (*assumed, *scores, *notes, *readings)


def reasons(entry: Entry, model: GuidelineModel) -> tuple[str, ...]:
    """Word each reason by its rule with the trials, and by how it applies here; no rule that names others by ids."""
    say, found, here = model.say, list[str](), list[str]()
    for reason in entry.reasons:
        annotation = model.annotations.get(reason.annotation)
        text = "" if annotation is None else without_ids(annotation.text, model)
        if annotation is not None and text and not names_ids(text, model):
            trials = say("comma").join(model.trials[trial].label for trial in annotation.trials)
            cited = say("bracketed", text.removesuffix("."), trials) if trials else text
            found += [own for own in dict.fromkeys((cited, text)) if len(own) <= LONGEST_REASON][:1]
        if annotation is None or reason.words != annotation.text:
            (here if isinstance(entry, Exclusion) else found).append(say("here", reason.words))
    return (*dict.fromkeys((*here, *found)), *(say("overlays_used", name) for name in entry.overlays))
