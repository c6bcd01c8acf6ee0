"""A patient's record, validated against the facts that the guideline declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from reasoner.compiler.intervals import order_key
from reasoner.compiler.model import Fact, GuidelineModel, Variable
from reasoner.compiler.variables import variables_of
from reasoner.errors import RecordError, nearest
from reasoner.records.encoding import EncodedValue, Place, ValueReader, encode_value
from reasoner.records.values import fail, show

__all__ = [
    "MOST_UNKNOWN_COURSES",
    "ONE_OF",
    "OPEN",
    "Known",
    "Record",
    "Told",
    "layout_of",
    "order_facts",
    "parse_record",
    "told_by",
]

OPEN = -1
ONE_OF = "one_of"
MOST_UNKNOWN_COURSES = 2
"""Where it is unknown which therapy was given, histories of so many courses stand for all."""


class Told(NamedTuple):
    """What a record tells, or one of several sets of facts with it.

    `choices` holds for each variable of the record the number of its value, or -1 where it is open; `defaulted` numbers the
    variables that have a default's value without being told. `barred` are values, each with its variable, that an open
    variable of a course cannot have. `atoms` are the other atoms that it makes true, as clingo text.
    `known` are the facts that have a value; `courses` counts the courses of therapy, None where they are unknown.
    """

    choices: tuple[int, ...]
    defaulted: tuple[int, ...]
    barred: tuple[tuple[int, int], ...]
    atoms: tuple[str, ...]
    known: frozenset[str]
    courses: int | None

    def renumbered(self, numbers: Mapping[int, int], added: Mapping[int, int]) -> Told:
        """Give the same with variables in other places: `numbers` are their new ones, `added` the choices of more."""
        choices = {**added, **{numbers[v]: choice for v, choice in enumerate(self.choices)}}
        return self._replace(
            choices=tuple(choices[n] for n in range(len(choices))),
            defaulted=tuple(numbers[v] for v in self.defaulted),
            barred=tuple((numbers[v], value) for v, value in self.barred),
        )


class Known(NamedTuple):
    """What was known when a course of therapy began.

    `then` are the facts, and the places of earlier courses such as ``metastatic_therapy[0].outcome``, that were told by that
    time, `later` those that were told only after it. All others are told without a date.
    """

    then: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()


class Record(NamedTuple):
    """A valid record of one patient.

    `data` is the record as given. `courses` is the number of courses that the guideline is ground for; with `fewer` it can
    have fewer, or its therapy is not known. `told` is what it tells, once for each of several sets of facts of which one is
    true, whose `labels` go with them; without such sets there is one and no label. `facts` is the whole record as clingo
    facts, for plain clingo. `sources` tells for each fact, and each course, where it was read, and `remarks` what else is to
    be said of that, where the record was read from elsewhere; `warning` is the one by which what holds for the untreated
    does not apply, if any. `known` gives for each course what was known when it began, nothing where no dates were read.
    """

    id: str
    data: Mapping[str, object]
    courses: int
    fewer: bool
    told: tuple[Told, ...]
    labels: tuple[str, ...]
    facts: str
    sources: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    remarks: tuple[str, ...] = ()
    warning: str = ""
    known: Callable[[], tuple[Known, ...]] = tuple


def parse_record(data: object, model: GuidelineModel, encode: ValueReader = encode_value) -> Record:
    """Validate one record, as parsed from JSON; `encode` reads one value.

    Raises RecordError naming the field, what was found and what is allowed.
    """
    if not isinstance(data, Mapping):
        raise RecordError(f"a record is a JSON object, not {show(data)}")
    if "resourceType" in data:
        raise RecordError("resourceType: this is a FHIR resource, not a record (see: reasoner example)")
    names = tuple(fact.name for fact in model.facts)
    check_keys(data, ("id", *names, ONE_OF), "")
    name = data.get("id")
    if not isinstance(name, str):
        fail(
            "id",
            f"{show(name)} is not a text; every record has an id" if "id" in data else "missing; every record has an id",
        )
    if not name.strip():
        fail("id", "empty; every record has an id")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        fail("id", f"{show(name)} holds half a surrogate pair and is not valid text")
    sets = list(read_sets(data, names)) if data.get(ONE_OF) is not None else []
    if not sets:
        own = [encode(fact, data.get(fact.name), fact.name in data, model) for fact in model.facts]
        return record_of(name, data, [own], (), model)
    told = [
        [set_value(own, data, fact, f"{ONE_OF}[{n}]", model, encode) for fact in model.facts]
        for n, (_, own) in enumerate(sets)
    ]
    return record_of(name, data, told, tuple(label for label, _ in sets), model)


def check_keys(data: Mapping[object, object], allowed: Sequence[str], where: str) -> None:
    """Check that a record, or a set of facts in it, has no other keys than those `allowed`."""
    for key in data:
        if key not in allowed:
            shown = f"{where}{key}" if isinstance(key, str) else f"{where}{show(key)}"
            fail(shown, f"unknown key{nearest(str(key), allowed)}; allowed: {', '.join(allowed)}")


def read_sets(data: Mapping[str, object], facts: Sequence[str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the sets of facts of which exactly one is true, each with its label."""
    given = data[ONE_OF]
    if not isinstance(given, list | tuple) or not given:
        fail(ONE_OF, f'{show(given)} is not a list of sets of facts; write [{{"label": "...", "FACT": ...}}, ...]')
    labels: set[str] = set()
    for n, own in enumerate(given):
        where = f"{ONE_OF}[{n}]"
        if not isinstance(own, Mapping):
            fail(where, f'{show(own)} is not a set of facts; write {{"label": "...", "FACT": ...}}')
        check_keys(own, ("label", *facts), f"{where}.")
        label = own.get("label")
        if not isinstance(label, str) or not label.strip():
            fail(
                f"{where}.label",
                f"{show(label)} is not a text; every set of facts has a label"
                if "label" in own
                else "missing; every set of facts has a label",
            )
        if label in labels:
            fail(f"{where}.label", f"{show(label)} is the label of another set; every set has a label of its own")
        labels.add(label)
        for key in own:
            if key in data:
                fail(f"{where}.{key}", "it stands beside the sets too; a fact stands in one place")
        yield label, own


def set_value(
    own: Mapping[str, object],
    data: Mapping[str, object],
    fact: Fact,
    where: str,
    model: GuidelineModel,
    encode: ValueReader,
) -> EncodedValue:
    """Read the value of a fact in one set, or else the value beside the sets."""
    if fact.name not in own:
        return encode(fact, data.get(fact.name), fact.name in data, model)
    try:
        return encode(fact, own[fact.name], True, model)
    except RecordError as error:
        raise RecordError(f"{where}.{error}") from None


def record_of(
    name: str,
    data: Mapping[str, object],
    told: Sequence[Sequence[EncodedValue]],
    labels: tuple[str, ...],
    model: GuidelineModel,
) -> Record:
    """Gather what was read of a record, once for each set of facts."""
    counts = [courses_of(own) for own in told]
    fewer = bool(labels) or counts[0] is None
    most = max((count for count in counts if count is not None), default=0)
    courses = max(most, MOST_UNKNOWN_COURSES) if None in counts else most
    layout = layout_of(model, courses, fewer)
    return Record(
        id=name,
        data=MappingProxyType(dict(data)),
        courses=courses,
        fewer=fewer,
        told=tuple(told_by(own, layout, count) for own, count in zip(told, counts, strict=True)),
        labels=labels,
        facts=order_facts(model) + facts_text(told, labels),
    )


def courses_of(own: Sequence[EncodedValue]) -> int | None:
    """Count the courses of therapy; None where it is not known which were given."""
    counts = [value.courses for value in own]
    return None if None in counts else sum(count for count in counts if count is not None)


def told_by(own: Sequence[EncodedValue], layout: Layout, courses: int | None) -> Told:
    choices, numbers, values = list(layout.blank), layout.numbers, layout.values
    for encoded in own:
        for place, value in encoded.choices:
            number = numbers[place]
            choices[number] = values[number][value]
        for place in encoded.open:
            if place in numbers:
                choices[numbers[place]] = OPEN
    if layout.therapy is not None and courses is not None:
        choices[layout.therapy] = min(courses, 1)
    return Told(
        choices=tuple(choices),
        defaulted=tuple([numbers[place] for encoded in own for place in encoded.defaulted]),
        barred=tuple((n, value) for n, last, value in layout.barred if choices[n] == OPEN and last != courses),
        atoms=tuple([atom for encoded in own for atom in encoded.atoms]),
        known=frozenset([encoded.known for encoded in own if encoded.known]),
        courses=courses,
    )


class Layout(NamedTuple):
    """The variables of records with so many courses.

    `numbers` finds them by what they are about, and `values` the numbers of their values. `blank` are the choices of a
    record that tells nothing: all open, but those of courses that are not there. `barred` are values that an open
    variable cannot have: its number, that of the course if the course may have the value as the last one, the value's
    number. `therapy` numbers the variable that tells whether any therapy was given, None where that is always known.
    """

    numbers: dict[Place, int]
    values: tuple[dict[object, int], ...]
    blank: tuple[int, ...]
    barred: tuple[tuple[int, int | None, int], ...]
    therapy: int | None


@lru_cache(maxsize=64)
def layout_of(model: GuidelineModel, courses: int, fewer: bool) -> Layout:
    """Lay out the variables of a guideline's records with `courses` courses, or with `fewer`."""
    variables = variables_of(model, courses, fewer)
    own = model.courses_fact
    return Layout(
        numbers={variable.place[:4]: n for n, variable in enumerate(variables) if variable.reading is None},
        values=tuple({value: n for n, (value, _) in enumerate(variable.values)} for variable in variables),
        blank=tuple(OPEN if variable.course is None else absent(variable) for variable in variables),
        barred=tuple(
            (n, variable.course if value is not None else None, place)
            for n, variable in enumerate(variables)
            if fewer and variable.course is not None
            for place, (value, _) in enumerate(variable.values)
            if value is None or (variable.key is None and value in model.under_way)
        ),
        therapy=next(
            (n for n, v in enumerate(variables) if own is not None and v.fact == own.name and v.course is None), None
        ),
    )


def absent(variable: Variable) -> int:
    """Give the number of the value of a course's variable where there is nothing to be told of it."""
    return max((n for n, (_, atoms) in enumerate(variable.values) if not atoms), default=OPEN)


@lru_cache(maxsize=64)
def order_facts(model: GuidelineModel) -> str:
    """Say for clingo in which order thresholds stand, where some are decimals, which it cannot compare by itself."""
    every = (*(fact.cuts for fact in model.facts), *(fact.cuts for fact in model.course_facts.values()))
    cuts = [cut for cuts in every for cut in cuts]
    if all(isinstance(cut.threshold, int) for cut in cuts):
        return ""
    own = {cut.term: order_key(cut.threshold) for cut in cuts}
    return "".join(f'_order({term},"{key}").\n' for term, key in own.items())


def facts_text(told: Sequence[Sequence[EncodedValue]], labels: tuple[str, ...]) -> str:
    """Write a record as clingo facts; where one of several sets of facts is true, each under its number."""
    facts = [[fact for encoded in own for fact in encoded.facts] for own in told]
    if not labels:
        return "".join(f"{fact}.\n" for fact in facts[0])
    sets = "".join(f"one_of({number}).\n" for number in range(1, len(labels) + 1))
    return sets + "".join(f"{fact} :- true_set({number}).\n" for number, own in enumerate(facts, start=1) for fact in own)
