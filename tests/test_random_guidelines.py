"""Guidelines of random rules are answered as plain clingo answers them, one record at a time and in cohorts.

They keep the catalogue of the invented marsh fever; their statements, contradictions and defaults are drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import test_check
import test_diff
from cohorts import expected_row, rows_of
from compared import Reference, differences
from expected import expected_answer, given_answer, without
from plain import Completion, PlainClingo, reading_facts, solve
from random_constructs import drawn
from random_guidelines import CATALOGUE, CONDITIONS, SCORED, load, load_with_readings, random_guideline, rule
from records import random_record, untold_record
from test_plain_clingo import assert_positions

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.cohort.part import Job
from reasoner.cohort.run import Progress, run
from reasoner.cohort.source import plan
from reasoner.engine import opened
from reasoner.engine.answer import Answer
from reasoner.engine.doses import dosage_atoms
from reasoner.records.record import parse_record
from reasoner.records.shapes import to_json, to_plain
from reasoner.verification.check import check
from reasoner.verification.diff import diff

MOST = 200


def scored(completions: Sequence[Completion], certainly: bool) -> set[str]:
    """List what counts towards the score in all completions in which it has a value, or in some."""
    atoms = [completion.atoms for completion in completions if completion.arguments("score")]
    if not atoms:
        return set()
    atoms_of = {name: {f"has({name})", f"includes(signs,{name})"} for name in ("confirmed", "pregnant", "rash", "cough")}
    atoms_of["late"] = {f"course_at_least({course},days,7)" for course in (1, 2, 3)}
    return {
        name for name, own in atoms_of.items() if (all if certainly else any)(not own.isdisjoint(held) for held in atoms)
    }


@pytest.mark.parametrize("seed", range(500, 508))
def test_what_makes_up_a_score_is_what_plain_clingo_counts(seed: int, own_cache: None, tmp_path: Path) -> None:
    rng = Random(seed)
    text = random_guideline(rng).replace("score(burden, N) :-", "score(burden, N) :- not has(confirmed),")
    (tmp_path / "guideline.lp").write_text(
        text + f"score(burden, N) :- has(confirmed), N = #sum{{ {'; '.join(SCORED)} }}.\n"
    )
    guideline = Guideline.load(tmp_path)
    words = {"confirmed marsh fever": "confirmed", "pregnancy": "pregnant", "rash among the signs": "rash"}
    words["cough among the signs"] = "cough"
    compared = 0
    while compared < 8:
        record = parse_record(untold_record(rng, guideline, rng.choice((0.0, 0.2, 0.4))), guideline.model)
        if any(told.courses is None for told in record.told):
            continue
        completions = solve(record.facts, tmp_path, guideline.layer, guideline.model, MOST)
        if 0 < len(completions) <= MOST:
            compared += 1
            answer = guideline.answer(record)
            parts = [entry for score in answer.scores for entry in score.parts]
            possible = [entry for score in answer.scores for entry in (*score.parts, *score.possible_parts)]
            assert {words.get(part.words, "late") for part in parts} == scored(completions, certainly=True), record.data
            assert {words.get(part.words, "late") for part in possible} == scored(completions, certainly=False), record.data


def contradicting(error: RecordError) -> bool:
    return "the record contradicts itself" in str(error)


def assert_doses(answer: Answer, completions: Sequence[Completion]) -> None:
    """Assert that what is said of doses holds where plain clingo concludes it, and is listed where it holds."""
    derivation = answer.derivation
    for _, number in dosage_atoms(derivation.program):
        atom, truth = derivation.program.atoms[number], derivation.values[number]
        held = [atom in completion.atoms for completion in completions]
        assert (truth == derivation.completions.all, truth != derivation.completions.none) == (all(held), any(held)), atom


@pytest.mark.parametrize("seed", range(20))
def test_a_record_is_answered_as_plain_clingo_answers_it(seed: int, own_cache: None, tmp_path: Path) -> None:
    rng, guideline = load_with_readings(tmp_path, seed)
    readings = reading_facts(guideline.alternatives)
    answered = 0
    while answered < 12:
        record = untold_record(rng, guideline, rng.choice((0.0, 0.2, 0.4)))
        parsed = parse_record(record, guideline.model)
        if any(told.courses is None for told in parsed.told):
            continue
        completions = solve(parsed.facts + readings, tmp_path, guideline.layer, guideline.model, MOST)
        answered += 1
        try:
            answer = guideline.answer(record)
        except RecordError as error:
            assert (contradicting(error), completions) == (True, []), record
            continue
        read = without(completions, answer.derivation.completions.worlds.unread)
        if len(completions) <= MOST and len(read) <= 40:
            assert given_answer(to_plain(answer)) == expected_answer(read, guideline.model, parsed.labels), record
            assert_doses(answer, completions)


@pytest.mark.parametrize("seed", [2, 22, 100010, 100024])
def test_a_guideline_of_everything_that_loads_is_answered_as_plain_clingo_answers_it(
    seed: int, own_cache: None, tmp_path: Path
) -> None:
    """As `benchmarks/language.py` tries it thousands of times: limits of doses, readings, rules with several answers."""
    rng = Random(seed)
    text = drawn(rng)
    guideline = text.load(tmp_path / "drawn")
    reference = Reference(guideline, text.space())
    for unknown in (0.0, 0.1, 0.3, 0.5, 0.5):
        record = untold_record(rng, guideline, unknown)
        with suppress(RecordError):
            parse_record(record, guideline.model)
            assert differences(guideline, reference, record)[1] == [], record


@pytest.mark.parametrize("seed", range(200, 212))
def test_integers_and_diagrams_give_the_same_bytes(
    seed: int, own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, guideline = load_with_readings(tmp_path, seed)
    for _ in range(25):
        record = parse_record(untold_record(rng, guideline, rng.choice((0.0, 0.2, 0.4))), guideline.model)
        answers = []
        for most in (2**11, 0):
            monkeypatch.setattr(opened, "MOST_BITS", most)
            try:
                answers.append(to_json(guideline.answer(record)).decode())
            except RecordError as error:
                answers.append(str(error))
        assert answers[0] == answers[1], record.data


def wide_guideline(rng: Random, facts: int, contraindications: int) -> str:
    """Draw a guideline with many facts, and many contraindications to the regimen that it recommends."""
    text = re.sub(r"^(inconsistent|term\(contradiction).*\n", "", CATALOGUE, flags=re.MULTILINE)
    conditions = list(CONDITIONS)
    for number in range(9, facts + 1):
        name, kind = f"fact_{number}", rng.choice(("boolean", "boolean", "boolean", "choice", "number"))
        text += f'fact({number}, {name}, {kind}).\nterm(fact, {name}, "fact {number}").\n'
        if kind == "boolean":
            conditions.append(f"has({name})")
        elif kind == "choice":
            text += "".join(f"value({name}, {place}, {value}).\n" for place, value in enumerate(("normal", "failing"), 1))
            conditions.append(f"is({name}, failing)")
        else:
            text += f"threshold({name}, 7).\napplies({name}).\n"
            conditions.append(f"more_than({name}, 7)")
    text += "%* @statement L1 [1] sha256:000000000000\nStatement 1.\n*%\nplaces(acute, fever) :- not has(pregnant).\n"
    text += "indicated(amarin, standard) :- setting(acute).\nindicated(amarin_salt, alternative) :- excluded(amarin).\n"
    text += "indicated(watch, alternative) :- setting(acute), excluded(amarin_salt).\nsuppressed(R) :- excluded(R).\n"
    for _ in range(contraindications):
        own = ", ".join(rng.sample([c for c in conditions if "_," not in c], rng.choice((1, 1, 2, 3))))
        text += f"contraindicated({rng.choice(('amarin', 'amarin', 'amarin_salt', 'watch'))}) :- {own}.\n"
    return text


@pytest.mark.parametrize(("seed", "facts", "contraindications"), [(n, 20 + 8 * n, 10 + 6 * n) for n in range(6)])
def test_whatever_is_unknown_of_a_wide_guideline_it_is_answered(
    seed: int, facts: int, contraindications: int, own_cache: None, tmp_path: Path
) -> None:
    """With everything unknown: what clingo concludes bravely and cautiously; assumptions suffice and are smallest."""
    rng = Random(seed)
    (tmp_path / "guideline.lp").write_text(wide_guideline(rng, facts, contraindications))
    guideline = Guideline.load(tmp_path)
    plain = PlainClingo(guideline)
    courses = guideline.model.courses_fact
    assert courses is not None
    for history in ([], [{"drugs": ["amarin"]}], [{"drugs": ["amarin"]}, {"drugs": ["belosol"]}]):
        record = parse_record({"id": "unknown", courses.name: history}, guideline.model)
        assert_positions(guideline, plain, record, most=2)
    everything = to_plain(guideline.answer({"id": "nothing recorded"}))
    assert everything["missing"]


@pytest.mark.parametrize("seed", range(100, 120))
def test_a_cohort_is_answered_as_its_records_one_by_one(seed: int, own_cache: None, tmp_path: Path) -> None:
    folder = tmp_path / "random_fever"
    folder.mkdir()
    rng, guideline = load(folder, seed)
    records: list[dict[str, Any]] = [
        {**random_record(rng, guideline, rng.choice((0.0, 0.3, 0.6, 0.9))), "id": str(number)} for number in range(100)
    ]
    answers, refusals = [], {}
    for record in records:
        try:
            answers.append(expected_row(guideline, record))
        except RecordError as error:
            assert contradicting(error)
            refusals[record["id"]] = str(error)
    source, output = tmp_path / "in.ndjson", tmp_path / "out"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    parts = tuple(plan(source, rng.choice((7, 40, 1000)), guideline.model))
    job = Job(guideline.selection, guideline.digest, output, "parquet", parts)
    run(job, workers=1, resume=False, scheduler=None, dask=False, report=list[Progress]().append)
    assert rows_of(output) == answers
    rejected = (output / "rejects.ndjson").read_text().splitlines() if refusals else []
    assert {row["id"]: row["reason"] for row in map(json.loads, rejected)} == refusals


@pytest.mark.parametrize("seed", range(330, 342))
def test_a_check_and_a_comparison_miss_nothing_and_show_what_they_find(seed: int, own_cache: None, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    rng, old = load(tmp_path / "old", seed)
    lines = (tmp_path / "old/guideline.lp").read_text().splitlines()
    place = rng.choice([n for n, line in enumerate(lines) if ":-" in line and not line.startswith("inconsistent")])
    lines[place] = rule(rng)
    (tmp_path / "new/guideline.lp").write_text("\n".join(lines) + "\n")
    new = Guideline.load(tmp_path / "new")
    try:
        findings, comparison = check(old).findings, diff(old, new)
    except GuidelineError as error:
        assert "leaves no patient" in str(error)
        return
    for found in findings:
        if found.witness is not None:
            test_check.shows(found, old)
    for found in comparison.findings:
        if found.witness is not None:
            test_diff.shows(found, old, new)
    kinds = {found.kind for found in findings}
    for _ in range(80):
        record = random_record(rng, old, rng.choice((0.0, 0.0, 0.3)))
        try:
            answer = old.answer(record)
        except RecordError as error:
            assert contradicting(error)
            continue
        if len(record["earlier_therapy"]) <= comparison.courses:
            assert not comparison.equivalent or test_diff.essence(answer) == test_diff.essence(new.answer(record)), record
        if not answer.derivation.completions.open:
            recommended = {entry.regimen for entry in answer.recommended}
            assert "conflict" in kinds or recommended.isdisjoint(entry.regimen for entry in answer.excluded), record
            assert kinds & {"gap", "dead_end"} or answer.setting != "acute" or recommended, record


ODD = """term(contradiction, odd, "odd").
%* @statement L1 [1] sha256:000000000000
Statement 1.
*%
"""
ODD_CASES: dict[str, tuple[str, dict[str, object]]] = {
    "nobody can be untreated, and which therapy was given is unknown": (
        "inconsistent(odd) :- not course(1). places(acute, fever) :- course(1)."
        " indicated(watch, standard) :- setting(acute)."
        " indicated(amarin, standard) :- setting(acute), drug_in(_, amarin). prefers(amarin, watch) :- setting(acute).",
        {"earlier_therapy": None},
    ),
    "a course can be under way in one of several sets of facts alone": (
        "places(acute, fever) :- progressed_on(amarin).",
        {
            "one_of": [
                {"label": "x", "earlier_therapy": [{"drugs": ["amarin"]}, {"drugs": ["belosol"], "outcome": "progression"}]},
                {"label": "y", "earlier_therapy": [{"drugs": ["amarin"]}]},
            ]
        },
    ),
    "another set of facts forces one fact to change, and leaves what it is tied to": (
        "fact(9, months, number). applies(months) :- has(confirmed). threshold(months, 12)."
        " inconsistent(odd) :- #count{ S : includes(signs, S); one : has(confirmed) } >= 2, more_than(temperature, 40)."
        " calls_for(measure_again) :- more_than(months, 12), has(confirmed)."
        " contraindicated(watch) :- includes(signs, rash).",
        {
            **{"signs": None, "confirmed": None, "pregnant": False, "earlier_therapy": []},
            "one_of": [{"label": "x", "months": 13}, {"label": "y"}],
        },
    ),
    "one of ten sets of facts forces a fact to change that no set tells": (
        "fact(9, months, number). applies(months) :- has(confirmed). threshold(months, 12)."
        " inconsistent(odd) :- at_most(months, 12), not has(confirmed)."
        " inconsistent(odd) :- more_than(months, 12), not has(confirmed). calls_for(measure_again) :- has(confirmed).",
        {
            **{"confirmed": None, "pregnant": False, "earlier_therapy": []},
            "one_of": [{"label": "x", "months": 13}, *({"label": f"{n}"} for n in range(9))],
        },
    ),
    "a dose is given to everybody, and once more to some": (
        "places(acute, fever). indicated(amarin_salt, standard) :- setting(acute)."
        ' dose(belosol, daily, every_dose, "2", mg, hours(8)). dose_maximum(belosol, daily, every_dose, "9", mg).'
        ' dose(belosol, daily, every_dose, "2", mg, hours(8)) :- has(confirmed).'
        ' dose_maximum(belosol, daily, every_dose, "9", mg) :- has(pregnant).',
        {"earlier_therapy": []},
    ),
}
"""Rules that were once answered otherwise than plain clingo answers them, with a record that shows it."""
KNOWN = {"confirmed": True, "kidney_function": "normal", "temperature": 39, "signs": [], "allergies": [], "body_weight": 60}


@pytest.mark.parametrize("name", ODD_CASES)
def test_an_odd_guideline_is_answered_as_plain_clingo_answers_it(name: str, own_cache: None, tmp_path: Path) -> None:
    rules, record = ODD_CASES[name]
    (tmp_path / "guideline.lp").write_text(CATALOGUE + ODD + rules)
    guideline = Guideline.load(tmp_path)
    assert differences(guideline, Reference(guideline, ""), {"id": "a", **KNOWN, **record})[1] == []
