"""The documentation as a reader follows it: each page's files are written and its commands run, in order, in one folder.

    python tests/pages.py            show where a page shows another output than the command prints
    python tests/pages.py --write    write the outputs anew

A block that begins with ```console holds commands, each after ``$ ``, and what they print; a line ``…`` stands for any
lines. A block after a line such as "`guideline.lp`:" is that file. `asp` is at hand as in a checkout.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md", "asp/README.md", "graphs/README.md", "reasoner/README.md", "reasoner/cohort/README.md",
    "reasoner/fhir/README.md", "reasoner/serve/README.md", "tests/README.md",
)  # fmt: skip
FENCE = re.compile(r"^```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(?P<name>[\w./-]+)`[^\n`]*:\n+$")
SESSION = re.compile(r"^\$ (?P<command>.*(?:\n> .*)*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)
ELIDED = "…"


class Block(NamedTuple):
    """A block of code of a page, with the name of the file that it is, if it is one."""

    kind: str
    body: str
    name: str | None
    start: int


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the blocks of code of a page."""
    for fence in FENCE.finditer(text):
        named = NAMED.search(text[: fence.start()])
        yield Block(fence["kind"], fence["body"], named["name"] if named else None, fence.start("body"))


def shell(folder: Path) -> dict[str, str]:
    """Make an environment in which `reasoner` is the one under test and nothing has colour or a terminal's width."""
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    for name in ("reasoner", "python"):
        program = programs / name
        run = f"{shlex.quote(sys.executable)} -m reasoner" if name == "reasoner" else shlex.quote(sys.executable)
        program.write_text(f'#!/bin/sh\nexec {run} "$@"\n')
        program.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("_REASONER", "COLUMNS", "FORCE_COLOR"))}
    return {**kept, "NO_COLOR": "1", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def prepare(folder: Path) -> None:
    """Lay out the folder in which a reader of a page works: a checkout's guidelines and graphs are at hand."""
    for name in ("asp", "tests", "README.md"):
        (folder / name).symlink_to(ROOT / name)


def write_file(block: Block, folder: Path) -> None:
    assert block.name is not None
    path = folder / block.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.body, "utf-8")


def run(command: str, folder: Path) -> str:
    """Run a command as a reader does; what it says on standard error counts too."""
    done = subprocess.run(
        ["bash", "-c", command.replace("\n> ", "\n")],
        cwd=folder, env=shell(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def matches(shown: str, printed: str) -> bool:
    """Tell whether an output is the one shown, a line of which may stand for any lines."""
    parts = [re.escape(part) for part in re.split(rf"^\s*{ELIDED}\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(parts), printed) is not None


def follow(page: str, folder: Path) -> Iterator[tuple[int, str, str, str]]:
    """Follow a page in a folder; yield each command with the place of its output, what is shown and what it prints."""
    prepare(folder)
    for block in blocks_of((ROOT / page).read_text("utf-8")):
        if block.kind == "console":
            for shown in SESSION.finditer(block.body):
                yield block.start + shown.start("output"), shown["command"], shown["output"], run(shown["command"], folder)
        elif block.name is not None:
            write_file(block, folder)


def main(write: bool) -> int:
    for page in PAGES:
        path, text, moved = ROOT / page, (ROOT / page).read_text("utf-8"), 0
        with tempfile.TemporaryDirectory() as folder:
            for start, command, shown, printed in list(follow(page, Path(folder))):
                if matches(shown, printed):
                    continue
                print(f"{page}: {command}")
                print(
                    "\n".join(
                        difflib.unified_diff(shown.splitlines(), printed.splitlines(), "shown", "printed", lineterm="")
                    )
                )
                if write and ELIDED not in shown:
                    at = start + moved
                    text = text[:at] + printed + text[at + len(shown) :]
                    moved += len(printed) - len(shown)
        if write:
            path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))
