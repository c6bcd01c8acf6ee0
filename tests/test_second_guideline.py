"""Another guideline, of an invented disease, is answered from its folder alone."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from conftest import ROOT
from plain import PlainClingo
from test_plain_clingo import compare

from reasoner import Guideline, RecordError
from reasoner.queries.ask import ask
from reasoner.queries.pathway import pathway
from reasoner.queries.what_if import what_if
from reasoner.queries.why import why
from reasoner.queries.why_not import why_not
from reasoner.records.record import ONE_OF
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render
from reasoner.verification.check import check
from reasoner.verification.diff import diff

FOLDER = Path(__file__).parent / "guidelines" / "marsh_fever"


@pytest.fixture(scope="module")
def marsh_fever(own_cache: None) -> Guideline:
    return Guideline.load(FOLDER)


def test_random_records_are_answered_as_plain_clingo_answers_them(marsh_fever: Guideline) -> None:
    plain = PlainClingo(marsh_fever)
    compare(marsh_fever, plain, seed=1, count=150, unknown=0.0, most=1)
    compare(marsh_fever, plain, seed=2, count=250, unknown=0.4, most=80)


def test_thresholds_cut_a_number_into_stretches(marsh_fever: Guideline) -> None:
    record = {"id": "a", "confirmed": True, "kidney_function": "normal", "allergies": [], "signs": [], "earlier_therapy": []}
    answer = marsh_fever.answer(record)
    assumed = {entry.regimen: [(a.fact, a.value) for a in entry.assuming] for entry in answer.recommended}
    assert assumed == {
        "amarin": [("temperature", ">38,<=40")],
        "amarin_salt": [("temperature", ">40")],
        "watch": [("temperature", ">38,<=40")],
    }
    assert "temperature more than 38 and at most 40" in render(answer)


def test_constraints_of_the_guideline_refuse_a_record(marsh_fever: Guideline) -> None:
    with pytest.raises(RecordError, match="signs include rash, but temperature is 38 or less"):
        marsh_fever.answer({"id": "a", "signs": ["rash"], "temperature": 37.9})
    with pytest.raises(RecordError, match=r"temperature: 12 is out of range; allowed: at least 20"):
        marsh_fever.answer({"id": "a", "temperature": 12})
    with pytest.raises(
        RecordError, match=r'allergies\[0\]: "amarine" is not a drug of the catalogue \(did you mean "amarin"'
    ):
        marsh_fever.answer({"id": "a", "allergies": ["amarine"]})


def test_each_of_several_contradictions_in_the_history_alone_refuses_a_record(tmp_path: Path) -> None:
    text = (FOLDER / "guideline.lp").read_text()
    for name, condition in (("twice", "course(2)"), ("mixed", "drug_in(I, amarin), drug_in(I, cerodin)")):
        text += f'term(contradiction, {name}, "{name}").\ninconsistent({name}) :- {condition}.\n'
    (tmp_path / "guideline.lp").write_text(text)
    strict = Guideline.load(tmp_path)
    once, mixed = ({"drugs": drugs, "outcome": "completed"} for drugs in (["amarin"], ["amarin", "cerodin"]))
    assert strict.answer({"id": "a", "earlier_therapy": [once]}).patient == "a"
    for courses, reason in (([once, once], "twice"), ([mixed], "mixed"), ([once, mixed], "twice; mixed")):
        with pytest.raises(RecordError, match=f"contradicts itself: {reason}$"):
            strict.answer({"id": "a", "earlier_therapy": courses})


def test_a_fact_that_only_adds_a_weaker_strength_is_not_missing(marsh_fever: Guideline, tmp_path: Path) -> None:
    text = (FOLDER / "guideline.lp").read_text() + "indicated(amarin, alternative) :- setting(acute), has(pregnant).\n"
    (tmp_path / "guideline.lp").write_text(text.replace("default(pregnant, false).\n", ""))
    record = {"id": "a", "confirmed": True, "temperature": 39, "earlier_therapy": []}
    answer, plain = Guideline.load(tmp_path).answer(record), marsh_fever.answer(record)
    assert (answer.missing, answer.recommended[0].strength) == (plain.missing, "standard")


def test_values_need_no_wording(marsh_fever: Guideline, tmp_path: Path) -> None:
    text = (FOLDER / "guideline.lp").read_text()
    (tmp_path / "guideline.lp").write_text(re.sub(r"^term\(value,.*\n", "", text, flags=re.MULTILINE))
    bare = Guideline.load(tmp_path)
    record = {"id": "a", "confirmed": True, "kidney_function": "normal", "signs": ["rash"]}
    assert [e.regimen for e in bare.answer(record).recommended] == [
        e.regimen for e in marsh_fever.answer(record).recommended
    ]
    with pytest.raises(RecordError, match=r'signs\[0\]: "rush" is not a value of signs \(did you mean "rash"'):
        bare.answer({"id": "a", "signs": ["rush"]})


def test_doses_use_the_fact_that_the_guideline_declares_as_weight(marsh_fever: Guideline) -> None:
    record = {"id": "a", "confirmed": True, "temperature": 39, "body_weight": 33.3}
    (entry, *_) = marsh_fever.answer(record).recommended
    assert [str(dose.mg) for dose in entry.doses] == ["9.99"]


def test_of_very_many_unknown_facts_those_that_matter_are_told_apart(marsh_fever: Guideline, tmp_path: Path) -> None:
    text = (FOLDER / "guideline.lp").read_text("utf-8")
    for number in range(40):
        text += f'fact({10 + number}, mark_{number}, boolean).\nterm(fact, mark_{number}, "mark {number}").\n'
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    idle, plain = Guideline.load(tmp_path).answer({"id": "a"}), marsh_fever.answer({"id": "a"})
    assert (idle.recommended, idle.excluded, idle.missing) == (plain.recommended, plain.excluded, plain.missing)
    text += "%* @statement L4 [1] sha256:000000000000\nForty marks speak against waiting.\n*%\n"
    text += f"contraindicated(watch) :- {', '.join(f'has(mark_{number})' for number in range(40))}.\n"
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    answer = Guideline.load(tmp_path).answer({"id": "a", "confirmed": True, "earlier_therapy": []})
    marks = [f"mark_{number}" for number in range(40)]
    (waiting,) = [entry for entry in answer.excluded if entry.regimen == "watch"]
    assert [(assumed.fact, assumed.value) for assumed in waiting.assuming] == [(mark, True) for mark in marks]
    assert [entry.fact for entry in answer.missing if "watch" in entry.decides][-40:] == marks


HILL_ACHE = Path(__file__).parent / "guidelines" / "hill_ache"
SEVERE = {"id": "a", "severe": True}


@pytest.fixture(params=["without courses", "with courses"])
def hill_ache(request: pytest.FixtureRequest, tmp_path: Path) -> Guideline:
    """A guideline with regimens that have no drugs, which declares no courses of therapy, and one that does."""
    text = (HILL_ACHE / "guideline.lp").read_text("utf-8")
    if request.param == "with courses":
        text += "fact(4, earlier_therapy, courses).\nlongest_history(1).\n"
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    return Guideline.load(tmp_path)


def test_a_regimen_needs_no_drugs_and_a_guideline_no_courses(hill_ache: Guideline) -> None:
    compare(hill_ache, PlainClingo(hill_ache), seed=3, count=30, unknown=0.4, most=20)
    answer = hill_ache.answer({**SEVERE, "weeks": 3})
    assert [entry.regimen for entry in answer.recommended] == ["watchful_waiting", "solvin"]
    assert answer.recommended[0].doses == ()
    assert "1. watchful waiting - preferred" in render(answer)
    assert why(answer, "watchful_waiting").status == "recommended"
    (change,) = why_not(hill_ache, hill_ache.record({**SEVERE, "weeks": 3, "frail": False}), "operation", True).changes
    assert change.set == {"weeks": 7}
    result = what_if(hill_ache, hill_ache.record({**SEVERE, "weeks": 3}), ["weeks=9"])
    assert [entry.regimen for entry in result.after.recommended] == ["operation"]
    assert {question.fact for question in ask(hill_ache, hill_ache.record(SEVERE)).questions} == {"weeks", "frail"}


def test_a_pathway_goes_on_where_a_course_is_given_and_nowhere_else(hill_ache: Guideline) -> None:
    found = pathway(hill_ache, {**SEVERE, "weeks": 3}, 1)
    followed = {edge.source for edge in found.edges if edge.role == "ends_in"}
    courses = hill_ache.model.courses_fact is not None
    assert followed == ({"state:new_ache/solvin"} if courses else set())
    regimens = [node.id for node in found.nodes if node.kind == "regimen" and node.id.startswith("state:new_ache/")]
    assert regimens == ["state:new_ache/watchful_waiting", "state:new_ache/solvin"]


def test_a_course_of_drugs_is_no_regimen_without_them(tmp_path: Path) -> None:
    text = (HILL_ACHE / "guideline.lp").read_text("utf-8") + "fact(4, earlier_therapy, courses).\n"
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    guideline = Guideline.load(tmp_path)
    course = {"drugs": ["solvin"], "outcome": "ongoing"}
    derivation = guideline.answer({**SEVERE, "earlier_therapy": [course]}).derivation
    held = [regimen for regimen in guideline.model.regimens if derivation.truth(f"last_regimen({regimen})")]
    assert held == [regimen for regimen in guideline.model.regimens if guideline.model.is_regimen(["solvin"], regimen)]
    assert held == ["solvin"]


def test_all_patients_of_a_guideline_without_drugs_are_checked(hill_ache: Guideline) -> None:
    assert "gap" in {found.kind for found in check(hill_ache).findings}
    assert diff(hill_ache, hill_ache).equivalent


def without_docstrings(code: str) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def test_no_medical_fact_is_in_any_module_or_page(curated: Guideline) -> None:
    model = curated.model
    names = {
        name for kind in ("drug", "class", "regimen", "fact", "trial", "action", "caution") for name in model.labels[kind]
    }
    names |= {"first_line", "second_line", "third_line", "maintenance", "her2", "trastuzumab"}
    files = [path for folder in ("reasoner", "graphs") for path in (ROOT / folder).rglob("*")]
    modules = [path for path in files if path.suffix == ".py"]
    pages = [path for path in files if path.suffix in (".js", ".html") and not path.name.endswith(".min.js")]
    assert len(modules) > 100
    assert pages
    for path in (*modules, *pages):
        text = path.read_text("utf-8")
        text = (without_docstrings(text) if path.suffix == ".py" else text).replace("her2_mbc", "")
        assert [name for name in sorted(names) if re.search(rf"\b{name}\b", text)] == [], path


def test_the_record_of_every_case_names_only_declared_facts(curated: Guideline) -> None:
    declared = {"id", ONE_OF, *(fact.name for fact in curated.model.facts)}
    for case in curated.cases().values():
        assert set(json.loads(json.dumps(case.record))) <= declared


@pytest.mark.parametrize("asked", ["course(1)", "drug_in(2, amarin)"])
def test_a_setting_that_some_history_adds_is_not_passed_over_where_therapy_is_unknown(
    asked: str, own_cache: None, tmp_path: Path
) -> None:
    text = (FOLDER / "guideline.lp").read_text("utf-8") + 'term(setting, lasting, "lasting").\n'
    (tmp_path / "guideline.lp").write_text(f"{text}places(lasting, fever) :- has(confirmed), {asked}.\n", "utf-8")
    guideline, record = Guideline.load(tmp_path), {"id": "a", "confirmed": True, "temperature": 39}
    assert guideline.answer({**record, "earlier_therapy": []}).setting == "acute"
    assert guideline.answer(record).setting == "undetermined"


def test_an_alternative_that_leaves_open_whether_another_setting_applies_too_is_told(
    own_cache: None, tmp_path: Path
) -> None:
    text = (FOLDER / "guideline.lp").read_text("utf-8") + 'term(setting, lasting, "lasting").\n'
    (tmp_path / "guideline.lp").write_text(text, "utf-8")
    (tmp_path / "readings.lp").write_text(
        "%* @reading R1\nReading 1.\n*%\ncalls_for(measure_again) :- has(pregnant).\n"
        "%* @alternative R1=b\nAlternative b.\n@why As good.\n*%\nalternative(r1, b).\n"
        "places(lasting, fever) :- includes(signs, cough), reading(r1, b).\n",
        "utf-8",
    )
    record = {"id": "a", "confirmed": True, "temperature": 39, "earlier_therapy": []}
    (other,) = to_plain(Guideline.load(tmp_path).answer(record))["alternatives"]
    assert (other["reading"], other["alternative"], other["setting"]) == ("R1", "b", "undetermined")


def test_what_holds_for_every_history_is_told_where_no_patient_can_be_untreated(own_cache: None, tmp_path: Path) -> None:
    text = (FOLDER / "guideline.lp").read_text("utf-8") + 'term(contradiction, untreated, "no therapy so far").\n'
    (tmp_path / "guideline.lp").write_text(f"{text}inconsistent(untreated) :- not course(1).\n", "utf-8")
    record = {
        "id": "a",
        "confirmed": True,
        "temperature": 39,
        "signs": [],
        "allergies": ["amarin"],
        "kidney_function": "normal",
    }
    answer = Guideline.load(tmp_path).answer(record)
    assert answer.setting == "acute"
    assert {entry.regimen: entry.certainty for entry in answer.excluded} == {"amarin": "certain", "amarin_salt": "certain"}
    assert {entry.regimen: entry.certainty for entry in answer.recommended} == {"watch": "certain"}
