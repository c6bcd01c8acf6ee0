"""What was worked out is kept for a while, so that it is not worked out again."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Kept"]

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Keeps at most `most` values by keys, the newest ones, none longer than `seconds`; threads can share it."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self.values: OrderedDict[bytes, tuple[float, Value]] = OrderedDict()
        self.lock = Lock()

    def get(self, key: bytes) -> Value | None:
        """Give the value kept for a key, if any."""
        with self.lock:
            now = time.monotonic()
            while self.values and next(iter(self.values.values()))[0] < now:
                self.values.popitem(last=False)
            found = self.values.get(key)
            return None if found is None else found[1]

    def put(self, key: bytes, value: Value) -> Value:
        """Keep a value; the oldest goes where there are too many."""
        with self.lock:
            self.values[key] = time.monotonic() + self.seconds, value
            if len(self.values) > self.most:
                self.values.popitem(last=False)
        return value
