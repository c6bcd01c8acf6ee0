"""The words of what another reading of the text would change in an answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.comparison import Comparison
from reasoner.engine.conclusions import CERTAIN, conclusions_of
from reasoner.engine.notes import of_decision
from reasoner.engine.phrases import setting_words
from reasoner.engine.predicates import EXCLUDED, RECOMMENDED

if TYPE_CHECKING:
    from reasoner.engine.answer import ActionCall, Alternative, Answer, Exclusion, Recommendation

__all__ = ["alternative_words", "dependent_words", "regimens_words"]

FEW = 2
"""So few regimens are named one by one, even where they are all that contain a certain drug."""


def regimens_words(names: Sequence[str], model: GuidelineModel) -> str:
    """Name regimens: where these are all that contain a certain drug, by that."""
    for drug in model.drugs if len(names) > FEW else ():
        if set(names) == {regimen for regimen, parts in model.parts.items() if (drug,) in parts}:
            return model.say("every_regimen_with", model.label("drug", drug))
    return model.say("comma").join(model.label("regimen", name) for name in names)


def alternative_words(entry: Alternative, answer: Answer) -> str:
    """Say what another alternative of a reading would change, of what it would recommend with rank and strength."""
    model = answer.derivation.model
    say, comparison = model.say, Comparison(answer.derivation, conclusions_of(answer.derivation))
    moved = [(decision, entry.setting) for decision in model.decisions[:1] or ("",) if isinstance(entry.setting, str)]
    moved += [(own.decision, own.setting) for own in entry.decisions or ()]
    parts = [of_decision(name, say("setting_would_be", setting_words(own, model)), model) for name, own in moved]
    ranked = {name: comparison.standing_in(entry, RECOMMENDED, name) for name in entry.recommended.adds}
    added = []
    for standing in dict.fromkeys(ranked.values()):
        names = [name for name, own in ranked.items() if own == standing]
        words = [say("rank", str(standing.rank)), model.label("strength", standing.strength)]
        words += [] if standing.certain else [say("on_a_condition")]
        added.append(say("counted", regimens_words(names, model), say("comma").join(words)))
    parts += [say("also_recommended", say("comma").join(added))] if added else []
    sure = {own.regimen for own in answer.recommended if own.certainty == CERTAIN}
    parts += changed_words("recommended_no_more", entry.recommended.removes, sure, model)
    sure = {name for name in entry.excluded.adds if comparison.standing_in(entry, EXCLUDED, name).certain}
    parts += changed_words("excluded_too", entry.excluded.adds, sure, model)
    sure = {own.regimen for own in answer.excluded if own.certainty == CERTAIN}
    parts += changed_words("excluded_no_more", entry.excluded.removes, sure, model)
    return say("under_alternative", entry.reading, entry.alternative, say("and").join(parts))


CHANGED = {
    "recommended_no_more": "not_recommended",
    "excluded_too": "also_excluded",
    "excluded_no_more": "not_excluded",
}
CHANGED_ON_A_CONDITION = {
    "recommended_no_more": "not_recommended_on_a_condition",
    "excluded_too": "also_excluded_on_a_condition",
    "excluded_no_more": "not_excluded_on_a_condition",
}


def changed_words(change: str, names: Sequence[str], sure: Collection[str], model: GuidelineModel) -> Iterator[str]:
    """Yield what is so no longer, or too, of what is sure and of what is so on a condition."""
    if certain := [name for name in names if name in sure]:
        yield model.say(CHANGED[change], regimens_words(certain, model))
    if open_ := [name for name in names if name not in sure]:
        yield model.say(CHANGED_ON_A_CONDITION[change], regimens_words(open_, model))


def dependent_words(answer: Answer) -> Iterator[str]:
    """Yield what another alternative of readings would change, too: all that `alternatives` do not name.

    What assumes an alternative has said so.
    """
    model, named = answer.derivation.model, dict[tuple[str, ...], list[str]]()
    gone = {("recommended", name, own.reading) for own in answer.alternatives for name in own.recommended.removes} | {
        ("excluded", name, own.reading) for own in answer.alternatives for name in own.excluded.removes
    }
    rows: list[tuple[str, str, str, Recommendation | Exclusion | ActionCall]] = [
        *(("recommended", own.regimen, model.label("regimen", own.regimen), own) for own in answer.recommended),
        *(("excluded", own.regimen, model.label("regimen", own.regimen), own) for own in answer.excluded),
        *(("action", own.action, model.label("action_name", own.action), own) for own in answer.actions),
    ]
    for kind, name, label, entry in rows:
        said = {own.reading for own in entry.assuming}
        readings = tuple(r for r in entry.depends_on_readings if r not in said and (kind, name, r) not in gone)
        if readings and label not in named.setdefault(readings, []):
            named[readings].append(label)
    for readings, labels in named.items():
        yield model.say("readings_change", model.say("or").join(readings), model.say("and").join(labels))
