"""Comparing two guidelines that do not know the same patients: each witness is answered by those that know it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from random_guidelines import MARSH_FEVER, load
from records import random_record

from reasoner import Guideline, RecordError
from reasoner.verification.diff import diff

APART = {
    "Such a patient can exist in the old guideline, but cannot in the new one.": (True, False),
    "Such a patient cannot exist in the old guideline, but can in the new one.": (False, True),
}


def answered(record: Mapping[str, object], sides: Sequence[Guideline]) -> tuple[bool, ...]:
    """Tell for each guideline whether it answers a record; one that contradicts itself it refuses."""

    def answers(guideline: Guideline) -> bool:
        try:
            guideline.answer(record)
        except RecordError:
            return False
        return True

    return tuple(map(answers, sides))


@pytest.mark.parametrize("seed", [328, 330, 331, 352])
def test_patients_are_told_apart_by_what_contradicts_itself(seed: int, own_cache: None, tmp_path: Path) -> None:
    """Of two random guidelines each answers the witnesses that findings say it does, and refuses no other random record."""
    for side in ("old", "new"):
        (tmp_path / side).mkdir()
    sides = [load(tmp_path / side, seed + number)[1] for number, side in enumerate(("old", "new"))]
    witnesses = [(found.message, found.witness) for found in diff(*sides, brief=True).findings if found.witness is not None]
    for message, witness in witnesses:
        assert answered(witness, sides) == APART.get(message, (True, True)), (message, witness)
    rng = random.Random(seed)
    shown = {answered(random_record(rng, sides[0], 0.0), sides) for _ in range(500)}
    assert shown - {(True, True), (False, False)} == {APART[message] for message, _ in witnesses if message in APART}


LAST = 'fact(9, months, number). term(fact, months, "months"). applies(months) :- has(confirmed). threshold(months, 12).\n'


def of_one_side(declared: str, fact: str) -> str:
    """Write a declaration and a rule that reads what it declares."""
    return f"{declared}\n%* @statement L9 [1] sha256:000000000000\nInvented.\n*%\ncontraindicated(amarin) :- {fact}.\n"


def contradiction(body: str) -> str:
    return f'term(contradiction, odd, "odd").\ninconsistent(odd) :- {body}.\n'


@pytest.mark.parametrize(
    ("both", "one", "kind", "departure"),
    [
        pytest.param("", contradiction("has(pregnant), course_at_least(1, days, 7)"), "space", "days of therapy: 7",
                     id="a number of a course contradicts"),
        pytest.param(LAST, contradiction("has(pregnant), more_than(months, 12)"), "space", "months: more than 12",
                     id="a number that only a contradiction reads"),
        pytest.param("", of_one_side('fact(12, frail, boolean). term(fact, frail, "frailty").',
                     "has(frail), course_at_least(1, days, 7)"), "exclusion", "frailty", id="a fact"),
        pytest.param('term(course_fact, cycles, "cycles").\n', of_one_side(
                     "course_fact(2, cycles, integer). minimum(cycles, 1). course_threshold(cycles, 3).",
                     "course_at_least(1, cycles, 3)"),
                     "exclusion", "cycles: 3", id="a number of courses"),
        pytest.param("", of_one_side('value(kidney_function, 4, odd). term(value, odd, "odd value").',
                     "is(kidney_function, odd)"), "exclusion", "kidney function: odd value", id="a value"),
        pytest.param("", of_one_side('value(signs, 3, spots). term(value, spots, "red spots").',
                     "includes(signs, spots)"), "exclusion", "red spots among the signs", id="a member"),
        pytest.param("", of_one_side('term(drug, dorin, "dorin").', "drug_in(1, dorin), course_at_least(1, days, 7)"),
                     "exclusion", "course 1: dorin, progression, days of therapy: 7", id="a drug"),
        pytest.param("", of_one_side('term(outcome, moved, "moved away").', "outcome(1, moved)"),
                     "exclusion", "moved away", id="an outcome"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("gone", [False, True], ids=["new", "gone"])
def test_a_witness_shows_what_one_guideline_alone_knows(
    gone: bool, both: str, one: str, kind: str, departure: str, own_cache: None, tmp_path: Path
) -> None:
    """It is answered by the one that knows it alone; where a contradiction is new or gone, by the one that has none."""
    text = MARSH_FEVER.read_text("utf-8") + both
    sides = []
    for name, content in (("without", text), ("with", text + one)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "guideline.lp").write_text(content, "utf-8")
        sides.append(Guideline.load(tmp_path / name))
    (found,) = [
        own for own in diff(*(sides[::-1] if gone else sides), brief=True).findings if own.kind == kind and own.witness
    ]
    assert found.witness is not None
    assert answered(found.witness, sides) == ((True, False) if kind == "space" else (False, True))
    assert any(departure in words for words in found.departures), found.departures


RECORDED = {"confirmed": (True, False), "pregnant": (True, False), "frail": (True, False), "months": (5, 12, 13, 20, 21)}
FRAIL = 'fact(12, frail, boolean). term(fact, frail, "frailty").\n'
APPLIES = ("", " :- has(confirmed)", " :- not has(pregnant)")


def declared(rng: random.Random) -> str:
    """Draw what a version declares of two facts that the other may not ask for, and what it says is contradictory."""
    known = ["has(confirmed)", "not has(confirmed)", "has(pregnant)", "not has(pregnant)"]
    text = 'term(contradiction, odd, "odd").\n'
    if rng.random() < 0.6:
        text += FRAIL + rng.choice(("", "typical(frail, true).\n", "default(frail, false).\n"))
        known += ["has(frail)", "not has(frail)"] * 2
    if rng.random() < 0.8:
        bounds = rng.choice(((12,), (20,), (12, 20)))
        text += f'fact(13, months, number). term(fact, months, "months"). applies(months){rng.choice(APPLIES)}.\n'
        text += "".join(f"threshold(months, {bound}).\n" for bound in bounds)
        known += [f"{relation}(months, {bound})" for relation in ("at_most", "more_than") for bound in bounds] + [
            "valued(months)"
        ]
    for _ in range(rng.choice((0, 1, 2))):
        text += f"inconsistent(odd) :- {', '.join(rng.sample(known, rng.choice((1, 2, 2))))}.\n"
    return text


def refused_alone(taking: Guideline, other: Guideline) -> Iterator[dict[str, object]]:
    """Yield the records that a guideline takes and of which the other refuses what it asks for itself."""
    asked = [{fact.name for fact in side.model.facts} for side in (taking, other)]
    keys = [key for key in RECORDED if key in asked[0]]
    for values in itertools.product(*((None, *RECORDED[key]) for key in keys)):
        record = {"id": "r", **{key: value for key, value in zip(keys, values, strict=True) if value is not None}}
        read = {key: value for key, value in record.items() if key == "id" or key in asked[1]}
        if answered(record, [taking]) == (True,) and answered(read, [other]) == (False,):
            yield record


@pytest.mark.parametrize("seed", [1, 2, 5, 115, 130])
def test_who_can_be_a_patient_differs_where_a_record_is_refused(seed: int, own_cache: None, tmp_path: Path) -> None:
    """Over every record of two versions: one refuses what the other takes, or nobody is said to be impossible."""
    rng = random.Random(seed)
    sides = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "guideline.lp").write_text(MARSH_FEVER.read_text("utf-8") + declared(rng), "utf-8")
        sides.append(Guideline.load(tmp_path / name))
    shown = {found.message: found for found in diff(*sides, brief=True).findings if found.message in APART}
    refused = [any(refused_alone(*pair)) for pair in (sides, sides[::-1])]
    assert [message in shown for message in APART] == refused
    for message, found in shown.items():
        taking, other = sides if APART[message] == (True, False) else sides[::-1]
        assert found.witness is not None
        keys = {"id", *(fact.name for fact in other.model.facts)}
        assert answered(found.witness, [taking]) == (True,)
        assert answered({key: value for key, value in found.witness.items() if key in keys}, [other]) == (False,)


@pytest.mark.parametrize(("old", "new"), [(12, 15), (15, 12)], ids=["raised", "lowered"])
def test_a_witness_stands_on_the_side_that_is_meant_of_the_thresholds_of_both(
    old: int, new: int, own_cache: None, tmp_path: Path
) -> None:
    """What moves with a threshold is shown by the answers of both to the same record."""
    sides = []
    for name, bound, relation in (("old", old, "at_most"), ("new", new, "more_than")):
        (tmp_path / name).mkdir()
        months = f'fact(9, months, number). term(fact, months, "months"). applies(months). threshold(months, {bound}).'
        text = MARSH_FEVER.read_text("utf-8") + of_one_side(months, f"{relation}(months, {bound})")
        (tmp_path / name / "guideline.lp").write_text(text, "utf-8")
        sides.append(Guideline.load(tmp_path / name))
    shown = {found.message: found.witness for found in diff(*sides, brief=True).findings if found.kind == "exclusion"}
    assert shown.keys() == {"amarin is newly excluded.", "amarin is no longer excluded."}
    for message, witness in shown.items():
        assert witness is not None
        excluded = ["amarin" in {entry.regimen for entry in side.answer(witness).excluded} for side in sides]
        assert excluded == [message == "amarin is no longer excluded.", message == "amarin is newly excluded."]
