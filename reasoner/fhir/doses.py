"""Drugs given, from medication administrations, dispenses, requests and statements.

What was only planned, not done or entered in error is not therapy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reasoner.fhir.bundles import ParsedResources
from reasoner.fhir.dates import PartialDate, first_date, parse_date
from reasoner.fhir.evidence import UNDECIDED, EvidenceCollector
from reasoner.fhir.provenance import Provenance, provenance_of
from reasoner.fhir.resources import NO_CODING, Coding, Concept, Resource, as_list
from reasoner.fhir.tables import TEXT, Tables, Test, normalise, system_of

__all__ = ["GIVEN", "Dose", "Doses", "drugs_mentioned", "drugs_named", "index_medications", "medication_of", "read_doses"]

GIVEN = {
    "MedicationAdministration": {"completed", "in-progress", "on-hold", "stopped"},
    "MedicationStatement": {"active", "completed", "stopped", "on-hold"},
    "MedicationRequest": {"active", "completed", "stopped", "on-hold"},
    "MedicationDispense": {"in-progress", "completed", "on-hold", "stopped"},
}
NOT_GIVEN = {"cancelled", "declined", "draft", "entered-in-error", "intended", "not-done", "not-taken", "preparation"}
UNDER_WAY = {"active", "in-progress", "on-hold"}
PLANS = {"proposal", "plan", "option"}
ORDER = "MedicationRequest"
SINGLE = ("MedicationAdministration", "MedicationDispense")
REASONS = Test("", "ended", "")


class Dose(NamedTuple):
    """A drug given on a day or over a time: `start` and `end` are days, `open` says that it has not ended.

    `ended` is how it ended, a value of the set "ended"; "undecided" where it ended for a reason that is not known, None
    where nothing says that it ended. `single` is one dose, `ordered` one that is known from an order alone.
    """

    drug: str
    start: int
    end: int
    open: bool
    ended: str | None
    single: bool
    ordered: bool
    source: Provenance


class Unclear(NamedTuple):
    """A drug that may or may not have been given, and why that is unclear."""

    drug: str
    why: str
    source: Provenance


class Doses(NamedTuple):
    """The doses read, in the order of their dates, and what makes the therapy uncertain.

    `undated` are drugs without an exact date, `unclear` those of which it is not clear that they were given, `uncoded`
    medications that may be drugs of the guideline, as they have no code of a system that the tables look drugs up in.
    """

    dated: list[Dose]
    undated: list[tuple[str, Provenance]]
    unclear: list[Unclear]
    uncoded: list[Provenance]


def read_doses(
    resources: Iterable[tuple[str, Resource]], medications: Mapping[str, Concept], evidence: EvidenceCollector
) -> Doses:
    """Read the drugs that were given; other medications are noted as unmapped.

    Where single doses of a drug are recorded, they say how long it was given, and orders do not.
    """
    found = Doses([], [], [], [])
    for name, resource in resources:
        if resource.status not in NOT_GIVEN and resource.intent not in PLANS and not resource.doNotPerform:
            read_medication(name, resource, medication_of(resource, medications), evidence, found)
    given = {dose.drug for dose in found.dated if dose.single}
    found.dated[:] = [d._replace(open=False) if d.ordered and d.drug in given else d for d in found.dated]
    found.dated.sort(key=lambda dose: (dose.start, dose.end, dose.drug, dose.source))
    return found


def read_medication(
    name: str, resource: Resource, concept: Concept | None, evidence: EvidenceCollector, found: Doses
) -> None:
    """Add what one resource says of the drugs that its medication names."""
    say, period = evidence.model.say, resource.effectivePeriod
    start = first_date(
        resource.effectiveDateTime, period.start if period else None, resource.whenHandedOver, resource.authoredOn
    )
    named = drugs_named(concept, evidence.tables)
    if not named:
        read_unnamed(name, concept, start, evidence, found)
        return
    sources = {drug: provenance_of(name, coding, concept, start) for drug, coding in named.items()}
    kind = resource.resourceType or ""
    if resource.status not in GIVEN[kind]:
        why = say("fhir_unclear_status", resource.status) if resource.status else say("fhir_no_status")
        found.unclear.extend(Unclear(drug, why, source) for drug, source in sources.items())
        return
    end = parse_date(period.end) if period else None
    single = kind in SINGLE
    ended = how_ended(resource, single, evidence)
    for drug, source in sources.items():
        if start is None or start.first != start.last:
            found.undated.append((drug, source))
            continue
        last = max(end.last, start.last) if end is not None else start.last
        running = resource.status in UNDER_WAY and end is None and not single
        found.dated.append(Dose(drug, start.first, last, running, ended, single, kind == ORDER, source))


def read_unnamed(
    name: str, concept: Concept | None, start: PartialDate | None, evidence: EvidenceCollector, found: Doses
) -> None:
    """Add what a medication that names no drug leaves unclear."""
    source = provenance_of(name, next(concept.codings(), None) if concept else None, concept, start)
    mentioned = drugs_mentioned(concept, evidence.tables)
    found.unclear.extend(Unclear(drug, evidence.model.say("fhir_mentioned"), source) for drug in mentioned)
    systems = {system_of(coding.system) for coding in concept.codings() if coding.code} if concept is not None else set()
    if not mentioned and systems.isdisjoint(evidence.tables.drug_systems):
        found.uncoded.append(source)
    evidence.unmapped[source] = evidence.model.say("fhir_unmapped_drug")


def how_ended(resource: Resource, single: bool, evidence: EvidenceCollector) -> str | None:
    """Tell how what a resource gives ended: None where nothing says so, undecided where the reason is not known."""
    reasons = {evidence.coded_value(reason, (REASONS,))[0] for reason in as_list(resource.statusReason)} - {None, UNDECIDED}
    if len(reasons) == 1:
        return reasons.pop()
    if reasons or resource.status == "stopped":
        return UNDECIDED
    completed = resource.status == "completed" and not single
    return next(iter(evidence.model.as_planned), None) if completed else None


def drugs_named(concept: Concept | None, tables: Tables) -> dict[str, Coding]:
    """List the drugs that the codes of a medication name, or all its texts, word for word, where no code is known."""
    if concept is None:
        return {}
    found: dict[str, Coding] = {}
    for coding in concept.codings():
        for drug in tables.drugs.get((system_of(coding.system), coding.code or ""), ()):
            found.setdefault(drug, coding)
    if not found:
        named = {text: tables.drugs.get((TEXT, text), []) for text in texts_of(concept)}
        drugs = [drug for own in named.values() for drug in own]
        if all(set(tables.mentioned(text)) == set(drugs) == set(own) for text, own in named.items()):
            found = dict.fromkeys(drugs, next(concept.codings(), NO_CODING))
    return found


def drugs_mentioned(concept: Concept | None, tables: Tables) -> list[str]:
    """List the drugs whose names stand in the texts of a medication."""
    texts = texts_of(concept) if concept is not None else ()
    return list(dict.fromkeys(drug for text in texts for drug in tables.mentioned(text)))


def texts_of(concept: Concept) -> list[str]:
    """Give the texts of a concept and of its codings, written as the tables do."""
    return [normalise(text) for text in (concept.text, *(coding.display for coding in concept.codings())) if text]


def index_medications(parsed: ParsedResources) -> dict[str, Concept]:
    """Index the concepts of Medication resources by the references to them."""
    found: dict[str, Concept] = {}
    for url, resource in parsed.resources:
        if resource.resourceType == "Medication" and resource.code is not None:
            for name in (url, f"Medication/{resource.id}", f"urn:uuid:{resource.id}"):
                if name is not None:
                    found.setdefault(name, resource.code)
    return found


def medication_of(resource: Resource, medications: Mapping[str, Concept]) -> Concept | None:
    """Find the medication that a resource names or refers to; where it is not there, take the reference's display."""
    if resource.medicationCodeableConcept is not None:
        return resource.medicationCodeableConcept
    reference = resource.medicationReference
    if reference is None:
        return None
    contained = (own.code for own in resource.contained or () if reference.reference == f"#{own.id}")
    known = next(contained, None) or medications.get(reference.reference or "")
    return known or Concept(text=reference.display)
