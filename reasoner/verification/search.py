"""What every question about all patients does: look for all that can be shown, find the smallest patient, and word it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import clingo

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program
from reasoner.errors import GuidelineError
from reasoner.verification.definitions import DefectTemplate, template_of
from reasoner.verification.patients import Patients, SolveTimeout
from reasoner.verification.reified import split
from reasoner.verification.witness import departures, record_of

__all__ = ["Inquiry", "Progress", "Seen", "fill", "text"]

PLACE = re.compile(r"\{(\d+)\}")

Progress = Callable[[str, int, int], None]


class Seen(NamedTuple):
    """A patient who shows something: what is true of the patient, and which of the atoms asked about hold."""

    inputs: frozenset[str]
    atoms: frozenset[str]


class Inquiry:
    """Questions to the patients of a loaded program, in the words of one guideline.

    `undecided` collects the classes of which a question was cut off.
    """

    def __init__(self, patients: Patients, model: GuidelineModel, program: Program, progress: Progress) -> None:
        self.patients = patients
        self.model = model
        self.program = program
        self.progress = progress
        self.undecided: dict[str, None] = {}
        templates = patients.control.symbolic_atoms.by_signature("template", 4)
        self.forms: dict[str, DefectTemplate] = dict(template_of(atom.symbol) for atom in templates)
        self.default = self.default_patient()

    def default_patient(self) -> frozenset[str]:
        """Find the default patient, however long it takes; raise GuidelineError where nobody can be a patient."""
        deadline, self.patients.deadline = self.patients.deadline, None
        try:
            if not self.patients.ask([]):
                raise GuidelineError(f"{self.model.id}: what the guideline calls impossible leaves no patient at all.")
            return self.smallest([]).inputs
        finally:
            self.patients.deadline = deadline

    def smallest(self, atoms: Iterable[tuple[str, bool]], told: Iterable[str] = ()) -> Seen:
        """Find the smallest patient of whom the atoms hold as given, and which of `told` hold too; there must be one."""
        seen: list[Seen] = []

        def read(answer_set: clingo.Model) -> None:
            held = frozenset(name for name in told if self.patients.value(name, answer_set))
            seen[:] = [Seen(self.patients.true_inputs(answer_set), held)]

        self.patients.ask(atoms, read, best=True)
        return seen[0]

    def cut(self, kind: str) -> None:
        self.undecided[kind] = None

    def search(self, prefixes: tuple[str, ...], class_of: Callable[[str], str]) -> set[str]:
        """Find all atoms of the given beginnings that hold for some patient; `class_of` names the class of one."""
        literals = self.patients.literals
        sought = [a for a in literals if a.startswith(prefixes) and literals[a] != 0]
        wanted = {f"wanted({a})" if f"wanted({a})" in literals else f"wanted({own(a)})": a for a in sought}
        every = [a for a in literals if a.startswith("wanted(")]
        shown: set[str] = set()

        def read(answer_set: clingo.Model) -> None:
            shown.update(a for a in sought if a not in shown and answer_set.is_true(literals[a]))

        try:
            while True:
                self.progress("questions", len(shown), len(sought))
                before = len(shown)
                assumed = [("sought", True), *((a, False) for a in every if a not in wanted or wanted[a] in shown)]
                if len(shown) == len(sought) or not self.patients.ask(assumed, read):
                    break
                assert len(shown) > before
        except SolveTimeout:
            for text in sought:
                if text not in shown:
                    self.cut(class_of(text))
        return shown

    def departures(self, witness: Mapping[str, object] | None) -> tuple[str, ...]:
        """Word in what a witness departs from the default patient."""
        if witness is None:
            return ()
        return departures(witness, record_of(self.default, self.model), self.model)

    def phrase(self, atom: str) -> str:
        """Word an atom by the phrase of its predicate, or give it as it is written."""
        program = self.program
        number = program.index.get(atom.replace(", ", ","))
        return atom if number is None else program.phrases[number]

    def word(self, kind: str, argument: clingo.Symbol) -> str:
        """Word an argument of a defect."""
        name = text(argument)
        if kind in ("annotation", "rule", "text"):
            return next(
                (labels[name] for k, labels in self.model.labels.items() if k in ("fact", "measure") and name in labels),
                name,
            )
        if kind == "any" and argument.arguments:
            inner = ", ".join(self.word("any", part) for part in argument.arguments)
            return f"{argument.name.replace('_', ' ')} ({inner})"
        kinds = ("regimen", "drug") if kind == "any" else ("action_name", "action") if kind == "action" else (kind,)
        if kind == "trial":
            return self.model.trials[name].label
        return next(
            (self.model.label(k, name) for k in kinds if name in self.model.labels.get(k, {})),
            name.replace("_", " "),
        )


def own(atom: str) -> str:
    """Give what a defect or a refuted candidate is: ``both(...)`` of ``defect(conflict,both(...))``."""
    return split(atom)[1][-1]


def text(symbol: clingo.Symbol) -> str:
    return symbol.string if symbol.type == clingo.SymbolType.String else str(symbol)


def fill(template: str, words: Mapping[int, str]) -> str:
    return PLACE.sub(lambda place: words[int(place[1])], template)
