"""Answer by clingo's own solving.

A guideline whose atoms depend on themselves through negation can have several answer sets, or none, and is not evaluated
rule by rule; and for some record even diagrams can be too small. Nothing is compared with other readings or values then.

Each answer set of each completion becomes a completion of its own, so that the answer is drawn from them in the same way.
Where these are too many, only what holds in all and in some of them is found, by clingo's cautious and brave reasoning.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, reduce
from itertools import chain, compress
from operator import and_, or_

import clingo

from reasoner.compiler.aggregates import AGGREGATE, literal_text
from reasoner.compiler.model import Rule, Variable
from reasoner.compiler.program import GroundRule, Program, Text
from reasoner.compiler.selection import ANY, shared_folder
from reasoner.engine.bits import BitCompletions, Component
from reasoner.engine.circles import contradicting_atoms, positive_circles
from reasoner.engine.completions import Chosen, Completions, choices_of
from reasoner.engine.evaluator import Evaluated, Evaluator
from reasoner.engine.opened import components_of, consistent
from reasoner.engine.predicates import predicate_of
from reasoner.engine.settled import settled_bounds
from reasoner.engine.worlds import NO_OTHER
from reasoner.errors import GuidelineError
from reasoner.records.record import ONE_OF, OPEN, Record

__all__ = ["Bounds", "bounds", "solve"]

MOST_COMPLETIONS = 2**10
LIMIT = 2**13
NAME = re.compile(r"\w+")
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

    def __init__(
        self, record: Record, program: Program, adopted: tuple[int, ...], all_answered: bool, in_time: bool
    ) -> None:
        self.all_answered, self.in_time = all_answered, in_time
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
    numbering = Numbering(completions)
    literals = literals_of(control, numbering.read | program.index.keys())
    found: list[list[frozenset[str]]] = [[] for _ in range(completions.count)]
    try:
        given = answer_sets(control, literals, time.monotonic() + SECONDS, LIMIT + 1)
    except TooManyError:
        return None
    if len(given) > LIMIT:
        return None
    for atoms in given:
        found[numbering.of(atoms)].append(atoms)
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


def literals_of(control: clingo.Control, atoms: Collection[str]) -> dict[str, int]:
    """Give the literals by which clingo tells whether some atoms hold; those that never hold have none."""
    return {name: atom.literal for atom in control.symbolic_atoms if (name := str(atom.symbol)) in atoms}


def answer_sets(control: clingo.Control, literals: Mapping[str, int], end: float, most: int) -> list[frozenset[str]]:
    """List the first answer sets, at most so many, each as the atoms with `literals` that it holds.

    Raises TooManyError at the `end`, on the monotonic clock.
    """
    found: list[frozenset[str]] = []

    def take(answer_set: clingo.Model) -> bool:
        found.append(frozenset([name for name, literal in literals.items() if answer_set.is_true(literal)]))
        return len(found) < most

    with control.solve(on_model=take, async_=True) as handle:
        if not handle.wait(max(0.0, end - time.monotonic())):
            handle.cancel()
            raise TooManyError
    return found


def bounds(
    record: Record, program: Program, adopted: tuple[int, ...], text: Text, alternatives: Mapping[str, str]
) -> tuple[Bounds, Evaluated]:
    """Find what holds in some and in all completions of a record; nothing is told of what they assume.

    Where it is not known which therapy was given, what holds in some counts only where none was. Where clingo finds no end,
    what holds in all is what rules settle one by one, and what holds in some all that they do not rule out. Raises
    GuidelineError where a completion has no answer set.
    """
    untold = any(told.courses is None for told in record.told)
    in_time = True

    def consequences(mode: str, facts: str, without_therapy: bool = False) -> frozenset[str]:
        nonlocal in_time
        control = control_of(facts, text, program, alternatives, f"--enum-mode={mode}")
        with control.solve(async_=True) as handle:
            if not handle.wait(SECONDS):
                handle.cancel()
                in_time = False
                settled = settled_bounds(record, program, adopted, without_therapy)
                held = (own.certain if mode == "cautious" else own.possible for own in settled)
                return frozenset(compress(program.atoms, held))
            last = handle.last()
            if last is None:
                raise GuidelineError(f"{record.id}: the guideline's rules contradict each other for this record.")
            return frozenset(map(str, last.symbols(atoms=True)))

    answered = all_answered(record, program, text, alternatives)
    some = anywhere = consequences("brave", record.facts)
    if untold:
        some = consequences("brave", untreated(record, program), without_therapy=True)
    every = consequences("cautious", record.facts)
    values = [ALL if atom in every and atom in some else SOME if atom in some else 0 for atom in program.atoms]
    possible = [v | SOME if atom in anywhere else v for v, atom in zip(values, program.atoms, strict=True)]
    return Bounds(record, program, adopted, answered, in_time), Evaluated(
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
    everyone = control_with(chain(ground_text(rest, program), [free]), record.facts, program, text, alternatives)
    always = (f"{atom}." for atom in program.atoms[settled : settled + program.always])
    alone = clingo.Control(["1", "--warn=none"])
    alone.add("base", [], "\n".join(chain(ground_text(own, program), always, (f"{{{name}}}." for name in names))))
    alone.ground()
    literals, read = literals_of(alone, names), literals_of(everyone, names)
    end = time.monotonic() + SECONDS
    with suppress(TooManyError):
        for number in range(MOST_TRIED):
            found = answer_sets(everyone, read, end, 1)
            if not found:
                return True
            (held,) = found
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
    rules = (written(rule) for rule in text.rules if rule.role != AGGREGATE)
    aggregates = (rule for rule in program.rules if text.rules[rule.rule].role == AGGREGATE)
    return control_with(chain(rules, ground_text(aggregates, program)), facts, program, text, alternatives, *options)


def written(rule: Rule) -> str:
    """Write a rule as clingo text."""
    return f"{rule.head} :- {', '.join(map(literal_text, rule.body))}." if rule.body else f"{rule.head}."


@lru_cache(maxsize=64)
def data_read(text: Text, program: Program) -> str:
    """Give the guideline's data that rules or answers read, and the rules by which a record is read."""
    mapping = (shared_folder() / "core" / "from_record.lp").read_text("utf-8")
    rules = [line for line in text.data if ":-" in line]
    read = set(NAME.findall("\n".join((mapping, *rules, *map(written, text.rules)))))
    read.update(map(predicate_of, program.atoms))
    facts = (line for line in text.data if ":-" not in line and predicate_of(line).rstrip(".") in read)
    return "\n".join((mapping, *rules, *facts))


def control_with(
    rules: Iterable[str], facts: str, program: Program, text: Text, alternatives: Mapping[str, str], *options: str
) -> clingo.Control:
    """Ground rules with the guideline's data and one record's facts, everything unknown left open."""
    chosen = (
        f"undecided({reading.lower()})." if name == ANY else f"chosen({reading.lower()},{name})."
        for reading, name in alternatives.items()
    )
    control = clingo.Control(["0", "--warn=none", *options])
    control.add("base", [], "\n".join(chain([data_read(text, program)], rules, chosen, [facts])))
    control.ground()
    return control


class Numbering:
    """Numbers the completion that an answer set belongs to."""

    def __init__(self, completions: BitCompletions) -> None:
        self.parts: list[tuple[frozenset[str], dict[frozenset[str], int]]] = []
        for component, stride, _ in completions.layout:
            values = [completions.variables[v].values for v in component.variables]
            marks = frozenset(atom for options in values for _, own in options for atom in own)
            numbers = {
                frozenset(atom for options, n in zip(values, assignment, strict=True) for atom in options[n][1]): place
                * stride
                for place, assignment in enumerate(component.assignments)
            }
            self.parts.append((marks, numbers))
        self.read = frozenset(atom for marks, _ in self.parts for atom in marks)

    def of(self, atoms: frozenset[str]) -> int:
        return sum(numbers[atoms & marks] for marks, numbers in self.parts)
