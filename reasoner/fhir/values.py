"""What results say: their values, in any of FHIR's types, as sets of values know them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import inf

from reasoner.fhir.elements import Coding, Concept, Quantity
from reasoner.fhir.resources import Component
from reasoner.fhir.systems import system_of
from reasoner.fhir.tables import TEXT, UNDECIDED, Tables, Test
from reasoner.fhir.words import amount_in

__all__ = ["ValueReader"]


class ValueReader:
    """Reads values by the sets that tests come in."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def values_of(self, part: Component, tests: Sequence[Test]) -> set[str | float] | None:
        """Read what a result and its interpretation say: None where it has no value, nothing where no table knows it."""
        found = self.stated_values(part, tests)
        interpreted = {self.coded_value(concept, tests)[0] for concept in part.interpretation or ()} - {None}
        if found is None and not interpreted:
            return None
        return (found or set()) | {value for value in interpreted if value is not None}

    def stated_values(self, part: Component, tests: Sequence[Test]) -> set[str | float] | None:
        """Read the values that a result states, in any of FHIR's types; None where it states none."""
        stated: list[Iterable[str | float]] = []
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
        found = (self.tables.value_of(test.values, system, code) for test in tests)
        return (value for value in found if value is not None)

    def measured_values(self, amount: float, quantity: Quantity, tests: Sequence[Test]) -> Iterator[str | float]:
        """Compare an amount with the ranges of its unit, or convert it to the unit that a set of values is in."""
        for test in tests:
            for unit in dict.fromkeys(filter(None, (quantity.code, quantity.unit))) or ("",):
                factor = self.tables.units.get((test.values, unit))
                if factor is not None and quantity.comparator is None:
                    yield round(amount * factor, 3)
                    break
                ranges = self.tables.range_of(test.values, unit)
                within = [value for sign, bound, value in ranges if is_within(amount, quantity.comparator, sign, bound)]
                if within:
                    yield within[0]
                    break

    def written_values(self, text: str, tests: Sequence[Test]) -> Iterator[str | float]:
        """Read a text that the tables have, or an amount, or two with a dash between, with no other words beside it.

        Words beside an amount say nothing where the amount says nothing: it may be one of something else.
        """
        listed = list(self.listed_values(TEXT, text, tests))
        yield from listed
        found = None if listed else amount_in(text)
        if found is None:
            return
        said = list(self.listed_values(TEXT, found.rest, tests))
        if said or not any(self.tables.texts.phrase(test.values, found.rest) for test in tests):
            low, high = (Quantity(own, comparator=found.sign, unit=found.unit) for own in (found.low, found.high))
            amounts = list(self.values_between(low, high, tests))
            yield from chain(said, amounts) if amounts else ()

    def values_between(self, low: Quantity | None, high: Quantity | None, tests: Sequence[Test]) -> Iterator[str | float]:
        """Read what amounts between two others say: the middle, or all that the two say; nothing where one is missing."""
        if low is None or high is None or low.value is None or high.value is None:
            return
        ends = [*self.measured_values(low.value, low, tests), *self.measured_values(high.value, high, tests)]
        numbers = [own for own in ends if isinstance(own, float)]
        yield from (own for own in ends if not isinstance(own, float))
        if numbers:
            yield sum(numbers) / len(numbers)


def is_within(amount: float, comparator: str | None, sign: str, bound: float) -> bool:
    """Tell whether an amount, exact or known to one side, certainly lies within the range that a sign and a bound give."""
    low = amount if comparator in (None, ">", ">=") else -inf
    high = amount if comparator in (None, "<", "<=") else inf
    if sign == "=":
        return low == high == bound
    if sign == ">=":
        return low >= bound
    return high < bound or (high == bound and comparator == "<")
