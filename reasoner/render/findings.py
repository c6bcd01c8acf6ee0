"""Findings as text."""

from __future__ import annotations

from collections.abc import Mapping

from reasoner.compiler.model import GuidelineModel
from reasoner.render.layout import TextLayout
from reasoner.verification.definitions import Definition, definitions
from reasoner.verification.findings import SEVERITIES, Finding, Trial
from reasoner.verification.reports import FindingsReport

__all__ = ["known_classes", "render", "render_definition", "severity_words"]

SEVERITIES_SAID = {"error": "severity_error", "warning": "severity_warning", "info": "severity_info"}
MARKS = {"error": "against", "warning": "conditional", "info": "faint"}


def known_classes() -> Mapping[str, Definition]:
    """Give the definitions of all classes of findings: of defects, then of differences."""
    return {**definitions(), **definitions("differences")}


def severity_words(severity: str, model: GuidelineModel) -> str:
    return model.say(SEVERITIES_SAID[severity])


def render(found: FindingsReport, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render what check or diff found as text of at most `width` columns, by class, each class with its definition."""
    say, classes = model.say, known_classes()
    page = TextLayout(width, colour)
    page.item("", found.title, "heading", indent=0)
    page.guideline(found.guideline, model)
    courses = str(found.courses)
    page.item("", say("all_patients", courses) if found.courses else say("all_untreated"), "faint", indent=0)
    shown = ""
    for entry in found.findings:
        if entry.kind != shown:
            shown = entry.kind
            page.heading(model.label("finding_class", shown).upper())
            if shown in classes:
                page.item("", classes[shown].text, "faint", indent=2)
        finding_item(page, entry, model)
    page.blank()
    if found.equivalent is True:
        page.item("", say("equivalent", courses), "certain", indent=0)
    elif not (found.findings or found.undecided):
        page.item("", say("no_findings"), "certain", indent=0)
    for name in found.gone:
        page.item("", say("accepted_gone", name), "conditional", indent=0)
    if found.undecided:
        page.item("", say("undecided", say("comma").join(found.undecided)), "against", indent=0)
    page.item("", totals(found, model), "heading", indent=0)
    return page.closing(found.guideline)


def totals(found: FindingsReport, model: GuidelineModel) -> str:
    """Count the findings by severity, those that are accepted apart."""
    counted = [entry for entry in found.findings if not entry.accepted]
    errors, warnings, infos = (
        str(sum(entry.severity == severity for entry in counted)) for severity in reversed(SEVERITIES)
    )
    return model.say("totals", errors, warnings, infos, str(len(found.findings) - len(counted)))


def finding_item(page: TextLayout, entry: Finding, model: GuidelineModel) -> None:
    """Add one finding: what it is, both sides with their places, the witness, what settles it, a repair."""
    say, join = model.say, model.say("and")
    severity = severity_words(entry.severity, model)
    page.item("  -", say("finding", severity, entry.id, entry.message), "faint" if entry.accepted else MARKS[entry.severity])
    for side in entry.sides:
        page.item("", say("side", side.annotation, side.derives, say("comma").join(side.places)), "faint", indent=7)
    if entry.places and not entry.sides:
        page.item("", say("at_places", say("comma").join(entry.places)), "faint", indent=7)
    if entry.witness is not None:
        page.item("", say("witness", join.join(entry.departures) or say("default_patient")), indent=7)
    if entry.under:
        page.item("", say("shown_under", say("comma").join(entry.under)), indent=7)
    if entry.shared:
        page.item("", say("shared_conditions", join.join(entry.shared)), indent=7)
    if entry.resolved_by:
        page.item("", say("settled_by", say("comma").join(entry.resolved_by)), "certain", indent=7)
    if entry.settled_by_alternatives:
        page.item("", say("settled_by_alternatives", say("comma").join(entry.settled_by_alternatives)), "certain", indent=7)
    if entry.eased_by_alternatives:
        page.item("", say("eased_by_alternatives", say("comma").join(entry.eased_by_alternatives)), indent=7)
    if entry.accepted:
        page.item("", say("accepted", entry.accepted), indent=7)
    elif entry.repair:
        page.item("", say("repair" if entry.edits else "advice", entry.repair), "faint", indent=7)
    if entry.trial is not None:
        trial_items(page, entry.trial, model)


def trial_items(page: TextLayout, trial: Trial, model: GuidelineModel) -> None:
    """Add what became of a finding when its repair was made in a copy."""
    say = model.say
    if trial.refused:
        page.item("", say("trial_refused", trial.refused), "against", indent=9)
        return
    page.item("", say("trial_gone" if trial.gone else "trial_stays"), "certain" if trial.gone else "against", indent=9)
    for message in trial.new:
        page.item("", say("trial_new", message), "against", indent=9)
    for change in trial.changes:
        page.item("", say("trial_change", change.message, change.patient or say("default_patient")), indent=9)
    if not trial.changes:
        page.item("", say("trial_unchanged"), indent=9)


def render_definition(definition: Definition, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render what a class of findings is, why it matters, and the usual repairs."""
    say, page = model.say, TextLayout(width, colour)
    page.item("", say("definition", definition.name, definition.text), "heading", indent=0)
    if definition.why:
        page.item("", say("explained_why", definition.why), indent=2)
        page.item("", say("explained_example", definition.example), indent=2)
        page.item("", say("explained_repair", definition.repair), indent=2)
    return page.text()
