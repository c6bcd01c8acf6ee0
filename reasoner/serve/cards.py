"""From drafts to the cards of CDS Hooks: Markdown within its bounds, links, suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from cachetools import TTLCache
from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.phrases import reading_words
from reasoner.serve.drafts import Draft, Line, Suggestion
from reasoner.serve.markdown import LONGEST_DETAIL, LONGEST_NOTE, SEPARATOR, cut, fewer_items, markdown
from reasoner.serve.shapes import LONGEST_SUMMARY, Action, Card, Coding, Link, Offer, Source

__all__ = ["CACHED", "CACHE_SECONDS", "OVERRIDE_REASONS", "Call", "CardBuilder"]

CACHED = 1_000
CACHE_SECONDS = 600

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
        readings = [reading_words(reading, model) for reading in info.readings]
        self.title = say("comma").join([info.title, *overlays, *readings])
        self.closing = f"- {markdown(' '.join(filter(None, (self.title + '.', info.disclaimer))))}"
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
            summary=self.shortened(draft.summary),
            indicator=draft.indicator,
            detail=self.detail(
                [
                    *draft.lines,
                    Line(self.read, (*draft.cautions, *call.remarks, *draft.notes, *call.harmless), most=LONGEST_NOTE),
                ]
            ),
            source=Source(self.title, f"{call.base}/", topic),
            links=(Link(self.links[draft.regimen], f"{call.base}/#record={call.fragment}{why}"),),
            suggestions=tuple(offers(draft, own, call.patient)) or UNSET,
            selection_behavior=UNSET if not draft.suggestions else "at-most-one" if warning else "any",
            override_reasons=self.overrides if warning else UNSET,
        )

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
        """Write lines as Markdown, together within the length that a card may have; the last one is the disclaimer.

        Lines that need less than their share of it leave more to the others.
        """
        written = {line: self.fitted(line, LONGEST_DETAIL if line.whole else line.most) for line in told}
        left = LONGEST_DETAIL - len(self.closing) - len(told)
        kept = {line for line in told if line.whole or line.heading == self.read}
        for number, line in enumerate(sorted(told, key=lambda line: (line not in kept, len(written[line])))):
            if line not in kept and len(written[line]) > (share := left // (len(told) - number)):
                written[line] = self.fitted(line, share)
            left -= len(written[line])
        return "\n".join((*written.values(), self.closing))

    def fitted(self, line: Line, most: int) -> str:
        """Write a line in at most `most` characters: as many parts as there is room for, and how many others there are."""
        head = f"- **{markdown(line.heading.capitalize())}:** " if line.heading else "- "
        room, shown, count = most - len(head), "", len(line.parts)
        for number, told in enumerate(line.parts, start=1):
            rest = f"{SEPARATOR}{self.more(count - number)}" if number < count else ""
            part = markdown(told if number == count else told.removesuffix("."))
            longer = f"{shown}{SEPARATOR if shown else ''}{part}"
            if len(longer) + len(rest) > room:
                if not shown:
                    fewer = fewer_items(told, room - len(rest), self.more_words)
                    return f"{head}{cut(told, room - len(rest)) if fewer is None else markdown(fewer)}{rest}"
                return f"{head}{shown}{SEPARATOR}{self.more(count - number + 1)}"
            shown = longer
        return f"{head}{shown}"

    def more(self, count: int) -> str:
        return markdown(self.more_words(count))

    def more_words(self, count: int) -> str:
        return self.say("card_and_more", str(count))

    def shortened(self, text: str) -> str:
        """Cut a summary to the length that a card may have, by whole items if there are several."""
        if len(text) <= LONGEST_SUMMARY:
            return text
        fewer = fewer_items(text, LONGEST_SUMMARY, self.more_words)
        return fewer or f"{text[: LONGEST_SUMMARY - 1].rpartition(' ')[0].rstrip()}\N{HORIZONTAL ELLIPSIS}"


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
