"""Records that one of two guidelines takes and the other refuses, among the patients of both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from reasoner.compiler.model import GuidelineModel
from reasoner.verification.atoms import fact_of, split_atom
from reasoner.verification.patients import Patients
from reasoner.verification.witness import knows_values

__all__ = ["known_to", "leave_out_taken"]

Condition = tuple[str, bool]

OF_A_VALUE = ("is", "includes", "drug_in", "outcome")
"""The predicates that give a fact, or a course, one of the values that a guideline declares."""


def leave_out_taken(
    patients: Patients, shown: Sequence[Condition], contradicts: str, taking: GuidelineModel, refusing: GuidelineModel
) -> None:
    """Leave out patients until the smallest who shows something has a record that `taking` takes and `refusing` refuses.

    Of the patient something `contradicts` in `refusing`. It refuses the record only if that goes for everybody whom the
    record can mean, which tells what `taking` asks for and what is not open; of the rest defaults are taken. Raises
    SolveTimeout after the deadline.
    """
    for atom in patients.inputs:
        if split_atom(atom)[0] in OF_A_VALUE and tells(atom, taking) and not knows_values([atom], taking):
            patients.forbid([*shown, (atom, True)])
    treated_as = defaults_of(refusing, patients.inputs)
    while patients.ask(shown):
        inputs = patients.smallest(shown).inputs
        unknown = {fact.name for fact in taking.facts if fact.default is None and f"known({fact.name})" not in inputs}
        told = {atom: atom in inputs for atom in patients.inputs if tells(atom, taking, unknown)}
        with patients.supposing("apart"):
            because = why_taken(patients, told, treated_as | told, contradicts)
        if because is None:
            return
        patients.forbid([*shown, *because, *((f"known({fact})", False) for fact in unknown)])


def why_taken(
    patients: Patients, told: Mapping[str, bool], fixed: Mapping[str, bool], contradicts: str
) -> set[Condition] | None:
    """Find what of what is told is enough for a record to mean somebody of whom nothing contradicts, else None."""
    meaning = [*fixed.items(), (contradicts, False)]
    if not patients.ask(meaning):
        return None
    meant = patients.smallest(meaning).inputs
    rest = {atom: atom in meant for atom in patients.inputs if atom not in told}
    return set(patients.unsat_core([*told.items(), *rest.items(), (contradicts, True)])) & told.items()


def defaults_of(model: GuidelineModel, inputs: Iterable[str]) -> dict[str, bool]:
    """Tell of the inputs of a patient whether they hold where a record leaves out the facts that have a default."""
    defaults = {fact.name: fact.default for fact in model.facts if fact.default is not None}
    own = [atom for atom in inputs if fact_of(atom, model) in defaults]
    return {atom: split_atom(atom)[0] == "has" and defaults[fact_of(atom, model) or ""] == "true" for atom in own}


def known_to(model: GuidelineModel, inputs: Iterable[str]) -> list[str]:
    """List the inputs of a patient that are about what a guideline asks for."""
    return [atom for atom in inputs if tells(atom, model)]


def tells(atom: str, model: GuidelineModel, unknown: Collection[str] = ()) -> bool:
    """Tell whether a record of a guideline settles an atom, given the facts that are `unknown` in it."""
    fact, role = fact_of(atom, model), model.roles.get(split_atom(atom)[0])
    if role == "history":
        return model.courses_fact is not None and (fact is None or fact in model.course_facts)
    asked = fact is None or any(own.name == fact for own in model.facts)
    return asked and not (role == "patient" and fact in unknown)
