"""Rules that say the same as an earlier one."""

from __future__ import annotations

from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import GroundRule, Space

__all__ = ["Duplicates", "find_duplicates"]


class Duplicates(NamedTuple):
    """Of each atom of a program the earliest of equal definition, and of each rule that repeats another the earlier one.

    Atoms are numbered as in the ground program, rules as in the guideline's model.
    """

    representative: list[int]
    repeated: dict[int, int]


def find_duplicates(space: Space, model: GuidelineModel, adoptable: frozenset[str] = frozenset()) -> Duplicates:
    """Find the rules that conclude the same from conditions that are the same.

    Conditions are the same once derived atoms of equal definition are taken for one, which those are not that depend on
    themselves. Rules of `adoptable` annotations are the same only as others of their annotation.
    """
    program, sources = space.program, model.rules
    representative = list(range(len(program.atoms)))

    def selector(rule: GroundRule) -> str | None:
        annotation = sources[rule.rule].annotation
        return annotation if annotation in adoptable else None

    def body(rule: GroundRule) -> frozenset[tuple[int, bool]]:
        return frozenset((representative[atom], negated) for atom, negated in rule.conditions)

    first = len(program.inputs)
    definitions: dict[frozenset[tuple[str | None, frozenset[tuple[int, bool]]]], int] = {}
    for atom in range(first, first + program.derived) if program.recursive is None and not program.loops else ():
        defining = [program.rules[number] for number in program.supports[atom]]
        if program.roles[atom] == "derived" and all(sources[rule.rule].annotation is not None for rule in defining):
            definition = frozenset((selector(rule), body(rule)) for rule in defining)
            representative[atom] = definitions.setdefault(definition, atom)
    earliest: dict[tuple[int, str | None, frozenset[tuple[int, bool]]], int] = {}
    repeats: dict[int, set[int]] = {}
    for rule in sorted(program.rules, key=lambda rule: rule.rule):
        if sources[rule.rule].annotation is not None:
            earlier = earliest.setdefault((rule.head, selector(rule), body(rule)), rule.rule)
            repeats.setdefault(rule.rule, set()).add(earlier)
    single = {rule: min(found) for rule, found in repeats.items() if len(found) == 1 and rule not in found}
    return Duplicates(representative, single)
