"""The completions of a record: every way in which its unknown facts can turn out.

What holds in some of them is a truth. Where few facts are open a truth is an integer, and bit *i* tells of completion *i*;
where many are, it is a decision diagram. Both have ``&``, ``|`` and ``~``, and compare equal where they are the same; for what
else is asked of them there is `Completions`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from reasoner.compiler.model import Variable
from reasoner.compiler.program import Program
from reasoner.engine.worlds import Worlds
from reasoner.records.record import OPEN, Record, Told

__all__ = ["Chosen", "Completions", "Inputs", "Truth", "choices_of", "lay_inputs"]

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
    `untold` is the one that tells whether any therapy was given, where nothing is known of it.
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
    def differing(self, truth: Truth) -> frozenset[int]:
        """List the worlds in which something holds in other completions than in the record's own."""

    @abstractmethod
    def relevant_variables(self, truth: Truth) -> frozenset[int]:
        """Find the variables that can change `truth`.

        A variable can when changing it in some completion, and with it no more than it forces, changes the truth there. Only
        the completions that are `listed` count, and for `untold` see `by_therapy`.
        """

    def by_therapy(self, truth: Truth) -> bool:
        """Tell whether therapy, of which nothing is known, can change `truth`."""
        return False

    @abstractmethod
    def smallest_implicant(self, truth: Truth) -> Chosen:
        """Find the smallest set of values that makes `truth` hold in every completion that agrees with it.

        Of equally small sets the first by the order of the variables, then of their values. There are none where no facts
        decide it, in a guideline with several answers to one completion.
        """

    def agreeing(self, chosen: Chosen) -> Truth:
        """Give the completions that agree with the chosen values."""
        agree = self.all
        for variable, value in chosen:
            agree = agree & self.values[variable][value]
        return agree


class Inputs(ABC):
    """What the input atoms of a program are laid out from: the truths of values, of worlds, and of sets of facts."""

    everything: Truth
    none: Truth

    @abstractmethod
    def value(self, variable: int, number: int) -> Truth:
        """Give where an open variable has one of its values."""

    @abstractmethod
    def in_world(self, number: int) -> Truth:
        """Give all completions of one world."""

    @abstractmethod
    def of_set(self, number: int) -> Truth:
        """Give where one of several sets of facts is true."""


def choices_of(told: Told, adopted: Sequence[int]) -> tuple[int, ...]:
    """Give the choices of all variables, those of the readings included."""
    return (*adopted, *told.choices[len(adopted) :])


@lru_cache(maxsize=64)
def input_numbers(program: Program) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Give for each variable and value the numbers of the input atoms that it makes true."""
    index = program.inputs
    return tuple(
        tuple(tuple(index[atom] for atom in atoms if atom in index) for _, atoms in variable.values)
        for variable in program.variables
    )


def lay_inputs(
    record: Record, program: Program, adopted: Sequence[int], worlds: Worlds, laid: Inputs
) -> tuple[list[Truth], list[Truth]]:
    """Give each input atom the truth of where it holds; and for each reading where it is in force."""
    inputs = [laid.none] * len(program.inputs)
    index, numbers = program.inputs, input_numbers(program)
    for place, told in enumerate(record.told):
        where = laid.of_set(place)
        for atom in told.atoms:
            number = index.get(atom)
            if number is not None:
                inputs[number] = inputs[number] | where
        for variable, choice in enumerate(choices_of(told, adopted)):
            if choice == OPEN:
                for value, atoms in enumerate(numbers[variable]):
                    for atom in atoms:
                        inputs[atom] = inputs[atom] | laid.value(variable, value) & where
                continue
            changed = worlds.changed.get(variable)
            rest = where
            if changed is not None and (variable < len(adopted) or variable in told.defaulted):
                for world, shift in changed.items():
                    deviating = where & laid.in_world(world)
                    rest = rest & ~deviating
                    number = (choice + shift) % assumable_values(program)[variable]
                    for atom in (*numbers[variable][number], *as_recorded(program, variable, number)):
                        inputs[atom] = inputs[atom] | deviating
            for atom in numbers[variable][choice]:
                inputs[atom] = inputs[atom] | rest
    in_force = [
        laid.everything & ~laid.in_world(worlds.without[name]) if name in worlds.without else laid.everything
        for name in program.readings
    ]
    for atom, reading in program.removable.items():
        inputs[atom] = in_force[reading]
    return inputs, in_force


@lru_cache(maxsize=64)
def assumable_values(program: Program) -> tuple[int, ...]:
    """Count for each variable the values that it can be assumed to have."""
    return tuple(sum(value is not None for value, _ in variable.values) for variable in program.variables)


@lru_cache(maxsize=4096)
def as_recorded(program: Program, variable: int, value: int) -> tuple[int, ...]:
    """Number the input atoms by which a record would tell a value in place of a default."""
    known, told = program.variables[variable], program.variables[variable].values[value][0]
    if known.course is not None or known.reading is not None:
        return ()
    said = f"recorded({known.fact},{'list' if known.member is not None else str(told).lower()})"
    listed = (f"lists({known.fact},{known.member})",) if known.member is not None and told else ()
    return tuple(program.inputs[atom] for atom in (f"known({known.fact})", said, *listed) if atom in program.inputs)
