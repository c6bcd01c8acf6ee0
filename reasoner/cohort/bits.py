"""Tables of bits in 64-bit words, a row for each of many things: packed, transposed, their distinct rows found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Words = NDArray[np.uint64]

__all__ = ["WORD", "distinct", "distinct_rows", "hash_words", "pack", "transpose", "unpack", "words_for"]

WORD = 64
SWAPS = tuple((np.uint64(7 * n), np.uint64(mask)) for n, mask in (
    (1, 0x00AA00AA00AA00AA), (2, 0x0000CCCC0000CCCC), (4, 0x00000000F0F0F0F0),
))  # fmt: skip
ODD = np.uint64(0x9E3779B97F4A7C15)
ROUNDS = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))


def words_for(bits: int) -> int:
    """Count the words that hold so many bits, one at least."""
    return max(-(-bits // WORD), 1)


def pack(marks: NDArray[np.bool_]) -> Words:
    """Pack rows of marks into words, the first mark in the lowest bit of the first word."""
    rows, width = marks.shape
    found = np.zeros((rows, 8 * words_for(width)), dtype=np.uint8)
    found[:, : -(-width // 8)] = np.packbits(marks, axis=1, bitorder="little")
    return found.view("<u8").astype(np.uint64, copy=False)


def unpack(table: Words, width: int) -> NDArray[np.bool_]:
    """Give the first `width` bits of each row as marks."""
    return np.unpackbits(table.astype("<u8", copy=False).view(np.uint8), axis=1, count=width, bitorder="little").view(bool)


def transpose(table: Words) -> Words:
    """Transpose a table of bits: its rows become columns, filled up to whole words."""
    rows, words = table.shape
    whole = np.zeros((WORD * words_for(rows), words), dtype="<u8")
    whole[:rows] = table
    squares = np.ascontiguousarray(whole.view(np.uint8).reshape(-1, 8, 8 * words).swapaxes(1, 2))
    found = squares.view("<u8")[..., 0]
    for shift, mask in SWAPS:
        moved = (found ^ (found >> shift)) & mask
        found ^= moved
        found ^= moved << shift
    columns = np.ascontiguousarray(squares.transpose(1, 2, 0)).reshape(WORD * words, -1)
    return columns.view("<u8").astype(np.uint64, copy=False)


def distinct(codes: Sequence[Codes]) -> tuple[Codes, Codes]:
    """Find the distinct combinations of codes, none below 0: the first place of each, and which one is in each place."""
    words: list[Words] = []
    room = 2**64
    for own in codes:
        size = int(own.max(initial=0)) + 1
        if room * size >= 2**64:
            words.append(np.zeros(len(own), dtype=np.uint64))
            room = 1
        words[-1] *= np.uint64(size)
        words[-1] += own.astype(np.uint64)
        room *= size
    return distinct_by_hash(words)


def distinct_rows(table: Words) -> tuple[Codes, Codes]:
    """Find the distinct rows: the first place of each, and which one each row is."""
    return distinct_by_hash(list(np.ascontiguousarray(table.T)))


def hash_words(words: Sequence[Words], seed: int = 0) -> Words:
    """Hash combinations of words to one word each, by the steps of SplitMix64 (Steele and others, OOPSLA 2014)."""
    found = np.full(len(words[0]), seed, dtype=np.uint64)
    for word in words:
        found ^= word
        for shift, factor in ROUNDS:
            found ^= found >> shift
            found *= factor
        found ^= found >> np.uint64(31)
    return found


def distinct_by_hash(words: Sequence[Words]) -> tuple[Codes, Codes]:
    """Find the distinct combinations of words by hashing.

    Each takes a place in a table by its hash; what finds another combination there tries the next round's place.
    """
    count = len(words[0])
    mixed = hash_words(words)
    bits = count.bit_length() + 1
    table = np.zeros(1 << bits, dtype=np.int64)
    same_as = np.zeros(count, dtype=np.int64)
    left = np.arange(count)
    while len(left):
        mixed = mixed * ODD
        place = (mixed >> np.uint64(WORD - bits)).astype(np.int64)
        table[place[::-1]] = left[::-1]
        own = table[place]
        same = np.ones(len(left), dtype=bool)
        for word in words:
            same &= word[own] == word[left]
        same_as[left[same]] = own[same]
        left, mixed = left[~same], mixed[~same]
    first = np.flatnonzero(same_as == np.arange(count))
    which = np.zeros(count, dtype=np.int64)
    which[first] = np.arange(len(first))
    return first, which[same_as]
