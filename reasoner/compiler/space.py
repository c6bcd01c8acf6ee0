"""What a question about all patients starts from: a guideline ground for every record that can be."""

from __future__ import annotations

from typing import NamedTuple

from reasoner.compiler.program import Program

__all__ = ["Space"]


class Space(NamedTuple):
    """A guideline ground with everything open, the number of courses included.

    `data` holds the catalogue as clingo facts, each with the reading, statement or overlay that it stands under, None for
    those under none.
    """

    program: Program
    data: tuple[tuple[str, str | None], ...]
