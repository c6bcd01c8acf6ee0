"""From a guideline's rules to boolean equations in dependency order.

clingo grounds the guideline once, with everything that a record can say left open. The ground rules of a guideline without
recursion are boolean equations: evaluated in dependency order with ``&``, ``|`` and ``~`` on integers, every atom is an
integer whose bit *i* tells whether the atom holds in completion *i* of one record's unknown facts. The same integers say
which rules fired and, for those that did not, which conditions kept them from firing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import clingo

from reasoner.compiler.aggregates import AGGREGATE, distinct_aggregates, element_rules, literal_text, seen_term
from reasoner.compiler.catalogue import declared_variables
from reasoner.compiler.dosage import dosage_problem, dose_units
from reasoner.compiler.model import Aggregate, Rule, Variable
from reasoner.compiler.ordering import Loop, in_dependency_order, refuse_recursion
from reasoner.compiler.parser import ParsedGuideline
from reasoner.compiler.phrasing import Phrasing
from reasoner.compiler.program import Counted, GroundRule, Program, reachable
from reasoner.compiler.selection import shared_folder
from reasoner.compiler.sums import (
    Body,
    Definitions,
    Elements,
    GroundAggregate,
    Instances,
    Known,
    aggregate_name,
    ground_aggregate,
)
from reasoner.compiler.syntax import undefined
from reasoner.compiler.vocabulary import DOSAGE, GIVEN
from reasoner.errors import GuidelineError

__all__ = ["ground", "recursion"]

SCORE = "score"
TOLD = (SCORE, "step_done")
"""What is concluded for answers to tell, beside positions and conclusions."""
NEGATIVE = re.compile(r"tuple ignored:\n\s*-\d+(,|$)", re.MULTILINE)
"""What clingo says of a tuple that ``#sum+`` leaves out by definition."""
NAME = re.compile(r"\b_*[a-z]\w*")
LINE = re.compile(r"<block>:(\d+):")
COMPARED = ("setting", "recommended", "rank", "strength", "excluded", "action", "cautioned", SCORE)


class Grounded(NamedTuple):
    """What clingo made of the rules: the atoms that a record decides, what rules conclude, and what holds in any case.

    `aggregates` are the atoms that stand for counts and sums in the conditions of rules, `elements` what each counts.
    """

    inputs: tuple[clingo.Symbol, ...]
    instances: Instances
    facts: frozenset[clingo.Symbol]
    aggregates: dict[clingo.Symbol, GroundAggregate]
    elements: dict[tuple[int, clingo.Symbol], Elements]


class Ordered(NamedTuple):
    """The ground rules by the atoms that they conclude, these in dependency order, and what `in_dependency_order` adds."""

    instances: Instances
    derived: list[clingo.Symbol]
    loops: list[Loop]
    recursive: str | None


def ground(parsed: ParsedGuideline, courses: int, fewer: bool = False, removable: bool = False) -> Program:
    """Ground a guideline for records with `courses` courses; with `fewer`, for fewer courses too.

    With `removable` the data under readings are inputs, so that a reading can be left out.

    Raises GuidelineError where clingo refuses a rule (an unsafe variable, say).
    """
    removed = parsed.data_under_readings() if removable else {}
    variables = declared_variables(parsed, courses, fewer)
    return assemble(instances_of(parsed, courses, fewer, removed), parsed, courses, variables, removed)


def recursion(parsed: ParsedGuideline) -> str | None:
    """Find where a guideline, ground for two courses, depends on itself through negation; raises as `ground` does."""
    return in_order(instances_of(parsed, 2, False, {}), parsed.rules).recursive


def instances_of(parsed: ParsedGuideline, courses: int, fewer: bool, removed: Mapping[str, str]) -> Grounded:
    """Let clingo ground a guideline, and read back what it made of its rules."""
    messages: list[str] = []
    control = clingo.Control(
        ["--warn=no-atom-undefined", "--warn=no-global-variable"], logger=lambda _, text: messages.append(text)
    )
    lines = list(instrument(parsed, courses, fewer, removed))
    try:
        control.add("base", [], "\n".join(text for _, text in lines))
        control.ground()
    except RuntimeError:
        raise GuidelineError(explain_refusal(messages, lines)) from None
    messages = [message for message in messages if NEGATIVE.search(message) is None]
    if messages:
        raise GuidelineError(explain_refusal(messages, lines))
    grounded = read_back(control, parsed, removed)
    check_dosage(grounded.instances, parsed)
    return grounded


def check_dosage(instances: Instances, parsed: ParsedGuideline) -> None:
    """Check that each dose that rules conclude can be worded and ordered."""
    units = dose_units(parsed.catalogue)
    for head, own in instances.items():
        if parsed.predicates[head.name].role == DOSAGE:
            problem = dosage_problem(head.name, list(map(str, head.arguments)), units)
            if problem:
                raise GuidelineError(f"{parsed.rules[own[0][0]].place}: {head}: {problem}")


def instrument(
    parsed: ParsedGuideline, courses: int, fewer: bool, removed: Mapping[str, str]
) -> Iterator[tuple[Rule | None, str]]:
    """Yield the lines of the program that clingo grounds, each with the rule that it is made of.

    They are the data that are read, each rule's instances as atoms of their own, and at last everything that is open.
    """
    opening = (shared_folder() / "core" / "open.lp").read_text("utf-8")
    read = set(NAME.findall(opening)).union(*(NAME.findall(text) for text in parsed.conditions()))
    for text in parsed.data:
        if text[:-1] in removed:
            yield None, f"{{ {text[:-1]} }}."
        elif ":-" in text or not read.isdisjoint(NAME.findall(text.partition("(")[0])):
            yield None, text
    yield None, f"#const _courses = {courses}. #const _open_courses = {int(fewer)}."
    numbers = numbered_aggregates(parsed.rules)
    for number, rule in enumerate(parsed.rules):
        if rule.role == AGGREGATE:
            continue
        body = ", ".join(map(literal_text, rule.body))
        seen = "".join(f"{seen_term(c, numbers)}," for c in rule.body if not c.comparison)
        tail = f" :- {body}." if body else "."
        yield rule, f"{{ {rule.head} }}{tail}"
        yield rule, f"_fires({number}, {rule.head}, ({seen})){tail}"
        yield from ((rule, text) for text in element_rules(rule, numbers))
    yield None, opening


def numbered_aggregates(rules: Sequence[Rule]) -> dict[Aggregate, int]:
    """Give each aggregate of rules its number: its place among the rules that stand for them."""
    return {aggregate: number for number, aggregate in enumerate(distinct_aggregates(rules))}


def explain_refusal(messages: Sequence[str], lines: Sequence[tuple[Rule | None, str]]) -> str:
    """Find the rule that clingo refused or left instances of out, and word it with its own place."""
    for message in messages:
        found = LINE.match(message)
        rule = lines[int(found[1]) - 1][0] if found is not None and int(found[1]) <= len(lines) else None
        if rule is not None and "unsafe" in message:
            names = ", ".join(sorted(set(re.findall(r"note: '(\w+)' is unsafe", message))))
            return f"{rule.place}: {rule.head}: {names} stands in no positive condition of the rule; bind it there."
        if rule is not None:
            return f"{rule.place}: {rule.head}: {undefined(message)}"
    if told := "\n".join(messages).strip():
        return told
    rule = too_large(lines)
    place = f"{rule.place}: {rule.head}: " if rule is not None else ""
    return f"{place}a number in it is too large when it is added up; the largest is 2147483647."


def too_large(lines: Sequence[tuple[Rule | None, str]]) -> Rule | None:
    """Find the first rule with a sum with which clingo, which gives no reason, refuses the rules."""
    sums = dict.fromkeys(rule for rule, text in lines if rule is not None and "#sum" in text)
    for count, rule in enumerate(sums, start=1):
        left_out = set(list(sums)[count:])
        control = clingo.Control(["--warn=none"])
        try:
            control.add("base", [], "\n".join(text for own, text in lines if own not in left_out))
            control.ground()
        except RuntimeError:
            return rule
    return None


def read_back(control: clingo.Control, parsed: ParsedGuideline, removed: Collection[str]) -> Grounded:
    """Read the ground rules back from the atoms that stand for their instances."""
    inputs: dict[clingo.Symbol, None] = {}
    instances: Instances = {}
    facts: set[clingo.Symbol] = set()
    aggregates: dict[clingo.Symbol, GroundAggregate] = {}
    elements: dict[tuple[int, clingo.Symbol], Elements] = {}
    read_elements: list[clingo.Symbol] = []
    names = [aggregate_name(aggregate.function) for aggregate in distinct_aggregates(parsed.rules)]

    def read(seen: clingo.Symbol, rule: Rule) -> Body:
        body = []
        for condition in seen.arguments:
            symbol = condition.arguments[0]
            if condition.name == "of":
                symbol, aggregates[symbol] = ground_aggregate(condition, names, rule)
            body.append((symbol, condition.name == "no"))
        return tuple(body)

    for atom in control.symbolic_atoms:
        symbol = atom.symbol
        predicate = parsed.predicates.get(symbol.name)
        if symbol.name == "_fires":
            rule, head, seen = symbol.arguments
            instances.setdefault(head, []).append((rule.number, read(seen, parsed.rules[rule.number])))
        elif symbol.name == "_element":
            read_elements.append(symbol)
        elif predicate is not None and not atom.is_fact and (predicate.role in GIVEN or str(symbol) in removed):
            inputs[symbol] = None
        elif atom.is_fact:
            facts.add(symbol)
    for symbol in sorted(read_elements, key=lambda element: element.arguments[2].number):
        number, bindings, _, terms, seen = symbol.arguments
        ways = elements.setdefault((number.number, bindings), {}).setdefault(tuple(terms.arguments), [])
        ways.append(tuple((condition.arguments[0], condition.name == "no") for condition in seen.arguments))
    return Grounded(tuple(inputs), instances, frozenset(facts), aggregates, elements)


def define_aggregates(grounded: Grounded, rules: Sequence[Rule]) -> Instances:
    """Give the ground rules that conclude the atoms of aggregates.

    Raises GuidelineError where what an aggregate counts depends on the aggregate.
    """
    functions = [aggregate.function for aggregate in distinct_aggregates(rules)]
    known = Known(grounded.facts, {*grounded.inputs, *grounded.instances})
    definitions = Definitions(known, rules, len(rules) - len(functions))
    for symbol, aggregate in grounded.aggregates.items():
        elements = grounded.elements.get((aggregate.number, aggregate.bindings), {})
        definitions.define(symbol, aggregate, elements, functions[aggregate.number] == "#sum+")
    return definitions.instances


def in_order(grounded: Grounded, rules: Sequence[Rule]) -> Ordered:
    """Put the atoms that rules conclude in dependency order, with those that stand for counts and sums."""
    instances = {**grounded.instances, **define_aggregates(grounded, rules)}
    derived, loops, recursive = in_dependency_order(instances, rules)
    if loops or recursive is not None:
        refuse_recursion(grounded.aggregates, instances, rules)
    return Ordered(instances, derived, loops, recursive)


def assemble(
    grounded: Grounded,
    parsed: ParsedGuideline,
    courses: int,
    variables: tuple[Variable, ...],
    removed: Mapping[str, str],
) -> Program:
    """Make a program of ground rules: atoms and rules are numbered in dependency order."""
    phrasing = Phrasing(parsed)
    instances, derived, loops, recursive = in_order(grounded, parsed.rules)
    always, never = settled_atoms(grounded, instances, phrasing)
    symbols = [*grounded.inputs, *derived, *always, *never]
    index = {symbol: number for number, symbol in enumerate(symbols)}
    rules = tuple(
        GroundRule(number, index[head], tuple((index[symbol], negated) for symbol, negated in body))
        for head in derived
        for number, body in sorted(instances[head])
    )
    supports = supports_of(rules, len(symbols))
    atoms, predicates = tuple(map(str, symbols)), parsed.predicates
    inputs = {atom: number for number, atom in enumerate(atoms[: len(grounded.inputs)])}
    owner = owners(variables, inputs)
    inconsistent = [n for n, rule in enumerate(rules) if symbols[rule.head].name == "inconsistent"]
    concluding = tuple(index[symbol] for symbol in derived if predicates[symbol.name].role == "conclusion")
    compared = tuple(index[s] for s in derived if s.name in COMPARED or predicates[s.name].role == DOSAGE)
    tied = tie([inputs_behind([rules[n].head], rules, supports, len(inputs)) for n in inconsistent], owner)
    behind = inputs_behind((*concluding, *compared), rules, supports, len(inputs))
    counting = counted_by(grounded, phrasing, index, parsed.rules)
    sources = [parsed.reading_of(parsed.rules[rule.rule].annotation) for rule in rules]
    readings = tuple(name for name in parsed.annotations if name in {*sources, *removed.values()})
    return Program(
        courses=courses,
        variables=variables,
        atoms=atoms,
        phrases=tuple(phrase_of(symbol, grounded, phrasing, counting) for symbol in symbols),
        roles=tuple(predicates[symbol.name].role for symbol in symbols),
        inputs=inputs,
        derived=len(derived),
        always=len(always),
        index={atom: number for number, atom in enumerate(atoms)},
        rules=rules,
        supports=tuple(map(tuple, supports)),
        inconsistent=tuple(inconsistent),
        constraint_components={group: positions for group, positions, _ in tied},
        constraint_inputs={group: frozenset(atoms[n] for n in others) for group, _, others in tied},
        relevant=frozenset(owner[atom] for atom in behind if atom in owner),
        concluding=concluding,
        compared=compared,
        table=tabulate(derived, index, parsed),
        aggregates={index[symbol]: list(counting).index(a[:2]) for symbol, a in grounded.aggregates.items()},
        counted=tuple(counting.values()),
        loops=tuple(sorted((index[loop[0]], index[loop[-1]] + 1) for loop in loops)),
        recursive=recursive,
        readings=readings,
        under=tuple(-1 if source is None else readings.index(source) for source in sources),
        removable={inputs[atom]: readings.index(reading) for atom, reading in removed.items() if atom in inputs},
    )


def supports_of(rules: Sequence[GroundRule], atoms: int) -> list[list[int]]:
    """List for each atom the rules that conclude it."""
    supports: list[list[int]] = [[] for _ in range(atoms)]
    for number, rule in enumerate(rules):
        supports[rule.head].append(number)
    return supports


def settled_atoms(
    grounded: Grounded, instances: Instances, phrasing: Phrasing
) -> tuple[list[clingo.Symbol], list[clingo.Symbol]]:
    """List the atoms in conditions that always hold, and those that never do."""
    bodies = (body for own in instances.values() for _, body in own)
    ways = (way for elements in grounded.elements.values() for ways in elements.values() for way in ways)
    used = {symbol for body in chain(bodies, map(phrasing.shown, ways)) for symbol, _ in body}.difference(instances)
    always = sorted(symbol for symbol in used if symbol in grounded.facts)
    return always, sorted(used.difference(always, grounded.inputs))


def owners(variables: Sequence[Variable], inputs: Mapping[str, int]) -> dict[int, int]:
    """Find for each input atom that a variable decides the variable."""
    return {
        inputs[atom]: v
        for v, variable in enumerate(variables)
        for _, own in variable.values
        for atom in own
        if atom in inputs
    }


def counted_by(
    grounded: Grounded, phrasing: Phrasing, index: Mapping[clingo.Symbol, int], rules: Sequence[Rule]
) -> dict[tuple[int, clingo.Symbol], tuple[Counted, ...]]:
    """Word what each ground aggregate counts, by the aggregate's number and bindings."""
    functions = [aggregate.function for aggregate in distinct_aggregates(rules)]
    return {
        key: phrasing.counted(grounded.elements.get(key, {}), index, functions[key[0]])
        for key in dict.fromkeys((a.number, a.bindings) for a in grounded.aggregates.values())
    }


def phrase_of(
    symbol: clingo.Symbol,
    grounded: Grounded,
    phrasing: Phrasing,
    counting: Mapping[tuple[int, clingo.Symbol], Sequence[Counted]],
) -> str:
    aggregate = grounded.aggregates.get(symbol)
    if aggregate is None:
        return phrasing.atom(symbol)
    return phrasing.aggregate(symbol.name, aggregate.allowed, counting[aggregate[:2]])


def tabulate(
    derived: Sequence[clingo.Symbol], index: dict[clingo.Symbol, int], parsed: ParsedGuideline
) -> dict[str, dict[str, tuple[tuple[str, int], ...]]]:
    """Table the conclusions and positions by predicate and first argument."""
    table: dict[str, dict[str, tuple[tuple[str, int], ...]]] = {}
    for symbol in sorted(derived):
        if parsed.predicates[symbol.name].role in ("conclusion", "position", DOSAGE) or symbol.name in TOLD:
            first, second, *_ = (*map(str, symbol.arguments), "", "")
            rows = table.setdefault(symbol.name, {})
            rows[first] = (*rows.get(first, ()), (second, index[symbol]))
    return table


def inputs_behind(
    atoms: Sequence[int], rules: Sequence[GroundRule], supports: Sequence[Sequence[int]], inputs: int
) -> set[int]:
    """Find the input atoms that atoms depend on."""
    behind = reachable(atoms, lambda atom: (c for rule in supports[atom] for c, _ in rules[rule].conditions))
    return {atom for atom in behind if atom < inputs}


def tie(read: Sequence[set[int]], owner: dict[int, int]) -> list[tuple[tuple[int, ...], tuple[int, ...], set[int]]]:
    """Group the variables that what is inconsistent ties together.

    `read` gives the input atoms behind each rule that says what is inconsistent, `owner` for an input atom that a variable
    decides the variable. Each group comes with the positions of its rules, and with the other input atoms that they read.
    """
    tied: list[tuple[set[int], list[int], set[int]]] = []
    for position, inputs in enumerate(read):
        together = {owner[atom] for atom in inputs if atom in owner}
        positions, others = [position], {atom for atom in inputs if atom not in owner}
        for other in [group for group in tied if group[0] & together or group[0] == together]:
            tied.remove(other)
            together |= other[0]
            positions += other[1]
            others |= other[2]
        tied.append((together, positions, others))
    return [(tuple(sorted(together)), tuple(sorted(positions)), others) for together, positions, others in tied]
