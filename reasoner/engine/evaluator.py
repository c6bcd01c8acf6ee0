"""Evaluate a ground guideline in many completions at once.

Every atom is a value whose parts are completions; for integers, bit *i* is completion *i*. Only ``&``, ``|`` and ``~`` are
used on the values, so that anything with these operators can be evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from reasoner.compiler.program import Program

__all__ = ["Evaluator"]

MANY = 300
"""After so many evaluations generated code has paid for being generated."""


class Evaluator:
    """Evaluates one program: rule by rule at first, by code generated in memory where many records are answered.

    `memo` keeps what was found about the program's independent components.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.memo: dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]] = {}
        self._evaluations = 0
        self._code: Callable[[Sequence[Any], Any], tuple[list[Any], list[Any]]] | None = None

    @property
    def generated(self) -> bool:
        """Whether code was generated."""
        return self._code is not None

    def compile(self) -> None:
        """Generate code now: for who knows that many evaluations follow."""
        if self._code is None and self.program.recursive is None:
            from reasoner.compiler.codegen import write_code

            names: dict[str, Any] = {"__builtins__": {}}
            exec(compile(write_code(self.program), "<guideline>", "exec"), names)
            self._code = names["run"]

    def evaluate(self, inputs: Sequence[Any], completions: Any) -> tuple[list[Any], list[Any]]:  # noqa: ANN401 (any operand)
        """Evaluate all atoms and rules in all completions at once.

        `inputs` holds one value for each input atom, `completions` is the value of what always holds (an integer with a bit
        set for each completion). Returned are the values of all atoms, in the order of `Program.atoms`, and of all ground
        rules.
        """
        if self._code is not None:
            derived, fired = self._code(inputs, completions)
            return self._values(inputs, derived, completions), fired
        self._evaluations += 1
        if self._evaluations > MANY:
            self.compile()
        values = self._values(inputs, None, completions)
        return values, self._interpret(range(len(self.program.rules)), values, completions)

    def violations(self, inputs: Sequence[Any], completions: Any) -> list[Any]:  # noqa: ANN401 (any operand)
        """Evaluate only what is inconsistent: a value for each rule in `Program.inconsistent`."""
        values = self._values(inputs, None, completions)
        fired = dict(zip(self._constraints, self._interpret(self._constraints, values, completions), strict=True))
        return [fired[number] for number in self.program.inconsistent]

    def _values(self, inputs: Sequence[Any], derived: Sequence[Any] | None, completions: Any) -> list[Any]:  # noqa: ANN401
        """Give the values of all atoms, the derived ones as far as they are known."""
        program = self.program
        never = completions & ~completions
        absent = len(program.atoms) - len(program.inputs) - program.derived - program.always
        known = [never] * program.derived if derived is None else derived
        return [*inputs, *known, *([completions] * program.always), *([never] * absent)]

    @cached_property
    def _constraints(self) -> tuple[int, ...]:
        """The rules that decide what is inconsistent, in dependency order."""
        program = self.program
        heads = program.cone(program.rules[number].head for number in program.inconsistent)
        return tuple(sorted(number for head in heads for number in program.supports[head]))

    def _interpret(self, numbers: Sequence[int], values: list[Any], completions: Any) -> list[Any]:  # noqa: ANN401
        """Apply rules in their order; `values` is filled with what they conclude, and what fires is returned."""
        rules = self.program.rules
        fired = []
        for number in numbers:
            rule = rules[number]
            holds = completions
            for atom, negated in rule.conditions:
                holds = holds & ~values[atom] if negated else holds & values[atom]
            values[rule.head] = values[rule.head] | holds
            fired.append(holds)
        return fired
