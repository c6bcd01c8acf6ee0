"""Compare an answer with others: by other alternatives of readings, without a reading, with other values for defaults."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.compiler.selection import ANY
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import (
    CERTAIN,
    CONDITIONAL,
    SILENT,
    UNDETERMINED,
    Conclusion,
    Conclusions,
    DecisionSetting,
    RankedRegimen,
)
from reasoner.engine.derivation import Derivation
from reasoner.engine.grounds import Grounds
from reasoner.engine.predicates import CAUTIONED, EXCLUDED, RANK, RECOMMENDED, SETTING, STRENGTH
from reasoner.engine.worlds import Worlds
from reasoner.records.record import Record
from reasoner.records.shapes import Shape

__all__ = ["Alternative", "Assumed", "Comparison", "Shift", "Standing"]


class Shift(Shape, frozen=True):
    """The regimens that an alternative adds to a list of the answer, and those that it removes."""

    adds: tuple[str, ...]
    removes: tuple[str, ...]


UNSHIFTED = Shift((), ())
ABSENT = "absent"


class Alternative(Shape, frozen=True, kw_only=True):
    """What another alternative of a reading would change; `setting` is there where it would be another.

    Of several decisions that is the first's; `decisions` has those of the others that would be other ones.
    """

    reading: str
    alternative: str
    setting: str | UnsetType = UNSET
    recommended: Shift
    excluded: Shift
    decisions: tuple[DecisionSetting, ...] | UnsetType = UNSET


class Standing(NamedTuple):
    """Whether a regimen is recommended or excluded for certain, and its rank and strength; 0 and none where it has none."""

    certain: bool
    rank: int
    strength: str


class Assumed(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that a default stands for; `matters` where another value would change the answer."""

    fact: str
    course: int | None = None
    key: str | None = None
    value: bool | str | tuple[str, ...]
    matters: bool


class Comparison:
    """Compares the answer of one derivation with those of other worlds.

    `varying` has for each conclusion that holds otherwise in some worlds these, a bit for each.
    """

    def __init__(self, derivation: Derivation, conclusions: Conclusions) -> None:
        self.derivation = derivation
        self.conclusions = conclusions
        self.completions = derivation.completions
        self.worlds = derivation.completions.worlds
        self.wide = derivation.wide
        self.table = derivation.program.table
        self.whole: dict[int, Truth] = {}
        self.varying = self.completions.varying(self.wide, derivation.program.compared)
        self.open_readings = [v for v in self.completions.order if self.completions.variables[v].reading]

    def readings_of(self, entry: Conclusion | RankedRegimen, grounds: Grounds) -> tuple[str, ...]:
        """List the readings without whose rules an entry would not stand as it does.

        Where that is not known they are those of its `grounds`.
        """
        if not self.worlds.removed:
            return grounds.readings
        return self.named([n for n in self.without((entry.atom,)) if not self.stands(entry, n)])

    def readings_of_recommendation(
        self, entry: RankedRegimen, cautions: Collection[str], grounds: Grounds
    ) -> tuple[str, ...]:
        """List the readings without whose rules a recommendation would not stand with its rank, strength and cautions."""
        if not self.worlds.removed:
            return grounds.readings
        ranks = self.table.get(RANK, {}).get(entry.name, ())
        strengths = self.table.get(STRENGTH, {}).get(entry.name, ())
        cautioned = self.table.get(CAUTIONED, {}).get(entry.name, ())
        atoms = (entry.atom, *(n for rows in (ranks, strengths, cautioned) for _, n in rows))

        def stands_alike(world: int) -> bool:
            def there(rows: Iterable[tuple[str, int]]) -> list[tuple[str, Truth]]:
                return [(name, self.completions.world(self.wide[n], world)) for name, n in rows]

            return (
                self.stands(entry, world)
                and self.conclusions.standing(there(ranks), there(strengths), entry.agree) == (entry.rank, entry.strength)
                and {name for name, truth in there(cautioned) if truth & entry.agree != self.completions.none}
                == set(cautions)
            )

        return self.named([n for n in self.without(atoms) if not stands_alike(n)])

    def without(self, atoms: Iterable[int]) -> list[int]:
        """List the worlds without a reading in which some atom holds otherwise."""
        varying = 0
        for atom in atoms:
            varying |= self.varying.get(atom, 0)
        return places_of_bits(varying & self.worlds.removed)

    def stands(self, entry: Conclusion | RankedRegimen, world: int) -> bool:
        """Tell whether an entry is there in another world under the same assumptions, and no more certain."""
        if entry.certainty == CERTAIN:
            return not self.varying.get(entry.atom, 0) >> world & 1
        truth = self.completions.world(self.wide[entry.atom], world)
        every = self.every(world)
        return bool(truth & entry.agree == every & entry.agree) and truth != every

    def named(self, worlds: Collection[int]) -> tuple[str, ...]:
        """Name readings by the worlds without them, each with its alternative where that is not the default."""
        if not worlds:
            return ()
        readings, chosen = left_out_in(self.worlds), self.derivation.alternatives
        names = [readings[world] for world in worlds]
        return tuple([f"{name}={chosen[name]}" if chosen.get(name, ANY) != ANY else name for name in names])

    def deciding_readings(self, atom: int) -> tuple[str, ...]:
        """List the readings of which another alternative changes whether, or how certainly, something holds.

        One that is left open decides where it can change it.
        """
        worlds = places_of_bits(self.varying.get(atom, 0) & self.worlds.taken)
        found = {taken_in(self.worlds)[n] for n in worlds if self.extent(atom, n) != self.extent(atom, 0)}
        if self.open_readings:
            relevant = self.conclusions.relevant_variables(self.derivation.values[atom])
            found.update(str(self.completions.variables[v].reading) for v in self.open_readings if v in relevant)
        return tuple(name for name in self.derivation.model.alternatives if name in found) if found else ()

    def every(self, world: int) -> Truth:
        """Give all completions of a world."""
        if world not in self.whole:
            self.whole[world] = self.completions.world(self.completions.everything, world)
        return self.whole[world]

    def extent(self, atom: int, world: int) -> str:
        """Tell whether an atom holds in all completions of a world, in some of those that are listed, or in none."""
        truth = self.completions.world(self.wide[atom], world)
        if truth == self.every(world):
            return CERTAIN
        return ABSENT if truth & self.completions.listed == self.completions.none else CONDITIONAL

    def alternatives(self, setting: str) -> Iterator[Alternative]:
        """Yield what each other alternative of a reading would change of the setting and the regimens."""
        settings = {n for rows in self.table.get(SETTING, {}).values() for _, n in rows}
        moved = reduce(or_, (self.varying.get(n, 0) for n in settings), 0)
        recommended, excluded = self.shifts(RECOMMENDED), self.shifts(EXCLUDED)
        for reading, name, world in self.worlds.alternatives:
            other = self.setting_in(world) if moved >> world & 1 else setting
            moves = self.moved_decisions(world) if moved >> world & 1 else ()
            if other != setting or moves or world in recommended or world in excluded:
                yield Alternative(
                    reading=reading,
                    alternative=name,
                    setting=UNSET if other == setting else other,
                    recommended=recommended.get(world, UNSHIFTED),
                    excluded=excluded.get(world, UNSHIFTED),
                    decisions=moves or UNSET,
                )

    def moved_decisions(self, world: int) -> tuple[DecisionSetting, ...]:
        """List the decisions but the first whose settings are other ones in another world."""
        others = self.derivation.model.decisions[1:]
        there = (DecisionSetting(decision, self.setting_in(world, decision)) for decision in others)
        return tuple(own for own in there if own.setting != self.conclusions.setting(own.decision))

    def setting_in(self, world: int, decision: str = "") -> str:
        """Name the setting of a decision in another world."""
        rows, own = self.table.get(SETTING, {}), self.derivation.model.settings_in(decision)
        extents = {name: self.extent(number, world) for name in own for _, number in rows.get(name, ())}
        if CONDITIONAL in extents.values():
            return UNDETERMINED
        return next((name for name, extent in extents.items() if extent == CERTAIN), SILENT)

    def shifts(self, predicate: str) -> dict[int, Shift]:
        """Find which regimens each alternative adds to a list of the answer, and which it removes."""
        rows = self.table.get(predicate, {})
        found: dict[int, tuple[list[str], list[str]]] = {}
        for name in self.derivation.model.regimens:
            for _, number in rows.get(name, ()):
                varying = self.varying.get(number, 0)
                for world in places_of_bits(varying & self.worlds.taken):
                    here, there = self.extent(number, 0) != ABSENT, self.extent(number, world) != ABSENT
                    if here != there:
                        found.setdefault(world, ([], []))[here].append(name)
        return {world: Shift(tuple(adds), tuple(removes)) for world, (adds, removes) in found.items()}

    def standing_in(self, entry: Alternative, predicate: str, regimen: str) -> Standing:
        """Give how certainly a regimen is recommended or excluded under an alternative, and its best rank and strength."""
        taken = (entry.reading, entry.alternative)
        world = next(world for reading, name, world in self.worlds.alternatives if (reading, name) == taken)

        def there(rows: Iterable[tuple[str, int]]) -> list[tuple[str, Truth]]:
            return [(name, self.completions.world(self.wide[n], world)) for name, n in rows]

        ((_, atom),) = self.table[predicate][regimen]
        agree = self.completions.world(self.wide[atom], world)
        ranks, strengths = (there(self.table.get(own, {}).get(regimen, ())) for own in (RANK, STRENGTH))
        found = self.conclusions.standing(ranks, strengths, agree) if predicate == RECOMMENDED else None
        return Standing(self.extent(atom, world) == CERTAIN, *(found or (0, "")))

    def assumed(self, record: Record) -> Iterator[Assumed]:
        """Yield the facts that a default stands for, in their order."""
        defaulted = frozenset(v for told in record.told for v in told.defaulted)
        differing = reduce(or_, self.varying.values(), 0)
        for assumed, worlds in defaults_of(self.derivation.program, self.derivation.model, self.worlds, defaulted):
            yield assumed if worlds is None or differing & worlds else replace(assumed, matters=False)


def places_of_bits(number: int) -> list[int]:
    """List the places of the bits that are set, the lowest first."""
    found = []
    while number:
        found.append((number & -number).bit_length() - 1)
        number &= number - 1
    return found


@lru_cache(maxsize=1024)
def taken_in(worlds: Worlds) -> Mapping[int, str]:
    """Give for each world in which a reading is taken otherwise the reading."""
    return {world: reading for reading, _, world in worlds.alternatives}


@lru_cache(maxsize=1024)
def left_out_in(worlds: Worlds) -> Mapping[int, str]:
    """Give for each world without a reading the reading."""
    return {world: reading for reading, world in worlds.without.items()}


@lru_cache(maxsize=1024)
def defaults_of(
    program: Program, model: GuidelineModel, worlds: Worlds, defaulted: frozenset[int]
) -> tuple[tuple[Assumed, int | None], ...]:
    """List the facts that a default stands for in their order, each with the worlds in which it has another value.

    These are None where it is not known whether another value would change anything.
    """
    values = {fact.name: fact.default_value for fact in model.facts}
    found: dict[tuple[str, int | None, str | None], list[int]] = {}
    for v in sorted(defaulted):
        variable = program.variables[v]
        found.setdefault((variable.fact, variable.course, variable.key), []).append(v)
    listed: list[tuple[Assumed, int | None]] = []
    for (fact, course, key), own in found.items():
        default = values[fact]
        told = Assumed(fact=fact, course=course, key=key, value=False if default is None else default, matters=True)
        compared = all(v in worlds.others for v in own)
        listed.append((told, reduce(or_, (worlds.others[v] for v in own)) if compared else None))
    return tuple(listed)
