"""What a command found, ready to be reported; one form for every command that finds something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reasoner.engine.answer import GuidelineInfo
from reasoner.records import shapes
from reasoner.verification.findings import Finding

__all__ = ["Found", "to_json"]


class Found(NamedTuple):
    """What a command found, ready to be reported.

    `title` names what was looked at and `scope` says how far; `undecided` names the classes of which a question was cut off,
    `gone` the accepted ids that no longer occur; `conclusion` is said at the end; `about` are further entries
    of the JSON.
    """

    guideline: GuidelineInfo
    title: str
    scope: str
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    conclusion: str = ""
    about: Mapping[str, object] = {}


def to_json(found: Found) -> str:
    """Give the findings as JSON of schema ``reasoner.findings/1``."""
    data = {
        "schema": "reasoner.findings/1",
        "guideline": found.guideline,
        **found.about,
        "findings": found.findings,
        "unknown": found.undecided,
        "accepted_gone": found.gone,
    }
    return shapes.to_json(data).decode()
