"""The pathways from a record: against the answers of the states they pass, as a graph, and as text."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import networkx
import pytest
from records import facts_of, random_record, untold_records

from graphs.build import pathway_graph
from reasoner import Guideline
from reasoner.errors import ReasonerError, RecordError
from reasoner.queries.pathway import Pathway, pathway
from reasoner.records.shapes import to_plain
from reasoner.render.pathway import render

COURSES = "metastatic_therapy"
OTHER = Path(__file__).parent / "guidelines" / "marsh_fever"


def graph_of(found: Pathway) -> networkx.DiGraph:
    return networkx.node_link_graph(to_plain(found), edges="edges")


def following(graph: networkx.DiGraph, node: str, *kinds: str) -> list[str]:
    return [name for name in graph.successors(node) if graph.nodes[name]["kind"] in kinds]


def after(graph: networkx.DiGraph, node: str, outcome: str) -> str:
    """Give the state to which an outcome of a regimen, or of the course under way, leads."""
    (found,) = [n for n in following(graph, node, "outcome") if outcome in graph.nodes[n]["outcomes"].split(", ")]
    (state,) = graph.successors(found)
    return state


def records(guideline: Guideline, count: int, seed: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    while count:
        data = random_record(rng, guideline, rng.choice([0, 0.1, 0.3]))
        try:
            guideline.record(data)
        except RecordError:
            continue
        count -= 1
        yield data


@pytest.fixture(scope="module")
def drawn(curated: Guideline, literal: Guideline) -> list[tuple[Guideline, dict[str, Any], Pathway]]:
    """The pathways of all shipped records and of random ones."""
    asked = [(curated, case.record) for case in curated.cases().values()]
    asked += [(curated, data) for data in records(curated, 60, 5)]
    asked += [(literal, data) for data in records(literal, 25, 6)]
    return [(guideline, dict(data), pathway(guideline, data, lines=2)) for guideline, data in asked]


def test_what_comes_next_in_a_state_is_what_its_answer_recommends(
    drawn: list[tuple[Guideline, dict[str, Any], Pathway]],
) -> None:
    states = 0
    for guideline, data, found in drawn:
        graph = graph_of(found)
        for name, record in found.records.items():
            answer = guideline.answer(record)
            node = graph.nodes[name]
            assert node["setting"] == answer.setting, facts_of(data)
            said = [(graph.nodes[n]["regimen"], graph.nodes[n]["rank"]) for n in following(graph, name, "regimen")]
            expected = [(entry.regimen, str(entry.rank)) for entry in answer.recommended]
            if "cut" in node:
                assert set(said) < set(expected), facts_of(data)
            else:
                assert said == expected, facts_of(data)
            states += 1
    assert states > 400


def test_states_end_in_the_way_their_answer_does(drawn: list[tuple[Guideline, dict[str, Any], Pathway]]) -> None:
    seen = set()
    for guideline, data, found in drawn:
        graph = graph_of(found)
        for name, record in found.records.items():
            answer = guideline.answer(record)
            if answer.recommended:
                continue
            kinds = {graph.nodes[n]["kind"] for n in following(graph, name, "dead_end", "silence")}
            if any(note.startswith("The text is silent") for note in answer.notes):
                assert kinds == {"silence"}, facts_of(data)
            elif answer.setting != "undetermined" and any(note.startswith("A dead end") for note in answer.notes):
                assert "dead_end" in kinds, facts_of(data)
            elif answer.setting == "out_of_scope":
                assert kinds == set()
                assert "end" in graph.nodes[name]
            seen |= kinds
    assert seen == {"dead_end", "silence"}


def test_the_graph_has_no_cycle_and_every_leaf_says_why_it_is_one(
    drawn: list[tuple[Guideline, dict[str, Any], Pathway]],
) -> None:
    for _, data, found in drawn:
        graph = graph_of(found)
        assert networkx.is_directed_acyclic_graph(graph)
        first = found.nodes[0].id
        assert set(graph) == {first} | networkx.descendants(graph, first)
        for name in graph:
            node = graph.nodes[name]
            assert node["kind"] in ("state", "regimen", "outcome", "dead_end", "silence")
            if not list(graph.successors(name)):
                assert node["kind"] in ("dead_end", "silence") or node.keys() & {"cut", "end"}, facts_of(data)


def test_node_link_data_goes_through_networkx_unchanged(drawn: list[tuple[Guideline, dict[str, Any], Pathway]]) -> None:
    for _, _, found in drawn:
        data = to_plain(found)
        assert data.pop("schema") == "reasoner.pathway/1"
        assert json.loads(json.dumps(networkx.node_link_data(graph_of(found), edges="edges"))) == data
        assert all(isinstance(value, str) for node in found.nodes for value in to_plain(node).values())
        assert not {"source", "target", "value"} & {key for node in found.nodes for key in to_plain(node)}
        assert len({node.id for node in found.nodes}) == len(found.nodes)
        assert len({(edge.source, edge.target) for edge in found.edges}) == len(found.edges)


@pytest.mark.parametrize(("layer", "lines"), [("curated", 3), ("literal", 2)])
def test_walking_along_the_edges_with_an_own_record_meets_the_same_recommendations(
    layer: str, lines: int, request: pytest.FixtureRequest
) -> None:
    """A state stands for many histories: each of them must be answered as the state says."""
    guideline: Guideline = request.getfixturevalue(layer)
    rng = random.Random(7)
    steps = 0
    told = [case for case in guideline.cases().values() if all(c.get("outcome") for c in case.record.get(COURSES) or [{}])]
    for case in told[::4]:
        graph = graph_of(pathway(guideline, case.record, lines))
        first = next(iter(graph))
        for _ in range(20):
            state, data = first, {**case.record, COURSES: [dict(c) for c in case.record[COURSES]]}  # type: ignore[attr-defined]
            while True:
                answer = guideline.answer(data)
                choices = following(graph, state, "regimen")
                assert graph.nodes[state]["setting"] == answer.setting
                if "cut" in graph.nodes[state]:
                    assert answer.recommended
                    break
                assert [graph.nodes[n]["regimen"] for n in choices] == [e.regimen for e in answer.recommended], facts_of(
                    data
                )
                if any(graph.nodes[n]["certainty"] == "conditional" for n in choices) or not choices:
                    break
                chosen = rng.choice(choices)
                outcome = rng.choice(following(graph, chosen, "outcome"))
                ending = rng.choice(graph.nodes[outcome]["outcomes"].split(", "))
                take(guideline, data[COURSES], graph.nodes[chosen]["regimen"], ending)
                state = after(graph, chosen, ending)
                steps += 1
    assert steps > 200


def take(guideline: Guideline, courses: list[dict[str, Any]], regimen: str, outcome: str) -> None:
    parts = guideline.model.parts[regimen]
    if courses and courses[-1]["outcome"] == "ongoing":
        drugs = set(courses[-1]["drugs"])
        if all(drugs & set(part) for part in parts) and drugs <= {drug for part in parts for drug in part}:
            courses[-1]["outcome"] = outcome
            return
        courses[-1]["outcome"] = "completed"
    courses.append({"drugs": [part[0] for part in parts], "outcome": outcome})


def courses_in(data: Mapping[str, Any]) -> int:
    """Count the courses that a record tells of, in the set of facts that tells of most."""
    return max(len(own.get(COURSES) or []) for own in (data, *(data.get("one_of") or ())))


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_lines_bound_the_courses_that_are_added(lines: int, curated: Guideline) -> None:
    for case in curated.cases().values():
        before = courses_in(case.record)
        found = pathway(curated, case.record, lines)
        if "one_of" in case.record:
            continue
        added = [courses_in(record.data) - before for record in found.records.values()]
        assert max(added) <= lines
        cut = {node.id for node in found.nodes if node.cut}
        assert all(courses_in(found.records[name].data) - before == lines for name in cut)
        assert not cut or max(added) == lines


def test_the_known_path_of_untreated_disease(curated: Guideline) -> None:
    graph = graph_of(pathway(curated, curated.cases()["de_novo_untreated"].record))
    first = next(iter(graph))
    assert first == "state:first_line"
    (standard,) = graph.successors(first)
    assert graph.nodes[standard]["regimen"] == "trastuzumab_pertuzumab_taxane"
    second = after(graph, standard, "progression")
    assert graph.nodes[second]["label"] == "second line"
    (conjugate,) = graph.successors(second)
    assert graph.nodes[conjugate]["regimen"] == "trastuzumab_deruxtecan"
    third = after(graph, conjugate, "progression")
    assert graph.nodes[third]["label"] == "third line"
    assert graph.nodes[next(graph.successors(third))]["regimen"] == "tucatinib_trastuzumab_capecitabine"
    assert graph.nodes[after(graph, standard, "completed")]["label"] == "maintenance"
    emtansine = next(graph.successors(after(graph, conjugate, "toxicity")))
    (stop,) = graph.successors(after(graph, emtansine, "progression"))
    assert graph.nodes[stop]["kind"] == "dead_end"


def test_what_a_conditional_regimen_assumes_is_recorded_after_it(curated: Guideline) -> None:
    found = pathway(curated, curated.cases()["lung_disease_not_recorded"].record, lines=1)
    graph = graph_of(found)
    for regimen, disease in (("trastuzumab_deruxtecan", False), ("trastuzumab_emtansine", True)):
        node = f"state:second_line/{regimen}"
        assert graph.nodes[node]["certainty"] == "conditional"
        assert found.records[after(graph, node, "progression")].data["interstitial_lung_disease"] is disease


def test_an_assumed_threshold_holds_after_the_regimen_that_assumes_it(curated: Guideline) -> None:
    found = pathway(curated, curated.cases()["recurrence_month_not_recorded"].record)
    graph = graph_of(found)
    for regimen in ("trastuzumab_pertuzumab_taxane", "trastuzumab_deruxtecan"):
        record = found.records[after(graph, f"{found.nodes[0].id}/{regimen}", "toxicity")]
        assert not [m for m in curated.answer(record).missing if m.fact == "months_to_recurrence"]


def test_a_course_under_way_comes_to_an_end_before_another_is_added(curated: Guideline) -> None:
    found = pathway(curated, curated.cases()["first_line_under_way"].record, lines=0)
    graph = graph_of(found)
    (standard,) = following(graph, "state:first_line", "regimen")
    assert graph.nodes[standard]["strength"] == "continue"
    record = found.records[after(graph, standard, "progression")]
    assert record.courses == 1
    (course,) = record.data[COURSES]  # type: ignore[misc,attr-defined]
    assert (course["outcome"], course["taxane_cycles"]) == ("progression", 3)


def test_a_dead_end_under_a_course_goes_on_when_the_course_ends(curated: Guideline) -> None:
    record = {**curated.cases()["maintenance_under_way"].record, "heart_failure": True}
    graph = graph_of(pathway(curated, record, lines=1))
    (stop,) = following(graph, next(iter(graph)), "dead_end")
    assert graph.nodes[after(graph, stop, "progression")]["label"] == "not addressed"


def test_an_unavailable_drug_is_not_chosen_for_a_part(curated: Guideline) -> None:
    record = {**curated.cases()["de_novo_untreated"].record, "unavailable_drugs": ["docetaxel"]}
    found = pathway(curated, record, lines=1)
    taken = {drug for r in found.records.values() for c in r.data[COURSES] for drug in c["drugs"]}  # type: ignore[attr-defined]
    assert taken == {"trastuzumab", "pertuzumab", "paclitaxel"}


def test_the_text_fits_the_width_and_marks_and_counts_its_ends(
    drawn: list[tuple[Guideline, dict[str, Any], Pathway]],
) -> None:
    for guideline, data, found in drawn:
        text = render(found)
        for width in (40, 80):
            assert all(len(line) <= width for line in render(found, width).splitlines()), facts_of(data)
        kinds = [node.kind for node in found.nodes]
        assert ("DEAD END" in text) == ("dead_end" in kinds)
        assert ("SILENCE" in text) == ("silence" in kinds)
        assert f"  -  {kinds.count('dead_end')} dead end" in text
        assert f"  -  {kinds.count('silence')} silence" in text
        assert " ".join(text.split()).endswith(guideline.info.disclaimer)
        for number in range(1, kinds.count("state") + 1):
            assert f"[{number}] " in " ".join(text.split()), facts_of(data)


def test_what_is_too_deep_is_shown_further_below(curated: Guideline) -> None:
    text = render(pathway(curated, curated.cases()["de_novo_untreated"].record, lines=4), width=40)
    below = re.findall(r"\[(\d+)\] [a-z ]+ \(below\)", " ".join(text.split()))
    assert below
    for number in below:
        assert f"\n\n[{number}] " in text


def test_the_text_of_a_short_pathway(curated: Guideline) -> None:
    text = render(pathway(curated, curated.cases()["second_line_interstitial_lung_disease"].record))
    assert "\n".join(text.splitlines()[6:14]) == (
        "[1] second line\n"
        "  1. trastuzumab emtansine (T-DM1) - alternative [L17, L24]\n"
        "     > progression, or toxicity: [2] second line: DEAD END - everything that\n"
        "       would be recommended is excluded: trastuzumab deruxtecan (T-DXd); T-DM1\n"
        "\n"
        "WHERE IT ENDS\n"
        "  -  1 dead end (reached in 2 ways)\n"
        "  -  0 silences"
    )
    assert "\x1b[" not in text
    assert "\x1b[" in render(pathway(curated, curated.cases()["third_line"].record, 1), colour=True)


def test_what_follows_several_regimens_alike_and_a_caution_are_said_once(curated: Guideline) -> None:
    text = render(pathway(curated, curated.cases()["third_line_heart_failure"].record, lines=1))
    assert text.count("is silent on its conjugates") == 1
    assert text.count("otherwise only monitors the LVEF") == 1
    text = render(pathway(curated, curated.cases()["third_line"].record, lines=1))
    assert "\n".join(text.splitlines()[6:13]) == (
        "[1] third line\n"
        "  1. tucatinib + trastuzumab + capecitabine - preferred [L30]\n"
        "  2. trastuzumab emtansine (T-DM1) - alternative [L30, L35]\n"
        "  2. lapatinib + capecitabine - alternative [L30, L37]\n"
        "  2. lapatinib + trastuzumab - alternative [L30, L38]\n"
        "     after each of these:\n"
        "     > completion, or progression, or toxicity: [2] third line: (continues)"
    )


def test_the_same_record_gives_the_same_bytes(curated: Guideline, environment: dict[str, str]) -> None:
    code = (
        "from reasoner import Guideline\nfrom reasoner.queries.pathway import pathway\n"
        "from reasoner.records.shapes import to_json\nfrom reasoner.render.pathway import render\n"
        "g = Guideline.load()\n"
        "for name in ('nothing_recorded', 'long_disease_free_interval'):\n"
        "    p = pathway(g, g.cases()[name].record, 2)\n    print(to_json(p).decode(), render(p))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**environment, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_what_cannot_be_followed_is_refused(curated: Guideline) -> None:
    record = curated.cases()["third_line"].record
    with pytest.raises(ReasonerError, match="at least 0"):
        pathway(curated, record, lines=-1)
    with pytest.raises(RecordError, match="unknown key"):
        pathway(curated, {**record, "her3": "positive"})


@pytest.mark.parametrize("name", ["third_line", "nothing_recorded", "outcome_not_recorded"])
def test_where_too_many_records_follow_fewer_courses_are_added_and_that_is_said(name: str, curated: Guideline) -> None:
    record = curated.cases()[name].record
    whole = [pathway(curated, record, lines=n) for n in range(4)]
    assert not any(found.about.left_out for found in whole)
    found = pathway(curated, record, most=60)
    assert 0 < found.about.lines < 3
    alike = whole[found.about.lines]
    assert (found.nodes, found.edges) == (alike.nodes, alike.edges)
    said = f"Asked for were 3 more courses. What follows after {found.about.lines} more course"
    assert str(found.about.left_out).startswith(said)
    assert said in " ".join(render(found).split())
    assert pathway_graph(found).graph["notes"] == found.about.left_out


def test_records_that_are_answered_together_are_answered_as_each_by_itself(
    curated: Guideline, literal: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(curated, case.record) for case in list(curated.cases().values())[::5]]
    asked += [(curated.with_readings(["any"]), case.record) for case in list(curated.cases().values())[::16]]
    asked += [(literal, data) for data in records(literal, 6, 8)]
    together = [pathway(guideline, data, lines=2) for guideline, data in asked]
    monkeypatch.setattr("reasoner.queries.exploration.TOGETHER", 1)
    for (guideline, data), found in zip(asked, together, strict=True):
        alone = pathway(guideline, data, lines=2)
        assert (alone.nodes, alone.edges) == (found.nodes, found.edges), facts_of(data)
        assert alone.records == found.records, facts_of(data)


def changed(folder: Path, old: str, new: str) -> Guideline:
    """Load the second guideline with a line changed."""
    shutil.copytree(OTHER, folder / "other")
    file = folder / "other" / "guideline.lp"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    return Guideline.load(folder / "other")


def test_a_second_guideline_is_followed_too(own_cache: None) -> None:
    guideline = Guideline.load(OTHER)
    record = next(iter(guideline.cases().values())).record
    for data in (record, {"id": "unknown"}):
        found = pathway(guideline, data, lines=2)
        assert max(r.courses for r in found.records.values()) > 0
        assert networkx.is_directed_acyclic_graph(graph_of(found))
        assert "Marsh fever" in render(found)


def test_a_history_that_cannot_be_is_an_end(tmp_path: Path) -> None:
    guideline = changed(
        tmp_path,
        "inconsistent(rash_without_fever)",
        'term(contradiction, once, "nobody is treated twice").\ninconsistent(once) :- course(2).\n'
        "inconsistent(rash_without_fever)",
    )
    found = pathway(guideline, next(iter(guideline.cases().values())).record, lines=2)
    assert "nobody is treated twice" in render(found)
    assert networkx.is_directed_acyclic_graph(graph_of(found))


def test_where_therapy_is_not_known_the_untreated_are_followed_and_that_is_said(curated: Guideline) -> None:
    data = {key: value for key, value in curated.cases()["de_novo_untreated"].record.items() if key != COURSES}
    found = pathway(curated, data)
    assert found.about.assuming == "no therapy for metastatic disease was given"
    graph = graph_of(found)
    (standard,) = following(graph, next(iter(graph)), "regimen")
    assert graph.nodes[standard]["assuming"] == found.about.assuming
    (course,) = courses_of(found, after(graph, standard, "progression"))
    assert course["outcome"] == "progression"
    text = " ".join(render(found).split())
    assert (
        "Which therapy was given is not recorded. All this is only if no therapy for metastatic disease was given." in text
    )
    assert "Which therapy" not in render(pathway(curated, curated.cases()["de_novo_untreated"].record))


def courses_of(found: Pathway, state: str) -> list[dict[str, Any]]:
    courses: list[dict[str, Any]] = found.records[state].data[COURSES]  # type: ignore[assignment]
    return courses


def test_how_the_last_course_ended_is_assumed_where_it_is_not_recorded(curated: Guideline) -> None:
    course = {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]}
    found = pathway(curated, {**curated.cases()["second_line"].record, COURSES: [course]}, lines=1)
    graph = graph_of(found)
    first = next(iter(graph))
    conjugate = f"{first}/trastuzumab_deruxtecan"
    assert "course 1 ended in progression" in graph.nodes[conjugate]["assuming"]
    assert graph.nodes[after(graph, conjugate, "progression")]["label"] == "third line"
    standard = f"{first}/trastuzumab_pertuzumab_taxane"
    assert "course 1 is still under way" in graph.nodes[standard]["assuming"]


def test_a_reading_that_is_left_open_is_taken_as_a_regimen_assumes_it(curated: Guideline) -> None:
    record = curated.cases()["progression_without_pertuzumab"].record
    graph = graph_of(pathway(curated.with_readings(["R5=any"]), record, lines=2))
    conjugate = f"{next(iter(graph))}/trastuzumab_deruxtecan"
    assert graph.nodes[conjugate]["assuming"] == "reading R5 is taken as its alternative b"
    own = graph_of(pathway(curated.with_readings(["R5=b"]), record, lines=2))
    followed = after(graph, conjugate, "toxicity")
    alone = after(own, f"{next(iter(own))}/trastuzumab_deruxtecan", "toxicity")
    names = [own.nodes[name]["regimen"] for name in following(own, alone, "regimen")]
    assert [graph.nodes[name]["regimen"] for name in following(graph, followed, "regimen")] == names != []


def test_what_was_assumed_of_therapy_holds_for_all_that_follows(curated: Guideline) -> None:
    record = {**curated.cases()["second_line"].record, COURSES: None}
    given: list[dict[str, Any]] = [
        {"label": drug, COURSES: [{"drugs": [drug]}]} for drug in ("trastuzumab_deruxtecan", "trastuzumab_emtansine")
    ]
    del record[COURSES]
    graph = graph_of(pathway(curated, {**record, "one_of": [*given, {"label": "untold"}]}, lines=1))
    untreated = graph_of(pathway(curated, {**record, COURSES: []}, lines=1))
    first = "trastuzumab_pertuzumab_taxane"
    ways = [name for name in following(graph, next(iter(graph)), "regimen") if graph.nodes[name]["regimen"] == first]
    alone = f"{next(iter(untreated))}/{first}"
    assert ["no therapy for metastatic disease was given" in graph.nodes[name]["assuming"] for name in ways] == [True]
    for outcome in ("completed", "progression", "toxicity"):
        ours, theirs = graph.nodes[after(graph, ways[0], outcome)], untreated.nodes[after(untreated, alone, outcome)]
        assert ours["setting"] == theirs["setting"], outcome


@pytest.mark.parametrize(("heart_failure", "words"), [(None, "CAUTION [a], unless ruled out:"), (True, "CAUTION [a]:")])
def test_a_caution_that_a_fact_can_rule_out_is_not_stated_as_one(
    heart_failure: bool | None, words: str, curated: Guideline
) -> None:
    record = {**curated.cases()["second_line"].record, "heart_failure": heart_failure}
    assert words in render(pathway(curated, record, lines=1))


@pytest.mark.parametrize("unknown", [0.2, 0.6])
def test_records_that_tell_little_are_followed_too(unknown: float, curated: Guideline) -> None:
    for data in untold_records(curated, 9, 8, unknown):
        found = pathway(curated, data, lines=1)
        graph = graph_of(found)
        assert networkx.is_directed_acyclic_graph(graph)
        for name, record in found.records.items():
            answer = curated.answer(record)
            said = [graph.nodes[n]["regimen"] for n in following(graph, name, "regimen")]
            expected = [entry.regimen for entry in answer.recommended]
            assert said == expected or ("cut" in graph.nodes[name] and set(said) < set(expected)), facts_of(data)
        assert all(len(line) <= 80 for line in render(found).splitlines())
