"""Compare two guidelines over all patients that can exist: what answers differ, for whom, and the proof where none does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import clingo

from reasoner.compiler.model import Annotation, Rule
from reasoner.engine.answer import Answer, GuidelineInfo
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.verification.alternatives import rules_set_aside, taken_in, taken_otherwise
from reasoner.verification.atoms import quoted
from reasoner.verification.check import longest_history
from reasoner.verification.definitions import definitions, templates
from reasoner.verification.findings import SEVERITIES, Finding, finding_group, finding_id
from reasoner.verification.patients import Patient, Patients, ProgramBuilder, SolveTimeout
from reasoner.verification.rule_writer import RuleWriter
from reasoner.verification.search import Progress, search
from reasoner.verification.shared import SharedConditions
from reasoner.verification.witness import default_record, departures, witness_of
from reasoner.verification.written import annotation_differences, data_differences

__all__ = ["Comparison", "diff"]

KINDS = {"statement": ("statement",), "reading": ("reading", "alternative"), "overlay": ("overlay",)}


class Comparison(NamedTuple):
    """The differences between two guidelines.

    `courses` is the length of the longest history looked at; `undecided` names the classes of which a question timed out;
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

    `timeout` is in seconds, for the whole comparison; `progress` is called as `check` calls it. Raises GuidelineError where
    one of the two cannot be used.
    """
    length = max(longest_history(old, courses), longest_history(new, courses))
    deadline = None if timeout is None else time.monotonic() + timeout
    sides = {"old": old, "new": new}
    changed = changed_rules(sides)
    patients = load_patients(sides, changed, length, deadline)
    default = default_record(patients, new.model)
    shared = SharedConditions(patients, new.model, new.space(length).program)
    run = Diff(sides, changed, patients, default, shared, progress)
    classes = list(definitions("differences"))

    def order(found: Finding) -> tuple[int, int, str]:
        return classes.index(found.kind), -SEVERITIES.index(found.severity), found.message

    findings = tuple(sorted((*run.between_answers(), *run.in_writing(length)), key=order))
    undecided = tuple(sorted(run.undecided, key=classes.index))
    equivalent = not undecided and not any(found.witness is not None or found.kind == "space" for found in findings)
    return Comparison(old.info, new.info, length, findings, undecided, equivalent)


def changed_rules(sides: Mapping[str, Guideline]) -> dict[str, dict[str, Rule]]:
    """Give for each side the rules that the other does not have, or sets aside with an alternative, by their ids."""

    def content(rule: Rule) -> tuple[object, ...]:
        return rule.annotation, rule.head, frozenset((condition.negated, condition.text) for condition in rule.body)

    idle = {side: set(rules_set_aside(guideline.model, taken_in(guideline))) for side, guideline in sides.items()}
    in_force = {side: [r for r in guideline.model.rules if r.id not in idle[side]] for side, guideline in sides.items()}
    known = {side: {content(rule) for rule in rules} for side, rules in in_force.items()}
    return {
        side: {rule.id: rule for rule in in_force[side] if rule.annotation is not None and content(rule) not in known[other]}
        for side, other in (("old", "new"), ("new", "old"))
    }


def load_patients(
    sides: Mapping[str, Guideline], changed: Mapping[str, Mapping[str, Rule]], courses: int, deadline: float | None
) -> Patients:
    """Ground the patients of two guidelines side by side, with what is asked about them."""
    builder = ProgramBuilder()
    facts: dict[str, None] = {}
    for side, guideline in sides.items():
        writer = RuleWriter(builder, guideline.space(courses), guideline.model, taken_in(guideline), side=side)
        writer.write()
        facts.update(dict.fromkeys(writer.data))
        for rule in guideline.model.rules:
            if rule.annotation is not None:
                facts[f"rule({side},{quoted(rule.id)},{quoted(rule.annotation)})"] = None
    facts.update((f"changed({side},{quoted(rule)})", None) for side, rules in changed.items() for rule in rules)
    return builder.ground(("space.lp", "differences.lp"), ["smallest"], facts, deadline)


@dataclass(frozen=True)
class Diff:
    """One comparison of two guidelines; `undecided` collects the classes of which a question timed out."""

    sides: Mapping[str, Guideline]
    changed: Mapping[str, Mapping[str, Rule]]
    patients: Patients
    default: Mapping[str, object]
    shared: SharedConditions
    progress: Progress
    undecided: set[str] = field(default_factory=set)

    def between_answers(self) -> Iterator[Finding]:
        """Yield a finding for each difference between answers and each class of patients who show it."""
        found = search(self.patients, ("difference",), progress=self.progress)
        self.undecided.update(str(clingo.parse_term(atom).arguments[0]) for atom in found.undecided)
        shown = [clingo.parse_term(atom) for atom in sorted(found.shown)]
        carriers: dict[str, str] = {}
        if shown:
            for symbol in self.patients.symbols("carrier"):
                atom = str(symbol)
                if self.patients.literals[atom] and self.patients.ask([(atom, False)]):
                    carriers[atom] = symbol.arguments[0].string
        for number, difference in enumerate(shown):
            self.progress("witnesses", number, len(shown))
            try:
                yield from self.classes(difference, carriers)
            except SolveTimeout:
                self.undecided.add(str(difference.arguments[0]))
        self.progress("done", 1, 1)

    def classes(self, difference: clingo.Symbol, carriers: Mapping[str, str]) -> Iterator[Finding]:
        """Yield a difference once for each class of patients: what carries it in one carries it in no later one.

        `carriers` names the annotations of which a changed rule fires for some patients only, by the atoms that say so.
        """
        kind, form = difference.arguments
        firing = {str(symbol): rule for symbol, rule in self.firing()}
        asked = [(str(difference), True)]
        while self.patients.ask(asked):
            patient = self.patients.smallest(asked, [*firing, *carriers])
            carrying = {atom: annotation for atom, annotation in carriers.items() if atom in patient.observed}
            found = self.finding(str(kind), form, list(carrying.values()), patient).carrying(
                shown_by=tuple(asked), among=self.patients
            )
            found = found.replace(shared=self.shared.words(asked))
            yield found
            if form.name in ("gained", "lost"):
                yield from self.certainty(form, found)
            if not carrying:
                break
            asked += [(atom, False) for atom in carrying]

    def firing(self) -> Iterator[tuple[clingo.Symbol, tuple[str, Rule]]]:
        """Yield the atoms that say that a changed rule fires, each with its side and the rule."""
        for side, rules in self.changed.items():
            for symbol in self.patients.symbols(side):
                (inner,) = symbol.arguments
                if inner.name == "fires" and inner.arguments[0].string in rules:
                    yield symbol, (side, rules[inner.arguments[0].string])

    def finding(self, kind: str, form: clingo.Symbol, annotations: Sequence[str], patient: Patient | None = None) -> Finding:
        """Write a finding; its rules are the changed ones that fire for the patient, on either side."""
        template, model = templates("differences")[form.name], self.sides["new"].model
        message, repair = template.fill(template.words(form.arguments, model))
        rules = self.carrying_rules(patient, annotations) if patient is not None else []
        witness = witness_of(patient.inputs, [*self.sides.values()][::-1]) if patient is not None else None
        names = {*annotations, *(str(rule.annotation) for _, rule in rules)}
        carrying = [annotation for name, annotation in self.annotations.items() if name in names]
        of_kind = {kind: tuple(a.id for a in carrying if a.kind in kinds) for kind, kinds in KINDS.items()}
        return Finding(
            id=finding_id(kind, f"{form} | {annotations[:1]}"),
            kind=kind,
            group=finding_group(kind, form.name, [annotation.id for annotation in carrying]),
            severity=template.severity,
            message=message,
            statements=of_kind["statement"],
            readings=of_kind["reading"],
            overlays=of_kind["overlay"],
            rules=tuple(dict.fromkeys(f"{side}:{rule.id}" for side, rule in rules)),
            places=tuple(dict.fromkeys(rule.place for _, rule in rules)) or tuple(a.place for a in carrying),
            repair=repair,
            witness=witness,
            under=taken_otherwise(patient.inputs, model) if patient is not None else (),
        ).carrying(departures=self.departures(witness))

    @property
    def annotations(self) -> dict[str, Annotation]:
        return {**self.sides["old"].model.annotations, **self.sides["new"].model.annotations}

    def departures(self, witness: Mapping[str, object] | None) -> tuple[str, ...]:
        return () if witness is None else departures(witness, self.default, self.sides["new"].model)

    def carrying_rules(self, patient: Patient, annotations: Sequence[str]) -> list[tuple[str, Rule]]:
        """List the changed rules that fire for a patient; where annotations carry the difference, theirs alone."""
        firing = ((str(symbol), found) for symbol, found in self.firing())
        fired = sorted((atom, side, rule.id) for atom, (side, rule) in firing if atom in patient.observed)
        rules = [(side, self.changed[side][name]) for s in self.sides for _, side, name in fired if side == s]
        return [(side, rule) for side, rule in dict.fromkeys(rules) if not annotations or rule.annotation in annotations]

    def certainty(self, form: clingo.Symbol, found: Finding) -> Iterator[Finding]:
        """Yield where a record that leaves one fact open is answered with certainty by one guideline only."""
        assert found.witness is not None
        (regimen,) = form.arguments
        for fact in self.sides["new"].model.facts:
            if fact.kind == "courses" or fact.name not in found.witness:
                continue
            record = {key: value for key, value in found.witness.items() if key != fact.name}
            try:
                before, after = (certainty_of(str(regimen), g.answer(record)) for g in self.sides.values())
            except RecordError:
                continue
            if {before, after} == {"certain", "conditional"}:
                name = "sure" if after == "certain" else "unsure"
                symbol = clingo.Function(name, [regimen, clingo.Function(fact.name)])
                annotations = [*found.statements, *found.readings, *found.overlays]
                yield self.finding("certainty", symbol, annotations).replace(
                    witness=record, departures=self.departures(record), rules=found.rules, places=found.places
                )

    def in_writing(self, courses: int) -> Iterator[Finding]:
        """Yield the differences between what the two guidelines say and cite, and between their catalogues."""
        old, new = self.sides.values()
        for form, annotation in annotation_differences(old.model.annotations, new.model.annotations):
            yield self.finding("provenance", form, [annotation])
        for kind, form, under in data_differences(old.space(courses).data, new.space(courses).data, self.patients):
            yield self.finding(kind, form, [under] if under is not None else [])


def certainty_of(regimen: str, answer: Answer) -> str | None:
    """Give the certainty with which a regimen is recommended, None where it is not."""
    return next((entry.certainty for entry in answer.recommended if entry.regimen == regimen), None)
