"""CDS Hooks: which services there are, what a call asks, and the cards that answer it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Hashable
from operator import attrgetter
from threading import Lock
from typing import Annotated, Literal, NamedTuple

import msgspec
from cachetools import TTLCache

from reasoner.engine.memory import on_larger_diagrams
from reasoner.errors import RecordError
from reasoner.fhir import ChartFacts, Orders, orders_of, parse, read_facts
from reasoner.fhir.pages import Inner
from reasoner.guideline import Guideline
from reasoner.records.record import ONE_OF, Record, parse_record
from reasoner.serve.api import refuse_long
from reasoner.serve.cards import CACHE_SECONDS, CACHED, OVERRIDE_REASONS, Call, CardBuilder
from reasoner.serve.chart_words import assumed_remarks, brief_remarks
from reasoner.serve.drafts import Draft, about_orders, about_patient, not_judged, unanswered
from reasoner.serve.ehr import Authorization
from reasoner.serve.monitoring import FEEDBACK
from reasoner.serve.prefetch import Prefetched, ReadChart, queries_of, read_given
from reasoner.serve.problems import RefusedError
from reasoner.serve.shapes import Cards, ServiceEntry, Services

__all__ = ["FeedbackCall", "HookCall", "Hooks", "Service", "note_feedback", "services_of"]

HOOKS_VERSION = "2.0"
PATIENT_VIEW = "patient-view"
KEPT_BYTES = 16 * 2**20
LARGEST_KEPT = 2**20
Text = Annotated[str, msgspec.Meta(min_length=1)]


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
    fhir_server: str | None = None
    fhir_authorization: Authorization | None = None
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
    """List the services for a guideline; one without tables to read FHIR by has none, without drugs none about orders."""
    if not (guideline.folder / "fhir").is_dir():
        return ()
    say, title = guideline.model.say, guideline.model.title
    orders = say("hook_orders_description")
    patient_view = Service(
        "guideline-patient-view", PATIENT_VIEW, say("hook_patient_title", title), say("hook_patient_description")
    )
    if not guideline.tables.drugs:
        return (patient_view,)
    return (
        patient_view,
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
            prefetch=queries_of(guideline.tables),
            usage_requirements=model.say("hook_usage"),
            version=HOOKS_VERSION,
        )
        for service in services_of(guideline)
    )
    return msgspec.json.encode(Services(tuple(services)))


class Hooks:
    """Answers calls of the services.

    Charts are cached for some minutes, as the hooks of one visit send the same one again and again; so are the drafts of
    cards, for all records that tell the same, whoever they are of.
    """

    def __init__(self, guideline: Guideline, courses: int) -> None:
        self.guideline = guideline
        self.courses = courses
        self.silent = guideline.selection.no_record_means_none
        self.queries = queries_of(guideline.tables) if services_of(guideline) else {}
        self.cancers = [own.fact for own in guideline.tables.facts if own.method == "this_cancer"] if self.queries else []
        self.by_scope = bool(self.queries) and not self.cancers
        self.telling = [ONE_OF, *(fact.name for fact in guideline.model.facts if fact.kind in ("choice", "list", "courses"))]
        self.choices = {fact.name for fact in guideline.model.facts if fact.kind == "choice"}
        self.charts: TTLCache[tuple[bytes, ...], ReadChart] = TTLCache(
            KEPT_BYTES, CACHE_SECONDS, getsizeof=attrgetter("size")
        )
        self.builder = CardBuilder(guideline.info, guideline.model)
        self.drafted: TTLCache[Hashable, tuple[Draft, ...]] = TTLCache(CACHED, CACHE_SECONDS)
        self.lock = Lock()

    def given(self, service: Service, call: HookCall) -> Prefetched:
        """Give what a call holds of the chart.

        Raises RefusedError 400 where it is a call of another service, or lacks its draft orders.
        """
        if call.hook != service.hook:
            detail = f'hook: "{call.hook[:60]}" is not the hook of {service.id}; allowed: {service.hook}'
            raise RefusedError(400, detail)
        drafts = bytes(call.context.draft_orders)
        if service.hook != PATIENT_VIEW and not is_bundle(drafts):
            found = "not a Bundle" if drafts not in (b"", b"null") else "missing"
            detail = f"context.draftOrders: {found}; {call.hook} sends a Bundle of the draft orders there"
            raise RefusedError(400, detail, "context.draftOrders")
        sent = call.prefetch or {}
        given = tuple(bytes(sent[key]) if key in sent else b"" for key in self.queries)
        given += tuple(bytes(value) for key, value in sorted(sent.items()) if key not in self.queries)
        with self.lock:
            chart = self.charts.get(given)
        return read_given(given, tuple(self.queries), self.silent) if chart is None else Prefetched({}, {}, chart=chart)

    def reply(self, call: HookCall, base: str, had: Prefetched) -> bytes:
        """Give the cards for a call of a service that is reached at `base`, by what was had of the chart.

        Raises RefusedError, or RecordError, where the call cannot be answered.
        """
        patient_view = call.hook == PATIENT_VIEW
        orders = None if patient_view else self.ordered(call)
        chart = self.read(had)
        if chart.data["id"] != call.context.patient_id:
            raise RefusedError(422, "prefetch is about another patient than context.patientId", "context.patientId")
        concerned = self.concerns(chart)
        drafts: tuple[Draft, ...] = ()
        if orders is None:
            drafts = self.drafts(chart, ()) if concerned else ()
        else:
            drafts = self.drafts(chart, tuple(orders.drugs.items())) if orders.drugs else ()
            unknown = orders.unknown.values() if concerned else ()
            drafts += not_judged(tuple(unknown), tuple(orders.others.values()), self.guideline.model)
        if not drafts:
            return b'{"cards":[]}'
        fragment = urlsafe_b64encode(msgspec.json.encode(chart.data)).rstrip(b"=").decode()
        if had.lacking or had.absent:
            fragment += "&partial=1"
        about = Call(call.hook_instance, base, fragment, f"Patient/{call.context.patient_id}", chart.remarks, chart.harmless)
        return msgspec.json.encode(Cards(tuple(self.builder.card(draft, about) for draft in drafts)))

    def read(self, had: Prefetched) -> ReadChart:
        """Read a chart.

        Raises RefusedError 412 where the patient or the diagnoses could not be had, RecordError where there are no resources
        or those of several patients.
        """
        if had.chart is not None:
            return had.chart
        model, tables = self.guideline.model, self.guideline.tables
        had.refuse_missing(model)
        silent = self.silent and not had.lacking
        facts = read_facts(had.resources(model, tables), model, tables, silent)
        remarks = (*had.remarks(model), *brief_remarks(facts, model))
        harmless = tuple(assumed_remarks(facts, model))
        open_facts = {own.fact for own in facts.undecided} | {own.fact for own in facts.contradictions}
        doubtful = bool(had.lacking) or not self.choices.isdisjoint(open_facts)
        try:
            record = parse_record(facts.record, model)
            refuse_long(record, self.courses)
            chart = ReadChart(facts.record, record, remarks, harmless, therapy=self.therapy(facts), doubtful=doubtful)
        except RecordError as error:
            chart = ReadChart(facts.record, None, remarks, harmless, facts.explain(str(error)))
        if had.given and (size := sum(map(len, had.given))) <= LARGEST_KEPT:
            with self.lock:
                self.charts[had.given] = chart._replace(size=size)
        return chart

    def therapy(self, facts: ChartFacts) -> tuple[str, ...]:
        """Say what a chart tells of therapy for the disease where that could not be put into the record."""
        say, own = self.guideline.model.say, self.guideline.model.courses_fact
        if own is None or own.name in facts.record:
            return ()
        timeline = facts.with_timeline().timeline
        events = timeline.events if timeline else ()
        given = [say("bracketed", say("plus").join(d.label for d in e.drugs), e.when) for e in events if e.kind == "therapy"]
        told = [say("card_told", given[0]), *given[1:]] if given else []
        if facts.warning():
            told.insert(0, say("card_uncounted", own.label))
        return (*dict.fromkeys(told), *dict.fromkeys(entry.why for entry in facts.undecided if entry.fact == own.name))

    def ordered(self, call: HookCall) -> Orders:
        """Read the draft orders: the guideline's drugs, none where none of these is selected, and what is not judged."""
        found = orders_of(parse(bytes(call.context.draft_orders)), self.guideline.tables, call.context.patient_id)
        if (selected := call.context.selections) is None:
            return found
        drugs = {} if set(selected).isdisjoint(found.drugs.values()) else found.drugs
        unknown, others = ({k: v for k, v in own.items() if k in selected} for own in (found.unknown, found.others))
        return Orders(drugs, unknown, others)

    def concerns(self, chart: ReadChart) -> bool:
        """Tell whether a chart is about what the guideline is about: it has one of its drugs, or the value of a choice.

        Booleans and numbers are recorded for patients with other diseases as well; in a doubtful chart, the cancer itself is
        enough. Where no cancer is read, it is about those who are in the guideline's scope for certain.
        """
        if self.by_scope:
            return bool(self.drafts(chart, ()))
        return any(map(chart.data.get, self.telling)) or (chart.doubtful and any(map(chart.data.get, self.cancers)))

    @on_larger_diagrams
    def drafted_anew(self, chart: ReadChart, record: Record, ordered: tuple[tuple[str, str], ...]) -> tuple[Draft, ...]:
        answer = self.guideline.answer(self.guideline.checked(record._replace(id="", sources={}, remarks=())))
        if ordered:
            return about_orders(answer, dict(ordered), chart.therapy)
        return about_patient(answer, chart.therapy) if not self.by_scope or answer.derivation.is_in_scope() else ()

    def drafts(self, chart: ReadChart, ordered: tuple[tuple[str, str], ...]) -> tuple[Draft, ...]:
        """Draft the cards for a patient and draft orders, which are those of all records that tell the same."""
        record, problem = chart.record, chart.problem
        if record is None:
            return (unanswered(problem, self.guideline.model),)
        key = (record.told, record.labels, record.courses, record.fewer, ordered, chart.therapy)
        with self.lock:
            found = self.drafted.get(key)
        if found is None:
            try:
                found = self.drafted_anew(chart, record, ordered)
            except RecordError as error:
                found = (unanswered(str(error), self.guideline.model),)
            with self.lock:
                self.drafted[key] = found
        return found


def is_bundle(content: bytes) -> bool:
    """Tell whether JSON is a Bundle of FHIR."""
    try:
        return msgspec.json.decode(content, type=Inner).resourceType == "Bundle"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def note_feedback(service: Service, call: FeedbackCall) -> None:
    """Count what users did with cards; comments, ids and foreign codes are dropped."""
    for entry in call.feedback:
        if entry.outcome == "accepted" and not entry.accepted_suggestions:
            raise RefusedError(400, "feedback: acceptedSuggestions is missing; the outcome accepted names what was accepted")
        code = entry.override_reason.reason.code if entry.override_reason and entry.override_reason.reason else "none"
        FEEDBACK.labels(service.id, entry.outcome, code if code in OVERRIDE_REASONS or code == "none" else "other").inc()
