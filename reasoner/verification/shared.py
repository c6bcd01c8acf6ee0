"""The conditions that all patients who show a difference share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import clingo

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.verification.patients import Patients

__all__ = ["SharedConditions"]

NAMES = {"patient": "{}", "derived": "new({})"}


@dataclass(frozen=True)
class SharedConditions:
    """The conditions of the new guideline's rules, among the patients of both guidelines."""

    patients: Patients
    model: GuidelineModel
    program: Program

    def words(self, asked: Sequence[tuple[str, bool]]) -> tuple[str, ...]:
        """Word the conditions that all patients of whom the atoms hold share and the default patient does not meet.

        Raises SolveTimeout after the deadline.
        """
        patient = self.patients.smallest(asked, list(self.conditions))
        left = [atom for atom in patient.observed if atom not in self.met_by_default]
        shared = set()
        while left:
            atom = min(left)
            others: set[str] = set()

            def read(answer_set: clingo.Model, left: Sequence[str] = left, others: set[str] = others) -> None:
                others.update(other for other in left if self.patients.holds(other, answer_set))

            if self.patients.ask([*asked, (atom, False)], read):
                left = [other for other in left if other in others]
            else:
                shared.add(atom)
                left.remove(atom)
        return tuple(dict.fromkeys(words for atom, words in self.conditions.items() if atom in shared))

    @cached_property
    def conditions(self) -> dict[str, str]:
        """The conditions of annotated rules about the patient, and on what follows for the patient, with their words."""
        program = self.program
        tested = {
            atom
            for rule in program.rules
            if self.model.rules[rule.rule].annotation is not None
            for atom, negated in rule.conditions
            if not negated and program.roles[atom] in NAMES
        }
        named = {NAMES[program.roles[n]].format(program.atoms[n]): program.phrases[n] for n in sorted(tested)}
        return {atom: words for atom, words in named.items() if self.patients.literals.get(atom)}

    @cached_property
    def met_by_default(self) -> frozenset[str]:
        return self.patients.smallest([], list(self.conditions)).observed
