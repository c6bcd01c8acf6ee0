"""What can go wrong, as one hierarchy.

    ReasonerError
    ├── GuidelineError   a guideline's files cannot be used
    └── RecordError      a patient's record cannot be used

A message names the place, what was found, what is allowed and the next step; it needs no traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["GuidelineError", "ReasonerError", "RecordError", "article", "nearest", "printable"]


class ReasonerError(Exception):
    """An input that cannot be used. ``str(error)`` is the message for the user."""


class GuidelineError(ReasonerError):
    """A guideline or an overlay that cannot be loaded; the message starts with ``file:line``."""


class RecordError(ReasonerError):
    """A record that is malformed or contradicts itself; the message names the field."""


def printable(text: str) -> str:
    """Make a text harmless on a terminal: what cannot be printed is shown as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def article(noun: str) -> str:
    """Put the indefinite article before a noun."""
    return f"{'an' if noun[:1] in 'aeiou' and not noun.startswith('uni') else 'a'} {noun}"


def nearest(word: str, allowed: Iterable[str], labels: Mapping[str, str] | None = None) -> str:
    """Word a hint at the allowed name closest to `word`, or an empty text where none is close.

    `labels` are what names are shown as: a word that stands in the label of one name is close to it.
    """
    from difflib import get_close_matches

    names = {name.casefold(): name for name in allowed}
    asked = word.casefold()
    found = [names[name] for name in get_close_matches(asked, names, n=1, cutoff=0.6)]
    if not found and len(asked) > 2:
        shown = {name: f"{name} {(labels or {}).get(name, '')}".casefold() for name in names.values()}
        found = [name for name, text in shown.items() if asked in text or asked in text.replace("-", "")]
    return f' (did you mean "{found[0]}"?)' if found else ""
