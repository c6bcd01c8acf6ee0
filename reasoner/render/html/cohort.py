"""The summary of a cohort's answers, as a page."""

from __future__ import annotations

from html import escape

from reasoner.cohort.summary import Summary
from reasoner.compiler.model import GuidelineModel
from reasoner.render.cohort import Bar, Chart, bar_words, charts, share, title_of, totals
from reasoner.render.html.document import document, tag

__all__ = ["render_summary_page"]


def render_summary_page(summary: Summary, model: GuidelineModel) -> str:
    """Render a summary as an HTML page that loads nothing and runs nothing."""
    info, answered = summary.guideline, max(1, summary.answered)
    title = title_of(summary, model)
    counted = "".join(tag("p", words) for words in (*totals(summary, model), info.digest[:19]))
    sections = "".join(section(chart, answered, model) for chart in charts(summary, model))
    body = (
        f"<header>\n<h1>{escape(title)}</h1>\n{counted}{tag('p', info.disclaimer, 'disclaimer')}</header>\n"
        f"<main>\n{sections}</main>"
    )
    return document(title, body, model, ("report.css", "cohort.css"))


def section(chart: Chart, answered: int, model: GuidelineModel) -> str:
    rows = "".join(row(bar, answered, model) for bar in chart.bars)
    return f"<h2>{escape(chart.heading.capitalize())}</h2>\n<table>{rows}</table>\n"


def row(bar: Bar, answered: int, model: GuidelineModel) -> str:
    label = escape(bar_words(bar, model))
    part, percent = bar.patients / answered, share(bar.patients, answered)
    return (
        f'<tr><th scope="row">{label}</th><td class="times">{bar.patients} <small>{percent}</small></td>'
        f'<td class="bar"><meter value="{part:.4f}" aria-label="{label}">{part:.0%}</meter></td></tr>\n'
    )
