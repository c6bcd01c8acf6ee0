"""Which statement is encoded by which rules, which cases exercise them, and what the source's text says meanwhile."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from reasoner.compiler.model import Annotation
from reasoner.errors import GuidelineError
from reasoner.guideline import LAYERS, Guideline
from reasoner.verification.findings import Finding, finding
from reasoner.verification.reports import FindingsReport, RuleCoverage, StatementCoverage

__all__ = ["cover"]

CITED = re.compile(r"[^\d\s,.]\S*\s+\d+(?:,\s*\d+)*\s*$|[.)]\s*\d+(?:,\s*\d+)*\s*$")


def exercised(guideline: Guideline) -> dict[str, tuple[str, ...]]:
    """Find for each rule the cases in which it fires, in either layer: the literal one exercises what readings set aside."""
    fired: dict[str, dict[str, None]] = {}
    layers = [guideline] + [Guideline(guideline.selection.with_layer(layer)) for layer in LAYERS if layer != guideline.layer]
    for case in guideline.cases().values():
        for loaded in layers:
            derivation = loaded.answer(case.record).derivation
            for number, ground in enumerate(derivation.program.rules):
                if derivation.fired[number]:
                    fired.setdefault(loaded.model.rules[ground.rule].id, {})[case.name] = None
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


def cover(guideline: Guideline, source: Path | None = None) -> FindingsReport:
    """Compare a guideline's statements with their rules, their cases and, where given, the text of `source`.

    Raises GuidelineError where `source` cannot be read.
    """
    lines = read_source(source) if source is not None else None
    model = guideline.model
    fired = exercised(guideline)
    statements = []
    for annotation in model.annotations.values():
        sentence, state = compare(annotation, lines)
        rules = (
            RuleCoverage(rule.id, rule.place, fired.get(rule.id, ())).carrying(head=rule.head)
            for rule in model.rules
            if rule.annotation == annotation.id
        )
        entry = StatementCoverage(
            id=annotation.id,
            kind=annotation.kind,
            place=annotation.place,
            text=annotation.text,
            rules=tuple(rules),
            data=model.data.get(annotation.id, 0),
            unformalised=annotation.unformalised,
            sentence=sentence,
            state=state,
        )
        statements.append(entry.carrying(annotation=annotation))
    findings = [found for entry in statements for found in faults(entry)]
    if lines is not None:
        findings += unclaimed(statements, lines)
    return FindingsReport(guideline=guideline.info, statements=tuple(statements), findings=tuple(findings)).carrying(
        title=guideline.info.title
    )


def compare(annotation: Annotation, lines: Sequence[str] | None) -> tuple[str, str]:
    """Find a statement's line in the source and tell whether it changed since it was encoded."""
    number = re.fullmatch(r"L(\d+)", annotation.id)
    if lines is None or number is None:
        return "", ""
    position = int(number[1])
    line = lines[position - 1] if 1 <= position <= len(lines) else ""
    if digest(line) == annotation.digest:
        return line, "same"
    moved = [number for number, other in enumerate(lines, start=1) if digest(other) == annotation.digest]
    if moved:
        return lines[moved[0] - 1], f"now line {moved[0]}"
    return line, "changed" if line else "absent"


def faults(entry: StatementCoverage) -> Iterator[Finding]:
    """Yield what is missing about one statement."""
    annotation, where = entry.annotation, (entry.annotation.place,)
    if not entry.rules and not entry.data and not annotation.unformalised:
        yield finding(
            "unformalised", "error", f"{annotation.id} empty", f"{annotation.id} has neither a rule nor data nor a reason why not.",
            "Write its rules under it, or say @unformalised with the reason.", [annotation.id], (), where,
        )  # fmt: skip
    elif annotation.unformalised:
        yield finding(
            "unformalised", "info", f"{annotation.id} marked", f"{annotation.id} is not formalised: {annotation.unformalised}",
            "None is needed where the reason holds.", [annotation.id], (), where,
        )  # fmt: skip
    for rule in entry.rules:
        if not rule.cases:
            yield finding(
                "unexercised", "warning", rule.id, f"{rule.id} ({rule.head}) fires in no case.",
                "Add a case to the guideline's folder cases in which it fires.", [annotation.id], [rule.id], [rule.place],
            )  # fmt: skip
    if entry.state == "changed":
        yield finding(
            "unformalised", "error", f"{annotation.id} changed", f"{annotation.id} changed in the source since it was encoded.",
            f"Read the line anew, adapt the rules, and set sha256:{digest(entry.sentence)}.", [annotation.id], (), where,
        )  # fmt: skip
    elif entry.state.startswith("now"):
        yield finding(
            "unformalised", "warning", f"{annotation.id} moved", f"{annotation.id} is {entry.state} of the source.",
            "Give the statement its new number.", [annotation.id], (), where,
        )  # fmt: skip
    elif entry.state == "absent":
        yield finding(
            "unformalised", "error", f"{annotation.id} absent", f"{annotation.id} is no line of the source.",
            "Correct the statement's number.", [annotation.id], (), where,
        )  # fmt: skip


def unclaimed(statements: Sequence[StatementCoverage], lines: Sequence[str]) -> Iterator[Finding]:
    """Yield the cited lines of the source that no statement encodes."""
    claimed = {entry.annotation.id for entry in statements if not entry.state.startswith("now")}
    digests = {entry.annotation.digest for entry in statements}
    for number, line in enumerate(lines, start=1):
        if CITED.search(line) and f"L{number}" not in claimed and digest(line) not in digests:
            yield finding(
                "unformalised", "error", f"L{number} unclaimed", f"L{number} carries citations and is not encoded.",
                f"Encode it under @statement L{number} [...] sha256:{digest(line)}.", [f"L{number}"],
            )  # fmt: skip
