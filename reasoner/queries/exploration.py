"""The states that a record can reach: which regimens come next, how they end, and where nothing is recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reasoner.engine.answer import Answer, Recommendation
from reasoner.engine.conclusions import SILENT, Assumption, Conclusions
from reasoner.engine.predicates import INDICATED, RECOMMENDED, SETTING, UNAVAILABLE_DRUG, ground_atom
from reasoner.errors import ReasonerError, RecordError
from reasoner.guideline import Guideline
from reasoner.records.record import OPEN, Record, parse_record

__all__ = [
    "DEAD_END",
    "MOST_RECORDS",
    "NOTHING",
    "SILENCE",
    "Explorer",
    "NextRegimen",
    "Outcomes",
    "State",
    "Stop",
    "Waypoint",
]

MOST_RECORDS = 5_000
DEAD_END = "dead_end"
SILENCE = "silence"
NOTHING = "nothing"


class Waypoint(NamedTuple):
    """A record on the way: its data, and what is assumed beside it that no key of a record can say."""

    data: Mapping[str, object]
    assumed: tuple[Assumption, ...] = ()


class NextRegimen(NamedTuple):
    """A regimen that can come next, as the answer words it."""

    regimen: str
    rank: int
    strength: str
    assuming: tuple[Assumption, ...]
    statements: tuple[str, ...]
    cautions: tuple[str, ...]


class Stop(NamedTuple):
    """Where nothing is recommended: `kind` is "dead_end", "silence" or "nothing"; `indicated` is excluded there."""

    kind: str
    assuming: tuple[Assumption, ...]
    indicated: tuple[str, ...] = ()
    problem: str = ""


Outcomes = tuple[tuple[str, int], ...]


class State(NamedTuple):
    """A state: what can come next, each with the outcomes and the numbers of the states that they lead to."""

    setting: str
    regimens: tuple[tuple[NextRegimen, Outcomes], ...]
    stops: tuple[tuple[Stop, Outcomes], ...]
    cut: bool


class Explorer:
    """Follows one record through the guideline, and numbers the states that it finds."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.model = guideline.model
        self.courses_fact = self.model.courses_fact
        self.kinds = {fact.name: fact.kind for fact in self.model.facts}
        self.endings = self.model.endings
        self.states: dict[State, int] = {}
        self.records: list[Record] = []
        self.reached: dict[object, tuple[int, frozenset[str]]] = {}

    def explore(self, point: Waypoint, left: int) -> tuple[int, frozenset[str]]:
        """Find the state of a record with `left` courses to go: its number, and the regimens recommended in it."""
        record = self.record(point)
        key = (frozenset(record.atoms), record.choices, left)
        found = self.reached.get(key)
        if found is None:
            if len(self.reached) >= MOST_RECORDS:
                raise ReasonerError(
                    f"lines: more than {MOST_RECORDS} records would have to be answered; follow fewer lines, or record more"
                )
            found = self.reached[key] = self.state(point, record, left)
        return found

    def state(self, point: Waypoint, record: Record, left: int) -> tuple[int, frozenset[str]]:
        answer = self.guideline.answer(record)
        regimens = []
        cut = False
        for entry in answer.recommended:
            if left or not self.adds_course(entry.regimen) or self.continues(point, entry.regimen):
                regimens.append((next_regimen(entry), self.outcomes(point, answer, entry.assuming, entry.regimen, left)))
            else:
                cut = True
        stops = [
            (stop, self.outcomes(point, answer, stop.assuming, None, left) if self.can_end(point, stop) else ())
            for stop in self.stops(answer)
        ]
        state = State(answer.setting, tuple(regimens), tuple(stops), cut)
        return self.number(state, record), frozenset(entry.regimen for entry in answer.recommended)

    def number(self, state: State, record: Record) -> int:
        if state not in self.states:
            self.states[state] = len(self.records)
            self.records.append(record)
        return self.states[state]

    def record(self, point: Waypoint) -> Record:
        """Give a point's record, in which what no key can say is chosen all the same."""
        record = parse_record(point.data, self.model)
        choices, facts = list(record.choices), record.facts
        for assumption in point.assumed:
            for number, variable in enumerate(self.model.variables):
                if (variable.fact, variable.member) == (assumption.fact, assumption.member) and choices[number] == OPEN:
                    choices[number] = [value for value, _ in variable.values].index(assumption.value)
                    facts += constraints(variable.values, choices[number])
        return record._replace(choices=tuple(choices), facts=facts)

    def courses(self, point: Waypoint) -> list[Mapping[str, object]]:
        recorded = None if self.courses_fact is None else point.data.get(self.courses_fact.name)
        return list(recorded) if isinstance(recorded, list | tuple) else []

    def under_way(self, point: Waypoint) -> bool:
        courses = self.courses(point)
        return bool(courses) and courses[-1]["outcome"] in self.model.under_way

    def continues(self, point: Waypoint, regimen: str) -> bool:
        """Tell whether the course under way is the regimen."""
        if not self.under_way(point):
            return False
        drugs = self.courses(point)[-1]["drugs"]
        assert isinstance(drugs, list | tuple)
        return self.model.is_regimen(drugs, regimen)

    def adds_course(self, regimen: str) -> bool:
        """Tell whether to follow a regimen is to give a course of drugs that a record can hold."""
        return self.courses_fact is not None and bool(self.model.parts[regimen])

    def can_end(self, point: Waypoint, stop: Stop) -> bool:
        return stop.kind != NOTHING and self.under_way(point)

    def outcomes(
        self, point: Waypoint, answer: Answer, assuming: Sequence[Assumption], regimen: str | None, left: int
    ) -> Outcomes:
        """Follow each outcome of a regimen, or of the course under way where that is None.

        An outcome as planned counts only where not just the same regimen is recommended after it. Nothing follows where
        no course is given: by a regimen without drugs, or in a guideline without courses.
        """
        if regimen is not None and not self.adds_course(regimen):
            return ()
        assumed = self.assume(point, assuming)
        found = []
        for outcome in self.endings:
            after = self.after(assumed, answer, regimen, outcome)
            added = len(self.courses(after)) - len(self.courses(point))
            try:
                state, following = self.explore(after, left - added)
            except RecordError as error:
                stop = Stop(NOTHING, (), problem=str(error))
                state, following = self.number(State(SILENT, (), ((stop, ()),), False), self.record(after)), frozenset()
            if outcome not in self.model.as_planned or following != {regimen}:
                found.append((outcome, state))
        return tuple(found)

    def assume(self, point: Waypoint, assuming: Sequence[Assumption]) -> Waypoint:
        """Record what is assumed."""
        said = {a.fact: a.value for a in assuming if self.kinds[a.fact] in ("boolean", "choice")}
        return Waypoint({**point.data, **said}, (*point.assumed, *(a for a in assuming if a.fact not in said)))

    def after(self, point: Waypoint, answer: Answer, regimen: str | None, outcome: str) -> Waypoint:
        """Let the course under way, or else a course of the regimen, come to an outcome.

        A course that the regimen takes the place of counts as ended as planned.
        """
        courses = self.courses(point)
        if regimen is None or self.continues(point, regimen):
            courses[-1] = {**courses[-1], "outcome": outcome}
        else:
            if self.under_way(point):
                courses[-1] = {**courses[-1], "outcome": self.model.as_planned[0]}
            drugs = list(dict.fromkeys(self.drug_for(part, answer) for part in self.model.parts[regimen]))
            courses.append({"drugs": drugs, "outcome": outcome})
        assert self.courses_fact is not None
        return point._replace(data={**point.data, self.courses_fact.name: courses})

    def drug_for(self, part: Sequence[str], answer: Answer) -> str:
        """Choose the first drug for a part that cannot be unavailable, or else the first."""
        return min(part, key=lambda drug: answer.derivation.truth(ground_atom(UNAVAILABLE_DRUG, drug)) != 0)

    def stops(self, answer: Answer) -> list[Stop]:
        """List how the completions in which nothing is recommended end: in silence, in a dead end, or with nothing."""
        derivation = answer.derivation
        rest = derivation.completions.all
        for entry in answer.recommended:
            rest &= ~derivation.truth(ground_atom(RECOMMENDED, entry.regimen))
        if not rest:
            return []
        settled = indicated = 0
        for name in self.model.settings:
            settled |= derivation.truth(ground_atom(SETTING, name)) if name != SILENT else 0
        indications = self.indications(answer, rest & settled)
        for truth in indications.values():
            indicated |= truth
        conclusions = Conclusions(derivation.completions, self.model, {})
        found = []
        for kind, truth in (
            (DEAD_END, indicated),
            (SILENCE, rest & ~settled),
            (NOTHING, rest & settled & ~indicated),
        ):
            if truth:
                _, assuming, agree = conclusions.certainty(truth)
                names = tuple(name for name, own in indications.items() if own & agree) if kind == DEAD_END else ()
                found.append(Stop(kind, assuming, names))
        return found

    def indications(self, answer: Answer, among: int) -> dict[str, int]:
        """Find the regimens that are indicated in some of the completions `among`, each with those completions."""
        found: dict[str, int] = {}
        for regimen in self.model.regimens:
            for strength in self.model.strengths:
                truth = answer.derivation.truth(ground_atom(INDICATED, regimen, strength)) & among
                if truth:
                    found[regimen] = found.get(regimen, 0) | truth
        return found


def next_regimen(entry: Recommendation) -> NextRegimen:
    return NextRegimen(entry.regimen, entry.rank, entry.strength, entry.assuming, entry.statements, entry.cautions)


def constraints(values: Sequence[tuple[object, tuple[str, ...]]], chosen: int) -> str:
    """Say in clingo's words that a variable has one of its values."""
    held = values[chosen][1]
    others = dict.fromkeys(atom for _, atoms in values for atom in atoms if atom not in held)
    return "".join(f":- not {atom}.\n" for atom in held) + "".join(f":- {atom}.\n" for atom in others)
