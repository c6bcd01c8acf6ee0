"""Check a guideline over all patients that can exist: each defect with its smallest witness, or a proof that it has none."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import clingo

from reasoner.engine.answer import Answer, GuidelineInfo
from reasoner.engine.notes import nearest_statements
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.verification.definitions import definitions
from reasoner.verification.findings import SEVERITIES, Finding, Side, finding_id
from reasoner.verification.patients import Patients, SolveTimeout, Writer
from reasoner.verification.reified import fact_of, reify, split
from reasoner.verification.search import Inquiry, Progress, Seen, fill, text
from reasoner.verification.witness import record_of

__all__ = ["Report", "check", "longest_history"]

LONGEST = 3


class Report(NamedTuple):
    """What a check found.

    `courses` is the length of the longest history looked at; `undecided` names the classes of which a question was cut off.
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
    return guideline.model.longest_history or LONGEST


def check(
    guideline: Guideline,
    courses: int | None = None,
    timeout: float | None = None,
    progress: Progress = lambda *_: None,
) -> Report:
    """Look for every class of defect among all patients with at most `courses` courses of therapy.

    `timeout` is in seconds, for the whole check; what it cuts off is undecided, never passed. `progress` is told what is
    being done, how many of it are done, and how many there are. Raises GuidelineError where the guideline cannot be used.
    """
    length = longest_history(guideline, courses)
    checker = Checker(guideline, length, None if timeout is None else time.monotonic() + timeout, progress)
    findings = sorted(checker.run(), key=order)
    return Report(guideline.info, length, tuple(findings), tuple(checker.undecided))


def order(found: Finding) -> tuple[int, int, str]:
    classes = list(definitions())
    return classes.index(found.kind), -SEVERITIES.index(found.severity), found.message


class Checker(Inquiry):
    """One check of one guideline."""

    def __init__(self, guideline: Guideline, courses: int, deadline: float | None, progress: Progress) -> None:
        self.guideline = guideline
        self.space = guideline.space(courses)
        patients, model = Patients(deadline), guideline.model
        writer = Writer(patients, self.space, model)
        writer.explained()
        for number in range(courses):
            writer.copy(writer.after(number), lambda text, n=number: f"earlier({n},{text})")  # type: ignore[misc]
        for fact in model.facts:
            if fact.default is not None and writer.advises_by(fact.name):
                inputs = writer.unrecorded(fact.name, fact.default)
                writer.copy(inputs, lambda text, name=fact.name: f"unasked({name},{text})")  # type: ignore[misc]
        data = (text for text, _ in self.space.data)
        facts = reify(model, self.space.program, data, writer.repeated)
        patients.load(("space.lp", "defects.lp"), ["smallest"], [*writer.data, *facts])
        super().__init__(patients, model, self.space.program, progress)
        self.rules = {rule.id: rule for rule in model.rules}
        self.position = {annotation: number for number, annotation in enumerate(model.annotations)}
        self.repeating: dict[str, list[str]] = {}
        for rule, earlier in writer.repeated.items():
            self.repeating.setdefault(model.rules[earlier].id, []).append(str(model.rules[rule].annotation))
        self.read_atoms()
        self.settler = self.make_settler(courses, deadline)

    def make_settler(self, courses: int, deadline: float | None) -> Settler | None:
        """Prepare to tell which readings settle what the literal layer shows."""
        if self.guideline.layer != "literal":
            return None
        curated = Guideline(self.guideline.selection.with_layer("curated"))
        if not any(annotation.kind == "reading" for annotation in curated.model.annotations.values()):
            return None
        return Settler(curated, courses, deadline)

    def read_atoms(self) -> None:
        """Sort the atoms that are asked about."""
        self.sides: dict[str, list[tuple[str, str, str]]] = {}
        self.candidates: list[tuple[str, clingo.Symbol]] = []
        self.concerned: dict[str, list[str]] = {}
        self.fires: dict[str, list[str]] = {}
        atoms = self.patients.control.symbolic_atoms
        self.defects = {str(atom.symbol): atom.symbol for atom in atoms.by_signature("defect", 2)}
        for atom in atoms.by_signature("candidate", 2):
            self.candidates.append((str(atom.symbol.arguments[0]), atom.symbol.arguments[1]))
        self.gaps = {str(atom.symbol.arguments[0]) for atom in atoms.by_signature("remedy", 2)}
        for atom in atoms.by_signature("concerns", 2):
            about, concerned = atom.symbol.arguments
            self.concerned.setdefault(str(about), []).append(concerned.string)
        for name in self.patients.literals:
            if name.startswith("side("):
                shown, annotation, head = split(name)[1]
                self.sides.setdefault(shown, []).append((name, annotation[1:-1], head))
            elif name.startswith("fires("):
                rule, head = split(name)[1]
                self.fires.setdefault(head, []).append(rule[1:-1])

    def run(self) -> Iterator[Finding]:
        """Yield all findings."""
        shown = self.search(("defect(", "refuted(", "worse("), self.class_of)
        existing = [d for d in sorted(self.defects) if self.patients.literals[d] == 0 or d in shown]
        for number, name in enumerate(existing):
            self.progress("witnesses", number, len(existing))
            try:
                yield from self.report(self.defects[name], shown)
            except SolveTimeout:
                self.cut(str(self.defects[name].arguments[0]))
        yield from self.without_patient(shown)
        self.progress("done", 1, 1)

    def class_of(self, text: str) -> str:
        """Name the class of a defect, of what makes it worse, or of what refutes a candidate."""
        symbol = clingo.parse_term(text)
        if symbol.name == "refuted":
            return next(kind for kind, candidate in self.candidates if candidate == symbol.arguments[0])
        return str(symbol.arguments[0])

    def report(self, symbol: clingo.Symbol, shown: set[str]) -> Iterator[Finding]:
        """Yield the finding of a defect that some patient shows, or that stands written."""
        kind, form = str(symbol.arguments[0]), symbol.arguments[1]
        severity = self.forms[form.name].severity
        if self.patients.literals[str(symbol)] == 0:
            found = self.finding(kind, form, severity, None)
            yield self.settled(found, kind, str(symbol), None)
            return
        assumed = [(str(symbol), True)]
        worse = [text for text in shown if text.startswith("worse(") and text.endswith(f",{form})")]
        if worse:
            kind = self.class_of(worse[0])
            assumed.append((worse[0], True))
        mitigated = f"mitigated({form})"
        if mitigated in self.patients.literals and not self.patients.ask([*assumed, (mitigated, False)]):
            severity = "info"
        sides = self.sides.get(str(form), [])
        told = [f'fires("{rule}",{head})' for _, _, head in sides for rule in self.fires.get(head, ())]
        seen = self.smallest(assumed, [*told, *(side for side, _, _ in sides)])
        found = self.finding(kind, form, severity, seen)
        if kind in self.gaps and not found.statements and found.witness is not None:
            found = self.with_nearest(found, found.witness)
        found = self.settled(found, kind, str(symbol), seen)
        if form.name == "both":
            found = found.replace(repair=self.guard(found) or found.repair)
        yield found
        if form.name == "both":
            yield from self.unsafe(form, found)

    def with_nearest(self, found: Finding, witness: Mapping[str, object]) -> Finding:
        """Add to a gap the statements that come nearest, and what they ask for that the witness does not have."""
        near = dict(nearest_statements(self.guideline.answer(witness).derivation))
        known, say = self.model.annotations, self.model.say
        fewest = min(map(len, near.values()), default=0)
        words = [say("asks", n, say("and_condition").join(near[n])) for n in known if n in near and len(near[n]) == fewest]
        return found.replace(
            statements=tuple(name for name in known if name in near),
            places=tuple(known[name].place for name in known if name in near),
            repair=say("repair_nearest", found.repair, say("and").join(words)) if words and fewest else found.repair,
        )

    def settled(self, found: Finding, kind: str, defect: str, seen: Seen | None) -> Finding:
        """Add the readings that settle a finding."""
        if self.settler is None:
            return found
        return found.replace(resolved_by=self.settler.settle(kind, defect, seen.inputs if seen else None, found.statements))

    def finding(
        self, kind: str, form: clingo.Symbol, severity: str, seen: Seen | None, words: Mapping[int, str] | None = None
    ) -> Finding:
        """Write a finding: both sides, places, witness and repair."""
        shape = self.forms[form.name]
        arguments = list(zip(shape.kinds, form.arguments, strict=True))
        sides = self.sides_of(form, seen.atoms) if seen is not None else ()
        rules = [text(a) for k, a in arguments if k == "rule"]
        rules += [rule for side in sides for rule in side.rules]
        annotations = [text(a) for k, a in arguments if k == "annotation"] + [side.annotation for side in sides]
        annotations += [str(self.rules[rule].annotation) for rule in rules] + sorted(self.concerned.get(str(form), []))
        annotations += [annotation for rule in rules for annotation in self.repeating.get(rule, ())]
        known = self.model.annotations
        ordered = sorted(set(annotations), key=self.position.__getitem__)
        places = [self.rules[rule].place for rule in rules] or [known[annotation].place for annotation in ordered]
        witness = record_of(seen.inputs, self.model) if seen is not None else None
        worded = {n: self.word(k, a) for n, (k, a) in enumerate(arguments, start=1)}
        if "condition" in shape.kinds and seen is not None:
            position = shape.kinds.index("condition")
            worded[position + 1] = self.condition(text(form.arguments[position]), seen)
        worded |= dict(words or {})
        return Finding(
            id=finding_id(kind, self.subject(form, arguments)),
            kind=kind,
            severity=severity,
            message=fill(shape.message, worded),
            statements=tuple(annotation for annotation in ordered if known[annotation].kind == "statement"),
            readings=tuple(annotation for annotation in ordered if known[annotation].kind == "reading"),
            overlays=tuple(annotation for annotation in ordered if known[annotation].kind == "overlay"),
            rules=tuple(dict.fromkeys(rules)),
            places=tuple(dict.fromkeys(places)),
            repair=fill(shape.repair, worded),
            sides=sides,
            witness=witness,
        ).carrying(departures=self.departures(witness))

    def sides_of(self, form: clingo.Symbol, held: Collection[str]) -> tuple[Side, ...]:
        """Collect what each side of a defect derives for the patient who shows it, of whom the atoms in `held` hold."""
        found = []
        for atom, annotation, head in sorted(self.sides.get(str(form), [])):
            if atom in held:
                rules = [rule for rule in self.rules_of(annotation, head) if f'fires("{rule}",{head})' in held]
                found.append(
                    Side(annotation, self.phrase(head), tuple(rules), tuple(self.rules[rule].place for rule in rules))
                )
        return tuple(found)

    def rules_of(self, annotation: str, head: str) -> list[str]:
        """List the rules by which a annotation derives a head."""
        return [rule for rule in sorted(self.fires.get(head, [])) if self.rules[rule].annotation == annotation]

    def subject(self, form: clingo.Symbol, arguments: Iterable[tuple[str, clingo.Symbol]]) -> str:
        """Say what a finding is about, so that it keeps its id: a rule by what it says, not by its number."""
        parts = []
        for kind, argument in arguments:
            if kind == "rule":
                rule = self.rules[text(argument)]
                parts.append(f"{rule.annotation} {rule.head} {[(c.negated, c.text) for c in rule.body]}")
            else:
                parts.append(text(argument))
        return " | ".join((form.name, *parts))

    def condition(self, condition: str, seen: Seen) -> str:
        """Word a condition as its rule has it; a course that it leaves open is the patient's last one."""
        last = str(sum(atom.startswith("course(") for atom in seen.inputs))
        predicate, arguments = split(condition)
        kinds = self.model.kinds[predicate]
        whole = [last if kind == "whole" and a[:1].isupper() else a for kind, a in zip(kinds, arguments, strict=True)]
        return self.phrase(f"{predicate}({','.join(whole)})" if arguments else condition)

    def guard(self, conflict: Finding) -> str:
        """Propose the condition that keeps a recommendation from whom it is excluded for; none where several exclude."""
        rules = [self.rules[name] for side in conflict.sides for name in side.rules]
        recommending = dict.fromkeys(rule.id for rule in rules if rule.head.startswith("indicated("))
        conditions = [
            condition
            for rule in rules
            if rule.head.startswith("contraindicated(")
            for condition in rule.body
            if not condition.comparison and self.model.roles[split(condition.text)[0]] not in ("catalogue", "position")
        ]
        if len(conditions) != 1 or re.search(r"\b[A-Z]", conditions[0].text):
            return ""
        condition = conditions[0].text if conditions[0].negated else f"not {conditions[0].text}"
        return self.model.say("repair_guard", condition, self.model.say("comma").join(recommending))

    def unsafe(self, form: clingo.Symbol, conflict: Finding) -> Iterator[Finding]:
        """Yield where forgetting a fact of a conflict's witness leaves the regimen recommended with certainty.

        What else the exclusion reads is as usual then, or as it is with the witness.
        """
        regimen, recommending, excluding = form.arguments
        assert conflict.witness is not None
        default = record_of(self.default, self.model)
        facts = self.facts_behind(str(regimen), excluding.string)
        usual = {**conflict.witness, **{fact: default[fact] for fact in facts if fact in default}}
        for fact in facts:
            for patient in (usual, conflict.witness):
                record = {key: value for key, value in patient.items() if key != fact}
                sides = self.overlooked(record, form) if len(record) < len(patient) else ()
                if sides:
                    symbol = clingo.Function("unsafe", [regimen, recommending, excluding, clingo.Function(fact)])
                    found = self.finding("unknown_unsafe", symbol, self.forms["unsafe"].severity, None)
                    yield found.replace(
                        witness=record,
                        departures=self.departures(record),
                        sides=sides,
                        rules=tuple(dict.fromkeys(rule for side in sides for rule in side.rules)),
                        places=tuple(dict.fromkeys(place for side in sides for place in side.places)),
                        resolved_by=conflict.resolved_by,
                    )
                    break

    def overlooked(self, record: Mapping[str, object], form: clingo.Symbol) -> tuple[Side, ...]:
        """Give both sides of a conflict where the regimen is certain for a record that could exclude it, else nothing."""
        regimen, *annotations = form.arguments
        try:
            answer = self.guideline.answer(record)
        except RecordError:
            return ()
        sure = any(e.regimen == str(regimen) and e.certainty == "certain" for e in answer.recommended)
        open_ = any(e.regimen == str(regimen) and e.certainty == "conditional" for e in answer.excluded)
        sides = self.sides_of(form, self.held_in(answer, form)) if sure and open_ else ()
        return sides if {annotation.string for annotation in annotations} <= {side.annotation for side in sides} else ()

    def held_in(self, answer: Answer, form: clingo.Symbol) -> set[str]:
        """Tell by which rules the sides of a defect hold in some completion of an answer's record."""
        derivation = answer.derivation
        rules = zip(derivation.program.rules, derivation.fired, strict=True)
        held = {
            f'fires("{self.model.rules[ground.rule].id}",{derivation.program.atoms[ground.head]})'
            for ground, truth in rules
            if truth
        }
        return held | {
            atom
            for atom, annotation, head in self.sides.get(str(form), [])
            if any(f'fires("{rule}",{head})' in held for rule in self.rules_of(annotation, head))
        }

    def facts_behind(self, regimen: str, annotation: str) -> list[str]:
        """List the facts that decide whether a annotation excludes a regimen."""
        program = self.space.program
        asked = [
            atom
            for rule in program.supports[program.index[f"contraindicated({regimen})"]]
            if self.model.rules[program.rules[rule].rule].annotation == annotation
            for atom, _ in program.rules[rule].conditions
        ]
        behind = program.cone(asked)
        read = {fact_of(program.atoms[atom]) for atom in behind if program.roles[atom] == "patient"}
        return [fact.name for fact in self.model.facts if fact.name in read]

    def without_patient(self, shown: set[str]) -> Iterator[Finding]:
        """Yield the candidates that no patient refutes: rules that never fire, and rules that others make needless."""
        literals = self.patients.literals
        left = [(k, s) for k, s in self.candidates if f"refuted({s})" not in shown and literals.get(f"refuted({s})") != 0]
        for kind, symbol in left:
            if kind not in self.undecided and symbol.name == "never":
                yield self.never(kind, symbol)
        numbers = {rule.id: number for number, rule in enumerate(self.model.rules)}
        implied = sorted((numbers[s.arguments[0].string], k, s) for k, s in left if s.name == "implied")
        for number, (_, kind, symbol) in enumerate(reversed(implied)):
            self.progress("rules", number, len(implied))
            try:
                if kind not in self.undecided:
                    yield from self.implied(kind, symbol)
            except SolveTimeout:
                self.cut(kind)

    def never(self, kind: str, symbol: clingo.Symbol) -> Finding:
        """Say of a rule that never fires which of its conditions contradict each other."""
        rule = symbol.arguments[0].string
        program = self.space.program
        own = [ground for ground in program.rules if self.model.rules[ground.rule].id == rule]
        if not own:
            return self.finding(kind, symbol, self.forms["never"].severity, None, {2: self.model.say("nothing_fits")})
        conditions = [(program.atoms[atom], not negated) for atom, negated in own[0].conditions]
        core = self.patients.unsat_core(conditions) or conditions
        say = self.model.say
        words = say("and").join(self.phrase(atom) if wanted else say("absence", self.phrase(atom)) for atom, wanted in core)
        return self.finding(kind, symbol, self.forms["never"].severity, None, {2: words})

    def implied(self, kind: str, symbol: clingo.Symbol) -> Iterator[Finding]:
        """Yield a rule that fires, but always beside another one with the same conclusion; later it is not counted."""
        rule = symbol.arguments[0].string
        name = f'fired("{rule}")'
        if not self.patients.ask([(name, True)]) or self.patients.ask([(f"refuted({symbol})", True)]):
            return
        heads = [head for head, rules in self.fires.items() if rule in rules]
        seen = self.smallest([(name, True)], [f'fires("{r}",{head})' for head in heads for r in self.fires[head]])
        heads = [head for head in heads if f'fires("{rule}",{head})' in seen.atoms]
        others = [r for head in heads for r in self.fires[head] if r != rule and f'fires("{r}",{head})' in seen.atoms]
        found = self.finding(kind, symbol, self.forms["implied"].severity, seen, {2: self.model.say("comma").join(others)})
        more = [self.rules[other] for other in dict.fromkeys(others)]
        statements = {str(r.annotation) for r in more} | set(found.statements)
        known = self.model.annotations
        ordered = sorted(statements, key=self.position.__getitem__)
        yield found.replace(
            statements=tuple(annotation for annotation in ordered if known[annotation].kind == "statement"),
            rules=(rule, *(other.id for other in more)),
            places=tuple(dict.fromkeys((*found.places, *(other.place for other in more)))),
        )
        self.patients.control.assign_external(clingo.Function("spare", [clingo.String(rule)]), True)


class Settler:
    """Tells which readings settle a finding of the literal layer: the fewest that, adopted, leave its witness without it."""

    def __init__(self, curated: Guideline, courses: int, deadline: float | None) -> None:
        model, space = curated.model, curated.space(courses)
        self.readings = [name for name, annotation in model.annotations.items() if annotation.kind == "reading"]
        self.reads = {name: set(annotation.reads) for name, annotation in model.annotations.items()}
        self.patients = Patients(deadline)
        writer = Writer(self.patients, space, model, frozenset(self.readings))
        writer.explained()
        data = (text for text, _ in space.data)
        self.patients.load(
            ("space.lp", "defects.lp"),
            ["settled"],
            [*writer.data, *reify(model, space.program, data, writer.repeated)],
        )
        self.everything = [(f'adopted("{name}")', True) for name in self.readings]
        remedies = [a.symbol.arguments for a in self.patients.control.symbolic_atoms.by_signature("remedy", 2)]
        self.remedies = {str(kind): str(atom) for kind, atom in remedies}

    def settle(self, kind: str, defect: str, inputs: frozenset[str] | None, statements: Collection[str]) -> tuple[str, ...]:
        """Name the readings, none where even all of them together leave the defect to this or another patient.

        Where one is enough, one that interprets all of the `statements` goes before others.
        """
        target = self.remedies.get(kind, defect)
        if self.patients.literals.get(target, 0) == 0 or defect in self.left:
            return ()
        assumed = [(target, False)]
        if inputs is not None:
            assumed += [(name, name in inputs) for name in self.patients.inputs]
        if target != defect and not self.patients.ask([*assumed, *self.everything]):
            return ()
        for name in self.readings:
            if statements and self.reads[name].issuperset(statements):
                alone = [(f'adopted("{other}")', other == name) for other in self.readings]
                if self.patients.ask([*assumed, *alone]):
                    return (name,)
        best: list[str] = []

        def read(answer_set: clingo.Model) -> None:
            best[:] = [name for name in self.readings if self.patients.value(f'adopted("{name}")', answer_set)]

        self.patients.ask(assumed, read, best=True)
        return tuple(best)

    @cached_property
    def left(self) -> frozenset[str]:
        """The defects that some patient shows although all readings are adopted."""
        literals = self.patients.literals
        sought = [name for name in literals if name.startswith("defect(") and literals[name]]
        wanted = {f"wanted({split(name)[1][1]})": name for name in sought}
        off = [(name, False) for name in literals if name.startswith("wanted(") and name not in wanted]
        found: set[str] = set()

        def read(answer_set: clingo.Model) -> None:
            found.update(name for name in sought if self.patients.value(name, answer_set))

        while self.patients.ask(
            [("sought", True), *self.everything, *off, *((w, False) for w, name in wanted.items() if name in found)], read
        ):
            pass
        return frozenset(found)
