"""Unknown and unsafe: a regimen recommended with certainty while a fact that could exclude it is not recorded."""

from __future__ import annotations

from collections.abc import Sequence

import clingo

from reasoner.engine.answer import Answer
from reasoner.errors import GuidelineError
from reasoner.verification.atoms import fact_of
from reasoner.verification.defect_findings import FindingWriter, firing_atom
from reasoner.verification.findings import Finding
from reasoner.verification.patients import Patient
from reasoner.verification.rule_writer import completions_of
from reasoner.verification.witness import witness_of

__all__ = ["conflict_behind", "excluded_patients", "is_overlooked", "with_sides"]


def conflict_behind(form: clingo.Symbol) -> clingo.Symbol:
    """Give the conflict that a patient has in whom the fact that is not recorded excludes the regimen."""
    return clingo.Function("both", form.arguments[:3])


def excluded_patients(form: clingo.Symbol, patient: Patient, writer: FindingWriter) -> Sequence[Patient]:
    """List who the patient can be that is described without a fact, as that fact may be."""
    program, fact = writer.program, str(form.arguments[3])
    completions = completions_of(fact, program, range(len(program.inputs)))
    told = frozenset(atom for atom in patient.inputs if fact_of(atom, writer.model) != fact)
    return [Patient(told | held, patient.observed) for held in completions or ()]


def is_overlooked(form: clingo.Symbol, patient: Patient, writer: FindingWriter) -> bool:
    """Tell whether the record of a patient is answered with certainty by a regimen that may be excluded."""
    regimen = str(form.arguments[0])
    try:
        answer = writer.guideline.answer(witness_of(patient.inputs, [writer.guideline]))
    except GuidelineError:
        return False
    certain = any(e.regimen == regimen and e.certainty == "certain" for e in answer.recommended)
    return certain and any(e.regimen == regimen and e.certainty == "conditional" for e in answer.excluded)


def with_sides(found: Finding, form: clingo.Symbol, writer: FindingWriter) -> Finding:
    """Add to a finding the rules of both sides that fire for its witness in some completion."""
    assert found.witness is not None
    conflict = conflict_behind(form)
    sides = writer.sides(conflict, held_in_answer(writer.guideline.answer(found.witness), conflict, writer))
    return found.replace(
        sides=sides,
        rules=tuple(dict.fromkeys(rule for side in sides for rule in side.rules)),
        places=tuple(dict.fromkeys(place for side in sides for place in side.places)),
    )


def held_in_answer(answer: Answer, form: clingo.Symbol, writer: FindingWriter) -> set[str]:
    """Collect the rules that fire, and the sides of a defect that hold, in some completion of an answer's record."""
    derivation = answer.derivation
    rules = zip(derivation.program.rules, derivation.fired, strict=True)
    held = {
        firing_atom(derivation.model.rules[ground.rule].id, derivation.program.atoms[ground.head])
        for ground, completions in rules
        if completions != derivation.completions.none
    }
    sides = writer.atoms.sides.get(str(form), ())
    return held | {
        side.atom
        for side in sides
        if any(firing_atom(rule, side.head) in held for rule in writer.rules_of(side.annotation, side.head))
    }
