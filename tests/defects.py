"""The defects of a small guideline, worked out by brute force: from plain clingo's answer sets for every record there is.

The definitions of the contract and of `asp/core/defects.lp` are read again here, over tables of patients; none of the
package's questions about patients is used for it. A patient is a completion of a record.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, product
from random import Random
from typing import Any

from plain import PlainClingo, sets_of

from reasoner import Guideline
from reasoner.records.record import parse_record

HEAD = """
guideline(id, small). guideline(title, "Small"). guideline(disclaimer, "Invented.").
fact(1, a, boolean). fact(2, b, boolean). fact(3, c, boolean). fact(4, k, choice). fact(5, d, boolean).
term(fact, a, "a"). term(fact, b, "b"). term(fact, c, "c"). term(fact, k, "k"). term(fact, d, "d").
value(k, 1, low). value(k, 2, high). term(value, low, "low"). term(value, high, "high").
typical(a, true). typical(k, low). default(d, false).
predicate(in_scope, space, "scope"). in_scope :- has(a).
predicate(h, derived, "h"). predicate(i, derived, "i"). predicate(j, derived, "j").
term(drug, x, "x"). term(drug, y, "y"). term(drug, z, "z").
term(regimen, x, "x"). term(regimen, y, "y"). term(regimen, z, "z"). part(x, x). part(y, y). part(z, z).
term(setting, acute, "acute"). term(setting, chronic, "chronic"). term(setting, watch, "watch"). by_design(watch).
term(ground, g1, "g1"). term(ground, g2, "g2"). term(ground, g3, "g3").
term(strength, standard, "standard"). term(strength, weak, "weak").
strength_order(1, standard). strength_order(2, weak). first_choice(standard).
citation(1). reference(1, "Book").
term(schedule, daily, "daily"). term(step, every, "each dose"). term(unit, mg, "mg").
"""
DECISIONS = """
term(decision, d1, "d1"). term(decision, d2, "d2").
setting_of(acute, d1). setting_of(watch, d1). setting_of(chronic, d2).
option_of(x, d1). option_of(y, d1). option_of(z, d2).
"""
DECIDES = {"acute": "d1", "watch": "d1", "chronic": "d2", "x": "d1", "y": "d1", "z": "d2"}
FACTS: dict[str, tuple[object, ...]] = {
    "a": (True, False), "b": (True, False), "c": (True, False), "k": ("low", "high"), "d": (True, False),
}  # fmt: skip
TYPICAL: dict[str, object] = {"a": True, "b": False, "c": False, "k": "low", "d": False}
REGIMENS = ("x", "y", "z")
SETTINGS = ("acute", "chronic", "watch")
SCORE = """term(score, points, "Points").
%* @statement L9 [1] sha256:000000000000
Points.
*%
"""
COMPARED = ("setting", "recommended", "rank", "strength", "excluded", "action", "cautioned", "dose", "dose_maximum")
RELATIONS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "!=": operator.ne}
ABSENT = object()

Defect = tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A ground rule of the guideline under test."""

    annotation: str
    id: str
    head: str
    body: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.head} :- {', '.join(self.body)}." if self.body else f"{self.head}."

    def fires(self, atoms: frozenset[str], unless: Callable[[str], bool] = lambda _: False) -> bool:
        return all(unless(condition) or holds(condition, atoms) for condition in self.body)


@dataclass(frozen=True)
class Patient:
    """A completion of a record: what is recorded, what is true, and all that plain clingo concludes."""

    record: Mapping[str, Any]
    values: tuple[object, ...]
    atoms: frozenset[str]

    @property
    def size(self) -> int:
        """Count the departures from the default patient."""
        unrecorded = sum(self.record.get(fact) is None for fact in FACTS)
        return unrecorded + sum(v != TYPICAL[f] for f, v in zip(FACTS, self.values, strict=True))

    def has(self, atom: str) -> bool:
        return atom in self.atoms


@dataclass
class Shown:
    """The defects that are shown, each with the size of its smallest patients and the records of these."""

    smallest: dict[Defect, tuple[int, list[Mapping[str, Any]]]] = field(default_factory=dict)

    def note(self, defect: Defect, patient: Patient) -> None:
        size, records = self.smallest.get(defect, (99, []))
        if patient.size < size:
            self.smallest[defect] = (patient.size, [patient.record])
        elif patient.size == size:
            records.append(patient.record)


def holds(condition: str, atoms: frozenset[str]) -> bool:
    if condition.startswith("not "):
        return not holds(condition[4:], atoms)
    if "#" in condition:
        least, _, elements = condition.partition(" <= ")
        counted = re.findall(r"(-?\d+)(?:,\w+)? : ([^;}]+?) ?[;}]", elements)
        return int(least) <= sum((1 if "#count" in elements else int(n)) for n, atom in counted if holds(atom, atoms))
    if condition.startswith("score(points,P"):
        relation, bound = condition.split()[-2:]
        values = [int(atom[13:-1]) for atom in atoms if atom.startswith("score(points,")]
        return any(RELATIONS[relation](value, int(bound)) for value in values)
    return condition in atoms


def summed(rng: Random, function: str) -> str:
    """Draw what is counted or added up."""
    facts = rng.sample(("has(a)", "has(b)", "has(c)", "is(k,high)", "not has(b)", "not is(k,high)"), rng.randint(2, 3))
    weights = (n if function == "#count" else f"{rng.choice((-2, -1, 1, 1, 2, 3))},{'abc'[n]}" for n in range(3))
    return f"{function} {{ {'; '.join(f'{weight} : {fact}' for weight, fact in zip(weights, facts, strict=False))} }}"


def scored(rng: Random) -> str:
    """Draw a score."""
    return f"{SCORE}score(points,N) :- N = {summed(rng, rng.choice(('#count', '#sum', '#sum')))}.\n"


def draw(rng: Random, recursive: bool) -> list[Rule]:
    """Draw the rules of a guideline."""
    base: list[str] = ["has(a)", "has(b)", "has(c)", "has(d)", "is(k,low)", "is(k,high)", "known(b)", "h", "i"]
    base += [f"score(points,{rng.randint(0, 3)})"]
    compared = [f"score(points,P{n}), P{n} {rng.choice(list(RELATIONS))} {rng.randint(0, 3)}" for n in range(2)]
    compared += [f"{rng.randint(-1, 3)} <= {summed(rng, function)}" for function in ("#count", "#sum", "#sum")]

    def body(most: int, *given: str) -> tuple[str, ...]:
        among = base if "in_scope" in given else [*base, *compared]
        drawn = rng.sample(among, rng.randint(0 if given else 1, most))
        return (*given, *(f"not {c}" if rng.random() < 0.35 and "P" not in c else c for c in drawn))

    def rule() -> tuple[str, tuple[str, ...]]:
        first, second = rng.sample(REGIMENS, 2)
        setting = rng.choice(("acute", "chronic"))
        occasion = rng.choice(((f"setting({setting})",), (f"setting({setting})",), ("in_scope",)))
        kinds: list[tuple[int, str, Callable[[], tuple[str, ...]]]] = [
            (2, f"places({setting},{rng.choice(('g1', 'g2'))})", lambda: body(2, "in_scope")),
            (1, "places(watch,g3)", lambda: body(2, "in_scope")),
            (7, f"indicated({first},{rng.choice(('standard', 'weak'))})", lambda: body(1, *occasion)),
            (2, f"prefers({first},{second})", lambda: body(1, "in_scope")),
            (3, f"contraindicated({first})", lambda: body(2)),
            (1, f"suppressed({first})", lambda: (f"excluded({rng.choice((first, first, second))})",)),
            (1, f"suppressed({first})", lambda: body(2)),
            (2, f'dose({first},daily,every,"{rng.randint(1, 3)}",mg,days(1))', lambda: body(2)),
            (1, f'dose_maximum({first},daily,every,"{rng.randint(5, 6)}",mg)', lambda: body(2)),
            (1, f"step_done({first},every)", lambda: body(2)),
        ]
        chosen = rng.choices(kinds, [weight for weight, _, _ in kinds])[0]
        return chosen[1], chosen[2]()

    counted = summed(rng, "#count")
    drawn = [
        ("h", ("has(b)",)),
        ("h", (f"{rng.randint(1, 3)} <= {counted}", *rng.sample(base, 1))),
        ("i", tuple(rng.sample(("has(b)", "has(c)", "is(k,high)"), 2))),
    ]
    if recursive:
        drawn += rng.choice((
            [("h", ("j", "has(c)")), ("j", ("h",)), ("j", ("has(d)",))],
            [("j", ("not h", "has(c)")), ("h", ("not j", "has(c)"))],
            [("j", ("not j", "has(c)", "is(k,high)")), ("i", ("j",))],
            [("h", ("i", "has(c)")), ("i", ("h", "not known(b)")), ("h", ("i", "has(c)", "has(d)"))],
        ))  # fmt: skip
    drawn += [("places(acute,g1)", body(1, "in_scope")), *(rule() for _ in range(rng.randint(6, 12)))]
    drawn = list({(head, frozenset(made)): (head, made) for head, made in drawn}.values())
    found = []
    for number, statement in enumerate(("L1", "L2", "L3"), start=0):
        own = drawn[number::3]
        found += [Rule(statement, f"{statement}.{n}", head, made) for n, (head, made) in enumerate(own, start=1)]
    return found


def write(rules: Iterable[Rule], extra: str = "") -> str:
    text = HEAD + extra
    last = ""
    for rule in rules:
        if rule.annotation != last:
            last = rule.annotation
            text += f"%* @statement {last} [1] sha256:000000000000\nStatement {last}.\n*%\n"
        text += rule.text + "\n"
    return text


def every_record() -> Iterator[dict[str, Any]]:
    """Yield every record: each fact recorded, left out, or told to be unknown."""
    for values in product(*((*own, ABSENT) for own in FACTS.values()), (False, True)):
        record = {fact: value for fact, value in zip(FACTS, values, strict=False) if value is not ABSENT}
        if values[-1] and "d" not in record:
            record["d"] = None
        elif values[-1]:
            continue
        yield {"id": "a", **record}


@dataclass(frozen=True)
class Defects:
    """All defects of a guideline of ground rules."""

    rules: list[Rule]
    guideline: Guideline
    extra: str = ""

    @cached_property
    def by_record(self) -> list[tuple[dict[str, Any], list[Patient]]]:
        """The answer sets of each record, one or none or several for each completion."""
        plain = PlainClingo(self.guideline)
        program, _ = plain.assumed((), 0)
        open_atoms = [(str(atom.symbol), atom.literal) for atom in program.control.symbolic_atoms if not atom.is_fact]
        always = frozenset(str(atom.symbol) for atom in program.control.symbolic_atoms if atom.is_fact)
        found = []
        for record in every_record():
            _, assumptions = plain.assumed(sets_of(parse_record(record, self.guideline.model).facts).facts[0], 0)
            patients = []
            with program.control.solve(assumptions, yield_=True) as handle:
                for answer_set in handle:
                    atoms = always.union(text for text, literal in open_atoms if answer_set.is_true(literal))
                    patients.append(Patient(record, values_in(atoms), atoms))
            found.append((record, patients))
        return found

    @cached_property
    def patients(self) -> list[Patient]:
        return [patient for _, own in self.by_record for patient in own]

    def decision(self, name: str) -> str:
        """Name the decision that a setting or a regimen belongs to."""
        return DECIDES[name] if DECISIONS in self.extra else "only"

    @property
    def decisions(self) -> list[str]:
        return sorted(set(DECIDES.values())) if DECISIONS in self.extra else ["only"]

    def firing(self, patient: Patient, predicate: str) -> list[tuple[Rule, list[str]]]:
        found = [rule for rule in self.rules if rule.head.startswith(predicate + "(") and rule.fires(patient.atoms)]
        return [(rule, rule.head[len(predicate) + 1 : -1].split(",")) for rule in found]

    def shown(self) -> Shown:
        """Give each defect that some patient shows, with the smallest who do."""
        found, contested = Shown(), set[Defect]()
        for patient in self.patients:
            for defect in self.defects_of(patient, contested):
                found.note(defect, patient)
        self.note_unsafe(found)
        self.note_unanswered(found)
        if ("several_answers",) not in found.smallest:
            self.note_overlooked(found)
        for defect in contested:
            found.smallest.pop(defect, None)
        return found

    def defects_of(self, patient: Patient, contested: set[Defect]) -> Iterator[Defect]:
        recommended = {r for r in REGIMENS if patient.has(f"recommended({r})")}
        excluded = {r for r in REGIMENS if patient.has(f"excluded({r})")}
        indicated, against = self.firing(patient, "indicated"), self.firing(patient, "contraindicated")
        for rule, (regimen, _) in indicated:
            for other, (contraindicated,) in against:
                if regimen == contraindicated and regimen in recommended & excluded:
                    yield "both", regimen, rule.annotation, other.annotation
        yield from self.ties(patient, recommended - excluded)
        doses = self.firing(patient, "dose")
        for regimen in recommended:
            amounts = {amount for _, (target, _, _, amount, *_) in doses if target == regimen}
            if not amounts:
                yield "no_dose", regimen
            done = not amounts or patient.has(f"step_done({regimen},every)")
            for two in combinations(sorted(amounts), 2) if not done else ():
                yield "two_doses", regimen, "daily", "every", *(f"dose({amount},mg,days(1))" for amount in two)
        settings = [(rule, s) for rule, (s, _) in self.firing(patient, "places") if patient.has(f"setting({s})")]
        for (rule, s), (other, t) in product(settings, settings):
            if s < t and self.decision(s) == self.decision(t):
                yield "placed", s, t, rule.annotation, other.annotation
        before = {(r, q) for r, q in product(REGIMENS, REGIMENS) if patient.has(f"before({r},{q})")}
        ahead = set(before)
        for p, r, q in product(REGIMENS, repeat=3):
            if (r, p) in ahead and (p, q) in ahead:
                ahead.add((r, q))
        for r, q in before:
            if (q, r) in ahead and (r < q or (q, r) not in before):
                yield "cycle", r, q
        in_force = {s for _, s in settings}
        lacking = {d for d in self.decisions if patient.has("in_scope") and d not in map(self.decision, recommended)}
        advised = {s for s in in_force if any(f"setting({s})" in r.body or not advises(r) for r, _ in indicated)}
        for rule, s in settings:
            alone = {r.annotation for r, t in settings if t == s} == {rule.annotation}
            if s in advised and alone and s != "watch":
                contested.add(("nowhere", rule.annotation, s))
            elif s not in advised and self.decision(s) in lacking and s != "watch":
                yield "nowhere", rule.annotation, s
        for decision in lacking:
            yield from self.gaps(patient, decision, {s for s in in_force if self.decision(s) == decision})

    def ties(self, patient: Patient, usable: set[str]) -> Iterator[Defect]:
        leading = [r for r in sorted(usable) if patient.has(f"rank({r},1)")]
        first = {r for r in leading if patient.has(f"strength({r},standard)")}
        for (rule, (r, _)), (other, (q, _)) in product(self.firing(patient, "indicated"), repeat=2):
            ordered = f"no_order({r}, {q})" in self.extra or f"no_order({q}, {r})" in self.extra
            apart = advises(rule) and advises(other) and advises(rule) != advises(other)
            together = self.decision(r) == self.decision(q)
            if r < q and r in leading and q in leading and together and not ordered and not apart:
                yield "rivals" if {r, q} & first else "unordered", r, q, rule.annotation, other.annotation

    def gaps(self, patient: Patient, decision: str, settings: set[str]) -> Iterator[Defect]:
        indicated, against = self.firing(patient, "indicated"), self.firing(patient, "contraindicated")
        if not settings:
            near = [
                ("nearest", rule.id, condition)
                for rule in self.rules
                if rule.head.startswith("places") and sum(map(told, rule.body)) > 1
                and self.decision(rule.head[7:-1].split(",")[0]) == decision
                for condition in rule.body
                if told(condition) and condition not in patient.atoms
                and rule.fires(patient.atoms, condition.__eq__)
            ]  # fmt: skip
            yield from near or [("unplaced_untreated",) if decision == "only" else ("unplaced_for", decision)]
        for setting in settings - {"watch"}:
            regimens = {r for _, (r, _) in indicated if self.decision(r) == decision}
            if not regimens:
                yield "empty", setting
                continue
            reasons: dict[str, set[str]] = {}
            for rule, (r,) in against:
                if patient.has(f"excluded({r})"):
                    reasons.setdefault(rule.annotation, set()).add(r)
            for rule, (r,) in self.firing(patient, "suppressed"):
                if not (patient.has(f"excluded({r})") and any(c.startswith("excluded") for c in rule.body)):
                    reasons.setdefault(rule.annotation, set()).add(r)
            own = {name: held & regimens for name, held in reasons.items() if held & regimens}
            one = [name for name, held in own.items() if held == regimens]
            two = [pair for pair in combinations(sorted(own), 2) if own[pair[0]] | own[pair[1]] == regimens]
            yield from [("exhausted", setting, name) for name in one]
            if not one:
                yield from [("exhausted_by_two", setting, *pair) for pair in two]
                if not two:
                    yield "exhausted_by_more", setting

    def note_unsafe(self, found: Shown) -> None:
        """Find where a regimen is certain although one value of an unrecorded fact excludes it and another does not."""
        for record, own in self.by_record:
            for fact, r in product((f for f in FACTS if f not in record and f != "d"), REGIMENS):
                if not all(p.has(f"recommended({r})") for p in own):
                    continue
                for patient in (p for p in own if p.has(f"excluded({r})")):
                    alike = [p for p in own if set(differ_in(p, patient)) <= {fact}]
                    if all(p.has(f"excluded({r})") for p in alike):
                        continue
                    pairs = product(self.firing(patient, "indicated"), self.firing(patient, "contraindicated"))
                    for (rule, (q, _)), (other, (excluded,)) in pairs:
                        if q == excluded == r:
                            defect = ("unsafe", r, rule.annotation, other.annotation, fact)
                            found.note(defect, min(own, key=lambda p: p.size))

    def note_overlooked(self, found: Shown) -> None:
        """Find where a regimen is excluded that would be recommended if the fact with a default were not recorded."""
        own = {(tuple(p.record.get(f) for f in FACTS if f != "d"), p.values[:-1]): p for p in self.patients
               if "d" not in p.record}  # fmt: skip
        for patient in self.patients:
            other = own.get((tuple(patient.record.get(f) for f in FACTS if f != "d"), patient.values[:-1]))
            for r in REGIMENS if other is not None else ():
                assert other is not None
                if other.has(f"recommended({r})") and not other.has(f"excluded({r})") and patient.has(f"excluded({r})"):
                    found.note(("overlooked", "d"), patient)

    def never(self) -> set[Defect]:
        """Find the rules that fire for nobody, even where no position keeps them from it or rules contradict each other."""
        positions = ("places", "indicated", "prefers", "contraindicated", "suppressed")

        def could(rule: Rule, patient: Patient) -> bool:
            return rule.fires(patient.atoms, lambda c: c.startswith(tuple(f"not {p}(" for p in positions)))

        return {("never", rule.id) for rule in self.rules if not any(could(rule, patient) for patient in self.patients)}

    def note_unanswered(self, found: Shown) -> None:
        """Find the patients without an answer, and those with several that differ."""
        for record, own in self.by_record:
            options = [
                FACTS[f] if record.get(f) is None and (f != "d" or "d" in record) else (record.get(f, False),) for f in FACTS
            ]
            for values in product(*options):
                answers = {
                    frozenset(a for a in p.atoms if a.partition("(")[0] in COMPARED) for p in own if p.values == values
                }
                if len(answers) != 1:
                    found.note(("several_answers",) if answers else ("no_answer",), Patient(record, values, frozenset()))

    def stays_without(self, rules: Iterable[Rule], folder: Any) -> bool:
        """Tell whether everything is concluded as before where some rules are left out, for every record."""
        gone = set(rules)
        folder.mkdir(exist_ok=True)
        (folder / "guideline.lp").write_text(write([r for r in self.rules if r not in gone], self.extra))
        other = Defects([], Guideline.load(folder))
        here = {(tuple(r.items()), frozenset(p.atoms for p in own)) for r, own in self.by_record}
        return here == {(tuple(r.items()), frozenset(p.atoms for p in own)) for r, own in other.by_record}


def differences(old: Patient, new: Patient) -> Iterator[str]:
    """Yield what two guidelines answer differently to a patient, as findings word it."""
    both = [regimen for regimen in REGIMENS if all(side.has(f"recommended({regimen})") for side in (old, new))]
    for words, atom, names in (
        (("{} is newly recommended.", "{} is no longer recommended."), "recommended({})", REGIMENS),
        (("{} is newly excluded.", "{} is no longer excluded."), "excluded({})", REGIMENS),
        (("The patient is newly placed in {}.", "The patient is no longer placed in {}."), "setting({})", SETTINGS),
    ):
        for name in names:
            was, now = (side.has(atom.format(name)) for side in (old, new))
            if was != now:
                yield words[was].format(name)
    for regimen in both:
        if ranks_of(old, regimen) != ranks_of(new, regimen):
            yield f"{regimen} changes its rank."
        if old.has(f"strength({regimen},standard)") != new.has(f"strength({regimen},standard)"):
            yield f"{regimen} changes its strength."
        for kind in ("dose", "dose_maximum"):
            yield from dose_differences(regimen, *(doses_of(side, regimen, kind) for side in (old, new)))
    was, now = ({atom for atom in side.atoms if atom.startswith("score(")} for side in (old, new))
    if was != now:
        yield "Points"


def dose_differences(regimen: str, old: set[str], new: set[str]) -> Iterator[str]:
    gone, added = sorted(old - new), sorted(new - old)
    of = f"Dose of {regimen} (daily, each dose)"
    yield from (f"{of}: now {now}, before {was}." for was, now in product(gone, added))
    if not (gone and added):
        yield from (f"{of}: {words} is gone." for words in gone)
        yield from (f"{of}: {words} is new." for words in added)


def doses_of(patient: Patient, regimen: str, kind: str) -> set[str]:
    """List what is said of the doses of a regimen, unless its step is done or nothing says how much it is."""
    own = [a[:-1].split(",") for a in patient.atoms if a.startswith((f"dose({regimen},", f"dose_maximum({regimen},"))]
    if patient.has(f"step_done({regimen},every)") or not any(found[0].startswith("dose(") for found in own):
        return set()
    words = {"dose": "{} mg every day", "dose_maximum": "at most {} mg"}
    amounts = sorted(found[3].strip('"') for found in own if found[0].startswith(f"{kind}("))
    return {words[kind].format(amount) for amount in (amounts if kind == "dose" else amounts[:1])}


def ranks_of(patient: Patient, regimen: str) -> set[str]:
    return {atom for atom in patient.atoms if atom.startswith(f"rank({regimen},")}


def told(condition: str) -> bool:
    """Tell whether a condition asks for something that is true of the patient."""
    return not condition.startswith(("not ", "in_scope", "known"))


def advises(rule: Rule) -> str:
    """Name the setting for which a rule advises; "" where it advises in any."""
    return next((c for c in rule.body if c.startswith("setting(")), "")


def differ_in(one: Patient, other: Patient) -> list[str]:
    return [f for f, v, w in zip(FACTS, one.values, other.values, strict=True) if v != w]


def values_in(atoms: frozenset[str]) -> tuple[object, ...]:
    return tuple(
        next((v for v in own if f"is({fact},{v})" in atoms), None) if fact == "k" else f"has({fact})" in atoms
        for fact, own in FACTS.items()
    )
