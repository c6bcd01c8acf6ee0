"""The alternatives of readings, in questions about all patients: which are taken, and which others settle a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.selection import ANY
from reasoner.compiler.variables import reading_atom
from reasoner.guideline import Guideline
from reasoner.verification.patients import Patient, Patients

__all__ = ["OtherAlternatives", "fixed_atoms", "rules_set_aside", "taken_in", "taken_otherwise"]


def taken_in(guideline: Guideline) -> dict[str, str]:
    """Give for each reading with alternatives the one that a guideline takes it in, or "any"."""
    known = guideline.model.alternatives
    return {reading: guideline.alternatives.get(reading, names[0]) for reading, names in known.items()}


def fixed_atoms(model: GuidelineModel, taken: Mapping[str, str]) -> dict[str, bool]:
    """Give the atoms that say how readings are taken, with whether they hold, but for readings that are left open."""
    return {
        reading_atom(reading, name): name == taken[reading]
        for reading, names in model.alternatives.items()
        if taken[reading] != ANY
        for name in names
    }


def rules_set_aside(model: GuidelineModel, taken: Mapping[str, str]) -> Iterator[str]:
    """Yield the ids of the rules that hold only under alternatives that are not taken."""
    fixed = fixed_atoms(model, taken)
    for rule in model.rules:
        if any(fixed.get(c.text.replace(" ", ""), not c.negated) == c.negated for c in rule.body):
            yield rule.id


def taken_otherwise(inputs: Iterable[str], model: GuidelineModel) -> tuple[str, ...]:
    """List the readings left open that a patient takes otherwise than by their defaults, as in "R5=b"."""
    held = set(inputs)
    return tuple(
        f"{reading}={name}"
        for reading, names in model.alternatives.items()
        for name in names[1:]
        if reading_atom(reading, name) in held
    )


@dataclass(frozen=True)
class OtherAlternatives:
    """The patients of a guideline whose readings can be taken in any of their alternatives; `taken` are those that are."""

    patients: Patients
    model: GuidelineModel
    taken: Mapping[str, str]

    def settling(self, defect: str, unwanted: str, patient: Patient) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """List the alternatives that settle a defect, and those that ease it, each taken alone in place of the one that is.

        Either does where the `patient` no longer shows what is `unwanted`; it settles the defect where nobody shows it. The
        patient is asked first, for whom the answer is at hand. Raises SolveTimeout after the deadline.
        """
        if self.patients.literals.get(unwanted, 0) == 0:
            return (), ()
        ask = self.patients.ask
        inputs = [(atom, atom in patient.inputs) for atom in self.patients.inputs if atom not in self.asked]
        helping = [name for name, fixed in self.others.items() if not ask([*inputs, *fixed, (unwanted, True)])]
        settling = tuple(name for name in helping if not ask([*self.others[name], (defect, True)]))
        return settling, tuple(name for name in helping if name not in settling)

    def showing(self, atom: str) -> tuple[str, ...]:
        """List the alternatives under which, each taken alone, some patient shows what an atom says."""
        return tuple(name for name, fixed in self.others.items() if self.patients.ask([*fixed, (atom, True)]))

    @cached_property
    def asked(self) -> frozenset[str]:
        """The atoms that say how readings are taken."""
        known = self.model.alternatives.items()
        return frozenset(reading_atom(reading, name) for reading, names in known for name in names)

    @cached_property
    def others(self) -> dict[str, list[tuple[str, bool]]]:
        """The alternatives that are not taken, of readings that are not left open, each with what is so then."""
        return {
            f"{reading}={name}": list(fixed_atoms(self.model, {**self.taken, reading: name}).items())
            for reading, names in self.model.alternatives.items()
            if self.taken[reading] != ANY
            for name in names
            if name != self.taken[reading]
        }
