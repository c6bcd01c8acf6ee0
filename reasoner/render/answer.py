"""An answer as text that a clinician reads in ten seconds."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.conclusions import Assumption
from reasoner.engine.derivation import Derivation
from reasoner.engine.dose_phrases import dose_words, no_dose_words
from reasoner.engine.phrases import (
    alternative_words,
    annotation_words,
    assumed_words,
    assuming_words,
    depending_words,
    missing_words,
    opening_sentence,
    recommendation_words,
    setting_words,
    source_words,
)
from reasoner.engine.remarks import remarks_on
from reasoner.engine.scores import score_words
from reasoner.render.layout import TextLayout

__all__ = ["render"]


def recommendation(page: TextLayout, entry: Recommendation, answer: Answer, quoted: set[str]) -> None:
    """Add one regimen; a statement in `quoted` was given before and is only named."""
    model, derivation = answer.derivation.model, answer.derivation
    say = model.say
    worded = recommendation_words(entry, derivation)
    text = say("with_strength", worded.regimen, worded.strength)
    if entry.certainty == "certain":
        page.item(f"  {entry.rank}.", text, "certain")
    else:
        page.item(f"  {entry.rank}?", text, "conditional")
        page.item("", say("marked_certain_if", assuming_words(entry.assuming, model)), "conditional")
    for other in (other for other in answer.excluded if other.regimen == entry.regimen and other.certainty != "certain"):
        told = say("also_excluded_if", assuming_words(other.assuming, model))
        page.item("", say("with_source", told, sources_of(other, model)), "conditional")
    annotations = [model.annotations[name] for name in dict.fromkeys(reason.annotation for reason in entry.reasons)]
    for annotation in annotations:
        if annotation.id in quoted:
            page.item("", say("as_above", annotation.id))
        else:
            page.item("", say("with_source", opening_sentence(annotation), source_words(annotation, model)))
        quoted.add(annotation.id)
    met = dict.fromkeys(part for reason in entry.reasons for part in reason.words.split(say("and")))
    facts = [part for part in met if part not in {annotation.text for annotation in annotations}]
    if facts:
        page.item("", say("here", say("and").join(facts)), "faint")
    others = [name for name in entry.readings if name not in {annotation.id for annotation in annotations}]
    if others:
        page.item("", say("readings_used", say("comma").join(others)), "faint")
    if entry.depends_on_readings:
        page.item("", depending_words(entry.depends_on_readings, model), "conditional")
    if entry.overlays:
        page.item("", say("overlays_used", say("comma").join(entry.overlays)), "conditional")
    for caution in worded.cautions:
        page.item("", say("caution_as_above") if caution in quoted else caution, "against")
        quoted.add(caution)
    for text in remarks_on(entry, answer.recommended, derivation):
        page.item("", text)
    for text in (*dose_words(entry.doses, model), *no_dose_words(entry.regimen, entry.doses, model)):
        page.item("", text, "faint")


def sources_of(entry: Exclusion, model: GuidelineModel) -> str:
    return model.say("comma").join(dict.fromkeys(reason.annotation for reason in entry.reasons))


def exclusions(page: TextLayout, entries: Iterable[Exclusion], model: GuidelineModel) -> None:
    """Add the excluded regimens, those with the same reasons together."""
    say = model.say
    together: dict[tuple[str, str, tuple[Assumption, ...], tuple[str, ...]], list[str]] = {}
    for entry in entries:
        annotations: dict[str, list[str]] = {}
        for reason in entry.reasons:
            annotations.setdefault(reason.words, []).append(reason.annotation)
        reasons = say("and_also").join(
            say("with_source", words, say("comma").join(own)) for words, own in annotations.items()
        )
        for name in entry.overlays:
            reasons = say("reason_with_overlay", reasons, name)
        same = (reasons, entry.certainty, entry.assuming, entry.depends_on_readings)
        together.setdefault(same, []).append(model.label("regimen", entry.regimen))
    for (reasons, certainty, assuming, readings), names in together.items():
        regimens = say("and").join(names)
        if certainty == "certain":
            page.item("  x", say("excluded_certainly", regimens, reasons), "against")
        else:
            page.item("  x?", conditionally(regimens, reasons, assuming_words(assuming, model), model), "conditional")
        if readings:
            page.item("", depending_words(readings, model), "conditional")


def conditionally(regimens: str, reasons: str, assuming: str, model: GuidelineModel) -> str:
    """Word an exclusion that hangs on something; a reason that says the same is not repeated."""
    words, bracket, sources = reasons.partition(" [")
    joint = model.say("and")
    if set(words.split(joint)) <= set(assuming.split(joint)):
        return model.say("excluded_if_alone", regimens, f"{assuming}{bracket}{sources}")
    return model.say("excluded_if", regimens, assuming, reasons)


def action(page: TextLayout, entry: ActionCall, model: GuidelineModel) -> None:
    say = model.say
    overlays = (say("overlay_name", name) for name in entry.overlays)
    sources = say("comma").join((*(entry.statements or entry.readings), *overlays))
    text = say("with_source", entry.text, sources)
    if entry.certainty == "certain":
        page.item("  -", text)
    else:
        page.item("  ?", say("action_if", text, assuming_words(entry.assuming, model)), "conditional")
    if entry.depends_on_readings:
        page.item("", depending_words(entry.depends_on_readings, model), "conditional")


def setting(name: str, derivation: Derivation) -> str:
    """Word a setting, with what places the patient there."""
    model, program = derivation.model, derivation.program
    say, label = model.say, setting_words(name, model)
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


def render(answer: Answer, width: int = 80, colour: bool = False) -> str:
    """Render an answer as text of at most `width` columns, with ANSI colours where `colour` is true."""
    model = answer.derivation.model
    say = model.say
    page = TextLayout(width, colour)
    page.opening(answer.patient, answer.guideline, model)
    page.item("", answer.bottom_line, "heading", indent=0)
    for placed in answer.decisions or ():
        words = say("setting_for", model.label("decision", placed.decision), setting(placed.setting, answer.derivation))
        page.item("", words, indent=0)
    if not answer.decisions:
        page.item("", say("setting_is", setting(answer.setting, answer.derivation)), indent=0)
    recommendations(page, answer)
    shown = {entry.regimen for entry in answer.recommended}
    left = [entry for entry in answer.excluded if entry.certainty == "certain" or entry.regimen not in shown]
    if left:
        page.heading(say("heading_excluded"))
        exclusions(page, left, model)
    if answer.actions:
        page.heading(say("heading_actions"))
        for call in sorted(answer.actions, key=lambda call: call.action not in model.urgent):
            action(page, call, model)
    section(page, say("heading_scores"), "  -", (score_words(score, model) for score in answer.scores or ()))
    section(page, say("heading_missing"), "  ?", missing_words(answer))
    if answer.assumed:
        page.blank()
        page.item("", assumed_words(answer), indent=0)
    if answer.alternatives:
        page.heading(say("heading_alternatives"))
        for other in answer.alternatives:
            page.item("  -", alternative_words(other, model))
            named = f"{other.reading}={other.alternative}"
            annotation = model.annotations.get(named) or model.annotations[other.reading]
            page.item("", annotation_words(annotation, model), "faint")
    section(page, say("heading_notes"), "  -", (note for note in answer.notes if note != say("note_silent")))
    section(page, say("heading_doubts"), "  -", answer.caveats)
    if answer.not_considered:
        page.blank()
        page.item("", say("not_considered", say("comma").join(answer.not_considered)), "faint", indent=0)
    return page.closing(answer.guideline)


def recommendations(page: TextLayout, answer: Answer) -> None:
    """Add what is recommended, for each of several decisions; where nothing is, the bottom line has said so."""
    model, say, quoted = answer.derivation.model, answer.derivation.model.say, set[str]()
    for decision in model.decisions or (UNSET,):
        own = [entry for entry in answer.recommended if entry.decision == decision]
        if isinstance(decision, str):
            page.heading(say("heading_recommended_for", model.label("decision", decision)))
            if not own:
                page.item("  -", say("nothing"))
        elif own:
            page.heading(say("heading_recommended"))
        for entry in own:
            recommendation(page, entry, answer, quoted)


def section(page: TextLayout, heading: str, lead: str, lines: Iterable[str]) -> None:
    """Add lines under a heading, or nothing where there are none."""
    for number, line in enumerate(lines):
        if not number:
            page.heading(heading)
        page.item(lead, line)
