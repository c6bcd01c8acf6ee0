"""Every format of graphs, read back by a program that it is for: nodes, edges, attributes and values stay the same."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from sample_graphs import NAMES, content

from graphs.cytoscape import to_cytoscape
from graphs.dot import to_dot
from graphs.gexf import to_gexf
from graphs.graph import ExplanationGraph
from graphs.graphml import to_graphml
from graphs.mermaid import to_mermaid
from graphs.node_link import to_json
from graphs.prov import to_jsonld, to_prov_json, to_turtle
from graphs.schema import json_schema

READERS = Path(__file__).parent / "readers"
SCHEMA = Path(__file__).parent.parent / "graphs" / "graph.schema.json"

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz reads it: apt-get install graphviz")


def needs_node(package: str) -> pytest.MarkDecorator:
    there = shutil.which("node") and (READERS / "node_modules" / package).is_dir()
    return pytest.mark.skipif(
        not there, reason=f"{package} reads it: install Node.js, and npm install --prefix tests/readers"
    )


@pytest.fixture(params=NAMES)
def graph(request: pytest.FixtureRequest, sample_graphs: dict[str, ExplanationGraph]) -> Iterator[ExplanationGraph]:
    """Each graph in turn; writing it never changes it."""
    found = sample_graphs[request.param]
    before = content(found), dict(found.graph)
    yield found
    assert (content(found), dict(found.graph)) == before


def roles(graph: ExplanationGraph) -> list[tuple[str, str, str]]:
    return sorted(graph.edges(data="role"))


def without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in names}


def test_networkx_reads_node_link_json_that_keeps_to_the_schema(graph: ExplanationGraph) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    data = json.loads(to_json(graph))
    found = nx.node_link_graph(data, edges="edges")
    assert content(found) == content(graph)
    assert found.graph == graph.graph
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    assert [(error.message, list(error.path)) for error in schema.iter_errors(data)] == []
    for name, value in (("state", False), ("kind", "thing"), ("colour", "red")):
        node = {**data["nodes"][0], name: value}
        assert not schema.is_valid({**data, "nodes": [node, *data["nodes"][1:]]})


def test_the_schema_that_ships_is_the_one_declared() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert schema == json_schema(), "run: python -m graphs.schema > graphs/graph.schema.json"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_networkx_reads_graphml_and_gexf(graph: ExplanationGraph, tmp_path: Path) -> None:
    assert content(nx.parse_graphml(to_graphml(graph), force_multigraph=True)) == content(graph)
    (tmp_path / "a.gexf").write_text(to_gexf(graph), "utf-8")
    found = nx.MultiDiGraph(nx.read_gexf(tmp_path / "a.gexf"))
    assert {node: without(data, "label") for node, data in found.nodes(data=True)} == {
        node: without(data, "label") for node, data in graph.nodes(data=True)
    }
    assert roles(found) == roles(graph)


def test_igraph_reads_graphml(graph: ExplanationGraph, tmp_path: Path) -> None:
    igraph = pytest.importorskip("igraph", reason="igraph reads it: pip install igraph")
    (tmp_path / "a.graphml").write_text(to_graphml(graph), "utf-8")
    found = igraph.Graph.Read_GraphML(str(tmp_path / "a.graphml"))
    names = [html.unescape(name) for name in found.vs["id"]]  # igraph leaves & in an id as the reference that XML asks for
    for name, vertex in zip(names, found.vs, strict=True):
        given = {key: value for key, value in vertex.attributes().items() if key != "id" and value not in (None, "")}
        assert given == {key: value for key, value in graph.nodes[name].items() if value}
    assert len(names) == len(graph)
    assert sorted((names[edge.source], names[edge.target], edge["role"]) for edge in found.es) == roles(graph)


@needs_node("graphology-gexf")
def test_graphology_reads_gexf(graph: ExplanationGraph) -> None:
    found = in_node("gexf.cjs", to_gexf(graph))
    assert {node["id"]: without(node, "id") for node in found["nodes"]} == {
        node: {key: value for key, value in data.items() if value} for node, data in graph.nodes(data=True)
    }
    assert sorted((edge["source"], edge["target"], edge["role"]) for edge in found["edges"]) == roles(graph)


@needs_node("cytoscape")
def test_cytoscape_reads_its_json(graph: ExplanationGraph) -> None:
    found = in_node("cytoscape.cjs", to_cytoscape(graph))
    assert found["about"] == graph.graph
    assert {node["id"]: without(node, "id") for node in found["nodes"]} == content(graph)[0]
    assert sorted((edge["source"], edge["target"], edge["role"]) for edge in found["edges"]) == roles(graph)
    assert len({edge["id"] for edge in found["edges"]}) == graph.number_of_edges()
    for node, reasons in found["reasons"].items():
        assert set(reasons) == set(graph.predecessors(node))


def in_node(script: str, text: str) -> Any:
    run = subprocess.run(["node", READERS / script], input=text.encode(), capture_output=True, check=True)
    return json.loads(run.stdout)


@needs_dot
def test_graphviz_reads_dot_without_a_complaint(graph: ExplanationGraph) -> None:
    run = subprocess.run(["dot", "-Tjson0"], input=to_dot(graph).encode(), capture_output=True, check=True)
    assert run.stderr == b""
    data = json.loads(run.stdout)
    written = [entry for entry in data["objects"] if "key" in entry]
    keys = {entry["_gvid"]: html.unescape(entry["key"]) for entry in written}
    nodes = {html.unescape(entry["key"]): entry for entry in written}
    assert set(nodes) == set(graph)
    for node, attributes in graph.nodes(data=True):
        for key, value in attributes.items():
            if key != "label":
                assert html.unescape(nodes[node][key]) == value
        shown = "".join(html.unescape(nodes[node]["label"]).replace("\\n", "").replace("\\l", "").split())
        assert shown == "".join(graph.caption(node).split())
    assert sorted((keys[edge["tail"]], keys[edge["head"]], edge["role"]) for edge in data["edges"]) == roles(graph)


DRAW = """async (texts) => {
  mermaid.initialize({ startOnLoad: false, maxEdges: 5000, maxTextSize: 2e6 });
  const found = [];
  for (const text of texts) {
    document.body.innerHTML = (await mermaid.render("drawn", text)).svg;
    found.push({
      nodes: [...document.querySelectorAll("g.node")].map((node) => [node.id.match(/n\\d+/)[0], node.textContent]),
      edges: [...document.querySelectorAll("path.flowchart-link")].map((edge) => edge.id.match(/n\\d+_n\\d+/)[0].split("_")),
    });
  }
  return [found, document.title];
}"""


@needs_node("mermaid")
def test_mermaid_draws_its_text(browser: Any, sample_graphs: dict[str, ExplanationGraph]) -> None:
    chosen = [sample_graphs[name] for name in ("hostile", "pathway", "nothing_recorded")]
    page = browser.new_page()
    page.add_script_tag(path=READERS / "node_modules/mermaid/dist/mermaid.min.js")
    found, title = page.evaluate(DRAW, [to_mermaid(graph) for graph in chosen])
    page.close()
    assert title == ""
    for graph, drawing in zip(chosen, found, strict=True):
        names = list(graph)
        assert sorted(names[int(name[1:])] for name, _ in drawing["nodes"]) == sorted(names)
        for name, text in drawing["nodes"]:
            node = names[int(name[1:])]
            assert "".join(text.split()) == "".join(graph.caption(node).split())
        ends = sorted((names[int(source[1:])], names[int(target[1:])]) for source, target in drawing["edges"])
        assert ends == sorted((source, target) for source, target, _ in graph.edges)


def test_prov_reads_prov_json(graph: ExplanationGraph) -> None:
    model = pytest.importorskip("prov.model", reason="prov reads it: pip install prov")
    text = to_prov_json(graph)
    document = model.ProvDocument.deserialize(content=text, format="json")
    assert model.ProvDocument.deserialize(content=document.serialize(format="json"), format="json") == document
    names: dict[Any, str] = {}
    nodes: dict[str, dict[str, str]] = {}
    edges: list[tuple[str, str, str]] = []
    for record in document.get_records():
        own = {str(key.localpart): value for key, value in record.extra_attributes if key.namespace.prefix == "gr"}
        if "id" in own:
            names[record.identifier] = own["id"]
            nodes[own["id"]] = without(own, "id")
            fires = own["kind"] == "rule" and own["state"] != "fails"
            assert isinstance(record, model.ProvActivity if fires else model.ProvEntity)
        elif "role" in own:
            subject, reason = (value for _, value in record.formal_attributes[:2])
            edges.append((reason, subject, own["role"]))
    assert nodes == content(graph)[0]
    assert sorted((names[reason], names[subject], role) for reason, subject, role in edges) == roles(graph)


QUALIFIED = ("Generation", "Usage", "Derivation", "PrimarySource", "Influence")
RELATIONS = ("wasGeneratedBy", "used", "wasDerivedFrom", "hadPrimarySource", "wasInfluencedBy")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")  # rdflib 7 warns of its own calls
@pytest.mark.parametrize(("form", "write"), [("turtle", to_turtle), ("json-ld", to_jsonld)])
def test_rdflib_reads_prov_o(form: str, write: Any, graph: ExplanationGraph) -> None:
    rdflib = pytest.importorskip("rdflib", reason="rdflib reads it: pip install rdflib")
    found = rdflib.Graph().parse(data=write(graph), format=form)
    own, prov = rdflib.Namespace("urn:guideline-reasoner:vocabulary:"), rdflib.Namespace("http://www.w3.org/ns/prov#")
    ids = {subject: str(name) for subject, name in found.subject_objects(own.id)}
    nodes: dict[str, dict[str, str]] = {name: {} for name in ids.values()}
    for subject, name in ids.items():
        for key, value in found.predicate_objects(subject):
            if key.startswith(own) and key != own.id:
                nodes[name][key.removeprefix(own)] = str(value)
    assert nodes == content(graph)[0]
    edges = []
    for kind in QUALIFIED:
        for subject, edge in found.subject_objects(prov[f"qualified{kind}"]):
            (reason,) = {found.value(edge, prov[end]) for end in ("entity", "activity", "influencer")} - {None}
            assert {prov[name] for name in RELATIONS} & set(found.predicates(subject, reason))
            edges.append((ids[reason], ids[subject], str(found.value(edge, own.role))))
    assert sorted(edges) == roles(graph)


SHAPE = """@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix prov: <http://www.w3.org/ns/prov#> .
@prefix gr: <urn:guideline-reasoner:vocabulary:> .
gr:Justified a sh:NodeShape ;
  sh:target [ a sh:SPARQLTarget ; sh:select '''SELECT ?this WHERE {
      ?this <urn:guideline-reasoner:vocabulary:answers> "recommended" }''' ] ;
  sh:property [
    sh:path ( [ sh:oneOrMorePath [ sh:alternativePath ( prov:wasGeneratedBy prov:used prov:wasDerivedFrom ) ] ] gr:kind ) ;
    sh:hasValue "statement" ; sh:message "recommended, and no statement behind it" ] ."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib", "ignore::DeprecationWarning:pyshacl")
def test_a_shape_finds_a_recommendation_without_a_statement(sample_graphs: dict[str, ExplanationGraph]) -> None:
    pyshacl = pytest.importorskip("pyshacl", reason="pyshacl checks it: pip install pyshacl")
    rdflib = pytest.importorskip("rdflib")
    found = rdflib.Graph().parse(data=to_turtle(sample_graphs["lung_disease_not_recorded"]), format="turtle")
    assert pyshacl.validate(found, shacl_graph=SHAPE, advanced=True)[0]
    kind, statement = rdflib.URIRef("urn:guideline-reasoner:vocabulary:kind"), rdflib.Literal("statement")
    for node in list(found.subjects(kind, statement)):
        found.remove((node, kind, statement))
    conforms, _, report = pyshacl.validate(found, shacl_graph=SHAPE, advanced=True)
    assert not conforms
    assert "recommended, and no statement behind it" in report
