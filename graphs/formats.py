"""The file formats of graphs: the one registry of them, and writing a graph to a file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reasoner.errors import ReasonerError, nearest
from reasoner.files import write_whole

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["FORMATS", "Format", "format_of", "summary_of_formats", "to_bytes", "write_graph"]

PROV = "pip install 'guideline-reasoner[prov]'"


class Format(NamedTuple):
    """A file format: its suffix, the function that writes it, and what people and programs have to know of it.

    `function` of `module` takes a graph and gives text or bytes; the module is imported when the format is first written.
    `requires` says what has to be installed beside this package, "" where nothing has. It `unfolds` a graph part by part, so
    that any number of nodes is legible, or shows it as a whole.
    """

    suffix: str
    module: str
    function: str
    summary: str
    media_type: str
    requires: str = ""
    unfolds: bool = False

    @property
    def name(self) -> str:
        """The suffix without its dot."""
        return self.suffix[1:]


FORMATS = [
    Format(".html", "graphs.viewer.document", "to_html", "interactive viewer, works offline", "text/html", unfolds=True),
    Format(".svg", "graphs.image", "to_svg", "picture", "image/svg+xml", "Graphviz"),
    Format(".png", "graphs.image", "to_png", "picture", "image/png", "Graphviz"),
    Format(".json", "graphs.node_link", "to_json", "node-link JSON (networkx)", "application/json"),
    Format(".graphml", "graphs.graphml", "to_graphml", "GraphML (igraph, yEd)", "application/xml"),
    Format(".gexf", "graphs.gexf", "to_gexf", "GEXF (Gephi)", "application/xml"),
    Format(".dot", "graphs.dot", "to_dot", "DOT (Graphviz)", "text/vnd.graphviz"),
    Format(".mmd", "graphs.mermaid", "to_mermaid", "Mermaid flowchart", "text/plain"),
    Format(".cyjs", "graphs.cytoscape", "to_cytoscape", "Cytoscape JSON", "application/json"),
    Format(".prov.json", "graphs.prov", "to_prov_json", "PROV-JSON", "application/json", PROV),
    Format(".ttl", "graphs.prov", "to_turtle", "PROV-O in Turtle", "text/turtle", PROV),
    Format(".jsonld", "graphs.prov", "to_jsonld", "PROV-O in JSON-LD", "application/ld+json", PROV),
]


def summary_of_formats() -> str:
    """Write a line for each format: its suffix, what it is, and what it requires."""
    width = max(len(known.suffix) for known in FORMATS)
    return "\n".join(
        f"{known.suffix:{width}}  {known.summary}" + (f"; requires {known.requires}" if known.requires else "")
        for known in FORMATS
    )


def format_of(path: Path) -> Format:
    """Give the format of a file, by its suffix.

    Raises ReasonerError, naming the nearest suffix, for one that is not a format's.
    """
    found = [known for known in FORMATS if path.name.lower().endswith(known.suffix)]
    if not found:
        suffixes = [known.suffix for known in FORMATS]
        raise ReasonerError(
            f'{path}: "{path.suffix}" is not a graph format{nearest(path.suffix, suffixes)}; '
            f"the format follows the suffix: {', '.join(suffixes)}"
        )
    return max(found, key=lambda known: len(known.suffix))


def to_bytes(graph: nx.MultiDiGraph, form: Format) -> bytes:
    """Write `graph` in a format.

    Raises ReasonerError where what the format requires is not installed.
    """
    try:
        found: str | bytes = getattr(import_module(form.module), form.function)(graph)
    except ModuleNotFoundError as error:
        if not form.requires:
            raise
        library = (error.name or "").partition(".")[0]
        raise ReasonerError(f"{form.suffix}: {library} is not installed; the format requires {form.requires}") from None
    return found.encode() if isinstance(found, str) else found


def write_graph(graph: nx.MultiDiGraph, path: Path) -> None:
    """Write `graph` to `path`, whole or not at all; the format follows the suffix.

    Raises ReasonerError for a suffix that is not a format's, where what the format requires is not installed, and where the
    file cannot be written.
    """
    write_whole(path, to_bytes(graph, format_of(path)))
