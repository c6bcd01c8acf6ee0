from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from reasoner import Guideline

settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled guidelines of the tests apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
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
