"""An answer as cards of CDS Hooks, in the words of the guideline and of the wording file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, GuidelineInfo, Missing, Recommendation
from reasoner.engine.conclusions import CERTAIN, SILENT
from reasoner.engine.phrases import (
    alternative_words,
    annotation_words,
    assumed_words,
    assuming_words,
    caution_words,
    certainty_words,
    decided_words,
    depending_words,
    question_words,
    reading_words,
    setting_words,
    strength_words,
)
from reasoner.engine.scores import score_words
from reasoner.serve.shapes import LONGEST_SUMMARY, Action, Card, Coding, Link, Offer, Source

__all__ = [
    "OVERRIDE_REASONS",
    "Call",
    "CardBuilder",
    "Draft",
    "Suggestion",
    "about_orders",
    "about_patient",
    "unanswered",
]

MOST_SUGGESTIONS = 6
MOST_ASKED = 10
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~&$!]|:(?=//)|@(?=\w)|(?<=www)\.|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")
OVERRIDE_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
OVERRIDE_REASONS = {
    "patient-ineligible": "override_ineligible",
    "patient-contraindication": "override_contraindication",
    "does-not-align-latest-evidence": "override_evidence",
    "expert-contradicts": "override_expert",
    "prefers-alternative": "override_preference",
    "service-not-available": "override_unavailable",
}

Entry = Recommendation | Exclusion


class Suggestion(NamedTuple):
    """What a card offers to do: delete the draft orders in `references`, or where there are none create a task."""

    label: str
    references: tuple[str, ...] = ()


class Draft(NamedTuple):
    """A card without what differs from call to call: ids, the link's address, the patient.

    `detail` is Markdown; `regimen` is the one that the card's link explains, empty for the whole answer.
    """

    indicator: Literal["info", "warning"]
    summary: str
    detail: str
    regimen: str = ""
    suggestions: tuple[Suggestion, ...] = ()


class Call(NamedTuple):
    """One call of a hook: its id, the service's URL, the record as the page's address holds it, a reference to the patient.

    `remarks` is Markdown on how the record was read.
    """

    instance: str
    base: str
    fragment: str
    patient: str
    remarks: str


def about_patient(answer: Answer) -> tuple[Draft, ...]:
    """Draft the cards about a patient: what is recommended, and what to record."""
    if not (answer.recommended or answer.excluded or answer.actions or answer.missing or answer.setting == SILENT):
        return ()
    model = answer.derivation.model
    drafts: list[Draft] = []
    for decision in model.decisions or (UNSET,):
        placed = (own.setting for own in answer.decisions or () if own.decision == decision)
        name = next(placed, answer.setting)
        setting = setting_words(name, model)
        own = [entry for entry in answer.recommended if entry.decision == decision]
        if own:
            first, strength, sure = merits(own[0], model)
            summary = model.say("card_recommended", setting, first, strength, sure)
        else:
            summary = model.say("card_nothing", setting)
        drafts.append(Draft("info", summary, detail(answer, own, ()) if drafts else detail(answer)))
    return (*drafts, *missing(answer, answer.missing))


def about_orders(answer: Answer, ordered: Mapping[str, str]) -> tuple[Draft, ...]:
    """Draft the cards about draft orders; `ordered` gives for each drug the reference of the order that it is in."""
    model = answer.derivation.model
    recommended = {entry.regimen: entry for entry in answer.recommended}
    excluded = {entry.regimen: entry for entry in answer.excluded}
    drafts: list[Draft] = []
    spoken = [regimen for regimen in model.regimens if model.is_regimen(ordered, regimen)]
    for regimen in spoken:
        drafts.append(about_regimen(answer, regimen, recommended.get(regimen), excluded.get(regimen), ordered))
    if not spoken:
        for drug, reference in ordered.items():
            having = [name for name in model.regimens if any(drug in part for part in model.parts.get(name, ()))]
            against = [excluded[name] for name in having if name in excluded]
            if len(against) == len(having) > 0:
                spoken += having
                if all(entry.certainty == "certain" for entry in against):
                    drafts.append(about_drug(answer, drug, reference, against))
    return (*drafts, *missing(answer, [entry for entry in answer.missing if not set(spoken).isdisjoint(entry.decides)]))


def about_regimen(
    answer: Answer, regimen: str, speaks_for: Recommendation | None, against: Exclusion | None, ordered: Mapping[str, str]
) -> Draft:
    """Draft the card about an ordered regimen."""
    model = answer.derivation.model
    say, label = model.say, model.label("regimen", regimen)
    if against is not None:
        if against.certainty != CERTAIN:
            summary = say("card_excluded_if", label, assuming_words(against.assuming, model))
        else:
            summary = say("card_excluded", label, say("and").join(dict.fromkeys(r.words for r in against.reasons)))
        text = detail(answer, excluded=[against], recommended=[] if speaks_for is None else [speaks_for])
        remove = Suggestion(say("card_remove", label), tuple(dict.fromkeys(ordered.values())))
        return Draft("warning", summary, text, regimen, (remove,))
    if speaks_for is not None:
        _, strength, sure = merits(speaks_for, model)
        summary = say("card_ordered", label, say("rank", str(speaks_for.rank)), strength, sure)
        return Draft("info", summary, detail(answer, excluded=(), recommended=[speaks_for]), regimen)
    return Draft("info", say("card_not_recommended", label), detail(answer, excluded=()), regimen)


def about_drug(answer: Answer, drug: str, reference: str, against: Sequence[Exclusion]) -> Draft:
    """Draft the card about an ordered drug of which every regimen is excluded."""
    model = answer.derivation.model
    label = model.label("drug", drug)
    summary = model.say("card_drug_excluded", label)
    remove = Suggestion(model.say("card_remove", label), (reference,))
    return Draft("warning", summary, detail(answer, excluded=against, recommended=()), against[0].regimen, (remove,))


def missing(answer: Answer, entries: Iterable[Missing]) -> Iterator[Draft]:
    """Draft the card on which of the unknown facts to record, if any; members of a list are asked for together."""
    model = answer.derivation.model
    say = model.say
    decides: dict[str, dict[str, None]] = {}
    for entry in entries:
        decides.setdefault(question_words(entry, model), {}).update(dict.fromkeys(entry.decides))
    if not decides:
        return
    setting = setting_words(answer.setting, model)
    one = len(decides) == 1
    summary = say("card_missing_one", setting) if one else say("card_missing", setting, str(len(decides)))
    asked = list(decides)[:MOST_ASKED]
    lines = [markdown(say("card_decides", name, decided_words(list(decides[name]), model))) for name in asked]
    if len(decides) > MOST_ASKED:
        lines.append(markdown(say("card_and_more", str(len(decides) - MOST_ASKED))))
    suggestions = tuple(Suggestion(say("card_record", name)) for name in asked[:MOST_SUGGESTIONS])
    yield Draft("info", summary, "\n".join(section(say("heading_missing"), lines)), suggestions=suggestions)


def merits(entry: Recommendation, model: GuidelineModel) -> tuple[str, str, str]:
    """Word a recommendation: its regimen, its strength, its certainty."""
    return (
        model.label("regimen", entry.regimen),
        strength_words(entry, model),
        certainty_words(entry.certainty, entry.assuming, model),
    )


def detail(
    answer: Answer, recommended: Sequence[Recommendation] | None = None, excluded: Sequence[Exclusion] | None = None
) -> str:
    """Write an answer, or some of it, as Markdown, with reasons, sources and notes."""
    model = answer.derivation.model
    say, whole = model.say, recommended is None
    lines: list[str] = []
    for entry in answer.recommended if recommended is None else recommended:
        regimen, *merit = merits(entry, model)
        about = [say("rank", str(entry.rank)), *merit]
        lines.append(f"**{markdown(regimen)}**: {markdown(say('comma').join(about))}")
        lines += [f"  {line}" for line in reasons(entry, model)]
        if entry.depends_on_readings:
            lines.append(f"  {markdown(depending_words(entry.depends_on_readings, model))}")
        for name in entry.cautions:
            lines.append(f"  {markdown(caution_words(entry, name, answer.derivation))}")
    parts = section(say("heading_recommended"), lines or [markdown(say("nothing"))]) if lines or whole else ()
    lines = []
    for against in answer.excluded if excluded is None else excluded:
        lines.append(
            f"**{markdown(model.label('regimen', against.regimen))}**: "
            f"{markdown(certainty_words(against.certainty, against.assuming, model))}"
        )
        lines += [f"  {line}" for line in reasons(against, model)]
        if against.depends_on_readings:
            lines.append(f"  {markdown(depending_words(against.depends_on_readings, model))}")
    parts += section(say("heading_excluded"), lines)
    if whole:
        parts += section(say("heading_actions"), [markdown(action_words(call, model)) for call in answer.actions])
        parts += section(say("heading_scores"), [markdown(score_words(score, model)) for score in answer.scores or ()])
        parts += section(
            say("heading_alternatives"), [markdown(alternative_words(entry, model)) for entry in answer.alternatives]
        )
    assumed = (markdown(assumed_words(answer)), "") if answer.assumed else ()
    return "\n".join((*parts, *assumed, *section(say("heading_notes"), [markdown(note) for note in answer.notes])))


def action_words(call: ActionCall, model: GuidelineModel) -> str:
    """Word an action, with what would make it certain."""
    if call.certainty == CERTAIN:
        return call.text
    return model.say("action_if", call.text, assuming_words(call.assuming, model))


def reasons(entry: Entry, model: GuidelineModel) -> list[str]:
    """Word each reason: the statement or reading, and how it applies here."""
    say, found = model.say, []
    for reason in entry.reasons:
        annotation = model.annotations.get(reason.annotation)
        source = reason.annotation if annotation is None else annotation_words(annotation, model)
        here = "" if annotation is not None and reason.words == annotation.text else say("here", reason.words)
        found.append(markdown(f"{source} {here}"))
    found += [markdown(say("overlays_used", name)) for name in entry.overlays]
    return found


def section(heading: str, lines: Iterable[str]) -> tuple[str, ...]:
    """Give a heading with a list under it, or nothing; an indented line belongs to the one before."""
    listed = [f"  - {line.strip()}" if line.startswith(" ") else f"- {line}" for line in lines]
    return (f"**{markdown(heading.capitalize())}**", "", *listed, "") if listed else ()


def markdown(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return MARKDOWN.sub(lambda mark: f"\\{mark[0]}", " ".join(text.split()))


def unanswered(problem: str, model: GuidelineModel) -> Draft:
    """Draft the card that says why a record cannot be answered."""
    summary = model.say("card_unanswered", problem)
    return Draft("info", summary, f"{markdown(summary)}\n")


class CardBuilder:
    """Builds cards from drafts, for one guideline."""

    def __init__(self, info: GuidelineInfo, model: GuidelineModel) -> None:
        say = model.say
        overlays = [say("overlay_name", overlay) for overlay in info.overlays]
        self.info = info
        readings = [reading_words(reading, model) for reading in info.readings]
        self.title = say("comma").join([info.title, *overlays, *readings])
        self.closing = "\n\n".join(markdown(text) for text in (self.title, info.disclaimer) if text)
        self.read = say("card_read")
        self.links = {name: say("card_why", model.label("regimen", name)) for name in model.regimens}
        self.links[""] = say("card_open")
        self.overrides = tuple(Coding(code, OVERRIDE_SYSTEM, say(OVERRIDE_REASONS[code])) for code in OVERRIDE_REASONS)

    def remarks(self, remarks: Iterable[str]) -> str:
        """Write the section on how a record was read."""
        return "\n".join((*section(self.read, map(markdown, remarks)), ""))

    def card(self, draft: Draft, call: Call) -> Card:
        """Make a card for one call of a hook; its id is derived from the call's, the ids of its suggestions from its own."""
        own = uuid5(NAMESPACE_URL, f"{call.instance} {draft.indicator} {draft.summary}")
        why = f"&why={draft.regimen}" if draft.regimen else ""
        topic = Coding(self.info.id, f"{call.base}/api/guideline", self.info.title)
        warning = draft.indicator == "warning"
        return Card(
            uuid=str(own),
            summary=shortened(draft.summary),
            indicator=draft.indicator,
            detail=f"{draft.detail}\n{call.remarks}{self.closing}",
            source=Source(self.title, f"{call.base}/", topic),
            links=(Link(self.links[draft.regimen], f"{call.base}/#record={call.fragment}{why}"),),
            suggestions=tuple(offers(draft, own, call.patient)) or UNSET,
            selection_behavior=UNSET if not draft.suggestions else "at-most-one" if warning else "any",
            override_reasons=self.overrides if warning else UNSET,
        )


def offers(draft: Draft, card: UUID, patient: str) -> Iterator[Offer]:
    """Give the suggestions of a card."""
    for number, suggestion in enumerate(draft.suggestions):
        yield Offer(suggestion.label, str(uuid5(card, str(number))), tuple(actions(suggestion, patient)))


def actions(suggestion: Suggestion, patient: str) -> Iterator[Action]:
    """Give what a suggestion does: delete draft orders, or create a task that asks for a fact."""
    words = suggestion.label
    for reference in suggestion.references:
        yield Action("delete", words, resource_id=reference)
    if not suggestion.references:
        task = {"resourceType": "Task", "status": "draft", "intent": "proposal", "description": words}
        yield Action("create", words, resource={**task, "for": {"reference": patient}})


def shortened(text: str) -> str:
    """Cut a summary to the length that a card may have."""
    return text if len(text) <= LONGEST_SUMMARY else text[: LONGEST_SUMMARY - 1].rstrip() + "…"
