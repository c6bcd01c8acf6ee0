"""An answer as text that a clinician reads in ten seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import UNSET

from reasoner.compiler.model import Annotation
from reasoner.engine.answer import ActionCall, Answer, Recommendation
from reasoner.engine.conclusions import conclusions_of, untreated_assumed
from reasoner.engine.derivation import Derivation
from reasoner.engine.dose_phrases import dose_words, no_dose_words
from reasoner.engine.joined_names import join_names
from reasoner.engine.memory import on_larger_diagrams
from reasoner.engine.missing_phrases import missing_words
from reasoner.engine.notes import of_decision, possible_settings
from reasoner.engine.phrases import annotation_words, assumed_words, assumption_words, opening_sentence, recommendation_words
from reasoner.engine.predicates import ACTION, EXCLUDED, RECOMMENDED
from reasoner.engine.reading_phrases import alternative_words, dependent_words
from reasoner.engine.remarks import remarks_on
from reasoner.engine.scores import score_words
from reasoner.engine.way_phrases import requirements_of
from reasoner.render.grounds import exclusions, setting_with_grounds, source, sources_against, without_facts
from reasoner.render.layout import TextLayout
from reasoner.render.short_names import ShortNames

__all__ = ["render"]


PUBLICATION = re.compile(r" \(doi .*?\)(?=[;.]|$)")
"""Where a result was published: in the JSON, not in the text."""
MOST_QUOTED = 2
"""Where no more regimens rank first, the first statement that recommends each is quoted in full; others are named."""


def recommendation(page: TextLayout, entry: Recommendation, answer: Answer, quoted: set[str], whole: bool) -> None:
    """Add one regimen; its first statement is quoted where `whole`, a chosen alternative always, each once."""
    model, derivation = answer.derivation.model, answer.derivation
    say = model.say
    worded = recommendation_words(entry, derivation)
    text = say("with_strength", worded.regimen, worded.strength)
    annotations = [model.annotations[name] for name in dict.fromkeys(reason.annotation for reason in entry.reasons)]
    unsaid = [annotation for annotation in annotations if annotation.id not in quoted]
    fresh = [own for own in unsaid if own.kind == "alternative" or (whole and own is unsaid[0])]
    named = [annotation for annotation in annotations if annotation not in fresh]
    sources = say("comma").join(source(annotation, model) for annotation in named)
    if sources and not fresh:
        text = say("with_source", text, sources)
    certain = entry.certainty == "certain"
    lead, mark = (f"  {entry.rank}.", "certain") if certain else (f"  {entry.rank}?", "conditional")
    page.item(lead, text, mark, in_full=True)
    conditions(page, entry, answer)
    for annotation in fresh:
        own = source(annotation, model)
        last = sources and annotation is fresh[-1]
        own = say("also_from", own, sources) if last else own
        page.item("", say("with_source", opening_sentence(annotation), own), in_full=True)
        quoted.add(annotation.id)
    facts = say("and").join(facts_met(entry, annotations, derivation))
    if facts and facts not in quoted:
        page.item("", say("here", facts), "faint")
        quoted.add(facts)
    if entry.overlays:
        page.item("", say("overlays_used", say("comma").join(entry.overlays)), "conditional")
    for caution in worded.cautions:
        page.item("", say("caution_as_above") if caution in quoted else caution, "against")
        quoted.add(caution)
    for text in remarks_on(entry, answer.recommended, derivation):
        if text not in quoted:
            page.item("", text)
            quoted.add(text)
    doses = list(dose_words(entry.doses, model))
    if any(text in quoted for text in doses):
        doses = [text for text in doses if text not in quoted]
        doses.append(say("other_doses_as_above" if doses else "doses_as_above"))
    for text in doses:
        page.item("", text, "faint")
        quoted.add(text)


def conditions(page: TextLayout, entry: Recommendation, answer: Answer) -> None:
    """Add what makes a conditional regimen certain, and what excludes it."""
    regimen, derivation, say = entry.regimen, answer.derivation, answer.derivation.model.say
    excluded = any(other.regimen == regimen and other.certainty != "certain" for other in answer.excluded)
    against = sources_against(regimen, derivation) if excluded else ""
    opposite = excluded and is_opposite(regimen, derivation)
    if opposite:
        told = say("certain_or_excluded", requirements_of(RECOMMENDED, regimen, derivation), against)
        page.item("", told, "conditional")
    elif entry.certainty != "certain":
        page.item("", say("marked_certain_if", requirements_of(RECOMMENDED, regimen, derivation)), "conditional")
    if excluded and not opposite:
        told = say("also_excluded_if", requirements_of(EXCLUDED, regimen, derivation))
        page.item("", say("with_source", told, against), "conditional")


def is_opposite(regimen: str, derivation: Derivation) -> bool:
    """Tell whether a regimen is excluded wherever it is not recommended, and nowhere else."""
    conclusions, completions = conclusions_of(derivation), derivation.completions
    recommended, excluded = (conclusions.truth(predicate, regimen) for predicate in (RECOMMENDED, EXCLUDED))
    return bool(recommended | excluded == completions.all and recommended & excluded == completions.none)


def facts_met(entry: Recommendation, annotations: Sequence[Annotation], derivation: Derivation) -> list[str]:
    """Word the facts by which a regimen is recommended: those in brackets once, and none that is assumed or quoted.

    Whom the guideline is about is left out.
    """
    program, model = derivation.program, derivation.model
    assumed = {assumption_words(one, model) for one in entry.assuming}
    said = {annotation.text for annotation in annotations}
    said.update(phrase for phrase, role in zip(program.phrases, program.roles, strict=True) if role == "space")
    parts = dict.fromkeys(part for reason in entry.reasons for part in reason.words.split(model.say("and")))
    kept = [p for p in parts if p not in said and assumed.isdisjoint((p, without_facts(p, derivation)[1]))]
    found: dict[str, None] = {}
    for part in join_names(kept, model):
        words, facts = without_facts(part, derivation)
        found[words if facts in said else part] = None
        said.update((part, facts))
    return list(found)


def actions(page: TextLayout, calls: Sequence[ActionCall], derivation: Derivation) -> None:
    """Add what is called for; what hangs on the same comes together."""
    say, together = derivation.model.say, dict[str, list[str]]()
    for entry in calls:
        overlays = (say("overlay_name", name) for name in entry.overlays)
        sources = say("comma").join((*(entry.statements or entry.readings), *overlays))
        condition = "" if entry.certainty == "certain" else requirements_of(ACTION, entry.action, derivation)
        together.setdefault(condition, []).append(say("with_source", entry.text, sources))
    for condition, texts in together.items():
        if condition:
            page.item("  ?", say("actions_if", condition, " ".join(texts)), "conditional")
        else:
            for text in texts:
                page.item("  -", text)


@on_larger_diagrams
def render(answer: Answer, width: int = 80, colour: bool = False) -> str:
    """Render an answer as text of at most `width` columns, with ANSI colours where `colour` is true."""
    answer = answer.anew()
    model = answer.derivation.model
    say = model.say
    page = TextLayout(width, colour, ShortNames(model))
    page.opening(answer.patient, answer.guideline, model)
    page.item("", answer.bottom_line, "heading", indent=0, in_full=True)
    if answer.warning:
        page.item("", answer.warning, "against", indent=0)
    for placed in answer.decisions or ():
        words = setting_with_grounds(placed.decision, placed.setting, answer.derivation)
        page.item("", of_decision(placed.decision, words, model), indent=0)
    if not answer.decisions:
        page.item("", say("setting_is", setting_with_grounds("", answer.setting, answer.derivation)), indent=0)
    page.blank()
    recommendations(page, answer)
    shown = {entry.regimen for entry in answer.recommended}
    left = [entry for entry in answer.excluded if entry.certainty == "certain" or entry.regimen not in shown]
    if left:
        page.item("", say("heading_excluded"), "heading", indent=0)
        for certain, words in exclusions(left, answer.derivation):
            page.item("  x" if certain else "  x?", words, "against" if certain else "conditional")
    if answer.actions:
        page.item("", say("heading_actions"), "heading", indent=0)
        calls = sorted(answer.actions, key=lambda call: call.action not in model.urgent)
        actions(page, calls, answer.derivation)
    section(page, say("heading_scores"), "  -", (score_words(score, model) for score in answer.scores or ()))
    section(page, say("heading_missing"), "  ?", missing_words(answer))
    if words := assumed_words(answer):
        page.item("", words, indent=0)
    otherwise(page, answer)
    section(
        page,
        say("heading_notes"),
        "  -",
        (note for note in answer.notes if note not in said_above(answer)),
    )
    section(page, say("heading_doubts"), "  -", (PUBLICATION.sub("", caveat) for caveat in answer.caveats))
    if answer.not_considered:
        page.item("", say("not_considered", say("comma").join(answer.not_considered)), "faint", indent=0)
    page.item("", answer.guideline.disclaimer, "faint", indent=0)
    return page.text()


def said_above(answer: Answer) -> set[str]:
    """Collect the notes that the bottom line, the warning and the setting have told."""
    derivation = answer.derivation
    model = derivation.model
    open_ones = (
        of_decision(
            decision, model.say("note_undetermined", model.say("or").join(possible_settings(derivation, decision))), model
        )
        for decision in model.decisions or ("",)
    )
    return {model.say("note_silent"), str(answer.warning), *open_ones}


def otherwise(page: TextLayout, answer: Answer) -> None:
    """Add what other alternatives of readings would change, each said once."""
    model = answer.derivation.model
    dependent = list(dependent_words(answer))
    if answer.alternatives or dependent:
        page.item("", model.say("heading_alternatives"), "heading", indent=0)
    for other in answer.alternatives:
        page.item("  -", alternative_words(other, answer))
        named = f"{other.reading}={other.alternative}"
        annotation = model.annotations.get(named) or model.annotations[other.reading]
        page.item("", annotation_words(annotation, model), "faint", in_full=True)
    for text in dependent:
        page.item("  -", text)


def recommendations(page: TextLayout, answer: Answer) -> None:
    """Add what is recommended, for each of several decisions; where nothing is, the bottom line has said so."""
    model, say, quoted = answer.derivation.model, answer.derivation.model.say, set[str]()
    for decision in model.decisions or (UNSET,):
        own = [entry for entry in answer.recommended if entry.decision == decision]
        if isinstance(decision, str):
            page.item("", say("heading_recommended_for", model.label("decision", decision)), "heading", indent=0)
            if not own:
                page.item("  -", say("nothing"))
        elif own:
            page.item("", say("heading_recommended"), "heading", indent=0)
        untreated = [given for entry in own for given in untreated_assumed(entry.assuming, model)]
        if untreated and len(untreated) == len(own):
            label = model.label("fact", untreated[0].fact)
            page.item(
                "", say("untreated_only") if answer.warning else say("holds_untreated", label), "conditional", indent=2
            )
        whole = sum(entry.rank == 1 for entry in own) <= MOST_QUOTED
        for entry in own:
            recommendation(page, entry, answer, quoted, whole and entry.rank == 1)
        for text in no_dose_words(own, answer.derivation):
            page.item("", text, "faint")


def section(page: TextLayout, heading: str, lead: str, lines: Iterable[str]) -> None:
    """Add lines under a heading, or nothing where there are none."""
    for number, line in enumerate(lines):
        if not number:
            page.item("", heading, "heading", indent=0)
        page.item(lead, line)
