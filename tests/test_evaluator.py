"""Rules interpreted and rules as generated code say the same, on integers and on whatever else has &, | and ~."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner import Guideline
from reasoner.compiler.program import GroundRule, Program
from reasoner.engine import evaluator
from reasoner.engine.evaluator import Between, Evaluator

COMPLETIONS = 70
EVERY = (1 << COMPLETIONS) - 1


@dataclass(frozen=True)
class Cells:
    """A set of completions, written out."""

    held: frozenset[int]

    def __and__(self, other: Cells) -> Cells:
        return Cells(self.held & other.held)

    def __or__(self, other: Cells) -> Cells:
        return Cells(self.held | other.held)

    def __invert__(self) -> Cells:
        return Cells(frozenset(range(COMPLETIONS)) - self.held)

    def __bool__(self) -> bool:
        raise TypeError("only &, | and ~ are used on values")


def cells(value: int) -> Cells:
    return Cells(frozenset(n for n in range(COMPLETIONS) if value >> n & 1))


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw a program of few inputs and derived atoms, with an atom that always holds and one that never does.

    The atoms of a stretch may depend on each other.
    """
    inputs, derived = draw(st.integers(0, 4)), draw(st.integers(1, 8))
    last = inputs + derived
    loop = range(*sorted(draw(st.lists(st.integers(inputs, last), min_size=2, max_size=2))))
    rules, supports = [], [()] * inputs
    for head in range(inputs, last):
        before = loop.start if head in loop else head
        known = st.tuples(st.integers(0, before - 1), st.booleans()) if before else st.nothing()
        known |= st.tuples(st.sampled_from(loop), st.just(False)) if head in loop else st.nothing()
        met = st.sampled_from([(last, False), (last + 1, True)])
        bodies = draw(st.lists(st.lists(known | met, max_size=4), min_size=1, max_size=3))
        supports.append(tuple(range(len(rules), len(rules) + len(bodies))))
        rules += [GroundRule(0, head, tuple(body)) for body in bodies]
    atoms = tuple(f"a{number}" for number in range(last + 2))
    inconsistent = tuple(sorted(draw(st.sets(st.integers(0, len(rules) - 1)))))
    return Program(
        courses=0,
        variables=(),
        atoms=atoms,
        phrases=atoms,
        roles=("derived",) * len(atoms),
        inputs={atom: number for number, atom in enumerate(atoms[:inputs])},
        derived=derived,
        always=1,
        index={atom: number for number, atom in enumerate(atoms)},
        rules=tuple(rules),
        supports=(*supports, (), ()),
        inconsistent=inconsistent,
        constraint_components={},
        constraint_inputs={},
        relevant=frozenset(),
        concluding=(),
        compared=(),
        table={},
        aggregates={},
        counted=(),
        loops=((loop.start, loop.stop),) if loop else (),
        recursive=None,
        readings=("R1", "R2"),
        under=tuple(draw(st.lists(st.integers(-1, 1), min_size=len(rules), max_size=len(rules)))),
        removable={},
    )


def met(program: Program, number: int, values: list[int], in_force: list[int]) -> int:
    """Give where all conditions of a rule are met."""
    holds = EVERY if program.under[number] < 0 else in_force[program.under[number]]
    for atom, negated in program.rules[number].conditions:
        holds &= ~values[atom] if negated else values[atom]
    return holds


def least_values(program: Program, found: list[int], in_force: list[int]) -> list[int]:
    """Give the values that follow where the atoms of the loop hold nowhere at first, those before it as they were found."""
    values = list(found)
    for first, last in program.loops:
        values[first:last] = [0] * (last - first)
        for _ in range(last - first):
            for head in range(first, last):
                for number in program.supports[head]:
                    values[head] |= met(program, number, values, in_force)
    return values


def truths(evaluated: tuple[Sequence[Any], Sequence[Any]]) -> tuple[list[Any], list[Any]]:
    """Give the truths of all atoms and of all rules."""
    values, fired = evaluated
    return list(values), list(fired)


@given(data=st.data(), program=programs())
def test_both_ways_say_the_same(data: st.DataObject, program: Program) -> None:
    inputs = data.draw(st.lists(st.integers(0, EVERY), min_size=len(program.inputs), max_size=len(program.inputs)))
    interpreted, generated = Evaluator(program), Evaluator(program)
    generated.compile()
    in_force = data.draw(st.lists(st.integers(0, EVERY), min_size=2, max_size=2))
    values, fired = truths(interpreted.evaluate(inputs, EVERY, in_force))
    assert truths(generated.evaluate(inputs, EVERY, in_force)) == (values, fired)
    assert values[-2:] == [EVERY, 0]
    assert values == least_values(program, values, in_force)
    looping = range(*program.loops[0]) if program.loops else range(0)
    for number, rule in enumerate(program.rules):
        holds = met(program, number, values, in_force)
        assert fired[number] == holds or (rule.head in looping and fired[number] & ~holds == 0)
    for head in range(len(program.inputs), len(program.inputs) + program.derived):
        assert values[head] == reduce(or_, (fired[number] for number in program.supports[head]))
    written, in_cells = [cells(value) for value in inputs], [cells(value) for value in in_force]
    for one in (interpreted, generated):
        found = truths(one.evaluate(written, cells(EVERY), in_cells))
        assert found == ([cells(v) for v in values], [cells(f) for f in fired])
    _, everywhere = interpreted.evaluate(inputs, EVERY)
    assert interpreted.violations(inputs, EVERY) == [everywhere[number] for number in program.inconsistent]


@given(data=st.data(), program=programs())
def test_what_is_known_only_between_two_values_holds_for_all_in_between(data: st.DataObject, program: Program) -> None:
    size = len(program.inputs)
    low = data.draw(st.lists(st.integers(0, EVERY), min_size=size, max_size=size))
    more = data.draw(st.lists(st.integers(0, EVERY), min_size=size, max_size=size))
    share = data.draw(st.lists(st.integers(0, EVERY), min_size=size, max_size=size))
    one = Evaluator(program)
    between, _ = one.evaluate([Between(a, a | b) for a, b in zip(low, more, strict=True)], Between(EVERY, EVERY))
    exact, _ = one.evaluate([a | b & c for a, b, c in zip(low, more, share, strict=True)], EVERY)
    for value, bounds in zip(exact, between, strict=True):
        assert bounds.certain & ~value == 0
        assert value & ~bounds.possible == 0


def test_the_shipped_guideline_is_evaluated_alike_both_ways(curated: Guideline) -> None:
    for courses in range(3):
        program = curated.program(courses)
        interpreted, generated = Evaluator(program), Evaluator(program)
        generated.compile()
        inputs = [pow(3, 40 + 7 * number, EVERY) for number in range(len(program.inputs))]
        assert truths(interpreted.evaluate(inputs, EVERY)) == truths(generated.evaluate(inputs, EVERY))


def test_code_is_generated_once_many_records_are_answered(curated: Guideline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "MANY", 3)
    program = curated.program(0)
    inputs = [0] * len(program.inputs)
    counted = Evaluator(program)
    found = [truths(counted.evaluate(inputs, 1)) for _ in range(6)]
    assert all(values == found[0] for values in found)
    assert counted.generated


def test_a_long_disjunction_is_generated_in_pieces() -> None:
    rules = tuple(GroundRule(0, 1201, ((n, bool(n % 2)),)) for n in range(1201))
    names = tuple(f"a{n}" for n in range(1202))
    index, supports = {name: n for n, name in enumerate(names)}, ((),) * 1201 + (tuple(range(1201)),)
    program = Program(
        0, (), names, names, names, dict(list(index.items())[:-1]), 1, 0, index, rules, supports, (), {}, {},
        frozenset(), (), (), {}, {}, (), (), None, (), (-1,) * 1201, {},
    )  # fmt: skip
    one = Evaluator(program)
    one.compile()
    for last in (0b01, 0b00):
        values = [*(0b11 * (n % 2) for n in range(1200)), last]
        assert truths(one.evaluate(values, 0b11)) == ([*values, last], [*([0] * 1200), last])
