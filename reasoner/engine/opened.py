"""Open a record: lay out its completions, as integers or as diagrams, and all that a program is evaluated on."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from reasoner.compiler.program import Program
from reasoner.engine.bits import BitCompletions, Component, admissible
from reasoner.engine.completions import Completions, Truth, choices_of, lay_inputs
from reasoner.engine.evaluator import Between, Evaluated, Evaluator
from reasoner.engine.memory import capacities
from reasoner.engine.worlds import NO_OTHER, Worlds, own_world, worlds_of
from reasoner.errors import RecordError
from reasoner.records.record import OPEN, Record

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = [
    "MOST_BITS",
    "Opened",
    "admitted_in",
    "components_of",
    "consistent",
    "evaluate",
    "lay_as_diagram",
    "open_as_diagram",
    "open_record",
]

CAPACITY = 2**18
"""The nodes of the diagrams that tell what contradicts itself."""
MOST_BITS = 64
"""A record with more completions is answered with diagrams."""
MOST_TRIED = 1024
"""Where more combinations of facts that constrain each other would have to be tried, diagrams are used."""

Adopted = tuple[int, ...]


class Opened(NamedTuple):
    """A record's completions, the truths of the input atoms of its program, and where each reading is in force.

    `possible` is where the input atoms possibly hold, None where that is known of all.
    """

    completions: Completions
    inputs: list[Truth]
    in_force: list[Truth]
    possible: list[Truth] | None = None


def open_record(record: Record, evaluator: Evaluator, adopted: Adopted, capacity: int, compared: bool = True) -> Opened:
    """Open a record; `adopted` are the choices of the readings, `compared` tells whether in all worlds or in its own alone.

    Diagrams have at most `capacity` nodes. Raises RecordError where the record contradicts
    itself (it has no admissible completion), and MemoryError where a diagram outgrows its capacity.
    """
    program = evaluator.program
    if compared:
        worlds = worlds_of(program, adopted, frozenset(v for told in record.told for v in told.defaulted))
    else:
        worlds = own_world(program, adopted)
    if not record.fewer:
        components = components_of(record, evaluator, adopted, MOST_BITS)
        if components is not None:
            completions = BitCompletions(components, program.variables, worlds)
            return Opened(completions, *lay_inputs(record, program, adopted, worlds, completions))
    return open_as_diagram(record, evaluator, adopted, worlds, capacity)


def components_of(record: Record, evaluator: Evaluator, adopted: Adopted, most: int) -> list[Component] | None:
    """List the components of a record's completions; None where there are more than `most`, or too many to be tried."""
    program = evaluator.program
    choices = choices_of(record.told[0], adopted)
    components: list[Component] = []
    free = [v for v in untied(program) if choices[v] == OPEN]
    if prod(len(program.variables[v].values) for v in free) > most:
        return None
    for group in program.constraint_components:
        if prod(len(program.variables[v].values) for v in group if choices[v] == OPEN) > MOST_TRIED:
            return None
        component = admissible(record, evaluator, group, choices)
        if not component.assignments:
            refuse(record, evaluator, CAPACITY)
        if component.variables:
            components.append(component)
    for variable in free:
        components.append(Component((variable,), tuple((n,) for n in range(len(program.variables[variable].values)))))
    return components if prod(len(component.assignments) for component in components) <= most else None


@lru_cache(maxsize=64)
def untied(program: Program) -> tuple[int, ...]:
    """List the variables that no constraint ties to others."""
    tied = {v for group in program.constraint_components for v in group}
    return tuple(v for v in range(len(program.variables)) if v not in tied)


class Laid(NamedTuple):
    """A record laid out as diagrams, before what is inconsistent is left out.

    `untold` is where some therapy was given and nothing of it is known, None where it is known; `broken` is where each rule
    that says what is inconsistent certainly fires.
    """

    completions: DiagramCompletions
    inputs: list[Truth]
    in_force: list[Truth]
    possible: list[Truth] | None
    untold: Truth | None
    broken: list[Truth]


def lay_as_diagram(record: Record, evaluator: Evaluator, adopted: Adopted, worlds: Worlds, capacity: int) -> Laid:
    from reasoner.engine.diagrams import DiagramCompletions
    from reasoner.engine.managers import manager_of

    program = evaluator.program
    completions = DiagramCompletions(record, program, adopted, worlds, manager_of(capacity))
    inputs, in_force = lay_inputs(record, program, adopted, worlds, completions)
    untold = unknown_therapy(record, program, completions)
    possible = None if untold is None else possible_inputs(inputs, untold, program)
    broken = violations(evaluator, inputs, possible, completions.everything)
    return Laid(completions, inputs, in_force, possible, untold, broken)


def open_as_diagram(record: Record, evaluator: Evaluator, adopted: Adopted, worlds: Worlds, capacity: int) -> Opened:
    laid = lay_as_diagram(record, evaluator, adopted, worlds, capacity)
    opened = admitted_in(laid)
    if opened.completions.all == laid.completions.none:
        refuse(record, evaluator, capacity)
    if laid.untold is not None:
        laid.completions.list_untreated(laid.untold)
    return opened


def admitted_in(laid: Laid) -> Opened:
    """Leave out what is inconsistent."""
    completions, possible = laid.completions, laid.possible
    admitted = completions.everything
    for where in laid.broken:
        admitted = admitted & ~where
    completions.admit(admitted)
    admitted = completions.everything
    return Opened(
        completions,
        [truth & admitted for truth in laid.inputs],
        [truth & admitted for truth in laid.in_force],
        None if possible is None else [truth & admitted for truth in possible],
    )


def unknown_therapy(record: Record, program: Program, completions: DiagramCompletions) -> Truth | None:
    """Give where some therapy was given and nothing of it is known; None where it is known in every set of facts."""
    if all(told.courses is not None for told in record.told):
        return None
    therapy = next(v for v, variable in enumerate(program.variables) if variable.tells_therapy)
    found = completions.none
    for place, told in enumerate(record.told):
        if told.courses is None:
            found = found | completions.of_set(place) & completions.value(therapy, 1)
    return found


def possible_inputs(inputs: list[Truth], untold: Truth, program: Program) -> list[Truth]:
    """Give where input atoms possibly hold: of a history of which nothing is known any, but that it has a course."""
    return [
        truth | untold if program.roles[number] == "history" and program.atoms[number] != "course(1)" else truth
        for number, truth in enumerate(inputs)
    ]


def violations(evaluator: Evaluator, inputs: list[Truth], possible: list[Truth] | None, everything: Truth) -> list[Truth]:
    """Give where each rule that says what is inconsistent certainly fires."""
    if possible is None:
        return evaluator.violations(inputs, everything)
    broken = evaluator.violations(list(map(Between, inputs, possible)), Between(everything, everything))
    return [between.certain for between in broken]


def evaluate(opened: Opened, evaluator: Evaluator) -> Evaluated:
    """Evaluate a program on an opened record."""
    everything = opened.completions.everything
    if opened.possible is None:
        return Evaluated(*evaluator.evaluate(opened.inputs, everything, opened.in_force))
    values, fired = evaluator.evaluate(
        list(map(Between, opened.inputs, opened.possible)),
        Between(everything, everything),
        [Between(truth, truth) for truth in opened.in_force],
    )
    return Evaluated(
        [value.certain for value in values], [value.certain for value in fired], [value.possible for value in values]
    )


def consistent(record: Record, evaluator: Evaluator, adopted: Adopted) -> None:
    """Check that a record has a completion; raises RecordError, with what it breaks, where it has none.

    Where no diagram can hold it, that is left to be found when it is answered.
    """
    if not record.fewer and components_of(record, evaluator, adopted, MOST_BITS) is not None:
        return
    for capacity in capacities():
        with suppress(MemoryError):
            open_record(record, evaluator, adopted, capacity, compared=False)
            return


def refuse(record: Record, evaluator: Evaluator, capacity: int) -> NoReturn:
    """Say what in the record contradicts itself: what is left over of the constraints that can all be kept together."""
    program = evaluator.program
    adopted = tuple(0 for variable in program.variables if variable.reading is not None)
    laid = lay_as_diagram(record, evaluator, adopted, NO_OTHER, capacity)
    kept, reasons = laid.completions.everything, dict[str, None]()
    for rule, where in zip(program.inconsistent, laid.broken, strict=True):
        if kept & ~where == laid.completions.none:
            reasons[program.phrases[program.rules[rule].head]] = None
        else:
            kept = kept & ~where
    raise RecordError("the record contradicts itself: " + "; ".join(reasons))
