"""What all texts share: wrapped lines, colours, and the wording of values and sources."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from reasoner.answer import Assumption
from reasoner.knowledge import Block, Knowledge

__all__ = ["Page", "assumption_words", "condition_words", "safe", "source_words"]

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

    def mark(self, text: str, mark: str) -> str:
        return f"{MARKS[mark]}{text}{PLAIN}" if self.colour and mark else text

    def heading(self, text: str) -> None:
        self.lines += ["", self.mark(text, "heading")]

    def text(self) -> str:
        """Give the whole page."""
        return "\n".join(line.rstrip() for line in self.lines) + "\n"

    def item(self, lead: str, text: str, mark: str = "", indent: int = 5) -> None:
        """Add a paragraph behind a lead, wrapped under itself."""
        wrapped = textwrap.wrap(text, self.width - indent, break_on_hyphens=False) or [""]
        self.lines.append(f"{lead:<{indent}}{self.mark(wrapped[0], mark)}")
        self.lines += [" " * indent + self.mark(line, mark) for line in wrapped[1:]]


def assumption_words(assumption: Assumption, knowledge: Knowledge) -> str:
    """Word an assumed value of an unknown fact."""
    label = knowledge.label("fact", assumption.fact)
    wording = knowledge.wording
    if assumption.member is not None:
        label = wording["member"].replace("{1}", knowledge.label("drug", assumption.member)).replace("{2}", label)
    if isinstance(assumption.value, bool):
        return label if assumption.value else wording["without"].replace("{1}", label)
    value = (
        knowledge.label("value", assumption.value).replace("<=", "at most ").replace(">", "more than ").replace(",", ", ")
    )
    return wording["value"].replace("{1}", label).replace("{2}", value)


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
    parts += [knowledge.trials.get(trial, trial) for trial in block.trials]
    return "; ".join(parts)
