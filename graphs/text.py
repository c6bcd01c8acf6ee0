"""What the formats share: the words of states, and the wrapping of labels."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

__all__ = ["marked", "wrapped"]

MARKS = {
    ("fact", "unknown"): "not recorded: ",
    ("fact", "recorded_absent"): "recorded as absent: ",
    ("fact", "fails"): "not so: ",
    ("conclusion", "unknown"): "depends: ",
    ("conclusion", "fails"): "not derived: ",
    ("rule", "unknown"): "depends: ",
    ("rule", "fails"): "does not fire: ",
}


def marked(data: Mapping[str, str], node: str) -> str:
    """Give a node's label with its state in words, so that it shows without colour, and "..." where it was cut."""
    more = " ..." if data.get("cut") else ""
    return MARKS.get((data.get("kind", ""), data.get("state", "")), "") + data.get("label", node) + more


def wrapped(label: str, width: int) -> list[str]:
    """Break a label into lines."""
    return textwrap.wrap(label, width, break_on_hyphens=False) or [""]
