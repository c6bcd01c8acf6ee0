"""What could change a conclusion: the smallest changes of a record that overturn it, each with what it does so by.

Where something is certain, a change overturns it that leaves it uncertain at least; where it is conditional, one after which
it is impossible.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from reasoner.compiler.model import Variable
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import Assumption
from reasoner.engine.examination import Assigned, Change, Examination
from reasoner.engine.predicates import EXCLUDED, predicate_of
from reasoner.records.encoding import Place, value_for
from reasoner.records.record import ONE_OF

__all__ = ["Changed", "Overturning", "Sought", "overturnings"]

MOST_PARTS = 3
MOST_UNKNOWN = 12
"""Of more facts that are not recorded no two are changed together."""


class Changed(NamedTuple):
    """A part of a change: a variable with its values before and after, None where it is not recorded."""

    variable: Variable
    before: int | None
    after: int


class Overturning(NamedTuple):
    """A smallest change that overturns a conclusion, and the statements, readings and overlays by which it does.

    `lost` tells whether the conclusion rests on what is no longer so, and not on what comes instead; `excludes` whether what
    is denied is excluded then.
    """

    parts: tuple[Changed, ...]
    sources: tuple[str, ...]
    lost: bool
    excludes: bool


class Sought(NamedTuple):
    """Which changes are sought: those of facts that are not `named` already, by what they are about.

    With `needed` only those in which a fact has a part that is sufficient.
    """

    named: Collection[Place] = ()
    needed: bool = False


def overturnings(
    examination: Examination, sufficient: Iterable[Assumption] | None, sought: Sought, certain: bool
) -> tuple[Overturning, ...]:
    """Find what overturns a claim that is `certain`, or conditional; each of the `sufficient` facts has a part in one."""
    about = {(one.fact, one.member, one.course, one.key) for one in sufficient or ()}
    found = list(dict.fromkeys(Changes(examination, about, sought, certain).found()))
    return tuple(Attribution(examination, found, certain).overturnings()) if found else ()


class Changes:
    """Finds the smallest changes that overturn a claim: single ones, and several of which each is needed."""

    def __init__(self, examination: Examination, sufficient: set[Place], sought: Sought, certain: bool) -> None:
        self.examination = examination
        self.completions = completions = examination.completions
        self.variables = examination.completions.variables
        self.kept, self.options = examination.kept, examination.opened.options
        self.sufficient, self.sought, self.certain = sufficient, sought, certain
        unknown = completions.cube([v for v in completions.order if v not in self.kept])
        if certain:
            self.works = (completions.all & ~examination.certain).exists(unknown)
        else:
            self.works = completions.all.exists(unknown) & ~(completions.all & examination.possible).exists(unknown)

    def found(self) -> Iterator[Change]:
        """Yield changes of one fact, of several members of one list, then of several facts."""
        if not self.certain:
            yield from self.of_unknown()
        single = self.examination.smallest_in(self.works, 1)
        if single == ((),):
            return
        yield from (change for change in single if self.is_sought(change[0][0]))
        done = {v for change in single for v, _ in change}
        for change in self.of_lists(done) if not self.sought.needed else ():
            yield change
            done.update(v for v, _ in change)
        for v in self.completions.order:
            place = self.variables[v].place[:4]
            if v in self.kept and v not in done and place in self.sufficient and place not in self.sought.named:
                change = self.smallest_with(v)
                if change:
                    yield change
                    done.update(v for v, _ in change)

    def is_sought(self, v: int) -> bool:
        place = self.variables[v].place[:4]
        return place not in self.sought.named and (not self.sought.needed or place in self.sufficient)

    def of_lists(self, done: set[int]) -> Iterator[Change]:
        """Yield the change of several members of one list, where there is one."""
        lists: dict[str, list[int]] = {}
        for v in self.kept:
            if self.variables[v].member is not None and v not in done:
                lists.setdefault(self.variables[v].fact, []).append(v)
        for members in lists.values():
            if len(members) > 1:
                rest = {v: value for v, value in self.kept.items() if v not in members}
                works = (self.works & self.examination.agreeing(rest)).exists(self.completions.cube(rest))
                found = self.examination.smallest_in(works, len(members))
                yield from found if len(found) == 1 else ()

    def smallest_with(self, v: int) -> Change:
        """Find a smallest change that a variable has a part in; an empty one where it would have too many parts."""
        found = []
        own, choose = self.completions.cube([v]), self.completions.chosen
        without = (self.works & choose(v, self.kept[v])).exists(own)
        for n in self.options[v]:
            works = (self.works & choose(v, n)).exists(own) & ~without
            found += [((v, n), *rest) for rest in self.examination.smallest_in(works, MOST_PARTS - 1)]
        return min(found, key=len, default=())

    def of_unknown(self) -> Iterator[Change]:
        """Yield what can be found out that makes the claim impossible: one fact, or two of which each is needed."""
        completions = self.completions
        space = completions.all & self.examination.agreeing(self.kept)
        holds = space & self.examination.possible
        relevant = {
            v: [n for n in range(len(completions.variables[v].values)) if self.can_be_found(v, n)]
            for v in completions.order
            if v not in self.kept and holds.exists(completions.cube([v])) & space != holds
        }

        def impossible(change: Change) -> bool:
            where = space & self.examination.agreeing(dict(change))
            return bool(where != completions.none and where & holds == completions.none)

        steps = [(v, n) for v, values in relevant.items() for n in values]
        single = [step for step in steps if impossible((step,))]
        yield from ((step,) for step in single)
        known = {v for v, _ in single}
        rest = [step for step in steps if step[0] not in known]
        for change in combinations(rest, 2) if len(relevant) <= MOST_UNKNOWN else ():
            if change[0][0] != change[1][0] and impossible(change):
                yield change

    def can_be_found(self, v: int, number: int) -> bool:
        variable = self.completions.variables[v]
        return variable.fact == ONE_OF or (
            variable.reading is None and value_for(variable, number, self.examination.model) is not None
        )


class Attribution:
    """Finds for changes by which rules they overturn a claim.

    The claim and all that it depends on is evaluated at once in a completion of the record as it is, and one that differs in
    nothing but what was changed if possible, for each change; what differs is followed from the claim to what was changed.
    """

    def __init__(self, examination: Examination, changes: list[Change], certain: bool) -> None:
        self.examination = examination
        self.changes = changes
        self.model = examination.model
        self.program = examination.opened.answering.program
        kept, every = examination.kept, examination.completions.all
        holds, fails = examination.possible, every & ~examination.possible
        if certain:
            holds, fails = examination.certain, every & ~examination.certain
        self.kept = examination.agreeing(kept)
        before, pairs = examination.one_in(holds & every & self.kept, kept), list[Assigned]()
        for change in changes:
            after = self.after(change, fails, before)
            own = {**after, **{v: kept.get(v, before[v]) for v, _ in change}}
            like = certain or holds & every & examination.agreeing(own) != examination.completions.none
            pairs += (own if like else before, after)
        self.values = examination.values_in(pairs)
        self.found: dict[int, dict[str, None]] = {}
        self.seen: set[tuple[int, str]] = set()
        self.bit = 0

    def after(self, change: Change, fails: Truth, before: Assigned) -> Assigned:
        """Choose a completion after a change, as much like the one before as it can be."""
        completions = self.examination.completions
        rest = completions.cube([v for v, _ in change])
        where = fails & self.examination.agreeing(dict(change)) & self.kept.exists(rest)
        return self.examination.one_in(where, {**before, **dict(change)})

    def overturnings(self) -> Iterator[Overturning]:
        variables, kept = self.examination.completions.variables, self.examination.kept
        opened = self.examination.opened
        excluded = [n for n in opened.atoms if opened.claim.denied and predicate_of(self.program.atoms[n]) == EXCLUDED]
        for place, change in enumerate(self.changes):
            self.bit, self.found, self.seen = 2 * place, {}, set()
            for atom in opened.atoms:
                self.follow(atom, "")
            parts = tuple(Changed(variables[v], kept.get(v), n) for v, n in change)
            atoms = dict.fromkeys(atom for part in parts for _, atoms in part.variable.values for atom in atoms)
            told = [n for atom in atoms if (n := self.program.index.get(atom, -1)) in self.found]
            own = told or list(self.found)
            sources = dict.fromkeys(name for atom in own for name in self.found[atom])
            lost = any(self.values[atom] >> self.bit & 1 for atom in told)
            yield Overturning(parts, tuple(sources), lost, any(self.values[atom] >> self.bit + 1 & 1 for atom in excluded))

    def differs(self, atom: int) -> bool:
        return (self.values[atom] >> self.bit & 3) in (1, 2)

    def follow(self, atom: int, source: str) -> None:
        """Follow why an atom holds after a change and not before, or the other way round."""
        if not self.differs(atom) or (atom, source) in self.seen:
            return
        self.seen.add((atom, source))
        if atom < len(self.program.inputs):
            self.found.setdefault(atom, {})[source] = None
        for rule in self.program.supports[atom]:
            conditions = self.program.rules[rule].conditions
            when = self.bit if self.values[atom] >> self.bit & 1 else self.bit + 1
            if all((self.values[c] >> when & 1) != negated for c, negated in conditions):
                own = self.source(rule, source)
                for condition, _ in conditions:
                    self.follow(condition, own)

    def source(self, rule: int, inherited: str) -> str:
        """Name what a rule stands under: the position that it takes, or else what led to it."""
        own = self.model.rules[self.program.rules[rule].rule]
        return own.annotation if own.annotation is not None and (own.role == "position" or not inherited) else inherited
