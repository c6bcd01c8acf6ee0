"""The rule that came nearest to recommending a regimen: what of it is met for a patient, and what is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from reasoner.engine.derivation import Derivation
from reasoner.engine.notes import telling
from reasoner.engine.predicates import INDICATED, PLACES, SCORE, SETTING, arguments_of, ground_atom, predicate_of

__all__ = ["KINDS", "NOWHERE", "Lack", "Nearest", "nearest_rule"]

Kind = Literal["missing", "against", "open"]
KINDS: tuple[Kind, ...] = ("missing", "against", "open")
NOWHERE = -1
"""Stands for an atom that is not part of the program for a history of this length."""


class Lack(NamedTuple):
    """What keeps a rule from firing: what it asks for and is missing, what holds against it, or what is open.

    `atom` is the number of the atom that it is about, or NOWHERE; `words` are those of the atom.
    """

    atom: int
    words: str
    kind: Kind


class Nearest(NamedTuple):
    """The rule that came nearest: what it stands under, the conditions that are met, in words, and what it lacks."""

    annotation: str
    met: tuple[str, ...]
    lacks: tuple[Lack, ...]

    def words(self, kind: Kind) -> tuple[str, ...]:
        """Give the words of the lacks of one kind, each once."""
        return tuple(dict.fromkeys(lack.words for lack in self.lacks if lack.kind == kind))


def nearest_rule(derivation: Derivation, regimen: str) -> Nearest | None:
    """Find the rule that recommends a regimen, or misses the fewest conditions; None where no rule can.

    What can still turn out to fire comes first; then the rules of statements; then those that do not need another statement
    to place the patient; of what misses equally much what meets more.
    """
    program, model, found = derivation.program, derivation.model, []
    for _, indicated in program.table.get(INDICATED, {}).get(regimen, ()):
        for support in program.supports[indicated]:
            annotation = model.rules[program.rules[support].rule].annotation
            if annotation is None or closed(derivation, support):
                continue
            lacks = tuple(dict.fromkeys(lacks_of(derivation, support, annotation)))
            use = derivation.use(support)
            met = dict.fromkeys(
                c.phrase for c in use.conditions if c.met == "always" and not c.negated and telling(c, model)
            )
            never = any(lack.kind != "open" for lack in lacks)
            stated = model.annotations[annotation].kind != "statement"
            elsewhere = any(predicate_of(program.atoms[lack.atom]) == SETTING for lack in lacks if lack.kind != "open")
            nearest = Nearest(annotation, tuple(met), lacks)
            found.append((never, stated, elsewhere, len(lacks), -len(met), support, nearest))
    return min(found)[-1] if found else never_reached(derivation, regimen)


def never_reached(derivation: Derivation, regimen: str) -> Nearest | None:
    """Find the first statement that recommends a regimen, where none of its rules can fire for a history of this length."""
    model, therapy = derivation.model, derivation.model.courses_fact
    kind: Kind = "missing" if derivation.possible is None else "open"
    for rule in model.rules:
        head = rule.head.replace(" ", "")
        if rule.annotation is None or predicate_of(head) != INDICATED or arguments_of(head)[0] != regimen:
            continue
        settings = [arguments_of(c.text.replace(" ", ""))[0] for c in rule.body if predicate_of(c.text) == SETTING]
        words = [model.label("setting", name) for name in settings if name in model.settings]
        if not words and therapy is not None:
            words = [therapy.label]
        return Nearest(rule.annotation, (), (Lack(NOWHERE, model.say("and").join(words), kind),))
    return None


def closed(derivation: Derivation, rule: int) -> bool:
    """Tell whether a rule asks for an alternative of a reading that is not taken."""
    roles = derivation.program.roles
    return any(
        roles[atom] == "reading" and derivation.condition(atom, negated).met == "never"
        for atom, negated in derivation.program.rules[rule].conditions
    )


def lacks_of(derivation: Derivation, rule: int, annotation: str) -> Iterator[Lack]:
    """Yield what keeps a rule under an annotation from firing in some completion."""
    program = derivation.program
    for atom, negated in program.rules[rule].conditions:
        seen = derivation.condition(atom, negated)
        if seen.met == "always" or program.roles[atom] == "reading":
            continue
        if predicate_of(seen.atom) == SETTING and not negated:
            yield from outside(derivation, atom, annotation)
        elif predicate_of(seen.atom) == SCORE and not negated:
            words = allowed_score(derivation, rule, atom)
            yield Lack(atom, words, "open" if seen.met == "sometimes" else "missing")
        elif program.roles[atom] == "position" and not negated:
            yield from min(
                (list(lacks_of(derivation, rule, annotation)) for rule in program.supports[atom]), key=len, default=()
            )
        elif program.roles[atom] == "position":
            yield from against(derivation, atom, "open" if seen.met == "sometimes" else "against")
        elif seen.met == "sometimes":
            yield Lack(atom, derivation.model.say("without", seen.phrase) if negated else seen.phrase, "open")
        else:
            yield Lack(atom, seen.phrase, "against" if negated else "missing")


def allowed_score(derivation: Derivation, rule: int, score: int) -> str:
    """Word the values of a score with which a rule would fire, its other conditions being the same."""
    program, model = derivation.program, derivation.model
    name, _ = arguments_of(program.atoms[score])
    values = {number: int(value) for value, number in program.table[SCORE][name]}
    own, rest = program.rules[rule], {c for c in program.rules[rule].conditions if c[0] not in values}
    allowed = {
        values[atom]
        for other in program.supports[own.head]
        if program.rules[other].rule == own.rule and rest.issubset(program.rules[other].conditions)
        for atom, negated in program.rules[other].conditions
        if atom in values and not negated
    }
    least, greatest = min(allowed), max(allowed)
    bounds = [
        *([model.say("at_least", str(least))] if least > min(values.values()) else []),
        *([model.say("less_than", str(greatest + 1))] if greatest < max(values.values()) else []),
    ]
    if least == greatest or not bounds or allowed != {value for value in values.values() if least <= value <= greatest}:
        return model.say("score_of", model.label(SCORE, name), model.say("or").join(map(str, sorted(allowed))))
    return model.say("labelled", model.label(SCORE, name), model.say("comma").join(bounds))


def against(derivation: Derivation, position: int, kind: Kind) -> Iterator[Lack]:
    """Yield what a position rests on that stands against a rule, or may: of what is open what would have to be so."""
    program, say = derivation.program, derivation.model.say
    for rule in derivation.firing(position, derivation.completions.all):
        for atom, negated in program.rules[rule].conditions:
            sure = derivation.condition(atom, negated).met == "always"
            if program.roles[atom] in ("derived", "patient", "history") and not (kind == "open" and sure):
                words = program.phrases[atom]
                yield Lack(atom, say("without", words) if negated != (kind == "open") else words, kind)


def outside(derivation: Derivation, setting: int, annotation: str) -> Iterator[Lack]:
    """Yield what keeps a patient from a setting.

    That is what the annotation's own ground for it lacks; or else the setting with its grounds, as where a history of which
    nothing is known may bring it, or the setting that takes precedence.
    """
    program, model, every = derivation.program, derivation.model, derivation.completions.all
    name = arguments_of(program.atoms[setting])[0]
    places = [number for _, number in program.table.get(PLACES, {}).get(name, ())]
    if any(derivation.values[number] == every for number in places):
        held = (own for own in model.settings if derivation.truth(ground_atom(SETTING, own)) == every)
        for other in held:
            reached = (number for _, number in program.table[PLACES].get(other, ()) if derivation.values[number] == every)
            words = model.say("setting_applies", model.label("setting", other), ground_words(derivation, reached))
            yield Lack(setting, words, "against")
        return
    supports = [support for number in places for support in program.supports[number] if not closed(derivation, support)]
    own = [support for support in supports if model.rules[program.rules[support].rule].annotation == annotation]
    may_hold = derivation.may_hold(program.atoms[setting])
    if own and not (may_hold and derivation.completions.untold is not None):
        yield from min((list(dict.fromkeys(lacks_of(derivation, support, ""))) for support in own), key=len)
        return
    kind: Kind = "open" if may_hold else "missing"
    grounds = ground_words(derivation, dict.fromkeys(program.rules[support].head for support in supports))
    yield Lack(setting, model.say("setting_with_grounds", model.label("setting", name), grounds), kind)


def ground_words(derivation: Derivation, places: Iterable[int]) -> str:
    """Name the grounds of some placements in a setting."""
    model, atoms = derivation.model, derivation.program.atoms
    return model.say("or").join(dict.fromkeys(model.label("ground", arguments_of(atoms[number])[1]) for number in places))
