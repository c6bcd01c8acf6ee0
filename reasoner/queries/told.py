"""What rules conclude from a record's telling a fact at all: open to what is asked or changed, as the fact itself is.

For each fact of which rules read that, a variable tells whether the record has it; it comes after all others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec.structs import replace

from reasoner.compiler.model import Fact, GuidelineModel, Variable
from reasoner.compiler.program import Program
from reasoner.engine.completions import Inputs, Truth
from reasoner.engine.evaluator import Evaluator
from reasoner.queries.fields import value_for
from reasoner.records.encoding import encode_value
from reasoner.records.record import OPEN, Record

__all__ = ["TELLS", "Telling", "telling"]

TELLS = ("known", "recorded", "lists")
"""The predicates that say what a record tells; the first argument is the fact."""


class Telling:
    """A program in which it is open which facts a record tells: `variables` numbers what tells of each."""

    def __init__(self, evaluator: Evaluator, variables: Mapping[str, int], model: GuidelineModel) -> None:
        self.evaluator = evaluator
        self.variables = variables
        self.model = model

    def opened(self, record: Record) -> Record:
        """Give a record in which it is open which facts it tells."""
        more = (OPEN,) * len(self.variables)
        told = (
            own._replace(
                choices=(*own.choices, *more), atoms=tuple(atom for atom in own.atoms if fact_of(atom) not in self.variables)
            )
            for own in record.told
        )
        return record._replace(told=tuple(told)) if more else record

    def tell(self, inputs: list[Truth], laid: Inputs, values: Mapping[int, Collection[int]]) -> None:
        """Let input atoms hold where a fact is told that has a value; `values` are those of the variables that are open."""
        program = self.evaluator.program
        facts = {fact.name: fact for fact in self.model.facts}
        for v, own in values.items():
            variable = program.variables[v]
            if variable.fact in self.variables:
                known = laid.value(self.variables[variable.fact], 0)
                for n in own:
                    for atom in atoms_told(variable, n, facts[variable.fact], self.model):
                        if atom in program.inputs:
                            number = program.inputs[atom]
                            inputs[number] = inputs[number] | known & laid.value(v, n)


def fact_of(atom: str) -> str:
    """Name the fact of an atom that says what a record tells; an empty text for other atoms."""
    name, _, arguments = atom.rstrip(")").partition("(")
    return arguments.split(",")[0] if name in TELLS else ""


def atoms_told(variable: Variable, number: int, fact: Fact, model: GuidelineModel) -> Iterator[str]:
    """Yield what a record tells that gives a fact a value, or a list a member or not."""
    value = value_for(variable, number, model)
    if variable.member is not None:
        value = [variable.member] if value else []
    if value is not None:
        yield from encode_value(fact, value, True, model).facts


def telling(evaluator: Evaluator, facts: Collection[str], among: Collection[int] | None, model: GuidelineModel) -> Telling:
    """Open which of some facts a record tells, as far as rules read that; `among` are the atoms that count, None for all."""
    program = evaluator.program
    read = {fact_of(atom) for atom, number in program.inputs.items() if among is None or number in among}
    named = [fact.name for fact in model.facts if fact.kind != "courses" and fact.name in read.intersection(facts)]
    if not named:
        return Telling(evaluator, {}, model)
    added = (Variable(((True, ()), (False, ())), key=fact) for fact in named)
    wider: Program = replace(program, variables=(*program.variables, *added))
    numbers = {fact: n for n, fact in enumerate(named, start=len(program.variables))}
    return Telling(Evaluator(wider), numbers, model)
