"""A guideline as a form needs it: its facts with their domains, its vocabulary, its examples."""

from __future__ import annotations

from collections.abc import Iterable

from reasoner.guideline import Guideline
from reasoner.knowledge import Fact, Knowledge

__all__ = ["describe"]

SCHEMA = "reasoner.guideline/1"
DEFAULTS = {"true": True, "false": False, "empty": []}


def describe(guideline: Guideline) -> dict[str, object]:
    """Give the JSON object of schema ``reasoner.guideline/1``."""
    knowledge = guideline.knowledge
    return {
        "schema": SCHEMA,
        "guideline": guideline.info.to_dict(),
        "facts": [fact_form(fact, knowledge) for fact in knowledge.facts],
        "course": {
            "outcomes": named("outcome", knowledge.outcomes, knowledge),
            "drugs": named("drug", knowledge.drugs, knowledge),
            "facts": [
                {
                    "name": fact.name,
                    "kind": fact.kind,
                    "label": knowledge.label("course_fact", fact.name),
                    "needs": list(fact.needs),
                    **bounds(fact.name, knowledge),
                }
                for fact in knowledge.course_facts.values()
            ],
        },
        "regimens": named("regimen", knowledge.regimens, knowledge),
        "actions": named("action", knowledge.actions, knowledge),
        "settings": named("setting", knowledge.settings, knowledge),
        "labels": knowledge.labels,
        "examples": [{"name": case.name, "title": case.title, "record": case.record} for case in guideline.cases().values()],
    }


def named(kind: str, names: Iterable[str], knowledge: Knowledge) -> list[dict[str, str]]:
    return [{"name": name, "label": knowledge.label(kind, name)} for name in names]


def bounds(name: str, knowledge: Knowledge) -> dict[str, object]:
    """Give the least value of a number, and whether it must be above that."""
    minimum, above = knowledge.bounds.get(name, (None, False))
    return {"minimum": minimum, "above": above}


def fact_form(fact: Fact, knowledge: Knowledge) -> dict[str, object]:
    """Describe a fact; `default` is the value that its absence is treated as, null where absent means unknown."""
    return {
        "name": fact.name,
        "kind": fact.kind,
        "label": fact.label,
        "question": fact.question,
        "values": named("drug" if fact.of_drugs else "value", fact.values, knowledge),
        "thresholds": list(fact.thresholds),
        **bounds(fact.name, knowledge),
        "required": fact.required,
        "default": None if fact.default is None else DEFAULTS[fact.default],
        "past": fact.past,
    }
