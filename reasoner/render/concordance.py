"""What the guideline said of each course when it was given, as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import CERTAIN
from reasoner.engine.predicates import RECOMMENDED
from reasoner.engine.way_phrases import requirements_of
from reasoner.errors import printable
from reasoner.queries.concordance import Concordance, CourseVerdict, Verdict
from reasoner.render.layout import TextLayout
from reasoner.render.short_names import ShortNames

__all__ = ["MARKS", "course_words", "lines", "render", "verdict_words"]

WORDS = {
    "first_choice": "concordance_first_choice",
    "recommended": "concordance_recommended",
    "excluded": "concordance_excluded",
    "not_recommended": "concordance_not_recommended",
    "silent": "concordance_silent",
    "out_of_scope": "concordance_out_of_scope",
}
MARKS: dict[Verdict, str] = {
    "first_choice": "certain",
    "recommended": "certain",
    "conditional": "conditional",
    "excluded": "against",
    "not_recommended": "against",
    "silent": "faint",
    "out_of_scope": "faint",
}


class Line(NamedTuple):
    """A sentence on a course; its kind is "reason", "open" for what keeps the verdict from being final, or "source"."""

    kind: Literal["reason", "open", "source"]
    text: str


LEADS = {"reason": ("  -", ""), "open": ("  ?", "conditional"), "source": ("", "faint")}


def render(result: Concordance, width: int = 80, colour: bool = False) -> str:
    """Render the result as text of at most `width` columns."""
    model = result.model
    page = TextLayout(width, colour, ShortNames(model))
    page.opening(result.patient, result.guideline, model)
    for course in result.courses:
        page.blank()
        verdict = verdict_words(course, model)
        page.item("", model.say("labelled", course_words(course, model), verdict), MARKS[course.verdict], indent=0)
        for line in lines(course, result):
            lead, mark = LEADS[line.kind]
            page.item(lead, line.text, mark)
    for note in result.notes:
        page.blank()
        page.item("", printable(note), "faint", indent=0)
    return page.closing(result.guideline)


def course_words(course: CourseVerdict, model: GuidelineModel) -> str:
    """Name a course by its number and its drugs."""
    drugs = model.say("plus").join(model.label("drug", drug) for drug in course.drugs)
    return model.say("concordance_course", str(course.course), drugs)


def lines(course: CourseVerdict, result: Concordance) -> Iterator[Line]:
    """Yield the reasons for the verdict on a course, what it hangs on, and where the course was read."""
    model, say = result.model, result.model.say
    if course.regimen is None:
        yield Line("reason", say("sentence", say("concordance_no_regimen")))
    yield from (Line("reason", text) for text in course.because)
    first = [entry for entry in course.answer.recommended if entry.rank == 1 and entry.certainty == CERTAIN]
    if first and course.verdict not in ("first_choice", "not_recommended"):
        choices = (model.label("regimen", entry.regimen) for entry in first)
        yield Line("reason", say("sentence", say("concordance_first_choices", say("or").join(choices))))
    if course.missing and course.verdict != "conditional":
        yield Line("open", say("sentence", say("concordance_missing", facts(course.missing, model))))
    if course.assumes_now:
        yield Line("open", say("sentence", say("concordance_assumes_now", facts(course.assumes_now, model))))
    if course.told_later:
        yield Line("open", say("sentence", say("concordance_told_later", facts(course.told_later, model))))
    if read := read_from(course, result):
        yield Line("source", say("sentence", say("concordance_read_from", read)))


def read_from(course: CourseVerdict, result: Concordance) -> str:
    """Name the first resource that tells of each drug of a course."""
    places = re.compile(rf"\w+\[{course.course - 1}\]\.drugs\[")
    told = dict.fromkeys(words[0] for place, words in result.sources.items() if places.match(place))
    return result.model.say("and").join(told)


def facts(names: Iterable[str], model: GuidelineModel) -> str:
    return model.say("and").join(model.label("fact", name) for name in names)


def verdict_words(course: CourseVerdict, model: GuidelineModel) -> str:
    """Say the verdict on a course; of a conditional one, under what it was recommended."""
    if course.verdict != "conditional":
        return model.say(WORDS[course.verdict])
    assert course.regimen is not None
    return model.say("concordance_conditional", requirements_of(RECOMMENDED, course.regimen, course.answer.derivation))
