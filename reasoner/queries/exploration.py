"""The states that a record can reach: which regimens come next, how they end, and where nothing is recommended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import (
    CERTAIN,
    SILENT,
    Assumption,
    Certainty,
    Conclusions,
    RankedRegimen,
    conclusions_of,
    holding,
)
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import CAUTIONED, INDICATED, RECOMMENDED, SETTING, ground_atom
from reasoner.errors import ReasonerError, RecordError
from reasoner.guideline import Guideline
from reasoner.queries.waypoints import Waypoint, Waypoints
from reasoner.records.record import Record

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
]

MOST_RECORDS = 5_000
FEW_RECORDS = 50
"""After so many records many more follow, which generated code answers faster."""
DEAD_END = "dead_end"
SILENCE = "silence"
NOTHING = "nothing"


class NextRegimen(NamedTuple):
    """A regimen that can come next, as the answer words it; of its `cautions` some can still be `ruled_out`."""

    regimen: str
    rank: int
    strength: str
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    statements: tuple[str, ...]
    cautions: tuple[str, ...]
    ruled_out: tuple[str, ...]


class Stop(NamedTuple):
    """Where nothing is recommended: `kind` is "dead_end", "silence" or "nothing"; `indicated` is excluded there."""

    kind: str
    certainty: Certainty
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


class LastState(NamedTuple):
    """A state to which no course is left, and the regimens that are recommended in it."""

    state: State
    recommended: frozenset[str]


class Explorer:
    """Follows one record through the guideline, and numbers the states that it finds."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.guidelines: dict[tuple[str, ...], Guideline] = {(): guideline}
        self.model = guideline.model
        self.waypoints = Waypoints(self.model)
        self.states: dict[State, int] = {}
        self.records: list[Record] = []
        self.reached: dict[object, tuple[int, frozenset[str]]] = {}
        self.last: dict[object, dict[str, LastState]] = {}
        self.answered = 0

    def explore(self, point: Waypoint, left: int) -> tuple[int, frozenset[str]]:
        """Find the state of a record with `left` courses to go: its number, and the regimens recommended in it."""
        record = self.waypoints.record(point)
        key = (record.told, point.readings, left)
        found = self.reached.get(key)
        if found is None:
            found = self.reached[key] = self.state(point, record, left)
        return found

    def state(self, point: Waypoint, record: Record, left: int) -> tuple[int, frozenset[str]]:
        guideline = self.taking(point.readings)
        self.count(guideline, record)
        derivation = guideline.derive(record, compared=False)
        conclusions = conclusions_of(derivation)
        entries = conclusions.recommended()
        regimens = []
        cut = False
        for entry in entries:
            followed = self.waypoints.assume(point, entry.assuming)
            if left or not self.waypoints.adds_course(entry.name) or self.waypoints.continues(followed, entry.name):
                following = next_regimen(entry, derivation, conclusions)
                regimens.append((following, self.outcomes(point, derivation, entry.assuming, entry.name, left)))
            else:
                cut = True
        stops = [
            (stop, self.outcomes(point, derivation, stop.assuming, None, left) if self.can_end(point, stop) else ())
            for stop in self.stops(conclusions, derivation, [derivation.values[entry.atom] for entry in entries])
        ]
        state = State(conclusions.setting(), tuple(regimens), tuple(stops), cut)
        return self.number(state, record), frozenset(entry.name for entry in entries)

    def last_states(self, point: Waypoint) -> dict[str, LastState]:
        """Find where each outcome of the last course, which is open, leads when no course is left, all at once.

        Left out are outcomes that contradict the record, and those after which a regimen without drugs follows.
        """
        record = self.waypoints.record(point)
        if record.labels or self.taking(point.readings).evaluator(record.courses, record.fewer).program.recursive:
            return {}
        key = (record.told, point.readings)
        if key not in self.last:
            self.last[key] = dict(self.ended(point, record))
        return self.last[key]

    def ended(self, point: Waypoint, record: Record) -> Iterator[tuple[str, LastState]]:
        guideline = self.taking(point.readings)
        self.count(guideline, record)
        try:
            derivation = guideline.derive(record, compared=False)
        except RecordError:
            return
        program, every = derivation.program, derivation.completions
        place = (self.waypoints.field, None, record.courses, None, None)
        variable = next(n for n, known in enumerate(program.variables) if known.place == place)
        concluded = {predicate: program.table.get(predicate, {}) for predicate in (SETTING, RECOMMENDED)}
        whole = holding(concluded, derivation.values, every)
        table = {
            predicate: {first: [(name, n) for name, _, n in held] for first, held in rows.items()}
            for predicate, rows in whole.items()
        }
        truths = {n: truth for rows in whole.values() for held in rows.values() for _, truth, n in held}
        for (outcome, _), among in zip(program.variables[variable].values, every.values.get(variable, ()), strict=False):
            if among == every.none or not isinstance(outcome, str):
                continue
            values = {n: truth & among for n, truth in truths.items()}
            conclusions = Conclusions(every.within(among), self.model, table, values)
            found = {regimen: conclusions.truth(RECOMMENDED, regimen) for regimen in self.model.regimens}
            recommended = {regimen: truth for regimen, truth in found.items() if truth != every.none}
            if all(map(self.waypoints.adds_course, recommended)):
                stops = tuple((stop, ()) for stop in self.stops(conclusions, derivation, recommended.values()))
                state = State(conclusions.setting(), (), stops, bool(recommended))
                yield outcome, LastState(state, frozenset(recommended))

    def numbered(self, last: LastState, point: Waypoint) -> tuple[int, frozenset[str]]:
        if last.state not in self.states:
            self.number(last.state, self.waypoints.record(point))
        return self.states[last.state], last.recommended

    def count(self, guideline: Guideline, record: Record) -> None:
        """Count what is answered, within bounds."""
        if self.answered >= MOST_RECORDS:
            raise ReasonerError(
                f"lines: more than {MOST_RECORDS} records would have to be answered; follow fewer lines, or record more"
            )
        self.answered += 1
        if self.answered > FEW_RECORDS:
            guideline.evaluator(record.courses, record.fewer).compile()

    def taking(self, readings: tuple[str, ...]) -> Guideline:
        """Give the guideline with some of its readings taken otherwise."""
        found = self.guidelines.get(readings)
        if found is None:
            own = {name.partition("=")[0] for name in readings}
            others = (name for name in self.guideline.selection.readings if name.partition("=")[0] not in own)
            found = self.guidelines[readings] = self.guideline.with_readings((*others, *readings))
        return found

    def number(self, state: State, record: Record) -> int:
        if state not in self.states:
            self.states[state] = len(self.records)
            self.records.append(record)
        return self.states[state]

    def can_end(self, point: Waypoint, stop: Stop) -> bool:
        return stop.kind != NOTHING and self.waypoints.under_way(self.waypoints.assume(point, stop.assuming))

    def outcomes(
        self, point: Waypoint, derivation: Derivation, assuming: Sequence[Assumption], regimen: str | None, left: int
    ) -> Outcomes:
        """Follow each outcome of a regimen, or of the course under way where that is None.

        An outcome as planned counts only where not just the same regimen is recommended after it. Nothing follows where
        no course is given: by a regimen without drugs, or in a guideline without courses.
        """
        if regimen is not None and not self.waypoints.adds_course(regimen):
            return ()
        assumed = self.waypoints.assume(point, assuming)
        left -= 0 if regimen is None or self.waypoints.continues(assumed, regimen) else 1
        last = {} if left else self.last_states(self.waypoints.after(assumed, derivation, regimen, None))
        found = []
        for outcome in self.model.endings:
            after = self.waypoints.after(assumed, derivation, regimen, outcome)
            try:
                state, following = self.numbered(last[outcome], after) if outcome in last else self.explore(after, left)
            except RecordError as error:
                stop = Stop(NOTHING, CERTAIN, (), problem=str(error))
                state, following = (
                    self.number(State(SILENT, (), ((stop, ()),), False), self.waypoints.record(after)),
                    frozenset(),
                )
            if outcome not in self.model.as_planned or following != {regimen}:
                found.append((outcome, state))
        return tuple(found)

    def stops(self, conclusions: Conclusions, derivation: Derivation, recommended: Iterable[Truth]) -> list[Stop]:
        """List how the completions in which nothing is `recommended` end: in silence, in a dead end, or with nothing.

        They are those that the conclusions are about. Where it is not known which therapy was given that is told of the
        untreated.
        """
        none, rest = conclusions.completions.none, conclusions.completions.listed
        for truth in recommended:
            rest = rest & ~truth
        if rest == none:
            return []
        settled = indicated = none
        for name in self.model.settings:
            settled = settled | derivation.truth(ground_atom(SETTING, name)) if name != SILENT else settled
        indications = self.indications(derivation, rest & settled)
        for truth in indications.values():
            indicated = indicated | truth
        found = []
        for kind, truth in (
            (DEAD_END, indicated),
            (SILENCE, rest & ~settled),
            (NOTHING, rest & settled & ~indicated),
        ):
            if truth != none:
                certainty, assuming, agree = conclusions.certainty(truth)
                names = tuple(name for name, own in indications.items() if own & agree != none) if kind == DEAD_END else ()
                found.append(Stop(kind, certainty, assuming, names))
        return found

    def indications(self, derivation: Derivation, among: Truth) -> dict[str, Truth]:
        """Find the regimens that are indicated in some of the completions `among`, each with those completions."""
        found: dict[str, Truth] = {}
        none = derivation.completions.none
        for regimen in self.model.regimens:
            for strength in self.model.strengths:
                truth = derivation.truth(ground_atom(INDICATED, regimen, strength)) & among
                if truth != none:
                    found[regimen] = found.get(regimen, none) | truth
        return found


def next_regimen(entry: RankedRegimen, derivation: Derivation, conclusions: Conclusions) -> NextRegimen:
    none = derivation.completions.none
    recommended = derivation.values[entry.atom]
    cautions = {name: truth for name, truth, _ in conclusions.held(CAUTIONED, entry.name) if truth & entry.agree != none}
    return NextRegimen(
        regimen=entry.name,
        rank=entry.rank,
        strength=entry.strength,
        certainty=entry.certainty,
        assuming=entry.assuming,
        statements=derivation.grounds(entry.atom, entry.agree).statements,
        cautions=tuple(sorted(cautions)),
        ruled_out=tuple(name for name, truth in sorted(cautions.items()) if recommended & ~truth != none),
    )
