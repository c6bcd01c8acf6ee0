"""Measure how long answering takes, against plain clingo, an import of it, and xclingo 2.

Run as `python tests/benchmarks/answering.py [--xclingo PYTHON] [--quick]`, where PYTHON is an interpreter with xclingo 2.
Both sides of each comparison are measured in the same run, in rounds that alternate. Figures are medians. The targets are
printed beside them; no time fails the run, a different answer does.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import clingo
from clingo import ast
from copies import write_copies

from reasoner.engine.answer import Answer
from reasoner.engine.derivation import Derivation
from reasoner.engine.memory import capacities
from reasoner.engine.opened import open_record
from reasoner.guideline import Guideline, default_folder
from reasoner.queries.changes import smallest_changes

HERE = Path(__file__).resolve().parent
CORE = default_folder().parent / "core"
UNKNOWN = (
    "hr",
    "heart_failure",
    "interstitial_lung_disease",
    "lvef_decline",
    "low_disease_burden",
    "significant_comorbidity",
    "long_disease_free_interval",
    "rebiopsied",
)
EXPLAINED_CASE = "second_line"
RUNS = 5
FRESH = (
    "import sys, reasoner.cli as c\ntry: c.main()\nexcept SystemExit: pass\nsys.stderr.write(str('networkx' in sys.modules))"
)

Times = dict[str, list[float]]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_of(times: Times) -> dict[str, float]:
    return {name: statistics.median(own) for name, own in times.items()}


def show(words: str, figure: str, target: str = "", met: bool = True) -> None:
    print(f"  {words:58} {figure:>20}" + (f"   target {target}: {'met' if met else 'MISSED'}" if target else ""))


def ms(value: float) -> str:
    return f"{value * 1000:.3f} ms"


def alternate(rounds: int, names: Sequence[str], *sides: Callable[[str], object]) -> list[Times]:
    """Measure every side on every name, side after side, `rounds` times after one round that does not count."""
    times: list[Times] = [{name: [] for name in names} for _ in sides]
    for number in range(rounds + 1):
        for side, own in zip(sides, times, strict=True):
            gc.collect()
            for name in names:
                taken = seconds(lambda side=side, name=name: side(name))
                if number:
                    own[name].append(taken)
    return times


def show_ratios(ours: Times, theirs: Times, limit: float | None = None) -> None:
    """Print the ratio of the medians, case by case: the median of the cases and the worst."""
    above, below = median_of(ours), median_of(theirs)
    ratios = {name: above[name] / below[name] for name in above}
    middle, worst = statistics.median(ratios.values()), max(ratios, key=lambda name: ratios[name])
    target = ("", True) if limit is None else (f"<= {limit:g}", middle <= limit)
    show("ratio, median of the cases", f"{middle:.3f}", *target)
    show(f"ratio, worst case ({worst})", f"{ratios[worst]:.3f}")


def complete_records(guideline: Guideline) -> dict[str, dict[str, object]]:
    """List the cases that leave nothing open."""
    records = {name: case.record for name, case in guideline.cases().items()}
    return {name: data for name, data in records.items() if not guideline.answer(data).derivation.completions.open}


def explained(guideline: Guideline, data: Mapping[str, object]) -> Answer:
    """Answer a record and materialise all supports and all blocked rules of every conclusion."""
    answer = guideline.answer(data)
    derivation = answer.derivation
    for atom in derivation.conclusions():
        derivation.explain(atom)
    return answer


def explained_to_the_record(guideline: Guideline, data: Mapping[str, object]) -> int:
    """Answer a record and explain every conclusion, then every derived atom that a condition names, down to the record.

    Returned is the number of atoms explained.
    """
    derivation: Derivation = guideline.answer(data).derivation
    program = derivation.program
    seen = set(derivation.conclusions())
    waiting = list(seen)
    while waiting:
        found = derivation.explain(waiting.pop())
        for use in (*found.supports, *found.blocked):
            for condition in use.conditions:
                if condition.atom not in seen and program.supports[program.index[condition.atom]]:
                    seen.add(condition.atom)
                    waiting.append(condition.atom)
    return len(seen)


def plain(folder: Path, facts: str) -> clingo.Control:
    """Answer a record with clingo by itself: load, ground and solve; nothing is explained and the model is not read."""
    control = clingo.Control(["--warn=none"])
    for path in (CORE / "core.lp", folder / "guideline.lp", folder / "readings.lp"):
        control.load(str(path))
    control.add("base", [], facts)
    control.ground()
    control.solve()
    return control


def essence(answer: Answer) -> tuple[object, ...]:
    """Give what an answer says, without the rules it names."""
    return (
        answer.setting,
        [(e.regimen, e.rank, e.strength, e.certainty, e.assuming) for e in answer.recommended],
        [(e.regimen, e.certainty, e.assuming) for e in answer.excluded],
        [(e.action, e.certainty, e.assuming) for e in answer.actions],
    )


def shown_by(answer: Answer) -> set[str]:
    """Give what an answer to a complete record says as clingo's atoms."""
    return {
        *(f"recommended({e.regimen})" for e in answer.recommended),
        *(f"excluded({e.regimen})" for e in answer.excluded),
        *(f"action({e.action})" for e in answer.actions),
    }


def model_of(control: clingo.Control) -> set[str]:
    with control.solve(yield_=True) as handle:
        model = handle.model()
        assert model is not None
        return {str(s) for s in model.symbols(shown=True) if s.name in ("recommended", "excluded", "action")}


def check_copies(original: Guideline, copy: Guideline, facts: Mapping[str, str]) -> list[int]:
    """Check that the copied rules answer all cases as the original does, and complete ones as plain clingo does.

    Returned are the numbers of ground rules that clingo makes for the complete records, sorted.
    """
    counts = []
    for name, case in original.cases().items():
        answer = copy.answer(case.record)
        assert essence(answer) == essence(original.answer(case.record)), f"{name}: the copies answer differently"
        if name in facts:
            control = plain(copy.folder, facts[name])
            counts.append(int(control.statistics["problem"]["lp"]["rules"]))
            assert model_of(control) == shown_by(answer), f"{name}: plain clingo answers differently"
    return sorted(counts)


def compare_with_clingo(original: Guideline, scratch: Path, copies: int, rounds: int) -> None:
    """Answer with the complete derivation against plain clingo, over rules copied `copies` times."""
    folder = write_copies(original.folder, CORE, scratch / f"copies{copies}", copies)
    cold = seconds(lambda: Guideline.load(folder))
    guideline = Guideline.load(folder)
    records = complete_records(guideline)
    facts = {name: guideline.record(data).facts for name, data in records.items()}
    clingo_ground = check_copies(original, guideline, facts)
    courses = sorted({guideline.record(data).courses for data in records.values()})
    grounding = [len(guideline.program(number).rules) for number in courses]
    print(f"\n1. One complete record in process, the complete derivation included: rules {copies} times")
    print(
        f"  {len(records)} cases, {rounds} rounds; {len(guideline.model.rules)} rules, ground with everything open"
        f" {', '.join(map(str, grounding))} (courses {', '.join(map(str, courses))});\n"
        f"  clingo grounds {clingo_ground[0]} to {clingo_ground[-1]} rules for a record, facts included"
    )
    ours, theirs, answered, deep = alternate(
        rounds,
        list(records),
        lambda name: explained(guideline, records[name]),
        lambda name: plain(folder, facts[name]),
        lambda name: guideline.answer(records[name]),
        lambda name: explained_to_the_record(guideline, records[name]),
    )
    show("ours: answer, all supports and blocked rules", ms(statistics.median(median_of(ours).values())))
    show("plain clingo: load, ground, solve", ms(statistics.median(median_of(theirs).values())))
    show_ratios(ours, theirs, 0.15)
    show("of ours, the answer alone", ms(statistics.median(median_of(answered).values())))
    atoms = [explained_to_the_record(guideline, data) for data in records.values()]
    conclusions = [len(guideline.answer(data).derivation.conclusions()) for data in records.values()]
    print(
        f"  Besides: every derived atom below the conclusions explained too, {min(atoms)} to {max(atoms)} atoms"
        f" (conclusions: {min(conclusions)} to {max(conclusions)})"
    )
    show("ours: answer, explained down to the record", ms(statistics.median(median_of(deep).values())))
    show_ratios(deep, theirs)
    show("loading once: reading and checking the files", f"{cold:.2f} s")
    show("loading once: what is kept, without a program", f"{seconds(lambda: Guideline.load(folder)):.2f} s")
    again = Guideline.load(folder)
    show("a program, kept (courses: the most)", f"{seconds(lambda: again.program(courses[-1])):.2f} s")


def compare_with_complete(guideline: Guideline, rounds: int) -> None:
    """Answer records with eight unknown facts against the same records complete."""
    records = {n: d for n, d in complete_records(guideline).items() if all(d.get(fact) is not None for fact in UNKNOWN)}
    dropped = {name: {k: v for k, v in data.items() if k not in UNKNOWN} for name, data in records.items()}
    opened = sorted({len(guideline.answer(data).derivation.completions.open) for data in dropped.values()})
    print(f"\n2. A record with {len(UNKNOWN)} unknown facts against the same record complete")
    print(f"  {len(records)} cases, {rounds} rounds; left open {', '.join(map(str, opened))}")
    derived_open, derived, answer_open, answer = alternate(
        rounds,
        list(records),
        lambda name: explained(guideline, dropped[name]),
        lambda name: explained(guideline, records[name]),
        lambda name: guideline.answer(dropped[name]),
        lambda name: guideline.answer(records[name]),
    )
    for words, unknown, known in (
        ("with the derivation", derived_open, derived),
        ("answer alone", answer_open, answer),
    ):
        show(f"{words}: unknown", ms(statistics.median(median_of(unknown).values())))
        show(f"{words}: complete", ms(statistics.median(median_of(known).values())))
        show_ratios(unknown, known, 3)


def compare_with_parts(guideline: Guideline, rounds: int) -> None:
    """Answer complete records against the parts of that: opening the record, and evaluating it as well."""
    records = {name: guideline.record(data) for name, data in complete_records(guideline).items()}
    evaluators = {name: guideline.evaluator(record.courses) for name, record in records.items()}
    for evaluator in evaluators.values():
        evaluator.compile()
    opened, derived, answered = alternate(
        rounds,
        list(records),
        lambda name: open_record(records[name], evaluators[name], guideline.adopted, capacities()[0]),
        lambda name: guideline.derive(records[name]),
        lambda name: guideline.answer(records[name]),
    )
    print("\n3. A complete record, already read, by the parts of its answer")
    print(f"  {len(records)} cases, {rounds} rounds")
    whole = statistics.median(median_of(answered).values())
    for words, part in (("opened", opened), ("opened and evaluated", derived), ("answered", answered)):
        own = statistics.median(median_of(part).values())
        show(words, f"{ms(own)} ({own / whole:.0%})")


def compare_changes(guideline: Guideline, rounds: int) -> None:
    """Find all smallest changes for every regimen against plain clingo's bare answer to the same record."""
    records = {name: guideline.record(data) for name, data in complete_records(guideline).items()}
    pairs = {f"{name} {regimen}": (name, regimen) for name in records for regimen in guideline.model.regimens}

    def changes(pair: str) -> int:
        name, regimen = pairs[pair]
        evaluator = guideline.evaluator(records[name].courses)
        return len(smallest_changes(records[name], evaluator, guideline.model, f"recommended({regimen})", anything=False))

    print("\n4. All smallest changes that make a regimen certain")
    print(f"  {len(records)} cases with {len(guideline.model.regimens)} regimens each, {rounds} rounds")
    ours, theirs = alternate(
        rounds, list(pairs), changes, lambda pair: plain(guideline.folder, records[pairs[pair][0]].facts)
    )
    show("ours: all smallest changes", ms(statistics.median(median_of(ours).values())))
    show("plain clingo: load, ground, solve", ms(statistics.median(median_of(theirs).values())))
    show_ratios(ours, theirs, 2)


def compare_process(scratch: Path, guideline: Guideline, rounds: int) -> None:
    """Run `reasoner recommend FILE` against an interpreter that imports clingo and click and does nothing."""
    record = scratch / "record.json"
    record.write_text(json.dumps(guideline.cases()[EXPLAINED_CASE].record), "utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    commands = {
        "ours": [str(Path(sys.executable).with_name("reasoner")), "recommend", str(record)],
        "theirs": [sys.executable, "-c", "import clingo, click"],
    }

    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)

    (ours, theirs) = alternate(rounds, ["process"], lambda _: run(commands["ours"]), lambda _: run(commands["theirs"]))
    print("\n5. The whole process, after one warming run, against importing clingo and click")
    print(f"  {rounds} rounds")
    show("reasoner recommend FILE", ms(median_of(ours)["process"]))
    show('python -c "import clingo, click"', ms(median_of(theirs)["process"]))
    ratio = median_of(ours)["process"] / median_of(theirs)["process"]
    show("ratio", f"{ratio:.3f}", "<= 1.5", ratio <= 1.5)
    imported = run([sys.executable, "-c", FRESH, "recommend", str(record)]).stderr.splitlines()[-1]
    show("networkx imported", imported, "False", imported == "False")


def count_rules(path: Path) -> int:
    """Count the rules of a file that have a body."""
    rules: list[ast.AST] = []
    ast.parse_files([str(path)], lambda node: rules.append(node) if node.ast_type == ast.ASTType.Rule else None)
    return sum(bool(rule.body) for rule in rules)


def compare_with_xclingo(python: str, scratch: Path, guideline: Guideline, rounds: int) -> None:
    """Explain one patient against xclingo 2 in a process of its own, which is started once and stays."""
    data = guideline.cases()[EXPLAINED_CASE].record
    facts = scratch / "record.lp"
    facts.write_text(guideline.record(data).facts, "utf-8")
    rules = HERE / "her2_xclingo.lp"
    answer = explained(guideline, data)
    expected = sorted(atom for atom in shown_by(answer) if not atom.startswith("action("))
    found: dict[str, object] = {}
    with subprocess.Popen(
        [python, str(HERE / "xclingo_side.py"), str(rules), str(facts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as side:
        assert side.stdin is not None
        assert side.stdout is not None
        times: Times = {"ours": [], "ours first": [], "theirs": [], "theirs first": []}
        for number in range(rounds + 1):
            taken = [seconds(lambda: explained(guideline, data)) for _ in range(RUNS)]
            others = []
            for _ in range(RUNS):
                side.stdin.write("\n")
                side.stdin.flush()
                line = side.stdout.readline()
                assert line, f"{python}: xclingo did not answer; does that interpreter have it?"
                found = json.loads(line)
                others.append(found["seconds"])
            if number:
                times["ours"] += taken
                times["theirs"] += others
                times["ours first"].append(taken[0])
                times["theirs first"].append(others[0])
        side.stdin.close()
    assert found["atoms"] == expected, f"xclingo explains {found['atoms']}, the guideline says {expected}"
    fired = [n for n, completions in enumerate(answer.derivation.fired) if completions]
    instances = answer.derivation.program.rules
    print(f"\n6. The case {EXPLAINED_CASE} explained, against xclingo 2 (one explanation of each answer)")
    print(
        f"  {rounds} rounds of {RUNS} runs; xclingo: {count_rules(rules)} rules, {found['trees']} atoms explained;"
        f" ours: {len(guideline.model.rules)} rules,\n"
        f"  of which {len({instances[n].rule for n in fired})} fire ({len(fired)} of {len(instances)} ground ones),"
        f" {len(answer.derivation.conclusions())} conclusions explained"
    )
    middle = median_of(times)
    show("ours", ms(middle["ours"]))
    show("xclingo 2, in process, modules loaded", ms(middle["theirs"]))
    ratio = middle["theirs"] / middle["ours"]
    show("times faster", f"{ratio:.0f}", ">= 100", ratio >= 100)
    show("ours, the first run after a pause", ms(middle["ours first"]))
    show("times faster, the first runs of both after a pause", f"{middle['theirs first'] / middle['ours first']:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xclingo", metavar="PYTHON", help="an interpreter with xclingo 2, to compare explanations")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and the rules 1 and 10 times only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
        os.environ.pop("REASONER_CACHE", None)
        guideline = Guideline.load()
        for copies, rounds in ((1, 5), (10, 3)) if options.quick else ((1, 15), (10, 7), (100, 3)):
            compare_with_clingo(guideline, scratch, copies, rounds)
        compare_with_complete(guideline, 5 if options.quick else 25)
        compare_with_parts(guideline, 5 if options.quick else 25)
        compare_changes(guideline, 1 if options.quick else 3)
        compare_process(scratch, guideline, 15 if options.quick else 31)
        if options.xclingo:
            compare_with_xclingo(options.xclingo, scratch, guideline, 5 if options.quick else 25)


if __name__ == "__main__":
    main()
