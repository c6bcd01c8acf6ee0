"""The JSON API: each question gives the same JSON as its command with ``--format json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from reasoner.answer import Answer
from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.record import Record, parse_json
from reasoner.serve.problems import Problem

__all__ = ["QUESTIONS", "Question", "patient_record"]

Format = Literal["prov.json", "ttl", "jsonld", "json", "graphml", "gexf", "dot", "mmd", "cyjs", "html", "svg", "png"]
MEDIA: dict[str, str] = {
    "json": "application/json", "prov.json": "application/json", "jsonld": "application/ld+json", "ttl": "text/turtle",
    "cyjs": "application/json", "graphml": "application/xml", "gexf": "application/xml", "dot": "text/vnd.graphviz",
    "mmd": "text/plain", "html": "text/html", "svg": "image/svg+xml", "png": "image/png",
}  # fmt: skip
DRAWN = ("svg", "png")


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """A question about one patient: a record, or a FHIR resource or bundle."""

    patient: msgspec.Raw


class AskedWhy(Asked):
    """Which conclusion to explain: a regimen, an action or a setting."""

    conclusion: str


class AskedWhyNot(Asked):
    """Which regimen is not recommended; `any` offers changes of what is over, too."""

    regimen: str
    any: bool = False


class AskedWhatIf(Asked):
    """Edits of the record, as ``reasoner what-if --set`` takes them."""

    set: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]


class AskedAsk(Asked):
    """What to find out; `all_paths` adds a smallest decision tree."""

    all_paths: bool = False


class AskedPathway(Asked):
    """How many more courses to follow."""

    lines: Annotated[int, msgspec.Meta(ge=0, le=9)] = 3


class AskedGraph(Asked):
    """The explanation graph: its format, and what it is narrowed to."""

    format: Format = "json"
    focus: str | None = None
    carrying: bool = False
    depth: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Question(NamedTuple):
    """A question that the API answers: the path it is asked at, its body, and what answers it."""

    path: str
    summary: str
    body: type[Asked]
    reply: Callable[[Guideline, Record, Any], tuple[bytes, str]]
    quick: bool = False


def patient_record(guideline: Guideline, content: msgspec.Raw, courses: int) -> Record:
    """Read a patient of at most so many courses.

    Raises RecordError, naming the field, where it cannot be used.
    """
    try:
        data = parse_json(bytes(content).decode())
    except json.JSONDecodeError as error:
        raise RecordError(f"patient: not JSON: {error.msg}") from None
    for fact in guideline.knowledge.facts:
        if fact.kind == "courses" and isinstance(data, dict) and isinstance(given := data.get(fact.name), list):
            if len(given) > courses:
                raise RecordError(f"{fact.name}: {len(given)} courses; this service answers at most {courses}")
    return guideline.record(data)


def as_json(data: object) -> tuple[bytes, str]:
    """Write JSON byte for byte as the command line does."""
    return f"{json.dumps(data)}\n".encode(), MEDIA["json"]


def answer(guideline: Guideline, record: Record, _: Asked) -> tuple[bytes, str]:
    return as_json(guideline.answer(record).to_dict())


def why(guideline: Guideline, record: Record, asked: AskedWhy) -> tuple[bytes, str]:
    from reasoner.queries.why import why

    return as_json(why(guideline.answer(record), asked.conclusion).to_dict())


def why_not(guideline: Guideline, record: Record, asked: AskedWhyNot) -> tuple[bytes, str]:
    from reasoner.queries.why_not import why_not

    return as_json(why_not(guideline, record, asked.regimen, asked.any).to_dict())


def what_if(guideline: Guideline, record: Record, asked: AskedWhatIf) -> tuple[bytes, str]:
    from reasoner.queries.what_if import what_if

    return as_json(what_if(guideline, record, asked.set).to_dict())


def ask(guideline: Guideline, record: Record, asked: AskedAsk) -> tuple[bytes, str]:
    from reasoner.queries.ask import ask, decision_tree

    questions = ask(guideline, record).to_dict()
    return as_json({**questions, "tree": decision_tree(guideline, record).to_dict()} if asked.all_paths else questions)


def pathway(guideline: Guideline, record: Record, asked: AskedPathway) -> tuple[bytes, str]:
    from reasoner.queries.pathway import pathway

    return as_json(pathway(guideline, record, asked.lines).to_dict())


def graph(guideline: Guideline, record: Record, asked: AskedGraph) -> tuple[bytes, str]:
    from graphs.build import answer_graph
    from graphs.write import to_bytes

    found = guideline.answer(record)
    drawn = answer_graph(found, focus_of(found, asked.focus), blocked=not asked.carrying, depth=asked.depth)
    return to_bytes(drawn, f".{asked.format}"), MEDIA[asked.format]


def focus_of(found: Answer, focus: str | None) -> tuple[str, ...]:
    from reasoner.queries.why import why

    return () if focus is None else why(found, focus).atoms


QUESTIONS = (
    Question("/api/answer", "Answer a record.", Asked, answer, quick=True),
    Question("/api/why", "Explain a regimen's, an action's or a setting's status.", AskedWhy, why),
    Question("/api/why-not", "Tell what keeps a regimen from being recommended.", AskedWhyNot, why_not),
    Question("/api/what-if", "Show what an edit of the record changes in the answer.", AskedWhatIf, what_if),
    Question("/api/ask", "Name the unrecorded facts that can still change the answer.", AskedAsk, ask),
    Question("/api/pathway", "Follow the guideline from here, course by course.", AskedPathway, pathway),
    Question("/api/graph", "Draw the explanation graph of the answer.", AskedGraph, graph),
)
