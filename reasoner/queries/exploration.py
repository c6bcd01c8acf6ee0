"""The states that a record can reach: which regimens come next, how they end, and where nothing is recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reasoner.compiler.model import Variable
from reasoner.compiler.variables import variables_of
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import CERTAIN, SILENT, Assumption, Certainty, Conclusions, RankedRegimen, conclusions_of
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import CAUTIONED, INDICATED, SETTING, UNAVAILABLE_DRUG, ground_atom
from reasoner.errors import ReasonerError, RecordError
from reasoner.guideline import Guideline
from reasoner.queries.fields import resolved, sets_of, with_values
from reasoner.records.encoding import course_key
from reasoner.records.record import ONE_OF, OPEN, Record, parse_record

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
FEW_RECORDS = 50
"""After so many records many more follow, which generated code answers faster."""
DEAD_END = "dead_end"
SILENCE = "silence"
NOTHING = "nothing"


class Waypoint(NamedTuple):
    """A record on the way: its data, what is assumed beside it that no key of a record can say, and of which readings."""

    data: Mapping[str, object]
    assumed: tuple[Assumption, ...] = ()
    readings: tuple[str, ...] = ()


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


class Explorer:
    """Follows one record through the guideline, and numbers the states that it finds."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.guidelines: dict[tuple[str, ...], Guideline] = {(): guideline}
        self.model = guideline.model
        self.courses_fact = self.model.courses_fact
        self.field = "" if self.courses_fact is None else self.courses_fact.name
        self.kinds = {fact.name: fact.kind for fact in self.model.facts}
        self.endings = self.model.endings
        self.states: dict[State, int] = {}
        self.records: list[Record] = []
        self.reached: dict[object, tuple[int, frozenset[str]]] = {}

    def explore(self, point: Waypoint, left: int) -> tuple[int, frozenset[str]]:
        """Find the state of a record with `left` courses to go: its number, and the regimens recommended in it."""
        record = self.record(point)
        key = (record.told, point.readings, left)
        found = self.reached.get(key)
        if found is None:
            if len(self.reached) >= MOST_RECORDS:
                raise ReasonerError(
                    f"lines: more than {MOST_RECORDS} records would have to be answered; follow fewer lines, or record more"
                )
            found = self.reached[key] = self.state(point, record, left)
        return found

    def state(self, point: Waypoint, record: Record, left: int) -> tuple[int, frozenset[str]]:
        guideline = self.taking(point.readings)
        if len(self.reached) > FEW_RECORDS:
            guideline.evaluator(record.courses, record.fewer).compile()
        derivation = guideline.derive(record, compared=False)
        conclusions = conclusions_of(derivation)
        entries = conclusions.recommended()
        regimens = []
        cut = False
        for entry in entries:
            followed = self.assume(point, entry.assuming)
            if left or not self.adds_course(entry.name) or self.continues(followed, entry.name):
                following = next_regimen(entry, derivation, conclusions)
                regimens.append((following, self.outcomes(point, derivation, entry.assuming, entry.name, left)))
            else:
                cut = True
        stops = [
            (stop, self.outcomes(point, derivation, stop.assuming, None, left) if self.can_end(point, stop) else ())
            for stop in self.stops(derivation, entries)
        ]
        state = State(conclusions.setting(), tuple(regimens), tuple(stops), cut)
        return self.number(state, record), frozenset(entry.name for entry in entries)

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

    def record(self, point: Waypoint) -> Record:
        """Give a point's record, in which what no key can say is chosen all the same."""
        record = parse_record(point.data, self.model)
        for assumption in point.assumed:
            place = (assumption.fact, assumption.member, assumption.course, assumption.key, None)
            for number, variable in enumerate(variables_of(self.model, record.courses, record.fewer)):
                if variable.place == place:
                    record = chosen(record, number, variable, assumption.value)
        return record

    def histories(self, point: Waypoint) -> list[list[Mapping[str, object]]]:
        """List the courses that a point's record tells: in each of several sets of facts; none where they are unknown."""
        sets = [own for own in sets_of(point.data) if self.field in own] or [point.data]
        found = (own.get(self.field) for own in sets)
        return [list(courses) if isinstance(courses, list | tuple) else [] for courses in found]

    def under_way(self, point: Waypoint) -> bool:
        """Tell whether a course is under way, whatever is not known."""
        return all(self.is_under_way(courses) for courses in self.histories(point))

    def is_under_way(self, courses: Sequence[Mapping[str, object]]) -> bool:
        return bool(courses) and courses[-1].get("outcome") in self.model.under_way

    def continues(self, point: Waypoint, regimen: str) -> bool:
        """Tell whether the course under way is the regimen."""
        return all(self.is_continued(courses, regimen) for courses in self.histories(point))

    def is_continued(self, courses: Sequence[Mapping[str, object]], regimen: str) -> bool:
        if not self.is_under_way(courses):
            return False
        drugs = courses[-1]["drugs"]
        assert isinstance(drugs, list | tuple)
        return self.model.is_regimen(drugs, regimen)

    def adds_course(self, regimen: str) -> bool:
        """Tell whether to follow a regimen is to give a course of drugs that a record can hold."""
        return self.courses_fact is not None and bool(self.model.parts[regimen])

    def can_end(self, point: Waypoint, stop: Stop) -> bool:
        return stop.kind != NOTHING and self.under_way(self.assume(point, stop.assuming))

    def outcomes(
        self, point: Waypoint, derivation: Derivation, assuming: Sequence[Assumption], regimen: str | None, left: int
    ) -> Outcomes:
        """Follow each outcome of a regimen, or of the course under way where that is None.

        An outcome as planned counts only where not just the same regimen is recommended after it. Nothing follows where
        no course is given: by a regimen without drugs, or in a guideline without courses.
        """
        if regimen is not None and not self.adds_course(regimen):
            return ()
        assumed = self.assume(point, assuming)
        added = 0 if regimen is None or self.continues(assumed, regimen) else 1
        found = []
        for outcome in self.endings:
            after = self.after(assumed, derivation, regimen, outcome)
            try:
                state, following = self.explore(after, left - added)
            except RecordError as error:
                stop = Stop(NOTHING, CERTAIN, (), problem=str(error))
                state, following = self.number(State(SILENT, (), ((stop, ()),), False), self.record(after)), frozenset()
            if outcome not in self.model.as_planned or following != {regimen}:
                found.append((outcome, state))
        return tuple(found)

    def assume(self, point: Waypoint, assuming: Sequence[Assumption]) -> Waypoint:
        """Record what is assumed, where a key of the record can say it."""
        data, readings, beside = point.data, point.readings, point.assumed
        for assumption in assuming:
            kind = self.kinds.get(assumption.fact, "")
            if assumption.reading:
                readings = (*readings, f"{assumption.reading}={assumption.value}")
            elif assumption.fact == ONE_OF:
                data = resolved(data, assumption.value)
            elif assumption.value == () and any(assumption.fact in own for own in sets_of(data)):
                untreated = [{**own, assumption.fact: []} for own in sets_of(data) if not own.get(assumption.fact)]
                data = {**data, ONE_OF: untreated}
            elif any(assumption.fact in own for own in sets_of(data)):
                beside = (*beside, assumption)
            elif assumption.course is not None and isinstance(assumption.value, bool | str) and not is_number(assumption):
                key = course_key(assumption.fact, assumption.course, assumption.key)
                data = with_values(data, {key: assumption.value})
            elif kind in ("boolean", "choice") or assumption.value == ():
                data = {**data, assumption.fact: list(assumption.value) if assumption.value == () else assumption.value}
            else:
                beside = (*beside, assumption)
        return Waypoint(data, beside, readings)

    def after(self, point: Waypoint, derivation: Derivation, regimen: str | None, outcome: str) -> Waypoint:
        """Let the course under way, or else one of the regimen, come to an outcome: in each set that tells of therapy."""

        def told(value: object) -> list[object]:
            courses = list(value) if isinstance(value, list | tuple) else []
            return list(self.continued(courses, derivation, regimen, outcome))

        sets = sets_of(point.data)
        if not any(self.field in own for own in sets):
            return point._replace(data={**point.data, self.field: told(point.data.get(self.field))})
        changed = [{**own, self.field: told(own.get(self.field))} for own in sets]
        return point._replace(data={**point.data, ONE_OF: changed})

    def continued(
        self, courses: list[Mapping[str, object]], derivation: Derivation, regimen: str | None, outcome: str
    ) -> list[Mapping[str, object]]:
        """Let one history go on. A course that the regimen takes the place of counts as ended as planned."""
        *earlier, last = courses or [{}]
        if self.is_under_way(courses) and (regimen is None or self.is_continued(courses, regimen)):
            return [*earlier, {**last, "outcome": outcome}]
        if regimen is None:
            return courses
        if self.is_under_way(courses):
            courses = [*earlier, {**last, "outcome": self.model.as_planned[0]}]
        drugs = list(dict.fromkeys(self.drug_for(part, derivation) for part in self.model.parts[regimen]))
        return [*courses, {"drugs": drugs, "outcome": outcome}]

    def drug_for(self, part: Sequence[str], derivation: Derivation) -> str:
        """Choose the first drug for a part that cannot be unavailable, or else the first."""
        none = derivation.completions.none
        return min(part, key=lambda drug: derivation.truth(ground_atom(UNAVAILABLE_DRUG, drug)) != none)

    def stops(self, derivation: Derivation, entries: Sequence[RankedRegimen]) -> list[Stop]:
        """List how the completions in which nothing is recommended end: in silence, in a dead end, or with nothing.

        Where it is not known which therapy was given that is told of the untreated.
        """
        none, rest = derivation.completions.none, derivation.completions.listed
        for entry in entries:
            rest = rest & ~derivation.values[entry.atom]
        if rest == none:
            return []
        settled = indicated = none
        for name in self.model.settings:
            settled = settled | derivation.truth(ground_atom(SETTING, name)) if name != SILENT else settled
        indications = self.indications(derivation, rest & settled)
        for truth in indications.values():
            indicated = indicated | truth
        conclusions = Conclusions(derivation.completions, self.model, {}, {})
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


def is_number(assumption: Assumption) -> bool:
    """Tell whether what is assumed of a course is a stretch of a number, which no key can say."""
    return assumption.key is not None and not isinstance(assumption.value, bool)


def chosen(record: Record, number: int, variable: Variable, value: object) -> Record:
    """Give a record in which a variable has a value where it was open; as clingo facts, too.

    Of several sets of facts those that tell otherwise are left out.
    """
    place = [word for word, _ in variable.values].index(value)  # type: ignore[arg-type]
    kept = [n for n, own in enumerate(record.told) if own.choices[number] in (OPEN, place)]
    told = tuple(
        own._replace(
            choices=(*own.choices[:number], place, *own.choices[number + 1 :]),
            barred=tuple((variable, other) for variable, other in own.barred if variable != number),
            courses=0 if value == () else own.courses,
        )
        if own.choices[number] == OPEN
        else own
        for own in (record.told[n] for n in kept)
    )
    labels = tuple(record.labels[n] for n in kept) if record.labels else ()
    held = variable.values[place][1]
    others = dict.fromkeys(atom for _, atoms in variable.values for atom in atoms if atom not in held)
    facts = "".join(f":- not {atom}.\n" for atom in held) + "".join(f":- {atom}.\n" for atom in others)
    return record._replace(told=told, labels=labels, facts=record.facts + facts)
