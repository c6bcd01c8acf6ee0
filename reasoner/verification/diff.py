"""Compare two guidelines over all patients that can exist: what answers differ, for whom, and the proof where none does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import clingo

from reasoner.compiler.model import Rule
from reasoner.engine.answer import Answer, GuidelineInfo
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.verification.check import longest_history
from reasoner.verification.definitions import definitions
from reasoner.verification.findings import SEVERITIES, Finding, finding_id
from reasoner.verification.patients import Patients, SolveTimeout, Writer
from reasoner.verification.reified import split
from reasoner.verification.search import Inquiry, Progress, Seen, fill
from reasoner.verification.witness import record_of

__all__ = ["Comparison", "diff"]

WORDS = {"predicate", "wording", "question", "vague_word", "boundary_word"}
DERIVED = {"fits", "may_contain", "contains", "contains_class", "rank_limit", "drug", "class", "regimen"}
DECLARED = {"fact", "value", "members", "open_member", "default", "threshold", "required", "minimum", "above"}
DECLARED |= {"course_fact", "course_threshold", "course_fact_needs"}


class Comparison(NamedTuple):
    """The differences between two guidelines.

    `courses` is the length of the longest history looked at; `undecided` names the classes of which a question was cut off;
    `equivalent` tells that no patient is answered differently, which is proved.
    """

    old: GuidelineInfo
    new: GuidelineInfo
    courses: int
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...]
    equivalent: bool


def diff(
    old: Guideline,
    new: Guideline,
    courses: int | None = None,
    timeout: float | None = None,
    progress: Progress = lambda *_: None,
) -> Comparison:
    """Compare `old` and `new` over all patients with at most `courses` courses of therapy.

    `timeout` is in seconds, for the whole comparison. Raises GuidelineError where one of the two cannot be used.
    """
    length = max(longest_history(old, courses), longest_history(new, courses))
    differ = Differ(old, new, length, None if timeout is None else time.monotonic() + timeout, progress)
    patients = tuple(differ.run())
    written = (*differ.annotations(), *differ.data())
    undecided = tuple(differ.undecided)
    findings = tuple(sorted((*patients, *written), key=order))
    equivalent = not undecided and not any(found.witness is not None or found.kind == "space" for found in findings)
    return Comparison(old.info, new.info, length, findings, undecided, equivalent)


def order(found: Finding) -> tuple[int, int, str]:
    return list(definitions("differences")).index(found.kind), -SEVERITIES.index(found.severity), found.message


def says(rule: Rule) -> tuple[object, ...]:
    return (rule.annotation, rule.head, frozenset((condition.negated, condition.text) for condition in rule.body))


class Differ(Inquiry):
    """One comparison of two guidelines."""

    def __init__(self, old: Guideline, new: Guideline, courses: int, deadline: float | None, progress: Progress) -> None:
        self.sides = {"old": old, "new": new}
        self.spaces = {side: guideline.space(courses) for side, guideline in self.sides.items()}
        self.changed = self.changed_rules()
        patients = Patients(deadline)
        facts: dict[str, None] = {}
        for side, guideline in self.sides.items():
            writer = Writer(patients, self.spaces[side], guideline.model, side=side)
            writer.explained()
            facts.update(dict.fromkeys(writer.data))
            for rule in guideline.model.rules:
                if rule.annotation is not None:
                    facts[f'rule({side},"{rule.id}","{rule.annotation}")'] = None
        facts.update((f'changed({side},"{rule}")', None) for side, rules in self.changed.items() for rule in rules)
        patients.load(("space.lp", "differences.lp"), ["smallest"], facts)
        super().__init__(patients, new.model, self.spaces["new"].program, progress)

    def changed_rules(self) -> dict[str, list[str]]:
        """List for each side the rules that the other does not have."""
        known = {side: {says(rule) for rule in guideline.model.rules} for side, guideline in self.sides.items()}
        return {
            side: [r.id for r in self.sides[side].model.rules if r.annotation is not None and says(r) not in known[other]]
            for side, other in (("old", "new"), ("new", "old"))
        }

    def run(self) -> Iterator[Finding]:
        """Yield a finding for each difference and each class of patients who show it."""

        def class_of(atom: str) -> str:
            return split(atom)[1][0]

        shown = sorted(self.search(("difference(",), class_of))
        self.carriers = [a for a in self.patients.literals if a.startswith("carrier(") and self.patients.literals[a]]
        self.carriers = [a for a in self.carriers if self.patients.ask([(a, False)])] if shown else []
        for number, atom in enumerate(shown):
            self.progress("witnesses", number, len(shown))
            try:
                yield from self.classes(atom, class_of(atom))
            except SolveTimeout:
                self.cut(class_of(atom))
        self.progress("done", 1, 1)

    def classes(self, atom: str, kind: str) -> Iterator[Finding]:
        """Yield one difference for each class of patients: each is carried by blocks that carry no earlier one."""
        form = clingo.parse_term(atom).arguments[1]
        fires = [name for side in self.sides for name in self.firing(side)]
        passed: list[tuple[str, bool]] = []
        while self.patients.ask([(atom, True), *passed]):
            asked = [(atom, True), *passed]
            seen = self.smallest(asked, [*fires, *self.carriers])
            own = [carrier for carrier in self.carriers if carrier in seen.atoms]
            annotations = [split(carrier)[1][0][1:-1] for carrier in own]
            found = self.finding(kind, form, annotations, seen).replace(shared=self.shared(asked))
            yield found
            if form.name in ("gained", "lost"):
                yield from self.certainty(form, found)
            if not own:
                break
            passed += [(carrier, False) for carrier in own]

    def firing(self, side: str) -> list[str]:
        """List the atoms that say that a changed rule of a side fires."""
        changed = {f'"{rule}"' for rule in self.changed[side]}
        start = f"{side}(fires("
        return [a for a in self.patients.literals if a.startswith(start) and fired(a) in changed]

    def shared(self, asked: Sequence[tuple[str, bool]]) -> tuple[str, ...]:
        """Word the conditions of rules that all patients of a class share, and that the default patient does not meet."""
        told = [name for name in self.conditions if self.patients.literals.get(name)]
        left = [name for name in self.smallest(asked, told).atoms if name not in self.usual]
        kept = set()
        while left:
            name = min(left)
            others: set[str] = set()

            def read(answer_set: clingo.Model, left: Sequence[str] = left, others: set[str] = others) -> None:
                others.update(other for other in left if self.patients.value(other, answer_set))

            if self.patients.ask([*asked, (name, False)], read):
                left = [other for other in left if other in others]
            else:
                kept.add(name)
                left.remove(name)
        return tuple(dict.fromkeys(words for name, words in self.conditions.items() if name in kept))

    @cached_property
    def conditions(self) -> dict[str, str]:
        """What rules of annotations ask for, worded: facts of the patient, and what the new guideline derives of them."""
        program, sources = self.program, self.sides["new"].model.rules
        asked = {
            atom
            for rule in program.rules
            if sources[rule.rule].annotation is not None
            for atom, negated in rule.conditions
            if not negated
        }
        names = {"patient": "{}", "derived": "new({})"}
        return {
            names[program.roles[atom]].format(program.atoms[atom]): program.phrases[atom]
            for atom in sorted(asked)
            if program.roles[atom] in names
        }

    @cached_property
    def usual(self) -> frozenset[str]:
        """The conditions that the default patient meets."""
        return self.smallest([], [name for name in self.conditions if self.patients.literals.get(name)]).atoms

    def finding(self, kind: str, form: clingo.Symbol, annotations: Sequence[str], seen: Seen | None) -> Finding:
        """Write a finding; its rules are the changed ones that fire for the witness, on either side."""
        shape = self.forms[form.name]
        words = {n: self.word(k, a) for n, (k, a) in enumerate(zip(shape.kinds, form.arguments, strict=True), start=1)}
        carrying = self.carrying(seen, annotations)
        witness = record_of(seen.inputs, self.model) if seen is not None else None
        known = {**self.sides["old"].model.annotations, **self.sides["new"].model.annotations}
        carriers = {*annotations, *(str(rule.annotation) for _, rule in carrying)}
        kinds = {name: known[name].kind for name in known if name in carriers}
        return Finding(
            id=finding_id(kind, f"{form} | {annotations[:1]}"),
            kind=kind,
            severity=shape.severity,
            message=fill(shape.message, words),
            statements=tuple(name for name, kind in kinds.items() if kind == "statement"),
            readings=tuple(name for name, kind in kinds.items() if kind == "reading"),
            overlays=tuple(name for name, kind in kinds.items() if kind == "overlay"),
            rules=tuple(dict.fromkeys(f"{side}:{rule.id}" for side, rule in carrying)),
            places=tuple(dict.fromkeys(rule.place for _, rule in carrying)) or tuple(known[n].place for n in kinds),
            witness=witness,
        ).carrying(departures=self.departures(witness))

    def carrying(self, seen: Seen | None, annotations: Sequence[str]) -> list[tuple[str, Rule]]:
        """List the changed rules that fire for a witness; where annotations carry the difference, theirs alone."""
        found = []
        for side, guideline in self.sides.items() if seen is not None else ():
            rules = {rule.id: rule for rule in guideline.model.rules}
            fires = sorted(atom for atom in seen.atoms if atom.startswith(f"{side}(fires(")) if seen else []
            names = dict.fromkeys(fired(atom)[1:-1] for atom in fires)
            found += [(side, rules[name]) for name in names if not annotations or rules[name].annotation in annotations]
        return found

    def certainty(self, form: clingo.Symbol, found: Finding) -> Iterator[Finding]:
        """Yield where a record that leaves one fact open is answered with certainty by one guideline only."""
        assert found.witness is not None
        regimen = str(form.arguments[0])
        for fact in self.model.facts:
            if fact.kind == "courses" or fact.name not in found.witness:
                continue
            record = {key: value for key, value in found.witness.items() if key != fact.name}
            try:
                before, after = (certain(g.answer(record), regimen) for g in self.sides.values())
            except RecordError:
                continue
            if {before, after} == {"certain", "conditional"}:
                name = "sure" if after == "certain" else "unsure"
                symbol = clingo.Function(name, [form.arguments[0], clingo.Function(fact.name)])
                annotations = [*found.statements, *found.readings, *found.overlays]
                yield self.finding("certainty", symbol, annotations, None).replace(
                    witness=record, departures=self.departures(record), rules=found.rules, places=found.places
                )

    def annotations(self) -> Iterator[Finding]:
        """Yield the statements, readings and overlays that say or cite something else."""
        old, new = (guideline.model.annotations for guideline in self.sides.values())
        for name, annotation in {**old, **new}.items():
            if name not in new or name not in old:
                form = clingo.Function("block_gone" if name in old else "block_new", [clingo.String(name)])
                yield self.finding("provenance", form, [name], None)
                continue
            for field in ("text", "citations", "trials", "digest", "unformalised", "reads", "why", "settles"):
                if getattr(old[name], field) != getattr(annotation, field):
                    form = clingo.Function("block_changed", [clingo.String(name), clingo.String(f"its {field}")])
                    yield self.finding("provenance", form, [name], None)

    def data(self) -> Iterator[Finding]:
        """Yield the facts of the catalogue that only one of the two has; those that say what records can hold first."""
        old, new = (dict(space.data) for space in self.spaces.values())
        for end, facts, others in (("gone", old, new), ("new", new, old)):
            for fact, annotation in facts.items():
                predicate = split(fact)[0]
                if fact not in others and predicate not in WORDS | DERIVED:
                    kind, form = ("space", "declaration") if predicate in DECLARED else ("data", "fact")
                    symbol = clingo.Function(f"{form}_{end}", [clingo.String(fact)])
                    yield self.finding(kind, symbol, [annotation] if annotation else [], None)


def fired(atom: str) -> str:
    """Give the rule, quoted, of an atom ``side(fires(rule, head))``."""
    return split(split(atom)[1][0])[1][0]


def certain(answer: Answer, regimen: str) -> str | None:
    """Give the certainty with which a regimen is recommended, None where it is not."""
    return next((entry.certainty for entry in answer.recommended if entry.regimen == regimen), None)
