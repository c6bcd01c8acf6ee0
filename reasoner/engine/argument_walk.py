"""The walk from a conclusion to the record that an argument is made of.

Rules under a statement, a reading or an overlay carry a conclusion; those of the core, and definitions of the guideline, are
passed through to what they rest on. A condition that holds leads to the facts that meet it, one that must not hold to what
could make it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import Assumption
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import CONTRAINDICATED, KNOWN, predicate_of

__all__ = ["Carrier", "Walk"]

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


@lru_cache(maxsize=10_000)
def owners_behind(program: Program, atom: int) -> frozenset[int]:
    """Give the variables that an atom depends on."""
    own = owners(program)
    return frozenset(own[behind] for behind in program.cone([atom]) if behind in own)


class Walk:
    """Walks a derivation from a conclusion to the record, in the completions of `agree`.

    `kept` are the readings that make a difference: what others carry is left to what they interpret. `wanted` are the
    variables with values that are to be named: where several conditions keep a rule from firing, theirs are followed.
    """

    def __init__(self, derivation: Derivation, agree: Truth, kept: Iterable[str], wanted: Iterable[Assumption]) -> None:
        self.derivation = derivation
        self.program = derivation.program
        self.model = derivation.model
        self.agree = agree
        self.kept = frozenset(name.partition("=")[0] for name in kept)
        self.owner = owners(self.program)
        about = {(one.fact, one.member, one.course, one.key) for one in wanted}
        self.wanted = {
            v
            for v, variable in enumerate(self.program.variables)
            if variable.reading is None and variable.place[:4] in about
        }
        self.because: dict[Carrier, dict[int, None]] = {}
        self.indirect: dict[Carrier, dict[int, None]] = {}
        self.blocks: dict[tuple[Carrier, int], None] = {}
        self.excluding: set[tuple[Carrier, int]] = set()
        self.histories: dict[tuple[Carrier, int], None] = {}
        self.seen: set[tuple[int, bool, Carrier]] = set()
        self.closed_atoms: dict[int, bool] = {}

    def carrier(self, rule: int, inherited: Carrier) -> Carrier:
        """Name what carries a rule: its annotation; what leads to it where that is a reading that changes nothing here."""
        name = self.model.rules[self.program.rules[rule].rule].annotation
        if name is None:
            return inherited
        kind, base = self.model.annotations[name].kind, name.partition("=")[0]
        if kind in ("reading", "alternative") and base not in self.kept and inherited:
            return inherited
        return name

    def blocker(self, rule: int, inherited: Carrier) -> Carrier:
        """Name what could rule a conclusion out by a rule: the position that it takes, or what leads to it."""
        own = self.model.rules[self.program.rules[rule].rule]
        return own.annotation if own.annotation is not None and (own.role == "position" or not inherited) else inherited

    def holds(self, atom: int) -> bool:
        return bool(self.derivation.values[atom] & self.agree == self.agree)

    def absent(self, atom: int) -> bool:
        return bool(self.derivation.values[atom] & self.agree == self.derivation.completions.none)

    def decides(self, atom: int, exclusion: int) -> bool:
        """Tell whether an atom makes an exclusion hold whatever else is not recorded."""
        values = self.derivation.values
        return bool(values[atom] & values[exclusion] == values[atom])

    def support(self, atom: int, carrier: Carrier = "", direct: bool = True) -> None:
        """Follow why an atom holds; not `direct` where that keeps something else from holding."""
        if (atom, True, carrier) in self.seen or self.program.roles[atom] in ("catalogue", "reading"):
            return
        self.seen.add((atom, True, carrier))
        if atom < len(self.program.inputs):
            (self.because if direct else self.indirect).setdefault(carrier, {})[atom] = None
            return
        if atom in self.program.aggregates:
            for condition, negated in self.derivation.counted_conditions(atom, True):
                self.follow(condition, negated, carrier, direct)
            return
        for rule in self.followed(atom):
            own = self.carrier(rule, carrier)
            if own and direct:
                self.because.setdefault(own, {})
            for condition, negated in self.program.rules[rule].conditions:
                self.follow(condition, negated, own, direct)

    def followed(self, atom: int) -> list[int]:
        """Choose the rules to follow: of positions all that the text carries, of others the one that needs least."""
        firing = self.derivation.firing(atom, self.agree)
        kinds = {rule: self.kind(rule) for rule in firing}
        if self.program.roles[atom] != "position":
            return sorted(firing, key=lambda r: (kinds[r] == "reading", len(self.program.rules[r].conditions)))[:1]
        stated = [rule for rule in firing if kinds[rule] != "reading"]
        return stated or firing[:1]

    def kind(self, rule: int) -> str:
        """Tell whether a rule stands under a reading that changes nothing here, or under something else."""
        name = self.model.rules[self.program.rules[rule].rule].annotation
        if name is None:
            return ""
        reading = self.model.annotations[name].kind in ("reading", "alternative")
        return "reading" if reading and name.partition("=")[0] not in self.kept else "stated"

    def follow(self, condition: int, negated: bool, carrier: Carrier, direct: bool = True) -> None:
        """Follow why a condition is met; that a fact is not recorded carries by itself."""
        if not negated:
            self.support(condition, carrier, direct)
        elif direct and carrier and predicate_of(self.program.atoms[condition]) == KNOWN:
            self.because.setdefault(carrier, {})[condition] = None
        else:
            self.oppose(condition, carrier)

    def oppose(self, atom: int, block: Carrier, exclusion: int | None = None) -> None:
        """Follow what could make an atom hold that does not; `exclusion` is the exclusion that it leads to."""
        if (atom, False, block) in self.seen or self.program.roles[atom] in ("catalogue", "reading"):
            return
        self.seen.add((atom, False, block))
        if atom < len(self.program.inputs):
            if atom in self.owner:
                self.blocks[block, atom] = None
                if exclusion is not None and self.decides(atom, exclusion):
                    self.excluding.add((block, atom))
            return
        if atom in self.program.aggregates:
            for condition, negated in self.derivation.counted_conditions(atom, False):
                if negated:
                    self.support(condition, block, direct=False)
                else:
                    self.oppose(condition, block, exclusion)
            return
        if predicate_of(self.program.atoms[atom]) == CONTRAINDICATED:
            exclusion = atom
        for rule in self.program.supports[atom]:
            unmet = self.unmet(rule)
            if not unmet:
                continue
            own = self.blocker(rule, block)
            given = [c for c, negated in unmet if not negated and self.closed(c)]
            if given:
                if exclusion is not None and own != block and given[0] >= len(self.program.inputs):
                    self.histories[own, given[0]] = None
                continue
            named = len(self.blocks)
            for condition, negated in self.chosen(unmet):
                if negated:
                    self.support(condition, own, direct=False)
                else:
                    self.oppose(condition, own, exclusion)
            if exclusion is not None and own != block and len(self.blocks) == named and not unmet[0][1]:
                self.histories[own, unmet[0][0]] = None

    def unmet(self, rule: int) -> list[tuple[int, bool]]:
        """List the conditions that keep a rule from firing; none where it can fire, or only data does."""
        never = len(self.program.inputs) + self.program.derived + self.program.always
        found = []
        for condition, negated in self.program.rules[rule].conditions:
            if self.holds(condition) if negated else self.absent(condition):
                if condition >= never or self.program.roles[condition] in ("catalogue", "reading"):
                    return []
                found.append((condition, negated))
        return found

    def chosen(self, unmet: Sequence[tuple[int, bool]]) -> Sequence[tuple[int, bool]]:
        """Choose among the conditions that keep a rule from firing: those that lead to what is wanted, or else the first."""
        named = [own for own in unmet if not self.wanted.isdisjoint(self.variables_behind(own[0]))]
        positive = [own for own in named or unmet if not own[1]]
        return (positive or named or unmet)[:1]

    def variables_behind(self, atom: int) -> frozenset[int]:
        return owners_behind(self.program, atom)

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
