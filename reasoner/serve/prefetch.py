"""What a call of a CDS service holds of a chart: the lists that the service asks for, and which of them are not whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.fhir import ParsedResources, Tables, merge, parse, without_silent
from reasoner.fhir.pages import page_of
from reasoner.fhir.resources import Resource
from reasoner.fhir.tables import url_of
from reasoner.records.record import Record
from reasoner.serve.problems import RefusedError

__all__ = ["LISTS", "PATIENT", "Obtained", "Prefetched", "ReadChart", "queries_of", "read_given"]

NEEDED = ("patient", "conditions")
LISTS = {
    "patient": "list_patient",
    "conditions": "list_conditions",
    "observations": "list_observations",
    "medicationRequests": "list_requests",
    "medicationStatements": "list_statements",
    "medicationAdministrations": "list_administrations",
    "procedures": "list_procedures",
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

    `therapy` is what the chart tells of therapy where the record has none of it. `doubtful` says that the chart speaks of
    the value of a choice without deciding it, or that lists lack; `size` is that of the chart, in bytes.
    """

    data: Mapping[str, object]
    record: Record | None
    remarks: tuple[str, ...]
    problem: str = ""
    therapy: tuple[str, ...] = ()
    doubtful: bool = False
    size: int = 1


class Prefetched(NamedTuple):
    """What is there of a chart, by the keys of the prefetch templates, and why other lists are not there or not whole.

    Where a list is not whole, nothing of it is there. `missing` are those without which nothing can be answered, `absent`
    those that the server does not have at all. `given` is what was sent, where that is all; `chart` what was read from it
    before.
    """

    parsed: Mapping[str, ParsedResources]
    lacking: Mapping[str, str]
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    given: tuple[bytes, ...] = ()
    chart: ReadChart | None = None

    def completed(self, found: Mapping[str, Obtained]) -> Prefetched:
        """Add what was fetched for the lists that lack."""
        parsed = {key: own.parsed for key, own in found.items() if own.parsed is not None}
        absent = tuple(key for key, own in found.items() if own.absent and key not in NEEDED)
        why = {key: found[key].why if key in found else told for key, told in self.lacking.items()}
        lacking = {key: told for key, told in why.items() if key not in parsed and key not in absent}
        missing = tuple(key for key in self.missing if key in lacking)
        return Prefetched({**self.parsed, **parsed}, lacking, missing, absent)

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

    def words(self, key: str, model: GuidelineModel) -> str:
        return model.say("bracketed", model.say(LISTS[key]), model.say(WHYS[self.lacking[key]]))


def queries_of(tables: Tables) -> dict[str, str]:
    """List the FHIR queries of a guideline, as prefetch templates: observations by the codes that its tables know."""
    known = ((url_of(system), code) for (system, code), test in tables.tests.items() if test.finding)
    codes = ",".join(f"{url}|{code}" for url, code in known if url)
    about = f"patient={PATIENT}"
    return {
        "patient": f"Patient/{PATIENT}",
        "conditions": f"Condition?{about}",
        "observations": f"Observation?{about}&code={codes}" if codes else f"Observation?{about}",
        **{
            f"{kind[0].lower()}{kind[1:]}s": f"{kind}?{about}&_include={kind}:medication"
            for kind in ("MedicationRequest", "MedicationStatement", "MedicationAdministration")
        },
        "procedures": f"Procedure?{about}",
    }


def read_given(given: Sequence[bytes], queries: Iterable[str], null_is_none: bool) -> Prefetched:
    """Read what a call holds, empty where a key is missing, in the order of the queries.

    With `null_is_none`, null says that there is nothing, and else that nobody knows.
    """
    parsed: dict[str, ParsedResources] = {}
    lacking: dict[str, str] = {}
    for key, value in zip(queries, given, strict=True):
        if not value or value == b"null":
            if not value or key == "patient" or not null_is_none:
                lacking[key] = "null" if value else "not_sent"
            continue
        own = parse(value)
        if own.partial or own.unreadable or b'"response"' in value or any(map(is_outcome, own.resources)):
            page = page_of(value)
            if why := "unreadable" if page is None else page.why_not_whole():
                lacking[key] = why
                continue
        parsed[key] = own

    missing = tuple(
        key for key in NEEDED if lacking.get(key) in ("not_sent", "error") or (key == "patient" and key in lacking)
    )
    return Prefetched(parsed, lacking, missing, given=() if lacking else tuple(given))


def is_outcome(found: tuple[str | None, Resource]) -> bool:
    return found[1].resourceType == "OperationOutcome"
