"""What is written in a guideline, as clingo facts: its annotations, its rules, the words of its statements.

``defects.lp`` says what the facts mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from reasoner.compiler.aggregates import AGGREGATE
from reasoner.compiler.model import Annotation, GuidelineModel, Rule
from reasoner.compiler.program import Program, Space
from reasoner.verification.atoms import compares_number, fact_of, quoted, split_atom
from reasoner.verification.dosage import constant_limits, dose_meanings

__all__ = ["reify"]

OPEN_WORDS = ("vague_word", "boundary_word")
ESTABLISHED = "established_term"


def reify(model: GuidelineModel, space: Space, repeated: Mapping[int, int]) -> Iterator[str]:
    """Yield the facts about a guideline, ground for all patients; `repeated` maps rules to the earlier ones they repeat."""
    program, data = space.program, [text for text, _ in space.data]
    for annotation in model.annotations.values():
        yield from about_annotation(annotation, model)
    for rule, earlier in sorted(repeated.items()):
        yield f"duplicate_of({quoted(model.rules[rule].id)},{quoted(model.rules[earlier].id)})"
    for source in (rule for rule in model.rules if rule.role != AGGREGATE):
        yield from about_rule(source, model)
    yield from about_instances(model, program)
    yield from (f"predicate_role({name},{role})" for name, role in model.roles.items())
    yield from open_words(model, data)
    yield from about_doses(model, space)


def about_doses(model: GuidelineModel, space: Space) -> Iterator[str]:
    """Yield what doses mean, in which units and under which annotations they are given, and in which order of steps."""
    program, rules = space.program, model.rules
    concluded = ((program.atoms[r.head], model.dosage_order.get(rules[r.rule].id)) for r in program.rules)
    written = [(atom, order) for atom, order in concluded if order is not None]
    written += [
        (f'dose({d.target},{d.schedule},{d.step},"{d.amount}",{d.unit})', d.order) for d in model.doses if d.kind == "dose"
    ]
    yield from dose_meanings([*program.atoms, *(text for text, _ in space.data)], model)
    supports: dict[str, list[tuple[tuple[int, bool], ...]]] = {text: [()] for text, _ in space.data}
    for own in program.rules:
        supports.setdefault(program.atoms[own.head], []).append(own.conditions)
    yield from constant_limits(supports)
    yield from (
        f"_under({text},{quoted(name)})" for text, name in space.data if name is not None and text.startswith("dose")
    )
    places: dict[tuple[str, ...], int] = {}
    for atom, order in written:
        predicate, (target, schedule, step, *said) = split_atom(atom)
        if predicate == "dose":
            yield f"_dosed_in({target},{said[1]})"
            places[target, schedule, step] = min(order, places.get((target, schedule, step), order))
    yield from (f"_step_at({','.join(step)},{order})" for step, order in places.items())


def about_annotation(annotation: Annotation, model: GuidelineModel) -> Iterator[str]:
    name = quoted(annotation.id)
    yield f"annotation({name},{annotation.kind})"
    if annotation.kind != "alternative":
        yield f"constant({name},{annotation.id[:1].lower()}{annotation.id[1:]})"
    yield from (f"cites({name},{number})" for number in annotation.citations)
    yield from (f"rests_on({name},{trial})" for trial in annotation.trials)
    yield from (f"interprets({name},{quoted(other)})" for other in annotation.reads)
    if annotation.kind == "alternative":
        yield f"alternative_of({name},{quoted(annotation.id.partition('=')[0])})"
    if annotation.unformalised:
        yield f"not_formalised({name})"
    if model.data.get(annotation.id):
        yield f"has_data({name})"
    for trial, about in model.trials.items():
        if re.search(rf"\b{re.escape(about.label)}\b", annotation.text):
            yield f"mentions({name},{trial})"


def about_rule(rule: Rule, model: GuidelineModel) -> Iterator[str]:
    """Yield whose rule it is, what it concludes, and what its conditions test."""
    name, head = quoted(rule.id), split_atom(rule.head)[0]
    if rule.annotation is not None:
        yield f"rule({name},{quoted(rule.annotation)})"
    yield f"head({name},{head})"
    for condition in rule.tested:
        predicate, arguments = split_atom(condition.text)
        sign = "no" if condition.negated else "yes"
        yield f"tests({name},{predicate},{sign})"
        fact = fact_of(condition.text, model)
        if fact is not None and model.roles[predicate] != "record":
            yield f"tests_fact({name},{fact},{sign})"
        if predicate == "drug_in" and arguments[1][:1].islower():
            yield f"tests_drug({name},{arguments[1]})"
        if predicate == "setting" and head == "indicated" and arguments[0][:1].islower():
            yield f"advises_in({name},{arguments[0]})"


def about_instances(model: GuidelineModel, program: Program) -> Iterator[str]:
    """Yield what rules conclude once they are ground, what they compare, and what is called for with which regimen."""
    concluded: set[tuple[int, str]] = set()
    compared: set[str] = set()
    for ground in program.rules:
        rule = model.rules[ground.rule]
        if rule.annotation is None:
            continue
        concluded.add((ground.rule, program.atoms[ground.head]))
        for atom, negated in ground.conditions:
            if atom in program.aggregates:
                facts = {counted.fact for counted in program.counted[program.aggregates[atom]] if counted.fact is not None}
                compared.update(f"tests_fact({quoted(rule.id)},{fact},yes)" for fact in facts)
            fact = None if program.roles[atom] == "record" else fact_of(program.atoms[atom], model)
            if fact is not None:
                compared.add(f"tests_fact({quoted(rule.id)},{fact},{'no' if negated else 'yes'})")
            if compares_number(program.atoms[atom], model):
                compared.add(f"tests_number({quoted(rule.id)},{'no' if negated else 'yes'}({program.atoms[atom]}))")
    yield from (f"concludes({quoted(model.rules[rule].id)},{head})" for rule, head in sorted(concluded))
    regimens = {n: regimen for regimen, entries in program.table.get("recommended", {}).items() for _, n in entries}
    called = {
        (action, regimens[atom])
        for action, entries in program.table.get("calls_for", {}).items()
        for _, number in entries
        for support in program.supports[number]
        for atom, negated in program.rules[support].conditions
        if atom in regimens and not negated
    }
    yield from (f"called_with({action},{regimen})" for action, regimen in sorted(called))
    yield from sorted(compared)


def open_words(model: GuidelineModel, data: Iterable[str]) -> Iterator[str]:
    """Yield the open words of each annotation; where it has none, those in the labels of the facts that its rules read.

    What is part of an established term is none, nor what is part of the name of a setting which the annotation's rules name.
    """
    said = [(predicate, arguments[0].strip('"')) for predicate, arguments in map(split_atom, data) if arguments]
    words = {word.lower() for predicate, word in said if predicate in OPEN_WORDS}
    if not words:
        return
    sought = words.union(word for predicate, word in said if predicate == ESTABLISHED)
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, sorted(sought, key=len, reverse=True)))})\b", re.IGNORECASE)

    def words_in(text: str) -> dict[str, None]:
        return dict.fromkeys(found for found in map(str.lower, pattern.findall(text)) if found in words)

    labels = {**model.labels.get("fact", {}), **model.labels.get("course_fact", {})}
    for name, annotation in model.annotations.items():
        defined = {word for label in settings_named(annotation, model) for word in words_in(label)}
        found = [word for word in words_in(annotation.text) if word not in defined]
        yield from (f"contains_word({quoted(name)},{quoted(word)})" for word in found)
        for fact in () if found else dict.fromkeys(facts_read(annotation, model)):
            yield from (
                f"_label_holds_word({quoted(name)},{fact},{quoted(word)})" for word in words_in(labels.get(fact, ""))
            )


def settings_named(annotation: Annotation, model: GuidelineModel) -> Iterator[str]:
    """Yield the words of the settings that an annotation's rules name: what they mean is what places a patient there."""
    for rule in model.rules:
        if rule.annotation == annotation.id:
            for text in (rule.head, *(condition.text for condition in rule.tested)):
                predicate, arguments = split_atom(text)
                if predicate in ("places", "setting"):
                    yield model.labels.get("setting", {}).get(arguments[0], "")


def facts_read(annotation: Annotation, model: GuidelineModel) -> Iterator[str]:
    """Yield the facts that an annotation's rules read."""
    for rule in model.rules:
        for condition in rule.tested if rule.annotation == annotation.id else ():
            fact = fact_of(condition.text, model)
            if fact is not None:
                yield fact
