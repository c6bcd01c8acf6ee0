"""Record the expected answers of the shipped guideline's cases anew, and show what changed.

    python tests/record_cases.py                    show what would change
    python tests/record_cases.py --write            write it
    python tests/record_cases.py --guideline DIR    the cases of another guideline

Read every line of the difference before you commit it: an expectation is right because somebody checked it, not because it
is what the program says.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

from reasoner import Guideline, ReasonerError
from reasoner.records.shapes import to_plain

OPTIONAL = ("conditional", "assuming", "excluded_conditional", "actions_conditional", "missing", "alternatives")


def expectation(answer: dict[str, Any]) -> dict[str, Any]:
    """Give what a case expects of an answer, given as its JSON; what is optional stands only where it holds something."""

    def names(entries: str, key: str, certainty: str) -> list[str]:
        return sorted(entry[key] for entry in answer[entries] if entry["certainty"] == certainty)

    ranked = [
        {key: entry[key] for key in ("regimen", "rank", "strength")}
        for entry in answer["recommended"]
        if entry["certainty"] == "certain"
    ]
    assuming = {entry["regimen"]: entry["assuming"] for entry in answer["recommended"] if entry["assuming"]}
    found = {
        "setting": answer["setting"],
        "recommended": sorted(ranked, key=lambda entry: entry["regimen"]),
        "conditional": names("recommended", "regimen", "conditional"),
        "assuming": dict(sorted(assuming.items())),
        "excluded": names("excluded", "regimen", "certain"),
        "excluded_conditional": names("excluded", "regimen", "conditional"),
        "actions": names("actions", "action", "certain"),
        "actions_conditional": names("actions", "action", "conditional"),
        "missing": sorted({entry["fact"] for entry in answer["missing"]}),
        "alternatives": [f"{entry['reading']}={entry['alternative']}" for entry in answer["alternatives"]],
    }
    return {key: value for key, value in found.items() if value or key not in OPTIONAL}


def recorded(path: Path, guideline: Guideline) -> str:
    """Give the text of a case's file with the answer expected that is given now."""
    case = json.loads(path.read_text("utf-8"))
    selected = guideline if not case.get("readings") else with_readings(guideline, tuple(case["readings"]))
    return json.dumps({**case, "expected": expectation(to_plain(selected.answer(case["record"])))}, indent=1) + "\n"


def with_readings(guideline: Guideline, readings: tuple[str, ...]) -> Guideline:
    """Load a guideline again with its readings taken otherwise."""
    return Guideline(guideline.selection.with_readings(readings))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write what is given now")
    parser.add_argument("--guideline", type=Path, metavar="DIR", help="the guideline's folder")
    options = parser.parse_args()
    try:
        guideline = Guideline.load(options.guideline)
        changed = sum(record(path, guideline, options.write) for path in sorted((guideline.folder / "cases").glob("*.json")))
    except ReasonerError as error:
        parser.error(str(error))
    print(f"{changed} case{'' if changed == 1 else 's'} {'recorded anew' if options.write else 'to record anew'}")
    return 0


def record(path: Path, guideline: Guideline, write: bool) -> bool:
    """Show in what a case's file changes, and write it where asked to; tell whether it changes."""
    before, after = path.read_text("utf-8"), recorded(path, guideline)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path.name, path.name, lineterm="", n=2)
    print("".join(f"{line}\n" for line in lines), end="")
    if write:
        path.write_text(after, "utf-8")
    return before != after


if __name__ == "__main__":
    sys.exit(main())
