"""What a clinician reads of an answer: the bottom line first, nothing of the machinery, and the text's own words in full."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest
from bundles import BREAST_CANCER, FIRST_LINE, HER2, HORMONES, METASTASES, PROGRESSION, bundle

from reasoner import Guideline
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render

LOST = (
    "by no other ground", "no record of", "no a ", "a reason to set", "being unavailable",
    "The guideline recommends no regimen", "the rank depends on unrecorded", "this is the best",
    "decline (heart failure", "first the one, then the other", "Discontinue trastuzumab", "(contrary to the record)",
    "the absence of", "does not fire", "by definition", "Nearest statement", "unavailability of trastuzumab +",
)  # fmt: skip
"""Phrases that a clinician stumbles over; answers have none of them."""

FIRST = ["trastuzumab", "pertuzumab", "docetaxel"]
AFTER_FIRST = {"drugs": FIRST, "outcome": "progression"}
AFTER_DERUXTECAN = {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"}
KNOWN = {
    "id": "p", "her2": "positive", "hr": "negative", "metastatic": True, "adjuvant_drugs": [], "brain_metastases": False,
    "cns_predominant": False, "interstitial_lung_disease": False, "heart_failure": False, "lvef_measured": True,
    "lvef_decline": "none", "rebiopsied": True, "accessible_lesion": True, "low_disease_burden": False,
    "significant_comorbidity": False, "long_disease_free_interval": False, "metastatic_therapy": [],
}  # fmt: skip


class Reading(NamedTuple):
    """A patient, and what the text of the answer says and does not say."""

    title: str
    record: dict[str, Any]
    says: tuple[str, ...]
    does_not_say: tuple[str, ...] = ()


def courses(*given: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"metastatic_therapy": list(given), **facts}


READINGS = (
    Reading(
        "A drug under way is not loaded again",
        courses({"drugs": FIRST, "outcome": "completed"}, {"drugs": FIRST[:2], "outcome": "ongoing"}),
        ("maintenance dose 420 mg", "maintenance dose 6 mg/kg"), ("loading dose",),
    ),
    Reading(
        "At six cycles and four months stopping is open, and that comes first",
        courses({"drugs": FIRST, "outcome": "ongoing", "taxane_cycles": 6, "chemotherapy_months": 4.2}),
        ("curated layer Consider stopping the chemotherapy: six cycles and four months",), ("Complete the chemotherapy",),
    ),
    Reading(
        "Lung disease under T-DXd: stop it, T-DM1 is left, and the label is quoted",
        courses(AFTER_FIRST, {"drugs": ["trastuzumab_deruxtecan"], "outcome": "ongoing"}, interstitial_lung_disease=True),
        ("Second line: trastuzumab emtansine (T-DM1), alternative", "Stop T-DXd", "pre-existing disease only",
         "interrupted for grade 1", "Measure the LVEF", "Excluded: trastuzumab deruxtecan (T-DXd), else preferred"),
    ),
    Reading(
        "Monitoring goes on where nothing is recommended; what was reported since is named",
        courses({"drugs": ["trastuzumab_deruxtecan", "pertuzumab"], "outcome": "ongoing"}),
        ("The text does not speak of the course under way; nothing is recommended.", "Measure the LVEF",
         "Watch for pulmonary",
         "What comes nearest is L30", "DESTINY-Breast09"), ("L3:", "RECOMMENDED"),
    ),
    Reading(
        "In heart failure every anti-HER2 drug has a cardiac caution, pertuzumab no partner, what is excluded no caveat",
        courses({"drugs": ["trastuzumab", "docetaxel"], "outcome": "progression"}, AFTER_DERUXTECAN, heart_failure=True),
        ("CAUTION: for heart failure", "CAUTION as above.", "The text names no partner drug for it.",
         "Excluded: tucatinib + trastuzumab + capecitabine, else preferred",
         "every regimen with trastuzumab: heart failure"),
        ("L30: HER2CLIMB",),
    ),
    Reading(
        "In heart failure under trastuzumab it is stopped for good",
        courses({"drugs": FIRST, "outcome": "ongoing"}, heart_failure=True),
        ("curated layer Stop trastuzumab for good: heart failure, present or past.",), ("persistent",),
    ),
    Reading(
        "Of what stops trastuzumab the patient's own finding is named",
        courses({"drugs": FIRST, "outcome": "ongoing"}, lvef_decline="recurrent"),
        ("Stop trastuzumab for good: LVEF decline: recurrent.",), ("good: heart failure",),
    ),
    Reading(
        "With an anthracycline it is the combination that is forbidden",
        courses({"drugs": ["trastuzumab", "epirubicin"], "outcome": "ongoing"}),
        ("Do not give trastuzumab together with the anthracycline. [L55]",), ("for good",),
    ),
    Reading(
        "Endocrine therapy may be added at progression, but not to chemotherapy",
        courses(AFTER_FIRST, AFTER_DERUXTECAN, hr="positive"), ("The text allows adding endocrine therapy [L47].",),
    ),
    Reading(
        "Endocrine therapy is not said to be allowed where the receptors are unknown",
        courses(AFTER_FIRST, AFTER_DERUXTECAN, hr=None, adjuvant_drugs=None),
        ("trastuzumab emtansine (T-DM1) - alternative",), ("allows adding endocrine therapy",),
    ),
    Reading(
        "What is assumed is no reason, with other things that are assumed neither",
        courses(AFTER_FIRST, {"drugs": ["trastuzumab_emtansine"]}, cns_predominant=None, brain_metastases=None,
                interstitial_lung_disease=True),
        ("CERTAIN IF course 2 was completed as planned or ended in progression or toxicity; predominantly",),
        ("Because of: predominantly CNS disease",),
    ),
    Reading(
        "What excludes the same regimens by two statements is one line",
        courses({"drugs": FIRST, "outcome": "ongoing"}, heart_failure=True),
        ("heart failure, present or past [L54, R11]",),
    ),
    Reading(
        "The population of a trial is held against the patient",
        courses(AFTER_FIRST, AFTER_DERUXTECAN),
        ("HER2CLIMB enrolled patients previously treated with T-DM1, and no patient previously treated with T-DXd",),
        ("L30: HER2CLIMB enrolled patients after T-DM1;",),
    ),
    Reading(
        "After T-DM1 and without T-DXd the population fits, and nothing is said of it",
        courses(AFTER_FIRST, {"drugs": ["trastuzumab_emtansine"], "outcome": "progression"}, interstitial_lung_disease=True),
        ("Nothing is left in second line", "Under R9=b: tucatinib"), ("would not have been enrolled",),
    ),
    Reading(
        "Why a regimen to consider comes before a preferred one",
        courses(AFTER_FIRST, brain_metastases=True, cns_predominant=True),
        ("It ranks ahead of T-DXd (preferred):", "[L26, R7]"), ("asks for it: brain metastases",),
    ),
    Reading(
        "The caveat on recurrence within twelve months is no objection after pertuzumab",
        {"adjuvant_drugs": ["trastuzumab", "pertuzumab"], "months_to_recurrence": 9}, ("preferred",), ("L14: ",),
    ),
    Reading(
        "The caveat on recurrence within twelve months is one without pertuzumab",
        {"adjuvant_drugs": ["trastuzumab"], "months_to_recurrence": 9}, ("L14: The text says 12 months",),
    ),
    Reading(
        "HER2-negative now: the guideline does not apply",
        courses(AFTER_FIRST, her2="negative"), ("This guideline does not apply: HER2 status: negative.",), ("RECOMMENDED",),
    ),
    Reading(
        "Drugs that are not to be had are named",
        {"hr": "positive", "unavailable_drugs": ["docetaxel", "paclitaxel"]},
        ("docetaxel and paclitaxel among the unavailable drugs [R21]",
         "The text does not say which cases are to be selected.", "the patient's wishes"),
    ),
    Reading(
        "Only what is near is given as nearest, with what is met of it",
        courses({"drugs": ["trastuzumab", "paclitaxel"], "outcome": "progression"}),
        ("What comes nearest is L17", "Not met here: progression on pertuzumab. Met: progression on trastuzumab",
         "Under R5=b: trastuzumab deruxtecan (T-DXd)."), ("nearest is L3", "nearest is L30"),
    ),
    Reading(
        "A regimen that hangs on a fact both ways appears once",
        {**courses(AFTER_FIRST), "interstitial_lung_disease": None},
        ("CERTAIN IF no interstitial lung disease, present or past; otherwise excluded [L57]",),
        ("x? trastuzumab deruxtecan",),
    ),
    Reading(
        "What the record tells and nothing asks for is said",
        {"brain_metastases": True, "lvef_decline": "transient"},
        ("no rule that applies here asks for it: brain metastases; LVEF decline: transient.",),
    ),
    Reading(
        "What was reported before or since is one line, and the text's date stands below",
        {}, ("Not in this text: DESTINY-Breast09", "PHILA", "source of 3 February 2026"),
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", READINGS, ids=lambda case: case.title)
def test_an_answer_says_of_this_patient(case: Reading, curated: Guideline) -> None:
    shown = re.sub(r"\s+", " ", render(curated.answer({**KNOWN, **case.record})))
    assert [words for words in case.says if words not in shown] == []
    assert [words for words in case.does_not_say if words in shown] == []


@pytest.mark.parametrize("layer", ["curated", "literal"])
def test_no_answer_has_a_phrase_that_a_clinician_would_not_sign(layer: str, curated: Guideline, literal: Guideline) -> None:
    guideline = curated if layer == "curated" else literal
    for name, case in guideline.cases().items():
        answer = guideline.answer(case.record)
        shown = re.sub(r"\s+", " ", render(answer))
        assert [phrase for phrase in LOST if phrase in shown] == [], name
        assert 0 < len(answer.bottom_line) <= 200, name
        assert shown.index(answer.bottom_line) < shown.index("Setting:"), name
        assert "3 February 2026" in shown
        assert "Not considered by this text: performance status" in shown


def test_the_bottom_line_says_no_more_than_the_entries(curated: Guideline, literal: Guideline) -> None:
    for guideline in (curated, literal):
        for name, case in guideline.cases().items():
            answer = guideline.answer(case.record)
            untold = "is not recorded; if none was" in answer.bottom_line
            for entry in answer.recommended:
                label = guideline.model.label("regimen", entry.regimen)
                named = f"{label}, {guideline.model.label('strength', entry.strength)}"
                after = answer.bottom_line.partition(named)[2]
                beside = [own for own in entry.assuming if own.value != () or not untold]
                if after and beside:
                    assert re.match(r"( \(the text (also excludes|may also exclude) it.*?\))?, (if|depending on) ", after), (
                        name,
                        after,
                    )
            if not answer.recommended:
                told = ("nothing is recommended", "does not apply", "Nothing is left", "depends on", "recommends nothing")
                assert any(words in answer.bottom_line for words in told), name


HANGING = {
    "an unknown HER2 status": (
        {"metastatic": True, "hr": "positive", "metastatic_therapy": []},
        "standard, depending on HER2 status and trastuzumab among the adjuvant drugs (and 2 more); or 4 more.",
    ),
    "a course under way or not": (
        {"her2": "positive", "hr": "negative", "metastatic_therapy": [{"drugs": FIRST}]},
        "standard, depending on how course 1 ended and heart failure, present or past (and 1 more); or 4 more.",
    ),
    "a certain regimen beside a conditional one": (
        {"her2": "positive", "metastatic_therapy": [
            AFTER_FIRST, {"drugs": ["trastuzumab_deruxtecan"], "outcome": "toxicity"}]},
        "(T-DM1), alternative, rank not decided; or tucatinib + trastuzumab + capecitabine, consider, depending on "
        "predominantly CNS disease (and 2 more).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", HANGING)
def test_the_bottom_line_names_what_the_first_regimen_hangs_on(title: str, curated: Guideline) -> None:
    record, says = HANGING[title]
    line = curated.answer({"id": "p", **record}).bottom_line
    assert line.endswith(says)
    assert len(line) <= 200


THERAPIES = {
    "stopped for toxicity": (
        [{"drugs": FIRST, "outcome": "toxicity"}], ("L17",),
        "Given, without that: trastuzumab, pertuzumab and docetaxel.",
    ),
    "a conjugate stopped for toxicity": (
        [{"drugs": FIRST, "outcome": "completed"}, {"drugs": ["trastuzumab_deruxtecan"], "outcome": "toxicity"}],
        ("L30",),
        "Not met here: progression on trastuzumab deruxtecan (T-DXd). Given, without that: trastuzumab deruxtecan (T-DXd).",
    ),
    "drugs that no statement of a line names": (
        [{"drugs": ["capecitabine"], "outcome": "progression"}], ("L3",),
        "Not met here: no prior anti-HER2 therapy or chemotherapy for metastatic disease.",
    ),
    "progression on one of the drugs, late after adjuvant trastuzumab": (
        [{"drugs": ["lapatinib", "trastuzumab"], "outcome": "progression"}], ("L17", "L13"),
        "Not met here: progression on pertuzumab and a taxane. Met: progression on trastuzumab.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", THERAPIES)
def test_a_silence_names_what_comes_nearest_for_this_patient(title: str, curated: Guideline) -> None:
    therapy, statements, says = THERAPIES[title]
    late = {"adjuvant_drugs": ["trastuzumab"], "months_to_recurrence": 30} if "L13" in statements else {}
    notes = curated.answer({"id": "p", "her2": "positive", "metastatic_therapy": therapy, **late}).notes
    near = [note for note in notes if note.startswith("What comes nearest is ")]
    assert [note.removeprefix("What comes nearest is ").partition(":")[0] for note in near] == list(statements)
    assert near[0].endswith(says)


WITHOUT_THERAPY = {
    "the record": ({}, ("therapy for metastatic disease was given is not recorded; if none was: trastuzumab + pertuzumab",
                        "RECOMMENDED It is not recorded which therapy for metastatic disease was given; all of this holds")),
    "the record of one without receptors": ({"hr": "negative"}, ("Which therapy for metastatic disease was given",)),
    "all but the therapy": (
        {**KNOWN, "metastatic_therapy": None},
        ("not recorded; if none was: trastuzumab + pertuzumab + a taxane (docetaxel or paclitaxel), standard.",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_THERAPY)
def test_unknown_therapy_is_what_the_answer_says_first(name: str, curated: Guideline) -> None:
    record, says = WITHOUT_THERAPY[name]
    answer = curated.answer({"id": "p", "metastatic": True, "her2": "positive", "hr": "positive", **record})
    shown = re.sub(r"\s+", " ", render(answer))
    assert [words for words in says if words not in shown] == []
    assert answer.bottom_line.startswith("Which therapy for metastatic disease was given is not recorded")
    assert len(answer.bottom_line) <= 200


SETS = {
    "by its label": ("an older letter", 'If "an older letter" is the case, nothing is recommended.'),
    "by number where the label is long": (
        "a letter " * 20,
        "In 1 of the 2 possibilities in the record nothing is recommended.",
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_the_bottom_line_tells_the_possibility_under_which_nothing_is_recommended(name: str, curated: Guideline) -> None:
    label, says = SETS[name]
    record = {own: told for own, told in KNOWN.items() if own != "metastatic_therapy"}
    other = {"label": label, **courses({"drugs": ["trastuzumab", "docetaxel"], "outcome": "progression"})}
    line = curated.answer({**record, "one_of": [{"label": "A", **courses(AFTER_FIRST)}, other]}).bottom_line
    assert line.endswith(says)
    assert len(line) <= 200
    both = curated.answer({**record, "one_of": [{"label": "A", **courses(AFTER_FIRST)}, {"label": label, **courses()}]})
    assert "nothing is recommended" not in both.bottom_line


def test_readings_left_open_are_named_together(curated: Guideline) -> None:
    for readings, words in (
        (["any"], "curated layer, with all readings left open"),
        (["R5=any"], "curated layer, with R5 left open"),
        (["R5=any", "R9=any", "R11=b"], "with R11 = b and readings R5, R9 left open"),
    ):
        shown = re.sub(r"\s+", " ", render(curated.with_readings(readings).answer(KNOWN)))
        assert words in shown, shown[:300]


def test_a_reading_that_would_change_several_entries_is_told_once(curated: Guideline) -> None:
    record = {own: told for own, told in KNOWN.items() if own != "metastatic_therapy"}
    other = {"label": "B", **courses({"drugs": ["trastuzumab", "docetaxel"], "outcome": "progression"})}
    answer = curated.answer({**record, "one_of": [{"label": "A", **courses(AFTER_FIRST)}, other]})
    shown = re.sub(r"\s+", " ", render(answer))
    assert shown.count("Another alternative of R5") == 1
    section = shown.partition("IF THE TEXT WERE READ OTHERWISE")[2]
    assert "Another alternative of R5 would change: " in section
    assert "monitoring of the LVEF;" in section


UNREAD = {"resourceType": "MedicationStatement", "id": "letter", "status": "unknown", "subject": {"reference": "Patient/p"},
          "medicationCodeableConcept": {"text": "not legible"}, "effectivePeriod": {"start": "2020-11-05"}}  # fmt: skip
EARLIER = {**UNREAD, "effectivePeriod": {"start": "2018-11-05"}}
TOLD = "trastuzumab + pertuzumab + docetaxel (2020-02-01 to "


def test_a_chart_that_tells_of_therapy_which_cannot_be_counted_is_no_untreated_patient(curated: Guideline) -> None:
    told = [BREAST_CANCER, METASTASES, HER2, *HORMONES]
    record = curated.record(bundle(*told, *FIRST_LINE, PROGRESSION, UNREAD))
    answer = curated.answer(record)
    shown = re.sub(r"\s+", " ", render(answer))
    assert "metastatic_therapy" not in record.data
    assert "does not apply as the chart reads" in answer.bottom_line
    assert len(answer.bottom_line) <= 200
    assert TOLD in answer.notes[0]
    assert "MedicationAdministration/" in answer.notes[0]
    assert "does not apply to this patient as the chart reads" in answer.notes[0]
    assert f"{answer.bottom_line} {answer.notes[0]}" in shown
    assert shown.count(TOLD) == 1
    assert "RECOMMENDED For untreated patients only" in shown


@pytest.mark.parametrize(
    "more", [[UNREAD], [*FIRST_LINE, PROGRESSION], [*FIRST_LINE, PROGRESSION, EARLIER]], ids=("none", "counted", "earlier")
)
def test_a_chart_is_not_said_to_tell_of_therapy_that_it_does_not_or_that_counts(more: list[Any], curated: Guideline) -> None:
    answer = curated.answer(bundle(BREAST_CANCER, METASTASES, HER2, *HORMONES, *more))
    assert not answer.warning
    assert "as the chart reads" not in render(answer)


def test_what_is_new_stands_in_the_json(curated: Guideline) -> None:
    plain = to_plain(curated.answer(KNOWN))
    assert plain["bottom_line"] == "First line: trastuzumab + pertuzumab + a taxane (docetaxel or paclitaxel), standard."
    assert "pregnancy" in plain["not_considered"]
    assert any("DESTINY-Breast09" in caveat for caveat in plain["caveats"])


def test_answers_have_as_many_lines_as_the_case_needs(curated: Guideline) -> None:
    shown = [render(curated.with_readings(c.readings).answer(c.record)) for c in curated.cases().values()]
    lengths = sorted(len(text.splitlines()) for text in shown)
    assert lengths[len(lengths) // 2] <= 40
