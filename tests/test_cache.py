"""What is kept between runs: whatever happens to it, the answer is right, and nothing foreign is read or overwritten."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from reasoner import Guideline
from reasoner.compiler import compiled
from reasoner.compiler.cache import MONTH, Cache
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.compiler.selection import shared_folder
from reasoner.records.shapes import to_plain

RIVER_COUGH = ROOT / "tests" / "guidelines" / "river_cough"
RECORD = {"id": "a", "fever": True, "pregnant": False}
OVERLAY = "%* @overlay local\n{}\n*%\nsuppressed(oralin){}.\n"
KINDS = {"model": GuidelineModel, "courses-0": Program}


def answered(guideline: Guideline) -> object:
    return to_plain(guideline.answer(RECORD))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RIVER_COUGH, tmp_path / "guideline"))


@pytest.fixture
def expected(folder: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        patch.setenv("REASONER_CACHE", "off")
        return answered(Guideline.load(folder))


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def kept(base: Path, folder: Path, expected: object) -> dict[str, Path]:
    """The kept files of a guideline that answered once, by name."""
    assert answered(Guideline.load(folder)) == expected
    found = {path.stem.partition("-")[2]: path for path in (base / "guideline-reasoner").iterdir()}
    assert set(found) == set(KINDS)
    return found


def cache_of(path: Path) -> Cache:
    cache = Cache("")
    cache.key = path.name.partition("-")[0]
    return cache


def loaded(path: Path, name: str) -> object:
    return cache_of(path).load(name, KINDS[name])


def test_what_is_kept_is_found_again(kept: dict[str, Path]) -> None:
    for name, path in kept.items():
        assert isinstance(loaded(path, name), KINDS[name])
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", KINDS)
def test_no_flipped_bit_is_believed(name: str, kept: dict[str, Path], folder: Path, expected: object) -> None:
    path = kept[name]
    whole = path.read_bytes()
    rng = random.Random(7)
    for number, place in enumerate(rng.sample(range(8 * len(whole)), 300)):
        spoilt = bytearray(whole)
        spoilt[place // 8] ^= 1 << place % 8
        path.write_bytes(spoilt)
        assert loaded(path, name) is None
        if number < 5:
            assert answered(Guideline.load(folder)) == expected
            assert path.read_bytes() == whole


@pytest.mark.parametrize("length", [0, 33, -1, None])
def test_what_is_cut_off_or_goes_on_is_made_anew(
    length: int | None, kept: dict[str, Path], folder: Path, expected: object
) -> None:
    whole = {path: path.read_bytes() for path in kept.values()}
    for path, content in whole.items():
        path.write_bytes(content + b"\x00" if length is None else content[:length])
    assert answered(Guideline.load(folder)) == expected
    assert {path: path.read_bytes() for path in kept.values()} == whole


def test_a_file_kept_under_another_name_does_not_count(kept: dict[str, Path]) -> None:
    content = kept["model"].read_bytes()
    copy = kept["model"].with_name("0" * 32 + "-model.msgpack")
    copy.write_bytes(content)
    assert loaded(copy, "model") is None


def test_a_link_in_the_place_of_a_file_is_neither_followed_nor_written_through(
    kept: dict[str, Path], folder: Path, expected: object, tmp_path: Path
) -> None:
    for name, path in kept.items():
        victim = tmp_path / f"victim-{name}"
        path.rename(victim)
        content = victim.read_bytes()
        path.symlink_to(victim)
        assert loaded(path, name) is None
        assert answered(Guideline.load(folder)) == expected
        assert victim.read_bytes() == content
        assert not path.is_symlink()


def test_a_pipe_in_the_place_of_a_file_stops_nothing(kept: dict[str, Path], folder: Path, expected: object) -> None:
    for path in kept.values():
        path.unlink()
        os.mkfifo(path)
    assert answered(Guideline.load(folder)) == expected


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    base: Path, folder: Path, expected: object, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    base.mkdir()
    (base / "guideline-reasoner").symlink_to(elsewhere)
    assert answered(Guideline.load(folder)) == expected
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("mode", [0o720, 0o750, 0o701])
def test_a_folder_that_others_can_enter_is_left_alone(
    mode: int, kept: dict[str, Path], folder: Path, expected: object
) -> None:
    path = kept["model"]
    path.parent.chmod(mode)
    assert loaded(path, "model") is None
    path.unlink()
    assert answered(Guideline.load(folder)) == expected
    assert not path.exists()


def test_a_folder_of_somebody_else_is_left_alone(
    kept: dict[str, Path], folder: Path, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept["model"]
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    assert loaded(path, "model") is None
    path.unlink()
    assert answered(Guideline.load(folder)) == expected
    assert not path.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser can give files away")
def test_a_file_of_somebody_else_is_not_read(kept: dict[str, Path], folder: Path, expected: object) -> None:
    for name, path in kept.items():
        os.chown(path, 12345, -1)
        assert loaded(path, name) is None
        assert answered(Guideline.load(folder)) == expected
        assert path.stat().st_uid == os.getuid()
    os.chown(kept["model"].parent, 12345, -1)
    assert loaded(kept["model"], "model") is None


def test_a_full_disk_leaves_nothing_behind(base: Path, folder: Path, expected: object) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert answered(Guideline.load(folder)) == expected
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((base / "guideline-reasoner").iterdir()) == []


def test_where_no_folder_can_be_the_answer_is_the_same(
    folder: Path, expected: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    for name in (file, file / "below", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(name))
        assert answered(Guideline.load(folder)) == expected
    assert file.read_text() == "not a folder"
    assert not Path("relative").exists()


def test_nothing_is_kept_where_that_is_switched_off(
    base: Path, folder: Path, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REASONER_CACHE", "off")
    assert answered(Guideline.load(folder)) == expected
    assert not base.exists()


ANSWER = (
    "import json, sys\n"
    "from reasoner import Guideline\n"
    "from reasoner.records.shapes import to_plain\n"
    "answer = to_plain(Guideline.load(sys.argv[1]).answer(json.loads(sys.argv[2])))\n"
    "print(json.dumps([answer, 'clingo' in sys.modules]))\n"
)


def started(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ANSWER, folder, json.dumps(RECORD)], stdout=subprocess.PIPE)


def test_processes_at_once_do_not_disturb_each_other_and_the_next_needs_no_clingo(
    base: Path, folder: Path, expected: object
) -> None:
    processes = [started(folder) for _ in range(3)]
    found = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert [answer for answer, _ in found] == [expected] * 3
    assert all(path.suffix == ".msgpack" for path in (base / "guideline-reasoner").iterdir())
    assert json.loads(started(folder).communicate(timeout=120)[0]) == [expected, False]


def recommended(guideline: Guideline) -> list[str]:
    return [entry.regimen for entry in guideline.answer(RECORD).recommended]


def test_a_changed_file_counts_whatever_its_name(base: Path, folder: Path) -> None:
    with (folder / "guideline.lp").open("a") as master:
        master.write('#include "more/rules.txt".\n')
    (folder / "more").mkdir()
    included = folder / "more" / "rules.txt"
    included.write_text('#include "facts".\n')
    (folder / "more" / "facts").write_text("")
    before = Guideline.load(folder)
    assert recommended(before) == ["oralin"]
    included.with_name("facts").write_text(
        "%* @statement L9 [1] sha256:000000000000\nNo.\n*%\nsuppressed(oralin) :- in_scope.\n"
    )
    after = Guideline.load(folder)
    assert recommended(after) == []
    assert after.digest != before.digest


def test_a_changed_overlay_counts(base: Path, folder: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "local.lp"
    overlay.write_text(OVERLAY.format("Never.", ""))
    first = Guideline.load(folder, overlays=overlay)
    assert recommended(first) == []
    overlay.write_text(OVERLAY.format("In pregnancy.", " :- has(pregnant)"))
    second = Guideline.load(folder, overlays=overlay)
    assert recommended(second) == ["oralin"]
    assert len({first.digest, second.digest, Guideline.load(folder).digest}) == 3


def test_readings_that_come_and_go_count(base: Path, folder: Path) -> None:
    assert recommended(Guideline.load(folder)) == ["oralin"]
    (folder / "readings.lp").write_text("%* @reading R1\nNo.\n@reads L1\n*%\nsuppressed(oralin) :- in_scope.\n")
    assert recommended(Guideline.load(folder)) == []
    assert recommended(Guideline.load(folder, "literal")) == ["oralin"]
    (folder / "readings.lp").unlink()
    assert recommended(Guideline.load(folder)) == ["oralin"]


@pytest.mark.parametrize("changed", ["clingo", "python", "package"])
def test_another_version_does_not_read_what_this_one_kept(
    changed: str, kept: dict[str, Path], folder: Path, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if changed == "clingo":
        monkeypatch.setattr(compiled, "clingo_version", lambda: "clingo-99")
    elif changed == "python":
        monkeypatch.setattr(sys, "version", "99")
    else:
        monkeypatch.setattr(compiled, "__version__", "99")
    compiled.versions.cache_clear()
    try:
        assert answered(Guideline.load(folder)) == expected
    finally:
        compiled.versions.cache_clear()
    assert len(list(kept["model"].parent.iterdir())) == 4


def test_what_is_old_is_removed_and_nothing_that_is_not_ours(kept: dict[str, Path], folder: Path) -> None:
    place = kept["model"].parent
    old = [place / f"{'a' * 32}-model.msgpack", place / f"{'b' * 32}-courses-3.{'c' * 16}.partial"]
    pickles = [place / f"{'a' * 32}-model.pickle", place / f"{'a' * 32}-courses-0.4711"]
    others = [place / "notes.txt", place / f"{'d' * 32}-model.msgpack"]
    for path in (*old, *pickles, *others):
        path.write_text("x")
    for path in (*old, others[0]):
        os.utime(path, (0, time.time() - MONTH - 60))
    kept["courses-0"].unlink()
    Guideline.load(folder).program(0)
    assert not any(path.exists() for path in (*old, *pickles))
    assert all(path.exists() for path in (*others, *kept.values()))


def test_the_version_of_clingo_is_found_without_importing_it() -> None:
    import clingo

    assert f"clingo-{clingo.__version__}.dist-info" in compiled.clingo_version()


def test_the_same_overlay_in_two_folders_is_kept_twice_each_with_its_own_place(own_cache: None, tmp_path: Path) -> None:
    text = (shared_folder() / "overlays/formulary_without_tdxd.lp").read_text("utf-8")
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "local.lp").write_text(text)
        guideline = Guideline.load(overlays=tmp_path / name / "local.lp")
        assert guideline.model.annotations["formulary_without_tdxd"].place == f"{name}/local.lp:3"
