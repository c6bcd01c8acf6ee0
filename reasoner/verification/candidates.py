"""Candidates that no patient refutes: rules that never fire, and rules that conclude nothing of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import clingo

from reasoner.engine.circles import circular_atoms
from reasoner.verification.atoms import quoted, split_atom
from reasoner.verification.defect_findings import FindingWriter, firing_atom
from reasoner.verification.findings import Finding
from reasoner.verification.patients import Patients
from reasoner.verification.search import Progress

__all__ = ["Candidates", "refutation"]


@dataclass(frozen=True)
class Candidates:
    """The candidates of a check, each with its class."""

    classes: dict[clingo.Symbol, str]
    patients: Patients
    writer: FindingWriter

    @classmethod
    def read(cls, patients: Patients, writer: FindingWriter) -> Candidates:
        return cls({s.arguments[1]: str(s.arguments[0]) for s in patients.symbols("candidate")}, patients, writer)

    def unrefuted(self, form: str, shown: Collection[str]) -> list[clingo.Symbol]:
        """List the candidates of a form whose refutation no patient shows, in the order of the guideline's rules."""
        order = {rule.id: number for number, rule in enumerate(self.writer.model.rules)}
        left = (
            candidate
            for candidate in self.classes
            if candidate.name == form
            and refutation(candidate) not in shown
            and self.patients.literals.get(refutation(candidate)) != 0
        )
        return sorted(left, key=lambda candidate: order[candidate.arguments[0].string])

    def never_fires(self, candidate: clingo.Symbol) -> Finding:
        """Write which conditions of a rule that never fires contradict each other."""
        model, program = self.writer.model, self.writer.program
        rule, say = candidate.arguments[0].string, model.say
        instance = next((ground for ground in program.rules if model.rules[ground.rule].id == rule), None)
        if instance is None:
            fixed = [
                c.text
                for c in self.writer.rules[rule].body
                if c.comparison or model.roles.get(split_atom(c.text)[0]) == "catalogue"
            ]
            words = say("no_value_fits", say("and").join(fixed)) if fixed else say("nothing_fits")
        else:
            conditions = [(program.atoms[atom], not negated) for atom, negated in instance.conditions]
            core = self.patients.unsat_core(conditions) or conditions
            phrases = ((self.writer.phrase(atom), wanted) for atom, wanted in core)
            words = say("nobody_has", say("and").join(p if wanted else say("absence", p) for p, wanted in phrases))
        return self.writer.write(self.classes[candidate], candidate, words={2: words})

    def implied(self, candidates: Sequence[clingo.Symbol], progress: Progress) -> Iterator[tuple[clingo.Symbol, Finding]]:
        """Yield the rules that fire, but always beside another one with the same conclusion, the last of them first.

        A rule so found supports no other's conclusion from then on. Raises SolveTimeout after the deadline.
        """
        found: set[str] = set()
        for number, candidate in enumerate(reversed(candidates)):
            progress("rules", number, len(candidates))
            rule = candidate.arguments[0]
            fires = f"fires_at_all({rule})"
            if rule.string in self.circular and not self.stays_without(rule.string, found):
                continue
            if self.patients.ask([(fires, True)]) and not self.patients.ask([(refutation(candidate), True)]):
                yield candidate, self.implied_rule(candidate, fires)
                self.patients.control.assign_external(clingo.Function("dropped", [rule]), True)
                found.add(rule.string)

    @cached_property
    def circular(self) -> frozenset[str]:
        """The rules that conclude what depends on itself: there two rules can seem to support each other's conclusion."""
        rules, circular = self.writer.model.rules, circular_atoms(self.writer.program)
        return frozenset(rules[ground.rule].id for ground in self.writer.program.rules if ground.head in circular)

    def stays_without(self, rule: str, gone: Collection[str]) -> bool:
        """Tell whether it is proved that nothing changes without a rule, those of `gone` left out already."""
        changed = f"_changed_without({quoted(rule)})"
        left_out = [(f"_gone({quoted(other)})", other in gone) for other in sorted(self.circular)]
        known = [(name, wanted) for name, wanted in left_out if name in self.patients.literals]
        return changed in self.patients.literals and not self.patients.ask([(changed, True), *known])

    def implied_rule(self, candidate: clingo.Symbol, fires: str) -> Finding:
        writer, rule = self.writer, candidate.arguments[0].string
        heads = {head: rules for head, rules in writer.atoms.concluding.items() if rule in rules}
        patient = self.patients.smallest([(fires, True)], [firing_atom(r, head) for head in heads for r in heads[head]])
        others = [
            other
            for head, rules in heads.items()
            if firing_atom(rule, head) in patient.observed
            for other in rules
            if other != rule and firing_atom(other, head) in patient.observed
        ]
        words = {2: writer.model.say("comma").join(others)}
        found = writer.write(self.classes[candidate], candidate, patient, words=words)
        distinct = tuple(dict.fromkeys(others))
        annotations = {*found.statements, *(str(writer.rules[other].annotation) for other in distinct)}
        ordered = sorted(annotations, key=writer.order.__getitem__)
        return found.replace(
            statements=writer.of_kind(("statement",), ordered),
            rules=(rule, *distinct),
            places=tuple(dict.fromkeys((*found.places, *writer.places(distinct)))),
            shown_by=((fires, True),),
            among=self.patients,
        )


def refutation(candidate: clingo.Symbol) -> str:
    """Give the atom that says that a patient refutes a candidate."""
    return f"refuted({candidate})"
