"""What an answer is compared with: other alternatives of its readings, none of a reading's rules, other values for defaults."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from msgspec import UNSET, UnsetType

from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import SILENT, UNDETERMINED, Conclusion, Conclusions, RankedRegimen
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import ACTION, CAUTIONED, EXCLUDED, RANK, RECOMMENDED, SETTING, STRENGTH
from reasoner.records.record import Record
from reasoner.records.shapes import Shape

__all__ = ["Alternative", "Assumed", "Comparison", "Shift"]


class Shift(Shape, frozen=True):
    """The regimens that an alternative adds to a list of the answer, and those that it removes."""

    adds: tuple[str, ...]
    removes: tuple[str, ...]


class Alternative(Shape, frozen=True, kw_only=True):
    """What another alternative of a reading would change; `setting` is there where it would be another."""

    reading: str
    alternative: str
    setting: str | UnsetType = UNSET
    recommended: Shift
    excluded: Shift


class Assumed(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that a default stands for; `matters` where another value would change the answer."""

    fact: str
    course: int | None = None
    key: str | None = None
    value: bool | str | tuple[str, ...]
    matters: bool


class Comparison:
    """Compares the answer of one derivation with those of other worlds."""

    def __init__(self, derivation: Derivation, conclusions: Conclusions) -> None:
        self.derivation = derivation
        self.conclusions = conclusions
        self.completions = derivation.completions
        self.worlds = derivation.completions.worlds
        self.wide = derivation.wide
        self.table = derivation.program.table
        self.reading_in = {world: reading for reading, world in self.worlds.without.items()}

    def readings_of(self, entry: Conclusion | RankedRegimen) -> tuple[str, ...]:
        """List the readings without whose rules an entry would not stand as it does."""
        return self.named(n for n in self.without(entry.atom) if not self.stands(entry, n))

    def readings_of_recommendation(self, entry: RankedRegimen, cautions: Collection[str]) -> tuple[str, ...]:
        """List the readings without whose rules a recommendation would not stand with its rank, strength and cautions."""
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
                and {name for name, truth in there(cautioned) if truth & entry.agree != self.completions.none} == set(cautions)
            )

        return self.named(n for n in {n for atom in atoms for n in self.without(atom)} if not stands_alike(n))

    def without(self, atom: int) -> Iterator[int]:
        """Yield the worlds without a reading in which an atom holds otherwise."""
        return (n for n in self.completions.differing(self.wide[atom]) if n in self.reading_in)

    def stands(self, entry: Conclusion | RankedRegimen, world: int) -> bool:
        """Tell whether an entry is there in another world under the same assumptions, and no more certain."""
        truth = self.completions.world(self.wide[entry.atom], world)
        every = self.completions.world(self.completions.everything, world)
        return bool(truth & entry.agree == every & entry.agree) and (truth == every) == (entry.certainty == "certain")

    def named(self, worlds: Iterable[int]) -> tuple[str, ...]:
        """Name readings by the worlds without them, each with the alternative that is chosen where that is not the default."""
        chosen = self.derivation.alternatives
        names = [self.reading_in[world] for world in sorted(worlds)]
        return tuple(f"{name}={chosen[name]}" if name in chosen else name for name in names)

    def deciding_readings(self, atom: int) -> tuple[str, ...]:
        """List the readings of which another alternative changes whether, or how certainly, something holds.

        One that is left open decides where it can change it.
        """
        differing = self.completions.differing(self.wide[atom])
        here = self.extent(self.wide[atom], 0)
        found = {
            reading
            for reading, _, world in self.worlds.alternatives
            if world in differing and self.extent(self.wide[atom], world) != here
        }
        variables = self.completions.variables
        for v in self.completions.values if self.open_readings else ():
            if variables[v].reading and v in self.conclusions.relevant_variables(self.derivation.values[atom]):
                found.add(str(variables[v].reading))
        return tuple(name for name in self.derivation.model.alternatives if name in found)

    @cached_property
    def open_readings(self) -> bool:
        return any(self.completions.variables[v].reading for v in self.completions.values)

    def extent(self, wide: Truth, world: int) -> str:
        """Tell whether something holds in all completions that are listed in a world, in some, or in none."""
        truth = self.completions.world(wide, world)
        if truth == self.completions.world(self.completions.everything, world):
            return "certain"
        return "none" if truth & self.completions.listed == self.completions.none else "conditional"

    def alternatives(self, setting: str) -> Iterator[Alternative]:
        """Yield what each other alternative of a reading would change of the setting and the regimens."""
        for reading, name, world in self.worlds.alternatives:
            other = self.setting_in(world)
            recommended, excluded = (self.shift(predicate, world) for predicate in (RECOMMENDED, EXCLUDED))
            if other != setting or any((*recommended.adds, *recommended.removes, *excluded.adds, *excluded.removes)):
                yield Alternative(
                    reading=reading,
                    alternative=name,
                    setting=UNSET if other == setting else other,
                    recommended=recommended,
                    excluded=excluded,
                )

    def setting_in(self, world: int) -> str:
        """Name the setting in another world."""
        for name in self.derivation.model.settings:
            for _, number in self.table.get(SETTING, {}).get(name, ()):
                extent = self.extent(self.wide[number], world)
                if extent != "none":
                    return name if extent == "certain" else UNDETERMINED
        return SILENT

    def shift(self, predicate: str, world: int) -> Shift:
        adds, removes = [], []
        for name, rows in self.table.get(predicate, {}).items():
            for _, number in rows:
                if world in self.completions.differing(self.wide[number]):
                    here, there = self.extent(self.wide[number], 0), self.extent(self.wide[number], world)
                    if here == "none" != there:
                        adds.append(name)
                    elif there == "none" != here:
                        removes.append(name)
        order = self.derivation.model.regimens.index
        return Shift(tuple(sorted(adds, key=order)), tuple(sorted(removes, key=order)))

    def assumed(self, record: Record) -> Iterator[Assumed]:
        """Yield the facts that a default stands for, in their order."""
        together: dict[tuple[str, int | None, str | None], list[int]] = {}
        for told in record.told:
            for v in told.defaulted:
                variable = self.completions.variables[v]
                together.setdefault((variable.fact, variable.course, variable.key), []).append(v)
        defaults = {fact.name: fact.default for fact in self.derivation.model.facts}
        order = {fact.name: n for n, fact in enumerate(self.derivation.model.facts)}
        for (fact, course, key), own in sorted(together.items(), key=lambda item: (order[item[0][0]], item[1])):
            default = defaults[fact]
            value: bool | tuple[str, ...] = () if default == "empty" else default == "true"
            matters = any(world in self.mattering for v in own for world in self.worlds.others.get(v, ()))
            yield Assumed(fact=fact, course=course, key=key, value=value, matters=matters)

    @cached_property
    def mattering(self) -> frozenset[int]:
        """The worlds in which the answer is another."""
        found: set[int] = set()
        for predicate in (SETTING, RECOMMENDED, RANK, STRENGTH, EXCLUDED, ACTION):
            for rows in self.table.get(predicate, {}).values():
                for _, number in rows:
                    found |= self.completions.differing(self.wide[number])
        return frozenset(found)
