"""PROV-O: what was concluded, from what, by which rules; as PROV-JSON, Turtle and JSON-LD.

A rule that fires is an activity, a run of the guideline (the plan) by this software (the agent); all else are entities.
A rule that does not fire did not happen: it is an entity that influenced what is not concluded. Each edge of the graph is
a relation from the consequence to its reason, with an id and its `role`; attributes are in the vocabulary of the graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import networkx as nx

from reasoner import __version__

if TYPE_CHECKING:
    from rdflib import Graph as RdfGraph

__all__ = ["to_jsonld", "to_prov_json", "to_turtle"]

VOCABULARY = "urn:guideline-reasoner:vocabulary:"
SOFTWARE, PLAN, EXPLANATION = "software", "guideline", "explanation"


class Relation(NamedTuple):
    """An edge as PROV has it: `subject` is what follows, `object` the reason, `kind` the relation's name in PROV-O."""

    id: str
    kind: str
    subject: str
    object: str
    role: str


QUALIFIED = {
    "wasGeneratedBy": ("qualifiedGeneration", "Generation", "activity"),
    "used": ("qualifiedUsage", "Usage", "entity"),
    "wasDerivedFrom": ("qualifiedDerivation", "Derivation", "entity"),
    "hadPrimarySource": ("qualifiedPrimarySource", "PrimarySource", "entity"),
    "wasInfluencedBy": ("qualifiedInfluence", "Influence", "influencer"),
}


def is_activity(data: dict[str, str]) -> bool:
    return data["kind"] == "rule" and data["state"] != "fails"


def relations(graph: nx.MultiDiGraph) -> Iterator[Relation]:
    """Yield the edges of a graph as relations of PROV."""
    activities = {node for node, data in graph.nodes(data=True) if is_activity(data)}
    rules = {node for node, kind in graph.nodes(data="kind") if kind == "rule"}
    for number, (source, target, role) in enumerate(graph.edges(data="role")):
        if source in activities and target not in activities:
            kind = "wasGeneratedBy"
        elif target in activities and source not in activities:
            kind = "used"
        elif role in ("cites", "rests_on"):
            kind = "hadPrimarySource"
        elif role == "states" or (role in ("derives", "requires") and not {source, target} & rules):
            kind = "wasDerivedFrom"
        else:
            kind = "wasInfluencedBy"
        yield Relation(f"edge-{number}", kind, target, source, role)


def namespace(graph: nx.MultiDiGraph) -> str:
    """Name a graph by its content, so that the graphs of two patients stay apart where both are kept."""
    content = json.dumps(nx.node_link_data(graph, edges="edges"), sort_keys=True)
    return f"urn:guideline-reasoner:graph:{sha256(content.encode()).hexdigest()[:16]}:"


def local(node: str) -> str:
    """Encode the id of a node for an IRI, apart from the names of the software, the plan and the explanation."""
    return "node-" + quote(node, safe="")


def to_prov_json(graph: nx.MultiDiGraph) -> str:
    """Write a graph as PROV-JSON, by the library prov."""
    from prov.model import PROV, ProvDocument

    document = ProvDocument()
    own = document.add_namespace("graph", namespace(graph))
    word = document.add_namespace("gr", VOCABULARY)
    document.agent(own[SOFTWARE], {PROV["type"]: PROV["SoftwareAgent"], word["version"]: __version__})
    document.entity(own[PLAN], {PROV["type"]: PROV["Plan"]})
    document.entity(own[EXPLANATION], {word[key]: value for key, value in graph.graph.items()})
    document.wasAttributedTo(own[EXPLANATION], own[SOFTWARE], identifier=own["attribution"])
    for number, (node, data) in enumerate(graph.nodes(data=True)):
        name = own[local(node)]
        attributes = {word["id"]: node, **{word[key]: value for key, value in data.items()}}
        if is_activity(data):
            document.activity(name, other_attributes=attributes)
            document.wasAssociatedWith(name, own[SOFTWARE], own[PLAN], identifier=own[f"association-{number}"])
        else:
            document.entity(name, attributes)
    for relation in relations(graph):
        relate = getattr(document, relation.kind)
        subject, reason = own[local(relation.subject)], own[local(relation.object)]
        relate(subject, reason, identifier=own[relation.id], other_attributes={word["role"]: relation.role})
    return str(document.serialize(format="json", indent=1)) + "\n"


def to_turtle(graph: nx.MultiDiGraph) -> str:
    """Write a graph as Turtle, by the library rdflib."""
    return str(to_rdf(graph).serialize(format="turtle"))


def to_jsonld(graph: nx.MultiDiGraph) -> str:
    """Write a graph as JSON-LD, by the library rdflib; its context is in the file."""
    found = to_rdf(graph)
    context = {prefix: str(name) for prefix, name in found.namespaces() if prefix in ("graph", "gr", "prov", "rdfs")}
    data = json.loads(found.serialize(format="json-ld", context=context, auto_compact=False))
    data["@graph"].sort(key=lambda entry: entry["@id"])
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def to_rdf(graph: nx.MultiDiGraph) -> RdfGraph:
    """Build the triples of a graph: every relation both direct, for simple queries, and qualified, with its id and role."""
    from rdflib import RDF, RDFS, Graph, Literal, Namespace

    found = Graph(bind_namespaces="none")
    prov, own, word = Namespace("http://www.w3.org/ns/prov#"), Namespace(namespace(graph)), Namespace(VOCABULARY)
    for prefix, space in (("prov", prov), ("graph", own), ("gr", word), ("rdfs", RDFS)):
        found.bind(prefix, space)
    found.add((own[SOFTWARE], RDF.type, prov.SoftwareAgent))
    found.add((own[SOFTWARE], word["version"], Literal(__version__)))
    found.add((own[PLAN], RDF.type, prov.Plan))
    found.add((own[EXPLANATION], RDF.type, prov.Entity))
    found.add((own[EXPLANATION], prov.wasAttributedTo, own[SOFTWARE]))
    for key, value in graph.graph.items():
        found.add((own[EXPLANATION], word[key], Literal(value)))
    for number, (node, data) in enumerate(graph.nodes(data=True)):
        name = own[local(node)]
        found.add((name, RDF.type, prov.Activity if is_activity(data) else prov.Entity))
        found.add((name, RDFS.label, Literal(data["label"])))
        found.add((name, word["id"], Literal(node)))
        for key, value in data.items():
            found.add((name, word[key], Literal(value)))
        if is_activity(data):
            association = own[f"association-{number}"]
            found.add((name, prov.wasAssociatedWith, own[SOFTWARE]))
            found.add((name, prov.qualifiedAssociation, association))
            found.add((association, RDF.type, prov.Association))
            found.add((association, prov.agent, own[SOFTWARE]))
            found.add((association, prov.hadPlan, own[PLAN]))
    for relation in relations(graph):
        subject, reason, name = own[local(relation.subject)], own[local(relation.object)], own[relation.id]
        qualified, kind, to = QUALIFIED[relation.kind]
        found.add((subject, prov[relation.kind], reason))
        found.add((subject, prov[qualified], name))
        found.add((name, RDF.type, prov[kind]))
        found.add((name, prov[to], reason))
        found.add((name, word["role"], Literal(relation.role)))
    return found
