"""On what entries of an answer rest: statements, what excludes regimens, what places a patient in a setting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reasoner.compiler.model import Annotation, GuidelineModel
from reasoner.engine.answer import Exclusion
from reasoner.engine.conclusions import UNDETERMINED, conclusions_of
from reasoner.engine.derivation import Derivation
from reasoner.engine.joined_names import join_names
from reasoner.engine.notes import possible_settings
from reasoner.engine.phrases import setting_words
from reasoner.engine.predicates import CONTRAINDICATED, EXCLUDED
from reasoner.engine.reading_phrases import regimens_words
from reasoner.engine.reasons import ReasonWriter
from reasoner.engine.way_phrases import requirements_of

__all__ = ["exclusions", "setting_with_grounds", "source", "sources_against", "without_facts"]


def source(annotation: Annotation, model: GuidelineModel) -> str:
    """Name what a sentence rests on, with its trials; of its references `why` tells."""
    say = model.say
    name = annotation.id
    if annotation.kind != "statement":
        name = say("overlay_name" if annotation.kind == "overlay" else "reading_name", name)
    trials = say("comma").join(model.trials[trial].label for trial in annotation.trials)
    return say("counted", name, trials) if trials else name


def setting_with_grounds(decision: str, name: str, derivation: Derivation) -> str:
    """Word the setting of a decision, with what places the patient there; one that is not decided, with what it can be."""
    model, program = derivation.model, derivation.program
    say, label = model.say, setting_words(name, model)
    if name == UNDETERMINED:
        return say("setting_by", label, say("or").join(possible_settings(derivation, decision)))
    grounds: dict[str, set[str]] = {}
    for _, number in program.table.get("setting", {}).get(name, ()):
        for use in derivation.firing(number, derivation.completions.all):
            for condition, negated in program.rules[use].conditions:
                if not negated and program.supports[condition]:
                    ground = program.atoms[condition].partition(",")[2].rstrip(")")
                    found = derivation.grounds(condition, derivation.completions.all)
                    grounds.setdefault(model.label("ground", ground), set()).update(found.statements or found.readings)
    if not grounds:
        return label
    reasons = (
        say("with_source", ground, say("comma").join(name for name in model.annotations if name in own))
        for ground, own in grounds.items()
    )
    return say("setting_by", label, say("and").join(reasons))


def without_facts(words: str, derivation: Derivation) -> tuple[str, str]:
    """Take words apart from the fact of the record in brackets at their end; that is empty where there is none."""
    text, bracket, facts = words.removesuffix(")").rpartition(" (")
    known = bracket and words.endswith(")") and facts in derivation.program.phrases
    return (text, facts) if known else (words, "")


def sources_against(regimen: str, derivation: Derivation) -> str:
    """Name the statements and readings that exclude a regimen, wherever it is excluded."""
    model, conclusions = derivation.model, conclusions_of(derivation)
    where = conclusions.truth(EXCLUDED, regimen)
    rules = ReasonWriter(derivation, conclusions).fired(CONTRAINDICATED, regimen, where)
    own = (model.rules[derivation.program.rules[rule].rule].annotation for rule in rules)
    return model.say("comma").join(dict.fromkeys(filter(None, own)))


def exclusions(entries: Sequence[Exclusion], derivation: Derivation) -> Iterator[tuple[bool, str]]:
    """Yield the excluded regimens, those for the same reason together, each with whether it is certain; that first."""
    model, say = derivation.model, derivation.model.say
    for words, names in certain_exclusions(entries, derivation).items():
        yield True, say("excluded_certainly", regimens_words(names, model), words)
    together: dict[tuple[str, str], list[str]] = {}
    for entry in (entry for entry in entries if entry.certainty != "certain"):
        told = requirements_of(EXCLUDED, entry.regimen, derivation)
        reasons = [(words, source) for words, source in reasons_of(entry, model) if not told_by(told, words, model)]
        if not reasons:
            told = say("with_source", told, sources_against(entry.regimen, derivation))
        unsaid = say("and_also").join(say("with_source", words, source) for words, source in reasons)
        together.setdefault((told, unsaid), []).append(entry.regimen)
    for (told, unsaid), excluded in together.items():
        of = regimens_words(excluded, model)
        yield False, say("excluded_if", of, told, unsaid) if unsaid else say("excluded_if_alone", of, told)


def told_by(told: str, words: str, model: GuidelineModel) -> bool:
    """Tell whether words say nothing more than other words do."""
    return all(part in told for part in words.split(model.say("and")))


def certain_exclusions(entries: Iterable[Exclusion], derivation: Derivation) -> dict[str, tuple[str, ...]]:
    """Give for all that excludes the same regimens for certain these."""
    model, found = derivation.model, dict[str, list[str]]()
    for entry in (entry for entry in entries if entry.certainty == "certain"):
        for words, sources in shortest(reasons_of(entry, model), derivation):
            found.setdefault(model.say("with_source", words, sources), []).append(entry.regimen)
    together: dict[tuple[str, ...], list[str]] = {}
    for words, names in found.items():
        together.setdefault(tuple(names), []).append(words)
    return {model.say("and_also").join(reasons): names for names, reasons in together.items()}


def shortest(reasons: Iterable[tuple[str, str]], derivation: Derivation) -> Iterator[tuple[str, str]]:
    """Yield reasons; one that asks for all that another does, and for more, lends that one its source."""
    joint, comma = derivation.model.say("and"), derivation.model.say("comma")
    rows = [(tuple(without_facts(words, derivation)[0].split(joint)), sources) for words, sources in reasons]
    least = dict.fromkeys(own for own, _ in rows if not any(set(other) < set(own) for other, _ in rows))
    for own in least:
        sources = dict.fromkeys(sources for other, sources in rows if set(own) <= set(other))
        yield joint.join(join_names(own, derivation.model)), comma.join(sources)


def reasons_of(entry: Exclusion, model: GuidelineModel) -> Iterator[tuple[str, str]]:
    """Yield the reasons for an exclusion, each with its sources, local ones marked."""
    say = model.say
    annotations: dict[str, list[str]] = {}
    for reason in entry.reasons:
        annotations.setdefault(reason.words, []).append(reason.annotation)
    for words, own in annotations.items():
        local = (say("overlay_name", name) for name in entry.overlays)
        yield words, say("comma").join((*own, *local))
