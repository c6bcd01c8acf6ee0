"""The viewer's HTML file, put together from its template, scripts and style."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from string import Template

from graphs.columns import boxes
from graphs.graph import ExplanationGraph
from graphs.outline import starts
from graphs.palette import BORDERS, FILLS, LINES
from graphs.viewer.sentences import Sentences, conclusions
from reasoner.render.html.document import LOOK, digest
from reasoner.render.html.document import asset as shared

__all__ = ["inline_sources", "to_html"]

OWN_SCRIPTS = (
    "graph.js",
    "view.js",
    "look.js",
    "layout.js",
    "drawing.js",
    "sentences.js",
    "details.js",
    "search.js",
    "main.js",
)
WORDS = "viewer_"


def to_html(graph: ExplanationGraph) -> str:
    """Write a graph as an HTML file: what it answers, why in sentences, and the graph to explore, search and fold.

    Its scripts and styles are in it, and its content security policy allows those alone.
    """
    numbers = {node: number for number, node in enumerate(graph)}
    scripts, styles = inline_sources()
    return Template(asset("viewer.html")).substitute(
        {key: escape(text) for key, text in viewer_words(graph).items()},
        policy=f"default-src 'none'; script-src {scripts}; style-src {styles}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        title=escape(graph.title()),
        digest=escape(graph.graph.get("digest", "")[:19]),
        disclaimer=escape(graph.graph.get("disclaimer", "")),
        marks=escape(graph.say("graph_marks")),
        conclusions="\n".join(conclusions(graph, numbers)),
        sentences=Sentences(graph, numbers).write(),
        data=data_of(graph, numbers),
        style=style(),
        cytoscape=asset("vendor", "cytoscape.min.js"),
        dagre=asset("vendor", "dagre.min.js"),
        script=own_script(),
    )


def inline_sources() -> tuple[str, str]:
    """Give the source expressions of the scripts and of the style, for the policy of a page that frames the viewer."""
    scripts = (asset("vendor", "cytoscape.min.js"), asset("vendor", "dagre.min.js"), own_script())
    return " ".join(map(digest, scripts)), digest(style())


def own_script() -> str:
    return '"use strict";\n' + "\n".join(map(asset, OWN_SCRIPTS))


def style() -> str:
    return shared(LOOK) + asset("viewer.css")


def asset(*path: str) -> str:
    return files("graphs.viewer").joinpath(*path).read_text("utf-8")


def viewer_words(graph: ExplanationGraph) -> dict[str, str]:
    return {key: text for key, text in graph.wording.items() if key.startswith(WORDS)}


def data_of(graph: ExplanationGraph, numbers: dict[str, int]) -> str:
    """Write the graph and the words for the viewer's script; nothing in it can end the script.

    Edges are lists of source, target, role, and what the role reads like in both directions. An argument has `places`, the
    column of each node and its height there.
    """
    argued = graph.stands_in_columns()
    data = {
        "nodes": [{**attributes, "id": node} for node, attributes in graph.nodes(data=True)],
        "captions": [graph.caption(node) for node in graph],
        "edges": [
            [numbers[source], numbers[target], role, graph.role(source, role), graph.reversed_role(source, role)]
            for source, target, role in graph.edges(data="role")
        ],
        "starts": [numbers[node] for node in starts(graph)],
        "kinds": {kind: graph.kind(kind) for kind in dict.fromkeys(kind for _, kind in graph.nodes(data="kind"))},
        "looks": {"fills": FILLS, "borders": BORDERS, "lines": LINES},
        "places": [(box.x, box.y) for box in boxes(graph).values()] if argued else [],
        "words": viewer_words(graph),
    }
    return json.dumps(data).replace("<", "\\u003c")
