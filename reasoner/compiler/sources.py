"""Read the files of a guideline: the shared core, the guideline with all that it includes, the overlays.

Included files are read here and not by clingo, which would look for them in the working directory first.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from reasoner.compiler.lexer import tokens
from reasoner.compiler.selection import Selection, shared_folder
from reasoner.errors import GuidelineError

__all__ = ["MASTER", "GuidelineFiles", "SourceFile", "place_name", "read_files"]

MASTER = "guideline.lp"
READINGS = "readings.lp"

INCLUDE = re.compile(r'#include\s*(?P<path><[^>\n]*>|"[^"\n]*")?\s*(?P<stop>\.)?')
MOST_BYTES = 2**22
"""The largest file that is read; a guideline of 500 rules takes a fortieth of that."""
MOST_IN_ALL = 2**24


class SourceFile(msgspec.Struct, frozen=True):
    """A file as it was read: its real path, its bytes, and its text without the #include directives."""

    path: Path
    content: bytes
    text: str


class GuidelineFiles(msgspec.Struct, frozen=True):
    """All files that decide a guideline's answers: the shared core's, the guideline's in reading order, the overlays."""

    folder: Path
    core: tuple[SourceFile, ...]
    own: tuple[SourceFile, ...]
    overlays: tuple[SourceFile, ...]

    def digest_with(self, readings: Sequence[str]) -> str:
        """Digest all files, by their names in the guideline's folder and their contents, and how readings are taken."""
        total = hashlib.sha256("\n".join(readings).encode())
        for file in self.own:
            update(total, file.path.relative_to(self.folder).as_posix(), file)
        for file in (*self.core, *self.overlays):
            update(total, file.path.name, file)
        return total.hexdigest()

    @property
    def key(self) -> str:
        """Digest the paths of all files and their contents."""
        total = hashlib.sha256()
        for file in (*self.core, *self.own, *self.overlays):
            update(total, str(file.path), file)
        return total.hexdigest()


def update(total: hashlib._Hash, name: str, file: SourceFile) -> None:
    """Add a file to a digest, so that no other name and content add the same."""
    written = name.encode("utf-8", "surrogateescape")
    total.update(b"%d %d\n%b%b" % (len(written), len(file.content), written, file.content))


def read_files(selection: Selection) -> GuidelineFiles:
    """Read the files of the selected guideline.

    Raises GuidelineError for a folder or an overlay that is absent, files that cannot be read or lie outside the
    guideline's folder, overlays that include others, and code.
    """
    folder = resolved(selection.folder, str(selection.folder))
    overlays = [resolved(path, str(path)) for path in selection.overlays]
    for number, (path, overlay) in enumerate(zip(selection.overlays, overlays, strict=True)):
        if overlay in overlays[:number]:
            raise GuidelineError(f"{path}: the overlay is given twice.")
        if not overlay.is_file():
            raise GuidelineError(f"{path}: no such overlay file.")
    if not folder.is_dir():
        raise GuidelineError(f"{selection.folder}: no such folder; a guideline is a folder with {MASTER}.")
    masters = [folder / MASTER]
    if not masters[0].is_file():
        raise GuidelineError(f"{folder}: no {MASTER} there; a guideline is a folder with that file.")
    if selection.layer == "curated" and (folder / READINGS).is_file():
        masters.append(folder / READINGS)
    core = shared_folder().resolve() / "core"
    files = GuidelineFiles(
        folder,
        tuple(read_file(path, str(core)) for path in sorted(core.glob("*.lp"))),
        tuple({file.path: file for master in masters for file in with_included(master, folder)}.values()),
        tuple(file for overlay in overlays for file in alone(overlay)),
    )
    named: dict[str, Path] = {}
    for file in (*files.core, *files.own, *files.overlays):
        name = place_name(file.path)
        if named.setdefault(name, file.path) != file.path:
            raise GuidelineError(
                f"{file.path}: {named[name]} is called {name} in messages, too; rename one of the two files."
            )
    return files


def resolved(path: Path, via: str) -> Path:
    """Follow a path's symbolic links; `via` is the place that names it, for the message where that leads nowhere."""
    try:
        real = path.resolve()
        str(real).encode("utf-8")
    except (OSError, RuntimeError) as error:
        circle = "its symbolic links form a circle"
        reason = error.strerror if isinstance(error, OSError) and error.errno != errno.ELOOP else circle
        raise GuidelineError(f"{via}: {path} cannot be read: {reason}.") from None
    except UnicodeEncodeError:
        raise GuidelineError(f"{via}: the path is not UTF-8 text; rename the file or its folder.") from None
    if not str(real).isprintable():
        raise GuidelineError(f"{via}: the path {str(real)!a} holds a character that is not printable; rename the file.")
    return real


def read_file(path: Path, via: str) -> SourceFile:
    """Read a file; `via` is the place that names it, for the message where it cannot be read."""
    if path.exists() and not path.is_file():
        raise GuidelineError(f"{via}: {path} cannot be read: it is not a file.")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise GuidelineError(f"{via}: {path} cannot be read: {error.strerror}.") from None
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise GuidelineError(f"{via}: {path} cannot be read: {not_utf8(content, error.start)}.") from None
    if len(content) > MOST_BYTES:
        raise GuidelineError(f"{via}: {path} is larger than {MOST_BYTES >> 20} MiB; split it, and include the parts.")
    return SourceFile(path, content, text)


def not_utf8(content: bytes, position: int) -> str:
    """Say where bytes are no UTF-8 text."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "it is UTF-16 text; save it as UTF-8"
    line = content.count(b"\n", 0, position) + 1
    return f"not UTF-8 text (line {line} holds the byte {content[position]:#04x}); save it as UTF-8"


def with_included(master: Path, folder: Path) -> Iterator[SourceFile]:
    """Yield `master` and the files that it includes, in reading order, each once."""
    seen: set[Path] = set()
    size = 0
    waiting = [(master, str(folder))]
    while waiting:
        path, via = waiting.pop()
        real = resolved(path, via)
        if real in seen:
            continue
        seen.add(real)
        if not real.is_relative_to(folder):
            raise GuidelineError(f'{via}: #include of "{path}" leaves the folder {folder}; move the file into it.')
        file = read_file(real, via)
        size += len(file.content)
        if size > MOST_IN_ALL:
            raise GuidelineError(
                f"{via}: {place_name(master)} and what it includes are larger than {MOST_IN_ALL >> 20} MiB."
            )
        text, included = split_includes(file)
        yield SourceFile(real, file.content, text)
        waiting += reversed([(real.parent / name, here) for name, here in included])


def split_includes(file: SourceFile) -> tuple[str, list[tuple[str, str]]]:
    """Split a file into its text, with blanks for #include directives, and the names that these give, with their places."""
    if "#include" not in file.text and "#script" not in file.text:
        return file.text, []
    pieces: list[str] = []
    included: list[tuple[str, str]] = []
    done = 0
    for kind, _, start in tokens(file.text):
        if kind not in ("include", "code") or start < done:
            continue
        here = f"{place_name(file.path)}:{file.text.count(chr(10), 0, start) + 1}"
        if kind == "code":
            raise GuidelineError(f"{here}: #script would run code; a guideline holds rules and facts only.")
        found = INCLUDE.match(file.text, start)
        if found is None or not found["path"] or found["path"].startswith("<"):
            raise GuidelineError(f'{here}: #include takes a file of the guideline\'s folder: #include "NAME.lp".')
        if not found["path"].isprintable():
            raise GuidelineError(f"{here}: #include names a file with a character that is not printable; rename it.")
        if not found["stop"]:
            raise GuidelineError(f"{here}: #include {found['path']} lacks its full stop: #include {found['path']}.")
        included.append((found["path"][1:-1], here))
        pieces += (file.text[done:start], re.sub(r"[^\n]", " ", found[0]))
        done = found.end()
    return "".join((*pieces, file.text[done:])), included


def alone(overlay: Path) -> list[SourceFile]:
    """Read an overlay, which is one file."""
    files = list(with_included(overlay, overlay.parent))
    if len(files) > 1:
        raise GuidelineError(
            f"{place_name(overlay)}: an overlay is one file; lay {files[1].path.name} on top by its own --overlay."
        )
    return files


def place_name(path: Path) -> str:
    """Name a file for messages: its folder and its name."""
    return f"{path.parent.name}/{path.name}"
