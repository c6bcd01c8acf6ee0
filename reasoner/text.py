"""An answer as text that a clinician reads in ten seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reasoner.answer import ActionCall, Answer, Assumption, DoseGiven, Exclusion, Recommendation
from reasoner.derivation import Derivation
from reasoner.knowledge import Knowledge
from reasoner.page import Page, condition_words, member_words, source_words

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["render"]


def dose_words(dose: DoseGiven, knowledge: Knowledge) -> str:
    rhythm = (
        "once" if dose.every_weeks is None else "every week" if dose.every_weeks == 1 else f"every {dose.every_weeks} weeks"
    )
    amount = f"{short(dose.amount)} {dose.unit}"
    if dose.mg is not None and dose.unit != "mg":
        amount = f"{short(round(dose.mg, 1))} mg ({amount})"
    return " ".join(part for part in (knowledge.label("step", dose.step), amount, dose.route, rhythm) if part)


def short(number: Decimal) -> str:
    return f"{number.normalize():f}"


def doses(page: Page, entry: Recommendation, knowledge: Knowledge) -> None:
    """Add the doses of a regimen: a line for each drug, its schedules as alternatives; and what has no dose."""
    by_drug: dict[str, dict[str, list[DoseGiven]]] = {}
    for dose in entry.doses:
        by_drug.setdefault(dose.drug, {}).setdefault(dose.schedule, []).append(dose)
    for drug, schedules in by_drug.items():
        text = "; or ".join(", then ".join(dose_words(d, knowledge) for d in steps) for steps in schedules.values())
        statements = dict.fromkeys(d.statement for steps in schedules.values() for d in steps)
        page.item("", f"Dose of {knowledge.label('drug', drug)}: {text} [{', '.join(statements)}]", "faint")
    drugs = dict.fromkeys(drug for part in knowledge.parts[entry.regimen] for drug in part if drug not in by_drug)
    if drugs:
        page.item("", f"The text gives no dose of {', '.join(knowledge.label('drug', drug) for drug in drugs)}.", "faint")


def always(atom: str, entry: Recommendation, derivation: Derivation) -> bool:
    """Tell whether an atom holds wherever a regimen is recommended."""
    return not derivation.truth(f"recommended({entry.regimen})") & ~derivation.truth(atom)


def recommendation(page: Page, entry: Recommendation, derivation: Derivation) -> None:
    knowledge = derivation.knowledge
    name = knowledge.label("regimen", entry.regimen)
    if not always(f"rank({entry.regimen},{entry.rank})", entry, derivation):
        name += " (rank by what is not recorded; this is the best)"
    strength = knowledge.label("strength", entry.strength)
    if entry.certainty == "certain":
        page.item(f"  {entry.rank}.", f"{name} - {strength}", "certain")
    else:
        page.item(f"  {entry.rank}?", f"{name} - {strength}", "conditional")
        page.item("", f"CERTAIN IF {condition_words(entry.assuming, knowledge)}", "conditional")
    blocks: dict[str, None] = {reason.block: None for reason in entry.because}
    for name in blocks:
        block = knowledge.blocks[name]
        page.item("", f"{block.text} [{source_words(block, knowledge)}]")
    held = dict.fromkeys(part for reason in entry.because for part in reason.words.split(knowledge.wording["and"]))
    facts = [part for part in held if part not in {knowledge.blocks[name].text for name in blocks}]
    if facts:
        page.item("", f"Here: {knowledge.wording['and'].join(facts)}.", "faint")
    others = [name for name in entry.readings if name not in blocks]
    if others:
        page.item("", f"Readings used: {', '.join(others)}.", "faint")
    if entry.overlays:
        page.item("", f"LOCAL overlay used: {', '.join(entry.overlays)}.", "conditional")
    for caution in entry.cautions:
        lead = (
            "CAUTION" if always(f"cautioned({entry.regimen},{caution})", entry, derivation) else "CAUTION, unless ruled out:"
        )
        page.item("", f"{lead} {knowledge.label('caution', caution)}", "against")
    doses(page, entry, knowledge)


def exclusions(page: Page, entries: Iterable[Exclusion], knowledge: Knowledge) -> None:
    """Add the excluded regimens, those with the same reasons together."""
    together: dict[tuple[str, tuple[Assumption, ...]], list[str]] = {}
    for entry in entries:
        blocks: dict[str, list[str]] = {}
        for reason in entry.because:
            blocks.setdefault(reason.words, []).append(reason.block)
        reasons = ", and ".join(f"{words} [{', '.join(own)}]" for words, own in blocks.items())
        reasons += "".join(f" (LOCAL overlay {name})" for name in entry.overlays)
        together.setdefault((reasons, entry.assuming), []).append(knowledge.label("regimen", entry.regimen))
    for (reasons, assuming), names in together.items():
        listed = knowledge.wording["and"].join(names)
        if assuming:
            page.item("  x?", f"{listed}, CERTAIN IF {condition_words(assuming, knowledge)}: {reasons}", "conditional")
        else:
            page.item("  x", f"{listed}: {reasons}", "against")


def action(page: Page, entry: ActionCall, knowledge: Knowledge) -> None:
    names = ", ".join((*(entry.statements or entry.readings), *(f"LOCAL overlay {name}" for name in entry.overlays)))
    text = f"{entry.text} [{names}]"
    if entry.certainty == "certain":
        page.item("  -", text)
    else:
        page.item("  ?", f"{text} CERTAIN IF {condition_words(entry.assuming, knowledge)}", "conditional")


def missing(answer: Answer, knowledge: Knowledge) -> Iterator[str]:
    for entry in answer.missing:
        label = knowledge.label("fact", entry.fact)
        if entry.member is not None:
            label = member_words(entry.fact, entry.member, knowledge)
        yield f"{label} - decides {listed(entry.decides, knowledge)}"


def listed(decides: Iterable[str], knowledge: Knowledge) -> str:
    """Word what a fact decides; of many regimens or actions only how many."""
    regimens = [knowledge.label("regimen", name) for name in decides if name in knowledge.regimens]
    actions = [name.replace("_", " ") for name in decides if name in knowledge.actions]
    names = [f"the {name}" for name in decides if name not in knowledge.regimens and name not in knowledge.actions]
    names += regimens if len(regimens) <= 3 else [f"{len(regimens)} regimens"]
    names += actions if len(actions) <= 3 else [f"{len(actions)} actions"]
    return ", ".join(names)


def setting(answer: Answer) -> str:
    """Word the setting, with what places the patient there."""
    derivation = answer.derivation
    knowledge, program = derivation.knowledge, derivation.program
    label = knowledge.label("setting", answer.setting)
    grounds: dict[str, set[str]] = {}
    for _, number in program.table.get("setting", {}).get(answer.setting, ()):
        for use in derivation.firing(number, derivation.worlds.all):
            for condition, negated in program.rules[use].conditions:
                if not negated and program.supports[condition]:
                    ground = program.atoms[condition].partition(",")[2].rstrip(")")
                    found = derivation.grounds(condition, derivation.worlds.all)
                    grounds.setdefault(knowledge.label("ground", ground), set()).update(found.statements or found.readings)
    if not grounds:
        return label
    reasons = (
        f"{ground} [{', '.join(names for names in knowledge.blocks if names in own)}]" for ground, own in grounds.items()
    )
    return f"{label}, by {'; '.join(reasons)}"


def evidence(answer: Answer, knowledge: Knowledge) -> Iterator[str]:
    """Yield the register's entries on the statements that the recommendations rest on."""
    used = {statement for entry in answer.recommended for statement in entry.statements}
    for statement, date, text in knowledge.discrepancies:
        if statement in used:
            yield f"{statement}: {text} (register of {date})"


def render(answer: Answer, width: int = 80, colour: bool = False) -> str:
    """Render an answer as text of at most `width` columns, with ANSI colours where `colour` is true."""
    knowledge = answer.derivation.knowledge
    page = Page(width, colour)
    page.opening(answer.patient, answer.guideline)
    page.item("", f"Setting: {setting(answer)}", "heading", indent=0)
    page.heading("RECOMMENDED")
    for entry in answer.recommended:
        recommendation(page, entry, answer.derivation)
    if not answer.recommended:
        page.item("  -", "nothing")
    if answer.excluded:
        page.heading("EXCLUDED")
        exclusions(page, answer.excluded, knowledge)
    if answer.actions:
        page.heading("CHECK AND DO")
        for call in answer.actions:
            action(page, call, knowledge)
    unknown = list(missing(answer, knowledge))
    if unknown:
        page.heading("NOT RECORDED, AND IT MATTERS")
        for text in unknown:
            page.item("  ?", text)
    if answer.notes:
        page.heading("NOTES")
        for note in answer.notes:
            page.item("  -", note)
    doubts = list(evidence(answer, knowledge))
    if doubts:
        page.heading("EVIDENCE TO DOUBT")
        for text in doubts:
            page.item("  -", text)
    return page.closing(answer.guideline)
