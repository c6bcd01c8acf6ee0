"""Differential tests: answers against plain clingo on the same files, for random records.

The expected answer is worked out from clingo's answer sets by brute force (`expected.py`); none of the package's evaluation
is used for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from expected import expected_alternatives, expected_answer, given_answer, without
from plain import Completion, PlainClingo, reading_facts, solve, taken_otherwise
from records import random_record, untold_record
from smaller import Assumptions

from reasoner import Guideline, RecordError
from reasoner.engine import opened
from reasoner.engine.bits import BitCompletions
from reasoner.records.record import Record, parse_record
from reasoner.records.shapes import to_json, to_plain

HELPERS = ("open(", "true_set(", "one_of(")
ENTRIES = (("recommended", "recommended", "regimen"), ("excluded", "excluded", "regimen"), ("actions", "action", "action"))


@pytest.fixture(scope="module")
def plain(curated: Guideline) -> PlainClingo:
    return PlainClingo(curated)


@pytest.fixture(scope="module")
def plain_literal(literal: Guideline) -> PlainClingo:
    return PlainClingo(literal)


@pytest.mark.parametrize("layer", ["curated", "literal"])
def test_clingo_answers_a_record_given_by_assumptions_as_one_given_by_facts(
    layer: str,
    request: pytest.FixtureRequest,
    curated: Guideline,
    literal: Guideline,
    plain: PlainClingo,
    plain_literal: PlainClingo,
) -> None:
    guideline, once = (curated, plain) if layer == "curated" else (literal, plain_literal)
    rng = random.Random(17)
    for unknown in (0.0, 0.0, 0.05, 0.1, 0.15) * 5:
        parsed = parse_record(untold_record(rng, guideline, unknown), guideline.model)
        if any(told.courses is None for told in parsed.told):
            continue
        facts = parsed.facts
        if len(once.solve(facts, 200)) > 200:
            continue
        anew = solve(facts, guideline.folder, layer, guideline.model)
        told = [
            (found.choices, {atom for atom in found.atoms if not atom.startswith(HELPERS)}) for found in once.solve(facts)
        ]
        assert sorted((choices, sorted(atoms)) for choices, atoms in told) == sorted(
            (found.choices, sorted(atom for atom in found.atoms if not atom.startswith(HELPERS))) for found in anew
        ), facts


def compare(
    guideline: Guideline,
    plain: PlainClingo,
    seed: int,
    count: int,
    unknown: float,
    most: int,
    draw: Callable[[random.Random, Guideline, float], dict[str, Any]] = random_record,
) -> tuple[int, int]:
    """Compare `count` random records; return how many were answered and how many contradict themselves."""
    rng = random.Random(seed)
    answered = contradicting = 0
    while answered < count:
        record = draw(rng, guideline, unknown)
        parsed = parse_record(record, guideline.model)
        if any(told.courses is None for told in parsed.told):
            continue
        completions = plain.solve(parsed.facts + reading_facts(guideline.alternatives), most)
        if len(completions) > most:
            continue
        if not completions:
            contradicting += 1
            with pytest.raises(RecordError, match="contradicts itself"):
                guideline.answer(parsed)
            continue
        assert_answer(guideline, plain, parsed, completions)
        answered += 1
    return answered, contradicting


def assert_answer(guideline: Guideline, plain: PlainClingo, parsed: Record, completions: list[Completion]) -> None:
    """Assert that a record is answered as its completions demand, and that the alternatives change what is said."""
    answer = guideline.answer(parsed)
    given = to_plain(answer)
    unread = answer.derivation.completions.worlds.unread
    expected = expected_answer(without(completions, unread), guideline.model, parsed.labels)
    assert given_answer(given) == expected, parsed.data
    others = taken_otherwise(guideline, plain.solve, parsed.facts)
    alternatives, depends = expected_alternatives(completions, others, guideline.model)
    assert given["alternatives"] == alternatives, parsed.data
    for key, kind, name in ENTRIES:
        for entry in given[key]:
            fixed = set(entry["depends_on_readings"]) - {r for r, taken in guideline.alternatives.items() if taken == "any"}
            assert fixed == depends[kind, entry[name]], (parsed.data, entry)


@pytest.mark.parametrize("seed", range(2))
def test_complete_records_are_answered_as_plain_clingo_answers_them(
    seed: int, curated: Guideline, plain: PlainClingo
) -> None:
    compare(curated, plain, seed, count=70, unknown=0.0, most=1)


@pytest.mark.parametrize("seed", range(2))
def test_incomplete_records_are_answered_as_the_completions_of_plain_clingo_demand(
    seed: int, curated: Guideline, plain: PlainClingo
) -> None:
    compare(curated, plain, 100 + seed, count=16, unknown=0.12, most=60)


@pytest.mark.parametrize(
    "readings",
    [(), ("R1=b",), ("R5=b",), ("R9=b",), ("R11=b",), ("R13=b",), ("R17=b",), ("R5=any", "R11=b"), ("R9=any", "R13=any")],
    ids=lambda chosen: " ".join(chosen) or "defaults",
)
def test_whatever_is_untold_and_however_readings_are_taken_clingo_demands_the_answer(
    readings: tuple[str, ...], own_cache: None
) -> None:
    """Defaults told to be unknown, one of two sets of facts, other alternatives of readings or all of them."""
    guideline = Guideline.load(readings=readings)
    compare(guideline, PlainClingo(guideline), 200, count=12, unknown=0.08, most=64, draw=untold_record)


@pytest.mark.parametrize("readings", [(), ("R9=b",), ("any",)], ids=lambda chosen: " ".join(chosen) or "defaults")
def test_integers_and_diagrams_give_the_same_bytes(
    readings: tuple[str, ...], own_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    guideline = Guideline.load(readings=readings)
    rng = random.Random(31)
    compared = 0
    while compared < 150:
        record = parse_record(untold_record(rng, guideline, rng.choice((0.0, 0.1, 0.2))), guideline.model)
        if record.fewer:
            continue
        answers = []
        for most in (2**11, 0):
            monkeypatch.setattr(opened, "MOST_BITS", most)
            try:
                answer = guideline.answer(record)
            except RecordError as error:
                answers.append(str(error))
                continue
            assert most or not isinstance(answer.derivation.completions, BitCompletions)
            answers.append(to_json(answer).decode())
            if most and not isinstance(answer.derivation.completions, BitCompletions):
                break
        if len(answers) == 2:
            compared += 1
            assert answers[0] == answers[1], record.data


@pytest.mark.parametrize("readings", [(), ("any",)], ids=lambda chosen: " ".join(chosen) or "defaults")
@pytest.mark.parametrize("unknown", [0.4, 1.0])
def test_records_that_tell_little_are_answered_as_clingo_concludes_bravely_and_cautiously(
    unknown: float, readings: tuple[str, ...], own_cache: None
) -> None:
    guideline = Guideline.load(readings=readings)
    plain, rng, answered, proved = PlainClingo(guideline), random.Random(41), 0, 0
    while answered < (6 if unknown < 1 else 3):
        record = parse_record(random_record(rng, guideline, unknown), guideline.model)
        with suppress(RecordError):
            proved += assert_positions(guideline, plain, record, most=3)
            answered += 1
    assert proved > 5


def assert_positions(guideline: Guideline, plain: PlainClingo, record: Record, most: int) -> int:
    """Assert that what an answer lists is what clingo concludes, and that its assumptions suffice and are smallest.

    That no smaller set exists is proved for assumptions of at most `most` values; returned is how often.
    """
    given = to_plain(guideline.answer(record))
    facts = record.facts + reading_facts(guideline.alternatives)
    certain, possible = plain.consequences(facts)
    settings = {atom for atom in possible if atom.startswith("setting(")}
    alone = settings <= certain and len(settings) <= 1
    assert given["setting"] == (next(iter(settings), "setting(not_addressed)")[8:-1] if alone else "undetermined")
    assumptions, proved = Assumptions(plain, facts), 0
    for key, kind, name in ENTRIES:
        listed = {f"{kind}({entry[name]})": entry for entry in given[key]}
        assert set(listed) == {atom for atom in possible if atom.startswith(f"{kind}(")}, record.data
        for atom, entry in listed.items():
            assert (entry["certainty"] == "certain") == (atom in certain), (record.data, atom)
            values = assumptions.values_of(entry["assuming"])
            if values:
                assert assumptions.suffice(values, atom), (record.data, entry)
                if len(values) <= most:
                    assert assumptions.smaller(atom, len(values)) is None, (record.data, entry)
                    proved += 1
    return proved


def test_nothing_is_certain_of_unknown_therapy_that_a_history_refutes(curated: Guideline, plain: PlainClingo) -> None:
    """Over all histories of at most two courses of any drugs; what is certain of every one of them is certain."""
    rng = random.Random(51)
    for _ in range(40):
        record = random_record(rng, curated, rng.choice((0.0, 0.0, 0.3)))
        del record["metastatic_therapy"]
        with suppress(RecordError):
            given = to_plain(curated.answer(record))
            certain, possible = plain.consequences(parse_record(record, curated.model).facts)
            for key, kind, name in ENTRIES:
                held = {f"{kind}({entry[name]})" for entry in given[key] if entry["certainty"] == "certain"}
                assert held <= certain, record
                assert {f"{kind}({entry[name]})" for entry in given[key]} <= possible
            settings = {atom for atom in certain if atom.startswith("setting(")}
            assert given["setting"] == "undetermined" or f"setting({given['setting']})" in settings, record


def test_nothing_is_certain_of_unknown_therapy_that_two_regimens_of_the_catalogue_refute(curated: Guideline) -> None:
    model = curated.model
    courses = [
        {"drugs": list(drugs), "outcome": outcome}
        for parts in model.parts.values()
        for drugs in list(product(*parts))[:1]
        for outcome in model.outcomes
    ]
    histories: list[list[dict[str, Any]]] = [[], *([course] for course in courses)]
    histories += [[first, last] for first in courses if first["outcome"] != "ongoing" for last in courses]
    told = {**curated.cases()["second_line"].record, "interstitial_lung_disease": True, "adjuvant_drugs": ["trastuzumab"],
            "months_to_recurrence": 20}  # fmt: skip
    for untold in ({"id": "a", "metastatic": True, "her2": "positive"}, {**told, "metastatic_therapy": None}):
        given = to_plain(curated.answer(untold))
        certain = {(key, e[name]) for key, _, name in ENTRIES for e in given[key] if e["certainty"] == "certain"}
        for history in histories:
            answer = to_plain(curated.answer({**untold, "metastatic_therapy": history}))
            assert certain <= {
                (key, e[name]) for key, _, name in ENTRIES for e in answer[key] if e["certainty"] == "certain"
            }
            assert given["setting"] in ("undetermined", answer["setting"]), history


def test_records_that_contradict_themselves_have_no_answer_set_in_plain_clingo(curated: Guideline) -> None:
    rng = random.Random(7)
    refused = 0
    while refused < 60:
        record = random_record(rng, curated, 0.3)
        record["brain_metastases"] = rng.random() < 0.5
        record["metastatic"] = rng.random() < 0.3
        try:
            curated.record(record)
        except RecordError:
            refused += 1
            facts = parse_record(record, curated.model).facts
            assert solve(facts, curated.folder, "curated", curated.model) == [], record


def test_the_literal_layer_concludes_what_plain_clingo_concludes(literal: Guideline, plain_literal: PlainClingo) -> None:
    rng = random.Random(11)
    answered = 0
    while answered < 300:
        record = random_record(rng, literal, 0.0)
        try:
            parsed = literal.record(record)
        except RecordError:
            continue
        derivation = literal.answer(parsed).derivation
        (completion,) = plain_literal.solve(parsed.facts)
        roles = literal.model.roles
        wanted = {atom for atom in completion.atoms if roles.get(atom.partition("(")[0]) == "conclusion"}
        assert set(derivation.conclusions()) == wanted, record
        answered += 1


def test_every_support_fires_and_every_blocking_condition_fails_in_plain_clingo(
    curated: Guideline, plain: PlainClingo
) -> None:
    rng = random.Random(5)
    answered = 0
    while answered < 400:
        record = random_record(rng, curated, 0.0)
        try:
            parsed = curated.record(record)
        except RecordError:
            continue
        derivation = curated.answer(parsed).derivation
        (completion,) = plain.solve(parsed.facts)
        data = plain.programs[parsed.courses].always
        for atom in derivation.program.index:
            explanation = derivation.explain(atom)
            for use in (*explanation.supports, *explanation.blocked):
                met = [(c.atom in completion.atoms or c.atom in data) != c.negated for c in use.conditions]
                assert (use.fires == "always") == all(met), (record, use)
                assert [c.met == "always" for c in use.conditions] == met, (record, use)
            if explanation.supports:
                assert atom in completion.atoms, (record, atom)
        answered += 1
