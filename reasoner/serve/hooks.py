"""CDS Hooks: which services there are, what a call asks, and the cards that answer it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from reasoner.errors import RecordError
from reasoner.fhir import Parsed, Reading, orders, parse, read
from reasoner.guideline import Guideline
from reasoner.serve.api import refuse_long
from reasoner.serve.cards import OVERRIDE_REASONS, Call, Draft, about_orders, about_patient, card, unanswered
from reasoner.serve.problems import RefusedError
from reasoner.serve.watch import FEEDBACK

__all__ = ["PREFETCH", "SERVICES", "FeedbackCall", "HookCall", "Hooks", "Service", "note_feedback"]

HOOKS_VERSION = "2.0"
MOST_KEPT = 1_000
PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}",
    **{
        f"{kind[0].lower()}{kind[1:]}s": f"{kind}?patient={{{{context.patientId}}}}&_include={kind}:medication"
        for kind in ("MedicationRequest", "MedicationStatement", "MedicationAdministration")
    },
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
            refuse_partial(key, value)
        yield value


def refuse_partial(key: str, value: bytes) -> None:
    """Refuse a prefetched value that is an error, holds one, or is a page of several."""
    found = msgspec.json.decode(value)
    entries, links = (found.get("entry"), found.get("link")) if isinstance(found, dict) else (None, None)
    inside = [entry.get("resource") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    for resource in (found, *inside):
        if isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome":
            raise RefusedError(412, f"prefetch.{key} holds an OperationOutcome: not all data were obtained")
    if isinstance(links, list) and any(isinstance(link, dict) and link.get("relation") == "next" for link in links):
        raise RefusedError(412, f"prefetch.{key} is one page of several; send all, the others are not fetched")


class Hooks:
    """Answers calls of the services; the drafts for records that differ in their id alone are made once and kept."""

    def __init__(self, guideline: Guideline, courses: int) -> None:
        self.guideline = guideline
        self.courses = courses
        self.kept: OrderedDict[bytes, tuple[Draft, ...]] = OrderedDict()

    def reply(self, service: Service, call: HookCall, base: str) -> bytes:
        """Give the cards for a call of a service that is reached at `base`.

        Raises RefusedError where the call cannot be answered.
        """
        if call.hook != service.hook:
            detail = f'hook: "{call.hook[:60]}" is not what {service.id} is called on; allowed: {service.hook}'
            raise RefusedError(400, detail)
        patient_view = service.hook == "patient-view"
        ordered = {} if patient_view else self.ordered(call)
        parts = [parse(value) for value in prefetched(call)]
        parsed = Parsed(
            [entry for part in parts for entry in part.resources], [text for p in parts for text in p.unreadable]
        )
        reading = read(parsed, self.guideline.knowledge, self.guideline.tables)
        if reading.record["id"] != call.context.patient_id:
            raise RefusedError(422, "prefetch is not about the patient whom context.patientId names", "context.patientId")
        if not (self.concerns(reading.record) if patient_view else ordered):
            return b'{"cards":[]}'
        drafts = self.drafts(reading, tuple(ordered.items()))
        fragment = urlsafe_b64encode(msgspec.json.encode(reading.record)).rstrip(b"=").decode()
        patient = f"Patient/{call.context.patient_id}"
        about = Call(call.hook_instance, base, fragment, patient, tuple(reading.remarks()))
        made = [card(draft, about, self.guideline.info, self.guideline.knowledge) for draft in drafts]
        return msgspec.json.encode({"cards": made})

    def ordered(self, call: HookCall) -> dict[str, str]:
        """Find the drugs of the guideline that are ordered, with references, where one of them is selected."""
        content = bytes(call.context.draft_orders)
        if not content:
            raise RefusedError(400, "missing; the hook has it", "context.draftOrders")
        found = orders(parse(content), self.guideline.tables)
        selected = call.context.selections
        return found if selected is None or not set(selected).isdisjoint(found.values()) else {}

    def concerns(self, record: Mapping[str, object]) -> bool:
        """Tell whether a record tells of what the guideline is about: it names a drug of it, or the value of a choice.

        Yes and no, and numbers, are told of patients with other diseases, too.
        """
        telling = (fact.name for fact in self.guideline.knowledge.facts if fact.kind in ("choice", "list", "courses"))
        return any(record.get(name) for name in telling)

    def drafts(self, reading: Reading, ordered: tuple[tuple[str, str], ...]) -> tuple[Draft, ...]:
        """Draft the cards for a patient and draft orders."""
        key = msgspec.json.encode(({**reading.record, "id": ""}, ordered))
        found = self.kept.get(key)
        if found is None:
            try:
                record = self.guideline.read_from(reading)
                refuse_long(record, self.courses)
                answer = self.guideline.answer(record._replace(sources={}, remarks=()))
            except RecordError as error:
                return (unanswered(str(error), self.guideline.knowledge),)
            found = about_orders(answer, dict(ordered)) if ordered else about_patient(answer)
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
