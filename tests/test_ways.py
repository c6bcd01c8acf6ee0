"""What must be so for a conditional conclusion: all ways, each as short and as wide as can be, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from operator import and_, or_
from typing import Any

import pytest
from records import untold_records

from reasoner import Guideline
from reasoner.engine.completions import Completions, Truth
from reasoner.engine.conclusions import conclusions_of
from reasoner.engine.derivation import Derivation
from reasoner.engine.predicates import ACTION, EXCLUDED, RECOMMENDED, SETTING
from reasoner.engine.way_phrases import requirements_of
from reasoner.engine.ways import Condition, ways_of

FIRST = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "progression"}
KNOWN: dict[str, Any] = {"id": "p", "metastatic": True, "her2": "positive", "hr": "positive", "adjuvant_drugs": []}


def holding(condition: Condition, completions: Completions) -> Truth:
    """Give where a fact has one of the values that will do, by the values' names alone."""
    own = condition.assumption
    for variable, places in completions.values.items():
        known = completions.variables[variable]
        if known.place == (own.fact, own.member, own.course, own.key, own.reading or None):
            return reduce(or_, (places[n] for n, (value, _) in enumerate(known.values) if does(value, condition)))
    raise AssertionError(own)


def does(value: object, condition: Condition) -> bool:
    if not isinstance(value, str) or not value.startswith(("<", ">")):
        return value in condition.values
    inside = {bound for own in condition.values for bound in str(own).split(",")}
    return all(implied(bound, value.split(",")) for bound in inside)


def implied(bound: str, bounds: list[str]) -> bool:
    """Tell whether numbers within `bounds` keep a bound such as ``<=12`` or ``>=4``."""

    def parsed(text: str) -> tuple[str, float, bool]:
        return text[0], float(text.strip("<>=")), "=" in text

    relation, limit, included = parsed(bound)
    for other, number, with_it in map(parsed, bounds):
        nearer = number < limit if relation == "<" else number > limit
        if other == relation and (nearer or (number == limit and (included or not with_it))):
            return True
    return False


def conditional(derivation: Derivation) -> Iterator[tuple[str, str, Truth]]:
    """Yield the positions that hold in some completions alone, each with where."""
    conclusions, completions = conclusions_of(derivation), derivation.completions
    for predicate in (RECOMMENDED, EXCLUDED, ACTION, SETTING):
        for name in derivation.program.table.get(predicate, {}):
            truth = conclusions.truth(predicate, name)
            if truth not in (completions.none, completions.all):
                yield predicate, name, truth


@pytest.mark.parametrize(("seed", "unknown", "count"), [(11, 0.3, 25), (12, 0.7, 25), (13, 1.0, 3)])
def test_the_ways_are_all_that_makes_a_conclusion_hold_and_each_needs_all_its_facts(
    seed: int, unknown: float, count: int, curated: Guideline
) -> None:
    seen = 0
    for record in untold_records(curated, seed, count, unknown):
        if "one_of" not in record and record.get("metastatic_therapy") is None:
            record = {**record, "metastatic_therapy": []}
        derivation = curated.answer(record).derivation
        completions = derivation.completions
        if completions.untold is not None:
            continue
        for predicate, name, truth in conditional(derivation):
            ways = [[holding(own, completions) for own in way] for way in ways_of(truth, completions)]
            assert reduce(or_, (reduce(and_, way, completions.all) for way in ways)) == truth, (predicate, name, record)
            for way in ways:
                for gone in range(len(way)):
                    without = reduce(and_, way[:gone] + way[gone + 1 :], completions.all)
                    assert completions.outside(without, truth) != completions.none, (predicate, name, record)
            seen += 1
    assert seen > 25


@pytest.mark.parametrize(
    "regimen", ["trastuzumab_deruxtecan", "tucatinib_trastuzumab_capecitabine", "trastuzumab_emtansine"]
)
def test_a_complete_record_is_excluded_where_a_way_is_kept_and_nowhere_else(regimen: str, curated: Guideline) -> None:
    values: dict[str, list[Any]] = {
        "her2": ["positive", "negative"],
        "heart_failure": [True, False],
        "interstitial_lung_disease": [True, False],
        "lvef_decline": ["none", "transient", "persistent", "recurrent"],
    }
    known = {**KNOWN, "metastatic_therapy": []}
    answer = curated.answer({**known, "her2": None})
    truth = answer.derivation.truth(f"excluded({regimen})")
    ways = list(ways_of(truth, answer.derivation.completions))
    for chosen in product(*values.values()):
        own = dict(zip(values, chosen, strict=True))
        entries = curated.answer({**known, **own}).excluded
        excluded = any(entry.regimen == regimen and entry.certainty == "certain" for entry in entries)
        assert excluded == any(all(own[c.assumption.fact] in c.values for c in way) for way in ways), own


WORDS = {
    "one fact": (
        {"metastatic_therapy": [FIRST]},
        (EXCLUDED, "trastuzumab_deruxtecan"),
        "interstitial lung disease, present or past",
    ),
    "several values of a fact, or another fact": (
        {"metastatic_therapy": [FIRST]},
        (EXCLUDED, "lapatinib_trastuzumab"),
        "heart failure, present or past, or LVEF decline is persistent or recurrent",
    ),
    "what all ways share comes first": (
        {"metastatic_therapy": [], "adjuvant_drugs": None, "lvef_decline": "none", "heart_failure": None},
        (RECOMMENDED, "trastuzumab_pertuzumab_taxane"),
        "no heart failure, present or past; and no trastuzumab among the adjuvant drugs, or months from the end of "
        "adjuvant trastuzumab to recurrence more than 12",
    ),
    "several outcomes of a course": (
        {"metastatic_therapy": [FIRST, {"drugs": ["trastuzumab_deruxtecan"]}]},
        (RECOMMENDED, "trastuzumab_deruxtecan"),
        "course 2 was completed as planned or is still under way; no interstitial lung disease, present or past",
    ),
    "several facts of a course": (
        {"metastatic_therapy": [{**FIRST, "outcome": "ongoing"}], "heart_failure": False, "lvef_decline": "none"},
        (RECOMMENDED, "trastuzumab_pertuzumab_endocrine"),
        "course 1: taxane cycles at least 6, months of chemotherapy at least 6",
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_what_must_be_so_is_told_in_words(name: str, curated: Guideline) -> None:
    record, (predicate, conclusion), words = WORDS[name]
    assert requirements_of(predicate, conclusion, curated.answer({**KNOWN, **record}).derivation) == words


def test_of_many_ways_the_first_are_told_and_that_there_are_others(curated: Guideline) -> None:
    derivation = curated.answer({**KNOWN, "metastatic_therapy": [FIRST]}).derivation
    words = requirements_of(EXCLUDED, "lapatinib_trastuzumab", derivation, most=1)
    assert words == "heart failure, present or past, among other ways"
