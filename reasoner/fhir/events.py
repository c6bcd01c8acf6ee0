"""The events of a timeline, from what was read of a chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from reasoner.fhir.course_facts import Open, course_values
from reasoner.fhir.courses import Course, build_courses, group, taken_alone
from reasoner.fhir.dates import PartialDate, parse_date
from reasoner.fhir.doses import Dose
from reasoner.fhir.evidence import UNDECIDED, Evidence
from reasoner.fhir.facts import name_some
from reasoner.fhir.provenance import Provenance, shortened, unique
from reasoner.fhir.timeline import Axis, Day, DrugGiven, Timeline, TimelineEvent, axis_of
from reasoner.fhir.value_sets import Between
from reasoner.records.record import ONE_OF

if TYPE_CHECKING:
    from reasoner.fhir.facts import ChartFacts
    from reasoner.fhir.methods import FactReader

__all__ = ["timeline_of", "uncounted_therapy"]

NEVER = 10**7
WORDS = {"false": "without", "not_then": "timeline_not_then", UNDECIDED: "timeline_uncertain"}
"""What is said of a finding that is not simply there."""


class Point(NamedTuple):
    """An event of one date.

    Those that are the `same` are put together, unless one of the same `subject` that says something else comes between;
    `shown` is a number as it is written.
    """

    date: PartialDate | None
    subject: tuple[object, ...]
    same: tuple[object, ...]
    event: TimelineEvent
    shown: str = ""


class Given(NamedTuple):
    """A therapy as it was read in one way or in several: its doses, and a place in the record for each way."""

    doses: tuple[Dose, ...]
    course: Course | None
    places: list[str]


def timeline_of(found: ChartFacts, readers: Sequence[FactReader]) -> Timeline:
    """Lay out in time what was read of a chart; `readers` have read it, one for each way in which its doses can lie."""
    return TimelineBuilder(found, readers).timeline()


def uncounted_therapy(readers: Sequence[FactReader]) -> str:
    """Word the therapy that was given since the finding from which courses count, where it is not read as courses.

    Given since is what is so in every way in which the doses can lie.
    """
    chart, model = readers[0].chart, readers[0].model
    counted = next((mapping for mapping in chart.tables.facts if mapping.method == "courses_from"), None)
    ever = frozenset[Dose].intersection(*(frozenset(own.way.since) for own in readers))
    since = [dose for dose in readers[0].way.since if dose in ever]
    if counted is None or not since or any(own.courses for own in readers):
        return ""
    builder = TimelineBuilder(readers[0].result(), readers)
    given = []
    for doses in builder.episodes(since):
        labels = model.say("plus").join(model.label("drug", drug) for drug in builder.ordered(doses))
        last = max((builder.end_of(dose) for dose in doses), key=lambda date: date.last)
        when = builder.span(doses[0].start, None if any(dose.open for dose in doses) else last)
        sources = name_some(unique(dose.source for dose in doses), model)
        given.append(model.say("fhir_therapy", labels, when, sources))
    finding = model.label("finding", counted.of[0])
    return model.say("fhir_uncounted", model.label("fact", counted.fact), finding, model.say("and").join(given))


class TimelineBuilder:
    """Builds the timeline of one chart."""

    def __init__(self, found: ChartFacts, readers: Sequence[FactReader]) -> None:
        self.found = found
        self.readers = readers
        self.chart = readers[0].chart
        self.endings = readers[0].endings
        self.model = self.chart.model
        self.say = self.model.say
        self.today = self.chart.today()
        mappings = self.chart.tables.facts
        self.methods = {mapping.method: mapping for mapping in mappings}
        self.bearing: dict[str, tuple[str, ...]] = {}
        for mapping in mappings:
            for name in mapping.of:
                self.bearing[name] = (*self.bearing.get(name, ()), mapping.fact)
        self.places: dict[Provenance, list[str]] = {}
        for source in found.sources:
            own = Provenance(source.resource, source.system, source.code, source.display, source.date)
            self.places.setdefault(own, []).append(source.fact)
        self.disputed = {(side.resource, side.code): entry.fact for entry in found.contradictions for side in entry.sides}
        counted = self.methods.get("courses_from")
        self.counted, self.trend = (counted.fact, counted.of[1]) if counted else ("", "")
        before = self.methods.get("drugs_before")
        self.before, self.finding = (before.fact, before.of[0]) if before else ("", counted.of[0] if counted else "")
        self.courses = self.told_courses()

    def timeline(self) -> Timeline:
        """Give all events by their dates; what tells nothing new of the same is put together."""
        points, therapies = [*self.findings(), *self.unclear()], list(self.therapies())
        given = (date for own in therapies for dose in own.doses for date in (dose.start, self.end_of(dose)))
        axis = axis_of([*(own.date for own in points), *given])
        dated = [(own[0].date, self.joined(own, axis)) for own in runs(points)]
        dated += [(own[0].date, self.joined(own, None)) for own in runs(self.not_read())]
        dated += [(own.doses[0].start, self.therapy(own, axis)) for own in therapies]
        dated += [(None, event) for event in self.undated()]
        dated.sort(key=lambda pair: (in_time(pair[0]), pair[1].kind, pair[1].words))
        return Timeline(tuple(event for _, event in dated), axis.ticks(), axis.gaps())

    def joined(self, run: Sequence[Point], axis: Axis | None) -> TimelineEvent:
        """Put events together that are the same, and place them on the axis."""
        first, last = run[0], run[-1]
        if first.date is None or last.date is None:
            when, at = first.event.when, None
        else:
            when = self.span(first.date, last.date)
            at = (axis.between(*first.date)[0], axis.between(*last.date)[1]) if axis is not None else None
        words, span = first.event.words, self.say("from_to_number", first.shown, last.shown)
        if first.shown != last.shown:
            words = self.say("value", self.model.label("finding", first.event.finding), span)
        sources = dict.fromkeys(own.event.sources[0] for own in run)
        return replace(
            first.event,
            words=words,
            when=when,
            at=at,
            end=last.event.start if last.date != first.date else None,
            sources=tuple(dict.fromkeys((*[*sources][:1], *[*sources][-1:]))),
            count=len({source.resource for source in sources}),
            places=tuple(dict.fromkeys(place for own in run for place in own.event.places)),
        )

    def when(self, date: PartialDate | None) -> str:
        """Word a date."""
        if date is None:
            return self.say("timeline_undated")
        return str(date) if date.first else self.say("timeline_by", str(date))

    def findings(self) -> Iterator[Point]:
        """Yield what diagnoses and results say of findings."""
        for finding, evidence in self.chart.evidence.found.items():
            for own in evidence:
                yield self.point(finding, own)

    def point(self, finding: str, own: Evidence) -> Point:
        """Word what one resource says of a finding."""
        kind = "disease" if finding == self.trend else "result" if own.by else "diagnosis"
        disputed = self.disputed.get((own.source.resource, own.source.code))
        why = self.say("timeline_contradictory") if disputed else ""
        places = tuple(dict.fromkeys(self.places.get(own.source, ())))
        shown = shortened(own.shown if own.by else own.source.display)
        event = TimelineEvent(
            kind=kind,
            words=self.evidence_words(finding, own, shown),
            when=self.when(own.date),
            certainty="open" if own.value == UNDECIDED or disputed else "told",
            sources=(own.source,),
            finding=finding,
            value=shown if isinstance(own.value, Between) else own.value,
            outcome=str(own.value) if kind == "disease" and own.value in self.model.outcomes else "",
            start=day_of(own.date),
            why=why,
            places=places,
            facts=self.bearing.get(finding, ()),
        )
        number = isinstance(own.value, float | Between)
        told = number or (own.value, shown if own.by else (shown, own.source.code))
        singly = own.date if own.value in self.endings.by_disease else own.date is None
        subject = (kind, finding) if own.by else (kind, finding, told)
        return Point(own.date, subject, (told, event.certainty, singly), event, shown if number else "")

    def evidence_words(self, finding: str, own: Evidence, shown: str) -> str:
        """Word a value of a finding, with what the chart calls it."""
        say, label, value = self.say, self.model.label("finding", finding), own.value
        if finding == self.trend:
            ended = value in self.model.outcomes
            words = self.model.label("outcome", str(value)) if ended else say("timeline_controlled")
            words = say("timeline_uncertain", label) if value == UNDECIDED else words
        elif isinstance(value, Between):
            return say("value", label, shown)
        elif isinstance(value, float):
            return say("value", label, shown or f"{value:g}")
        elif value in WORDS:
            words = say(WORDS[value], label)
        else:
            named = self.model.label("value", value)
            words = label if value == "true" else say("value", label, named)
            shown = "" if shown.casefold().startswith(named.casefold()) else shown
        return say("bracketed", words, shown) if shown else words

    def unclear(self) -> Iterator[Point]:
        """Yield what may matter but could not be read for certain."""
        for own in self.chart.doses.unclear:
            yield self.left_out("unclear", own.date, own.source, own.what, own.why)
        for doubt in self.chart.evidence.doubtful:
            what = doubt.source.display or doubt.source.code or doubt.source.resource
            yield self.left_out("unclear", doubt.date, doubt.source, what, self.say("fhir_unmapped_diagnosis"))

    def not_read(self) -> Iterator[Point]:
        """Yield what was read without consequence."""
        evidence = self.chart.evidence
        shown = [own.source for found in (*evidence.found.values(), evidence.doubtful) for own in found]
        shown += [own.source for own in self.chart.doses.unclear]
        known = {(source.resource, source.code) for source in shown}
        for source, why in self.chart.evidence.unmapped.items():
            if (source.resource, source.code) not in known:
                what = source.display or source.code or source.resource
                yield self.left_out("not_read", parse_date(source.date), source, what, why)

    def left_out(self, kind: str, date: PartialDate | None, source: Provenance, what: str, why: str) -> Point:
        """Word what was not read."""
        event = TimelineEvent(
            kind=kind,
            words=shortened(what),
            when=self.when(date),
            certainty="open" if kind == "unclear" else "told",
            sources=(source,),
            start=day_of(date),
            why=shortened(why),
        )
        return Point(date, (kind, what, why), (date is None,), event)

    def therapies(self) -> Iterator[Given]:
        """Yield each therapy once, with its places in the record in all the ways in which the doses can lie."""
        found: dict[tuple[Dose, ...], Given] = {}
        several = ONE_OF in self.found.record
        for number, reader in enumerate(self.readers):
            for doses, course, place in self.read_by(reader):
                own = found.setdefault(doses, Given(doses, course, []))
                agreed = not several or place.partition("[")[0] in self.found.record
                own.places.append(place if agreed else f"{ONE_OF}[{number}].{place}")
                if course is not None and own.course is None:
                    found[doses] = own._replace(course=course)
        placed = {dose for doses in found for dose in doses}
        rest = [dose for dose in self.chart.doses.dated if dose not in placed]
        yield from found.values()
        yield from (Given(doses, None, []) for doses in self.episodes(rest))

    def read_by(self, reader: FactReader) -> Iterator[tuple[tuple[Dose, ...], Course | None, str]]:
        """Yield the therapies of one way that have a place in the record."""
        if self.before in reader.record or self.before in self.found.record:
            yield from ((doses, None, self.before) for doses in self.episodes(reader.way.before))
        for number, course in enumerate(reader.courses):
            yield course.doses, course, f"{self.counted}[{number}]"

    def episodes(self, doses: Sequence[Dose]) -> Iterator[tuple[Dose, ...]]:
        """Put doses together that belong to a course; those of each drug, where the dates do not tell."""
        found = group(doses, self.chart.tables.periods)
        if found is None:
            drugs = dict.fromkeys(dose.drug for dose in doses)
            found = [[dose for dose in doses if dose.drug == drug] for drug in drugs]
        yield from (tuple(own) for own in found if own)

    def told_courses(self) -> dict[tuple[Dose, ...], Course]:
        """Give what the chart tells of each therapy wherever it belongs; nothing where the courses cannot be told apart."""
        chart, trends = self.chart, self.chart.evidence.of(self.trend)
        courses, unsure = build_courses(chart.doses.dated, trends, chart.today(), chart.tables.periods, self.endings)
        alone = [] if unsure else [taken_alone(number, courses, self.endings) for number in range(len(courses))]
        return {course.doses: course for course in alone}

    def as_course(self, doses: tuple[Dose, ...], drugs: Sequence[str]) -> dict[str, Any]:
        """Word a therapy that is not in the record as a course that is: what the chart does not tell of it is null."""
        open_ = {fact.name: None for fact in self.model.course_facts.values() if fact.kind == "boolean"}
        course = self.courses.get(doses)
        if course is None:
            return {"drugs": [*drugs], "outcome": None, **open_}
        values = course_values(course, self.chart.tables, self.model)
        told = {fact: value for fact, _, value in values if value and not isinstance(value, Open)}
        return {"drugs": [*drugs], "outcome": course.outcome, **open_, **told}

    def end_of(self, dose: Dose) -> PartialDate:
        """Give the date until which a dose was given as far as that is told."""
        if dose.open and self.today:
            return PartialDate(self.today, self.today)
        return dose.until if dose.until >= dose.start else dose.start

    def therapy(self, own: Given, axis: Axis) -> TimelineEvent:
        """Word one therapy: its drugs, how it ended, and where the record has it."""
        drugs = [self.drug(drug, [d for d in own.doses if d.drug == drug], axis) for drug in self.ordered(own.doses)]
        ongoing = any(drug.ongoing for drug in drugs)
        last = max((self.end_of(dose) for dose in own.doses), key=lambda date: date.last)
        bare = list(dict.fromkeys(place.partition("].")[2] if place.startswith(ONE_OF) else place for place in own.places))
        facts = {place.partition("[")[0] for place in bare}
        open_ = len(own.places) < len(self.readers) or len(facts) > 1
        outcome = own.course.outcome if own.course is not None and own.places else None
        conventional = outcome in self.model.under_way and not ongoing
        return TimelineEvent(
            kind="therapy",
            words=self.therapy_words(bare, drugs, outcome),
            when=self.span(own.doses[0].start, None if ongoing else last),
            certainty="open" if open_ else "assumed" if conventional else "told",
            sources=(own.doses[0].source, own.doses[-1].source)[: len(own.doses)],
            outcome=outcome or "",
            start=day_of(own.doses[0].start),
            end=None if ongoing else day_of(last),
            ongoing=ongoing,
            drugs=tuple(drugs),
            why=self.say("timeline_convention") if conventional and not open_ else "",
            places=tuple(own.places),
            facts=tuple(fact for fact in (self.counted, self.before) if fact),
            course=None if own.places else self.as_course(own.doses, [drug.drug for drug in drugs]),
            count=len(own.doses),
            at=(axis.between(*own.doses[0].start)[0], max(drug.at[1] for drug in drugs)),
        )

    def ordered(self, doses: Iterable[Dose]) -> list[str]:
        """List the drugs of doses in the order of the guideline."""
        found = {dose.drug for dose in doses}
        return [drug for drug in self.model.drugs if drug in found]

    def drug(self, drug: str, doses: Sequence[Dose], axis: Axis) -> DrugGiven:
        """Word when one drug was given."""
        ongoing = any(dose.open for dose in doses)
        last = max((self.end_of(dose) for dose in doses), key=lambda date: date.last)
        at = (axis.between(*doses[0].start)[0], axis.between(*last)[1])
        when = self.span(doses[0].start, None if ongoing else last)
        return DrugGiven(drug, self.model.label("drug", drug), when, len(doses), at, ongoing)

    def span(self, start: PartialDate, end: PartialDate | None) -> str:
        """Word the time from one date to another."""
        if end is None:
            return self.say("timeline_since", self.when(start))
        return self.when(start) if start == end else self.say("from_to_number", self.when(start), self.when(end))

    def therapy_words(self, places: Sequence[str], drugs: Sequence[DrugGiven], outcome: str | None) -> str:
        """Name a therapy by its places in the record, its drugs, and how it ended."""
        say, named = self.say, self.say("plus").join(drug.label for drug in drugs)
        finding = self.model.label("finding", self.finding)
        numbers = [place.partition("[")[2].partition("]")[0] for place in places]
        if not places:
            return say("timeline_therapy", named)
        if all(numbers):
            ended = say("outcome_unknown") if outcome is None else self.model.label("outcome", outcome)
            courses = say("or").join(str(int(number) + 1) for number in numbers)
            return say("course_numbered", courses, say("comma").join((named, ended)))
        return say("timeline_either", named, finding) if any(numbers) else say("timeline_before", finding, named)

    def undated(self) -> Iterator[TimelineEvent]:
        """Yield the drugs that have no date."""
        doses = self.chart.doses.undated
        for drug in dict.fromkeys(drug for drug, _ in doses):
            sources = [source for own, source in doses if own == drug]
            yield TimelineEvent(
                kind="unclear",
                words=self.model.label("drug", drug),
                when=self.say("timeline_undated"),
                certainty="open",
                sources=tuple(dict.fromkeys((sources[0], sources[-1]))),
                why=self.say("fhir_undated_doses"),
                facts=tuple(fact for fact in (self.counted, self.before) if fact),
                count=len(sources),
            )


def day_of(date: PartialDate | None) -> Day | None:
    """Write a date for JSON."""
    if date is None:
        return None
    first, last = (str(PartialDate(day, day)) if day else "" for day in date)
    return Day(last, first)


def in_time(date: PartialDate | None) -> tuple[int, int]:
    """Order dates: by their first day, or the last where that alone is known; no date comes last."""
    return (NEVER, 0) if date is None else (date.first or date.last, date.last)


def runs(points: Iterable[Point]) -> list[list[Point]]:
    """Put points in the order of their dates, those together that are the same."""
    found: list[list[Point]] = []
    latest: dict[tuple[object, ...], list[Point]] = {}
    for point in sorted(points, key=lambda own: in_time(own.date)):
        run = latest.get(point.subject)
        if run is None or run[-1].same != point.same:
            run = latest[point.subject] = []
            found.append(run)
        run.append(point)
    return found
