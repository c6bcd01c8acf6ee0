"""Facts that conditions, results, allergies and procedures tell, each by the method that the tables name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite

from reasoner.compiler.intervals import number_in, passed_cuts
from reasoner.compiler.model import Fact
from reasoner.fhir.chart import Chart
from reasoner.fhir.evidence import UNDECIDED, Evidence, latest
from reasoner.fhir.facts import Contradiction, Side, Undecided
from reasoner.fhir.mappings import FactMapping
from reasoner.fhir.provenance import Provenance, unique
from reasoner.fhir.value_sets import Between

__all__ = ["FindingFacts", "fields_of"]

DECIMALS = 3
REFLEX = "reflex"
MOST = 4
ABSENT = ("false", "not_then")


class FindingFacts:
    """Reads facts of one chart into a record.

    `sources` are where each was read, `undecided` and `contradictions` those that stay unknown, `assumed` what was concluded
    from what, each with its fact.
    """

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.model = chart.model
        self.record: dict[str, object] = {}
        self.sources: dict[str, Sequence[Provenance]] = {}
        self.undecided: list[Undecided] = []
        self.contradictions: list[Contradiction] = []
        self.assumed: list[tuple[str, str]] = []

    def fact(self, name: str) -> Fact:
        return next(fact for fact in self.model.facts if fact.name == name)

    def is_compared(self, fact: Fact) -> bool:
        """Tell whether a number counts by its comparisons alone, and not as an amount that doses are multiplied by."""
        return bool(fact.cuts) and fact.name not in (self.model.weight, self.model.body_surface)

    def set(self, fact: str, value: object, evidence: Iterable[Evidence]) -> None:
        self.record[fact] = value
        self.sources[fact] = unique(own.source for own in evidence)

    def set_value(self, fact: str, value: object, sources: Iterable[Provenance]) -> None:
        """Record a value of a set of values, which is a truth for a boolean."""
        truth = value == "true" if self.fact(fact).kind == "boolean" else value
        self.record[fact] = truth
        self.sources[fact] = unique(sources)

    def leave_open(self, fact: str, why: str, sources: Iterable[Provenance]) -> None:
        self.forgo_default(fact)
        self.undecided.append(Undecided(fact, why, unique(sources)))

    def forgo_default(self, fact: str) -> None:
        """Record that a fact is unknown where a default would stand for it."""
        if any(own.name == fact and own.default is not None for own in self.model.facts):
            self.record[fact] = None

    def contradict(self, fact: str, evidence: Iterable[Evidence]) -> None:
        self.forgo_default(fact)
        sides = dict.fromkeys(
            (own.shown if isinstance(own.value, Between) else str(own.value), own.source) for own in evidence
        )
        self.contradictions.append(Contradiction(fact, tuple(Side(value, *fields_of(own)) for value, own in sides)))

    def label(self, finding: str) -> str:
        return self.model.label("finding", finding)

    def decisive(self, fact: str, finding: str, by_time: bool = False) -> list[Evidence]:
        """Give the latest results of a finding that agree on its value; note where they decide nothing or disagree.

        Of one day, the latest `by_time` count where all tell theirs.
        """
        evidence = self.chart.evidence.of(finding)
        found = latest(evidence)
        times = [own.at for own in found if own.at is not None]
        if by_time and len(times) == len(found):
            found = [own for own in found if own.at == max(times)]
        decided = [own for own in found if own.value != UNDECIDED]
        if not decided and all(own.equivocal for own in found):
            decided = latest(self.deciding(evidence, found))
        if outdated := [own for own in found if self.is_outdated(finding, own)]:
            self.leave_open(fact, self.outdated_words(finding), [own.source for own in outdated])
            return []
        if len({own.value for own in decided}) > 1:
            self.contradict(fact, decided)
            return []
        if found and not decided:
            shown = self.model.say("comma").join(dict.fromkeys(own.shown for own in found if own.shown))
            unread = all(own.unread for own in found)
            why = self.model.say("fhir_latest_unit" if unread else "fhir_latest_inconclusive", self.label(finding))
            why = self.model.say("labelled", why, shown) if shown else why
            self.leave_open(fact, why, [own.source for own in found])
        return decided

    def is_outdated(self, finding: str, own: Evidence) -> bool:
        """Tell whether evidence may be too old to say how a patient is now: older than the period of its finding."""
        limit, today = self.chart.tables.periods.get(finding), self.chart.latest_day
        date = own.until if own.active is False and own.until is not None else own.date
        return limit is not None and (today is None or date is None or date.first + limit < today.last)

    def outdated_words(self, finding: str) -> str:
        """Say that the latest result of a finding may be too old."""
        return self.model.say("fhir_outdated", self.label(finding), str(self.chart.tables.periods[finding]))

    def deciding(self, evidence: Iterable[Evidence], equivocal: Iterable[Evidence]) -> Iterator[Evidence]:
        """Give the results that decide an equivocal one of another kind of test, of about the same day."""
        soonest: dict[str, int] = {}
        reflex = self.chart.tables.periods.get(REFLEX, 0)
        for own in equivocal:
            if own.date is not None:
                soonest[own.by] = min(own.date.last, soonest.get(own.by, own.date.last))
        for own in evidence:
            if own.value != UNDECIDED and own.date is not None:
                latest_day = own.date.first + reflex
                if any(by != own.by and day <= latest_day for by, day in soonest.items()):
                    yield own

    def latest(self, mapping: FactMapping) -> None:
        """Read the value of the latest result."""
        if found := self.decisive(mapping.fact, mapping.of[0]):
            self.set_value(mapping.fact, found[-1].value, [own.source for own in found])

    def latest_number(self, mapping: FactMapping) -> None:
        """Read the latest number; one that lies between others counts where the guideline tells none of these apart."""
        fact = self.fact(mapping.fact)
        for own in self.decisive(mapping.fact, mapping.of[0], by_time=True)[-1:]:
            value = self.standing_for(own, fact) if isinstance(own.value, Between) else own.value
            if value is None:
                why = self.model.say("fhir_between_numbers", self.label(mapping.of[0]), own.shown)
                self.leave_open(mapping.fact, why, [own.source])
            elif isinstance(value, float | int) and self.within_range(mapping.fact, value, mapping.fact, [own.source]):
                short = round(value, DECIMALS)
                whole = passed_cuts(short, fact.cuts) == passed_cuts(value, fact.cuts)
                self.set(mapping.fact, short if whole else value, [own])
                if isinstance(own.value, Between):
                    words = self.model.say("fhir_number_for", mapping.fact, own.shown, f"{short if whole else value:.15g}")
                    self.assumed.append((mapping.fact, words))

    def standing_for(self, own: Evidence, fact: Fact) -> float | None:
        """Give a number that stands for all those between which a result lies, where the guideline tells none apart."""
        between = own.value
        if not isinstance(between, Between) or not self.is_compared(fact):
            return None
        allowed = self.model.range_of(fact.name)
        points = between.points([cut.threshold for cut in fact.cuts])
        places = {passed_cuts(point, fact.cuts) for point in points if allowed.holds(point)}
        if len(places) != 1:
            return None
        ends = [(between.low, between.low_in), (between.high, between.high_in)]
        if all(told for _, told in ends):
            return (between.low + between.high) / 2
        (place,) = places
        near = (end for end, _ in ends if passed_cuts(end, fact.cuts) == place and isfinite(end) and allowed.holds(end))
        return next(near, number_in(place, fact.cuts, allowed))

    def within_range(self, number: str, value: float, place: str, sources: Iterable[Provenance]) -> bool:
        """Tell whether the guideline allows a value of a number; where it does not, the `place` of it stays unknown."""
        allowed = self.model.range_of(number).holds(value)
        if not allowed:
            why = self.model.say("fhir_out_of_range", f"{value:.15g}", self.model.range_words(number))
            self.leave_open(place, why, sources)
        return allowed

    def any_positive(self, mapping: FactMapping) -> None:
        """Read the first value of a choice where the latest result of any finding has it, the second where none has."""
        positive, negative = next(fact.values for fact in self.model.facts if fact.name == mapping.fact)
        found = [own[-1] for finding in mapping.of if (own := self.decisive(mapping.fact, finding))]
        telling = [own for own in found if own.value == positive]
        if telling:
            self.set(mapping.fact, positive, telling)
        elif len(found) == len(mapping.of):
            self.set(mapping.fact, negative, found)
        elif found:
            lacking = [self.label(finding) for finding in mapping.of if not self.chart.evidence.of(finding)]
            if lacking:
                say = self.model.say
                why = say("fhir_results_missing", self.model.label("value", negative), say("and_condition").join(lacking))
                self.leave_open(mapping.fact, why, [own.source for own in found])

    def ever(self, mapping: FactMapping) -> None:
        """Read what is present or past; evidence against it that is not older contradicts it."""
        evidence = self.chart.evidence.of(mapping.of[0])
        present, against = self.chart.sides(mapping.of[0])
        absent = [own for own in evidence if own.value == "false"]
        unsure = [own for own in evidence if own.value == UNDECIDED]
        if present and against:
            self.contradict(mapping.fact, [*present, *against])
        elif present:
            self.set(mapping.fact, True, present)
        elif absent and not unpassed(unsure := [*unsure, *self.doubtful(mapping.of[0])], absent):
            self.set(mapping.fact, False, absent)
        elif unsure:
            self.leave_open(mapping.fact, self.model.say("fhir_uncertain", self.label(mapping.of[0])), sources(unsure))

    def doubtful(self, finding: str) -> list[Evidence]:
        """List the diagnoses that may be of a finding, as nobody can tell what they are of."""
        return self.chart.evidence.doubtful if finding in self.chart.tables.conditions.findings else []

    def current(self, mapping: FactMapping) -> None:
        """Read what is so now: by diagnoses that are active or have ended, and by the latest results."""
        value, why, told = self.state_of(mapping.of[0])
        if value is None and why:
            self.leave_open(mapping.fact, why, sources(told))
        elif value is None and told:
            self.contradict(mapping.fact, told)
        elif value is not None:
            self.set(mapping.fact, value, told)

    def state_of(self, finding: str) -> tuple[bool | None, str, list[Evidence]]:
        """Tell whether a finding is there now, by which evidence; None where that is open, with why, or contradictory.

        An active diagnosis stands beside another that ended, and above a result that is older.
        """
        evidence = self.chart.evidence.of(finding)
        outdated = [own._replace(value=UNDECIDED) for own in evidence if self.is_outdated(finding, own)]
        known = [own for own in evidence if not self.is_outdated(finding, own)]
        active = [own for own in known if own.value == "true" and own.active]
        ended = [own._replace(value="false", date=own.until) for own in known if own.value == "true" and own.active is False]
        results = [own for own in known if own.by or own.value in ABSENT]
        told = [own for own in results if not any(is_before(own, other) for other in active)] + ([] if active else ended)
        decided = [own for own in latest(told) if own.value != UNDECIDED]
        present = [*active, *(own for own in decided if own.value == "true")]
        absent = [own for own in decided if own.value in ABSENT]
        if present and absent:
            return None, "", [*present, *absent]
        unsure = [
            own for own in known if own.value == UNDECIDED or (own.value == "true" and own.active is None and not own.by)
        ]
        if present:
            open_ = unpassed([own for own in outdated if own.by], present)
        elif absent:
            open_ = unpassed([*unsure, *outdated, *self.doubtful(finding)], absent)
        else:
            open_ = unsure or outdated
        if not open_:
            return (bool(present), "", present or absent) if present or absent else (None, "", [])
        if any(own in outdated for own in open_):
            return None, self.outdated_words(finding), open_
        return None, self.model.say("fhir_uncertain", self.label(finding)), open_

    def each(self, mapping: FactMapping) -> None:
        """Read which members of a list are present or past, each a finding: the whole list, or nothing of it.

        Where nothing is told of a member, it is in the list as little as the fact has a default, or the site says so.
        """
        say, fact = self.model.say, self.fact(mapping.fact)
        told: list[Evidence] = []
        members, silent, unsure = [], [], []
        for member, finding in zip(fact.values, mapping.of, strict=True):
            present, against = self.chart.sides(finding)
            evidence = [own for own in self.chart.evidence.of(finding) if own.value in ("true", "false", UNDECIDED)]
            told += evidence
            if present and against:
                self.contradict(mapping.fact, [*present, *against])
                return
            absent = [own for own in against if own.value == "false"]
            if present:
                members.append(member)
            elif unpassed([own for own in evidence if own.value == UNDECIDED], absent) or unpassed(
                self.doubtful(finding), absent
            ):
                unsure.append(finding)
            elif not absent:
                silent.append(finding)
        taken = fact.default is not None or self.chart.silent_is_none
        if unsure or (silent and told and not taken):
            named = [
                *map(self.label, [*unsure, *silent][:MOST]),
                *["\N{HORIZONTAL ELLIPSIS}"][: len(unsure + silent) > MOST],
            ]
            why = say("fhir_list_open", say("comma").join(members) or say("nothing"), say("comma").join(named))
            self.leave_open(mapping.fact, why, sources(told))
        elif told:
            self.record[mapping.fact] = members
            self.sources[mapping.fact] = unique(sources(told))
            if silent:
                self.assumed.append((mapping.fact, say("fhir_rest_not_told", mapping.fact)))


def sources(evidence: Iterable[Evidence]) -> list[Provenance]:
    """List where evidence was read."""
    return [own.source for own in evidence]


def is_before(own: Evidence, active: Evidence) -> bool:
    """Tell whether evidence is certainly older than what a diagnosis tells that is active."""
    if own.date is None or active.date is None:
        return False
    return own.date.last < (active.date.first or active.date.last)


def unpassed(unsure: Iterable[Evidence], decided: Sequence[Evidence]) -> list[Evidence]:
    """List the evidence that decides nothing and of which all that does is not certainly later."""
    return [own for own in unsure if not any(is_before(own, other) for other in decided)]


def fields_of(source: Provenance) -> tuple[str, str, str, str, str]:
    return source.resource, source.system, source.code, source.display, source.date
