"""What cards say of an answer: no more than it does, and in words that cannot be misread."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reasoner import Guideline
from reasoner.serve.card_words import leading_words
from reasoner.serve.cards import Call, CardBuilder
from reasoner.serve.drafts import Draft, about_orders, about_patient
from reasoner.serve.markdown import fewer_items

TUCATINIB = ("tucatinib", "trastuzumab", "capecitabine")


def record(**more: Any) -> dict[str, Any]:
    """A record after THP and T-DXd, each with progression."""
    courses = [
        {"drugs": drugs, "outcome": "progression"}
        for drugs in (["trastuzumab", "pertuzumab", "docetaxel"], ["trastuzumab_deruxtecan"])
    ]
    data = {"id": "p", "metastatic": True, "her2": "positive", "adjuvant_drugs": [], "metastatic_therapy": courses, **more}
    return {name: value for name, value in data.items() if value is not None}


def ordered(guideline: Guideline, data: dict[str, Any], *drugs: str) -> Draft:
    return about_orders(guideline.answer(data), dict.fromkeys(drugs, "MedicationRequest/1"))[0]


def line(draft: Draft, heading: str) -> tuple[str, ...]:
    """Give the parts of the line with a heading; none where there is no such line."""
    return next((own.parts for own in draft.lines if own.heading == heading), ())


def test_every_fact_that_excludes_an_ordered_regimen_is_named_to_be_ruled_out(curated: Guideline) -> None:
    named = line(ordered(curated, record(), *TUCATINIB), "Rule out first")
    assert named == ("heart failure, present or past", "LVEF decline is persistent or recurrent")


def test_what_a_recommendation_assumes_is_not_named_to_be_ruled_out_but_as_its_condition(curated: Guideline) -> None:
    draft = ordered(curated, record(her2=None, adjuvant_drugs=None), *TUCATINIB)
    named = line(draft, "Rule out first")
    assert named[0] == "heart failure, present or past (if HER2 status is positive)", named
    assert not any(part.startswith("HER2 status") for part in named)


def test_that_what_a_recommendation_assumes_is_not_so_is_not_named_to_be_ruled_out(curated: Guideline) -> None:
    first = [{"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "progression"}]
    draft = ordered(curated, record(metastatic_therapy=first), "trastuzumab_emtansine")
    assert "certain if interstitial lung disease" in draft.summary
    assert not any(part.startswith("no ") for part in line(draft, "Rule out first"))


def test_a_rank_that_depends_on_unrecorded_facts_is_not_called_certain(curated: Guideline) -> None:
    draft = ordered(curated, record(), "trastuzumab_emtansine")
    assert "(rank 1 at best, alternative, the rank depends on what is not recorded)" in draft.summary
    told = ordered(curated, record(heart_failure=True), "trastuzumab_emtansine")
    assert "(rank 1, alternative, certain)" in told.summary


def test_the_headline_names_all_of_the_best_rank_the_strongest_first(curated: Guideline) -> None:
    answer = curated.answer(record())
    summary = about_patient(answer)[0].summary
    leading = [own for own in answer.recommended if own.rank == 1]
    leading.sort(key=lambda own: curated.model.strengths.index(own.strength))
    assert [own.regimen for own in leading] != [own.regimen for own in answer.recommended[: len(leading)]]
    places = [summary.find(curated.model.label("regimen", own.regimen)) for own in leading]
    assert len(places) > 1
    assert -1 not in places
    assert places == sorted(places)
    assert "certain" not in leading_words(answer.recommended, answer.derivation)


@pytest.mark.parametrize(
    "drugs",
    [("trastuzumab", "pertuzumab", "docetaxel"), ("trastuzumab_deruxtecan",), ("trastuzumab_emtansine",), TUCATINIB],
    ids=lambda drugs: drugs[0],
)
def test_no_order_is_judged_where_it_is_not_known_which_therapy_was_given(
    drugs: tuple[str, ...], curated: Guideline
) -> None:
    for early in (None, 6):
        data = record(metastatic_therapy=None, months_to_recurrence=early, adjuvant_drugs=["trastuzumab"])
        draft = ordered(curated, data, *drugs)
        assert draft.summary.endswith("cannot be judged until it is known which therapy was given")
        assert line(draft, "First to find out")[0].startswith("Which courses were given for metastatic disease")
        assert not line(draft, "Recommended")
        assert not any(part.startswith("no therapy for metastatic") for part in line(draft, "Rule out first")), draft


def test_what_excludes_whatever_therapy_was_given_is_warned_of_without_recommending_anything(curated: Guideline) -> None:
    data = record(metastatic_therapy=None, interstitial_lung_disease=True)
    draft = ordered(curated, data, "trastuzumab_deruxtecan")
    assert draft.indicator == "warning"
    assert line(draft, "Recommended instead") == ("this cannot be said until it is known which therapy was given",)


def test_where_therapy_is_not_known_the_first_line_asks_for_it(curated: Guideline) -> None:
    told = "the chart tells: docetaxel (2021)"
    draft = about_patient(curated.answer(record(metastatic_therapy=None)), [told])[0]
    assert draft.lines[0].heading == "First to find out"
    assert draft.lines[0].parts[1:] == (told,)
    assert draft.lines[1].heading == "Recommended only if no therapy was given"


def test_a_text_that_is_too_long_loses_whole_items_and_says_how_many() -> None:
    text = "X (certain if HER2 status: positive; LVEF decline: none; no heart failure)"
    for most in range(len(text)):
        told = fewer_items(text, most, "and {} more".format)
        assert told in (
            None,
            "X (certain if HER2 status: positive; LVEF decline: none; and 1 more)",
            "X (certain if HER2 status: positive; and 2 more)",
        )
        assert told is None or len(told) <= most


CASES = sorted((Path(__file__).parents[1] / "asp" / "her2_mbc" / "cases").glob("*.json"))
ORDERS = (("trastuzumab", "pertuzumab", "docetaxel"), ("trastuzumab_deruxtecan",), ("trastuzumab_emtansine",), TUCATINIB)


def test_no_card_of_the_shipped_cases_is_long_cut_within_a_sentence_or_names_statements(curated: Guideline) -> None:
    builder, call = CardBuilder(curated.info, curated.model), Call("i", "https://cds.example.org", "x", "Patient/p", ())
    seen = 0
    for path in CASES:
        answer = curated.answer(json.loads(path.read_text("utf-8"))["record"])
        drafts = list(about_patient(answer))
        for drugs in ORDERS:
            drafts += about_orders(answer, dict.fromkeys(drugs, "MedicationRequest/1"))
        for draft in drafts:
            card = builder.card(draft, call)
            vital = sum(map(len, draft.cautions))
            assert len(card.detail) <= 700 + vital, (path.stem, card.detail)
            assert len(card.detail.splitlines()) <= 5
            assert not re.search(r"\b[LR]\d+\b|\N{HORIZONTAL ELLIPSIS}", card.summary + card.detail), (path.stem, card)
            seen += 1
    assert seen > 300


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"metastatic_therapy": None}, "none for certain; under conditions: see the link"),
        ({"metastatic_therapy": None, "heart_failure": True}, "6 for certain: see the link"),
    ],
)
def test_a_line_of_exclusions_without_room_for_one_says_how_many_are_certain(
    known: dict[str, Any], said: str, curated: Guideline
) -> None:
    answer = curated.answer(record(**known))
    line = about_patient(answer)[0].lines[-1]
    assert CardBuilder(curated.info, curated.model).fitted(line, 70) == f"- **Excluded:** {said}"
    assert sum(entry.certainty == "certain" for entry in answer.excluded) == (6 if "heart_failure" in known else 0)


def test_what_the_chart_lacks_is_told_whole_however_much_else_there_is_to_say(curated: Guideline) -> None:
    lacks = tuple(f"Not read from the chart: list {number}; what it tells is unknown here." for number in range(5))
    builder = CardBuilder(curated.info, curated.model)
    call = Call("i", "https://cds.example.org", "x", "Patient/p", lacks)
    for draft in (
        *about_patient(curated.answer(record())),
        *about_patient(curated.answer(record(her2=None, metastatic_therapy=None))),
    ):
        detail = builder.card(draft, call).detail
        assert all(own in detail for own in lacks)
        assert len(detail) < 1_200
