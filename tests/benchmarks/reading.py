"""Read a large FHIR bundle to facts, against orjson parsing it; and read bundles that were spoilt in many ways.

    python tests/benchmarks/reading.py [--megabytes 2.6] [--fuzz 100000] [BUNDLE...]

BUNDLE: further bundles to spoil, beside those of the tests.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

sys.path.insert(0, str(Path(__file__).parent.parent))

from bundles import AFTER_FIRST_LINE, AFTER_SECOND_LINE, bundle, observation, resource, spoil

from reasoner import Guideline, RecordError

ROUNDS = 40
NARRATIVE = "<div>" + "What the resource says, for people to read. " * 20 + "</div>"


def large(megabytes: float) -> bytes:
    """A bundle as records hold them: most resources are of no interest here, and have a narrative."""
    rng = random.Random(1)
    resources: list[dict[str, Any]] = [entry["resource"] for entry in AFTER_SECOND_LINE["entry"][1:]]
    size = 0
    while size < megabytes * 1e6:
        number = len(resources)
        day = f"20{rng.randrange(10, 22)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        kind = rng.choice(["Observation", "Observation", "Encounter", "Claim", "MedicationRequest", "Procedure"])
        if kind == "Observation":
            code = f"loinc:{rng.randrange(1000, 9999)}-{rng.randrange(10)}"
            own = observation(f"o{number}", code, day, valueQuantity={"value": rng.random(), "unit": "mg", "code": "mg"})
        else:
            own = resource(kind, f"r{number}", status="completed", intent="order", authoredOn=day)
        own["text"] = {"status": "generated", "div": NARRATIVE}
        resources.append(own)
        size += len(json.dumps(own))
    return json.dumps(bundle(*resources)).encode()


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def fuzz(guideline: Guideline, count: int, bases: list[Any]) -> None:
    read = refused = answered = 0
    for seed in range(count):
        rng = random.Random(seed)
        data = copy.deepcopy(rng.choice(bases))
        for _ in range(rng.randrange(1, 12)):
            if isinstance(data, dict | list):
                data = spoil(data, rng)
        content = bytearray(json.dumps(data).encode())
        if rng.random() < 0.2:
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            found = guideline.read_fhir(bytes(content))
            read += 1
            guideline.record(found.record)
            answered += 1
        except RecordError:
            refused += 1
    print(f"{count} spoilt bundles: {read} read, {answered} of them can be answered, no other error")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--megabytes", type=float, default=2.6)
    options.add_argument("--fuzz", type=int, default=0)
    options.add_argument("bundles", nargs="*", type=Path)
    given = options.parse_args()
    guideline = Guideline.load()
    content = large(given.megabytes)
    guideline.read_fhir(content)
    works = (lambda: orjson.loads(content), lambda: guideline.read_fhir(content))
    rounds = [tuple(map(seconds, works)) for _ in range(ROUNDS)]
    parsed, read = (statistics.median(own) * 1e3 for own in zip(*rounds, strict=True))
    ratio = statistics.median(read / parsed for parsed, read in rounds)
    print(f"{len(content) / 1e6:.1f} MB: orjson {parsed:.1f} ms, facts {read:.1f} ms, ratio {ratio:.2f} (target 2)")
    if given.fuzz:
        own = [json.loads(path.read_bytes()) for path in given.bundles]
        fuzz(guideline, given.fuzz, [AFTER_FIRST_LINE, AFTER_SECOND_LINE, *own])


if __name__ == "__main__":
    main()
