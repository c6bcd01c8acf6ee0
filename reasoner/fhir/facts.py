"""The facts read from a patient's chart: a record, where each fact was read, what stays unknown, and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import printable
from reasoner.fhir.dates import PartialDate, days_between, parse_date
from reasoner.fhir.provenance import Located, Provenance
from reasoner.fhir.timeline import Timeline
from reasoner.records.record import ONE_OF, Known
from reasoner.records.shapes import Carried, Result, Shape

__all__ = ["FEW", "ChartFacts", "Contradiction", "FactSource", "Side", "Undecided", "Unmapped", "name_some"]

FEW = 3
MOST = 40


def name_some(told: Sequence[Located | str], model: GuidelineModel) -> str:
    """Name the first sources, or reasons, and count the others."""
    more = [model.say("fhir_more", str(len(told) - FEW))] if len(told) > FEW else []
    return model.say("and").join([*map(str, told[:FEW]), *more])


class FactSource(Located, Shape, frozen=True, omit_defaults=True):
    """Where a fact was read; `fact` is a place in the record, such as ``metastatic_therapy[0].drugs[docetaxel]``."""

    fact: str
    resource: str
    system: str = ""
    code: str = ""
    display: str = ""
    date: str = ""


class Undecided(Shape, frozen=True):
    """A fact that resources speak of without deciding it, and why."""

    fact: str
    why: str
    sources: tuple[Provenance, ...]


class Side(Located, Shape, frozen=True, omit_defaults=True):
    """A value that a resource gives for a fact on which the chart contradicts itself."""

    value: str
    resource: str
    system: str = ""
    code: str = ""
    display: str = ""
    date: str = ""


class Contradiction(Shape, frozen=True):
    """A fact to which resources give different values."""

    fact: str
    sides: tuple[Side, ...]


class Unmapped(Provenance, frozen=True, kw_only=True):
    """What was read without consequence, and why: no table has it, or it does not count."""

    why: str


class ChartFacts(Result, frozen=True, tag_field="schema", tag="reasoner.facts/1"):
    """What was read from a patient's chart, the JSON object of schema ``reasoner.facts/1``.

    What `undecided` and `contradictions` name is unknown in the record; a course whose outcome nothing says has the
    outcome None. `assumed` is what was concluded from silence, `unreadable` what could not be read; `tables` is the digest
    of the tables; `other_kinds` counts the resources of each kind that is not read; `corrected` says what a person changed
    in the record. The `timeline` of the chart is there where it was
    asked for. Not in the JSON are the `model` of the guideline, which gives the words, `draw`, which makes the timeline,
    `uncounted`, which says what was given for certain of the therapy that the record leaves unknown, and `assumed_of`, the
    fact of which each entry of `assumed` is.
    """

    record: dict[str, Any]
    sources: tuple[FactSource, ...]
    undecided: tuple[Undecided, ...]
    contradictions: tuple[Contradiction, ...]
    assumed: tuple[str, ...]
    unmapped: tuple[Unmapped, ...]
    unreadable: tuple[str, ...]
    tables: str
    other_kinds: dict[str, int]
    corrected: tuple[str, ...] = ()
    timeline: Timeline | UnsetType = UNSET
    model = Carried[GuidelineModel]()
    draw = Carried[Callable[["ChartFacts"], Timeline]]()
    assumed_of = Carried[tuple[str, ...]]()
    uncounted = Carried[Callable[[], str]](str)

    def with_timeline(self) -> ChartFacts:
        """Give the same with the timeline of the chart."""
        return self.replace(timeline=self.draw(self))

    def without(
        self, gone: Callable[[str], bool], renamed: Callable[[str], str], touched: Callable[[str], bool]
    ) -> ChartFacts:
        """Give the same without what was read at places that are `gone`; the other places are `renamed`.

        The timeline goes on telling what the chart says, and marks the events of which a place is `touched`.
        """
        timeline = self.timeline
        if timeline:
            events = (
                replace(own, why=self.model.say("timeline_corrected")) if any(map(touched, own.places)) else own
                for own in timeline.events
            )
            kept = (replace(own, places=tuple(renamed(place) for place in own.places if not gone(place))) for own in events)
            timeline = replace(timeline, events=tuple(kept))
        assumed = [told for told in zip(self.assumed_of, self.assumed, strict=True) if not gone(told[0])]
        return self.replace(
            timeline=timeline,
            assumed=tuple(text for _, text in assumed),
            assumed_of=tuple(fact for fact, _ in assumed),
            sources=tuple(replace(own, fact=renamed(own.fact)) for own in self.sources if not gone(own.fact)),
            undecided=tuple(own for own in self.undecided if not gone(own.fact)),
            contradictions=tuple(own for own in self.contradictions if not gone(own.fact)),
        )

    def source_words(self) -> dict[str, tuple[str, ...]]:
        """Say for each fact where it was read."""
        found: dict[str, tuple[str, ...]] = {}
        for source in self.sources:
            found[source.fact] = (*found.get(source.fact, ()), str(source))
        return found

    def known(self) -> tuple[Known, ...]:
        """Tell for each course of therapy what was known when it began; nothing of one that has no date."""
        own = self.model.courses_fact
        courses = self.record.get(own.name) if own is not None else None
        if own is None or not courses:
            return ()
        timeline = self.timeline or self.draw(self)
        begun = {place: event.start for event in timeline.events if event.kind == "therapy" for place in event.places}
        told: dict[str, list[PartialDate | None]] = {}
        for source in self.sources:
            fact = source.fact if source.fact.startswith(f"{own.name}[") else source.fact.partition("[")[0]
            told.setdefault(fact, []).append(date_of(source))
        starts = (begun.get(f"{own.name}[{number}]") for number in range(len(courses)))
        return tuple(Known() if start is None else known_by(start.date, told) for start in starts)

    def remarks(self) -> Iterator[str]:
        """Yield what a reader of the answer has to know: contradictions, what is undecided, what silence was taken for."""
        return map(printable, self.said())

    def warning(self) -> str:
        """Say what was given of the therapy of which the record has nothing; nothing where it has it, or none was."""
        own = self.model.courses_fact
        told = own is None or any(held.get(own.name) is not None for held in (self.record, *self.record.get(ONE_OF, ())))
        return "" if told else printable(self.uncounted())

    def said(self) -> Iterator[str]:
        say = self.model.say
        if warning := self.warning():
            yield warning
        yield from self.corrected
        for entry in self.contradictions:
            sides = {side.value: say("bracketed", side.value, str(side)) for side in entry.sides}
            yield say("fhir_contradiction", entry.fact, say("and").join(sides.values()))
        for undecided in self.undecided:
            yield say("fhir_undecided", undecided.fact, self.reason(undecided))
        yield from (say("sentence", text) for text in self.assumed)
        if count := len(self.unreadable):
            named = say("and").join(self.unreadable[:FEW])
            yield say("fhir_one_unreadable", named) if count == 1 else say("fhir_unreadable", str(count), named)
        if self.other_kinds:
            counts = say("comma").join(f"{count} {kind}" for kind, count in self.other_kinds.items())
            yield say("fhir_other_kinds", counts)

    def report(self) -> Iterator[str]:
        """Yield lines that say where each fact was read, then all that stays unknown or was not read."""
        read: dict[str, list[FactSource]] = {}
        for source in self.sources:
            read.setdefault(source.fact, []).append(source)
        for fact, sources in read.items():
            yield from (self.model.say("value", fact, str(source)) for source in sources[:FEW])
            if more := sources[FEW:]:
                yield self.model.say("value", fact, self.model.say("fhir_more", str(len(more))))
        yield from self.remarks()
        alike: dict[tuple[str, ...], list[Unmapped]] = {}
        for own in self.unmapped:
            alike.setdefault((own.system, own.code, own.display, own.why), []).append(own)
        kinds = list(alike.values())
        for same in kinds[:MOST]:
            yield self.model.say("fhir_not_read", name_some(same, self.model), same[0].why)
        if len(kinds) > MOST:
            yield self.model.say("fhir_not_read_either", str(len(kinds) - MOST))

    def explain(self, problem: str) -> str:
        """Add to what keeps the record from being answered what the chart says of it, and the next step."""
        say = self.model.say
        why = dict.fromkeys(self.reason(entry) for entry in self.undecided if entry.fact in problem)
        said = [say("fhir_in_chart", say("and").join(why))] if why else []
        return " ".join([say("sentence", problem), *said, say("fhir_next_step")])

    def reason(self, undecided: Undecided) -> str:
        """Say why a fact is undecided, and by which sources."""
        if not undecided.sources:
            return undecided.why
        return self.model.say("bracketed", undecided.why, name_some(undecided.sources, self.model))


def date_of(source: FactSource) -> PartialDate | None:
    """Give the date of a source, from the first to the last day that it can be."""
    first, last = (parse_date(text) for text in (source.date.partition("/")[0], source.date.rpartition("/")[2]))
    return None if first is None or last is None else PartialDate(first.first, last.last)


def known_by(start: PartialDate, told: Mapping[str, Sequence[PartialDate | None]]) -> Known:
    """Tell what was known at a date; what may have been told after it counts as told later."""
    later = {
        fact
        for fact, dates in told.items()
        if any(date is not None and days_between(date, start).first < 0 for date in dates)
    }
    then = {fact for fact, dates in told.items() if fact not in later and None not in dates}
    return Known(frozenset(then), frozenset(later))
