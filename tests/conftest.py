from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from records import random_record
from sample_graphs import make_sample_graphs

from graphs.graph import ExplanationGraph
from reasoner import Guideline, RecordError

settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> Iterator[None]:
    """Let interrupts reach what tests start, even where the tests run in the background, to which a shell sends none."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled guidelines of the tests apart from the user's; let what tests start keep its bytecode, as usual.

    Workers that share the tests share what is compiled as well.
    """
    folder = tmp_path_factory.getbasetemp()
    cache = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "cache"
    cache.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setattr(sys, "dont_write_bytecode", False)
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.delenv("REASONER_CACHE", raising=False)
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


@pytest.fixture(scope="session")
def curated(own_cache: None) -> Guideline:
    return Guideline.load()


@pytest.fixture(scope="session")
def literal(own_cache: None) -> Guideline:
    return Guideline.load(layer="literal")


@pytest.fixture(scope="session")
def environment(own_cache: None) -> dict[str, str]:
    """The environment for commands started by tests: no colour, no width of a terminal."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("_REASONER", "COLUMNS", "FORCE_COLOR"))}
    return {**kept, "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def cohort_records(curated: Guideline) -> list[dict[str, Any]]:
    """Records as registries have them, and random ones of every kind that can be answered."""
    from cohorts import make_cohort, record_of

    made = [record_of(row) for row in make_cohort(1, 400, unknown=0.15).to_dicts()]
    rng = random.Random(3)
    for _ in range(800):
        record = random_record(rng, curated, rng.choice([0.0, 0.1, 0.3]))
        try:
            curated.record(record)
        except RecordError:
            continue
        made.append({**record, "id": f"r{len(made)}"})
    return made


@pytest.fixture(scope="session")
def cohort_run(
    cohort_records: list[dict[str, Any]], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with these records, in.ndjson, and a run on them by several processes, out."""
    found = tmp_path_factory.mktemp("cohort")
    (found / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in cohort_records))
    command = [sys.executable, "-m", "reasoner", "cohort", "in.ndjson", "-o", "out", "--rows", "300", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=found, env=environment, check=False)
    assert (done.returncode, "answered" in done.stdout) == (0, True), done.stderr
    return found


@pytest.fixture(scope="session")
def sample_graphs(curated: Guideline) -> dict[str, ExplanationGraph]:
    return make_sample_graphs(curated)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The Chromium of the system, driven by playwright; where it is missing, tests are skipped and say how to install it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives Chromium: pip install playwright")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium shows it: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
