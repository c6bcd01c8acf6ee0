"""Check a guideline over all patients that can exist: each defect with its smallest witness, or a proof that it has none."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

import clingo

from reasoner.compiler.selection import ANY
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.circles import circular_atoms, contradicting_atoms
from reasoner.guideline import Guideline
from reasoner.verification.alternatives import OtherAlternatives, taken_in
from reasoner.verification.answer_sets import AnswerSets, Unanswered
from reasoner.verification.atoms import split_atom
from reasoner.verification.candidates import Candidates, refutation
from reasoner.verification.defect_findings import DefectAtoms, FindingWriter
from reasoner.verification.definitions import definitions, templates
from reasoner.verification.findings import SEVERITIES, Finding
from reasoner.verification.patients import Patient, Patients, ProgramBuilder, SolveTimeout
from reasoner.verification.reified import reify
from reasoner.verification.repairs import with_guard, with_nearest_statements, with_rule_dropped
from reasoner.verification.rule_writer import RuleWriter
from reasoner.verification.search import Progress, search
from reasoner.verification.settling import SettlingReadings, settling_readings_of
from reasoner.verification.slips import slips
from reasoner.verification.unsafe import conflict_behind, excluded_patients, is_overlooked, with_sides
from reasoner.verification.witness import default_record

__all__ = ["Report", "check", "load_patients", "longest_history"]

LONGEST_HISTORY = 3
UNPLACED = ("unplaced", "unplaced_untreated", "unplaced_for")
"""The forms of gaps in which no statement speaks of the patient, of whom some come near."""
MOST_TRIED = 32
"""How many records are tried one by one before others are looked at."""


class Report(NamedTuple):
    """What a check found.

    `courses` is the length of the longest history looked at; `undecided` names the classes of which a question timed out.
    """

    guideline: GuidelineInfo
    courses: int
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...]


def longest_history(guideline: Guideline, courses: int | None = None) -> int:
    """Give the number of courses up to which histories are looked at: as asked, as the guideline says, or 3."""
    if not any(fact.kind == "courses" for fact in guideline.model.facts):
        return 0
    if courses is not None:
        return courses
    return guideline.model.longest_history or LONGEST_HISTORY


def check(
    guideline: Guideline,
    courses: int | None = None,
    timeout: float | None = None,
    progress: Progress = lambda *_: None,
    known: Collection[str] | None = None,
) -> Report:
    """Look for every class of defect among all patients with at most `courses` courses of therapy.

    `timeout` is in seconds, for the whole check; a class of which a question times out is undecided, never passed.
    `progress` is called with what is being done, how much of it is done, and how much there is. Findings with
    `known` ids are given without what belongs to them, and what settles findings is not asked. Raises GuidelineError where
    the guideline cannot be used.
    """
    length = longest_history(guideline, courses)
    deadline = None if timeout is None else time.monotonic() + timeout
    patients = load_patients(guideline, length, deadline)
    default = default_record(patients, guideline.model)
    writer = FindingWriter(guideline, guideline.space(length).program, DefectAtoms.read(patients), default)
    run = Check(
        guideline=guideline,
        courses=length,
        patients=patients,
        writer=writer,
        settling=None if known is not None else settling_readings_of(guideline, length, deadline),
        known=known,
        progress=progress,
    )
    classes = list(definitions())

    def order(found: Finding) -> tuple[int, int, str]:
        return classes.index(found.kind), -SEVERITIES.index(found.severity), found.message

    findings = sorted((*run.findings(), *slips(guideline)), key=order)
    return Report(guideline.info, length, tuple(findings), tuple(sorted(run.undecided, key=classes.index)))


def load_patients(
    guideline: Guideline,
    courses: int,
    deadline: float | None = None,
    taken: Mapping[str, str] | None = None,
    free: frozenset[int] = frozenset(),
    regimens: Collection[str] = (),
) -> Patients:
    """Ground all patients of a guideline, with at most `courses` courses of therapy, and what is asked about them.

    `taken` are the alternatives in which readings are taken, or "any": by default as the guideline takes them. What is
    `free` holds or not, whatever rules conclude. Of `regimens` it is asked as well who is certain to be recommended them
    while a fact that could exclude them is not recorded.
    """
    space, model = guideline.space(courses), guideline.model
    builder = ProgramBuilder()
    writer = RuleWriter(builder, space, model, taken_in(guideline) if taken is None else taken, free=free)
    writer.write()
    if not free:
        writer.write_without(circular_atoms(space.program))
    for number in range(courses):
        writer.write_advice(writer.inputs_after(number), partial("earlier({},{})".format, number))
    for fact in model.facts:
        if fact.default is not None and writer.decides_advice(fact.name):
            inputs = writer.inputs_without(fact.name, fact.default)
            writer.write_advice(inputs, partial("if_unrecorded({},{})".format, fact.name))
    writer.write_unrecorded(regimens)
    written = reify(model, space, writer.duplicates.repeated)
    return builder.ground(("space.lp", "defects.lp"), ["smallest"], [*writer.data, *written], deadline)


@dataclass(frozen=True)
class Check:
    """One check of one guideline; `undecided` collects the classes of which a question timed out."""

    guideline: Guideline
    courses: int
    patients: Patients
    writer: FindingWriter
    settling: SettlingReadings | None
    progress: Progress
    known: Collection[str] | None = None
    undecided: set[str] = field(default_factory=set)

    def findings(self) -> Iterator[Finding]:
        """Yield all findings."""
        found = search(self.patients, ("defect", "refuted", "escalated", "contested"), progress=self.progress)
        self.undecided.update(map(self.class_of, found.undecided))
        literals = self.patients.literals
        defects = {str(symbol): symbol for symbol in self.patients.symbols("defect")}
        contested = {s.arguments[0] for s in self.patients.symbols("contested") if str(s) in found.shown}
        existing = [
            name
            for name, symbol in sorted(defects.items())
            if (literals[name] == 0 or name in found.shown) and symbol.arguments[1] not in contested
        ]
        escalated = {s.arguments[1]: s for s in self.patients.symbols("escalated") if str(s) in found.shown}
        for number, name in enumerate(existing):
            self.progress("witnesses", number, len(existing))
            kind, form = defects[name].arguments
            try:
                if literals[name] == 0:
                    written = self.writer.write(str(kind), form)
                    written = with_rule_dropped(written, form, self.writer) if str(kind) == "redundant" else written
                    yield self.settled(written, defects[name], None)
                else:
                    yield self.shown_by_patient(defects[name], escalated.get(form))
            except SolveTimeout:
                self.undecided.add(str(kind))
        yield from self.overlooked(
            [form for kind, form in (defects[name].arguments for name in existing) if form.name == "both"]
        )
        answered = True
        try:
            for name, unanswered in self.unanswered():
                written = self.writer.write_unanswered(name, unanswered)
                if name == "no_answer":
                    answered = False
                    written = written.carrying(shown_by=None, among=self.patients)
                yield written
        except SolveTimeout:
            self.undecided.add("conflict")
            answered = False
        yield from self.without_patient(found.shown, answered)
        self.progress("done", 1, 1)

    def class_of(self, atom: str) -> str:
        """Name the class of a defect, of its escalation, or of a candidate that is refuted."""
        symbol = clingo.parse_term(atom)
        about = symbol.arguments[0]
        if symbol.name == "contested":
            return next(str(s.arguments[0]) for s in self.patients.symbols("defect") if s.arguments[1] == about)
        return self.candidates.classes.get(about) or str(about)

    def shown_by_patient(self, defect: clingo.Symbol, escalated: clingo.Symbol | None) -> Finding:
        """Write the finding of a defect that some patient shows."""
        kind, form = defect.arguments
        if (bare := self.bare(str(escalated.arguments[0] if escalated is not None else kind), form)) is not None:
            return bare
        assumed = [(str(defect), True)]
        if escalated is not None:
            assumed.append((str(escalated), True))
        downgraded = f"downgraded({form})"
        severity = templates()[form.name].severity
        if downgraded in self.patients.literals and not self.patients.ask([*assumed, (downgraded, False)]):
            severity = "info"
        patient = self.patients.smallest(assumed, self.writer.atoms.observed(str(form)))
        found = self.writer.write(str(escalated.arguments[0] if escalated is not None else kind), form, patient, severity)
        if form.name in UNPLACED and found.witness is not None:
            decision = str(form.arguments[0]) if form.name == "unplaced_for" else ""
            found = with_nearest_statements(found, found.witness, self.guideline, decision)
        found = self.settled(found, defect, patient)
        found = found.carrying(shown_by=((str(defect), True),), among=self.patients)
        return with_guard(found, form, self.writer, self.patients) if form.name == "both" else found

    def bare(self, kind: str, form: clingo.Symbol) -> Finding | None:
        """Write a finding that is known already without witness and sides; None for any other."""
        if self.known is None or self.writer.id_of(kind, form) not in self.known:
            return None
        return self.writer.write(kind, form)

    def overlooked(self, conflicts: Sequence[clingo.Symbol]) -> Iterator[Finding]:
        """Yield where a fact is overlooked that can bring about one of the conflicts: without a conflict none is."""
        if not conflicts:
            return
        regimens = {str(form.arguments[0]) for form in conflicts}
        patients = load_patients(self.guideline, self.courses, self.patients.deadline, regimens=regimens)
        possible = set(conflicts)

        def sought(defect: clingo.Symbol) -> bool:
            form = defect.arguments[1]
            return form.name == "unsafe" and conflict_behind(form) in possible

        found = search(patients, ("defect",), progress=self.progress, only=sought)
        if found.undecided or next(patients.symbols("unexplored"), None) is not None:
            self.undecided.add("unknown_unsafe")
        for name in sorted(found.shown):
            try:
                unsafe = self.unsafe(clingo.parse_term(name), patients)
                if unsafe is not None:
                    yield unsafe
            except SolveTimeout:
                self.undecided.add("unknown_unsafe")

    def unsafe(self, defect: clingo.Symbol, patients: Patients) -> Finding | None:
        """Write the finding of a fact that is overlooked; what settles the conflict that it can make settles it."""
        kind, form = defect.arguments
        if (bare := self.bare(str(kind), form)) is not None:
            return bare
        patient = self.overlooking(defect, patients)
        if patient is None:
            return None
        found = with_sides(self.writer.write(str(kind), form, patient), form, self.writer)
        found = with_guard(found, form, self.writer, self.patients)
        found = found.carrying(shown_by=((str(defect), True),), among=patients)
        conflict = clingo.Function("defect", [clingo.Function("conflict"), conflict_behind(form)])
        for excluded in excluded_patients(form, patient, self.writer):
            inputs = [(atom, atom in excluded.inputs) for atom in self.patients.inputs]
            if self.patients.ask([*inputs, (str(conflict), True)]):
                return self.settled(found, conflict, excluded)
        return found

    def overlooking(self, defect: clingo.Symbol, patients: Patients) -> Patient | None:
        """Find a smallest patient of whom a record without the fact is answered with certainty; None where there is none.

        Other facts that are not recorded either can leave the answer open, and so can rules that stand against each other:
        then a patient with another record is sought, and after some tries one who has these facts recorded. Raises
        SolveTimeout where none of those tried is one.
        """
        form, roles = defect.arguments[1], self.guideline.model.roles
        told = [atom for atom in patients.inputs if roles[split_atom(atom)[0]] not in ("patient", "space")]
        recorded = [
            (f"known({fact.name})", True)
            for fact in self.guideline.model.facts
            if fact.name != str(form.arguments[3]) and fact.kind in ("boolean", "choice", "list")
        ]
        for more in ([], recorded, []):
            asked = [(str(defect), True), *more]
            for _ in range(MOST_TRIED):
                if not patients.ask(asked):
                    break
                patient = patients.smallest(asked)
                if is_overlooked(form, patient, self.writer):
                    return patient
                patients.forbid([(str(defect), True), *((atom, atom in patient.inputs) for atom in told)])
        if patients.ask([(str(defect), True)]):
            raise SolveTimeout
        return None

    def settled(self, found: Finding, defect: clingo.Symbol, patient: Patient | None) -> Finding:
        """Add the readings that settle a finding; where readings are adopted, the alternatives of them that do."""
        if self.known is not None:
            return found
        if self.settling is not None:
            kind = str(defect.arguments[0])
            return found.replace(resolved_by=self.settling.find(kind, str(defect), patient, found.statements))
        if self.alternatives is None or patient is None:
            return found
        unwanted = {str(s.arguments[0]): str(s.arguments[1]) for s in self.patients.symbols("settled_without")}
        try:
            settling, easing = self.alternatives.settling(str(defect), unwanted.get(found.kind, str(defect)), patient)
        except SolveTimeout:
            self.undecided.add(found.kind)
            return found
        return found.replace(
            settled_by_alternatives=settling, eased_by_alternatives=easing if found.kind in unwanted else ()
        )

    @cached_property
    def candidates(self) -> Candidates:
        """What is a finding unless some patient refutes it."""
        return Candidates.read(self.patients, self.writer)

    @cached_property
    def alternatives(self) -> OtherAlternatives | None:
        """The same patients under other alternatives of the readings; None where no reading has any."""
        model = self.guideline.model
        if not model.alternatives:
            return None
        opened = load_patients(self.guideline, self.courses, self.patients.deadline, dict.fromkeys(model.alternatives, ANY))
        return OtherAlternatives(opened, model, taken_in(self.guideline))

    def settled_by_firing(self, found: Finding, candidate: clingo.Symbol) -> Finding:
        """Add the readings, or the alternatives of readings, under which some patient refutes a candidate.

        A rule that decides nothing in the literal layer is kept for the readings that need it.
        """
        if self.known is not None:
            return found
        try:
            if self.settling is not None:
                readings = self.settling.needed_for(refutation(candidate))
                if readings and found.kind == "redundant":
                    say = self.guideline.model.say
                    kept = say("repair_kept", candidate.arguments[0].string, say("comma").join(readings))
                    found = found.replace(repair=kept, edits=())
                return found.replace(resolved_by=readings)
            if self.alternatives is None:
                return found
            return found.replace(settled_by_alternatives=self.alternatives.showing(refutation(candidate)))
        except SolveTimeout:
            self.undecided.add(found.kind)
            return found

    def unanswered(self) -> Iterator[tuple[str, Unanswered]]:
        """Yield the smallest patient who gets no answer, and the smallest who gets several, each with its form."""
        program = self.guideline.space(self.courses).program
        circle = contradicting_atoms(program)
        if not circle:
            return
        space, model = self.guideline.space(self.courses), self.guideline.model
        sets = AnswerSets(space, model, taken_in(self.guideline), self.patients.deadline, circle)
        for name, found in (("no_answer", sets.without()), ("several_answers", sets.several())):
            if found is not None:
                yield name, found

    def without_patient(self, shown: Collection[str], answered: bool) -> Iterator[Finding]:
        """Yield the candidates that no patient refutes, of the classes that are decided.

        Unless everybody is `answered`, they are sought among those as well for whom rules contradict each other.
        """
        candidates = self.candidates
        circle = frozenset[int]() if answered else contradicting_atoms(self.guideline.space(self.courses).program)
        if circle:
            patients = load_patients(self.guideline, self.courses, self.patients.deadline, free=circle)
            searched = search(patients, ("refuted",))
            self.undecided.update(map(self.class_of, searched.undecided))
            candidates, shown = Candidates.read(patients, self.writer), searched.shown
        for candidate in candidates.unrefuted("never", shown):
            if candidates.classes[candidate] not in self.undecided:
                yield self.settled_by_firing(candidates.never_fires(candidate), candidate)
        implied = candidates.unrefuted("implied", shown)
        if implied and candidates.classes[implied[0]] not in self.undecided:
            try:
                for candidate, found in candidates.implied(implied, self.progress):
                    yield self.settled_by_firing(with_rule_dropped(found, candidate, self.writer), candidate)
            except SolveTimeout:
                self.undecided.add(candidates.classes[implied[0]])
