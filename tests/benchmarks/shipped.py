"""Answer random records of the shipped guideline, and compare each answer with plain clingo on the same files.

Run as `python tests/benchmarks/shipped.py [--seed N] [--records N] [--keep FILE]`. Each record has a seed of its own, the
next after that of the one before: one alone is tried again with `--seed` and `--records 1`. It is drawn with the layer, the
way in which readings are taken, one, several or all of them left open, and what truths are: integers or diagrams. Each
difference is one line, and kept in FILE as JSON with its record. Interrupted, it says what it compared until then.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

from compared import COMPARED, Reference, differences
from language import conclude, record_of
from plain import PlainClingo

from reasoner import Guideline

ENGINES = ("integers", "diagrams")
COMPLETE = 0.4
LAYERS = ("curated", "curated", "curated", "curated", "literal")


def taken(rng: Random, guideline: Guideline) -> tuple[str, ...]:
    """Draw how readings are taken: mostly as they are by default, one otherwise, or some."""
    names = guideline.model.alternatives
    if not names or rng.random() < 0.3:
        return ()
    if rng.random() < 0.2:
        return ("any",)
    chosen = rng.sample(sorted(names), rng.choice((1, 1, 1, 2, 3)))
    return tuple(f"{reading}={rng.choice((*names[reading][1:], 'any'))}" for reading in chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, default=Path("differences.ndjson"), help="where differences are kept")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.records} records", flush=True)
    loaded = {layer: Guideline.load(layer=layer) for layer in sorted(set(LAYERS))}
    ground = {layer: PlainClingo(guideline, COMPARED) for layer, guideline in loaded.items()}
    start, compared, kinds = time.perf_counter(), Counter[str](), Counter[str]()
    with suppress(KeyboardInterrupt):
        for seed in range(options.seed, options.seed + options.records):
            rng = Random(seed)
            layer, engine = rng.choice(LAYERS), rng.choice(ENGINES)
            guideline = loaded[layer].with_readings(taken(rng, loaded[layer]))
            record = record_of(rng, guideline, complete=rng.random() < COMPLETE)
            kind, found = differences(guideline, Reference(guideline, "", ground[layer]), record, engine=engine)
            readings = ", other readings" if guideline.alternatives else ""
            compared[f"{kind}, {layer}{readings}, {engine}"] += 1
            for text in found:
                kinds[text.partition(":")[0]] += 1
                print(f"seed {seed}: {text}", flush=True)
                own = {"seed": seed, "layer": layer, "readings": guideline.info.readings, "engine": engine, "record": record}
                with options.keep.open("a", encoding="utf-8") as kept:
                    kept.write(json.dumps({**own, "difference": text}) + "\n")
            if not (seed - options.seed + 1) % 1000:
                print(f"{seed - options.seed + 1} records in {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{compared.total()} records in {time.perf_counter() - start:.0f} s")
    conclude(compared, kinds)


if __name__ == "__main__":
    main()
