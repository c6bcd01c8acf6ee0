"""The Chromium of the system, driven by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the browser; where it is missing the test is skipped, and says how to install it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives Chromium: pip install playwright")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium shows it: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
