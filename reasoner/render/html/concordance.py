"""What the guideline said of each course when it was given, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.engine.phrases import guideline_words
from reasoner.errors import printable
from reasoner.queries.concordance import Concordance, CourseVerdict
from reasoner.render.concordance import MARKS, course_words, lines, verdict_words
from reasoner.render.html.document import document, items, tag

__all__ = ["render_concordance_page"]


def render_concordance_page(results: Sequence[Concordance], info: GuidelineInfo, model: GuidelineModel) -> str:
    """Render the courses of patients as an HTML page that loads nothing and runs nothing."""
    title = model.say("concordance_title", info.title)
    about = "".join(tag("p", words) for words in (guideline_words(info, model), info.digest[:19]))
    body = (
        f"<header>\n<h1>{escape(title)}</h1>\n{about}{tag('p', info.disclaimer, 'disclaimer')}</header>\n"
        f"<main>\n{''.join(map(patient, results))}</main>"
    )
    return document(title, body, model, ("report.css", "concordance.css"))


def patient(result: Concordance) -> str:
    name = result.model.say("patient", printable(result.patient))
    courses = "".join(section(course, result) for course in result.courses)
    return f"<section>\n{tag('h2', name)}{courses}{items(map(printable, result.notes), 'notes')}</section>\n"


def section(course: CourseVerdict, result: Concordance) -> str:
    told = "".join(tag("li", line.text, line.kind) for line in lines(course, result))
    return (
        f'<article class="course {MARKS[course.verdict]}">\n{tag("h3", course_words(course, result.model))}'
        f"{tag('p', verdict_words(course, result.model), 'verdict')}<ul>{told}</ul>\n</article>\n"
    )
