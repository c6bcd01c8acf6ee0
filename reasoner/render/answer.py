"""An answer as text that a clinician reads in ten seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import ActionCall, Answer, DoseGiven, Exclusion, Recommendation
from reasoner.engine.conclusions import Assumption
from reasoner.engine.derivation import Derivation
from reasoner.phrases import condition_words, member_words, setting_words, source_words
from reasoner.render.layout import TextLayout

__all__ = ["doses", "evidence", "missing", "render"]


def dose_words(dose: DoseGiven, model: GuidelineModel) -> str:
    if dose.every_weeks is None:
        rhythm = model.say("once")
    elif dose.every_weeks == 1:
        rhythm = model.say("every_week")
    else:
        rhythm = model.say("every_weeks", str(dose.every_weeks))
    amount = f"{short(dose.amount)} {dose.unit}"
    if dose.mg is not None and dose.unit != "mg":
        amount = model.say("dose_by_weight", short(dose.mg, 1), amount)
    return " ".join(part for part in (model.label("step", dose.step), amount, dose.route, rhythm) if part)


def short(number: float, places: int | None = None) -> str:
    """Write a number as it was given, or rounded to decimal places, without zeros at the end."""
    from decimal import Decimal

    exact = Decimal(str(number))
    return f"{(exact if places is None else round(exact, places)).normalize():f}"


def doses(entry: Recommendation, model: GuidelineModel) -> Iterator[str]:
    """Yield the doses of a regimen: a line for each drug, its schedules as alternatives; and what has no dose."""
    say = model.say
    by_drug: dict[str, dict[str, list[DoseGiven]]] = {}
    for dose in entry.doses:
        by_drug.setdefault(dose.drug, {}).setdefault(dose.schedule, []).append(dose)
    for drug, schedules in by_drug.items():
        alternatives = (say("then_step").join(dose_words(d, model) for d in steps) for steps in schedules.values())
        text = say("or_schedule").join(alternatives)
        statements = say("comma").join(dict.fromkeys(d.statement for steps in schedules.values() for d in steps))
        yield say("dose_of", model.label("drug", drug), text, statements)
    drugs = dict.fromkeys(drug for part in model.parts.get(entry.regimen, ()) for drug in part if drug not in by_drug)
    if drugs:
        names = say("comma").join(model.label("drug", drug) for drug in drugs)
        yield say("no_dose", names)


def always(atom: str, entry: Recommendation, derivation: Derivation) -> bool:
    """Tell whether an atom holds wherever a regimen is recommended."""
    return not derivation.truth(f"recommended({entry.regimen})") & ~derivation.truth(atom)


def recommendation(page: TextLayout, entry: Recommendation, derivation: Derivation) -> None:
    model = derivation.model
    say = model.say
    name = model.label("regimen", entry.regimen)
    if not always(f"rank({entry.regimen},{entry.rank})", entry, derivation):
        name = say("rank_varies", name)
    strength = model.label("strength", entry.strength)
    if entry.certainty == "certain":
        page.item(f"  {entry.rank}.", f"{name} - {strength}", "certain")
    else:
        page.item(f"  {entry.rank}?", f"{name} - {strength}", "conditional")
        page.item("", say("marked_certain_if", condition_words(entry.assuming, model)), "conditional")
    annotations: dict[str, None] = {reason.annotation: None for reason in entry.reasons}
    for name in annotations:
        annotation = model.annotations[name]
        page.item("", f"{annotation.text} [{source_words(annotation, model)}]")
    held = dict.fromkeys(part for reason in entry.reasons for part in reason.words.split(say("and")))
    facts = [part for part in held if part not in {model.annotations[name].text for name in annotations}]
    if facts:
        page.item("", say("here", say("and").join(facts)), "faint")
    others = [name for name in entry.readings if name not in annotations]
    if others:
        page.item("", say("readings_used", say("comma").join(others)), "faint")
    if entry.overlays:
        page.item("", say("overlays_used", say("comma").join(entry.overlays)), "conditional")
    for caution in entry.cautions:
        sure = always(f"cautioned({entry.regimen},{caution})", entry, derivation)
        page.item("", say("marked_caution" if sure else "caution_unless", model.label("caution", caution)), "against")
    for text in doses(entry, model):
        page.item("", text, "faint")


def exclusions(page: TextLayout, entries: Iterable[Exclusion], model: GuidelineModel) -> None:
    """Add the excluded regimens, those with the same reasons together."""
    say = model.say
    together: dict[tuple[str, tuple[Assumption, ...]], list[str]] = {}
    for entry in entries:
        annotations: dict[str, list[str]] = {}
        for reason in entry.reasons:
            annotations.setdefault(reason.words, []).append(reason.annotation)
        reasons = say("and_also").join(f"{words} [{say('comma').join(own)}]" for words, own in annotations.items())
        for name in entry.overlays:
            reasons = say("reason_with_overlay", reasons, name)
        together.setdefault((reasons, entry.assuming), []).append(model.label("regimen", entry.regimen))
    for (reasons, assuming), names in together.items():
        regimens = say("and").join(names)
        if assuming:
            text = say("excluded_if", regimens, condition_words(assuming, model), reasons)
            page.item("  x?", text, "conditional")
        else:
            page.item("  x", f"{regimens}: {reasons}", "against")


def action(page: TextLayout, entry: ActionCall, model: GuidelineModel) -> None:
    say = model.say
    overlays = (say("overlay_name", name) for name in entry.overlays)
    text = f"{entry.text} [{say('comma').join((*(entry.statements or entry.readings), *overlays))}]"
    if entry.certainty == "certain":
        page.item("  -", text)
    else:
        page.item("  ?", say("action_if", text, condition_words(entry.assuming, model)), "conditional")


def missing(answer: Answer, model: GuidelineModel) -> Iterator[str]:
    """Yield the unknown facts that matter, with what each decides."""
    for entry in answer.missing:
        label = model.label("fact", entry.fact)
        if entry.member is not None:
            label = member_words(entry.fact, entry.member, model)
        yield model.say("fact_decides", label, listed(entry.decides, model))


def listed(decides: Sequence[str], model: GuidelineModel) -> str:
    """Word what a fact decides; of many regimens or actions only how many."""
    say = model.say
    regimens = [model.label("regimen", name) for name in decides if name in model.regimens]
    actions = [model.label("action_name", name) for name in decides if name in model.actions]
    names = [say("the_setting")] if "setting" in decides else []
    names += regimens if len(regimens) <= 3 else [say("many_regimens", str(len(regimens)))]
    names += actions if len(actions) <= 3 else [say("many_actions", str(len(actions)))]
    return say("comma").join(names)


def setting(answer: Answer) -> str:
    """Word the setting, with what places the patient there."""
    derivation = answer.derivation
    model, program = derivation.model, derivation.program
    say, label = model.say, setting_words(answer.setting, model)
    grounds: dict[str, set[str]] = {}
    for _, number in program.table.get("setting", {}).get(answer.setting, ()):
        for use in derivation.firing(number, derivation.completions.all):
            for condition, negated in program.rules[use].conditions:
                if not negated and program.supports[condition]:
                    ground = program.atoms[condition].partition(",")[2].rstrip(")")
                    found = derivation.grounds(condition, derivation.completions.all)
                    grounds.setdefault(model.label("ground", ground), set()).update(found.statements or found.readings)
    if not grounds:
        return label
    reasons = (
        f"{ground} [{say('comma').join(name for name in model.annotations if name in own)}]"
        for ground, own in grounds.items()
    )
    return say("setting_by", label, say("and").join(reasons))


def evidence(answer: Answer, model: GuidelineModel) -> Iterator[str]:
    """Yield the register's entries on the statements that the recommendations rest on."""
    used = {statement for entry in answer.recommended for statement in entry.statements}
    for statement, date, text in model.discrepancies:
        if statement in used:
            yield model.say("doubt", statement, text, date)


def render(answer: Answer, width: int = 80, colour: bool = False) -> str:
    """Render an answer as text of at most `width` columns, with ANSI colours where `colour` is true."""
    model = answer.derivation.model
    say = model.say
    page = TextLayout(width, colour)
    page.opening(answer.patient, answer.guideline, model)
    page.item("", say("setting_is", setting(answer)), "heading", indent=0)
    page.heading(say("heading_recommended"))
    for entry in answer.recommended:
        recommendation(page, entry, answer.derivation)
    if not answer.recommended:
        page.item("  -", say("nothing"))
    if answer.excluded:
        page.heading(say("heading_excluded"))
        exclusions(page, answer.excluded, model)
    if answer.actions:
        page.heading(say("heading_actions"))
        for call in answer.actions:
            action(page, call, model)
    unknown = list(missing(answer, model))
    if unknown:
        page.heading(say("heading_missing"))
        for text in unknown:
            page.item("  ?", text)
    if answer.notes:
        page.heading(say("heading_notes"))
        for note in answer.notes:
            page.item("  -", note)
    doubts = list(evidence(answer, model))
    if doubts:
        page.heading(say("heading_doubts"))
        for text in doubts:
            page.item("  -", text)
    return page.closing(answer.guideline)
