"""Derive what follows from many records at once, each a world of one decision diagram."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec.structs import replace

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import Conclusions, Derived
from reasoner.engine.derivation import Derivation
from reasoner.engine.evaluator import Evaluator
from reasoner.engine.opened import admitted_in, evaluate, lay_as_diagram
from reasoner.engine.worlds import own_world
from reasoner.records.record import Record, Told

__all__ = ["Together"]

Table = dict[str, dict[str, list[tuple[str, int]]]]


class Together:
    """What follows from each of many records, of which it is given what they tell.

    Of the conclusions those of some `predicates` are read. Raises MemoryError where the diagrams outgrow their capacity.
    """

    def __init__(
        self,
        told: Sequence[Told],
        evaluator: Evaluator,
        adopted: tuple[int, ...],
        model: GuidelineModel,
        alternatives: Mapping[str, str],
        predicates: Collection[str],
        capacity: int,
    ) -> None:
        self.told, self.program, self.model, self.alternatives = told, evaluator.program, model, alternatives
        record = Record("", {}, self.program.courses, False, tuple(told), (), "")
        worlds = replace(own_world(self.program, adopted), count=len(told))
        laid = lay_as_diagram(record, evaluator, adopted, worlds, capacity)
        self.completions = laid.completions
        self.evaluated = evaluate(admitted_in(laid), evaluator)
        self.tables: list[Table] = [{} for _ in told]
        self.values: list[dict[int, Truth]] = [{} for _ in told]
        for predicate in predicates:
            for first, atoms in self.program.table.get(predicate, {}).items():
                for name, number in atoms:
                    for world, truth in self.completions.in_each_world(self.evaluated.values[number]):
                        self.tables[world].setdefault(predicate, {}).setdefault(first, []).append((name, number))
                        self.values[world][number] = truth
        self.read: dict[object, Conclusions] = {}

    def derived(self) -> Iterator[Derived | None]:
        """Yield what follows from each record; None for one that contradicts itself.

        Records of which all that is read is the same share their conclusions.
        """
        admitted = dict(self.completions.in_each_world(self.completions.everything))
        for world in range(len(self.told)):
            if world not in admitted:
                yield None
                continue
            key = (admitted[world], tuple(self.values[world].items()))
            if key not in self.read:
                own = self.completions.of_world(world)
                self.read[key] = Conclusions(own, self.model, self.tables[world], self.values[world])
            yield Derived(self.read[key], lambda world=world: self.derivation(world))  # type: ignore[misc]

    def derivation(self, world: int) -> Derivation:
        """Give the derivation of all that follows from a record."""
        known, completions = self.told[world].known, self.completions.of_world(world)
        return Derivation(self.program, self.model, completions, self.evaluated, known, alternatives=self.alternatives)
