"""No text of any case has a phrase that a clinician stumbles over: the machinery, double negatives, wrong grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from graphs.argument import argument_graph
from graphs.tree import to_tree
from reasoner import Guideline
from reasoner.engine.answer import Answer
from reasoner.queries.ask import ask
from reasoner.queries.pathway import pathway
from reasoner.queries.what_if import what_if
from reasoner.queries.why import why
from reasoner.queries.why_not import why_not
from reasoner.render import answer as answer_text
from reasoner.render import ask as ask_text
from reasoner.render import pathway as pathway_text
from reasoner.render import what_if as what_if_text
from reasoner.render import why as why_text
from reasoner.render import why_not as why_not_text
from reasoner.serve.drafts import about_patient

LOST = (
    "by no other ground", "addressed, by", "out of scope, by", "no record of", "no a ", "no the ", "being unavailable",
    "a reason to", "a reason not", "a reason against", "placement in", "as the setting",
    "the absence of", "a ground that takes precedence", "does not fire", "y definition", "[not derived]",
    "The guideline recommends no regimen", "rank depends on unrecorded", "this is the best", "decline (heart failure",
    "first the one, then the other", "Discontinue trastuzumab", "contrary to the record", "SMALLEST CHANGES", "CUT after",
    "more would be recommended", "Nearest statement", "unavailability of trastuzumab +", "each decides", "rank open",
    "all its drugs in one course", "Readings that make a difference",
)  # fmt: skip


def texts(guideline: Guideline, data: dict[str, Any], number: int) -> Iterator[tuple[str, str]]:
    """Yield what is printed of a record: every kind of text, of two regimens why and why not."""
    record, answer = guideline.record(data), guideline.answer(data)
    yield "recommend", answer_text.render(answer)
    regimens = guideline.model.regimens
    for regimen in (regimens[number % len(regimens)], regimens[(number + 5) % len(regimens)]):
        yield f"why {regimen}", why_text.render(why(answer, regimen, depth=1))
        yield f"why-not {regimen}", why_not_text.render(why_not(guideline, record, regimen))
    for name in others(answer):
        yield f"why {name}", why_text.render(why(answer, name, depth=1))
    yield "ask", ask_text.render(ask(guideline, record))
    yield "what-if", what_if_text.render(what_if(guideline, record, ["interstitial_lung_disease=true"]))
    yield "pathway", pathway_text.render(pathway(guideline, record, lines=1))
    yield "graph", to_tree(argument_graph(answer))
    for draft in about_patient(answer):
        yield "card", " ".join((draft.summary, *(part for line in draft.lines for part in (line.heading, *line.parts))))


def others(answer: Answer) -> Iterator[str]:
    if answer.setting in answer.derivation.model.settings:
        yield answer.setting
    yield from (entry.action for entry in answer.actions[:2])


@pytest.mark.parametrize("part", range(4))
def test_no_text_of_a_case_has_a_lost_phrase(part: int, curated: Guideline) -> None:
    cases = list(curated.cases().items())
    found = []
    for number in range(part, len(cases), 4):
        name, case = cases[number]
        for kind, text in texts(curated.with_readings(case.readings), case.record, number):
            shown = re.sub(r"\s+", " ", text)
            found += [(name, kind, phrase) for phrase in LOST if phrase in shown]
    assert found == []
