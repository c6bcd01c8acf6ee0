"""Whom resources are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Protocol

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError
from reasoner.fhir.bundles import NOT_READ, ParsedResources
from reasoner.fhir.resources import Identifier, Link, Reference, Resource, unversioned

__all__ = ["Persons", "Subjects", "id_of", "subject_of"]


class Named(Protocol):
    """A resource as far as it says whom it is about."""

    id: str | int | None
    subject: Reference | None
    patient: Reference | None
    link: list[Link | None] | None
    identifier: list[Identifier | None] | Identifier | None


class Persons:
    """The persons that Patient resources are, each by all names that references may give: several can be one person.

    They are where one links to another, and where they have an identifier in common.
    """

    def __init__(self) -> None:
        self.same: dict[str, str] = {}
        self.order: dict[str, int] = {}

    def add(self, patient: Named, url: str | None = None) -> None:
        """Add a Patient resource, with its full URL."""
        names = [name for name in (None if patient.id is None else str(patient.id), id_of(url)) if name is not None]
        for own in patient.link or ():
            if own is not None and own.other is not None:
                names += filter(None, [id_of(own.other.reference)])
        self.join([*names, *identifiers(patient.identifier)])

    def join(self, names: Iterable[str]) -> None:
        """Note that names are those of one person; the first that was ever given stands for all."""
        found = dict.fromkeys(self.of(name) for name in names)
        first = min(found, key=lambda name: self.order.setdefault(name, len(self.order)), default="")
        self.same |= dict.fromkeys(found, first)

    def of(self, name: str) -> str:
        """Give the name that stands for a person; the name itself where no Patient has it."""
        while (other := self.same.get(name, name)) != name:
            name = other
        return name


def identifiers(given: list[Identifier | None] | Identifier | None) -> Iterator[str]:
    """Write identifiers so that none is the id of a resource; one without a system or a value names nobody."""
    for own in given if isinstance(given, list) else [given]:
        if own is not None and own.system and own.value not in (None, ""):
            yield f"{own.system} {own.value}"


class Subjects:
    """The patient that resources are about, by all the names that references give the Patient.

    Raises RecordError where they are about several patients.
    """

    def __init__(self, parsed: ParsedResources, model: GuidelineModel) -> None:
        self.persons = Persons()
        self.others: dict[str | None, str] = {}
        own = [(url, r) for url, r in parsed.resources if r.resourceType == "Patient" and (r.id is not None or url)]
        for url, resource in own:
            self.persons.add(resource, url)
        names = [str(resource.id) if resource.id is not None else id_of(url) or "" for url, resource in own]
        if not names:
            told = (subject_of(resource) for _, resource in parsed.resources)
            names = [name for name in told if name not in (None, NOT_READ)]
        patients = dict.fromkeys(self.persons.of(name) for name in names)
        if len(patients) > 1:
            raise RecordError(model.say("fhir_several_patients", str(len(patients)), model.say("comma").join(patients)))
        self.patient = next(iter(patients), None)

    def other(self, resource: Resource) -> str:
        """Give whom a resource is about where that is not certainly the patient."""
        reference = resource.subject or resource.patient
        if reference is None:
            return ""
        found = self.others.get(reference.reference) if reference.reference else None
        if found is None:
            subject = subject_of(resource)
            if subject is None or (self.patient is None and subject != NOT_READ):
                found = ""
            else:
                found = "" if self.persons.of(subject) == self.patient else subject
            if reference.reference:
                self.others[reference.reference] = found
        return found


def subject_of(resource: Named) -> str | None:
    """Give the name of the patient that a resource is about: an id, or an identifier where there is no reference."""
    reference = resource.subject or resource.patient
    if reference is None:
        return None
    return id_of(reference.reference) or next(identifiers(reference.identifier), None)


@lru_cache(maxsize=2**10)
def id_of(reference: str | None) -> str | None:
    """Give the id at the end of a reference."""
    if not reference:
        return None
    return unversioned(reference).rpartition("/")[2].rpartition(":")[2].removeprefix("#") or None
