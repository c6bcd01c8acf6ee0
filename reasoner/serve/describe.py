"""A guideline as a form needs it: its facts with their domains, its vocabulary, its examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import Annotated, Any

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.guideline import Guideline
from reasoner.records.shapes import Shape, one_of

__all__ = [
    "AlternativeForm",
    "CourseFactForm",
    "CourseForm",
    "Example",
    "FactForm",
    "GuidelineForm",
    "Preset",
    "ReadingForm",
    "Term",
    "describe",
]


MOST_PRESETS = 20
"""How many choices of drugs a form offers for one regimen."""


class Term(Shape, frozen=True):
    """A name with its label."""

    name: str
    label: str


class FactForm(Shape, frozen=True):
    """A fact with its domain.

    `values` are the values of a choice or the members of a list, `thresholds` those of a number between which the guideline
    does not distinguish; a number is at least `minimum`, or more than it where `above`, and at most `maximum`. `default` is
    what the fact's absence is treated as, null where absent means unknown. An `immutable` fact lies in the past.
    """

    name: str
    kind: Annotated[str, one_of("boolean", "choice", "list", "number", "courses")]
    label: str
    question: str
    values: tuple[Term, ...]
    thresholds: tuple[int | float, ...]
    minimum: int | float | None
    above: bool
    maximum: int | float | None
    default: bool | tuple[str, ...] | None
    immutable: bool


class CourseFactForm(Shape, frozen=True):
    """A fact about one course; where `needs` is not empty the course has one of these drugs.

    `default` is what its absence is treated as, null where absent means unknown.
    """

    name: str
    kind: Annotated[str, one_of("boolean", "integer", "number")]
    label: str
    needs: tuple[str, ...]
    minimum: int | float | None
    above: bool
    maximum: int | float | None
    default: bool | None


class AlternativeForm(Shape, frozen=True):
    """One way to take a reading: what it says, and why."""

    name: str
    text: str
    why: str


class ReadingForm(Shape, frozen=True):
    """A reading with alternatives, the default first; `chosen` is the one that is taken, "any" where it is left open."""

    name: str
    chosen: str
    alternatives: tuple[AlternativeForm, ...]


class Preset(Shape, frozen=True):
    """A regimen with one choice of drugs that makes it up."""

    regimen: str
    drugs: tuple[str, ...]


class CourseForm(Shape, frozen=True):
    """What a course of therapy holds; `presets` are the regimens, each with the drugs that can make it up."""

    outcomes: tuple[Term, ...]
    drugs: tuple[Term, ...]
    facts: tuple[CourseFactForm, ...]
    presets: tuple[Preset, ...]


class Example(Shape, frozen=True):
    """A record that ships with the guideline."""

    name: str
    title: str
    record: dict[str, Any]


class GuidelineForm(Shape, frozen=True, tag_field="schema", tag="reasoner.guideline/1"):
    """A guideline as a form needs it; `labels` are those of all terms, by kind."""

    guideline: GuidelineInfo
    facts: tuple[FactForm, ...]
    course: CourseForm
    readings: tuple[ReadingForm, ...]
    regimens: tuple[Term, ...]
    actions: tuple[Term, ...]
    settings: tuple[Term, ...]
    labels: dict[str, dict[str, str]]
    examples: tuple[Example, ...]


def describe(guideline: Guideline) -> GuidelineForm:
    """Describe a guideline's facts and vocabulary, with its cases as examples."""
    model = guideline.model
    return GuidelineForm(
        guideline=guideline.info,
        facts=tuple(fact_form(fact, model) for fact in model.facts),
        course=course_form(model),
        readings=tuple(reading_forms(guideline)),
        regimens=terms("regimen", model.regimens, model),
        actions=terms("action", model.actions, model),
        settings=terms("setting", model.settings, model),
        labels=model.labels,
        examples=tuple(Example(case.name, case.title, case.record) for case in guideline.cases().values()),
    )


def terms(kind: str, names: Iterable[str], model: GuidelineModel) -> tuple[Term, ...]:
    return tuple(Term(name, model.label(kind, name)) for name in names)


def fact_form(fact: Fact, model: GuidelineModel) -> FactForm:
    allowed = model.range_of(fact.name)
    return FactForm(
        name=fact.name,
        kind=fact.kind,
        label=fact.label,
        question=model.question(fact),
        values=terms("drug" if fact.of_drugs else "value", fact.values, model),
        thresholds=fact.thresholds,
        minimum=allowed.minimum,
        above=allowed.above,
        maximum=allowed.maximum,
        default=fact.default_value,
        immutable=fact.immutable,
    )


def reading_forms(guideline: Guideline) -> Iterator[ReadingForm]:
    """Yield the readings that can be taken in more than one way."""
    annotations = guideline.model.annotations
    for reading, names in guideline.model.alternatives.items():
        chosen = guideline.alternatives.get(reading, names[0])
        own = [annotations[reading], *(annotations[f"{reading}={name}"] for name in names[1:])]
        alternatives = (AlternativeForm(name, a.text, a.why) for name, a in zip(names, own, strict=True))
        yield ReadingForm(reading, chosen, tuple(alternatives))


def course_form(model: GuidelineModel) -> CourseForm:
    facts = []
    for fact in model.course_facts.values():
        own = model.range_of(fact.name)
        label = model.label("course_fact", fact.name)
        default = False if fact.kind == "boolean" else None
        facts.append(CourseFactForm(fact.name, fact.kind, label, fact.needs, own.minimum, own.above, own.maximum, default))
    presets = (
        Preset(regimen, tuple(dict.fromkeys(drugs)))
        for regimen in model.regimens
        for drugs in islice(product(*model.parts[regimen]), MOST_PRESETS)
        if drugs
    )
    outcomes, drugs = terms("outcome", model.outcomes, model), terms("drug", model.drugs, model)
    return CourseForm(outcomes, drugs, tuple(facts), tuple(presets))
