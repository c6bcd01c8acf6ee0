"""Texts as Markdown shows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

__all__ = [
    "LONGEST_DETAIL",
    "LONGEST_LINE",
    "LONGEST_NOTE",
    "SEPARATOR",
    "SHORT_LINE",
    "cut",
    "fewer_items",
    "markdown",
    "total",
]

LONGEST_DETAIL = 1_199
LONGEST_LINE = 380
LONGEST_NOTE = 460
SHORT_LINE = 232
SEPARATOR = "; "
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~&$!]|:(?=//)|@(?=\w)|(?<=www)\.|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")


def markdown(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return MARKDOWN.sub(lambda mark: f"\\{mark[0]}", " ".join(text.split()))


def cut(text: str, most: int) -> str:
    """Write text as Markdown in at most `most` characters, cut between words, the last a mark that some is left out."""
    whole = markdown(text)
    while len(whole) > most:
        text = text[: max(0, min(len(text) - 1, most - 1) - (len(whole) - len(text)))].rpartition(" ")[0].rstrip()
        whole = f"{markdown(text)}\N{HORIZONTAL ELLIPSIS}"
    return whole


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
