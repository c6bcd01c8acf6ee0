"""The words of what is not recorded: what it is, how to ask for it, and what it decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import Missing
from reasoner.engine.phrases import member_words
from reasoner.engine.reading_phrases import regimens_words
from reasoner.records.record import ONE_OF

if TYPE_CHECKING:
    from reasoner.engine.answer import Answer

__all__ = ["decided_words", "missing_words", "question_words", "unknown_words"]

MOST_NAMED = 3


def decided_words(decides: Sequence[str], model: GuidelineModel) -> str:
    """Name what a fact decides; where that is the setting, what follows from it is not named one by one."""
    say = model.say
    regimens = [name for name in decides if name in model.regimens]
    actions = [model.label("action_name", name) for name in decides if name in model.actions]
    if "setting" in decides:
        names = [say("the_setting_and_regimens" if regimens else "the_setting")]
    else:
        whole = regimens_words(regimens, model)
        few = len(regimens) <= MOST_NAMED or whole != say("comma").join(model.label("regimen", name) for name in regimens)
        names = ([whole] if few else [say("many_regimens")]) if regimens else []
        names += actions if len(actions) <= MOST_NAMED else [say("many_actions")]
    names += [label for score, label in model.labels.get("score", {}).items() if score in decides]
    return say("comma").join(names)


def unknown_words(entry: Missing, model: GuidelineModel) -> str:
    """Name an unknown fact: one of the record, a member of a list, or what is not known of a course."""
    say = model.say
    if entry.fact == ONE_OF:
        return say("which_of_several")
    if entry.course is not None:
        if entry.key is None:
            return say("how_course_ended", str(entry.course))
        return say("of_course", model.label("course_fact", entry.key), str(entry.course))
    if entry.member is not None:
        return member_words(entry.fact, entry.member, model)
    label = model.label("fact", entry.fact)
    return say("which_given", label) if entry.fact == getattr(model.courses_fact, "name", "") else label


def question_words(entry: Missing, model: GuidelineModel) -> str:
    """Ask for an unknown fact, a list as a whole, or for what is not known of a course."""
    say = model.say
    if entry.fact == ONE_OF:
        return say("ask_which_of_several")
    if entry.course is None:
        return model.question(next(fact for fact in model.facts if fact.name == entry.fact))
    if entry.key is None:
        return say("ask_how_course_ended", str(entry.course))
    return say("ask_of_course", model.label("course_fact", entry.key), str(entry.course))


def missing_words(answer: Answer) -> Iterator[str]:
    """Yield the unknown facts that matter, with what each decides by itself or bears on; those for the same together."""
    model, together = answer.derivation.model, dict[tuple[str, ...], list[Missing]]()
    for entry in answer.missing:
        together.setdefault(entry.decides, []).append(entry)
    for decides, entries in together.items():
        names, words = [unknown_words(entry, model) for entry in entries], decided_words(decides, model)
        alone = decides_alone(entries[0], answer)
        named = model.say("and").join(names)
        yield model.say("facts_bear" if names[1:] else "fact_decides" if alone else "fact_bears", named, words)


def decides_alone(entry: Missing, answer: Answer) -> bool:
    """Tell whether all that an unknown fact decides hangs on nothing else that is not recorded."""
    return not any(own is not entry and set(own.decides) & set(entry.decides) for own in answer.missing)
