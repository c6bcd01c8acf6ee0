"""Record the expected answers of the shipped guideline's cases anew, in full, and show what changed.

    python tests/record_cases.py                    show what would change
    python tests/record_cases.py --write            write it
    python tests/record_cases.py --guideline DIR    the cases of another guideline

Read every line of the difference before you commit it: an expectation is right because somebody checked it, not because it
is what the program says.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from reasoner import Guideline, ReasonerError
from reasoner.records.case import Case
from reasoner.verification.case_files import rewritten
from reasoner.verification.case_runs import run_cases
from reasoner.verification.expectations import complete


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write what is given now")
    parser.add_argument("--guideline", type=Path, metavar="DIR", help="the guideline's folder")
    options = parser.parse_args()
    try:
        guideline = Guideline.load(options.guideline)
        results = run_cases(list(guideline.cases().values()), guideline).cases
        changed = sum(record(own.case, complete(own.case.expected, own.answer), options.write) for own in results)
    except ReasonerError as error:
        parser.error(str(error))
    print(f"{changed} case{'' if changed == 1 else 's'} {'recorded anew' if options.write else 'to record anew'}")
    return 0


def record(case: Case, expected: dict[str, object], write: bool) -> bool:
    """Show in what a case's file changes, and write it where asked to; tell whether it changes."""
    if expected == case.expected:
        return False
    name, before = case.path.name, case.path.read_text("utf-8")
    after = rewritten(before, expected)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=2)
    print("".join(f"{line}\n" for line in lines), end="")
    if write:
        case.path.write_text(after, "utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
