"""The complete derivation of an answer: every rule that supports a conclusion and every rule that is kept from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from reasoner.compiler.model import SCOPE, GuidelineModel, Rule
from reasoner.compiler.program import Program
from reasoner.engine.completions import AtBase, Completions, Truth
from reasoner.engine.counting import amount_words
from reasoner.engine.evaluator import Evaluated
from reasoner.engine.grounds import Grounds, grounds_of
from reasoner.engine.predicates import arguments_of, predicate_of
from reasoner.errors import nearest

__all__ = ["Derivation", "Explanation", "RuleUse", "SeenCondition", "State"]

State = Literal["holds", "fails", "recorded", "recorded_absent", "unknown"]
ALWAYS_RECORDED = ("known", "recorded", "lists")


class SeenCondition(msgspec.Struct, frozen=True):
    """A condition of a rule as it stands for one patient.

    `atom` is clingo text and `phrase` its wording. `state` is the atom's: "recorded", "recorded_absent" or "unknown" for
    what a record holds, "holds", "fails" or "unknown" for what is derived. `met` tells in how many completions the
    condition, negation included, is met: "always", "sometimes" or "never".
    """

    atom: str
    phrase: str
    negated: bool
    state: State
    met: str


class RuleUse(msgspec.Struct, frozen=True):
    """An instance of a rule for one patient, with all its conditions; `fires` is "always", "sometimes" or "never"."""

    rule: Rule
    fires: str
    conditions: tuple[SeenCondition, ...]

    @property
    def blocked_by(self) -> tuple[SeenCondition, ...]:
        """The conditions that keep the rule from firing in some completion."""
        return tuple(condition for condition in self.conditions if condition.met != "always")


class Explanation(msgspec.Struct, frozen=True):
    """An atom with every rule that could conclude it: those that fire (somewhere) and those that never do."""

    atom: str
    phrase: str
    state: State
    supports: tuple[RuleUse, ...]
    blocked: tuple[RuleUse, ...]


class Derivation:
    """The derivation of everything that one record's completions conclude.

    `values` holds for every atom of the program, and `fired` for every ground rule, the completions in which it holds or
    fires; `wide` are the values in all worlds. `possible` is where atoms possibly hold where it is not known which
    therapy was given, None otherwise. `alternatives` are those of readings that are not taken by their defaults.
    Explanations are read from them on demand. A derivation never changes.
    """

    __slots__ = (
        "_conditions",
        "_firing",
        "_known",
        "_sources",
        "alternatives",
        "completions",
        "fired",
        "model",
        "possible",
        "program",
        "values",
        "wide",
    )

    def __init__(
        self,
        program: Program,
        model: GuidelineModel,
        completions: Completions,
        evaluated: Evaluated,
        known: frozenset[str],
        sources: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        alternatives: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.alternatives = alternatives
        self.program = program
        self.model = model
        self.completions = completions
        self.wide = evaluated.values
        self.values = completions.at_base(evaluated.values)
        self.fired = AtBase(evaluated.fired, completions)
        self.possible = None if evaluated.possible is None else completions.at_base(evaluated.possible)
        self._known = known
        self._sources = sources
        self._firing: dict[tuple[int, Truth], list[int]] = {}
        self._conditions: dict[tuple[int, bool], SeenCondition] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Derivation) and (self.program.atoms, list(self.values), list(self.fired)) == (
            other.program.atoms,
            list(other.values),
            list(other.fired),
        )

    __hash__ = None  # type: ignore[assignment]

    def truth(self, atom: str) -> Truth:
        """Give the completions in which an atom holds; none for an atom that the guideline does not have."""
        number = self.program.index.get(atom)
        return self.completions.none if number is None else self.values[number]

    def is_in_scope(self) -> bool:
        """Tell whether the guideline is about the patient for certain; no one is told to be where it declares no scope."""
        return bool(self.truth(SCOPE) == self.completions.all)

    def conclusions(self) -> tuple[str, ...]:
        """List the conclusions that hold in some completion, as clingo text."""
        none = self.completions.none
        return tuple(self.program.atoms[number] for number in self.program.concluding if self.values[number] != none)

    def explain(self, atom: str) -> Explanation:
        """Explain an atom, clingo text without spaces, by every rule that could conclude it.

        Raises KeyError, with the nearest atoms, for one that the guideline does not have.
        """
        if atom not in self.program.index:
            raise KeyError(f"{atom}: the guideline has no such atom{nearest(atom, self.program.index)}")
        number = self.program.index[atom]
        if number in self.program.aggregates:
            return self.explain_aggregate(number)
        rules = self.program.supports[number]
        supports = tuple([self.use(rule) for rule in rules if self.fires(rule)])
        blocked = tuple([self.use(rule) for rule in rules if not self.fires(rule)])
        return Explanation(atom, self.program.phrases[number], self.state(number), supports, blocked)

    def explain_aggregate(self, number: int) -> Explanation:
        """Explain a count or sum by what makes it up, or by what does not count towards it; not by partial sums."""
        program, met, state = self.program, self.holds(number), self.state(number)
        rule = next((self.model.rules[program.rules[support].rule] for support in program.supports[number]), None)
        seen = tuple(self.condition(c, negated) for c, negated in self.counted_conditions(number, met))
        uses = () if rule is None else (RuleUse(rule, self.extent(self.values[number]), seen),)
        return Explanation(program.atoms[number], program.phrases[number], state, uses if met else (), () if met else uses)

    def counted_conditions(self, number: int, met: bool) -> list[tuple[int, bool]]:
        """List the conditions under which something counts in some completion; unless `met`, those that prevent it."""
        every, none = self.completions.all, self.completions.none
        found: dict[tuple[int, bool], None] = {}
        for counted in self.program.counted[self.program.aggregates[number]]:
            ways = [
                [(c, negated, every & ~self.values[c] if negated else self.values[c]) for c, negated in w]
                for w in counted.ways
            ]
            for way in ways:
                if met and all(truth != none for _, _, truth in way):
                    found.update(dict.fromkeys((c, negated) for c, negated, _ in way))
                elif not met:
                    found.update(dict.fromkeys((c, negated) for c, negated, truth in way if truth != every))
        return list(found)

    def phrase(self, number: int, agree: Truth = None) -> str:
        """Word an atom: a count or sum with what it amounts to in the completions of `agree`, all where that is None."""
        phrase = self.program.phrases[number]
        if number not in self.program.aggregates:
            return phrase
        value, parts = amount_words(self, number, self.completions.all if agree is None else agree)
        return self.model.say("made_up_of", phrase, value, parts) if parts else self.model.say("labelled", phrase, value)

    def fires(self, rule: int) -> bool:
        """Tell whether a ground rule fires in some completion."""
        return bool(self.fired[rule] != self.completions.none)

    def holds(self, atom: int) -> bool:
        """Tell whether an atom holds in some completion."""
        return bool(self.values[atom] != self.completions.none)

    def use(self, number: int) -> RuleUse:
        """Show one ground rule with all its conditions."""
        ground = self.program.rules[number]
        seen = self._conditions
        conditions = tuple([seen.get(key) or self.condition(*key) for key in ground.conditions])
        return RuleUse(self.model.rules[ground.rule], self.extent(self.fired[number]), conditions)

    def condition(self, atom: int, negated: bool) -> SeenCondition:
        """Show a condition as it stands in all completions."""
        program = self.program
        seen = SeenCondition(program.atoms[atom], self.phrase(atom), negated, self.state(atom), self.met(atom, negated))
        self._conditions[atom, negated] = seen
        return seen

    def met(self, atom: int, negated: bool) -> str:
        """Word in how many completions a condition is met; where therapy is not known, whatever was given."""
        every, value, possible = self.completions.all, self.values[atom], self.possibly(atom)
        certain, perhaps = (every & ~possible, every & ~value) if negated else (value, possible)
        return "always" if certain == every else "never" if perhaps == self.completions.none else "sometimes"

    def possibly(self, atom: int) -> Truth:
        """Give the completions in which an atom holds, or holds after some therapy where it is not known which was given."""
        return self.values[atom] if self.possible is None else self.possible[atom]

    def may_hold(self, atom: str) -> bool:
        """Tell whether an atom, clingo text, holds in some completion or after some therapy that is not known."""
        number = self.program.index.get(atom)
        return number is not None and bool(self.possibly(number) != self.completions.none)

    def extent(self, truth: Truth) -> str:
        """Word in how many completions something holds."""
        if truth == self.completions.all:
            return "always"
        return "never" if truth == self.completions.none else "sometimes"

    def input(self, number: int) -> tuple[str, list[str]]:
        """Give the predicate and the arguments of an input atom."""
        text = self.program.atoms[number]
        return predicate_of(text), arguments_of(text) or [""]

    def state(self, number: int) -> State:
        """Word the state of an atom: see `SeenCondition`."""
        value, none = self.values[number], self.completions.none
        if value not in (none, self.completions.all):
            return "unknown"
        if self.possibly(number) != value:
            return "unknown"
        if number < len(self.program.inputs):
            name, (fact, *_) = self.input(number)
            if self.model.roles[name] == "history" or fact in self._known or name in ALWAYS_RECORDED:
                return "recorded_absent" if value == none else "recorded"
            if value == none and any(f.name == fact and f.default is not None for f in self.model.facts):
                return "unknown"
        return "fails" if value == none else "holds"

    def sources(self, number: int) -> tuple[str, ...]:
        """Tell where the record's facts behind an input atom were read; nothing where the record was given as it is."""
        if not self._sources or number >= len(self.program.inputs):
            return ()
        name, (first, *more) = self.input(number)
        if self.model.roles[name] == "history":
            fact = next(fact.name for fact in self.model.facts if fact.kind == "courses")
            kind = self.model.kinds[name][-1]
            field = f"drugs[{more[0]}]" if kind == "drug" else "outcome" if kind == "outcome" else "".join(more[:1])
            return self._sources.get(f"{fact}[{int(first) - 1}].{field}", ())
        return self._sources.get(f"{first}[{more[0]}]" if more else first) or self._sources.get(first, ())

    def grounds(self, atom: int, agree: Truth, beside: Collection[int] = ()) -> Grounds:
        """Collect what an atom, by its number, rests on in the completions of `agree`: the rules that fire there.

        For overlays what a condition's absence rests on counts too: what keeps the absent atom from holding; for readings
        where it is not known without which of them the atom would not hold. The source's rules `beside` count for all but
        the statements.
        """
        rules, absent = self.chain([atom], agree)
        followed = self.model.overlays or not self.completions.worlds.without
        blockers = {
            condition
            for number in (absent if followed else ())
            for support in self.program.supports[number]
            for condition, negated in self.program.rules[support].conditions
            if negated and self.values[condition] & agree != self.completions.none
        }
        found = grounds_of(self.model, frozenset(rules))
        if not blockers and not beside:
            return found
        own = beyond = grounds_of(self.model, frozenset(rules).union(beside))
        if blockers:
            beyond = grounds_of(self.model, frozenset(rules | self.chain(blockers, agree)[0]).union(beside))
        return msgspec.structs.replace(found, rules=own.rules, readings=beyond.readings, overlays=beyond.overlays)

    def chain(self, atoms: Iterable[int], agree: Truth) -> tuple[set[int], set[int]]:
        """Follow rules that fire back from `atoms`: the source's rules, and the atoms whose absence they ask for."""
        ground_rules, supports = self.program.rules, self.program.supports
        rules: set[int] = set()
        absent: set[int] = set()
        seen = set(atoms)
        pending = list(seen)
        while pending:
            for number in self.firing(pending.pop(), agree):
                ground = ground_rules[number]
                rules.add(ground.rule)
                for condition, negated in ground.conditions:
                    if negated:
                        absent.add(condition)
                    elif condition not in seen:
                        seen.add(condition)
                        if supports[condition]:
                            pending.append(condition)
        return rules, absent

    def firing(self, atom: int, agree: Truth) -> list[int]:
        """List the ground rules that conclude an atom in all completions of `agree`; where none does, those in some."""
        found = self._firing.get((atom, agree))
        if found is None:
            fired, none = self.fired, self.completions.none
            somewhere = {rule: both for rule in self.program.supports[atom] if (both := fired[rule] & agree) != none}
            found = [rule for rule, both in somewhere.items() if both == agree] or list(somewhere)
            self._firing[atom, agree] = found
        return found
