"""All that a board needs to review a guideline: its statements and rules, its cases answered, its defects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from reasoner.guideline import Guideline
from reasoner.verification.case_runs import CaseReport, check_cases, run_cases
from reasoner.verification.check import check
from reasoner.verification.coverage import cover
from reasoner.verification.findings import accept
from reasoner.verification.reports import FindingsReport, readings_named
from reasoner.verification.search import Progress

__all__ = ["Review", "review"]


class Review(NamedTuple):
    """A guideline with which rules encode which statement and which cases exercise them, with its cases and its findings.

    `sources` are its files' texts by the names that places give them.
    """

    coverage: FindingsReport
    cases: CaseReport
    checked: FindingsReport
    sources: Mapping[str, str]


def review(
    guideline: Guideline,
    source: Path | None = None,
    timeout: float | None = None,
    reasons: Mapping[str, str] | None = None,
    progress: Progress = lambda *_: None,
) -> Review:
    """Answer a guideline's cases, check it over all patients, and gather what there is to review.

    `source` is the guideline's text, to compare with; `timeout` is that of the check, in seconds; findings with `reasons`
    are accepted for these; `progress` is called with what is being done, how much of it is done, and how much there is.
    Raises ReasonerError for a source or a case that cannot be used.
    """
    cases = list(guideline.cases().values())
    check_cases(cases, guideline)
    answered = run_cases(cases, guideline, progress)
    found = check(guideline, timeout=timeout, progress=progress)
    findings, gone = accept(found.findings, reasons or {})
    checked = FindingsReport(
        guideline=guideline.info,
        courses=found.courses,
        findings=findings,
        undecided=found.undecided,
        gone=gone,
        readings=readings_named(findings, guideline),
    )
    return Review(cover(guideline, source), answered, checked, guideline.sources)
