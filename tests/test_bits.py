"""Tables of bits: transposed and packed without loss, and their distinct rows those that numpy finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reasoner.cohort import bits
from reasoner.cohort.bits import WORD, distinct, distinct_rows, pack, transpose, unpack, words_for

MARKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 200), st.integers(0, 200)))
CODES = st.integers(1, 60).flatmap(
    lambda rows: st.lists(
        st.sampled_from([1, 3, 2**20, 2**40, 2**62]).flatmap(
            lambda top: arrays.arrays(np.int64, rows, elements=st.integers(0, top), fill=st.just(0))
        ),
        min_size=1,
        max_size=8,
    )
)


@given(MARKS)
def test_packed_marks_come_back(marks: np.ndarray) -> None:
    table = pack(marks)
    assert table.shape == (len(marks), words_for(marks.shape[1]))
    assert (unpack(table, marks.shape[1]) == marks).all()


@given(MARKS)
def test_rows_become_columns_and_what_fills_up_is_empty(marks: np.ndarray) -> None:
    turned = transpose(pack(marks))
    assert turned.shape == (WORD * words_for(marks.shape[1]), words_for(len(marks)))
    assert (turned[: marks.shape[1]] == pack(marks.T)).all()
    assert not turned[marks.shape[1] :].any()


@given(CODES)
def test_distinct_combinations_are_those_that_numpy_finds(codes: list[np.ndarray]) -> None:
    first, which = distinct(codes)
    rows = np.stack(codes, axis=1)
    assert (rows[first][which] == rows).all()
    assert sorted(first) == sorted(np.unique(rows, axis=0, return_index=True)[1])


@given(MARKS)
def test_distinct_rows_are_those_that_numpy_finds(marks: np.ndarray) -> None:
    first, which = distinct_rows(pack(marks))
    assert (marks[first][which] == marks).all()
    assert sorted(first) == sorted(np.unique(marks, axis=0, return_index=True)[1])


def test_rows_of_one_hash_are_still_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bits, "hash_words", lambda words: np.zeros(len(words[0]), dtype=np.uint64))
    first, which = bits.distinct([np.array([5, 3, 5, 9, 3])])
    assert (first.tolist(), which.tolist()) == ([0, 1, 3], [0, 1, 0, 2, 1])
