"""From drafts to the cards of CDS Hooks: Markdown within its bounds, links, suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from cachetools import TTLCache
from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel, capitalised
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.phrases import reading_words
from reasoner.serve.drafts import Draft, Line, Suggestion
from reasoner.serve.markdown import (
    AIMED_DETAIL,
    LONGEST_DETAIL,
    LONGEST_NOTE,
    SEPARATOR,
    SHORT_LINE,
    fewer_items,
    markdown,
    total,
)
from reasoner.serve.shapes import LONGEST_SUMMARY, Action, Card, Coding, Link, Offer, Source

__all__ = ["CACHED", "CACHE_SECONDS", "OVERRIDE_REASONS", "Call", "CardBuilder"]

CACHED = 1_000
CACHE_SECONDS = 600
HEAD = "- **{}:** "
LEAST_LINE = 70

OVERRIDE_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
OVERRIDE_REASONS = {
    "patient-ineligible": "override_ineligible",
    "patient-contraindication": "override_contraindication",
    "does-not-align-latest-evidence": "override_evidence",
    "expert-contradicts": "override_expert",
    "prefers-alternative": "override_preference",
    "service-not-available": "override_unavailable",
}


class Call(NamedTuple):
    """One call of a hook: its id, the service's URL, the record as the page's address holds it, a reference to the patient.

    The address also says whether the chart was partial. `remarks` say how the record was read, the `harmless` what was
    concluded.
    """

    instance: str
    base: str
    fragment: str
    patient: str
    remarks: tuple[str, ...]
    harmless: tuple[str, ...] = ()


class CardBuilder:
    """Builds cards from drafts, for one guideline."""

    def __init__(self, info: GuidelineInfo, model: GuidelineModel) -> None:
        say = model.say
        overlays = [say("overlay_name", overlay) for overlay in info.overlays]
        self.info = info
        self.title = say("comma").join([info.title, *overlays, *reading_words(info.readings, model)])
        self.closing = f"- {markdown(info.disclaimer or self.title)}"
        self.read = say("card_note")
        self.say = model.say
        self.written: TTLCache[tuple[Line, ...], str] = TTLCache(CACHED, CACHE_SECONDS)
        self.lock = Lock()
        self.links = {name: say("card_why", model.label("regimen", name)) for name in model.regimens}
        self.links[""] = say("card_open")
        self.overrides = tuple(Coding(code, OVERRIDE_SYSTEM, say(OVERRIDE_REASONS[code])) for code in OVERRIDE_REASONS)

    def card(self, draft: Draft, call: Call) -> Card:
        """Make a card for one call of a hook; its id is derived from the call's, the ids of its suggestions from its own."""
        own = str(uuid5(NAMESPACE_URL, f"{call.instance} {draft.indicator} {draft.summary}"))
        why = f"&why={draft.regimen}" if draft.regimen else ""
        topic = Coding(self.info.id, f"{call.base}/api/guideline", self.info.title)
        warning = draft.indicator == "warning"
        return Card(
            uuid=own,
            summary=self.shortened(draft),
            indicator=draft.indicator,
            detail=self.detail([*draft.lines, self.note(draft, call)]),
            source=Source(self.title, f"{call.base}/", topic),
            links=(Link(self.links[draft.regimen], f"{call.base}/#record={call.fragment}{why}"),),
            suggestions=tuple(offers(draft, own, call.patient)) or UNSET,
            selection_behavior=UNSET if not draft.suggestions else "at-most-one" if warning else "any",
            override_reasons=self.overrides if warning else UNSET,
        )

    def note(self, draft: Draft, call: Call) -> Line:
        """Make the line of what is to be noted, with room for all cautions and for how the chart was read."""
        parts = (*draft.cautions, *call.remarks, *draft.notes, *call.harmless)
        first = (*draft.cautions, *call.remarks)
        most = max(LONGEST_NOTE, total((self.read, *first, self.say("card_more_linked"))) + len(HEAD))
        return Line(self.read, parts, most=most, sentences=True, unlinked=len(first) if call.remarks else 0)

    def detail(self, lines: Iterable[Line]) -> str:
        """Give lines as Markdown, kept for some minutes."""
        told = tuple(line for line in lines if line.parts)
        with self.lock:
            found = self.written.get(told)
        if found is None:
            found = self.write(told)
            with self.lock:
                self.written[told] = found
        return found

    def write(self, told: Sequence[Line]) -> str:
        """Write lines as Markdown within the length that a card aims at; the last one is the disclaimer.

        What has to be told makes it longer, up to what a card may have. The first lines take what they need, as long
        as a little is left for each of the others.
        """
        note = next((line for line in told if line.heading == self.read), Line("", (), most=0))
        written = {line: self.fitted(line, LONGEST_DETAIL if line.whole else line.most) for line in told if line != note}
        first = [line for line in written if line.whole or line.unlinked]
        extra = max(0, note.most - LONGEST_NOTE) + sum(
            max(0, len(written[line]) - SHORT_LINE) for line in first if line.unlinked
        )
        left = (
            min(LONGEST_DETAIL, AIMED_DETAIL + extra)
            - len(self.closing)
            - len(told)
            - sum(len(written[own]) for own in first)
        )
        rest = [line for line in written if line not in first]
        for number, line in enumerate(rest, start=1):
            room = left - note.most - sum(min(LEAST_LINE, len(written[own])) for own in rest[number:])
            written[line] = self.fitted(line, min(line.most, max(0, room)))
            left -= len(written[line])
        used = sum(map(len, written.values())) + len(self.closing) + len(told)
        room = min(LONGEST_DETAIL - used, max(left, note.most))
        return "\n".join((*written.values(), *([self.fitted(note, room)] if note.parts else []), self.closing))

    def fitted(self, line: Line, most: int) -> str:
        """Write a line in at most `most` characters: as many whole parts as there is room for, and that there is more."""
        head = HEAD.format(markdown(line.heading.capitalize())) if line.heading else "- "
        between = " " if line.sentences else SEPARATOR
        parts = [self.part(line, text, last=number == len(line.parts)) for number, text in enumerate(line.parts, start=1)]
        for count in range(len(parts), 0, -1):
            ending = [self.rest(line, count)] if count < len(parts) else []
            if len(shown := head + between.join((*parts[:count], *ending))) <= most:
                return shown
        others = between + self.rest(line, 1) if len(parts) > 1 else ""
        fewer = fewer_items(line.parts[0], most - len(head) - len(others) - 1, self.more_words)
        return f"{head}{self.rest(line, 0) if fewer is None else self.part(line, fewer, last=not others) + others}"

    def part(self, line: Line, text: str, last: bool) -> str:
        """Write one part of a line, as a sentence where the line is made of sentences."""
        if not line.sentences:
            return markdown(text if last else text.removesuffix("."))
        text = capitalised(text)
        return markdown(text if text.endswith((".", "?", "!")) else self.say("sentence", text))

    def rest(self, line: Line, shown: int) -> str:
        """Say that a line has more than the parts shown; only what the link shows is referred to it."""
        if not shown and line.brief:
            return markdown(line.brief)
        if shown < line.unlinked:
            return markdown(self.more_words(len(line.parts) - shown))
        return markdown(self.say("card_more_linked" if shown else "card_linked"))

    def more_words(self, count: int) -> str:
        return self.say("card_and_more", str(count))

    def shortened(self, draft: Draft) -> str:
        """Choose the summary that a card has room for: the whole one, with fewer items, a brief one, or where to read it."""
        texts = (draft.summary, fewer_items(draft.summary, LONGEST_SUMMARY, self.more_words), draft.brief)
        return next((text for text in texts if text and len(text) <= LONGEST_SUMMARY), self.say("card_long"))


def offers(draft: Draft, card: str, patient: str) -> Iterator[Offer]:
    """Give the suggestions of a card, whose ids are its own but for the first part."""
    for number, suggestion in enumerate(draft.suggestions):
        yield Offer(suggestion.label, f"{number:08x}{card[8:]}", tuple(actions(suggestion, patient)))


def actions(suggestion: Suggestion, patient: str) -> Iterator[Action]:
    """Give what a suggestion does: delete draft orders, or create a task that asks for a fact."""
    words = suggestion.label
    for reference in suggestion.references:
        yield Action("delete", words, resource_id=reference)
    if not suggestion.references:
        task = {"resourceType": "Task", "status": "draft", "intent": "proposal", "description": words}
        yield Action("create", words, resource={**task, "for": {"reference": patient}})
