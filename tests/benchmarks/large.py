"""Measure a big guideline: 200 facts, 500 rules and more, from the first loading to the check of all patients.

Run as `python tests/benchmarks/large.py [--seed N] [--facts N] [--rules N] [--rounds N]`. The guideline is drawn: several
settings, chains of helpers, exclusions, preferences, actions, courses of therapy, and facts of all kinds. Every step is a
process of its own, with its seconds, those of the processor among them, and its peak of memory. Targets are printed beside
the figures; no time fails the run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

__all__ = ["large_guideline"]

KINDS = (("boolean", 60), ("choice", 18), ("number", 15), ("list", 7))
REGIMENS, SETTINGS, HELPERS, MEMBERS = 40, 12, 10, 4
MIX = {"helper": 24, "place": 10, "indication": 26, "exclusion": 20, "preference": 10, "action": 10}
TARGETS = {"first loading": 15.0, "loading": 2.0, "check": 60.0}
STEPS = {
    "first loading": "guideline.model; guideline.program(1); guideline.space(courses)",
    "loading": "guideline.model; guideline.program(1)",
    "a complete record answered": "guideline.answer(complete)",
    "a record with everything unknown answered": "guideline.answer({'id': 'nothing recorded'})",
    "check": "from reasoner.verification.check import check; check(guideline)",
    "diff with a rule less": "from reasoner.verification.diff import diff; diff(guideline, Guideline.load(less))",
}
PROGRAM = """
import json, resource, sys, time
begun = time.perf_counter()
from reasoner.guideline import Guideline
from reasoner.verification.check import longest_history
guideline, less, complete = Guideline.load(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
courses = longest_history(guideline)
{step}
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
busy = sum(own.ru_utime + own.ru_stime for own in used)
print(json.dumps([time.perf_counter() - begun, busy, max(own.ru_maxrss for own in used) / 1024]))
"""


class Facts(NamedTuple):
    """The facts of a guideline: their declarations, the conditions that can be put on them, and a complete record."""

    text: str
    conditions: tuple[str, ...]
    record: dict[str, object]


def draw_facts(rng: Random, count: int) -> Facts:
    """Draw facts of all kinds, therapy among them."""
    lines, conditions, record = (
        ["fact(1, therapy, courses).", 'term(fact, therapy, "therapy").'],
        list[str](),
        dict[str, object](),
    )
    record["therapy"] = [{"drugs": ["drug_1"], "outcome": "progression"}]
    conditions += [f"progressed_on(drug_{n})" for n in range(1, 13)]
    kinds = rng.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS], k=count - 1)
    for number, kind in enumerate(kinds, start=2):
        name = f"{kind}_{number}"
        lines += [f"fact({number}, {name}, {kind}).", f'term(fact, {name}, "{kind} {number}").']
        if kind == "boolean":
            conditions.append(f"has({name})")
            record[name] = rng.random() < 0.3
        elif kind == "number":
            bounds = sorted(rng.sample(range(5, 90), rng.choice((1, 2))))
            lines += [f"applies({name}).", *(f"threshold({name}, {bound})." for bound in bounds)]
            conditions += [f"{side}({name}, {bound})" for bound in bounds for side in ("at_most", "more_than")]
            record[name] = rng.randint(0, 99)
        else:
            values = [f"{name}_{place}" for place in range(1, MEMBERS + 1)]
            lines += [
                f'value({name}, {place}, {value}). term(value, {value}, "{value}").' for place, value in enumerate(values, 1)
            ]
            if kind == "list":
                lines.append(f"default({name}, empty).")
            conditions += [f"{'is' if kind == 'choice' else 'includes'}({name}, {value})" for value in values]
            record[name] = rng.choice(values) if kind == "choice" else rng.sample(values, 1)
    return Facts("\n".join(lines), tuple(conditions), record)


def catalogue() -> Iterator[str]:
    """Yield what answers can name."""
    yield 'guideline(id, large). guideline(title, "A large guideline"). guideline(disclaimer, "Invented.").'
    for outcome in ("completed", "progression", "toxicity"):
        yield f'term(outcome, {outcome}, "{outcome}").'
    yield 'term(outcome, ongoing, "ongoing"). longest_history(2).'
    for number in range(1, REGIMENS + 1):
        yield f'term(drug, drug_{number}, "drug {number}"). term(regimen, regimen_{number}, "regimen {number}").'
        yield f"part(regimen_{number}, drug_{number})."
    for number in range(1, SETTINGS + 1):
        yield f'term(setting, setting_{number}, "setting {number}"). term(ground, ground_{number}, "ground {number}").'
        yield f"ground_priority(ground_{number}, {number})."
    for number, strength in enumerate(("preferred", "alternative", "consider"), 1):
        yield f'term(strength, {strength}, "{strength}"). strength_order({number}, {strength}).'
    yield 'first_choice(preferred). citation(1). reference(1, "a book").'
    for number in range(1, 11):
        yield f'term(action, action_{number}, "Do {number}.").'
    for number in range(1, 1 + HELPERS):
        for step in range(1, 7):
            yield f'predicate(helper_{number}_{step}, derived, "helper {number}, step {step}").'


def draw_rules(rng: Random, facts: Facts, count: int) -> Iterator[str]:
    """Yield rules, each under a statement of its own; helpers stand in chains, each step upon the one before."""

    def body(most: int, *given: str) -> str:
        own = rng.sample(facts.conditions, rng.randint(1, most))
        return ", ".join([*given, *(f"not {text}" if rng.random() < 0.3 else text for text in own)])

    def helper() -> str:
        return f"helper_{rng.randint(1, HELPERS)}_{rng.randint(1, 6)}"

    for number in range(1, HELPERS + 1):
        yield f"helper_{number}_1 :- {body(2)}."
        yield from (f"helper_{number}_{step} :- {body(1, f'helper_{number}_{step - 1}')}." for step in range(2, 7))
    for number in range(1, SETTINGS + 1):
        yield f"places(setting_{number}, ground_{number}) :- {body(2)}."
        yield f"indicated(regimen_{number}, preferred) :- setting(setting_{number})."
    yield f"places(setting_{SETTINGS}, ground_{SETTINGS})."
    yield "suppressed(R) :- excluded(R)."
    for _ in range(count - 6 * HELPERS - 2 * SETTINGS - 2):
        (kind,) = rng.choices(list(MIX), list(MIX.values()))
        first, second = rng.sample(range(1, REGIMENS + 1), 2)
        place = rng.randint(1, SETTINGS)
        given = (helper(),) if rng.random() < 0.4 else ()
        if kind == "helper":
            chain, step = rng.randint(1, HELPERS), rng.randint(2, 6)
            yield f"helper_{chain}_{step} :- {body(2, f'helper_{chain}_{rng.randint(1, step - 1)}')}."
        elif kind == "place":
            yield f"places(setting_{place}, ground_{place}) :- {body(3, *given)}."
        elif kind == "indication":
            strength = rng.choice(("alternative", "consider"))
            yield f"indicated(regimen_{first}, {strength}) :- {body(2, f'setting(setting_{place})', *given)}."
        elif kind == "exclusion":
            yield f"contraindicated(regimen_{first}) :- {body(2, *given)}."
        elif kind == "preference":
            least, most = sorted((first, second))
            yield f"prefers(regimen_{least}, regimen_{most}) :- setting(setting_{place})."
        else:
            yield f"calls_for(action_{rng.randint(1, 10)}) :- {body(2, f'recommended(regimen_{first})')}."


def large_guideline(seed: int, facts: int, rules: int) -> tuple[str, str, dict[str, object]]:
    """Draw a guideline; with it the same without its last rule, and a complete record."""
    rng = Random(seed)
    known = draw_facts(rng, facts)
    head = "\n".join((*catalogue(), known.text, ""))
    written = [
        f"%* @statement L{number} [1] sha256:000000000000\nStatement {number}.\n*%\n{rule}\n"
        for number, rule in enumerate(draw_rules(rng, known, rules), start=1)
    ]
    return head + "".join(written), head + "".join(written[:-1]), {"id": "complete", **known.record}


def measure(step: str, folder: Path, less: Path, record: dict[str, object], cache: Path) -> list[float] | None:
    """Take one step in a process of its own; give its seconds, those of the processor, and its peak of memory in MiB."""
    command = [sys.executable, "-c", PROGRAM.replace("{step}", step), str(folder), str(less), json.dumps(record)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr.strip().rpartition("\n")[2])
        return None
    figures: list[float] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--facts", type=int, default=200)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    text, shorter, record = large_guideline(options.seed, options.facts, options.rules)
    print(f"seed {options.seed}: {options.facts} facts, {text.count('@statement')} rules")
    with tempfile.TemporaryDirectory() as scratch:
        folder, less = Path(scratch) / "large", Path(scratch) / "less"
        for target, content in ((folder, text), (less, shorter)):
            target.mkdir()
            (target / "guideline.lp").write_text(content, "utf-8")
        for name, step in STEPS.items():
            rounds = []
            for number in range(1 if name in ("check", "diff with a rule less") else options.rounds):
                kept = Path(scratch) / (f"cache-{number}" if name == "first loading" else "cache-0")
                figures = measure(step, folder, less, record, kept)
                if figures is not None:
                    rounds.append(figures)
            if not rounds:
                print(f"  {name:44} no answer", flush=True)
                continue
            taken, busy, peak = (statistics.median(figures) for figures in zip(*rounds, strict=True))
            target = TARGETS.get(name)
            met = "" if target is None else f"   target <= {target:g} s: {'met' if taken <= target else 'MISSED'}"
            print(f"  {name:44} {taken:8.2f} s {busy:8.2f} s busy {peak:6.0f} MiB{met}", flush=True)


if __name__ == "__main__":
    main()
