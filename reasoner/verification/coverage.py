"""Which statement is encoded by which rules, which cases exercise them, and what the source's text says meanwhile."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from reasoner.compiler.model import Annotation
from reasoner.errors import GuidelineError
from reasoner.guideline import LAYERS, Guideline
from reasoner.verification.definitions import templates
from reasoner.verification.findings import Finding, finding_id
from reasoner.verification.reports import FindingsReport, RuleCoverage, StatementCoverage

__all__ = ["cover", "fault"]

CITED = re.compile(r"[^\d\s,.]\S*\s+\d+(?:,\s*\d+)*\s*$|[.)]\s*\d+(?:,\s*\d+)*\s*$")
MOVED = "now line "


def exercised(guideline: Guideline) -> dict[str, tuple[str, ...]]:
    """Find for each rule the cases in which it fires, in either layer: the literal one exercises what readings set aside.

    A case that names alternatives of readings exercises the curated layer under them.
    """
    fired: dict[str, dict[str, None]] = {}
    own = guideline.selection
    layers = [guideline, *(Guideline(own.with_readings(()).with_layer(layer)) for layer in LAYERS if layer != own.layer)]
    taken: dict[tuple[str, ...], Guideline] = {}
    for case in guideline.cases().values():
        if case.readings and case.readings not in taken:
            taken[case.readings] = Guideline(own.with_layer(LAYERS[-1]).with_readings(case.readings))
        for loaded in [taken[case.readings]] if case.readings else layers:
            derivation = loaded.answer(case.record).derivation
            for number, ground in enumerate(derivation.program.rules):
                if derivation.fires(number):
                    fired.setdefault(loaded.model.rules[ground.rule].id, {})[case.name] = None
    return {rule: tuple(cases) for rule, cases in fired.items()}


def read_source(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError as error:
        raise GuidelineError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise GuidelineError(f"{path}: not UTF-8 text.") from None


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
    readings = {name.partition("=")[0] for name in model.annotations if "=" in name}
    findings = [found for entry in statements for found in faults(entry, entry.id in readings)]
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
        return lines[moved[0] - 1], f"{MOVED}{moved[0]}"
    return line, "changed" if line else "absent"


def faults(entry: StatementCoverage, has_alternatives: bool) -> Iterator[Finding]:
    """Yield what is missing about one statement; a reading that `has_alternatives` may leave the text as it reads."""
    name, place = entry.id, (entry.place,)
    if entry.unformalised:
        yield fault("unformalised", "marked", (name, entry.unformalised), f"{name} marked", name, places=place)
    elif not entry.rules and not entry.data and not has_alternatives:
        yield fault("unformalised", "unencoded", (name,), f"{name} empty", name, places=place)
    for rule in entry.rules:
        if not rule.cases:
            yield fault("unexercised", "unexercised", (rule.id, rule.head), rule.id, name, (rule.id,), (rule.place,))
    if entry.state == "changed":
        yield fault("unformalised", "changed", (name, digest(entry.sentence)), f"{name} changed", name, places=place)
    elif entry.state == "absent":
        yield fault("unformalised", "absent", (name,), f"{name} absent", name, places=place)
    elif entry.state.startswith(MOVED):
        number = entry.state.removeprefix(MOVED)
        yield fault("unformalised", "moved", (name, number), f"{name} moved", name, places=place)


def unclaimed(statements: Sequence[StatementCoverage], lines: Sequence[str]) -> Iterator[Finding]:
    """Yield the cited lines of the source that no statement encodes."""
    claimed = {entry.id for entry in statements if not entry.state.startswith(MOVED)}
    digests = {entry.annotation.digest for entry in statements}
    for number, line in enumerate(lines, start=1):
        name = f"L{number}"
        if CITED.search(line) and name not in claimed and digest(line) not in digests:
            yield fault("unformalised", "unclaimed", (name, digest(line)), f"{name} unclaimed", name)


def fault(
    kind: str,
    form: str,
    words: Sequence[str],
    subject: str,
    statement: str,
    rules: Sequence[str] = (),
    places: Sequence[str] = (),
) -> Finding:
    """Word a finding, about a statement if one is named, by the template of its form; its id follows from `subject`."""
    template = templates()[form]
    message, repair = template.fill(dict(enumerate(words, start=1)))
    return Finding(
        id=finding_id(kind, subject),
        kind=kind,
        cause=template.cause,
        severity=template.severity,
        message=message,
        statements=(statement,) if statement else (),
        rules=tuple(rules),
        places=tuple(places),
        repair=repair,
    )
