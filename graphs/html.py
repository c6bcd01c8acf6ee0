"""A page with the graph and the same derivation as sentences: one file that needs no network and lets nothing in."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

import networkx as nx

from graphs.reading import Condition, Step, cited, order, sources, starts, steps
from graphs.text import marked

__all__ = ["allowed", "to_html"]

HEADINGS = {
    "setting": "Setting", "not_setting": "Not the setting", "recommended": "Recommended",
    "not_recommended": "Not recommended", "excluded": "Excluded", "action": "Check and do",
    "not_action": "Not called for", "cautioned": "Cautions", "dead_end": "Dead ends", "silence": "Silences",
    "state": "Where it is cut", "conclusion": "Conclusions", "statement": "Statements without rules",
    "reading": "Readings without rules",
}  # fmt: skip
BESIDE = {"missing": "Not recorded, and it matters", "notes": "Notes", "doubts": "Evidence to doubt"}
SCRIPTS = ("cytoscape.min.js", "dagre.min.js", "page.js")
LAYERS = {"literal": "literal layer", "curated": "curated layer"}


def to_html(graph: nx.MultiDiGraph) -> str:
    """Write a graph as a page: what it answers, why in sentences, and the graph to look at, search and fold.

    Its scripts and styles are in it, and its content security policy allows those alone.
    """
    numbers = {node: number for number, node in enumerate(graph)}
    scripts, styles = allowed()
    return Template(asset("page.html")).substitute(
        policy=f"default-src 'none'; script-src {scripts}; style-src {styles}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        title=escape(" - ".join(part for part in (graph.graph.get("patient"), graph.graph.get("title")) if part)),
        heading=heading(graph),
        conclusions="\n".join(conclusions(graph, numbers)),
        parts=Sentences(graph if has_rules(graph) else graph.reverse(copy=False), numbers).write(),
        data=data_of(graph, numbers),
        style=asset("page.css"),
        cytoscape=asset("cytoscape.min.js"),
        dagre=asset("dagre.min.js"),
        script=asset("page.js"),
    )


def has_rules(graph: nx.MultiDiGraph) -> bool:
    """Tell whether a graph is a derivation; a pathway reads the other way, from the first state on."""
    return any(data.get("kind") == "rule" for _, data in graph.nodes(data=True))


def allowed() -> tuple[str, str]:
    """Give the source expressions of the page's scripts and of its style; a page that frames it has to allow them, too."""
    return " ".join(map(digest, map(asset, SCRIPTS))), digest(asset("page.css"))


def asset(name: str) -> str:
    return files("graphs").joinpath("page", name).read_text("utf-8")


def digest(text: str) -> str:
    """Give the source expression that lets a policy allow one inline script or style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def data_of(graph: nx.MultiDiGraph, numbers: dict[str, int]) -> str:
    """Write the graph for the page's script; nothing in it can end the script."""
    nodes = [{**data, "id": node} for node, data in graph.nodes(data=True)]
    edges = [[numbers[source], numbers[target], role] for source, target, role in graph.edges(data="role", default="")]
    return json.dumps({"nodes": nodes, "edges": edges, "starts": [numbers[node] for node in starts(graph)]}).replace(
        "<", "\\u003c"
    )


def heading(graph: nx.MultiDiGraph) -> str:
    """Say whose answer it is, by which guideline, and what to think of it."""
    about = graph.graph
    first = " - ".join(part for part in (about.get("patient"), about.get("title") or about.get("guideline")) if part)
    overlays = f"LOCAL overlay {about['overlays']}" if about.get("overlays") else ""
    version = about.get("digest", "")[:19]
    second = ", ".join(part for part in (LAYERS.get(about.get("layer", ""), ""), overlays, version) if part)
    return (
        f"<h1>{escape(first or 'Explanation graph')}</h1>\n<p>{escape(second)}</p>\n"
        f"<p><strong>{escape(about.get('disclaimer', ''))}</strong></p>"
    )


def conclusions(graph: nx.MultiDiGraph, numbers: dict[str, int]) -> Iterator[str]:
    """Yield the list of what the graph answers, by kind, and what the answer says beside it."""
    groups: dict[str, list[str]] = {kind: [] for kind in HEADINGS}
    for node in starts(graph):
        data = graph.nodes[node]
        groups.setdefault(data.get("answers") or data.get("kind", "conclusion"), []).append(node)
    for kind, own in groups.items():
        if own:
            yield f"<h2>{escape(HEADINGS.get(kind, kind))}</h2>\n<ul>"
            yield from (conclusion(graph.nodes[node], node, numbers[node], kind) for node in own)
            yield "</ul>"
    for name, title in BESIDE.items():
        if name in graph.graph:
            yield f"<h2>{title}</h2>\n<ul>"
            yield from (f"<li>{escape(line)}</li>" for line in graph.graph[name].split("\n"))
            yield "</ul>"


def conclusion(data: dict[str, str], node: str, number: int, kind: str) -> str:
    """Write an entry of the list of conclusions."""
    conditional = data.get("certainty", "") == "conditional" or data.get("state") == "unknown"
    lead = f"{data['rank']}{'?' if conditional else '.'} " if "rank" in data else "? " if conditional else ""
    more = [data[key] for key in ("strength",) if key in data]
    if "assuming" in data:
        more.append(f"certain if {data['assuming']}")
    words = lead + data.get("name", marked(data, node))
    small = f"<small>{escape(', '.join(more))}</small>" if more else ""
    look = f"answers-{kind} conditional" if conditional else f"answers-{kind}"
    return f'<li class="{escape(look)}"><a href="#p{number}" data-node="{number}">{escape(words)}{small}</a></li>'


class Sentences:
    """Writes the derivation: a part for each conclusion, each once, with the ways to it."""

    def __init__(self, graph: nx.MultiDiGraph, numbers: dict[str, int]) -> None:
        self.graph = graph
        self.numbers = numbers
        self.parts = dict.fromkeys(order(graph))

    def write(self) -> str:
        return "\n".join(map(self.part, self.parts))

    def part(self, node: str) -> str:
        data, number = self.graph.nodes[node], self.numbers[node]
        ways = "\n".join(self.way(step) for step in steps(self.graph, node))
        return (
            f'<details class="part {escape(data.get("state", ""))}" id="p{number}" data-node="{number}" open>\n'
            f"<summary>{escape(marked(data, node))}</summary>\n{ways}\n</details>"
        )

    def way(self, step: Step) -> str:
        """Write the rule with what it encodes, and its conditions."""
        conditions = "<ul>\n" + "\n".join(map(self.condition, step.conditions)) + "\n</ul>"
        if step.rule is None:
            return conditions
        data = self.graph.nodes[step.rule]
        fires = " does not fire:" if data.get("state") == "fails" else ""
        place = f'<span class="place">({escape(data.get("place", ""))})</span>'
        stated = "".join(map(self.stated, sources(self.graph, step.rule)))
        return (
            f'<div data-rule="{self.numbers[step.rule]}"><p>{self.button(step.rule, data.get("label", step.rule))}'
            f"{fires} {place}{stated}</p>\n{conditions}</div>"
        )

    def stated(self, source: str) -> str:
        """Write a source's first sentence, and what it cites; the rest of it is told on a click."""
        first, stop, _ = self.graph.nodes[source].get("text", "").partition("\n")[0].partition(". ")
        text = first + stop.strip()
        return f' {escape(text)} <span class="state">[{escape("; ".join(cited(self.graph, source)))}]</span>'

    def condition(self, reason: Condition) -> str:
        """Write a condition, with the way to its own part where it has one."""
        number = self.numbers[reason.node]
        words = self.button(reason.node, reason.words)
        if reason.node in self.parts:
            words = f'<a href="#p{number}" data-node="{number}">{escape(reason.words)}</a>'
        return f'<li><span class="mark">{escape(reason.mark)}</span>{words}</li>'

    def button(self, node: str, words: str) -> str:
        return f'<button type="button" class="node" data-node="{self.numbers[node]}">{escape(words)}</button>'
