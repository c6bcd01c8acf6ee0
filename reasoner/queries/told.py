"""What rules conclude from a record's telling a fact at all: open to what is asked or changed, as the fact itself is.

For each fact of which rules read that, a variable tells whether the record has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from reasoner.compiler.model import Fact, GuidelineModel, Variable
from reasoner.engine.evaluator import Evaluator
from reasoner.engine.opened import Opened
from reasoner.records.encoding import encode_value, value_for
from reasoner.records.record import OPEN, Record

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["TELLS", "Telling", "telling"]

TELLS = ("known", "recorded", "lists")
"""The predicates that say what a record tells; the first argument is the fact."""


class Telling:
    """A program in which it is open which of some `facts` a record tells.

    `variables` numbers what says so of each that the record does not tell as it stands, right before the fact's own; the
    others are told in any case, with whatever value. `numbers` are the new numbers of all other variables by their old ones.
    """

    def __init__(self, evaluator: Evaluator, facts: Collection[str], untold: Collection[str], model: GuidelineModel) -> None:
        self.facts = facts
        self.model = model
        self.variables: dict[str, int] = {}
        self.numbers: dict[int, int] = {}
        program = evaluator.program
        found: list[Variable] = []
        for v, variable in enumerate(program.variables):
            if variable.fact in untold and variable.fact not in self.variables:
                self.variables[variable.fact] = len(found)
                found.append(Variable(((True, ()), (False, ())), key=variable.fact))
            self.numbers[v] = len(found)
            found.append(variable)
        groups = {tuple(self.numbers[v] for v in own): rules for own, rules in program.constraint_components.items()}
        wider = replace(program, variables=tuple(found), constraint_components=groups)
        self.evaluator = Evaluator(wider) if self.variables else evaluator

    def opened(self, record: Record) -> Record:
        """Give a record in which it is open which facts it tells."""
        if not self.facts:
            return record
        added = dict.fromkeys(self.variables.values(), OPEN)
        told = (own.renumbered(self.numbers, added) for own in record.told)
        return record._replace(
            told=tuple(
                own._replace(atoms=tuple(atom for atom in own.atoms if fact_of(atom) not in self.facts)) for own in told
            )
        )

    def tell(self, opened: Opened) -> None:
        """Let input atoms hold where a fact is told that has a value."""
        laid = cast("DiagramCompletions", opened.completions)
        program = self.evaluator.program
        laid_out = [opened.inputs] if opened.possible is None else [opened.inputs, opened.possible]
        for v in laid.values if self.facts else ():
            variable = program.variables[v] if v < len(program.variables) else None
            fact = next((fact for fact in self.model.facts if variable is not None and fact.name == variable.fact), None)
            if variable is None or fact is None or fact.name not in self.facts:
                continue
            told = self.variables.get(fact.name)
            known = laid.everything if told is None else laid.value(told, 0)
            for n in range(len(variable.values)):
                for atom in atoms_told(variable, n, fact, self.model):
                    if atom in program.inputs:
                        number = program.inputs[atom]
                        for inputs in laid_out:
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


def telling(
    evaluator: Evaluator, record: Record, facts: Collection[str], targets: Collection[int], model: GuidelineModel
) -> Telling:
    """Open which of some facts a record tells, as far as the rules behind `targets`, numbers of atoms, read that."""
    program = evaluator.program
    behind = program.cone(targets)
    read = {fact_of(atom) for atom, number in program.inputs.items() if number in behind}
    named = [fact.name for fact in model.facts if fact.kind != "courses" and fact.name in read.intersection(facts)]
    return Telling(evaluator, named, [name for name in named if record.data.get(name) is None], model)
