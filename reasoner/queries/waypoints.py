"""Records on the way along a pathway: what is assumed of them, and how one more course is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reasoner.compiler.model import Fact, GuidelineModel, Variable
from reasoner.compiler.variables import variables_of
from reasoner.engine.conclusions import Assumption
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import UNAVAILABLE_DRUG, ground_atom
from reasoner.queries.fields import resolved, sets_of, with_values
from reasoner.records.encoding import CourseMemo, EncodedValue, course_key, encode_value
from reasoner.records.record import ONE_OF, OPEN, Record, layout_of, parse_record

__all__ = ["Waypoint", "Waypoints"]


class Waypoint(NamedTuple):
    """A record on the way: its data, what is assumed beside it that no key of a record can say, and of which readings."""

    data: Mapping[str, object]
    assumed: tuple[Assumption, ...] = ()
    readings: tuple[str, ...] = ()


class Waypoints:
    """The records that a guideline lets follow on each other: reads them, assumes of them, and adds courses to them."""

    def __init__(self, model: GuidelineModel) -> None:
        self.model = model
        self.field = "" if model.courses_fact is None else model.courses_fact.name
        self.kinds = {fact.name: fact.kind for fact in model.facts}
        self.values: dict[tuple[str, bool, str], EncodedValue] = {}
        self.read_course = CourseMemo()

    def record(self, point: Waypoint) -> Record:
        """Give a point's record, in which what no key can say is chosen all the same."""
        record = parse_record(point.data, self.model, self.encode)
        for assumption in point.assumed:
            place = (assumption.fact, assumption.member, assumption.course, assumption.key, None)
            for number, variable in enumerate(variables_of(self.model, record.courses, record.fewer)):
                if variable.place == place:
                    record = chosen(record, number, variable, assumption.value)
        return record

    def encode(self, fact: Fact, value: object, told: bool, model: GuidelineModel) -> EncodedValue:
        """Read the value of a fact; the same one once, as most values stay as they are along the way."""
        if fact.kind == "courses":
            return encode_value(fact, value, told, model, self.read_course)
        key = (fact.name, told, repr(value))
        if key not in self.values:
            self.values[key] = encode_value(fact, value, told, model)
        return self.values[key]

    def histories(self, point: Waypoint) -> list[list[Mapping[str, object]]]:
        """List the courses that a point's record tells: in each of several sets of facts; none where they are unknown."""
        sets = [own for own in sets_of(point.data) if self.field in own] or [point.data]
        found = (own.get(self.field) for own in sets)
        return [list(courses) if isinstance(courses, list | tuple) else [] for courses in found]

    def under_way(self, point: Waypoint) -> bool:
        """Tell whether a course is under way, whatever is not known."""
        return all(self.is_under_way(courses) for courses in self.histories(point))

    def is_over(self, point: Waypoint) -> bool:
        """Tell whether no course can be under way, whatever is not known."""
        last = (courses[-1].get("outcome") for courses in self.histories(point) if courses)
        return all(outcome is not None and outcome not in self.model.under_way for outcome in last)

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
        return self.model.courses_fact is not None and bool(self.model.parts[regimen])

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

    def after(self, point: Waypoint, derivation: Derivation, regimen: str | None, outcome: str | None) -> Waypoint:
        """Let the course under way, or else one of the regimen, come to an outcome: in each set that tells of therapy.

        Where the outcome is None it is open how the course ends.
        """

        def told(value: object) -> list[object]:
            courses = list(value) if isinstance(value, list | tuple) else []
            return list(self.continued(courses, derivation, regimen, outcome))

        sets = sets_of(point.data)
        if not any(self.field in own for own in sets):
            return point._replace(data={**point.data, self.field: told(point.data.get(self.field))})
        changed = [{**own, self.field: told(own.get(self.field))} for own in sets]
        return point._replace(data={**point.data, ONE_OF: changed})

    def ended(self, point: Waypoint, outcome: str) -> Waypoint:
        """Let the last course, of which it is open how it ends, come to an outcome: in each set that tells of therapy."""

        def told(own: Mapping[str, object]) -> Mapping[str, object]:
            courses = own.get(self.field)
            if not isinstance(courses, list) or not courses or courses[-1].get("outcome") is not None:
                return own
            return {**own, self.field: [*courses[:-1], {**courses[-1], "outcome": outcome}]}

        data = told(point.data)
        sets = sets_of(data)
        return point._replace(data={**data, ONE_OF: list(map(told, sets))} if sets else data)

    def ending(self, record: Record, outcome: str) -> Record:
        """Give a record's last course an outcome, without reading it all again."""
        layout = layout_of(self.model, record.courses, record.fewer)
        number = layout.numbers[self.field, None, record.courses, None]
        value = layout.values[number][outcome]
        told = record.told[0]
        choices = (*told.choices[:number], value, *told.choices[number + 1 :])
        return record._replace(told=(told._replace(choices=choices),))

    def continued(
        self, courses: list[Mapping[str, object]], derivation: Derivation, regimen: str | None, outcome: str | None
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
