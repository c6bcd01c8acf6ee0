"""Measure how long the questions about one record take for what is unknown: why-not, ask with all paths, pathway.

Run as `python tests/benchmarks/asking.py [--guidelines N]`. Records are complete ones of the shipped guideline, and ones of
which everything is unknown: of the shipped guideline with up to four courses, of lists of contraindications, of random
guidelines of up to 60 facts. Printed are medians and worst cases in milliseconds of processor time; no time fails the run.
Of each why-not the first change is tried: a change that does not work fails it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from unknown import CASES, contraindications, shipped_records, text_of_somebody

from reasoner import Guideline
from reasoner.queries.ask import ask, decision_tree
from reasoner.queries.fields import with_values
from reasoner.queries.pathway import pathway
from reasoner.queries.why_not import why_not

Asked = tuple[Guideline, dict[str, object]]


def milliseconds(work: Callable[[], object]) -> float:
    work()
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def show(name: str, taken: list[float]) -> None:
    print(f"  {name:34} median {statistics.median(taken):8.1f} ms, worst {max(taken):8.1f} ms, of {len(taken)}")


def measure(name: str, asked: list[Asked], paths: bool) -> None:
    """Measure all questions about some records."""
    times: dict[str, list[float]] = {}
    counted = uncounted = 0
    for guideline, data in asked:
        record = guideline.record(data)
        for regimen in guideline.model.regimens[:6]:
            result = why_not(guideline, record, regimen)
            times.setdefault("why-not", []).append(milliseconds(partial(why_not, guideline, record, regimen)))
            counted, uncounted = counted + (result.others is not None), uncounted + (result.others is None)
            for change in result.changes[:1]:
                answer = guideline.answer(with_values(data, change.set))
                certain = [entry.regimen for entry in answer.recommended if entry.certainty == "certain"]
                assert regimen in certain, (data, change)
        times.setdefault("ask", []).append(milliseconds(partial(ask, guideline, record)))
        times.setdefault("ask --all-paths", []).append(milliseconds(partial(decision_tree, guideline, record)))
        if paths:
            times.setdefault("pathway --lines 1", []).append(milliseconds(partial(pathway, guideline, record, 1)))
    print(f"{name}: changes counted {counted} times, not counted {uncounted} times")
    for what, taken in times.items():
        show(what, taken)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--guidelines", type=int, default=12)
    options = parser.parse_args()
    rng, guideline = Random(1), Guideline.load()
    records = [json.loads(path.read_text("utf-8"))["record"] for path in CASES]
    complete = [record for record in records if not guideline.answer(record).derivation.completions.open]
    measure("complete records", [(guideline, record) for record in complete[:: max(1, len(complete) // 12)]], paths=True)
    measure("nothing recorded", [(guideline, {"id": "x"}), (guideline, {"id": "x", "metastatic_therapy": []})], paths=True)
    drugs = shipped_records(rng, guideline, options.guidelines)
    measure("only the drugs of courses recorded", [(guideline, record) for record in drugs], paths=False)
    with tempfile.TemporaryDirectory() as folder:

        def written(number: int, text: str) -> Guideline:
            own = Path(folder) / str(number)
            own.mkdir()
            (own / "guideline.lp").write_text(text)
            return Guideline.load(own, layer="literal")

        lists = [contraindications(n, k) for n in (10, 20, 40) for k in (1, 3)]
        measure("contraindications", [(written(n, text), {"id": "x"}) for n, text in enumerate(lists)], paths=False)
        texts = [text_of_somebody(rng) for _ in range(options.guidelines)]
        measure("random guidelines", [(written(100 + n, text), {"id": "x"}) for n, text in enumerate(texts)], paths=False)
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
