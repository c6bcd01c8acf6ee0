"""Coverage as text: each statement with its rules and the cases that exercise them, then what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from reasoner.compiler.model import GuidelineModel
from reasoner.render.layout import TextLayout
from reasoner.verification.coverage import Coverage, StatementCoverage
from reasoner.verification.findings import Finding

__all__ = ["render"]

SHOWN = 3
STATES = {"changed": "coverage_changed", "absent": "coverage_absent"}
SEVERITY_WORDS = {"error": "severity_error", "warning": "severity_warning", "info": "severity_info"}


def state_words(state: str, model: GuidelineModel) -> str:
    """Say what became of a statement's line in the source; nothing where it is as it was or no source was given."""
    if state in ("", "same"):
        return ""
    if state in STATES:
        return model.say(STATES[state])
    return model.say("coverage_moved", state.rpartition(" ")[2])


def cases_words(cases: tuple[str, ...], model: GuidelineModel) -> str:
    """Name the cases that exercise a rule, of many the first."""
    say = model.say
    if not cases:
        return say("no_case")
    names = say("comma").join(cases[:SHOWN])
    return say("and_more", names, str(len(cases) - SHOWN)) if len(cases) > SHOWN else names


def rows_of(entry: StatementCoverage, model: GuidelineModel) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a statement, each with what it is."""
    say = model.say
    if entry.sentence:
        yield say("coverage_source"), entry.sentence.strip().removeprefix("- ")
    yield say("coverage_restated"), entry.annotation.text
    if entry.annotation.unformalised:
        yield say("coverage_no_rule"), entry.annotation.unformalised
    for rule in entry.rules:
        yield say("coverage_rule"), say("rule_cases", rule.id, rule.place, cases_words(entry.cases[rule.id], model))
    if entry.data:
        yield say("coverage_data"), say("one_fact") if entry.data == 1 else say("many_facts", str(entry.data))


def totals(report: Coverage, missing: list[Finding], model: GuidelineModel) -> str:
    """Count statements, those without rules, rules, and what is missing."""
    statements = [entry for entry in report.statements if entry.annotation.kind == "statement"]
    marked = sum(bool(entry.annotation.unformalised) for entry in report.statements)
    rules = sum(len(entry.rules) for entry in report.statements)
    return model.say("coverage_totals", str(len(statements)), str(marked), str(rules), str(len(missing)))


def render(report: Coverage, width: int = 80, colour: bool = False) -> str:
    """Render a report of coverage as text of at most `width` columns."""
    model = report.guideline.model
    say = model.say
    page = TextLayout(width, colour)
    leads = ("coverage_source", "coverage_restated", "coverage_no_rule", "coverage_rule", "coverage_data")
    indent = 4 + max(len(model.wording[lead]) for lead in leads)
    for entry in report.statements:
        heading = (entry.annotation.id, entry.annotation.place, state_words(entry.state, model))
        page.item("", "  ".join(part for part in heading if part), "heading", indent=0)
        for lead, text in rows_of(entry, model):
            page.item(f"  {lead}", text, indent=indent)
        page.blank()
    missing = [found for found in report.findings if found.severity != "info"]
    page.item("", totals(report, missing, model), "heading", indent=0)
    for found in missing:
        severity = say(SEVERITY_WORDS[found.severity])
        page.item(f"  {severity}", f"{found.message} {found.repair}", indent=len(severity) + 4)
    return page.text()
