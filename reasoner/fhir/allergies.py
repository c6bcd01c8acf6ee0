"""What allergies and intolerances say of the findings that the tables name, and that there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reasoner.fhir.codes import DRUG, UNDECIDED, WHOLE, Diagnosis
from reasoner.fhir.dates import PartialDate
from reasoner.fhir.doses import drugs_mentioned, drugs_named
from reasoner.fhir.elements import Coding, Concept, first_code, texts_of
from reasoner.fhir.evidence import ERROR, REFUTED, Evidence, EvidenceCollector
from reasoner.fhir.onsets import ENDED, onset_of, whether_active
from reasoner.fhir.provenance import Provenance, provenance_of
from reasoner.fhir.resources import Resource
from reasoner.fhir.words import ANY

__all__ = ["ALLERGY", "AllergyReader"]

ALLERGY = "AllergyIntolerance"
NO_DRUGS = {"food", "environment"}
"""Categories of substances that are no medications."""

Said = tuple[Diagnosis, Coding | None]


class AllergyReader:
    """Reads what allergies say. `unknown` are those of which nobody can tell what they are to."""

    def __init__(self, evidence: EvidenceCollector) -> None:
        self.evidence = evidence
        self.tables = evidence.tables
        self.table = evidence.tables.allergies
        self.unknown: list[Evidence] = []
        self.findings = [finding for finding in self.table.findings if finding != ANY]

    def add(self, resource: Resource, name: str, doubted: bool) -> None:
        """Read an allergy: undecided where it is not confirmed or `doubted`; refuted, it says what it is as a whole."""
        statuses = {own for own in (first_code(resource.verificationStatus), resource.status) if own is not None}
        if ERROR in statuses:
            return
        refuted, confirmed = statuses == {REFUTED}, statuses <= {"confirmed"}
        date = onset_of(resource, self.evidence.born)
        found: dict[str, dict[str, Coding | None]] = {}
        known = False
        for own, coding in self.said(resource.code):
            known = True
            value = self.value(own.value, resource, refuted)
            for finding in self.findings if own.finding == ANY else filter(None, [own.finding]):
                if value:
                    found.setdefault(finding, {}).setdefault(value, coding)
        active, until = whether_active(resource)
        for finding, values in found.items():
            value, coding = next(iter(values.items()))
            value = value if len(values) == 1 and confirmed | refuted and not doubted else UNDECIDED
            source = provenance_of(name, coding, resource.code, date)
            lasting = active is not False
            self.evidence.add(finding, Evidence(value, date, source, lasting, active=active, until=until))
        if not known and not refuted:
            self.add_unknown(resource, name, date)
        if not found:
            say = self.evidence.model.say
            why = say("fhir_unmapped_allergy" if not known else "fhir_refuted" if refuted else "fhir_no_consequence")
            self.evidence.leave_out(name, resource.code, resource.recordedDate, why)

    def said(self, concept: Concept | None) -> Iterator[Said]:
        """Yield what the codes of an allergy say, and its texts that are those of the tables, and the drugs it is to."""
        if concept is None:
            return
        for coding in concept.codings():
            yield from ((own, coding) for own in self.table.said_by(coding))
        for text in texts_of(concept):
            yield from ((own, concept.first()) for own in self.table.worded(text))
        drugs = drugs_named(concept, self.tables)
        for drug, coding in (drugs or {}).items():
            rows = self.table.rows.get((DRUG, drug, ""), [Diagnosis("", "")])
            yield from ((own, coding) for own in rows)
        if drugs is None:
            mentioned = (own for drug in drugs_mentioned(concept, self.tables) for own in self.table.of(DRUG, drug))
            worded = (own for text in texts_of(concept) for own in self.table.described(text))
            known = {own.finding for text in texts_of(concept) for own in self.table.worded(text)}
            coded = {own.finding for coding in concept.codings() for own in self.table.said_by(coding)}
            for own in (*mentioned, *worded):
                if own.finding not in known | coded:
                    yield own._replace(value=UNDECIDED), concept.first()

    def value(self, value: str, resource: Resource, refuted: bool) -> str:
        """Give what an allergy says by what its code says; nothing where that is refuted, or no longer so."""
        if value in ("true", WHOLE):
            return "true" if not refuted else "false" if value == WHOLE else ""
        if refuted:
            return UNDECIDED
        return "" if first_code(resource.clinicalStatus) in ENDED else value

    def add_unknown(self, resource: Resource, name: str, date: PartialDate | None) -> None:
        """Add an allergy to nobody knows what, unless it is said to be to no medication."""
        given = resource.category if isinstance(resource.category, list) else [resource.category]
        categories = {own for own in given if isinstance(own, str)}
        if not categories or not categories <= NO_DRUGS:
            coding = resource.code.first() if resource.code else None
            self.unknown.append(Evidence(UNDECIDED, date, provenance_of(name, coding, resource.code, date)))

    def add_doubt(self, name: str) -> None:
        """Add what may be an allergy to anything."""
        self.unknown.append(Evidence(UNDECIDED, None, Provenance(name)))

    def settle(self) -> None:
        """Leave open what is told to be none, and name what may be any, where an allergy is not known."""
        for finding in self.findings if self.unknown else ():
            told: Iterable[Evidence] = self.evidence.of(finding)
            self.evidence.found[finding] = [
                own._replace(value=UNDECIDED) if own.value != "true" and not own.by else own for own in told
            ] + self.unknown
