"""Phrases that differ in one name alone, said together: "progression on trastuzumab and pertuzumab"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from reasoner.compiler.model import GuidelineModel

__all__ = ["join_names"]

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
    if not first:
        return last
    denied = before.startswith(model.say("without", ""))
    return model.say("either_name" if denied else "both_names", model.say("comma").join(first), last)


@lru_cache(maxsize=16)
def names_in(model: GuidelineModel) -> re.Pattern[str]:
    names = {label for kind in KINDS for label in model.labels.get(kind, {}).values()}
    return re.compile(
        "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(names, key=len, reverse=True)) or r"(?!)"
    )
