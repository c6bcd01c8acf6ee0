"""Doses of drugs and of whole regimens: with conditions, limits and durations, in every unit and at every interval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plain import PlainClingo

from reasoner import Guideline, GuidelineError
from reasoner.queries.why import why
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render
from reasoner.verification.check import check
from reasoner.verification.diff import diff

TEXT = """
guideline(id, mere_chill). guideline(title, "Mere chill"). guideline(disclaimer, "Invented.").
fact(1, confirmed, boolean). term(fact, confirmed, "confirmed mere chill").
fact(2, clearance, number). term(fact, clearance, "creatinine clearance"). minimum(clearance, 0). applies(clearance).
threshold(clearance, 30).
fact(3, age, number). term(fact, age, "age"). minimum(age, 0). applies(age). threshold(age, 12).
fact(4, kilograms, number). weight(kilograms). above(kilograms, 0).
fact(5, square_metres, number). body_surface(square_metres). above(square_metres, 0).
term(drug, merol, "merol"). term(drug, chillin, "chillin").
term(regimen, merol, "merol"). part(merol, merol).
term(regimen, both, "merol + chillin"). part(both, merol). part(both, chillin).
term(setting, chilled, "chilled"). term(ground, chill, "mere chill").
term(strength, advised, "advised"). strength_order(1, advised).
term(schedule, usual, "usual"). term(step, first, "first dose"). term(step, each, "each dose").
citation(1). reference(1, "The mere").
route(merol, "by mouth").
%* @statement L1 [1] sha256:000000000000
Merol is advised in mere chill, and merol with chillin.
*%
places(chilled, chill) :- has(confirmed).
indicated(R, advised) :- setting(chilled), regimen(R).
%* @statement L2 [1] sha256:000000000000
Merol is started with 0.5 g once, then 150 mg every 12 hours, 110 mg with a clearance below 30; at most 5 mg/kg in children.
*%
dose(merol, usual, first, "0.5", g, once).
dose(merol, usual, each, "150", mg, hours(12)) :- at_least(clearance, 30).
dose(merol, usual, each, "110", mg, hours(12)) :- less_than(clearance, 30).
dose_maximum(merol, usual, each, "5", mg_per_kg) :- less_than(age, 12).
dose_duration(merol, usual, each, days(7)).
%* @statement L3 [1] sha256:000000000000
Chillin: 40 mg/m2 every month, at least 50 mg. Both together: 3 tablets a day.
*%
dose(chillin, usual, each, "40", mg_per_m2, months(1)).
dose_minimum(chillin, usual, each, "50", mg).
dose(both, usual, each, "3", tablets, days(1)).
"""
OLD = {"id": "a", "confirmed": True, "clearance": 29.9, "age": 80}


def load(folder: Path, text: str) -> Guideline:
    (folder / "guideline.lp").write_text(text, "utf-8")
    return Guideline.load(folder)


@pytest.fixture(scope="module")
def mere_chill(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Guideline:
    return load(tmp_path_factory.mktemp("mere_chill"), TEXT)


def doses(guideline: Guideline, record: dict[str, Any], regimen: str = "merol") -> list[dict[str, Any]]:
    (entry,) = [entry for entry in to_plain(guideline.answer(record))["recommended"] if entry["regimen"] == regimen]
    return list(entry["doses"])


def test_a_dose_is_that_of_the_patient_who_meets_its_conditions(mere_chill: Guideline) -> None:
    first, each = doses(mere_chill, OLD)
    assert (first["amount"], first["unit"], first["mg"], first["every"], first["route"]) == (0.5, "g", 500, None, "by mouth")
    assert each == {
        "drug": "merol",
        "schedule": "usual",
        "step": "each",
        "amount": 110,
        "unit": "mg",
        "every": {"value": 12, "unit": "hours"},
        "every_weeks": None,
        "route": "by mouth",
        "mg": 110,
        "minimum": None,
        "maximum": None,
        "duration": {"value": 7, "unit": "days"},
        "certainty": "certain",
        "assuming": [],
        "statement": "L2",
    }
    assert [dose["amount"] for dose in doses(mere_chill, {**OLD, "clearance": 30})] == [0.5, 150]


def test_a_dose_that_depends_on_an_unknown_fact_says_so(mere_chill: Guideline) -> None:
    record = {"id": "a", "confirmed": True, "age": 80}
    _, more, less = doses(mere_chill, record)
    assert [(dose["amount"], dose["certainty"], dose["assuming"]) for dose in (more, less)] == [
        (150, "conditional", [{"fact": "clearance", "value": ">=30"}]),
        (110, "conditional", [{"fact": "clearance", "value": "<30"}]),
    ]
    shown = " ".join(render(mere_chill.answer(record)).split())
    assert (
        "Dose of merol: first dose 0.5 g by mouth once, then each dose 150 mg by mouth every 12 hours, for 7 days "
        "(if creatinine clearance at least 30) or each dose 110 mg" in shown
    )


def test_a_dose_of_a_conditional_regimen_assumes_nothing_against_it(mere_chill: Guideline) -> None:
    _, more, less = doses(mere_chill, {"id": "a", "age": 80})
    assert [dose["assuming"] for dose in (more, less)] == [
        [{"fact": "clearance", "value": ">=30"}],
        [{"fact": "clearance", "value": "<30"}],
    ]
    first = doses(mere_chill, {"id": "a"})[0]
    assert (first["certainty"], first["assuming"]) == ("certain", [])


def test_a_dose_on_another_assumption_than_the_regimens_own_is_shown_too(tmp_path: Path, own_cache: None) -> None:
    changes = {
        "places(chilled, chill) :- has(confirmed).": (
            "places(chilled, chill) :- has(confirmed), at_least(clearance, 30).\n"
            "places(chilled, chill) :- has(confirmed), less_than(clearance, 30), at_least(age, 12)."
        ),
        "indicated(R, advised) :- setting(chilled), regimen(R).": (
            "indicated(merol, advised) :- setting(chilled).\n"
            "indicated(merol, strongly) :- setting(chilled), at_least(clearance, 30)."
        ),
        "strength_order(1, advised).": (
            'strength_order(2, advised). term(strength, strongly, "strongly advised"). strength_order(1, strongly).'
        ),
        'dose_maximum(merol, usual, each, "5", mg_per_kg) :- less_than(age, 12).\n': "",
    }
    text = TEXT
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    guideline = load(tmp_path, text)
    shown = doses(guideline, {"id": "a", "confirmed": True})
    assert {dose["amount"]: (dose["certainty"], dose["assuming"]) for dose in shown if dose["step"] == "each"} == {
        150: ("conditional", [{"fact": "clearance", "value": ">=30"}]),
        110: ("conditional", [{"fact": "clearance", "value": "<30"}, {"fact": "age", "value": ">=12"}]),
    }
    words = " ".join(render(guideline.answer({"id": "a", "confirmed": True})).split())
    assert "strongly advised or advised" in words


def test_a_dose_is_given_in_all_intervals_beside_each_other_that_do_as_well(tmp_path: Path, own_cache: None) -> None:
    text = f"{TEXT}threshold(clearance, 15).\nthreshold(clearance, 50).\n"
    shown = doses(load(tmp_path, text), {"id": "a", "confirmed": True, "age": 80})
    assert [(dose["amount"], dose["assuming"]) for dose in shown if dose["step"] == "each"] == [
        (150, [{"fact": "clearance", "value": ">=30"}]),
        (110, [{"fact": "clearance", "value": "<30"}]),
    ]


def test_a_limit_on_another_assumption_than_the_regimens_own_is_shown_too(tmp_path: Path, own_cache: None) -> None:
    changes = {
        "places(chilled, chill) :- has(confirmed).": (
            "places(chilled, chill) :- has(confirmed), less_than(age, 12).\n"
            "places(chilled, chill) :- has(confirmed), at_least(age, 12), has(severe)."
        ),
        "fact(3, age, number).": 'fact(3, age, number). fact(6, severe, boolean). term(fact, severe, "severity").',
        "hours(12)) :- at_least(clearance, 30).": "hours(12)).",
        'dose(merol, usual, each, "110", mg, hours(12)) :- less_than(clearance, 30).\n': "",
    }
    text = TEXT
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    each = doses(load(tmp_path, text), {"id": "a", "confirmed": True})[1:]
    assert [(dose["maximum"] is not None, dose["certainty"], dose["assuming"]) for dose in each] == [
        (True, "conditional", [{"fact": "age", "value": "<12"}]),
        (False, "conditional", [{"fact": "age", "value": ">=12"}, {"fact": "severe", "value": True}]),
    ]


@pytest.mark.parametrize(
    ("dose", "kilograms", "words"),
    [
        ('"125", microgram', 70, "125 µg every"),
        ('"0.0005", mg_per_kg', 64, "0.032 mg (0.0005 mg/kg) every"),
        ('"9", microgram_per_kg', 65, "0.585 mg (9 µg/kg) every"),
        ('"5.4", mg_per_kg', 70.1, "378.5 mg (5.4 mg/kg) every"),
        ('"1.5", g', 70, "1.5 g every"),
    ],
)
def test_an_amount_is_shown_as_exactly_as_it_matters(
    dose: str, kilograms: float, words: str, tmp_path: Path, own_cache: None
) -> None:
    text = TEXT.replace('dose(chillin, usual, each, "40", mg_per_m2', f"dose(chillin, usual, each, {dose}")
    guideline = load(tmp_path, text.replace('dose_minimum(chillin, usual, each, "50", mg).', ""))
    shown = " ".join(render(guideline.answer({**OLD, "kilograms": kilograms})).split())
    assert words in shown


@pytest.mark.parametrize(
    ("told", "mg"),
    [({}, None), ({"kilograms": 20}, 100), ({"kilograms": 40}, 110), ({"kilograms": 20, "age": 12}, 110)],
)
def test_a_limit_holds_for_whom_it_is_meant_and_caps_the_milligrams(
    told: dict[str, Any], mg: float | None, mere_chill: Guideline
) -> None:
    _, each = doses(mere_chill, {**OLD, "age": 3, **told})
    assert each["mg"] == mg
    assert each["maximum"] == (None if told.get("age") else {"amount": 5, "unit": "mg/kg"})


def test_an_unknown_limit_makes_two_doses_of_one(mere_chill: Guideline) -> None:
    _, capped, free = doses(mere_chill, {"id": "a", "confirmed": True, "clearance": 10, "kilograms": 20})
    assert (capped["mg"], capped["assuming"]) == (100, [{"fact": "age", "value": "<12"}])
    assert (free["mg"], free["assuming"]) == (110, [{"fact": "age", "value": ">=12"}])


@pytest.mark.parametrize(("surface", "mg"), [(None, None), (1, 50), (1.7, 68)])
def test_a_dose_per_square_metre_needs_the_body_surface(surface: float | None, mg: float, mere_chill: Guideline) -> None:
    given = doses(mere_chill, {**OLD, "square_metres": surface}, "both")
    chillin = next(dose for dose in given if dose["drug"] == "chillin")
    assert (chillin["mg"], chillin["every"], chillin["minimum"]) == (
        mg, {"value": 1, "unit": "months"}, {"amount": 50, "unit": "mg"}
    )  # fmt: skip
    whole = next(dose for dose in given if dose["drug"] == "both")
    assert (whole["amount"], whole["unit"], whole["mg"], whole["every"]) == (
        3,
        "tablets",
        None,
        {"value": 1, "unit": "days"},
    )


def test_doses_are_those_of_plain_clingo(mere_chill: Guideline) -> None:
    plain = PlainClingo(mere_chill)
    for clearance in (0, 29.999, 30, None):
        for age in (11.5, 12, None):
            record = {**OLD, "clearance": clearance, "age": age}
            derivation = mere_chill.answer(record).derivation
            completions = [completion.atoms for completion in plain.solve(mere_chill.record(record).facts)]
            for atom in derivation.program.index:
                if atom.startswith("dose"):
                    held = [atom in atoms for atoms in completions]
                    assert (derivation.truth(atom) == derivation.completions.all) == all(held), (record, atom)
                    assert (derivation.truth(atom) != derivation.completions.none) == any(held), (record, atom)


def test_why_shows_the_rule_behind_a_dose_with_its_conditions(mere_chill: Guideline) -> None:
    found = why(mere_chill.answer(OLD), "merol")
    dose = 'dose(merol,usual,each,"110",mg,hours(12))'
    own = [edge.source for edge in found.trace.edges if edge.target == dose and edge.role == "derives"]
    assert len(own) == 1
    assert any(edge.target == own[0] and edge.source == "less_than(clearance,30)" for edge in found.trace.edges)


INTERVALS = "write once, hours(N), days(N), weeks(N) or months(N), N a whole number from 1."
REFUSED = {
    "a unit that is not declared": ('dose(chillin, usual, first, "1", spoons, once).', '"spoons" is not a'),
    "a unit of the author's own": (
        'term(unit, spoons, "spoons"). dose(chillin, usual, first, "1", spoons, once).',
        'dose(chillin,usual,first,"1",spoons,once): "spoons" is not a unit of doses; allowed: mg, ',
    ),
    "an amount of more digits than are told apart": (
        'dose(chillin, usual, first, "1234567890.123456", mg, once).',
        '"1234567890.123456" is not an amount; write a number above 0 of at most 15 digits in quotes, as in "5.4".',
    ),
    "a dose with conditions of more digits than are told apart": (
        'dose(chillin, usual, first, "1234567890123456", mg, once) :- has(confirmed).',
        '"1234567890123456" is not an amount; write a number above 0 of at most 15 digits',
    ),
    "a limit in digits of another script": (
        'dose_maximum(chillin, usual, each, "\u0665", mg).',
        "is not an amount; write a number above 0",
    ),
    "a unit of no number of milligrams": (
        'dose_unit(drams, mass, "many", whole). term(unit, drams, "drams").',
        '"many" is no number of milligrams; write one in quotes, or "".',
    ),
    "a minimum of a fact that is no number": (
        'fact(9, days, number). term(fact, days, "days"). minimum(days, "few").',
        '"few" is not a number; write an integer',
    ),
    "an interval in years": (
        'dose(chillin, usual, first, "1", mg, years(1)).',
        f"years(1) is not an interval; {INTERVALS}",
    ),
    "no interval at all": ('dose(chillin, usual, first, "1", mg, hours(0)).', f"hours(0) is not an interval; {INTERVALS}"),
    "a dose with conditions in years": (
        'dose(chillin, usual, first, "1", mg, years(1)) :- has(confirmed).',
        f"years(1) is not an interval; {INTERVALS}",
    ),
    "a duration of once": (
        "dose_duration(chillin, usual, first, once).",
        "once is not a duration; write hours(N), days(N), weeks(N) or months(N)",
    ),
    "a limit in another measure": (
        'dose_maximum(chillin, usual, each, "5", ml) :- has(confirmed).',
        "the unit measures volume, that of another dose or limit of the same step mass; write both in the same measure.",
    ),
    "a dose of neither a drug nor a regimen": (
        'dose(chilled, usual, first, "1", mg, once).',
        '"chilled" is a setting',
    ),
    "a dose with conditions under no statement": (
        'dose(chillin, usual, first, "1", mg, once) :- has(confirmed).',
        "is concluded without a statement",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_ordered_is_refused(name: str, tmp_path: Path) -> None:
    line, message = REFUSED[name]
    text = f"{line}\n{TEXT}" if "statement" in name else TEXT + line
    with pytest.raises(GuidelineError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert "guideline.lp:" in str(caught.value)


def test_a_check_finds_two_doses_that_hold_for_one_patient(mere_chill: Guideline, tmp_path: Path) -> None:
    assert not [found for found in check(mere_chill).findings if found.kind == "dose" and found.severity == "error"]
    both = load(tmp_path, TEXT.replace("less_than(clearance, 30).\ndose_max", "less_than(age, 12).\ndose_max"))
    (found,) = [found for found in check(both).findings if found.kind == "dose" and found.severity == "error"]
    assert found.message.startswith(
        "Two doses of merol are given for the same step (usual, each dose): 110 mg every 12 hours"
    )
    assert found.witness is not None
    assert found.witness["age"] < 12
    assert found.witness["clearance"] >= 30


CHILD = "less_than(age, 12)"
LIMITS = {
    "a minimum above the maximum, in other units": (
        'dose_minimum(merol, usual, first, "0.6", g). dose_maximum(merol, usual, first, "550", mg).',
        {"contradict each other: at least 0.6 g, and at most 550 mg", "never given as it is written: 0.5 g once, but"},
    ),
    "the same for children only": (
        f'dose_minimum(merol, usual, each, "6", mg_per_kg) :- {CHILD}.',
        {"contradict each other: at least 6 mg/kg, and at most 5 mg/kg"},
    ),
    "where only one of them holds": ('dose_minimum(merol, usual, each, "6", mg_per_kg) :- at_least(age, 12).', set()),
    "a dose above its maximum": (
        'dose_maximum(merol, usual, first, "400", mg).',
        {"never given as it is written: 0.5 g once, but at most 400 mg"},
    ),
    "a dose above the maximum that its own condition brings": (
        'dose_maximum(merol, usual, each, "100", mg) :- less_than(clearance, 30).',
        {"never given as it is written: 110 mg every 12 hours, but at most 100 mg"},
    ),
    "a maximum that cuts the dose of children": (f'dose_maximum(merol, usual, each, "100", mg) :- {CHILD}.', set()),
    "a maximum that is equal to the minimum": (
        'dose_minimum(merol, usual, first, "0.5", g). dose_maximum(merol, usual, first, "500", mg).', set(),
    ),
    "limits per kg and in mg, of which no weight is known": ('dose_minimum(merol, usual, each, "40", mg).', set()),
    "limits of another step": ('dose_maximum(chillin, usual, first, "1", mg).', set()),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_a_check_finds_limits_that_no_dose_can_keep(name: str, tmp_path: Path, own_cache: None) -> None:
    line, expected = LIMITS[name]
    text = TEXT.replace("dose_duration(", f"{line}\ndose_duration(")
    found = [own for own in check(load(tmp_path, text)).findings if own.kind == "dose" and own.severity == "error"]
    assert len(found) == len(expected)
    assert all(any(words in own.message for own in found) for words in expected), [own.message for own in found]
    for own in found:
        assert own.witness is not None
        assert {side.annotation for side in own.sides} == {"L2"}
        assert all("guideline.lp:" in place for side in own.sides for place in side.places)
        assert (own.witness.get("age", 80) < 12) == (CHILD in line)


@pytest.mark.parametrize(
    ("kilograms", "mg", "contradictory"), [(30, 150, None), (8, None, True), (None, None, None)], ids=str
)
def test_limits_that_contradict_each_other_cut_no_dose(
    kilograms: float | None, mg: float | None, contradictory: bool | None, tmp_path: Path, own_cache: None
) -> None:
    line = 'dose_minimum(merol, usual, each, "50", mg).\n'
    guideline = load(tmp_path, TEXT.replace("dose_duration(", f"{line}dose_duration("))
    record = {"id": "a", "confirmed": True, "clearance": 40, "age": 8, "kilograms": kilograms}
    (each,) = [dose for dose in doses(guideline, record) if dose["step"] == "each"]
    assert (each["mg"], each.get("contradictory")) == (mg, contradictory)
    words = "150 mg by mouth every 12 hours, at least 50 mg, at most 5 mg/kg, limits that CONTRADICT each other, for 7 days"
    assert (words in " ".join(render(guideline.answer(record)).split())) == (contradictory is True)


def test_a_diff_finds_the_patients_who_get_another_dose(mere_chill: Guideline, tmp_path: Path) -> None:
    text = TEXT.replace("threshold(clearance, 30).", "threshold(clearance, 30). threshold(clearance, 15).")
    other = load(tmp_path, text.replace("less_than(clearance, 30).\ndose_max", "less_than(clearance, 15).\ndose_max"))
    found = [own for own in diff(mere_chill, other).findings if own.kind == "dosage"]
    assert "Dose of merol (usual, each dose): 110 mg every 12 hours is gone." in [own.message for own in found]
    for own in found:
        assert own.witness is not None
        assert 15 <= own.witness["clearance"] < 30


@pytest.mark.parametrize(
    ("told", "maximum", "further", "mg", "words"),
    [
        ({"kilograms": 10}, {"amount": 5, "unit": "mg/kg"}, None, 50, "at most 5 mg/kg"),
        ({"kilograms": 30}, {"amount": 100, "unit": "mg"}, None, 100, "at most 100 mg"),
        ({}, {"amount": 5, "unit": "mg/kg"}, [{"amount": 100, "unit": "mg"}], None, "at most 5 mg/kg, at most 100 mg"),
    ],
    ids=["the one per kg", "the one in mg", "either, the weight is not known"],
)
def test_of_two_limits_of_one_dose_the_stricter_counts(
    told: dict[str, Any], maximum: object, further: object, mg: float | None, words: str, tmp_path: Path, own_cache: None
) -> None:
    limits = 'dose_maximum(merol, usual, each, "100", mg) :- less_than(age, 12).\n'
    limits += 'dose_maximum(merol, usual, each, "0.2", g) :- less_than(age, 12).\n'
    rule = 'dose_maximum(merol, usual, each, "5", mg_per_kg) :- less_than(age, 12).\n'
    guideline = load(tmp_path, TEXT.replace(rule, rule + limits))
    record = {"id": "a", "confirmed": True, "clearance": 40, "age": 8, **told}
    (each,) = [dose for dose in doses(guideline, record) if dose["step"] == "each"]
    assert (each["maximum"], each.get("further_maxima"), each["mg"]) == (maximum, further, mg)
    assert f"{words}, for 7 days" in " ".join(render(guideline.answer(record)).split())
    untold = [dose for dose in doses(guideline, {"id": "a", "confirmed": True, "clearance": 40}) if dose["step"] == "each"]
    assert [(dose["maximum"] is not None, dose["certainty"]) for dose in untold] == [
        (True, "conditional"),
        (False, "conditional"),
    ]
