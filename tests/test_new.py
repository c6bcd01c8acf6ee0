"""reasoner new: a guideline to start from, written into an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import ROOT

from reasoner import Guideline
from reasoner.cli import cli
from reasoner.verification.check import check
from reasoner.verification.coverage import cover


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture(scope="module")
def made(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "deep/own"
    done = run("new", folder)
    assert (done.exit_code, done.stderr) == (0, "")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {str(path) for path in files} == set(done.stdout.splitlines()[: len(files)])
    return folder


def test_what_is_written_passes_its_tests_in_full(made: Path) -> None:
    done = run("test", "--guideline", made)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "3 cases, all as expected." in done.stdout


def test_what_is_written_checks_clean_but_for_what_it_leaves_out_on_purpose(made: Path) -> None:
    guideline = Guideline.load(made)
    assert guideline.warnings == ()
    assert [(found.kind, found.severity, found.statements) for found in check(guideline).findings] == [
        ("unformalised", "info", ("L9",))
    ]


def test_each_rule_of_what_is_written_has_a_case_and_its_text_is_encoded_as_it_is(made: Path) -> None:
    found = cover(Guideline.load(made), made / "source.txt")
    assert [own.message for own in found.findings if own.severity != "info"] == []
    assert {entry.state for entry in found.statements or () if entry.kind == "statement"} == {"same"}


def test_plain_clingo_reads_what_is_written(made: Path, tmp_path: Path) -> None:
    record = Guideline.load(made).record({"id": "p1", "confirmed": True, "confusion": True})
    (tmp_path / "p1.lp").write_text(record.facts)
    files = [ROOT / "asp/core/core.lp", made / "guideline.lp", made / "readings.lp", tmp_path / "p1.lp"]
    done = subprocess.run(
        [sys.executable, "-m", "clingo", *map(str, files), "0"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert "error" not in done.stderr
    assert re.search(r"^SATISFIABLE$", done.stdout, re.MULTILINE)
    assert "setting(hospital)" in done.stdout


def test_nothing_is_written_over(made: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    done = run("new", made)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: {made}: not empty; name a folder that does not exist yet, or an empty one\n"
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before
    (tmp_path / "file").touch()
    assert "a file; name a folder" in run("new", tmp_path / "file").stderr
    assert "cannot be written" in run("new", tmp_path / "file/inside").stderr
    (tmp_path / "empty").mkdir()
    assert run("new", tmp_path / "empty").exit_code == 0
