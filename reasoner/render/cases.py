"""Cases that were answered, as text: of each whose answer differs what was expected, what was found, and why that is so."""

from __future__ import annotations

import json
from typing import Any

from reasoner.compiler.model import GuidelineModel
from reasoner.render.layout import TextLayout
from reasoner.verification.case_runs import Behind, CaseReport, CaseResult

__all__ = ["behind_words", "render", "totals", "value_words"]

CERTAIN = {
    "placed": "case_placed",
    "unplaced": "case_unplaced",
    "undecided": "case_undecided",
    "recommended": "case_recommended",
    "excluded": "case_excluded",
    "called_for": "case_called_for",
    "missing": "case_missing",
    "nowhere": "case_nowhere",
}
"""How an answer lists a name."""
CONDITIONAL = {
    "recommended": "case_recommended_if",
    "excluded": "case_excluded_if",
    "called_for": "case_called_for_if",
}
"""The same for what depends on facts that are not recorded."""


def render(
    report: CaseReport, model: GuidelineModel, width: int = 80, colour: bool = False, written: int | None = None
) -> str:
    """Render the answers to cases as text of at most `width` columns; `written` is how many cases were written anew."""
    page = TextLayout(width, colour)
    page.item("", model.say("heading_cases", report.guideline.id), "heading", indent=0)
    page.guideline(report.guideline, model)
    for result in report.cases:
        if result.differences:
            case_item(page, result, model)
    page.blank()
    page.item("", totals(report, model, written), "against" if report.failed and written is None else "certain", indent=0)
    return page.text()


def totals(report: CaseReport, model: GuidelineModel, written: int | None = None) -> str:
    """Count the cases, those that are as expected and those that are not; or those that were written anew."""
    say, count = model.say, str(len(report.cases))
    if written is not None:
        return say("cases_updated", str(written), count) if written else say("cases_unchanged", count)
    if report.failed and len(report.cases) == 1:
        return say("case_alone_failed")
    if report.failed:
        return say("cases_totals", count, str(report.passed), str(report.failed))
    return say("case_alone_passed") if report.passed == 1 else say("cases_passed", count)


def case_item(page: TextLayout, result: CaseResult, model: GuidelineModel) -> None:
    """Add a case that differs: its title and file, then each key that does."""
    say = model.say
    page.blank()
    page.item("", say("case_differs", result.title), "against", indent=0)
    page.item("", result.file, "faint", indent=2)
    indent = 5 + max(len(say("case_expected")), len(say("case_found")))
    quoted: set[str] = set()
    for difference in result.differences:
        page.item("", difference.key, "heading", indent=2)
        page.item(f"    {say('case_expected')}", value_words(difference.expected, model), indent=indent)
        page.item(f"    {say('case_found')}", value_words(difference.found, model), "against", indent=indent)
        for behind in difference.behind:
            page.item("      -", behind_words(behind, model), indent=8)
            for name in behind.grounds:
                if name not in quoted:
                    page.item("", say("definition", name, model.annotations[name].text), "faint", indent=8)
                    quoted.add(name)


def behind_words(behind: Behind, model: GuidelineModel) -> str:
    """Say how an answer lists a name, and by which statements, readings, overlays and rules."""
    say = model.say
    name, open_fact = behind.name, behind.certainty == "conditional"
    words = say(CONDITIONAL[behind.listed], name) if open_fact else say(CERTAIN[behind.listed], name)
    if not behind.grounds:
        return words
    return say("case_behind", words, say("comma").join(behind.grounds), say("comma").join(behind.places))


def value_words(value: Any, model: GuidelineModel) -> str:  # noqa: ANN401 (what JSON holds)
    """Write a value of an expectation on one line: names bare, entries with what they have in brackets, all else as JSON."""
    if value in ([], {}):
        return model.say("nothing")
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(own, list) for own in value):
        return model.say("comma").join(value_words(own, model) for own in value)
    named = next((key for key in ("regimen", "action") if isinstance(value, dict) and key in value), None)
    if named is not None:
        told = [model.say("case_detail", key, as_json(own)) for key, own in value.items() if key != named]
        return model.say("counted", value[named], model.say("comma").join(told)) if told else str(value[named])
    return as_json(value)


def as_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
