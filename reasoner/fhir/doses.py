"""Drugs given, from medication administrations, dispenses, requests and statements.

What was only planned, not done or entered in error is not therapy.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import inf
from typing import NamedTuple

from reasoner.fhir.bundles import NOT_READ
from reasoner.fhir.dates import PartialDate, first_date, parse_date
from reasoner.fhir.elements import NO_CODING, Coding, Concept, Period, as_list, texts_of
from reasoner.fhir.elsewhere import told_elsewhere
from reasoner.fhir.evidence import UNDECIDED, EvidenceCollector
from reasoner.fhir.matters import Matters
from reasoner.fhir.medications import Medications
from reasoner.fhir.provenance import Provenance, provenance_of, shortened
from reasoner.fhir.resources import Resource
from reasoner.fhir.systems import system_of
from reasoner.fhir.tables import UNKNOWN, Tables, Test
from reasoner.fhir.words import normalise

__all__ = [
    "GIVEN",
    "Dose",
    "DoseReader",
    "Doses",
    "Reach",
    "Unclear",
    "drugs_mentioned",
    "drugs_named",
    "medications_of",
]

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
NOT_KNOWN = "not_known"
DOUBTS = {
    "differ": "fhir_differ",
    "mentioned": "fhir_mentioned",
    "unknown_drugs": "fhir_unknown_drugs",
    NOT_KNOWN: "fhir_unknown_medication",
}
"""Why it is in doubt which drugs a medication names."""
REASONS = Test("", "ended", "")
TERMINATION = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-treatment-termination-reason"


class Dose(NamedTuple):
    """A drug given on a day or over a time: it began on `start`; `end` is the last day on which it may have been given.

    `open` says that it has not ended, `ended` how it ended, a value of the set "ended"; "undecided" where it ended for a
    reason that is not known, None where nothing says that it ended. `until` is the date of its end as it is told, `reason`
    words a reason that no table knows; `endless` says that it ended, on a day that its period does not tell. `single`
    is one dose, `ordered` one that is known from an order alone.
    """

    drug: str
    start: PartialDate
    end: int
    open: bool
    ended: str | None
    single: bool
    ordered: bool
    source: Provenance
    until: PartialDate
    reason: str = ""
    endless: bool = False


class Unclear(NamedTuple):
    """Therapy of which it is not clear whether, or with which drugs, it was given: what is known of it, why not, when."""

    what: str
    why: str
    date: PartialDate | None
    source: Provenance


class Doses(NamedTuple):
    """The doses read, in the order of their dates, and what makes the therapy uncertain.

    `undated` are drugs without a date, `unclear` what may be therapy, `others` medications that are taken for none of the
    guideline's drugs though no table has them, which happens only where a site says that it knows its data.
    """

    dated: list[Dose]
    undated: list[tuple[str, Provenance]]
    unclear: list[Unclear]
    others: list[Provenance]


class Reach:
    """How far doses reach: the last day on which one that began before a date was given, endless where one is open."""

    def __init__(self, doses: Iterable[Dose]) -> None:
        began = sorted((dose.start, inf if dose.open else dose.end) for dose in doses)
        self.starts = [start for start, _ in began]
        self.ends = list(accumulate((end for _, end in began), max))

    def before(self, date: PartialDate) -> float:
        number = bisect_left(self.starts, date)
        return self.ends[number - 1] if number else -inf


class DoseReader:
    """Reads what medications and other resources say of the guideline's drugs.

    With `silent_is_none`, a medication that is not known is taken for none of the guideline's drugs.
    """

    def __init__(
        self, medications: Medications, matters: Matters, evidence: EvidenceCollector, silent_is_none: bool
    ) -> None:
        self.medications = medications
        self.matters = matters
        self.evidence = evidence
        self.tables = evidence.tables
        self.say = evidence.model.say
        self.silent_is_none = silent_is_none
        self.doubts = {key: evidence.model.say(DOUBTS[key]) for key in DOUBTS}
        self.found = Doses([], [], [], [])
        self.told: list[tuple[list[str], Unclear]] = []
        self.known: dict[Hashable, tuple[dict[str, Coding], str]] = {}

    def doses(self) -> Doses:
        """Give what was read. Where single doses of a drug are recorded, they say how long it was given, orders do not."""
        found = self.found
        given = {dose.drug for dose in found.dated if dose.single}
        found.dated[:] = [d._replace(open=False) if d.ordered and d.drug in given else d for d in found.dated]
        found.dated.sort(key=lambda dose: (dose.start, dose.end, dose.drug, dose.source))
        of_drugs: dict[str, list[Dose]] = {}
        for dose in found.dated if self.told else ():
            of_drugs.setdefault(dose.drug, []).append(dose)
        reach = {drug: Reach(doses) for drug, doses in of_drugs.items()}
        found.unclear.extend(unclear for drugs, unclear in self.told if not self.is_covered(drugs, unclear, reach))
        return found

    def is_covered(self, drugs: Sequence[str], told: Unclear, reach: Mapping[str, Reach]) -> bool:
        """Tell whether the medications tell what other resources tell of therapy: each drug, or any where none is named."""
        near, date = self.tables.periods["starts_together"], told.date
        known = {
            drug
            for drug, own in reach.items()
            if date is None or own.before(PartialDate(date.last + near + 1, 0)) >= date.first - near
        }
        return set(drugs) - {UNKNOWN} <= known if set(drugs) - {UNKNOWN} else bool(known)

    def add_medication(self, name: str, url: str | None, resource: Resource, doubted: str = "") -> None:
        """Add what a medication event says, by its full URL; `doubted` says why nobody can tell whether it counts."""
        state = resource.state()
        planned = resource.intent is not None and resource.intent.strip().lower() in PLANS
        if state in NOT_GIVEN or planned or is_negated(resource):
            return
        period = period_of(resource)
        day = resource.effectiveDateTime or resource.occurenceDateTime or resource.occurrenceDateTime
        start = first_date(day, period.start if period else None, resource.whenHandedOver, resource.authoredOn)
        concepts = medications_of(resource, url, self.medications, self.tables)
        named, why = self.named(concepts) if concepts else ({}, "")
        concept = concepts[0] if concepts else None
        if not named:
            self.add_unnamed(name, concepts, start, why, doubted)
            return
        sources = {drug: provenance_of(name, coding, concept, start) for drug, coding in named.items()}
        kind, why = resource.resourceType or "", why and self.doubts[why]
        if state not in GIVEN[kind] or resource.taken in ("unk", "na"):
            status = resource.status != NOT_READ and resource.status
            why = self.say("fhir_unclear_status", status) if status else self.say("fhir_no_status")
        if not why and self.matters.is_for_another(resource, url):
            why = self.say("fhir_other_reason")
        if why := why or doubted:
            self.found.unclear.extend(
                Unclear(self.evidence.model.label("drug", drug), why, start, source) for drug, source in sources.items()
            )
            return
        self.add_doses(resource, start, sources)

    def add_doses(self, resource: Resource, start: PartialDate | None, sources: Mapping[str, Provenance]) -> None:
        kind, period = resource.resourceType or "", period_of(resource)
        end = parse_date(period.end) if period else None
        single = kind in SINGLE
        ended, reason = how_ended(resource, single, self.evidence)
        for drug, source in sources.items():
            if start is None:
                self.found.undated.append((drug, source))
                continue
            last = max(end.last, start.last) if end is not None else start.last
            running = resource.state() in UNDER_WAY and end is None and not single
            endless = period is not None and end is None and not running and not single
            self.found.dated.append(
                Dose(drug, start, last, running, ended, single, kind == ORDER, source, end or start, reason, endless)
            )

    def named(self, concepts: Sequence[Concept]) -> tuple[dict[str, Coding], str]:
        """List the drugs that concepts name, and why that is in doubt, a key of `DOUBTS`."""
        key = tuple([(own.text, *[(c.system, c.code, c.display) for c in own.codings()]) for own in concepts])
        if (known := self.known.get(key)) is not None:
            return known
        found: dict[str, Coding] = {}
        why = ""
        for concept in concepts:
            drugs = drugs_named(concept, self.tables)
            if drugs is None:
                mentioned = dict.fromkeys(drugs_coded(concept, self.tables)) | dict.fromkeys(
                    drugs_mentioned(concept, self.tables)
                )
                found |= dict.fromkeys(mentioned, concept.first() or NO_CODING)
                why = ("differ" if len(mentioned) > 1 else "mentioned") if mentioned else NOT_KNOWN
            else:
                found |= drugs
        if UNKNOWN in found:
            why = "unknown_drugs"
        self.known[key] = {drug: coding for drug, coding in found.items() if drug not in ("", UNKNOWN)}, why
        return self.known[key]

    def add_unnamed(self, name: str, concepts: Sequence[Concept], start: PartialDate | None, why: str, doubted: str) -> None:
        """Add what a medication that names no drug of the guideline leaves unclear; `why` and `doubted` say why."""
        concept = concepts[0] if concepts else None
        source = provenance_of(name, concept.first() if concept else None, concept, start)
        if concepts and not why:
            self.evidence.unmapped[source] = self.say("fhir_other_drug")
        elif self.silent_is_none and not doubted and why in ("", NOT_KNOWN):
            self.found.others.append(source)
            self.evidence.unmapped[source] = self.say("fhir_unmapped_drug")
        else:
            texts = [shortened(text) for own in concepts for text in texts_of(own)[:1]]
            what = texts[0] if texts else self.say("fhir_a_medication")
            self.found.unclear.append(Unclear(what, doubted or self.doubts[why or NOT_KNOWN], start, source))

    def add_unclear(self, name: str, why: str) -> None:
        """Add a resource that may tell of any therapy."""
        self.found.unclear.append(Unclear(self.say("fhir_a_therapy"), why, None, Provenance(name)))

    def add_told(self, name: str, resource: Resource, doubted: str = "") -> None:
        """Add the therapy that the codes and words of a resource tell which is no medication event."""
        if resource.status in NOT_GIVEN or (resource.intent in PLANS and resource.resourceType == "ServiceRequest"):
            return
        suspects = [own.instance or own.instanceReference for own in resource.suspectEntity or () if own is not None]
        found = [(own, self.medications.of(own, resource, None)) for own in suspects if own is not None]
        suspected = [concepts_of(own) for _, own in found if own is not None]
        referred = [concept for concepts in suspected for concept in concepts]
        gone = any(own is None and not to.display and "Medication/" in (to.reference or "") for to, own in found)
        if gone or any(not own or self.named(own)[1] for own in suspected):
            self.add_unclear(name, self.doubts[NOT_KNOWN])
        for told in told_elsewhere(resource, self.tables, referred):
            coding = told.concept.first() if told.concept is not None else None
            source = provenance_of(name, coding, told.concept, told.date)
            named = [self.evidence.model.label("drug", drug) for drug in told.drugs if drug != UNKNOWN]
            what = self.say("comma").join(named) or self.say("fhir_a_therapy")
            unclear = Unclear(what, doubted or self.say("fhir_told_elsewhere"), told.date, source)
            if told.misdated:
                self.found.unclear.append(unclear)
            else:
                self.told.append((told.drugs, unclear))


def period_of(resource: Resource) -> Period | None:
    """Give the time over which a medication was given; R5 writes it in two ways."""
    return resource.effectivePeriod or resource.occurencePeriod or resource.occurrencePeriod


def is_negated(resource: Resource) -> bool:
    """Tell whether a resource says that a medication is not to be given, or was not given or taken, in any version."""
    return bool(
        resource.doNotPerform or resource.notGiven or resource.wasNotGiven or resource.wasNotTaken or resource.taken == "n"
    )


def how_ended(resource: Resource, single: bool, evidence: EvidenceCollector) -> tuple[str | None, str]:
    """Tell how what a resource gives ended, and in which words where no table knows them.

    None where nothing says so, undecided where the reason is not known.
    """
    stated = as_list(resource.statusReason)
    if resource.extension:
        stated = [*stated, *(e.valueCodeableConcept or Concept() for e in resource.extension if e.url == TERMINATION)]
    if stated:
        reasons = {evidence.values.coded_value(reason, (REASONS,))[0] for reason in stated} - {None, UNDECIDED}
        if len(reasons) == 1:
            return reasons.pop(), ""
    if stated or resource.state() == "stopped":
        words = (text for reason in stated for text in (*texts_of(reason), *(own.code for own in reason.codings())) if text)
        return UNDECIDED, next(words, "")
    completed = resource.status == "completed" and not single
    return (next(iter(evidence.model.as_planned), None) if completed else None), ""


def drugs_coded(concept: Concept, tables: Tables) -> dict[str, Coding]:
    """List the drugs that the codes of a concept name."""
    found: dict[str, Coding] = {}
    for coding in concept.codings():
        for drug in tables.drugs_of(system_of(coding.system), coding.code or ""):
            found.setdefault(drug, coding)
    return found


def drugs_named(concept: Concept, tables: Tables) -> dict[str, Coding] | None:
    """List the drugs that a medication names by its codes, or by its texts where no code is known.

    The empty name stands for a drug that is none of the guideline's, "unknown" for therapy whose drugs are not told; None
    is given where nobody can tell: no code or word is known, a drug, be it none of the guideline's, is named among other
    words, or codes and texts name different drugs.
    """
    texts = [normalise(text) for text in texts_of(concept)]
    known = (tables.drugs_of(system_of(coding.system), coding.code or "") for coding in concept.codings())
    coded = [set(drugs) for drugs in known if drugs]
    mentioned = [own for text in texts if (own := {drug for drug in tables.mentioned(text) if drug})]
    if coded:
        widest = max(coded, key=len)
        consistent = all(own <= widest for own in coded) and all(own <= widest for own in mentioned)
        return drugs_coded(concept, tables) if consistent else None
    coding = concept.first() or NO_CODING
    if mentioned:
        same = all(own == mentioned[0] for own in mentioned)
        sure = same and all(tables.is_plain(text) for text in texts if any(tables.mentioned(text)))
        return dict.fromkeys(sorted(mentioned[0]), coding) if sure else None
    return {"": coding} if tables.are_of_another(texts) else None


def drugs_mentioned(concept: Concept, tables: Tables) -> list[str]:
    """List the guideline's drugs whose names stand in the texts of a medication."""
    mentioned = (drug for text in texts_of(concept) for drug in tables.mentioned(normalise(text)))
    return [drug for drug in dict.fromkeys(mentioned) if drug and drug != UNKNOWN]


def concepts_of(medication: Resource) -> list[Concept]:
    """List the concepts that name a Medication: its code, and its ingredients."""
    code = [] if medication.code is None else [medication.code]
    return [*code, *(ingredient.concept() for ingredient in medication.ingredient or ())]


def medications_of(resource: Resource, url: str | None, medications: Medications, tables: Tables) -> list[Concept]:
    """List the medication that a resource names or refers to, or its ingredients where its code names no drug.

    Where it is not there, the reference's display is taken.
    """
    either = resource.medication
    concept = resource.medicationCodeableConcept or (either.concept if either is not None else None)
    if concept is not None:
        return [concept]
    reference = resource.medicationReference or (either.reference if either is not None else None)
    if reference is None:
        return []
    known = medications.of(reference, resource, url)
    if known is None:
        return [Concept(text=reference.display)]
    own = [] if known.code is None else [known.code]
    ingredients = [ingredient.concept() for ingredient in known.ingredient or ()]
    return own if not ingredients or (own and drugs_named(own[0], tables)) else ingredients
