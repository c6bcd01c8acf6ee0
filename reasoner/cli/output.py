"""What commands print: results as text or JSON, as wide as the terminal and in its colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from reasoner import Answer

__all__ = ["colour_wanted", "print_answer", "print_json", "print_result", "text_width"]


def text_width(stream: TextIO | None = None) -> int:
    """Give the columns that text may take on standard output, or another stream.

    They are the terminal's, from 40 to 100, and 80 where there is none.
    """
    shown = stream or sys.stdout
    return max(40, min(100, os.get_terminal_size(shown.fileno()).columns)) if shown.isatty() else 80


def colour_wanted() -> bool:
    """Tell whether standard output is a terminal that wants colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_json(data: object) -> None:
    """Print data, structs included, as one line of JSON."""
    from reasoner.records.shapes import to_json

    sys.stdout.write(to_json(data).decode())


def print_result(form: str, result: object, render: Callable[[int, bool], str]) -> None:
    """Print a result as JSON or as text; `render` takes the width and whether colour is wanted."""
    if form == "json":
        print_json(result)
    else:
        sys.stdout.write(render(text_width(), colour_wanted()))


def print_answer(answer: Answer, form: str, first: bool) -> None:
    """Print an answer; the texts of several are set apart."""

    def render(width: int, colour: bool) -> str:
        from reasoner.render.answer import render

        return ("" if first else "\n\n") + render(answer, width, colour)

    print_result(form, answer, render)
