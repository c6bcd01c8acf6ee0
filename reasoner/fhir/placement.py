"""Which drugs were given before a finding, such as metastases, and which since: in one way, or in one of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reasoner.fhir.chart import Chart
from reasoner.fhir.courses import Endings, group
from reasoner.fhir.dates import PartialDate
from reasoner.fhir.doses import Dose, Unclear
from reasoner.fhir.evidence import UNDECIDED, Evidence
from reasoner.fhir.facts import name_some
from reasoner.fhir.provenance import Provenance, unique

__all__ = ["NEVER", "Doubt", "Placed", "Way", "found_with", "place_doses"]

NEVER = 10**7
MOST = 8

SIDES = {"before": "fhir_way_before", "since": "fhir_way_since"}


class Doubt(NamedTuple):
    """Why therapy stays unknown, and by which sources; empty where it is known."""

    why: str = ""
    sources: tuple[Provenance, ...] = ()

    def joined(self, other: Doubt, joint: str) -> Doubt:
        whys = dict.fromkeys(why for why in (*self.why.split(joint), other.why) if why)
        return Doubt(joint.join(whys), unique((*self.sources, *other.sources)))


class Way(NamedTuple):
    """One way in which the doses can lie: before the finding and since, and when that was found.

    `label` tells it from the other ways; `before_known` says that the doses before are known to be all that was given then.
    """

    label: str
    before: list[Dose]
    since: list[Dose]
    date: PartialDate | None
    before_known: bool = True


class Placed(NamedTuple):
    """The ways in which the doses can lie; why what was given before, and since, stays unknown in all of them.

    `told` says that the chart tells of the finding, `never` that it tells that there is none.
    """

    ways: list[Way]
    before: Doubt
    since: Doubt
    told: bool
    never: bool


class Onset(NamedTuple):
    """When a finding came about: not before `first` and not after `last`; `from_above` where only the last day is told."""

    first: int
    last: int
    from_above: bool
    date: PartialDate | None


def place_doses(chart: Chart) -> tuple[Placed, Endings]:
    """Place the doses before or since the finding from which the tables count courses."""
    model, mappings = chart.model, chart.tables.facts
    counted = next((mapping for mapping in mappings if mapping.method == "courses_from"), None)
    finding, trend = counted.of if counted else ("", "")
    endings = Endings(
        next(iter(model.under_way), None),
        next(iter(model.as_planned), None),
        chart.tables.values_of(trend) & set(model.outcomes),
    )
    worse = [own for own in chart.evidence.of(trend) if own.value in endings.by_disease]
    worse += [
        Evidence(dose.ended, dose.until if dose.end > dose.start.last else PartialDate(dose.start.first, NEVER), dose.source)
        for dose in chart.doses.dated
        if dose.ended in endings.by_disease and dose.ended is not None
    ]
    if not chart.tables.therapy:
        return Placed([Way("", [], [], None)], Doubt(), Doubt(), told=False, never=False), endings
    return place(chart, finding, worse), endings


def place(chart: Chart, finding: str, progressions: Sequence[Evidence]) -> Placed:
    """Sort the doses into those before a finding and those since.

    `progressions` say that the disease got worse. Drugs that begin after one are given since where nothing says on which day
    the finding was there first; where a date is told, they may be either.
    """
    return Placing(chart, finding, progressions).place()


def found_with(chart: Chart, date: PartialDate | None, finding: str, first: str) -> list[Evidence]:
    """Give the evidence that a finding of a date came about as soon as another was first told; nothing where that is open.

    What is undecided counts as the other, and a diagnosis that came back is older than its date.
    """
    evidence = chart.evidence.of(first)
    present = [own for own in evidence if own.value in ("true", UNDECIDED)]
    dates = [own.date for own in present if own.date is not None and own.date.first and not own.again]
    earlier = chart.evidence.doubtful or any(own.again for own in chart.sides(finding)[0])
    if date is None or not dates or len(dates) < len(present) or earlier:
        return []
    together = date.last - min(own.first for own in dates) <= chart.tables.periods["at_once"]
    return [*chart.sides(finding)[0], *(own for own in present if own.value == "true")] if together else []


class Placing:
    """Places the doses of a chart by what it tells of a finding."""

    def __init__(self, chart: Chart, finding: str, progressions: Sequence[Evidence]) -> None:
        self.chart = chart
        self.say = chart.model.say
        self.name = chart.model.label("finding", finding)
        self.doses = chart.doses.dated
        self.evidence = chart.evidence.of(finding)
        self.present, self.against = chart.sides(finding)
        self.doubtful = [own for own in self.evidence if own.value == UNDECIDED] + chart.evidence.doubtful
        self.progressions = progressions
        self.told = bool(self.present) and not self.against
        self.never = self.is_never()
        self.onset = self.bounded()

    def is_never(self) -> bool:
        """Tell whether the chart tells that the finding was never there, and no drug was given later."""
        absent = [own for own in self.against if own.value == "false"]
        if self.present or self.doubtful or not absent:
            return False
        newest = max((own.date.first if own.date is not None else 0 for own in absent), default=0)
        return all(not dose.open and dose.end <= newest for dose in self.doses)

    def bounded(self) -> Onset:
        """Bound the day on which the finding came about.

        From above by the evidence for it; from below by that as well, unless something older may have been the finding, or
        the disease was getting worse before; and by the last day on which it was not there.
        """
        silent = self.chart.silent_is_none and not (self.present or self.against or self.doubtful)
        if self.never or silent:
            return Onset(NEVER, NEVER, from_above=False, date=None)
        present = self.present if self.told else []
        dates = [own.date for own in present if own.date is not None]
        last = min((own.last for own in dates), default=NEVER)
        first = min((own.first for own in dates), default=0) if len(dates) == len(present) else 0
        older = (own.date.first if own.date is not None else 0 for own in (*self.doubtful, *self.progressions))
        lowest = min([first, *older])
        if not self.against:
            absent = (own.date for own in self.evidence if own.value in ("false", "not_then") and own.date is not None)
            lowest = max([lowest, *(own.first for own in absent if own.last < last)])
        return Onset(lowest, last, from_above=not first, date=PartialDate(first, last) if first else None)

    def place(self) -> Placed:
        """Give the ways in which the doses can lie."""
        first, last = self.onset.first, self.onset.last
        before, since = self.doubts()
        limit = last + self.chart.tables.periods["stopped"]
        early = [dose for dose in self.doses if dose.start.last < first]
        crossing = [dose for dose in early if last < NEVER and (dose.open or dose.end > limit)]
        if crossing:
            before, since = self.open(crossing, self.say("fhir_goes_on"), before, since)
        late = [dose for dose in self.doses if dose.start.first >= last and dose.start.last >= first]
        unsure = [dose for dose in self.doses if dose.start.last >= first and dose.start.first < last]
        if not unsure:
            return Placed([Way("", early, late, self.onset.date)], before, since, self.told, self.never)
        episodes = group(unsure, self.chart.tables.periods)
        if episodes is None or len(episodes) > MOST or since.why:
            before, since = self.open(unsure, self.dated(), before, since)
            return Placed([Way("", early, late, None)], before, since, self.told, self.never)
        return Placed(self.ways(episodes, early, late), before, since, self.told, self.never)

    def doubts(self) -> tuple[Doubt, Doubt]:
        """Say what keeps what was given before the finding, and since, from being known: what is undated or unclear."""
        before, since = Doubt(), Doubt()
        if undated := self.chart.doses.undated:
            words = self.chart.labels(drug for drug, _ in undated)
            why = self.say("fhir_before_or_since", words, self.name, self.say("fhir_undated_doses"))
            before = since = Doubt(why, tuple(source for _, source in undated))
        unclear = self.chart.doses.unclear
        early = [own for own in unclear if own.date is None or own.date.first < self.onset.last]
        late = [own for own in unclear if own.date is None or own.date.last >= self.onset.first]
        doubt = self.doubt(early)
        return (
            before.joined(doubt, self.say("and")),
            since.joined(doubt if late == early else self.doubt(late), self.say("and")),
        )

    def doubt(self, unclear: Sequence[Unclear]) -> Doubt:
        """Say what is unclear: the first that is, and how many others are."""
        whys = [self.say("value", what, why) for what, why in dict.fromkeys([(own.what, own.why) for own in unclear])]
        return Doubt(name_some(whys, self.chart.model), unique([own.source for own in unclear]))

    def open(self, doses: Sequence[Dose], why: str, before: Doubt, since: Doubt) -> tuple[Doubt, Doubt]:
        """Add to both doubts that some doses may have been given before the finding or since."""
        words = self.say("fhir_before_or_since", self.chart.labels(dose.drug for dose in doses), self.name, why)
        doubt = Doubt(words, unique(dose.source for dose in doses))
        return before.joined(doubt, self.say("and")), since.joined(doubt, self.say("and"))

    def dated(self) -> str:
        """Say what is known of the day of the finding."""
        if not self.told:
            return self.say("fhir_finding_not_told", self.name)
        if self.onset.date is None:
            return self.say("fhir_undated_finding", self.name)
        return self.say("fhir_dated_finding", self.name, str(self.onset.date))

    def ways(self, episodes: Sequence[list[Dose]], early: list[Dose], late: list[Dose]) -> list[Way]:
        """List the ways in which episodes of therapy can lie: the first ones before the finding, the others since."""
        worse = min((own.date.last for own in self.progressions if own.date is not None), default=NEVER)
        after = next((n for n, own in enumerate(episodes) if own[0].start.first >= worse), len(episodes))
        most = after if self.onset.from_above else len(episodes)
        ways = []
        for cut in range((most if self.told else min(most, len(episodes) - 1)) + 1):
            before, since = episodes[:cut], episodes[cut:]
            first = max([self.onset.first, *(own[-1].start.last for own in before[-1:])])
            last = min([self.onset.last, *(own[0].start.first for own in since[:1])])
            date = PartialDate(first, last) if 0 < first <= last < NEVER else None
            sides = {"before": before, "since": since}
            words = (self.say(SIDES[side], self.name, self.words(own)) for side, own in sides.items() if own)
            label = self.say("and").join(words)
            ways.append(Way(label, early + flat(before), flat(since) + late, date))
        if not self.told:
            label = self.say("fhir_way_none", self.name, self.words(episodes))
            ways.append(Way(label, early + flat(episodes), late, None, before_known=after == len(episodes)))
        return ways

    def words(self, episodes: Iterable[list[Dose]]) -> str:
        """Name episodes of therapy, each by its drugs and the day on which it began."""
        own = (
            self.say("fhir_from", self.chart.labels(dose.drug for dose in doses), str(doses[0].start)) for doses in episodes
        )
        return self.say("comma").join(own)


def flat(episodes: Iterable[list[Dose]]) -> list[Dose]:
    return [dose for own in episodes for dose in own]
