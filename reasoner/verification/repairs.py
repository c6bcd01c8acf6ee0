"""Repairs that depend on the rules of a finding, or on its witness."""

from __future__ import annotations

import re
from collections.abc import Mapping

import clingo

from reasoner.compiler.model import GuidelineModel, Rule
from reasoner.engine.notes import nearest_statements
from reasoner.guideline import Guideline
from reasoner.verification.atoms import split_atom
from reasoner.verification.defect_findings import FindingWriter, firing_atom
from reasoner.verification.definitions import text_of
from reasoner.verification.findings import Edit, Finding
from reasoner.verification.patients import Patients

__all__ = ["with_guard", "with_nearest_statements", "with_rule_dropped"]

VARIABLE = re.compile(r"\b_*[A-Z]")


def with_guard(found: Finding, form: clingo.Symbol, writer: FindingWriter, patients: Patients) -> Finding:
    """Add to a conflict the conditions that keep its regimen from those for whom it is excluded, where they are certain to.

    The conflict is ``both(regimen, recommending, excluding)``, or begins so. Each rule by which the one side indicates the
    regimen gets them, and so does each that repeats one of these; some patient has to be left for each.
    """
    regimen, recommending, excluding = (text_of(argument) for argument in form.arguments[:3])
    model, program = writer.model, writer.program
    heads = [head for head in writer.atoms.concluding if is_about(head, "indicated", regimen)]
    own = [rule for head in heads for rule in writer.rules_of(recommending, head)]
    rules = sorted({other for rule in own for other in (rule, *writer.atoms.repeating.get(rule, ()))}, key=writer.rule_order)
    if not rules or any(VARIABLE.search(split_atom(writer.rules[rule].head)[1][0]) for rule in rules):
        return found
    against = writer.rules_of(excluding, f"contraindicated({regimen})")
    guards = [guard_against(writer.rules[rule], model) for rule in against]
    conditions = tuple(dict.fromkeys(guards)) if all(guards) else ()
    indicated = {program.index[head] for head in heads}
    for chosen in (conditions, (f"not excluded({regimen})",)):
        asked = [program.index.get(condition.removeprefix("not ").replace(", ", ",")) for condition in chosen]
        if not chosen or None in asked or not indicated.isdisjoint(program.cone(n for n in asked if n is not None)):
            continue
        firing = [[firing_atom(rule, head) for head in heads if rule in writer.atoms.concluding[head]] for rule in own]
        guarded = [(c.removeprefix("not ").replace(", ", ","), not c.startswith("not ")) for c in chosen]
        if all(any(patients.ask([(fires, True), *guarded]) for fires in possible) for possible in firing):
            edits = tuple(Edit(rule, writer.rules[rule].place, chosen) for rule in rules)
            join = model.say("comma").join
            return found.replace(repair=model.say("repair_guard", join(chosen), join(rules)), edits=edits)
    return found


def is_about(atom: str, predicate: str, first: str) -> bool:
    name, arguments = split_atom(atom)
    return name == predicate and arguments[0] == first


def guard_against(rule: Rule, model: GuidelineModel) -> str:
    """Give the condition that a rule does not fire with; "" where no single one is."""
    conditions = [
        condition
        for condition in rule.body
        if not condition.comparison and model.roles.get(split_atom(condition.text)[0]) not in ("catalogue", "position")
    ]
    if len(conditions) != 1 or VARIABLE.search(conditions[0].text) or split_atom(conditions[0].text)[0] not in model.roles:
        return ""
    return conditions[0].text if conditions[0].negated else f"not {conditions[0].text}"


def with_rule_dropped(found: Finding, form: clingo.Symbol, writer: FindingWriter) -> Finding:
    """Say of a rule without effect, the first of the finding, whether to drop it.

    That is certain where another rule of its statement stays: a statement without any rule is one that nobody encoded, and
    one whose rules another statement's repeat is still what an answer rests on. Of rules whose conclusions are used nowhere
    the ones that ask for another's conclusion go first.
    """
    rule, *others = (writer.rules[name] for name in found.rules)
    siblings = [other for other in writer.model.rules if other.annotation == rule.annotation and other.id != rule.id]
    if others and rule.annotation not in {other.annotation for other in others}:
        words = writer.model.say("repair_restated", rule.id, str(rule.annotation))
        return found.replace(repair=words)
    concluded = split_atom(rule.head)[0]
    asked = {split_atom(condition.text)[0] for own in writer.model.rules for condition in own.tested if own.id != rule.id}
    if not siblings or (form.name == "unread" and concluded in asked):
        return found
    return found.replace(repair=writer.model.say("repair_drop", rule.id), edits=(Edit(rule.id, rule.place),))


def with_nearest_statements(gap: Finding, witness: Mapping[str, object], guideline: Guideline, decision: str) -> Finding:
    """Add to a gap of a decision the statements that come nearest, and what they require that the witness does not have."""
    found = nearest_statements(guideline.answer(witness).derivation, decision, all_statements=True)
    near = {one.statement: one.misses for one in found}
    known, say = guideline.model.annotations, guideline.model.say
    fewest = min(map(len, near.values()), default=0)
    words = [say("asks", n, say("and_condition").join(near[n])) for n in known if n in near and len(near[n]) == fewest]
    return gap.replace(
        statements=tuple(name for name in known if name in near),
        places=tuple(annotation.place for name, annotation in known.items() if name in near),
        repair=say("repair_nearest", gap.repair, say("and").join(words)) if words and fewest else gap.repair,
    )
