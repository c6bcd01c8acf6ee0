"""The smallest changes of why-not: each works, no part of it does, none is missing, and they come in their order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations, islice, product
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from records import surely_recommended, untold_records

from reasoner import Guideline
from reasoner.queries.ask import decision_tree
from reasoner.queries.changes import Changes, smallest_changes
from reasoner.queries.families import NONE, UNIT, Families, Family, Step
from reasoner.queries.why_not import why_not
from reasoner.records.shapes import to_plain
from reasoner.render.why_not import render

Record = dict[str, Any]
EVERY = 100_000
COURSES = "metastatic_therapy"


def told(data: Record, change: Record) -> Record:
    """Change a record as a physician would: say which set of facts is true, then give keys and fields their values."""
    found = {**data}
    if "one_of" in change:
        (own,) = (own for own in found.pop("one_of") if own["label"] == change["one_of"])
        found |= {key: value for key, value in own.items() if key != "label"}
    for key, value in change.items():
        if "[" in key:
            name, _, rest = key.partition("[")
            number, _, field = rest.partition("].")
            found[name] = [{**c, field: value} if n == int(number) else c for n, c in enumerate(found[name])]
        elif key != "one_of":
            assert not any(key in own for own in found.get("one_of") or ())
            found[key] = value
    return found


def changes_of(guideline: Guideline, data: Record, regimen: str, anything: bool = False) -> Changes:
    return smallest_changes(guideline, guideline.record(data), regimen, anything, EVERY)


def parts_of(data: Record, change: Record) -> Iterator[Record]:
    """Yield the proper parts of a change: some of its keys, with all or some of the members that join or leave a list."""
    options = []
    for key, value in change.items():
        own: list[Any] = [None, (value,)]
        if isinstance(value, list) and key != COURSES:
            held = data.get(key) or []
            moved = sorted(set(held) ^ set(value))
            lists = [set(held) ^ set(part) for size in range(len(moved)) for part in combinations(moved, size)]
            own += [(sorted(members),) for members in lists if members != set(held) or data.get(key) is None]
        options.append([(key, option) for option in own])
    for chosen in product(*options):
        part = {key: option[0] for key, option in chosen if option is not None}
        if part != change and not (part.keys() == change.keys() and all(same(part[k], change[k]) for k in part)):
            yield part


def same(one: Any, other: Any) -> bool:
    return sorted(one) == sorted(other) if isinstance(one, list) and isinstance(other, list) else bool(one == other)


def sides(data: Record, change: Record) -> Record:
    """Give the record that the keys of a change stand in, with the set of facts that it says is true."""
    return told(data, {"one_of": change["one_of"]}) if "one_of" in change else data


@pytest.mark.parametrize(("unknown", "anything"), [(0.0, False), (0.0, True), (0.2, False), (0.5, True), (0.9, False)])
def test_every_change_works_and_no_part_of_it_does(unknown: float, anything: bool, curated: Guideline) -> None:
    rng = random.Random(1)
    seen: set[str] = set()
    for data in untold_records(curated, 100, 9, unknown):
        for regimen in rng.sample(curated.model.regimens, 4):
            found = changes_of(curated, data, regimen, anything)
            for change in rng.sample(found.first, min(6, len(found.first))):
                assert change.set.keys() == change.kind.keys()
                assert regimen in surely_recommended(curated, told(data, change.set)), (data, regimen, change)
                parts = [
                    part
                    for part in parts_of(sides(data, change.set), change.set)
                    if "one_of" in part or "one_of" not in change.set
                ]
                for part in rng.sample(parts, min(12, len(parts))):
                    assert regimen not in surely_recommended(curated, told(data, part)), (data, regimen, change, part)
                seen.update(key.partition("[")[0] + key.partition("]")[2] for key in change.set)
    assert len(seen) > 4


def edits_of(guideline: Guideline, data: Record, anything: bool) -> Iterator[tuple[str, Any]]:
    """Yield every way to change one key of a record without sets."""
    for fact in guideline.model.facts:
        held = data.get(fact.name)
        if fact.kind == "courses":
            yield from course_edits(guideline, data, anything)
            continue
        if held is not None and fact.immutable and not anything:
            continue
        values: list[Any] = [True, False] if fact.kind == "boolean" else list(fact.values) if fact.kind == "choice" else []
        if fact.kind == "number" and fact.thresholds:
            values = [*fact.thresholds, fact.thresholds[-1] + 1]
        if fact.kind == "list":
            base = held or []
            members = fact.values if held is not None or not fact.open_members else fact.open_members
            values = [sorted({*base} ^ {m}) for m in members] if held is not None or fact.default else []
            if held is None:
                values += [list(part) for size in range(3) for part in combinations(fact.open_members, size)]
        yield from ((fact.name, value) for value in values if value != held)


def course_edits(guideline: Guideline, data: Record, anything: bool) -> Iterator[tuple[str, Any]]:
    courses = data.get(COURSES)
    if courses is None:
        yield COURSES, []
        return
    for n, course in enumerate(courses):
        values: dict[str, list[Any]] = {"outcome": list(guideline.model.outcomes)}
        for name, fact in guideline.model.course_facts.items():
            if set(fact.needs) & set(course["drugs"]):
                near = [t + d for t in fact.thresholds for d in (-1, 0)]
                values[name] = [True, False] if fact.kind == "boolean" else near
        for key, options in values.items():
            if course.get(key) is None or anything:
                yield from ((f"{COURSES}[{n}].{key}", v) for v in options if v != course.get(key))


def covered(data: Record, change: Record, edits: Record, guideline: Guideline) -> bool:
    """Tell whether a change is a part of edits; numbers count by the stretch they are in, lists by what joins or leaves."""
    for key, value in change.items():
        if key not in edits:
            return False
        given = edits[key]
        if isinstance(value, list) and key != COURSES:
            held = set(data.get(key) or ())
            if not held ^ set(value) <= held ^ set(given):
                return False
        elif isinstance(value, int | float) and not isinstance(value, bool):
            name = key.rpartition(".")[2]
            known = guideline.model.course_facts.get(name)
            side = known.stretch if known is not None else lambda v, name=name: guideline.model.interval(name, v)
            if side(value) != side(given):
                return False
        elif value != given:
            return False
    return True


@pytest.mark.parametrize(("unknown", "anything"), [(0.0, False), (0.0, True), (0.3, False), (0.3, True)])
def test_no_change_of_up_to_two_keys_is_missing(unknown: float, anything: bool, curated: Guideline) -> None:
    rng = random.Random(2)
    worked = 0
    for data in islice((d for d in untold_records(curated, 200, 100, unknown) if "one_of" not in d), 8):
        singles = list(edits_of(curated, data, anything))
        pairs = [pair for pair in combinations(singles, 2) if pair[0][0] != pair[1][0]]
        regimens = rng.sample(curated.model.regimens, 12)
        found = {regimen: changes_of(curated, data, regimen, anything).first for regimen in regimens}
        for edits in [(), *((edit,) for edit in singles), *rng.sample(pairs, min(len(pairs), 150))]:
            for regimen in surely_recommended(curated, told(data, dict(edits))) & found.keys():
                changes = [change.set for change in found[regimen]]
                assert any(covered(data, change, dict(edits), curated) for change in changes) or any(
                    not change for change in changes
                ), (data, regimen, edits, changes)
                worked += 1
    assert worked > 10


def family_of(families: Families, sets: set[frozenset[Step]]) -> Family:
    """Make the family of sets that are no part of each other."""
    if not sets or sets == {frozenset()}:
        return UNIT if sets else NONE
    step = min(step for own in sets for step in own)
    within = family_of(families, {own - {step} for own in sets if step in own})
    return families.either(step, family_of(families, {own for own in sets if step not in own}), within)


def members(families: Families, family: Family) -> list[frozenset[Step]]:
    return [frozenset(steps) for steps in families.in_order(family)]


def test_families_are_compared_counted_and_listed_as_sets_are() -> None:
    rng = random.Random(3)
    every = [Step(fact, 0, 0, member, value) for fact in range(4) for member in range(2) for value in range(2)]

    def draw() -> set[frozenset[Step]]:
        drawn = (rng.sample(every, rng.randint(0, 4)) for _ in range(rng.randint(0, 9)))
        return {frozenset(steps) for steps in drawn if len({step.place for step in steps}) == len(steps)}

    for _ in range(400):
        families, one, other = Families(), draw(), draw()
        first, second = family_of(families, one), family_of(families, other)
        apart = families.apart(first, second)
        assert set(members(families, apart)) == {own for own in one if not any(less <= own for less in other)}
        listed = list(families.in_order(first))
        assert families.count(first) == len(listed) == len(one)
        assert set(map(frozenset, listed)) == one

        def order(steps: tuple[Step, ...]) -> Any:
            return len({step.field for step in steps}), [step.place for step in steps], steps

        assert listed == sorted(listed, key=order)


def test_the_first_changes_are_those_with_the_fewest_keys_and_the_others_are_counted(curated: Guideline) -> None:
    data = {"id": "p"}
    every = changes_of(curated, data, "endocrine_therapy")
    assert every.others == 0
    sizes = [len(change.set) for change in every.first]
    assert sizes == sorted(sizes)
    assert len(sizes) > 10
    for most in (0, 1, 10):
        found = smallest_changes(curated, curated.record(data), "endocrine_therapy", False, most)
        assert (found.first, found.others) == (every.first[:most], len(sizes) - most)


def test_where_there_are_too_many_the_smallest_are_found_all_the_same(
    curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"id": "p", "metastatic_therapy": []}
    every = changes_of(curated, data, "endocrine_therapy")
    fewest = min(len(change.set) for change in every.first)
    smallest = [change for change in every.first if len(change.set) == fewest]
    monkeypatch.setattr("reasoner.queries.search.MOST_STEPS", 20)
    found = smallest_changes(curated, curated.record(data), "endocrine_therapy", False, 1)
    assert found.others is None
    assert list(found.first) in (smallest[:1], [])


def test_what_is_not_known_of_therapy_can_be_found_out(curated: Guideline) -> None:
    course = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]}
    data = {**curated.cases()["second_line"].record, COURSES: [course]}
    (change,) = changes_of(curated, data, "trastuzumab_deruxtecan").first
    assert change.set == {f"{COURSES}[0].outcome": "progression"}
    assert change.kind == {f"{COURSES}[0].outcome": "find_out"}
    data = {key: value for key, value in curated.cases()["de_novo_untreated"].record.items() if key != COURSES}
    (change,) = changes_of(curated, data, "trastuzumab_pertuzumab_taxane").first
    assert (change.set, change.kind) == ({COURSES: []}, {COURSES: "find_out"})
    given = {**curated.cases()["first_line_under_way"].record, COURSES: [{**course, "outcome": "ongoing"}]}
    sets = [set(change.set) for change in changes_of(curated, given, "trastuzumab_pertuzumab").first]
    assert {"hr", f"{COURSES}[0].chemotherapy_stopped"} in sets


def test_a_recorded_course_is_changed_only_when_asked_for(curated: Guideline) -> None:
    data = curated.cases()["second_line"].record
    for anything in (False, True):
        changes = changes_of(curated, data, "trastuzumab_pertuzumab", anything).first
        outcomes = [change for change in changes if f"{COURSES}[0].outcome" in change.set]
        assert bool(outcomes) == anything
        for change in outcomes:
            assert change.kind[f"{COURSES}[0].outcome"] == "contrary"


def test_which_of_several_sets_is_true_can_be_found_out(curated: Guideline) -> None:
    record = {**curated.cases()["second_line"].record}
    given = record.pop(COURSES)
    data = {**record, "one_of": [{"label": "since", COURSES: given}, {"label": "before", COURSES: []}]}
    (change,) = changes_of(curated, data, "trastuzumab_deruxtecan").first[:1]
    assert (change.set, change.kind) == ({"one_of": "since"}, {"one_of": "find_out"})
    text = render(why_not(curated, curated.record(data), "trastuzumab_deruxtecan"))
    assert '"since" is the case - to be found out' in " ".join(text.split())


def with_signs(folder: Path, count: int) -> Guideline:
    """Load the guideline for hill ache with many signs: each speaks against watching it, and any for an operation."""
    text = (ROOT / "tests/guidelines/hill_ache/guideline.lp").read_text("utf-8")
    facts = "".join(f'fact({n + 10}, sign{n}, boolean).\nterm(fact, sign{n}, "sign {n}").\n' for n in range(count))
    rules = "".join(
        f"contraindicated(watchful_waiting) :- has(sign{n}).\n"
        f"indicated(operation, alternative) :- setting(new_ache), has(sign{n}).\n"
        for n in range(count)
    )
    (folder / "guideline.lp").write_text(text.replace("term(fact, severe", f"{facts}term(fact, severe", 1) + rules)
    return Guideline.load(folder)


def test_forty_signs_that_are_not_recorded_are_no_ceiling(tmp_path: Path, own_cache: None) -> None:
    guideline = with_signs(tmp_path, 40)
    record = guideline.record({"id": "p", "weeks": 3, "frail": False})
    found = smallest_changes(guideline, record, "watchful_waiting", False, 10)
    assert [len(change.set) for change in found.first] == [40]
    assert found.others == 0
    found = smallest_changes(guideline, record, "operation", False, 10)
    expected = [{"weeks": 7}, *({f"sign{n}": True} for n in range(9))]
    assert [change.set for change in found.first] == expected
    assert found.others == 31


def test_that_a_record_tells_a_fact_can_itself_be_what_matters(tmp_path: Path, own_cache: None) -> None:
    text = (ROOT / "tests/guidelines/hill_ache/guideline.lp").read_text("utf-8")
    text += "contraindicated(watchful_waiting) :- not known(frail).\n"
    text += "contraindicated(watchful_waiting) :- recorded(severe, true), not recorded(frail, true).\n"
    (tmp_path / "guideline.lp").write_text(text)
    guideline = Guideline.load(tmp_path)
    expected = (
        ({}, [{"frail": True, "weeks": 6}, {"frail": False, "weeks": 6}]),
        ({"weeks": 3, "severe": True}, [{"frail": True}, {"severe": False, "frail": False}]),
        ({"weeks": 3, "severe": False}, [{"frail": True}, {"frail": False}]),
        ({"weeks": 3, "severe": True, "frail": False}, [{"severe": False}, {"frail": True}]),
        ({"weeks": 3, "severe": False, "frail": False}, [{}]),
    )
    for data, changes in expected:
        found = changes_of(guideline, {"id": "p", **data}, "watchful_waiting")
        assert [change.set for change in found.first] == changes


LOOP = "permitted(rest) :- has(severe), not permitted(work).\npermitted(work) :- has(severe), not permitted(rest).\n"


def test_a_guideline_with_recursion_is_asked_and_changed_record_by_record(tmp_path: Path, own_cache: None) -> None:
    text = (ROOT / "tests/guidelines/hill_ache/guideline.lp").read_text("utf-8")
    (tmp_path / "guideline.lp").write_text(text + LOOP)
    guideline, plain = Guideline.load(tmp_path), Guideline.load(ROOT / "tests/guidelines/hill_ache")
    assert guideline.warnings
    for data in ({"id": "p"}, {"id": "p", "weeks": 3}, {"id": "p", "frail": True}, {"id": "p", "severe": True, "weeks": 9}):
        for regimen in guideline.model.regimens:
            found = changes_of(guideline, data, regimen)
            assert sorted(map(repr, found.first)) == sorted(map(repr, changes_of(plain, data, regimen).first))
            assert found.others is None
        tree = decision_tree(guideline, data)
        assert not tree.exact
        assert to_plain(tree)["root"] == to_plain(decision_tree(plain, data, limit=-1))["root"]
