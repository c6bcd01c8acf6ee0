"""Why and why not: what is printed is what plain clingo concludes, and every change does what it says."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import networkx as nx
import pytest
from plain import PlainClingo
from records import random_record, surely_recommended

from graphs.build import explanation_graph
from reasoner import Guideline, Record, RecordError
from reasoner.queries.why import why
from reasoner.queries.why_not import why_not
from reasoner.records.shapes import to_plain
from reasoner.render.derivation import render_full as render_why
from reasoner.render.why import render as render_argument
from reasoner.render.why_not import render as render_why_not

THERAPY = "therapy for metastatic disease"
KINDS = {"conclusion", "rule", "fact", "statement", "reading", "overlay", "citation", "trial", "patient"}
STATES = {"holds", "fails", "recorded", "recorded_absent", "unknown"}
ROLES = {"derives", "requires", "requires_absence", "blocks", "excludes", "states", "cites", "rests_on"}


def drawn(seed: int, guideline: Guideline, unknown: float) -> Iterator[tuple[dict[str, Any], Record]]:
    """Draw random records that do not contradict themselves, without end."""
    rng = random.Random(seed)
    while True:
        data = random_record(rng, guideline, unknown)
        try:
            yield data, guideline.record(data)
        except RecordError:
            continue


def names_of(guideline: Guideline) -> list[str]:
    model = guideline.model
    return [*model.regimens, *model.actions, *model.settings]


@pytest.fixture(scope="module")
def plain(curated: Guideline) -> PlainClingo:
    return PlainClingo(curated)


def test_every_node_and_edge_is_true_in_plain_clingo_and_no_support_is_left_out(
    curated: Guideline, plain: PlainClingo
) -> None:
    rng = random.Random(3)
    for (data, record), _ in zip(drawn(21, curated, 0.0), range(300), strict=False):
        answer = curated.answer(record)
        (completion,) = plain.solve(record.facts)
        result = why(answer, rng.choice(names_of(curated)))
        graph = explanation_graph(result.trace, curated.model, {})
        for name, node in graph.nodes(data=True):
            if node["kind"] in ("conclusion", "fact"):
                assert (node["state"] in ("holds", "recorded")) == (name in completion.atoms), (data, name)
            if node["kind"] == "conclusion" and node["state"] == "holds":
                expected = sum(use.fires == "always" for use in answer.derivation.explain(name).supports)
                assert sum(graph.nodes[rule]["state"] == "holds" for rule in graph.predecessors(name)) >= expected
        for source, target, edge in graph.edges(data=True):
            if edge["role"] == "requires":
                assert source in completion.atoms, (data, target)
            elif edge["role"] == "requires_absence":
                assert source not in completion.atoms, (data, target)
            elif edge["role"] == "blocks":
                assert graph.nodes[target]["state"] == "fails", (data, target)


def test_the_graph_has_the_vocabulary_of_explanation_graphs_and_no_cycle(curated: Guideline) -> None:
    rng = random.Random(25)
    for case in curated.cases().values():
        if case.name == "nothing_recorded":
            continue
        answer = curated.answer(case.record)
        for name in rng.sample(names_of(curated), 15):
            result = why(answer, name)
            data: dict[str, Any] = to_plain(result)
            assert data["schema"] == "reasoner.why/1"
            graph = explanation_graph(result.trace, curated.model, {})
            assert len(data["derivation"]["nodes"]) == len(graph)
            assert len(data["derivation"]["edges"]) == graph.number_of_edges()
            assert {node["kind"] for _, node in graph.nodes(data=True)} <= KINDS
            assert {node["state"] for _, node in graph.nodes(data=True)} <= STATES
            assert {edge["role"] for _, _, edge in graph.edges(data=True)} <= ROLES
            assert nx.is_directed_acyclic_graph(graph)
            for atom in result.atoms:
                if answer.derivation.holds(answer.derivation.program.index[atom]):
                    sources = {graph.nodes[node]["kind"] for node in nx.ancestors(graph, atom)}
                    assert sources & {"statement", "reading", "overlay"}, (case.name, atom)


def test_the_status_is_the_answers(curated: Guideline) -> None:
    for (_, record), _ in zip(drawn(22, curated, 0.2), range(50), strict=False):
        answer = curated.answer(record)
        recommended = {entry.regimen: entry.certainty for entry in answer.recommended}
        excluded = {entry.regimen: entry.certainty for entry in answer.excluded}
        for regimen in curated.model.regimens:
            expected = (
                "recommended"
                if recommended.get(regimen) == "certain"
                else "excluded"
                if excluded.get(regimen) == "certain"
                else "conditional"
                if regimen in recommended or regimen in excluded
                else "not_recommended"
            )
            assert why(answer, regimen, depth=1).status == expected


def test_where_therapy_is_not_known_what_some_history_concludes_is_conditional(curated: Guideline) -> None:
    data = {key: value for key, value in curated.cases()["third_line"].record.items() if key != "metastatic_therapy"}
    answer = curated.answer(data)
    assert all(entry.regimen != "lapatinib_capecitabine" for entry in answer.recommended)
    for conclusion in ("lapatinib_capecitabine", "third_line", "continue_her2_blockade"):
        result = why(answer, conclusion)
        assert result.status == "conditional"
        states = {node.state for node in result.trace.nodes if node.kind == "fact" and "drug_in" in node.id}
        assert states <= {"unknown"}
    untreated = why(curated.answer({**data, "metastatic_therapy": []}), "lapatinib_capecitabine")
    assert untreated.status == "not_recommended"


def test_texts_fit_into_80_columns_and_say_each_part_once(curated: Guideline) -> None:
    rng = random.Random(24)
    for case in curated.cases().values():
        answer = curated.answer(case.record)
        record = curated.record(case.record)
        for name in rng.sample(names_of(curated), 12):
            text = render_why(why(answer, name, depth=1))
            parts = re.findall(r"^\d+\.", text, re.MULTILINE)
            assert len(parts) == len(set(parts))
            assert max(map(len, text.splitlines())) <= 80
        for regimen in rng.sample(curated.model.regimens, 4):
            assert max(map(len, render_why_not(why_not(curated, record, regimen)).splitlines())) <= 80


def test_depth_folds_and_unfolds(curated: Guideline) -> None:
    result = why(curated.answer(curated.cases()["third_line"].record), "tucatinib_trastuzumab_capecitabine")
    texts = [render_why(result, depth=depth) for depth in (1, 3, 30)]
    assert [len(text) for text in texts] == sorted(len(text) for text in texts)
    assert "are folded; --depth 2 shows more" in texts[0]
    assert "folded" not in texts[2]


def test_absence_is_worded_by_what_the_record_says(curated: Guideline) -> None:
    record = dict(curated.cases()["second_line"].record)
    recorded = render_why(why(curated.answer(record), "trastuzumab_deruxtecan"), depth=9)
    assert "interstitial lung disease, present or past [recorded as absent]" in " ".join(recorded.split())
    del record["interstitial_lung_disease"]
    unrecorded = render_why(why(curated.answer(record), "trastuzumab_deruxtecan"), depth=9)
    assert "interstitial lung disease, present or past [not recorded]" in " ".join(unrecorded.split())


def test_the_rules_of_why_not_are_blocked_by_exactly_what_fails_in_plain_clingo(
    curated: Guideline, plain: PlainClingo
) -> None:
    rng = random.Random(8)
    for (data, record), _ in zip(drawn(23, curated, 0.0), range(400), strict=False):
        regimen = rng.choice(curated.model.regimens)
        (completion,) = plain.solve(record.facts)
        result = why_not(curated, record, regimen)
        misses = [len(use.blocked_by) for use in result.uses]
        assert misses == sorted(misses)
        for use in result.uses:
            failing = [c for c in use.conditions if (c.atom in completion.atoms) == c.negated]
            assert list(use.blocked_by) == failing, (data, use)


def test_what_is_unknown_of_the_past_can_be_found_out(curated: Guideline) -> None:
    record = curated.record(curated.cases()["recurrence_month_not_recorded"].record)
    (change,) = why_not(curated, record, "trastuzumab_deruxtecan").changes
    assert (change.set, change.kind) == ({"months_to_recurrence": 12}, {"months_to_recurrence": "find_out"})
    text = render_why_not(why_not(curated, record, "trastuzumab_deruxtecan"))
    assert "to recurrence: at most 12 - to be found out" in " ".join(text.split())


def test_the_past_is_offered_only_when_asked_for(curated: Guideline) -> None:
    record = curated.record(curated.cases()["recurrence_at_exactly_12_months"].record)
    first = "trastuzumab_pertuzumab_taxane"
    assert why_not(curated, record, first).changes == ()
    changes = [change.set for change in why_not(curated, record, first, anything=True).changes]
    assert {"months_to_recurrence": 13} in changes
    for change in changes:
        assert first in surely_recommended(curated, {**record.data, **change}), change


def test_why_the_second_comes_after_the_first(curated: Guideline) -> None:
    record = curated.record(curated.cases()["second_line_cns_predominant"].record)
    (ahead,) = why_not(curated, record, "trastuzumab_deruxtecan").outranked_by
    assert (ahead.regimen, ahead.rank, ahead.annotations) == ("tucatinib_trastuzumab_capecitabine", 1, ("R7",))
    text = render_why_not(why_not(curated, record, "trastuzumab_deruxtecan"))
    assert "Ranked ahead of it" in text
    assert "no change is needed" in text


FIRST = ["trastuzumab", "pertuzumab", "docetaxel"]
STANDINGS = {
    "what recorded courses imply is recorded": (
        {"metastatic_therapy": [{"drugs": FIRST, "outcome": "progression"}], "her2": None},
        "trastuzumab_deruxtecan", ("HER2 status: positive - not recorded; metastatic disease;",), (),
    ),
    "a recorded interval implies the drug from which it counts": (
        {"months_to_recurrence": 9, "metastatic": True, "metastatic_therapy": [], "interstitial_lung_disease": None},
        "trastuzumab_deruxtecan", ("trastuzumab among the adjuvant drugs; months",), ("drugs - not recorded",),
    ),
    "an outcome that is not recorded is said once": (
        {"metastatic_therapy": [{"drugs": FIRST}]},
        "trastuzumab_deruxtecan", ("docetaxel, progression - not recorded",), ("not recorded - not recorded",),
    ),
    "an outcome that is not recorded could be one that excludes": (
        {"hr": "negative", "metastatic": True, "metastatic_therapy": [{"drugs": FIRST}]},
        "trastuzumab_pertuzumab", ("Not recorded: how course 1 ended [R17, R10];",), ("ongoing and",),
    ),
    "what places a patient in the scope does not carry the setting": (
        {"hr": "negative", "metastatic": True, "metastatic_therapy": [{"drugs": FIRST}]},
        "maintenance", ("Because - HER2 status: positive",), ("R19", "; metastatic disease"),
    ),
    "a value is named as it is recorded": (
        {"hr": "negative", "metastatic": True, "metastatic_therapy": [{"drugs": FIRST}], "lvef_decline": "none"},
        "trastuzumab_pertuzumab", ("hormone receptor status: negative [reading R17]", "Recorded: LVEF decline: none [R11]"),
        ("Recorded as absent",),
    ),
    "what happened in therapy that is not known is not recorded as absent": (
        {"months_to_recurrence": 9, "metastatic": True},
        "trastuzumab_deruxtecan", ("Not recorded: interstitial lung disease",), ("Recorded as absent",),
    ),
    "what is sufficient and read by no statement itself has the source of its like": (
        {"hr": "positive", "metastatic": True, "adjuvant_drugs": [], "metastatic_therapy": [], "heart_failure": False,
         "lvef_decline": "none", "unavailable_drugs": ["docetaxel", "paclitaxel"]},
        "endocrine_trastuzumab", ("among the unavailable drugs [R21]",), ("[]",),
    ),
    "drugs that would all have to be unavailable stand together": (
        {"hr": "negative", "metastatic": True, "adjuvant_drugs": [], "metastatic_therapy": []},
        "trastuzumab_pertuzumab_taxane", ("pertuzumab, or trastuzumab, or docetaxel and paclitaxel among the",), (),
    ),
    "which of several sets of facts is the case could change it, by what excludes then": (
        {"hr": "negative", "metastatic": True, "one_of": [
            {"label": "one", "metastatic_therapy": [{"drugs": FIRST, "outcome": "progression"}]},
            {"label": "other", "metastatic_therapy": [{"drugs": FIRST, "outcome": "completed"}]},
        ]},
        "trastuzumab_pertuzumab", ("which of the possibilities in the record is the case [R17, R10]",), ("[]",),
    ),
    "what would only exclude could not change that something is not recommended": (
        {"metastatic": True, "adjuvant_drugs": [], "interstitial_lung_disease": False, "metastatic_therapy": [
            {"drugs": ["trastuzumab", "paclitaxel"], "outcome": "progression"}]},
        "trastuzumab_deruxtecan", ("x Not met: progression on pertuzumab",), ("What could change this",),
    ),
    "a setting in which the text is silent rests on no trial": (
        {"adjuvant_drugs": [], "metastatic_therapy": [{"drugs": ["eribulin"], "outcome": "progression"}]},
        "not_addressed", ("not addressed: the setting here",), ("Evidence:", "holds"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", STANDINGS)
def test_why_tells_how_facts_stand_in_the_record(title: str, curated: Guideline) -> None:
    data, conclusion, says, does_not_say = STANDINGS[title]
    shown = " ".join(render_argument(why(curated.answer({"id": "p", "her2": "positive", **data}), conclusion)).split())
    assert [words for words in says if words not in shown] == []
    assert [words for words in does_not_say if words in shown] == []


def test_why_not_says_that_more_than_one_thing_excludes(curated: Guideline) -> None:
    given = [{"drugs": FIRST, "outcome": "progression"}, {"drugs": ["trastuzumab_deruxtecan"], "outcome": "toxicity"}]
    record = curated.record({"id": "p", "her2": "positive", "interstitial_lung_disease": True, "metastatic_therapy": given})
    assert "But for these it would be recommended" in render_why_not(why_not(curated, record, "trastuzumab_deruxtecan"))


NEAREST = {
    "a history of which the text is silent": (
        "progression_without_pertuzumab", "trastuzumab_deruxtecan",
        ("does not speak of this history; nothing excludes it", "[L17;", "+ Met: progression on trastuzumab;",
         "x Not met: progression on pertuzumab.", "Under R5=b it would be recommended.", "whether or not pertuzumab"),
    ),
    "a regimen of another line": (
        "second_line", "lapatinib_capecitabine",
        ("does not indicate it here; nothing excludes it", "x Not met: third line (progression on T-DXd)."),
    ),
    "what excludes it, and that nothing else stands against it": (
        "second_line_interstitial_lung_disease", "trastuzumab_deruxtecan",
        ("Excluded by x interstitial lung disease", "But for that it would be recommended", "the record says otherwise"),
    ),
    "what is open": (
        "lung_disease_not_recorded", "trastuzumab_emtansine",
        ("Excluded if no interstitial lung disease", "? Not known: contraindication to", "or past - to be found out"),
    ),
    "a statement that no history of this length reaches": (
        "de_novo_untreated", "pertuzumab", ("[L36;", "x Not met: third line."),
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", NEAREST)
def test_why_not_tells_what_came_nearest_and_what_of_it_is_not_met(title: str, curated: Guideline) -> None:
    case, regimen, says = NEAREST[title]
    result = why_not(curated, curated.record(curated.cases()[case].record), regimen)
    shown = " ".join(render_why_not(result).split())
    assert [words for words in says if words not in shown] == []
    assert "it requires" not in shown
    assert ("it requires" in render_why_not(result, full=True)) == bool(result.rules)


def test_why_not_has_the_keys_of_its_schema(curated: Guideline) -> None:
    record = curated.record(curated.cases()["lung_disease_not_recorded"].record)
    data: dict[str, Any] = to_plain(why_not(curated, record, "trastuzumab_emtansine"))
    assert data["schema"] == "reasoner.why/1"
    assert data["status"] == "conditional"
    assert data["rules"][0]["rule"] == "L24.3"
    assert data["rules"][0]["statements"] == ["L24"]
    assert {condition["state"] for rule in data["rules"] for condition in rule["blocked_by"]} <= {"unknown", "derived"}
    assert [entry["regimen"] for entry in data["excluded_by"]] == ["trastuzumab_emtansine"]
    assert data["outranked_by"] == []
    assert data["changes"] == [
        {"set": {"interstitial_lung_disease": True}, "kind": {"interstitial_lung_disease": "find_out"}},
        {"set": {"unavailable_drugs": ["trastuzumab_deruxtecan"]}, "kind": {"unavailable_drugs": "find_out"}},
    ]


def test_an_alternative_of_a_reading_is_cited_once_and_said_to_be_taken(curated: Guideline) -> None:
    record = curated.cases()["progression_without_pertuzumab"].record
    for chosen, state in (("R5=b", "taken so"), ("R5=any", "left open")):
        text = render_why(why(curated.with_readings([chosen]).answer(record), "trastuzumab_deruxtecan"), width=500)
        assert f"reading R5 taken as b [{state}]" in text
        assert "Reading R5=b, as above" in text


OPEN_END = {"id": "p", "metastatic": True, "her2": "positive", "hr": "negative"}
UNKNOWN_END = {**OPEN_END, "metastatic_therapy": [{"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]}]}
DEPENDS = (
    (
        "A setting says when it is the patient's",
        UNKNOWN_END, "maintenance", ("certain if course 1 was completed as planned",),
    ),
    (
        "What is not addressed rests on the reading that says so",
        UNKNOWN_END, "not_addressed", ("certain if course 1 ended in toxicity", "[reading R24]"),
    ),
    (
        "The end of a course that decides is among what could change it, and the rank is the best one",
        UNKNOWN_END, "trastuzumab_deruxtecan",
        ("(rank 1 at best,", "What could change this - Not recorded: how course 1 ended"),
    ),
    *(
        (f"{name} depends on therapy that is not known", OPEN_END, name, (f"it depends on which {THERAPY} was given",))
        for name in ("maintenance", "third_line", "lapatinib_capecitabine", "stop_chemotherapy")
    ),
)  # fmt: skip


@pytest.mark.parametrize(("title", "record", "conclusion", "says"), DEPENDS)
def test_what_is_conditional_says_on_what(
    title: str, record: dict[str, Any], conclusion: str, says: tuple[str, ...], curated: Guideline
) -> None:
    shown = " ".join(render_argument(why(curated.answer(record), conclusion)).split())
    assert [words for words in says if words not in shown] == [], title


def test_what_is_ahead_only_under_a_condition_says_so(curated: Guideline) -> None:
    for known, says in (
        ({}, "1? tucatinib + trastuzumab + capecitabine, if predominantly CNS disease; no heart failure"),
        ({"cns_predominant": True, "heart_failure": False, "lvef_decline": "none"}, "1. tucatinib + trastuzumab"),
    ):
        result = why_not(curated, curated.record({**UNKNOWN_END, **known}), "trastuzumab_emtansine")
        assert says in " ".join(render_why_not(result).split())


def test_unknown_names_are_refused_with_the_nearest(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()["second_line"].record)
    with pytest.raises(RecordError, match='did you mean "trastuzumab_deruxtecan"'):
        why(answer, "trastuzumab_deruxtecn")
    with pytest.raises(RecordError, match='"monitor_lvef" is not a regimen; allowed'):
        why_not(curated, curated.record(curated.cases()["second_line"].record), "monitor_lvef")


HISTORIES: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "completed"}],
    [{"drugs": ["trastuzumab", "pertuzumab", "docetaxel"], "outcome": "progression"}],
    [{"drugs": ["trastuzumab_deruxtecan"], "outcome": "progression"}],
    [{"drugs": ["lapatinib", "capecitabine"], "outcome": "ongoing"}],
    [{"drugs": ["trastuzumab_deruxtecan"], "outcome": "toxicity"}],
)


def test_what_some_therapy_would_give_is_never_said_not_to_be_met_where_therapy_is_not_known(curated: Guideline) -> None:
    known = {"id": "p", "metastatic": True, "her2": "positive", "heart_failure": False, "lvef_decline": "none"}
    for hr in ("positive", "negative"):
        told = [curated.answer({**known, "hr": hr, "metastatic_therapy": history}) for history in HISTORIES]
        for regimen in curated.model.regimens:
            result = why_not(curated, curated.record({**known, "hr": hr}), regimen)
            shown, nearest = " ".join(render_why_not(result).split()), result.nearest
            if any(entry.regimen == regimen for answer in told for entry in answer.recommended):
                assert "Nothing that can still change" not in shown, (hr, regimen)
                assert result.otherwise in shown, (hr, regimen)
                assert "record the courses" in result.otherwise
            for lack in nearest.lacks if nearest is not None else ():
                atom = result.answer.derivation.program.atoms[lack.atom]
                assert lack.kind != "missing" or not any(answer.derivation.may_hold(atom) for answer in told), (
                    regimen,
                    atom,
                )


def test_an_action_for_what_is_not_recorded_is_called_for_because_it_is_not(curated: Guideline) -> None:
    answer = curated.answer({"id": "p", "metastatic": True, "metastatic_therapy": []})
    assert "- HER2 status - not recorded" in render_argument(why(answer, "confirm_her2_status"))
