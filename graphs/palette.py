"""The colours of nodes: those of the pages, by the names that they have there."""

from __future__ import annotations

import re
from functools import cache

from reasoner.render.html.document import LOOK, asset

__all__ = ["BORDERS", "FILLS", "LINES", "colour"]

FILLS = {
    "patient": "chosen", "fact": "paper", "rule": "paper", "statement": "panel", "reading": "wary", "overlay": "wary",
    "trial": "paper", "citation": "paper", "conclusion": "paper", "state": "chosen", "regimen": "paper", "outcome": "panel",
    "dead_end": "wary", "silence": "wary",
}  # fmt: skip
"""By kind, in the order of a legend."""
BORDERS = {"recommended": "for", "excluded": "against", "dead_end": "against", "silence": "against"}
"""By how the answer lists a node, or by its kind; all others have the colour of lines."""
LINES = {"fails": "dashed", "recorded_absent": "dashed", "unknown": "dotted"}
"""By state; all others are solid."""


@cache
def colour(name: str) -> str:
    """Give a colour of the pages in light by its name."""
    found = re.search(rf"--{name}: (#[0-9a-f]{{6}})", asset(LOOK))
    assert found is not None
    return found[1]
