"""Guidelines of random rules are answered as plain clingo answers them, one record at a time and in cohorts.

They keep the catalogue of the invented marsh fever; their statements, contradictions and defaults are drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import test_check
import test_diff
from cohorts import expected_row, rows_of
from conftest import ROOT
from expected import expected_answer, given_answer, without
from plain import Completion, PlainClingo, reading_facts, solve
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

CATALOGUE = (
    (ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8").partition("%* @statement")[0]
    + """
term(action_name, measure_again, "measuring again").
#const enough = 2.
#const more_than_enough = enough + 1.
predicate(weighs(any, whole), catalogue, "{1} weighing {2}").
weighs(confirmed, 1).
weighs((pregnant;rash), enough).
weighs(cough, -1).
term(score, burden, "burden").
threshold(temperature, "38.5").
"""
)
RELATIONS = ("at_most", "more_than", "at_least", "less_than")
CONDITIONS = (
    *(f"has({fact})" for fact in ("confirmed", "pregnant")),
    *(f"is(kidney_function, {value})" for value in ("normal", "reduced", "failing")),
    *(f"{side}(temperature, {bound})" for side in RELATIONS for bound in (38, '"38.5"', 40)),
    *(f"includes(signs, {sign})" for sign in ("rash", "cough")),
    *(f"includes(allergies, {drug})" for drug in ("amarin", "belosol")),
    *(f"course({place})" for place in (1, 2)),
    "drug_in(_, amarin)",
    "course_at_least(_, days, 7)",
    "includes(signs, (rash;cough))",
    "drug_in((1;2), (amarin;belosol))",
    "course(1..enough)",
    "course_at_least(1..2, days, 7)",
    "weighs(rash, N), course(N)",
)
SCORED = ("W,F : weighs(F, W), has(F)", "W,S : weighs(S, W), includes(signs, S)", "3,late : course_at_least(_, days, 7)")
ELEMENTS = (
    "{weight}F : weighs(F, {name}), has(F)",
    "{weight}S : weighs(S, {name}), includes(signs, S)",
    "{weight}S : includes(signs, S), not has(pregnant)",
    "{weight}D : drug_in(_, D)",
    "{weight}D,I : drug_in(I, D), I = 1..enough",
    "{weight}course,I : course_at_least(I, days, 7)",
    "{weight}one : not is(kidney_function, (normal;failing))",
    "{weight}one : more_than(temperature, 38)",
    "{weight}D : includes(allergies, D), not drug_in(1..2, D)",
)
MOST = 200
REGIMENS = ("amarin", "amarin_salt", "watch")


def body(rng: Random, most: int, given: str = "") -> str:
    conditions = [given] if given else []
    for _ in range(rng.randint(0 if given else 1, most)):
        if rng.random() < 0.2:
            conditions.append(aggregate(rng))
            continue
        condition = rng.choice(CONDITIONS)
        plain = "_," not in condition and ", " not in re.sub(r"\(.*?\)", "", condition)
        conditions.append(f"not {condition}" if plain and rng.random() < 0.35 else condition)
    return ", ".join(rng.sample(conditions, len(conditions)))


def aggregate(rng: Random) -> str:
    """Draw a count or a sum, compared or assigned."""
    function = rng.choice(("#count", "#sum", "#sum", "#sum+"))
    elements = []
    for element in rng.sample(ELEMENTS, rng.randint(1, 4)):
        named = "W" if function != "#count" and "{name}" in element and rng.random() < 0.7 else "_"
        weight = "" if function == "#count" else "W," if named == "W" else f"{rng.choice((-2, -1, 1, 1, 1, 3))},"
        elements.append(element.format(weight=weight, name=named))
    own = f"{function}{{ {'; '.join(elements)} }}"
    number = rng.choice((*map(str, range(-1, 5)), "enough", "more_than_enough"))
    other = rng.choice(("0", "enough"))
    forms = (
        f"{own} {rng.choice(('>=', '>=', '>', '<', '<=', '=', '!='))} {number}",
        f"{number} {rng.choice(('>=', '<', '<='))} {own}",
        f"{other} {rng.choice(('<', '<=', '!='))} {own} {rng.choice(('<=', '<', '!='))} {number}",
    )
    if rng.random() < 0.2:
        name = f"N{rng.randrange(10**6)}"
        return f"{name} = {own}, {name} {rng.choice(('>', '<', '!='))} {number}"
    return f"{rng.choice(('', '', 'not '))}{rng.choice(forms)}"


def rule(rng: Random) -> str:
    first, second = rng.sample(REGIMENS, 2)
    strength = rng.choice(("standard", "alternative"))
    occasion = rng.choice(("recommended(_)", "setting(acute)", "excluded(watch)"))
    rules = {
        f"places(acute, fever) :- {body(rng, 2)}.": 2,
        f"indicated({first}, {strength}) :- {body(rng, 2, 'setting(acute)')}.": 8,
        f"prefers({first}, {second}) :- {body(rng, 2, 'setting(acute)')}.": 2,
        f"contraindicated({first}) :- {body(rng, 2)}.": 3,
        f"contraindicated({first};{second}) :- {body(rng, 2)}.": 1,
        f"contraindicated(R) :- drug_in(I, D), may_contain(R, D), #count{{ E : drug_in(I, E) }} >= {rng.choice('12')}.": 1,
        f"calls_for(measure_again) :- {body(rng, 2, occasion)}.": 2,
        "suppressed(R) :- excluded(R).": 1,
        f'dose({first}, daily, every_dose, "{rng.choice("24")}", mg, hours(8)) :- {body(rng, 2)}.': 1,
        f'dose_maximum(belosol, daily, every_dose, "9", mg) :- {body(rng, 2)}.': 1,
    }
    (chosen,) = rng.choices(list(rules), list(rules.values()))
    return chosen


def random_guideline(rng: Random) -> str:
    """Draw a guideline; its last line is a rule."""
    text = re.sub(r"^(inconsistent|term\(contradiction|default\(pregnant).*\n", "", CATALOGUE, flags=re.MULTILINE)
    for number in range(rng.choice((0, 0, 1, 2))):
        text += f'term(contradiction, odd_{number}, "odd {number}").\ninconsistent(odd_{number}) :- {body(rng, 2)}.\n'
    if rng.random() < 0.4:
        text += "default(pregnant, false).\n"
    for number in range(1, 4):
        text += f"%* @statement L{number} [1] sha256:000000000000\nStatement {number}.\n*%\n"
        text += "".join(f"{rule(rng)}\n" for _ in range(rng.randint(3, 7)))
    if rng.random() < 0.6:
        text += f"score(burden, N) :- {body(rng, 1)}, N = #sum{{ {'; '.join(SCORED)} }}.\n"
        text += (
            f"indicated(watch, alternative) :- setting(acute), score(burden, {rng.choice(('0..1', '(1;3)', 'enough'))}).\n"
        )
    return text + f"places(acute, fever) :- {body(rng, 1)}.\n"


def loops(rng: Random) -> str:
    """Draw rules of a predicate that depends on itself, and some that ask for it."""
    places = ("skin", "lungs", "blood")
    text = 'predicate(spread(any), derived, "spread to {1}").\n'
    text += "%* @statement L4 [1] sha256:000000000000\nStatement 4.\n*%\n"
    for _ in range(rng.randint(3, 7)):
        first, second = rng.choices(places, k=2)
        given = rng.choice((f"spread({second})", f"spread({second})", ""))
        text += f"spread({first}) :- {body(rng, 2, given)}.\n"
    for head in rng.sample(("contraindicated(amarin)", "calls_for(measure_again)", "indicated(watch, alternative)"), 2):
        text += f"{head} :- {body(rng, 1, rng.choice(('', 'not ')) + f'spread({rng.choice(places)})')}.\n"
    return text


def random_readings(rng: Random) -> str:
    """Draw readings with alternatives; in some rules the default alone holds, in some another one."""
    text = ""
    for number in range(1, rng.choice((1, 2, 3))):
        asked = [f"reading(r{number}, {name})" for name in ("a", "b", "c")]
        text += f"%* @reading R{number}\nReading {number}.\n*%\n"
        text += "".join(f"{with_condition(rule(rng), rng.choice((asked[0], '')))}\n" for _ in range(3))
        for name, condition in zip(("b", "c")[: rng.choice((1, 2))], asked[1:], strict=False):
            text += f"%* @alternative R{number}={name}\nAlternative {name}.\n@why As good.\n*%\n"
            text += f"alternative(r{number}, {name}).\n"
            text += "".join(f"{with_condition(rule(rng), condition)}\n" for _ in range(2))
    return text


def with_condition(text: str, condition: str) -> str:
    return f"{text[:-1]}, {condition}." if condition else text


def load(folder: Path, seed: int) -> tuple[Random, Guideline]:
    rng = Random(seed)
    (folder / "guideline.lp").write_text(random_guideline(rng) + (loops(rng) if seed % 2 else ""))
    return rng, Guideline.load(folder)


def load_with_readings(folder: Path, seed: int) -> tuple[Random, Guideline]:
    """Load a random guideline with readings, one of them perhaps taken otherwise or left open; every other has loops."""
    rng = Random(seed)
    (folder / "guideline.lp").write_text(random_guideline(rng) + (loops(rng) if seed % 2 else ""))
    (folder / "readings.lp").write_text(random_readings(rng))
    known = Guideline.load(folder).model.alternatives
    chosen = [f"{reading}={rng.choice((*names, 'any'))}" for reading, names in known.items() if rng.random() < 0.6]
    return rng, Guideline.load(folder, readings=chosen)


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
