"""Answer by clingo's own solving.

A guideline whose atoms depend on themselves through negation can have several answer sets, or none, and is not evaluated
rule by rule; and for some record even diagrams can be too small. Nothing is compared with other readings or values then.

Each answer set of each completion becomes a completion of its own, so that the answer is drawn from them in the same way.
Where these are too many, only what holds in all and in some of them is found, by clingo's cautious and brave reasoning.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import reduce
from itertools import chain
from operator import and_, or_

import clingo

from reasoner.compiler.aggregates import AGGREGATE, literal_text
from reasoner.compiler.model import Variable
from reasoner.compiler.program import GroundRule, Program, Text
from reasoner.compiler.selection import ANY, shared_folder
from reasoner.engine.bits import BitCompletions, Component
from reasoner.engine.circles import contradicting_atoms, positive_circles
from reasoner.engine.completions import Chosen, Completions, choices_of
from reasoner.engine.evaluator import Evaluated, Evaluator
from reasoner.engine.opened import components_of, consistent
from reasoner.engine.worlds import NO_OTHER
from reasoner.errors import GuidelineError
from reasoner.records.record import ONE_OF, OPEN, Record

__all__ = ["Bounds", "bounds", "solve"]

MOST_COMPLETIONS = 2**12
LIMIT = 2**16
MOST_TRIED = 1024
SECONDS = 10
SOME, ALL = 2, 3
"""The truths of what holds in some completions, and in all."""
ABSENT = {0: ALL, SOME: SOME, ALL: 0}
"""Where something does not hold that holds in none, some or all completions."""


class TooManyError(Exception):
    """The answer sets are too many, or take too long."""


class Bounds(Completions):
    """What holds in some completions and what in all; no more is known of which these are."""

    all = everything = listed = ALL
    none = 0
    assumes = False

    def __init__(self, record: Record, program: Program, adopted: tuple[int, ...], all_answered: bool) -> None:
        self.all_answered = all_answered
        sets = (Variable(tuple((label, ()) for label in record.labels), ONE_OF),) if record.labels else ()
        self.variables = (*program.variables, *sets)
        self.worlds = NO_OTHER
        told = [choices_of(own, adopted) for own in record.told]
        opened = [v for v in sorted(program.relevant) if any(choices[v] == OPEN for choices in told)]
        self.order = [*range(len(program.variables), len(self.variables)), *opened]
        self.values = {v: tuple(SOME for _ in self.variables[v].values) for v in self.order}
        self.untold = next((v for v in opened if self.variables[v].tells_therapy), None)

    def base(self, truth: int) -> int:
        return truth

    def world(self, truth: int, number: int) -> int:  # noqa: ARG002 (there is one)
        return truth

    def at_base(self, truths: Sequence[int]) -> Sequence[int]:
        return truths

    def varying(self, truths: Sequence[int], numbers: Iterable[int]) -> dict[int, int]:  # noqa: ARG002 (there is one world)
        return {}

    def by_therapy(self, truth: int) -> bool:
        return truth == SOME

    def relevant_variables(self, truth: int) -> frozenset[int]:
        return frozenset(self.order) if truth == SOME else frozenset()

    def outside(self, truth: int, other: int) -> int:
        return self.none if other == ALL else truth

    def smallest_implicant(self, truth: int) -> Chosen:  # noqa: ARG002 (it cannot be told)
        return ()


class SeveralAnswers(BitCompletions):
    """Completions with up to `widest` answer sets each, of which one is no more like one of another completion than another.

    What is open matters where it changes whether something holds in some answer set, or in all of them.
    """

    def __init__(self, completions: BitCompletions, widest: int) -> None:
        components = (*completions.components, Component((), ((),) * widest))
        super().__init__(components, completions.variables, completions.worlds)
        self.single, self.widest = completions, widest

    def relevant_variables(self, truth: int) -> frozenset[int]:
        parts = [truth >> number * self.single.count & self.single.all for number in range(self.widest)]
        some, every = reduce(or_, parts), reduce(and_, parts)
        return self.single.relevant_variables(some) | self.single.relevant_variables(every)


def solve(
    record: Record,
    evaluator: Evaluator,
    adopted: tuple[int, ...],
    text: Text,
    alternatives: Mapping[str, str],
) -> tuple[Completions, Evaluated]:
    """Answer a record by its answer sets, or where these are too many by what holds in some and in all of them.

    Raises RecordError where the record contradicts itself, and GuidelineError where the guideline's rules do, or where
    clingo finds no end.
    """
    components = None if record.fewer else components_of(record, evaluator, adopted, MOST_COMPLETIONS)
    if components is not None:
        completions = BitCompletions(components, evaluator.program.variables, NO_OTHER)
        found = enumerate_answer_sets(
            record, evaluator.program, completions, control_of(record.facts, text, evaluator.program, alternatives)
        )
        if found is not None:
            return found
    consistent(record, evaluator, adopted)
    return bounds(record, evaluator.program, adopted, text, alternatives)


def enumerate_answer_sets(
    record: Record, program: Program, completions: BitCompletions, control: clingo.Control
) -> tuple[BitCompletions, Evaluated] | None:
    """Find the answer sets of `record`, which `control` holds; None where they are too many.

    Returned are its completions, each answer set of one as one of its own, with the truths of all atoms and ground rules.
    Raises GuidelineError where a completion has no answer set.
    """
    found: list[list[frozenset[str]]] = [[] for _ in range(completions.count)]
    try:
        for total, atoms in enumerate(answer_sets(control, time.monotonic() + SECONDS)):
            if total >= LIMIT:
                return None
            found[completion_of(atoms, completions)].append(atoms)
    except TooManyError:
        return None
    if not all(found):
        raise GuidelineError(contradiction(record, program))
    widest = max(len(models) for models in found)
    several = SeveralAnswers(completions, widest) if widest > 1 else completions
    values = [0] * len(program.atoms)
    for assignment in range(widest):
        for completion, models in enumerate(found):
            bit = 1 << (assignment * completions.count + completion)
            for atom in models[assignment % len(models)]:
                number = program.index.get(atom)
                if number is not None:
                    values[number] |= bit
    return several, Evaluated(values, fired_by(values, [several.all & ~v for v in values], program, several.all))


def fired_by(values: list[int], absent: list[int], program: Program, every: int) -> list[int]:
    """Find where ground rules fire; `values` are where atoms hold, and `absent` where they do not.

    A rule of a circle fires where what it asks for follows without what it concludes: nothing is its own reason.
    """

    def met(rule: int, known: Mapping[int, int]) -> int:
        holds = every
        for condition, negated in program.rules[rule].conditions:
            holds &= absent[condition] if negated else known.get(condition, values[condition])
        return holds

    fired = [met(rule, {}) for rule in range(len(program.rules))]
    for circle in positive_circles(program):
        for head in circle:
            known = dict.fromkeys(circle, 0)
            for _ in circle:
                for atom in circle - {head}:
                    for rule in program.supports[atom]:
                        known[atom] |= met(rule, known)
            for rule in program.supports[head]:
                fired[rule] = met(rule, known)
    return fired


def answer_sets(control: clingo.Control, end: float) -> Iterator[frozenset[str]]:
    """Yield the answer sets; raises TooManyError at the `end`, on the monotonic clock."""
    with control.solve(yield_=True, async_=True) as handle:
        while True:
            handle.resume()
            if not handle.wait(max(0.0, end - time.monotonic())):
                handle.cancel()
                raise TooManyError
            answer_set = handle.model()
            if answer_set is None:
                return
            yield frozenset(str(symbol) for symbol in answer_set.symbols(atoms=True))


def bounds(
    record: Record, program: Program, adopted: tuple[int, ...], text: Text, alternatives: Mapping[str, str]
) -> tuple[Bounds, Evaluated]:
    """Find what holds in some and in all completions of a record; nothing is told of what they assume.

    Where it is not known which therapy was given, what holds in some counts only where none was. Raises GuidelineError where
    a completion has no answer set, or where clingo finds no end.
    """
    untold = any(told.courses is None for told in record.told)

    def consequences(mode: str, facts: str) -> frozenset[str]:
        control = control_of(facts, text, program, alternatives, f"--enum-mode={mode}")
        with control.solve(async_=True) as handle:
            if not handle.wait(SECONDS):
                handle.cancel()
                raise GuidelineError(f"no end is found in {SECONDS} seconds for {record.id}; record more facts.")
            last = handle.last()
            if last is None:
                raise GuidelineError(f"{record.id}: the guideline's rules contradict each other for this record.")
            return frozenset(map(str, last.symbols(atoms=True)))

    answered = all_answered(record, program, text, alternatives)
    some = anywhere = consequences("brave", record.facts)
    if untold:
        some = consequences("brave", untreated(record, program))
    every = consequences("cautious", record.facts)
    values = [ALL if atom in every and atom in some else SOME if atom in some else 0 for atom in program.atoms]
    possible = [v | SOME if atom in anywhere else v for v, atom in zip(values, program.atoms, strict=True)]
    return Bounds(record, program, adopted, answered), Evaluated(
        values, fired_by(values, [ABSENT[v] for v in values], program, ALL), possible if untold else None
    )


def all_answered(record: Record, program: Program, text: Text, alternatives: Mapping[str, str]) -> bool:
    """Tell whether each completion of a record has an answer set; False where that takes too long to find out.

    Whether it has one hangs on what the circles through "not" ask of other atoms alone. Raises GuidelineError where a
    completion has none.
    """
    circle = contradicting_atoms(program)
    if not circle:
        return True
    own = [rule for rule in program.rules if rule.head in circle]
    settled = len(program.inputs) + program.derived
    outside = sorted({atom for rule in own for atom, _ in rule.conditions if atom < settled} - circle)
    names = [program.atoms[atom] for atom in outside]
    free = "".join(f"{{{program.atoms[atom]}}}.\n" for atom in circle)
    rest = (rule for rule in program.rules if rule.head not in circle)
    everyone = control_with(chain(ground_text(rest, program), [free]), record.facts, text, alternatives)
    always = (f"{atom}." for atom in program.atoms[settled : settled + program.always])
    alone = clingo.Control(["1", "--warn=none"])
    alone.add("base", [], "\n".join(chain(ground_text(own, program), always, (f"{{{name}}}." for name in names))))
    alone.ground()
    literals = {str(atom.symbol): atom.literal for atom in alone.symbolic_atoms}
    end = time.monotonic() + SECONDS
    with suppress(TooManyError):
        for number in range(MOST_TRIED):
            held = next(answer_sets(everyone, end), None)
            if held is None:
                return True
            if not alone.solve([literals[name] if name in held else -literals[name] for name in names]).satisfiable:
                raise GuidelineError(contradiction(record, program))
            told = ", ".join(name if name in held else f"not {name}" for name in names)
            everyone.add(f"tried_{number}", [], f":- {told or '#true'}.")
            everyone.ground([(f"tried_{number}", [])])
    return False


def contradiction(record: Record, program: Program) -> str:
    """Say that a completion of a record has no answer set, and why that can be."""
    return f"{record.id}: the guideline's rules contradict each other for this record: {program.recursive}."


def ground_text(rules: Iterable[GroundRule], program: Program) -> Iterator[str]:
    """Write ground rules as clingo text."""
    for rule in rules:
        body = ", ".join(("not " if negated else "") + program.atoms[atom] for atom, negated in rule.conditions)
        yield f"{program.atoms[rule.head]} :- {body}." if body else f"{program.atoms[rule.head]}."


def untreated(record: Record, program: Program) -> str:
    """Give the facts of a record with no therapy where it is not known which was given."""
    courses = next(variable.fact for variable in program.variables if variable.tells_therapy)
    if not record.labels:
        return f"{record.facts}known({courses}).\n"
    sets = (n for n, told in enumerate(record.told, start=1) if told.courses is None)
    return record.facts + "".join(f"known({courses}) :- true_set({n}).\n" for n in sets)


def control_of(facts: str, text: Text, program: Program, alternatives: Mapping[str, str], *options: str) -> clingo.Control:
    """Ground the guideline's own rules with one record's facts, everything unknown left open.

    The atoms that stand for aggregates, which these rules do not need, are concluded as `program` does.
    """
    rules = (
        f"{rule.head} :- {', '.join(map(literal_text, rule.body))}." if rule.body else f"{rule.head}."
        for rule in text.rules
        if rule.role != AGGREGATE
    )
    aggregates = (rule for rule in program.rules if text.rules[rule.rule].role == AGGREGATE)
    return control_with(chain(rules, ground_text(aggregates, program)), facts, text, alternatives, *options)


def control_with(
    rules: Iterable[str], facts: str, text: Text, alternatives: Mapping[str, str], *options: str
) -> clingo.Control:
    """Ground rules with the guideline's data and one record's facts, everything unknown left open."""
    mapping = shared_folder() / "core" / "from_record.lp"
    chosen = (
        f"undecided({reading.lower()})." if name == ANY else f"chosen({reading.lower()},{name})."
        for reading, name in alternatives.items()
    )
    control = clingo.Control(["0", "--warn=none", *options])
    control.add("base", [], "\n".join(chain(text.data, [mapping.read_text("utf-8")], rules, chosen, [facts])))
    control.ground()
    return control


def completion_of(atoms: frozenset[str], completions: BitCompletions) -> int:
    """Find the number of the completion that an answer set belongs to."""
    number = 0
    for component, stride, _ in completions.layout:
        values = []
        for variable in component.variables:
            options = completions.variables[variable].values
            marks = {atom for _, own in options for atom in own}
            held = frozenset(marks & atoms)
            values.append(next(n for n, (_, own) in enumerate(options) if frozenset(own) == held))
        number += component.assignments.index(tuple(values)) * stride
    return number
