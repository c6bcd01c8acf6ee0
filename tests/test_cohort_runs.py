"""Runs on cohorts, whatever happens to the machine in between: killed, interrupted, out of space, mixed up."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cohorts import ALONE, cohort, files_of, make_cohort
from conftest import ROOT

COMMAND = [sys.executable, "-m", "reasoner", "cohort"]


def until(happened: Callable[[], object]) -> None:
    """Wait until something happens, a minute at most."""
    for _ in range(6_000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within a minute")


@contextlib.contextmanager
def started(*arguments: object, environment: dict[str, str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the command and its workers as a group of processes, none of which outlives the test."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            yield running
        finally:
            kill(running, whole=True)


def kill(running: subprocess.Popen[str], whole: bool) -> None:
    """Kill a command, and with `whole` its workers at the same time."""
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if whole else os.kill)(running.pid, signal.SIGKILL)


def answered(folder: Path) -> int:
    return len(list((folder / "answers").glob("part-*.parquet")))


def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(environment: dict[str, str], tmp_path: Path) -> None:
    make_cohort(7, 2_000).write_parquet(tmp_path / "in.parquet")
    options = ("in.parquet", "--rows", 20)
    assert cohort(*options, *ALONE, "-o", "whole", cwd=tmp_path).exit_code == 0
    output = tmp_path / "out"
    output.mkdir()
    (output / "run.json.1.partial").write_text("half")
    rng = random.Random(11)
    killed = 0
    for turn in range(6):
        resume = ("--resume",) if (output / "run.json").exists() else ()
        target = answered(output) + rng.randrange(4)
        arguments = (*options, "-o", "out", "--workers", 2, *resume)
        with started(*arguments, environment=environment, cwd=tmp_path) as running:
            until(lambda process=running, target=target: answered(output) > target or process.poll() is not None)
            time.sleep(rng.uniform(0, 0.02))
            killed += running.poll() is None
            kill(running, whole=bool(turn % 2))
            running.communicate()
        for path in output.rglob("part-*.parquet"):
            assert pl.read_parquet(path) is not None
    assert killed >= 4
    for name in ("run.json", "summary.json", "summary.html", "rejects.ndjson", "answers/part-00000.parquet"):
        (output / f"{name}.1.partial").write_text("half")
    done = cohort(*options, *ALONE, "-o", "out", "--resume", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    found, expected = files_of(output), files_of(tmp_path / "whole")
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


def test_another_run_is_never_mixed_in(cohort_run: Path, tmp_path: Path) -> None:
    overlay = ROOT / "asp/overlays/formulary_without_tdxd.lp"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    (tmp_path / "file").write_text("")
    for arguments, message in (
        (("out", "--rows", 300), "already holds a run; continue it with --resume"),
        (
            ("out", "--rows", 300, "--resume", "--overlay", overlay),
            "differs in the guideline, its layer, its overlays or its readings, the files",
        ),
        (
            ("out", "--rows", 300, "--resume", "--reading", "R5=b"),
            "differs in the guideline, its layer, its overlays or its readings;",
        ),
        (("out", "--rows", 300, "--resume", "--empty-is-unknown"), "differs in --empty-is-unknown;"),
        (("out", "--rows", 299, "--resume"), "holds a run that differs in how it is divided into parts (--rows);"),
        ((tmp_path / "full",), "is neither empty nor holds a run"),
        ((tmp_path / "file/out",), "cannot be written: Not a directory"),
        ((tmp_path / "file",), "is a file; give a folder"),
        (("new", "--scheduler", "tcp://127.0.0.1:1"), "--scheduler requires --engine dask"),
        (("new", "--scheduler", "nonsense", "--engine", "dask"), "--scheduler nonsense: no Dask scheduler answers"),
    ):
        before = files_of(cohort_run / "out")
        done = cohort("in.ndjson", "-o", *arguments, cwd=cohort_run)
        assert (done.exit_code, done.stdout) == (2, ""), done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert files_of(cohort_run / "out") == before
        assert not (cohort_run / "new").exists()
    done = cohort("in.ndjson", "-o", "out", "--rows", 300, "--resume", cwd=cohort_run)
    assert done.exit_code == 0
    for arguments, message in (
        (("explain", "out", "nobody"), "no patient and no explanation has the id nobody"),
        (("explain", "nowhere", "r1"), "holds no answers of a cohort"),
        (("diff", "out", "nowhere"), "holds no answers of a cohort"),
    ):
        done = cohort(*arguments, cwd=cohort_run)
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr


def test_a_terminal_shows_how_far_a_run_is_and_how_fast(environment: dict[str, str], tmp_path: Path) -> None:
    make_cohort(8, 600).write_parquet(tmp_path / "in.parquet")
    command = [*COMMAND, "in.parquet", "-o", "out", "--rows", "25", "--workers", "1"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=theirs) as running:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):
            while read := os.read(ours, 65536):
                said += read
    os.close(ours)
    assert running.returncode == 0
    assert re.search(rb"rows .* 300/600 .*[\d,]+ per second, 0 rejected", said), said.decode()


def test_a_run_keeps_others_away_and_says_how_to_continue_when_it_is_interrupted(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """It is stopped while others look, so that it cannot end before they do; then the whole group is interrupted."""
    make_cohort(8, 1_800).write_parquet(tmp_path / "in.parquet")
    options, output = ("in.parquet", "--rows", 30), tmp_path / "out"
    with started(*options, "-o", "out", "--workers", 2, environment=environment, cwd=tmp_path) as running:
        until(lambda: answered(output) >= 3)
        os.killpg(running.pid, signal.SIGSTOP)
        done = cohort(*options, "-o", "out", "--resume", *ALONE, cwd=tmp_path)
        assert (done.exit_code, "out: another run is writing to it" in done.stderr) == (2, True), done.stderr
        os.killpg(running.pid, signal.SIGINT)
        os.killpg(running.pid, signal.SIGCONT)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "interrupted; --resume continues out\n")
    (output / "answers/part-00001.parquet").write_bytes(b"")
    done = cohort("explain", "out", "p000000000", cwd=tmp_path)
    assert (done.exit_code, "out: the run is not complete" in done.stderr) == (2, True)
    done = cohort(*options, *ALONE, "--resume", "-o", "out", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert cohort(*options, *ALONE, "-o", "whole", cwd=tmp_path).exit_code == 0
    assert files_of(output) == files_of(tmp_path / "whole")
    (output / "answers/part-00001.parquet").write_bytes(b"")
    done = cohort("explain", "out", "p000000000", cwd=tmp_path)
    assert (done.exit_code, "a table of answers is damaged" in done.stderr) == (2, True)
    done = cohort("expalin", "out", "p000000000", cwd=tmp_path)
    assert (done.exit_code, 'did you mean "explain"?' in done.stderr) == (2, True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for very little, where one can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here: it takes the superuser")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    small_disk: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    make_cohort(9, 4_000).write_parquet(tmp_path / "in.parquet")
    options = ("in.parquet", "-o", small_disk / "out", "--rows", 400, "--workers", 2)
    with started(*options, environment=environment, cwd=tmp_path) as running:
        _, said = running.communicate(timeout=60)
    assert (running.returncode, "cannot be written: No space left on device" in said) == (2, True), said
    assert "Traceback" not in said
    for path in (small_disk / "out").rglob("*"):
        assert path.is_dir() or path.suffix in (".parquet", ".json", ".npy", ".lp"), path
        if path.suffix == ".parquet":
            pl.read_parquet(path)
        if path.suffix == ".npy":
            assert len(np.load(path))


def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    make_cohort(9, 10).write_parquet(tmp_path / "in.parquet")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", locked], capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip("the superuser writes everywhere, and no read-only disk can be mounted here")
    done = cohort("in.parquet", "-o", locked / "out", cwd=tmp_path)
    subprocess.run(["umount", locked], capture_output=True, check=False)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot be written: " in done.stderr


def test_dask_survives_a_worker_that_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    make_cohort(8, 1_800).write_parquet(tmp_path / "in.parquet")
    options = ("in.parquet", "--rows", 30)
    assert cohort(*options, *ALONE, "-o", "whole", cwd=tmp_path).exit_code == 0

    def dask(kind: str, *arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *map(str, arguments)]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=quiet, stderr=quiet)

    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", "scheduler.json")
    workers = []
    try:
        about = tmp_path / "scheduler.json"
        until(lambda: about.exists() and about.read_text())
        address = json.loads(about.read_text())["address"]
        workers = [dask("worker", address, "--nthreads", 1, "--no-nanny") for _ in range(2)]
        engine = ("--engine", "dask", "--scheduler", address)
        with started(*options, "-o", "out", *engine, environment=environment, cwd=tmp_path) as running:
            until(lambda: answered(tmp_path / "out") >= 3 or running.poll() is not None)
            workers[0].kill()
            _, said = running.communicate(timeout=120)
        assert running.returncode == 0, said
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
    tables = [
        {name: content for name, content in files_of(tmp_path / output).items() if name.endswith(".parquet")}
        for output in ("out", "whole")
    ]
    assert tables[0] == tables[1]
