"""Phrases that differ in one name alone, said together: "progression on trastuzumab and pertuzumab"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from reasoner.compiler.model import GuidelineModel

__all__ = ["either_words", "join_names"]

KINDS = ("drug", "class", "value")


def join_names(phrases: Iterable[str], model: GuidelineModel) -> list[str]:
    """Join the phrases that differ only in the drug, class or value that they name first, in the order of the first ones."""
    pattern, together = names_in(model), dict[tuple[str, str], list[str]]()
    for phrase in phrases:
        found = pattern.search(phrase)
        around = (phrase[: found.start()], phrase[found.end() :]) if found else (phrase, "")
        together.setdefault(around, []).append(found[0] if found else "")
    return [f"{before}{listed(names, before, model)}{after}" for (before, after), names in together.items()]


def listed(names: list[str], before: str, model: GuidelineModel) -> str:
    """List names: with "or" where the phrase denies them."""
    *first, last = names
    if not first or before.startswith(model.say("without", "")):
        return either_words(names, model)
    return model.say("both_names", model.say("comma").join(first), last)


def either_words(names: Sequence[str], model: GuidelineModel) -> str:
    """List names of which any will do: "a, b or c"."""
    *first, last = names
    return model.say("either_name", model.say("comma").join(first), last) if first else last


@lru_cache(maxsize=16)
def names_in(model: GuidelineModel) -> re.Pattern[str]:
    names = {label for kind in KINDS for label in model.labels.get(kind, {}).values()}
    return re.compile(
        "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(names, key=len, reverse=True)) or r"(?!)"
    )
