"""Read a patient's record, validated from the facts that the guideline declares.

A fact that a record leaves out, or gives as null, is unknown. It is never taken for false: it is open, and each of its
values is a completion of the record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import IO, Any, NamedTuple, NoReturn

from reasoner.compiler.model import CourseFact, Fact, GuidelineModel
from reasoner.errors import RecordError, nearest

__all__ = [
    "COURSE_FIELDS",
    "LIMIT",
    "OPEN",
    "EncodedValue",
    "Record",
    "encode_value",
    "interval",
    "number",
    "out_of_range",
    "parse_json",
    "parse_record",
    "read_course",
    "read_records",
    "representative",
    "thresholds_reached",
]

LIMIT = 64 * 2**20
OPEN = -1
COURSE_FIELDS = {"drugs": "list", "outcome": "choice"}
"""What every course has, with its kind; the facts of a course are the guideline's."""


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


def fail(field: str, problem: str) -> NoReturn:
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in field)
    raise RecordError(f"{shown}: {problem}")


def show(value: object) -> str:
    """Word a value that was found, shortened, as JSON."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value).__name__)
    return text if len(text) <= 60 else text[:57] + "..."


def among(field: str, value: object, allowed: Sequence[str], kind: str, labels: Mapping[str, str] | None = None) -> str:
    if not isinstance(value, str) or value not in allowed:
        hint = nearest(value, allowed, labels) if isinstance(value, str) else ""
        fail(field, f"{show(value)} is no {kind}{hint}; allowed: {', '.join(allowed)}")
    return value


def boolean(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        fail(field, f"{show(value)} is neither true nor false (leave the key out where it is unknown)")
    return value


def number(field: str, value: object, model: GuidelineModel, whole: bool = False) -> float:
    kind = "whole number" if whole else "number"
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != value // 1):
        fail(field, f"{show(value)} is no {kind}")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        fail(field, f"{show(value)} is not finite")
    bound = model.bounds.get(field.rpartition(".")[2])
    if bound is not None and out_of_range(value, bound):
        low, strict = bound
        fail(field, f"{show(value)} is out of range; allowed: {'more than' if strict else 'at least'} {low}")
    return value


def out_of_range(value: Any, bound: tuple[int, bool]) -> Any:  # noqa: ANN401 (a number or an array of numbers)
    """Tell whether a number, or which of an array, is below a bound: the least value, and whether that itself is too low."""
    low, strict = bound
    return value <= low if strict else value < low


def string_list(
    field: str, value: object, allowed: Sequence[str], kind: str, labels: Mapping[str, str] | None = None
) -> list[str]:
    if not isinstance(value, list | tuple):
        fail(field, f"{show(value)} is no list")
    for n, item in enumerate(value):
        if item not in allowed:
            among(f"{field}[{n}]", item, allowed, kind, labels)
    return list(value)


def read_course(course: object, place: int, field: str, model: GuidelineModel) -> tuple[str, ...]:
    """Read a course of therapy into atoms; `place` is its place among the courses, from 1."""
    where = f"{field}[{place - 1}]"
    if not isinstance(course, Mapping):
        fail(where, f'{show(course)} is no course; write {{"drugs": [...], "outcome": "..."}}')
    allowed = (*COURSE_FIELDS, *model.course_facts)
    for key in course:
        if key not in allowed:
            fail(
                f"{where}.{key}" if isinstance(key, str) else where,
                f"unknown key{nearest(str(key), allowed)}; allowed: {', '.join(allowed)}",
            )
    drugs = string_list(
        f"{where}.drugs", course.get("drugs"), model.drugs, "drug of the catalogue", model.labels.get("drug")
    )
    if not drugs:
        fail(f"{where}.drugs", "a course has at least one drug")
    outcome = among(f"{where}.outcome", course.get("outcome"), model.outcomes, "outcome")
    atoms = [f"course({place})", f"outcome({place},{outcome})"]
    atoms += [f"drug_in({place},{drug})" for drug in dict.fromkeys(drugs)]
    for name, fact in model.course_facts.items():
        given = course.get(name)
        if given is None:
            continue
        here = f"{where}.{name}"
        if fact.kind == "boolean":
            noted = boolean(here, given)
            reached = [f"course_has({place},{name})"] if noted else []
        else:
            noted = number(here, given, model, whole=fact.kind == "integer") > 0
            reached = [f"course_at_least({place},{name},{t})" for t in thresholds_reached(fact, given)]
        if noted and fact.needs and not any(drug in fact.needs for drug in drugs):
            fail(here, f"only where the course has one of {', '.join(fact.needs)}")
        atoms += reached
    return tuple(atoms)


def thresholds_reached(fact: CourseFact, value: float) -> list[int]:
    """List the thresholds of a fact of a course that its value reaches."""
    return [threshold for threshold in fact.thresholds if value >= threshold]


CourseReader = Callable[[object, int, str, GuidelineModel], tuple[str, ...]]


def read_courses(value: object, field: str, model: GuidelineModel, read: CourseReader) -> tuple[int, list[str]]:
    """Read the courses of therapy into atoms."""
    if not isinstance(value, list | tuple):
        fail(field, f"{show(value)} is no list of courses")
    atoms: list[str] = []
    for place, course in enumerate(value, start=1):
        own = read(course, place, field, model)
        if place < len(value) and f"outcome({place},ongoing)" in own:
            fail(f"{field}[{place - 1}].outcome", "only the last course can be ongoing")
        atoms += own
    return len(value), atoms


def interval(value: float, thresholds: Sequence[int]) -> int:
    """Find the number of the interval between thresholds that holds `value`; a interval includes its upper threshold."""
    return sum(value > t for t in thresholds)


def representative(place: int, thresholds: Sequence[int]) -> int:
    """Give a number in the interval between thresholds that has a number."""
    return (*thresholds, thresholds[-1] + 1)[place]


class EncodedValue(NamedTuple):
    """What one value of a fact says, or its absence: choices of variables, other atoms it makes true, its clingo facts."""

    choices: tuple[tuple[tuple[str, str | None], int], ...] = ()
    atoms: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    courses: int = 0


def encode_value(fact: Fact, value: object, model: GuidelineModel, read: CourseReader = read_course) -> EncodedValue:
    """Read the value that a record gives for a fact, None where it gives none; `read` reads one course.

    Raises RecordError naming the field, what was found and what is allowed.
    """
    if value is None:
        return encode_absence(fact)
    name = fact.name
    known = f"known({name})"
    if fact.kind == "courses":
        courses, atoms = read_courses(value, name, model, read)
        return EncodedValue((), (known, *atoms), (known, *atoms), courses)
    if fact.kind == "boolean":
        truth = boolean(name, value)
        said = f"recorded({name},{str(truth).lower()})"
        return EncodedValue((((name, None), 0 if truth else 1),), (known, said), (known, said))
    if fact.kind == "choice":
        chosen = among(name, value, fact.values, f"value of {name}")
        said = f"recorded({name},{chosen})"
        return EncodedValue((((name, None), fact.values.index(chosen)),), (known, said), (known, said))
    if fact.kind == "list":
        kind = "drug of the catalogue" if fact.of_drugs else f"value of {name}"
        members = string_list(name, value, fact.values, kind, model.labels.get("drug" if fact.of_drugs else "value"))
        listed = dict.fromkeys(members)
        facts = (known, f"recorded({name},list)", *(f"lists({name},{m})" for m in listed))
        closed = (f"includes({name},{m})" for m in listed if m not in fact.open_members)
        choices = tuple(((name, m), 0 if m in listed else 1) for m in fact.open_members)
        return EncodedValue(choices, (*facts, *closed), facts)
    given = number(name, value, model)
    bounds = tuple(f"recorded({name},{'at_most' if given <= t else 'more_than'}({t}))" for t in fact.thresholds)
    return EncodedValue((((name, None), interval(given, fact.thresholds)),), (known, *bounds), (known, *bounds))


def encode_absence(fact: Fact) -> EncodedValue:
    """Say what it means that a record leaves a fact out: it is open, but where the guideline gives it a default."""
    if fact.required:
        more = " ([] where there was none)" if fact.kind == "courses" else ""
        fail(fact.name, f"missing; it is required{more}")
    if fact.default is None:
        return EncodedValue()
    if fact.kind == "boolean":
        held = fact.default == "true"
        return EncodedValue((((fact.name, None), 0 if held else 1),), (), (f"has({fact.name})",) if held else ())
    return EncodedValue(tuple(((fact.name, member), 1) for member in fact.open_members))


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
        fail("id", f"{show(name)} is no text; every record has an id" if "id" in data else "missing; every record has an id")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        fail("id", f"{show(name)} holds half a surrogate pair and is no valid text")
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


def object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RecordError(f"{twice}: the key stands twice in one object; keep one")
    return data


def refuse_constant(name: str) -> NoReturn:
    raise RecordError(f"{name} is no JSON number; leave the key out where the value is unknown")


STRICT = json.JSONDecoder(object_pairs_hook=object_without_duplicates, parse_constant=refuse_constant)


def parse_json(text: str) -> object:
    """Parse strict JSON: no duplicate keys, no NaN or infinity, no nesting beyond what a record needs."""
    try:
        return STRICT.decode(text)
    except RecursionError:
        raise RecordError("nested too deeply for a record") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise RecordError(f"a number that cannot be read: {str(error).partition(';')[0]}") from None


def read_records(stream: IO[bytes], name: str) -> Iterator[tuple[str, object]]:
    """Read one record, or one a line (NDJSON), from `stream`; yield each with its place for messages.

    Raises RecordError, naming `name` and the line, for what is no JSON or larger than 64 MiB.
    """
    try:
        raw = stream.read(LIMIT + 1)
        if len(raw) <= LIMIT:
            text = raw.decode("utf-8-sig")
            try:
                yield name, parse_json(text)
                return
            except json.JSONDecodeError as error:
                lines = text.splitlines()
                if error.msg != "Extra data" or not is_object(lines):
                    raise RecordError(
                        f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
                        if text.strip()
                        else "empty; a record is a JSON object"
                    ) from None
            except RecordError as error:
                if not is_object(text.splitlines()):
                    raise error from None
    except UnicodeDecodeError as error:
        raise RecordError(f"{name}: not UTF-8 text (byte {error.start})") from None
    except RecordError as error:
        raise RecordError(f"{name}: {error}") from None
    yield from read_lines(chain_lines(raw, stream), name)


def is_object(lines: Sequence[str]) -> bool:
    """Tell whether the first line that is not blank is a JSON object by itself, so that the file is NDJSON."""
    first = next((line for line in lines if line.strip()), "")
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def chain_lines(start: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of what was read and of what is left."""
    *whole, rest = start.split(b"\n")
    yield from whole
    while chunk := stream.read(LIMIT):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > LIMIT:
            break
    yield rest


def read_lines(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, object]]:
    for count, line in enumerate(lines, start=1):
        where = f"{name}:{count}"
        if len(line) > LIMIT:
            raise RecordError(f"{where}: larger than a record can be ({LIMIT // 2**20} MiB)")
        if not line.strip():
            continue
        try:
            yield where, parse_json(line.decode("utf-8"))
        except json.JSONDecodeError as error:
            raise RecordError(f"{where}: column {error.colno}: not JSON: {error.msg}") from None
        except UnicodeDecodeError as error:
            raise RecordError(f"{where}: not UTF-8 text (byte {error.start})") from None
        except RecordError as error:
            raise RecordError(f"{where}: {error}") from None
