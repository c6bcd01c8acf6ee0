"""Logs as lines of JSON, without anything about a patient."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime

import msgspec

__all__ = ["JsonLines", "logging_config"]


class JsonLines(logging.Formatter):
    """Writes a log record as one line of JSON; of an exception only its type and place, never its message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["at"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(record.exc_info[2])]
        return msgspec.json.encode(line).decode()


def logging_config(level: str) -> dict[str, object]:
    """Give the configuration of logging, for this package and the server."""
    lines = {"level": level.upper(), "handlers": ["lines"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "reasoner.serve.log.JsonLines"}},
        "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {"reasoner.serve": lines, "_granian": lines, "asyncio": lines},
    }
