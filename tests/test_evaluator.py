"""Rules interpreted and rules as generated code say the same, on integers and on whatever else has &, | and ~."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner import Guideline
from reasoner.compiler.program import GroundRule, Program
from reasoner.engine import evaluator
from reasoner.engine.evaluator import Evaluator

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
    """Draw a program of few inputs and derived atoms, with an atom that always holds and one that never does."""
    inputs, derived = draw(st.integers(0, 4)), draw(st.integers(1, 8))
    last = inputs + derived
    rules, supports = [], [()] * inputs
    for head in range(inputs, last):
        known = st.tuples(st.integers(0, head - 1), st.booleans()) if head else st.nothing()
        met = st.sampled_from([(last, False), (last + 1, True)])
        bodies = draw(st.lists(st.lists(known | met, max_size=4), min_size=1, max_size=3))
        supports.append(tuple(range(len(rules), len(rules) + len(bodies))))
        rules += [GroundRule(0, head, tuple(body)) for body in bodies]
    atoms = tuple(f"a{number}" for number in range(last + 2))
    inconsistent = tuple(sorted(draw(st.sets(st.integers(0, len(rules) - 1)))))
    return Program(
        courses=0,
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
        independent_components=frozenset(),
        relevant=frozenset(),
        concluding=(),
        table={},
        recursive=None,
    )


@given(data=st.data(), program=programs())
def test_both_ways_say_the_same(data: st.DataObject, program: Program) -> None:
    inputs = data.draw(st.lists(st.integers(0, EVERY), min_size=len(program.inputs), max_size=len(program.inputs)))
    interpreted, generated = Evaluator(program), Evaluator(program)
    generated.compile()
    values, fired = interpreted.evaluate(inputs, EVERY)
    assert generated.evaluate(inputs, EVERY) == (values, fired)
    assert values[-2:] == [EVERY, 0]
    for number, rule in enumerate(program.rules):
        holds = EVERY
        for atom, negated in rule.conditions:
            holds &= ~values[atom] if negated else values[atom]
        assert fired[number] == holds
    assert interpreted.violations(inputs, EVERY) == [fired[number] for number in program.inconsistent]
    written = [cells(value) for value in inputs]
    for one in (interpreted, generated):
        assert one.evaluate(written, cells(EVERY)) == ([cells(v) for v in values], [cells(f) for f in fired])


def test_the_shipped_guideline_is_evaluated_alike_both_ways(curated: Guideline) -> None:
    for courses in range(3):
        program = curated.program(courses)
        interpreted, generated = Evaluator(program), Evaluator(program)
        generated.compile()
        inputs = [pow(3, 40 + 7 * number, EVERY) for number in range(len(program.inputs))]
        assert interpreted.evaluate(inputs, EVERY) == generated.evaluate(inputs, EVERY)


def test_code_is_generated_once_many_records_are_answered(curated: Guideline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "MANY", 3)
    program = curated.program(0)
    inputs = [0] * len(program.inputs)
    counted = Evaluator(program)
    found = [counted.evaluate(inputs, 1) for _ in range(6)]
    assert all(values == found[0] for values in found)
    assert counted.generated


def test_a_long_disjunction_is_generated_in_pieces() -> None:
    rules = tuple(GroundRule(0, 1, ((0, bool(n % 2)),)) for n in range(1201))
    names = ("a", "b")
    program = Program(
        0, names, names, names, {"a": 0}, 1, 0, {"a": 0, "b": 1}, rules, ((), tuple(range(1201))), (), {}, frozenset(),
        frozenset(), (), {}, None,
    )  # fmt: skip
    one = Evaluator(program)
    one.compile()
    assert one.evaluate([0b01], 0b11) == ([0b01, 0b11], [0b10 if n % 2 else 0b01 for n in range(1201)])
