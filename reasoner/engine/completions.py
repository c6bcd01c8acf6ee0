"""The completions of a record: every way in which its unknown facts can turn out.

What holds in some of them is a truth. Where few facts are open a truth is an integer, and bit *i* tells of completion
*i*; where many are, it is a decision diagram. Both have ``&``, ``|`` and ``~``, and compare equal where they are the
same; for what else is asked of them there is `Completions`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import lru_cache
from typing import Any, Self, TypeAlias

from reasoner.compiler.model import Variable
from reasoner.compiler.program import Program
from reasoner.engine.worlds import Worlds, as_recorded, assumable
from reasoner.records.record import OPEN, Record, Told

__all__ = ["AtBase", "Chosen", "Completions", "Inputs", "Truth", "choices_of", "input_numbers", "lay_inputs"]

Truth: TypeAlias = Any
"""The completions in which something holds: an integer, a bit for each, or a decision diagram."""

Chosen = tuple[tuple[int, int], ...]
"""Variables with the numbers of their values."""


class Completions(ABC):
    """All completions of one record, in its own world and in those it is compared with.

    `all` is the truth of what holds in every completion, `none` of what holds in none; `listed` are the completions from
    which entries are listed: all, or where it is unknown which therapy was given those in which none was. `values` gives for
    each open variable and each of its values the completions that agree. `everything` and the truths that are evaluated
    range over all worlds; `base` and `world` take them apart. `order` lists the open variables in the order of assumptions.
    `untold` is the one that tells whether any therapy was given, where nothing is known of it. `assumes` tells whether it
    can be said what a truth assumes, `all_answered` whether it is known that the rules give each completion an answer, and
    `in_time` whether all that is called conditional is known to be possible. `capacity` counts the nodes that its diagrams
    can have, None where truths are none.
    """

    variables: tuple[Variable, ...]
    worlds: Worlds
    everything: Truth
    all: Truth
    none: Truth
    listed: Truth
    values: Mapping[int, tuple[Truth, ...]]
    order: Sequence[int]
    untold: int | None = None
    assumes: bool = True
    all_answered: bool = True
    in_time: bool = True
    capacity: int | None = None

    @property
    def open(self) -> tuple[int, ...]:
        """The variables that are not the same in all completions."""
        return tuple(v for v in sorted(self.values) if self.all not in self.values[v])

    @abstractmethod
    def base(self, truth: Truth) -> Truth:
        """Give what holds in the record's own world."""

    @abstractmethod
    def world(self, truth: Truth, number: int) -> Truth:
        """Give what holds in another world."""

    @abstractmethod
    def at_base(self, truths: Sequence[Truth]) -> Sequence[Truth]:
        """Give truths of all worlds in the record's own."""

    @abstractmethod
    def varying(self, truths: Sequence[Truth], numbers: Iterable[int]) -> dict[int, int]:
        """Find which of some numbered truths differ in another world from the record's own: these worlds, a bit for each."""

    @abstractmethod
    def relevant_variables(self, truth: Truth) -> frozenset[int]:
        """Find the variables that can change `truth`.

        A variable can when changing it in some completion, and with it no more than it forces, changes the truth there. Only
        the completions that are `listed` count, and for `untold` see `by_therapy`.
        """

    @abstractmethod
    def by_therapy(self, truth: Truth) -> bool:
        """Tell whether therapy, of which nothing is known, can change `truth`."""

    @abstractmethod
    def smallest_implicant(self, truth: Truth) -> Chosen:
        """Find the smallest set of values that makes `truth` hold in every completion that agrees with it.

        Of equally small sets the first by the order of the variables, then of their values. There are none where no facts
        decide it, in a guideline with several answers to one completion.
        """

    def outside(self, truth: Truth, other: Truth) -> Truth:
        """Give where `truth` holds and another does not; as far as that can be told, at least."""
        return truth & ~other

    def within(self, truth: Truth) -> Self:
        """Give the completions of `truth` alone, in the record's own world."""
        found = copy(self)
        found.everything = found.all = found.listed = truth
        return found

    def agreeing(self, chosen: Chosen) -> Truth:
        """Give the completions that agree with the chosen values."""
        agree = self.all
        for variable, value in chosen:
            agree = agree & self.values[variable][value]
        return agree


class AtBase(Sequence[Truth]):
    """Truths of all worlds, read in the record's own world as they are asked for."""

    def __init__(self, wide: Sequence[Truth], completions: Completions) -> None:
        self._wide = wide
        self._base = completions.base

    def __len__(self) -> int:
        return len(self._wide)

    def __getitem__(self, number: Any) -> Any:  # noqa: ANN401 (an index alone, where any sequence has slices)
        return self._base(self._wide[number])


class Inputs(ABC):
    """What the input atoms of a program are laid out from: the truths of values, of worlds, and of sets of facts."""

    everything: Truth
    none: Truth

    @abstractmethod
    def value(self, variable: int, number: int) -> Truth:
        """Give where an open variable has one of its values."""

    @abstractmethod
    def in_worlds(self, chosen: int) -> Truth:
        """Give all completions of some worlds, each a bit of a number."""

    @abstractmethod
    def of_set(self, number: int) -> Truth:
        """Give where one of several sets of facts is true."""


def choices_of(told: Told, adopted: tuple[int, ...]) -> tuple[int, ...]:
    """Give the choices of all variables, those of the readings included."""
    return (*adopted, *told.choices[len(adopted) :])


def lay_inputs(
    record: Record, program: Program, adopted: tuple[int, ...], worlds: Worlds, laid: Inputs
) -> tuple[list[Truth], list[Truth]]:
    """Give each input atom the truth of where it holds; and for each reading where it is in force."""
    index, numbers = program.inputs, input_numbers(program)
    inputs, in_force = [laid.none] * len(index), [laid.everything] * len(program.readings)
    for place, reading in enumerate(program.readings):
        if reading in worlds.without:
            in_force[place] = laid.everything & ~laid.in_worlds(1 << worlds.without[reading])
    for number, place in program.removable.items():
        inputs[number] = in_force[place]
    for place, told in enumerate(record.told):
        where = laid.of_set(place)
        held = [index[atom] for atom in told.atoms if atom in index]
        choices = choices_of(told, adopted)
        varied = varied_in(worlds, len(adopted), told.defaulted)
        for variable, choice in enumerate(choices):
            if choice == OPEN:
                for value, atoms in enumerate(numbers[variable]):
                    for number in atoms:
                        inputs[number] = inputs[number] | laid.value(variable, value) & where
            elif variable not in varied:
                held += numbers[variable][choice]
        for number in held:
            inputs[number] = inputs[number] | where
        for number, chosen in deviations(program, worlds, tuple([(v, choices[v]) for v in varied])):
            inputs[number] = inputs[number] | laid.in_worlds(chosen) & where
    return inputs, in_force


@lru_cache(maxsize=1024)
def varied_in(worlds: Worlds, readings: int, defaulted: tuple[int, ...]) -> frozenset[int]:
    """Find the variables of a record that have another value in some world."""
    return frozenset(worlds.changed.keys() & {*range(readings), *defaulted})


@lru_cache(maxsize=64)
def input_numbers(program: Program) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Give for each variable and value the numbers of the input atoms that it makes true."""
    index = program.inputs
    return tuple(
        tuple(tuple(index[atom] for atom in atoms if atom in index) for _, atoms in variable.values)
        for variable in program.variables
    )


@lru_cache(maxsize=1024)
def deviations(program: Program, worlds: Worlds, varied: Chosen) -> tuple[tuple[int, int], ...]:
    """Give the input atoms that hold in some worlds only, each with these as the bits of a number.

    `varied` are variables that have other values in other worlds, with the values that they have in the record's own.
    """
    found: dict[int, int] = {}
    for variable, choice in varied:
        rest = (1 << worlds.count) - 1
        for world, shift in worlds.changed[variable].items():
            value = (choice + shift) % assumable(program.variables[variable])
            rest &= ~(1 << world)
            for number in (*input_numbers(program)[variable][value], *as_recorded(program, variable, value)):
                found[number] = found.get(number, 0) | 1 << world
        for number in input_numbers(program)[variable][choice]:
            found[number] = found.get(number, 0) | rest
    return tuple(found.items())
