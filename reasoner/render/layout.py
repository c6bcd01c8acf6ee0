"""Wrapped lines, in colour or not: what all texts share."""

from __future__ import annotations

import textwrap

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.phrases import guideline_words
from reasoner.errors import printable
from reasoner.render.short_names import ShortNames

__all__ = ["TextLayout"]

MARKS = {"heading": "\033[1m", "certain": "\033[32m", "conditional": "\033[33m", "against": "\033[31m", "faint": "\033[2m"}
PLAIN = "\033[0m"


class TextLayout:
    """Collects wrapped lines, in colour or not; where it knows the `names` of a guideline, these are in full once."""

    def __init__(self, width: int, colour: bool, names: ShortNames | None = None) -> None:
        self.width = width
        self.colour = colour
        self.names = names
        self.lines: list[str] = []

    def opening(self, patient: str, info: GuidelineInfo, model: GuidelineModel) -> None:
        """Start with the patient and the guideline; local rules show here first."""
        self.item("", model.say("patient", printable(patient)), "heading", indent=0)
        self.guideline(info, model)

    def guideline(self, info: GuidelineInfo, model: GuidelineModel) -> None:
        """Say which guideline it is, in which layer, under which overlays."""
        self.item("", guideline_words(info, model), "faint", indent=0)

    def closing(self, info: GuidelineInfo) -> str:
        """End with the guideline's disclaimer; give the whole page."""
        self.blank()
        self.item("", info.disclaimer, "faint", indent=0)
        return self.text()

    def text(self) -> str:
        """Give all that was added."""
        return "\n".join(line.rstrip() for line in self.lines) + "\n"

    def blank(self) -> None:
        self.lines.append("")

    def mark(self, text: str, mark: str) -> str:
        return f"{MARKS[mark]}{text}{PLAIN}" if self.colour and mark else text

    def heading(self, text: str) -> None:
        self.lines += ["", self.mark(text, "heading")]

    def item(self, lead: str, text: str, mark: str = "", indent: int = 5, in_full: bool = False) -> None:
        """Add a paragraph behind a lead, wrapped under itself; `in_full` it keeps every name as it is."""
        if self.names and in_full:
            self.names.note(text)
        elif self.names:
            text = self.names.shorten(text)
        indent = max(indent, len(lead.rstrip()) + 1) if lead else indent
        wrapped = textwrap.wrap(text, self.width - indent, break_on_hyphens=False) or [""]
        self.lines.append(f"{lead:<{indent}}{self.mark(wrapped[0], mark)}")
        self.lines += [" " * indent + self.mark(line, mark) for line in wrapped[1:]]
