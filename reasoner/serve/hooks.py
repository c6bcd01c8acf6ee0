"""CDS Hooks: which services there are, what a call asks, and the cards that answer it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

import msgspec

from reasoner.errors import RecordError
from reasoner.fhir import merge, ordered_drugs, parse, read_facts, remarks
from reasoner.guideline import Guideline
from reasoner.serve.api import refuse_long
from reasoner.serve.cards import OVERRIDE_REASONS, Call, Draft, Maker, about_orders, about_patient, unanswered
from reasoner.serve.kept import Kept
from reasoner.serve.problems import RefusedError
from reasoner.serve.watch import FEEDBACK

__all__ = ["PREFETCH", "SERVICES", "FeedbackCall", "HookCall", "Hooks", "Service", "note_feedback", "services_of"]

HOOKS_VERSION = "2.0"
MOST_KEPT = 1_000
SECONDS_KEPT = 600
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


def services_of(guideline: Guideline) -> tuple[Service, ...]:
    """List the services for a guideline: none for one that has no tables to read FHIR by."""
    return SERVICES if (guideline.folder / "fhir").is_dir() else ()


def discovery(guideline: Guideline) -> bytes:
    """Give the list of services."""
    title = guideline.model.title
    services = [
        {
            "hook": service.hook,
            "title": service.title.format(title),
            "description": f"{service.description} {guideline.model.disclaimer}".strip(),
            "id": service.id,
            "prefetch": PREFETCH,
            "usageRequirements": "All data come by prefetch; the service does not call the FHIR server.",
            "version": HOOKS_VERSION,
        }
        for service in services_of(guideline)
    ]
    return msgspec.json.encode({"services": services})


def prefetched(call: HookCall) -> dict[str, bytes]:
    """Give what was prefetched, by the keys that the services ask for: resources and bundles, or null.

    Raises RefusedError 412 where something that is needed was not obtained: it would be taken for not there.
    """
    given = call.prefetch or {}
    lacking = [key for key in NEEDED if key not in given]
    if not any(key in given for key in THERAPY):
        lacking.append(" or ".join(THERAPY))
    if lacking:
        raise RefusedError(412, f"prefetch lacks {', '.join(lacking)}; null says that there is none")
    return {key: bytes(given[key]) for key in PREFETCH if key in given}


def refuse_partial(key: str, value: bytes) -> None:
    """Refuse a prefetched value that is an error, holds one, or is a page of several; raises RefusedError 412."""
    if b"OperationOutcome" not in value and b'"next"' not in value:
        return
    found = msgspec.json.decode(value)
    entries, links = (found.get("entry"), found.get("link")) if isinstance(found, dict) else (None, None)
    inside = [entry.get("resource") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    for resource in (found, *inside):
        if isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome":
            raise RefusedError(412, f"prefetch.{key} holds an OperationOutcome: not all data were obtained")
    if isinstance(links, list) and any(isinstance(link, dict) and link.get("relation") == "next" for link in links):
        raise RefusedError(412, f"prefetch.{key} is one page of several; send all, the others are not fetched")


class Chart(NamedTuple):
    """What was read from a patient's chart: a record, what else is to be said of it, and what keeps it from an answer."""

    record: Mapping[str, object]
    remarks: str
    problem: str


class Hooks:
    """Answers calls of the services.

    What was read from a chart is kept for some minutes, by the digest of what was sent: the hooks of one visit send the same
    chart again and again. So are the drafts for records that differ in their id alone.
    """

    def __init__(self, guideline: Guideline, courses: int) -> None:
        self.guideline = guideline
        self.courses = courses
        self.maker = Maker(guideline.info, guideline.model)
        self.charts: Kept[Chart] = Kept(MOST_KEPT, SECONDS_KEPT)
        self.drafted: Kept[tuple[Draft, ...]] = Kept(MOST_KEPT, SECONDS_KEPT)

    def reply(self, service: Service, call: HookCall, base: str) -> bytes:
        """Give the cards for a call of a service that is reached at `base`.

        Raises RefusedError, or RecordError, where the call cannot be answered.
        """
        if call.hook != service.hook:
            detail = f'hook: "{call.hook[:60]}" is not what {service.id} is called on; allowed: {service.hook}'
            raise RefusedError(400, detail)
        patient_view = service.hook == "patient-view"
        ordered = {} if patient_view else self.ordered(call)
        chart = self.chart(prefetched(call))
        if chart.record["id"] != call.context.patient_id:
            raise RefusedError(422, "prefetch is not about the patient whom context.patientId names", "context.patientId")
        if not (self.concerns(chart.record) if patient_view else ordered):
            return b'{"cards":[]}'
        fragment = urlsafe_b64encode(msgspec.json.encode(chart.record)).rstrip(b"=").decode()
        about = Call(call.hook_instance, base, fragment, f"Patient/{call.context.patient_id}", chart.remarks)
        drafts = self.drafts(chart, tuple(ordered.items()))
        return msgspec.json.encode({"cards": [self.maker.card(draft, about) for draft in drafts]})

    def chart(self, values: Mapping[str, bytes]) -> Chart:
        """Read a chart.

        Raises RefusedError 412 where it is not whole, RecordError where it holds no resources, or those of several patients.
        """
        digest = sha256()
        for value in values.values():
            digest.update(len(value).to_bytes(8))
            digest.update(value)
        key = digest.digest()
        return self.charts.get(key) or self.charts.put(key, self.read(values))

    def read(self, values: Mapping[str, bytes]) -> Chart:
        for key, value in values.items():
            refuse_partial(key, value)
        parsed = merge(parse(value) for value in values.values() if value != b"null")
        facts = read_facts(parsed, self.guideline.model, self.guideline.tables)
        try:
            record = self.guideline.record_from(facts)
            refuse_long(record, self.courses)
            self.guideline.checked(record)
        except RecordError as error:
            return Chart(facts.record, self.maker.remarks(remarks(facts, self.guideline.model)), str(error))
        return Chart(facts.record, self.maker.remarks(record.remarks), "")

    def ordered(self, call: HookCall) -> dict[str, str]:
        """Find the drugs of the guideline that are ordered, with references, where one of them is selected."""
        content = bytes(call.context.draft_orders)
        if not content:
            raise RefusedError(400, "missing; the hook has it", "context.draftOrders")
        found = ordered_drugs(parse(content), self.guideline.tables)
        selected = call.context.selections
        return found if selected is None or not set(selected).isdisjoint(found.values()) else {}

    def concerns(self, record: Mapping[str, object]) -> bool:
        """Tell whether a record tells of what the guideline is about: it names a drug of it, or the value of a choice.

        Yes and no, and numbers, are told of patients with other diseases, too.
        """
        telling = (fact.name for fact in self.guideline.model.facts if fact.kind in ("choice", "list", "courses"))
        return any(record.get(name) for name in telling)

    def drafts(self, chart: Chart, ordered: tuple[tuple[str, str], ...]) -> tuple[Draft, ...]:
        """Draft the cards for a patient and draft orders."""
        if chart.problem:
            return (unanswered(chart.problem, self.guideline.model),)
        key = msgspec.json.encode(({**chart.record, "id": ""}, ordered))
        found = self.drafted.get(key)
        if found is None:
            answer = self.guideline.answer(chart.record)
            found = self.drafted.put(key, about_orders(answer, dict(ordered)) if ordered else about_patient(answer))
        return found


def note_feedback(service: Service, call: FeedbackCall) -> None:
    """Count what users did with cards; comments, ids and codes that are not ours are dropped."""
    for entry in call.feedback:
        if entry.outcome == "accepted" and not entry.accepted_suggestions:
            raise RefusedError(400, "feedback: an outcome of accepted names its acceptedSuggestions")
        code = entry.override_reason.reason.code if entry.override_reason and entry.override_reason.reason else "none"
        FEEDBACK.labels(service.id, entry.outcome, code if code in OVERRIDE_REASONS or code == "none" else "other").inc()
