"""The JSON API: each question gives the same JSON as its command with ``--format json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec
from cachetools import LRUCache
from starlette.responses import Response

from graphs.formats import FORMATS, format_of, to_bytes
from reasoner.engine.answer import Answer, AnswerWords
from reasoner.engine.conclusions import CERTAIN
from reasoner.engine.phrases import recommendation_words
from reasoner.engine.predicates import ACTION, EXCLUDED, RECOMMENDED
from reasoner.engine.way_phrases import requirements_of
from reasoner.errors import GuidelineError, ReasonerError, RecordError
from reasoner.fhir import ChartFacts
from reasoner.guideline import Guideline
from reasoner.queries import ask, concordance, pathway, what_if, why, why_not
from reasoner.records.json_lines import parse_json
from reasoner.records.record import OPEN, Record
from reasoner.records.shapes import to_json
from reasoner.serve.problems import RefusedError

__all__ = ["QUESTIONS", "Asked", "AskedFacts", "Asker", "Askers", "Question", "findings", "refuse_long"]

KEPT = 64
MOST_FOLLOWED = 6_000
"""So many records a pathway of the service leads to at most: about a second's work."""
LITTLE = 8

if TYPE_CHECKING:
    Format = str
else:
    Format = Literal[tuple(known.name for known in FORMATS)]


class AskedFacts(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be read: a record, or a FHIR resource or bundle."""

    patient: Annotated[
        msgspec.Raw,
        msgspec.Meta(
            extra_json_schema={"anyOf": [{"$ref": "#/components/schemas/Record"}, {"$ref": "#/components/schemas/Resource"}]}
        ),
    ]


class Asked(AskedFacts, kw_only=True):
    """A question about one patient.

    `readings` are taken as ``--reading`` takes them, such as ``R5=b`` or ``any``; null as the service was started with.
    """

    readings: Annotated[list[str], msgspec.Meta(max_length=100)] | None = None


class AskedAnswer(Asked, kw_only=True):
    """What the guideline says; with `words`, also how texts word each recommendation."""

    words: bool = False


class AskedWhy(Asked, kw_only=True):
    """Which conclusion to explain: a regimen, an action or a setting."""

    conclusion: str


class AskedWhyNot(Asked, kw_only=True):
    """Which regimen to explain; with `any`, changes to immutable facts are offered as well; `most` changes are given."""

    regimen: str
    any: bool = False
    most: Annotated[int, msgspec.Meta(ge=0, le=100)] = 10


class AskedWhatIf(Asked, kw_only=True):
    """Edits of the record, as ``reasoner what-if --set`` takes them."""

    set: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]


class AskedAsk(Asked, kw_only=True):
    """What to find out; `all_paths` adds a smallest decision tree."""

    all_paths: bool = False


class AskedPathway(Asked, kw_only=True):
    """How many more courses to follow."""

    lines: Annotated[int, msgspec.Meta(ge=0, le=5)] = 3


class AskedGraph(Asked, kw_only=True):
    """The explanation graph: its format, and what it is narrowed to."""

    format: Format = "json"
    focus: str | None = None
    full: bool = False
    carrying: bool = False
    depth: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Asker(NamedTuple):
    """What questions are asked of: a guideline, and the longest history that is answered."""

    guideline: Guideline
    courses: int

    def parsed(self, asked: AskedFacts) -> Record:
        """Read the patient that a question is about; that the record does not contradict itself is not checked yet.

        Raises RecordError, naming the field, where it cannot be used.
        """
        record = self.guideline.parsed(patient_of(asked))
        refuse_long(record, self.courses)
        return record

    def record(self, asked: AskedFacts) -> Record:
        """Read the patient that a question is about.

        Raises RecordError, naming the field, where it cannot be used.
        """
        return self.guideline.checked(self.parsed(asked))

    def answer(self, asked: AskedFacts) -> Answer:
        return self.guideline.answer(self.parsed(asked))


class Askers:
    """Whom to ask, by how the readings are to be taken; the last ways that were asked for are kept."""

    def __init__(self, guideline: Guideline, courses: int) -> None:
        self.own = Asker(guideline, courses)
        self.others: LRUCache[tuple[str, ...], Asker] = LRUCache(KEPT)
        self.lock = Lock()

    def asker(self, asked: AskedFacts) -> Asker:
        """Give whom to ask a question.

        Raises RefusedError for a reading or an alternative that is not there.
        """
        if not isinstance(asked, Asked) or asked.readings is None:
            return self.own
        chosen = tuple(asked.readings)
        with self.lock:
            found = self.others.get(chosen)
            if found is None:
                try:
                    found = self.own._replace(guideline=self.own.guideline.with_readings(chosen))
                except GuidelineError as error:
                    words = str(error).removeprefix("--reading").lstrip(": ")
                    raise RefusedError(422, f"readings: {words}", "readings") from None
                self.others[chosen] = found
        return found


def patient_of(asked: AskedFacts) -> object:
    """Parse the patient as strictly as the command line does."""
    try:
        return parse_json(bytes(asked.patient).decode())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, f"patient: not JSON: {error}", "patient") from None


def refuse_long(record: Record, courses: int) -> None:
    """Refuse a record with more than `courses` courses: the guideline is ground for each number of them."""
    if record.courses > courses:
        raise RecordError(f"{record.courses} courses; this service answers at most {courses}")


class Question(NamedTuple):
    """A question that the API answers: the path it is asked at, its body, what answers it.

    `shape` is that of the answer where it is JSON always. `at_once` answers it in a millisecond or two, or not at all: it
    gives None where that would take longer.
    """

    path: str
    summary: str
    body: type[AskedFacts]
    reply: Callable[[Asker, Any], Response]
    shape: type[msgspec.Struct] | None
    at_once: Callable[[Asker, Any], Response | None] | None = None


def as_json(result: object) -> Response:
    """Write JSON byte for byte as the command line does."""
    return Response(to_json(result), media_type="application/json")


def reply_to_answer(asker: Asker, asked: AskedAnswer) -> Response:
    return as_json(as_asked(asker.answer(asked), asked))


def as_asked(answer: Answer, asked: AskedAnswer) -> Answer:
    if not asked.words:
        return answer
    derivation = answer.derivation
    lists: dict[Literal["recommended", "excluded", "actions"], tuple[str, list[str]]] = {
        "recommended": (RECOMMENDED, [own.regimen for own in answer.recommended if own.certainty != CERTAIN]),
        "excluded": (EXCLUDED, [own.regimen for own in answer.excluded if own.certainty != CERTAIN]),
        "actions": (ACTION, [own.action for own in answer.actions if own.certainty != CERTAIN]),
    }
    words = AnswerWords(
        recommended={own.regimen: recommendation_words(own, derivation) for own in answer.recommended},
        required={
            kind: {name: requirements_of(predicate, name, derivation) for name in names}
            for kind, (predicate, names) in lists.items()
        },
    )
    return answer.replace(worded=words)


def answer_at_once(asker: Asker, asked: AskedAnswer) -> Response | None:
    """Answer a record that leaves little open."""
    record = asker.parsed(asked)
    adopted = asker.guideline.adopted
    much_open = record.fewer or OPEN in adopted or record.told[0].choices[len(adopted) :].count(OPEN) > LITTLE
    return None if much_open else as_json(as_asked(asker.guideline.answer(record), asked))


def reply_to_why(asker: Asker, asked: AskedWhy) -> Response:
    return as_json(why.why(asker.answer(asked), asked.conclusion))


def reply_to_why_not(asker: Asker, asked: AskedWhyNot) -> Response:
    return as_json(why_not.why_not(asker.guideline, asker.record(asked), asked.regimen, asked.any, asked.most))


def reply_to_what_if(asker: Asker, asked: AskedWhatIf) -> Response:
    return as_json(what_if.what_if(asker.guideline, asker.record(asked), asked.set))


def reply_to_ask(asker: Asker, asked: AskedAsk) -> Response:
    record = asker.record(asked)
    questions = ask.with_all_paths if asked.all_paths else ask.ask
    return as_json(questions(asker.guideline, record))


def reply_to_pathway(asker: Asker, asked: AskedPathway) -> Response:
    return as_json(pathway.pathway(asker.guideline, asker.record(asked), asked.lines, MOST_FOLLOWED))


def reply_to_concordance(asker: Asker, asked: Asked) -> Response:
    return as_json(concordance.concordance(asker.guideline, asker.record(asked)))


def reply_to_facts(asker: Asker, asked: AskedFacts) -> Response:
    data = patient_of(asked)
    if not isinstance(data, dict):
        raise RecordError("patient: not a FHIR resource, which is a JSON object")
    return as_json(asker.guideline.read_fhir(data).with_timeline())


def reply_to_graph(asker: Asker, asked: AskedGraph) -> Response:
    from graphs.argument import explained, legible

    found = asker.answer(asked)
    drawn = explained(found, focus_of(found, asked.focus), asked.full, not asked.carrying, asked.depth)
    name = f"graph.{asked.format}"
    form = format_of(Path(name))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    try:
        return Response(
            to_bytes(drawn if form.unfolds else legible(drawn), form), headers=headers, media_type=form.media_type
        )
    except ReasonerError as error:
        raise RefusedError(501, str(error)) from None


def focus_of(found: Answer, focus: str | None) -> tuple[str, ...]:
    return () if focus is None else why.why(found, focus).atoms


def findings(guideline: Guideline) -> bytes:
    """Find the guideline's defects, as ``reasoner check`` does."""
    from reasoner.verification.check import check
    from reasoner.verification.reports import FindingsReport, readings_named

    found = check(guideline)
    report = FindingsReport(
        guideline=guideline.info,
        courses=found.courses,
        findings=found.findings,
        undecided=found.undecided,
        readings=readings_named(found.findings, guideline),
    )
    return to_json(report)


QUESTIONS = (
    Question("/api/answer", "Answer a record.", AskedAnswer, reply_to_answer, Answer, answer_at_once),
    Question("/api/why", "Explain a regimen's, an action's or a setting's status.", AskedWhy, reply_to_why, why.Why),
    Question(
        "/api/why-not", "Explain what keeps a regimen from being recommended.", AskedWhyNot, reply_to_why_not, why_not.WhyNot
    ),
    Question(
        "/api/what-if",
        "Show what an edit of the record changes in the answer.",
        AskedWhatIf,
        reply_to_what_if,
        what_if.WhatIf,
    ),
    Question(
        "/api/ask", "List the unrecorded facts that can still change the answer.", AskedAsk, reply_to_ask, ask.Questions
    ),
    Question(
        "/api/pathway", "Follow the guideline from here, course by course.", AskedPathway, reply_to_pathway, pathway.Pathway
    ),
    Question(
        "/api/concordance",
        "Hold each course of therapy against what the guideline said when it was given.",
        Asked,
        reply_to_concordance,
        concordance.Concordance,
    ),
    Question(
        "/api/facts",
        "Read a record from FHIR resources, with where each fact was read.",
        AskedFacts,
        reply_to_facts,
        ChartFacts,
    ),
    Question("/api/graph", "Draw the explanation graph of the answer.", AskedGraph, reply_to_graph, None),
)
