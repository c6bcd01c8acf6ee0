"""Every command and every output of the README, run."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from running import serving

README = (ROOT / "README.md").read_text("utf-8")
SHOWN = re.findall(r"^```console\n\$ (.*)\n((?:.*\n)*?)```$", README, re.MULTILINE)


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment in which `reasoner` is the one under test."""
    command = tmp_path / "reasoner"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reasoner "$@"\n')
    command.chmod(0o755)
    return {**environment, "PATH": f"{tmp_path}{os.pathsep}{environment['PATH']}"}


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_a_command_prints_what_is_shown(command: str, output: str, shell: dict[str, str]) -> None:
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=shell, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == output


def test_the_questions_to_the_service_are_answered(shell: dict[str, str], tmp_path: Path) -> None:
    shown = next(
        annotation
        for annotation in re.findall(r"^```sh\n(.*?)```$", README, re.MULTILINE | re.DOTALL)
        if "curl" in annotation
    )
    with serving(tmp_path) as running:
        asked = shown.replace("http://127.0.0.1:8000", running.url).replace(
            "curl --silent", "curl --silent --show-error --fail"
        )
        facts = "reasoner example fhir_bundle > record.json && ask facts"
        script = asked.replace("ask facts ", f"{facts} ").replace('cd "$(mktemp -d)"', f'cd "{tmp_path}"')
        done = subprocess.run(["bash", "-euc", script], env=shell, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    found = re.findall(r'"schema": "reasoner\.(\w+)/1"', done.stdout)
    assert set(found) == {"answer", "why", "what_if", "ask", "pathway", "facts", "findings"}
    assert '"openapi":"3.1.0"' in done.stdout
    assert (tmp_path / "graph.svg").read_text().startswith("<?xml")


def test_the_first_set_up_line_ends_in_the_first_command_shown() -> None:
    first = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)[0]
    assert first.rpartition(" && ")[2].replace(".venv/bin/", "") == SHOWN[0][0]


def test_the_python_examples_do_what_is_shown(own_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.DocTestParser().get_doctest(README, {}, "README", "README.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.examples
    assert runner.run(found).failed == 0


def test_the_rule_shown_is_the_rule_that_ships() -> None:
    shown = re.search(r"^```\n%\* @statement L17.*?\*%\n(.*?)```$", README, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[1] in (ROOT / "asp/her2_mbc/second_line.lp").read_text("utf-8")


def test_the_clingo_line_names_files_that_exist() -> None:
    line = next(line for line in README.splitlines() if line.startswith("clingo "))
    for name in line.split()[1:-2]:
        assert (ROOT / name).is_file()
