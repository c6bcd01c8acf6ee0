"""The alternatives of readings, in questions about all patients: which are taken, and which rules are set aside by that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.selection import ANY
from reasoner.guideline import Guideline

__all__ = ["fixed_atoms", "reading_atom", "rules_set_aside", "taken_in"]


def taken_in(guideline: Guideline) -> dict[str, str]:
    """Give for each reading with alternatives the one that a guideline takes it in, or "any"."""
    known = guideline.model.alternatives
    return {reading: guideline.alternatives.get(reading, names[0]) for reading, names in known.items()}


def reading_atom(reading: str, alternative: str) -> str:
    """Give the atom that says in which alternative a reading is taken."""
    return f"reading({reading.lower()},{alternative})"


def fixed_atoms(model: GuidelineModel, taken: Mapping[str, str]) -> dict[str, bool]:
    """Give the atoms that say how readings are taken, with whether they hold, but for readings that are left open."""
    return {
        reading_atom(reading, name): name == taken[reading]
        for reading, names in model.alternatives.items()
        if taken[reading] != ANY
        for name in names
    }


def rules_set_aside(model: GuidelineModel, taken: Mapping[str, str]) -> Iterator[str]:
    """Yield the ids of the rules that hold only under alternatives that are not taken."""
    fixed = fixed_atoms(model, taken)
    for rule in model.rules:
        if any(fixed.get(condition.text.replace(" ", ""), not condition.negated) == condition.negated for condition in rule.body):
            yield rule.id
