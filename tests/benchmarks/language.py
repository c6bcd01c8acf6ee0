"""Answer random guidelines of everything that loads, and compare each answer with plain clingo on the same files.

Run as `python tests/benchmarks/language.py [--seed N] [--guidelines N] [--records N] [--keep DIR]`. Each guideline has a
seed of its own, the next after that of the one before: one alone is tried again with `--seed` and `--guidelines 1`. Each
difference is one line; the first ones of a kind are made smaller, rule by rule, and kept in DIR with their record.
`--folder DIR` takes the guideline in a folder in the place of random ones, and keeps nothing.
Interrupted, it says what it compared until then.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, NoReturn

sys.path.insert(0, str(Path(__file__).parent.parent))

from compared import Reference, differences
from random_constructs import Drawn, drawn
from records import random_record, untold_record

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.records.record import parse_record

UNKNOWN = (0.1, 0.2, 0.3, 0.5)
ENGINES = ("integers", "integers", "diagrams", "bounds")
SHRUNK = 2
"""So many guidelines that show the same kind of difference are made smaller."""


class Difference(NamedTuple):
    """What differs, which begins with its kind, for which record, and by what it was answered."""

    text: str
    record: dict[str, Any]
    engine: str

    @property
    def kind(self) -> str:
        return self.text.partition(":")[0]


class Tried(NamedTuple):
    """What was tried of one guideline: how its records were compared, and the differences with their records."""

    compared: Counter[str]
    differing: list[Difference]


def record_of(rng: Random, guideline: Guideline, complete: bool) -> dict[str, Any]:
    """Draw a complete record, or an incomplete one of any kind."""
    while True:
        record = random_record(rng, guideline, 0.0) if complete else untold_record(rng, guideline, rng.choice(UNKNOWN))
        if record.get("confirmed") is False:
            record.pop("months", None)
        with suppress(RecordError):
            parse_record(record, guideline.model)
            return record


def tried(seed: int, count: int, folder: Path) -> Tried:
    """Draw a guideline and its records by a seed, and compare the answers."""
    rng = Random(seed)
    guideline = drawn(rng)
    found = Tried(Counter(), [])
    try:
        loaded = guideline.load(folder / "drawn")
    except GuidelineError as error:
        found.compared[refusal(str(error))] += 1
        return found
    answered(found, Reference(loaded, guideline.space()), rng, count)
    return found


def answered(found: Tried, reference: Reference, rng: Random, count: int) -> None:
    """Compare the answers to random records of a guideline."""
    for left in range(count, 0, -1):
        record = record_of(rng, reference.guideline, complete=left % 3 == 0)
        engine = rng.choice(ENGINES)
        kind, differing = differences(reference.guideline, reference, record, rng.random() < 0.2, engine)
        found.compared[f"{kind}, {engine}"] += 1
        found.differing.extend(Difference(text, record, engine) for text in differing)


def refusal(message: str) -> str:
    """Name the kind of a refusal to load."""
    return "refused: " + " ".join(message.partition(": ")[2].split()[-6:])


def shows(guideline: Drawn, own: Difference, folder: Path) -> bool:
    """Tell whether a guideline still shows a difference of the same kind."""
    with suppress(GuidelineError, RecordError):
        loaded = guideline.load(folder / "drawn")
        reference = Reference(loaded, guideline.space())
        found = differences(loaded, reference, own.record, anew=True, engine=own.engine)[1]
        return any(text.partition(":")[0] == own.kind for text in found)
    return False


def smaller(guideline: Drawn, own: Difference, folder: Path) -> Drawn:
    """Take lines out of a guideline as long as it shows the difference: many together first, then one by one."""
    for part in ("overlay", "readings", "guideline"):
        lines = getattr(guideline, part).splitlines(keepends=True)
        rules = [line for line in lines if ":-" in line and not line.startswith("applies(")]
        size = len(rules)
        while size:
            for block in [rules[place : place + size] for place in range(0, len(rules), size)]:
                rest = "".join(line for line in lines if line not in block)
                fewer = guideline._replace(**{part: rest})
                if shows(fewer, own, folder):
                    lines, guideline = rest.splitlines(keepends=True), fewer
                    rules = [line for line in rules if line not in block]
            size //= 2
    return guideline


def keep(seed: int, own: Difference, target: Path, shrink: bool) -> Path:
    """Write a guideline that shows a difference, made smaller, with its record; return the folder."""
    guideline = drawn(Random(seed))
    if shrink:
        with tempfile.TemporaryDirectory() as scratch:
            guideline = smaller(guideline, own, Path(scratch))
    place = target / f"{seed}-{own.kind.replace(' ', '_')}"
    with suppress(GuidelineError):
        guideline.load(place / "guideline")
    (place / "record.json").write_text(json.dumps(own.record, indent=1) + "\n", "utf-8")
    options = f"{guideline.layer} {' '.join(guideline.chosen)}"
    (place / "difference.txt").write_text(f"{own.text}\n{own.engine}\n{options}\n", "utf-8")
    return place


def conclude(compared: Mapping[str, int], kinds: Mapping[str, int]) -> NoReturn:
    """Say what was compared, and which kinds of differences there were; end with 1 where there were any."""
    for kind, number in sorted(compared.items()):
        print(f"  {kind:60} {number:7}")
    print(f"{sum(kinds.values())} differences" + "".join(f"; {kind}: {number}" for kind, number in kinds.items()))
    sys.exit(bool(kinds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guidelines", type=int, default=1000)
    parser.add_argument("--records", type=int, default=9, help="records of each guideline")
    parser.add_argument("--folder", type=Path, help="a guideline's folder, in the place of random guidelines")
    parser.add_argument("--keep", type=Path, default=Path("differences"), help="where differences are kept")
    options = parser.parse_args()
    os.environ.update(REASONER_CACHE="off", REASONER_COMPILE_SECONDS="off")
    if options.folder:
        found = Tried(Counter(), [])
        answered(found, Reference(Guideline.load(options.folder), ""), Random(options.seed), options.records)
        for own in found.differing:
            print(f"{own.text} {json.dumps(own.record)}")
        print(*(f"  {kind:60} {number:7}" for kind, number in sorted(found.compared.items())), sep="\n")
        sys.exit(f"{len(found.differing)} differences" if found.differing else 0)
    print(f"seed {options.seed}, {options.guidelines} guidelines of {options.records} records", flush=True)
    start, compared, kinds, done = time.perf_counter(), Counter[str](), Counter[str](), 0
    with suppress(KeyboardInterrupt):
        for seed in range(options.seed, options.seed + options.guidelines):
            with tempfile.TemporaryDirectory() as scratch:
                found = tried(seed, options.records, Path(scratch))
            compared += found.compared
            done += 1
            for own in {own.kind: own for own in found.differing}.values():
                kinds[own.kind] += 1
                place = keep(seed, own, options.keep, kinds[own.kind] <= SHRUNK)
                print(f"seed {seed}: {own.text} [{place}]", flush=True)
            if not done % 50:
                print(f"{done} guidelines in {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{done} guidelines in {time.perf_counter() - start:.0f} s")
    conclude(compared, kinds)


if __name__ == "__main__":
    main()
