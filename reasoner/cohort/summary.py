"""A cohort's answers in sum: as text, and as a page with bars."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.phrases import guideline_words, setting_words
from reasoner.render.layout import TextLayout

__all__ = ["to_html", "to_text"]

FINDINGS = {
    "nothing_recommended": "found_nothing_recommended",
    "incomplete": "found_incomplete",
    "recommended_and_excluded": "found_recommended_and_excluded",
}


class Bar(NamedTuple):
    """A line of the summary: what is counted, how often, and how much of it is certain, where that is told."""

    words: str
    times: int
    certain: int | None = None


class Chart(NamedTuple):
    """Bars under a heading."""

    heading: str
    bars: tuple[Bar, ...]


def number(counts: Mapping[str, object], name: str) -> int:
    value = counts.get(name, 0)
    return value if isinstance(value, int) else 0


def table(summary: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = summary.get(name, {})
    return value if isinstance(value, Mapping) else {}


def charts(summary: Mapping[str, object], model: GuidelineModel) -> Iterator[Chart]:
    """Yield what a summary counts, the most frequent first."""
    say = model.say

    def ordered(bars: Iterator[Bar]) -> tuple[Bar, ...]:
        return tuple(sorted((bar for bar in bars if bar.times), key=lambda bar: (-bar.times, bar.words)))

    def held(name: str, kind: str, names: tuple[str, ...]) -> tuple[Bar, ...]:
        counts = table(summary, name)
        return ordered(
            Bar(
                model.label(kind, own),
                number(counts, f"{own} certain") + number(counts, f"{own} conditional"),
                number(counts, f"{own} certain"),
            )
            for own in names
        )

    settings = table(summary, "settings")
    first = table(summary, "recommended")
    missing = table(summary, "missing")
    labels = {fact.name: fact.label for fact in model.facts}
    yield Chart(say("heading_settings"), ordered(Bar(setting_words(s, model), number(settings, s)) for s in settings))
    yield Chart(
        say("heading_first"),
        ordered(Bar(model.label("regimen", r), number(first, f"{r} first")) for r in model.regimens),
    )
    yield Chart(say("heading_recommended"), held("recommended", "regimen", model.regimens))
    yield Chart(say("heading_excluded"), held("excluded", "regimen", model.regimens))
    yield Chart(say("heading_actions"), held("actions", "action_name", model.actions))
    yield Chart(
        say("heading_missing"),
        ordered(Bar(missing_words(name, labels, model), number(missing, name)) for name in missing),
    )
    found = table(summary, "findings")
    yield Chart(say("heading_findings"), ordered(Bar(say(FINDINGS[name]), number(found, name)) for name in found))


def missing_words(name: str, labels: Mapping[str, str], model: GuidelineModel) -> str:
    fact, _, member = name.partition("[")
    label = labels.get(fact, fact)
    return model.say("member", model.label("drug", member[:-1]), label) if member else label


def to_text(
    summary: Mapping[str, object], info: GuidelineInfo, model: GuidelineModel, width: int = 80, colour: bool = False
) -> str:
    """Render a summary as text of at most `width` columns."""
    page = TextLayout(width, colour)
    answered = number(summary, "answered")
    page.item("", title_of(info, model), "heading", indent=0)
    for words in totals(summary, model):
        page.item("", words, indent=0)
    for chart in charts(summary, model):
        if chart.bars:
            page.heading(chart.heading)
            for bar in chart.bars:
                page.item(f"{bar.times:>9}  {share(bar.times, answered):>4}  ", bar_words(bar, model), indent=17)
    return page.closing(info)


def title_of(info: GuidelineInfo, model: GuidelineModel) -> str:
    return model.say("cohort_title", guideline_words(info, model))


def totals(summary: Mapping[str, object], model: GuidelineModel) -> Iterator[str]:
    """Say how many rows there are, and what of them is unusual."""
    answered, rejects, distinct = (str(number(summary, name)) for name in ("answered", "rejects", "distinct_explanations"))
    yield model.say("cohort_totals", answered, rejects, distinct)
    if repeated := number(summary, "repeated_ids"):
        yield model.say("cohort_repeated", str(repeated))
    if "without_courses" in summary:
        yield model.say("cohort_without_courses", str(number(summary, "without_courses")))


def bar_words(bar: Bar, model: GuidelineModel) -> str:
    if bar.certain is None or bar.certain == bar.times:
        return bar.words
    return model.say("partly_certain", bar.words, str(bar.certain))


def share(times: int, total: int) -> str:
    return f"{100 * times / total:.0f}%" if total else ""


STYLE = (
    ":root { color-scheme: light dark; } body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; "
    "padding: 0 1rem; } table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 400; "
    "width: 45%; } td, th { padding: 0.15rem 0.4rem; vertical-align: top; } .times { text-align: right; width: 8rem; } "
    "meter { width: 100%; }"
)


def to_html(summary: Mapping[str, object], info: GuidelineInfo, model: GuidelineModel) -> str:
    """Render a summary as a page that needs nothing from outside and runs nothing."""
    answered = max(1, number(summary, "answered"))
    hashed = b64encode(sha256(STYLE.encode()).digest()).decode()
    title = escape(title_of(info, model))
    said = "".join(f"<p>{escape(words)}</p>\n" for words in (*totals(summary, model), info.digest))
    sections = "".join(section(chart, answered, model) for chart in charts(summary, model) if chart.bars)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hashed}'\">\n"
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n<main><h1>{title}</h1>\n"
        f"{said}<p><strong>{escape(info.disclaimer)}</strong></p>\n"
        f"{sections}</main></body></html>\n"
    )


def section(chart: Chart, answered: int, model: GuidelineModel) -> str:
    rows = "".join(row(bar, answered, model) for bar in chart.bars)
    return f"<h2>{escape(chart.heading.capitalize())}</h2>\n<table>{rows}</table>\n"


def row(bar: Bar, answered: int, model: GuidelineModel) -> str:
    label = escape(bar_words(bar, model))
    part = bar.times / answered
    return (
        f'<tr><th scope="row">{label}</th><td class="times">{bar.times} <small>{share(bar.times, answered)}</small></td>'
        f'<td><meter value="{part:.4f}" aria-label="{label}">{part:.0%}</meter></td></tr>\n'
    )
