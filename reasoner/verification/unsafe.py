"""Unknown and unsafe: a regimen recommended with certainty while a fact that could exclude it is not recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import clingo

from reasoner.engine.answer import Answer
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.verification.atoms import fact_of
from reasoner.verification.defect_findings import FindingWriter, firing_atom
from reasoner.verification.findings import Finding, Side

__all__ = ["unsafe_findings"]


def unsafe_findings(
    conflict: Finding, form: clingo.Symbol, guideline: Guideline, writer: FindingWriter
) -> Iterator[Finding]:
    """Yield where forgetting a fact of a conflict's witness leaves the regimen recommended with certainty.

    `form` is ``both(regimen, recommending, excluding)``. What else the exclusion reads is as in the default patient then, or
    else as in the witness.
    """
    regimen, recommending, excluding = form.arguments
    assert conflict.witness is not None
    facts = facts_behind(str(regimen), excluding.string, writer)
    usual = {**conflict.witness, **{fact: writer.default[fact] for fact in facts if fact in writer.default}}
    for fact in facts:
        for patient in (usual, conflict.witness):
            record = {key: value for key, value in patient.items() if key != fact}
            sides = overlooked_sides(record, form, guideline, writer) if len(record) < len(patient) else ()
            if sides:
                symbol = clingo.Function("unsafe", [regimen, recommending, excluding, clingo.Function(fact)])
                yield writer.write("unknown_unsafe", symbol).replace(
                    witness=record,
                    departures=writer.departures(record),
                    sides=sides,
                    rules=tuple(dict.fromkeys(rule for side in sides for rule in side.rules)),
                    places=tuple(dict.fromkeys(place for side in sides for place in side.places)),
                    resolved_by=conflict.resolved_by,
                    settled_by_alternatives=conflict.settled_by_alternatives,
                )
                break


def facts_behind(regimen: str, annotation: str, writer: FindingWriter) -> list[str]:
    """List the facts that decide whether an annotation excludes a regimen, in the order of the guideline."""
    program, model = writer.program, writer.model
    conditions = [
        atom
        for rule in program.supports[program.index[f"contraindicated({regimen})"]]
        if model.rules[program.rules[rule].rule].annotation == annotation
        for atom, _ in program.rules[rule].conditions
    ]
    behind = program.cone(conditions)
    read = {fact_of(program.atoms[atom], model) for atom in behind if program.roles[atom] == "patient"}
    return [fact.name for fact in model.facts if fact.name in read]


def overlooked_sides(
    record: Mapping[str, object], form: clingo.Symbol, guideline: Guideline, writer: FindingWriter
) -> tuple[Side, ...]:
    """Give both sides of a conflict where the regimen is certain for a record that could exclude it, else none."""
    regimen, *annotations = form.arguments
    try:
        answer = guideline.answer(record)
    except RecordError:
        return ()
    certain = any(e.regimen == str(regimen) and e.certainty == "certain" for e in answer.recommended)
    open_ = any(e.regimen == str(regimen) and e.certainty == "conditional" for e in answer.excluded)
    if not (certain and open_):
        return ()
    sides = writer.sides(form, held_in_answer(answer, form, writer))
    return sides if {annotation.string for annotation in annotations} <= {side.annotation for side in sides} else ()


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
