"""A record with all open that it tells and that defaults stand for, as far as a claim can depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from reasoner.compiler.model import GuidelineModel, Variable
from reasoner.compiler.program import Program
from reasoner.engine.completions import Truth
from reasoner.engine.evaluator import Between, Evaluator, Settled, settle
from reasoner.engine.opened import Opened
from reasoner.engine.predicates import arguments_of, ground_atom, predicate_of
from reasoner.engine.untold import bounds_by_therapy
from reasoner.records.encoding import encode_value, value_for
from reasoner.records.record import OPEN, Record, Told, parse_record

if TYPE_CHECKING:
    from reasoner.engine.answer import Answer

__all__ = ["Asked", "Claim", "OpenedRecord", "without_therapy"]

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


def without_therapy(record: Record, model: GuidelineModel) -> Record:
    """Leave it open whether any therapy was given where a record tells that none was."""
    fact = model.courses_fact
    if fact is None or record.data.get(fact.name) not in ([], ()):
        return record
    return parse_record({**record.data, fact.name: None}, model)


@lru_cache(maxsize=1024)
def inputs_behind(program: Program, atoms: tuple[int, ...]) -> frozenset[str]:
    """Collect the input atoms on which some atoms depend, or which records are consistent."""
    behind = program.cone((*atoms, *(program.rules[rule].head for rule in program.inconsistent)))
    return frozenset(atom for atom, number in program.inputs.items() if number in behind)


class OpenedRecord:
    """A record with all open that it tells and that a claim can depend on, and what defaults stand for too.

    What is opened is the `record` that is given, by default the one asked of `without_therapy`. `recorded` holds for each
    variable that the record tells the number of the value that it has there, `assumed` for each that has a default's;
    `options` the other values that a record can tell of these, and `apart` are those of which what is told is told apart
    from what is only so. `answering` evaluates the same rules as `evaluator`, whose program has variables of this record's
    own; `values` are where its atoms hold, once the claim is evaluated; none where it is not known which therapy was given.
    """

    def __init__(self, asked: Asked, claim: Claim, model: GuidelineModel, record: Record | None = None) -> None:
        self.model = model
        self.claim = claim
        self.adopted = asked.adopted
        self.data = asked.record.data
        self.record = without_therapy(asked.record, model) if record is None else record
        self.untreated = self.record is not asked.record
        evaluator = asked.evaluator(self.record.courses, self.record.fewer)
        program = evaluator.program
        self.atoms = [program.index[atom] for atom in claim.atoms if atom in program.index]
        self.read = inputs_behind(program, tuple(self.atoms))
        self.telling = frozenset(arguments_of(atom)[0] for atom in self.read if predicate_of(atom) in TELLS)
        self.facts = {fact.name: fact for fact in model.facts}
        self.recorded: dict[int, int] = {}
        self.assumed: dict[int, int] = {}
        self.options: dict[int, tuple[int, ...]] = {}
        self.apart: list[int] = []
        self.values: Sequence[Truth] = ()
        self.answering = evaluator
        self.evaluator = self.opened(evaluator)

    def settled(self, laid: Opened) -> Settled:
        """Find what holds whatever the record tells besides the drugs of its courses, or that none were given."""
        everything, none = laid.completions.everything, laid.completions.none
        inputs = [None if truth not in (everything, none) else truth == everything for truth in laid.inputs]
        if laid.possible is not None:
            for number, role in enumerate(self.answering.program.roles[: len(inputs)]):
                if role == "history":
                    inputs[number] = False if self.untreated else None
        return settle(self.answering.program, tuple(self.atoms), tuple(inputs))

    def bounds(self, laid: Opened, settled: Settled) -> tuple[Truth, Truth]:
        """Give where the claim certainly holds, and where it possibly does."""
        everything, none = laid.completions.everything, laid.completions.none
        if laid.possible is None:
            self.values = self.answering.behind(settled, laid.inputs, everything)
            certain = possible = [self.values[atom] for atom in self.atoms]
        else:
            between = self.between(laid, laid.possible)
            certain, possible = [value.certain for value in between], [value.possible for value in between]
        first, last = reduce(or_, certain, none), reduce(or_, possible, none)
        return (everything & ~last, everything & ~first) if self.claim.denied else (first, last)

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
            if value == OPEN:
                if self.untreated and variable.tells_therapy:
                    self.recorded[place], self.options[place] = 0, ()
                continue
            tells = self.tells(variable)
            if not (tells or all(place in own.defaulted for own in told)) or self.read.isdisjoint(self.atoms_of(variable)):
                continue
            options = tuple(n for n in told_values(variable, self.model) if self.can_be_told(variable, n))
            if variable.fact in self.telling and variable.course is None:
                said = tuple(atom for atom in told[0].atoms if self.says(atom, variable))
                gone.update(said)
                versions = {n: said if tells and n == value else self.said(variable, n) for n in options}
                variables[place] = told_apart(variable, versions)
                self.apart.append(place)
                value = options.index(value) if tells else len(options) + value
                options = tuple(range(len(options)))
            (self.recorded if tells else self.assumed)[place] = value
            self.options[place] = tuple(n for n in options if n != value)
        self.record = self.record._replace(
            told=tuple(
                own._replace(
                    choices=tuple(OPEN if self.has(v) else choice for v, choice in enumerate(own.choices)),
                    atoms=tuple(atom for atom in own.atoms if atom not in gone),
                )
                for own in told
            )
        )
        if variables == list(program.variables):
            return evaluator
        return evaluator.with_variables(variables)

    def has(self, variable: int) -> bool:
        """Tell whether the record gives a variable a value, or a default does."""
        return variable in self.recorded or variable in self.assumed

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

    def can_be_told(self, variable: Variable, number: int) -> bool:
        """Tell whether this record can give a variable a value; only the last course can be under way."""
        last = variable.course is None or variable.course == self.record.told[0].courses
        return last or variable.key is not None or variable.values[number][0] not in self.model.under_way

    def said(self, variable: Variable, number: int) -> tuple[str, ...]:
        """Give what rules can read of a record's telling that a variable has a value."""
        value, fact = value_for(variable, number, self.model), self.facts[variable.fact]
        if variable.member is not None:
            value = [variable.member] if value else []
        return tuple(atom for atom in encode_value(fact, value, True, self.model).atoms if self.says(atom, variable))

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


@lru_cache(maxsize=4096)
def told_values(variable: Variable, model: GuidelineModel) -> tuple[int, ...]:
    """List the values of a variable that a record can tell."""
    return tuple(n for n in range(len(variable.values)) if value_for(variable, n, model) is not None)


def told_apart(variable: Variable, said: dict[int, tuple[str, ...]]) -> Variable:
    """Let a variable have the values that a record can tell, with all that it says so, or any value untold."""
    told = ((variable.values[n][0], (*variable.values[n][1], *atoms)) for n, atoms in said.items())
    untold = ((None, atoms) for _, atoms in variable.values)
    return structs.replace(variable, values=(*told, *untold))
