"""The text of an answer: what it hangs on, what it takes as true, and what another reading of the text would change."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace

from graphs.build import answer_graph
from reasoner import Guideline
from reasoner.engine.missing_phrases import missing_words
from reasoner.engine.phrases import assumed_words
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render
from reasoner.render.short_names import ShortNames, short_forms

FIRST = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]}
AFTER_TWO = {"drugs": ["trastuzumab", "paclitaxel"], "outcome": "progression"}
CONJUGATE = {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"}
LAPATINIB = {"drugs": ["lapatinib", "trastuzumab"], "outcome": "ongoing"}
KNOWN = {
    "id": "p", "her2": "positive", "hr": "negative", "adjuvant_drugs": [], "heart_failure": False, "lvef_decline": "none",
    "brain_metastases": False, "interstitial_lung_disease": False, "lvef_measured": True, "rebiopsied": True,
}  # fmt: skip


def text(guideline: Guideline, **record: Any) -> str:
    """Give an answer as text, with its lines joined."""
    return re.sub(r"\s+", " ", render(guideline.answer({"id": "p", "her2": "positive", **record})))


def test_what_is_unknown_of_courses_is_asked_for_and_assumed_in_words(curated: Guideline) -> None:
    shown = text(curated, metastatic_therapy=[FIRST])
    assert "NOT RECORDED, AND IT MATTERS" in shown
    assert "? how course 1 ended - bears on the setting, and with it what is recommended" in shown
    assert "? taxane cycles in course 1; months of chemotherapy in course 1 - bear on the setting" in shown
    assert "course 1 ended in progression; no interstitial lung disease" in shown
    assert (
        "course 1 is still under way, taxane cycles at least 6, months of chemotherapy at least 4 and less than 6" in shown
    )
    opened = text(curated, metastatic_therapy=[{**FIRST, "outcome": "ongoing", "chemotherapy_stopped": None}])
    assert "LVEF decline is none or transient; and course 1: discontinuation of chemotherapy, or course 1: taxane" in opened
    assert "; discontinuation of chemotherapy in course 1 - bear on" in opened


def test_unknown_therapy_is_asked_for_first_and_what_it_means_is_said(curated: Guideline) -> None:
    answer = curated.answer({"id": "p", "her2": "positive"})
    assert next(missing_words(answer)).startswith("which therapy for metastatic disease was given, if any - bears on")
    shown = text(curated)
    assert "no therapy for metastatic disease was given; " in shown
    assert "Which therapy for metastatic disease was given is not recorded." in shown
    assert "first line, or maintenance, or second line, or third line" in shown
    negative = text(curated, her2="negative")
    assert "Setting: out of scope" in negative


def test_no_dead_end_is_claimed_where_therapy_is_unknown(curated: Guideline) -> None:
    both = {"metastatic": True, "hr": "negative", "heart_failure": True, "adjuvant_drugs": []}
    assert "Dead end" in text(curated, **both, metastatic_therapy=[])
    assert "Dead end" not in text(curated, **both)


def test_one_of_several_sets_is_named_by_its_label_whatever_that_holds(curated: Guideline) -> None:
    sets = [{"label": "be\x1bfore", "metastatic_therapy": []}, {"label": "since", "metastatic_therapy": [AFTER_TWO]}]
    shown = text(curated, one_of=sets, adjuvant_drugs=[], metastatic=True)
    assert r'CERTAIN IF "be\x1bfore" is the case' in shown
    assert "? which of the possibilities in the record is the case - bears on the setting" in shown


def test_a_dose_that_hangs_on_something_says_so(curated: Guideline) -> None:
    sets = [{"label": "under way", "metastatic_therapy": [CONJUGATE, LAPATINIB]},
            {"label": "not yet", "metastatic_therapy": [CONJUGATE]}]  # fmt: skip
    shown = text(curated, **KNOWN, one_of=sets)
    assert 'loading dose 8 mg/kg IV once (if "not yet" is the case), then maintenance dose 6 mg/kg' in shown


def test_defaults_that_matter_are_said_in_one_line(curated: Guideline) -> None:
    courses = [{**FIRST, "outcome": "toxicity"}] * 6
    words = assumed_words(curated.answer({"id": "p", "her2": "positive", "metastatic_therapy": courses}))
    assert words.startswith("Assumed: no unavailable drugs; ")
    assert "maximal response" not in words
    under_way = assumed_words(curated.answer({"id": "p", "her2": "positive", "metastatic_therapy": [FIRST]}))
    assert "course 1: no maximal response, no unacceptable toxicity of chemotherapy, no discontinuation" in under_way
    recorded = {"lvef_measured": False, "unavailable_drugs": [], "infusion_symptoms": [], "breast_cancer": True}
    assert assumed_words(curated.answer({"id": "p", "metastatic_therapy": [], **recorded})) == ""


def test_what_another_alternative_would_change_is_said_once(curated: Guideline) -> None:
    shown = text(curated, metastatic_therapy=[AFTER_TWO])
    assert "IF THE TEXT WERE READ OTHERWISE" in shown
    assert "Under R5 = b: the setting is second line; also recommended: T-DXd (rank 1, preferred, on a condition)" in shown
    assert "pertuzumab may be missing. [reading R5=b]" in shown
    assert "Under R11 = b: could no longer be excluded: every regimen with trastuzumab." in shown
    assert "Another alternative" not in shown


SHORT = {
    "an abbreviation stands for the name": ({"a": "alphamab (A-1)"}, {"alphamab (A-1)": "A-1"}),
    "a choice is told once": ({"a": "a taxane (one or two)"}, {"a taxane (one or two)": "a taxane"}),
    "what two names would share is short for neither": ({"a": "platin (AUC 2)", "b": "platin (AUC 5)"}, {}),
    "what another name is in full is short for nothing": ({"a": "platin", "b": "platin (weekly)"}, {}),
    "in a combination its parts are short": (
        {"a": "alphamab (A-1)", "b": "betamab + alphamab (A-1)"},
        {"alphamab (A-1)": "A-1"},
    ),
}


@pytest.mark.parametrize("title", SHORT)
def test_a_name_has_a_short_form_only_where_that_means_nothing_else(title: str, curated: Guideline) -> None:
    labels, short = SHORT[title]
    model = replace(curated.model, labels={"drug": labels, "class": {}, "regimen": {}})
    assert short_forms(model) == short
    names = ShortNames(model)
    names.note("; ".join(labels.values()))
    assert [names.shorten(name) for name in short] == list(short.values())


def test_recommended_regimens_are_named_in_full_and_everything_else_once(curated: Guideline) -> None:
    shown = text(curated, **{**KNOWN, "heart_failure": None}, metastatic_therapy=[{**FIRST, "outcome": "progression"}])
    assert shown.count("trastuzumab deruxtecan (T-DXd)") == 2
    assert "1. trastuzumab deruxtecan (T-DXd) - preferred" in shown
    assert "unavailability of T-DXd [L24]" in shown


@pytest.fixture(scope="module")
def chosen(curated: Guideline) -> Guideline:
    return curated.with_readings(["R5=b"])


def test_a_chosen_alternative_is_marked_wherever_it_shows(chosen: Guideline, curated: Guideline) -> None:
    shown = text(chosen, metastatic_therapy=[AFTER_TWO])
    assert "curated layer, with R5 = b Second line: " in shown
    assert "pertuzumab may be missing. [reading R5=b]" in shown
    assert "Under R5 = a: the setting is not addressed; could no longer be recommended" in shown
    assert chosen.digest != curated.digest
    open_ = text(curated.with_readings(["any"]), metastatic_therapy=[AFTER_TWO])
    assert "with all readings left open" in open_
    assert "CERTAIN IF reading R5 is taken as its alternative b" in open_
    assert "IF THE TEXT WERE READ OTHERWISE" not in open_


def test_readings_are_nodes_of_the_graph_chosen_left_open_or_not_chosen(chosen: Guideline, curated: Guideline) -> None:
    record = {"id": "p", "her2": "positive", "metastatic_therapy": [AFTER_TWO]}
    states = {}
    for name, guideline in {"a": curated, "b": chosen, "any": curated.with_readings(["R5=any"])}.items():
        graph = answer_graph(guideline.answer(record))
        states[name] = (graph.nodes["reading R5=b"]["kind"], graph.nodes["reading R5=b"]["state"])
        assert graph.graph.get("readings", "") == ("" if name == "a" else f"R5={name}")
    assert states == {"a": ("reading", "fails"), "b": ("reading", "holds"), "any": ("reading", "unknown")}
    untreated = {"id": "p", "her2": "positive", "metastatic": True, "adjuvant_drugs": [], "metastatic_therapy": []}
    graph = answer_graph(curated.with_readings(["R1=b"]).answer(untreated))
    blocked = {target for source, target, role in graph.edges(data="role") if (source, role) == ("reading R1=b", "blocks")}
    assert blocked
    assert all(graph.nodes[rule]["state"] == "fails" for rule in blocked)


def test_what_possibly_holds_after_unknown_therapy_is_not_drawn_as_failing(curated: Guideline) -> None:
    graph = answer_graph(curated.answer({"id": "p", "her2": "positive"}), ["setting(third_line)"])
    assert graph.nodes["setting(third_line)"]["state"] == "unknown"
    ways = [rule for rule, _ in graph.in_edges("setting(third_line)")]
    assert {graph.nodes[rule]["state"] for rule in ways} == {"unknown"}


def test_every_case_has_words_for_all_that_it_hangs_on(curated: Guideline) -> None:
    for case in curated.cases().values():
        answer = curated.with_readings(["any"]).answer(case.record)
        shown = render(answer)
        assert "None" not in shown
        assert all(len(line) <= 80 for line in shown.splitlines()), case.name
        assert bool(assumed_words(answer)) == any(entry["matters"] for entry in to_plain(answer)["assumed"])


def test_what_is_recommended_for_certain_and_excluded_on_a_condition_is_not_said_to_be_one_or_the_other(
    literal: Guideline,
) -> None:
    shown = text(
        literal, metastatic=True, hr="positive", adjuvant_drugs=[], metastatic_therapy=[FIRST | {"outcome": "progression"}]
    )
    assert "Excluded if interstitial lung disease, present or past [L57]" in shown
    assert "CERTAIN IF interstitial lung disease, present or past; otherwise excluded [L24]" in shown
    assert "the facts that are not recorded allow it" not in shown
