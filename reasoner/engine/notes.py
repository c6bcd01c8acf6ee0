"""What an answer says besides its conclusions: where the text is silent, contradicts itself or leads nowhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

from reasoner.compiler.model import Fact, GuidelineModel, capitalised
from reasoner.compiler.program import Program
from reasoner.engine.caveats import atoms_of, certain_of
from reasoner.engine.conclusions import SILENT, UNDETERMINED, Conclusions
from reasoner.engine.derivation import Derivation, SeenCondition
from reasoner.engine.joined_names import join_names
from reasoner.engine.phrases import fact_words, member_words
from reasoner.engine.predicates import (
    CONTRAINDICATED,
    EXCLUDED,
    INDICATED,
    PLACES,
    PREFERS,
    RECOMMENDED,
    SETTING,
    arguments_of,
    predicate_of,
)
from reasoner.engine.worlds import NO_OTHER
from reasoner.records.record import Record

__all__ = ["nearest_statements", "not_asked_for", "notes_on", "of_decision", "possible_settings"]

GIVEN = {"course", "last_course", "finished", "reading"}
POSITIONS = {PLACES, INDICATED, PREFERS, CONTRAINDICATED, "caution"}
LOCAL_EFFECTS = ("suppressed", "exclusion_defeated", "waived", "defeated")


def notes_on(derivation: Derivation, conclusions: Conclusions) -> Iterator[str]:
    """Yield the notes on an answer; what is said of one of several decisions begins with its name."""
    model, every, none = derivation.model, derivation.completions.all, derivation.completions.none
    say = model.say
    if not derivation.completions.assumes:
        yield say("note_no_assuming")
    if not derivation.completions.all_answered:
        yield say("note_not_all_answered")
    if not derivation.completions.in_time:
        yield say("note_not_in_time")
    if derivation.completions.worlds is NO_OTHER:
        yield say("note_not_compared")
    decisions = model.decisions or ("",)
    for decision in decisions:
        for note in setting_notes(derivation, conclusions, decision):
            yield of_decision(decision, note, model)
    if derivation.possible is not None and model.courses_fact is not None:
        yield say("note_untold", model.courses_fact.label)
    for decision in decisions:
        for note in silence_notes(derivation, conclusions, decision):
            yield of_decision(decision, note, model)
    if model.overlays:
        yield from dict.fromkeys(local(derivation))
    for regimen in conclusions.names_held(EXCLUDED, conclusions.names_held(RECOMMENDED, model.regimens)):
        both = conclusions.truth(RECOMMENDED, regimen) & conclusions.truth(EXCLUDED, regimen)
        if both == every:
            yield say("note_both", model.label("regimen", regimen))
        elif both != none and derivation.completions.assumes:
            yield say("note_both_depends", model.label("regimen", regimen))


def of_decision(decision: str, text: str, model: GuidelineModel) -> str:
    """Begin what is said of one of several decisions with its name; where there is one alone, it has none."""
    return model.say("note_for", capitalised(model.label("decision", decision)), text) if decision else text


def setting_notes(derivation: Derivation, conclusions: Conclusions, decision: str) -> Iterator[str]:
    """Yield a note where the setting of a decision is not known, or where there are several."""
    model, every = derivation.model, derivation.completions.all
    settings = model.settings_in(decision)
    held = {name: conclusions.truth(SETTING, name) for name in conclusions.names_held(SETTING, settings)}
    if conclusions.setting(decision) == UNDETERMINED:
        yield model.say("note_undetermined", model.say("or").join(possible_settings(derivation, decision)))
    elif len(certain := [name for name, truth in held.items() if truth == every]) > 1:
        yield model.say("note_several_settings", model.say("comma").join(model.label("setting", name) for name in certain))


def possible_settings(derivation: Derivation, decision: str) -> list[str]:
    """Name the settings of a decision that what is not recorded leaves possible."""
    model = derivation.model
    return [model.label("setting", name) for name in model.settings_in(decision) if possibly(derivation, SETTING, name)]


def silence_notes(derivation: Derivation, conclusions: Conclusions, decision: str) -> Iterator[str]:
    """Yield notes where the text is silent on a decision, or leads nowhere."""
    model = derivation.model
    options = [name for name in model.regimens if model.option_of.get(name, "") == decision]
    if conclusions.setting(decision) == SILENT:
        yield model.say("note_silent")
        for near in nearest_statements(derivation, decision):
            misses, met = (model.say("and").join(join_names(words, model)) for words in (near.misses, near.met))
            parts = [model.say("note_nearest", near.statement, model.annotations[near.statement].text, misses)]
            parts += [model.say("note_met", met)] if met else []
            parts += [model.say("note_given", model.say("and").join(join_names(near.given, model)))] if near.given else []
            yield " ".join(parts)
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
    indicated = [model.label("regimen", regimen) for regimen in conclusions.names_held(INDICATED, options)]
    if indicated:
        yield model.say("note_dead_end", model.say("and").join(indicated))
    elif not set(conclusions.names_held(SETTING, model.settings_in(decision))) <= set(model.by_design):
        yield model.say("note_no_regimen")


def local(derivation: Derivation) -> Iterator[str]:
    """Yield a note for each thing that an overlay holds back or leaves out."""
    model, program = derivation.model, derivation.program
    for number, ground in enumerate(program.rules):
        annotation = model.annotations.get(model.rules[ground.rule].annotation or "")
        head = predicate_of(program.atoms[ground.head])
        if annotation is not None and annotation.kind == "overlay" and derivation.fires(number) and head in LOCAL_EFFECTS:
            yield model.say("note_local", annotation.id, program.phrases[ground.head])


class Near(NamedTuple):
    """A statement that comes near to placing a patient, with what it meets and misses, in words.

    `given` names the drugs that what it misses is about and that were given all the same; `against` tells whether it asks
    for the absence of something that is there.
    """

    statement: str
    met: tuple[str, ...]
    misses: tuple[str, ...]
    given: tuple[str, ...]
    against: bool


def nearest_statements(derivation: Derivation, decision: str = "", all_statements: bool = False) -> list[Near]:
    """Find the statements that come nearest to placing this patient for a decision, each with what it meets and misses.

    Near is a statement of which something is met that not every patient meets, or all that it misses is of drugs that were
    given; where there is none, one that asks for something of such a drug; and else one against which something stands. Of
    those that only lack something the nearest are those that miss the fewest conditions, and so of the others; of one
    statement the instance that misses fewest counts. With `all_statements` all are near, and those count that miss two
    conditions at most.
    """
    model, program = derivation.model, derivation.program
    tiers: list[dict[str, Near]] = [{}, {}, {}]
    own, given = model.settings_in(decision), drugs_given(derivation)
    for number, statement, setting in placing_rules(program, model):
        if derivation.fires(number) or setting not in own:
            continue
        use = derivation.use(number)
        met = tuple(c.phrase for c in use.conditions if c.met == "always" and not c.negated and telling(c, model))
        words = tuple(words for c in use.blocked_by for words in unmet(c, derivation))
        against = any(c.negated for c in use.blocked_by)
        reached = [set().union(*(given.get(name, ()) for name in of_therapy(c, model))) for c in use.blocked_by]
        near = all_statements or met or (all(reached) and not against)
        found = tiers[0 if near else 1 if any(reached) else 2]
        if (near or against or any(reached)) and (statement not in found or len(words) < len(found[statement].misses)):
            drugs = tuple(model.label("drug", name) for name in model.drugs if any(name in each for each in reached))
            found[statement] = Near(statement, met, words, drugs, against)
    nearest = list(next(filter(None, tiers), {}).values())
    if all_statements:
        fewest = min((len(one.misses) for one in nearest), default=0)
        return [one for one in nearest if len(one.misses) <= max(fewest, 2)]
    by_kind = {kind: min((len(one.misses) for one in nearest if one.against is kind), default=0) for kind in (False, True)}
    return [one for one in nearest if len(one.misses) == by_kind[one.against]]


def of_therapy(condition: SeenCondition, model: GuidelineModel) -> Sequence[str]:
    """Give what a condition on therapy is about; of another, and of one that asks for an absence, nothing."""
    derived = model.roles[predicate_of(condition.atom)] == "derived"
    return arguments_of(condition.atom) if derived and not condition.negated else ()


@lru_cache(maxsize=64)
def placing_rules(program: Program, model: GuidelineModel) -> list[tuple[int, str, str]]:
    """List the ground rules by which statements place patients, each with its statement and the setting."""
    found = []
    for number, ground in enumerate(program.rules):
        statement, head = model.rules[ground.rule].annotation, program.atoms[ground.head]
        if predicate_of(head) == PLACES and statement is not None and model.annotations[statement].kind == "statement":
            found.append((number, statement, arguments_of(head)[0]))
    return found


def unmet(condition: SeenCondition, derivation: Derivation) -> Iterator[str]:
    """Word what a statement asks for; where it is set aside, that is the absence of what sets it aside."""
    model, program = derivation.model, derivation.program
    if not condition.negated:
        yield condition.phrase
    elif model.roles[predicate_of(condition.atom)] != "position":
        yield model.say("without", condition.phrase)
    else:
        for rule in derivation.firing(program.index[condition.atom], derivation.completions.all):
            for number, negated in program.rules[rule].conditions:
                if not negated and program.roles[number] in ("derived", "patient", "history"):
                    yield model.say("without", program.phrases[number])


def telling(condition: SeenCondition, model: GuidelineModel) -> bool:
    """Tell whether a condition is about this patient's therapy or findings, and not about whom the guideline is about."""
    predicate = predicate_of(condition.atom)
    return model.roles[predicate] in ("derived", "patient") and predicate not in GIVEN


def drugs_given(derivation: Derivation) -> dict[str, set[str]]:
    """Give for each drug that is known to have been given, and for each of their classes, which drugs these are."""
    program, found = derivation.program, dict[str, set[str]]()
    for _, drug in certain_of(derivation, "drug_in"):
        found.setdefault(drug, set()).add(drug)
        for _, first, name in atoms_of(program, "class_of"):
            if first == drug:
                found.setdefault(name, set()).add(drug)
    return found


def not_asked_for(
    derivation: Derivation, conclusions: Conclusions, record: Record, counted: Collection[str | None]
) -> Iterator[str]:
    """Yield a note on what the record tells that decides for others, and that no rule which applies here asks for.

    Facts that are `counted` in a score are asked for.
    """
    model = derivation.model
    if derivation.possible is not None or conclusions.names_held(SETTING, model.by_design):
        return
    told = {
        atom: fact_or_member
        for fact in deciding_facts(model)
        if fact.name not in counted and (value := record.data.get(fact.name))
        for atom, fact_or_member in told_by(fact, value, model)
    }
    for atom in asked_for(derivation, told) if told else ():
        told.pop(atom, None)
        if not told:
            return
    if told:
        words = [
            fact_words(fact.name, record.data[fact.name], model)
            if member is None
            else member_words(fact.name, member, model)
            for fact, member in told.values()
        ]
        yield model.say("note_not_asked_for", model.say("and").join(join_names(words, model)))


def asked_for(derivation: Derivation, told: Collection[str]) -> Iterator[str]:
    """Yield the atoms that rules ask for by which something is concluded, or by which what they ask for is consistent.

    Only what depends on those `told` is followed.
    """
    program, none = derivation.program, derivation.completions.none
    follows, concluding = following(program, frozenset(told))
    pending = [(n, False) for n in concluding if derivation.values[n] != none]
    used, asked = set(pending), set[int]()
    while pending:
        atom, absent = pending.pop()
        if not absent:
            asked.add(atom)
            yield program.atoms[atom]
        rules = program.supports[atom] if absent else derivation.firing(atom, derivation.completions.all)
        for rule in rules:
            for condition, negated in program.rules[rule].conditions:
                if follows[condition] and (not absent or negated == (derivation.values[condition] != none)):
                    own = (condition, negated != absent)
                    if own not in used:
                        used.add(own)
                        pending.append(own)
    for rule in program.inconsistent:
        ruled_out = program.rules[rule].conditions
        if all(condition in asked for condition, negated in ruled_out if not negated):
            more = [condition for condition, negated in ruled_out if negated]
            asked.update(more)
            yield from (program.atoms[condition] for condition in more)


@lru_cache(maxsize=64)
def atoms_behind(program: Program) -> list[int]:
    """Give for each atom itself and all that it depends on, a bit for each."""
    found, before = [1 << number for number in range(len(program.atoms))], list[int]()
    while found != before:
        before = list(found)
        for rule in program.rules:
            for condition, _ in rule.conditions:
                found[rule.head] |= found[condition]
    return found


@lru_cache(maxsize=1024)
def following(program: Program, told: frozenset[str]) -> tuple[bytes, tuple[int, ...]]:
    """Tell for each atom whether it depends on what is looked for to find whether some atoms are asked for.

    That are the atoms themselves, and what they are consistent with. The conclusions that depend on it are numbered too.
    """
    sought, before = sum(1 << program.index[atom] for atom in told if atom in program.index), 0
    while sought != before:
        before = sought
        for rule in program.inconsistent:
            conditions = program.rules[rule].conditions
            if any(negated and sought >> c & 1 for c, negated in conditions):
                sought |= reduce(or_, (1 << c for c, negated in conditions if not negated), 0)
    found = bytes(bool(behind & sought) for behind in atoms_behind(program))
    return found, tuple(number for number in program.concluding if found[number])


def told_by(fact: Fact, value: object, model: GuidelineModel) -> Iterator[tuple[str, tuple[Fact, str | None]]]:
    """Yield the atoms that a recorded fact makes true, each with the fact, and of a list with the member.

    What is so of a typical patient is left out.
    """
    if fact.kind == "boolean" and value is True and model.typical.get(fact.name) != "true":
        yield f"has({fact.name})", (fact, None)
    elif fact.kind == "choice" and isinstance(value, str) and model.typical.get(fact.name) != value:
        yield f"is({fact.name},{value})", (fact, None)
    elif fact.kind == "list" and isinstance(value, list | tuple):
        for member in fact.values:
            if member in value:
                yield f"includes({fact.name},{member})", (fact, member)


@lru_cache(maxsize=16)
def deciding_facts(model: GuidelineModel) -> tuple[Fact, ...]:
    """List the facts by which some rule takes another position than to call for an action."""
    asking: dict[str, set[str]] = {}
    for rule in model.rules:
        for condition in rule.tested:
            name = predicate_of(condition.text)
            for key in (name, f"{name}({next(iter(arguments_of(condition.text)), '')}"):
                asking.setdefault(key, set()).add(predicate_of(rule.head))
    found = []
    for fact in model.facts:
        pending = [head for name in ("has", "is", "includes") for head in asking.get(f"{name}({fact.name}", ())]
        seen = set(pending)
        while pending:
            new = asking.get(pending.pop(), set()) - seen
            seen |= new
            pending += new
        if seen & POSITIONS:
            found.append(fact)
    return tuple(found)
