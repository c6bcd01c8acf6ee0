"""FHIR R4 resources as far as they are read; fields are named as FHIR names them."""

from __future__ import annotations

import msgspec

from reasoner.fhir.elements import (
    Annotation,
    CodeableReference,
    Coding,
    Concept,
    Extension,
    HumanName,
    Identifier,
    Meta,
    Narrative,
    Period,
    Quantity,
    Range,
    Reference,
    first_code,
)

__all__ = [
    "ABATEMENTS",
    "DAYS",
    "DONE",
    "OTHER_TIMES",
    "PERIODS",
    "WRITTEN",
    "Component",
    "Entry",
    "Item",
    "Link",
    "Located",
    "Resource",
    "Section",
    "base_of",
    "unversioned",
]

DONE = ("performedDateTime", "occurrenceDateTime", "effectiveDateTime", "onsetDateTime")
"""Fields with the day on which what a resource tells was done."""

WRITTEN = ("recordedDate", "created", "date", "authored", "detected")
"""Fields with the day on which it was written down."""

DAYS = (*DONE, *WRITTEN)

PERIODS = ("performedPeriod", "occurrencePeriod", "period", "effectivePeriod", "onsetPeriod", "billablePeriod")
"""Fields with its first and its last day."""

ABATEMENTS = (
    "abatementDateTime", "abatementPeriod", "abatementAge", "abatementRange", "abatementString", "abatementBoolean",
)  # fmt: skip
"""Fields that tell when, or that, a condition ended."""

OTHER_TIMES = (
    "performedString", "performedAge", "performedRange", "occurrenceString", "occurrenceAge", "occurrenceRange",
    "occurrenceTiming",
)  # fmt: skip
"""Fields that tell when it was done in a way that is not read."""

ADHERENCE = {"taking": "active", "on-hold": "on-hold", "stopped": "stopped"}
"""The status of R4 for what R5 says of adherence; one that was not taken may have been before."""


class Stage(msgspec.Struct, gc=False):
    """A stage of a condition, of the kind of staging that `type` names."""

    summary: Concept | None = None
    type: Concept | None = None


class Ingredient(msgspec.Struct, gc=False):
    """A substance in a medication; R5 has `item`. What only a reference names is not read."""

    itemCodeableConcept: Concept | None = None
    item: CodeableReference | None = None

    def concept(self) -> Concept:
        """Give what the substance is called; one without a code or a text is none that can be known."""
        return self.itemCodeableConcept or (self.item.concept if self.item is not None else None) or Concept()


class Detail(msgspec.Struct, gc=False):
    """What an activity of a plan consists of."""

    code: Concept | None = None
    description: str | None = None
    productCodeableConcept: Concept | None = None


class Activity(msgspec.Struct, gc=False):
    """An activity of a plan."""

    detail: Detail | None = None


class Section(msgspec.Struct, gc=False):
    """A section of a document."""

    title: str | None = None
    text: Narrative | None = None
    section: list[Section | None] | None = None


class Payload(msgspec.Struct, gc=False):
    """A part of a message."""

    contentString: str | None = None


class Answer(msgspec.Struct, gc=False):
    """An answer to a question; of others than these, it is only read that there is one."""

    valueBoolean: bool | None = None
    valueString: str | None = None
    valueCoding: Coding | None = None
    valueReference: Reference | None = None
    item: list[Item | None] | None = None


class Item(msgspec.Struct, gc=False):
    """An item of a bill, a service or a product (STU3 has `service`), or one of a questionnaire, a question or several."""

    text: str | None = None
    answer: list[Answer | None] | None = None
    item: list[Item | None] | None = None

    productOrService: Concept | None = None
    service: Concept | None = None
    servicedDate: str | None = None
    servicedPeriod: Period | None = None
    detail: list[Item | None] | None = None
    subDetail: list[Item | None] | None = None


class BilledProcedure(msgspec.Struct, gc=False):
    """A procedure for which a bill is."""

    procedureCodeableConcept: Concept | None = None
    date: str | None = None


class BilledDiagnosis(msgspec.Struct, gc=False):
    """A diagnosis for which a bill is."""

    diagnosisCodeableConcept: Concept | None = None


class Suspect(msgspec.Struct, gc=False):
    """What may have caused an adverse event, as R4 and as R5 have it."""

    instance: Reference | None = None
    instanceReference: Reference | None = None
    instanceCodeableConcept: Concept | None = None


class Link(msgspec.Struct, gc=False):
    """A link of a bundle to another page, or of a patient to another resource about the same person."""

    relation: str | None = None
    url: object = None
    other: Reference | None = None


class Component(msgspec.Struct, gc=False):
    """One of several results of an observation."""

    code: Concept | None = None
    valueCodeableConcept: Concept | None = None
    valueQuantity: Quantity | None = None
    valueRange: Range | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: int | None = None
    interpretation: list[Concept] | None = None
    modifierExtension: list[Extension | None] | None = None


class Adherence(msgspec.Struct, gc=False):
    """Whether a medication is taken, as R5 says of a statement that is only recorded."""

    code: Concept | None = None


class Resource(Component, gc=False):
    """Any resource; a bundle too."""

    resourceType: str | None = None
    id: str | int | None = None
    meta: Meta | None = None
    extension: list[Extension] | None = None
    status: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    focus: list[Reference] | None = None
    category: list[Concept | str | None] | Concept | str | None = None
    activity: list[Activity] | None = None
    title: str | None = None
    description: str | Concept | None = None
    conclusion: str | None = None
    note: list[Annotation] | None = None
    section: list[Section | None] | None = None
    payload: list[Payload | None] | None = None
    entry: list[Entry | None] | None = None
    item: list[Item | None] | None = None
    addItem: list[Item | None] | None = None
    procedure: list[BilledProcedure | None] | None = None
    diagnosis: list[BilledDiagnosis | None] | None = None
    reasonCode: list[Concept] | Concept | None = None
    event: Concept | list[object] | None = None
    suspectEntity: list[Suspect | None] | None = None
    component: list[Component] | None = None
    intent: str | None = None
    type: object = None
    parameter: list[Entry | None] | None = None
    total: object = None
    issue: object = None
    link: list[Link | None] | None = None
    identifier: list[Identifier | None] | Identifier | None = None
    name: list[HumanName | None] | HumanName | str | None = None
    birthDate: str | None = None
    gender: str | None = None
    contained: list[Resource] | None = None
    doNotPerform: bool | None = None
    reasonReference: list[Reference] | None = None
    reason: list[CodeableReference] | None = None
    clinicalStatus: Concept | str | None = None
    verificationStatus: Concept | str | None = None
    statusReason: list[Concept] | Concept | None = None
    bodySite: list[Concept] | Concept | None = None
    stage: list[Stage] | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    onsetAge: Quantity | None = None
    onsetRange: Range | None = None
    onsetString: str | None = None
    abatementDateTime: str | None = None
    abatementPeriod: Period | None = None
    abatementAge: Quantity | None = None
    abatementRange: Range | None = None
    abatementString: str | None = None
    abatementBoolean: bool | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    recordedDate: str | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    issued: str | None = None
    authoredOn: str | None = None
    whenHandedOver: str | None = None
    medicationCodeableConcept: Concept | None = None
    medicationReference: Reference | None = None
    medication: CodeableReference | None = None
    occurenceDateTime: str | None = None
    occurencePeriod: Period | None = None
    taken: str | None = None
    adherence: Adherence | None = None
    notGiven: bool | None = None
    wasNotGiven: bool | None = None
    wasNotTaken: bool | None = None
    ingredient: list[Ingredient] | None = None
    period: Period | None = None
    performedPeriod: Period | None = None
    performedDateTime: str | None = None
    occurrenceDateTime: str | None = None
    occurrencePeriod: Period | None = None
    date: str | None = None
    authored: str | None = None
    detected: str | None = None
    performedString: object = None
    performedAge: object = None
    performedRange: object = None
    occurrenceString: object = None
    occurrenceAge: object = None
    occurrenceRange: object = None
    occurrenceTiming: object = None
    use: str | None = None
    created: str | None = None
    billablePeriod: Period | None = None
    actuality: str | None = None

    def state(self) -> str | None:
        """Give the status; for a statement of R5 that is only recorded, what it says of taking the medication."""
        if self.status != "recorded" or self.adherence is None:
            return self.status
        told = first_code(self.adherence.code)
        return next((state for words, state in ADHERENCE.items() if told and told.startswith(words)), self.status)


Located = tuple[str | None, Resource]
"""A resource with its full URL."""


class Search(msgspec.Struct, gc=False):
    """Why an entry is in the result of a search."""

    mode: str | None = None


class Entry(msgspec.Struct, gc=False):
    """An entry of a bundle, or of a list of resources, which refers to an `item`."""

    fullUrl: str | None = None
    resource: Resource | None = None
    search: Search | None = None
    item: Reference | None = None
    request: object = None
    response: object = None

    @property
    def mode(self) -> str | None:
        """Why the entry is in the result of a search."""
        return self.search.mode if self.search is not None else None


def unversioned(reference: str) -> str:
    """Give a reference without the version of the resource."""
    return reference.partition("/_history/")[0]


def base_of(url: str) -> str:
    """Give the address of the server in a URL that ends with the type and the id of a resource, if it does."""
    base, _, rest = url.rpartition("/")
    base, _, kind = base.rpartition("/")
    return base if base.startswith("http") and kind[:1].isupper() and rest else ""
