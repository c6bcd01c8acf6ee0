"""Write files whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from reasoner.errors import ReasonerError

__all__ = ["UNFINISHED", "write_whole"]

UNFINISHED = ".*.partial"
"""What follows the name of a file that was being written when the process was killed, as a pattern."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it.

    Raises ReasonerError where it cannot be written; what stood there before then still stands.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise ReasonerError(f"{path}: cannot be written: {error.strerror}") from None
