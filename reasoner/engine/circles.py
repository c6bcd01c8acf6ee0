"""Atoms that depend on themselves."""

from __future__ import annotations

from functools import lru_cache

from reasoner.compiler.program import Program, reachable

__all__ = ["circular_atoms", "contradicting_atoms", "dependents_of", "positive_circles"]


def circular_atoms(program: Program) -> frozenset[int]:
    """Collect the atoms that depend on themselves."""
    if program.recursive is None:
        return frozenset(atom for loop in program.loops for atom in range(*loop))
    derived = range(len(program.inputs), len(program.inputs) + program.derived)
    return frozenset(atom for atom in derived if atom in program.cone(program.conditions(atom)))


@lru_cache(maxsize=64)
def contradicting_atoms(program: Program) -> frozenset[int]:
    """Collect the atoms that depend on themselves through "not", and those between two such circles."""
    circular = circular_atoms(program)
    core: set[int] = {
        atom
        for rule in program.rules
        if rule.head in circular
        for condition, negated in rule.conditions
        if negated and condition in circular and rule.head in program.cone([condition])
        for atom in (rule.head, condition)
    }
    dependents = dependents_of(program)
    above = reachable(core, dependents.__getitem__)
    return frozenset(above & program.cone(core))


def dependents_of(program: Program) -> list[list[int]]:
    """List for each atom the heads of the rules that have it as a condition."""
    found: list[list[int]] = [[] for _ in program.atoms]
    for rule in program.rules:
        for atom, _ in rule.conditions:
            found[atom].append(rule.head)
    return found


@lru_cache(maxsize=64)
def positive_circles(program: Program) -> tuple[frozenset[int], ...]:
    """Collect the atoms that depend on themselves without any "not", each circle by itself."""

    def required(atom: int) -> list[int]:
        return [c for rule in program.supports[atom] for c, negated in program.rules[rule].conditions if not negated]

    reached = {atom: reachable(required(atom), required) for atom in circular_atoms(program)}
    circles = {atom: frozenset(other for other in own if atom in reached.get(other, ())) for atom, own in reached.items()}
    return tuple(dict.fromkeys(circle for circle in circles.values() if circle))
