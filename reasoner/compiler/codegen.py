"""Write a ground guideline as straight-line code: one assignment for each rule and each atom, in dependency order."""

from __future__ import annotations

from reasoner.compiler.program import Program

__all__ = ["write_code"]

OPERANDS = 500
"""The most operands of one expression: longer ones nest too deeply for Python's compiler."""


def write_code(program: Program) -> str:
    """Write ``run(inputs, completions, in_force)``, which gives the values of the derived atoms and of all ground rules.

    It uses only ``&``, ``|`` and ``~`` on the values, and for loops ``without``. A program with recursion through negation
    has no such order.
    """
    first, last = len(program.inputs), len(program.inputs) + program.derived
    used = sorted({atom for rule in program.rules for atom, _ in rule.conditions if atom < first})
    lines = [
        "def run(inputs, completions, in_force):",
        *(f" a{atom} = inputs[{atom}]" for atom in used),
        *(f" m{reading} = in_force[{reading}]" for reading in range(len(program.readings))),
    ]
    atom = first
    for start, end in (*program.loops, (last, last)):
        for number in range(atom, start):
            lines += [f" {line}" for line in assignments(program, number, last)]
        lines += loop(program, range(start, end), last) if start < end else []
        atom = end
    derived = ", ".join(f"a{atom}" for atom in range(first, last))
    fired = ", ".join(f"r{number}" for number in range(len(program.rules)))
    return "\n".join([*lines, f" return [{derived}], [{fired}]"])


def assignments(program: Program, atom: int, last: int, name: str = "a") -> list[str]:
    """Write what the rules that conclude an atom come to, and the atom under a `name`."""
    own = program.supports[atom]
    lines = [f"r{number} = {conjunction(program.rules[number].conditions, last, program.under[number])}" for number in own]
    for start in range(0, len(own), OPERANDS):
        before = [f"{name}{atom}"] if start else []
        lines.append(f"{name}{atom} = {' | '.join([*before, *(f'r{number}' for number in own[start : start + OPERANDS])])}")
    return lines


def loop(program: Program, atoms: range, last: int) -> list[str]:
    """Write how atoms that depend on each other are found: their rules are applied as long as more follows."""
    rules = [number for atom in atoms for number in program.supports[atom]]
    state, following = (", ".join(f"{name}{atom}" for atom in atoms) for name in ("a", "b"))
    return [
        *(f" a{atom} = completions & ~completions" for atom in atoms),
        *(f" f{number} = a{program.rules[number].head}" for number in rules),
        " while True:",
        *(f"  {line}" for atom in atoms for line in assignments(program, atom, last, "b")),
        *(f"  f{number} = f{number} | without(r{number}, a{program.rules[number].head})" for number in rules),
        f"  if ({following},) == ({state},): break",
        f"  {state} = {following}",
        *(f" r{number} = f{number}" for number in rules),
    ]


def conjunction(conditions: tuple[tuple[int, bool], ...], last: int, reading: int) -> str:
    """Write the conditions of a rule under a reading, -1 for none; those on atoms from `last` on are met in any case."""
    positive = [f"m{reading}"] if reading >= 0 else []
    positive += [f"a{atom}" for atom, negated in conditions if not negated and atom < last]
    negative = [f"~a{atom}" for atom, negated in conditions if negated and atom < last]
    return " & ".join((positive or ["completions"]) + negative)
