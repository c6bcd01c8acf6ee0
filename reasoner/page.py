"""What all texts share: wrapped lines, colours, and the wording of values and sources."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from reasoner.answer import Assumption, GuidelineInfo
from reasoner.knowledge import Block, Knowledge

__all__ = ["Page", "assumption_words", "condition_words", "member_words", "safe", "source_words", "value_words"]

MARKS = {"heading": "\033[1m", "certain": "\033[32m", "conditional": "\033[33m", "against": "\033[31m", "faint": "\033[2m"}
PLAIN = "\033[0m"


def safe(text: str) -> str:
    """Make a record's text harmless on a terminal: what cannot be printed is shown as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Page:
    """Collects wrapped lines, in colour or not."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.colour = colour
        self.lines: list[str] = []

    def opening(self, patient: str, info: GuidelineInfo) -> None:
        """Start with the patient and the guideline; local rules show here first."""
        layer = f"{info.layer} layer" + "".join(f", LOCAL overlay {name}" for name in info.overlays)
        self.item("", f"Patient {safe(patient)}", "heading", indent=0)
        self.item("", f"{info.title}, {layer}", "faint", indent=0)

    def closing(self, info: GuidelineInfo) -> str:
        """End with the guideline's disclaimer; give the whole page."""
        self.lines.append("")
        self.item("", info.disclaimer, "faint", indent=0)
        return "\n".join(line.rstrip() for line in self.lines) + "\n"

    def mark(self, text: str, mark: str) -> str:
        return f"{MARKS[mark]}{text}{PLAIN}" if self.colour and mark else text

    def heading(self, text: str) -> None:
        self.lines += ["", self.mark(text, "heading")]

    def item(self, lead: str, text: str, mark: str = "", indent: int = 5) -> None:
        """Add a paragraph behind a lead, wrapped under itself."""
        wrapped = textwrap.wrap(text, self.width - indent, break_on_hyphens=False) or [""]
        self.lines.append(f"{lead:<{indent}}{self.mark(wrapped[0], mark)}")
        self.lines += [" " * indent + self.mark(line, mark) for line in wrapped[1:]]


def assumption_words(assumption: Assumption, knowledge: Knowledge) -> str:
    """Word an assumed value of an unknown fact."""
    if assumption.member is None:
        return value_words(assumption.fact, assumption.value, knowledge)
    label = member_words(assumption.fact, assumption.member, knowledge)
    return label if assumption.value else knowledge.wording["without"].replace("{1}", label)


def member_words(fact: str, member: str, knowledge: Knowledge) -> str:
    """Word the membership of a list."""
    name = next(
        (labels[member] for labels in (knowledge.labels.get(k, {}) for k in ("drug", "value")) if member in labels), member
    )
    return knowledge.wording["member"].replace("{1}", name).replace("{2}", knowledge.label("fact", fact))


def value_words(fact: str, value: object, knowledge: Knowledge) -> str:
    """Word a fact with a value, as an answer or a record gives it."""
    label, wording = knowledge.label("fact", fact), knowledge.wording
    if isinstance(value, bool):
        return label if value else wording["without"].replace("{1}", label)
    if isinstance(value, list | tuple):
        names = [member_words(fact, str(member), knowledge) for member in value]
        return wording["and"].join(names) or wording["without"].replace("{1}", label)
    named = knowledge.label("value", str(value)).replace("<=", "at most ").replace(">", "more than ").replace(",", ", ")
    return wording["value"].replace("{1}", label).replace("{2}", named)


def condition_words(assuming: Sequence[Assumption], knowledge: Knowledge) -> str:
    """Word what an entry assumes."""
    return knowledge.wording["and"].join(assumption_words(assumption, knowledge) for assumption in assuming)


def source_words(block: Block, knowledge: Knowledge) -> str:
    """Word where a sentence comes from: statement, reference numbers, trials; or reading or overlay."""
    parts = [
        block.id if block.kind == "statement" else f"{'LOCAL overlay' if block.kind == 'overlay' else block.kind} {block.id}"
    ]
    if block.citations:
        parts.append("ref. " + ", ".join(map(str, block.citations)))
    parts += [knowledge.trials[trial].label for trial in block.trials]
    return "; ".join(parts)
