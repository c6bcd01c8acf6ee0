"""The search for everything that some patient shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import clingo

from reasoner.verification.patients import Patients, SolveTimeout

__all__ = ["Found", "Progress", "search"]

Progress = Callable[[str, int, int], None]


class Found(NamedTuple):
    """The atoms that some patient shows, and those that time was too short for."""

    shown: frozenset[str]
    undecided: tuple[str, ...]


def search(
    patients: Patients,
    predicates: Collection[str],
    assumed: Sequence[tuple[str, bool]] = (),
    progress: Progress = lambda *_: None,
    only: Callable[[clingo.Symbol], bool] = lambda _: True,
) -> Found:
    """Find all atoms of `predicates` that hold for some patient of whom the `assumed` atoms hold, or do not, as given.

    Of these atoms `only` some are sought. The rules asked define targets for these atoms, as ``defects.lp`` does.
    """
    literals = patients.literals
    symbols = {str(symbol): symbol for name in predicates for symbol in patients.symbols(name) if only(symbol)}
    sought = [atom for atom in symbols if literals[atom]]
    targets = {target_of(symbols[atom], literals): atom for atom in sought}
    never = [(str(symbol), False) for symbol in patients.symbols("target") if str(symbol) not in targets]
    shown: set[str] = set()

    def read(answer_set: clingo.Model) -> None:
        shown.update(atom for atom in sought if atom not in shown and answer_set.is_true(literals[atom]))

    try:
        while len(shown) < len(sought):
            progress("questions", len(shown), len(sought))
            before = len(shown)
            found = [(target, False) for target, atom in targets.items() if atom in shown]
            if not patients.ask([("some_target", True), *assumed, *never, *found], read):
                break
            assert len(shown) > before
    except SolveTimeout:
        return Found(frozenset(shown), tuple(atom for atom in sought if atom not in shown))
    return Found(frozenset(shown), ())


def target_of(symbol: clingo.Symbol, literals: Mapping[str, int]) -> str:
    """Give the target of an atom: the atom itself, or else the defect, difference or candidate that is its last argument."""
    own = f"target({symbol})"
    return own if own in literals else f"target({symbol.arguments[-1]})"
