"""CDS Hooks: which services there are, what a call asks, and the cards that answer it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from threading import Lock
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec
from cachetools import TTLCache

from reasoner.errors import RecordError
from reasoner.fhir import merge, ordered_drugs, parse, read_facts
from reasoner.guideline import Guideline
from reasoner.serve.api import refuse_long
from reasoner.serve.cards import OVERRIDE_REASONS, Call, CardBuilder, Draft, about_orders, about_patient, unanswered
from reasoner.serve.monitoring import FEEDBACK
from reasoner.serve.problems import RefusedError
from reasoner.serve.shapes import Cards, ServiceEntry, Services

__all__ = ["PREFETCH", "FeedbackCall", "HookCall", "Hooks", "Service", "note_feedback", "services_of"]

HOOKS_VERSION = "2.0"
PATIENT_VIEW = "patient-view"
CACHED = 1_000
CACHE_SECONDS = 600
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
Value = TypeVar("Value")


class Service(NamedTuple):
    """A CDS service: its id, the hook it is called on, what it is for."""

    id: str
    hook: str
    title: str
    description: str


class Context(msgspec.Struct, rename="camel"):
    """What a hook is called about: the patient, and the draft orders with those that were just selected."""

    patient_id: Text
    selections: list[str] | None = None
    draft_orders: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class HookCall(msgspec.Struct, rename="camel"):
    """The body of a call; its other fields are ignored."""

    hook: Text
    hook_instance: Text
    context: Context
    prefetch: dict[str, msgspec.Raw] | None = None


class OverrideCoding(msgspec.Struct):
    """A code with its system."""

    code: Text
    system: Text
    display: str | None = None


class OverrideReason(msgspec.Struct, rename="camel"):
    """Why a card was overridden: one of the reasons that it offered, and a comment."""

    reason: OverrideCoding | None = None
    user_comment: str | None = None


class AcceptedSuggestion(msgspec.Struct):
    """The id of a suggestion that the user accepted."""

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


def services_of(guideline: Guideline) -> tuple[Service, ...]:
    """List the services for a guideline; one without tables to read FHIR by has none."""
    if not (guideline.folder / "fhir").is_dir():
        return ()
    say, title = guideline.model.say, guideline.model.title
    orders = say("hook_orders_description")
    return (
        Service("guideline-patient-view", PATIENT_VIEW, say("hook_patient_title", title), say("hook_patient_description")),
        Service("guideline-order-select", "order-select", say("hook_select_title", title), orders),
        Service("guideline-order-sign", "order-sign", say("hook_sign_title", title), orders),
    )


def discovery(guideline: Guideline) -> bytes:
    """Give the list of services as CDS clients discover them."""
    model = guideline.model
    services = (
        ServiceEntry(
            hook=service.hook,
            title=service.title,
            description=f"{service.description} {model.disclaimer}".strip(),
            id=service.id,
            prefetch=PREFETCH,
            usage_requirements=model.say("hook_usage"),
            version=HOOKS_VERSION,
        )
        for service in services_of(guideline)
    )
    return msgspec.json.encode(Services(tuple(services)))


def prefetched(call: HookCall) -> dict[str, bytes]:
    """Give the prefetched resources and bundles, or null, by the keys of the prefetch templates.

    Raises RefusedError 412 where something needed was not obtained: it would be mistaken for absent.
    """
    given = call.prefetch or {}
    lacking = [key for key in NEEDED if key not in given]
    if not any(key in given for key in THERAPY):
        lacking.append(" or ".join(THERAPY))
    if lacking:
        raise RefusedError(412, f"prefetch lacks {', '.join(lacking)}; send null for what the patient does not have")
    return {key: bytes(given[key]) for key in PREFETCH if key in given}


def refuse_partial(key: str, value: bytes) -> None:
    """Raise RefusedError 412 for a prefetched value that is an error, holds one, or is one page of several."""
    if b"OperationOutcome" not in value and b'"next"' not in value:
        return
    found = msgspec.json.decode(value)
    entries, links = (found.get("entry"), found.get("link")) if isinstance(found, dict) else (None, None)
    inside = [entry.get("resource") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    for resource in (found, *inside):
        if isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome":
            raise RefusedError(412, f"prefetch.{key} holds an OperationOutcome: fetch all data, then call again")
    if isinstance(links, list) and any(isinstance(link, dict) and link.get("relation") == "next" for link in links):
        raise RefusedError(412, f"prefetch.{key} is one page of several; send all pages in one bundle")


class ReadChart(NamedTuple):
    """What was read from a chart: a record, remarks on it in Markdown, and what keeps it from being answered, or ""."""

    record: Mapping[str, object]
    remarks: str
    problem: str


class Hooks:
    """Answers calls of the services.

    What was read from a chart is cached for some minutes under the digest of what was sent, as the hooks of one visit send
    the same chart again and again; so are the drafts of cards, for all records that differ only in their id.
    """

    def __init__(self, guideline: Guideline, courses: int) -> None:
        self.guideline = guideline
        self.courses = courses
        self.builder = CardBuilder(guideline.info, guideline.model)
        self.charts: TTLCache[bytes, ReadChart] = TTLCache(CACHED, CACHE_SECONDS)
        self.drafted: TTLCache[bytes, tuple[Draft, ...]] = TTLCache(CACHED, CACHE_SECONDS)
        self.lock = Lock()

    def reply(self, service: Service, call: HookCall, base: str) -> bytes:
        """Give the cards for a call of a service that is reached at `base`.

        Raises RefusedError, or RecordError, where the call cannot be answered.
        """
        if call.hook != service.hook:
            detail = f'hook: "{call.hook[:60]}" is not the hook of {service.id}; allowed: {service.hook}'
            raise RefusedError(400, detail)
        patient_view = service.hook == PATIENT_VIEW
        ordered = {} if patient_view else self.ordered(call)
        chart = self.chart(prefetched(call))
        if chart.record["id"] != call.context.patient_id:
            raise RefusedError(422, "prefetch is about another patient than context.patientId", "context.patientId")
        if not (self.concerns(chart.record) if patient_view else ordered):
            return b'{"cards":[]}'
        fragment = urlsafe_b64encode(msgspec.json.encode(chart.record)).rstrip(b"=").decode()
        about = Call(call.hook_instance, base, fragment, f"Patient/{call.context.patient_id}", chart.remarks)
        drafts = self.drafts(chart, tuple(ordered.items()))
        return msgspec.json.encode(Cards(tuple(self.builder.card(draft, about) for draft in drafts)))

    def chart(self, values: Mapping[str, bytes]) -> ReadChart:
        """Read a chart.

        Raises RefusedError 412 where it is incomplete, RecordError where it holds no resources or those of several patients.
        """
        digest = sha256()
        for value in values.values():
            digest.update(len(value).to_bytes(8))
            digest.update(value)
        return self.cached(self.charts, digest.digest(), lambda: self.read(values))

    def read(self, values: Mapping[str, bytes]) -> ReadChart:
        for key, value in values.items():
            refuse_partial(key, value)
        parsed = merge(parse(value) for value in values.values() if value != b"null")
        silent = self.guideline.selection.no_record_means_none
        facts = read_facts(parsed, self.guideline.model, self.guideline.tables, silent)
        try:
            record = self.guideline.record_from(facts)
            refuse_long(record, self.courses)
            self.guideline.checked(record)
        except RecordError as error:
            return ReadChart(facts.record, self.builder.remarks(facts.remarks()), str(error))
        return ReadChart(facts.record, self.builder.remarks(record.remarks), "")

    def ordered(self, call: HookCall) -> dict[str, str]:
        """Find the guideline's drugs among the draft orders, each with its order; none where none of these is selected."""
        content = bytes(call.context.draft_orders)
        if not content:
            raise RefusedError(400, f"context.draftOrders: missing; {call.hook} sends it", "context.draftOrders")
        found = ordered_drugs(parse(content), self.guideline.tables)
        selected = call.context.selections
        return found if selected is None or not set(selected).isdisjoint(found.values()) else {}

    def concerns(self, record: Mapping[str, object]) -> bool:
        """Tell whether a record is about what the guideline is about: it has one of its drugs, or the value of a choice.

        Booleans and numbers are recorded for patients with other diseases as well.
        """
        telling = (fact.name for fact in self.guideline.model.facts if fact.kind in ("choice", "list", "courses"))
        return any(record.get(name) for name in telling)

    def drafts(self, chart: ReadChart, ordered: tuple[tuple[str, str], ...]) -> tuple[Draft, ...]:
        """Draft the cards for a patient and draft orders."""
        if chart.problem:
            return (unanswered(chart.problem, self.guideline.model),)

        def draft() -> tuple[Draft, ...]:
            answer = self.guideline.answer(chart.record)
            return about_orders(answer, dict(ordered)) if ordered else about_patient(answer)

        return self.cached(self.drafted, msgspec.json.encode(({**chart.record, "id": ""}, ordered)), draft)

    def cached(self, cache: TTLCache[bytes, Value], key: bytes, make: Callable[[], Value]) -> Value:
        """Take a value from a cache that threads share, or make it and put it there."""
        with self.lock:
            found = cache.get(key)
        if found is None:
            found = make()
            with self.lock:
                cache[key] = found
        return found


def note_feedback(service: Service, call: FeedbackCall) -> None:
    """Count what users did with cards; comments, ids and foreign codes are dropped."""
    for entry in call.feedback:
        if entry.outcome == "accepted" and not entry.accepted_suggestions:
            raise RefusedError(400, "feedback: acceptedSuggestions is missing; the outcome accepted names what was accepted")
        code = entry.override_reason.reason.code if entry.override_reason and entry.override_reason.reason else "none"
        FEEDBACK.labels(service.id, entry.outcome, code if code in OVERRIDE_REASONS or code == "none" else "other").inc()
