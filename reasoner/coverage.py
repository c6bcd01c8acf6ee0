"""Which statement is encoded by which rules, which cases exercise them, and what the source's text says meanwhile."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from reasoner.errors import GuidelineError
from reasoner.findings import Finding, finding
from reasoner.guideline import LAYERS, Guideline
from reasoner.knowledge import Block, Rule
from reasoner.reports import Found

__all__ = ["Coverage", "StatementCoverage", "cover", "found_in", "to_text"]

CITED = re.compile(r"[^\d\s,.]\S*\s+\d+(?:,\s*\d+)*\s*$|[.)]\s*\d+(?:,\s*\d+)*\s*$")


class StatementCoverage(NamedTuple):
    """A statement with its rules, the data under it, and for each rule the cases in which it fires.

    `sentence` is the source's line and `state` "same", "changed", "absent" or "now line N", both empty without a source.
    """

    block: Block
    rules: tuple[Rule, ...]
    data: int
    cases: dict[str, tuple[str, ...]]
    sentence: str
    state: str

    def to_dict(self) -> dict[str, object]:
        return {
            "statement": self.block.id,
            "kind": self.block.kind,
            "place": self.block.place,
            "text": self.block.text,
            "rules": [{"rule": rule.id, "place": rule.place, "cases": list(self.cases[rule.id])} for rule in self.rules],
            "data": self.data,
            "unformalised": self.block.unformalised,
            "source": self.sentence,
            "state": self.state,
        }


class Coverage(NamedTuple):
    """The whole report: every statement, reading and overlay, and what is missing."""

    guideline: Guideline
    statements: tuple[StatementCoverage, ...]
    findings: tuple[Finding, ...]


def exercised(guideline: Guideline) -> dict[str, tuple[str, ...]]:
    """Find for each rule the cases in which it fires, in either layer: the literal one exercises what readings set aside."""
    fired: dict[str, dict[str, None]] = {}
    layers = [guideline] + [
        Guideline.load(guideline.folder, layer, guideline.overlay_files) for layer in LAYERS if layer != guideline.layer
    ]
    for case in guideline.cases().values():
        for loaded in layers:
            derivation = loaded.answer(case.record).derivation
            for number, ground in enumerate(derivation.program.rules):
                if derivation.fired[number]:
                    fired.setdefault(loaded.knowledge.rules[ground.rule].id, {})[case.name] = None
    return {rule: tuple(cases) for rule, cases in fired.items()}


def read_source(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError as error:
        raise GuidelineError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise GuidelineError(f"{path}: no UTF-8 text.") from None


def digest(line: str) -> str:
    """Digest a line of the source, as the statements' ``sha256:`` fields hold it."""
    return hashlib.sha256(line.encode()).hexdigest()[:12]


def cover(guideline: Guideline, source: Path | None = None) -> Coverage:
    """Compare a guideline's statements with their rules, their cases and, where given, the text of `source`.

    Raises GuidelineError where `source` cannot be read.
    """
    lines = read_source(source) if source is not None else None
    knowledge = guideline.knowledge
    fired = exercised(guideline)
    statements = []
    for block in knowledge.blocks.values():
        rules = tuple(rule for rule in knowledge.rules if rule.block == block.id)
        sentence, state = compare(block, lines)
        cases = {rule.id: fired.get(rule.id, ()) for rule in rules}
        statements.append(StatementCoverage(block, rules, knowledge.data.get(block.id, 0), cases, sentence, state))
    findings = [found for entry in statements for found in faults(entry)]
    if lines is not None:
        findings += unclaimed(statements, lines)
    return Coverage(guideline, tuple(statements), tuple(findings))


def compare(block: Block, lines: Sequence[str] | None) -> tuple[str, str]:
    """Find a statement's line in the source and tell whether it changed since it was encoded."""
    number = re.fullmatch(r"L(\d+)", block.id)
    if lines is None or number is None:
        return "", ""
    position = int(number[1])
    line = lines[position - 1] if 1 <= position <= len(lines) else ""
    if digest(line) == block.digest:
        return line, "same"
    moved = [number for number, other in enumerate(lines, start=1) if digest(other) == block.digest]
    if moved:
        return lines[moved[0] - 1], f"now line {moved[0]}"
    return line, "changed" if line else "absent"


def faults(entry: StatementCoverage) -> Iterator[Finding]:
    """Yield what is missing about one statement."""
    block, where = entry.block, (entry.block.place,)
    if not entry.rules and not entry.data and not block.unformalised:
        yield finding(
            "unformalised", "error", f"{block.id} empty", f"{block.id} has neither a rule nor data nor a reason why not.",
            "Write its rules under it, or say @unformalised with the reason.", [block.id], (), where,
        )  # fmt: skip
    elif block.unformalised:
        yield finding(
            "unformalised", "info", f"{block.id} marked", f"{block.id} is not formalised: {block.unformalised}",
            "None is needed where the reason holds.", [block.id], (), where,
        )  # fmt: skip
    for rule in entry.rules:
        if not entry.cases[rule.id]:
            yield finding(
                "unexercised", "warning", rule.id, f"{rule.id} ({rule.head}) fires in no case.",
                "Add a case to the guideline's folder cases in which it fires.", [block.id], [rule.id], [rule.place],
            )  # fmt: skip
    if entry.state == "changed":
        yield finding(
            "unformalised", "error", f"{block.id} changed", f"{block.id} changed in the source since it was encoded.",
            f"Read the line anew, adapt the rules, and set sha256:{digest(entry.sentence)}.", [block.id], (), where,
        )  # fmt: skip
    elif entry.state.startswith("now"):
        yield finding(
            "unformalised", "warning", f"{block.id} moved", f"{block.id} is {entry.state} of the source.",
            "Give the statement its new number.", [block.id], (), where,
        )  # fmt: skip
    elif entry.state == "absent":
        yield finding(
            "unformalised", "error", f"{block.id} absent", f"{block.id} is no line of the source.",
            "Correct the statement's number.", [block.id], (), where,
        )  # fmt: skip


def unclaimed(statements: Sequence[StatementCoverage], lines: Sequence[str]) -> Iterator[Finding]:
    """Yield the cited lines of the source that no statement encodes."""
    claimed = {entry.block.id for entry in statements if not entry.state.startswith("now")}
    digests = {entry.block.digest for entry in statements}
    for number, line in enumerate(lines, start=1):
        if CITED.search(line) and f"L{number}" not in claimed and digest(line) not in digests:
            yield finding(
                "unformalised", "error", f"L{number} unclaimed", f"L{number} carries citations and is not encoded.",
                f"Encode it under @statement L{number} [...] sha256:{digest(line)}.", [f"L{number}"],
            )  # fmt: skip


def found_in(report: Coverage) -> Found:
    """Give the report's findings as every command reports them, with the statements beside them."""
    return Found(
        guideline=report.guideline.info,
        title=report.guideline.info.title,
        scope="",
        findings=report.findings,
        about={"statements": [entry.to_dict() for entry in report.statements]},
    )


def to_text(report: Coverage, width: int) -> str:
    """Give the report as text: each statement with its rules and cases, then what is missing."""
    lines: list[str] = []
    for entry in report.statements:
        block = entry.block
        lines.append(f"{block.id}  {block.place}" + (f"  {entry.state}" if entry.state not in ("", "same") else ""))
        if entry.sentence:
            lines += wrap("source    ", entry.sentence.strip().removeprefix("- "), width)
        lines += wrap("restated  ", block.text, width)
        if block.unformalised:
            lines += wrap("no rule   ", block.unformalised, width)
        for rule in entry.rules:
            cases = entry.cases[rule.id]
            shown = ", ".join(cases[:3]) + (f" and {len(cases) - 3} more" if len(cases) > 3 else "")
            lines += wrap("rule      ", f"{rule.id} at {rule.place}: {shown or 'NO CASE'}", width)
        if entry.data:
            lines += wrap("data      ", f"{entry.data} fact{'s' if entry.data > 1 else ''}", width)
        lines.append("")
    wanted = [found for found in report.findings if found.severity != "info"]
    rules = sum(len(entry.rules) for entry in report.statements)
    marked = sum(1 for entry in report.statements if entry.block.unformalised)
    stated = sum(1 for entry in report.statements if entry.block.kind == "statement")
    lines.append(f"{stated} statements, {marked} of them not formalised; {rules} rules; {len(wanted)} missing.")
    for found in wanted:
        lines += wrap(f"  {found.severity}  ", f"{found.message} {found.repair}", width)
    return "\n".join(lines) + "\n"


def wrap(lead: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent="  " + lead, subsequent_indent=" " * (len(lead) + 2), break_on_hyphens=False
    )
