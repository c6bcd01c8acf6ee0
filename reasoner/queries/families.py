"""Families of sets of steps as diagrams, so that very many sets can be found, compared and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["NONE", "UNIT", "Families", "Family", "Field", "Step"]


class Step(NamedTuple):
    """A part of a change: something gets a value.

    `fact`, `course` and `key` number what is set, in the order in which facts are listed. `member` numbers a member of a
    list; -1 says that an unknown list is told, with no more members than other steps name. `value` numbers the value.
    """

    fact: int
    course: int
    key: int
    member: int
    value: int

    @property
    def place(self) -> tuple[int, int, int, int]:
        """What gets the value."""
        return self.fact, self.course, self.key, self.member

    @property
    def field(self) -> tuple[int, int, int]:
        """The key of a record that it is part of: members of a list share it."""
        return self.fact, self.course, self.key


Field = tuple[int, int, int]


class Family:
    """A family of sets: those `without` a step, and those with it, which are `within` less the step.

    Steps come in their order. Families that are equal are one object.
    """

    __slots__ = ("step", "within", "without")

    def __init__(self, step: Step, without: Family, within: Family) -> None:
        self.step = step
        self.without = without
        self.within = within


class End(Family):
    """A family without steps."""

    __slots__ = ()

    def __init__(self) -> None:
        pass


NONE: Family = End()
"""No set at all."""
UNIT: Family = End()
"""The empty set alone."""


Begun = tuple[tuple[Step, ...], Family]
"""Steps, and the family of those that can follow them."""


class Families:
    """Makes families and works with them."""

    def __init__(self) -> None:
        self._made: dict[tuple[Step, Family, Family], Family] = {}
        self._apart: dict[tuple[Family, Family], Family] = {}
        self._counts: dict[Family, int] = {NONE: 0, UNIT: 1}
        self._sizes: dict[tuple[Family, bool], frozenset[int]] = {}

    def either(self, step: Step, without: Family, within: Family) -> Family:
        """Give the sets of `without`, and those of `within` with a step that comes before all of theirs."""
        if within is NONE:
            return without
        key = (step, without, within)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = Family(*key)
        return found

    def apart(self, family: Family, other: Family) -> Family:
        """Give the sets of a family that include no set of another."""
        if family is NONE or other is NONE:
            return family
        if other is UNIT or family is other:
            return NONE
        if family is UNIT:
            while not isinstance(other, End):
                other = other.without
            return NONE if other is UNIT else UNIT
        key = (family, other)
        found = self._apart.get(key)
        if found is None:
            if family.step < other.step:
                found = self.either(family.step, self.apart(family.without, other), self.apart(family.within, other))
            elif other.step < family.step:
                found = self.apart(family, other.without)
            else:
                within = self.apart(self.apart(family.within, other.within), other.without)
                found = self.either(family.step, self.apart(family.without, other.without), within)
            self._apart[key] = found
        return found

    def count(self, family: Family) -> int:
        """Count the sets of a family."""
        found = self._counts.get(family)
        if found is None:
            found = self._counts[family] = self.count(family.without) + self.count(family.within)
        return found

    def in_order(self, family: Family) -> Iterator[tuple[Step, ...]]:
        """Yield the sets of a family: those of fewer keys first, then by what they set, then by the values."""
        for size in sorted(self.sizes(family, None)):
            yield from self.of_size([((), family)], size)

    def sizes(self, family: Family, field: Field | None) -> frozenset[int]:
        """Give how many keys the sets of a family have, beside one that has been counted."""
        if isinstance(family, End):
            return frozenset((0,) if family is UNIT else ())
        key = (family, family.step.field == field)
        found = self._sizes.get(key)
        if found is None:
            own = 0 if key[1] else 1
            within = (size + own for size in self.sizes(family.within, family.step.field))
            found = self._sizes[key] = self.sizes(family.without, field).union(within)
        return found

    def of_size(self, begun: Sequence[Begun], size: int) -> Iterator[tuple[Step, ...]]:
        """Yield the sets that go on from steps at the same places and have so many keys more."""
        further: dict[tuple[int, int, int, int], list[Begun]] = {}
        field = begun[0][0][-1].field if begun[0][0] else None
        for steps, rest in begun:
            while not isinstance(rest, End):
                if size - (rest.step.field != field) in self.sizes(rest.within, rest.step.field):
                    further.setdefault(rest.step.place, []).append(((*steps, rest.step), rest.within))
                rest = rest.without
            if rest is UNIT and size == 0:
                yield steps
        for place in sorted(further):
            yield from self.of_size(further[place], size - (place[:3] != field))
