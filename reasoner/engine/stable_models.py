"""Answer by clingo's own solving: for a guideline with recursion, which straight-line code cannot evaluate.

Each answer set of each completion becomes a completion of its own, so that the answer is drawn from them in the same way.
"""

from __future__ import annotations

import clingo

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.parser import ParsedGuideline
from reasoner.compiler.program import Program
from reasoner.compiler.selection import shared_folder
from reasoner.engine.completions import Completions, Component, build
from reasoner.errors import GuidelineError
from reasoner.records.record import Record

__all__ = ["solve"]

LIMIT = 2**16


def solve(
    record: Record, program: Program, model: GuidelineModel, completions: Completions, parsed: ParsedGuideline
) -> tuple[Completions, list[int], list[int]]:
    """Solve `record` with clingo; return the completions and the integers of all atoms and of all ground rules in them.

    Raises GuidelineError where a completion has no answer set, or where there are more than 65,536 answer sets.
    """
    found: list[list[frozenset[str]]] = [[] for _ in range(completions.count)]
    total = 0
    control = control_of(record, parsed)
    with control.solve(yield_=True) as handle:
        for answer_set in handle:
            total += 1
            if total > LIMIT:
                raise GuidelineError(f"{record.id}: more than {LIMIT} answer sets; record more facts.")
            atoms = frozenset(str(symbol) for symbol in answer_set.symbols(atoms=True))
            found[completion_of(atoms, completions, model)].append(atoms)
    if not all(found):
        raise GuidelineError(
            f"{record.id}: the guideline's rules contradict each other for this record: {program.recursive}."
        )
    widest = max(len(models) for models in found)
    components = (*completions.components, Component((), ((),) * widest)) if widest > 1 else completions.components
    several = build(components, len(model.variables), record.choices, [len(v.values) for v in model.variables])
    values = [0] * len(program.atoms)
    for assignment in range(widest):
        for completion, models in enumerate(found):
            bit = 1 << (assignment * completions.count + completion)
            for atom in models[assignment % len(models)]:
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


def control_of(record: Record, parsed: ParsedGuideline) -> clingo.Control:
    """Ground the guideline's own rules with one record's facts, everything unknown left open."""
    mapping = shared_folder() / "core" / "from_record.lp"
    rules = [
        f"{rule.head} :- {', '.join(('not ' if c.negated else '') + c.text for c in rule.body)}."
        if rule.body
        else f"{rule.head}."
        for rule in parsed.rules
    ]
    control = clingo.Control(["0", "--warn=none"])
    control.add("base", [], "\n".join([*parsed.data, mapping.read_text("utf-8"), *rules, record.facts]))
    control.ground()
    return control


def completion_of(atoms: frozenset[str], completions: Completions, model: GuidelineModel) -> int:
    """Find the number of the completion that an answer set belongs to."""
    number = 0
    for component, stride, _ in completions.layout:
        values = []
        for variable in component.variables:
            options = model.variables[variable].values
            marks = {atom for _, own in options for atom in own}
            held = frozenset(marks & atoms)
            values.append(next(n for n, (_, own) in enumerate(options) if frozenset(own) == held))
        number += component.assignments.index(tuple(values)) * stride
    return number
