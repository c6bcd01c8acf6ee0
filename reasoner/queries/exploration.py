"""The states that a record can reach: which regimens come next, how they end, and where nothing is recommended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import (
    CERTAIN,
    SILENT,
    Assumption,
    Certainty,
    Conclusions,
    Derived,
    RankedRegimen,
    conclusions_of,
)
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import CAUTIONED, INDICATED, RANK, RECOMMENDED, SETTING, STRENGTH
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.queries.waypoints import Waypoint, Waypoints
from reasoner.records.record import Record, Told

__all__ = [
    "DEAD_END",
    "NOTHING",
    "SILENCE",
    "Explorer",
    "NextRegimen",
    "Outcomes",
    "State",
    "Stop",
]

TOGETHER = 256
"""So many records are answered at once."""
READ = (SETTING, RECOMMENDED, RANK, STRENGTH, CAUTIONED, INDICATED)
"""What is read of the conclusions."""
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


class Visit:
    """A record on the way, to which so many courses were `added`: one for all ways that lead to it.

    It is answered `alone` where it is not laid out as others are.

    Known once it is answered: its `setting`, what is `recommended`, what can come next and where nothing is recommended,
    each with the visits that its outcomes lead to; `cut`, whether only regimens that would add a course too many come next;
    and what contradicts itself in the record, if anything does.
    """

    __slots__ = ("added", "alone", "contradiction", "cut", "point", "recommended", "regimens", "setting", "stops", "told")

    def __init__(self, point: Waypoint, told: tuple[Told, ...], alone: bool, added: int) -> None:
        self.point = point
        self.told = told
        self.alone = alone
        self.added = added
        self.contradiction: RecordError | None = None
        self.setting = SILENT
        self.recommended: frozenset[str] = frozenset()
        self.regimens: list[tuple[NextRegimen, Endings]] = []
        self.stops: list[tuple[Stop, Endings]] = []
        self.cut = False


Endings = tuple[tuple[str, Visit], ...]


class Explorer:
    """Follows one record through the guideline, course by course, and numbers the states that it finds.

    `lines` are the courses that are added: all that were asked for, or as many as lead to no more than `most` records.
    """

    def __init__(self, guideline: Guideline, lines: int, most: int) -> None:
        self.guideline = guideline
        self.guidelines: dict[tuple[str, ...], Guideline] = {(): guideline}
        self.model = guideline.model
        self.waypoints = Waypoints(self.model)
        self.lines = lines
        self.most = most
        self.visits: dict[object, Visit] = {}
        self.positions: dict[Conclusions, tuple[str, tuple[str, ...], list[Stop]]] = {}
        self.states: dict[State, int] = {}
        self.numbers: dict[Visit, int] = {}
        self.records: list[Record] = []

    def explore(self, data: Mapping[str, object]) -> int:
        """Find all states that a record can reach; give the number of its own."""
        point = Waypoint(data)
        record = self.waypoints.record(point)
        first = self.visit(point, record.told, record.fewer, 0)
        waiting, added = [first], 0
        while waiting:
            following: list[Visit] = []
            while waiting:
                known = len(self.visits)
                for visit, derived in self.derive(waiting):
                    self.answer(visit, derived)
                    if len(self.visits) > self.most:
                        self.lines = min(self.lines, added)
                found = list(islice(self.visits.values(), known, None))
                waiting = [visit for visit in found if visit.added == added]
                following += [visit for visit in found if visit.added > added]
            waiting, added = following if added < self.lines else [], added + 1
        if first.contradiction is not None:
            raise first.contradiction
        return self.number(first)

    def visit(self, point: Waypoint, told: tuple[Told, ...], alone: bool, added: int) -> Visit:
        """Give the one visit of a record, when so many courses were added."""
        key = (told, point.readings, added)
        if key not in self.visits:
            self.visits[key] = Visit(point, told, alone, added)
        return self.visits[key]

    def derive(self, visits: Sequence[Visit]) -> Iterator[tuple[Visit, Derived]]:
        """Derive what follows from records on the way, many at once; in one that contradicts itself that is noted."""
        alike: dict[tuple[tuple[str, ...], int], list[Visit]] = {}
        for visit in visits:
            if visit.alone:
                yield from self.derive_alone(visit)
            else:
                alike.setdefault((visit.point.readings, visit.told[0].courses or 0), []).append(visit)
        for (readings, courses), own in alike.items():
            for start in range(0, len(own), TOGETHER):
                yield from self.derive_some(own[start : start + TOGETHER], self.taking(readings), courses)

    def derive_some(self, visits: Sequence[Visit], guideline: Guideline, courses: int) -> Iterator[tuple[Visit, Derived]]:
        told = [visit.told[0] for visit in visits]
        found = guideline.derive_together(told, courses, READ) if len(told) > 1 else [None]
        for visit, derived in zip(visits, found, strict=True):
            if derived is None:
                yield from self.derive_alone(visit)
            else:
                yield visit, derived

    def derive_alone(self, visit: Visit) -> Iterator[tuple[Visit, Derived]]:
        try:
            derivation = self.taking(visit.point.readings).derive(self.waypoints.record(visit.point), compared=False)
        except RecordError as error:
            visit.contradiction = error
        else:
            yield visit, Derived(conclusions_of(derivation), lambda: derivation)

    def answer(self, visit: Visit, derived: Derived) -> None:
        """Note what comes next after a record, and visit the records that follow."""
        conclusions = derived.conclusions
        visit.setting, recommended, stops = self.position(conclusions)
        visit.recommended = frozenset(recommended)
        last = visit.added == self.lines
        if last and self.waypoints.is_over(visit.point) and all(map(self.waypoints.adds_course, recommended)):
            visit.cut = bool(recommended)
            visit.stops = [(stop, ()) for stop in stops]
            return
        derivation = derived.derivation()
        for entry in conclusions.recommended():
            followed = self.waypoints.assume(visit.point, entry.assuming)
            adds = self.waypoints.adds_course(entry.name)
            if adds and not self.waypoints.continues(followed, entry.name):
                if last:
                    visit.cut = True
                    continue
                endings = self.endings(followed, derivation, entry.name, visit.added + 1)
            else:
                endings = self.endings(followed, derivation, entry.name, visit.added) if adds else ()
            visit.regimens.append((next_regimen(entry, derivation, conclusions), endings))
        for stop in stops:
            followed = self.waypoints.assume(visit.point, stop.assuming)
            ends = stop.kind != NOTHING and self.waypoints.under_way(followed)
            visit.stops.append((stop, self.endings(followed, derivation, None, visit.added) if ends else ()))

    def position(self, conclusions: Conclusions) -> tuple[str, tuple[str, ...], list[Stop]]:
        """Give the setting, the regimens that are recommended somewhere, and where none is."""
        found = self.positions.get(conclusions)
        if found is None:
            none = conclusions.completions.none
            truths = {name: conclusions.truth(RECOMMENDED, name) for name in self.model.regimens}
            recommended = tuple(name for name, truth in truths.items() if truth != none)
            found = conclusions.setting(), recommended, self.stops(conclusions, truths.values())
            self.positions[conclusions] = found
        return found

    def endings(self, point: Waypoint, derivation: Derivation, regimen: str | None, added: int) -> Endings:
        """Let a course of a regimen, or the course under way where that is None, come to each end."""
        going_on = self.waypoints.after(point, derivation, regimen, None)
        record = self.waypoints.record(going_on)
        found = []
        for outcome in self.model.endings:
            ended = self.waypoints.ended(going_on, outcome)
            told = (self.waypoints.record(ended) if record.fewer else self.waypoints.ending(record, outcome)).told
            found.append((outcome, self.visit(ended, told, record.fewer, added)))
        return tuple(found)

    def number(self, visit: Visit) -> int:
        """Give the number of a record's state, which is numbered after all that follow."""
        if visit not in self.numbers:
            state = self.state(visit)
            if state not in self.states:
                self.states[state] = len(self.records)
                self.records.append(self.waypoints.record(visit.point))
            self.numbers[visit] = self.states[state]
        return self.numbers[visit]

    def state(self, visit: Visit) -> State:
        if visit.contradiction is not None:
            stop = Stop(NOTHING, CERTAIN, (), problem=str(visit.contradiction))
            return State(SILENT, (), ((stop, ()),), False)
        within = [
            (following, endings)
            for following, endings in visit.regimens
            if all(after.added <= self.lines for _, after in endings)
        ]
        regimens = tuple((following, self.outcomes(following.regimen, endings)) for following, endings in within)
        stops = tuple((stop, self.outcomes(None, endings)) for stop, endings in visit.stops)
        return State(visit.setting, regimens, stops, visit.cut or len(within) < len(visit.regimens))

    def outcomes(self, regimen: str | None, endings: Endings) -> Outcomes:
        """Give the numbers of the states that the outcomes of a regimen lead to.

        An outcome as planned counts only where not just the same regimen is recommended after it.
        """
        numbered = [(outcome, self.number(after), after) for outcome, after in endings]
        return tuple(
            (outcome, number)
            for outcome, number, after in numbered
            if outcome not in self.model.as_planned or after.recommended != {regimen}
        )

    def taking(self, readings: tuple[str, ...]) -> Guideline:
        """Give the guideline with some of its readings taken otherwise."""
        found = self.guidelines.get(readings)
        if found is None:
            own = {name.partition("=")[0] for name in readings}
            others = (name for name in self.guideline.selection.readings if name.partition("=")[0] not in own)
            found = self.guidelines[readings] = self.guideline.with_readings((*others, *readings))
        return found

    def stops(self, conclusions: Conclusions, recommended: Iterable[Truth]) -> list[Stop]:
        """List how the completions in which nothing is `recommended` end: in silence, in a dead end, or with nothing.

        Where it is not known which therapy was given that is told of the untreated.
        """
        completions, outside = conclusions.completions, conclusions.completions.outside
        none, rest = completions.none, completions.listed
        for truth in recommended:
            rest = outside(rest, truth)
        if rest == none:
            return []
        settled = indicated = none
        for name in self.model.settings:
            settled = settled | conclusions.truth(SETTING, name) if name != SILENT else settled
        indications = {
            name: truth & rest & settled
            for name in self.model.regimens
            if (truth := conclusions.truth(INDICATED, name)) & rest & settled != none
        }
        for truth in indications.values():
            indicated = indicated | truth
        found = []
        for kind, truth in (
            (DEAD_END, indicated),
            (SILENCE, outside(rest, settled)),
            (NOTHING, outside(rest & settled, indicated)),
        ):
            if truth != none:
                certainty, assuming, agree = conclusions.certainty(truth)
                names = tuple(name for name, own in indications.items() if own & agree != none) if kind == DEAD_END else ()
                found.append(Stop(kind, certainty, assuming, names))
        return found


def next_regimen(entry: RankedRegimen, derivation: Derivation, conclusions: Conclusions) -> NextRegimen:
    none, outside = derivation.completions.none, derivation.completions.outside
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
        ruled_out=tuple(name for name, truth in sorted(cautions.items()) if outside(recommended, truth) != none),
    )
