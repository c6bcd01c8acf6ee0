"""Texts as Markdown shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["LONGEST_DETAIL", "SEPARATOR", "cut", "markdown", "total"]

LONGEST_DETAIL = 1_199
SEPARATOR = "; "
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~&$!]|:(?=//)|@(?=\w)|(?<=www)\.|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")


def markdown(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return MARKDOWN.sub(lambda mark: f"\\{mark[0]}", " ".join(text.split()))


def cut(text: str, most: int) -> str:
    """Write text as Markdown in at most `most` characters, the last of them a mark that some is left out."""
    whole = markdown(text)
    while len(whole) > most:
        text = text[: max(0, min(len(text) - 1, most - 1) - (len(whole) - len(text)))].rstrip()
        whole = f"{markdown(text)}\N{HORIZONTAL ELLIPSIS}"
    return whole


def total(texts: Iterable[str]) -> int:
    """Give the length of texts as one line of a card holds them."""
    return sum(len(markdown(text)) + len(SEPARATOR) for text in texts)
