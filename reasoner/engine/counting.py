"""What counts and sums amount to for one patient, and what makes them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Counted
from reasoner.engine.completions import Truth

if TYPE_CHECKING:
    from reasoner.engine.derivation import Derivation

__all__ = ["Amount", "amount", "amount_words", "range_words"]

MOST_TOTALS = 128
"""Of more different sums only bounds are told."""


class Amount(NamedTuple):
    """The least and the greatest value of a count or sum; what certainly counts, and what else may."""

    least: int
    greatest: int
    certain: tuple[Counted, ...]
    perhaps: tuple[Counted, ...]


def amount(derivation: Derivation, atom: int, agree: Truth) -> Amount:
    """Work out the count or sum that an atom of the program stands for, in the completions of `agree`.

    Where clingo answers in their place, and cannot tell completions apart, it is that in all of them: the bounds can be
    wider than they need be.
    """
    program, none = derivation.program, derivation.completions.none
    if not derivation.completions.assumes and agree != none:
        agree = derivation.completions.all
    counted = program.counted[program.aggregates[atom]]
    sure, possible = ([counting(c, derivation, agree, extent) & agree for c in counted] for extent in (False, True))
    certain = tuple(c for c, truth in zip(counted, sure, strict=True) if truth == agree)
    perhaps = tuple(c for c, s, p in zip(counted, sure, possible, strict=True) if s != agree and p != none)
    low = [s if c.weight > 0 else p for c, s, p in zip(counted, sure, possible, strict=True)]
    high = [p if c.weight > 0 else s for c, s, p in zip(counted, sure, possible, strict=True)]
    weights = [c.weight for c in counted]
    return Amount(
        min(totals(weights, low, agree, derivation)), max(totals(weights, high, agree, derivation)), certain, perhaps
    )


def counting(counted: Counted, derivation: Derivation, agree: Truth, possibly: bool) -> Truth:
    """Give where an element certainly counts, or where it possibly does."""
    values, possible, none = derivation.values, derivation.possible or derivation.values, derivation.completions.none

    def negation(condition: int) -> Truth:
        truth = (values if possibly else possible)[condition]
        return truth if not derivation.completions.assumes and truth not in (none, agree) else agree & ~truth

    found = none
    for way in counted.ways:
        held = agree
        for condition, negated in way:
            held = held & (negation(condition) if negated else (possible if possibly else values)[condition])
        found = found | held
    return found


def totals(weights: Sequence[int], truths: Sequence[Truth], agree: Truth, derivation: Derivation) -> list[int]:
    """List what weights can add up to, each counting in the completions of its truth.

    Where these are very many, it is listed between which two bounds they lie.
    """
    none = derivation.completions.none
    sums: dict[int, Truth] = {0: agree}
    for weight, truth in zip(weights, truths, strict=True):
        following: dict[int, Truth] = {}
        for value, where in sums.items():
            there = where & truth
            apart = where & ~truth if derivation.completions.assumes or truth == agree else where
            for total, held in ((value + weight, there), (value, apart)):
                if held != none:
                    following[total] = following.get(total, none) | held
        sums = following
        if len(sums) > MOST_TOTALS:
            return list(bounds_of(weights, truths, agree, none))
    return list(sums)


def bounds_of(weights: Sequence[int], truths: Sequence[Truth], agree: Truth, none: Truth) -> tuple[int, int]:
    """Give the least and the greatest sum, where whatever can count counts, or does not, by itself."""
    certain = sum(weight for weight, truth in zip(weights, truths, strict=True) if truth & agree == agree)
    open_weights = [w for w, truth in zip(weights, truths, strict=True) if truth & agree not in (agree, none)]
    return certain + sum(min(w, 0) for w in open_weights), certain + sum(max(w, 0) for w in open_weights)


def part_words(derivation: Derivation, atom: int, part: Counted) -> str:
    """Word what counts, with what it adds to a sum."""
    summed = derivation.program.atoms[atom].startswith("_sum")
    return derivation.model.say("counted", part.words, str(part.weight)) if summed else part.words


def amount_words(derivation: Derivation, atom: int, agree: Truth) -> tuple[str, str]:
    """Word what a count or sum amounts to in the completions of `agree`, and what makes it up, there or in any case."""
    say, found, every = derivation.model.say, amount(derivation, atom, agree), derivation.completions.all
    known = found.certain if agree == every else amount(derivation, atom, every).certain
    parts = [part_words(derivation, atom, part) for part in found.certain if part in known]
    parts += [say("assumed_counted", part_words(derivation, atom, part)) for part in found.certain if part not in known]
    parts += [say("perhaps_counted", part_words(derivation, atom, part)) for part in found.perhaps]
    return range_words(found.least, found.greatest, derivation.model), say("comma").join(parts)


def range_words(least: int, greatest: int, model: GuidelineModel) -> str:
    """Word the numbers from the least to the greatest."""
    return str(least) if least == greatest else model.say("from_to_number", str(least), str(greatest))
