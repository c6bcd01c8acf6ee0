"""Repairs made in a copy of the guideline, to see whether the finding goes and whose answers change besides."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reasoner.compiler.parser import placed_rules
from reasoner.compiler.sources import GuidelineFiles, read_files
from reasoner.compiler.syntax import SyntaxTree
from reasoner.errors import GuidelineError
from reasoner.guideline import Guideline, Selection
from reasoner.verification.check import Report, check
from reasoner.verification.diff import diff
from reasoner.verification.findings import SEVERITIES, Change, Edit, Finding, Trial
from reasoner.verification.search import Progress

__all__ = ["repaired", "with_trials"]

Span = tuple[int, int, int, int]


def with_trials(
    guideline: Guideline, report: Report, timeout: float | None = None, progress: Progress = lambda *_: None
) -> tuple[Finding, ...]:
    """Make each repair of a report that is certain in a copy of the guideline, and add to its finding what became of it.

    `timeout` is in seconds for each check and each comparison; the author's files stay as they are. What is the same in a
    copy is not worked out again.
    """
    shared = frozenset(found.id for found in report.findings)
    trials: dict[tuple[Edit, ...], Trial | tuple[Report, tuple[Change, ...]]] = {}
    asked = list(dict.fromkeys(found.edits for found in report.findings if found.edits))
    files = read_files(guideline.selection)
    placed = list(placed_rules(files)) if asked else []
    for number, edits in enumerate(asked):
        progress("repairs", number, len(asked))
        with tempfile.TemporaryDirectory() as folder:
            try:
                other = repaired(guideline, files, placed, edits, Path(folder))
                known = shared.difference(found.id for found in report.findings if found.edits == edits)
                trials[edits] = (
                    check(other, report.courses, timeout, known=known),
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
    for found in diff(old, new, courses, timeout, brief=True).findings:
        if found.witness is not None:
            yield Change(found.kind, found.message, new.model.say("and").join(found.departures), found.witness)


def repaired(
    guideline: Guideline,
    files: GuidelineFiles,
    placed: Sequence[tuple[str, SyntaxTree]],
    edits: Sequence[Edit],
    folder: Path,
) -> Guideline:
    """Write a copy of a guideline's files into a folder, with some rules edited, and load it.

    `placed` are the guideline's rules by their ids, as they are written out.

    Raises GuidelineError where the copy cannot be used.
    """
    selection = guideline.selection
    home = folder / selection.folder.resolve().name
    shutil.copytree(selection.folder, home, ignore=shutil.ignore_patterns("cases"))
    copies = {selection.folder.resolve(): home}
    for number, overlay in enumerate(selection.overlays):
        copies[overlay.resolve()] = folder / f"overlay_{number}" / overlay.name
        copies[overlay.resolve()].parent.mkdir()
        shutil.copyfile(overlay, copies[overlay.resolve()])
    own = {file.path: file for file in (*files.own, *files.overlays)}
    statements: dict[Path, dict[Span, list[tuple[str, SyntaxTree]]]] = {}
    for name, tree in placed:
        if tree.path in own:
            statements.setdefault(tree.path, {}).setdefault(span_of(tree), []).append((name, tree))
    by_rule = {edit.rule: edit for edit in edits}
    for original, written in statements.items():
        if any(name in by_rule for rules in written.values() for name, _ in rules):
            path = next((copy / original.relative_to(at) if at != original else copy) for at, copy in copies.items()
                        if original.is_relative_to(at))  # fmt: skip
            path.write_bytes(edited(own[original].content, written, by_rule))
    overlays = tuple(copies[overlay.resolve()] for overlay in selection.overlays)
    return Guideline(Selection(home, selection.layer, overlays, selection.readings))


def span_of(tree: SyntaxTree) -> Span:
    """Give where a statement begins and ends: the lines, and the bytes in these."""
    begin, end = tree.node.location.begin, tree.node.location.end
    return begin.line, begin.column, end.line, end.column


def edited(content: bytes, placed: Mapping[Span, Sequence[tuple[str, SyntaxTree]]], edits: Mapping[str, Edit]) -> bytes:
    """Give the bytes of a file with some of its rules edited; the place of every line stays.

    `placed` has for each statement of the file the rules that it stands for, several where it has pools: one with an edited
    rule is written out.
    """
    content = content.replace(b"\r\n", b"\n")
    lines = content.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for (line, column, last, end), rules in sorted(placed.items(), reverse=True):
        if edits.keys().isdisjoint(name for name, _ in rules):
            continue
        begin, behind = starts[line - 1] + column - 1, starts[last - 1] + end - 1
        written = " ".join(filter(None, (rewritten(tree, edits.get(name)) for name, tree in rules)))
        content = content[:begin] + written.encode() + b"\n" * (last - line) + content[behind:]
    return content


def rewritten(tree: SyntaxTree, edit: Edit | None) -> str:
    """Write a rule as an edit leaves it; an empty text where it is dropped."""
    text = str(tree.node)
    if edit is None:
        return text
    if not edit.adds:
        return ""
    return text.removesuffix(".") + (", " if tree.node.body else " :- ") + ", ".join(edit.adds) + "."
