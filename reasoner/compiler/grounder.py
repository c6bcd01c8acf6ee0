"""From a guideline's rules to boolean equations in dependency order.

clingo grounds the guideline once, with everything that a record can say left open. The ground rules of a guideline without
recursion are boolean equations: evaluated in dependency order with ``&``, ``|`` and ``~`` on integers, every atom is an
integer whose bit *i* tells whether the atom holds in completion *i* of one record's unknown facts. The same integers say
which rules fired and, for those that did not, which conditions kept them from firing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import clingo

from reasoner.compiler.catalogue import declared_variables, symbol_text
from reasoner.compiler.model import Rule, Variable
from reasoner.compiler.parser import ParsedGuideline
from reasoner.compiler.program import GroundRule, Program, reachable
from reasoner.compiler.selection import shared_folder
from reasoner.compiler.vocabulary import GIVEN
from reasoner.errors import GuidelineError

__all__ = ["ground"]

COMPARED = ("setting", "recommended", "rank", "strength", "excluded", "action", "cautioned")

Body = tuple[tuple[clingo.Symbol, bool], ...]
Instances = dict[clingo.Symbol, list[tuple[int, Body]]]
"""For each atom that rules conclude: the numbers of the rules, with the conditions of each instance."""


class Grounded(NamedTuple):
    """What clingo made of the rules: the atoms that a record decides, what rules conclude, and what holds in any case."""

    inputs: tuple[clingo.Symbol, ...]
    instances: Instances
    facts: frozenset[clingo.Symbol]


def ground(parsed: ParsedGuideline, courses: int, fewer: bool = False, removable: bool = False) -> Program:
    """Ground a guideline for records with `courses` courses; with `fewer`, for fewer courses too.

    With `removable` the data under readings are inputs, so that a reading can be left out.

    Raises GuidelineError where clingo refuses a rule (an unsafe variable, say).
    """
    messages: list[str] = []
    control = clingo.Control(["--warn=no-atom-undefined"], logger=lambda _, text: messages.append(text))
    removed = parsed.data_under_readings() if removable else {}
    try:
        control.add("base", [], instrument(parsed, courses, fewer, removed))
        control.ground()
    except RuntimeError:
        raise GuidelineError(explain_refusal(messages, parsed.rules)) from None
    variables = declared_variables(parsed, courses, fewer)
    return assemble(read_back(control, parsed, removed), parsed, courses, variables, removed)


def instrument(parsed: ParsedGuideline, courses: int, fewer: bool, removed: Mapping[str, str]) -> str:
    """Write the program that clingo grounds: all data, everything open, and each rule's instances as atoms of their own."""
    open_rules = (shared_folder() / "core" / "open.lp").read_text("utf-8")
    data = (f"{{ {text[:-1]} }}." if text[:-1] in removed else text for text in parsed.data)
    lines = [*data, f"#const _courses = {courses}. #const _open_courses = {int(fewer)}.", open_rules]
    for number, rule in enumerate(parsed.rules):
        body = ", ".join(("not " if c.negated else "") + c.text for c in rule.body)
        seen = "".join(f"{'no' if c.negated else 'yes'}({c.text})," for c in rule.body if not c.comparison)
        tail = f" :- {body}." if body else "."
        lines += [f"{{ {rule.head} }}{tail}", f"_fires({number}, {rule.head}, ({seen})){tail}"]
    return "\n".join(lines)


def explain_refusal(messages: Sequence[str], rules: Sequence[Rule]) -> str:
    """Find the rule that clingo refused, and word it with its own place."""
    for number, rule in enumerate(rules):
        for message in messages:
            if "unsafe" in message and f"_fires({number}," in message:
                names = ", ".join(sorted(set(re.findall(r"note: '(\w+)' is unsafe", message))))
                return f"{rule.place}: {rule.head}: {names} stands in no positive condition of the rule; bind it there."
    return "\n".join(messages).strip()


def read_back(control: clingo.Control, parsed: ParsedGuideline, removed: Collection[str]) -> Grounded:
    """Read the ground rules back from the atoms that stand for their instances."""
    inputs: dict[clingo.Symbol, None] = {}
    instances: Instances = {}
    facts: set[clingo.Symbol] = set()
    for atom in control.symbolic_atoms:
        symbol = atom.symbol
        predicate = parsed.predicates.get(symbol.name)
        if symbol.name == "_fires":
            rule, head, seen = symbol.arguments
            body = tuple((condition.arguments[0], condition.name == "no") for condition in seen.arguments)
            instances.setdefault(head, []).append((rule.number, body))
        elif predicate is not None and not atom.is_fact and (predicate.role in GIVEN or str(symbol) in removed):
            inputs[symbol] = None
        elif atom.is_fact:
            facts.add(symbol)
    return Grounded(tuple(inputs), instances, frozenset(facts))


def assemble(
    grounded: Grounded,
    parsed: ParsedGuideline,
    courses: int,
    variables: tuple[Variable, ...],
    removed: Mapping[str, str],
) -> Program:
    """Make a program of ground rules: atoms and rules are numbered in dependency order."""
    instances, predicates = grounded.instances, parsed.predicates
    derived, recursive = topological_order(instances, parsed.rules)
    used = {symbol for own in instances.values() for _, body in own for symbol, _ in body}.difference(instances)
    always = sorted(symbol for symbol in used if symbol in grounded.facts)
    never = sorted(used.difference(always, grounded.inputs))
    symbols = [*grounded.inputs, *derived, *always, *never]
    index = {symbol: number for number, symbol in enumerate(symbols)}
    rules = tuple(
        GroundRule(number, index[head], tuple((index[symbol], negated) for symbol, negated in body))
        for head in derived
        for number, body in sorted(instances[head])
    )
    supports: list[list[int]] = [[] for _ in symbols]
    for number, ground_rule in enumerate(rules):
        supports[ground_rule.head].append(number)
    atoms = tuple(map(str, symbols))
    inputs = {atom: number for number, atom in enumerate(atoms[: len(grounded.inputs)])}
    owner = owners(variables, inputs)
    inconsistent = tuple(n for n, rule in enumerate(rules) if symbols[rule.head].name == "inconsistent")
    concluding = tuple(index[symbol] for symbol in derived if predicates[symbol.name].role == "conclusion")
    tied = tie([inputs_behind([rules[n].head], rules, supports, len(inputs)) for n in inconsistent], owner)
    labels = {(str(kind), str(name)): label.string for kind, name, label in parsed.catalogue.get("term", [])}
    labels |= {("reading", name.lower()): name for name, known in parsed.annotations.items() if known.kind == "reading"}
    sources = [parsed.reading_of(parsed.rules[rule.rule].annotation) for rule in rules]
    readings = tuple(name for name in parsed.annotations if name in {*sources, *removed.values()})
    return Program(
        courses=courses,
        variables=variables,
        atoms=atoms,
        phrases=tuple(phrase_of(symbol, parsed, labels) for symbol in symbols),
        roles=tuple(predicates[symbol.name].role for symbol in symbols),
        inputs=inputs,
        derived=len(derived),
        always=len(always),
        index={atom: number for number, atom in enumerate(atoms)},
        rules=rules,
        supports=tuple(map(tuple, supports)),
        inconsistent=inconsistent,
        constraint_components={group: positions for group, positions, _ in tied},
        constraint_inputs={group: frozenset(atoms[n] for n in others) for group, _, others in tied},
        relevant=frozenset(owner[atom] for atom in inputs_behind(concluding, rules, supports, len(inputs)) if atom in owner),
        concluding=concluding,
        compared=tuple(index[symbol] for symbol in derived if symbol.name in COMPARED),
        table=tabulate(derived, index, parsed),
        recursive=recursive,
        readings=readings,
        under=tuple(-1 if source is None else readings.index(source) for source in sources),
        removable={inputs[atom]: readings.index(reading) for atom, reading in removed.items() if atom in inputs},
    )


def owners(variables: Sequence[Variable], inputs: Mapping[str, int]) -> dict[int, int]:
    """Find for each input atom that a variable decides the variable."""
    return {
        inputs[atom]: v
        for v, variable in enumerate(variables)
        for _, own in variable.values
        for atom in own
        if atom in inputs
    }


def phrase_of(symbol: clingo.Symbol, parsed: ParsedGuideline, labels: dict[tuple[str, str], str]) -> str:
    """Word an atom by the phrase of its predicate, with the labels of its arguments."""
    kinds, _, phrase = parsed.predicates[symbol.name]
    for number, (kind, argument) in enumerate(zip(kinds, symbol.arguments, strict=True), start=1):
        name = symbol_text(argument)
        candidates = (f"{kind}_name", kind, "fact", "value", "drug", "class", "reading")
        label = next((labels[candidate, name] for candidate in candidates if (candidate, name) in labels), name)
        phrase = phrase.replace("{" + str(number) + "}", label)
    return phrase


def tabulate(
    derived: Sequence[clingo.Symbol], index: dict[clingo.Symbol, int], parsed: ParsedGuideline
) -> dict[str, dict[str, tuple[tuple[str, int], ...]]]:
    """Table the conclusions and positions by predicate and first argument."""
    table: dict[str, dict[str, tuple[tuple[str, int], ...]]] = {}
    for symbol in sorted(derived):
        if parsed.predicates[symbol.name].role in ("conclusion", "position"):
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


def topological_order(instances: Instances, rules: Sequence[Rule]) -> tuple[list[clingo.Symbol], str | None]:
    """Put the derived atoms in dependency order, last those that depend on themselves; say where they do."""
    sorter = TopologicalSorter(dict.fromkeys(instances, ()))
    for head, own in instances.items():
        sorter.add(head, *(symbol for _, body in own for symbol, _ in body if symbol in instances))
    recursive = None
    try:
        sorter.prepare()
    except CycleError as error:
        recursive = describe_cycle(error.args[1][:0:-1], instances, rules)
    ordered: list[clingo.Symbol] = []
    ready = list(sorter.get_ready())
    while ready:
        ordered.append(ready.pop())
        sorter.done(ordered[-1])
        ready += sorter.get_ready()
    left = dict.fromkeys(instances)
    for symbol in ordered:
        del left[symbol]
    return [*ordered, *left], recursive


def describe_cycle(cycle: Sequence[clingo.Symbol], instances: Instances, rules: Sequence[Rule]) -> str:
    """Say where atoms depend on themselves, in the order in which each depends on the next."""
    on_it = [
        (rules[number], negated)
        for head, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True)
        for number, body in instances[head]
        for symbol, negated in body
        if symbol == following
    ]
    rule = next((rule for rule, _ in on_it if rule.annotation is not None), on_it[0][0])
    way = "through negation" if any(negated for _, negated in on_it) else "on itself"
    names = " -> ".join(map(str, (*cycle, cycle[0])))
    return f"{rule.place}: {cycle[0].name} depends {way}: {names}; answered by clingo's own solving, which is slower"
