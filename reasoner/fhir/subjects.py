"""Whom resources are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Protocol

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError
from reasoner.fhir.bundles import NOT_READ, ParsedResources
from reasoner.fhir.resources import HumanName, Identifier, Link, Reference, Resource, unversioned

__all__ = ["Named", "Persons", "Subjects", "id_of", "is_patient", "named", "subject_of"]

WHOLE_DATE = len("2020-01-31")
OF_TYPE = re.compile(r"[A-Z][A-Za-z]+/")


class Named(Protocol):
    """A resource as far as it says whom it is about, or which person it is."""

    id: str | int | None
    subject: Reference | None
    patient: Reference | None
    link: list[Link | None] | None
    identifier: list[Identifier | None] | Identifier | None
    name: list[HumanName | None] | HumanName | str | None
    birthDate: str | None  # noqa: N815 (FHIR's name)
    gender: str | None


class Persons:
    """The persons that Patient resources are, each by all names that references may give: several can be one person.

    They are where one links to another Patient, and where they have an identifier in common, and the name, the date of birth
    and the gender as well: an identifier alone may stand for everybody whose own is not known.
    """

    def __init__(self) -> None:
        self.same: dict[str, str] = {}
        self.order: dict[str, int] = {}
        self.bearers: dict[str, list[str]] = {}
        self.alike: dict[tuple[str, ...], str] = {}

    def add(self, patient: Named, url: str | None = None) -> None:
        """Add a Patient resource, with its full URL."""
        names = [name for name in (None if patient.id is None else str(patient.id), id_of(url)) if name is not None]
        for own in patient.link or ():
            if own is not None and own.other is not None:
                names += [name for name in [named(own.other)] if name is not None and is_patient(name)]
        described = list(descriptions(patient))
        for identifier in identifiers(patient.identifier):
            if names:
                self.bearers.setdefault(identifier, []).append(names[0])
                names += [self.alike.setdefault((identifier, *own), names[0]) for own in described]
        self.join(names)

    def join(self, names: Iterable[str]) -> None:
        """Note that names are those of one person; the first that was ever given stands for all."""
        found = dict.fromkeys(self.of(name) for name in names)
        first = min(found, key=lambda name: self.order.setdefault(name, len(self.order)), default="")
        self.same |= dict.fromkeys(found, first)

    def of(self, name: str) -> str:
        """Give the name that stands for a person; the name itself where no Patient has it, or several persons do."""
        if (bearers := self.bearers.get(name)) is not None:
            persons = {self.of(own) for own in bearers}
            return persons.pop() if len(persons) == 1 else name
        while (other := self.same.get(name, name)) != name:
            name = other
        return name

    def is_shared(self, name: str) -> bool:
        """Tell whether a name is an identifier of several persons."""
        return name in self.bearers and self.of(name) == name


def identifiers(given: list[Identifier | None] | Identifier | None) -> Iterator[str]:
    """Write identifiers so that none is the id of a resource; one without a system or a value names nobody."""
    for own in given if isinstance(given, list) else [given]:
        if own is not None and own.system and own.value not in (None, ""):
            yield f"{own.system} {own.value}"


def descriptions(patient: Named) -> Iterator[tuple[str, str, str, str]]:
    """Give the family name, the given name, the date of birth and the gender of a person, by each name; all are told."""
    names = patient.name if isinstance(patient.name, list) else [patient.name]
    born, gender = patient.birthDate or "", (patient.gender or "").lower()
    for own in names:
        if isinstance(own, HumanName) and len(born) == WHOLE_DATE and gender not in ("", "unknown"):
            family, given = folded(own.family), folded(own.given).partition(" ")[0]
            if family and given:
                yield family, given, born, gender


def folded(parts: list[str | None] | str | None) -> str:
    """Write a part of a name without regard to case and spaces."""
    words = parts if isinstance(parts, list) else [parts]
    return " ".join(" ".join(word for word in words if word).casefold().split())


class Subjects:
    """The patient that resources are about, by all the names that references give the Patient.

    Raises RecordError where they are about several patients.
    """

    def __init__(self, parsed: ParsedResources, model: GuidelineModel) -> None:
        self.persons = Persons()
        self.others: dict[tuple[str, str | None], str] = {}
        own = [(url, r) for url, r in parsed.resources if r.resourceType == "Patient" and (r.id is not None or url)]
        for url, resource in own:
            self.persons.add(resource, url)
        names = [str(resource.id) if resource.id is not None else id_of(url) or "" for url, resource in own]
        if not names:
            told = (subject_of(resource) for _, resource in parsed.resources)
            names = [name for name in told if name is not None and name != NOT_READ and is_patient(name)]
        patients = dict.fromkeys(self.persons.of(name) for name in names)
        if len(patients) > 1:
            raise RecordError(model.say("fhir_several_patients", str(len(patients)), model.say("comma").join(patients)))
        self.patient = next(iter(patients), None)

    def other(self, resource: Resource) -> str:
        """Give whom a resource is about where that is not certainly the patient."""
        reference = resource.subject or resource.patient
        if reference is None:
            return ""
        key = (reference.reference, reference.type) if reference.reference else None
        found = self.others.get(key) if key is not None else None
        if found is None:
            subject = subject_of(resource)
            if subject is None or (self.patient is None and subject != NOT_READ and is_patient(subject)):
                found = ""
            else:
                found = "" if self.persons.of(subject) == self.patient else subject
            if key is not None:
                self.others[key] = found
        return found


def subject_of(resource: Named) -> str | None:
    """Give the name of whom a resource is about: an id, or an identifier where there is no reference.

    The name of what is no Patient begins with its type: ``Group/7``.
    """
    reference = resource.subject or resource.patient
    return None if reference is None else named(reference)


def named(reference: Reference) -> str | None:
    """Give the name by which a reference, or else its identifier, refers to somebody."""
    name = id_of(reference.reference) or next(identifiers(reference.identifier), None)
    kind = (reference.type or "Patient").rpartition("/")[2]
    return name if name is None or kind == "Patient" or not is_patient(name) else f"{kind}/{name}"


def is_patient(name: str) -> bool:
    """Tell whether a name can be that of a patient: it does not begin with another type."""
    return OF_TYPE.match(name) is None


@lru_cache(maxsize=2**10)
def id_of(reference: str | None) -> str | None:
    """Give the id at the end of a reference, with the type before it where that is not Patient."""
    if not reference:
        return None
    rest, _, last = unversioned(reference).rpartition("/")
    name = last.rpartition(":")[2].removeprefix("#")
    kind = rest.rpartition("/")[2]
    typed = kind not in ("", "Patient") and not rest.endswith(f"//{kind}") and OF_TYPE.match(f"{kind}/") is not None
    return (f"{kind}/{name}" if typed else name) or None
