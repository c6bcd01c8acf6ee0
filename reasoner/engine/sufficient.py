"""Sufficient facts: a smallest set of what a record tells that makes a conclusion certain whatever the rest is.

All that the record tells is opened at once, besides what it leaves open anyway, and evaluated on decision diagrams; the set
is the smallest one of the record's own values under which the conclusion holds in every completion. The drugs of recorded
courses stay given, and so do defaults. What rules conclude from a record's telling a fact at all holds where the fact is in
the set, or where the record tells it as it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec import structs

from reasoner.compiler.model import GuidelineModel, Variable
from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import Assumption, assumption_of
from reasoner.engine.evaluator import Between, Evaluator
from reasoner.engine.memory import capacities
from reasoner.engine.opened import Opened, open_as_diagram
from reasoner.engine.predicates import arguments_of, ground_atom, predicate_of
from reasoner.engine.untold import after_untold_therapy, bounds_by_therapy
from reasoner.engine.worlds import NO_OTHER
from reasoner.records.record import OPEN, Record, Told, parse_record

if TYPE_CHECKING:
    from reasoner.engine.answer import Answer
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["Asked", "Claim", "OpenedRecord", "sufficient_facts"]

TELLS = ("known", "recorded", "lists")
"""The predicates that say what a record tells; the first argument is the fact."""


class Asked(NamedTuple):
    """What an answer was asked of: a record, the evaluators for numbers of courses, and the choices of the readings.

    `again` answers the record again.
    """

    record: Record
    evaluator: Callable[[int, bool], Evaluator]
    adopted: tuple[int, ...]
    again: Callable[[Record], Answer]


class Claim(NamedTuple):
    """What is to be certain: that one of some atoms, as clingo text, holds; or where `denied` that none does."""

    atoms: tuple[str, ...]
    denied: bool = False


def sufficient_facts(asked: Asked, claim: Claim, model: GuidelineModel) -> tuple[Assumption, ...] | None:
    """Find a smallest set of what the record tells that makes a claim certain; of equally small sets the first.

    None where the guideline depends on itself through negation, where diagrams outgrow their capacity, or where nothing
    makes the claim certain.
    """
    needed = untreated(asked, claim, model) if model.recursive is None else None
    for capacity in capacities() if model.recursive is None else ():
        try:
            found = found_in(OpenedRecord(asked, claim, model, given=needed is not None), capacity)
        except MemoryError:
            continue
        if found is None or needed is None:
            return found
        places = {fact.name: place for place, fact in enumerate(model.facts)}
        return tuple(sorted((*found, needed), key=lambda one: places[one.fact]))
    return None


def untreated(asked: Asked, claim: Claim, model: GuidelineModel) -> Assumption | None:
    """Give that no therapy was given, where a record tells it and a claim cannot be certain without that."""
    told = without_therapy(asked.record, model)
    if told is asked.record:
        return None
    program = asked.evaluator(told.courses, told.fewer).program
    atoms = [program.index[atom] for atom in claim.atoms if atom in program.index]
    bounds = after_untold_therapy(program, atoms, told, asked.adopted)
    if bounds is None:
        return None
    certain = not any(own.possible for own in bounds) if claim.denied else any(own.certain for own in bounds)
    therapy = next(variable for variable in program.variables if variable.tells_therapy)
    return None if certain else assumption_of(therapy, 0)


def without_therapy(record: Record, model: GuidelineModel) -> Record:
    """Leave it open whether any therapy was given where a record tells that none was."""
    fact = model.courses_fact
    if fact is None or record.data.get(fact.name) not in ([], ()):
        return record
    return parse_record({**record.data, fact.name: None}, model)


def found_in(opened: OpenedRecord, capacity: int) -> tuple[Assumption, ...] | None:
    laid = open_as_diagram(opened.record, opened.evaluator, opened.adopted, NO_OTHER, capacity)
    completions, truth = cast("DiagramCompletions", laid.completions), opened.truth(laid)
    chosen = completions.smallest_among(truth, opened.recorded)
    if chosen is None:
        return None
    assert completions.agreeing(chosen) & ~truth == completions.none
    variables = opened.evaluator.program.variables
    return tuple(assumption_of(variables[v], value) for v, value in chosen)


@lru_cache(maxsize=256)
def inputs_behind(program: Program, atoms: tuple[int, ...]) -> frozenset[str]:
    """Collect the input atoms on which some atoms depend, or which records are consistent."""
    behind = program.cone((*atoms, *(program.rules[rule].head for rule in program.inconsistent)))
    return frozenset(atom for atom, number in program.inputs.items() if number in behind)


class OpenedRecord:
    """A record with all open that it tells and that a claim can depend on.

    Where therapy is `given`, that none was given stays told. `recorded` holds for each variable that the record tells the
    number of the value that it has there. `answering` evaluates the same rules as `evaluator`, whose program has variables
    of this record's own.
    """

    def __init__(self, asked: Asked, claim: Claim, model: GuidelineModel, given: bool = False) -> None:
        self.model = model
        self.claim = claim
        self.adopted = asked.adopted
        self.data = asked.record.data
        self.record = asked.record if given else without_therapy(asked.record, model)
        self.untreated = self.record is not asked.record
        evaluator = asked.evaluator(self.record.courses, self.record.fewer)
        program = evaluator.program
        self.atoms = [program.index[atom] for atom in claim.atoms if atom in program.index]
        self.read = inputs_behind(program, tuple(self.atoms))
        self.telling = frozenset(arguments_of(atom)[0] for atom in self.read if predicate_of(atom) in TELLS)
        self.recorded: dict[int, int] = {}
        self.answering = evaluator
        self.evaluator = self.opened(evaluator)

    def truth(self, laid: Opened) -> Truth:
        """Give where the claim certainly holds."""
        everything, none = laid.completions.everything, laid.completions.none
        if laid.possible is None:
            certain = possible = self.answering.truths(self.atoms, laid.inputs, everything)
        else:
            between = self.between(laid, laid.possible)
            certain, possible = [value.certain for value in between], [value.possible for value in between]
        if self.claim.denied:
            return everything & ~reduce(or_, possible, none)
        return reduce(or_, certain, none)

    def between(self, laid: Opened, possible: list[Truth]) -> list[Between]:
        """Give where the atoms of the claim certainly and possibly hold, where it is not known which therapy was given."""
        everything = laid.completions.everything
        program = self.answering.program
        if program.loops or len(self.record.told) != 1:
            inputs = list(map(Between, laid.inputs, possible))
            return self.answering.truths(self.atoms, inputs, Between(everything, everything))
        return bounds_by_therapy(program, tuple(self.atoms), laid.inputs, everything)

    def opened(self, evaluator: Evaluator) -> Evaluator:
        """Open what is told; give the evaluator of a program whose variables have the values that are told apart."""
        program = evaluator.program
        variables, told = self.with_listed(program)
        gone = {atom for v in variables[len(program.variables) :] for atom in v.values[0][1]}
        for place, variable in enumerate(variables):
            value = told[0].choices[place]
            if value != OPEN and self.tells(variable) and not self.read.isdisjoint(self.atoms_of(variable)):
                self.recorded[place] = value
                if variable.fact in self.telling and variable.course is None:
                    said = tuple(atom for atom in told[0].atoms if self.says(atom, variable))
                    variables[place] = told_apart(variable, value, said)
                    gone.update(said)
                    self.recorded[place] = 0
            elif self.untreated and variable.tells_therapy:
                self.recorded[place] = 0
        self.record = self.record._replace(
            told=tuple(
                own._replace(
                    choices=tuple(OPEN if v in self.recorded else choice for v, choice in enumerate(own.choices)),
                    atoms=tuple(atom for atom in own.atoms if atom not in gone),
                )
                for own in told
            )
        )
        if variables == list(program.variables):
            return evaluator
        return Evaluator(structs.replace(program, variables=tuple(variables), constraint_components={}))

    def with_listed(self, program: Program) -> tuple[list[Variable], tuple[Told, ...]]:
        """Add variables for members of lists that the record tells and that no completion leaves open, as the last ones."""
        told = self.record.told
        listed = [
            Variable(((True, (atom,)), (False, ())), fact.name, member)
            for fact in self.model.facts
            if fact.open_members and self.data.get(fact.name)
            for member in fact.values
            if (atom := ground_atom("includes", fact.name, member)) in told[0].atoms and atom in self.read
        ]
        choices = (0,) * len(listed)
        return [*program.variables, *listed], tuple(own._replace(choices=own.choices + choices) for own in told)

    def tells(self, variable: Variable) -> bool:
        """Tell whether the record itself tells the value of a variable."""
        value = None if variable.reading is not None else self.data.get(variable.fact)
        if variable.course is None or not isinstance(value, list | tuple):
            return value is not None and not variable.tells_therapy
        return variable.course <= len(value) and value[variable.course - 1].get(variable.key or "outcome") is not None

    def atoms_of(self, variable: Variable) -> Iterator[str]:
        """Yield what rules can read of a variable, or of a record's telling its fact."""
        yield from (atom for _, atoms in variable.values for atom in atoms)
        if variable.course is None and variable.fact in self.telling:
            yield from (atom for atom in self.read if self.says(atom, variable))

    def says(self, atom: str, variable: Variable) -> bool:
        """Tell whether an atom says that a record tells the fact of a variable; of a list, this or no certain member."""
        if predicate_of(atom) not in TELLS:
            return False
        fact, *more = arguments_of(atom)
        return fact == variable.fact and (predicate_of(atom) != "lists" or more == [variable.member])


def told_apart(variable: Variable, value: int, said: tuple[str, ...]) -> Variable:
    """Let a variable have the value that a record tells, with all that it says so, or any value untold."""
    own, atoms = variable.values[value]
    untold = ((None, atoms) for _, atoms in variable.values)
    return structs.replace(variable, values=((own, (*atoms, *said)), *untold))
