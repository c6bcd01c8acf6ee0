"""Whom resources are about."""

from __future__ import annotations

from functools import lru_cache

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError
from reasoner.fhir.bundles import NOT_READ, ParsedResources
from reasoner.fhir.resources import Resource, unversioned

__all__ = ["Subjects", "id_of"]


class Subjects:
    """The patient that resources are about, by all the names that references give the Patient.

    Raises RecordError where they are about several patients.
    """

    def __init__(self, parsed: ParsedResources, model: GuidelineModel) -> None:
        self.names: dict[str, str] = {}
        self.others: dict[str | None, str] = {}
        patients: dict[str, None] = {}
        for url, resource in parsed.resources:
            if resource.resourceType == "Patient" and (resource.id is not None or url is not None):
                own = str(resource.id) if resource.id is not None else id_of(url) or ""
                patients[own] = None
                self.names |= {own: own} | ({name: own} if (name := id_of(url)) else {})
        if not patients:
            patients = {subject: None for _, resource in parsed.resources if (subject := subject_of(resource)) is not None}
            patients = {name: None for name in patients if name != NOT_READ}
        if len(patients) > 1:
            raise RecordError(model.say("fhir_several_patients", str(len(patients)), model.say("comma").join(patients)))
        self.patient = next(iter(patients), None)

    def other(self, resource: Resource) -> str:
        """Give whom a resource is about where that is not certainly the patient."""
        reference = resource.subject or resource.patient
        if reference is None:
            return ""
        found = self.others.get(reference.reference)
        if found is None:
            subject = id_of(reference.reference)
            if subject is None or (self.patient is None and subject != NOT_READ):
                found = ""
            else:
                found = "" if self.names.get(subject, subject) == self.patient else subject
            self.others[reference.reference] = found
        return found


def subject_of(resource: Resource) -> str | None:
    """Give the id of the patient that a resource is about."""
    reference = resource.subject or resource.patient
    return id_of(reference.reference) if reference is not None else None


@lru_cache(maxsize=2**10)
def id_of(reference: str | None) -> str | None:
    """Give the id at the end of a reference."""
    if not reference:
        return None
    return unversioned(reference).rpartition("/")[2].rpartition(":")[2].removeprefix("#") or None
