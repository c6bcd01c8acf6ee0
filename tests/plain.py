"""Plain clingo on the same files: the reference that everything else is compared with.

It knows nothing of the package's evaluation: it loads the guideline's files, adds the record's facts, and reads the answer
sets, one for each completion of the record. `solve` grounds anew for each record. `PlainClingo` grounds once for each
number of courses, with all that records can say as choices, and gives a record by assumptions: the same answer sets, a
hundred times as fast; a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import clingo

from reasoner import Guideline
from reasoner.compiler.model import GuidelineModel
from reasoner.guideline import shared_folder

WHAT_RECORDS_SAY = """
course(1..{courses}).
{{ drug_in(I, D) : drug(D) }} :- course(I).
{{ outcome(I, O) : term(outcome, O, _) }} :- course(I).
{{ course_has(I, F) : course_fact(_, F, boolean) }} :- course(I).
{{ course_at_least(I, F, T) : course_threshold(F, T) }} :- course(I).
{{ known(F) }} :- fact(_, F, _).
{{ recorded(F, true); recorded(F, false) }} :- fact(_, F, boolean).
{{ recorded(F, V) : value(F, _, V) }} :- fact(_, F, choice).
{{ recorded(F, at_most(T)); recorded(F, more_than(T)) }} :- threshold(F, T).
{{ recorded(F, list) }} :- fact(_, F, list).
{{ lists(F, D) : drug(D) }} :- members(F, drug).
{{ lists(F, V) : value(F, _, V) }} :- fact(_, F, list).
"""
SAID = (
    "course", "drug_in", "outcome", "course_has", "course_at_least", "known", "recorded", "lists",
)  # fmt: skip


@dataclass(frozen=True)
class Completion:
    """One completion: the values of what was open, and the conclusions."""

    choices: tuple[tuple[int, int], ...]
    atoms: frozenset[str]

    @cached_property
    def by_predicate(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for atom in self.atoms:
            name, _, arguments = atom.partition("(")
            found.setdefault(name, set()).add(arguments[:-1])
        return {name: frozenset(own) for name, own in found.items()}

    def arguments(self, name: str) -> frozenset[str]:
        """The arguments of the atoms of one predicate, as text."""
        return self.by_predicate.get(name, frozenset())


def files_of(folder: Path, layer: str) -> list[str]:
    readings = layer == "curated" and (folder / "readings.lp").is_file()
    names = ["guideline.lp", *(["readings.lp"] if readings else [])]
    return [str(shared_folder() / "core" / "core.lp"), *(str(folder / name) for name in names)]


def completion_of(atoms: frozenset[str], model: GuidelineModel) -> Completion:
    choices = []
    for number, variable in enumerate(model.variables):
        held = [n for n, (_, own) in enumerate(variable.values) if own and set(own) <= atoms]
        choices.append((number, held[0] if held else len(variable.values) - 1))
    return Completion(tuple(choices), atoms)


def solve(facts: str, folder: Path, layer: str, model: GuidelineModel) -> list[Completion]:
    """Solve a record's facts with clingo: all completions, in no order."""
    control = clingo.Control(["0", "--warn=none"])
    for file in files_of(folder, layer):
        control.load(file)
    control.add("base", [], facts)
    control.ground()
    with control.solve(yield_=True) as handle:
        return [completion_of(frozenset(map(str, answer_set.symbols(atoms=True))), model) for answer_set in handle]


class Ground(NamedTuple):
    """A ground program, the literals of what records say, and the texts of all atoms."""

    control: clingo.Control
    said: dict[str, int]
    texts: dict[clingo.Symbol, str]


class PlainClingo:
    """One guideline in plain clingo, ground once for each number of courses."""

    def __init__(self, guideline: Guideline) -> None:
        self.model = guideline.model
        self.files = files_of(guideline.folder, guideline.layer)
        self.programs: dict[int, Ground] = {}

    def solve(self, facts: str) -> list[Completion]:
        """Give all completions of a record's facts, in no order."""
        said = {fact for fact in re.split(r"\.\s*", facts) if fact}
        courses = sum(fact.startswith("course(") for fact in said)
        program = self.programs.get(courses) or self.programs.setdefault(courses, self.ground(courses))
        assert said <= set(program.texts.values()), said
        assumptions = [literal if atom in said else -literal for atom, literal in program.said.items()]
        with program.control.solve(assumptions, yield_=True) as handle:
            return [
                completion_of(frozenset(program.texts[s] for s in answer_set.symbols(atoms=True)), self.model)
                for answer_set in handle
            ]

    def ground(self, courses: int) -> Ground:
        control = clingo.Control(["0", "--warn=none"])
        for file in self.files:
            control.load(file)
        control.add("base", [], WHAT_RECORDS_SAY.format(courses=courses))
        control.ground()
        texts = {atom.symbol: str(atom.symbol) for atom in control.symbolic_atoms}
        said = {
            texts[atom.symbol]: atom.literal
            for atom in control.symbolic_atoms
            if not atom.is_fact and atom.symbol.name in SAID
        }
        return Ground(control, said, texts)


def summary(completion: Completion) -> dict[str, Any]:
    """Give one completion's conclusions."""
    names: Iterable[str] = ("setting", "recommended", "rank", "strength", "excluded", "action", "cautioned")
    return {name: sorted(completion.arguments(name)) for name in names}
