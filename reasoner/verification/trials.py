"""Repairs made in a copy of the guideline, to see whether the finding goes and whose answers change besides."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from clingo import ast

from reasoner.compiler.model import Rule
from reasoner.errors import GuidelineError
from reasoner.guideline import Guideline, Selection
from reasoner.verification.check import Report, check
from reasoner.verification.diff import diff
from reasoner.verification.findings import SEVERITIES, Change, Edit, Finding, Trial
from reasoner.verification.search import Progress

__all__ = ["repaired", "with_trials"]


def with_trials(
    guideline: Guideline, report: Report, timeout: float | None = None, progress: Progress = lambda *_: None
) -> tuple[Finding, ...]:
    """Make each repair of a report that is certain in a copy of the guideline, and add to its finding what became of it.

    `timeout` is in seconds for each check and each comparison; the author's files stay as they are.
    """
    trials: dict[tuple[Edit, ...], Trial | tuple[Report, tuple[Change, ...]]] = {}
    asked = list(dict.fromkeys(found.edits for found in report.findings if found.edits))
    for number, edits in enumerate(asked):
        progress("repairs", number, len(asked))
        with tempfile.TemporaryDirectory() as folder:
            try:
                other = repaired(guideline, edits, Path(folder))
                trials[edits] = (
                    check(other, report.courses, timeout),
                    tuple(changes(guideline, other, report.courses, timeout)),
                )
            except GuidelineError as error:
                trials[edits] = Trial(gone=False, refused=str(error))
    progress("done", 1, 1)
    return tuple(
        found.replace(trial=outcome(found, report, trials[found.edits])) if found.edits else found
        for found in report.findings
    )


def outcome(found: Finding, report: Report, tried: Trial | tuple[Report, tuple[Change, ...]]) -> Trial:
    """Tell what became of one finding of a report."""
    if isinstance(tried, Trial):
        return tried
    after, changed = tried
    known = {text for own in report.findings for text in (own.id, own.message)}
    least = SEVERITIES.index(found.severity)
    new = [own for own in after.findings if own.id not in known and own.message not in known]
    gone = found.id not in {own.id for own in after.findings} and found.kind not in after.undecided
    return Trial(gone, tuple(own.message for own in new if SEVERITIES.index(own.severity) >= least), changed)


def changes(old: Guideline, new: Guideline, courses: int, timeout: float | None) -> Iterator[Change]:
    """Yield whose answers differ between two guidelines."""
    for found in diff(old, new, courses, timeout).findings:
        if found.witness is not None:
            yield Change(found.kind, found.message, new.model.say("and").join(found.departures), found.witness)


def repaired(guideline: Guideline, edits: Sequence[Edit], folder: Path) -> Guideline:
    """Write a copy of a guideline's files into a folder, with some rules edited, and load it.

    Raises GuidelineError where an edited rule does not stand alone at its place, or where the copy cannot be used.
    """
    selection = guideline.selection
    home = folder / selection.folder.resolve().name
    shutil.copytree(selection.folder, home, ignore=shutil.ignore_patterns("cases"))
    copies = {selection.folder.resolve(): home}
    for number, overlay in enumerate(selection.overlays):
        copies[overlay.resolve()] = folder / f"overlay_{number}" / overlay.name
        copies[overlay.resolve()].parent.mkdir()
        shutil.copyfile(overlay, copies[overlay.resolve()])
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.place.rpartition(":")[0], []).append(edit)
    for name, own in by_file.items():
        original = guideline.files[name].resolve()
        path = next((copy / original.relative_to(at) if at != original else copy) for at, copy in copies.items()
                    if original.is_relative_to(at))  # fmt: skip
        path.write_bytes(edited(path.read_bytes(), own, {rule.id: rule for rule in guideline.model.rules}))
    overlays = tuple(copies[overlay.resolve()] for overlay in selection.overlays)
    return Guideline(Selection(home, selection.layer, overlays, selection.readings))


def edited(content: bytes, edits: Sequence[Edit], rules: Mapping[str, Rule]) -> bytes:
    """Give the bytes of a file with some of its rules edited; every other byte, and the place of every line, stays."""
    lines = content.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    spans: dict[int, list[tuple[int, int, ast.AST]]] = {}

    def read(node: ast.AST) -> None:
        if node.ast_type == ast.ASTType.Rule:
            begin, end = node.location.begin, node.location.end
            span = (starts[begin.line - 1] + begin.column - 1, starts[end.line - 1] + end.column - 1, node)
            spans.setdefault(begin.line, []).append(span)

    without_includes = b"".join(
        line.replace(b"#", b"%", 1) if line.lstrip().startswith(b"#include") else line for line in lines
    )
    ast.parse_string(without_includes.decode(), read)
    changed = []
    for edit in edits:
        at = spans.get(int(edit.place.rpartition(":")[2]), [])
        alike = [span for span in at if says(span[2], rules[edit.rule])] or at
        if len(alike) != 1:
            raise GuidelineError(f"{edit.place}: {edit.rule} shares its line with another; give each a line of its own.")
        begin, end, node = alike[0]
        text = content[begin:end]
        added = ((", " if node.body else " :- ") + ", ".join(edit.adds)).encode()
        kept = text[:-1].rstrip() + added + b"." if edit.adds else b"\n" * text.count(b"\n")
        changed.append((begin, end, kept))
    for begin, end, kept in sorted(changed, reverse=True):
        content = content[:begin] + kept + content[end:]
    return content


def says(node: ast.AST, rule: Rule) -> bool:
    """Tell whether a rule in a file is the one that was read."""
    body = sorted(("not " if c.negated else "") + c.text for c in rule.body)
    texts = [str(node.head), *sorted(map(str, node.body))]
    return [text.replace(" ", "") for text in texts] == [text.replace(" ", "") for text in (rule.head, *body)]
