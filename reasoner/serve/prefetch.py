"""What a call of a CDS service holds of a chart: the lists that the service asks for, and which of them are not whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir import ParsedResources, Tables, merge, parse, without_silent
from reasoner.fhir.pages import page_of
from reasoner.fhir.resources import Located
from reasoner.fhir.systems import url_of
from reasoner.records.record import Record
from reasoner.serve.problems import RefusedError

__all__ = ["LISTS", "PATIENT", "Obtained", "Prefetched", "ReadChart", "queries_of", "read_given"]

NEEDED = ("patient", "conditions")
DOCUMENTS = "documents"
ALLERGIES = "allergies"
USEFUL = ("medicationDispenses", DOCUMENTS)
"""What is read where it is there; many health records have no such list. Documents that cannot be had are no error."""
FURTHER = "further"
LISTS = {
    "patient": "list_patient",
    "conditions": "list_conditions",
    "observations": "list_observations",
    "medicationRequests": "list_requests",
    "medicationStatements": "list_statements",
    "medicationAdministrations": "list_administrations",
    "medicationDispenses": "list_dispenses",
    "procedures": "list_procedures",
    DOCUMENTS: "list_documents",
    ALLERGIES: "list_allergies",
    FURTHER: "list_further",
}
WHYS = {
    "not_sent": "lacking_not_sent",
    "null": "lacking_null",
    "incomplete": "lacking_incomplete",
    "error": "lacking_error",
    "denied": "lacking_denied",
    "not_there": "lacking_not_there",
    "busy": "lacking_busy",
    "too_slow": "lacking_too_slow",
    "too_large": "lacking_too_large",
    "elsewhere": "lacking_elsewhere",
    "not_allowed": "lacking_not_allowed",
    "not_trusted": "lacking_not_trusted",
    "private": "lacking_private",
    "unreadable": "lacking_unreadable",
    "failed": "lacking_failed",
}
PATIENT = "{{context.patientId}}"


class Obtained(NamedTuple):
    """What a query brought: resources, or nothing and why; `absent` where the server has no such list."""

    parsed: ParsedResources | None
    why: str = ""
    absent: bool = False


class ReadChart(NamedTuple):
    """What was read from a chart: a record, parsed where it can be answered, remarks, and what is wrong, or "".

    `harmless` remarks are those on what was concluded. `therapy` is what the chart tells of therapy where the record has
    none of it. `doubtful` says that the chart speaks of the value of a choice without deciding it, or that lists lack;
    `size` is that of the chart, in bytes.
    """

    data: Mapping[str, object]
    record: Record | None
    remarks: tuple[str, ...]
    harmless: tuple[str, ...] = ()
    problem: str = ""
    therapy: tuple[str, ...] = ()
    doubtful: bool = False
    size: int = 1


class Prefetched(NamedTuple):
    """What is there of a chart, by the keys of the prefetch templates, and why other lists are not there or not whole.

    Where a list is not whole, nothing of it is there. `missing` are those without which nothing can be answered, `absent`
    those that the server does not have at all, `unread` those that would be useful. `given` is what was sent, where that is
    all; `chart` what was read from it before.
    """

    parsed: Mapping[str, ParsedResources]
    lacking: Mapping[str, str]
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    given: tuple[bytes, ...] = ()
    chart: ReadChart | None = None

    def completed(self, found: Mapping[str, Obtained]) -> Prefetched:
        """Add what was fetched for the lists that lack."""
        parsed = {key: own.parsed for key, own in found.items() if own.parsed is not None}
        absent = tuple(key for key, own in found.items() if own.absent and key not in (*NEEDED, *USEFUL))
        why = {key: found[key].why if key in found else told for key, told in self.lacking.items()}
        lacking = {key: told for key, told in why.items() if key not in parsed and key not in absent}
        missing = tuple(key for key in self.missing if key in lacking)
        lacking |= {
            key: own.why
            for key, own in found.items()
            if key in self.unread and key != DOCUMENTS and own.parsed is None and not own.absent
        }
        unread = tuple(key for key in self.unread if key not in parsed and key not in lacking)
        return Prefetched({**self.parsed, **parsed}, lacking, missing, absent, unread)

    def not_allowed(self) -> Prefetched:
        """Say that what was not sent was not fetched, as the server of the call is not an allowed one."""
        why = {key: "not_allowed" if told in ("not_sent", "null") else told for key, told in self.lacking.items()}
        return self._replace(lacking=why)

    def wanted(self) -> tuple[str, ...]:
        """List the keys of what is worth fetching."""
        return tuple(key for key in (*self.lacking, *self.unread) if key != FURTHER)

    def refuse_missing(self, model: GuidelineModel) -> None:
        """Raise RefusedError 412 where the patient or the diagnoses could not be had."""
        if self.missing:
            fields = ", ".join(f"prefetch.{key}" for key in self.missing)
            words = model.say("and").join(self.words(key, model) for key in self.missing)
            raise RefusedError(412, f"{fields}: {model.say('lists_missing', words)}")

    def resources(self, model: GuidelineModel, tables: Tables) -> ParsedResources:
        """Put all together that something can be read from, and name the lists that lack: each may tell of therapy."""
        lacking = tuple(model.say(LISTS[key]) for key in self.lacking)
        whole = merge(self.parsed.values())
        return whole._replace(resources=without_silent(whole.resources, tables), lacking=lacking)

    def remarks(self, model: GuidelineModel) -> Iterator[str]:
        """Say which lists lack, and why, and which ones the server does not have."""
        if self.lacking:
            named = model.say("and").join(self.words(key, model) for key in self.lacking)
            yield model.say("lists_lacking", named)
        if self.absent:
            yield model.say("lists_absent", model.say("and").join(model.say(LISTS[key]) for key in self.absent))
        lists = self.parsed.values() if DOCUMENTS in self.unread and DOCUMENTS not in self.parsed else ()
        elsewhere = any(own.resourceType == "DocumentReference" for parsed in lists for _, own in parsed.resources)
        unread = [model.say(LISTS[key]) for key in self.unread if key != DOCUMENTS or not elsewhere]
        if unread:
            yield model.say("lists_unread", model.say("comma").join(unread))

    def words(self, key: str, model: GuidelineModel) -> str:
        return model.say("bracketed", model.say(LISTS[key]), model.say(WHYS[self.lacking[key]]))


def queries_of(tables: Tables) -> dict[str, str]:
    """List the FHIR queries of a guideline, as prefetch templates, for what its tables read; observations by their codes."""
    known = ((url_of(system), code) for (system, code), test in tables.tests.items() if test.finding)
    codes = ",".join(f"{url}|{code}" for url, code in known if url)
    about, therapy = f"patient={PATIENT}", tables.therapy
    medications = {
        f"{kind[0].lower()}{kind[1:]}s": f"{kind}?{about}&_include={kind}:medication"
        for kind in ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense")
    }
    return {
        "patient": f"Patient/{PATIENT}",
        **({"conditions": f"Condition?{about}"} if therapy or tables.conditions.rows else {}),
        **({"observations": f"Observation?{about}{f'&code={codes}' * bool(codes)}"} if therapy or codes else {}),
        **(medications if therapy else {}),
        **({"procedures": f"Procedure?{about}"} if therapy or tables.procedures.rows else {}),
        **({DOCUMENTS: f"DocumentReference?{about}"} if therapy else {}),
        **({ALLERGIES: f"AllergyIntolerance?{about}"} if tables.allergies.rows else {}),
    }


def read_given(given: Sequence[bytes], queries: Sequence[str], null_is_none: bool) -> Prefetched:
    """Read what a call holds, empty where a key is missing, in the order of the queries; then what it holds besides.

    With `null_is_none`, null says that there is nothing, and else that nobody knows. Documents are read as far as they are
    there.
    """
    parsed: dict[str, ParsedResources] = {}
    lacking: dict[str, str] = {}
    for key, value in zip(queries, given, strict=False):
        if not value or value == b"null":
            if not value or key == "patient" or not null_is_none:
                lacking[key] = "null" if value else "not_sent"
            continue
        own, why = read_list(value)
        if why:
            lacking[key] = why
        if not why or (key == DOCUMENTS and why == "incomplete"):
            parsed[key] = own._replace(partial="")
    unread = tuple(key for key in USEFUL if key in lacking and (key == DOCUMENTS or lacking[key] in ("null", "not_sent")))
    for key in unread:
        del lacking[key]
    lacking |= read_further(given[len(queries) :], parsed)
    missing = tuple(
        key for key in NEEDED if lacking.get(key) in ("not_sent", "error") or (key == "patient" and key in lacking)
    )
    return Prefetched(parsed, lacking, missing, unread=unread, given=() if lacking else tuple(given))


def read_list(value: bytes) -> tuple[ParsedResources, str]:
    """Read a list, and say why it is not whole, or nothing where it is."""
    own = parse(value)
    if own.partial or own.unreadable or any(map(is_outcome, own.resources[:1])):
        page = page_of(value)
        return own, "unreadable" if page is None else page.why_not_whole()
    return own, ""


def read_further(given: Iterable[bytes], parsed: dict[str, ParsedResources]) -> dict[str, str]:
    """Add what a call holds that was not asked for, each resource once and no patients; say why a part is not whole."""
    lacking: dict[str, str] = {}
    seen = {(r.resourceType, r.id) for own in parsed.values() for _, r in own.resources}
    found = []
    for value in given:
        if page_of(value) is not None:
            own, why = read_list(value)
            new = [
                pair
                for pair in own.resources
                if pair[1].resourceType != "Patient"
                and (pair[1].id is None or (pair[1].resourceType, pair[1].id) not in seen)
            ]
            seen |= {(r.resourceType, r.id) for _, r in new}
            found.append(own._replace(resources=new, partial=""))
            lacking |= {FURTHER: why} if why else {}
    if found:
        parsed[FURTHER] = merge(found)
    return lacking


def is_outcome(found: Located) -> bool:
    return found[1].resourceType == "OperationOutcome"
