"""Texts as they are compared with those of the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["ANY", "Amount", "Words", "amount_in", "normalise", "pattern"]

ANY = "*"
PUNCTUATION = re.compile(r"[,;:/()\[\]=\N{EN DASH}]+|\.(?!\d)")

NUMBER = r"\d{1,3}(?:[.,]\d+)?"
SIGNS = {
    "<=": "<=", ">=": ">=", "<": "<", ">": ">", "\N{GREATER-THAN OR EQUAL TO}": ">=", "\N{LESS-THAN OR EQUAL TO}": "<=",
    "greater than": ">", "more than": ">", "größer als": ">", "mehr als": ">",
    "less than": "<", "kleiner als": "<", "weniger als": "<",
}  # fmt: skip
AMOUNT = re.compile(
    rf"(?P<sign>{'|'.join(SIGNS)})?\s*(?<![\w.,])(?P<low>{NUMBER})"
    rf"(?:\s*(?:-|\N{{EN DASH}}|to|bis)\s*(?P<high>{NUMBER}))?\s*(?P<unit>%?)(?![\w+]|[.,]\d)"
)


class Amount(NamedTuple):
    """An amount in a text: between two numbers, which are mostly the same, or beyond one; `rest` is the text beside it."""

    sign: str | None
    low: float
    high: float
    unit: str
    rest: str


def amount_in(text: str) -> Amount | None:
    """Read the only amount in a text; None where there is none, or several."""
    text = normalise(text)
    found = list(AMOUNT.finditer(text))
    if len(found) != 1:
        return None
    low, high = (float((found[0][name] or found[0]["low"]).replace(",", ".")) for name in ("low", "high"))
    rest = f"{text[: found[0].start()]} {text[found[0].end() :]}"
    return Amount(SIGNS.get(found[0]["sign"] or ""), low, high, found[0]["unit"], rest)


def normalise(text: str) -> str:
    """Write a text as the tables do: in lower case, with single spaces, without the tag of a SNOMED CT name."""
    return " ".join(text.lower().removesuffix("(qualifier value)").split())


def pattern(names: Iterable[str], start: str = r"(?<!\w)", end: str = r"(?!\w)") -> re.Pattern[str]:
    """Compile a pattern of names, the longest first, as whole words unless it is told how they start and end.

    Names of one first letter stand together, so that few have to be tried at a place.
    """
    found: dict[str, list[str]] = {}
    for name in sorted(names, key=len, reverse=True):
        found.setdefault(name[0], []).append(name[1:])
    alike = (f"{re.escape(first)}(?:{'|'.join(map(re.escape, rest))})" for first, rest in found.items())
    return re.compile(rf"{start}(?:{'|'.join(alike)}){end}" if found else r"(?!)")


class Words:
    """Words that texts of a set of values, or of any set, are compared without, or that are written in another way.

    They are given as the set, the word, or several, and what is written for it.
    """

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        written = {(name, word): instead for name, word, instead in rows}
        self.single: dict[str, dict[str, str]] = {}
        self.several: dict[str, list[tuple[str, str]]] = {}
        for own in {ANY, *(name for name, _ in written)}:
            told = [(name, word, instead) for (name, word), instead in written.items() if name in (ANY, own)]
            self.several[own] = [(f" {word} ", f" {instead} ") for _, word, instead in told if " " in word]
            told.sort(key=lambda row: row[0] == own)
            self.single[own] = {word: instead for _, word, instead in told}

    def phrase(self, name: str, text: str) -> str:
        """Write a text for the comparison with those of a set of values: without punctuation, word for word."""
        joined = f" {' '.join(PUNCTUATION.sub(' ', normalise(text)).split())} "
        name = name if name in self.single else ANY
        for several, instead in self.several[name]:
            joined = joined.replace(several, instead)
        single = self.single[name]
        return " ".join(filter(None, [single.get(word, word) for word in joined.split()]))
