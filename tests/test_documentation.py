"""Every file, command and output of the documentation, followed as a reader would."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from conftest import ROOT
from pages import PAGES, blocks_of, follow, matches

README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_following_a_page_prints_what_it_shows(page: str, own_cache: None, tmp_path: Path) -> None:
    for _, command, shown, printed in follow(page, tmp_path):
        if not matches(shown, printed):
            assert (command, shown) == (command, printed)


@pytest.mark.parametrize("page", PAGES)
def test_the_python_examples_do_what_is_shown(page: str, own_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = "\n".join(block.body for block in blocks_of((ROOT / page).read_text("utf-8")) if ">>>" in block.body)
    found = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(found).failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_points_to_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", text):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            known = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor[1:] in known, (target, anchor)


def test_the_first_page_is_short_and_its_first_line_runs_the_first_command_shown() -> None:
    assert len(README.splitlines()) <= 200
    lines = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(lines) == 2
    shown = re.findall(r"^\$ (.*)$", README, re.MULTILINE)[0]
    assert lines[0].rpartition(" && ")[2].replace(".venv/bin/", "") == shown


def test_no_line_of_a_page_is_wider_than_a_reader_likes() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        assert [line for line in prose.splitlines() if len(line) > 160 and not line.startswith("|")] == [], page


def test_every_command_is_in_the_table_of_the_first_page() -> None:
    from reasoner.cli import cli

    for name in cli.commands:
        assert f"`reasoner {name}" in README, name
