"""No guideline's text ends the process that loads it, hangs it or fills its memory; what compiles goes with who asked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT

from reasoner import Guideline, GuidelineError
from reasoner.compiler import bounded
from reasoner.compiler.selection import default_folder

RIVER_COUGH = ROOT / "tests" / "guidelines" / "river_cough"
RECORD = {"id": "a", "fever": True, "pregnant": False}
NUMBERS = 'predicate(size(any), catalogue, "size {1}").\n'
ENDLESS = f"{NUMBERS}size(1..5000).\nin_scope :- size(X), size(Y), size(Z), X*Y*Z = -1.\n"

TIME = "compiling the guideline takes more than 3 s of processor time, because of this rule"
MEMORY = "compiling the guideline takes more than 160 MiB of memory, because of this rule"
GROWING = {
    "a fact with a billion of instances": (f"{NUMBERS}size(1..1000000000).", ":47: size((1..1000000000)).: ", MEMORY),
    "a term that nests itself": (f"{NUMBERS}size(s).\nsize(f(X,X)) :- size(X).", ":48: size(f(X,X)) :- size(X).: ", MEMORY),
    "a pool of millions of terms": (
        f"{NUMBERS}size(({','.join(['(1;2;3;4;5;6;7;8;9)'] * 8)})).",
        ":47: size(((1;2;3;4;5;6;7;8;9),(1;2;3;4",
        MEMORY,
    ),
    "a join that finds nothing in the time there is": (ENDLESS, ":48: in_scope :- ", TIME),
}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REASONER_CACHE", "off")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit what compiling takes, by a process whose coverage is not measured: measuring alone takes seconds."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REASONER_COMPILE_SECONDS", "3")
    monkeypatch.setenv("REASONER_COMPILE_MEMORY", "160")


def written(folder: Path, text: str = "") -> Path:
    """Write a guideline that has a text more."""
    copy = Path(shutil.copytree(RIVER_COUGH, folder))
    with (copy / "guideline.lp").open("a") as file:
        file.write(text)
    return copy


def answered(guideline: Guideline) -> list[str]:
    return [entry.regimen for entry in guideline.answer(RECORD).recommended]


def compiling() -> list[int]:
    return [worker.process.pid for worker in bounded.WORKERS]


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(processes: list[int]) -> bool:
    end = time.monotonic() + 10
    while any(map(is_alive, processes)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(is_alive, processes))


@pytest.mark.parametrize("name", GROWING)
def test_what_grows_beyond_all_limits_is_refused_with_the_rule_that_does(
    name: str, little: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, place, words = GROWING[name]
    if words == MEMORY:
        monkeypatch.setenv("REASONER_COMPILE_SECONDS", "60")
    with pytest.raises(GuidelineError) as refused:
        Guideline.load(written(tmp_path / "growing", text))
    message = str(refused.value)
    assert message.startswith(f"growing/guideline.lp{place}")
    assert words in message
    assert len(message) < 500
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]


def test_what_is_too_large_to_take_back_is_refused_with_the_rule_of_most_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "large", f"{NUMBERS}size(1..3000).\nin_scope :- size(X), has(fever), X > 0.\n")
    guideline = Guideline.load(folder)
    monkeypatch.setattr(bounded, "SHARE", 2**14)
    with pytest.raises(GuidelineError, match=r"^large/guideline.lp:48: in_scope: .* and this rule has 3,000 instances"):
        guideline.program(0)


@pytest.mark.parametrize(
    ("started", "message"),
    [
        (
            "from reasoner.compiler import worker\nimport os\nworker.perform = lambda *_: os.abort()\nworker.main()",
            r"^river_cough/guideline\.lp: clingo ends \(SIGABRT\): what it reads nests too deeply, or takes more than",
        ),
        ("sys.exit(5)", r" does not start to compile \(status 5\); REASONER_COMPILE_SECONDS=off compiles without"),
    ],
    ids=["in the middle of a guideline", "before it starts"],
)
def test_a_process_that_crashes_gives_one_message(started: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bounded, "START", bounded.START.replace("from reasoner.compiler.worker import main\nmain()", started))
        patch.setattr(bounded, "IDLE", [])
        with pytest.raises(GuidelineError, match=message):
            Guideline.load(RIVER_COUGH)
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1.5"])
def test_a_limit_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, allowed in (("REASONER_COMPILE_SECONDS", "seconds, or off"), ("REASONER_COMPILE_MEMORY", "MiB")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(GuidelineError, match=f'^{name}: "{value}" is no limit; give a whole number of {allowed}$'):
                Guideline.load(RIVER_COUGH)


def test_one_process_compiles_again_and_again_and_one_that_was_ended_is_replaced() -> None:
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]
    first = compiling()
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]
    assert compiling() == first
    for process in first:
        os.kill(process, signal.SIGKILL)
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]
    assert set(compiling()).isdisjoint(first)


def test_the_process_is_kept_however_much_memory_who_asks_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "IDLE", [])
    monkeypatch.setenv("REASONER_COMPILE_MEMORY", "1024")
    taken = b"\1" * (300 * bounded.MIB)
    Guideline.load(RIVER_COUGH)
    del taken
    kept = [worker.process.pid for worker in bounded.IDLE]
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]
    assert [worker.process.pid for worker in bounded.IDLE] == kept != []
    bounded.IDLE.pop().end()


def test_without_a_process_of_its_own_the_answer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiling()
    monkeypatch.setenv("REASONER_COMPILE_SECONDS", "off")
    bounded.here.cache_clear()
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]
    with pytest.raises(GuidelineError, match=r"no guideline\.lp there"):
        Guideline.load(ROOT)
    assert compiling() == before


def test_threads_compile_side_by_side(tmp_path: Path) -> None:
    folders = [written(tmp_path / f"g{n}", f'term(regimen, r{n}, "{n}").\nwithout_drugs(r{n}).\n') for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda folder: Guideline.load(folder).model.regimens, folders))
    assert found == [("oralin", f"r{n}") for n in range(6)]
    assert len(bounded.IDLE) <= bounded.WAITING


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_process_compiles_by_one_of_its_own() -> None:
    Guideline.load(RIVER_COUGH)
    before = compiling()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        inherited = compiling()
        own = answered(Guideline.load(RIVER_COUGH))
        os.write(writing, json.dumps([inherited, own, compiling()]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        inherited, own, processes = json.loads(pipe.read())
    assert os.waitpid(child, 0)[1] == 0
    assert inherited == []
    assert own == ["oralin"]
    assert len(processes) == 1
    assert set(processes).isdisjoint(before)
    assert gone(processes)
    assert answered(Guideline.load(RIVER_COUGH)) == ["oralin"]
    assert compiling() == before


LOADING = """
import sys, threading, time
from reasoner import Guideline
from reasoner.compiler import bounded

def tell():
    while not bounded.WORKERS:
        time.sleep(0.01)
    print(next(iter(bounded.WORKERS)).process.pid, flush=True)

threading.Thread(target=tell, daemon=True).start()
from reasoner.cli import main
sys.argv = ["reasoner", "recommend", "--guideline", sys.argv[1], "-"]
main()
"""


@pytest.fixture
def loading(tmp_path: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command that compiles a guideline without end, and the process that compiles."""
    command = [sys.executable, "-c", LOADING, str(written(tmp_path / "endless", ENDLESS))]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(json.dumps(RECORD))
        running.stdin.close()
        process = int(running.stdout.readline())
        try:
            time.sleep(1.5)
            assert running.poll() is None
            yield running, process
        finally:
            running.kill()


def test_an_interrupt_ends_command_and_compiling_at_once(loading: tuple[subprocess.Popen[str], int]) -> None:
    running, process = loading
    begin = time.monotonic()
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(10) == 130
    assert time.monotonic() - begin < 2
    assert running.stderr is not None
    assert running.stderr.read() == "Interrupted.\n"
    assert gone([process])


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_what_compiles_ends_with_who_asked(end: signal.Signals, loading: tuple[subprocess.Popen[str], int]) -> None:
    running, process = loading
    running.send_signal(end)
    assert running.wait(10) == -end
    assert gone([process])


def test_nothing_is_imported_from_the_working_directory(tmp_path: Path, environment: dict[str, str]) -> None:
    for name in ("json", "struct", "msgspec", "clingo", "networkx", "reasoner", "asp", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open('{tmp_path}/imported', 'a').write('{name}')\n")
    command = [sys.executable, "-P", "-m", "reasoner", "recommend", "--guideline", str(RIVER_COUGH), "-"]
    found = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        input=json.dumps(RECORD),
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert "oralin - standard" in found.stdout
    assert not (tmp_path / "imported").exists()


def test_what_is_kept_needs_no_process(tmp_path: Path, environment: dict[str, str]) -> None:
    code = (
        "import json, sys\nfrom reasoner import Guideline\n"
        "Guideline.load().answer(json.loads(sys.argv[1]))\nprint('reasoner.compiler.bounded' in sys.modules)"
    )
    kept = {**environment, "XDG_CACHE_HOME": str(tmp_path)}
    kept.pop("REASONER_CACHE", None)
    record = json.loads((default_folder() / "cases" / "second_line.json").read_text())["record"]
    runs = [
        subprocess.run([sys.executable, "-c", code, json.dumps(record)], env=kept, text=True, capture_output=True)
        for _ in range(2)
    ]
    assert [run.stdout for run in runs] == ["True\n", "False\n"]
    assert [run.stderr for run in runs] == ["", ""]


HARD = """
from clingo import Control
from reasoner.verification.patients import Patients

control = Control(["--warn=none"])
control.add("base", [], "1 { in(P,H) : H = 1..12 } 1 :- P = 1..13. :- in(P,H), in(Q,H), P < Q.")
control.ground()
print("asking", flush=True)
Patients(control, {}, (), None).ask([])
"""


def test_an_interrupt_ends_a_search_among_all_patients_at_once(environment: dict[str, str]) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HARD], env=environment, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "asking\n"
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        try:
            assert running.wait(3) == -signal.SIGINT
        finally:
            running.kill()
        assert running.stderr is not None
        assert running.stderr.read().endswith("KeyboardInterrupt\n")
