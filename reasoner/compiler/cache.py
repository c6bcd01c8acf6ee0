"""Keep compiled guidelines between runs, so that a short run does not ground them anew.

What is kept is keyed by the digest of the guideline's files and of this package's own modules: a changed file is never
answered from an old copy. What is a month old is removed. The folder is the user's own cache (``XDG_CACHE_HOME``, else
``~/.cache``); where it cannot be written, nothing is kept. Set ``REASONER_CACHE=off`` to keep nothing.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.compiler.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasoner.compiler.parser import Source

__all__ = ["Store"]

Kept = TypeVar("Kept", GuidelineModel, Program, Space)


def cache_folder() -> Path | None:
    """Give the folder to keep compiled guidelines in, or None where nothing shall be kept."""
    if os.environ.get("REASONER_CACHE") == "off":
        return None
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "guideline-reasoner" if os.path.isabs(base) else None


def own_digest() -> str:
    """Digest the modules that write what is kept."""
    total = hashlib.sha256(sys.version.encode())
    for name in ("annotations", "grounder", "model", "program", "parser", "space", "cache"):
        total.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return total.hexdigest()


class Store:
    """Compiles one guideline, or finds it compiled."""

    def __init__(self, folder: Path, layer: str, overlays: tuple[Path, ...], digest: str) -> None:
        self.folder = folder
        self.layer = layer
        self.overlays = overlays
        self.key = hashlib.sha256(f"{digest} {folder.name} {layer} {own_digest()}".encode()).hexdigest()[:32]
        self._source: Source | None = None
        self._knowledge: GuidelineModel | None = None

    def source(self) -> Source:
        """Read the guideline's files, once."""
        if self._source is None:
            from reasoner.compiler.parser import read_source

            self._source = read_source(self.folder, self.layer, self.overlays)
        return self._source

    def model(self) -> GuidelineModel:
        """Give the guideline's data."""
        if self._knowledge is None:

            def compile_it() -> GuidelineModel:
                from reasoner.compiler.grounder import build_model, ground

                known = build_model(self.source())
                return known._replace(recursive=ground(self.source(), 2, known.variables).recursive)

            self._knowledge = self.kept("model", GuidelineModel, compile_it)
        return self._knowledge

    def program(self, courses: int) -> Program:
        """Give the ground program for records with `courses` courses."""

        def compile_it() -> Program:
            from reasoner.compiler.grounder import ground

            return ground(self.source(), courses, self.model().variables)

        return self.kept(f"courses-{courses}", Program, compile_it)

    def space(self, courses: int) -> Space:
        """Give the guideline ground for every record with at most `courses` courses, with its data."""

        def compile_it() -> Space:
            from reasoner.compiler.grounder import ground

            source = self.source()
            return Space(ground(source, courses, self.model().variables, fewer=True), tuple(source.facts()))

        return self.kept(f"space-{courses}", Space, compile_it)

    def kept(self, name: str, kind: type[Kept], make: Callable[[], Kept]) -> Kept:
        """Load what is kept under a name, or make and keep it."""
        folder = cache_folder()
        if folder is None:
            return make()
        path = folder / f"{self.key}-{name}.pickle"
        try:
            if not hasattr(os, "getuid") or path.stat().st_uid == os.getuid():
                found = pickle.loads(path.read_bytes())
                if isinstance(found, kind):
                    return found
        except Exception:  # noqa: BLE001, S110 (a copy that cannot be read is made anew)
            pass
        made = make()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            scratch = path.with_suffix(f".{os.getpid()}")
            scratch.write_bytes(pickle.dumps(made, protocol=5))
            os.replace(scratch, path)
            forget(folder)
        except OSError:
            pass
        return made


def forget(folder: Path) -> None:
    """Remove what was kept more than a month ago."""
    oldest = time.time() - 30 * 24 * 3600
    for path in folder.glob("*.pickle"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
