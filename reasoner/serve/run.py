"""Start the service."""

from __future__ import annotations

import uvicorn

from reasoner.serve.settings import Settings

__all__ = ["run"]


def run(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until a signal ends it; requests that are being answered are answered first."""
    settings.hand_on()
    uvicorn.run(
        "reasoner.serve.app:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
    )
