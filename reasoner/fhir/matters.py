"""What resources are about beside the patient: whether it may be another disease than the guideline's cancer."""

from __future__ import annotations

from collections.abc import Iterable

from reasoner.fhir.elements import Coding, Concept, Reference, as_list, texts_of
from reasoner.fhir.resources import Located, Resource, base_of, unversioned
from reasoner.fhir.subjects import Subjects, named
from reasoner.fhir.tables import Tables

__all__ = ["Matters"]

RELATED = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-primary-cancer-condition"


class Matters:
    """Tells what results, diagnoses and therapies are about, by the diagnoses that they refer to."""

    def __init__(self, located: Iterable[Located], tables: Tables, subjects: Subjects) -> None:
        self.tables = tables
        self.subjects = subjects
        counted = (mapping.of[0] for mapping in tables.facts if mapping.method == "courses_from")
        self.staged = {tables.cancer, *(test.finding for test in tables.stages), *counted}
        self.others = {mapping.of[1] for mapping in tables.facts if mapping.method == "this_cancer"}
        self.conditions: dict[str, dict[str, set[str]]] = {}
        for given, resource in located:
            if resource.resourceType == "Condition":
                sites = [coding for concept in as_list(resource.bodySite) for coding in concept.codings()]
                findings = self.findings(resource.code, sites) if resource.code is not None else set()
                url = unversioned(given or "")
                base = base_of(url)
                for name in {f"Condition/{resource.id}", url} - {""}:
                    self.conditions.setdefault(name, {}).setdefault(base, set()).update(findings or {""})

    def findings(self, concept: Concept, sites: Iterable[Coding] = ()) -> set[str]:
        """List the findings that the codes and words of a diagnosis name."""
        coded = {own.finding for coding in concept.codings() for own in self.tables.diagnoses(coding, sites)}
        return coded | {
            own.finding for text in texts_of(concept) for own in self.tables.conditions.described(text) if own.finding
        }

    def referred(self, reference: Reference, url: str | None) -> set[str]:
        """List the findings of a diagnosis that a resource with a full URL refers to.

        None where it is not there, may be one of another server, or is no diagnosis.
        """
        name = unversioned(reference.reference or "")
        base = base_of(name) or base_of(unversioned(url or ""))
        found = self.conditions.get(name) or self.conditions.get("/".join(name.rsplit("/", 2)[-2:])) or {}
        servers = {base, ""} if base else {*found}
        return set[str]().union(*(own for server, own in found.items() if server in servers))

    def is_another(self, resource: Resource, url: str | None) -> bool:
        """Tell whether a result or a diagnosis may be about something else than the patient or the guideline's cancer."""
        for own in resource.focus or ():
            name = named(own, url)
            if name is not None and self.subjects.patient == self.subjects.persons.of(name):
                continue
            if not (found := self.referred(own, url)) or found & {*self.others, ""}:
                return True
        if not resource.extension:
            return False
        return any(not self.referred(own, url) & self.staged for own in related(resource))

    def is_tied(self, resource: Resource, url: str | None) -> bool:
        """Tell whether a diagnosis names the guideline's cancer as the primary that it is of."""
        return any(self.tables.cancer in self.referred(own, url) for own in related(resource))

    def is_for_another(self, resource: Resource, url: str | None) -> bool:
        """Tell whether the reasons for a medication are told, and none of them is the guideline's cancer."""
        if not (resource.reasonCode or resource.reasonReference or resource.reason):
            return False
        given = resource.reason or []
        concepts = [*as_list(resource.reasonCode), *(own.concept for own in given if own.concept is not None)]
        references = [*(resource.reasonReference or ()), *(own.reference for own in given if own.reference is not None)]
        named = [self.findings(own) for own in concepts if texts_of(own) or any(own.codings())]
        named += [self.referred(own, url) for own in references]
        return bool(named) and not any(found & self.staged for found in named)


def related(resource: Resource) -> list[Reference]:
    """List the primary cancers that a diagnosis refers to."""
    return [own.valueReference or Reference() for own in resource.extension or () if own.url == RELATED]
