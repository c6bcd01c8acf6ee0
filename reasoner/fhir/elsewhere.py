"""Therapy that resources tell which are no medication events: procedures, plans, reports, notes, answers and bills."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

from reasoner.fhir.dates import PartialDate, bound_above, first_date, spanned
from reasoner.fhir.elements import Concept, Period, as_list, texts_of
from reasoner.fhir.resources import DAYS, DONE, OTHER_TIMES, PERIODS, WRITTEN, Item, Resource, Section
from reasoner.fhir.systems import system_of
from reasoner.fhir.tables import TEXT, Tables, Test
from reasoner.fhir.words import normalise

__all__ = ["TELLING_FIELDS", "ToldElsewhere", "is_silent", "told_elsewhere"]

TELLING_FIELDS = {
    "activity", "addItem", "category", "code", "conclusion", "description", "diagnosis", "entry", "event", "item", "note",
    "payload", "procedure", "reasonCode", "section", "suspectEntity", "title",
}  # fmt: skip
"""Fields by which a resource that is no medication event, diagnosis or result can tell of therapy."""
TOLD_BY = attrgetter(*sorted(TELLING_FIELDS), "component", "valueString", "valueCodeableConcept")
NOTHING = (None,) * len(TOLD_BY(Resource()))

BILLS = {"Claim", "ExplanationOfBenefit"}
ASKED_FOR = {"preauthorization", "predetermination"}
DEEPEST = 16
YES_NO = Test("", "yes_no", "")
MARK = re.compile(r"<[^>]*>")


class ToldElsewhere(NamedTuple):
    """Therapy that a resource tells: its drugs, "unknown" where they are not told, the concept that says so, and when.

    `misdated` says that its date cannot be read.
    """

    drugs: list[str]
    concept: Concept | None
    date: PartialDate | None
    misdated: bool


def is_silent(own: Resource) -> bool:
    """Tell whether a resource has nothing by which it can tell of therapy."""
    return TOLD_BY(own) == NOTHING


def told_elsewhere(resource: Resource, tables: Tables, referred: Iterable[Concept] = ()) -> Iterator[ToldElsewhere]:
    """Yield the therapy that the codes and words of a resource tell, or those `referred` to.

    What a bill only asks for in advance is none.
    """
    if resource.resourceType in BILLS:
        if resource.use not in ASKED_FOR:
            yield from billed(resource, tables)
        return
    result = resource.resourceType == "Observation"
    texts, concepts = free_texts(resource), values_of(resource) if result else [*concepts_of(resource), *referred]
    if resource.resourceType == "QuestionnaireResponse":
        concepts += [own for own in answers_in(resource.item or (), tables) if drugs_of([own], (), tables)]
    if (texts or concepts) and (drugs := drugs_of(concepts, texts, tables)):
        yield told_on(drugs, next(iter(concepts), None), date_of(resource), resource)


def billed(resource: Resource, tables: Tables) -> Iterator[ToldElsewhere]:
    """Yield the therapy that the items, the procedures and the diagnoses of a bill tell, each with its date."""
    whole = span(resource.billablePeriod) or bound_above(first_date(resource.created))
    for item in items_of([*(resource.item or ()), *(resource.addItem or ())]):
        concepts = [own for own in (item.productOrService, item.service) if own is not None]
        if drugs := drugs_of(concepts, (), tables):
            date = first_date(item.servicedDate) or span(item.servicedPeriod) or whole
            yield told_on(drugs, concepts[0], date, resource, item.servicedDate)
    for own in resource.procedure or ():
        concept = own.procedureCodeableConcept if own is not None else None
        if own is not None and concept is not None and (drugs := drugs_of([concept], (), tables)):
            yield told_on(drugs, concept, first_date(own.date) or whole, resource, own.date)
    for reason in resource.diagnosis or ():
        concept = reason.diagnosisCodeableConcept if reason is not None else None
        if concept is not None and (drugs := drugs_of([concept], (), tables)):
            yield told_on(drugs, concept, whole, resource)


def answers_in(items: Iterable[Item | None], tables: Tables, depth: int = 0) -> Iterator[Concept]:
    """Yield the answers to a questionnaire, each with its question unless it says no."""
    for item in items:
        if item is None:
            continue
        within = list(item.item or ())
        for own in item.answer or ():
            if own is not None:
                coding = own.valueCoding
                coded = (system_of(coding.system), coding.code or "") if coding is not None else ("", "")
                words = [own.valueString, own.valueReference.display if own.valueReference is not None else None]
                said = {
                    tables.sets.value_of(YES_NO.values, TEXT, text) for text in (*words, coding and coding.display) if text
                }
                if own.valueBoolean is not False and "false" not in {*said, tables.sets.value_of(YES_NO.values, *coded)}:
                    words.append(item.text)
                yield Concept([coding], " ".join(filter(None, words)))
                within += own.item or ()
        if depth < DEEPEST:
            yield from answers_in(within, tables, depth + 1)


def written_in(sections: Iterable[Section | None], depth: int = 0) -> Iterator[str]:
    """Yield the titles and the texts of sections of a document, without their marks."""
    for own in sections:
        if own is not None:
            yield own.title or ""
            yield MARK.sub(" ", (own.text.div if own.text is not None else None) or "")
            if depth < DEEPEST:
                yield from written_in(own.section or (), depth + 1)


def told_on(
    drugs: list[str], concept: Concept | None, date: PartialDate | None, resource: Resource, written: str | None = None
) -> ToldElsewhere:
    """Make what a resource tells of therapy; without a date, it is misdated where one is `written`, or in the resource."""
    periods = [getattr(resource, name) for name in PERIODS]
    texts = [written, *(getattr(resource, name) for name in (*DAYS, *OTHER_TIMES))]
    texts += [text for own in periods if own is not None for text in (own.start, own.end)]
    return ToldElsewhere(drugs, concept, date, date is None and any(texts))


def items_of(items: Iterable[Item | None], depth: int = 0) -> Iterator[Item]:
    """Yield the items of a bill, with those that they consist of."""
    for item in items:
        if item is not None:
            yield item
            if depth < DEEPEST:
                yield from items_of([*(item.detail or ()), *(item.subDetail or ())], depth + 1)


def drugs_of(concepts: Iterable[Concept], texts: Iterable[str], tables: Tables) -> list[str]:
    """List the drugs that codes and texts name."""
    found: list[str] = []
    for concept in concepts:
        for coding in concept.codings():
            found += tables.drugs_of(system_of(coding.system), coding.code or "")
        for text in texts_of(concept):
            found += tables.mentioned(normalise(text))
    for text in dict.fromkeys(texts):
        found += tables.mentioned(normalise(text))
    return [drug for drug in dict.fromkeys(found) if drug]


def span(period: Period | None) -> PartialDate | None:
    """Give a period as a date that is known as exactly as that."""
    return spanned(first_date(period.start), first_date(period.end)) if period is not None else None


def date_of(resource: Resource) -> PartialDate | None:
    """Give the date of the therapy that a resource tells: from its first day to its last, or until it was written down."""
    period = next((own for name in PERIODS if (own := getattr(resource, name)) is not None), None)
    days = (*(getattr(resource, name) for name in DONE), *((period.start, period.end) if period else ()))
    start = first_date(*days) or bound_above(first_date(*(getattr(resource, name) for name in WRITTEN)))
    return spanned(start, first_date(period.end)) if period else start


def concepts_of(resource: Resource) -> list[Concept]:
    """List the concepts by which a resource can tell of therapy."""
    category = resource.category
    found: list[object] = [resource.code, *category] if isinstance(category, list) else [resource.code, category]
    found += [resource.event, resource.description]
    for suspect in resource.suspectEntity or ():
        if suspect is not None:
            either = suspect.instance or suspect.instanceReference
            found += [suspect.instanceCodeableConcept, Concept(text=either.display) if either is not None else None]
    for own in resource.activity or ():
        if own.detail is not None:
            found += [own.detail.code, own.detail.productCodeableConcept]
    if resource.resourceType == "Encounter":
        found += as_list(resource.reasonCode)
    return [concept for concept in found if isinstance(concept, Concept)]


def values_of(result: Resource) -> list[Concept]:
    """List the values of a result by which it can tell of therapy."""
    return [own.valueCodeableConcept for own in (result, *(result.component or ())) if own.valueCodeableConcept is not None]


def free_texts(resource: Resource) -> list[str]:
    """List the free texts of a resource."""
    texts = [resource.title, resource.conclusion, resource.valueString]
    if isinstance(resource.description, str):
        texts.append(resource.description)
    if resource.component is not None:
        texts += [own.valueString for own in resource.component]
    if resource.section is not None:
        texts += written_in(resource.section)
    if resource.payload is not None:
        texts += [own.contentString for own in resource.payload if own is not None]
    if resource.entry is not None:
        texts += [own.item.display for own in resource.entry if own is not None and own.item is not None]
    if resource.note is not None:
        texts += [own.text for own in resource.note]
    if resource.activity is not None:
        texts += [own.detail.description for own in resource.activity if own.detail is not None]
    return [text for text in texts if text]
