"""What holds in which completions of a record: settings, regimens, actions, each with what it assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct, field

from reasoner.compiler.model import GuidelineModel, Variable
from reasoner.engine.completions import Completions, Truth
from reasoner.engine.predicates import ACTION, EXCLUDED, RANK, RECOMMENDED, SCORE, SETTING, STRENGTH
from reasoner.records.shapes import Shape

if TYPE_CHECKING:
    from reasoner.engine.derivation import Derivation

__all__ = [
    "CERTAIN",
    "CONDITIONAL",
    "SILENT",
    "UNDETERMINED",
    "Assumption",
    "Certainty",
    "Conclusion",
    "Conclusions",
    "DecisionSetting",
    "Derived",
    "Missing",
    "RankedRegimen",
    "assumption_of",
    "conclusions_of",
    "holding",
    "untreated_assumed",
]

Certainty = Literal["certain", "conditional"]
CERTAIN: Literal["certain"] = "certain"
CONDITIONAL: Literal["conditional"] = "conditional"
SILENT = "not_addressed"
UNDETERMINED = "undetermined"

Held = list[tuple[str, Truth, int]]
Holding = Mapping[str, Mapping[str, Held]]
NOWHERE: Mapping[str, Held] = {}


class Assumption(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """A value of an unknown fact, or an alternative of a reading whose choice is open.

    Of a list `has` names one member, and `value` tells whether it is in the list. Of therapy `course` is the number of a
    course, and the value its outcome, or that of another `key`. A number's value is an interval between the guideline's
    thresholds, such as "<=12". An empty list stands for no therapy, and of several sets of facts the value is a label.
    """

    reading: str = ""
    fact: str = ""
    member: str | None = field(default=None, name="has")
    course: int | None = None
    key: str | None = None
    value: bool | str | tuple[str, ...]


class Missing(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """An unknown fact that can change the answer.

    Of a list `has` names the one member that is unknown, of a course's facts `course` its number and `key` another than its
    outcome. `decides` names what can change: "setting", regimens, actions.
    """

    fact: str
    member: str | None = field(default=None, name="has")
    course: int | None = None
    key: str | None = None
    decides: tuple[str, ...]


class DecisionSetting(Shape, frozen=True):
    """The setting in which a patient stands for one of several decisions."""

    decision: str
    setting: str


class Conclusion(Struct, frozen=True):
    """A conclusion that holds in some completion.

    `name` is its first argument; `agree` are the completions that agree with what it assumes; `atom` is its number in the
    program.
    """

    name: str
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    agree: Truth
    atom: int


class RankedRegimen(Struct, frozen=True):
    """A recommended regimen, with the best rank and strength that it has where it is recommended."""

    name: str
    rank: int
    strength: str
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    agree: Truth
    atom: int


def holding(
    table: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]],
    values: Sequence[Truth] | Mapping[int, Truth],
    completions: Completions,
) -> Holding:
    """Find the conclusions of a program's table that hold somewhere, by predicate and first argument.

    Each comes with its second argument, the completions in which it holds, and its number in the program.
    """
    none, listed = completions.none, completions.listed
    every = listed == completions.all
    found: dict[str, dict[str, Held]] = {}
    for predicate, rows in table.items():
        own = found[predicate] = {}
        for first, atoms in rows.items():
            for name, n in atoms:
                truth = values[n]
                if truth != none and (every or truth & listed != none):
                    own.setdefault(first, []).append((name, truth, n))
    return found


def assumption_of(variable: Variable, value: int) -> Assumption:
    """Say that a variable has the value of a number."""
    assumed = variable.values[value][0]
    assert assumed is not None
    return Assumption(
        reading=variable.reading or "",
        fact=variable.fact,
        member=variable.member,
        course=variable.course,
        key=variable.key,
        value=assumed,
    )


class Conclusions:
    """Reads the conclusions of one record's completions.

    `table` finds them in a program, `values` are where its atoms hold, and `possible` where they possibly hold, None where
    that is known of all.
    """

    def __init__(
        self,
        completions: Completions,
        model: GuidelineModel,
        table: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]],
        values: Sequence[Truth] | Mapping[int, Truth],
        possible: Sequence[Truth] | None = None,
    ) -> None:
        self.completions = completions
        self.model = model
        self.table = table
        self.values = values
        self.possible = possible
        self.holding = holding(table, values, completions)
        self.relevant: dict[Truth, frozenset[int]] = {completions.none: frozenset(), completions.all: frozenset()}
        self.found_settings: dict[str, str] = {}
        self.implicants: dict[Truth, tuple[tuple[Assumption, ...], Truth]] = {}

    def held(self, predicate: str, first: str) -> Held:
        """List the atoms of a predicate and a first argument that hold somewhere.

        Each comes with its second argument, the completions in which it holds, and its number in the program.
        """
        return self.holding.get(predicate, NOWHERE).get(first, [])

    def names_held(self, predicate: str, names: Sequence[str]) -> list[str]:
        """List the names, as first arguments, of which an atom of a predicate holds somewhere."""
        held = self.holding.get(predicate, NOWHERE)
        return [name for name in names if name in held]

    def truths(self, predicate: str, first: str) -> Iterator[Truth]:
        """Yield the completions in which each atom of a predicate and a first argument holds."""
        return (truth for _, truth, _ in self.held(predicate, first))

    def truth(self, predicate: str, first: str) -> Truth:
        """Give the completions in which some atom of a predicate and a first argument holds."""
        found = self.completions.none
        for _, truth, _ in self.held(predicate, first):
            found = found | truth
        return found

    def best_strengths(self, regimen: str) -> Iterator[Truth]:
        """Yield for each strength of a regimen the completions in which it has no better one: an answer tells no other."""
        better = self.completions.none
        for _, truth, _ in sorted(self.held(STRENGTH, regimen), key=lambda row: self.model.strengths.index(row[0])):
            yield truth & ~better
            better = better | truth

    def relevant_variables(self, truth: Truth) -> frozenset[int]:
        found = self.relevant.get(truth)
        if found is None:
            found = self.relevant[truth] = self.completions.relevant_variables(truth)
        return found

    def certainty(self, truth: Truth) -> tuple[Certainty, tuple[Assumption, ...], Truth]:
        """Tell how certain a truth is, what it assumes, and the completions that agree with that."""
        if truth == self.completions.all:
            return CERTAIN, (), truth
        found = self.implicants.get(truth)
        if found is None:
            chosen = self.completions.smallest_implicant(truth)
            agree = self.completions.agreeing(chosen) if chosen or not self.completions.assumes else truth
            found = self.implicants[truth] = tuple(self.assumption(v, n) for v, n in chosen), agree
        return CONDITIONAL, *found

    def assumption(self, variable: int, value: int) -> Assumption:
        return assumption_of(self.completions.variables[variable], value)

    def scores(self) -> list[tuple[str, int, int]]:
        """List the scores that the patient can have, each with its least and its greatest value."""
        possible, none = self.values if self.possible is None else self.possible, self.completions.none
        found = []
        for name in self.model.labels.get(SCORE, {}):
            rows = self.table.get(SCORE, {}).get(name, ())
            values = [int(value) for value, number in rows if possible[number] != none]
            if values:
                found.append((name, min(values), max(values)))
        return found

    def setting(self, decision: str = "") -> str:
        """Name the setting of a decision, by default of the first."""
        if decision not in self.found_settings:
            self.found_settings[decision] = self.find_setting(self.model.settings_in(decision))
        return self.found_settings[decision]

    def find_setting(self, own: Sequence[str]) -> str:
        """Name the one of a decision's `own` settings in which the patient stands."""
        found = [(name, truth) for name in self.names_held(SETTING, own) for _, truth, _ in self.held(SETTING, name)]
        placed = (n for name in own for _, n in self.table.get(SETTING, {}).get(name, ()))
        possible, settled = self.possible, (self.completions.none, self.completions.all)
        if possible is not None and any(possible[n] not in settled or possible[n] != self.values[n] for n in placed):
            return UNDETERMINED
        if any(truth != self.completions.all for _, truth in found):
            return UNDETERMINED
        return found[0][0] if found else SILENT

    def settings(self) -> tuple[DecisionSetting, ...]:
        """Give the setting of each of several decisions."""
        return tuple(DecisionSetting(decision, self.setting(decision)) for decision in self.model.decisions)

    def recommended(self) -> list[RankedRegimen]:
        """List the recommended regimens, by decision, the best first."""
        strengths, place = self.model.strengths, self.model.place
        entries = [
            self.ranked(regimen, truth, atom)
            for regimen in self.names_held(RECOMMENDED, self.model.regimens)
            for _, truth, atom in self.held(RECOMMENDED, regimen)
        ]
        entries.sort(key=lambda e: (place(e.name), e.rank, e.certainty != CERTAIN, strengths.index(e.strength)))
        return entries

    def ranked(self, regimen: str, truth: Truth, atom: int) -> RankedRegimen:
        certainty, assuming, agree = self.certainty(truth)
        ranks = [(rank, held) for rank, held, _ in self.held(RANK, regimen)]
        strengths = [(strength, held) for strength, held, _ in self.held(STRENGTH, regimen)]
        best = self.standing(ranks, strengths, agree)
        if best is None and self.possible is not None:
            best = self.standing(self.possibly_held(RANK, regimen), self.possibly_held(STRENGTH, regimen), agree)
        assert best is not None
        return RankedRegimen(regimen, *best, certainty, assuming, agree, atom)

    def possibly_held(self, predicate: str, first: str) -> list[tuple[str, Truth]]:
        """List the atoms of a predicate and a first argument with where some history may make them hold."""
        assert self.possible is not None
        return [(own, self.possible[number]) for own, number in self.table.get(predicate, {}).get(first, ())]

    def standing(
        self, ranks: Iterable[tuple[str, Truth]], strengths: Iterable[tuple[str, Truth]], agree: Truth
    ) -> tuple[int, str] | None:
        """Give the best rank in the completions of `agree` with its best strength; None where there is no rank."""
        none = self.completions.none
        places = {int(rank): held & agree for rank, held in ranks if held & agree != none}
        if not places:
            return None
        best = places[min(places)]
        found = {strength for strength, held in strengths if held & best != none}
        return min(places), next((name for name in self.model.strengths if name in found), "")

    def excluded(self) -> list[Conclusion]:
        """List the excluded regimens, the certain ones first."""
        entries = self.all_held(EXCLUDED, self.model.regimens)
        entries.sort(key=lambda entry: entry.certainty != CERTAIN)
        return entries

    def actions(self) -> list[Conclusion]:
        return self.all_held(ACTION, self.model.actions)

    def all_held(self, predicate: str, names: Sequence[str]) -> list[Conclusion]:
        return [
            Conclusion(name, *self.certainty(truth), atom)
            for name in self.names_held(predicate, names)
            for _, truth, atom in self.held(predicate, name)
        ]

    def missing(self) -> list[Missing]:
        """List the unknown facts that can change the answer: first therapy, where it is not known which was given."""
        if not self.completions.open:
            return []
        decides: dict[int, dict[str, None]] = {}
        untold, every = self.completions.untold, self.completions.all
        unsettled = {
            (predicate, first)
            for predicate, rows in self.holding.items()
            for first, held in rows.items()
            if any(truth != every for _, truth, _ in held)
        }
        if not unsettled and untold is None:
            return []

        def note(name: str, truths: Iterable[Truth]) -> None:
            for truth in truths:
                for variable in self.relevant_variables(truth):
                    decides.setdefault(variable, {})[name] = None

        for name, predicates in self.deciding():
            if untold is not None and any(self.depends_on_therapy(predicate, first) for predicate, first in predicates):
                decides.setdefault(untold, {})[name] = None
            for predicate, first in predicates:
                if (predicate, first) in unsettled:
                    note(name, self.truths(predicate, first))
                if predicate == RANK and (STRENGTH, first) in unsettled:
                    note(name, self.best_strengths(first))
        variables = self.completions.variables
        ordered = sorted(decides, key=lambda v: (v != untold, self.completions.order.index(v)))
        return [
            Missing(
                fact=variables[v].fact,
                member=variables[v].member,
                course=variables[v].course,
                key=variables[v].key,
                decides=tuple(decides[v]),
            )
            for v in ordered
            if variables[v].reading is None
        ]

    def deciding(self) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
        """Yield what facts can decide, each with the predicates and first arguments that tell of it."""
        yield "setting", tuple((SETTING, name) for name in self.model.settings)
        for regimen in self.model.regimens:
            yield regimen, ((RECOMMENDED, regimen), (RANK, regimen), (EXCLUDED, regimen))
        for action in self.model.actions:
            yield action, ((ACTION, action),)
        for score in self.model.labels.get(SCORE, {}):
            yield score, ((SCORE, score),)

    def depends_on_therapy(self, predicate: str, first: str) -> bool:
        """Tell whether some history could change what an untreated patient is told."""
        none, possible = self.completions.none, self.possible
        assert possible is not None
        for _, number in self.table.get(predicate, {}).get(first, ()):
            if (possible[number] & ~self.values[number]) != none or self.completions.by_therapy(self.values[number]):
                return True
        return False


def conclusions_of(derivation: Derivation) -> Conclusions:
    """Read the conclusions of a derivation."""
    program = derivation.program
    return Conclusions(derivation.completions, derivation.model, program.table, derivation.values, derivation.possible)


def untreated_assumed(assuming: Iterable[Assumption], model: GuidelineModel) -> tuple[Assumption, ...]:
    """Give of some assumptions the one that no therapy was given, where it is among them."""
    own = model.courses_fact
    return tuple(given for given in assuming if own is not None and given.fact == own.name and given.value == ())


class Derived(NamedTuple):
    """The conclusions of a record, and how to get at all that follows from it."""

    conclusions: Conclusions
    derivation: Callable[[], Derivation]
