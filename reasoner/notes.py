"""What an answer says besides its conclusions: where the text is silent, contradicts itself or leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from reasoner.derivation import Derivation

__all__ = ["nearest_statements", "notes_on"]

LOCAL_EFFECTS = ("withheld", "void", "waived", "set_aside")


def notes_on(derivation: Derivation, setting: str, anything: bool) -> Iterator[str]:
    """Yield the notes on an answer; `anything` tells whether something is recommended in some completion."""
    knowledge, every = derivation.knowledge, derivation.worlds.all
    say = knowledge.say
    held = {name: derivation.truth(f"setting({name})") for name in knowledge.settings}
    possible = [knowledge.label("setting", name) for name, truth in held.items() if truth]
    if setting == "undetermined":
        yield say("note_undetermined", say("or").join(possible))
    elif sum(truth == every for truth in held.values()) > 1:
        yield say("note_several_settings", say("comma").join(possible))
    silent = setting == "not_addressed"
    if silent:
        yield say("note_silent")
        for statement, misses in nearest_statements(derivation):
            words = say("and_condition").join(misses)
            yield say("note_nearest", f"{statement} ({knowledge.blocks[statement].text})", words)
    elif not anything:
        yield from dead_end(derivation)
    if any(block.kind == "overlay" for block in knowledge.blocks.values()):
        yield from dict.fromkeys(local(derivation))
    for regimen in knowledge.regimens:
        both = derivation.truth(f"recommended({regimen})") & derivation.truth(f"excluded({regimen})")
        if both == every:
            yield say("note_both", knowledge.label("regimen", regimen))
        elif both:
            yield say("note_both_depends", knowledge.label("regimen", regimen))


def dead_end(derivation: Derivation) -> Iterator[str]:
    """Yield a note where regimens are indicated but every one is excluded."""
    knowledge, program = derivation.knowledge, derivation.program
    indicated = [
        knowledge.label("regimen", regimen)
        for regimen in knowledge.regimens
        if any(derivation.truth(f"indicated({regimen},{strength})") for strength in knowledge.strengths)
    ]
    if indicated:
        yield knowledge.say("note_dead_end", knowledge.say("and").join(indicated))
    elif any(derivation.truth(f"setting({name})") for name in knowledge.settings) and program.derived:
        yield knowledge.say("note_no_regimen")


def local(derivation: Derivation) -> Iterator[str]:
    """Yield a note for each thing that an overlay holds back or leaves out."""
    knowledge, program = derivation.knowledge, derivation.program
    for number, ground in enumerate(program.rules):
        block = knowledge.blocks.get(knowledge.rules[ground.rule].block or "")
        head = program.atoms[ground.head].partition("(")[0]
        if block is not None and block.kind == "overlay" and derivation.fired[number] and head in LOCAL_EFFECTS:
            yield knowledge.say("note_local", block.id, program.phrases[ground.head])


def nearest_statements(derivation: Derivation) -> list[tuple[str, list[str]]]:
    """Find the statements that come nearest to placing this patient, each with the conditions it misses.

    The nearest are those that miss the fewest conditions; of one statement the instance that misses fewest counts.
    """
    knowledge, program = derivation.knowledge, derivation.program
    best: dict[str, list[str]] = {}
    for number, ground in enumerate(program.rules):
        rule = knowledge.rules[ground.rule]
        if not rule.head.startswith("places(") or rule.block is None:
            continue
        if knowledge.blocks[rule.block].kind != "statement" or derivation.fired[number]:
            continue
        misses = [knowledge.say("without", c.phrase) if c.negated else c.phrase for c in derivation.use(number).blocked_by]
        if rule.block not in best or len(misses) < len(best[rule.block]):
            best[rule.block] = misses
    fewest = min((len(misses) for misses in best.values()), default=0)
    return [(statement, misses) for statement, misses in best.items() if len(misses) <= max(fewest, 2)]
