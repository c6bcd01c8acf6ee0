"""Damage charts and compare the answers with those to the whole charts: ``doubting.py [COUNT] [SEED]``."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from doubts import try_one

from reasoner import Guideline
from reasoner.engine.answer import Answer


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    guideline, answers = Guideline.load(), dict[str, Answer]()
    found: Counter[str] = Counter()
    begun = time.monotonic()
    for _ in range(count):
        done, wrong, _data = try_one(guideline, rng, answers)
        found.update(f"{done.partition(':')[0]}: {fault}" for fault in wrong)
    print(f"{count} damaged charts in {time.monotonic() - begun:.0f} s, {found.total()} faults")
    for fault, times in found.most_common():
        print(f"{times:6} {fault}")


if __name__ == "__main__":
    main()
