"""The files of cases: which there are, and one rewritten with what is expected from now on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reasoner.errors import RecordError
from reasoner.records.case import Case, read_case

__all__ = ["read_cases", "rewritten"]

SPACE = re.compile(r"[ \t\n\r]*")
INDENT = re.compile(r"\{\r?\n([ \t]+)")


def read_cases(paths: Sequence[Path]) -> list[Case]:
    """Read the cases of files and folders, each file once.

    Raises RecordError, naming the file, for what is no case, a folder without any, and two cases of one title.
    """
    files = dict.fromkeys(file for path in paths for file in files_of(path))
    cases = [read_case(file) for file in files]
    titles: dict[str, Case] = {}
    for case in cases:
        first = titles.setdefault(case.title, case)
        if first is not case:
            raise RecordError(f'{case.path}: {first.path} has the title "{case.title}", too; give each case its own')
    return cases


def files_of(path: Path) -> list[Path]:
    if path.suffix == ".json" or path.is_file():
        return [path]
    found = sorted(path.glob("*.json"))
    if not found:
        raise RecordError(f"{path}: no cases there; a case is a .json file with a title, a record and what is expected")
    return found


def rewritten(text: str, expected: Mapping[str, Any]) -> str:
    """Put what is expected into the text of a case's file, and leave all else of it as it is.

    It is written over several lines, indented as the file is, where it stood so before, or held nothing.
    """
    start, end = next((start, end) for key, start, end in members(text) if key == "expected")
    before = text[start:end]
    indent = found[1] if (found := INDENT.match(text)) else None
    if indent is None or ("\n" not in before and json.loads(before)):
        written = json.dumps(expected, ensure_ascii=False)
    else:
        written = json.dumps(expected, indent=indent, ensure_ascii=False).replace("\n", f"\n{indent}")
    return text[:start] + written + text[end:]


def members(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the keys of a text that is a JSON object, each with where its value begins and ends."""
    decoder, position = json.JSONDecoder(), SPACE.match(text).end() + 1  # type: ignore[union-attr]
    while text[position := skipped(text, position)] != "}":
        key, position = decoder.raw_decode(text, position)
        start = skipped(text, skipped(text, position) + 1)
        _, position = decoder.raw_decode(text, start)
        yield key, start, position
        position = skipped(text, position)
        position += text[position] == ","


def skipped(text: str, position: int) -> int:
    """Give the first position from this one on that is no white space."""
    return SPACE.match(text, position).end()  # type: ignore[union-attr]
