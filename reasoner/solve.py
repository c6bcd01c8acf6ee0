"""Answer by clingo's own solving: for a guideline with recursion, which straight-line code cannot evaluate.

Each answer set of each completion becomes a world of its own, so that the answer is drawn from them in the same way.
"""

from __future__ import annotations

from importlib import resources

import clingo

from reasoner.errors import GuidelineError
from reasoner.knowledge import Knowledge
from reasoner.program import Program
from reasoner.record import Record
from reasoner.source import Source
from reasoner.worlds import Axis, Worlds, build

__all__ = ["solve"]

LIMIT = 2**16


def solve(
    record: Record, program: Program, knowledge: Knowledge, worlds: Worlds, source: Source
) -> tuple[Worlds, list[int], list[int]]:
    """Solve `record` with clingo; return the worlds and the integers of all atoms and of all ground rules in them.

    Raises GuidelineError where a completion has no answer set, or where there are more than 65,536 answer sets.
    """
    found: list[list[frozenset[str]]] = [[] for _ in range(worlds.count)]
    total = 0
    control = control_of(record, source)
    with control.solve(yield_=True) as handle:
        for model in handle:
            total += 1
            if total > LIMIT:
                raise GuidelineError(f"{record.id}: more than {LIMIT} answer sets; record more facts.")
            atoms = frozenset(str(symbol) for symbol in model.symbols(atoms=True))
            found[world_of(atoms, worlds, knowledge)].append(atoms)
    if not all(found):
        raise GuidelineError(
            f"{record.id}: the guideline's rules contradict each other for this record: {program.recursive}."
        )
    widest = max(len(models) for models in found)
    axes = (*worlds.axes, Axis((), ((),) * widest)) if widest > 1 else worlds.axes
    several = build(axes, len(knowledge.variables), record.choices, [len(v.values) for v in knowledge.variables])
    values = [0] * len(program.atoms)
    for step in range(widest):
        for world, models in enumerate(found):
            bit = 1 << (step * worlds.count + world)
            for atom in models[step % len(models)]:
                number = program.index.get(atom)
                if number is not None:
                    values[number] |= bit
    fired = []
    for rule in program.rules:
        holds = several.all
        for condition, negated in rule.conditions:
            holds &= ~values[condition] if negated else values[condition]
        fired.append(holds)
    return several, values, fired


def control_of(record: Record, source: Source) -> clingo.Control:
    """Ground the guideline's own rules with one record's facts, everything unknown left open."""
    mapping = resources.files("asp") / "core" / "from_record.lp"
    rules = [
        f"{rule.head} :- {', '.join(('not ' if c.negated else '') + c.text for c in rule.body)}."
        if rule.body
        else f"{rule.head}."
        for rule in source.rules
    ]
    control = clingo.Control(["0", "--warn=none"])
    control.add("base", [], "\n".join([*source.data, mapping.read_text("utf-8"), *rules, record.facts]))
    control.ground()
    return control


def world_of(atoms: frozenset[str], worlds: Worlds, knowledge: Knowledge) -> int:
    """Find the number of the completion that an answer set belongs to."""
    number = 0
    for axis, stride, _ in worlds.layout:
        values = []
        for variable in axis.variables:
            options = knowledge.variables[variable].values
            marks = {atom for _, own in options for atom in own}
            held = frozenset(marks & atoms)
            values.append(next(n for n, (_, own) in enumerate(options) if frozenset(own) == held))
        number += axis.steps.index(tuple(values)) * stride
    return number
