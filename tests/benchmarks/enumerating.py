"""Hold check and diff of random guidelines, aggregates and doses included, against every record that there is.

Run as `python tests/benchmarks/enumerating.py [--seed N] [--guidelines N]`. Each guideline has a seed of its own, the next
after that of the one before: one alone is tried again with `--seed` and `--guidelines 1`. Nothing may be missed and nothing
made up, every witness is a smallest one, what is called redundant can be dropped and nothing else can, and every certain
repair removes its finding. Each difference is one line; the last line says what was tried.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import test_defects as tests

CLAIMS: dict[str, Callable[..., None]] = {
    "what is found, without circles": partial(tests.test_what_is_found_is_what_some_record_shows, recursive=False),
    "what is found, with circles": partial(tests.test_what_is_found_is_what_some_record_shows, recursive=True),
    "what is redundant, without circles": partial(
        tests.test_what_is_called_redundant_can_be_dropped_and_nothing_else_can, recursive=False
    ),
    "what is redundant, with circles": partial(
        tests.test_what_is_called_redundant_can_be_dropped_and_nothing_else_can, recursive=True
    ),
    "what differs": tests.test_differences_are_those_that_some_record_shows,
    "what repairs remove": tests.test_a_repair_that_is_certain_removes_its_finding,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guidelines", type=int, default=20)
    options = parser.parse_args()
    tried, differing = Counter[str](), 0
    print(f"seed {options.seed}, {options.guidelines} guidelines of each kind", flush=True)
    try:
        for seed in range(options.seed, options.seed + options.guidelines):
            for name, claim in CLAIMS.items():
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        claim(seed=seed, own_cache=None, tmp_path=Path(folder))
                    except AssertionError as error:
                        differing += 1
                        print(f"  seed {seed}, {name}: {' '.join(str(error).split())[:400]}", flush=True)
                tried[name] += 1
    except KeyboardInterrupt:
        pass
    print("; ".join(f"{name}: {count}" for name, count in tried.items()))
    print(f"{differing} differences")
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
