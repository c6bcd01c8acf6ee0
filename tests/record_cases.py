"""Record the expected answers of the shipped guideline's cases anew, and show what changed.

    python tests/record_cases.py            show what would change
    python tests/record_cases.py --write    write it

Read every line of the difference before you commit it: an expectation is right because somebody checked it, not because it
is what the program says.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any

from reasoner import Guideline
from reasoner.records.shapes import to_plain

OPTIONAL = ("conditional", "excluded_conditional", "actions_conditional", "missing")


def expectation(answer: dict[str, Any]) -> dict[str, Any]:
    """Give what a case expects of an answer, given as its JSON; what is optional stands only where it holds something."""

    def names(entries: str, key: str, certainty: str) -> list[str]:
        return sorted(entry[key] for entry in answer[entries] if entry["certainty"] == certainty)

    ranked = [
        {key: entry[key] for key in ("regimen", "rank", "strength")}
        for entry in answer["recommended"]
        if entry["certainty"] == "certain"
    ]
    found = {
        "setting": answer["setting"],
        "recommended": sorted(ranked, key=lambda entry: entry["regimen"]),
        "conditional": names("recommended", "regimen", "conditional"),
        "excluded": names("excluded", "regimen", "certain"),
        "excluded_conditional": names("excluded", "regimen", "conditional"),
        "actions": names("actions", "action", "certain"),
        "actions_conditional": names("actions", "action", "conditional"),
        "missing": sorted({entry["fact"] for entry in answer["missing"]}),
    }
    return {key: value for key, value in found.items() if value or key not in OPTIONAL}


def recorded(path: Path, guideline: Guideline) -> str:
    """Give the text of a case's file with the answer expected that is given now."""
    case = json.loads(path.read_text("utf-8"))
    return json.dumps({**case, "expected": expectation(to_plain(guideline.answer(case["record"])))}, indent=1) + "\n"


def main(write: bool) -> int:
    guideline = Guideline.load()
    changed = 0
    for path in sorted((guideline.folder / "cases").glob("*.json")):
        before, after = path.read_text("utf-8"), recorded(path, guideline)
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path.name, path.name, lineterm="", n=2)
        shown = "\n".join(lines)
        if shown:
            changed += 1
            print(shown)
            if write:
                path.write_text(after, "utf-8")
    print(f"{changed} cases {'recorded anew' if write else 'differ'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))
