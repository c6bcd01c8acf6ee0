"""Findings as text."""

from __future__ import annotations

from collections.abc import Mapping

from reasoner.compiler.model import GuidelineModel
from reasoner.render.layout import TextLayout
from reasoner.verification.findings import SEVERITIES, Finding
from reasoner.verification.reports import Found

__all__ = ["to_text"]

SEVERITY_WORDS = {"error": "severity_error", "warning": "severity_warning", "info": "severity_info"}
MARKS = {"error": "against", "warning": "conditional", "info": "faint"}


def to_text(found: Found, model: GuidelineModel, definitions: Mapping[str, str], width: int, colour: bool) -> str:
    """Give the findings as text, by class, each class with its definition."""
    say = model.say
    page = TextLayout(width, colour)
    page.item("", found.title, "heading", indent=0)
    page.guideline(found.guideline, model)
    page.item("", found.scope, "faint", indent=0)
    shown = ""
    for entry in found.findings:
        if entry.kind != shown:
            shown = entry.kind
            page.heading(shown.upper().replace("_", " "))
            if definitions.get(shown):
                page.item("", definitions[shown], "faint", indent=2)
        finding_item(page, entry, model)
    page.lines.append("")
    if found.conclusion or not (found.findings or found.undecided):
        page.item("", found.conclusion or say("no_findings"), "certain", indent=0)
    for name in found.gone:
        page.item("", say("accepted_gone", name), "conditional", indent=0)
    if found.undecided:
        page.item("", say("undecided", say("comma").join(found.undecided)), "against", indent=0)
    open_ = [entry for entry in found.findings if not entry.accepted]
    errors, warnings, infos = (str(sum(entry.severity == severity for entry in open_)) for severity in reversed(SEVERITIES))
    accepted = str(len(found.findings) - len(open_))
    page.item("", say("totals", errors, warnings, infos, accepted), "heading", indent=0)
    return page.closing(found.guideline)


def finding_item(page: TextLayout, entry: Finding, model: GuidelineModel) -> None:
    """Add one finding: what it is, both sides with their places, the witness, what settles it, a repair."""
    say, join = model.say, model.say("and")
    severity = say(SEVERITY_WORDS[entry.severity])
    page.item("  -", say("finding", severity, entry.id, entry.message), "faint" if entry.accepted else MARKS[entry.severity])
    for side in entry.sides:
        page.item("", say("side", side.annotation, side.derives, say("comma").join(side.places)), "faint", indent=7)
    if entry.places and not entry.sides:
        page.item("", say("at_places", say("comma").join(entry.places)), "faint", indent=7)
    if entry.witness is not None:
        page.item("", say("witness", join.join(entry.departures) or say("default_patient")), indent=7)
    if entry.shared:
        page.item("", say("shared_conditions", join.join(entry.shared)), indent=7)
    if entry.resolved_by:
        page.item("", say("settled_by", say("comma").join(entry.resolved_by)), "certain", indent=7)
    if entry.accepted:
        page.item("", say("accepted", entry.accepted), indent=7)
    elif entry.repair:
        page.item("", say("repair", entry.repair), "faint", indent=7)
