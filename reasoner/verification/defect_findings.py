"""From a defect that a patient shows, or that stands written, to a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import clingo

from reasoner.compiler.model import GuidelineModel, Rule
from reasoner.compiler.program import Program
from reasoner.guideline import Guideline
from reasoner.verification.alternatives import taken_otherwise
from reasoner.verification.answer_sets import Unanswered
from reasoner.verification.atoms import quoted, split_atom
from reasoner.verification.definitions import templates, text_of
from reasoner.verification.dosage import dosage_words
from reasoner.verification.findings import Finding, Side, finding_id
from reasoner.verification.patients import Patient, Patients
from reasoner.verification.witness import departures, telling_apart, witness_of

__all__ = ["DefectAtoms", "FindingWriter", "firing_atom"]


class SideAtom(NamedTuple):
    """The atom that says that an annotation, deriving `head`, is one side of a defect."""

    atom: str
    annotation: str
    head: str


class DefectAtoms(NamedTuple):
    """What the rules of ``defects.lp`` know that findings tell.

    `sides` and `concerned`, its annotations whoever the patient is, are of a defect, by its text; `concluding` are the rules
    that can conclude a head, and `repeating` those that repeat a rule, by their ids.
    """

    sides: Mapping[str, Sequence[SideAtom]]
    concerned: Mapping[str, Sequence[str]]
    concluding: Mapping[str, Sequence[str]]
    repeating: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, patients: Patients) -> DefectAtoms:
        sides: dict[str, list[SideAtom]] = {}
        concerned: dict[str, list[str]] = {}
        concluding: dict[str, list[str]] = {}
        repeating: dict[str, list[str]] = {}
        for symbol in patients.symbols("side"):
            defect, annotation, head = symbol.arguments
            sides.setdefault(str(defect), []).append(SideAtom(str(symbol), annotation.string, str(head)))
        for symbol in patients.symbols("concerns"):
            defect, annotation = symbol.arguments
            concerned.setdefault(str(defect), []).append(annotation.string)
        for symbol in patients.symbols("fires"):
            rule, head = symbol.arguments
            concluding.setdefault(str(head), []).append(rule.string)
        for symbol in patients.symbols("duplicate_of"):
            rule, earlier = symbol.arguments
            repeating.setdefault(earlier.string, []).append(rule.string)
        return cls(sides, concerned, concluding, repeating)

    def observed(self, defect: str) -> list[str]:
        """List the atoms by which the sides of a defect are known, in a patient who shows it."""
        sides = self.sides.get(defect, ())
        firing = [firing_atom(rule, side.head) for side in sides for rule in self.concluding.get(side.head, ())]
        return [*firing, *(side.atom for side in sides)]


def firing_atom(rule: str, head: str) -> str:
    """Give the atom that says that a rule fires with a head."""
    return f"fires({quoted(rule)},{head})"


@dataclass(frozen=True)
class FindingWriter:
    """Writes the findings of one guideline; `default` is the record of the default patient."""

    guideline: Guideline
    program: Program
    atoms: DefectAtoms
    default: Mapping[str, object]

    @property
    def model(self) -> GuidelineModel:
        return self.guideline.model

    @cached_property
    def rules(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.model.rules}

    @cached_property
    def order(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.model.annotations)}

    def write(
        self,
        kind: str,
        form: clingo.Symbol,
        patient: Patient | None = None,
        severity: str | None = None,
        words: Mapping[int, str] | None = None,
    ) -> Finding:
        """Write the finding of a defect of class `kind`, with both sides, places, witness and repair.

        `patient` shows it; `severity` and `words`, by their places, replace those of the template.
        """
        template = templates()[form.name]
        named = list(zip(template.kinds, form.arguments, strict=True))
        sides = self.sides(form, patient.observed) if patient is not None else ()
        rules = tuple(dict.fromkeys([*named_of("rule", named), *(rule for side in sides for rule in side.rules)]))
        annotations = self.annotations(form, named, sides, rules)
        places = (*self.places(rules), *(place for side in sides for place in side.places))
        places = places or tuple(self.model.annotations[name].place for name in annotations)
        witness = witness_of(patient.inputs, [self.guideline]) if patient is not None else None
        filled = template.words(form.arguments, self.model)
        if patient is not None and "condition" in template.kinds:
            position = template.kinds.index("condition")
            filled[position + 1] = self.condition(text_of(form.arguments[position]), patient)
        message, repair = template.fill({**filled, **(words or {})})
        return Finding(
            id=self.id_of(kind, form),
            kind=kind,
            cause=template.cause,
            severity=severity or template.severity,
            message=message,
            statements=self.of_kind(("statement",), annotations),
            readings=self.of_kind(("reading", "alternative"), annotations),
            overlays=self.of_kind(("overlay",), annotations),
            rules=rules,
            places=tuple(dict.fromkeys(places)),
            repair=repair,
            sides=sides,
            witness=witness,
            under=taken_otherwise(patient.inputs, self.model) if patient is not None else (),
        ).carrying(departures=self.departures(witness))

    def id_of(self, kind: str, form: clingo.Symbol) -> str:
        """Give the id of the finding of a defect."""
        named = zip(templates()[form.name].kinds, form.arguments, strict=True)
        return finding_id(kind, self.subject(form, named))

    def write_unanswered(self, name: str, found: Unanswered) -> Finding:
        """Write the finding of a patient whom a circle of rules leaves without an answer, or with several."""
        model = self.model
        rules = tuple(model.rules[number].id for number in found.rules)
        differing = model.say("and").join(self.program.phrases[number] for number in found.differing)
        form = clingo.Function(name, [clingo.String(rules[0]), clingo.String(differing)][: 1 + bool(differing)])
        written = self.write("conflict", form, found.patient, words={1: model.say("and").join(rules)})
        annotations = sorted({str(self.rules[rule].annotation) for rule in rules}, key=self.order.__getitem__)
        return written.replace(
            id=finding_id("conflict", self.subject(form, [("rule", form.arguments[0])])),
            statements=self.of_kind(("statement",), annotations),
            readings=self.of_kind(("reading", "alternative"), annotations),
            overlays=self.of_kind(("overlay",), annotations),
            rules=rules,
            places=tuple(dict.fromkeys(self.places(rules))),
        )

    def sides(self, form: clingo.Symbol, held: Collection[str]) -> tuple[Side, ...]:
        """Collect what each side of a defect derives for a patient of whom the atoms in `held` hold."""
        found = []
        for atom, annotation, head in sorted(self.atoms.sides.get(str(form), ())):
            if atom in held:
                rules = tuple(rule for rule in self.rules_of(annotation, head) if firing_atom(rule, head) in held)
                places = self.places(rules) or (self.model.annotations[annotation].place,)
                found.append(Side(annotation, self.phrase(head), rules, places))
        return tuple(found)

    def rule_order(self, rule: str) -> int:
        """Give the place of a rule in the guideline."""
        return self.model.rules.index(self.rules[rule])

    def rules_of(self, annotation: str, head: str) -> list[str]:
        """List the rules by which an annotation can derive a head."""
        known = sorted(self.atoms.concluding.get(head, ()))
        return [rule for rule in known if self.rules[rule].annotation == annotation]

    def annotations(
        self, form: clingo.Symbol, named: Sequence[tuple[str, clingo.Symbol]], sides: Iterable[Side], rules: Iterable[str]
    ) -> tuple[str, ...]:
        """Collect the annotations that have part in a defect, in the order of the guideline."""
        found = {*named_of("annotation", named), *(side.annotation for side in sides)}
        found.update(self.atoms.concerned.get(str(form), ()))
        repeating = (other for rule in rules for other in self.atoms.repeating.get(rule, ()))
        found.update(str(self.rules[rule].annotation) for rule in (*rules, *repeating))
        return tuple(sorted(found, key=self.order.__getitem__))

    def of_kind(self, kinds: Collection[str], annotations: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in annotations if self.model.annotations[name].kind in kinds)

    def places(self, rules: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.rules[rule].place for rule in rules)

    def departures(self, witness: Mapping[str, object] | None) -> tuple[str, ...]:
        """Word in what a witness departs from the default patient."""
        return () if witness is None else departures(witness, self.default, self.worded)

    @cached_property
    def worded(self) -> GuidelineModel:
        """The guideline with the numbers that its rules tell apart."""
        return telling_apart([(self.model, self.program)])

    def phrase(self, atom: str) -> str:
        """Word an atom by the phrase of its predicate, a dose in full; what no rule concludes or reads stays as it is."""
        if words := dosage_words(atom, self.model):
            return words
        number = self.program.index.get(atom.replace(", ", ","))
        return atom if number is None else self.program.phrases[number]

    def condition(self, condition: str, patient: Patient) -> str:
        """Word a condition as its rule has it; a course that it leaves open is the patient's last or first one."""
        last = str(max(1, sum(split_atom(atom)[0] == "course" for atom in patient.inputs)))
        predicate, arguments = split_atom(condition)
        kinds = self.model.kinds[predicate]
        bound = [
            last if kind == "whole" and a.lstrip("_")[:1].isupper() else a for kind, a in zip(kinds, arguments, strict=True)
        ]
        return self.phrase(f"{predicate}({','.join(bound)})" if arguments else condition)

    def subject(self, form: clingo.Symbol, named: Iterable[tuple[str, clingo.Symbol]]) -> str:
        """Say what a finding is about, so that it keeps its id: a rule by what it says, not by its number."""
        parts = []
        for kind, argument in named:
            if kind == "rule":
                rule = self.rules[text_of(argument)]
                parts.append(f"{rule.annotation} {rule.head} {sorted((c.negated, c.text) for c in rule.body)}")
            else:
                parts.append(text_of(argument))
        return " | ".join((form.name, *parts))


def named_of(kind: str, named: Iterable[tuple[str, clingo.Symbol]]) -> list[str]:
    """List the arguments of a kind."""
    return [text_of(argument) for k, argument in named if k == kind]
