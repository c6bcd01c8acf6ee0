"""Plant defects into copies of the guideline and count how many loading, `check` and `diff` find.

Run as `python tests/benchmarks/mutations.py [--count N] [--seed N] [--workers N] [--verbose]`. Each mutant changes
one thing. It counts as found where loading refuses it with a place in the changed file, where `check` finds a defect
of the right class that the original does not have and names the planted rule, or where `diff` against the original
names the rule; one that `diff` proves equal in both layers is counted as equivalent.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clingo import ast

from reasoner.errors import GuidelineError
from reasoner.guideline import LAYERS, Guideline, default_folder
from reasoner.verification.check import check
from reasoner.verification.diff import diff
from reasoner.verification.findings import Finding

SECTIONS = (
    "first_line.lp",
    "second_line.lp",
    "third_line.lp",
    "hormone_receptor_positive.lp",
    "principles.lp",
    "pitfalls.lp",
    "readings.lp",
)
CITATIONS = re.compile(r"(@statement L\d+ )\[([\d, ]+)\]")


class Site(NamedTuple):
    """A rule as it stands in a file: its first and last line, its head and the conditions of its body."""

    file: str
    first: int
    last: int
    head: str
    body: tuple[str, ...]

    def write(self, head: str | None = None, body: tuple[str, ...] | None = None) -> str:
        conditions = self.body if body is None else body
        tail = f" :- {', '.join(conditions)}" if conditions else ""
        return f"{head or self.head}{tail}."


class Mutant(NamedTuple):
    """One planted defect: the lines of a file that are replaced, and the classes in which `check` should find it.

    `also` is put at the end of facts.lp; `line` is where the planted rule stands in the changed file, `head` its head.
    """

    kind: str
    file: str
    first: int
    last: int
    lines: tuple[str, ...]
    line: int
    classes: tuple[str, ...] = ()
    also: str = ""
    head: str = ""


class Outcome(NamedTuple):
    """How a mutant was found: "loading", "check", "diff"; or "equivalent", or "missed"."""

    by: str
    words: str


def sites(file: str) -> list[Site]:
    """Read the rules of a section that conclude something for patients."""
    text = (default_folder() / file).read_text("utf-8")
    found: list[Site] = []

    def take(node: ast.AST) -> None:
        if node.ast_type == ast.ASTType.Rule:
            place = node.location
            body = tuple(str(literal) for literal in node.body)
            found.append(Site(file, place.begin.line, place.end.line, str(node.head), body))

    ast.parse_string(text, take)
    return [
        site
        for site in found
        if not site.head.startswith(("reported", "route", "dose", "ground_priority", "no_order", "criterion"))
    ]


def replaced(kind: str, site: Site, text: str, classes: tuple[str, ...] = (), also: str = "") -> Mutant:
    lines = tuple(text.splitlines())
    return Mutant(kind, site.file, site.first, site.last, lines, site.first, classes, also, site.head)


def added(kind: str, site: Site, text: str, classes: tuple[str, ...]) -> Mutant:
    """Plant a rule on the line below a site."""
    return Mutant(kind, site.file, site.last + 1, site.last, (text,), site.last + 1, classes)


def swap(head: str) -> str:
    first, second = re.fullmatch(r"prefers\((\w+),(\w+)\)", head).groups()  # type: ignore[union-attr]
    return f"prefers({second},{first})"


def mutants_of(site: Site) -> Iterator[Mutant]:
    """Yield every mutant of one rule."""
    yield replaced("drop an exclusion" if site.head.startswith("contraindicated") else "drop a rule", site, "")
    for number, condition in enumerate(site.body):
        rest = site.body[:number] + site.body[number + 1 :]
        yield replaced("drop a condition", site, site.write(body=rest))
        changed = (*site.body[:number], condition.removeprefix("not "), *site.body[number + 1 :])
        if condition.startswith("not "):
            yield replaced("drop a negation", site, site.write(body=changed))
        name = re.match(r"(?:not )?(\w+)", condition)
        if name is not None and len(name[1]) > 3 and "=" not in condition:
            wrong = condition.replace(name[1], name[1][:-2] + name[1][-1], 1)
            yield replaced("misspell a condition", site, site.write(body=(*site.body[:number], wrong, *rest[number:])))
        if "12)" in condition:
            shifted = condition.replace("12)", "6)")
            text = site.write(body=(*site.body[:number], shifted, *rest[number:]))
            yield replaced("shift a threshold", site, text, ("boundary",), "threshold(months_to_recurrence, 6).")
            yield replaced("shift a threshold", site, text)
        if re.search(r"course_at_least\(.*,[46]\)", condition):
            shifted = re.sub(r",([46])\)", lambda old: f",{int(old[1]) + 2})", condition)
            text = site.write(body=(*site.body[:number], shifted, *rest[number:]))
            fact = "taxane_cycles" if "cycles" in condition else "chemotherapy_months"
            bound = re.search(r",(\d+)\)$", shifted)
            also = f"course_threshold({fact}, {bound[1]})." if bound else ""
            yield replaced("shift a threshold", site, text, ("boundary",), also)
    if re.fullmatch(r"prefers\((\w+),(\w+)\)", site.head) and not re.search(r"[(,][A-Z]", site.head):
        yield replaced("swap a preference", site, site.write(head=swap(site.head)))
    indicated = re.fullmatch(r"indicated\((\w+),(\w+)\)", site.head)
    if indicated is not None and indicated[1][:1].islower():
        yield added("add a contradicting rule", site, site.write(head=f"contraindicated({indicated[1]})"), ("conflict",))
    extra = "has(rebiopsied)"
    if site.body and extra not in site.body:
        yield added("add a redundant rule", site, site.write(body=(*site.body, extra)), ("redundant",))
        yield added("add an unfirable rule", site, site.write(body=(*site.body, extra, f"not {extra}")), ("unfirable",))
        yield added(
            "add an unfirable rule",
            site,
            site.write(body=(*site.body, "is(hr,positive)", "is(hr,negative)")),
            ("unfirable",),
        )
    if site.body:
        yield added("add a redundant rule", site, site.write(), ("redundant",))


def citation_mutants(file: str) -> Iterator[Mutant]:
    for number, line in enumerate((default_folder() / file).read_text("utf-8").splitlines(), start=1):
        found = CITATIONS.search(line)
        if found is not None:
            rest = found[2].split(", ")
            for kept in ([], rest[:-1]) if len(rest) > 1 else ([],):
                text = CITATIONS.sub(rf"\g<1>[{', '.join(kept)}]", line)
                yield Mutant("cut a citation", file, number, number, (text,), number, () if kept else ("unsupported",))


def draw(count: int, seed: int) -> list[Mutant]:
    """Draw mutants, as evenly over their kinds as there are enough of each."""
    rng = random.Random(seed)
    by_kind: dict[str, list[Mutant]] = {}
    for file in SECTIONS:
        for mutant in (*(m for site in sites(file) for m in mutants_of(site)), *citation_mutants(file)):
            by_kind.setdefault(mutant.kind, []).append(mutant)
    for own in by_kind.values():
        rng.shuffle(own)
    drawn: list[Mutant] = []
    while len(drawn) < count and any(by_kind.values()):
        drawn += [own.pop() for own in by_kind.values() if own]
    return drawn[:count]


def write(mutant: Mutant, folder: Path) -> Path:
    """Write a copy of the guideline's folder with the mutant in it."""
    target = folder / "her2_mbc"
    shutil.copytree(default_folder(), target, ignore=shutil.ignore_patterns("cases"))
    path = target / mutant.file
    lines = path.read_text("utf-8").splitlines()
    lines[mutant.first - 1 : mutant.last] = mutant.lines
    path.write_text("\n".join(lines) + "\n", "utf-8")
    if mutant.also:
        facts = target / "facts.lp"
        facts.write_text(facts.read_text("utf-8") + mutant.also + "\n", "utf-8")
    return target


def compile_here() -> None:
    """Compile in this process, where what all guidelines share is read once, and keep nothing."""
    os.environ.update(REASONER_CACHE="off", REASONER_COMPILE_SECONDS="off")


@cache
def original(layer: str) -> Guideline:
    return Guideline.load(layer=layer)


@cache
def known(layer: str) -> frozenset[str]:
    """The findings on the guideline as it is."""
    return frozenset(found.id for found in check(original(layer)).findings)


def named(found: Finding, names: set[str], place: str, head: str = "") -> bool:
    """Tell whether a finding names the planted rule: by its id on one side, by its place, or as the fact that it is."""
    return bool(names & set(found.rules)) or place in found.places or (found.kind == "data" and head in found.message)


def judge(mutant: Mutant) -> Outcome:
    """Look for one mutant: by loading, by `check` for the classes it belongs to, by `diff` in both layers."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write(mutant, Path(scratch))
        try:
            changed = {layer: Guideline.load(folder, layer) for layer in layers_of(mutant)}
        except GuidelineError as error:
            right = mutant.file in str(error)
            return Outcome("loading" if right else "missed", str(error))
        return checked(mutant, changed) or compared(mutant, changed)


def layers_of(mutant: Mutant) -> tuple[str, ...]:
    """List the layers in which a mutant makes a difference: nothing of the readings is in the literal one."""
    return ("curated",) if mutant.file == "readings.lp" and not mutant.also else LAYERS


def checked(mutant: Mutant, changed: Mapping[str, Guideline]) -> Outcome | None:
    """Look for a mutant by `check`, for its own classes: where advice conflicts the text's own layer shows it first."""
    place = f"her2_mbc/{mutant.file}:{mutant.line}"
    for layer in sorted(changed, reverse="conflict" in mutant.classes) if mutant.classes else ():
        for found in check(changed[layer], known=known(layer)).findings:
            if found.id not in known(layer) and found.kind in mutant.classes and named(found, set(), place):
                return Outcome("check", f"{found.kind}: {found.message}")
    return None


def compared(mutant: Mutant, changed: Mapping[str, Guideline]) -> Outcome:
    """Look for a mutant by `diff`."""
    place = f"her2_mbc/{mutant.file}:{mutant.line}"
    equivalent = unchanged = True
    declared = ""
    for layer in sorted(changed):
        comparison = diff(original(layer), changed[layer])
        equivalent &= comparison.equivalent
        unchanged &= not comparison.undecided and not any(found.witness for found in comparison.findings)
        sides = {"old": original(layer), "new": changed[layer]}
        names = {f"{side}:{rule}" for side, own in sides.items() for rule in rules_at(own, place, mutant)}
        for found in comparison.findings:
            if named(found, names, place, mutant.head):
                return Outcome("diff", f"{found.kind}: {found.message}")
            if mutant.also and mutant.also.rstrip(".").replace(" ", "") in found.message:
                declared = f"{found.kind}: {found.message}"
    if unchanged and declared:
        return Outcome("diff", declared)
    return Outcome("equivalent" if equivalent else "missed", "")


def rules_at(guideline: Guideline, place: str, mutant: Mutant) -> list[str]:
    """Name the rules that the mutant changed, on one side."""
    return [rule.id for rule in guideline.model.rules if rule.place == place and mutant.line == mutant.first]


def run(mutants: list[Mutant], workers: int, report: Callable[[Mutant, Outcome], None]) -> list[Outcome]:
    outcomes = []
    with ProcessPoolExecutor(workers, initializer=compile_here) as pool:
        for mutant, outcome in zip(mutants, pool.map(judge, mutants, chunksize=1), strict=True):
            outcomes.append(outcome)
            report(mutant, outcome)
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=330)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the first N of those drawn")
    parser.add_argument("--kind", help="only mutants of this kind, of those drawn")
    parser.add_argument("--verbose", action="store_true", help="print every mutant with what found it")
    options = parser.parse_args()
    mutants = [m for m in draw(options.count, options.seed)[options.skip :] if options.kind in (None, m.kind)]
    start = time.perf_counter()

    def report(mutant: Mutant, outcome: Outcome) -> None:
        if options.verbose or outcome.by == "missed":
            text = " ".join(mutant.lines)
            print(f"{outcome.by:10} {mutant.kind}: {mutant.file}:{mutant.line}: {text} | {outcome.words}", flush=True)

    outcomes = run(mutants, options.workers, report)
    print(f"{len(mutants)} mutants in {time.perf_counter() - start:.0f} s")
    for kind in dict.fromkeys(mutant.kind for mutant in mutants):
        own = Counter(o.by for m, o in zip(mutants, outcomes, strict=True) if m.kind == kind)
        print(f"  {kind:28} {sum(own.values()):4}  " + ", ".join(f"{by} {number}" for by, number in sorted(own.items())))
    total = Counter(outcome.by for outcome in outcomes)
    real = len(mutants) - total["equivalent"]
    found = real - total["missed"]
    print(f"found {found} of {real} ({found / real:.1%}); {total['equivalent']} proved equivalent")
    sys.exit(found / real < 0.98)


if __name__ == "__main__":
    main()
