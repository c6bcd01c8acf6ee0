"""A patient's record, validated against the facts that the guideline declares."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import RecordError, nearest
from reasoner.records.encoding import encode_value
from reasoner.records.values import fail, show

__all__ = ["OPEN", "Record", "parse_record"]

OPEN = -1


class Record(NamedTuple):
    """A valid record of one patient.

    `data` is the record as given; `courses` counts its courses of therapy. `choices` holds for each variable of the
    guideline the number of its recorded value, or -1 where it is open. `atoms` are the other atoms that the record makes
    true, as clingo text; `facts` is the whole record as clingo facts, for plain clingo. `sources` tells for each fact, and
    each course, where it was read, and `remarks` what else is to be said of that, where the record was read from elsewhere.
    """

    id: str
    data: Mapping[str, object]
    courses: int
    choices: tuple[int, ...]
    atoms: tuple[str, ...]
    facts: str
    sources: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    remarks: tuple[str, ...] = ()


def parse_record(data: object, model: GuidelineModel) -> Record:
    """Validate one record, as parsed from JSON.

    Raises RecordError naming the field, what was found and what is allowed.
    """
    if not isinstance(data, Mapping):
        raise RecordError(f"a record is a JSON object, not {show(data)}")
    if "resourceType" in data:
        raise RecordError("resourceType: this is a FHIR resource, not a record (see: reasoner example)")
    allowed = ("id", *(fact.name for fact in model.facts))
    for key in data:
        if key not in allowed:
            fail(
                str(key) if isinstance(key, str) else show(key),
                f"unknown key{nearest(str(key), allowed)}; allowed: {', '.join(allowed)}",
            )
    name = data.get("id")
    if not isinstance(name, str):
        fail(
            "id",
            f"{show(name)} is not a text; every record has an id" if "id" in data else "missing; every record has an id",
        )
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        fail("id", f"{show(name)} holds half a surrogate pair and is not valid text")
    told = [encode_value(fact, data.get(fact.name), model) for fact in model.facts]
    choices = {key: choice for own in told for key, choice in own.choices}
    return Record(
        id=name,
        data=MappingProxyType(dict(data)),
        courses=sum(own.courses for own in told),
        choices=tuple(choices.get((v.fact, v.member), OPEN) for v in model.variables),
        atoms=tuple(atom for own in told for atom in own.atoms),
        facts="".join(f"{atom}.\n" for own in told for atom in own.facts),
    )
