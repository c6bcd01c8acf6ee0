"""Repairs that depend on the rules of a finding, or on its witness."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reasoner.engine.notes import nearest_statements
from reasoner.guideline import Guideline
from reasoner.verification.atoms import split_atom
from reasoner.verification.defect_findings import FindingWriter
from reasoner.verification.findings import Finding

__all__ = ["guarding_condition", "with_nearest_statements"]

VARIABLE = re.compile(r"\b_*[A-Z]")


def guarding_condition(conflict: Finding, writer: FindingWriter) -> str:
    """Propose the condition that keeps a regimen from those it is excluded for; "" where there is no single one."""
    model = writer.model
    rules = [writer.rules[name] for side in conflict.sides for name in side.rules]
    recommending = dict.fromkeys(rule.id for rule in rules if split_atom(rule.head)[0] == "indicated")
    conditions = [
        condition
        for rule in rules
        if split_atom(rule.head)[0] == "contraindicated"
        for condition in rule.body
        if not condition.comparison and model.roles.get(split_atom(condition.text)[0]) not in ("catalogue", "position")
    ]
    if len(conditions) != 1 or VARIABLE.search(conditions[0].text):
        return ""
    condition = conditions[0].text if conditions[0].negated else f"not {conditions[0].text}"
    return model.say("repair_guard", condition, model.say("comma").join(recommending))


def with_nearest_statements(gap: Finding, witness: Mapping[str, object], guideline: Guideline) -> Finding:
    """Add to a gap the statements that come nearest, and what they require that the witness does not have."""
    near = dict(nearest_statements(guideline.answer(witness).derivation))
    known, say = guideline.model.annotations, guideline.model.say
    fewest = min(map(len, near.values()), default=0)
    words = [say("asks", n, say("and_condition").join(near[n])) for n in known if n in near and len(near[n]) == fewest]
    return gap.replace(
        statements=tuple(name for name in known if name in near),
        places=tuple(annotation.place for name, annotation in known.items() if name in near),
        repair=say("repair_nearest", gap.repair, say("and").join(words)) if words and fewest else gap.repair,
    )
