"""A guideline compiled as far as it is asked for: read and ground anew, or found as an earlier run kept it."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache, cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reasoner import __version__
from reasoner.compiler.cache import Cache
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program, Space
from reasoner.compiler.selection import Selection
from reasoner.compiler.sources import read_files

if TYPE_CHECKING:
    from reasoner.compiler.parser import ParsedGuideline

__all__ = ["Compiled"]

Made = TypeVar("Made", GuidelineModel, Program, Space)


class Compiled:
    """One guideline, compiled on demand. Raises GuidelineError where its files cannot be used."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.files = read_files(selection)
        self.cache = Cache(f"{self.files.key} {selection.layer} {versions()}")

    @cached_property
    def parsed(self) -> ParsedGuideline:
        """The guideline's rules, as read and checked."""
        from reasoner.compiler.parser import parse_guideline

        return parse_guideline(self.files)

    @cached_property
    def model(self) -> GuidelineModel:
        """The guideline's data."""

        def make() -> GuidelineModel:
            from reasoner.compiler.catalogue import build_model
            from reasoner.compiler.grounder import ground

            recursive = ground(self.parsed, 2).recursive
            return build_model(self.parsed, recursive)

        return self.find("model", GuidelineModel, make)

    def program(self, courses: int, fewer: bool = False) -> Program:
        """Give the ground program for records with `courses` courses; with `fewer`, also for those with fewer."""

        def make() -> Program:
            from reasoner.compiler.grounder import ground

            return ground(self.parsed, courses, fewer, removable=True)

        return self.find(f"{'up-to' if fewer else 'courses'}-{courses}", Program, make)

    def space(self, courses: int) -> Space:
        """Give the guideline ground for every record with at most `courses` courses, with its data."""

        def make() -> Space:
            from reasoner.compiler.grounder import ground

            return Space(ground(self.parsed, courses, fewer=True), tuple(self.parsed.facts()))

        return self.find(f"space-{courses}", Space, make)

    def find(self, name: str, kind: type[Made], make: Callable[[], Made]) -> Made:
        """Load what is kept under a name, or make and keep it."""
        found = self.cache.load(name, kind)
        if found is None:
            found = make()
            self.cache.save(name, found)
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
