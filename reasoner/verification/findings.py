"""What a command found: one form for the findings of all commands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import field
from msgspec.structs import force_setattr

from reasoner.errors import ReasonerError
from reasoner.records.shapes import Carried, Result, Shape, one_of
from reasoner.verification.patients import Patients

__all__ = [
    "SEVERITIES",
    "Change",
    "Edit",
    "Finding",
    "Side",
    "Trial",
    "accept",
    "at_least",
    "finding_id",
    "read_accepted",
]

ID = re.compile(r"[a-z_]+-[0-9a-f]{6}")
SEVERITIES = ("info", "warning", "error")
Severity = Annotated[str, one_of(*SEVERITIES)]


class Side(Shape, frozen=True):
    """One side of a finding: a statement, reading or overlay with what it derives, by which rules, and where."""

    annotation: str = field(name="block")
    derives: str
    rules: tuple[str, ...]
    places: tuple[str, ...]


class Edit(Shape, frozen=True):
    """A change of one rule that a repair makes: conditions that are added to it; without any, the rule is dropped."""

    rule: str
    place: str
    adds: tuple[str, ...] = ()


class Change(Shape, frozen=True):
    """What changes for patients once a repair is made, with the smallest of them in words and as a record."""

    kind: str = field(name="class")
    message: str
    patient: str
    witness: Mapping[str, Any] | None


class Trial(Shape, frozen=True):
    """What became of a finding when its repair was made in a copy of the guideline.

    `gone` tells that the finding is; `new` are the messages of the findings, no less severe, that only the copy has;
    `changes` whose answers are others; `refused` why the copy could not be loaded.
    """

    gone: bool
    new: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    refused: str = ""


class Finding(Result, frozen=True, kw_only=True):
    """A finding.

    `id` is the same as long as the defect is, and `class` says of which kind that is. `certain` is false where the question
    timed out. `places` are ``file:line``; `witness` is a whole record that shows it, null for what is not about patients;
    `under` are the alternatives of readings left open under which it does. `shared` is what all patients have in common who
    show it, where that was asked. `resolved_by` names the readings that settle it, `settled_by_alternatives` the
    alternatives of readings, such as "R9=b", under each of which it is gone, and `eased_by_alternatives` those under which
    the witness is recommended something, but others are not; `accepted` is the reason for which it is accepted.
    Findings of one `group` are of one class, with the same kind of `cause` and the same statements (or, for one without any,
    the same readings and overlays); `affected` is how many patients of a cohort show the finding, null without a cohort and
    for what is not about patients.

    `edits` are the changes that `repair` makes where it is certain to remove the finding; without any, it is advice. `trial`
    is what became of them in a copy of the guideline, where that was asked for.

    Not part of the JSON: `departures` words in what the witness departs from the guideline's default patient; a patient
    `among` many shows the finding of whom the atoms of `shown_by` hold, or do not, as given, or where it is None who gets no
    answer; `patients` are those of the
    cohort, each by its record's number with how many have that record.
    """

    id: str
    kind: str = field(name="class")
    severity: Severity
    certain: bool = True
    message: str
    statements: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    sides: tuple[Side, ...] = ()
    witness: Mapping[str, Any] | None = None
    under: tuple[str, ...] = field(default=(), name="under_readings")
    shared: tuple[str, ...] = ()
    resolved_by: tuple[str, ...] = ()
    settled_by_alternatives: tuple[str, ...] = ()
    eased_by_alternatives: tuple[str, ...] = ()
    repair: str = ""
    edits: tuple[Edit, ...] = ()
    trial: Trial | None = None
    accepted: str | None = None
    cause: str
    group: str = ""
    affected: int | None = None

    departures = Carried[tuple[str, ...]](())
    shown_by = Carried[tuple[tuple[str, bool], ...] | None](())
    among = Carried[Patients | None](None)
    patients = Carried[Mapping[int, int]]({})

    @property
    def settling(self) -> tuple[str, ...]:
        """The readings, and the alternatives of readings, that settle the finding or ease it."""
        return self.resolved_by + self.settled_by_alternatives + self.eased_by_alternatives

    def __post_init__(self) -> None:
        about = self.statements or (*self.readings, *self.overlays)
        force_setattr(self, "group", ".".join((self.kind, self.cause, *about)))


def finding_id(kind: str, subject: str) -> str:
    """Name a finding of a class by what it is about."""
    return f"{kind}-{hashlib.sha256(subject.encode()).hexdigest()[:6]}"


def at_least(findings: Iterable[Finding], severity: str) -> bool:
    """Tell whether a finding that is not accepted is as severe as `severity` or more."""
    least = SEVERITIES.index(severity)
    return any(not found.accepted and SEVERITIES.index(found.severity) >= least for found in findings)


def read_accepted(text: str, name: str) -> dict[str, str]:
    """Read a file of accepted findings: on each line an id and the reason; ``#`` begins a comment.

    Raises ReasonerError, naming the line, for an id without a reason or one that stands twice.
    """
    reasons: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key, _, reason = line.strip().partition(" ")
        if not key or key.startswith("#"):
            continue
        if not ID.fullmatch(key):
            raise ReasonerError(
                f'{name}:{number}: "{key}" is not the id of a finding, such as gap-012abc; write the id, then why.'
            )
        if not reason.strip():
            raise ReasonerError(f"{name}:{number}: {key} is accepted without a reason; write the id, then why.")
        if key in reasons:
            raise ReasonerError(f"{name}:{number}: {key} occurs twice; keep one.")
        reasons[key] = reason.strip()
    return reasons


def accept(findings: Iterable[Finding], reasons: Mapping[str, str]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Mark the accepted findings with their reasons; returned with them are the accepted ids that no longer occur."""
    marked = tuple(found.replace(accepted=reasons.get(found.id)) for found in findings)
    known = {found.id for found in marked}
    return marked, tuple(name for name in reasons if name not in known)
