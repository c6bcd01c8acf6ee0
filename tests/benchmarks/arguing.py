"""Measure what an argument costs against the answer that it is for, and prove what it calls sufficient.

Run as `python tests/benchmarks/arguing.py [--records N] [--guidelines N]`: N random records of the shipped guideline, a
regimen of each, and so many random guidelines with records of their own. That the facts decide is proved on diagrams over
all completions; that no smaller set does by trying sets of up to three facts. A wrong set fails the run, no time does.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from random_guidelines import load
from records import random_record

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.engine.answer import Answer
from reasoner.engine.argument import Argument, argue, out_of_scope
from reasoner.engine.examination import Examination
from reasoner.engine.memory import capacities
from reasoner.engine.nearest import nearest_rule
from reasoner.engine.opened_record import Claim, OpenedRecord
from reasoner.queries.why import concluded

LARGEST = 3


def answers(guideline: Guideline, rng: random.Random, count: int) -> Iterator[Answer]:
    """Yield answers to random records, those that contradict themselves left out."""
    for _ in range(count * 20):
        if not count:
            return
        try:
            answer = guideline.answer(random_record(rng, guideline, rng.choice([0.0, 0.2])))
        except (RecordError, GuidelineError):
            continue
        count -= 1
        yield answer


def proved(answer: Answer, claim: Claim, size: int, rng: random.Random) -> int:
    """Prove that a claim has a sufficient set of `size` facts and none smaller of up to three; give how many were tried."""
    opened = OpenedRecord(answer.asked, claim, answer.derivation.model)
    examination = Examination(opened, next(iter(capacities())))
    tried = 0
    for smaller in range(min(size, LARGEST + 1)):
        every = list(combinations(opened.recorded.items(), smaller))
        for chosen in every if len(every) <= 500 else rng.sample(every, 500):
            assert not examination.decides(chosen), (answer.asked.record.data, claim, chosen)
            tried += 1
    return tried


def argued(answer: Answer, regimen: str) -> tuple[Argument, Claim]:
    """Argue for a regimen as `why` does."""
    kind, status, claim, held, _ = concluded(answer, regimen)
    asked = status != "recommended" and not out_of_scope(answer, regimen)
    nearest = nearest_rule(answer.derivation, regimen) if asked else None
    return argue(answer, regimen, kind, status, claim, held, nearest), claim


def measure(guideline: Guideline, rng: random.Random, count: int, ratios: list[float], found: Counter[str]) -> None:
    """Argue for a regimen of each of so many answers; what is measured was done once before, the answer and the argument."""
    for answer in answers(guideline, rng, count):
        regimen = rng.choice(guideline.model.regimens)
        start = time.process_time()
        guideline.answer(answer.asked.record)
        own = time.process_time() - start
        argued(answer, regimen)
        start = time.process_time()
        argument, claim = argued(answer, regimen)
        ratios.append((time.process_time() - start) / own)
        found["arguments"] += 1
        if argument.sufficient is None:
            found["without a set"] += 1
            continue
        named = {fact.about for ground in argument.because for fact in ground.facts}
        named |= {about for block in argument.ruled_out_by for about in block.abouts}
        assert {(o.fact, o.member, o.course, o.key) for o in argument.sufficient} <= named, (
            answer.asked.record.data,
            regimen,
        )
        found["sets"] += 1
        found["smaller sets tried"] += proved(answer, claim, len(argument.sufficient), rng)


def show(title: str, ratios: list[float], found: Counter[str]) -> None:
    shown = sorted(ratios)
    at = {part: shown[int(part * (len(shown) - 1))] for part in (0.5, 0.9, 0.99, 1.0)}
    print(f"{title}: {dict(found)}")
    print(f"   argument / answer: median {at[0.5]:.2f}, 90% {at[0.9]:.2f}, 99% {at[0.99]:.2f}, most {at[1.0]:.2f},")
    print(f"   mean {statistics.mean(shown):.2f}; over five: {sum(ratio > 5 for ratio in shown)} of {len(shown)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--guidelines", type=int, default=60)
    chosen = parser.parse_args()
    rng, ratios, found = random.Random(1), list[float](), Counter[str]()
    measure(Guideline.load(), rng, chosen.records, ratios, found)
    show(f"{chosen.records} random records", ratios, found)
    ratios, found = [], Counter()
    for seed in range(chosen.guidelines):
        with tempfile.TemporaryDirectory() as folder:
            try:
                _, guideline = load(Path(folder), seed)
            except GuidelineError:
                found["refused guidelines"] += 1
                continue
            found["guidelines"] += 1
            found["recursive through not"] += guideline.model.recursive is not None
            measure(guideline, rng, 10, ratios, found)
    show("random guidelines", ratios, found)


if __name__ == "__main__":
    main()
