"""A guideline compiled as far as it is asked for: read and ground anew, or found as an earlier run kept it."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache, cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TypeVar

import msgspec

from reasoner import __version__
from reasoner.compiler.cache import Cache
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Part, Program, Space, Text
from reasoner.compiler.selection import Selection
from reasoner.compiler.sources import read_files

__all__ = ["Compiled"]

Made = TypeVar("Made", GuidelineModel, Program, Space, Text)


class Compiled:
    """One guideline, compiled on demand. Raises GuidelineError where its files cannot be used."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.files = read_files(selection)
        self.cache = Cache(f"{self.files.key} {selection.layer} {versions()}")

    @cached_property
    def model(self) -> GuidelineModel:
        """The guideline's data."""
        return self.find(Part("model"), GuidelineModel)

    @cached_property
    def text(self) -> Text:
        """The guideline's rules and data as clingo text."""
        return self.find(Part("text"), Text)

    def program(self, courses: int, fewer: bool = False) -> Program:
        """Give the ground program for records with `courses` courses; with `fewer`, also for those with fewer."""
        return self.find(Part("program", courses, fewer), Program)

    def space(self, courses: int) -> Space:
        """Give the guideline ground for every record with at most `courses` courses, with its data."""
        return self.find(Part("space", courses), Space)

    def find(self, part: Part, kind: type[Made]) -> Made:
        """Load a part that is kept, or make and keep it."""
        found = self.cache.load(part.name, kind)
        if found is None:
            from reasoner.compiler.bounded import make

            content = make(self.files, part)
            found = msgspec.msgpack.decode(content, type=kind)
            self.cache.save(part.name, content)
        return found


@cache
def versions() -> str:
    """Name all versions that decide what a guideline is compiled to; the compiler's own modules by their digest."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        own.update(path.read_bytes())
    return f"{__version__} {own.hexdigest()} python {sys.version} clingo {clingo_version()}"


def clingo_version() -> str:
    """Find the version of clingo without importing it, which takes long: by the folder of its metadata."""
    spec = PathFinder.find_spec("clingo")
    if spec is not None and spec.origin is not None:
        installed = Path(spec.origin).parent.parent
        found = sorted(name for name in os.listdir(installed) if name.startswith("clingo-") and name.endswith(".dist-info"))
        if found:
            return " ".join((*found, str(installed)))
    import clingo

    return clingo.__version__
