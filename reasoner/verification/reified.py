"""What stands written in a guideline, as clingo facts: its annotations, its rules, the words of its statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import clingo

from reasoner.compiler.model import Annotation, GuidelineModel, Rule
from reasoner.compiler.program import Program

__all__ = ["reify"]

PREDICATE = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
PARTS = re.compile(r'"(?:\\.|[^"\\])*"|[^"]')
ABOUT_FACTS = {"has": 0, "is": 0, "includes": 0, "at_most": 0, "more_than": 0, "known": 0, "recorded": 0, "lists": 0}
ABOUT_RECORD = {"known", "recorded", "lists"}
ABOUT_COURSES = {"course_has": 1, "course_at_least": 1}
BELOW = {("at_most", False), ("more_than", True), ("course_at_least", True)}
ABOVE = {("at_most", True), ("more_than", False), ("course_at_least", False)}


def quoted(text: str) -> str:
    return str(clingo.String(text))


def split(atom: str) -> tuple[str, list[str]]:
    """Split an atom's text into its predicate and its arguments."""
    found = PREDICATE.fullmatch(atom)
    if found is None or not found[2]:
        return atom, []
    arguments, depth = [""], 0
    for part in PARTS.findall(found[2]):
        depth += (part == "(") - (part == ")")
        if part == "," and depth == 0:
            arguments.append("")
        else:
            arguments[-1] += part
    return found[1], [argument.strip() for argument in arguments]


def fact_of(atom: str) -> str | None:
    """Name the fact that a condition reads, None where it reads none or any."""
    name, arguments = split(atom)
    position = ABOUT_FACTS.get(name, ABOUT_COURSES.get(name))
    if position is None or len(arguments) <= position or not arguments[position][:1].islower():
        return None
    return arguments[position]


def reify(model: GuidelineModel, program: Program, data: Iterable[str], repeated: Mapping[int, int]) -> Iterator[str]:
    """Yield the facts; ``defects.lp`` says what they mean. `repeated` maps rules to the earlier ones that they repeat."""
    annotations = model.annotations
    for name, annotation in annotations.items():
        yield f"annotation({quoted(name)},{annotation.kind})"
        yield f"alias({quoted(name)},{name[:1].lower()}{name[1:]})"
        yield from (f"cites({quoted(name)},{number})" for number in annotation.citations)
        yield from (f"rests({quoted(name)},{trial})" for trial in annotation.trials)
        yield from (f"interprets({quoted(name)},{quoted(other)})" for other in annotation.reads)
        if annotation.unformalised:
            yield f"marked({quoted(name)})"
        if model.data.get(name):
            yield f"data_of({quoted(name)})"
        for trial, about in model.trials.items():
            if re.search(rf"\b{re.escape(about.label)}\b", annotation.text):
                yield f"mentions({quoted(name)},{trial})"
    for rule, earlier in sorted(repeated.items()):
        yield f"repeated({quoted(model.rules[rule].id)},{quoted(model.rules[earlier].id)})"
    for rule_ in model.rules:
        yield from about_rule(rule_)
    concluded = {(ground.rule, program.atoms[ground.head]) for ground in program.rules}
    for number, head in sorted(concluded):
        if model.rules[number].annotation is not None:
            yield f"concludes({quoted(model.rules[number].id)},{head})"
    called = {
        (split(program.atoms[ground.head])[1][0], split(program.atoms[atom])[1][0])
        for ground in program.rules
        for atom, negated in ground.conditions
        if program.atoms[ground.head].startswith("calls_for(")
        and program.atoms[atom].startswith("recommended(")
        and not negated
    }
    yield from (f"calls_with({action},{regimen})" for action, regimen in sorted(called))
    yield from (f"predicate_role({name},{role})" for name, role in model.roles.items())
    yield from sides(model, program)
    yield from words(model, data)


def about_rule(rule: Rule) -> Iterator[str]:
    """Yield whose rule it is, what it concludes and what it asks for."""
    name = quoted(rule.id)
    if rule.annotation is not None:
        yield f"rule({name},{quoted(rule.annotation)})"
    yield f"head({name},{split(rule.head)[0]})"
    for condition in rule.body:
        if condition.comparison:
            continue
        predicate, arguments = split(condition.text)
        sign = "no" if condition.negated else "yes"
        yield f"asks({name},{predicate},{sign})"
        fact = fact_of(condition.text)
        if fact is not None and predicate not in ABOUT_RECORD:
            yield f"asks_fact({name},{fact},{sign})"
        if predicate == "drug_in" and arguments[1][:1].islower():
            yield f"asks_drug({name},{arguments[1]})"
        if predicate == "setting" and rule.head.startswith("indicated(") and arguments[0][:1].islower():
            yield f"speaks({quoted(rule.annotation or rule.id)},{arguments[0]})"


def sides(model: GuidelineModel, program: Program) -> Iterator[str]:
    """Yield which conditions of rules hold below a threshold of a number, and which above one."""
    found = set()
    for ground in program.rules:
        rule = model.rules[ground.rule]
        for atom, negated in ground.conditions:
            text = program.atoms[atom]
            key = (split(text)[0], negated)
            fact = fact_of(text)
            if rule.annotation is not None and fact is not None and key in BELOW | ABOVE:
                side = "below" if key in BELOW else "above"
                found.add(f"{side}({quoted(rule.id)},{'no' if negated else 'yes'}({text}),{fact})")
    yield from sorted(found)


def words(model: GuidelineModel, data: Iterable[str]) -> Iterator[str]:
    """Yield the open words of each statement; where it has none, those in the labels of the facts that its rules read."""
    vague = [split(text)[1][0].strip('"') for text in data if text.startswith(("vague_word(", "boundary_word("))]
    if not vague:
        return
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, sorted(vague, key=len, reverse=True)))})\b", re.IGNORECASE)
    labels = {**model.labels.get("fact", {}), **model.labels.get("course_fact", {})}
    for name, annotation in model.annotations.items():
        for word in dict.fromkeys(vague_words(annotation, pattern, model, labels)):
            yield f"word({quoted(name)},{quoted(word)})"


def vague_words(
    annotation: Annotation, pattern: re.Pattern[str], model: GuidelineModel, labels: Mapping[str, str]
) -> list[str]:
    own = [word.lower() for word in pattern.findall(annotation.text)]
    if own:
        return own
    facts = [
        fact_of(c.text) for rule in model.rules if rule.annotation == annotation.id for c in rule.body if not c.comparison
    ]
    return [word.lower() for fact in facts if fact for word in pattern.findall(labels.get(fact, ""))]
