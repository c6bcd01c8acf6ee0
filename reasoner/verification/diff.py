"""Compare two guidelines over all patients that can exist: what answers differ, for whom, and the proof where none does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import clingo

from reasoner.compiler.model import Annotation, GuidelineModel, Rule
from reasoner.engine.answer import Answer, GuidelineInfo
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.verification.alternatives import taken_otherwise
from reasoner.verification.atoms import split_atom
from reasoner.verification.check import longest_history
from reasoner.verification.definitions import definitions, templates
from reasoner.verification.findings import SEVERITIES, Finding, finding_id
from reasoner.verification.patients import Patient, Patients, SolveTimeout
from reasoner.verification.refusals import known_to, leave_out_taken
from reasoner.verification.search import Progress, search
from reasoner.verification.shared import SharedConditions
from reasoner.verification.side_by_side import changed_rules, load_patients
from reasoner.verification.witness import default_record, departures, telling_apart, witness_of
from reasoner.verification.written import annotation_differences, data_differences

__all__ = ["Comparison", "diff"]

REFUSED_BY = {"newly_possible": "old", "newly_impossible": "new"}
"""The side whose guideline refuses the records that the other takes."""

KINDS = {"statement": ("statement",), "reading": ("reading", "alternative"), "overlay": ("overlay",)}


class Comparison(NamedTuple):
    """The differences between two guidelines.

    `courses` is the length of the longest history looked at; `undecided` names the classes of which a question timed out;
    `equivalent` tells that no patient is answered differently, which is proved. `files` are those of both guidelines by the
    names that places give them.
    """

    old: GuidelineInfo
    new: GuidelineInfo
    courses: int
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...]
    equivalent: bool
    files: Mapping[str, Path]


def diff(
    old: Guideline,
    new: Guideline,
    courses: int | None = None,
    timeout: float | None = None,
    progress: Progress = lambda *_: None,
    brief: bool = False,
) -> Comparison:
    """Compare `old` and `new` over all patients with at most `courses` courses of therapy.

    `timeout` is in seconds, for the whole comparison; `progress` is called as `check` calls it. Where it is `brief`, what
    patients share is left out, and what differs only for records that leave a fact open. Raises GuidelineError where
    one of the two cannot be used.
    """
    length = max(longest_history(old, courses), longest_history(new, courses))
    deadline = None if timeout is None else time.monotonic() + timeout
    sides = {"old": old, "new": new}
    changed = changed_rules(sides)
    patients = load_patients(sides, changed, length, deadline)
    default = default_record(patients, old.model, new.model)
    shared = SharedConditions(patients, new.model, new.space(length).program)
    run = Diff(sides, changed, patients, default, None if brief else shared, progress, length)
    classes = list(definitions("differences"))

    def order(found: Finding) -> tuple[int, int, str]:
        return classes.index(found.kind), -SEVERITIES.index(found.severity), found.message

    findings = tuple(sorted((*run.between_answers(), *run.in_writing()), key=order))
    undecided = tuple(sorted(run.undecided, key=classes.index))
    equivalent = not undecided and not any(found.witness is not None or found.kind == "space" for found in findings)
    files = {run.file(side, name): path for side in ("old", "new") for name, path in sides[side].files.items()}
    return Comparison(old.info, new.info, length, findings, undecided, equivalent, files)


@dataclass(frozen=True)
class Diff:
    """One comparison of two guidelines over histories of `courses` courses.

    `undecided` collects the classes of which a question timed out, and `told` the data, each with its side, in which
    differences lie that patients show.
    """

    sides: Mapping[str, Guideline]
    changed: Mapping[str, Mapping[str, Rule]]
    patients: Patients
    default: Mapping[str, object]
    shared: SharedConditions | None
    progress: Progress
    courses: int
    undecided: set[str] = field(default_factory=set)
    told: set[tuple[str, str]] = field(default_factory=set)

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
        telling = [
            *self.concerned.get(str(form), {}),
            *self.data_of.get(str(form), {}),
            *self.scores.get(str(form.arguments[0]) if form.arguments else "", {}),
        ]
        firing = self.behind(str(kind), form)
        own = {self.firing[atom][1].annotation for atom in firing}
        carriers = {atom: annotation for atom, annotation in carriers.items() if annotation in own}
        asked = [(str(difference), True)]
        while self.is_shown(form, asked):
            patient = self.patients.smallest(asked, [*firing, *carriers, *telling])
            carrying = {atom: annotation for atom, annotation in carriers.items() if atom in patient.observed}
            found = self.finding(str(kind), form, self.named(carrying.values()), patient).carrying(
                shown_by=tuple(asked), among=self.patients
            )
            if self.shared is not None:
                found = found.replace(shared=self.shared.words(asked))
            yield found
            if self.shared is not None and form.name in ("gained", "lost"):
                yield from self.certainty(form, found)
            if not carrying:
                break
            asked += [(atom, False) for atom in carrying]

    def is_shown(self, form: clingo.Symbol, asked: Sequence[tuple[str, bool]]) -> bool:
        """Tell whether a patient shows a difference; one that lies in who can be a patient, with a record that tells it."""
        if form.name in REFUSED_BY:
            contradicts = f"contradicts({REFUSED_BY[form.name]})"
            leave_out_taken(self.patients, asked, contradicts, *(guideline.model for guideline in self.knowing(form)))
        return self.patients.ask(asked)

    def knowing(self, form: clingo.Symbol) -> list[Guideline]:
        """List the guidelines, first the one in which patients who show a difference are told: it refuses none of them."""
        sides = [*self.sides.values()]
        return sides if REFUSED_BY.get(form.name) == "new" else sides[::-1]

    @cached_property
    def concerned(self) -> dict[str, dict[str, tuple[str, str]]]:
        """For each difference the atoms that say which annotations of which side have part in it."""
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for symbol in self.patients.symbols("_concerns"):
            form, side, annotation = symbol.arguments
            found.setdefault(str(form), {})[str(symbol)] = str(side), annotation.string
        return found

    @cached_property
    def data_of(self) -> dict[str, dict[str, tuple[str, str]]]:
        """For each difference the atoms that say which data of which side it lies in."""
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for symbol in self.patients.symbols("_stands"):
            form, side, datum = symbol.arguments
            found.setdefault(str(form), {})[str(symbol)] = str(side), str(datum)
        return found

    @cached_property
    def conclusions(self) -> dict[str, dict[str, list[tuple[str | None, int]]]]:
        """For each side the numbers of its derived atoms, by their predicates, each with the first argument."""
        found: dict[str, dict[str, list[tuple[str | None, int]]]] = {side: {} for side in self.sides}
        for side, guideline in self.sides.items():
            program = guideline.space(self.courses).program
            for number in range(len(program.inputs), len(program.inputs) + program.derived):
                name, arguments = split_atom(program.atoms[number])
                found[side].setdefault(name, []).append((arguments[0] if arguments else None, number))
        return found

    def behind(self, kind: str, form: clingo.Symbol) -> list[str]:
        """List the atoms that say that a changed rule fires which bears on the conclusions in which a difference lies."""
        about = [str(own.arguments[1]) for own in self.patients.symbols("about") if str(own.arguments[0]) == kind]
        subject = str(form.arguments[0]) if form.arguments else None
        cones = {}
        for side, known in self.conclusions.items():
            program = self.sides[side].space(self.courses).program
            own = (n for name in about for first, n in known.get(name, ()) if subject in (None, first))
            cones[side] = {program.atoms[n] for n in program.cone(own)}
        return [atom for atom, (side, _, head) in self.firing.items() if head in cones[side]]

    @cached_property
    def scores(self) -> dict[str, dict[str, tuple[str, int]]]:
        """For each score the atoms that say which value it has on which side."""
        found: dict[str, dict[str, tuple[str, int]]] = {}
        for side in self.sides:
            for symbol in self.patients.symbols(side):
                (inner,) = symbol.arguments
                if inner.name == "score" and len(inner.arguments) == 2:
                    found.setdefault(str(inner.arguments[0]), {})[str(symbol)] = side, inner.arguments[1].number
        return found

    @cached_property
    def firing(self) -> dict[str, tuple[str, Rule, str]]:
        """The atoms that say that a changed rule fires, each with its side, the rule and what it concludes."""
        found = {}
        for side, rules in self.changed.items():
            for symbol in self.patients.symbols(side):
                (inner,) = symbol.arguments
                if inner.name == "fires" and inner.arguments[0].string in rules:
                    found[str(symbol)] = side, rules[inner.arguments[0].string], str(inner.arguments[1])
        return found

    def finding(
        self, kind: str, form: clingo.Symbol, annotations: Sequence[tuple[str, str]], patient: Patient | None = None
    ) -> Finding:
        """Write a finding about annotations of a side each; its rules are the changed ones that fire for the patient."""
        template, model = templates("differences")[form.name], self.sides["new"].model
        words = template.words(form.arguments, model)
        if form.name == "scored" and patient is not None:
            words.update(self.values(form, patient))
        message, repair = template.fill(words)
        rules = self.carrying_rules(patient, [name for _, name in annotations]) if patient is not None else []
        concerned = self.concerned.get(str(form), {}) if patient is not None else {}
        about = [*annotations, *(concerned[atom] for atom in sorted(concerned) if patient and atom in patient.observed)]
        about = list(dict.fromkeys((*about, *((side, str(rule.annotation)) for side, rule in rules))))
        carrying = [self.annotation(side, name) for side, name in self.in_order(about)]
        of_kind = {kind: tuple(dict.fromkeys(a.id for a in carrying if a.kind in kinds)) for kind, kinds in KINDS.items()}
        data = self.data_told(form, patient)
        written = [(side, self.sides[side].space(self.courses).places.get(datum)) for side, datum in data]
        places = [self.place(side, rule.place) for side, rule in rules]
        places += [self.place(side, place) for side, place in written if place is not None]
        places = places or [self.place(side, self.annotation(side, name).place) for side, name in self.in_order(about)]
        witness = self.witness(form, patient) if patient is not None else None
        return Finding(
            id=finding_id(kind, f"{form} | {[name for _, name in annotations[:1]]}"),
            kind=kind,
            cause=template.cause,
            severity=template.severity,
            message=message,
            statements=of_kind["statement"],
            readings=of_kind["reading"],
            overlays=of_kind["overlay"],
            rules=tuple(dict.fromkeys(f"{side}:{rule.id}" for side, rule in rules)),
            places=tuple(dict.fromkeys(places)),
            repair=repair,
            witness=witness,
            under=taken_otherwise(patient.inputs, model) if patient is not None else (),
        ).carrying(departures=self.departures(form, witness))

    def data_told(self, form: clingo.Symbol, patient: Patient | None) -> list[tuple[str, str]]:
        """List the data in which a difference lies, each with its side: those that a patient shows, or that it tells."""
        if patient is not None:
            known = self.data_of.get(str(form), {})
            found = sorted((known[atom] for atom in known if atom in patient.observed), key=lambda own: own[0] == "new")
            self.told.update(found)
            return found
        told = form.arguments[0] if form.name.startswith(("fact_", "declaration_")) else None
        return [] if told is None else [(side_told(form), told.string)]

    def values(self, form: clingo.Symbol, patient: Patient) -> Iterator[tuple[int, str]]:
        """Yield the values of a score for a patient, of the old guideline and of the new one, by the places in a text."""
        model = self.sides["new"].model
        known = self.scores[str(form.arguments[0])]
        for place, side in enumerate(self.sides, start=2):
            held = sorted(value for atom, (own, value) in known.items() if own == side and atom in patient.observed)
            yield place, model.say("or").join(map(str, held)) or model.say("no_value")

    def annotation(self, side: str, name: str) -> Annotation:
        return self.sides[side].model.annotations[name]

    def named(self, annotations: Iterable[str]) -> list[tuple[str, str]]:
        """Give annotations with the side on which each stands: the new one where it stands on both."""
        new = self.sides["new"].model.annotations
        return [("new" if name in new else "old", name) for name in annotations]

    def in_order(self, annotations: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Put annotations in the order of the guidelines, those of the old one first."""
        order = [(side, name) for side, guideline in self.sides.items() for name in guideline.model.annotations]
        return sorted(annotations, key=order.index)

    def file(self, side: str, name: str) -> str:
        """Name a file of one side: apart from that of the other where another file there has the same name."""
        files = [guideline.files.get(name) for guideline in self.sides.values()]
        return f"{side}:{name}" if None not in files and files[0] != files[1] else name

    def place(self, side: str, place: str) -> str:
        """Name a place in a file of one side."""
        name, _, line = place.rpartition(":")
        return f"{self.file(side, name)}:{line}"

    def witness(self, form: clingo.Symbol, patient: Patient) -> dict[str, object]:
        """Write the record of a patient who shows a difference."""
        knowing = self.knowing(form)
        told = known_to(knowing[0].model, patient.inputs) if form.name in REFUSED_BY else patient.inputs
        return witness_of(told, knowing)

    def departures(self, form: clingo.Symbol, witness: Mapping[str, object] | None) -> tuple[str, ...]:
        """Word in what a witness of a difference departs from the default patient."""
        asked = {fact.name for fact in self.knowing(form)[0].model.facts} if form.name in REFUSED_BY else self.default.keys()
        usual = {fact: value for fact, value in self.default.items() if fact in asked}
        return () if witness is None else departures(witness, usual, self.worded)

    @cached_property
    def worded(self) -> GuidelineModel:
        """The new guideline, in whose words patients are told, with the numbers that rules of either tell apart."""
        return telling_apart([(own.model, own.space(self.courses).program) for own in [*self.sides.values()][::-1]])

    def carrying_rules(self, patient: Patient, annotations: Sequence[str]) -> list[tuple[str, Rule]]:
        """List the changed rules that fire for a patient; where annotations carry the difference, theirs alone."""
        fired = sorted((atom, side, rule.id) for atom, (side, rule, _) in self.firing.items() if atom in patient.observed)
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
                annotations = self.named([*found.statements, *found.readings, *found.overlays])
                yield self.finding("certainty", symbol, annotations).replace(
                    witness=record, departures=self.departures(symbol, record), rules=found.rules, places=found.places
                )

    def in_writing(self) -> Iterator[Finding]:
        """Yield the differences between what the two guidelines say and cite, and between their catalogues."""
        old, new = self.sides.values()
        for form, annotation in annotation_differences(old.model.annotations, new.model.annotations):
            yield self.finding("provenance", form, [(side_told(form), annotation)])
        data = [own.space(self.courses).data for own in (old, new)]
        for kind, form, under in data_differences(data[0], data[1], self.patients):
            if self.told.isdisjoint(self.data_told(form, None)):
                yield self.finding(kind, form, [(side_told(form), under)] if under is not None else [])


def side_told(form: clingo.Symbol) -> str:
    """Name the side in which something stands that is gone, or else new or changed."""
    return "old" if form.name.endswith("_gone") else "new"


def certainty_of(regimen: str, answer: Answer) -> str | None:
    """Give the certainty with which a regimen is recommended, None where it is not."""
    return next((entry.certainty for entry in answer.recommended if entry.regimen == regimen), None)
