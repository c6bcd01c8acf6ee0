"""What all texts share: wrapped lines, colours, and the wording of values and sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reasoner.compiler.model import Annotation, GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.conclusions import SILENT, UNDETERMINED, Assumption

__all__ = [
    "assumption_words",
    "condition_words",
    "course_words",
    "interval_words",
    "member_words",
    "safe",
    "setting_words",
    "source_words",
    "state_words",
    "value_words",
]


LAYERS = {"literal": "layer_literal", "curated": "layer_curated"}
SETTINGS = {UNDETERMINED: "setting_undetermined", SILENT: "setting_not_addressed"}
STATES = {
    "recorded": "recorded",
    "recorded_absent": "recorded_absent",
    "unknown": "unknown",
    "holds": "holds",
    "fails": "fails",
}


def safe(text: str) -> str:
    """Make a record's text harmless on a terminal: what cannot be printed is shown as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def guideline_words(info: GuidelineInfo, model: GuidelineModel) -> str:
    """Name a guideline, its layer, and the overlays on top."""
    say = model.say
    overlays = (say("overlay_name", name) for name in info.overlays)
    return say("comma").join((info.title, say(LAYERS[info.layer]), *overlays))


def setting_words(setting: str, model: GuidelineModel) -> str:
    """Word the setting of an answer, which can be none that the guideline has a term for."""
    if setting in SETTINGS and setting not in model.settings:
        return model.say(SETTINGS[setting])
    return model.label("setting", setting)


def assumption_words(assumption: Assumption, model: GuidelineModel) -> str:
    """Word an assumed value of an unknown fact."""
    if assumption.member is None:
        return value_words(assumption.fact, assumption.value, model)
    label = member_words(assumption.fact, assumption.member, model)
    return label if assumption.value else model.say("without", label)


def member_words(fact: str, member: str, model: GuidelineModel) -> str:
    """Word the membership of a list."""
    name = next(
        (labels[member] for labels in (model.labels.get(k, {}) for k in ("drug", "value")) if member in labels), member
    )
    return model.say("member", name, model.label("fact", fact))


def value_words(fact: str, value: object, model: GuidelineModel) -> str:
    """Word a fact with a value, as an answer or a record gives it."""
    label = model.label("fact", fact)
    if isinstance(value, bool):
        return label if value else model.say("without", label)
    if isinstance(value, list | tuple):
        names = [member_words(fact, str(member), model) for member in value]
        return model.say("and").join(names) or model.say("without", label)
    named = model.interval(fact, value) if isinstance(value, int | float) else str(value)
    return model.say("value", label, interval_words(named, model))


def interval_words(value: str, model: GuidelineModel) -> str:
    """Word a value by itself; of a number that can be the interval between thresholds, such as ``>6,<=12``."""
    bounds = re.findall(r"(<=|>)([^,]+)", value)
    if not bounds:
        return model.label("value", value)
    return model.say("comma").join(
        model.say("at_most" if relation == "<=" else "more_than", bound) for relation, bound in bounds
    )


def course_words(course: Mapping[str, object], model: GuidelineModel) -> str:
    """Word one course of therapy."""
    drugs = course["drugs"]
    assert isinstance(drugs, list | tuple)
    yes, no = model.say("yes"), model.say("no")
    noted = [
        model.say(
            "value", model.label("course_fact", name), (yes if value else no) if isinstance(value, bool) else str(value)
        )
        for name in model.course_facts
        if isinstance(value := course.get(name), int | float)
    ]
    given = " + ".join(model.label("drug", drug) for drug in drugs)
    return model.say("comma").join([given, model.label("outcome", str(course["outcome"])), *noted])


def condition_words(assuming: Sequence[Assumption], model: GuidelineModel) -> str:
    """Word what an entry assumes."""
    return model.say("and").join(assumption_words(assumption, model) for assumption in assuming)


def state_words(state: str, model: GuidelineModel) -> str:
    """Word the state of a condition."""
    return model.say(STATES[state])


def source_words(annotation: Annotation, model: GuidelineModel) -> str:
    """Word where a sentence comes from: statement, reference numbers, trials; or reading or overlay."""
    say = model.say
    if annotation.kind == "statement":
        parts = [annotation.id]
    else:
        parts = [say("overlay_name" if annotation.kind == "overlay" else "reading_name", annotation.id)]
    if annotation.citations:
        parts.append(say("references", say("comma").join(map(str, annotation.citations))))
    parts += [model.trials[trial].label for trial in annotation.trials]
    return say("and").join(parts)
