"""Coverage as text: each statement with its rules and the cases that exercise them, then what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reasoner.compiler.model import GuidelineModel
from reasoner.render.findings import severity_words
from reasoner.render.layout import TextLayout
from reasoner.verification.findings import Finding
from reasoner.verification.reports import FindingsReport, StatementCoverage

__all__ = ["render"]

SHOWN = 3
STATES = {"changed": "coverage_changed", "absent": "coverage_absent"}


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
    yield say("coverage_restated"), entry.text
    if entry.unformalised:
        yield say("coverage_no_rule"), entry.unformalised
    for rule in entry.rules:
        yield say("coverage_rule"), say("rule_cases", rule.id, rule.place, cases_words(rule.cases, model))
    if entry.data:
        yield say("coverage_data"), say("one_fact") if entry.data == 1 else say("many_facts", str(entry.data))


def totals(covered: Sequence[StatementCoverage], missing: list[Finding], model: GuidelineModel) -> str:
    """Count statements, those without rules, rules, and what is missing."""
    statements = [entry for entry in covered if entry.kind == "statement"]
    marked = sum(bool(entry.unformalised) for entry in covered)
    rules = sum(len(entry.rules) for entry in covered)
    return model.say("coverage_totals", str(len(statements)), str(marked), str(rules), str(len(missing)))


def render(report: FindingsReport, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render a report of coverage as text of at most `width` columns."""
    statements = report.statements or ()
    page = TextLayout(width, colour)
    leads = ("coverage_source", "coverage_restated", "coverage_no_rule", "coverage_rule", "coverage_data")
    indent = 4 + max(len(model.wording[lead]) for lead in leads)
    for entry in statements:
        heading = (entry.id, entry.place, state_words(entry.state, model))
        page.item("", "  ".join(part for part in heading if part), "heading", indent=0)
        for lead, text in rows_of(entry, model):
            page.item(f"  {lead}", text, indent=indent)
        page.blank()
    missing = [found for found in report.findings if found.severity != "info"]
    page.item("", totals(statements, missing, model), "heading", indent=0)
    for found in missing:
        if found.kind == "unexercised":  # NO CASE stands at the rule
            continue
        severity = severity_words(found.severity, model)
        page.item(f"  {severity}", f"{found.message} {found.repair}", indent=len(severity) + 4)
    return page.text()
