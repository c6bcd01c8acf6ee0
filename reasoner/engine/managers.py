"""Managers of decision diagrams: each holds the diagrams of one thread, and its binary variables."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from oxidd.bdd import BDDFunction, BDDManager

__all__ = ["Manager", "half_of", "manager_of"]

APPLY_CACHE = 2**16


managers = threading.local()


class Manager:
    """A manager of diagrams, with the binary variables that it has so far and the trees of values made of them."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.own = BDDManager(capacity, APPLY_CACHE, 1)
        self.binary: list[BDDFunction] = []
        self._trees: dict[tuple[int, int], tuple[BDDFunction, ...]] = {}

    def extend(self, count: int) -> None:
        """Have at least so many binary variables."""
        if self.own.num_vars() < count:
            self.own.add_vars(count - self.own.num_vars())
        self.binary += [self.own.var(n) for n in range(len(self.binary), count)]

    def tree(self, level: int, size: int) -> tuple[BDDFunction, ...]:
        """Tell `size` values apart by the binary variables from `level` on."""
        found = self._trees.get((level, size))
        if found is None:
            found = self._trees[level, size] = tuple(self._leaves(level, size, self.own.true()))
        return found

    def _leaves(self, level: int, size: int, where: BDDFunction) -> Iterator[BDDFunction]:
        if size == 1:
            yield where
        else:
            bit, half = self.binary[level], half_of(size)
            yield from self._leaves(level + 1, half, where & bit)
            yield from self._leaves(level + 1, size - half, where & ~bit)


def manager_of(capacity: int) -> Manager:
    """Give this thread's manager, with what nobody refers to any more collected; a new one where it is half full."""
    manager: Manager | None = getattr(managers, f"of_{capacity}", None)
    if manager is not None and manager.own.approx_num_inner_nodes() > capacity // 4:
        manager.own.gc()
        if manager.own.num_inner_nodes() > capacity // 2:
            manager = None
    if manager is None:
        manager = Manager(capacity)
        setattr(managers, f"of_{capacity}", manager)
    return manager


def half_of(size: int) -> int:
    """Count the values that the first of the binary variables of a variable stands for."""
    return (size + 1) // 2
