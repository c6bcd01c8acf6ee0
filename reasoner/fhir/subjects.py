"""Whom resources are about."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Protocol

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError
from reasoner.fhir.bundles import NOT_READ, ParsedResources
from reasoner.fhir.dates import PartialDate, parse_date
from reasoner.fhir.elements import HumanName, Identifier, Reference
from reasoner.fhir.resources import Link, Located, base_of, unversioned

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
    and the gender as well: an identifier alone may stand for everybody whose own is not known. An id is that of one person
    unless several servers have it: then it is one with the server's address alone. All names are to be met before any
    Patient is added.
    """

    def __init__(self) -> None:
        self.servers: dict[str, set[str]] = {}
        self.same: dict[str, str] = {}
        self.order: dict[str, int] = {}
        self.bearers: dict[str, list[str]] = {}
        self.alike: dict[tuple[str, ...], str] = {}

    def meet(self, name: str | None) -> None:
        """Note which server a name says that its id is of."""
        if name is not None and (base := base_of(name)):
            self.servers.setdefault(name[len(base) :], set()).add(base)

    def add(self, patient: Named, url: str | None = None) -> None:
        """Add a Patient resource, with its full URL."""
        names = own_names(patient, url)
        for own in patient.link or ():
            if own is not None and own.other is not None:
                names += [name for name in [named(own.other, url)] if name is not None and is_patient(name)]
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
        if (base := base_of(name)) and self.servers.get(name[len(base) :], {base}) == {base}:
            name = name.rpartition("/")[2]
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


def own_names(patient: Named, url: str | None) -> list[str]:
    """List the names of a Patient resource by its id and its full URL, which says whose server the id is of."""
    name = None if patient.id is None else str(patient.id)
    known = id_of(url)
    if name is not None and known is not None and base_of(known):
        name = f"{base_of(known)}/Patient/{name}"
    return [own for own in (name, known) if own is not None]


class Subjects:
    """The patient that resources are about, by all the names that references give the Patient.

    `others` says for each resource whom it is about where that is not certainly the patient.

    Raises RecordError where they are about several patients.
    """

    def __init__(self, parsed: ParsedResources, model: GuidelineModel) -> None:
        self.persons = Persons()
        self.subjects = subjects_of(parsed.resources)
        own = [(url, r) for url, r in parsed.resources if r.resourceType == "Patient" and (r.id is not None or url)]
        told = dict.fromkeys(name for name in self.subjects if name is not None)
        for name in (*told, *(name for url, resource in own for name in own_names(resource, url))):
            self.persons.meet(name)
        for url, resource in own:
            self.persons.add(resource, url)
        names = [own_names(resource, url)[0] for url, resource in own]
        if not names:
            names = [name for name in told if name != NOT_READ and is_patient(name)]
        patients = dict.fromkeys(self.persons.of(name) for name in names)
        if len(patients) > 1:
            raise RecordError(model.say("fhir_several_patients", str(len(patients)), model.say("comma").join(patients)))
        self.patient = next(iter(patients), None)
        days = {parse_date(resource.birthDate) for _, resource in own} - {None}
        self.born: PartialDate | None = days.pop() if len(days) == 1 else None
        other: dict[str | None, str] = {name: "" if self.is_theirs(name) else name for name in told}
        self.others = [other.get(name, "") for name in self.subjects]

    def is_theirs(self, subject: str) -> bool:
        """Tell whether somebody is certainly the patient."""
        untold = self.patient is None and subject != NOT_READ and is_patient(subject)
        return untold or self.persons.of(subject) == self.patient


def subjects_of(located: Iterable[Located]) -> list[str | None]:
    """List whom resources are about, as `subject_of` names them; what is named alike is looked up once."""
    found: list[str | None] = []
    known: dict[Hashable, str | None] = {}
    for url, resource in located:
        reference = resource.subject or resource.patient
        if reference is None:
            found.append(None)
            continue
        own = reference.reference
        if not own or reference.identifier is not None:
            found.append(named(reference, url))
            continue
        place = url.rpartition("/")[0] if url and url[-1] != "/" else ""
        key = (own, reference.type, place) if place or reference.type else own
        if key not in known:
            known[key] = named(reference, url)
        found.append(known[key])
    return found


def subject_of(resource: Named, url: str | None = None) -> str | None:
    """Give the name of whom a resource with a full URL is about: an id, or an identifier where there is no reference.

    A name says of which server the id is, where that is told. That of what is no Patient begins with its type: ``Group/7``.
    """
    reference = resource.subject or resource.patient
    return None if reference is None else named(reference, url)


def named(reference: Reference, url: str | None = None) -> str | None:
    """Give the name by which a reference of a resource with a full URL, or else its identifier, refers to somebody."""
    own = reference.reference
    relative = own is not None and own.startswith("Patient/")
    name = id_of(f"{server_of(url)}{own}" if relative else own) or next(identifiers(reference.identifier), None)
    kind = (reference.type or "Patient").rpartition("/")[2]
    return name if name is None or kind == "Patient" or not is_patient(name) else f"{kind}/{name}"


def is_patient(name: str) -> bool:
    """Tell whether a name can be that of a patient: it does not begin with another type."""
    return OF_TYPE.match(name) is None


def server_of(url: str | None) -> str:
    """Give what a relative reference of a resource with a full URL is relative to, if that is told."""
    base = base_of(unversioned(url)) if url is not None and url.startswith("http") else ""
    return f"{base}/" if base else ""


def id_of(reference: str | None) -> str | None:
    """Give the id at the end of a reference, with the type before it where that is not Patient.

    That of a Patient has the address of its server before it where that is told, be it http or https.
    """
    if not reference:
        return None
    whole = unversioned(reference)
    if (base := base_of(whole)) and whole.startswith(f"{base}/Patient/"):
        return whole.replace("https:", "http:", 1)
    rest, _, last = whole.rpartition("/")
    name = last.rpartition(":")[2].removeprefix("#")
    kind = rest.rpartition("/")[2]
    typed = kind not in ("", "Patient") and not rest.endswith(f"//{kind}") and OF_TYPE.match(f"{kind}/") is not None
    return (f"{kind}/{name}" if typed else name) or None
