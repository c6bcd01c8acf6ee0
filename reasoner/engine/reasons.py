"""The reasons for what a patient is told: each rule that speaks for it, in words."""

from __future__ import annotations

from msgspec import Struct

from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import Conclusions
from reasoner.engine.counting import amount_words
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import SCORE, arguments_of, predicate_of
from reasoner.engine.scores import score_phrase

__all__ = ["FINDING", "Reason", "ReasonWriter"]

FINDING = "{1}"
"""Stands in the text of an action for what of the patient calls for it."""
UNWORDED = {"catalogue", "dosage", "position", "conclusion", "reading"}


class Reason(Struct, frozen=True):
    """One rule's reason: what holds of the patient, and the statement, reading or overlay that makes it count."""

    words: str
    annotation: str

    def __str__(self) -> str:
        return f"{self.words} [{self.annotation}]"


class ReasonWriter:
    """Words the reasons for one record's positions."""

    def __init__(self, derivation: Derivation, conclusions: Conclusions) -> None:
        self.derivation = derivation
        self.program = derivation.program
        self.model = derivation.model
        self.conclusions = conclusions
        self.phrases: dict[tuple[int, Truth], str] = {}

    def reasons(self, predicate: str, first: str, agree: Truth) -> tuple[Reason, ...]:
        """Word each rule that fires for a position by its conditions; the catalogue and other positions are left out."""
        program, joint = self.program, self.model.say("and")
        reasons: dict[Reason, None] = {}
        for support in self.fired(predicate, first, agree):
            ground = program.rules[support]
            rule = self.model.rules[ground.rule]
            words = [
                self.absence(c) if negated else self.with_facts(c, agree)
                for c, negated in ground.conditions
                if program.roles[c] not in UNWORDED
            ]
            annotation = rule.annotation or rule.id
            text = joint.join(words) or (self.model.annotations[annotation].text if rule.annotation else rule.head)
            reasons[Reason(text, annotation)] = None
        return tuple(reasons)

    def finding(self, rule: int, agree: Truth) -> str:
        """Word what of the patient a rule fires for, without the courses of therapy."""
        conditions = self.program.rules[rule].conditions
        found = [c for c, negated in conditions if not negated and self.program.roles[c] in ("derived", "patient")]
        return self.model.say("and").join(self.with_facts(c, agree) for c in found if not self.of_course(c))

    def of_course(self, atom: int) -> bool:
        """Tell whether an atom is about a course."""
        return "whole" in self.model.kinds.get(predicate_of(self.program.atoms[atom]), ())

    def absence(self, atom: int) -> str:
        """Word an atom's absence: a rule fires by it only where it is known, assumed, or taken by default."""
        return self.model.say("without", self.program.phrases[atom])

    def with_facts(self, atom: int, agree: Truth) -> str:
        """Word an atom, followed by what of the record its rules rest on directly; its own arguments are not repeated.

        Of an atom without arguments the facts are enough where each of them is; of one of the shared rules alone, all are.
        """
        found = self.phrases.get((atom, agree))
        if found is None:
            found = self.phrases[atom, agree] = self.shared_facts(atom, agree) or self.own_facts(atom, agree)
        return found

    def own_facts(self, atom: int, agree: Truth) -> str:
        words, facts = self.words(atom, agree), self.facts_behind(atom, agree)
        if not facts:
            return words
        one = len(facts) == 1 or not self.together(atom, agree)
        joined = self.model.say("and" if self.together(atom, agree) else "or").join(facts)
        if predicate_of(self.program.atoms[atom]) != SCORE and not arguments_of(self.program.atoms[atom]):
            return joined if one else words
        return f"{words} ({joined})"

    def together(self, atom: int, agree: Truth) -> bool:
        """Tell whether all rules that conclude an atom do so in all completions of `agree`."""
        return all(self.derivation.fired[support] & agree == agree for support in self.derivation.firing(atom, agree))

    def shared_facts(self, atom: int, agree: Truth) -> str:
        """Word what of the record an atom rests on by rules that no statement has; nothing where it rests on others too."""
        inputs: dict[int, None] = {}
        if (
            atom in self.program.aggregates
            or not arguments_of(self.program.atoms[atom])
            or not self.follow(atom, agree, False, inputs)
        ):
            return ""
        known = all(self.program.roles[n] == "patient" for n in inputs)
        return self.model.say("and").join(self.program.phrases[n] for n in inputs) if known else ""

    def follow(self, atom: int, agree: Truth, absent: bool, inputs: dict[int, None]) -> bool:
        """Collect the inputs by which an atom holds, or is absent; tell whether shared rules alone led there."""
        program, none = self.program, self.derivation.completions.none
        if atom < len(program.inputs):
            if not absent:
                inputs[atom] = None
            return True
        rules = program.supports[atom] if absent else self.derivation.firing(atom, agree)
        if any(self.model.rules[program.rules[rule].rule].annotation is not None for rule in rules):
            return False
        telling = (
            (c, negated != absent)
            for rule in rules
            for c, negated in program.rules[rule].conditions
            if program.roles[c] not in UNWORDED and (self.derivation.values[c] & agree != none) == (negated == absent)
        )
        return all(self.follow(c, agree, lacking, inputs) for c, lacking in telling)

    def words(self, atom: int, agree: Truth) -> str:
        """Word an atom in the completions of `agree`; a score by all values that it has there."""
        text = self.program.atoms[atom]
        if predicate_of(text) != SCORE:
            return self.derivation.phrase(atom, agree)
        name, none = arguments_of(text)[0], self.derivation.completions.none
        values = [int(value) for value, truth, _ in self.conclusions.held(SCORE, name) if truth & agree != none]
        return score_phrase(name, values, self.model)

    def facts_behind(self, atom: int, agree: Truth) -> tuple[str, ...]:
        """Word the recorded facts that the rules of a derived atom rest on directly."""
        program, first = self.program, len(self.program.inputs)
        if atom < first or atom in program.aggregates:
            return ()
        own = set(arguments_of(program.atoms[atom]))
        supports = self.derivation.firing(atom, agree)
        facts = dict.fromkeys(
            program.phrases[c]
            for support in supports
            for c, negated in program.rules[support].conditions
            if c < first
            and not negated
            and program.roles[c] not in UNWORDED
            and own.isdisjoint(arguments_of(program.atoms[c]))
        )
        amounts = {c: None for support in supports for c, _ in program.rules[support].conditions if c in program.aggregates}
        facts |= dict.fromkeys(parts for c in amounts if (parts := amount_words(self.derivation, c, agree)[1]))
        return tuple(facts)

    def fired(self, predicate: str, first: str, agree: Truth) -> list[int]:
        """List the ground rules that conclude a position in all completions that `agree`, or else in some."""
        rules = [
            rule for _, _, atom in self.conclusions.held(predicate, first) for rule in self.derivation.firing(atom, agree)
        ]
        fired = self.derivation.fired
        return [rule for rule in rules if fired[rule] & agree == agree] or rules
