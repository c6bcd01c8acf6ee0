"""How a service is run: read from the command line, handed on to its worker processes through the environment."""

from __future__ import annotations

import os
from typing import Self

import msgspec

__all__ = ["Settings"]

VARIABLE = "REASONER_SERVE"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is run.

    `folder`, `layer` and `overlays` choose the guideline. `public_url` is where clients reach the service, without a slash
    at the end; where it is empty, each request says. `origins` are those that browsers may call from. `keys` is a file
    with a JWK Set; with it, CDS clients need a token, and `issuers` lists those that are trusted. `largest_body` is in
    bytes, `body_seconds` the time in which a request's head, and then its body, must have come, `answer_seconds` that in
    which it must be answered; `waiting` is how many long questions may wait in one process, `courses` the longest history
    that is answered. `scratch` is a folder that the processes of one service share, empty where there is only one.
    """

    folder: str | None = None
    layer: str = "curated"
    overlays: tuple[str, ...] = ()
    public_url: str = ""
    origins: tuple[str, ...] = ()
    keys: str | None = None
    issuers: tuple[str, ...] = ()
    largest_body: int = 16 * 2**20
    body_seconds: float = 10
    answer_seconds: float = 30
    waiting: int = 64
    courses: int = 20
    log_level: str = "info"
    scratch: str = ""

    def hand_on(self) -> None:
        """Leave the settings to the processes started from here on."""
        os.environ[VARIABLE] = msgspec.json.encode(self).decode()

    @classmethod
    def handed_on(cls) -> Self:
        """Read the settings that the process which started this one left."""
        return msgspec.json.decode(os.environ[VARIABLE], type=cls)
