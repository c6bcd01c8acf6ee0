"""What a command found: one form for all findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["SEVERITIES", "Finding", "at_least", "finding"]

SCHEMA = "reasoner.findings/1"
SEVERITIES = ("info", "warning", "error")


class Finding(NamedTuple):
    """A finding; `id` is the same as long as what was found is, `places` are ``file:line``."""

    id: str
    kind: str
    severity: str
    message: str
    statements: tuple[str, ...]
    rules: tuple[str, ...]
    places: tuple[str, ...]
    repair: str

    def to_dict(self) -> dict[str, object]:
        return {
            "id": self.id,
            "class": self.kind,
            "severity": self.severity,
            "certain": True,
            "message": self.message,
            "statements": list(self.statements),
            "rules": list(self.rules),
            "places": list(self.places),
            "witness": None,
            "resolved_by": [],
            "repair": self.repair,
        }


def finding(
    kind: str,
    severity: str,
    subject: str,
    message: str,
    repair: str,
    statements: Iterable[str] = (),
    rules: Iterable[str] = (),
    places: Iterable[str] = (),
) -> Finding:
    """Make a finding whose id follows from its class and `subject`, what it is about."""
    name = f"{kind}-{hashlib.sha256(subject.encode()).hexdigest()[:6]}"
    return Finding(name, kind, severity, message, tuple(statements), tuple(rules), tuple(places), repair)


def at_least(findings: Iterable[Finding], severity: str) -> bool:
    """Tell whether a finding is as severe as `severity` or more."""
    return any(SEVERITIES.index(found.severity) >= SEVERITIES.index(severity) for found in findings)
