"""The graph of an argument: whole, free of definitions, each edge a step of the derivation, and legible as a picture."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from pathlib import Path

import networkx as nx
import pytest
from conftest import ROOT
from test_argument import MACHINERY, of_cases

from graphs.argument import ARGUED, MOST_NODES, argument_graph, explained, legible
from graphs.build import answer_graph, concluded_atoms
from graphs.columns import boxes
from graphs.dot import to_dot
from graphs.formats import write_graph
from graphs.graph import SOURCES, ExplanationGraph
from graphs.outline import starts
from graphs.statements import statements_graph
from graphs.tree import to_tree
from reasoner import Guideline
from reasoner.engine.answer import Answer
from reasoner.queries.why import Argued, argued

WIDEST = 2500


@pytest.fixture(scope="module", params=["curated", "literal"])
def drawn(request: pytest.FixtureRequest) -> list[tuple[Answer, ExplanationGraph]]:
    """The answers to all cases of a layer, each with the graph of its arguments; no test changes them."""
    return [(answer, argument_graph(answer)) for answer in of_cases(request.getfixturevalue(request.param))]


def shown(graph: ExplanationGraph) -> dict[str, str]:
    """Find by each conclusion, as clingo text, the node that shows it."""
    nodes = [node for node, kind in graph.nodes(data="kind") if kind == "conclusion"]
    return {atom: node for node in nodes for atom in node.split(", ")}


def statement_of(graph: ExplanationGraph, node: str) -> str:
    return str(graph.nodes[node]["name"])


def check_holds_argument(graph: ExplanationGraph, node: str, own: Argued) -> None:
    """A conclusion is reached from each statement, fact and trial of its argument, and as it says."""
    behind = nx.ancestors(graph, node)
    labels = " ".join(graph.nodes[other]["label"] for other in behind if graph.nodes[other]["kind"] == "fact")
    statements = {statement_of(graph, other) for other in behind if graph.nodes[other]["kind"] in SOURCES[:3]}
    argument = own.argument
    assert {ground.statement for ground in argument.because if ground.statement} <= statements
    assert {block.block for block in argument.ruled_out_by if block.block} <= statements
    facts = [fact for ground in argument.because for fact in ground.facts]
    for fact in facts:
        assert fact.value is False or fact.words in labels, (node, fact)
    for block in argument.ruled_out_by:
        assert block.member is not None or block.words in labels, (node, block)
    trials = {other for other in behind if graph.nodes[other]["kind"] == "trial"}
    assert {f"trial {entry.trial}" for entry in argument.evidence} <= trials


def test_every_case_shows_each_argument_whole_and_nothing_of_the_definitions(
    drawn: list[tuple[Answer, ExplanationGraph]],
) -> None:
    for answer, graph in drawn:
        text = "\n".join((*map(graph.caption, graph), *(data.get("text", "") for _, data in graph.nodes(data=True))))
        assert [phrase for phrase in MACHINERY if phrase in text.replace("Not derived", "")] == []
        assert nx.is_directed_acyclic_graph(graph)
        nodes = shown(graph)
        listed = {f"recommended({entry.regimen})" for entry in answer.recommended}
        twice = {f"excluded({e.regimen})" for e in answer.excluded if e.certainty != "certain"}
        assert set(concluded_atoms(answer, ("recommended", "action"))) <= set(nodes)
        assert set(concluded_atoms(answer, ("excluded",))) - twice <= set(nodes)
        for atom, node in nodes.items():
            check_holds_argument(graph, node, argued(answer, atom))
            if atom in listed:
                entry = next(own for own in answer.recommended if atom == f"recommended({own.regimen})")
                assert graph.nodes[node]["rank"] == str(entry.rank)


def test_what_would_exclude_a_recommended_regimen_stands_beside_it(drawn: list[tuple[Answer, ExplanationGraph]]) -> None:
    shown = 0
    for answer, graph in drawn:
        for entry in (own for own in answer.excluded if own.certainty != "certain"):
            node = f"recommended({entry.regimen})"
            if node in graph:
                against = {
                    statement_of(graph, o) for o, _, role in graph.in_edges(node, data="role") if role == "requires_absence"
                }
                assert {reason.annotation for reason in entry.reasons} <= against, (answer.patient, entry.regimen)
                shown += 1
    assert shown > 5


def test_every_edge_to_a_conclusion_is_a_step_of_its_derivation(drawn: list[tuple[Answer, ExplanationGraph]]) -> None:
    """A statement has a rule behind what it leads to, and an action depends on the recommendation that it follows.

    Behind a recommendation stands also what excludes its regimen, which in the literal layer does not override it.
    """
    for answer, graph in drawn:
        program, model = answer.derivation.program, answer.derivation.model
        for atom, node in shown(graph).items():
            sides = (atom, atom.replace("recommended(", "excluded(", 1))
            cone = program.cone([program.index[side] for side in sides if side in program.index])
            names = {
                model.rules[program.rules[rule].rule].annotation for number in cone for rule in program.supports[number]
            }
            for source in graph.predecessors(node):
                if graph.nodes[source]["kind"] in SOURCES:
                    assert statement_of(graph, source) in names, (answer.patient, source, atom)
                elif graph.nodes[source]["kind"] == "conclusion":
                    assert program.index[source] in cone, (answer.patient, source, atom)


def test_no_conclusion_seems_to_rest_on_a_fact_of_another(drawn: list[tuple[Answer, ExplanationGraph]]) -> None:
    for answer, graph in drawn:
        for atom, node in shown(graph).items():
            if atom.startswith("action("):
                continue
            alone = argument_graph(answer, [atom])
            facts = facts_behind(graph, node)
            assert facts <= facts_behind(alone, shown(alone)[atom]), (answer.patient, atom)


def facts_behind(graph: ExplanationGraph, node: str) -> set[str]:
    """List the words of the facts behind a node, but those of lists, whose members stand together for all conclusions."""
    facts = [other for other in nx.ancestors(graph, node) if graph.nodes[other]["kind"] == "fact"]
    words = (word for other in facts for word in graph.nodes[other]["label"].split("; "))
    return {word for word in words if " among the " not in word}


def test_a_picture_has_forty_nodes_at_most_and_names_what_has_no_room(drawn: list[tuple[Answer, ExplanationGraph]]) -> None:
    whole = 0
    for _, graph in drawn:
        picture = legible(graph)
        assert len(picture) <= MOST_NODES
        left = picture.graph.get("left_out", "").split("\n") if "left_out" in picture.graph else []
        there = {data["name"] for _, data in graph.nodes(data=True) if data["kind"] == "conclusion"}
        kept = {data["name"] for _, data in picture.nodes(data=True) if data["kind"] == "conclusion"}
        assert there == kept | set(left)
        assert starts(picture)[:1] == starts(graph)[:1]
        whole += not left
        right = max(box.x + box.width / 2 for box in boxes(picture).values())
        assert right / 72 * 96 <= WIDEST
    assert whole >= 0.8 * len(drawn)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz draws pictures: apt-get install graphviz")
def test_pictures_are_drawn_no_wider_than_a_slide_in_the_order_of_the_answer(curated: Guideline, tmp_path: Path) -> None:
    for name in ("third_line_heart_failure", "nothing_recorded", "lung_disease_not_recorded"):
        graph = legible(argument_graph(curated.answer(curated.cases()[name].record)))
        write_graph(graph, tmp_path / "a.svg")
        text = (tmp_path / "a.svg").read_text("utf-8")
        width = re.search(r'<svg width="(\d+)pt"', text)
        assert width is not None
        assert int(width[1]) / 72 * 96 <= WIDEST
        assert set(map(float, re.findall(r'font-size="([\d.]+)"', text))) == {10.0, 11.0, 15.0}
        places = boxes(graph)
        ranked = [places[node].y for node, data in graph.nodes(data=True) if data.get("answers") == "recommended"]
        assert ranked == sorted(ranked, reverse=True)
        for one in places.values():
            overlapping = [
                other
                for other in places.values()
                if abs(one.x - other.x) < (one.width + other.width) / 2
                and abs(one.y - other.y) < (one.height + other.height) / 2
            ]
            assert overlapping == [one]


def test_a_picture_names_what_it_leaves_out_in_two_lines_and_its_kinds_in_one(curated: Guideline) -> None:
    given = [{"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]}]
    record = {"id": "p", "metastatic": True, "her2": "positive", "hr": "negative", "metastatic_therapy": given}
    graph = legible(argument_graph(curated.answer(record)))
    heading = to_dot(graph).partition("label=<")[2].partition(">;\n")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", heading)
    named = " ".join(re.sub("<.*?>", "", row) for row in rows[1:3])
    first, *others = graph.graph["left_out"].replace("\n", "; ").split("; ")
    assert named.startswith(f"Not drawn here: {first}")
    assert int(re.findall(r"and (\d+) more$", named)[0]) + named.count("; ") == len(others)
    boxes_of = re.findall('bgcolor="(.*?)"', heading)
    assert boxes_of == re.findall('bgcolor="(.*?)"', rows[-2]), "the legend is one line, with room below it"


def test_a_statement_that_is_applied_in_several_ways_says_to_what(drawn: list[tuple[Answer, ExplanationGraph]]) -> None:
    several = 0
    for answer, graph in drawn:
        labels = [data["label"] for _, data in graph.nodes(data=True) if data["kind"] in SOURCES[:3]]
        assert len(labels) == len(set(labels)), answer.patient
        several += any(re.match(r"[LR]\d+(=\w)? \((for|against) ", label) for label in labels)
    assert several > 10


def test_the_tree_has_the_sentence_of_a_statement_once(drawn: list[tuple[Answer, ExplanationGraph]]) -> None:
    again = 0
    for _, graph in drawn:
        text = " ".join(to_tree(graph, 1000).split())
        for _, data in graph.nodes(data=True):
            if data["kind"] in SOURCES[:3]:
                assert text.count(f" {data['label']}") <= 1
        again += len(re.findall(r"(?:<-|unless) [LR]\d+(?:=\w)? \(above\)", text))
    assert again > 100


def test_a_guideline_alone_shows_doses_and_scores(curated: Guideline, tmp_path: Path, own_cache: None) -> None:
    graph = statements_graph(curated.model, curated.info)
    assert graph.nodes["dose(pertuzumab,L5)"]["label"] == (
        "pertuzumab: loading dose 840 mg once; maintenance dose 420 mg every 3 weeks"
    )
    assert list(graph.predecessors("dose(pertuzumab,L5)")) == ["statement L5"]
    text = (ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8")
    score = (
        'term(score, risk, "the risk score").\n%* @reading R9\nThe score counts.\n*%\nscore(risk, 1) :- has(confirmed).\n'
    )
    (tmp_path / "guideline.lp").write_text(f"{text}\n{score}")
    guideline = Guideline.load(tmp_path)
    graph = statements_graph(guideline.model, guideline.info)
    assert graph.nodes["score(risk)"]["label"] == "Score: the risk score"


def test_a_reading_stands_among_the_statements_unless_it_interprets_any(curated: Guideline) -> None:
    graph = statements_graph(curated.model, curated.info)
    places = boxes(graph)
    for annotation in curated.model.annotations.values():
        if annotation.kind == "reading":
            beside = places[f"reading {annotation.id}"].x == places["statement L17"].x
            assert beside == (not annotation.reads), annotation.id


def test_a_guideline_alone_shows_its_statements_and_what_they_recommend_in_words(curated: Guideline) -> None:
    graph = statements_graph(curated.model, curated.info)
    statements = {data["name"] for _, data in graph.nodes(data=True) if data["kind"] in ("statement", "reading")}
    assert statements == set(curated.model.annotations)
    behind = graph.predecessors("indicated(trastuzumab_deruxtecan,preferred)")
    assert "statement L17" in set(behind)
    assert (
        graph.nodes["indicated(trastuzumab_deruxtecan,preferred)"]["label"] == "trastuzumab deruxtecan (T-DXd) - preferred"
    )
    assert graph.nodes["statement L17"]["label"].startswith(
        "second line, L17: In second line, once the disease has progressed"
    )
    labels = "\n".join(data["label"] for _, data in graph.nodes(data=True))
    assert not re.search(r"\w\(\w|:-|_", labels), re.findall(r".*(?:\w\(\w|:-|_).*", labels)
    kinds = [data["section"] for _, data in graph.nodes(data=True) if data["kind"] == "statement"]
    assert len(dict.fromkeys(kinds)) == sum(one != other for one, other in pairwise([*kinds, ""]))


def test_the_whole_derivation_is_there_on_request_and_a_focus_is_one_argument(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()["lung_disease_not_recorded"].record)
    assert "rule" in {kind for _, kind in explained(answer, full=True).nodes(data="kind")}
    assert set(explained(answer, depth=1)) == set(answer_graph(answer, depth=1))
    focused = explained(answer, ["recommended(lapatinib_capecitabine)"])
    assert [data["answers"] for _, data in focused.nodes(data=True) if "answers" in data] == ["not_recommended"]
    both = explained(answer, ["recommended(trastuzumab_deruxtecan)", "excluded(trastuzumab_deruxtecan)"])
    assert set(shown(both)) & set(ARGUED) == set()
    assert len(shown(both)) == 2
