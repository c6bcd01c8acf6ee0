"""A guideline as a form needs it: its facts with their domains, its vocabulary, its examples."""

from __future__ import annotations

from collections.abc import Iterable

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.guideline import Guideline

__all__ = ["describe"]

SCHEMA = "reasoner.guideline/1"
DEFAULTS = {"true": True, "false": False, "empty": []}


def describe(guideline: Guideline) -> dict[str, object]:
    """Give the JSON object of schema ``reasoner.guideline/1``."""
    model = guideline.model
    return {
        "schema": SCHEMA,
        "guideline": guideline.info,
        "facts": [fact_form(fact, model) for fact in model.facts],
        "course": {
            "outcomes": named("outcome", model.outcomes, model),
            "drugs": named("drug", model.drugs, model),
            "facts": [
                {
                    "name": fact.name,
                    "kind": fact.kind,
                    "label": model.label("course_fact", fact.name),
                    "needs": list(fact.needs),
                    **bounds(fact.name, model),
                }
                for fact in model.course_facts.values()
            ],
        },
        "regimens": named("regimen", model.regimens, model),
        "actions": named("action", model.actions, model),
        "settings": named("setting", model.settings, model),
        "labels": model.labels,
        "examples": [{"name": case.name, "title": case.title, "record": case.record} for case in guideline.cases().values()],
    }


def named(kind: str, names: Iterable[str], model: GuidelineModel) -> list[dict[str, str]]:
    return [{"name": name, "label": model.label(kind, name)} for name in names]


def bounds(name: str, model: GuidelineModel) -> dict[str, object]:
    """Give the least value of a number, and whether it must be above that."""
    minimum, above = model.bounds.get(name, (None, False))
    return {"minimum": minimum, "above": above}


def fact_form(fact: Fact, model: GuidelineModel) -> dict[str, object]:
    """Describe a fact; `default` is the value that its absence is treated as, null where absent means unknown."""
    return {
        "name": fact.name,
        "kind": fact.kind,
        "label": fact.label,
        "question": fact.question,
        "values": named("drug" if fact.of_drugs else "value", fact.values, model),
        "thresholds": list(fact.thresholds),
        **bounds(fact.name, model),
        "required": fact.required,
        "default": None if fact.default is None else DEFAULTS[fact.default],
        "immutable": fact.immutable,
    }
