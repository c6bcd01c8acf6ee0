"""The words of values, sources and conclusions in one guideline's wording, without layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reasoner.compiler.model import Annotation, GuidelineModel
from reasoner.compiler.selection import ANY
from reasoner.engine.conclusions import CERTAIN, SILENT, UNDETERMINED, Assumption, conclusions_of
from reasoner.engine.joined_names import either_words
from reasoner.engine.predicates import RANK, STRENGTH, predicate_of
from reasoner.errors import printable
from reasoner.records.record import ONE_OF
from reasoner.records.shapes import Shape

if TYPE_CHECKING:
    from reasoner.engine.answer import Answer, Assumed, GuidelineInfo, Recommendation
    from reasoner.engine.derivation import Derivation, SeenCondition

__all__ = [
    "RecommendationWords",
    "annotation_words",
    "assumed_words",
    "assumption_words",
    "best_strength_words",
    "caution_words",
    "changed_value_words",
    "course_fact_words",
    "course_words",
    "default_words",
    "fact_words",
    "guideline_words",
    "interval_words",
    "layer_words",
    "member_name",
    "member_words",
    "opening_sentence",
    "rank_is_sure",
    "reading_words",
    "recommendation_words",
    "requirement_words",
    "setting_words",
    "source_words",
    "state_words",
    "strength_words",
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
READING_STATES = {"holds": "taken_so", "fails": "taken_otherwise", "unknown": "choice_open"}
MOST_NAMED = 3
BOUND = re.compile(r"([<>]=?)([^,]+)")
RELATIONS = {"<=": "at_most", ">=": "at_least", "<": "less_than", ">": "more_than"}


class RecommendationWords(Shape, frozen=True):
    """A recommendation as texts word it: the regimen, the strength and the cautions, with what of each is not certain.

    `rank_varies` where what is not recorded can rank it lower.
    """

    regimen: str
    rank_varies: bool
    strength: str
    cautions: tuple[str, ...]


def guideline_words(info: GuidelineInfo, model: GuidelineModel) -> str:
    """Name a guideline, its layer, its overlays, and the alternatives of readings that are chosen."""
    say = model.say
    parts = [info.title, layer_words(info.layer, model), *(say("overlay_name", name) for name in info.overlays)]
    if info.readings:
        parts.append(say("with_readings", say("and_condition").join(reading_words(info.readings, model))))
    return say("comma").join(parts)


def reading_words(chosen: Sequence[str], model: GuidelineModel) -> Iterator[str]:
    """Name readings that are taken otherwise than by default, such as "R5=b", and together those that are left open."""
    left = [own.partition("=")[0] for own in chosen if own.endswith(f"={ANY}")]
    pairs = (one.partition("=") for one in chosen)
    yield from (model.say("reading_as", reading, own) for reading, _, own in pairs if own != ANY)
    if left and set(left) == {name.partition("=")[0] for name in model.annotations if "=" in name}:
        yield model.say("readings_all_open")
    elif left:
        yield model.say("readings_open" if left[1:] else "reading_open", model.say("comma").join(left))


def layer_words(layer: str, model: GuidelineModel) -> str:
    """Name a layer."""
    return model.say(LAYERS[layer])


def setting_words(setting: str, model: GuidelineModel) -> str:
    """Name the setting of an answer, "undetermined" and "not_addressed" included."""
    if setting in SETTINGS and setting not in model.settings:
        return model.say(SETTINGS[setting])
    return model.label("setting", setting)


def strength_words(entry: Recommendation, model: GuidelineModel) -> str:
    """Word how strong a recommendation is, and how certain its evidence where the text says it."""
    strength = model.label("strength", entry.strength)
    if entry.evidence_certainty is None:
        return strength
    return model.say("comma").join((strength, model.label("evidence_certainty", entry.evidence_certainty)))


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
    """Word a named value, which for a number can be the interval between thresholds, such as ``>6,<=12`` or ``>=4,<6``."""
    bounds = BOUND.findall(value)
    if not bounds:
        return model.label("value", value)
    return model.say("and_condition").join(model.say(RELATIONS[relation], bound) for relation, bound in bounds)


def member_name(member: str, model: GuidelineModel) -> str:
    """Name a member of a list: a drug, or a value."""
    return model.label("drug" if member in model.labels.get("drug", {}) else "value", member)


def member_words(fact: str, member: str, model: GuidelineModel) -> str:
    """Word that a list has a member."""
    return model.say("member", member_name(member, model), model.label("fact", fact))


def fact_words(fact: str, value: object, model: GuidelineModel) -> str:
    """Word that a fact has a value, as an answer or a record gives it."""
    label = model.label("fact", fact)
    if model.courses_fact is not None and fact == model.courses_fact.name and not value:
        return model.say("none_given", label)
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
        for name, fact in model.course_facts.items()
        if isinstance(value := course.get(name), int | float) or (name in course and fact.kind == "boolean")
    ]
    given = say("plus").join(model.label("drug", drug) for drug in drugs)
    outcome = course.get("outcome")
    ended = say("outcome_unknown") if outcome is None else model.label("outcome", str(outcome))
    return say("comma").join([given, ended, *recorded])


def is_history(value: object) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value)


def changed_value_words(value: object, other: object, model: GuidelineModel) -> str:
    """Word the value of a fact; of courses of therapy, those that the `other` value does not have."""
    if not is_history(value):
        return value_words(value, model)
    assert isinstance(value, list | tuple)
    say, others = model.say, list(other) if isinstance(other, list | tuple) else []
    courses = [
        say("course_numbered", str(n), course_words(course, model))
        for n, course in enumerate(value, start=1)
        if others[n - 1 : n] != [course]
    ]
    return say("and").join(courses) or say("many_courses" if len(value) > 1 else "one_course", str(len(value)))


def course_fact_words(key: str, value: object, model: GuidelineModel) -> str:
    """Word that a fact of a course has a value, without the course."""
    label = model.label("course_fact", key)
    if isinstance(value, bool):
        return label if value else model.say("without", label)
    return model.say("value", label, interval_words(str(value), model))


def assumption_words(assumption: Assumption, model: GuidelineModel) -> str:
    """Word an assumed value of an unknown fact, or an alternative of a reading whose choice is open."""
    say, value = model.say, assumption.value
    if assumption.reading:
        return say("reading_taken", assumption.reading, str(value))
    if assumption.fact == ONE_OF:
        return say("set_true", printable(str(value)))
    if assumption.course is not None:
        return of_course_words((assumption,), model)
    if assumption.member is None:
        return fact_words(assumption.fact, value, model)
    label = member_words(assumption.fact, assumption.member, model)
    return label if value else say("without", label)


def of_course_words(assuming: Iterable[Assumption], model: GuidelineModel) -> str:
    """Word what is assumed of one course."""
    course, own = "", list[str]()
    for one in assuming:
        label = None if one.key else model.label("outcome", str(one.value))
        own.append(label or course_fact_words(str(one.key), one.value, model))
        course = str(one.course)
    return model.say("course_numbered", course, model.say("comma").join(own))


def requirement_words(condition: SeenCondition, model: GuidelineModel) -> str:
    """Word what a rule requires by one of its conditions."""
    return model.say("absence", condition.phrase) if condition.negated else condition.phrase


def state_words(condition: SeenCondition, model: GuidelineModel) -> str:
    """Word the state of a condition: what is said of the patient, or how a reading is taken."""
    taken = model.roles[predicate_of(condition.atom)] == "reading"
    return model.say(READING_STATES[condition.state] if taken else STATES[condition.state])


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


def opening_sentence(annotation: Annotation) -> str:
    """Give a statement as it is, of a reading its first sentence."""
    return annotation.text if annotation.kind == "statement" else annotation.first_sentence


def assumed_words(answer: Answer) -> str:
    """Say what stands in an answer by default, and would change it; an empty text where nothing does."""
    model = answer.derivation.model
    mattering = default_words([entry for entry in answer.assumed if entry.matters], model)
    return model.say("assumed_and_matters", mattering) if mattering else ""


def default_words(entries: Sequence[Assumed], model: GuidelineModel) -> str:
    """Word values that defaults stand for; those of courses come together, however many there are."""
    say = model.say
    parts = [fact_words(entry.fact, entry.value, model) for entry in entries if entry.key is None]
    courses: dict[str, list[str]] = {}
    for entry in entries:
        if entry.key is not None:
            courses.setdefault(course_fact_words(entry.key, entry.value, model), []).append(str(entry.course))
    together: dict[tuple[str, ...], list[str]] = {}
    for words, numbers in courses.items():
        together.setdefault(tuple(numbers), []).append(words)
    for courses_of, own in together.items():
        key, words = say("comma").join(courses_of), say("comma").join(own)
        parts.append(say("course_numbered", key, words) if len(courses_of) == 1 else say("courses_numbered", key, words))
    return say("and").join(parts)


def throughout(atom: str, entry: Recommendation, derivation: Derivation) -> bool:
    """Tell whether an atom holds in every completion in which a regimen is recommended."""
    missing = derivation.truth(f"recommended({entry.regimen})") & ~derivation.truth(atom)
    return bool(missing == derivation.completions.none)


def rank_is_sure(entry: Recommendation, derivation: Derivation) -> bool:
    """Tell whether a regimen has the rank shown wherever it is recommended; if not, that is its best one."""
    return throughout(f"rank({entry.regimen},{entry.rank})", entry, derivation)


def possible_ones(predicate: str, entry: Recommendation, derivation: Derivation) -> list[str]:
    """List the ranks, or the strengths, that a regimen has in some completion in which it is recommended."""
    held, none = derivation.truth(f"recommended({entry.regimen})"), derivation.completions.none
    rows = conclusions_of(derivation).held(predicate, entry.regimen)
    return [name for name, truth, _ in rows if truth & held != none]


def best_strength_words(entry: Recommendation, derivation: Derivation) -> str:
    """Word how strong a recommendation is, and that it can be less where that is open."""
    words, model = strength_words(entry, derivation.model), derivation.model
    if throughout(f"strength({entry.regimen},{entry.strength})", entry, derivation):
        return words
    found = possible_ones(STRENGTH, entry, derivation)
    own = [model.label("strength", name) for name in model.strengths if name in found]
    words = either_words(own, model) if len(own) == 2 else model.say("strength_at_best", words)
    return open_words(words, entry, model)


def open_words(words: str, entry: Recommendation, model: GuidelineModel) -> str:
    """Say of what varies that it depends on what is not recorded, where the entry does not say so by being conditional."""
    return model.say("not_recorded_decides", words) if entry.certainty == CERTAIN else words


def recommendation_words(entry: Recommendation, derivation: Derivation) -> RecommendationWords:
    """Word a recommendation; its rank, its strength and its cautions can depend on what is not recorded."""
    model = derivation.model
    regimen, sure = model.label("regimen", entry.regimen), rank_is_sure(entry, derivation)
    if not sure:
        ranks = sorted(map(int, possible_ones(RANK, entry, derivation)))
        several = model.say("ranks", str(ranks[0]), str(ranks[-1])) if ranks[1:] else model.say("rank_at_best")
        regimen = model.say("bracketed", regimen, open_words(several, entry, model))
    cautions = (caution_words(entry, caution, derivation) for caution in entry.cautions)
    return RecommendationWords(regimen, not sure, best_strength_words(entry, derivation), tuple(cautions))


def caution_words(entry: Recommendation, caution: str, derivation: Derivation) -> str:
    """Word a caution about a regimen, which can depend on what is not recorded."""
    sure = throughout(f"cautioned({entry.regimen},{caution})", entry, derivation)
    model = derivation.model
    return model.say("marked_caution" if sure else "caution_unless", model.label("caution", caution))
