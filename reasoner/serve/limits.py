"""What a request may cost: the size of its body, the time that this takes to arrive, the time to answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from starlette.requests import Request

from reasoner.serve.problems import RefusedError

__all__ = ["QuestionPool", "body_of"]

Result = TypeVar("Result")
AT_ONCE = 2
LONGEST_LENGTH = 15
BUSY = {"Retry-After": "2"}


async def body_of(request: Request, largest: int, seconds: float) -> bytes:
    """Read a request's body.

    Raises RefusedError where it is larger than `largest` bytes, does not arrive within `seconds`, or is cut off.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > LONGEST_LENGTH or int(length) > largest):
        raise too_large(largest)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(400, "the body was cut off")
                part = message.get("body", b"")
                size += len(part)
                if size > largest:
                    raise too_large(largest)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise RefusedError(
            408, f"the body did not arrive within {seconds:g} seconds", headers={"Connection": "close"}
        ) from None


def too_large(largest: int) -> RefusedError:
    return RefusedError(413, f"the body is larger than {largest} bytes", headers={"Connection": "close"})


class QuestionPool:
    """Answers long questions in threads beside the event loop, a few at once; a limited number of others waits.

    A question that takes too long is given up for its client; its thread goes on until it is done.
    """

    def __init__(self, waiting: int, seconds: float, at_once: int = AT_ONCE) -> None:
        self.threads = ThreadPoolExecutor(at_once, "question")
        self.places = BoundedSemaphore(waiting + at_once)
        self.seconds = seconds

    async def run(self, question: Callable[[], Result]) -> Result:
        """Answer a question.

        Raises RefusedError where too many wait, or where it takes too long.
        """
        return await self.result(self.start(question))

    def start(self, question: Callable[[], Result]) -> Future[Result]:
        """Begin to answer a question; raises RefusedError where too many wait."""
        if not self.places.acquire(blocking=False):
            raise RefusedError(503, "too many questions are waiting; try again", headers=BUSY)
        future = self.threads.submit(question)
        future.add_done_callback(lambda _: self.places.release())
        return future

    async def result(self, future: Future[Result]) -> Result:
        """Wait for an answer; raises RefusedError where it takes too long."""
        waiting = asyncio.wrap_future(future)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait([waiting], timeout=self.seconds)
        if not done:
            raise RefusedError(503, f"not answered within {self.seconds:g} seconds", headers=BUSY)
        return waiting.result()
