"""Texts as Markdown shows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

__all__ = [
    "AIMED_DETAIL",
    "LONGEST_DETAIL",
    "LONGEST_FIRST",
    "LONGEST_LINE",
    "LONGEST_NOTE",
    "LONGEST_OPTION",
    "LONGEST_REASON",
    "LONGEST_WHY",
    "SEPARATOR",
    "SHORT_LINE",
    "fewer_items",
    "markdown",
    "total",
]

LONGEST_DETAIL = 1_199
AIMED_DETAIL = 700
LONGEST_LINE = 300
LONGEST_NOTE = 130
LONGEST_FIRST = 450
LONGEST_REASON = 220
LONGEST_OPTION = 150
LONGEST_WHY = 50
SHORT_LINE = 190
SEPARATOR = "; "
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~&$!]|:(?=//)|@(?=\w)|(?<=www)\.|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")


def markdown(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return MARKDOWN.sub(lambda mark: f"\\{mark[0]}", " ".join(text.split()))


def fewer_items(text: str, most: int, more: Callable[[int], str]) -> str | None:
    """Leave out whole items at the end of a text, and say how many, so that as Markdown it has at most `most` characters.

    None where even the first one is too long.
    """
    items = text.split(SEPARATOR)
    for kept in range(len(items) - 1, 0, -1):
        told = SEPARATOR.join((*items[:kept], more(len(items) - kept)))
        told += ")" * (told.count("(") - told.count(")"))
        if len(markdown(told)) <= most:
            return told
    return None


def total(texts: Iterable[str]) -> int:
    """Give the length of texts as one line of a card holds them."""
    return sum(len(markdown(text)) + len(SEPARATOR) for text in texts)
