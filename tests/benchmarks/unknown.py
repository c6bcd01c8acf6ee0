"""Measure how much an answer costs for what is unknown, as ratios to a complete answer of the shipped guideline.

Run as `python tests/benchmarks/unknown.py [--guidelines N] [--quick]`. Everything is unknown in: records of the shipped
guideline with up to four courses, of which the outcomes and numbers are unknown too; guidelines with lists of up to 40
contraindications; random guidelines of up to 60 facts. Every smallest assumption of a large record is proved smallest by
clingo. Printed are medians, worst cases and the most memory; no time fails the run, an assumption that is not smallest does.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import combinations, product
from pathlib import Path
from random import Random

import clingo

from reasoner import Guideline
from reasoner.engine.completions import Completions

CASES = sorted((Path(__file__).parents[2] / "asp" / "her2_mbc" / "cases").glob("*.json"))
HEAD = """
guideline(id, drawn). guideline(title, "Drawn"). guideline(disclaimer, "Invented.").
term(setting, here, "here"). term(ground, given, "given"). term(strength, first, "first"). strength_order(1, first).
term(drug, d, "d"). first_choice(first). citation(1). reference(1, "Nothing").
"""
FACT = re.compile(r"has\((\w+)\)")
SECONDS = 10
TARGETS = {"shipped": (10, 30), "contraindications": (100, None), "random": (100, None)}


def contraindications(count: int, enough: int) -> str:
    """Write a guideline of one regimen and `count` contraindications, of which `enough` together exclude it."""
    facts = [f"c{n}" for n in range(count)]
    text = declared(facts, 1)
    if enough == 1:
        return text + "".join(f"contraindicated(r0) :- has({fact}).\n" for fact in facts)
    text += 'predicate(counted(whole, whole), derived, "{2} among the first {1}").\n'
    for n, fact in enumerate(facts, start=1):
        for held in range(1, enough + 1):
            before = f"counted({n - 1}, {held - 1}), " if held > 1 else ""
            text += f"counted({n}, {held}) :- {before}has({fact}).\n" if n >= held else ""
            text += f"counted({n}, {held}) :- counted({n - 1}, {held}).\n" if n > held else ""
    return text + f"contraindicated(r0) :- counted({count}, {enough}).\n"


def declared(facts: list[str], regimens: int) -> str:
    lines = [HEAD]
    lines += [f'fact({n}, {fact}, boolean). term(fact, {fact}, "{fact}").' for n, fact in enumerate(facts, start=1)]
    lines += [f'term(regimen, r{n}, "r{n}"). part(r{n}, d).' for n in range(regimens)]
    lines.append("%* @statement L1 [1] sha256:000000000000\nDrawn.\n*%\nplaces(here, given).")
    lines += [f"indicated(r{n}, first) :- setting(here)." for n in range(regimens)]
    return "\n".join([*lines, "suppressed(R) :- excluded(R).", ""])


def drawn(rng: Random) -> str:
    """Draw a guideline of up to 60 facts: several regimens, indications and exclusions with conditions, constraints."""
    facts = [f"f{n}" for n in range(rng.randint(20, 60))]
    regimens = rng.randint(2, 6)
    text = declared(facts, regimens).replace("suppressed", "% suppressed", 1).split("indicated(")[0]
    text += "suppressed(R) :- excluded(R).\n"
    for _ in range(rng.randint(10, 25)):
        text += f"indicated(r{rng.randrange(regimens)}, first) :- setting(here), {body(rng, facts)}.\n"
    for _ in range(rng.randint(3, 10)):
        text += f"contraindicated(r{rng.randrange(regimens)}) :- {body(rng, facts)}.\n"
    for _ in range(rng.randint(0, 4)):
        one, other = rng.sample(range(regimens), 2)
        text += f"prefers(r{min(one, other)}, r{max(one, other)}) :- {body(rng, facts)}.\n"
    for n in range(rng.randint(0, 6)):
        text += f'term(contradiction, odd{n}, "odd {n}").\ninconsistent(odd{n}) :- {body(rng, facts)}.\n'
    return text


def text_of_somebody(rng: Random) -> str:
    """Draw a guideline under which somebody can exist: plain clingo finds a patient whom no constraint excludes."""
    while True:
        text = drawn(rng)
        control = clingo.Control(["1", "--warn=none"])
        facts = "".join(f"{{has({fact})}}.\n" for fact in sorted(set(FACT.findall(text))))
        constraints = "\n".join(line for line in text.splitlines() if line.startswith("inconsistent("))
        control.add("base", [], f"{facts}{constraints}\n:- inconsistent(_).")
        control.ground()
        if control.solve().satisfiable:
            return text


def body(rng: Random, facts: list[str]) -> str:
    chosen = rng.sample(facts, rng.randint(1, 4))
    return ", ".join(("not " if rng.random() < 0.3 else "") + f"has({fact})" for fact in chosen)


def milliseconds(guideline: Guideline, record: dict[str, object], times: int) -> float:
    guideline.answer(record)
    taken = []
    for _ in range(times):
        start = time.process_time()
        guideline.answer(record)
        taken.append(time.process_time() - start)
    return statistics.median(taken) * 1000


def shipped_records(rng: Random, guideline: Guideline, count: int) -> Iterator[dict[str, object]]:
    """Yield records of which only the drugs of up to four courses are known."""
    parts = [parts for parts in guideline.model.parts.values() if parts]
    for number in range(count):
        courses = [{"drugs": [part[0] for part in rng.choice(parts)]} for _ in range(rng.randint(0, 4))]
        yield {"id": str(number), "metastatic_therapy": courses}


def prove_smallest(guideline: Guideline, record: dict[str, object]) -> tuple[int, int]:
    """Ask clingo for a smaller set of assumptions for each conditional conclusion.

    Given is for how many it is proved that there is none, and for how many that took too long, or too much memory.
    """
    answer = guideline.answer(record)
    completions, derivation = answer.derivation.completions, answer.derivation
    proved = undecided = 0
    for entry in (*answer.recommended, *answer.excluded):
        if entry.certainty == "conditional":
            name = "recommended" if entry in answer.recommended else "excluded"
            truth = derivation.truth(f"{name}({entry.regimen})")
            try:
                assert not smaller_exists(completions, truth, len(entry.assuming)), (record, entry)
            except (TimeoutError, MemoryError):
                undecided += 1
            else:
                proved += 1
    return proved, undecided


def smaller_exists(completions: Completions, truth: object, size: int) -> bool:
    """Tell whether fewer values make something hold in every completion that agrees with them.

    Up to pairs it is tried; of larger sets clingo guesses one, and a saturated disjunction proves that nothing refutes it:
    the diagram is written as its nodes. Raises TimeoutError where that takes too long.
    """
    options = {
        v: [
            n
            for n, own in enumerate(values)
            if completions.variables[v].values[n][0] is not None and own != completions.none
        ]
        for v, values in completions.values.items()
    }
    if size <= 3:
        for few in range(1, size):
            for chosen in combinations(options, few):
                for values in product(*(options[v] for v in chosen)):
                    agree = completions.agreeing(tuple(zip(chosen, values, strict=True)))
                    if agree != completions.none and agree & ~truth == completions.none:
                        return True
        return False
    return guessed(completions, truth, size, options)


def guessed(completions: Completions, truth: object, size: int, options: dict[int, list[int]]) -> bool:
    control = clingo.Control(["1", "--warn=none"])
    lines = [f"#const most = {size - 1}."]
    lines += [f"option({v},{n})." for v, values in options.items() for n in values]
    lines += [f"value({v},{n})." for v, values in completions.values.items() for n in range(len(values))]
    lines += [
        "{ assumed(V, N) : option(V, N) } 1 :- value(V, _).",
        ":- #count { V : assumed(V, _) } > most.",
        # some admissible completion agrees
        "{ world(V, N) : value(V, N) } = 1 :- value(V, _).",
        ":- assumed(V, N), not world(V, N).",
        # none that agrees refutes: the counterexample is saturated
        "other(V, N) : value(V, N) :- value(V, _).",
        "other(V, N) :- saturate, value(V, N).",
        "saturate :- other(V, N), assumed(V, M), N != M.",
        ":- not saturate.",
    ]
    lines += nodes(completions, completions.all, "world", "admits")
    lines += [":- not admits."]
    lines += nodes(completions, completions.all & ~truth, "other", "refutes")  # type: ignore[operator]
    lines += ["saturate :- fails_refutes."]
    control.add("base", [], "\n".join(lines))
    control.ground()
    with control.solve(async_=True) as handle:
        if not handle.wait(SECONDS):
            handle.cancel()
            raise TimeoutError
        return bool(handle.get().satisfiable)


def nodes(completions: Completions, root: object, world: str, name: str) -> list[str]:
    """Write a diagram of the binary digits of values as rules: `name` where it holds, `fails_name` where it does not."""
    lines: list[str] = []
    seen: dict[object, str] = {}

    def label(node: object) -> str:
        if node in seen:
            return seen[node]
        found = seen[node] = f"{name}_{len(seen)}"
        if node == completions.none:
            lines.append(f"f{found}.")
        elif node.node_level() is None:  # type: ignore[attr-defined]
            lines.append(f"t{found}.")
        else:
            level = node.node_level()  # type: ignore[attr-defined]
            v = completions.owner(level)  # type: ignore[attr-defined]
            digit = level - completions._bits[v].start  # type: ignore[attr-defined]
            high, low = (label(side) for side in node.cofactors())  # type: ignore[attr-defined]
            for n, digits in enumerate(binary(len(completions.values[v]))):
                for kind in "tf":
                    lines.append(f"{kind}{found} :- {world}({v},{n}), {kind}{high if digits[digit] else low}.")
        return found

    lines += [f"{name} :- t{label(root)}.", f"fails_{name} :- f{label(root)}."]
    return lines


def binary(size: int) -> list[tuple[bool, ...]]:
    """Give the digits by which diagrams tell values apart; what a digit is that tells nothing more does not count."""
    if size == 1:
        return [(False,) * 8]
    half = (size + 1) // 2
    return [(True, *digits) for digits in binary(half)] + [(False, *digits) for digits in binary(size - half)]


def show(name: str, ratios: list[float]) -> None:
    median, worst = TARGETS[name]
    figure = f"median {statistics.median(ratios):.1f}, worst {max(ratios):.1f} times a complete answer"
    met = statistics.median(ratios) <= median and (worst is None or max(ratios) <= worst)
    limit = f"median {median}" + (f", worst {worst}" if worst else "")
    print(f"  {name:20} {len(ratios):5} records: {figure:55} target {limit}: {'met' if met else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--guidelines", type=int, default=60)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    count = 10 if options.quick else options.guidelines
    rng, guideline = Random(1), Guideline.load()
    complete = []
    for path in CASES:
        record = json.loads(path.read_text("utf-8"))["record"]
        if not guideline.answer(record).derivation.completions.open:
            complete.append(milliseconds(guideline, record, 40))
    base = statistics.median(complete)
    print(f"a complete answer of the shipped guideline: {base:.2f} ms (median of {len(complete)} cases)")
    proofs: list[tuple[int, int]] = []

    def ratio(owner: Guideline, record: dict[str, object]) -> float:
        return milliseconds(owner, record, 5) / base

    show("shipped", [ratio(guideline, record) for record in shipped_records(rng, guideline, 2 * count)])
    folder = Path(tempfile.mkdtemp())

    def written(text: str) -> Guideline:
        (folder / "guideline.lp").write_text(text)
        return Guideline.load(folder, layer="literal")

    lists: list[Callable[[], str]] = [lambda n=n, k=k: contraindications(n, k) for n in (10, 20, 30, 40) for k in (1, 3)]
    show("contraindications", [ratio(written(text()), {"id": "x"}) for text in lists])
    ratios = []
    for _ in range(count):
        owner = written(text_of_somebody(rng))
        ratios.append(ratio(owner, {"id": "x"}))
        proofs.append(prove_smallest(owner, {"id": "x"}))
    show("random", ratios)
    for record in shipped_records(rng, guideline, count):
        proofs.append(prove_smallest(guideline, record))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    proved, undecided = map(sum, zip(*proofs, strict=True))
    print(f"  {proved} conditional conclusions: no smaller assumption exists (asked of clingo; {undecided} took too much)")
    print(f"  most memory of this process: {memory:.0f} MiB, target 200: {'met' if memory <= 200 else 'MISSED'}")


if __name__ == "__main__":
    main()
