"""What commands print: results as text or JSON, as wide as the terminal and in its colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TextIO, TypeVar

from reasoner.errors import ReasonerError

if TYPE_CHECKING:
    from pathlib import Path

    from reasoner import Answer

__all__ = [
    "colour_wanted",
    "page_expected",
    "print_answer",
    "print_asked",
    "print_json",
    "print_result",
    "show_progress",
    "text_width",
]

Found = TypeVar("Found")


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


def written(form: str, result: object, render: Callable[[int, bool], str]) -> str:
    from reasoner.records.shapes import to_json

    return to_json(result).decode() if form == "json" else render(text_width(), colour_wanted())


def print_result(form: str, result: object, render: Callable[[int, bool], str]) -> None:
    """Print a result as JSON or as text; `render` takes the width and whether colour is wanted."""
    sys.stdout.write(written(form, result, render))


def print_asked(form: str, ask: Callable[[], Found], render: Callable[[Found, int, bool], str]) -> None:
    """Ask for a result about a patient, and print it when all of it is written, as what a text shows is derived then."""
    from reasoner.engine.memory import on_larger_diagrams

    def asked() -> str:
        found = ask()
        return written(form, found, partial(render, found))

    sys.stdout.write(on_larger_diagrams(asked)())


def print_answer(ask: Callable[[], Answer], form: str, first: bool) -> None:
    """Print an answer; the texts of several are set apart."""
    from reasoner.render.answer import render

    print_asked(form, ask, lambda answer, width, colour: ("" if first else "\n\n") + render(answer, width, colour))


def show_progress(doing: str, done: int, of: int) -> None:
    """Show on a terminal how far a search has come."""
    if sys.stderr.isatty():
        line = "" if doing == "done" else f"{doing} {done}/{of}"
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()


def page_expected(output: Path) -> None:
    """Refuse, before anything is searched, a file that is no page."""
    if output.suffix.lower() != ".html":
        raise ReasonerError(f'{output}: "{output.suffix}" is not a format of this report; allowed: .html')
