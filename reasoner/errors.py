"""What can go wrong, as one hierarchy.

    ReasonerError
    ├── GuidelineError   a guideline's files cannot be used
    └── RecordError      a patient's record cannot be used

A message names the place, what was found, what is allowed and the next step; it needs no traceback.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["GuidelineError", "ReasonerError", "RecordError", "nearest"]


class ReasonerError(Exception):
    """An input that cannot be used. ``str(error)`` is the message for the user."""


class GuidelineError(ReasonerError):
    """A guideline or an overlay that cannot be loaded; the message starts with ``file:line``."""


class RecordError(ReasonerError):
    """A record that is malformed or contradicts itself; the message names the field."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Word a hint at the allowed name closest to `word`, or an empty text where none is close."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f'; did you mean "{found[0]}"?' if found else ""
