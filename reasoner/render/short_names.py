"""The names of drugs and regimens as a text repeats them: in full once, then short."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from reasoner.compiler.model import GuidelineModel

__all__ = ["ShortNames", "short_forms"]

BRACKETED = re.compile(r"(.+) \(([^()]+)\)")
ABBREVIATION = re.compile(r"(?=.*[A-Z])\S+")


class ShortNames:
    """Shortens the names that a text has given in full.

    The short form is the abbreviation that a name has in brackets, else the name without what it has there.
    """

    def __init__(self, model: GuidelineModel) -> None:
        self.short = short_forms(model)
        self.pattern = re.compile("|".join(map(re.escape, sorted(self.short, key=len, reverse=True))) or r"(?!)")
        self.given: set[str] = set()

    def shorten(self, text: str) -> str:
        """Shorten each name in a text that was given in full before, or earlier in the text."""
        return self.pattern.sub(lambda found: self.next_form(found[0]), text)

    def note(self, text: str) -> None:
        """Take the names in a text as given in full."""
        self.given.update(self.pattern.findall(text))

    def next_form(self, name: str) -> str:
        if name in self.given:
            return self.short[name]
        self.given.add(name)
        return name


@lru_cache(maxsize=16)
def short_forms(model: GuidelineModel) -> dict[str, str]:
    """Give the short form of each drug, class and regimen that has one which means nothing else."""
    labels = {label for kind in ("drug", "class", "regimen") for label in model.labels.get(kind, {}).values()}
    parts = {label: found.groups() for label in labels if (found := BRACKETED.fullmatch(label))}
    own = {label: parts[label] for label in parts if not any(other in label for other in parts if other != label)}
    short = {label: inner if ABBREVIATION.fullmatch(inner) else name for label, (name, inner) in own.items()}
    meant = Counter(short.values())
    return {label: form for label, form in short.items() if meant[form] == 1 and form not in labels}
