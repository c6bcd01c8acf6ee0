"""Differential tests: answers against plain clingo on the same files, for random records.

The expected answer is worked out from clingo's answer sets by brute force, straight from the meaning of certain,
conditional, assuming, missing and rank; none of the package's evaluation is used for it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import pytest
from plain import Completion, PlainClingo, solve
from records import random_record

from reasoner import Guideline, RecordError
from reasoner.compiler.model import GuidelineModel
from reasoner.records.record import parse_record
from reasoner.records.shapes import to_plain

Cube = tuple[tuple[int, int], ...]


def cubes(size: int, completions: list[Completion], model: GuidelineModel) -> Iterator[Cube]:
    """Yield sets of `size` values of open variables, in the order in which equally small ones are preferred."""
    options: dict[int, list[int]] = {}
    for completion in completions:
        for variable, value in completion.choices:
            options.setdefault(variable, [])
            if value not in options[variable]:
                options[variable].append(value)
    opened = [v for v, values in options.items() if len(values) > 1]
    for facts in combinations(sorted(opened), size):
        stated = [[n for n in sorted(options[v]) if model.variables[v].values[n][0] is not None] for v in facts]
        for values in product(*stated):
            yield tuple(zip(facts, values, strict=True))


def smallest(true: list[bool], completions: list[Completion], model: GuidelineModel) -> tuple[Cube, list[int]]:
    """Find the first smallest set of values under which all agreeing completions are true, with those completions."""
    for size in range(len(model.variables) + 1):
        for cube in cubes(size, completions, model):
            agreeing = [n for n, completion in enumerate(completions) if set(cube) <= set(completion.choices)]
            if agreeing and all(true[n] for n in agreeing):
                return cube, agreeing
    raise AssertionError("no set of values decides it")


def single_changes(completions: list[Completion]) -> list[tuple[int, int, set[int]]]:
    """List the pairs of completions that differ, with the variables whose change that is, with no more than they force."""
    found = []
    for a, here in enumerate(completions):
        changes = [
            (b, {v for (v, x), (_, y) in zip(here.choices, there.choices, strict=True) if x != y})
            for b, there in enumerate(completions)
        ]
        for b, changed in changes:
            smaller = [(c, other) for c, other in changes if other < changed]
            changing = {
                v
                for v in changed
                if not any(v in other and completions[c].choices[v] == completions[b].choices[v] for c, other in smaller)
            }
            if changing:
                found.append((a, b, changing))
    return found


def relevant_variables(signature: tuple[int, ...], changes: list[tuple[int, int, set[int]]]) -> set[int]:
    """Find the variables of which a change, with no more than it forces, changes the signature."""
    return {v for a, b, changing in changes if signature[a] != signature[b] for v in changing}


def assumption(cube: Cube, model: GuidelineModel) -> list[dict[str, Any]]:
    entries = []
    for variable, value in cube:
        known = model.variables[variable]
        member = {} if known.member is None else {"has": known.member}
        entries.append({"fact": known.fact, **member, "value": known.values[value][0]})
    return entries


def expected_answer(completions: list[Completion], model: GuidelineModel) -> dict[str, Any]:
    """Work out the answer that a list of completions gives."""
    settings = [frozenset(completion.arguments("setting")) for completion in completions]
    answer: dict[str, Any] = {
        "setting": next(iter(settings[0]), "not_addressed") if len(set(settings)) == 1 else "undetermined"
    }
    signatures: dict[str, list[Any]] = {"setting": settings}
    cubes_of: dict[tuple[bool, ...], tuple[Cube, list[int]]] = {}
    for name, key in (("recommended", "recommended"), ("excluded", "excluded"), ("action", "actions")):
        found = {}
        for item in sorted({item for completion in completions for item in completion.arguments(name)}):
            true = [item in completion.arguments(name) for completion in completions]
            cube, agreeing = cubes_of.get(tuple(true)) or cubes_of.setdefault(
                tuple(true), smallest(true, completions, model)
            )
            found[item] = {"certainty": "certain" if all(true) else "conditional", "assuming": assumption(cube, model)}
            if name == "recommended":
                places = [place_of(item, completions[n], model) for n in agreeing]
                cautions = {
                    c.partition(",")[2]
                    for n in agreeing
                    for c in completions[n].arguments("cautioned")
                    if c.startswith(item + ",")
                }
                found[item] |= {
                    "rank": min(places)[0],
                    "strength": model.strengths[min(places)[1]],
                    "cautions": sorted(cautions),
                }
            signatures[item] = signatures.get(item, [()] * len(completions))
            own = [
                place_of(item, w, model) if t and name == "recommended" else t
                for w, t in zip(completions, true, strict=True)
            ]
            signatures[item] = [(*old, new) for old, new in zip(signatures[item], own, strict=True)]
        answer[key] = found
    missing: dict[tuple[str, str | None], set[str]] = {}
    together: dict[tuple[int, ...], list[str]] = {}
    for item, signature in signatures.items():
        together.setdefault(tuple(map(signature.index, signature)), []).append(item)
    changes = single_changes(completions)
    for signature, items in together.items():
        for variable in relevant_variables(signature, changes):
            known = model.variables[variable]
            missing.setdefault((known.fact, known.member), set()).update(items)
    answer["missing"] = missing
    return answer


def place_of(regimen: str, completion: Completion, model: GuidelineModel) -> tuple[int, int]:
    rank = min(int(r.partition(",")[2]) for r in completion.arguments("rank") if r.startswith(regimen + ","))
    strength = min(
        model.strengths.index(s.partition(",")[2]) for s in completion.arguments("strength") if s.startswith(regimen + ",")
    )
    return rank, strength


def given_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Put an answer's JSON in the form of `expected_answer`."""
    kept = {"recommended": ("certainty", "assuming", "rank", "strength", "cautions")}
    found: dict[str, Any] = {"setting": answer["setting"]}
    for key, name in (("recommended", "regimen"), ("excluded", "regimen"), ("actions", "action")):
        fields = kept.get(key, ("certainty", "assuming"))
        found[key] = {entry[name]: {field: entry[field] for field in fields} for entry in answer[key]}
    found["missing"] = {(entry["fact"], entry.get("has")): set(entry["decides"]) for entry in answer["missing"]}
    return found


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
    for unknown in (0.0, 0.0, 0.0, 0.1, 0.2, 0.2) * 10:
        facts = parse_record(random_record(rng, guideline, unknown), guideline.model).facts
        anew = solve(facts, guideline.folder, layer, guideline.model)
        if len(anew) <= 200:
            told = [{atom for atom in found.atoms if not atom.startswith("open(")} for found in once.solve(facts)]
            assert sorted(map(sorted, told)) == sorted(
                sorted(atom for atom in found.atoms if not atom.startswith("open(")) for found in anew
            ), facts


def compare(guideline: Guideline, plain: PlainClingo, seed: int, count: int, unknown: float, most: int) -> tuple[int, int]:
    """Compare `count` random records; return how many were answered and how many contradict themselves."""
    rng = random.Random(seed)
    answered = contradicting = 0
    while answered < count:
        record = random_record(rng, guideline, unknown)
        try:
            parsed = guideline.record(record)
        except RecordError as error:
            assert "contradicts itself" in str(error), (record, error)
            contradicting += 1
            continue
        answer = guideline.answer(parsed)
        if answer.derivation.completions.count > most:
            continue
        completions = plain.solve(parsed.facts)
        assert len(completions) == answer.derivation.completions.count, record
        assert given_answer(to_plain(answer)) == expected_answer(completions, guideline.model), record
        answered += 1
    return answered, contradicting


@pytest.mark.parametrize("seed", range(4))
def test_complete_records_are_answered_as_plain_clingo_answers_them(
    seed: int, curated: Guideline, plain: PlainClingo
) -> None:
    compare(curated, plain, seed, count=600, unknown=0.0, most=1)


@pytest.mark.parametrize("seed", range(4))
def test_incomplete_records_are_answered_as_the_completions_of_plain_clingo_demand(
    seed: int, curated: Guideline, plain: PlainClingo
) -> None:
    compare(curated, plain, 100 + seed, count=250, unknown=0.2, most=48)


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
    while answered < 400:
        record = random_record(rng, literal, 0.0)
        try:
            parsed = literal.record(record)
        except RecordError:
            continue
        derivation = literal.answer(parsed).derivation
        (completion,) = plain_literal.solve(parsed.facts)
        roles = literal.model.roles
        wanted = {atom for atom in completion.atoms if roles[atom.partition("(")[0]] == "conclusion"}
        assert set(derivation.conclusions()) == wanted, record
        answered += 1


def test_every_support_fires_and_every_blocking_condition_fails_in_plain_clingo(
    curated: Guideline, plain: PlainClingo
) -> None:
    rng = random.Random(5)
    answered = 0
    while answered < 1000:
        record = random_record(rng, curated, 0.0)
        try:
            parsed = curated.record(record)
        except RecordError:
            continue
        derivation = curated.answer(parsed).derivation
        (completion,) = plain.solve(parsed.facts)
        for atom in derivation.program.index:
            explanation = derivation.explain(atom)
            for use in (*explanation.supports, *explanation.blocked):
                met = [(c.atom in completion.atoms) != c.negated for c in use.conditions]
                assert (use.fires == "always") == all(met), (record, use)
                assert [c.met == "always" for c in use.conditions] == met, (record, use)
            if explanation.supports:
                assert atom in completion.atoms, (record, atom)
        answered += 1
