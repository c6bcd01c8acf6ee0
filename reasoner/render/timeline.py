"""The timeline of a chart as a picture of plain characters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir import ChartFacts
from reasoner.fhir.timeline import DrugGiven, Timeline, TimelineEvent

__all__ = ["render"]

MOST = 60
DATES = 24
NARROW = 72
POINTS = {"told": "o", "assumed": "o", "open": "?"}
BARS = {"told": "=", "assumed": "=", "open": "-"}


def render(facts: ChartFacts, width: int = 80) -> str:
    """Draw the timeline of a chart in at most `width` columns: dates, where they lie in time, and what was read then.

    Its last line explains the marks.
    """
    timeline = facts.timeline or facts.draw(facts)
    return "".join(f"{line.rstrip()}\n" for line in TimelinePicture(timeline, facts.model, width).lines())


class TimelinePicture:
    """Draws one timeline."""

    def __init__(self, timeline: Timeline, model: GuidelineModel, width: int) -> None:
        self.timeline = timeline
        self.model = model
        self.say = model.say
        self.width = width
        self.track = width // 4
        self.dates = DATES if width >= NARROW else DATES // 2
        self.words = width - self.dates - self.track - 2

    def lines(self) -> Iterator[str]:
        """Yield the lines of the picture."""
        shown = [event for event in self.timeline.events if event.kind != "not_read"]
        yield self.say("heading_timeline")
        if not shown:
            yield from textwrap.wrap(self.say("timeline_empty"), self.width)
            return
        yield from self.scale()
        for event in most_telling(shown):
            yield from self.row(event.when, self.bar(event), self.event_words(event))
            yield from self.drugs(event)
        if len(shown) > MOST:
            yield self.say("fhir_more", str(len(shown) - MOST))
        yield from textwrap.wrap(self.say("timeline_legend"), self.width)

    def scale(self) -> Iterator[str]:
        """Yield the years, and the axis under them."""
        years, axis = [" "] * (self.track + 4), ["-"] * self.track
        for tick in sorted(self.timeline.ticks, key=lambda own: len(own.label)):
            place = self.place(tick.at)
            end = place + len(tick.label)
            axis[place] = "+"
            if end <= len(years) and not "".join(years[max(0, place - 1) : end + 1]).strip():
                years[place:end] = tick.label
        for gap in self.timeline.gaps:
            place = min(self.place(gap), self.track - 2)
            axis[place : place + 2] = "//"
        for line in (years, axis):
            yield " " * (self.dates + 1) + "".join(line)

    def place(self, at: float) -> int:
        return round(at * (self.track - 1))

    def row(self, when: str, bar: str, words: str) -> Iterator[str]:
        """Yield the lines of one event."""
        dates = textwrap.wrap(when, self.dates, break_on_hyphens=False)
        texts = textwrap.wrap(words, self.words, break_on_hyphens=False)
        for date, drawn, text in zip_longest(dates, [bar], texts, fillvalue=""):
            yield f"{date:<{self.dates}} {drawn:<{self.track}} {text}"

    def event_words(self, event: TimelineEvent) -> str:
        """Word an event: what it is, how often it is told, what is in doubt."""
        many = event.count > 1 and not event.drugs
        words = self.say("timeline_times", event.words, str(event.count)) if many else event.words
        return self.say("value", words, event.why) if event.why else words

    def drugs(self, event: TimelineEvent) -> Iterator[str]:
        """Yield a line for each drug that was not given over the whole of a therapy."""
        for drug in event.drugs if len(event.drugs) > 1 else ():
            drawn = self.given(drug, event.certainty)
            if drawn != self.given(event, event.certainty):
                yield from self.row(f"  {drug.when}", drawn, f"  {drug.label}")

    def bar(self, event: TimelineEvent) -> str:
        """Draw where an event lies; nothing where it has no date."""
        if event.drugs:
            return self.given(event, event.certainty)
        if event.at is None:
            return ""
        mark, start = "x" if event.outcome else POINTS[event.certainty], event.start
        if start is None or start.first == start.last or event.end is not None:
            return self.stretch(event.at, (mark, mark), ".", mark)
        return self.stretch(event.at, ("(", ")") if start.first else ("<", mark), "~", mark)

    def given(self, own: TimelineEvent | DrugGiven, certainty: str) -> str:
        """Draw the time over which a therapy or a drug was given."""
        end = ">" if own.ongoing else "]"
        return self.stretch(own.at or (0, 0), ("[", end), BARS[certainty], f"[{end}")

    def stretch(self, at: tuple[float, float], ends: tuple[str, str], between: str, point: str) -> str:
        """Draw a line from one place to another, or a point where they are one."""
        start, end = map(self.place, at)
        drawn = point if start == end else ends[0] + between * (end - start - 1) + ends[1]
        return " " * min(start, self.track - len(drawn)) + drawn


def most_telling(events: Sequence[TimelineEvent]) -> list[TimelineEvent]:
    """Keep as many events as a picture can hold: of results, and then of all others, the latest."""
    ranked = sorted(range(len(events)), key=lambda n: (events[n].kind == "result", -n))
    return [events[n] for n in sorted(ranked[:MOST])]
