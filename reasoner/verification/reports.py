"""What commands that find something report: one shape for check, diff and coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import UNSET, UnsetType, field

from reasoner.compiler.model import Annotation
from reasoner.engine.answer import GuidelineInfo
from reasoner.guideline import Guideline
from reasoner.records.shapes import Carried, Result
from reasoner.verification.findings import Finding

__all__ = ["CohortSize", "FindingsReport", "RuleCoverage", "StatementCoverage", "readings_named"]


class RuleCoverage(Result, frozen=True):
    """A rule with the cases in which it fires. `head`, not part of the JSON, is what it concludes."""

    id: str = field(name="rule")
    place: str
    cases: tuple[str, ...]

    head = Carried[str]()


class StatementCoverage(Result, frozen=True):
    """A statement, reading or overlay with its rules and the number of facts under it.

    `source` is the source's line and `state` "same", "changed", "absent" or "now line N", both empty without a source.

    `annotation`, not part of the JSON, is the statement itself.
    """

    id: str = field(name="statement")
    kind: str
    place: str
    text: str
    rules: tuple[RuleCoverage, ...]
    data: int
    unformalised: str
    sentence: str = field(name="source")
    state: str

    annotation = Carried[Annotation]()


class CohortSize(Result, frozen=True):
    """How many patients of a cohort were looked at, and why others were not.

    `unanswered` are those among them for whom the guideline has no answer, as its rules contradict each other. `rejected`
    are records that are invalid or contradict themselves, `longer` those with more courses of therapy than are looked at.
    """

    patients: int
    unanswered: int
    rejected: int
    longer: int = field(name="more_courses")


class FindingsReport(Result, frozen=True, kw_only=True, tag_field="schema", tag="reasoner.findings/1"):
    """Findings, and what they are about.

    `courses` is the length of the longest history looked at, by check and diff; `old` is the other guideline of a diff, and
    `equivalent` tells that no patient is answered differently, which is proved; `statements` are those of coverage.
    `unknown` names the classes of which a query timed out, `accepted_gone` the accepted ids that no longer occur.

    `repairs_tried` is the number of repairs that were each made in a copy, where that was asked for.
    `cohort` says of which patients `affected` counts those who show a finding. `readings` tells what the readings that
    findings name, and their alternatives, say.

    `title`, not part of the JSON, names what was looked at.
    """

    guideline: GuidelineInfo
    old: GuidelineInfo | UnsetType = UNSET
    courses: int | UnsetType = UNSET
    equivalent: bool | UnsetType = UNSET
    statements: tuple[StatementCoverage, ...] | UnsetType = UNSET
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...] = field(default=(), name="unknown")
    gone: tuple[str, ...] = field(default=(), name="accepted_gone")
    repairs_tried: int | UnsetType = UNSET
    cohort: CohortSize | UnsetType = UNSET
    readings: Mapping[str, str] = field(default_factory=dict)

    title = Carried[str]("")


def readings_named(findings: Iterable[Finding], guideline: Guideline) -> dict[str, str]:
    """Give the readings, and alternatives of these, that findings name, each with its first sentence.

    What settles a finding of the literal layer stands in the curated one.
    """
    named = {name for own in findings for name in (*own.readings, *own.settling)}
    known = guideline.model.annotations
    if not named <= known.keys():
        known = Guideline(guideline.selection.with_layer("curated")).model.annotations
    return {name: annotation.first_sentence for name, annotation in known.items() if name in named}
