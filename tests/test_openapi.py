"""The OpenAPI document, held against whatever schemathesis sends to a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from running import serving


@pytest.mark.parametrize(
    ("guideline", "left_out", "phases"),
    [
        ((), ("/api/pathway", "/api/ask"), "fuzzing"),
        (("--guideline", ROOT / "tests/guidelines/river_cough"), (), "examples,coverage,fuzzing,stateful"),
    ],
    ids=["all that is quick", "all of a small guideline"],
)
def test_the_openapi_document_holds_for_whatever_is_sent(
    guideline: tuple[str | Path, ...], left_out: tuple[str, ...], phases: str, own_cache: None, tmp_path: Path
) -> None:
    with serving(tmp_path, "--answer-timeout", "120", *guideline) as service:
        document = service.client.get("/openapi.json").json()
        assert document["openapi"].startswith("3.1")
        checks = (
            "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
            "response_schema_conformance", "unsupported_method",
        )  # fmt: skip
        arguments = ["run", f"{service.url}/openapi.json", "--max-examples", "12", "--request-timeout", "150", "--seed", "7"]
        arguments += ["--phases", phases]
        arguments += ["--no-color", "--checks", ",".join(checks)]
        arguments += [word for path in left_out for word in ("--exclude-path", path)]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", *arguments], capture_output=True, text=True, timeout=550, check=False
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
