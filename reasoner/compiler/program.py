"""A ground guideline as straight-line code over integers, evaluated in many completions at once."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["GroundRule", "Program"]

Evaluator = Callable[[Sequence[int], int], tuple[list[int], list[int]]]


class GroundRule(NamedTuple):
    """An instance of a rule: `rule` numbers it in the source, `head` and the conditions number atoms of the program.

    Each condition is ``(atom, negated)``.
    """

    rule: int
    head: int
    conditions: tuple[tuple[int, bool], ...]


class Program:
    """A guideline, ground for a number of courses.

    `atoms` holds the texts of all atoms: first the `inputs` that a record decides, then the derived ones in dependency
    order, then those that hold `always` (the catalogue), then those that hold never; `phrases` and `roles` go with them.
    `supports` lists for each atom the ground rules that conclude it. `inconsistent` numbers the rules that say what no patient
    can be; `constraint_components` maps the sets of variables that they tie together to positions in `inconsistent`, `independent_components` are the constraint_components
    that nothing else in a record touches, and `memo` keeps what was found about those; `relevant` are the variables that a
    conclusion depends on. `recursive` names, where there is recursion, a place and the predicates on it: such a program has
    no code and is answered by clingo. `concluding` numbers the conclusions, and `table` finds them and the positions:
    predicate, first argument, then second argument and number.
    """

    def __init__(self, courses: int, atoms: list[str], phrases: list[str], rules: list[GroundRule]) -> None:
        self.courses = courses
        self.atoms = atoms
        self.phrases = phrases
        self.rules = rules
        self.roles: list[str] = []
        self.inputs: dict[str, int] = {}
        self.derived = 0
        self.always = 0
        self.supports: list[tuple[int, ...]] = []
        self.code = self.check_code = b""
        self.inconsistent: list[int] = []
        self.constraint_components: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.independent_components: frozenset[tuple[int, ...]] = frozenset()
        self.relevant: frozenset[int] = frozenset()
        self.recursive: str | None = None
        self.concluding: tuple[int, ...] = ()
        self.index: dict[str, int] = {}
        self.table: dict[str, dict[str, list[tuple[str, int]]]] = {}
        self.prepare()

    def prepare(self) -> None:
        self.memo: dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]] = {}
        self._evaluate: Evaluator | None = None
        self._check: Callable[[Sequence[int], int], list[int]] | None = None

    def evaluate(self, inputs: Sequence[int], completions: int) -> tuple[list[int], list[int]]:
        """Evaluate all atoms and rules in all completions at once.

        `inputs` holds one integer for each input atom, `completions` has one bit set for each completion. Returned are the
        integers of all atoms, in the order of `atoms`, and of all ground rules.
        """
        if self._evaluate is None:
            self._evaluate = unpack(self.code)
        derived, fired = self._evaluate(inputs, completions)
        never = len(self.atoms) - self.always - self.derived - len(self.inputs)
        return [*inputs, *derived, *([completions] * self.always), *([0] * never)], fired

    def violations(self, inputs: Sequence[int], completions: int) -> list[int]:
        """Evaluate only what is impossible: an integer for each rule in `inconsistent`."""
        if self._check is None:
            self._check = unpack(self.check_code)
        return self._check(inputs, completions)

    def __getstate__(self) -> dict[str, object]:
        kept = {name: value for name, value in self.__dict__.items() if name not in ("_evaluate", "_check", "memo")}
        return {**kept, "rules": [tuple(rule) for rule in self.rules]}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.rules = [GroundRule(*rule) for rule in self.rules]
        self.prepare()


def unpack(code: bytes) -> Callable[..., Any]:
    """Give the function `run` that compiled code defines."""
    space: dict[str, Any] = {"__builtins__": {}}
    exec(marshal.loads(code), space)
    run: Callable[..., Any] = space["run"]
    return run
