"""An answer as text that a clinician reads in ten seconds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import UNSET, structs

from reasoner.compiler.model import Annotation, GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.conclusions import Assumption, untreated_assumed
from reasoner.engine.derivation import Derivation
from reasoner.engine.dose_phrases import dose_words, no_dose_words
from reasoner.engine.notes import of_decision
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
    if named:
        text = say("with_source", text, say("and").join(source_words(annotation, model) for annotation in named))
    certain = entry.certainty == "certain"
    page.item(f"  {entry.rank}." if certain else f"  {entry.rank}?", text, "certain" if certain else "conditional")
    conditions(page, entry, answer)
    for annotation in fresh:
        page.item("", say("with_source", opening_sentence(annotation), source_words(annotation, model)))
        quoted.add(annotation.id)
    facts = say("and").join(facts_met(entry, annotations, derivation))
    if facts and facts not in quoted:
        page.item("", say("here", facts), "faint")
        quoted.add(facts)
    if entry.depends_on_readings:
        page.item("", depending_words(entry.depends_on_readings, model), "conditional")
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
        doses = [text for text in doses if text not in quoted] + [say("doses_as_above")]
    for text in doses:
        page.item("", text, "faint")
        quoted.add(text)


def conditions(page: TextLayout, entry: Recommendation, answer: Answer) -> None:
    """Add what makes a conditional regimen certain, and what excludes it."""
    model, say = answer.derivation.model, answer.derivation.model.say
    others = [other for other in answer.excluded if other.regimen == entry.regimen and other.certainty != "certain"]
    assuming = assuming_words(entry.assuming, model)
    if len(others) == 1 and opposite(entry.assuming, others[0].assuming):
        page.item("", say("certain_or_excluded", assuming, sources_of(others[0], model)), "conditional")
        return
    if entry.certainty != "certain":
        page.item("", say("marked_certain_if", assuming), "conditional")
    for other in others:
        told = say("also_excluded_if", assuming_words(other.assuming, model))
        page.item("", say("with_source", told, sources_of(other, model)), "conditional")


def opposite(one: tuple[Assumption, ...], other: tuple[Assumption, ...]) -> bool:
    """Tell whether two conditions are that the same fact is so, and that it is not."""
    return (
        len(one) == len(other) == 1
        and isinstance(one[0].value, bool)
        and one[0] == structs.replace(other[0], value=one[0].value)
        and other[0].value is (not one[0].value)
    )


def facts_met(entry: Recommendation, annotations: Sequence[Annotation], derivation: Derivation) -> list[str]:
    """Word the facts by which a regimen is recommended: those in brackets once, and none that is assumed or quoted.

    Whom the guideline is about is left out.
    """
    program, model = derivation.program, derivation.model
    assumed = {assuming_words((one,), model) for one in entry.assuming}
    said = {annotation.text for annotation in annotations}
    said.update(phrase for phrase, role in zip(program.phrases, program.roles, strict=True) if role == "space")
    found: dict[str, None] = {}
    for part in dict.fromkeys(part for reason in entry.reasons for part in reason.words.split(model.say("and"))):
        words, facts = without_facts(part, derivation)
        if part not in said and assumed.isdisjoint((part, facts)):
            found[words if facts in said else part] = None
            said.add(facts)
    return list(found)


def without_facts(words: str, derivation: Derivation) -> tuple[str, str]:
    """Take words apart from the fact of the record in brackets at their end; that is empty where there is none."""
    text, bracket, facts = words.removesuffix(")").rpartition(" (")
    known = bracket and words.endswith(")") and facts in derivation.program.phrases
    return (text, facts) if known else (words, "")


def sources_of(entry: Exclusion, model: GuidelineModel) -> str:
    return model.say("comma").join(dict.fromkeys(reason.annotation for reason in entry.reasons))


def exclusions(page: TextLayout, entries: Sequence[Exclusion], derivation: Derivation) -> None:
    """Add the excluded regimens, those for the same reason together; first what is certain."""
    model, say = derivation.model, derivation.model.say
    rows: list[Row] = []
    for words, (names, readings) in certain_exclusions(entries, derivation).items():
        named = some_regimens(names, model)
        rows.append(Row("  x", say("excluded_certainly", named, words), "against", readings, named))
    together: dict[tuple[str, tuple[Assumption, ...], tuple[str, ...]], list[str]] = {}
    for entry in (entry for entry in entries if entry.certainty != "certain"):
        reasons = say("and_also").join(say("with_source", words, source) for words, source in reasons_of(entry, model))
        together.setdefault((reasons, entry.assuming, entry.depends_on_readings), []).append(entry.regimen)
    for (reasons, assuming, readings), names in together.items():
        named = some_regimens(names, model)
        words = conditionally(named, reasons, assuming_words(assuming, model), model)
        rows.append(Row("  x?", words, "conditional", readings, named))
    with_readings(page, rows, model)


class Row(NamedTuple):
    """An entry of a section: its lead, text and mark, the readings that would change it, and its name."""

    lead: str
    text: str
    mark: str
    readings: tuple[str, ...]
    name: str


def with_readings(page: TextLayout, rows: Sequence[Row], model: GuidelineModel) -> None:
    """Add entries, each with the readings that would change it; what would change several is told once, after them all."""
    say, alike = model.say, Counter(row.readings for row in rows if row.readings)
    for row in rows:
        page.item(row.lead, row.text, row.mark)
        if alike[row.readings] == 1:
            page.item("", depending_words(row.readings, model), "conditional")
    for readings in (own for own, count in alike.items() if count > 1):
        named = say("and").join(row.name for row in rows if row.readings == readings)
        page.item("", say("readings_change", say("or").join(readings), named), "conditional")


def certain_exclusions(entries: Iterable[Exclusion], derivation: Derivation) -> dict[str, tuple[list[str], tuple[str, ...]]]:
    """Give for all that excludes the same regimens for certain these, and the readings that would change that for each."""
    model, found = derivation.model, dict[str, list[Exclusion]]()
    for entry in (entry for entry in entries if entry.certainty == "certain"):
        for words, source in reasons_of(entry, model):
            found.setdefault(model.say("with_source", without_facts(words, derivation)[0], source), []).append(entry)
    together: dict[tuple[str, ...], list[str]] = {}
    for words, own in found.items():
        together.setdefault(tuple(entry.regimen for entry in own), []).append(words)
    return {
        model.say("and_also").join(reasons): (list(names), own[0].depends_on_readings if same(own) else ())
        for names, reasons in together.items()
        for own in [found[reasons[0]]]
    }


def same(entries: Sequence[Exclusion]) -> bool:
    return len({entry.depends_on_readings for entry in entries}) == 1


def reasons_of(entry: Exclusion, model: GuidelineModel) -> Iterator[tuple[str, str]]:
    """Yield the reasons for an exclusion, each with its sources, local ones marked."""
    say = model.say
    annotations: dict[str, list[str]] = {}
    for reason in entry.reasons:
        annotations.setdefault(reason.words, []).append(reason.annotation)
    for words, own in annotations.items():
        local = (say("overlay_name", name) for name in entry.overlays)
        yield words, say("comma").join((*own, *local))


def some_regimens(names: Sequence[str], model: GuidelineModel) -> str:
    """Name regimens: where these are all that contain a certain drug, by that."""
    for drug in model.drugs if len(names) > MOST_QUOTED else ():
        if set(names) == {regimen for regimen, parts in model.parts.items() if (drug,) in parts}:
            return model.say("every_regimen_with", model.label("drug", drug))
    return model.say("and").join(model.label("regimen", name) for name in names)


def conditionally(regimens: str, reasons: str, assuming: str, model: GuidelineModel) -> str:
    """Word an exclusion that hangs on something; a reason that says the same is not repeated."""
    words, bracket, sources = reasons.partition(" [")
    joint = model.say("and")
    if set(words.split(joint)) <= set(assuming.split(joint)):
        return model.say("excluded_if_alone", regimens, f"{assuming}{bracket}{sources}")
    return model.say("excluded_if", regimens, assuming, reasons)


def action(entry: ActionCall, model: GuidelineModel) -> Row:
    """Word what is called for."""
    say = model.say
    overlays = (say("overlay_name", name) for name in entry.overlays)
    sources = say("comma").join((*(entry.statements or entry.readings), *overlays))
    text = say("with_source", entry.text, sources)
    name, readings = model.label("action_name", entry.action), entry.depends_on_readings
    if entry.certainty == "certain":
        return Row("  -", text, "", readings, name)
    return Row("  ?", say("action_if", text, assuming_words(entry.assuming, model)), "conditional", readings, name)


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
    if answer.warning:
        page.item("", answer.warning, "against", indent=0)
    for placed in answer.decisions or ():
        page.item("", of_decision(placed.decision, setting(placed.setting, answer.derivation), model), indent=0)
    if not answer.decisions:
        page.item("", say("setting_is", setting(answer.setting, answer.derivation)), indent=0)
    page.blank()
    recommendations(page, answer)
    shown = {entry.regimen for entry in answer.recommended}
    left = [entry for entry in answer.excluded if entry.certainty == "certain" or entry.regimen not in shown]
    if left:
        page.item("", say("heading_excluded"), "heading", indent=0)
        exclusions(page, left, answer.derivation)
    if answer.actions:
        page.item("", say("heading_actions"), "heading", indent=0)
        calls = sorted(answer.actions, key=lambda call: call.action not in model.urgent)
        with_readings(page, [action(call, model) for call in calls], model)
    section(page, say("heading_scores"), "  -", (score_words(score, model) for score in answer.scores or ()))
    section(page, say("heading_missing"), "  ?", missing_words(answer))
    if words := assumed_words(answer):
        page.item("", words, indent=0)
    if answer.alternatives:
        page.item("", say("heading_alternatives"), "heading", indent=0)
        for other in answer.alternatives:
            page.item("  -", alternative_words(other, model))
            named = f"{other.reading}={other.alternative}"
            annotation = model.annotations.get(named) or model.annotations[other.reading]
            page.item("", annotation_words(annotation, model), "faint")
    section(
        page,
        say("heading_notes"),
        "  -",
        (note for note in answer.notes if note not in (say("note_silent"), answer.warning)),
    )
    section(page, say("heading_doubts"), "  -", (PUBLICATION.sub("", caveat) for caveat in answer.caveats))
    page.blank()
    if answer.not_considered:
        page.item("", say("not_considered", say("comma").join(answer.not_considered)), "faint", indent=0)
    page.item("", answer.guideline.disclaimer, "faint", indent=0)
    return page.text()


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
