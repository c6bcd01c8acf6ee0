"""The service without a server: its application asked in this process, and the command line beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import Any, TypeVar

import httpx
import pytest
from click.testing import CliRunner

from reasoner.cli import cli
from reasoner.records.record import Record
from reasoner.serve.api import Asked, Asker
from reasoner.serve.app import application
from reasoner.serve.settings import Settings

Result = TypeVar("Result")


class Client:
    """Asks an application; its event loop runs in a thread, so that several threads can ask at once."""

    def __init__(self, settings: Settings) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.client = self.await_(self.start(settings))

    async def start(self, settings: Settings) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(application(settings), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60)

    def await_(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.await_(self.client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def close(self) -> None:
        self.await_(self.client.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@contextmanager
def asking(settings: Settings) -> Iterator[Client]:
    """Start an application and give a client for it; its errors come back as answers."""
    client = Client(settings)
    yield client
    client.close()


def command(*arguments: str | Path) -> bytes:
    """Run a command that has no complaint, and give what it prints; it may have found something."""
    done = CliRunner().invoke(cli, [*map(str, arguments)])
    assert (done.exit_code in (0, 1), done.stderr) == (True, "")
    return done.stdout_bytes


class Gate:
    """Holds every question to the API whose record is being read, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrivals, self.opened = Semaphore(0), Event()
        read = Asker.record

        def held(asker: Asker, asked: Asked) -> Record:
            self.arrivals.release()
            assert self.opened.wait(60)
            return read(asker, asked)

        monkeypatch.setattr(Asker, "record", held)

    def await_questions(self, count: int) -> None:
        assert all(self.arrivals.acquire(timeout=60) for _ in range(count))
