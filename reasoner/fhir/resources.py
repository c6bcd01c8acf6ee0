"""FHIR R4 resources as far as they are read; fields are named as FHIR names them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = [
    "DAYS",
    "NO_CODING",
    "PERIODS",
    "BilledItem",
    "CodeableReference",
    "Coding",
    "Component",
    "Concept",
    "Entry",
    "HumanName",
    "Identifier",
    "Link",
    "Located",
    "Meta",
    "Quantity",
    "Reference",
    "Resource",
    "Section",
    "as_list",
    "base_of",
    "first_code",
    "texts_of",
    "unversioned",
]

DAYS = ("performedDateTime", "occurrenceDateTime", "effectiveDateTime", "onsetDateTime", "recordedDate", "created")
"""Fields with the day of what a resource tells, the four of when it was done before those of when it was written down."""
PERIODS = ("performedPeriod", "period", "effectivePeriod", "billablePeriod")
"""Fields with its first and its last day."""


class Coding(msgspec.Struct, gc=False):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None
    extension: list[Extension | None] | None = None


NO_CODING = Coding()
ADHERENCE = {"taking": "active", "on-hold": "on-hold", "stopped": "stopped"}
"""The status of R4 for what R5 says of adherence; one that was not taken may have been before."""


class Concept(msgspec.Struct, gc=False):
    """A concept: codings that mean the same, and a text."""

    coding: list[Coding | None] | None = None
    text: str | None = None

    def codings(self) -> Sequence[Coding]:
        """Give the codings that are there."""
        return [coding for coding in self.coding if coding is not None] if self.coding else ()

    def first(self) -> Coding | None:
        """Give the first coding; None where there is none."""
        for coding in self.coding or ():
            if coding is not None:
                return coding
        return None


class Identifier(msgspec.Struct, gc=False):
    """A name that a system gives something."""

    system: str | None = None
    value: str | int | None = None


class Reference(msgspec.Struct, gc=False):
    """A reference to another resource."""

    reference: str | None = None
    type: str | None = None
    display: str | None = None
    identifier: Identifier | None = None


class HumanName(msgspec.Struct, gc=False):
    """A name of a person; in DSTU2, family names are a list."""

    family: list[str | None] | str | None = None
    given: list[str | None] | str | None = None


class Quantity(msgspec.Struct, gc=False):
    """A measured amount in a unit, of UCUM where `code` is given."""

    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    code: str | None = None


class Range(msgspec.Struct, gc=False):
    """An amount between two others."""

    low: Quantity | None = None
    high: Quantity | None = None


class Period(msgspec.Struct, gc=False):
    """An interval of time."""

    start: str | None = None
    end: str | None = None


class Extension(msgspec.Struct, gc=False):
    """An extension; of its values, dates, codings, concepts and references are read."""

    url: str | None = None
    valueDateTime: str | None = None  # noqa: N815 (FHIR's name, and below)
    valueCoding: Coding | None = None  # noqa: N815
    valueCodeableConcept: Concept | None = None  # noqa: N815
    valueReference: Reference | None = None  # noqa: N815


class Stage(msgspec.Struct, gc=False):
    """A stage of a condition, of the kind of staging that `type` names."""

    summary: Concept | None = None
    type: Concept | None = None


class Annotation(msgspec.Struct, gc=False):
    """A note."""

    text: str | None = None


class CodeableReference(msgspec.Struct, gc=False):
    """A concept or a reference, as R5 has them."""

    concept: Concept | None = None
    reference: Reference | None = None


class Ingredient(msgspec.Struct, gc=False):
    """A substance in a medication; R5 has `item`. What only a reference names is not read."""

    itemCodeableConcept: Concept | None = None  # noqa: N815 (FHIR's name)
    item: CodeableReference | None = None

    def concept(self) -> Concept:
        """Give what the substance is called; one without a code or a text is none that can be known."""
        return self.itemCodeableConcept or (self.item.concept if self.item is not None else None) or Concept()


class Detail(msgspec.Struct, gc=False):
    """What an activity of a plan consists of."""

    code: Concept | None = None
    description: str | None = None
    productCodeableConcept: Concept | None = None  # noqa: N815 (FHIR's name)


class Activity(msgspec.Struct, gc=False):
    """An activity of a plan."""

    detail: Detail | None = None


class Narrative(msgspec.Struct, gc=False):
    """A text with its marks."""

    div: str | None = None


class Section(msgspec.Struct, gc=False):
    """A section of a document."""

    title: str | None = None
    text: Narrative | None = None
    section: list[Section | None] | None = None


class Payload(msgspec.Struct, gc=False):
    """A part of a message."""

    contentString: str | None = None  # noqa: N815 (FHIR's name)


class BilledItem(msgspec.Struct, gc=False):
    """A service or a product of a bill; STU3 has `service`."""

    productOrService: Concept | None = None  # noqa: N815 (FHIR's name, and below)
    service: Concept | None = None
    servicedDate: str | None = None  # noqa: N815
    servicedPeriod: Period | None = None  # noqa: N815
    detail: list[BilledItem | None] | None = None
    subDetail: list[BilledItem | None] | None = None  # noqa: N815


class BilledProcedure(msgspec.Struct, gc=False):
    """A procedure for which a bill is."""

    procedureCodeableConcept: Concept | None = None  # noqa: N815 (FHIR's name)
    date: str | None = None


class BilledDiagnosis(msgspec.Struct, gc=False):
    """A diagnosis for which a bill is."""

    diagnosisCodeableConcept: Concept | None = None  # noqa: N815 (FHIR's name)


class Link(msgspec.Struct, gc=False):
    """A link of a bundle to another page, or of a patient to another resource about the same person."""

    relation: str | None = None
    url: object = None
    other: Reference | None = None


class Meta(msgspec.Struct, gc=False):
    """Which version of a resource this is, and when it came about."""

    versionId: str | int | None = None  # noqa: N815 (FHIR's name, and below)
    lastUpdated: str | None = None  # noqa: N815


class Component(msgspec.Struct, gc=False):
    """One of several results of an observation."""

    code: Concept | None = None
    valueCodeableConcept: Concept | None = None  # noqa: N815 (FHIR's name, and below)
    valueQuantity: Quantity | None = None  # noqa: N815
    valueRange: Range | None = None  # noqa: N815
    valueString: str | None = None  # noqa: N815
    valueBoolean: bool | None = None  # noqa: N815
    valueInteger: int | None = None  # noqa: N815
    interpretation: list[Concept] | None = None
    modifierExtension: list[Extension | None] | None = None  # noqa: N815


class Adherence(msgspec.Struct, gc=False):
    """Whether a medication is taken, as R5 says of a statement that is only recorded."""

    code: Concept | None = None


class Resource(Component, gc=False):
    """Any resource; a bundle too."""

    resourceType: str | None = None  # noqa: N815
    id: str | int | None = None
    meta: Meta | None = None
    type: object = None
    entry: list[Entry | None] | None = None
    parameter: list[Entry | None] | None = None
    total: object = None
    issue: object = None
    link: list[Link | None] | None = None
    identifier: list[Identifier | None] | Identifier | None = None
    name: list[HumanName | None] | HumanName | str | None = None
    birthDate: str | None = None  # noqa: N815
    gender: str | None = None
    contained: list[Resource] | None = None
    extension: list[Extension] | None = None
    status: str | None = None
    intent: str | None = None
    doNotPerform: bool | None = None  # noqa: N815
    subject: Reference | None = None
    patient: Reference | None = None
    focus: list[Reference] | None = None
    reasonCode: list[Concept] | Concept | None = None  # noqa: N815
    reasonReference: list[Reference] | None = None  # noqa: N815
    reason: list[CodeableReference] | None = None
    clinicalStatus: Concept | str | None = None  # noqa: N815 (a code in STU3, and below)
    verificationStatus: Concept | str | None = None  # noqa: N815
    statusReason: list[Concept] | Concept | None = None  # noqa: N815
    bodySite: list[Concept] | Concept | None = None  # noqa: N815
    stage: list[Stage] | None = None
    component: list[Component] | None = None
    onsetDateTime: str | None = None  # noqa: N815
    onsetPeriod: Period | None = None  # noqa: N815
    onsetAge: Quantity | None = None  # noqa: N815
    onsetRange: Range | None = None  # noqa: N815
    onsetString: str | None = None  # noqa: N815
    recordedDate: str | None = None  # noqa: N815
    effectiveDateTime: str | None = None  # noqa: N815
    effectivePeriod: Period | None = None  # noqa: N815
    effectiveInstant: str | None = None  # noqa: N815
    issued: str | None = None
    authoredOn: str | None = None  # noqa: N815
    whenHandedOver: str | None = None  # noqa: N815
    medicationCodeableConcept: Concept | None = None  # noqa: N815
    medicationReference: Reference | None = None  # noqa: N815
    medication: CodeableReference | None = None
    occurenceDateTime: str | None = None  # noqa: N815 (as R5 spells it, and below)
    occurencePeriod: Period | None = None  # noqa: N815
    taken: str | None = None
    adherence: Adherence | None = None
    notGiven: bool | None = None  # noqa: N815
    wasNotGiven: bool | None = None  # noqa: N815
    wasNotTaken: bool | None = None  # noqa: N815
    ingredient: list[Ingredient] | None = None
    category: list[Concept | str | None] | Concept | str | None = None
    title: str | None = None
    description: str | None = None
    conclusion: str | None = None
    note: list[Annotation] | None = None
    activity: list[Activity] | None = None
    period: Period | None = None
    performedPeriod: Period | None = None  # noqa: N815
    performedDateTime: str | None = None  # noqa: N815
    occurrenceDateTime: str | None = None  # noqa: N815
    date: str | None = None
    use: str | None = None
    created: str | None = None
    billablePeriod: Period | None = None  # noqa: N815
    item: list[BilledItem | None] | None = None
    section: list[Section | None] | None = None
    payload: list[Payload | None] | None = None
    addItem: list[BilledItem | None] | None = None  # noqa: N815
    procedure: list[BilledProcedure | None] | None = None
    diagnosis: list[BilledDiagnosis | None] | None = None

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

    fullUrl: str | None = None  # noqa: N815
    resource: Resource | None = None
    search: Search | None = None
    item: Reference | None = None
    request: object = None
    response: object = None

    @property
    def mode(self) -> str | None:
        """Why the entry is in the result of a search."""
        return self.search.mode if self.search is not None else None


def as_list(concepts: list[Concept] | Concept | None) -> list[Concept]:
    """Give the concepts of a field that is a list in some resources and not in others."""
    return concepts if isinstance(concepts, list) else [] if concepts is None else [concepts]


def first_code(concept: Concept | str | None) -> str | None:
    """Give the code of a status in lower case, or its text; None where it has neither."""
    if isinstance(concept, str):
        return concept.lower() or None
    code = next((coding.code for coding in concept.codings() if coding.code), concept.text) if concept else None
    return code.lower() if code else None


def texts_of(concept: Concept) -> list[str]:
    """Give the texts of a concept and of its codings."""
    return [text for text in (concept.text, *[coding.display for coding in concept.codings()]) if text]


def unversioned(reference: str) -> str:
    """Give a reference without the version of the resource."""
    return reference.partition("/_history/")[0]


def base_of(url: str) -> str:
    """Give the address of the server in a URL that ends with the type and the id of a resource, if it does."""
    base, _, rest = url.rpartition("/")
    base, _, kind = base.rpartition("/")
    return base if base.startswith("http") and kind[:1].isupper() and rest else ""
