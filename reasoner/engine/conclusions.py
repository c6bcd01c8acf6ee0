"""What holds in which completions of a record: settings, regimens, actions, each with what it assumes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.completions import Completions
from reasoner.engine.predicates import ACTION, EXCLUDED, RANK, RECOMMENDED, SETTING, STRENGTH
from reasoner.records.shapes import Shape

__all__ = [
    "CERTAIN",
    "CONDITIONAL",
    "SILENT",
    "UNDETERMINED",
    "Assumption",
    "Certainty",
    "Conclusion",
    "Conclusions",
    "Missing",
    "RankedRegimen",
    "holding",
]

Certainty = Literal["certain", "conditional"]
CERTAIN: Literal["certain"] = "certain"
CONDITIONAL: Literal["conditional"] = "conditional"
SILENT = "not_addressed"
UNDETERMINED = "undetermined"

Held = list[tuple[str, int, int]]
Holding = Mapping[str, Mapping[str, Held]]
NOWHERE: Mapping[str, Held] = {}


class Assumption(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """A value of an unknown fact.

    Of a list `has` names one member, and `value` tells whether it is in the list. A number's value is an interval between
    the guideline's thresholds, such as "<=12".
    """

    fact: str
    member: str | None = field(default=None, name="has")
    value: bool | str


class Missing(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """An unknown fact that can change the answer.

    Of a list `has` names the one member that is unknown. `decides` names what can change: "setting", regimens, actions.
    """

    fact: str
    member: str | None = field(default=None, name="has")
    decides: tuple[str, ...]


class Conclusion(Struct, frozen=True):
    """A conclusion that holds in some completion.

    `name` is its first argument; `agree` are the completions that agree with what it assumes; `atom` is its number in the
    program.
    """

    name: str
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    agree: int
    atom: int


class RankedRegimen(Struct, frozen=True):
    """A recommended regimen, with the best rank and strength that it has where it is recommended."""

    name: str
    rank: int
    strength: str
    certainty: Certainty
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
        self.relevant: dict[int, frozenset[int]] = {0: frozenset(), completions.all: frozenset()}
        self.implicants: dict[int, tuple[tuple[Assumption, ...], int]] = {}

    def held(self, predicate: str, first: str) -> Held:
        """List the atoms of a predicate and a first argument that hold somewhere.

        Each comes with its second argument, the completions in which it holds, and its number in the program.
        """
        return self.holding.get(predicate, NOWHERE).get(first, [])

    def truths(self, predicate: str, first: str) -> Iterator[int]:
        """Yield the completions in which each atom of a predicate and a first argument holds."""
        return (truth for _, truth, _ in self.held(predicate, first))

    def truth(self, predicate: str, first: str) -> int:
        """Give the completions in which some atom of a predicate and a first argument holds."""
        found = 0
        for _, truth, _ in self.held(predicate, first):
            found |= truth
        return found

    def best_strengths(self, regimen: str) -> Iterator[int]:
        """Yield for each strength of a regimen the completions in which it has no better one: an answer tells no other."""
        better = 0
        for _, truth, _ in sorted(self.held(STRENGTH, regimen), key=lambda row: self.model.strengths.index(row[0])):
            yield truth & ~better
            better |= truth

    def relevant_variables(self, truth: int) -> frozenset[int]:
        found = self.relevant.get(truth)
        if found is None:
            found = self.relevant[truth] = self.completions.relevant_variables(truth)
        return found

    def certainty(self, truth: int) -> tuple[Certainty, tuple[Assumption, ...], int]:
        """Tell how certain a truth is, what it assumes, and the completions that agree with that."""
        if truth == self.completions.all:
            return CERTAIN, (), truth
        found = self.implicants.get(truth)
        if found is None:
            chosen = self.completions.smallest_implicant(truth, self.relevant_variables(truth), self.model)
            found = self.implicants[truth] = (
                tuple(self.assumption(v, n) for v, n in chosen),
                self.completions.agreeing(chosen),
            )
        return CONDITIONAL, *found

    def assumption(self, variable: int, value: int) -> Assumption:
        known = self.model.variables[variable]
        assumed = known.values[value][0]
        assert assumed is not None
        return Assumption(fact=known.fact, member=known.member, value=assumed)

    def setting(self) -> str:
        for name in self.model.settings:
            for _, truth, _ in self.held(SETTING, name):
                return name if truth == self.completions.all else UNDETERMINED
        return SILENT

    def recommended(self) -> list[RankedRegimen]:
        """List the recommended regimens, the best first."""
        strengths = self.model.strengths
        entries = [
            self.ranked(regimen, truth, atom)
            for regimen in self.model.regimens
            for _, truth, atom in self.held(RECOMMENDED, regimen)
        ]
        entries.sort(key=lambda e: (e.rank, e.certainty != CERTAIN, strengths.index(e.strength)))
        return entries

    def ranked(self, regimen: str, truth: int, atom: int) -> RankedRegimen:
        certainty, assuming, agree = self.certainty(truth)
        rank, best = min((int(n), held & agree) for n, held, _ in self.held(RANK, regimen) if held & agree)
        found = {name for name, held, _ in self.held(STRENGTH, regimen) if held & best}
        strength = next(name for name in self.model.strengths if name in found)
        return RankedRegimen(regimen, rank, strength, certainty, assuming, agree, atom)

    def excluded(self) -> list[Conclusion]:
        """List the excluded regimens, the certain ones first."""
        entries = self.all_held(EXCLUDED, self.model.regimens)
        entries.sort(key=lambda entry: entry.certainty != CERTAIN)
        return entries

    def actions(self) -> list[Conclusion]:
        return self.all_held(ACTION, self.model.actions)

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
            note("setting", self.truths(SETTING, setting))
        for regimen in self.model.regimens:
            for predicate in (RECOMMENDED, RANK, EXCLUDED):
                note(regimen, self.truths(predicate, regimen))
            note(regimen, self.best_strengths(regimen))
        for action in self.model.actions:
            note(action, self.truths(ACTION, action))
        variables = self.model.variables
        return [
            Missing(fact=variables[v].fact, member=variables[v].member, decides=tuple(decides[v])) for v in sorted(decides)
        ]
