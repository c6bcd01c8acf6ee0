"""What an answer says besides its conclusions: where the text is silent, contradicts itself or leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reasoner.engine.conclusions import SILENT, UNDETERMINED, Conclusions
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import EXCLUDED, INDICATED, PLACES, RECOMMENDED, SETTING, arguments_of, predicate_of
from reasoner.engine.worlds import NO_OTHER

__all__ = ["nearest_statements", "notes_on"]

LOCAL_EFFECTS = ("suppressed", "exclusion_defeated", "waived", "defeated")


def notes_on(derivation: Derivation, conclusions: Conclusions) -> Iterator[str]:
    """Yield the notes on an answer; what is said of one of several decisions begins with its name."""
    model, every, none = derivation.model, derivation.completions.all, derivation.completions.none
    say = model.say
    if not derivation.completions.assumes:
        yield say("note_no_assuming")
    if not derivation.completions.all_answered:
        yield say("note_not_all_answered")
    if derivation.completions.worlds is NO_OTHER:
        yield say("note_not_compared")
    decisions = model.decisions or ("",)
    for decision in decisions:
        for note in setting_notes(derivation, conclusions, decision):
            yield say("note_for", model.label("decision", decision), note) if decision else note
    if derivation.possible is not None and model.courses_fact is not None:
        yield say("note_untold", model.courses_fact.label)
    for decision in decisions:
        for note in silence_notes(derivation, conclusions, decision):
            yield say("note_for", model.label("decision", decision), note) if decision else note
    if model.overlays:
        yield from dict.fromkeys(local(derivation))
    for regimen in model.regimens:
        both = conclusions.truth(RECOMMENDED, regimen) & conclusions.truth(EXCLUDED, regimen)
        if both == every:
            yield say("note_both", model.label("regimen", regimen))
        elif both != none and derivation.completions.assumes:
            yield say("note_both_depends", model.label("regimen", regimen))


def setting_notes(derivation: Derivation, conclusions: Conclusions, decision: str) -> Iterator[str]:
    """Yield a note where the setting of a decision is not known, or where there are several."""
    model, every, none = derivation.model, derivation.completions.all, derivation.completions.none
    settings = model.settings_in(decision)
    held = {name: truth for name in settings if (truth := conclusions.truth(SETTING, name)) != none}
    if conclusions.setting(decision) == UNDETERMINED:
        possible = [model.label("setting", name) for name in settings if possibly(derivation, SETTING, name)]
        yield model.say("note_undetermined", model.say("or").join(possible))
    elif len(certain := [name for name, truth in held.items() if truth == every]) > 1:
        yield model.say("note_several_settings", model.say("comma").join(model.label("setting", name) for name in certain))


def silence_notes(derivation: Derivation, conclusions: Conclusions, decision: str) -> Iterator[str]:
    """Yield notes where the text is silent on a decision, or leads nowhere."""
    model = derivation.model
    options = [name for name in model.regimens if model.option_of.get(name, "") == decision]
    if conclusions.setting(decision) == SILENT:
        yield model.say("note_silent")
        for statement, misses in nearest_statements(derivation, decision):
            words = model.say("and_condition").join(misses)
            yield model.say("note_nearest", f"{statement} ({model.annotations[statement].text})", words)
    elif not any(possibly(derivation, RECOMMENDED, regimen) for regimen in options):
        yield from dead_end(derivation, conclusions, decision, options)


def possibly(derivation: Derivation, predicate: str, first: str) -> bool:
    """Tell whether an atom of a predicate and a first argument holds somewhere, or may hold after unknown therapy."""
    values, none = derivation.possible, derivation.completions.none
    values = derivation.values if values is None else values
    return any(values[number] != none for _, number in derivation.program.table.get(predicate, {}).get(first, ()))


def dead_end(derivation: Derivation, conclusions: Conclusions, decision: str, options: Sequence[str]) -> Iterator[str]:
    """Yield a note where regimens are indicated but every one is excluded, or where no rule indicates any."""
    model = derivation.model
    indicated = [model.label("regimen", regimen) for regimen in options if conclusions.held(INDICATED, regimen)]
    if indicated:
        yield model.say("note_dead_end", model.say("and").join(indicated))
    elif any(conclusions.held(SETTING, name) for name in model.settings_in(decision)) and derivation.program.derived:
        yield model.say("note_no_regimen")


def local(derivation: Derivation) -> Iterator[str]:
    """Yield a note for each thing that an overlay holds back or leaves out."""
    model, program = derivation.model, derivation.program
    for number, ground in enumerate(program.rules):
        annotation = model.annotations.get(model.rules[ground.rule].annotation or "")
        head = predicate_of(program.atoms[ground.head])
        if annotation is not None and annotation.kind == "overlay" and derivation.fires(number) and head in LOCAL_EFFECTS:
            yield model.say("note_local", annotation.id, program.phrases[ground.head])


def nearest_statements(derivation: Derivation, decision: str = "") -> list[tuple[str, list[str]]]:
    """Find the statements that come nearest to placing this patient for a decision, each with the conditions it misses.

    The nearest are those that miss the fewest conditions; of one statement the instance that misses fewest counts.
    """
    model, program = derivation.model, derivation.program
    placing = {number: rule.annotation for number, rule in enumerate(model.rules) if predicate_of(rule.head) == PLACES}
    best: dict[str, list[str]] = {}
    own = model.settings_in(decision)
    for number, ground in enumerate(program.rules):
        statement = placing.get(ground.rule)
        if statement is None or derivation.fires(number) or model.annotations[statement].kind != "statement":
            continue
        if arguments_of(program.atoms[ground.head])[0] not in own:
            continue
        misses = [model.say("absence", c.phrase) if c.negated else c.phrase for c in derivation.use(number).blocked_by]
        if statement not in best or len(misses) < len(best[statement]):
            best[statement] = misses
    fewest = min((len(misses) for misses in best.values()), default=0)
    return [(statement, misses) for statement, misses in best.items() if len(misses) <= max(fewest, 2)]
