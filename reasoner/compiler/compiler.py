"""The parts of one guideline, made from its files; read once, and only as far as a part needs."""

from __future__ import annotations

from functools import cached_property

from reasoner.compiler.catalogue import build_model
from reasoner.compiler.grounder import ground, recursion
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.parser import ParsedGuideline, parse_guideline
from reasoner.compiler.program import Part, Program, Space, Text
from reasoner.compiler.sources import GuidelineFiles

__all__ = ["Compiler"]


class Compiler:
    """Compiles the guideline of some files. Raises GuidelineError where they cannot be used."""

    def __init__(self, files: GuidelineFiles) -> None:
        self.files = files

    @cached_property
    def parsed(self) -> ParsedGuideline:
        """The guideline's rules, as read and checked."""
        return parse_guideline(self.files)

    def make(self, part: Part) -> GuidelineModel | Program | Space | Text:
        """Make a part."""
        if part.what == "model":
            return build_model(self.parsed, recursion(self.parsed))
        if part.what == "text":
            return Text(self.parsed.rules, self.parsed.data)
        if part.what == "space":
            return Space(ground(self.parsed, part.courses, fewer=True), tuple(self.parsed.facts()), self.parsed.places)
        return ground(self.parsed, part.courses, part.fewer, removable=True)
