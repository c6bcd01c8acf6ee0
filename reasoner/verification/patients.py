"""All patients that can exist, as one clingo program: asked for one who shows something, or for a proof that there is none.

The ground rules of the guideline go to clingo as they are; who can be a patient, which is the smallest, and what is asked
about patients are rules in ``asp/core``, ground on top. Questions are put as assumptions, so that one program answers all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import clingo

__all__ = ["Patient", "Patients", "ProgramBuilder", "SolveTimeout"]

UNINTERRUPTED = 0.1
"""How many seconds an interrupt may wait for."""
OPTIONS = ("--warn=none", "--opt-strategy=usc", "--heuristic=Domain")


class SolveTimeout(Exception):  # noqa: N818 (not an error: an answer that did not come in time)
    """A question was not answered in time."""


class Patient(NamedTuple):
    """A patient found by the solver: the `inputs` that hold, and which of the atoms `observed` do."""

    inputs: frozenset[str]
    observed: frozenset[str]


@dataclass(frozen=True)
class Patients:
    """The patients of one guideline, or those that two guidelines share.

    `literals` gives clingo's literal of each atom, 0 for one that always holds; `inputs` are the atoms that make a patient;
    questions are answered until `deadline`, in seconds of the monotonic clock.
    """

    control: clingo.Control
    literals: Mapping[str, int]
    inputs: tuple[str, ...]
    deadline: float | None

    def symbols(self, predicate: str) -> Iterator[clingo.Symbol]:
        """Yield the atoms of a predicate, of whatever arity."""
        atoms = self.control.symbolic_atoms
        for name, arity, _ in atoms.signatures:
            if name == predicate:
                yield from (atom.symbol for atom in atoms.by_signature(name, arity))

    def holds(self, atom: str, answer_set: clingo.Model) -> bool:
        """Tell whether an atom holds in an answer set."""
        literal = self.literals.get(atom)
        return literal is not None and (literal == 0 or answer_set.is_true(literal))

    def assumptions(self, atoms: Iterable[tuple[str, bool]]) -> list[int] | None:
        """Turn atoms that hold or do not into assumptions; None where one of them cannot be so."""
        found = []
        for atom, wanted in atoms:
            literal = self.literals.get(atom)
            if literal is None or literal == 0:
                if wanted != (literal == 0):
                    return None
            else:
                found.append(literal if wanted else -literal)
        return found

    def ask(
        self,
        atoms: Iterable[tuple[str, bool]],
        read: Callable[[clingo.Model], None] = lambda _: None,
        best: bool = False,
        every: bool = False,
    ) -> bool:
        """Tell whether there is a patient of whom the atoms hold, or do not, as given; `read` is called with such a patient.

        With `best` it is called with smaller and smaller ones, the smallest last, with `every` with all. Raises SolveTimeout
        after the deadline.
        """
        assumptions = self.assumptions(atoms)
        if assumptions is None:
            return False
        self.control.configuration.solve.opt_mode = "opt" if best else "ignore"  # type: ignore[union-attr]
        found = False

        def take(answer_set: clingo.Model) -> bool:
            nonlocal found
            found = True
            read(answer_set)
            return best or every

        self.solved(assumptions, take)
        return found

    def certain(self, assumed: Sequence[tuple[str, bool]], atoms: Collection[str]) -> frozenset[tuple[str, bool]] | None:
        """Find which of the atoms hold, and which do not, for everybody of whom the assumed ones do; None for nobody.

        Raises SolveTimeout after the deadline.
        """
        bounds: dict[str, frozenset[str]] = {}
        solve = self.control.configuration.solve
        try:
            for mode in ("cautious", "brave"):
                solve.enum_mode, solve.models = mode, "0"  # type: ignore[union-attr]

                def read(answer_set: clingo.Model, mode: str = mode) -> None:
                    bounds[mode] = frozenset(atom for atom in atoms if self.holds(atom, answer_set))

                if not self.ask(assumed, read, every=True):
                    return None
        finally:
            solve.enum_mode, solve.models = "auto", "-1"  # type: ignore[union-attr]
        never = ((atom, False) for atom in atoms if atom not in bounds["brave"])
        return frozenset((atom, True) for atom in bounds["cautious"]).union(never)

    def solved(self, assumptions: Sequence[int], take: Callable[[clingo.Model], bool] | None = None) -> bool:
        """Tell whether there is a patient under assumptions; an interrupt ends the search.

        Raises SolveTimeout after the deadline.
        """
        with self.control.solve(assumptions, on_model=take, async_=True) as handle:
            while True:
                left = math.inf if self.deadline is None else self.deadline - time.monotonic()
                if handle.wait(max(0.0, min(left, UNINTERRUPTED))):
                    return bool(handle.get().satisfiable)
                if left <= UNINTERRUPTED:
                    handle.cancel()
                    raise SolveTimeout

    def forbid(self, atoms: Iterable[tuple[str, bool]]) -> None:
        """Leave out from now on the patients of whom the atoms hold, or do not, as given."""
        assumptions = self.assumptions(atoms)
        if assumptions is not None:
            with self.control.backend() as backend:
                backend.add_rule([], assumptions)

    @contextmanager
    def supposing(self, atom: str) -> Iterator[None]:
        """Let an external atom hold for a while."""
        external = self.literals[atom]
        self.control.assign_external(external, True)
        try:
            yield
        finally:
            self.control.assign_external(external, False)

    def smallest(self, atoms: Iterable[tuple[str, bool]], observed: Sequence[str] = ()) -> Patient:
        """Find the smallest patient of whom the atoms hold, or do not, as given; there must be one.

        Raises SolveTimeout after the deadline.
        """
        found: list[Patient] = []

        def read(answer_set: clingo.Model) -> None:
            inputs = frozenset(atom for atom in self.inputs if answer_set.is_true(self.literals[atom]))
            found[:] = [Patient(inputs, frozenset(atom for atom in observed if self.holds(atom, answer_set)))]

        self.ask(atoms, read, best=True)
        return found[0]

    def unsat_core(self, atoms: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
        """Find as few of the atoms as no patient has together, as given; none where some patient has them all.

        After the deadline they are as few as were found by then.
        """
        literals = {
            self.literals[atom] if wanted else -self.literals[atom]: (atom, wanted)
            for atom, wanted in atoms
            if self.literals.get(atom)
        }
        needed = list(literals)
        with suppress(SolveTimeout):
            if self.solved(needed):
                return []
            for literal in list(needed):
                rest = [other for other in needed if other != literal]
                if not self.solved(rest):
                    needed = rest
        return [literals[literal] for literal in needed]


class ProgramBuilder:
    """A program of patients in the making: atoms, some of them named, ground rules over them, and inputs, which are open."""

    def __init__(self) -> None:
        self.count = 0
        self.named: dict[str, int] = {}
        self.inputs: dict[str, int] = {}
        self.rules: list[tuple[int, Sequence[int], bool]] = []

    def atom(self, name: str | None = None) -> int:
        """Give the number of a named atom, or of a new one without a name."""
        if name is not None and name in self.named:
            return self.named[name]
        self.count += 1
        if name is not None:
            self.named[name] = self.count
        return self.count

    def rule(self, head: int, body: Sequence[int]) -> None:
        """Add a ground rule; a negative number in its body stands for the absence of the atom."""
        self.rules.append((head, body, False))

    def choice(self, name: str) -> int:
        """Give a new atom that can hold or not."""
        atom = self.atom(name)
        self.rule_of_choice(atom)
        return atom

    def rule_of_choice(self, atom: int) -> None:
        """Let an atom hold or not."""
        self.rules.append((atom, [], True))

    def input(self, name: str) -> int:
        """Give an open atom of the record or of the patient."""
        if name not in self.inputs:
            self.inputs[name] = self.choice(name)
        return self.inputs[name]

    def ground(self, files: Sequence[str], parts: Sequence[str], facts: Iterable[str], deadline: float | None) -> Patients:
        """Ground the rules of `files` in ``asp/core``, with the `parts` named, and further `facts` on top of the program."""
        control = clingo.Control(list(OPTIONS))
        self.add_to(control)
        control.add("base", [], "".join(f"{fact}.\n" for fact in facts))
        folder = resources.files("asp") / "core"
        for file in files:
            control.add("base", [], (folder / file).read_text("utf-8"))
        control.ground([("base", []), *((part, []) for part in parts)])
        literals = {str(atom.symbol): 0 if atom.is_fact else atom.literal for atom in control.symbolic_atoms}
        return Patients(control, literals, tuple(self.inputs), deadline)

    def add_to(self, control: clingo.Control) -> None:
        """Add the program to clingo, its named atoms as externals first: only so do rules that are ground later see them."""
        control.add("given", [], "".join(f"#external {name}.\n" for name in self.named))
        control.ground([("given", [])])
        known = {str(atom.symbol): atom.literal for atom in control.symbolic_atoms}
        with control.backend() as backend:
            literals = [0] * (self.count + 1)
            for name, number in self.named.items():
                literals[number] = known[name]
            for number in range(1, self.count + 1):
                literals[number] = literals[number] or backend.add_atom()
            for head, body, choice in self.rules:
                backend.add_rule([literals[head]], [literals[n] if n > 0 else -literals[-n] for n in body], choice)
