"""The walk from a conclusion to the record that an argument is made of.

Rules under a statement, a reading or an overlay carry a conclusion; those of the core, and definitions of the guideline, are
passed through to what they rest on. A condition that holds leads to the facts that meet it; what could overturn the
conclusion is found otherwise, by changing the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import KNOWN, predicate_of

__all__ = ["Carrier", "Walk", "owners"]

Carrier = str
"""What carries a conclusion: the id of a statement, a reading or an overlay; empty for the core."""


@lru_cache(maxsize=64)
def owners(program: Program) -> dict[int, int]:
    """Give for each input atom that a variable decides the number of the variable."""
    return {
        program.index[atom]: v
        for v, variable in enumerate(program.variables)
        for _, atoms in variable.values
        for atom in atoms
        if atom in program.index
    }


class Walk:
    """Walks a derivation from a conclusion to the record, in the completions of `agree`.

    `kept` are the readings that make a difference: what others carry is left to what they interpret. `because` holds what
    carries the conclusion with the input atoms that meet it, and `leading` what concludes it by itself.
    """

    def __init__(self, derivation: Derivation, agree: Truth, kept: Iterable[str]) -> None:
        self.derivation = derivation
        self.program = derivation.program
        self.model = derivation.model
        self.agree = agree
        self.kept = frozenset(name.partition("=")[0] for name in kept)
        self.owner = owners(self.program)
        self.because: dict[Carrier, dict[int, None]] = {}
        self.leading: dict[Carrier, None] = {}
        self.seen: set[tuple[int, Carrier]] = set()
        self.closed_atoms: dict[int, bool] = {}

    def carrier(self, rule: int, inherited: Carrier) -> Carrier:
        """Name what carries a rule: its annotation; what leads to it where that is a reading that changes nothing here."""
        name = self.model.rules[self.program.rules[rule].rule].annotation
        if name is None or (inherited and not self.carries(name)):
            return inherited
        return name

    def carries(self, name: str) -> bool:
        """Tell whether an annotation carries a conclusion by itself: a reading does where it makes a difference."""
        return self.model.annotations[name].kind not in ("reading", "alternative") or name.partition("=")[0] in self.kept

    def holds(self, atom: int) -> bool:
        return bool(self.derivation.values[atom] & self.agree == self.agree)

    def absent(self, atom: int) -> bool:
        return bool(self.derivation.values[atom] & self.agree == self.derivation.completions.none)

    def support(self, atom: int, carrier: Carrier = "") -> None:
        """Follow why an atom holds."""
        if (atom, carrier) in self.seen or self.program.roles[atom] in ("catalogue", "reading"):
            return
        self.seen.add((atom, carrier))
        if atom < len(self.program.inputs):
            self.because.setdefault(carrier, {})[atom] = None
            return
        if atom in self.program.aggregates:
            for condition, negated in self.derivation.counted_conditions(atom, True):
                self.follow(condition, negated, carrier)
            return
        for rule in self.followed(atom):
            own = self.carrier(rule, carrier)
            if own:
                self.because.setdefault(own, {})
                if not carrier:
                    self.leading[own] = None
            for condition, negated in self.program.rules[rule].conditions:
                self.follow(condition, negated, own)

    def followed(self, atom: int) -> list[int]:
        """Choose the rules to follow: of positions all that the text carries, of others the one that needs least."""
        firing = self.derivation.firing(atom, self.agree)
        idle = {rule: self.is_idle(rule) for rule in firing}
        if self.program.roles[atom] != "position":
            return sorted(firing, key=lambda rule: (idle[rule], len(self.program.rules[rule].conditions)))[:1]
        return [rule for rule in firing if not idle[rule]] or firing[:1]

    def is_idle(self, rule: int) -> bool:
        """Tell whether a rule stands under a reading that changes nothing here."""
        name = self.model.rules[self.program.rules[rule].rule].annotation
        return name is not None and not self.carries(name)

    def follow(self, condition: int, negated: bool, carrier: Carrier) -> None:
        """Follow why a condition is met; that a fact is not recorded carries by itself, other absences do not."""
        if not negated:
            self.support(condition, carrier)
        elif carrier and predicate_of(self.program.atoms[condition]) == KNOWN:
            self.because.setdefault(carrier, {})[condition] = None

    def lacking(self, exclusion: int) -> Iterator[tuple[Carrier, int]]:
        """Yield what an exclusion asks for and is absent, with what asks for it."""
        for rule in self.program.supports[exclusion]:
            name = self.model.rules[self.program.rules[rule].rule].annotation
            for condition, negated in self.program.rules[rule].conditions:
                if name is not None and not negated and self.absent(condition):
                    yield name, condition

    def closed(self, atom: int) -> bool:
        """Tell whether an atom that does not hold could hold only with other drugs or more courses."""
        found = self.closed_atoms.get(atom)
        if found is None:
            self.closed_atoms[atom] = True
            if atom < len(self.program.inputs):
                found = atom not in self.owner and self.program.roles[atom] == "history"
            elif atom in self.program.aggregates:
                found = False
            else:
                supports = self.program.supports[atom]
                found = all(
                    any(not negated and self.absent(c) and self.closed(c) for c, negated in self.program.rules[s].conditions)
                    for s in supports
                )
            self.closed_atoms[atom] = found
        return found
