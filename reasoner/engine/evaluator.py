"""Evaluate a ground guideline in many completions at once.

Every atom is a value whose parts are completions; for integers, bit *i* is completion *i*. Only ``&``, ``|`` and ``~`` are
used on the values, so that anything with these operators can be evaluated.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from msgspec import structs

from reasoner.compiler.model import Variable
from reasoner.compiler.program import Program
from reasoner.engine.memory import OutgrownError

__all__ = ["Between", "Evaluated", "Evaluator", "Settled", "settle"]

GENERATED = "<guideline>"
"""The file that generated code names as its own."""
MANY = 300
"""After so many evaluations generated code has paid for being generated."""


class Between(NamedTuple):
    """A value that is known to lie between two: where something certainly holds, and where it possibly does."""

    certain: Any
    possible: Any

    def __and__(self, other: Between) -> Between:
        return Between(self.certain & other.certain, self.possible & other.possible)

    def __or__(self, other: Between) -> Between:
        return Between(self.certain | other.certain, self.possible | other.possible)

    def __invert__(self) -> Between:
        return Between(~self.possible, ~self.certain)


def without(value: Any, other: Any) -> Any:  # noqa: ANN401 (any operand)
    """Give where something holds and did not before; of what lies between two, each for itself."""
    if isinstance(value, Between):
        return Between(value.certain & ~other.certain, value.possible & ~other.possible)
    return value & ~other


@lru_cache(maxsize=1024)
def rules_behind(program: Program, atoms: tuple[int, ...]) -> list[int]:
    """List the ground rules that decide some atoms, in dependency order."""
    return sorted(number for atom in program.cone(atoms) for number in program.supports[atom])


class Evaluated(NamedTuple):
    """The truths of all atoms and of all ground rules; `possible` where atoms possibly hold, None where that is known."""

    values: list[Any]
    fired: Sequence[Any]
    possible: list[Any] | None = None


class Fired(Sequence[Any]):
    """The truths of all ground rules: of most that of their conditions, worked out when it is asked for.

    `values` are those of all atoms, and `known` the truths of the rules of loops.
    """

    def __init__(
        self,
        program: Program,
        values: Sequence[Any],
        completions: Any,  # noqa: ANN401 (any operand)
        in_force: Sequence[Any],
        known: dict[int, Any],
    ) -> None:
        self._program = program
        self._values = values
        self._completions = completions
        self._in_force = in_force
        self._known = known

    def __len__(self) -> int:
        return len(self._program.rules)

    def __getitem__(self, number: Any) -> Any:  # noqa: ANN401 (an index alone, where any sequence has slices)
        found = self._known.get(number)
        if found is None:
            values, under = self._values, self._program.under[number]
            found = self._completions if under < 0 else self._in_force[under]
            for atom, negated in self._program.rules[number].conditions:
                found = found & ~values[atom] if negated else found & values[atom]
            self._known[number] = found
        return found


class Settled(NamedTuple):
    """What of a program is the same whatever is open: `known` tells of each atom whether it holds, None where that is open.

    `rules` are those that conclude what is open, in dependency order, and `always` lists the derived atoms that hold.
    """

    known: list[bool | None]
    rules: list[int]
    always: list[int]


@lru_cache(maxsize=1024)
def settle(program: Program, atoms: tuple[int, ...], inputs: tuple[bool | None, ...]) -> Settled:
    """Find what is settled of some atoms, by their numbers, and of what they depend on; all readings are in force.

    `inputs` tell whether each input atom holds, None where that is open.
    """
    rest = len(program.atoms) - len(inputs) - program.derived - program.always
    known = [*inputs, *([False] * program.derived), *([True] * program.always), *([False] * rest)]
    looped = {atom for first, last in program.loops for atom in range(first, last)}
    open_rules, always = [], dict[int, None]()
    for number in rules_behind(program, atoms):
        rule = program.rules[number]
        if rule.head in looped:
            known[rule.head] = None
            open_rules.append(number)
            continue
        holds: bool | None = True
        for atom, negated in rule.conditions:
            value = known[atom]
            if value is None:
                holds = None
            elif value is negated:
                holds = False
                break
        if holds:
            known[rule.head] = True
            always[rule.head] = None
        elif holds is None and not known[rule.head]:
            known[rule.head] = None
            open_rules.append(number)
    return Settled(known, [n for n in open_rules if program.rules[n].head not in always], list(always))


class Evaluator:
    """Evaluates one program: rule by rule at first, by code generated in memory where many records are answered.

    `memo` keeps what was found about the variables that constraints tie together.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.memo: dict[tuple[tuple[int, ...], tuple[int, ...], frozenset[str]], Any] = {}
        self._evaluations = 0
        self._code: Callable[[Sequence[Any], Any, Sequence[Any]], tuple[list[Any], dict[int, Any]]] | None = None
        self._lines = 0

    def with_variables(self, variables: Sequence[Variable]) -> Evaluator:
        """Give an evaluator of the same rules for other variables."""
        found = Evaluator(structs.replace(self.program, variables=tuple(variables), constraint_components={}))
        found._heads, found._constraints = self._heads, self._constraints
        return found

    @property
    def generated(self) -> bool:
        """Whether code was generated."""
        return self._code is not None

    def compile(self) -> None:
        """Generate code now: for who knows that many evaluations follow."""
        if self._code is None and self.program.recursive is None:
            from reasoner.compiler.codegen import write_code

            names: dict[str, Any] = {"__builtins__": {}, "without": without}
            code = write_code(self.program)
            exec(compile(code, GENERATED, "exec"), names)
            self._code, self._lines = names["run"], code.count("\n")

    def evaluate(
        self,
        inputs: Sequence[Any],
        completions: Any,  # noqa: ANN401 (any operand)
        in_force: Sequence[Any] | None = None,
    ) -> tuple[list[Any], Sequence[Any]]:
        """Evaluate all atoms and rules in all completions at once.

        `inputs` holds one value for each input atom, `completions` is the value of what always holds (an integer with a bit
        set for each completion), `in_force` tells for each reading of the program where it is in force: by default always.
        Returned are the values of all atoms, in the order of `Program.atoms`, and of all ground rules.
        """
        in_force = in_force if in_force is not None else [completions] * len(self.program.readings)
        if self._code is not None:
            try:
                derived, looped = self._code(inputs, completions, in_force)
            except MemoryError as error:
                from traceback import walk_tb

                done = next(line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == GENERATED)
                raise OutgrownError(done, self._lines - done) from None
            values = self._values(inputs, derived, completions)
            return values, Fired(self.program, values, completions, in_force, looped)
        self._evaluations += 1
        if self._evaluations > MANY:
            self.compile()
        values = self._values(inputs, None, completions)
        return values, self._interpret(range(len(self.program.rules)), values, completions, in_force)

    def violations(self, inputs: Sequence[Any], completions: Any) -> list[Any]:  # noqa: ANN401 (any operand)
        """Evaluate only what is inconsistent: a value for each rule in `Program.inconsistent`."""
        values = self._values(inputs, None, completions)
        in_force = [completions] * len(self.program.readings)
        fired = dict(zip(self._constraints, self._interpret(self._constraints, values, completions, in_force), strict=True))
        return [fired[number] for number in self.program.inconsistent]

    def truths(self, atoms: Sequence[int], inputs: Sequence[Any], completions: Any) -> list[Any]:  # noqa: ANN401 (any operand)
        """Evaluate only some atoms, by their numbers, and what they depend on; all readings are in force."""
        values = self._values(inputs, None, completions)
        in_force = [completions] * len(self.program.readings)
        self._interpret(rules_behind(self.program, tuple(atoms)), values, completions, in_force)
        return [values[atom] for atom in atoms]

    def behind(self, settled: Settled, inputs: Sequence[Any], completions: Any) -> list[Any]:  # noqa: ANN401 (any operand)
        """Evaluate what is not settled; give the values of all atoms, of those that nothing settled depends on never."""
        values = self._values(inputs, None, completions)
        for atom in settled.always:
            values[atom] = completions
        self._interpret(settled.rules, values, completions, [completions] * len(self.program.readings))
        return values

    def _values(self, inputs: Sequence[Any], derived: Sequence[Any] | None, completions: Any) -> list[Any]:  # noqa: ANN401
        """Give the values of all atoms, the derived ones as far as they are known."""
        program = self.program
        never = completions & ~completions
        absent = len(program.atoms) - len(program.inputs) - program.derived - program.always
        known = [never] * program.derived if derived is None else derived
        return [*inputs, *known, *([completions] * program.always), *([never] * absent)]

    @cached_property
    def _heads(self) -> list[int]:
        """The atoms that the rules conclude."""
        return [rule.head for rule in self.program.rules]

    @cached_property
    def _constraints(self) -> Sequence[int]:
        """The rules that decide what is inconsistent, in dependency order."""
        return rules_behind(self.program, tuple(self.program.rules[number].head for number in self.program.inconsistent))

    def _interpret(
        self,
        numbers: Sequence[int],
        values: list[Any],
        completions: Any,  # noqa: ANN401 (any operand)
        in_force: Sequence[Any],
    ) -> list[Any]:
        """Apply rules in their order; `values` is filled with what they conclude, and what fires is returned."""
        fired: list[Any] = []
        for stretch, is_loop in self._stretches(numbers):
            if is_loop:
                fired += self._apply_again(stretch, values, completions, in_force)
            else:
                fired += self._apply(stretch, values, values, completions, in_force)
        return fired

    def _apply(
        self,
        numbers: Sequence[int],
        values: Sequence[Any],
        found: list[Any],
        completions: Any,  # noqa: ANN401 (any operand)
        in_force: Sequence[Any],
    ) -> list[Any]:
        """Apply each rule once to `values`; `found` is filled with what they conclude, and what fires is returned."""
        rules, under = self.program.rules, self.program.under
        never, fired = completions & ~completions, []
        for number in numbers:
            rule = rules[number]
            try:
                holds = completions if under[number] < 0 else in_force[under[number]]
                for atom, negated in rule.conditions:
                    if negated:
                        holds = holds & ~values[atom]
                    else:  # what is always so is not met with anything
                        holds = values[atom] if holds is completions else holds & values[atom]
                    if holds == never:
                        break
                else:
                    found[rule.head] = found[rule.head] | holds
            except MemoryError:
                raise OutgrownError(number, len(rules) - number) from None
            fired.append(holds)
        return fired

    def _apply_again(
        self,
        numbers: Sequence[int],
        values: list[Any],
        completions: Any,  # noqa: ANN401 (any operand)
        in_force: Sequence[Any],
    ) -> list[Any]:
        """Apply the rules of a loop as long as more follows.

        They fire where what they conclude did not hold before: so nothing is its own reason.
        """
        heads = [self.program.rules[number].head for number in numbers]
        fired = [values[head] for head in heads]
        while True:
            found = list(values)
            met = self._apply(numbers, values, found, completions, in_force)
            fired = [own | without(new, values[head]) for own, new, head in zip(fired, met, heads, strict=True)]
            if all(found[head] == values[head] for head in heads):
                return fired
            values[:] = found

    def _stretches(self, numbers: Sequence[int]) -> Iterator[tuple[Sequence[int], bool]]:
        """Take rules in their order apart: those of each loop, and those between."""
        start, heads = 0, self._heads
        for first, last in self.program.loops:
            low, high = (bisect_left(numbers, atom, key=heads.__getitem__) for atom in (first, last))
            yield numbers[start:low], False
            yield numbers[low:high], True
            start = high
        yield numbers[start:], False
