"""What if: exactly the difference of two answers, and edits that say what is wrong with them."""

from __future__ import annotations

import copy
import itertools
import json
import random
from typing import Any

import pytest
from records import random_course, random_record

from reasoner import Guideline, RecordError
from reasoner.queries.corrections import corrected_record
from reasoner.queries.edits import apply_edits, parse_edit
from reasoner.queries.what_if import WhatIf, differences, what_if
from reasoner.records.shapes import to_plain
from reasoner.render.what_if import render

Record = dict[str, Any]
KEPT = ("rank", "strength", "certainty", "assuming", "cautions", "doses")
LISTS = {"recommended": ("recommended", "regimen"), "excluded": ("excluded", "regimen"), "action": ("actions", "action")}


def record(**changes: Any) -> Record:
    return {"id": "p1", "metastatic_therapy": [], **changes}


def random_edits(rng: random.Random, guideline: Guideline) -> list[str]:
    """Draw one to three edits with the values of another random record, or a course more."""
    other = random_record(rng, guideline, 0.3)
    del other["id"]
    edits = [f"{key}={json.dumps(value)}" for key, value in other.items()]
    edits += [f"{key}=" for key in other if key != "metastatic_therapy"]
    edits += [f"metastatic_therapy+={json.dumps(random_course(rng, guideline, True))}" for _ in range(8)]
    return rng.sample(edits, rng.randint(1, 3))


def expected_differences(before: Record, after: Record) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Compare two answers as JSON."""
    found: dict[tuple[str, str], tuple[Any, Any]] = {}
    if before["setting"] != after["setting"]:
        found["setting", "setting"] = before["setting"], after["setting"]
    for what, (key, name) in LISTS.items():
        sides = [{e[name]: {k: e[k] for k in KEPT if k in e} for e in answer[key]} for answer in (before, after)]
        for entry in {**sides[0], **sides[1]}:
            if sides[0].get(entry) != sides[1].get(entry):
                found[what, entry] = sides[0].get(entry), sides[1].get(entry)
    return found


def check_rules(difference: Record, before: Record, after: Record) -> None:
    key, name = LISTS[difference["what"]]
    sides = [{r for e in answer[key] if e[name] == difference["id"] for r in e["rules"]} for answer in (before, after)]
    assert set(difference["rules"]) == (sides[0] ^ sides[1] or sides[0])


def test_the_differences_are_those_of_two_answers(curated: Guideline, literal: Guideline) -> None:
    rng = random.Random(1)
    compared, seen, quiet = 0, set(), 0
    while compared < 400:
        guideline = literal if compared % 5 == 0 else curated
        data, edits = random_record(rng, guideline, rng.choice([0.0, 0.3, 0.6])), random_edits(rng, guideline)
        kept = copy.deepcopy(data)
        try:
            result = what_if(guideline, data, edits)
        except RecordError:
            assert data == kept
            continue
        assert data == kept
        changed = {**data, **result.set}
        told: Record = to_plain(result)
        before, after = to_plain(guideline.answer(data)), to_plain(guideline.answer(changed))
        assert (told["schema"], told["before"], told["after"]) == ("reasoner.what_if/1", before, after)
        found = {(d["what"], d["id"]): (d["before"], d["after"]) for d in told["differences"]}
        assert found == expected_differences(before, after), (data, edits)
        assert len(found) == len(told["differences"])
        assert json.loads(json.dumps(told)) == told
        for difference in told["differences"]:
            if difference["what"] != "setting":
                check_rules(difference, before, after)
            assert difference["rules"] or "not_addressed" in (difference["before"], difference["after"])
            seen.add((difference["what"], difference["before"] is None, difference["after"] is None))
        quiet += not found
        text = render(result)
        assert max(map(len, text.splitlines())) <= 80
        assert ("NOTHING CHANGES" in text) == (not found)
        assert text.rstrip().endswith("No medical advice.")
        compared += 1
    assert len(seen) == 10
    assert quiet > 10


def test_back_and_forth_is_the_same_difference(curated: Guideline) -> None:
    records = [case.record for case in curated.cases().values()]
    answers = [curated.answer(data) for data in records]
    for one, other in itertools.pairwise(answers):
        there = {(d.what, d.id): (d.before, d.after, d.what == "setting" or d.rules) for d in differences(one, other)}
        back = {(d.what, d.id): (d.after, d.before, d.what == "setting" or d.rules) for d in differences(other, one)}
        assert there == back
        assert differences(one, one) == ()


def test_a_contraindication_turns_the_second_line_round(curated: Guideline) -> None:
    result = what_if(curated, curated.cases()["second_line"].record, ["interstitial_lung_disease=true"])
    assert result.set == {"interstitial_lung_disease": True}
    found = {(d.what, d.id): to_plain(d) for d in result.differences}
    assert list(found) == [
        ("recommended", "trastuzumab_emtansine"),
        ("recommended", "trastuzumab_deruxtecan"),
        ("excluded", "trastuzumab_deruxtecan"),
        ("excluded", "trastuzumab_emtansine"),
    ]
    assert found["recommended", "trastuzumab_deruxtecan"]["after"] is None
    appeared = found["recommended", "trastuzumab_emtansine"]
    assert (appeared["before"], appeared["after"]) == (
        None,
        {"rank": 1, "strength": "alternative", "certainty": "certain", "assuming": [], "cautions": [], "doses": []},
    )
    assert "L57.1" in str(found["excluded", "trastuzumab_deruxtecan"]["rules"])
    text = render(result)
    assert "Then: Second line: trastuzumab emtansine (T-DM1), alternative." in text
    assert "+  now recommended: trastuzumab emtansine (T-DM1), rank 1, alternative" in text
    assert "or is unavailable. [L24 (EMILIA)]" in text
    assert "- no longer recommended: T-DXd (was rank 1, preferred) It is excluded now. [L57]" in words_of(result)
    assert "is the preferred treatment" not in text
    assert "+  T-DXd: interstitial lung disease, present or past [L57]" in text
    assert "-  no longer excluded: T-DM1" in text
    assert "\x1b" not in text
    assert "\x1b" in render(result, colour=True)


def words_of(result: WhatIf) -> str:
    return " ".join(render(result).split())


def test_the_text_words_what_was_set_and_what_changes(curated: Guideline) -> None:
    cases = {name: case.record for name, case in curated.cases().items()}
    text = words_of(what_if(curated, cases["second_line"], ["interstitial_lung_disease="]))
    assert "not recorded (now: no)" in text
    assert "~ T-DXd: certain -> certain if no interstitial lung disease" in text
    text = words_of(what_if(curated, cases["second_line"], ["metastatic_therapy+=trastuzumab_deruxtecan:progression"]))
    assert "course 2: trastuzumab deruxtecan (T-DXd), progression (now: 1 course)" in text
    assert "~ second line -> third line - progression on T-DXd [L30]" in text
    text = words_of(what_if(curated, cases["second_line"], ["metastatic_therapy=[]"]))
    assert "therapy for metastatic disease: none (now: course 1: trastuzumab + pertuzumab + docetaxel, prog" in text
    text = words_of(what_if(curated, cases["second_line"], ["infusion_symptoms=dyspnea", "weight_kg=70"]))
    assert "dyspnea (now: none, by default)" in text
    text = words_of(what_if(curated, cases["second_line"], ["cns_predominant=true", "brain_metastases=true"]))
    assert "rank 1 -> rank 2" in text
    assert "NOTHING CHANGES" in words_of(what_if(curated, cases["second_line"], []))
    text = words_of(what_if(curated, cases["maintenance_under_way"], ["hr=positive"]))
    assert (
        "- no longer recommended: trastuzumab + pertuzumab (was rank 1, standard) It no longer follows from L10, L61."
        in text
    )
    text = words_of(what_if(curated, cases["six_months_of_chemotherapy"], ["metastatic_therapy[0].taxane_cycles=5"]))
    assert "+ Complete the chemotherapy before moving on to maintenance. [L7" in text
    assert "- no longer: Stop the chemotherapy; continue the HER2-targeted drugs. [L7" in text
    text = words_of(what_if(curated, cases["outcome_not_recorded"], ["metastatic_therapy[0].outcome=progression"]))
    assert "trastuzumab + pertuzumab; pertuzumab: certain if course 1 ended in progression -> certain" in text


APPLIED = {
    "a boolean": ("heart_failure=true", {"heart_failure": True}),
    "a choice as a bare word": ("lvef_decline=none", {"lvef_decline": "none"}),
    "a choice as JSON": ('her2="negative"', {"her2": "negative"}),
    "a number": (" months_to_recurrence = 12.5", {"months_to_recurrence": 12.5}),
    "null": ("hr=null", {"hr": None}),
    "nothing": ("hr=", {"hr": None}),
    "a list as JSON": ('adjuvant_drugs=["pertuzumab"]', {"adjuvant_drugs": ["pertuzumab"]}),
    "a list as words": ("adjuvant_drugs=pertuzumab,tamoxifen", {"adjuvant_drugs": ["pertuzumab", "tamoxifen"]}),
    "an empty list": ("unavailable_drugs=[]", {"unavailable_drugs": []}),
    "a member more": ("infusion_symptoms+=dyspnea", {"infusion_symptoms": ["hypotension", "dyspnea"]}),
    "a member twice": ("infusion_symptoms+=hypotension", {"infusion_symptoms": ["hypotension"]}),
    "a member less": ("infusion_symptoms-=hypotension", {"infusion_symptoms": []}),
    "a member of a list with a default": ("unavailable_drugs+=tucatinib", {"unavailable_drugs": ["tucatinib"]}),
    "a course in short": (
        "metastatic_therapy+=trastuzumab + docetaxel:ongoing",
        {
            "metastatic_therapy": [
                {"drugs": ["lapatinib"], "outcome": "progression"},
                {"drugs": ["trastuzumab", "docetaxel"], "outcome": "ongoing"},
            ]
        },
    ),
    "a course as JSON": (
        'metastatic_therapy+={"drugs": ["docetaxel"], "outcome": "ongoing", "taxane_cycles": 2}',
        {
            "metastatic_therapy": [
                {"drugs": ["lapatinib"], "outcome": "progression"},
                {"drugs": ["docetaxel"], "outcome": "ongoing", "taxane_cycles": 2},
            ]
        },
    ),
    "a field of a course": (
        "metastatic_therapy[0].outcome=toxicity",
        {"metastatic_therapy": [{"drugs": ["lapatinib"], "outcome": "toxicity"}]},
    ),
    "a course with an unknown outcome": (
        "metastatic_therapy+=trastuzumab+docetaxel",
        {
            "metastatic_therapy": [
                {"drugs": ["lapatinib"], "outcome": "progression"},
                {"drugs": ["trastuzumab", "docetaxel"], "outcome": None},
            ]
        },
    ),
    "an outcome made unknown": (
        "metastatic_therapy[0].outcome=null",
        {"metastatic_therapy": [{"drugs": ["lapatinib"], "outcome": None}]},
    ),
    "therapy made unknown": ("metastatic_therapy=null", {"metastatic_therapy": None}),
    "a fact with a default made unknown": ("unavailable_drugs=", {"unavailable_drugs": None}),
    "a fact with a default said to be unknown": ("lvef_measured=unknown", {"lvef_measured": None}),
    "the drugs of the last course": (
        "metastatic_therapy[-1].drugs=lapatinib,capecitabine",
        {"metastatic_therapy": [{"drugs": ["lapatinib", "capecitabine"], "outcome": "progression"}]},
    ),
}


@pytest.mark.parametrize(("edit", "changed"), APPLIED.values(), ids=APPLIED.keys())
def test_an_edit_changes_what_it_names_and_nothing_else(edit: str, changed: Record, curated: Guideline) -> None:
    data = record(
        metastatic_therapy=[{"drugs": ["lapatinib"], "outcome": "progression"}],
        hr="positive",
        infusion_symptoms=["hypotension"],
    )
    kept = copy.deepcopy(data)
    after = apply_edits(data, [parse_edit(edit, curated)])
    assert after == {**data, **changed}
    assert data == kept
    curated.record(after)


def test_edits_apply_in_their_order(curated: Guideline) -> None:
    data = curated.cases()["first_line_under_way"].record
    ended = ["metastatic_therapy[-1].outcome=progression", "metastatic_therapy+=trastuzumab_deruxtecan:ongoing"]
    result = what_if(curated, data, ended)
    assert result.after.setting == "on_treatment"
    assert what_if(curated, curated.record(data), [parse_edit(edit, curated) for edit in ended]) == result
    with pytest.raises(
        RecordError, match=r"the last course is still ongoing.*end it first: metastatic_therapy\[-1\].outcome="
    ):
        what_if(curated, data, ended[::-1])


REFUSED = {
    "no edit": ("heart_failure", '"heart_failure" is not a change of a record; write FACT=VALUE'),
    "an empty edit": ("", "is not a change of a record"),
    "a course without a field": ("metastatic_therapy[0]=1", "is not a change of a record"),
    "an unknown fact": (
        "heart_failur=true",
        'heart_failur: no such fact (did you mean "heart_failure"?); allowed: metastatic,',
    ),
    "the id": ("id=p2", "id: no such fact"),
    "a boolean in words": ("heart_failure=yes", 'heart_failure: "yes" is neither true nor false'),
    "a boolean as a number": ("heart_failure=1", "heart_failure: 1 is neither true nor false"),
    "an unknown value": (
        "her2=pozitive",
        'her2: "pozitive" is not a value of her2 (did you mean "positive"?); allowed',
    ),
    "a number in words": ("weight_kg=heavy", 'weight_kg: "heavy" is not a number'),
    "a number out of range": ("weight_kg=-5", "weight_kg: -5 is out of range; allowed: more than 0"),
    "no number": ("weight_kg=NaN", "weight_kg: NaN is not a JSON number"),
    "broken JSON": ("adjuvant_drugs=[", 'adjuvant_drugs: "[": not JSON'),
    "a key twice": ('metastatic_therapy+={"drugs": [], "drugs": []}', "metastatic_therapy: drugs: the key stands twice"),
    "an unknown member": (
        "unavailable_drugs+=trastuzumabb",
        'unavailable_drugs[0]: "trastuzumabb" is not a drug of the catalogue (did you mean "trastuzumab"?)',
    ),
    "no member": ("unavailable_drugs+=", "unavailable_drugs: null is not a member"),
    "a member that is not there": (
        "infusion_symptoms-=dyspnea",
        'infusion_symptoms: "dyspnea" is not in it; recorded: ["hypotension"]',
    ),
    "a member of an unknown list": ("adjuvant_drugs+=trastuzumab", "adjuvant_drugs: it is not recorded; += would say"),
    "adding to what is no list": ("her2+=positive", "her2: it is not a list, so += has no meaning; write her2=VALUE"),
    "an unknown drug": ("metastatic_therapy+=lapatinb:toxicity", 'metastatic_therapy: "lapatinb" is not a drug of the'),
    "an unknown outcome": (
        "metastatic_therapy+=lapatinib:progresion",
        'metastatic_therapy: "progresion" is not an outcome (did you mean "progression"?); allowed: ongoing',
    ),
    "a course without drugs": (
        "metastatic_therapy+=:toxicity",
        'metastatic_therapy: ":toxicity" is not a course; write drug',
    ),
    "a course removed": ("metastatic_therapy-=lapatinib:toxicity", "metastatic_therapy: no course can be removed"),
    "therapy that is no list": ("metastatic_therapy=none", 'metastatic_therapy: "none" is not a list of courses'),
    "a label where there are no sets": (
        "one_of=before",
        'one_of: "before" is not the label of a set; the record has no sets',
    ),
    "a course of what has none": ("her2[0].outcome=toxicity", "her2: it has no courses"),
    "an unknown field": (
        "metastatic_therapy[0].outcom=toxicity",
        'metastatic_therapy[0].outcom: no such field of a course (did you mean "outcome"?); allowed: drugs, outcome,',
    ),
    "a field added to": ("metastatic_therapy[0].drugs+=lapatinib", "metastatic_therapy[0].drugs: it can only be set"),
    "a course that is not there": (
        "metastatic_therapy[1].outcome=toxicity",
        "metastatic_therapy[1]: no such course; the record has 1; allowed: -1 to 0",
    ),
    "a field with a wrong value": (
        "metastatic_therapy[-1].outcome=progresion",
        'metastatic_therapy[0].outcome: "progresion" is not an outcome (did you mean "progression"?)',
    ),
    "a course after an ongoing one": (
        "metastatic_therapy+=trastuzumab:ongoing",
        "metastatic_therapy: the last course is still ongoing, so none can follow; end it first: "
        "metastatic_therapy[-1].outcome=completed|progression|toxicity",
    ),
    "a contradiction": ("metastatic=false", "the record contradicts itself: metastatic is false, but"),
}


@pytest.mark.parametrize(("edit", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_an_edit_that_cannot_be_used_says_why(edit: str, message: str, curated: Guideline) -> None:
    data = record(metastatic_therapy=[{"drugs": ["lapatinib"], "outcome": "ongoing"}], infusion_symptoms=["hypotension"])
    kept = copy.deepcopy(data)
    with pytest.raises(RecordError) as refused:
        what_if(curated, data, [edit])
    assert message in str(refused.value)
    assert data == kept


LAST = "metastatic_therapy[-1].outcome"


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (["her2=positive", "her2=negative"], 'her2: it is changed twice, first to "positive"; change it once'),
        (["her2=positive", "hr=null", "her2=positive"], "her2: it is changed twice"),
        (["metastatic_therapy+=lapatinib:progression", "metastatic_therapy=[]"], "metastatic_therapy: it is changed twice"),
        ([f"{LAST}=progression", f"{LAST}=toxicity"], f"{LAST}: it is changed twice, first to"),
        ([f"{LAST}=progression", "metastatic_therapy+=tucatinib", f"{LAST}=toxicity"], ""),
        (["metastatic_therapy=[]", "metastatic_therapy+=lapatinib", f"{LAST}=toxicity"], ""),
    ],
)
def test_no_edit_undoes_an_earlier_one(edits: list[str], message: str, curated: Guideline) -> None:
    data = record(metastatic_therapy=[{"drugs": ["lapatinib"], "outcome": "ongoing"}])
    for ask in (what_if, corrected_record):
        if not message:
            ask(curated, data, edits)
            continue
        with pytest.raises(RecordError) as refused:
            ask(curated, data, edits)
        assert str(refused.value).startswith(message)


def test_no_course_can_be_changed_where_there_is_none(curated: Guideline) -> None:
    with pytest.raises(RecordError, match=r"metastatic_therapy\[-1\]: no such course; the record has 0; there is none"):
        what_if(curated, record(), ["metastatic_therapy[-1].outcome=progression"])


def test_a_record_that_cannot_be_used_is_refused(curated: Guideline) -> None:
    with pytest.raises(RecordError, match="a record is a JSON object"):
        what_if(curated, [], ["hr=positive"])  # type: ignore[arg-type]


def test_nothing_is_added_to_therapy_that_is_not_known(curated: Guideline) -> None:
    with pytest.raises(RecordError, match=r"metastatic_therapy: it is not recorded; \+= would say none was given before"):
        what_if(curated, {"id": "p1"}, ["metastatic_therapy+=lapatinib:toxicity"])


def test_a_fact_made_unknown_is_no_longer_what_a_default_says(curated: Guideline) -> None:
    data = curated.cases()["second_line"].record
    result = what_if(curated, data, ["unavailable_drugs=null"])
    missing = [(entry.fact, entry.member) for entry in result.after.missing]
    assert ("unavailable_drugs", "trastuzumab_deruxtecan") in missing
    result = what_if(curated, data, ["metastatic_therapy=null"])
    assert result.after.setting == "undetermined"
    assert result.after.missing[0].fact == "metastatic_therapy"


def several_sets(curated: Guideline) -> Record:
    data = {**curated.cases()["second_line"].record}
    given = data.pop("metastatic_therapy")
    return {
        **data,
        "one_of": [{"label": "since", "metastatic_therapy": given}, {"label": "before", "metastatic_therapy": []}],
    }


def test_one_of_several_sets_is_told_by_its_label(curated: Guideline) -> None:
    data = several_sets(curated)
    for label, setting in (("since", "second_line"), ("before", "first_line")):
        result = what_if(curated, data, [f"one_of={label}"])
        assert result.set == {"one_of": label}
        (own,) = (own for own in data["one_of"] if own["label"] == label)
        alone = {key: value for key, value in data.items() if key != "one_of"} | {
            "metastatic_therapy": own["metastatic_therapy"]
        }
        assert result.after == curated.answer(alone)
        assert result.after.setting == setting
        assert f'"{label}" is the case' in words_of(result)
    with pytest.raises(RecordError, match=r'one_of: "befor" is not the label of a set \(did you mean "before"\?\)'):
        what_if(curated, data, ["one_of=befor"])


def test_what_is_set_stands_beside_the_sets_and_a_course_is_changed_in_each(curated: Guideline) -> None:
    data = several_sets(curated)
    after = apply_edits(data, [parse_edit("metastatic_therapy=[]", curated)])
    assert (after["metastatic_therapy"], after["one_of"]) == ([], [{"label": "since"}, {"label": "before"}])
    after = apply_edits(data, [parse_edit("metastatic_therapy+=lapatinib", curated)])
    assert [own["metastatic_therapy"][-1]["drugs"] for own in after["one_of"]] == [["lapatinib"]] * 2  # type: ignore[attr-defined]
    assert [len(own["metastatic_therapy"]) for own in after["one_of"]] == [2, 1]  # type: ignore[attr-defined]
    curated.record(after)


def test_a_change_within_sets_is_shown_for_each_that_it_changes(curated: Guideline) -> None:
    result = what_if(curated, several_sets(curated), ["metastatic_therapy+=lapatinib:toxicity"])
    assert [own["metastatic_therapy"][-1] for own in result.set["one_of"]] == [
        {"drugs": ["lapatinib"], "outcome": "toxicity"}
    ] * 2
    for label, course in (("since", 2), ("before", 1)):
        assert f"{label}: therapy for metastatic disease: course {course}: lapatinib, toxicity (now: " in words_of(result)


def test_a_course_that_is_another_therapy_in_each_set_is_changed_in_one_of_them(curated: Guideline) -> None:
    first = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "progression"}
    second = {"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"}
    sets = [{"label": "since", "metastatic_therapy": [first, second]}, {"label": "before", "metastatic_therapy": [second]}]
    data = {"id": "p1", "her2": "positive", "one_of": sets}

    def outcomes(edit: str) -> list[list[object]]:
        after = apply_edits(data, [parse_edit(edit, curated)])
        curated.record(after)
        return [[course["outcome"] for course in own["metastatic_therapy"]] for own in after["one_of"]]  # type: ignore[attr-defined]

    assert outcomes("metastatic_therapy[-1].outcome=toxicity") == [["progression", "toxicity"], ["toxicity"]]
    assert outcomes("one_of[0].metastatic_therapy[0].outcome=toxicity") == [["toxicity", "progression"], ["progression"]]
    assert outcomes("one_of[-1].metastatic_therapy[0].outcome=toxicity") == [["progression", "progression"], ["toxicity"]]
    refused = {
        "metastatic_therapy[0].outcome=toxicity": r"one_of\[1\]: ..trastuzumab_deruxtecan..\); write one_of\[0\]\.metasta",
        "metastatic_therapy[1].outcome=toxicity": r"one_of\[1\]: none\); write one_of\[0\]\.metastatic_therapy\[1\]",
        "one_of[2].metastatic_therapy[0].outcome=toxicity": r"one_of\[2\]: no such set of facts; the record has 2; allowed",
        "one_of[0].her2=negative": r"one_of\[0\]\.her2: only a field of a course is changed in one set; write FACT=VALUE",
    }
    for edit, words in refused.items():
        with pytest.raises(RecordError, match=words):
            outcomes(edit)
    told = {"id": "p1", "metastatic_therapy": [first]}
    with pytest.raises(RecordError, match=r"the record has 0; write metastatic_therapy\[0\]\.outcome=VALUE"):
        apply_edits(told, [parse_edit("one_of[0].metastatic_therapy[0].outcome=toxicity", curated)])


def test_a_list_that_is_told_to_be_unknown_is_not_made_known_by_a_member(curated: Guideline) -> None:
    data = {**curated.cases()["second_line"].record, "unavailable_drugs": None}
    for edit in ("unavailable_drugs+=docetaxel", "unavailable_drugs-=docetaxel"):
        with pytest.raises(RecordError, match=r"unavailable_drugs: it is not recorded; .= would say of all others"):
            what_if(curated, data, [edit])


def test_a_label_is_taken_as_it_is_written_and_new_sets_are_shown(curated: Guideline) -> None:
    data = {
        "id": "p1",
        "her2": "positive",
        "one_of": [{"label": "1", "hr": "positive"}, {"label": "true", "hr": "negative"}],
    }
    for label in ("1", "true"):
        assert what_if(curated, data, [f"one_of={label}"]).set == {"one_of": label}
        assert what_if(curated, data, [f'one_of="{label}"']).set == {"one_of": label}
    sets = json.dumps(data["one_of"])
    shown = words_of(what_if(curated, {"id": "p1", "her2": "positive"}, [f"one_of={sets}"]))
    assert "1: hormone receptor status: positive (now: not recorded)" in shown


def test_a_default_that_is_made_unknown_is_shown_as_one(curated: Guideline) -> None:
    data = curated.cases()["second_line"].record
    assert "unavailable drugs: not recorded (now: none, by default)" in words_of(
        what_if(curated, data, ["unavailable_drugs="])
    )
    shown = words_of(what_if(curated, data, ["metastatic_therapy[0].chemotherapy_stopped="]))
    assert "discontinuation of chemotherapy: not recorded (now: course 1" in shown
