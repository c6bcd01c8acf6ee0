"""Patients for whom rules that depend on themselves through "not" give no answer, or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program, Space, reachable
from reasoner.engine.circles import contradicting_atoms
from reasoner.guideline import Guideline
from reasoner.verification.alternatives import taken_in
from reasoner.verification.patients import Patient, Patients, ProgramBuilder, SolveTimeout
from reasoner.verification.rule_writer import RuleWriter, Value, body_of

__all__ = ["AnswerSets", "Unanswered", "all_patients"]

MOST_TRIED = 4096


@dataclass(frozen=True)
class Unanswered:
    """A smallest patient with another number of answers than one: the circle's rules, by number, and what differs."""

    patient: Patient
    rules: tuple[int, ...]
    differing: tuple[int, ...] = ()


def all_patients(guideline: Guideline, courses: int) -> Patients:
    """Ground all patients of a guideline, with at most `courses` courses of therapy, whether or not they get an answer."""
    space = guideline.space(courses)
    circle = contradicting_atoms(space.program)
    return AnswerSets(space, guideline.model, taken_in(guideline), None, circle).everyone([])


@dataclass(frozen=True)
class AnswerSets:
    """The answer sets of a guideline's patients; `circle` are the atoms that depend on themselves through "not"."""

    space: Space
    model: GuidelineModel
    taken: Mapping[str, str]
    deadline: float | None
    circle: frozenset[int]

    @property
    def program(self) -> Program:
        return self.space.program

    @cached_property
    def rules(self) -> tuple[int, ...]:
        """The rules of the circle, by their numbers in the guideline."""
        own = (ground.rule for ground in self.program.rules if ground.head in self.circle)
        return tuple(sorted({rule for rule in own if self.model.rules[rule].annotation is not None}))

    @cached_property
    def outside(self) -> list[int]:
        """What the circle's rules ask of atoms outside it: their answer sets depend on nothing else."""
        own = (ground for ground in self.program.rules if ground.head in self.circle)
        asked = {atom for ground in own for atom, _ in ground.conditions} - self.circle
        return sorted(atom for atom in asked if not isinstance(self.values[atom], bool))

    @cached_property
    def values(self) -> Sequence[Value]:
        """What holds in any case, or never, as that; all other atoms by their numbers."""
        return RuleWriter(ProgramBuilder(), self.space, self.model, self.taken).values

    def without(self) -> Unanswered | None:
        """Find a smallest patient without any answer set; None where each has one.

        Raises SolveTimeout after the deadline.
        """
        circle = self.circle_alone()
        answered = [given for given in self.circumstances() if circle.ask(given)]
        unanswered = self.everyone(answered)
        return Unanswered(unanswered.smallest([]), self.rules) if unanswered.ask([]) else None

    def circumstances(self) -> Iterator[Sequence[tuple[str, bool]]]:
        """Yield what can hold of the atoms outside, in every combination that some patient shows."""
        patients, names = self.everyone([]), [self.program.atoms[atom] for atom in self.outside]
        for _ in range(MOST_TRIED):
            found: list[tuple[str, bool]] = []

            def read(answer_set: object, found: list[tuple[str, bool]] = found) -> None:
                found[:] = [(name, patients.holds(name, answer_set)) for name in names]  # type: ignore[arg-type]

            if not patients.ask([], read):
                return
            yield found
            patients.forbid(found)
        raise SolveTimeout

    def everyone(self, answered: Sequence[Sequence[tuple[str, bool]]]) -> Patients:
        """Ground all patients but those of the circumstances that are `answered`, whatever the circle concludes."""
        builder = ProgramBuilder()
        writer = RuleWriter(builder, self.space, self.model, self.taken, free=self.circle)
        writer.write()
        patients = builder.ground(("space.lp",), ["smallest"], writer.data, self.deadline)
        for given in answered:
            patients.forbid(given)
        return patients

    def circle_alone(self) -> Patients:
        """Ground the circle's rules, all that they ask of other atoms left open."""
        builder, atoms = ProgramBuilder(), self.program.atoms
        for atom in self.outside:
            builder.input(atoms[atom])
        for ground in self.program.rules:
            if ground.head in self.circle:
                values = [v if isinstance(v, bool) else builder.atom(a) for v, a in zip(self.values, atoms, strict=True)]
                body = body_of(ground.conditions, values)
                if body is not None:
                    builder.rule(builder.atom(atoms[ground.head]), body)
        return builder.ground((), [], [], self.deadline)

    def several(self) -> Unanswered | None:
        """Find a smallest patient with answer sets that conclude different things; None where there is none.

        Raises SolveTimeout after the deadline.
        """
        builder = ProgramBuilder()
        writer = RuleWriter(builder, self.space, self.model, self.taken)
        writer.write()
        again = frozenset(reachable(self.circle, writer.dependents.__getitem__))
        copied = writer.write_again(again, lambda text: f"_second({text})")
        differing = {f"_differs({self.program.atoms[n]})": n for n in self.program.compared if n in copied}
        for name, number in differing.items():
            builder.rule(builder.atom(name), [writer.number(number), -copied[number]])
            builder.rule(builder.atom("differ"), [builder.atom(name)])
        patients = builder.ground(("space.lp",), ["smallest"], writer.data, self.deadline)
        possible = [(f"_second({self.program.atoms[n]})", False) for n in self.inconsistent if n in copied]
        asked = [("differ", True), *possible]
        if not patients.ask(asked):
            return None
        patient = patients.smallest(asked, list(differing))
        return Unanswered(patient, self.rules, tuple(differing[name] for name in sorted(patient.observed)))

    @property
    def inconsistent(self) -> set[int]:
        """The atoms that say what cannot be a patient."""
        return {self.program.rules[number].head for number in self.program.inconsistent}
