"""Start the service."""

from __future__ import annotations

import math
import os
import socket
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from reasoner.errors import ReasonerError
from reasoner.serve.ehr import FhirServers
from reasoner.serve.log import logging_config
from reasoner.serve.settings import Settings
from reasoner.serve.tokens import TokenVerifier

__all__ = ["free_address", "run"]

CONNECTIONS = 16_384


def run(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until a signal ends it; requests under way are answered first.

    Raises ReasonerError where the file of keys or a FHIR server cannot be used, or the address not listened on.
    """
    address = free_address(host, port)
    if settings.keys is not None:
        TokenVerifier(Path(settings.keys), settings.issuers, "")
    FhirServers(settings.fhir_servers, settings.fhir_networks, settings.fetch_seconds)
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with TemporaryDirectory(prefix="reasoner-serve-") as scratch:
        counts = Path(scratch) / "counts"
        counts.mkdir()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(counts)
        msgspec.structs.replace(settings, scratch=scratch).export()
        Granian(
            "reasoner.serve.app:worker",
            factory=True,
            interface=Interfaces.ASGI,
            address=address,
            port=port,
            workers=workers,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=math.ceil(settings.body_seconds * 1000)),
            websockets=False,
            backlog=2048,
            backpressure=CONNECTIONS,
            respawn_failed_workers=True,
            workers_kill_timeout=int(settings.body_seconds + settings.answer_seconds) + 5,
            log_level=LogLevels(settings.log_level),
            log_dictconfig=logging_config(settings.log_level),
        ).serve()


def free_address(host: str, port: int) -> str:
    """Find the address of a host, and check that nothing listens there: two services would silently share the port.

    Raises ReasonerError where it cannot be listened on.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise ReasonerError(
            f"--host {host} --port {port}: cannot listen there: {error.strerror}; "
            "give an address of this machine and a free port"
        ) from None
    return str(address[0])
