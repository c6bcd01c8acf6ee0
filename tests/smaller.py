"""Proof, by questions to clingo alone, that an assumption suffices and that no smaller one does.

A set of values suffices where some completion agrees with it and none that does refutes what is assumed. A smaller set is
sought among all: it has to disagree with every completion that is known to refute the conclusion. Each set that is proposed
is refuted by one more completion, or agrees with none; where no set is left to propose there is no smaller one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import clingo
from plain import PlainClingo, laid_out, sets_of

Values = tuple[tuple[int, int], ...]

PROPOSE = """
{ holds(V, N) : value(V, N) } most.
:- holds(V, N), holds(V, M), N < M.
#heuristic holds(V, N) : value(V, N). [1, true]
"""


class Assumptions:
    """The assumptions about one record with one set of facts, in plain clingo; `fixed` is what the record says."""

    def __init__(self, plain: PlainClingo, facts: str) -> None:
        told = sets_of(facts)
        assert not told.one_of
        self.program, self.fixed = plain.assumed(told.facts[0], told.courses[0])
        self.variables = laid_out(plain.model, told)
        self.program.control.configuration.solver.sign_def = "rnd"  # type: ignore[union-attr]
        self.program.control.configuration.solver.rand_freq = 0.3  # type: ignore[union-attr]
        self.literals = self.program.literals
        self.always = self.program.always
        self.marks = [{atom for _, own in variable.values for atom in own} for variable in self.variables]
        self.possible_values: list[str] | None = None

    def of(self, values: Values) -> list[int] | None:
        """Turn values of variables into literals; None where one of them cannot be so."""
        found = []
        for v, n in values:
            for atom in self.marks[v]:
                wanted = atom in self.variables[v].values[n][1]
                if atom in self.literals:
                    found.append(self.literals[atom] if wanted else -self.literals[atom])
                elif wanted != (atom in self.always):
                    return None
        return found

    def completion(self, values: Values, conclusions: Sequence[str], holds: bool) -> list[set[str]] | None:
        """Find a completion that agrees with the values and in which all of the conclusions hold, or none does.

        Given are for each variable the atoms that are true and make its value.
        """
        literals = self.of(values)
        if literals is None:
            return None
        for conclusion in conclusions:
            literal = self.literals.get(conclusion)
            if literal is not None:
                literals.append(literal if holds else -literal)
            elif (conclusion in self.always) != holds:
                return None
        control = self.program.control
        control.configuration.solve.models = 1  # type: ignore[union-attr]
        with control.solve([*self.fixed, *literals], yield_=True) as handle:
            for answer_set in handle:
                return [{atom for atom in marks if self.is_true(atom, answer_set)} for marks in self.marks]
        return None

    def is_true(self, atom: str, answer_set: clingo.Model) -> bool:
        return atom in self.always or (atom in self.literals and answer_set.is_true(self.literals[atom]))

    def values_of(self, assuming: Sequence[Mapping[str, Any]]) -> Values:
        """Find the variables and values that an answer's assumption names."""
        found = []
        for entry in assuming:
            names = (entry.get("reading"), entry.get("fact", ""), entry.get("has"), entry.get("course"), entry.get("key"))
            v = next(
                n
                for n, known in enumerate(self.variables)
                if (known.reading, known.fact, known.member, known.course, known.key) == names
            )
            found.append((v, [value for value, _ in self.variables[v].values].index(entry["value"])))
        return tuple(found)

    def suffice(self, values: Values, conclusion: str) -> bool:
        """Tell whether a conclusion holds in every completion that agrees with the values, and there is one."""
        agreeing = self.completion(values, (conclusion,), holds=True)
        return agreeing is not None and self.completion(values, (conclusion,), holds=False) is None

    def smaller(self, conclusion: str, size: int) -> Values | None:
        """Find fewer than `size` values that suffice for a conclusion; None where there are none, which is proved."""
        propose = clingo.Control(["--const", f"most={size - 1}", "--warn=none", "--heuristic=Domain", "--rand-freq=0.2"])
        if self.possible_values is None:
            self.possible_values = [
                f"value({v},{n})."
                for v, known in enumerate(self.variables)
                for n, (value, _) in enumerate(known.values)
                if value is not None and self.possible(((v, n),))
            ]
        propose.add("base", [], PROPOSE + "\n".join(self.possible_values))
        propose.ground([("base", [])])
        number = 0
        while True:
            proposed: Values | None = None
            with propose.solve(yield_=True) as handle:
                for found in handle:
                    held = [symbol.arguments for symbol in found.symbols(atoms=True) if symbol.name == "holds"]
                    proposed = tuple(sorted((v.number, n.number) for v, n in held))
                    break
            if proposed is None:
                return None
            against = self.completion(proposed, (conclusion,), holds=False)
            if against is None and self.completion(proposed, (conclusion,), holds=True) is not None:
                return proposed
            if against is None:
                proposed = self.core(proposed)
            number += 1
            self.forbid(propose, number, proposed, against)

    def possible(self, values: Values) -> bool:
        """Tell whether some completion agrees with the values."""
        literals = self.of(values)
        return literals is not None and bool(self.program.control.solve([*self.fixed, *literals]).satisfiable)

    def core(self, values: Values) -> Values:
        """Find as few of the values as no completion agrees with."""
        for value in values:
            fewer = tuple(other for other in values if other != value)
            if not self.possible(fewer):
                values = fewer
        return values

    def forbid(self, propose: clingo.Control, number: int, proposed: Values, against: list[set[str]] | None) -> None:
        """Let no set be proposed again that `against` refutes, or else none with what no completion agrees with."""
        if against is None:
            body = ", ".join(f"holds({v},{n})" for v, n in proposed)
        else:
            disagreeing = [
                f"not holds({v},{n})"
                for v, known in enumerate(self.variables)
                for n, (value, own) in enumerate(known.values)
                if value is not None and against[v] != set(own)
            ]
            body = ", ".join(disagreeing)
        name = f"refuted_{number}"
        propose.add(name, [], f":- {body}." if body else ":- #true.")
        propose.ground([(name, [])])
