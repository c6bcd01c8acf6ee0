"""Explanation graphs: what is in them, the command that writes them, and the tree on the terminal."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import networkx as nx
import pytest
from click.testing import CliRunner, Result
from conftest import ROOT

from graphs import formats
from graphs.build import answer_graph, pathway_graph
from graphs.formats import FORMATS, Format, write_graph
from graphs.graph import ExplanationGraph
from graphs.tree import to_tree
from reasoner import Guideline, ReasonerError
from reasoner.cli import cli
from reasoner.queries.pathway import pathway

PAGE = (ROOT / "graphs/README.md").read_text("utf-8")
KINDS = {"conclusion", "rule", "fact", "statement", "reading", "overlay", "citation", "trial", "patient"}
STATES = {"holds", "fails", "recorded", "recorded_absent", "unknown"}
ROLES = {"derives", "requires", "requires_absence", "blocks", "excludes", "states", "cites", "rests_on"}
PATHWAY_KINDS = {"state", "regimen", "outcome", "dead_end", "silence"}
PATHWAY_ROLES = {"recommends", "ends_in", "leads_to", "stops_at"}


def test_every_graph_keeps_to_the_words_of_the_contract(sample_graphs: dict[str, ExplanationGraph]) -> None:
    for name, graph in sample_graphs.items():
        kinds, words = (PATHWAY_KINDS, PATHWAY_ROLES) if name == "pathway" else (KINDS, ROLES)
        assert {data["kind"] for _, data in graph.nodes(data=True)} <= kinds
        assert {data["role"] for *_, data in graph.edges(data=True)} <= words
        assert {data.get("state") for _, data in graph.nodes(data=True)} <= (STATES if kinds is KINDS else {None})
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
    assert node["assuming"] == "no interstitial lung disease, present or past"
    assert (node["answers"], node["name"]) == ("recommended", "trastuzumab deruxtecan (T-DXd)")
    excluded = whole.nodes["excluded(trastuzumab_deruxtecan)"]
    assert (excluded["certainty"], excluded["assuming"]) == ("conditional", "interstitial lung disease, present or past")
    shallow = answer_graph(answer, depth=1)
    assert set(shallow) < set(whole)
    assert "has(interstitial_lung_disease)" not in shallow
    assert shallow.nodes["contraindicated(trastuzumab_deruxtecan)"]["cut"] == "yes"
    assert not any("cut" in data for _, data in whole.nodes(data=True))
    assert "each dose 5.4 mg/kg IV every 3 weeks" in node["doses"]
    assert whole.graph["missing"].startswith("interstitial lung disease, present or past - decides")
    never = answer_graph(answer, ["recommended(lapatinib_capecitabine)"])
    assert never.nodes["recommended(lapatinib_capecitabine)"]["answers"] == "not_recommended"


@pytest.mark.parametrize("name", ["second_line", "first_line_under_way", "nothing_recorded"])
def test_the_states_of_a_pathway_are_told_apart_by_what_happened(name: str, curated: Guideline) -> None:
    found = pathway(curated, curated.cases()[name].record, 2)
    graph = pathway_graph(found)
    first, *others = (node for node, kind in graph.nodes(data="kind") if kind == "state")
    labels = [graph.nodes[node]["label"] for node in others]
    assert " - after " not in graph.nodes[first]["label"]
    assert all(" - after " in label for label in labels)
    assert len(set(labels)) == len(labels)
    for node in others:
        ways = [source for source, _, role in graph.in_edges(node, data="role") if role == "leads_to"]
        assert ("other ways lead here" in graph.nodes[node]["label"]) == (len(ways) > 1)


EXPORT = """
import sys
from click.testing import CliRunner
from reasoner.cli import cli
from reasoner.queries.pathway import pathway
for name in sys.argv[1:]:
    done = CliRunner().invoke(cli, ["graph", "p.json", "-o", name], catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, ""), done.output
"""


def test_two_runs_of_the_command_write_the_same_bytes_in_every_format(
    environment: dict[str, str], tmp_path: Path, curated: Guideline
) -> None:
    drawn = {".svg"} if shutil.which("dot") else set()
    suffixes = [known.suffix for known in FORMATS if known.suffix in drawn or known.requires != "Graphviz"]
    (tmp_path / "p.json").write_text(json.dumps(curated.cases()["second_line"].record))
    for seed in ("1", "2"):
        command = [sys.executable, "-c", EXPORT, *(f"{seed}{suffix}" for suffix in suffixes)]
        subprocess.run(command, cwd=tmp_path, env={**environment, "PYTHONHASHSEED": seed}, check=True)
    for suffix in suffixes:
        assert (tmp_path / f"1{suffix}").read_bytes() == (tmp_path / f"2{suffix}").read_bytes(), suffix


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["graph", *arguments])


def test_the_command_writes_the_answer_a_focus_or_the_guideline(
    tmp_path: Path, curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.json").write_text(json.dumps(curated.cases()["second_line"].record))
    sizes = []
    focus = ("--focus", "trastuzumab_deruxtecan")
    for more in (("--full",), ("--full", *focus), (*focus, "--carrying"), (), focus):
        assert run("p.json", "-o", "a.json", *more).exit_code == 0
        sizes.append(len(json.loads((tmp_path / "a.json").read_text())["nodes"]))
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 5
    assert run("--guideline-only", "-o", "g.graphml").exit_code == 0
    assert run("p.json", "--pathway", "1", "-o", "w.json").exit_code == 0
    assert {node["kind"] for node in json.loads((tmp_path / "w.json").read_text())["nodes"]} <= PATHWAY_KINDS
    graph = nx.read_graphml(tmp_path / "g.graphml")
    assert {f"statement {name}" for name in curated.model.annotations if name.startswith("L")} <= set(graph)
    assert {f"trial {name}" for name in curated.model.trials} <= set(graph)
    for arguments, message in (
        (("p.json", "-o", "a.docx"), '".docx" is not a graph format'),
        (("p.json", "-o", "none/a.json"), "none/a.json: cannot be written"),
        (("p.json", "-o", "a.json", "--focus", "trastuzumab_deruxtecn"), 'did you mean "trastuzumab_deruxtecan"'),
        (("-o", "a.json"), "Give a PATIENT, or --guideline-only"),
        (("p.json", "-o", "a.json", "--pathway", "1", "--carrying"), "choose from the graph of an answer"),
        (("p.json", "--pathway", "1"), "on the terminal: reasoner pathway"),
    ):
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "g.graphml", "p.json", "w.json"]


TREE = """\
lung_disease_not_recorded - HER2-positive metastatic breast cancer, curated
layer
+ holds or recorded, - absent, ? depends on unrecorded facts, x blocks it, <- by
which rule
? conditional: exclusion of trastuzumab deruxtecan (T-DXd) <- conclusions.5
├─? conditional: a contraindication to trastuzumab deruxtecan (T-DXd) <- L57.1
│ │ [L57; reference 5]
│ └─? not recorded: interstitial lung disease, present or past
└─- not derived: a reason to disregard exclusions of trastuzumab deruxtecan
  │ (T-DXd) <- R19.2 [R19; L3] does not fire
  └─x HER2-positive metastatic breast cancer <- glossary.1
    ├─+ HER2 status: positive
    ├─+ metastatic disease
    └─+ breast cancer
Encodes an unreviewed secondary source of 3 February 2026, without its reference
list. No medical advice.
"""


def test_the_terminal_shows_a_tree_with_each_part_once(curated: Guideline) -> None:
    answer = curated.answer(curated.cases()["lung_disease_not_recorded"].record)
    assert to_tree(answer_graph(answer, ["excluded(trastuzumab_deruxtecan)"]), 80) == TREE
    for case in curated.cases().values():
        graph = answer_graph(curated.answer(case.record))
        lines = to_tree(graph, 100).splitlines()
        assert max(map(len, lines), default=0) <= 100
        text = " ".join(" ".join(line.strip("│├└─ ").split()) for line in lines)
        for node, data in graph.nodes(data=True):
            if data["kind"] in ("fact", "conclusion") and graph.out_degree(node):
                assert " ".join(data["label"].split()) in text, (case.name, node)


@pytest.mark.parametrize(("suffix", "library"), [(".prov.json", "prov"), (".ttl", "rdflib"), (".jsonld", "rdflib")])
def test_a_library_that_is_missing_is_named_with_how_to_install_it(
    suffix: str, library: str, sample_graphs: dict[str, ExplanationGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ReasonerError, match=rf"{library} is not installed.*pip install 'guideline-reasoner\[prov\]'"):
        write_graph(sample_graphs["hostile"], tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_drawn_where_graphviz_is_installed_and_refused_with_the_reason_where_not(
    sample_graphs: dict[str, ExplanationGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = sample_graphs["hostile"]
    if shutil.which("dot") is not None:
        write_graph(hostile, tmp_path / "a.svg")
        text = (tmp_path / "a.svg").read_text("utf-8")
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReasonerError, match="dot is not installed; install graphviz"):
        write_graph(hostile, tmp_path / "b.svg")


def test_the_graph_module_knows_nothing_of_clingo() -> None:
    code = "import sys, graphs.build, graphs.formats; sys.exit('clingo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


EDGE_LIST = """
def to_edge_list(graph):
    return "".join(f"{source}\\t{role}\\t{target}\\n" for source, target, role in graph.edges(data="role"))
"""


def test_a_new_format_is_a_module_and_a_line_of_the_registry(
    sample_graphs: dict[str, ExplanationGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edge_list.py").write_text(EDGE_LIST)
    monkeypatch.syspath_prepend(tmp_path)
    added = Format(".edges", "edge_list", "to_edge_list", "edge list, separated by tabs", "text/plain")
    monkeypatch.setattr(formats, "FORMATS", [*FORMATS, added])
    graph = sample_graphs["pathway"]
    write_graph(graph, tmp_path / "a.edges")
    lines = [line.split("\t") for line in (tmp_path / "a.edges").read_text("utf-8").splitlines()]
    assert [(source, target, role) for source, role, target in lines] == list(graph.edges(data="role"))
    with pytest.raises(ReasonerError, match=r'"\.edgs" is not a graph format \(did you mean "\.edges"\?\).*\.edges'):
        write_graph(graph, tmp_path / "a.edgs")
    for module in ("reasoner.cli.graphs", "reasoner.serve.api"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert ".edges      edge list, separated by tabs" in runpy.run_module("reasoner.cli.graphs")["HELP"]
    assert "edges" in get_args(runpy.run_module("reasoner.serve.api")["Format"])


def test_the_page_lists_every_format() -> None:
    rows = [
        f"| `{known.suffix}` | {known.summary} | `{known.media_type}` | "
        + (f"`{known.requires}` |" if known.requires.startswith("pip ") else f"{known.requires} |".lstrip())
        for known in FORMATS
    ]
    shown = [line for line in PAGE.splitlines() if line.startswith("| `.")]
    assert shown
    assert set(shown) <= set(rows)


def test_the_page_explains_the_vocabulary() -> None:
    sections = dict(re.findall(r"^## (.*)\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))
    explained = {name: set(re.findall(r"`(\w+)`", text)) for name, text in sections.items()}
    assert explained["Nodes"] >= (KINDS | STATES)
    assert explained["Edges"] >= ROLES
    assert explained["Pathways"] >= (PATHWAY_KINDS | PATHWAY_ROLES)
