"""Keep compiled guidelines between runs, so that a short run does not ground them anew.

What is kept is data, with a checksum: nothing that is read is run. It is kept under a key that holds all that it was made
from, so that a changed file is never answered from an old copy. The folder is the user's own cache (``XDG_CACHE_HOME``,
else ``~/.cache``); it must belong to the user alone, or else nothing is kept. What is a month old is removed. Set
``REASONER_CACHE=off`` to keep nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cache"]

Kept = TypeVar("Kept")

MONTH = 30 * 24 * 3600
LARGEST = 2**30
OURS = r"[0-9a-f]{32}-[a-z]+(-[a-z]+)?(-\d+)?\.(msgpack|[0-9a-f]{16}\.partial)"
OLD = r"[0-9a-f]{32}-[a-z]+(-\d+)?\.(pickle|\d+)"
"""What versions before this one kept, and the remains of it."""


class Cache:
    """What is kept of one guideline, under a key that holds all that it is made from."""

    def __init__(self, key: str) -> None:
        self.key = hashlib.sha256(key.encode()).hexdigest()[:32]

    def load(self, name: str, kind: type[Kept]) -> Kept | None:
        """Load what is kept under a name; None where there is nothing, or nothing that can be trusted."""
        with suppress(OSError, msgspec.DecodeError), own_folder() as folder:
            if folder is not None:
                checksum, content = divide(read_own(self.file(name), folder))
                if checksum == self.checksum(name, content):
                    return msgspec.msgpack.decode(content, type=kind)
        return None

    def save(self, name: str, content: bytes) -> None:
        """Keep a value, encoded, under a name, where that is possible."""
        with suppress(OSError), own_folder(create=True) as folder:
            if folder is not None:
                write_own(self.file(name), self.checksum(name, content) + content, folder)
                forget(folder)

    def file(self, name: str) -> str:
        return f"{self.key}-{name}.msgpack"

    def checksum(self, name: str, content: bytes) -> bytes:
        """Digest a content together with what it is kept as: a copy under another name does not count."""
        return hashlib.sha256(self.file(name).encode() + b"\0" + content).digest()


def divide(data: bytes) -> tuple[bytes, bytes]:
    """Divide what a file holds into checksum and content."""
    size = hashlib.sha256().digest_size
    return data[:size], data[size:]


@contextmanager
def own_folder(create: bool = False) -> Iterator[int | None]:
    """Open the folder to keep compiled guidelines in; None where there is none that belongs to this user alone."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    off = os.environ.get("REASONER_CACHE") == "off"
    if off or not os.path.isabs(base) or not hasattr(os, "getuid") or os.open not in os.supports_dir_fd:
        yield None
        return
    path = Path(base) / "guideline-reasoner"
    if create:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(folder)
        yield folder if found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077 else None
    finally:
        os.close(folder)


def read_own(name: str, folder: int) -> bytes:
    """Read a regular file of this user's in an open folder; raises OSError for any other."""
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(file, "rb") as stream:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_size > LARGEST:
            raise OSError
        return stream.read()


def write_own(name: str, content: bytes, folder: int) -> None:
    """Write a file in an open folder so that nobody ever sees a part of it, and nothing foreign is written to."""
    scratch = f"{name.removesuffix('.msgpack')}.{os.urandom(8).hex()}.partial"
    file = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
        os.replace(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(scratch, dir_fd=folder)
        raise


def forget(folder: int) -> None:
    """Remove what was kept more than a month ago, and what only older versions can read."""
    oldest = time.time() - MONTH
    for name in os.listdir(folder):
        with suppress(OSError):
            if re.fullmatch(OLD, name) or (
                re.fullmatch(OURS, name) and os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < oldest
            ):
                os.unlink(name, dir_fd=folder)
