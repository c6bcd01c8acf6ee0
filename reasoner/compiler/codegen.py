"""Write a ground guideline as straight-line code: one assignment for each atom, in dependency order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from reasoner.compiler.program import Program

__all__ = ["write_code"]

BEGINNING = 8
"""The most conditions that are worked out together."""
OPERANDS = 500
"""The most operands of one expression: longer ones nest too deeply for Python's compiler."""


def write_code(program: Program) -> str:
    """Write ``run(inputs, completions, in_force)``, which gives the values of the derived atoms, and of rules in loops.

    It uses only ``&``, ``|`` and ``~`` on the values, and for loops ``without``. A program with recursion through negation
    has no such order.
    """
    return "\n".join(Code(program).lines())


class Code:
    """Writes the code of one program.

    A rule begins with those of its conditions that most rules have; what several rules begin with is worked out once.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.first, self.last = len(program.inputs), len(program.inputs) + program.derived
        literals = [self.literals(number) for number in range(len(program.rules))]
        frequency = Counter(chain.from_iterable(literals))
        self.conditions = [sorted(own, key=lambda literal: (-frequency[literal], literal)) for own in literals]
        self.beginnings = Counter(tuple(own[:size]) for own in self.conditions for size in sizes(own))
        self.shared: dict[tuple[str, ...], str] = {}

    def literals(self, number: int) -> list[str]:
        """List the conditions of a rule, its reading included; those on atoms from `last` on are met in any case."""
        program = self.program
        reading = [f"m{program.under[number]}"] if program.under[number] >= 0 else []
        own = ((atom, negated) for atom, negated in program.rules[number].conditions if atom < self.last)
        return list(dict.fromkeys([*reading, *(f"~a{atom}" if negated else f"a{atom}" for atom, negated in own)]))

    def lines(self) -> Iterator[str]:
        program = self.program
        used = sorted({atom for rule in program.rules for atom, _ in rule.conditions if atom < self.first})
        yield "def run(inputs, completions, in_force):"
        yield from (f" a{atom} = inputs[{atom}]" for atom in used)
        yield from (f" m{reading} = in_force[{reading}]" for reading in range(len(program.readings)))
        atom = self.first
        for start, end in (*program.loops, (self.last, self.last)):
            for number in range(atom, start):
                for rule in program.supports[number]:
                    yield from (f" {line}" for line in self.worked_out(self.conditions[rule]))
                conjunctions = dict.fromkeys(self.conjunction(self.conditions[rule]) for rule in program.supports[number])
                yield from (f" {line}" for line in disjunction(f"a{number}", list(conjunctions)))
            yield from self.loop(range(start, end)) if start < end else ()
            atom = end
        derived = ", ".join(f"a{atom}" for atom in range(self.first, self.last))
        looped = (rule for first, last in program.loops for atom in range(first, last) for rule in program.supports[atom])
        yield f" return [{derived}], {{{', '.join(f'{rule}: f{rule}' for rule in looped)}}}"

    def worked_out(self, conditions: Sequence[str]) -> Iterator[str]:
        """Write what other rules begin with as well, and is not worked out yet."""
        for size in sizes(conditions):
            own = tuple(conditions[:size])
            if self.beginnings[own] > 1 and own not in self.shared:
                text = self.conjunction(own)
                self.shared[own] = f"c{len(self.shared)}"
                yield f"{self.shared[own]} = {text}"

    def conjunction(self, conditions: Sequence[str]) -> str:
        """Write conditions, what is worked out of them by its name."""
        size = max((size for size in sizes(conditions) if tuple(conditions[:size]) in self.shared), default=0)
        known = [self.shared[tuple(conditions[:size])]] if size else []
        positive = known + [literal for literal in conditions[size:] if not literal.startswith("~")]
        negative = [literal for literal in conditions[size:] if literal.startswith("~")]
        return " & ".join((positive or ["completions"]) + negative)

    def loop(self, atoms: range) -> Iterator[str]:
        """Write how atoms that depend on each other are found: their rules are applied as long as more follows."""
        program = self.program
        rules = [number for atom in atoms for number in program.supports[atom]]
        state, following = (", ".join(f"{name}{atom}" for atom in atoms) for name in ("a", "b"))
        yield from (f" a{atom} = completions & ~completions" for atom in atoms)
        yield from (f" f{number} = a{program.rules[number].head}" for number in rules)
        yield " while True:"
        yield from (f"  r{number} = {self.conjunction(self.conditions[number])}" for number in rules)
        for atom in atoms:
            yield from (f"  {line}" for line in disjunction(f"b{atom}", [f"r{number}" for number in program.supports[atom]]))
        yield from (f"  f{number} = f{number} | without(r{number}, a{program.rules[number].head})" for number in rules)
        yield f"  if ({following},) == ({state},): break"
        yield f"  {state} = {following}"


def disjunction(name: str, operands: Sequence[str]) -> Iterator[str]:
    """Write what some operands come to, under a name."""
    for start in range(0, len(operands), OPERANDS):
        before = [name] if start else []
        yield f"{name} = {' | '.join([*before, *operands[start : start + OPERANDS]])}"


def sizes(conditions: Sequence[str]) -> range:
    """Count how many conditions can be worked out together, beginning with the first."""
    return range(2, min(len(conditions), BEGINNING) + 1)
