"""What results say: their values, in any of FHIR's types, as sets of values know them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import inf, isfinite

from reasoner.fhir.elements import Coding, Concept, Quantity
from reasoner.fhir.resources import Component
from reasoner.fhir.systems import system_of
from reasoner.fhir.tables import TEXT, UNDECIDED, Tables, Test
from reasoner.fhir.value_sets import Between
from reasoner.fhir.words import amount_in

__all__ = ["Value", "ValueReader"]

Value = str | float | Between
"""What a result says: a value of its set, a number, or that a number lies between two others."""


class ValueReader:
    """Reads values by the sets that tests come in."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def values_of(self, part: Component, tests: Sequence[Test]) -> set[Value] | None:
        """Read what a result and its interpretation say: None where it has no value, nothing where no table knows it."""
        found = self.stated_values(part, tests)
        interpreted = {self.coded_value(concept, tests)[0] for concept in part.interpretation or ()} - {None}
        if found is None and not interpreted:
            return None
        return (found or set()) | {value for value in interpreted if value is not None}

    def stated_values(self, part: Component, tests: Sequence[Test]) -> set[Value] | None:
        """Read the values that a result states, in any of FHIR's types; None where it states none."""
        stated: list[Iterable[Value]] = []
        if part.valueCodeableConcept is not None:
            value, _ = self.coded_value(part.valueCodeableConcept, tests)
            stated.append([] if value is None else [value])
        if part.valueQuantity is not None and part.valueQuantity.value is not None:
            stated.append(self.measured_values(part.valueQuantity.value, part.valueQuantity, tests))
        if part.valueInteger is not None:
            stated.append(self.measured_values(float(part.valueInteger), Quantity(), tests))
        if part.valueBoolean is not None:
            stated.append(self.listed_values("boolean", str(part.valueBoolean).lower(), tests))
        if part.valueRange is not None:
            stated.append(self.values_between(part.valueRange.low, part.valueRange.high, tests))
        if part.valueString is not None:
            stated.append(self.written_values(part.valueString, tests))
        return set(chain.from_iterable(stated)) if stated else None

    def coded_value(self, concept: Concept, tests: Sequence[Test]) -> tuple[str | None, Coding | None]:
        """Read a coded value by its codes, or word for word by its texts where no code is known; with the coding read.

        Where codes and texts give different values, it is undecided.
        """
        by_code: dict[str, Coding | None] = {
            value: coding
            for coding in concept.codings()
            for value in self.listed_values(system_of(coding.system), coding.code or "", tests)
        }
        texts = [(coding.display, coding) for coding in concept.codings()] + [(concept.text, None)]
        for text, read in texts:
            for value in self.listed_values(TEXT, text, tests) if text else ():
                by_code.setdefault(value, read)
        if len(by_code) == 1:
            return next(iter(by_code.items()))
        return (UNDECIDED if by_code else None), concept.first()

    def listed_values(self, system: str, code: str, tests: Sequence[Test]) -> Iterator[str]:
        """Look a value up in the sets of values that tests come in."""
        found = (self.tables.sets.value_of(test.values, system, code) for test in tests)
        return (value for value in found if value is not None)

    def measured_values(self, amount: float, quantity: Quantity, tests: Sequence[Test]) -> Iterator[Value]:
        """Convert an amount to the unit that a set of values is in, or compare it with the ranges of its unit."""
        between = compared(amount, quantity.comparator)
        for test in tests:
            for unit in dict.fromkeys(filter(None, (quantity.code, quantity.unit))) or ("",):
                if (own := self.tables.sets.units.get((test.values, unit))) is not None:
                    yield from converted(between, own.convert)
                    break
                if (said := self.tables.sets.within(test.values, unit, between)) is not None:
                    yield said
                    break

    def lacks_unit(self, part: Component, tests: Iterable[Test]) -> bool:
        """Tell whether a result is an amount in a unit that no set of values of its tests has, though they have others."""
        own = part.valueQuantity
        if own is None or own.value is None:
            return False
        sets, units = self.tables.sets, {own.code or "", own.unit or ""}
        return all(
            sets.has_unit(test.values)
            and not any((test.values, unit) in sets.units or (test.values, unit) in sets.ranges for unit in units)
            for test in tests
        )

    def written_values(self, text: str, tests: Sequence[Test]) -> Iterator[Value]:
        """Read a text that the tables have, or an amount, or two with a dash between, with no other words beside it.

        Words beside an amount say nothing where the amount says nothing: it may be one of something else.
        """
        listed = list(self.listed_values(TEXT, text, tests))
        yield from listed
        found = None if listed else amount_in(text)
        if found is None:
            return
        said = list(self.listed_values(TEXT, found.rest, tests))
        if said or not any(self.tables.sets.texts.phrase(test.values, found.rest) for test in tests):
            low, high = (Quantity(own, comparator=found.sign, unit=found.unit) for own in (found.low, found.high))
            amounts = list(self.values_between(low, high, tests))
            yield from chain(said, amounts) if amounts else ()

    def values_between(self, low: Quantity | None, high: Quantity | None, tests: Sequence[Test]) -> Iterator[Value]:
        """Read what an amount between two others says; nothing where one is missing."""
        if low is None or high is None or low.value is None or high.value is None:
            return
        ends = [*self.measured_values(low.value, low, tests), *self.measured_values(high.value, high, tests)]
        numbers = [own for own in ends if isinstance(own, float)]
        yield from (own for own in ends if not isinstance(own, float))
        if numbers:
            first, last = min(numbers), max(numbers)
            yield first if first == last else Between(first, last)


def compared(amount: float, comparator: str | None) -> Between:
    """Give the numbers that an amount may be, exact or known to one side; any where nobody can tell what its sign means."""
    if comparator is None:
        return Between(amount, amount)
    low = amount if comparator in (">", ">=") else -inf
    high = amount if comparator in ("<", "<=") else inf
    return Between(low, high, low_in=comparator == ">=", high_in=comparator == "<=")


def converted(own: Between, convert: Callable[[float], float]) -> Iterator[Value]:
    """Yield numbers in another unit, or one where they are the same; nothing where they are not numbers any more."""
    low, high = (convert(end) if isfinite(end) else end for end in (own.low, own.high))
    if own.low != own.high:
        yield own._replace(low=low, high=high)
    elif isfinite(low):
        yield low
