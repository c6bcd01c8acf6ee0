"""CDS Hooks: which services there are, what a call asks, and the cards that answer it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from reasoner.answer import Answer
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.serve.cards import OVERRIDE_REASONS, Draft, about_orders, about_patient, card
from reasoner.serve.patients import refuse_long
from reasoner.serve.problems import RefusedError
from reasoner.serve.watch import FEEDBACK

__all__ = ["SERVICES", "FeedbackCall", "HookCall", "Hooks", "Service", "note_feedback"]

HOOKS_VERSION = "2.0"
MOST_KEPT = 1_000
PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}",
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
    "medicationStatements": "MedicationStatement?patient={{context.patientId}}",
    "medicationAdministrations": "MedicationAdministration?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
}
NEEDED = ("patient", "conditions", "observations")
THERAPY = ("medicationRequests", "medicationStatements", "medicationAdministrations")

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Service(NamedTuple):
    """A CDS service: its id, the hook it is called on, what it is for."""

    id: str
    hook: str
    title: str
    description: str


SERVICES = (
    Service("guideline-patient-view", "patient-view", "{}: the patient",
            "What the guideline recommends for the patient, with its reasons, and which facts to record."),
    Service("guideline-order-select", "order-select", "{}: orders being chosen",
            "Warns of an ordered regimen that the guideline excludes, with its reason, and tells what it recommends."),
    Service("guideline-order-sign", "order-sign", "{}: orders being signed",
            "Warns of an ordered regimen that the guideline excludes, with its reason, and tells what it recommends."),
)  # fmt: skip


class Context(msgspec.Struct, rename="camel"):
    """What a hook is called about: the patient's id, and the orders that are drafted."""

    patient_id: Text
    selections: list[str] | None = None
    draft_orders: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class HookCall(msgspec.Struct, rename="camel"):
    """The body of a call, of which what is not read here is let be."""

    hook: Text
    hook_instance: Text
    context: Context
    prefetch: dict[str, msgspec.Raw] | None = None


class Coding(msgspec.Struct):
    """A code with its system."""

    code: Text
    system: Text
    display: str | None = None


class OverrideReason(msgspec.Struct, rename="camel"):
    """Why a card was overridden: one of the reasons it offered, a user's words."""

    reason: Coding | None = None
    user_comment: str | None = None


class AcceptedSuggestion(msgspec.Struct):
    """The id of a suggestion that was taken."""

    id: Text


class Feedback(msgspec.Struct, rename="camel"):
    """What a user did with a card."""

    card: Text
    outcome: Literal["accepted", "overridden"]
    outcome_timestamp: Text
    accepted_suggestions: list[AcceptedSuggestion] | None = None
    override_reason: OverrideReason | None = None


class FeedbackCall(msgspec.Struct):
    """The body of a call to the feedback endpoint."""

    feedback: list[Feedback]


class Page(msgspec.Struct):
    """Whether a prefetched value is an error or only a part of what was asked for."""

    class Link(msgspec.Struct):
        """A link of a bundle."""

        relation: str = ""

    resource_type: str = msgspec.field(name="resourceType", default="")
    link: list[Link] = []


def discovery(guideline: Guideline) -> bytes:
    """Give the list of services."""
    title = guideline.knowledge.title
    services = [
        {
            "hook": service.hook,
            "title": service.title.format(title),
            "description": f"{service.description} {guideline.knowledge.disclaimer}".strip(),
            "id": service.id,
            "prefetch": PREFETCH,
            "usageRequirements": "All data come by prefetch; the service does not call the FHIR server.",
            "version": HOOKS_VERSION,
        }
        for service in SERVICES
    ]
    return msgspec.json.encode({"services": services})


def prefetched(call: HookCall) -> Iterator[bytes]:
    """Yield what was prefetched, each a resource or a bundle.

    Raises RefusedError 412 where something that is needed was not obtained, or not whole: what is not there would be taken
    for not given.
    """
    given = call.prefetch or {}
    lacking = [key for key in NEEDED if key not in given]
    if not any(key in given for key in THERAPY):
        lacking.append(" or ".join(THERAPY))
    if lacking:
        raise RefusedError(412, f"prefetch lacks {', '.join(lacking)}; null says that there is none")
    for key in PREFETCH:
        value = bytes(given.get(key, b"null"))
        if value == b"null":
            continue
        if b"OperationOutcome" in value or b'"next"' in value:
            page = msgspec.json.decode(value, type=Page)
            if page.resource_type == "OperationOutcome":
                raise RefusedError(412, f"prefetch.{key} is an OperationOutcome: the data were not obtained")
            if any(link.relation == "next" for link in page.link):
                raise RefusedError(412, f"prefetch.{key} is one page of several; send all, the others are not fetched")
        yield value


class Hooks:
    """Answers calls of the services; what records that are alike give is kept, a thousand of it."""

    def __init__(self, guideline: Guideline, courses: int) -> None:
        self.guideline = guideline
        self.courses = courses
        self.kept: OrderedDict[bytes, tuple[Answer, tuple[Draft, ...]]] = OrderedDict()

    def reply(self, service: Service, call: HookCall, base: str) -> bytes:
        """Give the cards for a call of a service that is reached at `base`.

        Raises RefusedError where the call cannot be answered.
        """
        if call.hook != service.hook:
            raise RefusedError(
                400, f'hook: "{call.hook[:60]}" is not what {service.id} is called on; allowed: {service.hook}'
            )
        from reasoner.fhir import parse, read

        try:
            drafted = () if service.hook == "patient-view" else tuple(self.ordered(call).items())
            if not drafted and service.hook != "patient-view":
                return b'{"cards":[]}'
            resources = [resource for value in prefetched(call) for resource in parse(value)]
            record = {**read(resources, self.guideline).record, "id": call.context.patient_id}
            answer, drafts = self.drafts(record, drafted)
        except msgspec.DecodeError as error:
            raise RefusedError(400, f"prefetch: {error}") from None
        except RecordError as error:
            raise RefusedError(422, str(error)) from None
        fragment = urlsafe_b64encode(msgspec.json.encode(record)).rstrip(b"=").decode()
        patient = f"Patient/{call.context.patient_id}"
        made = [card(draft, answer, call.hook_instance, base, fragment, patient) for draft in drafts]
        return msgspec.json.encode({"cards": made})

    def ordered(self, call: HookCall) -> dict[str, str]:
        """Find the drugs of the guideline that are ordered, with references, where one of them is selected."""
        from reasoner.fhir import orders, parse

        drafted = bytes(call.context.draft_orders)
        if not drafted:
            raise RefusedError(400, "context.draftOrders: missing; it is required")
        found = orders(parse(drafted), self.guideline)
        selected = call.context.selections
        return found if selected is None or not set(selected).isdisjoint(found.values()) else {}

    def drafts(self, record: Mapping[str, object], ordered: tuple[tuple[str, str], ...]) -> tuple[Answer, tuple[Draft, ...]]:
        """Draft the cards for a record and orders; records that differ in their id alone share them."""
        key = msgspec.json.encode(({**record, "id": ""}, ordered))
        found = self.kept.get(key)
        if found is None:
            refuse_long(record, self.guideline, self.courses)
            answer = self.guideline.answer(record)
            found = answer, about_orders(answer, dict(ordered)) if ordered else about_patient(answer)
            if len(self.kept) >= MOST_KEPT:
                self.kept.popitem(last=False)
        self.kept[key] = found
        self.kept.move_to_end(key)
        return found


def note_feedback(service: Service, call: FeedbackCall) -> None:
    """Count what users did with cards; comments, ids and codes that are not ours are dropped."""
    for entry in call.feedback:
        if entry.outcome == "accepted" and not entry.accepted_suggestions:
            raise RefusedError(400, "feedback: an outcome of accepted names its acceptedSuggestions")
        code = entry.override_reason.reason.code if entry.override_reason and entry.override_reason.reason else "none"
        FEEDBACK.labels(service.id, entry.outcome, code if code in OVERRIDE_REASONS or code == "none" else "other").inc()
