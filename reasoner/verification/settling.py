"""Which readings settle a defect of the literal layer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import clingo

from reasoner.guideline import Guideline
from reasoner.verification.alternatives import taken_in
from reasoner.verification.atoms import quoted
from reasoner.verification.patients import Patient, Patients, ProgramBuilder, SolveTimeout
from reasoner.verification.reified import reify
from reasoner.verification.rule_writer import RuleWriter
from reasoner.verification.search import search

__all__ = ["SettlingReadings", "settling_readings_of"]


def settling_readings_of(literal: Guideline, courses: int, deadline: float | None) -> SettlingReadings | None:
    """Prepare the search among the readings of a guideline; None where the layer is curated or there are no readings."""
    if literal.layer != "literal":
        return None
    curated = Guideline(literal.selection.with_layer("curated"))
    model, space = curated.model, curated.space(courses)
    readings = [name for name, annotation in model.annotations.items() if annotation.kind == "reading"]
    if not readings:
        return None
    builder = ProgramBuilder()
    writer = RuleWriter(builder, space, model, taken_in(curated), adoptable=frozenset(readings))
    writer.write()
    written = reify(model, space, writer.duplicates.repeated)
    patients = builder.ground(("space.lp", "defects.lp"), ["settled"], [*writer.data, *written], deadline)
    interprets = {name: frozenset(model.annotations[name].reads) for name in readings}
    return SettlingReadings(patients, interprets)


@dataclass(frozen=True)
class SettlingReadings:
    """The patients of a guideline whose readings can each be adopted or not; with each the statements that it interprets."""

    patients: Patients
    interprets: dict[str, frozenset[str]]

    def find(self, kind: str, defect: str, patient: Patient | None, statements: Collection[str]) -> tuple[str, ...]:
        """Find the fewest readings that, adopted, leave the patient who shows a defect without it.

        There are none where even all of them together leave the defect to this or another patient. Where one is enough, one
        that interprets all of the `statements` goes before others. Raises SolveTimeout after the deadline.
        """
        unwanted = self.settled_without.get(kind, defect)
        if self.patients.literals.get(unwanted, 0) == 0 or defect in self.unsettled:
            return ()
        assumed = [(unwanted, False)]
        if patient is not None:
            assumed += [(name, name in patient.inputs) for name in self.patients.inputs]
        if unwanted != defect and not self.patients.ask([*assumed, *self.all_adopted]):
            return ()
        for name, interpreted in self.interprets.items():
            if statements and interpreted.issuperset(statements):
                alone = [(adopted(other), other == name) for other in self.interprets]
                if self.patients.ask([*assumed, *alone]):
                    return (name,)
        fewest: list[str] = []

        def read(answer_set: clingo.Model) -> None:
            fewest[:] = [name for name in self.interprets if self.patients.holds(adopted(name), answer_set)]

        self.patients.ask(assumed, read, best=True)
        return tuple(fewest)

    def needed_for(self, shown: str) -> tuple[str, ...]:
        """Find the fewest readings that, adopted, let some patient show what an atom says; none where nobody does.

        Raises SolveTimeout after the deadline.
        """
        if not self.patients.ask([*self.all_adopted, (shown, True)]):
            return ()
        fewest: list[str] = []

        def read(answer_set: clingo.Model) -> None:
            fewest[:] = [name for name in self.interprets if self.patients.holds(adopted(name), answer_set)]

        self.patients.ask([(shown, True)], read, best=True)
        return tuple(fewest)

    @cached_property
    def settled_without(self) -> dict[str, str]:
        """By class, what must no longer hold where that is not the defect itself."""
        pairs = (symbol.arguments for symbol in self.patients.symbols("settled_without"))
        return {str(kind): str(atom) for kind, atom in pairs}

    @cached_property
    def all_adopted(self) -> list[tuple[str, bool]]:
        return [(adopted(name), True) for name in self.interprets]

    @cached_property
    def unsettled(self) -> frozenset[str]:
        """The defects that some patient shows although all readings are adopted."""
        found = search(self.patients, ("defect",), self.all_adopted)
        if found.undecided:
            raise SolveTimeout
        return found.shown


def adopted(reading: str) -> str:
    return f"adopted({quoted(reading)})"
