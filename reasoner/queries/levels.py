"""The binary variables of a record's decision diagrams, which the module `diagrams` of the engine lays out as chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasoner.engine.completions import Truth

if TYPE_CHECKING:
    from reasoner.engine.diagrams import DiagramCompletions

__all__ = ["Levels"]


class Levels:
    """Finds variables in diagrams: `owner` numbers for each level the variable that it belongs to, -1 for that of worlds."""

    def __init__(self, completions: DiagramCompletions) -> None:
        self.true = completions.none.manager.true()
        self.owner = [completions.order[place] if place >= 0 else -1 for place in completions.place]
        self.levels: dict[int, list[int]] = {}
        for level, variable in enumerate(self.owner):
            self.levels.setdefault(variable, []).append(level)
        self.bits = [completions.none.manager.var(level) for level in range(len(self.owner))]

        self._chosen: dict[tuple[int, int], Truth] = {}
        self._cubes: dict[tuple[int, ...], Truth] = {}

    def chosen(self, variable: int, number: int) -> Truth:
        """Give where a variable has a value, whether or not that is admissible."""
        found = self._chosen.get((variable, number))
        if found is None:
            levels = self.levels.get(variable, [])
            found = self.bits[levels[number]] if number < len(levels) else self.true
            for level in levels[:number]:
                found = found & ~self.bits[level]
            self._chosen[variable, number] = found
        return found

    def cube(self, variables: tuple[int, ...]) -> Truth:
        """Give the conjunction of all that belongs to some variables."""
        found = self._cubes.get(variables)
        if found is None:
            found = self.true
            for variable in variables:
                for level in self.levels.get(variable, ()):
                    found = found & self.bits[level]
            self._cubes[variables] = found
        return found
