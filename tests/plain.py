"""Plain clingo on the same files: the reference that everything else is compared with.

It knows nothing of the package's evaluation: it loads the guideline's files, adds the record's facts, and reads the answer
sets, one for each completion of the record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import clingo

from reasoner.compiler.model import GuidelineModel
from reasoner.guideline import shared_folder


class World(NamedTuple):
    """One completion: the values of what was open, and the conclusions."""

    choices: tuple[tuple[int, int], ...]
    atoms: frozenset[str]

    def arguments(self, name: str) -> frozenset[str]:
        """The arguments of the atoms of one predicate, as text."""
        return frozenset(atom[len(name) + 1 : -1] for atom in self.atoms if atom.startswith(name + "("))


def files_of(folder: Path, layer: str) -> list[str]:
    readings = layer == "curated" and (folder / "readings.lp").is_file()
    names = ["guideline.lp", *(["readings.lp"] if readings else [])]
    return [str(shared_folder() / "core" / "core.lp"), *(str(folder / name) for name in names)]


def worlds_of(facts: str, folder: Path, layer: str, model: GuidelineModel) -> list[World]:
    """Solve a record's facts with clingo: all completions, in no order."""
    control = clingo.Control(["0", "--warn=none"])
    for file in files_of(folder, layer):
        control.load(file)
    control.add("base", [], facts)
    control.ground()
    completions = []
    with control.solve(yield_=True) as handle:
        for answer_set in handle:
            atoms = frozenset(str(symbol) for symbol in answer_set.symbols(atoms=True))
            choices = []
            for number, variable in enumerate(model.variables):
                held = [n for n, (_, own) in enumerate(variable.values) if own and set(own) <= atoms]
                choices.append((number, held[0] if held else len(variable.values) - 1))
            completions.append(World(tuple(choices), atoms))
    return completions


def summary(completion: World) -> dict[str, Any]:
    """Give one completion's conclusions."""
    return {
        "setting": sorted(completion.arguments("setting")),
        "recommended": sorted(completion.arguments("recommended")),
        "rank": sorted(completion.arguments("rank")),
        "strength": sorted(completion.arguments("strength")),
        "excluded": sorted(completion.arguments("excluded")),
        "action": sorted(completion.arguments("action")),
        "cautioned": sorted(completion.arguments("cautioned")),
    }
