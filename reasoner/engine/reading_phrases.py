"""The words of what another reading of the text would change in an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.notes import of_decision
from reasoner.engine.phrases import setting_words

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


def alternative_words(entry: Alternative, model: GuidelineModel) -> str:
    """Say what another alternative of a reading would change."""
    say = model.say
    moved = [(decision, entry.setting) for decision in model.decisions[:1] or ("",) if isinstance(entry.setting, str)]
    moved += [(own.decision, own.setting) for own in entry.decisions or ()]
    others = [of_decision(name, say("setting_would_be", setting_words(own, model)), model) for name, own in moved]
    recommended, excluded = entry.recommended, entry.excluded
    parts = [
        *others,
        say("also_recommended", regimens_words(recommended.adds, model)) if recommended.adds else "",
        say("not_recommended", regimens_words(recommended.removes, model)) if recommended.removes else "",
        say("also_excluded", regimens_words(excluded.adds, model)) if excluded.adds else "",
        say("not_excluded", regimens_words(excluded.removes, model)) if excluded.removes else "",
    ]
    text = say("and").join(part for part in parts if part)
    return say("under_alternative", entry.reading, entry.alternative, text)


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
