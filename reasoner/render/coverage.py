"""A report of coverage as text."""

from __future__ import annotations

import textwrap

from reasoner.verification.coverage import Coverage

__all__ = ["to_text"]


def to_text(report: Coverage, width: int) -> str:
    """Give the report as text: each statement with its rules and cases, then what is missing."""
    lines: list[str] = []
    for entry in report.statements:
        annotation = entry.annotation
        lines.append(
            f"{annotation.id}  {annotation.place}" + (f"  {entry.state}" if entry.state not in ("", "same") else "")
        )
        if entry.sentence:
            lines += wrap("source    ", entry.sentence.strip().removeprefix("- "), width)
        lines += wrap("restated  ", annotation.text, width)
        if annotation.unformalised:
            lines += wrap("no rule   ", annotation.unformalised, width)
        for rule in entry.rules:
            cases = entry.cases[rule.id]
            shown = ", ".join(cases[:3]) + (f" and {len(cases) - 3} more" if len(cases) > 3 else "")
            lines += wrap("rule      ", f"{rule.id} at {rule.place}: {shown or 'NO CASE'}", width)
        if entry.data:
            lines += wrap("data      ", f"{entry.data} fact{'s' if entry.data > 1 else ''}", width)
        lines.append("")
    wanted = [found for found in report.findings if found.severity != "info"]
    rules = sum(len(entry.rules) for entry in report.statements)
    marked = sum(1 for entry in report.statements if entry.annotation.unformalised)
    stated = sum(1 for entry in report.statements if entry.annotation.kind == "statement")
    lines.append(f"{stated} statements, {marked} of them not formalised; {rules} rules; {len(wanted)} missing.")
    for found in wanted:
        lines += wrap(f"  {found.severity}  ", f"{found.message} {found.repair}", width)
    return "\n".join(lines) + "\n"


def wrap(lead: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent="  " + lead, subsequent_indent=" " * (len(lead) + 2), break_on_hyphens=False
    )
