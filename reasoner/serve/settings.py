"""How a service is run: from the command line through the environment to the worker processes."""

from __future__ import annotations

import os
from typing import Self

import msgspec

from reasoner.compiler.selection import Selection, default_folder

__all__ = ["Settings"]

VARIABLE = "REASONER_SERVE"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is run.

    `selection` chooses the guideline. `public_url` is where clients reach the service, without a final
    slash; where it is empty, each request's Host header says it. Browsers may call from `origins`. `keys` is a file with a
    JWK Set; with it, CDS clients need a token, of one of the `issuers` where these are given. `largest_body` is in bytes;
    `body_seconds` is the time in which a request's head, and then its body, must arrive, `answer_seconds` the time in which
    it must be answered. `waiting` is the number of long questions that may wait in one process, `courses` the longest
    history that is answered. What prefetch lacks is fetched from the FHIR servers `fhir_servers`, which may be in
    `fhir_networks` where these are not public, within `fetch_seconds`. `scratch` is a folder that the processes of a service
    share, empty where there is only one.
    """

    selection: Selection = msgspec.field(default_factory=lambda: Selection(default_folder()))
    public_url: str = ""
    origins: tuple[str, ...] = ()
    keys: str | None = None
    issuers: tuple[str, ...] = ()
    largest_body: int = 16 * 2**20
    body_seconds: float = 10
    answer_seconds: float = 30
    waiting: int = 64
    courses: int = 20
    fhir_servers: tuple[str, ...] = ()
    fhir_networks: tuple[str, ...] = ()
    fetch_seconds: float = 5
    log_level: str = "info"
    scratch: str = ""

    def export(self) -> None:
        """Put the settings into the environment of processes started from now on."""
        os.environ[VARIABLE] = msgspec.json.encode(self, enc_hook=str).decode()

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings that the parent process exported."""
        return msgspec.json.decode(os.environ[VARIABLE], type=cls, dec_hook=lambda kind, text: kind(text))
