"""What the numbers of a guideline are refused for: thresholds, the values of the default patient, doses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasoner.compiler.dosage import DOSAGE_PREDICATES, arguments_of, dosage_problem, dose_units, is_amount
from reasoner.compiler.intervals import ANY_NUMBER, number_in
from reasoner.compiler.sources import MASTER
from reasoner.compiler.thresholds import COURSE_CUT, CUT, LIMITS, cuts_of, ranges_of, threshold_problem
from reasoner.errors import GuidelineError, nearest

if TYPE_CHECKING:
    from reasoner.compiler.checks import Written

__all__ = ["RELATIONS", "check_doses", "check_thresholds", "check_typical"]

RELATIONS = ("at_most", "more_than", "at_least", "less_than")


def check_thresholds(written: Written) -> None:
    """Check that thresholds and limits are numbers, and that a number has values on both sides of each threshold."""
    course_kinds = {name: kind for _, name, kind in written.rows("course_fact")}
    for predicate in (*LIMITS, "threshold", "course_threshold"):
        for (term, here), (fact, text) in written.placed(predicate):
            if problem := threshold_problem(text):
                raise GuidelineError(f"{here}: {term}: {problem}.")
            if text.startswith('"') and course_kinds.get(fact) == "integer":
                raise GuidelineError(f"{here}: {term}: {fact} is an integer; write an integer.")
    ranges = ranges_of(written.rows)
    for (term, here), (fact, _) in written.placed("maximum"):
        own = ranges[fact]
        if own.minimum is not None and own.maximum is not None and not own.holds(own.maximum):
            than = "more than" if own.above else "at least"
            raise GuidelineError(f"{here}: {term}: no number is that and {than} {own.minimum}; mend one of the two.")
    for name, predicate in ((CUT, "threshold"), (COURSE_CUT, "course_threshold")):
        for fact, cuts in cuts_of((fact, bound.strip('"'), side) for fact, bound, side in written.rows(name)).items():
            own = ranges.get(fact, ANY_NUMBER)
            low = f"below the threshold {cuts[0]}, since {fact} is {'more than' if own.above else 'at least'} {own.minimum}"
            high = f"beyond the threshold {cuts[-1]}, since {fact} is at most {own.maximum}"
            for place, cut, side in ((0, cuts[0], low), (len(cuts), cuts[-1], high)):
                if number_in(place, cuts, own) is None:
                    declared = ((at.place, row) for at, row in written.placed(predicate))
                    here = next((at for at, row in declared if row == [fact, cut.term]), MASTER)
                    raise GuidelineError(f"{here}: no value of {fact} is {side}; drop the threshold.")


def check_typical(written: Written) -> None:
    """Check the values of the default patient."""
    kinds = {name: kind for _, name, kind in written.rows("fact")}
    thresholds, values = written.grouped("threshold"), written.grouped("value")
    for (term, here), (fact, value) in written.placed("typical"):
        if fact == "outcome":
            continue
        if fact not in kinds:
            raise GuidelineError(f'{here}: {term}: "{fact}" is not a fact{nearest(fact, kinds)}')
        bounds = [f"{relation}({bound})" for bound in thresholds.get(fact, ()) for relation in RELATIONS]
        by_kind = {"boolean": ["true", "false"], "number": bounds}
        allowed = by_kind.get(kinds[fact]) or values.get(fact, [value])
        if value not in allowed:
            raise GuidelineError(f'{here}: {term}: "{value}" is not a value of {fact}; allowed: {", ".join(allowed)}')


def check_doses(written: Written) -> None:
    """Check that doses that are the same for every patient can be worded, and limits are in the measure of their dose."""
    units = dose_units(written.catalogue)
    for (term, here), (_, _, milligrams, _) in written.placed("dose_unit"):
        if milligrams != '""' and not is_amount(milligrams):
            raise GuidelineError(f'{here}: {term}: {milligrams} is no number of milligrams; write one in quotes, or "".')
    measured: dict[tuple[str, ...], str] = {}
    for predicate, parts in DOSAGE_PREDICATES.items():
        given = [(f"{here}: {term}", row) for (term, here), row in written.placed(predicate)]
        for where, row in given:
            problem = dosage_problem(predicate, row, units)
            if problem:
                raise GuidelineError(f"{where}: {problem}")
        concluded = [
            (f"{r.place}: {r.head}", arguments_of(r.head)) for r in written.rules if r.head.startswith(f"{predicate}(")
        ]
        for where, row in (*given, *concluded) if "unit" in parts else ():
            unit, dose = units.get(row[4]), tuple(row[:3])
            if unit is not None and measured.setdefault(dose, unit.measure) != unit.measure:
                raise GuidelineError(
                    f"{where}: the unit measures {unit.measure}, that of another dose or limit of the same step "
                    f"{measured[dose]}; write both in the same measure."
                )
