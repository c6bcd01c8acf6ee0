"""A service that really runs, in processes of its own on the loopback, and what it says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

TOOL = [sys.executable, "-m", "reasoner", "serve"]


class Running:
    """A running service: a client for it, its process, and the lines that it logged."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def connect(self, seconds: float = 30) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


@contextmanager
def serving(folder: Path, *options: str | Path) -> Iterator[Running]:
    """Start ``reasoner serve`` and wait until it is ready; stop it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / f"{port}.log"
    environment = {key: value for key, value in os.environ.items() if key != "PROMETHEUS_MULTIPROC_DIR"}
    with log.open("wb") as stream:
        process = subprocess.Popen([*TOOL, "--port", str(port), *map(str, options)], stderr=stream, env=environment)
    service = Running(process, port, log)
    try:
        for _ in range(600):
            try:
                if service.client.get("/ready").status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            raise AssertionError(f"not ready: {log.read_text()}")
        yield service
    finally:
        service.client.close()
        if process.poll() is None:
            service.stop()
