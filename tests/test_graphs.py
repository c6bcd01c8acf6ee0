"""Explanation graphs, read back by the readers that each format is for."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from conftest import ROOT

from graphs.build import answer_graph, explanation_graph, guideline_graph
from graphs.cytoscape import to_cytoscape
from graphs.dot import to_dot
from graphs.gexf import to_gexf
from graphs.graphml import to_graphml
from graphs.mermaid import to_mermaid
from graphs.node_link import to_json
from graphs.write import FORMATS, write_graph
from reasoner import Guideline, ReasonerError
from reasoner.trace import Edge, Node, Trace

KINDS = {"conclusion", "rule", "fact", "statement", "reading", "overlay", "citation", "trial", "patient"}
STATES = {"holds", "fails", "recorded", "recorded_absent", "unknown"}
ROLES = {"derives", "requires", "requires_absence", "blocks", "excludes", "states", "cites", "rests_on"}
HOSTILE = ['a:b "c" <script>alert(1)</script> ≤ & \\', "end", "two\nlines", "x" * 500, "(a) [b] {c} | #", "é\U0001f600"]

Plain = tuple[dict[str, dict[str, Any]], list[tuple[str, str, dict[str, Any]]]]


def plain(graph: nx.MultiDiGraph) -> Plain:
    """Give a graph's nodes and edges, with their attributes, for comparison."""
    edges = [(s, t, dict(sorted(data.items()))) for s, t, data in graph.edges(data=True)]
    return {node: dict(data) for node, data in graph.nodes(data=True)}, sorted(edges, key=repr)


@pytest.fixture(scope="module")
def hostile() -> nx.MultiDiGraph:
    nodes = [Node(name, "fact", name, "unknown", name) for name in HOSTILE]
    edges = [Edge(a, b, "requires") for a, b in pairwise(HOSTILE)]
    return explanation_graph(Trace(tuple(nodes), (*edges, Edge(HOSTILE[0], HOSTILE[1], "blocks"))), {"patient": HOSTILE[0]})


@pytest.fixture(scope="module")
def graphs(curated: Guideline, hostile: nx.MultiDiGraph) -> dict[str, nx.MultiDiGraph]:
    cases = {name: case.record for name, case in curated.cases().items()}
    chosen = ("lung_disease_not_recorded", "hr_positive_untreated_heart_failure", "nothing_recorded")
    answers = {name: answer_graph(curated.answer(cases[name])) for name in chosen}
    return {**answers, "hostile": hostile, "guideline": guideline_graph(curated.knowledge, curated.info)}


NAMES = ["lung_disease_not_recorded", "hr_positive_untreated_heart_failure", "nothing_recorded", "hostile", "guideline"]


@pytest.mark.parametrize("name", NAMES)
def test_networkx_reads_the_same_graph_back(name: str, graphs: dict[str, nx.MultiDiGraph], tmp_path: Path) -> None:
    graph = graphs[name]
    before = plain(graph)
    assert plain(nx.node_link_graph(json.loads(to_json(graph)), edges="edges")) == before
    assert plain(nx.parse_graphml(to_graphml(graph), force_multigraph=True)) == before
    (tmp_path / "a.gexf").write_text(to_gexf(graph), "utf-8")
    nodes, edges = plain(nx.MultiDiGraph(nx.read_gexf(tmp_path / "a.gexf")))
    assert {node: {k: v for k, v in data.items() if k != "label"} for node, data in nodes.items()} == {
        node: {k: v for k, v in data.items() if k != "label"} for node, data in before[0].items()
    }
    assert sorted((s, t, data["role"]) for s, t, data in edges) == sorted((s, t, data["role"]) for s, t, data in before[1])
    assert plain(graph) == before


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz reads it; install graphviz")
@pytest.mark.parametrize("name", NAMES)
def test_graphviz_reads_the_same_graph_without_a_complaint(name: str, graphs: dict[str, nx.MultiDiGraph]) -> None:
    graph = graphs[name]
    run = subprocess.run(["dot", "-Tjson0"], input=to_dot(graph).encode(), capture_output=True, check=True)
    assert run.stderr == b""
    data = json.loads(run.stdout)
    keys = {entry["_gvid"]: html.unescape(entry["key"]) for entry in data["objects"]}
    nodes = {html.unescape(entry["key"]): entry for entry in data["objects"]}
    assert set(nodes) == set(graph)
    for node, attributes in graph.nodes(data=True):
        for key, value in attributes.items():
            if key != "label":
                assert html.unescape(nodes[node][key]) == value
    edges = sorted((keys[entry["tail"]], keys[entry["head"]], entry["role"]) for entry in data["edges"])
    assert edges == sorted((s, t, attributes["role"]) for s, t, attributes in graph.edges(data=True))


@pytest.mark.parametrize("name", NAMES)
def test_cytoscape_and_mermaid_hold_every_node_and_edge(name: str, graphs: dict[str, nx.MultiDiGraph]) -> None:
    graph = graphs[name]
    elements = json.loads(to_cytoscape(graph))["elements"]
    assert {entry["data"]["id"] for entry in elements["nodes"]} == set(graph)
    ids = [entry["data"]["id"] for entry in (*elements["nodes"], *elements["edges"])]
    assert len(ids) == len(set(ids))
    ends = sorted((entry["data"]["source"], entry["data"]["target"], entry["data"]["role"]) for entry in elements["edges"])
    assert ends == sorted((s, t, data["role"]) for s, t, data in graph.edges(data=True))
    lines = to_mermaid(graph).splitlines()
    assert lines[0] == "flowchart LR"
    node, edge = re.compile(r'  n\d+[\[(]{1,2}/?"[^"<>&]*(<br/>[^"<>&]*)*"/?[\])]{1,2}'), re.compile(r"  n\d+ \S+ n\d+")
    assert sum(bool(node.fullmatch(line)) for line in lines) == len(graph)
    assert sum(bool(edge.fullmatch(line)) for line in lines) == graph.number_of_edges()
    assert len(lines) == 1 + len(graph) + graph.number_of_edges()


def test_every_graph_keeps_to_the_words_of_the_contract(graphs: dict[str, nx.MultiDiGraph]) -> None:
    for graph in graphs.values():
        assert {data["kind"] for _, data in graph.nodes(data=True)} <= KINDS
        assert {data["state"] for _, data in graph.nodes(data=True)} <= STATES
        assert {data["role"] for *_, data in graph.edges(data=True)} <= ROLES
        values = [value for _, data in graph.nodes(data=True) for value in data.values()]
        assert all(isinstance(value, str) for value in (*values, *graph.graph.values()))


def test_every_recommended_regimen_is_reached_from_the_patient_a_statement_and_its_trials(curated: Guideline) -> None:
    """In every case, with all and with what carried the answer alone; an exclusion is reached from what it rests on."""
    checked = 0
    for case in curated.cases().values():
        answer = curated.answer(case.record)
        for graph in (answer_graph(answer), answer_graph(answer, blocked=False)):
            for entry in answer.recommended:
                before = nx.ancestors(graph, f"recommended({entry.regimen})")
                facts = {node for node in before if graph.nodes[node]["kind"] == "fact"}
                states = {graph.nodes[node]["state"] for node in facts}
                assert ("patient" in before) == bool(states & {"recorded", "recorded_absent"}), case.name
                assert states & {"recorded", "recorded_absent", "unknown"}, case.name
                assert {f"statement {name}" for name in entry.statements} <= before, case.name
                assert {f"trial {name}" for name in entry.trials} <= before, case.name
                checked += 1
            for exclusion in answer.excluded:
                before = nx.ancestors(graph, f"excluded({exclusion.regimen})")
                assert any(graph.nodes[node]["kind"] in ("statement", "reading", "overlay") for node in before), case.name
            assert not nx.number_of_selfloops(graph)
            assert nx.is_directed_acyclic_graph(graph)
    assert checked > 100


def test_what_carried_an_answer_is_a_part_of_its_whole_graph_without_what_did_not(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()["lung_disease_not_recorded"].record)
    whole, carrying = answer_graph(answer), answer_graph(answer, blocked=False)
    assert set(carrying) < set(whole)
    assert not [1 for *_, data in carrying.edges(data=True) if data["role"] == "blocks"]
    assert not [1 for _, data in carrying.nodes(data=True) if (data["kind"], data["state"]) == ("rule", "fails")]
    node = whole.nodes["recommended(trastuzumab_deruxtecan)"]
    assert (node["rank"], node["certainty"], node["state"]) == ("1", "conditional", "unknown")
    assert node["assuming"] == "interstitial_lung_disease False"


def run(*arguments: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reasoner", "graph", *arguments],
        capture_output=True, text=True, cwd=cwd, env=environment, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if suffix not in (".svg", ".png")])
def test_two_runs_write_the_same_bytes(suffix: str, environment: dict[str, str], tmp_path: Path, curated: Guideline) -> None:
    record = tmp_path / "p.json"
    record.write_text(json.dumps(curated.cases()["second_line"].record))
    written = set()
    for seed in ("1", "2"):
        done = run(str(record), "-o", f"{seed}{suffix}", environment={**environment, "PYTHONHASHSEED": seed}, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        written.add((tmp_path / f"{seed}{suffix}").read_bytes())
    assert len(written) == 1


def test_the_command_writes_the_answer_a_focus_or_the_guideline(
    environment: dict[str, str], tmp_path: Path, curated: Guideline
) -> None:
    record = tmp_path / "p.json"
    record.write_text(json.dumps(curated.cases()["second_line"].record))
    sizes = []
    for more in ((), ("--focus", "trastuzumab_deruxtecan"), ("--focus", "trastuzumab_deruxtecan", "--carrying")):
        assert run(str(record), "-o", "a.json", *more, environment=environment, cwd=tmp_path).returncode == 0
        sizes.append(len(json.loads((tmp_path / "a.json").read_text())["nodes"]))
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3
    assert run("--guideline-only", "-o", "g.graphml", environment=environment, cwd=tmp_path).returncode == 0
    graph = nx.read_graphml(tmp_path / "g.graphml")
    assert {f"statement {name}" for name in curated.knowledge.blocks if name.startswith("L")} <= set(graph)
    assert {f"trial {name}" for name in curated.knowledge.trials} <= set(graph)
    for arguments, message in (
        (("p.json", "-o", "a.txt"), '".txt" is no format of graphs'),
        (("p.json", "-o", "none/a.json"), "none/a.json: cannot be written"),
        (("p.json", "-o", "a.json", "--focus", "trastuzumab_deruxtecn"), 'did you mean "trastuzumab_deruxtecan"'),
        (("-o", "a.json"), "Give a PATIENT, or --guideline-only"),
    ):
        done = run(*arguments, environment=environment, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "g.graphml", "p.json"]


def test_a_picture_is_drawn_where_graphviz_is_installed_and_refused_with_the_reason_where_not(
    hostile: nx.MultiDiGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("dot") is not None:
        write_graph(hostile, tmp_path / "a.svg")
        text = (tmp_path / "a.svg").read_text("utf-8")
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReasonerError, match="no dot is installed; install graphviz"):
        write_graph(hostile, tmp_path / "b.svg")


def test_the_graph_module_knows_nothing_of_clingo() -> None:
    code = "import sys, graphs.build, graphs.write; sys.exit('clingo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
