"""The words of values, sources and conclusions in one guideline's wording, without layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reasoner.compiler.model import Annotation, GuidelineModel
from reasoner.engine.answer import Answer, DoseGiven, GuidelineInfo, Recommendation
from reasoner.engine.conclusions import SILENT, UNDETERMINED, Assumption

if TYPE_CHECKING:
    from reasoner.engine.derivation import Derivation, SeenCondition

__all__ = [
    "annotation_words",
    "assuming_words",
    "assumption_words",
    "caution_words",
    "certainty_words",
    "course_words",
    "decided_words",
    "dose_words",
    "doubts",
    "fact_words",
    "guideline_words",
    "interval_words",
    "layer_words",
    "member_words",
    "missing_words",
    "requirement_words",
    "safe",
    "setting_words",
    "source_words",
    "state_words",
    "throughout",
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
MOST_NAMED = 3


def safe(text: str) -> str:
    """Make a record's text harmless on a terminal: what cannot be printed is shown as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def guideline_words(info: GuidelineInfo, model: GuidelineModel) -> str:
    """Name a guideline, its layer, and its overlays."""
    say = model.say
    overlays = (say("overlay_name", name) for name in info.overlays)
    return say("comma").join((info.title, layer_words(info.layer, model), *overlays))


def layer_words(layer: str, model: GuidelineModel) -> str:
    """Name a layer."""
    return model.say(LAYERS[layer])


def setting_words(setting: str, model: GuidelineModel) -> str:
    """Name the setting of an answer, "undetermined" and "not_addressed" included."""
    if setting in SETTINGS and setting not in model.settings:
        return model.say(SETTINGS[setting])
    return model.label("setting", setting)


def value_words(value: object, model: GuidelineModel) -> str:
    """Word a value by itself, None being unknown."""
    if value is None:
        return model.say("unknown")
    if isinstance(value, bool):
        return model.say("yes" if value else "no")
    if isinstance(value, list | tuple):
        return model.say("comma").join(member_name(str(member), model) for member in value) or model.say("none")
    return interval_words(value, model) if isinstance(value, str) else str(value)


def interval_words(value: str, model: GuidelineModel) -> str:
    """Word a named value, which for a number can be the interval between thresholds, such as ``>6,<=12``."""
    bounds = re.findall(r"(<=|>)([^,]+)", value)
    if not bounds:
        return model.label("value", value)
    return model.say("comma").join(
        model.say("at_most" if relation == "<=" else "more_than", bound) for relation, bound in bounds
    )


def member_name(member: str, model: GuidelineModel) -> str:
    """Name a member of a list: a drug, or a value."""
    return model.label("drug" if member in model.labels.get("drug", {}) else "value", member)


def member_words(fact: str, member: str, model: GuidelineModel) -> str:
    """Word that a list has a member."""
    return model.say("member", member_name(member, model), model.label("fact", fact))


def fact_words(fact: str, value: object, model: GuidelineModel) -> str:
    """Word that a fact has a value, as an answer or a record gives it."""
    label = model.label("fact", fact)
    if isinstance(value, bool):
        return label if value else model.say("without", label)
    if isinstance(value, list | tuple):
        names = [member_words(fact, str(member), model) for member in value]
        return model.say("and").join(names) or model.say("without", label)
    named = model.interval(fact, value) if isinstance(value, int | float) else str(value)
    return model.say("value", label, interval_words(named, model))


def course_words(course: Mapping[str, object], model: GuidelineModel) -> str:
    """Word one course of therapy: its drugs, its outcome, and what else is recorded of it."""
    say, drugs = model.say, course["drugs"]
    assert isinstance(drugs, list | tuple)
    recorded = [
        say("value", model.label("course_fact", name), value_words(value, model))
        for name in model.course_facts
        if isinstance(value := course.get(name), int | float)
    ]
    given = say("plus").join(model.label("drug", drug) for drug in drugs)
    return say("comma").join([given, model.label("outcome", str(course["outcome"])), *recorded])


def assumption_words(assumption: Assumption, model: GuidelineModel) -> str:
    """Word an assumed value of an unknown fact."""
    if assumption.member is None:
        return fact_words(assumption.fact, assumption.value, model)
    label = member_words(assumption.fact, assumption.member, model)
    return label if assumption.value else model.say("without", label)


def assuming_words(assuming: Sequence[Assumption], model: GuidelineModel) -> str:
    """Word all that an entry of an answer assumes."""
    return model.say("and").join(assumption_words(assumption, model) for assumption in assuming)


def certainty_words(assuming: Sequence[Assumption], model: GuidelineModel) -> str:
    """Say that an entry of an answer is certain, or what would make it so."""
    return model.say("certain_if", assuming_words(assuming, model)) if assuming else model.say("certain")


def requirement_words(condition: SeenCondition, model: GuidelineModel) -> str:
    """Word what a rule requires by one of its conditions."""
    return model.say("absence", condition.phrase) if condition.negated else condition.phrase


def state_words(state: str, model: GuidelineModel) -> str:
    """Word the state of a condition."""
    return model.say(STATES[state])


def source_words(annotation: Annotation, model: GuidelineModel) -> str:
    """Name what a sentence rests on: a statement with its reference numbers and trials; or a reading, or an overlay."""
    say = model.say
    if annotation.kind == "statement":
        parts = [annotation.id]
    else:
        parts = [say("overlay_name" if annotation.kind == "overlay" else "reading_name", annotation.id)]
    if annotation.citations:
        parts.append(say("references", say("comma").join(map(str, annotation.citations))))
    parts += [model.trials[trial].label for trial in annotation.trials]
    return say("and").join(parts)


def annotation_words(annotation: Annotation, model: GuidelineModel) -> str:
    """Give the sentence of a statement, reading or overlay with its source."""
    return model.say("with_source", annotation.text, source_words(annotation, model))


def decided_words(decides: Sequence[str], model: GuidelineModel) -> str:
    """Name what a fact decides; of many regimens or actions only how many."""
    say = model.say
    regimens = [model.label("regimen", name) for name in decides if name in model.regimens]
    actions = [model.label("action_name", name) for name in decides if name in model.actions]
    names = [say("the_setting")] if "setting" in decides else []
    names += regimens if len(regimens) <= MOST_NAMED else [say("many_regimens", str(len(regimens)))]
    names += actions if len(actions) <= MOST_NAMED else [say("many_actions", str(len(actions)))]
    return say("comma").join(names)


def missing_words(answer: Answer) -> Iterator[str]:
    """Yield the unknown facts that matter, with what each decides."""
    model = answer.derivation.model
    for entry in answer.missing:
        fact = model.label("fact", entry.fact) if entry.member is None else member_words(entry.fact, entry.member, model)
        yield model.say("fact_decides", fact, decided_words(entry.decides, model))


def doubts(answer: Answer) -> Iterator[str]:
    """Yield what the register of trials holds against the statements that the recommendations rest on."""
    model = answer.derivation.model
    used = {statement for entry in answer.recommended for statement in entry.statements}
    for statement, date, text in model.discrepancies:
        if statement in used:
            yield model.say("doubt", statement, text, date)


def throughout(atom: str, entry: Recommendation, derivation: Derivation) -> bool:
    """Tell whether an atom holds in every completion in which a regimen is recommended."""
    return not derivation.truth(f"recommended({entry.regimen})") & ~derivation.truth(atom)


def caution_words(entry: Recommendation, caution: str, derivation: Derivation) -> str:
    """Word a caution about a regimen, which can depend on what is not recorded."""
    sure = throughout(f"cautioned({entry.regimen},{caution})", entry, derivation)
    model = derivation.model
    return model.say("marked_caution" if sure else "caution_unless", model.label("caution", caution))


def dose_words(entry: Recommendation, model: GuidelineModel) -> Iterator[str]:
    """Yield the doses of a regimen: for each drug its schedules as alternatives; then the drugs without a dose."""
    say = model.say
    by_drug: dict[str, dict[str, list[DoseGiven]]] = {}
    for dose in entry.doses:
        by_drug.setdefault(dose.drug, {}).setdefault(dose.schedule, []).append(dose)
    for drug, schedules in by_drug.items():
        alternatives = (say("then_step").join(step_words(d, model) for d in steps) for steps in schedules.values())
        text = say("or_schedule").join(alternatives)
        statements = say("comma").join(dict.fromkeys(d.statement for steps in schedules.values() for d in steps))
        yield say("dose_of", model.label("drug", drug), text, statements)
    drugs = dict.fromkeys(drug for part in model.parts.get(entry.regimen, ()) for drug in part if drug not in by_drug)
    if drugs:
        yield say("no_dose", say("comma").join(model.label("drug", drug) for drug in drugs))


def step_words(dose: DoseGiven, model: GuidelineModel) -> str:
    """Word one step of a schedule: how much, by which route, how often."""
    if dose.every_weeks is None:
        rhythm = model.say("once")
    elif dose.every_weeks == 1:
        rhythm = model.say("every_week")
    else:
        rhythm = model.say("every_weeks", str(dose.every_weeks))
    amount = f"{number_words(dose.amount)} {dose.unit}"
    if dose.mg is not None and dose.unit != "mg":
        amount = model.say("dose_by_weight", number_words(dose.mg, 1), amount)
    return " ".join(part for part in (model.label("step", dose.step), amount, dose.route, rhythm) if part)


def number_words(number: float, places: int | None = None) -> str:
    """Write a number as it was given, or rounded to decimal places, without zeros at the end."""
    from decimal import Context, Decimal

    exact = Decimal(str(number))
    if places is not None:
        exact = exact.quantize(Decimal(1).scaleb(-places), context=Context(prec=400))
    return f"{exact.normalize(Context(prec=400)):f}"
