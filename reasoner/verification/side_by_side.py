"""The patients of two guidelines side by side, with what is asked about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reasoner.compiler.dosage import DOSAGE_PREDICATES
from reasoner.compiler.model import GuidelineModel, Rule
from reasoner.compiler.program import Space
from reasoner.guideline import Guideline
from reasoner.verification.alternatives import rules_set_aside, taken_in
from reasoner.verification.atoms import quoted, split_atom
from reasoner.verification.dosage import dose_meanings
from reasoner.verification.patients import Patients, ProgramBuilder
from reasoner.verification.rule_writer import RuleWriter

__all__ = ["changed_rules", "load_patients"]

COMPARED_DATA = ("may_contain", "strength_order", *DOSAGE_PREDICATES)
"""The data by which the answers of the two sides are told apart."""


def changed_rules(sides: Mapping[str, Guideline]) -> dict[str, dict[str, Rule]]:
    """Give for each side the rules that the other does not have, or sets aside with an alternative, by their ids."""

    def content(rule: Rule) -> tuple[object, ...]:
        return rule.annotation, rule.head, frozenset((condition.negated, condition.text) for condition in rule.body)

    idle = {side: set(rules_set_aside(guideline.model, taken_in(guideline))) for side, guideline in sides.items()}
    in_force = {side: [r for r in guideline.model.rules if r.id not in idle[side]] for side, guideline in sides.items()}
    known = {side: {content(rule) for rule in rules} for side, rules in in_force.items()}
    return {
        side: {rule.id: rule for rule in in_force[side] if rule.annotation is not None and content(rule) not in known[other]}
        for side, other in (("old", "new"), ("new", "old"))
    }


def load_patients(
    sides: Mapping[str, Guideline], changed: Mapping[str, Mapping[str, Rule]], courses: int, deadline: float | None
) -> Patients:
    """Ground the patients of two guidelines side by side, with what is asked about them."""
    builder = ProgramBuilder()
    facts: dict[str, None] = {}
    for side, guideline in sides.items():
        space, model = guideline.space(courses), guideline.model
        writer = RuleWriter(builder, space, model, taken_in(guideline), side=side)
        writer.write()
        facts.update(dict.fromkeys((*writer.data, *facts_of(side, space, model))))
    facts.update((f"changed({side},{quoted(rule)})", None) for side, rules in changed.items() for rule in rules)
    return builder.ground(("space.lp", "differences.lp"), ["smallest"], facts, deadline)


def facts_of(side: str, space: Space, model: GuidelineModel) -> Iterator[str]:
    """Yield what ``differences.lp`` reads of the text of one side."""
    for rule in model.rules:
        if rule.annotation is not None:
            yield f"rule({side},{quoted(rule.id)},{quoted(rule.annotation)})"
    for datum, annotation in space.data:
        if split_atom(datum)[0] in COMPARED_DATA:
            yield f"_datum({side},{datum})"
            if annotation is not None:
                yield f"_under({side},{datum},{quoted(annotation)})"
    yield from dose_meanings([*space.program.atoms, *(datum for datum, _ in space.data)], model)
    for name in model.annotations:
        own = model.annotations[name.partition("=")[0]]
        for level in {own.certainty, *(model.annotations[read].certainty for read in own.reads)} & {*model.certainties}:
            yield f"_graded({side},{quoted(name)},{model.certainties.index(level)},{level})"
