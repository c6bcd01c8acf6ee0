"""What holds in which completions of a record: settings, regimens, actions, each with what it assumes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.completions import Completions

__all__ = ["SILENT", "UNDETERMINED", "Assumption", "Conclusion", "Conclusions", "Missing", "RankedRegimen", "holding"]

SILENT = "not_addressed"
UNDETERMINED = "undetermined"
NONE: dict[str, list[tuple[str, int, int]]] = {}

Holding = Mapping[str, Mapping[str, list[tuple[str, int, int]]]]


class Assumption(NamedTuple):
    """A value of an unknown fact; for a list `member` says whose membership `value` tells."""

    fact: str
    value: bool | str
    member: str | None = None

    def to_dict(self) -> dict[str, object]:
        member = {} if self.member is None else {"has": self.member}
        return {"fact": self.fact, **member, "value": self.value}


class Missing(NamedTuple):
    """An unknown fact that can change the answer; `decides` names what: "setting", regimens, actions."""

    fact: str
    member: str | None
    decides: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        member = {} if self.member is None else {"has": self.member}
        return {"fact": self.fact, **member, "decides": list(self.decides)}


class Conclusion(NamedTuple):
    """A conclusion that holds in some completion: `agree` are the completions that agree with what it assumes."""

    name: str
    certainty: str
    assuming: tuple[Assumption, ...]
    agree: int
    atom: int


class RankedRegimen(NamedTuple):
    """A recommended regimen, with the best rank and strength that it has where it is recommended."""

    name: str
    rank: int
    strength: str
    certainty: str
    assuming: tuple[Assumption, ...]
    agree: int
    atom: int


def holding(
    table: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]], values: Sequence[int] | Mapping[int, int]
) -> Holding:
    """Find the conclusions of a program's table that hold somewhere, by predicate and first argument.

    Each comes with its second argument, the completions in which it holds, and its number in the program.
    """
    return {
        predicate: {first: [(name, values[n], n) for name, n in atoms if values[n]] for first, atoms in rows.items()}
        for predicate, rows in table.items()
    }


class Conclusions:
    """Reads the conclusions of one record's completions."""

    def __init__(self, completions: Completions, model: GuidelineModel, holding: Holding) -> None:
        self.completions = completions
        self.model = model
        self.holding = holding
        self.decided: dict[int, frozenset[int]] = {0: frozenset(), completions.all: frozenset()}
        self.cubes: dict[int, tuple[tuple[Assumption, ...], int]] = {}

    def held(self, predicate: str, first: str) -> list[tuple[str, int, int]]:
        """List the atoms of a predicate and a first argument that hold somewhere.

        Each comes with its second argument, the completions in which it holds, and its number in the program.
        """
        return self.holding.get(predicate, NONE).get(first, [])

    def truths(self, predicate: str, first: str) -> Iterator[int]:
        """Yield the completions in which each atom of a predicate and a first argument holds."""
        return (truth for _, truth, _ in self.held(predicate, first))

    def best_strengths(self, regimen: str) -> Iterator[int]:
        """Yield for each strength of a regimen the completions in which it has no better one: an answer tells no other."""
        better = 0
        for _, truth, _ in sorted(self.held("strength", regimen), key=lambda row: self.model.strengths.index(row[0])):
            yield truth & ~better
            better |= truth

    def relevant_variables(self, truth: int) -> frozenset[int]:
        found = self.decided.get(truth)
        if found is None:
            found = self.decided[truth] = self.completions.relevant_variables(truth)
        return found

    def certainty(self, truth: int) -> tuple[str, tuple[Assumption, ...], int]:
        """Tell how certain a truth is, what it assumes, and the completions that agree with that."""
        if truth == self.completions.all:
            return "certain", (), truth
        found = self.cubes.get(truth)
        if found is None:
            chosen = self.completions.smallest_implicant(truth, self.relevant_variables(truth), self.model)
            found = self.cubes[truth] = (tuple(self.assumption(v, n) for v, n in chosen), self.completions.agreeing(chosen))
        return "conditional", *found

    def assumption(self, variable: int, value: int) -> Assumption:
        known = self.model.variables[variable]
        held = known.values[value][0]
        assert held is not None
        return Assumption(known.fact, held, known.member)

    def setting(self) -> str:
        for name in self.model.settings:
            for _, truth, _ in self.held("setting", name):
                return name if truth == self.completions.all else UNDETERMINED
        return SILENT

    def recommended(self) -> list[RankedRegimen]:
        """List the recommended regimens, the best first."""
        strengths = self.model.strengths
        entries = [
            self.ranked(regimen, truth, atom)
            for regimen in self.model.regimens
            for _, truth, atom in self.held("recommended", regimen)
        ]
        entries.sort(key=lambda e: (e.rank, e.certainty != "certain", strengths.index(e.strength)))
        return entries

    def ranked(self, regimen: str, truth: int, atom: int) -> RankedRegimen:
        certainty, assuming, agree = self.certainty(truth)
        rank, best = min((int(n), held & agree) for n, held, _ in self.held("rank", regimen) if held & agree)
        found = {name for name, held, _ in self.held("strength", regimen) if held & best}
        strength = next(name for name in self.model.strengths if name in found)
        return RankedRegimen(regimen, rank, strength, certainty, assuming, agree, atom)

    def excluded(self) -> list[Conclusion]:
        """List the excluded regimens, the certain ones first."""
        entries = self.all_held("excluded", self.model.regimens)
        entries.sort(key=lambda entry: entry.certainty != "certain")
        return entries

    def actions(self) -> list[Conclusion]:
        return self.all_held("action", self.model.actions)

    def all_held(self, predicate: str, names: Sequence[str]) -> list[Conclusion]:
        return [
            Conclusion(name, *self.certainty(truth), atom) for name in names for _, truth, atom in self.held(predicate, name)
        ]

    def missing(self) -> list[Missing]:
        if not self.completions.open:
            return []
        decides: dict[int, dict[str, None]] = {}

        def note(name: str, truths: Iterable[int]) -> None:
            for truth in truths:
                for variable in self.relevant_variables(truth):
                    decides.setdefault(variable, {})[name] = None

        for setting in self.model.settings:
            note("setting", self.truths("setting", setting))
        for regimen in self.model.regimens:
            for predicate in ("recommended", "rank", "excluded"):
                note(regimen, self.truths(predicate, regimen))
            note(regimen, self.best_strengths(regimen))
        for action in self.model.actions:
            note(action, self.truths("action", action))
        variables = self.model.variables
        return [Missing(variables[v].fact, variables[v].member, tuple(decides[v])) for v in sorted(decides)]
